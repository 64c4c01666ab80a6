//! A conversation with a plugin: stanzas to and fro, with limits.

use std::any::Any;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::program::Program;
use crate::keys::programs::end_group;
use crate::keys::{PromptError, Run};

/// A plugin that runs. Dropping it ends the plugin.
pub(super) struct Talk<'a> {
    run: &'a Run<'a>,
    name: String,
    child: Child,
    to: Option<Sender<Zeroizing<Vec<u8>>>>,
    from: Receiver<Piece>,
    /// What was read and not understood yet.
    read: Zeroizing<Vec<u8>>,
    total: usize,
    limit: Duration,
    deadline: Instant,
    _told: Option<Box<dyn Any>>,
}

/// What a plugin says.
pub(super) struct Message {
    pub(super) tag: String,
    pub(super) args: Vec<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

type Piece = std::io::Result<Zeroizing<Vec<u8>>>;

impl<'a> Talk<'a> {
    /// Starts a plugin for one of the two state machines.
    pub(super) fn start(program: &Program, machine: &str, run: &'a Run<'a>) -> Result<Self, String> {
        let mut command = program.command(machine, run);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut spawned = None;
        let told = run.prompt.program_starts(&mut || match spawned.insert(command.spawn()) {
            Ok(child) => Some(child.id()),
            Err(_) => None,
        });
        let child = spawned.ok_or("it was not started")?;
        let mut child = child.map_err(|error| format!("it cannot be started ({})", error.kind()))?;
        let (to, orders) = mpsc::channel::<Zeroizing<Vec<u8>>>();
        let (sender, from) = mpsc::channel();
        let limit = program.time;
        let pipes = (child.stdin.take(), child.stdout.take());
        let mut talk = Self {
            run,
            name: program.name().to_owned(),
            child,
            to: None,
            from,
            read: Zeroizing::new(Vec::with_capacity(OUTPUT_LIMIT + CHUNK)),
            total: 0,
            limit,
            deadline: Instant::now() + limit,
            _told: told,
        };
        let (Some(mut stdin), Some(stdout)) = pipes else { return Err("it was not started".to_owned()) };
        // On threads of their own: it need not read, nor stop to write.
        thread(move || drop(orders.iter().try_for_each(|bytes| stdin.write_all(&bytes))))?;
        thread(move || listen(stdout, &sender))?;
        talk.to = Some(to);
        Ok(talk)
    }

    /// Says something; where the plugin does not listen any more, the next thing read shows it.
    pub(super) fn send(&self, tag: &str, args: &[&str], body: &[u8]) {
        let mut text = Zeroizing::new(Vec::with_capacity(body.len() * 3 / 2 + 4096 + OUTPUT_LIMIT));
        text.extend(b"-> ");
        text.extend(tag.as_bytes());
        for arg in args {
            text.push(b' ');
            text.extend(arg.as_bytes());
        }
        text.push(b'\n');
        // The last line is short, even if that makes it empty.
        let mut rest = body;
        loop {
            let (line, left) = rest.split_at_checked(LINE).unwrap_or((rest, &[]));
            text.extend(Zeroizing::new(STANDARD_NO_PAD.encode(line)).as_bytes());
            text.push(b'\n');
            if line.len() < LINE {
                break;
            }
            rest = left;
        }
        if let Some(to) = &self.to {
            let _ = to.send(text);
        }
    }

    /// What the plugin says next; nothing where it is done.
    pub(super) fn next(&mut self) -> Result<Option<Message>, String> {
        let message = self.message();
        if message.is_err() {
            // Nothing is left to wait for.
            self.deadline = Instant::now();
        }
        message
    }

    fn message(&mut self) -> Result<Option<Message>, String> {
        let head = self.line()?;
        let head = std::str::from_utf8(&head).map_err(|_| NONSENSE)?;
        let mut words = head.strip_prefix("-> ").ok_or(NONSENSE)?.split(' ').map(str::to_owned);
        let (Some(tag), args) = (words.next(), words.collect::<Vec<String>>()) else {
            return Err(NONSENSE.to_owned());
        };
        let is_word = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_word(&tag) || !args.iter().all(is_word) {
            return Err(NONSENSE.to_owned());
        }
        let mut body = Zeroizing::new(Vec::with_capacity(OUTPUT_LIMIT));
        loop {
            let line = self.line()?;
            let bytes = Zeroizing::new(STANDARD_NO_PAD.decode(&*line).map_err(|_| NONSENSE)?);
            body.extend(bytes.iter());
            match bytes.len() {
                LINE => {}
                0..LINE => break,
                _ => return Err(NONSENSE.to_owned()),
            }
        }
        Ok(if tag == "done" { None } else { Some(Message { tag, args, body }) })
    }

