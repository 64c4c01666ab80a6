//! Finds for every node of a new version the node of the old one that it came from: maps by key, list elements and
//! documents by content, and what changed by its place between what did not.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};

use crate::document::{Document, Kind, NodeId};

/// By new node, the old one. No old node is given twice.
pub(super) fn align(new: &Document, old: &Document) -> Vec<Option<NodeId>> {
    let (new_prints, old_prints) = (prints(new), prints(old));
    let mut aligned = vec![None; new.nodes.len()];
    let roots = |document: &Document| document.parts.iter().map(|part| part.root).collect::<Vec<_>>();
    let print = |prints: &[u64], ids: &[NodeId]| ids.iter().map(|id| prints[id.index()]).collect::<Vec<_>>();
    let pair = |a: &[NodeId], b: &[NodeId]| -> Vec<(NodeId, NodeId)> {
        let pairs = elements(&print(&new_prints, a), &print(&old_prints, b), &|i, j| {
            likeness(new, a[i], &new_prints, old, b[j], &old_prints)
        });
        a.iter().zip(pairs).filter_map(|(id, other)| Some((*id, b[other?]))).collect()
    };
    let mut open = pair(&roots(new), &roots(old));
    while let Some((here, there)) = open.pop() {
        aligned[here.index()] = Some(there);
        match (&new.node(here).kind, &old.node(there).kind) {
            (Kind::Map(a), Kind::Map(b)) => {
                let by_key: HashMap<&str, NodeId> =
                    b.iter().map(|entry| (&*entry.key.text, entry.value)).collect();
                open.extend(a.iter().filter_map(|entry| Some((entry.value, *by_key.get(&*entry.key.text)?))));
            }
            (Kind::List(a), Kind::List(b)) => open.extend(pair(a, b)),
            _ => {}
        }
    }
    aligned
}

/// Pairs two sequences: what both begin and end with; of the rest equal ones, the k-th occurrence with the k-th; then,
/// between neighbours that are paired, what is left there. By place where the gaps are equally long, by likeness where
/// they are not.
pub(super) fn elements(
    new: &[u64],
    old: &[u64],
    likeness: &dyn Fn(usize, usize) -> usize,
) -> Vec<Option<usize>> {
    let head = new.iter().zip(old).take_while(|(a, b)| a == b).count();
    let shorter = new.len().min(old.len()) - head;
    let tail = new.iter().rev().zip(old.iter().rev()).take(shorter).take_while(|(a, b)| a == b).count();
    let mut places: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for (index, print) in old.iter().enumerate().take(old.len() - tail).skip(head) {
        places.entry(*print).or_default().push_back(index);
    }
    let mut pairs: Vec<Option<usize>> = new
        .iter()
        .enumerate()
        .map(|(index, print)| match index {
            _ if index < head => Some(index),
            _ if index >= new.len() - tail => Some(index + old.len() - new.len()),
            _ => places.get_mut(print).and_then(VecDeque::pop_front),
        })
        .collect();
    let mut taken = vec![false; old.len()];
    pairs.iter().flatten().for_each(|index| taken[*index] = true);
    let mut start = 0;
    while start < new.len() {
        if pairs[start].is_some() {
            start += 1;
            continue;
        }
        let end = (start..new.len()).find(|index| pairs[*index].is_some()).unwrap_or(new.len());
        let from = if start == 0 { 0 } else { pairs[start - 1].map_or(0, |index| index + 1) };
        let to = pairs.get(end).copied().flatten().unwrap_or(old.len());
        let free: Vec<usize> = (from..to.max(from)).take_while(|index| !taken[*index]).collect();
        fill(&mut pairs, start..end, &free, likeness);
        pairs[start..end].iter().flatten().for_each(|index| taken[*index] = true);
        start = end;
    }
    pairs
}

