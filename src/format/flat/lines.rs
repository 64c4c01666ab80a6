//! A tree as lines of one scalar each, and back.
//!
//! `PATH=VALUE`, the path's keys parted by dots. Behind a key `[+]` begins an element of a list, `[]` goes on with the
//! one begun last: no line holds a number, so an element that comes or goes leaves its neighbours' lines as they are.
//! Keys are bare where they are letters, digits, `_` and `-`, else JSON strings. A value is a decimal number, `true`,
//! `false`, `{}`, `[]`, or a text: bare where it can be taken for nothing else, else a JSON string. Every tree of those
//! has one form, and no two share one.

use crate::document::{Tree, Value};
use crate::format::json::{decode, write_string};
use crate::format::spelling::is_plain_integer;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// An element; whether it begins here.
    Item(bool),
}

/// The lines of `tree`, without line breaks. Values of other kinds than the above are written as texts.
pub(super) fn write(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    walk(&mut lines, &mut Vec::new(), tree);
    lines
}

/// No deeper than the tree, which this program made.
fn walk(lines: &mut Vec<String>, path: &mut Vec<Step>, tree: &Tree) {
    match tree {
        Tree::Map(pairs) => {
            for (key, value) in pairs {
                path.push(Step::Key(key.clone()));
                walk(lines, path, value);
                path.pop();
            }
        }
        Tree::List(items) => {
            for item in items {
                path.push(Step::Item(true));
                walk(lines, path, item);
                path.pop();
            }
        }
        Tree::Leaf(value) => {
            let mut line = String::new();
            for (index, step) in path.iter_mut().enumerate() {
                match step {
                    Step::Key(key) => {
                        line.push_str(if index > 0 { "." } else { "" });
                        if is_bare_key(key) { line.push_str(key) } else { quote(&mut line, key) }
                    }
                    Step::Item(begins) => {
                        line.push_str(if std::mem::take(begins) { "[+]" } else { "[]" });
                    }
                }
            }
            line.push('=');
            write_value(&mut line, value);
            lines.push(line);
        }
    }
}

fn write_value(line: &mut String, value: &Value) {
    match value {
        Value::Int(digits) if is_plain_integer(digits) => line.push_str(digits),
        Value::Bool(_) | Value::EmptyMap | Value::EmptyList => line.push_str(&value.to_text()),
        Value::Str(text) if is_bare_value(text) => line.push_str(text),
        _ => quote(line, &value.to_text()),
    }
}

fn is_bare_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Printable ASCII without quotes and backslashes, which the format around may take for its own.
fn is_bare_value(text: &str) -> bool {
    let fits = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"'`\\".contains(&byte);
    !text.is_empty()
        && text.bytes().all(fits)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !is_plain_integer(text)
        && !["true", "false", "{}", "[]"].contains(&text)
}

/// A JSON string in which nothing stands that could be a line break, a quote or nothing at all for somebody.
fn quote(line: &mut String, text: &str) {
    let mut out = String::new();
    write_string(&mut out, text);
    for c in out.chars() {
        match c {
            '\'' | '`' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                line.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => line.push(c),
        }
    }
}

/// Reads lines back.
///
/// # Errors
/// The index of the line, and what is wrong with it.
pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Tree, (usize, &'static str)> {
    let mut root = Tree::Map(Vec::new());
    for (index, line) in lines.enumerate() {
        let fail = |reason| (index, reason);
        let (steps, value) = line_of(line).ok_or_else(|| fail("expected KEY=VALUE"))?;
        put(&mut root, &steps, value).map_err(fail)?;
    }
    Ok(root)
}

fn line_of(line: &str) -> Option<(Vec<Step>, Value)> {
    let mut steps = Vec::new();
    let mut rest = line;
    loop {
        let (key, behind) = key_of(rest)?;
        steps.push(Step::Key(key));
        rest = behind;
        loop {
            if let Some(behind) = rest.strip_prefix("[+]") {
                steps.push(Step::Item(true));
                rest = behind;
            } else if let Some(behind) = rest.strip_prefix("[]") {
                steps.push(Step::Item(false));
                rest = behind;
            } else {
                break;
            }
        }
        if steps.len() > MAX_STEPS {
            return None;
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return Some((steps, value_of(rest.strip_prefix('=')?)?)),
        }
    }
}

