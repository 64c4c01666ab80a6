//! The one escaper: nothing that comes from a file reaches a terminal without it.
//!
//! Characters that move the cursor, hide, or reorder what people read become visible as `\u{…}`.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

/// One line: every control character is made visible, line breaks and tabs too.
pub(crate) fn line(text: &str) -> String {
    escape(text, |c, _| is_hidden(c))
}

/// Several lines: line breaks (`\n`, `\r\n`) and tabs stay.
pub(crate) fn text(text: &str) -> String {
    escape(text, |c, next| match c {
        '\n' | '\t' => false,
        '\r' => next != Some('\n'),
        _ => is_hidden(c),
    })
}

/// A path, as one line. Bytes that are not UTF-8 become `\x{…}`.
pub(crate) fn path(path: &Path) -> String {
    os(path.as_os_str())
}

/// A name from the operating system, as one line. Bytes that are not UTF-8 become `\x{…}`.
pub(crate) fn os(name: &OsStr) -> String {
    bytes(name.as_encoded_bytes())
}

/// Bytes of unknown origin, as one line. Bytes that are not UTF-8 become `\x{…}`.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&line(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{{{byte:x}}}");
        }
    }
    out
}

/// JSON text as a serialiser wrote it: characters that JSON allows and people cannot see become `\u` and four digits.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // C0 characters inside strings are escaped already; those outside are layout.
        if is_hidden(c) && c >= '\u{7f}' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn escape(text: &str, hidden: impl Fn(char, Option<char>) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if hidden(c, chars.peek().copied()) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a terminal would obey the character, or a reader not see it.
fn is_hidden(c: char) -> bool {
    c.is_control() // C0, DEL, C1 with U+0085
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{180e}' // direction and vowel marks
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, direction overrides
            | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, isolates
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' // byte order mark, annotations
            | '\u{e0000}'..='\u{e007f}') // tags
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn check(input: &str, expect: &str) {
        assert_eq!(line(input), expect);
    }

    #[test]
    fn plain_text_stays() {
        check("db.größe: 日本 `x` \\u{1b}", "db.größe: 日本 `x` \\u{1b}");
    }

    #[test]
    fn ac_57_terminal_controls_become_visible() {
        check("a\x1b[2K\rb", "a\\u{1b}[2K\\u{d}b");
        check("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}");
        check("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m");
        check("a\nb\tc\0", "a\\u{a}b\\u{9}c\\u{0}");
    }

    #[test]
    fn ac_57_bidi_and_invisible_characters_become_visible() {
        for c in
            "\u{202a}\u{202e}\u{2066}\u{2069}\u{200b}\u{200f}\u{feff}\u{2060}\u{2028}\u{2029}\u{85}".chars()
        {
            check(&format!("x{c}y"), &format!("x\\u{{{:x}}}y", u32::from(c)));
        }
        check("\u{e0041}", "\\u{e0041}");
    }

    #[test]
    fn several_lines_keep_their_breaks() {
        assert_eq!(text("a\r\n\tb\rc\n\x1b"), "a\r\n\tb\\u{d}c\n\\u{1b}");
    }

    #[test]
    fn bytes_that_are_no_text_become_visible() {
        assert_eq!(os(OsStr::from_bytes(b"a\xff\x1bb")), "a\\x{ff}\\u{1b}b");
        assert_eq!(path(Path::new("a\nb")), "a\\u{a}b");
    }

    #[test]
    fn json_stays_json() {
        let shown = json(&serde_json::to_string("a\x1b\u{9b}\u{202e}\u{e0041}ü").unwrap());
        assert_eq!(shown, r#""a\u001b\u009b\u202e\udb40\udc41ü""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), "a\x1b\u{9b}\u{202e}\u{e0041}ü");
    }
}
