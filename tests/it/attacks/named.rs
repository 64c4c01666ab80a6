//! Attacks by name: what reviews thought of, and what random manipulation found.

use sealeaf::envelope::native::{State, explained, rolled_back};
use sealeaf::file::{Next, SealedFile};
use sealeaf::format::{Format, Limits, by_name};
use sealeaf::policy::{Cleartext, Policy, Selection};

use super::history::{User, users};

fn yaml() -> &'static dyn Format {
    by_name("yaml").unwrap()
}

/// Seals YAML in which everything below a key `pw…` is secret.
fn sealed(text: &str, cleartext: Cleartext) -> String {
    let selection = Selection::parse(&["**.pw".to_owned()], &[]).unwrap();
    let policy = Policy { selection, cleartext, ..Policy::default() };
    alice().seal(text, yaml(), policy, &[alice().recipient.clone()]).unwrap()
}

fn alice() -> &'static User {
    &users()[0]
}

/// The version after `text` with this plain text.
fn edited(text: &str, plain: &str) -> String {
    let open = alice().open(text, yaml()).unwrap();
    alice().edit(&open, plain).unwrap()
}

/// State and plain text, or `None`.
fn opened(text: &str) -> Option<(State, String)> {
    let open = alice().open(text, yaml()).ok()?;
    Some((open.state(), open.plain().source.to_string()))
}

fn parsed(text: &str) -> SealedFile {
    SealedFile::parse(text, yaml(), &Limits::default()).unwrap()
}

/// What goes back from `versions`' last to `now`, with and without history.
fn rollbacks(now: &str, versions: &[&str]) -> (usize, usize) {
    let files: Vec<SealedFile> = versions.iter().map(|text| parsed(text)).collect();
    let reference = files.last().unwrap().sealed();
    let now = parsed(now);
    let with = rolled_back(now.sealed(), reference, files.iter().map(SealedFile::sealed)).len();
    (with, rolled_back(now.sealed(), reference, std::iter::empty()).len())
}

/// The seal of a record older than the newest is checked for a sealed file only, and a linked one opens: an old record
/// with another seal was in no version by its bytes.
#[test]
fn a_rollback_with_a_changed_seal_was_missed() {
    let v1 = sealed("a: {pw: one}\nb: {pw: two}\n", Cleartext::Bound);
    let v2 = edited(&v1, "a: {pw: new}\nb: {pw: two}\n");
    let v3 = edited(&v2, "a: {pw: new}\nb: {pw: three}\n");
    let mut lines: Vec<String> = v3.split_inclusive('\n').map(str::to_owned).collect();
    lines[0] = v1.split_inclusive('\n').next().unwrap().to_owned();
    let end = lines[0].rfind('}').unwrap();
    let other = if lines[0].as_bytes()[end - 1] == b'A' { "B" } else { "A" };
    lines[0].replace_range(end - 1..end, other);
    let now = lines.concat();
    assert_eq!(opened(&now), Some((State::Linked, "a: {pw: one}\nb: {pw: three}\n".to_owned())));
    let (with, without) = rollbacks(&now, &[&v1, &v2, &v3]);
    assert!(with > 0 && without > 0, "{with} {without}");
}

/// Sections of one name in several documents fit in the place of each other, and were looked for by their number only.
#[test]
fn exchanged_sections_of_two_documents_were_missed() {
    let text = "db:\n  host: a\n---\ndb:\n  host: b\n---\ndb:\n  host: c\n  pw: x\n";
    let v1 = sealed(text, Cleartext::Bound);
    let tags: Vec<&str> = v1.lines().filter_map(|line| line.trim().strip_prefix("tag: ")).collect();
    let now = v1
        .replace("host: a", "host: z")
        .replace("host: b", "host: a")
        .replace("host: z", "host: b")
        .replace(tags[0], "@")
        .replace(tags[1], tags[0])
        .replace('@', tags[1]);
    assert_eq!(opened(&now).map(|(state, _)| state), Some(State::Linked));
    let (with, without) = rollbacks(&now, &[&v1]);
    assert!(with > 0 && without > 0, "{with} {without}");
}

