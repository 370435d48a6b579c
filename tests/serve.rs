//! `scrubline serve` as it runs: a process of its own, what it logs, and real signals.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use program::Program;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

#[tokio::test]
async fn exceptions_are_warned_of_once_when_serving_starts() {
    let upstream = Upstream::start().await;
    let file = std::env::temp_dir().join(format!("scrubline-{}-allow.toml", std::process::id()));
    let table = "[[policy.allow]]\nname = 'session_id'\nreason = 'a number of ours'\n";
    std::fs::write(&file, table).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_scrubline"));
    command.args(["serve", "--upstream", &upstream.url(), "--config"]);
    command.arg(&file);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let program = Program::run(command).await;
    std::fs::remove_file(file).unwrap();
    let warnings: Vec<&String> = program
        .log
        .iter()
        .filter(|line| line.contains("let through although a rule covers it"))
        .collect();
    assert_eq!(warnings.len(), 1, "{:?}", program.log);
    assert!(
        warnings[0].contains("WARN")
            && warnings[0].contains("the name session_id, against all rules: a number of ours"),
        "{warnings:?}"
    );
    let serving = program.log.last().unwrap();
    let (_, core) = serving.split_once("packs=\"core 2 ").unwrap();
    let hash = core.split_once(", credentials 2 ").unwrap().0;
    assert!(
        hash.len() == 12 && hash.bytes().all(|b| b.is_ascii_hexdigit()),
        "{serving}"
    );
}

/// What must be in no log.
const SECRET: &str = "hunter2";

#[tokio::test]
async fn no_log_line_holds_what_was_sent() {
    let upstream = Upstream::start().await;
    for format in ["human", "json"] {
        let settings = ["log.level=debug", &format!("log.format={format}")];
        let mut program = Program::start(&upstream.url(), &settings, &[]).await;
        let key = format!("sentry_key={KEY}");
        let passing = format!("/api/1/envelope/?{key}&sentry_secret={SECRET}&token={SECRET}");
        let secrets = [
            ("authorization", "Bearer hunter2"),
            ("cookie", "session=hunter2"),
            ("referer", "https://app.example/?token=hunter2"),
            ("user-agent", "agent/1 (token=hunter2)"),
            ("x-cron-secret", SECRET),
            ("x-forwarded-for", SECRET),
        ];
        let dsn = format!("https://{KEY}:{SECRET}@o1.ingest.de.sentry.io/1");
        let event = format!(
            "{{\"message\":\"/x?token={SECRET}\",\"extra\":{{\"password\":\"{SECRET}\",\"note\":\"{SECRET}\"}}}}"
        );
        let body = format!(
            "{{\"event_id\":\"{ID}\",\"dsn\":\"{dsn}\"}}\n{{\"type\":\"event\"}}\n{event}\n{{\"type\":\"{SECRET}\"}}\n{SECRET}\n"
        );
        let packed = gzip(body.as_bytes());
        let encoded: Vec<_> = [&secrets[..], &[("content-encoding", "gzip")]].concat();
        assert_eq!(program.post(&passing, &encoded, packed.clone()).await, 200);
        let line = program.read_until("forwarded").await;
        for (name, bytes) in [
            ("received_bytes", packed.len()),
            ("decoded_bytes", body.len()),
        ] {
            let human = format!("{name}={bytes} ");
            let json = format!("\"{name}\":{bytes},");
            assert!(line.contains(&human) || line.contains(&json), "{line}");
        }
        assert!(line.contains("scrubbed_bytes"), "{line}");

        // And of what is refused: each where it may be looked at closest.
        for (target, header, body, status) in [
            (passing.as_str(), ("x-a", SECRET), SECRET.to_owned(), 400),
            (&passing, ("x-a", SECRET), body.replace('}', SECRET), 400),
            (&passing, ("content-encoding", SECRET), body.clone(), 415),
            (&passing, ("x-sentry-auth", SECRET), body.clone(), 401),
            (
                "/api/1/store/",
                ("authorization", "Basic hunter2"),
                event.clone(),
                401,
            ),
            (
                "/hunter2?token=hunter2",
                ("x-a", SECRET),
                event.clone(),
                404,
            ),
            ("/api/hunter2/store/", ("x-a", SECRET), event.clone(), 404),
        ] {
            let answered = program.post(target, &[header], body.into_bytes()).await;
            assert_eq!(answered, status, "{target} {header:?}");
            let line = program.read_until("request").await;
            assert!(line.contains("detail"), "{line}");
        }
        // What is no HTTP at all.
        let mut socket = TcpStream::connect(program.address).await.unwrap();
        socket
            .write_all(b"hunter2 \0 hunter2\r\n\r\n")
            .await
            .unwrap();
        let _ = socket.read_to_end(&mut Vec::new()).await;
        program.read_until("a connection ended badly").await;

        program.terminate();
        let (status, log) = program.ended().await;
        assert!(status.success(), "{log}");
        assert!(!log.contains(SECRET), "{log}");
        assert!(!log.contains(KEY), "{log}");
        assert_eq!(log.contains("\"message\":\"request\""), format == "json");
    }
}

