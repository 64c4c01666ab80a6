use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;

use crate::document::{
    Document, Entry, FormatCode, Key, KeyPath, Kind, Node, NodeId, Part, Scalar, Span, Step, Style, Value,
};

use super::{Cleartext, Comments, Integrity, Padding, Selection};

fn selection(encrypt: &[&str], clear: &[&str]) -> Selection {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Selection::parse(&owned(encrypt), &owned(clear)).unwrap()
}

fn steps(path: &str) -> Vec<Step> {
    KeyPath::parse(path).unwrap().steps
}

fn check(pattern: &str, covered: &[&str], not_covered: &[&str]) {
    let selection = selection(&[pattern], &[]);
    for (paths, expect) in [(covered, true), (not_covered, false)] {
        for path in paths {
            assert_eq!(selection.covers(&steps(path)), expect, "`{pattern}` on `{path}`");
        }
    }
}

#[test]
fn names_match_one_key() {
    check("a", &["a", "a.b", "a[0].c"], &["b", "b.a", "A", ".", "[0]"]);
    check("a.b", &["a.b", "a.b.c"], &["a", "a.c", "a[0]", "\"a.b\""]);
    check("*", &["a", "\"\"", "a.b"], &["[0]", "."]);
    check("*.x", &["a.x", "a.x.y"], &["x", "a.b.x", "[0].x"]);
    check("spec.*.password", &["spec.a.password"], &["spec.password", "spec.a.b.password"]);
    check("héllo", &["héllo"], &["hello", "he\u{301}llo"]);
}

#[test]
fn stars_match_inside_one_key() {
    check("*_key", &["_key", "a_key", "\"a.b_key\""], &["key", "a_keys", "a.b"]);
    check("db_*_url", &["db__url", "db_x_url", "db_a_url_url"], &["db_url", "db_x_urls"]);
    check("a*a", &["aa", "aba", "aaa"], &["a", "ab"]);
    check("*ab*ab*", &["abab", "xabyabz", "aabab"], &["aba", "ab"]);
    check("*é*", &["é", "xéy"], &["e"]);
}

#[test]
fn quoted_segments_are_literal() {
    check("\"a.b*\".c", &["\"a.b*\".c"], &["\"a.bx\".c", "a.b.c"]);
    check("\"*\"", &["*"], &["a"]);
    check("\"**\"", &["**"], &["a", "."]);
    check("\"\"", &["\"\""], &["a", "."]);
    check("a.\"\\\"\\\\\"[0]", &["a.\"\\\"\\\\\"[0]"], &["a"]);
}

#[test]
fn indices_match_list_elements() {
    check("a[3]", &["a[3]", "a[3].b"], &["a[2]", "a.3", "a"]);
    check("users[*].token", &["users[0].token", "users[9].token.x"], &["users.a.token", "users[0][1].token"]);
    check("[*]", &["[0]", "[7].a"], &["a", "."]);
    check("[0][*].x", &["[0][4].x"], &["[1][4].x"]);
}

#[test]
fn two_stars_match_any_number_of_steps() {
    check("**", &[".", "a", "[0].b[1]"], &[]);
    check("**.secret", &["secret", "a.secret", "a[0].b.secret.c"], &["a", "secrets"]);
    check("a.**", &["a", "a.b", "a[0]"], &["b"]);
    check("a.**.z", &["a.z", "a.b.z", "a[1].c.z"], &["z", "a", "b.a.z"]);
    check("**[0]", &["[0]", "a[0]", "a.b[0].c"], &["a[1]"]);
    check("**.**.x", &["x", "a.x", "a.b.x"], &["a.y"]);
    check("**.a.**.b", &["a.b", "a.a.c.b", "b.a.b"], &["b.a", "b"]);
}

#[test]
fn clear_wins_over_encrypt() {
    let selection = selection(&["**"], &["apiVersion", "metadata.**", "**.public"]);
    for (path, expect) in [
        ("data.x", true),
        ("apiVersion", false),
        ("metadata", false),
        ("metadata.labels.a", false),
        ("data.public.x", false),
        ("data.apiVersion", true),
    ] {
        assert_eq!(selection.covers(&steps(path)), expect, "{path}");
    }
    assert!(!Selection::parse(&[], &[]).unwrap().covers(&steps("a")));
    assert!(Selection::default().covers(&[]));
    assert_eq!(Selection::default(), self::selection(&["**"], &[]));
}

