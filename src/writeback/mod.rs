//! Where the updates of an image are written, and what is written there now: pure.
//!
//! `source` finds the place, `helm` and `kustomize` know how each renderer names an image, `object` edits an
//! Application, `git` and `files` a file in a repository; `apply` carries out what a plan says. To add a renderer: a
//! file beside `helm`, and an arm where [`Renderer`] is matched.

use std::collections::BTreeMap;

use crate::annotations::rule::AppRules;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::Settings;
use crate::annotations::rule::WriteBack;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::application::HelmParameter;
use crate::model::application::Source;
use crate::model::application::SourceLayout;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::FileKind;
use crate::model::plan::Renderer;

mod conflicts;
pub(crate) mod files;
pub(crate) mod git;
mod helm;
mod kustomize;
pub(crate) mod object;
mod source;

pub(crate) use conflicts::Conflict;
pub(crate) use conflicts::Intent;
pub(crate) use conflicts::conflicts;
use git::InGit;
use git::Unread;
use git::overridden::Overridden;

/// Where an image is written, and what stands there.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) destination: Destination,
    /// The version that the destination sets for the image; `None` if it sets none, or it is not known.
    pub(crate) configured: Option<Version>,
    /// What renders it; `None` if only the tree of the repository can tell.
    pub(crate) renderer: Option<Renderer>,
    /// The source as it is in force: parameters and images with everything merged into them.
    view: Source,
    /// Why it is not known what stands in the repository.
    pub(crate) unread: Option<Unread>,
    /// With method `argocd`, the file that hides what is written, as far as somebody looked.
    pub(crate) overridden: Option<Overridden>,
    /// With method `git`.
    pub(crate) git: Option<InGit>,
}

/// Where the images of Applications are written, by Application and position in the image list.
pub(crate) type Placements = BTreeMap<(ApplicationKey, usize), Result<Placement, Invalid>>;

/// Finds where an image is written, as far as that can be told without looking into a repository.
///
/// `chosen` is the source that the user named on the command line, by name or index.
///
/// # Errors
/// The image is invalid: no source, or more than one, can take it.
pub(crate) fn placement(
    application: &Application,
    rules: &AppRules,
    rule: &ImageRule,
    chosen: Option<&str>,
) -> Result<Placement, Invalid> {
    let settings = rule.settings.as_ref().map_err(Invalid::clone)?;
    match rules.write_back.as_ref().map_err(Invalid::clone)? {
        WriteBack::Argocd => {
            let sets = |source: &Source, renderer| configured(source, renderer, rule, settings).is_some();
            let (index, renderer) = source::choose(application, &settings.targets, chosen, sets)?;
            let source = &application.sources[index];
            if renderer.is_none() {
                git::rendered::refuse_no_folder(source)?;
            }
            let several = application.layout == SourceLayout::Multiple;
            let destination = Destination::Application { source: several.then(|| source.id()), renderer };
            let configured = renderer.and_then(|renderer| configured(source, renderer, rule, settings));
            Ok(Placement {
                destination,
                configured,
                renderer,
                view: source.clone(),
                unread: None,
                overridden: None,
                git: None,
            })
        }
        WriteBack::Git(git) => git::placement(application, git, settings, chosen),
    }
}

impl Placement {
    /// The edits that make it set `version` for an image; empty if it already does.
    pub(crate) fn edits(&self, rule: &ImageRule, version: &Version) -> Vec<Edit> {
        let Some(renderer) = self.renderer else { return Vec::new() };
        self.file_edits(edits(&self.view, renderer, rule, version))
    }

    /// Whether `version` of an image is written to a field, whatever stands there now.
    pub(crate) fn writes(&self, rule: &ImageRule, version: &Version, field: &Field) -> bool {
        // Where everything is right already, nothing would be edited.
        let view = Source { helm: Some(Vec::new()), kustomize: Some(Vec::new()), ..self.view.clone() };
        let empty = Self { view, ..self.clone() };
        [self, &empty].iter().any(|place| place.edits(rule, version).iter().any(|edit| edit.field == *field))
    }

