mod any;
mod edits;

use std::time::Instant;

use super::*;
use crate::document::apply;
use crate::format::testing::{cases, entry, opened_after, round_trip, same, shown, tree};

fn parse(source: &str) -> Result<Document, ParseError> {
    Toml.parse(source, &Limits::default())
}

#[test]
fn cases_round_trip() {
    for (_, source) in cases(&["toml"]) {
        round_trip(&Toml, &source, true);
        round_trip(&Toml, source.trim_end(), true);
        round_trip(&Toml, &source.replace("\r\n", "\n").replace('\n', "\r\n"), true);
        round_trip(&Toml, &(source + "\n\n \n"), true);
    }
}

#[test]
fn layouts_round_trip() {
    for source in [
        "",
        "\n",
        "\r\n\r\n",
        "\u{feff}",
        "\u{feff}a = 1",
        "# c",
        "# c\n",
        "a = 1\n  ",
        "a = []\nb = {}\nc = [ ]\nd = [\n]\ne = { }\n",
        "a = [ # c\n]\nb = [ # c\n 1 ]\n",
        "a = \"\"\"x\"\"\"\nb = '''y''' # c",
        "a = [ \"\"\"\nx\n\"\"\", '''\ny''' ]",
        "[a]\n[a.b]\n[[c]]\n[[c]]\n[c.d]\n",
        "  [a]\n  b = 1\n",
        "[a.b.c]\nx = 1\n[a]\ny = 2\n[a.b]\nz = 3",
        "a.b.c = 1\na.b.d = 2\na.e = 3\n[f]\ng.h = 1\n[f.i]\nj = 1\n",
        "t = { a.b = 1, a.c = { d = [ { e = 2 } ] } }\n",
        "t = {\n  a = 1, # c\n}\n",
        "\"\" = 1\n'a b' = 2\n\"\\u0061\" = 3\n1 = 4\n",
        "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00\nc = 07:32:00\nd = 1979-05-27\n",
        "a = 0xDEAD_beef\nb = 1_000\nc = +1.5e+3\nd = -inf\ne = nan\nf = -0\n",
    ] {
        round_trip(&Toml, source, false);
        round_trip(&Toml, source, true);
    }
}

#[test]
fn values_are_read() {
    fn check(source: &str, expect: &str) {
        assert_eq!(shown(&tree(&parse(source).unwrap())), expect);
    }
    check("a = 0x1F\nb = 1.0\nc = true", "{\"a\": Int \"0x1F\", \"b\": Float \"1.0\", \"c\": Bool \"true\"}");
    check("a = 1979-05-27 07:32:00Z", "{\"a\": Time \"1979-05-27 07:32:00Z\"}");
    check("a = 'x\\'\nb = \"x\\t\\u00e9\\e\"", "{\"a\": Str \"x\\\\\", \"b\": Str \"x\\té\\u{1b}\"}");
    check("a = \"\"\"\r\nx\r\ny\\r\\n\"\"\"", "{\"a\": Str \"x\\ny\\r\\n\"}");
    check("a = '''x\r\ny'''", "{\"a\": Str \"x\\ny\"}");
    check(
        "a.b = 1\n[a.c]\n[[d]]\n[[d]]\nx = []",
        "{\"a\": {\"b\": Int \"1\", \"c\": EmptyMap \"{}\"}, \"d\": [EmptyMap \"{}\", {\"x\": EmptyList \"[]\"}]}",
    );
    check(
        "[a.b]\nx = 1\n[c]\n[a]\ny = 2",
        "{\"a\": {\"b\": {\"x\": Int \"1\"}, \"y\": Int \"2\"}, \"c\": EmptyMap \"{}\"}",
    );
    check("", "EmptyMap \"{}\"");
}

#[test]
fn nodes_have_their_places() {
    let source = "# r\nx = 1\n[a.b] # h\ny.z = [ 2, # i\n] # e\n[[c]]\n# c\n";
    let document = parse(source).unwrap();
    let nodes: Vec<_> = document.nodes.iter().map(|node| (node.span.of(source), node.sealable)).collect();
    assert_eq!(
        nodes,
        [
            (&source[4..source.len() - 5], false),
            ("1", true),
            ("[a.b] # h\ny.z = [ 2, # i\n]", false),
            ("[a.b] # h\ny.z = [ 2, # i\n]", false),
            ("z = [ 2, # i\n]", false),
            ("[ 2, # i\n]", true),
            ("2", true),
            ("[[c]]", false),
            ("[[c]]", false),
        ]
    );
    let comments: Vec<_> = document
        .comments
        .iter()
        .map(|comment| (comment.span.of(source), comment.container.map(|id| id.0)))
        .collect();
    assert_eq!(
        comments,
        [("# r", None), ("# h", Some(3)), ("# i", Some(5)), ("# e", Some(3)), ("# c", Some(8))]
    );
    assert!(!parse("a = [ # c\n]").unwrap().nodes[1].sealable);
    let crlf = parse("a = 1 # c\r\n").unwrap();
    assert_eq!(crlf.comments[0].span.of("a = 1 # c\r\n"), "# c");
    assert_eq!(parse("\u{feff}# c").unwrap().nodes[0].span, crate::document::Span::new(3, 3));
}

