//! Random histories: after each edit the file opens as one version with exactly the new text, and only what was touched
//! has new ciphertext.

use std::collections::{HashMap, HashSet};

use proptest::prelude::{ProptestConfig, proptest};

use super::random::{Change, Touched, change, tree, without_null};
use super::{User, halves, only, tokens};
use crate::document::{Document, KeyPath, Step, Tree, Value};
use crate::envelope::native::State;
use crate::file::{Next, OpenFile, SealedFile, parse};
use crate::format::{Format, Limits, by_name};
use crate::keys::{Keyring, NoPrompt, Run};
use crate::policy::{Comments, Policy};

fn opened(text: &str, format: &'static dyn Format, before: &OpenFile) -> OpenFile {
    let file = SealedFile::parse(text, format, &Limits::default()).unwrap();
    file.open_with(before.data_key().clone(), &Limits::default()).unwrap()
}

fn next(open: &OpenFile, text: &str, user: &User) -> String {
    let plain = parse(text, open.sealed_file().format(), &Limits::default()).unwrap();
    let next = Next { plain: Some(plain), allow_no_secrets: true, allow_comments: true, ..Next::default() };
    let run = Run::new(&user.environment, &NoPrompt);
    open.next(next, &Keyring::new(&run), &Limits::default()).unwrap().sealed.text.to_string()
}

/// The leaves whose path has no index, with their tokens' value parts where they are sealed.
fn by_key(plain: &Document, sealed: &Document) -> HashMap<KeyPath, (Value, String)> {
    let mut found = HashMap::new();
    for id in plain.ids() {
        let path = plain.path(id);
        let is_keyed = path.steps.iter().all(|step| matches!(step, Step::Key(_)));
        if let (Some(value), Some(Value::Str(token)), true) = (plain.value(id), sealed.value(id), is_keyed)
            && token.starts_with("sealed.v1.")
        {
            found.insert(path, (value, halves(&token).0.to_owned()));
        }
    }
    found
}

fn check_kept(before: &OpenFile, after: &OpenFile, touched: &Touched) {
    let body = |open: &OpenFile| by_key(open.plain(), &open.sealed_file().sealed().body);
    let (old, new) = (body(before), body(after));
    for (path, (value, vp)) in &new {
        if let Some((before, kept)) = old.get(path).filter(|(before, _)| before == value) {
            assert_eq!(kept, vp, "`{path}` kept its value {before:?} and not its ciphertext");
        }
    }
    let (old, new) = (before.sealed_file().text(), after.sealed_file().text());
    let (old, new) = (tokens(old), tokens(new));
    let (olds, news): (HashSet<_>, HashSet<_>) = (old.iter().collect(), new.iter().collect());
    assert_eq!((olds.len(), news.len()), (old.len(), new.len()), "a token stands twice");
    let gone = olds.difference(&news).count();
    let came = news.difference(&olds).count();
    // Where a tree stands in a new TOML file depends on its neighbours.
    if touched.moved || after.sealed_file().format().name() == "toml" {
        return;
    }
    // Besides what was touched only tails before it are rewritten: where it was, and where it is now.
    let texts = || format!("\n{}\nbecame\n{}", &*before.plain().source, &*after.plain().source);
    assert!(gone <= touched.gone + 2, "{gone} tokens are gone for {touched:?}:{}", texts());
    assert!(came <= touched.new + 2, "{came} tokens are new for {touched:?}:{}", texts());
}

