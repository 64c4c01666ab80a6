use super::parse;

/// `body` stands behind two known recipients; lines count from its first.
fn rule(body: &str) -> String {
    format!(
        "version = 1\nrecipients = {{ alice = {{ age = 'age1a' }}, bob = {{ age = 'age1b' }}, ops = ['alice'] }}\n{body}"
    )
}

#[track_caller]
fn check(text: &str, expect: &str) {
    let error = parse(text).unwrap_err();
    let suggestion = error.suggestion.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    let shown = format!("{error}{suggestion}");
    assert_eq!(shown.strip_prefix(".sealeaf.toml:").unwrap(), expect);
}

#[test]
fn the_file_itself() {
    check("", "1:1: the file has no `version` (begin the file with `version = 1`)");
    check("version = 2", "1:11: version 2 is not known: this program knows version 1");
    check("version = -1", "1:11: version -1 is not known: this program knows version 1");
    check("version = '1'", "1:11: `version` must be a whole number");
    check("version = 1\nrules = []", "2:1: unknown key `rules` in the file (did you mean `rule`?)");
    check("version = 1\nzzz = 1", "2:1: unknown key `zzz` in the file");
    check("version = 1\nrecipients = 1", "2:14: `recipients` must be a table");
    check(
        "version = 1\n[rule]\n",
        "2:1: `rule` must be a list of tables (write `[[rule]]` with two brackets)",
    );
    check("version = 1\nversion = 1", "2:1: duplicate key");
    check("version 1", "1:9: key with no value, expected `=`");
    check(&"#".repeat(300_000), "1:1: bytes of the file: 300000, at most 262144 are allowed");
    check(
        &format!("version = 1\nrule = [{}]", "{},".repeat(1001)),
        "2:1: rules: 1001, at most 1000 are allowed",
    );
}

#[test]
fn recipients() {
    let check = |body: &str, expect: &str| check(&format!("version = 1\n[recipients]\n{body}"), expect);
    check("a = 'age1a'", "3:5: `a` must be a table with one key, or a list of names");
    check(
        "a = {}",
        "3:1: recipient `a` has no key (give it one of `age`, `aws_kms`, `gcp_kms`, `azure_kv`, `vault`, `pgp`)",
    );
    check(
        "a = { break_glass = true }",
        "3:1: recipient `a` has no key (give it one of `age`, `aws_kms`, `gcp_kms`, `azure_kv`, `vault`, `pgp`)",
    );
    check(
        "a = { vault = 'x', age = 'age1a' }",
        "3:20: recipient `a` has two keys, `vault` and `age` (give each key a name of its own)",
    );
    check("a = { agee = 'age1a' }", "3:7: unknown key type `agee` of recipient `a` (did you mean `age`?)");
    check(
        "a = { age = 'age1a', break_glas = 1 }",
        "3:22: unknown key type `break_glas` of recipient `a` (did you mean `break_glass`?)",
    );
    check("a = { yubikey = 'x' }", "3:7: unknown key type `yubikey` of recipient `a`");
    check("a = { age = 1 }", "3:13: `age` must be a string");
    check("a = { age = 'x' }", "3:13: recipient `a`: `x` is no age key: expected `age1…`");
    check("a = { age = 'age1a', break_glass = 'yes' }", "3:36: `break_glass` must be true or false");
    check("a = { age = 'age1a', context = { x = 'y' } }", "3:22: recipient `a`: `age` takes no `context`");
    check("a = { aws_kms = 'x', context = { x = 1 } }", "3:38: `context` must be a table of strings");
    check(
        "a = { aws_kms = 'x', context = { epoch = '1' } }",
        "3:34: recipient `a`: `epoch` cannot be used in a `context`: the file format sets it",
    );
    for name in ["", "a b", "-a", ".a", "a\\u001b", "a/b"] {
        let shown = name.replace("\\u001b", "\u{1b}");
        check(
            &format!("\"{name}\" = {{ age = 'age1a' }}"),
            &format!(
                "3:1: `{shown}` cannot be the name of a recipient: only letters, digits and `-`, `_`, `.`, `@`, `+`"
            ),
        );
    }
}

