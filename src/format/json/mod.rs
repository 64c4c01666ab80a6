//! JSON, with comments and trailing commas where a file has them.

mod edit;
mod entry;
mod scan;
mod text;

#[cfg(test)]
mod tests;

pub(super) use text::{decode, write_string};

use crate::document::{Document, FormatCode, NodeId, Spelling, Splice, Step, Style, Tree, Value};
use crate::format::spelling::{self, Placed, Record};
use crate::format::{Addition, Cut, EditError, Format, Limits, ParseError};
use crate::secret::{SecretString, SecretText};

/// The format.
pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn code(&self) -> FormatCode {
        FormatCode::Json
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json", "jsonc", "code-workspace", "tfstate"]
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        scan::scan(&source.shared(), limits)
    }

    fn spelling(&self, document: &Document, id: NodeId) -> Spelling {
        let raw = document.node(id).span.of(&document.source);
        match document.value(id) {
            Some(value) if spelling::is_quoted_default(raw, &value) => spelling::default(),
            // Only an empty container spans lines.
            Some(_) if raw.contains(['\n', '\r']) => spelling::placed(
                FormatCode::Json,
                &Placed {
                    style: Style::Plain as u8,
                    flow: document.node(id).parent.is_some(),
                    base: -1,
                    line_break: spelling::line_break(document, id),
                    raw,
                    body: "",
                },
            ),
            _ => spelling::token(FormatCode::Json, raw),
        }
    }

    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        vec![Splice::new(document.node(id).span, format!("\"{token}\""))]
    }

    fn unseal_leaf(
        &self,
        document: &Document,
        id: NodeId,
        value: &Value,
        spelling: &Spelling,
    ) -> Option<Vec<Splice>> {
        let span = document.scalar(id)?.token;
        let raw = match spelling::read(FormatCode::Json, spelling)? {
            Record::Default => return Some(self.unseal_default(document, id, value)),
            Record::Token(raw) => raw.into(),
            Record::Placed(fields) if fields.body.is_empty() => {
                let now = spelling::line_break(document, id);
                fields.line_break.converted(now, fields.raw)
            }
            Record::Placed(_) => return None,
        };
        (token_value(&raw).as_ref() == Some(value)).then(|| vec![Splice::new(span, raw)])
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        vec![Splice::new(document.node(id).span, written(value))]
    }

    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
        entry::attach(document, name, entry)
    }

    fn detach(&self, document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
        entry::detach(document, name)
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

    fn add_entry(
        &self,
        document: &Document,
        _part: usize,
        name: &str,
        addition: &Addition<'_>,
    ) -> Result<Vec<Splice>, EditError> {
        match addition {
            Addition::Tree(tree) => entry::attach(document, name, tree),
            Addition::Text(text) => entry::attach_text(document, name, &|_, _| (*text).to_owned()),
        }
    }

    fn cut_entry(&self, document: &Document, _part: usize, name: &str) -> Result<Option<Cut>, EditError> {
        entry::cut(document, name)
    }

    fn render(&self, value: &Tree) -> String {
        let mut out = String::new();
        text::write(&mut out, value, text::Layout::Lines { line_break: "\n", indent: "", unit: "  " }, 0);
        out.push('\n');
        out
    }
}

/// The leaf that `raw` spells, if it is exactly one leaf without anything around it.
fn token_value(raw: &str) -> Option<Value> {
    let document = scan::scan(&raw.into(), &UNLIMITED).ok()?;
    let [node] = document.nodes.as_slice() else { return None };
    let whole = node.span.start == 0 && node.span.end == raw.len();
    (whole && document.comments.is_empty()).then(|| document.value(NodeId(0)))?
}

/// A leaf in its default form. Sized up front, so that no unwiped copy of a secret is left behind.
fn written(value: &Value) -> SecretText {
    let mut out = SecretString::new(String::with_capacity(6 * value.to_text().len() + 4));
    text::write_value(&mut out, value);
    out.into()
}

const UNLIMITED: Limits =
    Limits { file: usize::MAX, depth: 1, leaves: usize::MAX, key: usize::MAX, leaf: usize::MAX };
