//! Google Cloud KMS, on a stand-in that Google's own SDK and the real `sops` take for it.

mod chain;
mod cloud;
mod network;
mod trouble;

use expect_test::expect;
use sealeaf::keys::contract::{self, Fixture};
use sealeaf::keys::gcp::Gcp;
use sealeaf::keys::{NoPrompt, Run};

use crate::support::{Project, Proxy};
use cloud::{ADMIN, Cloud, EVERYBODY, HIDDEN, STRANGER};

const RULE: &str = "[[rule]]\nfiles = [\"**\"]\nto = [\"ci\"]\n";

/// A repository whose rule is for one key.
fn project(id: &str) -> Project {
    let project = Project::new(&["alice"], "");
    let text = format!("version = 1\n\n[recipients]\nci = {{ gcp_kms = \"{id}\" }}\n\n{RULE}");
    project.write(".sealeaf.toml", &text);
    project
}

/// A run of the binary with these variables. The home is the project's.
fn run<'a>(
    project: &'a Project,
    variables: &[(String, String)],
    arguments: &[&str],
) -> crate::support::Run<'a> {
    let own = variables.iter().filter(|(name, _)| name != "HOME");
    own.fold(project.run_as_nobody(arguments), |run, (name, value)| run.env(name, value))
}

#[test]
fn the_contract_is_kept() {
    let Some(cloud) = Cloud::new() else { return };
    let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
    let foreign = cloud.key("foreign", "Encrypter", EVERYBODY);
    let file = cloud.file("key.json");
    let owner = cloud.environment(&[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
    let stranger = cloud.environment(&[("GOOGLE_OAUTH_ACCESS_TOKEN", STRANGER)]);
    let nobody = cloud.environment(&[]);
    let blank = format!(" {}", key.id);
    let version = format!("{}/cryptoKeyVersions/1", key.id);
    for stranger in [&stranger, &nobody] {
        let fixture = Fixture {
            key: key.clone(),
            foreign: foreign.clone(),
            owner: &Run::new(&owner, &NoPrompt),
            stranger: &Run::new(stranger, &NoPrompt),
            spellings: &[],
            invalid: &["", "k", &blank, &version, "projects/../locations/l/keyRings/r/cryptoKeys/k"],
            hidden: HIDDEN,
            stride: 3,
        };
        contract::all(&Gcp, &fixture);
    }
}

#[test]
fn files_are_sealed_for_a_key_and_opened() {
    let Some(cloud) = Cloud::new() else { return };
    let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
    let mut project = project(&key.id);
    let file = cloud.file("key.json");
    let variables =
        cloud.variables(&cloud.url(), &[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
    project.write("a.yaml", "k: v\n");
    run(&project, &variables, &["encrypt", "a.yaml"]).stdout();
    let sealed = project.read("a.yaml");
    assert!(sealed.contains(&key.id) && !sealed.contains("k: v"), "{sealed}");
    assert_eq!(run(&project, &variables, &["decrypt", "a.yaml"]).stdout(), "k: v\n");
    // A new version of the key wraps, and the old one still unwraps.
    cloud.ask("POST", &format!("{}/cryptoKeyVersions", key.id), &serde_json::json!({}));
    let primary = serde_json::json!({ "cryptoKeyVersionId": "2" });
    cloud.ask("POST", &format!("{}:updatePrimaryVersion", key.id), &primary);
    assert_eq!(run(&project, &variables, &["decrypt", "a.yaml"]).stdout(), "k: v\n");
    run(&project, &variables, &["rotate", "a.yaml"]).stdout();
    assert_eq!(run(&project, &variables, &["get", "a.yaml", "k"]).stdout(), "v");

    project.mask(&cloud.url(), "[URL]");
    project.mask(&key.id, "[KEY]");
    let denied = cloud.variables(&cloud.url(), &[("GOOGLE_OAUTH_ACCESS_TOKEN", STRANGER)]);
    run(&project, &denied, &["decrypt", "a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: a.yaml: no usable key: the file's only recipient is not you
          ci ([KEY]): access denied
              call   cloudkms Decrypt at [URL]
              from   GOOGLE_OAUTH_ACCESS_TOKEN, access token
              answer PERMISSION_DENIED Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource '[KEY]' (or it may not exist).
              try    give the identity the role roles/cloudkms.cryptoKeyEncrypterDecrypter on this key; it brings cloudkms.cryptoKeyVersions.useToDecrypt
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    let nobody = cloud.variables(&cloud.url(), &[]);
    run(&project, &nobody, &["decrypt", "a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: a.yaml: no usable key: the file's only recipient is not you
          ci ([KEY]): no credentials found
              call   cloudkms Decrypt at [URL]
              from   nothing in GOOGLE_CREDENTIALS, GOOGLE_OAUTH_ACCESS_TOKEN, GOOGLE_APPLICATION_CREDENTIALS, [ROOT]/home/.config/gcloud/application_default_credentials.json; metadata server: left out, since NO_GCE_CHECK is set
              try    `gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS with the path of a file of credentials
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    project.write("b.yaml", "k: v\n");
    run(&project, &denied, &["encrypt", "b.yaml"]).fails(1, expect![[r#"
        sealeaf: error: b.yaml: gcp_kms key `[KEY]`: access denied
            call   cloudkms Encrypt at [URL]
            from   GOOGLE_OAUTH_ACCESS_TOKEN, access token
            answer PERMISSION_DENIED Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '[KEY]' (or it may not exist).
            try    give the identity the role roles/cloudkms.cryptoKeyEncrypterDecrypter on this key; it brings cloudkms.cryptoKeyVersions.useToEncrypt
    "#]]);
    cloud.set_state(&key, 2, "DISABLED");
    run(&project, &variables, &["decrypt", "a.yaml"]).fails(4, expect![[r#"
        sealeaf: error: a.yaml: no usable key: the file's only recipient is not you
          ci ([KEY]): the key is disabled
              call   cloudkms Decrypt at [URL]
              as     key-holder@app.iam.gserviceaccount.com
              from   GOOGLE_APPLICATION_CREDENTIALS, service account key
              answer FAILED_PRECONDITION [KEY]/cryptoKeyVersions/2 is not enabled, current state is: DISABLED.
              try    `gcloud kms keys versions enable 2 --key=[KEY]`
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
}

#[test]
fn ac_43_odd_names_of_keys_reach_nobody() {
    let Some(cloud) = Cloud::new() else { return };
    let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
    let recorder = Proxy::before(Some(cloud.port()));
    let variables = cloud.variables(&recorder.url(), &[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    let good = project(&key.id);
    good.write("a.yaml", "k: v\n");
    run(&good, &variables, &["encrypt", "a.yaml"]).stdout();
    let sealed = good.read("a.yaml");
    assert_eq!(recorder.asked().len(), 1);
    recorder.reset();
    for odd in ["/../../x", "?x=y", "#x", "\\n", " ", "%2e%2e", ":decrypt", "/cryptoKeyVersions/1"] {
        let id = format!("{}{odd}", key.id);
        let project = project(&id);
        project.write("b.yaml", "k: v\n");
        let output = run(&project, &variables, &["encrypt", "b.yaml"]).output();
        assert_eq!((output.code, project.read("b.yaml").as_str()), (8, "k: v\n"), "{}", output.stderr);
        assert!(
            output.stderr.contains("projects/…/locations/…") || odd.contains("Versions"),
            "{}",
            output.stderr
        );
        let id = format!("\"{id}\"");
        good.write("a.yaml", &sealed.replace(&format!("gcp_kms: {}", key.id), &format!("gcp_kms: {id}")));
        let output = run(&good, &variables, &["decrypt", "a.yaml"]).output();
        assert_eq!((output.code, output.stdout.as_str()), (4, ""), "{odd}: {}", output.stderr);
        assert!(!output.stderr.contains("internal"), "{}", output.stderr);
    }
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}

#[test]
fn ac_29_a_wrap_of_another_file_is_refused() {
    let Some(cloud) = Cloud::new() else { return };
    let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
    let project = project(&key.id);
    let variables = cloud.variables(&cloud.url(), &[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    for name in ["a.yaml", "b.yaml"] {
        project.write(name, "k: v\n");
        run(&project, &variables, &["encrypt", name]).stdout();
    }
    let wrap = |name: &str| {
        let text = project.read(name);
        text.lines().find(|line| line.contains("wrapped: ")).unwrap().to_owned()
    };
    let grafted = project.read("a.yaml").replace(&wrap("a.yaml"), &wrap("b.yaml"));
    project.write("a.yaml", &grafted);
    let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
}

#[test]
fn an_address_where_others_read_along_is_refused() {
    let Some(cloud) = Cloud::new() else { return };
    let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
    let mut project = project(&key.id);
    project.mask(&key.id, "[KEY]");
    project.write("a.yaml", "k: v\n");
    let variables = cloud.variables("http://kms.example", &[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    run(&project, &variables, &["encrypt", "a.yaml"]).fails(
        7,
        expect![[r#"
        sealeaf: error: a.yaml: gcp_kms key `[KEY]`: not allowed by your own settings
            call   cloudkms Encrypt
            answer SEALEAF_GCP_ENDPOINT is no address that a key may go to
            try    `https://host`, or `http://` to this machine alone
    "#]],
    );
}

#[test]
fn a_repository_does_not_choose_the_address() {
    let Some(cloud) = Cloud::new() else { return };
    let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
    let recorder = Proxy::before(None);
    let good = project(&key.id);
    let variables = cloud.variables(&cloud.url(), &[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    good.write("a.yaml", "k: v\n");
    run(&good, &variables, &["encrypt", "a.yaml"]).stdout();
    let theirs = ["sops", "encrypt", "--gcp-kms", key.id.as_str(), "plain.yaml"];
    good.write("plain.yaml", "k: v\n");
    let sops = run(&good, &variables, &theirs).stdout();
    let url = recorder.url();
    let id = format!("{url}/v1/{}", key.id);
    let more = [
        format!("[gcp]\nendpoint = \"{url}\"\n"),
        format!("[settings.gcp]\nendpoint = \"{url}\"\n"),
        format!("[recipients.x]\ngcp_kms = \"{}\"\nendpoint = \"{url}\"\n", key.id),
        format!("[recipients.x]\ngcp_kms = \"{id}\"\n"),
    ];
    for text in more {
        let config = format!("version = 1\n\n{RULE}{text}");
        let config = if text.contains("recipients") {
            config
        } else {
            format!("version = 1\n\n[recipients]\nci = {{ gcp_kms = \"{}\" }}\n\n{RULE}{text}", key.id)
        };
        good.write(".sealeaf.toml", &config).write("b.yaml", "k: v\n");
        let output = run(&good, &variables, &["encrypt", "b.yaml"]).output();
        assert!(output.code != 0 && good.read("b.yaml") == "k: v\n", "{text}: {}", output.stderr);
    }
    for text in [good.read("a.yaml"), sops] {
        good.write("c.yaml", &text.replace(&key.id, &id));
        let output = run(&good, &variables, &["decrypt", "c.yaml"]).output();
        assert!(output.code != 0 && output.stdout.is_empty(), "{}", output.stderr);
    }
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}
