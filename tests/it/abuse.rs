//! Abuse cases that belong to no single verb: odd texts, explosions, ways out, writers at once, the process itself.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustix::process::{Pid, Signal, kill_process};

use crate::encrypt::{TEXT, project};
use crate::support::{Project, install, skip};

#[test]
fn ac_76_a_generator_that_repeats_itself_repeats_no_nonce() {
    let project = project();
    if !project.command("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|it| it.success()) {
        return skip("strace is not here, or may not trace");
    }
    // Every random byte is zero: each call says that it filled one, and fills none.
    let constant = ["-f", "-b", "execve", "-o", "/dev/null", "-e", "inject=getrandom:retval=1", "--"];
    let seal = |name: &str, text: &str| {
        project.write(name, text);
        project.run(&["encrypt", name]).under("strace", &constant).stdout();
        let sealed = project.read(name);
        let tokens = sealed.split_whitespace().filter_map(|word| word.strip_prefix("sealed.v1."));
        tokens
            .map(|token| {
                let record = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
                let ids = 1 + 8 * usize::from(record[0]);
                record[ids..ids + 24].to_vec()
            })
            .collect::<Vec<_>>()
    };
    let one = seal("secrets/x.yaml", "a: one\nb: same\nc: same\n");
    let two = seal("secrets/y.yaml", "a: two\nb: same\nc: other\n");
    // The data keys are the same: equal nonces are of equal values at equal paths.
    assert_eq!(one[1], two[1]);
    let all: HashSet<&Vec<u8>> = one.iter().chain(&two).collect();
    assert_eq!(all.len(), 5);
}

#[test]
fn ac_66_odd_encodings_are_kept_or_refused() {
    let project = project();
    for (name, text) in [
        ("secrets/bom.yaml", "\u{feff}a: x\nb: y\n"),
        ("secrets/crlf.yaml", "a: x\r\nb: y # c\r\n"),
        ("secrets/crlf.json", "{\r\n  \"a\": \"x\"\r\n}\r\n"),
        ("secrets/crlf.toml", "a = \"x\"\r\n\r\n[t]\r\nb = 1\r\n"),
        ("secrets/twins.yaml", "caf\u{e9}: x\ncafe\u{301}: y\n"),
    ] {
        project.write(name, text);
        let said = project.run(&["encrypt", name]).output().stderr;
        let warned =
            said.contains("warning: secrets/twins.yaml: `caf\\u{e9}` and `cafe\\u{301}` look the same");
        assert_eq!(warned, name.contains("twins"), "{name}: {said}");
        assert!(project.read(name).contains("sealed.v1."), "{name}");
        assert_eq!(project.open(name), text, "{name}");
    }
    project.seal("secrets/one.yaml", "caf\u{e9}: x\n");
    let said = project.run(&["set", "secrets/one.yaml", "cafe\u{301}", "--value", "y"]).output().stderr;
    assert!(said.contains("secrets/one.yaml: `caf\\u{e9}` and `cafe\\u{301}` look the same"), "{said}");
    assert_eq!(project.open("secrets/one.yaml"), "caf\u{e9}: x\n\"cafe\u{301}\": \"y\"\n");
    for (name, bytes) in [
        ("secrets/nul.yaml", b"a: x\0y\n".to_vec()),
        ("secrets/nul.json", b"{\"a\": \"x\0\"}\n".to_vec()),
        ("secrets/latin.yaml", b"a: caf\xe9\n".to_vec()),
        ("secrets/overlong.toml", b"a = \"\xc0\xaf\"\n".to_vec()),
        ("secrets/utf16.yaml", "\u{feff}a: x\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("secrets/lone.json", b"{\"a\": \"\\ud800\"}\n".to_vec()),
        ("secrets/lone.yaml", b"a: \"\\ud800\"\n".to_vec()),
        ("secrets/lone.toml", b"a = \"\\ud800\"\n".to_vec()),
    ] {
        let path = project.path(name);
        fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        let output = project.run(&["encrypt", name]).output();
        assert_eq!((output.code, output.stdout.as_str()), (8, ""), "{name}: {}", output.stderr);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name}");
    }
}

