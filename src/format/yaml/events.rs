//! The engine behind a small set of events of our own, so that it can be exchanged without touching the rest.

use std::borrow::Cow;

use granit_parser::{Event as Raw, Parser, ScalarStyle, StrInput, StructureStyle};

use super::errors;
use crate::document::{Span, Style};
use crate::format::ParseError;

/// What the engine reports. Comments may come late; everything else comes in order.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// `---`, or (not explicit) the first token of a document without it.
    DocumentStart { at: Span, explicit: bool },
    /// `...`, or an empty range.
    DocumentEnd { at: Span },
    /// From `#` to the end of its line.
    Comment { at: Span },
    /// A node begins.
    Node { at: Span, column: usize, properties: Properties, content: Content<'a> },
    /// The innermost map or list ends; its closing bracket, if it has one.
    End { at: Span },
}

/// Where a node's anchor and tag stand.
#[derive(Debug, Default)]
pub(super) struct Properties {
    /// `&name`
    pub(super) anchor: Option<Span>,
    /// `!tag`
    pub(super) tag: Option<Span>,
}

impl Properties {
    /// Where the later of the two ends; 0 where there is none.
    pub(super) fn end(&self) -> usize {
        self.anchor.into_iter().chain(self.tag).map(|span| span.end).max().unwrap_or(0)
    }

    /// Whether there is neither anchor nor tag.
    pub(super) const fn is_empty(&self) -> bool {
        self.anchor.is_none() && self.tag.is_none()
    }
}

/// What kind of node begins.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// `*name`
    Alias,
    /// A scalar and what the engine decodes it to. Where the engine's range of a block scalar lies is of no use.
    Scalar { value: Cow<'a, str>, style: Style },
    /// A map; the range is its bracket where it is `{`.
    Map { flow: bool },
    /// A list; the range is its bracket where it is `[`.
    List { flow: bool },
}

/// The events of one text.
pub(super) struct Events<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Events<'a> {
    /// Starts at the beginning of `text`; collections nested deeper than `depth` are an error.
    pub(super) fn new(text: &'a str, depth: usize) -> Self {
        let options = granit_parser::options! {
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            emit_comments: true,
            // Charts hold long runs of commented-out values; 96 is the engine's default.
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: depth,
            block_nesting_limit: depth,
        };
        Self { text, parser: Parser::new_from_str_with_options(text, options) }
    }

    /// The next event; `None` behind the last.
    ///
    /// # Errors
    /// [`ParseError`] where the text is not YAML.
    pub(super) fn next(&mut self) -> Result<Option<Event<'a>>, ParseError> {
        loop {
            let Some((raw, at)) = self.raw()? else { return Ok(None) };
            let Some(range) = at.byte_range() else { return Err(errors::internal(self.text, 0)) };
            let span = Span::new(range.start, range.end);
            let column = at.start.col();
            let has_anchor = raw.anchor_id().is_some();
            let content = match raw {
                Raw::DocumentStart(explicit, _) => {
                    return Ok(Some(Event::DocumentStart { at: span, explicit }));
                }
                Raw::DocumentEnd => return Ok(Some(Event::DocumentEnd { at: span })),
                Raw::Comment(..) => return Ok(Some(Event::Comment { at: span })),
                Raw::SequenceEnd | Raw::MappingEnd => return Ok(Some(Event::End { at: span })),
                Raw::Alias(_) | Raw::UnresolvedAlias(_) => Content::Alias,
                Raw::Scalar(value, style, ..) => Content::Scalar { value, style: style_of(style) },
                Raw::SequenceStart(style, ..) => Content::List { flow: style == StructureStyle::Flow },
                Raw::MappingStart(style, ..) => Content::Map { flow: style == StructureStyle::Flow },
                _ => continue,
            };
            let tag = at.tag_span().and_then(|tag| tag.byte_range()).map(|tag| Span::new(tag.start, tag.end));
            let anchor = if has_anchor { Some(self.anchor(span.start)?) } else { None };
            let properties = Properties { anchor, tag };
            return Ok(Some(Event::Node { at: span, column, properties, content }));
        }
    }

    /// The anchor's own event stands directly behind its node's.
    fn anchor(&mut self, node: usize) -> Result<Span, ParseError> {
        match self.raw()? {
            Some((Raw::Anchor(..), at)) => at.byte_range().map(|range| Span::new(range.start, range.end)),
            _ => None,
        }
        .ok_or_else(|| errors::internal(self.text, node))
    }

    fn raw(&mut self) -> Result<Option<(Raw<'a>, granit_parser::Span)>, ParseError> {
        self.parser.next_event().transpose().map_err(|error| errors::of_engine(self.text, &error))
    }
}

const fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}
