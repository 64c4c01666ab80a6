//! Seals a document: new tokens for what is new, the old ones for what stayed, links, sections and the travelling seal
//! (`docs/design/format-v1.md`, sections 5 to 8 and 11).

use std::collections::HashMap;

use super::error::EnvelopeError;
use super::ids::{self, Assigned};
use super::metadata::{Group, Header};
use super::payload::{Payload, encode};
use super::read::{
    Authentic, Sealed, comment_text, head_tag, is_public_comment, link_tag, policy_tag, seal_tag, section_tag,
};
use super::records::RecordKey;
use super::select::{check_clear, check_free, enforce, marked};
use super::structure::{Place, Structure, build};
use super::subkeys::{CoreKeys, Root, Subkeys};
use super::token::{self, Tail, Token};
use crate::crypto;
use crate::document::{Document, NodeId, Spelling, Tree};
use crate::parallel;
use crate::policy::{Cleartext, Comments, Padding, Policy};
use crate::secret::{DataKey, RandomError, fill_random};

/// The version that a new one follows.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// It, sealed.
    pub sealed: &'a Sealed,
    /// Its opened text; its nodes have the same ids as the sealed body's.
    pub plain: &'a Document,
    /// Its values.
    pub authentic: &'a Authentic,
    /// Whether its tokens may stay: not where the data key changes.
    pub keep: bool,
}

/// Everything a writer needs.
pub struct Writing<'a> {
    /// The plain document.
    pub document: &'a Document,
    /// How the document's source writes a leaf.
    pub spelling: &'a (dyn Fn(NodeId) -> Spelling + Sync),
    /// How the old version's opened source writes a leaf.
    pub old_spelling: &'a (dyn Fn(NodeId) -> Spelling + Sync),
    /// The rule.
    pub policy: Policy,
    /// The recipients with their wraps.
    pub groups: Vec<Group>,
    /// How many of them are needed.
    pub threshold: u32,
    /// The file's id.
    pub fid: [u8; 16],
    /// The data key's number.
    pub epoch: u32,
    /// The data key.
    pub key: &'a DataKey,
    /// The version before, if there is one.
    pub before: Option<Before<'a>>,
    /// A record to write anew although it did not change: how `reseal` makes one version of a merge.
    pub touch: Option<RecordKey>,
}

/// What is to be spliced in.
#[derive(Debug)]
pub struct Written {
    /// Leaf, token, and the spelling inside the token.
    pub leaves: Vec<(NodeId, String, Spelling)>,
    /// Comment's index and token.
    pub comments: Vec<(usize, String)>,
    /// The metadata.
    pub header: Header,
    /// The metadata as a tree.
    pub entry: Tree,
    /// How many tokens are new.
    pub fresh: usize,
}

