//! CRC32C (Castagnoli), with which the service checks what it gets and lets us check what it gives.

/// The sum of some bytes, as the service writes it: a 32-bit number in a 64-bit one.
pub(super) fn crc32c(bytes: &[u8]) -> i64 {
    let step = |mut sum: u32, byte: &u8| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 };
        }
        sum
    };
    i64::from(!bytes.iter().fold(u32::MAX, step))
}

/// Reversed, of RFC 3720, section 12.1.
const POLYNOMIAL: u32 = 0x82f6_3b78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_rfc_3720() {
        // Section B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(&(0..32).rev().collect::<Vec<u8>>()), 0x113f_db5c);
        assert_eq!(crc32c(b""), 0);
    }
}
