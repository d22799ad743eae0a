//! A file in a repository as what Argo CD makes of it: a source with the parameters or images that are in force.

use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Settings;
use crate::model::application::HelmParameter;
use crate::model::application::Source;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::plan::Field;
use crate::model::plan::FileKind;
use crate::writeback;
use crate::writeback::files;
use crate::writeback::files::Contents;
use crate::writeback::files::Entries;
use crate::writeback::files::FileError;
use crate::writeback::helm;
use crate::writeback::helm::Parameters;

/// What an override file is merged over.
pub(super) struct Below<'a> {
    pub(super) spec: &'a Source,
    /// The override file of all Applications, if there is one.
    pub(super) shared: Option<&'a Contents>,
}

/// A file, read.
pub(super) struct Read {
    pub(super) view: Source,
    pub(super) below: Source,
    pub(super) hidden: Vec<String>,
}

/// Reads a file for one image.
pub(super) fn read(
    kind: FileKind,
    bytes: Option<&Contents>,
    rule: &ImageRule,
    settings: &Settings,
    below: &Below<'_>,
) -> Result<Read, FileError> {
    let entries =
        |bytes: Option<&Contents>| bytes.map_or_else(|| Ok(Entries::default()), |bytes| files::entries(kind, bytes));
    match kind {
        FileKind::HelmValues => {
            let mut parameters = Vec::new();
            for name in names(settings) {
                let field = Field::HelmValue(name.to_owned());
                if let Some(value) = bytes.map(|bytes| files::value(kind, bytes, &field)).transpose()?.flatten() {
                    let value = full(value, rule.repository.as_ref());
                    parameters.push(HelmParameter { name: name.to_owned(), value, force_string: true });
                }
            }
            let view = Source { helm: Some(parameters), ..Source::default() };
            Ok(Read { view, below: Source::default(), hidden: Vec::new() })
        }
        FileKind::Kustomization => {
            let Entries { kustomize, refused, .. } = entries(bytes)?;
            if let Some((_, refusal)) = refused.into_iter().find(|(name, _)| is_meant(name, rule, settings)) {
                return Err(refusal.into());
            }
            let view = Source { kustomize: Some(kustomize.unwrap_or_default()), ..Source::default() };
            Ok(Read { view, below: Source::default(), hidden: Vec::new() })
        }
        // Lists replace lists (Argo CD merges JSON).
        FileKind::Override => {
            let below = merged(below.spec.clone(), entries(below.shared)?);
            let own = entries(bytes)?;
            let hidden = hidden(&below, &own);
            Ok(Read { view: merged(below.clone(), own), below, hidden })
        }
    }
}

/// The key paths that an image is set with.
fn names(settings: &Settings) -> Vec<&str> {
    match helm::parameters(&settings.targets) {
        Parameters::Spec(spec) => vec![spec],
        Parameters::NameAndTag { name, tag } => vec![name, tag],
    }
}

/// A source with what a file sets over it: lists replace lists.
pub(super) fn merged(source: Source, over: Entries) -> Source {
    Source { helm: over.helm.or(source.helm), kustomize: over.kustomize.or(source.kustomize), ..source }
}

/// The parameters that are set below, and that a list in the file replaces.
fn hidden(below: &Source, own: &Entries) -> Vec<String> {
    let Some(list) = &own.helm else { return Vec::new() };
    let names = below.helm.iter().flatten().map(|parameter| &parameter.name);
    names.filter(|name| list.iter().all(|own| own.name != **name)).cloned().collect()
}

/// Whether an element of this name is about the image.
fn is_meant(name: &str, rule: &ImageRule, settings: &Settings) -> bool {
    settings.targets.kustomize_name.as_deref() == Some(name)
        || rule.repository.as_ref().is_some_and(|repository| writeback::names(name, repository))
}

/// The value of a Helm value with the registry that charts write apart from the name (spec section 6.6): what names the
/// image without its registry means the image.
fn full(value: String, repository: Option<&Repository>) -> String {
    let Some(repository) = repository else { return value };
    let (name, rest) = value.split_at(Reference::name_length(&value));
    if is_short(name, repository) { format!("{repository}{rest}") } else { value }
}

fn is_short(name: &str, repository: &Repository) -> bool {
    name == repository.path() && Reference::parse(name).repository().as_ref() != Ok(repository)
}

/// A new value in the form that the old one has: without the registry if that stands elsewhere.
pub(super) fn as_written(kind: FileKind, from: Option<&str>, to: String) -> String {
    if kind != FileKind::HelmValues {
        return to;
    }
    let name = |text: &str| Reference::name_length(text);
    let (image, version) = to.split_at(name(&to));
    files::image_name_as_written(from.map(|from| &from[..name(from)]), image) + version
}
