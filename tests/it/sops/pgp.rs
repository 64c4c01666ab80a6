//! PGP keys in SOPS files, with the real `sops` and the real `gpg` on the same keyring.

use std::process::{Command, Output};

use sealeaf::file::sops::{OpenSops, SopsFile};
use sealeaf::keys::{Environment, KeyRef, Keyring, NoPrompt, Recipient, Run};

use super::tool::{NOW, Sops, format, group, key, limits, recipient, sealing};
use crate::support::{Gpg, skip};

/// Both programs and a keyring.
struct Bench {
    sops: Sops,
    gpg: Gpg,
}

impl Bench {
    fn new() -> Option<Self> {
        let gpg = Gpg::new()?;
        let Some(sops) = Sops::new() else {
            skip("there is no `sops`");
            return None;
        };
        Some(Self { sops, gpg })
    }

    /// Runs `sops` with the keyring, and with an age key or without.
    fn run(&self, age: &str, arguments: &[&str]) -> Output {
        Command::new(self.sops.program())
            .args(arguments)
            .current_dir(self.sops.path("."))
            .env_clear()
            .env("HOME", self.sops.path("."))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("GNUPGHOME", self.gpg.path())
            .env("SOPS_AGE_KEY", age)
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .output()
            .unwrap()
    }

    #[track_caller]
    fn output(&self, arguments: &[&str]) -> String {
        let output = self.run("", arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn with<T>(&self, age: &str, act: impl FnOnce(&Keyring<'_>) -> T) -> T {
        let home = self.gpg.path().to_str().unwrap();
        let environment: Environment =
            [("GNUPGHOME", home), ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("SEALEAF_IDENTITY", age)]
                .into_iter()
                .collect();
        act(&Keyring::new(&Run::new(&environment, &NoPrompt)))
    }

    #[track_caller]
    fn seal(&self, text: &str, name: &str, groups: &[Vec<Recipient>]) -> String {
        let document = format(name).parse(text, &limits()).unwrap();
        let seal = |ring: &Keyring<'_>| {
            sealeaf::file::sops::seal(document, format(name), &sealing(groups), ring, &limits())
        };
        self.with("", seal).unwrap().text.to_string()
    }

    #[track_caller]
    fn open(&self, text: &str, name: &str) -> OpenSops {
        let file = SopsFile::parse(text, format(name), &limits()).unwrap();
        self.with("", |ring| file.open(ring, &limits())).unwrap()
    }
}

fn pgp(id: &str) -> Recipient {
    // As it stands in a file or in `.sops.yaml`.
    let key = KeyRef { kind: "pgp".to_owned(), id: id.to_owned(), context: Default::default() };
    Recipient { key, name: String::new(), break_glass: false }
}

#[test]
fn either_reads_what_the_other_wrote() {
    let Some(bench) = Bench::new() else { return };
    for algorithm in ["future-default", "rsa2048"] {
        let id = bench.gpg.key(algorithm, algorithm);
        for (name, text) in [
            ("yaml", "a: one\nb:\n    - 2\n    - true\n"),
            ("json", "{\n\t\"a\": \"one\",\n\t\"b\": [\n\t\t2\n\t]\n}\n"),
            ("dotenv", "A=one\nB=two words\n"),
            ("ini", "[a]\nb = one\n"),
        ] {
            let file = std::format!("f.{}", if name == "dotenv" { "env" } else { name });
            let ours = bench.seal(text, name, &[vec![pgp(&id)]]);
            assert!(ours.contains(&id), "{ours}");
            bench.sops.write(&file, &ours);
            assert_eq!(bench.output(&["decrypt", &file]), text, "{ours}");
            bench.sops.write(&file, text);
            let theirs = bench.output(&["encrypt", "--pgp", &id, &file]);
            assert_eq!(bench.open(&theirs, name).plain().source.as_str(), text, "{theirs}");
        }
    }
}

#[test]
fn three_times_round() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.gpg.key("pat", "future-default");
    let mut text = bench.seal("round: r0\nkeep: this\n", "yaml", &[vec![pgp(&id)]]);
    for round in 1..=3 {
        bench.sops.write("r.yaml", &text);
        bench.output(&["set", "r.yaml", "[\"round\"]", &std::format!("\"r{round}\"")]);
        // A new data key, which is wrapped anew, by each.
        bench.output(&["rotate", "-i", "r.yaml"]);
        let theirs = std::fs::read_to_string(bench.sops.path("r.yaml")).unwrap();
        let open = bench.open(&theirs, "yaml");
        assert_eq!(open.plain().source.as_str(), std::format!("round: r{round}\nkeep: this\n"));
        let groups = open.sealed_file().recipients();
        let next = sealeaf::file::sops::Next {
            groups: Some(&groups),
            rotate: true,
            now: NOW,
            ..sealeaf::file::sops::Next::default()
        };
        let change = bench.with("", |ring| open.next(next, ring, &limits())).unwrap();
        text = change.sealed.text.to_string();
        assert!(!theirs.lines().any(|line| line.contains("hF4D") && text.contains(line)), "the wrap stayed");
    }
}

#[test]
fn either_kind_of_key_opens() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.gpg.key("pat", "future-default");
    let both = [vec![group(&[1]).remove(0), pgp(&id)]];
    let ours = bench.seal("a: x\n", "yaml", &both);
    bench.sops.write("f.yaml", &ours);
    assert_eq!(bench.output(&["decrypt", "f.yaml"]), "a: x\n");
    assert_eq!(super::tool::open(&ours, format("yaml")).unwrap().plain().source.as_str(), "a: x\n");
    bench.sops.write("p.yaml", "a: x\n");
    let theirs = bench.output(&["encrypt", "--age", &recipient(1), "--pgp", &id, "p.yaml"]);
    assert_eq!(super::tool::open(&theirs, format("yaml")).unwrap().plain().source.as_str(), "a: x\n");
    assert_eq!(bench.open(&theirs, "yaml").plain().source.as_str(), "a: x\n");
    // In two groups both are needed.
    let ours = bench.seal("a: x\n", "yaml", &[group(&[1]), vec![pgp(&id)]]);
    bench.sops.write("g.yaml", &ours);
    let output = bench.run(&key(1), &["decrypt", "g.yaml"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a: x\n");
    let file = SopsFile::parse(&ours, format("yaml"), &limits()).unwrap();
    let opened = bench.with(&key(1), |ring| file.open(ring, &limits())).unwrap();
    assert_eq!(opened.plain().source.as_str(), "a: x\n");
}

/// Long key ids, blanks and small letters: what SOPS lets people write.
#[test]
fn spellings_of_sops_are_understood() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.gpg.key("pat", "future-default");
    bench.sops.write("p.yaml", "a: x\n");
    let small = id.to_lowercase();
    for spelling in [&id[24..], &small] {
        let theirs = bench.output(&["encrypt", "--pgp", spelling, "p.yaml"]);
        assert!(theirs.contains(&std::format!("fp: {spelling}\n")), "{theirs}");
        let open = bench.open(&theirs, "yaml");
        assert_eq!(open.plain().source.as_str(), "a: x\n");
        let groups = open.sealed_file().recipients();
        let next = sealeaf::file::sops::Next {
            groups: Some(&groups),
            rotate: true,
            now: NOW,
            ..sealeaf::file::sops::Next::default()
        };
        let ours = bench.with("", |ring| open.next(next, ring, &limits())).unwrap().sealed.text;
        bench.sops.write("f.yaml", &ours);
        assert_eq!(bench.output(&["decrypt", "f.yaml"]), "a: x\n");
    }
}
