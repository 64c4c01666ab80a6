//! Where the real files are: packages that `scripts/corpora.sh` installed, and the crates that cargo has unpacked.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::tools;

/// A real file.
pub(super) struct Real {
    /// Package and path in it.
    pub(super) name: String,
    pub(super) text: String,
}

/// The real files of a format, each content once: at most `most`, taken from every package in turn, none over `size`
/// bytes. None where nothing is installed.
pub(super) fn files(format: &str, most: usize, size: u64) -> Option<Vec<Real>> {
    let mut packages = packages()?;
    packages.sort();
    let mut shelves: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for package in &packages {
        let mut found: Vec<PathBuf> = walkdir::WalkDir::new(package)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() <= size))
            .map(walkdir::DirEntry::into_path)
            .filter(|path| is(format, path))
            .collect();
        found.sort_by_key(|path| mixed(path));
        if !found.is_empty() {
            shelves.insert(package.display().to_string(), found);
        }
    }
    let (mut seen, mut files) = (HashSet::new(), Vec::new());
    let longest = shelves.values().map(Vec::len).max().unwrap_or_default();
    for place in 0..longest {
        for (package, found) in &shelves {
            let Some(path) = found.get(place) else { continue };
            // What is not UTF-8 is none of the three formats, and `sealeaf` says so before it parses.
            let Ok(text) = fs::read_to_string(path) else { continue };
            if files.len() < most && seen.insert(text.clone()) {
                let root = Path::new(package).parent().unwrap();
                files.push(Real { name: path.strip_prefix(root).unwrap().display().to_string(), text });
            }
        }
    }
    Some(files)
}

/// The folders of all packages.
fn packages() -> Option<Vec<PathBuf>> {
    let tools = tools()?;
    let mut packages = Vec::new();
    for parent in ["corpora/pypi", "corpora/npm/node_modules", "node_modules"] {
        packages.extend(folders(&tools.join(parent)));
    }
    for registry in folders(&cargo_home().join("registry/src")) {
        packages.extend(folders(&registry));
    }
    // Suites of parsers hold what no one writes; `formats` has them.
    packages
        .retain(|path| !["-test-", "basic-toml-"].iter().any(|suite| path.to_string_lossy().contains(suite)));
    Some(packages)
}

#[expect(clippy::disallowed_methods, reason = "cargo's environment, not the program's")]
fn cargo_home() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

fn is(format: &str, path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match format {
        "yaml" => ends(&[".yaml", ".yml"]),
        "json" => ends(&[".json"]),
        // Locks of cargo and poetry are TOML, and so is what cargo keeps of a manifest as it was written.
        _ => ends(&[".toml", "Cargo.toml.orig", "Cargo.lock", "poetry.lock"]),
    }
}

/// An order that mixes a package's folders and is the same on every machine.
fn mixed(path: &Path) -> (u64, PathBuf) {
    let own: PathBuf = path.iter().rev().take(3).collect();
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    (own.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv), path.to_owned())
}
