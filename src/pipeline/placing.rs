//! Where images are written: what the annotations say, and with method `git` what the repositories say to it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::annotations::rule::Invalid;
use crate::gather::Clients;
use crate::model::application::ApplicationKey;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::git_url;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::GitTarget;
use crate::model::progress::Step;
use crate::pipeline::untold;
use crate::pipeline::untold::Untold;
use crate::propose;
use crate::propose::Landed;
use crate::repositories::Trouble;
use crate::repositories::Want;
use crate::repositories::restart::Refusal;
use crate::repositories::restart::Restart;
use crate::run::Options;
use crate::run::Selected;
use crate::templates;
use crate::writeback;
use crate::writeback::Placement;
use crate::writeback::Placements;
use crate::writeback::files::Contents;
use crate::writeback::git;
use crate::writeback::git::Tree;
use crate::writeback::git::overridden::SourceFiles;

/// Finds where every image of a selection is written, and looks into the repositories, once each, unless told not to.
pub(crate) async fn placements(
    clients: &Clients<'_>,
    selected: &[Selected],
    options: &Options,
) -> (Placements, Vec<Diagnostic>) {
    let mut placements = Placements::new();
    for Selected { application, rules } in selected {
        for rule in &rules.images {
            let placement = writeback::placement(application, rules, rule, options.source.as_deref());
            placements.insert((application.key.clone(), rule.position), placement);
        }
    }
    let mut wants = Vec::new();
    let mut asked = Vec::new();
    let mut unasked = Vec::new();
    let mut untold = Untold::default();
    for selected in selected {
        for rule in &selected.rules.images {
            let key = (selected.application.key.clone(), rule.position);
            let Some(Ok(placement)) = placements.get(&key) else { continue };
            match want(selected, placement, None).or_else(|| untold::want(selected, placement)) {
                Some(want) if !options.no_git => {
                    wants.push(want);
                    asked.push((key, selected, rule));
                }
                _ if placement.git.is_none() && placement.renderer.is_none() => {
                    unasked.push((key, selected, rule));
                }
                _ => {}
            }
        }
    }
    let looking = looking(clients, &wants);
    let (trees, mut diagnostics) = clients.repositories.look((clients.world(), clients.logins), &wants).await;
    drop((looking, wants));
    for ((key, selected, rule), tree) in asked.into_iter().zip(trees) {
        let Some(Ok(placement)) = placements.get(&key) else { continue };
        let located = match tree {
            Ok(Some(tree)) if placement.git.is_some() => git::located(placement, rule, &tree),
            Ok(Some(tree)) => placement.told_by(rule, &tree),
            found if placement.git.is_none() => {
                Ok(untold.without_folder((selected, rule), placement, Some(found.map(drop))))
            }
            Ok(None) => Ok(without_branch(placement)),
            Err(trouble) => Ok(placement.unread(trouble.reason, trouble.message)),
        };
        placements.insert(key, located);
    }
    for (key, selected, rule) in unasked {
        let Some(Ok(placement)) = placements.get(&key) else { continue };
        let placement = untold.without_folder((selected, rule), placement, None);
        placements.insert(key, Ok(placement));
    }
    diagnostics.extend(untold.diagnostics());
    (placements, diagnostics)
}

/// Tells that repositories are looked into, until the result is dropped.
fn looking<'a>(clients: &Clients<'a>, wants: &[Want<'_>]) -> Option<Step<'a>> {
    let names: BTreeSet<&str> = wants.iter().map(|want| want.repository).collect();
    let what = match names.first() {
        None => return None,
        Some(name) if names.len() == 1 => format!("git, which reads {}", git_url::shown(name)),
        Some(_) => format!("git, which reads {} repositories", names.len()),
    };
    Some(Step::begin(clients.watch, what))
}

/// What has to be looked for, for a placement in a repository.
fn want<'a>(selected: &'a Selected, placement: &'a Placement, branch: Option<&'a str>) -> Option<Want<'a>> {
    let (target, in_git) = (placement.git_target()?, placement.git.as_ref()?);
    Some(Want {
        application: &selected.application,
        login: selected.rules.git_login(),
        repository: &target.repository,
        branch: branch.or(target.branch.as_deref()),
        any_revision: false,
        paths: in_git.paths(target, placement.renderer),
    })
}

fn without_branch(placement: &Placement) -> Placement {
    let target = placement.git_target();
    let branch = target.and_then(|target| target.branch.as_deref()).unwrap_or("HEAD");
    let repository = target.map(|target| target.repository.as_str()).unwrap_or_default();
    let message = format!("{repository} has no branch `{branch}`");
    placement.unread(Reason::GitUnreachable, message)
}

