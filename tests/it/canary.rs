//! Whatever is done with planted values, and whatever goes wrong with them: they are nowhere but where they belong.

mod needles;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Output, Project, Run};
use needles::Needles;

const RULES: &str = "[[rule]]\nfiles = [\"s/**\"]\nto = [\"alice\"]\n\n\
                     [[rule]]\nfiles = [\"e/**\"]\nto = [\"alice\", \"bob\"]\ncomments = \"encrypt\"\n";
const WORD: &str = "canary/kingfisher+plover:7Qx";
const OTHER: &str = "canary-goldcrest-dunnock-3Zt";
const NUMBER: &str = "867530912345678901";
const YAML: &str = "db:\n  password: canary/kingfisher+plover:7Qx\n  pin: 867530912345678901\n";

/// A project under watch.
struct Watch {
    project: Project,
    needles: Needles,
    /// Plaintext that the test itself put somewhere.
    planted: BTreeMap<PathBuf, Vec<u8>>,
    found: Vec<String>,
    runs: usize,
}

impl Watch {
    fn new() -> Self {
        let project = Project::new(&["alice", "bob", "mallory"], RULES);
        let key = fs::read_to_string(project.identity("alice")).unwrap();
        let key = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
        let needles = Needles::of(&[WORD, OTHER, NUMBER, YAML, &key]);
        let mut watch = Self { project, needles, planted: BTreeMap::new(), found: Vec::new(), runs: 0 };
        watch.plant(watch.project.identity("alice"));
        watch
    }

    /// Takes note of a file that may hold values as it is now.
    fn plant(&mut self, path: PathBuf) {
        let bytes = fs::read(&path).unwrap();
        self.planted.insert(path, bytes);
    }

    /// Puts a text with values into a file.
    fn put(&mut self, name: &str, text: &str) {
        self.project.write(name, text);
        self.plant(self.project.path(name));
    }

