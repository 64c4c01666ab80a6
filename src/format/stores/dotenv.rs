//! dotenv files as SOPS reads them: what stands before the first `=` of a line is the key, blanks and `export` included,
//! and what stands behind it is the value, quotes and a carriage return included. The two characters `\n` are a line
//! break. Nothing goes on in the next line.

use crate::document::{Document, FormatCode, Kind, NodeId, Span, Spelling, Splice, Step, Style, Tree, Value};
use crate::format::flat::{Item, append_line, build, error, scalar};
use crate::format::flow::line_break_of;
use crate::format::{Addition, Cut, EditError, Format, Limits, ParseError, or_conflict, spelling};
use crate::secret::SecretText;

/// The format.
pub(super) struct Dotenv;

impl Format for Dotenv {
    fn name(&self) -> &'static str {
        "dotenv"
    }

    fn code(&self) -> FormatCode {
        FormatCode::Dotenv
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["env"]
    }

    fn beginnings(&self) -> &'static [&'static str] {
        &[".env."]
    }

    fn adapted(&self, value: Tree) -> Tree {
        crate::format::flat::adapted(value)
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        scan(&source.shared(), limits)
    }

    fn spelling(&self, _: &Document, _: NodeId) -> Spelling {
        spelling::default()
    }

    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        vec![Splice::new(document.node(id).span, token)]
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
        vec![Splice::new(document.node(id).span, written(&value.to_text()))]
    }

    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
        self.add_entry(document, 0, name, &Addition::Tree(entry))
    }

    fn detach(&self, document: Document, _: &str) -> Result<(Document, Option<Tree>), ParseError> {
        Ok((document, None))
    }

    fn replace(&self, document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        let node = document.node(id);
        match &node.kind {
            Kind::Scalar(_) => Ok(vec![Splice::new(node.span, leaf(value, node.span.start)?)]),
            Kind::List(items) => {
                let count = items.len();
                let reason = format!("the key stands {count} times: name one of them by its index");
                Err(error(node.span.start, reason))
            }
            _ => Err(error(node.span.start, "a dotenv file is changed key by key")),
        }
    }

    fn insert(
        &self,
        document: &Document,
        parent: NodeId,
        step: &Step,
        value: &Tree,
    ) -> Result<Vec<Splice>, EditError> {
        let offset = document.node(parent).span.start;
        let text = leaf(value, offset)?;
        let key = match (&document.node(parent).kind, step) {
            (Kind::Map(_), Step::Key(key)) => key.to_string(),
            (Kind::List(items), Step::Index(index)) if *index == items.len() => {
                key_of(document, parent).unwrap_or_default()
            }
            _ => return Err(error(offset, "a dotenv file has no maps or lists inside")),
        };
        if key.starts_with('#') || key.contains(['=', '\n']) {
            return Err(error(offset, "a dotenv file has no form for this key"));
        }
        Ok(vec![append_line(document, &[&key, "=", &*text].concat())])
    }

    fn remove(&self, document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
        let node = document.node(id);
        match &node.kind {
            Kind::Scalar(_) => Ok(vec![Splice::new(line_around(&document.source, node.span), "")]),
            Kind::List(items) => {
                let line = |item: &NodeId| line_around(&document.source, document.node(*item).span);
                Ok(items.iter().map(|item| Splice::new(line(item), "")).collect())
            }
            _ => Err(error(node.span.start, "the root cannot be removed")),
        }
    }

    /// One line for each text of a map; what a dotenv file cannot hold is left out.
    fn render(&self, value: &Tree) -> String {
        lines(value, "", "\n")
    }

    fn add_entry(
        &self,
        document: &Document,
        _: usize,
        name: &str,
        addition: &Addition<'_>,
    ) -> Result<Vec<Splice>, EditError> {
        let line_break = line_break_of(&document.source);
        let text = match addition {
            // A carriage return would be part of the values.
            Addition::Tree(tree) => lines(tree, &format!("{name}_"), "\n").trim_end_matches('\n').to_owned(),
            Addition::Text(text) => (*text).to_owned(),
        };
        let is_closed = document.source.is_empty() || document.source.ends_with('\n');
        let _ = line_break;
        let text = if is_closed { [&text, "\n"].concat() } else { ["\n", &text].concat() };
        let end = document.source.len();
        Ok(vec![Splice::new(Span::new(end, end), text)])
    }

    /// All lines whose key begins with the name and a `_`.
    fn cut_entry(&self, document: &Document, _: usize, name: &str) -> Result<Option<Cut>, EditError> {
        let Some(Kind::Map(entries)) = document.nodes.first().map(|root| &root.kind) else { return Ok(None) };
        let source = document.source.as_str();
        let prefix = format!("{name}_");
        let own = entries.iter().filter(|entry| entry.key.text.starts_with(&prefix));
        let mut spans: Vec<Span> =
            own.map(|entry| Span::new(entry.key.span.start, document.node(entry.value).span.end)).collect();
        spans.sort_by_key(|span| span.start);
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return Ok(None) };
        let whole = Span::new(first.start, last.end);
        let is_last = source.get(last.end..).is_some_and(|rest| rest.is_empty() || rest == "\n");
        let is_together = spans.windows(2).all(|pair| matches!(pair, [a, b] if a.end + 1 == b.start));
        if is_last && is_together {
            let splices = vec![Splice::new(line_around(source, whole), "")];
            return Ok(Some(Cut { splices, text: Some(whole.of(source).into()) }));
        }
        let splices = spans.iter().map(|span| Splice::new(line_around(source, *span), "")).collect();
        Ok(Some(Cut { splices, text: None }))
    }
}

