//! The user's own configuration: `$XDG_CONFIG_HOME/sealeaf/config.toml`. It may name programs, addresses and roles, which
//! no repository may; so it has to be the user's alone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::keys::{Environment, Settings};

/// Why the user's configuration cannot be used. It never counts as none then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserConfigError {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else may have written it.
    #[error("`{}` is refused: {reason}", path.display())]
    NotYours {
        /// The file.
        path: PathBuf,
        /// Who may write it.
        reason: String,
    },
    /// What is written there is not understood.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Where the user's configuration lies; `None` without a home.
#[must_use]
pub fn place(environment: &Environment) -> Option<PathBuf> {
    Some(environment.config_home()?.join("sealeaf/config.toml"))
}

/// Reads it; the default settings where there is none. `user` is the effective user id: the file has to belong to that
/// user or to root, and nobody else may be able to write it.
///
/// # Errors
/// [`UserConfigError`].
pub fn load(environment: &Environment, user: u32) -> Result<Settings, UserConfigError> {
    let Some(path) = place(environment) else { return Ok(Settings::default()) };
    let io = |source| UserConfigError::Io { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(error) => return Err(io(error)),
    };
    let metadata = file.metadata().map_err(io)?;
    if let Some(reason) = strangers(&metadata, user) {
        return Err(UserConfigError::NotYours { path, reason });
    }
    let mut text = String::new();
    file.take(SIZE_LIMIT + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > SIZE_LIMIT {
        let reason = format!("it is larger than {SIZE_LIMIT} bytes");
        return Err(UserConfigError::Malformed { path, line: 1, reason });
    }
    parse(&text, &path)
}

/// Reads the text of a user's configuration; `path` is for messages.
///
/// # Errors
/// [`UserConfigError::Malformed`].
pub fn parse(text: &str, path: &Path) -> Result<Settings, UserConfigError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        let reason = error.message().lines().next().unwrap_or_default().to_owned();
        UserConfigError::Malformed { path: path.to_owned(), line, reason }
    })
}

/// Who else could have written it.
#[cfg(unix)]
fn strangers(metadata: &fs::Metadata, user: u32) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    if !metadata.is_file() {
        return Some("it is no file".to_owned());
    }
    let owner = metadata.uid();
    if owner != user && owner != 0 {
        return Some(format!("it belongs to user {owner}"));
    }
    let open = metadata.mode() & 0o022 != 0;
    open.then(|| "others may write it: `chmod go-w` it, once you know what it says".to_owned())
}

#[cfg(not(unix))]
fn strangers(metadata: &fs::Metadata, _user: u32) -> Option<String> {
    (!metadata.is_file()).then(|| "it is no file".to_owned())
}

/// In bytes.
const SIZE_LIMIT: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::VaultLogin;

    #[test]
    fn reads_every_table() {
        let text = r#"
            [unwrap]
            order = ["vault", "age"]
            [network]
            timeout = 5
            textconv = ["aws_kms"]
            [age.plugins]
            yubikey = "/usr/bin/age-plugin-yubikey"
            [aws]
            profile = "dev"
            [[vault.servers]]
            address = "https://vault.example.com"
            login = { method = "approle", role_id = "r", secret_id_file = "/run/secret-id" }
        "#;
        let settings = parse(text, Path::new("config.toml")).unwrap();
        assert_eq!(settings.unwrap.order, ["vault", "age"]);
        assert_eq!((settings.network.timeout, settings.network.attempts), (5, 4));
        assert!(matches!(settings.vault.servers[0].login, Some(VaultLogin::AppRole { .. })));
    }

    /// The page shows every table.
    #[test]
    fn the_page_is_right() {
        let page = include_str!("../../docs/reference/user-config.md");
        let (_, rest) = page.split_once("```toml\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let settings = parse(text, Path::new("config.toml")).unwrap();
        let plain = Settings::default();
        assert_ne!(settings.unwrap, plain.unwrap);
        assert_ne!(settings.network, plain.network);
        assert_ne!(settings.age, plain.age);
        assert_ne!(settings.pgp, plain.pgp);
        assert_ne!(settings.aws, plain.aws);
        assert_ne!(settings.gcp, plain.gcp);
        assert_ne!(settings.azure, plain.azure);
        assert_ne!(settings.vault, plain.vault);
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        let error = parse("[network]\ntimout = 5\n", Path::new("config.toml")).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("config.toml:2: unknown field `timout`"), "{shown}");
    }
}
