//! YAML as SOPS' library lays it out: everything in blocks, each level a multiple of the indentation, the content of list
//! elements behind the dash.
//!
//! It writes an indentation hint of its own width where the real one differs, loses comments of empty maps, and the
//! first of two comments before a list that begins with a map. Here the hint is right, and the comments stay.

use super::scalar::{Scalar, Style, double_quoted, is_break};
use super::{Layout, RenderError};
use crate::envelope::sops::Branch;
use crate::secret::{SecretString, SecretText};

/// The documents of a file.
pub(super) fn documents(documents: &[Branch], layout: &Layout) -> Result<SecretText, RenderError> {
    let mut writer = Writer::new(layout);
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            writer.fresh_line();
            writer.put("---");
            writer.end_line();
        }
        writer.root(document);
    }
    writer.fresh_line();
    Ok(writer.out.into())
}

/// A value on its own. A comment is a map of its text, as SOPS has it.
pub(super) fn part(branch: &Branch, layout: &Layout) -> Result<SecretText, RenderError> {
    let mut writer = Writer::new(layout);
    match branch {
        Branch::Comment(text) => {
            writer.put("value:");
            writer.scalar(&Scalar::string(text), 0, Below::Map);
        }
        other => writer.root(other),
    }
    writer.fresh_line();
    Ok(writer.out.into())
}

/// What a value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Map,
    List,
}

struct Writer {
    out: SecretString,
    column: usize,
    /// Whether nothing but indentation and `-`, `?` and `:` stands in the line.
    is_indention: bool,
    /// Whether the last character was a blank, or is none.
    is_blank: bool,
    width: usize,
}

impl Writer {
    fn new(layout: &Layout) -> Self {
        let width = match layout.yaml_indent {
            0 => 4,
            width => width.clamp(2, 9),
        };
        Self { out: SecretString::default(), column: 0, is_indention: true, is_blank: true, width }
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
        self.is_blank = false;
        self.is_indention = false;
    }

    /// Text behind what stands there already, with a blank between.
    fn put_apart(&mut self, text: &str) {
        if !self.is_blank {
            self.put(" ");
        }
        self.put(text);
    }

    fn end_line(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.is_indention = true;
        self.is_blank = true;
    }

    fn fresh_line(&mut self) {
        if self.column > 0 {
            self.end_line();
        }
    }

    /// `-`, `?` or `:` where something may follow in the same line.
    fn indicator(&mut self, text: &str) {
        let is_indention = self.is_indention;
        self.put_apart(text);
        self.is_indention = is_indention;
    }

    fn indent(&mut self, indent: usize) {
        if !self.is_indention || self.column > indent || self.column == indent && !self.is_blank {
            self.end_line();
        }
        while self.column < indent {
            self.out.push(' ');
            self.column += 1;
        }
        self.is_blank = true;
    }

    fn comment(&mut self, text: &str, indent: usize) {
        for (index, line) in text.split('\n').enumerate() {
            self.indent(indent);
            // Only an INI file's comment has several lines.
            let marker = match () {
                () if index == 0 => "#",
                () if line.starts_with('#') => "",
                () => "# ",
            };
            self.put(marker);
            self.put(line);
            self.end_line();
        }
    }

    fn deeper(&self, indent: usize, below: Below) -> usize {
        match below {
            Below::List => indent + 2,
            Below::Map => self.width * (indent / self.width + 1),
        }
    }

    fn root(&mut self, branch: &Branch) {
        match branch {
            Branch::Map(map) if map.iter().any(|(key, _)| key.is_some()) => self.map(map, 0, false),
            Branch::Map(map) => {
                map.iter().for_each(|(_, comment)| self.only_comment(comment, 0));
                self.put("{}");
            }
            Branch::List(list) if list.iter().any(is_element) => self.list(list, 0, false),
            Branch::List(list) => {
                list.iter().for_each(|comment| self.only_comment(comment, 0));
                self.put("[]");
            }
            Branch::Value(item) => self.scalar(&Scalar::of(item), 0, Below::Map),
            Branch::Null | Branch::Comment(_) => self.put("null"),
        }
    }

    fn only_comment(&mut self, branch: &Branch, indent: usize) {
        if let Branch::Comment(text) = branch {
            self.comment(text, indent);
        }
    }

