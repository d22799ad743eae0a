//! Which files `-f` means, as kubectl takes it.
//!
//! Looks at the file system, reads no file. The order is that of the flags, and by name within a folder.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::manifests::ManifestError;

/// The endings by which a file of a folder counts as a manifest.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Something to read manifests from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Stdin,
    File(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => write!(f, "`{}`", path.display()),
        }
    }
}

/// Finds the files of all `-f`.
pub(super) fn find(filenames: &[String], recursive: bool) -> Result<Vec<Input>, ManifestError> {
    let mut inputs = Vec::new();
    for filename in filenames {
        match filename.as_str() {
            "-" if inputs.contains(&Input::Stdin) => {
                return Err(ManifestError::new("standard input can be read only once"));
            }
            "-" => inputs.push(Input::Stdin),
            "" => return Err(ManifestError::new("`-f` is given an empty file name")),
            url if url.starts_with("http://") || url.starts_with("https://") => {
                return Err(ManifestError::with_hint(
                    format!("`{url}` is a URL, and `-f` reads files"),
                    "download it and give it to `-f -`",
                ));
            }
            path => inputs.extend(find_one(Path::new(path), recursive)?.into_iter().map(Input::File)),
        }
    }
    Ok(inputs)
}

fn find_one(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, ManifestError> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        // A pipe is fine where it is named: `-f <(kustomize build)`.
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, recursive, &mut found).map_err(|(path, error)| unreadable(&path, &error))?;
    if found.is_empty() {
        let what = format!("the folder `{}` has no *.yaml, *.yml or *.json file", path.display());
        return Err(if recursive {
            ManifestError::new(what)
        } else {
            ManifestError::with_hint(what, "`-R` looks into the folders below it too")
        });
    }
    Ok(found)
}

/// Collects the manifests of a folder; links to folders are not followed, so there are no loops.
fn walk(folder: &Path, recursive: bool, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    let entries: io::Result<Vec<fs::DirEntry>> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            if recursive {
                walk(&path, recursive, found)?;
            }
            continue;
        }
        let named_so = path.extension().and_then(|e| e.to_str()).is_some_and(|e| ENDINGS.contains(&e));
        // Neither a pipe, which would never end, nor a link to nowhere, such as an editor's lock.
        if named_so && fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            found.push(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> ManifestError {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => ManifestError::new(format!("`{path}` does not exist")),
        _ => ManifestError::new(format!("`{path}` cannot be read: {error}")),
    }
}
