//! What someone without a key does to a file's text.

use super::tokens;
use crate::support::Dice;

/// What an attacker has.
pub(super) struct Material<'a> {
    pub(super) versions: &'a [String],
    /// Another file of the same recipients.
    pub(super) other: &'a [String],
    pub(super) format: &'static str,
}

/// One to four manipulations of the last version, seldom of an older one.
pub(super) fn manipulate(material: &Material<'_>, dice: &mut Dice) -> String {
    let newest = &material.versions[material.versions.len() - 1];
    let start = if dice.chance(75) { newest } else { dice.pick(material.versions) };
    let mut text = start.clone();
    for _ in 0..*dice.pick(&[1, 1, 1, 1, 2, 2, 3, 4]) {
        text = once(&text, material, dice);
    }
    text
}

fn once(text: &str, material: &Material<'_>, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    match dice.roll(34) {
        0 => drop(lines.remove(dice.roll(lines.len()))),
        1 => {
            let line = dice.pick(&lines).clone();
            lines.insert(dice.roll(lines.len() + 1), line);
        }
        2 => {
            let (a, b) = (dice.roll(lines.len()), dice.roll(lines.len()));
            lines.swap(a, b);
        }
        3 => {
            let at = dice.roll(lines.len());
            let others = foreign(material, dice);
            lines[at] = dice.pick(&others).clone();
        }
        4 => {
            let others = foreign(material, dice);
            let line = dice.pick(&others).clone();
            lines.insert(dice.roll(lines.len() + 1), line);
        }
        5..=8 => counterparts(&mut lines, material, dice),
        9 => splice_blocks(&mut lines, material, dice),
        10 | 11 => move_block(&mut lines, dice),
        12 | 13 => return mix(text, material, dice),
        14 => return whole_merge(text, material, dice),
        15 => return metadata_of_another(text, material, dice),
        16 => rename_key(&mut lines, dice),
        17 => clear_value(&mut lines, dice),
        18 => insert_line(&mut lines, dice),
        19 => indent(&mut lines, dice),
        20 => decorate(&mut lines, dice),
        21 => documents(&mut lines, dice),
        22 => comments(&mut lines, dice),
        23 => words(&mut lines, dice),
        24 => recipients(&mut lines, material, dice),
        25 => harmless(&mut lines, dice),
        _ => tokens::manipulate(&mut lines, material, dice),
    }
    lines.concat()
}

/// The lines of another version, seldom of another file.
pub(super) fn foreign(material: &Material<'_>, dice: &mut Dice) -> Vec<String> {
    let texts = if dice.chance(15) { material.other } else { material.versions };
    dice.pick(texts).split_inclusive('\n').map(str::to_owned).collect()
}

/// What stands before a line's value.
pub(super) fn key_of(line: &str) -> &str {
    line.find([':', '=']).map_or(line, |end| &line[..end])
}

/// Lines become those of the same key in another version: one line, or a few.
fn counterparts(lines: &mut [String], material: &Material<'_>, dice: &mut Dice) {
    let others = foreign(material, dice);
    for _ in 0..*dice.pick(&[1, 1, 2, 5]) {
        let at = dice.roll(lines.len());
        let key = key_of(&lines[at]);
        let same: Vec<&String> = others.iter().filter(|other| key_of(other) == key).collect();
        if !same.is_empty() {
            lines[at] = (*dice.pick(&same)).clone();
        }
    }
}

/// A line with everything that is indented deeper.
fn block(lines: &[String], start: usize) -> usize {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let rest = lines[start + 1..].iter().take_while(|line| depth(line) > depth(&lines[start]));
    start + 1 + rest.count()
}

fn splice_blocks(lines: &mut Vec<String>, material: &Material<'_>, dice: &mut Dice) {
    let others = foreign(material, dice);
    let at = dice.roll(lines.len());
    let key = key_of(&lines[at]);
    let same: Vec<usize> = (0..others.len()).filter(|index| key_of(&others[*index]) == key).collect();
    if !same.is_empty() {
        let from = *dice.pick(&same);
        let end = block(lines, at);
        lines.splice(at..end, others[from..block(&others, from)].iter().cloned());
    }
}

