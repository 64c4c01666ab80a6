//! Changes of values: exact texts. That each reads back as the expected tree is checked by the operations themselves.

use super::parse;
use crate::document::{KeyPath, Splice, Step, Tree, Value, apply};
use crate::format::yaml::Yaml;
use crate::format::{EditError, Format};

fn apply_to(text: &str, splices: Result<Vec<Splice>, EditError>) -> Result<String, String> {
    splices.map(|splices| apply(text, &splices).unwrap().to_string()).map_err(|error| error.reason)
}

/// `value` is read as YAML itself.
fn tree(value: &str) -> Tree {
    let document = parse(value).unwrap();
    document.plain_tree(document.parts[0].root).unwrap()
}

fn replaced(text: &str, path: &str, value: &Tree) -> Result<String, String> {
    let document = parse(text).unwrap();
    let id = document.find(&KeyPath::parse(path).unwrap()).expect(path);
    apply_to(text, Yaml.replace(&document, id, value))
}

fn check_replace(text: &str, path: &str, value: &str, expect: &str) {
    assert_eq!(replaced(text, path, &tree(value)).as_deref(), Ok(expect), "{text:?} {path} {value:?}");
}

fn check_text(text: &str, path: &str, value: &str, expect: &str) {
    assert_eq!(replaced(text, path, &Tree::text(value)).as_deref(), Ok(expect), "{text:?} {path} {value:?}");
}

/// Inserts at `path`, whose last step is the new one.
fn inserted(text: &str, path: &str, value: &str) -> Result<String, String> {
    let document = parse(text).unwrap();
    let mut path = KeyPath::parse(path).unwrap();
    let step: Step = path.steps.pop().unwrap();
    let parent = document.find(&path).unwrap();
    apply_to(text, Yaml.insert(&document, parent, &step, &tree(value)))
}

fn check_insert(text: &str, path: &str, value: &str, expect: &str) {
    assert_eq!(inserted(text, path, value).as_deref(), Ok(expect), "{text:?} {path} {value:?}");
}

fn removed(text: &str, path: &str) -> Result<String, String> {
    let document = parse(text).unwrap();
    let id = document.find(&KeyPath::parse(path).unwrap()).expect(path);
    apply_to(text, Yaml.remove(&document, id))
}

fn check_remove(text: &str, path: &str, expect: &str) {
    assert_eq!(removed(text, path).as_deref(), Ok(expect), "{text:?} {path}");
}

#[test]
fn scalar_over_scalar_keeps_its_style() {
    check_text("a: x # c\nb: 1\n", "a", "y z", "a: y z # c\nb: 1\n");
    check_text("a: x\n", "a", "yes", "a: \"yes\"\n");
    check_text("a: x\n", "a", "", "a: \"\"\n");
    check_text("a: 'x' # c\n", "a", "it's", "a: 'it''s' # c\n");
    check_text("a: \"x\"\n", "a", "y\nz\t\u{1b}", "a: \"y\\nz\\t\\x1b\"\n");
    check_text("a:   x\n", "a", "v", "a:   v\n");
    check_text("a: [x, y]\n", "a[1]", "p, q", "a: [x, \"p, q\"]\n");
    check_text("a: !t &b x\n", "a", "v", "a: !t &b v\n");
    check_text("x\n", ".", "v", "v\n");
    check_text("--- x # c\n", ".", "v", "--- v # c\n");
    check_replace("a: \"x\"\n", "a", "12", "a: 12\n");
    check_replace("a: x\n", "a", "~", "a: null\n");
    check_replace("a: x\n", "a", "{}", "a: {}\n");
    check_replace("a: *b\n", "a", "c", "a: c\n");
}

