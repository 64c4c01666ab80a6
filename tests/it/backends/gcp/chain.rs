//! Who asks: every kind of credentials, and their order.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use sealeaf::keys::gcp::Gcp;
use sealeaf::keys::{Cause, Environment, KeyBackend, KeyError, KeyRef, NoPrompt, Run, Stanza, Unwrapped};

use super::cloud::{
    ADMIN, BOUND, Cloud, EVERYBODY, KEY_HOLDER, MACHINE, STRANGER, TARGET, put, wait, wrapped,
};
use crate::support::{Fault, Proxy};

struct Bench {
    cloud: Cloud,
    key: KeyRef,
    stanza: Stanza,
}

impl Bench {
    fn new() -> Option<Self> {
        let cloud = Cloud::new()?;
        let key = cloud.key("k", "EncrypterDecrypter", EVERYBODY);
        let stanza = wrapped(&cloud.environment(&[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]), &key);
        Some(Self { cloud, key, stanza })
    }

    /// The steps to the identity, `> ` before the used one, and what came of unwrapping.
    fn steps(&self, environment: &Environment) -> (Vec<String>, Unwrapped) {
        let run = Run::new(environment, &NoPrompt);
        let steps = wait(Gcp.identity(&self.key, &run)).into_iter().map(|step| {
            let mark = if step.used { "> " } else { "" };
            format!("{mark}{}: {}", step.name, step.outcome)
        });
        (steps.collect(), wait(Gcp.unwrap(&self.stanza, &BOUND, &run)))
    }

    /// The last log entry of the stand-in: as whom it was asked.
    fn seen(&self) -> String {
        let log = std::fs::read_to_string(self.cloud.file("asked.log")).unwrap();
        log.lines().last().unwrap().rsplit_once(' ').unwrap().1.to_owned()
    }
}

