//! The data key in shares, one a group (`docs/design/format-v1.md`, section 11): any `threshold` of them give it back, fewer
//! tell nothing, and each carries a check that names the wrong one.

use subtle::ConstantTimeEq;

use super::error::EnvelopeError;
use super::metadata::Header;
use super::wrap::{self, Part};
use crate::crypto::{ShamirError, combine, expand, extract, split};
use crate::secret::{DataKey, SecretBytes};

/// What is wrapped for the keys of one group.
pub(crate) struct Portion {
    /// The 69 bytes to wrap.
    pub(crate) secret: SecretBytes,
    /// The check that stands in the file; none with a threshold of 1.
    pub(crate) check: Option<[u8; 32]>,
}

/// Divides a data key among `groups` groups, of which `threshold` are needed. With a threshold of 1 there is one group.
///
/// # Errors
/// [`EnvelopeError::Shares`] for more than 16 groups, or a threshold that does not fit them.
pub(crate) fn divide(
    key: &DataKey,
    (fid, epoch): (&[u8; 16], u32),
    groups: usize,
    threshold: usize,
) -> Result<Vec<Portion>, EnvelopeError> {
    if threshold <= 1 {
        let secret = wrap::encode(key.expose(), fid, epoch, 0, Part::Whole);
        return Ok(vec![Portion { secret, check: None }]);
    }
    let shares = split(key, groups, threshold)?;
    let portion = |(group, share): (u8, &SecretBytes)| {
        let (value, at) = value_of(share).ok_or(ShamirError::Length(share.expose().len()))?;
        let secret = wrap::encode(&value, fid, epoch, group, Part::Share(at));
        Ok(Portion { secret, check: Some(check(&value, fid, epoch, at)) })
    };
    (0..).zip(&shares).map(portion).collect()
}

/// Whether an opened wrap holds the key, or the share of its group by the check that stands in the file.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn fits(header: &Header, group: usize, opened: &SecretBytes) -> Result<(), String> {
    let value = read(header, group, opened)?;
    let Some(at) = abscissa(header, group) else { return Ok(()) };
    let expected = header.groups.get(group).and_then(|group| group.check).unwrap_or_default();
    if check(value.expose(), &header.fid, header.epoch, at).ct_eq(&expected).into() {
        Ok(())
    } else {
        Err(format!("the share of group {} is not the one that the file names", group + 1))
    }
}

/// The data key from opened wraps that [`fits`] found right, each with its group. Exactly as many as are needed are
/// joined.
///
/// # Errors
/// [`EnvelopeError::Shares`] for fewer.
pub(crate) fn join(header: &Header, opened: &[(usize, SecretBytes)]) -> Result<DataKey, EnvelopeError> {
    let needed = header.threshold as usize;
    if needed <= 1 {
        let (group, opened) = opened.first().ok_or(ShamirError::Place)?;
        return read(header, *group, opened).map_err(|_| ShamirError::Place.into());
    }
    let share = |(group, opened): &(usize, SecretBytes)| {
        let value = read(header, *group, opened).map_err(|_| ShamirError::Place)?;
        let at = abscissa(header, *group).ok_or(ShamirError::Place)?;
        Ok(SecretBytes::new([value.expose().as_slice(), &[at]].concat()))
    };
    let shares = opened.iter().take(needed).map(share).collect::<Result<Vec<_>, ShamirError>>()?;
    if shares.len() < needed {
        return Err(ShamirError::Threshold { threshold: needed, shares: shares.len() }.into());
    }
    Ok(combine(&shares)?)
}

fn read(header: &Header, group: usize, opened: &SecretBytes) -> Result<DataKey, String> {
    let part = abscissa(header, group).map_or(Part::Whole, Part::Share);
    let group = u8::try_from(group).unwrap_or(u8::MAX);
    wrap::decode(opened, &header.fid, header.epoch, group, part).map_err(|error| error.to_string())
}

/// Where the share of a group stands; `None` where every wrap holds the whole key.
fn abscissa(header: &Header, group: usize) -> Option<u8> {
    if header.threshold > 1 { u8::try_from(group + 1).ok() } else { None }
}

fn value_of(share: &SecretBytes) -> Option<(zeroize::Zeroizing<[u8; 32]>, u8)> {
    let (at, value) = share.expose().split_last()?;
    Some((zeroize::Zeroizing::new(value.try_into().ok()?), *at))
}

fn check(value: &[u8; 32], fid: &[u8; 16], epoch: u32, at: u8) -> [u8; 32] {
    let key = extract(&[b"sealeaf/v1\0", fid.as_slice()].concat(), value);
    *expand(&key, &[b"sealeaf/v1 share\0", &epoch.to_be_bytes(), &[at]])
}
