//! Reads a configuration together: [`Loader`] in, [`Resolved`] or all [`Mistake`]s out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::keys::{LISTS, POLICY_ALLOW, PROJECTS, UPSTREAM_URL, keys};
use super::near::{known_near, near_section, nearest, sections};
use super::value::Value;
use super::{Config, DEFAULT_FILE, UpstreamUrl, env, file};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of the file.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag on the command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path, line) => write!(f, "{}:{line}", path.display()),
            Source::Environment(name) => f.write_str(name),
            Source::Flag => f.write_str("command line"),
        }
    }
}

/// One mistake: where, which key, what and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands, if it stands anywhere.
    pub place: Option<Source>,
    /// The text, without the place.
    pub text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// All that is wrong with a configuration, one mistake a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Never empty.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.mistakes.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A configuration, and where each of its values came from. Its `Display` is the file that would say the same.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    sources: BTreeMap<&'static str, Source>,
    /// Where each exception stands, in their order.
    allow_sources: Vec<Source>,
    /// Where each project stands, in their order.
    project_sources: Vec<Source>,
    warnings: Vec<String>,
}

impl Resolved {
    /// What is no mistake and may not be meant, a line each: variables that are one underscore off, and settings that promise less than
    /// they seem to.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Each setting: its name, and its value as TOML.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        keys().map(|key| (key.name, (key.show)(&self.config)))
    }

    /// Where the value of this key came from (`server.listen`), or an exception, or a project, counted from 0 (`policy.allow[0]`).
    pub fn source(&self, key: &str) -> &Source {
        let numbered = [
            (POLICY_ALLOW, &self.allow_sources),
            (PROJECTS, &self.project_sources),
        ];
        let numbered = numbered.into_iter().find_map(|(list, sources)| {
            let number = key.strip_prefix(list)?.strip_prefix('[')?;
            sources.get(number.strip_suffix(']')?.parse::<usize>().ok()?)
        });
        numbered
            .or_else(|| self.sources.get(key))
            .unwrap_or(&Source::Default)
    }

    /// A mistake that only shows when the policy is loaded (`policy.hash_key: …`), with the place that its key comes from.
    pub(crate) fn located(&self, problem: &str) -> String {
        let (key, what) = problem.split_once(':').unwrap_or((problem, ""));
        // Of an exception, its line says which one it is.
        let shown = key.split('[').next().unwrap_or_default();
        match self.source(key) {
            // What nobody has set stands nowhere.
            Source::Default => format!("{shown}:{what}"),
            place @ (Source::File(..) | Source::Environment(_) | Source::Flag) => {
                format!("{place}: {shown}:{what}")
            }
        }
    }
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for (number, key) in keys().enumerate() {
            let (of, name) = key.name.rsplit_once('.').unwrap_or(("", key.name));
            if of != section {
                let gap = if number == 0 { "" } else { "\n" };
                writeln!(f, "{gap}[{of}]")?;
                section = of;
            }
            let setting = format!("{name} = {}", (key.show)(&self.config));
            writeln!(f, "{setting:<44} # {}", self.source(key.name))?;
        }
        Ok(())
    }
}

/// Reads a configuration together.
///
/// ```
/// use scrubline::config::Loader;
///
/// let resolved = Loader::default().no_file().flag("upstream.url", "http://127.0.0.1:8000").load()?;
/// assert_eq!(resolved.config.server.listen.port(), 9180);
/// # Ok::<(), scrubline::config::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Loader {
    file: FileChoice,
    environment: Vec<(OsString, OsString)>,
    flags: Vec<(String, String)>,
    no_upstream: bool,
}

#[derive(Debug, Clone, Default)]
enum FileChoice {
    /// [`DEFAULT_FILE`], if it exists.
    #[default]
    Usual,
    None,
    Named(PathBuf),
    /// The same, and it must say something.
    Held(PathBuf),
}

/// Whether a file has more than white space.
fn says_something(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| !bytes.trim_ascii().is_empty())
}

