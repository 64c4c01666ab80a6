//! `sops keyservice`: this user's keys for whoever connects.

use std::io::{BufRead, Read, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use sealeaf::keys::Run;
use sealeaf::keys::service::{ListenError, Listener, Operation, Question, Reach, Stop, serve};

use super::fault::{Fault, GENERIC};
use crate::cli::context::Context;
use crate::cli::report::{Kind, Report};
use crate::cli::{cleanup, escape};

/// Answer other programs' requests to wrap and unwrap data keys, with your keys
#[derive(Clone, Debug, clap::Args)]
pub(super) struct KeyserviceArgs {
    /// The network to listen on: `tcp` or `unix`
    #[arg(long, alias = "net", value_name = "NETWORK", default_value = "tcp")]
    pub(super) network: String,
    /// Where to listen: an address and a port, or the path of a socket
    #[arg(long, alias = "addr", value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    pub(super) address: String,
    /// Ask before each request is answered
    #[arg(long)]
    pub(super) prompt: bool,
    /// Say what is asked for
    #[arg(long)]
    pub(super) verbose: bool,
    /// Listen where other machines can connect: whoever does can have everything decrypted, and reads along
    #[arg(long)]
    pub(super) allow_network: bool,
}

/// Runs the command; it ends with SIGINT or SIGTERM.
pub(super) fn run(args: &KeyserviceArgs, context: &Context) -> Result<ExitCode, Fault> {
    let reach = if args.allow_network { Reach::Network } else { Reach::Machine };
    let listener = Listener::bind(&args.network, &args.address, reach).map_err(refused)?;
    let _socket = listener.socket().map(|path| cleanup::file(path.to_owned()));
    let stop = Stop::new();
    let on_signal = stop.clone();
    let _stopping = cleanup::instead(move || on_signal.stop());
    let say = |text: String| {
        if args.verbose {
            context.say(&format!("sealeaf: {}\n", escape::line(&text)));
        }
    };
    say(format!("Listening on {}", listener.address()));
    let mut run = Run::new(&context.environment, &context.prompt);
    run.settings = context.settings.clone();
    let asking = Mutex::new(());
    let allow = |question: &Question| {
        let wanted = wanted(question);
        let allowed = !args.prompt || {
            let _alone = asking.lock().unwrap_or_else(PoisonError::into_inner);
            is_allowed(&wanted)
        };
        say(format!("{} {wanted}", if allowed { "answering" } else { "refusing" }));
        allowed
    };
    serve(listener, &run, &allow, &stop).map_err(|error| {
        Report::new(Kind::Failed, anyhow::Error::new(error).context("the key service failed"))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn wanted(question: &Question) -> String {
    let operation = match question.operation {
        Operation::Encrypt => "encrypt",
        Operation::Decrypt => "decrypt",
    };
    format!("{operation} request using {}", question.key.id)
}

/// Asks on standard output and reads standard input, as `sops` does, until the answer is one. Nobody there is a no.
fn is_allowed(wanted: &str) -> bool {
    loop {
        let question = format!("\nReceived {}. Respond to request? (y/n): ", escape::line(wanted));
        let mut out = stdout().lock();
        let asked = out.write_all(question.as_bytes()).and_then(|()| out.flush());
        let mut answer = String::new();
        let read = asked.and_then(|()| stdin().lock().take(LINE).read_line(&mut answer));
        match (read, answer.trim()) {
            (Ok(1..), "y") => return true,
            (Ok(1..), "n") | (Ok(0) | Err(_), _) => return false,
            _ => {}
        }
    }
}

fn refused(error: ListenError) -> Fault {
    let hint = match &error {
        ListenError::Exposed(_) => Some("--allow-network listens there all the same"),
        ListenError::Exists(_) => Some("another key service may be running; else remove what is there"),
        _ => None,
    };
    let kind = match &error {
        ListenError::Network(_) | ListenError::Address(_) => Kind::Usage,
        ListenError::Exposed(_) | ListenError::Folder(_) => Kind::Refused,
        _ => Kind::Failed,
    };
    let report = Report::new(kind, error);
    Fault::from(match hint {
        Some(hint) => report.hint(hint),
        None => report,
    })
    .code(GENERIC)
}

/// More than an answer, less than trouble.
const LINE: u64 = 1024;
