//! Addresses of servers that get a credential: read strictly, compared whole. The only place that decides whether two texts
//! mean the same server.

use std::fmt;

use reqwest::Url;

/// Where a server is: scheme, host, port, and a path where it stands behind one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address(Url);

impl Address {
    /// Reads an address. What a browser would set right silently is an error: another spelling of the host, blanks, a
    /// backslash, letters that are not ASCII, a user's name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let lower = text.to_ascii_lowercase();
        let rest = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
            (Some(rest), _) | (_, Some(rest)) => rest,
            _ if lower.contains("://") => return Err("it begins with neither https:// nor http://"),
            _ => return Err("expected something like https://vault.example:8200"),
        };
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if !host.is_ascii() {
            return Err("its host has letters that can be mistaken for others: write it as `xn--…`");
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', '"', '<', '>', '`']) {
            return Err("it has characters that no address has");
        }
        if host.contains('@') {
            return Err("it has a name or a password in it");
        }
        if text.contains(['?', '#']) {
            return Err("it has a query");
        }
        let url = Url::parse(text).map_err(|_| "its host or port is none")?;
        let name = url.host_str().ok_or("it has no host")?;
        let is_v6 = name.starts_with('[') && host.starts_with('[');
        let port = host
            .strip_prefix(name)
            .and_then(|port| port.strip_prefix(':').or(port.is_empty().then_some("0")));
        if !is_v6
            && !port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err("its host is written in an unusual way");
        }
        if !url.path().trim_end_matches('/').eq_ignore_ascii_case(path.trim_end_matches('/')) {
            return Err("its path leads elsewhere");
        }
        Ok(Self(url))
    }

    /// The same as a URL, to ask below of.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether nothing stands behind host and port.
    #[cfg(feature = "vault")]
    pub(crate) fn is_root(&self) -> bool {
        self.0.path().trim_end_matches('/').is_empty()
    }

    /// Whether what is sent there is encrypted.
    #[cfg(feature = "vault")]
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this machine.
    #[cfg(feature = "vault")]
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether the other address is this one or lies below it, by whole steps of the path.
    #[cfg(feature = "publish")]
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let whole = |address: &Self| format!("{address}/");
        whole(other).starts_with(&whole(self))
    }
}

/// Without a slash at its end, without the port that goes without saying.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_each_address() {
        for (text, expect) in [
            ("https://vault.example", "https://vault.example"),
            ("HTTPS://Vault.Example:443/", "https://vault.example"),
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
            ("http://[::1]:8200/", "http://[::1]:8200"),
            ("https://v.example/a/B/", "https://v.example/a/B"),
            ("https://xn--80ak6aa92e.com", "https://xn--80ak6aa92e.com"),
            ("https://v.example.", "https://v.example."),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), expect);
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_none() {
        for text in [
            "",
            "v.example",
            "ftp://x",
            "unix:///x",
            "https:x",
            "https:///x",
            "https://",
            "https://good@evil",
            "https://good:x@evil/",
            "https://good%40evil",
            "https://good\\@evil",
            "https://good\\.evil",
            " https://good",
            "https://go\nod",
            "https://good/ ",
            "https://v\u{430}ult.example",
            "https://good\u{ff0e}example",
            "https://good/?x",
            "https://good#x",
            "https://good/a/../b",
            "https://good/%2e%2e/b",
            "http://0x7f.1",
            "http://2130706433",
            "http://127.1:80",
            "https://good:99999",
            "https://good:",
            "https://go%6fd",
        ] {
            assert!(Address::parse(text).is_err(), "{text}: {:?}", Address::parse(text));
        }
    }

    #[test]
    #[cfg(feature = "publish")]
    fn below_means_whole_steps() {
        let contains =
            |one: &str, other: &str| Address::parse(one).unwrap().contains(&Address::parse(other).unwrap());
        assert!(contains("https://a.b", "https://a.b/x") && contains("https://a.b/", "https://a.b:443"));
        for other in ["https://a.b.evil", "https://a.b:8200", "http://a.b", "https://a.b."] {
            assert!(!contains("https://a.b", other), "{other}");
        }
        assert!(!contains("https://a.b/x", "https://a.b/xy") && !contains("https://a.b/x", "https://a.b"));
    }

    #[test]
    #[cfg(feature = "vault")]
    fn this_machine() {
        for (text, expect) in [
            ("http://127.0.0.1", true),
            ("http://127.9.9.9:1", true),
            ("http://[::1]:1", true),
            ("http://localhost:8200", true),
            ("http://localhost.evil", false),
            ("http://10.0.0.1", false),
            ("http://[::2]", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_loopback(), expect, "{text}");
        }
    }
}
