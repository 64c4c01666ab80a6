//! Reads INI files. Strict: a line that is no section, pair, continuation, comment or plain word is an error, for it
//! could be part of a value for some program, and would stay in clear.

use crate::document::{Document, FormatCode, Span, Style, Value};
use crate::format::flat::{Item, build, check_text, is_entry_line, is_escaped, scalar};
use crate::format::gate::ENTRY;
use crate::format::line::{behind_break, end_of_line};
use crate::format::{Limits, ParseError, or_conflict};
use crate::secret::SecretText;

/// Reads `text`.
pub(super) fn scan(source: &SecretText, limits: &Limits) -> Result<Document, ParseError> {
    let text = source.as_str();
    check_text(text, limits)?;
    let (items, comments) = Scanner::new(source, limits)
        .run()
        .map_err(|error| if error.limit { error } else { or_conflict(text, error) })?;
    Ok(build(FormatCode::Ini, source, items, &comments))
}

/// What `raw` reads as behind `key=`, if it is exactly one value.
pub(super) fn reading(raw: &str) -> Option<(Style, Value)> {
    let text = SecretText::new(["k=", raw].concat());
    let limits = Limits { leaf: usize::MAX, file: usize::MAX, ..Limits::default() };
    check_text(&text, &limits).ok()?;
    let (mut items, comments) = Scanner::new(&text, &limits).run().ok()?;
    let whole = Span::new(text.len() - raw.len(), text.len());
    match (items.pop(), items.is_empty() && comments.is_empty()) {
        (Some(Item::Pair(_, scalar)), true) if scalar.token == whole => Some((scalar.style, scalar.value)),
        _ => None,
    }
}

struct Scanner<'a> {
    source: &'a SecretText,
    text: &'a str,
    limits: &'a Limits,
    /// What stands above the first section, then the sections.
    root: Vec<Item>,
    section: Option<Section>,
    comments: Vec<Span>,
    /// The pair that the next line may go on with.
    open: Option<Open>,
    leaves: usize,
}

struct Section {
    name: Span,
    header: Span,
    items: Vec<Item>,
    first_comment: usize,
}

/// A pair whose value may go on.
struct Open {
    key: Span,
    value: Span,
    /// Blanks before its key.
    indent: usize,
    /// Whether deeper lines go on with it whatever they hold: one did, or its own line holds no value.
    is_block: bool,
    /// Whether the last line ended in a backslash, and nothing stands between.
    escaped: bool,
}

