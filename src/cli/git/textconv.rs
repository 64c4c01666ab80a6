use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::envelope::sops::SopsError;
use sealeaf::file::sops::SopsFile;
use sealeaf::file::{FileError, SealedFile};
use sealeaf::secret::SecretText;

use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::input::{choose_format, read_file, to_text};
use crate::cli::report::{Context as _, Kind, Report};
use crate::cli::session::Session;

/// Print a file in clear for `git diff`
///
/// Asks nothing and never fails: a file that is not sealed, or that no key opens, is printed as it is. Characters that
/// a terminal would obey are made visible. Use `sealeaf decrypt` for anything but reading.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, as git names it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prints one file.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    let path = &args.file;
    let (bytes, _) = match read_file(path, context.limits.file) {
        // Too large to look into.
        Err(report) if report.kind() == Kind::Malformed => return copy(path),
        read => read?,
    };
    let Ok(text) = to_text(bytes) else { return copy(path) };
    let shown = match plain(&text, path, context) {
        Ok(plain) => SecretText::new(escape::text(&plain)),
        Err(report) => {
            // One line is enough: git may call this many times.
            let shown = report.render(false);
            context.detail(shown.lines().next().unwrap_or_default().trim_start_matches("sealeaf: error: "));
            SecretText::new(escape::text(&text))
        }
    };
    context.print(shown.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What a sealed text says. The path is one of git's own making, so no rule is looked for and the scope is not checked.
fn plain(text: &str, path: &Path, context: &Context) -> Result<SecretText, Report> {
    let session = Session::silent(context);
    let format = choose_format(None, Some(path), text).at(path)?;
    let (limits, keyring) = (&context.limits, session.keyring());
    let plain = match SopsFile::parse(text, format, limits) {
        Err(FileError::Sops(SopsError::NotSealed) | FileError::Parse(_)) => {
            let open = SealedFile::parse(text, format, limits).at(path)?.open(&keyring, limits).at(path)?;
            open.plain().clone()
        }
        parsed => parsed.at(path)?.open(&keyring, limits).at(path)?.plain().clone(),
    };
    let carried = format.carried(&plain);
    let text = carried.as_ref().and_then(|bytes| std::str::from_utf8(bytes.expose()).ok());
    Ok(text.map_or_else(|| plain.source.clone(), Into::into))
}

/// Prints what is no text as it is.
fn copy(path: &Path) -> Result<ExitCode, Report> {
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut io::stdout().lock()));
    match copied {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Report::new(Kind::BrokenPipe, error)),
        copied => copied.map(|_| ExitCode::SUCCESS).map_err(Report::io("copy", path)),
    }
}
