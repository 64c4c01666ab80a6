//! `encrypt` on a file that is sealed already: nothing to do, or a file that was edited by hand.

use std::path::Path;

use sealeaf::document::KeyPath;
use sealeaf::envelope::native::{Difference, EnvelopeError, State};
use sealeaf::file::{FileError, Next, OpenFile, SealedFile};
use sealeaf::git::At;
use sealeaf::policy::Selection;
use sealeaf::secret::SecretText;

use super::break_glass;
use super::input::Input;
use super::merged::went_back;
use super::report::{Kind, Report, plural};
use super::session::{Session, named};
use super::{escape, twins};

/// What the user accepted beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted<'a> {
    /// All that was edited.
    pub(crate) edits: bool,
    /// Key paths that were sealed and hold a clear value now.
    pub(crate) replaced: &'a [String],
    /// Comments that look like secrets.
    pub(crate) comments: bool,
}

/// Gives the text to write, equal to the input where the file is in order, and what to say.
pub(crate) fn run(
    input: &Input,
    path: Option<&Path>,
    accepted: Accepted<'_>,
    session: &Session<'_>,
) -> Result<(SecretText, String), Report> {
    let limits = &session.context.limits;
    let parse = || SealedFile::parse(&input.text, input.format, limits);
    let file = parse()?;
    let path = path.or_else(|| named(&input.source));
    session.check_scope(&file, path)?;
    let key = match file.unwrap_key(&session.keyring()) {
        Ok(key) => {
            break_glass::tell(file.header(), input.source.shown(), session);
            key
        }
        // Without a key it can still be seen that nothing that the rule seals stands in clear.
        Err(error) if is_not_mine(&error) => {
            let ruling = path.map(|path| session.ruling(path)).transpose()?.flatten();
            let rules = [Some(&file.header().policy), ruling.as_ref().map(|ruling| &ruling.policy)];
            return if rules.into_iter().flatten().all(|policy| shows_nothing(&file, &policy.selection)) {
                Ok((input.text.clone(), "sealed already (not verified: no key for it)".to_owned()))
            } else {
                Err(error.into())
            };
        }
        Err(error) => return Err(error.into()),
    };
    match parse()?.open_with(key.clone(), limits) {
        Ok(open) => {
            let note = match open.state() {
                State::Sealed => "sealed already",
                State::Linked => "sealed already (linked: `sealeaf reseal` makes one version of it)",
            };
            return Ok((input.text.clone(), note.to_owned()));
        }
        Err(FileError::Envelope(
            EnvelopeError::Link { .. }
            | EnvelopeError::Head
            | EnvelopeError::Section { .. }
            | EnvelopeError::Sections
            | EnvelopeError::Exposed { .. },
        )) => {}
        Err(error) => return Err(error.into()),
    }
    let (open, differences) = parse()?.salvage(key, limits)?;
    if let Some(path) = path {
        session.check_write(&open, path)?;
        // The edit is looked at here, so no edit may hide behind another that a key holder made long ago.
        if let [first, ..] = went_back(session, &open, path)?.as_slice() {
            return Err(Report::message(
                Kind::NotSealed,
                format!("went back to an earlier version: {first}"),
            )
            .hint("take its line from the committed version, or set the value with `sealeaf set`"));
        }
    }
    consent(&open, &differences, path, accepted, session)?;
    twins::warn(open.plain(), input.source.shown(), session.context);
    let next = Next {
        plain: Some(open.plain().clone()),
        allow_no_secrets: true,
        allow_comments: accepted.comments,
        ..Next::default()
    };
    let change = open.next(next, &session.keyring(), limits)?;
    let note = format!("sealed again, {} new", plural(change.sealed.fresh, "value", "values"));
    Ok((change.sealed.text, note))
}

/// Whether every leaf that a rule seals is a token; says nothing of their authenticity.
fn shows_nothing(file: &SealedFile, selection: &Selection) -> bool {
    let body = &file.sealed().body;
    let marked = sealeaf::envelope::native::marked(body, selection);
    body.ids().all(|id| {
        !marked.get(id.index()).copied().unwrap_or_default()
            || file.sealed().is_token(id)
            || !body.is_leaf(id)
            || !body.node(id).sealable
    })
}

/// Shows what differs from the version that was sealed, and asks. A path that was sealed in git's version and is clear
/// now needs `--replace`, whatever else was said.
fn consent(
    open: &OpenFile,
    differences: &[Difference],
    path: Option<&Path>,
    accepted: Accepted<'_>,
    session: &Session<'_>,
) -> Result<(), Report> {
    let allowed: Vec<KeyPath> =
        accepted.replaced.iter().map(|text| KeyPath::parse(text)).collect::<Result<_, _>>()?;
    let committed = match path {
        Some(path) => session.committed(path, At::Commit("HEAD"), open.sealed_file().format())?,
        None => None,
    };
    let was_sealed = |at: &KeyPath| {
        committed
            .as_ref()
            .is_some_and(|head| head.sealed().body.find(at).is_some_and(|id| head.sealed().is_token(id)))
    };
    for difference in differences {
        if let Difference::Clear(at) = difference
            && let Some(keys) = at.path.as_ref().filter(|keys| was_sealed(keys) && !allowed.contains(keys))
        {
            let message =
                format!("`{keys}` (line {}) was sealed, and a clear value stands in its place", at.line);
            return Err(Report::message(Kind::Refused, message)
                .hint(format!("where you put it there, say --replace '{keys}'")));
        }
    }
    let lines: Vec<String> = differences.iter().map(describe).collect();
    if accepted.edits {
        let file = path.map(|path| format!("{}: ", escape::path(path))).unwrap_or_default();
        lines.iter().for_each(|line| session.context.note(format!("{file}{line}")));
        return Ok(());
    }
    if !session.context.terminal.stderr {
        return Err(Report::message(Kind::Refused, "the sealed file was edited by hand")
            .detail(&lines.join("\n"))
            .hint("where this is what you meant, say --yes"));
    }
    if session.context.prompt.confirm("seal it again with these changes?", &lines)? {
        Ok(())
    } else {
        Err(Report::message(Kind::Refused, "not sealed again"))
    }
}

fn describe(difference: &Difference) -> String {
    match difference {
        Difference::Clear(at) => format!("clear where the rule seals: {at}"),
        Difference::Start => {
            "something was added, changed or removed before the first sealed value".to_owned()
        }
        Difference::Behind(at) => format!("something was added, changed or removed behind {at}"),
        Difference::Cleartext => "cleartext values were added, changed or removed".to_owned(),
    }
}

/// Whether the keys at hand are others than the file needs, or too few of them.
fn is_not_mine(error: &FileError) -> bool {
    match error {
        FileError::Unwrap(_) => true,
        FileError::Groups { closed, .. } => !closed.failed,
        _ => false,
    }
}