/// Review e2: what readers see and tokens do not say is bound all the same.
#[test]
fn structure_around_secrets_cannot_change() {
    type Change = fn(&str) -> String;
    let swap: Change = |text| text.replace("&prod", "&X").replace("&dev", "&prod").replace("&X", "&dev");
    let cases: &[(&str, &str, Change)] = &[
        ("anchors of two secrets", "p: {pw: &prod P}\nd: {pw: &dev D}\napp: {pw: *prod}\n", swap),
        ("an anchor defined again", "a: {pw: &db A}\nb: {pw: B}\nuse: {pw: *db}\n", |text| {
            text.replacen("b: {pw: ", "b: {pw: &db ", 1)
        }),
        ("anchors of maps", "p: &prod {pw: P}\nd: &dev {pw: D}\napp: *prod\n", swap),
        ("another alias", "p: &prod {pw: P}\nd: &dev {pw: D}\napp: *prod\n", |text| {
            text.replace("*prod", "*dev")
        }),
        ("another clear alias", "t: &t true\nf: &f false\npw: P\nauth: {required: *t}\n", |text| {
            text.replace("required: *t", "required: *f")
        }),
        ("a key by alias", "debug: &d true\npw: P\n", |text| text.replace("sealeaf:", "skip: *d\nsealeaf:")),
        ("a merge key less", "hard: &h {tls: true}\nsvc:\n  <<: *h\n  pw: P\n", |text| {
            text.replace("  <<: *h\n", "")
        }),
        ("a merge key more", "dbg: &h {auth: off2}\nsvc:\n  pw: P\n", |text| {
            text.replace("svc:\n", "svc:\n  <<: *h\n")
        }),
        ("a merge key quoted", "dbg: &h {auth: x}\nsvc:\n  <<: *h\n  pw: P\n", |text| {
            text.replace("<<:", "\"<<\":")
        }),
        ("a tag on a secret", "pw: P\n", |text| text.replacen("pw: ", "pw: !!binary ", 1)),
        ("a tag on a clear value", "cmd: ls\npw: P\n", |text| text.replace("cmd: ", "cmd: !include ")),
        ("a tag on a map", "m: {a: 1}\npw: P\n", |text| text.replace("m: {", "m: !!python/object:x {")),
        ("quotes off a word", "c: \"NO\"\npw: P\n", |text| text.replace("\"NO\"", "NO")),
        ("quotes off a time", "t: \"12:30:45\"\npw: P\n", |text| text.replace("\"12:30:45\"", "12:30:45")),
        ("quotes off keys", "\"on\": {pw: P}\n", |text| text.replace("\"on\"", "on")),
        ("a key of no width", "a: 1\npw: P\n", |text| text.replace("sealeaf:", "debug:\nsealeaf:")),
        ("a directive", "a: !!str 1\npw: P\n", |text| format!("%TAG !! tag:evil,2000:\n---\n{text}")),
        ("aliases in another order", "x: &x {a: 1}\ny: &y {a: 2}\npw: P\nz:\n  <<: [*x, *y]\n", |text| {
            text.replace("[*x, *y]", "[*y, *x]")
        }),
        ("an empty document", "a: {pw: A}\n", |text| text.replace("sealeaf:", "---\n---\nsealeaf:")),
        ("a map of aliases", "d: &d {a: 1}\npw: P\n", |text| {
            text.replace("sealeaf:", "evil: {x: *d}\nsealeaf:")
        }),
        ("a line separator in a comment", "pw: P\n", |text| format!("# hi\u{2028}admin: true\n{text}")),
    ];
    for cleartext in [Cleartext::Bound, Cleartext::Free] {
        for (name, text, change) in cases {
            // Free cleartext may not be reached by merge keys, and clear values are anyone's there.
            if cleartext == Cleartext::Free && (text.contains("<<") || name.starts_with("quotes off a")) {
                continue;
            }
            let before = sealed(text, cleartext);
            let after = change(&before);
            assert_ne!(before, after, "{name}");
            assert_eq!(opened(&after), None, "{name}");
        }
    }
}

