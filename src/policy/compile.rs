//! Packs to a [`Plan`]. All problems are collected; a rule without a way in, or one that its own examples contradict, is one.

use std::collections::BTreeSet;

use std::sync::Arc;

use bytes::Bytes;

use super::pack::{
    Action, Detect, Detector, DocumentKind, Force, Letters, Name, Pack, Part, PersonalAction,
    Place, Run, Token,
};
use crate::scrub::{
    Alphabet, Document, Forced, Format, Kinds, Limits, NameRule, Output, PathRule, Personal, Plan,
    PlanBuilder, SafeNames, Scrubber, TokenPart, TokenRule, TooManyPlaces, Treated, Treatment,
};

/// The pack from whose names nothing is excepted.
const CORE: &str = "core";

/// Longest run of a token that a rule may allow.
const LONGEST_RUN: usize = 4096;

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
            let compiled = name_rule(rule, pack.pack == CORE);
            for (phrase, other) in builder.clashes(&compiled) {
                problem(
                    &rule.id,
                    &format!(
                        "it names '{phrase}' as rule '{other}' does, with another 'do'; only one can be done"
                    ),
                );
            }
            builder.name_rule(&compiled);
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
            detect(&mut builder, rule);
        }
        for rule in &pack.token {
            if !ids.insert(rule.id.clone()) {
                problem(&rule.id, "its id stands twice");
            }
            if rule.description.is_empty() || rule.source.is_empty() {
                problem(&rule.id, "it needs a description and a source");
            }
            if rule.matches.is_empty() || rule.ignores.is_empty() {
                problem(
                    &rule.id,
                    "it has no evidence: give it 'matches' and 'ignores'",
                );
            }
            match token_rule(rule) {
                Ok(token) => builder.token_rule(&token),
                Err(what) => problem(&rule.id, what),
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
                    caseless: rule.caseless,
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
    let plan = match builder.build() {
        Ok(plan) => Arc::new(plan),
        Err(error) => {
            problems.push(error.to_string());
            return Err(problems);
        }
    };
    for (file, pack) in packs {
        for rule in &pack.name {
            try_examples(&plan, file, rule, &mut problems);
        }
        // By itself, so that no rule for the name before it hides what it does.
        for rule in &pack.detect {
            let Ok(alone) = alone(&|builder| detect(builder, rule)) else {
                continue;
            };
            try_texts(
                &alone,
                file,
                &rule.id,
                &rule.matches,
                &rule.ignores,
                &mut problems,
            );
        }
        for rule in &pack.token {
            let Ok(token) = token_rule(rule) else {
                continue;
            };
            let Ok(alone) = alone(&|builder| builder.token_rule(&token)) else {
                continue;
            };
            let plain = |texts: &[String]| texts.iter().map(|text| unmarked(text)).collect();
            let (matches, ignores): (Vec<_>, Vec<_>) = (plain(&rule.matches), plain(&rule.ignores));
            try_texts(&alone, file, &rule.id, &matches, &ignores, &mut problems);
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

/// The plan with one rule alone.
fn alone(add: &dyn Fn(&mut PlanBuilder)) -> Result<Arc<Plan>, TooManyPlaces> {
    let mut builder = PlanBuilder::new();
    add(&mut builder);
    builder.build().map(Arc::new)
}

fn detect(builder: &mut PlanBuilder, rule: &Detect) {
    let kind = match rule.what {
        Detector::UserInfo => return builder.user_info_rule(&rule.id),
        Detector::Email => Personal::Email,
        Detector::Phone => Personal::Phone,
        Detector::Card => Personal::Card,
        Detector::Iban => Personal::Iban,
        Detector::Ip => Personal::Ip,
        Detector::Pesel => Personal::Pesel,
        Detector::Nip => Personal::Nip,
        Detector::Regon => Personal::Regon,
        Detector::PhonePl => Personal::PhonePl,
        Detector::AccountPl => Personal::AccountPl,
    };
    let treated = match rule.treated {
        None | Some(PersonalAction::Remove) => Treated::Remove,
        Some(PersonalAction::Mask) => Treated::Mask,
        Some(PersonalAction::Hash) => Treated::Hash,
        Some(PersonalAction::Truncate) => Treated::Truncate,
    };
    builder.personal_rule(&rule.id, kind, treated);
}

/// Each text that should match has something redacted by this rule, and none of the others.
fn try_texts(
    plan: &Arc<Plan>,
    file: &str,
    id: &str,
    matches: &[String],
    ignores: &[String],
    problems: &mut Vec<String>,
) {
    for text in matches {
        if !redacts(plan, text, id) {
            problems.push(format!(
                "{file}: rule '{id}': its example '{text}' does not match"
            ));
        }
    }
    for text in ignores {
        if redacts(plan, text, id) {
            problems.push(format!(
                "{file}: rule '{id}': '{text}' matches and should not"
            ));
        }
    }
}

/// An example as it is meant: a `~` in it keeps it from being taken for a real token, and `~~` is one.
fn unmarked(example: &str) -> String {
    example
        .split("~~")
        .map(|part| part.replace('~', ""))
        .collect::<Vec<_>>()
        .join("~")
}

/// A token's rule as the engine takes it.
fn token_rule(rule: &Token) -> Result<TokenRule, &'static str> {
    if rule.anchors.is_empty() && rule.context.is_empty() {
        return Err("it has no way in: give it 'anchors' or 'context'");
    }
    if rule
        .anchors
        .iter()
        .any(|anchor| anchor.len() < 2 || !anchor.is_ascii())
    {
        return Err("an anchor needs two ASCII characters or more");
    }
    let mut parts = Vec::new();
    match (&rule.until, rule.alphabet, rule.length) {
        (Some(_), None, None) if rule.then.is_empty() => {}
        (Some(_), ..) => return Err("with 'until' it has no 'alphabet', 'length' or 'then'"),
        (None, Some(alphabet), Some(length)) => {
            parts.push(run(&Run { alphabet, length })?);
            for part in &rule.then {
                parts.push(match part {
                    Part::Literal(text) => TokenPart::Literal(text.clone()),
                    Part::Run(part) => run(part)?,
                });
            }
        }
        (None, ..) => return Err("it has no end: give it 'alphabet' and 'length', or 'until'"),
    }
    let before = match &rule.before {
        None => None,
        Some(Run { alphabet, length })
            if 0 < length.0 && length.0 <= length.1 && length.1 <= 128 =>
        {
            Some((letters(*alphabet), length.0, length.1))
        }
        Some(_) => return Err("the length of 'before' is [least, most], from 1 to 128"),
    };
    Ok(TokenRule {
        id: rule.id.clone(),
        anchors: rule.anchors.clone(),
        caseless: rule.caseless,
        before,
        parts,
        until: rule.until.clone(),
        context: rule
            .context
            .iter()
            .map(|word| word.to_lowercase())
            .collect(),
        keeps_anchor: rule.keeps_anchor,
        secretlike: rule.secretlike,
        needs: rule.needs.iter().map(|set| class(*set)).collect(),
    })
}

fn run(run: &Run) -> Result<TokenPart, &'static str> {
    let (least, most) = run.length;
    if least > most || most > LONGEST_RUN {
        return Err("a length is [least, most], and most is at most 4096");
    }
    Ok(TokenPart::Run {
        alphabet: letters(run.alphabet),
        least,
        most,
    })
}

/// A class of which a character is needed: without the digits that the alphabet of that name has.
fn class(name: Letters) -> Alphabet {
    match name {
        Letters::Upper => Alphabet::of(b'A'..=b'Z'),
        Letters::Lower => Alphabet::of(b'a'..=b'z'),
        Letters::Digit
        | Letters::Hex
        | Letters::LowerHex
        | Letters::Base62
        | Letters::Base64
        | Letters::Base64url
        | Letters::Word
        | Letters::Base32
        | Letters::Token
        | Letters::Printable => letters(name),
    }
}

fn letters(name: Letters) -> Alphabet {
    let digits = Alphabet::of(b'0'..=b'9');
    let upper = Alphabet::of(b'A'..=b'Z');
    let lower = Alphabet::of(b'a'..=b'z');
    let base62 = digits.or(upper).or(lower);
    let and = |set: Alphabet, more: &[u8]| set.or(Alphabet::of(more.iter().copied()));
    match name {
        Letters::Digit => digits,
        Letters::Hex => and(digits, b"abcdefABCDEF"),
        Letters::LowerHex => and(digits, b"abcdef"),
        Letters::Upper => digits.or(upper),
        Letters::Lower => digits.or(lower),
        Letters::Base62 => base62,
        Letters::Base64 => and(base62, b"+/="),
        Letters::Base64url => and(base62, b"_-"),
        Letters::Word => and(base62, b"_"),
        Letters::Base32 => and(upper, b"234567"),
        Letters::Token => and(base62, b"._~+/=-"),
        Letters::Printable => {
            Alphabet::of((0x21..0x7F).filter(|byte| !b"\"'`<>{}[](),;\\".contains(byte)))
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

fn name_rule(rule: &Name, fixed: bool) -> NameRule {
    NameRule {
        id: rule.id.clone(),
        kinds: places(rule),
        treatment: rule.action.map(treatment),
        exact: rule.exact.clone(),
        last: rule.last.clone(),
        any: rule.any.clone(),
        gap: rule.gap.clone(),
        fixed,
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

/// A rule's examples, and what is needed to try them.
pub(super) struct Example {
    pub(super) rule: String,
    pub(super) matches: Vec<String>,
    pub(super) ignores: Vec<String>,
    /// The plan with this rule alone; none for a rule by name, which needs what others say of names.
    pub(super) alone: Option<Arc<Plan>>,
    pub(super) is_key: bool,
    pub(super) is_header: bool,
    pub(super) is_parameter: bool,
}

/// The examples of all rules of a pack, as texts or names.
pub(super) fn examples(pack: &Pack) -> Result<Vec<Example>, TooManyPlaces> {
    let plain = |texts: &[String]| texts.iter().map(|text| unmarked(text)).collect();
    let names = pack.name.iter().map(|rule| {
        let counts = |place| rule.places.contains(&place) && rule.hosts.is_empty();
        Ok(Example {
            rule: rule.id.clone(),
            matches: rule.matches.clone(),
            ignores: rule.ignores.clone(),
            alone: None,
            // Cookies and queries keep what is in them, as far as it is harmless.
            is_key: counts(Place::Key) && !matches!(rule.action, Some(Action::Query)),
            is_header: counts(Place::Header),
            is_parameter: counts(Place::Param),
        })
    });
    let of = |id: &str, add: &dyn Fn(&mut PlanBuilder), matches: Vec<String>, ignores| {
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
        let add = |builder: &mut PlanBuilder| detect(builder, rule);
        of(&rule.id, &add, rule.matches.clone(), rule.ignores.clone())
    });
    let tokens = pack.token.iter().filter_map(|rule| {
        let token = token_rule(rule).ok()?;
        let add = |builder: &mut PlanBuilder| builder.token_rule(&token);
        Some(of(
            &rule.id,
            &add,
            plain(&rule.matches),
            plain(&rule.ignores),
        ))
    });
    names.chain(detectors).chain(tokens).collect()
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
