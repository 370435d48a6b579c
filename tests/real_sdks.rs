//! Real SDKs, through Scrubline, into a real collector.
//!
//! Three shops fail in front of a client that brings secrets: one with the `sentry` crate (in this process), one with
//! `sentry-sdk` and Flask, one with `@sentry/node` and Express, the last two with and without `send_default_pii`. Their
//! DSN points at `scrubline serve`, which forwards to a real bugsink. Then what bugsink stored has to be a good event,
//! and no byte below bugsink's folder may have come from a secret.
//!
//! The control is the same with no Scrubline in between: there the secrets must be found, so the search does find.
//!
//! The peers are installed by `tests/peers/setup.sh`, under `target/peers`.
#![cfg(feature = "proxy")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking"
)]

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// For anything a peer does: far above what it takes, so that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(60);

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

// ---------------------------------------------------------------------------------------------- the two tests

#[test]
fn what_real_sdks_send_through_scrubline_is_stored_readable_and_without_secrets() {
    let collector = Collector::start("scrubbed");
    let scrubline = start_scrubline(collector.port);
    let runs = run_all_shops(&collector, scrubline.port);

    let mut wrong = collector.events_that_are_not_readable(&runs);
    for (place, bytes) in collector.everything_stored() {
        for run in &runs {
            wrong.extend(
                run.canaries
                    .iter()
                    .filter(|canary| canary.is_in(&bytes))
                    .map(|canary| {
                        format!(
                            "{}: the secret of {} ({}) is in the collector's {place}",
                            run.shop, canary.name, canary.value
                        )
                    }),
            );
        }
    }
    let said = scrubline.child.said().into_bytes();
    for run in &runs {
        wrong.extend(
            run.canaries
                .iter()
                .filter(|canary| canary.is_in(&said))
                .map(|canary| {
                    format!(
                        "{}: the secret of {} is in Scrubline's own output",
                        run.shop, canary.name
                    )
                }),
        );
    }
    assert!(
        wrong.is_empty(),
        "{}\n\nScrubline said:\n{}",
        wrong.join("\n"),
        scrubline.child.said()
    );
}

#[test]
fn control_without_scrubline_the_same_secrets_are_in_the_collector() {
    let collector = Collector::start("control");
    let runs = run_all_shops(&collector, collector.port);

    let mut wrong = collector.events_that_are_not_readable(&runs);
    let stored: Vec<_> = collector.everything_stored();
    for run in &runs {
        wrong.extend(
            run.canaries
                .iter()
                .filter(|canary| !stored.iter().any(|(_, bytes)| canary.is_in(bytes)))
                .map(|canary| format!("{}: the secret of {} did not leak", run.shop, canary.name)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_secret_is_found_in_every_form_it_may_be_stored_in() {
    let canary = Canary::fresh("test");
    let value = &canary.value;
    let bytewise = |form: fn(u8) -> String| value.bytes().map(form).collect::<String>();
    let forms = [
        value.clone(),
        value[..value.len() / 2].to_owned(),
        bytewise(|byte| format!("%{byte:02X}")),
        bytewise(|byte| format!("\\u{byte:04x}")),
        bytewise(|byte| format!("{byte:02x}")),
        STANDARD_NO_PAD.encode(value),
        STANDARD_NO_PAD.encode(format!("a{value}b")),
        STANDARD_NO_PAD.encode(format!("ab{value}c")),
        URL_SAFE_NO_PAD.encode(format!("user:{value}")),
    ];
    for form in forms {
        assert!(
            canary.is_in(format!("before {form} after").as_bytes()),
            "{form}"
        );
    }
    assert!(!canary.is_in(Canary::fresh("other").value.as_bytes()));
}

// ---------------------------------------------------------------------------------------------- the shops

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shop {
    Rust,
    Flask { pii: bool },
    Express { pii: bool },
}

const SHOPS: [Shop; 5] = [
    Shop::Rust,
    Shop::Flask { pii: false },
    Shop::Flask { pii: true },
    Shop::Express { pii: false },
    Shop::Express { pii: true },
];

impl std::fmt::Display for Shop {
    /// Also the name, and the slug, of its project in the collector.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::Flask { pii: false } => "flask",
            Self::Flask { pii: true } => "flask-pii",
            Self::Express { pii: false } => "express",
            Self::Express { pii: true } => "express-pii",
        })
    }
}

impl Shop {
    fn error_type(self) -> &'static str {
        match self {
            Self::Rust => "ShopError",
            Self::Flask { .. } => "RuntimeError",
            Self::Express { .. } => "RangeError",
        }
    }

    /// One failed request that brings `canaries`; back when all that the SDK had to say has been sent.
    fn fail_once(self, dsn: &str, canaries: &Canaries) {
        match self {
            Self::Rust => rust_shop(dsn, canaries),
            Self::Flask { pii } => {
                visit(
                    Command::new(peer("venv/bin/python")).arg(source("flask_app.py")),
                    pii,
                    dsn,
                    canaries,
                );
            }
            Self::Express { pii } => visit(
                Command::new("node")
                    .arg(source("express_app.cjs"))
                    .env("NODE_PATH", peer("node/node_modules")),
                pii,
                dsn,
                canaries,
            ),
        }
    }
}

