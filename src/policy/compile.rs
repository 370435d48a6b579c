//! Packs to a [`Plan`]. All problems are collected; a rule without a way in, or one that its own examples contradict, is one.

use std::collections::BTreeSet;

use super::pack::{Action, DocumentKind, Force, Name, Pack, Place};
use crate::scrub::{
    Document, Forced, Kinds, NameRule, PathRule, Plan, PlanBuilder, SafeNames, Treatment,
};

/// Compiles packs, each with the name of its file.
pub(super) fn compile(packs: &[(&str, Pack)]) -> Result<Plan, Vec<String>> {
    let mut builder = PlanBuilder::new();
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    for (file, pack) in packs {
        let mut problem =
            |id: &str, what: &str| problems.push(format!("{file}: rule '{id}': {what}"));
        for rule in &pack.name {
            if !ids.insert(rule.id.clone()) {
                problem(&rule.id, "its id stands twice");
            }
            if rule.exact.is_empty()
                && rule.last.is_empty()
                && rule.any.is_empty()
                && rule.gap.is_empty()
            {
                problem(
                    &rule.id,
                    "it names nothing: give it 'exact', 'last', 'any' or 'gap'",
                );
            }
            if rule.places.is_empty() {
                problem(&rule.id, "it applies nowhere: 'in' is empty");
            }
            if rule.description.is_empty() {
                problem(&rule.id, "it has no description");
            }
            if rule.matches.is_empty() || rule.ignores.is_empty() {
                problem(
                    &rule.id,
                    "it has no evidence: give it 'matches' and 'ignores'",
                );
            }
            let compiled = name_rule(rule);
            for (phrase, other) in builder.clashes(&compiled) {
                problem(
                    &rule.id,
                    &format!(
                        "it names '{phrase}' as rule '{other}' does, with another 'do'; only one can be done"
                    ),
                );
            }
            builder.name_rule(&compiled);
        }
        for rule in &pack.path {
            if !ids.insert(rule.id.clone()) {
                problem(&rule.id, "its id stands twice");
            }
            if rule.description.is_empty() || rule.paths.is_empty() {
                problem(&rule.id, "it needs a description and at least one path");
            }
            for path in &rule.paths {
                builder.path_rule(&PathRule {
                    id: rule.id.clone(),
                    document: document(rule.document),
                    path: steps(path),
                    treatment: treatment(rule.action),
                });
            }
        }
        for exempt in &pack.not_pairs {
            for path in &exempt.paths {
                builder.not_pairs(document(exempt.document), &steps(path));
            }
        }
        for force in &pack.force {
            match (force.document, forced(force)) {
                (None, _) => problems.push(format!(
                    "{file}: forced member '{}': it names no document",
                    force.key
                )),
                (_, Err(what)) => {
                    problems.push(format!("{file}: forced member '{}': {what}", force.key))
                }
                (Some(kind), Ok(forced)) => builder.forced(document(kind), forced),
            }
        }
        for (suffix, stands_for) in &pack.suffixes {
            builder.suffix(suffix, stands_for);
        }
        builder.safe_names(&SafeNames {
            exact: pack.safe.exact.clone(),
            last: pack.safe.last.clone(),
            counters: pack
                .safe
                .counters
                .iter()
                .flat_map(|(plural, words)| {
                    words.iter().map(move |word| (word.clone(), plural.clone()))
                })
                .collect(),
            prefixes: pack
                .prefix
                .iter()
                .map(|prefix| (prefix.text.clone(), kinds(&prefix.then)))
                .collect(),
        });
    }
    let plan = builder.build();
    for (file, pack) in packs {
        for rule in &pack.name {
            try_examples(&plan, file, rule, &mut problems);
        }
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(problems)
    }
}

/// Every example that should match is covered (by this rule or an earlier one), and none that should not be.
fn try_examples(plan: &Plan, file: &str, rule: &Name, problems: &mut Vec<String>) {
    for example in &rule.matches {
        if plan.rule_for_name(example, kinds(&rule.places)).is_none() {
            problems.push(format!(
                "{file}: rule '{}': its example '{example}' does not match",
                rule.id
            ));
        }
    }
    for example in &rule.ignores {
        if plan.rule_for_name(example, kinds(&rule.places)) == Some(rule.id.as_str()) {
            problems.push(format!(
                "{file}: rule '{}': '{example}' matches and should not",
                rule.id
            ));
        }
    }
}

