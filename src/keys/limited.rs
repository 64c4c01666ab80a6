//! Reading what somebody else decides the length of.

use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// Reads to the end without leaving copies in memory; `None` where there are more than `limit` bytes.
pub(super) fn read_limited(mut reader: impl Read, limit: usize) -> io::Result<Option<SecretBytes>> {
    let mut buffer = Zeroizing::new(vec![0; limit + 1]);
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match reader.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let whole = buffer.get(..filled).filter(|bytes| bytes.len() <= limit);
    Ok(whole.map(|bytes| SecretBytes::new(bytes.to_vec())))
}
