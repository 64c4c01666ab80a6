//! Azure as `azure.py` plays it, under its real names in a network of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use super::{Namespace, skip, tools};

/// The stand-in and its network; ended when dropped.
pub(crate) struct Azure {
    /// None where this process runs inside, and another one holds it.
    outside: Option<(Namespace, Child)>,
    folder: PathBuf,
}

impl Azure {
    /// `None` where there is no Python for it, or no private network.
    pub(crate) fn start() -> Option<Self> {
        let Some(python) = tools().map(|tools| tools.join("bin/python")).filter(|python| python.exists())
        else {
            skip("`.test-tools` is not set up");
            return None;
        };
        let here = Ipv4Addr::LOCALHOST;
        let mut names: Vec<(&str, Ipv4Addr)> = HOSTS.iter().map(|name| (*name, here)).collect();
        names.push(("metadata.internal", Ipv4Addr::new(169, 254, 169, 254)));
        let network = Namespace::new(&names)?;
        let folder = network.folder();
        let mut server = network
            .command(python, &folder)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/azure.py"))
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut log = BufReader::new(server.stdout.take().unwrap());
        log.read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Some(Self { outside: Some((network, server)), folder })
    }

    /// Runs a test's body in a process of its own inside the network: the library then asks the stand-in, with no way out.
    pub(crate) fn inside(test: &str, body: impl FnOnce(&Self)) {
        #[expect(clippy::disallowed_methods, reason = "the test's own environment, not the program's")]
        if let Some(folder) = std::env::var_os(INSIDE) {
            return body(&Self { outside: None, folder: folder.into() });
        }
        let Some(azure) = Self::start() else { return };
        let output = azure
            .command(std::env::current_exe().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")))
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, &azure.folder)
            .env("SSL_CERT_FILE", azure.file("ca.pem"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}\n{stderr}");
    }

    /// A program that is run inside the network.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let (outer, arguments) = self.entrance(folder);
        let mut command = Command::new(outer);
        command.args(arguments).arg(program);
        command
    }

    /// What enters the network, for [`super::Run::under`].
    pub(crate) fn entrance(&self, folder: &Path) -> (&'static str, Vec<String>) {
        let (program, mut arguments) = self.network().entrance(folder);
        // The folder as it is seen from inside: the one that was entered with has no name there.
        arguments.extend(["sh", "-c", "cd \"$0\" && exec \"$@\""].map(str::to_owned));
        arguments.push(folder.display().to_string());
        (program, arguments)
    }

    /// A file that the stand-in made.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a key, or one more version of it; gives the version's identifier.
    pub(crate) fn key(&self, name: &str) -> String {
        let made = self.control("key", &json!({ "name": name }));
        format!("{VAULT}/keys/{name}/{}", made["version"].as_str().unwrap())
    }

    /// A key that nobody may decrypt with.
    pub(crate) fn sealing_key(&self, name: &str) -> String {
        let made = self.control("key", &json!({ "name": name, "denied": { "decrypt": "*" } }));
        format!("{VAULT}/keys/{name}/{}", made["version"].as_str().unwrap())
    }

    /// The next requests whose line holds `part` get this answer.
    pub(crate) fn answer(&self, part: &str, status: u16, body: &str) {
        let fault = json!({ "part": part, "kind": "answer", "status": status, "body": body, "times": 9 });
        self.control("fault", &fault);
    }

    /// The next requests whose line holds `part` meet `reset`, `silence` or `huge`.
    pub(crate) fn fault(&self, part: &str, kind: &str) {
        self.control("fault", &json!({ "part": part, "kind": kind, "times": 9 }));
    }

    /// Forgets faults and requests.
    pub(crate) fn calm(&self) {
        self.control("set", &json!({ "faults": [], "log": [], "connections": [] }));
    }

    /// The lines of the requests until now: `POST host/path authorized`.
    pub(crate) fn asked(&self) -> Vec<String> {
        serde_json::from_value(self.control("asked", &json!({}))["asked"].clone()).unwrap()
    }

    /// How many connections there were until now, for services other than the metadata's.
    pub(crate) fn connections(&self) -> usize {
        self.control("asked", &json!({}))["connections"].as_array().unwrap().len()
    }

    /// A call to the stand-in itself.
    pub(crate) fn control(&self, path: &str, body: &Value) -> Value {
        let mut stream = UnixStream::connect(self.folder.join("control")).unwrap();
        let body = body.to_string();
        let head = format!("POST /{path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn network(&self) -> &Namespace {
        &self.outside.as_ref().unwrap().0
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        if let Some((_, server)) = &mut self.outside {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

pub(crate) const VAULT: &str = "https://myvault.vault.azure.net";
pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const SECRET: &str = "app-secret-value";

/// What stands for the stand-in.
const HOSTS: [&str; 6] = [
    "myvault.vault.azure.net",
    "other.vault.azure.net",
    "hsm.managedhsm.azure.net",
    "login.microsoftonline.com",
    "kv.corp.example",
    "v.vault.azure.net.evil.example",
];

/// Set in a process that runs inside.
const INSIDE: &str = "SEALEAF_TEST_AZURE";
