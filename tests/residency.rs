//! Where telemetry may go: by the collector's name, its addresses, its certificate.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use scrubline::config::{Config, Loader};
use scrubline::proxy::App;
use serde_json::json;
use support::{AUTH, ID, KEY, Proxy, Upstream, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, SupportedProtocolVersion, version};

fn load(settings: &[(&str, &str)]) -> Result<Config, String> {
    let loader = settings
        .iter()
        .fold(Loader::default().no_file(), |loader, (key, value)| {
            loader.flag(key, value)
        });
    let resolved = loader.load().map_err(|error| error.to_string())?;
    Ok(resolved.config)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

// ---------------------------------------------------------------------------------------------------- names

#[test]
fn under_eu_only_hosts_that_are_there_are_sent_to() {
    const HINT: &str = "a host like o1.ingest.de.sentry.io";
    let own = "residency.hosts = [";
    for (url, refused) in [
        ("https://o1.ingest.de.sentry.io", None),
        ("https://O4501234567890.INGEST.DE.SENTRY.IO", None),
        ("http://127.0.0.1:8000", None),
        ("http://[::1]:8000", None),
        ("http://localhost:8000", None),
        ("https://sentry.example.org", None),
        ("https://sentry.example.org:8443/sub", None),
        (
            "https://o1.ingest.sentry.io",
            Some("has no region in its name, and so is in the United States"),
        ),
        (
            "https://o1.ingest.us.sentry.io",
            Some("is in the United States"),
        ),
        (
            "https://o1.ingest.us2.sentry.io",
            Some("is in the United States"),
        ),
        ("https://sentry.io", Some("is in the United States")),
        ("https://de.sentry.io", Some("takes no telemetry")),
        ("https://us.sentry.io", Some(HINT)),
        ("https://ingest.de.sentry.io", Some(HINT)),
        (
            "https://o.ingest.de.sentry.io",
            Some("does not begin with an organisation"),
        ),
        ("https://x1.ingest.de.sentry.io", Some(HINT)),
        ("https://o1x.ingest.de.sentry.io", Some(HINT)),
        ("https://a.o1.ingest.de.sentry.io", Some(HINT)),
        ("https://o1.ingest.de.sentry.io.evil.example", Some(own)),
        ("https://o1.ingest.de.sentry.io.", Some(HINT)),
        ("https://o1-ingest-de-sentry.io", Some(own)),
        ("https://evilsentry.example.org", Some(own)),
        ("https://sub.sentry.example.org", Some(own)),
        ("https://10.0.0.7", Some(own)),
        ("http://o1.ingest.de.sentry.io", Some("is not encrypted")),
        ("http://sentry.example.org", Some("is not encrypted")),
    ] {
        let settings = [
            ("upstream.url", url),
            ("residency.region", "eu"),
            ("residency.hosts", "sentry.example.org"),
        ];
        match (load(&settings), refused) {
            (Ok(_), None) => {}
            (Err(told), Some(why)) => {
                assert!(
                    told.contains("upstream.url: ") && told.contains(why),
                    "{url}: {told}"
                );
            }
            (loaded, _) => panic!("{url}: {loaded:?}"),
        }
        // Without a region, anything goes.
        assert!(load(&[("upstream.url", url)]).is_ok(), "{url}");
    }
}

#[test]
fn the_program_does_not_start_with_a_host_elsewhere() {
    let output = Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args([
            "serve",
            "--upstream",
            "https://o1.ingest.us.sentry.io",
            "--set",
            "residency.region=eu",
        ])
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        "scrubline: upstream.url: o1.ingest.us.sentry.io is in the United States, and residency.region is \"eu\"; the DSN of an \
         organisation in the European Union has a host like o1.ingest.de.sentry.io\n"
    );
}