    /// Pairs. `is_headed` says that the comments before the first one are written already. No deeper than the tree.
    fn map(&mut self, map: &[(Option<SecretText>, Branch)], indent: usize, is_headed: bool) {
        let first = map.iter().position(|(key, _)| key.is_some()).unwrap_or(map.len());
        let skip = if is_headed { first } else { 0 };
        for (key, value) in map.iter().skip(skip) {
            let Some(key) = key else {
                self.only_comment(value, indent);
                continue;
            };
            let key = Scalar::string(key);
            self.indent(indent);
            let is_simple = !key.is_multiline && key.text.len() + key.tag.len() <= LONGEST_KEY;
            if is_simple {
                self.scalar(&key, indent, Below::Map);
                self.put(":");
            } else {
                self.indicator("?");
                self.scalar(&key, indent, Below::Map);
                self.indent(indent);
                self.indicator(":");
            }
            self.value(value, indent, Below::Map);
        }
    }

    /// Elements. No deeper than the tree.
    fn list(&mut self, list: &[Branch], indent: usize, is_headed: bool) {
        let first = list.iter().position(is_element).unwrap_or(list.len());
        let skip = if is_headed { first } else { 0 };
        for item in list.iter().skip(skip) {
            if let Branch::Comment(text) = item {
                self.comment(text, indent);
                continue;
            }
            leading(item).for_each(|comment| self.only_comment(comment, indent));
            self.indent(indent);
            self.indicator("-");
            self.value(item, indent, Below::List);
        }
    }

    fn value(&mut self, value: &Branch, indent: usize, below: Below) {
        let deeper = self.deeper(indent, below);
        // The comments of what a list holds stand before its dash.
        let is_headed = below == Below::List;
        match value {
            Branch::Map(map) if map.iter().any(|(key, _)| key.is_some()) => self.map(map, deeper, is_headed),
            Branch::List(list) if list.iter().any(is_element) => self.list(list, deeper, is_headed),
            Branch::Map(_) | Branch::List(_) => {
                self.put_apart(if matches!(value, Branch::Map(_)) { "{}" } else { "[]" });
                if !is_headed {
                    leading(value).for_each(|comment| self.only_comment(comment, indent));
                }
            }
            Branch::Value(item) => self.scalar(&Scalar::of(item), indent, below),
            Branch::Null | Branch::Comment(_) => self.put_apart("null"),
        }
    }

    fn scalar(&mut self, scalar: &Scalar, indent: usize, below: Below) {
        if !scalar.tag.is_empty() {
            self.put_apart(scalar.tag);
        }
        let deeper = self.deeper(indent, below);
        match scalar.style {
            Style::Plain => self.put_apart(&scalar.text),
            Style::Double => self.put_apart(&double_quoted(&scalar.text)),
            Style::Single => {
                self.put_apart("'");
                let mut was_break = false;
                for c in scalar.text.chars() {
                    if is_break(c) {
                        self.out.push(c);
                        self.column = 0;
                        self.is_indention = true;
                    } else {
                        if was_break {
                            self.indent(deeper);
                        }
                        let mut buffer = [0; 4];
                        self.put(if c == '\'' { "''" } else { c.encode_utf8(&mut buffer) });
                    }
                    was_break = is_break(c);
                }
                self.put("'");
            }
            Style::Literal => self.literal(&scalar.text, indent, deeper),
        }
    }

    fn literal(&mut self, text: &str, indent: usize, deeper: usize) {
        self.put_apart("|");
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put(&(deeper - indent).to_string());
        }
        let mut behind = text.chars().rev();
        match (behind.next().is_some_and(is_break), behind.next()) {
            (false, _) => self.put("-"),
            (true, Some(c)) if !is_break(c) => {}
            (true, _) => self.put("+"),
        }
        self.end_line();
        for line in text.split_inclusive(is_break) {
            let content = line.trim_end_matches(is_break);
            if !content.is_empty() {
                self.indent(deeper);
                self.put(content);
            }
            match line.strip_prefix(content).unwrap_or_default() {
                "\n" => self.end_line(),
                "" => {}
                other => {
                    self.put(other);
                    self.column = 0;
                    self.is_indention = true;
                    self.is_blank = true;
                }
            }
        }
    }
}

fn is_element(branch: &Branch) -> bool {
    !matches!(branch, Branch::Comment(_))
}

/// The comments that a map or list begins with.
fn leading(branch: &Branch) -> Box<dyn Iterator<Item = &Branch> + '_> {
    match branch {
        Branch::Map(map) => Box::new(map.iter().map_while(|(key, value)| key.is_none().then_some(value))),
        Branch::List(list) => Box::new(list.iter().take_while(|item| !is_element(item))),
        _ => Box::new(std::iter::empty()),
    }
}

/// Bytes of a key in one line.
const LONGEST_KEY: usize = 128;
