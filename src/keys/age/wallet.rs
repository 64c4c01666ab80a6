//! The identities of one run: looked for place by place, each place once, and no further than needed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::identity::{Contents, Identity, Key, LockedFile};
use super::source::{Source, sources};
use crate::keys::Run;
use crate::secret::SecretBytes;

/// What was found so far.
pub(super) struct Wallet {
    identities: Vec<Identity>,
    /// Files whose passphrase was not asked for yet.
    locked: Vec<LockedFile>,
    /// Places that were not looked at yet.
    sources: VecDeque<Source>,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// How a search for an identity ended.
#[derive(Debug)]
pub(super) enum Search {
    Opened(SecretBytes),
    /// An identity fits; its place, and what went wrong.
    Failed(String, String),
    Missing,
}

impl Wallet {
    /// Does `act` with the run's wallet. Threads wait for each other, so that nobody is asked twice.
    pub(super) fn with<T>(run: &Run<'_>, act: impl FnOnce(&mut Self) -> T) -> T {
        let shared: Arc<Mutex<Self>> = run.shared("age", || {
            Mutex::new(Self {
                identities: Vec::new(),
                locked: Vec::new(),
                sources: sources(run.environment),
                problems: Vec::new(),
                warnings: Vec::new(),
            })
        });
        let mut wallet: MutexGuard<'_, Self> = shared.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut wallet)
    }

    /// Tries the identities whose public half is `id`: those that are open, in order, then those that ask for a
    /// passphrase.
    pub(super) fn search(
        &mut self,
        id: &str,
        run: &Run<'_>,
        open: &dyn Fn(&dyn ::age::Identity) -> Result<SecretBytes, String>,
    ) -> Search {
        let mut search = Search::Missing;
        let mut tried = 0;
        loop {
            tried += self.attempt(&mut search, tried, id, run, Some(false), open);
            if matches!(search, Search::Opened(_)) || !self.load_next(id, run) {
                break;
            }
        }
        if !matches!(search, Search::Opened(_)) {
            self.attempt(&mut search, 0, id, run, Some(true), open);
        }
        while matches!(search, Search::Missing) && !is_ssh(id) && self.unlock_next(run) {
            tried += self.attempt(&mut search, tried, id, run, None, open);
        }
        search
    }

    /// Tries the identities after the first `skip`, either those that may ask or those that do not, or all; gives how many
    /// were seen.
    fn attempt(
        &mut self,
        search: &mut Search,
        skip: usize,
        id: &str,
        run: &Run<'_>,
        asking: Option<bool>,
        open: &dyn Fn(&dyn ::age::Identity) -> Result<SecretBytes, String>,
    ) -> usize {
        let rest = self.identities.iter_mut().skip(skip);
        let seen = rest.len();
        let is_due =
            |one: &&mut Identity| asking.is_none_or(|asking| one.may_ask() == asking) && one.fits(id);
        for identity in rest.filter(is_due) {
            match identity.open(run, open) {
                Ok(secret) => {
                    *search = Search::Opened(secret);
                    break;
                }
                Err(Some(why)) => *search = Search::Failed(identity.place.to_string(), why),
                Err(None) => {}
            }
        }
        seen
    }

    /// Whether a search for `id` would have to ask for a passphrase.
    pub(super) fn may_ask(&mut self, id: &str, run: &Run<'_>) -> bool {
        let is_open = |one: &Identity| !one.may_ask() && one.fits(id);
        while !self.identities.iter().any(is_open) {
            if !self.load_next(id, run) {
                let asks = self.identities.iter().any(|one| one.may_ask() && one.fits(id));
                return asks || (!is_ssh(id) && !self.locked.is_empty());
            }
        }
        false
    }

    /// Every place and the public half of an identity there, as far as that can be told without asking or starting
    /// anything.
    pub(super) fn publics(&mut self, run: &Run<'_>) -> Vec<(String, String)> {
        let (commands, others) = self.sources.drain(..).partition(Source::is_command);
        self.sources = commands;
        others.iter().for_each(|source: &Source| self.load(source, run));
        let usable = self.identities.iter().filter(|identity| !matches!(identity.key, Key::Unusable(_)));
        usable.filter_map(|identity| Some((identity.place.to_string(), identity.public.clone()?))).collect()
    }

    /// The places whose identities cannot be told: under a passphrase, or behind a command.
    pub(super) fn unread(&self) -> Vec<String> {
        let locked = self.locked.iter().map(|file| file.place.to_string());
        locked.chain(self.sources.iter().map(Source::name)).collect()
    }

    /// How much was looked at, for the reason why nothing fits.
    pub(super) fn summary(&self) -> String {
        let mut places: Vec<&str> = self.identities.iter().map(|identity| &*identity.place).collect();
        places.dedup();
        let more = places.len().saturating_sub(SHOWN_PLACES);
        places.truncate(SHOWN_PLACES);
        let mut summary = match self.identities.len() {
            0 => "you have no identity".to_owned(),
            1 => format!("looked at 1 identity in {}", places.join(", ")),
            count => format!("looked at {count} identities in {}", places.join(", ")),
        };
        if more > 0 {
            summary.push_str(&format!(" and {more} more places"));
        }
        for problem in &self.problems {
            summary.push_str("; ");
            summary.push_str(problem);
        }
        summary
    }

    /// Looks at the next place where a key for `id` can be; false where there is none.
    fn load_next(&mut self, id: &str, run: &Run<'_>) -> bool {
        match self.sources.pop_front_if(|next| is_ssh(id) || !next.is_ssh_folder()) {
            Some(source) => {
                self.load(&source, run);
                true
            }
            None => false,
        }
    }

    fn load(&mut self, source: &Source, run: &Run<'_>) {
        let found = source.load(run.environment);
        self.problems.extend(found.problems);
        self.warnings.extend(found.warnings);
        for contents in found.contents {
            self.take(contents);
        }
    }

    /// Asks for the passphrase of the next locked file; false where there is none.
    fn unlock_next(&mut self, run: &Run<'_>) -> bool {
        if self.locked.is_empty() {
            return false;
        }
        let file = self.locked.remove(0);
        match file.open(run) {
            Ok(contents) => self.take(contents),
            Err(why) => self.problems.push(format!("{}: {why}", file.place)),
        }
        true
    }

    fn take(&mut self, contents: Contents) {
        self.identities.extend(contents.identities);
        self.locked.extend(contents.locked);
    }
}

fn is_ssh(id: &str) -> bool {
    id.starts_with("ssh-")
}

/// Most places that an error names.
const SHOWN_PLACES: usize = 4;
