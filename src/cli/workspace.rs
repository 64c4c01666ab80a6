//! A folder in memory for the plaintext that an editor works on.
//!
//! The folder belongs to one process, which holds a lock on it; a folder without a holder was left by a killed one and
//! is removed by whoever comes next. Overwriting a file before removing it would promise more than today's disks keep,
//! so there is no such thing here: the plaintext is never on a disk in the first place.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid, fchown, flock, openat};
use rustix::process::geteuid;
use sealeaf::keys::Environment;
use sealeaf::secret::{SecretText, fill_random};

use super::context::Context;
use super::input::{read_secret, to_text};
use super::report::{Context as _, Kind, Report};
use super::{cleanup, escape};

/// A private folder with one file in it. Dropped, both are gone.
#[derive(Debug)]
pub(crate) struct Workspace {
    folder: PathBuf,
    handle: File,
    name: OsString,
    _guard: cleanup::Guard,
}

impl Workspace {
    /// Makes the folder, and in it a file of that extension holding `text`.
    ///
    /// # Errors
    /// [`Kind::Refused`] where no file system in memory is at hand and `allow_disk` is not given.
    pub(crate) fn new(
        extension: &str,
        text: &str,
        allow_disk: bool,
        context: &Context,
    ) -> Result<Self, Report> {
        // The user's own file name would end up in histories and logs; its extension is enough for colours.
        let workspace = Self::empty(format!("values.{extension}").into(), allow_disk, context)?;
        workspace.write(text.as_bytes())?;
        Ok(workspace)
    }

    /// Makes the folder for a file of that name, which is not made yet.
    ///
    /// # Errors
    /// As [`Workspace::new`].
    pub(crate) fn empty(name: OsString, allow_disk: bool, context: &Context) -> Result<Self, Report> {
        sweep(&context.environment);
        let base = match in_memory(&context.environment) {
            Some(base) => base,
            None if allow_disk => {
                let base = on_disk(&context.environment);
                context.warn(format!(
                    "the plaintext goes to disk, into `{}`, and parts of it may stay there when it is removed",
                    escape::path(&base)
                ));
                base
            }
            None => {
                let message = "there is no file system in memory for the plaintext";
                return Err(Report::message(Kind::Refused, message).hint(
                    "set XDG_RUNTIME_DIR to a tmpfs of yours, or accept a temporary file on disk with --allow-disk-temp",
                ));
            }
        };
        let (folder, handle) = make_folder(&base).map_err(Report::io("make a folder in", &base))?;
        let guard = cleanup::folder(folder.clone());
        Ok(Self { folder, handle, name, _guard: guard })
    }

