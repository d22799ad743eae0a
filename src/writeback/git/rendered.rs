//! What renders a source, where only the files in its folder tell (decisions, "type of source"): as Argo CD finds it out.

use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::model::application::Source;
use crate::model::plan::Destination;
use crate::model::plan::Renderer;
use crate::writeback;
use crate::writeback::Placement;
use crate::writeback::git::Entry;
use crate::writeback::git::Tree;
use crate::writeback::git::overridden::SourceFiles;
use crate::writeback::git::path;
use crate::writeback::git::place;
use crate::writeback::git::place::KUSTOMIZATIONS;
use crate::writeback::source;

/// A folder that has it is a chart.
const CHART: &str = "Chart.yaml";

/// The files whose being there tells.
pub(super) fn telling_files() -> impl Iterator<Item = &'static str> {
    [CHART].into_iter().chain(KUSTOMIZATIONS)
}

/// What renders a folder; `None` if it is neither a chart nor a kustomization.
pub(super) fn by_folder(folder: &str, tree: &Tree) -> Option<Renderer> {
    let has = |name: &str| matches!(tree.files.get(&path::join(folder, name)), Some(Entry::File { .. }));
    if has(CHART) {
        return Some(Renderer::Helm);
    }
    KUSTOMIZATIONS.iter().any(|name| has(name)).then_some(Renderer::Kustomize)
}

/// The folder is neither.
pub(super) fn by_nothing() -> Invalid {
    source::unsupported("neither the Application nor its folder says what renders the source")
}

/// Refuses a source of which only its folder could tell what renders it, where that is none of the repository.
///
/// # Errors
/// The path leads out of the repository, or into what is git's own.
pub(crate) fn refuse_no_folder(source: &Source) -> Result<(), Invalid> {
    path::plain("", source.path.as_deref().unwrap_or_default()).map(drop).map_err(place::refused)
}

impl Placement {
    /// The files that tell what renders the source of an Application; `None` if that is known.
    pub(crate) fn telling_files(&self) -> Option<SourceFiles<'_>> {
        let is_open = self.renderer.is_none() && matches!(self.destination, Destination::Application { .. });
        is_open.then(|| SourceFiles::of(&self.view, telling_files()))?
    }

    /// The placement with what the folder of the source says.
    ///
    /// # Errors
    /// It says nothing, or it cannot take the image.
    pub(crate) fn told_by(&self, rule: &ImageRule, tree: &Tree) -> Result<Self, Invalid> {
        let folder = path::plain("", self.view.path.as_deref().unwrap_or_default()).unwrap_or_default();
        self.rendered_by(by_folder(&folder, tree).ok_or_else(by_nothing)?, rule)
    }

    /// The placement with what the annotations of the image say, since Helm's and Kustomize's are not the same; `None` if
    /// there is none of them.
    pub(crate) fn told_by_targets(&self, rule: &ImageRule) -> Option<Self> {
        let targets = &rule.settings.as_ref().ok()?.targets;
        let renderer = match (targets.wants_helm(), targets.wants_kustomize()) {
            (true, false) => Renderer::Helm,
            (false, true) => Renderer::Kustomize,
            _ => return None,
        };
        self.rendered_by(renderer, rule).ok()
    }

    /// The placement in a source that this renders.
    ///
    /// # Errors
    /// Such a source cannot take the image.
    pub(crate) fn rendered_by(&self, renderer: Renderer, rule: &ImageRule) -> Result<Self, Invalid> {
        let settings = rule.settings.as_ref().map_err(Invalid::clone)?;
        let renderer = source::fitting(renderer, &settings.targets)?;
        let mut placement = self.clone();
        if let Destination::Application { renderer: found, .. } = &mut placement.destination {
            *found = Some(renderer);
        }
        placement.renderer = Some(renderer);
        placement.configured = writeback::configured(&self.view, renderer, rule, settings);
        Ok(placement)
    }
}
