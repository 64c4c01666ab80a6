//! The everyday verbs on SOPS files.

use super::tool::Sops;
use crate::support::{Project, skip};

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n";
const TEXT: &str = "a: one # why\nb:\n  c: 5\nd_unencrypted: z\n";

fn project() -> Project {
    let project = Project::new(&["alice", "bob"], RULE);
    project.write("a.yaml", TEXT);
    project.run(&["encrypt", "--envelope", "sops", "a.yaml"]).stdout();
    project
}

#[test]
fn files_of_sops_are_opened_and_changed() {
    let project = project();
    let sealed = project.read("a.yaml");
    assert!(sealed.starts_with("a: ENC[") && sealed.contains("\nd_unencrypted: z\nsops:\n"), "{sealed}");
    assert_eq!(project.run(&["decrypt", "a.yaml"]).stdout(), TEXT);
    assert_eq!(project.run(&["get", "a.yaml", "b.c"]).stdout(), "5");
    project.run(&["set", "a.yaml", "b.c"]).stdin("6").stdout();
    project.run(&["set", "a.yaml", "b.new"]).stdin("x").stdout();
    project.run(&["unset", "a.yaml", "a"]).stdout();
    assert_eq!(project.run(&["decrypt", "a.yaml"]).stdout(), "b:\n  c: 6\n  new: x\nd_unencrypted: z\n");
    let before = project.read("a.yaml");
    project.run(&["rotate", "a.yaml"]).stdout();
    assert_ne!(project.read("a.yaml"), before);
    assert_eq!(project.run(&["get", "a.yaml", "b.new"]).stdout(), "x");
    let status = project.run(&["status", "a.yaml"]).stdout();
    assert!(status.starts_with("a.yaml  sealed") && status.contains("a SOPS file"), "{status}");
}

#[test]
fn sops_reads_what_the_verbs_wrote() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let project = project();
    let output = std::process::Command::new(sops.program())
        .arg("decrypt")
        .arg(project.path("a.yaml"))
        .env("SOPS_AGE_KEY_FILE", project.identity("alice"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "# why\na: one\nb:\n    c: 5\nd_unencrypted: z\n");
}

#[test]
fn what_is_encrypted_stays() {
    let project = project();
    let sealed = project.read("a.yaml");
    project.run(&["encrypt", "a.yaml"]).stdout();
    assert_eq!(project.read("a.yaml"), sealed);
    // Nobody vouches for a recipient that is not the rule's.
    project.configure(&["alice", "bob"], &RULE.replace("alice", "bob"));
    let output = project.run(&["rotate", "a.yaml"]).output();
    assert_eq!(output.code, 7, "{}", output.stderr);
    assert_eq!(project.read("a.yaml"), sealed);
}
