//! Which editor, with which flags, and how it ends.
//!
//! The editor is the user's choice alone; nothing in a repository can name one.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use sealeaf::keys::Environment;

use super::context::Context;
use super::report::{Kind, Report};
use super::{child, cleanup, escape};

/// An editor and the arguments in front of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Editor {
    program: OsString,
    arguments: Vec<OsString>,
    keeps_copies: bool,
}

impl Editor {
    /// The editor of `SEALEAF_EDITOR`, `VISUAL` or `EDITOR`, else the first of a few usual ones; with flags that keep
    /// it from writing copies, where it is one that we know.
    ///
    /// # Errors
    /// [`Kind::Usage`] where the variable does not parse, [`Kind::Failed`] where there is no editor.
    pub(crate) fn choose(environment: &Environment) -> Result<Self, Report> {
        Self::named_in(&["SEALEAF_EDITOR", "VISUAL", "EDITOR"], environment)
    }

    /// The same with other variables.
    ///
    /// # Errors
    /// As [`Editor::choose`].
    pub(crate) fn named_in(variables: &[&str], environment: &Environment) -> Result<Self, Report> {
        let said = variables.iter().find_map(|name| environment.os(name).map(|value| (name, value)));
        let mut words = match said {
            Some((name, value)) => split(&value.to_string_lossy()).ok_or_else(|| {
                Report::message(Kind::Usage, format!("the quotes in {name} are not closed"))
                    .hint("write it as in a shell: a program, then its arguments")
            })?,
            None => USUAL
                .iter()
                .find(|name| find(name, environment).is_some())
                .map(|name| vec![(*name).to_owned()])
                .unwrap_or_default(),
        }
        .into_iter();
        let Some(program) = words.next() else {
            return Err(Report::message(Kind::Failed, "no editor was found")
                .hint("name one in SEALEAF_EDITOR, VISUAL or EDITOR"));
        };
        let known = known(&program, environment);
        let own: Vec<String> = words.collect();
        let safe = known.flags.iter().filter(|flag| !own.iter().any(|word| word == *flag));
        let arguments = own.iter().map(OsString::from).chain(safe.map(OsString::from)).collect();
        Ok(Self { program: program.into(), arguments, keeps_copies: known.keeps_copies })
    }

    /// Runs the editor on `file` and waits for it.
    ///
    /// # Errors
    /// [`Kind::Failed`] where it cannot be started or fails, [`Kind::Interrupted`] where a signal ended it.
    pub(crate) fn run(&self, file: &Path, context: &Context) -> Result<(), Report> {
        if self.keeps_copies {
            context.warn(format!(
                "`{}` may keep copies of unsaved text in a folder of its own",
                escape::os(&self.program)
            ));
        }
        let shown = escape::os(&self.program);
        let mut command = child::command(&self.program, &context.environment);
        let mut child = command.args(&self.arguments).arg(file).spawn().map_err(|error| {
            Report::new(
                Kind::Failed,
                anyhow::Error::new(error).context(format!("cannot start the editor `{shown}`")),
            )
            .hint("name another in SEALEAF_EDITOR")
        })?;
        let status = cleanup::while_child(&mut child, |child| child.wait());
        let status = status.map_err(Report::io("wait for", Path::new(&self.program)))?;
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            (_, Some(signal)) => {
                // Ctrl-C went to both; an editor that dies of it was not meant to save.
                context.interrupted()?;
                Err(failed(&shown, &format!("was ended by signal {signal}")))
            }
            (code, None) => {
                context.interrupted()?;
                Err(failed(&shown, &format!("failed with exit code {}", code.unwrap_or_default())))
            }
        }
    }
}

fn failed(shown: &str, how: &str) -> Report {
    Report::message(Kind::Failed, format!("the editor `{shown}` {how}")).hint("nothing was written")
}

struct Known {
    flags: &'static [&'static str],
    keeps_copies: bool,
}

