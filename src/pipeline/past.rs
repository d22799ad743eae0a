//! What images were at earlier deployments, and which updates that holds.

use std::collections::BTreeMap;

use crate::annotations::rule::ImageRule;
use crate::decide::history;
use crate::decide::history::Deployments;
use crate::gather::Clients;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::git::ObjectId;
use crate::model::image::Version;
use crate::repositories::Want;
use crate::run::Selected;
use crate::writeback::Placement;
use crate::writeback::Placements;
use crate::writeback::git;
use crate::writeback::git::Tree;

/// How many deployments are looked into: as many as Argo CD keeps unless it is told otherwise.
const MOST: usize = 10;

/// An image, and where it is written.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) application: &'a Application,
    pub(crate) login: Option<&'a str>,
    pub(crate) rule: &'a ImageRule,
    pub(crate) placement: &'a Placement,
}

/// Finds the versions that images had at the deployments that Argo CD recorded: in their own sources, or with method
/// `git` in the file at the commit that was deployed.
pub(crate) async fn deployments(clients: &Clients<'_>, subjects: &[Subject<'_>]) -> Vec<Deployments> {
    let mut known: Vec<Deployments> = Vec::with_capacity(subjects.len());
    let mut thens = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let mut found = history::deployments(subject.application, subject.rule, subject.placement);
        if subject.placement.git.is_some() {
            let recorded = history::entries(subject.application);
            let old = recorded.len().saturating_sub(MOST);
            for (number, entry) in recorded.iter().enumerate().skip(old) {
                match subject.placement.then(entry) {
                    Ok((commit, placement)) => thens.push(Then { index, number, commit, placement }),
                    Err(why) => found[number] = Err(why),
                }
            }
        }
        known.push(found);
    }
    if clients.repositories.worktree().is_some() {
        for then in &thens {
            known[then.index][then.number] = Err("the history of a worktree is not looked into".to_owned());
        }
        return known;
    }
    let (wanted, wants): (Vec<&Then>, Vec<Want<'_>>) =
        thens.iter().filter_map(|then| Some((then, want(subjects, then)?))).unzip();
    // What there is to say of the logins was said when the branches were read.
    let (trees, _) = clients.repositories.look((clients.world(), clients.logins), &wants).await;
    for (then, tree) in wanted.into_iter().zip(trees) {
        known[then.index][then.number] = match tree {
            Ok(Some(tree)) => version_in(&then.placement, subjects[then.index].rule, &tree),
            Ok(None) => Err(format!("there is no commit {}", then.commit)),
            Err(trouble) => Err(trouble.message),
        };
    }
    known
}

/// A deployment of an image that is written to a repository.
struct Then {
    /// Of the image.
    index: usize,
    /// Of the deployment.
    number: usize,
    commit: ObjectId,
    placement: Placement,
}

fn want<'a>(subjects: &[Subject<'a>], then: &'a Then) -> Option<Want<'a>> {
    let subject = subjects[then.index];
    let (target, in_git) = (then.placement.git_target()?, then.placement.git.as_ref()?);
    Some(Want {
        application: subject.application,
        login: subject.login,
        repository: &target.repository,
        branch: Some(then.commit.as_str()),
        any_revision: true,
        paths: in_git.paths(target, then.placement.renderer),
    })
}

/// The version that the file set.
fn version_in(placement: &Placement, rule: &ImageRule, tree: &Tree) -> Result<Version, String> {
    let located = git::located(placement, rule, tree).map_err(|invalid| invalid.message)?;
    if let Some(unread) = &located.unread {
        return Err(unread.message.clone());
    }
    located.configured.ok_or_else(|| "its file sets no version of the image".to_owned())
}

/// Holds the updates of images written to git whose versions ran before and were left. What cannot be resolved holds
/// nothing; of images written to an Application this is known already.
pub(super) async fn recall(
    clients: &Clients<'_>,
    selected: &[Selected],
    placements: &Placements,
    decisions: &mut [Decision],
) {
    let by_key: BTreeMap<&ApplicationKey, &Selected> =
        selected.iter().map(|selected| (&selected.application.key, selected)).collect();
    let mut subjects = Vec::new();
    let mut held = Vec::new();
    let may_be_held = |decision: &&mut Decision| decision.status == ImageStatus::UpdateAvailable && !decision.requested;
    for decision in decisions.iter_mut().filter(may_be_held) {
        let Some(selected) = by_key.get(&decision.application) else { continue };
        let placement = placements.get(&(decision.application.clone(), decision.position));
        let (Some(rule), Some(Ok(placement))) = (selected.rules.images.get(decision.position), placement) else {
            continue;
        };
        // One deployment alone was left for nothing.
        if placement.git.is_some() && history::entries(&selected.application).len() > 1 {
            let login = selected.rules.git_login();
            subjects.push(Subject { application: &selected.application, login, rule, placement });
            held.push(decision);
        }
    }
    if subjects.is_empty() {
        return;
    }
    let found = deployments(clients, &subjects).await;
    for ((decision, subject), versions) in held.into_iter().zip(&subjects).zip(&found) {
        history::recall(decision, subject.application, versions);
    }
}
