//! The laws as checks on arbitrary input, shared by the fuzz targets, the replay of their seeds and the property tests.
//!
//! Each function panics where a law is broken, and says which; that is what a fuzzer looks for. Every choice comes from the
//! input, so a finding can be replayed.

#![expect(clippy::panic, reason = "a broken law must stop the fuzzer")]

mod choices;
mod documents;
mod rules;
mod secrets;

use std::sync::Arc;

use bytes::Bytes;

pub use documents::documents;
pub use rules::rules;
pub use secrets::secrets;

use crate::scrub::decode::{Decoder, Encoding};
pub use crate::scrub::otherwise::{bytewise, forgetful, leaving};
use crate::scrub::{
    Action, Boundary, Format, Gate, Limits, Malformed, Opaque, Output, Plan, SAMPLED_TYPES,
    Sampler, Scrubber, Signal,
};

/// Law 6: what one stream may hold beyond the chunk in hand, in bytes.
pub const STATE_BYTES: usize = 64 << 10;

/// Scrubs chunks and collects what comes out; with an error, what came out before it.
pub fn scrub<'a>(
    plan: &Arc<Plan>,
    format: Format,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<u64, Malformed>) {
    let scrubber = Scrubber::new(Arc::clone(plan), format, &Limits::default());
    run(scrubber, state_bytes(format), chunks)
}

/// What a stream of this format may hold beyond the chunk in hand.
fn state_bytes(format: Format) -> usize {
    match format {
        // Kept whole; a vector that grows may have twice the room.
        Format::Otlp(_) => 2 * Limits::default().protobuf_bytes,
        Format::Json
        | Format::Event
        | Format::Store
        | Format::Ndjson
        | Format::Envelope
        | Format::Text
        | Format::Query
        | Format::Headers => STATE_BYTES,
    }
}

fn run<'a>(
    mut scrubber: Scrubber,
    state_bytes: usize,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<u64, Malformed>) {
    let mut output = Output::new();
    let mut out = Vec::new();
    let mut drain = |output: &mut Output| {
        while let Some(slice) = output.pop() {
            out.extend_from_slice(&slice.into_bytes());
        }
    };
    for chunk in chunks {
        let chunk = Bytes::from(chunk.to_vec());
        let result = scrubber.push(chunk, &mut output);
        drain(&mut output);
        if let Err(error) = result {
            return (out, Err(error));
        }
        let held = scrubber.held_bytes();
        if held > state_bytes {
            panic!("law 6: {held} bytes are held");
        }
    }
    let result = scrubber.finish(&mut output);
    drain(&mut output);
    (out, result.map(|()| scrubber.report().redaction_count()))
}

/// Lets a plan forget the keys and texts that it has met, so that the next document is as its first: for benchmarks.
pub fn forget(plan: &mut Plan) {
    plan.forget();
}

/// What the laws are checked on.
struct Subject<'a> {
    first: &'a dyn Fn() -> Scrubber,
    /// What reads the output again; the same, unless a stream leaves as something else.
    again: &'a dyn Fn() -> Scrubber,
    state_bytes: usize,
    /// Law 3: with nothing redacted, the output is the input.
    keeps: bool,
    /// Whether the words of an error depend on no cut. Where something is packed they may: which of two errors is met first depends
    /// on how much a codec unpacks at a time.
    same_errors: bool,
}

/// Checks laws 3 to 8 on one input, as far as they can be told from outside. `cuts` are places to cut the input at, modulo its
/// length.
pub fn check_laws(plan: &Arc<Plan>, format: Format, input: &[u8], cuts: &[usize]) {
    let scrubber = || Scrubber::new(Arc::clone(plan), format, &Limits::default());
    let subject = Subject {
        first: &scrubber,
        again: &scrubber,
        state_bytes: state_bytes(format),
        keeps: matches!(
            format,
            Format::Json | Format::Ndjson | Format::Text | Format::Query
        ),
        same_errors: format != Format::Store,
    };
    subject.check(input, cuts);
}

