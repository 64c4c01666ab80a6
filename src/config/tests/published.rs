//! What is published beside the code: the JSON Schema and the reference page.

use expect_test::expect_file;
use serde_json::{Map, Value, json};

use super::parse;
use crate::config::fields::{Field, RULE, Shape, TOP, is_user_setting, recipient};

fn schema_of(field: &Field) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let mut schema = match field.shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::OneOf(names) => json!({ "enum": names }),
        Shape::Texts => texts,
        Shape::TextLists => json!({ "type": "array", "items": texts }),
        Shape::Number => json!({ "type": "integer", "minimum": 1 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Pairs => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::Table => json!({
            "type": "object",
            "additionalProperties": {
                "oneOf": [{ "$ref": "#/$defs/recipient" }, { "$ref": "#/$defs/names" }],
            },
        }),
        Shape::Tables => json!({ "type": "array", "items": { "$ref": "#/$defs/rule" } }),
    };
    if matches!(field.name, "files" | "to" | "encrypt" | "groups") {
        schema["minItems"] = json!(1);
    }
    if field.name == "version" {
        schema = json!({ "const": 1 });
    }
    schema["description"] = json!(field.about);
    schema
}

fn table(fields: &[Field], more: Value) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), schema_of(field))).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    for (key, value) in more.as_object().unwrap() {
        schema[key] = value.clone();
    }
    schema
}

fn schema() -> Value {
    let fields = recipient();
    let types = fields.iter().filter(|field| matches!(field.shape, Shape::Text));
    let one_type: Vec<Value> = types.map(|field| json!({ "required": [field.name] })).collect();
    let access = json!([{ "required": ["to"] }, { "required": ["groups"] }]);
    let names = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true });
    table(
        TOP,
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": ".sealeaf.toml",
            "required": ["version"],
            "$defs": {
                "names": names,
                "recipient": table(&fields, json!({ "oneOf": one_type })),
                "rule": table(RULE, json!({ "required": ["files"], "oneOf": access })),
            },
        }),
    )
}

/// `UPDATE_EXPECT=1` writes the file anew.
#[test]
fn the_schema_is_that_of_the_parser() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    expect_file!["../../../docs/reference/config.schema.json"].assert_eq(&text);
}

#[test]
fn no_allowed_key_is_a_setting_of_the_user() {
    for field in TOP.iter().chain(RULE).chain(&recipient()) {
        assert!(!is_user_setting(field.name), "{}", field.name);
    }
}

#[test]
fn every_example_of_the_reference_is_a_configuration() {
    let mut examples = 0;
    for block in PAGE.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap();
        if let Err(error) = parse(example) {
            panic!("{error}\n{example}");
        }
        examples += 1;
    }
    assert!(examples >= 4, "{examples}");
}

#[test]
fn the_reference_names_every_key() {
    for field in TOP.iter().chain(RULE).chain(&recipient()) {
        assert!(PAGE.contains(&format!("`{}`", field.name)), "{} is not in config.md", field.name);
        let names = if let Shape::OneOf(names) = field.shape { names } else { &[] };
        for name in names {
            let either = [format!("`{name}`"), format!("`{} = \"{name}\"`", field.name)];
            assert!(
                either.iter().any(|text| PAGE.contains(text)),
                "{} = {name} is not in config.md",
                field.name
            );
        }
    }
}

const PAGE: &str = include_str!("../../../docs/reference/config.md");
