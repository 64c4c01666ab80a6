use proptest::prelude::*;

use super::*;
use crate::document::{KeyPath, Kind, apply};
use crate::format::testing::{Edit, cases, edited, opened_after, round_trip, same, shown, tree};

fn parse(text: &str) -> Result<Document, ParseError> {
    Dotenv.parse(text, &Limits::default())
}

fn id(document: &Document, path: &str) -> NodeId {
    document.find(&KeyPath::parse(path).unwrap()).unwrap_or_else(|| panic!("no {path}"))
}

/// What `source` holds, as `KEY=raw|value|comment` in a line each.
fn read(source: &str) -> Vec<(String, String, String)> {
    let document = parse(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let Kind::Map(entries) = &document.node(NodeId(0)).kind else { panic!() };
    entries
        .iter()
        .map(|entry| {
            let scalar = document.scalar(entry.value).unwrap();
            let raw = scalar.token.of(source).to_owned();
            (entry.key.text.to_string(), raw, scalar.value.to_text().to_string())
        })
        .collect()
}

/// One line: its key, its value's bytes, what they mean, and the comment behind.
#[track_caller]
fn check(line: &str, key: &str, raw: &str, value: &str, comment: Option<&str>) {
    for source in [line.to_owned(), format!("{line}\n"), format!("# first\n{line}\nLAST=x\n")] {
        let all = read(&source);
        assert_eq!(all[0], (key.to_owned(), raw.to_owned(), value.to_owned()), "{source}");
        let document = parse(&source).unwrap();
        let mut behind = document.comments.iter().map(|it| it.span.of(&source)).filter(|it| *it != "# first");
        assert_eq!(behind.next(), comment, "{source}");
        round_trip(&Dotenv, &source, false);
        round_trip(&Dotenv, &source, true);
    }
}

#[track_caller]
fn refused(source: &str, line: usize, says: &str) {
    let error = parse(source).unwrap_err();
    assert_eq!(error.line, line, "{source}");
    assert!(error.message.contains(says), "{error}");
}

#[test]
fn values_end_where_every_dialect_has_read_them() {
    check("A=1", "A", "1", "1", None);
    check("A=", "A", "", "", None);
    check("A= ", "A", "", "", None);
    check("  A = 1  ", "A", "1", "1", None);
    check("export A=1", "A", "1", "1", None);
    check("exported=1", "exported", "1", "1", None);
    check("A: 1", "A", "1", "1", None);
    check("A: ", "A", "", "", None);
    check("a.b-c=1", "a.b-c", "1", "1", None);
    check("A=b=c", "A", "b=c", "b=c", None);
    check("A=$B ${C:-x}", "A", "$B ${C:-x}", "$B ${C:-x}", None);
    // A comment behind a bare value is one for some only: it is sealed with the value.
    check("A=1 # c", "A", "1 # c", "1 # c", None);
    check("A=1#c", "A", "1#c", "1#c", None);
    check("A=# c", "A", "# c", "# c", None);
    // Behind quotes it is one for all that know quotes.
    check("A=\"1\" # c", "A", "\"1\"", "1", Some("# c"));
    check("A='1'\t#c", "A", "'1'", "1", Some("#c"));
    check("A=`1` # c", "A", "`1`", "1", Some("# c"));
    check("A=\"1\"#c", "A", "\"1\"#c", "\"1\"#c", None);
    check("A=\"1\" x", "A", "\"1\" x", "\"1\" x", None);
    check("A=\"a # b\"", "A", "\"a # b\"", "a # b", None);
}

#[test]
fn escapes_stay_as_they_are() {
    check("A=\"a\\nb\"", "A", "\"a\\nb\"", "a\\nb", None);
    check("A=\"a\\\"b\" # c", "A", "\"a\\\"b\"", "a\\\"b", Some("# c"));
    check("A='a\\nb'", "A", "'a\\nb'", "a\\nb", None);
    // Where dialects disagree about which quote is the last, nothing may be lost behind it.
    check("A='it\\'s'", "A", "'it\\'s'", "'it\\'s'", None);
    check("A='x\\' # c'", "A", "'x\\' # c'", "'x\\' # c'", None);
    check("A='C:\\'", "A", "'C:\\'", "C:\\", None);
    check("A=\"C:\\\\\"", "A", "\"C:\\\\\"", "C:\\\\", None);
    check("A=\"C:\\\\\" # c", "A", "\"C:\\\\\" # c", "\"C:\\\\\" # c", None);
    check("A='open", "A", "'open", "'open", None);
    check("A='a'b'", "A", "'a'b'", "'a'b'", None);
}

#[test]
fn values_of_several_lines() {
    check("A=\"a\nb\" # c", "A", "\"a\nb\"", "a\nb", Some("# c"));
    check("A='a\r\n b\r\n'", "A", "'a\r\n b\r\n'", "a\n b\n", None);
    check("A=`a\nB=b\n`", "A", "`a\nB=b\n`", "a\nB=b\n", None);
    let pem = "K=-----BEGIN KEY-----\nMIIE+x\n-----END KEY-----\n";
    refused(pem, 2, "a value of several lines needs quotes");
    let end = "K=\"-----BEGIN KEY-----\nMIIE\n-----END KEY-----\" x\n";
    refused(end, 2, "expected KEY=value");
}

#[test]
fn what_is_not_understood_is_refused() {
    for (source, line) in [
        ("A", 1),
        ("export A", 1),
        ("A b=1", 1),
        ("A=1\n=2", 2),
        ("1A=1", 1),
        ("A:1", 1),
        ("A:", 1),
        ("source x.sh", 1),
        ("set -a\nA=1", 1),
        ("[a]\nb=1", 1),
        ("é=1", 1),
        ("A=1\nMIIE", 2),
    ] {
        refused(source, line, "expected KEY=value");
    }
    refused("A=x\\\nB=1\n", 1, "ends in a backslash");
    assert_eq!(read("A=C:\\\n\nB=1")[0].2, "C:\\");
    refused("A=1\rB=2", 1, "carriage return");
    refused("A=1\nB=\0", 2, "NUL");
    refused("<<<<<<< a\nA=1\n=======\nA=2\n>>>>>>> b\n", 1, "merge conflict");
    let small = Limits { leaf: 2, key: 2, leaves: 1, ..Limits::default() };
    for source in ["A=123", "ABC=1", "A=1\nB=1"] {
        assert!(Dotenv.parse(source, &small).unwrap_err().limit, "{source}");
    }
    // A line that is no assignment is masked in the picture.
    assert!(!parse("hunter2").unwrap_err().picture.contains("hunter2"));
}

#[test]
fn cases_come_back() {
    for (name, source) in cases(&["env"]) {
        let sealed = round_trip(&Dotenv, &source, false);
        assert!(sealed.contains("\n# sealeaf: version=1"), "{name}: {sealed}");
        round_trip(&Dotenv, &source, true);
    }
    for source in
        ["", "\n", "\u{feff}", "# c", "# c\n", "; systemd\nA=1\n", "\n\nA=1\n\n\n", "\u{feff}\r\nA='x'\r\n"]
    {
        round_trip(&Dotenv, source, false);
        round_trip(&Dotenv, source, true);
    }
}

#[test]
fn a_key_that_stands_twice_is_a_list() {
    let source = "A=1\nB=2\nA=3 # c\nexport A='4'\n";
    let document = parse(source).unwrap();
    assert_eq!(shown(&tree(&document)), "{\"A\": [Str \"1\", Str \"3 # c\", Str \"4\"], \"B\": Str \"2\"}");
    assert_eq!(document.path(id(&document, "A[2]")).to_string(), "A[2]");
    let sealed = round_trip(&Dotenv, source, true);
    assert!(
        sealed.starts_with("A=sealed.v1.2\nB=sealed.v1.3\nA=sealed.v1.4\nexport A='sealed.v1.5'\n\n#"),
        "{sealed}"
    );
}

#[test]
fn quotes_stay_around_tokens() {
    let sealed = round_trip(&Dotenv, "A=\"x y\" # c\nB='x'\nC=`x`\nD=x\nE=\"a\nb\"\n", false);
    assert!(
        sealed.starts_with(
            "A=\"sealed.v1.1\" # c\nB='sealed.v1.2'\nC=`sealed.v1.3`\nD=sealed.v1.4\nE=\"sealed.v1.5\"\n\n# sealeaf: "
        ),
        "{sealed}"
    );
}

#[test]
fn converted_line_ends_are_kept() {
    let source = "A=\"a\nb\"\nB=1\n";
    let crlf = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(opened_after(&Dotenv, source, crlf), crlf(source));
    assert_eq!(opened_after(&Dotenv, &crlf(source), |text| text.replace("\r\n", "\n")), source);
}

#[test]
fn the_entry_must_be_last() {
    let sealed = round_trip(&Dotenv, "A=1\n", false);
    for (changed, says) in [
        (format!("{sealed}B=2\n"), "must be the last"),
        (format!("{sealed}# c\n"), "must be the last"),
        (sealed.replace("# sealeaf: policy=p", "# c\n# sealeaf: policy=p"), "must be the last"),
        (sealed.replace("# sealeaf: policy=p", " # sealeaf: policy=p"), "nothing may stand before"),
        (sealed.replace("policy=p", "policy"), "damaged"),
        (sealed.replace("policy=p", "file=p"), "twice"),
    ] {
        let error = Dotenv.detach(parse(&changed).unwrap(), "sealeaf").unwrap_err();
        assert!(error.message.contains(says), "{error}\n{changed}");
    }
    let blank = format!("{sealed}\n \n");
    assert!(Dotenv.detach(parse(&blank).unwrap(), "sealeaf").unwrap().1.is_some());
    let own = parse("# sealeaf: is a tool\nA=1\n").unwrap();
    assert!(Dotenv.attach(&own, "sealeaf", &Tree::int(1)).is_err());
    // A key of that name is the user's own.
    round_trip(&Dotenv, "sealeaf=1\n# about sealeaf\n", true);
}

#[test]
fn values_are_replaced_in_their_quotes() {
    fn check(source: &str, value: &str, expect: &str) {
        let node = id(&parse(source).unwrap(), "A");
        assert_eq!(edited(&Dotenv, source, node, &Edit::Replace(Tree::text(value))).unwrap(), expect);
    }
    check("A=1\n", "abc/D-1", "A=abc/D-1\n");
    check("A=1\n", "a b", "A='a b'\n");
    check("A=1\n", "pa$$word", "A='pa$$word'\n");
    check("A=1\n", "", "A=\n");
    check("A=1 # c\n", "#", "A='#'\n");
    check("A=\"1\" # c\n", "a b", "A=\"a b\" # c\n");
    check("A=\"1\" # c\n", "$x", "A='$x' # c\n");
    check("A=\"1\" # c\n", "'\"", "A=`'\"` # c\n");
    check("A='1'\n", "it's", "A=\"it's\"\n");
    check("A='1'\n", "it's $5", "A=\"it's $5\"\n");
    check("A=1\n", "a\nb", "A='a\nb'\n");
    check("A=1\n", "'\"", "A='\"\n");
    check("A=1\n", "x'\"\n", "A=`x'\"\n`\n");
    check("A=1\n", "\\", "A='\\'\n");
    assert!(Dotenv.replace(&parse("A='' # c").unwrap(), NodeId(1), &Tree::text("\\")).is_err());
    let document = parse("A=1\nA=2\n").unwrap();
    for value in ["'\"`\n", "a\n'\"`"] {
        assert!(Dotenv.replace(&document, id(&document, "A[0]"), &Tree::text(value)).is_err());
    }
    assert!(Dotenv.replace(&document, id(&document, "A"), &Tree::text("x")).is_err());
    assert!(Dotenv.replace(&document, id(&document, "A[0]"), &Tree::List(vec![])).is_err());
    assert_eq!(
        edited(
            &Dotenv,
            "# c\nA=1\n",
            NodeId(0),
            &Edit::Replace(Tree::Map(vec![("B".into(), Tree::text("x"))]))
        )
        .unwrap(),
        "B=x\n"
    );
}

#[test]
fn lines_come_and_go() {
    fn insert(source: &str, expect: &str) {
        let edit = Edit::Insert(Step::Key("K".into()), Tree::text("9"));
        assert_eq!(edited(&Dotenv, source, NodeId(0), &edit).unwrap(), expect);
    }
    insert("A=1\n", "A=1\nK=9\n");
    insert("A=1", "A=1\nK=9");
    insert("A=1\r\n# c\r\n", "A=1\r\nK=9\r\n# c\r\n");
    insert("export A = '1' # c\n", "export A = '1' # c\nexport K = 9\n");
    insert("A=C:\\\n", "A=C:\\\n\nK=9\n");
    insert("A: \"x\ny\"\n\nB: 2\n", "A: \"x\ny\"\n\nB: 2\nK: 9\n");
    let document = parse("A=1\nB=1\nA=2\n").unwrap();
    let more = Dotenv.insert(&document, id(&document, "A"), &Step::Index(2), &Tree::text("3")).unwrap();
    assert_eq!(apply(&document.source, &more).unwrap().as_str(), "A=1\nB=1\nA=2\nA=3\n");
    for (key, value) in
        [("A", Tree::int(1)), ("1", Tree::int(1)), ("a b", Tree::int(1)), ("K", Tree::Map(vec![]))]
    {
        assert!(Dotenv.insert(&document, NodeId(0), &Step::Key(key.into()), &value).is_err(), "{key}");
    }
    for source in ["", "# c\n"] {
        let document = parse(source).unwrap();
        let splices = Dotenv.insert(&document, NodeId(0), &Step::Key("K".into()), &Tree::text("9")).unwrap();
        assert_eq!(apply(source, &splices).unwrap().as_str(), format!("{source}K=9\n"));
    }

    fn remove(source: &str, path: &str, expect: &str) {
        let document = parse(source).unwrap();
        let splices = Dotenv.remove(&document, id(&document, path)).unwrap();
        assert_eq!(apply(source, &splices).unwrap().as_str(), expect);
    }
    remove("A=1\nB=2\n", "A", "B=2\n");
    remove("A=1\nB=2\n", "B", "A=1\n");
    remove("A=1\nB=2", "B", "A=1");
    remove("A=1\r\n\r\nB=2", "B", "A=1\r\n");
    remove("A=1", "A", "");
    remove("\u{feff}A=1", "A", "\u{feff}");
    remove("A='1' # c\nB=2\n", "A", "# c\nB=2\n");
    remove("A=\"x\ny\"\nB=2\n", "A", "B=2\n");
    remove("A=1\nB=2\nA=3\n", "A", "B=2\n");
    remove("A=1\nB=2\nA=3\n", "A[1]", "A=1\nB=2\n");
    assert!(Dotenv.remove(&parse("A=1").unwrap(), NodeId(0)).is_err());
}

#[test]
fn new_files_are_rendered() {
    let pairs = |pairs: &[(&str, Tree)]| {
        Tree::Map(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    let nested = pairs(&[
        ("A", Tree::text("x y")),
        ("db", pairs(&[("user", Tree::text("u")), ("port", Tree::int(5))])),
        ("L", Tree::List(vec![Tree::text("1"), Tree::Leaf(Value::Bool(true))])),
        ("a b", Tree::Leaf(Value::Null)),
        ("1", Tree::Leaf(Value::EmptyMap)),
    ]);
    assert_eq!(Dotenv.render(&nested), "A='x y'\ndb_user=u\ndb_port=5\nL=1\nL=true\na_b=\n");
}

#[test]
fn big_files_take_linear_time() {
    for line in ["K{}=\"x\n", "K{}='x' y\n", "K{}=`\n", "K{}=\"\\\"\n"] {
        let source: String = (0..50_000).map(|index| line.replace("{}", &index.to_string())).collect();
        let _read_or_refused = parse(&source);
    }
    let source: String = (0..50_000).map(|index| format!("K{index}='x\ny'\n")).collect();
    let document = parse(&source).unwrap();
    for id in document.ids().skip(1) {
        assert_eq!(Dotenv.spelling(&document, id).kind, 2);
    }
}

fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z0-9]{0,6}",
        "[ -~]{0,12}",
        "\"([ !#-~\n]|\\\\\"){0,8}\"( # [a-z]{0,4})?",
        "'[ -&(-~\n]{0,8}'([ \t]#[a-z]{0,4})?",
        "`[ -_a-~\n]{0,6}`",
        "[é \u{2028}x]{0,3}",
    ];
    prop_oneof![
        8 => ("(export )?", "[A-D_][a-d0-9.-]?", "( ?= ?|: )", value).prop_map(|(a, b, c, d)| a + &b + &c + &d),
        1 => "[#;][ -~]{0,9}",
        1 => "[ \t]{0,2}",
    ]
}

