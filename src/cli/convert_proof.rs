//! What `convert` compares before it writes: the values and comments of both files, as they open, and which of them are
//! encrypted in each.

use std::collections::{BTreeMap, HashSet};

use sealeaf::document::{Document, KeyPath, NodeId, Value};
use sealeaf::envelope::native::{is_public_comment, marked};
use sealeaf::envelope::sops::{Meaning, Outline, What, meaning};
use sealeaf::policy::Comments;

use super::compare::paths;
use super::get::find;
use super::opened::Opened;
use super::report::{Kind, Report, plural};

/// Which values and comments of an opened file are encrypted.
pub(super) struct Covered {
    values: BTreeMap<String, KeyPath>,
    /// By their number in the plain text.
    comments: Vec<usize>,
}

/// What the target shows that the source does not, and the other way round.
pub(super) struct Exposure {
    /// Encrypted before, in clear after.
    pub(super) shown: Vec<KeyPath>,
    /// The lines of comments of which the same is true.
    pub(super) shown_comments: Vec<usize>,
    /// How many values and comments are encrypted that were not.
    pub(super) hidden: usize,
}

impl Covered {
    /// Of a file that was opened.
    pub(super) fn of(open: &Opened) -> Result<Self, Report> {
        let plain = open.plain();
        let (nodes, comments): (Vec<NodeId>, Vec<usize>) = match open {
            Opened::Native(open) => {
                let policy = &open.header().policy;
                let marked = marked(plain, &policy.selection);
                let is_sealed = |id: &NodeId| {
                    marked.get(id.index()).copied().unwrap_or_default()
                        && plain.is_leaf(*id)
                        && plain.node(*id).sealable
                };
                let all = plain.comments.iter().enumerate();
                let private = all.filter(|(_, comment)| !is_public_comment(plain, comment));
                let private = private.filter(|_| policy.comments == Comments::Encrypt);
                (plain.ids().filter(is_sealed).collect(), private.map(|(index, _)| index).collect())
            }
            Opened::Sops(open) => {
                let outline = Outline::of(plain, &open.sealed_file().metadata().selector)?;
                let slots = || outline.slots.iter().filter(|slot| slot.encrypted && slot.aliased.is_none());
                let leaf = |what: &What| if let What::Leaf(id) = what { Some(*id) } else { None };
                let comment = |what: &What| match what {
                    What::Comment(index) => *index..index.saturating_add(1),
                    What::Block(lines) => lines.clone(),
                    _ => 0..0,
                };
                (
                    slots().filter_map(|slot| leaf(&slot.what)).collect(),
                    slots().flat_map(|slot| comment(&slot.what)).collect(),
                )
            }
        };
        let values = paths(plain, &nodes).into_iter().map(|path| (path.to_string(), path)).collect();
        Ok(Self { values, comments })
    }

    /// What is shown and hidden by going from here to `target`.
    pub(super) fn compare(&self, target: &Self, plain: &Document) -> Exposure {
        let shown = self.values.iter().filter(|(path, _)| !target.values.contains_key(*path));
        let line = |index: &usize| plain.comments.get(*index).map(|own| plain.line_of(own.span.start));
        let shown_comments = self.comments.iter().filter(|index| !target.comments.contains(index));
        // Copies that aliases became are nothing new.
        let leaves: Vec<NodeId> = plain.ids().filter(|id| plain.is_leaf(*id)).collect();
        let known: HashSet<String> = paths(plain, &leaves).iter().map(ToString::to_string).collect();
        let is_hidden = |path: &&String| !self.values.contains_key(*path) && known.contains(*path);
        let hidden = target.values.keys().filter(is_hidden).count()
            + target.comments.iter().filter(|index| !self.comments.contains(index)).count();
        Exposure {
            shown: shown.map(|(_, path)| path.clone()).collect(),
            shown_comments: shown_comments.filter_map(line).collect(),
            hidden,
        }
    }
}

/// Compares two opened files: the same key paths, the same values, the same comments. Gives `12 values and 3 comments`.
///
/// # Errors
/// The first difference, by its place.
pub(super) fn prove(before: &Document, after: &Document, is_stripped: bool) -> Result<String, Report> {
    let (there, here) = (leaves(before)?, leaves(after)?);
    if let Some(path) = there.keys().find(|path| !here.contains_key(*path)) {
        return Err(differs(&format!("`{path}` would be gone")));
    }
    if let Some(path) = here.keys().find(|path| !there.contains_key(*path)) {
        return Err(differs(&format!("`{path}` would be new")));
    }
    for ((path, (place, old)), (_, new)) in there.iter().zip(here.values()) {
        if old != new && !means_the_same(before, after, place) {
            return Err(differs(&format!("`{path}` would be another value")));
        }
    }
    let texts = |document: &Document| -> Vec<String> {
        let comments = document.comments.iter();
        comments.map(|comment| comment.span.of(&document.source).trim_end().to_owned()).collect()
    };
    let comments = if is_stripped { Vec::new() } else { texts(before) };
    if comments != texts(after) {
        return Err(differs("the comments would be others"));
    }
    let values = plural(there.len(), "value", "values");
    Ok(match comments.len() {
        0 => values,
        count => format!("{values} and {}", plural(count, "comment", "comments")),
    })
}

/// Values by their key paths, as every reader sees them: aliases and merge keys count as what they stand for.
type Leaves = BTreeMap<String, (KeyPath, Value)>;

fn leaves(document: &Document) -> Result<Leaves, Report> {
    let leaves = document.expanded_leaves()?;
    Ok(leaves.into_iter().map(|(path, value)| (path.to_string(), (path, value))).collect())
}

/// Whether two spellings are one value: SOPS keeps numbers and dates, and not how they are written.
fn means_the_same(before: &Document, after: &Document, path: &KeyPath) -> bool {
    let item = |document: &Document| {
        let id = find(document, path).ok()?;
        match meaning(document.format, document.node(id), &document.source).ok()? {
            Meaning::Item(item) => Some(Some(item)),
            Meaning::Nothing => Some(None),
        }
    };
    match (item(before), item(after)) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    }
}

fn differs(what: &str) -> Report {
    Report::message(Kind::Failed, format!("the other envelope would not hold the same: {what}"))
        .hint("nothing was written; write that value in a simpler style, or leave the file as it is")
}
