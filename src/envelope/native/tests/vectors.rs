//! The vectors of `docs/design/format-v1.md`, section 16: everything there but the file itself is computed here from the
//! file and `R`, by the formulas of the text. `UPDATE_EXPECT=1` writes it anew; without a file, with a fresh file.
#![cfg(feature = "age")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use expect_test::expect_file;
use zeroize::Zeroizing;

use super::super::payload::{Payload, encode, value_parts};
use super::super::read::{Sealed, open_token};
use super::super::subkeys::Root;
use super::super::token::{self, Tail};
use super::super::write::{Before, Writing};
use super::super::{Group, Place, State, wrap};
use crate::crypto::{Hm, expand, extract, sha256};
use crate::document::Document;
use crate::format::gate::{self, ENTRY, Sealing, Unsealing};
use crate::format::{Format, Limits, by_name};
use crate::keys::{Environment, KeyRef, Keyring, NoPrompt, Recipient, Run, WrapContext, age};
use crate::policy::{Comments, Policy, Selection};
use crate::secret::DataKey;

const HEADING: &str = "## 16 Test vectors\n";
const FID: [u8; 16] = *b"sealeaf-test-fid";

/// The first version has another password; the second one, which is published, changes it.
const PLAIN: &str = "\
server: &s
  host: db.example.org
  port: 5432
users:
  - name: alice
    password: |- # rotate in May
      correct horse
      battery
  - name: bob
    password: null
on: *s
---
pin: !x 0x1F
";

fn key() -> DataKey {
    DataKey::from_bytes(&std::array::from_fn(|index| u8::try_from(index).unwrap()))
}

fn yaml() -> &'static dyn Format {
    by_name("yaml").unwrap()
}

fn parsed(text: &str) -> Document {
    yaml().parse(text, &Limits::default()).unwrap()
}

fn sealed(text: &str) -> Sealed {
    let (body, entry) = yaml().detach(parsed(text), ENTRY).unwrap();
    Sealed::parse(body, &entry.unwrap()).unwrap()
}

