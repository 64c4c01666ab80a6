//! Identities and policies, on fakecloud.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealeaf::keys::aws::Aws;
use sealeaf::keys::contract::trouble::{Trouble, Troubled, unwrapping_fails, wrapping_fails};
use sealeaf::keys::contract::{self, Fixture};
use sealeaf::keys::{Environment, KeyBackend, NoPrompt, Run, Step, Unwrapped, WrapContext};
use serde_json::json;

use super::cloud::{Cloud, key_ref};
use super::roles::put;
use super::trouble::wrapped;
use super::{project, run};
use crate::support::Proxy;

const BOUND: WrapContext = WrapContext { fid: [7; 16], epoch: 3 };

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn fakecloud_keeps_the_contract() {
    let Some(cloud) = Cloud::strict() else { return };
    let key = key_ref(&cloud.key("us-east-1"), &[("app", "web")]);
    let foreign = key_ref(&cloud.key("us-east-1"), &[]);
    let (id, secret) = cloud
        .user("owner", &[("kms:Encrypt", "*"), ("kms:Decrypt", &key.id), ("sts:GetCallerIdentity", "*")]);
    let owner = cloud.environment(&cloud.url(), &id, &secret);
    let (id, other) = cloud.user("stranger", &[("sts:GetCallerIdentity", "*")]);
    let stranger = cloud.environment(&cloud.url(), &id, &other);
    let fixture = Fixture {
        foreign,
        owner: &Run::new(&owner, &NoPrompt),
        stranger: &Run::new(&stranger, &NoPrompt),
        spellings: &[],
        invalid: &["x"],
        hidden: &[&secret, &other],
        stride: 11,
        key,
    };
    contract::all(&Aws, &fixture);
}

#[test]
fn who_may_not_is_told_what_to_grant() {
    let Some(cloud) = Cloud::strict() else { return };
    let key = key_ref(&cloud.key("us-east-1"), &[("app", "web")]);
    let other = cloud.key("us-east-1");
    let (id, secret) = cloud.user("ci", &[("kms:*", &other), ("sts:GetCallerIdentity", "*")]);
    let root: Environment = cloud.root().into_iter().collect();
    let stanza = wrapped(&root, &key);
    let environment = cloud.environment(&cloud.url(), &id, &secret);
    let run = Run::new(&environment, &NoPrompt);
    let troubled = Troubled { run: &run, stanza: stanza.clone(), hidden: &[&secret] };
    for (action, failure) in [
        ("kms:Decrypt", unwrapping_fails(&Aws, Trouble::Denied, &troubled)),
        ("kms:Encrypt", wrapping_fails(&Aws, Trouble::Denied, &key, &troubled)),
    ] {
        let who = "arn:aws:iam::123456789012:user/ci";
        assert_eq!(failure.principal.as_deref(), Some(who), "{failure}");
        assert_eq!(failure.identity.as_deref(), Some("environment"));
        assert_eq!(failure.hint.as_deref(), Some(&*format!("grant {action} on {} to {who}", key.id)));
    }
    let wrong = cloud.environment(&cloud.url(), &id, "notTheSecretOfThisAccessKey0000000000000");
    let run = Run::new(&wrong, &NoPrompt);
    let troubled = Troubled { run: &run, stanza, hidden: &[&secret] };
    unwrapping_fails(&Aws, Trouble::BadCredentials, &troubled);
}

#[test]
fn keys_that_are_off_or_on_their_way_out() {
    let Some(cloud) = Cloud::strict() else { return };
    let environment: Environment = cloud.root().into_iter().collect();
    for (action, body, hint) in [
        ("DisableKey", json!({}), "enable-key"),
        ("ScheduleKeyDeletion", json!({ "PendingWindowInDays": 7 }), "cancel-key-deletion"),
    ] {
        let key = key_ref(&cloud.key("us-east-1"), &[]);
        let stanza = wrapped(&environment, &key);
        let mut body = body;
        body["KeyId"] = key.id.clone().into();
        cloud.kms("us-east-1", action, &body);
        let run = Run::new(&environment, &NoPrompt);
        let troubled = Troubled { run: &run, stanza, hidden: &[] };
        let failure = unwrapping_fails(&Aws, Trouble::Disabled, &troubled);
        assert!(failure.hint.as_deref().unwrap().contains(hint), "{failure}");
        wrapping_fails(&Aws, Trouble::Disabled, &key, &troubled);
    }
}

