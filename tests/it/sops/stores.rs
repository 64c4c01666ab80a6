//! dotenv, INI and binary files there and back.

use sealeaf::file::FileError;
use sealeaf::file::sops::render::{Layout, render};
use sealeaf::file::sops::{By, Next, Selector, SopsError};

use super::tool::{NOW, Sops, format, limits, open, seal_text, with_keys};
use crate::support::{Dice, number, skip};

/// Seals, opens ourselves, has `sops` open it, and compares with what `sops` makes of its own file of the same text;
/// then opens what `sops` sealed.
#[track_caller]
fn check(text: &str, name: &str, is_exact: bool) {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let sealed = seal_text(text, format(name), None).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let opened = open(&sealed.text, format(name)).unwrap();
    assert_eq!(sealed.exact, opened.plain().source.as_str() == text, "{text}");
    assert_eq!(
        sealed.exact,
        is_exact,
        "{text}\n{}\n{}",
        sealed.text.as_str(),
        opened.plain().source.as_str()
    );
    assert!(opened.sealed_comments().is_empty());
    let there = sops.encrypt(text, name, &[]).unwrap();
    let shown = sops.decrypt(&there, name, &[]).unwrap();
    assert_eq!(sops.decrypt(&sealed.text, name, &[]).unwrap(), shown, "{text}\n{}", sealed.text.as_str());
    let theirs = open(&there, format(name)).unwrap();
    assert!(theirs.sealed_comments().is_empty(), "{there}");
    // In comments of several lines SOPS keeps carriage returns, and not elsewhere; it writes a blank behind bare markers.
    let trimmed = |text: &str| text.replace("\r", "").replace("; \n", ";\n");
    assert_eq!(trimmed(&theirs.plain().source), trimmed(&shown), "{there}");
}

#[test]
fn dotenv_files() {
    for text in [
        "A=1\n",
        "A=1",
        "# comment\n\nFOO=bar\nEMPTY=\n SPACED = value with spaces  \nQUOTED=\"quoted \\\"x\\\"\"\n#\n#  two\n",
        "MULTI=line1\\nline2\nexport EXP=1\nDUP=1\nA=2\nDUP=2\nTRAIL=x # not comment\n",
        "CR=1\r\n# c\r\nB='x y'\r\n",
        "A=\\\\n\n=x\nk=a=b\n\u{feff}é=日本😀\n",
        "A=\n\n\n",
        "A_unencrypted=x\nB=y\n",
    ] {
        check(text, "dotenv", true);
    }
}

#[test]
fn ini_files() {
    for text in [
        "[sec]\nkey = value\n",
        "[sec]\nkey=value",
        "; file comment\n# second\ntopkey = topval\n\n[sec]\n# about\nkey : value ; inline\nnum=5\n\n[empty]\n[b]\nq = \"x y\"\nsq = 'single'\n",
        "[s] ; trailing\nk = v\n",
        "# above\n[s] # trailing\nk = v\n",
        "; a\n\n\n  ; b  \n\n# c\n[s]\n  ; x\n  ; y\n  k = v # z\n",
        "[s]\nmulti = \"\"\"l1\nl2\"\"\"\nback = `a ; b`\nquoted = \"with ; semicolon\"\n",
        "[s]\nk = v\n; the end\n# of it\n",
        "[s]\r\nk = v\r\n\r\n; c\r\n; d\r\n[t]\r\nl = w\r\n",
        "[s]\nk =\nl = \"\"\nm = ; c\n[s]\nk = again\n",
        "[s]\n`a=b` = 1\n;;; odd\nl = 2 ;\n;\nm = 3\n",
        "[s]\na_unencrypted = x ; y\nb = z\n",
    ] {
        check(text, "ini", true);
    }
    check("[s]\ncont = a \\\n  b\nk = v\n", "ini", false);
}

