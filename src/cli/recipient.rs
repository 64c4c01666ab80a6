//! Recipients on the command line: names of the configuration, or keys.

use std::path::Path;

use sealeaf::config::Config;
use sealeaf::config::near::nearest;
use sealeaf::keys::{BACKENDS, KeyRef, Recipient};

use super::report::{Kind, Report};
use super::session::Session;

/// The recipients that `--to` names, each a name (or group of names) in the configuration near `path`, or a key.
pub(crate) fn parse_all(
    texts: &[String],
    path: &Path,
    session: &Session<'_>,
) -> Result<Vec<Recipient>, Report> {
    let config = session.config(path)?;
    let mut found: Vec<Recipient> = Vec::new();
    for text in texts {
        for recipient in parse(text, config.as_ref())? {
            if !found.iter().any(|other| other.key == recipient.key) {
                found.push(recipient);
            }
        }
    }
    Ok(found)
}

/// One name or key.
fn parse(text: &str, config: Option<&Config>) -> Result<Vec<Recipient>, Report> {
    if let Some(config) = config.filter(|config| config.recipients.get(text).is_some()) {
        return Ok(config.recipients.resolve([text]).into_iter().cloned().collect());
    }
    if let Some(key) = key(text)? {
        let name = config.and_then(|config| name_of(&key, config)).unwrap_or_default();
        return Ok(vec![Recipient { key, name, break_glass: false }]);
    }
    let report = Report::message(Kind::Usage, format!("`{text}` is neither a known name nor a key"));
    let names = config.iter().flat_map(|config| config.recipients.iter().map(|(name, _)| name));
    Err(match nearest(text, names) {
        Some(name) => report.hint(format!("did you mean `{name}`?")),
        None => report.hint(
            "names stand in `[recipients]` of `.sealeaf.toml`; keys look like `age1…` or `ssh-ed25519 AAAA…`",
        ),
    })
}

/// The key that a text is, by its look: `age1…`, `ssh-…`, the fingerprint of a PGP key, or `TYPE:IDENTIFIER`.
pub(crate) fn key(text: &str) -> Result<Option<KeyRef>, Report> {
    let typed = text.split_once(':').filter(|(kind, _)| BACKENDS.iter().any(|(name, _)| name == kind));
    let (kind, id) = match typed {
        Some((kind, id)) => (kind, id),
        None if text.starts_with("age1") || text.starts_with("ssh-") => ("age", text),
        None if is_fingerprint(text) => ("pgp", text),
        None => return Ok(None),
    };
    let id = sealeaf::keys::backend(kind)?.parse(id)?;
    Ok(Some(KeyRef { kind: kind.to_owned(), id, context: Default::default() }))
}

/// Whether a text has the length and the digits of a fingerprint, with or without blanks.
fn is_fingerprint(text: &str) -> bool {
    let digits = text.strip_suffix('!').unwrap_or(text).bytes().filter(|byte| *byte != b' ');
    matches!(digits.clone().count(), 40 | 64) && digits.clone().all(|byte| byte.is_ascii_hexdigit())
}

/// What a configuration calls a key.
fn name_of(key: &KeyRef, config: &Config) -> Option<String> {
    config.recipients.iter().find_map(|(name, _)| match config.recipients.resolve([name]).as_slice() {
        [recipient] if recipient.key == *key => Some(recipient.name.clone()),
        _ => None,
    })
}
