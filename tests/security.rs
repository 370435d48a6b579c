//! `SECURITY.md` names the test that shows each of its claims: every one of them is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

use std::path::Path;

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("../SECURITY.md");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let mut named = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let shown = cells.last().unwrap();
        for name in shown.split('`').skip(1).step_by(2) {
            let (file, test) = name.split_once("::").unwrap_or((name, ""));
            let path = match file {
                "cargo bench --bench load" => root.join("benches/load.rs"),
                _ if file.ends_with(".rs") => root.join("src/proxy").join(file),
                "src/proxy" => continue,
                _ => root.join(format!("tests/{file}.rs")),
            };
            let source = std::fs::read_to_string(&path);
            let source =
                source.unwrap_or_else(|_| panic!("{name}: there is no {}", path.display()));
            assert!(
                source.contains(&format!("fn {test}(")) || test.is_empty(),
                "{name}"
            );
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}
