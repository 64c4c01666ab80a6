//! Documents whose keys are all different, and what people do to them on two branches.

use crate::support::Dice;

/// A value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Leaf(String),
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
}

/// A kind of change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Value,
    Add,
    Delete,
    Rename,
    List,
}

/// Makes documents and changes; `clear` percent of the keys of leaves end in `_c` and stay in clear.
pub(super) struct Maker {
    pub(super) dice: Dice,
    pub(super) clear: usize,
    names: usize,
}

impl Maker {
    pub(super) fn new(dice: Dice, clear: usize) -> Self {
        Self { dice, clear, names: 0 }
    }

    /// 30 keys.
    pub(super) fn flat(&mut self) -> Tree {
        Tree::Map(self.leaves(30))
    }

    /// Five maps of four leaves, most with a list of texts, half of them with a list of two maps.
    pub(super) fn nested(&mut self) -> Tree {
        let mut root = Vec::new();
        for _ in 0..5 {
            let mut map = self.leaves(4);
            if self.dice.chance(60) {
                let items = (0..4).map(|_| self.element()).collect();
                map.push((format!("list{}", self.name(0)), Tree::List(items)));
            }
            if self.dice.chance(50) {
                let items = (0..2).map(|_| Tree::Map(self.leaves(3))).collect();
                map.push((format!("objs{}", self.name(0)), Tree::List(items)));
            }
            root.push((self.name(0), Tree::Map(map)));
        }
        Tree::Map(root)
    }

    /// One change of one of these kinds, if there is something to change.
    pub(super) fn edit(&mut self, tree: &mut Tree, kinds: &[Kind]) {
        let kind = *self.dice.pick(kinds);
        let fits = |tree: &Tree| match (tree, kind) {
            (Tree::List(items), Kind::List) => matches!(items.first(), Some(Tree::Leaf(_))),
            (Tree::Map(entries), _) => !matches!(kind, Kind::List) && !entries.is_empty(),
            _ => false,
        };
        let mut count = 0;
        tree.visit(&mut |tree| count += usize::from(fits(tree)));
        if count == 0 {
            return;
        }
        let (chosen, mut seen) = (self.dice.roll(count), 0);
        tree.visit(&mut |tree| {
            if fits(tree) {
                seen += 1;
                if seen == chosen + 1 {
                    match tree {
                        Tree::Map(entries) => self.edit_map(entries, kind),
                        Tree::List(items) => self.edit_list(items),
                        Tree::Leaf(_) => {}
                    }
                }
            }
        });
    }

    fn edit_map(&mut self, entries: &mut Vec<(String, Tree)>, kind: Kind) {
        let leaves: Vec<usize> =
            (0..entries.len()).filter(|at| matches!(entries[*at].1, Tree::Leaf(_))).collect();
        match kind {
            Kind::Add => {
                let at = if self.dice.chance(30) { entries.len() } else { self.dice.roll(entries.len() + 1) };
                let entry = (self.name(self.clear), self.value());
                entries.insert(at, entry);
            }
            _ if leaves.is_empty() => {}
            Kind::Value => {
                let at = *self.dice.pick(&leaves);
                entries[at].1 = Tree::Leaf(format!("n{:06}", self.dice.roll(1_000_000)));
            }
            Kind::Delete if leaves.len() > 1 => drop(entries.remove(*self.dice.pick(&leaves))),
            Kind::Rename => {
                let at = *self.dice.pick(&leaves);
                entries[at].0 = self.name(0);
            }
            Kind::Delete | Kind::List => {}
        }
    }

    fn edit_list(&mut self, items: &mut Vec<Tree>) {
        if self.dice.chance(60) {
            let item = self.element();
            items.insert(self.dice.roll(items.len() + 1), item);
        } else if items.len() > 1 {
            items.remove(self.dice.roll(items.len()));
        }
    }

    /// Leaves in the order of their keys, which begin with a random letter.
    fn leaves(&mut self, count: usize) -> Vec<(String, Tree)> {
        let mut names: Vec<String> = (0..count).map(|_| self.name(self.clear)).collect();
        names.sort();
        names.into_iter().map(|name| (name, self.value())).collect()
    }

    fn name(&mut self, clear: usize) -> String {
        self.names += 1;
        let letter = char::from(b'a' + u8::try_from(self.dice.roll(26)).unwrap());
        let end = if self.dice.chance(clear) { "_c" } else { "" };
        format!("{letter}k{}{end}", self.names)
    }

    fn value(&mut self) -> Tree {
        Tree::Leaf(match self.dice.roll(5) {
            0 => format!("s{:06}", self.dice.roll(1_000_000)),
            1 => self.dice.roll(100_000).to_string(),
            2 => self.dice.chance(50).to_string(),
            3 => "\"\"".to_owned(),
            _ => "null".to_owned(),
        })
    }

    fn element(&mut self) -> Tree {
        Tree::Leaf(format!("e{:05}", self.dice.roll(100_000)))
    }
}

impl Tree {
    /// As YAML.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, indent: usize) {
        let pad = " ".repeat(indent);
        match self {
            Self::Leaf(text) => *out += text,
            Self::Map(entries) => {
                for (key, value) in entries {
                    *out += &format!("{pad}{key}:");
                    value.behind(out, indent);
                }
            }
            Self::List(items) => {
                for item in items {
                    *out += &format!("{pad}-");
                    match item {
                        Self::Map(_) => {
                            let mut inner = String::new();
                            item.write(&mut inner, indent + 2);
                            *out += &inner[indent + 1..];
                        }
                        _ => item.behind(out, indent),
                    }
                }
            }
        }
    }

    fn behind(&self, out: &mut String, indent: usize) {
        if let Self::Leaf(text) = self {
            *out += &format!(" {text}\n");
        } else {
            *out += "\n";
            self.write(out, indent + 2);
        }
    }

    fn visit(&mut self, act: &mut dyn FnMut(&mut Self)) {
        act(self);
        match self {
            Self::Leaf(_) => {}
            Self::Map(entries) => entries.iter_mut().for_each(|(_, tree)| tree.visit(act)),
            Self::List(items) => items.iter_mut().for_each(|tree| tree.visit(act)),
        }
    }
}
