//! Two branches and `git merge-file`: the sealed files conflict where the plain ones do, and a clean merge of them opens
//! with the content of the plain one.

use std::process::Command;

use proptest::prelude::{BoxedStrategy, ProptestConfig, Strategy, any, proptest};

use super::random::{leaves, tree, value, without_null};
use super::{User, tokens};
use crate::document::{Tree, Value};
use crate::envelope::native::{State, explained};
use crate::file::SealedFile;
use crate::format::{Format, Limits, by_name};
use crate::policy::Policy;

/// What a text merge gives; `None` for a conflict.
fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes()).unwrap();
        path
    };
    let mut git = Command::new("git");
    git.args(["merge-file", "-p", "-q"]).args([
        file("ours", ours),
        file("base", base),
        file("theirs", theirs),
    ]);
    let output = git.output().unwrap();
    let code = output.status.code().unwrap();
    assert!(code < 128, "git merge-file: {}", String::from_utf8_lossy(&output.stderr));
    (code == 0).then(|| String::from_utf8(output.stdout).unwrap())
}

/// Replaces the leaves whose number is marked by values that no other side writes.
fn replaced(tree: &Tree, marks: &[bool], side: &str, next: &mut usize) -> Tree {
    match tree {
        Tree::Leaf(_) => {
            let index = std::mem::replace(next, *next + 1);
            match marks.get(index) {
                Some(true) => Tree::Leaf(value(7, &format!("{side} {index}"))),
                _ => tree.clone(),
            }
        }
        Tree::List(items) => Tree::List(items.iter().map(|item| replaced(item, marks, side, next)).collect()),
        Tree::Map(entries) => Tree::Map(
            entries.iter().map(|(key, item)| (key.clone(), replaced(item, marks, side, next))).collect(),
        ),
    }
}

/// Empty containers are replaced, so that a value that comes is one line for one line.
fn lines(tree: Tree) -> Tree {
    match tree {
        Tree::Leaf(Value::EmptyMap | Value::EmptyList) => Tree::text("none"),
        other => without_null(other),
    }
}

fn check(format: &'static dyn Format, tree: &Tree, ours: &[bool], theirs: &[bool]) {
    let user = User::new("alice");
    let side = |marks: &[bool], name: &str| format.render(&replaced(tree, marks, name, &mut 0));
    let (base, ours, theirs) = (format.render(tree), side(ours, "ours"), side(theirs, "theirs"));
    let sealed = user.seal(&base, format, Policy::default()).text.to_string();
    let open = user.open(&sealed, format);
    let (one, two) = (user.edit(&open, &ours), user.edit(&open, &theirs));
    let plain = merged(&base, &ours, &theirs);
    let both = merged(&sealed, &one, &two);
    assert_eq!(plain.is_some(), both.is_some(), "{base}\n{ours}\n{theirs}");
    let (Some(plain), Some(both)) = (plain, both) else { return };
    let parsed = |text: &str| SealedFile::parse(text, format, &Limits::default()).unwrap();
    let opened = parsed(&both).open_with(open.data_key().clone(), &Limits::default()).unwrap();
    assert_eq!(opened.plain().source.as_str(), plain);
    let is_one_side = both == one || both == two;
    assert_eq!(opened.state() == State::Sealed, is_one_side);
    let [base, one, two, both] = [&sealed, &one, &two, &both].map(|text| parsed(text));
    assert!(explained(both.sealed(), [one.sealed(), two.sealed()], &[base.sealed()]));
    // One side alone is not what the merge gives.
    if !is_one_side {
        assert!(!explained(one.sealed(), [one.sealed(), two.sealed()], &[base.sealed()]));
        assert!(!explained(base.sealed(), [one.sealed(), two.sealed()], &[base.sealed()]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sealed_files_merge_as_plain_ones(
        tree in tree(),
        ours in proptest::collection::vec(any::<[bool; 3]>(), 24),
        theirs in proptest::collection::vec(any::<[bool; 3]>(), 24),
    ) {
        let tree = lines(tree);
        // One in eight leaves changes on each side.
        let marks = |bits: &[[bool; 3]]| bits.iter().map(|bits| *bits == [true; 3]).collect::<Vec<_>>();
        let (ours, theirs) = (marks(&ours), marks(&theirs));
        for format in ["yaml", "json", "toml"] {
            check(by_name(format).unwrap(), &tree, &ours, &theirs);
        }
    }
}

/// A map of texts, or of maps of texts.
fn flat(depth: u32) -> impl Strategy<Value = Tree> {
    let leaf = "[a-z0-9 '#;]{0,9}".prop_map(|text| Tree::text(&text)).boxed();
    let map = |inner: BoxedStrategy<Tree>| {
        proptest::collection::btree_map("[a-h]{1,2}", inner, 1..6)
            .prop_map(|pairs| Tree::Map(pairs.into_iter().collect()))
            .boxed()
    };
    (1..depth).fold(map(leaf), |inner, _| map(inner))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flat_files_merge_as_plain_ones(
        pairs in flat(1),
        sections in flat(2),
        ours in proptest::collection::vec(any::<[bool; 2]>(), 24),
        theirs in proptest::collection::vec(any::<[bool; 2]>(), 24),
    ) {
        let marks = |bits: &[[bool; 2]]| bits.iter().map(|bits| *bits == [true; 2]).collect::<Vec<_>>();
        check(by_name("dotenv").unwrap(), &pairs, &marks(&ours), &marks(&theirs));
        check(by_name("ini").unwrap(), &sections, &marks(&ours), &marks(&theirs));
    }
}

/// Two lines of metadata for each clear key: branches that edit neighbours of a secret do not meet.
#[test]
fn clear_values_on_each_side_of_a_secret_merge() {
    for (name, text) in [("dotenv", "a=1\npw=x\nb=2\n"), ("ini", "[a]\nk=1\n[s]\npw=x\n[b]\nk=2\n")] {
        let (user, format) = (User::new("alice"), by_name(name).unwrap());
        let base = user.seal(text, format, super::passwords()).text;
        let open = user.open(&base, format);
        let (one, two) = (text.replace("=1", "=3"), text.replace("=2", "=4"));
        let both = merged(&base, &user.edit(&open, &one), &user.edit(&open, &two)).unwrap();
        let open = user.open(&both, format);
        let expect = one.replace("=2", "=4");
        assert_eq!((open.state(), open.plain().source.as_str()), (State::Linked, expect.as_str()));
    }
}

#[test]
fn a_value_on_each_side_far_apart_merges() {
    let text = |a: &str, b: &str| format!("a: {a}\nb: 1\nc: 2\nd: 3\ne: {b}\n");
    let yaml = by_name("yaml").unwrap();
    let user = User::new("alice");
    let base = user.seal(&text("x", "y"), yaml, Policy::default()).text;
    let open = user.open(&base, yaml);
    let both = merged(&base, &user.edit(&open, &text("z", "y")), &user.edit(&open, &text("x", "z"))).unwrap();
    let open = user.open(&both, yaml);
    assert_eq!((open.state(), open.plain().source.as_str()), (State::Linked, text("z", "z").as_str()));
    assert_eq!((tokens(&both).len(), leaves(&Tree::text("x"))), (5, 1));
}
