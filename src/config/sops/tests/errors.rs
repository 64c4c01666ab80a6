use super::{parse, parse_leniently};
use crate::config::sops::{SopsConfig, Strictness};

/// An error in both uses; `expect` is without the file's name.
#[track_caller]
fn check(text: &str, expect: &str) {
    let native = parse(text).unwrap_err().to_string();
    assert_eq!(native, format!(".sops.yaml:{expect}"));
    let path = std::path::Path::new(".sops.yaml");
    let lenient = SopsConfig::parse(text, path, Strictness::Sops).unwrap_err();
    assert_eq!(lenient.to_string(), native);
}

/// An error in native use, a warning of the same text in that of `sops`.
#[track_caller]
fn check_doubt(text: &str, expect: &[&str]) {
    let native = parse(text).unwrap_err().to_string();
    let warnings: Vec<String> = parse_leniently(text).warnings.iter().map(ToString::to_string).collect();
    let expect: Vec<String> = expect.iter().map(|expect| format!(".sops.yaml:{expect}")).collect();
    assert_eq!((&warnings, &native), (&expect, &expect[0]));
}

#[track_caller]
fn check_rule(rule: &str, expect: &str) {
    check(&format!("creation_rules:\n- {rule}\n"), expect);
}

#[test]
fn what_is_no_yaml() {
    check("creation_rules:\n- age: a\n  age: b\n", "3:3: the key `age` stands twice in this map");
    check("- a\n", "1:1: the file must be a map");
    check("creation_rules: {}\n", "1:17: `creation_rules` must be a list of rules");
    check("creation_rules: [a]\n", "1:18: a creation rule must be a map");
}

#[test]
fn aliases_and_tags() {
    check_rule("age: *nobody", "2:8: the alias `*nobody` has no anchor before it");
    check_rule("<<: 5", "2:3: a merge key `<<` takes a map or a list of maps");
    check_rule("age: !plain a", "2:15: the tag `!plain` has no meaning here");
    check("a: &a [*a]\n", "1:8: the alias `*a` stands inside of what it stands for");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let error = parse(&bomb).unwrap_err().to_string();
    assert!(error.ends_with("aliases make more than 200000 items of the file"), "{error}");
}

#[test]
fn many_aliases_take_no_long_time() {
    let people: String = (0..500).map(|number| format!("- &p{number} age1{number}\n")).collect();
    let all: String = (0..500).map(|number| format!("*p{number}, ")).collect();
    let rules: String =
        (0..300).map(|rule| format!("- {{path_regex: ^{rule}/, key_groups: [{{age: *all}}]}}\n")).collect();
    let text = format!("keys:\n{people}all: &all [{all}]\ncreation_rules:\n{rules}");
    let config = parse(&text).unwrap();
    assert_eq!(config.rule_for("299/x").unwrap().groups[0].keys.len(), 500);
}

#[test]
fn values_of_other_types() {
    check_rule("age: 5", "2:8: `age` must be a string or a list of strings");
    check_rule("age: [~]", "2:9: `age` must be a string or a list of strings");
    check_rule("hckms: 'r:u'", "2:10: `hckms` must be a list of strings");
    check_rule("key_groups: [{age: a}]", "2:22: `age` must be a list of strings");
    check_rule("key_groups: [{kms: [a]}]", "2:23: an AWS key must be a map");
    check_rule(
        "key_groups: [{kms: [{arn: a, context: {x: ~}}]}]",
        "2:42: `context` must be a map of strings",
    );
    check_rule("encrypted_regex: [a]", "2:20: `encrypted_regex` must be a string");
    check_rule("mac_only_encrypted: 'true'", "2:23: `mac_only_encrypted` must be true or false");
    check_rule("shamir_threshold: 2.0", "2:21: `shamir_threshold` must be a whole number in decimal");
    check_rule("shamir_threshold: 010", "2:21: `shamir_threshold` must be a whole number in decimal");
}

#[test]
fn selectors_and_patterns() {
    check_rule("encrypted_regex: ''", "2:20: `encrypted_regex` is empty");
    let error = parse("creation_rules:\n- encrypted_regex: '('\n").unwrap_err().to_string();
    assert!(error.starts_with(".sops.yaml:2:20: `encrypted_regex` is no regular expression: "), "{error}");
    let error = parse("creation_rules:\n- path_regex: (?=a)\n").unwrap_err().to_string();
    assert!(error.starts_with(".sops.yaml:2:15: `path_regex` is no regular expression: "), "{error}");
    check(
        "creation_rules:\n- encrypted_regex: a\n  unencrypted_suffix: b\n",
        "2:3: `unencrypted_suffix` and `encrypted_regex` exclude each other: a rule has one selector",
    );
}

