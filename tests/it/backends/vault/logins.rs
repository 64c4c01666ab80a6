//! Ways to a token: files, and each login against the real server.

use super::addresses::put;
use super::{Bench, Cause, Value, cause, goes_round, id, json, unwrap, user};
use crate::support::{Fault, Proxy};

/// The server in `config.toml`, with a login.
fn settings(address: &str, login: &str) -> String {
    format!("[[vault.servers]]\naddress = \"{address}\"\nlogin = {{ {login} }}\n")
}

/// How often was logged in.
fn logins(proxy: &Proxy) -> usize {
    proxy.asked().iter().filter(|asked| asked.line.ends_with("/login")).count()
}

#[test]
fn the_token_file_is_read_and_may_be_older_than_a_login() {
    let Some(bench) = Bench::new() else { return };
    let (address, home) = (bench.server.url(), tempfile::tempdir().unwrap());
    let token = bench.token(&json!({ "policies": ["app"] }));
    let (file, other) = (home.path().join(".vault-token"), home.path().join("other"));
    let own = [("VAULT_ADDR", address.as_str()), ("HOME", home.path().to_str().unwrap())];
    put(&file, &format!("{token}\n"));
    user(&own, "", |run| goes_round(run, &bench.id("app")).unwrap());
    let named = "[[vault.servers]]\naddress = \"[ADDRESS]\"\n".replace("[ADDRESS]", &address);
    user(&own[1..], &named, |run| goes_round(run, &bench.id("app")).unwrap());
    put(&other, &token);
    put(&file, "stale");
    for name in ["BAO_TOKEN_PATH", "VAULT_TOKEN_PATH"] {
        let own = [own[0], own[1], (name, other.to_str().unwrap())];
        user(&own, "", |run| goes_round(run, &bench.id("app")).unwrap());
    }
    user(&own, "", |run| assert_eq!(cause(goes_round(run, &bench.id("app"))), Cause::Unauthenticated));
    let secret_id = approle(&bench, &json!({}));
    put(&other, &secret_id);
    let login = settings(&address, "method = \"approle\", role_id = \"ci\", secret_id_file = \"~/other\"");
    user(&own, &login, |run| goes_round(run, &bench.id("app")).unwrap());
    for text in ["", "two\nlines"] {
        put(&file, text);
        user(&own, "", |run| assert_eq!(cause(goes_round(run, &bench.id("app"))), Cause::NoCredentials));
    }
}

/// Makes the role `ci` with that, and gives a secret id.
fn approle(bench: &Bench, more: &Value) -> String {
    bench.root("sys/auth/approle", &json!({ "type": "approle" }));
    let mut role = json!({ "token_policies": ["app"], "role_id": "ci" });
    role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bench.root("auth/approle/role/ci", &role);
    bench.root("auth/approle/role/ci/secret-id", &json!({}))["data"]["secret_id"].as_str().unwrap().to_owned()
}

#[test]
fn approle_logs_in_once_in_a_run() {
    let Some(bench) = Bench::new() else { return };
    let (proxy, folder) = (Proxy::before(Some(bench.server.port)), tempfile::tempdir().unwrap());
    let (url, file) = (proxy.url(), folder.path().join("secret-id"));
    let secret = approle(&bench, &json!({ "secret_id_num_uses": 1 }));
    put(&file, &format!("{secret}\n"));
    let login = settings(
        &url,
        &format!("method = \"approle\", role_id = \"ci\", secret_id_file = \"{}\"", file.display()),
    );
    let key = id(&url, "app");
    user(&[], &login, |run| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| goes_round(run, &key).unwrap());
            }
        });
        assert_eq!(logins(&proxy), 1);
    });
    // The secret id is used up.
    user(&[], &login, |run| {
        for _ in 0..3 {
            let failure = goes_round(run, &key).unwrap_err();
            assert_eq!(failure.cause, Cause::Unauthenticated);
            assert_eq!(failure.call, format!("POST {url}/v1/auth/approle/login"));
            assert_eq!(failure.identity.as_deref(), Some("login by approle at auth/approle (config.toml)"));
            assert!(failure.hint.as_deref().unwrap().contains("give a new secret id"), "{failure}");
            assert!(!failure.to_string().contains(&secret));
        }
        assert_eq!(logins(&proxy), 2, "a refused login is not tried again");
    });
    user(&[], &login.replace("secret-id", "none"), |run| {
        assert_eq!(cause(goes_round(run, &key)), Cause::NoCredentials);
    });
    user(&[], &login.replace(&*file.display().to_string(), "relative"), |run| {
        assert!(goes_round(run, &key).unwrap_err().answer.unwrap().contains("no whole path"));
    });
}

