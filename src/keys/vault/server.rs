//! Which server a key stands on, whether the user's own settings name it, and what they have for it: a namespace, an
//! authority, ways to a token. Nothing of it comes from a file in a repository.

use std::path::{Path, PathBuf};

use super::login::outlook;
use crate::address::Address;
use crate::keys::failure::{Cause, Failure};
use crate::keys::settings::{VaultLogin, VaultServer};
use crate::keys::{Environment, Run, Step};
use crate::secret::SecretText;

/// A server that a token may go to.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: Address,
    pub(super) namespace: Option<String>,
    /// Where the authority's certificate stands, and who says so.
    pub(super) authority: Option<Authority>,
    /// The certificate and private key that this machine shows.
    pub(super) machine: Option<(PathBuf, PathBuf)>,
    pub(super) proxy: Option<Proxy>,
    /// Ways to a token, in the order in which they are tried.
    pub(super) sources: Vec<Source>,
    /// What to say where there is none.
    pub(super) advice: String,
}

/// Certificates that the server's is to be signed by, in PEM.
#[derive(Debug)]
pub(super) enum Authority {
    File { name: String, path: PathBuf },
    Text { name: String, pem: String },
}

/// A proxy, and the hosts that are asked without it.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) url: String,
    pub(super) except: Option<String>,
}

/// A way to a token.
#[derive(Debug)]
pub(super) enum Source {
    Variable { name: String, token: SecretText },
    File { name: String, path: PathBuf },
    Login { login: VaultLogin, assertion: Option<SecretText> },
}

impl Source {
    /// For people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Variable { name, .. } | Self::File { name, .. } => name.clone(),
            Self::Login { login, .. } => {
                format!("login by {} at auth/{} (config.toml)", login.method(), login.mount())
            }
        }
    }
}

impl Server {
    /// The server at that address, if the user's own environment or settings name it.
    ///
    /// # Errors
    /// [`Cause::NotAllowed`].
    pub(super) fn of(address: &Address, run: &Run<'_>) -> Result<Self, Failure> {
        let own = Own::read(run);
        let entry = own.entry(address);
        let prefixes: Vec<&str> =
            PREFIXES.iter().copied().filter(|prefix| own.belongs(prefix, address)).collect();
        if entry.is_none() && !own.variables.iter().any(|(_, named)| named.as_ref() == Ok(address)) {
            return Err(own.refusal(address));
        }
        let environment = run.environment;
        let variable = |name: &str| {
            prefixes
                .iter()
                .map(|prefix| format!("{prefix}_{name}"))
                .find(|name| environment.os(name).is_some())
        };
        let text = |name: &str| Some((variable(name)?, environment.text(&variable(name)?)?.to_owned()));
        if let Some((name, value)) = text("SKIP_VERIFY")
            && !["0", "f", "false"].contains(&value.to_ascii_lowercase().as_str())
        {
            return Err(Failure::new(Cause::NotAllowed, "")
                .answered(&format!("{name} is set: the token would go to whoever answers"))
                .hinted(format!("unset {name}, and name the server's authority: `ca_file` under `[[vault.servers]]` in your config.toml, or VAULT_CACERT")));
        }
        let path = |name: &str| Some((variable(name)?, PathBuf::from(environment.os(&variable(name)?)?)));
        let namespace = text("NAMESPACE").map(|(_, value)| value);
        let namespace = namespace.or_else(|| entry.and_then(|entry| entry.namespace.clone()));
        let authority = path("CACERT").map(|(name, path)| Authority::File { name, path });
        let authority =
            authority.or_else(|| text("CACERT_BYTES").map(|(name, pem)| Authority::Text { name, pem }));
        let of_entry =
            |path: &PathBuf| Authority::File { name: "ca_file".to_owned(), path: at_home(path, environment) };
        let authority = authority.or_else(|| entry.and_then(|entry| entry.ca_file.as_ref()).map(of_entry));
        let login = entry.and_then(|entry| entry.login.clone());
        let machine = match &login {
            Some(VaultLogin::Cert { cert_file, key_file, .. }) => {
                Some((at_home(cert_file, environment), at_home(key_file, environment)))
            }
            _ => path("CLIENT_CERT").map(|(_, path)| path).zip(path("CLIENT_KEY").map(|(_, path)| path)),
        };
        let sources = sources(&prefixes, login, environment);
        let advice = own.advice(address, &prefixes);
        let address = address.clone();
        let proxy = proxy(&address, environment);
        Ok(Self { address, namespace, authority, machine, proxy, sources, advice })
    }
}

