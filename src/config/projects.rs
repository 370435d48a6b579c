//! `[[projects]]`: keys that clients carry, and the real ones, by reference. Tables of the file, as exceptions are.

use toml::Spanned;
use toml::de::DeTable;

use super::file::convert;
use super::keys::PROJECTS;
use super::load::{Draft, Mistake, Source};
use super::near::is_near;
use super::secrets;
use super::value::{Value, quoted};
use crate::scrub::Rekeying;

/// The keys of a project.
const KEYS: [&str; 3] = ["public", "id", "upstream_key"];
/// As many as a 64-bit number may have.
const PROJECT_DIGITS: usize = 20;
const KEY_CHARS: usize = 64;

/// One of `[[projects]]`: a project whose clients carry another key than the collector's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The key that clients carry: letters and digits.
    pub public: String,
    /// The project: digits.
    pub id: String,
    /// Where the collector's key stands: `env:NAME` or `file:PATH`.
    pub upstream_key: String,
}

/// Reads the upstream keys.
///
/// # Errors
/// All that is wrong with them, a line each. No key is shown.
pub(super) fn load(projects: &[Project]) -> Result<Rekeying, Vec<String>> {
    let mut rekeying = Rekeying::default();
    let mut problems = Vec::new();
    for (number, project) in projects.iter().enumerate() {
        let read = secrets::by_reference(&project.upstream_key).and_then(|key| {
            String::from_utf8(key)
                .ok()
                .filter(|key| is_key(key))
                .ok_or_else(|| {
                    format!(
                        "what {} holds is no key of a DSN (letters and digits)",
                        project.upstream_key
                    )
                })
        });
        match read {
            Ok(key) => rekeying.insert(&project.public, &key),
            Err(what) => problems.push(format!("{PROJECTS}[{number}]: upstream_key: {what}")),
        }
    }
    match problems.is_empty() {
        true => Ok(rekeying),
        false => Err(problems),
    }
}

fn is_key(key: &str) -> bool {
    (1..=KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Reads the tables into `draft`; `offset` is that of their key.
pub(super) fn read(
    offset: usize,
    tables: &[Spanned<&DeTable<'_>>],
    at: &dyn Fn(usize) -> Source,
    draft: &mut Draft,
) {
    draft.sources.insert(PROJECTS, at(offset));
    draft.config.projects.clear();
    for table in tables {
        let source = at(table.span().start);
        let known = &draft.config.projects;
        let result = project(table, at).and_then(|project| {
            match known.iter().any(|other| other.public == project.public) {
                true => Err(vec![(
                    None,
                    "its public key is that of another project; each needs one of its own"
                        .to_owned(),
                )]),
                false => Ok(project),
            }
        });
        match result {
            Ok(project) => {
                draft.config.projects.push(project);
                draft.project_sources.push(source);
            }
            Err(wrong) => {
                let mistakes = wrong.into_iter().map(|(place, text)| Mistake {
                    place: Some(place.unwrap_or_else(|| source.clone())),
                    text: format!("{PROJECTS}: {text}"),
                });
                draft.mistakes.extend(mistakes);
            }
        }
    }
}

/// What is wrong, and where, if not with the table as a whole.
type Wrong = (Option<Source>, String);

fn project(
    table: &Spanned<&DeTable<'_>>,
    at: &dyn Fn(usize) -> Source,
) -> Result<Project, Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = Vec::new();
    let (mut public, mut id, mut upstream_key) = (None, None, None);
    for (key, value) in *table.get_ref() {
        let value = convert(value.get_ref());
        let (slot, read) = match key.get_ref().as_ref() {
            "public" => (&mut public, key_of(&value)),
            "id" => (&mut id, id_of(&value)),
            "upstream_key" => (&mut upstream_key, secrets::reference(&value)),
            other => {
                wrong.push((Some(at(key.span().start)), unknown(other)));
                continue;
            }
        };
        match read {
            Ok(text) => *slot = Some(text),
            Err(what) => {
                // It is there, only wrong.
                *slot = Some(String::new());
                wrong.push((
                    Some(at(key.span().start)),
                    format!("{}: {what}", key.get_ref()),
                ));
            }
        }
    }
    let missing = [
        (public.is_none(), "public, the key that its clients carry"),
        (id.is_none(), "id, its number at the collector"),
        (
            upstream_key.is_none(),
            "upstream_key, where the collector's key stands (env:NAME or file:PATH)",
        ),
    ];
    let missing = missing.into_iter().filter(|(is, _)| *is);
    wrong.extend(missing.map(|(_, what)| (None, format!("it has no {what}"))));
    match (public, id, upstream_key) {
        (Some(public), Some(id), Some(upstream_key)) if wrong.is_empty() => Ok(Project {
            public,
            id,
            upstream_key,
        }),
        _ => Err(wrong),
    }
}

fn key_of(value: &Value) -> Result<String, String> {
    let text = value.text()?;
    match is_key(text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "is no key of a DSN; give 1 to {KEY_CHARS} letters and digits, the part before the @"
        )),
    }
}

fn id_of(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(_) | Value::Bare(_) | Value::List(_) | Value::Scalar(..) | Value::Other(_) => {
            value.text()?.to_owned()
        }
    };
    let digits = (1..=PROJECT_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit());
    match digits {
        true => Ok(text),
        false => Err(format!(
            "{text:?} is no project's number; give the digits at the end of its DSN"
        )),
    }
}

fn unknown(key: &str) -> String {
    match KEYS.iter().find(|known| is_near(key, known)) {
        Some(meant) => format!("unknown key {key}; did you mean {meant}?"),
        None => format!("unknown key {key}; a project has {}", KEYS.join(", ")),
    }
}

/// The projects as one array. The keys are references and public.
pub(super) fn show(projects: &[Project]) -> String {
    let tables: Vec<String> = projects
        .iter()
        .map(|project| {
            format!(
                "{{ public = {}, id = {}, upstream_key = {} }}",
                quoted(&project.public),
                quoted(&project.id),
                quoted(&project.upstream_key)
            )
        })
        .collect();
    format!("[{}]", tables.join(", "))
}