/// The same of an envelope at a gate.
pub fn check_gate(plan: &Arc<Plan>, gate: &Arc<Gate>, input: &[u8], cuts: &[usize]) {
    let scrubber = || {
        Scrubber::new(Arc::clone(plan), Format::Envelope, &Limits::default())
            .gated(Arc::clone(gate))
    };
    let subject = Subject {
        first: &scrubber,
        again: &scrubber,
        state_bytes: STATE_BYTES,
        keeps: false,
        same_errors: true,
    };
    subject.check(input, cuts);
}

impl Subject<'_> {
    fn check(&self, input: &[u8], cuts: &[usize]) {
        let (out, result) = run((self.first)(), self.state_bytes, [input]);
        self.same(&split(input, cuts), &out, &result, "cut");
        bytewise(|| forgetful(|| self.same(&[input], &out, &result, "without blocks")));
        self.same(&[input], &out, &result, "again");
        leaving(|| self.same(&split(input, cuts), &out, &result, "cut, with rests"));
        if input.len() <= 4096 {
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            self.same(&bytes, &out, &result, "byte by byte");
            leaving(|| self.same(&bytes, &out, &result, "byte by byte, with rests"));
        }
        let Ok(redactions) = result else { return };
        if redactions == 0 && self.keeps && out != input {
            panic!(
                "law 3: nothing was redacted, and the output differs: {}",
                shown(&out)
            );
        }
        match run((self.again)(), self.state_bytes, [out.as_slice()]) {
            (_, Err(error)) => panic!("law 7: the output is malformed: {error}: {}", shown(&out)),
            (again, Ok(_)) if again != out => {
                panic!(
                    "law 5: twice is not once:\n once {}\ntwice {}",
                    shown(&out),
                    shown(&again)
                )
            }
            (_, Ok(_)) => {}
        }
    }

    fn same(&self, chunks: &[&[u8]], whole: &[u8], result: &Result<u64, Malformed>, how: &str) {
        let (out, cut) = run((self.first)(), self.state_bytes, chunks.iter().copied());
        match (result, &cut) {
            (Ok(_), Ok(_)) if out != whole => {
                panic!(
                    "law 4, {how}:\nwhole {}\n  cut {}",
                    shown(whole),
                    shown(&out)
                )
            }
            (Ok(a), Ok(b)) if a != b => panic!("law 4, {how}: {a} redactions, and {b}"),
            (Err(a), Err(b)) if a != b && self.same_errors => {
                panic!("law 4, {how}: '{a}', and '{b}'")
            }
            (Ok(_), Err(error)) => panic!("law 4, {how}: only when cut: {error}"),
            (Err(error), Ok(_)) => panic!("law 4, {how}: only when whole: {error}"),
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        }
    }
}

/// Checks laws 1 and 2: a template with a secret in place of each `hole` gives the same output for two secrets.
pub fn check_secrets(
    plan: &Arc<Plan>,
    format: Format,
    template: &str,
    hole: &str,
    first: &str,
    second: &str,
) {
    let with = |secret: &str| scrub(plan, format, [template.replace(hole, secret).as_bytes()]);
    let (a, first_result) = with(first);
    let (b, second_result) = with(second);
    if let Err(error) = first_result.and(second_result) {
        panic!("law 8: refused: {error}: {template}");
    }
    if a != b {
        panic!(
            "law 2: the output tells the secret:\n{}\n{}\n{template}",
            shown(&a),
            shown(&b)
        );
    }
    if memchr::memmem::find(&a, first.as_bytes()).is_some() {
        panic!("law 1: the secret is in the output: {}", shown(&a));
    }
}

