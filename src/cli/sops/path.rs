//! Tree paths of SOPS: `["key"][0]["x"]`.

use sealeaf::file::sops::render::PathPart as Part;

use super::fault::{BAD_EXTRACT, Fault};

/// Reads a path. Between the quotes nothing is escaped, so that no key with a `[` can be named.
///
/// # Errors
/// Exit code 91; `set` and `unset` have another.
pub(super) fn parse(text: &str) -> Result<Vec<Part>, Fault> {
    let wrong = |reason: String| {
        Fault::new(BAD_EXTRACT, format!("error parsing --extract path: {reason}"))
            .hint("paths look like `[\"key\"][0][\"x\"]`, in single quotes for the shell")
    };
    let parts = text.split('[').filter(|part| !part.is_empty());
    let one = |part: &str| {
        let inner =
            part.strip_suffix(']').ok_or_else(|| wrong(format!("component {part} doesn't end with ]")))?;
        let quoted = |quote: char| inner.strip_prefix(quote)?.strip_suffix(quote);
        if let Some(key) = quoted('"').or_else(|| quoted('\'')) {
            return Ok(Part::Key(key.to_owned()));
        }
        inner
            .parse()
            .map(Part::Index)
            .map_err(|_| wrong(format!("component {inner} is neither quoted nor a number")))
    };
    parts.map(one).collect()
}

/// As it is written.
pub(super) fn show(parts: &[Part]) -> String {
    let one = |part: &Part| match part {
        Part::Key(key) => format!("[\"{key}\"]"),
        Part::Index(index) => format!("[{index}]"),
    };
    parts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components() {
        let parts = parse(r#"["a b"][0]['x"y'][-1][""]"#).unwrap();
        let key = |text: &str| Part::Key(text.to_owned());
        assert_eq!(parts, [key("a b"), Part::Index(0), key("x\"y"), Part::Index(-1), key("")]);
        assert_eq!(show(&parts[..2]), r#"["a b"][0]"#);
        assert!(parse("").unwrap().is_empty());
        for wrong in ["a", "[a]", "[\"a\"", "[\"a]", "[0]x"] {
            assert_eq!(parse(wrong).unwrap_err().code, BAD_EXTRACT, "{wrong}");
        }
    }
}
