//! Identifiers: `https://vault.example:8200/v1/ENGINE/keys/NAME`.

use std::fmt;

use reqwest::Url;

use super::KIND;
use crate::address::Address;
use crate::keys::KeyError;

/// A key of a transit engine.
#[derive(Clone, Debug)]
pub(super) struct Id {
    pub(super) address: Address,
    engine: String,
    name: String,
}

/// What is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Encrypt,
    Decrypt,
}

impl Id {
    /// Reads an identifier.
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        Self::read(text).map_err(|reason| KeyError::Invalid {
            kind: KIND,
            // A password may stand in it.
            id: if text.contains('@') { "…".to_owned() } else { text.to_owned() },
            reason,
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let form = || "expected `https://vault.example:8200/v1/ENGINE/keys/NAME`".to_owned();
        let (address, rest) = text.trim_end_matches('/').split_once("/v1/").ok_or_else(form)?;
        let (engine, name) = rest.rsplit_once("/keys/").ok_or_else(form)?;
        let address = Address::parse(address)?;
        if !address.is_root() {
            return Err("nothing can stand between the host and `/v1/`".to_owned());
        }
        if !address.is_encrypted() && !address.is_loopback() {
            return Err("a token would go over the network in clear: use https".to_owned());
        }
        if !engine.split('/').all(is_step) {
            return Err(format!("`{engine}` is no path of an engine"));
        }
        // What is written there is kept, or is about who may do what.
        if engine.split('/').next().is_some_and(|first| RESERVED.contains(&first)) {
            return Err(format!("`{engine}` is a part of Vault itself, and no transit engine"));
        }
        if !is_name(name) {
            return Err(format!("`{name}` is no name of a key"));
        }
        Ok(Self { address, engine: engine.to_owned(), name: name.to_owned() })
    }

    /// Where that is asked.
    pub(super) fn url(&self, action: Action) -> Url {
        below(&self.address, &format!("{}/{}/{}", self.engine, action.word(), self.name))
    }

    /// What a policy must say.
    pub(super) fn stanza(&self, action: Action) -> String {
        let Self { engine, name, .. } = self;
        format!("path \"{engine}/{}/{name}\" {{ capabilities = [\"update\"] }}", action.word())
    }

    /// The key's own path.
    pub(super) fn path(&self) -> String {
        format!("{}/keys/{}", self.engine, self.name)
    }

    pub(super) fn engine(&self) -> &str {
        &self.engine
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/v1/{}", self.address, self.path())
    }
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }
}

/// A place in the interface of that server; `path` has no slash in front.
pub(super) fn below(address: &Address, path: &str) -> Url {
    let mut url = address.url().clone();
    url.set_path(&format!("v1/{path}"));
    url
}

/// The mounts that every Vault has.
const RESERVED: [&str; 4] = ["auth", "cubbyhole", "identity", "sys"];

/// A step of a path that nobody reads as anything else.
pub(super) fn is_step(step: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+=:@!$&'()*,;".contains(&byte);
    !step.is_empty() && step != "." && step != ".." && step.bytes().all(fits)
}

fn is_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let ends = name.bytes().next().is_some_and(is_word) && name.bytes().next_back().is_some_and(is_word);
    ends && name.bytes().all(|byte| is_word(byte) || b"-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_one_form() {
        for (text, expect) in [
            ("https://v.example/v1/transit/keys/app", "https://v.example/v1/transit/keys/app"),
            ("https://V.example:443/v1/transit/keys/app/", "https://v.example/v1/transit/keys/app"),
            ("http://127.0.0.1:8200/v1/a/b/keys/k-1.x", "http://127.0.0.1:8200/v1/a/b/keys/k-1.x"),
            ("http://localhost:8200/v1/a/keys/b/keys/c", "http://localhost:8200/v1/a/keys/b/keys/c"),
        ] {
            assert_eq!(Id::parse(text).unwrap().to_string(), expect);
        }
        let id = Id::parse("https://v.example/v1/a/b/keys/k").unwrap();
        assert_eq!(id.url(Action::Decrypt).as_str(), "https://v.example/v1/a/b/decrypt/k");
        assert_eq!(id.stanza(Action::Encrypt), "path \"a/b/encrypt/k\" { capabilities = [\"update\"] }");
    }

    #[test]
    fn ac_40_look_alikes_are_no_identifiers() {
        for text in [
            "",
            "transit/keys/app",
            "https://v.example/transit/keys/app",
            "https://v.example/v1/transit/app",
            "https://v.example/v1//keys/app",
            "https://v.example/v1/transit/keys/",
            "https://v.example/v1/../sys/keys/app",
            "https://v.example/v1/a/./b/keys/app",
            "https://v.example/v1/a%2f..%2fsys/keys/app",
            "https://v.example/v1/transit/keys/a?b",
            "https://v.example/v1/transit/keys/a#b",
            "https://v.example/v1/transit/keys/a%20b",
            "https://v.example/v1/transit/keys/-a",
            "https://v.example/v1/tran sit/keys/a",
            "https://v.example/pre/v1/transit/keys/a",
            "http://v.example/v1/transit/keys/a",
            "http://localhost.evil/v1/transit/keys/a",
            "https://good@evil/v1/transit/keys/a",
            "https://good:8200@evil/v1/transit/keys/a",
            "https://good\\@evil/v1/transit/keys/a",
            "https://v\u{430}ult/v1/transit/keys/a",
            "ftp://v.example/v1/transit/keys/a",
        ] {
            assert!(Id::parse(text).is_err(), "{text}");
        }
    }
}
