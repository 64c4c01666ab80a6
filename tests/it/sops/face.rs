//! The same command line for the real `sops` and for us under its name: exit codes, output, and the words that scripts
//! look for.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::tool::{Sops, key, recipient};
use crate::support::skip;

/// Two folders with the same files: in one the real program runs, in the other this one.
pub(super) struct Twins {
    real: PathBuf,
    ours: PathBuf,
    root: TempDir,
}

/// What a command line gave.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Twins {
    /// With an encrypted `e.yaml` by the real program; `None` where that is not there.
    pub(super) fn new() -> Option<Self> {
        let sops = Sops::new()?;
        let root = tempfile::Builder::new().prefix("sealeaf-face-").tempdir().unwrap();
        let real = sops.program().to_owned();
        let ours = root.path().join("bin/sops");
        for folder in ["bin", "real", "ours", "home", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_sealeaf"), &ours).unwrap();
        let twins = Self { real, ours, root };
        twins.write("p.yaml", PLAIN);
        twins.write("e.yaml", &sops.encrypt(PLAIN, "yaml", &[]).unwrap());
        Some(twins)
    }

    pub(super) fn path(&self, folder: &str, name: &str) -> PathBuf {
        self.root.path().join(folder).join(name)
    }

    /// Writes a file into both folders.
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    pub(super) fn write(&self, name: &str, text: &str) {
        for folder in ["real", "ours"] {
            fs::write(self.path(folder, name), text).unwrap();
        }
    }

    /// Our file for both.
    pub(super) fn share(&self, from: &str, name: &str) {
        self.write(name, &fs::read_to_string(self.path(from, name)).unwrap());
    }

    pub(super) fn run(&self, folder: &str, words: &[&str], more: &[(&str, &str)], stdin: &str) -> Answer {
        let program = if folder == "real" { &self.real } else { &self.ours };
        let mut child = Command::new("setsid")
            .arg("--wait")
            .arg(program)
            .args(words)
            .current_dir(self.root.path().join(folder))
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("TMPDIR", self.root.path().join("tmp"))
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("SOPS_AGE_KEY", key(1))
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who does not read may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let own = self.root.path().join(folder);
        let text = |bytes: &[u8]| text(bytes).replace(own.to_str().unwrap(), "[HERE]");
        let code = output.status.code().unwrap();
        Answer { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(super) fn real(&self, words: &[&str]) -> Answer {
        self.run("real", words, &[], "")
    }

    pub(super) fn ours(&self, words: &[&str]) -> Answer {
        self.run("ours", words, &[], "")
    }

    /// Runs both, which end with the same code.
    #[track_caller]
    pub(super) fn both(&self, words: &[&str], more: &[(&str, &str)], stdin: &str) -> (Answer, Answer) {
        let (real, ours) = (self.run("real", words, more, stdin), self.run("ours", words, more, stdin));
        assert_eq!(real.code, ours.code, "{words:?}\nreal: {real:?}\nours: {ours:?}");
        (real, ours)
    }

    /// Runs both, which print the same.
    #[track_caller]
    pub(super) fn same(&self, words: &[&str]) {
        let (real, ours) = self.both(words, &[], "");
        assert_eq!(real.stdout, ours.stdout, "{words:?}\n{}\n{}", real.stderr, ours.stderr);
    }

    /// Runs both, which fail with the same code, say these words, and leave every file as it was.
    #[track_caller]
    pub(super) fn fail(&self, words: &[&str], code: i32, says: &str) {
        let before = self.files();
        let (real, ours) = self.both(words, &[], "");
        assert_eq!(real.code, code, "{words:?}: {real:?}");
        let has = |answer: &Answer| format!("{}{}", answer.stdout, answer.stderr).contains(says);
        assert!(has(&real) && has(&ours), "{words:?}: `{says}`\nreal: {real:?}\nours: {ours:?}");
        assert_eq!(ours.stdout, "", "{words:?}");
        assert_eq!(self.files(), before, "{words:?}");
    }

    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files: Vec<_> = fs::read_dir(self.root.path().join("ours"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// What the real program makes of the file that ours wrote, and the reverse.
    #[track_caller]
    pub(super) fn opens_as(&self, name: &str, expect: &str) {
        let ours = self.run("ours", &["decrypt", name], &[], "");
        let real = Command::new(&self.real)
            .arg("decrypt")
            .arg(self.path("ours", name))
            .env("SOPS_AGE_KEY", key(1))
            .output()
            .unwrap();
        assert_eq!(ours.stdout, expect, "{}", ours.stderr);
        let shown = String::from_utf8_lossy(&real.stderr);
        assert!(real.status.success(), "{shown}");
    }
}

const PLAIN: &str = "a: 1\nb: x\nl:\n    - one\n    - two: 2\n";

#[test]
fn what_fails_fails_with_the_same_code_and_words() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    let to = recipient(1);
    twins.write("broken.yaml", "a: [\n");
    let e = fs::read_to_string(twins.path("real", "e.yaml")).unwrap();
    twins.write("type.yaml", &e.replacen("type:str", "type:xx", 1));
    twins.write("value.yaml", &e.replacen("data:", "data:A", 1));
    twins.write(
        "gone.yaml",
        &e.lines().filter(|line| !line.starts_with("b:")).map(|l| format!("{l}\n")).collect::<String>(),
    );
    twins.write("time.yaml", &e.replacen("lastmodified: \"2", "lastmodified: \"1", 1));
    for (words, code, says) in [
        (&[][..], 100, "no file specified"),
        (&["encrypt", "p.yaml"], 1, "config file not found, or has no creation rules, and no keys provided"),
        (&["encrypt", "--age", &to, "none.yaml"], 100, "cannot operate on non-existent file"),
        (&["-e", "--age", &to, "none.yaml"], 100, "cannot operate on non-existent file"),
        (&["encrypt", "--age", &to, "e.yaml"], 203, "top-level entry called 'sops'"),
        (&["encrypt", "--age", "nope", "p.yaml"], 1, "failed to parse input, unknown recipient type"),
        (&["encrypt", "--age", &to, "broken.yaml"], 2, ""),
        (
            &["encrypt", "--age", &to, "--encrypted-suffix", "x", "--encrypted-regex", "y", "p.yaml"],
            8,
            "cannot use more than one of",
        ),
        (
            &["encrypt", "--age", &to, "--encryption-context", "a", "p.yaml"],
            6,
            "Invalid KMS encryption context",
        ),
        (&["decrypt", "p.yaml"], 1, "sops metadata not found"),
        (&["-d", "p.yaml"], 1, "sops metadata not found"),
        (&["decrypt", "none.yaml"], 100, "cannot operate on non-existent file"),
        (&["decrypt", "type.yaml"], 25, "Error decrypting tree"),
        (&["decrypt", "value.yaml"], 25, "Error decrypting tree"),
        (&["decrypt", "gone.yaml"], 51, "MAC mismatch"),
        (&["decrypt", "time.yaml"], 51, "Cannot decrypt MAC"),
        (&["decrypt", "--extract", "[\"zz\"]", "e.yaml"], 1, "component ['zz'] not found"),
        (&["decrypt", "--extract", "[\"a\"][0]", "e.yaml"], 1, "component [0]"),
        (&["decrypt", "--extract", "a", "e.yaml"], 91, "error parsing --extract path"),
        (&["decrypt", "--decryption-order", "age,age", "e.yaml"], 112, "Duplicate decryption key type"),
        (&["--foo", "e.yaml"], 1, "flag provided but not defined: -foo"),
        (&["decrypt", "--foo", "e.yaml"], 1, "flag provided but not defined: -foo"),
        (&["-ed", "e.yaml"], 1, "flag provided but not defined: -ed"),
        (&["set", "e.yaml", "[\"a\"]", "x y"], 7, "Value for --set is not valid JSON"),
        (&["set", "e.yaml", "[\"a\"]"], 100, "Need precisely 3 positional arguments"),
        (&["set", "none.yaml", "[\"a\"]", "1"], 2, ""),
        (&["--set", "[\"a\"]1", "e.yaml"], 7, "Invalid --set format"),
        (&["set", "--value-file", "--value-stdin", "e.yaml", "[\"a\"]", "x"], 1, ""),
        (&["unset", "e.yaml", "[\"zz\"]"], 1, "Key not found: zz"),
        (&["unset", "e.yaml", "zz"], 7, ""),
        (&["unset", "e.yaml"], 100, ""),
        (&["rotate", "none.yaml"], 2, ""),
        (&["updatekeys", "e.yaml"], 1, "config file not found"),
        (&["filestatus", "none.yaml"], 1, "cannot check file status"),
        (&["exec-env", "e.yaml"], 1, "missing file to decrypt"),
        (&["exec-file", "e.yaml"], 1, "missing file to decrypt"),
        (&["exec-env", "e.yaml", "true"], 1, "cannot use complex value in environment"),
        (&["exec-env", "--same-process", "--background", "e.yaml", "true"], 8, ""),
        (&["groups", "delete", "-f", "e.yaml", "x"], 1, "failed to parse [index] argument"),
        (&["completion", "tcsh"], 3, "No help topic for 'tcsh'"),
    ] {
        twins.fail(words, code, says);
    }
}

#[test]
fn without_a_key_nothing_is_printed() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    let (_, ours) = twins.both(&["decrypt", "e.yaml"], &[("SOPS_AGE_KEY", "")], "");
    assert_eq!((ours.code, ours.stdout.as_str()), (128, ""));
    assert!(
        ours.stderr.contains("Failed to get the data key required to decrypt the SOPS file"),
        "{}",
        ours.stderr
    );
}

#[test]
fn what_is_printed_is_the_same() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    for words in [
        &["decrypt", "e.yaml"][..],
        &["-d", "e.yaml"],
        &["-decrypt", "e.yaml"],
        &["decrypt", "--ignore-mac", "e.yaml"],
        &["decrypt", "--ignore-mac=false", "e.yaml"],
        &["--config", "/dev/null", "decrypt", "e.yaml"],
        &["decrypt", "--input-type", "yaml", "/dev/stdin"],
        &["decrypt", "--extract", "[\"b\"]", "e.yaml"],
        &["-d", "--extract", "[\"a\"]", "e.yaml"],
        &["decrypt", "--extract", "[\"l\"][1]", "e.yaml"],
        &["decrypt", "--extract", "[\"l\"]", "--output-type", "json", "e.yaml"],
        &["decrypt", "--output-type", "json", "e.yaml"],
        &["-d", "--output-type", "json", "--input-type", "yaml", "e.yaml"],
        &["filestatus", "e.yaml"],
        &["filestatus", "p.yaml"],
        &["--version"],
        &["-v"],
        &["exec-file", "e.yaml", "cat {}"],
        &["exec-file", "--no-fifo", "--filename", "x.yaml", "e.yaml", "cat {} {}; basename {}"],
    ] {
        if words.contains(&"/dev/stdin") {
            let text = fs::read_to_string(twins.path("real", "e.yaml")).unwrap();
            let (real, ours) = twins.both(words, &[], &text);
            assert_eq!(real.stdout, ours.stdout, "{words:?}");
            continue;
        }
        twins.same(words);
    }
}

#[test]
fn files_are_written_as_the_flags_say() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    let to = recipient(1);
    for words in [
        &["encrypt", "-i", "--age", &to, "p.yaml"][..],
        &["decrypt", "-i", "p.yaml"],
        &["-e", "-i", "-a", &to, "p.yaml"],
        &["-d", "--in-place", "p.yaml"],
        &["encrypt", "--output", "o.yaml", "--age", &to, "p.yaml"],
        &["encrypt", "p.yaml", "--age", &to, "--output", "o2.yaml"],
        &["set", "o.yaml", "[\"n\"][\"m\"][0]", "{\"k\": \"v\"}"],
        &["set", "o.yaml", "[\"b\"]", "true"],
        &["set", "o.yaml", "[\"l\"][9]", "\"last\""],
        &["set", "o.yaml", "[\"a\"][\"b\"]", "\"deep\""],
        &["--set", "[\"z\"] \"w\"", "o.yaml"],
        &["unset", "o.yaml", "[\"l\"][0]"],
        &["unset", "--idempotent", "o.yaml", "[\"none\"]"],
        &["rotate", "-i", "--add-age", &recipient(2), "o.yaml"],
        &["-r", "-i", "--rm-age", &recipient(2), "o.yaml"],
        &["groups", "add", "-i", "-f", "o2.yaml", "--age", &recipient(2)],
        &["groups", "delete", "-i", "-f", "o2.yaml", "1"],
    ] {
        let (real, ours) = twins.both(words, &[], "");
        assert_eq!(
            real.code,
            i32::from(words[0] == "groups" && words[1] == "delete"),
            "{words:?} {real:?} {ours:?}"
        );
    }
    let plain = |folder| fs::read_to_string(twins.path(folder, "p.yaml")).unwrap();
    assert_eq!(plain("real"), plain("ours"));
    let (real, ours) = (twins.real(&["decrypt", "o.yaml"]).stdout, twins.ours(&["decrypt", "o.yaml"]).stdout);
    let value = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&real), value(&ours), "{real}\n{ours}");
    twins.opens_as("o.yaml", &ours);
    let keys = format!("{}\n{}", key(1), key(2));
    for folder in ["real", "ours"] {
        twins.share(folder, "o2.yaml");
        let (real, ours) = twins.both(&["decrypt", "o2.yaml"], &[("SOPS_AGE_KEY", &keys)], "");
        assert_eq!((real.code, real.stdout), (0, ours.stdout));
    }
}

