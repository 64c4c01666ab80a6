//! `sealeaf edit`, with editors of the tests' own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use expect_test::expect;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Project, Run};

/// One rule, for Alice.
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\"]\n";

const TEXT: &str = "db:\n  user: app # who\n  password: s3cret one\n";

/// A project with a committed sealed file.
fn project() -> Project {
    let sandbox = Project::new(&["alice", "bob"], RULE);
    sandbox.seal("secrets/a.yaml", TEXT);
    sandbox.commit("first");
    sandbox
}

impl Project {
    /// `sealeaf edit` with an editor that runs `script` on `$1`.
    fn edit<'a>(&'a self, arguments: &[&str], script: &str) -> Run<'a> {
        self.run(&[&["edit"], arguments].concat()).env("SEALEAF_EDITOR", self.editor(script))
    }
}

#[test]
fn one_changed_value_is_one_changed_line() {
    let sandbox = project();
    let before = sandbox.read("secrets/a.yaml");
    sandbox.edit(&["secrets/a.yaml"], "sed -i 's/s3cret one/another/' \"$1\"").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: 2 of 2 values sealed, 1 unchanged
        "#]],
    );
    let after = sandbox.read("secrets/a.yaml");
    assert_eq!(before.lines().zip(after.lines()).filter(|(a, b)| a != b).count(), 1);
    assert_eq!(sandbox.open("secrets/a.yaml"), TEXT.replace("s3cret one", "another"));
    assert_eq!(sandbox.temporary_files(), Vec::<String>::new());
}

#[test]
fn an_unchanged_text_writes_nothing() {
    let sandbox = project();
    let at =
        |name: &str| fs::metadata(sandbox.path(name)).map(|found| (found.ino(), found.mtime_nsec())).unwrap();
    let before = at("secrets/a.yaml");
    sandbox.edit(&["secrets/a.yaml"], "touch \"$1\"").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: unchanged
        "#]],
    );
    assert_eq!(at("secrets/a.yaml"), before);
    sandbox.edit(&["secrets/new.yaml"], "true").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/new.yaml: nothing was written
        "#]],
    );
    assert!(!sandbox.path("secrets/new.yaml").exists());
    sandbox.write("secrets/plain.yaml", "a: 1\n");
    sandbox.edit(&["secrets/plain.yaml"], "true").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: warning: secrets/plain.yaml: unchanged, and not sealed: `sealeaf encrypt` seals it
        "#]],
    );
}

#[test]
fn a_new_file_is_sealed_by_its_rule() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.edit(&["secrets/deep/a.json"], "printf '{\"a\": \"canary\"}\\n' >\"$1\"").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/deep/a.json: 1 of 1 value sealed, 0 unchanged
        "#]],
    );
    assert!(!sandbox.read("secrets/deep/a.json").contains("canary"));
    assert_eq!(sandbox.open("secrets/deep/a.json"), "{\"a\": \"canary\"}\n");
}

#[test]
fn a_plain_file_is_sealed_as_the_next_version_of_what_git_has() {
    let sandbox = project();
    let before = sandbox.read("secrets/a.yaml");
    sandbox.write("secrets/a.yaml", TEXT);
    sandbox.edit(&["secrets/a.yaml"], "sed -i 's/s3cret one/another/' \"$1\"").stdout();
    let after = sandbox.read("secrets/a.yaml");
    assert_eq!(before.lines().zip(after.lines()).filter(|(a, b)| a != b).count(), 1);
}

#[test]
fn without_a_rule_nothing_is_opened() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.edit(&["other.yaml"], "touch \"$HOME/started\"").fails(
        7,
        expect![[r#"
            sealeaf: error: other.yaml: no rule covers this file
            sealeaf: hint: add one to `.sealeaf.toml` or `.sops.yaml`, or seal a first version with `sealeaf encrypt --to`
        "#]],
    );
    assert!(!sandbox.home().join("started").exists());
}

#[test]
fn recipients_other_than_the_rules_are_refused_before_the_editor_opens() {
    let sandbox = project();
    sandbox.configure(&["alice", "bob"], &RULE.replace("\"alice\"", "\"alice\", \"bob\""));
    sandbox.edit(&["secrets/a.yaml"], "touch \"$HOME/started\"").fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the file's recipients are not those of its rule
            sealeaf: hint: bring it up to date with `sealeaf rekey`, after a look at `sealeaf explain`
        "#]],
    );
    assert!(!sandbox.home().join("started").exists());
}

