//! The same files read by parsers that are not ours: PyYAML, serde_json, toml.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use sealeaf::document::{Document, Kind, NodeId, Value};
use sealeaf::format::{Format, Limits};
use serde_json::Value as Json;

use super::trial::Verdict;
use crate::formats::compare_toml;
use crate::support::tools;

/// A plain text and what it was sealed to.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) plain: &'a str,
    pub(super) sealed: &'a str,
}

/// Compares structure and values of every pair. `format` is what parsed them here.
pub(super) fn compare(format: &dyn Format, pairs: &[Pair<'_>]) -> Vec<Verdict> {
    let own = |text: &str| format.parse(text, &Limits::default()).unwrap();
    match format.name() {
        "yaml" => by_pyyaml(pairs, own),
        "json" => pairs.iter().map(|pair| by_serde_json(pair, &own(pair.plain))).collect(),
        _ => pairs.iter().map(|pair| by_toml(pair, &own(pair.plain))).collect(),
    }
}

fn by_serde_json(pair: &Pair<'_>, own: &Document) -> Verdict {
    let read = |text: &str| serde_json::from_str::<Json>(text);
    let Ok(plain) = read(pair.plain) else {
        return Verdict::Refused("the other parser takes no comments and no byte order mark".to_owned());
    };
    let Ok(Json::Object(mut sealed)) = read(pair.sealed) else {
        return Verdict::Broken("the sealed text is no JSON object".to_owned());
    };
    sealed.remove("sealeaf");
    let root = own.parts[0].root;
    if !same_json(own, root, &plain) {
        return Verdict::Broken("the other parser finds other values".to_owned());
    }
    if is_sealed_json(&plain, &Json::Object(sealed)) {
        Verdict::Holds
    } else {
        Verdict::Broken("the other parser finds another structure in the sealed text".to_owned())
    }
}

fn same_json(own: &Document, id: NodeId, other: &Json) -> bool {
    match (&own.node(id).kind, other) {
        (Kind::Map(entries), Json::Object(others)) => {
            entries.len() == others.len()
                && entries.iter().all(|entry| {
                    others.get(&*entry.key.text).is_some_and(|other| same_json(own, entry.value, other))
                })
        }
        (Kind::List(items), Json::Array(others)) => {
            items.len() == others.len()
                && items.iter().zip(others).all(|(item, other)| same_json(own, *item, other))
        }
        (Kind::Scalar(scalar), other) => match (&scalar.value, other) {
            (Value::Str(text), Json::String(other)) => text.as_str() == other,
            (Value::Bool(value), Json::Bool(other)) => value == other,
            (Value::Null, Json::Null) => true,
            (Value::Int(text) | Value::Float(text), Json::Number(other)) => {
                text.parse::<f64>().ok() == other.as_f64()
            }
            _ => false,
        },
        _ => false,
    }
}

fn is_sealed_json(plain: &Json, sealed: &Json) -> bool {
    match (plain, sealed) {
        (Json::Object(plain), Json::Object(sealed)) if !plain.is_empty() => {
            plain.len() == sealed.len()
                && plain
                    .iter()
                    .all(|(key, value)| sealed.get(key).is_some_and(|sealed| is_sealed_json(value, sealed)))
        }
        (Json::Array(plain), Json::Array(sealed)) if !plain.is_empty() => {
            plain.len() == sealed.len()
                && plain.iter().zip(sealed).all(|(plain, sealed)| is_sealed_json(plain, sealed))
        }
        // The root of an empty file is no leaf of it.
        (Json::Object(plain), Json::Object(sealed)) => plain.is_empty() && sealed.is_empty(),
        (_, Json::String(token)) => token.starts_with("sealed.v1."),
        _ => false,
    }
}

fn by_toml(pair: &Pair<'_>, own: &Document) -> Verdict {
    let read = |text: &str| text.parse::<::toml::Table>().map(::toml::Value::Table);
    let (Ok(plain), Ok(sealed)) = (read(pair.plain), read(pair.sealed)) else {
        return Verdict::Broken("the other parser refuses a text".to_owned());
    };
    compare_toml(pair.name, &plain, &sealed);
    holds(same_toml(own, own.parts[0].root, &plain), "the other parser finds other values")
}

fn same_toml(own: &Document, id: NodeId, other: &::toml::Value) -> bool {
    use ::toml::Value as Toml;
    match (&own.node(id).kind, other) {
        (Kind::Map(entries), Toml::Table(others)) => {
            entries.len() == others.len()
                && entries.iter().all(|entry| {
                    others.get(&*entry.key.text).is_some_and(|other| same_toml(own, entry.value, other))
                })
        }
        (Kind::List(items), Toml::Array(others)) => {
            items.len() == others.len()
                && items.iter().zip(others).all(|(item, other)| same_toml(own, *item, other))
        }
        (Kind::Scalar(scalar), other) => match (&scalar.value, other) {
            (Value::Str(text), Toml::String(other)) => text.as_str() == other,
            (Value::Bool(value), Toml::Boolean(other)) => value == other,
            (Value::Int(text), Toml::Integer(other)) => {
                let digits = text.replace('_', "");
                digits.starts_with("0x")
                    || digits.starts_with("0o")
                    || digits.starts_with("0b")
                    || digits.parse() == Ok(*other)
            }
            (Value::Float(text), Toml::Float(other)) => {
                other.is_nan() || text.replace('_', "").parse() == Ok(*other)
            }
            (Value::Time(_), Toml::Datetime(_)) => true,
            _ => false,
        },
        _ => false,
    }
}

/// Lets PyYAML read both texts of every pair, and compare its scalars with ours.
fn by_pyyaml(pairs: &[Pair<'_>], own: impl Fn(&str) -> Document + Send) -> Vec<Verdict> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/independent.py");
    let mut child = Command::new(tools().unwrap().join("bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            for (index, pair) in pairs.iter().enumerate() {
                let scalars = scalars(&own(pair.plain));
                let line = serde_json::json!({
                    "name": index, "plain": pair.plain, "sealed": pair.sealed, "scalars": scalars,
                });
                writeln!(stdin, "{line}").unwrap();
            }
        });
        child.wait_with_output().unwrap()
    });
    let answers = String::from_utf8(output.stdout).unwrap();
    let verdict = |line: &str| match line.split_once(' ').unwrap().1 {
        "same" => Verdict::Holds,
        "skipped last-break" => {
            Verdict::Refused("libyaml gives a block scalar that ends the file no last line break".to_owned())
        }
        other if other.starts_with("skipped") => {
            Verdict::Refused(format!("PyYAML refuses the plain text: {}", &other["skipped ".len()..]))
        }
        other => Verdict::Broken(other.to_owned()),
    };
    let verdicts: Vec<Verdict> = answers.lines().map(verdict).collect();
    assert_eq!(verdicts.len(), pairs.len());
    verdicts
}