#[test]
fn groups_of_names() {
    let check = |body: &str, expect: &str| {
        check(&format!("version = 1\n[recipients]\nalice = {{ age = 'age1a' }}\n{body}"), expect);
    };
    check("g = [1]", "4:5: `g` must be a list of names");
    check("g = []", "4:1: `g` is empty");
    check("g = ['alcie']", "4:6: no recipient is called `alcie` (did you mean `alice`?)");
    check(
        "g = ['zoe']",
        "4:6: no recipient is called `zoe` (add it to `[recipients]`, or run `sealeaf recipients add`)",
    );
    check("g = ['alice', 'alice']", "4:15: `alice` is listed twice");
    check("g = ['g']", "4:1: recipients hold each other in a circle: `g` → `g`");
    check(
        "f = ['g']\ng = ['alice', 'h']\nh = ['g']",
        "5:1: recipients hold each other in a circle: `g` → `h` → `g`",
    );
}

#[test]
fn rules_of_sops_files() {
    let check = |body: &str, expect: &str| check(&rule(&format!("[[rule]]\n{body}")), expect);
    check(
        "files = ['a']\nto = ['bob']\nencrypted_regex = 'x'",
        "6:1: `encrypted_regex` has no meaning in a rule with `envelope = \"native\"`",
    );
    check(
        "files = ['a']\nto = ['bob']\nenvelope = 'sops'\nclear = ['x']",
        "7:1: `clear` has no meaning in a rule with `envelope = \"sops\"`",
    );
    check(
        "files = ['a']\nto = ['bob']\nenvelope = 'sops'\nencrypted_regex = '('",
        "7:19: `encrypted_regex` is no regular expression: unclosed group",
    );
    check(
        "files = ['a']\nto = ['bob']\nenvelope = 'sops'\nencrypted_suffix = 'x'\nencrypted_regex = 'y'",
        "8:1: `encrypted_suffix` and `encrypted_regex` exclude each other: a rule has one selector",
    );
    check(
        "files = ['a']\ngroups = [['alice'], ['bob']]\nthreshold = 1\nenvelope = 'sops'",
        "6:1: `threshold` must be at least 2 with `envelope = \"sops\"`",
    );
}

#[test]
fn rules() {
    let check = |body: &str, expect: &str| check(&rule(&format!("[[rule]]\n{body}")), expect);
    check("to = ['alice']", "3:1: a rule has no `files`");
    check("files = ['a']", "3:1: a rule has no `to`");
    check("files = []\nto = ['alice']", "4:1: `files` is empty");
    check("files = 'a'\nto = ['alice']", "4:9: `files` must be a list of strings");
    check("files = ['a', 1]\nto = ['alice']", "4:15: `files` must be a list of strings");
    check("files = ['a']\nto = []", "5:1: `to` is empty");
    check("files = ['a']\nto = ['alice', 'alice']", "5:16: `alice` is listed twice");
    check("files = ['a']\nto = ['ops', 'alice']", "5:14: `alice` is listed twice: it is in `ops` too");
    check("files = ['a']\nto = ['bobb']", "5:7: no recipient is called `bobb` (did you mean `bob`?)");
    check("file = ['a']", "4:1: unknown key `file` in a rule (did you mean `files`?)");
    check(
        "files = ['a']\nto = ['bob']\nencrypt_regex = 'x'",
        "6:1: unknown key `encrypt_regex` in a rule (did you mean `encrypted_regex`?)",
    );
    check("files = ['a']\nto = ['bob']\nencrypt = []", "6:1: `encrypt` is empty");
    check(
        "files = ['a']\nto = ['bob']\ncomments = 'none'",
        "6:12: `comments` cannot be `none`: it is one of `plain`, `encrypt`, `strip`",
    );
    check(
        "files = ['a']\nto = ['bob']\npadding = 'bucket'",
        "6:11: `padding` cannot be `bucket`: it is one of `buckets`, `none` (did you mean `buckets`?)",
    );
    check("files = ['a']\nto = ['bob']\nintegrity = true", "6:13: `integrity` must be a string");
    check(
        "files = ['a']\nto = ['bob']\nenvelope = 'SOPS'",
        "6:12: `envelope` cannot be `SOPS`: it is one of `native`, `sops` (did you mean `sops`?)",
    );
    check("files = ['a']\nto = ['bob']\npq = 'yes'", "6:6: `pq` cannot be `yes`: it is one of `required`");
    check("files = ['a']\nto = ['bob']\nscope = ''", "6:9: scope ``: empty");
    check(
        "files = ['a']\nto = ['bob']\nscope = '{branch}'",
        "6:9: scope `{branch}`: only `{path}` can be put in",
    );
    check("files = ['a']\nto = ['bob']\nscope = \"a\\nb\"", "6:9: scope `a\nb`: has a control character");
}

