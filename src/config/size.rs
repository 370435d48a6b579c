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

const MILLISECONDS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `200MiB`, `64 KiB`, `1000`.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let scale = if unit.is_empty() {
        Some(1)
    } else {
        scale_of(unit, &BYTES)
    };
    number
        .zip(scale)
        .and_then(|(number, scale)| number.checked_mul(scale))
        .ok_or_else(|| {
            format!("{text:?} is no size; write it as \"200MiB\", \"64KiB\" or \"1000B\"")
        })
}

/// `10s`, `500ms`, `2m`. Zero is refused: no timeout here may be.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    number
        .zip(scale_of(unit, &MILLISECONDS))
        .and_then(|(number, scale)| number.checked_mul(scale))
        .filter(|milliseconds| (1..=24 * 3_600_000).contains(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            format!(
                "{text:?} is no duration; write it as \"10s\", \"500ms\" or \"2m\" (at most 24h)"
            )
        })
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
        for text in ["10s", "500ms", "2m", "1h"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }
}