/// A new file to publish.
fn fresh() -> String {
    let identity = age::generate("2026-01-01T00:00:00Z").unwrap();
    let environment: Environment = [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect();
    let reference = KeyRef { kind: "age".to_owned(), id: identity.recipient, context: Default::default() };
    let recipient = Recipient { key: reference, name: "alice".to_owned(), break_glass: false };
    let context = WrapContext { fid: FID, epoch: 1 };
    let secret = wrap::encode(key().expose(), &FID, 1, 0, wrap::Part::Whole);
    let run = Run::new(&environment, &NoPrompt);
    let stanzas = Keyring::new(&run).wrap(&[recipient], &secret, &context).unwrap();
    let groups = vec![Group { check: None, stanzas }];
    let first = write(&PLAIN.replace("battery", "staple"), &groups, None);
    write(PLAIN, &groups, Some(&first))
}

fn write(plain: &str, groups: &[Group], before: Option<&str>) -> String {
    let document = parsed(plain);
    let before = before.map(sealed).map(|sealed| {
        let authentic = sealed.authenticate(&key()).unwrap();
        let (leaves, comments) = (authentic.leaves.clone(), authentic.comments.clone());
        let opened = gate::unseal(yaml(), &sealed.body, &Unsealing { leaves, comments }, &Limits::default());
        (opened.unwrap(), authentic, sealed)
    });
    let patterns = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let writing = Writing {
        document: &document,
        spelling: &|id| yaml().spelling(&document, id),
        old_spelling: &|id| yaml().spelling(&before.as_ref().unwrap().0, id),
        policy: Policy {
            selection: Selection::parse(&patterns(&["**.password", "pin"]), &[]).unwrap(),
            comments: Comments::Encrypt,
            scope: "prod".to_owned(),
            ..Policy::default()
        },
        groups: groups.to_vec(),
        threshold: 1,
        fid: FID,
        epoch: 1,
        key: &key(),
        before: before.as_ref().map(|(plain, authentic, sealed)| Before {
            sealed,
            plain,
            authentic,
            keep: true,
        }),
        touch: None,
    };
    let written = writing.write().unwrap();
    let sealing = Sealing { leaves: written.leaves, comments: written.comments, entry: &written.entry };
    gate::seal(yaml(), &document, &sealing, &Limits::default()).unwrap().0.to_string()
}

/// Names with hexadecimal values, in lines of 48 bytes.
struct Sheet(String);

impl Sheet {
    fn put(&mut self, name: &str, bytes: &[u8]) {
        let hex: String = bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let lines: Vec<&str> = hex.as_bytes().chunks(96).map(|line| str::from_utf8(line).unwrap()).collect();
        writeln!(self.0, "{name:<14} {}", lines.join("\n               ")).unwrap();
    }

    fn record(&mut self, title: &str) {
        writeln!(self.0, "\n{title}").unwrap();
    }

    /// A tail, whose tag must be the computed one.
    fn tail(&mut self, tail: Tail, tag: [u8; 16]) {
        assert_eq!(tail.tag, tag);
        self.put("n", &tail.n.to_be_bytes());
        self.put("tag", &tag);
        self.put("seal", &tail.seal);
    }
}

/// The table of everything derived from `text`.
fn derived(text: &str) -> String {
    let sealed = sealed(text);
    let (header, key) = (&sealed.header, key());
    let prk = extract(&[b"sealeaf/v1\0".as_slice(), &header.fid].concat(), key.expose());
    let sub = |label: &str, extra: &[u8]| {
        expand(&prk, &[b"sealeaf/v1 ", label.as_bytes(), b"\0", &header.epoch.to_be_bytes(), extra])
    };
    let mut sheet = Sheet(String::new());
    sheet.put("R", key.expose());
    sheet.put("fid", &header.fid);
    sheet.put("PRK", &prk[..]);
    for label in ["commit", "value", "nonce", "policy"] {
        sheet.put(&format!("sub({label})"), &sub(label, b"")[..]);
    }
    assert_eq!(header.commitment, *sub("commit", b""));
    // The policy TLV ends with 0D (threshold), the groups and 21 (n).
    let tlv = header.tlv(header.record.n);
    let start = tlv.windows(9).rposition(|tail| tail == [0x0D, 0, 0, 0, 4, 0, 0, 0, 1]).unwrap();
    let core = sha256(&tlv[..start + 9]);
    sheet.put("core TLV", &tlv[..start + 9]);
    sheet.put("core", &core);
    for label in ["link", "clear", "seal"] {
        sheet.put(&format!("sub({label})"), &sub(label, &core)[..]);
    }
    sheet.put("wrap", wrap::encode(key.expose(), &header.fid, header.epoch, 0, wrap::Part::Whole).expose());
    sheet.record("policy");
    sheet.put("TLV, the rest", &tlv[start + 9..]);
    sheet.tail(header.record, Hm::new(&sub("policy", b"")).part(&tlv).tag());
    sheet.record("head");
    let (n, structure) = (header.head.n.to_be_bytes(), &sealed.structure);
    let first = [structure.segment(None), &[0x0C], &structure.lead].concat();
    sheet.put("segment 0", structure.segment(None));
    sheet.put("lead", &structure.lead);
    let link = sub("link", &core);
    sheet.tail(header.head, Hm::new(&link).part(&n).part(b"").part(b"head").part(&first).tag());
    records(&mut sheet, &sealed, &link);
    sections(&mut sheet, &sealed, &sub("clear", &core));
    seal(&mut sheet, &sealed, &sub("seal", &core));
    sheet.0
}

fn records(sheet: &mut Sheet, sealed: &Sealed, link: &[u8; 32]) {
    let subkeys = Root::new(&key(), &FID, 1).subkeys();
    for (index, record) in sealed.structure.records.iter().enumerate() {
        let token = sealed.token(record.place).unwrap();
        let (vp, path) = (token.vp(), sealed.structure.path(index));
        let (nonce, rest) = token::sealed(&vp).unwrap();
        let payload = open_token(&subkeys, &vp, path, &mut Zeroizing::default()).unwrap();
        let name = match (record.place, &payload) {
            (Place::Leaf(id), Payload::Leaf(..)) => sealed.body.path(id).to_string(),
            _ => "the comment".to_owned(),
        };
        sheet.record(&format!("record {}: {name}", index + 1));
        sheet.put("path", path);
        sheet.put("payload", encode(&payload, sealed.header.policy.padding).expose());
        sheet.put("nonce", nonce);
        sheet.put("ct, tag", rest);
        sheet.put("segment", sealed.structure.segment(Some(index)));
        let mac = Hm::new(link).part(&token.tail.n.to_be_bytes()).part(path).part(&vp);
        sheet.tail(token.tail, mac.part(sealed.structure.segment(Some(index))).tag());
    }
}

fn sections(sheet: &mut Sheet, sealed: &Sealed, clear: &[u8; 32]) {
    for (section, (name, tail)) in sealed.structure.sections.iter().zip(&sealed.header.sections) {
        sheet.record(&format!("section {name}"));
        sheet.put("name", &section.name);
        sheet.put("next", &section.next);
        let mut mac = Hm::new(clear).part(&tail.n.to_be_bytes()).part(&section.name).part(&section.next);
        for (path, leaf) in &section.leaves {
            let value = sealed.body.value(*leaf).unwrap();
            let (code, value) = value_parts(&value);
            let length = u32::try_from(value.len()).unwrap().to_be_bytes();
            let payload = [&[code], &length[..], value].concat();
            sheet.put("path", path);
            sheet.put("payload", &payload);
            mac = mac.part(path).part(&payload);
        }
        sheet.tail(*tail, mac.tag());
    }
}

fn seal(sheet: &mut Sheet, sealed: &Sealed, key: &[u8; 32]) {
    let newest = sealed.newest();
    sheet.record("seal");
    sheet.put("N", &newest.to_be_bytes());
    let mut mac = Hm::new(key).part(&newest.to_be_bytes());
    for tail in sealed.tails() {
        let mut part = [&tail.n.to_be_bytes(), &tail.tag[..]].concat();
        if tail.n < newest {
            part.extend(tail.seal);
        }
        sheet.put("part", &part);
        mac = mac.part(&part);
    }
    let seal = mac.tag();
    sheet.put("seal", &seal);
    assert!(sealed.tails().iter().filter(|tail| tail.n == newest).all(|tail| tail.seal == seal));
}

/// The whole section with that file.
fn section(file: &str) -> String {
    format!(
        "\
A file of two versions with `R` = 00 01 … 1f, and everything that follows from both. `wrapped` is for an age key that nobody
has; what it holds stands under *wrap*. In hexadecimal, in the order of the records; a `tag` is a link, section or policy tag.

```yaml
{PLAIN}```

is in the file

```yaml
{file}```

```text
{}```
",
        derived(file)
    )
}

#[test]
fn the_published_vectors_are_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design/format-v1.md");
    let document = fs::read_to_string(&path).unwrap();
    let (above, below) = document.split_once(HEADING).unwrap();
    let published =
        below.split_once("is in the file\n\n```yaml\n").and_then(|(_, rest)| rest.split_once("```\n"));
    let file = published.map_or_else(fresh, |(file, _)| file.to_owned());
    let opened = sealed(&file);
    let authentic = opened.authenticate(&key()).unwrap();
    assert_eq!((authentic.state, opened.newest()), (State::Sealed, 2));
    let unsealing = Unsealing { leaves: authentic.leaves, comments: authentic.comments };
    let plain = gate::unseal(yaml(), &opened.body, &unsealing, &Limits::default()).unwrap();
    assert_eq!(plain.source.as_str(), PLAIN);
    expect_file![path].assert_eq(&format!("{above}{HEADING}\n{}", section(&file)));
}
