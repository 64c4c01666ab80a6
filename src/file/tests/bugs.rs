//! What once went wrong, each by the name of its bug.

use super::{User, only, opened};
use crate::envelope::native::State;
use crate::format::by_name;
use crate::policy::{Comments, Policy};

fn secrets_only() -> Policy {
    Policy { selection: only(&["**.pw"], &[]), ..Policy::default() }
}

/// The engine skips a byte order mark before a document, so that a directive behind one was seen by readers and bound
/// by nothing; and other readers take a second mark into the first key.
#[test]
fn a_byte_order_mark_hid_a_directive() {
    let user = User::new("alice");
    let yaml = by_name("yaml").unwrap();
    let sealed = user.seal("a: yes\npw: !x secret\n---\nb: 1\n", yaml, secrets_only()).text;
    for directive in ["%YAML 1.1\n", "%TAG ! tag:example.org,2000:\n"] {
        let front = format!("\u{feff}{directive}---\n{}", &*sealed);
        assert!(opened(&user, &front, yaml).is_err(), "{directive}");
        let middle = sealed.replacen("---\n", &format!("...\n\u{feff}{directive}---\n"), 1);
        assert!(opened(&user, &middle, yaml).is_err(), "{directive}");
    }
    for mark in ["\u{feff}\u{feff}", "# x\n\u{feff}"] {
        assert!(opened(&user, &format!("{mark}{}", &*sealed), yaml).is_err(), "{mark:?}");
    }
    let own = "\u{feff}%TAG ! tag:example.org,2000:\n---\npw: !x secret\n";
    let sealed = user.seal(own, yaml, secrets_only()).text;
    assert_eq!(opened(&user, &sealed, yaml).unwrap(), (State::Sealed, own.to_owned()));
    assert!(opened(&user, &sealed.replace("%TAG ! tag:example.org,2000:\n", ""), yaml).is_err());
}

/// Comments were put back in stream order, which in TOML is not the order of positions: such a file was sealed and
/// could not be opened.
#[test]
fn encrypted_toml_comments_did_not_open() {
    let user = User::new("alice");
    let toml = by_name("toml").unwrap();
    let text = "# one\na = {} # two\nb = [ # three\n  1, # four\n]\n# five\n[t] # six\n# seven\npw = \"x\"\n";
    let policy = Policy { comments: Comments::Encrypt, ..secrets_only() };
    let sealed = user.seal(text, toml, policy).text;
    assert_eq!(opened(&user, &sealed, toml).unwrap(), (State::Sealed, text.to_owned()));
}

/// Above the first header they stood behind the root, wherever in it they were.
#[test]
fn ac_19_encrypted_toml_comments_could_move_among_the_first_keys() {
    let user = User::new("alice");
    let toml = by_name("toml").unwrap();
    let policy = Policy { comments: Comments::Encrypt, ..Policy::default() };
    let sealed = user.seal("a = 1\n# of b\nb = 2\nc = 3\n", toml, policy).text;
    let mut lines: Vec<&str> = sealed.split_inclusive('\n').collect();
    lines.swap(1, 2);
    assert!(opened(&user, &lines.concat(), toml).is_err());
}
