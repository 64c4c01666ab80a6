//! Which part of a public key can be wrapped for now. Only what the key itself signed counts.
//!
//! Source: RFC 9580, sections 5.2.3 and 10.1.

use std::time::{SystemTime, UNIX_EPOCH};

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{PublicKey, PublicSubkey, Signature, SignatureType};
use pgp::types::{KeyDetails, KeyVersion, Tag};

use super::files::number;
use super::id::Id;

/// A part that can be wrapped for.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    /// The primary key.
    Primary(&'a PublicKey),
    /// A sub-key.
    Sub(&'a PublicSubkey),
}

impl Key<'_> {
    /// Its version.
    pub(super) fn version(&self) -> KeyVersion {
        match self {
            Self::Primary(key) => key.version(),
            Self::Sub(key) => key.version(),
        }
    }

    /// Its long id.
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Primary(key) => number(*key),
            Self::Sub(key) => number(*key),
        }
    }
}

/// The part of `key` to wrap for, if `key` is the one that is meant.
pub(super) fn find<'a>(
    key: &'a SignedPublicKey,
    id: &Id,
    now: SystemTime,
) -> Option<Result<Key<'a>, &'static str>> {
    let is_primary = is(&key.primary_key, id);
    let asked = key.public_subkeys.iter().find(|part| is(&part.key, id));
    // Anyone can put somebody's sub-key beside one of their own: who names a sub-key gets that one and no other.
    let exact = asked.filter(|_| id.is_exact || !is_primary);
    (is_primary || asked.is_some()).then(|| choose(key, exact, is_primary && id.is_exact, seconds(now)))
}

fn choose<'a>(
    key: &'a SignedPublicKey,
    exact: Option<&'a SignedPublicSubKey>,
    primary_only: bool,
    now: u64,
) -> Result<Key<'a>, &'static str> {
    let primary = &key.primary_key;
    let own = own_signature(key, now).ok_or("the key is signed by nobody, not even by itself")?;
    if key.details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
        return Err("the key was revoked");
    }
    check_age(primary, own, now).map_err(|why| if why { "the key has expired" } else { FUTURE })?;
    let mut why = "it is no key for encryption";
    let mut best: Option<(u32, &PublicSubkey)> = None;
    let parts = key.public_subkeys.iter().filter(|_| !primary_only);
    for part in parts.filter(|part| exact.is_none_or(|exact| std::ptr::eq(exact, *part))) {
        match check(primary, part, now) {
            Ok(()) if best.is_none_or(|(made, _)| made <= part.key.created_at().as_secs()) => {
                best = Some((part.key.created_at().as_secs(), &part.key));
            }
            Ok(()) => {}
            Err(Some(reason)) => why = reason,
            Err(None) => {}
        }
    }
    match best {
        Some((_, part)) => Ok(Key::Sub(part)),
        None if exact.is_none() && encrypts(own, primary) => Ok(Key::Primary(primary)),
        None => Err(why),
    }
}

/// Whether a sub-key can be wrapped for; nothing as the reason where it is not meant to be.
fn check(primary: &PublicKey, part: &SignedPublicSubKey, now: u64) -> Result<(), Option<&'static str>> {
    let holds = |signature: &&Signature| signature.verify_subkey_binding(primary, &part.key).is_ok();
    let is = |signature: &Signature, typ: SignatureType| signature.typ() == Some(typ);
    let bindings =
        part.signatures.iter().filter(|it| is(it, SignatureType::SubkeyBinding) && is_current(it, now));
    let binding = newest(bindings.filter(holds)).ok_or(None)?;
    if !encrypts(binding, &part.key) {
        return Err(None);
    }
    let mut revocations = part.signatures.iter().filter(|it| is(it, SignatureType::SubkeyRevocation));
    if revocations.any(|it| holds(&it)) {
        return Err(Some("its key for encryption was revoked"));
    }
    check_age(&part.key, binding, now)
        .map_err(|expired| Some(if expired { "its key for encryption has expired" } else { FUTURE }))
}

/// The newest signature of the key about itself. That of a name that was taken back does not count.
fn own_signature(key: &SignedPublicKey, now: u64) -> Option<&Signature> {
    let primary = &key.primary_key;
    let direct = key.details.direct_signatures.iter().filter(|it| it.verify_key(primary).is_ok());
    let names = key.details.users.iter().filter_map(|user| {
        let own = user.signatures.iter();
        let own = own.filter(|it| it.verify_certification(primary, Tag::UserId, &user.id).is_ok());
        newest(own.filter(|it| is_current(it, now)))
            .filter(|it| it.typ() != Some(SignatureType::CertRevocation))
    });
    newest(direct.chain(names).filter(|it| is_current(it, now)))
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|it| it.created().map_or(0, |time| time.as_secs()))
}

/// Whether a signature was made, and has not ended.
fn is_current(signature: &Signature, now: u64) -> bool {
    let Some(made) = signature.created().map(|time| u64::from(time.as_secs())) else { return false };
    let lasts = signature.signature_expiration_time().map_or(0, |time| u64::from(time.as_secs()));
    made <= now && (lasts == 0 || now < made + lasts)
}

/// Whether a key's time is now; true as the error where it is over, false where it has not come.
fn check_age(key: &impl KeyDetails, signature: &Signature, now: u64) -> Result<(), bool> {
    let made = u64::from(key.created_at().as_secs());
    let lasts = signature.key_expiration_time().map_or(0, |time| u64::from(time.as_secs()));
    match now {
        now if now < made => Err(false),
        now if lasts != 0 && now >= made + lasts => Err(true),
        _ => Ok(()),
    }
}

fn encrypts(signature: &Signature, key: &impl KeyDetails) -> bool {
    let flags = signature.key_flags();
    (flags.encrypt_comms() || flags.encrypt_storage()) && key.algorithm().can_encrypt()
}

fn is(key: &impl KeyDetails, id: &Id) -> bool {
    if id.is_long() {
        return u64::from_str_radix(&id.digits, 16) == Ok(number(key));
    }
    format!("{:X}", key.fingerprint()) == id.digits
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const FUTURE: &str = "the key is not valid yet: is the clock right?";
