//! Reads and authenticates a sealed file (`docs/design/format-v1.md`, sections 6 to 9 and 12).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::error::{EnvelopeError, Places, Where};
use super::metadata::Header;
use super::payload::{Payload, be32, decode, value_parts};
use super::select::{check_free, enforce, marked};
use super::structure::{Ids, Place, Section, Structure, build};
use super::subkeys::{CoreKeys, Root, Subkeys};
use super::token::{self, ANY_PREFIX, Tail, Token};
use crate::crypto::{self, Hm};
use crate::document::{Comment, Document, FormatCode, NodeId, Spelling, Style, Tree, Value};
use crate::parallel;
use crate::policy::{Cleartext, Comments};
use crate::secret::{DataKey, SecretText};

/// A sealed file that was read and not yet authenticated.
#[derive(Debug)]
pub struct Sealed {
    /// The file without its metadata.
    pub body: Document,
    /// The metadata.
    pub header: Header,
    pub(super) leaves: Vec<Option<Token>>,
    pub(super) comments: Vec<Option<Token>>,
    pub(super) structure: Structure,
}

/// Whether a file is one version, or authentic pieces of several (section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A complete version that a key holder wrote.
    Sealed,
    /// Pieces that key holders wrote, in a combination none of them wrote: a text merge.
    Linked,
}

/// What an authenticated file holds.
#[derive(Debug)]
pub struct Authentic {
    /// Token's node, value and spelling.
    pub leaves: Vec<(NodeId, Value, Spelling)>,
    /// Comment's index, and everything behind its marker; by index.
    pub comments: Vec<(usize, SecretText)>,
    /// One version or a mix.
    pub state: State,
}

/// What hand editing changed in a sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A leaf that the rule seals stands in clear: new, or in place of a token.
    Clear(Where),
    /// Something between the start and the first token was added, changed or removed.
    Start,
    /// Something between this token and the next was added, changed or removed.
    Behind(Where),
    /// Cleartext values were added, changed or removed.
    Cleartext,
}

impl Sealed {
    /// Reads tokens and metadata strictly, without a key.
    ///
    /// # Errors
    /// [`EnvelopeError`] for whatever is not in its one form.
    pub fn parse(body: Document, entry: &Tree) -> Result<Self, EnvelopeError> {
        let header = Header::from_tree(entry)?;
        if header.format != body.format {
            return Err(EnvelopeError::Format { expected: header.format.name(), found: body.format.name() });
        }
        let numbers = |index| NodeId(u32::try_from(index).unwrap_or(u32::MAX));
        let leaves = parallel::map(body.nodes.len(), || (), |(), index| leaf_token(&body, numbers(index)));
        let leaves = leaves.into_iter().collect::<Result<Vec<_>, _>>()?;
        let comments = match header.policy.comments {
            Comments::Encrypt => (0..body.comments.len())
                .map(|index| comment_token(&body, index))
                .collect::<Result<Vec<_>, _>>()?,
            _ => vec![None; body.comments.len()],
        };
        if let Some(comment) = body.comments.iter().find(|comment| has_odd_character(&body, comment)) {
            return Err(EnvelopeError::CommentCharacter { line: body.line_of(comment.span.start) });
        }
        if header.policy.cleartext == Cleartext::Free {
            check_free(&body, &|id| leaves[id.index()].is_some())?;
        }
        let ids = Ids {
            leaves: leaves.iter().map(|token| token.as_ref().map(Token::ids)).collect(),
            comments: comments.iter().map(|token| token.as_ref().map(Token::ids)).collect(),
        };
        let structure = build(&body, &ids, header.policy.cleartext).map_err(|error| {
            EnvelopeError::Token { at: Where::of(&body, error.place), reason: error.reason }
        })?;
        Ok(Self { body, header, leaves, comments, structure })
    }

    /// The token at a place.
    pub(super) fn token(&self, place: Place) -> Option<&Token> {
        match place {
            Place::Leaf(id) => self.leaves.get(id.index())?.as_ref(),
            Place::Comment(index) => self.comments.get(index)?.as_ref(),
        }
    }

    /// Whether the node is a token.
    #[must_use]
    pub fn is_token(&self, id: NodeId) -> bool {
        self.leaves.get(id.index()).is_some_and(Option::is_some)
    }

    /// Every record with a public name, in the order of section 8: policy, head, tokens and comments, sections.
    pub(super) fn tails(&self) -> Vec<Tail> {
        let tokens = self.structure.records.iter().filter_map(|record| Some(self.token(record.place)?.tail));
        let sections = self.header.sections.iter().map(|(_, tail)| *tail);
        [self.header.record, self.header.head].into_iter().chain(tokens).chain(sections).collect()
    }

