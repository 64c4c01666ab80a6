//! Leaves to environment variables. Pure; fails closed.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use sealeaf::document::{KeyPath, Step};
use sealeaf::secret::SecretText;

use super::escape;
use super::report::{Kind, Report};

/// What the user chose.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    only: Vec<GlobMatcher>,
    prefix: String,
    allowed: Vec<String>,
}

impl Choice {
    /// Takes over `--only`, `--prefix` and `--allow-env`. A leaf is chosen where a glob of `only` matches its key path
    /// or its variable's name without the prefix.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a glob that does not parse and a prefix that cannot begin a name.
    pub(crate) fn new(only: &[String], prefix: &str, allowed: &[String]) -> Result<Self, Report> {
        let only = only.iter().map(|glob| {
            let parsed = Glob::new(glob).map(|glob| glob.compile_matcher());
            parsed.map_err(|error| Report::message(Kind::Usage, format!("--only `{glob}`: {}", error.kind())))
        });
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if prefix.starts_with(|c: char| c.is_ascii_digit()) || !prefix.chars().all(fits) {
            let message = format!("--prefix `{prefix}` cannot begin the name of a variable");
            return Err(Report::message(Kind::Usage, message).hint("use letters, digits and `_`"));
        }
        Ok(Self {
            only: only.collect::<Result<_, _>>()?,
            prefix: prefix.to_owned(),
            allowed: allowed.to_vec(),
        })
    }
}

/// How keys become names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// In upper case: `db.password` becomes `DB_PASSWORD`, `users[0].name` `USERS_0_NAME`.
    UpperCase,
    /// In the case they have: the keys are names of variables already.
    AsWritten,
}

/// The variables for `leaves`, by name.
///
/// # Errors
/// [`Kind::Refused`], naming the key path: two leaves of one name, a name that programs obey ([`obeyed`]) and that is
/// not allowed, a key of several meanings in a shell, a NUL in a value. [`Kind::Usage`]: several documents.
pub(crate) fn variables(
    leaves: impl IntoIterator<Item = (KeyPath, SecretText)>,
    naming: Naming,
    choice: &Choice,
) -> Result<BTreeMap<String, SecretText>, Report> {
    let mut taken: BTreeMap<String, (KeyPath, SecretText)> = BTreeMap::new();
    for (path, value) in leaves {
        if path.part > 0 {
            return Err(Report::message(Kind::Usage, "a file of several documents gives no environment"));
        }
        let bare = bare_name(&path, naming);
        let shown = path.to_string();
        if !choice.only.is_empty()
            && !choice.only.iter().any(|glob| glob.is_match(&shown) || glob.is_match(&bare))
        {
            continue;
        }
        let name = full_name(&bare, &choice.prefix);
        check(&path, &name, &value, choice)?;
        if let Some((other, _)) = taken.get(&name) {
            let message = format!("`{other}` and `{path}` would both become `{name}`");
            return Err(refused(&message).hint("choose one of them with --only"));
        }
        taken.insert(name, (path, value));
    }
    Ok(taken.into_iter().map(|(name, (_, value))| (name, value)).collect())
}

fn check(path: &KeyPath, name: &str, value: &str, choice: &Choice) -> Result<(), Report> {
    let shown = escape::line(&path.to_string());
    if value.contains('\0') {
        return Err(refused(&format!(
            "`{shown}`: a value with a NUL character cannot be in the environment"
        )));
    }
    if name.chars().all(|c| c == '_') {
        return Err(refused(&format!("`{shown}`: nothing of the key can be part of a name")));
    }
    let reason = if obeyed(&name.to_ascii_uppercase()) {
        format!("`{shown}`: programs obey `{name}`")
    } else if !path.steps.iter().all(is_clear) {
        format!("`{shown}`: the key holds characters that mean something else in an environment")
    } else {
        return Ok(());
    };
    if choice.allowed.iter().any(|allowed| allowed == name) {
        return Ok(());
    }
    Err(refused(&reason).hint(format!("if that is wanted, say --allow-env {name}")))
}

fn refused(message: &str) -> Report {
    Report::message(Kind::Refused, message)
}

/// The name without a prefix: steps joined by `_`, everything but letters and digits as `_`.
fn bare_name(path: &KeyPath, naming: Naming) -> String {
    let in_case = |c: char| if naming == Naming::UpperCase { c.to_ascii_uppercase() } else { c };
    let part = |step: &Step| match step {
        Step::Index(index) => index.to_string(),
        Step::Key(key) => {
            key.chars().map(|c| if c.is_ascii_alphanumeric() { in_case(c) } else { '_' }).collect()
        }
    };
    path.steps.iter().map(part).collect::<Vec<String>>().join("_")
}