/// Whether nothing is there, not even a link that leads nowhere; what may not be looked at may be something.
fn is_nothing(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

impl Loader {
    /// Reads this file, which must exist, instead of the usual one.
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = FileChoice::Named(path.as_ref().to_owned());
        self
    }

    /// Reads no file.
    pub fn no_file(mut self) -> Self {
        self.file = FileChoice::None;
        self
    }

    /// Reads these variables (`std::env::vars_os()`), as far as they are ours: `SCRUBLINE_SECTION__KEY`.
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// Sets one key (`upstream.url`) from the command line. Two different values for one key are a mistake.
    pub fn flag(mut self, key: &str, value: &str) -> Self {
        self.flags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The file that it reads, if it reads one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match &self.file {
            FileChoice::None => None,
            FileChoice::Usual => Some(PathBuf::from(DEFAULT_FILE)),
            FileChoice::Named(path) | FileChoice::Held(path) => Some(path.clone()),
        }
    }

    /// The file in which it has been found to have something: from now on it must be there, and not be empty. A file that is saved is
    /// so for a moment, and what it said must not be forgotten for that.
    pub(crate) fn hold_to_file(&mut self) {
        if let Some(path) = self.path()
            && says_something(&path)
        {
            self.file = FileChoice::Held(path);
        }
    }

    /// The collector need not be said: nothing will be sent.
    pub fn no_upstream(mut self) -> Self {
        self.no_upstream = true;
        self
    }

    /// The configuration, or all that is wrong with it.
    pub fn load(self) -> Result<Resolved, Error> {
        let mut draft = Draft {
            config: Config::with_upstream(UpstreamUrl::placeholder()),
            sources: BTreeMap::new(),
            allow_sources: Vec::new(),
            project_sources: Vec::new(),
            mistakes: Vec::new(),
            unread: false,
        };
        match &self.file {
            FileChoice::None => {}
            FileChoice::Held(path) if !says_something(path) => {
                draft.unread = true;
                draft.mistakes.push(Mistake {
                    place: None,
                    text: format!(
                        "{}: is gone or empty, and said something before; write it again, or start anew without it",
                        path.display()
                    ),
                });
            }
            FileChoice::Named(path) | FileChoice::Held(path) => file::read(path, &mut draft),
            FileChoice::Usual if is_nothing(Path::new(DEFAULT_FILE)) => {}
            FileChoice::Usual => file::read(Path::new(DEFAULT_FILE), &mut draft),
        }
        env::read(&self.environment, &mut draft);
        draft.mistakes.extend(contradictions(&self.flags));
        for (key, value) in self.flags {
            draft.set(&key, Value::Bare(value), Source::Flag, &key);
        }
        if !draft.unread && !self.no_upstream && !draft.sources.contains_key(UPSTREAM_URL) {
            draft.mistakes.push(Mistake {
                place: None,
                text: missing_upstream(&self.environment),
            });
        }
        if draft.mistakes.is_empty() {
            let clashes = draft.config.clashes();
            draft.mistakes.extend(clashes);
        }
        if draft.mistakes.is_empty() {
            let mut warnings = env::near_misses(&self.environment);
            // Where nothing is sent, only the policy is of interest.
            if !self.no_upstream {
                warnings.extend(draft.config.doubts());
            }
            Ok(Resolved {
                config: draft.config,
                sources: draft.sources,
                allow_sources: draft.allow_sources,
                project_sources: draft.project_sources,
                warnings,
            })
        } else {
            Err(Error {
                mistakes: draft.mistakes,
            })
        }
    }
}

/// Keys that flags set to different values: `--listen` and `--set server.listen=…` are one key, and which of them is meant
/// can't be known. The values are not shown; a URL may hold a password.
fn contradictions(flags: &[(String, String)]) -> Vec<Mistake> {
    let mut keys: Vec<&str> = Vec::new();
    for (n, (key, value)) in flags.iter().enumerate() {
        let differs = |(k, v): &(String, String)| k == key && v != value;
        if flags[..n].iter().any(differs) && !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let mistake = |key: &str| {
        let list = match LISTS.contains(&key) {
            true => ", with its values separated by commas",
            false => "",
        };
        Mistake {
            place: Some(Source::Flag),
            text: format!("{key} is set to two different values; give it once{list}"),
        }
    };
    keys.into_iter().map(mistake).collect()
}

fn missing_upstream(environment: &[(OsString, OsString)]) -> String {
    let hint = if environment
        .iter()
        .any(|(name, _)| name == "SCRUBLINE_UPSTREAM_URL")
    {
        " (SCRUBLINE_UPSTREAM_URL is set, but needs two underscores before URL)"
    } else {
        ""
    };
    format!(
        "upstream.url is missing: say where the collector is, as --upstream https://o1.ingest.de.sentry.io, \
         SCRUBLINE_UPSTREAM__URL, or [upstream] url in {DEFAULT_FILE}{hint}"
    )
}

/// A configuration in the making.
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) sources: BTreeMap<&'static str, Source>,
    pub(super) allow_sources: Vec<Source>,
    pub(super) project_sources: Vec<Source>,
    pub(super) mistakes: Vec<Mistake>,
    /// The file could not be read, so nothing can be said to be missing.
    pub(super) unread: bool,
}

impl Draft {
    /// A table that is no section of ours. What is in it is not missing, only in the wrong place.
    pub(super) fn unknown_section(&mut self, name: &str, source: Source) {
        let meant = near_section(name);
        let hint = match meant {
            Some(meant) => format!("did you mean [{meant}]?"),
            None => known_near(name),
        };
        self.unread |= meant.is_some();
        self.mistakes.push(Mistake {
            place: Some(source),
            text: format!("unknown section [{name}]; {hint}"),
        });
    }

    /// Sets one key; a mistake is noted. `spelling` is how the source writes the key.
    pub(super) fn set(&mut self, name: &str, value: Value, source: Source, spelling: &str) {
        let result = match keys().find(|key| key.name == name) {
            Some(key) => {
                // Also when the value is wrong: then it is not missing.
                self.sources.insert(key.name, source.clone());
                (key.set)(&mut self.config, &value).map_err(|wrong| format!("{spelling}: {wrong}"))
            }
            None => {
                let meant = nearest(name).filter(|_| !sections().contains(&name));
                if let Some(meant) = meant {
                    // Not missing either, only misspelt.
                    self.sources.insert(meant, source.clone());
                }
                let hint = match (meant, &source) {
                    (None, _) => known_near(name),
                    (Some(meant), Source::Environment(_)) => {
                        format!("did you mean {}?", env::variable(meant))
                    }
                    (Some(meant), Source::Default | Source::File(..) | Source::Flag) => {
                        format!("did you mean {meant}?")
                    }
                };
                Err(format!("unknown key {spelling}; {hint}"))
            }
        };
        if let Err(text) = result {
            self.mistakes.push(Mistake {
                place: Some(source),
                text,
            });
        }
    }
}
