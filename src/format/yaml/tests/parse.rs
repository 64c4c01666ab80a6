//! What a parse gives, construct by construct.

use super::parse;
use crate::document::{Document, Kind, NodeId, Style, Value};
use crate::format::yaml::Yaml;
use crate::format::{Format, Limits};

/// One line a node: path, kind, source at its span, and what is special about it.
fn shown(document: &Document) -> Vec<String> {
    let source = &document.source;
    document
        .ids()
        .map(|id| {
            let node = document.node(id);
            let kind = match &node.kind {
                Kind::Map(_) => "map".to_owned(),
                Kind::List(_) => "list".to_owned(),
                Kind::Alias(name) => format!("alias {name}"),
                Kind::Empty => "empty".to_owned(),
                Kind::Scalar(scalar) => {
                    let body = scalar.body.map_or(String::new(), |body| format!(" {:?}", body.of(source)));
                    let flow = if scalar.flow { " flow" } else { "" };
                    format!("{:?} base {}{flow}{body}", scalar.style, scalar.base)
                }
            };
            let mut line = format!("{} {kind} {:?}", document.path(id), node.span.of(source));
            for (mark, text) in [("&", &node.anchor), ("tag ", &node.tag)] {
                if let Some(text) = text {
                    line += &format!(" {mark}{text}");
                }
            }
            line + if node.tag_first { " tag first" } else { "" }
        })
        .collect()
}

fn check(text: &str, expect: &[&str]) {
    let document = parse(text).unwrap();
    assert_eq!(shown(&document), expect, "{text:?}");
    for id in document.ids() {
        assert!(document.node(id).parent.is_none_or(|parent| parent < id));
    }
}

#[test]
fn block_collections() {
    check(
        "a: b\nc:\n- d\n- - e\n  - f: g # h\n",
        &[
            ". map \"a: b\\nc:\\n- d\\n- - e\\n  - f: g\"",
            "a Plain base 0 \"b\"",
            "c list \"- d\\n- - e\\n  - f: g\"",
            "c[0] Plain base 0 \"d\"",
            "c[1] list \"- e\\n  - f: g\"",
            "c[1][0] Plain base 2 \"e\"",
            "c[1][1] map \"f: g\"",
            "c[1][1].f Plain base 4 \"g\"",
        ],
    );
    check(
        "? a\n:\n  - |\n   b\n? c\n",
        &[
            ". map \"a\\n:\\n  - |\\n   b\\n? c\"",
            "a list \"- |\"",
            "a[0] Literal base 2 \"   b\\n\" \"|\"",
            "c empty \"\"",
        ],
    );
}

#[test]
fn flow_collections() {
    check(
        "{a: [b, c: d], e, \"f\":g, h: }\n",
        &[
            ". map \"{a: [b, c: d], e, \\\"f\\\":g, h: }\"",
            "a list \"[b, c: d]\"",
            "a[0] Plain base -1 flow \"b\"",
            "a[1] map \"c: d\"",
            "a[1].c Plain base -1 flow \"d\"",
            "e empty \"\"",
            "f Plain base -1 flow \"g\"",
            "h empty \"\"",
        ],
    );
}

#[test]
fn properties_aliases_and_places_of_no_width() {
    check(
        "a: !t &x b\nc: &y !<tag:z>\n- *x\ne: !!str\nf:   # g\n-h:\n",
        &[
            ". map \"a: !t &x b\\nc: &y !<tag:z>\\n- *x\\ne: !!str\\nf:   # g\\n-h:\"",
            "a Plain base 0 \"b\" &x tag !t tag first",
            "c list \"- *x\" &y tag !<tag:z>",
            "c[0] alias x \"*x\"",
            "e empty \"\" tag !!str",
            "f empty \"\"",
            "-h empty \"\"",
        ],
    );
    let places = |text: &str| {
        let document = parse(text).unwrap();
        let empty = document.ids().filter(|id| matches!(document.node(*id).kind, Kind::Empty));
        empty.map(|id| document.node(id).span.start).collect::<Vec<_>>()
    };
    assert_eq!(places("a:\nb:   # c\nd: &x\ne: !t # f\n"), [2, 5, 17, 23]);
    assert_eq!(places("- \n-\n-   # c\n"), [1, 4, 6]);
    assert_eq!(places("{a: , b}"), [3, 7]);
    assert_eq!(places("--- # c\n--- &x\n"), [3, 14]);
}

