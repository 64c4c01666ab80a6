//! TOML's syntax: the events of `toml_parser`, and its errors.

use toml_parser::parser::{Event, EventKind, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{Expected, Source};

use crate::format::{Limits, ParseError};

/// The events of a file without a syntax error.
pub(super) fn events(text: &str, limits: &Limits) -> Result<Vec<Event>, ParseError> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut events: Vec<Event> = Vec::with_capacity(tokens.len());
    let mut error = None;
    let mut checked = ValidateWhitespace::new(&mut events, source);
    let mut guarded = RecursionGuard::new(&mut checked, u32::try_from(limits.depth).unwrap_or(u32::MAX));
    parse_document(&tokens, &mut guarded, &mut error);
    let Some(error) = error else { return Ok(events) };
    let offset = place(&error);
    let mut depth = 1_usize;
    for event in events.iter().take_while(|event| event.span().start() <= offset) {
        match event.kind() {
            EventKind::ArrayOpen | EventKind::InlineTableOpen => depth += 1,
            EventKind::ArrayClose | EventKind::InlineTableClose => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limits.depth {
            return Err(too_deep(text, event.span().start(), limits));
        }
    }
    Err(syntax(text, &error))
}

/// A file whose containers are nested too deep.
pub(super) fn too_deep(text: &str, offset: usize, limits: &Limits) -> ParseError {
    ParseError::limit(text, offset, format!("containers are nested over {} deep", limits.depth))
}

/// Where the lexer's error is.
pub(super) fn place(error: &toml_parser::ParseError) -> usize {
    error.unexpected().or(error.context()).map_or(0, |span| span.start())
}

/// The lexer's error as ours. Its description holds no text of the file.
pub(super) fn syntax(text: &str, error: &toml_parser::ParseError) -> ParseError {
    let mut message = error.description().to_owned();
    let expected: Vec<String> = error
        .expected()
        .unwrap_or_default()
        .iter()
        .map(|expected| match expected {
            Expected::Literal("\n") => "a line break".to_owned(),
            Expected::Literal(literal) => format!("`{literal}`"),
            Expected::Description(text) => (*text).to_owned(),
            _ => "something else".to_owned(),
        })
        .collect();
    if !expected.is_empty() {
        message.push_str(": expected ");
        message.push_str(&expected.join(" or "));
    }
    ParseError::at(text, place(error), message)
}