#[test]
fn what_sops_would_lose_is_refused() {
    for (text, name) in [
        ("A\n", "dotenv"),
        ("A=1\r\n\r\nB=2\r\n", "dotenv"),
        (" # c\n", "dotenv"),
        ("A=\"x\ny\"\n", "dotenv"),
        ("sops_a=1\n", "dotenv"),
        ("[s]\na=1\na=2\n", "ini"),
        ("[s]\n- = 1\n", "ini"),
        ("[s]\nk = `a` ; c\n", "ini"),
        ("[sops]\nk = a\n", "ini"),
        ("[s] x\nk = a\n", "ini"),
    ] {
        assert!(seal_text(text, format(name), None).is_err(), "{text}");
    }
    let by_comment = Selector::new(By::EncryptedCommentRegex, "x").unwrap();
    assert!(matches!(
        seal_text("[s]\nk = v\n", format("ini"), Some(by_comment)),
        Err(FileError::Sops(SopsError::Root(_)))
    ));
}

/// Which lines are encrypted is the same as with `sops`, and so is what comes back, either way.
#[test]
fn selectors_choose_the_same_lines() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let dotenv = "# first\nA=1\nA_unencrypted=2\n# secret\nB_key=3\n# open\nC=4\nD_key=\n";
    let ini = "; first\ntop = 0\n[one]\nA = 1\nA_unencrypted = 2\n; about\nB_key = 3\n[two_key]\nC = 4\n";
    for (by, text) in [
        (By::EncryptedSuffix, "_key"),
        (By::UnencryptedSuffix, "_key"),
        (By::EncryptedRegex, "^(A|C)$"),
        (By::UnencryptedRegex, "key|C"),
        (By::EncryptedCommentRegex, "secret"),
        (By::UnencryptedCommentRegex, "open"),
    ] {
        for (name, plain) in [("dotenv", dotenv), ("ini", ini)] {
            let is_by_comment = matches!(by, By::EncryptedCommentRegex | By::UnencryptedCommentRegex);
            if is_by_comment && name == "ini" {
                continue;
            }
            let selector = Selector::new(by, text).unwrap();
            let ours = seal_text(plain, format(name), Some(selector)).unwrap().text;
            // Only legacy mode has the flags for comments.
            let file = format!("plain.{}", super::tool::ending(name));
            sops.write(&file, plain);
            let (flag, to) = (format!("--{}", by.name().replace('_', "-")), super::tool::recipient(1));
            let theirs = sops.output(&["-e", "--age", &to, &flag, text, &file]).unwrap();
            assert_eq!(encrypted(&ours, name), encrypted(&theirs, name), "{by:?} {name}\n{theirs}");
            let shown = sops.decrypt(&theirs, name, &[]).unwrap();
            assert_eq!(sops.decrypt(&ours, name, &[]).unwrap(), shown, "{by:?} {name}");
            assert_eq!(open(&ours, format(name)).unwrap().plain().source.as_str(), plain);
            open(&theirs, format(name)).unwrap();
        }
    }
}

/// The keys whose values are encrypted.
fn encrypted<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let data = text.split(if name == "ini" { "\n[sops]" } else { "\nsops_" }).next().unwrap();
    data.lines()
        .filter_map(|line| Some(line.split_once('=').filter(|(_, value)| value.contains("ENC["))?.0.trim()))
        .collect()
}

#[test]
fn binary_files() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    for bytes in [&b"hello\n"[..], b"\xff\0\xfe\r\n", b"", &[7; 100_000]] {
        let carrier = format("binary").carry(bytes).unwrap();
        let sealed = seal_text(&carrier, format("binary"), None).unwrap();
        assert!(sealed.exact && !sealed.text.contains("suffix"), "{}", sealed.text.as_str());
        sops.write("sealed.bin", &sealed.text);
        assert_eq!(sops.run(&["decrypt", "sealed.bin"]).stdout, bytes);
        sops.write_bytes("plain.bin", bytes);
        let there = sops.output(&["encrypt", "--age", &super::tool::recipient(1), "plain.bin"]).unwrap();
        let opened = open(&there, format("binary")).unwrap();
        assert_eq!(opened.sealed_file().format().carried(opened.plain()).unwrap().expose(), bytes);
    }
}

