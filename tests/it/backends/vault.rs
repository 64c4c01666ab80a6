//! Vault keys against the real OpenBao.

mod addresses;
mod binary;
mod logins;
mod troubles;

use std::path::Path;

use sealeaf::config::user;
use sealeaf::keys::contract::{self, Fixture};
use sealeaf::keys::vault::Vault;
use sealeaf::keys::{
    Cause, Environment, Failure, KeyBackend, KeyError, KeyRef, Keyring, NoPrompt, Recipient, Run, Stanza,
    WrapContext,
};
use sealeaf::secret::SecretBytes;
use serde_json::{Value, json};

use crate::support::servers::Server;
use crate::support::skip;

const SECRET: &[u8] = b"what stands for a data key with its binding";

/// OpenBao with the keys `app` and `foreign`, and the policy `app`: encrypts with both, decrypts with the first.
struct Bench {
    server: Server,
}

impl Bench {
    fn new() -> Option<Self> {
        Self::on(Server::openbao())
    }

    fn tls() -> Option<Self> {
        Self::on(Server::openbao_tls())
    }

    fn on(server: Option<Server>) -> Option<Self> {
        let Some(server) = server else {
            skip("OpenBao is not installed");
            return None;
        };
        let bench = Self { server };
        bench.root("transit/keys/app", &json!({}));
        bench.root("transit/keys/foreign", &json!({}));
        bench.policy("app", &["transit/encrypt/app", "transit/decrypt/app", "transit/encrypt/foreign"]);
        Some(bench)
    }

