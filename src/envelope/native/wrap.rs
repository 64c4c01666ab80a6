//! The wrapped plaintext (`docs/design/format-v1.md`, section 10): 69 bytes that say which file, epoch and share they are.

use crate::secret::{DataKey, SecretBytes};

/// A wrap that opened and is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrapError(&'static str);

/// Builds the plaintext of a wrap of the whole key for group `group`.
pub(crate) fn encode(key: &DataKey, fid: &[u8; 16], epoch: u32, group: u8) -> SecretBytes {
    let mut out = Vec::with_capacity(LENGTH);
    out.extend(MAGIC);
    out.extend(fid);
    out.extend(epoch.to_be_bytes());
    out.push(group);
    out.push(0);
    out.extend(key.expose());
    SecretBytes::new(out)
}

/// Takes the key out of an opened wrap, if length and every header field are those of this file.
///
/// # Errors
/// [`WrapError`]: the wrap is of another application, file, epoch or group; the key in it is not looked at.
pub(crate) fn decode(
    opened: &SecretBytes,
    fid: &[u8; 16],
    epoch: u32,
    group: u8,
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
    match rest {
        [wrapped_group, 0, key @ ..] if *wrapped_group == group => {
            let key: &[u8; 32] = key.try_into().map_err(|_| WrapError("the wrap was not made by sealeaf"))?;
            Ok(DataKey::from_bytes(key))
        }
        _ => Err(WrapError("the wrap belongs to another group or is a share")),
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
        let wrap = encode(&key, &[1; 16], 3, 0);
        assert_eq!(wrap.expose().len(), 69);
        assert_eq!(decode(&wrap, &[1; 16], 3, 0).unwrap().expose(), key.expose());
        let check = |fid: [u8; 16], epoch, group, expect: &str| {
            assert_eq!(decode(&wrap, &fid, epoch, group).unwrap_err().to_string(), expect);
        };
        check([2; 16], 3, 0, "the wrap belongs to another file");
        check([1; 16], 4, 0, "the wrap belongs to another epoch");
        check([1; 16], 3, 1, "the wrap belongs to another group or is a share");
        let short = SecretBytes::new(vec![0; 32]);
        assert_eq!(
            decode(&short, &[1; 16], 3, 0).unwrap_err().to_string(),
            "the wrap was not made by sealeaf"
        );
    }
}
