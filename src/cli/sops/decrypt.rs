use std::path::PathBuf;
use std::process::ExitCode;

use super::convert::{extracted, rendered};
use super::face::{Face, format};
use super::fault::{Fault, NO_FILE};
use super::flags::{Order, Output, Services, Types};
use super::load::{As, Loaded};
use super::path;

/// Decrypt a file, and write it to standard output
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file; standard input without
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
    /// Only this part of it: `["key"][0]`
    #[arg(long, value_name = "PATH")]
    pub(super) extract: Option<String>,
    #[command(flatten)]
    pub(super) types: Types,
    /// Do not look at the MAC
    #[arg(long)]
    pub(super) ignore_mac: bool,
    /// Take the types of this path
    #[arg(long, value_name = "PATH")]
    pub(super) filename_override: Option<PathBuf>,
    #[command(flatten)]
    pub(super) order: Order,
    #[command(flatten)]
    pub(super) services: Services,
}

/// Decrypts one file.
pub(super) fn run(args: &Args, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let file = args.files.first().map(PathBuf::as_path);
    let named = args.filename_override.as_deref().or(file);
    let from = format(args.types.input_type.as_deref(), named)?;
    let to = format(args.types.output_type.as_deref(), named)?;
    let extract = args.extract.as_deref().filter(|path| !path.is_empty()).map(path::parse).transpose()?;
    let loaded = Loaded::read(file, from, As::Encrypted, NO_FILE, face.context)?;
    let open = face.open(&loaded, args.ignore_mac)?;
    let bytes = match extract {
        Some(path) => extracted(open.plain(), &path, to, face)?,
        None => rendered(open.plain(), from, to, face)?,
    };
    loaded.put(&args.output, &bytes, true, face)?;
    Ok(ExitCode::SUCCESS)
}
