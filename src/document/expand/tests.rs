use std::fmt::Write;
use std::time::{Duration, Instant};

use super::ExpandError;
use crate::document::{Document, KeyPath, Kind, NodeId, Step, Tree, Value};
use crate::format::{Limits, by_name};

fn parse(text: &str) -> Document {
    by_name("yaml").unwrap().parse(text, &Limits::default()).unwrap()
}

fn id(document: &Document, path: &str) -> NodeId {
    document.find(&KeyPath::parse(path).unwrap()).unwrap()
}

fn shown(text: &str) -> Result<Vec<String>, ExpandError> {
    let leaves = parse(text).expanded_leaves()?;
    Ok(leaves.iter().map(|(path, value)| format!("{path}={}", value.to_text().as_str())).collect())
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(shown(text).unwrap(), expect);
}

#[track_caller]
fn refuse(text: &str, says: &str) {
    assert_eq!(shown(text).unwrap_err().to_string(), says);
}

#[test]
fn what_needs_no_expansion_stays() {
    check("a: x\nb: [1, {c: ~}]\nd: {}\ne: []\nf:\n", &["a=x", "b[0]=1", "b[1].c=", "d={}", "e=[]", "f="]);
    check("a: 1\n---\nb: 2\n", &["a=1", "#1.b=2"]);
    check("", &[]);
    check("x\n", &[".=x"]);
}

#[test]
fn aliases_give_what_they_stand_for() {
    check("a: &x s3cret\nb: *x\n", &["a=s3cret", "b=s3cret"]);
    check("a: &x {u: 1, p: [2]}\nb: [*x]\n", &["a.u=1", "a.p[0]=2", "b[0].u=1", "b[0].p[0]=2"]);
    check("a: &x 1\nb: &x 2\nc: *x\n", &["a=1", "b=2", "c=2"]);
    check("a: &x\nb: *x\n", &["a=", "b="]);
}

#[test]
fn merged_maps_give_way_to_what_is_there() {
    check("a: &x {u: 1, p: 2}\nb:\n  <<: *x\n  p: 3\n", &["a.u=1", "a.p=2", "b.p=3", "b.u=1"]);
    check(
        "a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y], m: 4}\n",
        &["a.k=1", "b.k=2", "b.l=3", "c.m=4", "c.k=1", "c.l=3"],
    );
    // What a merged map merges itself comes before the next map.
    check(
        "a: &x {k: 1}\nb: &y {<<: *x, l: 2}\nc: &z {k: 3, m: 4}\nd: {<<: [*y, *z]}\n",
        &["a.k=1", "b.l=2", "b.k=1", "c.k=3", "c.m=4", "d.l=2", "d.k=1", "d.m=4"],
    );
    check("a: {<<: {k: 1}, l: 2}\n", &["a.l=2", "a.k=1"]);
    check("a: {\"<<\": 1}\n", &["a.<<=1"]);
}

#[test]
fn a_merge_key_takes_maps_alone() {
    refuse("a: &x 1\nb:\n  <<: *x\n", "line 1: a merge key `<<` takes a map or a list of maps");
    refuse("a: {<<: [[{k: 1}]]}\n", "line 1: a merge key `<<` takes a map or a list of maps");
    refuse("a:\n  <<:\n", "line 2: a merge key `<<` takes a map or a list of maps");
}

#[test]
fn what_stands_for_nothing_or_for_itself_is_refused() {
    refuse("a: 1\nb: *x\n", "line 2: the alias `*x` has no anchor before it");
    refuse("a: &x 1\n---\nb: *x\n", "line 3: the alias `*x` has no anchor before it");
    refuse("a: &x\n  b: *x\n", "line 2: the alias `*x` stands inside of what it stands for");
    refuse("a: &x\n  <<: *x\n", "line 2: the alias `*x` stands inside of what it stands for");
    refuse("&x [&y {a: *x}]\n", "line 1: the alias `*x` stands inside of what it stands for");
}

