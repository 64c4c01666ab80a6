//! A SOPS file is read, its data key unwrapped, every token opened and the MAC compared.

use super::blocks;
use crate::document::{Document, FormatCode, NodeId, Span, Splice, Style, Tree, Value, apply};
use crate::envelope::sops::{
    Damage, ENTRY, Gcm, Item, Mac, Meaning, Metadata, Outline, Slot, SopsError, Token, Type, What, combine,
    damaged, entry_of, is_token, meaning,
};
use crate::file::FileError;
use crate::format::gate::GateError;
use crate::format::{Format, Limits, stores};
use crate::keys::{Keyring, Recipient, Stanza, WrapContext};
use crate::parallel;
use crate::secret::{DataKey, SecretBytes, SecretString, SecretText};

/// A SOPS file that was read and not yet authenticated.
pub struct SopsFile {
    pub(super) format: &'static dyn Format,
    pub(super) document: Document,
    pub(super) metadata: Metadata,
    pub(super) outline: Outline,
}

/// A SOPS file that was authenticated and opened.
pub struct OpenSops {
    pub(super) file: SopsFile,
    pub(super) key: DataKey,
    /// What each slot of the file's outline holds.
    pub(super) items: Vec<Option<Item>>,
    pub(super) plain: Document,
    pub(super) outline: Outline,
    pub(super) sealed_comments: Vec<usize>,
}

impl std::fmt::Debug for SopsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SopsFile").field("format", &self.format.name()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OpenSops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenSops").field("file", &self.file).finish_non_exhaustive()
    }
}

impl SopsFile {
    /// Reads a sealed text: limits, syntax, metadata. No key is needed.
    ///
    /// # Errors
    /// [`SopsError::NotSealed`] where there is no metadata; else what is not in order.
    pub fn parse(text: &str, format: &'static dyn Format, limits: &Limits) -> Result<Self, FileError> {
        Self::read(text.into(), format, limits)
    }

    /// The same for a text whose memory is shared.
    ///
    /// # Errors
    /// As [`SopsFile::parse`].
    pub fn read(text: SecretText, format: &'static dyn Format, limits: &Limits) -> Result<Self, FileError> {
        let format = stores::of(format);
        let document = format.read(text, &sealed_limits(limits))?;
        let metadata = Metadata::read(&entry(&document)?.ok_or(SopsError::NotSealed)?)?;
        let outline = Outline::of(&document, &metadata.selector)?;
        Ok(Self { format, document, metadata, outline })
    }

    /// Whether a text carries SOPS' metadata, by a parse that looks no further.
    ///
    /// # Errors
    /// [`FileError::Parse`] where it does not parse.
    pub fn is_sealed(text: &str, format: &'static dyn Format, limits: &Limits) -> Result<bool, FileError> {
        if !text.contains(ENTRY) {
            return Ok(false);
        }
        let document = stores::of(format).parse(text, &sealed_limits(limits))?;
        Ok(entry(&document)?.is_some())
    }

