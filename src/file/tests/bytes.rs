//! Files of bytes.

use super::{User, changed_lines};
use crate::document::Value;
use crate::envelope::native::State;
use crate::file::{FileError, SealedFile, parse};
use crate::format::{Format, Limits, by_name};
use crate::policy::Policy;

fn binary() -> &'static dyn Format {
    by_name("binary").unwrap()
}

#[test]
fn bytes_come_back() {
    let user = User::new("alice");
    for bytes in [&b""[..], b"\xff\xfe\0\r\n", &[0x80; 3000]] {
        let text = binary().carry(bytes).unwrap();
        let sealed = user.seal(&text, binary(), Policy::default()).text;
        assert!(SealedFile::is_sealed(&sealed, binary(), &Limits::default()).unwrap());
        let open = user.open(&sealed, binary());
        assert_eq!(binary().carried(open.plain()).unwrap().expose(), bytes);
        assert_eq!(user.edit(&open, &text), *sealed, "an unchanged file keeps every byte");
        let changed = user.edit(&open, &binary().carry(b"other").unwrap());
        assert_eq!(changed_lines(&sealed, &changed), 1);
        let open = user.open(&changed, binary());
        assert_eq!(
            (open.state(), binary().carried(open.plain()).unwrap().expose()),
            (State::Sealed, &b"other"[..])
        );
    }
}

/// The bytes are in the payload as they are, not in base64: a token is 4/3 of them, not 16/9.
#[test]
fn a_token_is_no_longer_than_base64_of_the_bytes() {
    let text = binary().carry(&[7; 30_000]).unwrap();
    let sealed = User::new("alice").seal(&text, binary(), Policy::default()).text;
    assert!(sealed.len() < 30_000 * 4 / 3 * 113 / 100 + 2_000, "{}", sealed.len());
}

#[test]
fn another_layout_is_the_same_file() {
    let user = User::new("alice");
    let sealed = user.seal(&binary().carry(b"\0\xff").unwrap(), binary(), Policy::default()).text;
    let dense: String = sealed.lines().map(str::trim_start).collect();
    let open = user.open(&dense, binary());
    assert_eq!(
        open.plain().value(crate::document::NodeId(1)),
        Some(Value::Bytes(crate::secret::SecretBytes::new(vec![0, 0xff])))
    );
}

#[test]
fn it_is_not_taken_for_json_nor_json_for_it() {
    let (user, json) = (User::new("alice"), by_name("json").unwrap());
    let text = binary().carry(b"x").unwrap();
    let bytes = user.seal(&text, binary(), Policy::default()).text;
    let object = user.seal(&text, json, Policy::default()).text;
    for (sealed, format) in [(&bytes, json), (&object, binary())] {
        let error = SealedFile::parse(sealed, format, &Limits::default()).unwrap_err();
        assert!(matches!(error, FileError::Envelope(_)), "{error}");
        // The format is in the policy record, so that renaming it is seen.
        let (from, to) = if format.name() == "json" { ("binary", "json") } else { ("json", "binary") };
        assert!(user.refused(&sealed.replace(&format!("\"{from}\""), &format!("\"{to}\"")), format));
    }
    assert!(parse("{\"data\": \"x\"}", binary(), &Limits::default()).is_err());
}