    /// Answers what every plugin may say: messages, questions and errors.
    pub(super) fn answer(&mut self, tag: &str, args: &[String], body: &[u8], problems: &mut Vec<String>) {
        let text = shown(body);
        let said = format!("age plugin {}: {text}", self.name);
        let prompt = self.run.prompt;
        let began = Instant::now();
        match tag {
            "msg" => {
                prompt.tell(&said);
                self.send("ok", &[], &[]);
            }
            "request-secret" => match prompt.secret(&said) {
                Ok(secret) => self.send("ok", &[], secret.as_bytes()),
                Err(why) => self.refuse(why, problems),
            },
            "request-public" => match prompt.answer(&said) {
                Ok(answer) => self.send("ok", &[], answer.as_bytes()),
                Err(why) => self.refuse(why, problems),
            },
            "confirm" => {
                let label = |arg: &String| STANDARD_NO_PAD.decode(arg).ok().map(|label| shown(&label));
                let (yes, no) = (args.first().and_then(label), args.get(1).and_then(label));
                match prompt.choose(&said, yes.as_deref().unwrap_or("yes"), no.as_deref()) {
                    Ok(choice) => self.send("ok", &[if choice { "yes" } else { "no" }], &[]),
                    Err(why) => self.refuse(why, problems),
                }
            }
            "error" => {
                if problems.len() < PROBLEMS {
                    problems.push(text);
                }
                self.send("ok", &[], &[]);
            }
            "labels" => self.send("ok", &[], &[]),
            _ => self.send("unsupported", &[], &[]),
        }
        // The user's time is not the plugin's.
        self.deadline += began.elapsed();
    }

    fn refuse(&self, why: PromptError, problems: &mut Vec<String>) {
        if problems.len() < PROBLEMS {
            problems.push(match why {
                PromptError::NoTerminal => "it asked, and there is no terminal to answer on".to_owned(),
                PromptError::Cancelled => "it asked, and no answer was given".to_owned(),
            });
        }
        self.send("fail", &[], &[]);
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, String> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line = Zeroizing::new(self.read.get(..end).unwrap_or_default().to_vec());
                let rest = Zeroizing::new(self.read.get(end + 1..).unwrap_or_default().to_vec());
                // Within the capacity, so that nothing is left behind elsewhere.
                self.read.iter_mut().for_each(|byte| *byte = 0);
                self.read.clear();
                self.read.extend(rest.iter());
                return Ok(line);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.from.recv_timeout(left) {
                Ok(Ok(bytes)) => {
                    self.total += bytes.len();
                    if self.total > OUTPUT_LIMIT {
                        return Err(format!("it printed more than {OUTPUT_LIMIT} bytes"));
                    }
                    self.read.extend(bytes.iter());
                }
                Ok(Err(error)) => return Err(format!("it cannot be listened to ({})", error.kind())),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("it did not end within {} seconds", self.limit.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("it ended in the middle of what it had to say".to_owned());
                }
            }
        }
    }
}

impl Drop for Talk<'_> {
    /// Lets the plugin end by itself for a moment, as it does where all went well.
    fn drop(&mut self) {
        self.to = None;
        let deadline = (Instant::now() + GRACE).min(self.deadline);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(POLL);
        }
        if matches!(self.child.try_wait(), Ok(None) | Err(_)) {
            end_group(&mut self.child);
        }
    }
}

/// Hands on what the plugin writes, and no more than the limit and a little.
fn listen(mut pipe: impl Read, sender: &Sender<Piece>) {
    let mut total = 0;
    while total <= OUTPUT_LIMIT {
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        match pipe.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                total += count;
                chunk.truncate(count);
                if sender.send(Ok(chunk)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return drop(sender.send(Err(error))),
        }
    }
}

fn thread(work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let started = thread::Builder::new().name("age-plugin".to_owned()).spawn(work);
    started.map(drop).map_err(|error| format!("no thread can be started ({})", error.kind()))
}

/// What a plugin says, as people may be shown it.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Bytes in one full line.
const LINE: usize = 48;

/// Most bytes that a plugin may write.
const OUTPUT_LIMIT: usize = 64 << 10;
const CHUNK: usize = 4096;

/// How long a plugin that is done may take to end.
const GRACE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// Most characters of a message, and most messages of an error.
const SHOWN: usize = 500;
const PROBLEMS: usize = 4;

const NONSENSE: &str = "what it says is not the protocol of age plugins";
