//! The binary, as a user runs it.

use expect_test::expect;

use super::addresses::put;
use super::{Bench, base64, id, json};
use crate::support::{Proxy, Sandbox};

const TEXT: &str = "db:\n  password: hunter2\n";

/// A repository whose files are for that key.
fn sandbox(bench_url: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let key = id(bench_url, "app");
    sandbox.write(
        ".sealeaf.toml",
        &format!(
            "version = 1\n\n[recipients]\nvault = {{ vault = \"{key}\" }}\n\n[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"vault\"]\nencrypt = [\"**.password\"]\n"
        ),
    );
    sandbox.write("s.yaml", TEXT);
    sandbox.mask(bench_url, "[VAULT]");
    sandbox
}

/// Writes a file of the user's own.
fn put_home(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.home().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    put(&path, text);
}

#[test]
fn files_are_sealed_and_opened() {
    let Some(bench) = Bench::new() else { return };
    let (url, sandbox) = (bench.server.url(), sandbox(&bench.server.url()));
    let token = bench.token(&json!({ "policies": ["app"], "display_name": "ci" }));
    let run = |words: &[&str]| sandbox.run(words).env("VAULT_ADDR", &url).env("VAULT_TOKEN", &token);
    assert_eq!(run(&["encrypt", "s.yaml"]).output().code, 0);
    let sealed = sandbox.read("s.yaml");
    assert!(sealed.contains(&bench.id("app")) && !sealed.contains("hunter2"));
    run(&["decrypt", "s.yaml"]).check(
        0,
        expect![[r#"
        db:
          password: hunter2
    "#]],
        expect![[""]],
    );

    let other = Sandbox::new();
    other.write("x.yaml", TEXT);
    let to = format!("vault:{}", bench.id("app"));
    let run_there = |words: &[&str]| other.run(words).env("BAO_ADDR", &url).env("BAO_TOKEN", &token).output();
    assert_eq!(run_there(&["encrypt", "--to", &to, "x.yaml"]).code, 0);
    assert_eq!(run_there(&["decrypt", "x.yaml"]).stdout, TEXT);

    run(&["explain", "s.yaml"]).check(
        0,
        expect![[r#"
        s.yaml: sealed
        configuration  .sealeaf.toml
        rule           1, line 6, by `*.yaml`
        modes          integrity linked, cleartext bound, comments plain, padding buckets
        who can read
          vault  vault  [VAULT]/v1/transit/keys/app
        can you open it
          vault: yes
            step   VAULT_ADDR: names this server (used)
            step   vault.servers in config.toml: names no servers
            step   VAULT_TOKEN: is set (used)
            step   ~/.vault-token: is not there
            step   auth/token/lookup-self: the token is token-ci (policies app, default)
        values
          sealed  db.password  encrypt `**.password`
    "#]],
        expect![[""]],
    );
}

#[test]
fn what_is_said_where_no_token_helps() {
    let Some(bench) = Bench::new() else { return };
    let (url, sandbox) = (bench.server.url(), sandbox(&bench.server.url()));
    let run = |words: &[&str]| sandbox.run(words).env("VAULT_ADDR", &url).env("VAULT_TOKEN", "root");
    assert_eq!(run(&["encrypt", "s.yaml"]).output().code, 0);
    bench.policy("seals", &["transit/encrypt/app"]);
    let seals = bench.token(&json!({ "policies": ["seals"], "display_name": "ci" }));
    run(&["decrypt", "s.yaml"]).env("VAULT_TOKEN", &seals).check(4, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): access denied
              call   POST [VAULT]/v1/transit/decrypt/app
              as     token-ci (policies default, seals)
              from   VAULT_TOKEN
              answer 403 permission denied
              try    grant it in one of its policies: path "transit/decrypt/app" { capabilities = ["update"] }
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    run(&["decrypt", "s.yaml"]).env("VAULT_TOKEN", "hvs.old").check(4, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): the credentials are not accepted
              call   POST [VAULT]/v1/transit/decrypt/app
              from   VAULT_TOKEN
              answer 403 permission denied
              try    the token is unknown to the server: it has expired, was revoked, is of another server or namespace, or is mistyped; log in anew
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    run(&["decrypt", "s.yaml"]).without("VAULT_TOKEN").check(4, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): no credentials found
              call   POST [VAULT]/v1/transit/decrypt/app
              answer no token is set, ~/.vault-token is not there
              try    set VAULT_TOKEN, log in with `bao login` or `vault login`, or add `login` for [VAULT] under `[[vault.servers]]` in your config.toml
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    bench.root("sys/seal", &json!({}));
    run(&["decrypt", "s.yaml"]).check(4, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): the service is not available
              call   POST [VAULT]/v1/transit/decrypt/app
              from   VAULT_TOKEN
              answer 503 Vault is sealed
              try    the server is sealed: have it unsealed with `bao operator unseal`
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
}

#[test]
fn ac_39_and_40_the_binary_sends_no_token_where_a_file_says() {
    let recorder = Proxy::before(None);
    let (url, sandbox) = (recorder.url(), sandbox(&recorder.url()));
    let run = |words: &[&str]| sandbox.run(words).env("VAULT_TOKEN", "hvs.secret");
    run(&["encrypt", "s.yaml"]).check(7, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: vault key `[VAULT]/v1/transit/keys/app`: not allowed by your own settings
            call   POST [VAULT]/v1/transit/encrypt/app
            try    if that is your Vault, set VAULT_ADDR=[VAULT], or add to your config.toml: `[[vault.servers]]` and below it `address = "[VAULT]"`
    "#]]);
    // A SOPS file that names the recorder.
    let key = |port: u16| {
        format!(
            "a: ENC[AES256_GCM,data:AA==,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]\nsops:\n    hc_vault:\n        - vault_address: http://127.0.0.1:{port}\n          engine_path: transit\n          key_name: app\n          created_at: \"2026-01-01T00:00:00Z\"\n          enc: vault:v1:aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8=\n    lastmodified: \"2026-01-01T00:00:00Z\"\n    mac: ENC[AES256_GCM,data:AA==,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]\n    version: 3.11.0\n"
        )
    };
    sandbox.write("sops.yaml", &key(recorder.port));
    run(&["sops", "decrypt", "sops.yaml"]).check(128, expect![[""]], expect![[r#"
        sealeaf: error: sops.yaml: Failed to get the data key required to decrypt the SOPS file
          [VAULT]/v1/transit/keys/app: FAILED: not allowed by your own settings (POST [VAULT]/v1/transit/decrypt/app; try if that is your Vault, set VAULT_ADDR=[VAULT], or add to your config.toml: `[[vault.servers]]` and below it `address = "[VAULT]"`)
        sealeaf: hint: give your key in SOPS_AGE_KEY_FILE or SOPS_AGE_KEY, or ask one of these to add you
    "#]]);
    assert!(recorder.asked().is_empty());
    let named = run(&["sops", "decrypt", "sops.yaml"]).env("VAULT_ADDR", &url).output();
    assert!(named.code != 0 && !named.stderr.contains("hvs.secret"));
    assert!(!recorder.asked().is_empty());
}

#[test]
fn ac_29_what_another_application_wrapped_is_not_taken() {
    let Some(bench) = Bench::new() else { return };
    let (url, sandbox) = (bench.server.url(), sandbox(&bench.server.url()));
    let run = |words: &[&str]| sandbox.run(words).env("VAULT_ADDR", &url).env("VAULT_TOKEN", "root");
    assert_eq!(run(&["encrypt", "s.yaml"]).output().code, 0);
    let sealed = sandbox.read("s.yaml");
    let wrap = |text: &str| {
        let start = text.find(&base64(b"vault:v1:")[..12]).unwrap();
        let length =
            text[start..].find(|c: char| !c.is_ascii_alphanumeric() && !"+/=_-".contains(c)).unwrap();
        text[start..start + length].to_owned()
    };
    let own = wrap(&sealed);
    // Another application's secret, under the same key.
    for secret in [&b"card 4111 1111 1111 1111"[..], &[b'c'; 32], &[b'c'; 70]] {
        let asked = json!({ "plaintext": base64(secret) });
        let answer = bench.root("transit/encrypt/app", &asked);
        let theirs = answer["data"]["ciphertext"].as_str().unwrap();
        let theirs = base64(theirs.as_bytes());
        sandbox.write("s.yaml", &sealed.replace(&own, theirs.trim_end_matches('=')));
        let output = run(&["decrypt", "s.yaml"]).output();
        assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
        assert!(!output.stderr.contains("4111") && !output.stderr.contains("ccc"), "{}", output.stderr);
    }
    // A wrap of another file, for the same key.
    sandbox.write("t.yaml", TEXT);
    assert_eq!(run(&["encrypt", "t.yaml"]).output().code, 0);
    sandbox.write("s.yaml", &sealed.replace(&own, &wrap(&sandbox.read("t.yaml"))));
    assert_eq!(run(&["decrypt", "s.yaml"]).output().code, 5);
    sandbox.write("s.yaml", &sealed);
    assert_eq!(run(&["decrypt", "s.yaml"]).output().code, 0);
}

#[test]
fn many_files_share_one_login() {
    let Some(bench) = Bench::new() else { return };
    let proxy = Proxy::before(Some(bench.server.port));
    let sandbox = sandbox(&proxy.url());
    bench.root("sys/auth/approle", &json!({ "type": "approle" }));
    let role = json!({ "token_policies": ["app"], "role_id": "ci", "secret_id_num_uses": 2 });
    bench.root("auth/approle/role/ci", &role);
    let secret = bench.root("auth/approle/role/ci/secret-id", &json!({}));
    put_home(&sandbox, "secret-id", secret["data"]["secret_id"].as_str().unwrap());
    put_home(
        &sandbox,
        ".config/sealeaf/config.toml",
        &format!(
            "[[vault.servers]]\naddress = \"{}\"\nlogin = {{ method = \"approle\", role_id = \"ci\", secret_id_file = \"~/secret-id\" }}\n",
            proxy.url()
        ),
    );
    for number in 0..12 {
        sandbox.write(&format!("{number}.yaml"), TEXT);
    }
    let output = sandbox.run(&["encrypt", "."]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    let lines: Vec<String> = proxy.asked().into_iter().map(|asked| asked.line).collect();
    let count = |line: &str| lines.iter().filter(|asked| *asked == line).count();
    assert_eq!((count("POST /v1/auth/approle/login"), count("POST /v1/transit/encrypt/app")), (1, 13));
    assert_eq!(sandbox.run(&["decrypt", "3.yaml"]).output().stdout, TEXT);
    // Used up.
    sandbox.run(&["decrypt", "3.yaml"]).check(4, expect![[""]], expect![[r#"
        sealeaf: error: 3.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): the credentials are not accepted
              call   POST [VAULT]/v1/auth/approle/login
              from   login by approle at auth/approle (config.toml)
              answer 400 invalid role or secret ID
              try    give a new secret id: this one is wrong, has expired, was used as often as it may be, or is of another role
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
}

#[test]
fn the_systems_authorities_are_believed() {
    let Some(bench) = Bench::tls() else { return };
    let (url, sandbox) = (bench.server.url(), sandbox(&bench.server.url()));
    let run = |words: &[&str]| sandbox.run(words).env("VAULT_ADDR", &url).env("VAULT_TOKEN", "root");
    let authority = bench.server.authority();
    assert_eq!(run(&["encrypt", "s.yaml"]).env("SSL_CERT_FILE", &authority).output().code, 0);
    assert_eq!(run(&["decrypt", "s.yaml"]).env("VAULT_CACERT", &authority).output().stdout, TEXT);
    run(&["decrypt", "s.yaml"]).check(4, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): the service cannot be reached
              call   POST [VAULT]/v1/transit/decrypt/app
              from   VAULT_TOKEN
              answer invalid peer certificate: UnknownIssuer
              try    name the authority that signed the server's certificate: `ca_file` under `[[vault.servers]]` in your config.toml, or VAULT_CACERT
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
    run(&["decrypt", "s.yaml"]).env("VAULT_SKIP_VERIFY", "true").check(7, expect![[""]], expect![[r#"
        sealeaf: error: s.yaml: no usable key: the file's only recipient is not you
          vault ([VAULT]/v1/transit/keys/app): not allowed by your own settings
              call   POST [VAULT]/v1/transit/decrypt/app
              answer VAULT_SKIP_VERIFY is set: the token would go to whoever answers
              try    unset VAULT_SKIP_VERIFY, and name the server's authority: `ca_file` under `[[vault.servers]]` in your config.toml, or VAULT_CACERT
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]]);
}
