//! Any bytes as one value. The file itself is no text, so a JSON object stands for it: `{"data": "<base64>"}` in memory,
//! `{"data": "<token>", "sealeaf": {…}}` when sealed. [`Format::carry`] and [`Format::carried`] are the way in and out.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::document::{Document, FormatCode, Kind, NodeId, Spelling, Splice, Step, Tree, Value};
use crate::format::json::Json;
use crate::format::spelling::{self, Record};
use crate::format::{EditError, Format, Limits, ParseError};
use crate::secret::{SecretBytes, SecretText};

/// The format.
pub(super) struct Binary;

impl Format for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn code(&self) -> FormatCode {
        FormatCode::Binary
    }

    /// None: a file is taken for bytes only where the user or the file's metadata says so.
    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn carry(&self, bytes: &[u8]) -> Option<SecretText> {
        Some(carrier(bytes))
    }

    fn carried(&self, document: &Document) -> Option<SecretBytes> {
        document.ids().find_map(|id| match document.value(id) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        })
    }

    fn adapted(&self, value: Tree) -> Tree {
        match value {
            Tree::Leaf(value) => Tree::Leaf(Value::Bytes(value.to_bytes())),
            other => other,
        }
    }

    /// The one value may be as large as a file, which base64 makes larger by a third.
    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError> {
        let source = source.shared();
        let text = source.as_str();
        let limits = Limits { file: limits.file.saturating_mul(2), leaf: usize::MAX, ..limits.clone() };
        let mut document = Json.read(source.clone(), &limits)?;
        let wrong = |at: usize| {
            let message = "expected an object of the key `data` with one text in base64, as `encrypt --format binary` makes it";
            Err(ParseError::at(text, at, message))
        };
        let data = match &document.nodes.first().map(|root| &root.kind) {
            Some(Kind::Map(entries)) => entries.first().filter(|entry| &*entry.key.text == "data"),
            _ => None,
        };
        let others = match &document.nodes.first().map(|root| &root.kind) {
            Some(Kind::Map(entries)) => entries.get(1).filter(|entry| &*entry.key.text != super::gate::ENTRY),
            _ => None,
        };
        if let Some(other) = others {
            return wrong(other.key.span.start);
        }
        let Some(id) = data.map(|entry| entry.value) else { return wrong(0) };
        let start = document.node(id).span.start;
        let Some(Kind::Scalar(scalar)) = document.nodes.get_mut(id.index()).map(|node| &mut node.kind) else {
            return wrong(start);
        };
        let Value::Str(data) = &scalar.value else { return wrong(start) };
        if !data.starts_with(TOKEN) {
            // Canonical only: the decoder refuses stray bits and missing padding.
            let Ok(bytes) = BASE64_STANDARD.decode(data.as_bytes()) else { return wrong(start) };
            scalar.value = Value::Bytes(SecretBytes::new(bytes));
        }
        document.format = FormatCode::Binary;
        Ok(document)
    }

    fn spelling(&self, _: &Document, _: NodeId) -> Spelling {
        spelling::default()
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
        match spelling::read(FormatCode::Binary, spelling)? {
            Record::Default => Some(self.unseal_default(document, id, value)),
            _ => None,
        }
    }

    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice> {
        Json.unseal_default(document, id, value)
    }

    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError> {
        Json.attach(document, name, entry)
    }

    fn detach(&self, document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError> {
        Json.detach(document, name)
    }

    fn replace(&self, document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError> {
        match (&document.node(id).kind, value) {
            (Kind::Scalar(_), Tree::Leaf(value)) => {
                Ok(self.unseal_default(document, id, &Value::Bytes(value.to_bytes())))
            }
            _ => refused(document, id),
        }
    }

    fn insert(&self, document: &Document, id: NodeId, _: &Step, _: &Tree) -> Result<Vec<Splice>, EditError> {
        refused(document, id)
    }

    fn remove(&self, document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
        refused(document, id)
    }

    /// Of a tree the bytes under `data`; of a leaf its own.
    fn render(&self, value: &Tree) -> String {
        let leaf = value.field("data").unwrap_or(value);
        let bytes = match leaf {
            Tree::Leaf(value) => value.to_bytes(),
            _ => SecretBytes::default(),
        };
        carrier(bytes.expose()).to_string()
    }
}

fn carrier(bytes: &[u8]) -> SecretText {
    let (before, after) = ("{\n  \"data\": \"", "\"\n}\n");
    let mut out = String::with_capacity(before.len() + bytes.len().div_ceil(3) * 4 + after.len());
    out.push_str(before);
    BASE64_STANDARD.encode_string(bytes, &mut out);
    out.push_str(after);
    SecretText::new(out)
}

fn refused(document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError> {
    let reason = "a binary file is one value, `data`".to_owned();
    Err(EditError { offset: document.node(id).span.start, reason })
}

/// How every token begins; no base64 does.
const TOKEN: &str = "sealed.v";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::round_trip;

    #[test]
    fn any_bytes_come_back() {
        for bytes in [&b""[..], b"a", b"\xff\0\xfe\r\n", &[7; 100_000]] {
            let text = Binary.carry(bytes).unwrap();
            let document = Binary.parse(&text, &Limits::default()).unwrap();
            assert_eq!(Binary.carried(&document).unwrap().expose(), bytes);
            let sealed = round_trip(&Binary, &text, true);
            assert!(
                sealed.starts_with("{\n  \"data\": \"sealed.v1.1\",\n  \"sealeaf\": {\n    \"version\": 1,"),
                "{sealed}"
            );
        }
    }

    #[test]
    fn other_objects_are_refused() {
        for text in [
            "",
            "1",
            "[]",
            "{}",
            "{\"data\": 1}",
            "{\"data\": \"a\"}",
            "{\"data\": \"YQ\"}",
            "{\"data\": \"YR==\"}",
            "{\"data\": \"Y Q==\"}",
            "{\"x\": \"\"}",
            "{\"data\": \"\", \"x\": 1}",
            "{\"data\": {\"data\": \"\"}}",
        ] {
            assert!(Binary.parse(text, &Limits::default()).is_err(), "{text}");
        }
        assert!(Binary.parse("{\"data\":\"YQ==\"}", &Limits::default()).is_ok());
    }

    #[test]
    fn the_value_is_replaced_as_bytes() {
        let document = Binary.parse(&Binary.carry(b"x").unwrap(), &Limits::default()).unwrap();
        let splices = Binary.replace(&document, NodeId(1), &Binary.adapted(Tree::text("ab"))).unwrap();
        let text = crate::document::apply(&document.source, &splices).unwrap();
        let changed = Binary.parse(&text, &Limits::default()).unwrap();
        assert_eq!(Binary.carried(&changed).unwrap().expose(), b"ab");
        assert!(Binary.replace(&document, NodeId(0), &Tree::text("")).is_err());
        assert!(Binary.remove(&document, NodeId(1)).is_err());
        assert!(Binary.insert(&document, NodeId(0), &Step::Key("x".into()), &Tree::text("")).is_err());
    }

    #[test]
    fn a_whole_file_may_be_one_value() {
        let limits = Limits { leaf: 3, file: 1000, ..Limits::default() };
        assert!(Binary.parse(&Binary.carry(&[0; 900]).unwrap(), &limits).is_ok());
        assert!(Binary.parse(&Binary.carry(&[0; 2000]).unwrap(), &limits).unwrap_err().limit);
    }
}
