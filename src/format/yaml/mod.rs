//! YAML 1.2, any number of documents.
//!
//! The engine reports events; documents, block scalars, decoding and writing are our own. Two readers must agree on
//! every scalar, or the file is refused.

mod block;
mod comments;
mod decode;
mod edit;
mod entry;
mod errors;
mod events;
mod expect;
mod fast;
mod lines;
mod member;
mod parse;
mod places;
mod replace;
mod scalar;
mod schema;
mod spelling;
mod splice;
mod styled;
mod write;

use super::{Addition, Cut, EditError, Format, Limits, ParseError};
use crate::document::{Document, FormatCode, NodeId, Spelling, Splice, Step, Tree, Value};
use crate::secret::SecretText;

/// The format.
pub(super) struct Yaml;

impl Format for Yaml {
    fn name(&self) -> &'static str {
        "yaml"
    }

    fn code(&self) -> FormatCode {
        FormatCode::Yaml
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["yaml", "yml"]
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        parse::parse(&source.shared(), limits)
    }

    fn spelling(&self, document: &Document, id: NodeId) -> Spelling {
        spelling::of(document, id)
    }

    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        splice::seal(document, id, token)
    }

    fn unseal_leaf(
        &self,
        document: &Document,
        id: NodeId,
        value: &Value,
        spelling: &Spelling,
    ) -> Option<Vec<Splice>> {
        splice::unseal(document, id, value, spelling)
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        splice::unseal_default(document, id, value)
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

    fn put_token(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        styled::token(document, id, token)
    }

    fn put_value(&self, document: &Document, id: NodeId, value: &Value, bare: bool) -> Vec<Splice> {
        styled::value(document, id, value, bare)
    }

    fn add_entry(
        &self,
        document: &Document,
        part: usize,
        name: &str,
        addition: &Addition<'_>,
    ) -> Result<Vec<Splice>, EditError> {
        member::add(document, part, name, addition)
    }

    fn cut_entry(&self, document: &Document, part: usize, name: &str) -> Result<Option<Cut>, EditError> {
        member::cut(document, part, name)
    }

    fn render(&self, value: &Tree) -> String {
        let writer = write::Writer { eol: lines::Eol::Lf, literals: true };
        writer.inline(value, 0).to_string()
    }
}

#[cfg(test)]
mod tests;
