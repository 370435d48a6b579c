//! Why a file could not be read or written: in words, with what to do, and without the number that the system has for it.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// The text of a file, or what is wrong with it; that begins with its name.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| about(path, &error))
}

/// Why this file or folder could not be read.
pub(crate) fn about(path: &Path, error: &Error) -> String {
    format!("{}: {}", path.display(), why(path, error))
}

/// The same without the name.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system has a hundred; all others are named as it names them"
)]
pub(crate) fn why(path: &Path, error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::NotFound if path.is_absolute() => "there is no such file",
        ErrorKind::NotFound => {
            "there is no such file; a relative name is looked for from the working directory"
        }
        ErrorKind::PermissionDenied => {
            "may not be read by this user; check its permissions and those of its folders"
        }
        ErrorKind::IsADirectory => "is a directory; name the file in it",
        ErrorKind::NotADirectory => "there is no such file; a part of its path is no directory",
        ErrorKind::InvalidData => "is not UTF-8; is it the file that is meant?",
        _ => return format!("can't be read: {}", bare(error)),
    };
    why.to_owned()
}

/// Why this file could not be made.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system has a hundred; all others are named as it names them"
)]
pub(crate) fn not_made(path: &Path, error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::AlreadyExists => {
            "is there already, and is not overwritten; give another name, or remove it"
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            "its directory is not there; make that first"
        }
        ErrorKind::PermissionDenied => {
            "may not be made by this user; check the permissions of its directory"
        }
        ErrorKind::ReadOnlyFilesystem => "stands where nothing can be written; name another place",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "there is no room for it; make some, or name another place"
        }
        _ => return format!("{}: can't be written: {}", path.display(), bare(error)),
    };
    format!("{}: {why}", path.display())
}

/// What the system says, without its number: `Input/output error (os error 5)`.
fn bare(error: &Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
