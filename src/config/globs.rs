//! Globs over paths: which files a rule is for.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Compiles one rule's globs.
///
/// `*` and `?` stay inside one part of the path, `**` is any number of whole parts, `{a,b}` is a choice, `[ab]` one of
/// some characters. A glob always begins at the repository root.
///
/// # Errors
/// Which glob (counted from 0) cannot be used, and why.
pub(super) fn compile(globs: &[&str]) -> Result<GlobSet, (usize, String)> {
    let mut set = GlobSetBuilder::new();
    for (at, glob) in globs.iter().enumerate() {
        check(glob).map_err(|reason| (at, reason.to_owned()))?;
        let built = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
        set.add(built.map_err(|error| (at, error.kind().to_string()))?);
    }
    set.build().map_err(|error| (0, error.kind().to_string()))
}

/// Whether every path that `later` matches is surely matched by `earlier`. Two globs compare as text, except that
/// `**`, `FOLDER/**` and `**/REST` are understood.
pub(super) fn surely_covers(earlier: &str, later: &str) -> bool {
    if earlier == later || earlier == "**" || earlier == "**/*" {
        return true;
    }
    if let Some(folder) = earlier.strip_suffix("/**").filter(|folder| !folder.contains(SPECIAL)) {
        return later.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    }
    if let Some(rest) = earlier.strip_prefix("**/") {
        return later == rest || later.strip_suffix(rest).is_some_and(|before| before.ends_with('/'));
    }
    false
}

fn check(glob: &str) -> Result<(), &'static str> {
    if glob.is_empty() {
        return Err("empty");
    }
    if glob.len() > LONGEST {
        return Err("longer than 1024 bytes");
    }
    if glob.starts_with('/') {
        return Err("begins with `/`: paths are relative to the repository root");
    }
    if glob.starts_with('!') {
        return Err("begins with `!`: there are no exceptions; put a rule for them before this one");
    }
    if glob.ends_with('/') {
        return Err("ends with `/`: for all files of a folder, write `FOLDER/**`");
    }
    for part in glob.split('/') {
        match part {
            "" => return Err("has an empty part between two `/`"),
            "." => return Err("has a part `.`: paths are relative to the repository root"),
            ".." => return Err("has a part `..`: a rule cannot reach out of the repository"),
            _ if part != "**" && part.contains("**") && !part.contains(['{', '[', '\\']) => {
                return Err("has `**` beside other characters: it must be a whole part between two `/`");
            }
            _ => {}
        }
    }
    if glob.chars().any(char::is_control) {
        return Err("has a control character");
    }
    Ok(())
}

const LONGEST: usize = 1024;
const SPECIAL: [char; 6] = ['*', '?', '[', ']', '{', '\\'];

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, proptest};
    use proptest::sample::select;

    use super::*;

    fn check_match(glob: &str, paths: &[&str], others: &[&str]) {
        let set = compile(&[glob]).unwrap();
        for path in paths {
            assert!(set.is_match(path), "`{glob}` should match `{path}`");
        }
        for path in others {
            assert!(!set.is_match(path), "`{glob}` should not match `{path}`");
        }
    }

    #[test]
    fn globs_begin_at_the_root_and_respect_separators() {
        check_match("secrets/**", &["secrets/a", "secrets/a/b.yaml"], &["secrets", "x/secrets/a"]);
        check_match("**/*.enc.yaml", &["a.enc.yaml", "a/b/c.enc.yaml"], &["a.yaml", "a.enc.yaml/b"]);
        check_match("*.yaml", &["a.yaml", ".yaml"], &["a/b.yaml"]);
        check_match("a/**/b", &["a/b", "a/x/y/b"], &["a/xb", "ab"]);
        check_match("a?.{yaml,json}", &["ab.yaml", "ab.json"], &["a/.yaml", "abc.yaml"]);
        check_match("**", &["a", "a/b"], &[]);
        check_match("a\\*b", &["a*b"], &["axb"]);
    }

    #[test]
    fn coverage_is_never_claimed_wrongly() {
        for (earlier, later, expect) in [
            ("**", "anything/**", true),
            ("**/*", "a/*.yaml", true),
            ("a/*", "a/*", true),
            ("secrets/**", "secrets/prod/**", true),
            ("secrets/**", "secrets/prod/a.yaml", true),
            ("secrets/**", "secrets", false),
            ("secrets/**", "secretsx/a", false),
            ("s*/**", "secrets/a", false),
            ("**/*.enc.yaml", "a/b/*.enc.yaml", true),
            ("**/*.enc.yaml", "*.enc.yaml", true),
            ("**/*.enc.yaml", "x.enc.yaml", false),
            ("**/a", "b", false),
            ("**/a", "ba", false),
            ("a/**", "**", false),
        ] {
            assert_eq!(surely_covers(earlier, later), expect, "{earlier} over {later}");
        }
    }

    proptest! {
        #[test]
        fn what_is_covered_is_matched(
            earlier in vec(select(&["**", "*", "a", "b", "a*", "{a,b}", "a.b"][..]), 1..4),
            later in vec(select(&["**", "*", "a", "b", "a*", "{a,b}", "a.b"][..]), 1..4),
            path in vec(select(&["a", "b", "aa", "a.b"][..]), 1..5),
        ) {
            let (earlier, later, path) = (earlier.join("/"), later.join("/"), path.join("/"));
            if surely_covers(&earlier, &later) && compile(&[&later]).unwrap().is_match(&path) {
                prop_assert!(compile(&[&earlier]).unwrap().is_match(&path), "{} over {}: {}", earlier, later, path);
            }
        }
    }

    #[test]
    fn a_large_choice_stays_small() {
        // AC-63: a bomb in glob clothing.
        let bomb = format!("{}x", "{a*,b*}".repeat(140));
        let start = std::time::Instant::now();
        if let Ok(set) = compile(&[&bomb]) {
            assert!(!set.is_match("a".repeat(4096)));
        }
        assert!(start.elapsed().as_secs() < 5);
    }
}
