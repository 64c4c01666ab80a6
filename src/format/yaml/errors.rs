//! What is wrong, in the house wording: what was expected, never text of a value.

use granit_parser::{ErrorKind, ScanError};

use super::lines::{Line, line_start};
use crate::format::{Limits, ParseError};

/// Refuses what is no YAML text at all before the engine sees it: too large, binary, or in the middle of a merge.
///
/// # Errors
/// [`ParseError`].
pub(super) fn check_text(text: &str, limits: &Limits) -> Result<(), ParseError> {
    if text.len() > limits.file {
        let message = format!("the file is larger than {} bytes", limits.file);
        return Err(ParseError::limit(text, limits.file, message));
    }
    let forbidden = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Without a way out of it the loop is vectorised; where it stands is asked only where there is one.
    let has_forbidden = text.as_bytes().iter().fold(false, |found, byte| found | forbidden(byte));
    if has_forbidden && let Some(at) = text.bytes().position(|byte| forbidden(&byte)) {
        let message = match text.as_bytes().get(at) {
            Some(0) => "expected UTF-8 text, found a NUL byte (UTF-16 is not read)",
            _ => {
                "expected printable text, found a control character (write it as an escape in double quotes)"
            }
        };
        return Err(ParseError::at(text, at, message));
    }
    if let Some(at) = stray_mark(text) {
        let message = "a byte order mark may only stand at the start of the file";
        return Err(ParseError::at(text, at, message));
    }
    match conflict(text) {
        Some(at) => Err(ParseError::at(
            text,
            at,
            "the file has merge conflict markers: resolve the conflict first, or merge with the merge driver",
        )),
        None => Ok(()),
    }
}

/// A byte order mark at the start of a later line, or behind the first one: the engine skips it before a document,
/// other readers take it into the first key.
fn stray_mark(text: &str) -> Option<usize> {
    text.match_indices('\u{feff}').map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).unwrap_or_default();
        *at > 0 && (before == "\u{feff}" || before.ends_with(['\n', '\r']))
    })
}

/// Where the first of three conflict markers in their order stands, each at the start of a line.
fn conflict(text: &str) -> Option<usize> {
    let marker = |from: usize, prefix: &str, is_whole_line: bool| {
        let mut at = from;
        loop {
            at += memchr::memmem::find(text.as_bytes().get(at..)?, prefix.as_bytes())?;
            if line_start(text, at) == at && (!is_whole_line || Line::at(text, at).of(text) == prefix) {
                return Some(at);
            }
            at += prefix.len();
        }
    };
    let ours = marker(0, "<<<<<<< ", false)?;
    let middle = marker(ours, "=======", true)?;
    marker(middle, ">>>>>>> ", false).map(|_| ours)
}

/// An error of the engine with its place. The engine's own texts name no value, but they are replaced all the same.
pub(super) fn of_engine(text: &str, error: &ScanError) -> ParseError {
    let offset = error.marker().byte_offset().unwrap_or(0).min(text.len());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => nested_too_deep(text, offset),
        ErrorKind::TooManyComments | ErrorKind::DirectiveByteLimitExceeded { .. } => {
            ParseError::limit(text, offset, message(error.kind()))
        }
        kind => ParseError::at(text, offset, format!("{}{}", message(kind), template_hint(text, offset))),
    }
}

/// Containers are nested too deeply.
pub(super) fn nested_too_deep(text: &str, offset: usize) -> ParseError {
    ParseError::limit(text, offset, "maps and lists are nested too deeply")
}

/// What the engine reports does not fit the text: a bug, reported instead of a wrong file.
pub(super) fn internal(text: &str, offset: usize) -> ParseError {
    ParseError::at(
        text,
        offset,
        "this place is read differently by two readers, so it cannot be edited safely",
    )
}

/// A word on templates where the line at fault, or the one above it, holds `{{`.
fn template_hint(text: &str, offset: usize) -> &'static str {
    let mut at = offset;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = line_start(text, at);
    let above = line_start(text, start.saturating_sub(1));
    let end = Line::at(text, start).end;
    match text.get(above.min(start)..end) {
        Some(lines) if lines.contains("{{") => {
            "; `{{` looks like a template, which is no YAML: seal the values that it is rendered with"
        }
        _ => "",
    }
}

