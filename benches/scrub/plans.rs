//! What is looked for: the default policy, all packs with known secrets, and the default with many rules of one's own.

use std::sync::Arc;

use scrubline::policy::{self, Policy};
use scrubline::scrub::Plan;

const KNOWN: usize = 100;

pub(super) fn default() -> Arc<Plan> {
    Policy::builtin(policy::DEFAULT).unwrap().plan()
}

/// The packs for personal data too, and 100 known secrets.
pub(super) fn all() -> Arc<Plan> {
    let strict = Policy::builtin("strict").unwrap();
    strict.with_known_secrets(&secrets(KNOWN)).unwrap().plan()
}

/// So many known secrets.
pub(super) fn known(count: usize) -> Arc<Plan> {
    let policy = Policy::builtin(policy::DEFAULT).unwrap();
    policy.with_known_secrets(&secrets(count)).unwrap().plan()
}

/// So many rules for tokens, beside the built-in ones.
pub(super) fn tokens(count: usize) -> Arc<Plan> {
    let mut pack = String::from("pack = \"own\"\nversion = 1\ndescription = \"Many\"\n");
    for (number, word) in words().take(count).enumerate() {
        let anchor = &word[..5];
        pack.push_str(&format!(
            "[[token]]\nid = \"own.t{number}\"\ndescription = \"One of many\"\nsource = \"none\"\nanchors = [\"{anchor}{number}_\"]\n\
             alphabet = \"base62\"\nlength = [20, 40]\nmatches = [\"{anchor}{number}_0123456789abcdefghij\"]\nignores = [\"{anchor}{number}_0\"]\n"
        ));
    }
    let own = [("own.toml".to_owned(), pack)];
    let own = if count > 0 { own.as_slice() } else { &[] };
    Policy::builtin_with(policy::DEFAULT, own).unwrap().plan()
}

fn secrets(count: usize) -> Vec<Vec<u8>> {
    words().take(count).map(String::into_bytes).collect()
}

/// Words of 16 letters by chance, always the same.
fn words() -> impl Iterator<Item = String> {
    let mut state = 42_u64;
    let mut letter = move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        char::from(b'a' + (state >> 33) as u8 % 26)
    };
    std::iter::repeat_with(move || (0..16).map(|_| letter()).collect())
}