#[tokio::test]
async fn what_is_left_out_is_in_the_log() {
    let upstream = Upstream::start().await;
    let mut program = Program::start(&upstream.url(), &[], &[]).await;
    let event = "{\"type\":\"event\"}\n{\"message\":\"hello\"}\n";
    let attachment = "{\"type\":\"attachment\",\"length\":2}\n\u{1}\u{2}\n";
    let check_in = "{\"type\":\"check_in\"}\n{}\n";
    let unknown = format!("{{\"type\":\"{SECRET}\"}}\n{SECRET}\n");
    for (items, expected) in [
        (
            vec![event, check_in, attachment],
            Some("dropped=\"attachment 1, check_in 1\""),
        ),
        (
            vec![&unknown, check_in, check_in],
            Some("dropped=\"check_in 2, unknown 1\""),
        ),
        (vec![event], None),
    ] {
        let body = format!("{{}}\n{}", items.concat());
        let headers = [("x-sentry-auth", AUTH)];
        let target = "/api/1/envelope/";
        let status = program.post(target, &headers, body.into_bytes()).await;
        assert_eq!(status, 200);
        let line = program.read_until("request").await;
        match expected {
            Some(dropped) => assert!(line.contains(dropped), "{line}"),
            None => assert!(!line.contains("dropped"), "{line}"),
        }
        assert!(!line.contains(SECRET), "{line}");
    }
}

#[tokio::test]
async fn a_refusal_is_one_line_at_the_level_it_deserves() {
    let upstream = Upstream::answering(|| {
        Response::builder()
            .status(429)
            .body("{\"detail\":\"hunter2\"}")
            .unwrap()
    })
    .await;
    let refusing = upstream.url();
    let settings = ["limits.decoded_bytes=4KiB", "limits.json_depth=4"];
    let deep = b"{}\n{\"type\":\"event\"}\n{\"a\":[[[[1]]]]}\n".to_vec();
    for (url, target, body, expected) in [
        (
            refusing.as_str(),
            "/elsewhere",
            envelope(),
            [
                " INFO ",
                "outcome=\"not_found\" status=404 detail=\"no such route; ",
            ],
        ),
        (
            &refusing,
            "/api/1/envelope/",
            b"hello".to_vec(),
            [
                " INFO ",
                "outcome=\"malformed\" status=400 detail=\"envelope header: ",
            ],
        ),
        (
            &refusing,
            "/api/1/envelope/",
            large_start(8_000),
            [
                " WARN ",
                "outcome=\"too_large\" status=413 detail=\"the body is larger than 4096 bytes",
            ],
        ),
        (
            &refusing,
            "/api/1/envelope/",
            deep,
            [
                " WARN ",
                "outcome=\"too_deep\" status=400 detail=\"item 0: nested too deeply",
            ],
        ),
        (
            &refusing,
            "/api/1/envelope/",
            envelope(),
            [
                " WARN ",
                "outcome=\"upstream_refused\" status=429 upstream=",
            ],
        ),
        (
            "http://127.0.0.1:1",
            "/api/1/envelope/",
            envelope(),
            [
                " WARN ",
                "outcome=\"upstream_unreachable\" status=502 detail=\"no answer from the collector: ",
            ],
        ),
    ] {
        let program = Program::start(url, &settings, &[]).await;
        let headers = [("x-sentry-auth", AUTH)];
        program.post(target, &headers, body).await;
        program.terminate();
        let (_, log) = program.ended().await;
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.contains("refused") || line.contains(" outcome="))
            .collect();
        assert_eq!(lines.len(), 1, "{log}");
        for part in expected {
            assert!(lines[0].contains(part), "{part}: {log}");
        }
        assert!(!log.contains(SECRET), "{log}");
    }
}