#[test]
fn groups_and_thresholds() {
    check_rule("key_groups: [{age: [a]}, {}]", "2:28: key group 2 has no key");
    check_rule(
        "{key_groups: [{age: [a]}, {age: [b]}], shamir_threshold: 1}",
        "2:60: `shamir_threshold` is 1, but must be from 2 to 2, the number of groups",
    );
    check_rule(
        "{key_groups: [{age: [a]}, {age: [b]}], shamir_threshold: 3}",
        "2:60: `shamir_threshold` is 3, but must be from 2 to 2, the number of groups",
    );
    check_rule("shamir_threshold: -1", "2:21: `shamir_threshold` must be a whole number from 0");
    let groups = vec!["{age: [a]}"; 256].join(", ");
    check_rule(&format!("key_groups: [{groups}]"), "2:3: key groups: 256, at most 255 are allowed");
}

#[test]
fn identifiers_of_other_forms() {
    for (key, id) in [
        ("azure_keyvault", "http://v/keys/k/1"),
        ("azure_keyvault", "https://v/keys/k/1/2"),
        ("azure_keyvault", "https://v/keys/"),
        ("azure_keyvault", "https:///keys/k"),
        ("hc_vault_transit_uri", "v/v1/t/keys/k"),
        ("hc_vault_transit_uri", "ftp://v/v1/t/keys/k"),
        ("hc_vault_transit_uri", "https://v/x/v1/t/keys/k"),
        ("hc_vault_transit_uri", "https://v/v1/keys/k"),
        ("hc_vault_transit_uri", "https://v/v1/t/keys/k/x"),
        ("hc_vault_transit_uri", "https://v/v1/t/keys/k?x"),
    ] {
        let error = parse(&format!("creation_rules: [{{{key}: '{id}'}}]\n")).unwrap_err().to_string();
        assert!(error.contains(&format!("`{key}` has `{id}`, but must have the form")), "{error}");
    }
    check_rule("hckms: [x]", "2:11: `hckms` has `x`, but must have the form `region:uuid`");
    check_rule("key_groups: [{gcp_kms: [{}]}]", "2:27: a GCP key has no `resource_id`");
}

#[test]
fn what_sops_does_not_look_at() {
    let hint = parse("creation_rules:\n- agee: a\n").unwrap_err().suggestion;
    assert_eq!(hint.as_deref(), Some("did you mean `age`?"));
    check_doubt(
        "creation_rules:\n- foo: a\n  key_groups: [{bar: x, age: [a, ~]}, ~]\nother: 1\n",
        &[
            "4:1: unknown key `other` in the file",
            "2:3: unknown key `foo` in a creation rule",
            "3:39: a key group without a value is passed over",
            "3:17: unknown key `bar` in a key group",
            "3:34: an element without a value is passed over",
        ],
    );
    check_doubt(
        "creation_rules: []\n---\na: 1\n",
        &["2:1: the YAML documents behind the first are not read"],
    );
    check_doubt("creation_rules:\n-\n", &["2:2: a creation rule without a value is passed over"]);
    check_doubt(
        "creation_rules:\n- age: a\n  aws_profile: p\n  key_groups: [{age: [b]}]\n",
        &[
            "2:3: `age` is not used: the rule has `key_groups`",
            "3:3: `aws_profile` is not used: the rule has `key_groups`",
        ],
    );
    check_doubt("stores: {xml: {}}\n", &["1:10: unknown key `xml` in `stores`"]);
}

#[test]
fn anchors_have_keys_of_their_own_at_the_top() {
    let text = "keys: [&a age1a]\ncreation_rules: [{age: *a}]\n";
    assert_eq!(parse(text).unwrap().creation_rules.unwrap().len(), 1);
    assert_eq!(parse_leniently(text).warnings.len(), 0);
    // Not where the key is a slip.
    check_doubt("creation_rule: [{age: &a age1a}]\n", &["1:1: unknown key `creation_rule` in the file"]);
}

#[test]
fn destination_rules() {
    let check_rule = |rule: &str, expect: &str| check(&format!("destination_rules:\n- {rule}\n"), expect);
    check_rule("{}", "2:3: a destination rule has one of `s3_bucket`, `gcs_bucket` and `vault_path`");
    check_rule(
        "{s3_bucket: a, vault_path: b}",
        "2:18: `s3_bucket` and `vault_path` exclude each other: a destination rule has one destination",
    );
    check_rule("{vault_path: a, vault_kv_version: 3}", "2:37: `vault_kv_version` must be 1 or 2");
    check_doubt(
        "destination_rules:\n- s3_bucket: a\n  vault_address: b\n  reencryption_rule: {}\n  recreation_rule: {path_regex: a, age: b}\n",
        &[
            "4:3: unknown key `reencryption_rule` in a destination rule",
            "3:3: `vault_address` is not used: the rule has no `vault_path`",
            "5:21: `path_regex` is not used: the destination rule's own is",
        ],
    );
    check_doubt(
        "destination_rules:\n- s3_bucket: a\n  recreation_rule: {encrypted_regex: a}\n",
        &["3:3: `recreation_rule` is not used: it names no key"],
    );
}

#[test]
fn stores_have_limits() {
    check("stores: {yaml: {indent: -1}}\n", "1:25: `indent` must be a whole number from 0");
    check("stores: {json: {indent: -2}}\n", "1:25: `indent` must be a whole number from 0, or -1 for tabs");
    check("stores: {json: {indent: x}}\n", "1:25: `indent` must be a whole number in decimal");
}