#[test]
fn ac_15_a_mix_of_versions_is_refused() {
    let sandbox = project();
    let first = sandbox.read("secrets/a.yaml");
    sandbox.edit(&["secrets/a.yaml"], "sed -i 's/s3cret one/two/; s/app/owner/' \"$1\"").stdout();
    sandbox.commit("second");
    let second = sandbox.read("secrets/a.yaml");
    let mix: Vec<&str> = first.lines().take(2).chain(second.lines().skip(2)).collect();
    sandbox.write("secrets/a.yaml", &format!("{}\n", mix.join("\n")));
    let output = sandbox.edit(&["secrets/a.yaml"], "touch \"$HOME/started\"").output();
    assert_eq!(output.code, 6, "{}", output.stderr);
    assert!(!sandbox.home().join("started").exists());
}

#[test]
fn the_editor_sees_no_keys_and_no_file_name() {
    let sandbox = project();
    let bobs = fs::read_to_string(sandbox.identity("bob")).unwrap();
    let script =
        "case \"$1\" in *secrets*|*/a.yaml) exit 3;; *.yaml) ;; *) exit 4;; esac; env >\"$HOME/env\"";
    sandbox.edit(&["secrets/a.yaml"], script).env("SEALEAF_IDENTITY", bobs).stdout();
    let shown = fs::read_to_string(sandbox.home().join("env")).unwrap();
    assert!(!shown.contains("AGE-SECRET-KEY") && shown.contains("SEALEAF_EDITOR="), "{shown}");
}

#[test]
fn ac_48_plaintext_is_in_memory_and_the_owners_alone() {
    let sandbox = project();
    let Some(runtime) = sandbox.runtime() else { return };
    let script = "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" >\"$HOME/modes\"";
    sandbox.edit(&["secrets/a.yaml"], script).stdout();
    let modes = fs::read_to_string(sandbox.home().join("modes")).unwrap();
    let lines: Vec<&str> = modes.lines().collect();
    assert!(lines[0].starts_with(&format!("600 {}/", runtime.display())), "{modes}");
    assert!(lines[1].starts_with(&format!("700 {}/", runtime.display())), "{modes}");
}

#[test]
fn ac_49_leftovers_are_named_and_removed() {
    let sandbox = project();
    sandbox
        .edit(
            &["secrets/a.yaml"],
            "cd \"$(dirname \"$1\")\"; cp \"$1\" .values.yaml.swp; echo x >>'#a\u{202e}'",
        )
        .check(
            0,
            expect![""],
            expect![[r#"
            sealeaf: secrets/a.yaml: unchanged
            sealeaf: warning: the editor left `#a\u{202e}`, which is removed
            sealeaf: warning: the editor left `.values.yaml.swp`, which is removed
        "#]],
        );
    assert_eq!(sandbox.temporary_files(), Vec::<String>::new());
}

/// Starts an editor that does not end, and waits until it runs. Gives this program and the editor.
fn started(sandbox: &Project) -> (Child, Pid) {
    let script =
        "echo canary >>\"$1\"; echo $$ >\"$HOME/new\"; mv \"$HOME/new\" \"$HOME/started\"; exec sleep 60";
    let mut command = sandbox.edit(&["secrets/a.yaml"], script).into_command();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !sandbox.home().join("started").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the editor does not start");
        sleep(Duration::from_millis(10));
    }
    let editor = fs::read_to_string(sandbox.home().join("started")).unwrap();
    (child, Pid::from_raw(editor.trim().parse().unwrap()).unwrap())
}

#[test]
fn ac_50_signals_leave_nothing() {
    for signal in [Signal::TERM, Signal::HUP] {
        let sandbox = project();
        let before = sandbox.read("secrets/a.yaml");
        let (mut child, _) = started(&sandbox);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal:?}");
        assert_eq!(sandbox.read("secrets/a.yaml"), before);
        assert_eq!(sandbox.temporary_files(), Vec::<String>::new());
    }
}

