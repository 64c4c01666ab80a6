//! Everything that goes wrong: what the real server can do wrong, it does.

use sealeaf::keys::contract::trouble::{TROUBLES, Trouble, Troubled, unwrapping_fails, wrapping_fails};

use super::{
    Bench, Cause, Failure, Stanza, Vault, base64, goes_round, id, json, recipient, unwrap, user, wrap,
};
use crate::support::servers::{Server, free_port};
use crate::support::{Fault, Proxy};

const QUICK: &str = "[network]\nattempts = 2\ntimeout = 20\n";

/// The failures of unwrapping, and of wrapping where the trouble is the same there.
fn meets(
    trouble: Trouble,
    variables: &[(&str, &str)],
    settings: &str,
    stanza: &Stanza,
    both: bool,
) -> Failure {
    let token = variables.iter().find(|(name, _)| *name == "VAULT_TOKEN").map_or("none", |(_, token)| *token);
    user(variables, settings, |run| {
        let troubled = Troubled { run, stanza: stanza.clone(), hidden: &[token] };
        if both {
            wrapping_fails(&Vault, trouble, &stanza.recipient.key, &troubled);
        }
        unwrapping_fails(&Vault, trouble, &troubled)
    })
}

#[test]
fn what_the_server_refuses() {
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    let token = |policy: &str| bench.token(&json!({ "policies": [policy], "display_name": "ci" }));
    let stanza = bench.wrapped("app");
    let root = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];

    let mut foreign = bench.wrapped("foreign");
    foreign.recipient = recipient(&bench.id("app"));
    let failure = meets(Trouble::WrongKey, &root, QUICK, &foreign, false);
    assert_eq!(failure.answer.as_deref(), Some("400 cipher: message authentication failed"));

    for name in ["rsa", "another"] {
        bench.root(&format!("transit/keys/{name}"), &json!({ "type": "rsa-2048" }));
    }
    let mut other = bench.wrapped("another");
    other.recipient = recipient(&bench.id("rsa"));
    let failure = meets(Trouble::WrongKey, &root, QUICK, &other, false);
    assert!(failure.answer.unwrap().starts_with("500 failed to RSA decrypt"));

    bench.root("transit/keys/old", &json!({}));
    let old = bench.wrapped("old");
    bench.root("transit/keys/old/rotate", &json!({}));
    bench.root("transit/keys/old/config", &json!({ "min_decryption_version": 2 }));
    let failure = meets(Trouble::Disabled, &root, QUICK, &old, false);
    assert!(failure.hint.unwrap().contains("min_decryption_version"));

    bench.policy("seals", &["transit/encrypt/app"]);
    let seals = token("seals");
    let denied = [root[0], ("VAULT_TOKEN", seals.as_str())];
    let failure = meets(Trouble::Denied, &denied, QUICK, &stanza, false);
    assert_eq!(failure.principal.as_deref(), Some("token-ci (policies default, seals)"));
    assert_eq!(failure.identity.as_deref(), Some("VAULT_TOKEN"));
    assert_eq!(
        failure.hint.as_deref(),
        Some("grant it in one of its policies: path \"transit/decrypt/app\" { capabilities = [\"update\"] }")
    );
    user(&denied, QUICK, |run| wrap(run, &bench.id("app")).unwrap());
    let bare = bench.token(&json!({ "policies": ["seals"], "no_default_policy": true }));
    let failure = meets(Trouble::Denied, &[root[0], ("VAULT_TOKEN", &bare)], QUICK, &stanza, false);
    assert_eq!(failure.principal.as_deref(), Some("a token that may not look itself up"));

    meets(Trouble::NoCredentials, &root[..1], QUICK, &stanza, true);
    meets(Trouble::BadCredentials, &[root[0], ("VAULT_TOKEN", "hvs.nonsense")], QUICK, &stanza, true);
    let revoked = token("app");
    user(&[root[0], ("VAULT_TOKEN", &revoked)], QUICK, |run| {
        goes_round(run, &bench.id("app")).unwrap();
        bench.root("auth/token/revoke", &json!({ "token": revoked }));
        let failure = goes_round(run, &bench.id("app")).unwrap_err();
        assert_eq!(failure.cause, Cause::Unauthenticated);
        assert!(failure.hint.unwrap().contains("expired"));
    });

    bench.root("transit/keys/gone", &json!({}));
    let gone = bench.wrapped("gone");
    bench.root("transit/keys/gone/config", &json!({ "deletion_allowed": true }));
    assert_eq!(bench.server.vault("DELETE", "transit/keys/gone", "").0, 204);
    let failure = meets(Trouble::NotFound, &root, QUICK, &gone, false);
    assert!(failure.hint.unwrap().contains("bao write -f transit/keys/gone"));
    for engine in ["none", "secret"] {
        let elsewhere = recipient(&format!("{address}/v1/{engine}/keys/app"));
        let elsewhere = Stanza { recipient: elsewhere, ..stanza.clone() };
        let failure = meets(Trouble::NotFound, &root, QUICK, &elsewhere, true);
        assert!(failure.hint.unwrap().contains(&format!("no transit engine is mounted at `{engine}`")));
    }
}

