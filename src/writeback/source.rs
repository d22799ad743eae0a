//! Which source of an Application takes an image, and what renders it (decisions: "type of source", "several
//! sources"). Where more than one could, nothing is guessed.

use crate::annotations::rule::Invalid;
use crate::annotations::rule::Targets;
use crate::model::application::Application;
use crate::model::application::Source;
use crate::model::application::SourceLayout;
use crate::model::decision::Reason;
use crate::model::plan::Renderer;

/// A source that can take an image: its index, and what renders it; `None` if only its folder can tell.
type Taker = (usize, Option<Renderer>);

/// Finds the source for an image with these targets; `sets` says whether a source already sets it.
///
/// # Errors
/// No source can take it, or more than one.
pub(super) fn choose(
    application: &Application,
    targets: &Targets,
    chosen: Option<&str>,
    sets: impl Fn(&Source, Renderer) -> bool,
) -> Result<Taker, Invalid> {
    let sources = &application.sources;
    match (application.layout, sources.as_slice()) {
        (SourceLayout::Hydrator, _) => return Err(unsupported("a source hydrator is not supported yet")),
        (_, []) => return Err(unsupported("the Application has no source")),
        (SourceLayout::Single, _) => return Ok((0, renderer(application, 0, targets)?)),
        (SourceLayout::Multiple, _) => {}
    }
    let taker = if let Some(text) = chosen {
        let index = named(sources, text)?;
        (index, renderer(application, index, targets)?)
    } else {
        only(application, targets, sets)?
    };
    let id = sources[taker.0].id();
    let same: Vec<_> = (0..sources.len()).filter(|index| id.matches(&sources[*index])).collect();
    if same.len() > 1 {
        let message = format!("sources {} cannot be told apart; give each a `name`", listed(&same));
        return Err(Invalid::new(Reason::AmbiguousSource, message));
    }
    Ok(taker)
}

/// The one source that can take the image. Of several, the only one that sets it already; and of several that one
/// tool renders, the only one with a block for it.
fn only(
    application: &Application,
    targets: &Targets,
    sets: impl Fn(&Source, Renderer) -> bool,
) -> Result<Taker, Invalid> {
    let sources = &application.sources;
    let mut takers = Vec::new();
    let mut unknown = Vec::new();
    let mut problems = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        match renderer(application, index, targets) {
            Ok(Some(renderer)) => takers.push((index, renderer)),
            Ok(None) => unknown.push(index),
            Err(problem) => problems.push(format!("{index} ({}): {}", source.id(), problem.message)),
        }
    }
    let setting: Vec<_> =
        takers.iter().copied().filter(|(index, renderer)| sets(&sources[*index], *renderer)).collect();
    let of_one_tool = takers.iter().all(|(_, renderer)| *renderer == takers[0].1);
    let with_block: Vec<_> =
        takers.iter().copied().filter(|(index, _)| of_one_tool && block(&sources[*index]).is_some()).collect();
    match (takers.as_slice(), setting.as_slice(), with_block.as_slice()) {
        ([], ..) => match unknown.as_slice() {
            [] => Err(unsupported(format!("no source can take the image: {}", problems.join("; ")))),
            [one] => Ok((*one, None)),
            several => Err(any_of(sources, several)),
        },
        ([(index, renderer)], ..) | (_, [(index, renderer)], _) | (_, [], [(index, renderer)]) => {
            Ok((*index, Some(*renderer)))
        }
        _ => {
            let names: Vec<_> = takers
                .iter()
                .map(|(index, renderer)| format!("{index} ({}, {})", sources[*index].id(), renderer.name()))
                .collect();
            let message = format!("more than one source can take the image: {}", names.join("; "));
            Err(Invalid::new(Reason::AmbiguousSource, message))
        }
    }
}

/// Several sources could be meant, and nothing says which.
pub(super) fn any_of(sources: &[Source], indexes: &[usize]) -> Invalid {
    let names: Vec<_> = indexes.iter().map(|index| format!("{index} ({})", sources[*index].id())).collect();
    let message =
        format!("more than one source may be meant, and nothing says what renders them: {}", names.join("; "));
    Invalid::new(Reason::AmbiguousSource, message)
}

/// Whether a source is there for the files that others take out of it, and is not rendered.
pub(super) fn lends_only(source: &Source) -> bool {
    source.reference.is_some() && source.path.is_none()
}

/// The index of the source that `text` names: by `name`, else by number from 0.
pub(super) fn named(sources: &[Source], text: &str) -> Result<usize, Invalid> {
    sources
        .iter()
        .position(|source| source.name.as_deref() == Some(text))
        .or_else(|| text.parse().ok().filter(|index| *index < sources.len()))
        .ok_or_else(|| Invalid::new(Reason::AmbiguousSource, format!("the Application has no source `{text}`")))
}

/// `0 and 2`, `0, 1 and 2`
pub(super) fn listed(indexes: &[usize]) -> String {
    let texts: Vec<_> = indexes.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The renderer whose block a source carries, even an empty one.
pub(super) fn block(source: &Source) -> Option<Renderer> {
    match (&source.helm, &source.kustomize) {
        (Some(_), None) => Some(Renderer::Helm),
        (None, Some(_)) => Some(Renderer::Kustomize),
        _ => None,
    }
}

/// What renders a source: its block, else the type that Argo CD found, else its chart; `None` if nothing says so.
pub(super) fn kind(application: &Application, index: usize) -> Result<Option<Renderer>, Invalid> {
    let source = &application.sources[index];
    let found = application.status.as_ref().and_then(|status| status.source_types.get(index));
    let found = found.map(String::as_str).filter(|found| !found.is_empty());
    if source.plugin || (block(source).is_none() && found == Some("Plugin")) {
        return Err(unsupported("a config management plugin is not supported yet"));
    }
    if source.repo_url.starts_with("oci://") {
        return Err(unsupported("an OCI source is not supported yet"));
    }
    match (block(source), found, &source.chart) {
        (Some(block), ..) => Ok(Some(block)),
        (None, Some("Helm"), _) | (None, _, Some(_)) => Ok(Some(Renderer::Helm)),
        (None, Some("Kustomize"), None) => Ok(Some(Renderer::Kustomize)),
        (None, Some(other), None) => Err(unsupported(format!("a source of type {other} cannot take an image"))),
        (None, None, None) => Ok(None),
    }
}

/// What renders a source that can take the image; `None` if nothing says so.
fn renderer(application: &Application, index: usize, targets: &Targets) -> Result<Option<Renderer>, Invalid> {
    match kind(application, index)? {
        Some(renderer) => fitting(renderer, targets).map(Some),
        None if lends_only(&application.sources[index]) => {
            Err(unsupported("the source only lends its files to others (`ref`)"))
        }
        None => Ok(None),
    }
}

/// The renderer, if an image with these targets can be set for it.
pub(super) fn fitting(renderer: Renderer, targets: &Targets) -> Result<Renderer, Invalid> {
    match renderer {
        Renderer::Helm if targets.wants_kustomize() => {
            Err(unsupported("the source is rendered by Helm, but the image has a `kustomize.image-name`"))
        }
        Renderer::Kustomize if targets.wants_helm() => {
            Err(unsupported("the source is rendered by Kustomize, but the image has Helm parameters"))
        }
        renderer => Ok(renderer),
    }
}

pub(super) fn unsupported(message: impl Into<String>) -> Invalid {
    Invalid::new(Reason::UnsupportedSource, message)
}
