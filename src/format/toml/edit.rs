//! Changes of single values. A new map becomes a table with a header where its parent is one, else an inline table.

use super::layout::{Form, Header, ROOT};
use super::places::Places;
use super::scalar::{is_bare, write_styled};
use super::write::{is_table, is_tables, write_entries, write_header, write_inline, write_key, write_table};
use crate::document::{Document, Kind, NodeId, Span, Splice, Step, Style, Tree, Value};
use crate::format::EditError;
use crate::format::line::{LineBreak, end_of_line};
use crate::secret::{SecretString, SecretText};

/// Puts `value` in place of the value `id`.
pub(super) fn replace(document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
    let places = Places::new(document)?;
    check(value, places.span(id).start)?;
    places.replace(id, value)
}

/// Adds `value` to the container `parent`.
pub(super) fn insert(
    document: &Document,
    parent: NodeId,
    step: &Step,
    value: &Tree,
) -> Result<Vec<Splice>, EditError> {
    let places = Places::new(document)?;
    let offset = places.span(parent).start;
    check(value, offset)?;
    match (&document.node(parent).kind, step) {
        (Kind::Map(entries), Step::Key(key)) => {
            if entries.iter().any(|entry| entry.key.text == *key) {
                return Err(error(offset, "the table has this key already"));
            }
            Ok(places.insert_key(parent, key, value))
        }
        (Kind::List(items), Step::Index(index)) => {
            if *index != items.len() {
                return Err(error(offset, "a list takes a new element only at its end"));
            }
            places.append(parent, value)
        }
        (Kind::Map(_), Step::Index(_)) => Err(error(offset, "a table takes a key, not an index")),
        (Kind::List(_), Step::Key(_)) => Err(error(offset, "a list takes an index, not a key")),
        _ => Err(error(offset, "only a table or a list takes new values")),
    }
}

/// Takes the entry or element `id` out.
pub(super) fn remove(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let places = Places::new(document)?;
    let Some(parent) = document.node(id).parent else {
        return Err(error(places.span(id).start, "the root cannot be removed"));
    };
    // What exists only through its children must be written out when the last one goes.
    if places.count(parent) == 1 {
        match places.form(parent) {
            Form::Implied | Form::Dotted => return places.replace(parent, &Tree::Leaf(Value::EmptyMap)),
            Form::Tables => return places.replace(parent, &Tree::Leaf(Value::EmptyList)),
            Form::Root | Form::Value | Form::Header => {}
        }
    }
    if let Some(bracket) = places.bracket(id) {
        let (items, values) = places.items(bracket);
        let gone: Vec<bool> = values.iter().map(|value| places.is_below(*value, id)).collect();
        return Ok(items.remove(&gone));
    }
    let mut splices = places.without_pairs(places.pairs(id));
    let sections = places.sections(places.headers(id));
    splices.extend(sections.iter().map(|span| Splice::new(places.with_blank_lines(*span), "")));
    Ok(splices)
}

