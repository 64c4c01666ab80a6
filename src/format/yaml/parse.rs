//! Events to [`Document`].

use std::collections::HashSet;

use super::events::{Content, Event, Events, Properties};
use super::lines::{break_before, find_indicator, lines};
use super::{comments, errors, fast, scalar, schema};
use crate::document::{
    Comment, Document, Entry, FormatCode, Key, Kind, Node, NodeId, Part, Scalar, Span, Style, Value,
};
use crate::format::{Limits, ParseError};
use crate::secret::SecretText;

/// Reads a YAML file.
///
/// # Errors
/// [`ParseError`].
pub(super) fn parse(source: &SecretText, limits: &Limits) -> Result<Document, ParseError> {
    errors::check_text(source, limits)?;
    match fast::parse(source, limits) {
        Some(document) => {
            // Whatever a debug build reads, tests of all kinds among it, is read by both.
            debug_assert!(
                by_engine(source, limits).is_ok_and(|other| other == document),
                "the two readers of YAML differ"
            );
            Ok(document)
        }
        None => by_engine(source, limits),
    }
}

/// Reads a YAML file that [`errors::check_text`] lets pass, whatever it holds.
///
/// # Errors
/// [`ParseError`].
pub(super) fn by_engine(source: &SecretText, limits: &Limits) -> Result<Document, ParseError> {
    let mut builder = Builder::new(source, limits);
    let mut events = Events::new(source, limits.depth);
    while let Some(event) = events.next()? {
        builder.event(event)?;
    }
    Ok(builder.finish())
}

/// A document in the making.
pub(super) struct Builder<'a> {
    source: &'a SecretText,
    text: &'a str,
    limits: &'a Limits,
    pub(super) nodes: Vec<Node>,
    pub(super) parts: Vec<Part>,
    /// One behind each part's `...`.
    pub(super) ends: Vec<Option<usize>>,
    pub(super) comments: Vec<Comment>,
    /// The open containers, outermost first.
    frames: Vec<Frame>,
    opening: Opening,
    /// One behind the last token seen; what follows up to the next one is indicators, blanks and comments.
    last: usize,
    pub(super) leaves: usize,
}

/// A document whose root has not come yet.
#[derive(Default)]
struct Opening {
    start: usize,
    directives: Vec<(Span, Box<str>)>,
}

/// An open container.
struct Frame {
    id: NodeId,
    is_list: bool,
    /// Written in brackets. The map in `[a: b]` is not, though it is inside some.
    bracketed: bool,
    flow: bool,
    /// Column of the innermost block collection.
    base: i32,
    /// Where and in which column the engine saw it begin.
    seen: (usize, usize),
    /// One behind its last child's last byte; its start where none has come.
    end: Option<usize>,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The keys so far, once there are many.
    keys: HashSet<SecretText>,
}