    /// The metadata; but for the time of change, nothing in it is authenticated, ever.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The sealed text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.document.source
    }

    /// The sealed text, parsed.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// What reads and changes the opened text: it sees the values that SOPS sees, which in dotenv and INI files are
    /// others than the native envelope's.
    #[must_use]
    pub fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// Who can open it, by its metadata, group by group.
    #[must_use]
    pub fn recipients(&self) -> Vec<Vec<Recipient>> {
        let group = |group: &Vec<_>| group.iter().map(recipient).collect();
        self.metadata.groups.iter().map(group).collect()
    }

    /// The wraps, group by group.
    #[must_use]
    pub fn stanzas(&self) -> Vec<Vec<Stanza>> {
        let group = |group: &Vec<_>| group.iter().map(crate::envelope::sops::Key::stanza).collect();
        self.metadata.groups.iter().map(group).collect()
    }

    /// Unwraps the data key: with one key of the one group, or with one key of each of as many groups as are needed.
    ///
    /// # Errors
    /// [`FileError::Unwrap`] or [`FileError::Sops`].
    pub fn unwrap_key(&self, keyring: &Keyring<'_>) -> Result<DataKey, FileError> {
        let needed = self.metadata.needed();
        let groups = &self.metadata.groups;
        let fits = |group: usize, opened: &SecretBytes| match opened.expose().len() {
            SHARE_LENGTH => Ok(()),
            _ if groups.len() < 2 => Ok(()),
            length => {
                Err(format!("the share of group {} has {length} bytes instead of {SHARE_LENGTH}", group + 1))
            }
        };
        let (opened, failures) = keyring.unwrap_groups(&self.stanzas(), needed, &WrapContext::UNBOUND, &fits);
        let shares: Vec<SecretBytes> = opened.into_iter().map(|share| share.opened).collect();
        match shares.as_slice() {
            shares if shares.len() < needed && shares.is_empty() => Err(failures.into()),
            shares if shares.len() < needed => Err(SopsError::Groups { opened: shares.len(), needed }.into()),
            [key] if self.metadata.groups.len() == 1 => {
                let bytes = key.expose().try_into().map_err(|_| SopsError::KeyLength(key.expose().len()))?;
                Ok(DataKey::from_bytes(bytes))
            }
            shares => Ok(combine(shares).map_err(SopsError::from)?),
        }
    }

    /// Unwraps, opens and authenticates.
    ///
    /// # Errors
    /// [`FileError`]; no plaintext leaves then.
    pub fn open(self, keyring: &Keyring<'_>, limits: &Limits) -> Result<OpenSops, FileError> {
        let key = self.unwrap_key(keyring)?;
        self.open_with(key, limits)
    }

    /// Opens and authenticates with a data key at hand.
    ///
    /// # Errors
    /// [`FileError`]; no plaintext leaves then.
    pub fn open_with(self, key: DataKey, limits: &Limits) -> Result<OpenSops, FileError> {
        self.open_as(key, true, limits)
    }

    /// Unwraps and opens, and does not look at the MAC: values may have been moved, removed or exchanged with older ones.
    ///
    /// # Errors
    /// [`FileError`], also for every value that does not authenticate by itself.
    pub fn open_ignoring_mac(self, keyring: &Keyring<'_>, limits: &Limits) -> Result<OpenSops, FileError> {
        let key = self.unwrap_key(keyring)?;
        self.open_as(key, false, limits)
    }

    fn open_as(self, key: DataKey, is_whole: bool, limits: &Limits) -> Result<OpenSops, FileError> {
        let items = self.authenticate(&key, is_whole)?;
        let (plain, outline) = self.unseal(&items, limits)?;
        let sealed_comments = self.left_sealed(&items);
        Ok(OpenSops { file: self, key, items, plain, outline, sealed_comments })
    }

    /// What each slot holds, and with `is_whole` the MAC over it.
    pub(super) fn authenticate(&self, key: &DataKey, is_whole: bool) -> Result<Vec<Option<Item>>, FileError> {
        let gcm = Gcm::new(key);
        let mut mac = Mac::new(self.metadata.mac_only_encrypted);
        let slots = &self.outline.slots;
        let open = |(): &mut (), index: usize| match slots.get(index) {
            Some(slot) => self.open_slot(index, slot, &gcm),
            None => Ok(None),
        };
        let items: Vec<Option<Item>> =
            parallel::map(slots.len(), || (), open).into_iter().collect::<Result<_, _>>()?;
        for (item, slot) in items.iter().zip(slots) {
            if let (Some(item), What::Leaf(_)) = (item, &slot.what) {
                mac.add(item, slot.encrypted);
            }
        }
        if is_whole {
            mac.verify(&self.metadata.mac, &gcm, &self.metadata.modified())?;
        }
        Ok(items)
    }

    /// The comments that opened nowhere, by slot.
    pub(super) fn left_sealed(&self, items: &[Option<Item>]) -> Vec<usize> {
        let is_sealed = |(slot, item): &(&Slot, &Option<Item>)| slot.encrypted && item.is_none();
        let slots = self.outline.slots.iter().zip(items).enumerate();
        let comments = slots.filter(|(_, pair)| is_sealed(pair)).filter_map(|(at, (slot, _))| {
            matches!(slot.what, What::Comment(_) | What::Element(_) | What::Block(_)).then_some(at)
        });
        comments.filter(|at| self.is_sealed_comment(*at)).collect()
    }

    fn is_sealed_comment(&self, at: usize) -> bool {
        self.outline.slots.get(at).is_some_and(|slot| is_token(&self.text_of(slot)))
    }

    /// What stands in a slot: a comment behind its marker, a scalar's value.
    fn text_of(&self, slot: &Slot) -> SecretText {
        match &slot.what {
            What::Comment(index) => comment_span(&self.document, *index).of(&self.document.source).into(),
            What::Block(lines) => blocks::text(&self.document, lines),
            What::Leaf(id) | What::Element(id) | What::Nothing(id) => {
                let scalar = self.document.scalar(*id);
                let is_block =
                    scalar.is_some_and(|scalar| matches!(scalar.style, Style::Literal | Style::Folded));
                match scalar.map(|scalar| &scalar.value) {
                    // A block's last line break is not the token's.
                    Some(Value::Str(text)) if is_block => text.trim_end_matches('\n').into(),
                    Some(Value::Str(text)) => text.clone(),
                    _ => SecretText::default(),
                }
            }
        }
    }

    fn open_slot(&self, index: usize, slot: &Slot, gcm: &Gcm) -> Result<Option<Item>, FileError> {
        let id = match slot.what {
            What::Nothing(_) => return Ok(None),
            What::Comment(_) | What::Element(_) | What::Block(_) if !slot.encrypted => return Ok(None),
            What::Comment(_) | What::Element(_) | What::Block(_) => {
                return self.open_comment(index, slot, gcm);
            }
            What::Leaf(id) => id,
        };
        let fail = |damage| FileError::from(damaged(&self.document, id, damage));
        if !slot.encrypted {
            let found = meaning(self.document.format, self.document.node(id), &self.document.source);
            return Ok(match found {
                Ok(Meaning::Item(item)) => Some(item),
                _ => None,
            });
        }
        let text = self.text_of(slot);
        if !is_token(&text) {
            return Err(fail(Damage::Exposed));
        }
        if slot.aliased.is_some() {
            return Err(fail(Damage::Alias));
        }
        let token = Token::read(&text).map_err(fail)?;
        if token.kind == Type::Comment {
            return Err(fail(Damage::Comment));
        }
        token.open(gcm, &slot.aad).map(Some).map_err(fail)
    }

    /// Opens a comment; where it was moved, under the path of its neighbours. One that opens nowhere stays as it is.
    fn open_comment(&self, index: usize, slot: &Slot, gcm: &Gcm) -> Result<Option<Item>, FileError> {
        let Some(token) = Token::read(&self.text_of(slot)).ok().filter(|token| token.kind == Type::Comment)
        else {
            return Ok(None);
        };
        let before = self.outline.slots.get(..index).unwrap_or_default().iter().rev();
        let behind = self.outline.slots.get(index..).unwrap_or_default().iter();
        let mut tried = vec![&*slot.aad];
        let near =
            before.take(NEIGHBOURS).chain(behind.take(NEIGHBOURS)).flat_map(|slot| paths_above(&slot.aad));
        for path in near {
            if !tried.contains(&path) {
                tried.push(path);
            }
        }
        let opened = tried.into_iter().find_map(|path| token.open(gcm, path).ok());
        // A comment with a line break would put text into the file that nobody sealed as such.
        let may_break = match (&slot.what, self.document.format) {
            (What::Block(_), _) => &b"\n\r"[..],
            (_, FormatCode::Dotenv) => b"\r",
            _ => b"",
        };
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r') && !may_break.contains(byte);
        Ok(opened.filter(|item| !item.plain().iter().any(is_break)))
    }

    /// Puts everything back, takes the metadata out, and reads the result.
    pub(super) fn unseal(
        &self,
        items: &[Option<Item>],
        limits: &Limits,
    ) -> Result<(Document, Outline), FileError> {
        let mut simple = vec![false; items.len()];
        for _ in 0..2 {
            let text = self.unsealed(items, &simple)?;
            let plain = self.format.read(text, &Limits { leaf: usize::MAX, ..limits.clone() });
            let Ok(plain) = plain.map_err(GateError::Parse) else {
                simple.fill(true);
                continue;
            };
            let outline = Outline::of(&plain, &self.metadata.selector)?;
            match self.wrong(items, &plain, &outline) {
                Some(wrong) if wrong.is_empty() => return Ok((plain, outline)),
                Some(wrong) => {
                    for at in wrong {
                        simple.get_mut(at).into_iter().for_each(|place| *place = true);
                    }
                }
                None => simple.fill(true),
            }
        }
        let first = simple.iter().position(|it| *it).and_then(|at| self.outline.slots.get(at));
        let line = first.map_or(1, |slot| self.document.line_of(self.place(slot).start));
        Err(SopsError::NotKept { line }.into())
    }

    /// The text with everything put back; what `simple` names is written in the simplest way instead of as it was.
    pub(super) fn unsealed(&self, items: &[Option<Item>], simple: &[bool]) -> Result<SecretText, FileError> {
        let put_back = |(): &mut (), index: usize| -> Result<Vec<Splice>, FileError> {
            let (Some(slot), Some(Some(item))) = (self.outline.slots.get(index), items.get(index)) else {
                return Ok(Vec::new());
            };
            match &slot.what {
                _ if !slot.encrypted => Ok(Vec::new()),
                What::Leaf(id) => self.value(*id, item, simple.get(index).copied().unwrap_or_default()),
                What::Comment(comment) => {
                    Ok(vec![Splice::new(comment_span(&self.document, *comment), comment_text(item)?)])
                }
                What::Block(lines) => {
                    let put = blocks::unseal(&self.document, lines, &comment_text(item)?);
                    let line = || self.document.line_of(self.place(slot).start);
                    Ok(put.ok_or_else(|| SopsError::NotKept { line: line() })?)
                }
                What::Element(id) => Ok(vec![self.element(*id, item)?]),
                What::Nothing(_) => Ok(Vec::new()),
            }
        };
        let mut splices = Vec::with_capacity(items.len());
        for done in parallel::map(items.len(), || (), put_back) {
            splices.extend(done?);
        }
        let mut cuts = cuts_of(&self.document, self.format)?;
        cuts.extend(splices.iter().cloned());
        if let Ok(text) = apply(&self.document.source, &cuts) {
            return Ok(text);
        }
        // At the end of a file without a last line break, that of a block's last line is also the entry's.
        let text = apply(&self.document.source, &splices).map_err(GateError::Splice)?;
        let wide = Limits { file: usize::MAX, leaf: usize::MAX, leaves: usize::MAX, ..Limits::default() };
        let document = self.format.parse(&text, &wide)?;
        Ok(apply(&text, &cuts_of(&document, self.format)?).map_err(GateError::Splice)?)
    }

    fn value(&self, id: NodeId, item: &Item, simple: bool) -> Result<Vec<Splice>, FileError> {
        let document = &self.document;
        match item.value(document.format) {
            Some(value) if simple => Ok(self.format.unseal_default(document, id, &value)),
            Some(value) => Ok(self.format.put_value(document, id, &value, item.is_bare_string())),
            None if document.format == FormatCode::Yaml => {
                Ok(vec![Splice::new(document.node(id).span, binary(item.plain()))])
            }
            None => Err(damaged(document, id, Damage::Value("str")).into()),
        }
    }

    /// An element that is a comment's token becomes a comment: from its dash to its end.
    fn element(&self, id: NodeId, item: &Item) -> Result<Splice, FileError> {
        let span = self.document.node(id).span;
        let before = self.document.source.get(..span.start).unwrap_or_default().trim_end_matches(' ');
        let Some(list) = before.strip_suffix('-') else {
            return Err(damaged(&self.document, id, Damage::Comment).into());
        };
        let text = comment_text(item)?;
        let mut comment = SecretString::new(String::with_capacity(text.len() + 1));
        comment.push('#');
        comment.push_str(&text);
        Ok(Splice::new(Span::new(list.len(), span.end), comment))
    }

    /// The slots whose value did not come back; `None` where what is around them did not.
    fn wrong(&self, items: &[Option<Item>], plain: &Document, outline: &Outline) -> Option<Vec<usize>> {
        let is_value = |slot: &&Slot| matches!(slot.what, What::Leaf(_) | What::Nothing(_));
        let here = self.outline.slots.iter().enumerate().filter(|(_, slot)| is_value(slot));
        let there: Vec<&Slot> = outline.slots.iter().filter(is_value).collect();
        let same_count = self.outline.slots.len() == outline.slots.len();
        if !same_count || self.outline.shape != outline.shape {
            return None;
        }
        let mut wrong = Vec::new();
        for ((at, slot), other) in here.zip(there) {
            if slot.aad != other.aad || slot.encrypted != other.encrypted {
                return None;
            }
            let now = match other.what {
                What::Leaf(id) => meaning(plain.format, plain.node(id), &plain.source).ok()?,
                _ => Meaning::Nothing,
            };
            let same = match (items.get(at)?, now) {
                (Some(item), Meaning::Item(now)) => {
                    *item == now || is_same_number(item, &now) || self.is_same_line(item, &now)
                }
                (Some(item), Meaning::Nothing) => item.plain().is_empty(),
                (None, now) => matches!(now, Meaning::Nothing),
            };
            if !same {
                wrong.push(at);
            }
        }
        Some(wrong)
    }

    /// SOPS writes a backslash and an `n` into dotenv files as they are, and reads them as a line break.
    fn is_same_line(&self, item: &Item, now: &Item) -> bool {
        let text = |item: &Item| std::str::from_utf8(item.plain()).map(|text| text.replace("\\n", "\n"));
        self.document.format == FormatCode::Dotenv && text(item).is_ok_and(|own| Ok(own) == text(now))
    }

    fn place(&self, slot: &Slot) -> Span {
        place_of(&self.document, &slot.what)
    }
}

