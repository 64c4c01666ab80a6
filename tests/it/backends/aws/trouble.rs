//! What goes wrong between here and AWS, made by a proxy in front of moto.

use std::net::TcpListener;

use sealeaf::keys::aws::Aws;
use sealeaf::keys::contract::trouble::{Trouble, Troubled, unwrapping_fails, wrapping_fails};
use sealeaf::keys::{
    Cause, Environment, Failure, KeyRef, Keyring, NoPrompt, Recipient, Run, Stanza, WrapContext,
};
use sealeaf::secret::SecretBytes;

use super::cloud::{Cloud, SECRET, key_ref};
use super::{project, run};
use crate::support::servers::Server;
use crate::support::{Fault, Proxy, skip};

const JSON: &str = "application/x-amz-json-1.1";

/// The context of the contract's own wraps.
const BOUND: WrapContext = WrapContext { fid: [7; 16], epoch: 3 };

/// A key, a wrap for it, and a proxy before the server.
struct Bench {
    cloud: Cloud,
    proxy: Proxy,
    stanza: Stanza,
}

impl Bench {
    fn new() -> Option<Self> {
        let cloud = Cloud::moto()?;
        let key = key_ref(&cloud.key("eu-west-1"), &[("app", "web")]);
        let environment = cloud.environment(&cloud.url(), "AKIAX", SECRET);
        let stanza = wrapped(&environment, &key);
        let proxy = Proxy::before(Some(cloud.port()));
        Some(Self { cloud, proxy, stanza })
    }

    fn environment(&self) -> Environment {
        self.cloud.environment(&self.proxy.url(), "AKIAX", SECRET)
    }

    /// The failure of unwrapping where the proxy does this every time.
    fn unwrapping(&self, trouble: Trouble, fault: &Fault) -> Failure {
        self.proxy.reset();
        for _ in 0..9 {
            self.proxy.next("POST", fault.clone());
        }
        let environment = self.environment();
        self.in_trouble(trouble, &environment, self.stanza.clone())
    }

    fn in_trouble(&self, trouble: Trouble, environment: &Environment, stanza: Stanza) -> Failure {
        let mut run = Run::new(environment, &NoPrompt);
        run.settings.network.timeout = 2;
        let troubled = Troubled { run: &run, stanza, hidden: HIDDEN };
        let failure = unwrapping_fails(&Aws, trouble, &troubled);
        if !matches!(trouble, Trouble::WrongContext | Trouble::WrongKey) {
            let mut run = Run::new(environment, &NoPrompt);
            run.settings.network.timeout = 2;
            let key = troubled.stanza.recipient.key.clone();
            let troubled = Troubled { run: &run, stanza: troubled.stanza.clone(), hidden: HIDDEN };
            wrapping_fails(&Aws, trouble, &key, &troubled);
        }
        failure
    }
}

pub(super) fn wrapped(environment: &Environment, key: &KeyRef) -> Stanza {
    let run = Run::new(environment, &NoPrompt);
    let recipient = Recipient { key: key.clone(), name: String::new(), break_glass: false };
    let secret = SecretBytes::new(vec![5; 69]);
    Keyring::new(&run).wrap(&[recipient], &secret, &BOUND).unwrap().remove(0)
}

fn answer(status: u16, code: &str, message: &str) -> Fault {
    Fault::Answer(status, JSON, format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}"))
}

