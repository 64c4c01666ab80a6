//! Sections of lines `key = value`. A name that stands several times in one place, section or key, is a list; what
//! stands above the first section is the root's own. Values run to the end of the line and have no comments behind them:
//! programs disagree about those (`docs/reference/formats.md`).

mod edit;
mod scan;
mod write;

#[cfg(test)]
mod tests;

use crate::document::{Document, FormatCode, NodeId, Spelling, Splice, Step, Style, Tree, Value};
use crate::format::{EditError, Format, Limits, ParseError, flat};
use crate::secret::SecretText;

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
        flat::adapted(value)
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        scan::scan(&source.shared(), limits)
    }

    fn spelling(&self, document: &Document, id: NodeId) -> Spelling {
        flat::spelling(FormatCode::Ini, document, id)
    }

    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        flat::seal_leaf(document, id, token)
    }

    fn unseal_leaf(
        &self,
        document: &Document,
        id: NodeId,
        value: &Value,
        spelling: &Spelling,
    ) -> Option<Vec<Splice>> {
        flat::unseal_leaf(FormatCode::Ini, scan::reading, document, id, value, spelling)
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        let text = value.to_text();
        let written = write::written(&text, Style::Plain).unwrap_or(text);
        vec![Splice::new(document.node(id).span, written)]
    }

    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
        flat::attach(document, name, entry)
    }

    fn detach(&self, document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
        flat::detach(document, name)
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

    /// Lists become repeated names, and maps deeper than a section become sections of names joined by dots.
    fn render(&self, value: &Tree) -> String {
        write::render(value)
    }
}