#[test]
fn what_cannot_be_right_is_told() {
    let eu = [
        ("upstream.url", "http://127.0.0.1:1"),
        ("residency.region", "eu"),
    ];
    for (setting, told) in [
        (
            ("residency.hosts", "o1.ingest.us.sentry.io"),
            "residency.hosts: o1.ingest.us.sentry.io is in the United States",
        ),
        (
            ("residency.hosts", "https://a.example"),
            "is no host; give a whole name without scheme, port or asterisk",
        ),
        (("residency.hosts", "*.example.org"), "is no host"),
        (("residency.hosts", "a.example:443"), "is no host"),
        (
            ("residency.waive", "transaction"),
            "\"transaction\" is none of \"check_in\"",
        ),
        (
            ("residency.tls", "1.1"),
            "\"1.1\" is none of \"1.2\", \"1.3\"",
        ),
        (("residency.pins", "sha256/AAAA"), "is no pin"),
        (
            ("policy.server.pass", "check_in"),
            "waive that by residency.waive = [\"check_in\"]",
        ),
        (
            ("policy.browser.pass", "check_in"),
            "policy.browser.pass has check_in",
        ),
    ] {
        let problem = load(&[&eu[..], &[setting]].concat()).unwrap_err();
        assert!(problem.contains(told), "{setting:?}: {problem}");
    }
    // Without a region, nothing is said of one.
    let problem = load(&[eu[0], ("residency.hosts", "o1.ingest.us.sentry.io")]).unwrap_err();
    assert_eq!(
        problem,
        "residency.hosts: o1.ingest.us.sentry.io is in the United States; take it out of residency.hosts"
    );
}

#[tokio::test]
async fn under_eu_check_ins_stay_unless_they_are_waived() {
    for (settings, leaves) in [
        (vec![("residency.region", "eu")], false),
        // Also where the policy would let them pass.
        (
            vec![("residency.region", "eu"), ("policy.name", "observe")],
            false,
        ),
        (
            vec![("residency.region", "eu"), ("residency.waive", "check_in")],
            true,
        ),
    ] {
        let mut upstream = Upstream::start().await;
        let proxy = Proxy::start(&upstream.url(), &settings).await;
        let body = b"{}\n{\"type\":\"event\"}\n{}\n{\"type\":\"check_in\"}\n{\"monitor_slug\":\"nightly\"}\n";
        assert_eq!(proxy.post(body.as_slice()).await.status, 200);
        let sent = text(&upstream.received.recv().await.unwrap().plain());
        assert_eq!(sent.contains("nightly"), leaves, "{settings:?}: {sent}");
    }
}

#[tokio::test]
async fn crons_are_refused_with_the_reason() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(&upstream.url(), &[("residency.region", "eu")]).await;
    for (method, path) in [
        (
            "GET",
            "/api/1/cron/nightly/0123456789abcdef0123456789abcdef/?status=ok",
        ),
        (
            "POST",
            "/api/1/cron/nightly/0123456789abcdef0123456789abcdef/",
        ),
        ("POST", "/api/1/cron/nightly/"),
        ("POST", "/api/1/cron/nightly"),
    ] {
        let answer = request(
            proxy.address,
            method,
            path,
            &[("x-sentry-auth", AUTH)],
            Vec::new(),
        )
        .await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.detail().contains("United States"), "{}", answer.body);
    }
}

