//! What the whole proxy costs: `benches/proxy.sh` (or `cargo bench --bench proxy`) runs `scrubline serve`, a bare pass-through of the same
//! libraries (`benches/proxy/bare.rs`) and nginx beside each other, and prints the processor time of a request, with the ratios.
//!
//! The same bodies are sent over and over, as an application sends the same errors. But ids and times are new in each request, unless it is
//! compressed.
//!
//! Each of them is held to one core; load and sink have another. Requests a second say little on a machine that others use too; the kernel's
//! account of processor time (`/proc/PID/task/*/schedstat`) does. All take turns, round by round, so that noise hits all alike, and of the
//! ratios in the rounds the median counts. Before anything is timed, what came out at the sink is looked at.
//!
//! With `--test` it does everything once and briefly, to see that it works. With words, only what they name is measured: `2KB`, `30KB`, `1MB`,
//! `memory`, `start`; `identity`, `logged`, `gunzip`, `gzip`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a script: it prints, and what goes wrong ends it"
)]

#[path = "proxy/bare.rs"]
mod bare;
#[path = "proxy/process.rs"]
mod process;
#[path = "proxy/wire.rs"]
mod wire;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use process::Proxy;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wire::{Load, Request, Sink};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/data");
const PROXY_CORE: usize = 0;
const LOAD_CORE: usize = 1;
const CONNECTIONS: usize = 16;
/// Different bodies of each size.
const BODIES: usize = 16;
/// How a secret begins in the bodies, where it stands in a URL.
const SECRET: &[u8] = b"=CANARY";
/// All of its packs are on.
const ALL_PACKS: &str = "policy.name=strict";

/// A size of body, how often each connection sends one in a round, and what the ratios should be, to the bare pass-through and to nginx.
struct Size {
    name: &'static str,
    bytes: usize,
    rounds: usize,
    bare: [f64; 2],
    nginx: [f64; 2],
}

const PARTS: [&str; 5] = ["2KB", "30KB", "1MB", "memory", "start"];

const SIZES: [Size; 3] = [
    Size {
        name: "2KB",
        bytes: 2 << 10,
        rounds: 500,
        bare: [1.15, 1.08],
        nginx: [1.25, 1.1],
    },
    Size {
        name: "30KB",
        bytes: 30 << 10,
        rounds: 200,
        bare: [1.4, 1.25],
        nginx: [1.0, 0.85],
    },
    Size {
        name: "1MB",
        bytes: 1 << 20,
        rounds: 12,
        bare: [2.0, 1.6],
        nginx: [1.0, 0.75],
    },
];

/// How bodies come and leave.
struct Encodings {
    name: &'static str,
    arrives: Option<&'static str>,
    settings: &'static [&'static str],
    /// Whether the table is about it.
    counts: bool,
}

/// nginx writes no access log here, so neither does Scrubline, but for `logged`. In `gunzip` bodies come compressed and leave as they are, in
/// `gzip` they are compressed again; a pass-through does neither.
const ENCODINGS: [Encodings; 4] = [
    Encodings {
        name: "identity",
        arrives: None,
        settings: &["upstream.encoding=identity", "log.level=warn"],
        counts: true,
    },
    Encodings {
        name: "logged",
        arrives: None,
        settings: &["upstream.encoding=identity", "log.level=info"],
        counts: false,
    },
    Encodings {
        name: "gunzip",
        arrives: Some("gzip"),
        settings: &["upstream.encoding=identity", "log.level=warn"],
        counts: false,
    },
    Encodings {
        name: "gzip",
        arrives: Some("gzip"),
        settings: &["upstream.encoding=gzip", "log.level=warn"],
        counts: false,
    },
];

struct Run {
    rounds: usize,
    /// Divides what each round does.
    brief: usize,
    only: Vec<String>,
}

