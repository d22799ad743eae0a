//! Where an Application's images are written with method `git`, as its annotations and sources say (spec sections 6.3 and
//! 6.4): which repository, branch and file. Nobody has looked into the repository yet.

use crate::annotations::rule::GitWriteBack;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::Targets;
use crate::model::application::Application;
use crate::model::application::Source;
use crate::model::application::SourceLayout;
use crate::model::decision::Reason;
use crate::model::git::BranchName;
use crate::model::git_url::GitUrl;
use crate::model::plan::FileKind;
use crate::model::plan::GitTarget;
use crate::model::plan::Renderer;
use crate::templates;
use crate::writeback::git::path;
use crate::writeback::source;

/// Names of a kustomization, in the order in which Kustomize looks for them.
pub(super) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What Argo CD merges over a source of every Application, before the Application's own file.
pub(super) const SHARED_OVERRIDE: &str = ".argocd-source.yaml";

/// Where it is, as far as that can be told from outside of the repository.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) target: GitTarget,
    /// `None`: the tree of the repository tells.
    pub(super) renderer: Option<Renderer>,
    /// The index of the source.
    pub(super) source: usize,
    /// The folder of the file.
    pub(super) folder: String,
    pub(super) template: Option<String>,
    /// The branch must turn out to be the one that HEAD names, since Argo CD reads the file from there.
    pub(super) must_be_head: bool,
}

/// Finds the place of an image with these targets.
///
/// # Errors
/// There is none, more than one, or one that must not be written.
pub(super) fn place(
    application: &Application,
    git: &GitWriteBack,
    targets: &Targets,
    chosen: Option<&str>,
) -> Result<Place, Invalid> {
    let wanted = Wanted::parse(git.target.as_deref())?;
    let (index, renderer) = source_for(application, git, targets, (wanted.renderer(), chosen))?;
    let source = &application.sources[index];
    let holder = holder(application, git, source)?;
    let repository = git.repository.clone().unwrap_or_else(|| holder.repo_url.clone());
    GitUrl::parse(&repository).map_err(|why| bad(format!("the repository `{}` {why}", repository.escape_debug())))?;
    let branch = branch(application, git, (source, holder), &repository)?;
    let (kind, path) = wanted.file(application, holder.path.as_deref().unwrap_or_default(), renderer)?;
    let renderer = match kind {
        FileKind::HelmValues => Some(Renderer::Helm),
        FileKind::Kustomization => Some(Renderer::Kustomize),
        FileKind::Override => renderer,
    };
    let renderer = renderer.map(|renderer| source::fitting(renderer, targets)).transpose()?;
    let folder = if kind == FileKind::Kustomization { path.as_str() } else { path::split(&path).0 };
    let own = Own { source, repository: &repository, base: git.branch.as_deref() };
    let must_be_head = kind == FileKind::Override && own.refuse_what_is_not_read(application, &path)?;
    if let Some(template) = &git.push_branch {
        templates::check(template).map_err(|error| bad(format!("the template of the branch: {error}")))?;
    }
    let several = application.layout == SourceLayout::Multiple;
    Ok(Place {
        renderer,
        source: index,
        folder: folder.to_owned(),
        template: git.push_branch.clone(),
        must_be_head,
        target: GitTarget {
            repository,
            branch,
            push_branch: None,
            target: git.target.clone(),
            kind,
            path: (kind != FileKind::Kustomization).then_some(path),
            source: several.then(|| source.id()),
        },
    })
}