#[test]
fn a_login_that_ends_in_a_run_is_made_anew() {
    let Some(bench) = Bench::new() else { return };
    let (proxy, folder) = (Proxy::before(Some(bench.server.port)), tempfile::tempdir().unwrap());
    let (url, file) = (proxy.url(), folder.path().join("secret-id"));
    put(&file, &approle(&bench, &json!({ "token_num_uses": 2 })));
    let login = settings(
        &url,
        &format!("method = \"approle\", role_id = \"ci\", secret_id_file = \"{}\"", file.display()),
    );
    user(&[], &login, |run| {
        for _ in 0..3 {
            goes_round(run, &id(&url, "app")).unwrap();
        }
    });
    assert_eq!(logins(&proxy), 3);
    // A login that works at first and is refused later says so.
    proxy.reset();
    user(&[], &login, |run| {
        goes_round(run, &id(&url, "app")).unwrap();
        proxy.next(
            "login",
            Fault::Answer(400, "application/json", "{\"errors\":[\"invalid role or secret ID\"]}".into()),
        );
        assert_eq!(cause(goes_round(run, &id(&url, "app"))), Cause::Unauthenticated);
    });
    for (fault, expect) in [
        (Fault::Answer(200, "application/json", "{\"auth\":null}".into()), Cause::Unauthenticated),
        (
            Fault::Answer(200, "application/json", "{\"auth\":{\"client_token\":\"\"}}".into()),
            Cause::Unauthenticated,
        ),
        (Fault::Answer(200, "text/html", "<html>".into()), Cause::Malformed),
        (Fault::Answer(200, "application/json", "x".repeat(300 << 10)), Cause::Malformed),
        (
            Fault::Answer(503, "application/json", "{\"errors\":[\"Vault is sealed\"]}".into()),
            Cause::Unavailable,
        ),
        (
            Fault::Answer(200, "application/json", "{\"auth\":{\"client_token\":\"a\\u000ab\"}}".into()),
            Cause::Malformed,
        ),
    ] {
        proxy.next("login", fault);
        user(&[], &login, |run| assert_eq!(cause(goes_round(run, &id(&url, "app"))), expect));
    }
    // What passes is tried again.
    proxy.next("login", Fault::Reset);
    proxy.next("login", Fault::Answer(500, "text/plain", String::new()));
    user(&[], &login, |run| goes_round(run, &id(&url, "app")).unwrap());
    let none = login.replace("method = \"approle\"", "method = \"approle\", mount = \"none\"");
    let failure = user(&[], &none, |run| goes_round(run, &id(&url, "app"))).unwrap_err();
    assert_eq!(failure.cause, Cause::Unauthenticated);
    assert!(failure.hint.as_deref().unwrap().contains("mounted at auth/none"), "{failure}");
    let odd = login.replace("method = \"approle\"", "method = \"approle\", mount = \"../sys\"");
    user(&[], &odd, |run| assert_eq!(cause(goes_round(run, &id(&url, "app"))), Cause::NotAllowed));
}

/// A token signed by the server's own key, and the public half of that.
fn signed(bench: &Bench, claims: &Value) -> (String, String) {
    let url_safe = |bytes: &[u8]| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    };
    let head = json!({ "alg": "ES256", "typ": "JWT" }).to_string();
    let text = format!("{}.{}", url_safe(head.as_bytes()), url_safe(claims.to_string().as_bytes()));
    if bench.server.vault("GET", "transit/keys/signer", "").0 == 404 {
        bench.root("transit/keys/signer", &json!({ "type": "ecdsa-p256" }));
    }
    let asked = json!({ "input": super::base64(text.as_bytes()), "marshaling_algorithm": "jws" });
    let answer = bench.root("transit/sign/signer", &asked);
    let signature = answer["data"]["signature"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let public =
        bench.server.held("transit/keys/signer")["keys"]["1"]["public_key"].as_str().unwrap().to_owned();
    (format!("{text}.{signature}"), public)
}

