//! Post-quantum keys and plugins of age, against other programs: the npm package `age-encryption`, `age`, `sops`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sealeaf::keys::NoPrompt;
use sealeaf::keys::age::{NewIdentity, generate_post_quantum, recipients_of};

use super::{Answer, SECRET, context, recipient, unwrap, wrap};
use crate::sops::tool::Sops;
use crate::support::{Project, Sandbox, install, skip, tools};

const RULE: &str = "[[rule]]\nfiles = [\"**\"]\n";

/// A repository whose rule is for one key, of nobody in it.
fn for_one(id: &str, rule: &str) -> Project {
    let project = Project::new(&["alice"], "");
    let text = format!(
        "version = 1\n\n[recipients]\nalice = {{ age = \"{}\" }}\nbob = {{ age = \"{id}\" }}\n\n{RULE}{rule}\n",
        project.key("alice")
    );
    project.write(".sealeaf.toml", &text);
    project
}

/// A file of the user's own.
fn own_file(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = sandbox.home().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    path
}

#[track_caller]
fn succeeded(output: &Output) -> &[u8] {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    &output.stdout
}

/// Has the npm package make an identity, encrypt for it and for `ours`, and decrypt `wrapped` with `key`; all in hexadecimal digits.
const NPM: &str = r#"
const [root, ours, key, wrapped] = process.argv.slice(1);
const age = await import(`${root}/node_modules/age-encryption/dist/index.js`);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const encrypt = async (id) => {
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(id);
  return hex(await encrypter.encrypt(Buffer.from(process.env.SECRET)));
};
const identity = await age.generateHybridIdentity();
const recipient = await age.identityToRecipient(identity);
const decrypter = new age.Decrypter();
decrypter.addIdentity(key);
const opened = hex(await decrypter.decrypt(Buffer.from(wrapped, "hex")));
console.log([identity, recipient, await encrypt(recipient), await encrypt(ours), opened].join("\n"));
"#;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The last line of a key file.
fn line(identity: &NewIdentity) -> &str {
    identity.text.lines().last().unwrap()
}

#[test]
fn post_quantum_keys_go_both_ways_with_the_npm_package() {
    let Some(tools) = tools().filter(|tools| tools.join("node_modules/age-encryption").exists()) else {
        return skip("the npm package `age-encryption` is not installed");
    };
    let sandbox = Sandbox::new();
    let ours = generate_post_quantum("").unwrap();
    let wrapped = hex(&wrap(&ours.recipient).wrapped);
    let output = sandbox
        .command("node")
        .args([
            "--input-type=module",
            "-e",
            NPM,
            tools.to_str().unwrap(),
            &ours.recipient,
            line(&ours),
            &wrapped,
        ])
        .env("SECRET", str::from_utf8(SECRET).unwrap())
        .output()
        .unwrap();
    let output = String::from_utf8(succeeded(&output).to_vec()).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    let [identity, public, for_them, for_us, opened] = lines.as_slice() else { panic!("{output}") };
    assert_eq!(bytes(opened), SECRET, "they open our wrap");
    assert_eq!(recipients_of(identity), [*public], "we find the public half of their identity");
    for (identity, id, wrapped) in [(line(&ours), &*ours.recipient, for_us), (*identity, *public, for_them)] {
        let environment = [("SEALEAF_IDENTITY", identity)].into_iter().collect();
        assert_eq!(unwrap(&environment, &NoPrompt, id, &bytes(wrapped)).unwrap(), SECRET);
    }
}

#[test]
fn post_quantum_keys_go_both_ways_with_sops() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let pat = generate_post_quantum("").unwrap();
    let project = for_one(&pat.recipient, "to = [\"bob\"]\nenvelope = \"sops\"");
    project.write("a.yaml", "k: v\n");
    project.run(&["encrypt", "a.yaml"]).stdout();
    let run = |arguments: &[&str]| {
        let mut command = project.command(sops.program().to_str().unwrap());
        command.args(arguments).env("SOPS_AGE_KEY", line(&pat)).env("SOPS_DISABLE_VERSION_CHECK", "1");
        command.output().unwrap()
    };
    assert_eq!(succeeded(&run(&["decrypt", "a.yaml"])), b"k: v\n");
    project.write("b.yaml", "k: w\n");
    let theirs = run(&["encrypt", "--age", &pat.recipient, "b.yaml"]);
    project.write("b.yaml", str::from_utf8(succeeded(&theirs)).unwrap());
    let opened = project.run_as_nobody(&["decrypt", "b.yaml"]).env("SOPS_AGE_KEY", line(&pat)).stdout();
    assert_eq!(opened, "k: w\n");
}

