//! The annotations to begin with: from what an Application runs and how its spec names it to an image list, pure.
//!
//! A beginning and not a decision: it takes small steps (`~1.2` for `v1.2.3`), and says for each entry why. What it
//! proposes is read back by the same parser that reads annotations, so that it leads to a check without findings; an
//! image that cannot be written is left out, and said to be.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::annotations;
use crate::annotations::keys;
use crate::model::application::Application;
use crate::model::application::HelmParameter;
use crate::model::application::Source;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::model::plan::Renderer;
use crate::writeback;

mod track;

/// What is proposed for one Application.
#[derive(Debug, Default)]
pub(crate) struct Suggestion {
    /// Full keys and values, the image list first.
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) images: Vec<Listed>,
    /// How many images its list had already.
    pub(crate) listed_before: usize,
    /// What the user should know or look at before it is taken over.
    pub(crate) notes: Vec<String>,
}

/// An image that is proposed for the list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) alias: String,
    /// As it runs.
    pub(crate) image: String,
    pub(crate) why: String,
}

/// An image that runs, or that the spec names.
struct Found {
    repository: Repository,
    /// As it is written.
    name: String,
    version: Version,
}

/// Proposes annotations for the images of an Application that its list does not have yet.
pub(crate) fn suggest(application: &Application) -> Suggestion {
    let before = annotations::parse(application).map(|(rules, _)| rules.images).unwrap_or_default();
    let listed: BTreeSet<&Repository> = before.iter().filter_map(|rule| rule.repository.as_ref()).collect();
    let mut aliases: BTreeSet<String> = before.iter().filter_map(|rule| rule.alias.clone()).collect();
    let mut suggestion = Suggestion { listed_before: before.len(), ..Suggestion::default() };
    let list_key = keys::for_application(keys::IMAGE_LIST);
    // A list may be written over several lines, which no shell takes back from a command.
    let listed_now = application.annotations.get(&list_key).map_or("", String::as_str);
    let mut list: Vec<String> =
        listed_now.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect();
    let mut settings = Vec::new();
    let found: Vec<Found> = images(application);
    let new: Vec<&Found> = found.iter().filter(|found| !listed.contains(&found.repository)).collect();
    for found in &new {
        let alias = alias(&found.repository, &aliases);
        let track = track::of(&found.version);
        let constraint = track.constraint.as_deref().map_or_else(String::new, |text| format!(":{text}"));
        let mut own: Vec<(&str, String)> = Vec::new();
        own.extend(track.strategy.map(|name| (keys::UPDATE_STRATEGY, name.to_owned())));
        own.extend(track.allow.clone().map(|allow| (keys::ALLOW_TAGS, allow)));
        let (targets, guess) = targets(application, found, &alias, before.len() + new.len());
        own.extend(targets);
        let own: Vec<_> = own.into_iter().map(|(key, value)| (keys::for_alias(&alias, key), value)).collect();
        let entry = format!("{alias}={}{constraint}", found.name);
        if let Some(problem) = problem(application, (&list_key, &entry), &own) {
            suggestion.notes.push(format!("{} is left out: {problem}", found.name));
            continue;
        }
        list.push(entry);
        settings.extend(own);
        aliases.insert(alias.clone());
        suggestion.notes.extend(guess);
        suggestion.images.push(Listed { alias, image: shown(found), why: track.why });
    }
    if !suggestion.images.is_empty() {
        suggestion.annotations.push((list_key, list.join(", ")));
        suggestion.annotations.extend(settings);
        suggestion.notes.extend(owner(application));
    }
    suggestion
}

/// Why the entry would not do by itself.
fn problem(application: &Application, (key, entry): (&str, &str), settings: &[(String, String)]) -> Option<String> {
    let mut tried = application.clone();
    tried.annotations.insert(key.to_owned(), entry.to_owned());
    tried.annotations.extend(settings.iter().cloned());
    let (rules, _) = annotations::parse(&tried)?;
    let rule = rules.images.first()?;
    match (&rule.settings, writeback::placement(&tried, &rules, rule, None)) {
        (Err(invalid), _) => Some(invalid.message.clone()),
        (_, Err(invalid)) => Some(invalid.message),
        (Ok(_), Ok(placement)) if placement.renderer.is_none() && placement.git.is_none() => {
            Some("nothing but its folder says what renders the source".to_owned())
        }
        (Ok(_), Ok(_)) => None,
    }
}

/// Every image once: what runs, then what only the spec names.
fn images(application: &Application) -> Vec<Found> {
    let running = application.status.iter().flat_map(|status| &status.images).cloned();
    let in_spec = application.sources.iter().flat_map(|source| {
        let kustomize = source.kustomize.iter().flatten();
        let kustomize = kustomize.map(|entry| entry.split_once('=').map_or(entry.as_str(), |(_, new)| new).to_owned());
        kustomize.chain(named_by_parameters(source)).collect::<Vec<_>>()
    });
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for text in running.chain(in_spec) {
        let reference = Reference::parse(&text);
        let Ok(repository) = reference.repository() else { continue };
        if seen.insert(repository.clone()) {
            found.push(Found { repository, name: reference.name(), version: reference.version() });
        }
    }
    found
}

/// Images that Helm parameters name, with the tag beside.
fn named_by_parameters(source: &Source) -> Vec<String> {
    let parameters = source.helm.iter().flatten();
    let names = parameters.filter(|parameter| {
        let last = parameter.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        matches!(last.as_str(), "image" | "repository") || (last == "name" && parameter.name.contains("image"))
    });
    let with_tag = names.filter(|name| !name.value.is_empty()).map(|name| {
        let tag = sibling(source, &name.name, None).map(|tag| format!(":{}", tag.value)).unwrap_or_default();
        format!("{}{tag}", name.value)
    });
    with_tag.collect()
}