/// fakecloud knows a replica by its key id only, AWS by its ARN (developer guide, "Multi-Region keys"); so the request is
/// looked at, not the answer.
#[test]
fn keys_of_several_regions_are_asked_in_the_region_of_their_arn() {
    let Some(cloud) = Cloud::strict() else { return };
    let made = cloud.kms("us-east-1", "CreateKey", &json!({ "MultiRegion": true }));
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap();
    assert!(arn.contains(":key/mrk-"), "{arn}");
    cloud.kms("us-east-1", "ReplicateKey", &json!({ "KeyId": arn, "ReplicaRegion": "eu-west-1" }));
    let proxy = Proxy::before(Some(cloud.port()));
    let environment = cloud.environment(&proxy.url(), "test", "test");
    let mut stanza = wrapped(&environment, &key_ref(arn, &[("a", "b")]));
    let run = Run::new(&environment, &NoPrompt);
    let answer = wait(Aws.unwrap(&stanza, &BOUND, &run));
    assert!(matches!(&answer, Unwrapped::Opened(secret) if secret.expose() == [5; 69]), "{answer:?}");
    stanza.recipient.key.id = arn.replace("us-east-1", "eu-west-1");
    wait(Aws.unwrap(&stanza, &BOUND, &run));
    let asked = proxy.asked();
    let asked = asked.last().unwrap();
    assert!(asked.headers.contains("/eu-west-1/kms/aws4_request"), "{}", asked.headers);
    assert!(asked.body.contains(&stanza.recipient.key.id), "{}", asked.body);
}

#[test]
fn the_user_s_role_is_assumed_with_its_external_id() {
    let Some(cloud) = Cloud::strict() else { return };
    let key = key_ref(&cloud.key("us-east-1"), &[]);
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "arn:aws:iam::123456789012:root" },
        "Condition": { "StringEquals": { "sts:ExternalId": "the-right-one" } },
    }] });
    let role = cloud.role("opener", &trust, &[("kms:*", &key.id), ("sts:GetCallerIdentity", "*")]);
    let (id, secret) = cloud.user("ci", &[("sts:AssumeRole", &role)]);
    let environment = cloud.environment(&cloud.url(), &id, &secret);
    let root: Environment = cloud.root().into_iter().collect();
    let stanza = wrapped(&root, &key);
    let with = |role: Option<&str>, external_id: Option<&str>| {
        let mut run = Run::new(&environment, &NoPrompt);
        run.settings.aws.role = role.map(str::to_owned);
        run.settings.aws.external_id = external_id.map(str::to_owned);
        run
    };
    let answer = |run: &Run<'_>| wait(Aws.unwrap(&stanza, &BOUND, run));
    assert!(matches!(answer(&with(Some(&role), Some("the-right-one"))), Unwrapped::Opened(_)));
    for external_id in [None, Some("another")] {
        let run = with(Some(&role), external_id);
        let troubled = Troubled { run: &run, stanza: stanza.clone(), hidden: &[&secret] };
        let failure = unwrapping_fails(&Aws, Trouble::Denied, &troubled);
        assert_eq!(failure.call, format!("sts:AssumeRole of {role}"));
    }
    let run = with(None, None);
    let troubled = Troubled { run: &run, stanza: stanza.clone(), hidden: &[&secret] };
    unwrapping_fails(&Aws, Trouble::Denied, &troubled);

    let run = with(Some(&role), Some("the-right-one"));
    let steps = wait(Aws.identity(&key, &run));
    let told: Vec<String> =
        steps.iter().map(|Step { name, outcome, .. }| format!("{name}: {outcome}")).collect();
    assert_eq!(told[0], "environment: AWS_ACCESS_KEY_ID is set");
    assert_eq!(told[1], format!("role {role}: assumed"));
    assert!(
        told[2].starts_with("who AWS says you are: arn:aws:sts::123456789012:assumed-role/opener/sealeaf"),
        "{told:?}"
    );
}