/// What the annotation `write-back-target` asks for.
enum Wanted<'a> {
    Default,
    /// With the part after the colon.
    Values(&'a str),
    /// With the part after the colon.
    Kustomization(&'a str),
    Bare(&'a str),
}

impl<'a> Wanted<'a> {
    fn parse(target: Option<&'a str>) -> Result<Self, Invalid> {
        let Some(text) = target.filter(|text| !text.is_empty()) else { return Ok(Self::Default) };
        let after = |word: &str| match text.strip_prefix(word) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(':'),
            None => None,
        };
        if let Some(path) = after("helmvalues") {
            return Ok(Self::Values(path));
        }
        if let Some(path) = after("kustomization") {
            return Ok(Self::Kustomization(path));
        }
        let (folder, name) = path::split(text);
        if KUSTOMIZATIONS.contains(&name) {
            let message = format!("a `write-back-target` is no kustomization file: write `kustomization:/{folder}`");
            return Err(bad(message));
        }
        Ok(Self::Bare(text))
    }

    /// The renderer that it means, if it says so.
    fn renderer(&self) -> Option<Renderer> {
        match self {
            Self::Values(_) => Some(Renderer::Helm),
            Self::Kustomization(_) => Some(Renderer::Kustomize),
            Self::Default | Self::Bare(_) => None,
        }
    }

    /// The kind of the file, and its path; of a kustomization the folder.
    fn file(
        &self,
        application: &Application,
        folder: &str,
        renderer: Option<Renderer>,
    ) -> Result<(FileKind, String), Invalid> {
        let below = |text: &str| match text.strip_prefix('/') {
            Some(absolute) => plain("", absolute),
            None => plain(folder, text),
        };
        match self {
            Self::Default => Ok((FileKind::Override, plain(folder, &override_name(application))?)),
            Self::Values("") => Ok((FileKind::HelmValues, plain(folder, "values.yaml")?)),
            Self::Values(text) => Ok((FileKind::HelmValues, file(below(text)?)?)),
            Self::Kustomization(text) => Ok((FileKind::Kustomization, below(text)?)),
            Self::Bare(text) => {
                let path = file(plain("", text)?)?;
                let (_, name) = path::split(&path);
                let is_yaml = std::path::Path::new(name).extension().is_some_and(|end| end == "yaml" || end == "yml");
                // A file for Kustomize has what Argo CD merges over the source, as in Image Updater before 1.0.
                let values = is_yaml && !name.starts_with(".argocd-source") && renderer != Some(Renderer::Kustomize);
                Ok((if values { FileKind::HelmValues } else { FileKind::Override }, path))
            }
        }
    }
}

fn plain(folder: &str, text: &str) -> Result<String, Invalid> {
    path::plain(folder, text).map_err(refused)
}

fn file(path: String) -> Result<String, Invalid> {
    if path.is_empty() { Err(bad("a `write-back-target` must name a file")) } else { Ok(path) }
}

/// The name of an Application's own override file: with its namespace, unless that is Argo CD's.
pub(super) fn override_name(application: &Application) -> String {
    let key = &application.key;
    let controller = application.status.as_ref().and_then(|status| status.controller_namespace.as_deref());
    if controller.or(application.argocd_namespace.as_deref()).is_none_or(|controller| controller == key.namespace) {
        format!(".argocd-source-{}.yaml", key.name)
    } else {
        format!(".argocd-source-{}_{}.yaml", key.namespace, key.name)
    }
}

/// The source that takes the image, and what renders it if that is known.
fn source_for(
    application: &Application,
    git: &GitWriteBack,
    targets: &Targets,
    (wanted, chosen): (Option<Renderer>, Option<&str>),
) -> Result<(usize, Option<Renderer>), Invalid> {
    let sources = &application.sources;
    match (application.layout, sources.as_slice()) {
        (SourceLayout::Hydrator, _) => return Err(source::unsupported("a source hydrator is not supported yet")),
        (_, []) => return Err(source::unsupported("the Application has no source")),
        (SourceLayout::Single, _) if wanted.is_some() => return Ok((0, wanted)),
        (SourceLayout::Single, _) => return Ok((0, source::kind(application, 0)?)),
        (SourceLayout::Multiple, _) => {}
    }
    let Some(renderer) = wanted else {
        return source::choose(application, targets, chosen, |_, _| false);
    };
    if let Some(text) = chosen {
        return Ok((source::named(sources, text)?, wanted));
    }
    let indexes = || 0..sources.len();
    let points_into = |index: &usize| {
        git.repository.as_deref().is_some_and(|repository| is_same(repository, &sources[*index].repo_url))
    };
    let of_kind: Vec<_> = indexes()
        .filter(|index| matches!(source::kind(application, *index), Ok(Some(kind)) if kind == renderer))
        .collect();
    let with_block: Vec<_> =
        of_kind.iter().copied().filter(|index| source::block(&sources[*index]).is_some()).collect();
    let there: Vec<_> = of_kind.iter().copied().filter(points_into).collect();
    match (of_kind.as_slice(), there.as_slice(), with_block.as_slice()) {
        ([one], ..) | (_, [one], ..) | (_, [], [one]) => Ok((*one, wanted)),
        ([], ..) => {
            let any: Vec<_> = indexes().filter(points_into).collect();
            Ok((of_unknown_kind(application, &any, renderer)?, wanted))
        }
        (several, ..) => {
            let message = format!("the target can be meant for sources {}", source::listed(several));
            Err(Invalid::new(Reason::AmbiguousSource, message))
        }
    }
}

/// The source that a target is meant for where none is known to be of its kind: the only one of the repository that is
/// written to, else the only one of which it is not known what renders it. `there`: those of the repository.
fn of_unknown_kind(application: &Application, there: &[usize], renderer: Renderer) -> Result<usize, Invalid> {
    let sources = &application.sources;
    let may_be = |index: &usize| {
        let source = &sources[*index];
        !source::lends_only(source) && matches!(source::kind(application, *index), Ok(None))
    };
    let unknown: Vec<_> =
        (0..sources.len()).filter(|index| there.is_empty() || there.contains(index)).filter(may_be).collect();
    match (there, unknown.as_slice()) {
        ([one], _) | (_, [one]) => Ok(*one),
        (_, []) => {
            let what = format!("no source is rendered by {}, and none is of the repository", renderer.name());
            Err(source::unsupported(what))
        }
        (_, several) => Err(source::any_of(sources, several)),
    }
}

/// The source whose repository and path count: the one that takes the image, or if that is a chart, which is in no git
/// repository, the only other one.
fn holder<'a>(application: &'a Application, git: &GitWriteBack, source: &'a Source) -> Result<&'a Source, Invalid> {
    if source.chart.is_none() || git.repository.is_some() {
        return Ok(source);
    }
    let others: Vec<_> = application.sources.iter().filter(|other| other.chart.is_none()).collect();
    match others.as_slice() {
        [one] => Ok(one),
        _ => Err(source::unsupported(format!(
            "`{}` is a repository of charts, not of git: `git-repository` must say where to write",
            source.repo_url
        ))),
    }
}

/// The branch that is looked at; `None`: the one that the repository's HEAD names.
fn branch(
    application: &Application,
    git: &GitWriteBack,
    (source, holder): (&Source, &Source),
    repository: &str,
) -> Result<Option<String>, Invalid> {
    let is_of = |source: &&Source| source.chart.is_none() && is_same(&source.repo_url, repository);
    let of_repository = [source, holder].into_iter().find(is_of).or_else(|| application.sources.iter().find(is_of));
    // The revision of a chart is its version.
    let fallback = Some(holder).filter(|holder| holder.chart.is_none());
    let revision = match (&git.branch, of_repository.or(fallback)) {
        (Some(base), _) => Some(base.as_str()),
        (None, source) => source.and_then(|source| source.target_revision.as_deref()),
    };
    let Some(revision) = revision.filter(|revision| !revision.is_empty() && *revision != "HEAD") else {
        return Ok(None);
    };
    let revision = revision.strip_prefix("refs/heads/").unwrap_or(revision);
    if path::is_commit(revision) {
        return Err(bad(format!(
            "`{revision}` is a commit, and not a branch that can be written to: set `git-branch`"
        )));
    }
    match BranchName::new(revision) {
        Ok(branch) => Ok(Some(branch.to_string())),
        Err(why) => Err(bad(format!("the branch `{}` {why}", revision.escape_debug()))),
    }
}

/// What an override file has to belong to, for Argo CD to read it.
struct Own<'a> {
    source: &'a Source,
    repository: &'a str,
    /// The branch that the annotation names.
    base: Option<&'a str>,
}