#[test]
fn a_token_that_ends_by_itself() {
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    let token = bench.token(&json!({ "policies": ["app"], "ttl": "1s", "explicit_max_ttl": "1s" }));
    let header = [("X-Vault-Token", token.as_str())];
    while bench.server.http("GET", "/v1/auth/token/lookup-self", &header, "").0 == 200 {
        std::thread::yield_now();
    }
    let variables = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", &token)];
    meets(Trouble::BadCredentials, &variables, QUICK, &bench.wrapped("app"), true);
}

#[test]
fn a_quota_and_a_seal() {
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    let root = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];
    let stanza = bench.wrapped("app");
    bench.root("sys/quotas/config", &json!({ "enable_rate_limit_response_headers": true }));
    bench.root("sys/quotas/rate-limit/q", &json!({ "rate": 1, "interval": "1h", "path": "transit" }));
    user(&root, QUICK, |run| unwrap(run, &stanza).unwrap());
    let failure = meets(Trouble::Throttled, &root, QUICK, &stanza, true);
    assert!(failure.after.is_some(), "{failure}");
    assert_eq!(bench.server.vault("DELETE", "sys/quotas/rate-limit/q", "").0, 204);
    user(&root, QUICK, |run| unwrap(run, &stanza).unwrap());

    bench.root("sys/seal", &json!({}));
    let proxy = Proxy::before(Some(bench.server.port));
    let url = proxy.url();
    let sealed = Stanza { recipient: recipient(&id(&url, "app")), ..stanza };
    let failure = meets(Trouble::Unavailable, &[("VAULT_ADDR", &url), root[1]], QUICK, &sealed, false);
    assert!(failure.hint.unwrap().contains("operator unseal"));
    assert_eq!(proxy.asked().len(), 1, "a sealed server is asked once");
}

#[test]
fn what_happens_on_the_way() {
    let Some(bench) = Bench::new() else { return };
    let proxy = Proxy::before(Some(bench.server.port));
    let url = proxy.url();
    let variables = [("VAULT_ADDR", url.as_str()), ("VAULT_TOKEN", "root")];
    let stanza = Stanza { recipient: recipient(&id(&url, "app")), ..bench.wrapped("app") };
    let json = |text: &str| Fault::Answer(200, "application/json", text.to_owned());
    let plaintext =
        |length: usize| json(&format!("{{\"data\":{{\"plaintext\":\"{}\"}}}}", base64(&vec![1; length])));
    let once = "[network]\nattempts = 1\ntimeout = 20\n";
    let replaced = |from: &str, to: &str| Fault::Replace(from.to_owned(), to.to_owned());
    let html = || Fault::Answer(200, "text/html", "<html>log in</html>".to_owned());
    for (trouble, fault, both) in [
        (Trouble::Reset, Fault::Reset, true),
        (Trouble::Reset, Fault::Cut(10), true),
        (Trouble::Malformed, json("{}"), true),
        (Trouble::Malformed, json("{\"data\":null}"), true),
        (Trouble::Malformed, json("{\"data\":{\"plaintext\":1,\"ciphertext\":1}}"), true),
        (Trouble::Malformed, json("{\"data\":{\"plaintext\":\"!\",\"ciphertext\":\"vault:v1:!\"}}"), true),
        (Trouble::Malformed, json("{\"data\":{\"plaintext\":\"AA\",\"ciphertext\":\"AAAA\"}}"), true),
        (Trouble::Malformed, html(), true),
        (Trouble::Malformed, Fault::Answer(418, "text/plain", "tea".to_owned()), true),
        (Trouble::Malformed, replaced("\"data\"", "\"date\""), true),
        (Trouble::WrongLength, plaintext(0), false),
        (Trouble::WrongLength, plaintext(257), false),
        (Trouble::WrongLength, plaintext(5000), false),
        (Trouble::Huge, json(&"x".repeat(300 << 10)), true),
        (Trouble::Unavailable, Fault::Answer(500, "text/html", "broken".to_owned()), true),
        (Trouble::Unavailable, Fault::Answer(473, "application/json", "{\"errors\":[]}".to_owned()), true),
        (Trouble::Throttled, Fault::Answer(429, "text/plain", "slow".to_owned()), true),
    ] {
        proxy.next("POST /v1/transit/", fault.clone());
        if both {
            proxy.next("POST /v1/transit/", fault);
        }
        meets(trouble, &variables, once, &stanza, both);
        assert_eq!(proxy.reset(), 0, "{trouble:?}");
    }
    proxy.next("POST", Fault::Silence);
    let failure = meets(Trouble::Slow, &variables, "[network]\nattempts = 1\ntimeout = 1\n", &stanza, false);
    assert!(failure.call.starts_with("POST http://127.0.0.1:"), "{failure}");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let refused = Stanza { recipient: recipient(&id(&nobody, "app")), ..stanza };
    meets(Trouble::Refused, &[("VAULT_ADDR", &nobody), variables[1]], QUICK, &refused, true);
    // What a service of this kind cannot do: there is no context.
    let met = |trouble: &Trouble| *trouble != Trouble::WrongContext;
    assert_eq!(TROUBLES.iter().filter(|(trouble, _)| met(trouble)).count(), TROUBLES.len() - 1);
}

