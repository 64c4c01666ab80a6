//! `sealeaf verify`, against real git histories.

use expect_test::expect;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n";
const TEXT: &str = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n";

fn project() -> Project {
    let project = Project::new(&["alice", "bob"], RULE);
    project.seal("a.yaml", TEXT);
    project.commit("base");
    project
}

fn set(project: &Project, path: &str, value: &str) {
    project.run(&["set", "--quiet", "a.yaml", path]).stdin(value).stdout();
}

#[test]
fn authenticates_everything() {
    let project = project();
    project.run(&["verify", "a.yaml"]).check(
        0,
        expect![[r#"
            a.yaml: sealed, 5 values, epoch 1, newest record 1
        "#]],
        expect![[""]],
    );
    let json = project.run(&["verify", "--json", "a.yaml"]).stdout();
    assert_eq!(
        json,
        "{\"files\":[{\"epoch\":1,\"file\":\"a.yaml\",\"newest\":1,\"notes\":[],\"state\":\"sealed\",\"values\":5}],\"schema_version\":1}\n"
    );
    let line = project.read("a.yaml").lines().nth(1).unwrap().to_owned();
    project.write("a.yaml", &project.read("a.yaml").replace(&format!("{line}\n"), ""));
    project.run(&["verify", "a.yaml"]).fails(
        5,
        expect![[r#"
            sealeaf: error: a.yaml: `a` (line 1) was changed or moved, or something between it and the next sealed value was
            sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
        "#]],
    );
}

#[test]
fn ac_17_a_whole_older_file_went_back() {
    let project = project();
    let old = project.read("a.yaml");
    set(&project, "c", "new");
    project.commit("newer");
    project.write("a.yaml", &old);
    project.run(&["verify", "a.yaml"]).stdout();
    project.run(&["verify", "a.yaml", "--against", "HEAD"]).fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: went back to an earlier version: `c`
            sealeaf: hint: compare with `git log -p HEAD` who changed it, and take the version that is right
        "#]],
    );
    project.run(&["verify", "a.yaml", "--min-n", "2"]).fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: the newest record has number 1, and at least 2 was demanded
            sealeaf: hint: this may be an earlier version of the file
        "#]],
    );
    let accepted = project.run(&["verify", "a.yaml", "--against", "HEAD", "--accept-rollback"]).stdout();
    assert!(accepted.contains("went back to an earlier version: `c`"), "{accepted}");
}

#[test]
fn ac_15_one_older_token_makes_the_file_linked() {
    let project = project();
    let line = |text: &str| text.lines().find(|line| line.starts_with("c: ")).unwrap().to_owned();
    let old = line(&project.read("a.yaml"));
    set(&project, "c", "new");
    set(&project, "e", "newer");
    project.commit("newer");
    let text = project.read("a.yaml");
    project.write("a.yaml", &text.replace(&line(&text), &old));
    assert!(project.run(&["verify", "a.yaml"]).stdout().contains("linked"));
    project.run(&["verify", "a.yaml", "--require-sealed"]).fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: the file is linked, not sealed: it joins pieces of several versions
            sealeaf: hint: after a merge that you trust, run `sealeaf reseal` on it
        "#]],
    );
    let refused = project.run(&["verify", "a.yaml", "--against", "HEAD"]).output();
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    let refused = project.run(&["set", "a.yaml", "a"]).stdin("x").output();
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    // Without a key the comparison with git works all the same.
    assert_eq!(project.run_as_nobody(&["verify", "a.yaml", "--against", "HEAD"]).output().code, 6);
}

#[test]
fn ac_28_a_replaced_file_has_another_identity() {
    let project = project();
    project.write("a.yaml", TEXT);
    project.run(&["encrypt", "--quiet", "--fresh", "a.yaml"]).stdout();
    project.run(&["verify", "a.yaml", "--against", "HEAD"]).fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: different file identity: it is not the file that HEAD has
            sealeaf: hint: compare with `git log -p HEAD` who changed it, and take the version that is right
        "#]],
    );
    project.seal("new.yaml", TEXT);
    let first = project.run(&["verify", "new.yaml", "--against", "HEAD"]).stdout();
    assert!(first.contains("first time seen"), "{first}");
}

#[test]
fn ac_73_ac_74_merges_are_told_from_evil_ones() {
    let project = project();
    project.git(&["switch", "--quiet", "--create", "other"]);
    set(&project, "a", "ours");
    project.commit("a");
    project.git(&["switch", "--quiet", "main"]);
    set(&project, "e", "theirs");
    project.commit("e");
    let before = project.read("a.yaml");
    project.git(&["merge", "--quiet", "--message", "merge", "other"]);
    let merged = project.run(&["verify", "a.yaml", "--merge", "HEAD", "--against", "HEAD^1"]).stdout();
    assert_eq!(
        merged,
        "a.yaml: linked, 5 values, epoch 1, newest record 2; nothing went back behind HEAD^1; is what merging the parents of HEAD gives\n"
    );
    // One side dropped.
    project.write("a.yaml", &before);
    project.run(&["verify", "a.yaml", "--merge", "HEAD"]).fails(
        6,
        expect![[r#"
            sealeaf: error: a.yaml: the file is not what merging the parents of HEAD gives
            sealeaf: hint: the merge dropped, brought back or added something: look at it with `git show --cc`
        "#]],
    );
}

#[test]
fn ac_33_a_file_of_another_scope_is_refused() {
    let rules = "[[rule]]\nfiles = [\"staging/*\"]\nto = [\"alice\"]\nscope = \"staging\"\n\n[[rule]]\nfiles = [\"prod/*\"]\nto = [\"alice\"]\nscope = \"prod\"\n";
    let project = Project::new(&["alice"], rules);
    project.seal("staging/a.yaml", TEXT);
    project.write("prod/a.yaml", &project.read("staging/a.yaml"));
    project.run(&["decrypt", "prod/a.yaml"]).fails(
        5,
        expect![[r#"
            sealeaf: error: prod/a.yaml: the file was sealed for scope `staging`, and the rule for its path says `prod`
            sealeaf: hint: a file of another place must be decrypted there and encrypted here
        "#]],
    );
}