#[test]
fn every_kind_of_credentials_opens() {
    let Some(bench) = Bench::new() else { return };
    let federated = EVERYBODY[4];
    for (file, words, seen) in [
        ("key.json", format!("service account key of {KEY_HOLDER}"), KEY_HOLDER),
        ("user.json", "login of a user".to_owned(), "alice@example.com"),
        ("federated.json", format!("workload identity federation of {TARGET}"), TARGET),
        ("direct.json", "workload identity federation".to_owned(), federated),
        ("impersonated.json", format!("impersonation of {TARGET}"), TARGET),
    ] {
        let path = bench.cloud.file(file);
        let text = std::fs::read_to_string(&path).unwrap();
        for (name, value) in [
            ("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap()),
            ("GOOGLE_CREDENTIALS", path.to_str().unwrap()),
            ("GOOGLE_CREDENTIALS", text.as_str()),
        ] {
            let (steps, answer) = bench.steps(&bench.cloud.environment(&[(name, value)]));
            assert!(matches!(answer, Unwrapped::Opened(_)), "{file}: {answer:?}");
            assert!(steps.contains(&format!("> {name}: {words}")), "{steps:?}");
            assert_eq!(bench.seen(), seen);
        }
    }
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join(".config/gcloud/application_default_credentials.json");
    put(&place, &std::fs::read_to_string(bench.cloud.file("user.json")).unwrap());
    for (name, folder) in
        [("HOME", home.path().to_owned()), ("CLOUDSDK_CONFIG", place.parent().unwrap().to_owned())]
    {
        let (steps, answer) = bench.steps(&bench.cloud.environment(&[(name, folder.to_str().unwrap())]));
        assert!(matches!(answer, Unwrapped::Opened(_)), "{answer:?}");
        assert!(steps.contains(&format!("> {}: login of a user", place.display())), "{steps:?}");
    }
}

#[test]
fn the_machine_says_who_it_is() {
    let Some(bench) = Bench::new() else { return };
    let host = format!("127.0.0.1:{}", bench.cloud.port());
    let machine = [("NO_GCE_CHECK", ""), ("GCE_METADATA_HOST", &*host)];
    let (steps, answer) = bench.steps(&bench.cloud.environment(&machine));
    assert!(matches!(answer, Unwrapped::Opened(_)), "{answer:?}");
    assert_eq!(
        steps.last().unwrap(),
        &format!("> metadata server: the machine's service account of {MACHINE}")
    );
    assert_eq!(bench.seen(), MACHINE);

    // Something that is no metadata server, and nothing at all.
    let other = Proxy::before(None);
    let closed = format!("127.0.0.1:{}", crate::support::servers::free_port());
    for (host, told) in [
        (format!("127.0.0.1:{}", other.port), "does not answer as one"),
        (closed, "there is none at"),
        ("x:y".to_owned(), "is no host"),
    ] {
        let (steps, answer) =
            bench.steps(&bench.cloud.environment(&[("NO_GCE_CHECK", ""), ("GCE_METADATA_HOST", &host)]));
        assert!(steps.last().unwrap().contains(told), "{steps:?}");
        let Unwrapped::Failed(KeyError::Remote { failure, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(failure.cause, Cause::NoCredentials);
    }
    assert!(other.asked().iter().all(|asked| asked.line.ends_with("/service-accounts/default/email")));
}

/// A listener whose queue is full: whoever connects hears nothing. It says its port, and lives as long as its input.
const DEAF: &str = "
import socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(0)
port = listener.getsockname()[1]
waiting = [socket.socket() for _ in range(4)]
for client in waiting:
    client.setblocking(False)
    client.connect_ex(('127.0.0.1', port))
print(port, flush=True)
sys.stdin.read()
";

#[test]
fn that_there_is_no_metadata_server_is_found_in_300_ms() {
    let Some(bench) = Bench::new() else { return };
    let mut deaf = Command::new("python3")
        .args(["-c", DEAF])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(deaf.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let host = format!("127.0.0.1:{}", port.trim());
    let (steps, _) =
        bench.steps(&bench.cloud.environment(&[("NO_GCE_CHECK", ""), ("GCE_METADATA_HOST", &host)]));
    assert_eq!(steps.last().unwrap(), &format!("metadata server: no answer from {host} in 300 ms"));
    drop(deaf.stdin.take());
    deaf.wait().unwrap();
}

#[test]
fn the_first_place_is_taken_and_a_mistake_there_ends_the_search() {
    let Some(bench) = Bench::new() else { return };
    let file = bench.cloud.file("key.json");
    let key = file.to_str().unwrap();
    let all = [
        ("GOOGLE_CREDENTIALS", key),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", STRANGER),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/missing.json"),
    ];
    let (steps, answer) = bench.steps(&bench.cloud.environment(&all));
    assert!(matches!(answer, Unwrapped::Opened(_)), "{answer:?}");
    assert_eq!(steps[0], format!("> GOOGLE_CREDENTIALS: service account key of {KEY_HOLDER}"));
    assert!(steps[1..].iter().all(|step| step.ends_with(": not looked at")), "{steps:?}");

    let (steps, answer) = bench.steps(&bench.cloud.environment(&all[1..]));
    assert_eq!(steps[1], "> GOOGLE_OAUTH_ACCESS_TOKEN: access token");
    assert!(matches!(answer, Unwrapped::Failed(_)), "{answer:?}");

    let broken = bench.cloud.file("broken.json");
    put(&broken, "{\"type\": \"service_account\", \"private_key\": \"SECRET\"}");
    for (path, told) in
        [("/missing.json", "No such file"), (broken.to_str().unwrap(), "has a `client_email`")]
    {
        let host = format!("127.0.0.1:{}", bench.cloud.port());
        let variables =
            [("GOOGLE_APPLICATION_CREDENTIALS", path), ("NO_GCE_CHECK", ""), ("GCE_METADATA_HOST", &host)];
        let (steps, answer) = bench.steps(&bench.cloud.environment(&variables));
        assert!(
            steps[2].starts_with("> GOOGLE_APPLICATION_CREDENTIALS: ") && steps[2].contains(told),
            "{steps:?}"
        );
        let Unwrapped::Failed(KeyError::Remote { failure, .. }) = answer else { panic!("{answer:?}") };
        let text = failure.to_string();
        assert!(
            failure.cause == Cause::NoCredentials && text.contains(told) && !text.contains("SECRET"),
            "{text}"
        );
    }
}

#[test]
fn who_may_not_act_as_another_is_told_which_role_is_missing() {
    let Some(bench) = Bench::new() else { return };
    let proxy = Proxy::before(Some(bench.cloud.port()));
    let file = bench.cloud.moved("impersonated.json", &proxy.url());
    let refusal = "{\"error\": {\"code\": 403, \"status\": \"PERMISSION_DENIED\", \"message\": \"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).\"}}";
    proxy.next("generateAccessToken", Fault::Answer(403, "application/json", refusal.to_owned()));
    let environment = bench.cloud.environment(&[("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())]);
    let Unwrapped::Failed(KeyError::Remote { failure, .. }) = bench.steps(&environment).1 else { panic!() };
    assert_eq!(failure.cause, Cause::Denied);
    let hint = format!("give the identity the role roles/iam.serviceAccountTokenCreator on {TARGET}");
    assert_eq!(failure.hint.as_deref(), Some(&*hint));
    assert_eq!(failure.principal.as_deref(), Some(TARGET));
}

#[test]
fn nothing_is_asked_before_the_first_call() {
    let Some(bench) = Bench::new() else { return };
    let recorder = Proxy::before(None);
    let host = format!("127.0.0.1:{}", recorder.port);
    let project = crate::support::Project::new(&["alice"], "[[rule]]\nfiles = [\"**\"]\nto = [\"alice\"]\n");
    let run = |arguments: &[&str]| {
        let run = project.run(arguments).env("SEALEAF_GCP_ENDPOINT", recorder.url());
        run.env("GCE_METADATA_HOST", &host).env("GOOGLE_APPLICATION_CREDENTIALS", "/missing.json").stdout()
    };
    project.write("a.yaml", "k: v\n");
    run(&["encrypt", "a.yaml"]);
    assert_eq!(run(&["decrypt", "a.yaml"]), "k: v\n");
    // A file with a key of Google's beside one's own opens with that.
    let recipients = format!(
        "version = 1\n\n[recipients]\nalice = {{ age = \"{}\" }}\nci = {{ gcp_kms = \"{}\" }}\n\n[[rule]]\nfiles = [\"**\"]\nto = [\"alice\", \"ci\"]\n",
        project.key("alice"),
        bench.key.id
    );
    project.write(".sealeaf.toml", &recipients).write("b.yaml", "k: v\n");
    let variables = bench.cloud.variables(&bench.cloud.url(), &[("GOOGLE_OAUTH_ACCESS_TOKEN", ADMIN)]);
    let sealing = variables.iter().filter(|(name, _)| name != "HOME");
    sealing.fold(project.run(&["encrypt", "b.yaml"]), |run, (name, value)| run.env(name, value)).stdout();
    assert_eq!(run(&["decrypt", "b.yaml"]), "k: v\n");
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}
