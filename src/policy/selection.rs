//! Lists of patterns, matched together while a tree is walked.

use std::sync::Arc;

use super::pattern::{Down, Pattern, PatternError, States};
use crate::document::{Document, Kind, NodeId, Step};

/// Which leaves are secret: those that an `encrypt` pattern covers and no `clear` pattern does.
///
/// # Grammar of key-path patterns
///
/// ```text
/// pattern = ( segment | index ) { "." segment | index }
/// segment = "**" | quoted | name
/// name    = 1*( "*" | any character but . [ ] " \ )      no two "*" side by side
/// quoted  = '"' { any character but " and \ | '\"' | '\\' } '"'
/// index   = "[" ( "*" | number ) "]"                     decimal, no leading zeros, below 2^32
/// ```
///
/// A pattern is matched against the steps from a document's root to a place. A *step* is a map key or a list index.
///
/// - A `name` matches one map key; each `*` in it stands for any run of characters of that key, also for none. So `*`
///   is any one key (the empty one too), `*_key` and `db_*_url` are what they look like. Everything else is literal.
/// - A `quoted` segment matches one map key literally; `*` is nothing special in it, and `""` is the empty key.
/// - `[*]` matches any list index, `[3]` the fourth element. A `name` never matches an index, an index never a key.
/// - `**` matches any number of steps of both kinds, also none.
/// - A pattern that matches a place **covers** that place and everything inside it.
///
/// Keys are compared after decoding, byte by byte: case matters, and nothing is normalised. Every YAML document of a
/// file is matched from its own root. Control characters, and a `#` at the beginning outside quotes, are refused. A
/// pattern has at most 63 segments, runs of `**` counted once; both lists together have at most 1024.
///
/// The default is `encrypt = ["**"]`: every leaf.
#[derive(Clone, Debug)]
pub struct Selection {
    encrypt: Vec<String>,
    clear: Vec<String>,
    /// The compiled patterns of `encrypt`, then those of `clear`.
    compiled: Arc<[Pattern]>,
}

/// A place on a walk down a tree: which patterns are where.
///
/// A step costs time in proportion to the segments that are alive, never to the depth; where no pattern can change
/// its answer any more, it costs nothing.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    selection: &'a Selection,
    states: Arc<[States]>,
    settled: bool,
}

/// Which patterns have covered something so far.
#[derive(Clone, Debug)]
pub struct Usage<'a> {
    selection: &'a Selection,
    used: Vec<bool>,
}

/// A [`Selection`] applied to a whole document.
#[derive(Clone, Debug)]
pub struct Coverage {
    secret: Vec<bool>,
    unused: Vec<String>,
}

impl Selection {
    /// Parses both lists.
    ///
    /// # Errors
    /// [`PatternError`] for the first that does not parse.
    pub fn parse(encrypt: &[String], clear: &[String]) -> Result<Self, PatternError> {
        let mut compiled = Vec::with_capacity(encrypt.len() + clear.len());
        let mut segments = 0;
        for text in encrypt.iter().chain(clear) {
            let pattern = Pattern::parse(text)?;
            segments += pattern.len();
            if segments > MAX_SEGMENTS_OF_ALL {
                let reason = "this rule's patterns have more than 1024 segments together";
                return Err(PatternError { pattern: text.clone(), at: 1, reason });
            }
            compiled.push(pattern);
        }
        Ok(Self { encrypt: encrypt.to_vec(), clear: clear.to_vec(), compiled: compiled.into() })
    }

    /// The patterns as they were: `encrypt`, `clear`.
    #[must_use]
    pub fn patterns(&self) -> (&[String], &[String]) {
        (&self.encrypt, &self.clear)
    }

    /// Whether the leaf at `path` is secret. For many leaves, walk with [`Selection::start`].
    #[must_use]
    pub fn covers(&self, path: &[Step]) -> bool {
        path.iter().fold(self.start(), |cursor, step| cursor.enter(step)).is_secret()
    }

    /// The root of a document.
    #[must_use]
    pub fn start(&self) -> Cursor<'_> {
        Cursor::new(self, self.compiled.iter().map(Pattern::start).collect())
    }

    /// A count of used patterns that has seen nothing yet.
    #[must_use]
    pub fn usage(&self) -> Usage<'_> {
        Usage { selection: self, used: vec![false; self.compiled.len()] }
    }

    /// Applies the selection to every node, in one pass.
    #[must_use]
    pub fn over(&self, document: &Document) -> Coverage {
        let mut walk = Walk {
            document,
            secret: vec![false; document.nodes.len()],
            usage: self.usage(),
            cursors: vec![None; document.nodes.len()],
        };
        for part in &document.parts {
            walk.reach(part.root, self.start());
        }
        for id in document.ids() {
            walk.descend(id);
        }
        let unused = walk.usage.unused().map(str::to_owned).collect();
        Coverage { secret: walk.secret, unused }
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            encrypt: vec!["**".to_owned()],
            clear: Vec::new(),
            compiled: Arc::new([Pattern::everything()]),
        }
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.patterns() == other.patterns()
    }
}