    /// A call as root, which works.
    #[track_caller]
    fn root(&self, path: &str, body: &Value) -> Value {
        let (status, text) = self.server.vault("POST", path, &body.to_string());
        assert!(status < 300, "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn policy(&self, name: &str, paths: &[&str]) {
        let rules: String =
            paths.iter().map(|path| format!("path \"{path}\" {{ capabilities = [\"update\"] }}\n")).collect();
        self.root(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
    }

    fn token(&self, body: &Value) -> String {
        self.root("auth/token/create", body)["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    fn id(&self, name: &str) -> String {
        id(&self.server.url(), name)
    }

    /// A wrap of root's.
    fn wrapped(&self, name: &str) -> Stanza {
        let text = self.root(&format!("transit/encrypt/{name}"), &json!({ "plaintext": base64(SECRET) }));
        let wrapped = text["data"]["ciphertext"].as_str().unwrap().as_bytes().to_vec();
        Stanza { recipient: recipient(&self.id(name)), wrapped }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn id(address: &str, name: &str) -> String {
    format!("{address}/v1/transit/keys/{name}")
}

fn key(id: &str) -> KeyRef {
    KeyRef { kind: "vault".to_owned(), id: id.to_owned(), context: Default::default() }
}

fn recipient(id: &str) -> Recipient {
    Recipient { key: key(id), name: String::new(), break_glass: false }
}

fn context() -> WrapContext {
    WrapContext { fid: [1; 16], epoch: 1 }
}

/// Works as a user with that environment and that `config.toml`.
fn user<T>(variables: &[(&str, &str)], settings: &str, work: impl FnOnce(&Run<'_>) -> T) -> T {
    let environment: Environment = variables.iter().copied().collect();
    let mut run = Run::new(&environment, &NoPrompt);
    run.settings = user::parse(settings, Path::new("config.toml")).unwrap();
    work(&run)
}

#[track_caller]
fn wrap(run: &Run<'_>, id: &str) -> Result<Stanza, Failure> {
    let secret = SecretBytes::new(SECRET.to_vec());
    match Keyring::new(run).wrap(&[recipient(id)], &secret, &context()) {
        Ok(mut stanzas) => Ok(stanzas.remove(0)),
        Err(KeyError::Remote { failure, .. }) => Err(*failure),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn unwrap(run: &Run<'_>, stanza: &Stanza) -> Result<(), Failure> {
    match Keyring::new(run).unwrap(std::slice::from_ref(stanza), &context()) {
        Ok((_, opened)) => {
            assert_eq!(opened.expose(), SECRET);
            Ok(())
        }
        Err(error) => match error.attempts.into_iter().next().unwrap() {
            attempt if attempt.failure.is_some() => Err(*attempt.failure.unwrap()),
            attempt => panic!("{attempt}"),
        },
    }
}

/// Wraps and opens; what failed first.
#[track_caller]
fn goes_round(run: &Run<'_>, id: &str) -> Result<(), Failure> {
    unwrap(run, &wrap(run, id)?)
}

#[track_caller]
fn cause(result: Result<(), Failure>) -> Cause {
    result.unwrap_err().cause
}

#[test]
fn the_contract_holds() {
    let Some(bench) = Bench::new() else { return };
    let (address, token) = (bench.server.url(), bench.token(&json!({ "policies": ["app"] })));
    let port = bench.server.port;
    let spelling = format!("HTTP://127.0.0.1:{port}/v1/transit/keys/app/");
    let invalid = [
        "",
        "app",
        "http://v.example/v1/transit/keys/app",
        "https://v.example/v1/transit/keys/",
        "https://a@v.example/v1/transit/keys/app",
    ];
    user(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token)], "", |owner| {
        user(&[("VAULT_ADDR", &address)], "", |stranger| {
            let fixture = Fixture {
                key: key(&bench.id("app")),
                foreign: key(&bench.id("foreign")),
                owner,
                stranger,
                spellings: &[&spelling],
                invalid: &invalid,
                hidden: &[&token],
                stride: 5,
            };
            contract::all(&Vault, &fixture);
        });
    });
}

#[test]
fn keys_rotate_and_old_wraps_open() {
    let Some(bench) = Bench::new() else { return };
    let old = bench.wrapped("app");
    bench.root("transit/keys/app/rotate", &json!({}));
    user(&[("VAULT_ADDR", &bench.server.url()), ("VAULT_TOKEN", "root")], "", |run| {
        unwrap(run, &old).unwrap();
        let new = wrap(run, &bench.id("app")).unwrap();
        assert!(new.wrapped.starts_with(b"vault:v2:"));
        unwrap(run, &new).unwrap();
    });
}

#[test]
fn every_kind_of_key_that_can_encrypt_does() {
    let Some(bench) = Bench::new() else { return };
    user(&[("BAO_ADDR", &bench.server.url()), ("BAO_TOKEN", "root")], "", |run| {
        for kind in ["aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305", "rsa-2048"] {
            bench.root(&format!("transit/keys/{kind}"), &json!({ "type": kind }));
            goes_round(run, &bench.id(kind)).unwrap();
        }
        bench.root("transit/keys/signs", &json!({ "type": "ed25519" }));
        assert_eq!(cause(goes_round(run, &bench.id("signs"))), Cause::Rejected);
        bench.root("transit/keys/derived", &json!({ "derived": true }));
        let failure = goes_round(run, &bench.id("derived")).unwrap_err();
        assert_eq!(failure.cause, Cause::Rejected);
        assert!(failure.hint.unwrap().contains("not derived"));
    });
}

#[test]
fn engines_and_namespaces_with_paths() {
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    bench.root("sys/mounts/a/deep/place", &json!({ "type": "transit" }));
    bench.root("a/deep/place/keys/k", &json!({}));
    bench.root("sys/namespaces/team", &json!({}));
    bench.root("team/sys/mounts/transit", &json!({ "type": "transit" }));
    bench.root("team/transit/keys/theirs", &json!({}));
    let root = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];
    user(&root, "", |run| {
        goes_round(run, &format!("{address}/v1/a/deep/place/keys/k")).unwrap();
        goes_round(run, &format!("{address}/v1/team/transit/keys/theirs")).unwrap();
        assert_eq!(cause(goes_round(run, &format!("{address}/v1/team/none/keys/theirs"))), Cause::NotFound);
    });
    let named = [root[0], root[1], ("VAULT_NAMESPACE", "team")];
    user(&named, "", |run| goes_round(run, &id(&address, "theirs")).unwrap());
    let settings = format!("[[vault.servers]]\naddress = \"{address}/\"\nnamespace = \"team/\"\n");
    user(&root, &settings, |run| goes_round(run, &id(&address, "theirs")).unwrap());
    let named = [root[0], root[1], ("BAO_NAMESPACE", "none")];
    user(&named, &settings, |run| assert!(goes_round(run, &id(&address, "theirs")).is_err()));
}

#[test]
fn the_way_to_the_identity_is_told() {
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    let token = bench.token(&json!({ "policies": ["app"], "display_name": "ci" }));
    let steps = |variables: &[(&str, &str)], settings: &str| {
        user(variables, settings, |run| {
            let id = bench.id("app");
            let identity = {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let key = key(&id);
                runtime.block_on(Vault.identity(&key, run))
            };
            let line = |step: &sealeaf::keys::Step| {
                format!("{}{}: {}", if step.used { "* " } else { "" }, step.name, step.outcome)
            };
            let text: Vec<String> = identity.iter().map(line).collect();
            let text = text.join("\n").replace(&address, "[VAULT]");
            assert!(!text.contains(&token));
            text
        })
    };
    expect_test::expect![[r#"
        * VAULT_ADDR: names this server
        vault.servers in config.toml: names no servers
        * VAULT_TOKEN: is set
        ~/.vault-token: is not there
        auth/token/lookup-self: the token is token-ci (policies app, default)"#]]
    .assert_eq(&steps(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token), ("HOME", "/nonexistent")], ""));
    let settings = format!(
        "[[vault.servers]]\naddress = \"{address}\"\nlogin = {{ method = \"jwt\", token_variable = \"X\" }}\n"
    );
    expect_test::expect![[r#"
        VAULT_ADDR: names another server, https://other.example
        * vault.servers in config.toml: names this server
        login by jwt at auth/jwt (config.toml): X is not set
        auth/token/lookup-self: no credentials found: X is not set"#]]
    .assert_eq(&steps(&[("VAULT_ADDR", "https://other.example"), ("VAULT_TOKEN", &token)], &settings));
    expect_test::expect![[r#"
        VAULT_ADDR: is not set
        * vault.servers in config.toml: names this server
        * login by jwt at auth/jwt (config.toml): is set up, for sub job, expired  s ago by this clock
        auth/token/lookup-self: the credentials are not accepted:  permission denied"#]]
    .assert_eq(
        &steps(&[("X", "e30.eyJzdWIiOiJqb2IiLCJleHAiOjF9.x")], &settings)
            .replace(|c: char| c.is_ascii_digit(), ""),
    );
    expect_test::expect![[r#"
        VAULT_ADDR: is not set
        vault.servers in config.toml: names no servers"#]]
    .assert_eq(&steps(&[("VAULT_TOKEN", &token)], ""));
}
