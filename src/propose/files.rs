//! The changes of a plan that go into files: what each file becomes, and what cannot be written. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::diagnostic::Diagnostic;
use crate::model::plan::Change;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::FileChange;
use crate::model::plan::FileKind;
use crate::model::plan::GitTarget;
use crate::writeback::Placement;
use crate::writeback::files::Contents;
use crate::writeback::files::FileError;

/// What the files of a plan become.
#[derive(Default)]
pub(crate) struct Landed {
    pub(crate) files: Vec<FileChange>,
    /// Changes that cannot be written, by id, and why.
    pub(crate) refused: BTreeMap<String, Diagnostic>,
    pub(crate) notes: Vec<Diagnostic>,
}

/// One file on the branch that is pushed.
type Place = (String, String, String);

fn place(target: &GitTarget) -> Option<Place> {
    Some((target.repository.clone(), target.push_branch.clone()?, target.path.clone()?))
}

/// Makes the edits of all changes to their files, in the order of the changes.
pub(crate) fn land(changes: &[Change], places: &BTreeMap<String, Placement>, create_keys: bool) -> Landed {
    let mut landed = Landed { refused: at_odds(changes), ..Landed::default() };
    let mut files: BTreeMap<Place, FileChange> = BTreeMap::new();
    for change in changes {
        let (Some(target), Some(placement)) = (change.git(), places.get(&change.id)) else { continue };
        let Some(key) = place(target).filter(|_| !landed.refused.contains_key(&change.id)) else { continue };
        let standing = placement.git.as_ref().and_then(|git| git.standing.as_ref());
        let before = standing.and_then(|standing| standing.bytes.clone());
        let known = files.get(&key).map(|file| Contents::from(file.after.clone()));
        match placement.edited_file(known.as_ref().or(before.as_ref()), &change.edits, create_keys) {
            Ok(after) => {
                let (repository, branch, path) = key.clone();
                let file = files.entry(key).or_insert_with(|| FileChange {
                    repository,
                    branch,
                    path,
                    before: before.map(|before| before.to_vec()),
                    after: Vec::new(),
                    changes: Vec::new(),
                });
                file.after = after;
                file.changes.push(change.id.clone());
                landed.notes.extend(notes(change, target, placement));
            }
            Err(error) => {
                let diagnostic = Refusal::of(target, &error).diagnostic(None).about(&change.application);
                landed.refused.insert(change.id.clone(), diagnostic);
            }
        }
    }
    landed.files = files.into_values().collect();
    landed
}

/// A change, and what it writes into one field.
type Writer<'a> = (&'a Change, Option<&'a str>);

/// The changes of several Applications that would give one value different contents.
fn at_odds(changes: &[Change]) -> BTreeMap<String, Diagnostic> {
    let mut values: BTreeMap<(Place, &Field), Vec<Writer<'_>>> = BTreeMap::new();
    for change in changes {
        let Some(place) = change.git().and_then(place) else { continue };
        for edit in &change.edits {
            values.entry((place.clone(), &edit.field)).or_default().push((change, edit.to.as_deref()));
        }
    }
    let mut refused = BTreeMap::new();
    for (((_, _, path), field), writers) in values {
        if writers.iter().all(|(_, to)| *to == writers[0].1) {
            continue;
        }
        let names: BTreeSet<_> = writers.iter().map(|(change, _)| format!("`{}`", change.application)).collect();
        let names: Vec<_> = names.into_iter().collect();
        let message =
            format!("{field} of {path} would be written for {}, each with another value", names.join(" and "));
        for (change, _) in writers {
            let diagnostic = Diagnostic::error("conflicting-targets", message.clone()).about(&change.application);
            refused.insert(change.id.clone(), diagnostic.hint("let each Application have a file or keys of its own"));
        }
    }
    refused
}

/// Why a file cannot take what would be written to it.
#[derive(Debug)]
pub(crate) struct Refusal {
    message: String,
    hint: Option<String>,
}

/// Says why the file of a placement, as it stands, cannot take edits; `None` if it can, or nobody looked at it.
pub(crate) fn refusal(placement: &Placement, edits: &[Edit], create_keys: bool) -> Option<Refusal> {
    let (target, standing) = (placement.git_target()?, placement.git.as_ref()?.standing.as_ref()?);
    if edits.is_empty() {
        return None;
    }
    let error = placement.edited_file(standing.bytes.as_ref(), edits, create_keys).err()?;
    Some(Refusal::of(target, &error))
}

impl Refusal {
    fn of(target: &GitTarget, error: &FileError) -> Self {
        const NAMED: &str = "`<alias>.helm.image-name` and `<alias>.helm.image-tag` name the keys";
        let path = target.path.as_deref().unwrap_or_default();
        let hint = match error {
            FileError::MissingKey(_) => Some(format!("{NAMED}; `plan` and `apply` with `--create-keys` add them")),
            FileError::NoFile if target.kind == FileKind::HelmValues => {
                Some("`plan` and `apply` with `--create-keys` make it".to_owned())
            }
            error => error.hint().map(str::to_owned),
        };
        Self { message: format!("{path}: {error}"), hint }
    }

    /// What is wrong, with the way out.
    pub(crate) fn whole(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// What is said about it. `label`: of the only image that it is about.
    pub(crate) fn diagnostic(&self, label: Option<&str>) -> Diagnostic {
        let label = label.map_or_else(String::new, |label| format!("{label}: "));
        let diagnostic = Diagnostic::error("file-not-editable", format!("{label}{}", self.message));
        match &self.hint {
            Some(hint) => diagnostic.hint(hint.clone()),
            None => diagnostic,
        }
    }
}

/// What people should know about a file that is written.
fn notes(change: &Change, target: &GitTarget, placement: &Placement) -> Vec<Diagnostic> {
    let path = target.path.as_deref().unwrap_or_default();
    let mut notes = Vec::new();
    let hidden = placement.git.as_ref().and_then(|git| git.standing.as_ref()).map(|standing| &standing.hidden);
    if let Some(hidden) = hidden.filter(|hidden| !hidden.is_empty()) {
        let message = format!("{path} hides parameters of the Application: {}", hidden.join(", "));
        notes.push(
            Diagnostic::warning("hidden-parameters", message)
                .hint("the list in the file replaces the Application's; add them there if they should be in force"),
        );
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    if target.kind == FileKind::Override && !name.starts_with(".argocd-source") {
        let message = format!("{path} gets what Argo CD merges over a source, but Argo CD reads no file of this name");
        notes.push(
            Diagnostic::warning("file-not-read", message)
                .hint("without `write-back-target` the file is one that it reads"),
        );
    }
    notes.into_iter().map(|note| note.about(&change.application)).collect()
}
