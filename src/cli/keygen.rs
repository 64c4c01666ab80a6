use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use sealeaf::keys::age::{NewIdentity, generate, generate_post_quantum, own_file};
use sealeaf::secret::SecretString;

use super::context::Context;
use super::escape;
use super::input::{read_file, to_text};
use super::output::{Content, Lock, Original, create, replace};
use super::plaintext::Outlook;
use super::report::{Context as _, Kind, Report};

/// Make a new identity
///
/// Adds it to the user's own key file, or to --output, and prints the recipient: that is what others put into
/// `.sealeaf.toml`. Whatever the file holds already stays. The private key is never printed, unless to `--output -`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Add it to this file; `-` prints the identity itself
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make a post-quantum identity: what is sealed for it stays closed to quantum computers too
    ///
    /// Its recipient has about 2000 characters. Older programs that use age, before 1.3, do not know it.
    #[arg(long)]
    pq: bool,
    /// Accept a file that git tracks or would track
    #[arg(long)]
    allow_tracked: bool,
}

/// Makes one identity.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    if args.output.as_deref() == Some(Path::new("-")) {
        let identity = fresh(args.pq)?;
        context.print(identity.text.as_bytes())?;
        context.note(format!("recipient: {}", identity.recipient));
        return Ok(ExitCode::SUCCESS);
    }
    let own = args.output.is_none();
    let path = args.output.map_or_else(|| own_path(context), Ok)?;
    let identity = fresh(args.pq)?;
    add(&identity, &path, args.allow_tracked, context)?;
    context.print(format!("{}\n", identity.recipient).as_bytes())?;
    if !own {
        context.note(format!(
            "this file is used where SEALEAF_IDENTITY_FILE names it: `{}`",
            escape::path(&path)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The user's own key file.
pub(crate) fn own_path(context: &Context) -> Result<PathBuf, Report> {
    own_file(&context.environment).filter(|path| path.is_absolute()).ok_or_else(|| {
        Report::message(
            Kind::Usage,
            "there is no place for your key: neither HOME nor XDG_CONFIG_HOME is set",
        )
        .hint("name a file with `sealeaf keygen --output FILE`")
    })
}

/// A new identity, not written anywhere yet.
pub(crate) fn fresh(is_post_quantum: bool) -> Result<NewIdentity, Report> {
    let make = if is_post_quantum { generate_post_quantum } else { generate };
    Ok(make(&now())?)
}

/// The present time in UTC, to the second, as RFC 3339 has it.
pub(crate) fn now() -> String {
    rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Adds an identity to a key file, which is made where there is none, with the folder above it.
pub(crate) fn add(
    identity: &NewIdentity,
    path: &Path,
    allow_tracked: bool,
    context: &Context,
) -> Result<(), Report> {
    make_folder(path)?;
    let guard = |path: &Path| {
        if allow_tracked { Ok(()) } else { Outlook::default().refuse_tracked(path, false, context) }
    };
    let content = Content::Plain(&guard);
    let _lock = Lock::around(path, context)?;
    if fs::symlink_metadata(path).is_err() {
        create(path, identity.text.as_bytes(), content, context)?;
        context.note(format!("identity written to `{}`: keep a copy in a safe place", escape::path(path)));
        return Ok(());
    }
    let (bytes, file) = read_file(path, context.limits.file)?;
    let original = Original::of(path, &file, &bytes, context)?;
    let before = to_text(bytes).at(path)?;
    if !holds_only_identities(&before) {
        return Err(Report::message(Kind::Refused, "the file is no list of identities, or is encrypted")
            .at(path)
            .hint("name another file with --output"));
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let mut after = SecretString::new(String::with_capacity(before.len() + 1 + identity.text.len()));
    for part in [before.as_str(), gap, identity.text.as_str()] {
        after.push_str(part);
    }
    replace(&original, after.as_bytes(), content, context)?;
    context.note(format!("identity added to `{}`: keep a copy in a safe place", escape::path(path)));
    Ok(())
}

/// The folder of a key file is nobody else's business.
fn make_folder(path: &Path) -> Result<(), Report> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    if folder.exists() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Report::io("make the folder", folder))
}

/// Whether every line is an identity, a comment or blank: only to such a text another identity can be added.
fn holds_only_identities(text: &str) -> bool {
    let is_identity = |line: &str| {
        let line = line.to_ascii_uppercase();
        line.starts_with("AGE-SECRET-KEY-") || line.starts_with("AGE-PLUGIN-")
    };
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#') || is_identity(line))
}

/// A time in seconds since 1970 as `2026-01-02T03:04:05Z`. The calendar is that of H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`, for days since 1970.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here, so that the leap day is the last.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        for (seconds, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_323_045, "2026-01-02T03:04:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), expect);
        }
    }

    #[test]
    fn only_lists_of_identities_are_added_to() {
        for (text, expect) in [
            ("", true),
            ("# created: x\nAGE-SECRET-KEY-1QQ\n\nAGE-PLUGIN-YUBIKEY-1Q", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", false),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", false),
            ("password: x\n", false),
        ] {
            assert_eq!(holds_only_identities(text), expect, "{text}");
        }
    }
}