#[tokio::test]
async fn waived_crons_leave_as_envelopes() {
    let mut upstream = Upstream::start().await;
    let settings = [("residency.region", "eu"), ("residency.waive", "check_in")];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let by_key = format!("/api/1/cron/nightly/{KEY}/");
    let json = r#"{"status":"in_progress","monitor_slug":"other","monitor_config":{"schedule":{"type":"crontab","value":"0 * * * *"}},"password":"hunter2"}"#;
    for (method, target, body, expected) in [
        (
            "GET",
            format!(
                "{by_key}?status=ok&check_in_id={ID}&duration=1.5&environment=prod&token=s3cr3t"
            ),
            "",
            json!({"status": "ok", "check_in_id": ID, "duration": 1.5, "environment": "prod", "monitor_slug": "nightly"}),
        ),
        (
            "POST",
            format!("/api/1/cron/nightly?sentry_key={KEY}"),
            json,
            json!({
                "status": "in_progress", "monitor_slug": "nightly", "password": "[Filtered]",
                "check_in_id": "00000000000000000000000000000000",
                "monitor_config": {"schedule": {"type": "crontab", "value": "0 * * * *"}},
            }),
        ),
        (
            "POST",
            format!("{by_key}?status=error"),
            "{\"duration\":2}",
            json!({"status": "error", "duration": 2, "monitor_slug": "nightly", "check_in_id": "00000000000000000000000000000000"}),
        ),
    ] {
        let answer = request(proxy.address, method, &target, &[], body.as_bytes()).await;
        assert_eq!(answer.status, 202, "{target}: {}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(
            (received.target.as_str(), received.method.as_str()),
            ("/api/1/envelope/", "POST")
        );
        let auth = received.header("x-sentry-auth").unwrap();
        assert!(auth.contains(&format!("sentry_key={KEY}")), "{auth}");
        let sent = text(&received.plain());
        let lines: Vec<&str> = sent.lines().collect();
        assert_eq!(lines[..2], ["{}", "{\"type\":\"check_in\"}"]);
        let read: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
        assert_eq!(read, expected, "{target}");
    }
    for (method, target, body, status) in [
        ("GET", format!("{by_key}?status=fine"), "", 400),
        ("GET", by_key.clone(), "", 400),
        ("GET", format!("{by_key}?status=ok&duration=long"), "", 400),
        ("POST", by_key.clone(), "[]", 400),
        ("POST", by_key.clone(), "{", 400),
        ("PUT", by_key.clone(), "{}", 405),
        ("GET", "/api/1/cron/nightly/?status=ok".to_owned(), "", 401),
        ("GET", "/api/1/cron/../?status=ok".to_owned(), "", 404),
        ("GET", "/api/x/cron/nightly/?status=ok".to_owned(), "", 404),
    ] {
        let answer = request(proxy.address, method, &target, &[], body.as_bytes()).await;
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.body);
    }
    let long = format!("{{\"status\":\"ok\",\"x\":\"{}\"}}", "y".repeat(200 << 10));
    let answer = request(proxy.address, "POST", &by_key, &[], long.as_bytes()).await;
    assert_eq!(answer.status, 413);
    assert!(upstream.received.try_recv().is_err());
}

// ------------------------------------------------------------------------------------------------ addresses

#[tokio::test]
async fn a_public_name_that_resolves_to_this_machine_is_not_connected_to() {
    let upstream = Upstream::start().await;
    // A name to us, and an address to the system's resolver, as one that a name server has been made to answer with.
    let url = format!("http://127.1:{}", upstream.address.port());
    let settings = |private| {
        let mut config = load(&[("upstream.url", &url)]).unwrap();
        config.residency.region = scrubline::config::Region::Eu;
        if private {
            config.residency.private.push("127.1".to_owned());
        }
        config.server.listen.set_port(0);
        config.server.admin.set_port(0);
        config
    };
    for (private, status) in [(false, 502), (true, 200)] {
        let app = App::build(settings(private)).await.unwrap();
        let (address, mut finished) = (app.address(), app.subscribe());
        let running = tokio::spawn(app.run(scrubline::proxy::Shutdown::new()));
        let body = b"{}\n{\"type\":\"session\"}\n{}\n".as_slice();
        for _ in 0..2 {
            let answer = request(
                address,
                "POST",
                "/api/1/envelope/",
                &[("x-sentry-auth", AUTH)],
                body,
            )
            .await;
            assert_eq!(answer.status, status);
            let detail = finished.recv().await.unwrap().detail.unwrap_or_default();
            assert_eq!(
                detail.contains("127.1 resolves to 127.0.0.1"),
                !private,
                "{detail}"
            );
        }
        assert_eq!(upstream.connections() > 0, private);
        running.abort();
    }
}

