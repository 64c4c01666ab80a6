use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::document::{Document, KeyPath, Kind, NodeId, Splice, Step, Tree, Value, apply};
use sealeaf::format::{Format, Limits, by_name};
use sealeaf::secret::SecretText;

use super::context::Context;
use super::get::is_json_number;
use super::input::{Access, Input, Source, format_parser, read_secret, to_text};
use super::opened::Opened;
use super::output::{Content, replace};
use super::report::{Context as _, Kind as Failure, Report};
use super::session::{Linked, Session, plain};
use super::{escape, twins};

/// Set one value of a sealed file
///
/// The value is read from standard input, less one final line break, or asked for without echo. It is a string, unless
/// --json says otherwise or the old value is a number, boolean or date and the text reads as one. Missing maps are
/// made; an index equal to a list's length appends.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key path
    #[arg(value_name = "KEYPATH")]
    path: String,
    /// Read the value as JSON: number, boolean, null, map or list
    #[arg(long)]
    json: bool,
    /// Give the value on the command line, where other users and the shell's history see it
    #[arg(long, value_name = "VALUE")]
    value: Option<String>,
    #[arg(hide = true, value_name = "VALUE")]
    argument: Option<String>,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    /// Accept the recipients that a SOPS file names itself where its rule has others
    #[arg(long)]
    accept_file_recipients: bool,
    /// Accept a file in which the rule seals nothing
    #[arg(long)]
    allow_no_secrets: bool,
}

/// Sets the value.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    if args.argument.is_some() {
        return Err(Report::message(
            Failure::Refused,
            "a value on the command line is seen by other users and kept by the shell",
        )
        .hint("give it on standard input, or say --value where it is no secret"));
    }
    let path = KeyPath::parse(&args.path)?;
    let session = Session::new(context);
    let source = Source::of(&args.file);
    let input = Input::read(&source, Access::Change, args.format, None, context)?;
    let shown = source.shown();
    let open = Opened::read(&input, None, Linked::Silent, &session)?;
    open.check_write(shown, args.accept_file_recipients, &session)?;
    let text = value(&args, &path, context)?;
    let document = open.plain();
    let tree = if args.json {
        json(&text, context)?
    } else {
        Tree::Leaf(like_before(document, &path, text, context))
    };
    let format = open.format(input.format);
    let tree = format.adapted(tree);
    let splices = edit(document, format, &path, &tree).at(shown)?;
    let changed = apply(&document.source, &splices).map_err(|error| Report::new(Failure::Failed, error))?;
    let changed = plain(&changed, format, context).at(shown)?;
    verify(&changed, &path, &tree).at(shown)?;
    twins::warn(&changed, shown, context);
    let sealed = open.next(changed, args.allow_no_secrets, true, &session).at(shown)?;
    let written = replace(input.original()?, sealed.text.as_bytes(), Content::Sealed, context)?;
    let done = if written { "set" } else { "unchanged" };
    context.note(format!("{}: `{path}` {done}", escape::path(shown)));
    Ok(ExitCode::SUCCESS)
}

fn value(args: &Args, path: &KeyPath, context: &Context) -> Result<SecretText, Report> {
    if let Some(value) = &args.value {
        context.warn(
            "the value was given on the command line, where other users and the shell's history see it",
        );
        return Ok(value.as_str().into());
    }
    if context.terminal.stdin {
        return context.prompt.new_value(&format!("`{path}`"));
    }
    let bytes = read_secret(&mut std::io::stdin().lock(), 0, context.limits.leaf)?;
    let text = to_text(bytes)?;
    let kept = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    Ok(kept.into())
}

/// A JSON text as a tree, by the engine's own parser: numbers stay as they are written.
pub(super) fn json(text: &str, context: &Context) -> Result<Tree, Report> {
    let format = by_name("json").ok_or_else(|| Report::message(Failure::Failed, "this build has no JSON"))?;
    let document = format.parse(text, &context.limits).map_err(|error| {
        Report::message(Failure::Malformed, format!("the value is no JSON: {}", error.message))
    })?;
    let root = document.parts.first().map(|part| part.root);
    root.and_then(|root| document.plain_tree(root))
        .ok_or_else(|| Report::message(Failure::Malformed, "the value is no JSON"))
}

