//! Every byte of a sealed file is flipped: it is refused, or means the same; only a seal's bits make it linked.

use super::{User, passwords};
use crate::document::{KeyPath, Value};
use crate::envelope::native::State;
use crate::file::{OpenFile, SealedFile};
use crate::format::{Limits, by_name};

const TEXTS: &[(&str, &str)] = &[
    ("yaml", "a: &x 1\nl:\n  - pw: one\n  - *x\npw: 'it''s'\n---\npw: {}\n"),
    ("json", "{\"a\": 1, \"l\": [{\"pw\": \"one\"}, 2],\n \"pw\": null}\n"),
    ("dotenv", "a=1\nexport pw='it'\nb: \"x y\"\npw=\"\"\nc=\n"),
    ("ini", "a = 1\n[l]\npw = one\nflag\n[l]\nb: '2'\npw=\"two\"\n  [m]\n"),
    ("binary", "{\n  \"data\": \"aGVsbG8=\"\n}\n"),
    ("toml", "a = 1\npw = 'x'\n[[l]]\npw = \"one\"\n[[l]]\nb = 2024-01-01\n"),
];

/// What a reader gets out of a file.
fn meaning(open: &OpenFile) -> Vec<(KeyPath, Value)> {
    open.plain().expanded_leaves().unwrap()
}

/// The bytes of every tail that hold its seal: of 48 characters the last 21, and half of the one before.
fn seals(text: &str) -> Vec<bool> {
    let bytes = text.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let mut seals = vec![false; bytes.len()];
    let mut start = 0;
    for end in 0..=bytes.len() {
        if bytes.get(end).is_some_and(is_word) {
            continue;
        }
        if end - start == 48 {
            seals[start + 26..end].fill(true);
        }
        start = end + 1;
    }
    seals
}

#[test]
fn ac_20_a_flipped_bit_anywhere() {
    let (user, limits) = (User::new("alice"), Limits::default());
    for (format, text) in TEXTS {
        let format = by_name(format).unwrap();
        let sealed = user.seal(text, format, passwords()).text;
        let open = user.open(&sealed, format);
        let (expect, key, seals) = (meaning(&open), open.data_key(), seals(&sealed));
        let (mut linked, mut same) = (0, 0);
        for (at, bit) in (0..sealed.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let Ok(file) = SealedFile::parse(&changed, format, &limits) else { continue };
            let Ok(open) = file.open_with(key.clone(), &limits) else { continue };
            assert!(meaning(&open) == expect, "byte {at}, bit {bit} of\n{}", &*sealed);
            match open.state() {
                State::Linked => linked += 1,
                State::Sealed => same += 1,
            }
            assert_eq!(open.state() == State::Linked, seals[at], "byte {at}, bit {bit} of\n{}", &*sealed);
        }
        // Some bits of a character of base64 give another one; white space gives white space.
        assert!(linked > 100 && same < 40, "{}: {linked} linked, {same} unseen", format.name());
    }
}
