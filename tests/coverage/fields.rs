//! Reads the lists of fields: `fields.txt`, whose head says how it is written, and `attributes.txt`.

use std::sync::Arc;

use scrubline::scrub::{Opaque, Plan};
use serde_json::Value;

use crate::probe::Kind;

/// Where a payload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An item of JSON.
    Item,
    /// An item of text.
    Text,
    /// An item of JSON behind a first line.
    Recording,
    /// An item of JSON, and text behind it.
    Meta,
    /// The header of an envelope.
    Header,
    /// The header of an item of text.
    ItemHeader,
    /// Items of other content, each with a header of its own.
    Whole,
    /// A document that is posted by itself.
    Body,
    /// One event as the store endpoint takes it.
    Store,
    /// The parts of a crash reporter's form.
    Form,
    /// One event in JSON, as a part of such a form.
    FormEvent,
    /// One event in MessagePack, as a part of such a form.
    FormPacked,
}

/// A kind of payload and its fields.
#[derive(Debug, Clone)]
pub struct Section {
    pub title: String,
    pub about: String,
    /// The item's header.
    pub header: Value,
    /// What is around a field.
    pub payload: Value,
    pub place: Place,
    /// What policy passes.
    pub pass: Vec<Opaque>,
    pub fields: Vec<Field>,
}

/// A field in one of the forms that it may have.
#[derive(Debug, Clone)]
pub struct Field {
    pub path: String,
    pub kind: Kind,
    /// A text around it, where the payload is no JSON.
    pub template: Option<String>,
}

impl Section {
    /// A policy's plan, which passes what is to pass here.
    pub fn plan(&self, plan: &Arc<Plan>) -> Arc<Plan> {
        match self.pass.as_slice() {
            [] => Arc::clone(plan),
            kinds => Arc::new(plan.with_passing(kinds)),
        }
    }
}

fn lines(file: &str) -> Vec<String> {
    let path = format!("{}/tests/coverage/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the list");
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// All kinds of payload.
pub fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in lines("fields.txt") {
        if let Some(title) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            sections.push(Section {
                title: title.to_owned(),
                about: String::new(),
                header: Value::Null,
                payload: Value::Null,
                place: Place::Item,
                pass: Vec::new(),
                fields: Vec::new(),
            });
            continue;
        }
        let section = sections.last_mut().expect("a title before all fields");
        let json = |text: &str| serde_json::from_str(text).expect("JSON");
        match line.split_once(" = ") {
            Some(("about", text)) => section.about = text.to_owned(),
            Some(("header", text)) => section.header = json(text),
            Some(("payload", text)) => section.payload = json(text),
            Some(("place", name)) => section.place = place(name),
            Some(("pass", name)) => section.pass.push(opaque(name)),
            Some(_) | None => section.fields.push(field(section.place, &line)),
        }
    }
    sections
}

fn place(name: &str) -> Place {
    match name {
        "text" => Place::Text,
        "recording" => Place::Recording,
        "meta" => Place::Meta,
        "header" => Place::Header,
        "item-header" => Place::ItemHeader,
        "whole" => Place::Whole,
        "body" => Place::Body,
        "form" => Place::Form,
        other => panic!("no place is called '{other}'"),
    }
}

fn opaque(name: &str) -> Opaque {
    let known = Opaque::NAMES.iter().find(|(known, _)| name == *known);
    known.expect("a kind that there is").1
}

fn field(place: Place, line: &str) -> Field {
    if place == Place::Whole {
        return Field {
            path: line.to_owned(),
            kind: Kind::of("file"),
            template: Some("%".to_owned()),
        };
    }
    let (path, rest) = line.split_once(' ').expect("a path and what it holds");
    let rest = rest.trim_start();
    let (kind, template) = match rest.split_once(' ') {
        Some((kind, template)) => (kind, Some(template.trim_start().to_owned())),
        None => (rest, None),
    };
    Field {
        path: path.to_owned(),
        kind: Kind::of(kind),
        template,
    }
}

/// The attributes, each a name and what it holds.
pub fn attributes() -> Vec<(String, Kind)> {
    let split = |line: &String| {
        let (name, kind) = line.split_once(' ').expect("a name and what it holds");
        (name.to_owned(), Kind::of(kind.trim_start()))
    };
    lines("attributes.txt").iter().map(split).collect()
}
