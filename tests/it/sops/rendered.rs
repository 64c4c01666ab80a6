//! What we render in another format, against what `sops --output-type` prints.

use sealeaf::document::Document;
use sealeaf::file::sops::render::{Layout, PathPart, RenderError, extract, render};
use sealeaf::format::stores;

use super::tool::{Sops, format, limits, open};
use super::trees::Writer;
use crate::support::{Dice, number, skip};

fn rendered(plain: &Document, to: &str) -> Result<String, RenderError> {
    render(plain, format(to), &Layout::default()).map(|text| text.to_string())
}

/// Top-level entries, each with its lines.
fn entries(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        match found.last_mut() {
            Some(last) if !(line.starts_with("top") || line.starts_with("\t\"top")) => last.push_str(line),
            _ => found.push(line.to_owned()),
        }
    }
    found
}

/// SOPS writes the width of a level where YAML wants the difference.
fn without_hints(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('|') {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let is_hint =
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest[1..].starts_with(['\n', '-', '+']);
        rest = if is_hint { &rest[1..] } else { rest };
    }
    out.push_str(rest);
    out
}

/// Encrypts with `sops`, opens, and compares what both make of it. Gives the entries that are the same, and the others.
fn compare(sops: &Sops, text: &str, from: &str, to: &str) -> (usize, Vec<(String, String)>) {
    let there = sops.encrypt(text, from, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let opened = open(&there, format(from)).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let theirs = sops.decrypt(&there, from, &["--output-type", to]);
    let ours = rendered(opened.plain(), to);
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => {
            let (theirs, ours) = (entries(&without_hints(&theirs)), entries(&without_hints(&ours)));
            if theirs.len() != ours.len() {
                return (0, vec![(theirs.concat(), ours.concat())]);
            }
            let (same, other): (Vec<_>, Vec<_>) = theirs.into_iter().zip(ours).partition(|(a, b)| a == b);
            (same.len(), other)
        }
        (Err(_), Err(_)) => (1, Vec::new()),
        (theirs, ours) => (0, vec![(format!("{theirs:?}"), format!("{ours:?}"))]),
    }
}

#[test]
fn random_yaml_in_yaml_and_json() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let rounds = number("SEALEAF_SOPS_ROUNDS").unwrap_or(12);
    let (mut same, mut other) = (0, Vec::new());
    for round in 0..rounds {
        for to in ["yaml", "json"] {
            let text = Writer::new(5000 + round, false)
                .yaml(40)
                .replace(".inf", "1")
                .replace("-.INF", "2")
                .replace(".nan", "3");
            let (count, found) = compare(&sops, &text, "yaml", to);
            same += count;
            other.extend(found);
        }
    }
    assert!(
        other.is_empty(),
        "{same} are the same, {} are not: {:#?}",
        other.len(),
        &other[..other.len().min(5)]
    );
    assert!(rounds < 12 || same > 800, "{same}");
}

#[test]
fn comments_in_yaml() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let (mut same, mut other) = (0, Vec::new());
    for round in 0..number("SEALEAF_SOPS_ROUNDS").unwrap_or(10) {
        let text = Writer::new(6000 + round, true).yaml(40);
        let (count, found) = compare(&sops, &text, "yaml", "yaml");
        same += count;
        // SOPS loses the comments of empty collections, and some before lists.
        let lines = |text: &str| {
            text.lines()
                .filter(|line| !line.trim_start().starts_with('#'))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for (theirs, ours) in found {
            assert_eq!(lines(&theirs), lines(&ours), "{text}");
            other.push((theirs, ours));
        }
    }
    assert!(
        other.len() * 20 < same,
        "{same} are the same, {} are not: {:#?}",
        other.len(),
        &other[..other.len().min(5)]
    );
}

#[test]
fn random_json_in_yaml_and_json() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let (mut same, mut other) = (0, Vec::new());
    for round in 0..number("SEALEAF_SOPS_ROUNDS").unwrap_or(10) {
        let mut writer = Writer::new(7000 + round, false);
        let entries: Vec<String> =
            (0..40).map(|entry| format!("  \"top{entry}\": {}", writer.json(0))).collect();
        let text = format!("{{\n{}\n}}\n", entries.join(",\n"));
        for to in ["yaml", "json"] {
            // To SOPS 3.11 all numbers of JSON are floats, which shows in large ones and in YAML.
            let text = text.replace("9007199254740992", "7").replace("1e21", "8");
            let (count, found) = compare(&sops, &text, "json", to);
            same += count;
            other.extend(found);
        }
    }
    assert!(
        other.is_empty(),
        "{same} are the same, {} are not: {:#?}",
        other.len(),
        &other[..other.len().min(5)]
    );
}

