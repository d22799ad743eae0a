//! The files of a repository that images are written to, and how their bytes change: pure.
//!
//! One file a kind: `values`, `kustomization`, `parameters` (override files), `manifest`. They say which nodes change; `yaml` changes the bytes, and
//! refuses what it cannot change safely. Every byte comes from a repository that others write to.

use std::fmt;

use crate::model::application::HelmParameter;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::FileKind;

mod contents;
mod kustomization;
pub(crate) mod manifest;
mod parameters;
#[cfg(test)]
mod tests;
mod values;
mod yaml;

pub(crate) use contents::Contents;
pub(crate) use values::image_name_as_written;

use parameters::Place;
use yaml::New;
use yaml::Refusal;
use yaml::Yaml;

/// How edits are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// Make a key of a values file, or the file, if it is not there.
    pub(crate) create_keys: bool,
    /// What a list that is made in an override file takes along, because it hides the list of the Application. A list
    /// that is there is left as it is.
    pub(crate) carried: &'a [Carried],
}

/// A setting of an Application that an override file repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// An element of `helm.parameters`.
    Parameter { name: String, value: String, force_string: bool },
    /// An element of `kustomize.images`.
    Image(String),
}

/// What a file sets; `None` for a list that is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// `helm.parameters`.
    pub(crate) helm: Option<Vec<HelmParameter>>,
    /// Kustomize images, as `[old=]new[:tag][@digest]`.
    pub(crate) kustomize: Option<Vec<String>>,
    /// Elements that no such text stands for, each by a name that it has, and why. Only who means one minds.
    pub(crate) refused: Vec<(String, Refusal)>,
}

/// Why a file is not read or not edited; nothing is written then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileError {
    /// The file is not there, and none is made.
    NoFile,
    /// The field is not there, and no key is made.
    MissingKey(Field),
    /// The value is neither the one that was seen when the edit was decided, nor the new one.
    Changed { field: Field, expected: Option<String>, found: Option<String> },
    /// The file, or the place in it, cannot be read or edited safely.
    Refused(Refusal),
}

