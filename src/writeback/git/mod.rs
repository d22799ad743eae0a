//! Images written with method `git`: where, what stands there, and how a file changes. Pure: what stands in a repository
//! comes as a [`Tree`].
//!
//! `place` finds the file from annotations and sources, `path` refuses what leads out of the repository, `view` reads a
//! file as what Argo CD makes of it; `files` beside this module edits its bytes.

use std::collections::BTreeMap;

use crate::annotations::rule::GitWriteBack;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::Settings;
use crate::model::application::Application;
use crate::model::application::Source;
use crate::model::decision::Reason;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::FileKind;
use crate::model::plan::GitTarget;
use crate::model::plan::Renderer;
use crate::writeback::Placement;
use crate::writeback::files;
use crate::writeback::files::Carried;
use crate::writeback::files::Contents;
use crate::writeback::files::FileError;
use crate::writeback::git::place::KUSTOMIZATIONS;
use crate::writeback::git::place::Place;
use crate::writeback::git::place::SHARED_OVERRIDE;
use crate::writeback::kustomize;
use crate::writeback::source;

pub(crate) mod overridden;
mod past;
mod path;
mod place;
pub(super) mod rendered;
mod view;

/// What stands in a repository, as far as somebody looked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// The branch, by name.
    pub(crate) branch: String,
    /// `None` in a folder that somebody else keeps.
    pub(crate) commit: Option<String>,
    pub(crate) files: BTreeMap<String, Entry>,
}

/// What is found at a path.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Absent,
    File {
        bytes: Contents,
        blob: Option<String>,
    },
    /// Something that must not be written, or not through this path.
    Refused(String),
}

/// What a placement knows about its repository.
#[derive(Clone, Debug)]
pub(crate) struct InGit {
    folder: String,
    must_be_head: bool,
    /// The source as the Application has it.
    spec: Source,
    /// Template of the branch that is pushed.
    pub(crate) template: Option<String>,
    pub(crate) standing: Option<Standing>,
}

/// The file as it is.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) commit: Option<String>,
    pub(crate) blob: Option<String>,
    /// `None`: it is not there.
    pub(crate) bytes: Option<Contents>,
    /// What is in force below an override file, which a new list in it takes along.
    below: Source,
    /// Parameters that the file hides: the list in it replaces the one below.
    pub(crate) hidden: Vec<String>,
}

/// Why something is not known.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// Whether a file is among the paths that Argo CD renders an Application for: `;` between them, from the root of the
/// repository with a `/` in front, else from a source's folder.
pub(crate) fn is_rendered(paths: &str, folders: &[&str], file: &str) -> bool {
    let covers = |folder: &str, text: &str| {
        let plain = path::plain(folder, text).unwrap_or_default();
        plain.is_empty() || file == plain || file.strip_prefix(&plain).is_some_and(|rest| rest.starts_with('/'))
    };
    paths.split(';').map(str::trim).filter(|text| !text.is_empty()).any(|text| match text.strip_prefix('/') {
        Some(absolute) => covers("", absolute),
        // Argo CD reads patterns there too, which say less than they seem to: nothing is warned of.
        None => text.contains(['*', '?', '[']) || folders.iter().any(|folder| covers(folder, text)),
    })
}

/// Where an image is written, before anybody looked into the repository.
pub(super) fn placement(
    application: &Application,
    git: &GitWriteBack,
    settings: &Settings,
    chosen: Option<&str>,
) -> Result<Placement, Invalid> {
    let Place { target, renderer, source, folder, template, must_be_head } =
        place::place(application, git, &settings.targets, chosen)?;
    let spec = application.sources[source].clone();
    let in_git = InGit { folder, must_be_head, spec, template, standing: None };
    Ok(Placement {
        destination: Destination::Git(target),
        configured: None,
        renderer,
        view: Source::default(),
        unread: None,
        overridden: None,
        git: Some(in_git),
    })
}

impl InGit {
    /// The source as the Application has it.
    pub(super) fn spec(&self) -> &Source {
        &self.spec
    }

    /// The files that somebody has to look for.
    pub(crate) fn paths(&self, target: &GitTarget, renderer: Option<Renderer>) -> Vec<String> {
        let in_folder = |name: &str| path::join(&self.folder, name);
        let mut paths: Vec<String> = target.path.clone().into_iter().collect();
        match target.kind {
            FileKind::HelmValues => {}
            FileKind::Kustomization => paths.extend(KUSTOMIZATIONS.map(in_folder)),
            FileKind::Override => {
                paths.push(in_folder(SHARED_OVERRIDE));
                if renderer.is_none() {
                    paths.extend(rendered::telling_files().map(in_folder));
                }
            }
        }
        paths
    }
}

