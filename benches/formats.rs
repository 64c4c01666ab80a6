//! How long it takes to parse, seal, open and change a file of each format, without a process around it.
//!
//! `cargo bench` measures everything, `cargo bench -- open` what has that in its name.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sealeaf::file::parse;
use sealeaf::format::{Format, Limits, by_name};
use sealeaf::keys::{Environment, Keyring, NoPrompt, Recipient, Run, age};
use sealeaf::secret::SecretText;

fn main() {
    divan::main();
}

#[divan::bench(args = CASES)]
fn a_parse(bencher: Bencher<'_, '_>, case: &Case) {
    let (text, format) = (case.plain(), case.format());
    let limits = Limits::default();
    bencher
        .counter(BytesCount::of_str(&text))
        .counter(ItemsCount::new(case.leaves))
        .bench_local(|| black_box(parse(&text, format, &limits).is_ok()));
}

#[divan::bench(args = CASES)]
fn b_seal(bencher: Bencher<'_, '_>, case: &Case) {
    let (text, format, user) = (case.plain(), case.format(), User::new());
    let run = Run::new(&user.environment, &NoPrompt);
    let keyring = Keyring::new(&run);
    bencher
        .counter(ItemsCount::new(case.leaves))
        .bench_local(|| sealeaf::seal(&text, format, &user.recipients, &keyring));
}

#[divan::bench(args = CASES)]
fn c_open(bencher: Bencher<'_, '_>, case: &Case) {
    let (format, user) = (case.format(), User::new());
    let run = Run::new(&user.environment, &NoPrompt);
    let keyring = Keyring::new(&run);
    let sealed = user.seal(case, &keyring);
    bencher.counter(ItemsCount::new(case.leaves)).bench_local(|| sealeaf::open(&sealed, format, &keyring));
}

#[divan::bench(args = CASES)]
fn d_change_one_value(bencher: Bencher<'_, '_>, case: &Case) {
    let (format, user) = (case.format(), User::new());
    let run = Run::new(&user.environment, &NoPrompt);
    let keyring = Keyring::new(&run);
    let sealed = user.seal(case, &keyring);
    let change = |plain: &str| plain.replacen("not-a-real-secret-00000005", "another", 1);
    bencher
        .counter(ItemsCount::new(case.leaves))
        .bench_local(|| sealeaf::edit(&sealed, format, &keyring, change));
}

/// A format and a number of values.
#[derive(Debug)]
struct Case {
    format: &'static str,
    leaves: usize,
}

/// Someone with a key.
struct User {
    environment: Environment,
    recipients: Vec<Recipient>,
}

impl Case {
    fn format(&self) -> &'static dyn Format {
        by_name(self.format).expect("a format of this build")
    }

    /// Services with ten values each.
    fn plain(&self) -> String {
        let (open, entry, last, close) = match self.format {
            "yaml" => ("service{}:\n", "  key{}: {}\n", "  key{}: {}\n", ""),
            "json" => ("  \"service{}\": {\n", "    \"key{}\": \"{}\",\n", "    \"key{}\": \"{}\"\n", "  }"),
            _ => ("[service{}]\n", "key{} = \"{}\"\n", "key{} = \"{}\"\n", ""),
        };
        let fill = |shape: &str, name: String| shape.replacen("{}", &name, 1);
        let services = (0..self.leaves / 10).map(|service| {
            let mut text = fill(open, service.to_string());
            for key in 0..10 {
                let value = format!("not-a-real-secret-{:08}", service * 10 + key);
                let shape = if key < 9 { entry } else { last };
                text.push_str(&fill(&fill(shape, key.to_string()), value));
            }
            text + close
        });
        let services: Vec<String> = services.collect();
        match self.format {
            "json" => format!("{{\n{}\n}}\n", services.join(",\n")),
            _ => services.concat(),
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.format, self.leaves)
    }
}

impl User {
    fn new() -> Self {
        let identity = age::generate("2026-01-01T00:00:00Z").expect("random bytes");
        let recipient = Recipient::new("me", "age", &identity.recipient).expect("a recipient");
        let environment = [("SEALEAF_IDENTITY", identity.text.as_str())].into_iter().collect();
        Self { environment, recipients: vec![recipient] }
    }

    fn seal(&self, case: &Case, keyring: &Keyring<'_>) -> SecretText {
        sealeaf::seal(&case.plain(), case.format(), &self.recipients, keyring)
            .expect("a text that can be sealed")
    }
}

const CASES: [Case; 6] = [
    Case { format: "yaml", leaves: 10 },
    Case { format: "yaml", leaves: 10_000 },
    Case { format: "json", leaves: 10 },
    Case { format: "json", leaves: 10_000 },
    Case { format: "toml", leaves: 10 },
    Case { format: "toml", leaves: 10_000 },
];
