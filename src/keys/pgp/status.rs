//! What gpg says on its status lines, which are the same in every language.
//!
//! Source: GnuPG's doc/DETAILS, "Format of the --status-fd output"; libgpg-error's err-codes.h.

use super::id::visible;

/// Why a message was not decrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// There is no private key for it.
    NoKey,
    /// The user did not unlock the key: asking once more would annoy.
    Locked(String),
    /// Something else.
    Failed(String),
}

/// Whether gpg says that it decrypted, and that nobody had changed the message.
pub(super) fn is_decrypted(messages: &str) -> bool {
    lines(messages).any(|line| line == "DECRYPTION_OKAY")
        && !lines(messages).any(|line| matches!(word(line), "DECRYPTION_FAILED" | "BADMDC" | "FAILURE"))
}

/// Why it did not, and what to do. `may_ask` is whether the user could be asked.
pub(super) fn why_closed(messages: &str, may_ask: bool) -> Closed {
    let error = |line: &str| {
        let code = line.strip_prefix("ERROR pkdecrypt_failed ")?.split(' ').next()?;
        Some(code.parse::<u32>().ok()? & 0xffff)
    };
    let lacks_key = lines(messages).any(|line| word(line) == "NO_SECKEY");
    let Some(code) = lines(messages).find_map(error) else {
        return match lacks_key {
            true if lacks_agent(messages) => Closed::Failed(
                "gpg-agent cannot be reached: `gpgconf --launch gpg-agent` says why".to_owned(),
            ),
            true => Closed::NoKey,
            false => Closed::Failed(format!("gpg did not open it ({})", said(messages))),
        };
    };
    let (is_locked, why) = match code {
        BAD_PASSPHRASE => (true, "the passphrase is wrong"),
        CANCELED | FULLY_CANCELED | NO_PASSPHRASE | NO_PIN => (true, "no passphrase was given"),
        NO_PIN_ENTRY if !may_ask => (
            true,
            "it is locked and nobody can be asked here; once `gpg --decrypt` has unlocked it, it opens",
        ),
        NO_PIN_ENTRY | PIN_ENTRY | NO_TERMINAL => (
            true,
            "gpg-agent has no way to ask for the passphrase: install a pinentry, name it in gpg-agent.conf, or set GPG_TTY",
        ),
        TIMEOUT => (true, "nobody gave the passphrase in time"),
        NO_AGENT | AGENT => (false, "gpg-agent cannot be reached: `gpgconf --launch gpg-agent` says why"),
        CARD | WRONG_CARD | CARD_RESET | CARD_REMOVED | CARD_NOT_PRESENT | CARD_NOT_INITIALIZED
        | NO_CARD_DAEMON | CARD_DAEMON => {
            (false, "its smart card is not there: plug it in and look at `gpg --card-status`")
        }
        BAD_PIN | PIN_BLOCKED => (true, "the card's PIN is wrong or blocked: look at `gpg --card-status`"),
        _ => (false, ""),
    };
    match (is_locked, why) {
        (_, "") => Closed::Failed(format!("gpg did not open it ({})", said(messages))),
        (true, why) => Closed::Locked(why.to_owned()),
        (false, why) => Closed::Failed(why.to_owned()),
    }
}

/// The most telling line for people, cut and without control characters.
pub(super) fn said(messages: &str) -> String {
    let own = messages.lines().filter(|line| !line.starts_with(MARK));
    let line = own.clone().find_map(|line| line.strip_prefix("gpg: ").filter(|line| line.contains("failed")));
    let line = line.or_else(|| own.clone().find_map(|line| line.strip_prefix("gpg: ")));
    let line = line.or_else(|| own.clone().find(|line| !line.trim().is_empty())).unwrap_or("it said nothing");
    line.trim().chars().flat_map(visible).take(LONGEST).collect()
}

fn lacks_agent(messages: &str) -> bool {
    let own = messages.lines().filter_map(|line| line.strip_prefix("gpg: "));
    own.into_iter().any(|line| line.contains("agent") && !line.contains(AGENT_STARTED))
}

fn lines(messages: &str) -> impl Iterator<Item = &str> {
    messages.lines().filter_map(|line| line.strip_prefix(MARK)).map(str::trim_end)
}

