use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::file::sops::SopsFile;
use sealeaf::keys::Recipient;

use super::face::{Face, format};
use super::fault::{CANNOT_READ, Fault, GENERIC};
use super::flags::{Output, Services};
use super::keys::{context, listed};
use super::load::{As, Loaded};
use crate::cli::keygen::now;

/// Change the key groups of a file
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a group
    Add(Box<AddArgs>),
    /// Delete a group by its number, from 0 on
    Delete(DeleteArgs),
}

/// Add a group.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AddArgs {
    /// The file
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Fingerprint of an OpenPGP key
    #[arg(long, value_name = "FP")]
    pgp: Vec<String>,
    /// ARN of an AWS KMS key
    #[arg(long, value_name = "ARN")]
    kms: Vec<String>,
    /// The AWS profile for these
    #[arg(long, value_name = "NAME")]
    aws_profile: Option<String>,
    /// Resource id of a GCP KMS key
    #[arg(long, value_name = "ID")]
    gcp_kms: Vec<String>,
    /// A Huawei Cloud KMS key as `region:uuid`
    #[arg(long, value_name = "ID")]
    hckms: Vec<String>,
    /// URL of an Azure Key Vault key
    #[arg(long, value_name = "URL")]
    azure_kv: Vec<String>,
    /// URI of a Vault transit key
    #[arg(long, value_name = "URI")]
    hc_vault_transit: Vec<String>,
    /// An age recipient
    #[arg(long, value_name = "RECIPIENT")]
    age: Vec<String>,
    /// Write it back to the file
    #[arg(long, short = 'i')]
    in_place: bool,
    /// How many groups are needed; 0 for all
    #[arg(long, value_name = "N")]
    shamir_secret_sharing_threshold: Option<u32>,
    /// Encryption context of AWS KMS, `key:value` between commas
    #[arg(long, value_name = "K:V,…")]
    encryption_context: Option<String>,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Delete a group.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct DeleteArgs {
    /// The group's number, from 0 on
    #[arg(value_name = "INDEX")]
    words: Vec<String>,
    /// The file
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Write it back to the file
    #[arg(long, short = 'i')]
    in_place: bool,
    /// How many groups are needed; 0 for all
    #[arg(long, value_name = "N")]
    shamir_secret_sharing_threshold: Option<u32>,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Adds a group.
pub(super) fn add(args: &AddArgs, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let context = context(args.encryption_context.as_deref())?;
    let profile = args.aws_profile.as_deref();
    let mut group: Vec<Recipient> = Vec::new();
    for (list, texts) in [
        ("pgp", &args.pgp),
        ("kms", &args.kms),
        ("gcp_kms", &args.gcp_kms),
        ("hckms", &args.hckms),
        ("azure_kv", &args.azure_kv),
        ("hc_vault", &args.hc_vault_transit),
        ("age", &args.age),
    ] {
        for text in texts {
            group.extend(listed(list, text, profile, &context)?);
        }
    }
    if group.is_empty() {
        return Err(Fault::new(GENERIC, "no keys were provided for the new group"));
    }
    let (loaded, sealed) = load(args.file.as_ref(), face)?;
    let mut groups = sealed.recipients();
    groups.push(group);
    let said = args.shamir_secret_sharing_threshold.filter(|threshold| *threshold > 0);
    let threshold = said.unwrap_or(sealed.metadata().threshold);
    write(&loaded, &sealed, &groups, threshold, args.in_place, face)
}

/// Deletes a group.
pub(super) fn delete(args: &DeleteArgs, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let wrong =
        || Fault::new(GENERIC, "failed to parse [index] argument: expected the group's number, from 0 on");
    let [index] = args.words.as_slice() else { return Err(wrong()) };
    let index: usize = index.parse().map_err(|_| wrong())?;
    let (loaded, sealed) = load(args.file.as_ref(), face)?;
    let mut groups = sealed.recipients();
    if index >= groups.len() {
        let message = format!("the file has {} groups, and no group {index}", groups.len());
        return Err(Fault::new(GENERIC, message).at(loaded.shown()));
    }
    groups.remove(index);
    let said = args.shamir_secret_sharing_threshold.filter(|threshold| *threshold > 0);
    let threshold = said.unwrap_or(sealed.metadata().threshold);
    let needed = usize::try_from(threshold).unwrap_or(usize::MAX);
    if groups.is_empty() || needed > groups.len() {
        let message = "removing this key group will make the Shamir threshold impossible to satisfy: \
                       Shamir threshold is larger than the number of groups left";
        return Err(Fault::new(GENERIC, message).at(loaded.shown()));
    }
    let threshold = if groups.len() == 1 { 0 } else { threshold };
    write(&loaded, &sealed, &groups, threshold, args.in_place, face)
}

fn load(file: Option<&PathBuf>, face: &Face<'_>) -> Result<(Loaded, SopsFile), Fault> {
    let file = file.ok_or_else(|| Fault::new(GENERIC, "no file specified: name it with --file"))?;
    let loaded =
        Loaded::read(Some(file), format(None, Some(file))?, As::Encrypted, CANNOT_READ, face.context)?;
    let sealed = SopsFile::parse(&loaded.text, loaded.format, &face.context.limits);
    let sealed = sealed.map_err(|error| Fault::from(error).at(file))?;
    Ok((loaded, sealed))
}

fn write(
    loaded: &Loaded,
    sealed: &SopsFile,
    groups: &[Vec<Recipient>],
    threshold: u32,
    in_place: bool,
    face: &Face<'_>,
) -> Result<ExitCode, Fault> {
    let text = sealed.regroup(groups, threshold, &now(), &face.keyring(), &face.context.limits);
    let text = text.map_err(|error| Fault::from(error).at(loaded.shown()))?;
    loaded.put(&Output { in_place, output: None }, text.as_bytes(), false, face)?;
    Ok(ExitCode::SUCCESS)
}
