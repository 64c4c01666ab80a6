//! Reads JSON (RFC 8259), and JSON with comments and trailing commas, into a document.

use std::collections::HashSet;

use super::text::{decode, is_number};
use crate::document::{
    Comment, Document, Entry, FormatCode, Key, Kind, Node, NodeId, Part, Scalar, Span, Style, Value,
};
use crate::format::{Limits, ParseError, or_conflict};
use crate::secret::SecretText;

/// Reads `text`. It is strict but for comments (`//`, `/* */`), which are read anywhere, and one comma behind the last
/// element, which is read where the closing bracket stands on a later line than the comma or the file has a comment.
pub(super) fn scan(source: &SecretText, limits: &Limits) -> Result<Document, ParseError> {
    let text = source.as_str();
    if text.len() > limits.file {
        return Err(ParseError::limit(text, 0, format!("the file is over {} bytes", limits.file)));
    }
    let mut scanner = Scanner {
        source,
        text,
        limits,
        at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 },
        nodes: Vec::new(),
        comments: Vec::new(),
        open: Vec::new(),
        leaves: 0,
        comma: None,
    };
    scanner.run().map_err(|error| if error.limit { error } else { or_conflict(text, error) })?;
    let span = scanner.nodes.first().map(|node| node.span).unwrap_or_default();
    Ok(Document {
        source: source.clone(),
        format: FormatCode::Json,
        nodes: scanner.nodes,
        parts: vec![Part { root: NodeId(0), directives: Vec::new(), span }],
        comments: scanner.comments,
    })
}

struct Scanner<'a> {
    source: &'a SecretText,
    text: &'a str,
    limits: &'a Limits,
    at: usize,
    nodes: Vec<Node>,
    comments: Vec<Comment>,
    open: Vec<Open>,
    leaves: usize,
    /// The first trailing comma that only a file with comments may have.
    comma: Option<usize>,
}

/// An open container.
struct Open {
    id: NodeId,
    is_map: bool,
    /// How many comments stood before it.
    comments: usize,
    /// The key whose value comes next.
    key: Option<Key>,
}

/// What comes next.
enum State {
    /// A value.
    Value,
    /// A value in a list, a key in a map.
    Item,
    /// The same, or the closing bracket.
    First,
    /// A comma or the closing bracket; at the top the end.
    After,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), ParseError> {
        let mut state = State::Value;
        loop {
            self.blank()?;
            state = match (state, self.open.last().map(|open| open.is_map)) {
                (State::Value, _) | (State::Item, Some(false)) => self.value()?,
                (State::First, Some(is_map)) if self.byte() == Some(closing(is_map)) => self.close()?,
                (State::First, Some(_)) => State::Item,
                (State::Item, Some(true)) => self.key()?,
                (State::After, Some(is_map)) => self.after(is_map)?,
                (State::First | State::Item | State::After, None) => break,
            };
        }
        if self.at < self.text.len() {
            return Err(self.error(self.at, "expected the end of the file behind the value"));
        }
        match self.comma {
            Some(comma) if self.comments.is_empty() => {
                Err(self.error(comma, "a comma stands behind the last element: remove it"))
            }
            _ => Ok(()),
        }
    }

    fn value(&mut self) -> Result<State, ParseError> {
        let start = self.at;
        match self.byte() {
            Some(b'{') => self.open(true),
            Some(b'[') => self.open(false),
            Some(b'"') => {
                let text = self.string()?;
                self.scalar(start, Style::Double, Value::Str(text))
            }
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'+' | b'.' | b'_') => {
                let rest = &self.text[start..];
                let end = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_')))
                    .unwrap_or(rest.len());
                let value = bare(&rest[..end])
                    .ok_or_else(|| self.error(start, "expected a value (a string needs double quotes)"))?;
                self.at = start + end;
                self.scalar(start, Style::Plain, value)
            }
            _ => Err(self.error(start, "expected a value")),
        }
    }

    fn scalar(&mut self, start: usize, style: Style, value: Value) -> Result<State, ParseError> {
        let token = Span::new(start, self.at);
        self.count_leaf(token)?;
        let flow = !self.open.is_empty();
        let scalar = Scalar { token, body: None, style, value, flow, base: -1 };
        self.add(Kind::Scalar(scalar), token)?;
        Ok(State::After)
    }

    fn count_leaf(&mut self, span: Span) -> Result<(), ParseError> {
        self.leaves += 1;
        if self.leaves > self.limits.leaves {
            return Err(self.over(span.start, format!("the file has over {} values", self.limits.leaves)));
        }
        if span.end - span.start > self.limits.leaf {
            return Err(self.over(span.start, format!("a value is over {} bytes", self.limits.leaf)));
        }
        Ok(())
    }

    fn open(&mut self, is_map: bool) -> Result<State, ParseError> {
        let start = self.at;
        if self.open.len() >= self.limits.depth {
            return Err(self.over(start, format!("containers are nested over {} deep", self.limits.depth)));
        }
        let kind = if is_map { Kind::Map(Vec::new()) } else { Kind::List(Vec::new()) };
        self.at += 1;
        let id = self.add(kind, Span::new(start, self.at))?;
        self.open.push(Open { id, is_map, comments: self.comments.len(), key: None });
        Ok(State::First)
    }

    fn add(&mut self, kind: Kind, span: Span) -> Result<NodeId, ParseError> {
        let Ok(number) = u32::try_from(self.nodes.len()) else {
            return Err(self.over(span.start, "the file has too many values".to_owned()));
        };
        let id = NodeId(number);
        let parent = self.open.last_mut();
        if let Some(open) = parent {
            match &mut self.nodes[open.id.index()].kind {
                Kind::Map(entries) => entries.extend(open.key.take().map(|key| Entry { key, value: id })),
                Kind::List(items) => items.push(id),
                _ => {}
            }
        }
        let parent = self.open.last().map(|open| open.id);
        // The metadata needs an object at the root, so that one cannot become a token.
        let sealable = parent.is_some() || !matches!(kind, Kind::Map(_));
        self.nodes.push(Node { parent, kind, span, anchor: None, tag: None, tag_first: false, sealable });
        Ok(id)
    }

    fn key(&mut self) -> Result<State, ParseError> {
        let start = self.at;
        if self.byte() != Some(b'"') {
            return Err(self.error(start, "expected a key in double quotes"));
        }
        let text = self.string()?;
        if text.len() > self.limits.key {
            return Err(self.over(start, format!("a key is over {} bytes", self.limits.key)));
        }
        let span = Span::new(start, self.at);
        self.blank()?;
        if self.byte() != Some(b':') {
            return Err(self.error(self.at, "expected `:` behind the key"));
        }
        self.at += 1;
        if let Some(open) = self.open.last_mut() {
            open.key = Some(Key { text, ambiguous: false, span });
        }
        Ok(State::Value)
    }

    fn after(&mut self, is_map: bool) -> Result<State, ParseError> {
        let close = closing(is_map);
        match self.byte() {
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.blank()?;
                if self.byte() != Some(close) {
                    return Ok(State::Item);
                }
                if !self.text[comma..self.at].contains(['\n', '\r']) {
                    self.comma.get_or_insert(comma);
                }
                self.close()
            }
            Some(byte) if byte == close => self.close(),
            _ => Err(self.error(self.at, if is_map { "expected `,` or `}`" } else { "expected `,` or `]`" })),
        }
    }
}