/// A name cannot begin with a digit.
fn full_name(bare: &str, prefix: &str) -> String {
    if prefix.is_empty() && bare.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{bare}")
    } else {
        format!("{prefix}{bare}")
    }
}

/// Whether a step reads as the plain name it becomes: no control character, no `=`, nothing that a shell takes apart.
fn is_clear(step: &Step) -> bool {
    match step {
        Step::Index(_) => true,
        Step::Key(key) => !key.is_empty() && !key.chars().any(|c| c.is_control() || SHELL.contains(c)),
    }
}

/// Whether programs, loaders, shells or this tool act on a variable of that name, so that a value could make them run
/// or load something else. Names are compared in upper case.
pub(crate) fn obeyed(name: &str) -> bool {
    OBEYED.contains(&name) || OBEYED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

const SHELL: &str = "=;&|<>$`\"'\\*?!#%(){}^";

/// Refused whole names, as documented in `docs/reference/environment.md`.
#[rustfmt::skip]
const OBEYED: &[&str] = &[
    // Loaders and the C library
    "GCONV_PATH", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "NLSPATH", "RES_OPTIONS",
    // Shells, and programs that others start
    "BASHOPTS", "BASH_ENV", "BROWSER", "CDPATH", "COMSPEC", "EDITOR", "ENV", "FPATH", "GLOBIGNORE", "HOME", "IFS",
    "INPUTRC", "LESSCLOSE", "LESSOPEN", "LOGNAME", "MANPAGER", "OLDPWD", "PAGER", "PATH", "PATHEXT", "PROMPT_COMMAND",
    "PS4", "PWD", "SHELL", "SHELLOPTS", "SSH_ASKPASS", "SSH_AUTH_SOCK", "SUDO_ASKPASS", "TERM", "TERMCAP", "TERMINFO",
    "TERMINFO_DIRS", "TMPDIR", "USER", "VISUAL", "ZDOTDIR",
    // Languages and their tools
    "CLASSPATH", "DOTNET_STARTUP_HOOKS", "ERL_AFLAGS", "ERL_FLAGS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS",
    "NODE_OPTIONS", "NODE_PATH", "PHPRC", "PHP_INI_SCAN_DIR", "RUSTC", "RUSTC_WRAPPER", "R_PROFILE", "_JAVA_OPTIONS",
    // Where trust and addresses come from
    "ALL_PROXY", "CURL_HOME", "HTTPS_PROXY", "HTTP_PROXY", "NODE_EXTRA_CA_CERTS", "NO_PROXY", "OPENSSL_CONF",
    "OPENSSL_MODULES", "REQUESTS_CA_BUNDLE", "SSLKEYLOGFILE", "SSL_CERT_DIR", "SSL_CERT_FILE", "WGETRC",
];

/// Refused beginnings of names.
#[rustfmt::skip]
const OBEYED_PREFIXES: &[&str] = &[
    "BASH_FUNC_", "BUNDLE_", "CARGO_", "CORECLR_", "COR_", "DYLD_", "GEM_", "GIT_", "LD_", "LUA_", "MALLOC_",
    "NPM_CONFIG_", "PERL5", "PERLLIB", "PYTHON", "RUBY", "SEALEAF_", "SOPS_", "XDG_",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(leaves: &[(&str, &str)], choice: &Choice) -> Result<Vec<String>, Report> {
        let leaves =
            leaves.iter().map(|(path, value)| (KeyPath::parse(path).unwrap(), SecretText::from(*value)));
        let variables = variables(leaves, Naming::UpperCase, choice)?;
        Ok(variables.iter().map(|(name, value)| format!("{name}={}", value.as_str())).collect())
    }

    fn check(leaves: &[(&str, &str)], expect: &[&str]) {
        assert_eq!(run(leaves, &Choice::default()).unwrap(), expect);
    }

    #[track_caller]
    fn refuse(leaves: &[(&str, &str)], says: &[&str]) {
        let report = run(leaves, &Choice::default()).unwrap_err();
        assert_eq!(report.kind(), Kind::Refused);
        let shown = report.render(false);
        for part in says {
            assert!(shown.contains(part), "`{part}` in {shown}");
        }
    }

    #[test]
    fn paths_become_names() {
        check(&[("db.password", "x"), ("users[0].name", "y")], &["DB_PASSWORD=x", "USERS_0_NAME=y"]);
        check(&[("\"api-key\"", "x"), ("\"a.b\".c d", "")], &["API_KEY=x", "A_B_C_D="]);
        check(&[("[0].name", "x"), ("größe", "y")], &["GR__E=y", "_0_NAME=x"]);
        check(&[], &[]);
    }

    #[test]
    fn ac_55_names_that_programs_obey_are_refused() {
        for key in [
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "path",
            "BASH_ENV",
            "ENV",
            "IFS",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "PERL5OPT",
            "RUBYOPT",
            "GIT_SSH_COMMAND",
            "SHELLOPTS",
            "PS4",
            "JAVA_TOOL_OPTIONS",
            "HOME",
            "SHELL",
            "EDITOR",
            "SEALEAF_IDENTITY",
            "https_proxy",
            "ld.preload",
            "git.ssh.command",
        ] {
            let name = key.to_uppercase().replace('.', "_");
            refuse(&[(key, "x")], &[&format!("`{key}`"), &format!("--allow-env {name}")]);
        }
    }

    #[test]
    fn ac_55_odd_keys_and_values_are_refused() {
        refuse(&[("\"A=B\"", "x")], &["`A=B`"]);
        refuse(&[("\"x;y\"", "x")], &["`x;y`", "--allow-env X_Y"]);
        refuse(&[("\"a\nb\"", "x")], &["\\u{a}"]);
        refuse(&[("\"\"", "x")], &["`\"\"`"]);
        refuse(&[(".", "x")], &["`.`"]);
        refuse(&[("a", "x\0y")], &["`a`", "NUL"]);
    }

    #[test]
    fn names_may_stay_as_they_are() {
        let named = |keys: &[&str]| {
            let leaves = keys.iter().map(|key| (KeyPath::parse(key).unwrap(), SecretText::from("x")));
            variables(leaves, Naming::AsWritten, &Choice::default())
        };
        let names: Vec<String> = named(&["db_Host", "_x", "a-b"]).unwrap().into_keys().collect();
        assert_eq!(names, ["_x", "a_b", "db_Host"]);
        for key in ["http_proxy", "Path", "ld_preload"] {
            assert!(named(&[key]).is_err(), "{key}");
        }
    }

    #[test]
    fn collisions_name_both_paths() {
        refuse(&[("a.b", "x"), ("a_b", "x")], &["`a.b`", "`a_b`", "`A_B`"]);
        refuse(&[("a[0]", "x"), ("a_0", "y")], &["`a[0]`", "`a_0`"]);
    }

    #[test]
    fn each_name_is_allowed_by_itself() {
        let choice = Choice::new(&[], "", &["HOME".to_owned(), "X_Y".to_owned()]).unwrap();
        assert_eq!(run(&[("HOME", "/x"), ("\"x;y\"", "z")], &choice).unwrap(), ["HOME=/x", "X_Y=z"]);
        assert!(run(&[("PATH", "/x")], &choice).is_err());
    }

    #[test]
    fn prefix_and_only_choose() {
        let leaves = [("db.user", "u"), ("db.password", "p"), ("api", "a")];
        let choice = |only: &[&str], prefix| {
            Choice::new(&only.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>(), prefix, &[])
        };
        assert_eq!(
            run(&leaves, &choice(&["db.*"], "APP_").unwrap()).unwrap(),
            ["APP_DB_PASSWORD=p", "APP_DB_USER=u"]
        );
        assert_eq!(
            run(&leaves, &choice(&["DB_PASS*", "API"], "").unwrap()).unwrap(),
            ["API=a", "DB_PASSWORD=p"]
        );
        assert_eq!(run(&leaves, &choice(&["none"], "").unwrap()).unwrap(), [""; 0]);
        assert_eq!(run(&[("preload", "x")], &choice(&[], "LD_").unwrap()).unwrap_err().kind(), Kind::Refused);
        assert_eq!(choice(&["["], "").unwrap_err().kind(), Kind::Usage);
        assert_eq!(choice(&[], "1").unwrap_err().kind(), Kind::Usage);
        assert_eq!(choice(&[], "A=").unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn several_documents_are_a_usage_error() {
        assert_eq!(run(&[("#1.a", "x")], &Choice::default()).unwrap_err().kind(), Kind::Usage);
    }
}
