//! The text of `.gitattributes`.

/// What git is to do with sealed files: no line break conversion, and our drivers where they are installed.
pub const ATTRIBUTES: &str = "-text diff=sealeaf merge=sealeaf";

/// Adds a line for `pattern`, unless one that gives it all of `attributes` is there. `None` where nothing is to be
/// changed.
///
/// The line goes to the end, as the last line that matches a file counts; everything else stays as it is.
#[must_use]
pub fn ensure(text: &str, pattern: &str, attributes: &str) -> Option<String> {
    let pattern = quoted(pattern);
    let there = |line: &str| {
        let rest = line.trim_start().strip_prefix(&pattern).filter(|rest| rest.starts_with([' ', '\t']));
        let set: Vec<&str> = rest.unwrap_or_default().split_ascii_whitespace().collect();
        attributes.split_ascii_whitespace().all(|wanted| set.contains(&wanted))
    };
    if text.lines().any(there) {
        return None;
    }
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { line_break };
    Some(format!("{text}{gap}{pattern} {attributes}{line_break}"))
}

/// Git's patterns for a glob of `.sealeaf.toml`: git knows no `{a,b}`, and takes a pattern without a slash for any
/// folder. `None` where that would be more than 64 patterns.
#[must_use]
pub fn patterns(glob: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![glob.to_owned()];
    while let Some(glob) = open.pop() {
        if done.len() + open.len() >= MAX_PATTERNS {
            return None;
        }
        match first_choice(&glob) {
            None if glob.contains('/') => done.push(glob),
            None => done.push(format!("/{glob}")),
            Some((before, choices, behind)) => {
                open.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{behind}")));
            }
        }
    }
    Some(done)
}

/// The first `{a,b}` of a glob: what stands before it, its choices, what stands behind.
fn first_choice(glob: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (mut depth, mut open, mut from) = (0_usize, 0, 0);
    let mut choices = Vec::new();
    let mut in_class = false;
    let mut chars = glob.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '{' => {
                depth += 1;
                if depth == 1 {
                    (open, from) = (at, at + 1);
                }
            }
            ',' if depth == 1 => {
                choices.push(glob.get(from..at)?);
                from = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(glob.get(from..at)?);
                return Some((glob.get(..open)?, choices, glob.get(at + 1..)?));
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// A pattern as it can stand at the beginning of a line: in double quotes where it must.
fn quoted(pattern: &str) -> String {
    let special = |c: char| c.is_whitespace() || c.is_control() || c == '"';
    if !pattern.contains(special) && !pattern.starts_with(['#', '!', '[']) {
        return pattern.to_owned();
    }
    let mut out = "\"".to_owned();
    for c in pattern.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            _ if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("\\{byte:03o}"));
                }
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

const MAX_PATTERNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pattern: &str, expect: Option<&str>) {
        assert_eq!(ensure(text, pattern, ATTRIBUTES).as_deref(), expect);
    }

    #[test]
    fn a_line_is_added_once() {
        let line = "/secrets/** -text diff=sealeaf merge=sealeaf\n";
        check("", "/secrets/**", Some(line));
        check(line, "/secrets/**", None);
        check("*.png binary", "/secrets/**", Some(&format!("*.png binary\n{line}")));
        check("# a\r\n", "x", Some("# a\r\nx -text diff=sealeaf merge=sealeaf\r\n"));
        check("x diff=sealeaf\n", "x", Some("x diff=sealeaf\nx -text diff=sealeaf merge=sealeaf\n"));
        check("  x\tmerge=sealeaf  diff=sealeaf -text eol=lf", "x", None);
        check(
            "xy -text diff=sealeaf merge=sealeaf",
            "x",
            Some("xy -text diff=sealeaf merge=sealeaf\nx -text diff=sealeaf merge=sealeaf\n"),
        );
        check("", "a b/\"c", Some("\"a b/\\\"c\" -text diff=sealeaf merge=sealeaf\n"));
        check("", "[ab]/#", Some("\"[ab]/#\" -text diff=sealeaf merge=sealeaf\n"));
    }

    #[test]
    fn globs_become_patterns_of_git() {
        for (glob, expect) in [
            ("secrets/**", vec!["secrets/**"]),
            ("**/*.enc.*", vec!["**/*.enc.*"]),
            ("*.yaml", vec!["/*.yaml"]),
            ("a/*.{yaml,json}", vec!["a/*.yaml", "a/*.json"]),
            ("{a,b}{c,d/{e,f}}", vec!["/ac", "ad/e", "ad/f", "/bc", "bd/e", "bd/f"]),
            ("a/[{,}]\\{x,y}", vec!["a/[{,}]\\{x,y}"]),
        ] {
            assert_eq!(patterns(glob).unwrap(), expect, "{glob}");
        }
        assert_eq!(patterns(&"{a,b}".repeat(40)), None);
    }
}
