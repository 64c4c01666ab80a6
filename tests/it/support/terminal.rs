//! A terminal for programs that insist on one: a pseudo-terminal, held by a few lines of Python.

use std::io::Write;
use std::process::{Command, Stdio};

/// Runs `command` on a terminal of its own and talks to it. Gives the exit code and what was shown.
#[track_caller]
pub(super) fn talk(command: &Command, talk: &[(&str, &str)]) -> (i32, String) {
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(command.get_program()).args(command.get_args());
    python.current_dir(command.get_current_dir().unwrap()).env_clear();
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let pipes = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let talk = serde_json::to_vec(talk).unwrap();
    child.stdin.take().unwrap().write_all(&talk).unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert!(output.stderr.is_empty(), "{}\n{shown}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), shown)
}

/// Standard input: a list of what to wait for and what to type. Standard output: what was shown. The exit code is the
/// program's, 128 + signal where a signal ended it.
const SCRIPT: &str = r#"
import json, os, pty, select, sys, time

talk = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, heard, end = b"", 0, time.monotonic() + 20
while True:
    if talk and talk[0][0].encode() in shown[heard:]:
        wanted, answer = talk.pop(0)
        heard = len(shown)
        os.write(terminal, answer.encode())
    ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
    if not ready:
        sys.exit(f"nothing came in 20 s; waiting for {talk}, shown: {shown!r}")
    try:
        more = os.read(terminal, 65536)
    except OSError:
        more = b""
    if not more:
        break
    shown += more
sys.stdout.buffer.write(shown)
sys.stdout.flush()
if talk:
    sys.exit(f"the program ended before {talk}")
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
"#;
