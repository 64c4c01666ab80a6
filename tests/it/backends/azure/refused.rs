//! What must not happen: tokens that go elsewhere, programs of the repository, wraps of others.

use serde_json::json;

use super::{APP, prints, project, run};
use crate::support::Project;
use crate::support::azure::{Azure, TENANT, VAULT};

const VERSION: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn ac_41_vaults_of_others_are_not_asked() {
    let Some(azure) = Azure::start() else { return };
    let id = azure.key("app");
    let sealed = project(&id);
    sealed.write("a.yaml", "k: v\n");
    prints(&run(&azure, &sealed, &APP, &["encrypt", "a.yaml"]), "");
    let text = sealed.read("a.yaml");
    azure.calm();
    for vault in [
        "https://v.vault.azure.net.evil.example",
        "https://kv.corp.example",
        "https://myvault.vault.azure.net:8443",
        "https://127.0.0.1",
    ] {
        sealed.write("a.yaml", &text.replace(VAULT, vault));
        let output = run(&azure, &sealed, &APP, &["decrypt", "a.yaml"]);
        assert!(output.code != 0 && output.stdout.is_empty(), "{vault}");
        assert!(output.stderr.contains("not allowed by your own settings"), "{}", output.stderr);
        let project = project(&format!("{vault}/keys/app/{VERSION}"));
        project.write("b.yaml", "k: v\n");
        let output = run(&azure, &project, &APP, &["encrypt", "b.yaml"]);
        assert!(output.code != 0 && output.stderr.contains("vaults = [\""), "{}", output.stderr);
        assert_eq!(project.read("b.yaml"), "k: v\n");
    }
    assert_eq!((azure.asked(), azure.connections()), (Vec::new(), 0));

    // The user's own word makes one of them a vault, for tokens of Key Vault's.
    let id = id.replace(VAULT, "https://kv.corp.example");
    let project = project(&id);
    project.write("../home/.config/sealeaf/config.toml", "[azure]\nvaults = [\"https://kv.corp.example\"]\n");
    project.write("b.yaml", "k: v\n");
    prints(&run(&azure, &project, &APP, &["encrypt", "b.yaml"]), "");
    prints(&run(&azure, &project, &APP, &["decrypt", "b.yaml"]), "k: v\n");
    azure.control("set", &json!({ "challenge": "https://management.azure.com" }));
    let output = run(&azure, &project, &APP, &["decrypt", "b.yaml"]);
    assert!(
        output.stderr.contains("the vault wants a token for `https://management.azure.com`"),
        "{}",
        output.stderr
    );
}

#[test]
fn ac_41_vaults_in_sops_files_are_held_to_the_same() {
    let Some(azure) = Azure::start() else { return };
    let id = azure.key("app");
    let project = Project::new(&["alice"], "");
    project.write("plain.yaml", "k: v\n");
    let sealed = run(&azure, &project, &APP, &["sops", "encrypt", "--azure-kv", &id, "plain.yaml"]);
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    project.write("a.yaml", &sealed.stdout.replace(VAULT, "https://v.vault.azure.net.evil.example"));
    azure.calm();
    for verb in ["decrypt", "rotate"] {
        let output = run(&azure, &project, &APP, &["sops", verb, "a.yaml"]);
        assert!(output.code != 0 && output.stdout.is_empty(), "{verb}");
        assert!(output.stderr.contains("not allowed by your own settings"), "{}", output.stderr);
    }
    let id = id.replace(VAULT, "https://kv.corp.example");
    for key in [id.as_str(), "https://kv.corp.example/keys/app"] {
        let output = run(&azure, &project, &APP, &["sops", "encrypt", "--azure-kv", key, "plain.yaml"]);
        assert!(output.code != 0 && output.stdout.is_empty(), "{}", output.stderr);
    }
    assert_eq!((azure.asked(), azure.connections()), (Vec::new(), 0));
}

#[test]
fn ac_41_a_challenge_for_another_resource_gets_no_token() {
    let Some(azure) = Azure::start() else { return };
    let project = project(&azure.key("app"));
    project.write("a.yaml", "k: v\n");
    prints(&run(&azure, &project, &APP, &["encrypt", "a.yaml"]), "");
    for resource in [
        "https://management.azure.com",
        "https://azure.net",
        "https://managedhsm.azure.net",
        "https://evil.example",
    ] {
        azure.calm();
        azure.control("set", &json!({ "challenge": resource }));
        let output = run(&azure, &project, &APP, &["decrypt", "a.yaml"]);
        assert!(output.code != 0 && output.stdout.is_empty());
        let told = [
            "not allowed by your own settings".to_owned(),
            format!("the vault wants a token for `{resource}`"),
            "only a token for https://vault.azure.net may go there".to_owned(),
        ];
        assert!(told.iter().all(|part| output.stderr.contains(part)), "{}", output.stderr);
        let asked = azure.asked();
        assert!(asked.len() == 1 && !asked[0].contains("authorized"), "{asked:?}");
    }
}

