//! A key service of our own: wraps and unwraps with this user's keys for whoever connects.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use prost::Message;
use rustix::process::geteuid;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
use tonic::body::Body;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::listener::{Inner, Listener};
use super::message::{DECRYPT, ENCRYPT, MESSAGE_LIMIT, key_ref, one_line};
use super::proto::{DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse};
use crate::keys::runtime::block_on;
use crate::keys::{KeyRef, Recipient, Run, Stanza, Unwrapped, WrapContext, backend, text};
use crate::secret::SecretBytes;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A data key wrapped.
    Encrypt,
    /// A wrap opened.
    Decrypt,
}

/// A client's question, before anything was done about it.
#[derive(Clone, Debug)]
pub struct Question {
    /// What it wants.
    pub operation: Operation,
    /// With which key.
    pub key: KeyRef,
}

/// Ends a service from outside.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Not stopped.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Ends every service that listens to this, as soon as the calls under way are answered.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers with the keys of `run` until `stop` says so. `allow` is asked before each answer is computed, on several
/// threads; where it says no, the client is told so. Calls that are more than a few at once wait, many more are refused;
/// on a unix socket only this user and root are served.
///
/// # Errors
/// Where the operating system gives no thread or no connections.
pub fn serve(
    listener: Listener,
    run: &Run<'_>,
    allow: &(dyn Fn(&Question) -> bool + Sync),
    stop: &Stop,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (jobs, queue) = mpsc::channel(WAITING);
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            thread::Builder::new()
                .name("key service".to_owned())
                .spawn_scoped(scope, || work(&queue, run, allow))?;
        }
        // The queue ends with its last sender, and the threads with the queue.
        let result = runtime.block_on(listen(&listener, Front { jobs }, stop));
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    })
}

async fn listen(listener: &Listener, front: Front, stop: &Stop) -> io::Result<()> {
    let served = async {
        let server = Server::builder().max_concurrent_streams(STREAMS).http2_max_header_list_size(HEADERS);
        let stopped = is_stopped(stop);
        match &listener.inner {
            Inner::Tcp(tcp) => {
                let incoming = TcpListenerStream::new(TcpListener::from_std(tcp.try_clone()?)?);
                server.serve_with_incoming_shutdown(front, incoming, stopped).await.map_err(io::Error::other)
            }
            Inner::Unix(unix) => {
                let own = geteuid().as_raw();
                let is_own = move |stream: &io::Result<tokio::net::UnixStream>| {
                    let peer = stream.as_ref().ok().and_then(|stream| stream.peer_cred().ok());
                    peer.is_some_and(|peer| peer.uid() == own || peer.uid() == 0)
                };
                let listener = UnixListener::from_std(unix.try_clone()?)?;
                let incoming = UnixListenerStream::new(listener).filter(is_own);
                server.serve_with_incoming_shutdown(front, incoming, stopped).await.map_err(io::Error::other)
            }
        }
    };
    let out_of_patience = async {
        is_stopped(stop).await;
        sleep(GRACE).await;
        Ok(())
    };
    // Whichever is first: a client that keeps its connection does not keep the service.
    let mut served = pin!(served);
    let mut out_of_patience = pin!(out_of_patience);
    poll_fn(|context| match served.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => out_of_patience.as_mut().poll(context),
    })
    .await
}

async fn is_stopped(stop: &Stop) {
    let mut stopped = stop.0.subscribe();
    // The sender is at hand here: this ends only when the word comes.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// A question with what it is about, and who waits for the answer.
struct Job {
    question: Question,
    /// A data key, or a wrap as text.
    content: SecretBytes,
    answer: oneshot::Sender<Result<SecretBytes, Status>>,
}

/// Takes questions until there will be no more.
fn work(queue: &Mutex<mpsc::Receiver<Job>>, run: &Run<'_>, allow: &(dyn Fn(&Question) -> bool + Sync)) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Job { question, content, answer }) = job else { return };
        if answer.is_closed() {
            continue;
        }
        let result = if allow(&question) {
            answer_to(&question, &content, run)
        } else {
            Err(Status::permission_denied("Request rejected by user"))
        };
        // A client that went away does not want it any more.
        let _ = answer.send(result);
    }
}

