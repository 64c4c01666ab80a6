//! Where a key service is.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::ServiceError;

/// A service's address: `tcp://host:port` or `unix:///path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Over the network.
    Tcp {
        /// Name or number; an IPv6 number without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// How far away the other side may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// On this machine: loopback addresses, and sockets of the user's own.
    Machine,
    /// Anywhere. Data keys travel in clear, and who can connect is served.
    Network,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`ServiceError::Address`].
    pub fn parse(text: &str) -> Result<Self, ServiceError> {
        let wrong = || ServiceError::Address(text.to_owned());
        match text.trim().split_once("://") {
            Some(("tcp", rest)) => Self::tcp(rest).ok_or_else(wrong),
            Some(("unix", path)) if path.starts_with('/') && path.len() > 1 => Ok(Self::Unix(path.into())),
            _ => Err(wrong()),
        }
    }

    /// `host:port`, `[::1]:port`.
    pub(super) fn tcp(text: &str) -> Option<Self> {
        let (host, port) = text.trim_end_matches('/').rsplit_once(':')?;
        let port = port.parse().ok()?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match inner {
            Some(inner) => inner.parse::<IpAddr>().ok()?.to_string(),
            None => host.to_owned(),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_whole = inner.is_some() || (!host.is_empty() && host.chars().all(is_name));
        is_whole.then_some(Self::Tcp { host, port })
    }

    /// Whether nothing leaves this machine on the way there.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => is_loopback(host),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|number: IpAddr| number.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, machine) in [
            ("tcp://127.0.0.1:5000", true),
            ("tcp://localhost:1", true),
            ("tcp://[::1]:5000", true),
            ("tcp://keys.example:5000", false),
            ("tcp://10.0.0.1:5000", false),
            ("tcp://127.0.0.1.evil.example:5000", false),
            ("unix:///run/x.sock", true),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_on_this_machine()), (text, machine));
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "foo",
            "tcp://",
            "tcp://x",
            "tcp://:5000",
            "tcp://x:99999",
            "http://x:1",
            "unix://x",
            "unix:///",
            "tcp://user@x:1",
            "tcp://::1:5000",
            "tcp://[x]:1",
            "tcp://x/y:1",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