/// Type and text of all scalars, keys included, in the order of the text.
fn scalars(document: &Document) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut open: Vec<Found<'_>> = document.parts.iter().rev().map(|part| Found::Node(part.root)).collect();
    while let Some(next) = open.pop() {
        let id = match next {
            Found::Key(text) => {
                found.push(("text", text.to_owned()));
                continue;
            }
            Found::Node(id) => id,
        };
        match &document.node(id).kind {
            Kind::Map(entries) => open.extend(
                entries
                    .iter()
                    .rev()
                    .flat_map(|entry| [Found::Node(entry.value), Found::Key(&entry.key.text)]),
            ),
            Kind::List(items) => open.extend(items.iter().rev().map(|item| Found::Node(*item))),
            Kind::Scalar(scalar) => {
                let kind = match scalar.value {
                    Value::Bool(_) => "bool",
                    Value::Null => "null",
                    _ => "text",
                };
                found.push((kind, scalar.value.to_text().to_string()));
            }
            Kind::Empty => found.push(("null", String::new())),
            Kind::Alias(_) => {}
        }
    }
    found
}

enum Found<'a> {
    Key(&'a str),
    Node(NodeId),
}

fn holds(is_so: bool, otherwise: &str) -> Verdict {
    if is_so { Verdict::Holds } else { Verdict::Broken(otherwise.to_owned()) }
}
