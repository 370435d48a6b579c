//! PII configurations of Sentry Relay, as a pack.
//!
//! Such a configuration has `rules` (a type and what becomes of a match), `applications` (selectors, each with ids of rules) and
//! `vars`. Sources: "PII and Data Scrubbing" in Sentry's documentation of Relay (docs.sentry.io/product/relay/modes, and "PII Rule
//! Types", "PII Selectors" on develop.sentry.dev), and the folder `relay-pii` of github.com/getsentry/relay.
//!
//! A pack says what goes by names, by paths, by the form of tokens and by detectors of personal data, and has no free patterns. What
//! Relay finds by a pattern in a value is found here in the whole document, wherever its selector would look.

mod forms;
mod pattern;
mod reach;
mod rule;
mod selector;

use serde_json::{Map, Value};

use super::pack::{Names, Pack, array, quoted};
use super::{Level, Remark};
use crate::policy::Policy;
use crate::scrub::{Kinds, Treatment};
use forms::{Contextual, EXAMPLES, IMEI, MAC, SSN, bearer, pem};
use pattern::{Part, Words};
use reach::{Paths, Reach, Resolved};
use rule::{Kind, Method, Rule};

fn no_json(error: &serde_json::Error) -> String {
    let what = match error.is_eof() {
        true => "ends too early",
        false => "is no JSON",
    };
    format!(
        "{what} at line {}, column {}; give a PII configuration of Relay, or a project's file with a piiConfig, in JSON",
        error.line(),
        error.column()
    )
}

/// The pack that a configuration comes to, and what is otherwise in it than it was.
///
/// # Errors
/// The text is no such configuration.
pub(super) fn convert(text: &str, name: &str) -> Result<(String, Vec<Remark>), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| no_json(&error))?;
    let config = configuration(&value)?;
    let empty = Map::new();
    let object = |key: &str| match config.get(key) {
        None | Some(Value::Null) => Ok(&empty),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(format!("its {key:?} is no object")),
    };
    let (rules, applications) = (object("rules")?, object("applications")?);
    let mut converter = Converter {
        rules,
        pack: Pack::new(name),
        remarks: Vec::new(),
        known: Policy::builtin("strict").map_err(|error| error.to_string())?,
        detected: Vec::new(),
    };
    for key in config.keys() {
        if !matches!(key.as_str(), "rules" | "applications" | "vars") {
            converter.remark(Level::Lost, &format!("the key {key}"), "it is not known");
        }
    }
    if object("vars")?
        .get("hashKey")
        .is_some_and(|key| !key.is_null())
    {
        converter.remark(
            Level::Note,
            "vars.hashKey",
            "a key does not belong in a pack; name where it stands with policy.hash_key, if something is to be hashed",
        );
    }
    for (selector, ids) in applications {
        converter.application(selector, ids);
    }
    converter.idle(applications);
    converter.finish()
}

/// The configuration itself, which may stand in a project's file.
fn configuration(value: &Value) -> Result<&Map<String, Value>, String> {
    let inside = ["/config/piiConfig", "/piiConfig"];
    let found = inside.iter().find_map(|pointer| value.pointer(pointer));
    let config = found.unwrap_or(value).as_object();
    config
        .filter(|config| config.contains_key("rules") || config.contains_key("applications"))
        .ok_or_else(|| {
            "is no PII configuration: it has neither \"rules\" nor \"applications\" (nor a piiConfig with these)"
                .to_owned()
        })
}

struct Converter<'a> {
    rules: &'a Map<String, Value>,
    pack: Pack,
    remarks: Vec<Remark>,
    /// What the built-in packs cover: a name that one of them treats in its own way is not taken.
    known: Policy,
    /// Detectors that the pack has, each with what it does.
    detected: Vec<(&'static str, &'static str)>,
}