/// A database in MaxMind's format (version 2.0) with a country for each network of IPv4.
fn database(networks: &[(&str, u8, &str)]) -> Vec<u8> {
    #[derive(Clone, Copy)]
    enum Record {
        Nothing,
        Node(usize),
        Data(usize),
    }
    let string = |text: &str| [vec![2 << 5 | text.len() as u8], text.as_bytes().to_vec()].concat();
    let map = |len: u8| vec![7 << 5 | len];
    let small = |value: u16| [vec![5 << 5 | 2], value.to_be_bytes().to_vec()].concat();
    let mut nodes = vec![[Record::Nothing; 2]];
    let mut data = Vec::new();
    for (address, length, country) in networks {
        let bits = u32::from(address.parse::<std::net::Ipv4Addr>().unwrap());
        let mut node = 0;
        for depth in 0..*length {
            let side = (bits >> (31 - depth) & 1) as usize;
            if depth + 1 == *length {
                nodes[node][side] = Record::Data(data.len());
            } else if let Record::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([Record::Nothing; 2]);
                nodes[node][side] = Record::Node(nodes.len() - 1);
                node = nodes.len() - 1;
            }
        }
        data.extend(
            [
                map(1),
                string("country"),
                map(1),
                string("iso_code"),
                string(country),
            ]
            .concat(),
        );
    }
    let count = nodes.len();
    let record = |record: Record| match record {
        Record::Nothing => count as u32,
        Record::Node(node) => node as u32,
        Record::Data(offset) => (count + 16 + offset) as u32,
    };
    let tree = nodes
        .iter()
        .flatten()
        .flat_map(|it| record(*it).to_be_bytes()[1..].to_vec());
    let mut file: Vec<u8> = tree.collect();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xAB\xCD\xEFMaxMind.com");
    let metadata = [
        map(9),
        string("node_count"),
        [vec![6 << 5 | 4], (count as u32).to_be_bytes().to_vec()].concat(),
        string("record_size"),
        small(24),
        string("ip_version"),
        small(4),
        string("database_type"),
        string("Test-Country"),
        string("languages"),
        vec![0, 4],
        string("binary_format_major_version"),
        small(2),
        string("binary_format_minor_version"),
        small(0),
        string("build_epoch"),
        vec![4, 2, 0, 0, 0, 1],
        string("description"),
        map(0),
    ];
    file.extend(metadata.concat());
    file
}

/// A file that goes when the test ends.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!("scrubline-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn the_database_of_countries_must_say_that_an_address_is_in_the_eea() {
    let file = File::new(
        "countries.mmdb",
        &database(&[
            ("9.9.9.0", 24, "PL"),
            ("9.9.8.0", 24, "US"),
            ("9.9.7.7", 32, "NO"),
            ("9.9.6.0", 24, "GB"),
        ]),
    );
    for (host, refused) in [
        ("9.9.9.9", None),
        ("9.9.7.7", None),
        (
            "9.9.8.8",
            Some(
                "9.9.8.8 resolves to 9.9.8.8, which is in US and not in the European Economic Area",
            ),
        ),
        ("9.9.6.6", Some("which is in GB")),
        ("8.8.8.8", Some("does not say where it is")),
    ] {
        let url = format!("https://{host}");
        let settings = [
            ("upstream.url", url.as_str()),
            ("residency.region", "eu"),
            ("residency.hosts", host),
            ("residency.country_database", file.path()),
            ("server.listen", "127.0.0.1:0"),
            ("server.admin", "127.0.0.1:0"),
        ];
        let built = App::build(load(&settings).unwrap()).await;
        match (built, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(why)) => {
                assert!(error.to_string().starts_with("upstream.url: "), "{error}");
                assert!(error.to_string().contains(why), "{host}: {error}");
            }
            (built, _) => panic!("{host}: {built:?}"),
        }
    }
    for (content, what) in [
        (None, "there is no such file"),
        (
            Some(b"no database".as_slice()),
            "residency.country_database: ",
        ),
    ] {
        let broken = content.map(|content| File::new("broken.mmdb", content));
        let path = broken
            .as_ref()
            .map_or("/nowhere/countries.mmdb", File::path);
        let config = load(&[
            ("upstream.url", "http://127.0.0.1:1"),
            ("residency.country_database", path),
        ]);
        let error = App::build(config.unwrap()).await.unwrap_err().to_string();
        assert!(error.contains(what) && error.contains(path), "{error}");
    }
}

// ------------------------------------------------------------------------------------------------------ TLS

/// A collector that speaks TLS as `localhost`, by these versions, and answers everything with 200.
struct Secure {
    port: u16,
    authority: File,
}

