//! INI files as SOPS reads them: values are cut at `#` and `;`, quotes around them are taken off, a backslash at a
//! line's end goes on with the next line, and what stands above the first header is the section `DEFAULT`.
//!
//! A comment's lines belong together, those before a key or header and the one behind it. Here each line is a comment of
//! its own; all of one owner have its node for their container.

mod edit;
mod read;
mod value;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::read::{Content, Owner, Section};
use crate::document::{
    Comment, Document, Entry, FormatCode, Key, Kind, Node, NodeId, Part, Scalar, Span, Spelling, Splice,
    Step, Style, Tree, Value,
};
use crate::format::{Addition, Cut, EditError, Format, Limits, ParseError, spelling};
use crate::secret::SecretText;

pub(super) use value::rendered;

/// The format.
pub(super) struct Ini;

impl Format for Ini {
    fn name(&self) -> &'static str {
        "ini"
    }

    fn code(&self) -> FormatCode {
        FormatCode::Ini
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ini", "cfg"]
    }

    fn adapted(&self, value: Tree) -> Tree {
        crate::format::flat::adapted(value)
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        let source = source.shared();
        let content = read::read(&source, limits)?;
        Ok(Builder { source: &source, nodes: Vec::new(), owners: HashMap::new() }.build(content))
    }

    fn spelling(&self, _: &Document, _: NodeId) -> Spelling {
        spelling::default()
    }

    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        self.put_token(document, id, token)
    }

    fn unseal_leaf(
        &self,
        document: &Document,
        id: NodeId,
        value: &Value,
        _: &Spelling,
    ) -> Option<Vec<Splice>> {
        Some(self.unseal_default(document, id, value))
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        let text = value.to_text();
        let written = value::written(&text, Style::Plain).unwrap_or(text);
        vec![Splice::new(document.node(id).span, written)]
    }

    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
        edit::add_section(document, name, &Addition::Tree(entry))
    }

    fn detach(&self, document: Document, _: &str) -> Result<(Document, Option<Tree>), ParseError> {
        Ok((document, None))
    }

    fn replace(&self, document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        edit::replace(document, id, value)
    }

    fn insert(
        &self,
        document: &Document,
        parent: NodeId,
        step: &Step,
        value: &Tree,
    ) -> Result<Vec<Splice>, EditError> {
        edit::insert(document, parent, step, value)
    }

    fn remove(&self, document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
        edit::remove(document, id)
    }

    /// A section for each map of a map; what an INI file cannot hold is left out.
    fn render(&self, value: &Tree) -> String {
        let mut out = String::new();
        if let Tree::Map(sections) = value {
            for (name, section) in sections {
                let text = edit::section_text(name, section, "\n").unwrap_or_default();
                out.push_str(if out.is_empty() { "" } else { "\n" });
                out.push_str(&text);
                out.push('\n');
            }
        }
        out
    }

    /// SOPS drops what stands behind quotes that end in the line in which they begin.
    fn put_token(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        let style = document.scalar(id).map_or(Style::Plain, |scalar| scalar.style);
        let span = document.node(id).span;
        let rest = document.source.get(span.end..).unwrap_or_default();
        let is_alone = rest.split('\n').next().is_none_or(|rest| rest.trim().is_empty());
        let style = match style {
            Style::Backtick | Style::MultiDouble if !is_alone => Style::Plain,
            other => other,
        };
        vec![Splice::new(span, value::in_style(token, style))]
    }

    fn put_value(&self, document: &Document, id: NodeId, value: &Value, _: bool) -> Vec<Splice> {
        let style = document.scalar(id).map_or(Style::Plain, |scalar| scalar.style);
        let text = value.to_text();
        let written = value::written(&text, style).unwrap_or(text);
        vec![Splice::new(document.node(id).span, written)]
    }

    fn add_entry(
        &self,
        document: &Document,
        _: usize,
        name: &str,
        addition: &Addition<'_>,
    ) -> Result<Vec<Splice>, EditError> {
        edit::add_section(document, name, addition)
    }

    fn cut_entry(&self, document: &Document, _: usize, name: &str) -> Result<Option<Cut>, EditError> {
        Ok(edit::cut_section(document, name))
    }
}