/// What is not secret, and must still be readable afterwards.
const MESSAGE: &str = "the till is out of paper";
const BRANCH: &str = "krakow-kazimierz";
const PAGE: &str = "page=2";

/// Start the shop's process, be its customer, and let it leave.
fn visit(command: &mut Command, pii: bool, dsn: &str, canaries: &Canaries) {
    command
        .env("DSN", dsn)
        .env("PII", if pii { "1" } else { "0" })
        .env("OUTGOING_TOKEN", &canaries.outgoing.value)
        .env("MESSAGE", MESSAGE);
    let mut shop = Running::start(command);
    let port = shop.wait_for("listening on ");
    let Canaries {
        authorization,
        cookie,
        cron,
        incoming,
        outgoing: _,
    } = canaries;
    let status = get(
        port,
        &format!("/checkout?token={}&{PAGE}", incoming.value),
        &[
            ("Authorization", format!("Bearer {}", authorization.value)),
            ("Cookie", format!("session={}", cookie.value)),
            ("X-Cron-Secret", cron.value.clone()),
            ("X-Branch", BRANCH.to_owned()),
        ],
    );
    assert_eq!(
        status,
        500,
        "the shop did not fail as it should\n{}",
        shop.said()
    );
    assert_eq!(get(port, "/quit", &[]), 200);
    shop.wait_for_success();
}

/// What a Rust service reports by hand: the crate has no integration of its own for a synchronous server.
fn rust_shop(dsn: &str, canaries: &Canaries) {
    use sentry::protocol::{Breadcrumb, Event, Exception, Level, Request};
    use sentry::{Client, ClientOptions, Hub, Scope};

    let Canaries {
        authorization,
        cookie,
        cron,
        incoming,
        outgoing,
    } = canaries;
    let options = ClientOptions::new().dsn(dsn);
    let client = std::sync::Arc::new(Client::from(sentry::apply_defaults(options)));
    let hub = Hub::new(Some(client.clone()), std::sync::Arc::new(Scope::default()));
    let query = format!("token={}&{PAGE}", incoming.value);
    hub.add_breadcrumb(Breadcrumb {
        ty: "http".to_owned(),
        category: Some("http".to_owned()),
        data: BTreeMap::from([
            ("method".to_owned(), "GET".into()),
            (
                "url".to_owned(),
                format!("http://127.0.0.1/stock?token={}&{PAGE}", outgoing.value).into(),
            ),
        ]),
        ..Breadcrumb::default()
    });
    hub.capture_event(Event {
        level: Level::Error,
        request: Some(Request {
            url: Some(
                format!("http://127.0.0.1/checkout?{query}")
                    .parse()
                    .unwrap(),
            ),
            method: Some("GET".to_owned()),
            query_string: Some(query),
            cookies: Some(format!("session={}", cookie.value)),
            headers: BTreeMap::from([
                (
                    "authorization".to_owned(),
                    format!("Bearer {}", authorization.value),
                ),
                ("cookie".to_owned(), format!("session={}", cookie.value)),
                ("x-cron-secret".to_owned(), cron.value.clone()),
                ("x-branch".to_owned(), BRANCH.to_owned()),
            ]),
            ..Request::default()
        }),
        exception: vec![Exception {
            ty: Shop::Rust.error_type().to_owned(),
            value: Some(MESSAGE.to_owned()),
            ..Exception::default()
        }]
        .into(),
        ..Event::default()
    });
    assert!(
        client.close(Some(PATIENCE)),
        "the sentry crate could not send its event"
    );
}

