//! AWS KMS, on moto (the wire), on fakecloud (identities and policies), and through a proxy that breaks things.

mod cloud;
mod roles;
mod sops;
mod strict;
mod trouble;

use sealeaf::keys::aws::Aws;
use sealeaf::keys::contract::{self, Fixture};
use sealeaf::keys::{KeyBackend, NoPrompt, Run};

use crate::support::{Fault, Project, Proxy};
use cloud::{Cloud, SECRET, key_ref};

const RULE: &str = "[[rule]]\nfiles = [\"**\"]\nto = [\"ci\"]\n";

/// A repository whose rule is for one key of AWS, with a context.
pub(super) fn project(arn: &str) -> Project {
    let project = Project::new(&["alice"], "");
    let text = format!(
        "version = 1\n\n[recipients]\nci = {{ aws_kms = \"{arn}\", context = {{ app = \"web\" }} }}\n\n{RULE}"
    );
    project.write(".sealeaf.toml", &text);
    project
}

/// A run of the binary with these variables for AWS.
pub(super) fn run<'a>(
    project: &'a Project,
    variables: &[(&str, String)],
    arguments: &[&str],
) -> crate::support::Run<'a> {
    variables.iter().fold(project.run_as_nobody(arguments), |run, (name, value)| run.env(name, value))
}

#[test]
fn files_are_sealed_for_a_key_and_opened() {
    let Some(cloud) = Cloud::moto() else { return };
    let arn = cloud.key("eu-west-1");
    let project = project(&arn);
    let variables = cloud.root();
    project.write("a.yaml", "k: v\n");
    run(&project, &variables, &["encrypt", "a.yaml"]).stdout();
    let sealed = project.read("a.yaml");
    assert!(sealed.contains(&arn) && !sealed.contains("k: v"), "{sealed}");
    assert_eq!(run(&project, &variables, &["decrypt", "a.yaml"]).stdout(), "k: v\n");
    run(&project, &variables, &["set", "a.yaml", "k"]).stdin("w").stdout();
    run(&project, &variables, &["rotate", "a.yaml"]).stdout();
    assert_eq!(run(&project, &variables, &["get", "a.yaml", "k"]).stdout(), "w");

    let explained = run(&project, &variables, &["explain", "a.yaml"]).stdout().replace(&arn, "[ARN]");
    expect_test::expect![[r#"
        a.yaml: sealed
        configuration  .sealeaf.toml
        rule           1, line 6, by `**`
        modes          integrity linked, cleartext bound, comments plain, padding buckets
        who can read
          ci  aws_kms  [ARN]
        can you open it
          ci: yes
            step   environment: AWS_ACCESS_KEY_ID is set (used)
            step   who AWS says you are: arn:aws:sts::123456789012:user/moto
        values
          sealed  k  encrypt `**`
    "#]]
    .assert_eq(&explained);

    let proxy = Proxy::before(Some(cloud.port()));
    let refused = format!(
        "{{\"__type\":\"AccessDeniedException\",\"message\":\"User: arn:aws:iam::111122223333:user/ci is not authorized to perform: kms:Decrypt on resource: {arn} because no identity-based policy allows the kms:Decrypt action\"}}"
    );
    proxy.next("POST", Fault::Answer(400, "application/x-amz-json-1.1", refused));
    let output =
        run(&project, &cloud.variables(&proxy.url(), "AKIAX", SECRET), &["decrypt", "a.yaml"]).output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    let shown = output.stderr.replace(&arn, "[ARN]");
    expect_test::expect![[r#"
        sealeaf: error: a.yaml: no usable key: the file's only recipient is not you
          ci ([ARN]): access denied
              call   kms:Decrypt in eu-west-1
              as     arn:aws:iam::111122223333:user/ci
              from   environment
              answer AccessDeniedException: User: arn:aws:iam::111122223333:user/ci is not authorized to perform: kms:Decrypt on resource: [ARN] because no identity-based policy allows the kms:Decrypt action
              try    grant kms:Decrypt on [ARN] to arn:aws:iam::111122223333:user/ci
        sealeaf: hint: give your key in SEALEAF_IDENTITY_FILE or SEALEAF_IDENTITY, or ask one of these to add you with `sealeaf recipients add`
    "#]].assert_eq(&shown);
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].headers.contains("TrentService.Decrypt"), "{asked:?}");
    assert!(asked[0].body.contains(&arn) && asked[0].body.contains("\"app\":\"web\""), "{asked:?}");
}

#[test]
fn moto_keeps_the_contract_but_for_permissions() {
    let Some(cloud) = Cloud::moto() else { return };
    let key = key_ref(&cloud.key("eu-west-1"), &[("app", "web")]);
    let foreign = key_ref(&cloud.key("eu-west-1"), &[]);
    let environment = cloud.environment(&cloud.url(), "AKIAX", SECRET);
    let owner = Run::new(&environment, &NoPrompt);
    let spelling = format!(" {}\n", key.id);
    let with_role = format!("{}+arn:aws:iam::111122223333:role/r", key.id);
    let fixture = Fixture {
        foreign,
        owner: &owner,
        stranger: &owner,
        spellings: &[&spelling],
        invalid: &["", "alias/a", "arn:aws:kms:eu-west-1:1:key/x", &with_role],
        hidden: &[SECRET],
        stride: 13,
        key,
    };
    contract::identifiers_have_one_normal_form(&Aws, &fixture);
    contract::the_owner_opens_what_was_wrapped(&Aws, &fixture);
    contract::wraps_differ(&Aws, &fixture);
    contract::damaged_wraps_never_open_as_something_else(&Aws, &fixture);
    contract::what_is_no_wrap_does_not_open(&Aws, &fixture);

    let alias = cloud.alias("eu-west-1", "app", &fixture.key.id);
    let alias = key_ref(&Aws.parse(&alias).unwrap(), &[]);
    contract::the_owner_opens_what_was_wrapped(&Aws, &Fixture { key: alias, ..fixture });
}
