//! A plain file becomes a SOPS file.

use super::aliases;
use super::blocks;
use super::kept;
use super::open::{OpenSops, SopsFile, comment_span, edit_error, place_of};
use crate::document::{Document, FormatCode, Kind, NodeId, Span, Splice, Tree, apply};
use crate::envelope::sops::{
    ENTRY, Gcm, Item, Key, Mac, Meaning, Metadata, Nonces, Outline, Selector, Slot, SopsError, Token, Type,
    What, flatten, is_metadata, is_type_tag, locate, meaning, split,
};
use crate::file::FileError;
use crate::format::gate::GateError;
use crate::format::{Addition, Format, Limits, stores};
use crate::keys::{Keyring, Recipient, WrapContext};
use crate::parallel;
use crate::secret::{DataKey, SecretBytes, SecretText};

/// How a file is to be sealed.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// Which values are encrypted; `None` is SOPS' default, which seals what has no `_unencrypted` in its path.
    pub selector: Option<Selector>,
    /// Whether the MAC leaves cleartext values out.
    pub mac_only_encrypted: bool,
    /// Who can open it; several groups share the data key.
    pub groups: &'a [Vec<Recipient>],
    /// How many groups are needed; 0 is all of them.
    pub threshold: u32,
    /// The present time, RFC 3339 in UTC, to the second.
    pub now: &'a str,
    /// The version of SOPS that the file says it is made by.
    pub version: &'a str,
    /// Whether a file in which the selector encrypts nothing is accepted.
    pub allow_no_secrets: bool,
}

/// A sealed text, with what was done.
#[derive(Debug)]
pub struct Sealed {
    /// The bytes to write.
    pub text: SecretText,
    /// How many values it has.
    pub leaves: usize,
    /// How many of them are encrypted.
    pub sealed: usize,
    /// How many tokens are new, those of comments counted.
    pub fresh: usize,
    /// Whether opening it gives the plain text back byte for byte.
    pub exact: bool,
}

/// Seals a plain file under a new data key.
///
/// # Errors
/// [`FileError`]; nothing may be written then.
pub fn seal(
    document: Document,
    format: &'static dyn Format,
    sealing: &Sealing<'_>,
    keyring: &Keyring<'_>,
    limits: &Limits,
) -> Result<Sealed, FileError> {
    if document.format == FormatCode::Ini
        && sealing.selector.as_ref().is_some_and(|own| own.by().is_by_comment())
    {
        let reason = "SOPS takes a comment of an INI file for the next key's: choose by keys";
        return Err(SopsError::Root(reason).into());
    }
    let key = DataKey::generate()?;
    let (groups, threshold) = wrap(sealing.groups, sealing.threshold, &key, sealing.now, keyring)?;
    // Of bytes there is one value, which is encrypted.
    let is_binary = document.format == FormatCode::Binary;
    let metadata = Metadata {
        is_selector_written: !is_binary,
        selector: sealing.selector.clone().filter(|_| !is_binary).unwrap_or_default(),
        mac_only_encrypted: sealing.mac_only_encrypted && !is_binary,
        modified: sealing.now.to_owned(),
        mac: String::new(),
        threshold,
        groups,
        version: sealing.version.to_owned(),
        others: Vec::new(),
    };
    let target = Target { metadata, key: &key, before: None, allow_no_secrets: sealing.allow_no_secrets };
    write(document, format, target, limits)
}

/// Wraps a data key for one group, or its shares for several. Gives the threshold as the metadata says it.
pub(super) fn wrap(
    groups: &[Vec<Recipient>],
    threshold: u32,
    key: &DataKey,
    now: &str,
    keyring: &Keyring<'_>,
) -> Result<(Vec<Vec<Key>>, u32), FileError> {
    if groups.is_empty() || groups.iter().any(Vec::is_empty) {
        return Err(FileError::NoRecipients);
    }
    let count = groups.len();
    let needed = if threshold == 0 { count } else { usize::try_from(threshold).unwrap_or(usize::MAX) };
    let shares = match count {
        1 => vec![SecretBytes::new(key.expose().to_vec())],
        _ => split(key, count, needed).map_err(SopsError::from)?,
    };
    let context = WrapContext { fid: [0; 16], epoch: 0 };
    let mut wrapped = Vec::with_capacity(count);
    for (group, share) in groups.iter().zip(&shares) {
        let stanzas = keyring.wrap(group, share, &context)?;
        let key = |stanza| Key::of(stanza, now).ok_or(FileError::NoRecipients);
        wrapped.push(stanzas.iter().map(key).collect::<Result<Vec<_>, _>>()?);
    }
    let threshold =
        if count > 1 && threshold == 0 { u32::try_from(count).unwrap_or(u32::MAX) } else { threshold };
    Ok((wrapped, threshold))
}