impl Writing<'_> {
    /// Seals.
    ///
    /// # Errors
    /// [`EnvelopeError`] where the rule would leave something secret in clear, something clear cannot stand there, or
    /// the counter is at its end.
    pub fn write(self) -> Result<Written, EnvelopeError> {
        let root = Root::new(self.key, &self.fid, self.epoch);
        let newest = self.before.map_or(0, |before| before.sealed.newest());
        let n = newest.checked_add(1).ok_or(EnvelopeError::Exhausted)?;
        let secret = self.secret()?;
        let assigned = ids::assign(self.document, &secret.0, &secret.1, self.before)?;
        let structure = build(self.document, &assigned.ids, self.policy.cleartext)
            .map_err(|_| EnvelopeError::Sections)?;
        let mut header = Header {
            format: self.document.format,
            fid: self.fid,
            epoch: self.epoch,
            commitment: root.commitment(),
            policy: self.policy.clone(),
            threshold: self.threshold,
            groups: self.groups.clone(),
            record: Tail::default(),
            head: Tail::default(),
            sections: Vec::new(),
        };
        let keys = root.core_keys(&header.core());
        let (mut tokens, fresh) = self.tokens((&root.subkeys(), &keys), n, &structure, &assigned)?;
        self.tag((&root.subkeys(), &keys), n, &structure, &mut header, &mut tokens);
        Ok(self.written(&structure, header, tokens, fresh))
    }

    /// By node and by comment, what is to be secret.
    fn secret(&self) -> Result<(Vec<bool>, Vec<bool>), EnvelopeError> {
        let document = self.document;
        let marked = marked(document, &self.policy.selection);
        let secret: Vec<bool> = document
            .ids()
            .map(|id| marked[id.index()] && document.is_leaf(id) && document.node(id).sealable)
            .collect();
        enforce(document, &marked, &|id| secret[id.index()])?;
        check_clear(document, &secret, self.policy.comments)?;
        if self.policy.cleartext == Cleartext::Free {
            check_free(document, &|id| secret[id.index()])?;
        }
        let comments = document
            .comments
            .iter()
            .map(|comment| self.policy.comments == Comments::Encrypt && !is_public_comment(document, comment))
            .collect();
        Ok((secret, comments))
    }

    fn payload(&self, place: Place) -> Payload {
        match place {
            Place::Leaf(id) => {
                let value = self.document.value(id).unwrap_or(crate::document::Value::Null);
                Payload::Leaf(value, (self.spelling)(id))
            }
            Place::Comment(index) => {
                Payload::Comment(comment_text(self.document, &self.document.comments[index]).into())
            }
        }
    }

    /// A token for each record, in stream order: the old one where path, value and spelling are what they were, with
    /// its old number and tag where they still fit.
    fn tokens(
        &self,
        (subkeys, keys): (&Subkeys, &CoreKeys),
        n: u32,
        structure: &Structure,
        assigned: &Assigned,
    ) -> Result<(Vec<(Token, Payload)>, usize), EnvelopeError> {
        let kept = self.before.filter(|before| before.keep).map(Kept::new);
        let one = |random: &mut RandomBuffer, index: usize| -> Result<_, EnvelopeError> {
            let (place, path) = (structure.records[index].place, structure.path(index));
            let payload = self.payload(place);
            let old = assigned.origin(place);
            let found = kept.as_ref().zip(old).and_then(|(kept, old)| kept.find(self, old, path, &payload));
            let is_fresh = found.is_none();
            let (mut token, vp, payload) = match found {
                Some((token, payload)) => {
                    let vp = token.vp();
                    (token, vp, payload)
                }
                None => {
                    let ids = assigned.ids_of(place);
                    let vp = seal_value(subkeys, ids, random.next()?, path, &payload, self.policy.padding)?;
                    (Token::new(&vp), vp, payload)
                }
            };
            let touched = matches!(&self.touch, Some(RecordKey::Token(key)) if *key == path);
            token.tail = settle(n, Some(token.tail), touched, &|n| link_tag(keys, &vp, structure, index, n));
            Ok((token, payload, is_fresh))
        };
        let mut fresh = 0;
        let mut tokens = Vec::with_capacity(structure.records.len());
        for sealed in parallel::map(structure.records.len(), RandomBuffer::default, one) {
            let (token, payload, is_fresh) = sealed?;
            fresh += usize::from(is_fresh);
            tokens.push((token, payload));
        }
        Ok((tokens, fresh))
    }

    /// Tags every other record: with its old number where that still fits, else with `n`; then seals.
    fn tag(
        &self,
        (subkeys, keys): (&Subkeys, &CoreKeys),
        n: u32,
        structure: &Structure,
        header: &mut Header,
        tokens: &mut [(Token, Payload)],
    ) {
        let old = self.before.map(|before| &before.sealed.header);
        let touch = self.touch.as_ref();
        let touched = |key: &RecordKey| touch == Some(key);
        let policy = touched(&RecordKey::Policy);
        header.record = settle(n, old.map(|old| old.record), policy, &|n| policy_tag(subkeys, header, n));
        let head = touched(&RecordKey::Head);
        header.head = settle(n, old.map(|old| old.head), head, &|n| head_tag(keys, structure, n));
        header.sections = self.sections(keys, structure, n);
        // What is to be touched may have gone; the head then carries the seal.
        let is_new = |tail: &Tail| tail.n == n;
        let any = is_new(&header.record)
            || is_new(&header.head)
            || tokens.iter().any(|(token, _)| is_new(&token.tail))
            || header.sections.iter().any(|(_, tail)| is_new(tail));
        if self.touch.is_some() && !any {
            header.head = settle(n, Some(header.head), true, &|n| head_tag(keys, structure, n));
        }
        seal(keys, n, header, tokens);
    }

    fn sections(&self, keys: &CoreKeys, structure: &Structure, n: u32) -> Vec<(String, Tail)> {
        let mut old: HashMap<&[u8], Vec<Tail>> = HashMap::new();
        if let Some(before) = self.before {
            let sealed = before.sealed;
            for (section, (_, tail)) in sealed.structure.sections.iter().zip(&sealed.header.sections).rev() {
                old.entry(&section.name).or_default().push(*tail);
            }
        }
        let mut seen: HashMap<&[u8], usize> = HashMap::new();
        structure
            .sections
            .iter()
            .map(|section| {
                let before = old.get_mut(section.name.as_slice()).and_then(Vec::pop);
                let tag = |n| section_tag(keys, self.document, section, n);
                let count = seen.entry(&section.name).or_default();
                let key = RecordKey::Section(section.name.clone(), *count);
                *count += 1;
                (section.text.clone(), settle(n, before, self.touch.as_ref() == Some(&key), &tag))
            })
            .collect()
    }

    fn written(
        &self,
        structure: &Structure,
        header: Header,
        tokens: Vec<(Token, Payload)>,
        fresh: usize,
    ) -> Written {
        let (mut leaves, mut comments) = (Vec::new(), Vec::new());
        for (record, (token, payload)) in structure.records.iter().zip(tokens) {
            match (record.place, payload) {
                (Place::Leaf(id), Payload::Leaf(_, spelling)) => leaves.push((id, token.to_text(), spelling)),
                (Place::Leaf(_), Payload::Comment(_)) => {}
                (Place::Comment(index), _) => comments.push((index, token.to_text())),
            }
        }
        leaves.sort_by_key(|(id, _, _)| *id);
        comments.sort_by_key(|(index, _)| *index);
        let entry = header.to_tree();
        Written { leaves, comments, header, entry, fresh }
    }
}

