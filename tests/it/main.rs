//! Integration tests: the binary as a user meets it, one file a command.
#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod backends;
mod completions;
mod guards;
mod man;
mod support;
mod tidy;
mod usage;

use std::fs;
use std::path::Path;

#[test]
fn no_test_file_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "main" || main.contains(&format!("\nmod {name};\n")), "no `mod {name};` in main.rs");
    }
}
