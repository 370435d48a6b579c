//! The coverage map: every field of what Sentry's SDKs send, and what is done to it. It is made by putting probes into each field and
//! looking at what comes out, and is `docs/coverage.md`. The fields are listed in `tests/coverage/*.txt`.
//!
//! `UPDATE_COVERAGE=1 cargo test --test coverage` writes the map anew.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    missing_docs
)]

#[path = "coverage/carrier.rs"]
mod carrier;
#[path = "coverage/fields.rs"]
mod fields;
#[path = "coverage/probe.rs"]
mod probe;
#[path = "support/scrub.rs"]
mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use carrier::{PACKED, send};
use fields::{Field, Place, Section, attributes, sections};
use probe::{CANARY, Kind, leaks, telling_names, telling_texts};
use scrubline::policy::Policy;
use scrubline::scrub::{Opaque, Plan, PlanBuilder};
use serde_json::{Value, json};

const MAP: &str = "docs/coverage.md";

/// So many lines of what has changed are shown.
const SHOWN: usize = 60;

/// What stands before the tables.
const HEAD: &str = "\
# What is done to each field

Written by `UPDATE_COVERAGE=1 cargo test --test coverage`, which puts probes into every field and looks at what comes out. Don't edit it:
the same test without the variable fails when it is out of date, and when a probe's secret leaves from any field.

A field's path is that of a rule ([rules/README.md](../rules/README.md)), with `[]` behind what is an array; `<key>` is any name. The columns,
under the policy `sentry-eu`:

- **plain**: an ordinary value of what the field holds;
- **text**: a secret in a text there, `see https://x.example/?page=2&token=…`;
- **name**: a secret under a name that tells it, `{\"password\": …}`, or in the field itself where `password` stands for the last `<key>`;
- **key**: a secret in a name, `{\"https://x.example/?page=2&token=…\": …}`;
- **strict**: what differs under the policy `strict`.

| word | |
| --- | --- |
| passed | leaves as it came |
| scrubbed | of the value, the secret alone is replaced by `[Filtered]`, and all else leaves as it came |
| masked | the same with asterisks, where the length must stay |
| filtered | the whole value is replaced by `[Filtered]`; in maps, pairs and lists, each leaf, and the names stay |
| filtered with what is around it | an object around the field is replaced by `[Filtered]` |
| masked with what follows | in a line, what stands behind the field goes too |
| null, emptied, removed, set to …, … added | what becomes of the value, and what policy adds to it |
| dropped | the item is left out |
| refused | the whole request is |

In `packages`, names are those of packages, and tell no secret.
";

fn plan(policy: &str) -> Arc<Plan> {
    Policy::builtin(policy).unwrap().plan()
}

/// What has become of the probes in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    plain: String,
    text: String,
    name: String,
    key: String,
}

impl Seen {
    fn columns(&self) -> [(&str, &str); 4] {
        [
            ("plain", &self.plain),
            ("text", &self.text),
            ("name", &self.name),
            ("key", &self.key),
        ]
    }
}

/// Puts a field's own probes into it.
fn see(plan: &Arc<Plan>, section: &Section, field: &Field) -> Seen {
    let probes = field.kind.probes();
    let sent = |field: &Field, value: &Value| {
        let came = send(plan, section, field, value);
        match leaks(&came.bytes) {
            true => "**leaks**".to_owned(),
            false => came.outcome,
        }
    };
    let maybe = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or_else(String::new, |it| sent(field, it))
    };
    let name = match named(field) {
        Some(named) if probes.name.is_none() => sent(&named, &json!(CANARY)),
        Some(_) | None => maybe(&probes.name),
    };
    Seen {
        plain: sent(field, &probes.plain),
        text: sent(field, &probes.text),
        name,
        key: maybe(&probes.key),
    }
}

/// A field whose name is free, under a name that tells of a secret.
fn named(field: &Field) -> Option<Field> {
    let at = field.path.rfind("<key>")?;
    let mut named = field.clone();
    named.path.replace_range(at..at + "<key>".len(), "password");
    Some(named)
}

/// One line of a table.
fn row(out: &mut String, path: &str, kind: &Kind, seen: &Seen, strict: &Seen) {
    let differs = seen.columns().into_iter().zip(strict.columns());
    let differs = differs.filter(|((_, usual), (_, strict))| usual != strict);
    let differs: Vec<String> = differs
        .map(|(_, (column, word))| format!("{column} {word}"))
        .collect();
    let [plain, text, name, key] = seen.columns().map(|(_, word)| word);
    let kind = &kind.0;
    let strict = differs.join(", ");
    let line = format!("| {path} | {kind} | {plain} | {text} | {name} | {key} | {strict} |");
    writeln!(
        out,
        "{}",
        line.replace("|  |", "| |").replace("|  |", "| |")
    )
    .unwrap();
}

