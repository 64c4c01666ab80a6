//! Reads TOML: the lexer's events become nodes in order of first mention, and the `toml` crate checks the meaning.

use std::collections::HashMap;

use toml::de::DeTable;
use toml_parser::Source;
use toml_parser::decoder::Encoding;
use toml_parser::parser::{Event, EventKind};

use super::layout::{Form, Header, Layout, Pair, ROOT, UNKNOWN, extent};
use super::lex::{events, place, syntax, too_deep};
use super::scalar;
use crate::document::{
    Comment, Document, Entry, FormatCode, Key, Kind, Node, NodeId, Part, Scalar, Span, Style,
};
use crate::format::{Limits, ParseError, or_conflict};

/// Reads `text` whole.
pub(super) fn build(text: &str, limits: &Limits) -> Result<(Document, Layout), ParseError> {
    if text.len() > limits.file {
        return Err(ParseError::limit(text, 0, format!("the file is over {} bytes", limits.file)));
    }
    read(text, limits).map_err(|error| if error.limit { error } else { or_conflict(text, error) })
}

fn read(text: &str, limits: &Limits) -> Result<(Document, Layout), ParseError> {
    let events = events(text, limits)?;
    let mut builder = Builder::new(text, limits);
    for event in &events {
        builder.event(event)?;
    }
    // Only now, since the depth is known to be bounded: its tables are dropped recursively.
    if let Err(error) = DeTable::parse(text) {
        let offset = error.span().map_or(0, |span| span.start);
        return Err(ParseError::at(text, offset, error.message()));
    }
    Ok(builder.finish())
}