/// Sends these bytes on a connection of their own, and waits until it is closed.
async fn say(address: SocketAddr, bytes: &[u8]) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let _ = socket.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn connections_that_bring_no_request_are_told_and_counted() {
    let settings = ["limits.head_bytes=8KiB", "server.head_timeout=100ms"];
    let mut program = Program::start("http://127.0.0.1:1", &settings, &[]).await;
    let (_, admin) = program.log.last().unwrap().split_once("admin=").unwrap();
    let admin = admin.split(' ').next().unwrap().parse().unwrap();
    let long = format!("GET / HTTP/1.1\r\nx-long: {}\r\n\r\n", "x".repeat(10_000));
    for (bytes, level, words) in [
        // How a handshake begins.
        (
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hunter2"[..],
            " WARN ",
            "a client spoke TLS; the DSN must begin with http:// reason=\"tls\"",
        ),
        (
            long.as_bytes(),
            " INFO ",
            "reason=\"head_too_large\" detail=\"the head of a request is longer than limits.head_bytes",
        ),
        (
            b"GET / HTTP/1.1\r\nx-hunter2:",
            " INFO ",
            "reason=\"head_timeout\" detail=\"the head of a request did not come within server.head_timeout",
        ),
        (b"hunter2 \0\r\n\r\n", " INFO ", "reason=\"malformed\""),
    ] {
        say(program.address, bytes).await;
        let line = program.read_until("reason").await;
        assert!(line.contains(level) && line.contains(words), "{line}");
    }
    // No second warning so soon, and none at all for who only knocks.
    say(program.address, b"\x16\x03\x01").await;
    drop(TcpStream::connect(program.address).await.unwrap());
    say(program.address, b"hunter2 \0\r\n\r\n").await;
    program.read_until("malformed").await;
    // A connection is counted just after it was closed.
    let metrics = loop {
        let metrics = request(admin, "GET", "/metrics", &[], Vec::new()).await;
        if metrics.body.contains("{reason=\"tls\"} 2") {
            break metrics;
        }
    };
    for line in [
        "scrubline_connection_errors_total{reason=\"broken\"} 0",
        "scrubline_connection_errors_total{reason=\"head_timeout\"} 1",
        "scrubline_connection_errors_total{reason=\"head_too_large\"} 1",
        "scrubline_connection_errors_total{reason=\"malformed\"} 2",
        "scrubline_connection_errors_total{reason=\"tls\"} 2",
        "scrubline_requests_total{outcome=\"too_large\",status=\"431\"} 1",
    ] {
        assert!(metrics.body.contains(line), "{line}:\n{}", metrics.body);
    }
    program.terminate();
    let (_, log) = program.ended().await;
    assert_eq!(log.matches("spoke TLS").count(), 1, "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_told_by_the_setting() {
    let settings = ["server.write_timeout=200ms"];
    let mut program = Program::start("http://127.0.0.1:1", &settings, &[]).await;
    let mut socket = TcpStream::connect(program.address).await.unwrap();
    let requests = "GET /nothing HTTP/1.1\r\nHost: proxy\r\n\r\n".repeat(100);
    // The buffers between us fill; then nobody reads what is written.
    while socket.write_all(requests.as_bytes()).await.is_ok() {}
    let line = program.read_until("reason=\"broken\"").await;
    assert!(
        line.contains(" INFO ")
            && line.contains("did not read its answer within server.write_timeout"),
        "{line}"
    );
}

/// The head and body of one good request, as bytes.
fn raw_request() -> Vec<u8> {
    let body = envelope();
    let head = format!(
        "POST /api/1/envelope/ HTTP/1.1\r\nhost: p\r\nx-sentry-auth: {AUTH}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

#[tokio::test]
async fn requests_that_are_cut_off_are_told_as_such() {
    for (timeout, second, last) in [
        ("50ms", false, "stopped at the drain timeout"),
        ("1h", true, "stopped at once by a second signal"),
    ] {
        let (begun, mut beginning) = mpsc::unbounded_channel();
        let upstream = Upstream::with(move |_| {
            begun.send(()).unwrap();
            std::future::pending()
        })
        .await;
        let timeout = format!("server.drain_timeout={timeout}");
        let settings = [timeout.as_str(), "upstream.response_timeout=1h"];
        let mut program = Program::start(&upstream.url(), &settings, &[]).await;
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let mut socket = TcpStream::connect(program.address).await.unwrap();
            socket.write_all(&raw_request()).await.unwrap();
            beginning.recv().await.unwrap();
            sockets.push(socket);
        }
        program.terminate();
        program.read_until("draining").await;
        if second {
            program.terminate();
        }
        let (status, log) = program.ended().await;
        assert_eq!(status.code(), Some(1), "{log}");
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        assert!(
            lines[0].contains("WARN") && lines[0].contains(last) && lines[0].contains("cut_off=2"),
            "{log}"
        );
        for line in &lines[1..] {
            assert!(line.contains("outcome=\"cut_off\""), "{log}");
        }
        assert!(!log.contains("client_gone"), "{log}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_at_once() {
    let (begun, mut beginning) = mpsc::unbounded_channel();
    let upstream = Upstream::with(move |_| {
        begun.send(()).unwrap();
        std::future::pending()
    })
    .await;
    let settings = ["server.drain_timeout=1h", "upstream.response_timeout=1h"];
    let mut program = Program::start(&upstream.url(), &settings, &[]).await;
    let mut socket = TcpStream::connect(program.address).await.unwrap();
    socket.write_all(&raw_request()).await.unwrap();
    beginning.recv().await.unwrap();

    program.terminate();
    let line = program.read_until("draining").await;
    assert!(line.contains("in_flight=1"), "{line}");
    // Still in flight: nothing but the second signal can end it.
    assert!(program.child.try_wait().unwrap().is_none());
    program.terminate();
    program.read_until("a second signal").await;
    let (status, log) = program.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn variables_an_underscore_off_and_settings_without_effect_are_warned_of() {
    let variables = [
        ("SCRUBLINE_LIMITS_IN_FLIGHT", "1"),
        ("MINE", "hunter2hunter2"),
    ];
    let settings = ["secrets.env=MINE", "policy.personal=mask"];
    let program = Program::start("http://127.0.0.1:1", &settings, &variables).await;
    // Beside it: how many secrets it knows, and none of them.
    let serving = program.log.last().unwrap();
    assert!(serving.contains("known_secrets=1"), "{serving}");
    assert!(!serving.contains("hunter2"), "{serving}");
    program.terminate();
    let (status, log) = program.ended().await;
    assert!(status.success(), "{log}");
    for warning in [
        "SCRUBLINE_LIMITS_IN_FLIGHT is ignored; limits.in_flight is set by SCRUBLINE_LIMITS__IN_FLIGHT",
        "policy.personal: does nothing",
    ] {
        assert!(
            log.lines()
                .any(|line| line.contains("WARN") && line.contains(warning)),
            "{log}"
        );
    }
}

/// A collector that speaks TLS, with a certificate of its own making.
struct SecureUpstream {
    address: SocketAddr,
    /// The certificate, in a file that goes when the test ends.
    authority: PathBuf,
    /// The version of HTTP, the path, and the body as it was on the wire, if it came to its end.
    received: mpsc::UnboundedReceiver<(Version, String, Option<Vec<u8>>)>,
}

impl SecureUpstream {
    async fn start(name: &str) -> SecureUpstream {
        SecureUpstream::with(name, rcgen::IsCa::NoCa).await
    }

    async fn with(name: &str, is_ca: rcgen::IsCa) -> SecureUpstream {
        let mut wanted = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        wanted.is_ca = is_ca;
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = wanted.self_signed(&signing_key).unwrap();
        let authority =
            std::env::temp_dir().join(format!("scrubline-{}-{name}.pem", std::process::id()));
        std::fs::write(&authority, cert.pem()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, tell) = (acceptor.clone(), tell.clone());
                tokio::spawn(async move {
                    let socket = match acceptor.accept(socket).into_fallible().await {
                        Ok(socket) => socket,
                        // Who speaks no TLS has got an alert, as from any server. Closed with something unread, the
                        // connection could be reset before that is seen.
                        Err((_, mut socket)) => {
                            let _ = socket.read_to_end(&mut Vec::new()).await;
                            return;
                        }
                    };
                    let service =
                        service_fn(move |request: http::Request<hyper::body::Incoming>| {
                            let tell = tell.clone();
                            async move {
                                let (parts, body) = request.into_parts();
                                let body = body.collect().await.ok();
                                let body = body.map(|body| body.to_bytes().to_vec());
                                let path = parts.uri.path().to_owned();
                                tell.send((parts.version, path, body)).unwrap();
                                let answer = format!("{{\"id\":\"{ID}\"}}");
                                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(answer))))
                            }
                        });
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        SecureUpstream {
            address,
            authority,
            received,
        }
    }

    /// A proxy before it that trusts its certificate, and no other.
    async fn trusted(&self, settings: &[&str]) -> Program {
        let url = format!("https://localhost:{}", self.address.port());
        let authority = self.authority.to_str().unwrap();
        Program::start(&url, settings, &[("SSL_CERT_FILE", authority)]).await
    }
}

impl Drop for SecureUpstream {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.authority);
    }
}

#[tokio::test]
async fn sighup_loads_the_policy_again() {
    let upstream = Upstream::start().await;
    let mut program = Program::start(&upstream.url(), &["policy.watch=24h"], &[]).await;
    for generation in 2..4 {
        program.signal("-HUP");
        let line = program.read_until("a new policy is in force").await;
        assert!(line.contains(&format!("generation={generation}")), "{line}");
    }
    let headers = [("x-sentry-auth", AUTH)];
    let status = program.post("/api/1/envelope/", &headers, envelope()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_reload_tells_what_it_does_not_take_and_what_is_wrong() {
    let upstream = Upstream::start().await;
    let start = "[policy]\nwatch = '24h'\n";
    let file = temporary(start.as_bytes());
    let name = file.to_str().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"));
    command.args(["serve", "--config", name, "--upstream", &upstream.url()]);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut program = Program::run(command).await;
    let restart = "settings beside [policy] and [secrets] have changed; they count after a restart";
    for (more, is_told) in [
        ("client_reports = false", false),
        (
            "[tunnel]\ndsns = ['https://a@o1.ingest.de.sentry.io/1']",
            true,
        ),
        (
            "[[projects]]\npublic = 'abc'\nid = 7\nupstream_key = 'env:SENTRY_KEY'",
            true,
        ),
        ("[limits]\nin_flight = 7", true),
        ("[residency]\nwaive = ['check_in']", true),
        ("[log]\nformat = 'json'", true),
    ] {
        std::fs::write(&file, format!("{start}{more}")).unwrap();
        let before = program.log.len();
        program.signal("-HUP");
        program.read_until("a new policy is in force").await;
        let told = &program.log[before..];
        let found = told.iter().any(|line| line.contains(restart));
        assert_eq!(found, is_told, "{more}: {told:?}");
    }
    std::fs::write(&file, format!("{start}hash_key = 'file:/no/such/key'\n")).unwrap();
    program.signal("-HUP");
    let line = program.read_until("the old one stays in force").await;
    let place = format!("problem=\"{name}:3: policy.hash_key: /no/such/key: ");
    assert!(line.contains(&place), "{line}");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_collector_with_tls_is_spoken_to_in_http2() {
    let mut upstream = SecureUpstream::start("http2").await;
    let program = upstream.trusted(&["upstream.encoding=identity"]).await;
    let target = "/api/42/envelope/";
    let headers = [("x-sentry-auth", AUTH)];
    let secret = format!("{{}}\n{{\"type\":\"session\"}}\n{{\"password\":\"{SECRET}\"}}\n");
    let scrubbed = secret.replace(SECRET, "[Filtered]");
    // Small enough to travel as a whole, and large enough to stream.
    let large = [large_start(300_000), LARGE_END.to_vec()].concat();
    for (body, expected) in [
        (secret.into_bytes(), scrubbed.into_bytes()),
        (large.clone(), large),
    ] {
        let answer = request(program.address, "POST", target, &headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body),
            (200, format!("{{\"id\":\"{ID}\"}}"))
        );
        let (version, path, received) = upstream.received.recv().await.unwrap();
        assert_eq!((version, path.as_str()), (Version::HTTP_2, target));
        assert!(received.unwrap() == expected);
    }

    // Malformed once it has begun: the stream is reset, and never ends well.
    let mut broken = large_start(300_000);
    broken.push(0);
    assert_eq!(program.post(target, &headers, broken).await, 400);
    let (version, _, received) = upstream.received.recv().await.unwrap();
    assert_eq!((version, received), (Version::HTTP_2, None));
}

#[tokio::test]
async fn what_is_wrong_with_the_way_to_the_collector_is_told() {
    let plain = Upstream::start().await;
    let secure = SecureUpstream::start("scheme").await;
    let issuer = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = SecureUpstream::with("authority", issuer).await;
    // Hangs up on whoever has said something.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closing = mute.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = mute.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
        }
    });
    for (url, expected) in [
        (
            format!("https://{}", plain.address),
            "can't connect: its port does not speak TLS; set upstream.url to the port that does, or to http://",
        ),
        (
            format!("http://{}", secure.address),
            "the exchange broke: its port does not speak HTTP; if it is one for TLS, set upstream.url to https://",
        ),
        (
            format!("http://{closing}"),
            "the exchange broke: the collector closed the connection without an answer; if its port speaks TLS, set upstream.url to https://",
        ),
        (
            format!("https://localhost:{}", secure.address.port()),
            "can't connect: no authority that is trusted has signed its certificate; where a private one has, set the environment variable SSL_CERT_FILE",
        ),
        (
            format!("https://localhost:{}", authority.address.port()),
            "can't connect: its certificate is that of an authority (CA:TRUE), which can't be a server's",
        ),
    ] {
        let mut program = Program::start(&url, &[], &[]).await;
        let headers = [("x-sentry-auth", AUTH)];
        let status = program.post("/api/1/envelope/", &headers, envelope()).await;
        assert_eq!(status, 502);
        let line = program.read_until("no answer from the collector").await;
        assert!(line.contains(expected), "{line}");
    }
}