/// How the server and the token are found, step by step; asks nobody.
pub(super) fn steps(address: &Address, run: &Run<'_>) -> Vec<Step> {
    let own = Own::read(run);
    let step = |name: String, outcome: String, used: bool| Step { name, outcome, used };
    let mut steps: Vec<Step> = Vec::new();
    let mut is_named = false;
    for (prefix, named) in &own.variables {
        let (outcome, used) = match named {
            Ok(named) if named == address => ("names this server".to_owned(), !is_named),
            Ok(named) => (format!("names another server, {named}"), false),
            Err(reason) => (format!("is no address: {reason}"), false),
        };
        is_named |= used;
        steps.push(step(format!("{prefix}_ADDR"), outcome, used));
    }
    if own.variables.is_empty() {
        steps.push(step("VAULT_ADDR".to_owned(), "is not set".to_owned(), false));
    }
    let (outcome, used) = match own.entry(address) {
        Some(_) => ("names this server", !is_named),
        None if own.servers.is_empty() => ("names no servers", false),
        None => ("does not name this server", false),
    };
    steps.push(step("vault.servers in config.toml".to_owned(), outcome.to_owned(), used));
    let Ok(server) = Server::of(address, run) else { return steps };
    let mut is_found = false;
    for source in &server.sources {
        let outcome = match source {
            Source::Variable { .. } => Ok("is set".to_owned()),
            Source::File { path, .. } if path.is_file() => Ok("is there".to_owned()),
            Source::File { .. } => Err("is not there".to_owned()),
            Source::Login { login, assertion } => outlook(login, assertion.as_ref()),
        };
        let used = outcome.is_ok() && !is_found;
        is_found |= used;
        steps.push(step(source.name(), outcome.unwrap_or_else(|why| why), used));
    }
    if server.sources.is_empty() {
        steps.push(step("VAULT_TOKEN".to_owned(), "is not set".to_owned(), false));
    }
    steps
}

/// What the user's environment and settings say about servers.
struct Own<'a> {
    /// By prefix, those that are set.
    variables: Vec<(&'static str, Result<Address, &'static str>)>,
    servers: Vec<(Result<Address, &'static str>, &'a VaultServer)>,
}

impl<'a> Own<'a> {
    fn read(run: &'a Run<'_>) -> Self {
        let named = |prefix: &&'static str| {
            let text = run.environment.text(&format!("{prefix}_ADDR"))?;
            Some((*prefix, root(text)))
        };
        let servers =
            run.settings.vault.servers.iter().map(|server| (root(&server.address), server)).collect();
        Self { variables: PREFIXES.iter().filter_map(named).collect(), servers }
    }

    fn entry(&self, address: &Address) -> Option<&'a VaultServer> {
        self.servers.iter().find(|(named, _)| named.as_ref() == Ok(address)).map(|(_, server)| *server)
    }

    /// Whether the variables that begin so speak of that server: their own `_ADDR` names it, else the other one, else, where
    /// neither is set, the settings do, where they name one server alone.
    fn belongs(&self, prefix: &str, address: &Address) -> bool {
        let own =
            self.variables.iter().find(|(named, _)| *named == prefix).or_else(|| self.variables.first());
        match own {
            Some((_, named)) => named.as_ref() == Ok(address),
            // Of several servers a file would choose which one gets the token.
            None => self.servers.len() == 1 && self.entry(address).is_some(),
        }
    }

    fn refusal(&self, address: &Address) -> Failure {
        let variables = self.variables.iter().map(|(prefix, named)| match named {
            Ok(named) => format!("{prefix}_ADDR names {named}"),
            Err(reason) => format!("{prefix}_ADDR is no address: {reason}"),
        });
        let broken = self.servers.iter().filter_map(|(named, server)| {
            let reason = named.as_ref().err()?;
            let shown = if server.address.contains('@') { "…" } else { &server.address };
            Some(format!("`{shown}` in config.toml is no address: {reason}"))
        });
        let known: Vec<String> = variables.chain(broken).collect();
        Failure::new(Cause::NotAllowed, "").answered(&known.join("; ")).hinted(format!(
            "if that is your Vault, set VAULT_ADDR={address}, or add to your config.toml: `[[vault.servers]]` and below it `address = \"{address}\"`"
        ))
    }

    fn advice(&self, address: &Address, prefixes: &[&str]) -> String {
        let login = format!("or add `login` for {address} under `[[vault.servers]]` in your config.toml");
        match self.variables.first() {
            Some((prefix, Ok(named))) if prefixes.is_empty() => {
                format!(
                    "a token in the environment belongs to {prefix}_ADDR, which is {named}: set that to {address}, {login}"
                )
            }
            _ => format!("set VAULT_TOKEN, log in with `bao login` or `vault login`, {login}"),
        }
    }
}

