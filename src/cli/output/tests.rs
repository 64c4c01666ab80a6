#![expect(clippy::disallowed_methods, reason = "tests make the files that are then replaced")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use sealeaf::keys::Environment;

use super::staged::Written;
use super::*;
use crate::cli::input::read_file;

struct Folder {
    root: tempfile::TempDir,
    context: Context,
}

impl Folder {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let context = Context::for_test(root.path(), Environment::default());
        Self { root, context }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn original(&self, name: &str) -> Original {
        let path = self.path(name);
        let (bytes, file) = read_file(&path, 1 << 20).unwrap();
        Original::of(&path, &file, &bytes, &self.context).unwrap()
    }

    #[track_caller]
    fn check(&self, name: &str, text: &str, mode: u32) {
        assert_eq!(fs::read_to_string(self.path(name)).unwrap(), text);
        assert_eq!(fs::metadata(self.path(name)).unwrap().mode() & 0o777, mode, "mode of {name}");
        self.check_names();
    }

    /// No temporary file is left.
    #[track_caller]
    fn check_names(&self) {
        for entry in fs::read_dir(self.root.path()).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(!name.to_string_lossy().contains(".sealeaf-"), "{name:?}");
        }
    }
}

fn anywhere(_: &Path) -> Result<(), Report> {
    Ok(())
}

#[test]
fn replacing_keeps_the_mode() {
    let folder = Folder::new();
    folder.put("a", "old", 0o640);
    assert!(replace(&folder.original("a"), b"new", Content::Sealed, &folder.context).unwrap());
    folder.check("a", "new", 0o640);
}

#[test]
fn plaintext_is_for_its_owner_alone() {
    let folder = Folder::new();
    folder.put("a", "old", 0o664);
    assert!(replace(&folder.original("a"), b"new", Content::Plain(&anywhere), &folder.context).unwrap());
    folder.check("a", "new", 0o600);
    create(&folder.path("b"), b"new", Content::Plain(&anywhere), &folder.context).unwrap();
    folder.check("b", "new", 0o600);
}

#[test]
fn equal_bytes_are_not_written() {
    let folder = Folder::new();
    folder.put("a", "same", 0o644);
    let before = fs::metadata(folder.path("a")).unwrap().ino();
    assert!(!replace(&folder.original("a"), b"same", Content::Sealed, &folder.context).unwrap());
    assert_eq!(fs::metadata(folder.path("a")).unwrap().ino(), before);
}

#[test]
fn extended_attributes_are_kept() {
    let folder = Folder::new();
    folder.put("a", "old", 0o644);
    let file = fs::File::open(folder.path("a")).unwrap();
    if rustix::fs::fsetxattr(&file, "user.note", b"kept", rustix::fs::XattrFlags::empty()).is_err() {
        return; // this file system has none
    }
    replace(&folder.original("a"), b"new", Content::Sealed, &folder.context).unwrap();
    let mut value = [0; 16];
    let length =
        rustix::fs::fgetxattr(fs::File::open(folder.path("a")).unwrap(), "user.note", &mut value[..])
            .unwrap();
    assert_eq!(&value[..length], b"kept");
}

#[test]
fn ac_71_a_changed_file_is_never_overwritten() {
    let folder = Folder::new();
    folder.put("a", "old", 0o644);
    let original = folder.original("a");
    folder.put("a", "theirs", 0o644);
    let report = replace(&original, b"ours", Content::Sealed, &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Conflict);
    folder.check("a", "theirs", 0o644);
    fs::remove_file(folder.path("a")).unwrap();
    let report = replace(&original, b"ours", Content::Sealed, &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Conflict);
    assert!(!folder.path("a").exists());
}

#[test]
fn ac_64_links_are_refused_and_left_alone() {
    let folder = Folder::new();
    folder.put("target", "old", 0o644);
    symlink("target", folder.path("link")).unwrap();
    let report = replace(&folder.original("link"), b"new", Content::Sealed, &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Refused);
    fs::hard_link(folder.path("target"), folder.path("twin")).unwrap();
    let report = replace(&folder.original("target"), b"new", Content::Sealed, &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Refused);
    folder.check("target", "old", 0o644);
}

#[test]
fn a_symlink_put_there_meanwhile_is_not_followed() {
    let folder = Folder::new();
    folder.put("a", "old", 0o644);
    folder.put("victim", "old", 0o644);
    let original = folder.original("a");
    fs::remove_file(folder.path("a")).unwrap();
    symlink("victim", folder.path("a")).unwrap();
    let report = replace(&original, b"new", Content::Sealed, &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Conflict);
    folder.check("victim", "old", 0o644);
}

