use super::parse;
use crate::config::edit::{EditError, add_recipient, add_to_rule, remove_from_rule, remove_recipient};
use crate::config::template;

const TEXT: &str = r#"# head
version = 1

[recipients] # people
alice = { age = "age1alice" }   # the boss
bob   = { age = "age1bob" }
team  = ["alice", "bob"]

# first
[[rule]]
files = ["a"]
to = [
    "alice", # always
    "bob",   # for now
]

[[rule]]
files = ["b"]
to = [ "team" ]
"#;

fn check(text: &str, edit: impl Fn(&str) -> Result<String, EditError>, changes: &[(&str, &str)]) {
    let mut expect = text.to_owned();
    for (old, new) in changes {
        assert!(expect.contains(old), "{old}");
        expect = expect.replacen(old, new, 1);
    }
    let edited = edit(text).unwrap();
    assert_eq!(edited, expect);
    if let Err(error) = parse(&edited) {
        panic!("{error}\n{edited}");
    }
}

#[test]
fn a_recipient_is_added_below_the_others() {
    let new = |text: &str| add_recipient(text, "carol", "age", "age1carol");
    let team = "team  = [\"alice\", \"bob\"]\n";
    check(TEXT, new, &[(team, &format!("{team}carol = {{ age = \"age1carol\" }}\n"))]);
    check(TEXT, |text| add_recipient(text, "bob", "age", "age1bob"), &[]);
    let quoted = format!("{team}\"c.d\" = {{ age = \"age1c\" }}\n");
    check(TEXT, |text| add_recipient(text, "c.d", "age", "age1c"), &[(team, &quoted)]);
    let taken = add_recipient(TEXT, "bob", "age", "age1other").unwrap_err();
    assert_eq!(taken.to_string(), "`bob` is the name of another recipient");
}

#[test]
fn every_way_to_write_the_table_is_kept() {
    let new = |text: &str| add_recipient(text, "b", "age", "age1b");
    check("version = 1\n", new, &[("1\n", "1\n\n[recipients]\nb = { age = \"age1b\" }\n")]);
    check(
        "version = 1\nrecipients = { a = { age = 'age1a' } }\n",
        new,
        &[("'age1a' }", "'age1a' }, b = { age = \"age1b\" }")],
    );
    check(
        "version = 1\nrecipients.a.age = 'age1a'\n",
        new,
        &[("'age1a'\n", "'age1a'\nrecipients.b = { age = \"age1b\" }\n")],
    );
    check(
        "version = 1\n[recipients.a]\nage = 'age1a'\n",
        new,
        &[("'age1a'\n", "'age1a'\n\n[recipients.b]\nage = \"age1b\"\n")],
    );
}

#[test]
fn a_recipient_is_removed_everywhere() {
    check(
        TEXT,
        |text| remove_recipient(text, "bob"),
        &[
            ("bob   = { age = \"age1bob\" }\n", ""),
            ("[\"alice\", \"bob\"]", "[\"alice\"]"),
            ("    \"bob\",   # for now\n", ""),
        ],
    );
    check(
        TEXT,
        |text| remove_recipient(text, "alice"),
        &[
            ("alice = { age = \"age1alice\" }   # the boss\n", ""),
            ("[\"alice\", \"bob\"]", "[\"bob\"]"),
            ("    \"alice\", # always\n", ""),
        ],
    );
    let error = remove_recipient(TEXT, "team").unwrap_err();
    assert_eq!(error.to_string(), "`team` is the only one in `to`");
    assert_eq!(remove_recipient(TEXT, "x").unwrap_err().to_string(), "no recipient is called `x`");
    let groups = "version = 1\n[recipients]\na.age = 'age1a'\nb.age = 'age1b'\nc.age = 'age1c'\n\
                  [[rule]]\nfiles = ['x']\ngroups = [['a', 'b'], ['c']]\n";
    check(groups, |text| remove_recipient(text, "b"), &[("b.age = 'age1b'\n", ""), ("'a', 'b'", "'a'")]);
}

