//! What goes wrong at Google and on the way there.

use std::future::poll_fn;
use std::task::Poll;

use sealeaf::keys::contract::trouble::{Trouble, Troubled, unwrapping_fails, wrapping_fails};
use sealeaf::keys::gcp::Gcp;
use sealeaf::keys::{Cause, Environment, Failure, KeyBackend, KeyRef, NoPrompt, Run, Stanza, Unwrapped};

use super::cloud::{ADMIN, BOUND, Cloud, EVERYBODY, HIDDEN, STRANGER, key_ref, wait, wrapped};
use crate::support::servers::free_port;
use crate::support::{Fault, Proxy};

const BOTH: &str = "EncrypterDecrypter";
const JSON: &str = "application/json; charset=UTF-8";

/// A key, a wrap for it, and a proxy before the server.
struct Bench {
    cloud: Cloud,
    proxy: Proxy,
    key: KeyRef,
    stanza: Stanza,
}

impl Bench {
    fn new() -> Option<Self> {
        let cloud = Cloud::new()?;
        let key = cloud.key("k", BOTH, EVERYBODY);
        let stanza = wrapped(&cloud.environment(&[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]), &key);
        let proxy = Proxy::before(Some(cloud.port()));
        Some(Self { cloud, proxy, key, stanza })
    }

    fn behind_proxy(&self, more: &[(&str, &str)]) -> Environment {
        self.cloud.variables(&self.proxy.url(), more).into_iter().collect()
    }

    fn admin(&self) -> Environment {
        self.behind_proxy(&[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)])
    }

    fn unwrapping(&self, trouble: Trouble, environment: &Environment, stanza: &Stanza) -> Failure {
        let mut run = Run::new(environment, &NoPrompt);
        run.settings.network.timeout = 2;
        unwrapping_fails(&Gcp, trouble, &Troubled { run: &run, stanza: stanza.clone(), hidden: HIDDEN })
    }

    fn wrapping(&self, trouble: Trouble, environment: &Environment, key: &KeyRef) -> Failure {
        let mut run = Run::new(environment, &NoPrompt);
        run.settings.network.timeout = 2;
        let troubled = Troubled { run: &run, stanza: self.stanza.clone(), hidden: HIDDEN };
        wrapping_fails(&Gcp, trouble, key, &troubled)
    }

    /// Both, where every call meets this.
    fn faulty(&self, trouble: Trouble, fault: &Fault) -> [Failure; 2] {
        let met = || {
            self.proxy.reset();
            (0..9).for_each(|_| self.proxy.next("POST", fault.clone()));
        };
        met();
        let unwrapping = self.unwrapping(trouble, &self.admin(), &self.stanza);
        met();
        [unwrapping, self.wrapping(trouble, &self.admin(), &self.key)]
    }
}

fn refused(code: u16, status: &str, message: &str) -> Fault {
    let body =
        format!("{{\"error\": {{\"code\": {code}, \"message\": \"{message}\", \"status\": \"{status}\"}}}}");
    Fault::Answer(code, JSON, body)
}

fn plaintext(bytes: usize) -> String {
    format!("{{\"plaintext\": \"{}\", \"ciphertext\": \"AAAA\"}}", "AAAA".repeat(bytes / 3))
}

#[test]
fn every_trouble_on_the_way_comes_down_to_its_cause() {
    let Some(bench) = Bench::new() else { return };
    let scopes = "Request had insufficient authentication scopes.";
    let off = "Cloud KMS API has not been used in project 1 before or it is disabled.";
    for (trouble, fault, hint) in [
        (Trouble::Denied, refused(403, "PERMISSION_DENIED", scopes), "the scope `cloud-platform`"),
        (Trouble::Denied, refused(403, "PERMISSION_DENIED", off), "gcloud services enable cloudkms"),
        (Trouble::Throttled, refused(429, "RESOURCE_EXHAUSTED", "Quota exceeded"), "a higher quota"),
        (Trouble::Throttled, Fault::Answer(429, "text/html", "<html>".to_owned()), "a higher quota"),
        (Trouble::Unavailable, refused(503, "UNAVAILABLE", "x"), "again later"),
        (Trouble::Unavailable, refused(500, "INTERNAL", "x"), "again later"),
        (Trouble::Unavailable, Fault::Answer(502, "text/html", "<html>".to_owned()), "again later"),
        (Trouble::Slow, Fault::Silence, "`timeout` under `[network]`"),
        (Trouble::Reset, Fault::Reset, "the network, the proxy"),
        (Trouble::Reset, Fault::Cut(10), "the network, the proxy"),
        (Trouble::Malformed, Fault::Answer(200, JSON, "{\"plaintext\": 1".to_owned()), "who stands between"),
        (Trouble::Malformed, Fault::Answer(200, "text/html", "<html>".to_owned()), "who stands between"),
        (Trouble::Malformed, Fault::Answer(404, "text/html", "<html>".to_owned()), "who stands between"),
        (Trouble::Malformed, Fault::Answer(302, "text/html", "<html>".to_owned()), "who stands between"),
        (Trouble::WrongLength, Fault::Answer(200, JSON, "{}".to_owned()), "who stands between"),
        (Trouble::WrongLength, Fault::Answer(200, JSON, plaintext(30_000)), "who stands between"),
        (Trouble::Huge, Fault::Answer(200, JSON, plaintext(8 << 20)), "who stands between"),
    ] {
        for failure in bench.faulty(trouble, &fault) {
            let told = failure.to_string();
            assert!(failure.hint.as_deref().is_some_and(|given| given.contains(hint)), "{trouble:?}: {told}");
            assert!(!told.contains("<html>") && told.contains("from GOOGLE_OAUTH_ACCESS_TOKEN"), "{told}");
        }
        assert!(!bench.proxy.asked().is_empty());
    }
}

