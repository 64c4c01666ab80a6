//! Reads INI files as SOPS' library reads them, and refuses what that library drops or changes without a word.

use std::collections::HashSet;

use super::value::{Found, value};
use crate::document::{Span, Style};
use crate::format::{Limits, ParseError, or_conflict};

/// A section; the first one is what stands above all headers.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    /// The name, and the header with its brackets; empty for the first.
    pub(super) name_span: Span,
    pub(super) header: Span,
    pub(super) pairs: Vec<Pair>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) key: Span,
    /// The value with its quotes.
    pub(super) token: Span,
    pub(super) style: Style,
    pub(super) value: String,
}

/// What a line of comment belongs to: what follows it, or stands before it in its line. Nothing at the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Nothing,
    Section(usize),
    Pair(usize, usize),
}

/// What is in a file.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) sections: Vec<Section>,
    /// From the marker to the last byte that is no blank.
    pub(super) comments: Vec<(Span, Owner)>,
}

/// Reads a text.
///
/// # Errors
/// [`ParseError`].
pub(super) fn read(text: &str, limits: &Limits) -> Result<Content, ParseError> {
    if text.len() > limits.file {
        return Err(ParseError::limit(text, 0, format!("the file is over {} bytes", limits.file)));
    }
    let at = text.len() - text.trim_start_matches('\u{feff}').len();
    let first = Section {
        name: DEFAULT.to_owned(),
        name_span: Span::new(at, at),
        header: Span::new(at, at),
        pairs: Vec::new(),
    };
    let content = Content { sections: vec![first], comments: Vec::new() };
    let mut reader =
        Reader { text, at, limits, content, waiting: Vec::new(), names: HashSet::new(), leaves: 0 };
    reader.run().map_err(|error| if error.limit { error } else { or_conflict(text, error) })?;
    Ok(reader.content)
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    limits: &'a Limits,
    content: Content,
    /// Comments whose owner comes next.
    pub(super) waiting: Vec<Span>,
    /// Names of the last section.
    names: HashSet<String>,
    leaves: usize,
}

