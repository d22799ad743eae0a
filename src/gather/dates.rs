//! When the two images were built that people compare, where no decision needs it and the user asks for it.

use crate::decide;
use crate::decide::Facts;
use crate::gather::Clients;
use crate::gather::narrow::Asked;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Platforms;
use crate::registry::Description;
use crate::strategy::Needs;

/// The facts with the dates of what would win and of what is current, as far as they can be had. A date that cannot is
/// told of, and changes nothing else.
pub(super) async fn dated(
    clients: &Clients<'_>,
    asked: &Asked<'_>,
    mut facts: Facts,
    diagnostics: &mut Vec<Diagnostic>,
) -> Facts {
    let Asked { survey, settings, remote, .. } = asked;
    // This one has asked already, as far as it has to; and one tag that is followed stands for one image after another.
    if asked.needs != Needs::Tags {
        return facts;
    }
    let Some(winner) = settings.policy.choose(&facts.candidates).winner.map(|winner| winner.tag) else { return facts };
    let current = decide::current_tag(survey);
    for tag in [Some(&winner), current.as_ref().filter(|current| **current != winner)].into_iter().flatten() {
        let created = match clients.registries.describe(remote, tag, &Platforms::Any).await {
            Ok(Description::Image { created, .. }) => created,
            Ok(Description::OtherPlatform) => continue,
            Err(error) => {
                let message = format!("when {}:{tag} was built could not be had: {error}", remote.repository);
                diagnostics.push(Diagnostic::warning("date-unknown", message).about(&survey.application.key));
                continue;
            }
        };
        match facts.candidates.iter_mut().find(|candidate| candidate.tag == *tag) {
            Some(candidate) => candidate.created = Some(created),
            None => facts.current_created = Some(created),
        }
    }
    facts
}
