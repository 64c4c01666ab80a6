//! Asks a key service. Nothing is started or connected before the first question; then one thread of its own talks to
//! the service, so that the futures here run on whatever waits for them.

use std::error::Error;
use std::fmt;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::message::{DECRYPT, ENCRYPT, MESSAGE_LIMIT, key_of, one_line};
use super::proto::{DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse};
use super::{Address, KeyService, Reach, ServiceError};
use crate::keys::{KeyRef, Pending, WRAP_LIMIT, text};
use crate::secret::SecretBytes;

/// A client of one key service.
pub struct Client {
    address: Address,
    connect: Duration,
    answer: Duration,
    worker: OnceLock<Option<mpsc::UnboundedSender<Job>>>,
}

impl Client {
    /// A client of the service at `tcp://host:port` or `unix:///path`. Connects to nothing yet.
    ///
    /// # Errors
    /// [`ServiceError::Address`], and [`ServiceError::Elsewhere`] where the address is beyond `reach`.
    pub fn parse(address: &str, reach: Reach) -> Result<Self, ServiceError> {
        let address = Address::parse(address)?;
        if reach == Reach::Machine && !address.is_on_this_machine() {
            return Err(ServiceError::Elsewhere(address.to_string()));
        }
        Ok(Self { address, connect: CONNECT, answer: ANSWER, worker: OnceLock::new() })
    }

    /// The same with other time limits: for a connection to stand, and for an answer with that. The usual ones are ten
    /// seconds and five minutes, since a service may ask a human being.
    #[must_use]
    pub fn within(self, connect: Duration, answer: Duration) -> Self {
        Self { connect, answer, ..self }
    }

