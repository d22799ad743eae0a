//! An image as Helm parameters (spec section 6.2).

use crate::annotations::rule::Targets;
use crate::model::application::Source;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::writeback::names;
use crate::writeback::with_version;

/// The parameter that takes the image name when no annotation says otherwise.
const DEFAULT_NAME: &str = "image.name";
/// The parameter that takes the tag when no annotation says otherwise.
const DEFAULT_TAG: &str = "image.tag";

/// The parameters that one image is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameters<'a> {
    /// Name and tag in one.
    Spec(&'a str),
    NameAndTag {
        name: &'a str,
        tag: &'a str,
    },
}

/// Which parameters an image is written to: the spec parameter wins over the two others (cases `hpn-*`).
pub(super) fn parameters(targets: &Targets) -> Parameters<'_> {
    match &targets.helm_spec {
        Some(spec) => Parameters::Spec(spec),
        None => Parameters::NameAndTag {
            name: targets.helm_name.as_deref().unwrap_or(DEFAULT_NAME),
            tag: targets.helm_tag.as_deref().unwrap_or(DEFAULT_TAG),
        },
    }
}

/// The value of a parameter; of several with the same name the last, which is the one Helm uses.
pub(super) fn value<'a>(source: &'a Source, name: &str) -> Option<&'a str> {
    let parameters = source.helm.iter().flatten();
    parameters.rev().find(|parameter| parameter.name == name).map(|parameter| parameter.value.as_str())
}

/// The version that the parameters set; `None` if they set none, or set it for another image.
pub(super) fn configured(source: &Source, targets: &Targets, repository: &Repository) -> Option<Version> {
    let version = match parameters(targets) {
        Parameters::Spec(spec) => {
            let reference = Reference::parse(value(source, spec)?);
            (reference.repository().as_ref() == Ok(repository)).then(|| reference.version())?
        }
        Parameters::NameAndTag { name, tag } => {
            if value(source, name).is_some_and(|name| !names(name, repository)) {
                return None;
            }
            Version::parse(value(source, tag)?)
        }
    };
    (!version.is_empty()).then_some(version)
}

/// The edits that set `version`. A name that already means the image is left as it is written; `image` is the name
/// that is written otherwise.
pub(super) fn edits(
    source: &Source,
    targets: &Targets,
    repository: &Repository,
    image: &str,
    version: &Version,
) -> Vec<Edit> {
    let edit = |name: &str, to: String| Edit {
        field: Field::HelmParameter(name.to_owned()),
        from: value(source, name).map(str::to_owned),
        to: Some(to),
    };
    match parameters(targets) {
        Parameters::Spec(spec) => {
            let written = value(source, spec).map(|text| &text[..Reference::name_length(text)]);
            let image = written.filter(|written| names(written, repository)).unwrap_or(image);
            vec![edit(spec, with_version(image, version))]
        }
        Parameters::NameAndTag { name, tag } => {
            let named = value(source, name).is_some_and(|text| names(text, repository));
            let name = (!named).then(|| edit(name, image.to_owned()));
            name.into_iter().chain([edit(tag, tag_text(version))]).collect()
        }
    }
}

/// What a tag parameter gets: `1.2`, `1.2@sha256:…`, or `latest@sha256:…` when only a digest is known (spec 2.2).
fn tag_text(version: &Version) -> String {
    match (&version.tag, &version.digest) {
        (None, Some(digest)) => format!("latest@{digest}"),
        _ => version.to_string(),
    }
}