#[test]
fn strings_of_several_lines_are_literal_blocks() {
    check_text("a: |\n    x\n    y\nb: 1\n", "a", "p\nq\n", "a: |\n    p\n    q\nb: 1\n");
    check_text("a: | # c\n  x\n\nb: 1\n", "a", "p\nq", "a: |- # c\n  p\n  q\n\nb: 1\n");
    check_text("a: |\n  x\nb: 1\n", "a", "one", "a: one\nb: 1\n");
    check_text("a: x # c\nb: 1\n", "a", "p\nq\n", "a: | # c\n  p\n  q\nb: 1\n");
    check_text("a: x", "a", "p\n\nq\n", "a: |\n  p\n\n  q");
    check_text("a: |\n  x", "a", "p\nq\n", "a: |\n  p\n  q");
    check_text("- x\n", "[0]", " p\nq\n", "- |2\n   p\n  q\n");
    check_text("--- |\n x\n", ".", "p\nq\n", "--- |\n p\n q\n");
    check_text("a: x\n  # c\n", "a", "p\nq\n", "a: \"p\\nq\\n\"\n  # c\n");
    check_text("a: x\n", "a", "p\n\n", "a: \"p\\n\\n\"\n");
    check_text("a: x\n", "a", "p\r\nq\n", "a: \"p\\r\\nq\\n\"\n");
    check_text("{a: x}\n", "a", "p\nq\n", "{a: \"p\\nq\\n\"}\n");
    check_text("a:\r\n  b: x\r\n", "a.b", "p\nq\n", "a:\r\n  b: |\r\n    p\r\n    q\r\n");
}

#[test]
fn containers_over_scalars() {
    check_replace("a: x # c\nb: 1\n", "a", "{c: 1, d: [2]}", "a: # c\n  c: 1\n  d:\n    - 2\nb: 1\n");
    check_replace("a: |\n  x\nb: 1\n", "a", "{c: 1}", "a:\n  c: 1\nb: 1\n");
    check_replace("a: |\n  x", "a", "{c: 1}", "a:\n  c: 1");
    check_replace("a: x", "a", "[1, 2]", "a:\n  - 1\n  - 2");
    check_replace("- x\n- y\n", "[0]", "{a: 1, b: 2}", "- a: 1\n  b: 2\n- y\n");
    check_replace("- &a x\n", "[0]", "{a: 1, b: 2}", "- &a\n  a: 1\n  b: 2\n");
    check_replace("a: !t x\n", "a", "{b: 1}", "a: !t\n  b: 1\n");
    check_replace("--- x\n", ".", "{b: 1}", "---\nb: 1\n");
    check_replace("x\n", ".", "{b: 1}", "b: 1\n");
    check_replace("a:\n  x\n", "a", "{b: 1, c: 2}", "a:\n  b: 1\n  c: 2\n");
    check_replace("[x, y]\n", "[0]", "{b: 1, c: [2]}", "[{b: 1, c: [2]}, y]\n");
    check_replace("a: [x,\n y] # c\n", "a", "{b: 1}", "a: # c\n  b: 1\n");
}

#[test]
fn values_over_containers() {
    check_replace("a: # c\n  b: 1\n  c: 2 # d\ne: 1\n", "a", "x", "a: x # c\ne: 1\n");
    check_replace("a:\n  b: |\n    x\n\ne: 1\n", "a", "x", "a: x\n\ne: 1\n");
    check_replace("a:\n- 1\n- 2", "a", "x", "a: x");
    check_replace("a:\n- 1\n- 2\nb: 1\n", "a", "{c: 1}", "a:\n  c: 1\nb: 1\n");
    check_replace("- a: 1\n  b: 2\n- c\n", "[0]", "x", "- x\n- c\n");
    check_replace("- a: 1\n  b: 2\n- c\n", "[0]", "[x, y]", "- - x\n  - y\n- c\n");
    check_replace("a:\n    b: 1\n", "a", "{c: 1, d: 2}", "a:\n    c: 1\n    d: 2\n");
    check_replace("# h\na: 1\nb: 2\n", ".", "{}", "# h\n{}\n");
    check_replace("a: {b: 1}\n", "a", "x", "a: x\n");
    check_replace("[{b: 1}, c]\n", "[0]", "x", "[x, c]\n");
    check_replace("[b: 1, c]\n", "[0]", "x", "[x, c]\n");
    check_replace("a: &x # c\n  b: 1\n", "a", "1", "a: &x 1 # c\n");
}

