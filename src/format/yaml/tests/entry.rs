//! The metadata entry at the end of all kinds of files.

use super::{check_exact, entry, parse, seal_all};
use crate::document::{Splice, Tree, apply};
use crate::format::Format;
use crate::format::gate::ENTRY;
use crate::format::yaml::Yaml;

fn attached(text: &str, entry: &Tree) -> String {
    let document = parse(text).unwrap();
    let splices: Vec<Splice> = Yaml.attach(&document, ENTRY, entry).unwrap();
    apply(text, &splices).unwrap().to_string()
}

#[test]
fn one_scalar_a_line() {
    let lines = "sealeaf:\n  version: 1\n  encrypt:\n    - \"**\"\n    - \"a b: c # d\"\n  groups:\n    - keys:\n        - age: age1qyqs\n          wrapped: \"12345678901e5\"\n          break_glass: true\n  head: \"-_x=\"\n";
    assert_eq!(attached("a: 1\n", &entry()), format!("a: 1\n{lines}"));
    assert_eq!(attached("- a\n", &entry()), format!("- a\n---\n{lines}"));
    assert_eq!(attached("a: 1\r\n", &entry()), format!("a: 1\n{lines}").replace('\n', "\r\n"));
    assert_eq!(attached("a: 1", &entry()), format!("a: 1\n{}", lines.trim_end()));
}

#[test]
fn places() {
    let entry = Tree::Map(vec![("v".to_owned(), Tree::int(1))]);
    let check = |text: &str, added: &str| {
        assert_eq!(attached(text, &entry), format!("{text}{added}"), "{text:?}");
        check_exact(text);
    };
    let (in_map, own) = ("sealeaf:\n  v: 1\n", "---\nsealeaf:\n  v: 1\n");
    for text in
        ["a: 1\n", "---\na: 1\n# c\n\n", "- a\n---\nb:\n- c\n", "? a\n: b\n", "!t\na: |+\n  b\n\n", "a:\n"]
    {
        check(text, in_map);
    }
    check("? # c\n  a\n? b\n", in_map);
    check("  a: 1\n  b: 2\n", "  sealeaf:\n    v: 1\n");
    check("\u{feff}  a: 1\n", "  sealeaf:\n    v: 1\n");
    check("a: 1\n  ", "\nsealeaf:\n  v: 1");
    for text in [
        "\n",
        "# c\n",
        "- a\n",
        "x\n",
        "{}\n",
        "{a: 1}\n",
        "---\n",
        "a: 1\n---\n",
        "a: 1\n...\n",
        "a: 1\n... # c\n# d\n",
        "--- |\n a\n...\n",
        "&a\n- x\n",
        "--- !t # c\n",
        "...\n",
        "%YAML 1.2\n---\n- a\n",
        "a: 1\n--- b\n",
        "\u{feff}\n",
    ] {
        check(text, own);
    }
    for text in ["", "\u{feff}", "# c", "---", "- a", "[]", "--- |\n a", "x", "\"\n\"", "a: 1\n..."] {
        check(text, "\n---\nsealeaf:\n  v: 1");
    }
}

#[test]
fn a_key_of_that_name_is_refused() {
    for text in ["sealeaf: 1\n", "a: 1\nsealeaf:\n", "{sealeaf: 1}\n", "sealeaf: 1\n---\na: 1\n"] {
        let error = Yaml.attach(&parse(text).unwrap(), ENTRY, &entry()).unwrap_err();
        assert_eq!(
            error.reason, "the file has a top-level `sealeaf` of its own: rename that key",
            "{text:?}"
        );
    }
    check_exact("a:\n  sealeaf: 1\n");
    check_exact("- sealeaf: 1\n");
}

#[test]
fn detaching_is_strict() {
    let check = |text: &str, line: usize, message: &str| {
        let error = Yaml.detach(parse(text).unwrap(), ENTRY).map(|(body, _)| body.source.to_string());
        let error = error.unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (line, message), "{text:?}");
    };
    check("sealeaf: {v: 1}\na: 1\n", 1, "`sealeaf` is not the last entry of the file");
    check("sealeaf: {v: 1}\n---\na: 1\n", 1, "`sealeaf` is not the last entry of the file");
    check("sealeaf: {v: 1}\n---\na: 1\nsealeaf: 1\n", 1, "`sealeaf` stands in more than one document");
    check("{a: 1, sealeaf: 1}\n", 1, "`sealeaf` is not an entry of its own lines");
    check("a: 1\n? sealeaf\n: 1\n", 2, "`sealeaf` is not an entry of its own lines");
    check("a: 1\nsealeaf: *b\n", 2, "`sealeaf` holds an alias, anchor, tag or empty value");
    check("a: 1\nsealeaf:\n  v: &b 1\n", 2, "`sealeaf` holds an alias, anchor, tag or empty value");
    check("a: 1\nsealeaf:\n", 2, "`sealeaf` holds an alias, anchor, tag or empty value");
    check("a: 1\nsealeaf: 1\n...\n", 2, "`sealeaf` is followed by something");
    check("a: 1\nsealeaf: 1\n# c\n", 2, "`sealeaf` is followed by something");
    check("a: 1\nsealeaf:\n  # c\n  v: 1\n", 2, "`sealeaf` holds a comment");
    check("--- # c\nsealeaf: 1\n", 2, "`sealeaf` has an anchor, tag, comment or directive before it");
    check("--- !t\nsealeaf: 1\n", 2, "`sealeaf` has an anchor, tag, comment or directive before it");
    check("%YAML 1.2\n---\nsealeaf: 1\n", 3, "`sealeaf` has an anchor, tag, comment or directive before it");
}

#[test]
fn detaching_leaves_what_was_there() {
    let check = |text: &str, rest: &str| {
        let (body, found) = Yaml.detach(parse(text).unwrap(), ENTRY).unwrap();
        assert_eq!(&*body.source, rest);
        super::assert_same(&body, &parse(rest).unwrap(), text);
        found
    };
    assert_eq!(check("a: 1\n", "a: 1\n"), None);
    assert_eq!(check("a: 1\nsealeaf: x\n", "a: 1\n"), Some(Tree::text("x")));
    assert_eq!(check("# c\nsealeaf: 1\n", "# c\n"), Some(Tree::int(1)));
    assert_eq!(check("a: 1\n# c\nsealeaf: 1\n\n", "a: 1\n# c\n"), Some(Tree::int(1)));
    assert_eq!(check("a: |\n  x\nsealeaf: 1", "a: |\n  x"), Some(Tree::int(1)));
    assert_eq!(check("a: 1\n...\n# c\n---\nsealeaf: 1\n", "a: 1\n...\n# c\n"), Some(Tree::int(1)));
    assert!(check("a:\n  b: # c\n  # d\nsealeaf: {}\n", "a:\n  b: # c\n  # d\n").is_some());
    assert!(check("sealeaf: {v: 1}", "").is_some());
}

#[test]
fn empty_containers_with_comments_are_refused() {
    let refused = seal_all("a: [ # c\n]\n", false).map(|sealed| sealed.text).unwrap_err();
    assert_eq!(refused.1, "a comment appears or vanishes");
}
