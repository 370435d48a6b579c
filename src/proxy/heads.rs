//! Judges the heads of HTTP/1 requests by rules that hyper does not have, beside it: hyper takes the right one of two readings where two
//! are possible, and somebody before us may have taken the other (request smuggling, RFC 9112, 11.2). So what can be read in two ways is refused.
//!
//! [`Judge`] sees the bytes of a connection before hyper does. To know where a head begins it has to follow the bodies:
//!
//! | state | on | to |
//! | --- | --- | --- |
//! | `Start` | HTTP/2's preface | `Ended`: its frames are h2's to judge |
//! | `Start`, `Head` | an empty line | `Counted`, `Chunked` or `Head`, as the head says; `Ended` behind one that is refused |
//! | `Counted` | its last byte | `Head` |
//! | `Chunked` | the empty line behind the last chunk | `Head` |

use std::collections::VecDeque;

use http::uri::Authority;
use http::{HeaderValue, Method, Request, StatusCode, Version, header};

use super::chunks::{Chunk, Step};

/// Header lines of a request (the most that hyper takes by default, too).
pub(super) const HEADERS: usize = 100;
/// What a head usually has at most.
const HEAD_BYTES: usize = 512;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is wrong with a request's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Both `Transfer-Encoding` and `Content-Length`.
    TwoLengths,
    /// More than one `Content-Length`.
    ManyLengths,
    /// A `Transfer-Encoding` that is not exactly `chunked`.
    TransferEncoding,
    /// No `Host`, two, or one that is none.
    Host,
    /// A target that names another host than `Host`.
    Elsewhere,
    /// `CONNECT`.
    Connect,
    /// `Upgrade`, to anything but h2c.
    Upgrade,
    /// An `Expect` other than `100-continue`.
    Expectation,
    /// A line that ends without a carriage return.
    BareNewline,
    /// More header lines than [`HEADERS`].
    ManyHeaders,
    /// A head longer than `limits.head_bytes`, which hyper took all the same.
    TooLong,
    /// A head that could not be judged, and hyper took it all the same.
    Unreadable,
}

impl Flaw {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Flaw::Expectation => StatusCode::EXPECTATION_FAILED,
            Flaw::ManyHeaders | Flaw::TooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Flaw::TwoLengths
            | Flaw::ManyLengths
            | Flaw::TransferEncoding
            | Flaw::Host
            | Flaw::Elsewhere
            | Flaw::Connect
            | Flaw::Upgrade
            | Flaw::BareNewline
            | Flaw::Unreadable => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn detail(self) -> &'static str {
        match self {
            Flaw::TwoLengths => "Transfer-Encoding and Content-Length; send one of them",
            Flaw::ManyLengths => "more than one Content-Length",
            Flaw::TransferEncoding => "the Transfer-Encoding is not exactly chunked",
            Flaw::Host => "there has to be one Host, with a host and perhaps a port in it",
            Flaw::Elsewhere => "the target names another host than Host",
            Flaw::Connect => "this is no forward proxy; there is no CONNECT",
            Flaw::Upgrade => "there is nothing to upgrade to",
            Flaw::Expectation => "there is no Expect but 100-continue",
            Flaw::BareNewline => "a line of the head ends without a carriage return",
            Flaw::ManyHeaders => "the request has more than 100 headers",
            Flaw::TooLong => "the head of the request is longer than limits.head_bytes",
            Flaw::Unreadable => "the head of the request can't be read",
        }
    }
}

/// What a piece of a connection brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Nothing to hold back.
    Pass,
    /// A head is refused: hyper may see this many bytes of the piece, which end with it, and never any more.
    Refused { pass: usize },
    /// A chunked body is malformed behind this many bytes of the piece: nothing more may be read.
    Broken { pass: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but what could be the preface.
    Start,
    Head,
    Counted {
        left: u64,
    },
    Chunked(Chunk),
    /// Nothing more is judged.
    Ended,
}