#[test]
fn ac_62_what_explodes_is_refused_in_time() {
    let project = project();
    let bomb = |first: &str| {
        let mut text = format!("{first}a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let above = format!("*a{}, ", level - 1).repeat(10);
            writeln!(text, "a{level}: &a{level} [{}]", above.trim_end_matches(", ")).unwrap();
        }
        text
    };
    let deep = |open: &str, close: &str| format!("{}x{}\n", open.repeat(100_000), close.repeat(100_000));
    let mut many = String::new();
    for number in 0..=1_000_000 {
        writeln!(many, "k{number}: 1").unwrap();
    }
    // As they stand, aliases are not expanded: such a file is sealed like any other.
    for (name, text) in [("secrets/one.yaml", bomb("")), ("secrets/two.yaml", bomb("b: 1\n---\n"))] {
        let begun = Instant::now();
        project.write(name, &text);
        project.run(&["encrypt", name]).stdout();
        let output = project.run(&["exec", name, "--", "env"]).output();
        assert!(matches!(output.code, 7 | 8), "{name}: {}", output.stderr);
        assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", begun.elapsed());
    }
    for (name, text) in [
        ("secrets/deep.yaml", deep("[", "]")),
        ("secrets/deep-block.yaml", format!("{}x\n", "- ".repeat(100_000))),
        ("secrets/deep.json", deep("[", "]")),
        ("secrets/deep.toml", format!("a = {}", deep("[", "]"))),
        ("secrets/many.yaml", many),
        ("secrets/long.yaml", format!("a: {}\n", "x".repeat(70_000_000))),
        ("secrets/value.yaml", format!("a: {}\n", "x".repeat(2_000_000))),
    ] {
        project.write(name, &text);
        let begun = Instant::now();
        // A gigabyte of address space is enough for saying no.
        let output = project.run(&["encrypt", name]).under("prlimit", &["--as=2000000000", "--"]).output();
        assert_eq!(output.code, 8, "{name}: {}", output.stderr);
        assert!(output.stderr.len() < 2000, "{name}: {}", output.stderr);
        assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", begun.elapsed());
        assert_eq!(project.read(name), text, "{name}");
        fs::remove_file(project.path(name)).unwrap();
    }
    project.seal("secrets/number.json", "{\"a\": 1e999999}\n");
    assert_eq!(project.open("secrets/number.json"), "{\"a\": 1e999999}\n");
}

#[test]
fn ac_57_keys_are_escaped_by_every_verb_that_prints_them() {
    let project = project();
    project.seal("secrets/k.yaml", "\"k\\e[2K\\u202e\": v\n");
    let sealed = project.read("secrets/k.yaml");
    project.write("secrets/half.yaml", &sealed.replace("sealed.v1.", "seal."));
    for arguments in [
        &["status"][..],
        &["explain", "secrets/k.yaml"],
        &["verify", "secrets"],
        &["get", "secrets/k.yaml", "missing"],
        &["get", "secrets/k.yaml", "--json"],
        &["inspect", "secrets/k.yaml"],
        &["inspect", "secrets/half.yaml"],
        &["status", "secrets/half.yaml", "--json"],
        &["encrypt", "secrets"],
    ] {
        let output = project.run(arguments).output();
        for shown in [&output.stdout, &output.stderr] {
            assert!(!shown.contains(['\x1b', '\u{202e}']), "{arguments:?}: {shown}");
        }
    }
}

#[test]
fn ac_65_no_output_leaves_the_repository() {
    let project = project();
    project.write("secrets/a.yaml", TEXT);
    std::os::unix::fs::symlink("../..", project.path("secrets/up")).unwrap();
    for target in ["../x.yaml", "secrets/../../x.yaml", "secrets/up/x.yaml", "../new/x.yaml"] {
        let output = project.run(&["encrypt", "--output", target, "secrets/a.yaml"]).output();
        assert!(matches!((output.code, output.stdout.as_str()), (7, "")), "{target}: {output:?}");
    }
    project.run(&["encrypt", "secrets/a.yaml"]).stdout();
    for target in ["../x.yaml", "secrets/up/x.yaml", "../new/x.yaml"] {
        let output = project.run(&["decrypt", "--output", target, "secrets/a.yaml"]).output();
        assert!(matches!((output.code, output.stdout.as_str()), (7, "")), "{target}: {output:?}");
    }
    assert!(!project.root().join("x.yaml").exists() && !project.root().join("new").exists());
}

#[test]
fn ac_31_no_digest_is_in_the_log() {
    let project = project();
    project.seal("secrets/a.yaml", "a: hunter2\nb: hunter3\n");
    let sealed = project.read("secrets/a.yaml");
    let line = sealed.lines().find(|line| line.starts_with("b: ")).unwrap();
    project.write("secrets/a.yaml", &sealed.replace(&format!("{line}\n"), ""));
    for verb in ["decrypt", "verify"] {
        let output = project.run(&["-v", verb, "secrets/a.yaml"]).output();
        assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
        // No digest of anything, and nothing in base64.
        let long = |word: &&str| word.len() >= 16;
        let words = output.stderr.split(|c: char| !c.is_ascii_alphanumeric()).filter(long);
        assert_eq!(words.collect::<Vec<_>>(), Vec::<&str>::new(), "{}", output.stderr);
    }
}

