//! Streams, paths and sections of small documents, written by hand from `docs/design/format-v1.md`, sections 5 to 7.

use super::super::structure::{Structure, build};
use super::{ids, whole};
use crate::document::Document;
use crate::format::{Limits, by_name};
use crate::policy::Cleartext;

const MAP: &[u8] = &[0x03];
const END_MAP: &[u8] = &[0x04];
const LIST: &[u8] = &[0x05];
const END_LIST: &[u8] = &[0x06];
const ITEM: &[u8] = &[0x02];
const EMPTY: &[u8] = &[0x0B];
const NEXT: &[u8] = &[0x09];
const END: &[u8] = &[0x0A];

fn text(code: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[code], &length[..], text.as_bytes()].concat()
}

fn key(name: &str) -> Vec<u8> {
    [&[0x01, 0x00], &text(0, name)[1..]].concat()
}

/// A key of kind 01.
fn odd(name: &str) -> Vec<u8> {
    [&[0x01, 0x01], &text(0, name)[1..]].concat()
}

fn id(code: u8, id: u8) -> Vec<u8> {
    [&[code][..], &[id; 8]].concat()
}

fn token(ids: &[u8]) -> Vec<u8> {
    record(0x07, ids)
}

fn comment(ids: &[u8]) -> Vec<u8> {
    record(0x0D, ids)
}

fn record(code: u8, ids: &[u8]) -> Vec<u8> {
    let mut out = vec![code, u8::try_from(ids.len()).unwrap()];
    ids.iter().for_each(|id| out.extend([*id; 8]));
    out
}

fn parsed(format: &str, text: &str) -> Document {
    by_name(format).unwrap().parse(text, &Limits::default()).unwrap()
}

fn structure(format: &str, text: &str, with_documents: bool) -> Structure {
    let document = parsed(format, text);
    build(&document, &ids(&document, with_documents), Cleartext::Bound).unwrap()
}

#[track_caller]
fn check(format: &str, text: &str, expect: &[&[u8]]) {
    assert_eq!(whole(&structure(format, text, false)), expect.concat(), "{text}");
}

#[test]
fn leaves_and_containers() {
    for (format, text) in
        [("yaml", "a: T\nb: 1\n"), ("json", "{\"b\": 1, \"a\": \"T\"}"), ("toml", "a = 'T'\n")]
    {
        check(format, text, &[MAP, &key("a"), &token(&[]), END_MAP, END]);
    }
    check("yaml", "T\n", &[&token(&[]), END]);
    check("yaml", "clear\n", &[END]);
    check("yaml", "", &[END]);
    check("yaml", "{}\n", &[MAP, END_MAP, END]);
    check("yaml", "[]\n", &[LIST, END_LIST, END]);
    check(
        "yaml",
        "a: {b: {c: T}, d: {e: 1}}\n",
        &[MAP, &key("a"), MAP, &key("b"), MAP, &key("c"), &token(&[]), END_MAP, END_MAP, END_MAP, END],
    );
}

#[test]
fn every_element_of_a_loud_list_and_none_of_a_quiet_one() {
    check(
        "json",
        "{\"a\": [1, \"T\", {}, [2]], \"b\": [1, 2]}",
        &[MAP, &key("a"), LIST, ITEM, ITEM, &token(&[1]), ITEM, ITEM, END_LIST, END_MAP, END],
    );
    check(
        "yaml",
        "- [T, T]\n- {x: T}\n",
        &[
            LIST,
            ITEM,
            LIST,
            ITEM,
            &token(&[1, 2]),
            ITEM,
            &token(&[1, 3]),
            END_LIST,
            ITEM,
            MAP,
            &key("x"),
            &token(&[4]),
            END_MAP,
            END_LIST,
            END,
        ],
    );
}

#[test]
fn what_is_always_loud() {
    check(
        "yaml",
        "a:\nb: &x 1\nc: *x\nd: !t 2\ne: &y !t\nf: !t &z {}\n",
        &[
            MAP,
            &key("a"),
            EMPTY,
            &key("b"),
            &text(0x0E, "x"),
            &key("c"),
            &text(0x08, "x"),
            &key("d"),
            &text(0x0F, "!t"),
            &key("e"),
            &text(0x0E, "y"),
            &text(0x0F, "!t"),
            EMPTY,
            &key("f"),
            &text(0x0F, "!t"),
            &text(0x0E, "z"),
            MAP,
            END_MAP,
            END_MAP,
            END,
        ],
    );
    check(
        "yaml",
        "on: T\n<<: {1: T}\n",
        &[MAP, &odd("on"), &token(&[]), &odd("<<"), MAP, &odd("1"), &token(&[]), END_MAP, END_MAP, END],
    );
    check("yaml", "\"on\": T\n", &[MAP, &key("on"), &token(&[]), END_MAP, END]);
}

#[test]
fn documents_and_directives() {
    let text_ = "%YAML 1.2 # x\n---\na: T\n...\n%TAG ! x:\n%FOO bar\n---\n- T\n---\n1\n---\n";
    let expect = [
        &text(0x10, "%YAML 1.2"),
        MAP,
        &key("a"),
        &token(&[0xD0]),
        END_MAP,
        NEXT,
        &text(0x10, "%TAG ! x:"),
        &text(0x10, "%FOO bar"),
        LIST,
        ITEM,
        &token(&[0xD1, 1]),
        END_LIST,
        NEXT,
        NEXT,
        EMPTY,
        END,
    ];
    let structure = structure("yaml", text_, true);
    assert_eq!(whole(&structure), expect.concat());
    assert_eq!(structure.path(0), [id(0x03, 0xD0), key("a")].concat());
    assert_eq!(structure.path(1), [id(0x03, 0xD1), id(0x02, 1)].concat());
}