/// What a text is sealed as.
pub(super) struct Target<'a> {
    pub(super) metadata: Metadata,
    pub(super) key: &'a DataKey,
    /// The version before, whose tokens under the same data key stay, and whether they do.
    pub(super) before: Option<(&'a OpenSops, bool)>,
    pub(super) allow_no_secrets: bool,
}

/// Tokens and MAC, the entry, and then the whole way back: nothing is written that does not open to the same values.
pub(super) fn write(
    document: Document,
    format: &'static dyn Format,
    mut target: Target<'_>,
    limits: &Limits,
) -> Result<Sealed, FileError> {
    let format = stores::of(format);
    let document = as_sops_sees(document, format)?;
    check_format(&document)?;
    let (document, outline) = aliases::expand(document, format, &target.metadata.selector, limits)?;
    let items = items(&document, &outline)?;
    let gcm = Gcm::new(target.key);
    let mut mac = Mac::new(target.metadata.mac_only_encrypted);
    let leaves = outline.slots.iter().zip(&items).filter(|(slot, _)| matches!(slot.what, What::Leaf(_)));
    for (slot, item) in leaves.clone() {
        item.iter().for_each(|item| mac.add(item, slot.encrypted));
    }
    let sealed = leaves.clone().filter(|(slot, _)| slot.encrypted).count();
    if sealed == 0 && !target.allow_no_secrets {
        return Err(FileError::NothingSealed);
    }
    let leaves = leaves.count();
    let (mut splices, fresh) = tokens(&document, format, &outline, &items, &gcm, target.before)?;
    target.metadata.mac = mac.seal(&gcm, &target.metadata.modified())?;
    for part in 0..document.parts.len().max(1) {
        splices.extend(entry(&document, format, part, &target)?);
    }
    let text = apply(&document.source, &splices).map_err(GateError::Splice)?;
    drop(splices);
    let exact = check_opens(&text, &document, &outline, &items, format, target.key, limits)
        .map_err(|error| FileError::Unopenable(Box::new(error)))?;
    Ok(Sealed { text, leaves, sealed, fresh, exact })
}

/// The same text, read as SOPS reads files of its format.
pub(super) fn as_sops_sees(document: Document, format: &'static dyn Format) -> Result<Document, FileError> {
    match document.format {
        FormatCode::Yaml | FormatCode::Json | FormatCode::Toml => Ok(document),
        _ => {
            let wide = Limits { file: usize::MAX, leaf: usize::MAX, leaves: usize::MAX, ..Limits::default() };
            Ok(format.read(document.source, &wide)?)
        }
    }
}

/// What SOPS cannot read is not written.
fn check_format(document: &Document) -> Result<(), FileError> {
    if document.parts.iter().any(|part| has_metadata(document, part.root)) {
        return Err(SopsError::Taken.into());
    }
    match document.format {
        FormatCode::Toml => {
            Err(SopsError::Root("SOPS has no TOML: only the native envelope can seal it").into())
        }
        FormatCode::Json if serde_json::from_str::<serde::de::IgnoredAny>(&document.source).is_err() => {
            let reason =
                "SOPS reads strict JSON alone: remove comments, trailing commas and the byte order mark";
            Err(SopsError::Root(reason).into())
        }
        _ => Ok(()),
    }
}

fn has_metadata(document: &Document, root: NodeId) -> bool {
    match &document.node(root).kind {
        Kind::Map(entries) => entries.iter().any(|own| is_metadata(document.format, &own.key.text)),
        _ => false,
    }
}