impl Converter<'_> {
    fn remark(&mut self, level: Level, what: &str, why: &str) {
        let remark = Remark {
            level,
            what: what.to_owned(),
            why: why.to_owned(),
        };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    fn application(&mut self, selector: &str, ids: &Value) {
        let at = format!("what is applied at {selector}");
        let resolved = match selector::parse(selector) {
            Ok(parsed) => reach::resolve(&parsed),
            Err(why) => {
                return self.remark(
                    Level::Lost,
                    &at,
                    &format!("the selector can't be read: {why}"),
                );
            }
        };
        let Some(ids) = ids.as_array() else {
            return self.remark(Level::Lost, &at, "it is no list of rules");
        };
        for id in ids {
            let Some(id) = id.as_str() else {
                self.remark(Level::Lost, &at, "one of its rules is no string");
                continue;
            };
            let (rules, problems) = rule::expand(id, self.rules);
            for problem in problems {
                self.remark(Level::Lost, &format!("{id} at {selector}"), &problem);
            }
            for rule in rules {
                self.rule(&rule, selector, &resolved);
            }
        }
    }

    fn rule(&mut self, rule: &Rule, selector: &str, resolved: &Resolved) {
        let what = format!("{} at {selector}", rule.id);
        for why in &resolved.lost {
            self.remark(Level::Lost, &what, why);
        }
        if resolved.reaches.is_empty() {
            return;
        }
        for why in &resolved.wider {
            self.remark(Level::Note, &what, why);
        }
        if rule.kind == Kind::Anything {
            for reach in &resolved.reaches {
                self.anything(rule, &what, reach);
            }
            return;
        }
        if !resolved.reaches.contains(&Reach::Everywhere) {
            self.remark(
                Level::Note,
                &what,
                "it is applied everywhere: a pack finds this wherever it stands",
            );
        }
        let description = format!("Relay's rule {}", rule.id);
        let done = match &rule.kind {
            Kind::Anything => Ok(()),
            Kind::Ip => self.detector("ip", rule, &what),
            Kind::Email => self.detector("email", rule, &what),
            Kind::Creditcard => self.detector("card", rule, &what),
            Kind::Iban => self.detector("iban", rule, &what),
            Kind::UrlAuth => self.detector("user_info", rule, &what),
            Kind::Pemkey => self.pack.add("token", &rule.id, &pem(&description)),
            Kind::Bearer => self.pack.add("token", &rule.id, &bearer(&description)),
            Kind::Password => self.password(rule, &what),
            Kind::UsSsn => self.contextual(rule, &what, &SSN),
            Kind::Imei => self.contextual(rule, &what, &IMEI),
            Kind::Mac => self.contextual(rule, &what, &MAC),
            Kind::Uuid => Err(
                "ids of events, traces and sessions have this form; name the members that hold one that must go ([[name]], [[path]])"
                    .to_owned(),
            ),
            Kind::Userpath => Err(
                "a pack has no rule for a part of a file's path; turn it off in the SDK, or name the members that hold paths"
                    .to_owned(),
            ),
            Kind::Pattern(pattern) => self.pattern(rule, &what, pattern),
            Kind::RedactPair(pattern) => self.pair(rule, &what, pattern),
        };
        if let Err(why) = done {
            return self.remark(Level::Lost, &what, &why);
        }
        let personal = matches!(
            rule.kind,
            Kind::Ip | Kind::Email | Kind::Creditcard | Kind::Iban
        );
        if !personal {
            self.method(rule, &what);
        }
    }

    /// What a method comes to where no personal data is found by its form.
    fn method(&mut self, rule: &Rule, what: &str) {
        match rule.method {
            Method::Default | Method::Remove | Method::Replace => {}
            Method::Mask | Method::Hash => self.remark(
                Level::Note,
                what,
                "it becomes [Filtered]; only personal data can be masked or hashed",
            ),
        }
    }

    fn anything(&mut self, rule: &Rule, what: &str, reach: &Reach) {
        let description = format!("Relay's rule {what}");
        let done = match reach {
            Reach::Everywhere => Err(
                "it takes out all there is; name what must go, or leave the item out in the SDK"
                    .to_owned(),
            ),
            Reach::Name(name, places) => {
                let names = Names {
                    exact: vec![name.clone()],
                    places: places.clone(),
                    ..Names::default()
                };
                self.names(&rule.id, &description, names, what)
            }
            Reach::Paths(paths) => self.paths(rule, &description, paths),
        };
        match done {
            Ok(()) => self.method(rule, what),
            Err(why) => self.remark(Level::Lost, what, &why),
        }
    }

    fn paths(&mut self, rule: &Rule, description: &str, paths: &Paths) -> Result<(), String> {
        for document in &paths.documents {
            // Removed is null; but attributes are objects of a value and a type, and stay so.
            let nulls = matches!(rule.method, Method::Default | Method::Remove)
                && !paths.inside
                && *document == "event"
                && !paths.paths.iter().any(|path| path.contains("attributes"));
            let keys = [
                ("description", quoted(description)),
                ("document", quoted(document)),
                ("paths", array(&paths.paths)),
                ("caseless", "true".to_owned()),
                ("do", quoted(if nulls { "null" } else { "leaves" })),
            ];
            self.pack.add("path", &rule.id, &keys)?;
        }
        Ok(())
    }

    /// Adds a rule by name, less what the built-in packs know better.
    fn names(
        &mut self,
        id: &str,
        description: &str,
        mut names: Names,
        what: &str,
    ) -> Result<(), String> {
        let known = self.known.plan();
        let mut remarks = Vec::new();
        let mut whole = Vec::new();
        for (list, is_exact) in [
            (&mut names.exact, true),
            (&mut names.last, false),
            (&mut names.any, false),
        ] {
            list.retain(|name| {
                let rules = known.rules_for_name(name, Kinds::ALL);
                let own_way = |(treatment, _): &&(Treatment, &str)| *treatment != Treatment::Leaves;
                let (safe, ends_safe) = known.safety_of_name(name);
                if let Some((_, id)) = rules.iter().find(own_way) {
                    remarks.push((
                        Level::Note,
                        format!("'{name}' is left to the rule {id} of the built-in packs, which does this in its own way"),
                    ));
                    return false;
                }
                if safe {
                    remarks.push((
                        Level::Lost,
                        format!("the built-in packs hold '{name}' for harmless; name the place where it stands ([[path]])"),
                    ));
                    return false;
                }
                if ends_safe && !is_exact {
                    remarks.push((
                        Level::Part,
                        format!("'{name}' goes as a whole name only: the built-in packs hold names that end so for harmless"),
                    ));
                    whole.push(name.clone());
                    return false;
                }
                true
            });
        }
        names.exact.extend(whole);
        for (level, why) in &remarks {
            self.remark(*level, what, why);
        }
        if names.exact.is_empty() && names.last.is_empty() && names.any.is_empty() {
            return match remarks.is_empty() {
                true => Err("it has no name".to_owned()),
                false => Ok(()),
            };
        }
        self.pack.add_names(id, description, &names)
    }

    fn detector(&mut self, detector: &'static str, rule: &Rule, what: &str) -> Result<(), String> {
        let action = match (detector, &rule.method) {
            ("user_info", _) | (_, Method::Default | Method::Remove | Method::Replace) => "",
            (_, Method::Mask) => "mask",
            (_, Method::Hash) => "hash",
        };
        // A plan has one rule for each.
        match self.detected.iter().find(|(known, _)| *known == detector) {
            Some((_, known)) if *known == action => return Ok(()),
            Some((_, known)) => {
                let known = if known.is_empty() { "remove" } else { known };
                let why = format!("the pack says already what becomes of it everywhere ({known})");
                self.remark(Level::Note, what, &why);
                return Ok(());
            }
            None => self.detected.push((detector, action)),
        }
        if action == "hash" {
            self.remark(
                Level::Note,
                what,
                "the configuration needs policy.hash_key, and the hashes are others than Relay's",
            );
        }
        let examples = EXAMPLES.iter().find(|(known, ..)| *known == detector);
        let (_, matches, ignores) = examples.ok_or("there is no such detector")?;
        let mut keys = vec![
            ("description", quoted(&format!("Relay's rule {}", rule.id))),
            ("what", quoted(detector)),
        ];
        if !action.is_empty() {
            keys.push(("do", quoted(action)));
        }
        keys.push(("matches", array(&[*matches])));
        keys.push(("ignores", array(&[*ignores])));
        self.pack.add("detect", &rule.id, &keys)
    }

    fn password(&mut self, rule: &Rule, what: &str) -> Result<(), String> {
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        // As in Relay's `PASSWORD_KEY_REGEX` and `TOKEN_KEY_REGEX`.
        let names = Names {
            exact: texts(&["otp", "two_factor"]),
            any: texts(&[
                "password",
                "secret",
                "passwd",
                "api_key",
                "apikey",
                "auth",
                "credentials",
                "mysql_pwd",
                "privatekey",
                "private_key",
                "token",
            ]),
            places: vec!["key", "header", "param"],
            ..Names::default()
        };
        let description = format!("Relay's rule {}", rule.id);
        self.names(&rule.id, &description, names, what)?;
        self.pack.add("token", &rule.id, &bearer(&description))?;
        self.by_words(what);
        Ok(())
    }

    fn by_words(&mut self, what: &str) {
        self.remark(
            Level::Part,
            what,
            "names are compared by whole words ('author' is not 'auth'), and a value goes only for its name, not for a word in it; \
             add run-together forms that you use to `any`",
        );
    }

    fn pair(&mut self, rule: &Rule, what: &str, pattern: &str) -> Result<(), String> {
        let Words {
            exact,
            last,
            any,
            others,
        } = pattern::words(pattern);
        for other in &others {
            let why = format!(
                "'{other}' in its keyPattern is no plain word; write the names that it means into `exact`, `last` or `any`"
            );
            self.remark(Level::Lost, what, &why);
        }
        let by_word = !(last.is_empty() && any.is_empty());
        let names = Names {
            exact,
            last,
            any,
            places: vec!["key", "header", "param"],
        };
        if names.exact.is_empty() && !by_word {
            return Ok(());
        }
        self.names(&rule.id, &format!("Relay's rule {}", rule.id), names, what)?;
        if by_word {
            self.by_words(what);
        }
        Ok(())
    }

    fn pattern(&mut self, rule: &Rule, what: &str, pattern: &str) -> Result<(), String> {
        let token = pattern::token(pattern).map_err(|why| {
            format!("{why}; write a [[token]] for it, or name the members that hold it")
        })?;
        let length = |(least, most): (usize, usize)| format!("[{least}, {most}]");
        let run = |alphabet: &str, of| {
            format!(
                "{{ alphabet = {}, length = {} }}",
                quoted(alphabet),
                length(of)
            )
        };
        let then: Vec<String> = token
            .then
            .iter()
            .map(|part| match part {
                Part::Literal(text) => quoted(text),
                Part::Run(alphabet, of) => run(alphabet, *of),
            })
            .collect();
        let mut keys = vec![
            ("description", quoted(&format!("Relay's rule {}", rule.id))),
            (
                "source",
                quoted(&format!("Relay's configuration: {pattern}")),
            ),
            ("anchors", array(&[&token.anchor])),
        ];
        if token.caseless {
            keys.push(("caseless", "true".to_owned()));
        }
        keys.push(("alphabet", quoted(token.alphabet)));
        keys.push(("length", length(token.length)));
        if !then.is_empty() {
            keys.push(("then", format!("[{}]", then.join(", "))));
        }
        keys.push(("matches", array(&[&token.sample])));
        keys.push(("ignores", array(&[&token.counter])));
        self.pack.add("token", &rule.id, &keys)?;
        if token.bounded {
            self.remark(
                Level::Part,
                what,
                "a token has no letter or digit before it or behind it, and the pattern does not ask for that (\\b)",
            );
        }
        Ok(())
    }

    fn contextual(&mut self, rule: &Rule, what: &str, form: &Contextual) -> Result<(), String> {
        let description = format!("Relay's rule {}", rule.id);
        let keys = [
            ("description", quoted(&description)),
            ("source", quoted("Relay, relay-pii/src/regexes.rs")),
            ("context", array(form.context)),
            ("alphabet", quoted(form.alphabet)),
            ("length", format!("[{}, {}]", form.length.0, form.length.1)),
            ("then", form.then.to_owned()),
            ("matches", array(&[form.matches])),
            ("ignores", array(&[form.ignores])),
        ];
        self.pack.add("token", &rule.id, &keys)?;
        let names = Names {
            last: form.names.iter().map(|name| (*name).to_owned()).collect(),
            places: vec!["key", "param"],
            ..Names::default()
        };
        self.names(&rule.id, &description, names, what)?;
        let why = format!(
            "by its form alone it can't be told from other numbers: it goes by name, and behind one of the words {}",
            form.context.join(", ")
        );
        self.remark(Level::Part, what, &why);
        Ok(())
    }

    /// Rules that nothing applies.
    fn idle(&mut self, applications: &Map<String, Value>) {
        let mut used: Vec<String> = Vec::new();
        for id in applications.values().filter_map(Value::as_array).flatten() {
            reachable(id.as_str().unwrap_or_default(), self.rules, &mut used);
        }
        for id in self.rules.keys() {
            if !used.contains(id) {
                self.remark(
                    Level::Note,
                    &format!("the rule {id}"),
                    "nothing applies it, and it is left out",
                );
            }
        }
    }

    fn finish(self) -> Result<(String, Vec<Remark>), String> {
        let mut lines = vec![
            "Made by `scrubline import relay-pii`. What goes becomes [Filtered], whatever text a rule of Relay's has for it.".to_owned(),
        ];
        if !self.remarks.is_empty() {
            lines.push(String::new());
            lines.push("What is otherwise than it was:".to_owned());
            lines.extend(self.remarks.iter().map(ToString::to_string));
        }
        let text = self.pack.text(&lines);
        for policy in Policy::builtin_names() {
            let own = [("pack".to_owned(), text.clone())];
            Policy::builtin_with(policy, &own).map_err(|error| {
                format!("the pack that it comes to does not go with the policy {policy}, which is a mistake of ours: {error}")
            })?;
        }
        Ok((text, self.remarks))
    }
}

fn reachable(id: &str, rules: &Map<String, Value>, used: &mut Vec<String>) {
    if used.iter().any(|known| known == id) {
        return;
    }
    used.push(id.to_owned());
    let Some(rule) = rules.get(id) else {
        return;
    };
    let inner = rule.get("rules").and_then(Value::as_array);
    for inner in inner.into_iter().flatten().chain(rule.get("rule")) {
        reachable(inner.as_str().unwrap_or_default(), rules, used);
    }
}
