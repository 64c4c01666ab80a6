use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::document::{Document, KeyPath, Kind, NodeId, Tree, Value};
use sealeaf::format::{Format, by_name};

use super::context::Context;
use super::input::{Access, Input, Source, format_parser};
use super::opened::Opened;
use super::report::{Kind as Failure, Report, near_miss};
use super::session::{Linked, Session};

/// Print one value of a sealed file
///
/// Prints the value as it is, without a line break behind it. Key paths look like `db.users[0].password`, `"a.b".c`,
/// `#1.a` for the second document, `.` for the root.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key path
    #[arg(value_name = "KEYPATH")]
    path: String,
    /// Print JSON: any value, maps and lists too
    #[arg(long)]
    json: bool,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    /// Refuse a file that joins pieces of several versions
    #[arg(long)]
    require_sealed: bool,
}

/// Prints the value.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let path = KeyPath::parse(&args.path)?;
    let session = Session::new(context);
    let source = Source::of(&args.file);
    let input = Input::read(&source, Access::Read, args.format, None, context)?;
    let linked = if args.require_sealed { Linked::Refuse } else { Linked::Note };
    let open = Opened::read(&input, None, linked, &session)?;
    let document = open.plain();
    let id = find(document, &path).map_err(|report| report.at(source.shown()))?;
    if args.json {
        let tree = document.expanded_tree(id).map_err(|error| Report::from(error).at(source.shown()))?;
        let json = by_name("json").map(|json| json.render(&for_json(tree))).unwrap_or_default();
        return context.print(json.as_bytes()).map(|()| ExitCode::SUCCESS);
    }
    let value = match &document.node(id).kind {
        Kind::Empty => Value::Null,
        _ => document.value(id).ok_or_else(|| {
            Report::message(Failure::Usage, format!("`{path}` is no single value"))
                .hint("print it as JSON with --json")
                .at(source.shown())
        })?,
    };
    context.print(value.to_bytes().expose()).map(|()| ExitCode::SUCCESS)
}

/// The node at a path; through aliases, to what they stand for. Where there is none, the nearest keys are named.
pub(crate) fn find(document: &Document, path: &KeyPath) -> Result<NodeId, Report> {
    let missing = |shown: String| Report::message(Failure::Usage, shown);
    let part = document.parts.get(path.part).ok_or_else(|| {
        missing(format!("the file has no document #{}", path.part))
            .hint(format!("it has {}", super::report::plural(document.parts.len(), "document", "documents")))
    })?;
    let aliases = document.aliases();
    let mut at = aliases.resolve(part.root);
    let mut walked = KeyPath { part: path.part, steps: Vec::new() };
    for step in &path.steps {
        let Some(next) = aliases.child(at, step) else {
            let report = missing(format!("there is no `{path}` in the file"));
            return Err(report.hint(what_is_there(document, at, &walked, step)));
        };
        walked.steps.push(step.clone());
        at = aliases.resolve(next);
    }
    Ok(at)
}

fn what_is_there(
    document: &Document,
    at: NodeId,
    walked: &KeyPath,
    step: &sealeaf::document::Step,
) -> String {
    use sealeaf::document::Step;
    match (&document.node(at).kind, step) {
        (Kind::Map(entries), Step::Key(key)) => {
            let keys = entries.iter().map(|entry| &*entry.key.text);
            match near_miss(key, keys.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`{walked}` has the keys {}", list(keys)),
            }
        }
        (Kind::Map(_), Step::Index(_)) => format!("`{walked}` is a map, not a list"),
        (Kind::List(items), _) => format!("`{walked}` is a list of {} elements", items.len()),
        _ => format!("`{walked}` is a single value"),
    }
}

fn list<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    let keys: Vec<&str> = keys.collect();
    let shown = keys.iter().take(MAX_KEYS).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    if keys.len() > MAX_KEYS { format!("{shown} and {} more", keys.len() - MAX_KEYS) } else { shown }
}

/// Numbers that JSON cannot write become texts.
fn for_json(tree: Tree) -> Tree {
    match tree {
        Tree::Map(entries) => {
            Tree::Map(entries.into_iter().map(|(key, value)| (key, for_json(value))).collect())
        }
        Tree::List(items) => Tree::List(items.into_iter().map(for_json).collect()),
        Tree::Leaf(Value::Int(text) | Value::Float(text)) if !is_json_number(&text) => {
            Tree::Leaf(Value::Str(text))
        }
        Tree::Leaf(Value::Time(text) | Value::Ambiguous(text)) => Tree::Leaf(Value::Str(text)),
        leaf => leaf,
    }
}

/// Whether a text is a number of RFC 8259, section 6.
pub(crate) fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

const MAX_KEYS: usize = 8;
