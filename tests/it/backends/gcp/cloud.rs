//! What the tests ask of the stand-in for Google as its administrator, and the environments of its users.

use std::fs;
use std::path::{Path, PathBuf};

use sealeaf::keys::{Environment, KeyRef, Keyring, NoPrompt, Recipient, Run, Stanza, WrapContext};
use sealeaf::secret::SecretBytes;
use serde_json::{Value, json};

use crate::support::servers::Server;
use crate::support::skip;

/// A token of the administrator, and one of somebody who may do nothing.
pub(super) const ADMIN: &str = "ya29.admin";
pub(super) const STRANGER: &str = "ya29.stranger";

/// Service accounts.
pub(super) const KEY_HOLDER: &str = "key-holder@app.iam.gserviceaccount.com";
pub(super) const MACHINE: &str = "machine@app.iam.gserviceaccount.com";
pub(super) const TARGET: &str = "target@app.iam.gserviceaccount.com";

/// Everybody who is somebody: members of a policy.
pub(super) const EVERYBODY: &[&str] = &[
    "serviceAccount:key-holder@app.iam.gserviceaccount.com",
    "serviceAccount:machine@app.iam.gserviceaccount.com",
    "serviceAccount:target@app.iam.gserviceaccount.com",
    "user:alice@example.com",
    "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/subject/repo:example/app",
];

/// Texts that no error may hold.
pub(super) const HIDDEN: &[&str] = &["ya29.", "1//", "client-secret", "PRIVATE KEY", "Bearer", "eyJ"];

/// The context of the contract's own wraps.
pub(super) const BOUND: WrapContext = WrapContext { fid: [7; 16], epoch: 3 };

const RING: &str = "projects/app/locations/europe-west3/keyRings/r";

/// The running stand-in, with a key ring.
pub(super) struct Cloud {
    server: Server,
}

impl Cloud {
    pub(super) fn new() -> Option<Self> {
        let Some(server) = Server::gcp() else {
            skip("the tools are not installed");
            return None;
        };
        let cloud = Self { server };
        cloud.ask("POST", &format!("{}?keyRingId=r", RING.trim_end_matches("/r")), &json!({}));
        Some(cloud)
    }

    pub(super) fn port(&self) -> u16 {
        self.server.port
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// A call as the administrator.
    #[track_caller]
    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("Authorization", &*format!("Bearer {ADMIN}")), ("Content-Type", "application/json")];
        let (status, answer) = self.server.http(method, &format!("/v1/{path}"), &headers, &body.to_string());
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// A new key, with a role on it for these members.
    pub(super) fn key(&self, name: &str, role: &str, members: &[&str]) -> KeyRef {
        self.ask("POST", &format!("{RING}/cryptoKeys?cryptoKeyId={name}"), &json!({}));
        let id = format!("{RING}/cryptoKeys/{name}");
        let binding = json!({ "role": format!("roles/cloudkms.cryptoKey{role}"), "members": members });
        self.ask("POST", &format!("{id}:setIamPolicy"), &json!({ "policy": { "bindings": [binding] } }));
        key_ref(&id)
    }

    /// Sets the state of a key's version.
    pub(super) fn set_state(&self, key: &KeyRef, version: u32, state: &str) {
        let path = format!("{}/cryptoKeyVersions/{version}?updateMask=state", key.id);
        self.ask("PATCH", &path, &json!({ "state": state }));
    }

    /// A file of credentials.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    /// A copy of such a file, for which the services are at that address.
    pub(super) fn moved(&self, name: &str, url: &str) -> PathBuf {
        let copy = self.file(&format!("moved-{name}"));
        put(&copy, &fs::read_to_string(self.file(name)).unwrap().replace(&self.url(), url));
        copy
    }

    /// A user's variables, for whom Cloud KMS is at that address and no machine is one of Google's.
    pub(super) fn variables(&self, url: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let fixed = [("SEALEAF_GCP_ENDPOINT", url), ("NO_GCE_CHECK", "true"), ("HOME", "/nowhere")];
        let later = |name: &str| more.iter().any(|(other, _)| *other == name);
        let all = fixed.iter().filter(|(name, _)| !later(name)).chain(more);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    pub(super) fn environment(&self, more: &[(&str, &str)]) -> Environment {
        self.variables(&self.url(), more).into_iter().collect()
    }
}

pub(super) fn key_ref(id: &str) -> KeyRef {
    KeyRef { kind: "gcp_kms".to_owned(), id: id.to_owned(), context: Default::default() }
}

/// A wrap for a key, of somebody with that environment.
pub(super) fn wrapped(environment: &Environment, key: &KeyRef) -> Stanza {
    let run = Run::new(environment, &NoPrompt);
    let recipient = Recipient { key: key.clone(), name: String::new(), break_glass: false };
    let secret = SecretBytes::new(vec![5; 69]);
    Keyring::new(&run).wrap(&[recipient], &secret, &BOUND).unwrap().remove(0)
}

/// Waits for a backend.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
pub(super) fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