impl Run {
    /// Whether one of a kind is to be measured: it is named, or none of its kind is.
    fn wants(&self, name: &str, kind: &[&str]) -> bool {
        let named = |name: &str| self.only.iter().any(|only| only == name);
        named(name) || !kind.iter().any(|other| named(other))
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, listen, upstream] = arguments.as_slice()
        && role == "bare"
    {
        return bare::run(listen.parse().unwrap(), upstream.parse().unwrap());
    }
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let run = Run {
        rounds: if is_test { 1 } else { 7 },
        brief: if is_test { 100 } else { 1 },
        only: arguments
            .into_iter()
            .filter(|it| !it.starts_with('-'))
            .collect(),
    };
    let known: Vec<&str> = PARTS
        .into_iter()
        .chain(ENCODINGS.each_ref().map(|it| it.name))
        .collect();
    if let Some(unknown) = run.only.iter().find(|it| !known.contains(&it.as_str())) {
        eprintln!("proxy: {unknown} is none of {}", known.join(", "));
        std::process::exit(2);
    }
    process::pin(LOAD_CORE);
    let most = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(&run));
}

async fn measure(run: &Run) {
    let sink = Sink::start().await;
    println!(
        "| body | encoding | scrubline | bare hyper | nginx | to bare | floor, aim | to nginx | floor, aim |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for size in SIZES.iter().filter(|size| run.wants(size.name, &PARTS)) {
        let kinds = ENCODINGS.each_ref().map(|it| it.name);
        for encodings in ENCODINGS.iter().filter(|it| run.wants(it.name, &kinds)) {
            compare(run, &sink, size, encodings).await;
        }
    }
    println!();
    if run.wants("memory", &PARTS) {
        memory(run, &sink).await;
    }
    if run.wants("start", &PARTS) {
        start(run, &sink).await;
    }
}

