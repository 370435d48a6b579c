//! TLS of our own, from outside: which versions, what is offered, what a page is told to remember, and what happens when the files change.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

#[path = "support/certificates.rs"]
mod certificates;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use certificates::{BOTH, Files};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

fn leaf(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

#[tokio::test]
async fn http1_and_http2_by_alpn_and_pages_are_told_to_come_back_by_tls() {
    let upstream = Upstream::start().await;
    let files = Files::new();
    let proxy = files.serve(&upstream, &[]).await;
    let auth = [("x-sentry-auth", AUTH)];

    let stream = files
        .connect(proxy.address, &["http/1.1"], &BOTH)
        .await
        .unwrap();
    assert_eq!(
        stream.get_ref().1.alpn_protocol(),
        Some(b"http/1.1".as_slice())
    );
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = build("POST", "/api/1/envelope/", &auth, envelope());
    let answered = answer(sender.send_request(request).await.unwrap()).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    assert_eq!(
        answered.headers["strict-transport-security"],
        "max-age=31536000"
    );

    let stream = files
        .connect(proxy.address, &["h2", "http/1.1"], &BOTH)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = build(
        "POST",
        "https://localhost/api/1/envelope/",
        &auth,
        envelope(),
    );
    let answered = answer(sender.send_request(request).await.unwrap()).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let refused = build("POST", "https://localhost/nothing", &auth, envelope());
    let answered = answer(sender.send_request(refused).await.unwrap()).await;
    assert_eq!(answered.status, 404);
    assert_eq!(
        answered.headers["strict-transport-security"],
        "max-age=31536000"
    );

    // Something else than HTTP is no protocol that both speak.
    assert!(
        files
            .connect(proxy.address, &["smtp"], &BOTH)
            .await
            .is_err()
    );
}

/// Without TLS, nobody is told to come back with it.
#[tokio::test]
async fn without_tls_there_is_no_such_promise() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::before(&upstream).await;
    let answer = proxy.post(envelope()).await;
    assert!(answer.headers.get("strict-transport-security").is_none());
}

#[tokio::test]
async fn the_oldest_version_is_a_setting() {
    let upstream = Upstream::start().await;
    let files = Files::new();
    for (setting, client, spoken) in [
        ("1.2", &BOTH[..], Some(ProtocolVersion::TLSv1_3)),
        ("1.2", &BOTH[1..], Some(ProtocolVersion::TLSv1_2)),
        ("1.3", &BOTH[..], Some(ProtocolVersion::TLSv1_3)),
        ("1.3", &BOTH[1..], None),
    ] {
        let proxy = files
            .serve(&upstream, &[("server.tls.min_version", setting)])
            .await;
        let stream = files.connect(proxy.address, &[], client).await;
        let found = stream.ok().and_then(|it| it.get_ref().1.protocol_version());
        assert_eq!(found, spoken, "{setting}");
    }
}

/// Every suite that there is has authenticated encryption and ephemeral keys.
#[test]
fn suites_are_authenticated() {
    for suite in rustls::crypto::ring::default_provider().cipher_suites {
        let name = format!("{:?}", suite.suite());
        assert!(
            name.contains("GCM") || name.contains("CHACHA20_POLY1305"),
            "{name}"
        );
        assert!(
            name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_"),
            "{name}"
        );
    }
}

/// New connections get what the files have now; those that are open are kept.
#[tokio::test]
async fn certificates_change_under_open_connections() {
    let upstream = Upstream::start().await;
    let files = Files::new();
    let proxy = files.serve(&upstream, &[]).await;
    let auth = [("x-sentry-auth", AUTH)];
    let stream = files
        .connect(proxy.address, &["http/1.1"], &BOTH)
        .await
        .unwrap();
    let first = leaf(&stream);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);

    // What does not fit is not taken.
    let (_, other) = files.issued();
    let good = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, other).unwrap();
    let stream = files
        .connect(proxy.address, &["http/1.1"], &BOTH)
        .await
        .unwrap();
    assert_eq!(leaf(&stream), first);
    std::fs::write(&files.key, good).unwrap();

    files.issue();
    let began = Instant::now();
    loop {
        let stream = files
            .connect(proxy.address, &["http/1.1"], &BOTH)
            .await
            .unwrap();
        if leaf(&stream) != first {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the new one never comes"
        );
        tokio::task::yield_now().await;
    }
    let request = build("POST", "/api/1/envelope/", &auth, envelope());
    let answered = answer(sender.send_request(request).await.unwrap()).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
}

/// A client that begins a handshake and does not end it.
#[tokio::test]
async fn a_handshake_has_to_come_in_time() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let upstream = Upstream::start().await;
    let files = Files::new();
    let proxy = files
        .serve(&upstream, &[("server.head_timeout", "200ms")])
        .await;
    for begun in [
        &b""[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(proxy.address).await.unwrap();
        socket.write_all(begun).await.unwrap();
        let mut said = Vec::new();
        // Ended or reset, as the system likes; but it ends, and nothing is said but an alert.
        let _ = socket.read_to_end(&mut said).await;
        assert!(said.is_empty() || said[0] == 0x15, "{said:?}");
    }
}

#[tokio::test]
async fn mistakes_in_the_files_are_told() {
    let files = Files::new();
    let (_, other) = files.issued();
    let other = temporary(other.as_bytes());
    let empty = temporary(b"nothing");
    let (cert, key) = (files.cert.as_path(), files.key.as_path());
    for (cert, key, expected) in [
        (
            Path::new("/nowhere"),
            key,
            "server.tls.cert: /nowhere: there is no such file",
        ),
        (
            cert,
            Path::new("/nowhere"),
            "server.tls.key: /nowhere: there is no such file",
        ),
        (empty.as_path(), key, "has no certificate in PEM"),
        (key, key, "has no certificate in PEM"),
        (cert, empty.as_path(), "has no private key in PEM"),
        (cert, cert, "has no private key in PEM"),
        (cert, other.as_path(), "is not the key of the certificate"),
    ] {
        for command in ["check", "serve"] {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
                .arg(command)
                .args([
                    "--upstream",
                    "http://127.0.0.1:1",
                    "--listen",
                    "127.0.0.1:0",
                ])
                .arg("--set")
                .arg(format!("server.tls.cert={}", cert.display()))
                .arg("--set")
                .arg(format!("server.tls.key={}", key.display()))
                .output()
                .unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command}: {said}");
            assert!(said.contains(expected), "{command}: {said}");
        }
    }
    for path in [other, empty] {
        std::fs::remove_file(path).unwrap();
    }
}

/// A connection on which nothing was asked for a while goes on, in both versions, and is told of its end as TLS demands.
#[tokio::test]
async fn connections_rest_and_go_on() {
    let upstream = Upstream::start().await;
    let files = Files::new();
    let proxy = files.serve(&upstream, &[]).await;
    for version in BOTH {
        let mut stream = files
            .connect(proxy.address, &["http/1.1"], &[version])
            .await
            .unwrap();
        for _ in 0..3 {
            let request = b"GET /nothing HTTP/1.1\r\nHost: proxy\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answered = vec![0; 4096];
            let count = stream.read(&mut answered).await.unwrap();
            assert!(answered[..count].starts_with(b"HTTP/1.1 404"));
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        if version == BOTH[1] {
            proxy.shutdown.drain();
            // The end is no error, as it would be without a word.
            assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
        }
    }
}
