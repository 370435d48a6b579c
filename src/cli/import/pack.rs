//! Writes a pack. Each rule is tried before it is taken: one that does not load, or whose examples don't hold in every kind of
//! place, is not written.

use crate::policy::Policy;

/// Names that no rule is likely to mean: one of them is a rule's counterexample.
const HARMLESS: [&str; 4] = ["weather", "shape", "altitude", "flavour"];

/// A pack in the making.
pub(super) struct Pack {
    name: String,
    rules: Vec<(String, String)>,
}

/// A rule by name in the making.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    pub(super) exact: Vec<String>,
    pub(super) last: Vec<String>,
    pub(super) any: Vec<String>,
    pub(super) places: Vec<&'static str>,
}

impl Pack {
    pub(super) fn new(name: &str) -> Pack {
        Pack {
            name: name.to_owned(),
            rules: Vec::new(),
        }
    }

    /// An id that no rule has yet.
    fn id(&self, word: &str) -> String {
        let lower = word.to_ascii_lowercase();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let word: String = lower.trim_start_matches('@').chars().map(plain).collect();
        let base = format!("{}.{}", self.name, word.trim_matches('_'));
        let free = |id: &String| self.rules.iter().all(|(known, _)| known != id);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        std::iter::once(base.clone())
            .chain(numbered)
            .find(free)
            .unwrap_or(base)
    }

    /// Adds a rule: the table it stands in, a word for its id, and its keys as they are in TOML.
    pub(super) fn add(
        &mut self,
        table: &str,
        word: &str,
        keys: &[(&str, String)],
    ) -> Result<(), String> {
        let id = self.id(word);
        let mut text = format!("[[{table}]]\nid = {}\n", quoted(&id));
        for (key, value) in keys {
            text.push_str(&format!("{key} = {value}\n"));
        }
        if self
            .rules
            .iter()
            .any(|(_, known)| body(known) == body(&text))
        {
            return Ok(());
        }
        let alone = format!("{}\n{text}", self.head());
        let said =
            |why: &str| format!("what it comes to does not hold as a rule of a pack ({why})");
        let evidence =
            Policy::try_rules(&[("pack", &alone)]).map_err(|error| said(&error.to_string()))?;
        match evidence.iter().find_map(|rule| rule.failures.first()) {
            Some(failure) => Err(said(failure)),
            None => {
                self.rules.push((id, text));
                Ok(())
            }
        }
    }

    /// Adds a rule by name; its examples are the names.
    pub(super) fn add_names(
        &mut self,
        word: &str,
        description: &str,
        names: &Names,
    ) -> Result<(), String> {
        let matches = [&names.exact[..], &names.last, &names.any].concat();
        let mut problem = String::new();
        for harmless in HARMLESS {
            let mut keys = vec![
                ("description", quoted(description)),
                ("in", array(&names.places)),
            ];
            for (key, words) in [
                ("exact", &names.exact),
                ("last", &names.last),
                ("any", &names.any),
            ] {
                if !words.is_empty() {
                    keys.push((key, array(words)));
                }
            }
            keys.push(("matches", array(&matches)));
            keys.push(("ignores", array(&[harmless])));
            match self.add("name", word, &keys) {
                Ok(()) => return Ok(()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    fn head(&self) -> String {
        format!(
            "pack = {}\nversion = 1\ndescription = \"Imported rules\"\n",
            quoted(&self.name)
        )
    }

    /// The text, with these lines as a remark at its beginning.
    pub(super) fn text(&self, remarks: &[String]) -> String {
        let mut text = String::new();
        for line in remarks {
            let line = line.replace(['\n', '\r'], " ");
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.head());
        for (_, rule) in &self.rules {
            text.push('\n');
            text.push_str(rule);
        }
        text
    }
}

/// A rule without its id.
fn body(rule: &str) -> Vec<&str> {
    rule.lines()
        .filter(|line| !line.starts_with("id = "))
        .collect()
}

/// A string of TOML.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// An array of strings of TOML.
pub(super) fn array<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}