#[test]
fn broken_files_are_refused() {
    fn check(source: &str, line: usize, column: usize, message: &str) {
        let error = parse(source).unwrap_err();
        assert_eq!((error.line, error.column, error.message.as_str()), (line, column, message), "{source}");
        assert!(!error.limit);
    }
    check("a", 1, 2, "key with no value: expected `=`");
    check("a = ", 1, 5, "string values must be quoted: expected literal string");
    check("a = 1\na = 2", 2, 1, "the key `a` has a value already");
    check("a = 1\n\"\\u0061\" = 2", 2, 1, "the key `a` has a value already");
    check("[a]\n[b]\n[a]", 3, 2, "duplicate key");
    check("a = 1\n[a.b]", 2, 2, "the key `a` has a value already");
    check("a = {}\na.b = 1", 2, 1, "the key `a` has a value already");
    check("a = [1 2]", 1, 6, "string values must be quoted: expected literal string");
    check("a = [1,,2]", 1, 8, "extra comma in array: expected value");
    check("a = 0x", 1, 5, "invalid hexadecimal number");
    check("a = 1\na.b = 2\n", 2, 1, "the key `a` has a value already");
    check("a = \"x", 1, 7, "invalid basic string: expected `\"`");
    check("<<<<<<< a\nb = 1\n=======\nb = 2\n>>>>>>> c\n", 1, 1, CONFLICT);
    check("x = 0\n<<<<<<< a\nb = 1\n=======\nb = 2\n>>>>>>> c\n", 2, 1, CONFLICT);
    let error = parse("password = hunter2").unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"));
    let error = parse("date = 2021-02-30").unwrap_err();
    assert!(!format!("{error:?}").contains("2021"));
}

const CONFLICT: &str = "the file holds merge conflict markers: resolve the conflict first";

#[test]
fn limits_are_kept() {
    fn check(source: &str, limits: &Limits, expect: bool) {
        let result = Toml.parse(source, limits);
        assert_eq!(result.is_ok(), expect, "{source:.99}");
        assert!(result.map_or_else(|error| error.limit, |_| true), "{source:.99}");
    }
    let limits = Limits { file: 30, depth: 3, leaves: 2, key: 2, leaf: 4 };
    check("a = [[]]", &limits, true);
    check("a = [[[]]]", &limits, false);
    check("a.b.c = 1", &limits, true);
    check("a.b.c.d = 1", &limits, false);
    check("[a.b.c]", &limits, false);
    check("[[a.b]]", &limits, false);
    check("a = 1\nb = 2", &limits, true);
    check("a = 1\nb = []\nc = 3", &limits, false);
    check("abc = 1", &limits, false);
    check("a = \"bc\"", &limits, true);
    check("a = \"bcd\"", &limits, false);
    check("a = [    ]", &limits, false);
    check(&"#".repeat(31), &limits, false);
    let deep = Limits::default();
    check(&format!("a = {}", "[".repeat(100_000)), &deep, false);
    check(&format!("a = {}", "{ a = ".repeat(100_000)), &deep, false);
    check(&format!("a{} = 1", ".a".repeat(100_000)), &deep, false);
    check(&format!("[a{}]", ".a".repeat(100_000)), &deep, false);
    check(&format!("a = {}{}", "[".repeat(63), "]".repeat(63)), &deep, true);
}

