//! Random documents and what key holders do to them.

use crate::support::Dice;

/// A value with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) anchor: Option<String>,
    pub(super) tag: Option<&'static str>,
    /// A comment in the line above.
    pub(super) above: Option<String>,
    /// A comment in the same line.
    pub(super) behind: Option<String>,
    /// Whether a container is written in one line.
    pub(super) flow: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    /// As written, in YAML; a text elsewhere.
    Bare(String),
    Map(Vec<(String, Item)>),
    List(Vec<Item>),
    Alias(String),
    Nothing,
}

/// A file: one root, or in YAML several.
pub(super) type Documents = Vec<Item>;

/// A random file of 5 to about 25 leaves.
pub(super) fn documents(dice: &mut Dice, yaml: bool) -> Documents {
    let count = if yaml && dice.chance(30) { 2 + dice.roll(2) } else { 1 };
    let budget = 5 + dice.roll(18);
    let mut grower = Grower { dice, yaml, anchors: Vec::new() };
    (0..count).map(|_| grower.root(budget / count + 1)).collect()
}

/// One change; whether the result is a file shows when it is sealed.
pub(super) fn edit(documents: &mut Documents, dice: &mut Dice, yaml: bool) {
    match dice.roll(if yaml { 17 } else { 12 }) {
        0..=3 => change_value(documents, dice),
        4 | 5 => {
            change(documents, dice, is_map, |item, dice| {
                let fresh = Grower { dice, yaml, anchors: Vec::new() }.item(1);
                let Node::Map(entries) = &mut item.node else { return };
                let key = free_key(entries, dice);
                entries.insert(dice.roll(entries.len() + 1), (key, fresh));
            });
        }
        6 => change(documents, dice, is_map, |item, dice| {
            let Node::Map(entries) = &mut item.node else { return };
            entries.remove(dice.roll(entries.len()));
        }),
        7 => change(documents, dice, is_map, |item, dice| {
            let Node::Map(entries) = &mut item.node else { return };
            let key = free_key(entries, dice);
            let at = dice.roll(entries.len());
            entries[at].0 = key;
        }),
        8 => change(documents, dice, is_map, |item, dice| {
            let Node::Map(entries) = &mut item.node else { return };
            let entry = entries.remove(dice.roll(entries.len()));
            entries.insert(dice.roll(entries.len() + 1), entry);
        }),
        9 => transplant(documents, dice),
        10 | 11 => change(documents, dice, is_list, |item, dice| {
            let Node::List(items) = &mut item.node else { return };
            match dice.roll(3) {
                0 => items.insert(dice.roll(items.len() + 1), Item::of(leaf(dice))),
                1 => drop(items.remove(dice.roll(items.len()))),
                _ => {
                    let item = items.remove(dice.roll(items.len()));
                    items.insert(dice.roll(items.len() + 1), item);
                }
            }
        }),
        12 | 13 => change(
            documents,
            dice,
            |_| true,
            |item, dice| match dice.roll(3) {
                0 => item.above = dice.chance(60).then(|| word(dice)),
                1 => item.behind = dice.chance(60).then(|| word(dice)),
                _ => item.tag = dice.chance(50).then(|| *dice.pick(TAGS)),
            },
        ),
        14 => change(
            documents,
            dice,
            |item| matches!(item.node, Node::Alias(_)),
            |item, dice| {
                item.node = Node::Alias(format!("a{}", dice.roll(3)));
            },
        ),
        15 => documents
            .insert(dice.roll(documents.len() + 1), Grower { dice, yaml, anchors: Vec::new() }.root(2)),
        _ => {
            let document = documents.remove(dice.roll(documents.len()));
            if documents.is_empty() || dice.chance(50) {
                documents.insert(dice.roll(documents.len() + 1), document);
            }
        }
    }
}

/// One value changes.
pub(super) fn change_value(documents: &mut Documents, dice: &mut Dice) {
    change(documents, dice, is_leaf, |item, dice| item.node = leaf(dice));
}

/// A text that no other value has.
pub(super) fn word(dice: &mut Dice) -> String {
    format!("s{:07}", dice.roll(10_000_000))
}

impl Item {
    pub(super) fn of(node: Node) -> Self {
        Self { node, anchor: None, tag: None, above: None, behind: None, flow: false }
    }
}

struct Grower<'a> {
    dice: &'a mut Dice,
    yaml: bool,
    anchors: Vec<String>,
}

