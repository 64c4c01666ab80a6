use super::*;

fn shown(text: &str) -> String {
    let document = Ini.parse(text, &Limits::default()).unwrap();
    let steps = document.steps();
    let mut out = String::new();
    for id in document.ids() {
        if let Some(scalar) = document.scalar(id) {
            let value = scalar.value.to_text();
            out.push_str(&format!("{}={:?} ", document.path_by(&steps, id), value.as_str()));
        }
    }
    for comment in &document.comments {
        let owner = comment.container.map_or("-".to_owned(), |id| document.path_by(&steps, id).to_string());
        out.push_str(&format!("{owner}<{} ", comment.span.of(text)));
    }
    out.trim_end().to_owned()
}

#[test]
fn values_are_read_as_sops_reads_them() {
    for (text, expect) in [
        ("a = 1\n[s]\nb: x=y\n", "DEFAULT.a=\"1\" s.b=\"x=y\""),
        ("[s]\nk = v ; c\n", "s.k=\"v\" s.k<; c"),
        ("[s]\nk = \"a ; b\"\n", "s.k=\"\\\"a\" s.k<; b\""),
        ("[s]\nk = 'x'\nl = \"y\"\nm = \"z'\n", "s.k=\"x\" s.l=\"y\" s.m=\"\\\"z'\""),
        ("[s]\nk = a \\\n  b\nl=1\n", "s.k=\"a b\" s.l=\"1\""),
        ("[s]\nk = \"\"\"a\nb\"\"\" # c\n", "s.k=\"a\\nb\" s.k<# c"),
        ("[s]\nk = `a ; b`\n", "s.k=\"a ; b\""),
        ("[s]\nk =\nl =  \n", "s.k=\"\" s.l=\"\""),
        ("; a\n\n# b\n[s] ; c\n; d\n", "s<; a s<# b s<; c -<; d"),
        ("[s]\n`a=b` = 1\n\"c\" = 2\n", "s.a=b=\"1\" s.c=\"2\""),
        ("[s]\na=1\n[s]\na=2\n", "s[0].a=\"1\" s[1].a=\"2\""),
    ] {
        assert_eq!(shown(text), expect, "{text}");
    }
}

#[test]
fn what_sops_drops_is_refused() {
    for text in [
        "[s\n",
        "[]\n",
        "word\n",
        "= x\n",
        "- = x\n",
        "[s]\na=1\na=2\n",
        "[s] x\n",
        "k = `a` b\n",
        "k = \"\"\"a\"\"\" ; c\n",
        "k = \"\"\"a\n",
        "k = `a\n",
        "\"k\" x = 1\n",
        "\"k = 1\n",
    ] {
        assert!(Ini.parse(text, &Limits::default()).is_err(), "{text}");
    }
}

#[test]
fn values_are_written_so_that_they_come_back() {
    for text in [
        "a", "", " a ", "a;b", "a#b", "a\nb", "it's", "\"x", "'x'", "a\\", "`", "\"\"\"", "a\r\nb",
        "\"a\"b\"",
    ] {
        for style in [Style::Plain, Style::Single, Style::Double, Style::Backtick, Style::MultiDouble] {
            let raw = value::written(text, style).unwrap_or_else(|| panic!("{text:?} {style:?}"));
            assert_eq!(
                shown(&format!("k = {}\n", raw.as_str())),
                format!("DEFAULT.k={text:?}"),
                "{}",
                raw.as_str()
            );
        }
    }
    assert!(value::written("a\n`\n\"\"\"\nb", Style::Plain).is_none());
}

#[test]
fn sections_come_and_go() {
    for text in ["", "a=1\n", "a=1", "[s]\n\na = 1\n; end\n", "[s]\r\na=1\r\n", "[s]\nk = x \\\n"] {
        let document = Ini.parse(text, &Limits::default()).unwrap();
        let tree = Tree::Map(vec![("x".to_owned(), Tree::text("a ; b")), ("y".to_owned(), Tree::text(""))]);
        let splices = Ini.add_entry(&document, 0, "sops", &Addition::Tree(&tree)).unwrap();
        let with = crate::document::apply(text, &splices).unwrap();
        let document = Ini.parse(&with, &Limits::default()).unwrap();
        let cut = Ini.cut_entry(&document, 0, "sops").unwrap().unwrap();
        assert_eq!(crate::document::apply(&with, &cut.splices).unwrap().as_str(), text, "{}", with.as_str());
    }
}
