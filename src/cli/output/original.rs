//! A file as it was when it was read, and whether it still is.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::OFlags;
use rustix::io::Errno;
use sealeaf::secret::{SecretBytes, SecretText};
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::place::Place;
use crate::cli::report::{Kind, Report};

/// A file at the time of its reading.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    path: PathBuf,
    directory: PathBuf,
    is_symlink: bool,
    links: u64,
    held: Held,
    place: OnceLock<Place>,
}

/// What a file held: text in the memory of whoever read it, or bytes.
#[derive(Clone, Debug)]
enum Held {
    Text(SecretText),
    Bytes(SecretBytes),
}

impl Held {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes.expose(),
        }
    }
}

impl Original {
    /// Remembers the file at `path`, which was opened as `file` and held `bytes`.
    ///
    /// # Errors
    /// Where the file is gone.
    pub(crate) fn of(path: &Path, file: &File, bytes: &[u8], context: &Context) -> Result<Self, Report> {
        Self::with(path, file, Held::Bytes(SecretBytes::new(bytes.to_vec())), context)
    }

    /// The same for a text, whose memory it shares.
    ///
    /// # Errors
    /// Where the file is gone.
    pub(crate) fn of_text(
        path: &Path,
        file: &File,
        text: &SecretText,
        context: &Context,
    ) -> Result<Self, Report> {
        Self::with(path, file, Held::Text(text.clone()), context)
    }

    fn with(path: &Path, file: &File, held: Held, context: &Context) -> Result<Self, Report> {
        let metadata = file.metadata().map_err(Report::io("read", path))?;
        let link = fs::symlink_metadata(path).map_err(Report::io("read", path))?;
        Ok(Self {
            path: path.to_owned(),
            directory: context.directory.clone(),
            is_symlink: link.file_type().is_symlink(),
            links: metadata.nlink(),
            held,
            place: OnceLock::new(),
        })
    }

    /// Where the file is, if it can be replaced.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a symlink, a file with further hard links, and a path that leads out of its repository.
    pub(crate) fn replaceable(&self) -> Result<Place, Report> {
        let refuse = |what, hint: &str| {
            let message = format!("`{}` {what}", escape::path(&self.path));
            Err(Report::message(Kind::Refused, message).hint(hint))
        };
        if self.is_symlink {
            return refuse("is a symlink and is not written through", "name the file that it points to");
        }
        if self.links > 1 {
            return refuse(
                "has further hard links, which would keep the old content",
                "replace it by a copy first",
            );
        }
        // Where it was first is where it is: a folder that becomes a symlink meanwhile leads nowhere else.
        match self.place.get() {
            Some(place) => Ok(place.clone()),
            None => {
                Place::of(&self.path, &self.directory).map(|place| self.place.get_or_init(|| place).clone())
            }
        }
    }

    /// Whether these are its bytes.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        self.held.bytes() == bytes
    }

    /// Opens the file again, to see that it is still the same: a plain file of the same bytes.
    ///
    /// # Errors
    /// [`Kind::Conflict`] where it is not; [`Kind::Failed`] where that cannot be found out.
    pub(super) fn unchanged(&self, place: &Place) -> Result<File, Report> {
        let changed = || {
            let message = format!("`{}` was changed by another program meanwhile", escape::path(&self.path));
            Report::message(Kind::Conflict, message).hint("nothing was written; run the command again")
        };
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(place.path());
        let read = |error: std::io::Error| match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => changed(),
            _ => Report::io("read", &self.path)(error),
        };
        let mut file = opened.map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        if metadata.is_file() && metadata.nlink() <= 1 && holds(&mut file, self.held.bytes()).map_err(read)? {
            Ok(file)
        } else {
            Err(changed())
        }
    }
}

/// Whether the rest of a file is exactly `expected`.
fn holds(file: &mut File, mut expected: &[u8]) -> std::io::Result<bool> {
    let mut buffer = Zeroizing::new([0; 16 << 10]);
    loop {
        let read = file.read(buffer.as_mut())?;
        if read == 0 {
            return Ok(expected.is_empty());
        }
        match expected.strip_prefix(buffer.get(..read).unwrap_or_default()) {
            Some(rest) => expected = rest,
            None => return Ok(false),
        }
    }
}
