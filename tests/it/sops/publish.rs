//! `sops publish`: the real program and ours, to the same servers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::face::Twins;
use super::tool::{Sops, recipient};
use crate::support::servers::Server;
use crate::support::skip;

const VALUES: &str = "# head\na: secret\nn: 1\nf: 1.50\nt: true\nz: null\nd: 2024-01-02\nm:\n  b: x # c\ne: {}\n\
                      l:\n  - 1\n  - k: v\n    n:\n      x: 2\n  - [a]\n\"é<\": \"a&b\"\nbig: 1e300\n";

/// Encrypts with the real program, for both.
fn encrypted(twins: &Twins, name: &str, text: &str) {
    twins.write(name, text);
    let words = ["encrypt", "--age", &recipient(1), name];
    let answer = twins.run("real", &words, &[], "");
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    twins.write(name, &answer.stdout);
}

/// The rules, with `[WHO]` where the two differ.
fn rules(twins: &Twins, text: &str) {
    for who in ["real", "ours"] {
        let own = twins.path(who, ".sops.yaml");
        put(&own, &text.replace("[WHO]", who));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn put(path: &std::path::Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Both publish; both must succeed.
#[track_caller]
fn both(twins: &Twins, words: &[&str], more: &[(&str, &str)]) {
    for who in ["real", "ours"] {
        let answer = twins.run(who, words, more, "");
        assert_eq!(answer.code, 0, "{who} {words:?}: {}", answer.stderr);
    }
}

#[test]
fn values_to_vault() {
    let (Some(twins), Some(vault)) = (Twins::new(), Server::openbao()) else {
        return skip("sops or OpenBao is not installed");
    };
    let address = vault.url();
    let environment = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];
    rules(
        &twins,
        &format!(
            "destination_rules:\n  - path_regex: one\\.yaml\n    vault_path: '[WHO]/x'\n    vault_kv_mount_name: one/\n    \
         vault_kv_version: 1\n  - path_regex: stem\n    vault_path: '[WHO]'\n    omit_extensions: true\n  - vault_path: \
         '[WHO]/'\n    vault_address: {address}\n"
        ),
    );
    for (name, text, from) in [
        ("two.yaml", VALUES, "secret/data/[WHO]/two.yaml"),
        ("one.yaml", VALUES, "one/[WHO]/x/one.yaml"),
        ("stem.yaml", "a: b\n", "secret/data/[WHO]/stem"),
        ("d.env", "A=1\nB=x y\n", "secret/data/[WHO]/d.env"),
        ("i.ini", "[s]\na=1\n", "secret/data/[WHO]/i.ini"),
        ("b.bin", "bytes", "secret/data/[WHO]/b.bin"),
        ("j.json", "{\"a\": {\"b\": [null, 1.5, true]}}", "secret/data/[WHO]/j.json"),
        ("md.yaml", "a: 1\n---\nb: 2\na: 3\n", "secret/data/[WHO]/md.yaml"),
    ] {
        encrypted(&twins, name, text);
        both(&twins, &["publish", "--yes", name], &environment);
        let [mut real, mut ours] = ["real", "ours"].map(|who| vault.held(&from.replace("[WHO]", who)));
        for held in [&mut real, &mut ours] {
            held.as_object_mut().unwrap().remove("metadata");
        }
        if text == VALUES {
            let values = |held: &mut Value| match held.get_mut("data") {
                Some(data) => data["l"].take(),
                None => held["l"].take(),
            };
            // The real program writes maps in lists as lists of pairs.
            assert_eq!(values(&mut ours), json!([1, { "k": "v", "n": { "x": 2 } }, ["a"]]));
            assert_eq!(values(&mut real)[1][0], json!({ "Key": "k", "Value": "v" }));
        }
        assert_eq!(ours, real, "{name}");
    }
    let version = || vault.held("secret/data/ours/two.yaml")["metadata"]["version"].clone();
    let before = version();
    both(&twins, &["publish", "--yes", "two.yaml"], &environment);
    assert_eq!(version(), before, "the same values make no new version");
}

#[test]
fn a_vault_behind_tls_that_is_shown_a_certificate() {
    let (Some(twins), Some(vault)) = (Twins::new(), Server::openbao_tls()) else {
        return skip("sops or OpenBao is not installed");
    };
    rules(&twins, "destination_rules:\n  - vault_path: x\n");
    let root = |path: &str, body: Value| {
        let (status, text) = vault.vault("POST", path, &body.to_string());
        assert!(status < 300, "{path}: {text}");
        serde_json::from_str::<Value>(&text).unwrap_or_default()["data"].clone()
    };
    root("sys/mounts/pki", json!({ "type": "pki" }));
    root("pki/root/generate/internal", json!({ "common_name": "machines", "key_type": "ec" }));
    root("pki/roles/machine", json!({ "allow_any_name": true, "key_type": "ec" }));
    let issued = root("pki/issue/machine", json!({ "common_name": "builder.example", "ttl": "1h" }));
    let [certificate, key, other] = ["cert.pem", "key.pem", "other.pem"].map(|name| twins.path("home", name));
    put(&certificate, issued["certificate"].as_str().unwrap());
    put(&key, issued["private_key"].as_str().unwrap());
    put(&other, "nothing");
    let (address, authority) = (vault.url(), vault.authority());
    let publish = |key: &std::path::Path, more: &[(&str, &str)]| {
        let own = [
            ("VAULT_ADDR", address.as_str()),
            ("VAULT_TOKEN", "root"),
            ("VAULT_CLIENT_CERT", certificate.to_str().unwrap()),
            ("VAULT_CLIENT_KEY", key.to_str().unwrap()),
        ];
        twins.run("ours", &["publish", "--yes", "e.yaml"], &[&own, more].concat(), "")
    };
    let trusting = [("VAULT_CACERT", authority.to_str().unwrap())];
    assert_eq!(publish(&key, &trusting).code, 0);
    assert!(vault.held("secret/data/x/e.yaml")["data"].is_object());
    assert!(publish(&key, &[]).stderr.contains("certificate"));
    assert!(publish(&other, &trusting).stderr.contains("a certificate for Vault cannot be used"));
}

#[test]
fn a_vault_that_says_no() {
    let (Some(twins), Some(vault)) = (Twins::new(), Server::openbao()) else {
        return skip("sops or OpenBao is not installed");
    };
    rules(&twins, "destination_rules:\n  - vault_path: x\n");
    let address = vault.url();
    let run = |token: &str| {
        let environment = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", token)];
        twins.run("ours", &["publish", "--yes", "e.yaml"], &environment, "")
    };
    let answer = run("wrong-token");
    assert_eq!(answer.code, 1);
    assert!(
        answer.stderr.contains("403") && answer.stderr.contains("permission denied"),
        "{}",
        answer.stderr
    );
    assert!(!answer.stderr.contains("wrong-token"), "{}", answer.stderr);
    put(&twins.path("home", ".vault-token"), "root\n");
    let environment = [("VAULT_ADDR", address.as_str())];
    assert_eq!(twins.run("ours", &["publish", "--yes", "e.yaml"], &environment, "").code, 0);
}

#[test]
fn tokens_stay_with_the_users_own_vault() {
    let Some(twins) = Twins::new() else { return skip("sops is not installed") };
    let recorder = TcpListener::bind("127.0.0.1:0").unwrap();
    recorder.set_nonblocking(true).unwrap();
    let other = format!("http://{}", recorder.local_addr().unwrap());
    let untouched = || assert_eq!(recorder.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    rules(&twins, &format!("destination_rules:\n  - vault_path: x\n    vault_address: {other}\n"));
    for more in [
        &[("VAULT_TOKEN", "t")][..],
        &[("VAULT_TOKEN", "t"), ("VAULT_ADDR", "http://127.0.0.1:1")],
        &[("VAULT_TOKEN", "t"), ("SOPS_HC_VAULT_ALLOWLIST", "none")],
    ] {
        let answer = twins.run("ours", &["publish", "--yes", "e.yaml"], more, "");
        assert_eq!(answer.code, 1);
        assert!(answer.stderr.contains("is not sent to"), "{}", answer.stderr);
        untouched();
    }
    // A redirect is not followed.
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", first.local_addr().unwrap());
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {other}/v1/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    thread::spawn(move || {
        for stream in first.incoming().take(2) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(redirect.as_bytes());
        }
    });
    rules(&twins, "destination_rules:\n  - vault_path: x\n");
    let environment = [("VAULT_TOKEN", "t"), ("VAULT_ADDR", own.as_str())];
    let answer = twins.run("ours", &["publish", "--yes", "e.yaml"], &environment, "");
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("is the place to ask"), "{}", answer.stderr);
    untouched();
}

/// As much of Google's storage as an upload sees. The emulator gives no ETag, on which our client insists.
struct Google {
    host: String,
    held: Arc<Mutex<HashMap<String, String>>>,
}

fn google() -> Google {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let held = Arc::new(Mutex::new(HashMap::new()));
    let store = Arc::clone(&held);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(stream.read_line(&mut head).unwrap(), 0);
            }
            let path = head.strip_prefix("PUT ").unwrap().split(' ').next().unwrap();
            let path = path.replace("%2F", "/").replace("%2E", ".");
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap()];
            stream.read_exact(&mut body).unwrap();
            store.lock().unwrap().insert(path, String::from_utf8(body).unwrap());
            let answer = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    Google { host, held }
}

