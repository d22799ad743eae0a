//! Deciding about every image of a selection: who is asked when, and who is told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use futures::StreamExt as _;
use jiff::Timestamp;

use crate::annotations::rule::Invalid;
use crate::decide;
use crate::decide::Evidence;
use crate::decide::Survey;
use crate::gather::Clients;
use crate::gather::Gatherer;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Repository;
use crate::model::progress::Event;
use crate::registry::Remote;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback::Placements;

/// Asks the registries what is needed, several at a time, and decides about each image as soon as it is known; the order
/// is that of the selection. `only`: some of the images.
pub(super) async fn decide_all(
    clients: &Clients<'_>,
    selected: &[Selected],
    placements: &Placements,
    (options, only): (&Options, Option<&BTreeSet<(ApplicationKey, usize)>>),
) -> Vec<(Decision, Vec<Diagnostic>)> {
    let gatherer = &Gatherer::new(clients, options);
    let surveys: Vec<Survey<'_>> = selected
        .iter()
        .flat_map(|selected| {
            selected.rules.images.iter().filter_map(|rule| {
                let key = (selected.application.key.clone(), rule.position);
                let nowhere = || Err(Invalid::new(Reason::UnsupportedSource, "it was not looked for"));
                let placement = placements.get(&key).cloned().unwrap_or_else(nowhere);
                let wanted = only.is_none_or(|only| only.contains(&key));
                wanted.then(|| decide::survey(&selected.application, rule, placement))
            })
        })
        .collect();
    let mut asked: BTreeMap<&Repository, usize> = BTreeMap::new();
    let mut turns = Vec::with_capacity(surveys.len());
    for (index, survey) in surveys.into_iter().enumerate() {
        let mut turn = 0;
        clients.watch.event(Event::Planned { registry: registry(&survey) });
        if let Some(repository) = survey.rule.repository.as_ref().filter(|_| survey.asks_registry()) {
            clients.registries.announce(&Remote::named(&survey.rule.name, repository.clone()));
            let before = asked.entry(repository).or_insert(0);
            turn = *before;
            *before += 1;
        }
        turns.push((turn, index, survey));
    }
    // One image of each repository goes first: those that share its answer need not keep others from asking.
    turns.sort_by_key(|(turn, index, _)| (*turn, *index));
    let mut decided: Vec<_> = futures::stream::iter(turns.into_iter().map(|(_, index, survey)| async move {
        let registry = registry(&survey);
        if let (Some(registry), Some(repository)) = (registry, &survey.rule.repository) {
            clients.watch.event(Event::Asking { registry, repository: repository.path() });
        }
        let (evidence, mut diagnostics) = gatherer.evidence(&survey).await;
        diagnostics.extend(unasked_pin(&survey, &evidence, options.now));
        let decision = decide::conclude(survey, evidence, options.now);
        clients.watch.event(Event::Decided { registry });
        (index, decision, diagnostics)
    }))
    .buffer_unordered(options.concurrency.max(1))
    .collect()
    .await;
    decided.sort_by_key(|(index, ..)| *index);
    decided.into_iter().map(|(_, decision, diagnostics)| (decision, diagnostics)).collect()
}

/// The registry that has to be asked for an image.
fn registry<'a>(survey: &Survey<'a>) -> Option<&'a str> {
    survey.rule.repository.as_ref().filter(|_| survey.asks_registry()).map(Repository::registry)
}

/// A registry that failed for a pinned image: the pin holds all the same.
fn unasked_pin(survey: &Survey<'_>, answer: &Evidence, now: Timestamp) -> Option<Diagnostic> {
    let Evidence::Missing { message, .. } = answer else { return None };
    let pin = survey.rule.pin.as_ref().filter(|pin| !pin.expired(now));
    pin.map(|_| Diagnostic::warning("registry", message.clone()).about(&survey.application.key))
}