/// Follows one connection.
#[derive(Debug)]
pub(super) struct Judge {
    state: State,
    /// The head in progress.
    head: Vec<u8>,
    head_bytes: usize,
    /// Heads that are complete, and not yet taken: what is wrong with each.
    verdicts: VecDeque<Option<Flaw>>,
    /// What is wrong with every further request: one that comes although a head could not be judged must not pass for that.
    lost: Option<Flaw>,
}

impl Judge {
    /// `head_bytes`: the longest head that hyper takes.
    pub(super) fn new(head_bytes: usize) -> Judge {
        Judge {
            state: State::Start,
            head: Vec::new(),
            head_bytes,
            verdicts: VecDeque::new(),
            lost: None,
        }
    }

    /// What is wrong with the next request, in the order in which they came. HTTP/2's are not judged here.
    pub(super) fn next_verdict(&mut self) -> Option<Flaw> {
        self.verdicts.pop_front().unwrap_or(self.lost)
    }

    /// Whether a head has begun and not ended.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.state, State::Start | State::Head) && !self.head.is_empty()
    }

    /// Whether all that has come are whole requests, and each of them is taken.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(self.state, State::Start | State::Head)
            && self.head.is_empty()
            && self.verdicts.is_empty()
            && self.lost.is_none()
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Judged {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Ended => break,
                State::Start | State::Head => {
                    let (taken, refused) = self.push_head(&bytes[at..]);
                    at += taken;
                    if refused {
                        return Judged::Refused { pass: at };
                    }
                }
                State::Counted { left } => {
                    let some = (bytes.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                    at += some;
                    self.state = match left - some as u64 {
                        0 => State::Head,
                        left => State::Counted { left },
                    };
                }
                State::Chunked(Chunk::Data { left }) => {
                    let some = (bytes.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                    at += some;
                    self.state = State::Chunked(match left - some as u64 {
                        0 => Chunk::DataReturn,
                        left => Chunk::Data { left },
                    });
                }
                State::Chunked(chunk) => {
                    match chunk.step(bytes[at]) {
                        Step::Go(next) => self.state = State::Chunked(next),
                        Step::Ended => self.state = State::Head,
                        Step::Malformed => {
                            self.state = State::Ended;
                            return Judged::Broken { pass: at };
                        }
                    }
                    at += 1;
                }
            }
        }
        Judged::Pass
    }

    /// Takes a line of the head, or what there is of it (a byte, while it may be the preface): how much, and whether the head ends with
    /// it and is refused.
    fn push_head(&mut self, bytes: &[u8]) -> (usize, bool) {
        // Empty lines before a request are passed over (RFC 9112, 2.2).
        if self.head.is_empty() && matches!(bytes[0], b'\r' | b'\n') {
            return (1, false);
        }
        let room = self.head_bytes - self.head.len();
        if room == 0 {
            // Hyper refuses it, and the connection with it; but it goes by what one read brings, and may take a little more.
            self.lose(Flaw::TooLong);
            return (1, false);
        }
        let line = match self.state == State::Start {
            true => 1,
            false => memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1),
        };
        let line = line.min(room);
        if self.head.is_empty() {
            self.head.reserve(HEAD_BYTES.min(self.head_bytes));
        }
        self.head.extend_from_slice(&bytes[..line]);
        if self.state == State::Start && !PREFACE.starts_with(&self.head) {
            self.state = State::Head;
        }
        if self.state == State::Start && self.head == PREFACE {
            self.end();
            return (line, false);
        }
        let is_end = self.head.ends_with(b"\n\r\n") || self.head.ends_with(b"\n\n");
        if !is_end || self.state == State::Start {
            return (line, false);
        }
        let head = std::mem::take(&mut self.head);
        match judge(&head) {
            // Hyper refuses it too, having the same parser.
            Verdict::Unreadable => self.lose(Flaw::Unreadable),
            Verdict::Flaw(flaw) => {
                self.verdicts.push_back(Some(flaw));
                self.end();
                return (line, true);
            }
            Verdict::Good(body) => {
                self.verdicts.push_back(None);
                self.state = body;
            }
        }
        (line, false)
    }

    fn lose(&mut self, flaw: Flaw) {
        self.lost = Some(flaw);
        self.end();
    }

    fn end(&mut self) {
        self.head = Vec::new();
        self.state = State::Ended;
    }
}