#[test]
fn files_to_buckets() {
    let (Some(twins), Some(s3), Some(gcs)) = (Twins::new(), Server::moto(), Server::gcs()) else {
        return skip("sops, moto or gcp-storage-emulator is not installed");
    };
    let (s3_url, google) = (s3.url(), google());
    let hosts = [format!("127.0.0.1:{}", gcs.port), google.host.clone()];
    let environment = |host| {
        [
            ("AWS_ENDPOINT_URL", s3_url.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIATEST"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_REGION", "us-east-1"),
            ("STORAGE_EMULATOR_HOST", host),
        ]
    };
    rules(
        &twins,
        &format!(
            "destination_rules:\n  - path_regex: ^s3/\n    s3_bucket: bucket\n    s3_prefix: '[WHO]/'\n  - path_regex: ^new/\n    \
         s3_bucket: bucket\n    s3_prefix: '[WHO]-new/'\n    recreation_rule:\n      age: {}\n  - path_regex: ^gcs/\n    \
         gcs_bucket: bucket\n    gcs_prefix: '[WHO]/'\n",
            recipient(2)
        ),
    );
    for folder in ["s3", "gcs", "new"] {
        for who in ["real", "ours"] {
            std::fs::create_dir_all(twins.path(who, folder).join("sub")).unwrap();
        }
        encrypted(&twins, &format!("{folder}/x.yaml"), VALUES);
        encrypted(&twins, &format!("{folder}/sub/y.json"), "{\"a\": 1}");
        let one = format!("{folder}/x.yaml");
        for words in
            [["publish", "--yes", "--recursive", folder], ["publish", "--yes", "--omit-extensions", &one]]
        {
            for (who, host) in ["real", "ours"].into_iter().zip(&hosts) {
                let answer = twins.run(who, &words, &environment(host), "");
                assert_eq!(answer.code, 0, "{who} {words:?}: {}", answer.stderr);
            }
        }
    }
    let signed =
        [("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request")];
    let in_s3 = |name: &str| s3.http("GET", &format!("/bucket/{name}"), &signed, "");
    let in_gcs = |name: &str| match name.strip_prefix("ours/") {
        Some(_) => {
            (200, google.held.lock().unwrap().get(&format!("/bucket/{name}")).cloned().unwrap_or_default())
        }
        None => gcs.http("GET", &format!("/bucket/{name}"), &[], ""),
    };
    for name in ["x.yaml", "sub/y.json", "x"] {
        let file = name.replace("/x", "/x.yaml");
        let file = if file == "x" { "x.yaml" } else { &file };
        for (folder, get) in [("s3", &in_s3 as &dyn Fn(&str) -> (u16, String)), ("gcs", &in_gcs)] {
            let sent = std::fs::read_to_string(twins.path("ours", folder).join(file)).unwrap();
            assert_eq!(get(&format!("real/{name}")), (200, sent.clone()), "{folder} real/{name}");
            assert_eq!(get(&format!("ours/{name}")), (200, sent), "{folder} ours/{name}");
        }
    }
    // With a new data key, for the keys of the rule.
    let (status, made) = in_s3("ours-new/x.yaml");
    assert_eq!(status, 200);
    assert!(made.contains(&recipient(2)) && !made.contains(&recipient(1)));
    let opened = super::tool::open_with(&made, super::tool::format("yaml"), &[2]).unwrap();
    let sent = std::fs::read_to_string(twins.path("ours", "new/x.yaml")).unwrap();
    let before = super::tool::open(&sent, super::tool::format("yaml")).unwrap();
    assert_eq!(opened.plain().source.as_str(), before.plain().source.as_str());
    assert!(Sops::new().unwrap().decrypt(&made, "yaml", &[]).is_err(), "the old key opens it no more");
}