#[test]
fn values_of_no_width() {
    check_replace("a:\nb: 1\n", "a", "x", "a: x\nb: 1\n");
    check_replace("a: # c\n", "a", "x", "a: x # c\n");
    check_replace("a:", "a", "{b: 1}", "a:\n  b: 1");
    check_replace("a: # c\nd: 1\n", "a", "{b: 1}", "a: # c\n  b: 1\nd: 1\n");
    check_replace("a: !!str\n", "a", "x", "a: !!str x\n");
    check_replace("-\n- y\n", "[0]", "x", "- x\n- y\n");
    check_replace("- \n- y\n", "[0]", "{a: 1, b: 2}", "- a: 1\n  b: 2 \n- y\n");
    check_replace("---\n", ".", "x", "--- x\n");
    check_replace("---\n", ".", "{a: 1}", "---\na: 1\n");
    check_replace("{a: , b}\n", "a", "x", "{a: x , b}\n");
    check_replace("{a: , b}\n", "b", "x", "{a: , b: x}\n");
    check_replace("? a\n", "a", "x", "? a\n: x\n");
    check_replace("? a\n? b\n", "a", "{c: 1, d: 2}", "? a\n: c: 1\n  d: 2\n? b\n");
}

#[test]
fn insert_into_block_collections() {
    check_insert("a: 1\n", "b", "2", "a: 1\nb: 2\n");
    check_insert("a: 1", "b", "2", "a: 1\nb: 2");
    check_insert("a: 1 # c\n\n# tail\n", "b", "2", "a: 1 # c\nb: 2\n\n# tail\n");
    check_insert(
        "a:\n  b: 1\nc: 2\n",
        "a.d",
        "{e: 1, f: [x]}",
        "a:\n  b: 1\n  d:\n    e: 1\n    f:\n      - x\nc: 2\n",
    );
    check_insert("a: |\n  x\n", "b", "2", "a: |\n  x\nb: 2\n");
    check_insert("a: |\n  x", "b", "2", "a: |\n  x\nb: 2");
    check_insert("a: |+\n  x\n\nc: 1\n", "d", "2", "a: |+\n  x\n\nc: 1\nd: 2\n");
    check_insert("- a: 1\n- b\n", "[0].c", "2", "- a: 1\n  c: 2\n- b\n");
    check_insert("- a\n- b\n", "[2]", "{c: 1, d: 2}", "- a\n- b\n- c: 1\n  d: 2\n");
    check_insert("k:\n- a\nl: 1\n", "k[1]", "b", "k:\n- a\n- b\nl: 1\n");
    check_insert("k:\n  - - a\n", "k[0][1]", "b", "k:\n  - - a\n    - b\n");
    check_insert("a: 1\r\n", "b", "2", "a: 1\r\nb: 2\r\n");
    check_insert("? a\n: 1\n", "b", "2", "? a\n: 1\nb: 2\n");
    check_insert("a: 1\n", "on", "x", "a: 1\n\"on\": x\n");
    check_insert("a: 1\n---\nb: 2\n", "#1.c", "3", "a: 1\n---\nb: 2\nc: 3\n");
    check_insert("a: 1\n---\nb: 2\n", "c", "3", "a: 1\nc: 3\n---\nb: 2\n");
}