#[test]
fn thresholds() {
    let check = |body: &str, expect: &str| check(&rule(&format!("[[rule]]\nfiles = ['a']\n{body}")), expect);
    check("to = ['bob']\ngroups = [['bob']]", "6:1: a rule has `to` or `groups`, not both");
    check("groups = ['bob']", "5:11: `groups` must be a list of lists of strings");
    check("groups = []", "5:1: `groups` is empty");
    check("groups = [['bob'], []]", "5:20: `groups` is empty");
    check(
        "groups = [['bob'], ['carl']]",
        "5:21: no recipient is called `carl` (add it to `[recipients]`, or run `sealeaf recipients add`)",
    );
    check("groups = [['alice'], ['bob', 'ops']]", "5:1: `alice` is in two groups: one key would count twice");
    check("to = ['bob']\nthreshold = 1", "6:1: `threshold` needs `groups`");
    check(
        "groups = [['bob'], ['ops']]\nthreshold = 3",
        "6:13: `threshold` is 3, but must be from 1 to 2, the number of groups",
    );
    check(
        "groups = [['bob']]\nthreshold = 0",
        "6:13: `threshold` is 0, but must be from 1 to 1, the number of groups",
    );
    check(
        "groups = [['bob']]\nthreshold = 99999999999",
        "6:13: `threshold` is 99999999999, but must be from 1 to 1, the number of groups",
    );
    check(
        &format!("groups = [{}]", "['bob'],".repeat(17)),
        "5:1: groups of a rule: 17, at most 16 are allowed",
    );
}

#[test]
fn keys_are_counted_once() {
    check(
        "version = 1\n[recipients]\na = { age = 'age1x' }\nb = { age = 'age1x' }\n[[rule]]\nfiles = ['f']\nto = ['a', 'b']",
        "7:1: `a` and `b` are the same key",
    );
    let names: Vec<String> = (0..65).map(|at| format!("r{at}")).collect();
    let table: String = names.iter().map(|name| format!("{name} = {{ age = 'age1{name}' }}\n")).collect();
    check(
        &format!("version = 1\n[recipients]\n{table}[[rule]]\nfiles = ['f']\nto = {names:?}"),
        "70:1: recipients of one group: 65, at most 64 are allowed",
    );
}

#[test]
fn globs() {
    for (glob, reason) in [
        ("", "empty"),
        ("/a", "begins with `/`: paths are relative to the repository root"),
        ("./a", "has a part `.`: paths are relative to the repository root"),
        ("../a", "has a part `..`: a rule cannot reach out of the repository"),
        ("a/../b", "has a part `..`: a rule cannot reach out of the repository"),
        ("a//b", "has an empty part between two `/`"),
        ("a/", "ends with `/`: for all files of a folder, write `FOLDER/**`"),
        ("!a", "begins with `!`: there are no exceptions; put a rule for them before this one"),
        ("a**", "has `**` beside other characters: it must be a whole part between two `/`"),
        ("a[", "unclosed character class; missing ']'"),
        ("{a", "unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"),
    ] {
        check(
            &rule(&format!("[[rule]]\nfiles = ['ok', '{glob}']\nto = ['bob']")),
            &format!("4:16: glob `{glob}`: {reason}"),
        );
    }
}

