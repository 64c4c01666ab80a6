use std::path::PathBuf;
use std::process::ExitCode;

use super::encrypt::Legacy;
use super::face::Face;
use super::fault::{BAD_SET, Fault, NO_FILE};
use super::flags::{CommentSelectors, Keys, Order, Output, Selectors, Services, Types};
use super::{decrypt, edit, encrypt, rotate, set};

/// Edit encrypted files; the way of SOPS before it had commands
///
/// Without a command the file is edited; --encrypt, --decrypt, --rotate and --set say what else is to be done. Flags stand
/// before the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Encrypt the file
    #[arg(long, short = 'e')]
    encrypt: bool,
    /// Decrypt the file
    #[arg(long, short = 'd')]
    decrypt: bool,
    /// Make a new data key, and encrypt everything anew
    #[arg(long, short = 'r')]
    rotate: bool,
    /// Set a value: `["key"][0] JSON`
    #[arg(long, value_name = "PATH VALUE")]
    set: Option<String>,
    #[command(flatten)]
    output: Output,
    /// Only this part of it: `["key"][0]`
    #[arg(long, value_name = "PATH")]
    extract: Option<String>,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    types: Types,
    #[command(flatten)]
    pub(super) selectors: Selectors,
    #[command(flatten)]
    pub(super) comments: CommentSelectors,
    #[command(flatten)]
    change: rotate::Change,
    /// Say who the file's recipients are, before the editor opens
    #[arg(long, short = 's')]
    show_master_keys: bool,
    /// Do not look at the MAC
    #[arg(long)]
    ignore_mac: bool,
    /// Take the MAC over encrypted values alone
    #[arg(long)]
    pub(super) mac_only_encrypted: bool,
    /// The configuration, instead of the nearest `.sops.yaml` above the working folder
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Indent YAML and JSON that is laid out anew by that many blanks
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) indent: Option<i32>,
    /// Taken for the sake of scripts: `publish` and `keyservice` have one of their own
    #[arg(long)]
    verbose: bool,
    /// Take rule and types of this path
    #[arg(long, value_name = "PATH")]
    filename_override: Option<PathBuf>,
    #[command(flatten)]
    order: Order,
    #[command(flatten)]
    pub(super) services: Services,
    /// Taken for the sake of scripts: no version is ever looked up
    #[arg(long)]
    disable_version_check: bool,
    /// Taken for the sake of scripts: no version is ever looked up
    #[arg(long)]
    check_for_updates: bool,
    /// Print the version
    #[arg(long, short = 'v')]
    pub(super) version: bool,
    /// Accept a rule that encrypts nothing in this file (not in SOPS)
    #[arg(long)]
    allow_no_secrets: bool,
    /// With --rotate: wrap the new key for recipients that stand in the file and not in its rule (not in SOPS)
    #[arg(long)]
    accept_file_recipients: bool,
}

impl Args {
    /// The order in which keys are tried.
    pub(super) const fn order(&self) -> &Order {
        &self.order
    }
}

/// Does what the flags say.
pub(super) fn run(args: &Args, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let Some(file) = args.files.first() else {
        return Err(Fault::new(NO_FILE, "no file specified").hint("`sops --help` lists what there is"));
    };
    if args.files.len() > 1 {
        face.context.warn("More than one positional argument provided. Only the first one will be used!");
        if let Some(flag) = args.files.iter().skip(1).find(|word| word.to_string_lossy().starts_with('-')) {
            let flag = crate::cli::escape::path(flag);
            face.context.warn(format!(
                "Note that one of the ignored positional argument is \"{flag}\", which looks like a flag. Flags must always \
                 be provided before the first positional argument!"
            ));
        }
    }
    let commands = [args.encrypt, args.decrypt, args.rotate, args.set.is_some()];
    if commands.iter().filter(|is_said| **is_said).count() > 1 {
        face.context.warn(
            "More than one command (--encrypt, --decrypt, --rotate, --set) has been specified. Only the changes made by the \
             last one will be visible.",
        );
    }
    let files = vec![file.clone()];
    let legacy = Legacy { comments: args.comments.clone(), mac_only_encrypted: args.mac_only_encrypted };
    if let Some(text) = &args.set {
        return set_value(args, file, text, face);
    }
    if args.rotate || (args.change.is_some() && !args.encrypt && !args.decrypt) {
        let args = rotate::Args {
            files,
            output: args.output.clone(),
            types: args.types.clone(),
            change: args.change.clone(),
            encryption_context: args.keys.encryption_context.clone(),
            filename_override: args.filename_override.clone(),
            order: args.order.clone(),
            services: args.services.clone(),
            ignore_mac: args.ignore_mac,
            accept_file_recipients: args.accept_file_recipients,
        };
        return rotate::run(&args, face);
    }
    if args.decrypt {
        let args = decrypt::Args {
            files,
            output: args.output.clone(),
            extract: args.extract.clone(),
            types: args.types.clone(),
            ignore_mac: args.ignore_mac,
            filename_override: args.filename_override.clone(),
            order: args.order.clone(),
            services: args.services.clone(),
        };
        return decrypt::run(&args, face);
    }
    if args.encrypt {
        let args = encrypt::Args {
            files,
            output: args.output.clone(),
            keys: args.keys.clone(),
            types: args.types.clone(),
            selectors: args.selectors.clone(),
            filename_override: args.filename_override.clone(),
            services: args.services.clone(),
            allow_no_secrets: args.allow_no_secrets,
        };
        return encrypt::run(&args, &legacy, face);
    }
    let args = edit::Args {
        files,
        keys: args.keys.clone(),
        types: args.types.clone(),
        selectors: args.selectors.clone(),
        show_master_keys: args.show_master_keys,
        ignore_mac: args.ignore_mac,
        order: args.order.clone(),
        services: args.services.clone(),
    };
    edit::run(&args, &legacy, face)
}

/// `--set '["key"] VALUE'`: the first `]` with a blank behind it ends the path.
fn set_value(args: &Args, file: &std::path::Path, text: &str, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let (path, value) = text.split_once("] ").ok_or_else(|| {
        Fault::new(BAD_SET, "Invalid --set format: expected `[\"key\"] VALUE`, the value as JSON")
    })?;
    face.context.warn_once(
        "the value was given on the command line, where other users and the shell's history see it; `sops set` has \
         --value-stdin"
            .to_owned(),
    );
    let set =
        set::SetArgs { types: args.types.clone(), ignore_mac: args.ignore_mac, ..set::SetArgs::default() };
    set::one(file, &format!("{path}]"), value, &set, face)
}
