//! Branches that changes are pushed to: how they are called, what stands on them, and whether they begin anew.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::gather::Clients;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::diagnostic::Diagnostic;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::pipeline::placing;
use crate::pipeline::placing::Prepared;
use crate::propose;
use crate::repositories::Trouble;
use crate::repositories::restart::Refusal;
use crate::repositories::restart::Restart;
use crate::run::Options;
use crate::run::Selected;
use crate::templates;
use crate::writeback::Placement;
use crate::writeback::Placements;
use crate::writeback::files::Contents;
use crate::writeback::git;
use crate::writeback::git::Tree;

/// The Applications of a selection.
type ByKey<'a> = BTreeMap<&'a ApplicationKey, &'a Selected>;

/// What stands on branches that are pushed to, by Application and destination.
pub(super) type Pushed = BTreeMap<(ApplicationKey, Destination), Placement>;

/// The branch that a change for git is pushed to; `None` for any other change.
pub(super) fn branch(change: &Change, placement: Option<&Placement>) -> Result<Option<String>, String> {
    let (Some(target), Some(in_git)) = (change.git(), placement.and_then(|placement| placement.git.as_ref())) else {
        return Ok(None);
    };
    match &in_git.template {
        Some(template) => templates::branch(template, change)
            .map(Some)
            .map_err(|error| format!("the template of the branch fails: {error}")),
        None => Ok(target.branch.clone()),
    }
}

/// What stands on these branches, other than the ones that were looked at, by the place of the change; `None` where
/// there is no such branch yet.
async fn standing(
    clients: &Clients<'_>,
    selected: &ByKey<'_>,
    changes: &[Change],
    places: &BTreeMap<String, Placement>,
) -> Vec<(usize, Result<Option<Tree>, Trouble>)> {
    let mut wants = Vec::new();
    let mut indexes = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let Some(target) = change.git().filter(|target| target.push_branch != target.branch) else { continue };
        let (Some(selected), Some(placement)) = (selected.get(&change.application), places.get(&change.id)) else {
            continue;
        };
        if let Some(want) = placing::want(selected, placement, target.push_branch.as_deref()) {
            wants.push(want);
            indexes.push(index);
        }
    }
    let _looking = placing::looking(clients, &wants);
    let (trees, _) = clients.repositories.look((clients.world(), clients.logins), &wants).await;
    indexes.into_iter().zip(trees).collect()
}

/// Looks at the branches to be pushed of changes that their files cannot take where they were looked at: what is missing
/// there may be on a branch of updates already, which is the one that counts once it is there.
pub(super) async fn of_refused(
    clients: &Clients<'_>,
    selected: &[Selected],
    (decisions, placements): (&[Decision], &Placements),
    options: &Options,
) -> Pushed {
    let by_key: ByKey<'_> = selected.iter().map(|selected| (&selected.application.key, selected)).collect();
    let proposal = propose::propose(selected, decisions, placements, options);
    let places = proposal.places;
    let mut changes = proposal.changes;
    changes.retain_mut(|change| {
        let Some(place) = places.get(&change.id) else { return false };
        let is_refused = propose::refusal(place, &change.edits, options.create_keys).is_some();
        let pushed = branch(change, Some(place)).unwrap_or_default().filter(|_| is_refused);
        let (Destination::Git(target), Some(pushed)) = (&mut change.destination, pushed) else { return false };
        target.push_branch = Some(pushed);
        true
    });
    let mut pushed = Pushed::new();
    for (index, tree) in standing(clients, &by_key, &changes, &places).await {
        let change = &changes[index];
        let (Ok(Some(tree)), Some(place)) = (tree, places.get(&change.id)) else { continue };
        if let Ok(Some(there)) = on_branch(change, &places, &by_key, tree) {
            pushed.insert((change.application.clone(), place.destination.clone()), there);
        }
    }
    pushed
}

/// Where a branch to be pushed is there already, the edits are made to what stands on it; or to its base if it begins
/// anew, unless they are on it already.
pub(super) async fn look(clients: &Clients<'_>, selected: &ByKey<'_>, prepared: &mut Prepared, options: &Options) {
    let restarts = options.restart_branch && clients.repositories.worktree().is_none();
    let mut alike = Vec::new();
    let mut done = Vec::new();
    for (index, tree) in standing(clients, selected, &prepared.changes, &prepared.places).await {
        let change = &mut prepared.changes[index];
        let there = match tree {
            // It will be made where the other branch is.
            Ok(None) => continue,
            Ok(Some(tree)) => match on_branch(change, &prepared.places, selected, tree) {
                // Whatever stands there goes.
                Err(_) if restarts => continue,
                there => there.map_err(|message| ("file-not-editable", message)),
            },
            Err(Trouble { message, .. }) => Err(("git-unreachable", message)),
        };
        match there {
            Ok(Some(there)) if restarts => {
                if there.rebased(&change.edits).is_empty() {
                    done.push(index);
                }
            }
            Ok(Some(there)) => {
                // What is on the branch is in the base already, so that it could begin anew there.
                let before = bytes_of(prepared.places.get(&change.id));
                if before.is_some() && before == bytes_of(Some(&there)) {
                    alike.push(index);
                }
                move_to(change, &mut prepared.places, there);
            }
            Ok(None) => {}
            Err((code, message)) => {
                prepared.diagnostics.push(Diagnostic::error(code, message).about(&change.application));
                prepared.left_out.insert(change.id.clone());
                change.edits.clear();
            }
        }
    }
    let offers = merged(clients, selected, alike.iter().map(|index| &prepared.changes[*index])).await;
    prepared.diagnostics.extend(offers);
    let kept = kept(clients, selected, done.iter().map(|index| &prepared.changes[*index])).await;
    for change in prepared.changes.iter_mut().filter(|change| kept.contains(&change.id)) {
        change.edits.clear();
    }
}