#[test]
fn ac_72_encrypt_rotate_and_set_at_once() {
    let project = project();
    project.seal("secrets/a.json", "{\n  \"a\": \"x\"\n}\n").seal("secrets/b.toml", "a = \"x\"\n");
    project.write("secrets/c.yaml", "a: x\n");
    let mut children: Vec<(String, Child)> = Vec::new();
    for number in 0..6 {
        for name in ["secrets/a.json", "secrets/b.toml"] {
            let key = format!("k{number}");
            children.push((key.clone(), start(&project, &["set", name, &key, "--value", "v"])));
        }
        let verb = if number % 2 == 0 { "rotate" } else { "encrypt" };
        children.push((verb.to_owned(), start(&project, &[verb, "secrets"])));
    }
    let mut set = 0;
    for (what, mut child) in children {
        let code = child.wait().unwrap().code();
        let sets = what.starts_with('k');
        // Who waited in vain, or whose file is another by now, says so. `rotate` looks before it locks.
        assert!(matches!(code, Some(0 | 9)) && (!sets || code == Some(0)), "{what}: {code:?}");
        set += usize::from(sets);
    }
    assert_eq!(set, 12);
    for (name, format) in [("secrets/a.json", "\"kN\": \"v\""), ("secrets/b.toml", "kN = \"v\"")] {
        let text = project.run(&["decrypt", "--require-sealed", name]).stdout();
        for number in 0..6 {
            assert!(text.contains(&format.replace('N', &number.to_string())), "{name}: {text}");
        }
    }
    assert_eq!(project.temporary_files(), Vec::<String>::new());
}

#[test]
fn ac_71_a_set_while_the_editor_is_open_stays() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    let binary = env!("CARGO_BIN_EXE_sealeaf");
    let editor = project.editor(&format!(
        "echo 'mine: edited' >>\"$1\"\n\
         SEALEAF_IDENTITY_FILE='{}' '{binary}' set --quiet secrets/a.yaml theirs --value set",
        project.identity("alice").display()
    ));
    let output = project.run(&["edit", "secrets/a.yaml"]).env("SEALEAF_EDITOR", editor).output();
    assert_eq!(output.code, 9, "{}", output.stderr);
    assert_eq!(project.open("secrets/a.yaml"), format!("{TEXT}theirs: set\n"));
    let kept = project.run(&["decrypt", "--path", "secrets/a.yaml", "secrets/a.yaml.rej"]).stdout();
    assert_eq!(kept, format!("{TEXT}mine: edited\n"));
    assert_eq!(project.temporary_files(), Vec::<String>::new());
}

#[test]
fn ac_54_memory_is_not_read_and_not_dumped() {
    let project = project();
    let root = rustix::process::geteuid().is_root();
    // Whoever may do everything may read everything: as somebody else, then.
    let copy = tempfile::Builder::new().prefix("sealeaf-it-").tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(copy.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let binary = copy.path().join("sealeaf");
    install(Path::new(env!("CARGO_BIN_EXE_sealeaf")), &binary);
    let other = |program: &str| {
        let mut command = Command::new(if root { "setpriv" } else { "env" });
        command.args(if root { ["--reuid=65534", "--clear-groups"].as_slice() } else { &[] });
        command.arg(program).current_dir(copy.path()).env("HOME", copy.path());
        command
    };
    let may_read = |child: &Child| {
        let script = format!(": </proc/{}/mem", child.id());
        other("sh").args(["-c", &script]).stderr(Stdio::null()).status().unwrap().success()
    };
    let mut plain = other("sleep").arg("60").spawn().unwrap();
    let mut sealing = other(binary.to_str().unwrap());
    sealing.args(["encrypt", "--to", project.key("alice"), "--format", "yaml", "-"]);
    let mut ours = sealing.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    ours.stdin.as_mut().unwrap().write_all(b"a: canary\n").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let limits = fs::read_to_string(format!("/proc/{}/limits", ours.id())).unwrap();
    let control = may_read(&plain);
    let read = may_read(&ours);
    // The first is taken by Rust's own handler, which waits for the fault to come again.
    for _ in 0..2 {
        kill_process(Pid::from_child(&ours), Signal::SEGV).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    let ended = ours.wait().unwrap();
    plain.kill().unwrap();
    plain.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(11), false));
    let names: Vec<_> = fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["sealeaf"]);
    if !control {
        return skip("here no process may read another's memory");
    }
    assert!(!read, "the memory can be read");
}

fn start(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.run(arguments).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

const PATIENCE: Duration = Duration::from_secs(20);
