//! Pieces that belong elsewhere: to another file, document or time. And what the review of the format tried with merges.

use std::fs;
use std::process::Command;

use crate::support::Project;

const RULE: &str = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\n";

fn project(text: &str) -> Project {
    let project = Project::new(&["alice"], RULE);
    project.seal("a.yaml", text);
    project.commit("base");
    project
}

fn line(text: &str, key: &str) -> String {
    text.lines().find(|line| line.starts_with(key)).unwrap().to_owned()
}

fn code(project: &Project, args: &[&str]) -> i32 {
    let output = project.run(args).output();
    assert!(output.code == 0 || output.stdout.is_empty(), "{}", output.stdout);
    output.code
}

#[test]
fn ac_13_an_added_document_is_refused() {
    let project = project("a: 1\nb: 2\n");
    let sealed = project.read("a.yaml");
    let (body, entry) = sealed.split_at(sealed.find("sealeaf:").unwrap());
    for changed in [
        format!("---\n~\n---\n{sealed}"),
        format!("---\nx: null\n---\n{sealed}"),
        format!("{body}---\nx: null\n---\n{entry}"),
        format!("{sealed}---\nx: null\n"),
        format!("{sealed}---\n"),
    ] {
        project.write("a.yaml", &changed);
        for verb in ["verify", "decrypt"] {
            assert!(matches!(code(&project, &[verb, "a.yaml"]), 5 | 8), "{verb}\n{changed}");
        }
    }
}

#[test]
fn ac_14_a_token_of_another_file_is_refused() {
    let project = project("a: 1\nb: 2\n");
    project.seal("other.yaml", "a: 3\nb: 4\n");
    let (ours, theirs) = (project.read("a.yaml"), project.read("other.yaml"));
    for key in ["a: ", "b: "] {
        project.write("a.yaml", &ours.replace(&line(&ours, key), &line(&theirs, key)));
        assert_eq!([code(&project, &["verify", "a.yaml"]), code(&project, &["decrypt", "a.yaml"])], [5, 5]);
    }
}

#[test]
fn ac_16_a_deleted_entry_comes_back_as_a_mix() {
    let project = project("a: 1\nb: 2\nc: 3\nd: 4\n");
    let old = project.read("a.yaml");
    project.run(&["unset", "--quiet", "a.yaml", "b"]).stdout();
    project.run(&["set", "--quiet", "a.yaml", "d"]).stdin("new").stdout();
    project.commit("without b");
    let now = project.read("a.yaml");
    // Its old token alone does not follow its neighbour's any more.
    let resurrected = |with: &str| now.replace(&line(&now, "a: "), &format!("{with}\n{}", line(&old, "b: ")));
    project.write("a.yaml", &resurrected(&line(&now, "a: ")));
    assert_eq!(code(&project, &["decrypt", "a.yaml"]), 5);
    // With the predecessor's old tail every piece is authentic: a mix, which only the history tells from a merge.
    project.write("a.yaml", &resurrected(&line(&old, "a: ")));
    let opened = project.run(&["decrypt", "a.yaml"]).output();
    assert_eq!((opened.code, opened.stdout.as_str()), (0, "a: 1\nb: 2\nc: 3\nd: new\n"));
    assert!(opened.stderr.contains("linked"), "{}", opened.stderr);
    for args in [
        ["verify", "a.yaml", "--require-sealed", "--quiet"],
        ["decrypt", "a.yaml", "--require-sealed", "--quiet"],
        ["verify", "a.yaml", "--against", "HEAD"],
    ] {
        assert_eq!(code(&project, &args), 6, "{args:?}");
    }
    assert_eq!(project.run(&["set", "a.yaml", "a"]).stdin("x").output().code, 6);
}

/// `git merge-file`: the text, if it is free of conflicts.
#[expect(clippy::disallowed_methods, reason = "files of a scratch folder")]
fn merged(project: &Project, base: &str, ours: &str, theirs: &str) -> Option<String> {
    let folder = project.path("merge");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        fs::write(folder.join(name), text).unwrap();
    }
    let mut git = Command::new("git");
    let output =
        git.args(["merge-file", "-p", "ours", "base", "theirs"]).current_dir(folder).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// The review's experiment e8b: two branches, each brought up to date with a third and resealed, meet in it.
