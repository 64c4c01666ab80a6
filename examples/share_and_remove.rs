//! Adds a recipient to a sealed file, then removes them: the data key is made anew, and what they could read is listed.
//!
//! `cargo run --example share_and_remove`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use sealeaf::file::Next;
use sealeaf::format::{Limits, by_name};
use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};

fn main() -> Result<(), Box<dyn Error>> {
    let (alice, bob) = (age::generate("2026-01-01T00:00:00Z")?, age::generate("2026-01-01T00:00:00Z")?);
    let environment: Environment = [("SEALEAF_IDENTITY", alice.text.as_str())].into_iter().collect();
    let run = Run::new(&environment, &NoPrompt);
    let keyring = Keyring::new(&run);
    let limits = Limits::default();
    let json = by_name("json").ok_or("no JSON in this build")?;
    let alone = [Recipient::new("alice", "age", &alice.recipient)?];
    let both = [alone[0].clone(), Recipient::new("bob", "age", &bob.recipient)?];

    let sealed = sealeaf::seal("{\n  \"token\": \"t0p\"\n}\n", json, &alone, &keyring)?;
    let open = sealeaf::open(&sealed, json, &keyring)?;
    let shared =
        open.next(Next { access: Some(both.to_vec().into()), ..Next::default() }, &keyring, &limits)?;
    println!("added: {}, new data key: {}", shared.added.len(), shared.rotated);

    let open = sealeaf::open(&shared.sealed.text, json, &keyring)?;
    let paths = open.sealed_paths();
    let removed =
        open.next(Next { access: Some(alone.to_vec().into()), ..Next::default() }, &keyring, &limits)?;
    println!("removed: {}, new data key: {}", removed.removed.len(), removed.rotated);
    for path in paths {
        println!("change at its source: {path}");
    }
    Ok(())
}
