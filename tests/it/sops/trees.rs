//! Random files: what we seal, `sops` opens to the same values as what it seals itself, and the reverse. A case is a
//! top-level entry; many stand in one file, because starting `sops` is what takes the time.

use sealeaf::document::{Document, KeyPath, Value};
use sealeaf::file::sops::{By, Selector};

use super::tool::{Sops, format, open, seal_text};
use crate::support::{Dice, number, skip};

/// Writes random text.
pub(super) struct Writer {
    dice: Dice,
    out: String,
    comments: usize,
    cases: usize,
    has_comments: bool,
}

impl Writer {
    pub(super) fn new(seed: u64, has_comments: bool) -> Self {
        Self { dice: Dice::new(seed), out: String::new(), comments: 0, cases: 0, has_comments }
    }

    pub(super) fn yaml(mut self, entries: usize) -> String {
        for entry in 0..entries {
            self.own_comment(0);
            let key = format!("top{entry}");
            self.value(&format!("{key}:"), 0, 0, false);
            self.cases += 1;
        }
        self.out
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        let form = *self.dice.pick(&["# c", "#c", "#  é: ", "## "]);
        format!("{form}{}", self.comments)
    }

    fn own_comment(&mut self, indent: usize) {
        if self.has_comments && self.dice.chance(20) {
            let comment = self.comment();
            self.line(&format!("{}{comment}", " ".repeat(indent)));
        } else if self.dice.chance(5) {
            self.line("");
        }
    }

    fn end_comment(&mut self) -> String {
        if self.has_comments && self.dice.chance(10) { format!(" {}", self.comment()) } else { String::new() }
    }

    fn scalar(&mut self, flow: bool) -> String {
        match self.dice.roll(4) {
            0 => format!("\"{}\"", self.dice.pick(DOUBLE)),
            1 => format!("'{}'", self.dice.pick(SINGLE)),
            _ => {
                let text = *self.dice.pick(PLAIN);
                if flow && text.contains([',', '[', ']', '{', '}', ':', '#']) {
                    "z".to_owned()
                } else {
                    text.to_owned()
                }
            }
        }
    }

    fn flow(&mut self, level: usize) -> String {
        let count = self.dice.roll(4);
        match self.dice.roll(5) {
            0 | 1 if level < 2 => {
                let items: Vec<String> = (0..count).map(|_| self.flow(level + 1)).collect();
                format!("[{}]", items.join(", "))
            }
            2 if level < 2 => {
                let pairs: Vec<String> =
                    (0..count).map(|key| format!("k{key}: {}", self.flow(level + 1))).collect();
                format!("{{{}}}", pairs.join(", "))
            }
            _ => self.scalar(true),
        }
    }

    fn value(&mut self, lead: &str, indent: usize, level: usize, in_list: bool) {
        match self.dice.roll(20) {
            10 | 11 if level < 4 => self.block(lead, indent),
            12 => {
                let (flow, end) = (self.flow(0), self.end_comment());
                self.line(&format!("{lead} {flow}{end}"));
            }
            13 => {
                let end = self.end_comment();
                self.line(&format!("{lead}{end}"));
            }
            14..=16 if level < 4 => {
                self.line(lead);
                self.map(indent + 2, level + 1);
            }
            17..=19 if level < 4 => {
                self.line(lead);
                let step = if in_list { 2 } else { *self.dice.pick(&[0, 2]) };
                self.list(indent + step, level + 1);
            }
            _ => {
                let (scalar, end) = (self.scalar(false), self.end_comment());
                self.line(&format!("{lead} {scalar}{end}"));
            }
        }
    }

    fn block(&mut self, lead: &str, indent: usize) {
        let body = *self.dice.pick(BLOCKS);
        let style = *self.dice.pick(&["|", "|", ">"]);
        let chomp = if body.ends_with("\n\n") { "+" } else { *self.dice.pick(&["", "-"]) };
        self.line(&format!("{lead} {style}{chomp}"));
        for line in body.split_terminator('\n') {
            let text =
                if line.is_empty() { String::new() } else { format!("{}{line}", " ".repeat(indent + 2)) };
            self.line(&text);
        }
    }

