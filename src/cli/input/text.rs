//! Bytes to text: UTF-8, nothing else, and no conflict left in it.

use sealeaf::document::line_column;
use sealeaf::secret::SecretText;
use zeroize::Zeroizing;

use crate::cli::report::{Kind, Report};

/// Takes bytes over as text.
///
/// # Errors
/// What is no UTF-8 or holds a NUL, with the place.
pub(crate) fn to_text(mut bytes: Zeroizing<Vec<u8>>) -> Result<SecretText, Report> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Report::message(Kind::Malformed, "the file is UTF-16").hint("save it as UTF-8"));
    }
    let bad = match std::str::from_utf8(&bytes) {
        Ok(text) => text.find('\0').map(|at| (at, "a NUL character; this is no text file, or not UTF-8")),
        Err(error) => Some((error.valid_up_to(), "bytes that are not UTF-8")),
    };
    if let Some((at, what)) = bad {
        let before = bytes.get(..at).and_then(|before| std::str::from_utf8(before).ok()).unwrap_or_default();
        let (line, column) = line_column(before, at);
        return Err(Report::message(Kind::Malformed, what)
            .position(line, column)
            .hint("save it as UTF-8, or seal it as it is with --format binary"));
    }
    // Moved, not copied. The check above makes the other arm impossible.
    Ok(String::from_utf8(std::mem::take(&mut *bytes))
        .map(|text| SecretText::new(text).shared())
        .unwrap_or_default())
}

/// Refuses a text in which git left conflict markers.
///
/// # Errors
/// [`Kind::Conflict`] with the line of the first.
pub(crate) fn refuse_conflicts(text: &str) -> Result<(), Report> {
    if !text.contains("<<<<<<< ") {
        return Ok(());
    }
    let mut begun = None;
    let mut divided = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("<<<<<<< ") {
            begun = Some(index + 1);
            divided = false;
        } else if line == "=======" {
            divided = begun.is_some();
        } else if let (true, Some(first), true) = (divided, begun, line.starts_with(">>>>>>> ")) {
            return Err(Report::message(Kind::Conflict, "a merge conflict is left in the file")
                .position(first, 1)
                .hint("resolve it first"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expect: Result<&str, &str>) {
        let text = to_text(Zeroizing::new(bytes.to_vec()));
        match expect {
            Ok(expect) => assert_eq!(text.unwrap().as_str(), expect),
            Err(expect) => {
                let report = text.unwrap_err();
                assert_eq!(report.kind(), Kind::Malformed);
                assert!(report.render(false).contains(expect), "{}", report.render(false));
            }
        }
    }

    #[test]
    fn ac_66_only_utf_8_is_text() {
        check("a: ü\r\n".as_bytes(), Ok("a: ü\r\n"));
        check("\u{feff}a: 1".as_bytes(), Ok("\u{feff}a: 1"));
        check(b"", Ok(""));
        check(b"\xff\xfea\0", Err("the file is UTF-16"));
        check(b"a: 1\nb: \xc3(\n", Err("line 2, column 4: bytes that are not UTF-8"));
        check("a: 1\nü: x\0\n".as_bytes(), Err("line 2, column 5: a NUL"));
    }

    #[test]
    fn ac_68_conflict_markers_are_refused() {
        let conflict = "a: 1\n<<<<<<< ours\nb: 1\n||||||| base\n=======\nb: 2\n>>>>>>> theirs\n";
        let report = refuse_conflicts(conflict).unwrap_err();
        assert_eq!(report.kind(), Kind::Conflict);
        assert!(report.render(false).contains("line 2, column 1"));
        for text in
            ["a: |\n  <<<<<<< x\n  =======\n  >>>>>>> y\n", "=======\n>>>>>>> x\n", "Title\n=======\n", ""]
        {
            assert!(refuse_conflicts(text).is_ok(), "{text}");
        }
    }
}
