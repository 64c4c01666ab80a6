//! `sealeaf keygen`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use expect_test::expect;

use crate::support::{Output, Sandbox};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_identity_makes_file_and_folder_for_the_owner_alone() {
    let sandbox = Sandbox::new();
    let Output { code, stdout, stderr } = sandbox.run(&["keygen"]).output();
    let file = sandbox.home().join(".config/sealeaf/keys.txt");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        (code, stderr.as_str()),
        (
            0,
            "sealeaf: identity written to `[ROOT]/home/.config/sealeaf/keys.txt`: keep a copy in a safe place\n"
        )
    );
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let lines: Vec<&str> = text.lines().collect();
    let [created, public, private] = lines.as_slice() else { panic!("{text}") };
    assert!(created.starts_with("# created: 20") && created.ends_with('Z'), "{created}");
    assert_eq!(*public, format!("# public key: {}", stdout.trim_end()));
    assert!(private.starts_with("AGE-SECRET-KEY-1"));
}

#[test]
fn age_agrees_about_the_recipient() {
    let sandbox = Sandbox::new();
    let recipient = sandbox.run(&["keygen", "-q"]).stdout();
    let age = sandbox.command("age-keygen").args(["-y", "../home/.config/sealeaf/keys.txt"]).output();
    let Ok(age) = age else { return println!("skipped: `age-keygen` is not installed") };
    assert_eq!(String::from_utf8(age.stdout).unwrap(), recipient);
}

#[test]
fn what_the_file_holds_stays() {
    let sandbox = Sandbox::new();
    let file = sandbox.home().join(".config/sealeaf/keys.txt");
    let first = sandbox.run(&["keygen"]).stdout();
    let text = fs::read_to_string(&file).unwrap();
    // Without its last line break, and open to others.
    sandbox.run(&["keygen", "-o", "-"]).stdout();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(text.len() as u64 - 1).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let second = sandbox.run(&["keygen"]).output();
    assert_eq!(
        second.stderr,
        "sealeaf: identity added to `[ROOT]/home/.config/sealeaf/keys.txt`: keep a copy in a safe place\n"
    );
    let both = fs::read_to_string(&file).unwrap();
    assert!(both.starts_with(&text), "{both}");
    assert_eq!(both.lines().filter(|line| line.starts_with("AGE-SECRET-KEY-1")).count(), 2);
    assert!(both.contains(first.trim_end()) && both.contains(second.stdout.trim_end()));
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn the_private_key_is_printed_only_where_that_is_said() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["keygen", "-o", "-"]).output();
    assert!(output.stdout.contains("\nAGE-SECRET-KEY-1"), "{}", output.stdout);
    let recipient = output.stderr.strip_prefix("sealeaf: recipient: ").unwrap();
    assert!(output.stdout.contains(&format!("# public key: {recipient}")));
    assert!(!sandbox.home().join(".config/sealeaf").exists());
}

#[test]
fn another_file_must_be_named_to_be_used() {
    let sandbox = Sandbox::new();
    let path = sandbox.home().join("other.txt");
    let output = sandbox.run(&["keygen", "--output", path.to_str().unwrap()]).output();
    assert_eq!(output.code, 0);
    assert!(
        output.stderr.ends_with("used where SEALEAF_IDENTITY_FILE names it: `[ROOT]/home/other.txt`\n"),
        "{}",
        output.stderr
    );
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn files_that_are_no_list_of_identities_stay_as_they_are() {
    let sandbox = Sandbox::without_git();
    for text in [
        "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
        "password: x\n",
    ] {
        sandbox.write("keys.txt", text);
        sandbox.run(&["keygen", "-o", "keys.txt"]).fails(
            7,
            expect![[r#"
                sealeaf: error: keys.txt: the file is no list of identities, or is encrypted
                sealeaf: hint: name another file with --output
            "#]],
        );
        assert_eq!(sandbox.read("keys.txt"), text);
    }
}

#[test]
fn git_never_gets_a_private_key_unasked() {
    let sandbox = Sandbox::new();
    sandbox.run(&["keygen", "-o", "keys.txt"]).fails(
        7,
        expect![[r#"
            sealeaf: error: keys.txt: plaintext is not written there: the file would be added by `git add`
            sealeaf: hint: write it outside of the repository or to an ignored path, or say --allow-tracked
        "#]],
    );
    assert_eq!(sandbox.files(), Vec::<String>::new());
    sandbox.write(".gitignore", "*.txt\n").run(&["keygen", "-o", "keys.txt"]).stdout();
    sandbox.run(&["keygen", "-o", "keys", "--allow-tracked"]).stdout();
}

#[test]
fn ac_64_symlinks_are_not_written_through() {
    let sandbox = Sandbox::without_git();
    sandbox.write("target", "");
    symlink(sandbox.path("target"), sandbox.path("link")).unwrap();
    sandbox.run(&["keygen", "-o", "link"]).fails(
        7,
        expect![[r#"
            sealeaf: error: `link` is a symlink and is not written through
            sealeaf: hint: name the file that it points to
        "#]],
    );
    assert_eq!(sandbox.read("target"), "");
}

#[test]
fn without_a_home_there_is_no_place() {
    let sandbox = Sandbox::without_git();
    sandbox.run(&["keygen"]).without("HOME").without("XDG_CONFIG_HOME").fails(
        2,
        expect![[r#"
            sealeaf: error: there is no place for your key: neither HOME nor XDG_CONFIG_HOME is set
            sealeaf: hint: name a file with `sealeaf keygen --output FILE`
        "#]],
    );
}
