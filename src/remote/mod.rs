//! Publishing: files to buckets, values to Vault. With `keys` the only network code of the library.
//!
//! Credentials come from the caller, never from a file that is published. Nothing here runs before it is called.

mod bucket;
mod vault;

pub use bucket::{Bucket, Store};
pub use vault::{Outcome, Secret, Vault, is_trusted};

/// Why nothing was published. `Display` never shows a credential or a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Not an address that can be used.
    #[error("`{address}` is no address of a Vault: {reason}")]
    Address {
        /// The text given.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name that the other side could take for another one.
    #[error("`{name}` cannot be a name there: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate that cannot be read.
    #[error("a certificate for Vault cannot be used: {0}")]
    Certificate(String),
    /// The connection failed.
    #[error("cannot reach `{place}`: {reason}")]
    Unreachable {
        /// Where.
        place: String,
        /// Why, from the innermost cause.
        reason: String,
    },
    /// The answer sends us elsewhere. It is not followed: the token stays with the address that was chosen.
    #[error("`{place}` answers that `{to}` is the place to ask")]
    Redirected {
        /// Where.
        place: String,
        /// Where to.
        to: String,
    },
    /// The other side says no.
    #[error("`{place}` answers {status}{}", list(messages))]
    Refused {
        /// Where.
        place: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        messages: Vec<String>,
    },
    /// An answer that makes no sense.
    #[error("`{place}` gave an answer that is none: {reason}")]
    Answer {
        /// Where.
        place: String,
        /// Why.
        reason: &'static str,
    },
    /// The operating system gave no means to do it.
    #[error("cannot use the network: {0}")]
    Io(#[from] std::io::Error),
}

fn list(messages: &[String]) -> String {
    if messages.is_empty() { String::new() } else { format!(": {}", messages.join("; ")) }
}

/// Runs a future to its end, with what the network needs.
fn wait<T>(future: impl Future<Output = Result<T, RemoteError>>) -> Result<T, RemoteError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

/// The innermost cause, in one line of bounded length.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = source.to_string();
        next = source.source();
    }
    one_line(&text)
}

/// What another program says, as one line of bounded length.
fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c == ' ').filter(|it| !it.is_empty()).collect();
    words.join(" ").chars().take(LINE).collect()
}

/// Characters of a message that are shown.
const LINE: usize = 300;
