//! What goes wrong between here and Azure.

use sealeaf::keys::azure::Azure as Backend;
use sealeaf::keys::contract::trouble::{Trouble, Troubled, unwrapping_fails, wrapping_fails};
use sealeaf::keys::{Cause, Environment, Failure, Keyring, NoPrompt, Recipient, Run, Stanza, WrapContext};
use sealeaf::secret::SecretBytes;
use serde_json::json;

use super::{APP, environment, key_ref};
use crate::support::azure::{Azure, SECRET, TENANT};

/// The context of the contract's own wraps.
const BOUND: WrapContext = WrapContext { fid: [7; 16], epoch: 3 };

const HIDDEN: &[&str] = &[SECRET, "eyJ", "<html>", "trace-id"];

fn wrapped(id: &str) -> Stanza {
    let environment = environment(&APP);
    let run = Run::new(&environment, &NoPrompt);
    let recipient = Recipient { key: key_ref(id), name: String::new(), break_glass: false };
    let secret = SecretBytes::new(vec![5; 69]);
    Keyring::new(&run).wrap(&[recipient], &secret, &BOUND).unwrap().remove(0)
}

/// The failure of unwrapping with that environment; wrapping fails in the same way, where it is no matter of the wrap.
fn meets(environment: &Environment, trouble: Trouble, stanza: &Stanza) -> Failure {
    let mut run = Run::new(environment, &NoPrompt);
    run.settings.network.timeout = 2;
    let troubled = Troubled { run: &run, stanza: stanza.clone(), hidden: HIDDEN };
    let failure = unwrapping_fails(&Backend, trouble, &troubled);
    if !matches!(trouble, Trouble::WrongContext | Trouble::WrongKey) {
        wrapping_fails(&Backend, trouble, &stanza.recipient.key, &troubled);
    }
    failure
}

fn error(code: &str, inner: &str) -> String {
    json!({ "error": { "code": code, "message": "no\r\nCaller: x", "innererror": { "code": inner } } })
        .to_string()
}

#[test]
fn answers_come_down_to_their_causes() {
    Azure::inside("backends::azure::trouble::answers_come_down_to_their_causes", |azure| {
        let stanza = wrapped(&azure.key("app"));
        let long = json!({ "kid": stanza.recipient.key.id, "value": "A".repeat(60_000) }).to_string();
        let text = |text: &str| text.to_owned();
        for (trouble, status, body, hint) in [
            (Trouble::Denied, 403, error("Forbidden", "ForbiddenByRbac"), "Key Vault Crypto User"),
            (Trouble::Denied, 403, error("Forbidden", "ForbiddenByFirewall"), "firewall"),
            (Trouble::Disabled, 403, error("Forbidden", "KeyDisabled"), "--enabled true"),
            (Trouble::Disabled, 403, error("Forbidden", "KeyExpired"), "dates"),
            (Trouble::Disabled, 409, error("Conflict", "ObjectIsDeletedButRecoverable"), "recover"),
            (Trouble::NotFound, 404, error("KeyNotFound", ""), "list-versions"),
            (Trouble::BadCredentials, 401, error("Unauthorized", ""), "tenant"),
            (Trouble::Throttled, 429, error("Throttled", ""), "minute"),
            (Trouble::Unavailable, 503, text("<html>trace-id</html>"), "again later"),
            (Trouble::Malformed, 200, text("{\"kid\": 1"), "in between"),
            (Trouble::Malformed, 200, text("<html>trace-id</html>"), "in between"),
            (Trouble::WrongLength, 200, text("{}"), "in between"),
            (Trouble::WrongLength, 200, long, "in between"),
        ] {
            azure.calm();
            azure.answer("crypt authorized", status, &body);
            azure.answer("crypt authorized", status, &body);
            let failure = meets(&environment(&APP), trouble, &stanza);
            assert!(
                failure.hint.as_deref().is_some_and(|given| given.contains(hint)),
                "{trouble:?}: {failure}"
            );
            if matches!(trouble, Trouble::Denied | Trouble::Disabled) {
                assert_eq!(failure.identity.as_deref(), Some("client secret"));
                assert!(
                    failure
                        .principal
                        .as_deref()
                        .is_some_and(|who| who.starts_with("application app, object "))
                );
            }
        }
    });
}

#[test]
fn broken_connections_come_down_to_their_causes() {
    Azure::inside("backends::azure::trouble::broken_connections_come_down_to_their_causes", |azure| {
        let stanza = wrapped(&azure.key("app"));
        for part in ["crypt authorized", "/oauth2/v2.0/token"] {
            for (trouble, kind) in
                [(Trouble::Slow, "silence"), (Trouble::Reset, "reset"), (Trouble::Huge, "huge")]
            {
                azure.calm();
                azure.fault(part, kind);
                azure.fault(part, kind);
                meets(&environment(&APP), trouble, &stanza);
            }
            azure.calm();
            for (trouble, status, body) in [
                (Trouble::Unavailable, 503, "<html>trace-id</html>"),
                (Trouble::Throttled, 429, "{}"),
                (Trouble::Malformed, 200, "<html>trace-id</html>"),
            ] {
                azure.calm();
                azure.answer(part, status, body);
                azure.answer(part, status, body);
                meets(&environment(&APP), trouble, &stanza);
            }
        }
        // Nobody listens there; then a name that nobody has.
        let mut elsewhere = stanza.clone();
        elsewhere.recipient.key =
            key_ref(&stanza.recipient.key.id.replace("https://myvault", "https://nobody"));
        meets(&environment(&APP), Trouble::Refused, &elsewhere);
    });
}

#[test]
fn keys_and_credentials_that_do_not_fit() {
    Azure::inside("backends::azure::trouble::keys_and_credentials_that_do_not_fit", |azure| {
        let stanza = wrapped(&azure.key("app"));
        let mut other = stanza.clone();
        other.recipient.key = key_ref(&azure.key("other"));
        meets(&environment(&APP), Trouble::WrongKey, &other);
        other.recipient.key = key_ref(&azure.key("app"));
        meets(&environment(&APP), Trouble::WrongKey, &other);

        let wrong = [APP[0], APP[1], ("AZURE_CLIENT_SECRET", "wrong")];
        let failure = meets(&environment(&wrong), Trouble::BadCredentials, &stanza);
        assert_eq!(failure.principal, Some(format!("application app, tenant {TENANT}")));
        assert!(
            failure.answer.is_some_and(|told| told.contains("AADSTS7000215") && !told.contains("Trace ID"))
        );
        // A login that failed is not tried again in the same run.
        azure.calm();
        meets(&environment(&wrong), Trouble::BadCredentials, &stanza);
        assert_eq!(azure.asked().iter().filter(|line| line.contains("oauth2")).count(), 1);

        // A token that is no longer accepted is not kept.
        let environment_of_app = environment(&APP);
        let run = Run::new(&environment_of_app, &NoPrompt);
        let opens = || Keyring::new(&run).unwrap(std::slice::from_ref(&stanza), &BOUND).is_ok();
        assert!(opens());
        azure.control("set", &json!({ "tokens": {} }));
        assert!(!opens());
        assert!(opens());

        azure.control("disable", &json!({ "name": "app" }));
        meets(&environment(&APP), Trouble::Disabled, &stanza);
        other.recipient.key = key_ref(&stanza.recipient.key.id.replace("/app/", "/none/"));
        meets(&environment(&APP), Trouble::NotFound, &other);
        azure.control("set", &json!({ "imds": "no identity" }));
        let failure = meets(&environment(&[]), Trouble::NoCredentials, &stanza);
        assert_eq!(failure.cause, Cause::NoCredentials);
    });
}
