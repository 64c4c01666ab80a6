//! Changes of single values, construct by construct.

use super::*;
use crate::document::{KeyPath, Kind};
use crate::format::testing::{Edit, edited};

fn find(document: &Document, path: &str) -> NodeId {
    document.find(&KeyPath::parse(path).unwrap()).unwrap()
}

#[test]
fn values_are_replaced() {
    fn check(source: &str, path: &str, value: Tree, expect: &str) {
        let id = find(&parse(source).unwrap(), path);
        assert_eq!(edited(&Toml, source, id, &Edit::Replace(value)).unwrap(), expect);
    }
    let map = || Tree::Map(vec![("x".into(), Tree::int(1)), ("y".into(), Tree::List(vec![Tree::int(2)]))]);
    check("a = 1 # c", "a", Tree::text("é\"\n"), "a = \"é\\\"\\n\" # c");
    check("a = 'x'", "a", Tree::text("y"), "a = 'y'");
    check("a = \"\"\"\nx\n\"\"\"", "a", Tree::text("y\nz\n"), "a = \"\"\"\ny\nz\n\"\"\"");
    check("a = '''\r\nx'''\r\n", "a", Tree::text("y\nz"), "a = '''\r\ny\r\nz'''\r\n");
    check("a = 'x'", "a", map(), "a = { x = 1, y = [2] }");
    check("a = { b = 1 }", "a", Tree::Leaf(Value::Bool(true)), "a = true");
    check("a.b = 1\nc = 2\na.d = 3\n", "a", map(), "a = { x = 1, y = [2] }\nc = 2\n");
    check("t = { a.b = 1, c = 2, a.d = 3 }", "t.a", Tree::int(0), "t = { a = 0, c = 2 }");
    check("[a]\nb = 1 # c\n\n[c]\n", "a", map(), "[a]\nx = 1\ny = [\n  2,\n]\n\n[c]\n");
    check("[a]\nb = 1\n[a.d]\n\n[c]", "a", Tree::int(1), "a = 1\n\n\n[c]");
    check("x = 1\n\n[a]\nb = 1\n", "a", Tree::Leaf(Value::EmptyList), "x = 1\na = []\n\n");
    check("[a.b]\nx = 1\n", "a.b", Tree::int(1), "[a]\nb = 1\n\n");
    check("[[a]]\nx = 1\n[[a]]\nx = 2\n", "a[0]", map(), "[[a]]\nx = 1\ny = [\n  2,\n]\n[[a]]\nx = 2\n");
    check("[[a]]\nx = 1\n[[a]]\nx = 2\n", "a", Tree::List(vec![map()]), "[[a]]\nx = 1\ny = [\n  2,\n]\n");
    check("# c\n[a]\n", ".", Tree::Map(vec![("b".into(), Tree::int(1))]), "b = 1\n");
    let document = parse("[[a]]\n").unwrap();
    for (id, value) in [
        (2, Tree::int(1)),
        (0, Tree::int(1)),
        (1, Tree::Leaf(Value::Null)),
        (1, Tree::Leaf(Value::Int("1 2".into()))),
    ] {
        assert!(Toml.replace(&document, NodeId(id), &value).is_err());
    }
}

