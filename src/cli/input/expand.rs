//! Arguments to files: several, folders, and patterns that the shell did not expand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;
use sealeaf::format::{FORMATS, by_file_name};
use walkdir::WalkDir;

use super::Source;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::output::is_temporary;
use crate::cli::report::{Kind, Report};

/// The files that `arguments` name, sorted, each once. `-` is standard input and must stand alone.
///
/// A folder stands for every file below it whose name belongs to a format; `.git` is skipped, symlinks are not
/// followed. An argument that is no file but holds `*`, `?`, `[` or `{` is a pattern over paths, `**` for any depth.
pub(crate) fn expand(arguments: &[PathBuf], context: &Context) -> Result<Vec<Source>, Report> {
    if arguments.iter().any(|argument| argument == Path::new("-")) {
        return match arguments {
            [_] => Ok(vec![Source::Stdin]),
            _ => Err(Report::message(Kind::Usage, "`-` cannot be used together with files")),
        };
    }
    let mut files = BTreeSet::new();
    for argument in arguments {
        let from = context.directory.join(argument);
        match fs::symlink_metadata(&from) {
            Ok(metadata) if metadata.is_dir() => files.extend(folder(argument, context)?),
            Err(_) if is_pattern(argument) => files.extend(pattern(argument, context)?),
            // What is missing or unreadable is said when it is read.
            _ => {
                files.insert(argument.clone());
            }
        }
    }
    Ok(files.into_iter().map(Source::File).collect())
}

fn folder(argument: &Path, context: &Context) -> Result<Vec<PathBuf>, Report> {
    let known =
        |path: &Path| path.file_name().and_then(|name| by_file_name(&name.to_string_lossy())).is_some();
    let files = walk(argument, context, known)?;
    if files.is_empty() {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        let message = format!("the folder `{}` holds no file of a known format", escape::path(argument));
        return Err(Report::message(Kind::Usage, message)
            .hint(format!("known formats are {}; name other files one by one", names.join(", "))));
    }
    Ok(files)
}

fn pattern(argument: &Path, context: &Context) -> Result<Vec<PathBuf>, Report> {
    let text = argument.to_string_lossy();
    let glob = GlobBuilder::new(&text).literal_separator(true).build().map_err(|error| {
        Report::message(Kind::Usage, format!("`{}`: {}", escape::line(&text), error.kind()))
    })?;
    let matcher = glob.compile_matcher();
    let files = walk(&fixed_part(argument), context, |path| matcher.is_match(path))?;
    if files.is_empty() {
        return Err(Report::message(Kind::Usage, format!("no file matches `{}`", escape::line(&text))));
    }
    Ok(files)
}

/// All regular files below `start` that `wanted` accepts, written as paths that begin like `start`. What a killed run
/// left of its writing is nobody's file.
pub(crate) fn walk(
    start: &Path,
    context: &Context,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, Report> {
    let root = context.directory.join(start);
    let mut files = Vec::new();
    let entries = WalkDir::new(&root).follow_links(false).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| entry.file_name() != ".git" && !is_temporary(entry.file_name()))
    {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(start).to_owned();
            Report::io("read the folder", &path)(error.into())
        })?;
        // Joining nothing would add a slash.
        let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        let path = if below == Path::new("") { start.to_owned() } else { start.join(below) };
        if entry.file_type().is_dir() || !wanted(&path) {
            continue;
        }
        if entry.file_type().is_file() {
            files.push(path);
        } else {
            context.warn(format!("`{}` is no regular file and was left out", escape::path(&path)));
        }
    }
    Ok(files)
}

/// The folders in front of the first component that is a pattern.
fn fixed_part(pattern: &Path) -> PathBuf {
    pattern.components().take_while(|part| !is_pattern(part.as_ref())).fold(
        PathBuf::new(),
        |mut fixed, part: Component<'_>| {
            fixed.push(part);
            fixed
        },
    )
}

fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[{".contains(byte))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use sealeaf::keys::Environment;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["d/.git", "d/sub", "e"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in [
            "d/b.yaml",
            "d/a.json",
            "d/notes.txt",
            "d/.git/x.yaml",
            "d/sub/c.toml",
            "e/[x].yaml",
            "d/.b.yaml.sealeaf-Ab3dE6",
        ] {
            fs::File::create(root.path().join(file)).unwrap();
        }
        symlink("b.yaml", root.path().join("d/link.yaml")).unwrap();
        symlink("sub", root.path().join("d/folder-link")).unwrap();
        root
    }

    fn check(arguments: &[&str], expect: Result<&[&str], Kind>) {
        let root = tree();
        let context = Context::for_test(root.path(), Environment::default());
        let arguments: Vec<PathBuf> = arguments.iter().map(PathBuf::from).collect();
        match (expand(&arguments, &context), expect) {
            (Ok(sources), Ok(expect)) => {
                let shown: Vec<_> = sources.iter().map(|source| source.shown().to_str().unwrap()).collect();
                assert_eq!(shown, expect, "{arguments:?}");
            }
            (Err(report), Err(kind)) => assert_eq!(report.kind(), kind, "{arguments:?}"),
            (got, _) => panic!("{arguments:?}: {got:?}"),
        }
    }

    #[test]
    fn folders_stand_for_their_known_files() {
        check(&["d"], Ok(&["d/a.json", "d/b.yaml", "d/sub/c.toml"]));
        check(&["d/sub/../sub"], Ok(&["d/sub/../sub/c.toml"]));
        check(&["."], Ok(&["./d/a.json", "./d/b.yaml", "./d/sub/c.toml", "./e/[x].yaml"]));
        check(&["d/.git"], Err(Kind::Usage));
    }

    #[test]
    fn files_are_sorted_and_named_once() {
        check(&["d/notes.txt", "d/a.json", "d/notes.txt"], Ok(&["d/a.json", "d/notes.txt"]));
        check(&["missing.yaml"], Ok(&["missing.yaml"]));
    }

    #[test]
    fn patterns_are_expanded_where_no_such_file_is() {
        check(&["d/*.yaml"], Ok(&["d/b.yaml"]));
        check(&["**/*.{json,toml}"], Ok(&["d/a.json", "d/sub/c.toml"]));
        check(&["e/[x].yaml"], Ok(&["e/[x].yaml"]));
        check(&["d/*.xml"], Err(Kind::Usage));
        check(&["d/.b*"], Err(Kind::Usage));
        check(&["d/["], Err(Kind::Usage));
    }

    #[test]
    fn standard_input_stands_alone() {
        check(&["-"], Ok(&["-"]));
        check(&["-", "a"], Err(Kind::Usage));
    }
}
