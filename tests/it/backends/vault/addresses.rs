//! Where a token goes, and where it does not: recorders that must stay empty.

use super::{Bench, Cause, cause, goes_round, id, json, recipient, unwrap, user};
use crate::support::servers::free_port;
use crate::support::{Fault, Proxy};
use sealeaf::keys::{Run, Stanza};

const TOKEN: &str = "hvs.CAESIJtoken";

fn stanza(id: &str) -> Stanza {
    Stanza {
        recipient: recipient(id),
        wrapped: b"vault:v1:aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8=".to_vec(),
    }
}

/// Tries both ways; gives the hint.
#[track_caller]
fn is_refused(run: &Run<'_>, id: &str) -> String {
    assert_eq!(cause(goes_round(run, id)), Cause::NotAllowed);
    let failure = unwrap(run, &stanza(id)).unwrap_err();
    assert_eq!(failure.cause, Cause::NotAllowed);
    assert!(!failure.to_string().contains(TOKEN));
    failure.hint.unwrap()
}

#[test]
fn ac_39_a_token_goes_to_no_address_that_only_a_file_names() {
    let recorder = Proxy::before(None);
    let (url, id) = (recorder.url(), id(&recorder.url(), "app"));
    let home = tempfile::tempdir().unwrap();
    put(&home.path().join(".vault-token"), TOKEN);
    let home = home.path().to_str().unwrap();
    let line = format!(
        "if that is your Vault, set VAULT_ADDR={url}, or add to your config.toml: `[[vault.servers]]` and below it `address = \"{url}\"`"
    );
    for variables in [
        &[("VAULT_TOKEN", TOKEN), ("BAO_TOKEN", TOKEN)][..],
        &[("HOME", home)],
        &[("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", "https://vault.good.example")],
        &[("VAULT_TOKEN", TOKEN), ("BAO_ADDR", "https://vault.good.example")],
        // What cannot be read names nobody.
        &[("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", "nonsense")],
        &[("VAULT_TOKEN", TOKEN), ("SOPS_HC_VAULT_ALLOWLIST", "all")],
    ] {
        user(variables, "", |run| assert_eq!(is_refused(run, &id), line));
        let settings = "[[vault.servers]]\naddress = \"https://vault.good.example\"\n";
        user(variables, settings, |run| assert_eq!(is_refused(run, &id), line));
    }
    assert!(recorder.asked().is_empty());
    // A server with a login of its own does not get the token that belongs to another one.
    let settings = format!("[[vault.servers]]\naddress = \"{url}\"\n");
    let variables = [("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", "https://vault.good.example"), ("HOME", home)];
    user(&variables, &settings, |run| {
        let failure = unwrap(run, &stanza(&id)).unwrap_err();
        assert_eq!(failure.cause, Cause::NoCredentials);
        assert!(failure.hint.unwrap().contains("belongs to VAULT_ADDR, which is https://vault.good.example"));
    });
    assert!(recorder.asked().is_empty());
    // And so that all this proves something: named, it is asked.
    user(&[("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", &url)], "", |run| unwrap(run, &stanza(&id)).unwrap_err());
    assert!(
        recorder
            .asked()
            .iter()
            .all(|asked| asked.headers.to_ascii_lowercase().contains(TOKEN.to_ascii_lowercase().as_str()))
    );
    assert!(!recorder.asked().is_empty());
}

#[test]
fn ac_40_look_alikes_of_an_allowed_host_get_nothing() {
    let recorder = Proxy::before(None);
    let port = recorder.port;
    let variables = [("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", &recorder.url())];
    user(&variables, "", |run| {
        for host in [
            format!("http://localhost:{port}"),
            format!("http://127.0.0.2:{port}"),
            format!("http://[::1]:{port}"),
            format!("https://127.0.0.1:{port}"),
            "http://127.0.0.1".to_owned(),
            format!("https://127.0.0.1.evil:{port}"),
        ] {
            is_refused(run, &id(&host, "app"));
        }
        for host in [
            format!("http://127.0.0.1.:{port}"),
            format!("http://good:{port}@127.0.0.1:{port}"),
            format!("http://127.0.0.1:{port}@evil"),
            format!("http://127.1:{port}"),
            format!("http://0x7f000001:{port}"),
            format!("http://127.0.0.1:{port}\\.evil"),
            format!("http://127.0.0.1:{port}/../x"),
            format!("http://127.0.0.\u{661}:{port}"),
            format!("http://127.0.0.1:{port} "),
            format!(" http://127.0.0.1:{port}"),
        ] {
            let stanza = stanza(&id(&host, "app"));
            let error = sealeaf::keys::Keyring::new(run).unwrap(&[stanza], &super::context()).unwrap_err();
            let why = error.attempts[0].why.clone();
            assert!(why.contains("is no vault key"), "{host}: {why}");
        }
    });
    assert!(recorder.asked().is_empty());
}

