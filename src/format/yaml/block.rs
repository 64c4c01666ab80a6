//! Block scalars: own scan of header and body, and own decoding (YAML 1.2.2, chapter 8.1). The engine's ranges of them
//! are of no use for editing, and its values are compared with these.

use super::lines::{Line, indentation, is_blank, is_marker, lines};
use crate::secret::{SecretString, SecretText};

/// What `|` or `>` and its indicators say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `>`
    pub(super) folded: bool,
    /// The indentation indicator.
    pub(super) indent: Option<usize>,
    /// What happens to the last line breaks.
    pub(super) chomp: Chomp,
    /// How many bytes it has.
    pub(super) len: usize,
}

/// What happens to the line breaks at a block scalar's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chomp {
    /// One stays.
    Clip,
    /// `-`: none stays.
    Strip,
    /// `+`: all stay.
    Keep,
}

/// Where a block scalar's lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// How many spaces its lines begin with; `None` where no line tells and no indicator does.
    pub(super) indent: Option<usize>,
    /// One behind its last byte, the last line's break included; the start where there is no body.
    pub(super) end: usize,
}

impl Header {
    /// Reads the header at the start of `text`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let folded = match bytes.first()? {
            b'|' => false,
            b'>' => true,
            _ => return None,
        };
        let mut header = Self { folded, indent: None, chomp: Chomp::Clip, len: 1 };
        for byte in bytes.iter().skip(1).take(2) {
            match byte {
                b'1'..=b'9' if header.indent.is_none() => header.indent = Some(usize::from(byte - b'0')),
                b'-' if header.chomp == Chomp::Clip => header.chomp = Chomp::Strip,
                b'+' if header.chomp == Chomp::Clip => header.chomp = Chomp::Keep,
                _ => break,
            }
            header.len += 1;
        }
        Some(header)
    }

    /// Finds the body in `text` from the line behind the header's on; `base` is the column of the innermost block
    /// collection, -1 at a root.
    pub(super) fn body(&self, text: &str, from: usize, base: i32) -> Body {
        let mut indent = self.indent.map(|indicator| indicator + usize::try_from(base).unwrap_or(0));
        let least = usize::try_from(base + 1).unwrap_or(0);
        let (mut end, mut blank_end, mut has_content) = (from, from, false);
        for line in lines(text, from) {
            let content = line.of(text);
            let spaces = indentation(content);
            if spaces == content.len() && indent.is_none_or(|indent| spaces <= indent) {
                // A last line of spaces without a break is no line of the value.
                if line.next > line.end {
                    blank_end = line.next;
                }
                continue;
            }
            let needed = *indent.get_or_insert(spaces);
            if spaces < needed.max(least) || (needed == 0 && is_marker(content)) {
                if !has_content && self.indent.is_none() {
                    indent = None;
                }
                break;
            }
            (end, blank_end, has_content) = (line.next, line.next, true);
        }
        Body { indent, end: if self.chomp == Chomp::Keep { blank_end } else { end } }
    }

    /// The value of the body lines `body`.
    pub(super) fn decode(&self, body: &str, indent: Option<usize>) -> SecretText {
        let mut out = SecretString::new(String::with_capacity(body.len() + 1));
        let (mut has_content, mut was_indented, mut breaks) = (false, false, 0);
        for line in lines(body, 0) {
            let content = line.of(body);
            let spaces = indentation(content);
            if spaces == content.len() && indent.is_none_or(|indent| spaces <= indent) {
                breaks += usize::from(line.next > line.end);
                continue;
            }
            let content = content.get(indent.unwrap_or(0).min(spaces)..).unwrap_or_default();
            let is_indented = content.bytes().next().is_some_and(is_blank);
            if has_content {
                let folds = self.folded && !was_indented && !is_indented;
                match (folds, breaks) {
                    (true, 0) => out.push(' '),
                    (true, _) => {}
                    (false, _) => out.push('\n'),
                }
            }
            (0..breaks).for_each(|_| out.push('\n'));
            out.push_str(content);
            (has_content, was_indented, breaks) = (true, is_indented, 0);
        }
        if has_content && self.chomp != Chomp::Strip {
            out.push('\n');
        }
        if self.chomp == Chomp::Keep {
            (0..breaks).for_each(|_| out.push('\n'));
        }
        out.into()
    }
}

