//! Every failure becomes a [`Report`]: a kind, an error with its causes, and what to do next.
//!
//! [`Kind::code`] is the only place that knows exit codes.

pub(crate) mod convert;
mod file;

use std::fmt::{Display, Write};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Error, anyhow};

use super::escape;

/// The kinds of ending other than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value, structure, policy, scope, wrap or commitment is not what was sealed.
    Authentication,
    /// Whoever read standard output went away; nobody wants a message.
    BrokenPipe,
    /// A conflict is left in the file, or it changed on disk meanwhile.
    Conflict,
    /// Input, output, network, or a bug.
    Failed,
    /// The tool worked and found something.
    Findings,
    /// The user stopped it.
    Interrupted,
    /// The input does not parse, or exceeds a limit.
    Malformed,
    /// None of the user's keys opens the file.
    NoKey,
    /// Not sealed, rolled back, or not the file it was.
    NotSealed,
    /// It could be done, but would not be safe.
    Refused,
    /// The command line does not make sense.
    Usage,
}

impl Kind {
    /// The exit code, as documented in `docs/reference/exit-status.md`.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Findings => 3,
            Self::NoKey => 4,
            Self::Authentication => 5,
            Self::NotSealed => 6,
            Self::Refused => 7,
            Self::Malformed => 8,
            Self::Conflict => 9,
            Self::Interrupted => 130,
            Self::BrokenPipe => 141,
        }
    }
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        Self::from(kind.code())
    }
}

/// A failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct Report {
    kind: Kind,
    error: Error,
    file: Option<PathBuf>,
    position: Option<(usize, usize)>,
    details: Vec<String>,
    hints: Vec<String>,
}

impl Report {
    /// A failure with its causes.
    pub(crate) fn new(kind: Kind, error: impl Into<Error>) -> Self {
        Self { kind, error: error.into(), file: None, position: None, details: Vec::new(), hints: Vec::new() }
    }

    /// A failure that is one sentence: lower case, no full stop, names in backticks.
    pub(crate) fn message(kind: Kind, message: impl Display) -> Self {
        Self::new(kind, anyhow!("{message}"))
    }

    /// A failed call of the operating system: `cannot ACTION `PATH`: reason`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("cannot {action} `{}`", escape::path(path));
        move |error| Self::new(Kind::Failed, Error::new(error).context(what))
    }

    /// What failed, before why.
    pub(crate) fn context(mut self, what: &'static str) -> Self {
        self.error = self.error.context(what);
        self
    }

    /// The file that it is about; an innermost one given earlier stays.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.file.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Line and column, both 1-based.
    pub(crate) fn position(mut self, line: usize, column: usize) -> Self {
        self.position = Some((line, column));
        self
    }

    /// Lines below the error: a picture of the place, a list.
    pub(crate) fn detail(mut self, lines: &str) -> Self {
        self.details.extend(lines.lines().map(str::to_owned));
        self
    }

    /// A thing to do next, as one sentence.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What sort of failure it is.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// What went wrong, without the file: for a place that names it already.
    pub(crate) fn reason(&self) -> String {
        let chain = chain(&self.error);
        match self.position {
            Some((line, column)) => format!("line {line}, column {column}: {chain}"),
            None => chain,
        }
    }

    /// The text for standard error, with its last line break; empty where nobody wants one.
    pub(crate) fn render(&self, colour: bool) -> String {
        if self.kind == Kind::BrokenPipe {
            return String::new();
        }
        let mut out = heading("error", AnsiColor::Red, colour);
        let _ = writeln!(out, "{}{}", self.place(), escape::line(&chain(&self.error)));
        for detail in &self.details {
            let _ = writeln!(out, "  {}", escape::line(detail));
        }
        for hint in &self.hints {
            let _ = writeln!(out, "{}{}", heading("hint", AnsiColor::Cyan, colour), escape::line(hint));
        }
        out
    }

    fn place(&self) -> String {
        match (&self.file, self.position) {
            (None, None) => String::new(),
            (None, Some((line, column))) => format!("line {line}, column {column}: "),
            (Some(file), None) => format!("{}: ", escape::path(file)),
            (Some(file), Some((line, column))) => format!("{}:{line}:{column}: ", escape::path(file)),
        }
    }
}

