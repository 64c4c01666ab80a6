use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use sealeaf::document::Document;
use sealeaf::file::sops::render::{RenderError, environment};
use sealeaf::secret::SecretText;

use super::child::{User, finish, shell};
use super::face::{Face, format};
use super::fault::{CONFLICTING, Fault, GENERIC, NO_FILE};
use super::flags::{Order, Services};
use super::load::{As, Loaded};
use crate::cli::escape;
use crate::cli::exec_env::obeyed;
use crate::cli::report::Report;

/// Run a command with the values as its environment
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file, and the command for `/bin/sh -c`
    #[arg(value_name = "FILE COMMAND")]
    pub(super) words: Vec<OsString>,
    /// Do not wait for the command
    #[arg(long)]
    pub(super) background: bool,
    /// Give the command the values alone, and nothing of this environment
    #[arg(long)]
    pub(super) pristine: bool,
    /// Run it as this user
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// Let the command take this process's place
    #[arg(long)]
    pub(super) same_process: bool,
    /// Accept this variable, which programs obey (not in SOPS)
    #[arg(long, value_name = "NAME")]
    pub(super) allow_env: Vec<String>,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Runs the command.
pub(super) fn run(args: &Args, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let [file, line] = args.words.as_slice() else {
        return Err(Fault::new(GENERIC, "missing file to decrypt"));
    };
    if args.background && args.same_process {
        return Err(Fault::new(
            CONFLICTING,
            "The --same-process and --background flags cannot be used together",
        ));
    }
    let file = PathBuf::from(file);
    let loaded = Loaded::read(Some(&file), format(None, Some(&file))?, As::Encrypted, NO_FILE, face.context)?;
    let open = face.open(&loaded, false)?;
    let variables = variables(open.plain(), args).map_err(|fault| fault.at(&file))?;
    let mut command = shell(line);
    if args.pristine {
        command.env_clear();
    }
    if let Some(name) = &args.user {
        User::of(name)?.apply(&mut command);
    }
    // The operating system hands an environment over as it is: from here on nothing wipes it.
    command.envs(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    drop((variables, open));
    if args.same_process {
        let error = command.exec();
        return Err(Fault::from(Report::io("run", "/bin/sh".as_ref())(error)));
    }
    started(command, args.background, face)
}

fn started(mut command: Command, background: bool, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let child = command.spawn().map_err(Report::io("run", "/bin/sh".as_ref()))?;
    if background {
        return Ok(ExitCode::SUCCESS);
    }
    finish(child, face)
}

/// Names and values, in the file's order; of a name that stands twice the last counts.
fn variables(plain: &Document, args: &Args) -> Result<Vec<(SecretText, SecretText)>, Fault> {
    let found = environment(plain).map_err(|error| match error {
        RenderError::Complex { key, .. } => {
            let shown = escape::line(&key);
            let message = format!("cannot use complex value in environment: `{shown}` is a map or a list");
            Fault::new(GENERIC, message)
                .hint("`sealeaf exec` gives nested values names such as `DB_PASSWORD`")
        }
        error => Fault::new(GENERIC, error),
    })?;
    for (name, text) in &found {
        let shown = escape::line(name);
        if text.contains('\0') {
            return Err(Fault::new(
                GENERIC,
                format!("`{shown}` cannot be a variable: it holds a NUL character"),
            ));
        }
        if is_dangerous(name) && !args.allow_env.iter().any(|allowed| *allowed == **name) {
            let message = format!(
                "`{shown}`: programs obey this variable, and the file's author would steer the command"
            );
            return Err(
                Fault::new(GENERIC, message).hint(format!("if that is wanted, say --allow-env {shown}"))
            );
        }
    }
    Ok(found)
}

/// Names that make programs run or load something else. Those that hold a credential for a tool are what such files are for.
fn is_dangerous(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_credential = CREDENTIALS.iter().any(|ending| name.ends_with(ending));
    obeyed(&name) && !is_credential
}

const CREDENTIALS: &[&str] = &[
    "_TOKEN",
    "_PASSWORD",
    "_PASSWD",
    "_SECRET",
    "_KEY",
    "_AUTH",
    "_USERNAME",
    "_USER",
    "_EMAIL",
    "_CREDENTIALS",
];