impl FileError {
    /// Whether somebody changed the value meanwhile.
    pub(crate) fn is_changed(&self) -> bool {
        matches!(self, Self::Changed { .. })
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.hint,
            _ => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| match value {
            Some(value) => format!("`{}`", value.escape_debug()),
            None => "not set".to_owned(),
        };
        match self {
            Self::NoFile => f.write_str("the file is not there"),
            Self::MissingKey(field) => write!(f, "{} `{}` is not in the file", field.kind(), field.at().escape_debug()),
            Self::Changed { field, expected, found } => {
                let (kind, at) = (field.kind(), field.at().escape_debug());
                write!(f, "{kind} `{at}` is {} now, not {}", shown(found), shown(expected))
            }
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}

impl From<Refusal> for FileError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The value of a field in a file, as it is written there; `None` if it is not in it. A key without a value, or with
/// `null`, has an empty one.
///
/// # Errors
/// The file, or the place in it, cannot be read.
pub(crate) fn value(kind: FileKind, file: &Contents, field: &Field) -> Result<Option<String>, FileError> {
    Ok(value_in(kind, read(kind, file)?, field)?)
}

/// The parameters and images that a file sets. A values file has none that could be told from other values.
///
/// # Errors
/// The file cannot be read, or is not what its kind says.
pub(crate) fn entries(kind: FileKind, file: &Contents) -> Result<Entries, FileError> {
    let yaml = read(kind, file)?;
    Ok(match kind {
        FileKind::Override => parameters::entries(yaml, Place::OVERRIDE)?,
        FileKind::Kustomization => kustomization::entries(yaml)?,
        FileKind::HelmValues => Entries::default(),
    })
}

/// The parameters and images that an override file puts in the place of the Application's.
///
/// # Errors
/// The file cannot be read, or is none.
pub(crate) fn replaced(file: &Contents) -> Result<Entries, FileError> {
    Ok(parameters::replaced(read(FileKind::Override, file)?, Place::OVERRIDE)?)
}

/// The bytes of a file after edits; `None` is a file that is not there. The bytes that come back differ from the old
/// ones in the scalars that change and in the lines of what is new or removed, and nowhere else.
///
/// # Errors
/// One of the edits cannot be made safely, or does not find what it expects; none is made then.
pub(crate) fn edit(
    kind: FileKind,
    file: Option<&Contents>,
    edits: &[Edit],
    options: &Options<'_>,
) -> Result<Vec<u8>, FileError> {
    let allowed = match kind {
        FileKind::Override => true,
        FileKind::Kustomization => false,
        FileKind::HelmValues => options.create_keys,
    };
    if file.is_none() && !allowed {
        return Err(FileError::NoFile);
    }
    let mut yaml = match file {
        Some(file) => read(kind, file)?.clone(),
        None => read(kind, &Contents::from([]))?.clone(),
    };
    let value = |yaml: &Yaml, field: &Field| value_in(kind, yaml, field);
    let needed = needed(&yaml, edits, value)?;
    match kind {
        FileKind::Override => parameters::edit(&mut yaml, Place::OVERRIDE, &needed, options.carried)?,
        FileKind::Kustomization => kustomization::edit(&mut yaml, &needed)?,
        FileKind::HelmValues => values::edit(&mut yaml, &needed, options.create_keys)?,
    }
    finished(yaml, edits, value)
}

/// The edits that find the old value.
fn needed<'a>(
    yaml: &Yaml,
    edits: &'a [Edit],
    value: impl Fn(&Yaml, &Field) -> Result<Option<String>, Refusal>,
) -> Result<Vec<&'a Edit>, FileError> {
    let mut needed = Vec::new();
    for edit in edits {
        let found = value(yaml, &edit.field)?;
        if found == edit.to {
            continue;
        }
        if found != edit.from {
            return Err(FileError::Changed { field: edit.field.clone(), expected: edit.from.clone(), found });
        }
        needed.push(edit);
    }
    Ok(needed)
}

/// The bytes of a file in which every edit can be read.
fn finished(
    yaml: Yaml,
    edits: &[Edit],
    value: impl Fn(&Yaml, &Field) -> Result<Option<String>, Refusal>,
) -> Result<Vec<u8>, FileError> {
    for edit in edits {
        if value(&yaml, &edit.field)? != edit.to {
            let at = edit.field.at().escape_debug();
            return Err(Refusal::new(format!("`{at}` and another edit of this file change one value")).into());
        }
    }
    Ok(yaml.into_bytes()?)
}

fn read(kind: FileKind, file: &Contents) -> Result<&Yaml, Refusal> {
    let yaml = file.yaml()?;
    if kind == FileKind::Kustomization && yaml.documents() > 1 {
        return Err(Refusal::new("the file has more than one document; Kustomize reads one"));
    }
    match yaml.root() {
        Some(root) if yaml.entries(root).is_none() => {
            Err(yaml.refuse(root, format!("the file holds {}, not a mapping", yaml.kind(root))))
        }
        _ => Ok(yaml),
    }
}

fn value_in(kind: FileKind, yaml: &Yaml, field: &Field) -> Result<Option<String>, Refusal> {
    match (kind, field) {
        (FileKind::Override, Field::HelmParameter(name)) => parameters::parameter(yaml, Place::OVERRIDE, name),
        (FileKind::Override, Field::KustomizeImage(name)) => parameters::image(yaml, Place::OVERRIDE, name),
        (FileKind::Kustomization, Field::KustomizeImage(name)) => kustomization::value(yaml, name),
        (FileKind::HelmValues, Field::HelmValue(path)) => values::value(yaml, path),
        _ => Err(wrong_field(field)),
    }
}

/// A field that a kind of file does not have.
fn wrong_field(field: &Field) -> Refusal {
    Refusal::new(format!("{} cannot be written to this kind of file", field.kind()))
}

/// An entry of a new mapping.
fn entry(key: &str, new: New) -> (String, New) {
    (key.to_owned(), new)
}