#[test]
fn block_scalars_have_two_ranges() {
    check(
        "a: |2- # c\n    x\n  y\n\nb: >+\n\n  z\n\nc: |\n\nd: |+\n\n",
        &[
            ". map \"a: |2- # c\\n    x\\n  y\\n\\nb: >+\\n\\n  z\\n\\nc: |\\n\\nd: |+\"",
            "a Literal base 0 \"    x\\n  y\\n\" \"|2-\"",
            "b Folded base 0 \"\\n  z\\n\\n\" \">+\"",
            "c Literal base 0 \"|\"",
            "d Literal base 0 \"\\n\" \"|+\"",
        ],
    );
    check("a: | # c\n  x", &[". map \"a: |\"", "a Literal base 0 \"\\n  x\" \"|\""]);
    check("--- >-\n a\n", &[". Folded base -1 \" a\\n\" \">-\""]);
    check("...\n|\n a\n", &[". Literal base -1 \" a\\n\" \"|\""]);
}

#[test]
fn values_and_keys() {
    let document = parse("a: yes\nb: 0x1F\nc: 1.\n'on': ~\n1: !!str 2\n<<: |\n  3\n: x\n").unwrap();
    let value = |key: &str| {
        let Kind::Map(entries) = &document.node(NodeId(0)).kind else { panic!() };
        let entry = entries.iter().find(|entry| &*entry.key.text == key).unwrap();
        document.value(entry.value).unwrap()
    };
    assert_eq!(value("a"), Value::Ambiguous("yes".into()));
    assert_eq!(value("b"), Value::Int("0x1F".into()));
    assert_eq!(value("c"), Value::Float("1.".into()));
    assert_eq!(value("1"), Value::Int("2".into()));
    assert_eq!(value("<<"), Value::Str("3\n".into()));
    let Kind::Map(entries) = &document.node(NodeId(0)).kind else { panic!() };
    let keys: Vec<_> = entries.iter().map(|entry| (&*entry.key.text, entry.key.ambiguous)).collect();
    assert_eq!(
        keys,
        [("a", false), ("b", false), ("c", false), ("on", false)]
            .into_iter()
            .chain([("1", true), ("<<", true), ("", true)])
            .collect::<Vec<_>>()
    );
}

#[test]
fn keys_are_compared_by_their_text() {
    let error = parse("'on': 1\non: 2\n").unwrap_err();
    assert!(error.message.contains("stands twice"), "{error}");
}

#[test]
fn documents_and_directives() {
    let text =
        "# a\n%YAML 1.2 # b\n%TAG !e! x:y#z\n---\na: 1\n...\n# c\n---\n# d\n--- |\n x\n...\n# e\n...\n# f\n";
    let document = parse(text).unwrap();
    let parts: Vec<_> = document.parts.iter().map(|part| part.span.of(text)).collect();
    assert_eq!(parts, ["%YAML 1.2 # b\n%TAG !e! x:y#z\n---\na: 1", "---", "--- |\n x\n"]);
    let directives: Vec<_> =
        document.parts[0].directives.iter().map(|(span, text)| (span.start, &**text)).collect();
    assert_eq!(directives, [(4, "%YAML 1.2"), (18, "%TAG !e! x:y#z")]);
    let comments: Vec<_> =
        document.comments.iter().map(|comment| (comment.span.of(text), comment.part)).collect();
    assert_eq!(comments, [("# a", 0), ("# b", 0), ("# c", 1), ("# d", 1), ("# e", 2), ("# f", 2)]);
    for text in ["", "\n", "# c\n", "\u{feff}"] {
        assert!(parse(text).unwrap().parts.is_empty(), "{text:?}");
    }
}

#[test]
fn comments_belong_to_the_container_that_is_open() {
    let check = |text: &str, expect: &[(&str, Option<&str>)]| {
        let document = parse(text).unwrap();
        let found: Vec<_> = document
            .comments
            .iter()
            .map(|comment| {
                let container = comment.container.map(|id| document.path(id).to_string());
                (comment.span.of(text).to_owned(), container)
            })
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(text, path)| ((*text).to_owned(), path.map(str::to_owned))).collect();
        assert_eq!(found, expect, "{text:?}");
    };
    check(
        "# a\na: 1 # b\n# c\nb: 2 # d\n",
        &[("# a", None), ("# b", Some(".")), ("# c", Some(".")), ("# d", None)],
    );
    check(
        "a: # 1\n  # 2\n  b: # 3\n  - x # 4\n  # 5\n  - y # 6\n  # 7\nc: 1\n",
        &[
            ("# 1", Some(".")),
            ("# 2", Some(".")),
            ("# 3", Some("a")),
            ("# 4", Some("a.b")),
            ("# 5", Some("a.b")),
            ("# 6", Some(".")),
            ("# 7", Some(".")),
        ],
    );
    check(
        "a: [ # 1\n x, # 2\n {b: 1}, # 3\n] # 4\nb: |- # 5\n  x\n",
        &[("# 1", Some("a")), ("# 2", Some("a")), ("# 3", Some("a")), ("# 4", Some(".")), ("# 5", None)],
    );
    check("a:\n  b: # 1\n# 2\nc: d\n", &[("# 1", Some(".")), ("# 2", Some("."))]);
}

