//! Packs to a [`Plan`]. All problems are collected, each with its file and line; a rule without a way in, or one that its own
//! examples contradict, is one.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;

use super::examples;
use super::pack::{
    Action, Detect, Detector, DocumentKind, Force, Name, Pack, Path, PersonalAction, Place, Source,
    Token,
};
use super::token::token_rule;
use crate::scrub::{
    Document, Forced, Kinds, NameRule, PathRule, Personal, Plan, PlanBuilder, SafeNames, Treated,
    Treatment,
};

/// The pack from whose names nothing is excepted.
const CORE: &str = "core";

/// Compiles packs, and tries their examples.
pub(super) fn compile(packs: &[Source]) -> Result<Arc<Plan>, Vec<String>> {
    let mut compiler = Compiler::default();
    for source in packs {
        compiler.pack(source);
    }
    let Compiler {
        builder,
        mut problems,
        ..
    } = compiler;
    let plan = match builder.build() {
        Ok(plan) => Arc::new(plan),
        Err(error) => {
            problems.push(error.to_string());
            return Err(problems);
        }
    };
    for source in packs {
        problems.extend(examples::problems(source, &plan));
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(problems)
    }
}

/// A plan in the making, and what is wrong with it so far.
#[derive(Default)]
struct Compiler {
    builder: PlanBuilder,
    problems: Vec<String>,
    /// Ids that have been used, each with its place.
    ids: Vec<(String, String)>,
}

impl Compiler {
    fn pack(&mut self, source: &Source) {
        let pack = &source.pack;
        for rule in &pack.name {
            self.name(source, rule);
        }
        for rule in &pack.detect {
            self.detect(source, rule);
        }
        for rule in &pack.token {
            self.token(source, rule);
        }
        for rule in &pack.path {
            self.path(source, rule);
        }
        for exempt in &pack.not_pairs {
            for path in &exempt.paths {
                let document = document(exempt.document);
                self.builder
                    .not_pairs(document, &steps(path), exempt.numbers);
            }
        }
        for force in &pack.force {
            self.force(source, force);
        }
        self.names(pack);
    }

    /// Notes what is wrong with the rule that begins at a place.
    fn problem(&mut self, place: &str, id: &str, what: &str) {
        self.problems.push(format!("{place}: rule '{id}': {what}"));
    }

    /// Takes note of an id. It is a metric's label and stands in reports and logs, and it stands once.
    fn id(&mut self, place: &str, id: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.is_empty() || !id.chars().all(plain) {
            let what = "an id is made of ASCII letters, digits, '.', '_' and '-', as 'acme.order_key'; write it so";
            self.problem(place, id, what);
        }
        match self.ids.iter().find(|(known, _)| known == id) {
            Some((_, first)) => {
                let what = format!("its id stands already at {first}; give it another");
                self.problem(place, id, &what);
            }
            None => self.ids.push((id.to_owned(), place.to_owned())),
        }
    }

    fn name(&mut self, source: &Source, spanned: &Spanned<Name>) {
        let (place, rule) = (&source.place(spanned), spanned.get_ref());
        self.id(place, &rule.id);
        if rule.exact.is_empty()
            && rule.last.is_empty()
            && rule.any.is_empty()
            && rule.gap.is_empty()
        {
            let what = "it names nothing: give it 'exact', 'last', 'any' or 'gap'";
            self.problem(place, &rule.id, what);
        }
        if rule.places.is_empty() {
            self.problem(place, &rule.id, "it applies nowhere: 'in' is empty");
        }
        if rule.description.is_empty() {
            self.problem(place, &rule.id, "it has no description");
        }
        if rule.matches.is_empty() || rule.ignores.is_empty() {
            let what = "it has no evidence: give it 'matches' and 'ignores'";
            self.problem(place, &rule.id, what);
        }
        let compiled = name_rule(rule, source.pack.pack == CORE);
        for (phrase, other) in self.builder.clashes(&compiled) {
            let what = format!(
                "it names '{phrase}' as rule '{other}' does, with another 'do'; only one can be done"
            );
            self.problem(place, &rule.id, &what);
        }
        self.builder.name_rule(&compiled);
        self.builder.hosts(&rule.hosts);
    }

