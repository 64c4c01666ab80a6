//! Attacks without a key on a sealed text, by the numbers of the threat model: none opens, or what opens means the same.

use super::{User, halves, only, opened, passwords, swapped, tokens};
use crate::envelope::native::State;
use crate::format::{Format, by_name};
use crate::policy::{Comments, Policy};

/// One sealed text of each format, and who can open it.
struct Victim {
    user: User,
    format: &'static dyn Format,
    sealed: String,
}

impl Victim {
    fn new(format: &str, text: &str, policy: Policy) -> Self {
        let (user, format) = (User::new("alice"), by_name(format).unwrap());
        let sealed = user.seal(text, format, policy).text.to_string();
        assert_eq!(opened(&user, &sealed, format).unwrap(), (State::Sealed, text.to_owned()));
        Self { user, format, sealed }
    }

    #[track_caller]
    fn refuses(&self, text: &str) {
        assert_ne!(text, self.sealed, "nothing was changed");
        if let Ok((state, plain)) = opened(&self.user, text, self.format) {
            panic!("opens as {state:?}:\n{plain}");
        }
    }

    /// Every edit of the sealed text, one at a time, is refused.
    #[track_caller]
    fn refuses_edits(&self, edits: &[(&str, &str)]) {
        for (from, to) in edits {
            assert!(self.sealed.contains(from), "{from} in\n{}", self.sealed);
            self.refuses(&self.sealed.replacen(from, to, 1));
        }
    }

    fn token(&self, index: usize) -> &str {
        tokens(&self.sealed)[index]
    }
}

const YAML: &str = "\
host: db.prod
port: \"5432\"
tls: true
count: 7
on: x
env:
  - 1
  - pw: one
    user: a
  - pw: two
    user: b
db:
  pw: three
  pw2: clear
last:
  pw: four
";

fn yaml() -> Victim {
    Victim::new("yaml", YAML, passwords())
}

const JSON: &str = r#"{
  "host": "db.prod",
  "port": "5432",
  "tls": true,
  "count": 7,
  "env": [
    1,
    {"pw": "one", "user": "a"},
    {"pw": "two", "user": "b"}
  ],
  "db": {"pw": "three", "pw2": "clear"},
  "last": {
    "pw": "four"
  }
}
"#;

fn json() -> Victim {
    Victim::new("json", JSON, passwords())
}

const TOML: &str = r#"host = "db.prod"
port = "5432"
tls = true
count = 7

[[env]]
pw = "one"
user = "a"

[[env]]
pw = "two"
user = "b"

[db]
pw = "three"
pw2 = "clear"

[last]
pw = "four"
"#;

fn toml() -> Victim {
    Victim::new("toml", TOML, passwords())
}

#[test]
fn ac_04_a_clear_key_is_renamed() {
    yaml().refuses_edits(&[
        ("host:", "evil:"),
        ("pw2:", "pw3:"),
        ("user: a", "used: a"),
        ("tls:", "\"on\":"),
    ]);
    json().refuses_edits(&[("\"host\"", "\"evil\""), ("\"pw2\"", "\"pw3\""), ("\"user\"", "\"used\"")]);
    toml().refuses_edits(&[("host =", "evil ="), ("pw2", "pw3"), ("user", "used"), ("[db]", "[dc]")]);
}

#[test]
fn ac_05_bytes_move_between_clear_values() {
    let edit =
        |victim: Victim| victim.refuses(&victim.sealed.replace("db.prod", "db.prod54").replace("5432", "32"));
    [yaml(), json(), toml()].into_iter().for_each(edit);
    let victim = Victim::new("yaml", "a: {b: x, c: yz}\npw: t\n", passwords());
    victim.refuses_edits(&[
        ("b: x, c: yz", "b: xy, c: z"),
        ("b: x, c: yz", "c: x, b: yz"),
        ("b: x, c: yz", "c: yz, b: x"),
    ]);
}