/// The parameter that holds the tag beside the one that holds the name: the one with the running tag, else the one
/// that is called so.
fn sibling<'a>(source: &'a Source, name: &str, tag: Option<&str>) -> Option<&'a HelmParameter> {
    let prefix = name.rsplit_once('.').map_or("", |(prefix, _)| prefix);
    let beside = || {
        let parameters = source.helm.iter().flatten();
        parameters.filter(move |other| {
            other.name != name && other.name.rsplit_once('.').map_or("", |(prefix, _)| prefix) == prefix
        })
    };
    let by_value = beside().find(|other| tag.is_some_and(|tag| other.value == tag));
    let is_tag = |other: &&HelmParameter| other.name.to_ascii_lowercase().ends_with("tag");
    by_value.or_else(|| beside().find(is_tag))
}

/// Where the spec sets an image, as annotations; and what of it is only a guess.
fn targets(
    application: &Application,
    found: &Found,
    alias: &str,
    images: usize,
) -> (Vec<(&'static str, String)>, Option<String>) {
    let is_it = |text: &str| Reference::parse(text).repository().as_ref() == Ok(&found.repository);
    for source in &application.sources {
        let mut parameters = source.helm.iter().flatten();
        if let Some(parameter) = parameters.find(|parameter| is_it(&parameter.value)) {
            if !Reference::parse(&parameter.value).version().is_empty() {
                return (vec![(keys::HELM_IMAGE_SPEC, parameter.name.clone())], None);
            }
            let tag = sibling(source, &parameter.name, found.version.tag.as_deref());
            let prefix = parameter.name.rsplit_once('.').map_or_else(String::new, |(prefix, _)| format!("{prefix}."));
            let (tag, guess) = match tag {
                Some(tag) => (tag.name.clone(), None),
                None => (format!("{prefix}tag"), Some(guessed(alias, &format!("{prefix}tag")))),
            };
            return (helm(&parameter.name, &tag), guess);
        }
        for entry in source.kustomize.iter().flatten() {
            match entry.split_once('=') {
                Some((old, new)) if is_it(new) => return (vec![(keys::KUSTOMIZE_IMAGE_NAME, old.to_owned())], None),
                None if is_it(entry) => return (Vec::new(), None),
                _ => {}
            }
        }
    }
    if !is_rendered_by_helm(application) {
        return (Vec::new(), None);
    }
    let prefix = if images == 1 { "image".to_owned() } else { format!("{alias}.image") };
    let guess = guessed(alias, &format!("{prefix}.repository and {prefix}.tag"));
    (helm(&format!("{prefix}.repository"), &format!("{prefix}.tag")), Some(guess))
}

/// The annotations for two Helm parameters, as far as they are not what is meant without.
fn helm(name: &str, tag: &str) -> Vec<(&'static str, String)> {
    if (name, tag) == ("image.name", "image.tag") {
        return Vec::new();
    }
    vec![(keys::HELM_IMAGE_NAME, name.to_owned()), (keys::HELM_IMAGE_TAG, tag.to_owned())]
}

fn guessed(alias: &str, what: &str) -> String {
    format!(
        "{alias}: the spec does not say which values of the chart hold it; {what} is a guess, which the chart's values.yaml tells"
    )
}

/// Whether images are written as Helm parameters, for an entry that says nothing about it.
fn is_rendered_by_helm(application: &Application) -> bool {
    let mut tried = application.clone();
    tried.annotations = BTreeMap::from([(keys::for_application(keys::IMAGE_LIST), "x=x/x".to_owned())]);
    let Some((rules, _)) = annotations::parse(&tried) else { return false };
    let Some(rule) = rules.images.first() else { return false };
    let placement = writeback::placement(&tried, &rules, rule, None);
    matches!(
        placement.map(|placement| placement.destination),
        Ok(Destination::Application { renderer: Some(Renderer::Helm), .. })
    )
}

/// A name for the entry: the last part of the repository, with the part before it where that is taken.
fn alias(repository: &Repository, taken: &BTreeSet<String>) -> String {
    let clean = |part: &str| {
        let legal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        part.chars().map(legal).collect::<String>().trim_matches('-').to_owned()
    };
    let parts: Vec<String> = repository.path().split('/').map(clean).collect();
    let last = parts.last().map_or("image", String::as_str);
    let parent = parts.len().checked_sub(2).and_then(|at| parts.get(at));
    let longer = parent.map(|parent| format!("{parent}-{last}"));
    let numbered = (2..).map(|number| format!("{}-{number}", last.chars().take(20).collect::<String>()));
    let usable = |alias: &String| keys::can_be_set(alias) && keys::can_be_pinned(alias) && !taken.contains(alias);
    let mut names = std::iter::once(last.to_owned()).chain(longer).chain(numbered.take(taken.len() + 2));
    names.find(usable).unwrap_or_else(|| format!("image-{}", taken.len() + 1))
}

fn shown(found: &Found) -> String {
    match (&found.version.tag, &found.version.digest) {
        (Some(tag), _) => format!("{}:{tag}", found.name),
        (None, Some(digest)) => format!("{}@{digest}", found.name),
        (None, None) => found.name.clone(),
    }
}

/// Who would take the annotations away again.
fn owner(application: &Application) -> Option<String> {
    let owner = application.owners.first()?;
    Some(format!("the {} `{}` makes this Application: put the annotations into its template", owner.kind, owner.name))
}

#[cfg(test)]
mod tests;