impl Own<'_> {
    /// Refuses an override file that Argo CD would not read. Returns whether the branch must turn out to be HEAD's.
    fn refuse_what_is_not_read(&self, application: &Application, path: &str) -> Result<bool, Invalid> {
        let refused = |why: String| {
            let way_out = "use `helmvalues:PATH`, `kustomization:PATH` or `write-back-method: argocd`";
            Err(source::unsupported(format!("Argo CD would not read {path}: {why}; {way_out}")))
        };
        let source = self.source;
        if source.chart.is_some() {
            return refused("the source is a chart of a chart repository".to_owned());
        }
        if source::lends_only(source) {
            return refused("the source only lends its files to others (`ref`)".to_owned());
        }
        if !is_same(&source.repo_url, self.repository) {
            return refused(format!("the source is of {}", source.repo_url));
        }
        let (folder, name) = path::split(path);
        let is_read = name == SHARED_OVERRIDE || name == override_name(application);
        let own_folder = path::plain("", source.path.as_deref().unwrap_or_default()).unwrap_or_default();
        if name.starts_with(".argocd-source") && !(is_read && folder == own_folder) {
            let expected = path::join(&own_folder, &override_name(application));
            return refused(format!("for this Application it reads {expected}"));
        }
        let Some(base) = self.base else { return Ok(false) };
        match source.target_revision.as_deref().filter(|revision| !revision.is_empty() && *revision != "HEAD") {
            None => Ok(true),
            Some(revision) if revision.strip_prefix("refs/heads/").unwrap_or(revision) == base => Ok(false),
            Some(revision) => refused(format!("the source is of the branch {revision}")),
        }
    }
}

pub(super) fn is_same(one: &str, other: &str) -> bool {
    match (GitUrl::parse(one), GitUrl::parse(other)) {
        (Ok(one), Ok(other)) => one.same_repository(&other),
        _ => one == other,
    }
}

fn bad(message: impl Into<String>) -> Invalid {
    Invalid::new(Reason::BadValue, message)
}

pub(super) fn refused(message: impl Into<String>) -> Invalid {
    Invalid::new(Reason::RefusedPath, message)
}
