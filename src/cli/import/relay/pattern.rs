//! Regular expressions, as far as a pack can say the same: an alternation of plain words, for names; a fixed beginning and a run of
//! characters, for tokens. Everything else is refused, and its author is told.

use crate::policy;
use crate::scrub::Alphabet;

/// The words of a key's pattern.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Whole names: `^word$`.
    pub(super) exact: Vec<String>,
    /// At a name's end: `word$`.
    pub(super) last: Vec<String>,
    /// Anywhere in a name.
    pub(super) any: Vec<String>,
    /// Alternatives that are no plain words.
    pub(super) others: Vec<String>,
}

/// The words of a pattern. White space, `-`, `_` and `.` are one separator, and case does not matter.
pub(super) fn words(pattern: &str) -> Words {
    let mut words = Words::default();
    let plain = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    for alternative in alternatives(ungrouped(plain)) {
        let (start, rest) = match alternative.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, alternative),
        };
        let (end, rest) = match rest.strip_suffix('$') {
            Some(rest) if !rest.ends_with('\\') => (true, rest),
            _ => (false, rest),
        };
        let open_start = rest.strip_prefix(".*");
        let start = start && open_start.is_none();
        let rest = open_start.unwrap_or(rest);
        let open_end = rest.strip_suffix(".*");
        let end = end && open_end.is_none();
        match spellings(ungrouped(open_end.unwrap_or(rest))) {
            Some(found) => {
                let into = match (start, end) {
                    (true, true) => &mut words.exact,
                    (false, true) => &mut words.last,
                    // A name that begins so: anywhere is more.
                    (_, false) => &mut words.any,
                };
                for word in found {
                    if !into.contains(&word) {
                        into.push(word);
                    }
                }
            }
            None => words.others.push(alternative.to_owned()),
        }
    }
    words
}

/// A pattern without parentheses around the whole.
fn ungrouped(pattern: &str) -> &str {
    let Some(inside) = pattern
        .strip_prefix("(?:")
        .or_else(|| pattern.strip_prefix('('))
        .and_then(|inside| inside.strip_suffix(')'))
    else {
        return pattern;
    };
    let mut depth = 0i32;
    let mut escaped = false;
    for character in inside.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' if depth == 0 => return pattern,
            ')' => depth -= 1,
            _ => {}
        }
    }
    if depth == 0 && !escaped {
        ungrouped(inside)
    } else {
        pattern
    }
}

/// The alternatives at the outermost level.
fn alternatives(pattern: &str) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut escaped) = (Vec::new(), 0, 0i32, false);
    for (at, character) in pattern.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&pattern[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[from..]);
    parts
}

/// The spellings of one plain word: several where a separator may be left out.
fn spellings(pattern: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (part, mut behind) = if let Some(class) = rest.strip_prefix('[') {
            let (class, behind) = class.split_once(']')?;
            let separates = |c: char| matches!(c, '-' | '_' | '.' | ' ' | '\\' | 's');
            // Only separators, of which `\s` is one.
            if class.is_empty()
                || !class
                    .replace("\\s", " ")
                    .chars()
                    .all(|c| separates(c) && c != 's')
            {
                return None;
            }
            (' ', behind)
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            let next = escaped.chars().next()?;
            let part = match next {
                's' => ' ',
                'b' => {
                    rest = &escaped[1..];
                    continue;
                }
                next if next.is_ascii_alphanumeric() => return None,
                next => next,
            };
            (part, &escaped[next.len_utf8()..])
        } else {
            let plain =
                first.is_alphanumeric() || matches!(first, '_' | '-' | '.' | ' ' | ':' | '/');
            if !plain {
                return None;
            }
            (first, &rest[first.len_utf8()..])
        };
        let separates = matches!(part, ' ' | '_' | '-' | '.' | ':' | '/');
        let optional = behind.starts_with(['?', '*']);
        if optional || behind.starts_with('+') {
            behind = &behind[1..];
            // A plural is the same name.
            let plural = part == 's' && behind.is_empty();
            if !separates && !plural {
                return None;
            }
            if plural {
                break;
            }
        }
        if behind.starts_with('{') {
            return None;
        }
        let without = words.clone();
        for word in &mut words {
            word.push(if separates { '_' } else { part });
        }
        if optional {
            words.extend(without);
        }
        rest = behind;
    }
    words
        .iter_mut()
        .for_each(|word| *word = word.trim_matches('_').to_owned());
    let named = |word: &String| word.chars().any(char::is_alphanumeric);
    (words.len() <= 16 && words.iter().all(named)).then_some(words)
}