/// What each slot holds.
fn items(document: &Document, outline: &Outline) -> Result<Vec<Option<Item>>, FileError> {
    let item = |slot: &Slot| match &slot.what {
        What::Leaf(id) | What::Element(id) => {
            match meaning(document.format, document.node(*id), &document.source) {
                Ok(Meaning::Item(item)) => Ok(Some(item)),
                Ok(Meaning::Nothing) => Ok(None),
                Err(reason) => {
                    let (line, path) = locate(document, *id);
                    Err(SopsError::Unfit { line, path, reason }.into())
                }
            }
        }
        What::Comment(index) => {
            Ok(Some(Item::text(Type::Comment, comment_span(document, *index).of(&document.source))))
        }
        What::Block(lines) if !slot.encrypted && blocks::is_deadly(document, lines) => {
            let line = document.line_of(place_of(document, &slot.what).start);
            let reason =
                "SOPS crashes on a comment in clear whose first line is empty: write something there";
            Err(SopsError::Unfit { line, path: slot.aad.trim_end_matches(':').to_owned(), reason }.into())
        }
        What::Block(lines) => Ok(Some(Item::text(Type::Comment, &blocks::text(document, lines)))),
        What::Nothing(_) => Ok(None),
    };
    outline.slots.iter().map(item).collect()
}

/// Puts a token in every place that is encrypted. Gives the splices, and how many tokens are new.
fn tokens(
    document: &Document,
    format: &dyn Format,
    outline: &Outline,
    items: &[Option<Item>],
    gcm: &Gcm,
    before: Option<(&OpenSops, bool)>,
) -> Result<(Vec<Splice>, usize), FileError> {
    let kept = match before {
        Some((before, true)) => kept::pairs(outline, items, before),
        _ => vec![None; outline.slots.len()],
    };
    let one = |nonces: &mut Nonces, index: usize| -> Result<(Vec<Splice>, bool), FileError> {
        let (Some(slot), Some(Some(item))) = (outline.slots.get(index), items.get(index)) else {
            return Ok((Vec::new(), false));
        };
        if !slot.encrypted {
            return Ok((Vec::new(), false));
        }
        let old = before.and_then(|(before, _)| Some((before, kept.get(index).copied()??)));
        if let Some(stood) = old.and_then(|(before, old)| kept::as_it_stood(document, slot, before, old)) {
            return Ok((stood, false));
        }
        let (token, is_fresh) = match old.and_then(|(before, old)| kept::token(before, old)) {
            Some(token) => (token, false),
            None => (Token::seal(item, gcm, &slot.aad, nonces)?.into(), true),
        };
        let splices = match &slot.what {
            What::Comment(comment) => vec![Splice::new(comment_span(document, *comment), token)],
            What::Block(lines) => blocks::seal(document, lines, &token),
            What::Leaf(id) => {
                let tag = untagged(document, *id)?;
                tag.into_iter().chain(format.put_token(document, *id, &token)).collect()
            }
            What::Element(_) | What::Nothing(_) => Vec::new(),
        };
        Ok((splices, is_fresh))
    };
    let (mut splices, mut fresh) = (Vec::with_capacity(items.len()), 0);
    for done in parallel::map(items.len(), Nonces::default, one) {
        let (own, is_fresh) = done?;
        splices.extend(own);
        fresh += usize::from(is_fresh);
    }
    Ok((splices, fresh))
}

/// A tag that says another type than string goes: a token is a string.
fn untagged(document: &Document, id: NodeId) -> Result<Option<Splice>, FileError> {
    let node = document.node(id);
    let Some(tag) = node.tag.as_deref().filter(|tag| is_type_tag(tag)) else { return Ok(None) };
    let before = document.source.get(..node.span.start).unwrap_or_default();
    let end = before.trim_end_matches([' ', '\t']).len();
    let start = before.get(..end).and_then(|text| text.strip_suffix(tag)).map(str::len);
    let start = start.ok_or_else(|| {
        let (line, path) = locate(document, id);
        SopsError::Unfit { line, path, reason: "the tag cannot stay on an encrypted value: remove it" }
    })?;
    Ok(Some(Splice::new(Span::new(start, node.span.start), "")))
}

