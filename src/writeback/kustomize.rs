//! An image as an entry of `kustomize.images`: `[old=]new[:tag][@digest]` (spec sections 2.4 and 6.2).
//!
//! Names are compared whole. Image Updater cuts both at the first `:` and so takes two images of one registry with a
//! port for the same (cases `ski-06`, `kim-30`), and it does not compare registries (`gki-04`).

use std::collections::BTreeMap;

use crate::annotations::rule::Targets;
use crate::model::application::Source;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::writeback::names;
use crate::writeback::with_version;

/// The two sides of an entry: the name in the manifests, if the entry spells it out, and what takes its place.
fn sides(entry: &str) -> (Option<&str>, &str) {
    match entry.split_once('=') {
        Some((old, new)) => (Some(old), new),
        None => (None, entry),
    }
}

/// The name that an entry overrides, which identifies it among its siblings.
pub(super) fn name(entry: &str) -> &str {
    let (old, new) = sides(entry);
    old.unwrap_or_else(|| written_name(new))
}

/// The image name in the right side of an entry, as it is written.
fn written_name(new: &str) -> &str {
    &new[..Reference::name_length(new)]
}

/// The entry that overrides a name; of several the last, which is the one Kustomize uses.
pub(super) fn value<'a>(source: &'a Source, wanted: &str) -> Option<&'a str> {
    source.kustomize.iter().flatten().rev().map(String::as_str).find(|entry| name(entry) == wanted)
}

/// The entries that set an image, one for each name that they override: the entry for its Kustomize name, else the
/// ones that name the image itself, else, if no Kustomize name is annotated, the ones that put it in place of another, or
/// at last another in its place.
fn entries_of<'a>(source: &'a Source, targets: &Targets, repository: &Repository) -> Vec<&'a str> {
    let wanted = targets.kustomize_name.as_deref();
    if let Some(entry) = wanted.and_then(|wanted| value(source, wanted)) {
        return vec![entry];
    }
    let all: BTreeMap<&str, &str> =
        source.kustomize.iter().flatten().map(|entry| (name(entry), entry.as_str())).collect();
    let of_image = all.values().copied().filter(|entry| names(written_name(sides(entry).1), repository));
    let (plain, in_place): (Vec<_>, Vec<_>) = of_image.partition(|entry| sides(entry).0.is_none());
    match (plain.is_empty(), in_place.is_empty(), wanted) {
        (true, false, None) => in_place,
        (true, true, None) => all.into_values().filter(|entry| names(name(entry), repository)).collect(),
        _ => plain,
    }
}

/// The version that the entries of an image set; `None` if there is none, if they set several, or another image.
pub(super) fn configured(source: &Source, targets: &Targets, repository: &Repository) -> Option<Version> {
    let entries = entries_of(source, targets, repository);
    let mut references = entries.iter().map(|entry| Reference::parse(sides(entry).1));
    let first = references.next().filter(|first| first.repository().as_ref() == Ok(repository))?;
    let version = first.version();
    let same = references.all(|other| other.version() == version);
    (same && !version.is_empty()).then_some(version)
}

/// The edits that set `version`; what an entry overrides, and how it writes the image, is kept. `image` is the name
/// that is written where there is none yet.
pub(super) fn edits(
    source: &Source,
    targets: &Targets,
    repository: &Repository,
    image: &str,
    version: &Version,
) -> Vec<Edit> {
    let edit = |at: &str, from: Option<&str>, to: Option<String>| Edit {
        field: Field::KustomizeImage(at.to_owned()),
        from: from.map(str::to_owned),
        to,
    };
    let entries = entries_of(source, targets, repository);
    let written = |entry: &str| {
        let written = written_name(sides(entry).1);
        with_version(if names(written, repository) { written } else { image }, version)
    };
    let to = |at: &str, spelled_out: bool, image: String| {
        Some(if spelled_out || at != written_name(&image) { format!("{at}={image}") } else { image })
    };
    let wanted = targets.kustomize_name.as_deref();
    if let Some(at) = wanted.filter(|wanted| entries.iter().all(|entry| name(entry) != *wanted)) {
        // What names the image itself overrides a name that the manifests do not have: it moves to the one they have.
        let image = entries.first().map_or_else(|| with_version(image, version), |entry| written(entry));
        let removed = entries.iter().map(|entry| edit(name(entry), Some(entry), None));
        return removed.chain([edit(at, None, to(at, false, image))]).collect();
    }
    if entries.is_empty() {
        return vec![edit(image, None, Some(with_version(image, version)))];
    }
    entries
        .iter()
        .map(|entry| {
            let (old, new) = sides(entry);
            let is_kept = old.is_some() && names(written_name(new), repository);
            edit(name(entry), Some(entry), to(name(entry), is_kept, written(entry)))
        })
        .collect()
}
