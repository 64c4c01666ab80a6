use std::path::PathBuf;
use std::process::ExitCode;

use sealeaf::file::FileError;
use sealeaf::file::sops::{SopsError, SopsFile};

use super::face::{Face, format};
use super::fault::{Fault, GENERIC};
use super::load::{As, Loaded};

/// Say whether a file is encrypted
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// `yaml`, `json`, `dotenv`, `ini` or `binary`; else the file's extension tells
    #[arg(long, value_name = "TYPE")]
    pub(super) input_type: Option<String>,
}

/// Prints `{"encrypted":true}` or `{"encrypted":false}`.
pub(super) fn run(args: &Args, face: &Face<'_>) -> Result<ExitCode, Fault> {
    let file = args.files.first().ok_or_else(|| Fault::new(GENERIC, "no file specified"))?;
    let status = |fault: Fault| {
        let report = fault.report.map(|report| report.context("cannot check file status"));
        Fault { code: GENERIC, report }
    };
    let format = format(args.input_type.as_deref(), Some(file))?;
    let loaded = Loaded::read(Some(file), format, As::Encrypted, GENERIC, face.context);
    let loaded = match loaded {
        // A plain file of bytes.
        Err(fault) if format.carry(b"").is_some() && fault.code == super::fault::CANNOT_READ => None,
        loaded => Some(loaded.map_err(status)?),
    };
    let sealed = loaded.map(|loaded| SopsFile::parse(&loaded.text, loaded.format, &face.context.limits));
    let is_encrypted = match sealed {
        None | Some(Err(FileError::Sops(SopsError::NotSealed))) => false,
        Some(Err(FileError::Parse(_))) if format.carry(b"").is_some() => false,
        Some(sealed) => {
            !sealed.map_err(|error| status(Fault::from(error).at(file)))?.metadata().mac.is_empty()
        }
    };
    face.context.print(format!("{{\"encrypted\":{is_encrypted}}}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
