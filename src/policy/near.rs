//! What somebody most likely meant by a word that there is not.

/// What is most likely meant, or all that there is.
pub(super) fn known(word: &str, all: &[&str]) -> String {
    match nearest(&word.to_lowercase(), all.iter().copied()) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("known: {}", all.join(", ")),
    }
}

/// The known word that is a slip away, if one is: at most a third of its letters are others. What is further off would only
/// mislead.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |known: &'a str| {
        let slips = strsim::osa_distance(word, known);
        (slips <= known.len() / 3).then_some((slips, known))
    };
    known
        .into_iter()
        .filter_map(near)
        .min()
        .map(|(_, known)| known)
}