/// One shop's failure, and the secrets that it was made with.
struct Run {
    shop: Shop,
    canaries: Canaries,
}

/// Every shop fails once, with its DSN's port changed to `port`.
fn run_all_shops(collector: &Collector, port: u16) -> Vec<Run> {
    SHOPS
        .map(|shop| {
            let (project, key) = &collector.projects[&shop.to_string()];
            let run = Run {
                shop,
                canaries: Canaries::fresh(),
            };
            // Shown only if the test fails.
            eprintln!("{shop}: {:?}", run.canaries);
            shop.fail_once(
                &format!("http://{key}@127.0.0.1:{port}/{project}"),
                &run.canaries,
            );
            run
        })
        .into()
}

// ---------------------------------------------------------------------------------------------- secrets

#[derive(Debug)]
struct Canary {
    name: &'static str,
    value: String,
}

impl Canary {
    /// 24 letters and digits that no rule can know by their look: only their place says that they are secret.
    fn fresh(name: &'static str) -> Self {
        const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let random = || usize::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap();
        let value = (0..24)
            .map(|_| char::from(ALPHABET[random() % ALPHABET.len()]))
            .collect();
        Self { name, value }
    }

    /// Whether half of it or more stands in `bytes`, in any of the forms something stored may have.
    ///
    /// Of letters and digits alone, it is the same raw, JSON-escaped and percent-encoded, unless an encoder escapes
    /// every byte.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let (first, second) = self.value.split_at(self.value.len() / 2);
        [first, second]
            .into_iter()
            .flat_map(forms)
            .any(|form| memchr::memmem::find(bytes, form.as_bytes()).is_some())
    }
}

fn forms(part: &str) -> Vec<String> {
    let bytewise = |form: fn(u8) -> String| part.bytes().map(form).collect::<String>();
    let mut forms = vec![
        part.to_owned(),
        bytewise(|byte| format!("%{byte:02X}")),
        bytewise(|byte| format!("%{byte:02x}")),
        bytewise(|byte| format!("\\u{byte:04x}")),
        bytewise(|byte| format!("\\u{byte:04X}")),
        bytewise(|byte| format!("{byte:02x}")),
        bytewise(|byte| format!("{byte:02X}")),
    ];
    // In base64 it looks different for each of the three places in a group where it may start. The digits that also
    // hold bits of its neighbours are left out.
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for before in 0..3_usize {
            let whole = engine.encode([vec![0; before], part.into()].concat());
            forms.push(whole[(before * 8).div_ceil(6)..(before + part.len()) * 8 / 6].to_owned());
        }
    }
    forms
}

#[derive(Debug)]
struct Canaries {
    authorization: Canary,
    cookie: Canary,
    cron: Canary,
    incoming: Canary,
    outgoing: Canary,
}