fn message(kind: &ErrorKind) -> &'static str {
    use ErrorKind as E;
    match kind {
        E::TooManyComments => "too many comments in one place",
        E::DirectiveByteLimitExceeded { .. } | E::TooManyReservedDirectiveParams { .. } => {
            "this directive is too long"
        }
        E::UnexpectedEofFlowSequence | E::ExpectedFlowSequenceSeparator => "expected `,` or `]`",
        E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::ExpectedFlowMappingSeparator => "expected `,` or `}`",
        E::UnexpectedEofBlockSequence | E::ExpectedBlockSequenceEntry => {
            "expected `-` at the column of the list"
        }
        E::UnexpectedEofBlockMapping | E::ExpectedBlockMappingKey => {
            "expected a key at the column of the map"
        }
        E::DuplicateVersionDirective | E::DuplicateTagDirective => "this directive stands twice",
        E::UnsupportedYamlMajorVersion => "expected YAML version 1.2",
        E::ExpectedDocumentStart => "expected `---`",
        E::MissingDocumentEndBeforeDirective => "expected `...` before a directive",
        E::ExpectedNodeContent => "expected a value",
        E::UndeclaredTagHandle => "expected a `%TAG` directive for the handle of this tag",
        E::SimpleKeyExpected | E::InvalidSimpleKey => "expected `:` behind the key, on the same line",
        E::InvalidDocumentEnd => "expected nothing behind `...`",
        E::InvalidIndentation | E::InvalidFlowScalarIndent => "this line is not indented like its neighbours",
        E::BomInsideDocument => "a byte order mark may only stand at the start",
        E::UnexpectedCharacter { .. } => "this character cannot stand here",
        E::TabNotAllowed | E::TabInBlockIndentation | E::TabInIndentation | E::TabInPlainScalar => {
            "a tab cannot indent, use spaces"
        }
        E::CommentInterceptedScalar => "a comment cannot stand between the lines of a plain value",
        E::ExpectedWhitespace => "expected a space",
        E::CommentNotSeparated => "expected a space before `#`",
        E::MissingAnchorOrAliasName => "expected a name behind `&` or `*`",
        E::MisplacedFlowCollectionEnd => "this bracket closes nothing",
        E::MismatchedFlowCollectionEnd { .. } => "this bracket does not match the one that it closes",
        E::UnclosedFlowCollection { .. } => "this bracket is not closed",
        E::BlockEntryInFlowCollection => "`-` cannot begin an element inside brackets",
        E::BlockSequenceEntryNotAllowed => "a list cannot begin here, put it on a new line",
        E::InvalidBlockEntryWhitespace => "expected a space behind `-`",
        E::MappingKeyNotAllowed => "a key cannot stand here",
        E::FlowMappingValueAdjacentCollection | E::InvalidMappingValueWhitespace => {
            "expected a space behind `:`"
        }
        E::InvalidColonPlacement | E::MappingValueNotAllowed => {
            "`:` cannot stand here, put a value that holds `: ` in quotes"
        }
        other => message_of_token(other),
    }
}

fn message_of_token(kind: &ErrorKind) -> &'static str {
    use ErrorKind as E;
    match kind {
        E::ExpectedTagBang
        | E::ExpectedTagDirectiveBang
        | E::InvalidGlobalTagCharacter
        | E::InvalidTagDirectiveTerminator
        | E::InvalidTagTerminator
        | E::MissingTagUri
        | E::UnclosedVerbatimTag
        | E::InvalidTagEscape
        | E::InvalidTagUtf8LeadingByte
        | E::InvalidTagUtf8TrailingByte
        | E::InvalidTagUtf8 => "this tag is malformed",
        E::InvalidDirectiveTerminator
        | E::MissingYamlVersionSeparator
        | E::MissingDirectiveName
        | E::InvalidDirectiveName
        | E::YamlVersionTooLong
        | E::MissingYamlVersion => "this directive is malformed",
        E::ZeroBlockScalarIndent | E::InvalidBlockScalarHeader => {
            "expected the end of the line behind `|` or `>`"
        }
        E::TabAtBlockScalarStart | E::InvalidBlockScalarIndent => {
            "this line of a block scalar is not indented like its first"
        }
        E::DocumentIndicatorInQuotedScalar | E::UnclosedQuotedScalar => "this quote is not closed",
        E::InvalidQuotedScalarIndent => "expected this line of a quoted value to be indented",
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            "expected nothing behind the closing quote"
        }
        E::UnknownQuotedScalarEscape => "this escape is unknown, write a backslash as `\\\\`",
        E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => "this escape is no character",
        E::PlainScalarStartsWithDashFlowIndicator | E::UnexpectedEndOfPlainScalar => {
            "a value cannot begin like this without quotes"
        }
        _ => "expected YAML",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_stand_at_the_start() {
        assert_eq!(stray_mark("\u{feff}a: \u{feff}\n"), None);
        assert_eq!(stray_mark("\u{feff}\u{feff}a: 1\n"), Some(3));
        assert_eq!(stray_mark("# x\n\u{feff}a: 1\n"), Some(4));
        assert_eq!(stray_mark("a: 1\n...\r\u{feff}%YAML 1.1\n---\n"), Some(9));
    }

    #[test]
    fn conflicts_are_told_from_text() {
        assert_eq!(conflict("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n"), Some(2));
        assert_eq!(conflict("a: |\n  <<<<<<< HEAD\n  =======\n  >>>>>>> x\n"), None);
        assert_eq!(conflict("<<: *a\n"), None);
    }
}
