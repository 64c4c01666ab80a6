//! What gpg's keyring says about a key.
//!
//! Source: GnuPG's doc/DETAILS, "Format of the colon listings".

use super::id::Id;

/// A key that can be wrapped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Usable {
    /// The whole fingerprint, with `!` where exactly that key is meant.
    pub(super) id: Id,
    /// The ids of those of its keys that wraps can be for.
    pub(super) encrypts: Vec<u64>,
}

/// Finds the key in a listing and checks that it can be wrapped for now.
///
/// # Errors
/// Why it cannot, and what to do.
pub(super) fn find(listing: &str, id: &Id, home: &str) -> Result<Usable, String> {
    let mut keys = read(listing);
    keys.retain(|key| key.parts.iter().any(|part| part.is(id)));
    keys.dedup_by(|a, b| a.fingerprint() == b.fingerprint());
    let key = match keys.as_slice() {
        [] => {
            return Err(format!(
                "there is no such key in `{home}`: `gpg --recv-keys {0}` gets it from a key server, `gpg --import FILE` \
                 from a file",
                id.digits
            ));
        }
        [key] => key,
        _ => {
            let fingerprints: Vec<String> = keys.iter().map(|key| key.fingerprint().to_owned()).collect();
            return Err(format!(
                "several keys have this id, give a fingerprint: {}",
                fingerprints.join(", ")
            ));
        }
    };
    let asked = key.parts.iter().find(|part| part.is(id));
    let candidates: Vec<&Part> = match asked {
        Some(part) if id.is_exact => vec![part],
        _ => key.parts.iter().collect(),
    };
    if let Some(why) = key.parts.first().and_then(Part::ended).or(key.is_disabled.then_some("is disabled")) {
        return Err(format!("the key {why}: {RENEW}"));
    }
    let can: Vec<&Part> = candidates.into_iter().filter(|part| part.encrypts).collect();
    let encrypts: Vec<u64> =
        can.iter().filter(|part| part.ended().is_none()).filter_map(|part| part.id).collect();
    match (encrypts.is_empty(), can.iter().find_map(|part| part.ended())) {
        (false, _) => {}
        (true, Some(why)) => return Err(format!("its key for encryption {why}: {RENEW}")),
        (true, None) => return Err("it is no key for encryption: add a sub-key that is one".to_owned()),
    }
    let digits = match asked {
        Some(part) if id.is_long() && id.is_exact => part.fingerprint.clone(),
        _ if id.is_long() => key.fingerprint().to_owned(),
        _ => id.digits.clone(),
    };
    Ok(Usable { id: Id { digits, is_exact: id.is_exact }, encrypts })
}

/// A primary key with its sub-keys.
#[derive(Default)]
struct Key {
    parts: Vec<Part>,
    is_disabled: bool,
}

#[derive(Default)]
struct Part {
    fingerprint: String,
    id: Option<u64>,
    validity: char,
    encrypts: bool,
}

impl Key {
    fn fingerprint(&self) -> &str {
        self.parts.first().map_or("", |part| part.fingerprint.as_str())
    }
}

impl Part {
    fn is(&self, id: &Id) -> bool {
        if id.is_long() {
            return self.id.is_some() && self.id == number(&id.digits);
        }
        self.fingerprint == id.digits
    }

    /// Why it can be used no more.
    fn ended(&self) -> Option<&'static str> {
        match self.validity {
            'r' => Some("was revoked"),
            'e' => Some("has expired"),
            'i' => Some("is not valid"),
            'd' => Some("is disabled"),
            _ => None,
        }
    }
}