#[test]
fn scalars_in_lines() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let mut dice = Dice::new(1);
    let values = [
        "abc",
        "5",
        "-42",
        "1.5",
        "1.0",
        "12345678.5",
        "1e-7",
        "1e6",
        "true",
        "2024-01-02",
        "2024-01-02T03:04:05.10Z",
        "2001-12-14t21:59:43.10-05:00",
        ".inf",
        "-.inf",
        ".nan",
        "\"a\\nb\"",
        "'q \"x\" `y` #z;'",
        "' sp '",
        "''",
        "0x1F",
        "héllo",
        "\"tab\\tx\"",
        "'#c'",
        "'a;b'",
        "'`'",
        "'a=b'",
        "x:y",
    ];
    for _ in 0..number("SEALEAF_SOPS_ROUNDS").unwrap_or(8) {
        let mut flat = String::new();
        let mut sections = String::new();
        for entry in 0..30 {
            let comment = if dice.chance(30) { format!("# c{entry}\n") } else { String::new() };
            flat.push_str(&format!("{comment}top{entry}: {}\n", dice.pick(&values)));
            sections.push_str(&format!(
                "top{entry}:\n  {}k: {}\n  long key: {}\n",
                comment.replace('\n', "\n  "),
                dice.pick(&values),
                dice.pick(&values)
            ));
        }
        for (text, to) in [(&flat, "dotenv"), (&sections, "ini")] {
            let (_, other) = compare(&sops, text, "yaml", to);
            assert!(other.is_empty(), "{text}\n{other:#?}");
        }
    }
}

#[test]
fn files_of_lines_in_other_formats() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let env = "# c\nA=1\n\nexport B=x y\nM=a\\nb\nQ=\"q\"\nE=\n#  d\n";
    let ini = "; top\na = 1\n[s] ; t\n; k1\n; k2\nk = v ; i\nlong = `a ; b`\nmulti = \"\"\"x\ny\"\"\"\nsp = \" x \"\n[e]\n[t]\nu=\n";
    for to in ["yaml", "json", "dotenv", "ini"] {
        for (text, from) in [(env, "dotenv"), (ini, "ini"), ("[s]\nk = v\n", "ini")] {
            let (_, other) = compare(&sops, text, from, to);
            assert!(other.is_empty(), "{from} in {to}: {other:#?}");
        }
    }
    // Bytes that are text.
    sops.write("sealed.bin", &sops.encrypt("a: b\n", "binary", &[]).unwrap());
    let opened = open(&std::fs::read_to_string(sops.path("sealed.bin")).unwrap(), format("binary")).unwrap();
    for to in ["yaml", "json", "dotenv", "binary"] {
        let theirs = sops.output(&["decrypt", "--output-type", to, "sealed.bin"]).unwrap();
        assert_eq!(rendered(opened.plain(), to).unwrap(), theirs);
    }
}

#[test]
fn parts_of_documents() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let text = "# top\na: 1\nf: 1.5\nt: 2024-01-02\nb: true\nn: ~\ns: \"x y\\n\"\nl:\n  # c\n  - x\n  - {k: v, d: [1]}\nm:\n  # in\n  k: v\n  e: {}\n---\nz: 1\n";
    let there = sops.encrypt(text, "yaml", &[]).unwrap();
    let path = sops.write("sealed.yaml", &there);
    let opened = open(&there, format("yaml")).unwrap();
    let key = |text: &str| PathPart::Key(text.to_owned());
    let at = PathPart::Index;
    for parts in [
        vec![key("a")],
        vec![key("f")],
        vec![key("t")],
        vec![key("b")],
        vec![key("n")],
        vec![key("s")],
        vec![key("l")],
        vec![key("l"), at(0)],
        vec![key("l"), at(1)],
        vec![key("l"), at(2)],
        vec![key("l"), at(2), key("d")],
        vec![key("m")],
        vec![key("m"), key("k")],
        vec![key("m"), key("e")],
        vec![key("q")],
        vec![key("l"), at(9)],
    ] {
        let shown: String = parts
            .iter()
            .map(|part| match part {
                PathPart::Key(key) => format!("[\"{key}\"]"),
                PathPart::Index(index) => format!("[{index}]"),
            })
            .collect();
        for to in ["yaml", "json", "dotenv", "ini", "binary"] {
            let theirs = sops
                .output(&["decrypt", "--extract", &shown, "--output-type", to, path.to_str().unwrap()])
                .ok();
            let ours = extract(opened.plain(), &parts, format(to), &Layout::default());
            assert_eq!(ours.ok().map(|text| text.to_string()), theirs, "{shown} in {to}");
        }
    }
}

/// The same text, whoever parses it.
#[test]
fn plain_texts_need_no_envelope() {
    let document = stores::of(format("dotenv")).parse("A=1\n", &limits()).unwrap();
    assert_eq!(rendered(&document, "json").unwrap(), "{\n\t\"A\": \"1\"\n}\n");
}
