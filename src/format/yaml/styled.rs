//! Tokens and values in the style that the source has in their place: quotes stay quotes, blocks stay blocks.

use super::block::{Chomp, Header, absorbs};
use super::lines::{Eol, Line, ends_with_break, line_end};
use super::replace::Editor;
use super::{decode, schema, write};
use crate::document::{Document, NodeId, Scalar, Splice, Style, Value};
use crate::secret::{SecretString, SecretText};

/// Puts a token in a leaf's place. In brackets, where it cannot stand bare, it gets single quotes.
pub(super) fn token(document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
    let Some(scalar) = document.scalar(id) else {
        return vec![Splice::new(document.node(id).span, format!("\"{token}\""))];
    };
    match (scalar.style, scalar.body) {
        (Style::Plain, _) if !scalar.flow => vec![Splice::new(scalar.token, token)],
        (Style::Double, _) => vec![Splice::new(scalar.token, format!("\"{token}\""))],
        (Style::Literal | Style::Folded, Some(body)) => {
            let indent = " ".repeat(Block::of(document, scalar).map_or(2, |block| block.indent));
            let text = body.of(&document.source);
            let lines = match Eol::at(text, 0).filter(|_| is_open(text)) {
                Some(eol) => format!("{}{indent}{token}", eol.as_str()),
                None => format!("{indent}{token}{}", break_of(document).as_str()),
            };
            vec![Splice::new(body, lines)]
        }
        _ => vec![Splice::new(scalar.token, format!("'{token}'"))],
    }
}

/// Puts a value in a token's place.
pub(super) fn value(document: &Document, id: NodeId, value: &Value, bare: bool) -> Vec<Splice> {
    let Some(scalar) = document.scalar(id) else {
        return vec![Splice::new(document.node(id).span, write::one_line(value))];
    };
    let line = |text: SecretText| {
        let body = scalar.body.map(|body| Splice::new(body, ""));
        std::iter::once(Splice::new(scalar.token, text)).chain(body).collect()
    };
    let Value::Str(text) = value else { return line(write::one_line(value)) };
    // What a tag says to be a string is one in any spelling.
    let tagged = document.node(id).tag.is_some();
    let block = || Block::of(document, scalar).and_then(|block| block.splices(text));
    match scalar.style {
        Style::Literal | Style::Folded => block().unwrap_or_else(|| line(write::double_quoted(text))),
        Style::Double => line(write::double_quoted(text)),
        Style::Single if !scalar.flow => line(single(text)),
        _ if (bare || tagged) && is_bare(text, scalar.flow, tagged) => line(text.clone()),
        Style::Single => line(single(text)),
        _ => new_block(document, scalar, text).unwrap_or_else(|| line(write::string(text))),
    }
}

fn single(text: &str) -> SecretText {
    write::single_quoted(text).unwrap_or_else(|| write::double_quoted(text))
}

/// A string of several lines that stands bare as a token: a literal block, as SOPS itself writes it.
fn new_block(document: &Document, scalar: &Scalar, text: &str) -> Option<Vec<Splice>> {
    if scalar.flow || scalar.base < 0 || !text.contains('\n') {
        return None;
    }
    let indent = usize::try_from(scalar.base).ok()? + 2;
    let (header, lines) = write::literal(text, indent, scalar.base, break_of(document))?;
    let behind = Line::at(&document.source, line_end(&document.source, scalar.token.end)).next;
    if absorbs(&document.source, behind, Chomp::Clip, Some(indent), indent) {
        return None;
    }
    let body = Editor::new(document, true).behind_line(scalar.token.end, &lines, None);
    Some(vec![Splice::new(scalar.token, header), body])
}

/// A block scalar in its place.
struct Block<'a> {
    document: &'a Document,
    scalar: &'a Scalar,
    header: Header,
    /// The column of its lines.
    indent: usize,
}

impl<'a> Block<'a> {
    fn of(document: &'a Document, scalar: &'a Scalar) -> Option<Self> {
        let source = &document.source;
        let header = Header::read(scalar.token.of(source))?;
        let from = Line::at(source, line_end(source, scalar.token.end)).next;
        let least = usize::try_from(scalar.base).unwrap_or(0) + 2;
        let indent = header.body(source, from, scalar.base).indent.unwrap_or(least);
        Some(Self { document, scalar, header, indent })
    }