#[test]
fn errors_name_the_character() {
    let long = vec!["a"; 64].join(".");
    for (pattern, at, reason) in [
        ("", 1, "empty pattern"),
        (".", 1, "empty segment"),
        ("a..b", 3, "empty segment"),
        ("a.", 3, "empty segment"),
        (".a", 1, "empty segment"),
        ("a.[0]", 3, "empty segment"),
        ("a.\"b", 3, "quote is not closed"),
        ("\"a\\\"", 1, "quote is not closed"),
        ("\"a\\n\"", 4, "expected `\"` or `\\` behind the backslash"),
        ("\"a\"b", 4, "expected `.` or `[`"),
        ("a\"b\"", 2, "a quote inside a segment"),
        ("a\\.b", 2, "a backslash outside quotes"),
        ("a[0", 2, "bracket is not closed"),
        ("a[]", 3, "expected `*` or an index"),
        ("a[01]", 3, "expected `*` or an index"),
        ("a[-1]", 3, "expected `*` or an index"),
        ("a[4294967296]", 3, "expected `*` or an index"),
        ("a]", 2, "`]` without `[`"),
        ("a[0]b", 5, "expected `.` or `[`"),
        ("***", 1, "`**` must be a whole segment"),
        ("é.x**", 4, "`**` must be a whole segment"),
        ("a.**b", 3, "`**` must be a whole segment"),
        ("a\nb", 2, "control character"),
        ("#1.a", 1, "a key that begins with `#` needs quotes (patterns hold for every document)"),
        (&long, 1, "more than 63 segments"),
    ] {
        let error = Selection::parse(&["**".to_owned()], &[pattern.to_owned()]).unwrap_err();
        assert_eq!((error.at, error.reason), (at, reason), "{pattern}");
        assert_eq!(error.to_string(), format!("pattern `{pattern}`: {reason} at character {at}"));
    }
    let many = vec!["a.b".to_owned(); 513];
    let error = Selection::parse(&many, &[]).unwrap_err();
    assert_eq!(error.reason, "this rule's patterns have more than 1024 segments together");
    assert!(Selection::parse(&many[..512], &[]).is_ok());
}

#[test]
fn every_state_of_the_longest_pattern_fits() {
    let pattern = vec!["a"; 63].join(".");
    let selection = selection(&[&pattern], &[]);
    let path = vec![Step::Key("a".into()); 63];
    assert!(selection.covers(&path));
    assert!(!selection.covers(&path[1..]));
}

#[test]
fn many_deep_stars_are_linear() {
    let pattern = format!("{}x", "**.a*a*a*.".repeat(31));
    let selection = selection(&[&pattern], &[]);
    let path = vec![Step::Key("a".repeat(1000).into()); 2000];
    assert!(!selection.covers(&path));
}

/// A list of maps: `[{k0: v, k1: v, …}, …]`, each below a map key `items`.
fn table(rows: usize, columns: usize) -> Document {
    let node = |parent, kind| Node {
        parent,
        kind,
        span: Span::default(),
        anchor: None,
        tag: None,
        tag_first: false,
        sealable: true,
    };
    let key = |text: &str| Key { text: text.into(), ambiguous: false, span: Span::default() };
    let mut nodes = vec![
        node(None, Kind::Map(vec![Entry { key: key("items"), value: NodeId(1) }])),
        node(Some(NodeId(0)), Kind::List(Vec::new())),
    ];
    let mut items = Vec::new();
    for _ in 0..rows {
        let row = NodeId(u32::try_from(nodes.len()).unwrap());
        let entries = (0..columns).map(|at| Entry {
            key: key(&format!("k{at}")),
            value: NodeId(row.0 + 1 + u32::try_from(at).unwrap()),
        });
        nodes.push(node(Some(NodeId(1)), Kind::Map(entries.collect())));
        for _ in 0..columns {
            let scalar = Scalar {
                token: Span::default(),
                body: None,
                style: Style::Plain,
                value: Value::Null,
                flow: false,
                base: -1,
            };
            nodes.push(node(Some(row), Kind::Scalar(scalar)));
        }
        items.push(row);
    }
    nodes[1].kind = Kind::List(items);
    let part = Part { root: NodeId(0), directives: Vec::new(), span: Span::default() };
    Document { source: "".into(), format: FormatCode::Yaml, nodes, parts: vec![part], comments: Vec::new() }
}

