//! Draws what `cargo bench --bench scrub` measured: reads what criterion left, writes `docs/plots/*.svg`, and the tables between the marks in
//! `docs/performance.md`. Nothing there is written by hand.
//!
//! ```text
//! cargo bench --bench scrub && cargo run --example plots
//! ```
//!
//! A row that was not measured is left out. `cargo test` runs all of it on the sample beside this file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a script: it prints, and what goes wrong ends it"
)]

mod measured;
mod svg;
mod tables;

use std::fs;
use std::path::Path;

use measured::Measured;
use svg::{Bars, Lines};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const KINDS: [&str; 5] = ["clean", "sparse", "bulk", "large", "dense"];
const READERS: [&str; 5] = [
    "scrubline",
    "scrubline, again",
    "scrubline, everything on",
    "sonic-rs",
    "serde_json",
];
/// What each part does alone.
const ROOFS: [(&str, &str); 4] = [
    ("memcpy", "memory"),
    ("plain string", "blocks"),
    ("members", "members"),
    ("text", "the text machine"),
];

fn main() {
    if std::env::args().len() > 1 {
        eprintln!(
            "plots: takes no arguments; draws what `cargo bench --bench scrub` has measured, and fills the tables of docs/performance.md"
        );
        std::process::exit(2);
    }
    let root = Path::new(ROOT);
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), Into::into);
    let measured = Measured::read(&target.join("criterion"));
    let plots = root.join("docs/plots");
    fs::create_dir_all(&plots).unwrap();
    for (name, drawing) in drawings(&measured) {
        fs::write(plots.join(name), drawing).unwrap();
        println!("docs/plots/{name}");
    }
    let path = root.join("docs/performance.md");
    let page = fs::read_to_string(&path).unwrap();
    fs::write(&path, tables::fill(&page, &measured)).unwrap();
    println!("docs/performance.md");
}

/// All plots, each with the name of its file.
fn drawings(measured: &Measured) -> Vec<(&'static str, String)> {
    let speed = |reader: &str, input: &str| measured.speed("inputs", reader, input);
    let inputs = Bars {
        title: "Throughput by kind of input, MB/s of one core (logarithmic)",
        places: KINDS.to_vec(),
        series: READERS
            .map(|reader| (reader, KINDS.map(|kind| speed(reader, kind)).to_vec()))
            .to_vec(),
        roofs: Vec::new(),
    };
    let roofs = ROOFS.iter().filter_map(|(roof, name)| {
        Some((
            *name,
            measured
                .speed("roofs", "scrubline", roof)
                .or_else(|| speed(roof, "clean"))?,
        ))
    });
    let roofline = Bars {
        title: "Kinds of input, and what each part does alone, MB/s of one core (logarithmic)",
        places: KINDS.to_vec(),
        series: vec![(
            "scrubline",
            KINDS.map(|kind| speed("scrubline", kind)).to_vec(),
        )],
        roofs: roofs.collect(),
    };
    let peers = ["scrubline", "sonic-rs", "serde_json"];
    let lines = |group, title, under, readers: &[&'static str]| {
        let series = readers
            .iter()
            .map(|reader| (*reader, measured.costs(group, reader)));
        Lines {
            title,
            under,
            series: series.collect(),
        }
        .draw()
    };
    vec![
        ("inputs.svg", inputs.draw()),
        ("roofline.svg", roofline.draw()),
        (
            "size.svg",
            lines(
                "size",
                "Cost by length of a document, ns for a KB (logarithmic)",
                "bytes",
                &peers,
            ),
        ),
        (
            "rules.svg",
            lines(
                "rules",
                "Cost by number of rules of one's own, ns for a KB (logarithmic)",
                "rules",
                &["rules for tokens", "known secrets"],
            ),
        ),
        (
            "density.svg",
            lines(
                "density",
                "Cost by density of redactions, ns for a KB (logarithmic)",
                "members of a thousand that have a secret",
                &peers,
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Measured, Path, ROOT, drawings, tables};

    fn sample() -> Measured {
        Measured::read(&Path::new(ROOT).join("examples/plots/sample"))
    }

    #[test]
    fn every_plot_shows_what_was_measured() {
        for (name, drawing) in drawings(&sample()) {
            assert!(
                drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"),
                "{name}"
            );
            let marks =
                drawing.matches("<rect class=\"bar\"").count() + drawing.matches("<circle").count();
            assert!(marks > 0, "{name} is empty");
            assert!(
                !drawing.contains("NaN") && !drawing.contains("inf"),
                "{name}"
            );
        }
    }

    #[test]
    fn tables_stand_between_their_marks() {
        let page =
            "before\n<!-- inputs -->\nold\n<!-- end -->\nafter\n<!-- attacks -->\n<!-- end -->\n";
        let filled = tables::fill(page, &sample());
        assert!(
            filled.starts_with("before\n<!-- inputs -->\n\n| input |"),
            "{filled}"
        );
        assert!(!filled.contains("old") && filled.contains("\n<!-- end -->\nafter\n"));
        // 100 bytes in 50 ns beside 25 ns.
        assert!(
            filled.contains("| clean | 2000 |") && filled.contains(" 0.50 "),
            "{filled}"
        );
        assert_eq!(tables::fill(&filled, &sample()), filled);
    }

    #[test]
    fn the_page_has_all_marks() {
        let page = std::fs::read_to_string(Path::new(ROOT).join("docs/performance.md")).unwrap();
        for (name, _) in tables::TABLES {
            assert!(page.contains(&format!("<!-- {name} -->\n")), "{name}");
        }
        for (name, _) in drawings(&sample()) {
            assert!(
                page.contains(&format!("(plots/{name})")),
                "{name} is shown nowhere"
            );
        }
    }
}