    /// The highest number of any record.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.tails().iter().map(|tail| tail.n).max().unwrap_or(0)
    }

    /// Authenticates everything and opens every value, in the order of section 12: commitment, policy, links, head,
    /// sections, values, rule, seal. Ids were checked by [`Sealed::parse`].
    ///
    /// # Errors
    /// [`EnvelopeError`] for the first thing that does not authenticate.
    pub fn authenticate(&self, key: &DataKey) -> Result<Authentic, EnvelopeError> {
        let root = Root::new(key, &self.header.fid, self.header.epoch);
        if !root.is_committed(&self.header.commitment) {
            return Err(EnvelopeError::Commitment);
        }
        let subkeys = root.subkeys();
        if !same(&policy_tag(&subkeys, &self.header, self.header.record.n), &self.header.record.tag) {
            return Err(EnvelopeError::Policy);
        }
        let keys = root.core_keys(&self.header.core());
        let records = self.read_all(&subkeys, Some(&keys));
        self.check_links(&keys, &records)?;
        self.check_sections(&keys)?;
        let (leaves, comments) = self.opened(records)?;
        let marked = marked(&self.body, &self.header.policy.selection);
        enforce(&self.body, &marked, &|id| self.is_token(id))?;
        let state = if self.is_sealed(&keys) { State::Sealed } else { State::Linked };
        Ok(Authentic { leaves, comments, state })
    }

    /// Opens what is left of a file that was edited by hand: commitment, policy and every remaining token must
    /// authenticate; links, sections and the rule need not. Says what differs.
    ///
    /// # Errors
    /// [`EnvelopeError`] for the first thing that must authenticate and does not.
    pub fn salvage(&self, key: &DataKey) -> Result<(Authentic, Vec<Difference>), EnvelopeError> {
        let root = Root::new(key, &self.header.fid, self.header.epoch);
        if !root.is_committed(&self.header.commitment) {
            return Err(EnvelopeError::Commitment);
        }
        let subkeys = root.subkeys();
        if !same(&policy_tag(&subkeys, &self.header, self.header.record.n), &self.header.record.tag) {
            return Err(EnvelopeError::Policy);
        }
        let (leaves, comments) = self.opened(self.read_all(&subkeys, None))?;
        let differences = self.differences(&root.core_keys(&self.header.core()));
        Ok((Authentic { leaves, comments, state: State::Linked }, differences))
    }

    fn differences(&self, keys: &CoreKeys) -> Vec<Difference> {
        let (mut found, places) = (Vec::new(), Places::new(&self.body));
        let marked = marked(&self.body, &self.header.policy.selection);
        for id in self.body.ids().filter(|id| marked[id.index()] && !self.is_token(*id)) {
            if self.body.is_leaf(id) && self.body.node(id).sealable {
                found.push(Difference::Clear(places.of(Place::Leaf(id))));
            }
        }
        if !same(&head_tag(keys, &self.structure, self.header.head.n), &self.header.head.tag) {
            found.push(Difference::Start);
        }
        for (index, record) in self.structure.records.iter().enumerate() {
            let fits = self.token(record.place).is_some_and(|token| {
                same(&link_tag(keys, &token.vp(), &self.structure, index, token.tail.n), &token.tail.tag)
            });
            if !fits {
                found.push(Difference::Behind(places.of(record.place)));
            }
        }
        if self.check_sections(keys).is_err() {
            found.push(Difference::Cleartext);
        }
        found
    }

    /// Checks the link of every record, with `keys`, and opens it. What is opened may be used once everything else is
    /// authenticated too.
    fn read_all(&self, subkeys: &Subkeys, keys: Option<&CoreKeys>) -> Vec<Read> {
        let structure = &self.structure;
        parallel::map(
            structure.records.len(),
            Zeroizing::default,
            |buffer: &mut Zeroizing<Vec<u8>>, index| {
                let token = structure.records.get(index).and_then(|record| self.token(record.place));
                let Some(token) = token else { return Read { linked: false, payload: None } };
                let (vp, n) = (token.vp(), token.tail.n);
                let linked =
                    keys.is_none_or(|keys| same(&link_tag(keys, &vp, structure, index, n), &token.tail.tag));
                Read { linked, payload: open_token(subkeys, &vp, structure.path(index), buffer) }
            },
        )
    }

    fn check_links(&self, keys: &CoreKeys, read: &[Read]) -> Result<(), EnvelopeError> {
        let records = self.structure.records.iter().zip(read);
        if let Some((record, _)) = records.into_iter().find(|(_, read)| !read.linked) {
            return Err(EnvelopeError::Link { at: Where::of(&self.body, record.place) });
        }
        let head = &self.header.head;
        if same(&head_tag(keys, &self.structure, head.n), &head.tag) {
            Ok(())
        } else {
            Err(EnvelopeError::Head)
        }
    }

    fn check_sections(&self, keys: &CoreKeys) -> Result<(), EnvelopeError> {
        if self.structure.sections.len() != self.header.sections.len() {
            return Err(EnvelopeError::Sections);
        }
        for (section, (name, tail)) in self.structure.sections.iter().zip(&self.header.sections) {
            if section.text != *name {
                return Err(EnvelopeError::Sections);
            }
            if !same(&section_tag(keys, &self.body, section, tail.n), &tail.tag) {
                return Err(EnvelopeError::Section { section: name.clone() });
            }
        }
        Ok(())
    }

    #[expect(clippy::type_complexity, reason = "two lists of the public struct, named there")]
    fn opened(
        &self,
        read: Vec<Read>,
    ) -> Result<(Vec<(NodeId, Value, Spelling)>, Vec<(usize, SecretText)>), EnvelopeError> {
        let (mut leaves, mut comments) = (Vec::with_capacity(read.len()), Vec::new());
        for (record, Read { payload, .. }) in self.structure.records.iter().zip(read) {
            match (record.place, payload) {
                (Place::Leaf(id), Some(Payload::Leaf(_, spelling)))
                    if !quotes_fit(&self.body, id, &spelling) =>
                {
                    let reason = "it stands in other quotes than its value did";
                    return Err(EnvelopeError::Token { at: Where::of(&self.body, record.place), reason });
                }
                // Type 07 is a whole file's, and nothing else is.
                (Place::Leaf(_), Some(Payload::Leaf(value, _)))
                    if matches!(value, Value::Bytes(_)) != (self.body.format == FormatCode::Binary) =>
                {
                    return Err(EnvelopeError::Value { at: Where::of(&self.body, record.place) });
                }
                (Place::Leaf(id), Some(Payload::Leaf(value, spelling))) => leaves.push((id, value, spelling)),
                (Place::Comment(index), Some(Payload::Comment(text))) => comments.push((index, text)),
                _ => return Err(EnvelopeError::Value { at: Where::of(&self.body, record.place) }),
            }
        }
        // Of a TOML file the stream order is not the order of positions, in which comments are put back.
        comments.sort_unstable_by_key(|(index, _)| *index);
        Ok((leaves, comments))
    }

    fn is_sealed(&self, keys: &CoreKeys) -> bool {
        let tails = self.tails();
        let newest = self.newest();
        let seal = seal_tag(keys, newest, &tails);
        tails.iter().filter(|tail| tail.n == newest).all(|tail| same(&tail.seal, &seal))
    }
}

