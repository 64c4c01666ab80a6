use std::collections::BTreeMap;

use super::parse;
use crate::config::sops::{CreationRule, Destination, JsonIndent, MasterKey, Stores};
use crate::envelope::sops::{By, Selector};

fn only(rule: &str) -> CreationRule {
    let text = format!("creation_rules:\n- {rule}\n");
    parse(&text).unwrap().creation_rules.unwrap().remove(0)
}

fn destination(rule: &str) -> Destination {
    let text = format!("destination_rules:\n- {rule}\n");
    parse(&text).unwrap().destination_rules.remove(0).destination
}

fn ids(rule: &CreationRule) -> Vec<Vec<(String, String)>> {
    let id = |key: &MasterKey| {
        let key = key.key_ref();
        (key.kind, key.id)
    };
    rule.groups.iter().map(|group| group.keys.iter().map(|key| id(&key.key)).collect()).collect()
}

fn check_ids(rule: &str, expect: &[&[(&str, &str)]]) {
    let expect: Vec<Vec<(String, String)>> = expect
        .iter()
        .map(|group| group.iter().map(|(kind, id)| ((*kind).to_owned(), (*id).to_owned())).collect())
        .collect();
    assert_eq!(ids(&only(rule)), expect, "{rule}");
}

#[test]
fn lists_are_strings_with_commas_or_lists() {
    let two: &[&[(&str, &str)]] = &[&[("age", "age1a"), ("age", "age1b")]];
    check_ids("age: age1a, age1b", two);
    check_ids("age: [age1a, age1b]", two);
    check_ids("age: ['age1a,age1b,']", two);
    check_ids("{age: 'age1a', pgp: 'AA BB,CC'}", &[&[("age", "age1a"), ("pgp", "AABB"), ("pgp", "CC")]]);
    check_ids("{age: ''}", &[]);
}

#[test]
fn every_key_type_has_its_identifier() {
    check_ids("kms: arn:k + arn:r", &[&[("aws_kms", "arn:k+arn:r")]]);
    check_ids("gcp_kms: projects/p", &[&[("gcp_kms", "projects/p")]]);
    check_ids("hckms: ['r:u']", &[&[("hckms", "r:u")]]);
    check_ids("azure_keyvault: https://v/keys/k/1", &[&[("azure_kv", "https://v/keys/k/1")]]);
    check_ids("azure_keyvault: https://v/keys/k", &[&[("azure_kv", "https://v/keys/k/")]]);
    let id = "https://v:8200/v1/a/b/keys/k";
    check_ids(&format!("hc_vault_transit_uri: {id}/"), &[&[("vault", id)]]);
    check_ids(
        "key_groups: [{azure_keyvault: [{vaultUrl: 'https://v/', key: k}]}]",
        &[&[("azure_kv", "https://v/keys/k/")]],
    );
}

