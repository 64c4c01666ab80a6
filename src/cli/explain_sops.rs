//! What `explain` says of a SOPS file, and of a plain one that becomes one.

use sealeaf::document::{Document, FormatCode, NodeId};
use sealeaf::envelope::sops::{Outline, Selector, What};
use sealeaf::file::sops::SopsFile;
use sealeaf::format::{Limits, by_code, stores};
use sealeaf::keys::Recipient;
use serde::Serialize;

use super::compare::paths;
use super::compare_sops::{is_encrypted, selector_text};
use super::explain::ValueView;
use super::governing::SopsRuling;

/// How a SOPS file is encrypted.
#[derive(Serialize)]
pub(super) struct SopsView {
    /// What decides which values are encrypted.
    pub(super) selector: String,
    /// Whether values in clear are left out of the MAC.
    pub(super) mac_only_encrypted: bool,
    /// How many groups of keys there are.
    pub(super) groups: usize,
    /// How many of them must open.
    pub(super) needed: usize,
    #[serde(skip)]
    by: Selector,
}

impl SopsView {
    /// By its metadata.
    pub(super) fn of_file(file: &SopsFile) -> Self {
        let metadata = file.metadata();
        Self {
            selector: selector_text(&metadata.selector),
            mac_only_encrypted: metadata.mac_only_encrypted,
            groups: metadata.groups.len(),
            needed: metadata.needed(),
            by: metadata.selector.clone(),
        }
    }

    /// By its rule.
    pub(super) fn of_rule(rule: &SopsRuling) -> Self {
        let by = rule.selector.clone().unwrap_or_default();
        Self {
            selector: selector_text(&by),
            mac_only_encrypted: rule.mac_only_encrypted,
            groups: rule.groups.len(),
            needed: rule.needed(),
            by,
        }
    }

    /// The values, each with whether it is encrypted. A document that SOPS has no form for has none.
    pub(super) fn values<'a>(&self, document: &Document, is_sealed: bool) -> Vec<ValueView<'a>> {
        // Of files of lines SOPS sees other values than the native envelope.
        let reread = as_sops_sees(document);
        let document = reread.as_ref().unwrap_or(document);
        let Ok(outline) = Outline::of(document, &self.by) else { return Vec::new() };
        let slots = outline.slots.iter().filter(|slot| slot.aliased.is_none());
        let leaves: Vec<(NodeId, bool)> = slots
            .filter_map(|slot| match slot.what {
                What::Leaf(id) => Some((id, slot.encrypted)),
                // Null and what is empty stays in clear.
                What::Nothing(id) => Some((id, false)),
                What::Comment(_) | What::Element(_) | What::Block(_) => None,
            })
            .collect();
        let nodes: Vec<NodeId> = leaves.iter().map(|(id, _)| *id).collect();
        let view = |((id, encrypted), path): (&(NodeId, bool), sealeaf::document::KeyPath)| ValueView {
            path: path.to_string(),
            sealed: *encrypted,
            now: is_sealed.then(|| is_encrypted(document, *id)),
            pattern: None,
        };
        leaves.iter().zip(paths(document, &nodes)).map(view).collect()
    }
}

/// Recipients with the number of their group, where there are several.
pub(super) fn grouped(groups: &[Vec<Recipient>]) -> Vec<(Option<usize>, Recipient)> {
    let number = |index: usize| (groups.len() > 1).then_some(index + 1);
    let members = groups.iter().enumerate();
    members.flat_map(|(index, group)| group.iter().map(move |one| (number(index), one.clone()))).collect()
}

fn as_sops_sees(document: &Document) -> Option<Document> {
    if !matches!(document.format, FormatCode::Dotenv | FormatCode::Ini) {
        return None;
    }
    let limits = Limits { file: usize::MAX, leaf: usize::MAX, ..Limits::default() };
    stores::of(by_code(document.format)).parse(&document.source, &limits).ok()
}
