//! Scrubline takes the secrets out of Sentry telemetry before it leaves.
//!
//! [`scrub`] is the engine: bytes in, scrubbed slices out, no I/O. `policy` makes a plan for it from the rule packs under
//! `rules/`. All else is the shell around it, built with the feature `proxy` (on by default): a sidecar that stands between
//! SDKs and their collector.
//!
//! # From bytes in to bytes out
//!
//! What happens to one request, in order. Names of private types, and of the shell's, are in plain backticks; each stands
//! in the file that is named beside it.
//!
//! 1. **Accept.** `proxy/listener.rs` takes a socket and a connection permit. Who finds none is answered 503. `proxy/connection.rs` does TLS,
//!    if it is ours, and bounds what one connection may do; `proxy/wire.rs` sees its bytes before hyper does, and `Judge` (`proxy/heads.rs`)
//!    refuses heads that can be read in two ways.
//! 2. **Pipeline.** `handle` in `proxy/service.rs` reads like this list. Each step gives a value or a `Reject`; `Record` (`proxy/record.rs`) sees
//!    to it that the request ends in exactly one outcome, also when the client goes away.
//! 3. **Route** (`proxy/route.rs`). `POST /api/{project}/envelope/`, `/store/`, and what else `served` lists. Everything else is
//!    refused, not forwarded. `Content` says of route and content type how the body is read, and as what it is sent on.
//!    What browsers post to `tunnel.path` is an envelope too; `Tunnel` (`proxy/tunnel.rs`) has limits for it, and admits it by its first line.
//! 4. **Who sends** (`proxy/auth.rs`). One form of authorization, of six. More than one is refused. The last form, the
//!    envelope's own `dsn`, is only known at step 12.
//! 5. **Take a place.** The first 16 KiB of a body, or all of it, are waited for; then `limits.in_flight` requests may be in here at a time. One
//!    more is answered 503, before more is held for it.
//! 6. **Choose the policy.** The [`policy::Policy`] in force (`proxy/active.rs`) is taken once for the whole request; a new one
//!    (`proxy/reload.rs`) takes its place as a whole. Its [`scrub::Plan`], and its [`scrub::Gate`] for the door by which the
//!    request came ([`ingress::Ingress`]), are all that the engine ever sees of it. Where the route tells the type of item, the
//!    gate is asked here; of an envelope's items, at step 9. A shadow policy reads along (`proxy/shadow.rs`).
//! 7. **Pull.** `Intake` in `proxy/body.rs` asks for a frame of the request's body only when something behind it wants bytes,
//!    so a slow collector slows the client down and nothing piles up here.
//! 8. **Decode.** [`scrub::decode::Decoder`] undoes the content encoding, one chunk of at most 32 KiB at a time, and stops at
//!    [`scrub::Limits::decoded_bytes`] and [`scrub::Limits::decode_ratio`]. An identity body keeps the memory it came in.
//! 9. **Frame** (`scrub/envelope/mod.rs`). `EnvelopeScrubber` finds header lines and payloads, of stated length or up to the
//!    newline. Headers are read strictly and written anew from an allow-list (`scrub/envelope/header.rs`). An event sent to
//!    `/store/` is one document without frame, once `StoreBody` (`scrub/store.rs`) has undone base64 and forms. Two
//!    kinds of body are kept and written anew, within limits of their own: OTLP in Protocol Buffers (`scrub/otlp/mod.rs`), and the
//!    event that a crash reporter's form tells of (`scrub/minidump.rs`). `treatment` in `scrub/envelope/item.rs` is the table that says which item types
//!    are scrubbed and which are left out; a type that nobody knows is left out.
//! 10. **Lex** (`scrub/json/lexer.rs`). `Lexer` is strict RFC 8259 and stops after any byte. `JsonScrubber`
//!     (`scrub/json/mod.rs`) knows of each value what is to be done with it before its first byte: from its key
//!     (`scrub/name.rs`), or from its place (`scrub/path.rs`). So a secret of any length costs no memory.
//! 11. **Look inside** (`scrub/text/mod.rs`). A string that could hold `name=value` goes through `TextMachine`, which reads
//!     it through every layer of escaping. What is found becomes a cut and an insertion in the `Splicer`
//!     (`scrub/splice`), the one place that turns edits into output. Between edits nothing is copied.
//!     What comes out is an [`scrub::Output`], a queue of [`scrub::Scrubbed`]. Only `scrub` can make one, and delivery takes
//!     nothing else, so forwarding what came in does not compile.
//! 12. **Start late.** `Intake::gather` works until 64 KiB are clean or the body has ended. Nothing has been sent anywhere yet:
//!     a small body that is malformed never reaches the collector, and a small good one travels with its length. Now the
//!     envelope's head is known, and `admit` compares its `dsn` with step 4. An envelope of which policy left nothing is
//!     answered 200 and not sent.
//! 13. **Headers** (`delivery/headers.rs`). The request headers that travel are built from an allow-list, with one
//!     `X-Sentry-Auth`. The path is written anew from the route; the host comes from `config::Upstream::url`, never from
//!     what came in.
//! 14. **Deliver** (`delivery/mod.rs`). `Delivery::send` makes one attempt over a pooled connection. A new one goes to
//!     addresses that `Resolver` (`delivery/resolve.rs`) has looked up and judged for it. The body is an `Outbound`
//!     (`delivery/outbound.rs`): the connection pulls it, it pulls the `Intake`, and `Encoder` (`delivery/encode.rs`)
//!     compresses as `config::Upstream::encoding` says.
//! 15. **Answer** (`proxy/respond.rs`). The collector's answer is built anew: status, `id` or `detail`, and the headers that
//!     SDKs act on. A `Reject` is mapped to its status here and nowhere else.
//! 16. **Record.** The engine's [`scrub::Report`] becomes metrics (`observe::Metrics`), one log line, and a
//!     `proxy::Finished` for whoever subscribed. Counts, rule ids and lengths; never a value.
//!
//! When something fails before step 14, the client gets an answer and nothing has left. After it, the request to the
//! collector is *aborted*, so that the far side sees a broken request and not a short good one. What is malformed, too large
//! or unknown is never passed on as it is.

#[cfg(feature = "proxy")]
mod admin;
#[cfg(feature = "proxy")]
pub mod cli;
#[cfg(feature = "proxy")]
pub mod config;
#[cfg(feature = "proxy")]
mod delivery;
pub mod ingress;
#[cfg(feature = "proxy")]
pub mod observe;
pub mod policy;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod scrub;
