//! In which order keys are tried, and how many at once.

use std::future::poll_fn;
use std::task::Poll;

use super::failure::Failure;
use super::keyring::{Attempt, BOUND, NO_SERVICE, UnwrapError, without_key};
use super::{KeyBackend, KeyError, Pending, Run, Stanza, Unwrapped, WrapContext, backend};
use crate::secret::SecretBytes;

/// Whether what a stanza of that group held is what the group holds; else what is wrong with it.
pub type Fits<'a> = &'a dyn Fn(usize, &SecretBytes) -> Result<(), String>;

/// What one group gave.
#[derive(Debug)]
pub struct Share {
    /// The group's place in the file.
    pub group: usize,
    /// The stanza's place in the group.
    pub stanza: usize,
    /// What came out.
    pub opened: SecretBytes,
}

/// The stanzas of one file on their way to being opened.
pub(super) struct Unwrapping<'a> {
    run: &'a Run<'a>,
    context: &'a WrapContext,
    tries: Vec<Try<'a>>,
    fits: Fits<'a>,
}

struct Try<'a> {
    group: usize,
    stanza: &'a Stanza,
    /// The place of what the user's settings name, their number where they do not.
    rank: usize,
    outcome: Outcome,
}

enum Outcome {
    Untried,
    Opened(SecretBytes),
    Failed { why: String, failure: Option<Box<Failure>>, fitted: bool },
}

