//! Throughput of the scrub engine in bytes a second, beside two peers in the same run: `sonic-rs`, which only parses, and `serde_json`,
//! which parses, walks every string and writes. `memcpy` is what memory allows. Processor time counts. Quote ratios; machines are noisy.
//!
//! | group | what varies |
//! | --- | --- |
//! | `inputs` | the kind of input |
//! | `attacks` | the same for inputs that were made to be slow, each in two sizes: a cost that grows with the size shows |
//! | `roofs` | what is read of it how: documents that are all of one kind |
//! | `blocks` | whether blocks are read, or bytes one by one |
//! | `size` | the length of a document |
//! | `rules` | how many rules for tokens of one's own, and how many known secrets there are |
//! | `density` | how many of a thousand members have a secret |
//!
//! Each time, the plan has met no document before (`again`: it has met the same one). What comes out is looked at before it is timed. `cargo run --example plots` draws what criterion leaves. A group by itself:
//! `cargo bench --bench scrub -- inputs/`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

#[path = "scrub/attacks.rs"]
mod attacks;
#[path = "scrub/inputs.rs"]
mod inputs;
#[path = "scrub/plans.rs"]
mod plans;
#[path = "scrub/processor.rs"]
mod processor;
#[path = "scrub/readers.rs"]
mod readers;

use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use inputs::{Input, Redactions};
use processor::ProcessorTime;
use readers::{CHUNK, WHOLE, check};
use scrubline::scrub::Plan;
use scrubline::scrub::fuzzing::{bytewise, forget};

type Group<'a> = BenchmarkGroup<'a, ProcessorTime>;

const ATTACK_BYTES: [(&str, usize); 2] = [("64 KiB", 64 << 10), ("1 MiB", 1 << 20)];

fn time(group: &mut Group<'_>, reader: &str, value: &str, mut act: impl FnMut()) {
    group.bench_function(BenchmarkId::new(reader, value), |bencher| {
        bencher.iter(&mut act);
    });
}

/// Times what a plan takes that has met no document before.
fn time_scrubline(
    group: &mut Group<'_>,
    reader: &str,
    value: &str,
    plan: &Arc<Plan>,
    input: &Input,
    chunk: usize,
) {
    let mut plan = Arc::new(Plan::clone(plan));
    group.bench_function(BenchmarkId::new(reader, value), |bencher| {
        bencher.iter_custom(|rounds| {
            let mut all = Duration::ZERO;
            for _ in 0..rounds {
                forget(Arc::get_mut(&mut plan).expect("nobody else has it"));
                let began = ProcessorTime.start();
                readers::scrubline(&plan, input, chunk);
                all += ProcessorTime.end(began);
            }
            all
        });
    });
}

/// Times what a plan takes that has met the same documents before.
fn time_again(group: &mut Group<'_>, reader: &str, value: &str, plan: &Arc<Plan>, input: &Input) {
    time(group, reader, value, || {
        readers::scrubline(plan, input, WHOLE);
    });
}

fn kinds(criterion: &mut Criterion<ProcessorTime>) {
    let (default, all) = (plans::default(), plans::all());
    let mut group = criterion.benchmark_group("inputs");
    for input in inputs::ordinary() {
        check(&default, &input, input.redactions);
        check(&all, &input, Redactions::Any);
        let mut place = vec![0; input.documents.iter().map(|it| it.len()).max().unwrap()];
        let name = input.name.as_str();
        group.throughput(Throughput::Bytes(input.bytes()));
        time_scrubline(&mut group, "scrubline", name, &default, &input, WHOLE);
        time_scrubline(
            &mut group,
            "scrubline, 16 KiB chunks",
            name,
            &default,
            &input,
            CHUNK,
        );
        time_scrubline(
            &mut group,
            "scrubline, everything on",
            name,
            &all,
            &input,
            WHOLE,
        );
        time_again(&mut group, "scrubline, again", name, &default, &input);
        let reader = "scrubline, everything on, again";
        time_again(&mut group, reader, name, &all, &input);
        time(&mut group, "sonic-rs", name, || readers::sonic(&input));
        time(&mut group, "serde_json", name, || readers::serde(&input));
        time(&mut group, "memcpy", name, || {
            readers::copy(&input, &mut place)
        });
    }
    group.finish();
}