impl Secure {
    async fn start(name: &str, versions: &[&'static SupportedProtocolVersion]) -> Secure {
        let wanted = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = wanted.self_signed(&signing_key).unwrap();
        let authority = File::new(&format!("{name}.pem"), cert.pem().as_bytes());
        let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut socket) = acceptor.accept(socket).await else {
                        return;
                    };
                    let mut head = [0; 4096];
                    while socket.read(&mut head).await.is_ok_and(|read| read > 0) {
                        let _ = socket
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                            .await;
                    }
                });
            }
        });
        Secure { port, authority }
    }

    /// `scrubline check` with this collector.
    async fn check(&self, settings: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scrubline"));
        command.args([
            "check",
            "--upstream",
            &format!("https://localhost:{}", self.port),
        ]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.env("SSL_CERT_FILE", &self.authority.0);
        command.current_dir(std::env::temp_dir());
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn check_prints_a_residency_proof() {
    let collector = Secure::start("proof", rustls::DEFAULT_VERSIONS).await;
    let output = collector.check(&["residency.region=eu"]).await;
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    for part in [
        format!("#   host:     localhost (port {})\n", collector.port),
        "#   region:   this machine; nothing leaves it\n".to_owned(),
        "#   address:  ".to_owned(),
        "#   reached:  127.0.0.1\n".to_owned(),
        "#   TLS:      1.3, TLS_AES_256_GCM_SHA384; its name is verified\n".to_owned(),
        "#   certificate 0: CN=rcgen self signed cert\n".to_owned(),
        "signed by CN=rcgen self signed cert, valid until 4096-01-01".to_owned(),
        "#     key sha256/".to_owned(),
    ] {
        assert!(shown.contains(&part), "{part}: {shown}");
    }
    // What it prints is still a configuration.
    let file = File::new("proved.toml", shown.as_bytes());
    assert!(Loader::default().file(file.path()).load().is_ok());
    // Only where it is asked for.
    assert!(!text(&collector.check(&[]).await.stdout).contains("proof"));
}

#[test]
fn without_a_network_the_proof_says_so() {
    // Nothing listens on the discard port here.
    let check = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(["check", "--upstream", "http://127.0.0.1:9"])
            .args(arguments)
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap();
        (output.status.code(), text(&output.stdout))
    };
    // Who asks for a proof wants one.
    for (arguments, code) in [
        (["--prove"].as_slice(), 1),
        (&["--set", "residency.region=eu"], 0),
    ] {
        let (ended, shown) = check(arguments);
        assert_eq!(ended, Some(code), "{shown}");
        assert!(
            shown.contains("#   NOT PROVEN from here: Connection refused"),
            "{shown}"
        );
    }
    let missing = "residency.country_database=missing.mmdb";
    // To read a file takes none.
    let (ended, _) = check(&["--set", missing, "--offline"]);
    assert_eq!(ended, Some(2));
    let (ended, shown) = check(&["--set", "residency.region=eu", "--offline"]);
    assert_eq!(ended, Some(0));
    assert!(!shown.contains("proof"));
}

#[tokio::test]
async fn the_floor_of_tls_holds() {
    let old = Secure::start("floor", &[&version::TLS12]).await;
    let output = old.check(&["residency.region=eu"]).await;
    assert!(output.status.success());
    assert!(
        text(&output.stdout).contains("TLS:      1.2, TLS_ECDHE_"),
        "{}",
        text(&output.stdout)
    );
    let output = old
        .check(&["residency.region=eu", "residency.tls=1.3"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    assert!(shown.contains("#   REFUSED: it "), "{shown}");
}

#[tokio::test]
async fn only_a_pinned_key_is_trusted() {
    let collector = Secure::start("pins", rustls::DEFAULT_VERSIONS).await;
    let shown = text(&collector.check(&["residency.region=eu"]).await.stdout);
    let (_, pin) = shown.split_once("#     key ").unwrap();
    let pin = pin.lines().next().unwrap();
    let other = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (pins, trusted) in [
        (pin.to_owned(), true),
        (format!("{other},{pin}"), true),
        (other.to_owned(), false),
    ] {
        let output = collector
            .check(&["residency.region=eu", &format!("residency.pins={pins}")])
            .await;
        let shown = text(&output.stdout);
        assert_eq!(output.status.success(), trusted, "{shown}");
        assert_eq!(
            shown.contains("the key of its certificate is none of residency.pins"),
            !trusted,
            "{shown}"
        );
    }
}
