//! `sealeaf explain`.

use expect_test::expect;

use crate::support::Project;

const PEOPLE: &[&str] = &["alice", "bob"];
const RULES: &str = "[[rule]]\nfiles = [\"other/**\", \"secrets/*.yaml\"]\nto = [\"alice\", \"bob\"]\n\
                     encrypt = [\"**.password\", \"list[*]\"]\nclear = [\"list[0]\"]\nscope = \"{path}\"\n";
const TEXT: &str = "kind: x\ndb:\n  password: p\nlist: [1, 2]\n";

#[test]
fn plain_sealed_and_future_files_are_explained() {
    let project = Project::new(PEOPLE, RULES);
    project.write("secrets/plain.yaml", TEXT);
    project.run(&["explain", "secrets/plain.yaml"]).check(
        0,
        expect![[r#"
            secrets/plain.yaml: plain
              a rule covers it; `sealeaf encrypt` seals it
            configuration  .sealeaf.toml
            rule           1, line 7, by `secrets/*.yaml`
            scope          secrets/plain.yaml
            modes          integrity linked, cleartext bound, comments plain, padding buckets
            who can read it once sealed
              alice  age  [ALICE]  your key, in [ROOT]/home/alice.txt
              bob    age  [BOB]
            values, once sealed
              clear   kind         no pattern covers it
              sealed  db.password  encrypt `**.password`
              clear   list[0]      clear `list[0]`
              sealed  list[1]      encrypt `list[*]`
        "#]],
        expect![""],
    );
    project.seal("secrets/a.yaml", TEXT);
    project.run_as_nobody(&["explain", "secrets/a.yaml"]).check(
        0,
        expect![[r#"
            secrets/a.yaml: sealed (not verified)
            configuration  .sealeaf.toml
            rule           1, line 7, by `secrets/*.yaml`
            scope          secrets/a.yaml
            modes          integrity linked, cleartext bound, comments plain, padding buckets
            who can read
              alice  age  [ALICE]
              bob    age  [BOB]
            can you open it
              alice: no: no identity for it; you have no identity
              bob: no: no identity for it; you have no identity
            values
              clear   kind         no pattern covers it
              sealed  db.password  encrypt `**.password`
              clear   list[0]      clear `list[0]`
              sealed  list[1]      encrypt `list[*]`
        "#]],
        expect![""],
    );
    project.run(&["explain", "other/new.json"]).check(
        0,
        expect![[r#"
            other/new.json: does not exist yet
            configuration  .sealeaf.toml
            rule           1, line 7, by `other/**`
            scope          other/new.json
            modes          integrity linked, cleartext bound, comments plain, padding buckets
            who can read it once sealed
              alice  age  [ALICE]  your key, in [ROOT]/home/alice.txt
              bob    age  [BOB]
        "#]],
        expect![""],
    );
    project.run(&["explain", "README.md"]).check(
        0,
        expect![[r#"
            README.md: does not exist yet
            configuration  .sealeaf.toml
            rule           none covers this file
        "#]],
        expect![""],
    );
}

#[test]
fn what_differs_from_the_rule_is_marked() {
    let project = Project::new(PEOPLE, RULES);
    project.seal("secrets/a.yaml", TEXT);
    project.configure(PEOPLE, &RULES.replace("\"alice\", ", "").replace("**.password", "kind"));
    project.run(&["explain", "secrets/a.yaml"]).check(
        0,
        expect![[r#"
            secrets/a.yaml: half-sealed
              alice ([ALICE]) can read it and is not in the rule
              encrypt: `**.password` `list[*]` in the file, `kind` `list[*]` in the rule
              1 sealed value is clear by the rule
              kind stands in clear, and the rule seals it
              `sealeaf rekey` brings it to its rule
            configuration  .sealeaf.toml
            rule           1, line 7, by `secrets/*.yaml`
            scope          secrets/a.yaml
            modes          integrity linked, cleartext bound, comments plain, padding buckets
            who can read
              alice  age  [ALICE]  your key, in [ROOT]/home/alice.txt
              bob    age  [BOB]
            can you open it
              alice: yes
              bob: no: no identity for it; looked at 1 identity in [ROOT]/home/alice.txt
            values
              sealed  kind         encrypt `kind`; in clear in the file
              clear   db.password  no pattern covers it; sealed in the file
              clear   list[0]      clear `list[0]`
              sealed  list[1]      encrypt `list[*]`
        "#]],
        expect![""],
    );
}

#[test]
fn json_has_everything() {
    let project = Project::new(PEOPLE, RULES);
    project.seal("secrets/a.yaml", TEXT);
    project.run(&["explain", "--json", "secrets/a.yaml"]).check(0, expect![[r#"
        {"schema_version":1,"file":"secrets/a.yaml","state":"sealed","reasons":[],"configuration":".sealeaf.toml","rule":{"number":1,"line":7,"glob":"secrets/*.yaml"},"policy":{"scope":"secrets/a.yaml","encrypt":["**.password","list[*]"],"clear":["list[0]"],"integrity":"linked","cleartext":"bound","comments":"plain","padding":"buckets"},"recipients":[{"name":"alice","type":"age","id":"[ALICE]","break_glass":false,"identity":"[ROOT]/home/alice.txt","access":{"can":true}},{"name":"bob","type":"age","id":"[BOB]","break_glass":false,"identity":null,"access":{"can":false,"why":"no identity for it; looked at 1 identity in [ROOT]/home/alice.txt"}}],"unread":[],"values":[{"path":"kind","sealed":false,"now":false,"pattern":null},{"path":"db.password","sealed":true,"now":true,"pattern":"**.password"},{"path":"list[0]","sealed":false,"now":false,"pattern":"list[0]"},{"path":"list[1]","sealed":true,"now":true,"pattern":"list[*]"}]}
    "#]], expect![""]);
}

#[test]
fn what_cannot_be_sealed_says_why() {
    let project = Project::new(PEOPLE, RULES);
    project.write("secrets/bad.yaml", "a: ]\n");
    project.run(&["explain", "secrets/bad.yaml"]).check(
        0,
        expect![[r#"
            secrets/bad.yaml: plain
              line 1, column 4: this bracket closes nothing
            configuration  .sealeaf.toml
            rule           1, line 7, by `secrets/*.yaml`
            scope          secrets/bad.yaml
            modes          integrity linked, cleartext bound, comments plain, padding buckets
            who can read it once sealed
              alice  age  [ALICE]  your key, in [ROOT]/home/alice.txt
              bob    age  [BOB]
        "#]],
        expect![""],
    );
}