struct Builder<'a> {
    source: &'a SecretText,
    nodes: Vec<Node>,
    owners: HashMap<(usize, usize), NodeId>,
}

impl Builder<'_> {
    fn build(mut self, content: Content) -> Document {
        let Content { sections, comments } = content;
        let begin = self.source.len() - self.source.trim_start_matches('\u{feff}').len();
        let root = self.push(None, Kind::Map(Vec::new()), Span::new(begin, begin), false);
        // What stands above all headers is a section only if there is something.
        let is_there = |(at, section): &(usize, &Section)| *at > 0 || !section.pairs.is_empty();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (_, section) in sections.iter().enumerate().filter(is_there) {
            *counts.entry(&section.name).or_default() += 1;
        }
        let mut lists: HashMap<&str, NodeId> = HashMap::new();
        for (at, section) in sections.iter().enumerate().filter(is_there) {
            let span = section.header;
            let mut parent = root;
            if counts.get(&*section.name).is_some_and(|count| *count > 1) {
                parent = match lists.get(&*section.name) {
                    Some(list) => *list,
                    None => {
                        let list = self.push(Some(root), Kind::List(Vec::new()), span, false);
                        self.entry(root, &section.name, section.name_span, list);
                        lists.insert(&section.name, list);
                        list
                    }
                };
            }
            let id = self.push(Some(parent), Kind::Map(Vec::new()), span, false);
            match self.nodes.get_mut(parent.index()).map(|node| &mut node.kind) {
                Some(Kind::List(items)) => items.push(id),
                _ => self.entry(root, &section.name, section.name_span, id),
            }
            self.owners.insert((at, usize::MAX), id);
            self.fill(id, at, section);
            self.widen(parent, id);
            self.widen(root, id);
        }
        let owner = |owner| match owner {
            Owner::Nothing => None,
            Owner::Section(section) => self.owners.get(&(section, usize::MAX)).copied(),
            Owner::Pair(section, pair) => self.owners.get(&(section, pair)).copied(),
        };
        let comments = comments.into_iter().map(|(span, own)| Comment {
            span,
            marker: marker(span.of(self.source)),
            container: owner(own),
            part: 0,
        });
        let comments = comments.collect();
        let span = self.nodes.first().map(|root| root.span).unwrap_or_default();
        Document {
            source: self.source.clone(),
            format: FormatCode::Ini,
            parts: vec![Part { root, directives: Vec::new(), span }],
            comments,
            nodes: self.nodes,
        }
    }

    fn fill(&mut self, id: NodeId, at: usize, section: &Section) {
        if let (true, Some(first)) = (section.header.is_empty(), section.pairs.first()) {
            self.nodes.get_mut(id.index()).into_iter().for_each(|node| node.span.start = first.key.start);
        }
        for (index, pair) in section.pairs.iter().enumerate() {
            let value = Value::Str(pair.value.as_str().into());
            let scalar =
                Scalar { token: pair.token, body: None, style: pair.style, value, flow: false, base: -1 };
            let value = self.push(Some(id), Kind::Scalar(scalar), pair.token, true);
            self.entry(id, &pair.name, pair.key, value);
            self.owners.insert((at, index), value);
            self.widen(id, value);
        }
    }

    fn push(&mut self, parent: Option<NodeId>, kind: Kind, span: Span, sealable: bool) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { parent, kind, span, anchor: None, tag: None, tag_first: false, sealable });
        id
    }

    fn entry(&mut self, map: NodeId, name: &str, span: Span, value: NodeId) {
        if let Some(Kind::Map(entries)) = self.nodes.get_mut(map.index()).map(|node| &mut node.kind) {
            entries.push(Entry { key: Key { text: name.into(), ambiguous: false, span }, value });
        }
    }

    fn widen(&mut self, id: NodeId, by: NodeId) {
        let end = self.nodes.get(by.index()).map_or(0, |node| node.span.end);
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.span.end = node.span.end.max(end);
        }
    }
}

/// What SOPS takes off a comment: of its first character and of blanks as many as there are.
fn marker(comment: &str) -> u8 {
    let first = if comment.starts_with(';') { ';' } else { '#' };
    let length = comment.len() - comment.trim_start_matches([first, ' ']).len();
    u8::try_from(length).unwrap_or(u8::MAX)
}
