//! A plain document's values as the JSON that Vault keeps.

use std::collections::BTreeMap;

use sealeaf::document::{Document, FormatCode, Kind, NodeId, Value};
use sealeaf::envelope::sops::{Item, Meaning, Type, meaning};
use sealeaf::format::Format;
use sealeaf::secret::{SecretString, SecretText};

use super::fault::{CANNOT_DUMP, CANNOT_READ, Fault};

/// The document's first level as one JSON object, keys in order. The maps of several documents are merged, the last one
/// wins; comments are left out.
///
/// # Errors
/// 2 for a document that is no map, 4 for a value that JSON has no form for.
pub(super) fn as_json(document: &Document, format: &dyn Format) -> Result<SecretText, Fault> {
    let mut json = Json { document, out: SecretString::new(String::with_capacity(room(document))) };
    if let Some(bytes) = format.carried(document) {
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| unfit("the file is no text"))?;
        json.out.push_str("{\"data\":");
        json.string(text);
        json.out.push('}');
        return Ok(json.out.into());
    }
    let mut top: BTreeMap<&str, NodeId> = BTreeMap::new();
    for part in &document.parts {
        match &document.node(part.root).kind {
            Kind::Map(entries) => top.extend(entries.iter().map(|entry| (&*entry.key.text, entry.value))),
            Kind::Empty => {}
            _ => {
                return Err(Fault::new(
                    CANNOT_READ,
                    "the document is no map: Vault keeps values by their names",
                ));
            }
        }
    }
    json.out.push('{');
    let mut is_first = true;
    if document.format == FormatCode::Ini {
        // What stands before the first section is one of its own to SOPS, be there anything or not.
        let is_loose = |id: &NodeId| !matches!(document.node(*id).kind, Kind::Map(_));
        let loose: Vec<(&str, NodeId)> =
            top.iter().filter(|(_, id)| is_loose(id)).map(|(key, id)| (*key, *id)).collect();
        top.retain(|_, id| !is_loose(id));
        if !top.contains_key("DEFAULT") {
            json.out.push_str("\"DEFAULT\":");
            json.map(loose.into_iter())?;
            is_first = false;
        }
    }
    for (key, id) in top {
        json.comma(&mut is_first);
        json.pair(key, id)?;
    }
    json.out.push('}');
    Ok(json.out.into())
}

struct Json<'a> {
    document: &'a Document,
    out: SecretString,
}

impl Json<'_> {
    fn comma(&mut self, is_first: &mut bool) {
        if !std::mem::replace(is_first, false) {
            self.out.push(',');
        }
    }

    fn pair(&mut self, key: &str, id: NodeId) -> Result<(), Fault> {
        self.string(key);
        self.out.push(':');
        self.node(id)
    }

    fn map<'k>(&mut self, pairs: impl Iterator<Item = (&'k str, NodeId)>) -> Result<(), Fault> {
        self.out.push('{');
        let mut is_first = true;
        for (key, id) in pairs {
            self.comma(&mut is_first);
            self.pair(key, id)?;
        }
        self.out.push('}');
        Ok(())
    }

    /// As deep as the document, which is limited.
    fn node(&mut self, id: NodeId) -> Result<(), Fault> {
        let node = self.document.node(id);
        match &node.kind {
            Kind::Map(entries) => self.map(entries.iter().map(|entry| (&*entry.key.text, entry.value))),
            Kind::List(items) => {
                self.out.push('[');
                let mut is_first = true;
                for item in items {
                    self.comma(&mut is_first);
                    self.node(*item)?;
                }
                self.out.push(']');
                Ok(())
            }
            Kind::Alias(_) => Err(unfit("it has an alias, which JSON has no form for")),
            Kind::Empty => {
                self.out.push_str("null");
                Ok(())
            }
            Kind::Scalar(_) => match meaning(self.document.format, node, &self.document.source) {
                Ok(Meaning::Item(item)) => self.item(&item),
                Ok(Meaning::Nothing) => {
                    let is_text = matches!(self.document.value(id), Some(Value::Str(_)));
                    self.out.push_str(if is_text { "\"\"" } else { "null" });
                    Ok(())
                }
                Err(reason) => Err(unfit(reason)),
            },
        }
    }

    fn item(&mut self, item: &Item) -> Result<(), Fault> {
        let text = std::str::from_utf8(item.plain()).map_err(|_| unfit("a value is no text"))?;
        match item.kind() {
            Type::Int => self.out.push_str(text),
            Type::Bool => self.out.push_str(if text == "True" { "true" } else { "false" }),
            Type::Float => {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                let number =
                    number.ok_or_else(|| unfit("a number is not finite, which JSON has no form for"))?;
                self.out.push_str(&number.to_string());
            }
            Type::Str | Type::Time | Type::Comment | Type::Bytes => self.string(text),
        }
        Ok(())
    }

    /// In quotes, with what JSON wants escaped.
    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                c if c < ' ' => self.out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

/// Room for the longest spelling of everything: memory that is grown out of is not wiped.
fn room(document: &Document) -> usize {
    document.source.len().saturating_mul(6).saturating_add(1024)
}

fn unfit(reason: &str) -> Fault {
    Fault::new(CANNOT_DUMP, format!("cannot make JSON for Vault: {reason}"))
}

#[cfg(test)]
mod tests {
    use sealeaf::format::{Limits, by_name};

    use super::*;

    fn json(text: &str, format: &str) -> Result<String, String> {
        let format = by_name(format).unwrap();
        let document = format.parse(text, &Limits::default()).unwrap();
        let made = as_json(&document, format).map(|text| text.to_string());
        made.map_err(|fault| fault.report.unwrap().render(false))
    }

    #[test]
    fn values() {
        let text = "s: x\ni: 0x10\nf: 1.50\nb: yes\nn: null\nd: 2024-01-02\nm: {k: [1, {x: {y: 2}}]}\ne: {}\nl: []\nq: ''\n";
        assert_eq!(
            json(text, "yaml").unwrap(),
            "{\"b\":\"yes\",\"d\":\"2024-01-02T00:00:00Z\",\"e\":{},\"f\":1.5,\"i\":16,\"l\":[],\
             \"m\":{\"k\":[1,{\"x\":{\"y\":2}}]},\"n\":null,\"q\":\"\",\"s\":\"x\"}"
        );
        assert_eq!(
            json("{\"a\\n\\u0001\": \"\\\"\\\\é\", \"x\": 1e3}", "json").unwrap(),
            "{\"a\\n\\u0001\":\"\\\"\\\\é\",\"x\":1000}"
        );
        assert_eq!(json("A=1\nB=\n", "dotenv").unwrap(), "{\"A\":\"1\",\"B\":\"\"}");
        assert_eq!(json("[s]\na=1\n", "ini").unwrap(), "{\"DEFAULT\":{},\"s\":{\"a\":\"1\"}}");
        assert_eq!(
            json("b=2\n[s]\na=1\n", "ini").unwrap(),
            "{\"DEFAULT\":{\"b\":\"2\"},\"s\":{\"a\":\"1\"}}"
        );
        assert_eq!(json("a: 1\n---\nb: 2\na: 3\n", "yaml").unwrap(), "{\"a\":3,\"b\":2}");
    }

    #[test]
    fn what_has_no_form() {
        for (text, says) in [("- a\n", "no map"), ("a: .inf\n", "not finite"), ("a: &x 1\nb: *x\n", "alias")]
        {
            let error = json(text, "yaml").unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