/// The ends of containers, comments and strings.
impl Scanner<'_> {
    fn close(&mut self) -> Result<State, ParseError> {
        self.at += 1;
        let Some(open) = self.open.pop() else { return Ok(State::After) };
        let has_comments = self.comments.len() > open.comments;
        let node = &mut self.nodes[open.id.index()];
        node.span.end = self.at;
        let (is_empty, twice) = match &mut node.kind {
            Kind::Map(entries) => {
                entries.shrink_to_fit();
                (entries.is_empty(), duplicate(entries))
            }
            Kind::List(items) => {
                items.shrink_to_fit();
                (items.is_empty(), None)
            }
            _ => (false, None),
        };
        if let Some(key) = twice {
            let message = format!("the key `{}` stands twice in this object", key.text.escape_debug());
            return Err(ParseError::at(self.text, key.span.start, message));
        }
        if is_empty {
            // A token in its place would take the comments away.
            node.sealable &= !has_comments;
            let span = node.span;
            self.count_leaf(span)?;
        }
        Ok(State::After)
    }

    /// Skips blanks, line breaks and comments.
    fn blank(&mut self) -> Result<(), ParseError> {
        loop {
            let rest = &self.text[self.at..];
            self.at = self.text.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            let start = self.at;
            let rest = &self.text[start..];
            let end = if let Some(block) = rest.strip_prefix("/*") {
                let Some(length) = block.find("*/") else {
                    return Err(self.error(start, "the comment is not closed: expected `*/`"));
                };
                self.at = start + "/*".len() + length + "*/".len();
                self.at - "*/".len()
            } else if rest.starts_with("//") {
                self.at = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
                self.at
            } else {
                return Ok(());
            };
            let container = self.open.last().map(|open| open.id);
            self.comments.push(Comment { span: Span::new(start, end), marker: 2, container, part: 0 });
        }
    }

    /// Reads the string whose quote stands here.
    fn string(&mut self) -> Result<SecretText, ParseError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let (mut at, mut has_escape) = (start + 1, false);
        loop {
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escape = true;
                    at += 2;
                }
                Some(b'\n' | b'\r') | None => {
                    return Err(self.error(start, "the string is not closed: expected `\"` in its line"));
                }
                Some(0..=0x1f) => {
                    return Err(self.error(at, "expected an escape: a control character stands in a string"));
                }
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        if !has_escape {
            return Ok(self.source.slice(start + 1, at));
        }
        decode(&self.text[start + 1..at]).map_err(|(offset, message)| self.error(start + 1 + offset, message))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, at, message)
    }

    fn over(&self, at: usize, message: String) -> ParseError {
        ParseError::limit(self.text, at, message)
    }
}

/// The value of a token without quotes.
pub(super) fn bare(token: &str) -> Option<Value> {
    match token {
        "null" => Some(Value::Null),
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ if !is_number(token) => None,
        _ if token.contains(['.', 'e', 'E']) => Some(Value::Float(token.into())),
        _ => Some(Value::Int(token.into())),
    }
}

const fn closing(is_map: bool) -> u8 {
    if is_map { b'}' } else { b']' }
}

/// The first key that stands twice.
fn duplicate(entries: &[Entry]) -> Option<&Key> {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().map(|entry| &entry.key).find(|key| !seen.insert(&key.text))
}
