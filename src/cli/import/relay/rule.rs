//! Relay's rules: what a configuration says of one, the built-in ones, and what an application's list of ids comes to.
//!
//! Types and keys are those of `relay-pii/src/config.rs` (`RuleSpec`, `RuleType`), methods those of `redactions.rs`, built-in ids
//! those of `builtin.rs`; how ids are followed is `compiledconfig.rs` (`collect_rules`).

use serde_json::{Map, Value};

/// What a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Anything,
    Ip,
    Email,
    Creditcard,
    Iban,
    Pemkey,
    UrlAuth,
    Bearer,
    Password,
    UsSsn,
    Imei,
    Mac,
    Uuid,
    Userpath,
    Pattern(String),
    RedactPair(String),
}

/// What becomes of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    Default,
    Remove,
    Replace,
    Mask,
    Hash,
}

/// A rule as it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) method: Method,
}

/// Built-in types, and the method of each by default.
const BUILTIN: [(&str, Kind, Method); 14] = [
    ("anything", Kind::Anything, Method::Replace),
    ("ip", Kind::Ip, Method::Replace),
    ("imei", Kind::Imei, Method::Replace),
    ("mac", Kind::Mac, Method::Mask),
    ("uuid", Kind::Uuid, Method::Mask),
    ("email", Kind::Email, Method::Replace),
    ("iban", Kind::Iban, Method::Replace),
    ("creditcard", Kind::Creditcard, Method::Replace),
    ("pemkey", Kind::Pemkey, Method::Replace),
    ("urlauth", Kind::UrlAuth, Method::Replace),
    ("usssn", Kind::UsSsn, Method::Mask),
    ("userpath", Kind::Userpath, Method::Replace),
    ("password", Kind::Password, Method::Remove),
    ("bearer", Kind::Bearer, Method::Replace),
];

/// What `@common` is made of; `@common:filter` lacks the first two.
const COMMON: [&str; 9] = [
    "ip",
    "email",
    "iban",
    "creditcard",
    "pemkey",
    "urlauth",
    "userpath",
    "password",
    "usssn",
];

/// The rules that an id stands for, and what is wrong with it or with what it names.
pub(super) fn expand(id: &str, rules: &Map<String, Value>) -> (Vec<Rule>, Vec<String>) {
    let mut expansion = Expansion {
        rules,
        found: Vec::new(),
        problems: Vec::new(),
        open: Vec::new(),
    };
    expansion.follow(id, None);
    (expansion.found, expansion.problems)
}

struct Expansion<'a> {
    rules: &'a Map<String, Value>,
    found: Vec<Rule>,
    problems: Vec<String>,
    /// Ids that are being followed.
    open: Vec<String>,
}