#[test]
fn questions_and_refusals() {
    let (Some(twins), Some(vault)) = (Twins::new(), Server::openbao()) else {
        return skip("sops or OpenBao is not installed");
    };
    let address = vault.url();
    let environment = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root")];
    rules(&twins, "destination_rules:\n  - path_regex: e\\.yaml|d/\n    vault_path: '[WHO]/'\n");
    let [real, ours] =
        ["real", "ours"].map(|who| twins.run(who, &["publish", "e.yaml"], &environment, "n\n"));
    assert_eq!((real.code, ours.code), (1, 1));
    assert_eq!(real.stdout.replace("/real/", "/ours/"), ours.stdout);
    assert!(ours.stderr.contains("Publication of [HERE]/e.yaml canceled"), "{}", ours.stderr);
    assert_eq!(vault.vault("GET", "secret/data/ours/e.yaml", "").0, 404);
    for (words, stdin) in [
        (&["publish", "e.yaml"][..], "y\n"),
        (&["publish", "e.yaml"], "what\ny\n"),
        (&["publish", "e.yaml"], ""),
        (&["publish"], ""),
        (&["publish", "--yes", "p.yaml"], ""),
        (&["publish", "--yes", "nowhere.yaml"], ""),
        (&["publish", "--yes", "d"], ""),
        (&["publish", "--recursive", "d"], "n\nn\n"),
        (&["publish", "--yes", "--recursive", "d"], ""),
    ] {
        for who in ["real", "ours"] {
            std::fs::create_dir_all(twins.path(who, "d")).unwrap();
            std::fs::copy(twins.path(who, "e.yaml"), twins.path(who, "d/z.yaml")).unwrap();
        }
        let [real, ours] = ["real", "ours"].map(|who| twins.run(who, words, &environment, stdin));
        assert_eq!(ours.code, real.code, "{words:?} {stdin:?}: {} {}", ours.stderr, real.stderr);
    }
    twins.write(".sops.yaml", "creation_rules: []\n");
    let [real, ours] =
        ["real", "ours"].map(|who| twins.run(who, &["publish", "--yes", "e.yaml"], &environment, ""));
    assert_eq!((real.code, ours.code), (1, 1));
}