/// Checks that decoding does not depend on the cuts and keeps its bounds.
pub fn check_decode(encoding: Encoding, input: &[u8], cuts: &[usize]) {
    let limits = Limits {
        decoded_bytes: 1 << 20,
        ..Limits::default()
    };
    let run = |chunks: &[&[u8]]| -> Result<Vec<u8>, String> {
        let mut decoder = Decoder::new(encoding, &limits).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        let mut take = |decoder: &mut Decoder| -> Result<(), String> {
            while let Some(bytes) = decoder.next().map_err(|e| e.to_string())? {
                out.extend_from_slice(&bytes);
                if out.len() as u64 > limits.decoded_bytes {
                    panic!("law 6: more decoded than the limit");
                }
            }
            Ok(())
        };
        for chunk in chunks {
            decoder.push(Bytes::from(chunk.to_vec()));
            take(&mut decoder)?;
        }
        decoder.end().map_err(|e| e.to_string())?;
        take(&mut decoder)?;
        Ok(out)
    };
    let whole = run(&[input]);
    let chunks = split(input, cuts);
    let cut = run(&chunks);
    match (&whole, &cut) {
        (Ok(a), Ok(b)) if a == b => {}
        (Err(_), Err(_)) => {}
        _ => panic!(
            "law 4: decoding depends on the cuts: {:?} and {:?}",
            whole.map(|b| b.len()),
            cut.map(|b| b.len())
        ),
    }
}

/// The input, cut at these places (modulo its length).
fn split<'a>(input: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for place in places {
        chunks.push(&input[from..place]);
        from = place;
    }
    chunks.push(&input[from..]);
    chunks
}

