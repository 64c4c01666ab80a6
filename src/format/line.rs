//! Line breaks and blanks: what a file uses, and the small questions that layout asks of a text.

use crate::secret::{SecretString, SecretText};

/// A kind of line break. The numbers are the line break codes of spelling records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum LineBreak {
    /// There is none.
    None = 0,
    /// `\n`.
    Lf = 1,
    /// `\r\n`.
    CrLf = 2,
    /// `\r` alone.
    Cr = 3,
}

impl LineBreak {
    /// The kind with that code.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::None),
            1 => Some(Self::Lf),
            2 => Some(Self::CrLf),
            3 => Some(Self::Cr),
            _ => None,
        }
    }

    /// The first line break of `text`.
    pub(super) fn first_in(text: &str) -> Self {
        text.find(['\n', '\r']).map_or(Self::None, |at| Self::at(text, at))
    }

    /// The last line break of `text`.
    pub(super) fn last_in(text: &str) -> Self {
        match text.rfind(['\n', '\r']) {
            Some(at) if text[..at].ends_with('\r') && text[at..].starts_with('\n') => Self::CrLf,
            Some(at) => Self::at(text, at),
            None => Self::None,
        }
    }

    /// The line break that begins at `at`.
    pub(super) fn at(text: &str, at: usize) -> Self {
        match text.as_bytes().get(at..).unwrap_or_default() {
            [b'\r', b'\n', ..] => Self::CrLf,
            [b'\n', ..] => Self::Lf,
            [b'\r', ..] => Self::Cr,
            _ => Self::None,
        }
    }

    /// Its text; `\n` where there is none.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::None | Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }

    /// `text` with all its line breaks made `to`, if they all are `self` now; else, and where either is none, as it
    /// is (rule R2).
    pub(super) fn converted(self, to: Self, text: &str) -> SecretText {
        if self == to || self == Self::None || to == Self::None {
            return text.into();
        }
        let mut out = SecretString::new(String::with_capacity(2 * text.len()));
        let mut rest = text;
        while let Some(at) = rest.find(['\n', '\r']) {
            if Self::at(rest, at) != self {
                return text.into();
            }
            out.push_str(&rest[..at]);
            out.push_str(to.text());
            rest = &rest[at + self.text().len()..];
        }
        out.push_str(rest);
        out.into()
    }
}

/// Where the line of `at` begins.
pub(super) fn start_of_line(text: &str, at: usize) -> usize {
    text[..at].rfind(['\n', '\r']).map_or(0, |position| position + 1)
}

/// Where the line of `at` ends, before its line break.
pub(super) fn end_of_line(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |position| at + position)
}

/// One behind the line break at `at`; `at` where none stands there.
pub(super) fn behind_break(text: &str, at: usize) -> usize {
    match LineBreak::at(text, at) {
        LineBreak::None => at,
        kind => at + kind.text().len(),
    }
}

/// Whether `text` holds only blanks and tabs.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Whether `text` ends with a line break.
pub(super) fn ends_line(text: &str) -> bool {
    text.ends_with('\n')
}

/// How much of `text` is kept where the metadata's first line begins at `start`: neither the blank line before it nor,
/// where the file ends without a line break, the break before that.
pub(super) fn before_entry(text: &str, start: usize) -> usize {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let without_break = |end: usize| match LineBreak::last_in(&text[..end]) {
        kind if ends_line(&text[..end]) => Some(end - kind.text().len()),
        _ => None,
    };
    let mut end = start.max(mark);
    if let Some(blank) = without_break(end).filter(|end| ends_line(&text[..*end])) {
        end = blank;
    }
    if !ends_line(text) {
        end = without_break(end).unwrap_or(end);
    }
    end
}

/// What parts the metadata's lines from `text`: a blank line, and the line break that the text lacks.
pub(super) fn parting(text: &str, line_break: &str) -> String {
    if text.trim_start_matches('\u{feff}').is_empty() {
        return String::new();
    }
    let own = if ends_line(text) { "" } else { line_break };
    format!("{own}{line_break}")
}

/// The blanks before `at`, if nothing else stands before it on its line.
pub(super) fn indentation(text: &str, at: usize) -> Option<&str> {
    let before = text[start_of_line(text, at)..at].trim_start_matches('\u{feff}');
    is_blank(before).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_last_break() {
        for (text, expect) in [
            ("", LineBreak::None),
            ("a", LineBreak::None),
            ("a\nb\r\n", LineBreak::CrLf),
            ("a\r\nb\n", LineBreak::Lf),
            ("a\rb", LineBreak::Cr),
            ("\n", LineBreak::Lf),
        ] {
            assert_eq!(LineBreak::last_in(text), expect, "{text:?}");
        }
        assert_eq!(LineBreak::first_in("a\r\nb\n"), LineBreak::CrLf);
    }

    #[test]
    fn converts_uniform_text_only() {
        for (from, to, text, expect) in [
            (LineBreak::Lf, LineBreak::CrLf, "a\nb\n", "a\r\nb\r\n"),
            (LineBreak::CrLf, LineBreak::Lf, "a\r\nb", "a\nb"),
            (LineBreak::Lf, LineBreak::CrLf, "a\r\nb\n", "a\r\nb\n"),
            (LineBreak::None, LineBreak::Lf, "a\r\n", "a\r\n"),
        ] {
            assert_eq!(from.converted(to, text).as_str(), expect);
        }
    }

    #[test]
    fn looks_around_in_a_line() {
        let text = "\u{feff} a\r\n\tb c\n";
        assert_eq!(indentation(text, 4), Some(" "));
        assert_eq!(indentation(text, 8), Some("\t"));
        assert_eq!(indentation(text, 10), None);
        assert_eq!(end_of_line(text, 4), 5);
        assert_eq!(behind_break(text, 5), 7);
        assert_eq!(behind_break(text, 4), 4);
    }
}