fn file() -> impl Strategy<Value = String> {
    (prop::collection::vec(line(), 0..9), "(\u{feff})?", any::<bool>(), any::<bool>()).prop_map(
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
            round_trip(&Dotenv, &source, comments);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "[A-C=:'\"`#\\\\ \n\r\u{feff}$x;-]{0,40}") {
        if let Ok(document) = parse(&source) {
            same(&document, &parse(&document.source).unwrap());
            round_trip(&Dotenv, &source, true);
        }
    }

    #[test]
    fn any_edit_means_what_it_says(source in file(), value in "[ -~\n]{0,12}", pick: prop::sample::Index, remove: bool) {
        let Ok(document) = parse(&source) else { return Ok(()) };
        // A quote that nothing closes may be closed by what comes: whoever edits reads the result.
        let is_open = |id| document.scalar(id).is_some_and(|it| {
            it.style == Style::Plain && it.token.of(&source).starts_with(['"', '\'', '`'])
        });
        if document.ids().any(is_open) {
            return Ok(());
        }
        let node = NodeId(u32::try_from(pick.index(document.nodes.len())).unwrap());
        let edit = match &document.node(node).kind {
            Kind::List(_) => return Ok(()),
            Kind::Map(_) => Edit::Insert(Step::Key("NEW".into()), Tree::text(&value)),
            // A list of one would read as a text.
            _ if remove && document.node(node).parent == Some(NodeId(0)) && document.nodes.len() > 2 => Edit::Remove,
            _ => Edit::Replace(Tree::text(&value)),
        };
        if document.nodes.len() > 1 {
            let kinds = ["'", "\"", "`"].iter().filter(|quote| value.contains(**quote)).count();
            prop_assert!(edited(&Dotenv, &source, node, &edit).is_ok() || kinds > 1 || value.ends_with('\\'));
        }
    }
}
