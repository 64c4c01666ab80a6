//! Opened documents in another format, in SOPS' own layout.
//!
//! What SOPS prints for `--output-type` and `--extract` is another text than what is in the file: maps in blocks, strings
//! in quotes only where they need them, and numbers in the way of each format. Formats know layouts of their own, so
//! this stands beside them.

mod json;
mod lines;
mod numbers;
mod scalar;
mod yaml;

#[cfg(test)]
mod tests;

use crate::document::{Document, FormatCode};
use crate::envelope::sops::{Branch, Item, SopsError, Type, branches};
use crate::format::Format;
use crate::secret::{SecretBytes, SecretText};

/// How much is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Blanks of a level in YAML; 0 is 4.
    pub yaml_indent: usize,
    /// Of a level in JSON.
    pub json_indent: Indent,
}

/// How JSON is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indent {
    /// A tab a level.
    Tab,
    /// That many blanks a level; with none there are line breaks still.
    Blanks(usize),
}

/// SOPS' own: four blanks in YAML, a tab in JSON.
impl Default for Layout {
    fn default() -> Self {
        Self { yaml_indent: 4, json_indent: Indent::Tab }
    }
}

/// A step of a path to a part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// Into a map.
    Key(String),
    /// Into a list, counted from 0, comments counted too.
    Index(i64),
}

/// A document that has no form in the other format, or a part that is not there. No variant holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// SOPS has no form for it.
    #[error(transparent)]
    Sops(#[from] SopsError),
    /// A map or list where the format has none.
    #[error("`{key}` is no single value, and {format} holds nothing else there")]
    Complex {
        /// The key.
        key: String,
        /// The format's name.
        format: &'static str,
    },
    /// Infinity or not-a-number.
    #[error("JSON has no number for infinity and none for what is no number")]
    Number,
    /// A binary file without `data`.
    #[error("a binary file is one text under the key `data`, which this document does not have")]
    Binary,
    /// Bytes where text is wanted.
    #[error("the value is no text")]
    NotText,
    /// A key that cannot be written.
    #[error("the key `{0}` has no form in the format")]
    Key(String),
    /// A value that would be read as another one.
    #[error("the value of `{0}` has no form in the format that SOPS reads as it is")]
    Value(String),
    /// A format that SOPS does not have.
    #[error("SOPS has no format `{0}`")]
    Format(&'static str),
    /// A part that is not there.
    #[error("component {0} not found")]
    Missing(String),
    /// A step into something that has no parts of that kind.
    #[error("component {0} does not fit: it stands in front of another kind of value")]
    Mismatch(String),
}

/// A document as text of a format.
///
/// # Errors
/// [`RenderError`]; [`RenderError::NotText`] for a binary file that is none.
pub fn render(plain: &Document, to: &dyn Format, layout: &Layout) -> Result<SecretText, RenderError> {
    text(&render_bytes(plain, to, layout)?)
}

/// The same for files of bytes.
///
/// # Errors
/// [`RenderError`].
pub fn render_bytes(plain: &Document, to: &dyn Format, layout: &Layout) -> Result<SecretBytes, RenderError> {
    whole(&branches(plain)?, to, layout)
}

/// A part of a document's first part: of a string the string itself, of a map a document of the format, of all else
/// what SOPS prints for it.
///
/// # Errors
/// [`RenderError`].
pub fn extract(
    plain: &Document,
    path: &[PathPart],
    to: &dyn Format,
    layout: &Layout,
) -> Result<SecretText, RenderError> {
    text(&extract_bytes(plain, path, to, layout)?)
}

/// The same where the string may be bytes.
///
/// # Errors
/// [`RenderError`].
pub fn extract_bytes(
    plain: &Document,
    path: &[PathPart],
    to: &dyn Format,
    layout: &Layout,
) -> Result<SecretBytes, RenderError> {
    let mut documents = branches(plain)?;
    let missing = |part: &PathPart| RenderError::Missing(shown(part));
    let mut at = documents.first().ok_or_else(|| RenderError::Missing("[]".to_owned()))?;
    for part in path {
        at = match (at, part) {
            (Branch::Map(map), PathPart::Key(key)) => {
                let found = map.iter().find(|(own, _)| own.as_ref().is_some_and(|own| **own == **key));
                found.map(|(_, value)| value).ok_or_else(|| missing(part))?
            }
            (Branch::List(list), PathPart::Index(index)) => {
                let index = usize::try_from(*index).map_err(|_| missing(part))?;
                list.get(index).ok_or_else(|| missing(part))?
            }
            _ => return Err(RenderError::Mismatch(shown(part))),
        };
    }
    let found = at.clone();
    match found {
        Branch::Value(item) if item.kind() == Type::Str => Ok(SecretBytes::new(item.plain().to_vec())),
        map @ Branch::Map(_) => {
            // The other documents of the file follow.
            documents.first_mut().into_iter().for_each(|first| *first = map.clone());
            whole(&documents, to, layout)
        }
        other => bytes(match to.code() {
            FormatCode::Yaml => yaml::part(&other, layout)?,
            FormatCode::Json => json::part(&other, layout)?,
            FormatCode::Ini => json::inner(&other)?,
            FormatCode::Binary => return Err(RenderError::Binary),
            _ => {
                return Err(RenderError::Complex {
                    key: path.last().map(shown).unwrap_or_default(),
                    format: to.name(),
                });
            }
        }),
    }
}

/// A value as SOPS writes it into dotenv and INI files and into environments. `None` for a map or list. Null is
/// `<nil>` to SOPS, which no program takes for nothing: here it is an empty text.
#[must_use]
pub fn scalar_text(value: &Branch) -> Option<SecretText> {
    match value {
        Branch::Value(item) => lines::text(item),
        Branch::Null => Some(SecretText::default()),
        _ => None,
    }
}

/// The variables that a document is in an environment: the scalars of its first part, which has nothing else.
///
/// # Errors
/// [`RenderError`] for maps and lists, for keys that no variable can have, and for bytes that are no text.
pub fn environment(plain: &Document) -> Result<Vec<(SecretText, SecretText)>, RenderError> {
    let mut variables = Vec::new();
    let Some(Branch::Map(map)) = branches(plain)?.into_iter().next() else { return Ok(variables) };
    for (key, value) in map {
        let Some(key) = key else { continue };
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(RenderError::Key(key.to_string()));
        }
        let text = match (&value, scalar_text(&value)) {
            (_, Some(text)) => text,
            (Branch::Value(_), None) => return Err(RenderError::NotText),
            _ => return Err(RenderError::Complex { key: key.to_string(), format: "environment" }),
        };
        variables.push((key, text));
    }
    Ok(variables)
}