fn word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

const MARK: &str = "[GNUPG:] ";
const LONGEST: usize = 200;

/// What gpg says where it did find its agent.
const AGENT_STARTED: &str = "starting";

const BAD_PASSPHRASE: u32 = 11;
const TIMEOUT: u32 = 62;
const NO_AGENT: u32 = 77;
const AGENT: u32 = 78;
const NO_PIN_ENTRY: u32 = 85;
const PIN_ENTRY: u32 = 86;
const BAD_PIN: u32 = 87;
const WRONG_CARD: u32 = 91;
const CANCELED: u32 = 99;
const CARD: u32 = 108;
const CARD_RESET: u32 = 109;
const CARD_REMOVED: u32 = 110;
const CARD_NOT_PRESENT: u32 = 112;
const NO_CARD_DAEMON: u32 = 119;
const CARD_DAEMON: u32 = 120;
const CARD_NOT_INITIALIZED: u32 = 123;
const PIN_BLOCKED: u32 = 130;
const NO_PASSPHRASE: u32 = 177;
const NO_PIN: u32 = 178;
const FULLY_CANCELED: u32 = 198;

/// `ENOTTY`, as libgpg-error numbers it.
const NO_TERMINAL: u32 = 32_870;

#[cfg(test)]
mod tests {
    use super::*;

    fn why(code: u32, may_ask: bool) -> Closed {
        let source = 4 << 24;
        let messages = format!(
            "[GNUPG:] ENC_TO 1 18 0\ngpg: public key decryption failed: X\x1b[2J\n[GNUPG:] ERROR pkdecrypt_failed {}\n\
             [GNUPG:] DECRYPTION_FAILED\n",
            source + code
        );
        why_closed(&messages, may_ask)
    }

    #[test]
    fn errors_say_what_to_do() {
        for (code, expect) in [
            (BAD_PASSPHRASE, "passphrase is wrong"),
            (FULLY_CANCELED, "no passphrase"),
            (NO_PIN_ENTRY, "install a pinentry"),
            (NO_TERMINAL, "GPG_TTY"),
            (BAD_PIN, "PIN"),
        ] {
            assert!(matches!(why(code, true), Closed::Locked(why) if why.contains(expect)), "{code}");
        }
        assert!(
            matches!(why(NO_PIN_ENTRY, false), Closed::Locked(why) if why.contains("nobody can be asked"))
        );
        assert!(matches!(why(CARD_REMOVED, true), Closed::Failed(why) if why.contains("card-status")));
        assert!(matches!(why(NO_AGENT, true), Closed::Failed(why) if why.contains("gpgconf --launch")));
        let unknown =
            Closed::Failed("gpg did not open it (public key decryption failed: X\\u{1b}[2J)".to_owned());
        assert_eq!(why(5, true), unknown);
    }

    #[test]
    fn a_missing_key_is_not_a_missing_agent() {
        let none = "[GNUPG:] NO_SECKEY 1\ngpg: decryption failed: No secret key\n";
        assert_eq!(why_closed(none, true), Closed::NoKey);
        let agent = format!("gpg: can't connect to the agent: Configuration error\n{none}");
        assert!(matches!(why_closed(&agent, true), Closed::Failed(_)));
        assert!(matches!(why_closed("", true), Closed::Failed(why) if why.contains("said nothing")));
        let long = format!("gpg: {}", "x".repeat(5000));
        assert!(matches!(why_closed(&long, true), Closed::Failed(why) if why.len() < 300));
    }

    #[test]
    fn only_what_gpg_vouches_for_is_decrypted() {
        assert!(is_decrypted("gpg: x\n[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] GOODMDC\n"));
        for messages in [
            "",
            "DECRYPTION_OKAY",
            "[GNUPG:] DECRYPTION_OKAYS",
            "gpg: [GNUPG:] DECRYPTION_OKAY",
            "[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] DECRYPTION_FAILED",
            "[GNUPG:] BADMDC\n[GNUPG:] DECRYPTION_OKAY",
        ] {
            assert!(!is_decrypted(messages), "{messages}");
        }
    }
}
