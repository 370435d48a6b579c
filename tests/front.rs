//! What stands before Scrubline, and what looks at it: Debian's nginx with the configuration of `docs/nginx.conf`, and testssl.
//!
//! Both are the system's (Debian: `nginx-light`, `testssl.sh`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

#[path = "support/certificates.rs"]
mod certificates;
mod support;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use certificates::{BOTH, Files};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use support::*;
use tokio::net::TcpStream;

const DSN: &str = "https://0123456789abcdef0123456789abcdef@o1.ingest.de.sentry.io/42";

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// An nginx with `docs/nginx.conf`, of which only addresses and paths are others.
struct Nginx {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Nginx {
    async fn before(proxy: &Proxy, files: &Files) -> Nginx {
        let port = free_port();
        let mut server = include_str!("../docs/nginx.conf").to_owned();
        for (from, to) in [
            ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
            ("/etc/ssl/app.example.pem", files.cert.display().to_string()),
            (
                "/etc/ssl/private/app.example.key",
                files.key.display().to_string(),
            ),
            ("127.0.0.1:9180", proxy.address.to_string()),
            ("app.example", "localhost".to_owned()),
        ] {
            assert!(server.contains(from), "{from}");
            server = server.replace(from, &to);
        }
        let folder = temporary(b"");
        std::fs::remove_file(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let config = format!(
            "daemon off; pid nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; client_body_temp_path body; \
             proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n{server}}}"
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-p", folder.to_str().unwrap(), "-c", "nginx.conf"])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is missing (Debian: apt-get install nginx-light)");
        let nginx = Nginx {
            child,
            folder,
            port,
        };
        let began = std::time::Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(began.elapsed().as_secs() < 60, "nginx does not start");
            tokio::task::yield_now().await;
        }
        nginx
    }

    /// Posts an envelope as a page would, from a client that says of itself that it is somebody else.
    async fn post(&self, files: &Files, body: Vec<u8>) -> Answer {
        let address = ([127, 0, 0, 1], self.port).into();
        let stream = files.connect(address, &["http/1.1"], &BOTH).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let headers = [
            ("origin", "https://localhost"),
            ("sec-fetch-site", "same-origin"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        let request = build("POST", "/tunnel?o=1&p=42&r=de", &headers, body);
        answer(sender.send_request(request).await.unwrap()).await
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master takes its workers along.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// As docs/tunnel.md says it: the page's own origin, the client's own address, and answers that nginx passes back.
#[tokio::test]
async fn behind_nginx() {
    let mut upstream = Upstream::start().await;
    let files = Files::new();
    let settings = [
        ("tunnel.dsns", DSN),
        ("server.trusted_proxies", "127.0.0.1"),
        ("tunnel.limit.per_ip_per_minute", "1"),
        ("tunnel.limit.burst", "2"),
    ];
    let proxy = Proxy::start(&upstream.url(), &settings).await;
    let nginx = Nginx::before(&proxy, &files).await;
    let error = |text: &str| {
        let event = serde_json::json!({"message": format!("token={text}")});
        format!("{{\"dsn\":\"{DSN}\"}}\n{{\"type\":\"event\"}}\n{event}\n").into_bytes()
    };
    for body in [error("hunter2"), error(&"hunter2".repeat(100_000))] {
        let answer = nginx.post(&files, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let received = upstream.received.recv().await.unwrap();
        assert_eq!(received.target, "/api/42/envelope/");
        assert!(
            !String::from_utf8(received.plain())
                .unwrap()
                .contains("hunter2")
        );
    }
    // The client is 127.0.0.1 to nginx, and is believed to be that: what it says of itself stands further left.
    let answer = nginx.post(&files, error("hunter2")).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    let limits = answer.headers["x-sentry-rate-limits"].to_str().unwrap();
    assert!(limits.ends_with("::key:client_limit"), "{limits}");
    assert!(upstream.received.try_recv().is_err());
}

/// What testssl finds: TLS 1.2 and 1.3, and no suite without authenticated encryption.
#[tokio::test]
async fn testssl_finds_nothing_old() {
    let upstream = Upstream::start().await;
    let files = Files::new();
    let proxy = files.serve(&upstream, &[]).await;
    let found = temporary(b"");
    std::fs::remove_file(&found).unwrap();
    let status = tokio::process::Command::new("testssl")
        .args(["--quiet", "--color", "0", "--warnings", "off", "-p", "-s"])
        .arg("--jsonfile")
        .arg(&found)
        .arg(format!("localhost:{}", proxy.address.port()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await
        .expect("testssl is missing (Debian: apt-get install testssl.sh)");
    assert!(status.code().is_some());
    let text = std::fs::read_to_string(&found).unwrap();
    std::fs::remove_file(&found).unwrap();
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap();
    let finding = |id: &str| {
        let found = findings.iter().find(|finding| finding["id"] == id);
        let found = found.unwrap_or_else(|| panic!("no {id} in {text}"));
        found["finding"].as_str().unwrap().to_owned()
    };
    for id in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
        assert!(finding(id).contains("not offered"), "{id}: {text}");
    }
    for id in ["TLS1_2", "TLS1_3"] {
        assert!(finding(id).starts_with("offered"), "{id}: {text}");
    }
    for id in ["NULL", "aNULL", "EXPORT", "LOW", "3DES_IDEA"] {
        assert!(
            finding(&format!("cipherlist_{id}")).contains("not offered"),
            "{id}: {text}"
        );
    }
    // Every category that is offered is one with authenticated encryption.
    for finding in &findings {
        let id = finding["id"].as_str().unwrap();
        let offered = finding["finding"].as_str().unwrap().starts_with("offered");
        if id.starts_with("cipherlist_") && offered {
            assert!(id.contains("STRONG"), "{finding}");
        }
    }
    assert!(finding("ALPN_HTTP2").contains("h2"), "{text}");
}
