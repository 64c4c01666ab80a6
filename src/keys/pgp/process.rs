//! Runs a program with limits: bytes in, bytes out, and so long.

use std::any::Any;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::keys::limited::read_limited;
use crate::keys::programs::{end_group, own_group};
use crate::secret::SecretBytes;

/// What a program may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most bytes on standard output.
    pub(super) output: usize,
    /// Longest time.
    pub(super) time: Duration,
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit status.
    pub(super) status: ExitStatus,
    /// Standard output.
    pub(super) output: SecretBytes,
    /// Standard error.
    pub(super) messages: SecretBytes,
}

/// Runs `command` with `input` on its standard input. It leads a process group of its own; what goes over a limit ends
/// the whole group. `runs` hears of the group, and holds what it gives until the end.
///
/// # Errors
/// Why there is no end of its own.
pub(super) fn run(
    command: &mut Command,
    input: &SecretBytes,
    limits: Limits,
    around: impl FnOnce(&mut dyn FnMut() -> Option<u32>) -> Option<Box<dyn Any>>,
) -> Result<Ended, String> {
    own_group(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut spawned = None;
    let _told = around(&mut || match spawned.insert(command.spawn()) {
        Ok(child) => Some(child.id()),
        Err(_) => None,
    });
    let child = spawned.ok_or("it was not started")?;
    let child = child.map_err(|error| format!("it cannot be started ({})", error.kind()))?;
    let mut group = Group { child };
    let ended = group.talk(input, limits);
    if ended.is_err() {
        end_group(&mut group.child);
    }
    ended
}

/// A child that leads a process group.
struct Group {
    child: Child,
}

enum Piece {
    Output(Option<SecretBytes>),
    Messages(Option<SecretBytes>),
}

impl Group {
    /// Reads and writes on threads of their own, because a grandchild may keep a pipe open for longer than we wait.
    fn talk(&mut self, input: &SecretBytes, limits: Limits) -> Result<Ended, String> {
        let deadline = Instant::now() + limits.time;
        let too_slow = || format!("it did not end within {} seconds", limits.time.as_secs());
        let (sender, receiver) = mpsc::channel::<io::Result<Piece>>();
        if let Some(mut pipe) = self.child.stdin.take() {
            let input = input.clone();
            // A program that reads only a part says itself what it thinks of it.
            start(move || drop(pipe.write_all(input.expose())))?;
        }
        if let Some(pipe) = self.child.stdout.take() {
            listen(pipe, limits.output, Piece::Output, sender.clone())?;
        }
        if let Some(pipe) = self.child.stderr.take() {
            listen(pipe, MESSAGES_LIMIT, Piece::Messages, sender.clone())?;
        }
        drop(sender);
        let (mut output, mut messages) = (None, None);
        while output.is_none() || messages.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left) {
                Ok(Ok(Piece::Output(Some(bytes)))) => output = Some(bytes),
                Ok(Ok(Piece::Messages(Some(bytes)))) => messages = Some(bytes),
                Ok(Ok(Piece::Output(None))) => {
                    return Err(format!("it printed more than {} bytes", limits.output));
                }
                Ok(Ok(Piece::Messages(None))) => {
                    return Err(format!("it printed more than {MESSAGES_LIMIT} bytes of messages"));
                }
                Ok(Err(error)) => return Err(format!("it cannot be listened to ({})", error.kind())),
                Err(_) => return Err(too_slow()),
            }
        }
        let status = self.wait(deadline).map_err(|error| format!("it was lost ({})", error.kind()))?;
        let status = status.ok_or_else(too_slow)?;
        Ok(Ended { status, output: output.unwrap_or_default(), messages: messages.unwrap_or_default() })
    }

    /// Waits until then; `None` where it still runs.
    fn wait(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }
}

fn listen(
    pipe: impl Read + Send + 'static,
    limit: usize,
    piece: fn(Option<SecretBytes>) -> Piece,
    sender: mpsc::Sender<io::Result<Piece>>,
) -> Result<(), String> {
    start(move || drop(sender.send(read_limited(pipe, limit).map(piece))))
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let started = thread::Builder::new().name("gpg".to_owned()).spawn(work);
    started.map(drop).map_err(|error| format!("no thread can be started ({})", error.kind()))
}

const MESSAGES_LIMIT: usize = 64 << 10;
const POLL: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8], seconds: u64) -> Result<(Option<i32>, String, String), String> {
        let limits = Limits { output: 1000, time: Duration::from_secs(seconds) };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let ended = run(&mut command, &SecretBytes::new(input.to_vec()), limits, |start| {
            start();
            None
        })?;
        let text = |bytes: &SecretBytes| String::from_utf8_lossy(bytes.expose()).into_owned();
        Ok((ended.status.code(), text(&ended.output), text(&ended.messages)))
    }

    #[test]
    fn bytes_go_in_and_come_out() {
        let got = shell("cat; echo said >&2; exit 3", b"in", 20);
        assert_eq!(got, Ok((Some(3), "in".to_owned(), "said\n".to_owned())));
        let got = shell("exit 0", &vec![0; 1 << 20], 20);
        assert_eq!(got, Ok((Some(0), String::new(), String::new())));
    }

    #[test]
    fn ac_45_too_much_and_too_long_is_ended() {
        for (script, seconds, expect) in [
            ("yes", 60, "it printed more than 1000 bytes"),
            ("head -c 1073741824 /dev/zero", 60, "it printed more than 1000 bytes"),
            ("yes >&2", 60, "it printed more than 65536 bytes of messages"),
            ("sleep 600", 1, "it did not end within 1 seconds"),
            ("sleep 600 & wait", 1, "it did not end within 1 seconds"),
            ("exec >&- 2>&-; sleep 600", 1, "it did not end within 1 seconds"),
        ] {
            assert_eq!(shell(script, b"", seconds), Err(expect.to_owned()), "{script}");
        }
    }

    #[test]
    fn ac_45_the_whole_group_ends() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let script = format!("exec 3>'{}'; echo begun >&3; sleep 600 & yes", pipe.display());
        // Comes to its end when nobody is left who could write.
        let reader = thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
        assert!(shell(&script, b"", 60).is_err());
        assert_eq!(reader.join().unwrap(), "begun\n");
    }
}
