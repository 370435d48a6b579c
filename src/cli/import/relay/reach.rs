//! Where a selector reaches, in terms of packs: everywhere, a name, or paths.
//!
//! Packs have no exceptions and no types of values, and arrays are transparent to their paths. So a selector may reach further
//! here than there, and that is remarked; never less far, unless it is lost as a whole.

use super::selector::{Item, Selector};

/// Where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    Everywhere,
    /// Members of this name, in places of these kinds.
    Name(String, Vec<&'static str>),
    Paths(Paths),
}

/// Paths in documents of these kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paths {
    pub(super) documents: Vec<&'static str>,
    pub(super) paths: Vec<String>,
    /// What is inside of the values there, and not these as a whole.
    pub(super) inside: bool,
}

/// What a selector comes to.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) reaches: Vec<Reach>,
    /// Why it reaches further than there.
    pub(super) wider: Vec<String>,
    /// Parts that reach nothing here.
    pub(super) lost: Vec<String>,
}

/// Types of plain values: they can stand anywhere.
const BASIC: [&str; 9] = [
    "string", "number", "boolean", "bool", "datetime", "array", "list", "object", "binary",
];

/// What is no JSON of an event: left out by policy, or looked at with all rules.
const NO_EVENT: [&str; 6] = [
    "attachments",
    "minidump",
    "heap_memory",
    "stack_memory",
    "replay",
    "binary",
];

