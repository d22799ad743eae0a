//! What becomes of a file, to the byte.

use super::*;

/// Makes edits of a file from what stands there now, and reads the result.
fn edited(
    kind: FileKind,
    file: &str,
    edits: &[(&str, Option<&str>)],
    options: &Options<'_>,
) -> Result<String, FileError> {
    let field = |at: &str| match kind {
        FileKind::HelmValues => Field::HelmValue(at.to_owned()),
        FileKind::Override if at.contains('/') => Field::KustomizeImage(at.to_owned()),
        FileKind::Override => Field::HelmParameter(at.to_owned()),
        FileKind::Kustomization => Field::KustomizeImage(at.to_owned()),
    };
    let mut made = Vec::new();
    for (at, to) in edits {
        let field = field(at);
        let from = value(kind, file.as_bytes(), &field)?;
        made.push(Edit { field, from, to: to.map(str::to_owned) });
    }
    let bytes = edit(kind, Some(file.as_bytes()), &made, options)?;
    Ok(String::from_utf8(bytes).expect("what is edited is UTF-8"))
}