impl Eq for Selection {}

impl<'a> Cursor<'a> {
    fn new(selection: &'a Selection, states: Arc<[States]>) -> Self {
        let settled =
            selection.compiled.iter().zip(&*states).all(|(pattern, states)| pattern.is_settled(*states));
        Self { selection, states, settled }
    }

    /// One step further down.
    #[must_use]
    pub fn enter(&self, step: &Step) -> Self {
        self.down(step.into())
    }

    /// The place under that key of a map.
    #[must_use]
    pub fn enter_key(&self, key: &str) -> Self {
        self.down(Down::Key(key))
    }

    /// The place of that element of a list, counted from 0.
    #[must_use]
    pub fn enter_index(&self, index: usize) -> Self {
        self.down(Down::Index(index))
    }

    /// Whether a leaf here is secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        let encrypt = self.selection.encrypt.len();
        let mut secret = false;
        for (at, covers) in self.covering().enumerate().filter(|(_, covers)| *covers) {
            if at >= encrypt {
                return false;
            }
            secret |= covers;
        }
        secret
    }

    /// The pattern that decides about a leaf here: the first of `clear` that covers it, else the first of `encrypt`.
    /// `None` where no pattern covers it: it is clear.
    #[must_use]
    pub fn decided_by(&self) -> Option<&'a str> {
        let (encrypt, clear) = (&self.selection.encrypt, &self.selection.clear);
        let patterns = encrypt.iter().chain(clear).zip(self.covering()).enumerate();
        let mut sealing = None;
        for (at, (pattern, _)) in patterns.filter(|(_, (_, covers))| *covers) {
            if at >= encrypt.len() {
                return Some(pattern);
            }
            sealing.get_or_insert(pattern.as_str());
        }
        sealing
    }

    fn covering(&self) -> impl Iterator<Item = bool> {
        self.selection.compiled.iter().zip(&*self.states).map(|(pattern, states)| pattern.covers(*states))
    }

    fn down(&self, step: Down<'_>) -> Self {
        if self.settled {
            return self.clone();
        }
        let patterns = self.selection.compiled.iter().zip(&*self.states);
        Self::new(self.selection, patterns.map(|(pattern, states)| pattern.enter(*states, step)).collect())
    }
}

impl<'a> Usage<'a> {
    /// Takes note of a leaf.
    pub fn record(&mut self, leaf: &Cursor<'_>) {
        for (used, covers) in self.used.iter_mut().zip(leaf.covering()) {
            *used |= covers;
        }
    }

    /// The patterns that covered no leaf, `encrypt` first. Whether another pattern covered it as well does not matter.
    pub fn unused(&self) -> impl Iterator<Item = &'a str> + use<'a, '_> {
        let (encrypt, clear) = self.selection.patterns();
        let patterns = encrypt.iter().chain(clear).zip(&self.used);
        patterns.filter(|(_, used)| !**used).map(|(pattern, _)| pattern.as_str())
    }
}

impl Coverage {
    /// Whether a leaf in this place is secret. Answers for aliases and zero-width values too, by their place.
    #[must_use]
    pub fn is_secret(&self, id: NodeId) -> bool {
        self.secret.get(id.index()).copied().unwrap_or_default()
    }

    /// The patterns that cover no leaf of the document, `encrypt` first.
    #[must_use]
    pub fn unused(&self) -> &[String] {
        &self.unused
    }
}

/// The one pass of [`Selection::over`]. A parent stands before its children in the arena, so its cursor is there when
/// it is needed; only containers get one, and only until their children have theirs.
struct Walk<'a> {
    document: &'a Document,
    secret: Vec<bool>,
    usage: Usage<'a>,
    cursors: Vec<Option<Cursor<'a>>>,
}

impl<'a> Walk<'a> {
    fn reach(&mut self, id: NodeId, cursor: Cursor<'a>) {
        if let Some(secret) = self.secret.get_mut(id.index()) {
            *secret = cursor.is_secret();
        }
        if self.document.is_leaf(id) {
            self.usage.record(&cursor);
        } else if let Some(place) = self.cursors.get_mut(id.index()) {
            *place = Some(cursor);
        }
    }

    fn descend(&mut self, id: NodeId) {
        let Some(cursor) = self.cursors.get_mut(id.index()).and_then(Option::take) else { return };
        match &self.document.node(id).kind {
            Kind::Map(entries) => {
                for entry in entries {
                    self.reach(entry.value, cursor.enter_key(&entry.key.text));
                }
            }
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.reach(*item, cursor.enter_index(index));
                }
            }
            Kind::Scalar(_) | Kind::Alias(_) | Kind::Empty => {}
        }
    }
}

/// Bounds the work of one step.
const MAX_SEGMENTS_OF_ALL: usize = 1024;