impl Expansion<'_> {
    /// `method` is that of a rule around this one that hides what is inside.
    fn follow(&mut self, id: &str, method: Option<&Method>) {
        if self.open.iter().any(|open| open == id) {
            self.problems
                .push(format!("the rule {id} leads back to itself"));
            return;
        }
        self.open.push(id.to_owned());
        match self.rules.get(id) {
            Some(Value::Object(rule)) => self.custom(id, rule, method),
            Some(_) => self.problems.push(format!("the rule {id} is no object")),
            None => self.builtin(id, method),
        }
        self.open.pop();
    }

    fn push(&mut self, id: &str, kind: Kind, own: Method, around: Option<&Method>) {
        let method = outer(around, own);
        if self.found.iter().all(|rule| rule.id != id) {
            self.found.push(Rule {
                id: id.to_owned(),
                kind,
                method,
            });
        }
    }

    fn builtin(&mut self, id: &str, around: Option<&Method>) {
        let unknown = format!("there is no rule {id}; Relay passes over it in silence");
        let Some(name) = id.strip_prefix('@') else {
            return self.problems.push(unknown);
        };
        if let "common" | "common:filter" = name {
            let filter = name.ends_with(":filter");
            for part in COMMON.iter().skip(if filter { 2 } else { 0 }) {
                let suffix = match (filter, *part) {
                    (false, _) => "",
                    (true, "urlauth") => ":legacy",
                    (true, _) => ":filter",
                };
                self.builtin(&format!("@{part}{suffix}"), around);
            }
            return;
        }
        let (name, method) = match name.split_once(':') {
            Some((name, method)) => (name, Some(method)),
            None => (name, None),
        };
        let Some((_, kind, by_default)) = BUILTIN.iter().find(|(known, ..)| *known == name) else {
            return self.problems.push(unknown);
        };
        let method = match (method, name) {
            (None, _) => by_default.clone(),
            (Some("replace" | "filter"), _) | (Some("legacy"), "urlauth") => Method::Replace,
            (Some("remove"), _) => Method::Remove,
            (Some("mask"), _) => Method::Mask,
            (Some("hash"), _) => Method::Hash,
            (Some(_), _) => return self.problems.push(unknown),
        };
        self.push(id, kind.clone(), method, around);
    }

    fn custom(&mut self, id: &str, rule: &Map<String, Value>, around: Option<&Method>) {
        let own = match method(rule) {
            Ok(method) => method,
            Err(why) => {
                self.problems.push(format!("the rule {id}: {why}"));
                return;
            }
        };
        let text = |key: &str| {
            let value = rule.get(key).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .ok_or_else(|| format!("the rule {id} has no {key:?}"))
        };
        let kind = match rule.get("type").and_then(Value::as_str) {
            Some("anything") => Ok(Kind::Anything),
            Some("ip") => Ok(Kind::Ip),
            Some("email") => Ok(Kind::Email),
            Some("creditcard") => Ok(Kind::Creditcard),
            Some("iban") => Ok(Kind::Iban),
            Some("pemkey") => Ok(Kind::Pemkey),
            // Relay writes `url_auth` and `us_ssn`; the documentation has both without the underscore.
            Some("url_auth" | "urlauth") => Ok(Kind::UrlAuth),
            Some("us_ssn" | "usssn") => Ok(Kind::UsSsn),
            Some("bearer") => Ok(Kind::Bearer),
            Some("password") => Ok(Kind::Password),
            Some("imei") => Ok(Kind::Imei),
            Some("mac") => Ok(Kind::Mac),
            Some("uuid") => Ok(Kind::Uuid),
            Some("userpath") => Ok(Kind::Userpath),
            Some("pattern") => match groups(rule) {
                true => text("pattern").map(Kind::Pattern),
                false => Err(format!(
                    "the rule {id} replaces only groups of its pattern (replaceGroups), and a token goes as a whole; \
                     write a [[token]] with `keeps_anchor`"
                )),
            },
            Some("redact_pair" | "redactPair") => text("keyPattern").map(Kind::RedactPair),
            Some("multiple") => {
                let inner: Vec<String> = rule
                    .get("rules")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(|id| id.as_str().map(str::to_owned))
                    .collect();
                return self.nested(id, rule, &inner, outer(around, own));
            }
            Some("alias") => match text("rule") {
                Ok(inner) => {
                    return self.nested(id, rule, &[inner], outer(around, own));
                }
                Err(why) => Err(why),
            },
            Some(other) => Err(format!(
                "the rule {id} is of a type {other:?} that is not known"
            )),
            None => Err(format!("the rule {id} has no \"type\"")),
        };
        match kind {
            Ok(kind) => self.push(id, kind, own, around),
            Err(why) => self.problems.push(why),
        }
    }

    /// The rules that one names. Their own methods count, unless it hides them.
    fn nested(&mut self, id: &str, rule: &Map<String, Value>, inner: &[String], method: Method) {
        if inner.is_empty() {
            self.problems.push(format!("the rule {id} names no rules"));
        }
        let hides = rule.get("hideInner").and_then(Value::as_bool) == Some(true);
        for inner in inner {
            self.follow(inner, hides.then_some(&method));
        }
    }
}

/// The method of a rule around this one, if it says one, else its own.
fn outer(around: Option<&Method>, own: Method) -> Method {
    match around {
        Some(method) if *method != Method::Default => method.clone(),
        _ => own,
    }
}

fn method(rule: &Map<String, Value>) -> Result<Method, String> {
    let Some(redaction) = rule.get("redaction") else {
        return Ok(Method::Default);
    };
    match redaction.get("method").and_then(Value::as_str) {
        Some("default") => Ok(Method::Default),
        Some("remove") => Ok(Method::Remove),
        Some("replace") => Ok(Method::Replace),
        Some("mask") => Ok(Method::Mask),
        Some("hash") => Ok(Method::Hash),
        Some(other) => Err(format!(
            "the method {other:?} is not known; use replace, mask or hash"
        )),
        None => Err("its redaction has no \"method\"".to_owned()),
    }
}

/// Whether the whole match of a pattern is replaced.
fn groups(rule: &Map<String, Value>) -> bool {
    match rule.get("replaceGroups") {
        None | Some(Value::Null) => true,
        Some(groups) => groups.as_array().is_some_and(|groups| {
            groups.is_empty() || groups.iter().any(|group| group.as_u64() == Some(0))
        }),
    }
}
