//! Which gpg runs, and in which surroundings. Nothing of a repository has a say in either.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::keys::programs::{is_inside, repository};
use crate::keys::{Environment, Run};

/// The user's gpg.
#[derive(Debug)]
pub(super) struct Gpg {
    program: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    home: PathBuf,
    /// The time limit of calls that ask nobody.
    pub(super) time: Duration,
    /// The time limit of calls that may wait for the user.
    pub(super) patience: Duration,
}

impl Gpg {
    /// Finds the program and its home.
    ///
    /// # Errors
    /// What is missing or refused, and what to do.
    pub(super) fn find(run: &Run<'_>) -> Result<Self, String> {
        let environment = run.environment;
        let own = time_limit(environment)?;
        let working = std::env::current_dir().ok();
        let home =
            home(environment).ok_or("it is not known where gpg keeps its keys: set GNUPGHOME or HOME")?;
        let home = std::path::absolute(&home).map_err(|_| "GNUPGHOME names no folder")?;
        Ok(Self {
            program: find(environment, working.as_deref())?,
            variables: variables(environment, run.prompt.terminal(), &home),
            home,
            time: own.unwrap_or(TIME),
            patience: own.unwrap_or(PATIENCE),
        })
    }

    /// Gpg's folder.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The program, for messages.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Gpg in its surroundings, with what every call has in common.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (*name, value)));
        // No file of the repository can be meant by a relative path.
        command.current_dir(if cfg!(windows) { self.home.as_path() } else { Path::new("/") });
        command.args(COMMON);
        command
    }
}

/// Whether gpg has any keys at all, found out without starting it.
pub(super) fn has_keys(environment: &Environment) -> bool {
    home(environment).is_some_and(|home| RINGS.iter().any(|name| home.join(name).exists()))
}

/// Gpg's folder.
pub(super) fn home(environment: &Environment) -> Option<PathBuf> {
    if let Some(home) = environment.os("GNUPGHOME") {
        return Some(home.into());
    }
    if cfg!(windows) {
        return Some(PathBuf::from(environment.os("APPDATA")?).join("gnupg"));
    }
    Some(environment.home()?.join(".gnupg"))
}

/// Options for a pinentry in the user's language: gpg itself speaks none.
pub(super) fn language(environment: &Environment) -> Vec<OsString> {
    let option = |(option, category): (&str, &str)| {
        let value = ["LC_ALL", category, "LANG"].into_iter().find_map(|name| environment.os(name))?;
        let mut option = OsString::from(option);
        option.push(value);
        Some(option)
    };
    [("--lc-ctype=", "LC_CTYPE"), ("--lc-messages=", "LC_MESSAGES")].into_iter().filter_map(option).collect()
}

/// The program of `SEALEAF_GPG` or `SOPS_GPG_EXEC`, else `gpg`; a name without a folder is looked for on `PATH`.
fn find(environment: &Environment, working: Option<&Path>) -> Result<PathBuf, String> {
    let repository = working.and_then(repository);
    let is_inside = |path: &Path| is_inside(path, repository.as_deref());
    let said = VARIABLES.into_iter().find_map(|name| Some((name, environment.os(name)?)));
    let (name, program) = said.unwrap_or(("PATH", OsStr::new("gpg")));
    let path = Path::new(program);
    if path.components().nth(1).is_some() || path.is_absolute() {
        if !path.is_absolute() {
            return Err(format!("{name} must be the program's whole path, or its name alone"));
        }
        if is_inside(path) {
            return Err(format!(
                "the program that {name} names lies inside the repository, and is not started"
            ));
        }
        return Ok(path.to_owned());
    }
    let file = path.with_file_name(executable(program));
    let folders = environment.os("PATH").map(|folders| std::env::split_paths(folders).collect());
    let folders: Vec<PathBuf> = folders.unwrap_or_default();
    let absolute = folders.iter().filter(|folder| folder.is_absolute());
    absolute.map(|folder| folder.join(&file)).find(|path| path.is_file() && !is_inside(path)).ok_or_else(
        || {
            let shown: String =
                program.to_string_lossy().chars().flat_map(super::id::visible).take(100).collect();
            format!("`{shown}` is not on PATH: install GnuPG, or set SEALEAF_GPG to its path")
        },
    )
}

fn executable(program: &OsStr) -> OsString {
    let mut file = program.to_owned();
    if Path::new(program).extension().is_none() {
        file.push(std::env::consts::EXE_SUFFIX);
    }
    file
}

fn variables(
    environment: &Environment,
    terminal: Option<OsString>,
    home: &Path,
) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&'static str, OsString)> =
        HANDED_ON.iter().filter_map(|name| Some((*name, environment.os(name)?.to_owned()))).collect();
    if environment.os("GNUPGHOME").is_some() {
        variables.push(("GNUPGHOME", home.into()));
    }
    let folders = environment.os("PATH").map(std::env::split_paths);
    let folders = folders.map(|folders| std::env::join_paths(folders.filter(|folder| folder.is_absolute())));
    variables.extend(folders.and_then(Result::ok).map(|folders| ("PATH", folders)));
    let terminal = environment.os("GPG_TTY").map(OsStr::to_owned).or(terminal);
    variables.extend(terminal.map(|terminal| ("GPG_TTY", terminal)));
    variables.push(("LC_ALL", "C".into()));
    variables
}

