//! Resource names of keys.

use super::KIND;
use crate::keys::KeyError;

/// Checks `projects/P/locations/L/keyRings/R/cryptoKeys/K`. It goes into a URL's path, so nothing but what Google lets
/// names be made of is taken.
///
/// # Errors
/// [`KeyError::Invalid`] that says what is expected.
pub(super) fn parse(text: &str) -> Result<String, KeyError> {
    let parts: Vec<&str> = text.split('/').collect();
    let reason = match parts.as_slice() {
        ["projects", project, "locations", location, "keyRings", ring, "cryptoKeys", key] => wrong_part(&[
            ("project", project, is_project(project)),
            ("location", location, is_location(location)),
            ("key ring", ring, is_name(ring)),
            ("key", key, is_name(key)),
        ]),
        ["projects", _, "locations", _, "keyRings", _, "cryptoKeys", _, "cryptoKeyVersions", ..] => {
            Some("leave out `/cryptoKeyVersions/…`: the service knows which version a wrap is of".to_owned())
        }
        _ => Some(format!("expected `{FORM}`")),
    };
    match reason {
        None => Ok(text.to_owned()),
        Some(reason) => {
            let id = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
            Err(KeyError::Invalid { kind: KIND, id, reason })
        }
    }
}

fn wrong_part(parts: &[(&str, &str, bool)]) -> Option<String> {
    let (what, _, _) = parts.iter().find(|(_, _, fits)| !fits)?;
    Some(format!("the {what} in it is no name that Google gives; expected `{FORM}`"))
}

/// Ids, numbers, and ids of a domain: `example.com:app`.
fn is_project(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | ':');
    (1..=PROJECT_LIMIT).contains(&text.len())
        && text.chars().all(fits)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
}

fn is_location(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=NAME_LIMIT).contains(&text.len()) && text.chars().all(fits)
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=NAME_LIMIT).contains(&text.len()) && text.chars().all(fits)
}

const FORM: &str = "projects/…/locations/…/keyRings/…/cryptoKeys/…";
const NAME_LIMIT: usize = 63;
const PROJECT_LIMIT: usize = 128;
/// How much of a wrong identifier an error shows, in characters.
const SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        for id in [
            "projects/app-prod/locations/global/keyRings/r/cryptoKeys/k",
            "projects/example.com:app/locations/europe-west3/keyRings/Ring_1/cryptoKeys/-K_9",
            "projects/123456789012/locations/eu/keyRings/r/cryptoKeys/k",
        ] {
            assert_eq!(parse(id).unwrap(), id);
        }
    }

    #[test]
    fn ac_43_nothing_else_gets_into_a_path() {
        let good = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
        let mut bad: Vec<String> = [
            "",
            "k",
            "projects/p",
            "projects//locations/l/keyRings/r/cryptoKeys/k",
            "projects/../locations/l/keyRings/r/cryptoKeys/k",
            "projects/p..q/locations/l/keyRings/r/cryptoKeys/k",
            "projects/./locations/l/keyRings/r/cryptoKeys/k",
            "projects/p/locations/l/keyRings/../cryptoKeys/k",
            "projects/p/locations/l/keyRings/r/cryptoKeys/..",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k/../../x",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "Projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "projects/p@evil.example/locations/l/keyRings/r/cryptoKeys/k",
            "projects/p%2F..%2Fq/locations/l/keyRings/r/cryptoKeys/k",
            "https://cloudkms.googleapis.com/v1/projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "projects\\p\\locations\\l\\keyRings\\r\\cryptoKeys\\k",
        ]
        .map(str::to_owned)
        .into();
        for part in
            ["/", "?x=y", "#x", "\n", "\r\n", " ", "\t", "\0", ":decrypt", "/..", "é", "%00", ";", ".", "*"]
        {
            bad.push(format!("{good}{part}"));
            bad.push(format!("{part}{good}"));
        }
        bad.push(format!("{good}{}", "k".repeat(80)));
        for id in bad {
            let error = parse(&id).unwrap_err().to_string();
            assert!(!error.contains('\n') && error.len() < 600, "{error}");
        }
    }
}
