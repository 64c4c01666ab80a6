//! The key service: the real `sops` asks ours, we ask that of the real `sops`, and nobody believes a bad one.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use sealeaf::file::FileError;
use sealeaf::file::sops::{SopsFile, seal};
use sealeaf::keys::service::{
    Client, KeyService, Listener, Operation, Question, Reach, ServiceError, Stop, serve,
};
use sealeaf::keys::{Environment, KeyError, KeyRef, Keyring, NoPrompt, Recipient, Run};
use sealeaf::secret::SecretBytes;

use super::face::Twins;
use super::tool::{Sops, format, group, key, limits, recipient, sealing};
use crate::support::servers::{Server, free_port};
use crate::support::{Project, Proxy, skip};

/// Serves with the first key at an address while `act` runs; gives the questions that were asked.
fn while_serving<T>(
    network: &str,
    address: &str,
    answer: bool,
    act: impl FnOnce(&str) -> T,
) -> (T, Vec<(Operation, String)>) {
    let environment: Environment = [("SEALEAF_IDENTITY", key(1))].into_iter().collect();
    let run = Run::new(&environment, &NoPrompt);
    let listener = Listener::bind(network, address, Reach::Machine).unwrap();
    let address = listener.address().to_string();
    let asked = Mutex::new(Vec::new());
    let allow = |question: &Question| {
        asked.lock().unwrap().push((question.operation, question.key.id.clone()));
        answer
    };
    let stop = Stop::new();
    let result = thread::scope(|scope| {
        let server = scope.spawn(|| serve(listener, &run, &allow, &stop));
        // Ends the service where `act` panics too.
        let stopping = StopOnDrop(&stop);
        let result = act(&address);
        drop(stopping);
        server.join().unwrap().unwrap();
        result
    });
    (result, asked.into_inner().unwrap())
}

struct StopOnDrop<'a>(&'a Stop);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The key service of the real `sops`, with the first key; ended when dropped.
struct Real {
    child: Child,
    /// Kept open: it dies of a log that nobody can read.
    _log: BufReader<ChildStderr>,
}

impl Real {
    fn start(sops: &Sops, network: &str, address: &str) -> Self {
        Self::start_with(sops, network, address, &[])
    }

