//! JSON as Go writes it.

use super::numbers;
use super::{Indent, Layout, RenderError, canonical};
use crate::envelope::sops::{Branch, Item, Type};
use crate::secret::{SecretString, SecretText};

/// A value over several lines, without the last line break. Comments are left out, but for one that is all there is.
pub(super) fn part(branch: &Branch, layout: &Layout) -> Result<SecretText, RenderError> {
    let indent = match layout.json_indent {
        Indent::Tab => "\t".to_owned(),
        Indent::Blanks(count) => " ".repeat(count),
    };
    let mut writer = Writer { out: SecretString::default(), indent };
    match branch {
        Branch::Comment(text) => writer.pairs(&mut [("Value", &**text)].into_iter(), 0),
        other => writer.value(other, 0)?,
    }
    Ok(writer.out.into())
}

/// A value as SOPS holds it in memory, which is what it prints for parts of INI files.
pub(super) fn inner(branch: &Branch) -> Result<SecretText, RenderError> {
    let mut out = SecretString::default();
    write_inner(branch, &mut out)?;
    Ok(out.into())
}

struct Writer {
    out: SecretString,
    indent: String,
}

impl Writer {
    fn line(&mut self, level: usize) {
        self.out.push('\n');
        (0..level).for_each(|_| self.out.push_str(&self.indent));
    }

    fn pairs(&mut self, pairs: &mut dyn Iterator<Item = (&str, &str)>, level: usize) {
        self.out.push('{');
        for (key, value) in pairs {
            self.line(level + 1);
            string(&mut self.out, key);
            self.out.push_str(": ");
            string(&mut self.out, value);
        }
        self.line(level);
        self.out.push('}');
    }

    /// No deeper than the tree.
    fn value(&mut self, branch: &Branch, level: usize) -> Result<(), RenderError> {
        match branch {
            Branch::Map(map) => {
                let pairs = map.iter().filter_map(|(key, value)| Some((key.as_ref()?, value)));
                self.out.push('{');
                let mut count = 0;
                for (key, value) in pairs {
                    self.out.push_str(if count > 0 { "," } else { "" });
                    self.line(level + 1);
                    string(&mut self.out, key);
                    self.out.push_str(": ");
                    self.value(value, level + 1)?;
                    count += 1;
                }
                if count > 0 {
                    self.line(level);
                }
                self.out.push('}');
            }
            Branch::List(list) => {
                self.out.push('[');
                let mut count = 0;
                for item in list.iter().filter(|item| !matches!(item, Branch::Comment(_))) {
                    self.out.push_str(if count > 0 { "," } else { "" });
                    self.line(level + 1);
                    self.value(item, level + 1)?;
                    count += 1;
                }
                if count > 0 {
                    self.line(level);
                }
                self.out.push(']');
            }
            Branch::Value(item) => scalar(&mut self.out, item)?,
            Branch::Null | Branch::Comment(_) => self.out.push_str("null"),
        }
        Ok(())
    }
}

fn scalar(out: &mut SecretString, item: &Item) -> Result<(), RenderError> {
    match item.kind() {
        Type::Int => out.push_str(canonical(item)),
        Type::Bool => out.push_str(if canonical(item) == "True" { "true" } else { "false" }),
        Type::Float => {
            let number: f64 = canonical(item).parse().map_err(|_| RenderError::Number)?;
            if !number.is_finite() {
                return Err(RenderError::Number);
            }
            out.push_str(&numbers::json(number));
        }
        Type::Time => string(out, canonical(item)),
        _ => string(out, &String::from_utf8_lossy(item.plain())),
    }
    Ok(())
}

/// No deeper than the tree.
fn write_inner(branch: &Branch, out: &mut SecretString) -> Result<(), RenderError> {
    match branch {
        Branch::Map(map) => {
            out.push('[');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index > 0 { ",{\"Key\":" } else { "{\"Key\":" });
                match (key, value) {
                    (Some(key), _) => string(out, key),
                    (None, comment) => write_inner(comment, out)?,
                }
                out.push_str(",\"Value\":");
                match key {
                    Some(_) => write_inner(value, out)?,
                    None => out.push_str("null"),
                }
                out.push('}');
            }
            out.push(']');
        }
        Branch::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_inner(item, out)?;
            }
            out.push(']');
        }
        Branch::Value(item) => scalar(out, item)?,
        Branch::Null => out.push_str("null"),
        Branch::Comment(text) => {
            out.push_str("{\"Value\":");
            string(out, text);
            out.push('}');
        }
    }
    Ok(())
}

/// A string with the escapes that keep it safe in HTML.
fn string(out: &mut SecretString, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
