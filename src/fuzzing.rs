//! What must hold for any bytes: the bodies of the fuzz targets in `fuzz/`, replayed by `tests/it/fuzz.rs` (feature
//! `test-util`).
//!
//! Each function takes an input and panics where a promise is broken; refusing the input is no failure.

use std::path::Path;

use crate::config::{Config, Problem, edit};
use crate::document::{Document, Kind, NodeId, Splice, Step, Tree, Value, apply};
use crate::envelope::native::fuzzing as native;
use crate::format::gate::{ENTRY, GateError, Sealing, Unsealing, seal, unseal};
use crate::format::{Format, Limits, by_name};
use crate::policy::Selection;

/// A YAML file: see [`document`].
pub fn yaml(input: &[u8]) {
    document("yaml", input);
}

/// A JSON file: see [`document`].
pub fn json(input: &[u8]) {
    document("json", input);
}

/// A TOML file: see [`document`].
pub fn toml(input: &[u8]) {
    document("toml", input);
}

/// A token, a tail or a payload: refused, or in its one form.
pub fn token(input: &[u8]) {
    native::token(input);
}

/// A metadata entry, written as YAML: refused, or the same after it was written and read again.
pub fn metadata(input: &[u8]) {
    let (Ok(text), Some(yaml)) = (std::str::from_utf8(input), by_name("yaml")) else { return };
    let Ok(document) = yaml.parse(text, &limits()) else { return };
    let Some(part) = document.parts.first() else { return };
    if let Some(tree) = document.plain_tree(part.root) {
        native::metadata(&tree);
        native::sealed(document, &tree);
    }
}

/// Patterns, one a line, `!` before those of `clear`; the last line is a path, its steps split at `/`. What is said of
/// the place is consistent.
pub fn policy(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (patterns, path) = text.rsplit_once('\n').unwrap_or((text, "a/0"));
    let (mut encrypt, mut clear) = (Vec::new(), Vec::new());
    for line in patterns.split('\n') {
        match line.strip_prefix('!') {
            Some(pattern) => clear.push(pattern.to_owned()),
            None => encrypt.push(line.to_owned()),
        }
    }
    let Ok(selection) = Selection::parse(&encrypt, &clear) else { return };
    let step = |text: &str| text.parse().map_or_else(|_| Step::Key(text.into()), Step::Index);
    let path: Vec<Step> = path.split('/').map(step).collect();
    let mut place = selection.start();
    for step in &path {
        let covered = place.decided_by().is_some();
        place = place.enter(step);
        assert!(!covered || place.decided_by().is_some(), "a pattern covers what is inside");
    }
    assert_eq!(place.is_secret(), selection.covers(&path));
    let decided = place.decided_by();
    let in_clear = |pattern: &str| clear.iter().any(|other| other == pattern);
    let in_encrypt = |pattern: &str| encrypt.iter().any(|other| other == pattern);
    match decided {
        Some(pattern) if place.is_secret() => assert!(in_encrypt(pattern)),
        Some(pattern) => assert!(in_clear(pattern)),
        None => assert!(!place.is_secret()),
    }
}

/// A configuration: refused, or readable still after a recipient was added to it.
pub fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let path = Path::new(".sealeaf.toml");
    let Ok(config) = Config::parse(text, path) else { return };
    for file in ["a.yaml", "secrets/prod.enc.json", ""] {
        if let Some(rule) = config.rule_for(file) {
            assert!(rule.matching_glob(file).is_some());
            drop(rule.policy(file));
        }
    }
    let key = "age1y8m84r6pwd4da5d45zzk03rlgv2xr7fn9px80suw3psrahul44ashl0usm";
    if let Ok(more) = edit::add_recipient(text, "fuzz", "age", key) {
        match Config::parse(&more, path).map_err(|error| *error.problem) {
            Ok(_) | Err(Problem::Limit { .. }) => {}
            Err(problem) => panic!("{problem}"),
        }
    }
}