impl Grower<'_> {
    fn root(&mut self, leaves: usize) -> Item {
        self.anchors.clear();
        let mut left = leaves;
        let mut entries: Vec<(String, Item)> = Vec::new();
        while left > 0 && entries.len() < KEYS.len() / 2 {
            let share = 1 + self.dice.roll(left.min(8));
            left -= share;
            let key = free_key(&entries, self.dice);
            let item = self.item(share);
            entries.push((key, item));
        }
        let is_list = self.yaml && self.dice.chance(8);
        Item::of(if is_list {
            Node::List(entries.into_iter().map(|entry| entry.1).collect())
        } else {
            Node::Map(entries)
        })
    }

    fn item(&mut self, leaves: usize) -> Item {
        let mut item = Item::of(self.node(leaves));
        let dice = &mut *self.dice;
        item.above = dice.chance(8).then(|| word(dice));
        item.behind = dice.chance(8).then(|| word(dice));
        item.flow = dice.chance(20);
        if self.yaml && !matches!(item.node, Node::Alias(_)) {
            item.tag = dice.chance(5).then(|| *dice.pick(TAGS));
            if dice.chance(10) {
                let name = format!("a{}", dice.roll(3));
                self.anchors.push(name.clone());
                item.anchor = Some(name);
            }
        }
        item
    }

    fn node(&mut self, leaves: usize) -> Node {
        if leaves <= 1 {
            if self.yaml && !self.anchors.is_empty() && self.dice.chance(20) {
                return Node::Alias(self.dice.pick(&self.anchors).clone());
            }
            if self.yaml && self.dice.chance(3) {
                return Node::Nothing;
            }
            return leaf(self.dice);
        }
        if self.dice.chance(35) {
            let uniform = self.dice.chance(60);
            let each = if uniform { 1 } else { 2 };
            return Node::List((0..leaves / each).map(|_| self.item(each)).collect());
        }
        let mut entries: Vec<(String, Item)> = Vec::new();
        let mut left = leaves;
        while left > 0 {
            let share = 1 + self.dice.roll(left.min(4));
            left -= share;
            let key = free_key(&entries, self.dice);
            let item = self.item(share);
            entries.push((key, item));
        }
        Node::Map(entries)
    }
}

fn leaf(dice: &mut Dice) -> Node {
    match dice.roll(14) {
        0..=6 => Node::Text(word(dice)),
        7 => Node::Text(format!("{} x", word(dice))),
        8 => Node::Text(format!("{}\nx\n", word(dice))),
        9 => Node::Text(String::new()),
        10 | 11 => Node::Bare(format!("{}", dice.roll(10_000_000))),
        12 => Node::Bare((*dice.pick(&["true", "false", "1.5", "yes"])).to_owned()),
        _ if dice.chance(50) => Node::Map(Vec::new()),
        _ => Node::List(Vec::new()),
    }
}

fn free_key(entries: &[(String, Item)], dice: &mut Dice) -> String {
    let free: Vec<&&str> = KEYS.iter().filter(|key| entries.iter().all(|entry| entry.0 != ***key)).collect();
    if free.is_empty() { word(dice) } else { (**dice.pick(&free)).to_owned() }
}

/// Moves an entry of one map to another, or back to where it was.
fn transplant(documents: &mut Documents, dice: &mut Dice) {
    let mut taken = None;
    change(documents, dice, is_map, |item, dice| {
        let Node::Map(entries) = &mut item.node else { return };
        taken = Some(entries.remove(dice.roll(entries.len())));
    });
    let Some(entry) = taken else { return };
    change(documents, dice, is_map, |item, dice| {
        let Node::Map(entries) = &mut item.node else { return };
        if entries.iter().all(|other| other.0 != entry.0) {
            entries.insert(dice.roll(entries.len() + 1), entry.clone());
        }
    });
}

/// Applies `act` to one of the items that fit.
fn change(
    documents: &mut Documents,
    dice: &mut Dice,
    fits: impl Fn(&Item) -> bool,
    mut act: impl FnMut(&mut Item, &mut Dice),
) {
    let mut count = 0;
    for root in documents.iter_mut() {
        visit(root, &mut |item| count += usize::from(fits(item)));
    }
    if count == 0 {
        return;
    }
    let (chosen, mut seen) = (dice.roll(count), 0);
    for root in documents.iter_mut() {
        visit(root, &mut |item| {
            if fits(item) {
                if seen == chosen {
                    act(item, dice);
                }
                seen += 1;
            }
        });
    }
}

fn visit(item: &mut Item, act: &mut dyn FnMut(&mut Item)) {
    act(item);
    match &mut item.node {
        Node::Map(entries) => entries.iter_mut().for_each(|entry| visit(&mut entry.1, act)),
        Node::List(items) => items.iter_mut().for_each(|item| visit(item, act)),
        _ => {}
    }
}

fn is_leaf(item: &Item) -> bool {
    matches!(item.node, Node::Text(_) | Node::Bare(_))
}

fn is_map(item: &Item) -> bool {
    matches!(&item.node, Node::Map(entries) if !entries.is_empty())
}

fn is_list(item: &Item) -> bool {
    matches!(&item.node, Node::List(items) if !items.is_empty())
}

const KEYS: &[&str] =
    &["pw", "host", "port", "user", "db", "on", "1", "a b", "image", "x", "y", "env", "key", "url", "z"];
const TAGS: &[&str] = &["!t", "!!str", "!x/y"];
