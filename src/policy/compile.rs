//! Packs to a [`Plan`]. All problems are collected; a rule without a way in, or one that its own examples contradict, is one.

use std::collections::BTreeSet;

use std::sync::Arc;

use bytes::Bytes;

use super::pack::{Action, Detect, Detector, DocumentKind, Force, Name, Pack, Place};
use crate::scrub::{
    Document, Forced, Format, Kinds, Limits, NameRule, Output, PathRule, Plan, PlanBuilder,
    SafeNames, Scrubber, Treatment,
};

/// Compiles packs, each with the name of its file.
pub(super) fn compile(packs: &[(&str, Pack)]) -> Result<Arc<Plan>, Vec<String>> {
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
            builder.name_rule(&name_rule(rule));
            builder.hosts(&rule.hosts);
        }
        for rule in &pack.detect {
            if !ids.insert(rule.id.clone()) {
                problem(&rule.id, "its id stands twice");
            }
            if rule.description.is_empty() || rule.matches.is_empty() || rule.ignores.is_empty() {
                problem(
                    &rule.id,
                    "it needs a description, and evidence: 'matches' and 'ignores'",
                );
            }
            match rule.what {
                Detector::UserInfo => builder.user_info_rule(&rule.id),
            }
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
    let plan = Arc::new(builder.build());
    for (file, pack) in packs {
        for rule in &pack.name {
            try_examples(&plan, file, rule, &mut problems);
        }
        for rule in &pack.detect {
            try_texts(&plan, file, rule, &mut problems);
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
    let kinds = places(rule);
    for example in &rule.matches {
        if plan.rule_for_name(example, kinds).is_none() {
            problems.push(format!(
                "{file}: rule '{}': its example '{example}' does not match",
                rule.id
            ));
        }
    }
    for example in &rule.ignores {
        if plan.rule_for_name(example, kinds) == Some(rule.id.as_str()) {
            problems.push(format!(
                "{file}: rule '{}': '{example}' matches and should not",
                rule.id
            ));
        }
    }
}

/// Each text that should match has something redacted by this rule, and none of the others.
fn try_texts(plan: &Arc<Plan>, file: &str, rule: &Detect, problems: &mut Vec<String>) {
    for (texts, wanted) in [(&rule.matches, true), (&rule.ignores, false)] {
        for text in texts {
            if redacts(plan, text, &rule.id) != wanted {
                let what = if wanted {
                    "does not match"
                } else {
                    "matches and should not"
                };
                problems.push(format!("{file}: rule '{}': '{text}' {what}", rule.id));
            }
        }
    }
}

fn redacts(plan: &Arc<Plan>, text: &str, id: &str) -> bool {
    let mut scrubber = Scrubber::new(Arc::clone(plan), Format::Text, &Limits::default());
    let mut output = Output::new();
    let done = scrubber
        .push(Bytes::from(text.to_owned()), &mut output)
        .and_then(|()| scrubber.finish(&mut output));
    let counts = &scrubber.report().redactions;
    let by_rule = plan
        .rule_ids()
        .iter()
        .zip(counts)
        .any(|(known, count)| known == id && *count > 0);
    done.is_ok() && by_rule
}

/// The kinds of place in which a rule's names count.
fn places(rule: &Name) -> Kinds {
    if rule.hosts.is_empty() {
        kinds(&rule.places)
    } else {
        Kinds::HOSTED
    }
}

fn name_rule(rule: &Name) -> NameRule {
    NameRule {
        id: rule.id.clone(),
        kinds: places(rule),
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