/// List elements, tables, sections, recipients change places.
fn move_block(lines: &mut Vec<String>, dice: &mut Dice) {
    let at = dice.roll(lines.len());
    let end = if dice.chance(60) { block(lines, at) } else { (at + 1 + dice.roll(4)).min(lines.len()) };
    let moved: Vec<String> = lines[at..end].to_vec();
    if !dice.chance(20) {
        lines.drain(at..end);
    }
    let depth = |line: &String| line.len() - line.trim_start().len();
    let like: Vec<usize> =
        (0..lines.len()).filter(|index| depth(&lines[*index]) == moved.first().map_or(0, depth)).collect();
    let to = if like.is_empty() { dice.roll(lines.len() + 1) } else { *dice.pick(&like) };
    lines.splice(to..to, moved);
}

/// Line by line from two versions.
fn mix(text: &str, material: &Material<'_>, dice: &mut Dice) -> String {
    let other = dice.pick(material.versions);
    let share = *dice.pick(&[10, 50, 90]);
    match diff(text, other) {
        Some(choices) => {
            choices.into_iter().map(|(ours, theirs)| if dice.chance(share) { theirs } else { ours }).collect()
        }
        None => text.to_owned(),
    }
}

/// Both texts cut where they differ.
fn diff(a: &str, b: &str) -> Option<Vec<(String, String)>> {
    let a: Vec<&str> = a.split_inclusive('\n').collect();
    let b: Vec<&str> = b.split_inclusive('\n').collect();
    let (mut out, mut at, mut from) = (Vec::new(), 0, 0);
    while at < a.len() || from < b.len() {
        if a.get(at) == b.get(from) {
            let line = a.get(at)?.to_string();
            out.push((line.clone(), line));
            (at, from) = (at + 1, from + 1);
            continue;
        }
        // The nearest line that both have ends the piece.
        let (mut ends, mut best) = ((a.len(), b.len()), usize::MAX);
        for (skip, line) in a[at..].iter().enumerate().take(12) {
            if let Some(other) = b[from..].iter().take(12).position(|other| other == line)
                && skip + other < best
            {
                (ends, best) = ((at + skip, from + other), skip + other);
            }
        }
        let (ours, theirs) = (&a[at..ends.0], &b[from..ends.1]);
        if ours.len() == theirs.len() {
            out.extend(ours.iter().zip(theirs).map(|(a, b)| ((*a).to_owned(), (*b).to_owned())));
        } else {
            out.push((ours.concat(), theirs.concat()));
        }
        (at, from) = ends;
    }
    Some(out)
}

/// A merge that nobody made.
fn whole_merge(text: &str, material: &Material<'_>, dice: &mut Dice) -> String {
    let (base, theirs) = (dice.pick(material.versions), dice.pick(material.versions));
    diffy::merge(base, text, theirs).unwrap_or_else(|conflict| conflict)
}

fn metadata_of_another(text: &str, material: &Material<'_>, dice: &mut Dice) -> String {
    let marker = match material.format {
        "yaml" => "\nsealeaf:",
        "json" => "\n  \"sealeaf\":",
        _ => "\n[sealeaf]",
    };
    let texts = if dice.chance(15) { material.other } else { material.versions };
    let other = dice.pick(texts);
    match (text.find(marker), other.find(marker)) {
        (Some(end), Some(start)) => format!("{}{}", &text[..end], &other[start..]),
        _ => text.to_owned(),
    }
}

fn rename_key(lines: &mut [String], dice: &mut Dice) {
    let at = dice.roll(lines.len());
    let key = key_of(&lines[at]).to_owned();
    let name = key.trim().trim_start_matches("- ").trim_matches('"').to_owned();
    let new = match dice.roll(5) {
        0 => format!("{name}x"),
        1 => key_of(&lines[dice.roll(lines.len())])
            .trim()
            .trim_start_matches("- ")
            .trim_matches('"')
            .to_owned(),
        2 => format!("\"{name}\""),
        3 => "<<".to_owned(),
        _ => (*dice.pick(&["on", "pw", "db", "1", "null", "\"\"", "a\u{2028}b"])).to_owned(),
    };
    if !name.is_empty() {
        lines[at] = lines[at].replacen(&name, &new, 1);
    }
}

fn clear_value(lines: &mut [String], dice: &mut Dice) {
    let at = dice.roll(lines.len());
    let line = lines[at].clone();
    let Some(start) = line.find(": ").or_else(|| line.find("= ")) else { return };
    let comma = if line.trim_end().ends_with(',') { "," } else { "" };
    let value = *dice.pick(&["\"evil\"", "null", "\"\"", "{}", "[]", "7", "true", "*a0", "[1, 2]", "{a: 1}"]);
    lines[at] = format!("{}{value}{comma}\n", &line[..start + 2]);
}