enum Verdict {
    /// Where the body leads.
    Good(State),
    Flaw(Flaw),
    Unreadable,
}

fn judge(head: &[u8]) -> Verdict {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    // Hyper's own parser, so that both see the same lines.
    let Ok(httparse::Status::Complete(_)) = request.parse(head) else {
        return Verdict::Unreadable;
    };
    let values = |name: &'static str| {
        request
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let (method, target) = (
        request.method.unwrap_or_default(),
        request.path.unwrap_or_default(),
    );
    if bare_newline(head) {
        return Verdict::Flaw(Flaw::BareNewline);
    }
    let encodings = values("transfer-encoding").count();
    let lengths = values("content-length").count();
    if encodings > 0 && lengths > 0 {
        return Verdict::Flaw(Flaw::TwoLengths);
    }
    if lengths > 1 {
        return Verdict::Flaw(Flaw::ManyLengths);
    }
    let chunked = |value: &[u8]| value.eq_ignore_ascii_case(b"chunked");
    if encodings > 1 || !values("transfer-encoding").all(chunked) {
        return Verdict::Flaw(Flaw::TransferEncoding);
    }
    if method == "CONNECT" {
        return Verdict::Flaw(Flaw::Connect);
    }
    let mut hosts = values("host");
    let host = match (hosts.next().map(authority), hosts.next()) {
        (Some(Some(host)), None) => Some(host),
        // HTTP/1.0 has none.
        (None, None) if request.version == Some(0) => None,
        (None | Some(_), _) => return Verdict::Flaw(Flaw::Host),
    };
    let named = target
        .split_once("://")
        .filter(|_| !target.starts_with('/'));
    if let Some((_, rest)) = named {
        let named = rest
            .split(['/', '?'])
            .next()
            .map(str::as_bytes)
            .and_then(authority);
        if named.is_none() || named != host {
            return Verdict::Flaw(Flaw::Elsewhere);
        }
    }
    // Clients that would like HTTP/2 ask for h2c and take HTTP/1.1 for an answer (Java's do).
    if !values("upgrade").all(|value| value.eq_ignore_ascii_case(b"h2c")) {
        return Verdict::Flaw(Flaw::Upgrade);
    }
    if !values("expect").all(|value| value.eq_ignore_ascii_case(b"100-continue")) {
        return Verdict::Flaw(Flaw::Expectation);
    }
    let length = values("content-length").next();
    let length = length.map(|value| {
        std::str::from_utf8(value)
            .ok()
            .and_then(|it| it.parse().ok())
    });
    Verdict::Good(match (encodings, length) {
        (1.., _) => State::Chunked(Chunk::START),
        (0, None | Some(Some(0))) => State::Head,
        (0, Some(Some(left))) => State::Counted { left },
        (0, Some(None)) => return Verdict::Unreadable,
    })
}

/// The same rules, as far as HTTP/2 leaves them open: h2 itself refuses what belongs to a connection, and lengths that don't meet.
pub(super) fn flaw_of_http2<B>(request: &Request<B>) -> Option<Flaw> {
    if request.version() != Version::HTTP_2 {
        return None;
    }
    let headers = request.headers();
    let named = request
        .uri()
        .authority()
        .map(|named| named.as_str().as_bytes());
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let host = named
        .or(hosts.first().map(|host| host.as_bytes()))
        .and_then(authority);
    let expects = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if request.method() == Method::CONNECT {
        Some(Flaw::Connect)
    } else if headers.len() > HEADERS {
        Some(Flaw::ManyHeaders)
    } else if host.is_none() || hosts.len() > 1 {
        Some(Flaw::Host)
    } else if hosts
        .iter()
        .any(|other| authority(other.as_bytes()) != host)
    {
        Some(Flaw::Elsewhere)
    } else if !headers.get_all(header::EXPECT).iter().all(expects) {
        Some(Flaw::Expectation)
    } else {
        None
    }
}