    /// Makes the file.
    ///
    /// # Errors
    /// [`Kind::Failed`] where there is one, or it cannot be written.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Report> {
        self.write_new(bytes).map_err(Report::io("write", &self.path()))
    }

    /// The file for the editor.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Lets another user at the folder and its file.
    ///
    /// # Errors
    /// Where the system does not allow that.
    pub(crate) fn give(&self, user: u32, group: u32) -> Result<(), Report> {
        let (user, group) = (Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
        let given = rustix::fs::chownat(&self.handle, &self.name, user, group, AtFlags::SYMLINK_NOFOLLOW)
            .and_then(|()| fchown(&self.handle, user, group));
        given.map_err(|error| Report::io("give to another user", &self.path())(error.into()))
    }

    /// Reads the file as the editor left it, which may have replaced it by another.
    ///
    /// # Errors
    /// [`Kind::Refused`] where it is no plain file of this user any more; [`Kind::Malformed`] where it is too large or
    /// no text.
    pub(crate) fn read(&self, context: &Context) -> Result<SecretText, Report> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let refuse = |what: &str| Report::message(Kind::Refused, format!("the edited file {what}"));
        let opened = openat(&self.handle, &self.name, flags, Mode::empty());
        let mut file = match opened {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::LOOP) => return Err(refuse("became a symlink")),
            Err(rustix::io::Errno::NOENT) => return Err(refuse("is gone")),
            Err(error) => return Err(Report::io("read", &self.path())(error.into())),
        };
        let metadata = file.metadata().map_err(Report::io("read", &self.path()))?;
        if !metadata.is_file() {
            return Err(refuse("is no regular file any more"));
        }
        if metadata.uid() != geteuid().as_raw() {
            return Err(refuse("belongs to another user now"));
        }
        if metadata.nlink() > 1 {
            return Err(refuse("has further hard links now"));
        }
        let expected = usize::try_from(metadata.size()).unwrap_or(usize::MAX);
        to_text(read_secret(&mut file, expected, context.limits.file)?)
    }

    /// Removes everything. Gives the names of what the editor left beside the file.
    ///
    /// # Errors
    /// Where something cannot be removed: plaintext may be left then.
    pub(crate) fn close(self) -> Result<Vec<OsString>, Report> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(Report::io("look into", &self.folder))? {
            let name = entry.map_err(Report::io("look into", &self.folder))?.file_name();
            if name != self.name {
                left.push(name);
            }
        }
        left.sort();
        fs::remove_dir_all(&self.folder).map_err(Report::io("remove", &self.folder)).at(&self.folder)?;
        Ok(left)
    }

    fn write_new(&self, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.handle, &self.name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(bytes)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes folders that killed processes of this user left behind.
pub(crate) fn sweep(environment: &Environment) {
    let bases =
        [environment.os("XDG_RUNTIME_DIR").map(PathBuf::from), Some(SHM.into()), Some(on_disk(environment))];
    for base in bases.into_iter().flatten() {
        sweep_base(&base);
    }
}

fn sweep_base(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    let prefix = prefix();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name.as_bytes().strip_prefix(prefix.as_bytes());
        if random.is_some_and(|rest| rest.len() == 2 * RANDOM)
            && let Ok(handle) = open_folder(&entry.path())
            && flock(&handle, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The first of the usual places that is in memory and safe from other users.
fn in_memory(environment: &Environment) -> Option<PathBuf> {
    let runtime = environment.os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|base| is_private(base));
    let shared = Some(PathBuf::from(SHM)).filter(|base| is_sticky(base));
    [runtime, shared].into_iter().flatten().find(|base| is_tmpfs(base))
}

fn on_disk(environment: &Environment) -> PathBuf {
    environment
        .os("TMPDIR")
        .map(PathBuf::from)
        .filter(|base| base.is_absolute())
        .unwrap_or_else(|| "/tmp".into())
}

/// A folder of this user that nobody else can write to.
fn is_private(base: &Path) -> bool {
    base.is_absolute()
        && fs::symlink_metadata(base).is_ok_and(|found| {
            found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0
        })
}

/// A folder in which users cannot rename each other's files.
fn is_sticky(base: &Path) -> bool {
    fs::symlink_metadata(base)
        .is_ok_and(|found| found.is_dir() && found.mode() & 0o1000 != 0 && found.uid() == 0)
}

#[cfg(target_os = "linux")]
fn is_tmpfs(base: &Path) -> bool {
    // Magic numbers of statfs(2).
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    rustix::fs::statfs(base)
        .ok()
        // The field's type differs between systems; the numbers have 32 bits.
        .is_some_and(|found| matches!(found.f_type as u64 & 0xffff_ffff, TMPFS | RAMFS))
}

#[cfg(not(target_os = "linux"))]
fn is_tmpfs(_base: &Path) -> bool {
    false
}

/// Makes and locks a new folder of mode 0700 with a name nobody can guess.
fn make_folder(base: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let mut random = [0; RANDOM];
        fill_random(&mut random).map_err(io::Error::other)?;
        let name = escape::hex(&random);
        let folder = base.join(format!("{}{name}", prefix()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let locked = open_folder(&folder).and_then(|handle| {
            flock(&handle, FlockOperation::LockExclusive)?;
            Ok((handle.metadata()?.nlink(), handle))
        });
        match locked {
            // A sweeper may have come between the two steps; then it is gone, and another is made.
            Ok((0, _)) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok((_, handle)) => return Ok((folder, handle)),
            Err(error) => {
                let _ = fs::remove_dir(&folder);
                return Err(error);
            }
        }
    }
}

/// Opens a folder of this user, not through a symlink.
fn open_folder(folder: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let handle = OpenOptions::new().read(true).custom_flags(flags).open(folder)?;
    if handle.metadata()?.uid() == geteuid().as_raw() {
        Ok(handle)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn prefix() -> String {
    format!("sealeaf-{}-", geteuid().as_raw())
}

const SHM: &str = "/dev/shm";
/// Bytes of a folder's random name.
const RANDOM: usize = 8;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A workspace on disk, in a folder of the test's own.
    fn open(base: &Path) -> Workspace {
        let (folder, handle) = make_folder(base).unwrap();
        let guard = cleanup::folder(folder.clone());
        let workspace = Workspace { folder, handle, name: "values.yaml".into(), _guard: guard };
        workspace.write_new(b"a: 1\n").unwrap();
        workspace
    }

    fn context(base: &Path) -> Context {
        Context::for_test(base, [("TMPDIR", base)].into_iter().collect())
    }

    #[test]
    fn ac_48_modes_are_for_the_owner_alone() {
        let base = tempfile::tempdir().unwrap();
        let workspace = open(base.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&workspace.folder), mode(&workspace.path())), (0o700, 0o600));
        assert_eq!(workspace.read(&context(base.path())).unwrap().as_str(), "a: 1\n");
        assert_eq!(workspace.close().unwrap(), Vec::<OsString>::new());
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn ac_48_places_that_others_can_write_to_are_not_used() {
        let base = tempfile::tempdir().unwrap();
        let shared = base.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        let link = base.path().join("link");
        symlink(base.path(), &link).unwrap();
        assert!(is_private(base.path()));
        assert!(!is_private(&shared) && !is_private(&link) && !is_private(Path::new("relative")));
        let environment: Environment = [("XDG_RUNTIME_DIR", &shared)].into_iter().collect();
        assert_ne!(in_memory(&environment), Some(shared));
    }

    #[test]
    fn ac_48_a_place_in_memory_is_preferred() {
        if !is_tmpfs(Path::new(SHM)) {
            return; // this system has none
        }
        let base = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir_in(SHM).unwrap();
        let context = Context::for_test(
            base.path(),
            [("XDG_RUNTIME_DIR", runtime.path()), ("TMPDIR", base.path())].into_iter().collect(),
        );
        let workspace = Workspace::new("yaml", "a: 1\n", true, &context).unwrap();
        assert!(workspace.path().starts_with(runtime.path()));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn ac_49_leftovers_are_named_and_removed() {
        let base = tempfile::tempdir().unwrap();
        let workspace = open(base.path());
        for name in [".values.yaml.swp", "values.yaml~"] {
            File::create(workspace.folder.join(name)).unwrap();
        }
        fs::create_dir(workspace.folder.join("undo")).unwrap();
        File::create(workspace.folder.join("undo/x")).unwrap();
        assert_eq!(workspace.close().unwrap(), [".values.yaml.swp", "undo", "values.yaml~"]);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn ac_50_only_folders_without_a_process_are_swept() {
        let base = tempfile::tempdir().unwrap();
        let live = open(base.path());
        let stale = base.path().join(format!("{}0123456789abcdef", prefix()));
        fs::create_dir(&stale).unwrap();
        File::create(stale.join("values.yaml")).unwrap();
        let other = base.path().join(format!("{}short", prefix()));
        fs::create_dir(&other).unwrap();
        sweep_base(base.path());
        assert!(!stale.exists());
        assert!(other.exists() && live.path().exists());
    }

    #[test]
    fn ac_51_what_is_no_plain_file_any_more_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let context = context(base.path());
        let check = |change: &dyn Fn(&Path), says: &str| {
            let workspace = open(base.path());
            change(&workspace.path());
            let report = workspace.read(&context).unwrap_err();
            assert_eq!(report.kind(), Kind::Refused);
            assert!(report.render(false).contains(says), "{}", report.render(false));
        };
        let replace = |path: &Path| fs::remove_file(path).unwrap();
        check(&replace, "is gone");
        check(
            &|path| {
                replace(path);
                symlink("/etc/passwd", path).unwrap();
            },
            "became a symlink",
        );
        check(
            &|path| {
                replace(path);
                assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
            },
            "no regular file",
        );
        check(&|path| fs::hard_link(path, path.with_extension("twin")).unwrap(), "hard links");
    }

    #[test]
    fn ac_52_a_name_that_is_taken_is_not_written_to() {
        let base = tempfile::tempdir().unwrap();
        let workspace = open(base.path());
        assert_eq!(workspace.write_new(b"x").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let victim = base.path().join("victim");
        File::create(&victim).unwrap();
        fs::remove_file(workspace.path()).unwrap();
        symlink(&victim, workspace.path()).unwrap();
        assert_eq!(workspace.write_new(b"x").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(victim).unwrap(), "");
    }

    #[test]
    fn a_replaced_file_is_read_anew() {
        let base = tempfile::tempdir().unwrap();
        let workspace = open(base.path());
        let other = workspace.folder.join("new");
        File::create(&other).unwrap().write_all(b"a: 2\n").unwrap();
        fs::rename(other, workspace.path()).unwrap();
        assert_eq!(workspace.read(&context(base.path())).unwrap().as_str(), "a: 2\n");
    }
}