/// Claims with the times of a token that is valid now.
fn valid(claims: Value) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = claims;
    let times = json!({ "iat": now - 60, "nbf": now - 60, "exp": now + 3600 });
    claims.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
    claims
}

#[test]
fn jwt_with_the_right_claims() {
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    let claims = |project: &str| valid(json!({ "sub": "job", "aud": "vault", "project": project }));
    let (right, public) = signed(&bench, &claims("app"));
    let (wrong, _) = signed(&bench, &claims("other"));
    bench.root("sys/auth/ci/jobs", &json!({ "type": "jwt" }));
    bench.root("auth/ci/jobs/config", &json!({ "jwt_validation_pubkeys": [public], "default_role": "app" }));
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"],
        "bound_claims": { "project": "app" }, "token_policies": ["app"],
    });
    bench.root("auth/ci/jobs/role/app", &role);
    let by_variable = settings(
        &address,
        "method = \"jwt\", mount = \"ci/jobs\", role = \"app\", token_variable = \"ID_TOKEN\"",
    );
    user(&[("ID_TOKEN", &right)], &by_variable, |run| goes_round(run, &bench.id("app")).unwrap());
    let failure =
        user(&[("ID_TOKEN", &wrong)], &by_variable, |run| goes_round(run, &bench.id("app"))).unwrap_err();
    assert_eq!(failure.cause, Cause::Unauthenticated);
    assert!(failure.answer.as_deref().unwrap().contains("claim \"project\""), "{failure}");
    assert_eq!(failure.principal.as_deref(), Some("sub job, aud vault"));
    assert!(
        failure.hint.as_deref().unwrap().contains("bound_claims") && !failure.to_string().contains(&wrong)
    );
    let forged = format!("{}x", right.trim_end_matches(|c: char| c != '.'));
    user(&[("ID_TOKEN", &forged)], &by_variable, |run| {
        assert_eq!(cause(goes_round(run, &bench.id("app"))), Cause::Unauthenticated);
    });
    user(&[], &by_variable, |run| assert_eq!(cause(goes_round(run, &bench.id("app"))), Cause::NoCredentials));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    put(&file, &right);
    let by_file = settings(
        &address,
        &format!("method = \"jwt\", mount = \"ci/jobs\", token_file = \"{}\"", file.display()),
    );
    user(&[], &by_file, |run| goes_round(run, &bench.id("app")).unwrap());
    let nothing = settings(&address, "method = \"jwt\", mount = \"ci/jobs\"");
    user(&[], &nothing, |run| assert_eq!(cause(goes_round(run, &bench.id("app"))), Cause::NoCredentials));
}

