//! Roles and profiles: the user's are taken, those of a file only where the user allows them.

use std::os::unix::fs::PermissionsExt;

use expect_test::expect;
use sealeaf::keys::{Environment, Keyring, NoPrompt, Run, WrapContext};

use super::cloud::{Cloud, SECRET, key_ref};
use super::run;
use super::trouble::wrapped;
use crate::sops::tool::Sops;
use crate::support::{Project, Proxy, skip};

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";

/// The user's own configuration.
fn settings(project: &Project, text: &str) {
    let path = project.home().join(".config/sealeaf/config.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    put(&path, text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
pub(super) fn put(path: &std::path::Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A SOPS file for a new key, in a repository without a configuration.
fn sops_file(cloud: &Cloud) -> (Project, String) {
    let arn = cloud.key("eu-west-1");
    let project = Project::new(&["alice"], "");
    std::fs::remove_file(project.path(".sealeaf.toml")).unwrap();
    project.write("plain.yaml", "k: v\n");
    let sealed = run(&project, &cloud.root(), &["sops", "encrypt", "--kms", &arn, "plain.yaml"]).stdout();
    (project, sealed)
}

/// The key of the file.
fn arn_of(sealed: &str) -> String {
    sealed.split_once("arn: ").unwrap().1.lines().next().unwrap().to_owned()
}

/// The file with a role beside its ARN.
fn with_role(sealed: &str) -> String {
    let line = sealed.lines().find(|line| line.contains("arn: arn")).unwrap();
    let place = line.find("arn: ").unwrap();
    let (item, indent) = (&line[..place], " ".repeat(place));
    sealed.replacen(line, &format!("{item}role: {ROLE}\n{indent}{}", &line[place..]), 1)
}

#[test]
fn ac_42_roles_and_profiles_of_a_file_are_refused_before_anything_is_asked() {
    let Some(cloud) = Cloud::moto() else { return };
    let (project, sealed) = sops_file(&cloud);
    let recorder = Proxy::before(None);
    let mut variables = cloud.variables(&recorder.url(), "AKIAX", SECRET);
    variables.retain(|(name, _)| *name != "AWS_EC2_METADATA_DISABLED");
    variables.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", recorder.url()));
    let of_role = with_role(&sealed);
    let with_profile = sealed.replacen("aws_profile: \"\"", "aws_profile: admin", 1);
    assert!(of_role != sealed && with_profile != sealed, "{sealed}");
    for (text, hint) in [(&of_role, "allowed_roles"), (&with_profile, "allowed_profiles")] {
        project.write("a.yaml", text);
        let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
        assert_ne!(output.code, 0);
        assert!(output.stderr.contains("not allowed by your own settings"), "{}", output.stderr);
        assert!(output.stderr.contains(hint), "{}", output.stderr);
    }
    let arn = arn_of(&sealed);
    for rule in [format!("kms: {arn}+{ROLE}"), format!("kms: {arn}\n    aws_profile: admin")] {
        project.write(".sops.yaml", &format!("creation_rules:\n  - {rule}\n")).write("b.yaml", "k: v\n");
        let output = run(&project, &variables, &["encrypt", "b.yaml"]).output();
        assert_eq!(output.code, 7, "{}", output.stderr);
        assert_eq!(project.read("b.yaml"), "k: v\n");
    }
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}

#[test]
fn ac_42_odd_arns_in_a_file_reach_nobody() {
    let Some(cloud) = Cloud::moto() else { return };
    let (project, sealed) = sops_file(&cloud);
    let arn = arn_of(&sealed);
    let recorder = Proxy::before(None);
    let variables = cloud.variables(&recorder.url(), "AKIAX", SECRET);
    for odd in [
        arn.replace("arn:aws:", "arn:aws-cn:"),
        arn.replace("arn:aws:", "arn:aws-evil:"),
        arn.replace("eu-west-1", "evil-west-1"),
        arn.replace("eu-west-1", "eu-west-1.evil.example"),
        arn.replace("eu-west-1", "eu-west-1@evil.example/"),
        format!("x{arn}"),
        format!("{arn}/../x"),
    ] {
        project.write("a.yaml", &sealed.replace(&arn, &odd));
        let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
        assert_ne!(output.code, 0, "{odd}");
        assert!(output.stdout.is_empty() && !output.stderr.contains("internal"), "{}", output.stderr);
    }
    assert!(recorder.asked().is_empty(), "{:?}", recorder.asked());
}

#[test]
fn a_role_of_a_file_is_assumed_where_the_user_allows_it() {
    let Some(cloud) = Cloud::moto() else { return };
    let (project, sealed) = sops_file(&cloud);
    let proxy = Proxy::before(Some(cloud.port()));
    let variables = cloud.variables(&proxy.url(), "AKIAX", SECRET);
    let text = with_role(&sealed);
    project.write("a.yaml", &text);
    settings(&project, &format!("[aws]\nallowed_roles = [\"{ROLE}\"]\n"));
    let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
    assert_eq!((output.stdout.as_str(), output.code), ("k: v\n", 0), "{}", output.stderr);
    let asked = proxy.asked();
    assert!(
        asked[0].body.contains("Action=AssumeRole&") && asked[0].body.contains("role%2Fdeploy"),
        "{asked:?}"
    );
    assert!(
        asked[1].headers.contains("TrentService.Decrypt") && asked[1].headers.contains("Credential=ASIA")
    );
    // The real program does the same, unasked.
    let Some(sops) = Sops::new() else { return skip("there is no `sops`") };
    let theirs = std::process::Command::new(sops.program())
        .args(["decrypt", "a.yaml"])
        .current_dir(project.path(""))
        .env_clear()
        .env("HOME", project.home())
        .envs(cloud.root())
        .output()
        .unwrap();
    assert_eq!(theirs.stdout, b"k: v\n", "{}", String::from_utf8_lossy(&theirs.stderr));
}

#[test]
fn profiles_give_credentials_in_every_way() {
    let Some(cloud) = Cloud::moto() else { return };
    let (project, sealed) = sops_file(&cloud);
    project.write("a.yaml", &sealed);
    let process = project.script(
        "give-credentials",
        &format!(
            "echo '{{\"Version\": 1, \"AccessKeyId\": \"AKIAPROCESS\", \"SecretAccessKey\": \"{SECRET}\"}}'"
        ),
    );
    let fails = project.script("fail-to-give", "echo SECRETINTHEPROGRAM >&2; exit 3");
    let keys = |id: &str| format!("aws_access_key_id = {id}\naws_secret_access_key = {SECRET}\n");
    let config = format!(
        "[default]\n{}[profile process]\ncredential_process = {}\n[profile broken]\ncredential_process = {}\n\
         [profile role]\nrole_arn = {ROLE}\nsource_profile = default\n\
         [profile sso]\nsso_start_url = https://x.invalid/start\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = r\n",
        keys("AKIADEFAULT"),
        process.display(),
        fails.display(),
    );
    put(&project.home().join(".aws/config"), &config);
    let decrypt = |profile: Option<&str>| {
        let proxy = Proxy::before(Some(cloud.port()));
        let mut variables = cloud.nobody(&proxy.url());
        variables.extend(profile.map(|name| ("AWS_PROFILE", name.to_owned())));
        let output = run(&project, &variables, &["decrypt", "a.yaml"]).output();
        (output, proxy.asked().last().map(|asked| asked.headers.clone()).unwrap_or_default())
    };
    for (profile, id) in [
        (None, "AKIADEFAULT"),
        (Some("default"), "AKIADEFAULT"),
        (Some("process"), "AKIAPROCESS"),
        (Some("role"), "ASIA"),
    ] {
        let (output, headers) = decrypt(profile);
        assert_eq!(output.stdout, "k: v\n", "{profile:?}: {}", output.stderr);
        assert!(headers.contains(&format!("Credential={id}")), "{profile:?}: {headers}");
    }
    let shown = decrypt(Some("sso")).0.stderr.replace(&arn_of(&sealed), "[ARN]");
    expect![[r#"
        sealeaf: error: a.yaml: no usable key: the file's only recipient is not you
          [ARN]: no credentials found
              call   kms:Decrypt in eu-west-1
              from   profile sso
              answer failed to read `[ROOT]/home/.aws/sso/cache/e4b1e8044c981f87320f2191155657379dc9c06d.json`: No such file or directory (os error 2)
              try    `aws sso login --profile sso`, or new keys in that profile
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]].assert_eq(&shown);
    for (profile, said) in [
        ("nothing", "profile nothing"),
        ("broken", "profile broken"),
        ("sso", "`aws sso login --profile sso`"),
    ] {
        let (output, headers) = decrypt(Some(profile));
        assert!(output.code != 0 && headers.is_empty(), "{profile}: {headers}");
        assert!(output.stderr.contains(said), "{profile}: {}", output.stderr);
        assert!(
            !output.stderr.contains("SECRETINTHEPROGRAM") && !output.stderr.contains(SECRET),
            "{}",
            output.stderr
        );
    }
    // The user's settings name the profile where the environment does not; the user's own is no other's.
    settings(&project, "[aws]\nprofile = \"process\"\n");
    let (output, headers) = decrypt(None);
    assert!(output.stdout == "k: v\n" && headers.contains("Credential=AKIAPROCESS"), "{}", output.stderr);
    project.write("a.yaml", &sealed.replacen("aws_profile: \"\"", "aws_profile: process", 1));
    assert_eq!(decrypt(None).0.stdout, "k: v\n");
}

#[test]
fn credentials_are_looked_for_once_in_a_run_and_renewed_before_they_end() {
    let Some(cloud) = Cloud::moto() else { return };
    let project = Project::new(&["alice"], "");
    let key = key_ref(&cloud.key("eu-west-1"), &[]);
    let root: Environment = cloud.root().into_iter().collect();
    let stanza = wrapped(&root, &key);
    let asked = project.home().join("asked");
    let soon = soon();
    for (end, times) in [("2999-01-01T00:00:00Z", 1), (&*soon, 3)] {
        let process = project.script(
            "give-credentials",
            &format!(
                "echo x >> {}; echo '{{\"Version\": 1, \"AccessKeyId\": \"AKIAX\", \"SecretAccessKey\": \"x\", \"Expiration\": \"{end}\"}}'",
                asked.display()
            ),
        );
        put(&asked, "");
        let config = project.home().join("aws-config");
        put(&config, &format!("[default]\ncredential_process = {}\n", process.display()));
        let mut variables = cloud.nobody(&cloud.url());
        variables.push(("AWS_CONFIG_FILE", config.display().to_string()));
        let environment: Environment = variables.into_iter().collect();
        let run = Run::new(&environment, &NoPrompt);
        let context = WrapContext { fid: [7; 16], epoch: 3 };
        for _ in 0..3 {
            Keyring::new(&run).unwrap(std::slice::from_ref(&stanza), &context).unwrap();
        }
        let lines = std::fs::read_to_string(&asked).unwrap().lines().count();
        assert_eq!(lines, times, "until {end}");
    }
}

/// Half a minute from now.
fn soon() -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", "+30 seconds", "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
