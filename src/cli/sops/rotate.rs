use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::file::sops::Next;
use sealeaf::keys::Recipient;

use super::change::next;
use super::face::{Face, format};
use super::fault::{CANNOT_READ, Fault, GENERIC, NO_FILE, ROTATE_MISSING};
use super::flags::{Order, Output, Services, Types};
use super::keys::{context, listed, of_rule};
use super::load::{As, Loaded};
use crate::cli::keygen::now;

/// Make a new data key, and encrypt everything anew
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) types: Types,
    #[command(flatten)]
    pub(super) change: Change,
    /// Encryption context of AWS KMS, `key:value` between commas
    #[arg(long, value_name = "K:V,…")]
    pub(super) encryption_context: Option<String>,
    /// Take rule and types of this path
    #[arg(long, value_name = "PATH")]
    pub(super) filename_override: Option<PathBuf>,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
    /// Do not look at the MAC; only in legacy mode
    #[arg(skip)]
    pub(super) ignore_mac: bool,
    /// Wrap the new key for recipients that stand in the file and not in its rule (not in SOPS)
    #[arg(long)]
    pub(super) accept_file_recipients: bool,
}

/// Master keys to add and to remove, between commas.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Change {
    /// Add AWS KMS keys
    #[arg(long, value_name = "ARN,…")]
    add_kms: Option<String>,
    /// Remove AWS KMS keys
    #[arg(long, value_name = "ARN,…")]
    rm_kms: Option<String>,
    /// Add GCP KMS keys
    #[arg(long, value_name = "ID,…")]
    add_gcp_kms: Option<String>,
    /// Remove GCP KMS keys
    #[arg(long, value_name = "ID,…")]
    rm_gcp_kms: Option<String>,
    /// Add Huawei Cloud KMS keys
    #[arg(long, value_name = "ID,…")]
    add_hckms: Option<String>,
    /// Remove Huawei Cloud KMS keys
    #[arg(long, value_name = "ID,…")]
    rm_hckms: Option<String>,
    /// Add Azure Key Vault keys
    #[arg(long, value_name = "URL,…")]
    add_azure_kv: Option<String>,
    /// Remove Azure Key Vault keys
    #[arg(long, value_name = "URL,…")]
    rm_azure_kv: Option<String>,
    /// Add Vault transit keys
    #[arg(long, value_name = "URI,…")]
    add_hc_vault_transit: Option<String>,
    /// Remove Vault transit keys
    #[arg(long, value_name = "URI,…")]
    rm_hc_vault_transit: Option<String>,
    /// Add age recipients
    #[arg(long, value_name = "RECIPIENT,…")]
    add_age: Option<String>,
    /// Remove age recipients
    #[arg(long, value_name = "RECIPIENT,…")]
    rm_age: Option<String>,
    /// Add OpenPGP keys
    #[arg(long, value_name = "FP,…")]
    add_pgp: Option<String>,
    /// Remove OpenPGP keys
    #[arg(long, value_name = "FP,…")]
    rm_pgp: Option<String>,
}