/// What is known of an editor, by its name; for `vi` by what it really is.
fn known(program: &str, environment: &Environment) -> Known {
    let name =
        |path: &Path| path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut called = name(Path::new(program));
    if matches!(called.as_str(), "vi" | "editor" | "ex") {
        let real = find(program, environment).and_then(|path| std::fs::canonicalize(path).ok());
        called = real.map(|path| name(&path)).unwrap_or(called);
    }
    let flags: &'static [&'static str] = match called.as_str() {
        "vim" | "nvim" | "lvim" => VIM,
        "gvim" | "mvim" => GVIM,
        "nano" | "rnano" => &["--restricted"],
        "emacs" => &["--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"],
        "micro" => {
            &["-backup", "false", "-savehistory", "false", "-savecursor", "false", "-saveundo", "false"]
        }
        "code" | "code-insiders" | "codium" | "cursor" | "windsurf" | "gedit" | "gnome-text-editor"
        | "subl" | "zed" | "zeditor" | "mate" => &["--wait"],
        "kate" => &["--block"],
        _ => &[],
    };
    let keeps_copies = matches!(
        called.as_str(),
        "code" | "code-insiders" | "codium" | "cursor" | "windsurf" | "subl" | "zed" | "zeditor"
    );
    Known { flags, keeps_copies }
}

/// A program's path, as `execvp` finds it; relative entries of `PATH` are not looked at.
fn find(program: &str, environment: &Environment) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(program.into());
    }
    let path = environment.os("PATH").unwrap_or(OsStr::new("/usr/bin:/bin"));
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Splits words as a shell does, with `'…'`, `"…"` and `\`, and expands nothing. `None` where a quote stays open.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None | Some('"'), '\\') => {
                let next = chars.next()?;
                let word = word.get_or_insert_default();
                if quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Tried in this order where the user named none.
const USUAL: &[&str] = &["vim", "nvim", "nano", "vi"];

/// No swap file, no backup, no undo file, no history of what was typed or copied.
const VIM: &[&str] = &["-n", "-i", "NONE", "-c", "set noswapfile nobackup nowritebackup noundofile"];

/// The same, and stay in the foreground.
const GVIM: &[&str] = &["-f", "-n", "-i", "NONE", "-c", "set noswapfile nobackup nowritebackup noundofile"];

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(variables: &[(&str, &str)]) -> Result<Editor, Report> {
        Editor::choose(&variables.iter().copied().collect())
    }

    fn check(variables: &[(&str, &str)], expect: &[&str]) {
        let editor = editor(variables).unwrap();
        let mut words = vec![editor.program];
        words.extend(editor.arguments);
        assert_eq!(words, expect);
    }

    #[test]
    fn our_variable_comes_first() {
        check(&[("EDITOR", "c"), ("VISUAL", "b"), ("SEALEAF_EDITOR", "a")], &["a"]);
        check(&[("EDITOR", "c"), ("VISUAL", "b")], &["b"]);
        check(&[("EDITOR", "c"), ("VISUAL", "")], &["c"]);
    }

    #[test]
    fn known_editors_get_safe_flags() {
        check(&[("EDITOR", "/usr/bin/nano -l")], &["/usr/bin/nano", "-l", "--restricted"]);
        check(&[("EDITOR", "code --wait -n")], &["code", "--wait", "-n"]);
        check(&[("EDITOR", "code")], &["code", "--wait"]);
        check(
            &[("EDITOR", "nvim")],
            &["nvim", "-n", "-i", "NONE", "-c", "set noswapfile nobackup nowritebackup noundofile"],
        );
        check(&[("EDITOR", "hx")], &["hx"]);
    }

    #[test]
    fn no_editor_is_an_error() {
        assert_eq!(editor(&[("PATH", "/nonexistent")]).unwrap_err().kind(), Kind::Failed);
        assert_eq!(editor(&[("EDITOR", "  ")]).unwrap_err().kind(), Kind::Failed);
        assert_eq!(editor(&[("EDITOR", "vi 'x")]).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn words_split_as_in_a_shell() {
        for (text, expect) in [
            ("vim", Some(vec!["vim"])),
            (" a  'b c' \"d \\\" e\" f\\ g ", Some(vec!["a", "b c", "d \" e", "f g"])),
            ("\"C:\\x\" ''", Some(vec!["C:\\x", ""])),
            ("$HOME/x ~/y", Some(vec!["$HOME/x", "~/y"])),
            ("a 'b", None),
            ("a\\", None),
            ("", Some(vec![])),
        ] {
            assert_eq!(
                split(text).as_deref(),
                expect.map(|words| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).as_deref(),
                "{text}"
            );
        }
    }
}
