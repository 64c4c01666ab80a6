use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::document::Document;
use sealeaf::file::{SealedFile, SealedText};
use sealeaf::format::Format;
use sealeaf::policy::{Comments, Policy};
use sealeaf::secret::SecretText;

use super::context::Context;
use super::editor::Editor;
use super::input::{Access, Input, Source, choose_format, format_parser};
use super::opened::{Opened, is_sops, next_of_all};
use super::output::{Content, Original, create, replace};
use super::plan::{Accepting, Asked, Plan, Selectors};
use super::report::{Context as _, Kind, Report, plural};
use super::session::{Linked, Session, plain};
use super::workspace::Workspace;
use super::{escape, twins};

/// Edit a sealed file in your editor
///
/// Opens the file in memory, starts the editor of SEALEAF_EDITOR, VISUAL or EDITOR, and seals what changed; values that
/// stay keep their ciphertext. A file that is not there yet, or is not sealed yet, is sealed by its rule. Where the text
/// cannot be sealed, the editor opens again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format, where the name does not tell
    #[arg(long, value_parser = format_parser())]
    format: Option<&'static dyn Format>,
    /// Accept a temporary file on disk, where no file system in memory is at hand
    #[arg(long)]
    allow_disk_temp: bool,
    /// Accept comments that look like secrets in clear
    #[arg(long)]
    allow_comments: bool,
    /// Accept a file in which the rule seals nothing
    #[arg(long)]
    allow_no_secrets: bool,
    /// Accept the recipients that a SOPS file names itself where its rule has others
    #[arg(long)]
    accept_file_recipients: bool,
}

/// Edits one file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let editor = Editor::choose(&context.environment)?;
    let session = Session::new(context);
    let subject = Subject::open(&args, &session).at(&args.file)?;
    let workspace = Workspace::new(subject.format.name(), &subject.text, args.allow_disk_temp, context)?;
    let edited = subject.edit(&editor, &workspace, &args, &session);
    let left = workspace.close();
    for name in left.as_deref().unwrap_or_default() {
        context.warn(format!("the editor left `{}`, which is removed", escape::os(name)));
    }
    match (edited.at(&args.file), left) {
        (Ok(()), left) => left.map(|_| ExitCode::SUCCESS),
        (Err(report), Ok(_)) => Err(report),
        (Err(report), Err(left)) => {
            context.say(&left.render(context.colour));
            Err(report)
        }
    }
}

/// What is edited.
struct Subject<'a> {
    path: &'a Path,
    format: &'static dyn Format,
    /// The text that the editor gets.
    text: SecretText,
    /// The file as it was read; `None` where there is none yet.
    original: Option<Original>,
    /// The sealed version before; the file itself, or what git has of it.
    before: Option<Opened>,
    /// How a file is sealed that is not yet.
    plan: Option<Plan>,
}

impl<'a> Subject<'a> {
    /// Reads and opens, and sees that a new version could be written.
    fn open(args: &'a Args, session: &Session<'_>) -> Result<Self, Report> {
        let (path, context) = (args.file.as_path(), session.context);
        let source = Source::of(path);
        if source == Source::Stdin {
            return Err(Report::message(Kind::Usage, "standard input cannot be edited").hint("name a file"));
        }
        if matches!(fs::symlink_metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound) {
            let format = choose_format(args.format, Some(path), "")?;
            return Self::unsealed(path, format, SecretText::default(), None, session);
        }
        // The editor may be open for long: the file is locked only when it is written.
        let input = Input::read(&source, Access::Read, args.format, None, context)?;
        let original = input.original()?.clone();
        let sealed = SealedFile::is_sealed(&input.text, input.format, &context.limits)?;
        if !sealed && !is_sops(&input, context) {
            let text = match input.format.carry(b"") {
                Some(_) => as_text(input.format, &plain(&input.text, input.format, context)?)?,
                None => input.text,
            };
            return Self::unsealed(path, input.format, text, Some(original), session);
        }
        let open = Opened::read(&input, None, Linked::Silent, session)?;
        open.check_write(path, args.accept_file_recipients, session)?;
        let text = as_text(input.format, open.plain())?;
        let format = open.format(input.format);
        Ok(Self { path, format, text, original: Some(original), before: Some(open), plan: None })
    }

