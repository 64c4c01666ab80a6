use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap_mangen::Man;

use super::context::Context;
use super::output::{Content, Target, write};
use super::report::{Kind, Report, near_miss};

/// Print a manual page
///
/// Without a verb, prints the page of the program itself. Read it with `sealeaf man | man -l -`, or write all pages
/// with `sealeaf man --dir ~/.local/share/man/man1`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The verb, in as many words as it has
    #[arg(value_name = "VERB", conflicts_with = "dir")]
    verb: Vec<String>,
    /// Write all pages into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints one page or writes all.
pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Report> {
    match args.dir {
        None => context.print(&page(find(&args.verb)?)?)?,
        Some(folder) => {
            let pages = pages();
            for command in &pages {
                let target = Target::File(folder.join(format!("{}.1", name(command))));
                write(&target, &page(command.clone())?, Content::Sealed, context)?;
            }
            context.note(format!("{} pages written to `{}`", pages.len(), folder.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn root() -> clap::Command {
    let mut root = super::command().disable_help_subcommand(true);
    root.build();
    root
}

fn find(words: &[String]) -> Result<clap::Command, Report> {
    let mut command = root();
    for word in words {
        let Some(found) = command.find_subcommand(word) else {
            let known = command.get_subcommands().map(clap::Command::get_name);
            let report = Report::message(Kind::Usage, format!("there is no verb `{}`", words.join(" ")));
            return Err(match near_miss(word, known) {
                Some(near) => report.hint(format!("did you mean `{near}`?")),
                None => report.hint("`sealeaf --help` lists the verbs"),
            });
        };
        command = found.clone();
    }
    Ok(command)
}

fn pages() -> Vec<clap::Command> {
    let mut pages = Vec::new();
    let mut waiting = vec![root()];
    while let Some(command) = waiting.pop() {
        waiting.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        pages.push(command);
    }
    pages
}

/// `sealeaf-git-install`.
fn name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: clap::Command) -> Result<Vec<u8>, Report> {
    let mut page = Vec::new();
    render(command, &mut page).map_err(|error| Report::new(Kind::Failed, error))?;
    Ok(page)
}

fn render(command: clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let (has_verbs, has_version) = (command.has_subcommands(), command.get_version().is_some());
    // What the short help leaves out belongs here.
    let command = command.mut_args(|argument| argument.hide_short_help(false));
    let man =
        Man::new(command).source(concat!("sealeaf ", env!("CARGO_PKG_VERSION"))).manual("sealeaf manual");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if has_verbs {
        man.render_subcommands_section(page)?;
    }
    section("FILES", FILES.iter().map(|(name, text)| ((*name).to_owned(), *text)), page);
    section("ENVIRONMENT", ENVIRONMENT.iter().map(|(name, text)| ((*name).to_owned(), *text)), page);
    section("EXIT STATUS", EXIT_STATUS.iter().map(|(code, text)| (code.to_string(), *text)), page);
    if has_version {
        man.render_version_section(page)?;
    }
    Ok(())
}

fn section(title: &str, entries: impl Iterator<Item = (String, &'static str)>, page: &mut Vec<u8>) {
    page.extend(format!(".SH \"{title}\"\n").bytes());
    for (name, text) in entries {
        page.extend(format!(".TP\n\\fB{}\\fR\n{}\n", roff(&name), roff(text)).bytes());
    }
}

/// Text as roff reads it: no command at the start of a line, hyphens as typed.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

const FILES: &[(&str, &str)] = &[
    (
        ".sealeaf.toml",
        "Rules and recipients; looked for from the file's folder up to the root of its repository.",
    ),
    (
        ".gitattributes",
        "Which files git shows in clear and keeps the line breaks of; `sealeaf init` writes its lines.",
    ),
    (".sops.yaml", "Read where there is no .sealeaf.toml."),
    ("$XDG_CONFIG_HOME/sealeaf/keys.txt", "The user's own identities, mode 0600."),
    (
        "$XDG_CONFIG_HOME/sealeaf/config.toml",
        "The user's own settings; the only file that may name programs and addresses.",
    ),
    ("$XDG_CONFIG_HOME/sops/age/keys.txt, ~/.ssh", "Where identities of SOPS and age are looked for."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("SEALEAF_IDENTITY", "An identity itself."),
    ("SEALEAF_IDENTITY_FILE", "A file with identities."),
    ("SEALEAF_IDENTITY_CMD", "A command that prints identities."),
    ("SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD", "The same, as SOPS calls them."),
    ("SEALEAF_GPG, SOPS_GPG_EXEC", "The gpg to start; else the one on PATH."),
    ("SEALEAF_GPG_TIMEOUT", "How many seconds it may take."),
    ("SEALEAF_EDITOR, VISUAL, EDITOR", "The editor; the first that is set counts."),
    ("XDG_RUNTIME_DIR", "Where plaintext is kept in memory while an editor is open; else /dev/shm."),
    ("NO_COLOR", "No colour, unless --color says so."),
];

/// The table of [`Kind::code`], in words.
const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "Done."),
    (1, "Failed: input or output, network, an internal error."),
    (2, "The command line does not make sense."),
    (3, "Findings; the tool itself worked."),
    (4, "No usable key."),
    (5, "Authentication failed: the file is not what was sealed."),
    (6, "Not sealed, rolled back, or not the file it was."),
    (7, "Refused, because it would not be safe."),
    (8, "Malformed input, or a limit exceeded."),
    (9, "A conflict is left, or the file changed on disk meanwhile."),
    (130, "Interrupted."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_sections() {
        for command in pages() {
            let name = name(&command).to_owned();
            let page = String::from_utf8(page(command).unwrap()).unwrap();
            for section in
                ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FILES", "ENVIRONMENT", "EXIT STATUS"]
            {
                assert!(
                    page.contains(&format!(".SH {section}")) || page.contains(&format!(".SH \"{section}\"")),
                    "{name} {section}"
                );
            }
        }
    }

    #[test]
    fn verbs_are_found_and_misses_explained() {
        assert_eq!(name(&find(&["man".to_owned()]).unwrap()), "sealeaf-man");
        let report = find(&["mna".to_owned()]).unwrap_err();
        assert!(report.render(false).contains("there is no verb `mna`"));
    }

    #[test]
    fn exit_status_lists_every_code() {
        let kinds = [
            Kind::Authentication,
            Kind::Conflict,
            Kind::Failed,
            Kind::Findings,
            Kind::Interrupted,
            Kind::Malformed,
            Kind::NoKey,
            Kind::NotSealed,
            Kind::Refused,
            Kind::Usage,
        ];
        for kind in kinds {
            assert!(EXIT_STATUS.iter().any(|(code, _)| *code == kind.code()), "{kind:?}");
        }
    }

    #[test]
    fn roff_is_not_commanded() {
        assert_eq!(roff(".TH \\n --x"), "\\&.TH \\en \\-\\-x");
    }
}
