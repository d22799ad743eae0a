//! What becomes of a file, to the byte: the cases of the Image Updater tables by their ids, and what this tool does
//! otherwise, with the row of its "Differences" that says so.

mod corpus;
mod kustomizations;
mod manifests;
mod overrides;
mod property;
mod quoting;
mod refusals;
mod values;

use super::*;

/// In place of a new value: the field goes away.
const GONE: &str = "(gone)";

const CREATE: Options<'static> = Options { create_keys: true, carried: &[] };

/// The field that a short name means in a kind of file.
fn field(kind: FileKind, at: &str) -> Field {
    match (kind, at.strip_prefix("image ")) {
        (FileKind::HelmValues, _) => Field::HelmValue(at.to_owned()),
        (FileKind::Kustomization, _) => Field::KustomizeImage(at.to_owned()),
        (FileKind::Override, Some(image)) => Field::KustomizeImage(image.to_owned()),
        (FileKind::Override, None) => Field::HelmParameter(at.to_owned()),
    }
}

/// Makes edits of a file from what stands there now.
fn edited(kind: FileKind, file: &str, to: &[(&str, &str)], options: &Options<'_>) -> Result<String, FileError> {
    let mut edits = Vec::new();
    for (at, to) in to {
        let field = field(kind, at);
        let from = value(kind, &file.as_bytes().into(), &field)?;
        edits.push(Edit { field, from, to: Some((*to).to_owned()).filter(|to| to != GONE) });
    }
    let bytes = edit(kind, Some(&file.as_bytes().into()), &edits, options)?;
    let text = String::from_utf8(bytes).expect("UTF-8 stays UTF-8");
    for edit in &edits {
        assert_eq!(
            value(kind, &text.as_bytes().into(), &edit.field),
            Ok(edit.to.clone()),
            "{file:?}: what was written is read"
        );
    }
    Ok(text)
}

/// One file, the edits of it, the file that must come of it, or a part of what is said instead.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Result<&'a str, &'a str>);

fn check(kind: FileKind, options: &Options<'_>, cases: &[Case<'_>]) {
    for (id, file, to, expected) in cases {
        match (edited(kind, file, to, options), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, *expected, "{id}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{id}: {error}"),
            (found, _) => panic!("{id}: {found:?}, not {expected:?}"),
        }
    }
}
