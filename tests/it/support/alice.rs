//! A sandbox that is set up: an identity, a rule, sealed files.

use super::Sandbox;

/// The user's recipient.
pub(crate) const ALICE: &str = "age1hemz4x4pu084aqjgnpejegru9c996ssz4a6p6epx0u7dlncfseus5rp4v8";
/// Another one's.
const BOB: &str = "age10y6h7e2jhzsxrng7nsaeatf3y0qprdauex94uach4m90t8gmndxsddm5ef";
/// Bob's private key, made for these tests.
pub(crate) const BOBS_KEY: &str =
    "AGE-SECRET-KEY-15X86GVQYANE9F0YNE748ZV0G726NDD2DCL57ZKCH2HR3RCYQ2GWQ0AGDWX";
/// Alice's.
const ALICES_KEY: &str = "AGE-SECRET-KEY-188ECU2KSRNWNZHJ5WH83WP65Z4H4G2E4R79NG4UPM0N933J96KZQ2QCYA3";

impl Sandbox {
    /// A git repository with a rule for `secrets/**` and for Alice, who has her key in the usual place.
    pub(crate) fn project() -> Self {
        let sandbox = Self::new();
        sandbox.put(&sandbox.home().join(".config/sealeaf/keys.txt"), &format!("{ALICES_KEY}\n"));
        sandbox.close(&sandbox.home().join(".config/sealeaf/keys.txt"));
        sandbox.rule("to = [\"alice\"]");
        sandbox
    }

    /// Writes a configuration whose one rule, for `secrets/**`, holds these lines.
    pub(crate) fn rule(&self, lines: &str) -> &Self {
        let recipients =
            format!("[recipients]\nalice = {{ age = \"{ALICE}\" }}\nbob = {{ age = \"{BOB}\" }}\n");
        let rule = format!("[[rule]]\nfiles = [\"secrets/**\"]\n{lines}\n");
        self.write(".sealeaf.toml", &format!("version = 1\n\n{recipients}\n{rule}"))
    }

    /// Writes a file and seals it by its rule; gives the sealed text.
    #[track_caller]
    pub(crate) fn seal(&self, name: &str, text: &str) -> String {
        self.write(name, text);
        self.run(&["encrypt", name, "--allow-comments", "--allow-no-secrets"]).stdout();
        self.read(name)
    }

    /// Opens a file.
    #[track_caller]
    pub(crate) fn open(&self, name: &str) -> String {
        self.run(&["decrypt", name]).stdout()
    }
}
