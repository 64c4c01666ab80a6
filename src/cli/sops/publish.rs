//! `sops publish`: to the bucket or the Vault that a destination rule names.

use std::ffi::OsStr;
use std::io::{BufRead, Read, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::config::sops::{CreationRule, Destination, DestinationRule};
use sealeaf::file::sops::SopsFile;
use sealeaf::keys::Environment;
use sealeaf::remote::{Bucket, Outcome, RemoteError, Secret, Store, Vault, is_trusted};
use sealeaf::secret::SecretText;
use walkdir::WalkDir;

use super::encrypt::Making;
use super::face::{Face, format};
use super::fault::{Fault, GENERIC, NO_FILE};
use super::flags::{Order, Services};
use super::keys::of_rule;
use super::load::{As, Loaded};
use super::values::as_json;
use crate::cli::escape;
use crate::cli::input::{read_file, to_text};
use crate::cli::report::{Kind, Report};

/// Put a file where the configuration's destination rules say
///
/// Buckets get the encrypted file; Vault gets the decrypted values.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct PublishArgs {
    /// The file, or with --recursive the folder
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
    /// Leave the extension out of the name there
    #[arg(long)]
    pub(super) omit_extensions: bool,
    /// Publish every file of a folder
    #[arg(long)]
    pub(super) recursive: bool,
    /// Say what is done
    #[arg(long)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Publishes a file, or all of a folder in the order of their names.
pub(super) fn run(args: &PublishArgs, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let Some(path) = args.files.first() else { return Err(Fault::new(NO_FILE, "no file specified")) };
    if args.files.len() > 1 {
        face.context.warn("more than one file is named: only the first one is published");
    }
    let place = face.context.directory.join(path);
    let found = std::fs::metadata(&place).map_err(Report::io("read", path))?;
    if !found.is_dir() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return if one(path, &name, args, face)? {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(Fault::new(GENERIC, format!("Publication of {} canceled", escape::path(&place))))
        };
    }
    if !args.recursive {
        return Err(Fault::new(GENERIC, "can't operate on a directory without --recursive flag."));
    }
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| Fault::from(Report::new(Kind::Failed, error)))?;
        if entry.file_type().is_symlink() {
            let link = escape::path(entry.path());
            face.context.warn(format!("{link}: a link is not followed, and not published"));
        }
        if !entry.file_type().is_file() {
            continue;
        }
        let name = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_string_lossy().into_owned();
        if !one(entry.path(), &name, args, face)? {
            let file = escape::path(&face.context.directory.join(entry.path()));
            face.context.say(&format!("Publication of {file} canceled\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Publishes one file under a name. Tells whether the user agreed.
fn one(path: &Path, name: &str, args: &PublishArgs, face: &Face<'_>) -> Result<bool, Fault> {
    let rule = rule_for(path, face)?;
    let name = match name.rsplit_once('.') {
        Some((stem, extension))
            if (args.omit_extensions || rule.omit_extensions) && !extension.contains('/') =>
        {
            stem
        }
        _ => name,
    };
    let format = format(None, Some(path))?;
    let loaded = Loaded::read(Some(path), format, As::Encrypted, GENERIC, face.context)?;
    let sealed = SopsFile::parse(&loaded.text, format, &face.context.limits);
    sealed.map_err(|error| Fault::from(error).at(path))?;
    let shown = escape::path(&face.context.directory.join(path)).to_string();
    let say = |text: String| {
        if args.verbose {
            face.context.say(&format!("sops: {}\n", escape::line(&text)));
        }
    };
    let agreed =
        |to: &str| -> Result<bool, Fault> { if args.yes { Ok(true) } else { ask(&shown, to, face) } };
    let to_bucket = |store, bucket: &str, prefix: &str| -> Result<bool, Fault> {
        let bucket = Bucket { store, name: bucket.to_owned() };
        let name = format!("{prefix}{name}");
        let to = bucket.shown(&name);
        let text = match &rule.recreation_rule {
            Some(rule) => recreated(&loaded, rule, face)?,
            None => loaded.text.clone(),
        };
        if !agreed(&to)? {
            return Ok(false);
        }
        let variable = |name: &str| face.context.environment.text(name).map(str::to_owned);
        bucket.put(&name, text.as_bytes(), &variable).map_err(remote)?;
        say(format!("published {shown} to {to}"));
        Ok(true)
    };
    match &rule.destination {
        Destination::S3 { bucket, prefix } => to_bucket(Store::S3, bucket, prefix),
        Destination::Gcs { bucket, prefix } => to_bucket(Store::Gcs, bucket, prefix),
        Destination::Vault { path, address, mount, kv_version } => {
            let vault = vault(address.as_deref(), &face.context.environment, face)?;
            let folder = path.trim_matches('/');
            let secret = Secret {
                mount: mount.clone(),
                path: if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") },
                version: *kv_version,
            };
            let to = vault.place(&secret).map_err(remote)?;
            let open = face.open(&loaded, false)?;
            let values = as_json(open.plain(), format).map_err(|fault| fault.at(loaded.shown()))?;
            if !agreed(&to)? {
                return Ok(false);
            }
            match vault.put(&secret, &values).map_err(remote)? {
                Outcome::Written => say(format!("published {shown} to {to}")),
                Outcome::Unchanged => say(format!("{to} holds the same values already")),
            }
            Ok(true)
        }
        _ => Err(Fault::new(GENERIC, "this build has no such destination")),
    }
}

fn rule_for<'f>(path: &Path, face: &'f Face<'_>) -> Result<&'f DestinationRule, Fault> {
    let found = face.config().ok_or_else(|| {
        Fault::new(GENERIC, "config file not found")
            .hint("`sops publish` needs `destination_rules` in `.sops.yaml`")
    })?;
    let rule = path.to_str().and_then(|path| found.config.destination_for(path));
    rule.ok_or_else(|| {
        let config = escape::path(&found.config.path);
        Fault::new(GENERIC, "error loading config: no matching destination found in config").hint(format!(
            "`{config}` has no destination rule whose `path_regex` matches the path as it was typed"
        ))
    })
}

/// Asks on standard output and reads standard input, as scripts answer there. Nobody there is an error.
fn ask(file: &str, to: &str, face: &Face<'_>) -> Result<bool, Fault> {
    loop {
        let question = format!("uploading {file} to {} ? (y/n): ", escape::line(to));
        face.context.print(question.as_bytes())?;
        let mut answer = String::new();
        match (stdin().lock().take(LINE).read_line(&mut answer), answer.trim()) {
            (Ok(1..), "y") => return Ok(true),
            (Ok(1..), "n") => return Ok(false),
            (Ok(1..), _) => {}
            _ => {
                return Err(Fault::new(GENERIC, "EOF: nobody answered")
                    .hint("say --yes to publish without being asked"));
            }
        }
    }
}

/// The file with a new data key for the keys of a recreation rule, and encrypted by its selector.
fn recreated(loaded: &Loaded, rule: &CreationRule, face: &Face<'_>) -> Result<SecretText, Fault> {
    let open = face.open(loaded, false)?;
    let making = Making {
        groups: of_rule(rule)?,
        threshold: rule.shamir_threshold.unwrap_or_default(),
        selector: rule.selector.clone(),
        mac_only_encrypted: rule.mac_only_encrypted,
    };
    let mut text = String::new();
    let before = open.sealed_file().recipients();
    for index in 0..before.len().max(making.groups.len()) {
        let ids = |groups: &[Vec<sealeaf::keys::Recipient>]| -> Vec<String> {
            groups.get(index).into_iter().flatten().map(|key| key.key.id.clone()).collect()
        };
        let (then, now) = (ids(&before), ids(&making.groups));
        let lines = now.iter().map(|id| (if then.contains(id) { "   " } else { "+++" }, id));
        let gone = then.iter().filter(|id| !now.contains(id)).map(|id| ("---", id));
        text.push_str(&format!("Group {}\n", index + 1));
        for (mark, id) in lines.chain(gone) {
            text.push_str(&format!("{mark} {}\n", escape::line(id)));
        }
    }
    if before != making.groups {
        face.context.say(&format!("The following changes will be made to the file's key groups:\n{text}"));
    }
    let sealed = making.seal(open.plain().clone(), loaded.format, false, face);
    Ok(sealed.map_err(|fault| fault.at(loaded.shown()))?.text)
}

/// The Vault of a rule. A token goes to no address that the user's environment does not name.
fn vault(ruled: Option<&str>, environment: &Environment, face: &Face<'_>) -> Result<Vault, Fault> {
    let own = environment.text("VAULT_ADDR");
    let address = match ruled {
        Some(ruled) if !is_trusted(ruled, own, environment.text("SOPS_HC_VAULT_ALLOWLIST")) => {
            let message =
                format!("the token is not sent to `{}`, which `.sops.yaml` names", escape::line(ruled));
            return Err(Fault::from(Report::message(Kind::Refused, message).hint(
                "set VAULT_ADDR to it, or name it in SOPS_HC_VAULT_ALLOWLIST, if that is your Vault",
            )));
        }
        Some(ruled) => ruled,
        None => own.unwrap_or(DEFAULT),
    };
    let vault = Vault::new(address, token(environment)?).map_err(remote)?;
    let vault = vault.in_namespace(environment.text("VAULT_NAMESPACE").map(str::to_owned));
    let read = |path: &OsStr| read_file(Path::new(path), face.context.limits.file);
    let vault = match environment.os("VAULT_CACERT") {
        Some(path) => vault.trusting(&read(path)?.0).map_err(remote)?,
        None => vault,
    };
    match environment.os("VAULT_CLIENT_CERT").zip(environment.os("VAULT_CLIENT_KEY")) {
        Some((certificate, key)) => vault.showing(&read(certificate)?.0, &read(key)?.0).map_err(remote),
        None => Ok(vault),
    }
}

fn token(environment: &Environment) -> Result<SecretText, Fault> {
    if let Some(token) = environment.text("VAULT_TOKEN") {
        return Ok(token.into());
    }
    let path = environment.home().map(|home| home.join(".vault-token")).filter(|path| path.exists());
    let path = path.ok_or_else(|| {
        Fault::from(Report::message(Kind::Refused, "there is no token for Vault"))
            .hint("set VAULT_TOKEN, or log in with `vault login`, which writes `~/.vault-token`")
    })?;
    let (bytes, _) = read_file(&path, TOKEN)?;
    let text = to_text(bytes).map_err(|report| report.at(&path))?;
    Ok(text.trim().into())
}

fn remote(error: RemoteError) -> Fault {
    let hint = match &error {
        RemoteError::Redirected { .. } => Some("set VAULT_ADDR to that address, if it is your Vault"),
        RemoteError::Refused { status: 403, .. } => {
            Some("the token may not do that, or is none: VAULT_TOKEN")
        }
        _ => None,
    };
    let fault = Fault::from(Report::new(Kind::Failed, error));
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// Vault's own.
const DEFAULT: &str = "https://127.0.0.1:8200";
/// Largest file with a token, in bytes.
const TOKEN: usize = 16 << 10;
/// More than an answer, less than trouble.
const LINE: u64 = 1024;