fn fill(
    pairs: &mut [Option<usize>],
    gap: std::ops::Range<usize>,
    free: &[usize],
    likeness: &dyn Fn(usize, usize) -> usize,
) {
    if gap.len() == free.len() || gap.len() * free.len() > MAX_COMPARISONS {
        for (index, other) in gap.zip(free) {
            pairs[index] = Some(*other);
        }
        return;
    }
    let mut left: Vec<usize> = free.to_vec();
    for index in gap.clone() {
        let best = left
            .iter()
            .enumerate()
            .map(|(k, other)| (likeness(index, *other), k))
            .max_by_key(|(n, k)| (*n, usize::MAX - k));
        if let Some((1.., k)) = best {
            pairs[index] = Some(left.remove(k));
        }
    }
    // What resembles nothing keeps its order.
    let mut left = left.into_iter();
    for index in gap {
        if pairs[index].is_none() {
            pairs[index] = left.next();
        }
    }
}

/// How many entries two maps share, or elements from the start two lists; containers of one kind resemble each other
/// more than anything else.
fn likeness(
    new: &Document,
    a: NodeId,
    new_prints: &[u64],
    old: &Document,
    b: NodeId,
    old_prints: &[u64],
) -> usize {
    match (&new.node(a).kind, &old.node(b).kind) {
        (Kind::Map(x), Kind::Map(y)) => x
            .iter()
            .take(MAX_ENTRIES)
            .filter(|entry| {
                y.iter().take(MAX_ENTRIES).any(|other| {
                    entry.key.text == other.key.text
                        && new_prints[entry.value.index()] == old_prints[other.value.index()]
                })
            })
            .count()
            .saturating_add(1),
        (Kind::List(x), Kind::List(y)) => {
            let pairs = x.iter().zip(y).take(MAX_ENTRIES);
            pairs.filter(|(x, y)| new_prints[x.index()] == old_prints[y.index()]).count().saturating_add(1)
        }
        _ => 0,
    }
}

/// A 64-bit print of every subtree. A collision costs a needlessly fresh token, never a wrong one: what is kept is
/// compared by value afterwards.
fn prints(document: &Document) -> Vec<u64> {
    let mut prints = vec![0; document.nodes.len()];
    for id in document.ids().rev() {
        let node = document.node(id);
        let mut hasher = DefaultHasher::new();
        (&node.anchor, &node.tag, std::mem::discriminant(&node.kind)).hash(&mut hasher);
        match &node.kind {
            Kind::Map(entries) => {
                for entry in entries {
                    (&entry.key.text, prints[entry.value.index()]).hash(&mut hasher);
                }
            }
            Kind::List(items) => items.iter().for_each(|item| prints[item.index()].hash(&mut hasher)),
            Kind::Scalar(scalar) => scalar.value.hash(&mut hasher),
            Kind::Alias(name) => name.hash(&mut hasher),
            Kind::Empty => {}
        }
        prints[id.index()] = hasher.finish();
    }
    prints
}

const MAX_COMPARISONS: usize = 4096;
const MAX_ENTRIES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(new: &str, old: &str, expect: &[Option<usize>]) {
        let print = |text: &str| text.bytes().map(u64::from).collect::<Vec<_>>();
        assert_eq!(elements(&print(new), &print(old), &|_, _| 0), expect);
    }

    #[test]
    fn pairs() {
        check("abc", "abc", &[Some(0), Some(1), Some(2)]);
        check("xabc", "abc", &[None, Some(0), Some(1), Some(2)]);
        check("abxc", "abc", &[Some(0), Some(1), None, Some(2)]);
        check("axc", "abc", &[Some(0), Some(1), Some(2)]);
        check("ac", "abc", &[Some(0), Some(2)]);
        check("aaa", "aa", &[Some(0), Some(1), None]);
        check("cab", "abc", &[Some(2), Some(0), Some(1)]);
        check("aba", "aca", &[Some(0), Some(1), Some(2)]);
        check("cbc", "abc", &[Some(0), Some(1), Some(2)]);
        check("aab", "ab", &[Some(0), None, Some(1)]);
        check("aa", "aaa", &[Some(0), Some(1)]);
        check("xa", "aa", &[Some(0), Some(1)]);
        check("axa", "aaa", &[Some(0), Some(1), Some(2)]);
        check("aba", "aa", &[Some(0), None, Some(1)]);
        check("a", "aaa", &[Some(0)]);
        check("x", "a", &[Some(0)]);
        check("xy", "a", &[Some(0), None]);
        check("", "abc", &[]);
    }
}