#[test]
fn updatekeys_follows_the_rule() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    let rule = |numbers: &[usize]| {
        let all: Vec<String> = numbers.iter().map(|number| recipient(*number)).collect();
        format!("creation_rules:\n  - age: {}\n", all.join(","))
    };
    twins.write(".sops.yaml", &rule(&[1]));
    let (real, ours) = twins.both(&["updatekeys", "-y", "e.yaml"], &[], "");
    assert!(real.stderr.contains("already up to date") && ours.stderr.contains("already up to date"));
    twins.write(".sops.yaml", &rule(&[1, 2]));
    let (real, ours) = twins.both(&["updatekeys", "e.yaml"], &[], "n\n");
    assert!(ours.stderr.contains("left unchanged"), "{}", ours.stderr);
    assert_eq!(real.stdout, ours.stdout);
    let before = fs::read_to_string(twins.path("ours", "e.yaml")).unwrap();
    twins.both(&["updatekeys", "e.yaml"], &[], "y\n");
    let after = fs::read_to_string(twins.path("ours", "e.yaml")).unwrap();
    assert_eq!(before.split("sops:").next(), after.split("sops:").next());
    let with_second = [("SOPS_AGE_KEY", key(2))];
    let with_second = with_second.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (real, ours) = twins.both(&["decrypt", "e.yaml"], &with_second, "");
    assert_eq!(real.stdout, ours.stdout);
    // Somebody who stands in the file and not in the rule does not get a new key in silence.
    twins.write(".sops.yaml", &rule(&[1]));
    let refused = twins.ours(&["rotate", "-i", "e.yaml"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("and would get the new key"), "{}", refused.stderr);
    assert_eq!(twins.ours(&["rotate", "-i", "--accept-file-recipients", "e.yaml"]).code, 0);
    let (_, ours) = twins.both(&["updatekeys", "-y", "e.yaml"], &[], "");
    assert!(ours.stderr.contains("`sops rotate -i` ends that"), "{}", ours.stderr);
}

