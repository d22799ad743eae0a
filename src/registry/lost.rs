//! Requests that got no answer: what became of them, and whether another attempt may help.

use std::error::Error;

use http::StatusCode;

use crate::registry::error::Failure;
use crate::registry::error::one_line;
use crate::registry::guard::NotPublic;
use crate::registry::transport::Answer;

/// A request that got no answer, and whether another attempt may help.
pub(super) struct Lost {
    pub(super) again: Again,
    /// Something came back, and it was not HTTP.
    pub(super) not_http: bool,
    pub(super) failure: Failure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    /// It took too long: perhaps once more.
    Slow,
    /// Nobody listens: perhaps once more.
    Connect,
    /// It would fail the same way for every request to this host.
    Never,
    /// The answer itself is the problem.
    No,
}

impl Lost {
    /// What it means that a request to `name` came to nothing.
    pub(super) fn of(name: &str, error: reqwest::Error) -> Self {
        let error = error.without_url();
        if let Some(refused) = find::<NotPublic>(&error) {
            return Self::new(Again::No, Failure::protocol(refused.to_string()));
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = find(&error) {
            let failure =
                Failure::unreachable(format!("the certificate of {name} is not trusted{}", root_cause(&error)));
            let hint = "add the registry's CA to the system's trust store, or name its file in SSL_CERT_FILE";
            return Self::never(failure.because(error).hint(hint));
        }
        if is_decompression(&error) {
            let failure = Failure::protocol(format!("the answer of {name} cannot be decompressed")).because(error);
            return Self::new(Again::No, failure);
        }
        let (again, message) = match (error.is_connect(), error.is_timeout()) {
            (true, true) => (Again::Connect, format!("no connection to {name} in time")),
            (true, false) => (Again::Connect, format!("no connection to {name}{}", root_cause(&error))),
            (false, true) => (Again::Slow, format!("no answer from {name} in time")),
            (false, false) => (Again::Yes, format!("the connection to {name} broke off{}", root_cause(&error))),
        };
        let not_http = error.is_request() && !error.is_connect() && !error.is_timeout();
        Self { again, not_http, failure: Failure::unreachable(message).because(error) }
    }

    pub(super) fn new(again: Again, failure: Failure) -> Self {
        Self { again, not_http: false, failure }
    }

    pub(super) fn never(failure: Failure) -> Self {
        Self::new(Again::Never, failure)
    }
}

/// Whether plain http came to a port that speaks TLS.
pub(super) fn speaks_tls(plain: &Result<Answer, Lost>) -> bool {
    match plain {
        // What Go's and nginx's servers say there.
        Ok(answer) => {
            let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
            let said = ["http request to an https server", "plain http request was sent to https port"];
            // The answer to a HEAD has no words.
            let says_so = body.is_empty() || said.iter().any(|said| body.contains(said));
            answer.status == StatusCode::BAD_REQUEST && says_so
        }
        // Others answer in TLS, or hang up.
        Err(lost) => lost.not_http,
    }
}

/// What lies at the bottom of an error, as the end of a sentence: `: Connection refused`.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(cause) = held(root).or_else(|| root.source()) {
        root = cause;
    }
    format!(": {}", one_line(&root.to_string()))
}

/// What an I/O error is made of; its `source` would pass over that.
fn held<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let held = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    Some(held)
}

/// Whether a body came whole but makes no sense as gzip: the decoder's own complaint, not one it passes on.
fn is_decompression(error: &reqwest::Error) -> bool {
    let mut first = error.source();
    while let Some(cause) = first.filter(|cause| cause.is::<reqwest::Error>()) {
        first = cause.source();
    }
    let complaint = first.and_then(|cause| cause.downcast_ref::<std::io::Error>());
    error.is_decode() && complaint.is_some_and(|complaint| complaint.kind() != std::io::ErrorKind::Other)
}

/// Finds an error of a type among the causes, also where an I/O error holds it.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = held(error).or_else(|| error.source());
    }
    None
}
