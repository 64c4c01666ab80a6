//! Replaces spans of a text; every other byte stays.

use super::Span;
use crate::secret::{SecretString, SecretText};

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub text: SecretText,
}

impl Splice {
    /// Replaces `span` by `text`.
    #[must_use]
    pub fn new(span: Span, text: impl Into<SecretText>) -> Self {
        Self { span, text: text.into() }
    }
}

/// Two replacements overlap, or one lies outside the text or inside a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("replacements overlap or lie outside the text")]
pub struct SpliceError;

/// Applies all splices in one pass. They may come in any order; an insertion (empty span) may stand at either end of a
/// replaced span, and of two insertions at one byte the one given first stands first.
///
/// # Errors
/// [`SpliceError`]; nothing is applied then.
pub fn apply(source: &str, splices: &[Splice]) -> Result<SecretText, SpliceError> {
    let mut order: Vec<&Splice> = splices.iter().collect();
    order.sort_by_key(|splice| (splice.span.start, splice.span.end));
    let added: usize = order.iter().map(|splice| splice.text.len()).sum();
    // Exact capacity up front: a growing String would leave unwiped copies of secrets behind.
    let mut out = SecretString::new(String::with_capacity(source.len() + added));
    let mut at = 0;
    for splice in order {
        if splice.span.start < at || splice.span.end < splice.span.start {
            return Err(SpliceError);
        }
        out.push_str(source.get(at..splice.span.start).ok_or(SpliceError)?);
        source.get(splice.span.start..splice.span.end).ok_or(SpliceError)?;
        out.push_str(&splice.text);
        at = splice.span.end;
    }
    out.push_str(source.get(at..).ok_or(SpliceError)?);
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, splices: &[(usize, usize, &str)], expect: Option<&str>) {
        let splices: Vec<Splice> =
            splices.iter().map(|(start, end, text)| Splice::new(Span::new(*start, *end), *text)).collect();
        assert_eq!(apply(source, &splices).ok().as_ref().map(|text| text.as_str()), expect);
    }

    #[test]
    fn replaces_only_the_spans() {
        check("a: 1\nb: 2\n", &[], Some("a: 1\nb: 2\n"));
        check("a: 1\nb: 2\n", &[(8, 9, "xyz"), (3, 4, "")], Some("a: \nb: xyz\n"));
        check("a: 1", &[(3, 4, "t"), (4, 4, "\n")], Some("a: t\n"));
        check("a: 1", &[(3, 4, "t"), (3, 3, "x"), (3, 3, "y")], Some("a: xyt"));
    }

    #[test]
    fn refuses_overlap_and_outside() {
        check("abc", &[(0, 2, ""), (1, 3, "")], None);
        check("abc", &[(2, 9, "")], None);
        check("é", &[(1, 2, "")], None);
    }
}