/// Takes cut places off the front of fuzz input: the first byte says how many (0 to 3), two bytes each.
pub fn take_cuts(input: &[u8]) -> (Vec<usize>, &[u8]) {
    let Some((count, rest)) = input.split_first() else {
        return (Vec::new(), input);
    };
    let count = usize::from(count % 4).min(rest.len() / 2);
    let (cuts, rest) = rest.split_at(2 * count);
    (
        cuts.chunks(2)
            .map(|pair| usize::from(pair[0]) << 8 | usize::from(pair[1]))
            .collect(),
        rest,
    )
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The default policy, compiled once.
fn default_plan() -> Arc<Plan> {
    static PLAN: std::sync::OnceLock<Arc<Plan>> = std::sync::OnceLock::new();
    let compile = || match crate::policy::Policy::builtin(crate::policy::DEFAULT) {
        Ok(policy) => policy.plan(),
        Err(error) => panic!("the default policy does not load: {error}"),
    };
    Arc::clone(PLAN.get_or_init(compile))
}

/// The fuzz target of that name: cuts, then a JSON document, also as an event and as lines.
pub fn json(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    for format in [Format::Json, Format::Event, Format::Ndjson] {
        check_laws(&default_plan(), format, input, &cuts);
    }
}

/// The fuzz target of that name: cuts, then an envelope, also where all that is opaque passes, and at a gate that keeps half of all traces.
pub fn envelope(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    check_laws(&default_plan(), Format::Envelope, input, &cuts);
    let mut gate = Gate::default().with_sampler(Sampler::new(0.5, None));
    for item_type in SAMPLED_TYPES {
        gate.set(item_type, Action::Sample);
    }
    check_gate(&default_plan(), &Arc::new(gate), input, &cuts);
    let kinds = Opaque::NAMES.map(|(_, kind)| kind);
    let passing = Arc::new(default_plan().with_passing(&kinds));
    check_laws(&passing, Format::Envelope, input, &cuts);
}

/// The fuzz target of that name: cuts, then text, also as a query, as header lines, and inside JSON where it is UTF-8.
pub fn text(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    for format in [Format::Text, Format::Query, Format::Headers] {
        check_laws(&default_plan(), format, input, &cuts);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let quoted = serde_json::Value::from(text).to_string();
        let twice = serde_json::Value::from(quoted.as_str()).to_string();
        let document = format!(
            "{{\"m\":{quoted},\"cookies\":{quoted},\"query_string\":{quoted},\"n\":{twice}}}"
        );
        check_laws(&default_plan(), Format::Json, document.as_bytes(), &cuts);
    }
}

/// The fuzz target of that name: cuts, then a query, by itself and in URLs: in text, in JSON, and in a parameter of another URL.
pub fn url(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    let plan = &default_plan();
    check_laws(plan, Format::Query, input, &cuts);
    let line = [b"GET https://a.eu/x?".as_slice(), input, b"&z=1 HTTP/1.1"].concat();
    check_laws(plan, Format::Text, &line, &cuts);
    let encoded: String = input
        .iter()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => {
                char::from(*byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let next = format!("/go?next=%2Fx%3F{encoded}&z=1");
    check_laws(plan, Format::Text, next.as_bytes(), &cuts);
    if let Ok(query) = std::str::from_utf8(input) {
        let url = serde_json::Value::from(format!("https://a.eu/x?{query}#top"));
        let query = serde_json::Value::from(query);
        let document = format!("{{\"url\":{url},\"query_string\":{query},\"next\":\"{next}\"}}");
        check_laws(plan, Format::Json, document.as_bytes(), &cuts);
    }
}

/// The fuzz target of that name: an encoding, cuts, then a body in that encoding.
pub fn decode(data: &[u8]) {
    let Some((encoding, rest)) = data.split_first() else {
        return;
    };
    let encoding = match encoding % 4 {
        0 => Encoding::Gzip,
        1 => Encoding::Deflate,
        2 => Encoding::Brotli,
        _ => Encoding::Zstd,
    };
    let (cuts, input) = take_cuts(rest);
    check_decode(encoding, input, &cuts);
}

/// The fuzz target of that name: cuts, then a body of the store endpoint.
pub fn store(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    check_laws(&default_plan(), Format::Store, input, &cuts);
}

/// The fuzz target of that name: cuts, then an OTLP request in Protocol Buffers, as traces and as logs.
pub fn protobuf(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    for signal in [Signal::Traces, Signal::Logs] {
        check_laws(&default_plan(), Format::Otlp(signal), input, &cuts);
    }
}

/// The fuzz target of that name: cuts, then a crash reporter's form with the boundary `x`, without its dump and with it.
pub fn multipart(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    check_form(input, &cuts);
}

/// The fuzz target of that name: cuts, then MessagePack, by itself and as the event and the breadcrumbs of a form.
pub fn msgpack(data: &[u8]) {
    let (cuts, input) = take_cuts(data);
    if let Ok(values) = crate::scrub::msgpack::read(input) {
        for value in values {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(&value.to_string()) {
                panic!("law 7: what MessagePack becomes is no JSON: {error}");
            }
        }
    }
    let part = |name: &str| {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), input, b"\r\n"].concat()
    };
    for name in ["__sentry-event", "__sentry-breadcrumb1"] {
        check_form(&[part(name).as_slice(), b"--x--"].concat(), &cuts);
    }
}

fn check_form(input: &[u8], cuts: &[usize]) {
    let Some(boundary) = Boundary::of("multipart/form-data; boundary=x") else {
        panic!("a boundary that is one");
    };
    let limits = Limits::default();
    let plain = default_plan();
    let passing = Arc::new(plain.with_passing(&[Opaque::Minidump, Opaque::Attachment]));
    let form =
        |plan: &Arc<Plan>| Scrubber::minidump(Arc::clone(plan), Some(boundary.clone()), &limits);
    let mut subject = Subject {
        first: &|| form(&plain),
        again: &|| Scrubber::new(Arc::clone(&plain), Format::Envelope, &limits),
        state_bytes: STATE_BYTES + 2 * limits.form_bytes,
        keeps: false,
        same_errors: true,
    };
    subject.check(input, cuts);
    let form = || form(&passing);
    subject = Subject {
        first: &form,
        again: &form,
        ..subject
    };
    subject.check(input, cuts);
}
