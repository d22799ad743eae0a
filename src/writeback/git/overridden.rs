//! Files in the source of an Application that Argo CD merges over it, seen from method `argocd`: a list in one of them
//! replaces the Application's, and whatever is written there has no effect (decisions, `.argocd-source`; argo-cd 3.6,
//! `repository.go:1896`).

use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::model::application::Application;
use crate::model::application::Source;
use crate::model::decision::Reason;
use crate::model::plan::Destination;
use crate::model::plan::Renderer;
use crate::writeback;
use crate::writeback::Placement;
use crate::writeback::files;
use crate::writeback::git::Entry;
use crate::writeback::git::Tree;
use crate::writeback::git::path;
use crate::writeback::git::place;
use crate::writeback::git::view;
use crate::writeback::helm;
use crate::writeback::helm::Parameters;
use crate::writeback::kustomize;
use crate::writeback::source;

/// Files in the folder of a source, and where that is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SourceFiles<'a> {
    pub(crate) repository: &'a str,
    /// A branch, a tag or a commit; `None`: what HEAD names.
    pub(crate) revision: Option<&'a str>,
    pub(crate) paths: Vec<String>,
}

impl<'a> SourceFiles<'a> {
    /// Files of these names; `None` if the source is in no git repository or not rendered.
    pub(super) fn of<N: AsRef<str>>(source: &'a Source, names: impl IntoIterator<Item = N>) -> Option<Self> {
        if source.chart.is_some() || source::lends_only(source) {
            return None;
        }
        let folder = path::plain("", source.path.as_deref().unwrap_or_default()).ok()?;
        Some(Self {
            repository: &source.repo_url,
            revision: source.target_revision.as_deref().filter(|revision| !matches!(*revision, "" | "HEAD")),
            paths: names.into_iter().map(|name| path::join(&folder, name.as_ref())).collect(),
        })
    }
}

/// The file that has the last word instead of the Application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overridden {
    path: String,
    renderer: Renderer,
    /// What the image is written to, with what the file sets it to.
    fields: Vec<(String, Option<String>)>,
}

impl Overridden {
    /// What helps.
    pub(crate) fn hint(&self) -> String {
        let list = match self.renderer {
            Renderer::Helm => "helm.parameters",
            Renderer::Kustomize => "kustomize.images",
        };
        format!("`write-back-method: git` writes to that file; or take `{list}` out of it")
    }

    /// Why nothing can be written to the Application.
    pub(crate) fn invalid(&self) -> Invalid {
        let path = &self.path;
        let list = match self.renderer {
            Renderer::Helm => "Helm parameters",
            Renderer::Kustomize => "Kustomize images",
        };
        let set = self.fields.iter().filter_map(|(name, value)| Some(format!("`{name}` to `{}`", value.as_ref()?)));
        let set = set.collect::<Vec<_>>().join(" and ");
        let names = self.fields.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        let message = if set.is_empty() {
            format!("{path} replaces the {list} of the Application, so that {names} there has no effect")
        } else {
            format!("{path} replaces the {list} of the Application, and sets {set}")
        };
        Invalid::new(Reason::ConflictingTargets, message)
    }
}

impl Placement {
    /// The files that Argo CD merges over the source of an Application, the later over the earlier; `None` if there can be
    /// none, or it is not known what they would hide.
    pub(crate) fn override_files(&self, application: &Application) -> Option<SourceFiles<'_>> {
        let is_written = matches!(self.destination, Destination::Application { renderer: Some(_), .. });
        let names = [place::SHARED_OVERRIDE.to_owned(), place::override_name(application)];
        is_written.then(|| SourceFiles::of(&self.view, names))?
    }

    /// The placement as it is with these files over the Application: what is configured is read through them.
    ///
    /// # Errors
    /// A file cannot be read. Says which, and why.
    pub(crate) fn overridden_by(&self, rule: &ImageRule, paths: &[String], tree: &Tree) -> Result<Self, String> {
        let (Some(renderer), Ok(settings)) = (self.renderer, &rule.settings) else { return Ok(self.clone()) };
        let mut placement = self.clone();
        for path in paths {
            let bytes = match tree.files.get(path) {
                Some(Entry::File { bytes, .. }) => bytes,
                Some(Entry::Refused(why)) => return Err(format!("{path}: {why}")),
                Some(Entry::Absent) | None => continue,
            };
            let entries = files::replaced(bytes).map_err(|error| format!("{path} cannot be read: {error}"))?;
            let replaces = match renderer {
                Renderer::Helm => entries.helm.is_some(),
                Renderer::Kustomize => entries.kustomize.is_some(),
            };
            if replaces {
                placement.view = view::merged(placement.view, entries);
                let fields = fields(&placement.view, renderer, rule);
                placement.overridden = Some(Overridden { path: path.clone(), renderer, fields });
            }
        }
        placement.configured = writeback::configured(&placement.view, renderer, rule, settings);
        Ok(placement)
    }
}

/// What an image is written to, with what a source sets it to.
fn fields(source: &Source, renderer: Renderer, rule: &ImageRule) -> Vec<(String, Option<String>)> {
    let Ok(settings) = &rule.settings else { return Vec::new() };
    let parameter = |name: &str| (name.to_owned(), helm::value(source, name).map(str::to_owned));
    match renderer {
        Renderer::Helm => match helm::parameters(&settings.targets) {
            Parameters::Spec(spec) => vec![parameter(spec)],
            Parameters::NameAndTag { name: _, tag } => vec![parameter(tag)],
        },
        Renderer::Kustomize => {
            let name = settings.targets.kustomize_name.clone().unwrap_or_else(|| rule.name.name());
            let entry = kustomize::value(source, &name).map(str::to_owned);
            vec![(name, entry)]
        }
    }
}