/// What became of one record.
struct Read {
    linked: bool,
    /// `None` where it does not authenticate or its payload is not in its one form.
    payload: Option<Payload>,
}

/// Opens the `VP` of one token under its path, in a buffer that is used for one after the other.
pub(super) fn open_token(
    subkeys: &Subkeys,
    vp: &[u8],
    path: &[u8],
    buffer: &mut Zeroizing<Vec<u8>>,
) -> Option<Payload> {
    let (nonce, sealed) = token::sealed(vp)?;
    let (sealed, tag) = sealed.split_last_chunk()?;
    buffer.clear();
    buffer.extend_from_slice(sealed);
    crypto::open_in_place(&subkeys.value, nonce, buffer, tag, path).ok()?;
    decode(buffer).ok()
}

/// `policy`'s tag (section 9).
pub(super) fn policy_tag(subkeys: &Subkeys, header: &Header, n: u32) -> [u8; 16] {
    Hm::new(&subkeys.policy).part(&header.tlv(n)).tag()
}

/// `link_i` (section 6).
pub(super) fn link_tag(keys: &CoreKeys, vp: &[u8], structure: &Structure, index: usize, n: u32) -> [u8; 16] {
    let begun = keys.link.clone().part(&n.to_be_bytes());
    begun.part(structure.path(index)).part(vp).part(structure.segment(Some(index))).tag()
}

/// `head`'s tag (section 6).
pub(super) fn head_tag(keys: &CoreKeys, structure: &Structure, n: u32) -> [u8; 16] {
    keys.link
        .clone()
        .part(&n.to_be_bytes())
        .part(b"")
        .part(b"head")
        .joined(&[structure.segment(None), &[0x0C], &structure.lead])
        .tag()
}

/// A section's tag (section 7).
pub(super) fn section_tag(keys: &CoreKeys, document: &Document, section: &Section, n: u32) -> [u8; 16] {
    let mut mac = keys.clear.clone().part(&n.to_be_bytes()).part(&section.name).part(&section.next);
    for (path, id) in &section.leaves {
        let value = clear_value(document, *id);
        let (code, bytes) = value_parts(&value);
        mac = mac.part(path).joined(&[&[code], &be32(bytes.len()), bytes]);
    }
    mac.tag()
}