impl Canaries {
    fn fresh() -> Self {
        Self {
            authorization: Canary::fresh("Authorization"),
            cookie: Canary::fresh("Cookie"),
            cron: Canary::fresh("X-Cron-Secret"),
            incoming: Canary::fresh("?token="),
            outgoing: Canary::fresh("outgoing ?token="),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Canary> {
        [
            &self.authorization,
            &self.cookie,
            &self.cron,
            &self.incoming,
            &self.outgoing,
        ]
        .into_iter()
    }
}

// ---------------------------------------------------------------------------------------------- the collector

/// A bugsink of our own: its folder, its server, and a project (id and public key) for each shop.
struct Collector {
    base: PathBuf,
    projects: BTreeMap<String, (u64, String)>,
    port: u16,
    _server: Running,
}

impl Collector {
    fn start(name: &str) -> Self {
        require_peers();
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bugsink-{name}"));
        match std::fs::remove_dir_all(&base) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("{}: {error}", base.display())
            }
            _ => {}
        }
        let template = peer("bugsink-template");
        let mut prepare: Vec<String> = vec![
            "prepare".into(),
            template.display().to_string(),
            base.display().to_string(),
        ];
        prepare.extend(SHOPS.map(|shop| shop.to_string()));
        let projects = serde_json::from_value(collector_py(&prepare)).unwrap();

        // Gunicorn finds a port itself, and says which.
        let mut server = Running::start(
            Command::new(peer("venv/bin/gunicorn"))
                .args([
                    "--bind",
                    "127.0.0.1:0",
                    "--workers",
                    "1",
                    "--threads",
                    "4",
                    "--no-control-socket",
                    "bugsink.wsgi",
                ])
                .current_dir(&base),
        );
        let port = server.wait_for("Listening at: http://127.0.0.1:");
        Self {
            base,
            projects,
            port,
            _server: server,
        }
    }

    /// Each shop must have left exactly one event, with its error and the benign values as they were.
    fn events_that_are_not_readable(&self, runs: &[Run]) -> Vec<String> {
        let stored = collector_py(&["events".to_owned(), self.base.display().to_string()]);
        let mut wrong = Vec::new();
        for Run { shop, .. } in runs {
            let [event] = stored[shop.to_string()].as_array().unwrap().as_slice() else {
                wrong.push(format!(
                    "{shop}: not one event stored, but {}",
                    stored[shop.to_string()]
                ));
                continue;
            };
            let data = &event["data"];
            // A list, or a list in `values`: SDKs do either.
            let exception = data["exception"]
                .pointer("/values/0")
                .unwrap_or(&data["exception"][0]);
            let good = [
                ("the type shown", event["type"] == shop.error_type()),
                ("the value shown", event["value"] == MESSAGE),
                (
                    "the exception's type",
                    exception["type"] == shop.error_type(),
                ),
                ("the exception's value", exception["value"] == MESSAGE),
                ("the request's page", has(&data["request"], PAGE)),
                (
                    "the request's branch header",
                    has(&data["request"]["headers"], BRANCH),
                ),
                ("the breadcrumb's page", has(&data["breadcrumbs"], PAGE)),
            ];
            wrong.extend(
                good.iter()
                    .filter(|(_, holds)| !holds)
                    .map(|(what, _)| format!("{shop}: {what} is not readable in {event:#}")),
            );
        }
        wrong
    }

    /// Every file below its folder: the databases, their -wal, what it ingests, its configuration.
    fn everything_stored(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.base.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((
                        path.strip_prefix(&self.base).unwrap().display().to_string(),
                        std::fs::read(&path).unwrap(),
                    ));
                }
            }
        }
        files
    }
}

