//! `sealeaf encrypt` on files that are sealed already.

use std::fs;

use expect_test::expect;

use crate::encrypt::{TEXT, project, tokens, value};

#[test]
fn ac_68_a_sealed_file_stays() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    let sealed = project.read("secrets/a.yaml");
    let modified = || fs::metadata(project.path("secrets/a.yaml")).unwrap().modified().unwrap();
    let before = modified();
    project.run(&["encrypt", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: sealed already
        "#]],
    );
    project.run_as_nobody(&["encrypt", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: sealed already (not verified: no key for it)
        "#]],
    );
    assert_eq!((project.read("secrets/a.yaml"), modified()), (sealed, before));
}

#[test]
fn ac_68_what_was_added_by_hand_is_sealed_after_a_look() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    project.commit("sealed");
    let sealed = project.read("secrets/a.yaml");
    let edited = sealed.replace("db:\n", "db:\n  token: new\n");
    project.write("secrets/a.yaml", &edited);
    project.run(&["encrypt", "secrets/a.yaml"]).fails(
        7,
        expect![[r#"
            sealeaf: error: secrets/a.yaml: the sealed file was edited by hand
              clear where the rule seals: `db.token` (line 3)
              cleartext values were added, changed or removed
            sealeaf: hint: where this is what you meant, say --yes
        "#]],
    );
    project.run_as_nobody(&["encrypt", "secrets/a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: secrets/a.yaml: no usable key: none of the file's 2 recipients is you
          alice ([ALICE]): no identity for it; you have no identity
          bob ([BOB]): no identity for it; you have no identity
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    assert_eq!(project.read("secrets/a.yaml"), edited);
    project.run(&["encrypt", "--yes", "secrets/a.yaml"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: clear where the rule seals: `db.token` (line 3)
            sealeaf: secrets/a.yaml: cleartext values were added, changed or removed
            sealeaf: secrets/a.yaml: sealed again, 1 value new
        "#]],
    );
    let again = project.read("secrets/a.yaml");
    assert_eq!(project.open("secrets/a.yaml"), TEXT.replace("db:\n", "db:\n  token: new\n"));
    for token in tokens(&sealed) {
        assert!(again.contains(value(&token)), "values that stayed keep their ciphertext");
    }
    // On a terminal it asks.
    project.write("secrets/a.yaml", &edited);
    let question = "seal it again with these changes? [y/N] ";
    let (code, shown) = project.run(&["encrypt", "secrets/a.yaml"]).on_terminal(&[(question, "n\n")]);
    assert_eq!((code, project.read("secrets/a.yaml")), (7, edited), "{shown}");
    let (code, _) = project.run(&["encrypt", "secrets/a.yaml"]).on_terminal(&[(question, "y\n")]);
    assert_eq!(code, 0);
}

#[test]
fn ac_68_a_sealed_path_that_is_clear_now_needs_to_be_named() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    project.commit("sealed");
    let sealed = project.read("secrets/a.yaml");
    let token = sealed.lines().find(|line| line.starts_with("  password: ")).unwrap();
    project.write("secrets/a.yaml", &sealed.replace(token, "  password: evil"));
    project.run(&["decrypt", "secrets/a.yaml"]).fails(5, expect![[r#"
        sealeaf: error: secrets/a.yaml: `db.user` (line 3) was changed or moved, or something between it and the next sealed value was
        sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
    "#]]);
    project.run(&["encrypt", "secrets/a.yaml", "--yes"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: `db.password` (line 4) was sealed, and a clear value stands in its place
        sealeaf: hint: where you put it there, say --replace 'db.password'
    "#]]);
    project.run(&["encrypt", "secrets/a.yaml", "--yes", "--replace", "db.user"]).fails(7, expect![[r#"
        sealeaf: error: secrets/a.yaml: `db.password` (line 4) was sealed, and a clear value stands in its place
        sealeaf: hint: where you put it there, say --replace 'db.password'
    "#]]);
    project.run(&["encrypt", "secrets/a.yaml", "--yes", "--replace", "db.password"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: clear where the rule seals: `db.password` (line 4)
            sealeaf: secrets/a.yaml: something was added, changed or removed behind `db.user` (line 3)
            sealeaf: secrets/a.yaml: cleartext values were added, changed or removed
            sealeaf: secrets/a.yaml: sealed again, 1 value new
        "#]],
    );
    assert_eq!(project.open("secrets/a.yaml"), TEXT.replace("'p'", "evil"));
}

#[test]
fn ac_68_what_does_not_authenticate_is_never_sealed_again() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT).seal("secrets/b.yaml", TEXT);
    let sealed = project.read("secrets/a.yaml");
    let foreign = tokens(&project.read("secrets/b.yaml")).swap_remove(0);
    let own = tokens(&sealed).swap_remove(0);
    project.write("secrets/a.yaml", &sealed.replace(&own, &foreign));
    project.run(&["encrypt", "secrets/a.yaml", "--yes"]).fails(5, expect![[r#"
        sealeaf: error: secrets/a.yaml: `db.user` (line 3) does not authenticate
        sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
    "#]]);
    project.write("secrets/a.yaml", &sealed.replace("    - kind\n", "    - db\n"));
    project.run(&["encrypt", "secrets/a.yaml", "--yes"]).fails(5, expect![[r#"
        sealeaf: error: secrets/a.yaml: the metadata's rule, scope or recipients were changed by someone without the key
        sealeaf: hint: if you edited the sealed file by hand, run `sealeaf encrypt` on it; after a merge, `sealeaf reseal --merge`; otherwise take a version that you trust
    "#]]);
    project.write("secrets/a.yaml", &format!("<<<<<<< ours\n{sealed}=======\n{sealed}>>>>>>> theirs\n"));
    project.run(&["encrypt", "secrets/a.yaml", "--yes"]).fails(
        9,
        expect![[r#"
            sealeaf: error: secrets/a.yaml:1:1: a merge conflict is left in the file
            sealeaf: hint: resolve it first
        "#]],
    );
}

#[test]
fn structure_and_clear_values_that_were_edited_are_sealed_again() {
    let project = project();
    project.seal("secrets/a.yaml", TEXT);
    let sealed = project.read("secrets/a.yaml");
    let user = sealed.lines().find(|line| line.starts_with("  user: ")).unwrap();
    let edited = sealed.replace("kind: x", "kind: y").replace(&format!("{user}\n"), "");
    project.write("secrets/a.yaml", &edited);
    project.run(&["encrypt", "secrets/a.yaml", "--yes"]).check(
        0,
        expect![""],
        expect![[r#"
            sealeaf: secrets/a.yaml: something was added, changed or removed before the first sealed value
            sealeaf: secrets/a.yaml: cleartext values were added, changed or removed
            sealeaf: secrets/a.yaml: sealed again, 0 values new
        "#]],
    );
    assert_eq!(project.open("secrets/a.yaml"), "kind: y\ndb:\n  password: 'p'\nlist: [1, true]\n");
}