impl OpenSops {
    /// The opened text, parsed.
    #[must_use]
    pub fn plain(&self) -> &Document {
        &self.plain
    }

    /// The file it was opened from.
    #[must_use]
    pub fn sealed_file(&self) -> &SopsFile {
        &self.file
    }

    /// The data key.
    #[must_use]
    pub fn data_key(&self) -> &DataKey {
        &self.key
    }

    /// How many values are encrypted.
    #[must_use]
    pub fn sealed_values(&self) -> usize {
        self.file
            .outline
            .slots
            .iter()
            .filter(|slot| slot.encrypted && matches!(slot.what, What::Leaf(_)))
            .count()
    }

    /// The lines of comments that open nowhere near where they stand, and stay as they are.
    #[must_use]
    pub fn sealed_comments(&self) -> Vec<usize> {
        let slots = self.sealed_comments.iter().filter_map(|at| self.file.outline.slots.get(*at));
        slots.map(|slot| self.file.document.line_of(self.file.place(slot).start)).collect()
    }
}

/// What takes the metadata out of every part.
pub(super) fn cuts_of(document: &Document, format: &dyn Format) -> Result<Vec<Splice>, FileError> {
    let mut splices = Vec::new();
    for part in 0..document.parts.len() {
        let cut = format.cut_entry(document, part, ENTRY).map_err(|error| edit_error(document, error))?;
        splices.extend(cut.map(|cut| cut.splices).unwrap_or_default());
    }
    Ok(splices)
}

