//! Text to [`Document`] and back: knows files, knows nothing of crypto.
//!
//! [`FORMATS`] is the registry. [`gate`] holds the two gates that every write and every decryption pass.

mod binary;
mod dotenv;
mod flat;
mod flow;
pub mod gate;
mod ini;
mod json;
mod line;
mod spelling;
pub mod stores;
#[cfg(test)]
mod testing;
mod toml;
mod yaml;

use crate::document::{
    Document, FormatCode, Kind, NodeId, Span, Spelling, Splice, Step, Tree, Value, line_column,
};
use crate::secret::{SecretBytes, SecretText};

/// Every format, in the order in which names are tried.
pub static FORMATS: &[&dyn Format] =
    &[&yaml::Yaml, &json::Json, &toml::Toml, &dotenv::Dotenv, &ini::Ini, &binary::Binary];

/// One file format.
///
/// All offsets are bytes of the document's own source. Methods that return [`Splice`]s change nothing themselves; all
/// splices of one write are applied together, once.
pub trait Format: Sync {
    /// Its name: `yaml`.
    fn name(&self) -> &'static str;

    /// Its code in payloads.
    fn code(&self) -> FormatCode;

    /// File name endings that it claims, lower case, without the dot: `yaml`, `yml`.
    fn extensions(&self) -> &'static [&'static str];

    /// Beginnings of file names that it claims where no ending is known, lower case: `.env.`.
    fn beginnings(&self) -> &'static [&'static str] {
        &[]
    }

    /// The text that stands for a plain file of these bytes, where the format is one of bytes; else `None`: the file is
    /// the text.
    fn carry(&self, _bytes: &[u8]) -> Option<SecretText> {
        None
    }

    /// The plain file that a document stands for, the reverse of [`Format::carry`]. `None`: its source is the file.
    fn carried(&self, _document: &Document) -> Option<SecretBytes> {
        None
    }

    /// A value as this format holds it: dotenv and INI hold texts only, a binary file bytes.
    fn adapted(&self, value: Tree) -> Tree {
        value
    }

    /// Reads a file. Strict: duplicate keys, complex keys, keys with anchor, tag or alias, broken syntax and anything
    /// over a limit are errors with their place. Never panics, never takes more than linear time. The document keeps
    /// `source`, and its values share its memory where they stand there as they are.
    ///
    /// # Errors
    /// [`ParseError`].
    fn read(&self, source: SecretText, limits: &Limits) -> Result<Document, ParseError>;

    /// The same for a text that is copied.
    ///
    /// # Errors
    /// [`ParseError`].
    fn parse(&self, text: &str, limits: &Limits) -> Result<Document, ParseError> {
        self.read(text.into(), limits)
    }

    /// How the source writes the leaf `id` (a scalar or an empty container), complete enough to put it back.
    fn spelling(&self, document: &Document, id: NodeId) -> Spelling;

    /// Puts `token` (alphabet `[A-Za-z0-9._-]`) in place of the leaf `id`.
    fn seal_leaf(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice>;

    /// Puts a leaf back where its token `id` stands now, by the rules R1-R4 of `docs/design/round-trip.md`. `None` where
    /// the spelling is of another format or cannot live there; the caller then uses [`Format::unseal_default`].
    fn unseal_leaf(
        &self,
        document: &Document,
        id: NodeId,
        value: &Value,
        spelling: &Spelling,
    ) -> Option<Vec<Splice>>;

    /// Puts a leaf back in the format's default one-line form.
    fn unseal_default(&self, document: &Document, id: NodeId, value: &Value) -> Vec<Splice>;

    /// Appends `entry` under `name` as the last entry of the file, one scalar a line, with the file's last line break;
    /// the result ends with a line break exactly if the source does.
    ///
    /// # Errors
    /// [`EditError`] where the format has no place for it (a JSON root that is no object).
    fn attach(&self, document: &Document, name: &str, entry: &Tree) -> Result<Vec<Splice>, EditError>;

    /// Takes the entry `name` out again, the reverse of [`Format::attach`]: afterwards the document is exactly what
    /// parsing the text without the entry would give. `None` where there is no such top-level entry in the last place.
    ///
    /// # Errors
    /// [`ParseError`] where an entry of that name stands anywhere else at the top level, is followed by anything, or
    /// holds aliases, anchors or tags.
    fn detach(&self, document: Document, name: &str) -> Result<(Document, Option<Tree>), ParseError>;

    /// Replaces the value `id`, whatever it is, by `value`, keeping everything around it. A scalar over a scalar keeps
    /// the quoting style where the new value can live in it.
    ///
    /// # Errors
    /// [`EditError`] where the place does not allow it.
    fn replace(&self, document: &Document, id: NodeId, value: &Tree) -> Result<Vec<Splice>, EditError>;

    /// Adds `value` to the container `parent`: under a new key, or (`Step::Index` equal to the length) as last element,
    /// in the style of its neighbours. `parent` may be an empty container or a zero-width value, which it replaces.
    ///
    /// # Errors
    /// [`EditError`] where the place does not allow it.
    fn insert(
        &self,
        document: &Document,
        parent: NodeId,
        step: &Step,
        value: &Tree,
    ) -> Result<Vec<Splice>, EditError>;

    /// Removes the entry or element whose value is `id`, with its line where it has one to itself.
    ///
    /// # Errors
    /// [`EditError`] where the place does not allow it (a root).
    fn remove(&self, document: &Document, id: NodeId) -> Result<Vec<Splice>, EditError>;

    /// A whole new file that holds `value`.
    fn render(&self, value: &Tree) -> String;

    /// Puts a token that has no line breaks and no quotes in place of the leaf `id`, in that leaf's own style: what is
    /// quoted stays quoted, a block stays a block. For envelopes whose tokens carry no spelling.
    fn put_token(&self, document: &Document, id: NodeId, token: &str) -> Vec<Splice> {
        self.seal_leaf(document, id, token)
    }

    /// Puts a value where the token `id` stands, in the token's style where the value can be written in it. `bare` tells
    /// whether a string may do without quotes.
    fn put_value(&self, document: &Document, id: NodeId, value: &Value, bare: bool) -> Vec<Splice> {
        let _ = bare;
        self.unseal_default(document, id, value)
    }

    /// Adds an entry at the end of one part's root map, behind everything else of the part.
    ///
    /// # Errors
    /// [`EditError`] where the root is no map, or has that key.
    fn add_entry(
        &self,
        document: &Document,
        part: usize,
        name: &str,
        addition: &Addition<'_>,
    ) -> Result<Vec<Splice>, EditError> {
        match (document.parts.get(part), addition) {
            (Some(part), Addition::Tree(tree)) => {
                self.insert(document, part.root, &Step::Key(name.into()), tree)
            }
            _ => Err(EditError { offset: 0, reason: "the file has no place for it".to_owned() }),
        }
    }

    /// Takes a top-level entry out, wherever in the part's root map it stands. `None` where there is none. At the end of
    /// a part it is the reverse of [`Format::add_entry`].
    ///
    /// # Errors
    /// [`EditError`] where the place does not allow it.
    fn cut_entry(&self, document: &Document, part: usize, name: &str) -> Result<Option<Cut>, EditError> {
        match top_entry(document, part, name) {
            Some((_, value)) => Ok(Some(Cut { splices: self.remove(document, value)?, text: None })),
            None => Ok(None),
        }
    }
}

