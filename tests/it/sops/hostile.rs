//! What SOPS would open and we do not.

use sealeaf::envelope::sops::Damage;
use sealeaf::file::FileError;
use sealeaf::file::sops::{By, Selector, SopsError};

use super::tool::{format, open, seal_text};

const TEXT: &str = "a: one\nb:\n  c: 5\n  l:\n    - x\n    - y\nopen_unencrypted: z\n";

fn sealed() -> String {
    seal_text(TEXT, format("yaml"), None).unwrap().text.to_string()
}

/// The token of the line that begins so.
fn token(text: &str, start: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(start)).unwrap();
    line[start.len()..].to_owned()
}

#[track_caller]
fn damage(text: &str) -> Damage {
    match open(text, format("yaml")) {
        Err(FileError::Sops(SopsError::Value { damage, .. })) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ac_78_tokens_are_read_strictly() {
    let text = sealed();
    let own = token(&text, "a: ");
    let with = |other: &str| text.replacen(&own, other, 1);
    assert!(matches!(damage(&with(&format!("{own}x"))), Damage::Token(_)));
    assert!(matches!(damage(&with(&format!("\"{own} \""))), Damage::Token(_)));
    assert_eq!(damage(&with(&own.replace("type:str", "type:comment"))), Damage::Comment);
    assert_eq!(damage(&with(&own.replace("type:str", "type:int"))), Damage::Value("int"));
    assert_eq!(damage(&with("one")), Damage::Exposed);
    assert_eq!(damage(&with("1")), Damage::Exposed);
    assert_eq!(damage(&with(&token(&text, "  c: "))), Damage::Authentication);
    let tag = own.split("tag:").nth(1).unwrap().split(',').next().unwrap();
    assert!(matches!(damage(&with(&own.replace(tag, "AAAAAAAAAAAAAAAA"))), Damage::Token(_)));
}

#[test]
fn ac_78_the_mac_holds_the_file_together() {
    let text = sealed();
    let (x, y) = (
        token(&text, "    - "),
        text.lines().filter(|line| line.starts_with("    - ")).nth(1).unwrap()[6..].to_owned(),
    );
    let swapped = text.replace(&x, "HERE").replace(&y, &x).replace("HERE", &y);
    let removed = text.replacen(&format!("    - {x}\n"), "", 1);
    let clear = text.replacen("open_unencrypted: z", "open_unencrypted: other", 1);
    for bad in [swapped, removed, clear] {
        assert!(matches!(open(&bad, format("yaml")), Err(FileError::Sops(SopsError::MacDiffers))));
    }
    let later = text.replacen("lastmodified: \"2026", "lastmodified: \"2027", 1);
    assert!(matches!(open(&later, format("yaml")), Err(FileError::Sops(SopsError::MacDamaged))));
    let mac = token(&text, "  mac: ");
    let none = text.replacen(&mac, "\"\"", 1);
    assert!(matches!(open(&none, format("yaml")), Err(FileError::Sops(SopsError::NoMac))));
}

/// The digest over a file of one short value would give that value away to who can guess.
#[test]
fn no_error_says_a_digest_or_value() {
    let text = sealed();
    let bad = text.replacen("open_unencrypted: z", "open_unencrypted: other", 1);
    let error = open(&bad, format("yaml")).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("other")
            && !shown.chars().filter(char::is_ascii_hexdigit).collect::<String>().contains("0123456")
    );
    assert!(shown.len() < 200, "{shown}");
}

#[test]
fn ac_79_selectors_and_blocks_that_contradict_are_refused() {
    let text = sealed();
    let metadata =
        |from: &str, to: &str| open(&text.replacen(from, to, 1), format("yaml")).unwrap_err().to_string();
    assert!(
        metadata("unencrypted_suffix: _unencrypted", "encrypted_regex: \"(\"")
            .contains("no regular expression")
    );
    let both = "unencrypted_suffix: _unencrypted\n  encrypted_regex: a";
    assert!(metadata("unencrypted_suffix: _unencrypted", both).contains("more than one selector"));
    // SOPS would show these values as they stand, as if nothing had ever been encrypted.
    assert!(metadata("unencrypted_suffix: _unencrypted", "encrypted_regex: ^none$").contains("MAC"));
    for by in By::ALL {
        assert!(Selector::new(by, "").is_err());
    }
    let two = seal_text("a: 1\n---\nb: 2\n", format("yaml"), None).unwrap().text.to_string();
    let at = two.rfind("_unencrypted").unwrap();
    let other = format!("{}_other{}", &two[..at], &two[at + "_unencrypted".len()..]);
    assert!(open(&other, format("yaml")).unwrap_err().to_string().contains("different ones"));
}

#[test]
fn aliases_of_tokens_open_in_one_place_alone() {
    let text = sealed().replacen("a: ENC", "a: &t ENC", 1).replacen("b:\n", "d: *t\nb:\n", 1);
    assert_eq!(damage(&text), Damage::Alias);
}

/// A comment is no place to smuggle lines in.
#[test]
fn comments_stay_comments() {
    let text = seal_text("# one\na: x\n", format("yaml"), None).unwrap().text.to_string();
    let comment = text.lines().next().unwrap();
    let moved =
        text.replacen(&format!("{comment}\n"), "", 1).replacen("sops:", &format!("{comment}\nsops:"), 1);
    assert!(open(&moved, format("yaml")).unwrap().plain().source.contains("# one"));
    let broken = text.replacen("data:", "data:AAAA", 1);
    let opened = open(&broken, format("yaml")).unwrap();
    assert_eq!(opened.sealed_comments(), [1]);
    assert!(opened.plain().source.starts_with("#ENC["));
}