/// JSON has one type of number: what SOPS 3.11 wrote as a float may be read as an integer again.
fn is_same_number(a: &Item, b: &Item) -> bool {
    let is_number = |item: &Item| matches!(item.kind(), Type::Int | Type::Float);
    let is_text = |item: &Item| matches!(item.kind(), Type::Str | Type::Time);
    (is_number(a) && is_number(b) || is_text(a) && is_text(b)) && a.hashed() == b.hashed()
}

/// The metadata entry: of the first document; every other one's must be the same.
fn entry(document: &Document) -> Result<Option<Tree>, FileError> {
    let mut found: Option<Tree> = None;
    for (part, place) in document.parts.iter().enumerate() {
        let Some(tree) = entry_of(document, place.root)?.filter(Metadata::is_one) else { continue };
        match &found {
            None if part > 0 => return Ok(None),
            None => found = Some(tree),
            Some(first) if *first == tree => {}
            Some(_) => {
                return Err(SopsError::Metadata("the file's documents have different ones".to_owned()).into());
            }
        }
    }
    Ok(found)
}

/// Where a slot's content stands.
pub(super) fn place_of(document: &Document, what: &What) -> Span {
    match what {
        What::Leaf(id) | What::Nothing(id) | What::Element(id) => document.node(*id).span,
        What::Comment(index) => comment_span(document, *index),
        What::Block(lines) => comment_span(document, lines.start),
    }
}

