//! How things look: struck through and coloured on a terminal, `-` and `+` lines elsewhere. What came over the network can
//! hold control characters; none gets to the terminal.

use std::io::IsTerminal;

use super::diff::{Line, Piece};

/// Characters of an unchanged value, or of an unchanged piece of one, that are shown.
const KEPT_CHARS: usize = 60;
/// Characters of a replaced value that are shown.
const REPLACED_CHARS: usize = 72;
/// Characters of a path that are shown.
const PATH_CHARS: usize = 120;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Colour,
    Plain,
}

impl Style {
    /// Colour only for eyes, and not if they don't want it (no-color.org).
    pub(super) fn of_stdout() -> Style {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        match std::io::stdout().is_terminal() && !unwanted {
            true => Style::Colour,
            false => Style::Plain,
        }
    }

    /// How to read what follows.
    pub(super) fn legend(self) -> String {
        match self {
            Style::Colour => format!(
                "{} was taken out, {} is what went on instead.",
                self.struck("This"),
                self.fresh("this")
            ),
            Style::Plain => "Lines with - came in, those with + went out.".to_owned(),
        }
    }

    fn wrap(self, codes: &str, text: &str) -> String {
        match self {
            Style::Colour => format!("\x1b[{codes}m{text}\x1b[0m"),
            Style::Plain => text.to_owned(),
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn struck(self, text: &str) -> String {
        self.wrap("9;31", text)
    }

    fn fresh(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// One line of a comparison, or the two it takes without colour.
    pub(super) fn line(self, line: &Line) -> String {
        match line {
            Line::Skipped(count) => self.faint(&format!("    … {count} unchanged")) + "\n",
            Line::Same { path, value } => {
                self.faint(&format!("    {}: {}", place(path), both_ends(value))) + "\n"
            }
            Line::Removed { path, old } => self.taken(&place(path), &start(old)),
            Line::Added { path, new } => self.put(&place(path), &both_ends(new)),
            Line::Changed { path, pieces } => match self {
                Style::Colour => {
                    let text: String = pieces
                        .iter()
                        .map(|piece| match piece {
                            Piece::Kept(text) => both_ends(text),
                            Piece::Replaced { old, new } => {
                                format!("{} {}", self.struck(&start(old)), self.fresh(&clean(new)))
                            }
                        })
                        .collect();
                    format!("    {}: {text}\n", place(path))
                }
                Style::Plain => {
                    let side = |old_side: bool| -> String {
                        let text = |piece: &Piece| match piece {
                            Piece::Kept(text) => both_ends(text),
                            Piece::Replaced { old, .. } if old_side => start(old),
                            Piece::Replaced { new, .. } => clean(new),
                        };
                        pieces.iter().map(text).collect()
                    };
                    let path = place(path);
                    self.taken(&path, &side(true)) + &self.put(&path, &side(false))
                }
            },
        }
    }

    /// What did not go on.
    pub(super) fn taken(self, name: &str, text: &str) -> String {
        match self {
            Style::Colour => format!("    {name}: {}\n", self.struck(text)),
            Style::Plain => format!("  - {name}: {text}\n"),
        }
    }

    fn put(self, name: &str, text: &str) -> String {
        match self {
            Style::Colour => format!("    {name}: {}\n", self.fresh(text)),
            Style::Plain => format!("  + {name}: {text}\n"),
        }
    }
}

/// A path, fit for a terminal.
pub(super) fn place(path: &str) -> String {
    let path = clean(path);
    match path.char_indices().nth(PATH_CHARS) {
        Some((at, _)) => format!("{}…", &path[..at]),
        None => path,
    }
}

/// Control characters, and those that change the direction of writing, as escapes.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                cleaned.extend(character.escape_unicode());
            }
            character if character.is_control() => cleaned.extend(character.escape_unicode()),
            character => cleaned.push(character),
        }
    }
    cleaned
}

fn start(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(REPLACED_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Its beginning and its end.
fn both_ends(text: &str) -> String {
    let text = clean(text);
    let count = text.chars().count();
    if count <= KEPT_CHARS {
        return text;
    }
    let half = KEPT_CHARS / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_control_character() {
        let path = "a\x1b[31m\n\u{202e}b";
        assert_eq!(place(path), "a\\u{1b}[31m\\u{a}\\u{202e}b");
        assert_eq!(both_ends(&"é".repeat(200)).chars().count(), KEPT_CHARS + 1);
        assert_eq!(start(&"é".repeat(200)).chars().count(), REPLACED_CHARS + 1);
    }

    #[test]
    fn a_change_in_both_styles() {
        let line = Line::Changed {
            path: "url".to_owned(),
            pieces: vec![
                Piece::Kept("\"/?token=".to_owned()),
                Piece::Replaced {
                    old: "abc".to_owned(),
                    new: "[Filtered]".to_owned(),
                },
                Piece::Kept("\"".to_owned()),
            ],
        };
        assert_eq!(
            Style::Plain.line(&line),
            "  - url: \"/?token=abc\"\n  + url: \"/?token=[Filtered]\"\n"
        );
        assert_eq!(
            Style::Colour.line(&line),
            "    url: \"/?token=\x1b[9;31mabc\x1b[0m \x1b[32m[Filtered]\x1b[0m\"\n"
        );
    }
}