#[test]
fn coverage_agrees_with_covers() {
    let document = table(3, 4);
    let selection = selection(&["items[1]", "**.k2", "nothing.here"], &["items[*].k3", "**.absent"]);
    let coverage = selection.over(&document);
    let mut secret = Vec::new();
    for id in document.ids() {
        let path = document.path(id);
        assert_eq!(coverage.is_secret(id), selection.covers(&path.steps), "{path}");
        if coverage.is_secret(id) && document.is_leaf(id) {
            secret.push(path.to_string());
        }
    }
    assert_eq!(secret, ["items[0].k2", "items[1].k0", "items[1].k1", "items[1].k2", "items[2].k2"]);
    assert_eq!(coverage.unused(), ["nothing.here", "**.absent"]);
}

#[test]
fn usage_counts_leaves_only() {
    let selection = selection(&["a", "b.c", "**"], &[]);
    let mut usage = selection.usage();
    usage.record(&selection.start().enter_key("b"));
    assert_eq!(usage.unused().collect::<Vec<_>>(), ["a", "b.c"]);
    usage.record(&selection.start().enter_key("a").enter_index(0));
    assert_eq!(usage.unused().collect::<Vec<_>>(), ["b.c"]);
}

#[test]
fn names_go_round() {
    for name in Integrity::NAMES {
        assert_eq!(Integrity::from_name(name).unwrap().name(), *name);
    }
    for name in Cleartext::NAMES {
        assert_eq!(Cleartext::from_name(name).unwrap().name(), *name);
    }
    for name in Comments::NAMES {
        assert_eq!(Comments::from_name(name).unwrap().name(), *name);
    }
    for name in Padding::NAMES {
        assert_eq!(Padding::from_name(name).unwrap().name(), *name);
    }
    assert_eq!(Comments::default().name(), "plain");
    assert_eq!(Comments::from_name("Plain"), None);
}

/// The definition, read aloud: tries everything, as slowly as it likes.
fn by_definition(pattern: &[&str], path: &[Step]) -> bool {
    let Some((segment, rest)) = pattern.split_first() else { return true };
    if *segment == "**" {
        return (0..=path.len()).any(|skipped| by_definition(rest, &path[skipped..]));
    }
    let Some((step, below)) = path.split_first() else { return false };
    let matches = match (*segment, step) {
        ("[*]", Step::Index(_)) => true,
        ("[1]", Step::Index(index)) => *index == 1,
        ("[*]" | "[1]", Step::Key(_)) | (_, Step::Index(_)) => false,
        ("*", Step::Key(_)) => true,
        ("a*", Step::Key(key)) => key.starts_with('a'),
        ("*b*a", Step::Key(key)) => {
            key.rfind('a').is_some_and(|at| at + 1 == key.len() && key[..at].contains('b'))
        }
        (name, Step::Key(key)) => *name == **key,
    };
    matches && by_definition(rest, below)
}

proptest! {
    #[test]
    fn the_automaton_is_the_definition(
        pattern in vec(select(&["**", "**", "*", "a", "b", "a*", "*b*a", "[*]", "[1]"][..]), 1..6),
        path in vec(select(&["a", "b", "ab", "aba", "bba", "0", "1"][..]), 0..6),
    ) {
        let text = pattern.join(".").replace(".[", "[");
        let path: Vec<Step> = path
            .into_iter()
            .map(|name| name.parse().map_or_else(|_| Step::Key(name.into()), Step::Index))
            .collect();
        prop_assert_eq!(selection(&[&text], &[]).covers(&path), by_definition(&pattern, &path));
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "[a.*\\[\\]\"\\\\#0é]{0,12}") {
        if let Err(error) = Selection::parse(std::slice::from_ref(&text), &[]) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.at), "{text}: {error}");
        }
    }
}

#[test]
fn the_deciding_pattern_is_named() {
    let selection = selection(&["a.**", "**.b"], &["a.c", "**.d"]);
    for (path, expect) in [
        ("a.b", Some("a.**")),
        ("x.b", Some("**.b")),
        ("a.c", Some("a.c")),
        ("x.d", Some("**.d")),
        ("a.c.d", Some("a.c")),
        ("x", None),
    ] {
        let leaf = steps(path).iter().fold(selection.start(), |cursor, step| cursor.enter(step));
        assert_eq!(leaf.decided_by(), expect, "{path}");
    }
}
