//! A private network in which Google's names are the stand-in's: programs that know nothing of the tests ask there. What
//! Google's own SDK and the real `sops` take for Google keeps the stand-in honest.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::cloud::{MACHINE, TARGET, put};
use crate::sops::tool::Sops;
use crate::support::{Namespace, Output, Project, skip, tools};

const KEY: &str = "projects/app/locations/global/keyRings/r/cryptoKeys/k";

/// The network with the stand-in in it, and the keys that Google's SDK made there.
struct Google {
    server: Child,
    network: Namespace,
    tools: PathBuf,
}

impl Google {
    fn new() -> Option<Self> {
        let Some(tools) = tools() else {
            skip("the tools are not installed");
            return None;
        };
        let services =
            ["cloudkms", "oauth2", "sts", "iamcredentials"].map(|name| format!("{name}.googleapis.com"));
        let mut names: Vec<(&str, Ipv4Addr)> =
            services.iter().map(|name| (name.as_str(), Ipv4Addr::LOCALHOST)).collect();
        names.push(("metadata.google.internal", Ipv4Addr::new(169, 254, 169, 254)));
        let network = Namespace::new(&names)?;
        let folder = network.folder();
        let mut server = network
            .command(tools.join("bin/python"), &folder)
            .args([OsStr::new("-B"), script("gcp.py").as_ref(), folder.as_ref()])
            .args(["--http", "80", "--tls", "443"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert!(said.starts_with("ready"), "{said}");
        let google = Self { server, network, tools };
        let program = script("gcp_sdk.py");
        let sdk = [OsStr::new("-B"), program.as_ref(), folder.as_ref()];
        let output =
            google.command(google.tools.join("bin/python"), &folder, &[]).args(sdk).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "all of it\n", "{}", text(&output.stderr));
        Some(google)
    }

    /// A program in the network, with nothing of this machine's environment.
    fn command(&self, program: impl AsRef<OsStr>, folder: &Path, variables: &[(&str, &str)]) -> Command {
        let mut command = self.network.command(program, folder);
        let authority = self.network.folder().join("ca.pem");
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", self.network.folder());
        command.env("SSL_CERT_FILE", &authority).env("REQUESTS_CA_BUNDLE", &authority);
        command.env("SOPS_GCP_KMS_CLIENT_TYPE", "rest").env("SOPS_DISABLE_VERSION_CHECK", "1");
        command.envs(variables.iter().copied());
        command
    }

    fn file(&self, name: &str) -> String {
        self.network.folder().join(name).display().to_string()
    }

    /// As whom KMS was asked last.
    fn seen(&self) -> String {
        let log = fs::read_to_string(self.file("asked.log")).unwrap();
        let last = log.lines().rfind(|line| line.starts_with("cloudkms.googleapis.com POST")).unwrap();
        last.rsplit_once(' ').unwrap().1.to_owned()
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support").join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Both programs in one folder of a network.
struct Bench {
    google: Google,
    sops: Sops,
    project: Project,
}

impl Bench {
    fn new() -> Option<Self> {
        let google = Google::new()?;
        let Some(sops) = Sops::new() else {
            skip("there is no `sops`");
            return None;
        };
        let project = Project::new(&["alice"], "");
        fs::remove_file(project.path(".sealeaf.toml")).unwrap();
        project.write("plain.yaml", "k: v\nm: 1\n");
        Some(Self { google, sops, project })
    }

    #[track_caller]
    fn theirs(&self, variables: &[(&str, &str)], arguments: &[&str]) -> String {
        let folder = self.project.path("");
        let output =
            self.google.command(self.sops.program(), &folder, variables).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    fn ours(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let folder = self.project.path("");
        let (enter, words) = self.google.network.entrance(&folder);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = self.project.run_as_nobody(arguments).env("SSL_CERT_FILE", self.google.file("ca.pem"));
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.under(enter, &words).output()
    }

    #[track_caller]
    fn ours_prints(&self, variables: &[(&str, &str)], arguments: &[&str]) -> String {
        let output = self.ours(variables, arguments);
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.stdout
    }

    fn settings(&self, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.project.home().join(".config/sealeaf/config.toml");
        put(&path, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn sops_and_sealeaf_open_each_other_s_files_by_every_identity() {
    let Some(bench) = Bench::new() else { return };
    let files = ["key.json", "user.json", "federated.json", "direct.json", "impersonated.json"];
    let files = files.map(|name| bench.google.file(name));
    let token = [("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.admin")];
    let mut identities: Vec<Vec<(&str, &str)>> = vec![Vec::new(), token.to_vec()];
    for file in &files {
        identities.push(vec![("GOOGLE_APPLICATION_CREDENTIALS", file)]);
        identities.push(vec![("GOOGLE_CREDENTIALS", file)]);
    }
    for identity in &identities {
        let theirs = bench.theirs(identity, &["encrypt", "--gcp-kms", KEY, "plain.yaml"]);
        let seen = bench.google.seen();
        bench.project.write("theirs.yaml", &theirs);
        assert_eq!(bench.ours_prints(identity, &["decrypt", "theirs.yaml"]), "k: v\nm: 1\n");
        assert_eq!(bench.google.seen(), seen, "{identity:?}");
        let ours = bench.ours_prints(identity, &["sops", "encrypt", "--gcp-kms", KEY, "plain.yaml"]);
        bench.project.write("ours.yaml", &ours);
        assert_eq!(bench.theirs(identity, &["decrypt", "ours.yaml"]), "k: v\nm: 1\n");
        assert_eq!(bench.google.seen(), seen, "{identity:?}");
    }
    // Without anything it is the machine.
    bench.ours_prints(&[], &["decrypt", "ours.yaml"]);
    assert_eq!(bench.google.seen(), MACHINE);
    let log = fs::read_to_string(bench.google.file("asked.log")).unwrap();
    assert!(log.contains("metadata.google.internal GET /computeMetadata/"), "{log}");
}

#[test]
fn edits_of_sops_files_stay_theirs() {
    let Some(bench) = Bench::new() else { return };
    let theirs = bench.theirs(&[], &["encrypt", "--gcp-kms", KEY, "plain.yaml"]);
    bench.project.write("a.yaml", &theirs);
    bench.ours_prints(&[], &["sops", "set", "a.yaml", "[\"k\"]", "\"w\""]);
    assert_eq!(bench.theirs(&[], &["decrypt", "a.yaml"]), "k: w\nm: 1\n");
    bench.ours_prints(&[], &["sops", "rotate", "-i", "a.yaml"]);
    assert_eq!(bench.theirs(&[], &["decrypt", "a.yaml"]), "k: w\nm: 1\n");
    bench.theirs(&[], &["rotate", "-i", "a.yaml"]);
    assert_eq!(bench.ours_prints(&[], &["decrypt", "a.yaml"]), "k: w\nm: 1\n");
}

#[test]
fn the_user_s_settings_name_an_account_to_act_as() {
    let Some(bench) = Bench::new() else { return };
    let sealed = bench.theirs(&[], &["encrypt", "--gcp-kms", KEY, "plain.yaml"]);
    bench.project.write("a.yaml", &sealed);
    bench.settings(&format!("[gcp]\nimpersonate = \"{TARGET}\"\n"));
    assert_eq!(bench.ours_prints(&[], &["decrypt", "a.yaml"]), "k: v\nm: 1\n");
    assert_eq!(bench.google.seen(), TARGET);

    bench.settings("[gcp]\nimpersonate = \"other@app.iam.gserviceaccount.com\"\n");
    let output = bench.ours(&[], &["decrypt", "a.yaml"]);
    assert_ne!(output.code, 0);
    let parts = [
        "access denied",
        "as     other@app.iam.gserviceaccount.com",
        "from   metadata server, the machine's service account of machine@app.iam.gserviceaccount.com, which acts as it",
        "give the identity the role roles/iam.serviceAccountTokenCreator on other@app.iam.gserviceaccount.com",
    ];
    assert!(parts.iter().all(|part| output.stderr.contains(part)), "{}", output.stderr);

    bench.settings("[gcp]\nimpersonate = \"x/../y:generateIdToken?\"\n");
    let output = bench.ours(&[], &["decrypt", "a.yaml"]);
    assert!(output.code != 0 && output.stderr.contains("no service account"), "{}", output.stderr);
}

#[test]
fn an_authority_that_nobody_trusts_gets_no_token() {
    let Some(bench) = Bench::new() else { return };
    let sealed = bench.theirs(&[], &["encrypt", "--gcp-kms", KEY, "plain.yaml"]);
    bench.project.write("a.yaml", &sealed);
    let log = fs::read_to_string(bench.google.file("asked.log")).unwrap();
    let trusted = [
        ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.admin"),
    ];
    let output = bench.ours(&trusted, &["decrypt", "a.yaml"]);
    assert_ne!(output.code, 0);
    assert!(output.stderr.contains("the service cannot be reached"), "{}", output.stderr);
    assert_eq!(fs::read_to_string(bench.google.file("asked.log")).unwrap(), log);
}