#[test]
fn new_files_do_not_overwrite() {
    let folder = Folder::new();
    create(&folder.path("a"), b"one", Content::Sealed, &folder.context).unwrap();
    let report = create(&folder.path("a"), b"two", Content::Sealed, &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Conflict);
    assert_eq!(fs::read_to_string(folder.path("a")).unwrap(), "one");
    folder.check_names();
}

#[test]
fn plaintext_does_not_replace_a_sealed_file() {
    let folder = Folder::new();
    folder.put("a.yaml", "a: x\nsealeaf:\n  version: 1\n", 0o644);
    let target = Target::File(folder.path("a.yaml"));
    let report = write(&target, b"a: secret\n", Content::Plain(&anywhere), &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Refused);
    write(&target, b"a: y\nsealeaf:\n", Content::Sealed, &folder.context).unwrap();
    folder.check("a.yaml", "a: y\nsealeaf:\n", 0o644);
}

#[test]
fn the_guard_decides_about_plaintext() {
    let folder = Folder::new();
    let refuse = |_: &Path| Err(Report::message(Kind::Refused, "git would track it"));
    let target = Target::File(folder.path("a"));
    let report = write(&target, b"x", Content::Plain(&refuse), &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Refused);
    assert!(!folder.path("a").exists());
}

#[test]
fn what_a_killed_process_left_is_swept() {
    let folder = Folder::new();
    folder.put("a", "old", 0o644);
    folder.put(".a.sealeaf-Ab3dE6", "stale", 0o600);
    folder.put(".b.sealeaf-Ab3dE6", "another's", 0o600);
    folder.put(".a.sealeaf-note", "not ours", 0o600);
    folder.put("a.sealeaf-Ab3dE6", "not hidden", 0o600);
    replace(&folder.original("a"), b"new", Content::Sealed, &folder.context).unwrap();
    assert!(!folder.path(".a.sealeaf-Ab3dE6").exists());
    assert!(!folder.path(".b.sealeaf-Ab3dE6").exists());
    assert!(folder.path(".a.sealeaf-note").exists());
    assert!(folder.path("a.sealeaf-Ab3dE6").exists());
}

#[test]
fn what_is_in_use_is_not_swept() {
    let folder = Folder::new();
    let _lock = Lock::folder(folder.root.path(), &folder.context).unwrap();
    folder.put("a", "old", 0o644);
    folder.put(".b.sealeaf-Ab3dE6", "of another thread", 0o600);
    replace(&folder.original("a"), b"new", Content::Sealed, &folder.context).unwrap();
    assert!(folder.path(".b.sealeaf-Ab3dE6").exists());
}

#[test]
fn very_long_names_can_be_replaced() {
    let folder = Folder::new();
    let name = "n".repeat(255);
    folder.put(&name, "old", 0o644);
    replace(&folder.original(&name), b"new", Content::Sealed, &folder.context).unwrap();
    folder.check(&name, "new", 0o644);
}

#[test]
fn a_batch_replaces_all() {
    let folder = Folder::new();
    for name in ["a", "b", "c"] {
        folder.put(name, "old", 0o644);
    }
    let originals = ["a", "b", "c"].map(|name| folder.original(name));
    let mut batch = Batch::new(&folder.context);
    assert!(batch.add(&originals[0], b"new").unwrap());
    assert!(!batch.add(&originals[1], b"old").unwrap());
    assert!(batch.add(&originals[2], b"new").unwrap());
    assert_eq!(batch.add(&originals[0], b"newer").unwrap_err().kind(), Kind::Usage);
    assert_eq!(batch.commit().unwrap(), 2);
    folder.check("a", "new", 0o644);
    folder.check("b", "old", 0o644);
    folder.check("c", "new", 0o644);
}

#[test]
fn a_batch_replaces_none_where_one_cannot_be() {
    let folder = Folder::new();
    for name in ["a", "b"] {
        folder.put(name, "old", 0o644);
    }
    let originals = ["a", "b"].map(|name| folder.original(name));
    let mut batch = Batch::new(&folder.context);
    batch.add(&originals[0], b"new").unwrap();
    batch.add(&originals[1], b"new").unwrap();
    folder.put("b", "theirs", 0o644);
    assert_eq!(batch.commit().unwrap_err().kind(), Kind::Conflict);
    folder.check("a", "old", 0o644);
    folder.check("b", "theirs", 0o644);
}