    fn detect(&mut self, source: &Source, spanned: &Spanned<Detect>) {
        let (place, rule) = (&source.place(spanned), spanned.get_ref());
        self.id(place, &rule.id);
        if rule.description.is_empty() || rule.matches.is_empty() || rule.ignores.is_empty() {
            let what = "it needs a description, and evidence: 'matches' and 'ignores'";
            self.problem(place, &rule.id, what);
        }
        detect(&mut self.builder, rule);
    }

    fn token(&mut self, source: &Source, spanned: &Spanned<Token>) {
        let (place, rule) = (&source.place(spanned), spanned.get_ref());
        self.id(place, &rule.id);
        if rule.description.is_empty() || rule.source.is_empty() {
            self.problem(place, &rule.id, "it needs a description and a source");
        }
        if rule.matches.is_empty() || rule.ignores.is_empty() {
            let what = "it has no evidence: give it 'matches' and 'ignores'";
            self.problem(place, &rule.id, what);
        }
        match token_rule(rule) {
            Ok(token) => self.builder.token_rule(&token),
            Err(what) => self.problem(place, &rule.id, what),
        }
    }

    fn path(&mut self, source: &Source, spanned: &Spanned<Path>) {
        let (place, rule) = (&source.place(spanned), spanned.get_ref());
        self.id(place, &rule.id);
        if rule.description.is_empty() || rule.paths.is_empty() {
            let what = "it needs a description and at least one path";
            self.problem(place, &rule.id, what);
        }
        for path in &rule.paths {
            self.builder.path_rule(&PathRule {
                id: rule.id.clone(),
                document: document(rule.document),
                path: steps(path),
                caseless: rule.caseless,
                treatment: treatment(rule.action),
            });
        }
    }

    fn force(&mut self, source: &Source, spanned: &Spanned<Force>) {
        let (place, force) = (source.place(spanned), spanned.get_ref());
        let what = match (force.document, forced(force)) {
            (Some(kind), Ok(forced)) => {
                return self.builder.forced(document(kind), forced);
            }
            (None, _) => "it names no document".to_owned(),
            (_, Err(what)) => what,
        };
        self.problems
            .push(format!("{place}: forced member '{}': {what}", force.key));
    }

    /// What a pack says of names beside its rules.
    fn names(&mut self, pack: &Pack) {
        for (suffix, stands_for) in &pack.suffixes {
            self.builder.suffix(suffix, stands_for);
        }
        self.builder.safe_names(&SafeNames {
            exact: pack.safe.exact.clone(),
            last: pack.safe.last.clone(),
            any: pack.safe.any.clone(),
            counters: pairs(&pack.safe.counters)
                .chain(pairs(&pack.safe.counted).map(|(word, plural)| (plural, word)))
                .collect(),
            quantities: pairs(&pack.safe.quantities).collect(),
            prefixes: pack
                .prefix
                .iter()
                .map(|prefix| (prefix.text.clone(), kinds(&prefix.then)))
                .collect(),
        });
    }
}

/// Each word of a table of plurals, with its plural.
fn pairs(table: &BTreeMap<String, Vec<String>>) -> impl Iterator<Item = (String, String)> {
    table
        .iter()
        .flat_map(|(plural, words)| words.iter().map(|word| (word.clone(), plural.clone())))
}

/// Adds a rule for a form that the engine knows.
pub(super) fn detect(builder: &mut PlanBuilder, rule: &Detect) {
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
    let treated = rule.treated.map(treated).unwrap_or_default();
    builder.personal_rule(&rule.id, kind, treated);
}

/// What becomes of personal data, by the word for it.
pub(super) fn treated(action: PersonalAction) -> Treated {
    match action {
        PersonalAction::Remove => Treated::Remove,
        PersonalAction::Mask => Treated::Mask,
        PersonalAction::Hash => Treated::Hash,
        PersonalAction::Truncate => Treated::Truncate,
    }
}

