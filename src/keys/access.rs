//! Who can open a file: anyone of a list, or so many of several groups together.

use std::collections::BTreeSet;

use super::Recipient;

/// Groups of recipients, and how many of the groups have to open; within a group anyone will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    groups: Vec<Vec<Recipient>>,
    threshold: usize,
}

impl Access {
    /// `threshold` of these groups. With a threshold of 1 the groups are one, since anyone opens the file; a threshold above
    /// their number is their number.
    #[must_use]
    pub fn new(groups: Vec<Vec<Recipient>>, threshold: usize) -> Self {
        let threshold = threshold.clamp(1, groups.len().max(1));
        if threshold > 1 {
            return Self { groups, threshold };
        }
        let mut all: Vec<Recipient> = Vec::new();
        for recipient in groups.into_iter().flatten() {
            if !all.iter().any(|one| one.key == recipient.key) {
                all.push(recipient);
            }
        }
        Self { groups: vec![all], threshold }
    }

    /// The groups; one where anyone opens the file.
    #[must_use]
    pub fn groups(&self) -> &[Vec<Recipient>] {
        &self.groups
    }

    /// How many groups are needed, from 1.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// Everyone, group by group.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.groups.iter().flatten()
    }

    /// Whether somebody who could open a file under `before` could not now, or not with the same others: a recipient is
    /// gone or in another group, a group is gone, the threshold is higher.
    #[must_use]
    pub fn takes_from(&self, before: &Self) -> bool {
        if self.threshold > before.threshold {
            return true;
        }
        let holding = |group: &Vec<Recipient>| {
            let holds =
                |now: &Vec<Recipient>| group.iter().all(|old| now.iter().any(|new| new.key == old.key));
            self.groups.iter().position(holds)
        };
        let Some(kept) = before.groups.iter().map(holding).collect::<Option<Vec<usize>>>() else {
            return true;
        };
        // Those who came together in one group of several count once now.
        self.threshold > 1 && kept.iter().collect::<BTreeSet<_>>().len() < kept.len()
    }
}

impl From<&[Recipient]> for Access {
    fn from(recipients: &[Recipient]) -> Self {
        Self { groups: vec![recipients.to_vec()], threshold: 1 }
    }
}

impl From<Vec<Recipient>> for Access {
    fn from(recipients: Vec<Recipient>) -> Self {
        Self { groups: vec![recipients], threshold: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyRef;

    fn access(groups: &[&[&str]], threshold: usize) -> Access {
        let recipient = |id: &&str| Recipient {
            key: KeyRef { kind: "age".to_owned(), id: (*id).to_owned(), context: Default::default() },
            name: String::new(),
            break_glass: false,
        };
        Access::new(groups.iter().map(|group| group.iter().map(recipient).collect()).collect(), threshold)
    }

    #[test]
    fn a_threshold_of_one_is_one_group() {
        assert_eq!(access(&[&["a", "b"], &["b", "c"]], 1), access(&[&["a", "b", "c"]], 1));
        assert_eq!(access(&[&["a"], &["b"]], 9).threshold(), 2);
    }

    #[test]
    fn what_takes_access_away() {
        let before = access(&[&["a", "b"], &["c"], &["d"]], 2);
        for (now, takes) in [
            (before.clone(), false),
            (access(&[&["c"], &["b", "a", "x"], &["d"]], 2), false),
            (access(&[&["a", "b"], &["c"], &["d"], &["e"]], 2), false),
            (access(&[&["a", "b", "c", "d"]], 1), false),
            (access(&[&["a", "b"], &["c"], &["d"]], 3), true),
            (access(&[&["a"], &["c"], &["d"]], 2), true),
            (access(&[&["a"], &["b", "c"], &["d"]], 2), true),
            (access(&[&["a", "b"], &["c", "d"]], 2), true),
            (access(&[&["a", "b"], &["c"]], 2), true),
            (access(&[&["a", "b", "c"], &["d"], &["e"]], 2), true),
        ] {
            assert_eq!(now.takes_from(&before), takes, "{now:?}");
        }
    }
}
