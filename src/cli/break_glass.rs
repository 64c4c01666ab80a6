//! Keys for emergencies: that one was used is said, and kept until the data key is a new one.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sealeaf::envelope::native::Header;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::escape;
use super::session::Session;

/// One use of a break-glass key, as it stands in the user's state folder. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    /// The recipient's name in the file.
    pub(crate) name: String,
    /// The file's id, in hexadecimal.
    fid: String,
    /// The data key's number.
    epoch: u32,
    /// Seconds since 1970.
    at: u64,
}

/// Says that a break-glass key opened a file, and keeps it.
pub(crate) fn tell(header: &Header, shown: &Path, session: &Session<'_>) {
    for recipient in session.run().take_broken_glass(&header.fid, header.epoch) {
        let name = recipient.label();
        session.once(format!(
            "{}: opened with the break-glass key {name}: once the emergency is over, run `sealeaf rotate` on it",
            escape::path(shown)
        ));
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let used = Use { name: recipient.name, fid: escape::hex(&header.fid), epoch: header.epoch, at };
        if keep(&used, session.context).is_none() {
            session.once(
                "that it was used could not be kept, so `sealeaf status` will not remind you".to_owned(),
            );
        }
    }
}

/// The uses of break-glass keys that a rotation is due for: those of the file's data key.
pub(crate) fn due(header: &Header, context: &Context) -> Vec<Use> {
    let Some(file) = place(context).and_then(|path| File::open(path).ok()) else { return Vec::new() };
    let lines = BufReader::new(file.take(SIZE_LIMIT)).lines();
    let fid = escape::hex(&header.fid);
    let uses = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str::<Use>(&line).ok());
    uses.filter(|used| used.fid == fid && used.epoch >= header.epoch).collect()
}

/// Adds a line, which one write of this length does whole.
fn keep(used: &Use, context: &Context) -> Option<()> {
    let path = place(context)?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path.parent()?).ok()?;
    let mut file =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(NO_LINK).open(&path).ok()?;
    let mut line = serde_json::to_string(used).ok()?;
    line.push('\n');
    file.write_all(line.as_bytes()).ok()
}

fn place(context: &Context) -> Option<PathBuf> {
    Some(context.environment.state_home()?.join("sealeaf/break-glass.jsonl"))
}

/// A link in the place of the file is not followed.
const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// In bytes.
const SIZE_LIMIT: u64 = 4 << 20;