fn read(listing: &str) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        match field(0) {
            kind @ ("pub" | "sub") => {
                let part = Part {
                    fingerprint: String::new(),
                    id: number(field(4)),
                    validity: field(1).chars().next().unwrap_or('-'),
                    // In capitals are the abilities of the key as a whole.
                    encrypts: field(11).contains('e'),
                };
                if kind == "pub" {
                    keys.push(Key { parts: Vec::new(), is_disabled: field(11).contains('D') });
                }
                if let Some(key) = keys.last_mut() {
                    key.parts.push(part);
                }
            }
            "fpr" => {
                if let Some(part) = keys.last_mut().and_then(|key| key.parts.last_mut()) {
                    part.fingerprint = field(9).to_ascii_uppercase();
                }
            }
            _ => {}
        }
    }
    keys
}

fn number(hex: &str) -> Option<u64> {
    u64::from_str_radix(hex, 16).ok()
}

const RENEW: &str = "get a newer copy of it, or another key";

#[cfg(test)]
mod tests {
    use super::*;

    const PRIMARY: &str = "0000000000000000000000001111111111111111";
    const SUB: &str = "0000000000000000000000002222222222222222";

    fn listing(primary: (&str, &str), sub: (&str, &str)) -> String {
        format!(
            "tru::1:1:0:3:1:5\npub:{}:255:22:1111111111111111:1:::u:::{}:::::ed25519:::0:\nfpr:::::::::{PRIMARY}:\n\
             uid:u::::1::X::a::::::::::0:\nsub:{}:255:18:2222222222222222:1::::::{}:::::cv25519::\nfpr:::::::::{SUB}:\n",
            primary.0, primary.1, sub.0, sub.1
        )
    }

    #[track_caller]
    fn check(listing: &str, id: &str, expect: Result<(&str, &[u64]), &str>) {
        let found = find(listing, &Id::of_sops(id).unwrap(), "HOME");
        match (found, expect) {
            (Ok(found), Ok((id, keys))) => {
                assert_eq!((found.id.to_string().as_str(), found.encrypts.as_slice()), (id, keys));
            }
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, expect) => panic!("{id}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn keys_are_found_by_any_of_their_fingerprints() {
        let good = listing(("u", "scESC"), ("u", "e"));
        let sub = 0x2222_2222_2222_2222;
        for (id, whole) in
            [(PRIMARY, PRIMARY), (SUB, SUB), ("1111111111111111", PRIMARY), ("2222222222222222", PRIMARY)]
        {
            check(&good, id, Ok((whole, &[sub])));
        }
        check(&good, "2222222222222222!", Ok((&format!("{SUB}!"), &[sub])));
        check(&good, &format!("{SUB}!"), Ok((&format!("{SUB}!"), &[sub])));
        check(&good, &format!("{PRIMARY}!"), Err("no key for encryption"));
        check("", PRIMARY, Err(&format!("`gpg --recv-keys {PRIMARY}`")));
        check(&good, &PRIMARY.replace('0', "3"), Err("no such key in `HOME`"));
        // The same key from two keyrings is one key; another with the same long id is not.
        check(&good.repeat(2), "1111111111111111", Ok((PRIMARY, &[sub])));
        let two = good.clone() + &good.replace("000000000000000000000000", "AAAAAAAAAAAAAAAAAAAAAAAA");
        check(&two, "1111111111111111", Err("several keys"));
        check(&two, PRIMARY, Ok((PRIMARY, &[sub])));
    }

    #[test]
    fn keys_that_ended_are_refused() {
        check(&listing(("r", "scSC"), ("r", "e")), PRIMARY, Err("the key was revoked"));
        check(&listing(("e", "scSC"), ("e", "e")), PRIMARY, Err("the key has expired"));
        check(&listing(("u", "scESCD"), ("u", "e")), PRIMARY, Err("the key is disabled"));
        check(&listing(("u", "scSC"), ("r", "e")), PRIMARY, Err("its key for encryption was revoked"));
        check(&listing(("u", "scSC"), ("e", "e")), PRIMARY, Err("its key for encryption has expired"));
        check(&listing(("u", "scSC"), ("u", "s")), PRIMARY, Err("no key for encryption"));
        check("pub:\nfpr\nsub\n:::\n", PRIMARY, Err("no such key"));
    }
}