#[test]
fn refusals_name_place_and_reason() {
    let check = |text: &str, line: usize, column: usize, message: &str| {
        let error = parse(text).map(|document| shown(&document)).unwrap_err();
        assert_eq!((error.line, error.column, error.message.as_str()), (line, column, message), "{text:?}");
    };
    check("a: 1\nb: 2\na: 3\n", 3, 1, "the key `a` stands twice in this map");
    check("---\na: 1\n---\nb: {c: 1, c: 2}\n", 4, 11, "the key `c` stands twice in this map");
    check("? [a]\n: b\n", 1, 3, "expected a key that is text, found a list");
    check("{a: 1}: b\n", 1, 1, "expected a key that is text, found a map");
    check("a: &x 1\n*x : b\n", 2, 1, "expected a key that is text, found an alias");
    check("&x a: b\n", 1, 4, "expected a key without anchor and tag");
    check("!t a: b\n", 1, 4, "expected a key without anchor and tag");
    check("a: [b\n", 1, 4, "this bracket is not closed");
    check("a: b: c\n", 1, 5, "`:` cannot stand here, put a value that holds `: ` in quotes");
    check("a: \"b\n", 1, 4, "this quote is not closed");
    check("a:\n\tb: c\n", 2, 2, "a tab cannot indent, use spaces");
    check("a: b\0", 1, 5, "expected UTF-8 text, found a NUL byte (UTF-16 is not read)");
    check(
        "a: b\u{7}",
        1,
        5,
        "expected printable text, found a control character (write it as an escape in double quotes)",
    );
    check(
        "a:\n<<<<<<< ours\n  b: 1\n=======\n  b: 2\n>>>>>>> theirs\n",
        2,
        1,
        "the file has merge conflict markers: resolve the conflict first, or merge with the merge driver",
    );
    let template =
        parse("a: 1\n{{- if x }}\nb: 2\n{{- end }}\n").map(|document| shown(&document)).unwrap_err();
    assert!(template.message.contains("`{{` looks like a template"), "{template}");
}

#[test]
fn limits_are_told_from_syntax() {
    let check = |text: &str, limits: Limits| {
        let error = Yaml.parse(text, &limits).map(|document| shown(&document)).unwrap_err();
        assert!(error.limit, "{error}");
    };
    check("a: 1", Limits { file: 3, ..Limits::default() });
    check("[1, 2, {}]", Limits { leaves: 2, ..Limits::default() });
    check("abcd: 1", Limits { key: 3, ..Limits::default() });
    check("a: |\n  xyz\n", Limits { leaf: 4, ..Limits::default() });
    check("[[[]]]", Limits { depth: 2, ..Limits::default() });
    check("- - - a", Limits { depth: 2, ..Limits::default() });
    check("a: [b: c]", Limits { depth: 2, ..Limits::default() });
    for deep in ["[", "- ", "{a: ", "a:\n "] {
        let text: String = deep.repeat(100_000);
        let error = Yaml.parse(&text, &Limits::default()).map(|_| ()).unwrap_err();
        assert!(error.limit || deep.starts_with('a'), "{error}");
    }
    let fits = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    assert!(parse(&fits).is_ok() && parse(&format!("[{fits}]")).is_err());
}

#[test]
fn aliases_are_never_expanded() {
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..100 {
        text += &format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
    }
    assert_eq!(parse(&text).unwrap().nodes.len(), 1 + 100 * 3);
    assert_eq!(parse("a: *unknown\n").unwrap().nodes.len(), 2);
}

#[test]
fn styles_and_line_breaks() {
    let document = parse("\u{feff}a: 'b'\r\nc: \"d\\\r\n  e\"\r\nf: >\r\n  g\r\n").unwrap();
    let styles = document.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Scalar(scalar) => Some((scalar.style, scalar.value.clone())),
        _ => None,
    });
    let styles = styles.collect::<Vec<_>>();
    assert_eq!(
        styles,
        [
            (Style::Single, Value::Str("b".into())),
            (Style::Double, Value::Str("de".into())),
            (Style::Folded, Value::Str("g\n".into()))
        ]
    );
}