/// Ten names, each a list of the one before, `width` times.
fn bomb(width: usize) -> String {
    let mut text = "a0: &a0 lol\n".to_owned();
    for level in 1..10 {
        let list = vec![format!("*a{}", level - 1); width].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{list}]");
    }
    text
}

#[test]
fn ac_62_alias_bombs_are_refused_in_every_document() {
    let begun = Instant::now();
    for text in [bomb(10), format!("a: 1\n---\n{}", bomb(9))] {
        assert_eq!(shown(&text), Err(ExpandError::Size));
    }
    // Through merge keys a map comes twice and brings nothing the second time.
    let mut text = "a0: &a0 {k: 1}\n".to_owned();
    for level in 1..30 {
        let _ = writeln!(text, "a{level}: &a{level} {{<<: [*a{0}, *a{0}]}}", level - 1);
    }
    let document = parse(&text);
    let aliases = document.aliases();
    let child = |key: &str| aliases.child(id(&document, "a29"), &Step::Key(key.into()));
    assert_eq!((child("k"), child("none")), (Some(id(&document, "a0.k")), None));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn ac_62_depth_counts_expanded_levels() {
    let mut text = "a0: &a0 {x: 1}\n".to_owned();
    for level in 1..20_000 {
        let _ = writeln!(text, "a{level}: &a{level} {{x: *a{}}}", level - 1);
    }
    let document = parse(&text);
    assert!(document.expanded_tree(id(&document, "a250")).is_ok());
    let error = document.expanded_tree(id(&document, "a19999")).unwrap_err();
    assert_eq!(error, ExpandError::Depth { line: 19_743, limit: 256 });
}

#[test]
fn merge_chains_of_any_length_are_walked() {
    let mut text = "a0: &a0 {k: 1}\n".to_owned();
    for level in 1..20_000 {
        let _ = writeln!(text, "a{level}: &a{level} {{<<: *a{}}}", level - 1);
    }
    let document = parse(&text);
    let map = Tree::Map(vec![("k".to_owned(), Tree::Leaf(Value::Int("1".into())))]);
    assert_eq!(document.expanded_tree(id(&document, "a19999")).unwrap(), map);
}

/// Each alias stands as far as possible from its anchor: looking back for each one would be 10^10 steps.
#[test]
fn any_number_of_aliases_is_read_in_one_pass() {
    const COUNT: usize = 100_000;
    let mut text: String = (0..COUNT).map(|at| format!("- &a{at} {at}\n")).collect();
    text.extend((0..COUNT).map(|at| format!("- *a{at}\n")));
    let document = parse(&text);
    let aliases = document.aliases();
    let Kind::List(items) = &document.node(document.parts[0].root).kind else { panic!("a list") };
    assert!((0..COUNT).all(|at| aliases.resolve(items[COUNT + at]) == items[at]));
    let leaves = document.expanded_leaves().unwrap();
    assert!((0..COUNT).all(|at| leaves[COUNT + at].1 == leaves[at].1));
}

#[test]
fn steps_lead_through_merges() {
    let document = parse("a: &x {k: 1, l: 2}\nb: &y\n  <<: *x\n  l: [3]\nc: *y\n");
    let aliases = document.aliases();
    let map = aliases.resolve(id(&document, "c"));
    assert_eq!(map, id(&document, "b"));
    let child = |key: &str| aliases.child(map, &Step::Key(key.into()));
    assert_eq!(child("k"), Some(id(&document, "a.k")));
    assert_eq!(child("l"), Some(id(&document, "b.l")));
    assert_eq!(child("<<"), Some(id(&document, "b.<<")));
    assert_eq!(child("m"), None);
    assert_eq!(aliases.child(id(&document, "b.l"), &Step::Index(0)), Some(id(&document, "b.l[0]")));
}

#[test]
fn one_node_gives_its_tree() {
    let document = parse("a: &x {k: !!str 1}\nb: [*x, &y z]\n");
    let map = Tree::Map(vec![("k".to_owned(), Tree::Leaf(Value::Int("1".into())))]);
    assert_eq!(document.expanded_tree(id(&document, "b")).unwrap(), Tree::List(vec![map, Tree::text("z")]));
}