struct Builder<'a> {
    text: &'a str,
    source: Source<'a>,
    limits: &'a Limits,
    nodes: Vec<Node>,
    depths: Vec<usize>,
    comments: Vec<Comment>,
    layout: Layout,
    /// The children of maps with more than [`FEW`] keys, so that no path is looked up by scanning many siblings.
    children: HashMap<(NodeId, Box<str>), NodeId>,
    /// The open brackets: the container, and how many comments stood before it.
    open: Vec<(NodeId, usize)>,
    /// The table whose header stands above.
    table: NodeId,
    header: Option<usize>,
    keys: Vec<Key>,
    /// Map and key of the value that comes next; `None` in a list.
    place: Option<(NodeId, Key)>,
    leaves: usize,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, limits: &'a Limits) -> Self {
        let root = Node {
            parent: None,
            kind: Kind::Map(Vec::new()),
            span: UNKNOWN,
            anchor: None,
            tag: None,
            tag_first: false,
            sealable: false,
        };
        Self {
            text,
            source: Source::new(text),
            limits,
            nodes: vec![root],
            depths: vec![1],
            comments: Vec::new(),
            layout: Layout { forms: vec![Form::Root], ..Layout::default() },
            children: HashMap::new(),
            open: Vec::new(),
            table: ROOT,
            header: None,
            keys: Vec::new(),
            place: None,
            leaves: 0,
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), ParseError> {
        let span = Span::new(event.span().start(), event.span().end());
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => self.header = Some(span.start),
            EventKind::StdTableClose => self.open_table(span.end, false)?,
            EventKind::ArrayTableClose => self.open_table(span.end, true)?,
            EventKind::SimpleKey => self.key(event, span)?,
            EventKind::KeyValSep => self.pair()?,
            EventKind::Scalar => self.scalar(event, span)?,
            EventKind::ArrayOpen => self.open_value(Kind::List(Vec::new()), span)?,
            EventKind::InlineTableOpen => self.open_value(Kind::Map(Vec::new()), span)?,
            EventKind::ArrayClose | EventKind::InlineTableClose => self.close_value(span.end)?,
            EventKind::Comment => {
                let above = (self.table != ROOT).then_some(self.table);
                let container = self.open.last().map(|(id, _)| *id).or(above);
                self.comments.push(Comment { span, marker: 1, container, part: 0 });
            }
            EventKind::KeySep
            | EventKind::ValueSep
            | EventKind::Whitespace
            | EventKind::Newline
            | EventKind::Error => {}
        }
        Ok(())
    }

    fn key(&mut self, event: &Event, span: Span) -> Result<(), ParseError> {
        let mut text = String::with_capacity(span.end - span.start);
        let mut error = None;
        if let Some(raw) = self.source.get(event) {
            raw.decode_key(&mut text, &mut error);
        }
        if let Some(error) = error {
            return Err(syntax(self.text, &error));
        }
        if text.len() > self.limits.key {
            return Err(self.over(span.start, format!("a key is over {} bytes", self.limits.key)));
        }
        self.keys.push(Key { text: text.into(), ambiguous: false, span });
        Ok(())
    }

    /// `[a.b]` or `[[a.b]]` is complete.
    fn open_table(&mut self, end: usize, is_element: bool) -> Result<(), ParseError> {
        let span = Span::new(self.header.take().unwrap_or(end), end);
        let mut keys = std::mem::take(&mut self.keys);
        let Some(last) = keys.pop() else { return Ok(()) };
        let mut parent = ROOT;
        for key in keys {
            parent = self.table_under(parent, key, span, Form::Implied)?;
        }
        let table = if is_element {
            let list = match self.child(parent, &last) {
                Some(list) if self.layout.forms[list.index()] == Form::Tables => list,
                Some(_) => return Err(self.twice(&last)),
                None => self.add(Some((parent, last)), Kind::List(Vec::new()), span, Form::Tables)?,
            };
            self.add_to(list, None, Kind::Map(Vec::new()), span, Form::Header)?
        } else {
            match self.child(parent, &last) {
                Some(_) => {
                    let table = self.table_under(parent, last, span, Form::Header)?;
                    self.layout.forms[table.index()] = Form::Header;
                    let own = &mut self.nodes[table.index()].span;
                    *own = Span::new(own.start.min(span.start), own.end.max(span.end));
                    table
                }
                None => self.add(Some((parent, last)), Kind::Map(Vec::new()), span, Form::Header)?,
            }
        };
        self.table = table;
        self.layout.headers.push(Header { span, table });
        Ok(())
    }

    /// `a.b =` is complete.
    fn pair(&mut self) -> Result<(), ParseError> {
        let mut keys = std::mem::take(&mut self.keys);
        let Some(last) = keys.pop() else { return Ok(()) };
        let start = keys.first().unwrap_or(&last).span.start;
        let table = self.open.last().map_or(self.table, |(id, _)| *id);
        let mut parent = table;
        for key in keys {
            parent = self.table_under(parent, key, UNKNOWN, Form::Dotted)?;
        }
        self.place = Some((parent, last));
        if self.open.is_empty() {
            // The value is the next node.
            let value = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
            self.layout.pairs.push(Pair { start, value, table });
        }
        Ok(())
    }

    /// The table under `key`, made where it is new; the last element where `key` names an array of tables.
    fn table_under(
        &mut self,
        parent: NodeId,
        key: Key,
        span: Span,
        form: Form,
    ) -> Result<NodeId, ParseError> {
        let Some(id) = self.child(parent, &key) else {
            return self.add(Some((parent, key)), Kind::Map(Vec::new()), span, form);
        };
        let own = &mut self.layout.forms[id.index()];
        if (*own, form) == (Form::Implied, Form::Dotted) {
            *own = form;
        }
        match (&self.nodes[id.index()].kind, *own) {
            (_, Form::Value) => Err(self.twice(&key)),
            (Kind::Map(_), _) => Ok(id),
            (Kind::List(items), Form::Tables) => items.last().copied().ok_or_else(|| self.twice(&key)),
            _ => Err(self.twice(&key)),
        }
    }

    fn child(&self, parent: NodeId, key: &Key) -> Option<NodeId> {
        match &self.nodes[parent.index()].kind {
            Kind::Map(entries) if entries.len() > FEW => {
                self.children.get(&(parent, key.text.as_str().into())).copied()
            }
            Kind::Map(entries) => {
                entries.iter().find(|entry| entry.key.text == key.text).map(|entry| entry.value)
            }
            _ => None,
        }
    }

    fn twice(&self, key: &Key) -> ParseError {
        let message = format!("the key `{}` has a value already", key.text.escape_debug());
        ParseError::at(self.text, key.span.start, message)
    }
}

