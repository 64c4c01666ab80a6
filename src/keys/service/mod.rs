//! Key services: programs elsewhere that hold keys, and wrap and unwrap data keys for whoever asks.
//!
//! The protocol is that of SOPS, gRPC without TLS and without names or passwords: who can connect can have everything
//! unwrapped. Hence [`Reach`]: both sides stay on this machine unless told otherwise.
//!
//! A service sees data keys in clear, and answers for a key by its type and identifier alone. It is asked only for
//! files whose wraps are bound to nothing but the key, which is SOPS files.

mod address;
#[cfg(feature = "keyservice")]
mod client;
#[cfg(feature = "keyservice")]
mod listener;
#[cfg(feature = "keyservice")]
mod message;
#[cfg(feature = "keyservice")]
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::use_self, reason = "generated")]
#[rustfmt::skip]
mod proto;
#[cfg(feature = "keyservice")]
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use super::{KeyRef, Pending};
use crate::secret::SecretBytes;

pub use address::{Address, Reach};
#[cfg(feature = "keyservice")]
pub use client::Client;
#[cfg(feature = "keyservice")]
pub use listener::{ListenError, Listener};
#[cfg(feature = "keyservice")]
pub use server::{Operation, Question, Stop, serve};

/// Somebody else who wraps and unwraps: asked where the keys at hand do not.
pub trait KeyService: fmt::Debug + Send + Sync {
    /// Where it is, for people: `tcp://127.0.0.1:5000`.
    fn address(&self) -> String;

    /// Has a data key, or a share of one, wrapped for `key`.
    fn wrap<'a>(
        &'a self,
        key: &'a KeyRef,
        secret: &'a SecretBytes,
    ) -> Pending<'a, Result<Vec<u8>, ServiceError>>;

    /// Has a wrap for `key` opened.
    fn unwrap<'a>(
        &'a self,
        key: &'a KeyRef,
        wrapped: &'a [u8],
    ) -> Pending<'a, Result<SecretBytes, ServiceError>>;
}

/// Why a service gave nothing. Its address is not in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Not the address of a service.
    #[error("`{0}` is no address of a key service: `tcp://host:port` and `unix:///path` are")]
    Address(String),
    /// An address on another machine, without leave.
    #[error(
        "`{0}` is not this machine, and data keys would go there in clear: reach it through a tunnel, such as ssh's"
    )]
    Elsewhere(String),
    /// Nobody is there.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The socket is not the user's.
    #[error("the socket belongs to user {0}, not to you")]
    Foreign(u32),
    /// No answer came.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// It says no.
    #[error("{code}: {message}")]
    Status {
        /// gRPC's name for the kind of failure: `PermissionDenied`.
        code: String,
        /// What the service says, in one line.
        message: String,
    },
    /// An answer that cannot be used.
    #[error("its answer is of no use: {0}")]
    Answer(&'static str),
    /// A key that cannot be asked for.
    #[error("key services know no `{0}` keys of that form")]
    Kind(String),
}
