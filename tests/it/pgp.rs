//! PGP keys on the command line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::support::{Gpg, Project, Run};

const RULE: &str = "[[rule]]\nfiles = [\"**\"]\nto = [\"pat\"]\n";

/// A repository whose rule is for one PGP key.
fn project(gpg: &Gpg) -> (Project, String) {
    let project = Project::new(&["alice"], "");
    let id = gpg.key("pat", "future-default");
    configure(&project, &id, RULE);
    (project, id)
}

fn configure(project: &Project, id: &str, rule: &str) {
    let alice = project.key("alice");
    let text = format!(
        "version = 1\n\n[recipients]\nalice = {{ age = \"{alice}\" }}\npat = {{ pgp = \"{id}\" }}\n\n{rule}"
    );
    project.write(".sealeaf.toml", &text);
}

/// A run of somebody with that keyring and no other key.
fn run<'a>(project: &'a Project, gpg: &Gpg, arguments: &[&str]) -> Run<'a> {
    project.run_as_nobody(arguments).env("GNUPGHOME", gpg.path())
}

#[test]
fn files_are_sealed_for_a_key_and_opened() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, id) = project(&gpg);
    project.write("a.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    let sealed = project.read("a.yaml");
    assert!(sealed.contains(&format!("- pgp: {id}\n          name: pat\n")), "{sealed}");
    assert_eq!(run(&project, &gpg, &["decrypt", "a.yaml"]).stdout(), "k: v\n");
    run(&project, &gpg, &["set", "a.yaml", "k"]).stdin("w").stdout();
    run(&project, &gpg, &["rotate", "a.yaml"]).stdout();
    assert_eq!(run(&project, &gpg, &["get", "a.yaml", "k"]).stdout(), "w");
    let listed = run(&project, &gpg, &["recipients", "list"]).stdout();
    assert!(listed.contains("pat") && listed.contains(&id), "{listed}");
    let explained = run(&project, &gpg, &["explain", "a.yaml"]).stdout();
    assert!(explained.contains("pat") && explained.contains(&id), "{explained}");
    // In another home the key is somebody else's.
    let other = Gpg::new().unwrap();
    other.import(&gpg);
    let output = run(&project, &other, &["decrypt", "a.yaml"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(
        output.stderr.contains(&format!("pat ({id}): gpg has no private key for it")),
        "{}",
        output.stderr
    );
    let output = project.run_as_nobody(&["decrypt", "a.yaml"]).output();
    assert!(output.code == 4 && output.stderr.contains("gpg has no keys here"), "{}", output.stderr);
}

#[test]
fn a_fingerprint_is_a_recipient() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, id) = project(&gpg);
    let spaced: String = id.chars().flat_map(|c| [c.to_ascii_lowercase(), ' ']).collect();
    for (name, to) in [("a.json", id.as_str()), ("b.json", spaced.trim()), ("c.json", &format!("pgp:{id}"))] {
        project.write(name, "{\"k\": \"v\"}\n");
        run(&project, &gpg, &["encrypt", "--to", to, name]).stdout();
        assert_eq!(run(&project, &gpg, &["decrypt", name]).stdout(), "{\"k\": \"v\"}\n");
    }
    project.write("d.yaml", "k: v\n");
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    let output = run(&project, &gpg, &["encrypt", "--to", unknown, "d.yaml"]).output();
    assert!(output.code == 1 && output.stderr.contains("gpg --recv-keys"), "{}", output.stderr);
    assert_eq!(project.read("d.yaml"), "k: v\n");
}

#[test]
fn an_age_key_opens_without_gpg() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, id) = project(&gpg);
    configure(&project, &id, &RULE.replace("\"pat\"", "\"pat\", \"alice\""));
    project.write("a.yaml", "k: v\n").write("b.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    run(&project, &gpg, &["encrypt", "--envelope", "sops", "b.yaml"]).stdout();
    let stub = project.script("gpg-stub", &format!("touch '{}'", project.path("started").display()));
    for name in ["a.yaml", "b.yaml"] {
        let opened = project.run(&["decrypt", name]).env("GNUPGHOME", gpg.path()).env("SEALEAF_GPG", &stub);
        assert_eq!(opened.stdout(), "k: v\n");
        // And without any.
        assert_eq!(run(&project, &gpg, &["decrypt", name]).stdout(), "k: v\n");
    }
    assert!(!project.files().contains(&"started".to_owned()));
}

