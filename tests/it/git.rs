//! `sealeaf git`, with the real git.

use std::fs;
use std::path::Path;

use expect_test::expect;

use crate::support::{Output, Project, Sandbox};

/// One rule, for Alice.
const RULE: &str = "[[rule]]\nfiles = [\"secrets/**\"]\nto = [\"alice\"]\n";

impl Project {
    /// The binary on the path and the key in its place, where they are found when git starts the binary.
    fn for_git(self) -> Self {
        let folder = self.home().join(".config/sealeaf");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(self.identity("alice"), folder.join("keys.txt")).unwrap();
        self.script("sealeaf", &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_sealeaf")));
        self
    }
}

/// A project with a history: two versions of a sealed file, the second not committed.
fn changed() -> Project {
    let sandbox = Project::new(&["alice", "bob"], RULE).for_git();
    sandbox.write(".gitattributes", "secrets/** -text diff=sealeaf merge=sealeaf\n");
    sandbox.seal("secrets/a.yaml", "db:\n  user: app\n  password: s3cret one\n");
    sandbox.commit("first");
    sandbox.run(&["set", "secrets/a.yaml", "db.password"]).stdin("s3cret two").stdout();
    sandbox
}

#[test]
fn git_shows_what_changes() {
    let sandbox = changed();
    assert!(sandbox.git(&["diff"]).contains("-  password: sealed.v1."));
    sandbox.run(&["git", "install"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .git/config: `diff.sealeaf.textconv` is `sealeaf git textconv`
        "#]],
    );
    let lines = |text: &str| -> Vec<String> {
        text.lines().skip_while(|line| !line.starts_with("@@")).skip(1).map(str::to_owned).collect()
    };
    let diff = [" db:", "   user: app", "-  password: s3cret one", "+  password: s3cret two"];
    assert_eq!(lines(&sandbox.git(&["diff"])), diff);
    sandbox.commit("second");
    assert_eq!(lines(&sandbox.git(&["log", "-p", "-1"])), diff);
    // What git stores is sealed, and nothing else is stored.
    assert!(sandbox.git(&["show", "HEAD:secrets/a.yaml"]).contains("password: sealed.v1."));
    assert_eq!(sandbox.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\n");
}

#[test]
fn installing_again_changes_nothing() {
    let sandbox = changed();
    sandbox.run(&["git", "install"]).stdout();
    let config = sandbox.read(".git/config");
    sandbox.run(&["git", "install"]).dir("secrets").check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: the diff driver is there already
        "#]],
    );
    assert_eq!(sandbox.read(".git/config"), config);
}

#[test]
fn missing_attributes_are_named() {
    Project::new(&["alice"], RULE).run(&["git", "install"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: .git/config: `diff.sealeaf.textconv` is `sealeaf git textconv`
            sealeaf: warning: `.gitattributes` lacks the line `secrets/** -text diff=sealeaf merge=sealeaf`
            sealeaf: `sealeaf init` adds what is missing
        "#]],
    );
}

#[test]
fn git_does_not_store_what_it_shows() {
    let sandbox = changed();
    sandbox.git(&["config", "diff.sealeaf.cachetextconv", "true"]);
    let Output { code, stderr, .. } = sandbox.run(&["git", "install"]).output();
    assert_eq!(code, 0);
    assert!(stderr.contains("warning: `diff.sealeaf.cachetextconv` was set"), "{stderr}");
    assert!(!sandbox.read(".git/config").contains("cachetextconv"));
    sandbox.git(&["diff"]);
    sandbox.git(&["log", "-p"]);
    assert_eq!(sandbox.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\n");
}

#[test]
fn outside_of_a_repository_there_is_nothing_to_install() {
    Sandbox::without_git().run(&["git", "install"]).fails(
        2,
        expect![[r#"
            sealeaf: error: this folder is in no git repository
            sealeaf: hint: make one with `git init` first
        "#]],
    );
}

#[test]
fn without_a_key_the_sealed_text_is_shown() {
    let sandbox = changed();
    sandbox.run(&["git", "install"]).stdout();
    let sealed = sandbox.read("secrets/a.yaml");
    fs::remove_dir_all(sandbox.home().join(".config/sealeaf")).unwrap();
    let arguments = ["git", "textconv", "secrets/a.yaml"];
    sandbox.run_as("bob", &arguments).check_text(&sealed, "");
    sandbox.run_as_nobody(&[&arguments[..], &["-v"]].concat()).check_text(
        &sealed,
        "sealeaf: secrets/a.yaml: no usable key: the file's only recipient is not you\n",
    );
    assert!(sandbox.git(&["diff"]).contains("+  password: sealed.v1."));
}

#[test]
fn a_key_under_a_passphrase_is_not_asked_for() {
    let sandbox = Project::new(&["alice"], RULE);
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/age/testdata");
    let locked = fs::read_to_string(keys.join("ed25519_locked.pub")).unwrap();
    let config = sandbox.read(".sealeaf.toml").replace(sandbox.key("alice"), locked.trim());
    sandbox.write(".sealeaf.toml", &config);
    sandbox.seal("secrets/a.yaml", "a: x\n");
    fs::create_dir(sandbox.home().join(".ssh")).unwrap();
    fs::copy(keys.join("ed25519_locked"), sandbox.home().join(".ssh/id_ed25519")).unwrap();
    let sealed = sandbox.read("secrets/a.yaml");
    let run = sandbox.run_as_nobody(&["git", "textconv", "secrets/a.yaml"]);
    assert_eq!(run.on_terminal(&[]), (0, sealed));
    // Who may ask does.
    let run = sandbox.run_as_nobody(&["decrypt", "secrets/a.yaml"]);
    assert_eq!(
        run.on_terminal(&[
            ("passphrase for ", "wrong\n"),
            ("try 2 of 3", "bad\n"),
            ("try 3 of 3", "worse\n")
        ])
        .0,
        4
    );
}

#[test]
fn what_is_not_sealed_or_broken_is_shown_as_it_is() {
    let sandbox = changed();
    let broken = sandbox.read("secrets/a.yaml").replace("user:", "admin:");
    for text in ["a: plain\r\n\tb\n", "no: [yaml\n", "", &broken] {
        sandbox.write("secrets/x.yaml", text);
        sandbox.run(&["git", "textconv", "secrets/x.yaml"]).check_text(text, "");
    }
    sandbox.write("x", "no name, no format\n");
    sandbox.run(&["git", "textconv", "x"]).check_text("no name, no format\n", "");
    sandbox.run(&["git", "textconv", "--max-file-size", "4", "x"]).check_text("no name, no format\n", "");
    let mut command = sandbox.run(&["git", "textconv", "/bin/true"]).into_command();
    assert_eq!(command.output().unwrap().stdout, fs::read("/bin/true").unwrap());
    assert_eq!(sandbox.run(&["git", "textconv", "none"]).output().code, 1);
}

#[test]
fn a_scope_does_not_matter_for_reading() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.configure(&["alice"], &format!("{RULE}scope = \"{{path}}\"\n"));
    let sealed = sandbox.seal("secrets/a.yaml", "a: x\n").read("secrets/a.yaml");
    sandbox.write("tmp-secrets/k3j_a.yaml", &sealed);
    sandbox.run(&["git", "textconv", "tmp-secrets/k3j_a.yaml"]).check_text("a: x\n", "");
}

#[test]
fn ac_56_a_hostile_repository_starts_nothing() {
    let sandbox = changed();
    for program in ["gpg", "gpg-agent", "pinentry", "age", "age-plugin-evil", "vim", "sh-evil"] {
        sandbox.script(program, "echo $0 >>\"$HOME/started\"");
    }
    sandbox.write(".gitattributes", "* diff=sealeaf\n").write("binary", "\u{1}\0\u{2}");
    sandbox.git(&["config", "core.fsmonitor", "sh-evil"]);
    let sealed = sandbox.read("secrets/a.yaml");
    let plugin = "age1evil1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq0r5v4";
    let start = sealed.find("age1").unwrap();
    let end = start + sealed[start..].find('\n').unwrap();
    let hostile = format!("{}{plugin}{}", &sealed[..start], &sealed[end..]);
    sandbox.write("secrets/b.yaml", &hostile);
    sandbox.run(&["git", "textconv", "secrets/b.yaml"]).check_text(&hostile, "");
    sandbox.git(&["config", "--unset", "core.fsmonitor"]);
    sandbox.commit("hostile");
    sandbox.run(&["git", "install"]).stdout();
    assert!(sandbox.git(&["log", "-p"]).contains("+  password: s3cret two"));
    assert!(!sandbox.home().join("started").exists());
}

#[test]
fn ac_57_terminals_obey_nothing_of_it() {
    let sandbox = Project::new(&["alice"], RULE);
    sandbox.seal("secrets/a.yaml", "a: \"x\u{202e}y\u{200b}\"\n\"k\u{2066}\": 1\nb: |\n  one\n  \ttwo\n");
    sandbox
        .run(&["git", "textconv", "secrets/a.yaml"])
        .check_text("a: \"x\\u{202e}y\\u{200b}\"\n\"k\\u{2066}\": 1\nb: |\n  one\n  \ttwo\n", "");
    sandbox.write("plain.yaml", "a: \x1b[2Kx\rz\r\n");
    sandbox.run(&["git", "textconv", "plain.yaml"]).check_text("a: \\u{1b}[2Kx\\u{d}z\r\n", "");
}

/// `git log -p` goes on whatever the user's own configuration says; every other command stops.
#[test]
fn a_broken_configuration_of_the_user_stops_no_diff() {
    let project = Project::new(&["alice"], "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n");
    project.seal("a.yaml", "x: 1\n");
    let folder = project.home().join(".config/sealeaf");
    fs::create_dir_all(&folder).unwrap();
    project.put(&folder.join("config.toml"), "[network]\ntimout = 3\n");
    let run = project.run(&["git", "textconv", "a.yaml"]).output();
    assert_eq!((run.code, run.stdout.as_str()), (0, "x: 1\n"));
    assert!(run.stderr.contains("unknown field `timout`"), "{}", run.stderr);
    assert_eq!(project.run(&["decrypt", "a.yaml"]).output().code, 2);
}