fn bytes_of(placement: Option<&Placement>) -> Option<Contents> {
    placement?.git.as_ref()?.standing.as_ref()?.bytes.clone()
}

/// Why the branches of changes must not begin anew at their bases, if so.
async fn refusals<'a>(
    clients: &Clients<'_>,
    selected: &BTreeMap<&ApplicationKey, &'a Selected>,
    changes: impl Iterator<Item = &'a Change>,
) -> Vec<(&'a Change, Restart<'a>, Refusal)> {
    let restarts = changes.filter_map(|change| {
        let (target, selected) = (change.git()?, selected.get(&change.application)?);
        let restart = Restart {
            application: &selected.application,
            login: selected.rules.git_login(),
            repository: &target.repository,
            branch: target.push_branch.as_deref()?,
            base: target.branch.as_deref()?,
        };
        Some((change, restart))
    });
    let (changes, restarts): (Vec<&Change>, Vec<Restart<'_>>) = restarts.unzip();
    let refusals = clients.repositories.restart_refusals((clients.world(), clients.logins), &restarts).await;
    let asked = changes.into_iter().zip(restarts).zip(refusals);
    asked.map(|((change, restart), refusal)| (change, restart, refusal)).collect()
}

/// The changes, by id, that have nothing to begin anew for: they are on their branches, which have what is nowhere else.
async fn kept<'a>(
    clients: &Clients<'_>,
    selected: &BTreeMap<&ApplicationKey, &'a Selected>,
    changes: impl Iterator<Item = &'a Change>,
) -> BTreeSet<String> {
    let refusals = refusals(clients, selected, changes).await;
    let kept = refusals.into_iter().filter(|(.., refusal)| !matches!(refusal, Ok(None)));
    kept.map(|(change, ..)| change.id.clone()).collect()
}

/// The notes about branches of updates that have nothing but what their bases have. What would be refused is not offered,
/// and neither is what nobody can tell.
async fn merged<'a>(
    clients: &Clients<'_>,
    selected: &BTreeMap<&ApplicationKey, &'a Selected>,
    changes: impl Iterator<Item = &'a Change>,
) -> Vec<Diagnostic> {
    if clients.repositories.worktree().is_some() {
        return Vec::new();
    }
    let offer = |(_, Restart { application, branch, base, .. }, refusal): (&Change, Restart<'_>, Refusal)| {
        let message = format!("the branch {branch} has no change that {base} does not have: it goes on where it is");
        let note = Diagnostic::warning("branch-merged", message).about(&application.key);
        matches!(refusal, Ok(None)).then(|| note.hint(format!("`--restart-branch` begins it anew at {base}")))
    };
    refusals(clients, selected, changes).await.into_iter().filter_map(offer).collect()
}

/// The placement of a change with what stands on the branch that it is pushed to.
fn on_branch(
    change: &Change,
    places: &BTreeMap<String, Placement>,
    selected: &ByKey<'_>,
    tree: Tree,
) -> Result<Option<Placement>, String> {
    let (Some(base), Some(placement)) = (change.git().and_then(|git| git.branch.clone()), places.get(&change.id))
    else {
        return Ok(None);
    };
    let rules = selected.get(&change.application).map(|selected| &selected.rules);
    let is_it = |rule: &&crate::annotations::rule::ImageRule| {
        change.images.iter().any(|image| rule.is_of(image.alias.as_deref(), &image.reference))
    };
    let Some(rule) = rules.and_then(|rules| rules.images.iter().find(is_it)) else { return Ok(None) };
    // What is written belongs to the base branch, wherever it is pushed.
    let tree = Tree { branch: base, ..tree };
    let there = git::located(placement, rule, &tree).map_err(|invalid| invalid.message)?;
    match &there.unread {
        Some(unread) => Err(unread.message.clone()),
        None => Ok(Some(there)),
    }
}

/// Lets a change expect what stands on the branch that it is pushed to.
fn move_to(change: &mut Change, places: &mut BTreeMap<String, Placement>, there: Placement) {
    change.edits = there.rebased(&change.edits);
    if let Some(standing) = there.git.as_ref().and_then(|git| git.standing.as_ref()) {
        change.seen.commit.clone_from(&standing.commit);
        change.seen.blob.clone_from(&standing.blob);
    }
    places.insert(change.id.clone(), there);
}