/// The kinds of place in which a rule's names count.
pub(super) fn places(rule: &Name) -> Kinds {
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
    let Ok(value) = serde_json::from_str(&force.value) else {
        return Err("its value is no JSON".to_owned());
    };
    if let Some(lacking) = lacking(&value, &force.inside) {
        return Err(format!(
            "its value has no member '{lacking}', which is forced inside of it; write it there too"
        ));
    }
    if force
        .key
        .contains(|c: char| c.is_control() || matches!(c, '"' | '\\'))
    {
        return Err("its key would have to be escaped in JSON".to_owned());
    }
    Ok(Forced {
        key: force.key.clone(),
        // An item of an envelope ends with its line.
        literal: force.value.replace(['\n', '\r'], " "),
        inside: force.inside.iter().map(forced).collect::<Result<_, _>>()?,
    })
}

/// A member that is forced inside of a value and is not in it: it would come only with the next document.
fn lacking<'a>(value: &serde_json::Value, inside: &'a [Force]) -> Option<&'a str> {
    inside.iter().find_map(|it| match value.get(&it.key) {
        None => Some(it.key.as_str()),
        Some(value) => lacking(value, &it.inside),
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
        Action::Address => Treatment::Address,
        Action::Pseudonym => Treatment::Pseudonym,
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
    use crate::policy::pack::Source;
    use crate::scrub::Format;

    /// They are not tried again when a policy is loaded.
    #[test]
    fn the_examples_of_built_in_packs_hold() {
        for (file, text) in crate::policy::PACKS {
            let source = Source::read(file, text).unwrap();
            assert!(source.is_built_in);
            assert_eq!(examples::problems_alone(&source), [""; 0], "{file}");
        }
    }

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
            let source = Source::read("p.toml", &text).unwrap();
            let problems = compile(&[source]).err().unwrap_or_default();
            // Without the place in front.
            let clashes: Vec<&str> = problems
                .iter()
                .filter(|it| it.contains("another 'do'"))
                .filter_map(|it| Some(it.split_once(": ")?.1))
                .collect();
            let expected = phrase.map(|phrase| {
                format!("rule 'p.second': it names '{phrase}' as rule 'p.first' does, with another 'do'; only one can be done")
            });
            assert_eq!(
                clashes,
                expected.as_deref().into_iter().collect::<Vec<_>>(),
                "{first} / {second}"
            );
        }
    }

    #[test]
    fn a_forced_member_keeps_json_and_its_line() {
        let compiled = |key: &str, value: &str| {
            let text = format!(
                "pack = 'p'\nversion = 1\ndescription = 'd'\n[[force]]\ndocument = 'event'\nkey = \"{key}\"\nvalue = \"\"\"{value}\"\"\"\n"
            );
            compile(&[Source::read("p.toml", &text).unwrap()])
        };
        for key in [r#"a\"b"#, r"a\\b", r"a\n", r"\u0000"] {
            let problems = compiled(key, "1").unwrap_err();
            assert_eq!(problems.len(), 1, "{key}");
            assert!(problems[0].contains("p.toml:4"), "{problems:?}");
            assert!(problems[0].contains("escaped in JSON"), "{problems:?}");
        }
        let lacking = compiled(
            "a",
            "{}\"\"\"\n[[force.inside]]\nkey = 'b'\nvalue = \"\"\"1",
        );
        assert!(
            lacking.unwrap_err()[0].contains("has no member 'b', which is forced inside of it"),
        );
        let plan = compiled("a", "{\"b\":\r\n1}").unwrap();
        let (out, result) = crate::scrub::fuzzing::scrub(&plan, Format::Event, [b"{}".as_slice()]);
        assert!(result.is_ok());
        assert_eq!(String::from_utf8(out).unwrap(), "{\"a\":{\"b\":  1}}");
    }
}