#[test]
fn spellings_have_their_kinds() {
    fn check(raw: &str, kind: u8) {
        let document = parse(&format!("a = {raw}")).unwrap();
        assert_eq!(Toml.spelling(&document, NodeId(1)).kind, kind, "{raw}");
    }
    for raw in ["\"abc\"", "17", "true"] {
        check(raw, 0);
    }
    for raw in ["'abc'", "\"on\"", "\"\"\"a\"\"\"", "+1", "0x1F", "1.0", "07:32:00", "{}", "[ ]"] {
        check(raw, 1);
    }
    for raw in ["\"\"\"\na\"\"\"", "'''a\n'''", "[\n]"] {
        check(raw, 2);
    }
    let document = parse("a = '''x\r\n'''\r\n").unwrap();
    let spelling = Toml.spelling(&document, NodeId(1));
    assert_eq!(
        spelling.bytes.expose(),
        b"\x03\x05\x00\xff\xff\xff\xff\x02\x00\x00\x00\x09'''x\r\n'''\x00\x00\x00\x00"
    );
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let document = parse("a = \"t\"\nb = { c = 1 }").unwrap();
    let check = |id: u32, value: Value, spelling: Spelling, expect: Option<&str>| {
        let splices = Toml.unseal_leaf(&document, NodeId(id), &value, &spelling);
        let text = splices.map(|splices| splices[0].text.clone());
        assert_eq!(text.as_ref().map(|text| text.as_str()), expect);
    };
    let toml = |raw: &str| spelling::token(FormatCode::Toml, raw);
    check(1, Value::Str("x".into()), toml("'x'"), Some("'x'"));
    for raw in ["'y'", " 'x'", "'x' ", "'x' # c", "x", "'x', 'y'", "", "1"] {
        check(1, Value::Str("x".into()), toml(raw), None);
    }
    check(1, Value::Str("x".into()), spelling::token(FormatCode::Json, "\"x\""), None);
    check(1, Value::Int("0x1F".into()), toml("0x1F"), Some("0x1F"));
    check(1, Value::Int("31".into()), toml("0x1F"), None);
    check(1, Value::EmptyMap, toml("{ }"), Some("{ }"));
    check(1, Value::EmptyMap, toml("{ a = 1 }"), None);
    check(2, Value::EmptyMap, toml("{}"), None);
    let placed = |raw, body| {
        let line_break = crate::format::line::LineBreak::Lf;
        let fields = Placed { style: 6, flow: false, base: -1, line_break, raw, body };
        spelling::placed(FormatCode::Toml, &fields)
    };
    check(1, Value::Str("x\n".into()), placed("'''\nx\n'''", ""), Some("'''\nx\n'''"));
    check(1, Value::Str("x\n".into()), placed("'''\nx\n'''", "x"), None);
    check(1, Value::Str("x\n".into()), placed("'''\nx\n'''\nb = 1", ""), None);
    let default = |value: Value| Toml.unseal_default(&document, NodeId(1), &value)[0].text.to_string();
    assert_eq!(default(Value::Str("a\nb\u{7f}".into())), "\"a\\nb\\u007f\"");
    assert_eq!(default(Value::Float("1e5".into())), "1e5");
    assert_eq!(default(Value::Float(".inf".into())), "\".inf\"");
    assert_eq!(default(Value::EmptyList), "[]");
}

#[test]
fn line_ends_are_converted() {
    let source = "a = \"\"\"\nx \\\n  y\n\"\"\"\nb = [ '''\nz''', '''\n''' ]\nc = [\n]\n";
    let crlf = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(opened_after(&Toml, source, crlf), crlf(source));
    assert_eq!(opened_after(&Toml, &crlf(source), |text| text.replace("\r\n", "\n")), source);
    assert_eq!(opened_after(&Toml, "a = '''\r\n\n'''\n", crlf), "a = '''\r\n\n'''\r\n");
    assert_eq!(opened_after(&Toml, "x = 1\na = '''\n'''", crlf), "x = 1\r\na = '''\r\n'''");
}

#[test]
fn the_entry_stands_last() {
    fn check(source: &str, parting: &str, end: &str) {
        let small = Tree::Map(vec![
            ("v".into(), Tree::int(1)),
            (
                "g".into(),
                Tree::List(vec![Tree::Map(vec![("m".into(), Tree::Map(vec![("x".into(), Tree::int(2))]))])]),
            ),
            ("l".into(), Tree::List(vec![Tree::text("**")])),
        ]);
        let document = parse(source).unwrap();
        let text = apply(source, &Toml.attach(&document, "sealeaf", &small).unwrap()).unwrap();
        let table = "[sealeaf]\nv = 1\nl = [\n  \"**\",\n]\n[[sealeaf.g]]\n[sealeaf.g.m]\nx = 2";
        let table = if parting.contains('\r') { table.replace('\n', "\r\n") } else { table.to_owned() };
        assert_eq!(text.as_str(), format!("{source}{parting}{table}{end}"));
        let (body, tree) = Toml.detach(parse(&text).unwrap(), "sealeaf").unwrap();
        assert!(tree.is_some());
        same(&body, &document);
    }
    check("", "", "");
    check("\n", "\n", "\n");
    check("a = 1\n", "\n", "\n");
    check("a = 1\n\n\n", "\n", "\n");
    check("a = 1", "\n\n", "");
    check("a = 1\nb = 2 # c", "\n\n", "");
    check("a = 1\r\n", "\r\n", "\r\n");
    check("a = 1\r\n\r\n  ", "\r\n\r\n", "");
}

