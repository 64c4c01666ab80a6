//! TOML 1.0, and what TOML 1.1 adds.

mod build;
mod edit;
mod entry;
mod layout;
mod lex;
mod places;
mod scalar;
mod write;

#[cfg(test)]
mod tests;

use crate::document::{Document, FormatCode, NodeId, Spelling, Splice, Step, Style, Tree, Value};
use crate::format::spelling::{self, Placed, Record};
use crate::format::{EditError, Format, Limits, ParseError};
use crate::secret::SecretText;

/// The format.
pub(super) struct Toml;

impl Format for Toml {
    fn name(&self) -> &'static str {
        "toml"
    }

    fn code(&self) -> FormatCode {
        FormatCode::Toml
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["toml"]
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        build::build(&source, limits).map(|(document, _)| document)
    }

    fn spelling(&self, document: &Document, id: NodeId) -> Spelling {
        let raw = document.node(id).span.of(&document.source);
        match document.value(id) {
            Some(value) if spelling::is_quoted_default(raw, &value) => spelling::default(),
            Some(_) if raw.contains(['\n', '\r']) => {
                let scalar = document.scalar(id);
                let fields = Placed {
                    style: scalar.map_or(Style::Plain, |scalar| scalar.style) as u8,
                    flow: scalar.is_some_and(|scalar| scalar.flow),
                    base: -1,
                    line_break: spelling::line_break(document, id),
                    raw,
                    body: "",
                };
                spelling::placed(FormatCode::Toml, &fields)
            }
            _ => spelling::token(FormatCode::Toml, raw),
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
        let raw = match spelling::read(FormatCode::Toml, spelling)? {
            Record::Default => return Some(self.unseal_default(document, id, value)),
            Record::Token(raw) => raw.into(),
            Record::Placed(fields) if fields.body.is_empty() => {
                let now = spelling::line_break(document, id);
                fields.line_break.converted(now, fields.raw)
            }
            Record::Placed(_) => return None,
        };
        (scalar::leaf(&raw).as_ref() == Some(value)).then(|| vec![Splice::new(span, raw)])
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        vec![Splice::new(document.node(id).span, scalar::written(value))]
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

    /// A root that is no map, for which TOML has no form, stands under the key `value`.
    fn render(&self, value: &Tree) -> String {
        let mut out = String::new();
        match value {
            Tree::Map(_) => write::write_entries(&mut out, &[], value, "\n"),
            Tree::Leaf(Value::EmptyMap) => {}
            _ => {
                let table = Tree::Map(vec![("value".to_owned(), value.clone())]);
                write::write_entries(&mut out, &[], &table, "\n");
            }
        }
        out
    }
}