    /// A file that its rule will seal, after the sealed version that git has, if any.
    fn unsealed(
        path: &'a Path,
        format: &'static dyn Format,
        text: SecretText,
        original: Option<Original>,
        session: &Session<'_>,
    ) -> Result<Self, Report> {
        if session.governing(path)?.is_none() {
            return Err(Report::message(Kind::Refused, "no rule covers this file").hint(
                "add one to `.sealeaf.toml` or `.sops.yaml`, or seal a first version with `sealeaf encrypt --to`",
            ));
        }
        let asked = Asked { path: Some(path), to: &[], envelope: None, selectors: &Selectors::default() };
        let plan = Plan::choose(&asked, session)?;
        let before = plan.committed(path, format, session)?;
        let format = plan.format(format);
        Ok(Self { path, format, text, original, before, plan: Some(plan) })
    }

    /// Runs the editor until its text can be sealed, and writes that.
    fn edit(
        &self,
        editor: &Editor,
        workspace: &Workspace,
        args: &Args,
        session: &Session<'_>,
    ) -> Result<(), Report> {
        let context = session.context;
        loop {
            editor.run(&workspace.path(), context)?;
            let (text, report) = match workspace.read(context) {
                Ok(text) if text == self.text => return self.unchanged(context),
                Ok(text) => match self.seal(&text, args, session) {
                    Ok(sealed) => return self.write(&sealed, context),
                    Err(report) => (Some(text), report),
                },
                // What is no text can be mended in the editor; what is no plain file any more cannot be trusted.
                Err(report) if report.kind() == Kind::Malformed => (None, report),
                Err(report) => return Err(report),
            };
            let report = report.at(self.path);
            context.say(&report.render(context.colour));
            match context.prompt.again("open the editor again?") {
                Ok(Some(true)) => {}
                Ok(Some(false)) => return Err(Report::message(report.kind(), "the edit is thrown away")),
                Ok(None) | Err(_) => return Err(self.keep(text.as_ref(), report.kind(), session)),
            }
        }
    }

    fn unchanged(&self, context: &Context) -> Result<(), Report> {
        let shown = escape::path(self.path);
        match (&self.original, &self.plan) {
            (None, _) => context.note(format!("{shown}: nothing was written")),
            (Some(_), None) => context.note(format!("{shown}: unchanged")),
            (Some(_), Some(_)) => {
                context.warn(format!("{shown}: unchanged, and not sealed: `sealeaf encrypt` seals it"));
            }
        }
        Ok(())
    }

    /// The edited text as a document.
    fn parse(&self, text: &str, context: &Context) -> Result<Document, Report> {
        let carrier = self.format.carry(text.as_bytes());
        Ok(plain(carrier.as_ref().map_or(text, |carrier| carrier.as_str()), self.format, context)?)
    }

    /// The next sealed text.
    fn seal(&self, text: &str, args: &Args, session: &Session<'_>) -> Result<SealedText, Report> {
        let context = session.context;
        let document = self.parse(text, context)?;
        twins::warn(&document, self.path, context);
        match (&self.plan, &self.before) {
            (None, Some(open)) => open.next(document, args.allow_no_secrets, args.allow_comments, session),
            (plan, before) => {
                let none = Plan::Native(Policy::default(), Vec::new().into());
                let accepting =
                    Accepting { no_secrets: args.allow_no_secrets, comments: args.allow_comments };
                let plan = plan.as_ref().unwrap_or(&none);
                plan.seal(document, self.format, before.as_ref(), accepting, session)
            }
        }
    }

