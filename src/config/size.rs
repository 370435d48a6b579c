//! Sizes and durations with units: `200MiB`, `10s`. A number without one is refused where it could be misread.

use std::time::Duration;

const BYTES: [(&str, u64); 8] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("kB", 1_000),
    ("B", 1),
];

const SIZE_UNITS: &str = "B, KB, MB, GB, KiB, MiB, GiB";

const MILLISECONDS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const DURATION_UNITS: &str = "ms, s, m, h";

/// `200MiB`, `64 KiB`, `1000`.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let number = number.ok_or_else(|| no_size(text))?;
    let scale = match unit {
        "" => 1,
        unit => scale_of(unit, &BYTES).ok_or_else(|| {
            if is_word(unit) {
                format!("{text:?} has the unit {unit:?}; give one of {SIZE_UNITS}, as \"200MiB\"")
            } else {
                no_size(text)
            }
        })?,
    };
    number
        .checked_mul(scale)
        .ok_or_else(|| format!("{text:?} is more than can be counted; give less"))
}

fn no_size(text: &str) -> String {
    format!("{text:?} is no size; write it as \"200MiB\", \"64KiB\" or \"1000B\"")
}

/// `10s`, `500ms`, `2m`. Zero is refused: no timeout here may be.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let number = number.ok_or_else(|| no_duration(text))?;
    let scale = scale_of(unit, &MILLISECONDS).ok_or_else(|| match unit {
        "" => format!("{text:?} has no unit; give one of {DURATION_UNITS}, as \"10s\""),
        unit if is_word(unit) => {
            format!("{text:?} has the unit {unit:?}; give one of {DURATION_UNITS}, as \"10s\"")
        }
        _ => no_duration(text),
    })?;
    number
        .checked_mul(scale)
        .filter(|milliseconds| (1..=24 * 3_600_000).contains(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text:?} is out of range; give from 1ms to 24h"))
}

fn no_duration(text: &str) -> String {
    format!("{text:?} is no duration; write it as \"10s\", \"500ms\" or \"2m\"")
}

/// Meant as a unit, and not the rest of a fraction.
fn is_word(unit: &str) -> bool {
    unit.chars().all(char::is_alphabetic)
}

/// The shortest exact form.
pub(super) fn show_bytes(bytes: u64) -> String {
    let binary = &BYTES[..3];
    match binary
        .iter()
        .find(|(_, scale)| bytes > 0 && bytes.is_multiple_of(*scale))
    {
        Some((unit, scale)) => format!("{}{unit}", bytes / scale),
        None => format!("{bytes}B"),
    }
}

/// The shortest exact form.
pub(super) fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis() as u64;
    match MILLISECONDS
        .iter()
        .find(|(_, scale)| milliseconds > 0 && milliseconds.is_multiple_of(*scale))
    {
        Some((unit, scale)) => format!("{}{unit}", milliseconds / scale),
        None => "0ms".to_owned(),
    }
}

fn split(text: &str) -> (Option<u64>, &str) {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number.parse().ok(), unit.trim_start())
}

fn scale_of(unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, scale)| *scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("200MiB", Some(200 << 20)),
            ("64 KiB", Some(64 << 10)),
            ("1000", Some(1000)),
            ("2MB", Some(2_000_000)),
            ("7B", Some(7)),
            ("", None),
            ("MiB", None),
            ("1.5MiB", None),
            ("-1", None),
            ("5mib", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(parse_bytes(text).ok(), bytes, "{text:?}");
        }
        for unit in SIZE_UNITS.split(", ") {
            assert!(parse_bytes(&format!("1{unit}")).is_ok(), "{unit}");
        }
        for text in ["200MiB", "64KiB", "1GiB", "1001B"] {
            assert_eq!(show_bytes(parse_bytes(text).unwrap()), text);
        }
    }

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("10s", Some(10_000)),
            ("500ms", Some(500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("10", None),
            ("0s", None),
            ("s", None),
            ("25h", None),
            ("1d", None),
        ] {
            assert_eq!(
                parse_duration(text).ok(),
                milliseconds.map(Duration::from_millis),
                "{text:?}"
            );
        }
        for unit in DURATION_UNITS.split(", ") {
            assert!(parse_duration(&format!("1{unit}")).is_ok(), "{unit}");
        }
        for text in ["10s", "500ms", "2m", "1h"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }
}
