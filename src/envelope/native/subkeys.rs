//! Keys derived from the data key (`docs/design/format-v1.md`, section 3).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{Hm, expand, extract};
use crate::secret::DataKey;

/// A derived 32-byte key.
pub(super) type Subkey = Zeroizing<[u8; 32]>;

/// The pseudo-random key of one file and epoch, from which everything is derived.
pub(super) struct Root {
    prk: Subkey,
    epoch: u32,
}

/// The keys that stay while the rule changes.
pub(super) struct Subkeys {
    pub(super) value: Subkey,
    pub(super) nonce: Hm,
    pub(super) policy: Subkey,
}

/// The keys, each as the code that begins under it, that `core`, the digest of rule, modes, scope and threshold, is bound into.
pub(super) struct CoreKeys {
    pub(super) link: Hm,
    pub(super) clear: Hm,
    pub(super) seal: Hm,
}

impl Root {
    /// Derives the root of a data key; it must be checked against the file's commitment before anything else.
    pub(super) fn new(key: &DataKey, fid: &[u8; 16], epoch: u32) -> Self {
        let salt = [SALT, b"\0", fid.as_slice()].concat();
        Self { prk: extract(&salt, key.expose()), epoch }
    }

    fn sub(&self, label: &[u8], extra: &[u8]) -> Subkey {
        expand(&self.prk, &[b"sealeaf/v1 ", label, b"\0", &self.epoch.to_be_bytes(), extra])
    }

    /// What stands in the file as `commitment`.
    pub(super) fn commitment(&self) -> [u8; 32] {
        *self.sub(b"commit", b"")
    }

    /// Compares with the file's commitment in constant time.
    pub(super) fn is_committed(&self, commitment: &[u8; 32]) -> bool {
        self.commitment().ct_eq(commitment).into()
    }

    pub(super) fn subkeys(&self) -> Subkeys {
        Subkeys {
            value: self.sub(b"value", b""),
            nonce: Hm::new(&self.sub(b"nonce", b"")),
            policy: self.sub(b"policy", b""),
        }
    }

    pub(super) fn core_keys(&self, core: &[u8; 32]) -> CoreKeys {
        CoreKeys {
            link: Hm::new(&self.sub(b"link", core)),
            clear: Hm::new(&self.sub(b"clear", core)),
            seal: Hm::new(&self.sub(b"seal", core)),
        }
    }
}

const SALT: &[u8] = b"sealeaf/v1";
