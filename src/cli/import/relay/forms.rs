//! What a pack has for the types of Relay's rules that are a form: the keys of a token's rule, and examples.

use super::super::pack::{array, quoted};

/// For each detector, something that it finds and something that it does not.
pub(super) const EXAMPLES: [(&str, &str, &str); 5] = [
    ("ip", "from 203.0.113.9:443", "Chrome/156.0.0.0"),
    ("email", "write to anna.nowak@example.com", "image@2x.png"),
    (
        "card",
        "card 4111 1111 1111 1111 declined",
        "4111111111111112",
    ),
    ("iban", "DE89370400440532013000", "DE8937040044053201300"),
    (
        "user_info",
        "postgres://svc:pa55@db.example/app",
        "https://example.com/a@b",
    ),
];

/// A form that is too common by itself.
pub(super) struct Contextual {
    pub(super) context: &'static [&'static str],
    pub(super) alphabet: &'static str,
    pub(super) length: (usize, usize),
    pub(super) then: &'static str,
    pub(super) matches: &'static str,
    pub(super) ignores: &'static str,
    /// Names under which it goes whatever it is.
    pub(super) names: &'static [&'static str],
}

pub(super) const SSN: Contextual = Contextual {
    context: &["ssn", "social security"],
    alphabet: "digit",
    length: (3, 3),
    then: r#"["-", { alphabet = "digit", length = [2, 2] }, "-", { alphabet = "digit", length = [4, 4] }]"#,
    matches: "ssn 078-05-1120",
    ignores: "order 078-05-1120",
    names: &["ssn", "social_security_number"],
};

pub(super) const IMEI: Contextual = Contextual {
    context: &["imei"],
    alphabet: "digit",
    length: (15, 16),
    then: "[]",
    matches: "imei 490154203237518",
    ignores: "order 490154203237518",
    names: &["imei"],
};

pub(super) const MAC: Contextual = Contextual {
    context: &["mac", "hwaddr", "ether", "bssid"],
    alphabet: "hex",
    length: (2, 2),
    then: r#"[":", { alphabet = "hex", length = [2, 2] }, ":", { alphabet = "hex", length = [2, 2] }, ":", { alphabet = "hex", length = [2, 2] }, ":", { alphabet = "hex", length = [2, 2] }, ":", { alphabet = "hex", length = [2, 2] }]"#,
    matches: "mac 00:1b:63:84:45:e6",
    ignores: "key 00:1b:63:84:45:e6",
    names: &["mac_address", "macaddress"],
};

/// Keys in PEM, private and public, as Relay has them.
pub(super) fn pem(description: &str) -> Vec<(&'static str, String)> {
    let kinds = ["", "ENCRYPTED ", "RSA ", "EC ", "DSA ", "OPENSSH "];
    let mut anchors: Vec<String> = kinds
        .iter()
        .map(|kind| format!("-----BEGIN {kind}PRIVATE KEY-----"))
        .collect();
    anchors.extend(["", "RSA "].map(|kind| format!("-----BEGIN {kind}PUBLIC KEY-----")));
    vec![
        ("description", quoted(description)),
        (
            "source",
            quoted("Relay, relay-pii/src/regexes.rs; RFC 7468"),
        ),
        ("anchors", array(&anchors)),
        ("until", quoted("-----END")),
        (
            "matches",
            array(&[
                "-----BEGIN ~PRIVATE KEY-----\nMIIBabcdefghij/ABCDEFGHIJ+0123456789abcdefgh\n-----END PRIVATE KEY-----",
            ]),
        ),
        ("ignores", array(&["expected PEM label 'PRIVATE KEY'"])),
    ]
}

pub(super) fn bearer(description: &str) -> Vec<(&'static str, String)> {
    vec![
        ("description", quoted(description)),
        (
            "source",
            quoted("Relay, relay-pii/src/regexes.rs; RFC 6750, section 2.1"),
        ),
        ("anchors", array(&["Bearer "])),
        ("caseless", "true".to_owned()),
        ("alphabet", quoted("token")),
        ("length", "[8, 4096]".to_owned()),
        ("secretlike", "true".to_owned()),
        ("keeps_anchor", "true".to_owned()),
        ("matches", array(&["Bea~rer 0123456789abcdefghijABCD"])),
        ("ignores", array(&["Bearer authentication is required"])),
    ]
}
