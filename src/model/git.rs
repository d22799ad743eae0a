//! The names inside a git repository: branches, objects, files. One that git, a terminal or a server could take for
//! something else is no name.

use std::fmt;

/// Most bytes of a branch's name: what servers and file systems take.
const BRANCH: usize = 255;
/// Most bytes of a file's path.
const PATH: usize = 4096;

/// The name of a branch, without `refs/heads/` (the rules of `git check-ref-format --branch`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BranchName(String);

impl BranchName {
    /// # Errors
    /// Says which rule is broken; completes "`…` …".
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let illegal = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
        let broken = match text {
            "" => Some("is empty".to_owned()),
            "@" | "HEAD" => Some("is a name that git gives another meaning".to_owned()),
            _ if text.len() > BRANCH => Some(format!("is longer than {BRANCH} bytes")),
            _ if text.starts_with('-') => Some("begins with `-`".to_owned()),
            _ if text.contains("..") || text.contains("@{") => Some("has `..` or `@{` in it".to_owned()),
            _ if text.ends_with('.') => Some("ends with a dot".to_owned()),
            _ => None,
        };
        let broken = broken.or_else(|| match text.chars().find(|c| illegal(*c)) {
            Some(c) if c.is_control() => Some("has a control character in it".to_owned()),
            Some(c) => Some(format!("has `{c}` in it")),
            None => None,
        });
        let broken = broken.or_else(|| {
            text.split('/').find_map(|part| {
                let lock = part.len() >= 5 && part.as_bytes()[part.len() - 5..].eq_ignore_ascii_case(b".lock");
                match part {
                    "" => Some("has an empty part between slashes".to_owned()),
                    _ if part.starts_with('.') => Some("has a part that begins with a dot".to_owned()),
                    _ if lock => Some("has a part that ends with `.lock`".to_owned()),
                    _ => None,
                }
            })
        });
        broken.map_or_else(|| Ok(Self(text.to_owned())), Err)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a commit, tree or blob: 40 hexadecimal digits, or 64 in a repository with SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectId(String);

impl ObjectId {
    /// The name in lower case; `None` if it is no such name.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let legal = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        legal.then(|| Self(text.to_ascii_lowercase()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a file or folder in a repository, from its root: it stays inside and out of `.git`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FilePath(String);

impl FilePath {
    /// # Errors
    /// Says what is wrong with it; completes "`…` …".
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if text.len() > PATH {
            return Err(format!("is longer than {PATH} bytes"));
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err("has a control character or a backslash in it".to_owned());
        }
        for name in text.split('/') {
            match name {
                "" => return Err("does not name a file from the root of the repository".to_owned()),
                "." | ".." => return Err(format!("has `{name}` in it")),
                _ if is_git_folder(name) => return Err("leads into `.git`".to_owned()),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it is in; `None` for the root.
    pub(crate) fn folder(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(folder, _)| Self(folder.to_owned()))
    }

    /// The parts of the path, from the root.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether some file system takes the name for `.git` (the rules of git's `verify_path`: case, what HFS+ leaves out,
/// what NTFS leaves out or calls by a short name).
fn is_git_folder(name: &str) -> bool {
    let left_out =
        |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = name.chars().filter(|c| !left_out(*c)).collect::<String>().to_ascii_lowercase();
    let before_stream = plain.split(':').next().unwrap_or(&plain);
    matches!(before_stream.trim_end_matches([' ', '.']), ".git" | "git~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_have_legal_names() {
        for name in ["main", "release/1.x", "image-updater-foo/bar-1.1", "ünï", "a@b", "HEAD/x", "a.lock.b"] {
            assert_eq!(BranchName::new(name).unwrap().to_string(), name);
        }
        for (name, expected) in [
            ("", "is empty"),
            ("@", "is a name that git gives another meaning"),
            ("HEAD", "is a name that git gives another meaning"),
            ("-f", "begins with `-`"),
            ("a..b", "has `..` or `@{` in it"),
            ("a@{1}", "has `..` or `@{` in it"),
            ("a.", "ends with a dot"),
            ("iu-sha256:abc", "has `:` in it"),
            ("a b", "has ` ` in it"),
            ("a\nb", "has a control character in it"),
            ("a//b", "has an empty part between slashes"),
            ("/a", "has an empty part between slashes"),
            ("a/", "has an empty part between slashes"),
            ("a/.b", "has a part that begins with a dot"),
            ("a.lock/b", "has a part that ends with `.lock`"),
        ] {
            assert_eq!(BranchName::new(name).unwrap_err(), expected, "{name:?}");
        }
        assert!(BranchName::new(&"é".repeat(127)).is_ok());
        assert_eq!(BranchName::new(&"é".repeat(128)).unwrap_err(), "is longer than 255 bytes");
    }

    #[test]
    fn objects_have_hexadecimal_names() {
        assert_eq!(ObjectId::new(&"aB".repeat(20)).unwrap().to_string(), "ab".repeat(20));
        assert!(ObjectId::new(&"0".repeat(64)).is_some());
        for text in ["", "abc", &"g".repeat(40), &"a".repeat(41)] {
            assert_eq!(ObjectId::new(text), None, "{text}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for path in
            ["values.yaml", "charts/web/values.yaml", ".argocd-source-a.yaml", ".github/x", "a b/ü", "-x", "git"]
        {
            assert_eq!(FilePath::new(path).unwrap().to_string(), path);
        }
        for (path, expected) in [
            ("", "is empty"),
            ("/etc/passwd", "does not name a file from the root of the repository"),
            ("a//b", "does not name a file from the root of the repository"),
            ("a/", "does not name a file from the root of the repository"),
            ("../a", "has `..` in it"),
            ("a/../b", "has `..` in it"),
            ("./a", "has `.` in it"),
            ("a\\b", "has a control character or a backslash in it"),
            ("a\nb", "has a control character or a backslash in it"),
            (".git/config", "leads into `.git`"),
            ("a/.GIT/hooks/x", "leads into `.git`"),
            (".g\u{200c}it/x", "leads into `.git`"),
            ("git~1/x", "leads into `.git`"),
            (".git . /x", "leads into `.git`"),
            (".git::$INDEX_ALLOCATION/x", "leads into `.git`"),
        ] {
            assert_eq!(FilePath::new(path).unwrap_err(), expected, "{path:?}");
        }
        let path = FilePath::new("a/b/c").unwrap();
        assert_eq!(path.folder().unwrap().folder().unwrap().as_str(), "a");
        assert_eq!(FilePath::new("a").unwrap().folder(), None);
    }
}
