//! Values and whole files, written so that the dialects agree about them as far as they can.

use super::scan::{is_key, is_name, reading};
use crate::document::{Style, Tree, Value};
use crate::secret::SecretText;

/// `text` as it is written where `style` stood: in the same way where it reads the same to every dialect, else in single
/// quotes, in which nothing has a meaning of its own, else in what reads as `text` here. `None` where nothing does. Where
/// a comment stands behind it, a value needs quotes that surely end.
pub(super) fn written(text: &str, style: Style, has_comment: bool) -> Option<SecretText> {
    let fits = |style: &Style| !has_comment || *style != Style::Plain && !text.ends_with('\\');
    let is_agreed = |style| match style {
        Style::Plain => text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c)),
        Style::Single => !text.contains('\''),
        Style::Double => !text.contains(['"', '\\', '$', '`', '!']),
        _ => false,
    };
    let agreed =
        [style, Style::Plain, Style::Single, Style::Double].into_iter().filter(|style| is_agreed(*style));
    let rest = [Style::Double, Style::Plain, Style::Backtick];
    agreed.chain(rest).filter(fits).find_map(|style| {
        let raw = in_style(text, style);
        let (read, value) = reading(&raw)?;
        (read == style && value == Value::Str(text.into())).then_some(raw)
    })
}

fn in_style(text: &str, style: Style) -> SecretText {
    let quote = match style {
        Style::Single => "'",
        Style::Double => "\"",
        Style::Backtick => "`",
        _ => "",
    };
    [quote, text, quote].concat().into()
}

/// A new file.
pub(super) fn render(tree: &Tree) -> String {
    let mut out = String::new();
    lines(&mut out, "", tree);
    out
}

/// No deeper than the tree.
fn lines(out: &mut String, name: &str, tree: &Tree) {
    match tree {
        Tree::Map(pairs) => {
            for (key, value) in pairs {
                let below = if name.is_empty() { key.clone() } else { format!("{name}_{key}") };
                lines(out, &below, value);
            }
        }
        Tree::List(items) => items.iter().for_each(|item| lines(out, name, item)),
        Tree::Leaf(Value::EmptyMap | Value::EmptyList) => {}
        Tree::Leaf(value) => {
            let text = value.to_text();
            let value = written(&text, Style::Plain, false).unwrap_or(text);
            out.push_str(&as_key(name));
            out.push('=');
            out.push_str(&value);
            out.push('\n');
        }
    }
}

fn as_key(name: &str) -> String {
    let fitted: String = name.chars().map(|c| if is_name(c) { c } else { '_' }).collect();
    if is_key(&fitted) { fitted } else { format!("_{fitted}") }
}