#[test]
fn ac_40_redirects_are_not_followed() {
    let Some(azure) = Azure::start() else { return };
    let project = project(&azure.key("app"));
    project.write("a.yaml", "k: v\n");
    prints(&run(&azure, &project, &APP, &["encrypt", "a.yaml"]), "");
    for (part, to) in
        [("/decrypt", "https://kv.corp.example/x"), ("/oauth2/v2.0/token", "https://kv.corp.example/y")]
    {
        azure.calm();
        let fault = json!({ "part": part, "kind": "answer", "status": 307, "body": "", "headers": [["Location", to]] });
        azure.control("fault", &fault);
        let output = run(&azure, &project, &APP, &["decrypt", "a.yaml"]);
        assert!(
            output.code != 0 && output.stderr.contains("a redirect is never followed"),
            "{}",
            output.stderr
        );
        assert!(azure.asked().iter().all(|line| !line.contains("kv.corp.example")), "{:?}", azure.asked());
    }
}

#[test]
fn a_secret_goes_to_no_authority_without_tls() {
    let Some(azure) = Azure::start() else { return };
    let project = project(&azure.key("app"));
    project.write("a.yaml", "k: v\n");
    for authority in
        ["http://login.microsoftonline.com", "https://user@login.microsoftonline.com", "login", "https://x/y"]
    {
        azure.calm();
        let variables: Vec<(&str, &str)> =
            APP.into_iter().chain([("AZURE_AUTHORITY_HOST", authority)]).collect();
        let output = run(&azure, &project, &variables, &["encrypt", "a.yaml"]);
        assert!(output.code != 0 && output.stderr.contains("AZURE_AUTHORITY_HOST"), "{}", output.stderr);
        assert!(azure.asked().iter().all(|line| !line.contains(TENANT)), "{:?}", azure.asked());
    }
    let variables: Vec<(&str, &str)> =
        APP.into_iter().chain([("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/")]).collect();
    prints(&run(&azure, &project, &variables, &["encrypt", "a.yaml"]), "");
    for endpoint in ["http://kv.corp.example/msi/token", "http://8.8.8.8/", "nonsense"] {
        azure.calm();
        let variables = [("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", "h")];
        let output = run(&azure, &project, &variables, &["decrypt", "a.yaml"]);
        assert!(output.stderr.contains("it is no address of this machine"), "{}", output.stderr);
    }
}

#[test]
fn an_az_of_the_repository_is_not_started() {
    let Some(azure) = Azure::start() else { return };
    azure.control("set", &json!({ "imds": "no identity" }));
    let project = project(&azure.key("app"));
    project.write("a.yaml", "k: v\n");
    prints(&run(&azure, &project, &APP, &["encrypt", "a.yaml"]), "");
    let source = project.script("elsewhere", "touch \"$HOME/started\"");
    std::fs::create_dir_all(project.path("bin")).unwrap();
    crate::support::install(&source, &project.path("bin/az"));
    let path = format!(".:bin:{}:/usr/bin:/bin", project.path("bin").display());
    let output = run(&azure, &project, &[("PATH", &path)], &["decrypt", "a.yaml"]);
    assert!(output.stderr.contains("Azure CLI: `az` is not on PATH"), "{}", output.stderr);
    assert!(!project.home().join("started").exists());
}

#[test]
fn ac_29_what_the_key_wrapped_for_others_does_not_open() {
    let Some(azure) = Azure::start() else { return };
    let id = azure.key("app");
    let (one, other) = (project(&id), project(&id));
    for (project, text) in [(&one, "k: one\n"), (&other, "k: other\n")] {
        project.write("a.yaml", text);
        prints(&run(&azure, project, &APP, &["encrypt", "a.yaml"]), "");
    }
    let wrapped = |text: &str| {
        let line = text.lines().find(|line| line.contains("wrapped:")).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    let (text, foreign) = (one.read("a.yaml"), wrapped(&other.read("a.yaml")));
    one.write("a.yaml", &text.replace(&wrapped(&text), &foreign));
    let output = run(&azure, &one, &APP, &["decrypt", "a.yaml"]);
    assert!(output.code != 0 && output.stdout.is_empty(), "{}", output.stderr);
    assert!(!output.stderr.contains("k: other"), "{}", output.stderr);
    assert!(output.stderr.contains("the wrap belongs to another file"), "{}", output.stderr);
}