#[test]
fn swapping_twice_changes_nothing() {
    let folder = Folder::new();
    folder.put("a", "old", 0o644);
    let original = folder.original("a");
    let place = original.replaceable().unwrap();
    let current = original.unchanged(&place).unwrap();
    let staged = Written::over(&current, &place, b"new", false).unwrap().sync().unwrap();
    staged.exchange().unwrap();
    assert_eq!(fs::read_to_string(folder.path("a")).unwrap(), "new");
    if staged.taken_away().is_some() {
        staged.exchange().unwrap();
        assert_eq!(fs::read_to_string(folder.path("a")).unwrap(), "old");
    }
    drop(staged);
    folder.check_names();
}

fn check_targets(output: Option<&str>, sources: &[&str], expect: Result<&[&str], Kind>) {
    check_targets_of(output, sources, sources, expect);
}

fn check_targets_of(
    output: Option<&str>,
    arguments: &[&str],
    sources: &[&str],
    expect: Result<&[&str], Kind>,
) {
    let arguments: Vec<PathBuf> = arguments.iter().map(PathBuf::from).collect();
    let sources: Vec<Source> = sources.iter().map(|source| Source::of(Path::new(source))).collect();
    match (targets(output.map(Path::new), &arguments, &sources), expect) {
        (Ok(targets), Ok(expect)) => {
            let shown: Vec<&str> = targets
                .iter()
                .map(|target| match target {
                    Target::Stdout => "-",
                    Target::File(path) => path.to_str().unwrap(),
                })
                .collect();
            assert_eq!(shown, expect);
        }
        (Err(report), Err(kind)) => assert_eq!(report.kind(), kind),
        (got, _) => panic!("{got:?}"),
    }
}

#[test]
fn targets_follow_output_and_sources() {
    check_targets(None, &["a"], Ok(&["-"]));
    check_targets(Some("-"), &["a"], Ok(&["-"]));
    check_targets(None, &["a", "b"], Err(Kind::Usage));
    check_targets(Some("out.yaml"), &["a"], Ok(&["out.yaml"]));
    check_targets(Some("out.yaml"), &["-"], Ok(&["out.yaml"]));
    check_targets(Some("/"), &["a.yaml"], Ok(&["/a.yaml"]));
    check_targets(Some("out"), &["a/x", "b/x"], Ok(&["out/a/x", "out/b/x"]));
    check_targets(Some("out"), &["/a/x", "../b/x"], Err(Kind::Usage));
    check_targets(Some("out/"), &["a/x"], Ok(&["out/a/x"]));
    check_targets_of(Some("out"), &["a"], &["a/x"], Ok(&["out/a/x"]));
    check_targets_of(None, &["a"], &["a/x"], Ok(&["-"]));
}

#[test]
fn a_refused_file_leaves_no_folder() {
    let folder = Folder::new();
    let refuse = |_: &Path| Err(Report::message(Kind::Refused, "git would track it"));
    let target = Target::File(folder.path("out/sub/a"));
    let report = write(&target, b"x", Content::Plain(&refuse), &folder.context).unwrap_err();
    assert_eq!(report.kind(), Kind::Refused);
    assert!(!folder.path("out").exists());
    write(&target, b"x", Content::Plain(&anywhere), &folder.context).unwrap();
    folder.check("out/sub/a", "x", 0o600);
}

#[test]
fn many_orders_are_carried_out_each_for_itself() {
    let folder = Folder::new();
    let names: Vec<String> = (0..200).map(|number| format!("{number}")).collect();
    names.iter().for_each(|name| folder.put(name, "old", 0o644));
    let originals: Vec<Original> = names.iter().map(|name| folder.original(name)).collect();
    folder.put("7", "theirs", 0o644);
    let order = |original| Order::replace(original, b"new", Content::Sealed);
    let done = carry_out(&originals.iter().map(order).collect::<Vec<_>>(), &folder.context);
    for (name, done) in names.iter().zip(done) {
        match name.as_str() {
            "7" => assert_eq!(done.unwrap_err().kind(), Kind::Conflict),
            _ => assert!(done.unwrap()),
        }
        folder.check(name, if name == "7" { "theirs" } else { "new" }, 0o644);
    }
}
