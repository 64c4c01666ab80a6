//! Public keys that are no protection: whoever wraps for them shares the secret with everybody.
//!
//! On Curve25519 a few points have a small order. A secret that is agreed with one of them is zero whatever the other
//! side drew, so a wrap for such a "key" opens without any key. A file or a rule could name one under the name of a
//! colleague; and the age library ends the program when it meets one.

/// Whether an X25519 recipient in its normal form is a point of small order.
pub(super) fn is_weak_x25519(recipient: &str) -> bool {
    WEAK_X25519.contains(&recipient)
}

/// Whether the 32 bytes of an ed25519 public key are a point of small order; the top bit is only a sign.
pub(super) fn is_weak_ed25519(key: &[u8]) -> bool {
    let Some((last, rest)) = key.split_last() else { return false };
    WEAK_ED25519.iter().any(|weak| weak.split_last() == Some((&(last & 0x7f), rest)))
}

/// 0, 1, p - 1, p, p + 1 and the two points of order 8 (Bernstein, "Curve25519", and RFC 7748, section 6.1), each with
/// the top bit clear and set, which the function ignores.
const WEAK_X25519: [&str; 14] = [
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
    "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqsuwj9m",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
    "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzqqk67yly",
    "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
    "age1anllllllllllllllllllllllllllllllllllllllllllllllllls3hcv9z",
    "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
    "age1ahlllllllllllllllllllllllllllllllllllllllllllllllllsh3g6la",
    "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
    "age1amlllllllllllllllllllllllllllllllllllllllllllllllllsam3fc4",
    "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
    "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhzqqxqejhu",
    "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
    "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz8ts72fzt7",
];

/// The y-coordinates of the points of small order, also in the spellings above p: two of order 8, then 0, 1, p - 1, p,
/// p + 1.
#[rustfmt::skip]
const WEAK_ED25519: [[u8; 32]; 7] = [
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    [
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

#[cfg(test)]
mod tests {
    use super::super::recipient::Recipient;
    use super::*;

    #[test]
    fn every_listed_recipient_is_one_and_is_refused() {
        for id in WEAK_X25519 {
            assert!(
                id.parse::<::age::x25519::Recipient>().is_ok_and(|parsed| parsed.to_string() == id),
                "{id}"
            );
            assert!(Recipient::parse(id).is_err() && Recipient::parse(&id.to_uppercase()).is_err(), "{id}");
        }
    }

    #[test]
    fn the_sign_does_not_matter() {
        for mut key in WEAK_ED25519 {
            assert!(is_weak_ed25519(&key));
            key[31] |= 0x80;
            assert!(is_weak_ed25519(&key));
            key[7] ^= 1;
            assert!(!is_weak_ed25519(&key));
        }
        assert!(!is_weak_ed25519(&[]));
    }
}
