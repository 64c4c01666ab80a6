use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use zeroize::Zeroizing;

use super::child::{User, finish, shell};
use super::convert::rendered;
use super::face::{Face, format};
use super::fault::{Fault, GENERIC, NO_FILE};
use super::flags::{Order, Services, Types};
use super::load::{As, Loaded};
use crate::cli::report::Report;
use crate::cli::workspace::Workspace;

/// Run a command with the plain content as a temporary file
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file, and the command for `/bin/sh -c`, in which `{}` stands for the temporary file
    #[arg(value_name = "FILE COMMAND")]
    pub(super) words: Vec<OsString>,
    /// Do not wait for the command
    #[arg(long)]
    pub(super) background: bool,
    /// Make a regular file, which can be read several times, instead of a FIFO
    #[arg(long)]
    pub(super) no_fifo: bool,
    /// Run the command as this user
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    #[command(flatten)]
    pub(super) types: Types,
    /// The temporary file's name
    #[arg(long, value_name = "NAME")]
    pub(super) filename: Option<String>,
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
    if args.background {
        let message = "--background would leave the plaintext behind when this process ends";
        return Err(Fault::new(GENERIC, message)
            .hint("run the whole command in the background: `sops exec-file … &`"));
    }
    let name = args.filename.as_deref().filter(|name| !name.is_empty()).unwrap_or("tmp-file");
    if name.contains('/') || matches!(name, "." | "..") {
        return Err(Fault::new(GENERIC, "--filename names a file, not a path"));
    }
    let file = PathBuf::from(file);
    let from = format(args.types.input_type.as_deref(), Some(&file))?;
    let to = format(args.types.output_type.as_deref(), Some(&file))?;
    let loaded = Loaded::read(Some(&file), from, As::Encrypted, NO_FILE, face.context)?;
    let open = face.open(&loaded, false)?;
    let bytes = rendered(open.plain(), from, to, face)?;
    drop(open);
    let user = args.user.as_deref().map(User::of).transpose()?;
    let workspace = Workspace::empty(name.into(), true, face.context)?;
    if args.no_fifo {
        workspace.write(&bytes)?;
    } else {
        feed(&workspace, bytes)?;
    }
    let mut command = shell(&substituted(line, workspace.path().as_os_str()));
    if let Some(user) = &user {
        user.apply(&mut command);
        workspace.give(user.id, user.group)?;
    }
    let child = command.spawn().map_err(Report::io("run", "/bin/sh".as_ref()))?;
    let ended = finish(child, face);
    workspace.close()?;
    ended
}

/// Makes a FIFO that gives the bytes to whoever opens it, once. The thread that waits for a reader ends with the process.
fn feed(workspace: &Workspace, bytes: Zeroizing<Vec<u8>>) -> Result<(), Fault> {
    let path = workspace.path();
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .map_err(|error| Report::io("make a FIFO at", &path)(error.into()))?;
    std::thread::spawn(move || {
        let fifo = OpenOptions::new().write(true).open(path);
        // A reader that goes away early has what it wanted.
        let _ = fifo.and_then(|mut fifo| fifo.write_all(&bytes));
    });
    Ok(())
}

/// The command with the file's path for each `{}`.
fn substituted(line: &OsStr, path: &OsStr) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut rest = line.as_bytes();
    let mut done = Vec::with_capacity(rest.len());
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(b"{}") {
            Some(behind) => {
                done.extend_from_slice(path.as_bytes());
                rest = behind;
            }
            None => {
                done.push(*first);
                rest = behind;
            }
        }
    }
    OsString::from_vec(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_braces_is_the_file() {
        for (line, expect) in [("cat {} {}", "cat /f /f"), ("{}{", "/f{"), ("x", "x"), ("", "")] {
            assert_eq!(substituted(line.as_ref(), "/f".as_ref()), expect, "{line}");
        }
    }
}
