use super::id::Id;
use super::*;
use crate::keys::{AzureSettings, Environment, NoPrompt};

const VERSION: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn identifiers() {
    for (text, normal) in [
        ("https://v.vault.azure.net/keys/k/0a", "https://v.vault.azure.net/keys/k/0a"),
        ("https://V.Vault.Azure.NET:443/keys/k/0a", "https://v.vault.azure.net/keys/k/0a"),
        ("https://v.vault.azure.net/keys/k/", "https://v.vault.azure.net/keys/k"),
        ("https://v.vault.azure.net/keys/k", "https://v.vault.azure.net/keys/k"),
        ("https://kv.corp.example:8443/keys/A-1/0a", "https://kv.corp.example:8443/keys/A-1/0a"),
    ] {
        assert_eq!(Azure.parse(text).unwrap(), normal);
        assert_eq!(Azure.parse_of_sops(text).unwrap(), text);
    }
    for text in INVALID {
        let error = Azure.parse(text).unwrap_err().to_string();
        assert!(error.contains("expected `https://VAULT.vault.azure.net/keys/NAME/VERSION`"), "{error}");
        assert!(!error.contains('\n') && error.len() < 500);
    }
}

const INVALID: &[&str] = &[
    "",
    "k",
    "http://v.vault.azure.net/keys/k/0a",
    "https://v.vault.azure.net./keys/k/0a",
    "https://good@v.vault.azure.net/keys/k/0a",
    "https://v.vault.azure.net:x/keys/k/0a",
    "https://v.vault.azure.net:+443/keys/k/0a",
    "https://v.vault.azure.net:0/keys/k/0a",
    "https://v\u{430}ult.vault.azure.net/keys/k/0a",
    "https://v.vault.azure.net/keys/k/0a/1",
    "https://v.vault.azure.net/keys/../secrets/0a",
    "https://v.vault.azure.net/keys/k/0a?x=1",
    "https://v.vault.azure.net/keys/k/%2e%2e",
    "https://v.vault.azure.net/keys/k\n/0a",
    "https://v.vault.azure.net/secrets/k/0a",
    "https://v.vault.azure.net/keys/",
    "https:///keys/k/0a",
    "https://[::1]/keys/k/0a",
];

#[test]
fn tokens_go_to_azure_and_to_the_users_own_vaults() {
    let vaults = ["https://kv.corp.example:8443/", "http://plain.example", "nonsense"];
    let settings = AzureSettings { vaults: vaults.map(str::to_owned).into(), ..Default::default() };
    let resources = |text: &str| Id::parse(text).unwrap().resources(&settings);
    assert_eq!(resources("https://v.vault.azure.net/keys/k"), Some(vec!["https://vault.azure.net"]));
    assert_eq!(resources("https://v.vault.azure.cn/keys/k"), Some(vec!["https://vault.azure.cn"]));
    assert_eq!(
        resources("https://h.managedhsm.azure.net/keys/k"),
        Some(vec!["https://managedhsm.azure.net"])
    );
    assert_eq!(resources("https://kv.corp.example:8443/keys/k").map(|all| all.len()), Some(6));
    for text in [
        "https://v.vault.azure.net.evil.example/keys/k",
        "https://evilvault.azure.net/keys/k",
        "https://vault.azure.net/keys/k",
        "https://a.b.vault.azure.net/keys/k",
        "https://v.vault.azure.net:8443/keys/k",
        "https://kv.corp.example/keys/k",
        "https://plain.example/keys/k",
        "https://127.0.0.1/keys/k",
    ] {
        assert_eq!(resources(text), None, "{text}");
    }
}

#[test]
fn a_wrap_without_a_version_in_the_identifier_holds_it() {
    let id = Id::parse("https://v.vault.azure.net/keys/k").unwrap();
    let wrapped = with_version(VERSION, b"wrap");
    let (at, rest) = version_in(&id, &wrapped).unwrap();
    assert_eq!((at.version.as_deref(), rest), (Some(VERSION), &b"wrap"[..]));
    for damaged in [&b""[..], b"\0wrap", b"\xffwrap", b"\x02..wrap", b"\x04a/..wrap", b"\x02\xff\xffx"] {
        assert_eq!(version_in(&id, damaged), None, "{damaged:?}");
    }
}

#[test]
fn nothing_is_made_for_a_vault_that_is_not_allowed() {
    let environment = Environment::default();
    let run = Run::new(&environment, &NoPrompt);
    let key = KeyRef {
        kind: KIND.to_owned(),
        id: format!("https://v.vault.azure.net.evil.example/keys/k/{VERSION}"),
        context: Default::default(),
    };
    let secret = SecretBytes::new(vec![1; 32]);
    let wrapped = crate::keys::runtime::block_on(Azure.wrap(&key, &secret, &WrapContext::UNBOUND, &run));
    let Err(KeyError::Remote { failure, .. }) = wrapped else { panic!("{wrapped:?}") };
    assert_eq!(failure.cause, Cause::NotAllowed);
    assert!(failure.hint.unwrap().contains("vaults = [\"https://v.vault.azure.net.evil.example\"]"));
    // The shared place is still free: no session was made.
    assert_eq!(*run.shared("azure", || 7), 7);
}
