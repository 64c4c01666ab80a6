//! SOPS files with keys of Azure, with the real `sops` in the same network.

use std::fs;

use super::{APP, prints, run};
use crate::sops::tool::Sops;
use crate::support::azure::{Azure, VAULT};
use crate::support::{Project, skip};

struct Bench {
    azure: Azure,
    sops: Sops,
    project: Project,
}

impl Bench {
    fn new() -> Option<Self> {
        let Some(sops) = Sops::new() else {
            skip("there is no `sops`");
            return None;
        };
        let azure = Azure::start()?;
        let project = Project::new(&["alice"], "");
        fs::remove_file(project.path(".sealeaf.toml")).unwrap();
        Some(Self { azure, sops, project })
    }

    /// What the real program prints.
    #[track_caller]
    fn theirs(&self, arguments: &[&str]) -> String {
        let output = self
            .azure
            .command(self.sops.program(), &self.project.path(""))
            .args(arguments)
            .env_clear()
            .env("HOME", self.project.home())
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .env("SSL_CERT_FILE", self.azure.file("ca.pem"))
            .envs(APP)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn ours(&self, arguments: &[&str]) -> String {
        let output = run(&self.azure, &self.project, &APP, arguments);
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.stdout
    }
}

#[test]
fn files_go_both_ways_with_a_version_and_without() {
    let Some(bench) = Bench::new() else { return };
    let id = bench.azure.key("app");
    let version = id.rsplit('/').next().unwrap();
    let bare = format!("{VAULT}/keys/app");
    for (name, text) in [("plain.yaml", "k: v\nm: 1\n"), ("plain.json", "{\n\t\"k\": \"v\"\n}\n")] {
        bench.project.write(name, text);
        for key in [id.as_str(), bare.as_str()] {
            let theirs = bench.theirs(&["encrypt", "--azure-kv", key, name]);
            let file = format!("theirs-{name}");
            bench.project.write(&file, &theirs);
            prints(&run(&bench.azure, &bench.project, &APP, &["sops", "decrypt", &file]), text);

            let ours = bench.ours(&["sops", "encrypt", "--azure-kv", key, name]);
            for sealed in [&theirs, &ours] {
                assert!(sealed.contains(version) && sealed.contains(VAULT), "{sealed}");
            }
            let file = format!("ours-{name}");
            bench.project.write(&file, &ours);
            assert_eq!(bench.theirs(&["decrypt", &file]), text);
        }
    }
    // A version that is no longer the current one opens for both.
    bench.azure.key("app");
    assert_eq!(bench.theirs(&["decrypt", "ours-plain.yaml"]), "k: v\nm: 1\n");
    assert_eq!(bench.ours(&["decrypt", "theirs-plain.yaml"]), "k: v\nm: 1\n");
    assert_eq!(bench.ours(&["sops", "rotate", "theirs-plain.yaml"]).matches(version).count(), 1);
}