    async fn ask(&self, call: Call) -> Result<Vec<u8>, ServiceError> {
        let stopped = || ServiceError::Connect("no thread could be started".to_owned());
        let worker = self.worker.get_or_init(|| self.start()).as_ref().ok_or_else(stopped)?;
        let (answer, answered) = oneshot::channel();
        worker.send(Job { call, answer }).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// Starts the thread; it ends when the client is dropped.
    fn start(&self) -> Option<mpsc::UnboundedSender<Job>> {
        let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let authority = match &self.address {
            Address::Tcp { .. } => self.address.to_string().replacen("tcp:", "http:", 1),
            Address::Unix(_) => "http://localhost".to_owned(),
        };
        let endpoint = Endpoint::from_shared(authority).ok()?.http2_max_header_list_size(HEADERS);
        let connector = Connector { address: self.address.clone(), limit: self.connect };
        let limit = self.answer;
        let work = async move {
            let channel = endpoint.connect_with_connector_lazy(connector);
            while let Some(Job { call, answer }) = jobs.recv().await {
                let channel = channel.clone();
                tokio::spawn(async move {
                    let result = timeout(limit, call.make(channel)).await;
                    // Who does not wait any more does not want it.
                    let _ = answer.send(result.unwrap_or(Err(ServiceError::Silent(limit))));
                });
            }
        };
        thread::Builder::new().name("key service".to_owned()).spawn(move || runtime.block_on(work)).ok()?;
        Some(sender)
    }
}

impl KeyService for Client {
    fn address(&self) -> String {
        self.address.to_string()
    }

    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
    ) -> Pending<'a, Result<Vec<u8>, ServiceError>> {
        Box::pin(async move {
            let message = key_of(key).ok_or_else(|| ServiceError::Kind(key.kind.clone()))?;
            let request = EncryptRequest { key: Some(message), plaintext: secret.expose().to_vec() };
            let answer = self.ask(Call::Encrypt(request)).await?;
            let wrapped = String::from_utf8(answer).ok().and_then(|answer| text::read(&key.kind, &answer));
            match wrapped {
                Some(wrapped) if wrapped.is_empty() => Err(ServiceError::Answer("it is empty")),
                Some(wrapped) if wrapped.len() > WRAP_LIMIT => Err(ServiceError::Answer("it is too large")),
                Some(wrapped) => Ok(wrapped),
                None => Err(ServiceError::Answer("it is no wrap of that key type")),
            }
        })
    }

    fn unwrap<'a>(
        &'a self,
        key: &'a KeyRef,
        wrapped: &'a [u8],
    ) -> Pending<'a, Result<SecretBytes, ServiceError>> {
        Box::pin(async move {
            let unknown = || ServiceError::Kind(key.kind.clone());
            let message = key_of(key).ok_or_else(unknown)?;
            let text = text::write(&key.kind, wrapped).ok_or_else(unknown)?;
            let request = DecryptRequest { key: Some(message), ciphertext: text.into_bytes() };
            let secret = SecretBytes::new(self.ask(Call::Decrypt(request)).await?);
            if LENGTHS.contains(&secret.expose().len()) {
                Ok(secret)
            } else {
                Err(ServiceError::Answer("its length is not that of a data key or a share of one"))
            }
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A question and who waits for the answer.
struct Job {
    call: Call,
    answer: oneshot::Sender<Result<Vec<u8>, ServiceError>>,
}

enum Call {
    Encrypt(EncryptRequest),
    Decrypt(DecryptRequest),
}

impl Call {
    async fn make(self, channel: Channel) -> Result<Vec<u8>, ServiceError> {
        match self {
            Self::Encrypt(request) => {
                let mut answer: EncryptResponse = call(channel, ENCRYPT, request).await?;
                Ok(mem::take(&mut answer.ciphertext))
            }
            Self::Decrypt(request) => {
                let mut answer: DecryptResponse = call(channel, DECRYPT, request).await?;
                Ok(mem::take(&mut answer.plaintext))
            }
        }
    }
}

async fn call<Q, A>(channel: Channel, path: &'static str, request: Q) -> Result<A, ServiceError>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel).max_decoding_message_size(MESSAGE_LIMIT);
    grpc.ready().await.map_err(|error| failed(&error))?;
    let path = PathAndQuery::from_static(path);
    let answer = grpc.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await;
    answer.map(tonic::Response::into_inner).map_err(|status| refused(&status))
}

fn refused(status: &Status) -> ServiceError {
    match (status.code(), status.source()) {
        (_, Some(source)) => failed(source),
        (Code::OutOfRange, None) => ServiceError::Answer("it is too large"),
        (code, None) => {
            ServiceError::Status { code: format!("{code:?}"), message: one_line(status.message()) }
        }
    }
}

/// The innermost cause, which says what happened.
fn failed(error: &(dyn Error + 'static)) -> ServiceError {
    let mut error = error;
    loop {
        let own = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        if let Some(known) = own.and_then(|error| error.downcast_ref::<ServiceError>()) {
            return known.clone();
        }
        match error.source() {
            Some(source) => error = source,
            None => return ServiceError::Connect(one_line(&error.to_string())),
        }
    }
}

/// Connects, and sees whose socket it is.
#[derive(Clone)]
struct Connector {
    address: Address,
    limit: Duration,
}

/// A connection of either sort.
pub(super) trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl Stream for TcpStream {}
impl Stream for UnixStream {}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<Box<dyn Stream>>> {
        let connecting = async {
            match &self.address {
                Address::Tcp { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
                Address::Unix(path) => {
                    let stream = UnixStream::connect(path).await?;
                    let owner = stream.peer_cred()?.uid();
                    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
                        return Err(io::Error::other(ServiceError::Foreign(owner)));
                    }
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
            }
        };
        match timeout(self.limit, connecting).await {
            Ok(stream) => stream.map(TokioIo::new),
            Err(_) => Err(io::Error::other(ServiceError::Silent(self.limit))),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// For a connection to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// For an answer, a human being's included.
const ANSWER: Duration = Duration::from_secs(300);
/// Bytes of an answer's headers.
const HEADERS: u32 = 16 << 10;
/// A data key, and a share of one.
const LENGTHS: [usize; 2] = [32, 33];