#[test]
fn names_are_added_to_rules() {
    let carol = TEXT.replace("team  =", "carol = { age = \"age1carol\" }\nteam  =");
    check(
        &carol,
        |text| add_to_rule(text, 0, "carol"),
        &[("   # for now\n", "   # for now\n    \"carol\",\n")],
    );
    check(&carol, |text| add_to_rule(text, 1, "carol"), &[("[ \"team\" ]", "[ \"team\", \"carol\" ]")]);
    check(&carol, |text| add_to_rule(text, 0, "bob"), &[]);
    let open = carol.replace("\"bob\",   # for now", "\"bob\"   # for now");
    check(
        &open,
        |text| add_to_rule(text, 0, "carol"),
        &[("\"bob\"   # for now\n", "\"bob\",   # for now\n    \"carol\",\n")],
    );
    assert_eq!(add_to_rule(TEXT, 2, "bob").unwrap_err().to_string(), "there is no rule 2");
    let inline = "version = 1\nrecipients = { a = { age = 'age1a' }, b = { age = 'age1b' } }\n\
                  rule = [{ files = ['x'], to = ['a'] }]\n";
    check(inline, |text| add_to_rule(text, 0, "b"), &[("['a']", "['a', \"b\"]")]);
    let groups = "version = 1\n[[rule]]\ngroups = []\n";
    assert_eq!(add_to_rule(groups, 0, "b").unwrap_err().to_string(), "rule 0 has no list `to`");
}

#[test]
fn names_are_removed_from_rules() {
    check(TEXT, |text| remove_from_rule(text, 0, "alice"), &[("    \"alice\", # always\n", "")]);
    check(TEXT, |text| remove_from_rule(text, 0, "bob"), &[("    \"bob\",   # for now\n", "")]);
    let flat =
        TEXT.replace("[ \"team\" ]", "[ \"team\", 'alice' ]").replace("team  = [\"alice\", ", "team  = [");
    check(&flat, |text| remove_from_rule(text, 1, "alice"), &[(", 'alice'", "")]);
    check(&flat, |text| remove_from_rule(text, 1, "team"), &[("\"team\", ", "")]);
    let error = remove_from_rule(TEXT, 0, "team").unwrap_err();
    assert_eq!(error.to_string(), "`team` is not in `to` of rule 0: it may be in one of its groups");
    let error = remove_from_rule(TEXT, 1, "team").unwrap_err();
    assert_eq!(error.to_string(), "`team` is the only one in `to`");
    assert_eq!(
        remove_from_rule("x", 0, "a").unwrap_err(),
        EditError::Syntax("key with no value, expected `=`".to_owned())
    );
}

#[test]
fn line_breaks_and_the_byte_order_mark_stay() {
    let windows = format!("\u{feff}{}", TEXT.replace('\n', "\r\n"));
    check(
        &windows,
        |text| add_recipient(text, "carol", "age", "age1carol"),
        &[("\"bob\"]\r\n", "\"bob\"]\r\ncarol = { age = \"age1carol\" }\r\n")],
    );
    check(&windows, |text| remove_from_rule(text, 0, "alice"), &[("    \"alice\", # always\r\n", "")]);
    let open = TEXT.trim_end();
    check(open, |text| remove_from_rule(text, 0, "alice"), &[("    \"alice\", # always\n", "")]);
    let mixed = TEXT.replacen('\n', "\r\n", 1);
    for edited in [
        add_recipient(&mixed, "carol", "age", "age1carol"),
        remove_recipient(&mixed, "bob"),
        add_to_rule(&mixed, 1, "bob"),
    ] {
        assert_eq!(edited, Err(EditError::Layout));
    }
}

#[test]
fn the_template_is_a_configuration() {
    for name in ["alice", "al.ice", "élise"] {
        let text = template(name, "age1alice");
        let config = parse(&text).unwrap();
        assert_eq!(config.recipients.resolve([name])[0].key.id, "age1alice");
        for path in ["secrets/a/b.yaml", "app/config.enc.json", "x.enc.yaml"] {
            let rule = config.rule_for(path).unwrap();
            assert_eq!(rule.recipients[0].name, name);
        }
        assert!(config.rule_for("README.md").is_none());
        check(
            &text,
            |text| add_recipient(text, "bob", "age", "age1bob"),
            &[("\"age1alice\" }\n", "\"age1alice\" }\nbob = { age = \"age1bob\" }\n")],
        );
    }
}
