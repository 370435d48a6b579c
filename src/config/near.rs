//! What a misspelt key most likely means, and what there is where none is near.

use super::keys::{Key, keys};

/// The names of all sections.
pub(super) fn sections() -> Vec<&'static str> {
    let parts = keys().filter_map(|key| key.name.rsplit_once('.'));
    let mut sections: Vec<&str> = parts.map(|(of, _)| of).collect();
    sections.dedup();
    sections
}

/// Whether a configuration has a section of this name, or a list of tables.
pub(crate) fn is_section(name: &str) -> bool {
    name == super::keys::PROJECTS || sections().contains(&name)
}

/// The section that this name most likely means.
pub(super) fn near_section(name: &str) -> Option<&'static str> {
    let distance = |of: &'static str| is_near(name, of).then(|| strsim::osa_distance(name, of));
    let near = sections()
        .into_iter()
        .filter_map(|of| Some((distance(of)?, of)));
    near.min().map(|(_, of)| of)
}

/// What there is, where no key is near: the keys of the section, or the sections.
pub(super) fn known_near(name: &str) -> String {
    let parts = || keys().filter_map(|key| key.name.rsplit_once('.'));
    let section = name.rsplit_once('.').map_or(name, |(of, _)| of);
    let sections = sections();
    if let Some(meant) = near_section(section) {
        let keys = parts().filter(|(of, _)| *of == meant).map(|(_, key)| key);
        return format!("[{meant}] has {}", keys.collect::<Vec<_>>().join(", "));
    }
    format!(
        "the sections are [{}]; scrubline.example.toml has every key",
        sections.join("], [")
    )
}

/// The known key that `name` most likely means, if one is a slip away. What is further off would only mislead.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    // The dot in the wrong place is a slip too.
    let flat = |name: &str| name.replace('.', "_");
    let (section, last) = name.rsplit_once('.').unwrap_or(("", name));
    let distance = |key: &Key| {
        let (of, known) = key.name.rsplit_once('.').unwrap_or(("", key.name));
        let slips = strsim::osa_distance(last, known);
        // The right key in the wrong section, or a slip in one that has no section or almost the right one.
        let near = flat(name) == flat(key.name)
            || slips == 0
            || is_near(last, known) && (section.is_empty() || is_near(section, of));
        near.then(|| (strsim::osa_distance(name, key.name), key.name))
    };
    keys().filter_map(distance).min().map(|(_, name)| name)
}

/// Whether at most a third of the letters are others: a slip, and not another word.
pub(super) fn is_near(word: &str, known: &str) -> bool {
    strsim::osa_distance(word, known) <= known.len() / 3
}
