//! The ways to an identity, and what goes wrong on them.

use std::fs;

use serde_json::json;

use super::{APP, prints, project, run};
use crate::support::azure::{Azure, SECRET, TENANT};
use crate::support::{Output, Project};

/// A sealed file, and the stand-in that opens it.
struct Bench {
    azure: Azure,
    project: Project,
    id: String,
}

impl Bench {
    fn new() -> Option<Self> {
        let azure = Azure::start()?;
        let id = azure.key("app");
        let project = project(&id);
        project.write("a.yaml", "k: v\n");
        prints(&run(&azure, &project, &APP, &["encrypt", "a.yaml"]), "");
        azure.calm();
        Some(Self { azure, project, id })
    }

    fn decrypt(&self, variables: &[(&str, &str)]) -> Output {
        run(&self.azure, &self.project, variables, &["decrypt", "a.yaml"])
    }

    #[track_caller]
    fn opens(&self, variables: &[(&str, &str)]) {
        prints(&self.decrypt(variables), "k: v\n");
    }

    /// The lines of a failure that say which call, as whom, from where, the answer and the way out.
    #[track_caller]
    fn fails(&self, variables: &[(&str, &str)]) -> String {
        self.fails_with(4, variables)
    }

    #[track_caller]
    fn fails_with(&self, code: i32, variables: &[(&str, &str)]) -> String {
        let output = self.decrypt(variables);
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{}", output.stderr);
        assert!(!output.stderr.contains(SECRET) && !output.stderr.contains("eyJ"), "{}", output.stderr);
        let shown = output.stderr.replace(&self.id, "[KEY]");
        let lines = shown.lines().skip(1).filter_map(|line| line.strip_prefix("  "));
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// A token of the CI service with these claims, in a file.
    fn token(&self, claims: &serde_json::Value) -> String {
        let token = self.azure.control("token", claims)["token"].as_str().unwrap().to_owned();
        self.project.write("../token.jwt", &format!("{token}\n"));
        self.project.root().join("token.jwt").display().to_string()
    }

    /// An `az` that is logged in.
    fn az(&self, client: &str) {
        let login = self.azure.control("login", &json!({ "client": client }));
        let printed =
            json!({ "accessToken": login["token"], "expires_on": login["until"], "tokenType": "Bearer" });
        self.project.script("az", &format!("echo \"$@ in $PWD\" >> \"$HOME/az.log\"; echo '{printed}'"));
    }
}

const TENANT_ID: (&str, &str) = ("AZURE_TENANT_ID", TENANT);

#[test]
fn every_way_opens() {
    let Some(bench) = Bench::new() else { return };
    for name in ["client.pem", "client-rsa.pem"] {
        let path = bench.azure.file(name).display().to_string();
        bench.opens(&[TENANT_ID, ("AZURE_CLIENT_ID", "app-cert"), ("AZURE_CLIENT_CERTIFICATE_PATH", &path)]);
    }
    let token = bench.token(&json!({}));
    bench.opens(&[TENANT_ID, ("AZURE_CLIENT_ID", "app-workload"), ("AZURE_FEDERATED_TOKEN_FILE", &token)]);
    bench.opens(&[("AZURE_CLIENT_ID", "user-assigned")]);
    bench.opens(&[]);
    let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:8081/msi/token");
    bench.opens(&[endpoint, ("IDENTITY_HEADER", "app-service-header")]);
    for imds in ["no identity", "not azure", "silent"] {
        bench.azure.control("set", &json!({ "imds": imds }));
        bench.az("app");
        bench.opens(&[]);
    }
    let log = fs::read_to_string(bench.project.home().join("az.log")).unwrap();
    let line = "account get-access-token --output json --scope https://vault.azure.net/.default in /\n";
    assert_eq!(log, line.repeat(3));
}

#[test]
fn the_first_way_that_is_set_is_taken_and_settings_change_the_order() {
    let Some(bench) = Bench::new() else { return };
    bench.az("app-denied");
    // The machine's own identity opens; the secret, which goes first, does not.
    let wrong = [TENANT_ID, ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", "wrong")];
    assert!(bench.fails(&wrong).contains("from   client secret\n"));
    let settings = |chain: &str| {
        bench.project.write("../home/.config/sealeaf/config.toml", &format!("[azure]\nchain = [{chain}]\n"));
    };
    settings("\"managed_identity\"");
    bench.opens(&[("AZURE_CLIENT_SECRET", "wrong")]);
    settings("\"cli\", \"managed_identity\"");
    assert!(bench.fails(&[]).contains("from   Azure CLI\n"));
    settings("\"browser\"");
    expect_test::expect![[r#"
          ci ([KEY]): not allowed by your own settings
              call   finding an identity
              answer `browser` in `chain` under `[azure]` of your config.toml is no way to one
              try    one of client_secret, client_certificate, workload_identity, managed_identity, cli
    "#]]
    .assert_eq(&bench.fails_with(7, &[]));
}

#[test]
fn logins_that_fail_say_which_and_what_to_do() {
    let Some(bench) = Bench::new() else { return };
    let secret = |client, secret| [TENANT_ID, ("AZURE_CLIENT_ID", client), ("AZURE_CLIENT_SECRET", secret)];
    expect_test::expect![[r#"
          ci ([KEY]): the credentials are not accepted
              call   POST https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token
              as     application app, tenant 11111111-2222-3333-4444-555555555555
              from   client secret
              answer 401 invalid_client: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.
              try    AZURE_CLIENT_SECRET must be the secret's value, not its id; `az ad app credential reset` makes a new one
    "#]].assert_eq(&bench.fails(&secret("app", "wrong")));
    expect_test::expect![[r#"
          ci ([KEY]): the credentials are not accepted
              call   POST https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token
              as     application nobody, tenant 11111111-2222-3333-4444-555555555555
              from   client secret
              answer 400 unauthorized_client: AADSTS700016: Application with identifier 'nobody' was not found.
              try    AZURE_CLIENT_ID must be an application of the tenant AZURE_TENANT_ID
    "#]].assert_eq(&bench.fails(&secret("nobody", SECRET)));
    expect_test::expect![[r#"
          ci ([KEY]): the credentials have expired
              call   POST https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token
              as     application app-expired, tenant 11111111-2222-3333-4444-555555555555
              from   client secret
              answer 401 invalid_client: AADSTS7000222: The provided client secret keys are expired.
              try    `az ad app credential reset` makes a new secret for the application
    "#]].assert_eq(&bench.fails(&secret("app-expired", "old-secret-value")));
    let elsewhere =
        [("AZURE_TENANT_ID", "contoso.example"), ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", SECRET)];
    expect_test::expect![[r#"
          ci ([KEY]): the credentials are not accepted
              call   POST https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token
              as     application app, tenant contoso.example
              from   client secret
              answer 400 invalid_request: AADSTS90002: Tenant 'contoso.example' not found.
              try    AZURE_TENANT_ID must be a tenant of this cloud; for others than the public one AZURE_AUTHORITY_HOST names where to log in
    "#]].assert_eq(&bench.fails(&elsewhere));
    let other = bench.azure.file("other.pem").display().to_string();
    let certificate = [TENANT_ID, ("AZURE_CLIENT_ID", "app-cert"), ("AZURE_CLIENT_CERTIFICATE_PATH", &other)];
    expect_test::expect![[r#"
          ci ([KEY]): the credentials are not accepted
              call   POST https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token
              as     application app-cert, tenant 11111111-2222-3333-4444-555555555555
              from   client certificate
              answer 401 invalid_client: AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.
              try    add the certificate to the application: `az ad app credential reset --cert @FILE --append`
    "#]].assert_eq(&bench.fails(&certificate));
    expect_test::expect![[r#"
          ci ([KEY]): access denied
              call   POST [KEY]/decrypt
              as     application app-denied, object ef4a3b46-25f8-5b15-974e-dcedef259fea, tenant 11111111-2222-3333-4444-555555555555
              from   client secret
              answer 403 Forbidden (ForbiddenByRbac): Caller is not authorized to perform action on resource. Action: 'Microsoft.KeyVault/vaults/keys/decrypt/action' Assignment: (not found)
              try    grant the role `Key Vault Crypto User` on the vault, or the key permission `decrypt` in its access policy, for application app-denied, object ef4a3b46-25f8-5b15-974e-dcedef259fea, tenant 11111111-2222-3333-4444-555555555555
    "#]].assert_eq(&bench.fails(&secret("app-denied", SECRET)));
}

#[test]
fn tokens_of_others_that_do_not_fit_are_described_and_not_shown() {
    let Some(bench) = Bench::new() else { return };
    let workload = |claims| {
        let token = bench.token(&claims);
        bench.fails(&[TENANT_ID, ("AZURE_CLIENT_ID", "app-workload"), ("AZURE_FEDERATED_TOKEN_FILE", &token)])
    };
    expect_test::expect![[r#"
          ci ([KEY]): the credentials are not accepted
              call   POST https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token
              as     application app-workload, tenant 11111111-2222-3333-4444-555555555555
              from   workload identity
              answer 401 invalid_client: AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:org/name:pull_request'.
              try    give the application a federated credential with exactly what the token says: issuer `https://ci.example`, subject `repo:org/name:pull_request`, audience `api://AzureADTokenExchange`
    "#]].assert_eq(&workload(json!({ "sub": "repo:org/name:pull_request" })));
    expect_test::expect![[r#"
          ci ([KEY]): the credentials have expired
              call   POST https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token
              as     application app-workload, tenant 11111111-2222-3333-4444-555555555555
              from   workload identity
              answer 401 invalid_client: AADSTS700024: Client assertion is not within its valid time range.
              try    is this machine's clock right? Else the token is too old, or too new
    "#]].assert_eq(&workload(json!({ "nbf": 1, "exp": 2 })));
    let missing = [TENANT_ID, ("AZURE_CLIENT_ID", "app"), ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token")];
    expect_test::expect![[r#"
          ci ([KEY]): no credentials found
              call   reading AZURE_FEDERATED_TOKEN_FILE
              as     application app, tenant 11111111-2222-3333-4444-555555555555
              from   workload identity
              answer /nowhere/token is not there
              try    the platform puts the token there; is the volume mounted?
    "#]]
    .assert_eq(&bench.fails(&missing));
}

#[test]
fn without_any_identity_each_way_says_why() {
    let Some(bench) = Bench::new() else { return };
    bench.azure.control("set", &json!({ "imds": "no identity" }));
    expect_test::expect![[r#"
          ci ([KEY]): no credentials found
              call   a token for https://vault.azure.net
              from   client secret: AZURE_CLIENT_SECRET is set but AZURE_TENANT_ID is not; client certificate: AZURE_CLIENT_CERTIFICATE_PATH is not set; workload identity: AZURE_FEDERATED_TOKEN_FILE is not set; managed identity: this machine has no such identity (400 invalid_request: Identity not found); Azure CLI: `az` is not on PATH
              try    `az login`; in a pipeline AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE
    "#]].assert_eq(&bench.fails(&[("AZURE_CLIENT_SECRET", SECRET)]));
    bench.project.script("az", "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    let told = bench.fails(&[]);
    assert!(told.contains("Azure CLI: ERROR: Please run 'az login' to setup account.\n"), "{told}");
    bench.project.script(
        "az",
        "echo 'ERROR: AADSTS50078: Presented multi-factor authentication has expired.' >&2; exit 1",
    );
    expect_test::expect![[r#"
          ci ([KEY]): the credentials have expired
              call   [ROOT]/bin/az account get-access-token
              from   Azure CLI
              answer ERROR: AADSTS50078: Presented multi-factor authentication has expired.
              try    `az login`
    "#]]
    .assert_eq(&bench.fails(&[]));
}

#[test]
fn explain_shows_the_ways_and_which_one_is_used() {
    let Some(bench) = Bench::new() else { return };
    let explain = |variables: &[(&str, &str)]| {
        let output = run(&bench.azure, &bench.project, variables, &["explain", "a.yaml"]);
        assert!(!output.stdout.contains(SECRET) && !output.stdout.contains("eyJ"), "{}", output.stdout);
        output.stdout.replace(&bench.id, "[KEY]")
    };
    expect_test::expect![[r#"
        a.yaml: sealed
        configuration  .sealeaf.toml
        rule           1, line 6, by `**`
        modes          integrity linked, cleartext bound, comments plain, padding buckets
        who can read
          ci  azure_kv  [KEY]
        can you open it
          ci: yes
            step   client secret: AZURE_CLIENT_SECRET is set, for application app, tenant 11111111-2222-3333-4444-555555555555 (used)
            step   client certificate: not needed
            step   workload identity: not needed
            step   managed identity: not needed
            step   Azure CLI: not needed
        values
          sealed  k  encrypt `**`
    "#]].assert_eq(&explain(&APP));
    bench.azure.control("set", &json!({ "imds": "silent" }));
    expect_test::expect![[r#"
        a.yaml: sealed (not verified)
        configuration  .sealeaf.toml
        rule           1, line 6, by `**`
        modes          integrity linked, cleartext bound, comments plain, padding buckets
        who can read
          ci  azure_kv  [KEY]
        can you open it
          ci: no: no credentials found
            call   a token for https://vault.azure.net
            from   client secret: AZURE_CLIENT_SECRET is set but AZURE_TENANT_ID is not; client certificate: AZURE_CLIENT_CERTIFICATE_PATH is not set; workload identity: AZURE_FEDERATED_TOKEN_FILE is not set; managed identity: no answer of 169.254.169.254 in 300 ms; Azure CLI: `az` is not on PATH
            try    `az login`; in a pipeline AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE
            step   client secret: AZURE_CLIENT_SECRET is set but AZURE_TENANT_ID is not
            step   client certificate: AZURE_CLIENT_CERTIFICATE_PATH is not set
            step   workload identity: AZURE_FEDERATED_TOKEN_FILE is not set
            step   managed identity: no answer of 169.254.169.254 in 300 ms
            step   Azure CLI: `az` is not on PATH
        values
          sealed  k  encrypt `**`
    "#]].assert_eq(&explain(&[("AZURE_CLIENT_SECRET", SECRET)]));
}