    fn map(&mut self, indent: usize, level: usize) {
        let first = self.dice.roll(KEYS.len());
        for step in 0..=self.dice.roll(3) {
            self.own_comment(indent);
            let key = KEYS[(first + step * 3) % KEYS.len()];
            self.value(&format!("{}{key}:", " ".repeat(indent)), indent, level, false);
        }
    }

    fn list(&mut self, indent: usize, level: usize) {
        for _ in 0..=self.dice.roll(3) {
            self.own_comment(indent);
            self.value(&format!("{}-", " ".repeat(indent)), indent, level, true);
        }
    }

    pub(super) fn json(&mut self, level: usize) -> String {
        let count = self.dice.roll(4);
        match self.dice.roll(10) {
            0 | 1 if level < 4 => {
                let items: Vec<String> = (0..count).map(|_| self.json(level + 1)).collect();
                format!("[{}]", items.join(", "))
            }
            2 | 3 if level < 4 => {
                let pairs: Vec<String> = (0..count)
                    .map(|key| format!("\"{}\": {}", KEYS_JSON[key], self.json(level + 1)))
                    .collect();
                format!("{{{}}}", pairs.join(",\n  "))
            }
            4 | 5 => (*self.dice.pick(&["true", "false", "null"])).to_owned(),
            6 | 7 => (*self.dice.pick(NUMBERS)).to_owned(),
            _ => format!("\"{}\"", self.dice.pick(STRINGS)),
        }
    }
}

/// What all leaves mean, expanded, with their paths.
fn leaves(document: &Document) -> Vec<(KeyPath, Value)> {
    document.expanded_leaves().unwrap()
}

fn selectors() -> [Option<Selector>; 7] {
    let some = |by, text| Some(Selector::new(by, text).unwrap());
    [
        None,
        some(By::EncryptedRegex, "^(key|data|top1)$"),
        some(By::UnencryptedRegex, "^a|top2"),
        some(By::EncryptedSuffix, "y"),
        some(By::UnencryptedSuffix, "y"),
        some(By::EncryptedCommentRegex, "é"),
        some(By::UnencryptedCommentRegex, "é:"),
    ]
}

/// One file. Gives how many entries were compared.
fn exchange(sops: &Sops, text: &str, name: &'static str, selector: Option<Selector>) -> usize {
    let by_comment = selector.as_ref().is_some_and(|selector| selector.by().is_by_comment());
    let flag = selector.as_ref().map(|own| format!("--{}", own.by().name().replace('_', "-")));
    let options: Vec<&str> = match (&flag, &selector) {
        (Some(flag), Some(selector)) if !by_comment => vec![flag.as_str(), selector.text()],
        _ => Vec::new(),
    };
    let sealed =
        seal_text(text, format(name), selector.clone()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let ours = sops.decrypt(&sealed.text, name, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let opened = open(&sealed.text, format(name)).unwrap();
    if sealed.exact {
        assert_eq!(opened.plain().source.as_str(), text);
    }
    // By comments alone only the legacy flags choose; what must be the same is the same whatever is chosen.
    let Ok(there) = sops.encrypt(text, name, &options) else { panic!("sops takes no\n{text}") };
    let Ok(shown) = sops.decrypt(&there, name, &[]) else { return 0 };
    let without_comments = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.map(|line| line.replacen("- # ", "- ", 1)).collect::<Vec<_>>()
    };
    if text.contains('#') {
        let parse = |text: &str| leaves(&format(name).parse(text, &super::tool::limits()).unwrap());
        assert_eq!(parse(&ours), parse(&shown), "{text}");
    } else {
        assert_eq!(without_comments(&ours), without_comments(&shown), "{text}");
    }
    let opened = open(&there, format(name)).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let again = seal_text(&opened.plain().source, format(name), selector).unwrap();
    let again = sops.decrypt(&again.text, name, &[]).unwrap();
    let parse = |text: &str| leaves(&format(name).parse(text, &super::tool::limits()).unwrap());
    assert_eq!(parse(&again), parse(&shown), "{text}\n{}", opened.plain().source.as_str());
    1
}

#[test]
fn random_yaml() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let rounds = number("SEALEAF_SOPS_ROUNDS").unwrap_or(49);
    let mut cases = 0;
    for round in 0..rounds {
        let has_comments = round % 2 == 1;
        let text = Writer::new(round, has_comments).yaml(ENTRIES);
        let selector = selectors()[usize::try_from(round).unwrap() % 7].clone();
        cases += exchange(&sops, &text, "yaml", selector) * ENTRIES;
    }
    assert!(rounds < 49 || cases > 1600, "only {cases} cases");
}