#[test]
fn ac_44_ids_that_are_no_fingerprints_start_nothing() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, id) = project(&gpg);
    project.write("a.yaml", "k: v\n").write("b.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "--envelope", "sops", "b.yaml"]).stdout();
    let sealed = project.read("b.yaml");
    let stub = project.script("gpg", &format!("touch '{}'", project.path("started").display()));
    for bad in ["--output", "-", "pat@example.org", "0123ABCD", &id[24..], &format!("{id}G")] {
        configure(&project, bad, RULE);
        let output = run(&project, &gpg, &["encrypt", "a.yaml"]).output();
        assert_eq!(output.code, 8, "{bad}: {}", output.stderr);
        let to = format!("pgp:{bad}");
        let output = run(&project, &gpg, &["encrypt", "--to", &to, "a.yaml"]).output();
        assert_ne!(output.code, 0, "{bad}");
        if bad != &id[24..] {
            configure(&project, &id, RULE);
            project.write("c.yaml", &sealed.replace(&id, &format!("'{bad}'")));
            let output = run(&project, &gpg, &["decrypt", "c.yaml"]).output();
            assert_eq!(output.code, 4, "{bad}: {}", output.stderr);
        }
    }
    assert!(!project.files().contains(&"started".to_owned()), "{} was started", stub.display());
}

#[test]
fn ac_45_what_is_no_gpg_opens_nothing() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, _) = project(&gpg);
    project.write("a.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    let okay = "echo '[GNUPG:] DECRYPTION_OKAY' >&2";
    for body in [
        "exec yes".to_owned(),
        "sleep 600 & wait".to_owned(),
        "exit 0".to_owned(),
        okay.to_owned(),
        format!("head -c 32 /dev/zero; {okay}"),
        format!("head -c 69 /dev/zero; {okay}"),
    ] {
        let stub = project.script("stub", &body);
        let run = run(&project, &gpg, &["decrypt", "a.yaml"]);
        let output = run.env("SOPS_GPG_EXEC", &stub).env("SEALEAF_GPG_TIMEOUT", "1").output();
        // A secret of another file is found out by the file.
        let code = if body.contains("head") { 5 } else { 4 };
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{body}: {}", output.stderr);
    }
}

#[test]
fn no_program_of_the_repository_is_started() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, _) = project(&gpg);
    project.write("a.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    let stub = project.script("gpg-stub", &format!("touch '{}'", project.path("started").display()));
    crate::support::install(&stub, &project.path("gpg"));
    let inside = project.path("gpg");
    for program in [inside.to_str().unwrap(), "./gpg"] {
        let output = run(&project, &gpg, &["decrypt", "a.yaml"]).env("SEALEAF_GPG", program).output();
        assert_eq!(output.code, 4, "{}", output.stderr);
    }
    let path = format!("{}:.::{}", project.path("").display(), "/usr/local/bin:/usr/bin:/bin");
    assert_eq!(run(&project, &gpg, &["decrypt", "a.yaml"]).env("PATH", path).stdout(), "k: v\n");
    assert!(!project.files().contains(&"started".to_owned()));
}

/// `git diff` opens with a key that the agent knows, and never asks.
#[test]
fn textconv_asks_nobody() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, _) = project(&gpg);
    project.write("a.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    assert_eq!(run(&project, &gpg, &["git", "textconv", "a.yaml"]).stdout(), "k: v\n");
    let log = project.path("../calls");
    let stub = project.script("stub", &format!("echo \"$@\" >> '{}'; exit 2", log.display()));
    let shown = run(&project, &gpg, &["git", "textconv", "a.yaml"]).env("SEALEAF_GPG", &stub).stdout();
    assert!(shown.contains("sealeaf:"), "{shown}");
    let calls = std::fs::read_to_string(log).unwrap();
    assert!(calls.lines().all(|line| line.contains("--pinentry-mode=error")), "{calls}");
}