#[test]
fn checksums_that_do_not_fit_are_no_answer() {
    let Some(bench) = Bench::new() else { return };
    let replace = |from: &str, to: &str| Fault::Replace(from.to_owned(), to.to_owned());
    bench.proxy.next("decrypt", replace("\"plaintextCrc32c\": \"", "\"plaintextCrc32c\": \"1"));
    bench.unwrapping(Trouble::Malformed, &bench.admin(), &bench.stanza);
    bench.proxy.next("decrypt", replace("plaintextCrc32c", "somethingElse"));
    bench.unwrapping(Trouble::Malformed, &bench.admin(), &bench.stanza);
    for (from, to) in [
        ("\"ciphertextCrc32c\": \"", "\"ciphertextCrc32c\": \"1"),
        ("ciphertextCrc32c", "somethingElse"),
        ("\"verifiedPlaintextCrc32c\": true", "\"verifiedPlaintextCrc32c\": false"),
        ("keyRings/r/cryptoKeys/k/", "keyRings/r/cryptoKeys/other/"),
    ] {
        bench.proxy.next("encrypt", replace(from, to));
        bench.wrapping(Trouble::Malformed, &bench.admin(), &bench.key);
    }
    assert_eq!(bench.proxy.reset(), 0, "all of them were met");
}

