//! `sealeaf drill`.

use expect_test::expect;

use crate::support::Project;

fn project(rule: &str) -> Project {
    let project = Project::new(&["alice", "carol"], "");
    let safe = format!("safe = {{ age = \"{}\", break_glass = true }}\n", project.key("carol"));
    project.configure(&["alice"], &format!("{safe}[[rule]]\nfiles = [\"*.yaml\"]\n{rule}\n"));
    project.seal("a.yaml", "password: hunter2\n");
    project
}

#[test]
fn the_key_is_proven_and_nothing_is_shown() {
    let project = project("to = [\"alice\", \"safe\"]");
    project.run_as("carol", &["drill", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml: safe opens it, and all of it is whole
    "#]],
        expect![[r#""#]],
    );
    project.run(&["drill", "a.yaml"]).check(
        4,
        expect![[r#"
        a.yaml: safe ([CAROL]): no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
    "#]],
        expect![[r#"
        sealeaf: error: 1 of 1 break-glass keys did not open
        sealeaf: hint: run this where the key is, or give it in SEALEAF_IDENTITY_FILE
    "#]],
    );
    project.run_as("carol", &["drill", "--json", "--name", "safe", "a.yaml"]).check(
        0,
        expect![[r#"
            {"keys":[{"file":"a.yaml","id":"[CAROL]","name":"safe","opens":true,"share":false}],"schema_version":1}
        "#]],
        expect![[r#""#]],
    );
    // A drill is no emergency.
    project.run(&["status", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml  sealed  alice, safe
    "#]],
        expect![[r#"
        sealeaf: 1 file: 1 sealed
    "#]],
    );
}

#[test]
fn a_share_is_proven_by_its_check() {
    let project = project("groups = [[\"alice\"], [\"safe\"]]");
    project.run_as("carol", &["drill", "a.yaml"]).check(
        0,
        expect![[r#"
        a.yaml: safe opens its group's share
    "#]],
        expect![[r#""#]],
    );
}

#[test]
fn a_changed_file_is_no_proof() {
    let project = project("to = [\"alice\", \"safe\"]");
    project.write("a.yaml", &project.read("a.yaml").replace("password:", "passwort:"));
    project.run_as("carol", &["drill", "a.yaml"]).fails(5, expect![[r#"
        sealeaf: error: a.yaml: `passwort` (line 1) was changed or moved, or something between it and the next sealed value was
        sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
    "#]]);
    project.run_as("carol", &["drill", "--name", "alice", "a.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: a.yaml: the file has no break-glass recipient called `alice`
        sealeaf: hint: mark a recipient with `break_glass = true` in `.sealeaf.toml`, then run `sealeaf rekey`
    "#]],
    );
}
