//! Paths in a repository, as annotations give them: made plain, and refused where they lead out.

use crate::model::git::FilePath;

/// Joins two paths and makes the result plain: no `.`, no `..`, no `/` at either end. Empty is the root.
///
/// # Errors
/// It leads out of the repository, or into what is git's own.
pub(super) fn plain(folder: &str, path: &str) -> Result<String, String> {
    let refused = |why: &str| format!("the path `{}` {why}", path.escape_debug());
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| refused("leads out of the repository"))?;
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    if path.is_empty() {
        return Ok(path);
    }
    FilePath::new(&path).map(|path| path.to_string()).map_err(|why| refused(&why))
}

/// The folder and the name of a plain path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A name in a folder.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether a revision is the full name of a commit, to which nothing can be pushed.
pub(super) fn is_commit(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain_or_refused() {
        for (folder, path, expected) in [
            ("", "values.yaml", Ok("values.yaml")),
            (".", "./values.yaml", Ok("values.yaml")),
            ("bar", "foo/app-values.yaml", Ok("bar/foo/app-values.yaml")),
            ("bar/foo", "../baz/app-values.yaml", Ok("bar/baz/app-values.yaml")),
            ("a//b/", "c", Ok("a/b/c")),
            ("a", "..", Ok("")),
            ("a", "../../x", Err("leads out of the repository")),
            ("", "/../x", Err("leads out of the repository")),
            ("a", "../.git/config", Err("leads into `.git`")),
            ("a", ".GIT/config", Err("leads into `.git`")),
            ("a", "x\ny", Err("control character")),
            ("a", ".github/x.yaml", Ok("a/.github/x.yaml")),
        ] {
            match (plain(folder, path), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, _) => panic!("{folder} {path}: {found:?}"),
            }
        }
    }
}