fn recipient(key: &crate::envelope::sops::Key) -> Recipient {
    key.stanza().recipient
}

/// A comment without its marker.
pub(super) fn comment_span(document: &Document, index: usize) -> Span {
    document.comments.get(index).map_or_else(Span::default, |comment| {
        Span::new(comment.span.start + usize::from(comment.marker), comment.span.end)
    })
}

fn comment_text(item: &Item) -> Result<SecretText, FileError> {
    let text = std::str::from_utf8(item.plain()).map(SecretText::from);
    text.map_err(|_| SopsError::Metadata("a comment is no text".to_owned()).into())
}

/// `!!binary` and base64.
fn binary(bytes: &[u8]) -> SecretText {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("!!binary {encoded}").into()
}

pub(super) fn edit_error(document: &Document, source: crate::format::EditError) -> GateError {
    GateError::Edit { line: document.line_of(source.offset), source }
}

/// A path and all above it.
fn paths_above(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices(':').map(|(at, _)| at + 1);
    std::iter::once(":").chain(ends.filter_map(|end| path.get(..end)))
}

/// Tokens are longer than what they hold, and metadata has leaves of its own.
pub(super) fn sealed_limits(limits: &Limits) -> Limits {
    Limits {
        file: limits.file.saturating_mul(4),
        leaf: limits.leaf.saturating_mul(4),
        leaves: limits.leaves.saturating_mul(4),
        ..limits.clone()
    }
}

/// Under the paths of how many neighbours in each direction a moved comment is tried.
const NEIGHBOURS: usize = 4;

/// The length of a share in bytes: one value for each of the key's, and the abscissa.
const SHARE_LENGTH: usize = 33;
