//! Where a key service listens: a socket that only its user can open, or a port that only this machine reaches.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{Address, Reach};
use crate::secret::fill_random;

/// A place to listen at. Dropping it removes its socket from the file system.
#[derive(Debug)]
pub struct Listener {
    pub(super) inner: Inner,
    address: Address,
    /// The socket's device and number, by which it is known again.
    socket: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(super) enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why there is no listening.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Not a network that is known.
    #[error("unknown network `{0}`: `tcp` and `unix` are known")]
    Network(String),
    /// Not an address.
    #[error("`{0}` is no address to listen at: `127.0.0.1:5000` is one")]
    Address(String),
    /// Other machines could connect.
    #[error(
        "`{0}` can be reached from other machines, and whoever connects could have everything decrypted: listen at 127.0.0.1 or at a unix socket"
    )]
    Exposed(String),
    /// A folder in which others could put a socket in the place of ours.
    #[error("others may write in `{}`: choose a folder of your own for the socket", .0.display())]
    Folder(PathBuf),
    /// Something is there already.
    #[error("`{}` exists, and is no socket that nobody listens at any more", .0.display())]
    Exists(PathBuf),
    /// The operating system says no.
    #[error("cannot listen at `{address}`: {error}")]
    Io {
        /// Where.
        address: String,
        /// Why.
        error: io::Error,
    },
}

impl Listener {
    /// Listens at an address of the network `tcp` (`127.0.0.1:5000`) or `unix` (a path). A unix socket gets mode 600,
    /// and takes the place of one that nobody listens at any more.
    ///
    /// # Errors
    /// [`ListenError`]; one of them is that other machines could connect and `reach` does not say so.
    pub fn bind(network: &str, address: &str, reach: Reach) -> Result<Self, ListenError> {
        match network {
            "tcp" => tcp(address, reach),
            "unix" => unix(Path::new(address)),
            _ => Err(ListenError::Network(network.to_owned())),
        }
    }

    /// Where it listens, with the port that the system chose where the one asked for was 0.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The socket in the file system, if it is one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match &self.address {
            Address::Unix(path) => Some(path),
            Address::Tcp { .. } => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(path) = self.socket() else { return };
        let found = fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()));
        if found.is_some() && found == self.socket {
            let _ = fs::remove_file(path);
        }
    }
}

fn tcp(text: &str, reach: Reach) -> Result<Listener, ListenError> {
    let io = |error| ListenError::Io { address: text.to_owned(), error };
    let places: Vec<SocketAddr> = match text.strip_prefix(':').map(str::parse::<u16>) {
        // As Go has it: every interface.
        Some(Ok(port)) => vec![SocketAddr::from(([0; 16], port)), SocketAddr::from(([0; 4], port))],
        Some(Err(_)) => return Err(ListenError::Address(text.to_owned())),
        None if Address::tcp(text).is_none() => return Err(ListenError::Address(text.to_owned())),
        None => text.to_socket_addrs().map_err(io)?.collect(),
    };
    if reach == Reach::Machine && !places.iter().all(|place| place.ip().is_loopback()) {
        return Err(ListenError::Exposed(text.to_owned()));
    }
    let listener = TcpListener::bind(places.as_slice()).map_err(io)?;
    listener.set_nonblocking(true).map_err(io)?;
    let place = listener.local_addr().map_err(io)?;
    let address = Address::Tcp { host: place.ip().to_string(), port: place.port() };
    Ok(Listener { inner: Inner::Tcp(listener), address, socket: None })
}

/// Made with its mode in a folder that nobody else can enter, then moved: there is no moment in which it is open to
/// others.
fn unix(path: &Path) -> Result<Listener, ListenError> {
    let io = |error| ListenError::Io { address: path.display().to_string(), error };
    let path = std::path::absolute(path).map_err(io)?;
    let (Some(folder), Some(_)) = (path.parent(), path.file_name()) else {
        return Err(ListenError::Address(path.display().to_string()));
    };
    if !is_safe(folder).map_err(io)? {
        return Err(ListenError::Folder(folder.to_owned()));
    }
    make_room(&path)?;
    let mut random = [0; 4];
    fill_random(&mut random).map_err(|error| io(io::Error::other(error)))?;
    let closed = folder.join(format!(".{:08x}", u32::from_ne_bytes(random)));
    DirBuilder::new().mode(0o700).create(&closed).map_err(io)?;
    let made = || {
        let first = closed.join("s");
        let listener = UnixListener::bind(&first)?;
        fs::set_permissions(&first, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let found = fs::symlink_metadata(&first)?;
        fs::rename(&first, &path)?;
        Ok((listener, (found.dev(), found.ino())))
    };
    let made = made().map_err(io);
    let _ = fs::remove_dir_all(&closed);
    let (listener, socket) = made?;
    Ok(Listener { inner: Inner::Unix(listener), address: Address::Unix(path), socket: Some(socket) })
}

/// Whether nobody else can put something else in the socket's place: a folder of the user's or root's in which others
/// may not write, or may not touch what is not theirs.
fn is_safe(folder: &Path) -> io::Result<bool> {
    let found = fs::metadata(folder)?;
    let is_known = found.uid() == 0 || found.uid() == geteuid().as_raw();
    Ok(is_known && (found.mode() & 0o022 == 0 || found.mode() & 0o1000 != 0))
}

/// Removes a socket that an ended program left behind.
fn make_room(path: &Path) -> Result<(), ListenError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let is_left = found.file_type().is_socket()
        && found.uid() == geteuid().as_raw()
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if !is_left {
        return Err(ListenError::Exists(path.to_owned()));
    }
    fs::remove_file(path).map_err(|error| ListenError::Io { address: path.display().to_string(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_of_this_machine_unless_told_otherwise() {
        let listener = Listener::bind("tcp", "127.0.0.1:0", Reach::Machine).unwrap();
        assert!(listener.address().to_string().starts_with("tcp://127.0.0.1:"));
        for exposed in ["0.0.0.0:0", ":0", "[::]:0"] {
            assert!(matches!(Listener::bind("tcp", exposed, Reach::Machine), Err(ListenError::Exposed(_))));
            assert!(Listener::bind("tcp", exposed, Reach::Network).is_ok(), "{exposed}");
        }
        for wrong in ["", "x", "127.0.0.1", "127.0.0.1:x", ":x", "::1:0"] {
            assert!(matches!(Listener::bind("tcp", wrong, Reach::Machine), Err(ListenError::Address(_))));
        }
        assert!(matches!(Listener::bind("udp", "127.0.0.1:0", Reach::Machine), Err(ListenError::Network(_))));
    }

    #[test]
    fn sockets_are_the_users_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let text = path.to_str().unwrap();
        let bind = || Listener::bind("unix", text, Reach::Machine);
        let listener = bind().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(bind(), Err(ListenError::Exists(_))), "somebody listens there");
        drop(listener);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        drop(UnixListener::bind(&path).unwrap());
        assert!(bind().is_ok(), "nobody listens there any more");
        fs::create_dir(&path).unwrap();
        assert!(matches!(bind(), Err(ListenError::Exists(_))));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(bind(), Err(ListenError::Folder(_))));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(matches!(bind(), Err(ListenError::Exists(_))));
    }
}
