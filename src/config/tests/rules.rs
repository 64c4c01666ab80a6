use std::fmt::Write;

use super::parse;
use crate::config::{EnvelopeName, Meaning};
use crate::document::KeyPath;
use crate::keys::{KeyRef, Recipient};
use crate::policy::{Cleartext, Comments, Integrity, Padding, Policy, Selection};

/// The example of the design, all of it.
const WHOLE: &str = r#"
version = 1

[recipients]
alice = { age = "age1alice" }
bob   = { age = "age1bob" }
ci    = { aws_kms = "arn:aws:kms:eu-west-1:111122223333:key/x", context = { app = "web" } }
safe  = { age = "age1safe", break_glass = true }
team  = ["alice", "bob"]
all   = ["team", "ci"]

[[rule]]
files   = ["secrets/prod/**", "**/*.enc.yaml"]
to      = ["all"]
encrypt = ["spec.*.password", "users[*].token", "**.secret"]
clear   = ["apiVersion", "kind", "metadata.**"]
comments = "encrypt"
scope   = "prod:{path}"
integrity = "sealed"
cleartext = "free"
padding = "none"
envelope = "native"

[[rule]]
files     = ["secrets/root/**"]
groups    = [["alice", "bob"], ["ci"], ["safe"]]
threshold = 2

[[rule]]
files = ["old/**"]
to = ["team"]
envelope = "sops"

[[rule]]
files = ["pq/**"]
to = ["team"]
pq = "required"

[[rule]]
files = ["**"]
to = ["team"]
"#;

fn names(recipients: &[Recipient]) -> Vec<&str> {
    recipients.iter().map(|recipient| recipient.name.as_str()).collect()
}

#[test]
fn a_whole_configuration_is_understood() {
    let config = parse(WHOLE).unwrap();
    let rule = &config.rules[0];
    assert_eq!((rule.index, rule.line), (0, 12));
    assert_eq!(rule.globs, ["secrets/prod/**", "**/*.enc.yaml"]);
    assert_eq!(names(&rule.recipients), ["alice", "bob", "ci"]);
    assert_eq!(rule.recipients[2].key.context["app"], "web");
    assert_eq!((rule.envelope, rule.pq, rule.threshold), (EnvelopeName::Native, false, 0));
    assert_eq!(rule.scope_template(), "prod:{path}");
    let Policy { selection, integrity, cleartext, comments, padding, scope } =
        rule.policy("secrets/prod/a.yaml");
    assert_eq!(integrity, Integrity::Sealed);
    assert_eq!(cleartext, Cleartext::Free);
    assert_eq!(comments, Comments::Encrypt);
    assert_eq!(padding, Padding::None);
    assert_eq!(scope, "prod:secrets/prod/a.yaml");
    assert!(selection.covers(&KeyPath::parse("users[3].token").unwrap().steps));
    assert!(!selection.covers(&KeyPath::parse("metadata.secret").unwrap().steps));

    assert_eq!(config.recipients.get("team").unwrap().line, 9);
    assert!(matches!(&config.recipients.get("safe").unwrap().meaning, Meaning::Key(key) if key.break_glass));
    assert_eq!(
        names(&config.recipients.resolve(["all", "alice"]).into_iter().cloned().collect::<Vec<_>>()),
        ["alice", "bob", "ci"]
    );
}

#[test]
fn a_rule_without_more_has_the_defaults() {
    let config = parse(WHOLE).unwrap();
    let policy = config.rules[4].policy("a");
    assert_eq!(policy.selection, Selection::default());
    assert_eq!(
        (policy.integrity, policy.cleartext, policy.comments, policy.padding, policy.scope.as_str()),
        (Integrity::Linked, Cleartext::Bound, Comments::Plain, Padding::Buckets, "")
    );
}

#[test]
fn the_first_rule_that_matches_is_used() {
    let config = parse(WHOLE).unwrap();
    for (path, line) in [
        ("secrets/prod/a/b.yaml", 12),
        ("secrets/root/x.enc.yaml", 12),
        ("secrets/root/x.yaml", 24),
        ("old/x", 29),
        ("README.md", 39),
    ] {
        assert_eq!(config.rule_for(path).map(|rule| rule.line), Some(line), "{path}");
    }
    assert!(parse("version = 1").unwrap().rule_for("a").is_none());
}