#[test]
fn keygen_makes_post_quantum_identities_that_seal_and_open() {
    let project = Project::new(&["alice"], "");
    let id = project.run_as_nobody(&["keygen", "--pq", "-q"]).stdout();
    let file = fs::read_to_string(project.home().join(".config/sealeaf/keys.txt")).unwrap();
    assert!(file.contains(&format!("# public key: {id}")) && file.contains("AGE-SECRET-KEY-PQ-1"), "{file}");
    let project = {
        let text = format!(
            "version = 1\n\n[recipients]\npat = {{ age = \"{}\" }}\n\n{RULE}to = [\"pat\"]\n",
            id.trim()
        );
        project.write(".sealeaf.toml", &text);
        project
    };
    project.write("a.yaml", "k: v\n");
    project.run_as_nobody(&["encrypt", "a.yaml"]).stdout();
    assert!(project.read("a.yaml").contains("age1pq1"));
    assert_eq!(project.run_as_nobody(&["decrypt", "a.yaml"]).stdout(), "k: v\n");
    project.run_as_nobody(&["set", "a.yaml", "k"]).stdin("w").stdout();
    project.run_as_nobody(&["rotate", "a.yaml"]).stdout();
    assert_eq!(project.run_as_nobody(&["get", "a.yaml", "k"]).stdout(), "w");
    let stranger = project.run(&["decrypt", "a.yaml"]).env("XDG_CONFIG_HOME", "/nowhere").output();
    assert_eq!(stranger.code, 4, "{}", stranger.stderr);
}