fn answer_to(question: &Question, content: &SecretBytes, run: &Run<'_>) -> Result<SecretBytes, Status> {
    let key = &question.key;
    let fail = |reason: &dyn std::fmt::Display| Status::unknown(one_line(&reason.to_string()));
    let backend = backend(&key.kind).map_err(|error| fail(&error))?;
    match question.operation {
        Operation::Encrypt => {
            let wrapped = block_on(backend.wrap(key, content, &WrapContext::UNBOUND, run));
            let wrapped = wrapped.map_err(|error| fail(&error))?;
            let text =
                text::write(&key.kind, &wrapped).ok_or_else(|| fail(&"the wrap has no form as text"))?;
            Ok(SecretBytes::new(text.into_bytes()))
        }
        Operation::Decrypt => {
            let text = std::str::from_utf8(content.expose()).ok();
            let wrapped = text.and_then(|text| text::read(&key.kind, text));
            let wrapped = wrapped.ok_or_else(|| fail(&format!("this is no wrap of a {} key", key.kind)))?;
            let recipient = Recipient { key: key.clone(), name: String::new(), break_glass: false };
            match block_on(backend.unwrap(&Stanza { recipient, wrapped }, &WrapContext::UNBOUND, run)) {
                Unwrapped::Opened(secret) => Ok(secret),
                Unwrapped::NotMine(why) => Err(fail(&format!("{} key `{}`: {why}", key.kind, key.id))),
                Unwrapped::Failed(error) => Err(fail(&error)),
            }
        }
    }
}

/// What clients talk to.
#[derive(Clone)]
struct Front {
    jobs: mpsc::Sender<Job>,
}

impl Front {
    async fn ask(
        self,
        operation: Operation,
        key: Option<super::proto::Key>,
        content: Vec<u8>,
    ) -> Result<SecretBytes, Status> {
        let content = SecretBytes::new(content);
        let key = key_ref(key).ok_or_else(|| Status::not_found("Must provide a key"))?;
        let (answer, answered) = oneshot::channel();
        let job = Job { question: Question { operation, key }, content, answer };
        self.jobs.try_send(job).map_err(|_| Status::resource_exhausted("too many requests at once"))?;
        answered.await.map_err(|_| Status::unavailable("the key service is ending"))?
    }
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send>>;

struct Encrypt(Front);

impl UnaryService<EncryptRequest> for Encrypt {
    type Response = EncryptResponse;
    type Future = Answer<Response<EncryptResponse>>;

    fn call(&mut self, request: Request<EncryptRequest>) -> Self::Future {
        let mut request = request.into_inner();
        let asked =
            self.0.clone().ask(Operation::Encrypt, request.key.take(), mem::take(&mut request.plaintext));
        Box::pin(async { Ok(Response::new(EncryptResponse { ciphertext: asked.await?.expose().to_vec() })) })
    }
}

struct Decrypt(Front);

impl UnaryService<DecryptRequest> for Decrypt {
    type Response = DecryptResponse;
    type Future = Answer<Response<DecryptResponse>>;

    fn call(&mut self, request: Request<DecryptRequest>) -> Self::Future {
        let mut request = request.into_inner();
        let asked =
            self.0.clone().ask(Operation::Decrypt, request.key.take(), mem::take(&mut request.ciphertext));
        Box::pin(async { Ok(Response::new(DecryptResponse { plaintext: asked.await?.expose().to_vec() })) })
    }
}

impl Service<http::Request<Body>> for Front {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let front = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                ENCRYPT => grpc::<EncryptResponse, EncryptRequest>().unary(Encrypt(front), request).await,
                DECRYPT => grpc::<DecryptResponse, DecryptRequest>().unary(Decrypt(front), request).await,
                _ => Status::unimplemented("no such call").into_http(),
            })
        })
    }
}

fn grpc<A, Q>() -> Grpc<ProstCodec<A, Q>>
where
    A: Message + 'static,
    Q: Message + Default + 'static,
{
    Grpc::new(ProstCodec::default()).max_decoding_message_size(MESSAGE_LIMIT)
}

/// Questions that are answered at once.
const WORKERS: usize = 4;
/// Questions that may wait.
const WAITING: usize = 64;
/// Calls at once in one connection.
const STREAMS: u32 = 64;
/// Bytes of a request's headers.
const HEADERS: u32 = 16 << 10;
/// For calls under way when the service ends.
const GRACE: Duration = Duration::from_secs(3);
