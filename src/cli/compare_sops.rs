//! How a SOPS file differs from what its rule says now. No key is needed, and nothing of the file is authenticated by it.

use std::ops::Range;

use sealeaf::document::{Document, NodeId, Value};
use sealeaf::envelope::sops::{Outline, Selector, Slot, What, is_token};
use sealeaf::file::sops::SopsFile;
use sealeaf::keys::Recipient;

use super::compare::{Comparison, Setting, Spot, paths};
use super::governing::{SopsRuling, is_same_key};
use super::report::Report;

impl Comparison {
    /// Compares a SOPS file's metadata with its rule. A selector that the rule does not name is no difference: whoever made
    /// the file may have chosen it.
    pub(crate) fn of_sops(file: &SopsFile, rule: &SopsRuling) -> Result<Self, Report> {
        let mut comparison = Self::default();
        let (then, now) = (file.recipients(), rule.groups_for(file));
        let holds = |groups: &[Vec<Recipient>], one: &Recipient| {
            groups.iter().flatten().any(|other| is_same_key(&other.key, &one.key))
        };
        comparison.added = now.concat().into_iter().filter(|new| !holds(&then, new)).collect();
        comparison.removed = then.concat().into_iter().filter(|old| !holds(&now, old)).collect();
        if then.len().max(now.len()) > 1 && !rule.is_met_by(file) {
            let (was, now) = (groups_text(file.metadata().needed(), &then), groups_text(rule.needed(), &now));
            comparison.settings.push(Setting { name: "groups", was, now, weaker: true });
        }
        if let Some(selector) = rule.selector.as_ref().filter(|own| **own != file.metadata().selector) {
            let (was, now) = (selector_text(&file.metadata().selector), selector_text(selector));
            comparison.settings.push(Setting { name: "selector", was, now, weaker: false });
            comparison.compare_selection(file, selector)?;
        }
        if rule.mac_only_encrypted && !file.metadata().mac_only_encrypted {
            let (was, now) = ("false".to_owned(), "true".to_owned());
            comparison.settings.push(Setting { name: "mac_only_encrypted", was, now, weaker: true });
        }
        Ok(comparison)
    }

    fn compare_selection(&mut self, file: &SopsFile, now: &Selector) -> Result<(), Report> {
        let document = file.document();
        let then = Outline::of(document, &file.metadata().selector)?;
        let now = Outline::of(document, now)?;
        let pairs: Vec<(&Slot, bool)> =
            then.slots.iter().zip(&now.slots).map(|(then, now)| (then, now.encrypted)).collect();
        let of = |was: bool| {
            let slots = pairs.iter().filter(|(then, now)| then.encrypted == was && *now != was);
            spots(document, slots.map(|(slot, _)| *slot))
        };
        self.sealed = of(false);
        self.cleared = of(true);
        Ok(())
    }
}

/// What everyone who can open the file can read in it: its encrypted values and comments.
pub(crate) fn readable(file: &SopsFile) -> Result<Vec<Spot>, Report> {
    let outline = Outline::of(file.document(), &file.metadata().selector)?;
    Ok(spots(file.document(), outline.slots.iter().filter(|slot| slot.encrypted)))
}

/// The values that the file's own selector encrypts and that stand in clear.
pub(crate) fn exposed(file: &SopsFile) -> Result<Vec<Spot>, Report> {
    let document = file.document();
    let outline = Outline::of(document, &file.metadata().selector)?;
    let is_shown = |slot: &&Slot| match slot.what {
        What::Leaf(id) => slot.encrypted && !is_encrypted(document, id),
        _ => false,
    };
    Ok(spots(document, outline.slots.iter().filter(is_shown)))
}

/// Whether a token stands in a value's place.
pub(crate) fn is_encrypted(document: &Document, id: NodeId) -> bool {
    matches!(document.value(id), Some(Value::Str(text)) if is_token(text.trim_end_matches('\n')))
}

/// `encrypted_regex ^data$`.
pub(crate) fn selector_text(selector: &Selector) -> String {
    format!("{} `{}`", selector.by().name(), selector.text())
}

/// `2 of 3: A + B | C | D`.
fn groups_text(needed: usize, groups: &[Vec<Recipient>]) -> String {
    let names = |group: &Vec<Recipient>| group.iter().map(Recipient::label).collect::<Vec<_>>().join(" + ");
    let groups: Vec<String> = groups.iter().map(names).collect();
    format!("{needed} of {}: {}", groups.len(), groups.join(" | "))
}

/// The values and comments of slots. What means nothing to SOPS is never encrypted.
fn spots<'a>(document: &Document, slots: impl Iterator<Item = &'a Slot>) -> Vec<Spot> {
    let slots: Vec<&Slot> = slots.filter(|slot| slot.aliased.is_none()).collect();
    let values: Vec<NodeId> = slots.iter().filter_map(|slot| leaf(slot)).collect();
    let comment = |slot: &&Slot| match &slot.what {
        What::Comment(index) | What::Block(Range { start: index, .. }) => {
            document.comments.get(*index).map(|comment| document.line_of(comment.span.start))
        }
        What::Element(id) => Some(document.line_of(document.node(*id).span.start)),
        What::Leaf(_) | What::Nothing(_) => None,
    };
    let comments = slots.iter().filter_map(comment).map(Spot::Comment);
    paths(document, &values).into_iter().map(Spot::Value).chain(comments).collect()
}

fn leaf(slot: &Slot) -> Option<NodeId> {
    match slot.what {
        What::Leaf(id) => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sealeaf::keys::KeyRef;

    use super::*;
    use crate::cli::governing::is_same_group;

    fn recipient(kind: &str, id: &str) -> Recipient {
        let key = KeyRef { kind: kind.to_owned(), id: id.to_owned(), context: Default::default() };
        Recipient { key, name: String::new(), break_glass: false }
    }

    #[test]
    fn groups_are_the_same_in_any_order_and_spelling() {
        let own = [recipient("aws_kms", "arn:a"), recipient("azure_kv", "https://v/keys/k/")];
        let file = [recipient("azure_kv", "https://v/keys/k/1"), recipient("aws_kms", "arn:a")];
        assert!(is_same_group(&own, &file) && is_same_group(&file, &own));
        assert!(!is_same_group(&own, &file[..1]) && !is_same_group(&own[..1], &file));
        assert_eq!(
            groups_text(2, &[own.to_vec(), file[1..].to_vec()]),
            "2 of 2: arn:a + https://v/keys/k/ | arn:a"
        );
    }
}