#[test]
fn detaching_survives_formatters() {
    fn check(source: &str, expect: &str) {
        let (body, tree) = Toml.detach(parse(source).unwrap(), "sealeaf").unwrap();
        assert_eq!(body.source.as_str(), expect);
        assert!(tree.is_some());
        same(&body, &parse(expect).unwrap());
    }
    check("a = 1\n[sealeaf]\nv = 1\n", "a = 1\n");
    check("a = 1\n\n\n  [sealeaf]\n  v = 1\n\n\n", "a = 1\n\n");
    check("a = 1\n# c\n[ sealeaf ]\nv = 1\n\n  [ sealeaf.m ]\nx = 1", "a = 1\n# c");
    check("[[sealeaf.g]]\nx = 1\n[sealeaf]\ny = 1\n", "");
}

#[test]
fn entries_elsewhere_are_errors() {
    fn check(source: &str, line: usize, expect: &str) {
        let error = Toml.detach(parse(source).unwrap(), "sealeaf").unwrap_err();
        assert_eq!(error.line, line, "{source}");
        assert!(error.message.contains(expect), "{}", error.message);
    }
    check("[sealeaf]\nv = 1\n[b]\n", 1, "must be the last table");
    check("[b.c]\n[sealeaf]\nv = 1\n[b]\n", 2, "must be the last table");
    check("[b]\n[sealeaf]\nv = 1\n[b.c]\n", 2, "must be the last table");
    check("sealeaf = { v = 1 }\n", 1, "must be a table");
    check("sealeaf.v = 1\n", 1, "must be a table");
    check("sealeaf = [1]\n", 1, "must be a table");
    check("[sealeaf]\nv = 1\n\n# end\n", 4, "no comment may stand");
    check("[sealeaf] # c\nv = 1\n", 1, "no comment may stand");
    check("[sealeaf]\nv = [ # c\n]\n", 2, "no comment may stand");
    check("[sealeaf]\nv = 1 # c\n", 2, "no comment may stand");
    let (document, tree) = Toml.detach(parse("[a]\nsealeaf = 1\n").unwrap(), "sealeaf").unwrap();
    assert!(tree.is_none());
    same(&document, &parse("[a]\nsealeaf = 1\n").unwrap());
    let taken = parse("sealeaf = 1").unwrap();
    assert!(Toml.attach(&taken, "sealeaf", &entry()).unwrap_err().reason.contains("rename"));
}

#[test]
fn new_files_are_rendered() {
    let text = Toml.render(&entry());
    assert!(parse(&text).unwrap().plain_tree(NodeId(0)).is_some());
    assert!(text.ends_with("policy = \"p\"\n[[groups]]\ncheck = \"x\"\n[[groups.keys]]\nage = \"age1x\"\nwrapped = \"AAAA\"\n[groups.keys.context]\napp = \"web\"\n\"a b\" = \"\\u0001\\\"'\\\\\\n\"\n[[groups.keys]]\nage = \"age1x\"\nwrapped = \"AAAA\"\n[groups.keys.context]\napp = \"web\"\n\"a b\" = \"\\u0001\\\"'\\\\\\n\"\n[[groups]]\n[[groups.keys]]\nage = \"y\"\n"), "{text}");
    assert_eq!(Toml.render(&Tree::text("x")), "value = \"x\"\n");
}

#[test]
fn big_files_take_linear_time() {
    let time = |count: usize| {
        let tables: String =
            (0..count).map(|index| format!("[a.t{index}]\nk.x = '''\n'''\n[[b]]\nc = 1\n")).collect();
        let pairs: String = (0..count).map(|index| format!("k{index} = [{{ x.y = 1 }}]\n")).collect();
        let source = pairs + &tables;
        let start = Instant::now();
        let document = parse(&source).unwrap();
        document.ids().for_each(|id| drop(Toml.spelling(&document, id)));
        start.elapsed().as_secs_f64() / f64::from(u32::try_from(count).unwrap())
    };
    let small = time(2_000).min(time(2_000));
    assert!(time(40_000) < 8.0 * small);
}