/// Values.
impl Builder<'_> {
    fn scalar(&mut self, event: &Event, span: Span) -> Result<(), ParseError> {
        self.count_leaf(span)?;
        let value = scalar::decode(span.of(self.text), event.encoding()).map_err(|error| {
            let inside = syntax(self.text, &error);
            ParseError::at(self.text, span.start + place(&error), inside.message)
        })?;
        let style = match event.encoding() {
            None => Style::Plain,
            Some(Encoding::LiteralString) => Style::Single,
            Some(Encoding::BasicString) => Style::Double,
            Some(Encoding::MlLiteralString) => Style::MultiSingle,
            Some(Encoding::MlBasicString) => Style::MultiDouble,
        };
        let flow = !self.open.is_empty();
        let scalar = Scalar { token: span, body: None, style, value, flow, base: -1 };
        let place = self.place.take();
        self.add(place, Kind::Scalar(scalar), span, Form::Value)?;
        Ok(())
    }

    fn open_value(&mut self, kind: Kind, span: Span) -> Result<(), ParseError> {
        let place = self.place.take();
        let id = self.add(place, kind, span, Form::Value)?;
        self.open.push((id, self.comments.len()));
        Ok(())
    }

    fn close_value(&mut self, end: usize) -> Result<(), ParseError> {
        let Some((id, comments)) = self.open.pop() else { return Ok(()) };
        let has_comments = self.comments.len() > comments;
        let node = &mut self.nodes[id.index()];
        node.span.end = end;
        let start = node.span.start;
        let is_empty = match &node.kind {
            Kind::Map(entries) => entries.is_empty(),
            Kind::List(items) => items.is_empty(),
            _ => false,
        };
        if is_empty {
            // A token in its place would take the comments away.
            node.sealable &= !has_comments;
            self.count_leaf(Span::new(start, end))?;
        }
        Ok(())
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

    /// Adds a node under a key, or to the innermost open list.
    fn add(
        &mut self,
        place: Option<(NodeId, Key)>,
        kind: Kind,
        span: Span,
        form: Form,
    ) -> Result<NodeId, ParseError> {
        match place {
            Some((parent, key)) => self.add_to(parent, Some(key), kind, span, form),
            None => {
                let parent = self.open.last().map_or(self.table, |(id, _)| *id);
                self.add_to(parent, None, kind, span, form)
            }
        }
    }

    fn add_to(
        &mut self,
        parent: NodeId,
        key: Option<Key>,
        kind: Kind,
        span: Span,
        form: Form,
    ) -> Result<NodeId, ParseError> {
        let at = key.as_ref().map_or(span.start, |key| key.span.start);
        let depth = self.depths[parent.index()] + usize::from(!matches!(kind, Kind::Scalar(_)));
        if depth > self.limits.depth {
            return Err(too_deep(self.text, at, self.limits));
        }
        let Ok(number) = u32::try_from(self.nodes.len()) else {
            return Err(self.over(at, "the file has too many values".to_owned()));
        };
        let id = NodeId(number);
        if let Some(key) = key.as_ref().filter(|key| self.child(parent, key).is_some()) {
            return Err(self.twice(key));
        }
        match (&mut self.nodes[parent.index()].kind, key) {
            (Kind::Map(entries), Some(key)) => {
                entries.push(Entry { key, value: id });
                let new = if entries.len() == FEW + 1 { 0 } else { entries.len() - 1 };
                if entries.len() > FEW {
                    let named = |entry: &Entry| ((parent, entry.key.text.as_str().into()), entry.value);
                    self.children.extend(entries[new..].iter().map(named));
                }
            }
            (Kind::List(items), None) => items.push(id),
            _ => return Err(ParseError::at(self.text, at, "expected a key")),
        }
        let sealable = form == Form::Value;
        self.nodes.push(Node {
            parent: Some(parent),
            kind,
            span,
            anchor: None,
            tag: None,
            tag_first: false,
            sealable,
        });
        self.depths.push(depth);
        self.layout.forms.push(form);
        Ok(id)
    }

    fn over(&self, at: usize, message: String) -> ParseError {
        ParseError::limit(self.text, at, message)
    }

    /// Gives the containers without brackets their extents: from the first mention or child to the last descendant.
    fn finish(mut self) -> (Document, Layout) {
        for index in (0..self.nodes.len()).rev() {
            if self.layout.forms[index] != Form::Value {
                self.nodes[index].span = extent(&self.nodes, index);
            }
        }
        if self.nodes[0].span.end == 0 {
            let start = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
            self.nodes[0].span = Span::new(start, start);
        }
        let document = Document {
            source: self.text.into(),
            format: FormatCode::Toml,
            parts: vec![Part { root: ROOT, directives: Vec::new(), span: self.nodes[0].span }],
            nodes: self.nodes,
            comments: self.comments,
        };
        (document, self.layout)
    }
}

/// How many keys of a map are looked up by scanning them.
const FEW: usize = 8;
