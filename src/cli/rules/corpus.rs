//! The documents of `rules diff`: files, and folders of them, each in the format that it most likely has.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::config::reading;
use crate::scrub::Format;

/// All files that the paths name, those of a folder in the order of their names, with what is in it at any depth. Hidden files of
/// folders don't count.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let said = |error: std::io::Error| reading::about(folder, &error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(said)? {
        let entry = entry.map_err(said)?;
        // A link to a folder is not followed: it may lead back here.
        let is_folder = entry.file_type().map_err(said)?.is_dir();
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push((entry.path(), is_folder));
        }
    }
    entries.sort();
    for (path, is_folder) in entries {
        if is_folder {
            walk(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// What a file has, if it is a document at all.
pub(super) fn read(path: &Path) -> Result<Bytes, String> {
    let body = std::fs::read(path).map_err(|error| reading::about(path, &error))?;
    for (magic, what) in [(&b"\x1f\x8b"[..], "gzip"), (b"\x28\xb5\x2f\xfd", "zstd")] {
        if body.starts_with(magic) {
            return Err(format!(
                "{}: is {what} data; unpack it first",
                path.display()
            ));
        }
    }
    Ok(Bytes::from(body))
}

/// The format by the ending of the file's name; else by how it begins.
pub(in crate::cli) fn guess(path: &Path, body: &[u8]) -> Format {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => Format::Json,
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("envelope") => Format::Envelope,
        Some("txt" | "log") => Format::Text,
        _ => by_content(body),
    }
}

/// One JSON value in the first line and one with a `type` in the second is an envelope; else what begins as JSON is that.
fn by_content(body: &[u8]) -> Format {
    let mut lines = body.splitn(3, |byte| *byte == b'\n');
    let mut object = || -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(lines.next()?).ok()
    };
    if object().is_some() {
        match object() {
            Some(header) if header.contains_key("type") => return Format::Envelope,
            Some(_) => return Format::Ndjson,
            None => return Format::Json,
        }
    }
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => Format::Json,
        _ => Format::Text,
    }
}