/// Whether a string anywhere in `value` has `text` in it.
fn has(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(items) => items.iter().any(|item| has(item, text)),
        Value::Object(members) => members.values().any(|member| has(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn collector_py(arguments: &[String]) -> Value {
    let done = clean(
        Command::new(peer("venv/bin/python"))
            .arg(source("collector.py"))
            .args(arguments),
    )
    .output()
    .unwrap();
    assert!(
        done.status.success(),
        "collector.py {arguments:?}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    serde_json::from_slice(&done.stdout).unwrap()
}

// ---------------------------------------------------------------------------------------------- Scrubline

struct Scrubline {
    child: Running,
    port: u16,
}

fn start_scrubline(upstream: u16) -> Scrubline {
    let (port, admin) = (free_port(), free_port());
    let mut child = Running::start(
        Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .arg("serve")
            .env("SCRUBLINE_SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("SCRUBLINE_SERVER__ADMIN", format!("127.0.0.1:{admin}"))
            .env("SCRUBLINE_POLICY__SERVER__TRACES_SAMPLE_RATE", "1")
            .env(
                "SCRUBLINE_UPSTREAM__URL",
                format!("http://127.0.0.1:{upstream}"),
            ),
    );
    child.wait_until_it_accepts(port);
    child.wait_until_it_accepts(admin);
    // It listens first, and resolves the collector's name then.
    let deadline = Instant::now() + PATIENCE;
    while get(admin, "/readyz", &[]) != 200 {
        assert!(
            Instant::now() < deadline,
            "Scrubline does not get ready\n{}",
            child.said()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Scrubline { child, port }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

// ---------------------------------------------------------------------------------------------- processes

/// A child process, and what it says on either output. Ended with this value.
struct Running {
    child: Child,
    lines: Receiver<String>,
    said: std::cell::RefCell<Vec<String>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = clean(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        let (sender, lines) = channel();
        for output in [
            Box::new(child.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(child.stderr.take().unwrap()),
        ] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    // The receiver is gone when the test has seen enough.
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        Self {
            child,
            lines,
            said: Vec::new().into(),
        }
    }

    /// All it has said so far.
    fn said(&self) -> String {
        self.said.borrow_mut().extend(self.lines.try_iter());
        self.said.borrow().join("\n")
    }

    /// The port that stands after `prefix`, once a line has it.
    fn wait_for(&mut self, prefix: &str) -> u16 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .unwrap_or_else(|_| panic!("no line with {prefix:?} in\n{}", self.said()));
            let port = line.split_once(prefix).map(|(_, rest)| rest.to_owned());
            self.said.borrow_mut().push(line);
            if let Some(rest) = port {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                return digits.parse().unwrap();
            }
        }
    }

    fn wait_until_it_accepts(&mut self, port: u16) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!(
                    "ended with {status} before it listened on {port}\n{}",
                    self.drained()
                );
            }
            assert!(
                Instant::now() < deadline,
                "never listened on {port}\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for_success(mut self) {
        let said = self.drained();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "ended with {status}\n{said}");
    }

    /// All it says until it closes both outputs, as it does when it ends.
    fn drained(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.said.borrow_mut().push(line),
                Err(RecvTimeoutError::Disconnected) => return self.said(),
                Err(RecvTimeoutError::Timeout) => panic!("did not end\n{}", self.said()),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // Asked first, since gunicorn has children of its own to end; made to if it does not listen.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .is_ok_and(|status| status.success());
        let deadline = Instant::now() + Duration::from_secs(10);
        while asked && Instant::now() < deadline {
            if self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                == Err(RecvTimeoutError::Disconnected)
            {
                break;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With no environment but what it is given: no proxy, DSN or setting of ours may change what a peer does.
fn clean(command: &mut Command) -> &mut Command {
    let given: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command.env_clear();
    for (name, value) in given {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default())
}

/// The status of `GET target`.
fn get(port: u16, target: &str, headers: &[(&str, String)]) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut request =
        format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let head = String::from_utf8_lossy(&response);
    head.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("not HTTP: {head}"))
}

// ---------------------------------------------------------------------------------------------- folders

fn peer(name: &str) -> PathBuf {
    [ROOT, "target", "peers", name].iter().collect()
}

fn source(name: &str) -> PathBuf {
    [ROOT, "tests", "peers", name].iter().collect()
}

fn require_peers() {
    assert!(
        peer("stamp").exists(),
        "the real peers are not installed: run tests/peers/setup.sh, then this test again"
    );
}
