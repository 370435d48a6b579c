//! What the commands that read a document have in common: the document, and the secrets that are looked for in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::config::Secrets;
use crate::policy::Policy;

/// A document: a file, or standard input.
pub(super) struct Input {
    /// How it is called in messages.
    pub(super) name: String,
    pub(super) reader: Box<dyn Read>,
}

/// Opens a file, or standard input for none or `-`.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub(super) fn open(file: Option<&Path>) -> Result<Input, String> {
    match file.filter(|path| *path != Path::new("-")) {
        None => Ok(Input {
            name: "standard input".to_owned(),
            reader: Box::new(io::stdin().lock()),
        }),
        Some(path) => Ok(Input {
            name: path.display().to_string(),
            reader: open_file(path).map_err(|why| format!("{}: {why}", path.display()))?,
        }),
    }
}

fn open_file(path: &Path) -> Result<Box<dyn Read>, String> {
    let file = File::open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            "there is no such file; leave the name out, or give -, to read standard input"
                .to_owned()
        } else if error.kind() == io::ErrorKind::PermissionDenied {
            "may not be read; check its permissions".to_owned()
        } else {
            format!("cannot be opened: {error}")
        }
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err("is a directory; name a file in it".to_owned()),
        Ok(_) | Err(_) => Ok(Box::new(file)),
    }
}

/// How bytes are compressed, and what undoes it. Nobody scrubs such bytes on purpose; the first of them tell.
pub(super) fn compression(start: &[u8]) -> Option<(&'static str, &'static str)> {
    if start.starts_with(b"\x1f\x8b") {
        return Some(("gzip", "gunzip -c FILE"));
    }
    if start.starts_with(b"\x28\xb5\x2f\xfd") {
        return Some(("zstd", "zstd -dc FILE"));
    }
    None
}

/// Secrets that are looked for beside those of the configuration.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SecretChoice {
    /// Also take out the value of this environment variable wherever it stands; may be given more than once
    #[arg(long, value_name = "NAME")]
    secret_env: Vec<String>,
    /// Also take out what is in this file, or in files that a pattern meets; may be given more than once
    #[arg(long, value_name = "PATH")]
    secret_file: Vec<String>,
}

impl SecretChoice {
    /// The policy with these secrets.
    ///
    /// # Errors
    /// All that is wrong with them, a line each.
    pub(super) fn add_to(self, policy: &Policy) -> Result<Policy, String> {
        let secrets = Secrets {
            env: self.secret_env,
            files: self.secret_file,
        };
        let secrets = secrets
            .read_as("--secret-env", "--secret-file")
            .map_err(|problems| problems.join("\n"))?;
        policy
            .with_known_secrets(secrets.values())
            .map_err(|error| error.to_string())
    }
}
