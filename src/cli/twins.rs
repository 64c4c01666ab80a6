//! Keys that look the same and are not: one accented letter, or a letter and its accent.

use std::collections::HashMap;
use std::path::Path;

use sealeaf::document::{Document, Kind};
use unicode_normalization::UnicodeNormalization;

use super::context::Context;
use super::escape;

/// Warns of keys of one map that differ only in how Unicode writes them. They stay two keys: whoever reads the file may
/// take either.
pub(crate) fn warn(document: &Document, shown: &Path, context: &Context) {
    for [one, other] in twins(document) {
        context.warn(format!(
            "{}: `{}` and `{}` look the same and are two keys",
            escape::path(shown),
            spelt(one),
            spelt(other)
        ));
    }
}

fn twins(document: &Document) -> Vec<[&str; 2]> {
    let mut found = Vec::new();
    for id in document.ids() {
        let Kind::Map(entries) = &document.node(id).kind else { continue };
        let mut seen: HashMap<String, &str> = HashMap::new();
        // What is ASCII has no twin.
        for key in entries.iter().map(|entry| &*entry.key.text).filter(|key| !key.is_ascii()) {
            if let Some(before) = seen.insert(key.nfc().collect(), key).filter(|before| *before != key) {
                found.push([before, key]);
            }
        }
    }
    found
}

/// A key with everything but ASCII as its code.
fn spelt(key: &str) -> String {
    let spell = |c: char| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() };
    escape::line(&key.chars().map(spell).collect::<String>())
}

#[cfg(test)]
mod tests {
    use sealeaf::format::{Limits, by_name};

    use super::*;

    fn check(text: &str, expect: &[[&str; 2]]) {
        let document = by_name("yaml").unwrap().parse(text, &Limits::default()).unwrap();
        assert_eq!(twins(&document), expect);
    }

    #[test]
    fn ac_66_only_keys_of_one_map_are_twins() {
        check("caf\u{e9}: x\ncafe\u{301}: y\n", &[["caf\u{e9}", "cafe\u{301}"]]);
        check("a:\n  - {\u{212b}: x, b: y, \u{c5}: z}\n", &[["\u{212b}", "\u{c5}"]]);
        check("a:\n  caf\u{e9}: x\nb:\n  cafe\u{301}: y\n", &[]);
        check("a: x\n\u{430}: y\n", &[]);
    }

    #[test]
    fn twins_are_spelt_out() {
        assert_eq!(spelt("cafe\u{301}"), "cafe\\u{301}");
        assert_eq!(spelt("a\x1b"), "a\\u{1b}");
    }
}
