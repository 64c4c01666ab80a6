//! What an error of the SDK says: its texts are about the SDK, and what happened is somewhere among its causes.

use azure_core::error::{Error, ErrorKind};

use crate::keys::Failure;

/// What an error comes down to.
#[derive(Debug)]
pub(super) enum Told<'e> {
    /// A failure of ours, from the way or the login.
    Parts(&'e Failure),
    /// An answer of the service that is no success: status and body.
    Answer(u16, &'e [u8]),
    /// None of that: an answer that the SDK cannot read.
    Nothing,
}

/// Looks through the causes of an error.
pub(super) fn told(error: &Error) -> Told<'_> {
    let mut found = Told::Nothing;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return Told::Parts(failure);
        }
        if let Some(error) = error.downcast_ref::<Error>()
            && let ErrorKind::HttpResponse { status, raw_response, .. } = error.kind()
            && let Told::Nothing = found
        {
            let body = raw_response.as_ref().map_or(&[][..], |response| response.body().as_ref());
            found = Told::Answer((*status).into(), body);
        }
        next = error.source();
    }
    found
}
