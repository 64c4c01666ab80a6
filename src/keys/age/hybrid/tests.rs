use std::fs;
use std::path::Path;
use std::sync::Arc;

use ::age::armor::ArmoredReader;
use ::age::{DecryptError, Decryptor, Encryptor, x25519};
use sha2::Digest;

use super::*;
use crate::keys::age::identity::{Contents, Key};
use crate::keys::limited::read_limited;

const IDENTITY: &str = "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG";

/// A file of C2SP's collection of test vectors for age (CCTV, folder `age`, 0BSD), those about this type. Two that were
/// compressed there are stored as they are.
struct Vector {
    expect: String,
    payload: Option<String>,
    identities: Contents,
    file: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let all = |key: &str| -> Vec<&str> {
            head.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).collect()
        };
        Self {
            expect: all("expect")[0].to_owned(),
            payload: all("payload").first().map(|&hash| hash.to_owned()),
            identities: Contents::read(&Arc::from(""), all("identity").join("\n").as_bytes()),
            file: bytes[end + 2..].to_vec(),
        }
    }

    fn open(&self) -> Result<String, DecryptError> {
        let identities = self.identities.identities.iter().map(|identity| match &identity.key {
            Key::Native(key) => key as &dyn ::age::Identity,
            Key::Hybrid(key) => &**key,
            _ => panic!("an unexpected identity"),
        });
        let reader = Decryptor::new_buffered(ArmoredReader::new(&*self.file))?.decrypt(identities)?;
        let opened = read_limited(reader, 1 << 20)?.unwrap();
        Ok(Sha256::digest(opened.expose()).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[test]
fn published_vectors_open_or_do_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/age/testdata/hybrid");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let vector = Vector::read(&path);
        let got = match vector.open() {
            Ok(hash) => {
                assert_eq!(Some(hash), vector.payload, "{}", path.display());
                "success"
            }
            Err(DecryptError::NoMatchingKeys) => "no match",
            Err(DecryptError::InvalidHeader | DecryptError::UnknownFormat) => "header failure",
            Err(error) => panic!("{}: {error:?}", path.display()),
        };
        assert_eq!(got, vector.expect, "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 19);
}

#[test]
fn texts_have_one_form() {
    let identity = Identity::parse(IDENTITY).unwrap();
    assert_eq!(identity.to_text().as_str(), IDENTITY);
    assert_eq!(Identity::parse(&IDENTITY.to_lowercase()).unwrap().to_text().as_str(), IDENTITY);
    let public = identity.to_public().to_string();
    assert_eq!(public.len(), 1959);
    for spelling in [public.clone(), public.to_uppercase()] {
        assert_eq!(Recipient::parse(&spelling).unwrap().to_string(), public);
    }
}

fn refused(bytes: &[u8]) -> Malformed {
    let text = bech32_encode(Hrp::parse_unchecked(RECIPIENT_PREFIX), bytes);
    Recipient::parse(&text).err().unwrap()
}

#[test]
fn malformed_keys_are_refused() {
    let public = Identity::parse(IDENTITY).unwrap().to_public().to_string();
    assert_eq!(Recipient::parse(&public[..1958]).err(), Some(Malformed::Checksum));
    let mut mixed = public.to_uppercase();
    let letter = 8 + public[8..].find(char::is_alphabetic).unwrap();
    mixed.replace_range(letter..=letter, &public[letter..=letter]);
    assert!(Recipient::parse(&mixed).is_err());
    let bytes = read(&public, RECIPIENT_PREFIX).unwrap();
    assert_eq!(refused(&bytes[..1215]), Malformed::Length);
    assert_eq!(refused(&[&bytes[..], &[0]].concat()), Malformed::Length);
    assert_eq!(refused(&[]), Malformed::Length);
    // The first number of the key is 3329, the modulus, which would be read as 0.
    let beyond = [&[0x01, bytes[1] & 0xf0 | 0x0d], &bytes[2..]].concat();
    assert_eq!(refused(&beyond), Malformed::Key);
    for weak in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        assert_eq!(refused(&[&bytes[..1184], &weak].concat()), Malformed::Weak);
    }
    for text in ["AGE-SECRET-KEY-PQ-1QQ", &IDENTITY[..76], "AGE-SECRET-KEY-1QQ"] {
        assert!(Identity::parse(text).is_err());
    }
    let short = bech32_encode(Hrp::parse_unchecked(IDENTITY_PREFIX), &[7; 31]);
    assert_eq!(Identity::parse(&short).err(), Some(Malformed::Length));
}

#[test]
fn other_types_are_not_mixed_into_one_file() {
    let hybrid = Identity::generate().unwrap();
    let classic = x25519::Identity::generate().to_public();
    let both = [hybrid.to_public() as &dyn ::age::Recipient, &classic];
    assert!(Encryptor::with_recipients(both.into_iter()).is_err());
    let other = Identity::generate().unwrap();
    let two = [hybrid.to_public() as &dyn ::age::Recipient, other.to_public()];
    assert!(Encryptor::with_recipients(two.into_iter()).is_ok());
}