/// The captured envelopes that are nearest to this size, or as many of their items in one as make it up.
fn bodies(bytes: usize) -> Vec<Vec<u8>> {
    let data = std::fs::read(format!("{DATA}/bulk.bin")).unwrap();
    let index = std::fs::read_to_string(format!("{DATA}/bulk.index")).unwrap();
    let mut envelopes: Vec<&[u8]> = index
        .lines()
        .map(|line| {
            let (offset, length) = line.split_once(' ').unwrap();
            let offset: usize = offset.parse().unwrap();
            &data[offset..offset + length.parse::<usize>().unwrap()]
        })
        .collect();
    let longest = envelopes.iter().map(|it| it.len()).max().unwrap();
    if bytes > longest {
        let mut body = b"{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n".to_vec();
        for envelope in envelopes.iter().cycle() {
            if body.len() >= bytes {
                break;
            }
            let items = memchr::memchr(b'\n', envelope).unwrap() + 1;
            body.extend_from_slice(envelope[items..].trim_ascii_end());
            body.push(b'\n');
        }
        return vec![body];
    }
    envelopes.sort_by_key(|it| it.len().abs_diff(bytes));
    let nearest = envelopes.into_iter().filter(|it| contains(it, SECRET));
    nearest.take(BODIES).map(<[u8]>::to_vec).collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(bytes, what).is_some()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn plain(bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut plain = Vec::new();
    GzDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

struct Peer {
    proxy: Proxy,
    load: Load,
    /// Nanoseconds for a request, of each round.
    costs: Vec<f64>,
}

async fn compare(run: &Run, sink: &Sink, size: &Size, encodings: &Encodings) {
    let folder = std::env::temp_dir().join(format!("scrubline-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let upstream = sink.address;
    let scrubline = Proxy::scrubline(PROXY_CORE, upstream, encodings.settings);
    let bare = Proxy::bare(PROXY_CORE, upstream);
    let nginx = Proxy::nginx(PROXY_CORE, upstream, &folder);

    let bodies: Vec<Vec<u8>> = match encodings.arrives {
        None => bodies(size.bytes),
        Some(_) => bodies(size.bytes).iter().map(|body| gzip(body)).collect(),
    };
    let make = match encodings.arrives {
        None => Request::new,
        Some(_) => Request::same,
    };
    let requests = bodies.iter().map(|body| make(body, encodings.arrives));
    let requests: Arc<Vec<_>> = Arc::new(requests.collect());
    let mut peers = Vec::new();
    for proxy in [Some(scrubline), Some(bare), nginx].into_iter().flatten() {
        for body in &bodies {
            sink.keep();
            let one = Arc::new(vec![Request::same(body, encodings.arrives)]);
            let mut load = Load::open(proxy.address, 1).await;
            load.run(&one, 1).await;
            let came = sink.take();
            if peers.is_empty() {
                let (came, body) = (plain(came), plain(body.clone()));
                assert!(!contains(&came, SECRET) && contains(&came, b"[Filtered]"));
                assert!(came.len() > body.len() / 2);
            } else {
                assert!(came == *body, "a pass-through changed something");
            }
        }
        let load = Load::open(proxy.address, CONNECTIONS).await;
        peers.push(Peer {
            proxy,
            load,
            costs: Vec::new(),
        });
    }

    let rounds = (size.rounds / run.brief).max(1);
    for peer in &mut peers {
        peer.load.run(&requests, rounds.div_ceil(4)).await;
    }
    let awake = tokio::spawn(stay_awake());
    for _ in 0..run.rounds {
        for peer in &mut peers {
            let before = peer.proxy.cpu();
            peer.load.run(&requests, rounds).await;
            let spent = peer.proxy.cpu() - before;
            peer.costs
                .push(spent as f64 / (rounds * CONNECTIONS) as f64);
        }
    }
    awake.abort();
    std::fs::remove_dir_all(&folder).unwrap();

    let cost = |peer: Option<&Peer>| {
        peer.map_or("none".to_owned(), |peer| {
            format!("{:.1} µs", median(peer.costs.clone()) / 1000.0)
        })
    };
    let told = |peer: Option<&Peer>, [floor, aim]: [f64; 2]| {
        let Some(peer) = peer else {
            return "none | ".to_owned();
        };
        let pairs = peers[0].costs.iter().zip(&peer.costs);
        let ratio = median(pairs.map(|(own, other)| own / other).collect());
        let goal = match encodings.counts {
            true => format!("{floor}, {aim}: {}", verdict(ratio, floor, aim)),
            false => String::new(),
        };
        format!("{ratio:.2} | {goal}")
    };
    println!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        size.name,
        encodings.name,
        cost(peers.first()),
        cost(peers.get(1)),
        cost(peers.get(2)),
        told(peers.get(1), size.bare),
        told(peers.get(2), size.nginx),
    );
}

/// To wake the other core is dear, and he who is slow would have to do it oftener: so it does not sleep.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

fn verdict(value: f64, floor: f64, aim: f64) -> &'static str {
    match () {
        () if value <= aim => "aim met",
        () if value <= floor => "floor met",
        () => "missed",
    }
}

/// Resident memory while many clients hold a connection open, each of which has sent one event.
async fn memory(run: &Run, sink: &Sink) {
    const MEGABYTE: f64 = 1_000_000.0;
    let count = 1000 / run.brief;
    let requests: Vec<_> = bodies(2 << 10)
        .iter()
        .map(|it| Request::new(it, None))
        .collect();
    let requests = Arc::new(requests);
    for (policy, setting) in [
        ("sentry-eu", "policy.name=sentry-eu"),
        ("strict", ALL_PACKS),
    ] {
        // All clients have the same address here.
        let settings = [setting, "server.connections_per_ip=0"];
        let proxy = Proxy::scrubline(PROXY_CORE, sink.address, &settings);
        let mut first = Load::open(proxy.address, 1).await;
        first.run(&requests, 1).await;
        let alone = proxy.resident() as f64 / MEGABYTE;
        let mut crowd = Vec::new();
        for _ in 0..count {
            let mut load = Load::open(proxy.address, 1).await;
            load.run(&requests, 1).await;
            crowd.push(load);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let beside = proxy.resident() as f64 / MEGABYTE;
        println!(
            "resident with {count} idle connections, {policy}: {beside:.1} MB (after the first request {alone:.1} MB); at most 18 MB, aim 13 MB: {}",
            verdict(beside, 18.0, 13.0)
        );
    }
}

/// From the start of the process to the answer to the first request.
async fn start(run: &Run, sink: &Sink) {
    let requests: Vec<_> = bodies(2 << 10)
        .iter()
        .map(|it| Request::new(it, None))
        .collect();
    let requests = Arc::new(requests);
    for (policy, setting) in [
        ("sentry-eu", "policy.name=sentry-eu"),
        ("strict", ALL_PACKS),
    ] {
        let mut times = Vec::new();
        for _ in 0..(30 / run.brief).max(1) {
            let began = Instant::now();
            let proxy = Proxy::scrubline(PROXY_CORE, sink.address, &[setting]);
            let mut load = Load::open(proxy.address, 1).await;
            load.run(&requests, 1).await;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let time = median(times);
        println!(
            "start to first answer, {policy}: {time:.1} ms; below 30 ms: {}",
            if time < 30.0 { "met" } else { "missed" }
        );
    }
}
