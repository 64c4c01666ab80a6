//! The common shape of a file, read in one pass: block maps and lists, scalars of one line, `|` and `|-`, comments,
//! `---`. The first thing that it does not know ends it, and the engine reads the whole text. What it accepts it must
//! read exactly as the engine does; tests compare both over everything at hand.

use std::collections::HashSet;

use super::block::{Chomp, Header};
use super::parse::{Builder, is_known};
use super::{decode, schema};
use crate::document::{Comment, Document, Entry, Key, Kind, Node, NodeId, Part, Scalar, Span, Style, Value};
use crate::format::Limits;
use crate::secret::SecretText;

/// Reads `text`; `None` where anything in it is not simple, whether right or wrong.
pub(super) fn parse(source: &SecretText, limits: &Limits) -> Option<Document> {
    let text = source.as_str();
    if !is_simple_text(text) {
        return None;
    }
    let builder = Builder::new(source, limits);
    let mut fast = Fast {
        source,
        text,
        limits,
        builder,
        frames: Vec::new(),
        opening: None,
        in_part: false,
        last: 0,
        at: 0,
    };
    while fast.at < text.len() {
        fast.line()?;
    }
    fast.end_part()?;
    (!fast.builder.parts.is_empty()).then(|| fast.builder.finish())
}

struct Fast<'a> {
    source: &'a SecretText,
    text: &'a str,
    limits: &'a Limits,
    builder: Builder<'a>,
    /// The open block collections, outermost first.
    frames: Vec<Frame>,
    /// Where the `---` of a document stands whose root has not come yet.
    opening: Option<usize>,
    in_part: bool,
    /// One behind the last token.
    last: usize,
    /// Where the next line begins.
    at: usize,
}

struct Frame {
    id: NodeId,
    is_list: bool,
    /// In which column its keys or dashes stand.
    column: usize,
    /// One behind its last child.
    end: usize,
    /// What its next value belongs to.
    open: Open,
    /// The keys so far, once there are many.
    keys: HashSet<SecretText>,
}

/// What waits for a value.
enum Open {
    Nothing,
    /// A key; one behind its colon.
    Key(Key, usize),
    /// One behind a dash.
    Dash(usize),
}

/// A scalar of one line, and what stands behind it.
struct Found {
    style: Style,
    span: Span,
    /// One behind the colon that makes it a key.
    colon: Option<usize>,
}