/// A token that a pattern describes.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) anchor: String,
    pub(super) caseless: bool,
    /// The first run, and what follows it.
    pub(super) alphabet: &'static str,
    pub(super) length: (usize, usize),
    pub(super) then: Vec<Part>,
    /// It is looked for at words' borders only, which the pattern does not ask for.
    pub(super) bounded: bool,
    /// The shortest text that it is.
    pub(super) sample: String,
    /// What it is not: the beginning alone.
    pub(super) counter: String,
}

/// A part of a token behind its first run.
#[derive(Debug)]
pub(super) enum Part {
    Literal(String),
    Run(&'static str, (usize, usize)),
}

/// Longest run that a pack may have.
const LONGEST: usize = 4096;

#[derive(Debug)]
enum Atom {
    Literal(char),
    Run(Alphabet, (usize, usize)),
}

/// The token that a pattern describes, or why it describes none that a pack can have.
pub(super) fn token(pattern: &str) -> Result<Token, String> {
    let (caseless, rest) = match pattern.strip_prefix("(?i)") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (start, rest) = match rest.strip_prefix("\\b") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (end, rest) = match rest.strip_suffix("\\b") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let atoms = atoms(ungrouped(rest), caseless)?;
    let anchor: String = atoms
        .iter()
        .map_while(|atom| match atom {
            Atom::Literal(character) => Some(*character),
            Atom::Run(..) => None,
        })
        .collect();
    let behind = &atoms[anchor.chars().count()..];
    if anchor.len() < 2 || !anchor.is_ascii() {
        return Err(
            "it has no fixed beginning of two characters, by which a pack finds a token".to_owned(),
        );
    }
    let Some((Atom::Run(first, length), rest)) = behind.split_first() else {
        return Err("it is a fixed text; name it under [secrets] instead".to_owned());
    };
    let alphabet = named(*first)?;
    let mut then = Vec::new();
    let mut sample = anchor.clone();
    fill(&mut sample, *first, length.0);
    for atom in rest {
        match atom {
            Atom::Literal(character) => {
                sample.push(*character);
                match then.last_mut() {
                    Some(Part::Literal(text)) => text.push(*character),
                    _ => then.push(Part::Literal(character.to_string())),
                }
            }
            Atom::Run(set, length) => {
                fill(&mut sample, *set, length.0);
                then.push(Part::Run(named(*set)?, *length));
            }
        }
    }
    let marked = |text: &str| text.replace('~', "~~");
    Ok(Token {
        counter: marked(&anchor),
        sample: marked(&sample),
        anchor,
        caseless,
        alphabet,
        length: *length,
        then,
        bounded: !(start && end),
    })
}

/// So many characters of a set, of each kind that it has.
fn fill(text: &mut String, set: Alphabet, count: usize) {
    let all: Vec<char> = ('!'..='~').filter(|c| set.has(*c as u8)).collect();
    // Far apart, so that letters and digits take turns.
    let step = (all.len() / 3).max(1) | 1;
    text.extend(
        (0..count).filter_map(|n| all.get((n * step + n / all.len().max(1)) % all.len().max(1))),
    );
}

/// The smallest alphabet of packs that has all of a set.
fn named(set: Alphabet) -> Result<&'static str, String> {
    let size = |set: Alphabet| (0u8..0x80).filter(|byte| set.has(*byte)).count();
    policy::alphabets()
        .into_iter()
        .filter(|(_, alphabet)| alphabet.or(set) == *alphabet)
        .min_by_key(|(_, alphabet)| size(*alphabet))
        .map(|(name, _)| name)
        .ok_or_else(|| "it has characters that are in no alphabet of a pack".to_owned())
}

