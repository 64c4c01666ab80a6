//! A top-level entry at the end of any document of a file: in, out, and in again with its own text.

use super::edit;
use super::lines::{
    Eol, Line, begins_line, break_before, ends_with_break, is_marker, line_end, line_start, lines,
};
use super::places::content_end;
use super::spelling::{block_column, is_bracketed};
use super::write::Writer;
use crate::document::{Document, Kind, NodeId, Span, Splice, Step};
use crate::format::{Addition, Cut, EditError, top_entry};
use crate::secret::{SecretString, SecretText};

/// Adds an entry behind everything else of a part.
///
/// # Errors
/// [`EditError`] where the root is no map, or has that key.
pub(super) fn add(
    document: &Document,
    part: usize,
    name: &str,
    addition: &Addition<'_>,
) -> Result<Vec<Splice>, EditError> {
    let source = &*document.source;
    let root = document.parts.get(part).map(|part| part.root);
    if let Some((key, _)) = top_entry(document, part, name) {
        return Err(EditError::taken(key.start, name));
    }
    let column = match root {
        None => 0,
        Some(root) => match &document.node(root).kind {
            Kind::Empty => 0,
            Kind::Map(entries) if !entries.is_empty() && !is_bracketed(document, root) => {
                block_column(document, root)
            }
            _ => return insert(document, root, name, addition),
        },
    };
    let eol = Eol::last_before(source, source.len()).unwrap_or(Eol::Lf);
    let entry = match addition {
        Addition::Text(text) if column == 0 => SecretText::from(format!("{text}{}", eol.as_str())),
        Addition::Text(_) => return Err(EditError { offset: 0, reason: "it has another column".to_owned() }),
        Addition::Tree(tree) => bare_tokens(&Writer { eol, literals: true }.entry(name, tree, column)),
    };
    let at = end_of(document, part);
    let has_break = at == 0 || ends_with_break(source.get(..at).unwrap_or_default());
    let mut text = SecretString::new(String::with_capacity(entry.len() + column + 4));
    if !has_break {
        text.push_str(eol.as_str());
    }
    (0..column).for_each(|_| text.push(' '));
    let is_last = at == source.len();
    let end = if has_break || !is_last { entry.len() } else { break_before(&entry, entry.len()) };
    text.push_str(entry.get(..end).unwrap_or_default());
    Ok(vec![Splice::new(Span::new(at, at), text)])
}

/// Into a map in brackets.
fn insert(
    document: &Document,
    root: NodeId,
    name: &str,
    addition: &Addition<'_>,
) -> Result<Vec<Splice>, EditError> {
    let Addition::Tree(tree) = addition else {
        return Err(EditError { offset: 0, reason: "the file has no place for it".to_owned() });
    };
    edit::insert(document, root, &Step::Key(name.into()), tree)
}

/// Takes an entry out.
///
/// # Errors
/// [`EditError`] where the place does not allow it.
pub(super) fn cut(document: &Document, part: usize, name: &str) -> Result<Option<Cut>, EditError> {
    let Some((key, value)) = top_entry(document, part, name) else { return Ok(None) };
    let source = &*document.source;
    let root = document.parts.get(part).map_or(NodeId(0), |part| part.root);
    let end = content_end(document, value).max(key.end);
    let is_lines = !is_bracketed(document, root) && begins_line(source, key.start);
    if !is_lines {
        return Ok(Some(Cut { splices: edit::remove(document, value)?, text: None }));
    }
    let start = line_start(source, key.start);
    let last = break_before(source, end);
    let next = if last < end { end } else { Line::at(source, line_end(source, end)).next };
    let is_open = next == source.len() && !ends_with_break(source);
    let gone = if is_open { Span::new(break_before(source, start), next) } else { Span::new(start, next) };
    let text = Span::new(key.start, last.max(key.start)).of(source);
    Ok(Some(Cut { splices: vec![Splice::new(gone, "")], text: Some(text.into()) }))
}

/// Where a part ends: at the marker behind its content, or at the end of the file.
fn end_of(document: &Document, part: usize) -> usize {
    let source = &*document.source;
    let Some(own) = document.parts.get(part) else { return source.len() };
    let from = content_end(document, own.root).max(own.span.end);
    let mut rest = lines(source, line_start(source, from)).filter(|line| line.start >= from);
    let next = document.parts.get(part + 1).map_or(source.len(), |next| next.span.start);
    rest.find(|line| is_marker(line.of(source)) || line.start >= next).map_or(source.len(), |line| line.start)
}

/// SOPS writes its tokens without quotes, and programs that look for SOPS files look for that.
fn bare_tokens(text: &str) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(text.len()));
    for line in text.split_inclusive('\n') {
        let end = line.trim_end_matches(['\n', '\r']).len();
        let (content, eol) = line.split_at(end);
        match content.split_once(": \"ENC[").and_then(|(key, rest)| Some((key, rest.strip_suffix("]\"")?))) {
            Some((key, rest)) => [key, ": ENC[", rest, "]", eol].iter().for_each(|part| out.push_str(part)),
            None => out.push_str(line),
        }
    }
    out.into()
}
