//! What criterion left under `target/criterion`: for each benchmark a folder `new` with what it was and what it took.

use std::fs;
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Bytes")]
    bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

struct Row {
    group: String,
    reader: String,
    value: String,
    bytes: f64,
    nanoseconds: f64,
}

/// All benchmarks that were measured.
pub(super) struct Measured(Vec<Row>);

impl Measured {
    pub(super) fn read(folder: &Path) -> Measured {
        let mut rows = Vec::new();
        visit(folder, &mut rows);
        if rows.is_empty() {
            eprintln!(
                "plots: nothing is measured in {}; run `cargo bench --bench scrub` first",
                folder.display()
            );
            std::process::exit(2);
        }
        Measured(rows)
    }

    fn row(&self, group: &str, reader: &str, value: &str) -> Option<&Row> {
        let mut rows = self.0.iter();
        rows.find(|row| row.group == group && row.reader == reader && row.value == value)
    }

    /// Megabytes a second.
    pub(super) fn speed(&self, group: &str, reader: &str, value: &str) -> Option<f64> {
        let row = self.row(group, reader, value)?;
        Some(row.bytes / row.nanoseconds * 1000.0)
    }

    /// Nanoseconds for a KB, by a number that varies, in its order.
    pub(super) fn costs(&self, group: &str, reader: &str) -> Vec<(u64, f64)> {
        let rows = self
            .0
            .iter()
            .filter(|row| row.group == group && row.reader == reader);
        let mut costs: Vec<(u64, f64)> = rows
            .filter_map(|row| {
                Some((
                    row.value.parse().ok()?,
                    row.nanoseconds / row.bytes * 1000.0,
                ))
            })
            .collect();
        costs.sort_by_key(|(number, _)| *number);
        costs
    }
}

fn visit(folder: &Path, rows: &mut Vec<Row>) {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.is_dir()) {
        if path.file_name().is_some_and(|name| name == "new") {
            rows.extend(row(path));
        } else {
            visit(path, rows);
        }
    }
}

/// What has no throughput is no row.
fn row(folder: &Path) -> Option<Row> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let benchmark: Benchmark = serde_json::from_str(&text("benchmark.json")).unwrap();
    let estimates: Estimates = serde_json::from_str(&text("estimates.json")).unwrap();
    Some(Row {
        group: benchmark.group_id,
        reader: benchmark.function_id?,
        value: benchmark.value_str?,
        bytes: benchmark.throughput?.bytes? as f64,
        nanoseconds: estimates.median.point_estimate,
    })
}
