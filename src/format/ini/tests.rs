use proptest::prelude::*;

use super::*;
use crate::document::{KeyPath, Kind, apply};
use crate::format::testing::{Edit, cases, edited, opened_after, round_trip, same, shown, tree};

fn parse(text: &str) -> Result<Document, ParseError> {
    Ini.parse(text, &Limits::default())
}

fn id(document: &Document, path: &str) -> NodeId {
    document.find(&KeyPath::parse(path).unwrap()).unwrap_or_else(|| panic!("no {path}"))
}

/// What a file holds, with a value of no width as `-`.
fn read(source: &str) -> String {
    fn show(document: &Document, id: NodeId) -> String {
        match &document.node(id).kind {
            Kind::Map(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| format!("{}: {}", entry.key.text.as_str(), show(document, entry.value)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
            Kind::List(items) => {
                format!("[{}]", items.iter().map(|item| show(document, *item)).collect::<Vec<_>>().join(", "))
            }
            Kind::Empty => "-".to_owned(),
            _ => format!("\"{}\"", document.value(id).unwrap().to_text().as_str()),
        }
    }
    let document = parse(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    show(&document, NodeId(0))
}

#[track_caller]
fn check(source: &str, expect: &str) {
    for source in
        [source.to_owned(), format!("{source}\n"), format!("\u{feff}{source}\n").replace('\n', "\r\n")]
    {
        assert_eq!(read(&source), expect, "{source}");
        round_trip(&Ini, &source, false);
        round_trip(&Ini, &source, true);
    }
}

#[track_caller]
fn refused(source: &str, line: usize, says: &str) {
    let error = parse(source).unwrap_err();
    assert_eq!(error.line, line, "{source}");
    assert!(error.message.contains(says), "{error}");
}

#[test]
fn sections_and_pairs() {
    check("", "{}");
    check("a=1", "{a: \"1\"}");
    check("a = 1\nb: 2\nc =\nd", "{a: \"1\", b: \"2\", c: \"\", d: -}");
    check(
        "top=1\n[s]\na=1\n\n[t.u]\nb=2\n[empty]",
        "{top: \"1\", s: {a: \"1\"}, t.u: {b: \"2\"}, empty: {}}",
    );
    check("[a \"b]c\"] ; note\nx y = 1", "{a \"b]c\": {x y: \"1\"}}");
    check("[ s ]\n\ta = 1\n\tb = 2", "{ s : {a: \"1\", b: \"2\"}}");
    check("a=b=c:d\ne:f=g", "{a: \"b=c:d\", e: \"f=g\"}");
    check("[]\na=1", "{: {a: \"1\"}}");
}

#[test]
fn comments_stand_on_their_own_lines_alone() {
    check(
        "; c\n# d\na = 1 ; c\nb = 1 # c\n  ; e\n[s] # f\n[t]; g",
        "{a: \"1 ; c\", b: \"1 # c\", s: {}, t: {}}",
    );
    let source = "; a\n[s] ; b\nk=1\n# c\n[t]\n; d\n";
    let document = parse(source).unwrap();
    let inside: Vec<_> = document
        .comments
        .iter()
        .map(|it| (it.span.of(source), document.path(it.container.unwrap()).to_string()))
        .collect();
    assert_eq!(inside, [("; a", ".".into()), ("; b", "s".into()), ("# c", "s".into()), ("; d", "t".into())]);
}

#[test]
fn names_that_stand_several_times_are_lists() {
    check(
        "[Peer]\nKey=a\n[If]\nDns=1\nDns=2\n[Peer]\nKey=b\n",
        "{Peer: [{Key: \"a\"}, {Key: \"b\"}], If: {Dns: [\"1\", \"2\"]}}",
    );
    check("a=1\n[a]\nb=2", "{a: [\"1\", {b: \"2\"}]}");
    check("[s]\nk\nk=1\n[s]", "{s: [{k: [-, \"1\"]}, {}]}");
    let sealed = round_trip(&Ini, "[p]\nk=a\n[q]\nk=b\n[p]\nk=c\n", true);
    assert!(
        sealed.starts_with("[p]\nk=sealed.v1.3\n[q]\nk=sealed.v1.5\n[p]\nk=sealed.v1.7\n\n# sealeaf: "),
        "{sealed}"
    );
}

#[test]
fn values_of_several_lines() {
    check("a = 1\n  2\n\n  3\nb = 4", "{a: \"1\n  2\n\n  3\", b: \"4\"}");
    check("a =\n  x = 1\n  y = 2\nb=3", "{a: \"\n  x = 1\n  y = 2\", b: \"3\"}");
    check("a = 1\n  x\n  y = 2\n  [z]\nb=3", "{a: \"1\n  x\n  y = 2\n  [z]\", b: \"3\"}");
    check("a = 1\n  # c\n  2\n; d\nb=3", "{a: \"1\n  # c\n  2\", b: \"3\"}");
    check("a = 1\n  b = 2\n  c = 3", "{a: \"1\", b: \"2\", c: \"3\"}");
    check("[s]\n\ta\n\tb = 1\n\tc", "{s: {a: -, b: \"1\", c: -}}");
    check("a = 1 \\\n  b=2 \\\n  3\nc=4", "{a: \"1 \\\n  b=2 \\\n  3\", c: \"4\"}");
    check("a = 1 \\\nx\nc=4", "{a: \"1 \\\nx\", c: \"4\"}");
    check("a = C:\\\\\nc=4", "{a: \"C:\\\\\", c: \"4\"}");
    check("a = C:\\\n\nc=4", "{a: \"C:\\\", c: \"4\"}");
    refused("a = C:\\d\\\nb=2\n", 2, "ends in a backslash");
    refused("a = x\\\n[s]\n", 2, "ends in a backslash");
    let sealed = round_trip(&Ini, "a =\n  x\n  y\nb = 1\n   2\n", false);
    assert!(sealed.starts_with("a =sealed.v1.1\nb = sealed.v1.2\n\n"), "{sealed}");
}

#[test]
fn quotes_are_no_part_of_a_value() {
    check(
        "a = \"x ; y\"\nb = 'it'\nc = \"x\" ; y\nd = \"\"\ne = \"",
        "{a: \"x ; y\", b: \"it\", c: \"\"x\" ; y\", d: \"\", e: \"\"\"}",
    );
    check("a = \"x\"y\"", "{a: \"\"x\"y\"\"}");
    let sealed = round_trip(&Ini, "a=\"x\"\nb='x'\n", false);
    assert!(sealed.starts_with("a=\"sealed.v1.1\"\nb='sealed.v1.2'\n\n"), "{sealed}");
}

#[test]
fn what_is_not_understood_is_refused() {
    refused("a=1\nMIIE+x/y\n", 2, "expected `[section]`");
    refused(&format!("{}\n", "a".repeat(64)), 1, "expected `[section]`");
    refused("two words\n", 1, "expected `[section]`");
    refused("!include x\n", 1, "expected `[section]`");
    refused("=1\n", 1, "expected a key");
    refused("a\u{7}=1\n", 1, "expected a key");
    refused("[a\nb=1\n", 1, "expected `]`");
    refused("[a] b\n", 1, "expected the end of the line");
    refused("[a\u{7}]\n", 1, "control character");
    refused("a=1\rb=2", 1, "carriage return");
    refused("a=1\n<<<<<<< a\nb=1\n=======\nb=2\n>>>>>>> b\n", 2, "merge conflict");
    let small = Limits { leaf: 2, key: 2, leaves: 1, ..Limits::default() };
    for source in ["a=123", "abc=1", "a=1\nb=1", "[abc]", "a=1\n  2"] {
        assert!(Ini.parse(source, &small).unwrap_err().limit, "{source}");
    }
}

#[test]
fn cases_come_back() {
    for (name, source) in cases(&["ini"]) {
        let sealed = round_trip(&Ini, &source, false);
        assert!(sealed.contains("\n# sealeaf: version=1"), "{name}: {sealed}");
        round_trip(&Ini, &source, true);
    }
}

#[test]
fn converted_line_ends_are_kept() {
    let source = "[s]\na = 1\n  2\nb=1\n";
    let crlf = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(opened_after(&Ini, source, crlf), crlf(source));
    assert_eq!(opened_after(&Ini, &crlf(source), |text| text.replace("\r\n", "\n")), source);
}

#[test]
fn the_entry_must_be_last() {
    let sealed = round_trip(&Ini, "[s]\na=1\n", false);
    for added in ["b=2\n", "# c\n", "[t]\n"] {
        let error = Ini.detach(parse(&format!("{sealed}{added}")).unwrap(), "sealeaf").unwrap_err();
        assert!(error.message.contains("must be the last"), "{error}");
    }
    // Such a line would take the metadata into the value above.
    refused(&format!("{sealed}  x\n"), sealed.lines().count() + 1, "nothing may stand behind");
}

#[test]
fn values_are_replaced_as_they_were_written() {
    fn check(source: &str, path: &str, value: &str, expect: &str) {
        let node = id(&parse(source).unwrap(), path);
        assert_eq!(edited(&Ini, source, node, &Edit::Replace(Tree::text(value))).unwrap(), expect);
    }
    check("[s]\na = 1\n", "s.a", "x y; z", "[s]\na = x y; z\n");
    check("[s]\na = 1\n", "s.a", " x", "[s]\na = \" x\"\n");
    check("[s]\na = 1\n", "s.a", "\"x\"", "[s]\na = '\"x\"'\n");
    check("a = \"1\"\n", "a", "x", "a = \"x\"\n");
    check("a = \"1\"\n", "a", "\"", "a = \"\n");
    check("a = 1\n  2\nb=1\n", "a", "3", "a = 3\nb=1\n");
    check("a = 1\nb=1\n", "a", "3\n  4", "a = 3\n  4\nb=1\n");
    check("a=1\n", "a", "", "a=\n");
    check("a=1\n  b=2\n", "a", "", "a=\"\"\n  b=2\n");
    let document = parse("a=1\nb\n[s]\n[s]\n").unwrap();
    assert!(Ini.replace(&document, id(&document, "a"), &Tree::text("x\ny")).is_err());
    assert!(Ini.replace(&document, id(&document, "s"), &Tree::text("x")).is_err());
    assert!(Ini.replace(&document, id(&document, "s[0]"), &Tree::text("x")).is_err());
    let splices = Ini.replace(&document, id(&document, "b"), &Tree::text("x")).unwrap();
    assert_eq!(apply(&document.source, &splices).unwrap().as_str(), "a=1\nb=x\n[s]\n[s]\n");
}

#[test]
fn lines_and_sections_come_and_go() {
    fn insert(source: &str, path: &str, key: &str, value: Tree, expect: &str) {
        let node = id(&parse(source).unwrap(), path);
        let edit = Edit::Insert(Step::Key(key.into()), value);
        assert_eq!(edited(&Ini, source, node, &edit).unwrap(), expect);
    }
    let map = || Tree::Map(vec![("a".to_owned(), Tree::text("1")), ("b".to_owned(), Tree::text("2"))]);
    insert("[s]\n  a: 1\n; c\n[t]\nx=1\n", "s", "k", Tree::text("9"), "[s]\n  a: 1\n  k: 9\n; c\n[t]\nx=1\n");
    insert("[s] ; c\n\n[t]\nx=1\n", "t", "k", Tree::text("9"), "[s] ; c\n\n[t]\nx=1\nk=9\n");
    insert("x=1\r\n[t]\r\ny=1", "t", "k", Tree::text("9"), "x=1\r\n[t]\r\ny=1\r\nk=9");
    insert("; c\n[t]\ny=1", ".", "k", Tree::text("9"), "; c\nk = 9\n[t]\ny=1");
    insert("[s]\nx=C:\\\n\n[t]\ny=1\n", "s", "k", Tree::text("9"), "[s]\nx=C:\\\n\nk=9\n\n[t]\ny=1\n");
    insert("x=1\n", ".", "s", map(), "x=1\n\n[s]\na = 1\nb = 2\n");
    insert("x=1", ".", "s", map(), "x=1\n\n[s]\na = 1\nb = 2");
    let document = parse("[s]\nk=1\nk=2\n[t]\n[t]\nx=1\n").unwrap();
    let changed = |splices: Vec<Splice>| apply(&document.source, &splices).unwrap().to_string();
    let more =
        |path, index, value| Ini.insert(&document, id(&document, path), &Step::Index(index), &value).unwrap();
    assert_eq!(changed(more("s.k", 2, Tree::text("3"))), "[s]\nk=1\nk=2\nk=3\n[t]\n[t]\nx=1\n");
    assert_eq!(changed(more("t", 2, map())), "[s]\nk=1\nk=2\n[t]\n[t]\nx=1\n\n[t]\na = 1\nb = 2\n");
    let empty =
        Ini.insert(&document, id(&document, "t[0]"), &Step::Key("k".into()), &Tree::text("9")).unwrap();
    assert_eq!(changed(empty), "[s]\nk=1\nk=2\n[t]\nk = 9\n[t]\nx=1\n");
    for (path, key, value) in [
        ("s", "k", map()),
        ("s", "a=b", Tree::int(1)),
        (".", "a]b", map()),
        ("s", "x", Tree::List(vec![])),
        (".", "s", map()),
    ] {
        assert!(
            Ini.insert(&document, id(&document, path), &Step::Key(key.into()), &value).is_err(),
            "{path} {key}"
        );
    }

    fn remove(source: &str, path: &str, expect: &str) {
        let document = parse(source).unwrap();
        let splices = Ini.remove(&document, id(&document, path)).unwrap();
        assert_eq!(apply(source, &splices).unwrap().as_str(), expect);
    }
    remove("[s]\na=1\nb=2\n", "s.a", "[s]\nb=2\n");
    remove("[s]\na=1\n  2\nb=2", "s.b", "[s]\na=1\n  2");
    remove("[s]\na=1\n  2\nb=2", "s.a", "[s]\nb=2");
    remove("[s]\na\nb=2", "s.a", "[s]\nb=2");
    remove("[s]\na=1\n; c\n[t]\nb=2\n", "s", "; c\n[t]\nb=2\n");
    remove("[s]\na=1\n[t]\nb=2\n[s]\nc=3\n", "s", "[t]\nb=2\n");
    remove("[s]\na=1\n[t]\nb=2\n[s]\nc=3\n", "s[1].c", "[s]\na=1\n[t]\nb=2\n[s]\n");
    assert!(Ini.remove(&document, NodeId(0)).is_err());
}

#[test]
fn new_files_are_rendered() {
    let pairs = |pairs: &[(&str, Tree)]| {
        Tree::Map(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    let tree = pairs(&[
        ("s", pairs(&[("x", Tree::int(1)), ("deep", pairs(&[("y", Tree::text(" 2"))]))])),
        ("top", Tree::Leaf(Value::Bool(true))),
        ("l", Tree::List(vec![Tree::text("1"), pairs(&[("z", Tree::text(""))])])),
    ]);
    assert_eq!(Ini.render(&tree), "top = true\nl = 1\n\n[s]\nx = 1\n\n[s.deep]\ny = \" 2\"\n\n[l]\nz = \n");
}

#[test]
fn big_files_take_linear_time() {
    for line in ["[s{}]\nk=v\n", "k{}=v\n  w\n", "k{}=a\\\n  b\n", "s=1\n", "[s]\n", "# c\n  x\n"] {
        let source: String = (0..50_000).map(|index| line.replace("{}", &index.to_string())).collect();
        let source = format!("first=1\n{source}");
        let document = parse(&source).unwrap_or_else(|error| panic!("{line}: {error}"));
        for id in document.ids().filter(|id| document.is_leaf(*id) && document.node(*id).sealable) {
            let _record = Ini.spelling(&document, id);
        }
    }
}

fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z0-9]{0,6}",
        "[ -~]{0,12}",
        "\"[ -!#-~]{0,6}\"",
        "'[ -&(-~]{0,6}'",
        "[a-z]{0,3}(\n  [a-z=\\[]{1,5}){1,2}",
        "[a-z]{0,3} \\\\\n [a-z=]{1,4}",
        "[é \u{2028}x]{0,3}",
    ];
    prop_oneof![
        8 => ("[ \t]{0,2}", "[a-d]( b)?", " ?[=:] ?", value).prop_map(|(a, b, c, d)| a + &b + &c + &d),
        3 => "\\[[a-c](\\.d| \"e\")?\\]( ; f)?",
        1 => "[ \t]?[#;][ -~]{0,9}",
        1 => "[a-d]",
        1 => "[ \t]{0,2}",
    ]
}

fn file() -> impl Strategy<Value = String> {
    (prop::collection::vec(line(), 0..10), "(\u{feff})?", any::<bool>(), any::<bool>()).prop_map(
        |(lines, mark, ends, crlf)| {
            let text = mark + &lines.join("\n") + if ends { "\n" } else { "" };
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_comes_back_or_is_refused(source in file(), comments: bool) {
        if parse(&source).is_ok() {
            round_trip(&Ini, &source, comments);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "[a-c=:'\"#;\\\\\\[\\] \n\r\u{feff}]{0,40}") {
        if let Ok(document) = parse(&source) {
            same(&document, &parse(&document.source).unwrap());
            round_trip(&Ini, &source, true);
        }
    }

    #[test]
    fn any_edit_means_what_it_says(source in file(), value in "[ -~]{0,12}", pick: prop::sample::Index, insert: bool) {
        let Ok(document) = parse(&source) else { return Ok(()) };
        // The model knows no values of no width.
        if document.ids().any(|id| matches!(document.node(id).kind, Kind::Empty)) || document.nodes.len() < 2 {
            return Ok(());
        }
        let node = NodeId(u32::try_from(pick.index(document.nodes.len())).unwrap());
        let edit = match &document.node(node).kind {
            Kind::List(_) => return Ok(()),
            Kind::Map(entries) if entries.is_empty() => return Ok(()),
            Kind::Map(_) if insert => Edit::Insert(Step::Key("new".into()), Tree::text(&value)),
            Kind::Map(_) => return Ok(()),
            _ => Edit::Replace(Tree::text(&value)),
        };
        let quotes = value.contains('"') && value.contains('\'');
        prop_assert!(edited(&Ini, &source, node, &edit).is_ok() || quotes || value.ends_with('\\'));
    }
}

#[test]
fn shapes_are_shown() {
    let document = parse("a=1\n[s]\nb=2\n").unwrap();
    assert_eq!(shown(&tree(&document)), "{\"a\": Str \"1\", \"s\": {\"b\": Str \"2\"}}");
}