#[test]
fn insert_into_flow_and_empty_collections() {
    check_insert("a: {b: 1}\n", "a.c", "{d: 1}", "a: {b: 1, c: {d: 1}}\n");
    check_insert("a: [b, c,]\n", "a[2]", "d", "a: [b, c, d,]\n");
    check_insert("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "c", "3", "{\n  \"a\": 1,\n  \"b\": 2,\n  c: 3\n}\n");
    check_insert("a: {}\n", "a.b", "1", "a:\n  b: 1\n");
    check_insert("a:\nb: 1\n", "a.c", "1", "a:\n  c: 1\nb: 1\n");
    check_insert("a:\nb: 1\n", "a[0]", "1", "a:\n  - 1\nb: 1\n");
    check_insert("{}\n", "a", "1", "a: 1\n");
    check_insert("---\n", "a", "{b: 1}", "---\na:\n  b: 1\n");
    check_insert("a: [x, {}]\n", "a[1].b", "1", "a: [x, {b: 1}]\n");
}

#[test]
fn remove_takes_its_lines() {
    check_remove("a: 1\nb: 2 # c\nd: 3\n", "b", "a: 1\nd: 3\n");
    check_remove("a: 1\nb: |\n  x\n\nd: 3\n", "b", "a: 1\n\nd: 3\n");
    check_remove("a: 1\nb: 2", "b", "a: 1");
    check_remove("a: 1\nb: |\n  x", "b", "a: 1");
    check_remove("a: 1\r\nb: 2\r\n", "b", "a: 1\r\n");
    check_remove("- a: 1 # c\n  b: 2\n- c\n", "[0].a", "- b: 2\n- c\n");
    check_remove("- a: 1\n  b: 2\n- c\n", "[0].b", "- a: 1\n- c\n");
    check_remove("- a: 1\n  b: 2\n- c\n", "[0]", "- c\n");
    check_remove("- - a\n  - b\n- c\n", "[0][0]", "- - b\n- c\n");
    check_remove("? a\n: 1\n? b\n: 2\n", "a", "? b\n: 2\n");
    check_remove("a:\n  b: 1\n  c:\n    d: |\n      x\ne: 1\n", "a.c", "a:\n  b: 1\ne: 1\n");
    check_remove("k:\n- a\n- |\n  b\n- c\n", "k[1]", "k:\n- a\n- c\n");
}

#[test]
fn the_last_entry_leaves_an_empty_container() {
    check_remove("a:\n  b: 1\nc: 2\n", "a.b", "a: {}\nc: 2\n");
    check_remove("a:\n- b\n", "a[0]", "a: []\n");
    check_remove("a: 1\n", "a", "{}\n");
    check_remove("---\na: 1\n", "a", "---\n{}\n");
    check_remove("- a: 1\n", "[0].a", "- {}\n");
    check_remove("x: {a: 1}\n", "x.a", "x: {}\n");
    check_remove("[a: 1]\n", "[0].a", "[{}]\n");
}

#[test]
fn remove_in_flow_takes_the_comma() {
    check_remove("[a, b, c]\n", "[0]", "[b, c]\n");
    check_remove("[a, b, c]\n", "[1]", "[a, c]\n");
    check_remove("[a, b, c]\n", "[2]", "[a, b]\n");
    check_remove("[a, &x b,]\n", "[1]", "[a,]\n");
    check_remove("{a: 1, ? b : 2, c: }\n", "b", "{a: 1, c: }\n");
    check_remove("{\n  a: 1,\n  b: 2\n}\n", "a", "{\n  b: 2\n}\n");
    check_remove("{\n  a: 1,\n  b: 2\n}\n", "b", "{\n  a: 1\n}\n");
}

#[test]
fn refusals_say_why() {
    let check = |result: Result<String, String>, reason: &str| assert_eq!(result, Err(reason.to_owned()));
    check(removed("a: 1\n", "."), "the root cannot be removed, remove the file");
    check(removed("a: &x 1\nb: *x\n", "a"), "`*x` elsewhere stands for this value");
    check(inserted("a: 1\n", "a.b", "2"), "only a map or a list can take a new value");
    check(inserted("a: 1\nb: 2\n", "b", "2"), "the map has this key already");
    check(inserted("- a\n", "[2]", "2"), "a new element can only be the last one of its list");
    check(inserted("- a\n", "b", "2"), "a list has no keys: give an index in brackets");
    check(inserted("a: {}\n", "a[0]", "2"), "a map has no index: give a key");
    check(
        inserted("[a: b]\n", "[0].c", "2"),
        "the text around this place does not allow it, edit it by hand",
    );
}

/// Every anchor that goes and every alias that stays: looking for each one of them would be 10^9 steps.
#[test]
fn any_number_of_anchors_goes_in_one_pass() {
    let go: String = (0..30_000).map(|at| format!("  - &a{at} x\n")).collect();
    let stay: String = (0..30_000).map(|_| "  - *keep\n").collect();
    let text = format!("k: &keep y\na:\n{go}b:\n{stay}");
    assert_eq!(removed(&text, "a"), Ok(format!("k: &keep y\nb:\n{stay}")));
}

#[test]
fn whole_files() {
    let check = |value: &str, expect: &str| {
        let text = Yaml.render(&tree(value));
        assert_eq!(text, expect);
        assert_eq!(tree(&text), tree(value));
    };
    check(
        "{a: {b: [1, {c: d, e: []}, [x]], f: {}}}",
        "a:\n  b:\n    - 1\n    - c: d\n      e: []\n    - - x\n  f: {}\n",
    );
    check("x", "x\n");
    check("{}", "{}\n");
    check("\"p\\nq\\n\"", "|\n  p\n  q\n");
    let date = Tree::Map(vec![("d".to_owned(), Tree::Leaf(Value::Time("2001-01-01".into())))]);
    assert_eq!(Yaml.render(&date), "d: 2001-01-01\n");
}