impl Reader<'_> {
    /// The next line with its line break; empty at the end.
    pub(super) fn line(&mut self) -> Span {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        self.at = start + rest.find('\n').map_or(rest.len(), |at| at + 1);
        Span::new(start, self.at)
    }

    pub(super) fn fail<T>(&self, at: usize, message: &str) -> Result<T, ParseError> {
        Err(ParseError::at(self.text, at, message))
    }

    fn run(&mut self) -> Result<(), ParseError> {
        while self.at < self.text.len() {
            let line = self.line();
            let start = line.end - line.of(self.text).trim_start().len();
            let line = Span::new(start, line.end);
            match line.of(self.text).as_bytes().first() {
                None => {}
                Some(b'#' | b';') => self.waiting.push(self.trimmed(line)),
                Some(b'[') => self.header(line)?,
                Some(_) => self.pair(line)?,
            }
        }
        self.give(Owner::Nothing);
        Ok(())
    }

    pub(super) fn trimmed(&self, span: Span) -> Span {
        Span::new(span.start, span.start + span.of(self.text).trim_end().len())
    }

    fn give(&mut self, owner: Owner) {
        self.content.comments.extend(self.waiting.drain(..).map(|span| (span, owner)));
    }

    fn header(&mut self, line: Span) -> Result<(), ParseError> {
        let text = line.of(self.text);
        let Some(close) = text.rfind(']') else {
            return self.fail(line.start, "expected `]` behind the section's name");
        };
        let name = Span::new(line.start + 1, line.start + close);
        let rest = Span::new(name.end + 1, line.end);
        self.behind(rest)?;
        if name.is_empty() {
            return self.fail(line.start, "a section without a name");
        }
        if name.end - name.start > self.limits.key {
            let message = format!("the section's name is over {} bytes", self.limits.key);
            return Err(ParseError::limit(self.text, name.start, message));
        }
        let index = self.content.sections.len();
        self.give(Owner::Section(index));
        self.names.clear();
        self.content.sections.push(Section {
            name: name.of(self.text).to_owned(),
            name_span: name,
            header: Span::new(line.start, name.end + 1),
            pairs: Vec::new(),
        });
        Ok(())
    }

    /// A comment behind something that ends. What stands before its marker is dropped by SOPS.
    pub(super) fn behind(&mut self, rest: Span) -> Result<(), ParseError> {
        let text = rest.of(self.text);
        let at = text.find(['#', ';']).unwrap_or(text.len());
        if !text.get(..at).unwrap_or_default().trim().is_empty() {
            return self.fail(rest.start, "SOPS drops what stands here in the line: remove it");
        }
        if at < text.len() {
            self.waiting.push(self.trimmed(Span::new(rest.start + at, rest.end)));
        }
        Ok(())
    }

    fn pair(&mut self, line: Span) -> Result<(), ParseError> {
        let (name, key, separator) = self.key(line)?;
        if name.is_empty() {
            return self.fail(line.start, "expected a key before the separator");
        }
        if name == "-" {
            return self
                .fail(line.start, "SOPS gives a number to a key `-`, and loses it then: name the key");
        }
        if name.len() > self.limits.key {
            let message = format!("the key is over {} bytes", self.limits.key);
            return Err(ParseError::limit(self.text, line.start, message));
        }
        if !self.names.insert(name.clone()) {
            let message =
                "the key stands twice in its section, and SOPS keeps only the last of them: remove one";
            return self.fail(line.start, message);
        }
        let Found { token, style, value } = value(self, Span::new(separator + 1, line.end))?;
        if token.end - token.start > self.limits.leaf {
            let message = format!("the value is over {} bytes", self.limits.leaf);
            return Err(ParseError::limit(self.text, token.start, message));
        }
        self.leaves += 1;
        if self.leaves > self.limits.leaves {
            let message = format!("more than {} values", self.limits.leaves);
            return Err(ParseError::limit(self.text, line.start, message));
        }
        let section = self.content.sections.len().saturating_sub(1);
        let pairs = self.content.sections.last().map_or(0, |section| section.pairs.len());
        self.give(Owner::Pair(section, pairs));
        if let Some(section) = self.content.sections.last_mut() {
            section.pairs.push(Pair { name, key, token, style, value });
        }
        Ok(())
    }

    /// The key of a line, its place, and where its separator is.
    fn key(&self, line: Span) -> Result<(String, Span, usize), ParseError> {
        let text = line.of(self.text);
        let quote = match () {
            () if text.len() > 6 && text.starts_with("\"\"\"") => "\"\"\"",
            () if text.starts_with('"') => "\"",
            () if text.starts_with('`') => "`",
            () => "",
        };
        let inner = text.get(quote.len()..).unwrap_or_default();
        let close = match quote {
            "" => 0,
            _ => match inner.find(quote) {
                Some(close) => close,
                None => return self.fail(line.start, "the quotes around the key are not closed"),
            },
        };
        let behind = if quote.is_empty() { 0 } else { quote.len() + close + quote.len() };
        let rest = text.get(behind..).unwrap_or_default();
        let Some(separator) = rest.find(['=', ':']) else {
            let message = "expected `[section]`, `key = value`, a comment or an empty line";
            return self.fail(line.start, message);
        };
        let before = rest.get(..separator).unwrap_or_default();
        let key = Span::new(
            line.start,
            line.start + text.get(..behind + separator).unwrap_or_default().trim_end().len(),
        );
        if quote.is_empty() {
            return Ok((before.trim().to_owned(), key, line.start + separator));
        }
        if !before.trim().is_empty() {
            return self.fail(line.start + behind, "SOPS drops what stands here in the line: remove it");
        }
        let name = inner.get(..close).unwrap_or_default().trim().to_owned();
        Ok((name, key, line.start + behind + separator))
    }
}

/// The section above all headers.
pub(super) const DEFAULT: &str = "DEFAULT";