fn key_of(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        let end = closing_quote(text)?;
        let key = decode(text.get(1..end)?).ok()?.to_string();
        // One form only.
        return (!is_bare_key(&key)).then_some((key, text.get(end + 1..)?));
    }
    let end = text.find(['.', '[', '=']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    is_bare_key(key).then(|| (key.to_owned(), rest))
}

fn value_of(text: &str) -> Option<Value> {
    if text.starts_with('"') {
        let end = closing_quote(text).filter(|end| end + 1 == text.len())?;
        let decoded = decode(text.get(1..end)?).ok()?;
        return (!is_bare_value(&decoded)).then_some(Value::Str(decoded));
    }
    Some(match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "{}" => Value::EmptyMap,
        "[]" => Value::EmptyList,
        digits if is_plain_integer(digits) => Value::Int(digits.into()),
        text if is_bare_value(text) => Value::Str(text.into()),
        _ => return None,
    })
}

/// Where the JSON string at the beginning of `text` ends.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().enumerate().skip(1).find_map(|(at, byte)| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end.then_some(at)
    })
}

/// Puts a value at a path. No deeper than [`MAX_STEPS`].
fn put(tree: &mut Tree, steps: &[Step], value: Value) -> Result<(), &'static str> {
    let Some((step, rest)) = steps.split_first() else {
        *tree = Tree::Leaf(value);
        return Ok(());
    };
    let fresh = || match rest.first() {
        Some(Step::Item(_)) => Tree::List(Vec::new()),
        _ => Tree::Map(Vec::new()),
    };
    match (tree, step) {
        (Tree::Map(pairs), Step::Key(key)) => {
            let place = pairs.iter().position(|(own, _)| own == key);
            if place.is_some() && rest.is_empty() {
                return Err("the key stands twice");
            }
            let place = place.unwrap_or_else(|| {
                pairs.push((key.clone(), fresh()));
                pairs.len() - 1
            });
            pairs.get_mut(place).map_or(Ok(()), |(_, below)| put(below, rest, value))
        }
        (Tree::List(items), Step::Item(begins)) => {
            if *begins {
                items.push(fresh());
            } else if rest.is_empty() {
                return Err("the element stands twice");
            }
            items.last_mut().map_or(Err("`[]` goes on with an element that is not there"), |below| {
                put(below, rest, value)
            })
        }
        _ => Err("the key is a list here and something else above"),
    }
}

const MAX_STEPS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::{entry, shown};

    #[test]
    fn trees_come_back() {
        let tree = entry();
        let lines = write(&tree);
        assert_eq!(lines.first().map(String::as_str), Some("version=1"));
        assert!(lines.contains(&"groups[].keys[+].age=age1x".to_owned()), "{lines:#?}");
        assert!(lines.contains(&"groups[].keys[].context.app=web".to_owned()), "{lines:#?}");
        assert!(
            lines.contains(&r#"groups[].keys[].context."a b"="\u0001\"\u0027\\\n""#.to_owned()),
            "{lines:#?}"
        );
        assert_eq!(shown(&read(lines.iter().map(String::as_str)).unwrap()), shown(&tree));
    }

    #[test]
    fn texts_are_told_from_numbers() {
        for text in ["1", "true", "[]", "{}", "", " a", "a ", "\"", "é", "a=b", "\u{2028}", "'", "a b", "**"]
        {
            let tree = Tree::Map(vec![("k".to_owned(), Tree::text(text))]);
            let lines = write(&tree);
            assert_eq!(read(lines.iter().map(String::as_str)).unwrap(), tree, "{lines:?}");
            assert!(!lines.concat().contains(['\'', '`', '\u{2028}']), "{lines:?}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for lines in [
            "a",
            "=1",
            "a b=1",
            "\"a\"=1",
            "a=\"b\"",
            "a=01x\"",
            "a.=1",
            "a[=1",
            "a[0]=1",
            "a[]=1",
            "a[+]=1\na[]=2",
            "a=1\na=2",
            "a=1\na.b=2",
            "a.b=1\na=2",
            "a[+]=1\na.b=2",
            "a.b=1\na[+]=2",
            "a= b",
            "a=\"b",
            "a=\u{7f}",
        ] {
            assert!(read(lines.lines()).is_err(), "{lines}");
        }
        let deep = format!("{}=1", ["a"; 40].join("."));
        assert!(read(deep.lines()).is_err());
    }
}
