//! Properties over generated files and values.

use proptest::prelude::*;

use super::{check_exact, open, parse, seal_all};
use crate::document::{NodeId, Step, Tree, Value, apply};
use crate::format::Format;
use crate::format::yaml::{Yaml, write};

/// A value as it is going to be written.
#[derive(Clone, Debug)]
enum Shape {
    /// A scalar on one line.
    Line(&'static str),
    /// A quoted or plain scalar over several lines; they are indented where they come to stand.
    Lines(&'static [&'static str]),
    /// Header and lines of a block scalar.
    Block(&'static str, &'static [&'static str]),
    Nothing,
    Map(bool, Vec<(Self, &'static str)>),
    List(bool, Vec<(Self, &'static str)>),
}

const LINES: &[&str] = &[
    "word",
    "two words",
    "'it''s'",
    "\"q\\n\\u00e9\"",
    "12",
    "-3.5",
    "true",
    "~",
    "yes",
    "é",
    "http://x/#y",
    "{}",
    "[]",
    "!t tagged",
    "&anchor x",
    "\"\"",
    "0x1F",
    "2001-01-01",
    "'{'",
    "[ ]",
];
const MULTI: &[&[&str]] = &[
    &["plain", "goes on"],
    &["plain", "", "after a blank"],
    &["'single", "goes on'"],
    &["\"double \\", "joined", "", "end\""],
    &["\"a", "\""],
];
const BLOCKS: &[(&str, &[&str])] = &[
    ("|", &["x", " y", "", "z"]),
    ("|-", &["x"]),
    ("|+", &["x", "", ""]),
    (">", &["x", "y", "", " z", "w"]),
    (">-", &["", "x"]),
    ("|2", &["  x", "y"]),
    ("|", &["x", "\ty", "# no comment"]),
    ("|+", &["", ""]),
    ("|", &[]),
];
const COMMENTS: &[&str] = &["", "", "", " # c", " # \u{e9}: '{"];

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        5 => prop::sample::select(LINES).prop_map(Shape::Line),
        2 => prop::sample::select(MULTI).prop_map(Shape::Lines),
        2 => prop::sample::select(BLOCKS).prop_map(|(header, lines)| Shape::Block(header, lines)),
        1 => Just(Shape::Nothing),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let children = prop::collection::vec((inner, prop::sample::select(COMMENTS)), 1..5);
        (any::<bool>(), prop::bool::weighted(0.3), children).prop_map(|(is_map, flow, children)| {
            if is_map { Shape::Map(flow, children) } else { Shape::List(flow, children) }
        })
    })
}

/// The text of a whole file.
fn file(shape: &Shape, head: &str, eol: &str, has_end: bool) -> String {
    let mut out = head.to_owned();
    match shape {
        Shape::Map(false, _) | Shape::List(false, _) => block(shape, 0, &mut out),
        _ => {
            out += "---";
            value(shape, 0, "", &mut out);
        }
    }
    let out = out.replace('\n', eol);
    if has_end { out } else { out.strip_suffix(eol).unwrap_or(&out).to_owned() }
}

fn block(shape: &Shape, column: usize, out: &mut String) {
    let indent = " ".repeat(column);
    match shape {
        Shape::Map(_, children) => {
            for (index, (child, comment)) in children.iter().enumerate() {
                *out += &format!("{indent}key{index}:");
                value(child, column, comment, out);
            }
        }
        Shape::List(_, children) => {
            for (child, comment) in children {
                *out += &format!("{indent}-");
                value(child, column, comment, out);
            }
        }
        _ => {}
    }
}

/// What follows an indicator, up to the end of its last line.
fn value(shape: &Shape, column: usize, comment: &str, out: &mut String) {
    match shape {
        Shape::Map(false, _) | Shape::List(false, _) => {
            *out += &format!("{comment}\n");
            block(shape, column + 2, out);
        }
        Shape::Block(header, lines) => {
            *out += &format!(" {header}{comment}\n");
            for line in *lines {
                let indent = if line.is_empty() { 0 } else { column + 2 };
                *out += &format!("{}{line}\n", " ".repeat(indent));
            }
        }
        Shape::Nothing => *out += &format!("{comment}\n"),
        _ => {
            *out += " ";
            flow(shape, column, out);
            *out += &format!("{comment}\n");
        }
    }
}

fn flow(shape: &Shape, column: usize, out: &mut String) {
    let next = format!("\n{}", " ".repeat(column + 2));
    match shape {
        Shape::Line(text) => *out += text,
        Shape::Lines(lines) => {
            for (index, line) in lines.iter().enumerate() {
                let gap = if line.is_empty() { "\n" } else { &next };
                *out += if index == 0 { "" } else { gap };
                *out += line;
            }
        }
        Shape::Block(..) | Shape::Nothing => *out += "\"\"",
        Shape::Map(_, children) | Shape::List(_, children) => {
            let is_map = matches!(shape, Shape::Map(..));
            *out += if is_map { "{" } else { "[" };
            for (index, (child, comment)) in children.iter().enumerate() {
                if is_map {
                    *out += &format!("\"key{index}\": ");
                }
                flow(child, column, out);
                *out += ",";
                *out += comment;
                *out += if comment.is_empty() { " " } else { &next };
            }
            *out += if is_map { "}" } else { "]" };
        }
    }
}

fn files() -> impl Strategy<Value = String> {
    let head = prop::sample::select(&["", "# head\n", "\u{feff}", "%YAML 1.2\n# x\n---\n"][..]);
    let eol = prop::sample::select(&["\n", "\r\n"][..]);
    (shape(), head, eol, prop::bool::weighted(0.8)).prop_filter_map(
        "two markers",
        |(shape, head, eol, has_end)| {
            let text = file(&shape, head, eol, has_end);
            // A directive takes the first `---` only.
            (!head.starts_with('%') || matches!(shape, Shape::Map(false, _) | Shape::List(false, _)))
                .then_some(text)
        },
    )
}

fn values() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        ".*".prop_map(|text| Tree::text(&text)),
        "[a-z \n\t#:'\"-]{0,12}".prop_map(|text| Tree::text(&text)),
        prop::sample::select(
            &["p\nq\n", "yes", "", " x", "x ", "a: b", "- a", "*", "{", "|", "12", "null"][..]
        )
        .prop_map(Tree::text),
        any::<u32>().prop_map(Tree::int),
        Just(Tree::Leaf(Value::EmptyMap)),
        Just(Tree::Leaf(Value::Null)),
        Just(Tree::Leaf(Value::Bool(true))),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::List),
            prop::collection::btree_map("[a-z]{1,3}|.{0,6}", inner, 1..4)
                .prop_map(|map| Tree::Map(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_files_come_back(text in files()) {
        check_exact(&text);
    }

    #[test]
    fn converted_line_breaks_come_back_converted(text in files()) {
        let sealed = seal_all(&text, false).unwrap();
        let converted = sealed.text.replace("\r\n", "\n");
        let opened = open(&converted, &sealed.unsealing).unwrap();
        for (id, value, _) in &sealed.unsealing.leaves {
            prop_assert_eq!(opened.value(*id), Some(value.clone()));
        }
        if text.ends_with('\n') {
            prop_assert_eq!(opened.source.as_str(), text.replace("\r\n", "\n"));
        }
    }

    #[test]
    fn written_values_read_back(value in values()) {
        let text = Yaml.render(&value);
        let document = parse(&text).unwrap();
        let root = document.parts[0].root;
        prop_assert_eq!(document.plain_tree(root), Some(value.clone()), "{}", text);
        let flow = format!("[{}]\n", write::flow(&value).as_str());
        let document = parse(&flow).unwrap();
        prop_assert_eq!(document.plain_tree(NodeId(1)), Some(value), "{}", flow);
    }

    /// Every change either reads back as what was asked for, which the operations check, or is refused.
    #[test]
    fn changes_do_what_they_say(text in files(), value in values(), pick in any::<prop::sample::Index>()) {
        let document = parse(&text).unwrap();
        let id = NodeId(pick.index(document.nodes.len()) as u32);
        let mut changes = vec![Yaml.replace(&document, id, &value)];
        for step in [Step::Key("new".into()), Step::Index(0), Step::Index(1)] {
            changes.push(Yaml.insert(&document, id, &step, &value));
        }
        changes.push(Yaml.remove(&document, id));
        let refused = "the text around this place does not allow it, edit it by hand";
        if let Err(error) = &changes[0] {
            prop_assert!(error.reason != refused, "{} {}", text, document.path(id));
        }
        for splices in changes.into_iter().flatten() {
            let changed = apply(&document.source, &splices).unwrap();
            prop_assert!(parse(&changed).is_ok());
        }
    }

    #[test]
    fn no_text_panics(text in "[-a:?#|>&*!%@,\\[\\]{}'\" \t\r\n\\\\0-9.~\u{feff}\u{85}é]{0,60}") {
        if let Ok(sealed) = seal_all(&text, true) {
            open(&sealed.text, &sealed.unsealing).unwrap();
        }
    }
}
