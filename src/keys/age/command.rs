//! Runs the user's own command that prints identities.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::keys::Environment;
use crate::keys::limited::read_limited;
use crate::secret::SecretBytes;

/// What `line` prints when a shell runs it, 64 KiB at most and within two minutes. It gets no standard input, and the
/// environment without our identity secrets; its standard error is ours, so that it can say what is wrong.
///
/// # Errors
/// Why there is no output.
pub(super) fn output(line: &OsStr, environment: &Environment) -> Result<SecretBytes, String> {
    output_within(line, environment, TIME_LIMIT)
}

fn output_within(line: &OsStr, environment: &Environment, limit: Duration) -> Result<SecretBytes, String> {
    let mut child = shell(line)
        .env_clear()
        .envs(environment.for_children())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the command cannot be started ({})", error.kind()))?;
    let deadline = Instant::now() + limit;
    let printed = read_within(&mut child, limit);
    let status = end_within(&mut child, if printed.is_ok() { deadline } else { Instant::now() });
    let printed = printed?;
    match status {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(status)) => return Err(format!("the command failed ({status})")),
        Ok(None) => return Err(too_slow(limit)),
        Err(error) => return Err(format!("the command was lost ({})", error.kind())),
    }
    if printed.expose().trim_ascii().is_empty() {
        return Err("the command printed nothing".to_owned());
    }
    Ok(printed)
}

/// Reads on a thread of its own, because a grandchild may keep the pipe open after the child was ended.
fn read_within(child: &mut Child, limit: Duration) -> Result<SecretBytes, String> {
    let Some(pipe) = child.stdout.take() else { return Err("the command has no output".to_owned()) };
    let (sender, receiver) = mpsc::channel::<io::Result<Option<SecretBytes>>>();
    thread::spawn(move || sender.send(read_limited(pipe, OUTPUT_LIMIT)));
    match receiver.recv_timeout(limit) {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(format!("the command printed more than {OUTPUT_LIMIT} bytes")),
        Ok(Err(error)) => Err(format!("the command's output cannot be read ({})", error.kind())),
        Err(_) => Err(too_slow(limit)),
    }
}

/// Waits for the child until then, and kills it after: `None`.
fn end_within(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            // It may have ended by itself meanwhile, which is as good.
            let _ = child.kill();
            return child.wait().map(|_| None);
        }
        thread::sleep(POLL);
    }
}

fn too_slow(limit: Duration) -> String {
    format!("the command did not end within {} seconds", limit.as_secs())
}

fn shell(line: &OsStr) -> Command {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("/bin/sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(flag).arg(line);
    command
}

const OUTPUT_LIMIT: usize = 64 << 10;
const TIME_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: Result<&str, &str>) {
        let environment: Environment = [
            ("PATH", "/usr/bin:/bin"),
            ("SEALEAF_IDENTITY", "AGE-SECRET-KEY-1"),
            ("SOPS_AGE_KEY_FILE", "/k"),
        ]
        .into_iter()
        .collect();
        let got = output_within(OsStr::new(line), &environment, Duration::from_secs(5));
        let got =
            got.as_ref().map(|bytes| std::str::from_utf8(bytes.expose()).unwrap()).map_err(String::as_str);
        assert_eq!(got, expect, "{line}");
    }

    #[test]
    fn prints_through_a_shell() {
        check("printf '%s' \"one two\"", Ok("one two"));
        check("echo \"[$SEALEAF_IDENTITY|$SOPS_AGE_KEY_FILE]\"", Ok("[|/k]\n"));
        check("cat", Err("the command printed nothing"));
    }

    #[test]
    fn failures_say_why() {
        check("echo AGE-SECRET-KEY-1; exit 3", Err("the command failed (exit status: 3)"));
        check("head -c 65536 /dev/zero | tr '\\0' x | wc -c", Ok("65536\n"));
        check("head -c 65537 /dev/zero", Err("the command printed more than 65536 bytes"));
        check("yes", Err("the command printed more than 65536 bytes"));
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let environment: Environment = [("PATH", "/usr/bin:/bin")].into_iter().collect();
        for line in ["sleep 30 & wait", "echo key; exec >&-; exec sleep 30"] {
            let got = output_within(OsStr::new(line), &environment, Duration::from_millis(200));
            assert_eq!(got.unwrap_err(), "the command did not end within 0 seconds", "{line}");
        }
    }
}
