//! What backends that start programs have in common.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The root of the repository that a folder is in.
pub(super) fn repository(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Whether a path, or what it is a link to, lies below that root.
pub(super) fn is_inside(path: &Path, root: Option<&Path>) -> bool {
    let Some(root) = root else { return false };
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    path.starts_with(root) || real(path).starts_with(real(root))
}

/// Has a program lead a process group of its own.
#[cfg(unix)]
pub(super) fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Has a program lead a process group of its own, where there are such.
#[cfg(not(unix))]
pub(super) fn own_group(_command: &mut Command) {}

/// Kills everything in the group that `child` leads. It must not have been waited for yet, so that its number is still
/// its own.
pub(super) fn end_group(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    // It may have ended by itself meanwhile, which is as good.
    let _ = child.kill();
    let _ = child.wait();
}