#[test]
fn ac_06_a_clear_value_gets_another_type() {
    yaml().refuses_edits(&[
        ("true", "\"true\""),
        ("\"5432\"", "5432"),
        ("count: 7", "count: '7'"),
        ("count: 7", "count: 7.0"),
        ("count: 7", "count: +7"),
        ("count: 7", "count: !!str 7"),
        ("db.prod", "[db.prod]"),
        ("- 1\n", "- \"1\"\n"),
    ]);
    json().refuses_edits(&[
        ("true", "\"true\""),
        ("\"5432\"", "5432"),
        ("7", "7.0"),
        ("7", "7e0"),
        ("    1,", "    \"1\","),
    ]);
    toml().refuses_edits(&[("true", "\"true\""), ("\"5432\"", "5432"), ("= 7", "= 7.0"), ("= 7", "= 0x7")]);
}

#[test]
fn ac_07_an_empty_value_is_inserted() {
    for value in ["\"\"", "null", "{}", "[]", "", "0", "~"] {
        for policy in [passwords(), Policy::default()] {
            let victim = Victim::new("yaml", YAML, policy);
            let entry = format!("x: {value}\n");
            let last = victim.sealed.find("sealeaf:").unwrap();
            victim.refuses(&format!("{entry}{}", victim.sealed));
            victim.refuses(&format!("{}{entry}{}", &victim.sealed[..last], &victim.sealed[last..]));
            victim.refuses_edits(&[
                ("db:\n", &format!("db:\n  {entry}")),
                ("env:\n", &format!("env:\n  - {value}\n")),
            ]);
        }
    }
    for value in ["\"\"", "null", "{}", "[]", "0"] {
        for policy in [passwords(), Policy::default()] {
            let victim = Victim::new("json", JSON, policy);
            victim.refuses_edits(&[
                ("{\n", &format!("{{\n  \"x\": {value},\n")),
                ("[\n", &format!("[\n    {value},\n")),
                ("\"db\": {", &format!("\"db\": {{\"x\": {value}, ")),
            ]);
        }
    }
    for value in ["\"\"", "{}", "[]", "0"] {
        for policy in [passwords(), Policy::default()] {
            let victim = Victim::new("toml", TOML, policy);
            let entry = format!("x = {value}\n");
            victim.refuses(&format!("{entry}{}", victim.sealed));
            victim.refuses_edits(&[
                ("[db]\n", &format!("[db]\n{entry}")),
                ("[[env]]\n", &format!("[[env]]\n{entry}")),
                ("[db]\n", "[x]\n\n[db]\n"),
                ("[db]\n", "[[env]]\n\n[db]\n"),
                ("[db]\n", "[db.x]\n[db]\n"),
            ]);
        }
    }
}

#[test]
fn ac_08_tokens_are_deleted() {
    for policy in [passwords(), Policy::default()] {
        for victim in [Victim::new("yaml", YAML, policy.clone()), Victim::new("toml", TOML, policy)] {
            let lines: Vec<&str> = victim.sealed.split_inclusive('\n').collect();
            let is_token = |line: &&str| line.contains("sealed.v1.");
            for skip in (0..lines.len()).filter(|index| is_token(&lines[*index])) {
                victim.refuses(&[&lines[..skip], &lines[skip + 1..]].concat().concat());
            }
            victim.refuses(&lines.into_iter().filter(|line| !is_token(line)).collect::<String>());
        }
    }
    let victim = json();
    let first = format!("{{\"pw\": \"{}\", ", victim.token(0));
    victim.refuses_edits(&[(&first, "{"), ("\"last\": {\n    \"pw\"", "\"last\": {\n    \"px\"")]);
}

