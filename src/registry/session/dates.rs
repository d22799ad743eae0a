//! Questions to the APIs beside a registry's own that tell when tags were pushed.

use crate::registry::Access;
use crate::registry::Remote;
use crate::registry::credentials::Found;
use crate::registry::credentials::Login;
use crate::registry::dates::DateApi;
use crate::registry::dates::Lend;
use crate::registry::endpoint::Endpoint;
use crate::registry::error::Failure;
use crate::registry::memo::locked;
use crate::registry::quirks;
use crate::registry::refusal;
use crate::registry::session::Means;
use crate::registry::session::Question;
use crate::registry::session::Session;
use crate::registry::transport::Answer;
use crate::registry::transport::Request;

impl Session {
    /// The API that tells when tags were pushed, if the registry has one: known by its host, or by what its token
    /// service is called, once it was asked for something.
    pub(in crate::registry) fn date_api(&self, endpoint: &Endpoint) -> Option<&'static DateApi> {
        endpoint.quirk.dates.or_else(|| match &*locked(&self.learned(endpoint).means) {
            Some(Means::Bearer { service: Some(service), .. }) => quirks::dates_by_service(service),
            _ => None,
        })
    }

    /// Asks such an API.
    ///
    /// # Errors
    /// If there is no answer, or it is not a success.
    pub(in crate::registry) async fn ask_date_api(
        &self,
        remote: &Remote,
        endpoint: &Endpoint,
        question: &Question,
        lend: Lend,
    ) -> Result<Answer, Failure> {
        let answer = match lend {
            Lend::Token => return self.ask(remote, endpoint, question).await,
            Lend::Elsewhere(_) => {
                if let Some(rate) = endpoint.quirk.requests_per_second {
                    self.transport.keep_rate(&question.url, rate);
                }
                let mut request = Request::get(question.url.clone(), question.limit);
                request.accept = question.accept;
                self.transport.send(&request).await?
            }
            Lend::Nothing | Lend::Password => {
                let found = if lend == Lend::Password { self.found(remote, endpoint).await } else { Found::default() };
                let password = found.login.as_ref().and_then(Login::basic);
                self.send(endpoint, &self.learned(endpoint), question, password).await?
            }
        };
        if answer.status.is_success() { Ok(answer) } else { Err(refusal::of(&answer, question.missing)) }
    }

    /// The login that a repository is asked with.
    pub(in crate::registry) async fn found(&self, remote: &Remote, endpoint: &Endpoint) -> Found {
        match &remote.access {
            Access::Caller => self.logins.find(&endpoint.own_names).await,
            Access::Login(login) => Found { login: Some(login.clone()), trouble: None },
        }
    }
}
