//! Random documents as text of each format.

use super::model::{Documents, Item, Node};

/// The text in the format of that name.
pub(super) fn render(documents: &Documents, format: &str) -> String {
    match format {
        "yaml" => yaml(documents),
        "json" => {
            let mut out = String::new();
            json(&mut out, &documents[0], 0);
            out + "\n"
        }
        _ => {
            let mut out = String::new();
            if let Node::Map(entries) = &documents[0].node {
                toml_table(&mut out, entries, "");
            }
            out
        }
    }
}

fn yaml(documents: &Documents) -> String {
    let mut out = String::new();
    for (index, root) in documents.iter().enumerate() {
        if index > 0 {
            out += "---\n";
        }
        match &root.node {
            Node::Map(entries) if !entries.is_empty() => yaml_map(&mut out, entries, 0),
            Node::List(items) if !items.is_empty() => yaml_list(&mut out, items, 0),
            _ => out = out + &yaml_inline(root) + "\n",
        }
    }
    out
}

fn yaml_map(out: &mut String, entries: &[(String, Item)], indent: usize) {
    for (key, item) in entries {
        above(out, item, indent, "#");
        let key = if key.contains(' ') { format!("\"{key}\"") } else { key.clone() };
        *out += &format!("{}{key}:", " ".repeat(indent));
        yaml_value(out, item, indent);
    }
}

fn yaml_list(out: &mut String, items: &[Item], indent: usize) {
    for item in items {
        above(out, item, indent, "#");
        *out += &format!("{}-", " ".repeat(indent));
        match &item.node {
            Node::Map(entries)
                if is_block(item) && decoration(item).is_empty() && entries[0].1.above.is_none() =>
            {
                let mut nested = String::new();
                yaml_map(&mut nested, entries, indent + 2);
                *out += " ";
                *out += &nested[indent + 2..];
            }
            _ => yaml_value(out, item, indent),
        }
    }
}

/// Everything behind `key:` or `-`.
fn yaml_value(out: &mut String, item: &Item, indent: usize) {
    *out += &decoration(item);
    match &item.node {
        Node::Map(entries) if is_block(item) => {
            behind(out, item, "#");
            yaml_map(out, entries, indent + 2);
        }
        Node::List(items) if is_block(item) => {
            behind(out, item, "#");
            yaml_list(out, items, indent + 2);
        }
        Node::Text(text) if text.ends_with('\n') => {
            *out += " |";
            behind(out, item, "#");
            for line in text.lines() {
                *out += &format!("{}{line}\n", " ".repeat(indent + 2));
            }
        }
        Node::Nothing => behind(out, item, "#"),
        _ => {
            *out += " ";
            *out += &yaml_inline(item);
            behind(out, item, "#");
        }
    }
}

fn yaml_inline(item: &Item) -> String {
    let inner = |item: &Item| format!("{} {}", decoration(item), yaml_inline(item)).trim().to_owned();
    match &item.node {
        Node::Text(text) if text.is_empty() || text.contains(['\n', ' ']) => format!("{text:?}"),
        Node::Text(text) | Node::Bare(text) => text.clone(),
        Node::Alias(name) => format!("*{name}"),
        Node::Nothing => "null".to_owned(),
        Node::Map(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, item)| format!("{key}: {}", inner(item))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Node::List(items) => format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(", ")),
    }
}

fn decoration(item: &Item) -> String {
    let anchor = item.anchor.as_ref().map(|name| format!(" &{name}")).unwrap_or_default();
    let tag = item.tag.map(|tag| format!(" {tag}")).unwrap_or_default();
    anchor + &tag
}

fn json(out: &mut String, item: &Item, indent: usize) {
    let pad = " ".repeat(indent + 2);
    match &item.node {
        Node::Map(entries) if !entries.is_empty() => {
            *out += "{\n";
            for (index, (key, item)) in entries.iter().enumerate() {
                above(out, item, indent + 2, "//");
                *out += &format!("{pad}{key:?}: ");
                json(out, item, indent + 2);
                *out += if index + 1 < entries.len() { "," } else { "" };
                behind(out, item, "//");
            }
            *out += &format!("{}}}", " ".repeat(indent));
        }
        Node::List(items) if !items.is_empty() => {
            *out += "[\n";
            for (index, item) in items.iter().enumerate() {
                above(out, item, indent + 2, "//");
                *out += &pad;
                json(out, item, indent + 2);
                *out += if index + 1 < items.len() { "," } else { "" };
                behind(out, item, "//");
            }
            *out += &format!("{}]", " ".repeat(indent));
        }
        Node::Nothing => *out += "null",
        _ => *out += &flat(item, ": "),
    }
}

fn toml_table(out: &mut String, entries: &[(String, Item)], path: &str) {
    let is_table = |item: &Item| matches!(&item.node, Node::Map(_)) && !item.flow;
    let is_array = |item: &Item| {
        matches!(&item.node, Node::List(items) if !items.is_empty() && items.iter().all(is_table))
            && !item.flow
    };
    let name = |key: &str| if key.contains(' ') { format!("{key:?}") } else { key.to_owned() };
    for (key, item) in entries.iter().filter(|(_, item)| !is_table(item) && !is_array(item)) {
        above(out, item, 0, "#");
        *out += &format!("{} = ", name(key));
        match &item.node {
            Node::List(items) if !items.is_empty() && !item.flow => {
                *out += "[\n";
                for item in items {
                    above(out, item, 2, "#");
                    *out += &format!("  {},", flat(item, " = "));
                    behind(out, item, "#");
                }
                *out += "]";
            }
            _ => *out += &flat(item, " = "),
        }
        behind(out, item, "#");
    }
    for (key, item) in entries {
        let path = if path.is_empty() { name(key) } else { format!("{path}.{}", name(key)) };
        match &item.node {
            Node::Map(entries) if is_table(item) => {
                above(out, item, 0, "#");
                *out += &format!("\n[{path}]\n");
                toml_table(out, entries, &path);
            }
            Node::List(items) if is_array(item) => {
                for item in items {
                    *out += &format!("\n[[{path}]]\n");
                    if let Node::Map(entries) = &item.node {
                        toml_table(out, entries, &path);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A value in one line of JSON or TOML.
fn flat(item: &Item, between: &str) -> String {
    match &item.node {
        Node::Text(text) => format!("{text:?}"),
        Node::Bare(text) if text == "yes" => format!("{text:?}"),
        Node::Bare(text) => text.clone(),
        Node::Alias(text) => format!("{text:?}"),
        Node::Nothing => "\"\"".to_owned(),
        Node::Map(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, item)| format!("{key:?}{between}{}", flat(item, between)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Node::List(items) => {
            let items: Vec<String> = items.iter().map(|item| flat(item, between)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

fn is_block(item: &Item) -> bool {
    let filled = match &item.node {
        Node::Map(entries) => !entries.is_empty(),
        Node::List(items) => !items.is_empty(),
        _ => false,
    };
    filled && !item.flow
}

fn above(out: &mut String, item: &Item, indent: usize, marker: &str) {
    if let Some(comment) = &item.above {
        *out += &format!("{}{marker} {comment}\n", " ".repeat(indent));
    }
}

fn behind(out: &mut String, item: &Item, marker: &str) {
    if let Some(comment) = &item.behind {
        *out += &format!(" {marker} {comment}");
    }
    *out += "\n";
}
