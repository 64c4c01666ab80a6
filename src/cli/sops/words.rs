//! Takes a command line apart as SOPS does, which has the conventions of Go's `flag` package: one dash or two, `-x=v`,
//! booleans with a value, no clusters of short flags.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// A command line in two halves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// The flags, one `--name` or `--name=value` each.
    pub(super) flags: Vec<OsString>,
    /// Everything else, in order.
    pub(super) names: Vec<OsString>,
    /// Whether help is asked for.
    pub(super) help: bool,
}

/// Where flags may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    /// Before the first name alone; what stands behind it is no flag.
    First,
    /// Anywhere. What is no flag of the command and stands behind a name is a name.
    Anywhere,
}

/// Sorts the words behind a command's name.
///
/// # Errors
/// What is wrong, in SOPS' words: a flag that the command does not have, or one without its value.
pub(super) fn sort(command: &Command, words: &[OsString], flags: Flags) -> Result<Words, String> {
    let mut sorted = Words::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            sorted.names.extend(words.cloned());
            break;
        }
        let Some((name, value)) = as_flag(word) else {
            sorted.names.push(word.clone());
            if flags == Flags::First {
                sorted.names.extend(words.cloned());
                break;
            }
            continue;
        };
        if matches!(name.as_str(), "help" | "h") {
            sorted.help = true;
            continue;
        }
        let Some((argument, long)) = find(command, &name) else {
            if sorted.names.is_empty() {
                return Err(format!("flag provided but not defined: -{name}"));
            }
            sorted.names.push(word.clone());
            continue;
        };
        if argument.get_action().takes_values() && argument.get_num_args().is_none_or(|n| n.min_values() > 0)
        {
            let value = value.or_else(|| words.next().map(OsString::as_os_str));
            let value = value.ok_or_else(|| format!("flag needs an argument: -{name}"))?;
            sorted.flags.push(joined(long, value));
        } else {
            let value = value.unwrap_or(OsStr::new("true"));
            let is_set = boolean(value)
                .ok_or_else(|| format!("invalid boolean value for -{name}: expected true or false"))?;
            match (argument.get_action().takes_values(), is_set) {
                (true, _) => {
                    sorted.flags.push(joined(long, OsStr::new(if is_set { "true" } else { "false" })));
                }
                (false, true) => sorted.flags.push(format!("--{long}").into()),
                (false, false) => {}
            }
        }
    }
    Ok(sorted)
}

/// Go's `ParseBool`.
pub(super) fn boolean(text: &OsStr) -> Option<bool> {
    match text.to_str()? {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Name and value of what looks like a flag.
fn as_flag(word: &OsStr) -> Option<(String, Option<&OsStr>)> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = word.as_bytes();
    let rest = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-"))?;
    if rest.is_empty() || rest.starts_with(b"-") || rest.starts_with(b"=") {
        return None;
    }
    let (name, value) = match rest.iter().position(|byte| *byte == b'=') {
        Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
        None => (rest, None),
    };
    Some((String::from_utf8_lossy(name).into_owned(), value.map(OsStr::from_bytes)))
}

/// The flag of that name, long or short, and its long name.
fn find<'c>(command: &'c Command, name: &str) -> Option<(&'c Arg, &'c str)> {
    let mut letters = name.chars();
    let short = letters.next().filter(|_| letters.next().is_none());
    command.get_arguments().find_map(|argument| {
        let long = argument.get_long()?;
        let is_it = long == name
            || (short.is_some() && argument.get_short() == short)
            || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name));
        is_it.then_some((argument, long))
    })
}

fn joined(long: &str, value: &OsStr) -> OsString {
    let mut flag = OsString::from(format!("--{long}="));
    flag.push(value);
    flag
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    fn command() -> Command {
        Command::new("x")
            .arg(Arg::new("age").long("age").short('a'))
            .arg(Arg::new("in-place").long("in-place").short('i').action(ArgAction::SetTrue))
            .arg(Arg::new("local").long("local").num_args(0..=1).require_equals(true))
            .arg(Arg::new("network").long("network").alias("net"))
    }

    #[track_caller]
    fn check(words: &[&str], flags: Flags, expect: Result<(&[&str], &[&str]), &str>) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let sorted = sort(&command(), &words, flags);
        let owned = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        match (sorted, expect) {
            (Ok(sorted), Ok((flags, names))) => {
                assert_eq!((sorted.flags, sorted.names), (owned(flags), owned(names)));
            }
            (sorted, Err(says)) => assert_eq!(sorted.unwrap_err(), says),
            (Err(error), Ok(_)) => panic!("{error}"),
        }
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        for age in [&["-a", "R"][..], &["--a", "R"], &["-age", "R"], &["--age=R"], &["-a=R"]] {
            check(age, Flags::First, Ok((&["--age=R"], &[])));
        }
        check(&["--net", "tcp"], Flags::First, Ok((&["--network=tcp"], &[])));
    }

    #[test]
    fn booleans_take_a_value_behind_an_equals_sign_alone() {
        check(&["-i", "false"], Flags::Anywhere, Ok((&["--in-place"], &["false"])));
        check(&["-i=false", "-i=T"], Flags::Anywhere, Ok((&["--in-place"], &[])));
        check(&["--local", "x"], Flags::Anywhere, Ok((&["--local=true"], &["x"])));
        check(&["--local=0"], Flags::Anywhere, Ok((&["--local=false"], &[])));
        let says = "invalid boolean value for -i: expected true or false";
        check(&["-i=maybe"], Flags::First, Err(says));
    }

    #[test]
    fn flags_behind_names() {
        check(&["x", "-i", "y"], Flags::First, Ok((&[], &["x", "-i", "y"])));
        check(&["x", "-i", "y"], Flags::Anywhere, Ok((&["--in-place"], &["x", "y"])));
        check(&["x", "-5", "-ei"], Flags::Anywhere, Ok((&[], &["x", "-5", "-ei"])));
        check(&["x", "--", "-i"], Flags::Anywhere, Ok((&[], &["x", "-i"])));
        check(&["-", "-i"], Flags::Anywhere, Ok((&["--in-place"], &["-"])));
    }

    #[test]
    fn what_is_wrong() {
        check(&["-ei", "x"], Flags::Anywhere, Err("flag provided but not defined: -ei"));
        check(&["--age"], Flags::Anywhere, Err("flag needs an argument: -age"));
    }
}