impl Places<'_> {
    fn replace(&self, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        match self.form(id) {
            Form::Root => self.replace_root(value),
            Form::Value => Ok(vec![Splice::new(self.span(id), self.styled(id, value))]),
            Form::Dotted => Ok(self.replace_dotted(id, value)),
            Form::Header | Form::Implied | Form::Tables => self.replace_table(id, value),
        }
    }

    fn replace_root(&self, value: &Tree) -> Result<Vec<Splice>, EditError> {
        let mut out = SecretString::default();
        match value {
            Tree::Map(_) => write_entries(&mut out, &[], value, self.line_break),
            Tree::Leaf(Value::EmptyMap) => {}
            _ => return Err(error(self.begin, "the root of a TOML file is a table: give a map")),
        }
        Ok(vec![Splice::new(Span::new(self.begin, self.text.len()), out)])
    }

    /// A value in the quotes that stood there.
    fn styled(&self, id: NodeId, value: &Tree) -> SecretText {
        let mut out = SecretString::default();
        match (self.document.scalar(id), value) {
            (Some(scalar), Tree::Leaf(Value::Str(text) | Value::Ambiguous(text))) => {
                let multi_line = matches!(scalar.style, Style::MultiDouble | Style::MultiSingle);
                let begins_line =
                    multi_line && LineBreak::at(self.text, scalar.token.start + 3) != LineBreak::None;
                write_styled(&mut out, text, scalar.style, begins_line, self.line_break);
            }
            _ => write_inline(&mut out, value),
        }
        out.into()
    }

    /// Its first pair takes the new value, the others go.
    fn replace_dotted(&self, id: NodeId, value: &Tree) -> Vec<Splice> {
        if let Some(bracket) = self.bracket(id) {
            let (items, values) = self.items(bracket);
            let mut gone: Vec<bool> = values.iter().map(|value| self.is_below(*value, id)).collect();
            let first = gone.iter().position(|gone| *gone).unwrap_or_default();
            gone[first] = false;
            let mut splices = items.remove(&gone);
            splices.push(Splice::new(items.items[first].span, pair(&self.path(bracket, id), value)));
            return splices;
        }
        let mut pairs = self.pairs(id);
        let mut splices = Vec::new();
        if let Some(first) = pairs.next() {
            let span = Span::new(first.start, self.span(first.value).end);
            splices.push(Splice::new(span, pair(&self.path(first.table, id), value)));
        }
        splices.extend(self.without_pairs(pairs));
        let sections = self.sections(self.headers(id));
        splices.extend(sections.iter().map(|span| Splice::new(self.with_blank_lines(*span), "")));
        splices
    }

    /// Tables take the place of the first section, and everything else becomes a pair of the parent.
    fn replace_table(&self, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        let offset = self.span(id).start;
        let Some(parent) = self.document.node(id).parent else { return self.replace_root(value) };
        let path = self.path(ROOT, id);
        let is_element = self.form(parent) == Form::Tables;
        let is_map = is_table(value) || *value == Tree::Leaf(Value::EmptyMap);
        let mut out = SecretString::default();
        match value {
            Tree::List(items) if self.form(id) == Form::Tables && is_tables(value) => {
                items.iter().for_each(|item| write_table(&mut out, &path, true, item, self.line_break));
            }
            _ if is_map && self.form(id) != Form::Tables => {
                write_table(&mut out, &path, is_element, value, self.line_break);
            }
            _ if is_element => return Err(error(offset, "an element of an array of tables is a table")),
            _ => {}
        }
        let spans = self.sections(self.headers(id));
        let mut splices = Vec::new();
        if out.is_empty() {
            let key = self.key(parent, id).unwrap_or_default();
            splices.extend(self.insert_pair(parent, key, value));
        } else if spans.first().is_some_and(|first| !self.text[..first.end].ends_with('\n')) {
            let length = out.len() - self.line_break.len();
            out.truncate(length);
        }
        for (index, span) in spans.iter().enumerate() {
            let text = if index == 0 { std::mem::take(&mut out) } else { SecretString::default() };
            splices.push(Splice::new(*span, text));
        }
        Ok(splices)
    }

    fn insert_key(&self, parent: NodeId, key: &str, value: &Tree) -> Vec<Splice> {
        match self.form(parent) {
            Form::Value => self.append_item(parent, &pair(&[key], value)),
            Form::Dotted => {
                if let Some(bracket) = self.bracket(parent) {
                    let path = [self.path(bracket, parent).as_slice(), &[key]].concat();
                    return self.append_item(bracket, &pair(&path, value));
                }
                let last = self.pairs(parent).next_back();
                last.map(|last| {
                    let path = [self.path(last.table, parent).as_slice(), &[key]].concat();
                    let line = pair(&path, value);
                    self.line_behind(self.span(last.value).end, self.indent(last.start), &line)
                })
                .into_iter()
                .collect()
            }
            _ if is_table(value) || is_tables(value) => {
                let path = [self.path(ROOT, parent).as_slice(), &[key]].concat();
                let mut out = SecretString::default();
                match value {
                    Tree::List(items) => {
                        items
                            .iter()
                            .for_each(|item| write_table(&mut out, &path, true, item, self.line_break));
                    }
                    _ => write_table(&mut out, &path, false, value, self.line_break),
                }
                vec![self.section_behind(parent, out)]
            }
            _ => self.insert_pair(parent, key, value),
        }
    }

    /// A pair in the section of a table: behind its last one, else behind its header.
    fn insert_pair(&self, parent: NodeId, key: &str, value: &Tree) -> Vec<Splice> {
        let line = pair(&[key], value);
        let splice = match (self.form(parent), self.last_pair(parent), self.headers(parent).next()) {
            (Form::Root | Form::Header, Some(last), _) => {
                self.line_behind(self.span(last.value).end, self.indent(last.start), &line)
            }
            (Form::Header, None, _) => {
                let own = self.headers(parent).find(|(_, header)| header.table == parent);
                let span = own.map_or(self.span(parent), |(_, header)| header.span);
                self.line_behind(span.end, self.indent(span.start), &line)
            }
            (Form::Dotted | Form::Value, ..) => return self.insert_key(parent, key, value),
            (Form::Root, None, Some((_, first))) => self.block_before(first, &line),
            (_, _, Some((_, first))) => {
                let mut header = String::new();
                write_header(&mut header, &self.path(ROOT, parent), false);
                self.block_before(first, &format!("{header}{}{}", self.line_break, line.as_str()))
            }
            (_, _, None) => self.at_end(&line),
        };
        vec![splice]
    }

    fn append(&self, list: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        if self.form(list) != Form::Tables {
            let mut out = SecretString::default();
            write_inline(&mut out, value);
            return Ok(self.append_item(list, &out));
        }
        if !is_table(value) && *value != Tree::Leaf(Value::EmptyMap) {
            return Err(error(
                self.span(list).start,
                "an element of an array of tables is a table: give a map",
            ));
        }
        let mut out = SecretString::default();
        write_table(&mut out, &self.path(ROOT, list), true, value, self.line_break);
        Ok(vec![self.section_behind(list, out)])
    }

    /// Adds a last item to a container in brackets.
    fn append_item(&self, bracket: NodeId, text: &str) -> Vec<Splice> {
        let (items, _) = self.items(bracket);
        let span = self.span(bracket);
        let inside = &self.text[span.start + 1..span.end - 1];
        if items.items.is_empty() && inside.trim().is_empty() {
            let around = if self.text[span.start..].starts_with('{') { " " } else { "" };
            let inside = Span::new(span.start + 1, span.end - 1);
            return vec![Splice::new(inside, format!("{around}{text}{around}"))];
        }
        let line = format!("{}{}", self.line_break, items.indentation().unwrap_or("  "));
        items.append(text, if items.is_multi_line() { &line } else { items.parting() }, &line)
    }

    /// A line behind the line of `at`.
    fn line_behind(&self, at: usize, indent: &str, line: &str) -> Splice {
        let at = end_of_line(self.text, at);
        Splice::new(Span::new(at, at), format!("{}{indent}{line}", self.line_break))
    }

    /// Lines and a blank one before a header and its comments.
    fn block_before(&self, header: Header, lines: &str) -> Splice {
        let at = self.block_start(header);
        Splice::new(Span::new(at, at), format!("{lines}{0}{0}", self.line_break))
    }

    /// Sections behind everything below `parent`, parted by a blank line.
    fn section_behind(&self, parent: NodeId, mut text: SecretString) -> Splice {
        let end = match parent {
            ROOT => self.content_end(),
            _ => self.headers(parent).next_back().map(|(_, header)| self.section_end(header)),
        };
        let length = text.len() - self.line_break.len();
        text.truncate(length);
        match end {
            Some(end) => {
                let parting = self.line_break;
                Splice::new(Span::new(end, end), format!("{parting}{parting}{}", text.as_str()))
            }
            None => self.at_end(&text),
        }
    }

    /// A line at the end of a file without values.
    fn at_end(&self, line: &str) -> Splice {
        let at = self.text.len();
        let is_closed = at == self.begin || self.text.ends_with('\n');
        let text = if is_closed {
            format!("{line}{}", self.line_break)
        } else {
            format!("{}{line}", self.line_break)
        };
        Splice::new(Span::new(at, at), text)
    }
}

/// `a.b = value`.
fn pair(path: &[&str], value: &Tree) -> SecretText {
    let mut out = SecretString::default();
    for (index, key) in path.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "." });
        write_key(&mut out, key);
    }
    out.push_str(" = ");
    write_inline(&mut out, value);
    out.into()
}

fn error(offset: usize, reason: &str) -> EditError {
    EditError { offset, reason: reason.to_owned() }
}

/// Refuses what TOML has no form for.
fn check(value: &Tree, offset: usize) -> Result<(), EditError> {
    match value {
        Tree::Map(entries) => entries.iter().try_for_each(|(_, value)| check(value, offset)),
        Tree::List(items) => items.iter().try_for_each(|item| check(item, offset)),
        Tree::Leaf(Value::Null) => Err(error(offset, "TOML has no null: remove the key instead")),
        Tree::Leaf(value @ (Value::Int(_) | Value::Float(_) | Value::Time(_))) if !is_bare(value) => {
            Err(error(offset, "TOML has no form for this number or date: write it as a string"))
        }
        Tree::Leaf(_) => Ok(()),
    }
}
