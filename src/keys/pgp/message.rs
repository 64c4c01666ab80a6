//! A look at a PGP message before gpg gets it: only what a wrap can be goes on.
//!
//! Source: RFC 9580, sections 4.2 (packet headers), 5.1 and 5.13; packet 20 is that of draft-koch-librepgp.

/// For whom a wrap is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The ids of the keys in the message's order; 0 where it does not say which key.
    pub(super) keys: Vec<u64>,
}

impl Message {
    /// Reads the packets of a binary message: encrypted session keys, then the encrypted data, and nothing else. What is
    /// signed alone, encrypted under a passphrase, compressed, in clear, or without integrity protection is no wrap.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut keys = Vec::new();
        let mut rest = bytes;
        while let Some(packet) = Packet::next(&mut rest)? {
            match packet.tag {
                SESSION_KEY if keys.len() < MOST_KEYS => keys.push(key_id(packet.body)?),
                SESSION_KEY => return Err(TOO_MANY),
                PROTECTED_DATA | AEAD_DATA if !keys.is_empty() && rest.is_empty() => {
                    let message = Self { keys };
                    // Every hidden key is tried with every private key.
                    let is_tiresome = message.is_hidden() && message.keys.len() > 1;
                    return if is_tiresome { Err(TOO_MANY) } else { Ok(message) };
                }
                PASSPHRASE => return Err("the wrap is encrypted under a passphrase, not for a key"),
                PLAIN_DATA => return Err("the wrap is not protected against changes"),
                _ => return Err(DAMAGED),
            }
        }
        Err(DAMAGED)
    }

    /// Whether it does not say for which key it is.
    pub(super) fn is_hidden(&self) -> bool {
        self.keys.contains(&0)
    }
}

struct Packet<'a> {
    tag: u8,
    /// The body; of one in several parts the first.
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes the next packet off `rest`; `None` at the end.
    fn next(rest: &mut &'a [u8]) -> Result<Option<Self>, &'static str> {
        let Some(header) = take(rest, 1).and_then(|bytes| bytes.first().copied()) else { return Ok(None) };
        if header & 0x80 == 0 {
            return Err(DAMAGED);
        }
        if header & 0x40 == 0 {
            let length = match header & 3 {
                3 => rest.len(),
                size => number(rest, 1 << size).ok_or(DAMAGED)?,
            };
            let body = take(rest, length).ok_or(DAMAGED)?;
            return Ok(Some(Self { tag: header >> 2 & 15, body }));
        }
        let mut first = None;
        loop {
            let (length, is_last) = new_length(rest).ok_or(DAMAGED)?;
            let part = take(rest, length).ok_or(DAMAGED)?;
            let body = *first.get_or_insert(part);
            if is_last {
                return Ok(Some(Self { tag: header & 63, body }));
            }
        }
    }
}

/// A length in the new form, and whether it is that of the last part.
fn new_length(rest: &mut &[u8]) -> Option<(usize, bool)> {
    Some(match number(rest, 1)? {
        length @ 0..192 => (length, true),
        high @ 192..224 => (((high - 192) << 8) + number(rest, 1)? + 192, true),
        255 => (number(rest, 4)?, true),
        power => (1 << (power & 31), false),
    })
}

fn number(rest: &mut &[u8], size: usize) -> Option<usize> {
    let bytes = take(rest, size)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

fn key_id(body: &[u8]) -> Result<u64, &'static str> {
    match body.split_first() {
        Some((3, body)) => body.first_chunk().map(|id| u64::from_be_bytes(*id)).ok_or(DAMAGED),
        _ => Err("the wrap is damaged, or of a version of PGP that is not known here"),
    }
}

const SESSION_KEY: u8 = 1;
const PASSPHRASE: u8 = 3;
const PLAIN_DATA: u8 = 9;
const PROTECTED_DATA: u8 = 18;
const AEAD_DATA: u8 = 20;

/// More keys than any wrap has; each may ask for a passphrase.
const MOST_KEYS: usize = 8;

const TOO_MANY: &str = "the wrap is for too many keys";

const DAMAGED: &str = "the wrap is damaged, or no PGP message";

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: [u8; 12] = [0x84, 10, 3, 1, 2, 3, 4, 5, 6, 7, 8, 18];

    fn keys(bytes: &[u8]) -> Result<Vec<u64>, &'static str> {
        Message::read(bytes).map(|message| message.keys)
    }

    #[test]
    fn wraps_say_for_which_key_they_are() {
        let id = 0x0102_0304_0506_0708;
        for data in [
            &[0xd2, 2, 1, 0][..],           // new form
            &[0xd4, 2, 1, 0],               // AEAD
            &[0xd2, 255, 0, 0, 0, 2, 1, 0], // five bytes
            &[0xd2, 0xe1, 1, 0, 1, 9],      // two parts
            &[0xc8 | 1, 0, 2, 1, 0],        // new form with tag 9: not protected
        ] {
            let message = [&SESSION, data].concat();
            let expect =
                if data[0] == 0xc9 { Err("the wrap is not protected against changes") } else { Ok(vec![id]) };
            assert_eq!(keys(&message), expect, "{data:x?}");
        }
        let two = [&SESSION[..], &SESSION, &[0xd2, 1, 1]].concat();
        assert_eq!(keys(&two), Ok(vec![id, id]));
    }

    #[test]
    fn everything_else_is_refused() {
        let data = [0xd2, 1, 1];
        for bytes in [
            &b""[..],
            b"-----BEGIN PGP MESSAGE-----",
            &data,
            &SESSION,
            &[&SESSION[..], &data, &[0]].concat(),
            &[&SESSION[..], &data, &data].concat(),
            &[&SESSION[..], &data[..2]].concat(),
            &[&SESSION[..], &[0xd2, 0xe1, 1, 0]].concat(),
            &[&SESSION[..], &[0xd2, 0xfe, 1]].concat(),
            // Compressed, signed, in clear, under a passphrase, an empty session key, too many keys.
            &[&SESSION[..], &[0xa3, 1]].concat(),
            &[0xcb, 3, b'b', 0, 0],
            &[&SESSION[..], &[0xcb, 3, b'b', 0, 0]].concat(),
            &[&[0x8c, 2, 4, 7], &SESSION[..], &data].concat(),
            &[&[0x84, 0], &data[..]].concat(),
            &[&[0x84, 4, 3, 1, 2, 3], &data[..]].concat(),
            &[&[0x84, 4, 6, 1, 2, 3], &data[..]].concat(),
            &[SESSION.repeat(9).as_slice(), &data].concat(),
            &[&[0x84, 10, 3, 0, 0, 0, 0, 0, 0, 0, 0, 18], &SESSION[..], &data].concat(),
        ] {
            assert!(keys(bytes).is_err(), "{bytes:x?}");
        }
        for length in 0..SESSION.len() {
            assert!(keys(&SESSION[..length]).is_err());
        }
    }
}
