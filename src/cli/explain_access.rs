//! `explain`: which of the recipients the user can act as; for the others which step fails, and the nearest fix.

use sealeaf::keys::{Ability, Examined, Failure, Keyring, Recipient, WrapContext};
use serde::Serialize;

use super::escape;
use super::inspect::Inspected;
use super::session::Session;

/// For JSON.
#[derive(Serialize)]
pub(super) struct AccessView<'a> {
    /// `null` where it was not tried.
    can: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepView<'a>>,
}

#[derive(Serialize)]
struct FailureView<'a> {
    cause: &'static str,
    call: &'a str,
    principal: Option<&'a str>,
    identity: Option<&'a str>,
    answer: Option<&'a str>,
    hint: Option<&'a str>,
    #[serde(skip)]
    whole: &'a Failure,
}

#[derive(Serialize)]
struct StepView<'a> {
    name: &'a str,
    outcome: &'a str,
    used: bool,
}

/// Tries every recipient of a sealed file by itself.
pub(super) fn examine(found: &Inspected, session: &Session<'_>) -> Vec<Examined> {
    let keyring = Keyring::new(session.run());
    if let Some(sealed) = &found.sealed {
        return sealed.examine(&keyring);
    }
    let Some(sops) = &found.sops else { return Vec::new() };
    keyring.examine(&sops.stanzas().concat(), &WrapContext::UNBOUND, &|_, _| Ok(()))
}

impl<'a> AccessView<'a> {
    pub(super) fn of(examined: &'a Examined) -> Self {
        let (can, why, failure) = match &examined.ability {
            Ability::Opens => (Some(true), None, None),
            Ability::Untried(why) => (None, Some(why.as_str()), None),
            Ability::Fails { why, failure } => {
                (Some(false), Some(why.as_str()), failure.as_deref().map(FailureView::of))
            }
        };
        let steps = examined.steps.iter();
        let steps = steps.map(|step| StepView { name: &step.name, outcome: &step.outcome, used: step.used });
        Self { can, why, failure, steps: steps.collect() }
    }

    fn lines(&self, recipient: &Recipient) -> Vec<String> {
        let label = if recipient.name.is_empty() { &recipient.key.id } else { &recipient.name };
        let head = match (self.can, &self.failure, self.why) {
            (Some(true), ..) => "yes".to_owned(),
            (Some(false), Some(failure), _) => format!("no: {}", failure.whole.cause),
            (Some(false), None, why) => format!("no: {}", why.unwrap_or_default()),
            (None, _, why) => format!("not tried: {}", why.unwrap_or_default()),
        };
        let details = self.failure.iter().flat_map(|failure| failure.whole.details());
        let details = details.map(|(heading, text)| format!("    {heading:<7}{text}"));
        let steps = self.steps.iter().map(|step| {
            let mark = if step.used { " (used)" } else { "" };
            format!("    step   {}: {}{mark}", step.name, step.outcome)
        });
        let lines = std::iter::once(format!("  {label}: {head}")).chain(details).chain(steps);
        lines.map(|line| escape::line(&line)).collect()
    }
}

impl<'a> FailureView<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self {
            cause: failure.cause.name(),
            call: &failure.call,
            principal: failure.principal.as_deref(),
            identity: failure.identity.as_deref(),
            answer: failure.answer.as_deref(),
            hint: failure.hint.as_deref(),
            whole: failure,
        }
    }
}

/// For people: nothing where nothing was tried.
pub(super) fn block<'v, 'a: 'v>(
    access: impl Iterator<Item = (&'v Recipient, &'v AccessView<'a>)>,
) -> Vec<String> {
    let lines: Vec<String> = access.flat_map(|(recipient, view)| view.lines(recipient)).collect();
    if lines.is_empty() {
        lines
    } else {
        std::iter::once("can you open it".to_owned()).chain(lines).collect()
    }
}
