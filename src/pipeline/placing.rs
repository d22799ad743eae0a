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
use crate::model::progress::Step;
use crate::pipeline::pushing;
use crate::pipeline::untold;
use crate::pipeline::untold::Untold;
use crate::propose;
use crate::propose::Landed;
use crate::repositories::Want;
use crate::run::Options;
use crate::run::Selected;
use crate::writeback;
use crate::writeback::Placement;
use crate::writeback::Placements;
use crate::writeback::git;
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
pub(super) fn looking<'a>(clients: &Clients<'a>, wants: &[Want<'_>]) -> Option<Step<'a>> {
    let names: BTreeSet<&str> = wants.iter().map(|want| want.repository).collect();
    let what = match names.first() {
        None => return None,
        Some(name) if names.len() == 1 => format!("git, which reads {}", git_url::shown(name)),
        Some(_) => format!("git, which reads {} repositories", names.len()),
    };
    Some(Step::begin(clients.watch, what))
}

/// What has to be looked for, for a placement in a repository.
pub(super) fn want<'a>(selected: &'a Selected, placement: &'a Placement, branch: Option<&'a str>) -> Option<Want<'a>> {
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
        match pushing::branch(&change, prepared.places.get(&change.id)) {
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
    pushing::look(clients, &by_key, &mut prepared, options).await;
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
