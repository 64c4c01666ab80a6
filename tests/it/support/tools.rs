//! What `scripts/setup.sh` installed, and what a test does where something is missing.

use std::path::{Path, PathBuf};

/// The folder of installed tools and suites, if the set-up was run.
pub(crate) fn tools() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".test-tools");
    folder.join("yaml-suite.json").exists().then_some(folder)
}

/// Says that a test is skipped, and why. In CI nothing is: there it fails.
#[expect(clippy::print_stdout, reason = "the reason is for whoever reads the test's output")]
#[expect(clippy::disallowed_methods, reason = "the test's own environment, not the program's")]
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var("SEALEAF_TESTS_MUST_NOT_SKIP").is_err(), "skipped in CI: {reason}");
    println!("skipped: {reason}");
}
