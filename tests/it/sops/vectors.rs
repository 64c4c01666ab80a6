//! Files that `sops` 3.11 and 3.13 wrote, kept.

use sealeaf::document::KeyPath;
use sealeaf::file::FileError;
use sealeaf::file::sops::{OpenSops, SopsError};

use super::tool::{fixture, format, open, open_with};

/// The values at these paths of an opened fixture.
#[track_caller]
fn check(name: &str, expect: &[(&str, &str)]) -> OpenSops {
    let format_name = if name.ends_with("json") { "json" } else { "yaml" };
    let opened = open(&fixture(name), format(format_name)).unwrap();
    for (path, value) in expect {
        let id = opened.plain().find(&KeyPath::parse(path).unwrap()).unwrap();
        assert_eq!(opened.plain().value(id).unwrap().to_text().as_str(), *value, "{name} {path}");
    }
    opened
}

#[test]
fn one_value_of_each_type() {
    let opened = check(
        "vec.enc.yaml",
        &[
            ("s", "héllo"),
            ("i", "-42"),
            ("f", "1234567.5"),
            ("b", "true"),
            ("e", ""),
            ("l[0]", "x"),
            ("l[1].y", "1"),
        ],
    );
    let plain = opened.plain().source.as_str();
    assert!(plain.starts_with("# head\ns: héllo\ni: -42\n"), "{plain}");
    assert!(plain.contains("l:\n    - x\n    # in list\n    - \"y\": 1\n"), "{plain}");
    assert!(plain.ends_with("open_unencrypted: 0.1\n"), "{plain}");
}

#[test]
fn files_of_3_13() {
    check("k.3.13.2.enc.yaml", &[("a", "1")]);
}

#[test]
fn many_documents() {
    let opened = check("md.enc.yaml", &[("a", "1"), ("#1.b", "two")]);
    assert_eq!(opened.plain().source.as_str(), "a: 1\n---\n# c2\nb: two\n---\n");
}

#[test]
fn broad_files() {
    check("a.enc.yaml", &[]);
    check(
        "num.enc.yaml",
        &[("a", "420"), ("d", "3"), ("t", "9223372036854775807"), ("y1", ""), ("z1", "2024-01-02T00:00:00Z")],
    );
    check("m.enc.yaml", &[]);
}

#[test]
fn groups_need_their_threshold() {
    let text = fixture("shamir3of2.enc.yaml");
    for keys in [&[1, 2][..], &[2, 3], &[1, 3], &[1, 2, 3]] {
        let opened = open_with(&text, format("yaml"), keys).unwrap();
        assert!(opened.plain().source.ends_with("c: 3\n"), "{}", opened.plain().source.as_str());
    }
    match open(&text, format("yaml")) {
        Err(FileError::Sops(SopsError::Groups { opened: 1, needed: 2 })) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_that_this_build_cannot_use_are_named() {
    match open(&fixture("kms_vault_metadata.enc.yaml"), format("yaml")) {
        Err(FileError::Unwrap(error)) => {
            assert!(error.attempts.iter().any(|attempt| attempt.recipient.key.kind == "vault"));
            assert!(error.attempts.iter().any(|attempt| attempt.recipient.key.id.contains("arn:aws:kms:")));
        }
        other => panic!("{other:?}"),
    }
}

/// SOPS keeps both; a reader downstream takes one or the other.
#[test]
fn ac_79_keys_that_stand_twice_are_refused() {
    for name in ["j.enc.json", "j.3.13.2.enc.json"] {
        assert!(matches!(open(&fixture(name), format("json")), Err(FileError::Parse(_))), "{name}");
    }
}

/// dotenv and INI files come back as they were, by both layouts.
#[test]
fn files_of_lines() {
    for (name, format_name, plain) in [
        ("d.enc.env", "dotenv", "d.env"),
        ("d.3.13.2.enc.env", "dotenv", "d.env"),
        ("i.enc.ini", "ini", "i.ini"),
        ("i.3.13.2.enc.ini", "ini", "i.ini"),
    ] {
        let opened = open(&fixture(name), format(format_name)).unwrap();
        assert!(opened.sealed_comments().is_empty(), "{name}");
        let expect = fixture(plain);
        if format_name == "dotenv" {
            assert_eq!(opened.plain().source.as_str(), expect.replace("\n\n", "\n"), "{name}");
        } else {
            let value = |path: &str| {
                let id = opened.plain().find(&KeyPath::parse(path).unwrap()).unwrap();
                opened.plain().value(id).unwrap().to_text().to_string()
            };
            assert_eq!(value("DEFAULT.topkey"), "topval", "{name}");
            assert_eq!(value("sec[0].multi"), "line1\nline2", "{name}");
            assert_eq!(value("sec[0].cont"), "a b", "{name}");
        }
    }
}

#[test]
fn files_of_bytes() {
    let opened = open(&fixture("b.enc.bin"), format("binary")).unwrap();
    let bytes = opened.sealed_file().format().carried(opened.plain()).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sops/b.bin");
    assert_eq!(bytes.expose(), std::fs::read(path).unwrap());
}
