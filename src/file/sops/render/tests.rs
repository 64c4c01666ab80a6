use super::*;
use crate::format::{Limits, by_name, stores};

fn fixture(name: &str) -> String {
    std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sops").join(name),
    )
    .unwrap()
}

fn parsed(text: &str, format: &str) -> Document {
    stores::of(by_name(format).unwrap()).parse(text, &Limits::default()).unwrap()
}

fn rendered(text: &str, from: &str, to: &str) -> Result<String, RenderError> {
    render(&parsed(text, from), by_name(to).unwrap(), &Layout::default()).map(|text| text.to_string())
}

/// What SOPS 3.11 made of it. Integers of JSON are floats to it, which shows in no number of this file.
#[test]
fn strings_in_yaml() {
    assert_eq!(rendered(&fixture("q.json"), "json", "yaml").unwrap(), fixture("q.3.11.0.yaml"));
}

#[test]
fn parts() {
    let document = parsed("a: 1\nl:\n  # c\n  - x\n  - {k: v}\nm:\n  none: ~\n---\nb: 2\n", "yaml");
    let key = |text: &str| PathPart::Key(text.to_owned());
    let check = |path: &[PathPart], to: &str, expect: &str| {
        let found = extract(&document, path, by_name(to).unwrap(), &Layout::default());
        assert_eq!(found.unwrap().as_str(), expect);
    };
    check(&[key("a")], "yaml", "1\n");
    check(&[key("a")], "json", "1");
    check(&[key("l"), PathPart::Index(0)], "yaml", "value: ' c'\n");
    check(&[key("l"), PathPart::Index(1)], "json", "x");
    check(&[key("l")], "yaml", "# c\n- x\n- k: v\n");
    check(&[key("l")], "ini", "[{\"Value\":\" c\"},\"x\",[{\"Key\":\"k\",\"Value\":\"v\"}]]");
    check(&[key("m")], "yaml", "none: null\n---\nb: 2\n");
    check(&[key("m")], "json", "{\n\t\"none\": null\n}\n");
    check(&[key("m"), key("none")], "json", "null");
    let fail = |path: &[PathPart]| extract(&document, path, by_name("yaml").unwrap(), &Layout::default());
    assert!(matches!(fail(&[key("x")]), Err(RenderError::Missing(_))));
    assert!(matches!(fail(&[key("l"), PathPart::Index(-1)]), Err(RenderError::Missing(_))));
    assert!(matches!(fail(&[key("l"), key("x")]), Err(RenderError::Mismatch(_))));
    assert!(matches!(fail(&[key("a"), key("x")]), Err(RenderError::Mismatch(_))));
}

#[test]
fn what_has_no_form_is_refused() {
    assert!(matches!(rendered("a: .inf\n", "yaml", "json"), Err(RenderError::Number)));
    assert!(matches!(rendered("a: {b: 1}\n", "yaml", "dotenv"), Err(RenderError::Complex { .. })));
    assert!(matches!(rendered("a: 1\n", "yaml", "ini"), Err(RenderError::Complex { .. })));
    assert!(matches!(rendered("a: 1\n", "yaml", "binary"), Err(RenderError::Binary)));
    assert!(matches!(rendered("a: 1\n", "yaml", "toml"), Err(RenderError::Format(_))));
    assert_eq!(rendered("data: x y\n", "yaml", "binary").unwrap(), "x y");
}

#[test]
fn hints_of_blocks_are_right() {
    let text = rendered("l:\n  - \" x\\ny\"\n", "yaml", "yaml").unwrap();
    assert_eq!(text, "l:\n    - |2-\n       x\n      y\n");
    assert_eq!(rendered(&text, "yaml", "json").unwrap(), "{\n\t\"l\": [\n\t\t\" x\\ny\"\n\t]\n}\n");
}

#[test]
fn variables() {
    let found = |text: &str| {
        environment(&parsed(text, "yaml")).map(|all| {
            all.into_iter()
                .map(|(key, value)| format!("{}={}", key.as_str(), value.as_str()))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        found("# c\na: 1\nb: 1.0\nc: ~\nd: true\ne: 2024-01-02T03:04:05.5Z\nf: \"x\\ny\"\n").unwrap(),
        ["a=1", "b=1.0", "c=", "d=true", "e=2024-01-02T03:04:05Z", "f=x\ny"]
    );
    assert!(matches!(found("a: [1]\n"), Err(RenderError::Complex { .. })));
    assert!(matches!(found("\"a=b\": 1\n"), Err(RenderError::Key(_))));
}