fn insert_line(lines: &mut Vec<String>, dice: &mut Dice) {
    let line = *dice.pick(&[
        "zz: 1\n",
        "zz:\n",
        "  zz: evil\n",
        "    zz: {}\n",
        "- zz\n",
        "  - zz\n",
        "zz: *a0\n",
        "<<: *a0\n",
        "\"zz\": 1,\n",
        "\"zz\": {},\n",
        "\"zz\",\n",
        "zz = 1\n",
        "[zz]\n",
        "[[zz]]\n",
        "pw: evil\n",
        "}\n",
        "{\n",
        "],\n",
        "zz: &a0 1\n",
        "? zz\n: 1\n",
        "zz: !t\n",
    ]);
    lines.insert(dice.roll(lines.len() + 1), line.to_owned());
}

fn indent(lines: &mut [String], dice: &mut Dice) {
    let at = dice.roll(lines.len());
    let end = if dice.chance(50) { at + 1 } else { block(lines, at) };
    let deeper = dice.chance(50);
    for line in &mut lines[at..end] {
        *line = match line.strip_prefix("  ") {
            Some(shorter) if !deeper => shorter.to_owned(),
            _ => format!("  {line}"),
        };
    }
}

/// Anchors, tags and aliases come, go and change.
fn decorate(lines: &mut [String], dice: &mut Dice) {
    let at = dice.roll(lines.len());
    let (from, to) = *dice.pick(&[
        (": ", ": &a0 "),
        (": ", ": !t "),
        (": ", ": &a1 !!str "),
        ("&a0", "&a1"),
        ("&a1", "&a0"),
        ("&a2 ", ""),
        ("*a0", "*a1"),
        ("*a1", "*a0"),
        ("!t ", ""),
        ("!!str ", "!t "),
        ("- ", "- &a0 "),
        ("- ", "- !t "),
        (":\n", ": &a0\n"),
        (":\n", ": !t\n"),
        ("&a0 !t", "!t &a0"),
        ("- ", "-\n"),
        (": ", ": "),
        (": ", ":  "),
    ]);
    let all = dice.chance(30);
    for (index, line) in lines.iter_mut().enumerate() {
        if all || index == at {
            *line = line.replacen(from, to, 1);
        }
    }
}

fn documents(lines: &mut Vec<String>, dice: &mut Dice) {
    let cuts: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].starts_with("---")).collect();
    match dice.roll(5) {
        0 if !cuts.is_empty() => drop(lines.remove(*dice.pick(&cuts))),
        1 | 2 if !cuts.is_empty() => {
            let cut = *dice.pick(&cuts);
            let end = cuts.iter().copied().find(|other| *other > cut).unwrap_or(lines.len());
            let second: Vec<String> = lines.drain(cut..end).collect();
            let at = *dice
                .pick(&cuts.iter().copied().filter(|at| *at <= lines.len()).chain([0]).collect::<Vec<_>>());
            lines.splice(at..at, second);
        }
        _ => {
            let line = *dice.pick(&[
                "---\n",
                "...\n",
                "%YAML 1.1\n---\n",
                "--- {}\n",
                "--- &a0\n",
                "---\n---\n",
                "\u{feff}",
            ]);
            lines.insert(dice.roll(lines.len() + 1), line.to_owned());
        }
    }
}

/// Comments move and change, sealed ones too.
fn comments(lines: &mut Vec<String>, dice: &mut Dice) {
    let starts = |line: &String| line.find("# ").or_else(|| line.find("// "));
    let with: Vec<usize> = (0..lines.len()).filter(|index| starts(&lines[*index]).is_some()).collect();
    if with.is_empty() {
        let text = *dice.pick(&[
            "# new\n",
            "// new\n",
            "# new\u{2028}zz: 1\n",
            "#!evil\n",
            "# yaml-language-server: x\n",
        ]);
        lines.insert(dice.roll(lines.len() + 1), text.to_owned());
        return;
    }
    let (a, b) = (*dice.pick(&with), *dice.pick(&with));
    let (start, other) = (starts(&lines[a]).unwrap_or(0), starts(&lines[b]).unwrap_or(0));
    let (one, two) = (lines[a][start..].to_owned(), lines[b][other..].to_owned());
    match dice.roll(4) {
        0 => {
            lines[a].truncate(start);
            lines[a] += &two;
            if a != b {
                lines[b].truncate(other);
                lines[b] += &one;
            }
        }
        1 => {
            lines[a].truncate(start);
            lines[a] += "\n";
        }
        2 => {
            lines[a].truncate(start);
            lines[a] += "\n";
            let at = dice.roll(lines.len());
            let line = format!("{} {one}", lines[at].trim_end_matches('\n'));
            lines[at] = line;
        }
        _ => lines.insert(dice.roll(lines.len() + 1), one),
    }
}