#[test]
fn keys_of_aws_have_role_context_and_profile() {
    let rule =
        only("key_groups: [{kms: [{arn: arn:k, role: arn:r, context: {a: 1, b: x}, aws_profile: p}]}]");
    let context: BTreeMap<String, String> =
        [("a", "1"), ("b", "x")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(
        rule.groups[0].keys[0].key,
        MasterKey::Kms {
            arn: "arn:k".to_owned(),
            role: Some("arn:r".to_owned()),
            context: context.clone(),
            profile: Some("p".to_owned()),
        }
    );
    assert_eq!(rule.groups[0].keys[0].key.key_ref().context, context);
    let flat = only("{kms: 'arn:k', aws_profile: p}");
    assert!(matches!(&flat.groups[0].keys[0].key, MasterKey::Kms { profile: Some(name), .. } if name == "p"));
}

#[test]
fn groups_merge_others_and_hold_each_key_once() {
    check_ids(
        "key_groups: [{merge: [{age: [c]}, {merge: [{age: [d]}], pgp: [P]}], age: [a, c, a], hc_vault: ['http://v/v1/t/keys/k']}, {age: [a]}]",
        &[
            &[("age", "c"), ("age", "d"), ("pgp", "P"), ("age", "a"), ("vault", "http://v/v1/t/keys/k")],
            &[("age", "a")],
        ],
    );
    // Another context or profile makes another key.
    let rule = only(
        "key_groups: [{kms: [{arn: a}, {arn: a, context: {x: y}}, {arn: a, aws_profile: p}, {arn: a}]}]",
    );
    assert_eq!(rule.groups[0].keys.len(), 3);
}

#[test]
fn lines_are_those_of_the_file() {
    let config =
        parse("x: &all\n- age1a\n- age1b\ncreation_rules:\n- path_regex: x\n- key_groups:\n  - age: *all\n")
            .unwrap();
    let rules = config.creation_rules.unwrap();
    assert_eq!(rules.iter().map(|rule| rule.line).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(rules[1].groups[0].keys.iter().map(|key| key.line).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_rule_has_a_selector_and_settings() {
    let rule = only("{age: a, encrypted_regex: ^x$, mac_only_encrypted: yes, shamir_threshold: 2}");
    assert_eq!(rule.selector, Some(Selector::new(By::EncryptedRegex, "^x$").unwrap()));
    assert_eq!((rule.mac_only_encrypted, rule.shamir_threshold), (true, Some(2)));
    let plain = only("{age: a, shamir_threshold: 0, mac_only_encrypted: ~, encrypted_suffix: ~}");
    assert_eq!((plain.selector, plain.mac_only_encrypted, plain.shamir_threshold), (None, false, None));
    for by in By::ALL {
        let rule = only(&format!("{{age: a, {}: x}}", by.name()));
        assert_eq!(rule.selector.map(|selector| selector.by()), Some(by));
    }
}

#[test]
fn the_first_rule_that_matches_is_used() {
    let config = parse(
        "creation_rules:\n- path_regex: ^a/\n- path_regex: \\.json$\n- path_regex: '^/'\n- path_regex: ^b$\n",
    )
    .unwrap();
    for (path, line) in [
        ("a/x.json", Some(2)),
        ("b/x.json", Some(3)),
        ("/a/x", Some(4)),
        ("b", Some(5)),
        ("b\n", None),
        ("c", None),
    ] {
        assert_eq!(config.rule_for(path).map(|rule| rule.line), line, "{path}");
    }
}

#[test]
fn a_file_without_rules_is_known_from_one_with_none() {
    for (text, expect) in [
        ("", None),
        ("creation_rules:\n", None),
        ("creation_rules: []\n", Some(0)),
        ("creation_rules: [{}]\n", Some(1)),
    ] {
        assert_eq!(parse(text).unwrap().creation_rules.map(|rules| rules.len()), expect, "{text}");
    }
}

#[test]
fn destinations() {
    let owned = str::to_owned;
    assert_eq!(
        destination("{s3_bucket: b, s3_prefix: p/, vault_path: ''}"),
        Destination::S3 { bucket: owned("b"), prefix: owned("p/") }
    );
    assert_eq!(destination("gcs_bucket: b"), Destination::Gcs { bucket: owned("b"), prefix: String::new() });
    let vault = |mount: &str, kv_version| Destination::Vault {
        path: owned("a/"),
        address: None,
        mount: owned(mount),
        kv_version,
    };
    assert_eq!(destination("vault_path: a/"), vault("secret", 2));
    assert_eq!(
        destination("{vault_path: a/, vault_kv_mount_name: m/n/, vault_kv_version: 1}"),
        vault("m/n", 1)
    );
    let config = parse(
        "destination_rules:\n- {path_regex: ^a, s3_bucket: b, recreation_rule: {age: x}}\n\
         - {s3_bucket: c, omit_extensions: true}\n",
    )
    .unwrap();
    let first = config.destination_for("a/x").unwrap();
    assert_eq!(first.recreation_rule.as_ref().unwrap().groups.len(), 1);
    assert_eq!((first.line, first.omit_extensions), (2, false));
    let second = config.destination_for("./a/x").unwrap();
    assert!(second.omit_extensions && second.recreation_rule.is_none());
}

#[test]
fn stores() {
    let read = |text: &str| parse(&format!("stores: {text}\n")).unwrap().stores;
    assert_eq!(read("{}"), Stores::default());
    assert_eq!(
        read("{yaml: {indent: 2}, json: {indent: -1}, json_binary: {indent: 0}, dotenv: {}, ini: {}}"),
        Stores { yaml: Some(2), json: Some(JsonIndent::Tab), json_binary: Some(JsonIndent::Blanks(0)) }
    );
    assert_eq!(read("{yaml: {indent: 0}, json: {}, json_binary: ~}"), Stores::default());
}
