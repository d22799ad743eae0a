//! Where the updates of an image are written, and what is written there now: pure.
//!
//! `source` finds the place, `helm` and `kustomize` know how each renderer names an image, `object` edits an
//! Application; `apply` carries out what a plan says. To add a renderer: a file beside `helm`, and an arm where
//! [`Renderer`] is matched.

use crate::annotations::rule::AppRules;
use crate::annotations::rule::GitWriteBack;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::Settings;
use crate::annotations::rule::WriteBack;
use crate::model::application::Application;
use crate::model::application::HelmParameter;
use crate::model::application::Source;
use crate::model::application::SourceLayout;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::Renderer;

mod conflicts;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the write-back to git that calls it comes next"))]
pub(crate) mod files;
mod helm;
mod kustomize;
pub(crate) mod object;
mod source;

pub(crate) use conflicts::Intent;
pub(crate) use conflicts::conflicts;

/// Where an image is written, and what stands there.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) destination: Destination,
    /// The version that the destination sets for the image; `None` if it sets none, or it is not known.
    pub(crate) configured: Option<Version>,
}

/// Finds where an image is written.
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
            let several = application.layout == SourceLayout::Multiple;
            let destination =
                Destination::Application { source: several.then(|| source.id()), renderer: Some(renderer) };
            Ok(Placement { configured: configured(source, renderer, rule, settings), destination })
        }
        WriteBack::Git(git) => Ok(Placement { destination: git_destination(application, git), configured: None }),
    }
}

/// The place in a repository, as far as it is known without looking into it.
fn git_destination(application: &Application, git: &GitWriteBack) -> Destination {
    let only = match application.sources.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    Destination::Git {
        repository: git.repository.clone().or_else(|| only.map(|source| source.repo_url.clone())),
        branch: git.branch.clone().or_else(|| only.and_then(|source| source.target_revision.clone())),
        target: git.target.clone(),
        path: None,
    }
}

/// The source of an Application that a destination is about.
pub(crate) fn source_of<'a>(application: &'a Application, destination: &Destination) -> Option<&'a Source> {
    match destination {
        Destination::Application { source: Some(wanted), .. } => {
            application.sources.iter().find(|source| wanted.matches(source))
        }
        Destination::Application { source: None, .. } => application.sources.first(),
        Destination::Git { .. } => None,
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
pub(crate) fn edits(source: &Source, renderer: Renderer, rule: &ImageRule, version: &Version) -> Vec<Edit> {
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
pub(crate) fn value_of(source: &Source, field: &Field) -> Option<String> {
    match field {
        Field::HelmParameter(name) => helm::value(source, name).map(str::to_owned),
        Field::KustomizeImage(name) => kustomize::value(source, name).map(str::to_owned),
        Field::HelmValue(_) | Field::Annotation(_) => None,
    }
}

/// A source with edits made to its parameters and images.
pub(crate) fn with_edits(source: &Source, edits: &[Edit]) -> Source {
    let mut source = source.clone();
    for edit in edits {
        match (&edit.field, &edit.to) {
            (Field::HelmParameter(name), to) => {
                let parameters = source.helm.get_or_insert_default();
                parameters.retain(|parameter| parameter.name != *name);
                parameters.extend(to.clone().map(|value| HelmParameter { name: name.clone(), value }));
            }
            (Field::KustomizeImage(name), to) => {
                let images = source.kustomize.get_or_insert_default();
                images.retain(|entry| kustomize::name(entry) != *name);
                images.extend(to.clone());
            }
            (Field::HelmValue(_) | Field::Annotation(_), _) => {}
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