impl<'a> Builder<'a> {
    /// Begins a document over `source`.
    pub(super) fn new(source: &'a SecretText, limits: &'a Limits) -> Self {
        Self {
            source,
            text: source.as_str(),
            limits,
            nodes: Vec::new(),
            parts: Vec::new(),
            ends: Vec::new(),
            comments: Vec::new(),
            frames: Vec::new(),
            opening: Opening::default(),
            last: 0,
            leaves: 0,
        }
    }
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), ParseError> {
        match event {
            Event::DocumentStart { at, explicit } => {
                self.opening = self.opening(at, explicit);
                if explicit {
                    self.last = at.end;
                }
            }
            Event::DocumentEnd { at } => {
                if let Some(part) = self.parts.last_mut() {
                    part.span.end = self.last;
                }
                self.ends.push((!at.is_empty()).then_some(at.end));
                if !at.is_empty() {
                    self.last = at.end;
                }
            }
            Event::Comment { at } => {
                self.comments.push(Comment { span: at, marker: 1, container: None, part: 0 });
            }
            Event::Node { at, column, properties, content } => {
                if self.frames.last().is_some_and(|frame| !frame.is_list && frame.key.is_none()) {
                    self.key(at, &properties, content)?;
                } else {
                    self.node(at, column, &properties, content)?;
                }
            }
            Event::End { at } => self.close(at)?,
        }
        Ok(())
    }

    /// The directives stand between the last document and the `---`; a comment behind one is not part of it.
    fn opening(&self, at: Span, explicit: bool) -> Opening {
        let mut opening = Opening { start: at.start, directives: Vec::new() };
        if !explicit {
            return opening;
        }
        for line in lines(self.text, self.last).take_while(|line| line.start < at.start) {
            let content = line.of(self.text).trim_start_matches('\u{feff}');
            if content.starts_with('%') {
                let comment = content.find(" #").or_else(|| content.find("\t#")).unwrap_or(content.len());
                let directive = content.get(..comment).unwrap_or(content).trim_end();
                let start = line.end - content.len();
                let span = Span::new(start, start + directive.len());
                opening.directives.push((span, directive.into()));
            }
        }
        if let Some((span, _)) = opening.directives.first() {
            opening.start = span.start;
        }
        opening
    }

    fn key(&mut self, at: Span, properties: &Properties, content: Content<'_>) -> Result<(), ParseError> {
        let text = self.text;
        let error = |message| Err(ParseError::at(text, at.start, message));
        if !properties.is_empty() {
            return error("expected a key without anchor and tag");
        }
        let (value, style) = match content {
            Content::Scalar { value, style } => (value, style),
            Content::Alias => return error("expected a key that is text, found an alias"),
            Content::Map { .. } => return error("expected a key that is text, found a map"),
            Content::List { .. } => return error("expected a key that is text, found a list"),
        };
        let base = self.frames.last().map_or(-1, |frame| frame.base);
        let key = if at.is_empty() && style == Style::Plain {
            let place = self.zero_width_key(at.start);
            Key { text: "".into(), ambiguous: true, span: Span::new(place, place) }
        } else {
            let (token, body, value) = scalar::read(text, self.last, (at, style, value), base)?;
            // Without the last break of a block scalar, so that it ends the same at the end of a file.
            let end = body.map_or(token.end, |body| break_before(text, body.end));
            let span = Span::new(token.start, end);
            let ambiguous = style == Style::Plain && !schema::is_string(&value);
            Key { text: value.as_str().into(), ambiguous, span }
        };
        if key.text.len() > self.limits.key {
            let message = format!("this key is longer than {} bytes", self.limits.key);
            return Err(ParseError::limit(text, at.start, message));
        }
        self.last = key.span.end;
        let Some(frame) = self.frames.last_mut() else { return Err(errors::internal(text, at.start)) };
        let Some(Node { kind: Kind::Map(entries), span, .. }) = self.nodes.get_mut(frame.id.index()) else {
            return Err(errors::internal(text, at.start));
        };
        if is_known(entries, &mut frame.keys, &key) {
            let name = if key.text.chars().all(|c| !c.is_control()) { &*key.text } else { "…" };
            return Err(ParseError::at(text, at.start, format!("the key `{name}` stands twice in this map")));
        }
        if frame.end.is_none() && !frame.bracketed {
            span.start = key.span.start;
        }
        frame.end = Some(key.span.end);
        frame.key = Some(key);
        Ok(())
    }

    fn node(
        &mut self,
        at: Span,
        column: usize,
        properties: &Properties,
        content: Content<'_>,
    ) -> Result<(), ParseError> {
        self.pass_dash(at.start)?;
        let id = self.push(properties)?;
        let behind = self.last;
        self.last = self.last.max(properties.end());
        let base = self.frames.last().map_or(-1, |frame| frame.base);
        let flow = self.frames.last().is_some_and(|frame| frame.flow);
        let (span, kind) = match content {
            Content::Map { flow } => return self.open(id, (at, column), flow, false),
            Content::List { flow } => return self.open(id, (at, column), flow, true),
            Content::Alias => (at, Kind::Alias(behind_indicator(at.of(self.text), '*').into())),
            Content::Scalar { style: Style::Plain, .. } if at.is_empty() => {
                let place = self.zero_width_place(behind, properties);
                (Span::new(place, place), Kind::Empty)
            }
            Content::Scalar { value, style } => {
                self.count_leaf(at.start)?;
                let (token, body, value) = scalar::read(self.text, self.last, (at, style, value), base)?;
                let size = (token.end - token.start) + body.map_or(0, |body| body.end - body.start);
                if size.max(value.len()) > self.limits.leaf {
                    let message = format!("this value is longer than {} bytes", self.limits.leaf);
                    return Err(ParseError::limit(self.text, at.start, message));
                }
                let value = if style == Style::Plain { schema::resolve(value) } else { Value::Str(value) };
                (token, Kind::Scalar(Scalar { token, body, style, value, flow, base }))
            }
        };
        let body_end = match &kind {
            Kind::Scalar(scalar) => scalar.body.map_or(span.end, |body| body.end),
            _ => span.end,
        };
        self.last = self.last.max(body_end);
        if let Some(node) = self.nodes.get_mut(id.index()) {
            (node.span, node.kind) = (span, kind);
        }
        match (self.frames.last_mut(), self.parts.last_mut()) {
            (Some(frame), _) => frame.end = Some(span.end),
            // The engine sees a document that is a block scalar begin behind its header.
            (None, Some(part)) => part.span.start = part.span.start.min(span.start),
            (None, None) => {}
        }
        Ok(())
    }

    /// Adds a node in its parent's place for it.
    fn push(&mut self, properties: &Properties) -> Result<NodeId, ParseError> {
        let full = |text| Err(ParseError::limit(text, text.len(), "the file holds too many values"));
        let Ok(index) = u32::try_from(self.nodes.len()) else { return full(self.text) };
        let id = NodeId(index);
        let parent = self.frames.last().map(|frame| frame.id);
        if let Some(frame) = self.frames.last_mut() {
            match (self.nodes.get_mut(frame.id.index()).map(|node| &mut node.kind), frame.key.take()) {
                (Some(Kind::Map(entries)), Some(key)) => entries.push(Entry { key, value: id }),
                (Some(Kind::List(items)), None) => items.push(id),
                _ => return Err(errors::internal(self.text, self.last)),
            }
        } else {
            let opening = std::mem::take(&mut self.opening);
            let span = Span::new(opening.start, opening.start);
            self.parts.push(Part { root: id, directives: opening.directives, span });
        }
        let name = |span: Span| behind_indicator(span.of(self.text), '&').into();
        let tag_first = match (properties.tag, properties.anchor) {
            (Some(tag), Some(anchor)) => tag.start < anchor.start,
            _ => false,
        };
        self.nodes.push(Node {
            parent,
            kind: Kind::Empty,
            span: Span::default(),
            anchor: properties.anchor.map(name),
            tag: properties.tag.map(|span| span.of(self.text).into()),
            tag_first,
            sealable: true,
        });
        Ok(id)
    }

    /// Before an element of a block list: its `-`. The first one is where the list begins.
    fn pass_dash(&mut self, at: usize) -> Result<(), ParseError> {
        let above = self.frames.iter().nth_back(1).map_or(-1, |frame| frame.base);
        let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_list && !frame.flow) else {
            return Ok(());
        };
        let dash = find_indicator(self.text, self.last, b"-", b":?.");
        let dash = dash.ok_or_else(|| errors::internal(self.text, at))?;
        self.last = dash + 1;
        if frame.end.is_none() {
            // The engine sees a list at its key's own column begin behind its dash.
            let (seen, column) = frame.seen;
            frame.base = if dash == seen { i32::try_from(column).unwrap_or(i32::MAX) } else { above };
            if let Some(node) = self.nodes.get_mut(frame.id.index()) {
                node.span.start = dash;
            }
        }
        frame.end = Some(dash + 1);
        Ok(())
    }

    fn open(
        &mut self,
        id: NodeId,
        (at, column): (Span, usize),
        flow: bool,
        is_list: bool,
    ) -> Result<(), ParseError> {
        if self.frames.len() >= self.limits.depth {
            return Err(errors::nested_too_deep(self.text, at.start));
        }
        let bracketed = flow && matches!(at.of(self.text), "{" | "[");
        let inherited = self.frames.last().map_or(-1, |frame| frame.base);
        let base = if flow { inherited } else { i32::try_from(column).unwrap_or(i32::MAX) };
        if bracketed {
            self.last = at.end;
        }
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.span = at;
            node.kind = if is_list { Kind::List(Vec::new()) } else { Kind::Map(Vec::new()) };
        }
        let seen = (at.start, column);
        let (end, key, keys) = (None, None, HashSet::new());
        self.frames.push(Frame { id, is_list, bracketed, flow, base, seen, end, key, keys });
        Ok(())
    }

    fn close(&mut self, at: Span) -> Result<(), ParseError> {
        let Some(frame) = self.frames.pop() else { return Err(errors::internal(self.text, at.start)) };
        let end = if frame.bracketed { at.end } else { frame.end.unwrap_or(at.end) };
        if frame.bracketed {
            self.last = at.end;
        }
        let Some(node) = self.nodes.get_mut(frame.id.index()) else {
            return Err(errors::internal(self.text, at.start));
        };
        node.span.end = end;
        if frame.end.is_none() {
            self.count_leaf(at.start)?;
        }
        if let Some(parent) = self.frames.last_mut() {
            parent.end = Some(end);
        }
        Ok(())
    }

    fn count_leaf(&mut self, at: usize) -> Result<(), ParseError> {
        self.leaves += 1;
        if self.leaves > self.limits.leaves {
            let message = format!("the file holds more than {} values", self.limits.leaves);
            return Err(ParseError::limit(self.text, at, message));
        }
        Ok(())
    }

    /// A value of no width stands behind its properties, else behind the `:`, `-` or `---` that announces it.
    fn zero_width_place(&self, behind: usize, properties: &Properties) -> usize {
        if !properties.is_empty() {
            return properties.end();
        }
        match self.frames.last() {
            Some(frame) if frame.is_list => behind,
            Some(_) => find_indicator(self.text, behind, b":", b"").map_or(behind, |colon| colon + 1),
            None => self.parts.last().map_or(behind, |part| behind.max(part.span.start)),
        }
    }

    /// A key of no width stands behind its `?`, else before its `:`.
    fn zero_width_key(&self, seen: usize) -> usize {
        match find_indicator(self.text, self.last, b"?:", b",.") {
            Some(at) if self.text.as_bytes().get(at) == Some(&b'?') => at + 1,
            Some(at) => at,
            None => seen,
        }
    }

    /// Gives comments their documents and containers.
    pub(super) fn finish(mut self) -> Document {
        // Comments behind a block scalar's header come late.
        self.comments.sort_by_key(|comment| comment.span.start);
        for comment in &mut self.comments {
            let at = comment.span.start;
            let part = self.parts.partition_point(|part| part.span.start <= at).saturating_sub(1);
            let is_ended = self.ends.get(part).copied().flatten().is_some_and(|end| end <= at);
            let last = self.parts.len().saturating_sub(1);
            comment.part = (part + usize::from(is_ended)).min(last);
        }
        comments::place(&self.nodes, &mut self.comments);
        Document {
            source: self.source.clone(),
            format: FormatCode::Yaml,
            nodes: self.nodes,
            parts: self.parts,
            comments: self.comments,
        }
    }
}

/// The name of an anchor or alias, which may begin with the indicator itself: `**x` is the alias of `&*x`.
fn behind_indicator(text: &str, indicator: char) -> &str {
    text.strip_prefix(indicator).unwrap_or(text)
}

/// Whether a map has that key already. A few keys are compared one by one, many are hashed.
pub(super) fn is_known(entries: &[Entry], keys: &mut HashSet<SecretText>, key: &Key) -> bool {
    if entries.len() < MANY_KEYS {
        return entries.iter().any(|entry| entry.key.text == key.text);
    }
    if keys.is_empty() {
        keys.extend(entries.iter().map(|entry| entry.key.text.clone()));
    }
    !keys.insert(key.text.clone())
}

const MANY_KEYS: usize = 16;
