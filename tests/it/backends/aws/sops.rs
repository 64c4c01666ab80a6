//! SOPS files with keys of AWS, with the real `sops` on the same moto.

use std::fs;
use std::process::Command;

use super::cloud::Cloud;
use super::run;
use crate::sops::tool::Sops;
use crate::support::{Project, skip};

/// Both programs in one folder, with the same identity.
struct Bench {
    cloud: Cloud,
    sops: Sops,
    project: Project,
    arn: String,
}

impl Bench {
    fn new() -> Option<Self> {
        let cloud = Cloud::moto()?;
        let Some(sops) = Sops::new() else {
            skip("there is no `sops`");
            return None;
        };
        let arn = cloud.key("eu-west-1");
        let project = Project::new(&["alice"], "");
        fs::remove_file(project.path(".sealeaf.toml")).unwrap();
        Some(Self { cloud, sops, project, arn })
    }

    /// What the real program prints; an error is its own text.
    fn theirs(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(self.sops.program())
            .args(arguments)
            .current_dir(self.project.path(""))
            .env_clear()
            .env("HOME", self.project.home())
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .envs(self.cloud.root())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn ours(&self, arguments: &[&str]) -> crate::support::Output {
        run(&self.project, &self.cloud.root(), arguments).output()
    }
}

#[test]
fn files_go_both_ways_with_context_and_without() {
    let Some(bench) = Bench::new() else { return };
    for context in [None, Some("app:web,env:prod")] {
        let mut arguments = vec!["encrypt", "--kms", &bench.arn];
        arguments.extend(context.iter().flat_map(|context| ["--encryption-context", context]));
        arguments.push("plain.yaml");
        bench.project.write("plain.yaml", "k: v\nm: 1\n");

        let theirs = bench.theirs(&arguments).unwrap();
        bench.project.write("theirs.yaml", &theirs);
        let opened = bench.ours(&["decrypt", "theirs.yaml"]);
        assert_eq!((opened.stdout.as_str(), opened.stderr.as_str()), ("k: v\nm: 1\n", ""));

        let ours = bench.ours(&[&["sops"], &*arguments].concat());
        assert_eq!(ours.code, 0, "{}", ours.stderr);
        bench.project.write("ours.yaml", &ours.stdout);
        assert_eq!(bench.theirs(&["decrypt", "ours.yaml"]).unwrap(), "k: v\nm: 1\n");

        // Another context opens it for neither.
        if context.is_some() {
            for (name, text) in [("theirs.yaml", theirs), ("ours.yaml", ours.stdout)] {
                bench.project.write(name, &text.replace("app: web", "app: mail"));
                assert!(bench.theirs(&["decrypt", name]).is_err());
                let failed = bench.ours(&["decrypt", name]);
                assert!(failed.code != 0 && failed.stdout.is_empty(), "{name}");
                assert!(
                    failed.stderr.contains("the wrap does not open with this key and context"),
                    "{}",
                    failed.stderr
                );
            }
        }
    }
}

#[test]
fn the_repository_s_sops_configuration_is_followed() {
    let Some(bench) = Bench::new() else { return };
    let rule = format!(
        "creation_rules:\n  - key_groups:\n      - kms:\n          - arn: {}\n            context: {{app: web}}\n",
        bench.arn
    );
    bench.project.write(".sops.yaml", &rule).write("a.yaml", "k: v\n");
    let sealed = bench.ours(&["encrypt", "a.yaml"]);
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    assert_eq!(bench.theirs(&["decrypt", "a.yaml"]).unwrap(), "k: v\n");
    bench.theirs(&["set", "a.yaml", "[\"k\"]", "\"w\""]).unwrap();
    assert_eq!(bench.ours(&["get", "a.yaml", "k"]).stdout, "w");
    let rotated = bench.ours(&["rotate", "a.yaml"]);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    assert_eq!(bench.theirs(&["decrypt", "a.yaml"]).unwrap(), "k: w\n");
}
