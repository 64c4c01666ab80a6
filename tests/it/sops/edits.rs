//! Versions after versions, by us and by `sops` in turn.

use std::collections::BTreeSet;

use sealeaf::file::FileError;
use sealeaf::file::sops::{Change, Next, OpenSops};
use sealeaf::keys::Recipient;

use super::tool::{NOW, Sops, format, group, limits, open, open_with, seal_text, with_keys};
use crate::support::skip;

fn next(open: &OpenSops, next: Next<'_>) -> Result<Change, FileError> {
    with_keys(&[1], |ring| open.next(next, ring, &limits()))
}

/// The next version with another text.
#[track_caller]
fn edit(sealed: &str, name: &str, from: &str, to: &str) -> String {
    let opened = open(sealed, format(name)).unwrap();
    let text = opened.plain().source.replacen(from, to, 1);
    assert_ne!(text, *opened.plain().source, "nothing to replace");
    let plain = Some(format(name).parse(&text, &limits()).unwrap());
    let change = next(&opened, Next { plain, now: NOW, ..Next::default() }).unwrap();
    change.sealed.text.to_string()
}

/// Lines that are in one and not in the other.
fn changed<'a>(a: &'a str, b: &'a str) -> BTreeSet<&'a str> {
    let lines = |text: &'a str| text.lines().collect::<BTreeSet<_>>();
    lines(b).difference(&lines(a)).copied().collect()
}

const TEXT: &str = "\
# top
a: one
b: \"two\"
l:
    # in list
    - same
    - same
    - other # behind
m:
    k: |
        block
        lines
    num: 5
clear_unencrypted: yes
";

#[test]
fn one_value_is_one_line() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    for before in [
        seal_text(TEXT, format("yaml"), None).unwrap().text.to_string(),
        sops.encrypt(TEXT, "yaml", &[]).unwrap(),
    ] {
        let after = edit(&before, "yaml", "a: one", "a: 1");
        let lines = changed(&before, &after);
        assert!(
            lines.iter().all(|line| {
                ["a: ENC[", "    mac: ENC[", "  mac: ENC[", "    lastmodified:", "  lastmodified:"]
                    .iter()
                    .any(|start| line.starts_with(start))
                    || line.trim_start().starts_with("#ENC[")
            }),
            "{lines:?}"
        );
        assert_eq!(lines.iter().filter(|line| line.starts_with("a: ")).count(), 1);
        assert!(sops.decrypt(&after, "yaml", &[]).unwrap().contains("\na: 1\n"));
    }
}

#[test]
fn elements_keep_their_ciphertext_by_place() {
    let before = seal_text(TEXT, format("yaml"), None).unwrap().text.to_string();
    let tokens = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.trim_start().starts_with("- ENC["));
        lines.map(|line| line.trim().split(' ').nth(1).unwrap().to_owned()).collect()
    };
    let old = tokens(&before);
    assert_eq!(old.len(), 3);
    assert_ne!(old[0], old[1]);
    let new = tokens(&edit(&before, "yaml", "    - same\n", "    - first\n    - same\n"));
    assert_eq!(new[1..], old[..]);
    let new = tokens(&edit(&before, "yaml", "    - same\n    - same\n", "    - same\n"));
    assert_eq!(new, [old[0].clone(), old[2].clone()]);
}

#[test]
fn three_times_round() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let mut text = seal_text(TEXT, format("yaml"), None).unwrap().text.to_string();
    for round in 0..3 {
        let path = sops.write("round.yaml", &text);
        sops.output(&["set", "round.yaml", "[\"m\"][\"num\"]", &format!("\"there {round}\"")]).unwrap();
        text = std::fs::read_to_string(path).unwrap();
        let here = format!("b: here {round}");
        let opened = open(&text, format("yaml")).unwrap();
        assert!(
            opened.plain().source.contains(&format!("there {round}")),
            "{}",
            opened.plain().source.as_str()
        );
        let old = opened.plain().source.lines().find(|line| line.starts_with("b: ")).unwrap().to_owned();
        text = edit(&text, "yaml", &old, &here);
        let shown = sops.decrypt(&text, "yaml", &[]).unwrap();
        assert!(
            shown.contains(&format!("\nb: here {round}\n"))
                && shown.contains(&format!("num: there {round}\n"))
        );
        assert!(shown.contains("# in list") && shown.contains("    - other"), "{shown}");
    }
}

