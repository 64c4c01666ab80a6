//! Key paths as people write them: `db.users[0].password`, `"a.b".c`, `#1.a` (second document), `.` (the root).

use std::fmt;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into a map, by its decoded key.
    Key(Box<str>),
    /// Into a list, counted from 0.
    Index(usize),
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct KeyPath {
    /// Which YAML document, counted from 0.
    pub part: usize,
    /// The steps from its root.
    pub steps: Vec<Step>,
}

/// A path that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {at} of the path")]
pub struct PathError {
    /// 1-based character.
    pub at: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl KeyPath {
    /// Parses the notation above. Inside double quotes `\"` and `\\` are escapes.
    ///
    /// # Errors
    /// [`PathError`] with the place.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let chars: Vec<char> = text.chars().collect();
        let error = |at: usize, reason| PathError { at: at + 1, reason };
        let mut path = Self::default();
        let mut at = 0;
        if chars.first() == Some(&'#') {
            let digits = digits(&chars, 1);
            path.part = number(&chars[1..digits]).ok_or_else(|| error(1, "expected a document number"))?;
            at = digits;
            match chars.get(at) {
                None => return Ok(path),
                Some('.') if at + 1 == chars.len() => return Ok(path),
                Some('.') => at += 1,
                Some('[') => {}
                Some(_) => return Err(error(at, "expected `.`")),
            }
        } else if text == "." {
            return Ok(path);
        }
        loop {
            match chars.get(at) {
                Some('[') => {
                    let end = digits(&chars, at + 1);
                    let index =
                        number(&chars[at + 1..end]).ok_or_else(|| error(at + 1, "expected an index"))?;
                    if chars.get(end) != Some(&']') {
                        return Err(error(end, "expected `]`"));
                    }
                    path.steps.push(Step::Index(index));
                    at = end + 1;
                }
                Some('"') => {
                    let (key, end) =
                        quoted(&chars, at + 1).ok_or_else(|| error(at, "quote is not closed"))?;
                    path.steps.push(Step::Key(key.into()));
                    at = end;
                }
                _ => {
                    let end =
                        (at..chars.len()).find(|i| matches!(chars[*i], '.' | '[')).unwrap_or(chars.len());
                    if end == at {
                        return Err(error(at, "expected a key"));
                    }
                    path.steps.push(Step::Key(chars[at..end].iter().collect::<String>().into()));
                    at = end;
                }
            }
            match chars.get(at) {
                None => return Ok(path),
                Some('.') => at += 1,
                Some('[') => {}
                Some(_) => return Err(error(at, "expected `.` or `[`")),
            }
        }
    }
}

fn digits(chars: &[char], from: usize) -> usize {
    (from..chars.len()).find(|i| !chars[*i].is_ascii_digit()).unwrap_or(chars.len())
}

fn number(chars: &[char]) -> Option<usize> {
    chars.iter().collect::<String>().parse().ok()
}

fn quoted(chars: &[char], mut at: usize) -> Option<(String, usize)> {
    let mut key = String::new();
    loop {
        match chars.get(at)? {
            '"' => return Some((key, at + 1)),
            '\\' => {
                key.push(*chars.get(at + 1)?);
                at += 2;
            }
            other => {
                key.push(*other);
                at += 1;
            }
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.part > 0 {
            write!(f, "#{}", self.part)?;
        }
        if self.steps.is_empty() {
            return if self.part > 0 { Ok(()) } else { f.write_str(".") };
        }
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if position > 0 || self.part > 0 {
                        f.write_str(".")?;
                    }
                    if is_bare(key, position == 0) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a key needs no quotes; in the first place a `#` would begin a document number.
fn is_bare(key: &str, first: bool) -> bool {
    let special = |c: char| c.is_control() || matches!(c, '.' | '[' | ']' | '"' | '\\' | ' ');
    !key.is_empty() && !key.contains(special) && (!first || !key.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) {
        let path = KeyPath::parse(text).unwrap();
        assert_eq!(path.to_string(), shown);
        assert_eq!(KeyPath::parse(shown).unwrap(), path);
    }

    #[test]
    fn notation_goes_round() {
        check(".", ".");
        check("db.users[0].password", "db.users[0].password");
        check("\"a.b\".c", "\"a.b\".c");
        check("\"a\\\"b\"", "\"a\\\"b\"");
        check("#1.a", "#1.a");
        check("#1", "#1");
        check("#1[2]", "#1[2]");
        check("[0][1]", "[0][1]");
        check("\"#1\"", "\"#1\"");
        check("\"\"", "\"\"");
    }

    #[test]
    fn errors_name_the_place() {
        for (text, at) in
            [("", 1), ("a..b", 3), ("a[x]", 3), ("a[1", 4), ("\"a", 1), ("a.", 3), ("#x", 2), ("a[0]b", 5)]
        {
            assert_eq!(KeyPath::parse(text).unwrap_err().at, at, "{text}");
        }
    }
}
