//! Every `console` block of the README and the guides runs, and prints what it says.
//!
//! One page is one story: its blocks run in order, in one sandbox that begins empty. In a block
//!
//! - `$ ` begins a command for bash, `bob$ ` one of another person with a home of their own, `> ` its next line;
//! - what stands below a command is all that it prints; where nothing stands, only its success counts;
//! - `…` in a printed line stands for any text, a line that is `…` for any lines;
//! - `age1…` in a command is the recipient that was printed last;
//! - `cargo install` puts the program under test on the path, which otherwise is there from the start;
//! - `git@example.com:` is a server with one empty repository, `shop.git`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Sandbox;

#[test]
fn readme() {
    check("README.md");
}

#[test]
fn guide_start() {
    check("docs/guides/start.md");
}

#[test]
fn guide_team() {
    check("docs/guides/team.md");
}

#[test]
fn guide_move_from_sops() {
    check("docs/guides/move-from-sops.md");
}

#[test]
fn every_guide_is_run() {
    let guides = fs::read_dir(root().join("docs/guides")).unwrap();
    let mut names: Vec<_> = guides.map(|guide| guide.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["move-from-sops.md", "start.md", "team.md"],
        "give the new guide a test of its own above"
    );
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap();
            if !page.parent().unwrap().join(file).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "links to files that are not there:\n{}", dead.join("\n"));
}

fn pages() -> Vec<std::path::PathBuf> {
    let above = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let docs = walkdir::WalkDir::new(root().join("docs")).into_iter().map(|entry| entry.unwrap().into_path());
    above.chain(docs).filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn check(page: &str) {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{page} has no console block");
    let mut story = Story::new(!steps.iter().any(|step| step.command.starts_with("cargo install ")));
    for step in &steps {
        let command = step.command.replace("age1…", &story.recipient);
        let (code, output) = story.run(&step.person, &command);
        let place = format!("{page}:{}: {command}", step.line);
        assert_eq!(code, 0, "{place}\n{output}");
        let printed: Vec<&str> = output.lines().map(str::trim_end).collect();
        let expected: Vec<&str> = step.expected.iter().map(String::as_str).collect();
        if !expected.is_empty() && !lines_match(&expected, &printed) {
            panic!("{place}\nit says:\n{}\nprinted was:\n{output}", expected.join("\n"));
        }
    }
}

/// A command of a page, and what it should print.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    /// Empty for the reader.
    person: String,
    command: String,
    expected: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            let prompt =
                line.split_once("$ ").filter(|(person, _)| person.chars().all(char::is_alphanumeric));
            match (prompt, line.strip_prefix("> ").or_else(|| (line == ">").then_some("")), steps.last_mut())
            {
                (Some((person, command)), ..) => steps.push(Step {
                    line: index + 1,
                    person: person.to_owned(),
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                (None, Some(more), Some(step)) if step.expected.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                (None, _, Some(step)) => step.expected.push(line.trim_end().to_owned()),
                (None, _, None) => panic!("line {}: output without a command", index + 1),
            }
        }
    }
    // A blank line before the next command is layout.
    for step in &mut steps {
        while step.expected.last().is_some_and(String::is_empty) {
            step.expected.pop();
        }
    }
    steps
}

/// Whether lines are those of the page, where a line `…` stands for any number of them.
fn lines_match(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..])),
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others)),
    }
}

