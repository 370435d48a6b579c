//! Where the scrubber is, as reports show it.

use super::{JsonScrubber, SECRET_KEY_BYTES};
use crate::scrub::splice::Splicer;

/// A key as reports show it: as it is, unless it could hold something.
pub(super) fn shown(key: &[u8], denied: bool) -> String {
    let plain = key.len() <= 64
        && !key.is_empty()
        && key.iter().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ' | b':' | b'/')
        });
    let like_a_secret = key.len() >= SECRET_KEY_BYTES && key.iter().any(u8::is_ascii_digit);
    if plain && !like_a_secret && !(denied && key.len() > 64) {
        String::from_utf8_lossy(key).into_owned()
    } else {
        "*".to_owned()
    }
}

impl JsonScrubber {
    /// The key that has been read does not leave as it is, and is not shown.
    pub(super) fn hide_key(&mut self, splicer: &Splicer) {
        if splicer.path.is_some()
            && let Some(key) = self.keys_path.last_mut()
        {
            "*".clone_into(key);
        }
    }

    pub(super) fn note_path(&mut self, index: Option<u32>, splicer: &mut Splicer) {
        let depth = self.frames.len();
        self.keys_path
            .resize(depth.max(self.keys_path.len()), String::new());
        self.keys_path.truncate(depth);
        if let Some(index) = index
            && let Some(last) = self.keys_path.last_mut()
        {
            *last = format!("[{index}]");
        }
        if let Some(path) = &mut splicer.path {
            path.clear();
            for part in &self.keys_path {
                if !path.is_empty() && !part.starts_with('[') {
                    path.push('.');
                }
                path.push_str(part);
            }
        }
    }
}