#[test]
fn ac_09_tokens_and_elements_are_swapped() {
    for victim in [yaml(), json(), toml()] {
        for (one, two) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
            victim.refuses(&swapped(&victim.sealed, victim.token(one), victim.token(two)));
        }
    }
    let victim = yaml();
    let element = |index: usize, user: &str| format!("  - pw: {}\n    user: {user}\n", victim.token(index));
    victim.refuses(&swapped(&victim.sealed, &element(0, "a"), &element(1, "b")));
    victim.refuses(&swapped(&victim.sealed, "  - 1\n", &element(0, "a")));
    let list = Victim::new("json", "{\"l\": [\n  \"a\",\n  \"b\",\n  \"c\"\n]}\n", Policy::default());
    let line = |index: usize| format!("  \"{}\"", list.token(index));
    list.refuses(&swapped(&list.sealed, &line(0), &line(1)));
    list.refuses(&swapped(&list.sealed, &line(1), &line(2)));
}

#[test]
fn ac_10_halves_of_tokens_are_swapped() {
    for victim in [yaml(), json(), toml()] {
        for (one, two) in [(0, 1), (1, 2), (0, 3)] {
            let ((vp, tail), (other, other_tail)) = (halves(victim.token(one)), halves(victim.token(two)));
            victim.refuses(&swapped(&victim.sealed, vp, other));
            victim.refuses(&swapped(&victim.sealed, tail, other_tail));
        }
    }
}

#[test]
fn ac_11_structure_is_bent() {
    let victim = yaml();
    let four = victim.token(3);
    victim.refuses_edits(&[
        (&format!("last:\n  pw: {four}"), &format!("last:\n  pw: [{four}]")),
        (&format!("last:\n  pw: {four}"), &format!("last:\n  - pw: {four}")),
        (&format!("last:\n  pw: {four}"), &format!("last.pw: {four}")),
        (&format!("last:\n  pw: {four}"), &format!("\"last:pw\": {four}")),
        (&format!("last:\n  pw: {four}"), &format!("last:\npw: {four}")),
        (&format!("last:\n  pw: {four}"), &format!("last: {{pw: {{pw: {four}}}}}")),
        ("  - 1\n", "  - [1]\n"),
        ("  - 1\n", "  - {\"0\": 1}\n"),
        ("host: db.prod", "host: {x: db.prod}"),
        ("  pw2: clear\n", "pw2: clear\n"),
        ("  pw2: clear\n", "db2:\n  pw2: clear\n"),
    ]);
    let victim = toml();
    victim.refuses_edits(&[
        ("[last]", "[[last]]"),
        ("[last]", "[db.last]"),
        ("[last]", "[x.last]"),
        ("[[env]]", "[env]"),
    ]);
    json().refuses_edits(&[
        ("    1,", "    [1],"),
        ("\"db\": {", "\"db\": [{"),
        ("\"db\": {\"pw\"", "\"db\": {\"db\": 1, \"pw\""),
    ]);
}

#[test]
fn ac_12_and_13_duplicate_keys_and_added_documents() {
    let victim = Victim::new("yaml", "pw: a\n---\npw: b\n", passwords());
    victim.refuses_edits(&[
        ("---\n", "---\npw: \"\"\n"),
        ("---\n", "---\n---\n"),
        ("---\n", "---\nx: null\n---\n"),
        ("pw: ", "x:\n---\npw: "),
        ("---\n", ""),
        ("sealeaf:", "pw: null\nsealeaf:"),
    ]);
    json().refuses_edits(&[
        ("\"host\"", "\"db\": {\"pw\": \"\"}, \"host\""),
        ("{\"pw\"", "{\"\\u0070w\": \"\", \"pw\""),
    ]);
    toml().refuses_edits(&[("[db]\n", "[db]\npw = \"\"\n"), ("[last]", "db.pw = \"\"\n[last]")]);
}

