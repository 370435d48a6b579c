//! Inputs that somebody made to be slow to read: of each a few kinds of bytes and nothing else. Each is a JSON document, so that a parser can
//! stand beside. None may be slower at one size than at another.

use bytes::Bytes;

use super::inputs::{Input, Redactions};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Below the deepest that is read.
const DEPTH: usize = 500;

/// All of them, of about this many bytes each.
pub(super) fn attacks(length: usize) -> Vec<Input> {
    let string = |unit: &str| format!("[\"{}\"]", repeated(unit, length));
    let attacks = [
        ("nesting", nesting(length)),
        ("short escapes", string("\\n\\\\\\/\\t")),
        ("long escapes", string("\\u0041\\u005c")),
        ("percents", string("%")),
        ("percent escapes", string("%25%41")),
        ("equals signs", string("=")),
        ("quotes", string("\\\"'")),
        (
            "names",
            format!("{{{}\"\":0}}", repeated("\"a\":0,", length)),
        ),
        ("candidates", string(&candidates())),
        ("seeds", seeds(length)),
    ];
    let attacks = attacks
        .into_iter()
        .map(|(name, text)| Input::json(name, vec![Bytes::from(text)], Redactions::Any));
    attacks.collect()
}

fn repeated(unit: &str, length: usize) -> String {
    unit.repeat(length / unit.len())
}

fn nesting(length: usize) -> String {
    let tower = format!(
        "{}0{}",
        "{\"a\":[".repeat(DEPTH / 2),
        "]}".repeat(DEPTH / 2)
    );
    format!(
        "[{}0]",
        repeated(&format!("{tower},"), length.max(tower.len() + 1))
    )
}

/// How tokens and the values of names begin, with nothing behind.
fn candidates() -> String {
    let pack = std::fs::read_to_string(format!("{ROOT}/rules/tokens.toml")).unwrap();
    let pack: toml::Table = toml::from_str(&pack).unwrap();
    let tokens = pack["token"].as_array().unwrap().iter();
    // One that goes on to a line with some literal would take all that stands behind it.
    let tokens = tokens.filter(|token| token.get("until").is_none());
    let anchors = tokens.flat_map(|token| token.get("anchors")?.as_array());
    let anchors = anchors.flatten().filter_map(|anchor| anchor.as_str());
    let names = [
        "password",
        "token",
        "secret",
        "authorization",
        "cookie",
        "api_key",
    ];
    let words = anchors.chain(names).collect::<Vec<_>>().join(" ");
    let quoted = serde_json::Value::from(words).to_string();
    format!("{} ", &quoted[1..quoted.len() - 1])
}

/// All seeds of the fuzz targets: as strings, and those that are JSON also as they are.
fn seeds(length: usize) -> String {
    let mut paths = Vec::new();
    for folder in std::fs::read_dir(format!("{ROOT}/fuzz/corpus")).unwrap() {
        let seeds = std::fs::read_dir(folder.unwrap().path()).unwrap();
        paths.extend(seeds.map(|seed| seed.unwrap().path()));
    }
    paths.sort();
    let mut elements = Vec::new();
    for path in paths {
        let seed = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&seed);
        elements.push(serde_json::Value::from(text.as_ref()).to_string());
        if sonic_rs::from_slice::<sonic_rs::Value>(&seed).is_ok() {
            elements.push(text.into_owned());
        }
    }
    let mut document = String::from("[0");
    for element in elements.iter().cycle() {
        if document.len() >= length {
            break;
        }
        document.push(',');
        document.push_str(element);
    }
    document.push(']');
    document
}
