//! Reads values of a sealed file, as a build script or a start-up routine would.
//!
//! `SEALEAF_IDENTITY_FILE=key.txt cargo run --example read_in_a_build_script -- secrets/app.yaml db.password`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs;
use std::path::Path;

use sealeaf::document::KeyPath;
use sealeaf::format::by_file_name;
use sealeaf::keys::{Environment, Keyring, NoPrompt, Run};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: read_in_a_build_script FILE KEYPATH".into());
    };
    let name = Path::new(&file).file_name().and_then(|name| name.to_str()).ok_or("no file name")?;
    let format = by_file_name(name).ok_or("the file's name says no format")?;

    let environment = Environment::of_process();
    let run = Run::new(&environment, &NoPrompt);
    let open = sealeaf::open(&fs::read_to_string(&file)?, format, &Keyring::new(&run))?;

    let id = open.plain().find(&KeyPath::parse(&path)?).ok_or("there is no such key path")?;
    let value = open.plain().value(id).ok_or("that is no single value")?;
    println!("{}", value.to_text().as_str());
    Ok(())
}