#[test]
fn groups_and_how_many_of_them_are_needed() {
    let config = parse(WHOLE).unwrap();
    let rule = &config.rules[1];
    assert_eq!((rule.access().groups().len(), rule.access().threshold()), (3, 2));
    assert_eq!(rule.threshold, 2);
    assert_eq!(
        rule.groups.iter().map(|group| names(group)).collect::<Vec<_>>(),
        [vec!["alice", "bob"], vec!["ci"], vec!["safe"]]
    );
    assert_eq!(names(&rule.recipients), ["alice", "bob", "ci", "safe"]);
    let all = WHOLE.replace("threshold = 2", "");
    assert_eq!(parse(&all).unwrap().rules[1].threshold, 3);
}

#[test]
fn recipients_that_this_build_lacks_are_named_when_they_are_needed() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(
        config.rules[0].ensure_wrappable().unwrap_err().to_string(),
        ".sealeaf.toml:7:1: recipient `ci`: this build has no `aws_kms`"
    );
    assert!(config.rules[4].ensure_wrappable().is_ok());
}

#[test]
fn post_quantum_keys_are_required_where_the_rule_says_so() {
    let rule = &parse(WHOLE).unwrap().rules[3];
    assert!(rule.pq);
    let error = rule.ensure_wrappable().unwrap_err();
    assert_eq!(
        error.to_string(),
        ".sealeaf.toml:37:1: `pq = \"required\"`: the key of `alice` does not withstand quantum computers"
    );
    let with = |kind: &str, id: &str| {
        let key = KeyRef { kind: kind.to_owned(), id: id.to_owned(), context: Default::default() };
        rule.ensure_post_quantum(&[Recipient { key, name: String::new(), break_glass: false }])
    };
    for (kind, id) in [("age", "age1pq1qq"), ("aws_kms", "arn:aws:kms:x"), ("gcp_kms", "projects/x")] {
        assert!(with(kind, id).is_ok(), "{kind}");
    }
    for (kind, id) in [
        ("age", "age1qq"),
        ("age", "age1pq"),
        ("age", "age1tagpq1qq"),
        ("age", "ssh-ed25519 AAAA"),
        ("pgp", "age1pq1"),
        ("azure_kv", "https://x"),
        ("vault", "https://x"),
    ] {
        let error = with(kind, id).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("the key of `{id}` does not withstand quantum computers")),
            "{error}"
        );
    }
}

#[test]
fn tables_may_be_written_in_every_way() {
    let dotted = "version = 1\nrecipients.a.age = 'age1a'\nrecipients.b.age = 'age1b'\n";
    assert_eq!(parse(dotted).unwrap().recipients.iter().count(), 2);
    let inline =
        "version = 1\nrecipients = { a = { age = 'age1a' } }\nrule = [{ files = ['x'], to = ['a'] }]";
    assert_eq!(parse(inline).unwrap().rules.len(), 1);
    let headers = "version = 1\n[recipients.a]\nage = 'age1a'\n[recipients.b]\nage = 'age1b'\n";
    assert_eq!(parse(headers).unwrap().recipients.iter().count(), 2);
}

#[test]
fn deep_and_wide_groups_are_opened_without_recursion() {
    let mut text = "version = 1\n[recipients]\na = { age = 'age1a' }\ng0 = ['a']\n".to_owned();
    for at in 1..5000 {
        writeln!(text, "g{at} = ['g{}', 'a']", at - 1).unwrap();
    }
    text.push_str("[[rule]]\nfiles = ['x']\nto = ['g4999']\n");
    let config = parse(&text).unwrap();
    assert_eq!(names(&config.rules[0].recipients), ["a"]);
}

#[test]
fn the_matching_glob_is_named() {
    let config = parse(WHOLE).unwrap();
    for (path, expect) in [
        ("secrets/prod/a.enc.yaml", Some("secrets/prod/**")),
        ("a.enc.yaml", Some("**/*.enc.yaml")),
        ("README.md", None),
    ] {
        assert_eq!(config.rules[0].matching_glob(path), expect, "{path}");
    }
}