#[test]
fn ac_18_a_token_becomes_clear() {
    for policy in
        [passwords(), Policy::default(), Policy { selection: only(&["db"], &[]), ..Policy::default() }]
    {
        for (format, text) in [("yaml", YAML), ("json", JSON), ("toml", TOML)] {
            let victim = Victim::new(format, text, policy.clone());
            for token in tokens(&victim.sealed) {
                for value in ["\"evil\"", "\"\"", "{}", "7"] {
                    let quoted = format!("\"{token}\"");
                    let whole = if victim.sealed.contains(&quoted) { quoted.as_str() } else { token };
                    victim.refuses(&victim.sealed.replacen(whole, value, 1));
                }
            }
        }
    }
}

#[test]
fn ac_19_comments() {
    let policy = Policy { comments: Comments::Encrypt, ..passwords() };
    let texts = [
        ("yaml", "# one\na: 1\nb: 2 # two\nl:\n  - 1\n  # three\n  - 2\npw: x\n", "#"),
        (
            "json",
            "// one\n{\n  \"a\": 1,\n  \"b\": 2, // two\n  \"l\": [\n    1,\n    // three\n    2\n  ],\n  \"pw\": \"x\"\n}\n",
            "//",
        ),
        ("toml", "# one\na = 1\nb = 2 # two\n[t]\nl = [\n  1,\n  # three\n  2\n]\n[u]\npw = \"x\"\n", "#"),
    ];
    for (format, text, marker) in texts {
        let victim = Victim::new(format, text, policy.clone());
        let (first, third) = (victim.token(0).to_owned(), victim.token(2).to_owned());
        assert_eq!(tokens(&victim.sealed).len(), 4);
        victim.refuses(&format!("{marker} clear\n{}", victim.sealed));
        victim.refuses(&victim.sealed.replacen(&first, "clear", 1));
        for token in [&first, &third] {
            let line =
                victim.sealed.split_inclusive('\n').find(|line| line.contains(token.as_str())).unwrap();
            let without = victim.sealed.replacen(line, "", 1);
            victim.refuses(&without);
            let body = without.find("sealeaf").unwrap();
            let unseen = without[..body].match_indices('\n').filter(|(at, _)| {
                let text = format!("{}\n{}\n{}", &without[..*at], line.trim_end(), &without[at + 1..]);
                text != victim.sealed && opened(&victim.user, &text, victim.format).is_ok()
            });
            // Between clear entries of its own container no event parts one place from another (section 1).
            let unseen = unseen.count();
            assert!(unseen <= 1, "{format}: {unseen} places");
        }
        let pw =
            tokens(&victim.sealed).into_iter().find(|token| victim.sealed.contains(&format!("pw: {token}")));
        if let Some(pw) = pw {
            victim.refuses(&swapped(&victim.sealed, pw, &first));
        }
    }
    let plain = Victim::new("yaml", "# why\na: 1\npw: x\n", passwords());
    for odd in ["\u{2028}", "\u{2029}", "\u{85}", "\u{7f}", "\u{9b}", "\u{1b}"] {
        plain.refuses_edits(&[("# why", &format!("# why{odd}pw: evil"))]);
    }
}

#[test]
fn ac_19a_anchors_aliases_merge_keys_tags_and_values_of_no_width() {
    let text = "\
x: &a {k: 1}
y: &b {k: 2}
u: *a
m:
  <<: *a
  z: 3
pw: &p secret
q: *p
c: 4
t: !x 5
e:
";
    let victim = Victim::new("yaml", text, passwords());
    victim.refuses(&swapped(&victim.sealed, "&a", "&b"));
    let token = victim.token(0);
    victim.refuses_edits(&[
        ("y: &b", "y: &a"),
        ("c: 4", "c: &a 4"),
        ("c: 4", "c: *a"),
        ("u: *a", "u: *b"),
        ("u: *a", "u: {k: 1}"),
        ("  <<: *a\n", ""),
        ("  <<: *a\n", "  <<: *b\n"),
        ("  <<: *a\n", "  \"<<\": *a\n"),
        ("  <<: *a\n", "  <<: [*a, *b]\n"),
        ("  z: 3\n", "  z: 3\n  ? <<\n  : *b\n"),
        ("c: 4", "c: {<<: *a}"),
        ("q: *p", &format!("q: {token}")),
        (&format!("&p {token}"), &format!("&p !!binary {token}")),
        (&format!("&p {token}"), &format!("!t &p {token}")),
        ("c: 4", "c: !!str 4"),
        ("t: !x 5", "t: 5"),
        ("x: &a {", "x: &a !!set {"),
        ("x: &a", "%TAG !x! tag:x,2000:\n---\nx: &a"),
        ("x: &a", "%YAML 1.1\n---\nx: &a"),
        ("e:\n", "e:\nf:\n"),
        ("e:\n", "e: null\n"),
        ("e:\n", "e: \"\"\n"),
    ]);
}