#[test]
fn ac_40_a_redirect_is_not_followed() {
    let Some(bench) = Bench::new() else { return };
    let (standby, elsewhere) = (Proxy::before(Some(bench.server.port)), Proxy::before(None));
    let variables = [("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", &standby.url())];
    let stanza = stanza(&id(&standby.url(), "app"));
    let login = format!(
        "[[vault.servers]]\naddress = \"{}\"\nlogin = {{ method = \"jwt\", token_variable = \"JWT\" }}\n",
        standby.url()
    );
    for status in [301, 302, 303, 307, 308] {
        // The proxy knows no other headers; a line break brings one in.
        let kind = format!("text/plain\r\nLocation: {}/v1/transit/decrypt/app?{TOKEN}", elsewhere.url());
        let kind: &'static str = Box::leak(kind.into_boxed_str());
        standby.next("decrypt", Fault::Answer(status, kind, String::new()));
        let failure = user(&variables, "", |run| unwrap(run, &stanza)).unwrap_err();
        assert_eq!(failure.cause, Cause::NotAllowed);
        assert!(failure.answer.as_deref().unwrap().contains(&elsewhere.url()), "{failure}");
        assert!(!failure.to_string().contains(TOKEN));
        standby.next("login", Fault::Answer(status, kind, String::new()));
        let named = [("JWT", TOKEN), ("VAULT_ADDR", &standby.url())];
        let failure = user(&named, &login, |run| unwrap(run, &stanza)).unwrap_err();
        assert_eq!(failure.cause, Cause::NotAllowed);
        assert_eq!(standby.reset(), 0);
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn ac_39_each_token_goes_to_its_own_server() {
    let (vault, bao) = (Proxy::before(None), Proxy::before(None));
    let variables = [
        ("VAULT_ADDR", vault.url()),
        ("VAULT_TOKEN", "hvs.first".to_owned()),
        ("BAO_ADDR", bao.url()),
        ("BAO_TOKEN", "hvs.second".to_owned()),
        ("BAO_NAMESPACE", "there".to_owned()),
    ];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    user(&variables, "", |run| {
        for proxy in [&vault, &bao] {
            unwrap(run, &stanza(&id(&proxy.url(), "app"))).unwrap_err();
        }
    });
    for (proxy, own, other) in [(&vault, "hvs.first", "hvs.second"), (&bao, "hvs.second", "hvs.first")] {
        let headers: String = proxy.asked().into_iter().map(|asked| asked.headers).collect();
        assert!(headers.contains(own) && !headers.contains(other));
        assert_eq!(headers.contains("there"), own == "hvs.second");
    }
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_and_sees_no_token() {
    let proxy = Proxy::before(None);
    let vault = "https://vault.good.example";
    let stanza = stanza(&id(vault, "app"));
    let url = proxy.url();
    let variables = [("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", vault), ("HTTPS_PROXY", &url)];
    let quick = "[network]\nattempts = 1\n";
    let failure = user(&variables, quick, |run| unwrap(run, &stanza)).unwrap_err();
    assert_eq!(failure.cause, Cause::Unreachable, "{failure}");
    let asked = proxy.asked();
    assert_eq!(asked[0].line, "CONNECT vault.good.example:443");
    assert!(!asked.iter().any(|asked| format!("{asked:?}").contains(TOKEN)));
    proxy.reset();
    // An address at which this machine answers at once, and that is not its own name.
    let nobody = format!("https://0.0.0.0:{}", free_port());
    let named = [variables[0], ("VAULT_ADDR", nobody.as_str()), variables[2], ("NO_PROXY", "0.0.0.0")];
    user(&named, quick, |run| unwrap(run, &self::stanza(&id(&nobody, "app")))).unwrap_err();
    // What is not encrypted goes through none.
    let Some(bench) = Bench::new() else { return };
    let address = bench.server.url();
    let named = [
        ("VAULT_ADDR", address.as_str()),
        ("VAULT_TOKEN", "root"),
        ("HTTP_PROXY", &url),
        ("HTTPS_PROXY", &url),
    ];
    user(&named, "", |run| goes_round(run, &bench.id("app")).unwrap());
    assert!(proxy.asked().is_empty());
}

#[test]
fn the_first_call_is_the_first_connection() {
    let Some(bench) = Bench::new() else { return };
    let recorder = Proxy::before(Some(bench.server.port));
    let url = recorder.url();
    let token = bench.token(&json!({ "policies": ["app"] }));
    user(&[("VAULT_TOKEN", &token), ("VAULT_ADDR", &url)], "", |run| {
        assert!(recorder.asked().is_empty());
        goes_round(run, &id(&url, "app")).unwrap();
        let lines: Vec<String> = recorder.asked().into_iter().map(|asked| asked.line).collect();
        assert_eq!(lines, ["POST /v1/transit/encrypt/app", "POST /v1/transit/decrypt/app"]);
    });
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
pub(super) fn put(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