#[test]
fn ac_50_what_a_kill_leaves_is_swept_at_the_next_start() {
    let sandbox = project();
    let (mut child, editor) = started(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    kill_process(editor, Signal::KILL).unwrap();
    assert_ne!(sandbox.temporary_files(), Vec::<String>::new());
    sandbox.run(&["man"]).stdout();
    assert_eq!(sandbox.temporary_files(), Vec::<String>::new());
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let sandbox = project();
    let before = sandbox.read("secrets/a.yaml");
    sandbox.edit(&["secrets/a.yaml"], "echo 'b: 1' >>\"$1\"; exit 3").fails(
        1,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the editor `[ROOT]/bin/fake-editor` failed with exit code 3
            sealeaf: hint: nothing was written
        "#]],
    );
    assert_eq!(sandbox.read("secrets/a.yaml"), before);
}

#[test]
fn ac_51_what_is_no_plain_file_any_more_is_refused() {
    for (script, says) in [
        ("rm \"$1\"; ln -s /etc/passwd \"$1\"", "became a symlink"),
        ("rm \"$1\"; mkfifo \"$1\"", "is no regular file any more"),
        ("rm \"$1\"", "is gone"),
        ("ln \"$1\" \"$1.twin\"", "has further hard links now"),
    ] {
        let sandbox = project();
        let before = sandbox.read("secrets/a.yaml");
        let output = sandbox.edit(&["secrets/a.yaml"], script).output();
        assert_eq!(output.code, 7, "{script}: {}", output.stderr);
        assert!(output.stderr.contains(&format!("the edited file {says}")), "{}", output.stderr);
        assert_eq!(sandbox.read("secrets/a.yaml"), before);
        assert_eq!(sandbox.temporary_files(), Vec::<String>::new());
    }
}

#[test]
fn what_does_not_parse_is_lost_without_a_terminal() {
    let sandbox = project();
    let before = sandbox.read("secrets/a.yaml");
    sandbox.edit(&["secrets/a.yaml"], "echo 'b: [canary' >>\"$1\"").fails(
        8,
        expect![[r#"
            sealeaf: error: secrets/a.yaml:4:4: this bracket is not closed
              b: [······
                 ^
            sealeaf: error: secrets/a.yaml: the edit is lost: such a text cannot be kept sealed, and it is never kept in clear
            sealeaf: hint: run the command on a terminal, where the editor opens again
        "#]],
    );
    assert_eq!(sandbox.read("secrets/a.yaml"), before);
    assert_eq!(sandbox.files(), [".sealeaf.toml", "secrets/a.yaml"]);
}

#[test]
fn on_a_terminal_the_editor_opens_again() {
    let sandbox = project();
    // Broken the first time, mended the second.
    let script = "if grep -q broken \"$1\"; then sed -i '/broken/d' \"$1\"; echo 'b: 1' >>\"$1\"; else echo 'broken: [' >>\"$1\"; fi";
    let (code, shown) =
        sandbox.edit(&["secrets/a.yaml"], script).on_terminal(&[("open the editor again? [Y/n] ", "\n")]);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(sandbox.open("secrets/a.yaml"), format!("{TEXT}b: 1\n"));

    let before = sandbox.read("secrets/a.yaml");
    let (code, shown) =
        sandbox.edit(&["secrets/a.yaml"], script).on_terminal(&[("open the editor again? [Y/n] ", "n\n")]);
    assert_eq!(code, 8, "{shown}");
    assert!(shown.ends_with(" secrets/a.yaml: the edit is thrown away\n"), "{shown}");
    assert_eq!(sandbox.read("secrets/a.yaml"), before);
    assert_eq!(sandbox.files(), [".sealeaf.toml", "secrets/a.yaml"]);
}

#[test]
fn ac_19_an_edit_that_may_not_be_sealed_as_it_is_is_kept_sealed_as_a_whole() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.configure(&["alice"], &format!("{RULE}scope = \"{{path}}\"\n"));
    sandbox.seal("secrets/a.yaml", TEXT);
    let before = sandbox.read("secrets/a.yaml");
    sandbox.edit(&["secrets/a.yaml"], "echo '# password: hunter2' >>\"$1\"").fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: line 4: the comment looks like a secret (an assignment to a secret-sounding key) and would stay in clear
            sealeaf: hint: remove it, set `comments = "encrypt"` or `"strip"` in the rule, or say --allow-comments
            sealeaf: error: secrets/a.yaml: the edit is not in the file
            sealeaf: hint: your text is kept, sealed, in `secrets/a.yaml.rej`: read it with `sealeaf decrypt --path secrets/a.yaml secrets/a.yaml.rej`, and edit `secrets/a.yaml` again
        "#]],
    );
    assert_eq!(sandbox.read("secrets/a.yaml"), before);
    let kept = sandbox.read("secrets/a.yaml.rej");
    assert!(!kept.contains("hunter2") && !kept.contains("who"), "{kept}");
    let text = sandbox.run(&["decrypt", "--path", "secrets/a.yaml", "secrets/a.yaml.rej"]).stdout();
    assert_eq!(text, format!("{TEXT}# password: hunter2\n"));
    sandbox.edit(&["secrets/a.yaml", "--allow-comments"], "echo '# password: hunter2' >>\"$1\"").stdout();
}

#[test]
fn ac_67_a_rule_that_seals_nothing_is_refused() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.configure(&["alice"], &format!("{RULE}encrypt = [\"none\"]\n"));
    let output = sandbox.edit(&["secrets/a.yaml"], "echo 'a: canary' >>\"$1\"").output();
    assert_eq!(output.code, 7);
    assert!(output.stderr.contains("the rule seals nothing in this file"), "{}", output.stderr);
    assert_eq!(sandbox.files(), [".sealeaf.toml", "secrets/a.yaml.rej"]);
    assert!(!sandbox.read("secrets/a.yaml.rej").contains("canary"));
    sandbox.edit(&["secrets/a.yaml", "--allow-no-secrets"], "echo 'a: canary' >>\"$1\"").stdout();
}

#[test]
fn ac_71_a_file_changed_meanwhile_is_not_overwritten() {
    let sandbox = project();
    let script = "echo 'b: mine' >>\"$1\"; printf '\\n' >>secrets/a.yaml";
    for name in ["secrets/a.yaml.rej", "secrets/a.yaml.rej2"] {
        let before = sandbox.read("secrets/a.yaml");
        let output = sandbox.edit(&["secrets/a.yaml"], script).output();
        assert_eq!(output.code, 9, "{}", output.stderr);
        assert!(
            output.stderr.contains(&format!("your text is kept, sealed, in `{name}`")),
            "{}",
            output.stderr
        );
        assert_eq!(sandbox.read("secrets/a.yaml"), format!("{before}\n"), "{name}");
        assert!(!sandbox.read(name).contains("mine"));
        let text = sandbox.run(&["decrypt", "--path", "secrets/a.yaml", name]).stdout();
        assert_eq!(text, format!("{TEXT}b: mine\n"));
    }
}

#[test]
fn ac_71_a_file_that_appears_meanwhile_is_not_overwritten() {
    let sandbox = Project::new(&["alice"], RULE);
    let script = "echo 'b: mine' >>\"$1\"; mkdir -p secrets; echo theirs >secrets/new.yaml";
    sandbox.edit(&["secrets/new.yaml"], script).fails(
        9,
        expect![[r#"
            sealeaf: error: secrets/new.yaml: the file was changed by another program meanwhile
            sealeaf: hint: your text is kept, sealed, in `secrets/new.yaml.rej`: read it with `sealeaf decrypt --path secrets/new.yaml secrets/new.yaml.rej`, and edit `secrets/new.yaml` again
        "#]],
    );
    assert_eq!(sandbox.read("secrets/new.yaml"), "theirs\n");
}

#[test]
fn symlinks_and_standard_input_are_refused_at_once() {
    let sandbox = project();
    std::os::unix::fs::symlink("a.yaml", sandbox.path("secrets/link.yaml")).unwrap();
    let output = sandbox.edit(&["secrets/link.yaml"], "touch \"$HOME/started\"").output();
    assert_eq!(output.code, 7, "{}", output.stderr);
    assert!(!sandbox.home().join("started").exists());
    sandbox.edit(&["-"], "true").fails(
        2,
        expect![[r#"
            sealeaf: error: -: standard input cannot be edited
            sealeaf: hint: name a file
        "#]],
    );
}