    fn start_with(sops: &Sops, network: &str, address: &str, more: &[(&str, &str)]) -> Self {
        let mut child = Command::new(sops.program())
            .args(["keyservice", "--verbose", "--network", network, "--address", address])
            .env_clear()
            .env("HOME", sops.path(""))
            .env("SOPS_AGE_KEY", key(1))
            .env("SOPS_DISABLE_VERSION_CHECK", "1")
            .envs(more.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        log.read_line(&mut line).unwrap();
        assert!(line.contains("Listening on"), "{line}");
        Self { child, _log: log }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does something without any key, but with that service.
fn with_service<T>(client: Client, act: impl FnOnce(&Keyring<'_>) -> T) -> T {
    let environment = Environment::default();
    let mut run = Run::new(&environment, &NoPrompt);
    run.local = false;
    run.services = vec![Arc::new(client)];
    act(&Keyring::new(&run))
}

fn client(address: &str) -> Client {
    Client::parse(address, Reach::Machine).unwrap()
}

fn age_key() -> KeyRef {
    group(&[1]).remove(0).key
}

/// Wraps and unwraps, and says why not.
fn there_and_back(client: &Client) -> Result<SecretBytes, ServiceError> {
    let secret = SecretBytes::new(vec![9; 32]);
    let wrapped = wait(client.wrap(&age_key(), &secret))?;
    wait(client.unwrap(&age_key(), &wrapped))
}

fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn the_messages_are_those_of_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/service");
    let out = tempfile::tempdir().unwrap();
    let schema = protox::compile(["keyservice.proto"], [&folder]).unwrap();
    prost_build::Config::new()
        .skip_debug([".EncryptRequest", ".DecryptResponse"])
        .btree_map(["."])
        .out_dir(out.path())
        .compile_fds(schema)
        .unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let (made, kept) = (read(&out.path().join("_.rs")), read(&folder.join("proto.rs")));
    assert!(
        made.trim_end() == kept.trim_end(),
        "src/keys/service/proto.rs is not what the schema gives:\n{made}"
    );
}

#[test]
fn sops_asks_ours() {
    let Some(sops) = Sops::new() else { return skip("sops is not installed") };
    let socket = sops.path("ours.sock");
    for (network, address) in [("tcp", "127.0.0.1:0"), ("unix", socket.to_str().unwrap())] {
        let ((), asked) = while_serving(network, address, true, |address| {
            let service = ["--enable-local-keyservice=false", "--keyservice", address];
            let sealed = sops.encrypt("a: secret\n", "yaml", &service).unwrap();
            let plain = sops.decrypt(&sealed, "yaml", &service).unwrap();
            assert_eq!(plain, "a: secret\n");
            assert!(sops.decrypt(&sealed, "yaml", &[]).is_ok(), "its own key opens it too");
        });
        assert_eq!(asked, [(Operation::Encrypt, recipient(1)), (Operation::Decrypt, recipient(1))]);
    }
    assert!(!socket.exists());
}

#[test]
fn sops_hears_our_refusals() {
    let Some(sops) = Sops::new() else { return skip("sops is not installed") };
    let sealed = sops.encrypt("a: secret\n", "yaml", &[]).unwrap();
    let foreign = sops.encrypt("a: secret\n", "yaml", &["--age", &recipient(2)]).unwrap();
    let ask = |sealed: &str, allowed: bool| {
        let decrypt = |address: &str| {
            let service = ["--enable-local-keyservice=false", "--keyservice", address];
            sops.decrypt(sealed, "yaml", &service)
                .unwrap_err()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        while_serving("tcp", "127.0.0.1:0", allowed, decrypt).0.replace("| ", "")
    };
    let error = ask(&sealed, false);
    assert!(error.contains("code = PermissionDenied desc = Request rejected by user"), "{error}");
    let error = ask(&foreign, true);
    assert!(error.contains("code = Unknown desc = age key"), "{error}");
}

#[test]
fn we_ask_the_one_of_sops() {
    let Some(sops) = Sops::new() else { return skip("sops is not installed") };
    let socket = sops.path("real.sock");
    let socket = socket.to_str().unwrap();
    let port = format!("127.0.0.1:{}", free_port());
    for (network, address, uri) in
        [("tcp", port.as_str(), format!("tcp://{port}")), ("unix", socket, format!("unix://{socket}"))]
    {
        let _real = Real::start(&sops, network, address);
        let document = format("yaml").parse("a: secret\n", &limits()).unwrap();
        let groups = [group(&[1])];
        let seal = |ring: &Keyring<'_>| seal(document, format("yaml"), &sealing(&groups), ring, &limits());
        let sealed = with_service(client(&uri), seal).unwrap();
        assert_eq!(sops.decrypt(&sealed.text, "yaml", &[]).unwrap(), "a: secret\n");
        let file = SopsFile::parse(&sealed.text, format("yaml"), &limits()).unwrap();
        let open = with_service(client(&uri), |ring| file.open(ring, &limits())).unwrap();
        assert_eq!(open.plain().source.as_str(), "a: secret\n");
    }
}

#[test]
fn keys_without_a_back_end_here() {
    let (Some(sops), Some(vault)) = (Sops::new(), Server::openbao()) else {
        return skip("sops or OpenBao is not installed");
    };
    assert!(vault.vault("POST", "transit/keys/k", "{}").0 < 300);
    let port = format!("127.0.0.1:{}", free_port());
    let _real = Real::start_with(&sops, "tcp", &port, &[("VAULT_TOKEN", "root")]);
    let id = format!("{}/v1/transit/keys/k", vault.url());
    let key = KeyRef { kind: "vault".to_owned(), id, context: [].into() };
    let groups = [vec![Recipient { key, name: String::new(), break_glass: false }]];
    let uri = format!("tcp://{port}");
    let document = format("yaml").parse("a: secret\n", &limits()).unwrap();
    let seal = |ring: &Keyring<'_>| seal(document, format("yaml"), &sealing(&groups), ring, &limits());
    let sealed = with_service(client(&uri), seal).unwrap();
    let file = || SopsFile::parse(&sealed.text, format("yaml"), &limits()).unwrap();
    let open = with_service(client(&uri), |ring| file().open(ring, &limits())).unwrap();
    assert_eq!(open.plain().source.as_str(), "a: secret\n");
    let service = ["--enable-local-keyservice=false", "--keyservice", &uri];
    assert_eq!(sops.decrypt(&sealed.text, "yaml", &service).unwrap(), "a: secret\n");
    let error =
        file().open(&Keyring::new(&Run::new(&Environment::default(), &NoPrompt)), &limits()).unwrap_err();
    assert!(matches!(error, FileError::Unwrap(_)), "{error}");
}

/// Our command, which asks before it answers; ended when dropped.
struct Ours {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Ours {
    fn start(sops: &Sops, socket: &str) -> Self {
        let words = ["sops", "keyservice", "--verbose", "--prompt", "--net", "unix", "--addr", socket];
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealeaf"))
            .args(words)
            .env_clear()
            .env("HOME", sops.path(""))
            .env("SOPS_AGE_KEY", key(1))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut ours = Self { child, log };
        assert!(ours.says().contains("Listening on unix://"));
        ours
    }

    fn says(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line
    }

    fn answer(&mut self, answer: &str) {
        self.child.stdin.as_mut().unwrap().write_all(answer.as_bytes()).unwrap();
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_command_asks_before_it_answers_and_leaves_nothing_behind() {
    let Some(sops) = Sops::new() else { return skip("sops is not installed") };
    let sealed = sops.encrypt("a: secret\n", "yaml", &[]).unwrap();
    let socket = sops.path("ours.sock");
    let uri = format!("unix://{}", socket.display());
    for signal in ["TERM", "INT"] {
        let mut ours = Ours::start(&sops, socket.to_str().unwrap());
        let service = ["--enable-local-keyservice=false", "--keyservice", &uri];
        ours.answer("what\ny\n");
        assert_eq!(sops.decrypt(&sealed, "yaml", &service).unwrap(), "a: secret\n");
        assert!(ours.says().contains("answering decrypt request using age1"));
        ours.answer("n\n");
        let error = sops.decrypt(&sealed, "yaml", &service).unwrap_err();
        assert!(error.contains("PermissionDenied"), "{error}");
        assert!(ours.says().contains("refusing decrypt request using age1"));
        let id = ours.child.id().to_string();
        assert!(Command::new("kill").args([format!("-{signal}"), id]).status().unwrap().success());
        assert_eq!(ours.child.wait().unwrap().code(), Some(0), "SIG{signal}");
        assert!(!socket.exists());
    }
}

#[test]
fn the_command_line_names_services() {
    let Some(twins) = Twins::new() else { return skip("sops is not installed") };
    let nobody = format!("tcp://127.0.0.1:{}", free_port());
    let ((), asked) = while_serving("tcp", "127.0.0.1:0", true, |address| {
        let flags = ["--enable-local-keyservice=false", "--keyservice", &nobody, "--keyservice", address];
        let words = |command: &'static str, file: &'static str| [&[command][..], &flags, &[file]].concat();
        twins.same(&words("decrypt", "e.yaml"));
        twins.both(&[&words("encrypt", "p.yaml")[..], &["--age", &recipient(1)]].concat(), &[], "");
        let list = format!("{nobody},{address}");
        let variables = [("SOPS_ENABLE_LOCAL_KEYSERVICE", "false"), ("SOPS_KEYSERVICE", list.as_str())];
        twins.both(&["decrypt", "e.yaml"], &variables, "");
        twins.both(&["decrypt", "--enable-local-keyservice=false", "e.yaml"], &[], "");
        twins.both(
            &["encrypt", "--enable-local-keyservice=false", "--age", &recipient(1), "p.yaml"],
            &[],
            "",
        );
        twins.both(
            &words("set", "e.yaml").into_iter().chain(["[\"new\"]", "1"]).collect::<Vec<_>>(),
            &[],
            "",
        );
    });
    assert_eq!(asked.len(), 8);
    let elsewhere = twins.ours(&["decrypt", "--keyservice", "tcp://keys.example:5000", "e.yaml"]);
    assert!(elsewhere.code == 1 && elsewhere.stderr.contains("is not this machine"), "{elsewhere:?}");
    for words in [
        &["keyservice", "--address", "0.0.0.0:0"][..],
        &["keyservice", "--network", "udp"],
        &["keyservice", "--address", "x"],
        &["keyservice", "--network", "unix", "--address", "/nowhere/x.sock"],
    ] {
        assert_eq!(twins.ours(words).code, 1, "{words:?}");
    }
}

#[test]
fn several_questions_at_once() {
    let ((), asked) = while_serving("tcp", "127.0.0.1:0", true, |address| {
        let recipients = vec![group(&[1]).remove(0); 20];
        let secret = SecretBytes::new(vec![3; 33]);
        with_service(client(address), |ring| {
            let stanzas = ring.wrap(&recipients, &secret, &sealeaf::keys::WrapContext::UNBOUND).unwrap();
            assert_eq!(
                ring.unwrap(&stanzas, &sealeaf::keys::WrapContext::UNBOUND).unwrap(),
                (0, secret.clone())
            );
        });
    });
    assert_eq!(asked.len(), 21);
}

#[test]
fn nobody_there() {
    let address = format!("tcp://127.0.0.1:{}", free_port());
    let why = there_and_back(&client(&address)).unwrap_err().to_string();
    assert!(why.starts_with("cannot connect: ") && why.contains("refused"), "{why}");
    let missing = client("unix:///nowhere/at/all.sock");
    assert!(matches!(there_and_back(&missing), Err(ServiceError::Connect(_))));
    let error = with_service(client(&address), |ring| {
        let secret = SecretBytes::new(vec![1; 32]);
        ring.wrap(&group(&[1]), &secret, &sealeaf::keys::WrapContext::UNBOUND).unwrap_err()
    });
    let text = error.to_string();
    assert!(matches!(error, KeyError::Service { .. }), "{text}");
    assert!(text.contains(&recipient(1)) && text.contains(&address), "{text}");
}

#[test]
fn addresses_elsewhere_need_leave() {
    let address = "tcp://keys.example:5000";
    assert!(matches!(Client::parse(address, Reach::Machine), Err(ServiceError::Elsewhere(_))));
    assert!(Client::parse(address, Reach::Network).is_ok());
    assert!(matches!(Client::parse("keys.example", Reach::Network), Err(ServiceError::Address(_))));
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", hanging.local_addr().unwrap());
    let limit = Duration::from_millis(200);
    let client = client(&address).within(limit, limit);
    assert_eq!(there_and_back(&client), Err(ServiceError::Silent(limit)));
    let (stanza, error) = with_service(client, |ring| {
        let stanza = sealeaf::keys::Stanza { recipient: group(&[1]).remove(0), wrapped: vec![1; 40] };
        let error =
            ring.unwrap(std::slice::from_ref(&stanza), &sealeaf::keys::WrapContext::UNBOUND).unwrap_err();
        (stanza, error)
    });
    assert_eq!(error.attempts[0].recipient, stanza.recipient);
    assert_eq!(error.attempts[0].why, format!("key service {address}: no answer within 0.2 s"));
}

/// Both requests and both answers, as far as a bad service needs to know: one field of bytes each.
#[derive(Clone, PartialEq, prost::Message)]
struct Blob {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
}

/// A service that gives the same answer to everything.
mod bad {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tonic::body::Body;
    use tonic::codegen::{Service, http};
    use tonic::server::{Grpc, UnaryService};
    use tonic::{Request, Response, Status};
    use tonic_prost::ProstCodec;

    use super::Blob;

    #[derive(Clone)]
    pub(super) struct Bad(pub(super) Result<Vec<u8>, (i32, String)>);

    /// Any message.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Anything {}

    impl UnaryService<Anything> for Bad {
        type Response = Blob;
        type Future = Pin<Box<dyn Future<Output = Result<Response<Blob>, Status>> + Send>>;

        fn call(&mut self, _request: Request<Anything>) -> Self::Future {
            let answer = self.0.clone();
            let answer = answer.map(|bytes| Response::new(Blob { bytes }));
            Box::pin(async { answer.map_err(|(code, message)| Status::new(code.into(), message)) })
        }
    }

    impl Service<http::Request<Body>> for Bad {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

        fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            let answer = self.clone();
            Box::pin(async { Ok(Grpc::new(ProstCodec::default()).unary(answer, request).await) })
        }
    }
}

/// A client of a service that always gives that answer.
fn while_answering<T>(answer: Result<Vec<u8>, (i32, String)>, act: impl FnOnce(&Client) -> T) -> T {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (sender, address) = mpsc::channel();
    let server = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let incoming = tonic::codegen::tokio_stream::wrappers::TcpListenerStream::new(listener);
            let stopped = async { drop(stopped.await) };
            let server = tonic::transport::Server::builder();
            server.serve_with_incoming_shutdown(bad::Bad(answer), incoming, stopped).await.unwrap();
        });
    });
    let client = client(&format!("tcp://{}", address.recv().unwrap()));
    let result = act(&client);
    drop(client);
    let _ = stop.send(());
    server.join().unwrap();
    result
}

#[test]
fn bad_answers_are_refused() {
    let secret = SecretBytes::new(vec![9; 32]);
    let wrap = |client: &Client| wait(client.wrap(&age_key(), &secret)).unwrap_err().to_string();
    let unwrap = |client: &Client| wait(client.unwrap(&age_key(), &[1; 40])).unwrap_err().to_string();
    for (answer, expect) in [
        (Vec::new(), "it is no wrap of that key type"),
        (b"hello".to_vec(), "it is no wrap of that key type"),
        (vec![b'x'; 5 << 20], "it is too large"),
        (vec![0xff; 100], "it is no wrap of that key type"),
    ] {
        assert_eq!(while_answering(Ok(answer), wrap), format!("its answer is of no use: {expect}"));
    }
    let length = "its length is not that of a data key or a share of one";
    for (answer, expect) in [
        (Vec::new(), length),
        (vec![1; 31], length),
        (vec![1; 64], length),
        (vec![1; 5 << 20], "it is too large"),
    ] {
        assert_eq!(while_answering(Ok(answer), unwrap), format!("its answer is of no use: {expect}"));
    }
    let status = Err((7, "no\n\x1b[2Jway".to_owned()));
    assert_eq!(while_answering(status, unwrap), "PermissionDenied: no [2Jway");
}

#[test]
fn a_wrong_data_key_opens_nothing() {
    let Some(sops) = Sops::new() else { return skip("sops is not installed") };
    let sealed = sops.encrypt("a: secret\n", "yaml", &[]).unwrap();
    let file = || SopsFile::parse(&sealed, format("yaml"), &limits()).unwrap();
    for answer in [vec![0; 32], vec![0; 33]] {
        let environment = Environment::default();
        let error = while_answering(Ok(answer), |client| {
            let mut run = Run::new(&environment, &NoPrompt);
            run.services = vec![Arc::new(Client::parse(&client.address(), Reach::Machine).unwrap())];
            file().open(&Keyring::new(&run), &limits()).unwrap_err()
        });
        assert!(matches!(error, FileError::Sops(_)), "{error}");
    }
}

#[test]
fn our_service_takes_no_nonsense() {
    let foreign = Recipient::new("", "age", &recipient(2)).unwrap().key;
    let kms = KeyRef { kind: "hckms".to_owned(), id: "key".to_owned(), context: [].into() };
    let big = SecretBytes::new(vec![1; 100 << 10]);
    let ((), asked) = while_serving("tcp", "127.0.0.1:0", true, |address| {
        let client = client(address);
        let message = |error: ServiceError| error.to_string();
        let error = wait(client.wrap(&kms, &SecretBytes::new(vec![1; 32]))).map_err(message).unwrap_err();
        assert!(error.starts_with("Unknown: unknown key type `hckms`"), "{error}");
        let wrapped = wait(client.wrap(&foreign, &SecretBytes::new(vec![1; 32]))).unwrap();
        let error = wait(client.unwrap(&foreign, &wrapped)).map_err(message).unwrap_err();
        assert!(error.starts_with("Unknown: age key `age1"), "{error}");
        let error = wait(client.wrap(&foreign, &big)).map_err(message).unwrap_err();
        assert!(error.contains("too large"), "{error}");
        let strange = KeyRef { kind: "strange".to_owned(), ..kms.clone() };
        assert!(matches!(wait(client.wrap(&strange, &big)), Err(ServiceError::Kind(_))));
    });
    assert_eq!(asked.len(), 3, "the oversized request was never looked at");
}

/// Nothing in a repository names a service.
#[test]
fn ac_47_a_repository_names_no_service() {
    let project = Project::new(&["alice"], "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n");
    project.seal("a.yaml", "x: 1\n");
    let recorder = Proxy::before(None);
    let address = recorder.url().replace("http", "tcp");
    let key = project.key("alice").to_owned();
    project.write(".sops.yaml", &format!("keyservice: [\"{address}\"]\ncreation_rules:\n  - age: {key}\n"));
    project.write("b.yaml", "x: 1\n");
    assert_eq!(project.run(&["sops", "encrypt", "-i", "b.yaml"]).output().code, 0);
    assert_eq!(project.run(&["sops", "decrypt", "b.yaml"]).stdout(), "x: 1\n");
    project.configure(
        &["alice"],
        &format!("[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\nkeyservice = \"{address}\"\n"),
    );
    assert_ne!(project.run(&["decrypt", "a.yaml"]).output().code, 0);
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}

/// A socket of another user is left before a byte is sent. Only root can make one.
#[test]
fn ac_47_another_users_socket_is_not_talked_to() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root can be somebody else");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let socket = folder.path().join("service.sock");
    // Perl is where a system user may start it, which a Python of one's own need not be.
    let script = "$| = 1; $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die; print \"ready\\n\"; \
                  $c = $s->accept; $n = sysread($c, $b, 100); print \"$n\\n\";";
    let mut child = Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "perl", "-MIO::Socket::UNIX", "-e", script])
        .arg(&socket)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let client = client(&format!("unix://{}", socket.display()));
    let error = there_and_back(&client).unwrap_err().to_string();
    assert!(error.contains("the socket belongs to user 65534, not to you"), "{error}");
    assert_eq!(lines.next().unwrap().unwrap(), "0");
    child.wait().unwrap();
}