#[test]
fn values_are_inserted() {
    fn check(source: &str, path: &str, value: Tree, expect: &str) {
        let document = parse(source).unwrap();
        let id = find(&document, path);
        let step = match &document.node(id).kind {
            Kind::List(items) => Step::Index(items.len()),
            _ => Step::Key("k".into()),
        };
        assert_eq!(edited(&Toml, source, id, &Edit::Insert(step, value)).unwrap(), expect);
    }
    let map = || Tree::Map(vec![("x".into(), Tree::int(1))]);
    check("", ".", Tree::int(9), "k = 9\n");
    check("# c", ".", Tree::int(9), "# c\nk = 9");
    check("", ".", map(), "[k]\nx = 1\n");
    check("a = 1 # c", ".", Tree::int(9), "a = 1 # c\nk = 9");
    check("a = 1\r\n[b]\r\n", ".", Tree::int(9), "a = 1\r\nk = 9\r\n[b]\r\n");
    check("# f\n\n# b\n[b]\n", ".", Tree::int(9), "# f\n\nk = 9\n\n# b\n[b]\n");
    check("[b]\n", ".", Tree::int(9), "k = 9\n\n[b]\n");
    check("a = 1\n[b]\n", ".", map(), "a = 1\n[b]\n\n[k]\nx = 1\n");
    check("[a] # c\n[b]\n", "a", Tree::int(9), "[a] # c\nk = 9\n[b]\n");
    check("[a]\n  x = 1\n\n[b]\n", "a", Tree::int(9), "[a]\n  x = 1\n  k = 9\n\n[b]\n");
    check("[a]\n[a.b]\ny = 1\n[c]\n", "a", map(), "[a]\n[a.b]\ny = 1\n\n[a.k]\nx = 1\n[c]\n");
    check("[a]\n", "a", Tree::List(vec![map(), map()]), "[a]\n\n[[a.k]]\nx = 1\n[[a.k]]\nx = 1\n");
    check("# c\n[a.b]\n", "a", Tree::int(9), "[a]\nk = 9\n\n# c\n[a.b]\n");
    check("a.b = 1\nc = 2\n", "a", Tree::int(9), "a.b = 1\na.k = 9\nc = 2\n");
    check("[[t.a.x]]\n[t]\na.b = 1\n", "t.a", Tree::int(9), "[[t.a.x]]\n[t]\na.b = 1\na.k = 9\n");
    check("[t]\na.b = 1", "t.a", map(), "[t]\na.b = 1\na.k = { x = 1 }");
    check("a = { }", "a", Tree::int(9), "a = { k = 9 }");
    check("a = {b=1}", "a", map(), "a = {b=1, k = { x = 1 }}");
    check("a = { b.c = 1 }", "a.b", Tree::int(9), "a = { b.c = 1, b.k = 9 }");
    check("a = [ ]", "a", Tree::int(9), "a = [9]");
    check("a = [ 1 ]", "a", Tree::text("x"), "a = [ 1, \"x\" ]");
    check("a = [\n    1, # c\n]", "a", map(), "a = [\n    1, # c\n    { x = 1 },\n]");
    check("a = [ # c\n]", "a", Tree::int(9), "a = [ # c\n  9\n]");
    check("[[a]]\n[[a.b]]\n[c]\n", "a", map(), "[[a]]\n[[a.b]]\n\n[[a]]\nx = 1\n[c]\n");
    check("[[a]]\n[[a]]\n", "a[0]", map(), "[[a]]\n\n[a.k]\nx = 1\n[[a]]\n");
    check("[[a]]\ny = 1\n[[a]]\n", "a[0]", Tree::int(9), "[[a]]\ny = 1\nk = 9\n[[a]]\n");
    let document = parse("a = 1\nb = [1]\n[[c]]\n").unwrap();
    for (path, step, value) in [
        (".", Step::Key("a".into()), Tree::int(1)),
        (".", Step::Index(0), Tree::int(1)),
        ("a", Step::Index(0), Tree::int(1)),
        ("b", Step::Index(0), Tree::int(1)),
        ("b", Step::Key("x".into()), Tree::int(1)),
        ("c", Step::Index(1), Tree::int(1)),
        (".", Step::Key("x".into()), Tree::List(vec![Tree::Leaf(Value::Null)])),
    ] {
        assert!(Toml.insert(&document, find(&document, path), &step, &value).is_err());
    }
}

#[test]
fn values_are_removed() {
    fn check(source: &str, path: &str, expect: &str) {
        let id = find(&parse(source).unwrap(), path);
        assert_eq!(edited(&Toml, source, id, &Edit::Remove).unwrap(), expect);
    }
    check("a = 1\nb = 2\n", "a", "b = 2\n");
    check("a = 1\nb = '''\n2'''", "b", "a = 1\n");
    check("  a = 1 # c\r\nb = 2\r\n", "a", "  # c\r\nb = 2\r\n");
    check("a.b = 1\na.c = 2\n", "a.b", "a.c = 2\n");
    check("a.b = 1\na.c = 2\n", "a", "");
    check("a.b = 1\nc = 1\n", "a.b", "a = {}\nc = 1\n");
    check("a = { b = 1, c = 2 }", "a.b", "a = { c = 2 }");
    check("a = { b = 1 }", "a.b", "a = {}");
    check("a = { b.c = 1, d = 2 }", "a.b.c", "a = { b = {}, d = 2 }");
    check("a = { b.c = 1, d = 2, b.e = 3 }", "a.b", "a = { d = 2 }");
    check("a = [\n  1,\n  2, # c\n]", "a[1]", "a = [\n  1,\n  # c\n]");
    check("[a]\nx = 1\n\n[b]\ny = 1\n\n# c\n[c]\n", "b", "[a]\nx = 1\n\n# c\n[c]\n");
    check("[a]\nx = 1\n\n[b]\ny = 1\n\n[b.z]\n", "b", "[a]\nx = 1\n");
    check("[a]\nx = 1\n[a.b]\n[c]\n[a.d]\n", "a", "[c]\n");
    check("[a.b]\nx = 1\n", "a.b", "[a]\n");
    check("[a.b]\nx = 1\n\n[a.c]\n", "a.b", "[a.c]\n");
    check("[[a]]\nx = 1\n\n[[a]]\nx = 2\n", "a[0]", "[[a]]\nx = 2\n");
    check("y = 1\n[[a]]\nx = 1\n", "a[0]", "y = 1\na = []\n");
    check("[[a]]\n[a.b]\nx = 1\n[[a]]\n", "a[0].b", "[[a]]\n[[a]]\n");
    check("[t]\na.b = 1\n[t.a.c]\n", "t.a", "[t]\n");
    assert!(Toml.remove(&parse("").unwrap(), NodeId(0)).is_err());
}