/// A line: from its first character to its last that is no blank.
#[derive(Clone, Copy)]
struct Line {
    indent: usize,
    content: Span,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a SecretText, limits: &'a Limits) -> Self {
        let text = source.as_str();
        Self {
            source,
            text,
            limits,
            root: Vec::new(),
            section: None,
            comments: Vec::new(),
            open: None,
            leaves: 0,
        }
    }

    fn run(mut self) -> Result<(Vec<Item>, Vec<Span>), ParseError> {
        let text = self.text;
        let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
        while at < text.len() {
            let end = end_of_line(text, at);
            let start = end - text[at..end].trim_start_matches([' ', '\t']).len();
            let content = Span::new(start, start + text[start..end].trim_end_matches([' ', '\t']).len());
            self.line(Line { indent: start - at, content })?;
            at = behind_break(text, end);
        }
        self.close_pair()?;
        self.close_section();
        Ok((self.root, self.comments))
    }

    fn line(&mut self, line: Line) -> Result<(), ParseError> {
        let text = line.content.of(self.text);
        let escaped = self.open.as_mut().is_some_and(|open| std::mem::take(&mut open.escaped));
        if text.is_empty() {
            return Ok(());
        }
        if text.starts_with([';', '#']) {
            self.comments.push(line.content);
            return Ok(());
        }
        let looks_new = text.starts_with('[') || separator(text).is_some();
        let (is_deeper, is_block) =
            self.open.as_ref().map_or((false, false), |open| (line.indent > open.indent, open.is_block));
        if is_deeper && (escaped || is_block || !looks_new) || escaped && !looks_new {
            return self.go_on(line);
        }
        if escaped {
            let message = "the line above ends in a backslash, so this one goes on with it for some programs: indent it, \
                           or put an empty line between";
            return Err(ParseError::at(self.text, line.content.start, message));
        }
        self.close_pair()?;
        match separator(text) {
            _ if text.starts_with('[') => self.header(line),
            Some(at) => self.pair(line, at),
            None => self.bare(line),
        }
    }

    /// Takes a line into the value above, and everything between.
    fn go_on(&mut self, line: Line) -> Result<(), ParseError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.value.end = line.content.end;
        open.is_block = true;
        open.escaped = is_escaped(line.content.of(self.text));
        while let Some(comment) = self.comments.pop_if(|comment| comment.start >= open.value.start) {
            if is_entry_line(comment.of(self.text), ENTRY) {
                let message = format!("nothing may stand behind the lines `# {ENTRY}: …`");
                return Err(ParseError::at(self.text, line.content.start, message));
            }
        }
        Ok(())
    }

    fn pair(&mut self, line: Line, separator: usize) -> Result<(), ParseError> {
        let text = self.text;
        let Span { start, end } = line.content;
        let key =
            Span::new(start, start + text[start..start + separator].trim_end_matches([' ', '\t']).len());
        self.check_key(key)?;
        let rest = &text[start + separator + 1..end];
        let value = Span::new(end - rest.trim_start_matches([' ', '\t']).len(), end);
        self.open = Some(Open {
            key,
            value,
            indent: line.indent,
            is_block: value.is_empty(),
            escaped: is_escaped(value.of(text)),
        });
        Ok(())
    }

    fn check_key(&self, key: Span) -> Result<(), ParseError> {
        let text = key.of(self.text);
        if text.is_empty() || text.contains(char::is_control) {
            return Err(ParseError::at(self.text, key.start, "expected a key before the separator"));
        }
        if text.len() > self.limits.key {
            let message = format!("the key is over {} bytes", self.limits.key);
            return Err(ParseError::limit(self.text, key.start, message));
        }
        Ok(())
    }

    /// A key without a separator. Only what is a plain, short word: a line of a key file, say, must not pass for one.
    fn bare(&mut self, line: Line) -> Result<(), ParseError> {
        let key = line.content;
        let text = key.of(self.text);
        let is_word = text.len() < LONGEST_WORD
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if !is_word {
            let message = "expected `[section]`, `key = value`, a comment or an empty line; a value of several lines is \
                           indented deeper than its key";
            return Err(ParseError::at(self.text, key.start, message));
        }
        self.add(Item::Bare(key))
    }

    fn header(&mut self, line: Line) -> Result<(), ParseError> {
        let (text, start) = (line.content.of(self.text), line.content.start);
        let fail = |message: &str| Err(ParseError::at(self.text, start, message));
        let Some(close) = closing_bracket(text) else {
            return fail("expected `]` behind the section's name");
        };
        let rest = text[close + 1..].trim_start_matches([' ', '\t']);
        if !(rest.is_empty() || rest.starts_with([';', '#'])) {
            return fail("expected the end of the line or a comment behind the section's name");
        }
        let name = Span::new(start + 1, start + close);
        if name.of(self.text).contains(char::is_control) {
            return fail("a section's name holds a control character");
        }
        if name.end - name.start > self.limits.key {
            let message = format!("the section's name is over {} bytes", self.limits.key);
            return Err(ParseError::limit(self.text, name.start, message));
        }
        self.close_section();
        let header = Span::new(start, name.end + 1);
        self.section = Some(Section { name, header, items: Vec::new(), first_comment: self.comments.len() });
        if !rest.is_empty() {
            self.comments.push(Span::new(line.content.end - rest.len(), line.content.end));
        }
        Ok(())
    }

    fn close_pair(&mut self) -> Result<(), ParseError> {
        let Some(Open { key, value, .. }) = self.open.take() else { return Ok(()) };
        let raw = value.of(self.text);
        if raw.len() > self.limits.leaf {
            let message = format!("the value is over {} bytes", self.limits.leaf);
            return Err(ParseError::limit(self.text, value.start, message));
        }
        let style = style(raw);
        let quote = usize::from(style != Style::Plain);
        let inner = Span::new(value.start + quote, value.end - quote);
        self.add(Item::Pair(key, scalar(value, style, inner, self.source)))
    }

    fn add(&mut self, item: Item) -> Result<(), ParseError> {
        self.leaves += 1;
        if self.leaves > self.limits.leaves {
            let at = match &item {
                Item::Pair(key, _) | Item::Bare(key) => key.start,
                Item::Section { header, .. } => header.start,
            };
            return Err(ParseError::limit(self.text, at, format!("more than {} values", self.limits.leaves)));
        }
        self.section.as_mut().map_or(&mut self.root, |section| &mut section.items).push(item);
        Ok(())
    }

    fn close_section(&mut self) {
        if let Some(Section { name, header, items, first_comment }) = self.section.take() {
            let comments = first_comment..self.comments.len();
            self.root.push(Item::Section { name, header, items, comments });
        }
    }
}

/// Where the key of a line ends: at its first `=` or `:`.
fn separator(line: &str) -> Option<usize> {
    line.find(['=', ':'])
}

/// Where a header's name ends: at the first `]` that stands in no double quotes.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = byte == b'\\' && !escaped;
        byte == b']' && !quoted
    })
}

/// A value in one pair of quotes without another inside is a text in quotes; any other is taken as it is.
fn style(raw: &str) -> Style {
    let is_in = |quote: char| {
        raw.strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            .is_some_and(|inner| !inner.contains([quote, '\n']))
    };
    match () {
        () if is_in('"') => Style::Double,
        () if is_in('\'') => Style::Single,
        () => Style::Plain,
    }
}

/// One more than a key without a separator may have: a line of a PEM file is as long.
const LONGEST_WORD: usize = 64;