/// `seal` over all records (section 8).
pub(super) fn seal_tag(keys: &CoreKeys, newest: u32, tails: &[Tail]) -> [u8; 16] {
    let mut mac = keys.seal.clone().part(&newest.to_be_bytes());
    for tail in tails {
        let n = tail.n.to_be_bytes();
        mac = if tail.n < newest {
            mac.joined(&[&n, &tail.tag, &tail.seal])
        } else {
            mac.joined(&[&n, &tail.tag])
        };
    }
    mac.tag()
}

/// What a section says of a clear leaf: its value. In dotenv and INI, whose quotes are part of what programs read, the
/// text as it is written, quotes and all, with `\n` for every line break.
fn clear_value(document: &Document, id: NodeId) -> Value {
    match document.scalar(id) {
        Some(scalar) if is_raw(document) => {
            Value::Str(scalar.token.of(&document.source).replace("\r\n", "\n").into())
        }
        _ => document.value(id).unwrap_or(Value::Null),
    }
}

/// Whether a token stands in the quotes of what it replaced. In dotenv and INI they decide what is read behind it.
fn quotes_fit(document: &Document, id: NodeId, spelling: &Spelling) -> bool {
    !is_raw(document) || document.scalar(id).is_some_and(|scalar| scalar.style as u8 == spelling.style())
}

fn is_raw(document: &Document) -> bool {
    matches!(document.format, FormatCode::Dotenv | FormatCode::Ini)
}

fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.ct_eq(b).into()
}

/// A leaf that begins like a token must be one, written as exactly that text, with or without quotes.
fn leaf_token(body: &Document, id: NodeId) -> Result<Option<Token>, EnvelopeError> {
    let Some(scalar) = body.scalar(id) else { return Ok(None) };
    let Value::Str(text) = &scalar.value else { return Ok(None) };
    if !text.starts_with(ANY_PREFIX) {
        return Ok(None);
    }
    let fail = |reason| EnvelopeError::Token { at: Where::of(body, Place::Leaf(id)), reason };
    let quotes = match scalar.style {
        Style::Plain => 0,
        Style::Single | Style::Double | Style::Backtick => 2,
        _ => return Err(fail("a token cannot stand in a block or multi-line text")),
    };
    if scalar.token.end - scalar.token.start != text.len() + quotes {
        return Err(fail("a token cannot hold escapes or line breaks"));
    }
    Token::parse(text).map(Some).map_err(|error| fail(error.0))
}

/// In a file that encrypts comments each one is a token, but for those that programs look for.
fn comment_token(body: &Document, index: usize) -> Result<Option<Token>, EnvelopeError> {
    let Some(comment) = body.comments.get(index) else { return Ok(None) };
    if is_public_comment(body, comment) {
        return Ok(None);
    }
    let text = comment_text(body, comment);
    match text.strip_prefix(' ').filter(|text| text.starts_with(ANY_PREFIX)) {
        Some(text) => Token::parse(&text.into()).map(Some).map_err(|error| EnvelopeError::Token {
            at: Where::of(body, Place::Comment(index)),
            reason: error.0,
        }),
        None => Err(EnvelopeError::ExposedComment { line: body.line_of(comment.span.start) }),
    }
}

/// Everything behind a comment's marker.
#[must_use]
pub fn comment_text<'a>(document: &'a Document, comment: &Comment) -> &'a str {
    let start = comment.span.start + usize::from(comment.marker);
    document.source.get(start..comment.span.end).unwrap_or_default()
}

/// Comments that stay in clear: `#!…` and `#cloud-config` in the first line, and `# yaml-language-server:`.
#[must_use]
pub fn is_public_comment(document: &Document, comment: &Comment) -> bool {
    let text = comment.span.of(&document.source);
    let is_first =
        document.source.trim_start_matches('\u{feff}').len() + comment.span.start == document.source.len();
    (is_first && (text.starts_with("#!") || text == "#cloud-config"))
        || text.starts_with("# yaml-language-server:")
}

/// Whether a comment that stays in clear holds what other parsers take for a line break, or a control character.
/// Block comments hold line breaks of their own.
pub(super) fn has_odd_character(document: &Document, comment: &Comment) -> bool {
    let text = comment.span.of(&document.source);
    let is_block = text.starts_with("/*");
    text.chars().any(|c| match c {
        '\t' => false,
        '\n' | '\r' => !is_block,
        '\u{85}' | '\u{2028}' | '\u{2029}' => true,
        other => other.is_control(),
    })
}
