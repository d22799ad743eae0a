//! Files in git that hide what method `argocd` writes (decisions, last words of `.argocd-source`).
//!
//! Looking for them costs a question to a git server, which people who write to Applications may not be able to ask. So
//! it is asked only where what runs is not what the Application says, and only for what would be written, or what
//! seems to be written already; and an answer that cannot be had is a warning.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::decide;
use crate::gather::Clients;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Diagnostic;
use crate::model::git_url;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::pipeline::deciding::decide_all;
use crate::pipeline::placing;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback::Placement;
use crate::writeback::Placements;

/// An image: its Application, and its position in the image list.
type Key = (ApplicationKey, usize);

/// Decides about every image, and once more about those that turn out to be configured by a file.
pub(super) async fn decide(
    clients: &Clients<'_>,
    selected: &[Selected],
    placements: &mut Placements,
    options: &Options,
) -> (Vec<(Decision, Vec<Diagnostic>)>, Vec<Diagnostic>) {
    let mut decided = decide_all(clients, selected, placements, (options, None)).await;
    if options.no_git {
        return (decided, Vec::new());
    }
    let doubtful: BTreeMap<Key, bool> = decided.iter().filter_map(|(decision, _)| doubt(decision)).collect();
    let (overridden, diagnostics) = look(clients, selected, placements, &doubtful).await;
    if !overridden.is_empty() {
        // The registries have answered already, and are not asked again.
        let again = decide_all(clients, selected, placements, (options, Some(&overridden))).await;
        let mut again: BTreeMap<Key, _> = again.into_iter().map(|decided| (key(&decided.0), decided)).collect();
        for decided in &mut decided {
            if let Some(new) = again.remove(&key(&decided.0)) {
                *decided = new;
            }
        }
    }
    (decided, diagnostics)
}

fn key(decision: &Decision) -> Key {
    (decision.application.clone(), decision.position)
}

/// Whether a file may have the last word about an image, and if so, whether something would be written to it.
fn doubt(decision: &Decision) -> Option<(Key, bool)> {
    if !matches!(decision.write_back, Some(Destination::Application { .. })) {
        return None;
    }
    let in_force = |configured: &Version| decision.live.iter().all(|live| is_same(live, configured));
    match (&decision.configured, decision.live.is_empty(), decision.status) {
        (_, _, ImageStatus::Invalid | ImageStatus::NotDeployed | ImageStatus::Undetermined) => None,
        (Some(configured), false, _) if in_force(configured) => None,
        (_, _, ImageStatus::UpdateAvailable | ImageStatus::Downgrade | ImageStatus::RolledBack) => {
            Some((key(decision), true))
        }
        (Some(_), false, _) => Some((key(decision), false)),
        _ => None,
    }
}

/// Looks for files that hide what an Application says about images that are going to be pinned.
pub(crate) async fn look_before_pinning(
    clients: &Clients<'_>,
    selected: &[Selected],
    placements: &mut Placements,
) -> Vec<Diagnostic> {
    let mut doubtful = BTreeMap::new();
    for Selected { application, rules } in selected {
        for rule in &rules.images {
            let key = (application.key.clone(), rule.position);
            let Some(Ok(placement)) = placements.get(&key) else { continue };
            let live = decide::survey(application, rule, Ok(placement.clone())).live_versions();
            let in_force = |configured: &Version| live.iter().all(|live| is_same(live, configured));
            if live.is_empty() || !placement.configured.as_ref().is_some_and(in_force) {
                doubtful.insert(key, true);
            }
        }
    }
    look(clients, selected, placements, &doubtful).await.1
}

/// Whether what runs is what is configured, as far as that says it.
fn is_same(live: &Version, configured: &Version) -> bool {
    live.tag == configured.tag && (configured.digest.is_none() || live.digest == configured.digest)
}

/// Reads the files that may hide what the Applications say about these images, with one fetch for each repository and
/// login. Returns the images that one does hide; where that cannot be known, says so if the image is marked.
async fn look(
    clients: &Clients<'_>,
    selected: &[Selected],
    placements: &mut Placements,
    images: &BTreeMap<Key, bool>,
) -> (BTreeSet<Key>, Vec<Diagnostic>) {
    let mut wants = Vec::new();
    let mut asked = Vec::new();
    for selected in selected {
        for rule in &selected.rules.images {
            let key = (selected.application.key.clone(), rule.position);
            let (Some(matters), Some(Ok(placement))) = (images.get(&key), placements.get(&key)) else { continue };
            let Some(files) = placement.override_files(&selected.application) else { continue };
            wants.push(placing::of_source(selected, files));
            asked.push((key, rule, *matters));
        }
    }
    if wants.is_empty() {
        return (BTreeSet::new(), Vec::new());
    }
    let (trees, mut diagnostics) = clients.repositories.look((clients.world(), clients.logins), &wants).await;
    let mut found: Vec<(Key, Placement)> = Vec::new();
    let mut unknown: BTreeMap<(String, String), BTreeSet<ApplicationKey>> = BTreeMap::new();
    for ((key, rule, matters), (want, tree)) in asked.into_iter().zip(wants.iter().zip(trees)) {
        let Some(Ok(placement)) = placements.get(&key) else { continue };
        let read = match tree {
            Ok(Some(tree)) => placement.overridden_by(rule, &want.paths, &tree),
            Ok(None) => Err(format!("there is no `{}`", want.branch.unwrap_or("HEAD"))),
            Err(trouble) => Err(trouble.message),
        };
        match read {
            Ok(read) if read.overridden.is_some() => found.push((key, read)),
            Err(why) if matters => {
                unknown
                    .entry((git_url::hidden(want.repository).into_owned(), git_url::hidden(&why).into_owned()))
                    .or_default()
                    .insert(key.0);
            }
            Ok(_) | Err(_) => {}
        }
    }
    drop(wants);
    diagnostics
        .extend(unknown.iter().map(|((repository, why), applications)| unchecked(repository, why, applications)));
    let overridden = found.iter().map(|(key, _)| key.clone()).collect();
    placements.extend(found.into_iter().map(|(key, placement)| (key, Ok(placement))));
    (overridden, diagnostics)
}

/// The warning about a repository that could not be looked into: one for all its Applications.
fn unchecked(repository: &str, why: &str, applications: &BTreeSet<ApplicationKey>) -> Diagnostic {
    // What git says names it already.
    let place = if why.contains(repository) { String::new() } else { format!(" in {repository}") };
    let message = format!("whether an `.argocd-source` file{place} hides the change is not known: {why}");
    let diagnostic = Diagnostic::warning("override-unchecked", message);
    match applications.first() {
        Some(application) if applications.len() == 1 => diagnostic.about(application),
        _ => diagnostic.hint(format!("this is about {} Applications", applications.len())),
    }
}

/// Makes images invalid that would be written where a file has the last word.
pub(super) fn mark(decisions: &mut [Decision], placements: &Placements) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for decision in decisions {
        let written =
            matches!(decision.status, ImageStatus::UpdateAvailable | ImageStatus::Downgrade | ImageStatus::RolledBack);
        let Some(Ok(placement)) = placements.get(&key(decision)).filter(|_| written) else { continue };
        let Some(overridden) = &placement.overridden else { continue };
        let invalid = overridden.invalid();
        decide::invalidate(decision, &invalid);
        let diagnostic = Diagnostic::error("hidden-by-file", format!("{}: {}", decision.label(), invalid.message));
        diagnostics.push(diagnostic.about(&decision.application).hint(overridden.hint()));
    }
    diagnostics
}
