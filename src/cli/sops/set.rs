use std::path::Path;
use std::process::ExitCode;

use sealeaf::document::{Document, KeyPath, Kind, NodeId, Splice, Step, Tree, Value, apply};
use sealeaf::envelope::sops::{Branch, branches};
use sealeaf::file::sops::OpenSops;
use sealeaf::file::sops::render::PathPart as Part;
use sealeaf::format::{EditError, Format};

use super::change::write_back;
use super::face::{Face, format};
use super::fault::{BAD_SET, CANNOT_READ, Fault, GENERIC, NO_FILE};
use super::flags::{Order, Services, Types};
use super::load::{As, Loaded};
use super::path::{self, show};
use crate::cli::input::{read_file, read_secret, to_text};
use crate::cli::report::Report;
use crate::cli::set::{json, verify};

/// Set a value, and write the file back
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct SetArgs {
    /// The file, the path (`["key"][0]`), and the value as JSON
    #[arg(value_name = "FILE PATH VALUE")]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) types: Types,
    /// The third word is a file that holds the value
    #[arg(long)]
    pub(super) value_file: bool,
    /// Read the value from standard input
    #[arg(long)]
    pub(super) value_stdin: bool,
    /// Write nothing where the value is that one already
    #[arg(long)]
    pub(super) idempotent: bool,
    /// Do not look at the MAC
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// Taken and not used, as in SOPS
    #[arg(long, value_name = "N")]
    pub(super) shamir_secret_sharing_threshold: Option<u32>,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Remove a value, and write the file back
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct UnsetArgs {
    /// The file and the path (`["key"][0]`)
    #[arg(value_name = "FILE PATH")]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) types: Types,
    /// Succeed where there is no such value
    #[arg(long)]
    pub(super) idempotent: bool,
    /// Do not look at the MAC
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// Taken and not used, as in SOPS
    #[arg(long, value_name = "N")]
    pub(super) shamir_secret_sharing_threshold: Option<u32>,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Sets a value.
pub(super) fn set(args: &SetArgs, face: &Face<'_>) -> Result<ExitCode, Fault> {
    if args.value_file && args.value_stdin {
        return Err(Fault::new(GENERIC, "cannot use both --value-file and --value-stdin"));
    }
    let (file, at, value) = match (args.words.as_slice(), args.value_stdin) {
        ([file, at], true) => (file, at, read_stdin(face)?),
        ([file, at, value], false) if args.value_file => (file, at, read_value(value, face)?),
        ([file, at, value], false) => {
            face.context.warn_once(
                "the value was given on the command line, where other users and the shell's history see it; \
                 --value-stdin and --value-file avoid that"
                    .to_owned(),
            );
            (file, at, value.as_str().into())
        }
        (_, is_stdin) => {
            let count = if is_stdin { 2 } else { 3 };
            let message = "no file specified, or index and value are missing";
            return Err(Fault::new(
                NO_FILE,
                format!("{message}. Need precisely {count} positional arguments."),
            ));
        }
    };
    one(Path::new(file), at, &value, args, face)
}

/// Sets the value at a path; for legacy mode too.
pub(super) fn one(
    file: &Path,
    at: &str,
    value: &str,
    args: &SetArgs,
    face: &Face<'_>,
) -> Result<ExitCode, Fault> {
    let at = path::parse(at).map_err(|fault| fault.code(BAD_SET))?;
    let tree = json(value, face.context)
        .map_err(|report| Fault::from(report.context("Value for --set is not valid JSON")).code(BAD_SET))?;
    let (loaded, open, to) = load(file, &args.types, args.ignore_mac, face)?;
    let tree = to.0.adapted(tree);
    let document = open.plain();
    let (splices, path) = placed(document, to.0, &at, &tree)?;
    if args.idempotent && document.find(&path).and_then(|id| document.plain_tree(id)).as_ref() == Some(&tree)
    {
        return Ok(ExitCode::SUCCESS);
    }
    let changed = edited(document, &splices, to.0, face)?;
    verify(&changed, &path, &tree)?;
    write_back(&loaded, &open, changed, to.1, face)
}

/// Removes a value.
pub(super) fn unset(args: &UnsetArgs, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let [file, at] = args.words.as_slice() else {
        let message = "no file specified, or index is missing. Need precisely 2 positional arguments.";
        return Err(Fault::new(NO_FILE, message));
    };
    let at = path::parse(at).map_err(|fault| fault.code(BAD_SET))?;
    let (loaded, open, to) = load(Path::new(file), &args.types, args.ignore_mac, face)?;
    let document = open.plain();
    let found = steps(document, &at).and_then(|path| document.find(&path).filter(|_| !path.steps.is_empty()));
    let Some(id) = found else {
        if args.idempotent {
            return Ok(ExitCode::SUCCESS);
        }
        let missing = match at.last() {
            Some(Part::Key(key)) => key.clone(),
            _ => show(&at),
        };
        return Err(Fault::new(GENERIC, format!("Key not found: {missing}")).at(loaded.shown()));
    };
    let splices = to.0.remove(document, id).map_err(|error| of_edit(error, &loaded))?;
    let changed = edited(document, &splices, to.0, face)?;
    write_back(&loaded, &open, changed, to.1, face)
}

/// The format that a file is edited in, and the one that it is written in.
type Formats = (&'static dyn Format, &'static dyn Format);

fn load(
    file: &Path,
    types: &Types,
    ignore_mac: bool,
    face: &Face<'_>,
) -> Result<(Loaded, OpenSops, Formats), Fault> {
    let from = format(types.input_type.as_deref(), Some(file))?;
    let to = format(types.output_type.as_deref(), Some(file))?;
    let loaded = Loaded::read(Some(file), from, As::Encrypted, CANNOT_READ, face.context)?;
    let open = face.open(&loaded, ignore_mac)?;
    Ok((loaded, open, (from, to)))
}

fn edited(
    document: &Document,
    splices: &[Splice],
    format: &'static dyn Format,
    face: &Face<'_>,
) -> Result<Document, Fault> {
    let text = apply(&document.source, splices).map_err(|error| Fault::new(GENERIC, error))?;
    format.read(text, &face.context.limits).map_err(|error| Fault::from(Report::from(error)))
}

fn read_stdin(face: &Face<'_>) -> Result<sealeaf::secret::SecretText, Fault> {
    Ok(to_text(read_secret(&mut std::io::stdin().lock(), 0, face.context.limits.leaf)?)?)
}

fn read_value(path: &str, face: &Face<'_>) -> Result<sealeaf::secret::SecretText, Fault> {
    let (bytes, _) = read_file(path.as_ref(), face.context.limits.leaf)?;
    Ok(to_text(bytes)?)
}

fn of_edit(error: EditError, loaded: &Loaded) -> Fault {
    Fault::from(Report::from(error).at(loaded.shown())).code(GENERIC)
}

/// The path in the first document; `None` where a component cannot be one. Behind the end of a list is its end. SOPS counts
/// the comments in a list as elements.
fn steps(document: &Document, parts: &[Part]) -> Option<KeyPath> {
    let documents = branches(document).ok()?;
    let mut at = documents.first();
    let mut steps = Vec::with_capacity(parts.len());
    for part in parts {
        let (step, next) = match (part, at) {
            (Part::Key(key), Some(Branch::Map(entries))) => {
                let own = entries.iter().find(|(own, _)| own.as_ref().is_some_and(|own| **own == **key));
                (Step::Key(key.as_str().into()), own.map(|(_, value)| value))
            }
            (Part::Key(key), _) => (Step::Key(key.as_str().into()), None),
            (Part::Index(index), Some(Branch::List(items))) => {
                let index = usize::try_from(*index).ok()?;
                let is_comment = |item: &&Branch| matches!(item, Branch::Comment(_));
                let comments = items.iter().take(index).filter(is_comment).count();
                let item = items.get(index);
                if item.as_ref().is_some_and(is_comment) {
                    return None;
                }
                (Step::Index(index.min(items.len()) - comments), item)
            }
            (Part::Index(index), _) => (Step::Index(usize::try_from(*index).ok()?), None),
        };
        at = next;
        steps.push(step);
    }
    Some(KeyPath { part: 0, steps })
}

/// The splices that put a tree at a path, as SOPS does: what is missing is made, an index behind a list's end appends, and
/// a single value in the way gives way. Also the path where it stands then.
fn placed(
    document: &Document,
    format: &dyn Format,
    parts: &[Part],
    tree: &Tree,
) -> Result<(Vec<Splice>, KeyPath), Fault> {
    let wrong = |what: &str| Fault::new(BAD_SET, format!("`{}` cannot be set: {what}", show(parts)));
    let path = steps(document, parts).ok_or_else(|| wrong("an index is negative, or that of a comment"))?;
    let root = document.parts.first().map(|part| part.root);
    let mut at = root.filter(|_| !parts.is_empty()).ok_or_else(|| wrong("the path is empty"))?;
    let done = |splices: Result<Vec<Splice>, EditError>, path: &KeyPath| match splices {
        Ok(splices) => Ok((splices, path.clone())),
        Err(error) => Err(Fault::from(Report::from(error)).code(GENERIC)),
    };
    for (depth, step) in path.steps.iter().enumerate() {
        let below = path.steps.get(depth + 1..).unwrap_or_default();
        let fits = match (&document.node(at).kind, step) {
            (Kind::Map(_), Step::Key(_)) | (Kind::List(_), Step::Index(_)) => true,
            (Kind::Map(_), Step::Index(_)) => return Err(wrong("an index stands where the file has a map")),
            (Kind::List(_), Step::Key(_)) => return Err(wrong("a key stands where the file has a list")),
            (Kind::Alias(_), _) => return Err(wrong("the path leads through an alias")),
            (Kind::Empty, _) => is_fitting_empty(document, at, step),
            _ => false,
        };
        if !fits {
            let all = path.steps.get(depth..).unwrap_or_default();
            let tree = wrapped(all, tree.clone());
            return done(format.replace(document, at, &tree), &fresh(&path, depth));
        }
        match child(document, at, step).filter(|_| !matches!(document.node(at).kind, Kind::Empty)) {
            Some(next) => at = next,
            None => {
                let tree = wrapped(below, tree.clone());
                return done(format.insert(document, at, step, &tree), &fresh(&path, depth + 1));
            }
        }
    }
    done(format.replace(document, at, tree), &path)
}

/// What stands there; nothing is followed.
fn child(document: &Document, at: NodeId, step: &Step) -> Option<NodeId> {
    match (&document.node(at).kind, step) {
        (Kind::Map(entries), Step::Key(key)) => {
            entries.iter().find(|entry| entry.key.text == *key).map(|entry| entry.value)
        }
        (Kind::List(items), Step::Index(index)) => items.get(*index).copied(),
        _ => None,
    }
}

fn is_fitting_empty(document: &Document, at: NodeId, step: &Step) -> bool {
    match (document.value(at), step) {
        (Some(Value::EmptyMap), Step::Key(_)) => true,
        (Some(Value::EmptyList), Step::Index(_)) => true,
        // A document without content.
        (None, Step::Key(_)) => true,
        _ => false,
    }
}

/// New lists begin with index 0, whatever the path says.
fn fresh(path: &KeyPath, from: usize) -> KeyPath {
    let mut path = path.clone();
    for step in path.steps.iter_mut().skip(from) {
        if let Step::Index(index) = step {
            *index = 0;
        }
    }
    path
}

fn wrapped(steps: &[Step], tree: Tree) -> Tree {
    steps.iter().rev().fold(tree, |tree, step| match step {
        Step::Key(key) => Tree::Map(vec![(key.to_string(), tree)]),
        Step::Index(_) => Tree::List(vec![tree]),
    })
}