#[test]
fn the_editor_and_its_codes() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    for (editor, code, says) in [
        ("true", 200, "File has not changed, exiting."),
        ("false", 201, "Could not run editor"),
        ("/nonexistent", 201, ""),
        ("sed -i 's/^b: x/b: z/'", 0, ""),
    ] {
        let (real, ours) = twins.both(&["e.yaml"], &[("EDITOR", "false"), ("SOPS_EDITOR", editor)], "");
        assert_eq!(ours.code, code, "{editor}: {ours:?}");
        assert!(real.stderr.contains(says) && ours.stderr.contains(says), "{editor}: {ours:?}");
    }
    twins.opens_as("e.yaml", "a: 1\nb: z\nl:\n    - one\n    - two: 2\n");
    // A new file begins with the same example.
    let to = recipient(1);
    for name in ["n.yaml", "n.json", "n.env", "n.ini", "n.bin"] {
        let words = ["edit", "--age", &to, name];
        let (real, ours) = twins.both(&words, &[("EDITOR", "cat")], "");
        let own = |text: &str| text.replace("File has not changed, exiting.", "").trim_end().to_owned();
        assert_eq!(own(&real.stdout), own(&ours.stdout), "{name}");
        assert!(!twins.path("ours", name).exists());
    }
}

#[test]
fn commands_get_the_values() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    let to = recipient(1);
    twins.write("flat.yaml", "# c\nA: 1\nB: two words\nC: true\nD: \"x\\ny\"\n");
    assert_eq!(twins.real(&["encrypt", "-i", "--age", &to, "flat.yaml"]).code, 0);
    twins.share("real", "flat.yaml");
    for words in [
        &["exec-env", "flat.yaml", "echo \"$A|$B|$C|$D\""][..],
        &["exec-env", "--pristine", "flat.yaml", "echo \"$A|$HOME\""],
        &["exec-env", "--same-process", "flat.yaml", "echo \"$A|$B\"; exit 9"],
        &["exec-env", "flat.yaml", "exit 7"],
        &["exec-file", "flat.yaml", "exit 6"],
        &["exec-file", "flat.yaml", "cat {} | head -n 4"],
    ] {
        twins.same(words);
    }
    twins.write("steer.yaml", "LD_PRELOAD: /tmp/x.so\nGIT_TOKEN: t\n");
    assert_eq!(twins.ours(&["encrypt", "-i", "--age", &to, "steer.yaml"]).code, 0);
    let refused = twins.ours(&["exec-env", "steer.yaml", "true"]);
    assert!(refused.code == 1 && refused.stderr.contains("--allow-env LD_PRELOAD"), "{refused:?}");
    let path: &Path = &twins.path("tmp", "");
    assert_eq!(fs::read_dir(path).unwrap().count(), 0);
}