/// A whole file. If it parses and can be sealed, every leaf and every second comment goes behind a dummy token and
/// comes back byte for byte; and every edit that the format offers gives a file that parses and holds the new value.
fn document(format: &str, input: &[u8]) {
    let (Ok(text), Some(format)) = (std::str::from_utf8(input), by_name(format)) else { return };
    let Ok(document) = format.parse(text, &limits()) else { return };
    assert_eq!(document.source.as_str(), text);
    let Ok((document, entry)) = format.detach(document, ENTRY) else { return };
    if let Some(entry) = entry {
        native::sealed(document, &entry);
        return;
    }
    round_trip(format, &document);
    edits(format, &document);
}

fn round_trip(format: &dyn Format, document: &Document) {
    let leaves: Vec<NodeId> =
        document.ids().filter(|id| document.is_leaf(*id) && document.node(*id).sealable).collect();
    let entry = Tree::Map(vec![
        ("version".to_owned(), Tree::int(1)),
        ("groups".to_owned(), Tree::List(vec![Tree::Map(vec![("age".to_owned(), Tree::text("x"))])])),
        ("policy".to_owned(), Tree::text("p")),
    ]);
    let comments = (0..document.comments.len()).step_by(2);
    let sealing = Sealing {
        leaves: leaves
            .iter()
            .map(|id| (*id, format!("sealed.v1.{}.A-_z", id.0), format.spelling(document, *id)))
            .collect(),
        comments: comments.clone().map(|index| (index, format!("sealed.v1.c{index}.A"))).collect(),
        entry: &entry,
    };
    let body = match seal(format, document, &sealing, &limits()) {
        Ok((_, body)) => body,
        // The gate's work.
        Err(GateError::Edit { .. } | GateError::RoundTrip { .. } | GateError::Parse(_)) => return,
        Err(error) => panic!("{error}"),
    };
    let behind = |index: usize| {
        let comment = &document.comments[index];
        comment.span.of(&document.source)[usize::from(comment.marker)..].into()
    };
    let unsealing = Unsealing {
        leaves: leaves
            .iter()
            .filter_map(|id| Some((*id, document.value(*id)?, format.spelling(document, *id))))
            .collect(),
        comments: comments.map(|index| (index, behind(index))).collect(),
    };
    let opened = unseal(format, &body, &unsealing, &limits()).expect("what was sealed opens");
    assert_eq!(opened.source.as_str(), document.source.as_str());
}

/// Tries each kind of edit at one node, which the input's length chooses.
fn edits(format: &dyn Format, document: &Document) {
    let source = document.source.as_str();
    let Some(index) = source.len().checked_rem(document.nodes.len()) else { return };
    let id = NodeId(u32::try_from(index).unwrap_or_default());
    let path = document.path(id);
    let new: String = source.chars().take(source.len() % 24).collect();
    let value = Tree::text(&new);
    if let Ok(splices) = format.replace(document, id, &value) {
        let after = edited(format, source, &splices, "replace");
        let there = after.find(&path).and_then(|id| after.value(id));
        assert_eq!(there, Some(Value::Str(new.as_str().into())), "replace");
    }
    let step = match &document.node(id).kind {
        Kind::List(items) => Step::Index(items.len()),
        _ => Step::Key("fuzz".into()),
    };
    if document.find(&path) == Some(id)
        && let Ok(splices) = format.insert(document, id, &step, &value)
    {
        let after = edited(format, source, &splices, "insert");
        let mut place = path.clone();
        place.steps.push(step);
        let there = after.find(&place).and_then(|id| after.value(id));
        assert_eq!(there, Some(Value::Str(new.as_str().into())), "insert");
    }
    if let Ok(splices) = format.remove(document, id) {
        let after = edited(format, source, &splices, "remove");
        assert!(after.nodes.len() <= document.nodes.len(), "remove");
    }
}

fn edited(format: &dyn Format, source: &str, splices: &[Splice], what: &str) -> Document {
    let text = apply(source, splices).expect("the splices fit");
    format
        .parse(&text, &Limits::default())
        .unwrap_or_else(|error| panic!("{what}: {error}\n{source:?}\n{:?}", text.as_str()))
}

/// Small, so that an input can exceed each of them.
fn limits() -> Limits {
    Limits { file: 1 << 16, depth: 16, leaves: 1 << 10, key: 1 << 8, leaf: 1 << 12 }
}
