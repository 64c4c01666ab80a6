//! A network of its own, in which programs that are not told otherwise ask the test's servers: host names stand for
//! this machine, ports below 1024 are free, and nothing gets out.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::skip;

/// The network and the mounts; gone when dropped, with every process in it that reads its standard input.
pub(crate) struct Namespace {
    holder: Child,
    folder: TempDir,
}

impl Namespace {
    /// With these names, each for an address. Addresses that are not of this machine yet become so. `None` where the
    /// machine does not allow it.
    pub(crate) fn new(names: &[(&str, Ipv4Addr)]) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("sealeaf-net-").tempdir().unwrap();
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        for (name, address) in names {
            hosts.push_str(&format!("{address} {name}\n"));
        }
        let file = folder.path().join("hosts");
        write(&file, &hosts);
        let mut others: Vec<Ipv4Addr> = names.iter().map(|(_, address)| *address).collect();
        others.retain(|address| !address.is_loopback());
        others.sort_unstable();
        others.dedup();
        let mut unshare = Command::new("unshare");
        if !is_root() {
            unshare.arg("--map-root-user");
        }
        let holder = unshare
            .args(["--net", "--mount", "sh"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/namespace.sh"))
            .arg(&file)
            .args(others.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut said = String::new();
        if let Ok(mut holder) = holder {
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
            if said == "ready\n" {
                return Some(Self { holder, folder });
            }
            let _ = holder.wait();
        }
        skip("this machine does not allow private networks (`unshare --net --mount`)");
        None
    }

    /// A folder that lives as long as the network: for certificates, logs.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A program that is run in the network, in `folder`.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let (outer, arguments) = self.entrance(folder);
        let mut command = Command::new(outer);
        command.args(arguments).arg(program);
        command
    }

    /// The program that enters the network, and its arguments; the command to run there follows them.
    pub(crate) fn entrance(&self, folder: &Path) -> (&'static str, Vec<String>) {
        let mut arguments = vec![format!("--target={}", self.holder.id()), "--net".into(), "--mount".into()];
        if !is_root() {
            arguments.extend(["--user".into(), "--preserve-credentials".into()]);
        }
        arguments.extend([format!("--wdns={}", folder.display()), "--".into()]);
        ("nsenter", arguments)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[expect(clippy::disallowed_methods, reason = "a test's own files need not be replaced atomically")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_private_network_has_its_own_names_and_no_way_out() {
    let here = Ipv4Addr::LOCALHOST;
    let names = [("service.example", here), ("metadata.example", Ipv4Addr::new(169, 254, 169, 254))];
    let Some(network) = Namespace::new(&names) else { return };
    let script = "cat /etc/hosts; ip -o -4 addr show; ip route; pwd";
    let output = network.command("sh", Path::new("/tmp")).args(["-c", script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["127.0.0.1 service.example\n", "169.254.169.254 metadata.example\n", "inet 169.254.169.254/32"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.ends_with("/tmp\n") && !text.contains("default via"), "{text}");
    let own = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    assert!(!own.contains("service.example"));
}