#[test]
fn branches_that_were_resealed_meet_without_conflict() {
    let plain: String = (0..30).map(|index| format!("k{index}: v{index}\n")).collect();
    let project = project(&plain);
    let base = project.read("a.yaml");
    let edit = |key: &str| {
        project.write("a.yaml", &base);
        project.run(&["set", "--quiet", "a.yaml", key]).stdin("edited").stdout();
        project.read("a.yaml")
    };
    let (one, two, third) = (edit("k3"), edit("k14"), edit("k25"));
    let reseal = |text: &str| {
        project.write("a.yaml", text);
        project.run(&["reseal", "--yes", "--quiet", "a.yaml"]).stdout();
        project.run(&["verify", "a.yaml", "--require-sealed"]).stdout();
        project.read("a.yaml")
    };
    let one = reseal(&merged(&project, &base, &one, &third).unwrap());
    let two = reseal(&merged(&project, &base, &two, &third).unwrap());
    // The resealed record is one that its own branch wrote, so both change what they changed already.
    let both = merged(&project, &third, &one, &two);
    project.write("a.yaml", &both.expect("a merge without conflict"));
    let expected =
        plain.replace("v3\n", "edited\n").replace("v14\n", "edited\n").replace("v25\n", "edited\n");
    assert_eq!(project.run(&["decrypt", "--quiet", "a.yaml"]).stdout(), expected);
}

/// The review's experiment e11: a mix whose highest number stands in one record alone is not sealed by that record.
#[test]
fn a_single_newest_record_does_not_seal_a_mix() {
    let project = project("a: 1\nb: 2\nc: 3\n");
    let first = project.read("a.yaml");
    project.run(&["set", "--quiet", "a.yaml", "a"]).stdin("new").stdout();
    project.run(&["set", "--quiet", "a.yaml", "c"]).stdin("new").stdout();
    let third = project.read("a.yaml");
    // `a` goes back to the first session; `c` of the third says that `a` was of the second.
    project.write("a.yaml", &third.replace(&line(&third, "a: "), &line(&first, "a: ")));
    assert_eq!(code(&project, &["verify", "--require-sealed", "a.yaml"]), 6);
    assert_eq!(code(&project, &["verify", "a.yaml"]), 0);
}

/// What a million manipulations found: a comment can be moved over what is below the entry that it follows, and no further.
/// Section 6 of the format says so.
#[test]
fn a_comment_moves_over_one_value_and_no_further() {
    let rule = "[[rule]]\nfiles = [\"*.yaml\"]\nto = [\"alice\"]\ncomments = \"encrypt\"\n";
    let project = Project::new(&["alice"], rule);
    project.seal("a.yaml", "a:\n  # one\n  b: 1\n  c: 2\nd: 3\n");
    let sealed = project.read("a.yaml");
    let comment = line(&sealed, "  # ");
    let without = sealed.replace(&format!("{comment}\n"), "");
    let behind = |key: &str| {
        let at = line(&without, key);
        project.write("a.yaml", &without.replace(&at, &format!("{at} {}", comment.trim())));
    };
    behind("  c: ");
    project.run(&["verify", "--require-sealed", "a.yaml"]).stdout();
    assert_eq!(project.open("a.yaml"), "a:\n  b: 1\n  c: 2 # one\nd: 3\n");
    for key in ["  b: ", "d: "] {
        behind(key);
        assert_eq!(code(&project, &["decrypt", "a.yaml"]), 5, "{key}");
    }
}

/// What a million manipulations found: TOML's tables can stand elsewhere in the text and still be the same tree, in the same
/// order of first mention, each with its comments. That is no forgery, and opens.
#[test]
fn tables_that_change_places_in_the_text_change_nothing() {
    let rule = "[[rule]]\nfiles = [\"*.toml\"]\nto = [\"alice\"]\ncomments = \"encrypt\"\n";
    let project = Project::new(&["alice"], rule);
    let tables = ["[a]\nx = 1 # one\n", "[b]\ny = 2 # two\n", "[a.c]\nz = 3 # three\n"];
    project.seal("a.toml", &tables.concat());
    let sealed = project.read("a.toml");
    let (b, c) = (sealed.find("[b]").unwrap(), sealed.find("[a.c]").unwrap());
    let end = sealed.find("\n[sealeaf]").unwrap();
    let moved = [&sealed[..b], &sealed[c..end], &sealed[b..c], &sealed[end..]].concat();
    project.write("a.toml", &moved);
    project.run(&["verify", "--require-sealed", "a.toml"]).stdout();
    assert_eq!(project.open("a.toml"), [tables[0], tables[2], tables[1]].concat());
    // `b` before `a` is another order of first mention.
    project.write("a.toml", &[&sealed[b..c], &sealed[..b], &sealed[c..]].concat());
    assert_eq!(code(&project, &["decrypt", "a.toml"]), 5);
}
