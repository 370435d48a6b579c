//! The examples of rules, and whether they hold: each of `matches` must be covered, none of `ignores`. Rules by name are tried
//! with all others, and tokens and detectors by themselves, so that no other rule hides what one does.

use std::sync::Arc;

use bytes::Bytes;
use toml::Spanned;

use super::compile::{detect, places};
use super::pack::{Action, Name, Place, Source};
use super::token::token_rule;
use crate::scrub::{Format, Limits, Output, Plan, PlanBuilder, Scrubber, TooManyPlaces};

/// An example and its place, as `FILE:LINE`.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) place: String,
    pub(super) text: String,
}

/// A rule's examples, and what is needed to try them.
pub(super) struct Example {
    pub(super) rule: String,
    pub(super) matches: Vec<Text>,
    pub(super) ignores: Vec<Text>,
    /// The plan with this rule alone; none for a rule by name, which needs what others say of names.
    pub(super) alone: Option<Arc<Plan>>,
    pub(super) is_key: bool,
    pub(super) is_header: bool,
    pub(super) is_parameter: bool,
}

/// The examples of all rules of a pack, as texts or names. A rule that can't be compiled has none.
pub(super) fn examples(source: &Source) -> Result<Vec<Example>, TooManyPlaces> {
    let pack = &source.pack;
    let texts = |texts: &[Spanned<String>], plain: fn(&str) -> String| -> Vec<Text> {
        let text = |text: &Spanned<String>| Text {
            place: source.place(text),
            text: plain(text.get_ref()),
        };
        texts.iter().map(text).collect()
    };
    let names = pack.name.iter().map(|rule| {
        let rule = rule.get_ref();
        let counts = |place| rule.places.contains(&place) && rule.hosts.is_empty();
        Ok(Example {
            rule: rule.id.clone(),
            matches: texts(&rule.matches, str::to_owned),
            ignores: texts(&rule.ignores, str::to_owned),
            alone: None,
            // Cookies and queries keep what is in them, as far as it is harmless.
            is_key: counts(Place::Key) && !matches!(rule.action, Some(Action::Query)),
            is_header: counts(Place::Header),
            is_parameter: counts(Place::Param),
        })
    });
    let of = |id: &str, add: &dyn Fn(&mut PlanBuilder), matches, ignores| {
        Ok(Example {
            rule: id.to_owned(),
            matches,
            ignores,
            alone: Some(alone(add)?),
            is_key: false,
            is_header: false,
            is_parameter: false,
        })
    };
    let detectors = pack.detect.iter().map(|rule| {
        let rule = rule.get_ref();
        let add = |builder: &mut PlanBuilder| detect(builder, rule);
        let (matches, ignores) = (&rule.matches, &rule.ignores);
        of(
            &rule.id,
            &add,
            texts(matches, str::to_owned),
            texts(ignores, str::to_owned),
        )
    });
    let tokens = pack.token.iter().filter_map(|rule| {
        let rule = rule.get_ref();
        let token = token_rule(rule).ok()?;
        let add = |builder: &mut PlanBuilder| builder.token_rule(&token);
        let (matches, ignores) = (&rule.matches, &rule.ignores);
        Some(of(
            &rule.id,
            &add,
            texts(matches, unmarked),
            texts(ignores, unmarked),
        ))
    });
    names.chain(detectors).chain(tokens).collect()
}

/// The plan with one rule alone.
fn alone(add: &dyn Fn(&mut PlanBuilder)) -> Result<Arc<Plan>, TooManyPlaces> {
    let mut builder = PlanBuilder::new();
    add(&mut builder);
    builder.build().map(Arc::new)
}

/// An example as it is meant: a `~` in it keeps it from being taken for a real token, and `~~` is one.
fn unmarked(example: &str) -> String {
    example
        .split("~~")
        .map(|part| part.replace('~', ""))
        .collect::<Vec<_>>()
        .join("~")
}

/// The examples of a pack that do not hold, a line each. Those of rules by name depend on other packs, too. The others don't: of a pack that
/// is built in, they were tried when it was built.
pub(super) fn problems(source: &Source, plan: &Arc<Plan>) -> Vec<String> {
    let mut problems = Vec::new();
    for rule in &source.pack.name {
        try_names(source, plan, rule.get_ref(), &mut problems);
    }
    if !source.is_built_in {
        problems.extend(problems_alone(source));
    }
    problems
}

/// The same of the rules that are tried by themselves.
pub(super) fn problems_alone(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    let examples = match examples(source) {
        Ok(examples) => examples,
        Err(error) => return vec![error.to_string()],
    };
    for example in &examples {
        let Some(alone) = &example.alone else {
            continue;
        };
        for (texts, wanted) in [(&example.matches, true), (&example.ignores, false)] {
            for Text { place, text } in texts {
                if redacts(alone, text, &example.rule) != wanted {
                    problems.push(failed(place, &example.rule, text, wanted));
                }
            }
        }
    }
    problems
}

/// Every name that should match is covered (by this rule or an earlier one), and none by it that should not be.
fn try_names(source: &Source, plan: &Plan, rule: &Name, problems: &mut Vec<String>) {
    let kinds = places(rule);
    for example in &rule.matches {
        let name = example.get_ref();
        if plan.rule_for_name(name, kinds).is_none() {
            problems.push(failed(&source.place(example), &rule.id, name, true));
        }
    }
    for example in &rule.ignores {
        let name = example.get_ref();
        if plan.rule_for_name(name, kinds) == Some(rule.id.as_str()) {
            problems.push(failed(&source.place(example), &rule.id, name, false));
        }
    }
}

fn failed(place: &str, id: &str, example: &str, wanted: bool) -> String {
    if wanted {
        format!("{place}: rule '{id}': its example '{example}' does not match")
    } else {
        format!("{place}: rule '{id}': '{example}' matches and should not")
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