/// Modes, numbers and patterns of the metadata.
fn words(lines: &mut [String], dice: &mut Dice) {
    let (from, to) = *dice.pick(&[
        ("bound", "free"),
        ("free", "bound"),
        ("linked", "sealed"),
        ("sealed\n", "linked\n"),
        ("plain", "encrypt"),
        ("encrypt\n", "plain\n"),
        ("strip", "plain"),
        ("buckets", "none"),
        ("none", "buckets"),
        ("prod", "dev"),
        ("\"**\"", "\"db\""),
        ("\"db\"", "\"**\""),
        ("**.pw", "**.px"),
        ("**.host", "**"),
        ("epoch: 1", "epoch: 2"),
        ("epoch: 2", "epoch: 1"),
        ("threshold: 1", "threshold: 0"),
        ("threshold: 1", "threshold: 2"),
        ("version: 1", "version: 2"),
        ("alice", "mallory"),
        ("bob", "alice"),
        ("      break_glass: true\n", ""),
        ("name: alice\n", "name: alice\n          break_glass: true\n"),
        ("scope: prod\n", ""),
        ("encrypt:\n", "encrypt:\n    - zz\n"),
        ("encrypt:\n", "clear:\n    - \"**\"\n  encrypt:\n"),
        ("name: db", "name: pw"),
        ("name: ", "name: x"),
    ]);
    let json = (from.replacen(": ", "\": ", 1), to.replacen(": ", "\": ", 1));
    let toml = (from.replacen(": ", " = ", 1), to.replacen(": ", " = ", 1));
    for (from, to) in [(from.to_owned(), to.to_owned()), json, toml] {
        let with: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].contains(&from)).collect();
        if !with.is_empty() {
            let at = *dice.pick(&with);
            lines[at] = lines[at].replacen(&from, &to, 1);
            return;
        }
    }
}

/// A recipient's lines go, come from elsewhere, or change places.
fn recipients(lines: &mut Vec<String>, material: &Material<'_>, dice: &mut Dice) {
    let blocks = |lines: &[String]| -> Vec<(usize, usize)> {
        let starts = |line: &String| line.contains("age1") || line.contains("[[sealeaf.groups.keys]]");
        let begin: Vec<usize> = (0..lines.len()).filter(|index| starts(&lines[*index])).collect();
        let ends = |start: &usize| {
            lines[*start..]
                .iter()
                .position(|line| line.contains("wrapped"))
                .map(|length| (*start, start + length + 1))
        };
        begin.iter().filter_map(ends).collect()
    };
    let (own, others) = (blocks(lines), foreign(material, dice));
    let theirs = blocks(&others);
    if own.is_empty() || theirs.is_empty() {
        return;
    }
    let (start, end) = *dice.pick(&own);
    let (from, to) = *dice.pick(&theirs);
    match dice.roll(4) {
        0 => drop(lines.drain(start..end)),
        1 => drop(lines.splice(start..end, others[from..to].iter().cloned())),
        2 => drop(lines.splice(start..start, others[from..to].iter().cloned())),
        _ => {
            let moved: Vec<String> = lines.drain(start..end).collect();
            let places = blocks(lines);
            let at = if places.is_empty() { start } else { dice.pick(&places).0 };
            lines.splice(at..at, moved);
        }
    }
}

/// What changes no meaning.
fn harmless(lines: &mut Vec<String>, dice: &mut Dice) {
    let at = dice.roll(lines.len());
    match dice.roll(5) {
        0 => lines.insert(at, "\n".to_owned()),
        1 => lines[at] = lines[at].replacen('\n', "  \n", 1),
        2 => lines.iter_mut().for_each(|line| *line = line.replacen('\n', "\r\n", 1)),
        3 => lines[at] = lines[at].replacen(": ", ":   ", 1),
        _ => lines.iter_mut().for_each(|line| *line = line.replacen('"', "'", 2)),
    }
}