#[test]
fn what_passes_is_tried_again() {
    let Some(bench) = Bench::new() else { return };
    let proxy = Proxy::before(Some(bench.server.port));
    let url = proxy.url();
    user(&[("VAULT_ADDR", &url), ("VAULT_TOKEN", "root")], "", |run| {
        proxy.next("encrypt", Fault::Reset);
        proxy.next("encrypt", Fault::Answer(500, "text/plain", String::new()));
        proxy.next("encrypt", Fault::Answer(429, "text/plain", String::new()));
        goes_round(run, &id(&url, "app")).unwrap();
        assert_eq!(proxy.reset(), 0);
    });
}

#[test]
fn errors_repeat_no_secret_that_an_answer_holds() {
    let Some(bench) = Bench::new() else { return };
    let proxy = Proxy::before(Some(bench.server.port));
    let url = proxy.url();
    let token = bench.token(&json!({ "policies": ["app"] }));
    let stanza = Stanza { recipient: recipient(&id(&url, "app")), ..bench.wrapped("app") };
    let wrapped = String::from_utf8(stanza.wrapped.clone()).unwrap();
    for (status, told) in [(400, &token), (403, &token), (400, &wrapped), (418, &token)] {
        let body = json!({ "errors": [format!("no: {told}")] }).to_string();
        proxy.next("decrypt", Fault::Answer(status, "application/json", body));
        user(&[("VAULT_ADDR", &url), ("VAULT_TOKEN", &token)], "", |run| {
            let failure = unwrap(run, &stanza).unwrap_err().to_string();
            assert!(!failure.contains(told.as_str()), "{status}");
        });
    }
}

#[test]
fn the_servers_certificate_is_checked() {
    let Some(bench) = Bench::tls() else { return };
    let address = bench.server.url();
    let stanza = bench.wrapped("app");
    let authority = bench.server.authority();
    let authority = authority.to_str().unwrap();
    let root = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];
    let failure = user(&root, "", |run| unwrap(run, &stanza)).unwrap_err();
    assert_eq!(failure.cause, Cause::Unreachable);
    assert!(failure.hint.unwrap().contains("ca_file"));
    for name in ["VAULT_CACERT", "BAO_CACERT"] {
        user(&[root[0], root[1], (name, authority)], "", |run| goes_round(run, &bench.id("app")).unwrap());
    }
    let pem = std::fs::read_to_string(authority).unwrap();
    user(&[root[0], root[1], ("VAULT_CACERT_BYTES", &pem)], "", |run| {
        goes_round(run, &bench.id("app")).unwrap();
    });
    let settings = format!("[[vault.servers]]\naddress = \"{address}\"\nca_file = \"{authority}\"\n");
    user(&root, &settings, |run| goes_round(run, &bench.id("app")).unwrap());
    // For another name than the certificate's.
    let other = address.replace("127.0.0.1", "localhost");
    let other_id = id(&other, "app");
    let named = [("VAULT_ADDR", other.as_str()), root[1], ("VAULT_CACERT", authority)];
    let answer = user(&named, "", |run| goes_round(run, &other_id));
    assert!(answer.is_ok() || answer.unwrap_err().cause == Cause::Unreachable);
    // Another authority.
    let Some(stranger) = Server::openbao_tls() else { return };
    let wrong = stranger.authority();
    let named = [root[0], root[1], ("VAULT_CACERT", wrong.to_str().unwrap())];
    assert_eq!(user(&named, "", |run| unwrap(run, &stanza)).unwrap_err().cause, Cause::Unreachable);
    for (name, value, says) in [
        ("VAULT_CACERT", "/nonexistent", "VAULT_CACERT cannot be used"),
        ("VAULT_CACERT", "/etc/hostname", "VAULT_CACERT cannot be used"),
        ("VAULT_SKIP_VERIFY", "true", "VAULT_SKIP_VERIFY is set"),
        ("BAO_SKIP_VERIFY", "1", "BAO_SKIP_VERIFY is set"),
    ] {
        let failure = user(&[root[0], root[1], (name, value)], "", |run| unwrap(run, &stanza)).unwrap_err();
        assert!(failure.answer.as_deref().is_some_and(|answer| answer.contains(says)), "{failure}");
    }
    // Who speaks no TLS at all.
    let plain = Proxy::before(None);
    let address = format!("https://127.0.0.1:{}", plain.port);
    let stanza = Stanza { recipient: recipient(&id(&address, "app")), ..stanza };
    let failure = user(&[("VAULT_ADDR", &address), root[1]], "", |run| unwrap(run, &stanza)).unwrap_err();
    assert_eq!(failure.cause, Cause::Unreachable, "{failure}");
}
