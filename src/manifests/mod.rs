//! Applications from manifests instead of a cluster: the files, folders and standard input of `-f`.
//!
//! Finding and reading files is here and in `files`; what a text holds is pure (`documents`, `contents`). One broken
//! document never hides the others: it becomes a diagnostic that says where it is.

use std::fmt;
use std::io::Read;

use crate::manifests::contents::Contents;
use crate::manifests::files::Input;
use crate::model::application::Application;
use crate::model::diagnostic::Diagnostic;

mod contents;
mod documents;
mod files;
#[cfg(test)]
mod properties;

/// The largest file that is read; a full export of some thousand Applications is well below.
const LARGEST: u64 = 128 << 20;

/// What `-f` says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a> {
    /// Files, folders, and `-` for standard input.
    pub(crate) filenames: &'a [String],
    /// Folders with everything below them.
    pub(crate) recursive: bool,
    /// The namespace of an Application that names none.
    pub(crate) namespace: &'a str,
}

/// What was found, in the order of the files.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    pub(crate) applications: Vec<Application>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A `-f` that cannot be followed at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestError {
    what: String,
    hint: Option<String>,
}

impl ManifestError {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    fn with_hint(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: Some(hint.into()) }
    }

    /// What is likely to help.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ManifestError {}

/// Reads every Application of the selection.
///
/// # Errors
/// When a file or folder of the selection does not exist, cannot be looked into, or is given in a way that cannot be
/// meant.
pub(crate) fn read(selection: Selection<'_>, stdin: &mut dyn Read) -> Result<Manifests, ManifestError> {
    let mut contents = Contents::new(selection.namespace);
    for input in files::find(selection.filenames, selection.recursive)? {
        let text = match &input {
            Input::Stdin => text(stdin, LARGEST),
            Input::File(path) => {
                std::fs::File::open(path).map_err(|e| e.to_string()).and_then(|mut file| text(&mut file, LARGEST))
            }
        };
        match text {
            Ok(text) => contents.add(&input.to_string(), &text),
            Err(why) => contents.report(Diagnostic::error("bad-manifest", format!("{input}: {why}"))),
        }
    }
    Ok(contents.into_manifests())
}

fn text(reader: &mut dyn Read, largest: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    reader.take(largest + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > largest {
        return Err(format!("it is larger than {} MiB", largest >> 20));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const WEB: &str = "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web}}";

    fn read(filenames: &[&str], recursive: bool, stdin: &str) -> Result<Manifests, ManifestError> {
        let filenames: Vec<String> = filenames.iter().map(|name| (*name).to_owned()).collect();
        let selection = Selection { filenames: &filenames, recursive, namespace: "argocd" };
        super::read(selection, &mut stdin.as_bytes())
    }

    fn write(folder: &Path, name: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let app = Path::new(name).file_stem().unwrap().to_str().unwrap();
        std::fs::write(path, WEB.replace("web", app)).unwrap();
    }

    fn names(manifests: &Manifests) -> Vec<String> {
        manifests.applications.iter().map(|a| a.key.to_string()).collect()
    }

    #[test]
    fn folders_are_read_in_order_and_below_only_if_asked() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yaml", "c.json", "d.txt", "sub/e.yaml", "sub/deep/f.yaml", "a/g.yaml"] {
            write(folder.path(), name);
        }
        let root = folder.path().to_str().unwrap();
        let flat = read(&[root], false, "").unwrap();
        assert_eq!(names(&flat), ["argocd/a", "argocd/b", "argocd/c"]);
        assert!(flat.diagnostics.is_empty());
        let deep = read(&[root], true, "").unwrap();
        assert_eq!(names(&deep), ["argocd/g", "argocd/a", "argocd/b", "argocd/c", "argocd/f", "argocd/e"]);
        let single = read(&[&format!("{root}/d.txt"), &format!("{root}/a.yaml")], false, "").unwrap();
        assert_eq!(names(&single), ["argocd/d", "argocd/a"], "a file that is named is read whatever its ending");
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "sub/a.yaml");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/loop")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("sub/a.yaml"), folder.path().join("b.yaml")).unwrap();
        let found = read(&[folder.path().to_str().unwrap()], true, "").unwrap();
        assert_eq!(names(&found), ["argocd/a"], "the link to the file is the same Application again");
        let link = folder.path().join("sub/loop");
        assert_eq!(names(&read(&[link.to_str().unwrap()], true, "").unwrap()), ["argocd/a"], "unless it is named");
    }

    #[test]
    fn standard_input_is_a_file_like_any_other() {
        assert_eq!(names(&read(&["-"], false, WEB).unwrap()), ["argocd/web"]);
        let broken = read(&["-"], false, "a: [").unwrap();
        assert!(broken.diagnostics[0].message.starts_with("standard input, document 1"), "{:?}", broken.diagnostics);
        let failed = read(&["-", "-"], false, WEB).unwrap_err();
        assert_eq!(failed.to_string(), "standard input can be read only once");
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        write(folder.path(), "sub/a.yaml");
        for (filename, message) in [
            ("/missing/x.yaml", "`/missing/x.yaml` does not exist"),
            ("https://example.org/x.yaml", "`https://example.org/x.yaml` is a URL"),
            ("", "an empty file name"),
            (root, "has no *.yaml, *.yml or *.json file"),
        ] {
            let failed = read(&[filename], false, "").unwrap_err();
            assert!(failed.to_string().contains(message), "{failed}");
        }
        assert!(read(&[root], false, "").unwrap_err().hint().unwrap().contains("-R"));
    }

    #[test]
    fn a_file_that_cannot_be_read_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), b"\xff\xfe").unwrap();
        write(folder.path(), "b.yaml");
        let found = read(&[folder.path().to_str().unwrap()], false, "").unwrap();
        assert_eq!(names(&found), ["argocd/b"]);
        assert!(found.diagnostics[0].message.ends_with("a.yaml`: it is not UTF-8 from byte 0 on"));
    }

    #[test]
    fn a_text_without_end_is_cut_off() {
        let mut endless = std::io::repeat(b'#');
        assert_eq!(text(&mut endless, 1 << 20).unwrap_err(), "it is larger than 1 MiB");
    }
}