/// An address without a path.
fn root(text: &str) -> Result<Address, &'static str> {
    let address = Address::parse(text.trim())?;
    if address.is_root() { Ok(address) } else { Err("a path stands behind the host") }
}

fn sources(prefixes: &[&str], login: Option<VaultLogin>, environment: &Environment) -> Vec<Source> {
    let variables = prefixes.iter().map(|prefix| format!("{prefix}_TOKEN")).filter_map(|name| {
        let token = SecretText::from(environment.text(&name)?.trim());
        Some(Source::Variable { name, token })
    });
    let mut sources: Vec<Source> = variables.take(1).collect();
    let named = prefixes.iter().map(|prefix| format!("{prefix}_TOKEN_PATH")).find_map(|name| {
        let path = PathBuf::from(environment.os(&name)?);
        Some(Source::File { name, path })
    });
    let usual = environment
        .home()
        .filter(|_| !prefixes.is_empty())
        .map(|home| Source::File { name: "~/.vault-token".to_owned(), path: home.join(".vault-token") });
    sources.extend(named.or(usual));
    sources.extend(login.map(|login| {
        let login = login.at_home(environment);
        let assertion = match &login {
            VaultLogin::Jwt { token_variable: Some(name), .. } => {
                environment.text(name).map(SecretText::from)
            }
            _ => None,
        };
        Source::Login { login, assertion }
    }));
    sources
}

/// A proxy that the environment names; never for this machine, whose connections are not encrypted.
fn proxy(address: &Address, environment: &Environment) -> Option<Proxy> {
    if address.is_loopback() || !address.is_encrypted() {
        return None;
    }
    let one = |names: &[&str]| names.iter().find_map(|name| environment.text(name)).map(str::to_owned);
    let url = one(&["HTTPS_PROXY", "https_proxy"])?;
    Some(Proxy { url, except: one(&["NO_PROXY", "no_proxy"]) })
}

/// A path of the settings; `~/` is the user's home.
fn at_home(path: &Path, environment: &Environment) -> PathBuf {
    match (path.strip_prefix("~"), environment.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

impl VaultLogin {
    /// The method's name.
    pub(super) const fn method(&self) -> &'static str {
        match self {
            Self::AppRole { .. } => "approle",
            Self::Cert { .. } => "cert",
            Self::Kubernetes { .. } => "kubernetes",
            Self::Jwt { .. } => "jwt",
        }
    }

    /// Where it is mounted.
    pub(super) fn mount(&self) -> &str {
        let (Self::AppRole { mount, .. }
        | Self::Cert { mount, .. }
        | Self::Kubernetes { mount, .. }
        | Self::Jwt { mount, .. }) = self;
        mount.as_deref().unwrap_or(self.method()).trim_matches('/')
    }

    /// The same with whole paths.
    fn at_home(mut self, environment: &Environment) -> Self {
        let path = match &mut self {
            Self::AppRole { secret_id_file, .. } => Some(secret_id_file),
            Self::Kubernetes { token_file, .. } | Self::Jwt { token_file, .. } => token_file.as_mut(),
            Self::Cert { .. } => None,
        };
        if let Some(path) = path {
            *path = at_home(path, environment);
        }
        self
    }
}

/// In the order in which OpenBao's own client reads them.
const PREFIXES: [&str; 2] = ["BAO", "VAULT"];
