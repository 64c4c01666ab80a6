//! Which of a file's recipients the user can act as, and what stands in the way of the others.

use super::failure::Failure;
use super::keyring::{Keyring, without_key};
use super::runtime::{block_on, join_all};
use super::unwrapping::usable;
use super::{KeyError, Pending, Recipient, Run, Stanza, Step, Unwrapped, WrapContext};

/// One recipient, tried by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Who.
    pub recipient: Recipient,
    /// What came of it.
    pub ability: Ability,
    /// How the identity was found or not, for keys of a service.
    pub steps: Vec<Step>,
}

/// Whether the user can open a wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Yes: it was opened, and what came out is gone again.
    Opens,
    /// No.
    Fails {
        /// In one line.
        why: String,
        /// In parts, where a service was asked.
        failure: Option<Box<Failure>>,
    },
    /// It was not tried.
    Untried(String),
}

impl Keyring<'_> {
    /// Tries every stanza by itself, services all at once, and asks for nothing that the run's prompt does not give.
    #[must_use]
    pub fn examine(&self, stanzas: &[Stanza], context: &WrapContext) -> Vec<Examined> {
        let run = self.run();
        let futures =
            stanzas.iter().map(|stanza| -> Pending<'_, Examined> { Box::pin(one(stanza, context, run)) });
        block_on(join_all(futures.collect()))
    }
}

async fn one(stanza: &Stanza, context: &WrapContext, run: &Run<'_>) -> Examined {
    let recipient = stanza.recipient.clone();
    let backend = match usable(stanza, run) {
        Ok(backend) => backend,
        Err(why) => return Examined { recipient, ability: Ability::Untried(why), steps: Vec::new() },
    };
    let steps = backend.identity(&stanza.recipient.key, run).await;
    let ability = match backend.unwrap(stanza, context, run).await {
        Unwrapped::Opened(_) => Ability::Opens,
        Unwrapped::NotMine(why) => Ability::Fails { why, failure: None },
        Unwrapped::Failed(KeyError::Remote { failure, .. }) => {
            Ability::Fails { why: failure.to_string(), failure: Some(failure) }
        }
        Unwrapped::Failed(error) => Ability::Fails { why: without_key(error), failure: None },
    };
    Examined { recipient, ability, steps }
}