/// Review e3: a flipped bit in the seal of an older record never leaves a file sealed.
#[test]
fn seals_of_older_records_are_sealed() {
    let v1 = sealed("host: db\na: {pw: 1}\nb: {pw: 2}\n", Cleartext::Bound);
    let v2 = edited(&v1, "host: db\na: {pw: 1}\nb: {pw: 3}\n");
    for at in 0..v2.len() {
        let old = v2.as_bytes()[at];
        for new in [b'A', b'b'] {
            if old == new || !old.is_ascii_alphanumeric() {
                continue;
            }
            let text = format!("{}{}{}", &v2[..at], char::from(new), &v2[at + 1..]);
            if let Ok(file) = SealedFile::parse(&text, yaml(), &Limits::default())
                && let Ok(open) =
                    file.open_with(alice().open(&v2, yaml()).unwrap().data_key().clone(), &Limits::default())
            {
                assert_eq!(open.state(), State::Linked, "byte {at}");
            }
        }
    }
}

/// Review e5: an old version put on a branch and merged with the new password is explained by no merge.
#[test]
fn a_merge_with_a_reverted_branch_is_not_explained() {
    let plain = |host: &str, pw: &str| {
        format!("db:\n  host: {host}\n  u1: 1\n  u2: 2\n  u3: 3\n  pw: {pw}\nallow: x\n")
    };
    let v1 = sealed(&plain("old", "pw1"), Cleartext::Bound);
    let v2 = edited(&v1, &plain("new", "pw1"));
    let v3 = edited(&v2, &plain("new", "pw2"));
    let merged = diffy::merge(&v2, &v1, &v3).unwrap();
    assert_eq!(opened(&merged), Some((State::Linked, plain("old", "pw2"))));
    let [base, ours, theirs, now] = [&v2, &v1, &v3, &merged].map(|text| parsed(text));
    assert!(!explained(now.sealed(), [ours.sealed(), theirs.sealed()], &[base.sealed()]));
    let (with, without) = rollbacks(&merged, &[&v1, &v2, &v3]);
    assert!(with > 0 && without > 0);
}

/// Review e12: honest work is never called a rollback, whole old versions always are.
#[test]
fn honest_merges_are_no_rollbacks() {
    let plain = |a: &str, b: &str, c: &str| {
        format!(
            "a:\n  pw: {a}\n  x: 1\nm: {{n: 1, pw: 5}}\nb:\n  pw: {b}\n  x: 2\no: {{n: 2, pw: 6}}\nhost: {c}\n"
        )
    };
    let base = sealed(&plain("1", "1", "1"), Cleartext::Bound);
    let ours1 = edited(&base, &plain("2", "1", "1"));
    let ours2 = edited(&ours1, &plain("3", "1", "1"));
    let theirs1 = edited(&base, &plain("1", "2", "1"));
    let theirs2 = edited(&theirs1, &plain("1", "3", "2"));
    let merged = diffy::merge(&base, &ours2, &theirs2).unwrap();
    let open = alice().open(&merged, yaml()).unwrap();
    assert_eq!((open.state(), open.plain().source.as_str()), (State::Linked, plain("3", "3", "2").as_str()));
    let touch = open.sealed_file().sealed().record_order().into_iter().nth(2);
    let resealed = alice().next(&open, Next { touch, ..Next::default() }).unwrap();
    assert_eq!(opened(&resealed).unwrap().0, State::Sealed);
    assert_eq!(rollbacks(&resealed, &[&base, &ours1, &ours2]).0, 0);
    assert_eq!(rollbacks(&resealed, &[&base, &theirs1, &theirs2]).0, 0);
    for old in [&base, &ours1, &theirs1, &ours2, &theirs2] {
        let all = [&base, &ours1, &ours2, &theirs1, &theirs2, &merged, &resealed].map(String::as_str);
        let (with, without) = rollbacks(old, &all);
        assert!(with > 0 && without > 0);
    }
}