/// What [`Format::add_entry`] adds.
#[derive(Clone, Copy, Debug)]
pub enum Addition<'a> {
    /// New text for a tree.
    Tree(&'a Tree),
    /// The text that [`Format::cut_entry`] took out of a file of the same layout, or one like it.
    Text(&'a str),
}

/// An entry that is taken out.
#[derive(Clone, Debug)]
pub struct Cut {
    /// What removes it.
    pub splices: Vec<Splice>,
    /// Its text, from the key to the value's end, where it can stand elsewhere as it is.
    pub text: Option<SecretText>,
}

/// The key's place and the value of a part's top-level entry.
fn top_entry(document: &Document, part: usize, name: &str) -> Option<(Span, NodeId)> {
    let Kind::Map(entries) = &document.node(document.parts.get(part)?.root).kind else { return None };
    let entry = entries.iter().find(|entry| &*entry.key.text == name)?;
    Some((entry.key.span, entry.value))
}

impl std::fmt::Debug for dyn Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What is refused for its size, before any cryptography. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A file: 64 MiB.
    pub file: usize,
    /// Nesting of containers: 64.
    pub depth: usize,
    /// Leaves: 1,000,000.
    pub leaves: usize,
    /// A key: 1 KiB.
    pub key: usize,
    /// A leaf's source or value: 1 MiB.
    pub leaf: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 64 << 20, depth: 64, leaves: 1_000_000, key: 1 << 10, leaf: 1 << 20 }
    }
}