/// Where values of a type stand: kinds of document, and paths there.
fn places(name: &str) -> Option<(Vec<&'static str>, &'static [&'static str])> {
    let event = vec!["event"];
    Some(match name {
        "event" => (event, &[""]),
        "error" | "exception" => (
            event,
            &[
                "exception",
                "exception/values",
                "sentry.interfaces.Exception/values",
            ],
        ),
        "stack" | "stacktrace" => (event, &["**/stacktrace", "**/raw_stacktrace"]),
        "frame" => (event, &["**/frames"]),
        "http" | "request" => (event, &["request", "sentry.interfaces.Http"]),
        "user" => (event, &["user", "sentry.interfaces.User"]),
        "logentry" => (event, &["logentry", "sentry.interfaces.Message"]),
        // An SDK's `message` becomes that of the log entry.
        "message" => (
            event,
            &["logentry/message", "logentry/formatted", "message"],
        ),
        "thread" => (event, &["threads", "threads/values"]),
        "breadcrumb" => (event, &["breadcrumbs", "breadcrumbs/values"]),
        "sdk" => (event, &["sdk"]),
        "span" => (vec!["event", "container"], &["spans", "items"]),
        "log" | "trace_metric" => (vec!["container"], &["items"]),
        _ => return None,
    })
}

/// What a selector comes to.
pub(super) fn resolve(selector: &Selector) -> Resolved {
    let mut resolved = Resolved::default();
    add(selector, &mut resolved);
    resolved
}

fn add(selector: &Selector, into: &mut Resolved) {
    match selector {
        Selector::Or(parts) => parts.iter().for_each(|part| add(part, into)),
        Selector::And(parts) => conjunction(parts, into),
        Selector::Not(_) => {
            into.wider
                .push("it reaches everywhere; packs have no exceptions".to_owned());
            into.reaches.push(Reach::Everywhere);
        }
        Selector::Path(items) => match path(items, into) {
            Ok(reach) => into.reaches.push(reach),
            Err(why) => into.lost.push(why),
        },
    }
}

/// Of several conditions that must all hold, the narrowest one that says where.
fn conjunction(parts: &[Selector], into: &mut Resolved) {
    let is_exception = |part: &&Selector| matches!(part, Selector::Not(_));
    if parts.iter().any(|part| is_exception(&part)) {
        into.wider.push(
            "it reaches also what the selector takes out with `!`; where a rule by name must not reach, make an exception \
             ([[policy.allow]])"
                .to_owned(),
        );
    }
    let mut rest: Vec<Resolved> = parts
        .iter()
        .filter(|part| !is_exception(part))
        .map(resolve)
        .collect();
    if rest.is_empty() {
        into.reaches.push(Reach::Everywhere);
        return;
    }
    // What is everywhere says nothing, where another part says more.
    let vague = |part: &Resolved| part.reaches.contains(&Reach::Everywhere);
    rest.sort_by_key(|part| (!part.lost.is_empty(), vague(part)));
    if rest.len() > 1 && !vague(&rest[1]) {
        into.wider
            .push("of conditions joined with `&&`, only one is asked for".to_owned());
    }
    let first = rest.swap_remove(0);
    into.reaches.extend(first.reaches);
    into.wider.extend(first.wider);
    into.lost.extend(first.lost);
}

fn path(items: &[Item], into: &mut Resolved) -> Result<Reach, String> {
    // What stands before a type of Relay's own says only where that type stands.
    let is_own = |item: &Item| matches!(item, Item::Type(name) if !BASIC.contains(&name.as_str()));
    let from = items.iter().rposition(is_own).unwrap_or(0);
    if from > 0 {
        into.wider.push(format!(
            "what stands before {} in the selector is not asked for",
            shown(&items[from])
        ));
    }
    let mut items = &items[from..];
    let mut inside = false;
    while let [start @ .., last] = items {
        match last {
            Item::Star | Item::Deep | Item::Index => inside = true,
            Item::Type(name) if BASIC.contains(&name.as_str()) && !start.is_empty() => {
                inside = true;
                into.wider
                    .push("the type of a value is not asked for".to_owned());
            }
            Item::Type(_) | Item::Key(_) => break,
        }
        items = start;
    }
    if let [.., Item::Type(name)] = items
        && NO_EVENT.contains(&name.as_str())
    {
        return Err(format!(
            "${name} is no part of an event: text attachments are looked at with all rules, and all others are left out"
        ));
    }
    let (documents, mut paths, rest): (Vec<&str>, Vec<String>, &[Item]) = match items {
        [Item::Type(name), rest @ ..] if !BASIC.contains(&name.as_str()) => {
            let Some((documents, paths)) = places(name) else {
                return Err(match NO_EVENT.contains(&name.as_str()) {
                    true => format!("${name} is no part of an event"),
                    false => format!("there is no type ${name}"),
                });
            };
            let paths = paths.iter().map(|path| (*path).to_owned());
            (documents, paths.collect(), rest)
        }
        [Item::Type(_), rest @ ..] => (vec!["event", "container"], vec!["**".to_owned()], rest),
        rest => (vec!["event", "container"], vec!["**".to_owned()], rest),
    };
    if rest.is_empty() && paths != ["**"] {
        into.wider
            .push("all that is there goes, also fields that Relay never touches".to_owned());
    }
    if let Some(reach) = named(&paths, rest)? {
        return Ok(reach);
    }
    for item in rest {
        match item {
            Item::Key(key) => each(&mut paths, member(key)?),
            Item::Deep => each(&mut paths, "**"),
            // An element of an array, which is no step here, or one member.
            Item::Star | Item::Type(_) => {
                let mut with = paths.clone();
                each(&mut with, "*");
                paths.extend(with);
            }
            Item::Index => into
                .wider
                .push("all elements of an array are reached, not one by its number".to_owned()),
        }
    }
    // The message of a log entry may still stand at the top.
    if matches!(items, [Item::Type(name), Item::Key(key)] if name == "logentry" && key == "formatted")
    {
        paths.push("message".to_owned());
    }
    paths.dedup();
    if paths.iter().all(|path| path.is_empty() || path == "**") {
        return Ok(Reach::Everywhere);
    }
    Ok(Reach::Paths(Paths {
        documents,
        paths,
        inside,
    }))
}

/// A path that says no more than a name: one key anywhere, a header, or a parameter.
fn named(paths: &[String], rest: &[Item]) -> Result<Option<Reach>, String> {
    let keys: Vec<&Item> = rest.iter().filter(|item| **item != Item::Deep).collect();
    let anywhere = paths == ["**"];
    Ok(match keys.as_slice() {
        [Item::Key(key)] if anywhere => Some(Reach::Name(key.clone(), vec!["key"])),
        [Item::Key(around), Item::Key(key)] if around.eq_ignore_ascii_case("headers") => {
            Some(Reach::Name(key.clone(), vec!["header", "key"]))
        }
        [Item::Key(around), Item::Key(key)] if around.eq_ignore_ascii_case("query_string") => {
            Some(Reach::Name(key.clone(), vec!["param"]))
        }
        _ => None,
    })
}

fn each(paths: &mut [String], step: &str) {
    for path in paths {
        if path.is_empty() {
            *path = step.to_owned();
        } else if !(step == "**" && path.ends_with("**")) {
            *path = format!("{path}/{step}");
        }
    }
}

/// A key as a member of a path, if it can be one.
fn member(key: &str) -> Result<&str, String> {
    if key.is_empty() || key.contains('/') || matches!(key, "*" | "**") {
        return Err(format!(
            "the member '{key}' can't be written in a path of a pack"
        ));
    }
    Ok(key)
}

fn shown(item: &Item) -> String {
    match item {
        Item::Type(name) => format!("${name}"),
        Item::Key(key) => key.clone(),
        Item::Index => "an index".to_owned(),
        Item::Star => "*".to_owned(),
        Item::Deep => "**".to_owned(),
    }
}