impl Fast<'_> {
    fn line(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let rest = bytes.get(start..)?;
        let end = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = (end + 1).min(bytes.len());
        let column = rest.iter().take_while(|byte| **byte == b' ').count();
        let at = start + column;
        if at >= end {
            return Some(());
        }
        match bytes.get(at)? {
            b'#' => self.comment(at, end),
            b'-' | b'.' | b'%' if column == 0 && is_marker(bytes.get(at..end)?) => self.marker(at, end)?,
            _ => self.content(at, end, column)?,
        }
        Some(())
    }

    fn comment(&mut self, at: usize, end: usize) {
        let span = Span::new(at, end);
        self.builder.comments.push(Comment { span, marker: 1, container: None, part: 0 });
    }

    /// `---` alone on its line.
    fn marker(&mut self, at: usize, end: usize) -> Option<()> {
        let behind = self.text.get(at..end)?.strip_prefix("---")?;
        if !behind.bytes().all(|byte| byte == b' ') || self.opening.is_some() {
            return None;
        }
        self.end_part()?;
        self.opening = Some(at);
        self.last = at + 3;
        Some(())
    }

    fn end_part(&mut self) -> Option<()> {
        while !self.frames.is_empty() {
            self.close()?;
        }
        if self.in_part {
            self.builder.parts.last_mut()?.span.end = self.last;
            self.builder.ends.push(None);
        } else if self.opening.is_some() {
            return None;
        }
        self.in_part = false;
        Some(())
    }

    /// A line that begins with a key or a dash in `column`.
    fn content(&mut self, at: usize, end: usize, column: usize) -> Option<()> {
        let is_dash = self.is_dash(at, end);
        self.settle(at, column, is_dash)?;
        let (mut at, mut column) = (at, column);
        while self.is_dash(at, end) {
            if !self.is_at(column, true) {
                self.open(true, column, at)?;
            }
            self.last = at + 1;
            let frame = self.frames.last_mut()?;
            (frame.open, frame.end) = (Open::Dash(at + 1), at + 1);
            let next = self.skip_spaces(at + 1, end);
            (at, column) = (next, column + (next - at));
            if self.is_end(at, end) {
                return self.trailing(at, end);
            }
        }
        let found = self.scalar(at, end)?;
        let Some(colon) = found.colon else {
            // A list's element; anything else begins a scalar of several lines, or is wrong.
            return if is_dash { self.value(found, end) } else { None };
        };
        if !self.is_at(column, false) {
            self.open(false, column, found.span.start)?;
        }
        self.key(&found, colon)?;
        let at = self.skip_spaces(colon, end);
        if self.is_end(at, end) {
            return self.trailing(at, end);
        }
        match self.text.as_bytes().get(at)? {
            b'|' => self.literal(at, end),
            b'{' | b'[' => self.empty(at, end),
            _ => {
                let found = self.scalar(at, end)?;
                if found.colon.is_some() { None } else { self.value(found, end) }
            }
        }
    }

    /// Closes what ends before a line in `column`, and checks that the line continues or opens a collection.
    fn settle(&mut self, at: usize, column: usize, is_dash: bool) -> Option<()> {
        loop {
            let Some(frame) = self.frames.last() else {
                return (!self.in_part && self.begin_part(at).is_some()).then_some(());
            };
            let waits = !matches!(frame.open, Open::Nothing);
            let opens = column > frame.column || (column == frame.column && is_dash && !frame.is_list);
            if waits && opens {
                return Some(());
            }
            if column == frame.column && is_dash == frame.is_list {
                return self.fill();
            }
            // A list may stand in the column of its key, and then ends with the next key.
            if column > frame.column || (column == frame.column && !frame.is_list) {
                return None;
            }
            self.close()?;
            if self.frames.is_empty() {
                return None;
            }
        }
    }

    fn begin_part(&mut self, at: usize) -> Option<()> {
        self.in_part = true;
        let start = self.opening.take().unwrap_or(at);
        let root = NodeId(u32::try_from(self.builder.nodes.len()).ok()?);
        self.builder.parts.push(Part { root, directives: Vec::new(), span: Span::new(start, start) });
        Some(())
    }

    /// Whether the innermost collection is of that kind and in that column, and waits for an entry.
    fn is_at(&self, column: usize, is_list: bool) -> bool {
        self.frames.last().is_some_and(|frame| {
            frame.column == column && frame.is_list == is_list && matches!(frame.open, Open::Nothing)
        })
    }

    fn open(&mut self, is_list: bool, column: usize, start: usize) -> Option<()> {
        if self.frames.len() >= self.limits.depth {
            return None;
        }
        let kind = if is_list { Kind::List(Vec::new()) } else { Kind::Map(Vec::new()) };
        let id = self.push(kind, Span::new(start, start))?;
        self.frames.push(Frame {
            id,
            is_list,
            column,
            end: start,
            open: Open::Nothing,
            keys: HashSet::new(),
        });
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        self.fill()?;
        let frame = self.frames.pop()?;
        let node = self.builder.nodes.get_mut(frame.id.index())?;
        node.span.end = frame.end;
        match &mut node.kind {
            Kind::Map(entries) => entries.shrink_to_fit(),
            Kind::List(items) => items.shrink_to_fit(),
            _ => {}
        }
        if let Some(parent) = self.frames.last_mut() {
            parent.end = frame.end;
        }
        Some(())
    }

    /// Gives a key or dash without a value one of no width.
    fn fill(&mut self) -> Option<()> {
        let place = match self.frames.last()?.open {
            Open::Nothing => return Some(()),
            Open::Key(_, place) | Open::Dash(place) => place,
        };
        self.push(Kind::Empty, Span::new(place, place))?;
        self.last = self.last.max(place);
        self.frames.last_mut()?.end = place;
        Some(())
    }

    /// Adds a node in its parent's place for it.
    fn push(&mut self, kind: Kind, span: Span) -> Option<NodeId> {
        let nodes = &mut self.builder.nodes;
        let id = NodeId(u32::try_from(nodes.len()).ok()?);
        let mut parent = None;
        if let Some(frame) = self.frames.last_mut() {
            match (
                &mut nodes.get_mut(frame.id.index())?.kind,
                std::mem::replace(&mut frame.open, Open::Nothing),
            ) {
                (Kind::Map(entries), Open::Key(key, _)) => entries.push(Entry { key, value: id }),
                (Kind::List(items), Open::Dash(_)) => items.push(id),
                _ => return None,
            }
            parent = Some(frame.id);
        }
        nodes.push(Node { parent, kind, span, anchor: None, tag: None, tag_first: false, sealable: true });
        Some(id)
    }

    fn key(&mut self, found: &Found, colon: usize) -> Option<()> {
        let value = self.read(found)?;
        let ambiguous = found.style == Style::Plain && !schema::is_string(&value);
        if value.len() > self.limits.key || found.span.end - found.span.start > MOST_OF_A_KEY {
            return None;
        }
        let key = Key { text: value, ambiguous, span: found.span };
        let frame = self.frames.last_mut()?;
        let Kind::Map(entries) = &self.builder.nodes.get(frame.id.index())?.kind else { return None };
        if is_known(entries, &mut frame.keys, &key) {
            return None;
        }
        self.last = found.span.end;
        (frame.end, frame.open) = (found.span.end, Open::Key(key, colon));
        Some(())
    }

    /// A scalar of one line as the value that is waited for.
    fn value(&mut self, found: Found, end: usize) -> Option<()> {
        let text = self.read(&found)?;
        let value = if found.style == Style::Plain { schema::resolve(text) } else { Value::Str(text) };
        let behind = self.skip_spaces(found.span.end, end);
        self.leaf(found.style, (found.span, None), value)?;
        self.trailing(behind, end)
    }

    fn leaf(&mut self, style: Style, (token, body): (Span, Option<Span>), value: Value) -> Option<()> {
        self.count()?;
        let base = i32::try_from(self.frames.last()?.column).ok()?;
        let ends = body.map_or(token.end, |body| body.end);
        if ends - token.start > self.limits.leaf {
            return None;
        }
        let scalar = Scalar { token, body, style, value, flow: false, base };
        self.push(Kind::Scalar(scalar), token)?;
        self.last = ends;
        self.frames.last_mut()?.end = token.end;
        Some(())
    }

    fn count(&mut self) -> Option<()> {
        self.builder.leaves += 1;
        (self.builder.leaves <= self.limits.leaves).then_some(())
    }

    /// `|` and `|-`, whose first line holds something.
    fn literal(&mut self, at: usize, end: usize) -> Option<()> {
        let header = Header::read(self.text.get(at..end)?)?;
        let token = Span::new(at, at + header.len);
        let is_simple = !header.folded && header.indent.is_none() && header.chomp != Chomp::Keep;
        if !is_simple || self.skip_spaces(token.end, end) != end {
            return None;
        }
        let first = self.text.get(self.at..)?;
        let first = first.get(..memchr::memchr(b'\n', first.as_bytes())?)?;
        let base = i32::try_from(self.frames.last()?.column).ok()?;
        let body = header.body(self.text, self.at, base);
        let span = Span::new(self.at, body.end);
        if first.bytes().all(|byte| byte == b' ') || span.is_empty() || !span.of(self.text).ends_with('\n') {
            return None;
        }
        let value = Value::Str(header.decode(span.of(self.text), body.indent));
        self.leaf(Style::Literal, (token, Some(span)), value)?;
        self.at = body.end;
        Some(())
    }

    /// `{}` and `[]`.
    fn empty(&mut self, at: usize, end: usize) -> Option<()> {
        let kind = match self.text.get(at..at + 2)? {
            "{}" => Kind::Map(Vec::new()),
            "[]" => Kind::List(Vec::new()),
            _ => return None,
        };
        if self.frames.len() >= self.limits.depth {
            return None;
        }
        self.count()?;
        self.push(kind, Span::new(at, at + 2))?;
        self.last = at + 2;
        self.frames.last_mut()?.end = at + 2;
        self.trailing(self.skip_spaces(at + 2, end), end)
    }

    /// What a scalar says.
    fn read(&self, found: &Found) -> Option<SecretText> {
        match found.style {
            Style::Plain => Some(self.source.slice(found.span.start, found.span.end)),
            style => {
                let inner = Span::new(found.span.start + 1, found.span.end - 1);
                let escape = if style == Style::Single { '\'' } else { '\\' };
                if inner.of(self.text).contains(escape) {
                    return decode::flow_scalar(style, found.span.of(self.text));
                }
                Some(self.source.slice(inner.start, inner.end))
            }
        }
    }

    /// Finds the scalar that begins at `at` and ends on its line.
    fn scalar(&self, at: usize, end: usize) -> Option<Found> {
        let line = self.text.as_bytes().get(..end)?;
        let first = *line.get(at)?;
        let quote = match first {
            b'"' | b'\'' => Some(closing(line, at, first)?),
            b'-' | b'?' | b':' if line.get(at + 1).is_none_or(|next| *next == b' ') => return None,
            _ if b",[]{}#&*!|>@`%".contains(&first) => return None,
            _ => None,
        };
        let (style, mut from) = match quote {
            Some(behind) => (if first == b'"' { Style::Double } else { Style::Single }, behind),
            None => (Style::Plain, at),
        };
        let span = loop {
            let found = memchr::memchr2(b':', b'#', line.get(from..)?).map_or(end, |found| from + found);
            let is_colon = line.get(found) == Some(&b':');
            if is_colon && line.get(found + 1).is_none_or(|next| *next == b' ') {
                let span = Span::new(at, quote.unwrap_or(found));
                let fits = span.end == found && found > at && line.get(found - 1) != Some(&b' ');
                return fits.then_some(Found { style, span, colon: Some(found + 1) });
            }
            if found == end || (!is_colon && found > at && line.get(found - 1) == Some(&b' ')) {
                break Span::new(at, quote.unwrap_or(found));
            }
            if quote.is_some() {
                return None;
            }
            from = found + 1;
        };
        let kept = span.of(self.text).trim_end_matches(' ').len();
        Some(Found { style, span: Span::new(at, at + kept), colon: None })
    }

    fn is_dash(&self, at: usize, end: usize) -> bool {
        let line = self.text.as_bytes().get(at..end).unwrap_or_default();
        matches!(line, [b'-'] | [b'-', b' ', ..])
    }

    fn skip_spaces(&self, at: usize, end: usize) -> usize {
        let line = self.text.as_bytes().get(at..end).unwrap_or_default();
        at + line.iter().take_while(|byte| **byte == b' ').count()
    }

    /// Whether nothing but a comment stands between `at`, behind blanks, and the end of the line.
    fn is_end(&self, at: usize, end: usize) -> bool {
        let bytes = self.text.as_bytes();
        at >= end || (bytes.get(at) == Some(&b'#') && at > 0 && bytes.get(at - 1) == Some(&b' '))
    }

    fn trailing(&mut self, at: usize, end: usize) -> Option<()> {
        if !self.is_end(at, end) {
            return None;
        }
        if at < end {
            self.comment(at, end);
        }
        Some(())
    }
}