/// Random bytes for nonces, fetched for many at a time.
#[derive(Default)]
struct RandomBuffer {
    drawn: [[u8; 32]; 16],
    left: usize,
}

impl RandomBuffer {
    fn next(&mut self) -> Result<&[u8; 32], RandomError> {
        if self.left == 0 {
            fill_random(self.drawn.as_flattened_mut())?;
            self.left = self.drawn.len();
        }
        self.left -= 1;
        Ok(&self.drawn[self.left])
    }
}

/// The old version's tokens by place.
struct Kept<'a> {
    before: Before<'a>,
    records: HashMap<Place, usize>,
    payloads: HashMap<Place, Payload>,
}

impl<'a> Kept<'a> {
    fn new(before: Before<'a>) -> Self {
        let records = &before.sealed.structure.records;
        let leaves = before.authentic.leaves.iter();
        let comments = before.authentic.comments.iter();
        Self {
            before,
            records: records.iter().enumerate().map(|(index, record)| (record.place, index)).collect(),
            payloads: leaves
                .map(|(id, value, spelling)| {
                    (Place::Leaf(*id), Payload::Leaf(value.clone(), spelling.clone()))
                })
                .chain(comments.map(|(index, text)| (Place::Comment(*index), Payload::Comment(text.clone()))))
                .collect(),
        }
    }

    /// The old token at `old`, if it may stand under `path` and says `payload`. The spelling is compared with how the
    /// old version's *opened* text wrote the leaf, which re-indenting or other line ends may have changed since it was
    /// sealed; what goes on is the spelling inside the token.
    fn find(
        &self,
        writing: &Writing<'_>,
        old: Place,
        path: &[u8],
        payload: &Payload,
    ) -> Option<(Token, Payload)> {
        let record = *self.records.get(&old)?;
        let inside = self.payloads.get(&old)?;
        let same = self.before.sealed.structure.path(record) == path
            && match (payload, inside, old) {
                (Payload::Leaf(value, spelling), Payload::Leaf(before, _), Place::Leaf(id)) => {
                    value == before && *spelling == (writing.old_spelling)(id)
                }
                (Payload::Comment(text), Payload::Comment(before), _) => text == before,
                _ => false,
            };
        same.then(|| Some((self.before.sealed.token(old)?.clone(), inside.clone()))).flatten()
    }
}

/// Seals one payload under its path, with the hedged nonce of section 5; gives the `VP`.
fn seal_value(
    subkeys: &Subkeys,
    ids: &[[u8; 8]],
    random: &[u8; 32],
    path: &[u8],
    payload: &Payload,
    padding: Padding,
) -> Result<Vec<u8>, EnvelopeError> {
    let payload = encode(payload, padding);
    let hashed = subkeys.nonce.clone().part(random).part(path).part(payload.expose()).finish();
    let mut nonce = [0; 24];
    nonce.copy_from_slice(&hashed[..24]);
    let mut vp = token::begin(ids, &nonce, payload.expose().len() + 16);
    let start = vp.len();
    vp.extend(payload.expose());
    // The cipher refuses only what is far over every limit.
    let tag = crypto::seal_in_place(&subkeys.value, &nonce, &mut vp[start..], path)
        .map_err(|_| EnvelopeError::Exhausted)?;
    vp.extend(tag);
    Ok(vp)
}

/// Keeps an old record's number and tag while the tag still fits; else it is written by session `n`.
fn settle(n: u32, old: Option<Tail>, touched: bool, tag: &dyn Fn(u32) -> [u8; 16]) -> Tail {
    match old {
        Some(old) if !touched && old.n > 0 && tag(old.n) == old.tag => old,
        _ => Tail { n, tag: tag(n), seal: [0; 16] },
    }
}

/// Puts this session's seal into every record that it wrote.
fn seal(keys: &CoreKeys, n: u32, header: &mut Header, tokens: &mut [(Token, Payload)]) {
    let tails: Vec<Tail> = [header.record, header.head]
        .into_iter()
        .chain(tokens.iter().map(|(token, _)| token.tail))
        .chain(header.sections.iter().map(|(_, tail)| *tail))
        .collect();
    let seal = seal_tag(keys, n, &tails);
    let own = tokens.iter_mut().map(|(token, _)| &mut token.tail);
    let own = own.chain(header.sections.iter_mut().map(|(_, tail)| tail));
    for tail in own.chain([&mut header.record, &mut header.head]).filter(|tail| tail.n == n) {
        tail.seal = seal;
    }
}
