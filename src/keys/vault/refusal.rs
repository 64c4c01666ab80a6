//! What a transit engine's "no" means, and what to do about it.

use super::http::{Halt, Refusal, malformed};
use super::id::Id;
use crate::keys::failure::{Cause, Failure};

/// For everything but 401 and 403, of which the token has to be known.
pub(super) fn read(refusal: &Refusal, id: &Id) -> Halt {
    let Refusal { status, message, after } = refusal;
    let says = message.as_deref().unwrap_or_default();
    let has = |parts: &[&str]| parts.iter().any(|part| says.contains(part));
    let failure = |cause| Failure::new(cause, "").answered(&refusal.shown());
    match status {
        400 if has(&["too old", "disallowed by policy"]) => failure(Cause::Disabled).hinted(format!(
            "the key's min_decryption_version is above the version of this wrap: lower it with `bao write {}/config min_decryption_version=…`, then rekey the file",
            id.path()
        )),
        400 if has(&["deleted"]) => failure(Cause::Disabled).hinted("have the key restored by whoever deleted it"),
        400 if has(&["not found", "no existing key"]) => failure(Cause::NotFound)
            .hinted(format!("correct the name, or make the key: `bao write -f {}`", id.path())),
        400 if has(&["'context'"]) => failure(Cause::Rejected)
            .hinted("use a key that is not derived: neither SOPS nor sealeaf sends a context to Vault"),
        // RSA keys say it with 500.
        400 | 500 if has(&["invalid ciphertext", "authentication failed", "unable to decrypt", "decryption error"]) => {
            failure(Cause::WrongKey)
                .hinted("see whether the key was deleted and made again, or the file was changed by hand")
        }
        400 | 405 | 422 => {
            failure(Cause::Rejected).hinted(format!("see that {} is a transit engine's, and that the key can encrypt", id.path()))
        }
        404 if message.is_some() => failure(Cause::NotFound).hinted(format!(
            "no transit engine is mounted at `{}`: correct the path, or the namespace",
            id.engine()
        )),
        429 => Failure { after: *after, ..failure(Cause::Throttled).hinted(HINT_THROTTLED) },
        503 if says.contains("sealed") => return sealed(failure(Cause::Unavailable)),
        412 | 472 | 473 | 500.. => failure(Cause::Unavailable).hinted(HINT_BROKEN),
        _ => malformed("", &refusal.shown()),
    }
    .into()
}

/// Somebody has to unseal it: no attempt of ours helps.
pub(super) fn sealed(failure: Failure) -> Halt {
    Halt::last(failure.hinted("the server is sealed: have it unsealed with `bao operator unseal`"))
}

pub(super) const HINT_THROTTLED: &str = "wait, or have the rate limit raised; `concurrency` under `[network]` in your config.toml lowers the load";
pub(super) const HINT_BROKEN: &str = "ask whoever runs the server: it answers, but cannot work";
