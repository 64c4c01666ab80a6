//! The text form of PGP messages, which SOPS files have in `enc`.
//!
//! Source: RFC 4880, section 6.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A message as SOPS writes it: lines of 64 columns, the checksum, no last line break.
pub(super) fn write(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut text = String::with_capacity(encoded.len() + encoded.len() / 64 + 80);
    text.push_str(BEGIN);
    text.push_str("\n\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text.push('=');
    text.push_str(&STANDARD.encode(checksum(bytes)));
    text.push('\n');
    text.push_str(END);
    text
}

/// The message in an armored text, with or without headers and checksum. `None` where it is none, or the checksum is not
/// its own.
pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let mut lines = inner.lines().map(str::trim);
    // Behind the first line come headers, such as the version, and an empty line.
    let is_header = |line: &str| line.is_empty() || line.contains(": ");
    let mut lines = std::iter::from_fn(|| lines.next()).skip_while(|line| is_header(line)).peekable();
    let mut encoded = String::with_capacity(inner.len());
    while let Some(line) = lines.next_if(|line| !line.starts_with('=')) {
        encoded.push_str(line);
    }
    let bytes = STANDARD.decode(encoded).ok()?;
    let stated = lines.next().map(|line| line.trim_start_matches('='));
    let fits = stated.is_none_or(|stated| STANDARD.decode(stated).is_ok_and(|sum| sum == checksum(&bytes)));
    (fits && lines.all(str::is_empty)).then_some(bytes)
}

/// CRC-24 of section 6.1.
fn checksum(bytes: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0x00b7_04ce;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, high, middle, low] = crc.to_be_bytes();
    [high, middle, low]
}

const BEGIN: &str = "-----BEGIN PGP MESSAGE-----";
const END: &str = "-----END PGP MESSAGE-----";

#[cfg(test)]
mod tests {
    use super::*;

    /// As gpg 2.2 wrote it.
    const MESSAGE: &str = "\
-----BEGIN PGP MESSAGE-----

hF4D8ZTQw1XOTJ8SAQdAqZuHudWbfwrOCR5xuDBAe9x2ZnMEDEoL2F19apLPo2kw
GUlT7Ip0lpaZ3CKPzmHQ5k7U+m4BMpgf9ZJN5KX/lSZWnwCyl0mWkjadRZSKeN7D
0l4Bwkt6E+pgtlq5Ty++p2v1Z55kgtQFLg9SDn2cvw6QW1AQg5VpNPNhLah/dovK
NfU15hQlHYL7Zf+D6CYAiQEz+yfBqUCK5taaSxoKj0ElrzK4vt/LvcGYIpFoPSSn
=0t7M
-----END PGP MESSAGE-----";

    #[test]
    fn gpgs_own_text_goes_round() {
        let bytes = read(MESSAGE).unwrap();
        assert_eq!(bytes.len(), 192);
        assert_eq!(write(&bytes), MESSAGE);
        for length in [1, 47, 48, 49, 200] {
            let bytes: Vec<u8> = (0..length).collect();
            assert_eq!(read(&write(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn other_programs_spell_it_otherwise() {
        let bytes = read(MESSAGE);
        let version = MESSAGE.replacen("\n\n", "\nVersion: GnuPG v2\nComment: x: y\n\n", 1);
        for text in [
            version,
            MESSAGE.replace('\n', "\r\n") + "\r\n",
            MESSAGE.replace("\n=0t7M", ""),
            MESSAGE.replace('\n', "\n  "),
            MESSAGE.replacen("\n\n", "\n", 1),
        ] {
            assert_eq!(read(&text), bytes, "{text}");
        }
    }

    #[test]
    fn damage_is_found() {
        for text in [
            String::new(),
            BEGIN.to_owned(),
            format!("{BEGIN}{END}x"),
            MESSAGE.replace("hF4D", "hF4E"),
            MESSAGE.replace("=0t7M", "=0t7N"),
            MESSAGE.replace("=0t7M", "=0t7M\nAAAA"),
            MESSAGE.replace("=0t7M", "="),
            MESSAGE.replace("MESSAGE", "SIGNATURE"),
            MESSAGE.replace("hF4D", "hF4D=\n"),
            format!("{MESSAGE}\n{MESSAGE}"),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }
}