#[test]
fn rules_that_require_post_quantum_keys_refuse_others() {
    let pat = generate_post_quantum("").unwrap();
    let project = for_one(&pat.recipient, "to = [\"alice\", \"bob\"]");
    project.write("a.yaml", "k: v\n");
    project.run(&["encrypt", "a.yaml"]).stdout();
    let sealed = project.read("a.yaml");
    let required = |to: &str| {
        let text = format!(
            "version = 1\n\n[recipients]\nalice = {{ age = \"{}\" }}\nbob = {{ age = \"{}\" }}\n\n{RULE}to = [{to}]\npq = \"required\"\n",
            project.key("alice"),
            pat.recipient
        );
        project.write(".sealeaf.toml", &text);
    };
    required("\"alice\", \"bob\"");
    project.write("new.yaml", "k: v\n");
    for arguments in [
        &["encrypt", "new.yaml"][..],
        &["encrypt", "--envelope", "sops", "new.yaml"],
        &["encrypt", "--to", "alice", "new.yaml"],
        &["encrypt", "--envelope", "sops", "--to", "alice", "new.yaml"],
        &["rekey", "--yes", "a.yaml"],
        &["rekey", "--all", "--yes"],
        &["rotate", "a.yaml"],
    ] {
        let output = project.run(arguments).output();
        let expect = "`pq = \"required\"`: the key of `alice` does not withstand quantum computers";
        assert!(output.code != 0 && output.stderr.contains(expect), "{arguments:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert_eq!((project.read("a.yaml"), project.read("new.yaml").as_str()), (sealed.clone(), "k: v\n"));
    }
    // Reading goes on.
    assert_eq!(project.open("a.yaml"), "k: v\n");
    required("\"bob\"");
    let configuration = project.read(".sealeaf.toml");
    for more in [&[][..], &["--no-rekey"]] {
        let output = project.run(&[&["recipients", "add", "alice"], more].concat()).output();
        assert!(output.code != 0 && output.stderr.contains("the key of `alice`"), "{}", output.stderr);
        assert_eq!(project.read(".sealeaf.toml"), configuration);
    }
    project.run(&["rekey", "--yes", "a.yaml"]).stdout();
    project.run(&["encrypt", "new.yaml"]).stdout();
    for file in ["a.yaml", "new.yaml"] {
        let opened = project.run_as_nobody(&["decrypt", file]).env("SEALEAF_IDENTITY", line(&pat));
        assert_eq!(opened.stdout(), "k: v\n");
    }
}

/// The test's own plugin, installed where the user's own settings allow it; the recipient and the identity.
fn plugin(project: &Project) -> (PathBuf, &'static str, &'static str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/age/testdata/age-plugin-test");
    let path = project.root().join("bin/age-plugin-test");
    install(&source, &path);
    (path, PLUGIN_ID, PLUGIN_IDENTITY)
}

fn allow(project: &Project, path: &Path) {
    own_file(
        project,
        ".config/sealeaf/config.toml",
        &format!("[age.plugins]\ntest = \"{}\"\n", path.display()),
    );
}

#[test]
fn plugins_go_both_ways_with_age_and_sops() {
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let project = for_one(PLUGIN_ID, "to = [\"bob\"]\nenvelope = \"sops\"");
    let (path, id, identity) = plugin(&project);
    allow(&project, &path);
    let keys = own_file(&project, "plugin.txt", &format!("# Recipient: {id}\n{identity}\n"));
    let theirs = |program: &str, arguments: &[&str]| {
        let mut command = project.command(program);
        command.args(arguments).stdin(Stdio::null());
        command.env("SOPS_AGE_KEY_FILE", &keys).env("SOPS_DISABLE_VERSION_CHECK", "1");
        succeeded(&command.output().unwrap()).to_vec()
    };
    let sops = sops.program().to_str().unwrap();
    project.write("a.yaml", "k: v\n").write("b.yaml", "k: w\n");
    project.run(&["encrypt", "a.yaml"]).stdout();
    assert_eq!(theirs(sops, &["decrypt", "a.yaml"]), b"k: v\n");
    project.write("b.yaml", str::from_utf8(&theirs(sops, &["encrypt", "--age", id, "b.yaml"])).unwrap());
    let opened = project.run_as_nobody(&["decrypt", "b.yaml"]).env("SOPS_AGE_KEY_FILE", &keys).stdout();
    assert_eq!(opened, "k: w\n");
    // The wrap by itself, with Go's age.
    let armored = project.read("a.yaml");
    let start = armored.find("-----BEGIN AGE").unwrap();
    let armored: String = armored[start..]
        .lines()
        .map(str::trim)
        .take_while(|line| !line.contains("recipient"))
        .fold(String::new(), |text, line| text + line + "\n");
    let end = armored.find("-----END AGE ENCRYPTED FILE-----").unwrap();
    own_file(&project, "wrap.age", &format!("{}-----END AGE ENCRYPTED FILE-----\n", &armored[..end]));
    let opened = theirs("age", &["-d", "-i", keys.to_str().unwrap(), "../home/wrap.age"]);
    assert_eq!(opened.len(), 32, "the data key");
    let plain = own_file(&project, "plain", str::from_utf8(SECRET).unwrap());
    let wrapped = theirs("age", &["-r", id, plain.to_str().unwrap()]);
    let environment: sealeaf::keys::Environment =
        [("SEALEAF_IDENTITY", identity), ("PATH", "/usr/bin:/bin")].into_iter().collect();
    let mut run = sealeaf::keys::Run::new(&environment, &Answer(""));
    run.settings.age.plugins.insert("test".to_owned(), path);
    let stanza = sealeaf::keys::Stanza { recipient: recipient(id), wrapped };
    let opened = sealeaf::keys::Keyring::new(&run).unwrap(&[stanza], &context()).unwrap();
    assert_eq!(opened.1.expose(), SECRET);
}

#[test]
fn ac_46_plugins_of_the_repository_or_the_path_are_not_started() {
    let project = for_one(PLUGIN_ID, "to = [\"bob\", \"alice\"]");
    let mark = project.root().join("mark");
    let stub = format!(": > '{}'; exit 1", mark.display());
    let stub = project.script("age-plugin-test", &stub);
    install(&stub, &project.path("age-plugin-test"));
    let path = format!(".:{}:/usr/bin:/bin", project.path("").display());
    project.write("a.yaml", "k: v\n");
    let with_path = |arguments: &[&str]| {
        let output =
            project.run(arguments).env("PATH", format!("{}:{path}", stub.parent().unwrap().display()));
        output.env("SEALEAF_IDENTITY", PLUGIN_IDENTITY).output()
    };
    for allowed in [None, Some("age-plugin-test".into()), Some(project.path("age-plugin-test"))] {
        if let Some(allowed) = &allowed {
            allow(&project, allowed);
        }
        let output = with_path(&["encrypt", "a.yaml"]);
        assert_eq!(output.code, 7, "{allowed:?}: {}", output.stderr);
        assert!(output.stderr.contains("plugin `test`") && !mark.exists(), "{allowed:?}: {}", output.stderr);
        assert_eq!(project.read("a.yaml"), "k: v\n");
    }
    // Names that are paths do not get as far as that, in a rule or on the command line.
    for id in ["age1../../x1qqqq", "age1..1qqqq", "age1evil/1qqqq"] {
        let output = with_path(&["encrypt", "--to", id, "a.yaml"]);
        assert!(output.code == 7 && output.stderr.contains("none was started"), "{id}: {}", output.stderr);
        assert!(output.stdout.is_empty() && !mark.exists());
    }
    // A file that names such a recipient opens with another key, and no plugin was started for it.
    project.configure(&["alice"], &format!("{RULE}to = [\"alice\"]\n")).seal("b.yaml", "k: v\n");
    let sealed = project.read("b.yaml");
    let stanza = format!("        - age: {PLUGIN_ID}\n          wrapped: AAAA\n  policy: ");
    project.write("b.yaml", &sealed.replacen("  policy: ", &stanza, 1));
    let output = with_path(&["decrypt", "b.yaml"]);
    assert!(output.code != 0 && !mark.exists(), "{}", output.stderr);
}

#[test]
fn plugins_are_used_where_the_user_allows_them() {
    let project = for_one(PLUGIN_ID, "to = [\"bob\"]");
    let (path, _, identity) = plugin(&project);
    allow(&project, &path);
    project.write("a.yaml", "k: v\n");
    project.run_as_nobody(&["encrypt", "a.yaml"]).stdout();
    let as_owner = |arguments: &[&str]| project.run_as_nobody(arguments).env("SEALEAF_IDENTITY", identity);
    assert_eq!(as_owner(&["decrypt", "a.yaml"]).stdout(), "k: v\n");
    assert_eq!(project.run_as_nobody(&["decrypt", "a.yaml"]).output().code, 4);
    // Git asks for a view of the file: nothing is started, and it stays sealed.
    fs::remove_file(&path).unwrap();
    let mark = project.root().join("mark");
    project.script("age-plugin-test", &format!(": > '{}'; exit 1", mark.display()));
    let shown = as_owner(&["git", "textconv", "a.yaml"]).output();
    assert!(shown.code == 0 && shown.stdout.contains("sealeaf:"), "{}", shown.stderr);
    assert!(!mark.exists(), "{}", shown.stderr);
    let failed = as_owner(&["decrypt", "a.yaml"]).output();
    assert!(failed.code != 0 && mark.exists(), "{}", failed.stderr);
}

#[test]
fn plugins_talk_over_the_terminal() {
    let project = for_one(ASKING_ID, "to = [\"bob\"]");
    let (path, ..) = plugin(&project);
    allow(&project, &path);
    project.write("a.yaml", "k: v\n");
    project.run_as_nobody(&["encrypt", "a.yaml"]).stdout();
    let owner = || project.run_as_nobody(&["decrypt", "a.yaml"]).env("SEALEAF_IDENTITY", ASKING_IDENTITY);
    let (code, shown) = owner().on_terminal(&[
        ("age plugin test: PIN: ", "1234\n"),
        ("age plugin test: which: ", "slot 1\n"),
        ("age plugin test: really\r\n  y for yes, n for no: ", "y\n"),
    ]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("age plugin test: touch it now\n") && shown.ends_with("k: v\n"), "{shown}");
    assert!(!shown.contains("1234"), "{shown}");
    let alone = owner().output();
    assert!(
        alone.code == 4 && alone.stderr.contains("there is no terminal to answer on"),
        "{}",
        alone.stderr
    );
}

/// Of the bytes `ask`.
const ASKING_ID: &str = "age1test1v9ekk945y8s";
const ASKING_IDENTITY: &str = "AGE-PLUGIN-TEST-1V9EKKXCSWLL";

/// Of the bytes `own`.
const PLUGIN_ID: &str = "age1test1damku89sm2y";
const PLUGIN_IDENTITY: &str = "AGE-PLUGIN-TEST-1DAMKUYG53JT";
