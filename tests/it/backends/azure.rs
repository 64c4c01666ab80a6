//! Azure Key Vault, on a stand-in that the official SDKs and the real `sops` accept too.

mod login;
mod refused;
mod sops;
mod trouble;

use std::path::Path;

use sealeaf::keys::azure::Azure as Backend;
use sealeaf::keys::contract::{self, Fixture};
use sealeaf::keys::{Environment, KeyRef, NoPrompt, Run};

use crate::support::azure::{Azure, SECRET, TENANT, VAULT};
use crate::support::{Output, Project};

/// A repository whose rule is for one key.
fn project(id: &str) -> Project {
    let project = Project::new(&["alice"], "");
    let rule = "[[rule]]\nfiles = [\"**\"]\nto = [\"ci\"]\n";
    let text = format!("version = 1\n\n[recipients]\nci = {{ azure_kv = \"{id}\" }}\n\n{rule}");
    project.write(".sealeaf.toml", &text);
    project
}

/// Runs the binary in the stand-in's network, with these variables.
fn run(azure: &Azure, project: &Project, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let (program, entrance) = azure.entrance(&project.path(""));
    let entrance: Vec<&str> = entrance.iter().map(String::as_str).collect();
    let run = project.run_as_nobody(arguments).env("SSL_CERT_FILE", azure.file("ca.pem"));
    variables.iter().fold(run, |run, (name, value)| run.env(name, value)).under(program, &entrance).output()
}

/// The variables of an application with its secret.
const APP: [(&str, &str); 3] =
    [("AZURE_TENANT_ID", TENANT), ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", SECRET)];

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().collect()
}

fn key_ref(id: &str) -> KeyRef {
    KeyRef { kind: "azure_kv".to_owned(), id: id.to_owned(), context: Default::default() }
}

#[track_caller]
fn prints(output: &Output, text: &str) {
    assert_eq!((output.code, output.stdout.as_str()), (0, text), "{}", output.stderr);
}

#[test]
fn files_are_sealed_for_a_key_and_opened_with_one_login() {
    let Some(azure) = Azure::start() else { return };
    let id = azure.key("app");
    let project = project(&id);
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        project.write(name, "k: v\n");
    }
    azure.calm();
    prints(&run(&azure, &project, &APP, &["encrypt", "a.yaml", "b.yaml", "c.yaml"]), "");
    let sealed = project.read("a.yaml");
    assert!(sealed.contains(&id) && !sealed.contains("k: v"), "{sealed}");
    let path = id.trim_start_matches("https://");
    let login = format!("POST login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
    let mut asked = azure.asked();
    assert_eq!(asked.iter().filter(|line| **line == login).count(), 1, "{asked:?}");
    asked.retain(|line| line.ends_with(" authorized"));
    assert_eq!(asked, vec![format!("POST {path}/encrypt authorized"); 3]);

    azure.calm();
    prints(&run(&azure, &project, &APP, &["decrypt", "a.yaml"]), "k: v\n");
    let decrypt = format!("POST {path}/decrypt");
    assert_eq!(azure.asked(), [decrypt.clone(), login, format!("{decrypt} authorized")]);
    prints(&run(&azure, &project, &APP, &["rotate", "a.yaml"]), "");
    prints(&run(&azure, &project, &APP, &["get", "a.yaml", "k"]), "v");
}

#[test]
fn a_key_without_a_version_opens_after_it_was_rotated() {
    let Some(azure) = Azure::start() else { return };
    azure.key("app");
    let project = project(&format!("{VAULT}/keys/app"));
    project.write("a.yaml", "k: v\n");
    prints(&run(&azure, &project, &APP, &["encrypt", "a.yaml"]), "");
    azure.key("app");
    prints(&run(&azure, &project, &APP, &["decrypt", "a.yaml"]), "k: v\n");
    prints(&run(&azure, &project, &APP, &["rekey", "a.yaml"]), "");
    prints(&run(&azure, &project, &APP, &["decrypt", "a.yaml"]), "k: v\n");
}

#[test]
fn nothing_is_reached_before_it_is_needed() {
    let Some(azure) = Azure::start() else { return };
    let project = Project::new(&["alice"], "[[rule]]\nfiles = [\"**\"]\nto = [\"alice\"]\n");
    project.seal("a.yaml", "k: v\n");
    azure.calm();
    let identity = project.identity("alice").display().to_string();
    let alice = [APP[0], APP[1], APP[2], ("SEALEAF_IDENTITY_FILE", &identity)];
    for arguments in [&["--version"][..], &["status"], &["decrypt", "a.yaml"]] {
        let output = run(&azure, &project, &alice, arguments);
        assert_eq!(output.code, 0, "{}", output.stderr);
    }
    assert_eq!((azure.asked(), azure.connections()), (Vec::new(), 0));
}

#[test]
fn the_contract_is_kept() {
    Azure::inside("backends::azure::the_contract_is_kept", |azure| {
        let (key, foreign) = (key_ref(&azure.key("app")), key_ref(&azure.sealing_key("sealing")));
        let spelling =
            key.id.replace("https://myvault.vault.azure.net", "https://MyVault.vault.azure.net:443");
        let denied: Vec<(&str, &str)> = APP
            .map(|(name, value)| (name, if name == "AZURE_CLIENT_ID" { "app-denied" } else { value }))
            .into();
        let (environment, denied) = (environment(&APP), environment(&denied));
        let (owner, stranger) = (Run::new(&environment, &NoPrompt), Run::new(&denied, &NoPrompt));
        let fixture = Fixture {
            key,
            foreign,
            owner: &owner,
            stranger: &stranger,
            spellings: &[&spelling],
            invalid: &[
                "",
                "app",
                "http://myvault.vault.azure.net/keys/app",
                "https://good@evil.example/keys/app",
            ],
            hidden: &[SECRET],
            stride: 13,
        };
        contract::all(&Backend, &fixture);
        let key = key_ref(&format!("{VAULT}/keys/app"));
        contract::all(&Backend, &Fixture { key, spellings: &[], ..fixture });
    });
}

#[test]
fn the_official_sdks_accept_the_stand_in() {
    let Some(azure) = Azure::start() else { return };
    let python = crate::support::tools().unwrap().join("bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/azure_sdk.py");
    let output = azure
        .command(python, &azure.file(""))
        // Without the script's own folder on the path: the stand-in has the name of their package.
        .arg("-P")
        .arg(script)
        .arg(azure.file("client-rsa.pem"))
        .env("REQUESTS_CA_BUNDLE", azure.file("ca.pem"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all of it\n", "{stderr}");
}
