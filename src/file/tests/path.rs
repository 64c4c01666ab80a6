//! The whole library path, over every format: seal, open, next version, and what must be refused.

use super::{User, changed_lines, policies, samples};
use crate::document::{KeyPath, Tree, Value};
use crate::envelope::native::{RecordKey, State};
use crate::file::Next;
use crate::format::{Limits, by_name};
use crate::policy::{Cleartext, Policy};

#[test]
fn comes_back_byte_for_byte() {
    let user = User::new("alice");
    for (format, text) in samples() {
        for policy in policies() {
            let sealed = user.seal(text, format, policy);
            let open = user.open(&sealed.text, format);
            assert_eq!(open.plain().source.as_str(), text);
            assert_eq!(open.state(), State::Sealed);
            assert_eq!(user.edit(&open, text), *sealed.text, "an unchanged file keeps every byte");
        }
    }
}

#[test]
fn ac_03_one_changed_value_is_one_changed_line() {
    let user = User::new("alice");
    for (format, text) in samples() {
        let sealed = user.seal(text, format, Policy::default());
        let open = user.open(&sealed.text, format);
        let changed = user.edit(&open, &text.replace("s3cret one", "another"));
        assert_eq!(changed_lines(&sealed.text, &changed), 1, "{}", format.name());
        let open = user.open(&changed, format);
        assert_eq!(open.state(), State::Sealed);
        assert_eq!(open.plain().source.as_str(), text.replace("s3cret one", "another"));
    }
}

#[test]
fn ac_03_an_inserted_element_is_one_line_and_one_tail() {
    let user = User::new("alice");
    let json = by_name("json").unwrap();
    let text = "{\n  \"list\": [\n    \"a\",\n    \"b\"\n  ]\n}\n";
    let sealed = user.seal(text, json, Policy::default());
    let open = user.open(&sealed.text, json);
    let longer = user.edit(&open, &text.replace("\"a\",", "\"a\",\n    \"x\","));
    let gone: Vec<&str> = sealed.text.lines().filter(|line| !longer.contains(line)).collect();
    assert_eq!(gone.len(), 1, "the predecessor's tail alone is rewritten");
}

#[test]
fn every_changed_line_and_every_lost_line_is_refused() {
    let user = User::new("alice");
    for (format, text) in samples() {
        for policy in policies() {
            let free = policy.cleartext == Cleartext::Free;
            let sealed = user.seal(text, format, policy).text.to_string();
            let lines: Vec<&str> = sealed.split_inclusive('\n').collect();
            for skip in 0..lines.len() {
                let without: String =
                    lines.iter().enumerate().filter(|(i, _)| *i != skip).map(|(_, l)| *l).collect();
                let line = lines[skip].trim();
                let is_comment = line.starts_with(['#', ';']) && !line.starts_with("# sealeaf: ");
                let neutral = line.is_empty() || is_comment || (free && !line.contains("sealed.v1"));
                assert!(neutral || user.refused(&without, format), "{}: lost {line}", format.name());
            }
        }
    }
}

#[test]
fn a_clean_text_merge_is_linked_and_one_reseal_seals_it() {
    let user = User::new("alice");
    for (format, text) in samples() {
        let base = user.seal(text, format, Policy::default()).text.to_string();
        let open = user.open(&base, format);
        let ours = user.edit(&open, &text.replace("db.prod", "db.test"));
        let theirs = user.edit(&open, &text.replace("s3cret one", "another"));
        let merged: String = base
            .split_inclusive('\n')
            .zip(ours.split_inclusive('\n'))
            .zip(theirs.split_inclusive('\n'))
            .map(|((base, ours), theirs)| if ours == base { theirs } else { ours })
            .collect();
        let open = user.open(&merged, format);
        assert_eq!(open.state(), State::Linked, "{}", format.name());
        let both = text.replace("db.prod", "db.test").replace("s3cret one", "another");
        assert_eq!(open.plain().source.as_str(), both);
        let records = open.sealed_file().sealed().records();
        let token = records.keys().find(|key| matches!(key, RecordKey::Token(_))).cloned();
        let next = Next { touch: token, ..Next::default() };
        let resealed = user.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap();
        assert_eq!(changed_lines(&merged, &resealed.sealed.text), 1);
        assert_eq!(user.open(&resealed.sealed.text, format).state(), State::Sealed);
    }
}

#[test]
fn removing_a_recipient_makes_a_new_key_and_ac_35_old_wraps_do_not_fit() {
    let (alice, bob) = (User::new("alice"), User::new("bob"));
    for (format, text) in samples() {
        let sealed = alice.seal(text, format, Policy::default());
        let open = alice.open(&sealed.text, format);
        let both = [alice.recipient.clone(), bob.recipient.clone()];
        let next = Next { access: Some(both.to_vec().into()), ..Next::default() };
        let shared = alice.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap();
        assert!(!shared.rotated);
        let open = bob.open(&shared.sealed.text, format);
        assert_eq!(open.plain().source.as_str(), text);
        let alone = [alice.recipient.clone()];
        let next = Next { access: Some(alone.to_vec().into()), ..Next::default() };
        let open = alice.open(&shared.sealed.text, format);
        let change = alice.with(|keyring| open.next(next, keyring, &Limits::default())).unwrap();
        assert!(change.rotated);
        assert_eq!(change.removed, vec![bob.recipient.clone()]);
        assert_eq!(change.sealed.fresh, change.sealed.sealed);
        assert!(bob.refused(&change.sealed.text, format));
        assert_eq!(alice.open(&change.sealed.text, format).header().epoch, 2);
    }
}

#[test]
fn the_engine_edits_by_key_path() {
    let user = User::new("alice");
    for (format, text) in samples() {
        let sealed = user.seal(text, format, Policy::default());
        let open = user.open(&sealed.text, format);
        let path = if format.name() == "dotenv" { "pass[0]" } else { "users[0].pass" };
        let id = open.plain().find(&KeyPath::parse(path).unwrap()).unwrap();
        let value = Tree::Leaf(Value::Str("new value".into()));
        let splices = format.replace(open.plain(), id, &value).unwrap();
        let plain = crate::document::apply(&open.plain().source, &splices).unwrap();
        let changed = user.edit(&open, &plain);
        assert_eq!(changed_lines(&sealed.text, &changed), 1);
    }
}