#[test]
fn shadowed_rules() {
    let two = |first: &str, second: &str| {
        rule(&format!("[[rule]]\nfiles = {first}\nto = ['bob']\n[[rule]]\nfiles = {second}\nto = ['alice']"))
    };
    let hint = "(move the rule with the narrower globs up, or remove this one)";
    for (first, second) in [
        ("['a/*']", "['a/*']"),
        ("['**']", "['a', 'b/**']"),
        ("['x', 'a/**']", "['a/b/**', 'a/c.yaml']"),
        ("['**/*.enc.yaml']", "['prod/*.enc.yaml']"),
    ] {
        let expect =
            format!("7:1: this rule never applies: all of its files match before it, in line 3 {hint}");
        check(&two(first, second), &expect);
    }
    assert!(parse(&two("['a/**']", "['a/b', 'c']")).is_ok());
    assert!(parse(&two("['a/b/**']", "['a/**']")).is_ok());
    let three = two("['a']", "['b']") + "\n[[rule]]\nfiles = ['b', 'a']\nto = ['bob']";
    check(
        &three,
        &format!("10:1: this rule never applies: all of its files match before it, in lines 3, 6 {hint}"),
    );
}

/// AC-60: what starts programs, chooses addresses or names keys belongs into the user's own configuration.
#[test]
fn ac_60_settings_of_the_user() {
    let hint = "(set it in `$XDG_CONFIG_HOME/sealeaf/config.toml`, in the environment or with a flag)";
    for key in [
        "editor",
        "command",
        "plugins",
        "plugin_path",
        "endpoint",
        "trusted_ref",
        "key_file",
        "identity",
        "vault_address",
        "aws_profile",
        "role",
        "Key-File",
    ] {
        let expect = format!(
            "`{key}` is not allowed in a repository's file: it belongs into the user's own configuration {hint}"
        );
        check(&format!("{key} = 'x'\nversion = 1"), &format!("1:1: {expect}"));
        check(&rule(&format!("[[rule]]\n{key} = 'x'")), &format!("4:1: {expect}"));
        check(
            &format!("version = 1\n[recipients]\na = {{ vault = 'x', {key} = 'y' }}"),
            &format!("3:20: {expect}"),
        );
    }
}

/// AC-63: a pattern or glob that does not parse, or is a bomb, is refused in linear time.
#[test]
fn ac_63_bad_patterns() {
    let check = |key: &str, pattern: &str, expect: &str| {
        let body = format!("[[rule]]\nfiles = ['a']\nto = ['bob']\n{key} = ['ok', '{pattern}']");
        check(&rule(&body), expect);
    };
    check("encrypt", "a..b", "6:18: pattern `a..b`: empty segment at character 3");
    check("clear", "a[", "6:16: pattern `a[`: bracket is not closed at character 2");
    check("encrypt", "a***", "6:18: pattern `a***`: `**` must be a whole segment at character 2");

    let bomb = format!("{}x", "**.*a*a*.".repeat(20));
    let many = format!("['{bomb}', '{}']", "{a*,b*}".repeat(100));
    let text = format!("[[rule]]\nfiles = ['{}']\nto = ['bob']\nencrypt = {many}", "{a*,b*}".repeat(100));
    let _ = parse(&rule(&text));
}

#[test]
fn patterns_of_a_rule_are_limited_together() {
    let patterns = format!("['{}']", vec!["a.b"; 513].join("', '"));
    check(
        &rule(&format!("[[rule]]\nfiles = ['a']\nto = ['bob']\nencrypt = {patterns}")),
        "3:1: pattern `a.b`: this rule's patterns have more than 1024 segments together at character 1",
    );
}

#[test]
fn columns_count_characters() {
    check(
        "version = 1\nrecipients = { 'é' = { age = 'x' } }",
        "2:30: recipient `é`: `x` is no age key: expected `age1…`",
    );
    check("version = 1\r\nx = 1\r\n", "2:1: unknown key `x` in the file");
}