/// A file that does not parse, with the place and a masked picture of the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong and what was expected; never text of the file other than keys.
    pub message: String,
    /// The line with letters and digits of values masked, and below it a caret.
    pub picture: String,
    /// Whether a limit was exceeded, not syntax.
    pub limit: bool,
}

impl ParseError {
    /// An error at a byte offset of `text`.
    #[must_use]
    pub fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let (line, column) = line_column(text, offset);
        Self { line, column, message: message.into(), picture: picture(text, offset), limit: false }
    }

    /// The same for an exceeded limit.
    #[must_use]
    pub fn limit(text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { limit: true, ..Self::at(text, offset, message) }
    }
}

/// `error`, unless `text` holds the markers of a merge conflict: then that is said, at the first marker.
pub(crate) fn or_conflict(text: &str, error: ParseError) -> ParseError {
    let mut lines = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line))
    });
    let opens = lines.find(|(_, line)| line.starts_with("<<<<<<< "));
    match opens {
        Some((offset, _)) if lines.any(|(_, line)| line.starts_with(">>>>>>> ")) => {
            ParseError::at(text, offset, "the file holds merge conflict markers: resolve the conflict first")
        }
        _ => error,
    }
}

/// The line around `offset` and a caret below it. What stands behind the first `:` or `=` may be a secret, and so may
/// a line without either: letters and digits there become `·`. At most 60 characters are shown.
fn picture(text: &str, offset: usize) -> String {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = text[..at].rfind(['\n', '\r']).map_or(0, |position| position + 1);
    let end = text[at..].find(['\n', '\r']).map_or(text.len(), |position| at + position);
    let (mut shown, mut caret, mut behind) = (String::new(), 0, false);
    let has_separator = text[start..end].contains([':', '=']);
    let skip = text[start..at].chars().count().saturating_sub(40);
    for (position, (index, c)) in text[start..end].char_indices().enumerate().skip(skip).take(60) {
        let masked = (behind || !has_separator) && c.is_alphanumeric();
        shown.push(match c {
            _ if masked => '·',
            '\t' => ' ',
            _ if c.is_control() || !(c.is_ascii() || c.is_alphanumeric()) => '?',
            _ => c,
        });
        if start + index < at {
            caret = position + 1 - skip;
        }
        behind |= matches!(c, ':' | '=');
    }
    format!("{shown}\n{}^", " ".repeat(caret))
}

/// A change that the place does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EditError {
    /// Byte offset of the place.
    pub offset: usize,
    /// Why not, and what would be possible.
    pub reason: String,
}

impl EditError {
    /// A file that has the metadata's name in use.
    pub(crate) fn taken(offset: usize, name: &str) -> Self {
        Self { offset, reason: format!("the file has a key `{name}` of its own at the top: rename it") }
    }
}

/// The format of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The format with that code.
#[must_use]
pub fn by_code(code: FormatCode) -> &'static dyn Format {
    FORMATS.iter().copied().find(|format| format.code() == code).unwrap_or(FORMATS[0])
}

/// The format that claims a file name: by its ending, or by the ending before or behind `.enc` and `.sealed`
/// (`a.enc.yaml`, `a.yaml.enc`).
#[must_use]
pub fn by_file_name(name: &str) -> Option<&'static dyn Format> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".enc").or_else(|| name.strip_suffix(".sealed")).unwrap_or(&name);
    let ending = name.rsplit_once('.')?.1;
    let mut formats = FORMATS.iter().copied();
    formats.clone().find(|format| format.extensions().contains(&ending)).or_else(|| {
        formats.find(|format| format.beginnings().iter().any(|beginning| name.starts_with(beginning)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_formats() {
        for (name, expect) in [
            ("a.yaml", Some("yaml")),
            ("a.enc.yml", Some("yaml")),
            ("a.yaml.enc", Some("yaml")),
            ("A.JSON", Some("json")),
            ("Cargo.toml", Some("toml")),
            ("yaml", None),
            ("a.txt", None),
            (".env", Some("dotenv")),
            (".env.production", Some("dotenv")),
            (".env.local.enc", Some("dotenv")),
            (".env.json", Some("json")),
            ("db.ENV", Some("dotenv")),
            (".envrc", None),
            ("my.cfg", Some("ini")),
            ("a.ini.enc", Some("ini")),
        ] {
            assert_eq!(by_file_name(name).map(Format::name), expect, "{name}");
        }
    }

    #[test]
    fn pictures_mask_values() {
        assert_eq!(picture("a: 1\npassword: \"hunter2\n", 16), "password: \"·······\n           ^");
        assert_eq!(picture("hunter2", 3), "·······\n   ^");
    }
}