/// Annotations that lead to no place in a repository, each told once for an Application.
pub(super) fn problems(selected: &[Selected], placements: &Placements) -> Vec<Diagnostic> {
    let mut problems: Vec<Diagnostic> = Vec::new();
    for Selected { application, rules } in selected {
        for rule in rules.images.iter().filter(|rule| rule.settings.is_ok() && rules.write_back.is_ok()) {
            let problem = match placements.get(&(application.key.clone(), rule.position)) {
                Some(Err(Invalid { reason: Reason::BadValue, message })) => {
                    Diagnostic::error("bad-git-target", message.clone())
                }
                Some(Err(Invalid { reason: Reason::RefusedPath, message })) => {
                    Diagnostic::error("refused-path", message.clone())
                }
                _ => continue,
            };
            let problem = problem.about(&application.key);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// Changes that go to git, with the branch they are pushed to and what stands there.
pub(crate) struct Prepared {
    pub(crate) changes: Vec<Change>,
    pub(crate) places: BTreeMap<String, Placement>,
    pub(crate) landed: Landed,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Those that are not among them, since they cannot be written: by id.
    pub(crate) left_out: BTreeSet<String>,
}

/// Names the branch that each change is pushed to, looks at what stands on it if it is there, and makes the edits.
pub(crate) async fn prepare(
    clients: &Clients<'_>,
    selected: &[Selected],
    changes: Vec<Change>,
    places: BTreeMap<String, Placement>,
    options: &Options,
) -> Prepared {
    let by_key: BTreeMap<&ApplicationKey, &Selected> =
        selected.iter().map(|selected| (&selected.application.key, selected)).collect();
    let mut prepared = Prepared {
        changes: Vec::new(),
        places,
        landed: Landed::default(),
        diagnostics: Vec::new(),
        left_out: BTreeSet::new(),
    };
    for mut change in changes {
        match pushed_to(&change, prepared.places.get(&change.id)) {
            Ok(branch) => {
                if let (Destination::Git(target), Some(branch)) = (&mut change.destination, branch) {
                    target.push_branch = Some(branch);
                }
                prepared.changes.push(change);
            }
            Err(message) => {
                prepared.diagnostics.push(Diagnostic::error("bad-git-branch", message).about(&change.application));
                prepared.left_out.insert(change.id);
            }
        }
    }
    if !options.restart_branch {
        look_at_push_branches(clients, &by_key, &mut prepared).await;
    }
    prepared.changes.retain(|change| !change.edits.is_empty());
    let landed = propose::land(&prepared.changes, &prepared.places, options.create_keys);
    prepared.left_out.extend(landed.refused.keys().cloned());
    prepared.changes.retain(|change| !landed.refused.contains_key(&change.id));
    prepared.diagnostics.extend(landed.refused.values().cloned());
    prepared.diagnostics.extend(landed.notes.iter().cloned());
    prepared.diagnostics.extend(not_rendered(&by_key, &prepared.changes));
    prepared.landed = landed;
    prepared
}

/// The warnings about files whose changes Argo CD does not render, since an annotation says which paths count.
fn not_rendered(selected: &BTreeMap<&ApplicationKey, &Selected>, changes: &[Change]) -> Vec<Diagnostic> {
    const PATHS: &str = "argocd.argoproj.io/manifest-generate-paths";
    let warning = |change: &Change| {
        let application = &selected.get(&change.application)?.application;
        let paths = application.annotations.get(PATHS).filter(|paths| !paths.is_empty())?;
        let edited = change.git()?.path.as_deref()?;
        let folders: Vec<&str> = application.sources.iter().filter_map(|source| source.path.as_deref()).collect();
        if git::is_rendered(paths, &folders, edited) {
            return None;
        }
        let message = format!("`{PATHS}` does not cover {edited}: Argo CD will not render the change");
        Some(Diagnostic::warning("not-rendered", message).about(&change.application))
    };
    changes.iter().filter_map(warning).collect()
}

/// Asks for files of the source that an Application itself is rendered from.
pub(super) fn of_source<'a>(selected: &'a Selected, files: SourceFiles<'a>) -> Want<'a> {
    Want {
        application: &selected.application,
        login: None,
        repository: files.repository,
        branch: files.revision,
        any_revision: true,
        paths: files.paths,
    }
}

/// The branch that a change for git is pushed to; `None` for any other change.
fn pushed_to(change: &Change, placement: Option<&Placement>) -> Result<Option<String>, String> {
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

/// Where a branch to be pushed is there already, the edits are made to what stands on it.
async fn look_at_push_branches(
    clients: &Clients<'_>,
    selected: &BTreeMap<&ApplicationKey, &Selected>,
    prepared: &mut Prepared,
) {
    let elsewhere = |target: &GitTarget| target.push_branch != target.branch;
    let mut wants = Vec::new();
    let mut indexes = Vec::new();
    for (index, change) in prepared.changes.iter().enumerate() {
        let Some(target) = change.git().filter(|target| elsewhere(target)) else { continue };
        let (Some(selected), Some(placement)) = (selected.get(&change.application), prepared.places.get(&change.id))
        else {
            continue;
        };
        if let Some(want) = want(selected, placement, target.push_branch.as_deref()) {
            wants.push(want);
            indexes.push(index);
        }
    }
    let looking = looking(clients, &wants);
    let (trees, _) = clients.repositories.look((clients.world(), clients.logins), &wants).await;
    drop((looking, wants));
    let mut alike = Vec::new();
    for (index, tree) in indexes.into_iter().zip(trees) {
        let change = &mut prepared.changes[index];
        match tree {
            // It will be made where the other branch is.
            Ok(None) => {}
            Ok(Some(tree)) => {
                let before = bytes_of(prepared.places.get(&change.id));
                let moved = move_to(change, &mut prepared.places, selected, tree);
                // What is on the branch is in the base already, so that it could begin anew there.
                if before.is_some() && before == bytes_of(prepared.places.get(&change.id)) {
                    alike.push(index);
                }
                if let Err(message) = moved {
                    prepared
                        .diagnostics
                        .push(Diagnostic::error("file-not-editable", message).about(&change.application));
                    prepared.left_out.insert(change.id.clone());
                    change.edits.clear();
                }
            }
            Err(Trouble { message, .. }) => {
                prepared.diagnostics.push(Diagnostic::error("git-unreachable", message).about(&change.application));
                prepared.left_out.insert(change.id.clone());
                change.edits.clear();
            }
        }
    }
    let offers = merged(clients, selected, alike.iter().map(|index| &prepared.changes[*index])).await;
    prepared.diagnostics.extend(offers);
}

fn bytes_of(placement: Option<&Placement>) -> Option<Contents> {
    placement?.git.as_ref()?.standing.as_ref()?.bytes.clone()
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
    let restarts = changes.filter_map(|change| {
        let (target, selected) = (change.git()?, selected.get(&change.application)?);
        Some(Restart {
            application: &selected.application,
            login: selected.rules.git_login(),
            repository: &target.repository,
            branch: target.push_branch.as_deref()?,
            base: target.branch.as_deref()?,
        })
    });
    let restarts: Vec<Restart<'_>> = restarts.collect();
    let refusals = clients.repositories.restart_refusals((clients.world(), clients.logins), &restarts).await;
    let offer = |(Restart { application, branch, base, .. }, refusal): (&Restart<'_>, Refusal)| {
        let message = format!("the branch {branch} has no change that {base} does not have: it goes on where it is");
        let note = Diagnostic::warning("branch-merged", message).about(&application.key);
        matches!(refusal, Ok(None)).then(|| note.hint(format!("`--restart-branch` begins it anew at {base}")))
    };
    restarts.iter().zip(refusals).filter_map(offer).collect()
}

/// Lets a change expect what stands on the branch that it is pushed to.
fn move_to(
    change: &mut Change,
    places: &mut BTreeMap<String, Placement>,
    selected: &BTreeMap<&ApplicationKey, &Selected>,
    tree: Tree,
) -> Result<(), String> {
    let (Some(base), Some(placement)) = (change.git().and_then(|git| git.branch.clone()), places.get(&change.id))
    else {
        return Ok(());
    };
    let rules = selected.get(&change.application).map(|selected| &selected.rules);
    let is_it = |rule: &&crate::annotations::rule::ImageRule| {
        change.images.iter().any(|image| rule.is_of(image.alias.as_deref(), &image.reference))
    };
    let Some(rule) = rules.and_then(|rules| rules.images.iter().find(is_it)) else { return Ok(()) };
    // What is written belongs to the base branch, wherever it is pushed.
    let tree = Tree { branch: base, ..tree };
    let moved = git::located(placement, rule, &tree).map_err(|invalid| invalid.message)?;
    if let Some(unread) = &moved.unread {
        return Err(unread.message.clone());
    }
    change.edits = moved.rebased(&change.edits);
    if let Some(standing) = moved.git.as_ref().and_then(|git| git.standing.as_ref()) {
        change.seen.commit.clone_from(&standing.commit);
        change.seen.blob.clone_from(&standing.blob);
    }
    places.insert(change.id.clone(), moved);
    Ok(())
}