fn attacks(criterion: &mut Criterion<ProcessorTime>) {
    let (default, all) = (plans::default(), plans::all());
    let mut group = criterion.benchmark_group("attacks");
    for (size, bytes) in ATTACK_BYTES {
        for input in attacks::attacks(bytes) {
            check(&default, &input, input.redactions);
            check(&all, &input, Redactions::Any);
            let name = format!("{}, {size}", input.name);
            group.throughput(Throughput::Bytes(input.bytes()));
            time_scrubline(&mut group, "scrubline", &name, &default, &input, WHOLE);
            time_scrubline(
                &mut group,
                "scrubline, everything on",
                &name,
                &all,
                &input,
                WHOLE,
            );
            time(&mut group, "sonic-rs", &name, || readers::sonic(&input));
        }
    }
    group.finish();
}

fn roofs(criterion: &mut Criterion<ProcessorTime>) {
    let plan = plans::default();
    let mut group = criterion.benchmark_group("roofs");
    for input in inputs::pure() {
        check(&plan, &input, input.redactions);
        group.throughput(Throughput::Bytes(input.bytes()));
        time_scrubline(&mut group, "scrubline", &input.name, &plan, &input, WHOLE);
        time(&mut group, "sonic-rs", &input.name, || {
            readers::sonic(&input);
        });
    }
    group.finish();
}

fn blocks(criterion: &mut Criterion<ProcessorTime>) {
    let plan = plans::default();
    let mut group = criterion.benchmark_group("blocks");
    let [plain, ..] = inputs::pure();
    let clean = inputs::generated("clean", 64 << 10, 0);
    for input in [plain, clean, inputs::bulk()] {
        group.throughput(Throughput::Bytes(input.bytes()));
        check(&plan, &input, input.redactions);
        time_scrubline(&mut group, "blocks", &input.name, &plan, &input, WHOLE);
        bytewise(|| {
            check(&plan, &input, input.redactions);
            time_scrubline(&mut group, "bytes", &input.name, &plan, &input, WHOLE);
        });
    }
    group.finish();
}

fn size(criterion: &mut Criterion<ProcessorTime>) {
    let plan = plans::default();
    let mut group = criterion.benchmark_group("size");
    for bytes in (10..=24).step_by(2).map(|bits| 1 << bits) {
        let input = inputs::generated(bytes.to_string(), bytes, 50);
        check(&plan, &input, input.redactions);
        group.throughput(Throughput::Bytes(input.bytes()));
        time_scrubline(&mut group, "scrubline", &input.name, &plan, &input, WHOLE);
        time(&mut group, "sonic-rs", &input.name, || {
            readers::sonic(&input)
        });
        time(&mut group, "serde_json", &input.name, || {
            readers::serde(&input)
        });
    }
    group.finish();
}

fn rules(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("rules");
    let input = inputs::bulk();
    group.throughput(Throughput::Bytes(input.bytes()));
    for count in [1, 10, 100, 1000] {
        for (reader, plan) in [
            ("rules for tokens", plans::tokens(count)),
            ("known secrets", plans::known(count)),
        ] {
            check(&plan, &input, input.redactions);
            time_scrubline(&mut group, reader, &count.to_string(), &plan, &input, WHOLE);
        }
    }
    group.finish();
}

fn density(criterion: &mut Criterion<ProcessorTime>) {
    let plan = plans::default();
    let mut group = criterion.benchmark_group("density");
    for share in [0, 5, 10, 20, 50, 100, 200, 500, 1000] {
        let input = inputs::generated(share.to_string(), 64 << 10, share);
        check(&plan, &input, input.redactions);
        group.throughput(Throughput::Bytes(input.bytes()));
        time_scrubline(&mut group, "scrubline", &input.name, &plan, &input, WHOLE);
        time(&mut group, "sonic-rs", &input.name, || {
            readers::sonic(&input)
        });
        time(&mut group, "serde_json", &input.name, || {
            readers::serde(&input)
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime).sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    targets = kinds, attacks, roofs, blocks, size, rules, density
}
criterion_main!(benches);