const COLUMNS: &str =
    "holds | plain | text | name | key | strict |\n| --- | --- | --- | --- | --- | --- | --- |";

/// Where attributes stand: what that is called, the section, and the path. In the first four they have a type; the others are plain
/// members.
const ATTRIBUTES: [(&str, &str, &str); 9] = [
    ("spans", "span, version 2", "items[]/attributes/%/value"),
    (
        "links of spans",
        "span, version 2",
        "items[]/links[]/attributes/%/value",
    ),
    ("logs", "log", "items[]/attributes/%/value"),
    ("metrics", "trace_metric", "items[]/attributes/%/value"),
    ("`data` of spans", "transaction", "spans[]/data/%"),
    (
        "`data` of a span that stands alone",
        "span, version 1",
        "data/%",
    ),
    (
        "`data` of the trace context",
        "event",
        "contexts/trace/data/%",
    ),
    (
        "`data` of breadcrumbs",
        "event",
        "breadcrumbs/values[]/data/%",
    ),
    (
        "`attributes` of the otel context",
        "event",
        "contexts/otel/attributes/%",
    ),
];

fn titled<'a>(sections: &'a [Section], title: &str) -> &'a Section {
    let found = sections.iter().find(|section| section.title == title);
    found.expect("a section that there is")
}

fn attribute(name: &str, kind: &Kind, path: &str) -> Field {
    Field {
        path: path.replace('%', name),
        kind: kind.clone(),
        template: None,
    }
}

fn attributes_table(out: &mut String, sections: &[Section], usual: &Arc<Plan>, strict: &Arc<Plan>) {
    let names = ATTRIBUTES.map(|(name, ..)| name);
    let (last, names) = names.split_last().unwrap();
    writeln!(
        out,
        "\n## attributes\n\nIn {} and {last}. Where they differ, there is a line for each.\n",
        names.join(", ")
    )
    .unwrap();
    writeln!(out, "| attribute | {COLUMNS}").unwrap();
    for (name, kind) in attributes() {
        let mut groups: Vec<(Seen, Seen, Vec<&str>)> = Vec::new();
        for (place, title, path) in ATTRIBUTES {
            let section = titled(sections, title);
            let field = attribute(&name, &kind, path);
            let seen = (see(usual, section, &field), see(strict, section, &field));
            match groups
                .iter_mut()
                .find(|(a, b, _)| (a, b) == (&seen.0, &seen.1))
            {
                Some((_, _, places)) => places.push(place),
                None => groups.push((seen.0, seen.1, vec![place])),
            }
        }
        let is_one = groups.len() == 1;
        for (seen, strict, places) in groups {
            let shown = match is_one {
                true => format!("`{name}`"),
                false => format!("`{name}` in {}", places.join(", ")),
            };
            row(out, &shown, &kind, &seen, &strict);
        }
    }
}

/// The map as it is to be.
fn map() -> String {
    let (usual, strict) = (plan("sentry-eu"), plan("strict"));
    let sections = sections();
    let mut out = HEAD.to_owned();
    for section in &sections {
        writeln!(out, "\n## {}\n\n{}\n", section.title, section.about).unwrap();
        writeln!(out, "| field | {COLUMNS}").unwrap();
        let (usual, strict) = (section.plan(&usual), section.plan(&strict));
        for field in &section.fields {
            let seen = see(&usual, section, field);
            let under_strict = see(&strict, section, field);
            let path = match (section.place, &field.template) {
                (Place::Form, Some(template)) => {
                    format!(
                        "`{}`: `{}`",
                        field.path,
                        template.replace(PACKED, "").replace('%', "…")
                    )
                }
                _ => format!("`{}`", field.path),
            };
            row(&mut out, &path, &field.kind, &seen, &under_strict);
        }
    }
    attributes_table(&mut out, &sections, &usual, &strict);
    out
}