#[test]
fn comments_stand_by_position_in_their_container() {
    let yaml = "# T\na: # T\n  - 1 # T\n  # no\n  # T\n  - x: 2 # T\nb: T # T\n# T\n";
    check(
        "yaml",
        yaml,
        &[
            &comment(&[0xC0]),
            MAP,
            &key("a"),
            LIST,
            ITEM,
            &comment(&[0xC2]),
            &comment(&[0xC4]),
            ITEM,
            END_LIST,
            &comment(&[0xC1]),
            &comment(&[0xC5]),
            &key("b"),
            &token(&[]),
            END_MAP,
            &comment(&[0xC6]),
            &comment(&[0xC7]),
            END,
        ],
    );
    check(
        "json",
        "// T\n{ // T\n \"a\": 1 /* T */, \"b\": [ // T\n ] }\n// T",
        &[
            &comment(&[0xC0]),
            MAP,
            &comment(&[0xC1]),
            &comment(&[0xC2]),
            &key("b"),
            LIST,
            &comment(&[0xC3]),
            END_LIST,
            END_MAP,
            &comment(&[0xC4]),
            END,
        ],
    );
}

#[test]
fn comments_stand_in_the_table_whose_header_is_above() {
    check(
        "toml",
        "# T\na = 1 # T\nb = 'T'\n# T\n[t] # T\n[[u]] # T\nx = [ # T\n] # T\n",
        &[
            MAP,
            &comment(&[0xC0]),
            &comment(&[0xC1]),
            &key("b"),
            &token(&[]),
            &comment(&[0xC2]),
            &key("t"),
            MAP,
            &comment(&[0xC3]),
            END_MAP,
            &key("u"),
            LIST,
            ITEM,
            MAP,
            &comment(&[1, 0xC4]),
            &key("x"),
            LIST,
            &comment(&[1, 0xC5]),
            END_LIST,
            &comment(&[1, 0xC6]),
            END_MAP,
            END_LIST,
            END_MAP,
            END,
        ],
    );
}

#[test]
fn toml_tables_stand_in_order_of_first_mention() {
    let toml = "[a.b]\nx = 'T'\n[c]\ny = 'T'\n[a]\nz = 'T'\n[e]\n[c.d]\nv.w = 'T'\n";
    check(
        "toml",
        toml,
        &[
            MAP,
            &key("a"),
            MAP,
            &key("b"),
            MAP,
            &key("x"),
            &token(&[]),
            END_MAP,
            &key("z"),
            &token(&[]),
            END_MAP,
            &key("c"),
            MAP,
            &key("y"),
            &token(&[]),
            &key("d"),
            MAP,
            &key("v"),
            MAP,
            &key("w"),
            &token(&[]),
            END_MAP,
            END_MAP,
            END_MAP,
            END_MAP,
            END,
        ],
    );
}

#[test]
fn paths_of_records() {
    let structure = structure("yaml", "a:\n  - b: [T]\n    # T\n    on: T\n", false);
    let paths: Vec<&[u8]> = (0..structure.records.len()).map(|record| structure.path(record)).collect();
    let element = [key("a"), id(0x02, 1)].concat();
    assert_eq!(
        paths,
        [
            [&element, &key("b")[..], &id(0x02, 2)].concat(),
            [&element, &id(0x05, 0xC0)[..]].concat(),
            [&element, &odd("on")[..]].concat(),
        ]
    );
}

#[test]
fn segments_run_from_record_to_record() {
    let structure = structure("json", "{\"a\": \"T\", \"b\": {\"c\": \"T\"}}", false);
    assert_eq!(structure.segment(None), [MAP, &key("a"), &token(&[])].concat());
    assert_eq!(structure.segment(Some(0)), [&key("b"), MAP, &key("c"), &token(&[])].concat());
    assert_eq!(structure.segment(Some(1)), [END_MAP, END_MAP, END].concat());
}

#[test]
fn sections_are_chained() {
    let yaml = "a: 1\nb: T\non: {x: [T, {v: 2}], z: {}}\n---\nb: T\n---\n- 1\n- [2]\n---\nclear\n---\na: 3\n";
    let structure = structure("yaml", yaml, true);
    let shown: Vec<_> = structure
        .sections
        .iter()
        .map(|section| {
            let paths = section.leaves.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
            (section.name.clone(), section.text.as_str(), section.next.clone(), paths)
        })
        .collect();
    let index = |index: u8| vec![0x04, 0, 0, 0, index];
    assert_eq!(structure.lead, key("a"));
    assert_eq!(
        shown,
        [
            (key("a"), "a", odd("on"), vec![key("a")]),
            (
                odd("on"),
                "on",
                [NEXT, NEXT].concat(),
                vec![[odd("on"), key("x"), index(1), key("v")].concat(), [odd("on"), key("z")].concat(),]
            ),
            (Vec::new(), "", NEXT.to_vec(), vec![index(0), [index(1), index(0)].concat()]),
            (Vec::new(), "", [NEXT, &key("a")].concat(), vec![Vec::new()]),
            (key("a"), "a", END.to_vec(), vec![key("a")]),
        ]
    );
}

#[test]
fn nothing_in_clear_and_free_cleartext_have_no_sections() {
    let none = structure("yaml", "a: T\n", false);
    assert_eq!((none.sections.len(), none.lead.as_slice()), (0, END));
    let document = parsed("yaml", "a: 1\n---\nb: T\n");
    let free = build(&document, &ids(&document, true), Cleartext::Free).unwrap();
    assert_eq!((free.sections.len(), free.lead.as_slice()), (0, END));
    let second = structure("yaml", "a: T\n---\nb: 1\n", true);
    assert_eq!(second.lead, [NEXT, &key("b")].concat());
}
