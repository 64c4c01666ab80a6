use std::io::{BufRead, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::document::Document;
use sealeaf::file::sops::OpenSops;
use sealeaf::format::Format;
use sealeaf::secret::SecretText;

use super::change::next;
use super::encrypt::{Legacy, Making};
use super::face::{Face, format};
use super::fault::{CANNOT_READ, EDITOR, Fault, UNCHANGED};
use super::flags::{Keys, Order, Selectors, Services, Types};
use super::load::{As, Loaded, as_bytes};
use crate::cli::editor::Editor;
use crate::cli::escape;
use crate::cli::output::{Content, create};
use crate::cli::report::{Kind, Report};
use crate::cli::workspace::Workspace;

/// Edit an encrypted file, or make a new one
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) keys: Keys,
    #[command(flatten)]
    pub(super) types: Types,
    #[command(flatten)]
    pub(super) selectors: Selectors,
    /// Say who the file's recipients are, before the editor opens
    #[arg(long, short = 's')]
    pub(super) show_master_keys: bool,
    /// Do not look at the MAC
    #[arg(long)]
    pub(super) ignore_mac: bool,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
}

/// What is edited.
enum Subject {
    Existing(Box<Loaded>, Box<OpenSops>),
    New(PathBuf, Making),
}

/// Opens the editor and writes what changed.
pub(super) fn run(args: &Args, legacy: &Legacy, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let file = args.files.first().ok_or_else(|| Fault::new(super::fault::NO_FILE, "no file specified"))?;
    let from = format(args.types.input_type.as_deref(), Some(file))?;
    let to = format(args.types.output_type.as_deref(), Some(file))?;
    let is_missing =
        std::fs::symlink_metadata(file).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let (subject, text) = if is_missing {
        let making = Making::of(file, &args.keys, &args.selectors, legacy, face)?;
        (Subject::New(file.clone(), making), example(to))
    } else {
        let loaded = Loaded::read(Some(file), from, As::Encrypted, CANNOT_READ, face.context)?;
        let open = face.open(&loaded, args.ignore_mac)?;
        let bytes = as_bytes(open.plain(), from);
        let text = std::str::from_utf8(&bytes).map(SecretText::from).map_err(|_| {
            Fault::new(CANNOT_READ, "the file is no text, which no editor would keep as it is").at(file)
        })?;
        (Subject::Existing(Box::new(loaded), Box::new(open)), text)
    };
    if args.show_master_keys
        && let Subject::Existing(_, open) = &subject
    {
        for (index, group) in open.sealed_file().recipients().iter().enumerate() {
            for recipient in group {
                face.context.note(format!("group {index}: {} {}", recipient.key.kind, recipient.label()));
            }
        }
    }
    let edited = if is_missing { to } else { from };
    let workspace = Workspace::new(edited.name(), &text, true, face.context)?;
    let done = session(&subject, &text, edited, to, &workspace, face);
    for name in workspace.close()? {
        face.context.warn(format!("the editor left `{}`, which is removed", escape::os(&name)));
    }
    done
}

fn session(
    subject: &Subject,
    before: &SecretText,
    edited: &'static dyn Format,
    to: &'static dyn Format,
    workspace: &Workspace,
    face: &Face<'_>,
) -> Result<ExitCode, Fault> {
    let failed = |report: Report| Fault::from(report.context("Could not run editor")).code(EDITOR);
    let editor = Editor::named_in(&["SOPS_EDITOR", "EDITOR"], &face.context.environment).map_err(failed)?;
    loop {
        editor.run(&workspace.path(), face.context).map_err(failed)?;
        let result = match workspace.read(face.context) {
            Ok(text) if text == *before => {
                face.context.say("File has not changed, exiting.\n");
                return Err(Fault::silent(UNCHANGED));
            }
            Ok(text) => parsed(text, edited, face).and_then(|document| write(subject, document, to, face)),
            Err(report) if report.kind() == Kind::Malformed => Err(Fault::from(report)),
            Err(report) => return Err(report.into()),
        };
        let Err(fault) = result else { return Ok(ExitCode::SUCCESS) };
        let Some(report) = fault.report.as_ref().filter(|_| is_mendable(fault.code)) else {
            return Err(fault);
        };
        face.context.say(&report.render(face.context.colour));
        face.context.say("Press Enter to return to the editor, or Ctrl+C to exit.\n");
        let mut line = String::new();
        // Where nobody answers, nobody mends the text either.
        if stdin().lock().read_line(&mut line).unwrap_or_default() == 0 {
            return Err(Fault::new(fault.code, "the edit is thrown away"));
        }
    }
}

/// Whether another edit can help.
const fn is_mendable(code: u8) -> bool {
    matches!(
        code,
        CANNOT_READ
            | super::fault::TREE_NOT_ENCRYPTED
            | super::fault::ALREADY_ENCRYPTED
            | super::fault::CANNOT_DUMP
    )
}

fn parsed(text: SecretText, format: &'static dyn Format, face: &Face<'_>) -> Result<Document, Fault> {
    let text = format.carry(text.as_bytes()).unwrap_or(text);
    format.read(text, &face.context.limits).map_err(|error| Fault::from(Report::from(error)))
}

fn write(
    subject: &Subject,
    document: Document,
    to: &'static dyn Format,
    face: &Face<'_>,
) -> Result<(), Fault> {
    match subject {
        Subject::Existing(loaded, open) => {
            let text = next(loaded, open, document, to, face)?;
            loaded.replace(text.as_bytes(), false, face)
        }
        Subject::New(path, making) => {
            let sealed = making.seal(document, to, true, face)?;
            let written = create(path, sealed.text.as_bytes(), Content::Sealed, face.context);
            written.map_err(|report| Fault::from(report).code(super::fault::CANNOT_WRITE))
        }
    }
}

/// What a new file begins with.
fn example(format: &dyn Format) -> SecretText {
    let text = match format.name() {
        "yaml" => {
            "hello: Welcome to SOPS! Edit this file as you please!\nexample_key: example_value\n# Example comment\n\
             example_array:\n    - example_value1\n    - example_value2\nexample_number: 1234.56789\n\
             example_booleans:\n    - true\n    - false\n"
        }
        "json" => {
            "{\n\t\"hello\": \"Welcome to SOPS! Edit this file as you please!\",\n\t\"example_key\": \
             \"example_value\",\n\t\"example_array\": [\n\t\t\"example_value1\",\n\t\t\"example_value2\"\n\t],\n\t\
             \"example_number\": 1234.56789,\n\t\"example_booleans\": [\n\t\ttrue,\n\t\tfalse\n\t]\n}\n"
        }
        "dotenv" => {
            "# This is an example file.\nhello=Welcome to SOPS! Edit this file as you please!\n\
             example_key=example_value\nexample_multiline=foo\\nbar\\nbaz\n"
        }
        "ini" => {
            "; This is an example file.\n[Welcome!]\nhello       = Welcome to SOPS! Edit this file as you please!\n\
             example_key = example_value\n"
        }
        _ => "Welcome to SOPS! Edit this file as you please!",
    };
    text.into()
}