/// The metadata: as it stood before, where only the MAC and its time are new; else written anew.
fn entry(
    document: &Document,
    format: &dyn Format,
    part: usize,
    target: &Target<'_>,
) -> Result<Vec<Splice>, FileError> {
    if let Some((before, _)) = target.before
        && let Some(text) = updated(before, &target.metadata)
        && let Ok(splices) = format.add_entry(document, part, ENTRY, &Addition::Text(&text))
    {
        return Ok(splices);
    }
    added(document, format, part, &target.metadata)
}

/// The metadata, written anew.
pub(super) fn added(
    document: &Document,
    format: &dyn Format,
    part: usize,
    metadata: &Metadata,
) -> Result<Vec<Splice>, FileError> {
    let mut tree = metadata.write();
    if matches!(document.format, FormatCode::Dotenv | FormatCode::Ini) {
        tree = Tree::Map(flatten(&tree).into_iter().map(|(name, text)| (name, Tree::text(&text))).collect());
    }
    let added = format.add_entry(document, part, ENTRY, &Addition::Tree(&tree));
    Ok(added.map_err(|error| edit_error(document, error))?)
}

/// The text of the old entry with another MAC and time. `None` where more than these two differ.
fn updated(before: &OpenSops, now: &Metadata) -> Option<String> {
    let then = &before.file.metadata;
    let is_same = then.groups == now.groups
        && then.selector == now.selector
        && then.is_selector_written == now.is_selector_written
        && then.mac_only_encrypted == now.mac_only_encrypted
        && then.threshold == now.threshold
        && then.version == now.version;
    if !is_same {
        return None;
    }
    let document = &before.file.document;
    let text = before.file.format.cut_entry(document, 0, ENTRY).ok()??.text?;
    let (head, tail) = text.split_once("lastmodified")?;
    let tail = tail.replacen(&then.modified, &now.modified, 1);
    let text = format!("{head}lastmodified{tail}");
    (text.matches(&then.mac).count() == 1).then(|| text.replacen(&then.mac, &now.mac, 1))
}

/// Opens what was sealed, as a reader will, and compares every value. Tells whether the bytes are the same too.
fn check_opens(
    text: &SecretText,
    document: &Document,
    outline: &Outline,
    items: &[Option<Item>],
    format: &'static dyn Format,
    key: &DataKey,
    limits: &Limits,
) -> Result<bool, FileError> {
    let wide = Limits { file: usize::MAX, leaf: usize::MAX, leaves: usize::MAX, ..limits.clone() };
    let file = SopsFile::read(text.clone(), format, &wide)?;
    let opened = file.authenticate(key, true)?;
    let here = outline.slots.iter().zip(items);
    let there = file.outline.slots.iter().zip(&opened);
    let is_whole = outline.shape == file.outline.shape
        && outline.slots.len() == file.outline.slots.len()
        && file.left_sealed(&opened).is_empty();
    let wrong =
        here.zip(there).find(|((slot, item), (other, there))| !is_kept_slot(slot, other, item == there));
    if let (Some(((slot, _), _)), _) | (None, (false, Some(slot))) =
        (wrong, (is_whole, outline.slots.first()))
    {
        let at = place_of(document, &slot.what).start;
        return Err(SopsError::NotKept { line: document.line_of(at) }.into());
    }
    // What a text that is the same reads as is known.
    if file.unsealed(&opened, &[])? == document.source {
        return Ok(true);
    }
    let (plain, _) = file.unseal(&opened, &wide)?;
    Ok(plain.source == document.source)
}

/// Whether a value stands under the same path and is the same; what comments say is compared by opening them.
fn is_kept_slot(slot: &Slot, other: &Slot, is_same_item: bool) -> bool {
    let is_value = matches!(slot.what, What::Leaf(_) | What::Nothing(_));
    !is_value || (slot.aad == other.aad && slot.encrypted == other.encrypted && is_same_item)
}
