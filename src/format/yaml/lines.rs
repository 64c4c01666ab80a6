//! Small scanners over raw text: line breaks, lines, and what may stand between two tokens.

/// How a line ends; the numbers are the line-break codes of spelling records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Eol {
    /// `\n`
    Lf = 1,
    /// `\r\n`
    CrLf = 2,
    /// `\r`
    Cr = 3,
}

impl Eol {
    /// The break that begins at `at`, if one does.
    pub(super) fn at(text: &str, at: usize) -> Option<Self> {
        match text.as_bytes().get(at)? {
            b'\n' => Some(Self::Lf),
            b'\r' if text.as_bytes().get(at + 1) == Some(&b'\n') => Some(Self::CrLf),
            b'\r' => Some(Self::Cr),
            _ => None,
        }
    }

    /// The break with that code.
    pub(super) fn of_code(code: u8) -> Option<Self> {
        [Self::Lf, Self::CrLf, Self::Cr].into_iter().find(|eol| *eol as u8 == code)
    }

    /// The last break of `text` that begins before `end`.
    pub(super) fn last_before(text: &str, end: usize) -> Option<Self> {
        let at = text.as_bytes().get(..end)?.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'))?;
        Self::at(text, last_break_start(text, at))
    }

    /// Its bytes.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }

    /// How many bytes it has.
    pub(super) const fn len(self) -> usize {
        self.as_str().len()
    }
}

/// Where the break begins whose last byte is at `at`.
fn last_break_start(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let is_pair = at > 0 && bytes.get(at) == Some(&b'\n') && bytes.get(at - 1) == Some(&b'\r');
    at - usize::from(is_pair)
}

/// One line of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Its first byte.
    pub(super) start: usize,
    /// One behind its last byte, the break not counted.
    pub(super) end: usize,
    /// Where the next line begins; `end` where the text ends without a break.
    pub(super) next: usize,
}

impl Line {
    /// The line that begins at `start`.
    pub(super) fn at(text: &str, start: usize) -> Self {
        let end = line_end(text, start);
        Self { start, end, next: end + Eol::at(text, end).map_or(0, Eol::len) }
    }

    /// Its bytes without the break.
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// All lines from `start` on. A break at the end of the text begins no further line.
pub(super) fn lines(text: &str, start: usize) -> impl Iterator<Item = Line> {
    let mut at = start;
    std::iter::from_fn(move || {
        let line = (at < text.len()).then(|| Line::at(text, at))?;
        at = line.next;
        Some(line)
    })
}

/// The first line break at or behind `at`, or the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(text.len(), |found| at + found)
}

/// Where the line around `at` begins, a byte order mark at the start of the text not counted.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    match before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(found) => found + 1,
        None if at >= BOM.len() && text.starts_with(BOM) => BOM.len(),
        None => 0,
    }
}

/// Where the line break begins that ends just before `at`; `at` itself where none does.
pub(super) fn break_before(text: &str, at: usize) -> usize {
    match at.checked_sub(1).and_then(|last| text.as_bytes().get(last)) {
        Some(b'\n' | b'\r') => last_break_start(text, at - 1),
        _ => at,
    }
}

/// Whether the text ends with a line break.
pub(super) fn ends_with_break(text: &str) -> bool {
    text.ends_with(['\n', '\r'])
}

/// Whether only blanks stand between the start of the line and `at`.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    text.get(line_start(text, at)..at).is_some_and(|before| before.bytes().all(is_blank))
}

/// The column of `at`, in characters.
pub(super) fn column(text: &str, at: usize) -> usize {
    text.get(line_start(text, at)..at).map_or(0, |before| before.chars().count())
}

/// How many spaces a line begins with.
pub(super) fn indentation(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// Whether a line at column 0 is `---` or `...`.
pub(super) fn is_marker(line: &str) -> bool {
    let behind = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    behind.is_some_and(|behind| behind.bytes().next().is_none_or(is_blank))
}

/// Skips blanks, line breaks, comments and byte order marks.
pub(super) fn skip_trivia(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'#') => at = line_end(text, at),
            Some(0xEF) if text.get(at..).is_some_and(|rest| rest.starts_with(BOM)) => at += BOM.len(),
            _ => return at,
        }
    }
}

/// Finds the indicator `wanted` behind trivia and the indicators in `pass`.
pub(super) fn find_indicator(text: &str, from: usize, wanted: &[u8], pass: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        at = skip_trivia(text, at);
        let byte = text.as_bytes().get(at)?;
        if wanted.contains(byte) {
            return Some(at);
        }
        if !pass.contains(byte) {
            return None;
        }
        at += 1;
    }
}

/// Space or tab.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// U+FEFF.
const BOM: &str = "\u{feff}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_are_found_both_ways() {
        let text = "a\r\nb\rc\n";
        assert_eq!(lines(text, 0).map(|line| line.of(text)).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(Eol::last_before(text, 3), Some(Eol::CrLf));
        assert_eq!(Eol::last_before(text, 5), Some(Eol::Cr));
        assert_eq!(Eol::last_before(text, text.len()), Some(Eol::Lf));
        assert_eq!(break_before(text, 3), 1);
        assert_eq!(line_start(text, 4), 3);
        assert_eq!(line_start("\u{feff}ab", 4), 3);
        assert_eq!(column("\u{feff}éb", 5), 1);
    }

    #[test]
    fn trivia_and_indicators() {
        assert_eq!(find_indicator(": # c\n  - x", 0, b"-", b":"), Some(8));
        assert_eq!(find_indicator("x - y", 0, b"-", b":"), None);
        assert!(is_marker("--- x") && is_marker("...") && !is_marker("---x"));
    }
}