#[test]
fn every_trouble_comes_down_to_its_cause() {
    let Some(bench) = Bench::new() else { return };
    let user = "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt";
    for (trouble, fault, hint) in [
        (Trouble::Denied, answer(400, "AccessDeniedException", user), "grant kms:"),
        (Trouble::NotFound, answer(400, "NotFoundException", "Key does not exist"), "describe-key"),
        (Trouble::Disabled, answer(400, "DisabledException", "key is disabled"), "enable-key"),
        (
            Trouble::Disabled,
            answer(400, "KMSInvalidStateException", "key is pending deletion."),
            "cancel-key-deletion",
        ),
        (
            Trouble::BadCredentials,
            answer(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            "AWS_ACCESS_KEY_ID",
        ),
        (
            Trouble::BadCredentials,
            answer(400, "ExpiredTokenException", "The security token included in the request is expired"),
            "AWS_SESSION_TOKEN",
        ),
        (Trouble::Throttled, answer(400, "ThrottlingException", "Rate exceeded"), "concurrency"),
        (Trouble::Throttled, answer(429, "TooManyRequestsException", "x"), "concurrency"),
        (Trouble::Unavailable, answer(500, "KMSInternalException", "x"), "again later"),
        (
            Trouble::Unavailable,
            Fault::Answer(503, "text/html", "<html>busy</html>".to_owned()),
            "again later",
        ),
        (Trouble::Slow, Fault::Silence, "timeout"),
        (Trouble::Reset, Fault::Reset, "is there a way"),
        (Trouble::Reset, Fault::Cut(10), "is there a way"),
        (
            Trouble::Malformed,
            Fault::Answer(200, JSON, "{\"Plaintext\": 1".to_owned()),
            "between here and AWS",
        ),
        (
            Trouble::Malformed,
            Fault::Answer(200, "text/html", "<html>log in</html>".to_owned()),
            "between here and AWS",
        ),
        (Trouble::WrongLength, Fault::Answer(200, JSON, "{}".to_owned()), "between here and AWS"),
        (Trouble::WrongLength, Fault::Answer(200, JSON, long(30_000)), "between here and AWS"),
        (Trouble::Huge, Fault::Answer(200, JSON, long(4 << 20)), "between here and AWS"),
    ] {
        let failure = bench.unwrapping(trouble, &fault);
        let told = failure.to_string();
        assert!(failure.hint.as_deref().is_some_and(|given| given.contains(hint)), "{trouble:?}: {told}");
        assert!(!told.contains("<html>"), "{trouble:?}: {told}");
        assert!(!bench.proxy.asked().is_empty());
    }
}

#[test]
fn keys_and_contexts_that_do_not_fit() {
    let Some(bench) = Bench::new() else { return };
    let environment = bench.environment();
    let mut other = bench.stanza.clone();
    other.recipient.key.context = [("app".to_owned(), "mail".to_owned())].into();
    bench.in_trouble(Trouble::WrongContext, &environment, other.clone());
    other.recipient.key.context.clear();
    bench.in_trouble(Trouble::WrongContext, &environment, other);
    // moto takes any garbage for a matter of permissions, as it does here.
    let mut other = bench.stanza.clone();
    other.recipient.key.id = bench.cloud.key("eu-west-1");
    bench.in_trouble(Trouble::WrongKey, &environment, other);
    let mut other = bench.stanza.clone();
    other.recipient.key.id =
        "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000".to_owned();
    bench.in_trouble(Trouble::NotFound, &environment, other);
}

#[test]
fn nobody_there_and_nothing_to_show() {
    let Some(bench) = Bench::new() else { return };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let environment = bench.cloud.environment(&format!("http://{closed}"), "AKIAX", SECRET);
    bench.in_trouble(Trouble::Refused, &environment, bench.stanza.clone());

    bench.proxy.reset();
    let environment: Environment = bench.cloud.nobody(&bench.proxy.url()).into_iter().collect();
    let failure = bench.in_trouble(Trouble::NoCredentials, &environment, bench.stanza.clone());
    let tried = failure.identity.unwrap();
    for step in [
        "environment: AWS_ACCESS_KEY_ID is not set",
        "profile default",
        "web identity",
        "container",
        "instance metadata",
    ] {
        assert!(tried.contains(step), "{step}: {tried}");
    }
    assert!(bench.proxy.asked().is_empty());

    // A service in clear on another machine gets nothing, whoever set it.
    let environment = bench.cloud.environment("http://192.0.2.1", "AKIAX", SECRET);
    let run = Run::new(&environment, &NoPrompt);
    let error = Keyring::new(&run).unwrap(std::slice::from_ref(&bench.stanza), &BOUND).unwrap_err();
    let failure = error.attempts[0].failure.clone().unwrap();
    assert_eq!(failure.cause, Cause::NotAllowed, "{failure}");
}

#[test]
fn what_passes_is_tried_again() {
    let Some(bench) = Bench::new() else { return };
    for fault in
        [answer(400, "ThrottlingException", "x"), answer(500, "KMSInternalException", "x"), Fault::Reset]
    {
        bench.proxy.reset();
        bench.proxy.next("POST", fault.clone());
        bench.proxy.next("POST", fault);
        let environment = bench.environment();
        let run = Run::new(&environment, &NoPrompt);
        let opened = Keyring::new(&run).unwrap(std::slice::from_ref(&bench.stanza), &BOUND).unwrap();
        assert_eq!(opened.1.expose(), [5; 69]);
        assert_eq!(bench.proxy.asked().len(), 3, "two that fail, one that does not");
    }
}

/// Another program's idea of how AWS fails.
#[test]
fn failures_of_aws_as_microburst_makes_them() {
    let Some(bench) = Bench::new() else { return };
    let Some(burst) = Server::microburst(bench.cloud.port()) else {
        return skip("`microburst` is not installed");
    };
    let environment = bench.cloud.environment(&burst.url(), "AKIAX", SECRET);
    let set = |rule: &str| {
        let rule = format!("[{{\"service\":\"kms\",{rule}}}]");
        let (status, answer) =
            burst.http("POST", "/_microburst/rules", &[("Content-Type", "application/json")], &rule);
        assert_eq!(status / 100, 2, "{answer}");
    };
    set("\"operation\":\"Decrypt\",\"times\":2,\"error\":{\"code\":\"ThrottlingException\"}");
    let run = Run::new(&environment, &NoPrompt);
    let opened = Keyring::new(&run).unwrap(std::slice::from_ref(&bench.stanza), &BOUND).unwrap();
    assert_eq!(opened.1.expose(), [5; 69]);
    for (trouble, rule, hint) in [
        (Trouble::Throttled, "\"error\":{\"code\":\"ThrottlingException\"}", "concurrency"),
        (Trouble::Unavailable, "\"error\":{\"code\":\"KMSInternalException\",\"status\":503}", "again later"),
        (
            Trouble::BadCredentials,
            "\"error\":{\"code\":\"ExpiredTokenException\",\"status\":400}",
            "AWS_SESSION_TOKEN",
        ),
        (Trouble::BadCredentials, "\"error\":{\"code\":\"RequestTimeTooSkewed\",\"status\":403}", "clock"),
        (
            Trouble::BadCredentials,
            "\"error\":{\"code\":\"SignatureDoesNotMatch\",\"status\":403}",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (Trouble::Denied, "\"error\":{\"code\":\"AccessDeniedException\"}", "grant kms:Decrypt"),
        (Trouble::Reset, "\"reset\":true", "is there a way"),
    ] {
        set(rule);
        let failure = bench.in_trouble(trouble, &environment, bench.stanza.clone());
        assert!(failure.hint.as_deref().is_some_and(|given| given.contains(hint)), "{rule}: {failure}");
    }
}

/// AC-29: what another application had KMS encrypt opens with the same key, and is still not this file's data key.
#[test]
fn ac_29_a_wrap_of_another_application_or_file_opens_nothing() {
    let Some(cloud) = Cloud::moto() else { return };
    let arn = cloud.key("eu-west-1");
    let project = project(&arn);
    let variables = cloud.root();
    for (name, text) in [("a.yaml", "k: first-secret\n"), ("b.yaml", "k: second-secret\n")] {
        project.write(name, text);
        run(&project, &variables, &["encrypt", name]).stdout();
    }
    let wrap = |name: &str| {
        let text = project.read(name);
        let (_, rest) = text.split_once("wrapped: ").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let body = serde_json::json!({
        "KeyId": arn, "Plaintext": "c29tZXRoaW5nIG9mIGFub3RoZXIgYXBwbGljYXRpb24=",
        "EncryptionContext": { "app": "web" },
    });
    let foreign = cloud.kms("eu-west-1", "Encrypt", &body)["CiphertextBlob"].as_str().unwrap().to_owned();
    let whole = project.read("a.yaml");
    for other in [wrap("b.yaml"), foreign] {
        project.write("a.yaml", &whole.replace(&wrap("a.yaml"), other.trim_end_matches('=')));
        let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
        assert_ne!(output.code, 0);
        assert!(
            output.stdout.is_empty() && !output.stderr.contains("another application"),
            "{}",
            output.stderr
        );
        project.write("a.yaml", &whole);
    }
    assert_eq!(run(&project, &variables, &["decrypt", "a.yaml"]).stdout(), "k: first-secret\n");
}

#[test]
fn an_age_key_opens_without_aws() {
    let recorder = Proxy::before(None);
    let project = project("arn:aws:kms:eu-west-1:111122223333:key/x");
    let text = format!(
        "version = 1\n\n[recipients]\nalice = {{ age = \"{}\" }}\n\n[[rule]]\nfiles = [\"**\"]\nto = [\"alice\"]\n",
        project.key("alice")
    );
    project.write(".sealeaf.toml", &text).write("a.yaml", "k: v\n");
    let set = |arguments: &[&str]| {
        project
            .run(arguments)
            .env("AWS_ENDPOINT_URL", recorder.url())
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", recorder.url())
            .env("AWS_ACCESS_KEY_ID", "AKIAX")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
    };
    set(&["encrypt", "a.yaml"]).stdout();
    assert_eq!(set(&["decrypt", "a.yaml"]).stdout(), "k: v\n");
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}

/// An answer to either call with that many bytes in it.
fn long(length: usize) -> String {
    let text = "A".repeat(length / 3 * 4);
    format!("{{\"Plaintext\":\"{text}\",\"CiphertextBlob\":\"{text}\",\"KeyId\":\"x\"}}")
}

const HIDDEN: &[&str] = &[SECRET, "AWS4-HMAC", "Signature="];
