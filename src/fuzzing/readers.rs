//! Two readers of one text see the same.

use crate::document::{Document, FormatCode, Kind, NodeId, Value};
use crate::format::ParseError;

/// Compares the parse of `text` with what other readers of the format make of it.
pub(super) fn agree(format: FormatCode, text: &str, parsed: Result<&Document, &ParseError>) {
    match format {
        // `yaml::parse` itself compares its fast reader with its engine wherever debug assertions are on: always here.
        FormatCode::Yaml => {}
        FormatCode::Json => json(text, parsed),
        FormatCode::Toml => toml(text, parsed),
        // Of these no other reader agrees with any other.
        FormatCode::Dotenv | FormatCode::Ini | FormatCode::Binary => {}
    }
}

/// `serde_json` knows no comments, no trailing commas and no byte order mark, and takes duplicate keys.
fn json(text: &str, parsed: Result<&Document, &ParseError>) {
    match (parsed, serde_json::from_str::<serde_json::Value>(text)) {
        (Ok(document), Ok(value)) => assert!(is_json(document, document.parts[0].root, &value)),
        (Ok(document), Err(error)) => {
            let is_extended = !document.comments.is_empty() || text.starts_with('\u{feff}');
            let message = error.to_string();
            assert!(
                is_extended || message.contains("trailing comma") || message.contains("out of range"),
                "{message}"
            );
        }
        (Err(error), Ok(_)) => {
            assert!(error.limit || error.message.contains("stands twice"), "{error}");
        }
        (Err(_), Err(_)) => {}
    }
}

fn is_json(document: &Document, id: NodeId, value: &serde_json::Value) -> bool {
    use serde_json::Value as Other;
    match (&document.node(id).kind, value) {
        (Kind::Map(entries), Other::Object(map)) => {
            let same = |key: &str, own| map.get(key).is_some_and(|value| is_json(document, own, value));
            entries.len() == map.len() && entries.iter().all(|entry| same(&entry.key.text, entry.value))
        }
        (Kind::List(items), Other::Array(list)) => {
            items.len() == list.len()
                && items.iter().zip(list).all(|(own, value)| is_json(document, *own, value))
        }
        (Kind::Scalar(scalar), value) => match (&scalar.value, value) {
            (Value::Str(text), Other::String(other)) => text.as_str() == other,
            (Value::Bool(own), Other::Bool(other)) => own == other,
            (Value::Null, Other::Null) => true,
            (Value::Int(text) | Value::Float(text), Other::Number(other)) => {
                // Its floats are off by some last bits.
                let near = |a: f64, b: f64| a == b || (a - b).abs() <= a.abs() * 1e-12;
                text.parse().ok().zip(other.as_f64()).is_some_and(|(own, other)| near(own, other))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The `toml` crate is asked by the parser too; here for the values, which the parser decodes by itself.
fn toml(text: &str, parsed: Result<&Document, &ParseError>) {
    let other = text.parse::<toml::Table>();
    match (parsed, other) {
        (Ok(document), Ok(table)) => {
            assert!(is_toml(document, document.parts[0].root, &toml::Value::Table(table)));
        }
        // Numbers that are too large for the crate are kept as text.
        (Ok(_), Err(error)) => {
            let known = ["integer", "overflowed", "too large"];
            assert!(known.iter().any(|known| error.message().contains(known)), "{}", error.message());
        }
        (Err(error), Ok(_)) => assert!(error.limit, "{error}"),
        (Err(_), Err(_)) => {}
    }
}

fn is_toml(document: &Document, id: NodeId, value: &toml::Value) -> bool {
    use toml::Value as Other;
    match (&document.node(id).kind, value) {
        (Kind::Map(entries), Other::Table(table)) => {
            let same = |key: &str, own| table.get(key).is_some_and(|value| is_toml(document, own, value));
            entries.len() == table.len() && entries.iter().all(|entry| same(&entry.key.text, entry.value))
        }
        (Kind::List(items), Other::Array(list)) => {
            items.len() == list.len()
                && items.iter().zip(list).all(|(own, value)| is_toml(document, *own, value))
        }
        (Kind::Scalar(scalar), value) => match (&scalar.value, value) {
            // Some of its line breaks become line feeds.
            (Value::Str(text), Other::String(other)) => {
                text.replace("\r\n", "\n") == other.replace("\r\n", "\n")
            }
            (Value::Bool(own), Other::Boolean(other)) => own == other,
            (Value::Int(_), Other::Integer(_)) | (Value::Time(_), Other::Datetime(_)) => true,
            (Value::Float(text), Other::Float(other)) => {
                let own = text.replace('_', "").parse::<f64>();
                own.is_ok_and(|own| own.to_bits() == other.to_bits() || (own.is_nan() && other.is_nan()))
            }
            _ => false,
        },
        _ => false,
    }
}