/// Keeps the old value's type where the text reads as one of that type.
fn like_before(document: &Document, path: &KeyPath, text: SecretText, context: &Context) -> Value {
    let old = document.find(path).and_then(|id| document.value(id));
    let (kept, kind) = match old {
        Some(Value::Int(_) | Value::Float(_)) if is_json_number(&text) => {
            let float = text.contains(['.', 'e', 'E']);
            (if float { Value::Float(text) } else { Value::Int(text) }, "number")
        }
        Some(Value::Bool(_)) if matches!(text.as_str(), "true" | "false") => {
            (Value::Bool(text.as_str() == "true"), "boolean")
        }
        Some(Value::Time(_)) if is_time(&text) => (Value::Time(text), "date"),
        _ => return Value::Str(text),
    };
    context.note(format!("`{path}` stays a {kind}; for a string say --json and quote it"));
    kept
}

fn is_time(text: &str) -> bool {
    let parsed =
        by_name("toml").and_then(|toml| toml.parse(&format!("x = {text}\n"), &Limits::default()).ok());
    parsed.is_some_and(|document| document.ids().any(|id| matches!(document.value(id), Some(Value::Time(_)))))
}

/// The splices that put `tree` at `path`: over what is there, or as a new entry below the deepest container that is.
fn edit(
    document: &Document,
    format: &dyn Format,
    path: &KeyPath,
    tree: &Tree,
) -> Result<Vec<Splice>, Report> {
    let missing = |message: String| Report::message(Failure::Usage, message);
    let part = document
        .parts
        .get(path.part)
        .ok_or_else(|| missing(format!("the file has no document #{}", path.part)))?;
    let mut at = part.root;
    for (depth, step) in path.steps.iter().enumerate() {
        if let Kind::Alias(name) = &document.node(at).kind {
            return Err(missing(format!("`{path}` leads through the alias `*{name}`"))
                .hint("set the value where its anchor stands"));
        }
        let own = match (&document.node(at).kind, step) {
            (Kind::Map(entries), Step::Key(key)) => {
                entries.iter().find(|entry| entry.key.text == *key).map(|entry| entry.value)
            }
            (Kind::List(items), Step::Index(index)) => items.get(*index).copied(),
            _ => None,
        };
        match own {
            Some(next) => at = next,
            None => {
                let rest = wrap(path.steps.get(depth + 1..).unwrap_or_default(), tree.clone())?;
                let check = insertable(document, at, step, path);
                return check.and_then(|()| Ok(format.insert(document, at, step, &rest)?));
            }
        }
    }
    if let Kind::Alias(name) = &document.node(at).kind {
        return Err(
            missing(format!("`{path}` is the alias `*{name}`")).hint("set the value where its anchor stands")
        );
    }
    Ok(format.replace(document, at, tree)?)
}

fn insertable(document: &Document, at: NodeId, step: &Step, path: &KeyPath) -> Result<(), Report> {
    let wrong =
        |what: String| Err(Report::message(Failure::Usage, format!("`{path}` cannot be set: {what}")));
    let above = document.path(at);
    match (&document.node(at).kind, step) {
        (Kind::Map(_) | Kind::Empty, Step::Key(_)) => Ok(()),
        (Kind::Empty, Step::Index(0)) => Ok(()),
        (Kind::List(items), Step::Index(index)) if *index == items.len() => Ok(()),
        (Kind::List(items), Step::Index(_)) => {
            wrong(format!("`{above}` has {} elements; the next index is {}", items.len(), items.len()))
        }
        (Kind::List(_), Step::Key(_)) => wrong(format!("`{above}` is a list, not a map")),
        (Kind::Map(_), Step::Index(_)) => wrong(format!("`{above}` is a map, not a list")),
        _ => wrong(format!("`{above}` is a single value")),
    }
}

/// The maps (and lists of one element) that are still missing around a value.
fn wrap(steps: &[Step], tree: Tree) -> Result<Tree, Report> {
    steps.iter().rev().try_fold(tree, |tree, step| match step {
        Step::Key(key) => Ok(Tree::Map(vec![(key.to_string(), tree)])),
        Step::Index(0) => Ok(Tree::List(vec![tree])),
        Step::Index(_) => Err(Report::message(Failure::Usage, "a new list begins with index 0")),
    })
}

/// The engine's edit must read as what was asked for.
pub(super) fn verify(changed: &Document, path: &KeyPath, tree: &Tree) -> Result<(), Report> {
    let found = changed.find(path).and_then(|id| changed.plain_tree(id));
    let same = match (&found, tree) {
        (Some(found), tree) => found == tree,
        // An anchor or tag stays on the value that is set.
        (None, Tree::Leaf(value)) => {
            changed.find(path).and_then(|id| changed.value(id)).as_ref() == Some(value)
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(Report::message(Failure::Failed, format!("`{path}` would not read as the value that was given"))
        .hint("nothing was written; set it with `sealeaf edit`"))
}
