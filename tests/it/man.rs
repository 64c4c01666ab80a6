//! `sealeaf man`.

use expect_test::expect;

use crate::support::{Output, Sandbox};

#[test]
fn a_page_names_program_and_version() {
    let page = Sandbox::without_git().run(&["man"]).stdout();
    let title = concat!("\n.TH sealeaf 1  \"sealeaf ", env!("CARGO_PKG_VERSION"), "\" \"sealeaf manual\"\n");
    assert!(page.contains(title), "{page}");
    assert!(page.contains("\\fB130\\fR\nInterrupted.\n"), "{page}");
}

#[test]
fn every_verb_has_a_page() {
    let sandbox = Sandbox::without_git();
    let output = sandbox.run(&["man", "--dir", "share/man1"]).output();
    let files = sandbox.files();
    let note = format!("sealeaf: {} pages written to `share/man1`\n", files.len());
    assert_eq!(output, Output { code: 0, stdout: String::new(), stderr: note });
    assert!(files.contains(&"share/man1/sealeaf.1".to_owned()), "{files:?}");
    assert_eq!(sandbox.read("share/man1/sealeaf-man.1"), sandbox.run(&["man", "man"]).stdout());
}

#[test]
fn pages_are_written_anew_and_not_outside_the_repository() {
    let sandbox = Sandbox::new();
    sandbox.write("man1/sealeaf.1", "old");
    sandbox.run(&["man", "--dir", "man1", "--quiet"]).check(0, expect![""], expect![""]);
    assert_ne!(sandbox.read("man1/sealeaf.1"), "old");
    sandbox.run(&["man", "--dir", "../outside"]).fails(
        7,
        expect![[r#"
            sealeaf: error: `../outside` leads out of the repository `[ROOT]/repo`, to `[ROOT]`
            sealeaf: hint: give the absolute path of the file, without symlinks
        "#]],
    );
}

#[test]
fn an_unknown_verb_is_a_usage_error() {
    Sandbox::without_git().run(&["man", "completion"]).fails(
        2,
        expect![[r#"
            sealeaf: error: there is no verb `completion`
            sealeaf: hint: did you mean `completions`?
        "#]],
    );
}