#[test]
fn what_the_service_itself_refuses() {
    let Some(bench) = Bench::new() else { return };
    let cloud = &bench.cloud;
    let stranger = cloud.environment(&[("GOOGLE_OAUTH_ACCESS_TOKEN", STRANGER)]);
    let failure = bench.unwrapping(Trouble::Denied, &stranger, &bench.stanza);
    assert!(failure.to_string().contains("roles/cloudkms.cryptoKeyEncrypterDecrypter"), "{failure}");
    assert!(failure.to_string().contains("cloudkms.cryptoKeyVersions.useToDecrypt"), "{failure}");
    let failure = bench.wrapping(Trouble::Denied, &stranger, &bench.key);
    assert!(failure.to_string().contains("cloudkms.cryptoKeyVersions.useToEncrypt"), "{failure}");

    let admin = cloud.environment(&[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    let mut other = bench.stanza.clone();
    other.recipient.key = cloud.key("other", BOTH, EVERYBODY);
    bench.unwrapping(Trouble::WrongKey, &admin, &other);
    other.recipient.key = key_ref(&bench.key.id.replace("/k", "/missing"));
    other.recipient.key.id = format!("{}x", bench.key.id);
    let failure = bench.unwrapping(Trouble::NotFound, &admin, &other);
    assert!(failure.hint.unwrap().contains("gcloud kms keys list --keyring=projects/app"));
    bench.wrapping(Trouble::NotFound, &admin, &other.recipient.key);

    for (state, hint) in [
        ("DISABLED", "gcloud kms keys versions enable 1 --key=projects/app"),
        ("DESTROY_SCHEDULED", "gcloud kms keys versions restore 1 --key=projects/app"),
        ("DESTROYED", "another recipient"),
    ] {
        cloud.set_state(&bench.key, 1, state);
        let failure = bench.unwrapping(Trouble::Disabled, &admin, &bench.stanza);
        assert!(failure.hint.as_deref().is_some_and(|given| given.contains(hint)), "{failure}");
        bench.wrapping(Trouble::Disabled, &admin, &bench.key);
    }
    for project in ["busy", "down"] {
        let key = key_ref(&bench.key.id.replace("projects/app", &format!("projects/{project}")));
        let trouble = if project == "busy" { Trouble::Throttled } else { Trouble::Unavailable };
        bench.wrapping(trouble, &admin, &key);
    }
}

#[test]
fn credentials_that_are_missing_or_not_accepted() {
    let Some(bench) = Bench::new() else { return };
    let cloud = &bench.cloud;
    let failure = bench.unwrapping(Trouble::NoCredentials, &cloud.environment(&[]), &bench.stanza);
    let told = failure.to_string();
    for step in ["nothing in GOOGLE_CREDENTIALS, GOOGLE_OAUTH_ACCESS_TOKEN, ", "; metadata server: left out"]
    {
        assert!(told.contains(step), "{told}");
    }
    assert!(told.contains("`gcloud auth application-default login`"), "{told}");

    for (file, hint) in [
        ("unknown-key.json", "gcloud iam service-accounts keys list"),
        ("revoked-user.json", "gcloud auth application-default login"),
        ("outsider.json", "attribute condition"),
    ] {
        let path = cloud.file(file);
        let environment = cloud.environment(&[("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap())]);
        let failure = bench.unwrapping(Trouble::BadCredentials, &environment, &bench.stanza);
        assert!(failure.hint.as_deref().is_some_and(|given| given.contains(hint)), "{failure}");
        bench.wrapping(Trouble::BadCredentials, &environment, &bench.key);
    }
    let old = cloud.environment(&[("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.old")]);
    bench.unwrapping(Trouble::BadCredentials, &old, &bench.stanza);
}

#[test]
fn nobody_listens_and_nobody_waits() {
    let Some(bench) = Bench::new() else { return };
    let url = format!("http://127.0.0.1:{}", free_port());
    let environment = bench.cloud.variables(&url, &[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    let environment: Environment = environment.into_iter().collect();
    let failure = bench.unwrapping(Trouble::Refused, &environment, &bench.stanza);
    assert!(failure.to_string().contains("Connection refused"), "{failure}");
    assert!(failure.to_string().contains(&format!("cloudkms Decrypt at {url}")), "{failure}");
    bench.wrapping(Trouble::Refused, &environment, &bench.key);
}

#[test]
fn what_may_pass_is_tried_again_and_tokens_are_shared() {
    let Some(bench) = Bench::new() else { return };
    let user = bench.cloud.moved("user.json", &bench.proxy.url());
    let environment = bench.behind_proxy(&[("GOOGLE_APPLICATION_CREDENTIALS", user.to_str().unwrap())]);
    let run = Run::new(&environment, &NoPrompt);
    let busy = || Fault::Answer(503, JSON, "{\"error\": \"internal_failure\"}".to_owned());
    bench.proxy.next("/token", busy());
    bench.proxy.next("decrypt", refused(429, "RESOURCE_EXHAUSTED", "x"));
    for _ in 0..3 {
        let answer = wait(Gcp.unwrap(&bench.stanza, &BOUND, &run));
        assert!(matches!(answer, Unwrapped::Opened(_)), "{answer:?}");
    }
    let asked: Vec<String> = bench.proxy.asked().into_iter().map(|asked| asked.line).collect();
    let decrypt = format!("POST /v1/{}:decrypt", bench.key.id);
    let decrypts = asked.iter().filter(|line| line.starts_with(&decrypt)).count();
    assert_eq!((asked.len(), decrypts), (6, 4), "{asked:?}");

    // A refusal is no reason to ask again, and other files hear of it without a call.
    bench.proxy.reset();
    let user = bench.cloud.moved("revoked-user.json", &bench.proxy.url());
    let environment = bench.behind_proxy(&[("GOOGLE_APPLICATION_CREDENTIALS", user.to_str().unwrap())]);
    let run = Run::new(&environment, &NoPrompt);
    for _ in 0..3 {
        let answer = wait(Gcp.unwrap(&bench.stanza, &BOUND, &run));
        assert!(matches!(answer, Unwrapped::Failed(_)), "{answer:?}");
    }
    assert_eq!(bench.proxy.asked().len(), 1, "{:?}", bench.proxy.asked());
}

#[test]
fn a_key_does_not_follow_a_redirect() {
    let Some(bench) = Bench::new() else { return };
    let elsewhere = Proxy::before(Some(bench.cloud.port()));
    // What the proxy answers has no `Location` of its own, so the body's type carries one.
    let kind: &'static str = format!("text/html\r\nLocation: {}/v1/x", elsewhere.url()).leak();
    for status in [301, 302, 303, 307, 308] {
        bench.proxy.next("POST", Fault::Answer(status, kind, String::new()));
        let failure = bench.wrapping(Trouble::Malformed, &bench.admin(), &bench.key);
        assert_eq!(failure.cause, Cause::Malformed);
    }
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
}

#[test]
fn a_call_that_is_given_up_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    let environment = bench.admin();
    let run = Run::new(&environment, &NoPrompt);
    bench.proxy.next("POST", Fault::Silence);
    let mut call = Gcp.unwrap(&bench.stanza, &BOUND, &run);
    wait(poll_fn(|context| {
        assert!(call.as_mut().poll(context).is_pending());
        if !bench.proxy.asked().is_empty() {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    drop(call);
    let answer = wait(Gcp.unwrap(&bench.stanza, &BOUND, &run));
    assert!(matches!(answer, Unwrapped::Opened(_)), "{answer:?}");
}
