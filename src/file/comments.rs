//! Comments on their way into a sealed file: removed where the rule says so, refused where they look like secrets.

use super::error::FileError;
use crate::document::{Document, Span, Splice, apply};
use crate::envelope::native::is_public_comment;
use crate::format::gate::GateError;
use crate::format::{Format, Limits};

/// Removes all comments, with their lines where they have them to themselves. Those that programs look for stay.
pub(super) fn strip(document: Document, format: &dyn Format, limits: &Limits) -> Result<Document, FileError> {
    let source = document.source.as_str();
    let splices: Vec<Splice> = document
        .comments
        .iter()
        .filter(|comment| !is_public_comment(&document, comment))
        .map(|comment| Splice::new(whole(source, document.comment_extent(comment)), ""))
        .collect();
    if splices.is_empty() {
        return Ok(document);
    }
    let text = apply(source, &splices).map_err(GateError::Splice)?;
    let stripped = format.parse(&text, limits)?;
    let difference = stripped
        .ids()
        .find(|id| stripped.value(*id) != document.nodes.get(id.index()).and_then(|_| document.value(*id)));
    if stripped.nodes.len() != document.nodes.len() || difference.is_some() {
        let reason = "a comment cannot be removed without changing a value";
        return Err(GateError::RoundTrip { line: 1, reason }.into());
    }
    Ok(stripped)
}

/// A comment with the blanks before it, and with its line break where nothing else stands in the line.
fn whole(source: &str, span: Span) -> Span {
    let before = source.get(..span.start).unwrap_or_default();
    let start = before.trim_end_matches([' ', '\t']).len();
    let rest = source.get(span.end..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let alone = before[..start].is_empty() || before[..start].ends_with(['\n', '\r', '\u{feff}']);
    let rest = &rest[blanks..];
    match alone {
        true if rest.starts_with("\r\n") => Span::new(start, span.end + blanks + 2),
        true if rest.starts_with(['\n', '\r']) => Span::new(start, span.end + blanks + 1),
        true if rest.is_empty() => Span::new(start, span.end + blanks),
        _ => Span::new(start, span.end),
    }
}

/// The first comment that looks like a secret: its line, and what it looks like.
#[must_use]
pub fn suspicious_comment(document: &Document) -> Option<(usize, &'static str)> {
    document.comments.iter().find_map(|comment| {
        let text = comment.span.of(&document.source);
        looks_secret(text).map(|reason| (document.line_of(comment.span.start), reason))
    })
}

fn looks_secret(text: &str) -> Option<&'static str> {
    if text.contains("PRIVATE KEY-----") || text.contains("AGE-SECRET-KEY-1") {
        return Some("a private key");
    }
    let words = text.split(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>".contains(c));
    for word in words.clone() {
        if TOKEN_PREFIXES.iter().any(|(prefix, rest)| {
            word.strip_prefix(prefix)
                .is_some_and(|tail| tail.len() >= *rest && tail.bytes().all(is_token_byte))
        }) {
            return Some("a known kind of access token");
        }
    }
    if is_assignment(text) {
        return Some("an assignment to a secret-sounding key");
    }
    let is_dense = |word: &str| {
        let word = word.rsplit_once(['=', ':']).map_or(word, |(_, value)| value);
        word.len() >= 24 && word.bytes().all(is_token_byte) && mixes(word) && entropy(word) > 4.0
    };
    words.clone().any(is_dense).then_some("a word of high entropy")
}

/// `#password: hunter2`, `# api_key = "…"`; prose such as `# password: see the wiki` is left alone.
fn is_assignment(text: &str) -> bool {
    let text = text.trim_start_matches(['#', '/', '*', ';', ' ', '\t', '-']);
    let Some((key, value)) = text.split_once([':', '=']) else { return false };
    let key = key.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let is_key =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    let is_value = !value.is_empty()
        && !value.contains(char::is_whitespace)
        && !["null", "~", "true", "false", "none", "changeme", "xxx", "...", "…", "|", ">"]
            .contains(&value.to_ascii_lowercase().as_str())
        && !value.starts_with(['$', '<', '*', '&', '{', '[']);
    is_key && is_value && SECRET_NAMES.iter().any(|name| key.contains(name))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.".contains(&byte)
}

/// Upper case, lower case and digits, and no path, version or host name.
fn mixes(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && word.matches(['/', '.']).count() <= 2
        && word.matches('-').count() <= 4
}

/// Shannon entropy in bits a byte.
fn entropy(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    word.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let total = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / total;
    -counts.iter().filter(|count| **count > 0).map(|count| share(count) * share(count).log2()).sum::<f64>()
}

const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "access_key",
    "accesskey",
    "credential",
];

/// Beginnings of widely used access tokens, and how many more characters follow at least.
const TOKEN_PREFIXES: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("sk_live_", 10),
    ("rk_live_", 10),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("AIza", 30),
    ("hvs.", 20),
    ("npm_", 30),
    ("pypi-", 30),
    ("SG.", 20),
    ("dop_v1_", 30),
    ("eyJhbGciOi", 20),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ac_19_comments_that_look_like_secrets() {
        for (text, expect) in [
            ("# -----BEGIN RSA PRIVATE KEY-----", Some("a private key")),
            ("# old: AKIAABCDEFGHIJKLMNOP", Some("a known kind of access token")),
            ("#password: hunter2", Some("an assignment to a secret-sounding key")),
            ("# DB_PASSWORD=hunter2", Some("an assignment to a secret-sounding key")),
            ("# x: Zk3vQ9sXw7Lr2Tn8Bq5Jd1Fy", Some("a word of high entropy")),
            ("# password: ask the platform team", None),
            ("# password: null", None),
            ("# password rotation: monthly", None),
            ("# see https://example.org/a/b/C1/long-path/Readme", None),
            ("# sha256:0123456789abcdef0123456789abcdef", None),
            ("# alice: move this to vault", None),
        ] {
            assert_eq!(looks_secret(text), expect, "{text}");
        }
    }
}