impl Change {
    fn pairs(&self) -> [(&'static str, Option<&str>, Option<&str>); 7] {
        let text = |flag| Option::<&String>::map(flag, String::as_str);
        [
            ("kms", text(self.add_kms.as_ref()), text(self.rm_kms.as_ref())),
            ("gcp_kms", text(self.add_gcp_kms.as_ref()), text(self.rm_gcp_kms.as_ref())),
            ("hckms", text(self.add_hckms.as_ref()), text(self.rm_hckms.as_ref())),
            ("azure_kv", text(self.add_azure_kv.as_ref()), text(self.rm_azure_kv.as_ref())),
            ("hc_vault", text(self.add_hc_vault_transit.as_ref()), text(self.rm_hc_vault_transit.as_ref())),
            ("age", text(self.add_age.as_ref()), text(self.rm_age.as_ref())),
            ("pgp", text(self.add_pgp.as_ref()), text(self.rm_pgp.as_ref())),
        ]
    }

    /// Whether anything is to change.
    pub(super) fn is_some(&self) -> bool {
        self.pairs().iter().any(|(_, add, rm)| add.is_some() || rm.is_some())
    }
}

/// Rotates one file.
pub(super) fn run(args: &Args, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let file = args.files.first().ok_or_else(|| Fault::new(NO_FILE, "no file specified"))?;
    let named = args.filename_override.as_deref().unwrap_or(file);
    let from = format(args.types.input_type.as_deref(), Some(named))?;
    let to = format(args.types.output_type.as_deref(), Some(named))?;
    let missing = if args.change.is_some() { ROTATE_MISSING } else { CANNOT_READ };
    let loaded = Loaded::read(Some(file), from, As::Encrypted, missing, face.context)?;
    let open = face.open(&loaded, args.ignore_mac)?;
    let groups = groups(args, &open.sealed_file().recipients(), face).map_err(|fault| fault.at(file))?;
    let now = now();
    let next_version = Next {
        groups: Some(&groups),
        threshold: open.sealed_file().metadata().threshold,
        rotate: true,
        now: &now,
        allow_no_secrets: true,
        ..Next::default()
    };
    let rotated = open.next(next_version, &face.keyring(), &face.context.limits);
    let rotated = rotated.map_err(|error| Fault::from(error).at(file))?.sealed.text;
    let text = if to.name() == from.name() {
        rotated
    } else {
        let again = sealeaf::file::sops::SopsFile::parse(&rotated, from, &face.context.limits);
        let again = again.and_then(|again| again.open(&face.keyring(), &face.context.limits))?;
        let plain = again.plain().clone();
        next(&loaded, &again, plain, to, face)?
    };
    loaded.put(&args.output, text.as_bytes(), false, face)?;
    Ok(ExitCode::SUCCESS)
}

/// Who gets the new key. What stands in a file about its recipients nobody authenticates: whoever may write to it could
/// have added a key of theirs. Those that the command line does not name must be the configuration's, where there is one.
fn groups(args: &Args, own: &[Vec<Recipient>], face: &Face<'_>) -> Result<Vec<Vec<Recipient>>, Fault> {
    let context = context(args.encryption_context.as_deref())?;
    let mut groups = own.to_vec();
    if !args.accept_file_recipients {
        let file = args.files.first().map_or(Path::new(""), PathBuf::as_path);
        let named = args.filename_override.as_deref().unwrap_or(file);
        check(&groups, named, face)?;
    }
    for (list, add, remove) in args.change.pairs() {
        for key in listed(list, remove.unwrap_or_default(), None, &context)? {
            for group in &mut groups {
                group.retain(|own| own.key.kind != key.key.kind || own.key.id != key.key.id);
            }
        }
        for key in listed(list, add.unwrap_or_default(), None, &context)? {
            if let Some(group) =
                groups.first_mut().filter(|group| !group.iter().any(|own| own.key == key.key))
            {
                group.push(key);
            }
        }
    }
    if groups.iter().any(Vec::is_empty) {
        return Err(Fault::new(
            GENERIC,
            "empty key group provided: the last key of a group cannot be removed",
        ));
    }
    Ok(groups)
}

fn check(groups: &[Vec<Recipient>], file: &Path, face: &Face<'_>) -> Result<(), Fault> {
    let Ok(Some(rule)) = face.rule(file) else {
        face.context.warn_once(
            "no rule of a `.sops.yaml` says who this file is for: the new key goes to whoever stands in the file"
                .to_owned(),
        );
        return Ok(());
    };
    let ruled = of_rule(rule)?;
    let is_ruled = |own: &Recipient| {
        ruled.iter().flatten().any(|key| key.key.kind == own.key.kind && key.key.id == own.key.id)
    };
    let Some(stranger) = groups.iter().flatten().find(|own| !is_ruled(own)) else { return Ok(()) };
    let message =
        format!("`{}` stands in the file and not in its rule, and would get the new key", stranger.label());
    Err(Fault::new(GENERIC, message).hint(
        "bring the file to the rule with `sops updatekeys`, or say --accept-file-recipients where the file is right",
    ))
}