/// A host and perhaps a port, in lower case.
fn authority(value: &[u8]) -> Option<Authority> {
    let text = std::str::from_utf8(value).ok()?.to_ascii_lowercase();
    let authority: Authority = text.parse().ok()?;
    let port = authority.as_str().len() == authority.host().len() || authority.port_u16().is_some();
    (port && !authority.host().is_empty() && !text.contains('@')).then_some(authority)
}

fn bare_newline(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
        POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n\
        3;x=y\r\nabc\r\n1f\r\n0123456789012345678901234567890\r\n0\r\nTrailer: t\r\n\r\n\
        GET / HTTP/1.0\r\n\r\n\
        POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// However the bytes are cut, the same heads are found, and the last one is refused with its last byte.
    #[test]
    fn heads_are_found_behind_bodies_however_the_bytes_are_cut() {
        for size in 1..GOOD.len() {
            let mut judge = Judge::new(1024);
            let mut chunks = GOOD.chunks(size).peekable();
            while let Some(chunk) = chunks.next() {
                let judged = judge.push(chunk);
                let last = chunks.peek().is_none();
                let expected = match last {
                    true => Judged::Refused { pass: chunk.len() },
                    false => Judged::Pass,
                };
                assert_eq!(judged, expected, "{size}");
            }
            let verdicts: Vec<_> = judge.verdicts.iter().copied().collect();
            assert_eq!(
                verdicts,
                [None, None, None, Some(Flaw::TwoLengths)],
                "{size}"
            );
        }
    }

    #[test]
    fn chunks_that_could_be_read_in_two_ways_break_the_connection() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in [
            "\r\n",
            "3\nabc\r\n0\r\n\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "-3\r\nabc",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3;a\nb\r\nabc\r\n0\r\n\r\n",
            "11111111111111111\r\n",
            "0\r\nTrailer: t\n\r\n",
            "0\r\n\n",
        ] {
            let mut judge = Judge::new(1024);
            assert_eq!(judge.push(head), Judged::Pass);
            let judged = judge.push(body.as_bytes());
            assert!(matches!(judged, Judged::Broken { .. }), "{body:?}");
        }
    }

    /// Whatever hyper may think of a head that could not be judged: no request is let through for it.
    #[test]
    fn behind_a_head_that_could_not_be_judged_nothing_passes() {
        let long = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n",
            "a".repeat(1024)
        );
        let many = format!(
            "POST / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "X-A: b\r\n".repeat(100)
        );
        for (head, flaw) in [
            (long.as_str(), Flaw::TooLong),
            (&many, Flaw::Unreadable),
            ("POST / HTTP/1.1\r\nHost : a\r\n\r\n", Flaw::Unreadable),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
                Flaw::Unreadable,
            ),
        ] {
            let mut judge = Judge::new(1000);
            assert_eq!(judge.push(head.as_bytes()), Judged::Pass);
            assert_eq!(
                judge.push(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"),
                Judged::Pass
            );
            for _ in 0..3 {
                assert_eq!(judge.next_verdict(), Some(flaw), "{head}");
            }
        }
    }

    #[test]
    fn http2_is_left_to_h2() {
        let mut judge = Judge::new(1024);
        assert_eq!(judge.push(PREFACE), Judged::Pass);
        assert_eq!(judge.push(b"\x00\x00\x00\x04\n\n\r\n\r\n"), Judged::Pass);
        assert_eq!(judge.next_verdict(), None);
        assert!(!judge.is_in_head());
    }
}