#[test]
fn pinentry_gets_the_terminal_and_gpg_little_else() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, _) = project(&gpg);
    project.write("a.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    let seen = project.path("../seen");
    let body = format!("{{ pwd; env; echo \"$@\"; }} > '{}'; exec gpg \"$@\"", seen.display());
    let stub = project.script("stub", &body);
    let opened = run(&project, &gpg, &["decrypt", "a.yaml"]).env("SEALEAF_GPG", &stub);
    let opened =
        opened.env("SOPS_AGE_KEY_CMD", "false").env("LC_ALL", "C.UTF-8").env("AWS_SECRET_ACCESS_KEY", "x");
    assert_eq!(opened.on_terminal(&[]), (0, "k: v\n".to_owned()));
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with("/\n") && seen.contains("\nGPG_TTY=/dev/"), "{seen}");
    assert!(seen.contains("\nLC_ALL=C\n") && seen.contains("--lc-ctype=C.UTF-8"), "{seen}");
    for other in ["AWS_", "SOPS_", "SEALEAF_"] {
        assert!(!seen.contains(other), "{seen}");
    }
}

/// gpg gets no Ctrl-C of its own, since it leads a process group.
#[test]
fn a_signal_ends_gpg_too() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, _) = project(&gpg);
    project.write("a.yaml", "k: v\n");
    run(&project, &gpg, &["encrypt", "a.yaml"]).stdout();
    let pipe = project.path("../pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let stub =
        project.script("stub", &format!("exec 3> '{}'; echo begun >&3; sleep 600 & wait", pipe.display()));
    let mut command = run(&project, &gpg, &["decrypt", "a.yaml"]).env("SEALEAF_GPG", &stub).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut pipe = BufReader::new(File::open(&pipe).unwrap());
    let mut line = String::new();
    pipe.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // At its end when nobody is left who could write.
    pipe.read_to_string(&mut line).unwrap();
}

#[test]
fn keys_of_sops_configuration_are_used() {
    let Some(gpg) = Gpg::new() else { return };
    let (project, id) = project(&gpg);
    std::fs::remove_file(project.path(".sealeaf.toml")).unwrap();
    for (name, spelling) in [("a.yaml", id.as_str()), ("b.yaml", &id[24..]), ("c.yaml", &id.to_lowercase())] {
        project
            .write(".sops.yaml", &format!("creation_rules:\n  - pgp: '{spelling}'\n"))
            .write(name, "k: v\n");
        run(&project, &gpg, &["encrypt", name]).stdout();
        let sealed = project.read(name);
        assert!(sealed.contains("-----BEGIN PGP MESSAGE-----") && sealed.contains("sops:"), "{sealed}");
        assert_eq!(run(&project, &gpg, &["decrypt", name]).stdout(), "k: v\n");
        // Nothing to do for who is the rule's already.
        run(&project, &gpg, &["rekey", "--check", name]).stdout();
        project.write(&format!("face-{name}"), "k: v\n");
        let face =
            run(&project, &gpg, &["sops", "encrypt", "--pgp", spelling, &format!("face-{name}")]).stdout();
        project.write(&format!("face-{name}"), &face);
        assert_eq!(run(&project, &gpg, &["sops", "decrypt", &format!("face-{name}")]).stdout(), "k: v\n");
    }
    project.write(".sops.yaml", "creation_rules:\n  - pgp: pat@example.org\n").write("d.yaml", "k: v\n");
    let output = run(&project, &gpg, &["encrypt", "d.yaml"]).output();
    assert!(output.code != 0 && output.stderr.contains("fingerprint"), "{}", output.stderr);
    assert_eq!(project.read("d.yaml"), "k: v\n");
}