impl<'a> Unwrapping<'a> {
    pub(super) fn new(
        run: &'a Run<'a>,
        context: &'a WrapContext,
        stanzas: impl Iterator<Item = (usize, &'a Stanza)>,
        fits: Fits<'a>,
    ) -> Self {
        let order = &run.settings.unwrap.order;
        let rank = |stanza: &Stanza| {
            let is_named =
                |name: &String| *name == stanza.recipient.key.kind || *name == stanza.recipient.name;
            order.iter().position(is_named).unwrap_or(order.len())
        };
        let tries = stanzas.map(|(group, stanza)| {
            let rank = rank(stanza);
            Try { group, stanza, rank, outcome: Outcome::Untried }
        });
        Self { run, context, tries: tries.collect(), fits }
    }

    /// Tries until so many groups are open, or nothing is left.
    pub(super) async fn open(&mut self, needed: usize) {
        if self.run.local {
            for rank in 0..=self.run.settings.unwrap.order.len() {
                for effort in EFFORTS {
                    self.round(rank, effort, needed).await;
                }
            }
        }
        self.ask_services(needed).await;
    }

    /// The stanza that opened, by its place.
    pub(super) fn first(self) -> Result<(usize, SecretBytes), UnwrapError> {
        let (mut shares, error) = self.shares();
        if shares.is_empty() {
            return Err(error);
        }
        let Share { stanza, opened, .. } = shares.swap_remove(0);
        Ok((stanza, opened))
    }

    /// What opened, and why the others did not.
    pub(super) fn shares(self) -> (Vec<Share>, UnwrapError) {
        let (mut shares, mut attempts, mut failed) = (Vec::new(), Vec::new(), false);
        let (mut group, mut start) = (0, 0);
        for (place, one) in self.tries.into_iter().enumerate() {
            if one.group != group {
                (group, start) = (one.group, place);
            }
            let recipient = one.stanza.recipient.clone();
            match one.outcome {
                Outcome::Opened(opened) => shares.push(Share { group, stanza: place - start, opened }),
                Outcome::Untried => {}
                Outcome::Failed { why, failure, fitted } => {
                    failed |= fitted;
                    attempts.push(Attempt { recipient, why, failure });
                }
            }
        }
        (shares, UnwrapError { attempts, failed })
    }

    /// Tries what takes no more than that, in groups that are still closed.
    async fn round(&mut self, rank: usize, effort: Effort, needed: usize) {
        let mut remote = Vec::new();
        for place in 0..self.tries.len() {
            let Some(one) = self.tries.get(place).filter(|one| one.rank == rank) else { continue };
            if !matches!(one.outcome, Outcome::Untried) {
                continue;
            }
            if self.is_enough(needed) {
                return;
            }
            if self.is_open(one.group) {
                continue;
            }
            let stanza = one.stanza;
            match usable(stanza, self.run) {
                Err(why) => self.fail(place, why),
                Ok(backend) if effort < self.effort(effort, backend, stanza) => {}
                Ok(backend) if !backend.is_local() => remote.push((place, backend)),
                Ok(backend) => {
                    let answer = backend.unwrap(stanza, self.context, self.run).await;
                    self.take(place, answer);
                }
            }
        }
        while !remote.is_empty() && !self.is_enough(needed) {
            self.race(&mut remote).await;
        }
    }

    /// Asks services until one more group is open or nothing is left in the list. The next one is asked when one has
    /// failed, and when [`PATIENCE`] has passed: a service that hangs holds up nobody, and one that answers is asked
    /// alone.
    async fn race(&mut self, remote: &mut Vec<(usize, &'static dyn KeyBackend)>) {
        let group = |place: usize, tries: &[Try<'_>]| tries.get(place).map(|one| one.group);
        let closed: Vec<(usize, &'static dyn KeyBackend)> = remote
            .drain(..)
            .filter(|(place, _)| group(*place, &self.tries).is_some_and(|group| !self.is_open(group)))
            .collect();
        let (run, context) = (self.run, self.context);
        let mut waiting = closed.iter().copied().collect::<std::collections::VecDeque<_>>();
        let mut running: Vec<(usize, Pending<'_, Unwrapped>)> = Vec::new();
        let mut ended: Vec<(usize, Unwrapped)> = Vec::new();
        let mut timer: Option<Pending<'_, ()>> = None;
        let stanzas: Vec<&'a Stanza> = self.tries.iter().map(|one| one.stanza).collect();
        let opened = poll_fn(|task| {
            loop {
                let is_time = match &mut timer {
                    None => true,
                    Some(timer) => timer.as_mut().poll(task).is_ready(),
                };
                if is_time || running.is_empty() {
                    if let Some((place, backend)) = waiting.pop_front() {
                        if let Some(stanza) = stanzas.get(place) {
                            running.push((place, backend.unwrap(stanza, context, run)));
                        }
                        timer = Some(patience(run));
                        continue;
                    }
                    if is_time {
                        timer = Some(Box::pin(std::future::pending()));
                    }
                }
                let before = running.len();
                let mut is_opened = false;
                running.retain_mut(|(place, call)| {
                    if is_opened {
                        return true;
                    }
                    match call.as_mut().poll(task) {
                        Poll::Pending => true,
                        Poll::Ready(answer) => {
                            is_opened = matches!(answer, Unwrapped::Opened(_));
                            ended.push((*place, answer));
                            false
                        }
                    }
                });
                match () {
                    () if is_opened => return Poll::Ready(true),
                    () if running.is_empty() && waiting.is_empty() => return Poll::Ready(false),
                    // One has failed: the next one's turn.
                    () if running.len() < before && !waiting.is_empty() => timer = None,
                    () => return Poll::Pending,
                }
            }
        })
        .await;
        drop(running);
        let tried: Vec<usize> = ended.iter().map(|(place, _)| *place).collect();
        for (place, answer) in ended {
            self.take(place, answer);
        }
        if opened {
            remote.extend(closed.into_iter().filter(|(place, _)| !tried.contains(place)));
        }
    }

    /// Has each stanza of a closed group tried by each key service, and adds to the reasons why not.
    async fn ask_services(&mut self, needed: usize) {
        let services = self.run.services.as_slice();
        let useless = match services {
            [] if self.run.local => return,
            [] => Some(NO_SERVICE),
            _ if self.context.is_bound() => Some(BOUND),
            _ => None,
        };
        for place in 0..self.tries.len() {
            let Some(one) = self.tries.get(place) else { continue };
            if self.is_enough(needed) {
                return;
            }
            if self.is_open(one.group) {
                continue;
            }
            let stanza = one.stanza;
            if stanza.recipient.break_glass && !self.run.break_glass {
                if matches!(one.outcome, Outcome::Untried) {
                    self.fail(place, BREAK_GLASS.to_owned());
                }
                continue;
            }
            let mut reasons: Vec<String> = match &one.outcome {
                Outcome::Failed { why, .. } => vec![why.clone()],
                _ => Vec::new(),
            };
            match useless {
                Some(why) => reasons.push(why.to_owned()),
                None => {
                    for service in services {
                        match service.unwrap(&stanza.recipient.key, &stanza.wrapped).await {
                            Ok(secret) => self.take(place, Unwrapped::Opened(secret)),
                            Err(error) => reasons.push(format!("key service {}: {error}", service.address())),
                        }
                        if self.tries.get(place).is_some_and(|one| matches!(one.outcome, Outcome::Opened(_)))
                        {
                            break;
                        }
                    }
                }
            }
            if let Some(one) = self.tries.get_mut(place) {
                match &mut one.outcome {
                    Outcome::Opened(_) => {}
                    Outcome::Failed { why, .. } => *why = reasons.join("; "),
                    Outcome::Untried => self.fail(place, reasons.join("; ")),
                }
            }
        }
    }

    /// Keeps an answer; what is not its group's share is none.
    fn take(&mut self, place: usize, answer: Unwrapped) {
        let Some(one) = self.tries.get_mut(place) else { return };
        one.outcome = match answer {
            Unwrapped::Opened(opened) => match (self.fits)(one.group, &opened) {
                Ok(()) => {
                    if one.stanza.recipient.break_glass {
                        self.run.note_broken_glass(self.context, &one.stanza.recipient);
                    }
                    Outcome::Opened(opened)
                }
                Err(why) => Outcome::Failed { why, failure: None, fitted: true },
            },
            Unwrapped::NotMine(why) => Outcome::Failed { why, failure: None, fitted: false },
            Unwrapped::Failed(KeyError::Remote { failure, .. }) => {
                Outcome::Failed { why: failure.to_string(), failure: Some(failure), fitted: false }
            }
            Unwrapped::Failed(error) => {
                Outcome::Failed { why: without_key(error), failure: None, fitted: true }
            }
        };
    }

    fn fail(&mut self, place: usize, why: String) {
        if let Some(one) = self.tries.get_mut(place) {
            one.outcome = Outcome::Failed { why, failure: None, fitted: false };
        }
    }

    fn is_open(&self, group: usize) -> bool {
        self.tries.iter().any(|one| one.group == group && matches!(one.outcome, Outcome::Opened(_)))
    }

    fn is_enough(&self, needed: usize) -> bool {
        self.tries.iter().filter(|one| matches!(one.outcome, Outcome::Opened(_))).count() >= needed
    }

    /// What trying a stanza takes, as far as it matters in a round that allows `allowed`: whether the user would be
    /// asked is found out only where it must not happen yet.
    fn effort(&self, allowed: Effort, backend: &dyn KeyBackend, stanza: &Stanza) -> Effort {
        match allowed {
            _ if !backend.is_local() => Effort::Network,
            Effort::Silent if backend.may_ask(stanza, self.run) => Effort::Question,
            _ => Effort::Silent,
        }
    }
}

/// The backend for a stanza, or why it is not tried.
pub(super) fn usable(stanza: &Stanza, run: &Run<'_>) -> Result<&'static dyn KeyBackend, String> {
    let kind = &stanza.recipient.key.kind;
    let backend = backend(kind).map_err(|error| error.to_string())?;
    if stanza.recipient.break_glass && !run.break_glass {
        return Err(BREAK_GLASS.to_owned());
    }
    if run.unattended && !backend.is_local() && !run.settings.network.textconv.contains(kind) {
        return Err(UNATTENDED.to_owned());
    }
    Ok(backend)
}

/// What trying a stanza takes, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effort {
    Silent,
    Question,
    Network,
}

const EFFORTS: [Effort; 3] = [Effort::Silent, Effort::Question, Effort::Network];

#[cfg(feature = "network")]
fn patience<'a>(run: &'a Run<'a>) -> Pending<'a, ()> {
    match super::network::Network::of(run) {
        Ok(network) => Box::pin(async move { network.pause(PATIENCE).await }),
        Err(_) => Box::pin(std::future::pending()),
    }
}

#[cfg(not(feature = "network"))]
fn patience<'a>(_run: &'a Run<'a>) -> Pending<'a, ()> {
    Box::pin(std::future::pending())
}

/// How long a service is waited for before the next one is asked too.
#[cfg(feature = "network")]
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);

const BREAK_GLASS: &str = "break-glass key, not asked for";
const UNATTENDED: &str = "not asked: no service is reached here unless your config.toml names its key type in `textconv` under `[network]`";

#[cfg(test)]
mod tests;