#[test]
fn the_map_is_up_to_date() {
    let path = format!("{}/{MAP}", env!("CARGO_MANIFEST_DIR"));
    let map = map();
    if std::env::var_os("UPDATE_COVERAGE").is_some() {
        std::fs::write(&path, &map).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept == map {
        return;
    }
    let (was, is) = (titled_lines(&kept), titled_lines(&map));
    let gone = was.difference(&is).map(|line| format!("- {line}\n"));
    let new = is.difference(&was).map(|line| format!("+ {line}\n"));
    let mut changed: Vec<String> = gone.chain(new).collect();
    // What became of a field stands below what it was.
    changed.sort_by_cached_key(|line| line[2..].split(" | ").take(3).collect::<String>());
    panic!(
        "{MAP} is out of date in {} lines:\n{}If that is meant, `UPDATE_COVERAGE=1 cargo test --test coverage` writes it anew; commit it with the \
         change, and say in CHANGELOG.md what passes or goes that did not.",
        changed.len(),
        changed.into_iter().take(SHOWN).collect::<String>()
    );
}

/// The lines of a map, each with the title above it.
fn titled_lines(map: &str) -> BTreeSet<String> {
    let mut title = "";
    let lines = map.lines().map(|line| {
        title = line.strip_prefix("## ").unwrap_or(title);
        format!("{title}: {line}")
    });
    lines.collect()
}

/// Whatever a field is for, and whatever its sender has put there: no secret that something tells of leaves.
fn check_law(plan: &Arc<Plan>, section: &Section, field: &Field, failures: &mut Vec<String>) {
    let is_json = field.template.is_none();
    let probes = field.kind.probes();
    let own = [Some(probes.text), probes.name, probes.key];
    let mut values: Vec<Value> = own.into_iter().flatten().collect();
    values.extend(telling_texts());
    if !field.kind.has_other_names() {
        values.extend(telling_names());
    }
    for value in values.iter().filter(|value| is_json || value.is_string()) {
        if leaks(&send(plan, section, field, value).bytes) {
            failures.push(format!("{} {}: {value}", section.title, field.path));
        }
    }
    if let Some(named) = named(field)
        && leaks(&send(plan, section, &named, &json!(CANARY)).bytes)
    {
        failures.push(format!("{} {}", section.title, named.path));
    }
}

fn no_probe_leaves(policy: &str) {
    let plan = plan(policy);
    let sections = sections();
    let mut failures = Vec::new();
    for section in &sections {
        let plan = section.plan(&plan);
        for field in &section.fields {
            check_law(&plan, section, field, &mut failures);
        }
    }
    for (name, kind) in attributes() {
        for (_, title, path) in ATTRIBUTES {
            let section = titled(&sections, title);
            check_law(
                &plan,
                section,
                &attribute(&name, &kind, path),
                &mut failures,
            );
        }
    }
    assert!(
        failures.is_empty(),
        "{} probes leave under '{policy}':\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn no_probe_leaves_under_sentry_eu() {
    no_probe_leaves("sentry-eu");
}

#[test]
fn no_probe_leaves_under_strict() {
    no_probe_leaves("strict");
}

/// An event is treated alike whatever it is called and by whichever door it comes.
#[test]
fn all_doors_treat_an_event_alike() {
    let plan = plan("sentry-eu");
    let sections = sections();
    let event = &sections[0];
    let door = |header: Value, place| Section {
        title: format!("{header} {place:?}"),
        header,
        place,
        pass: vec![Opaque::Replay],
        ..event.clone()
    };
    let doors = [
        door(json!({"type": "transaction"}), Place::Item),
        door(json!({"type": "feedback"}), Place::Item),
        door(json!({"type": "security"}), Place::Item),
        door(json!({"type": "replay_event"}), Place::Item),
        door(Value::Null, Place::Store),
        door(Value::Null, Place::FormEvent),
        door(Value::Null, Place::FormPacked),
    ]
    .map(|door| {
        let plan = door.plan(&plan);
        (door, plan)
    });
    let mut failures = Vec::new();
    for field in &event.fields {
        let seen = see(&plan, event, field);
        for (door, plan) in &doors {
            let there = see(plan, door, field);
            if there != seen {
                failures.push(format!(
                    "{} at {}: {there:?}, not {seen:?}",
                    field.path, door.title
                ));
            }
            check_law(plan, door, field, &mut failures);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Where nothing is scrubbed, each probe is seen to leave; else the law above would prove nothing.
#[test]
fn probes_leave_where_no_rule_is() {
    let plan = Arc::new(PlanBuilder::new().build().unwrap());
    let sections = sections();
    let field = Field {
        path: "extra/<key>".to_owned(),
        kind: Kind::of("map"),
        template: None,
    };
    for value in telling_texts().iter().chain(&telling_names()) {
        assert!(
            leaks(&send(&plan, &sections[0], &field, value).bytes),
            "{value}"
        );
    }
}
