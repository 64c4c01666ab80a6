//! Lines `KEY=value`, as docker compose, node's `dotenv`, POSIX shells and systemd read them. Where they disagree about
//! where a value ends, it is taken to end at the last of those places (`docs/reference/formats.md`).

mod edit;
mod scan;
mod write;

#[cfg(test)]
mod tests;

use crate::document::{Document, FormatCode, NodeId, Spelling, Splice, Step, Style, Tree, Value};
use crate::format::{EditError, Format, Limits, ParseError, flat};
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
        flat::adapted(value)
    }

    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        scan::scan(&source.shared(), limits)
    }

    fn spelling(&self, document: &Document, id: NodeId) -> Spelling {
        flat::spelling(FormatCode::Dotenv, document, id)
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
        flat::unseal_leaf(FormatCode::Dotenv, scan::reading, document, id, value, spelling)
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        let text = value.to_text();
        let written = write::written(&text, Style::Plain, flat::has_comment(document, id)).unwrap_or(text);
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

    /// Lists become lines of one key, keys of maps within are joined by `_`, and characters that no name has become `_`.
    fn render(&self, value: &Tree) -> String {
        write::render(value)
    }
}