    /// What stands at a field; `None` if nothing does.
    pub(crate) fn value_of(&self, field: &Field) -> Option<String> {
        if self.git.is_some() { self.value_in_file(field) } else { value_of(&self.view, field) }
    }

    /// The version that is set once `edits` are made.
    pub(crate) fn version_after(&self, rule: &ImageRule, edits: &[Edit]) -> Option<Version> {
        configured(&with_edits(&self.view, edits), self.renderer?, rule, rule.settings.as_ref().ok()?)
    }

    /// The version that the spec of the Application sets, with method `git`: a running Image Updater would write it too.
    pub(crate) fn in_spec(&self, rule: &ImageRule) -> Option<Version> {
        let spec = self.git.as_ref()?.spec();
        configured(spec, self.renderer?, rule, rule.settings.as_ref().ok()?)
    }

    /// The field that a Helm parameter of this name is.
    fn helm_field(&self, name: &str) -> Field {
        match self.git_target() {
            Some(target) if target.kind == FileKind::HelmValues => Field::HelmValue(name.to_owned()),
            _ => Field::HelmParameter(name.to_owned()),
        }
    }
}

/// The version of an image that `source` sets; `None` if it sets none, or several.
pub(crate) fn configured(
    source: &Source,
    renderer: Renderer,
    rule: &ImageRule,
    settings: &Settings,
) -> Option<Version> {
    let repository = rule.repository.as_ref()?;
    match renderer {
        Renderer::Helm => helm::configured(source, &settings.targets, repository),
        Renderer::Kustomize => kustomize::configured(source, &settings.targets, repository),
    }
}

/// The edits that make `source` set `version` for an image; empty if it already does.
fn edits(source: &Source, renderer: Renderer, rule: &ImageRule, version: &Version) -> Vec<Edit> {
    let (Some(repository), Ok(settings), false) = (&rule.repository, &rule.settings, version.is_empty()) else {
        return Vec::new();
    };
    let name = rule.name.name();
    let mut edits = match renderer {
        Renderer::Helm => helm::edits(source, &settings.targets, repository, &name, version),
        Renderer::Kustomize => kustomize::edits(source, &settings.targets, repository, &name, version),
    };
    edits.retain(|edit| edit.from != edit.to);
    edits
}

/// The value of a field of a source; `None` if it has none.
fn value_of(source: &Source, field: &Field) -> Option<String> {
    match field {
        Field::HelmParameter(name) => helm::value(source, name).map(str::to_owned),
        Field::KustomizeImage(name) => kustomize::value(source, name).map(str::to_owned),
        Field::HelmValue(_) | Field::Annotation(_) => None,
    }
}

/// A source with edits made to its parameters and images.
fn with_edits(source: &Source, edits: &[Edit]) -> Source {
    let mut source = source.clone();
    for edit in edits {
        match (&edit.field, &edit.to) {
            (Field::HelmParameter(name) | Field::HelmValue(name), to) => {
                let parameters = source.helm.get_or_insert_default();
                parameters.retain(|parameter| parameter.name != *name);
                parameters.extend(to.clone().map(|value| HelmParameter {
                    name: name.clone(),
                    value,
                    force_string: true,
                }));
            }
            (Field::KustomizeImage(name), to) => {
                let images = source.kustomize.get_or_insert_default();
                images.retain(|entry| kustomize::name(entry) != *name);
                images.extend(to.clone());
            }
            (Field::Annotation(_), _) => {}
        }
    }
    source
}

/// Whether a text is the name of a repository, and nothing more.
fn names(text: &str, repository: &Repository) -> bool {
    let reference = Reference::parse(text);
    reference.version().is_empty() && reference.repository().as_ref() == Ok(repository)
}

/// An image name with its version: `name:tag`, `name:tag@digest` or `name@digest`.
fn with_version(image: &str, version: &Version) -> String {
    match (&version.tag, &version.digest) {
        (None, Some(digest)) => format!("{image}@{digest}"),
        _ => format!("{image}:{version}"),
    }
}

#[cfg(test)]
mod tests;