/// Fills in what stands in the repository.
///
/// # Errors
/// The file cannot be there, or must not be written.
pub(crate) fn located(placement: &Placement, rule: &ImageRule, tree: &Tree) -> Result<Placement, Invalid> {
    let (Destination::Git(target), Some(in_git), Ok(settings)) =
        (&placement.destination, &placement.git, &rule.settings)
    else {
        return Ok(placement.clone());
    };
    let (mut target, mut in_git) = (target.clone(), in_git.clone());
    if in_git.must_be_head && target.branch.as_ref() != Some(&tree.branch) {
        // The branch that was looked at is HEAD's own when none is named; see `must_be_head`.
        let message = format!("the source is of the branch {}, which the repository's HEAD names", tree.branch);
        return Err(source::unsupported(message));
    }
    target.branch = Some(tree.branch.clone());
    let path = path_in(&target, &in_git, tree)?;
    target.path = Some(path.clone());
    let renderer = match placement.renderer.or_else(|| rendered::by_folder(&in_git.folder, tree)) {
        Some(renderer) => source::fitting(renderer, &settings.targets)?,
        None => return Err(rendered::by_nothing()),
    };
    let (bytes, blob) = match tree.files.get(&path) {
        Some(Entry::File { bytes, blob }) => (Some(bytes.clone()), blob.clone()),
        Some(Entry::Refused(why)) => return Err(place::refused(format!("{path}: {why}"))),
        Some(Entry::Absent) | None => (None, None),
    };
    let read = view::read(target.kind, bytes.as_ref(), rule, settings, &below(&in_git, tree));
    let commit = tree.commit.clone();
    let mut located = Placement {
        destination: Destination::Git(target),
        configured: None,
        renderer: Some(renderer),
        view: Source::default(),
        unread: None,
        overridden: None,
        git: None,
    };
    match read {
        Ok(view::Read { view, below, hidden }) => {
            located.configured = super::configured(&view, renderer, rule, settings);
            located.view = view;
            in_git.standing = Some(Standing { commit, blob, bytes, below, hidden });
        }
        Err(error) => {
            let message = format!("{path} cannot be read: {error}");
            located.unread = Some(Unread { reason: Reason::FileUnreadable, message });
        }
    }
    located.git = Some(in_git);
    Ok(located)
}

/// The source with the file merged over it that Argo CD reads first.
fn below<'a>(in_git: &'a InGit, tree: &'a Tree) -> view::Below<'a> {
    let shared = match tree.files.get(&path::join(&in_git.folder, SHARED_OVERRIDE)) {
        Some(Entry::File { bytes, .. }) => Some(bytes),
        _ => None,
    };
    view::Below { spec: &in_git.spec, shared }
}

/// The path of the file: of a kustomization the first that is there.
fn path_in(target: &GitTarget, in_git: &InGit, tree: &Tree) -> Result<String, Invalid> {
    if let Some(path) = &target.path {
        return Ok(path.clone());
    }
    let names = KUSTOMIZATIONS.map(|name| path::join(&in_git.folder, name));
    let there = names.iter().find(|path| !matches!(tree.files.get(*path), Some(Entry::Absent) | None));
    let folder = if in_git.folder.is_empty() { "the root of the repository" } else { &in_git.folder };
    there.cloned().ok_or_else(|| source::unsupported(format!("there is no kustomization in {folder}")))
}

impl Placement {
    /// Says that it is not known what stands in the repository.
    pub(crate) fn unread(&self, reason: Reason, message: String) -> Self {
        Self { unread: Some(Unread { reason, message }), ..self.clone() }
    }

    /// The edits of the file that come from `edits` of the view: each expects what the file itself says.
    pub(super) fn file_edits(&self, edits: Vec<Edit>) -> Vec<Edit> {
        let Some(target) = self.git_target() else { return edits };
        let in_file = |edit: Edit| {
            let field = match edit.field {
                Field::HelmParameter(name) if target.kind == FileKind::HelmValues => Field::HelmValue(name),
                field => field,
            };
            let from = self.value_in_file(&field);
            Edit { to: edit.to.map(|to| view::as_written(target.kind, from.as_deref(), to)), from, field }
        };
        // A tag before a name, as Image Updater adds them.
        edits.into_iter().map(in_file).filter(|edit| edit.from != edit.to).collect()
    }

    /// The edits with what the file says now in the place of what another one said; none where it says so already.
    pub(crate) fn rebased(&self, edits: &[Edit]) -> Vec<Edit> {
        let rebased = edits.iter().map(|edit| Edit { from: self.value_of(&edit.field), ..edit.clone() });
        rebased.filter(|edit| edit.from != edit.to).collect()
    }

    /// What the file itself says.
    pub(crate) fn value_in_file(&self, field: &Field) -> Option<String> {
        let (target, bytes) = (self.git_target()?, self.git.as_ref()?.standing.as_ref()?.bytes.as_ref()?);
        files::value(target.kind, bytes, field).ok().flatten()
    }

    pub(crate) fn git_target(&self) -> Option<&GitTarget> {
        match &self.destination {
            Destination::Git(target) => Some(target),
            Destination::Application { .. } => None,
        }
    }

    /// The file after edits to `bytes`, which may have other edits in it already.
    ///
    /// # Errors
    /// A value is not what the edit expects, or the file cannot be edited.
    pub(crate) fn edited_file(
        &self,
        bytes: Option<&Contents>,
        edits: &[Edit],
        create_keys: bool,
    ) -> Result<Vec<u8>, FileError> {
        let kind = self.git_target().map_or(FileKind::HelmValues, |target| target.kind);
        let below = self.git.as_ref().and_then(|git| git.standing.as_ref()).map(|standing| &standing.below);
        let is_edited = |field: Field| edits.iter().any(|edit| edit.field == field);
        let parameters = below.into_iter().flat_map(|below| below.helm.iter().flatten());
        let parameters = parameters.filter(|parameter| !is_edited(Field::HelmParameter(parameter.name.clone())));
        let parameters = parameters.map(|parameter| Carried::Parameter {
            name: parameter.name.clone(),
            value: parameter.value.clone(),
            force_string: parameter.force_string,
        });
        let images = below.into_iter().flat_map(|below| below.kustomize.iter().flatten());
        let images = images.filter(|entry| !is_edited(Field::KustomizeImage(kustomize::name(entry).to_owned())));
        let images = images.cloned().map(Carried::Image);
        let carried: Vec<Carried> = match self.renderer {
            Some(Renderer::Kustomize) => images.collect(),
            _ => parameters.collect(),
        };
        files::edit(kind, bytes, edits, &files::Options { create_keys, carried: &carried })
    }
}

#[cfg(test)]
mod tests;
