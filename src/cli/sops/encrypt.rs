use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::document::{Document, Value};
use sealeaf::envelope::sops::Selector;
use sealeaf::file::sops::{self, Sealed, Sealing};
use sealeaf::format::Format;
use sealeaf::keys::Recipient;

use super::convert::converted;
use super::face::{Face, format};
use super::fault::{ALREADY_ENCRYPTED, CONFLICTING, Fault, GENERIC, NO_FILE, TREE_NOT_ENCRYPTED};
use super::flags::{CommentSelectors, EXCLUSIVE, Keys, Output, Selectors, Services, Types};
use super::keys;
use super::load::{As, Loaded};
use crate::cli::keygen::now;

/// Encrypt a file, and write it to standard output
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file; standard input without
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) keys: Keys,
    #[command(flatten)]
    pub(super) types: Types,
    #[command(flatten)]
    pub(super) selectors: Selectors,
    /// Take rule and types of this path; needed for standard input
    #[arg(long, value_name = "PATH")]
    pub(super) filename_override: Option<PathBuf>,
    #[command(flatten)]
    pub(super) services: Services,
    /// Accept a rule that encrypts nothing in this file (not in SOPS)
    #[arg(long)]
    pub(super) allow_no_secrets: bool,
}

/// What only legacy mode can say.
#[derive(Clone, Debug, Default)]
pub(super) struct Legacy {
    pub(super) comments: CommentSelectors,
    pub(super) mac_only_encrypted: bool,
}

/// Encrypts one file.
pub(super) fn run(args: &Args, legacy: &Legacy, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let file = args.files.first().map(PathBuf::as_path);
    let named = args.filename_override.as_deref().or(file).ok_or_else(|| {
        Fault::new(CONFLICTING, "cannot encrypt standard input without --filename-override")
    })?;
    let from = format(args.types.input_type.as_deref(), Some(named))?;
    let to = format(args.types.output_type.as_deref(), Some(named))?;
    let loaded = Loaded::read(file, from, As::Plain, NO_FILE, face.context)?;
    let making = Making::of(named, &args.keys, &args.selectors, legacy, face)?;
    let plain = loaded.plain(face)?;
    let plain = if from.name() == to.name() { plain } else { converted(&plain, to, face)? };
    let sealed =
        making.seal(plain, to, args.allow_no_secrets, face).map_err(|fault| fault.at(loaded.shown()))?;
    loaded.put(&args.output, sealed.text.as_bytes(), false, face)?;
    Ok(ExitCode::SUCCESS)
}

/// How a new file is made.
#[derive(Debug)]
pub(super) struct Making {
    pub(super) groups: Vec<Vec<Recipient>>,
    pub(super) threshold: u32,
    pub(super) selector: Option<Selector>,
    pub(super) mac_only_encrypted: bool,
}

impl Making {
    /// By the flags, and by the configuration where they say nothing.
    ///
    /// # Errors
    /// No rule, no keys, or a selector of the flags beside another one of the rule.
    pub(super) fn of(
        path: &Path,
        flags: &Keys,
        selectors: &Selectors,
        legacy: &Legacy,
        face: &Face<'_>,
    ) -> Result<Self, Fault> {
        let rule = face.rule(path)?;
        let said = selectors.chosen(&legacy.comments)?;
        let ruled = rule.and_then(|rule| rule.selector.clone());
        let selector = match (said, ruled) {
            (Some(said), Some(ruled)) if said.by() != ruled.by() => {
                return Err(Fault::new(CONFLICTING, EXCLUSIVE));
            }
            (said, ruled) => said.or(ruled),
        };
        let groups = match (keys::named(flags, &face.context.environment)?, rule) {
            (Some(group), _) => vec![group],
            (None, Some(rule)) if !rule.groups.is_empty() => keys::of_rule(rule)?,
            _ => return Err(no_keys()),
        };
        let flag = flags.shamir_secret_sharing_threshold.filter(|threshold| *threshold > 0);
        Ok(Self {
            groups,
            threshold: flag.or_else(|| rule?.shamir_threshold).unwrap_or_default(),
            selector,
            mac_only_encrypted: legacy.mac_only_encrypted || rule.is_some_and(|rule| rule.mac_only_encrypted),
        })
    }

    /// Makes the encrypted text.
    ///
    /// # Errors
    /// 203 for what is encrypted already, 23 for what SOPS has no form for.
    pub(super) fn seal(
        &self,
        plain: Document,
        format: &'static dyn Format,
        allow_no_secrets: bool,
        face: &Face<'_>,
    ) -> Result<Sealed, Fault> {
        let now = now();
        let sealing = Sealing {
            selector: self.selector.clone(),
            mac_only_encrypted: self.mac_only_encrypted,
            groups: &self.groups,
            threshold: self.threshold,
            now: &now,
            version: VERSION,
            allow_no_secrets: allow_no_secrets || has_no_values(&plain),
        };
        let sealed = sops::seal(plain, format, &sealing, &face.keyring(), &face.context.limits);
        sealed.map_err(|error| match error {
            sealeaf::file::FileError::NothingSealed => Fault::new(
                TREE_NOT_ENCRYPTED,
                "the rule encrypts nothing in this file, which would be written in clear",
            )
            .hint("look at the rule's suffix or regex; say --allow-no-secrets where that is wanted"),
            error => {
                let fault = Fault::from(error);
                match fault.code {
                    ALREADY_ENCRYPTED => fault.hint(
                        "an encrypted file is edited with `sops FILE`; a plain one must not have that entry",
                    ),
                    _ => fault,
                }
            }
        })
    }
}

fn no_keys() -> Fault {
    Fault::new(
        GENERIC,
        "config file not found, or has no creation rules, and no keys provided through command line options",
    )
    .hint("name keys with flags such as --age, or write a `.sops.yaml` with `creation_rules`")
}

/// Whether there is nothing that could be encrypted: SOPS leaves empty values in clear.
fn has_no_values(plain: &Document) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Str(text) => text.is_empty(),
        Value::Null | Value::EmptyMap | Value::EmptyList => true,
        _ => false,
    };
    plain.ids().filter_map(|id| plain.value(id)).all(|value| is_empty(&value))
}

/// The version of SOPS that new files name.
pub(super) const VERSION: &str = "3.11.0";