fn history(format: &'static dyn Format, tree: Tree, changes: &[Change], policy: Policy) {
    let fit = |tree: &Tree| match format.name() {
        "toml" => without_null(tree.clone()),
        _ => tree.clone(),
    };
    let user = User::new("alice");
    let mut tree = tree;
    let text = format.render(&fit(&tree));
    let sealed = user.seal(&text, format, policy).text;
    let mut open = user.open(&sealed, format);
    for change in changes {
        let touched = change.apply(&mut tree);
        let text = format.render(&fit(&tree));
        let sealed = next(&open, &text, &user);
        let after = opened(&sealed, format, &open);
        assert_eq!(after.state(), State::Sealed);
        assert_eq!(after.plain().source.as_str(), text);
        // An empty tree has a leaf where it stands.
        check_kept(&open, &after, &Touched { gone: touched.gone.max(1), new: touched.new.max(1), ..touched });
        assert_eq!(next(&after, &text, &user), sealed, "an unchanged file keeps every byte");
        open = after;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml_histories(tree in tree(), changes in proptest::collection::vec(change(), 1..6)) {
        history(by_name("yaml").unwrap(), tree, &changes, Policy::default());
    }

    #[test]
    fn json_histories(tree in tree(), changes in proptest::collection::vec(change(), 1..6)) {
        history(by_name("json").unwrap(), tree, &changes, Policy::default());
    }

    #[test]
    fn toml_histories(tree in tree(), changes in proptest::collection::vec(change(), 1..6)) {
        history(by_name("toml").unwrap(), tree, &changes, Policy::default());
    }

    #[test]
    fn histories_with_clear_values(tree in tree(), changes in proptest::collection::vec(change(), 1..6)) {
        for format in ["yaml", "json", "toml"] {
            let policy = Policy { selection: only(&["**"], &["**.a*", "b", "**[*].c"]), ..Policy::default() };
            history(by_name(format).unwrap(), tree.clone(), &changes, policy);
        }
    }
}

/// Lines of a file with comments, put together at random: whatever parses is sealed, edited and comes back.
fn wander(format: &'static dyn Format, lines: &[&str], picks: &[(usize, usize)], least: usize) {
    let user = User::new("alice");
    let policy =
        Policy { comments: Comments::Encrypt, selection: only(&["**.s*"], &[]), ..Policy::default() };
    let mut text: Vec<&str> = lines.to_vec();
    let sealed = user.seal(&text.concat(), format, policy).text;
    let mut open = user.open(&sealed, format);
    for (from, to) in picks {
        let line = text.remove(from % text.len());
        text.insert(to % (text.len() + 1), line);
        let plain = text.concat();
        if parse(&plain, format, &Limits::default()).is_err() {
            continue;
        }
        let sealed = next(&open, &plain, &user);
        let after = opened(&sealed, format, &open);
        assert_eq!((after.state(), after.plain().source.as_str()), (State::Sealed, plain.as_str()));
        let old: HashSet<_> = tokens(open.sealed_file().text()).into_iter().map(halves).collect();
        let vps: HashSet<_> = old.iter().map(|(vp, _)| *vp).collect();
        let kept = tokens(&sealed).into_iter().filter(|token| vps.contains(halves(token).0)).count();
        assert!(kept >= least, "only {kept} values are kept");
        open = after;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_and_comments_wander(picks in proptest::collection::vec((0..20_usize, 0..20_usize), 1..8)) {
        wander(by_name("yaml").unwrap(), &[
            "# one\n", "a: 1 # two\n", "# three\n", "s1: x # four\n", "l:\n", "  # five\n", "  - s: y\n",
            "    # six\n", "    b: 2\n", "  - s: y # seven\n", "s2: z\n", "# eight\n", "m:\n", "  s: w\n", "  # nine\n",
        ], &picks, 3);
        wander(by_name("toml").unwrap(), &[
            "# one\n", "a = 1 # two\n", "# three\n", "s1 = 'x' # four\n", "[t] # five\n", "# six\n", "s = 1\n",
            "[[u]]\n", "# seven\n", "s = 'y'\n", "[[u]] # eight\n", "s = 'y'\n", "b = 2 # nine\n",
        ], &picks, 3);
    }

    #[test]
    fn documents_wander(picks in proptest::collection::vec((0..12_usize, 0..12_usize), 1..6)) {
        wander(by_name("yaml").unwrap(), &[
            "s: one\n", "a: 1\n", "---\n", "s: two # x\n", "---\n", "s: three\n", "b: 2\n", "...\n", "# y\n", "---\n", "s: four\n",
        ], &picks, 1);
    }
}