fn whole(documents: &[Branch], to: &dyn Format, layout: &Layout) -> Result<SecretBytes, RenderError> {
    let none = Branch::Map(Vec::new());
    let first = documents.first().unwrap_or(&none);
    match to.code() {
        FormatCode::Yaml => bytes(yaml::documents(documents, layout)?),
        FormatCode::Json => bytes([&json::part(first, layout)?, "\n"].concat().into()),
        FormatCode::Dotenv => bytes(lines::dotenv(first)?),
        FormatCode::Ini => bytes(lines::ini(documents)?),
        FormatCode::Binary => match (documents, first) {
            ([_], Branch::Map(map)) => {
                let data = map.iter().find(|(key, _)| key.as_ref().is_some_and(|key| &**key == "data"));
                match data {
                    Some((_, Branch::Value(item))) if item.kind() == Type::Str => {
                        Ok(SecretBytes::new(item.plain().to_vec()))
                    }
                    _ => Err(RenderError::Binary),
                }
            }
            _ => Err(RenderError::Binary),
        },
        FormatCode::Toml => Err(RenderError::Format(to.name())),
    }
}

fn bytes(text: SecretText) -> Result<SecretBytes, RenderError> {
    Ok(SecretBytes::new(text.as_bytes().to_vec()))
}

fn text(bytes: &SecretBytes) -> Result<SecretText, RenderError> {
    std::str::from_utf8(bytes.expose()).map(SecretText::from).map_err(|_| RenderError::NotText)
}

fn shown(part: &PathPart) -> String {
    match part {
        PathPart::Key(key) => format!("['{key}']"),
        PathPart::Index(index) => format!("[{index}]"),
    }
}

/// A string's text.
fn text_of(item: &Item) -> Result<&str, RenderError> {
    std::str::from_utf8(item.plain()).map_err(|_| RenderError::NotText)
}

/// What is hashed of a value is its text without the ways of any format.
fn canonical(item: &Item) -> &str {
    std::str::from_utf8(item.hashed()).unwrap_or_default()
}
