//! Where the service is, and which addresses may get a token or a key.

use std::net::IpAddr;

use crate::keys::{Cause, Environment, Failure, GcpSettings};

/// The address that the user chose; Google's own where it is `None`. The environment goes before the settings.
///
/// # Errors
/// [`Failure`] for an address that is none, or that others on the way could read along.
pub(super) fn chosen(environment: &Environment, settings: &GcpSettings) -> Result<Option<String>, Failure> {
    let of_settings =
        settings.endpoint.as_deref().map(|url| ("`endpoint` under `[gcp]` in your config.toml", url));
    let of_environment = environment.text(VARIABLE).map(|url| (VARIABLE, url));
    let Some((place, url)) = of_environment.or(of_settings) else { return Ok(None) };
    let bare = url.trim_end_matches('/');
    if is_protected(bare) && host_and_path(bare).is_some_and(|(_, path)| path.is_empty()) {
        return Ok(Some(bare.to_owned()));
    }
    let hint = "`https://host`, or `http://` to this machine alone";
    Err(Failure::new(Cause::NotAllowed, "")
        .answered(&format!("{place} is no address that a key may go to"))
        .hinted(hint))
}

/// Whether what goes there is encrypted, or stays on this machine.
pub(super) fn is_protected(url: &str) -> bool {
    let Some((host, _)) = host_and_path(url) else { return false };
    if url.starts_with("https://") {
        return true;
    }
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse().is_ok_and(|number: IpAddr| number.is_loopback())
}

/// `host:port` and the path of an `https://` or `http://` address without a user's name in it.
fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(fits)).then_some((host, path))
}

const VARIABLE: &str = "SEALEAF_GCP_ENDPOINT";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &[(&str, &str)], endpoint: Option<&str>) -> Result<Option<String>, Failure> {
        let settings = GcpSettings { endpoint: endpoint.map(str::to_owned), ..Default::default() };
        chosen(&environment.iter().copied().collect(), &settings)
    }

    #[test]
    fn the_user_chooses() {
        assert_eq!(of(&[], None).unwrap(), None);
        for url in ["https://kms.example", "http://127.0.0.1:80", "http://localhost:1", "http://[::1]:8080"] {
            assert_eq!(of(&[], Some(&format!("{url}/"))).unwrap().as_deref(), Some(url));
        }
        let both = of(&[(VARIABLE, "https://a.example:444")], Some("https://b.example"));
        assert_eq!(both.unwrap().as_deref(), Some("https://a.example:444"));
    }

    #[test]
    fn nobody_reads_along() {
        for url in [
            "http://kms.example",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "kms.example",
            "https://",
            "https://user@kms.example",
            "https://kms.example/path",
            "https://kms.example?x",
            "ftp://x",
            "https://kms.example#x",
            "http://10.0.0.1",
            "https://a b",
            "https://a\nb",
        ] {
            assert_eq!(of(&[], Some(url)).unwrap_err().cause, Cause::NotAllowed, "{url}");
        }
    }
}
