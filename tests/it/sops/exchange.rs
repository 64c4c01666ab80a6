//! Single files there and back, in all their styles.

use sealeaf::file::sops::{By, Sealing, Selector};

use super::tool::{Sops, format, group, open, seal_for, seal_text, sealing};
use crate::support::skip;

/// Seals, has `sops` open it, opens it ourselves: byte for byte.
#[track_caller]
fn check(text: &str, format_name: &str, shown: &str) {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let sealed = seal_text(text, format(format_name), None).unwrap();
    assert!(sealed.exact, "{text}");
    assert_eq!(open(&sealed.text, format(format_name)).unwrap().plain().source.as_str(), text);
    assert_eq!(sops.decrypt(&sealed.text, format_name, &[]).unwrap(), shown);
}

#[test]
fn styles_stay() {
    let text = "\
# top
a: plain # behind
b: \"double\\n\"
c: 'single ''quoted'''

d: |
  line one

  line two
e: >-
  folded
f: |2+
    deep

g: {x: 1, y: [a, 'b: c', \"d\"]}
h:
    - 1.50
    - +5
    # between
    - ~
    - ''
i: \"\"
";
    let shown = "\
# top
# behind
a: plain
b: |
    double
c: single 'quoted'
d: |
    line one

    line two
e: folded
f: |4+
      deep

g:
    x: 1
    \"y\":
        - a
        - 'b: c'
        - d
h:
    - 1.5
    - 5
    # between
    - null
    - \"\"
i: \"\"
";
    check(text, "yaml", shown);
}

#[test]
fn lines_end_as_they_did() {
    check("a: x\r\nb: |\r\n  y\r\n  z\r\n", "yaml", "a: x\nb: |\n    y\n    z\n");
    check("a: x", "yaml", "a: x\n");
    check("a: |-\n  x", "yaml", "a: x\n");
    check("{a: x, b: [1]}\n", "yaml", "a: x\nb:\n    - 1\n");
}

#[test]
fn documents_have_each_their_metadata() {
    let text = "a: 1\n# end\n---\nb: two\n---\n";
    let sealed = seal_text(text, format("yaml"), None).unwrap();
    assert_eq!(sealed.text.matches("\nsops:\n").count(), 3, "{}", sealed.text.as_str());
    check(text, "yaml", "a: 1\n# end\n---\nb: two\n---\n{}\n");
}

#[test]
fn json_keeps_its_layout() {
    check(
        "{\n  \"a\": \"<&>\\n\",\n  \"n\": [1, -2.50, 1e3, true, null, {}, \"\"],\n  \"d\": {\"e\": \"é\"}\n}\n",
        "json",
        "{\n\t\"a\": \"\\u003c\\u0026\\u003e\\n\",\n\t\"n\": [\n\t\t1,\n\t\t-2.5,\n\t\t1000,\n\t\ttrue,\n\t\tnull,\n\t\t{},\n\t\t\"\"\n\t],\n\t\"d\": {\n\t\t\"e\": \"é\"\n\t}\n}\n",
    );
    check("{\"a\":\"x\"}", "json", "{\n\t\"a\": \"x\"\n}\n");
}

/// Flux and others find SOPS files by these bytes.
#[test]
fn marks_that_programs_look_for() {
    let yaml = seal_text("a: x\n", format("yaml"), None).unwrap();
    assert!(yaml.text.contains("\n  mac: ENC["), "{}", yaml.text.as_str());
    let json = seal_text("{\"a\": \"x\"}\n", format("json"), None).unwrap();
    assert!(json.text.contains("\"mac\": \"ENC["), "{}", json.text.as_str());
}

#[test]
fn aliases_become_copies_where_they_must() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let text = "base: &b\n  k: v\nuse: *b\nmore:\n  <<: *b\n  z: 1\n";
    let sealed = seal_text(text, format("yaml"), None).unwrap();
    let there = sops.encrypt(text, "yaml", &[]).unwrap();
    let shown = sops.decrypt(&there, "yaml", &[]).unwrap();
    assert_eq!(sops.decrypt(&sealed.text, "yaml", &[]).unwrap(), shown);
    // In clear they may stay.
    let selector = Selector::new(By::EncryptedRegex, "^z$").unwrap();
    let sealed = seal_text(text, format("yaml"), Some(selector)).unwrap();
    assert!(sealed.exact && sealed.text.contains("use: *b\n"));
    assert_eq!(sops.decrypt(&sealed.text, "yaml", &[]).unwrap(), shown);
}

#[test]
fn tags_of_types_go_and_others_stay() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let text = "a: !!binary aGVsbG8=\nb: !custom x\nc: !!str 5\nd: !!float 1\ne: !!binary /w==\n";
    let sealed = seal_text(text, format("yaml"), None).unwrap();
    let there = sops.encrypt(text, "yaml", &[]).unwrap();
    let shown = sops.decrypt(&there, "yaml", &[]).unwrap();
    assert_eq!(sops.decrypt(&sealed.text, "yaml", &[]).unwrap(), shown);
    let opened = open(&sealed.text, format("yaml")).unwrap();
    assert_eq!(
        opened.plain().source.as_str(),
        "a: hello\nb: !custom x\nc: !!str 5\nd: 1.0\ne: !!binary /w==\n"
    );
}

#[test]
fn groups_share_the_key() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let groups = [group(&[1]), group(&[2]), group(&[3])];
    let with = |threshold| seal_for("a: x\n", format("yaml"), &Sealing { threshold, ..sealing(&groups) });
    for threshold in [0, 2, 3] {
        let sealed = with(threshold).unwrap();
        sops.write("three.yaml", &sealed.text);
        let keys: String = (1..=3).map(super::tool::key).collect();
        sops.write(".config-keys", &keys);
        let output = std::process::Command::new(sops.program())
            .args(["decrypt", "three.yaml"])
            .current_dir(sops.path("."))
            .env("SOPS_AGE_KEY_FILE", sops.path(".config-keys"))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a: x\n");
    }
    assert!(with(1).is_err() && with(4).is_err());
}

#[test]
fn what_sops_cannot_hold_is_refused() {
    for (text, name) in [
        ("1: x\n", "yaml"),
        ("true: x\n", "yaml"),
        ("a: 18446744073709551615\n", "yaml"),
        ("- a\n", "yaml"),
        ("a: 1\nsops: {x: 1}\n", "yaml"),
        ("[1]\n", "json"),
        ("{\"a\": 1} // c\n", "json"),
        ("a = 1\n", "toml"),
    ] {
        assert!(seal_text(text, format(name), None).is_err(), "{text}");
    }
}