#[test]
fn ac_19b_quotes_that_change_what_is_read() {
    let dotenv = "a=\"$x\" # c\nb='1'\nc=1\npw=\"x\" # d\nq.pw='y'\nr.pw=z\n";
    let rule =
        || Policy { selection: only(&["pw", "*.pw", "\"q.pw\"", "\"r.pw\""], &[]), ..Policy::default() };
    Victim::new("dotenv", dotenv, rule()).refuses_edits(&[
        ("\"$x\"", "'$x'"),
        ("\"$x\"", "$x"),
        ("'1'", "1"),
        ("c=1", "c='1'"),
        ("pw=\"sealed", "pw='sealed"),
        ("c=1\n", "c=1\nc=1\n"),
        ("c=1\n", "c=1\nr.pw=z\n"),
        ("c=1\n", ""),
    ]);
    let sealed = Victim::new("dotenv", dotenv, rule()).sealed;
    let user = User::new("alice");
    let open = user.seal(dotenv, by_name("dotenv").unwrap(), rule()).text.to_string();
    assert_eq!(tokens(&sealed).len(), 3);
    let dotenv = by_name("dotenv").unwrap();
    for (at, token) in tokens(&open).iter().enumerate() {
        for quotes in ["", "'", "\"", "`"].iter().enumerate().filter(|(index, _)| *index != [2, 1, 0][at]) {
            let old = ["\"", "'", ""][at];
            let changed = open.replace(&format!("{old}{token}{old}"), &format!("{0}{token}{0}", quotes.1));
            assert!(user.refused(&changed, dotenv), "{changed}");
        }
    }
    let ini = "a = \"1\"\n[s]\nb = 2\nflag\npw = \"x\"\n[s]\nb = 3\n  4\n[e]\n";
    Victim::new("ini", ini, passwords()).refuses_edits(&[
        ("\"1\"", "1"),
        ("\"1\"", "'1'"),
        ("b = 2", "b = \"2\""),
        ("flag\n", ""),
        ("flag\n", "flag =\n"),
        ("flag\n", "flag\nflag\n"),
        ("  4", "   4"),
        ("[e]\n", ""),
        ("[e]\n", "[e]\n[s]\n"),
        ("[s]\nb = 3", "[t]\nb = 3"),
        ("pw = \"sealed", "pw = sealed"),
    ]);
}

#[test]
fn ac_19b_quotes_that_change_the_meaning_for_older_readers() {
    let text = "a: \"NO\"\nb: \"on\"\nc: \"12:30:45\"\nd: \"1_000\"\n\"on\": 1\n\"1\": 2\ny: yes\npw: x\n";
    Victim::new("yaml", text, passwords()).refuses_edits(&[
        ("\"NO\"", "NO"),
        ("\"on\"\n", "on\n"),
        ("\"12:30:45\"", "12:30:45"),
        ("\"1_000\"", "1_000"),
        ("\"on\":", "on:"),
        ("\"1\":", "1:"),
        ("y: yes", "y: \"yes\""),
        ("y: yes", "\"y\": yes"),
    ]);
}
