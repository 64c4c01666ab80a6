//! The wrapped plaintext (`docs/design/format-v1.md`, section 10): 69 bytes that say which file, epoch and share they are.

use crate::secret::{DataKey, SecretBytes};

/// A wrap that opened and is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrapError(&'static str);

/// What a wrap holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The data key.
    Whole,
    /// The share at this abscissa, from 1.
    Share(u8),
}

impl Part {
    const fn abscissa(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Share(at) => at,
        }
    }
}

/// Builds the plaintext of a wrap for group `group`; `key` is the data key or a share of it, 32 bytes.
pub(crate) fn encode(key: &[u8; 32], fid: &[u8; 16], epoch: u32, group: u8, part: Part) -> SecretBytes {
    let mut out = Vec::with_capacity(LENGTH);
    out.extend(MAGIC);
    out.extend(fid);
    out.extend(epoch.to_be_bytes());
    out.push(group);
    out.push(part.abscissa());
    out.extend(key);
    SecretBytes::new(out)
}

/// Takes the key or share out of an opened wrap, if length and every header field are those of this file.
///
/// # Errors
/// [`WrapError`]: the wrap is of another application, file, epoch or group; the key in it is not looked at.
pub(crate) fn decode(
    opened: &SecretBytes,
    fid: &[u8; 16],
    epoch: u32,
    group: u8,
    part: Part,
) -> Result<DataKey, WrapError> {
    let bytes: &[u8; LENGTH] =
        opened.expose().try_into().map_err(|_| WrapError("the wrap was not made by sealeaf"))?;
    let (magic, rest) = bytes.split_at(MAGIC.len());
    let (wrapped_fid, rest) = rest.split_at(16);
    let (wrapped_epoch, rest) = rest.split_at(4);
    if magic != MAGIC {
        return Err(WrapError("the wrap was not made by sealeaf"));
    }
    if wrapped_fid != fid {
        return Err(WrapError("the wrap belongs to another file"));
    }
    if wrapped_epoch != epoch.to_be_bytes() {
        return Err(WrapError("the wrap belongs to another epoch"));
    }
    let [wrapped_group, abscissa, key @ ..] = rest else {
        return Err(WrapError("the wrap was not made by sealeaf"));
    };
    if *wrapped_group != group {
        return Err(WrapError("the wrap belongs to another group"));
    }
    match (part.abscissa(), *abscissa) {
        (wanted, found) if wanted == found => {
            let key: &[u8; 32] = key.try_into().map_err(|_| WrapError("the wrap was not made by sealeaf"))?;
            Ok(DataKey::from_bytes(key))
        }
        (0, _) => Err(WrapError("the wrap holds a share, and the file says that one key opens it")),
        (_, 0) => Err(WrapError("the wrap holds a whole key, and the file says that groups share it")),
        _ => Err(WrapError("the wrap holds another share than its group's")),
    }
}

const MAGIC: &[u8; 15] = b"sealeaf/v1 wrap";
const LENGTH: usize = 69;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ac_29_only_the_own_wrap_opens() {
        let key = DataKey::from_bytes(&[9; 32]);
        let wrap = encode(key.expose(), &[1; 16], 3, 0, Part::Whole);
        assert_eq!(wrap.expose().len(), 69);
        assert_eq!(decode(&wrap, &[1; 16], 3, 0, Part::Whole).unwrap().expose(), key.expose());
        let check = |fid: [u8; 16], epoch, group, expect: &str| {
            assert_eq!(decode(&wrap, &fid, epoch, group, Part::Whole).unwrap_err().to_string(), expect);
        };
        check([2; 16], 3, 0, "the wrap belongs to another file");
        check([1; 16], 4, 0, "the wrap belongs to another epoch");
        check([1; 16], 3, 1, "the wrap belongs to another group");
        let short = SecretBytes::new(vec![0; 32]);
        assert_eq!(
            decode(&short, &[1; 16], 3, 0, Part::Whole).unwrap_err().to_string(),
            "the wrap was not made by sealeaf"
        );
    }
}
