//! Which of a file's recipients the user can act as, and what stands in the way of the others.

use super::failure::Failure;
use super::keyring::{Keyring, without_key};
use super::runtime::{block_on, join_all};
use super::unwrapping::{Fits, usable};
use super::{KeyError, Pending, Recipient, Run, Stanza, Step, Unwrapped, WrapContext};
use crate::secret::SecretBytes;

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
    /// Yes: it was opened, it is what the file needs, and it is gone again.
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
    /// `fits` says of what came out, by the stanza's place, whether it is the file's.
    #[must_use]
    pub fn examine(&self, stanzas: &[Stanza], context: &WrapContext, fits: Fits<'_>) -> Vec<Examined> {
        let run = self.run();
        let futures = stanzas.iter().map(|stanza| -> Pending<'_, (Examined, Option<SecretBytes>)> {
            Box::pin(one(stanza, context, run))
        });
        let tried = block_on(join_all(futures.collect())).into_iter().enumerate();
        let checked = tried.map(|(place, (mut examined, opened))| {
            if let Some(Err(why)) = opened.map(|opened| fits(place, &opened)) {
                examined.ability = Ability::Fails { why, failure: None };
            }
            examined
        });
        checked.collect()
    }
}

async fn one(stanza: &Stanza, context: &WrapContext, run: &Run<'_>) -> (Examined, Option<SecretBytes>) {
    let recipient = stanza.recipient.clone();
    let backend = match usable(stanza, run) {
        Ok(backend) => backend,
        Err(why) => {
            let examined = Examined { recipient, ability: Ability::Untried(why), steps: Vec::new() };
            return (examined, None);
        }
    };
    let steps = backend.identity(&stanza.recipient.key, run).await;
    let mut opened = None;
    let ability = match backend.unwrap(stanza, context, run).await {
        Unwrapped::Opened(secret) => {
            opened = Some(secret);
            Ability::Opens
        }
        Unwrapped::NotMine(why) => Ability::Fails { why, failure: None },
        Unwrapped::Failed(KeyError::Remote { failure, .. }) => {
            Ability::Fails { why: failure.to_string(), failure: Some(failure) }
        }
        Unwrapped::Failed(error) => Ability::Fails { why: without_key(error), failure: None },
    };
    (Examined { recipient, ability, steps }, opened)
}
