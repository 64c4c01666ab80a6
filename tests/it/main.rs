//! Integration tests: the binary as a user meets it, one file a command.
#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod abuse;
mod attacks;
mod backends;
mod bytes;
mod canary;
mod completions;
mod convert;
mod corpora;
mod decrypt;
mod dialects;
mod docs;
mod drill;
mod edit;
mod encrypt;
mod exec;
mod explain;
mod faults;
mod formats;
mod fuzz;
mod get;
mod git;
mod groups;
mod guards;
mod independent;
mod init;
mod keygen;
mod kit;
mod lines;
mod man;
mod merges;
mod pgp;
mod pieces;
mod recipients;
mod reference;
mod rekey;
mod repair;
mod reseal;
mod rotate;
mod set;
mod sops;
mod sops_config;
mod status;
mod support;
mod tidy;
mod unset;
mod usage;
mod verify;

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
