//! What can be wrong with a sealed file.

use super::metadata::MetadataError;
use crate::crypto::ShamirError;
use crate::document::{Document, KeyPath, NodeId, Step};
use crate::secret::RandomError;

use super::structure::Place;

/// A place for people: a key path or a comment, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where {
    /// The key path; `None` for a comment.
    pub path: Option<KeyPath>,
    /// 1-based line.
    pub line: usize,
}

impl Where {
    /// The place of a record in `document`. Reads the document up to it; for many places `Places` reads it once.
    #[must_use]
    pub fn of(document: &Document, place: Place) -> Self {
        match place {
            Place::Leaf(id) => {
                Self { path: Some(document.path(id)), line: document.line_of(document.node(id).span.start) }
            }
            Place::Comment(index) => Self {
                path: None,
                line: document.comments.get(index).map_or(0, |comment| document.line_of(comment.span.start)),
            },
        }
    }
}

/// Names many places of one document in linear time.
pub(super) struct Places<'a> {
    document: &'a Document,
    steps: Vec<Option<(NodeId, Step)>>,
    /// Where lines begin, the first one left out.
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        let bytes = document.source.as_bytes();
        let ends_line = |(at, byte): (usize, &u8)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let lines =
            bytes.iter().enumerate().filter(|place| ends_line(*place)).map(|(at, _)| at + 1).collect();
        Self { document, steps: document.steps(), lines }
    }

    /// The same as [`Where::of`].
    pub(super) fn of(&self, place: Place) -> Where {
        let line = |offset| self.lines.partition_point(|start| *start <= offset) + 1;
        match place {
            Place::Leaf(id) => Where {
                path: Some(self.document.path_by(&self.steps, id)),
                line: line(self.document.node(id).span.start),
            },
            Place::Comment(index) => {
                let comment = self.document.comments.get(index);
                Where { path: None, line: comment.map_or(0, |comment| line(comment.span.start)) }
            }
        }
    }
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "`{path}` (line {})", self.line),
            None => write!(f, "the comment in line {}", self.line),
        }
    }
}

/// Why a file does not open, or cannot be sealed. No variant holds a value, a key or a ciphertext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The metadata is not in its one form.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The file's syntax is not the one that its metadata names.
    #[error("the metadata says that the file is {expected}, and it is read as {found}")]
    Format {
        /// By the metadata.
        expected: &'static str,
        /// By its name or flag.
        found: &'static str,
    },
    /// A text that begins like a token is none.
    #[error("{at}: {reason}")]
    Token {
        /// Where.
        at: Where,
        /// Why.
        reason: &'static str,
    },
    /// The key that a wrap gave is not the key that the file was sealed with.
    #[error("the data key is not the one this file commits to")]
    Commitment,
    /// A data key that cannot be divided among its groups, or shares that cannot be joined.
    #[error(transparent)]
    Shares(#[from] ShamirError),
    /// Rule, modes, scope, threshold or recipients were changed.
    #[error("the metadata's rule, scope or recipients were changed by someone without the key")]
    Policy,
    /// A token was moved, or structure behind it was changed.
    #[error("{at} was changed or moved, or something between it and the next sealed value was")]
    Link {
        /// Where.
        at: Where,
    },
    /// Something before the first token was changed.
    #[error(
        "something before the first sealed value was changed: a key, an element or the order of sections"
    )]
    Head,
    /// A cleartext value was changed.
    #[error("a cleartext value, key or the order below `{section}` was changed by someone without the key")]
    Section {
        /// The top-level key; empty where the root is no map.
        section: String,
    },
    /// Sections do not match the cleartext values.
    #[error("cleartext values were added or removed below a top-level key by someone without the key")]
    Sections,
    /// A token does not authenticate.
    #[error("{at} does not authenticate")]
    Value {
        /// Where.
        at: Where,
    },
    /// A leaf that the rule marks secret stands in clear.
    #[error("{at} stands in clear, and the file's rule says that it is secret")]
    Exposed {
        /// Where.
        at: Where,
    },
    /// An alias at a secret path points at something clear.
    #[error("{at} is an alias of something that stands in clear, and the rule says that it is secret")]
    ExposedAlias {
        /// Where.
        at: Where,
    },
    /// A comment in clear where comments are encrypted.
    #[error("line {line}: a comment stands in clear, and the file's rule encrypts comments")]
    ExposedComment {
        /// 1-based.
        line: usize,
    },
    /// A comment that other parsers would read differently.
    #[error(
        "line {line}: the comment holds a control character or a line separator, which other parsers read as a line break"
    )]
    CommentCharacter {
        /// 1-based.
        line: usize,
    },
    /// A clear value or key, in a file whose clear values anyone may edit, that other parsers would read differently.
    #[error(
        "line {line}: a clear value or key holds a line separator, which other parsers read as a line break, and anyone may edit clear values of this file"
    )]
    FreeCharacter {
        /// 1-based.
        line: usize,
    },
    /// A clear value that a merge key brings into a map, in a file whose clear values anyone may edit.
    #[error("{at} stands below a merge key, and anyone may edit clear values of this file: seal it")]
    FreeMerge {
        /// Where.
        at: Where,
    },
    /// A cleartext value that reads as a token.
    #[error("{at} begins like a token and would stand in clear")]
    LooksLikeToken {
        /// Where.
        at: Where,
    },
    /// The counter of write sessions is at its end.
    #[error("the file was written 4,294,967,295 times: decrypt it and encrypt it anew")]
    Exhausted,
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Limits, by_name};

    #[test]
    fn many_places_are_named_as_single_ones_are() {
        for (format, text) in [
            ("yaml", "a: 1\r\nb:\r  - x # c\n  - {y: z}\n# d\n---\n- 1\n"),
            ("json", "{\"a\": [1, // c\n {\"b\": 2}],\n \"c\": /* d */ {}}"),
            ("toml", "# a\na.b = 1\n[[t]] # b\nx = [\n1]\n[[t]]\n"),
        ] {
            let document = by_name(format).unwrap().parse(text, &Limits::default()).unwrap();
            let places = Places::new(&document);
            let leaves = document.ids().map(Place::Leaf);
            for place in leaves.chain((0..document.comments.len()).map(Place::Comment)) {
                assert_eq!(places.of(place), Where::of(&document, place));
            }
        }
    }
}
