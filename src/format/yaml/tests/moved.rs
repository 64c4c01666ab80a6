//! Sealed files that changed around their tokens: R2 to R4.

use super::{check_exact, open, parse, seal_all};
use crate::document::Value;
use crate::format::Format;
use crate::format::gate::ENTRY;
use crate::format::yaml::Yaml;

/// Opens the sealed form of `text` after `change`; gives the opened text.
fn reopened(text: &str, change: impl Fn(&str) -> String) -> String {
    let sealed = seal_all(text, false).unwrap();
    let changed = change(&sealed.text);
    let opened = open(&changed, &sealed.unsealing).unwrap_or_else(|error| panic!("{changed}\n{error:?}"));
    for (id, value, _) in &sealed.unsealing.leaves {
        assert_eq!(opened.value(*id).as_ref(), Some(value));
    }
    opened.source.to_string()
}

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// Every line but blank and marker lines moves.
fn indented(text: &str, by: usize) -> String {
    let lines = text.split_inclusive('\n');
    let moved = lines.map(|line| match line.trim().is_empty() || line.starts_with("---") {
        true => line.to_owned(),
        false => format!("{}{line}", " ".repeat(by)),
    });
    moved.collect()
}

const FILES: &[&str] = &[
    "a: |\n  x\n   y\n\n  z\n\nb: 1\n",
    "a: >2-\n    x\n  y\nb:\n- |+\n x\n\n- \"p\n   q\n\n   r\"\n",
    "a: one\n  two\n\n  three # c\nb: 'x\n  y'\nc: {\n  d: e f\n   g}\nd: [ ]\ne: {\n  }\n",
    "a:\n  b:\n    - c: |-\n        x\n      d: \"e \\\n        f\"\n",
];

#[test]
fn line_breaks_follow_the_file() {
    for text in FILES {
        check_exact(text);
        check_exact(&crlf(text));
        assert_eq!(reopened(text, crlf), crlf(text));
        assert_eq!(reopened(&crlf(text), |sealed| sealed.replace("\r\n", "\n")), **text);
        check_exact(text.trim_end());
    }
    // Mixed breaks stay as they are.
    let mixed = "a: \"x\r\n y\n z\"\nb: 1\n";
    assert_eq!(reopened(mixed, crlf), "a: \"x\r\n y\n z\"\r\nb: 1\r\n");
}

#[test]
fn indentation_follows_the_place() {
    for text in FILES {
        for by in [1, 2, 4] {
            assert_eq!(reopened(text, |sealed| indented(sealed, by)), indented(text, by));
            let back = |sealed: &str| {
                let lines = sealed.split_inclusive('\n');
                lines.map(|line| line.strip_prefix(&" ".repeat(by)).unwrap_or(line)).collect::<String>()
            };
            assert_eq!(reopened(&indented(text, by), back), **text);
        }
    }
}

#[test]
fn a_line_of_blanks_that_is_content_moves_along() {
    let text = "a:\n  b: |\n    x\n      \n    y\n";
    let deeper = |sealed: &str| sealed.replace("\n  b:", "\n    b:");
    assert_eq!(reopened(text, deeper), "a:\n    b: |\n      x\n        \n      y\n");
}

#[test]
fn what_cannot_live_in_brackets_is_quoted() {
    let text = "- |\n  x\n- >-\n  v\n- a, b\n- p\n  q\n- \"r\n  s\"\n- -5\n- http://x\n- '{'\n- {}\n";
    let into_brackets = |sealed: &str| {
        let (list, entry) = sealed.split_once("---").unwrap();
        let items: Vec<_> = list.lines().map(|line| line.trim_start_matches("- ")).collect();
        format!("[{}]\n---{entry}", items.join(", "))
    };
    assert_eq!(
        reopened(text, into_brackets),
        "[\"x\\n\", v, \"a, b\", p q, \"r\n  s\", -5, http://x, '{', {}]\n"
    );
    check_exact("[-5, a b, \"c\n d\", e\n f, ?x, :y]\n");
}

#[test]
fn lines_that_would_be_absorbed_are_kept_out() {
    let behind =
        |added: &'static str| move |sealed: &str| sealed.replacen("-_z\n", &format!("-_z\n{added}"), 1);
    assert_eq!(reopened("a: |\n  x\nb: 1\n", behind(" # c\n")), "a: |\n  x\n # c\nb: 1\n");
    let text = "a: |\n  x\nb: 1\n";
    assert_eq!(reopened(text, |sealed| sealed.replacen("\nb:", "\n\nb:", 1)), "a: |\n  x\n\nb: 1\n");
    let absorbed = |text: &str, added: &str| {
        let sealed = seal_all(text, false).unwrap();
        let changed = sealed.text.replacen("A-_z\n", &format!("A-_z\n{added}"), 1);
        let (body, _) = Yaml.detach(parse(&changed).unwrap(), ENTRY).unwrap();
        let (id, value, spelling) = &sealed.unsealing.leaves[0];
        assert!(Yaml.unseal_leaf(&body, *id, value, spelling).is_none(), "{changed}");
    };
    absorbed("a: |\n  x\nb: 1\n", "  # c\n");
    absorbed("a: |\n  x\nb: 1\n", "\n   # c\n");
    absorbed("a: |+\n  x\nb: 1\n", "\n");
    absorbed("a: |\n  x\nb: 1\n", "   \n");
}

#[test]
fn files_without_a_last_line_break_may_get_one() {
    let text = "a: |\n  x";
    let sealed = seal_all(text, false).unwrap();
    let opened = open(&format!("{}\n", sealed.text), &sealed.unsealing).unwrap();
    assert_eq!(&*opened.source, "a: |\n  x\n");
    assert_eq!(opened.value(crate::document::NodeId(1)), Some(Value::Str("x\n".into())));
    let text = "a: |\n  x\n";
    let sealed = seal_all(text, false).unwrap();
    let opened = open(sealed.text.trim_end(), &sealed.unsealing).unwrap();
    assert_eq!(&*opened.source, "a: |\n  x");
}

#[test]
fn a_block_at_the_end_without_a_line_break_comes_back() {
    for text in ["- a: |+\n    x\n ", "- | #\n  x", "- | # c\n  x", "-\r- | #\n  x\n  y", "- |+ #\n  x\n\n  "]
    {
        check_exact(text);
    }
}

#[test]
fn what_reads_as_a_marker_gets_quotes_where_a_line_begins() {
    assert_eq!(reopened("--- ---\n", str::to_owned), "--- ---\n");
    let moved = reopened("--- ---\n", |sealed| sealed.replacen("--- sealed", "sealed", 1));
    assert_eq!(moved.lines().next(), Some("\"---\""));
}
