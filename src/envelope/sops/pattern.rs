//! Patterns in Go's syntax (RE2), for a regex library with another one.

use regex::{Regex, RegexBuilder};

/// Compiles a pattern as SOPS does: searched anywhere, `\d`, `\w`, `\s` and `\b` of ASCII alone.
///
/// # Errors
/// Why it is no pattern.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    let built = RegexBuilder::new(&translated).octal(true).size_limit(SIZE).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The library's text has several lines with a picture of the pattern; the last one says why.
        other => {
            other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    })
}

/// What Go reads otherwise than the library: classes of ASCII, `\Q…\E`, `\<`, brackets and operators inside of classes,
/// and braces that repeat nothing.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut class = None;
    let mut repeated = Repeated::No;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        let is_repeat = class.is_none() && (matches!(c, '*' | '+' | '?') || (c == '{' && repeats(behind)?));
        repeated = repeated.then(c, is_repeat)?;
        if c == '{' && is_repeat {
            let end = rest.find('}').map_or(rest.len(), |at| at + 1);
            out.push_str(rest.get(..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        rest = match (c, class) {
            ('\\', _) => escape(behind, class.is_some(), &mut out)?,
            ('[', None) => open_class(behind, &mut class, &mut out),
            ('[', Some(_)) => in_class(rest, behind, &mut out),
            (']', Some(start)) if out.len() > start => {
                class = None;
                out.push(c);
                behind
            }
            (']', Some(_)) => {
                out.push_str("\\]");
                behind
            }
            ('&' | '~', Some(_)) => {
                out.push('\\');
                out.push(c);
                behind
            }
            ('-', Some(_)) if behind.starts_with('-') => {
                out.push_str("\\-");
                behind
            }
            ('{', None) => {
                out.push_str("\\{");
                behind
            }
            _ => {
                out.push(c);
                behind
            }
        };
    }
    Ok(out)
}

/// Whether what was read last is a repetition, which Go does not repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeated {
    No,
    Yes,
    Lazily,
}

impl Repeated {
    fn then(self, c: char, is_repeat: bool) -> Result<Self, String> {
        match (self, c) {
            _ if !is_repeat => Ok(Self::No),
            (Self::No, _) => Ok(Self::Yes),
            (Self::Yes, '?') => Ok(Self::Lazily),
            _ => Err("it repeats a repetition".to_owned()),
        }
    }
}

fn open_class<'a>(behind: &'a str, class: &mut Option<usize>, out: &mut String) -> &'a str {
    out.push('[');
    let behind = match behind.strip_prefix('^') {
        Some(behind) => {
            out.push('^');
            behind
        }
        None => behind,
    };
    // A bracket in the first place stands for itself.
    *class = Some(out.len());
    behind
}

/// A `[` in a class: the beginning of `[:alpha:]`, else itself.
fn in_class<'a>(rest: &'a str, behind: &'a str, out: &mut String) -> &'a str {
    match rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) {
        Some((name, behind))
            if name.trim_start_matches('^').bytes().all(|byte| byte.is_ascii_lowercase()) =>
        {
            out.push_str("[:");
            out.push_str(name);
            out.push_str(":]");
            behind
        }
        _ => {
            out.push_str("\\[");
            behind
        }
    }
}

fn escape<'a>(behind: &'a str, in_class: bool, out: &mut String) -> Result<&'a str, String> {
    let Some(c) = behind.chars().next() else { return Err("it ends in a backslash".to_owned()) };
    let rest = behind.get(c.len_utf8()..).unwrap_or_default();
    let ascii = match c {
        'd' => Some(("0-9", false)),
        'w' => Some(("0-9A-Za-z_", false)),
        's' => Some(("\\t\\n\\f\\r ", false)),
        'D' => Some(("0-9", true)),
        'W' => Some(("0-9A-Za-z_", true)),
        'S' => Some(("\\t\\n\\f\\r ", true)),
        _ => None,
    };
    match (c, ascii) {
        (_, Some((set, is_negated))) => {
            if !in_class || is_negated {
                out.push_str(if is_negated { "[^" } else { "[" });
                out.push_str(set);
                out.push(']');
            } else {
                out.push_str(set);
            }
        }
        ('Q', _) if !in_class => {
            let (literal, behind) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return Ok(behind);
        }
        ('1'..='7', _) if !rest.starts_with(|next: char| next.is_digit(8)) => {
            return Err(format!("it refers back with `\\{c}`"));
        }
        ('C', _) => return Err("`\\C` is not supported".to_owned()),
        ('b', _) if !in_class => out.push_str("(?-u:\\b)"),
        ('<' | '>', _) => out.push(c),
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(rest)
}

/// Whether what stands behind a `{` makes it a repetition: `3}`, `3,}`, `3,5}`.
fn repeats(behind: &str) -> Result<bool, String> {
    let Some((inner, _)) = behind.split_once('}') else { return Ok(false) };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if least.is_empty() || !is_number(least) || !is_number(most) {
        return Ok(false);
    }
    let is_small = |text: &str| text.is_empty() || text.parse::<u32>().is_ok_and(|number| number <= REPEATS);
    if is_small(least) && is_small(most) {
        Ok(true)
    } else {
        Err(format!("it repeats more than {REPEATS} times"))
    }
}

/// Go's own limit.
const REPEATS: u32 = 1000;
/// Bytes of a compiled pattern.
const SIZE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let regex = compile(pattern).unwrap();
        yes.iter().for_each(|text| assert!(regex.is_match(text), "{pattern} {text}"));
        no.iter().for_each(|text| assert!(!regex.is_match(text), "{pattern} {text}"));
    }

    #[test]
    fn go_syntax() {
        check("^(data|stringData)$", &["data", "stringData"], &["metadata", "data\n"]);
        check("ass", &["password"], &["p"]);
        check(r"^\d+$", &["12"], &["١"]);
        check(r"^\w$", &["a", "_"], &["é"]);
        check(r"^[\w-]+$", &["a-b"], &["é"]);
        check(r"^[^\W]$", &["a"], &["-"]);
        check(r"\bkey\b", &["a key b", "ékey"], &["akey"]);
        check(r"^\Qa.b\E$", &["a.b"], &["axb"]);
        check(r"^a{$", &["a{"], &["a"]);
        check(r"^a{2,3}$", &["aa", "aaa"], &["a"]);
        check(r"^[[]$", &["["], &["x"]);
        check(r"^[]x]$", &["]", "x"], &["["]);
        check(r"^[^]]$", &["x"], &["]"]);
        check(r"^[a&&b]+$", &["a&b"], &["c"]);
        check(r"^[[:upper:]]$", &["A"], &["a"]);
        check(r"\<x\>", &["<x>"], &["x"]);
        check("(?i)secret", &["SECRET"], &[]);
        check("^a{2}?b*?(?:c)+$", &["aac"], &["ac"]);
    }

    #[test]
    fn what_is_no_pattern() {
        for pattern in
            ["(", "a**", "a{2}{3}", "a+??", "[", "a\\", "x{1001}", r"\C", "(?=a)", r"(a)\1", "[z-a]"]
        {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        assert!(!compile("(").unwrap_err().contains('\n'));
    }
}