/// A result's failure, on its way to the user.
pub(crate) trait Context<T> {
    /// Says which file it is about.
    fn at(self, path: &Path) -> Result<T, Report>;
}

impl<T, E: Into<Report>> Context<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, Report> {
        self.map_err(|error| error.into().at(path))
    }
}

/// `sealeaf: WORD: `, bold and coloured where that is wanted.
pub(crate) fn heading(word: &str, colour: AnsiColor, coloured: bool) -> String {
    let style = if coloured { Style::new().bold().fg_color(Some(colour.into())) } else { Style::new() };
    format!("sealeaf: {style}{word}:{style:#} ")
}

/// `1 value`, `2 values`.
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The closest of `known` to what was written, where it is close enough for a "did you mean".
pub(crate) fn near_miss<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of characters to insert, remove or replace (Wagner and Fischer, 1974).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// An error and its causes, joined by `: `. A cause that its effect already quotes is not said twice.
fn chain(error: &Error) -> String {
    let mut out = String::new();
    for cause in error.chain() {
        let text = match cause.downcast_ref::<io::Error>() {
            Some(error) => io_text(error),
            None => cause.to_string(),
        };
        if out.is_empty() {
            out = text;
        } else if !out.ends_with(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
    }
    out
}

/// An operating system error in the house's voice: `no such file or directory`.
fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // An acronym stays as it is.
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(report: &Report, expect: &str) {
        assert_eq!(report.render(false), expect);
    }

    #[test]
    fn causes_are_joined_and_not_repeated() {
        let inner = io::Error::from_raw_os_error(2);
        check(
            &Report::io("read", Path::new("a\x1bb"))(inner),
            "sealeaf: error: cannot read `a\\u{1b}b`: no such file or directory\n",
        );
        let error = anyhow!("line 3: too deep").context("x: line 3: too deep");
        check(&Report::new(Kind::Failed, error), "sealeaf: error: x: line 3: too deep\n");
    }

    #[test]
    fn place_details_and_hints_follow_their_order() {
        let report = Report::message(Kind::Malformed, "duplicate key `a`")
            .position(3, 5)
            .at(Path::new("x.yaml"))
            .at(Path::new("outer"))
            .detail("a: ···\n    ^")
            .hint("rename one");
        check(
            &report,
            "sealeaf: error: x.yaml:3:5: duplicate key `a`\n  a: ···\n      ^\nsealeaf: hint: rename one\n",
        );
    }

    #[test]
    fn ac_57_nothing_breaks_out_of_its_line() {
        let report = Report::message(Kind::Failed, "a\nsealeaf: hint: run this").hint("x\r\x1b[2K");
        check(&report, "sealeaf: error: a\\u{a}sealeaf: hint: run this\nsealeaf: hint: x\\u{d}\\u{1b}[2K\n");
    }

    #[test]
    fn colour_is_in_headings_only() {
        let shown = Report::message(Kind::Failed, "x").render(true);
        assert_eq!(shown, "sealeaf: \x1b[1m\x1b[31merror:\x1b[0m x\n");
    }

    #[test]
    fn near_misses_are_near() {
        for (written, expect) in [("yml", Some("yaml")), ("jsn", Some("json")), ("xml", None), ("", None)] {
            assert_eq!(near_miss(written, ["json", "toml", "yaml"]), expect, "{written}");
        }
        assert_eq!(near_miss("recipeints", ["recipients", "rekey"]), Some("recipients"));
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!(plural(1, "value", "values"), "1 value");
        assert_eq!(plural(0, "value", "values"), "0 values");
    }
}
