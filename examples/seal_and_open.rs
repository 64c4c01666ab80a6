//! Seals a YAML text for one age key, changes one value, and shows that one line changed.
//!
//! `cargo run --example seal_and_open`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use sealeaf::envelope::native::State;
use sealeaf::format::by_name;
use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};

fn main() -> Result<(), Box<dyn Error>> {
    // A real program takes `Environment::of_process()`, and finds the user's identities where they are kept.
    let me = age::generate("2026-01-01T00:00:00Z")?;
    let environment: Environment = [("SEALEAF_IDENTITY", me.text.as_str())].into_iter().collect();
    let run = Run::new(&environment, &NoPrompt);
    let keyring = Keyring::new(&run);
    let yaml = by_name("yaml").ok_or("no YAML in this build")?;

    let plain = "db:\n  user: app\n  password: hunter2 # changed in May\n  port: 5432\n";
    let sealed = sealeaf::seal(plain, yaml, &[Recipient::new("me", "age", &me.recipient)?], &keyring)?;
    println!("{}", sealed.as_str());

    let changed = sealeaf::edit(&sealed, yaml, &keyring, |plain| plain.replace("hunter2", "correct horse"))?;
    let differing = sealed.lines().zip(changed.lines()).filter(|(before, after)| before != after).count();
    println!("changed lines: {differing}");

    let open = sealeaf::open(&changed, yaml, &keyring)?;
    assert_eq!(open.state(), State::Sealed);
    print!("{}", open.plain().source.as_str());
    Ok(())
}