#[test]
fn unchanged_values_keep_their_ciphertext() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    for (name, text, from, to) in [
        ("dotenv", "# c\nA=one\nB=two\nB=three\n", "A=one", "A=four"),
        ("ini", "; c\n[s]\nA = one\nB = two ; e\n[t]\nC = x\n", "A = one", "A = four"),
    ] {
        for before in [
            seal_text(text, format(name), None).unwrap().text.to_string(),
            sops.encrypt(text, name, &[]).unwrap(),
        ] {
            let opened = open(&before, format(name)).unwrap();
            let from = if opened.plain().source.contains(from) {
                from
            } else {
                panic!("{}", opened.plain().source.as_str())
            };
            let changed = opened.plain().source.replacen(from, to, 1);
            let plain = Some(format(name).parse(&changed, &limits()).unwrap());
            let next = Next { plain, now: NOW, ..Next::default() };
            let after = with_keys(&[1], |ring| opened.next(next, ring, &limits())).unwrap().sealed.text;
            let lines: Vec<(&str, &str)> =
                before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
            assert_eq!(before.lines().count(), after.lines().count());
            assert!(lines.len() <= 3, "{lines:#?}");
            assert!(
                lines
                    .iter()
                    .all(|(a, _)| a.starts_with('A') || a.contains("mac") || a.contains("lastmodified")),
                "{lines:#?}"
            );
            assert_eq!(
                sops.decrypt(&after, name, &[]).unwrap(),
                sops.decrypt(&sops.encrypt(&changed, name, &[]).unwrap(), name, &[]).unwrap()
            );
        }
    }
}

/// Random lines of a dotenv file.
fn dotenv(dice: &mut Dice) -> String {
    let keys = ["A", "B_1", " C ", "export D", "é", "x.y", "", "A_unencrypted", "\"q\"", "k-v", "K K"];
    let values = [
        "",
        "1",
        "x y",
        " lead",
        "trail ",
        "\"q\"",
        "'s'",
        "a=b",
        "a # c",
        "l1\\nl2",
        "\\\\n",
        "\\",
        "é😀",
        "$X",
        "`c`",
        "x\r",
        "\t",
        "[x]",
        "ENC[]",
        "#",
        "-----BEGIN X-----\\nabc\\n-----END X-----\\n",
    ];
    let comments = ["#", "# c", "#c", "#  é ", "##", "# A=1", "#\t"];
    let mut out = String::new();
    for _ in 0..=dice.roll(40) {
        match dice.roll(10) {
            0 | 1 => out.push_str(dice.pick::<&str>(&comments)),
            2 => {}
            _ => out.push_str(&format!("{}={}", dice.pick(&keys), dice.pick(&values))),
        }
        out.push('\n');
    }
    if dice.chance(20) { out.trim_end_matches('\n').to_owned() } else { out }
}

/// Random sections of an INI file.
fn ini(dice: &mut Dice) -> String {
    let values = [
        "",
        "1",
        "x y",
        "  lead",
        "\"q\"",
        "'s'",
        "a=b",
        "a # c",
        "a ; c",
        "`a ; b`",
        "\"\"\"l1\nl2\"\"\"",
        "\"\"\"x\"\"\"",
        "é😀",
        "\"a",
        "it's",
        "a \\\n  b",
        "\"a\"b\"",
        "\"\"",
        "#",
        "; c",
        "[x]",
        "x:y",
        "\"\"\"l1\nl2\"\"\" ; c",
        "\"x ; y\"",
        "tab\tx",
        "\\x",
        "`l1\n l2`",
    ];
    let comments = ["; c", "# c", ";c", "#", ";; d", "  ; indented", "# é ]"];
    let breaks = *dice.pick(&["\n", "\n", "\r\n"]);
    let mut out = String::new();
    let mut key = 0;
    for section in 0..=dice.roll(6) {
        if section > 0 || dice.chance(60) {
            let name = *dice.pick(&["s", "t", "a.b", "S P", "é", "x:y", "a_unencrypted"]);
            let comment = *dice.pick(&["", "", "", " ; c", " # d", "; e"]);
            out.push_str(&format!("[{name}]{comment}\n"));
        }
        for _ in 0..dice.roll(8) {
            match dice.roll(8) {
                0 | 1 => out.push_str(dice.pick::<&str>(&comments)),
                2 => {}
                _ => {
                    key += 1;
                    let separator = *dice.pick(&["=", " = ", ": ", "   =   "]);
                    let quote = *dice.pick(&["", "", "", "`", "\""]);
                    out.push_str(&format!("{quote}k{key}{quote}{separator}{}", dice.pick(&values)));
                }
            }
            out.push('\n');
        }
    }
    out.replace('\n', breaks)
}

