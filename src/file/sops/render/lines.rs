//! dotenv and INI files as SOPS writes them.

use super::{RenderError, canonical, numbers, text_of};
use crate::envelope::sops::{Branch, Item, Type};
use crate::format::stores::ini_value;
use crate::secret::{SecretString, SecretText};

/// A scalar as text; `None` for bytes that are none.
pub(super) fn text(item: &Item) -> Option<SecretText> {
    Some(match item.kind() {
        Type::Bool => (if canonical(item) == "True" { "true" } else { "false" }).into(),
        Type::Int => canonical(item).into(),
        Type::Float => numbers::line(canonical(item).parse().ok()?).into(),
        Type::Time => seconds(canonical(item)).into(),
        _ => std::str::from_utf8(item.plain()).ok()?.into(),
    })
}

/// Lines `KEY=value`.
///
/// # Errors
/// [`RenderError`] for maps and lists, and for keys that would be read as something else.
pub(super) fn dotenv(branch: &Branch) -> Result<SecretText, RenderError> {
    let mut out = SecretString::default();
    for (key, value) in pairs(branch) {
        match (key, value) {
            (None, Branch::Comment(text)) => {
                let line = text.replace('\n', "\n#");
                ["#", &line, "\n"].iter().for_each(|part| out.push_str(part));
            }
            (None, _) => {}
            (Some(key), value) => {
                let text = single(key, value, "dotenv")?.replace('\n', "\\n");
                if key.starts_with('#') || key.contains(['=', '\n']) {
                    return Err(RenderError::Key(key.to_string()));
                }
                [key, "=", &*text, "\n"].iter().for_each(|part| out.push_str(part));
            }
        }
    }
    Ok(out.into())
}

/// Sections, of all documents. Of the comments of a section, the first one is the section's if nothing stands before it; any other is the
/// key's before it, and of several for one key the last one stays: so SOPS has it.
///
/// # Errors
/// [`RenderError`] for what is no map of maps of scalars.
pub(super) fn ini(documents: &[Branch]) -> Result<SecretText, RenderError> {
    let mut out = SecretString::default();
    let pairs = documents.iter().flat_map(pairs);
    let sections: Vec<_> = pairs.filter_map(|(key, value)| Some((key.as_ref()?, value))).collect();
    for (index, (name, section)) in sections.iter().enumerate() {
        let Branch::Map(content) = section else {
            return Err(RenderError::Complex { key: (*name).to_string(), format: "ini" });
        };
        if name.is_empty() || name.contains(['\n', '\r']) {
            return Err(RenderError::Key((*name).to_string()));
        }
        if let Some((None, Branch::Comment(text))) = content.first() {
            comment(&mut out, text, false);
        }
        let keys: Vec<Line<'_>> = lines(content)?;
        if index > 0 || !name.eq_ignore_ascii_case("DEFAULT") {
            ["[", name, "]\n"].iter().for_each(|part| out.push_str(part));
        } else if keys.is_empty() {
            continue;
        }
        let width = keys.iter().map(|line| line.key.len()).max().unwrap_or_default();
        for line in &keys {
            line.comment.into_iter().for_each(|text| comment(&mut out, text, true));
            let blanks = " ".repeat(width - line.key.len());
            [&line.key, &*blanks, " = ", &line.value, "\n"].iter().for_each(|part| out.push_str(part));
        }
        if index + 1 < sections.len() {
            out.push('\n');
        }
    }
    Ok(out.into())
}

/// A key's line.
struct Line<'a> {
    key: String,
    value: SecretText,
    comment: Option<&'a str>,
}

fn lines(content: &[(Option<SecretText>, Branch)]) -> Result<Vec<Line<'_>>, RenderError> {
    let mut lines: Vec<Line<'_>> = Vec::with_capacity(content.len());
    for (key, value) in content {
        match (key, value) {
            (None, Branch::Comment(text)) => {
                if let Some(last) = lines.last_mut() {
                    last.comment = Some(text);
                }
            }
            (None, _) => {}
            (Some(key), value) => {
                let text = single(key, value, "ini")?;
                let value = ini_value(&text).ok_or_else(|| RenderError::Value(key.to_string()))?;
                lines.push(Line { key: ini_key(key)?, value, comment: None });
            }
        }
    }
    Ok(lines)
}

fn ini_key(key: &str) -> Result<String, RenderError> {
    let fail = || RenderError::Key(key.to_owned());
    let is_odd = key.trim().is_empty() || key.trim() != key || key.contains(['\n', '\r']) || key == "-";
    match () {
        () if is_odd => Err(fail()),
        () if key.contains(['"', '=', ':']) && key.contains('`') => Err(fail()),
        () if key.contains(['"', '=', ':']) => Ok(format!("`{key}`")),
        () if key.contains('`') => Ok(format!("\"\"\"{key}\"\"\"")),
        () if key.starts_with(['#', ';', '[']) => Ok(format!("`{key}`")),
        () => Ok(key.to_owned()),
    }
}

/// The lines of a comment, each with a marker.
fn comment(out: &mut SecretString, text: &str, is_trimmed: bool) {
    for line in text.split('\n').filter(|_| !text.is_empty()) {
        let (marker, rest) = match line.as_bytes().first() {
            Some(b'#') => ("#", line.get(1..).unwrap_or_default().trim()),
            Some(b';') => (";", line.get(1..).unwrap_or_default().trim()),
            _ if is_trimmed => (";", line.trim()),
            _ => (";", line),
        };
        [marker, " ", rest, "\n"].iter().for_each(|part| out.push_str(part));
    }
}

fn single(key: &str, value: &Branch, format: &'static str) -> Result<SecretText, RenderError> {
    match value {
        Branch::Value(item) if item.kind() == Type::Str => Ok(text_of(item)?.into()),
        Branch::Value(item) => text(item).ok_or(RenderError::NotText),
        // SOPS writes `<nil>`, which nobody reads as nothing.
        Branch::Null => Ok(SecretText::default()),
        _ => Err(RenderError::Complex { key: key.to_owned(), format }),
    }
}

fn pairs(branch: &Branch) -> &[(Option<SecretText>, Branch)] {
    match branch {
        Branch::Map(map) => map,
        _ => &[],
    }
}

/// A time without what is behind the second.
fn seconds(time: &str) -> String {
    let Some((head, rest)) = time.split_once('.') else { return time.to_owned() };
    [head, rest.trim_start_matches(|c: char| c.is_ascii_digit())].concat()
}
