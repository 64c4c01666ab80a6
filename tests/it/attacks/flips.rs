//! Every bit of a sealed file of each format, flipped.

use sealeaf::policy::{Cleartext, Comments, Policy, Selection};

use super::history::History;
use super::judge::{Verdict, judge};

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing_yaml() {
    flip_all("yaml", "# c\nhost: db\nusers:\n  - pw: 'x'\n    a: &a 1\n  - pw: |\n      y\nb: *a\n");
}

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing_json() {
    flip_all(
        "json",
        "{\n  \"host\": \"db\", // c\n  \"users\": [\n    {\"pw\": \"x\"},\n    {\"pw\": null}\n  ]\n}\n",
    );
}

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing_toml() {
    flip_all("toml", "# c\nhost = \"db\"\n\n[[users]]\npw = 'x'\n\n[[users]]\npw = 1\n");
}

fn flip_all(format: &str, plain: &str) {
    let patterns: Vec<String> = ["**.pw", "**.a"].map(str::to_owned).into();
    let selection = Selection::parse(&patterns, &[]).unwrap();
    let modes = [(Cleartext::Bound, Comments::Encrypt), (Cleartext::Free, Comments::Plain)];
    for (cleartext, comments) in modes {
        let policy = Policy { selection: selection.clone(), cleartext, comments, ..Policy::default() };
        let history = History::of(format, plain, policy);
        let sealed = history.last().text.as_bytes();
        let (mut unchanged, mut unsealed) = (0, 0);
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut bytes = sealed.to_vec();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                match judge(&history, &text) {
                    Ok(Verdict::Refused) => {}
                    // White space, quotes, and what nobody promises: plain comments and free cleartext.
                    Ok(Verdict::Version) => unchanged += 1,
                    // A bit of a seal.
                    Ok(Verdict::Unsealed) => unsealed += 1,
                    other => panic!("{format}, byte {at}, bit {bit}: {other:?}\n{text}"),
                }
            }
        }
        let few = if cleartext == Cleartext::Free { 100 } else { 40 };
        assert!(unsealed > 0, "{format}: no bit of a seal was flipped");
        assert!(unchanged < few, "{format}: {unchanged} flipped bits change nothing");
    }
}