/// Both ways, whatever is in them. Gives how many lines were compared.
fn exchange(sops: &Sops, text: &str, name: &'static str) -> usize {
    let sealed = match seal_text(text, format(name), None) {
        Ok(sealed) => sealed,
        Err(FileError::Parse(_) | FileError::Sops(SopsError::Unfit { .. })) => return 0,
        Err(error) => panic!("{error}\n{text}"),
    };
    let opened = open(&sealed.text, format(name)).unwrap();
    assert!(opened.sealed_comments().is_empty(), "{text}");
    let is_same = opened.plain().source.as_str() == text;
    assert!(
        is_same || name == "ini" && text.contains(['\\', '`']),
        "{text}\n{}\n{}",
        opened.plain().source.as_str(),
        sealed.text.as_str()
    );
    let there = sops.encrypt(text, name, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let shown = sops.decrypt(&there, name, &["--output-type", "json"]).unwrap();
    let ours = sops.decrypt(&sealed.text, name, &["--output-type", "json"]);
    assert_eq!(
        ours.unwrap_or_else(|error| panic!("{error}\n{text}\n{}", sealed.text.as_str())),
        shown,
        "{text}"
    );
    let printed = sops.decrypt(&sealed.text, name, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    // It crashes on some comments of its own.
    if let Ok(own) = sops.decrypt(&there, name, &[]) {
        assert_eq!(printed, own, "{text}\n{}", sealed.text.as_str());
    }
    let theirs = match open(&there, format(name)) {
        Ok(theirs) => theirs,
        // What SOPS wrote it reads as another file itself.
        Err(_) if sops.decrypt(&there, name, &[]).is_err() => return 0,
        Err(error) => panic!("{error}\n{text}\n{there}"),
    };
    let json = render(theirs.plain(), format("json"), &Layout::default()).unwrap();
    assert_eq!(json.as_str(), shown, "{text}\n{there}\n{}", theirs.plain().source.as_str());
    text.lines().count()
}

#[test]
fn random_dotenv() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let rounds = number("SEALEAF_SOPS_ROUNDS").unwrap_or(40);
    let mut dice = Dice::new(11);
    let cases: usize = (0..rounds).map(|_| exchange(&sops, &dotenv(&mut dice), "dotenv")).sum();
    assert!(rounds < 40 || cases > 400, "only {cases} lines");
}

#[test]
fn random_ini() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let rounds = number("SEALEAF_SOPS_ROUNDS").unwrap_or(60);
    let mut dice = Dice::new(12);
    let cases: usize = (0..rounds).map(|_| exchange(&sops, &ini(&mut dice), "ini")).sum();
    assert!(rounds < 60 || cases > 400, "only {cases} lines");
}

#[test]
fn three_times_round() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    for (name, ending, text, theirs, from) in [
        ("dotenv", "env", "# c\nA=one\nB='two'\nC=x\n", "[\"A\"]", "C="),
        ("ini", "ini", "; c\n; d\n[s]\nA = one\n; e\nC = x\n", "[\"s\"][\"A\"]", "C = "),
    ] {
        let mut sealed = seal_text(text, format(name), None).unwrap().text.to_string();
        for round in 0..3 {
            let file = format!("round.{ending}");
            let path = sops.write(&file, &sealed);
            sops.output(&["set", &file, theirs, &format!("\"there {round}\"")]).unwrap();
            sealed = std::fs::read_to_string(path).unwrap();
            let opened = open(&sealed, format(name)).unwrap();
            let line = opened.plain().source.lines().find(|line| line.starts_with(from)).unwrap().to_owned();
            let changed = opened.plain().source.replacen(&line, &format!("{from}here {round}"), 1);
            let plain = Some(format(name).parse(&changed, &limits()).unwrap());
            let next = Next { plain, now: NOW, ..Next::default() };
            sealed =
                with_keys(&[1], |ring| opened.next(next, ring, &limits())).unwrap().sealed.text.to_string();
            let shown = sops.decrypt(&sealed, name, &[]).unwrap();
            assert!(
                shown.contains(&format!("here {round}")) && shown.contains(&format!("there {round}")),
                "{shown}"
            );
            assert!(shown.contains(" c\n"), "{shown}");
        }
    }
}