#[test]
fn machines_in_the_cloud_have_their_own_identity() {
    let Some(cloud) = Cloud::lax() else { return };
    let project = project(&cloud.key("us-east-1"));
    project.write("a.yaml", "k: v\n");
    run(&project, &cloud.root(), &["encrypt", "a.yaml"]).stdout();
    let address = [("AWS_ENDPOINT_URL", cloud.url())];
    for variables in [
        [("AWS_EC2_METADATA_SERVICE_ENDPOINT", cloud.url())],
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/_fakecloud/credentials", cloud.url()))],
    ] {
        let variables = [&address[..], &variables].concat();
        let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
        assert_eq!(output.stdout, "k: v\n", "{variables:?}: {}", output.stderr);
    }
    // Without credentials, in little time, and with every step named.
    let closed = format!("http://127.0.0.1:{}", crate::support::servers::free_port());
    let variables = [&address[..], &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", closed)]].concat();
    let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
    assert_eq!(output.code, 4);
    for said in [
        "no credentials found",
        "environment: AWS_ACCESS_KEY_ID is not set",
        "instance metadata: Connection refused",
    ] {
        assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
    }
}

/// A token with these claims, and a signature that nobody checks here.
fn token(issuer: &str, subject: &str, audience: &str, end: u64) -> String {
    let payload = json!({ "iss": issuer, "sub": subject, "aud": audience, "exp": end, "iat": 1_700_000_000 });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let head = part(r#"{"alg":"RS256","typ":"JWT","kid":"1"}"#);
    format!("{head}.{}.{}", part(&payload.to_string()), part(SIGNATURE))
}

/// A role for a pipeline's tokens.
fn role_for_tokens(cloud: &Cloud) -> String {
    cloud.iam(
        "CreateOpenIDConnectProvider",
        &[("Url", ISSUER), ("ClientIDList.member.1", AUDIENCE), ("ThumbprintList.member.1", &"0".repeat(40))],
    );
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": { "Federated": "arn:aws:iam::123456789012:oidc-provider/token.ci.example" },
        "Condition": { "StringEquals": { "token.ci.example:sub": SUBJECT, "token.ci.example:aud": AUDIENCE } },
    }] });
    cloud.role("ci", &trust, &[("kms:*", "*")])
}

#[test]
fn tokens_of_a_pipeline_are_taken_for_what_they_claim() {
    let Some(cloud) = Cloud::lax() else { return };
    let role = role_for_tokens(&cloud);
    let project = project(&cloud.key("us-east-1"));
    project.write("a.yaml", "k: v\n");
    run(&project, &cloud.root(), &["encrypt", "a.yaml"]).stdout();
    let place = project.home().join("token");
    let variables = [
        ("AWS_ENDPOINT_URL", cloud.url()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", place.display().to_string()),
        ("AWS_ROLE_ARN", role),
    ];
    let decrypt = |token: &str| {
        put(&place, token);
        let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
        let signature = token.rsplit('.').next().unwrap();
        assert!(!output.stderr.contains(signature), "{}", output.stderr);
        output
    };
    let opened = decrypt(&token(ISSUER, SUBJECT, AUDIENCE, FAR));
    assert_eq!(opened.stdout, "k: v\n", "{}", opened.stderr);
    for (what, token) in [
        ("sub", token(ISSUER, "repo:evil/app:ref:main", AUDIENCE, FAR)),
        ("aud", token(ISSUER, SUBJECT, "another", FAR)),
        ("iss", token("https://token.evil.example", SUBJECT, AUDIENCE, FAR)),
        ("exp", token(ISSUER, SUBJECT, AUDIENCE, 1_700_000_100)),
    ] {
        let output = decrypt(&token);
        assert_ne!(output.code, 0, "{what}");
        assert!(output.stderr.contains("sts:AssumeRoleWithWebIdentity"), "{what}: {}", output.stderr);
        assert!(output.stderr.contains("from   web identity token"), "{what}: {}", output.stderr);
    }

    let keys = [("AWS_ACCESS_KEY_ID", "test".to_owned()), ("AWS_SECRET_ACCESS_KEY", "test".to_owned())];
    let environment = variables.into_iter().chain(keys).collect();
    let run = Run::new(&environment, &NoPrompt);
    let steps = wait(Aws.identity(&key_ref("arn:aws:kms:us-east-1:123456789012:key/x", &[]), &run));
    let claims = steps.iter().find(|step| step.name.starts_with("claims")).unwrap();
    let told = format!("iss {ISSUER}, sub {SUBJECT}, aud {AUDIENCE}, exp 1700000100, over for ");
    assert!(claims.outcome.starts_with(&told), "{claims:?}");
}

const ISSUER: &str = "https://token.ci.example";
const SUBJECT: &str = "repo:acme/app:ref:main";
const AUDIENCE: &str = "sts.amazonaws.com";
const SIGNATURE: &str = "signature that nobody checks";
const FAR: u64 = 4_000_000_000;