    /// The lines of `text` below the header; where that does not read as `text`, below one that does.
    fn splices(&self, text: &str) -> Option<Vec<Splice>> {
        let body = self.scalar.body?;
        let old = body.of(&self.document.source);
        let eol = break_of(self.document);
        let open = Eol::at(old, 0).filter(|_| is_open(old));
        let chomp = match (text.ends_with('\n'), text.ends_with("\n\n") || text == "\n") {
            (_, true) => Chomp::Keep,
            (true, false) => Chomp::Clip,
            (false, false) => Chomp::Strip,
        };
        let kinds =
            [self.header, Header { chomp, ..self.header }, Header { chomp, folded: false, ..self.header }];
        kinds.into_iter().find_map(|header| {
            let lines =
                if header.folded { folded(text, self.indent, eol) } else { literal(text, self.indent, eol) };
            let lines = match open {
                Some(_) => lines.strip_suffix(eol.as_str())?.into(),
                None => lines,
            };
            let found = header.body(&lines, 0, self.scalar.base);
            let reads = found.end == lines.len() && *header.decode(&lines, found.indent) == *text;
            if !reads || (open.is_none() && self.absorbs(header.chomp, found.indent)) {
                return None;
            }
            let lead = open.map_or("", Eol::as_str);
            let mut new = SecretString::new(String::with_capacity(lead.len() + lines.len()));
            new.push_str(lead);
            new.push_str(&lines);
            let header = (header != self.header).then(|| Splice::new(self.scalar.token, name(header)));
            Some(header.into_iter().chain([Splice::new(body, new)]).collect())
        })
    }

    /// Whether the lines behind would become part of it.
    fn absorbs(&self, chomp: Chomp, indent: Option<usize>) -> bool {
        let Some(body) = self.scalar.body else { return false };
        let least = usize::try_from(self.scalar.base + 1).unwrap_or(0);
        absorbs(&self.document.source, body.end, chomp, indent, least)
    }
}

fn name(header: Header) -> String {
    let style = if header.folded { ">" } else { "|" };
    let indent = header.indent.map(|indent| indent.to_string()).unwrap_or_default();
    let chomp = match header.chomp {
        Chomp::Clip => "",
        Chomp::Strip => "-",
        Chomp::Keep => "+",
    };
    format!("{style}{indent}{chomp}")
}

/// The lines of a literal block, each with its break.
fn literal(text: &str, indent: usize, eol: Eol) -> SecretText {
    lines_of(text, indent, eol, |_, _| false)
}

/// Those of a folded one: where two lines would be joined, an empty one parts them.
fn folded(text: &str, indent: usize, eol: Eol) -> SecretText {
    let is_flush = |line: &str| !line.is_empty() && !line.starts_with([' ', '\t']);
    lines_of(text, indent, eol, |above, line| is_flush(above) && is_flush(line))
}

/// `parts` tells of a line, and the last one above it that is not empty, whether an empty line must part them.
fn lines_of(text: &str, indent: usize, eol: Eol, parts: impl Fn(&str, &str) -> bool) -> SecretText {
    let content = text.strip_suffix('\n').unwrap_or(text);
    let count = content.split('\n').count();
    let mut out = SecretString::new(String::with_capacity(text.len() + count * (indent + 2 * eol.len())));
    let mut above = "";
    for line in content.split('\n') {
        if parts(above, line) {
            out.push_str(eol.as_str());
        }
        if !line.is_empty() {
            (0..indent).for_each(|_| out.push(' '));
            out.push_str(line);
            above = line;
        }
        out.push_str(eol.as_str());
    }
    out.into()
}

/// Whether a body begins with the break before it, because the file ends in it without one.
fn is_open(body: &str) -> bool {
    Eol::at(body, 0).is_some() && !ends_with_break(body)
}

fn break_of(document: &Document) -> Eol {
    Eol::last_before(&document.source, document.source.len()).unwrap_or(Eol::Lf)
}

/// Whether a string reads as itself without quotes: no indicator in front, no comment and no key in it, and, in
/// brackets, nothing that ends an element.
fn is_bare(text: &str, flow: bool, tagged: bool) -> bool {
    let mut chars = text.chars();
    let (first, second) = (chars.next(), chars.next());
    let begins = match first {
        None => false,
        Some('-' | '?' | ':') => {
            second.is_some_and(|c| !matches!(c, ' ' | '\t' | ',' | '[' | ']' | '{' | '}'))
        }
        Some(c) => !",[]{}#&*!|>'\"%@` \t".contains(c),
    };
    let is_printable =
        |c: char| c == '\t' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    let ends_element = flow && text.contains([',', '[', ']', '{', '}']);
    begins
        && !ends_element
        && !text.ends_with([' ', '\t', ':'])
        && ["---", "..."].iter().all(|mark| !text.starts_with(mark))
        && [": ", ":\t", " #", "\t#"].iter().all(|part| !text.contains(part))
        && text.chars().all(is_printable)
        && (tagged || schema::is_string(text))
        && decode::flow_scalar(Style::Plain, text).is_some_and(|read| *read == *text)
}
