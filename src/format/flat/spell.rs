//! How a value is written, and putting it back: in its quotes, with its line breaks (rules R1, R2 and R4).

use crate::document::{Document, FormatCode, NodeId, Spelling, Splice, Style, Value};
use crate::format::spelling::{self, Placed, Record};
use crate::secret::SecretText;

/// What a text behind a separator reads as in one format: how it is written, and what it means. `None` where it is not
/// exactly one value.
pub(in crate::format) type Reading = fn(&str) -> Option<(Style, Value)>;

/// How the source writes the leaf `id`. A text in quotes begins with its quote in the record of one line; where the
/// style does not follow from the first byte, the record names it.
pub(in crate::format) fn spelling(format: FormatCode, document: &Document, id: NodeId) -> Spelling {
    let Some(scalar) = document.scalar(id) else { return spelling::default() };
    let raw = scalar.token.of(&document.source);
    if scalar.style == Style::Plain && spelling::is_plain_string(raw) {
        return spelling::default();
    }
    if raw.contains('\n') || (scalar.style == Style::Plain && raw.starts_with(QUOTES)) {
        let fields = Placed {
            style: scalar.style as u8,
            flow: false,
            base: -1,
            line_break: spelling::line_break(document, id),
            raw,
            body: "",
        };
        return spelling::placed(format, &fields);
    }
    spelling::token(format, raw)
}

/// Puts a token in place of the leaf, in the leaf's own quotes: what stands behind a closing quote is read otherwise
/// behind a bare word.
pub(in crate::format) fn seal_leaf(document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
    let text = match document.scalar(id).map(|scalar| scalar.style) {
        Some(Style::Single) => format!("'{token}'"),
        Some(Style::Double) => format!("\"{token}\""),
        Some(Style::Backtick) => format!("`{token}`"),
        _ => token.to_owned(),
    };
    vec![Splice::new(document.node(id).span, text)]
}

/// Puts a leaf back as its record says; `None` where that is of another format or reads as something else.
pub(in crate::format) fn unseal_leaf(
    format: FormatCode,
    reading: Reading,
    document: &Document,
    id: NodeId,
    value: &Value,
    spelling: &Spelling,
) -> Option<Vec<Splice>> {
    let span = document.scalar(id)?.token;
    let raw: SecretText = match (spelling::read(format, spelling)?, value) {
        (Record::Default, Value::Str(text)) => text.clone(),
        (Record::Token(raw), _) => raw.into(),
        (Record::Placed(fields), _) if fields.body.is_empty() => {
            fields.line_break.converted(spelling::line_break(document, id), fields.raw)
        }
        _ => return None,
    };
    (&reading(&raw)?.1 == value).then(|| vec![Splice::new(span, raw)])
}

/// What can be a quote in some dialect.
const QUOTES: [char; 3] = ['"', '\'', '`'];
