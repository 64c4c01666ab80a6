//! Shamir's secret sharing (Communications of the ACM 22, 1979), byte by byte over GF(2^8) modulo
//! x^8 + x^4 + x^3 + x + 1, byte-compatible with SOPS: a share is one value a byte, and behind them its abscissa.

use zeroize::Zeroizing;

use crate::secret::{DataKey, RandomError, SecretBytes, fill_random};

/// Shares that cannot be made or joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShamirError {
    /// A threshold below 2, above the number of shares, or too many shares.
    #[error(
        "a threshold of {threshold} does not fit {shares} groups: it is at least 2 and at most their number"
    )]
    Threshold {
        /// How many are needed.
        threshold: usize,
        /// How many are made.
        shares: usize,
    },
    /// Not 33 bytes.
    #[error("a share has {0} bytes instead of 33")]
    Length(usize),
    /// Two shares of one abscissa, or one of abscissa 0.
    #[error("two shares are the same, or one is none")]
    Place,
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Splits a data key; the i-th share stands at abscissa i, counted from 1.
///
/// # Errors
/// [`ShamirError`].
pub fn split(key: &DataKey, shares: usize, threshold: usize) -> Result<Vec<SecretBytes>, ShamirError> {
    let count = u8::try_from(shares).ok().filter(|_| (2..=shares).contains(&threshold));
    let count = count.ok_or(ShamirError::Threshold { threshold, shares })?;
    let mut coefficients = Zeroizing::new(vec![0; LENGTH * (threshold - 1)]);
    fill_random(&mut coefficients)?;
    let share = |at: u8| {
        let mut bytes = Vec::with_capacity(LENGTH + 1);
        for (constant, rest) in key.expose().iter().zip(coefficients.chunks(threshold - 1)) {
            let value = rest.iter().fold(0, |sum, coefficient| multiply(sum, at) ^ coefficient);
            bytes.push(multiply(value, at) ^ constant);
        }
        bytes.push(at);
        SecretBytes::new(bytes)
    };
    Ok((1..=count).map(share).collect())
}

/// Joins shares by Lagrange's interpolation at 0 over all of them. Too few shares give another key; only what the key
/// opens tells.
///
/// # Errors
/// [`ShamirError`].
pub fn combine(shares: &[SecretBytes]) -> Result<DataKey, ShamirError> {
    let mut points = Vec::with_capacity(shares.len());
    for share in shares {
        let bytes: &[u8; LENGTH + 1] =
            share.expose().try_into().map_err(|_| ShamirError::Length(share.expose().len()))?;
        let [values @ .., at] = bytes;
        if *at == 0 || points.iter().any(|(other, _)| other == at) {
            return Err(ShamirError::Place);
        }
        points.push((*at, values));
    }
    let mut key = Zeroizing::new([0; LENGTH]);
    for (at, values) in &points {
        let others = points.iter().map(|(other, _)| *other).filter(|other| other != at);
        let weight = others.fold(1, |product, other| multiply(product, divide(other, other ^ at)));
        for (sum, value) in key.iter_mut().zip(values.iter()) {
            *sum ^= multiply(weight, *value);
        }
    }
    Ok(DataKey::from_bytes(&key))
}

/// Multiplication in the field, in constant time.
const fn multiply(a: u8, b: u8) -> u8 {
    let (mut product, mut shifted, mut bit) = (0_u8, a, 0);
    while bit < 8 {
        product ^= shifted & ((b >> bit) & 1).wrapping_neg();
        shifted = (shifted << 1) ^ ((shifted >> 7).wrapping_neg() & 0x1b);
        bit += 1;
    }
    product
}

/// Division: by the inverse, which is the 254th power.
const fn divide(a: u8, b: u8) -> u8 {
    let (mut inverse, mut power, mut bit) = (1, b, 0);
    while bit < 7 {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
        bit += 1;
    }
    multiply(a, inverse)
}

/// Bytes of a data key.
const LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> SecretBytes {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        SecretBytes::new((0..text.len()).step_by(2).map(byte).collect())
    }

    #[test]
    fn field() {
        assert_eq!(multiply(0x57, 0x83), 0xc1); // FIPS 197, section 4.2
        for a in 1..=255 {
            assert_eq!(multiply(divide(0x53, a), a), 0x53);
        }
    }

    /// Shares that SOPS made.
    #[test]
    fn joins_shares_of_sops() {
        let shares = [
            "66f3748932459ce07ed5969eb5315220a0f165c4f6f2ee705ec3c032c2963eb001",
            "7179769a38e2a846ffe9d047f36a794d3d17ab1a25ee04e556174eaf42466bf302",
            "7cf681623e764d2480fd1bf938aa609fbfbc18509d13ab96a75b342dcbff583b03",
        ]
        .map(hex);
        let secret = hex("6b7c837134d1798201c15d207ef14bf2225ad68e4e0f4103af8fbab04b2f0d78");
        for chosen in [vec![0, 1], vec![2, 0], vec![1, 2], vec![0, 1, 2]] {
            let shares: Vec<SecretBytes> = chosen.into_iter().map(|at| shares[at].clone()).collect();
            assert_eq!(combine(&shares).unwrap().expose(), secret.expose());
        }
    }

    #[test]
    fn splits_what_it_joins() {
        let key = DataKey::generate().unwrap();
        for (shares, threshold) in [(2, 2), (3, 2), (5, 4), (255, 3)] {
            let made = split(&key, shares, threshold).unwrap();
            assert_eq!(combine(&made[shares - threshold..]).unwrap().expose(), key.expose());
            assert_ne!(combine(&made[..threshold - 1]).unwrap().expose(), key.expose());
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let key = DataKey::from_bytes(&[1; 32]);
        for (shares, threshold) in [(1, 1), (2, 1), (2, 3), (3, 0), (256, 2)] {
            assert!(split(&key, shares, threshold).is_err(), "{shares} {threshold}");
        }
        let made = split(&key, 2, 2).unwrap();
        assert!(combine(&[made[0].clone(), made[0].clone()]).is_err());
        assert!(combine(&[SecretBytes::new(vec![1; 32])]).is_err());
        assert!(combine(&[SecretBytes::new(vec![0; 33])]).is_err());
    }
}
