//! Aliases of encrypted values: SOPS has none, each place has a copy of its own.

use std::collections::HashSet;

use super::open::edit_error;
use crate::document::{Document, NodeId, apply};
use crate::envelope::sops::{Outline, Selector, Slot, SopsError, What};
use crate::file::FileError;
use crate::format::gate::GateError;
use crate::format::{Format, Limits};

/// Replaces every alias by a copy of what it stands for where either of the two is encrypted; all others stay.
pub(super) fn expand(
    mut document: Document,
    format: &dyn Format,
    selector: &Selector,
    limits: &Limits,
) -> Result<(Document, Outline), FileError> {
    for _ in 0..ROUNDS {
        let outline = Outline::of(&document, selector)?;
        let encrypted: HashSet<NodeId> =
            outline.slots.iter().filter(|slot| slot.encrypted).filter_map(leaf).collect();
        let is_concerned =
            |slot: &&Slot| slot.encrypted || leaf(slot).is_some_and(|id| encrypted.contains(&id));
        let aliases: Vec<NodeId> =
            outline.slots.iter().filter(is_concerned).filter_map(|slot| slot.aliased).collect();
        let Some(first) = aliases.first().copied() else { return Ok((document, outline)) };
        // One after the other: what an alias stands for may hold aliases itself.
        let tree = document.expanded_tree(first).map_err(|_| SopsError::Aliases)?;
        let splices =
            format.replace(&document, first, &tree).map_err(|error| edit_error(&document, error))?;
        let text = apply(&document.source, &splices).map_err(GateError::Splice)?;
        document = format.parse(&text, limits)?;
    }
    Err(SopsError::Aliases.into())
}

fn leaf(slot: &Slot) -> Option<NodeId> {
    match slot.what {
        What::Leaf(id) => Some(id),
        _ => None,
    }
}

/// How many aliases a file may have that are replaced.
const ROUNDS: usize = 200;