fn time_limit(environment: &Environment) -> Result<Option<Duration>, String> {
    let Some(text) = environment.os(TIMEOUT) else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    match seconds.filter(|seconds| (1..=LONGEST_TIME).contains(seconds)) {
        Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
        None => Err(format!("{TIMEOUT} must be a number of seconds from 1 to {LONGEST_TIME}")),
    }
}

/// What may name the program, the first one first.
const VARIABLES: [&str; 2] = ["SEALEAF_GPG", "SOPS_GPG_EXEC"];

const TIMEOUT: &str = "SEALEAF_GPG_TIMEOUT";
const TIME: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(300);
const LONGEST_TIME: u64 = 86_400;

/// What gpg's folder has where there are keys.
const RINGS: [&str; 5] = ["pubring.kbx", "pubring.gpg", "public-keys.d", "private-keys-v1.d", "secring.gpg"];

/// What gpg, its agent and the agent's pinentry need: where their files are, and where they ask.
const HANDED_ON: &[&str] = &[
    "APPDATA",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GTK_IM_MODULE",
    "HOME",
    "INSIDE_EMACS",
    "LOCALAPPDATA",
    "LOGNAME",
    "PINENTRY_USER_DATA",
    "QT_IM_MODULE",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TMPDIR",
    "USER",
    "USERPROFILE",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "XMODIFIERS",
];

/// No questions on the terminal, no network, answers that are the same in every language.
const COMMON: &[&str] = &[
    "--batch",
    "--no-tty",
    "--status-fd=2",
    "--display-charset=utf-8",
    "--trust-model=always",
    "--no-auto-check-trustdb",
    "--no-auto-key-locate",
    "--no-auto-key-retrieve",
    "--disable-dirmngr",
    "--no-groups",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn search(variables: &[(&str, &Path)], working: &Path) -> Result<PathBuf, String> {
        find(&variables.iter().copied().collect(), Some(working))
    }

    #[test]
    fn our_variable_comes_first() {
        let root = Path::new("/");
        let (a, b) = (Path::new("/x/a"), Path::new("/x/b"));
        assert_eq!(search(&[("SEALEAF_GPG", a), ("SOPS_GPG_EXEC", b)], root), Ok(a.to_owned()));
        assert_eq!(search(&[("SOPS_GPG_EXEC", b)], root), Ok(b.to_owned()));
        let names = [("SOPS_GPG_EXEC", Path::new("sh")), ("PATH", Path::new("bin::/nowhere:/bin"))];
        assert_eq!(search(&names, root), Ok(PathBuf::from("/bin/sh")));
        for relative in ["./gpg", "bin/gpg", "../gpg"] {
            let got = search(&[("SEALEAF_GPG", Path::new(relative)), ("PATH", Path::new("/bin"))], root);
            assert!(got.is_err_and(|why| why.contains("whole path")), "{relative}");
        }
        assert!(
            search(&[("PATH", Path::new("/nowhere"))], root).is_err_and(|why| why.contains("install GnuPG"))
        );
    }

    #[test]
    fn programs_of_the_repository_are_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, outside) = (folder.path().join("repo"), folder.path().join("bin"));
        let (bin, deep) = (repository.join("bin"), repository.join("a/b"));
        for folder in [&bin, &deep, &outside, &repository.join(".git")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        for folder in [&bin, &outside] {
            std::fs::copy("/bin/sh", folder.join("gpg")).unwrap();
        }
        std::os::unix::fs::symlink(bin.join("gpg"), outside.join("link")).unwrap();
        let path = std::env::join_paths([&bin, &outside]).unwrap();
        assert_eq!(search(&[("PATH", Path::new(&path))], &deep), Ok(outside.join("gpg")));
        assert_eq!(search(&[("PATH", Path::new(&path))], folder.path()), Ok(bin.join("gpg")));
        for program in [bin.join("gpg"), outside.join("link"), outside.join("../repo/bin/gpg")] {
            let got = search(&[("SOPS_GPG_EXEC", &program)], &deep);
            assert!(got.is_err_and(|why| why.contains("inside the repository")), "{}", program.display());
        }
    }

    #[test]
    fn gpg_sees_little() {
        let environment: Environment = [
            ("PATH", ".:/bin:bin:/usr/bin:"),
            ("HOME", "/home/a"),
            ("SEALEAF_IDENTITY", "x"),
            ("AWS_SECRET_ACCESS_KEY", "y"),
            ("LD_PRELOAD", "/z"),
            ("LC_ALL", "de_DE.UTF-8"),
        ]
        .into_iter()
        .collect();
        let given = variables(&environment, Some("/dev/pts/7".into()), Path::new("/home/a/.gnupg"));
        let expect =
            [("HOME", "/home/a"), ("PATH", "/bin:/usr/bin"), ("GPG_TTY", "/dev/pts/7"), ("LC_ALL", "C")];
        assert_eq!(given, expect.map(|(name, value)| (name, value.into())));
    }

    #[test]
    fn time_limits_are_numbers() {
        let limit = |text: &str| time_limit(&[(TIMEOUT, text)].into_iter().collect());
        assert_eq!(limit(""), Ok(None));
        assert_eq!(limit("7"), Ok(Some(Duration::from_secs(7))));
        for text in ["0", "-1", "5s", "86401", "1e3", "99999999999999999999999"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