fn name_rule(rule: &Name) -> NameRule {
    NameRule {
        id: rule.id.clone(),
        kinds: kinds(&rule.places),
        treatment: rule.action.map(treatment),
        exact: rule.exact.clone(),
        last: rule.last.clone(),
        any: rule.any.clone(),
        gap: rule.gap.clone(),
    }
}

fn forced(force: &Force) -> Result<Forced, String> {
    if serde_json::from_str::<serde_json::Value>(&force.value).is_err() {
        return Err("its value is no JSON".to_owned());
    }
    Ok(Forced {
        key: force.key.clone(),
        literal: force.value.clone(),
        inside: force.inside.iter().map(forced).collect::<Result<_, _>>()?,
    })
}

fn steps(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

fn kinds(places: &[Place]) -> Kinds {
    places.iter().fold(Kinds::NONE, |kinds, place| {
        kinds.or(match place {
            Place::Header => Kinds::HEADER,
            Place::Param => Kinds::PARAM,
            Place::Key => Kinds::KEY,
        })
    })
}

fn treatment(action: Action) -> Treatment {
    match action {
        Action::Leaves => Treatment::Leaves,
        Action::Replace => Treatment::Replace,
        Action::Null => Treatment::Null,
        Action::Cookies => Treatment::Cookies,
        Action::Query => Treatment::Query,
        Action::Text => Treatment::Text,
        Action::NotNames => Treatment::NotNames,
    }
}

fn document(kind: DocumentKind) -> Document {
    match kind {
        DocumentKind::Event => Document::Event,
        DocumentKind::Container => Document::Container,
        DocumentKind::Session => Document::Session,
        DocumentKind::Other => Document::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pack::read_pack;

    #[test]
    fn one_phrase_with_two_treatments_is_a_problem() {
        let rule = |id: &str, places: &str, rest: &str| {
            format!(
                "[[name]]\nid = 'p.{id}'\ndescription = 'd'\nin = [{places}]\nmatches = ['x-cookie-jar', 'jar']\nignores = ['y']\n{rest}\n"
            )
        };
        for (first, second, phrase) in [
            (
                "exact = ['jar', 'xCookieJar']",
                "exact = ['jar']\ndo = 'cookies'",
                Some("jar"),
            ),
            // However it is spelt.
            (
                "exact = ['jar', 'x-cookie-jar']",
                "exact = ['X_COOKIE_JAR']\ndo = 'null'",
                Some("X_COOKIE_JAR"),
            ),
            ("any = ['jar']", "any = ['jar']\ndo = 'query'", Some("jar")),
            (
                "last = ['jar']",
                "last = ['jar']\ndo = 'query'",
                Some("jar"),
            ),
            (
                "any = ['jar']\ngap = [['x', 'z']]",
                "gap = [['x', 'z']]\nany = ['jar']\ndo = 'leaves'",
                None,
            ),
            (
                "any = ['jar']\ngap = [['x', 'z']]",
                "any = ['other']\ngap = [['x', 'z']]\ndo = 'text'",
                Some("x … z"),
            ),
            ("any = ['jar']", "any = ['jar']", None),
            // The whole name is the narrower of the two, and comes first by that.
            ("any = ['jar']", "exact = ['jar']\ndo = 'query'", None),
        ] {
            // Also in different places: the first rule's treatment would be that of both.
            let text = format!(
                "pack = 'p'\nversion = 1\ndescription = 'd'\n{}{}",
                rule("first", "'key'", first),
                rule("second", "'header', 'key'", second)
            );
            let pack = read_pack("p.toml", &text).unwrap();
            let problems = compile(&[("p.toml", pack)]).err().unwrap_or_default();
            let clashes: Vec<&String> = problems
                .iter()
                .filter(|it| it.contains("another 'do'"))
                .collect();
            let expected = phrase.map(|phrase| {
                format!("p.toml: rule 'p.second': it names '{phrase}' as rule 'p.first' does, with another 'do'; only one can be done")
            });
            assert_eq!(
                clashes,
                expected.iter().collect::<Vec<_>>(),
                "{first} / {second}"
            );
        }
    }
}