/// Whether a line is that of the page, where `…` stands for any text.
fn line_matches(expected: &str, printed: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = printed.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let found = if parts.peek().is_none() {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// The people of a page, and what happened so far.
struct Story {
    sandbox: Sandbox,
    /// Per person: a script that restores folder and variables of their shell.
    shells: BTreeMap<String, String>,
    recipient: String,
}

impl Story {
    fn new(installed: bool) -> Self {
        let sandbox = Sandbox::without_git();
        let program = env!("CARGO_BIN_EXE_sealeaf");
        let link = format!("ln -sf '{program}' '{}/bin/sealeaf'", sandbox.root().display());
        sandbox.script(
            "cargo",
            &format!("[ \"$*\" = 'install --path . --no-default-features -F cli,age,pgp' ]\n{link}"),
        );
        // An editor in which somebody adds a line.
        sandbox.script("editor", "printf 'api:\\n  token: example-token\\n' >> \"$1\"");
        let story = Self { sandbox, shells: BTreeMap::new(), recipient: String::new() };
        story.bash(&format!("git init -q --bare -b main {}/server/shop.git", story.root()));
        if installed {
            story.bash(&link);
        }
        story
    }

    fn root(&self) -> String {
        self.sandbox.root().display().to_string()
    }

    #[track_caller]
    fn bash(&self, script: &str) {
        let status = self.sandbox.command("bash").args(["-euc", script]).status().unwrap();
        assert!(status.success(), "{script}");
    }

    /// Runs a command in a person's shell, without a terminal; gives its exit code, and all that it printed.
    fn run(&mut self, person: &str, command: &str) -> (i32, String) {
        let state = match self.shells.get(person) {
            Some(state) => state.clone(),
            None => self.arrive(person),
        };
        let mut bash = self.command(person);
        bash.args(["bash", "-c", SHELL, "bash", &state, command]).stdin(Stdio::null());
        let output = bash.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        for word in
            printed.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with("age1"))
        {
            word.clone_into(&mut self.recipient);
        }
        (output.status.code().unwrap(), printed)
    }

    /// Gives a person a home, and a shell in it.
    fn arrive(&mut self, person: &str) -> String {
        let name = if person.is_empty() { "alice" } else { person };
        let home = format!("{}/people/{name}", self.root());
        let state = format!("{}/tmp/shell-{name}", self.root());
        self.bash(&format!(
            "mkdir -p {home}/.config; cd {home}; echo \"cd '{home}'\" > {state}
             git config --file .gitconfig user.name {name}
             git config --file .gitconfig user.email {name}@example.com
             git config --file .gitconfig init.defaultBranch main
             git config --file .gitconfig advice.detachedHead false
             git config --file .gitconfig 'url.{}/server/.insteadOf' git@example.com:",
            self.root()
        ));
        self.shells.insert(person.to_owned(), state.clone());
        state
    }

    fn command(&self, person: &str) -> Command {
        let name = if person.is_empty() { "alice" } else { person };
        let home = format!("{}/people/{name}", self.root());
        let mut command = self.sandbox.command("setsid");
        command.arg("--wait").env("XDG_CONFIG_HOME", format!("{home}/.config")).env("HOME", home);
        command.env("EDITOR", "editor").env_remove("GIT_CEILING_DIRECTORIES");
        command
    }
}

/// Restores the shell's state, runs the command, keeps the state.
const SHELL: &str = r#"
exec 2>&1
. "$1"
set -o pipefail
eval "$2"
code=$?
{ export -p; printf 'cd %q\n' "$PWD"; } > "$1"
exit $code
"#;

#[test]
fn pages_are_read_as_they_are_meant() {
    let text = "```console\n$ a <<x\n> b\n>\n> x\nout…\n\n…\nbob$ c\n```\n```\n$ not this\n```\n";
    let step = |line, person: &str, command: &str, expected: &[&str]| Step {
        line,
        person: person.to_owned(),
        command: command.to_owned(),
        expected: expected.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(steps(text), [step(2, "", "a <<x\nb\n\nx", &["out…", "", "…"]), step(9, "bob", "c", &[])]);
}

#[test]
fn lines_can_differ() {
    for (expected, printed, matches) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a…", "abc", true),
        ("a…c", "abc", true),
        ("a…c", "abcd", false),
        ("a…b…a", "a b a", true),
        ("a…a", "a", false),
        ("…\nx", "1\n2\nx", true),
        ("…\nx", "x", true),
        ("…\nx", "x\ny", false),
        ("x", "", false),
    ] {
        let lines = |text: &'static str| text.lines().collect::<Vec<_>>();
        assert_eq!(lines_match(&lines(expected), &lines(printed)), matches, "{expected} {printed}");
    }
}

#[test]
fn threat_model_names_the_proofs() {
    let page = "docs/design/threat-model.md";
    let text = fs::read_to_string(root().join(page)).unwrap();
    let sources = sources();
    let row = |line: &str| {
        let case = line.strip_prefix("| AC-")?.split(' ').next()?;
        // A test may prove several cases.
        let name = format!("ac_{case}_");
        let proves = |text: &str| text.lines().any(|line| line.contains("fn ac_") && line.contains(&name));
        let proofs = sources.iter().filter(|(_, text)| proves(text));
        let proofs: Vec<String> = proofs.map(|(path, _)| format!("`{path}`")).collect();
        let (kept, _) = line.strip_suffix('|')?.rsplit_once('|')?;
        let proofs = if proofs.is_empty() { "*pending*".to_owned() } else { proofs.join(", ") };
        Some(format!("{kept}| {proofs} |"))
    };
    let lines = text.lines().map(|line| row(line).unwrap_or_else(|| line.to_owned()) + "\n");
    expect_test::expect_file![root().join(page)].assert_eq(&lines.collect::<String>());
}

/// Every Rust file, by its path from the root, in order.
fn sources() -> Vec<(String, String)> {
    let walk = |folder| walkdir::WalkDir::new(root().join(folder)).sort_by_file_name();
    let files = ["src", "tests"].into_iter().flat_map(walk).map(|entry| entry.unwrap().into_path());
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root()).unwrap().display().to_string(), text)
    })
    .collect()
}

#[test]
fn every_dependency_is_explained() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let page = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let rows: String = page.lines().filter(|line| line.starts_with('|')).collect();
    let tables = ["dependencies", "dev-dependencies"].map(|name| manifest[name].as_table().unwrap());
    let named = tables.into_iter().flat_map(toml::Table::keys);
    let missing: Vec<&String> = named.filter(|name| !rows.contains(&format!(" {name} "))).collect();
    assert!(missing.is_empty(), "not in docs/dependencies.md: {missing:?}");
}
