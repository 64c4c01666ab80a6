use std::collections::BTreeSet;
use std::io::{BufRead, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sealeaf::file::sops::SopsFile;
use sealeaf::keys::Recipient;

use super::face::{Face, format};
use super::fault::{Fault, GENERIC};
use super::flags::Services;
use super::keys::of_rule;
use super::load::{As, Loaded};
use crate::cli::escape;
use crate::cli::keygen::now;

/// Give the data key to the recipients of the configuration's rule
///
/// The data key stays, and so does the ciphertext: `sops rotate` makes a new one, which who was removed cannot open.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The files
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
    /// `yaml`, `json`, `dotenv`, `ini` or `binary`; else the file's extension tells
    #[arg(long, value_name = "TYPE")]
    pub(super) input_type: Option<String>,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Updates each file, and goes on after failures.
pub(super) fn run(args: &Args, face: &Face<'_>) -> Result<ExitCode, Fault> {
    if args.files.is_empty() {
        return Err(Fault::new(GENERIC, "no file specified"));
    }
    if face.config().is_none_or(|found| found.config.creation_rules.is_none()) {
        return Err(Fault::new(GENERIC, "config file not found")
            .hint("`sops updatekeys` takes the recipients from `creation_rules` in `.sops.yaml`"));
    }
    let mut failed = None;
    for file in &args.files {
        if let Err(fault) = one(file, args, face) {
            if let (Some(report), true) = (&fault.report, args.files.len() > 1) {
                face.context.say(&report.render(face.context.colour));
            }
            failed = Some(fault);
        }
    }
    match failed {
        None => Ok(ExitCode::SUCCESS),
        Some(fault) if args.files.len() == 1 => Err(fault.code(GENERIC)),
        Some(_) => Err(Fault::silent(GENERIC)),
    }
}

fn one(file: &Path, args: &Args, face: &Face<'_>) -> Result<(), Fault> {
    let format = format(args.input_type.as_deref(), Some(file))?;
    let loaded = Loaded::read(Some(file), format, As::Encrypted, GENERIC, face.context)?;
    let absolute = escape::path(&face.context.directory.join(file));
    face.context.say(&format!("Syncing keys for file {absolute}\n"));
    let fault = |error| Fault::from(error).at(file);
    let sealed = SopsFile::parse(&loaded.text, format, &face.context.limits).map_err(fault)?;
    let rule = face.rule(file)?.ok_or_else(|| Fault::new(GENERIC, "config file not found"))?;
    let groups = of_rule(rule)?;
    if groups.is_empty() {
        return Err(Fault::new(GENERIC, "the rule names no keys").at(file));
    }
    let own = sealed.recipients();
    let needed = match rule.shamir_threshold {
        Some(threshold) => usize::try_from(threshold).unwrap_or(usize::MAX),
        None => groups.len(),
    };
    let is_same_threshold = groups.len() == 1 || needed == sealed.metadata().needed();
    if sets(&own) == sets(&groups) && is_same_threshold {
        face.context.say(&format!("File {absolute} already up to date\n"));
        return Ok(());
    }
    show(&own, &groups, is_same_threshold, needed, face)?;
    if !args.yes && !agreed(face) {
        face.context.say(&format!("File {absolute} left unchanged\n"));
        return Ok(());
    }
    let threshold = rule.shamir_threshold.unwrap_or_default();
    let text =
        sealed.regroup(&groups, threshold, &now(), &face.keyring(), &face.context.limits).map_err(fault)?;
    loaded.replace(text.as_bytes(), false, face)?;
    face.context.say(&format!("File {absolute} synced with new keys\n"));
    let is_gone = |own: &Recipient| !groups.iter().flatten().any(|key| key.key == own.key);
    if own.iter().flatten().any(is_gone) {
        face.context.warn(
            "who was removed knows the data key still, and can open what is added to this file: `sops rotate -i` ends that",
        );
    }
    Ok(())
}

type Set<'k> = BTreeSet<(&'k str, &'k str)>;

fn sets(groups: &[Vec<Recipient>]) -> Vec<Set<'_>> {
    groups.iter().map(|group| set(group)).collect()
}

fn set(group: &[Recipient]) -> Set<'_> {
    group.iter().map(|recipient| (recipient.key.kind.as_str(), recipient.key.id.as_str())).collect()
}

/// The change, in SOPS' form.
fn show(
    own: &[Vec<Recipient>],
    groups: &[Vec<Recipient>],
    is_same_threshold: bool,
    needed: usize,
    face: &Face<'_>,
) -> Result<(), Fault> {
    let mut text = String::from("The following changes will be made to the file's groups:\n");
    if !is_same_threshold {
        text.push_str(&format!("shamir_threshold: {needed}\n"));
    }
    let empty: &[Recipient] = &[];
    for index in 0..own.len().max(groups.len()) {
        text.push_str(&format!("Group {}\n", index + 1));
        let then = own.get(index).map_or(empty, Vec::as_slice);
        let now = groups.get(index).map_or(empty, Vec::as_slice);
        let (before, after) = (set(then), set(now));
        let mut line = |mark: &str, key: &Recipient| {
            text.push_str(&format!("{mark} {}\n", escape::line(&key.key.id)));
        };
        let is_in =
            |set: &Set<'_>, key: &Recipient| set.contains(&(key.key.kind.as_str(), key.key.id.as_str()));
        now.iter().filter(|key| is_in(&before, key)).for_each(|key| line("   ", key));
        now.iter().filter(|key| !is_in(&before, key)).for_each(|key| line("+++", key));
        then.iter().filter(|key| !is_in(&after, key)).for_each(|key| line("---", key));
    }
    Ok(face.context.print(text.as_bytes())?)
}

/// Asks on standard input, as scripts answer there. Who says nothing says no.
fn agreed(face: &Face<'_>) -> bool {
    if face.context.print(b"Is this okay? (y/n):").is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = stdin().lock().read_line(&mut answer).unwrap_or_default();
    read > 0 && matches!(answer.trim(), "y" | "Y" | "yes")
}
