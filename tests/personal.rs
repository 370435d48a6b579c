//! Personal data under the policy `strict`: what the packs' own examples do not show. Replacements, numbers, idempotence.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    missing_docs
)]

#[path = "support/scrub.rs"]
mod support;

use std::sync::Arc;

use bytes::Bytes;
use scrubline::policy::Policy;
use scrubline::scrub::fuzzing::check_laws;
use scrubline::scrub::{Format, Limits, Output, Plan, Redaction, Scrubber, Treated};
use support::scrub;

fn strict() -> Arc<Plan> {
    Policy::builtin("strict").unwrap().plan()
}

fn run(plan: &Arc<Plan>, input: &str) -> String {
    let (out, result) = scrub(plan, Format::Json, [input.as_bytes()]);
    result.unwrap();
    for cut in 1..input.len() {
        check_laws(plan, Format::Json, input.as_bytes(), &[cut]);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn strings_and_numbers() {
    let cases = [
        (
            r#"{"m":"ann@example.com paid with 4111 1111 1111 1111"}"#,
            r#"{"m":"[Filtered] paid with [Filtered]"}"#,
        ),
        (
            r#"{"n":4111111111111111,"p":44051401359,"t":1700000000,"u":1700000000000,"v":1700000000000000}"#,
            r#"{"n":"[Filtered]","p":"[Filtered]","t":1700000000,"u":1700000000000,"v":1700000000000000}"#,
        ),
        // What stands behind a telephone number is no part of it where it is something by itself.
        (
            r#"{"m":"+48 601 234 567 4111 1111 1111 1111, +1 415 555 2671 192.168.10.20","n":"+48 601 234 567 61 1090 1014 0000 0712 1981 2874"}"#,
            r#"{"m":"[Filtered] [Filtered], [Filtered] [Filtered]","n":"[Filtered] [Filtered]"}"#,
        ),
        (
            r#"{"m":"+44 20 7946 0958 or +48 601234567 10.20.30.40"}"#,
            r#"{"m":"[Filtered] or [Filtered] [Filtered]"}"#,
        ),
        (
            r#"{"token":{"4111111111111111":"x","10.1.2.3":1,"a":1}}"#,
            r#"{"token":{"[Filtered]":"[Filtered]","[Filtered]":"[Filtered]","a":"[Filtered]"}}"#,
        ),
        (
            r#"{"nip":"5260250274","x":{"phone":"500600700"}}"#,
            r#"{"nip":"[Filtered]","x":{"phone":"[Filtered]"}}"#,
        ),
        (
            r#"{"u":"/x?to=ann%40example.com&n=1"}"#,
            r#"{"u":"/x?to=[Filtered]&n=1"}"#,
        ),
        (
            r#"{"ip":"peer 203.0.113.9:443 and [2001:db8::1]"}"#,
            r#"{"ip":"peer [Filtered]:443 and [[Filtered]]"}"#,
        ),
        (
            r#"{"user":"ip:203.0.113.9","m":"a:203.0.113.9, host1:2001:db8::1, \"ip\":203.0.113.9; 12:30:1.2.3.4, x::1.2.3.4"}"#,
            r#"{"user":"ip:[Filtered]","m":"a:[Filtered], host1:[Filtered], \"ip\":[Filtered]; 12:30:1.2.3.4, x::1.2.3.4"}"#,
        ),
        (
            r#"{"m":"call +48500600700 203.0.113.9 or +48500600700 2026-01-01, +48 500 600 700","s":"/203.0.113.9:443 and db/203.0.113.9:5432"}"#,
            r#"{"m":"call [Filtered] [Filtered] or [Filtered] 2026-01-01, [Filtered]","s":"/[Filtered]:443 and db/[Filtered]:5432"}"#,
        ),
        (
            r#"{"ua":"Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36","id":"9ec79c33ec9942ab8353589fcb2e04dc","at":"2026-01-01T12:30:45.123456Z"}"#,
            r#"{"ua":"Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36","id":"9ec79c33ec9942ab8353589fcb2e04dc","at":"2026-01-01T12:30:45.123456Z"}"#,
        ),
    ];
    let plan = strict();
    for (input, want) in cases {
        assert_eq!(run(&plan, input), want);
    }
}

#[test]
fn masks_and_truncates() {
    let input = r#"{"m":"ann@example.com, +48 500 600 700, 203.0.113.9, 2001:db8:1:2::3"}"#;
    let mask = Arc::new(strict().with_personal(Some(Treated::Mask), None));
    assert_eq!(
        run(&mask, input),
        r#"{"m":"***@*******.***, +** *** *** ***, ***.*.***.*, ****:***:*:*::*"}"#
    );
    let cut = Arc::new(strict().with_personal(Some(Treated::Truncate), None));
    assert_eq!(
        run(&cut, input),
        r#"{"m":"[Filtered], [Filtered], 203.0.113.0, 2001:db8:1::"}"#
    );
}

/// One person is one hash, however written; another key gives another.
#[test]
fn hashes_tell_one_from_another_and_nothing_more() {
    let hash = |key: &[u8]| Arc::new(strict().with_personal(Some(Treated::Hash), Some(key)));
    let plan = hash(b"a key of the operator");
    let one = run(&plan, r#"{"m":"ann@example.com"}"#);
    assert!(
        one.starts_with(r#"{"m":"[hash:x"#)
            && one.len() == r#"{"m":"[hash:x0123456789abcdef]"}"#.len(),
        "{one}"
    );
    assert_eq!(run(&plan, r#"{"m":"Ann@Example.com"}"#), one);
    assert_ne!(run(&plan, r#"{"m":"bob@example.com"}"#), one);
    assert_ne!(
        run(&hash(b"another key"), r#"{"m":"ann@example.com"}"#),
        one
    );
    assert_eq!(
        run(&plan, r#"{"m":"44051401359"}"#),
        run(&plan, r#"{"m":44051401359}"#)
    );
    let keyless = strict().with_personal(Some(Treated::Hash), None);
    assert!(keyless.lacks_hash_key());
    // A key with a hash in it is still a name, the first time and the second.
    let named = run(&plan, r#"{"ann@example.com/token":"q"}"#);
    assert!(named.ends_with(r#"]/token":"[Filtered]"}"#), "{named}");
    assert_eq!(
        run(&Arc::new(keyless), r#"{"m":"ann@example.com"}"#),
        r#"{"m":"[Filtered]"}"#
    );
}

/// What was in a key that went, or in which something stands for it, is in no place that a report shows.
#[test]
fn places_do_not_show_what_went_from_a_key() {
    let hash = strict().with_personal(Some(Treated::Hash), Some(b"a key of the operator"));
    let known = (strict().as_ref()).with_known_secrets([b"abc12345X".as_slice()]);
    let cases = [
        (
            strict(),
            r#"{"token":{"44051401359":1,"10.1.2.3":{"b":2}}}"#,
        ),
        (
            Arc::new(known),
            r#"{"token":{"abc12345X":{"a":1}},"cookies":{"abc12345X":"x"}}"#,
        ),
        (
            Arc::new(hash),
            r#"{"10.1.2.3":"token=abc","44051401359":{"password":"abc"}}"#,
        ),
    ];
    for (plan, input) in cases {
        let mut scrubber = Scrubber::new(plan, Format::Json, &Limits::default());
        scrubber.record_redactions();
        let mut output = Output::new();
        scrubber.push(Bytes::from(input), &mut output).unwrap();
        scrubber.finish(&mut output).unwrap();
        let redactions = scrubber.take_redactions();
        assert!(redactions.len() > 1);
        for Redaction { path, .. } in redactions {
            for secret in ["44051401359", "10.1.2.3", "abc12345X"] {
                assert!(!path.contains(secret), "{path}");
            }
        }
    }
}
