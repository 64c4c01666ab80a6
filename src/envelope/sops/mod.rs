//! The envelope of SOPS files. What it must do is what SOPS does; `docs/design/sops-compatibility.md` has the facts and
//! where this one is stricter.

mod comments;
mod error;
mod flat;
mod keys;
mod lines;
mod mac;
mod metadata;
mod model;
mod outline;
mod pattern;
mod selector;
mod time;
mod token;
mod values;

pub use crate::crypto::{Gcm, combine, split};
pub use error::{Damage, SopsError};
pub use flat::{entry_of, flatten, is_metadata, unflatten};
pub use keys::Key;
pub use lines::block_text;
pub use mac::{Mac, modified};
pub use metadata::{ENTRY, Metadata};
pub use model::{Branch, branches};
pub use outline::{Outline, Slot, What, damaged, locate};
pub(crate) use pattern::compile;
pub use selector::{By, Selector};
pub use token::{Nonces, PREFIX, Token, is_token};
pub use values::{Item, Meaning, Type, is_string_key, is_type_tag, meaning};
