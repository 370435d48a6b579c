//! The schema of policy and pack files. Unknown keys are errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::words::{Expected, told};

/// `rules/*.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    pub(super) pack: String,
    pub(super) version: u32,
    #[expect(
        dead_code,
        reason = "read so that a file must have it; shown by a later command"
    )]
    pub(super) description: String,
    #[serde(default)]
    pub(super) name: Vec<Spanned<Name>>,
    #[serde(default)]
    pub(super) detect: Vec<Spanned<Detect>>,
    #[serde(default)]
    pub(super) token: Vec<Spanned<Token>>,
    #[serde(default)]
    pub(super) path: Vec<Spanned<Path>>,
    #[serde(default)]
    pub(super) not_pairs: Vec<NotPairs>,
    #[serde(default)]
    pub(super) force: Vec<Spanned<Force>>,
    #[serde(default)]
    pub(super) suffixes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) safe: Safe,
    #[serde(default)]
    pub(super) prefix: Vec<Prefix>,
}

/// A rule by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    pub(super) id: String,
    pub(super) description: String,
    #[serde(rename = "in")]
    pub(super) places: Vec<Place>,
    #[serde(rename = "do")]
    pub(super) action: Option<Action>,
    #[serde(default)]
    pub(super) exact: Vec<String>,
    #[serde(default)]
    pub(super) last: Vec<String>,
    #[serde(default)]
    pub(super) any: Vec<String>,
    #[serde(default)]
    pub(super) gap: Vec<(String, String)>,
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    pub(super) matches: Vec<Spanned<String>>,
    pub(super) ignores: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    Header,
    Param,
    Key,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Leaves,
    Replace,
    Null,
    Address,
    Pseudonym,
    Cookies,
    Query,
    Text,
    NotNames,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DocumentKind {
    Event,
    Container,
    Session,
    Other,
}

/// A rule for a bare token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) source: String,
    #[serde(default)]
    pub(super) anchors: Vec<String>,
    #[serde(default)]
    pub(super) caseless: bool,
    pub(super) before: Option<Run>,
    pub(super) alphabet: Option<Letters>,
    pub(super) length: Option<(usize, usize)>,
    #[serde(default)]
    pub(super) then: Vec<Part>,
    pub(super) until: Option<String>,
    #[serde(default)]
    pub(super) context: Vec<String>,
    #[serde(default)]
    pub(super) keeps_anchor: bool,
    #[serde(default)]
    pub(super) secretlike: bool,
    #[serde(default)]
    pub(super) needs: Vec<Letters>,
    pub(super) matches: Vec<Spanned<String>>,
    pub(super) ignores: Vec<Spanned<String>>,
}

/// A part of a token behind the first.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Part {
    Literal(String),
    Run(Run),
}

/// So many characters of an alphabet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    pub(super) alphabet: Letters,
    pub(super) length: (usize, usize),
}

/// The alphabets that rules name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Letters {
    Digit,
    Hex,
    LowerHex,
    Upper,
    Lower,
    Base62,
    Base64,
    Base64url,
    Word,
    Base32,
    Token,
    Printable,
    Address,
}

impl Letters {
    /// All, by their names in packs.
    pub(super) const ALL: [(&str, Letters); 13] = [
        ("digit", Letters::Digit),
        ("hex", Letters::Hex),
        ("lower_hex", Letters::LowerHex),
        ("upper", Letters::Upper),
        ("lower", Letters::Lower),
        ("base62", Letters::Base62),
        ("base64", Letters::Base64),
        ("base64url", Letters::Base64url),
        ("word", Letters::Word),
        ("base32", Letters::Base32),
        ("token", Letters::Token),
        ("printable", Letters::Printable),
        ("address", Letters::Address),
    ];
}

/// A rule for a form that the engine knows by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Detect {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) what: Detector,
    #[serde(rename = "do", default)]
    pub(super) treated: Option<PersonalAction>,
    pub(super) matches: Vec<Spanned<String>>,
    pub(super) ignores: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Detector {
    UserInfo,
    Email,
    Phone,
    Card,
    Iban,
    Ip,
    Pesel,
    Nip,
    Regon,
    PhonePl,
    AccountPl,
}

/// What becomes of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PersonalAction {
    Remove,
    Mask,
    Hash,
    Truncate,
}

/// A rule by path: member names separated by `/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Path {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) document: DocumentKind,
    pub(super) paths: Vec<String>,
    #[serde(default)]
    pub(super) caseless: bool,
    #[serde(rename = "do")]
    pub(super) action: Action,
}

/// Paths of objects that have a `value` and are no key/value pairs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotPairs {
    pub(super) document: DocumentKind,
    /// Only where the value is a number.
    #[serde(default)]
    pub(super) numbers: bool,
    pub(super) paths: Vec<String>,
}

/// A member that must be there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Force {
    /// On the outermost only.
    pub(super) document: Option<DocumentKind>,
    pub(super) key: String,
    /// JSON text.
    pub(super) value: String,
    #[serde(default)]
    pub(super) inside: Vec<Force>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Safe {
    #[serde(default)]
    pub(super) exact: Vec<String>,
    #[serde(default)]
    pub(super) last: Vec<String>,
    #[serde(default)]
    pub(super) any: Vec<String>,
    /// Words right before a plural.
    #[serde(default)]
    pub(super) counters: BTreeMap<String, Vec<String>>,
    /// Words right behind a plural.
    #[serde(default)]
    pub(super) counted: BTreeMap<String, Vec<String>>,
    /// Words anywhere before a plural.
    #[serde(default)]
    pub(super) quantities: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefix {
    pub(super) text: String,
    pub(super) then: Vec<Place>,
}

/// A pack, and the file that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) file: String,
    /// Of the file's text.
    pub(super) sha256: [u8; 32],
    pub(super) pack: Pack,
    /// The same as it stands there.
    pub(super) table: toml::Table,
    /// Offsets of the text's newlines.
    newlines: Vec<usize>,
    /// It is one of those that we come with, as we come with it.
    pub(super) is_built_in: bool,
}

impl Source {
    /// Reads a pack, or says what is wrong with it and where.
    pub(super) fn read(file: &str, text: &str) -> Result<Source, String> {
        Ok(Source {
            file: file.to_owned(),
            sha256: Sha256::digest(text).into(),
            pack: toml::from_str(text).map_err(|error| told(file, text, &error, Expected::Pack))?,
            table: toml::from_str(text)
                .map_err(|error| told(file, text, &error, Expected::Pack))?,
            newlines: memchr::memchr_iter(b'\n', text.as_bytes()).collect(),
            is_built_in: super::PACKS.contains(&(file, text)),
        })
    }

    /// Where a part of it begins, as `FILE:LINE`.
    pub(super) fn place<T>(&self, part: &Spanned<T>) -> String {
        let before = self.newlines.partition_point(|at| *at < part.span().start);
        format!("{}:{}", self.file, before + 1)
    }
}

pub(super) fn read_policy(file: &str, text: &str) -> Result<super::profile::PolicyFile, String> {
    toml::from_str(text).map_err(|error| told(file, text, &error, Expected::Policy))
}