/// One behind the quote that closes the one at `at`.
fn closing(line: &[u8], at: usize, quote: u8) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let found = from + memchr::memchr2(quote, b'\\', line.get(from..)?)?;
        match (line.get(found)?, line.get(found + 1)) {
            (b'\\', _) if quote == b'"' => from = found + 2,
            (b'\\', _) => from = found + 1,
            (b'\'', Some(b'\'')) => from = found + 2,
            _ => return Some(found + 1),
        }
    }
}

/// Whether a line at column 0 is a marker or a directive.
fn is_marker(line: &[u8]) -> bool {
    let is_word = matches!(line.get(..3), Some(b"---" | b"..."));
    line.first() == Some(&b'%') || (is_word && line.get(3).is_none_or(|next| *next == b' '))
}

/// Whether the text holds only characters that need no thought: no tabs, carriage returns, controls, byte order marks,
/// line separators or noncharacters.
fn is_simple_text(text: &str) -> bool {
    // Without a branch in it the loop is vectorised.
    let (mut odd, mut wide) = (false, false);
    for byte in text.as_bytes() {
        odd |= (*byte < b' ' && *byte != b'\n') || *byte == 0x7F;
        wide |= *byte >= 0x80;
    }
    let is_simple = |c: char| match c {
        '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        _ => c.is_ascii() || ('\u{a0}'..='\u{d7ff}').contains(&c) || ('\u{e000}'..='\u{fffd}').contains(&c),
    };
    !odd && (!wide || text.chars().all(is_simple))
}

/// YAML limits keys without `?` to 1024 characters; longer ones are for the engine to judge.
const MOST_OF_A_KEY: usize = 1000;