#[test]
fn three_times_round_in_json() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let plain = "{\n  \"a\": \"one\",\n  \"n\": {\n    \"k\": [1, \"x\"]\n  }\n}\n";
    let mut text = seal_text(plain, format("json"), None).unwrap().text.to_string();
    for round in 0..3 {
        let path = sops.write("round.json", &text);
        sops.output(&["set", "round.json", "[\"a\"]", &format!("\"there {round}\"")]).unwrap();
        text = std::fs::read_to_string(path).unwrap();
        let old = if round == 0 { "\"x\"".to_owned() } else { format!("\"here {}\"", round - 1) };
        text = edit(&text, "json", &old, &format!("\"here {round}\""));
        let shown = sops.decrypt(&text, "json", &[]).unwrap();
        assert!(
            shown.contains(&format!("here {round}")) && shown.contains(&format!("there {round}")),
            "{shown}"
        );
    }
}

#[test]
fn nothing_changed_is_nothing_written() {
    let before = seal_text(TEXT, format("yaml"), None).unwrap().text;
    let opened = open(&before, format("yaml")).unwrap();
    let plain = Some(opened.plain().clone());
    let change = next(&opened, Next { plain, now: "2030-01-01T00:00:00Z", ..Next::default() }).unwrap();
    assert!(!change.changed && change.sealed.text == before);
}

#[test]
fn rotation_names_its_recipients() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let before = sops.encrypt(TEXT, "yaml", &[]).unwrap();
    let opened = open(&before, format("yaml")).unwrap();
    // What stands in the file may have been put there by anyone.
    let blind = next(&opened, Next { rotate: true, now: NOW, ..Next::default() });
    assert!(matches!(blind, Err(FileError::NoRecipients)));
    let groups = [group(&[1])];
    let change =
        next(&opened, Next { rotate: true, groups: Some(&groups), now: NOW, ..Next::default() }).unwrap();
    assert!(change.rotated);
    let old = opened.data_key().expose();
    assert_ne!(open(&change.sealed.text, format("yaml")).unwrap().data_key().expose(), old);
    let tokens = |text: &str| {
        text.lines().filter(|line| line.contains("ENC[")).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert!(tokens(&before).is_disjoint(&tokens(&change.sealed.text)));
    assert_eq!(
        sops.decrypt(&change.sealed.text, "yaml", &[]).unwrap(),
        sops.decrypt(&before, "yaml", &[]).unwrap()
    );
}

#[test]
fn recipients_come_and_go() {
    let before = seal_text(TEXT, format("yaml"), None).unwrap().text;
    let opened = open(&before, format("yaml")).unwrap();
    let both = [group(&[1, 2])];
    let added = next(&opened, Next { groups: Some(&both), now: NOW, ..Next::default() }).unwrap();
    assert!(!added.rotated && added.added.len() == 1);
    let wraps = |text: &str| text.matches("BEGIN AGE").count();
    assert_eq!(wraps(&added.sealed.text), 2);
    let second = open_with(&added.sealed.text, format("yaml"), &[2]).unwrap();
    assert_eq!(second.data_key().expose(), opened.data_key().expose());
    let one: [Vec<Recipient>; 1] = [group(&[1])];
    let both = open(&added.sealed.text, format("yaml")).unwrap();
    let removed = next(&both, Next { groups: Some(&one), now: NOW, ..Next::default() }).unwrap();
    assert!(removed.rotated && removed.removed.len() == 1);
    assert!(open_with(&removed.sealed.text, format("yaml"), &[2]).is_err());
}
