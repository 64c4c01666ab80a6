//! A server between a client and the real one: it writes down what is asked, and answers wrongly when told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is done with the next request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing: the real server answers.
    Pass,
    /// This answer: status, content type, body.
    Answer(u16, &'static str, String),
    /// The connection is reset without an answer.
    Reset,
    /// No answer until the client goes away.
    Silence,
    /// The answer of the real server, of which only so many bytes of the body are sent before the connection ends.
    Cut(usize),
    /// The answer of the real server with one text in it replaced by another one.
    Replace(String, String),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /v1/transit/decrypt/app`.
    pub(crate) line: String,
    /// Headers as they were, one a line.
    pub(crate) headers: String,
    /// The body.
    pub(crate) body: String,
}

/// A running proxy for plain HTTP, one request a connection.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    faults: Mutex<VecDeque<(String, Fault)>>,
}

impl Proxy {
    /// In front of the server on that port of this machine; without one it answers 404 to everything: a recorder.
    pub(crate) fn before(upstream: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let work = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&work);
                thread::spawn(move || serve(stream, upstream, &shared));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next request whose first line or headers hold `part` meets this; several wait in their order.
    pub(crate) fn next(&self, part: &str, fault: Fault) {
        self.shared.faults.lock().unwrap().push_back((part.to_owned(), fault));
    }

    /// What was asked until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Forgets what was asked, and the faults that nobody met; says how many those are.
    pub(crate) fn reset(&self) -> usize {
        self.shared.asked.lock().unwrap().clear();
        std::mem::take(&mut *self.shared.faults.lock().unwrap()).len()
    }
}

fn serve(stream: TcpStream, upstream: Option<u16>, shared: &Shared) {
    let Some((head, body)) = read_message(&stream) else { return };
    let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    shared.asked.lock().unwrap().push(Asked {
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        headers: headers.to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let fault = {
        let mut faults = shared.faults.lock().unwrap();
        let met = faults.iter().position(|(part, _)| head.contains(part.as_str()));
        met.and_then(|at| faults.remove(at)).map_or(Fault::Pass, |(_, fault)| fault)
    };
    let mut out = &stream;
    let pass = || upstream.and_then(|port| forward(port, &head, &body));
    let (head, body) = match fault {
        Fault::Pass => match pass() {
            Some(answer) => answer,
            None => answer(404, "text/plain", b"nobody is here"),
        },
        Fault::Answer(status, kind, text) => answer(status, kind, text.as_bytes()),
        Fault::Reset => {
            // With unread bytes or a zero linger the peer sees a reset; a shutdown without an answer does as well for a client.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        Fault::Silence => {
            let _ = (&stream).read(&mut [0]);
            return;
        }
        Fault::Cut(length) => {
            let Some((head, mut body)) = pass() else { return };
            body.truncate(length);
            (head, body)
        }
        Fault::Replace(from, to) => {
            let Some((_, body)) = pass() else { return };
            answer(200, "application/json", String::from_utf8_lossy(&body).replace(&from, &to).as_bytes())
        }
    };
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body));
    let _ = stream.shutdown(Shutdown::Both);
}

fn answer(status: u16, kind: &str, body: &[u8]) -> (String, Vec<u8>) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} told so\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    (head, body.to_vec())
}

/// Asks the real server, one request a connection; the host stays what the client said, since signatures hold it.
fn forward(port: u16, head: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = head.trim_end_matches("\r\n");
    let kept: Vec<&str> = head.split("\r\n").filter(|line| !is_header(line, "connection")).collect();
    write!(stream, "{}\r\nConnection: close\r\n\r\n", kept.join("\r\n")).ok()?;
    stream.write_all(body).ok()?;
    let (head, body) = read_message(&stream)?;
    let kept: Vec<&str> = head
        .trim_end_matches("\r\n")
        .split("\r\n")
        .filter(|line| {
            !["connection", "transfer-encoding", "content-length"].iter().any(|name| is_header(line, name))
        })
        .collect();
    let length = body.len();
    Some((format!("{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n", kept.join("\r\n")), body))
}

/// Head and body of a request or an answer.
fn read_message(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let value = |name: &str| {
        head.split("\r\n")
            .find(|line| is_header(line, name))
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim())
    };
    let mut body = Vec::new();
    if value("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = value("content-length") {
        body.resize(length.parse().ok()?, 0);
        reader.read_exact(&mut body).ok()?;
    } else if head.starts_with("HTTP/") && !head.contains(" 204 ") {
        reader.read_to_end(&mut body).ok()?;
    }
    Some((head, body))
}

fn is_header(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(found, _)| found.trim().eq_ignore_ascii_case(name))
}