/// Whether the lines from `at` on would become part of a block scalar that ends there: a comment indented like its
/// content (or, where it has none, at least by `least`), a blank line under `+`, a blank line longer than its
/// indentation. Looks no further than the first line that is neither.
pub(super) fn absorbs(text: &str, at: usize, chomp: Chomp, indent: Option<usize>, least: usize) -> bool {
    for line in lines(text, at) {
        let content = line.of(text);
        let spaces = indentation(content);
        let is_empty = spaces == content.len();
        // A last line of spaces without a break is no line of the value.
        let keeps = chomp == Chomp::Keep && line.next > line.end;
        if is_empty && (keeps || indent.is_some_and(|indent| spaces > indent)) {
            return true;
        }
        let needed = indent.unwrap_or(least);
        if !is_empty && spaces >= needed {
            return !(needed == 0 && is_marker(content));
        }
        if !is_empty {
            return false;
        }
    }
    false
}

/// Whether `line` of a body with that indentation holds content.
pub(super) fn is_content(text: &str, line: Line, indent: usize) -> bool {
    let content = line.of(text);
    let spaces = indentation(content);
    spaces < content.len() || spaces > indent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, base: i32, body: &str, value: &str) {
        let header = Header::read(text).unwrap();
        let from = Line::at(text, 0).next;
        let found = header.body(text, from, base);
        assert_eq!(&text[from..found.end], body, "{text:?}");
        assert_eq!(header.decode(body, found.indent).as_str(), value, "{text:?}");
    }

    #[test]
    fn bodies_and_values() {
        check("|\n  x\n\n  y\n\n# c\n", 0, "  x\n\n  y\n", "x\n\ny\n");
        check("|-\n  x\n   \n\nk:", 0, "  x\n   \n", "x\n ");
        check("|+\n  x\n\n\nk:", 0, "  x\n\n\n", "x\n\n\n");
        check("|+\n\n\nk:", 0, "\n\n", "\n\n");
        check("|\n\n\nk:", 0, "", "");
        check("|2-\n    x\n  y\n z", 0, "    x\n  y\n", "  x\ny");
        check("|\nroot\n literal\n...\n", -1, "root\n literal\n", "root\n literal\n");
        check("|\r\n  x\r\n  y", 0, "  x\r\n  y", "x\ny\n");
        check(
            ">\n  a\n  b\n\n  c\n   d\n   e\n\n  f\n",
            0,
            "  a\n  b\n\n  c\n   d\n   e\n\n  f\n",
            "a b\nc\n d\n e\n\nf\n",
        );
        check(">\n\n  a\n", 0, "\n  a\n", "\na\n");
        check("|", 0, "", "");
        check("|+\n  x\n ", 0, "  x\n", "x\n");
    }

    #[test]
    fn absorbed_lines() {
        for (text, chomp, indent, expect) in [
            ("  # c\n", Chomp::Clip, 2, true),
            (" # c\n", Chomp::Clip, 2, false),
            ("\n  # c\n", Chomp::Clip, 2, true),
            ("\nk: v\n", Chomp::Clip, 2, false),
            ("\nk: v\n", Chomp::Keep, 2, true),
            ("  \n", Chomp::Keep, 2, true),
            ("  ", Chomp::Keep, 2, false),
            ("   ", Chomp::Keep, 2, true),
            ("   \n", Chomp::Strip, 2, true),
            ("  \n", Chomp::Strip, 2, false),
            ("---\n", Chomp::Strip, 0, false),
            ("# c\n", Chomp::Strip, 0, true),
        ] {
            assert_eq!(absorbs(text, 0, chomp, Some(indent), 1), expect, "{text:?}");
        }
    }
}
