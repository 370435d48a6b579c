//! The tables of `docs/performance.md`. Each stands between two marks, `<!-- its name -->` and `<!-- end -->`.

use std::fmt::Write;

use super::measured::Measured;
use super::{KINDS, ROOFS};

/// Name of a table, and what writes it.
type Table = (&'static str, fn(&Measured) -> String);

pub(super) const TABLES: [Table; 4] = [
    ("inputs", inputs),
    ("attacks", attacks),
    ("roofs", roofs),
    ("blocks", blocks),
];

const ATTACKS: [&str; 10] = [
    "nesting",
    "short escapes",
    "long escapes",
    "percents",
    "percent escapes",
    "equals signs",
    "quotes",
    "names",
    "candidates",
    "seeds",
];
/// No attack may be slower.
const FLOOR: f64 = 100.0;

/// The page with all tables as they are now.
pub(super) fn fill(page: &str, measured: &Measured) -> String {
    let mut page = page.to_owned();
    for (name, table) in TABLES {
        let mark = format!("<!-- {name} -->\n");
        let Some(from) = page.find(&mark).map(|at| at + mark.len()) else {
            continue;
        };
        let to = from
            + page[from..]
                .find("<!-- end -->")
                .expect("a mark has an end");
        page.replace_range(from..to, &format!("\n{}\n", table(measured)));
    }
    page
}

/// What a ratio should be, for an input: at least the floor, better the aim.
fn goal(kind: &str) -> Option<[f64; 2]> {
    match kind {
        "bulk" => Some([1.5, 3.0]),
        "clean" => Some([2.0, 4.0]),
        "dense" => Some([0.7, 1.5]),
        _ => None,
    }
}

fn verdict(value: f64, floor: f64, aim: f64) -> &'static str {
    match () {
        () if value >= aim => "aim met",
        () if value >= floor => "floor met",
        () => "missed",
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
}

fn ratio(value: Option<f64>, other: Option<f64>) -> String {
    match (value, other) {
        (Some(value), Some(other)) if value / other < 0.095 => format!("{:.3}", value / other),
        (Some(value), Some(other)) => format!("{:.2}", value / other),
        _ => "-".to_owned(),
    }
}

fn inputs(measured: &Measured) -> String {
    let mut table = String::from(
        "| input | Scrubline | again | in 16 KiB chunks | everything on | again | `sonic-rs` | `serde_json` | to `sonic-rs` | floor, aim | again to `sonic-rs` | to `serde_json` | chunks to whole | everything on to the default |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for kind in KINDS {
        let speed = |reader: &str| measured.speed("inputs", reader, kind);
        let own = speed("scrubline");
        if own.is_none() {
            continue;
        }
        let [again, chunks, all, all_again, sonic, serde] = [
            "scrubline, again",
            "scrubline, 16 KiB chunks",
            "scrubline, everything on",
            "scrubline, everything on, again",
            "sonic-rs",
            "serde_json",
        ]
        .map(speed);
        let told = match (goal(kind), own.zip(sonic)) {
            (Some([floor, aim]), Some((own, sonic))) => {
                format!("{floor}, {aim}: {}", verdict(own / sonic, floor, aim))
            }
            _ => String::new(),
        };
        writeln!(
            table,
            "| {kind} | {} | {} | {} | {} | {} | {} | {} | {} | {told} | {} | {} | {} | {} |",
            number(own),
            number(again),
            number(chunks),
            number(all),
            number(all_again),
            number(sonic),
            number(serde),
            ratio(own, sonic),
            ratio(again, sonic),
            ratio(own, serde),
            ratio(chunks, own),
            ratio(all, own),
        )
        .unwrap();
    }
    table
}

fn attacks(measured: &Measured) -> String {
    let mut table = String::from(
        "| input | 64 KiB | 1 MiB | a byte of 1 MiB costs, to one of 64 KiB | everything on, 64 KiB | 1 MiB | to `sonic-rs` | at least 100 MB/s |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for attack in ATTACKS {
        let speed = |reader: &str, size: &str| {
            measured.speed("attacks", reader, &format!("{attack}, {size}"))
        };
        let both = |reader: &str| ["64 KiB", "1 MiB"].map(|size| speed(reader, size));
        let [small, large] = both("scrubline");
        let [all_small, all_large] = both("scrubline, everything on");
        let Some(slower) = small.zip(large).map(|(small, large)| small.min(large)) else {
            continue;
        };
        let told = if slower >= FLOOR { "met" } else { "missed" };
        writeln!(
            table,
            "| {attack} | {} | {} | {} | {} | {} | {} | {told} |",
            number(small),
            number(large),
            ratio(small, large),
            number(all_small),
            number(all_large),
            ratio(large, speed("sonic-rs", "1 MiB")),
        )
        .unwrap();
    }
    table
}

fn roofs(measured: &Measured) -> String {
    let mut table = String::from("| what is read | MB/s |\n| --- | --- |\n");
    for (roof, name) in ROOFS {
        let speed = match roof {
            "memcpy" => measured.speed("inputs", roof, "clean"),
            _ => measured.speed("roofs", "scrubline", roof),
        };
        if speed.is_some() {
            writeln!(table, "| {name} (`{roof}`) | {} |", number(speed)).unwrap();
        }
    }
    table
}

fn blocks(measured: &Measured) -> String {
    let mut table =
        String::from("| input | blocks | byte by byte | ratio |\n| --- | --- | --- | --- |\n");
    for input in ["plain string", "clean", "bulk"] {
        let [blocks, bytes] =
            ["blocks", "bytes"].map(|reader| measured.speed("blocks", reader, input));
        let ratio = ratio(blocks, bytes);
        let (blocks, bytes) = (number(blocks), number(bytes));
        writeln!(table, "| {input} | {blocks} | {bytes} | {ratio} |").unwrap();
    }
    table
}