    /// Writes the sealed text in the file's place; where that is another's by now, beside it.
    fn write(&self, sealed: &SealedText, context: &Context) -> Result<(), Report> {
        let bytes = sealed.text.as_bytes();
        let written = match &self.original {
            Some(original) => replace(original, bytes, Content::Sealed, context).map(drop),
            None => create(self.path, bytes, Content::Sealed, context),
        };
        match written {
            Ok(()) => {
                context.note(format!(
                    "{}: {} of {} sealed, {} unchanged",
                    escape::path(self.path),
                    sealed.sealed,
                    plural(sealed.leaves, "value", "values"),
                    sealed.sealed - sealed.fresh
                ));
                Ok(())
            }
            Err(report) if report.kind() == Kind::Conflict => {
                let beside = self.write_beside(bytes, context)?;
                Err(Report::message(Kind::Conflict, "the file was changed by another program meanwhile")
                    .hint(self.way_on(&beside)))
            }
            Err(report) => Err(report),
        }
    }

    /// Keeps an edit that could not be sealed as it should, with every value and comment of it sealed, beside the file.
    fn keep(&self, text: Option<&SecretText>, kind: Kind, session: &Session<'_>) -> Report {
        let kept = text
            .and_then(|text| self.parse(text, session.context).ok())
            .and_then(|document| self.seal_all(document, session).ok())
            .and_then(|sealed| self.write_beside(sealed.text.as_bytes(), session.context).ok());
        match kept {
            Some(beside) => Report::message(kind, "the edit is not in the file").hint(self.way_on(&beside)),
            None => Report::message(
                kind,
                "the edit is lost: such a text cannot be kept sealed, and it is never kept in clear",
            )
            .hint("run the command on a terminal, where the editor opens again"),
        }
    }

    /// Seals everything, whatever the rule says: for keeping, not for use.
    fn seal_all(&self, document: Document, session: &Session<'_>) -> Result<SealedText, Report> {
        let accepting = Accepting { no_secrets: true, comments: false };
        let (scope, recipients) = match (&self.plan, &self.before) {
            (Some(Plan::Sops(rule)), before) => {
                let all = Plan::Sops(Box::new(rule.encrypting_all()?));
                return all.seal(document, self.format, before.as_ref(), accepting, session);
            }
            (None, Some(Opened::Sops(open))) => return next_of_all(open, document, session),
            (Some(Plan::Native(policy, recipients)), _) => (policy.scope.clone(), recipients.clone()),
            (None, Some(Opened::Native(open))) => {
                (open.header().policy.scope.clone(), open.header().access())
            }
            (None, None) => (String::new(), Vec::new().into()),
        };
        let policy = Policy { comments: Comments::Encrypt, scope, ..Policy::default() };
        Plan::Native(policy, recipients).seal(document, self.format, None, accepting, session)
    }

    /// Writes sealed bytes to `FILE.rej`, or `FILE.rej2` and so on: an earlier one is another edit. Gives the path.
    fn write_beside(&self, sealed: &[u8], context: &Context) -> Result<PathBuf, Report> {
        let beside = |number: usize| {
            let mut path = self.path.as_os_str().to_owned();
            path.push(if number > 1 { format!(".rej{number}") } else { ".rej".to_owned() });
            PathBuf::from(path)
        };
        let free = (1..=MOST_KEPT).map(beside).find(|path| fs::symlink_metadata(path).is_err());
        let path = free.ok_or_else(|| Report::message(Kind::Failed, "there are too many `.rej` files"))?;
        create(&path, sealed, Content::Sealed, context)?;
        Ok(path)
    }

    fn way_on(&self, beside: &Path) -> String {
        let (file, beside) = (escape::path(self.path), escape::path(beside));
        format!(
            "your text is kept, sealed, in `{beside}`: read it with `sealeaf decrypt --path {file} {beside}`, and edit \
             `{file}` again"
        )
    }
}

/// What the editor gets of a document: its text; of a file of bytes those, where they are text.
fn as_text(format: &dyn Format, document: &Document) -> Result<SecretText, Report> {
    let Some(bytes) = format.carried(document) else { return Ok(document.source.clone()) };
    match std::str::from_utf8(bytes.expose()) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(Report::message(
            Kind::Refused,
            "the file is no text, which no editor would keep as it is",
        )
        .hint(
            "open it with `sealeaf decrypt --in-place`, change it, and seal it again with `sealeaf encrypt`",
        )),
    }
}

/// Numbers that are tried for the file beside.
const MOST_KEPT: usize = 99;