fn scan(source: &SecretText, limits: &Limits) -> Result<Document, ParseError> {
    let text = source.as_str();
    if text.len() > limits.file {
        return Err(ParseError::limit(text, 0, format!("the file is over {} bytes", limits.file)));
    }
    let (mut items, mut comments) = (Vec::new(), Vec::new());
    let mut start = 0;
    for line in text.split('\n') {
        let end = start + line.len();
        match line.find('=') {
            _ if line.is_empty() => {}
            _ if line.starts_with('#') => comments.push(Span::new(start, end)),
            Some(at) => items.push(pair(source, Span::new(start, end), at, items.len(), limits)?),
            None => {
                let message = "expected KEY=value, a comment that begins the line, or an empty line; SOPS knows no value of \
                               several lines";
                return Err(or_conflict(text, ParseError::at(text, start, message)));
            }
        }
        start = end + 1;
    }
    Ok(build(FormatCode::Dotenv, source, items, &comments))
}

fn pair(
    source: &SecretText,
    line: Span,
    at: usize,
    count: usize,
    limits: &Limits,
) -> Result<Item, ParseError> {
    let text = source.as_str();
    let (key, value) = (Span::new(line.start, line.start + at), Span::new(line.start + at + 1, line.end));
    if count >= limits.leaves {
        let message = format!("more than {} values", limits.leaves);
        return Err(ParseError::limit(text, line.start, message));
    }
    if at > limits.key {
        return Err(ParseError::limit(text, key.start, format!("the key is over {} bytes", limits.key)));
    }
    if value.end - value.start > limits.leaf {
        let message = format!("the value is over {} bytes", limits.leaf);
        return Err(ParseError::limit(text, value.start, message));
    }
    let mut scalar = scalar(value, Style::Plain, value, source);
    scalar.value = Value::Str(match value.of(text) {
        raw if raw.contains("\\n") => raw.replace("\\n", "\n").into(),
        _ => source.slice(value.start, value.end),
    });
    Ok(Item::Pair(key, scalar))
}

/// A value as it stands behind `=`.
fn written(text: &SecretText) -> SecretText {
    if text.contains('\n') { text.replace('\n', "\\n").into() } else { text.clone() }
}

fn leaf(value: &Tree, offset: usize) -> Result<SecretText, EditError> {
    let Tree::Leaf(value) = value else {
        return Err(error(offset, "a value of a dotenv file is a text"));
    };
    let text = value.to_text();
    if text.contains("\\n") {
        return Err(error(
            offset,
            "SOPS reads a backslash and an `n` as a line break: it has no form for them",
        ));
    }
    Ok(written(&text))
}

fn key_of(document: &Document, value: NodeId) -> Option<String> {
    let Kind::Map(entries) = &document.nodes.first()?.kind else { return None };
    entries.iter().find(|entry| entry.value == value).map(|entry| entry.key.text.to_string())
}

/// The lines of a map of texts.
fn lines(tree: &Tree, prefix: &str, line_break: &str) -> String {
    let mut out = String::new();
    let Tree::Map(pairs) = tree else { return out };
    for (key, value) in pairs {
        if let Tree::Leaf(value) = value {
            let text = value.to_text();
            [prefix, key, "=", &written(&text), line_break].iter().for_each(|part| out.push_str(part));
        }
    }
    out
}

/// Whole lines: with the line break behind them, or, at the end of a file without one, with that before them.
fn line_around(text: &str, span: Span) -> Span {
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    match text.get(span.end..).and_then(|rest| rest.find('\n')) {
        Some(at) => Span::new(start, span.end + at + 1),
        None => Span::new(start.saturating_sub(1), text.len()),
    }
}