#[test]
fn no_flag_and_no_command_is_missing() {
    let Some(twins) = Twins::new() else { return skip("there is no `sops`") };
    let commands = [
        "",
        "encrypt",
        "decrypt",
        "edit",
        "set",
        "unset",
        "rotate",
        "updatekeys",
        "groups add",
        "groups delete",
        "filestatus",
        "exec-env",
        "exec-file",
        "publish",
        "keyservice",
        "completion",
    ];
    let mut count = 0;
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let (real, ours) = (twins.real(&words), twins.ours(&words));
        assert_eq!((real.code, ours.code), (0, 0), "{command}");
        let (_, options) = real.stdout.split_once("OPTIONS:").unwrap();
        for line in options.lines().filter(|line| line.trim_start().starts_with("--")) {
            let names = line.trim_start().split("  ").next().unwrap();
            for name in names.split(", ").filter_map(|name| name.split(' ').next()) {
                // Second names are taken, and not listed.
                let is_listed = ours.stdout.contains(&format!("{name} "))
                    || ours.stdout.contains(&format!("{name}\n"))
                    || ours.stdout.contains(&format!("{name}[="))
                    || ours.stdout.contains(&format!("{name}, "));
                assert!(
                    is_listed || matches!(name, "--net" | "--addr"),
                    "{command}: {name}\n{}",
                    ours.stdout
                );
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
}