    /// Runs as verbosely as can be. What is allowed to print values is not looked at where it succeeds.
    fn run(
        &mut self,
        what: &str,
        arguments: &[&str],
        prints: bool,
        change: impl Fn(Run<'_>) -> Run<'_>,
    ) -> Output {
        let run = self.project.run(&[&["-v"], arguments].concat()).env("RUST_BACKTRACE", "1");
        let output = change(run).output();
        self.runs += 1;
        let printed = if prints && output.code == 0 { "" } else { &output.stdout };
        for (stream, text) in [("standard output", printed), ("standard error", &output.stderr)] {
            if let Some(found) = self.needles.find(text.as_bytes()) {
                self.found.push(format!("{what}: {found} on {stream}:\n{text}"));
            }
        }
        output
    }

    #[track_caller]
    fn succeeds(&mut self, arguments: &[&str], prints: bool, change: impl Fn(Run<'_>) -> Run<'_>) {
        let output = self.run(&arguments.join(" "), arguments, prints, change);
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
        self.files(&arguments.join(" "));
    }

    /// Something fails; on standard output there is nothing at all.
    #[track_caller]
    fn fails(&mut self, what: &str, arguments: &[&str], change: impl Fn(Run<'_>) -> Run<'_>) {
        let output = self.run(what, arguments, false, change);
        assert_ne!(output.code, 0, "{what}: {arguments:?} succeeds: {}", output.stderr);
        assert!(
            !output.stderr.contains("Usage:"),
            "{what}: {arguments:?} is not understood: {}",
            output.stderr
        );
        assert!(!output.stderr.contains("internal error"), "{what}: {}", output.stderr);
        self.files(what);
    }

    /// Looks into every file of the sandbox: work tree, home, temporary folders, git's own files.
    fn files(&mut self, what: &str) {
        let known =
            |path: &Path, bytes: &[u8]| self.planted.get(path).is_some_and(|planted| planted == bytes);
        let mut found = self.needles.below(&self.project.root(), known);
        if let Some(runtime) = self.project.runtime() {
            found.extend(self.needles.below(runtime, |_, _| false));
        }
        found.extend(
            self.project.files().into_iter().filter(|name| name.split('/').any(|it| it.starts_with("core"))),
        );
        self.found.extend(found.into_iter().map(|found| format!("{what}: {found}")));
    }

    /// Looks into git's objects, unpacked: blobs, commits, notes.
    fn objects(&mut self) {
        let list = self.project.git(&[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname) %(objecttype)",
        ]);
        for line in list.lines() {
            let (id, kind) = line.split_once(' ').unwrap();
            let output = self.project.command("git").args(["cat-file", kind, id]).output().unwrap();
            if let Some(found) = self.needles.find(&output.stdout) {
                self.found.push(format!("{kind} {id}: {found}"));
            }
        }
    }

    #[track_caller]
    fn end(mut self) {
        self.objects();
        assert!(
            self.found.is_empty(),
            "{} of {} runs:\n{}",
            self.found.len(),
            self.runs,
            self.found.join("\n")
        );
    }

    /// A sealed file, and its text.
    fn sealed(&mut self, name: &str, text: &str) -> String {
        self.project.write(name, text);
        self.succeeds(&["encrypt", name], false, same);
        self.project.read(name)
    }
}

/// Runs a command as it is.
fn same(run: Run<'_>) -> Run<'_> {
    run
}

#[test]
fn no_value_is_where_it_does_not_belong_after_success() {
    let mut watch = Watch::new();
    watch.sealed("s/a.yaml", YAML);
    watch.sealed("s/b.json", &format!("{{\"a\": \"{WORD}\", \"b\": [{NUMBER}]}}\n"));
    watch.sealed("e/c.toml", &format!("# {OTHER}\na = \"{WORD}\"\n"));
    watch.project.commit("sealed");
    watch.succeeds(&["decrypt", "s/a.yaml"], true, same);
    watch.succeeds(&["get", "s/a.yaml", "db.password"], true, same);
    watch.succeeds(&["get", "--json", "s/b.json", "."], true, same);
    watch.succeeds(&["exec", "s/a.yaml", "--", "true"], false, same);
    watch.succeeds(&["exec", "s/a.yaml", "--", "env"], true, same);
    watch.succeeds(&["git", "textconv", "s/a.yaml"], true, same);
    watch.succeeds(&["set", "s/a.yaml", "db.new"], false, |run| run.stdin(OTHER));
    watch.succeeds(&["set", "s/a.yaml", "db.value", "--value", OTHER], false, same);
    watch.succeeds(&["set", "--json", "s/b.json", "c"], false, |run| {
        run.stdin(format!("{{\"x\": \"{OTHER}\"}}"))
    });
    watch.succeeds(&["unset", "s/a.yaml", "db.value"], false, same);
    // The editor gets the value from a file that is known, and keeps copies of all.
    watch.project.write("../home/more", &format!("more: {OTHER}\n"));
    watch.plant(watch.project.home().join("more"));
    let script =
        "cat \"$HOME/more\" >>\"$1\"; cp \"$1\" \"$1~\"; cp \"$1\" \"$(dirname \"$1\")/.values.yaml.swp\"";
    let editor = watch.project.editor(script);
    watch.succeeds(&["edit", "s/a.yaml"], false, |run| run.env("SEALEAF_EDITOR", &editor));
    watch.succeeds(&["rotate", "s", "e"], false, same);
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["verify", "s/a.yaml", "s/b.json", "e/c.toml"],
        &["verify", "--json", "s/a.yaml"],
        &["explain", "s/a.yaml"],
        &["explain", "--json", "s/a.yaml"],
        &["recipients", "list"],
        &["recipients", "list", "--json"],
        &["rekey", "--check", "--all"],
        &["git", "install"],
        &["init", "--yes"],
    ] {
        watch.succeeds(arguments, false, same);
    }
    watch.project.commit("changed");
    let mallory = watch.project.key("mallory").to_owned();
    watch.succeeds(&["recipients", "add", "--yes", "--all-rules", "other", &mallory], false, same);
    watch.succeeds(&["recipients", "remove", "--yes", "bob"], false, same);
    watch.succeeds(&["rekey", "--yes", "--all"], false, same);
    // An edit by hand, sealed again.
    watch.project.write("s/a.yaml", &format!("by_hand: {OTHER}\n{}", watch.project.read("s/a.yaml")));
    watch.succeeds(&["encrypt", "--yes", "s/a.yaml"], false, same);
    watch.project.commit("more");
    // Into a file, where the user wants it.
    let out = watch.project.home().join("out.yaml");
    let output = watch.run("decrypt -o", &["decrypt", "-o", out.to_str().unwrap(), "s/a.yaml"], false, same);
    assert_eq!(output.code, 0, "{}", output.stderr);
    watch.plant(out);
    watch.files("decrypt -o");
    watch.end();
}

#[test]
fn no_value_is_shown_by_what_was_tampered_with() {
    let mut watch = Watch::new();
    let sealed = watch.sealed("s/a.yaml", YAML);
    let other = watch.sealed("s/other.yaml", &YAML.replace(WORD, OTHER));
    watch.project.commit("sealed");
    for (what, text) in tampered(&watch.project, &sealed, &other) {
        watch.put("s/a.yaml", &text);
        for arguments in
            [&["decrypt", "s/a.yaml"][..], &["verify", "s/a.yaml"], &["exec", "s/a.yaml", "--", "env"]]
        {
            watch.fails(what, arguments, same);
        }
        // Some of these only look, and may succeed.
        for arguments in [
            &["status"][..],
            &["explain", "s/a.yaml"],
            &["git", "textconv", "s/a.yaml"],
            &["set", "s/a.yaml", "db.x"],
            &["rotate", "s"],
            &["rekey", "--all"],
            &["edit", "s/a.yaml"],
            &["encrypt", "s/a.yaml"],
        ] {
            // What git shows is the file itself.
            let prints = arguments[0] == "git";
            watch.run(what, arguments, prints, |run| run.stdin(WORD).env("SEALEAF_EDITOR", "true"));
            watch.project.write("s/a.yaml", &text);
        }
        watch.project.write("s/other.yaml", &other);
        watch.files(what);
    }
    watch.project.write("s/a.yaml", &sealed);
    watch.end();
}

/// What can be done to a sealed file, and how it reads then.
fn tampered(project: &Project, sealed: &str, other: &str) -> Vec<(&'static str, String)> {
    let token = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(key)).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    let (password, pin) = (token(sealed, "password: "), token(sealed, "pin: "));
    let policy = token(sealed, "policy: ");
    let flipped = |token: &str| {
        let at = token.len() / 2;
        let with = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{with}{}", &token[..at], &token[at + 1..])
    };
    vec![
        ("a flipped bit", sealed.replace(&password, &flipped(&password))),
        ("a token cut short", sealed.replace(&password, &password[..password.len() - 4])),
        ("a removed line", sealed.replace(&format!("  pin: {pin}\n"), "")),
        (
            "swapped tokens",
            sealed.replace(&password, "X").replace(&pin, &password).replace("X\n", &format!("{pin}\n")),
        ),
        ("a renamed key", sealed.replace("  pin:", "  pen:")),
        ("another file's token", sealed.replace(&password, &token(other, "password: "))),
        ("a clear value for a token", sealed.replace(&password, OTHER)),
        ("an added value", sealed.replacen("db:\n", &format!("db:\n  new: {OTHER}\n"), 1)),
        ("a comment within", sealed.replacen("sealeaf:\n", &format!("sealeaf:\n  # {OTHER}\n"), 1)),
        ("a duplicate key", sealed.replacen("db:\n", &format!("db:\n  pin: {OTHER}\n"), 1)),
        ("another rule", sealed.replace(&policy, &flipped(&policy))),
        ("a broken wrap", {
            let wrapped = token(sealed, "wrapped: ");
            sealed.replace(&wrapped, &flipped(&wrapped))
        }),
        ("an injected recipient", project.injected("s/a.yaml", "mallory")),
        ("an unknown field", sealed.replace("  policy: ", "  more: x\n  policy: ")),
        ("another version", sealed.replace("  version: 1", "  version: 2")),
        ("a cut file", sealed[..sealed.len() - 30].to_owned()),
        ("a conflict", format!("<<<<<<< ours\na: {OTHER}\n=======\na: {WORD}\n>>>>>>> theirs\n{sealed}")),
        ("a line that is no YAML", format!("\"{OTHER}\n{sealed}")),
    ]
}

#[test]
fn no_value_is_shown_by_what_does_not_parse() {
    let mut watch = Watch::new();
    for (what, name, text) in [
        ("an open quote", "s/x.yaml", format!("a: \"{WORD}\n")),
        ("a bad escape", "s/x.yaml", format!("a: \"\\q{WORD}\"\n")),
        ("a tab", "s/x.yaml", format!("a:\n\tb: {WORD}\n")),
        ("an open list", "s/x.yaml", format!("a: [{WORD}\n")),
        ("a second colon", "s/x.yaml", format!("a: b: {WORD}\n")),
        ("an unknown alias", "s/x.yaml", format!("a: *{}\n", OTHER)),
        ("two anchors", "s/x.yaml", format!("a: &{OTHER} &b x\n")),
        ("a duplicate key", "s/x.yaml", format!("a: {WORD}\na: {WORD}\n")),
        ("a duplicate key in quotes", "s/x.yaml", format!("a: {{\"b\": \"{WORD}\", b: \"{WORD}\"}}\n")),
        ("an undent", "s/x.yaml", format!("a:\n    b: 1\n  {WORD}\n")),
        ("a control character", "s/x.yaml", format!("a: {WORD}\u{1}\n")),
        ("a block without indent", "s/x.yaml", format!("a: |\n    {WORD}\n  {WORD}\n")),
        ("a complex key", "s/x.yaml", format!("? [{WORD}]\n: x\n")),
        ("an open object", "s/x.json", format!("{{\"a\": \"{WORD}\"")),
        ("an open string", "s/x.json", format!("{{\"a\": \"{WORD}\n")),
        ("no quotes", "s/x.json", format!("{{\"a\": {OTHER}}}\n")),
        ("two commas", "s/x.json", format!("{{\"a\": \"{WORD}\",, \"b\": 1}}\n")),
        ("a lone surrogate", "s/x.json", format!("{{\"a\": \"{WORD}\\ud800\"}}\n")),
        ("a bad number", "s/x.json", format!("{{\"a\": {NUMBER}x}}\n")),
        ("twice the key", "s/x.json", format!("{{\"a\": \"{WORD}\", \"a\": \"{WORD}\"}}\n")),
        ("more behind it", "s/x.json", format!("{{\"a\": 1}} \"{WORD}\"\n")),
        ("no quotes", "s/x.toml", format!("a = {OTHER}\n")),
        ("an open string", "s/x.toml", format!("a = \"{WORD}\n")),
        ("an open long string", "s/x.toml", format!("a = '''{WORD}\n")),
        ("a bad escape", "s/x.toml", format!("a = \"\\q{WORD}\"\n")),
        ("a bad date", "s/x.toml", format!("a = 2026-99-99{NUMBER}\n")),
        ("twice the key", "s/x.toml", format!("a = \"{WORD}\"\na = \"{WORD}\"\n")),
        ("a value for a table", "s/x.toml", format!("a = \"{WORD}\"\n[a]\nb = 1\n")),
        ("no format", "s/x.bin", format!("{WORD}\n")),
    ] {
        watch.put(name, &text);
        watch.fails(what, &["encrypt", name], same);
        watch.fails(what, &["encrypt", "-o", "-", "--path", name, "-"], |run| run.stdin(text.clone()));
        watch.run(what, &["edit", name], false, |run| run.env("SEALEAF_EDITOR", "true"));
        watch.run(what, &["status"], false, same);
        watch.files(what);
        fs::remove_file(watch.project.path(name)).unwrap();
    }
    watch.end();
}

#[test]
fn no_value_is_shown_without_its_key_or_place() {
    let mut watch = Watch::new();
    watch.sealed("s/a.yaml", YAML);
    watch.project.commit("sealed");
    let reads: [&[&str]; 5] = [
        &["decrypt", "s/a.yaml"],
        &["get", "s/a.yaml", "db.password"],
        &["exec", "s/a.yaml", "--", "env"],
        &["rotate", "s/a.yaml"],
        &["set", "s/a.yaml", "db.x"],
    ];
    let mallory = watch.project.identity("mallory");
    for arguments in reads {
        watch
            .fails("another's key", arguments, |run| run.stdin(OTHER).env("SEALEAF_IDENTITY_FILE", &mallory));
        watch.fails("no key", arguments, |run| run.stdin(OTHER).without("SEALEAF_IDENTITY_FILE"));
        watch.fails("a broken key", arguments, |run| {
            let run = run.stdin(OTHER).without("SEALEAF_IDENTITY_FILE");
            run.env("SEALEAF_IDENTITY", format!("AGE-SECRET-KEY-1{OTHER}"))
        });
    }
    watch.fails("no such path", &["get", "s/a.yaml", "db.password.x"], same);
    watch.fails("a value in the arguments", &["set", "s/a.yaml", "db.password", OTHER], same);
    watch.fails("JSON that is none", &["set", "--json", "s/a.yaml", "a"], |run| {
        run.stdin(format!("{{\"{OTHER}"))
    });
    let long = OTHER.repeat(50_000);
    watch.fails("a value over the limit", &["set", "s/a.yaml", "a"], |run| run.stdin(long.clone()));
    watch.fails("no such program", &["exec", "s/a.yaml", "--", "/nonexistent"], same);
    for name in ["LD_PRELOAD", "IFS", "x;y", "a=b"] {
        let key = format!("{name:?}");
        watch.sealed("s/env.yaml", &format!("{key}: {WORD}\n"));
        watch.fails("a name that programs obey", &["exec", "s/env.yaml", "--", "env"], same);
    }
    watch.fails("plaintext where git tracks it", &["decrypt", "-o", "s/out.yaml", "s/a.yaml"], same);
    watch.fails("plaintext over a sealed file", &["decrypt", "-o", "s/env.yaml", "s/a.yaml"], same);
    watch.fails("a way out", &["decrypt", "-o", "../out.yaml", "s/a.yaml"], same);
    watch.fails("a full standard output", &["decrypt", "s/a.yaml"], |run| {
        run.under("sh", &["-c", "exec \"$@\" >/dev/full", "sh"])
    });
    watch.end();
}

#[test]
fn no_value_is_shown_by_what_breaks_off() {
    let mut watch = Watch::new();
    watch.sealed("s/a.yaml", YAML);
    watch.project.commit("sealed");
    let out = watch.project.home().join("out.yaml").display().to_string();
    for size in ["0", "1", "200"] {
        let arguments: [&[&str]; 4] = [
            &["rotate", "s/a.yaml"],
            &["set", "s/a.yaml", "db.x"],
            &["edit", "s/a.yaml"],
            // Fits into the last limit.
            &["decrypt", "-o", &out, "s/a.yaml"],
        ];
        let limit = format!("--fsize={size}");
        let editor = watch.project.editor("echo 'x: y' >>\"$1\"");
        for arguments in &arguments[..if size == "200" { 3 } else { 4 }] {
            watch.fails("a limit on files", arguments, |run| {
                run.stdin(OTHER).env("SEALEAF_EDITOR", &editor).under("prlimit", &[&limit])
            });
        }
    }
    for (what, script) in [
        ("an editor that fails", "exit 3"),
        ("an editor that dies", "kill -9 $$"),
        ("an editor that leaves a link", "rm \"$1\"; ln -s /etc/passwd \"$1\""),
        ("an editor that leaves nothing", "rm \"$1\""),
        ("an editor that breaks the text", "echo '\"' >>\"$1\""),
        ("an editor that writes too much", "head -c 70000000 /dev/zero >\"$1\""),
        ("an editor that doubles a key", "cat \"$1\" >\"$1.2\"; cat \"$1.2\" >>\"$1\""),
    ] {
        let editor = watch.project.editor(script);
        watch.fails(what, &["edit", "s/a.yaml"], |run| run.env("SEALEAF_EDITOR", &editor));
    }
    watch.fails("no editor", &["edit", "s/a.yaml"], |run| run.env("SEALEAF_EDITOR", "/nonexistent"));
    watch.end();
}

#[test]
fn no_value_is_shown_by_what_cannot_be_sealed() {
    let mut watch = Watch::new();
    watch.put("s/p.yaml", YAML);
    watch.put("none/p.yaml", YAML);
    watch.fails("no rule", &["encrypt", "none/p.yaml"], same);
    watch.fails("an unknown recipient", &["encrypt", "--to", "nobody", "s/p.yaml"], same);
    watch.fails("a limit", &["encrypt", "--max-leaves", "1", "s/p.yaml"], same);
    watch.fails("too deep", &["encrypt", "--max-depth", "1", "s/p.yaml"], same);
    watch.fails("too large", &["encrypt", "--max-file-size", "9", "s/p.yaml"], same);
    watch.fails("not sealed", &["decrypt", "s/p.yaml"], same);
    watch.fails("not sealed", &["rotate", "s/p.yaml"], same);
    for (what, rule) in [
        ("a rule that seals nothing", "encrypt = [\"nothing\"]\n"),
        ("a pattern that does not parse", "encrypt = [\"(\"]\n"),
        ("a setting that is unknown", "enrcypt = [\"x\"]\n"),
    ] {
        let rules = format!("[[rule]]\nfiles = [\"s/**\"]\nto = [\"alice\"]\n{rule}");
        watch.project.configure(&["alice", "bob"], &rules);
        watch.fails(what, &["encrypt", "s/p.yaml"], same);
    }
    watch.project.configure(&["alice", "bob"], RULES);
    watch.put("s/token.yaml", &format!("# password: {OTHER}\na: {WORD}\n"));
    watch.fails("a comment like a secret", &["encrypt", "s/token.yaml"], same);
    for name in ["s/p.yaml", "none/p.yaml", "s/token.yaml"] {
        fs::remove_file(watch.project.path(name)).unwrap();
    }
    watch.project.commit("after");
    watch.end();
}