fn atoms(pattern: &str, caseless: bool) -> Result<Vec<Atom>, String> {
    let mut atoms = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        let set = match character {
            '[' => {
                let mut class = String::new();
                loop {
                    match rest.next() {
                        None => return Err("a class in it is not closed".to_owned()),
                        Some(']') => break,
                        Some('\\') => {
                            class.push('\\');
                            class.extend(rest.next());
                        }
                        Some(other) => class.push(other),
                    }
                }
                Some(class_of(&class)?)
            }
            '\\' => match rest.next() {
                Some('d') => Some(Alphabet::of(b'0'..=b'9')),
                Some('w') => Some(word()),
                Some(other) if !other.is_alphanumeric() => {
                    atoms.push(Atom::Literal(other));
                    None
                }
                _ => return Err(free()),
            },
            '(' | ')' | '|' | '.' | '^' | '$' | '?' | '*' | '+' | '{' | '}' => return Err(free()),
            other => {
                atoms.push(Atom::Literal(other));
                None
            }
        };
        let length = quantifier(&mut rest)?;
        match (set, length) {
            (Some(set), length) => {
                let set = if caseless { both_cases(set) } else { set };
                atoms.push(Atom::Run(set, length.unwrap_or((1, 1))));
            }
            (None, None) => {}
            (None, Some(_)) => return Err(free()),
        }
    }
    Ok(atoms)
}

fn free() -> String {
    "it is a free pattern; a pack has tokens by a beginning, an alphabet and a length".to_owned()
}

fn word() -> Alphabet {
    Alphabet::of((0u8..0x80).filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
}

fn both_cases(set: Alphabet) -> Alphabet {
    Alphabet::of(
        (0u8..0x80).filter(|byte| {
            set.has(byte.to_ascii_lowercase()) || set.has(byte.to_ascii_uppercase())
        }),
    )
}

/// The set of a class without its brackets.
fn class_of(class: &str) -> Result<Alphabet, String> {
    if class.starts_with('^') || class.contains("[:") || !class.is_ascii() {
        return Err(free());
    }
    let mut set = Alphabet::default();
    let bytes = class.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (first, width) = match bytes[at] {
            b'\\' => match bytes.get(at + 1) {
                Some(b'd') => {
                    set = set.or(Alphabet::of(b'0'..=b'9'));
                    at += 2;
                    continue;
                }
                Some(b'w') => {
                    set = set.or(word());
                    at += 2;
                    continue;
                }
                Some(other) if !other.is_ascii_alphanumeric() => (*other, 2),
                _ => return Err(free()),
            },
            plain => (plain, 1),
        };
        let behind = at + width;
        match (bytes.get(behind), bytes.get(behind + 1)) {
            (Some(b'-'), Some(last)) if *last != b'\\' => {
                if first > *last {
                    return Err("a range in it runs backwards".to_owned());
                }
                set = set.or(Alphabet::of(first..=*last));
                at = behind + 2;
            }
            _ => {
                set = set.or(Alphabet::of([first]));
                at = behind;
            }
        }
    }
    Ok(set)
}

/// How often what stands before may come, if that is said.
fn quantifier(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<Option<(usize, usize)>, String> {
    let length = match rest.peek() {
        Some('+') => (1, LONGEST),
        Some('*') => (0, LONGEST),
        Some('?') => (0, 1),
        Some('{') => {
            rest.next();
            let mut text = String::new();
            while let Some(next) = rest.next_if(|c| *c != '}') {
                text.push(next);
            }
            let (least, most) = text.split_once(',').unwrap_or((&text, &text));
            let least: usize = least.parse().map_err(|_| free())?;
            let most = match most.is_empty() {
                true => LONGEST,
                false => most.parse().map_err(|_| free())?,
            };
            (least, most)
        }
        _ => return Ok(None),
    };
    rest.next();
    match rest.peek() {
        // Lazy or possessive: another meaning.
        Some('?' | '+') => Err(free()),
        _ => Ok(Some(length)),
    }
}