#[test]
fn kubernetes_with_a_cluster_that_knows_the_pod() {
    let Some(bench) = Bench::new() else { return };
    let (address, cluster) = (bench.server.url(), Proxy::before(None));
    let claims = valid(json!({
        "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:prod:app",
        "kubernetes.io": { "namespace": "prod", "serviceaccount": { "name": "app", "uid": "u-1" } },
    }));
    let (token, _) = signed(&bench, &claims);
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "status": { "authenticated": true, "user": { "username": "system:serviceaccount:prod:app", "uid": "u-1" } },
    });
    bench.root("sys/auth/kubernetes", &json!({ "type": "kubernetes" }));
    bench.root("sys/mounts/pki", &json!({ "type": "pki" }));
    let made =
        bench.root("pki/root/generate/internal", &json!({ "common_name": "cluster", "key_type": "ec" }));
    let config = json!({
        "kubernetes_host": cluster.url(), "disable_local_ca_jwt": true,
        "kubernetes_ca_cert": made["data"]["certificate"],
    });
    bench.root("auth/kubernetes/config", &config);
    let role = |namespace: &str| {
        let role = json!({
            "bound_service_account_names": ["app"], "bound_service_account_namespaces": [namespace],
            "token_policies": ["app"],
        });
        bench.root("auth/kubernetes/role/app", &role);
    };
    role("prod");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    put(&file, &token);
    let login = settings(
        &address,
        &format!("method = \"kubernetes\", role = \"app\", token_file = \"{}\"", file.display()),
    );
    cluster.next("tokenreviews", Fault::Answer(201, "application/json", review.to_string()));
    user(&[], &login, |run| goes_round(run, &bench.id("app")).unwrap());
    assert_eq!(cluster.asked().len(), 1);
    role("other");
    let failure = user(&[], &login, |run| goes_round(run, &bench.id("app"))).unwrap_err();
    assert_eq!(failure.cause, Cause::Unauthenticated, "{failure}");
    assert!(
        failure.hint.as_deref().unwrap().contains("service account") && !failure.to_string().contains(&token)
    );
    role("prod");
    let refused = json!({ "status": { "authenticated": false, "error": "no such token" } });
    cluster.next("tokenreviews", Fault::Answer(201, "application/json", refused.to_string()));
    let answer = user(&[], &login, |run| goes_round(run, &bench.id("app")));
    assert!(matches!(cause(answer), Cause::Unauthenticated | Cause::Unavailable));
}

#[test]
fn a_machines_certificate_over_tls() {
    let Some(bench) = Bench::tls() else { return };
    let address = bench.server.url();
    bench.root("sys/mounts/pki", &json!({ "type": "pki" }));
    let made =
        bench.root("pki/root/generate/internal", &json!({ "common_name": "machines", "key_type": "ec" }));
    bench.root(
        "pki/roles/machine",
        &json!({ "allow_any_name": true, "enforce_hostnames": false, "key_type": "ec" }),
    );
    let issue = |name: &str| {
        bench.root("pki/issue/machine", &json!({ "common_name": name, "ttl": "1h" }))["data"].clone()
    };
    bench.root("sys/auth/cert", &json!({ "type": "cert" }));
    let role = json!({
        "certificate": made["data"]["certificate"], "allowed_common_names": ["builder"], "token_policies": ["app"],
    });
    bench.root("auth/cert/certs/builders", &role);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["builder", "other"] {
        let issued = issue(name);
        put(path(&format!("{name}.pem")).as_ref(), issued["certificate"].as_str().unwrap());
        put(path(&format!("{name}.key")).as_ref(), issued["private_key"].as_str().unwrap());
    }
    let login = |name: &str| {
        let cert = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        let login = format!(
            "method = \"cert\", role = \"builders\", cert_file = \"{}\", key_file = \"{}\"",
            cert.0, cert.1
        );
        let ca = bench.server.authority();
        format!("{}ca_file = \"{}\"\n", settings(&address, &login), ca.display())
    };
    user(&[], &login("builder"), |run| goes_round(run, &bench.id("app")).unwrap());
    let failure = user(&[], &login("other"), |run| goes_round(run, &bench.id("app"))).unwrap_err();
    assert_eq!(failure.cause, Cause::Unauthenticated, "{failure}");
    assert!(failure.hint.as_deref().unwrap().contains("compare the certificate"));
    let failure = user(&[], &login("none"), |run| goes_round(run, &bench.id("app"))).unwrap_err();
    assert_eq!(failure.cause, Cause::NoCredentials, "{failure}");
    let swapped = login("builder").replace("builder.key", "other.key");
    assert!(user(&[], &swapped, |run| goes_round(run, &bench.id("app"))).is_err());
    // The same certificate by the variables of Vault's own client, with a token.
    let ca = bench.server.authority();
    let variables = [
        ("VAULT_ADDR", address.as_str()),
        ("VAULT_TOKEN", "root"),
        ("VAULT_CACERT", ca.to_str().unwrap()),
        ("VAULT_CLIENT_CERT", &path("builder.pem")),
        ("VAULT_CLIENT_KEY", &path("builder.key")),
    ];
    user(&variables, "", |run| unwrap(run, &bench.wrapped("app")).unwrap());
}
