//! SOPS files: [`SopsFile`] is a text that was read, [`OpenSops`] one that was authenticated and opened, [`seal`] makes
//! one of a plain text, [`OpenSops::next`] the version after it.
//!
//! The envelope is another one than the native one in what a file is made of: there are no records and no states
//! between whole and broken, the metadata may stand in any place and several times, and tokens carry no spelling. So
//! these types stand beside the native ones instead of behind a common trait; what both share are the documents, the
//! formats and the keyring.

mod aliases;
mod blocks;
mod kept;
mod next;
mod open;
mod regroup;
pub mod render;
mod seal;

pub use crate::envelope::sops::{By, Metadata, Selector, SopsError};
pub use next::{Change, Next};
pub use open::{OpenSops, SopsFile};
pub use seal::{Sealed, Sealing, seal};