#[test]
fn random_json() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let rounds = number("SEALEAF_SOPS_ROUNDS").unwrap_or(15);
    for round in 0..rounds {
        let mut writer = Writer::new(1000 + round, false);
        let entries: Vec<String> =
            (0..ENTRIES).map(|entry| format!("  \"top{entry}\": {}", writer.json(0))).collect();
        let text = format!("{{\n{}\n}}\n", entries.join(",\n"));
        let selector = selectors()[usize::try_from(round).unwrap() % 5].clone();
        exchange(&sops, &text, "json", selector);
    }
}

/// Entries of one file.
const ENTRIES: usize = 40;

const KEYS: &[&str] = &[
    "a",
    "b",
    "key",
    "y",
    "on",
    "data",
    "x_unencrypted",
    "\"q k\"",
    "'s'",
    "\"5\"",
    "password",
    "a.b",
    "é",
    "with space",
    "\"a:b\"",
    "-k",
    "enc_encrypted",
];
const KEYS_JSON: &[&str] = &["a", "key", "q k", "é\\n"];
const PLAIN: &[&str] = &[
    "abc",
    "hello world",
    "5",
    "-42",
    "0644",
    "0x1F",
    "0b11",
    "0o17",
    "1_000",
    "1.5",
    "1.50",
    "1.0",
    "1e3",
    "1e21",
    ".5",
    "5.",
    "true",
    "TRUE",
    "False",
    "~",
    "null",
    "2024-01-02",
    "2024-01-02T03:04:05.10Z",
    "2024-01-02 03:04:05",
    "2001-12-14t21:59:43.10-05:00",
    "yes",
    "no",
    "on",
    "y",
    "N",
    "1:30",
    "08",
    ".inf",
    "-.INF",
    ".nan",
    "foo:bar",
    "a-b/c.d",
    "héllo",
    "日本",
    "x#y",
    "http://a.b/c?d=e",
    "-x",
    "<<x",
    "9007199254740993",
    "12345678901234567890123",
    "+5",
    "-0",
    "it's",
    "a \"q\" b",
    "emoji 😀",
    "\\n",
    "a\\b",
    "0X1F",
    "1e400",
];
const DOUBLE: &[&str] = &[
    "",
    "a",
    "a\\nb",
    "tab\\tx",
    "q\\\"q",
    "\\u00e9",
    "yes",
    "5",
    "null",
    " lead",
    "trail ",
    "a: b",
    "x #y",
    "back\\\\slash",
    "[x]",
    "{a}",
    "multi\\nline\\n",
    "é",
    "\\0",
    "\\x07",
    "2024-01-02",
    "\\U0001F600",
    "\\r\\n",
];
const SINGLE: &[&str] =
    &["", "a", "it''s", "5", "true", "a: b", "# no", "x\\n", " sp ", "é", "- x", "%a", "=", "~"];
const BLOCKS: &[&str] = &[
    "one\n",
    "one\ntwo\n",
    "one\n\ntwo\n",
    "a: b\nc: d\n",
    "x\n\n\n",
    "tab\there\n",
    "é\n",
    "-----BEGIN X-----\nabc\n-----END X-----\n",
    "one\n  deeper\nback\n",
];
const NUMBERS: &[&str] =
    &["0", "-1", "1.5", "1e3", "2.50", "9007199254740992", "1e21", "1.0", "-0.25", "123456789.125"];
const STRINGS: &[&str] =
    &["", "a", "<&>", "é", "\\u00e9\\n", "a\\\\b", "\\/x", "😀", "1", "true", "\\u0001", "a: b"];
