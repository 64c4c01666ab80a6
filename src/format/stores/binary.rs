//! Binary files in SOPS' envelope: `{"data": "ENC[…]", "sops": {…}}` when sealed, and the object of the native envelope
//! when open.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::document::{Document, FormatCode, Kind, NodeId, Spelling, Splice, Step, Tree, Value};
use crate::format::binary::Binary as Native;
use crate::format::json::Json;
use crate::format::{Addition, Cut, EditError, Format, Limits, ParseError};
use crate::secret::{SecretBytes, SecretText};

/// The format.
pub(super) struct Binary;

impl Format for Binary {
    fn name(&self) -> &'static str {
        Native.name()
    }

    fn code(&self) -> FormatCode {
        FormatCode::Binary
    }

    fn extensions(&self) -> &'static [&'static str] {
        Native.extensions()
    }

    fn carry(&self, bytes: &[u8]) -> Option<SecretText> {
        Native.carry(bytes)
    }

    fn carried(&self, document: &Document) -> Option<SecretBytes> {
        Native.carried(document)
    }

    fn adapted(&self, value: Tree) -> Tree {
        Native.adapted(value)
    }

    /// A value that is a token stays text; what stands beside metadata and is none is in clear, and stays text too.
    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        let source = source.shared();
        let limits = Limits { file: limits.file.saturating_mul(2), leaf: usize::MAX, ..limits.clone() };
        let mut document = Json.read(source.clone(), &limits)?;
        let Some(Kind::Map(entries)) = document.nodes.first().map(|root| &root.kind) else {
            return Err(wrong(&source, 0));
        };
        let is_sealed = entries.iter().any(|entry| &*entry.key.text == METADATA);
        if let Some(other) = entries.iter().find(|entry| !matches!(&*entry.key.text, DATA | METADATA)) {
            return Err(wrong(&source, other.key.span.start));
        }
        let Some(id) = entries.iter().find(|entry| &*entry.key.text == DATA).map(|entry| entry.value) else {
            return Err(wrong(&source, 0));
        };
        let start = document.node(id).span.start;
        let Some(Kind::Scalar(scalar)) = document.nodes.get_mut(id.index()).map(|node| &mut node.kind) else {
            return Err(wrong(&source, start));
        };
        let Value::Str(data) = &scalar.value else { return Err(wrong(&source, start)) };
        if !is_sealed && !data.starts_with(TOKEN) {
            let Ok(bytes) = BASE64_STANDARD.decode(data.as_bytes()) else {
                return Err(wrong(&source, start));
            };
            scalar.value = Value::Bytes(SecretBytes::new(bytes));
        }
        document.format = FormatCode::Binary;
        Ok(document)
    }

    fn spelling(&self, document: &Document, id: NodeId) -> Spelling {
        Native.spelling(document, id)
    }

    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        Json.seal_leaf(document, id, token)
    }

    fn unseal_leaf(
        &self,
        document: &Document,
        id: NodeId,
        value: &Value,
        spelling: &Spelling,
    ) -> Option<Vec<Splice>> {
        Native.unseal_leaf(document, id, value, spelling)
    }

    /// Always as base64.
    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        Json.unseal_default(document, id, &Value::Bytes(value.to_bytes()))
    }

    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
        Json.attach(document, name, entry)
    }

    fn detach(&self, document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
        Json.detach(document, name)
    }

    fn replace(&self, document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        Native.replace(document, id, value)
    }

    fn insert(
        &self,
        document: &Document,
        id: NodeId,
        step: &Step,
        value: &Tree,
    ) -> Result<Vec<Splice>, EditError> {
        Native.insert(document, id, step, value)
    }

    fn remove(&self, document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
        Native.remove(document, id)
    }

    fn render(&self, value: &Tree) -> String {
        Native.render(value)
    }

    fn put_token(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        Json.put_token(document, id, token)
    }

    fn add_entry(
        &self,
        document: &Document,
        part: usize,
        name: &str,
        addition: &Addition<'_>,
    ) -> Result<Vec<Splice>, EditError> {
        Json.add_entry(document, part, name, addition)
    }

    fn cut_entry(&self, document: &Document, part: usize, name: &str) -> Result<Option<Cut>, EditError> {
        Json.cut_entry(document, part, name)
    }
}

fn wrong(text: &str, at: usize) -> ParseError {
    ParseError::at(
        text,
        at,
        "expected an object of `data`, one text, and SOPS' metadata, as SOPS writes binary files",
    )
}

const DATA: &str = "data";
const METADATA: &str = "sops";
/// How every token begins; no base64 does.
const TOKEN: &str = "ENC[";
