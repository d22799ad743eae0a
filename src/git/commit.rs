//! A commit out of changed files, without a checkout: the old tree with other blobs in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::git::clone::GitClone;
use crate::git::error::Failure;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::git::program::Step;
use crate::git::tree::Entry;
use crate::model::git::FilePath;
use crate::model::git::ObjectId;

/// A file as it is to be. Its mode stays; a new one is a plain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileChange {
    pub(crate) path: FilePath,
    pub(crate) contents: Vec<u8>,
}

/// Who a commit is by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    name: String,
    email: String,
}

impl Person {
    /// # Errors
    /// git could not write the name or the address into a commit. Completes "`name <email>` …".
    pub(crate) fn new(name: &str, email: &str) -> Result<Self, String> {
        let (name, email) = (name.trim(), email.trim());
        if name.chars().chain(email.chars()).any(|c| c.is_control() || matches!(c, '<' | '>')) {
            return Err("has a character in it that no author has: `<`, `>` or a line break".to_owned());
        }
        // git leaves these out at both ends, and then there may be nothing left.
        let crud = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
        if name.trim_matches(crud).is_empty() {
            return Err("has no name in it".to_owned());
        }
        Ok(Self { name: name.to_owned(), email: email.to_owned() })
    }

    /// Reads `Name <email> seconds zone`, as git writes an identity.
    pub(super) fn of_ident(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('<')?;
        Self::new(name, rest.split_once('>')?.0).ok()
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}

/// What signs commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SigningMethod {
    OpenPgp,
    Ssh,
}

/// With which key a commit is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SigningKey {
    /// As the caller's own git configuration says.
    Configured,
    /// A key that `gpg` knows by this name, or the file of an SSH key.
    Named(SigningMethod, String),
}

/// What a commit says beside its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitOptions {
    pub(crate) author: Person,
    pub(crate) message: String,
    /// Adds `Signed-off-by:` with the author.
    pub(crate) sign_off: bool,
    pub(crate) signing: Option<SigningKey>,
}

impl GitClone {
    /// Makes a commit on top of `parent`; `None` if every file is there just so already. It is not pushed.
    ///
    /// # Errors
    /// A path leads to something other than a file, the commit cannot be signed, or the disk is full.
    pub(crate) async fn commit(
        &mut self,
        parent: &ObjectId,
        files: &[FileChange],
        options: &CommitOptions,
    ) -> Result<Option<ObjectId>, GitError> {
        let committed = self.make(parent, files, options).await;
        committed.map_err(|failure| self.error("make a commit for", failure))
    }

    async fn make(
        &mut self,
        parent: &ObjectId,
        files: &[FileChange],
        options: &CommitOptions,
    ) -> Result<Option<ObjectId>, Failure> {
        let paths: Vec<FilePath> = files.iter().map(|file| file.path.clone()).collect();
        let before = self.walk_all(parent, &paths).await?;
        check(&paths, &before)?;
        // A push tells a file as the difference to the old one. Who edits a file has read it, so this fetches nothing.
        let old = before.iter().filter_map(Entry::blob).cloned().collect::<Vec<_>>();
        self.fetch_blobs(&old).await?;
        let blobs = self.write_blobs(files).await?;
        let mut changed = BTreeMap::new();
        for ((path, before), blob) in paths.iter().zip(before).zip(blobs) {
            let mode = match before {
                Entry::File { blob: old, .. } if old == blob => continue,
                Entry::File { executable: true, .. } => "100755",
                _ => "100644",
            };
            changed.insert(path.as_str(), (mode, blob));
        }
        if changed.is_empty() {
            return Ok(None);
        }
        let tree = self.write_tree(parent, &changed).await?;
        self.verify(parent, &tree, &changed).await?;
        let commit = self.write_commit(parent, &tree, options).await?;
        self.indexed = Some(commit.clone());
        Ok(Some(commit))
    }

    /// Puts contents into the clone, byte for byte: no attribute of a repository changes them.
    async fn write_blobs(&mut self, files: &[FileChange]) -> Result<Vec<ObjectId>, Failure> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.folder().join("contents");
        let mut names = String::new();
        let written = std::fs::create_dir_all(&folder).and_then(|()| {
            for (index, file) in files.iter().enumerate() {
                let path = folder.join(index.to_string());
                std::fs::write(&path, &file.contents)?;
                names.push_str(&path.display().to_string());
                names.push('\n');
            }
            Ok(())
        });
        written.map_err(|error| Failure::of_files(&error))?;
        let hash = self.git("hash-object").args(["-w", "--no-filters", "--stdin-paths"]).stdin(names);
        let answer = hash.done().await?;
        // They are in the clone now; what cannot be removed goes with the folder.
        let _removed = std::fs::remove_dir_all(&folder);
        let ids: Vec<ObjectId> = String::from_utf8_lossy(&answer).lines().filter_map(ObjectId::new).collect();
        if ids.len() != files.len() {
            return Err(Failure::protocol("git wrote fewer files than it was given"));
        }
        for id in &ids {
            self.has_blob(id);
        }
        Ok(ids)
    }

    async fn write_tree(
        &mut self,
        parent: &ObjectId,
        changed: &BTreeMap<&str, (&str, ObjectId)>,
    ) -> Result<ObjectId, Failure> {
        if self.indexed.as_ref() != Some(parent) {
            self.indexed = None;
            self.in_index("read-tree").arg(parent.as_str()).done().await?;
        }
        self.indexed = None;
        let lines: Vec<String> =
            changed.iter().map(|(path, (mode, blob))| format!("{mode} {blob}\t{path}\0")).collect();
        self.in_index("update-index").args(["--add", "-z", "--index-info"]).stdin(lines.concat()).done().await?;
        // Without the option git would fetch every file that the clone left out.
        let tree = self.in_index("write-tree").arg("--missing-ok").done().await?;
        one_id(&tree)
    }

    fn in_index(&self, subcommand: &str) -> Step<'_> {
        let index: PathBuf = self.folder().join("index");
        self.git(subcommand).env("GIT_INDEX_FILE", index)
    }

    /// Makes sure that the new tree differs from the old one in these files and in nothing else.
    async fn verify(
        &self,
        parent: &ObjectId,
        tree: &ObjectId,
        changed: &BTreeMap<&str, (&str, ObjectId)>,
    ) -> Result<(), Failure> {
        let diff = self.git("diff-tree").args(["-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--full-index"]);
        let diff = diff.args(["--ignore-submodules=none", parent.as_str(), tree.as_str(), "--"]).done().await?;
        let text = String::from_utf8_lossy(&diff).into_owned();
        let mut words = text.split('\0').filter(|word| !word.is_empty());
        let mut seen = BTreeMap::new();
        while let (Some(what), Some(path)) = (words.next(), words.next()) {
            let columns: Vec<&str> = what.split(' ').collect();
            let [_, mode, _, blob, _] = columns[..] else {
                return Err(Failure::protocol("git's list of changes cannot be read"));
            };
            seen.insert(path, (mode, ObjectId::new(blob)));
        }
        let expected: BTreeMap<&str, (&str, Option<ObjectId>)> =
            changed.iter().map(|(path, (mode, blob))| (*path, (*mode, Some(blob.clone())))).collect();
        if seen == expected {
            return Ok(());
        }
        Err(Failure::protocol("git would change other files than it was told to; nothing was committed"))
    }

    async fn write_commit(
        &self,
        parent: &ObjectId,
        tree: &ObjectId,
        options: &CommitOptions,
    ) -> Result<ObjectId, Failure> {
        let message = message(options)?;
        let date = format!("@{} +0000", self.settings().now.as_second());
        let mut step = self.git("commit-tree").with_callers_config();
        for role in ["AUTHOR", "COMMITTER"] {
            step = step
                .env(&format!("GIT_{role}_NAME"), &options.author.name)
                .env(&format!("GIT_{role}_EMAIL"), &options.author.email)
                .env(&format!("GIT_{role}_DATE"), &date);
        }
        match &options.signing {
            None => {}
            Some(SigningKey::Configured) => step = step.arg("-S"),
            Some(SigningKey::Named(method, key)) => {
                let format = match method {
                    SigningMethod::OpenPgp => "openpgp",
                    SigningMethod::Ssh => "ssh",
                };
                if key.is_empty() || key.starts_with('-') || key.chars().any(char::is_control) {
                    return Err(Failure::new(GitErrorKind::Signing, "the signing key's name is none"));
                }
                step = step.config("gpg.format", format).arg(format!("-S{key}"));
            }
        }
        let ended = step.args(["-p", parent.as_str(), "-F", "-", tree.as_str()]).stdin(message).run().await?;
        if ended.success {
            return one_id(&ended.stdout);
        }
        let failure = Failure::of_words(&ended.stderr);
        // Nothing else in this step can fail but the disk and the program that signs.
        let signing = options.signing.is_some() && failure.kind == GitErrorKind::Protocol;
        Err(if signing { Failure::new(GitErrorKind::Signing, failure.message) } else { failure })
    }
}

/// Refuses paths that lead to something other than a file, that are there twice, or of which one is within another.
fn check(paths: &[FilePath], before: &[Entry]) -> Result<(), Failure> {
    let refused = |path: &FilePath, why: &str| Err(Failure::new(GitErrorKind::Path, format!("`{path}` {why}")));
    let mut seen = BTreeSet::new();
    for (path, entry) in paths.iter().zip(before) {
        if let Some(why) = entry.refusal() {
            return refused(path, &why);
        }
        if !seen.insert(path.as_str()) {
            return refused(path, "is to be written twice");
        }
    }
    for path in paths {
        let mut folder = path.folder();
        while let Some(inner) = folder {
            if seen.contains(inner.as_str()) {
                return refused(path, &format!("is within `{inner}`, which is to be a file"));
            }
            folder = inner.folder();
        }
    }
    Ok(())
}

fn one_id(answer: &[u8]) -> Result<ObjectId, Failure> {
    let text = String::from_utf8_lossy(answer);
    ObjectId::new(text.trim()).ok_or_else(|| Failure::protocol("git gave no object where it should"))
}

/// The message as it is stored: it ends with a newline, and a sign-off stands in its last paragraph of trailers.
fn message(options: &CommitOptions) -> Result<String, Failure> {
    let text = options.message.trim_end();
    if text.trim().is_empty() || text.contains('\0') {
        return Err(Failure::new(GitErrorKind::Refused, "the commit message is empty, or no text"));
    }
    let line = format!("Signed-off-by: {}", options.author);
    if !options.sign_off || text.lines().any(|known| known == line) {
        return Ok(format!("{text}\n"));
    }
    let last: Vec<&str> = text.lines().rev().take_while(|line| !line.trim().is_empty()).collect();
    let trailers = last.len() < text.lines().count() && last.iter().all(|line| is_trailer(line));
    let between = if trailers { "\n" } else { "\n\n" };
    Ok(format!("{text}{between}{line}\n"))
}

/// `Key: value`, as `git interpret-trailers` knows it.
fn is_trailer(line: &str) -> bool {
    line.split_once(": ")
        .is_some_and(|(key, _)| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_off_goes_where_git_puts_it() {
        let author = Person::new("A B", "a@b").unwrap();
        for (text, expected) in [
            ("subject", "subject\n\nSigned-off-by: A B <a@b>\n"),
            ("subject\n\nbody\n", "subject\n\nbody\n\nSigned-off-by: A B <a@b>\n"),
            ("subject\n\nFixes: 1\n", "subject\n\nFixes: 1\nSigned-off-by: A B <a@b>\n"),
            ("build: subject", "build: subject\n\nSigned-off-by: A B <a@b>\n"),
            ("s\n\nSigned-off-by: A B <a@b>\n", "s\n\nSigned-off-by: A B <a@b>\n"),
        ] {
            let options =
                CommitOptions { author: author.clone(), message: text.to_owned(), sign_off: true, signing: None };
            assert_eq!(message(&options).unwrap(), expected);
            assert_eq!(
                message(&CommitOptions { sign_off: false, ..options }).unwrap(),
                format!("{}\n", text.trim_end())
            );
        }
        let options = CommitOptions { author, message: " \n".to_owned(), sign_off: false, signing: None };
        assert!(message(&options).is_err());
    }

    #[test]
    fn a_person_has_a_name_that_git_can_write() {
        assert_eq!(Person::new(" A B ", "a@b").unwrap().to_string(), "A B <a@b>");
        assert_eq!(Person::of_ident("A B <a@b> 1700000000 +0100\n"), Person::new("A B", "a@b").ok());
        assert_eq!(Person::new("a", "").unwrap().to_string(), "a <>");
        for (name, email) in [("", "a@b"), (" .,: ", "a@b"), ("a<b", "c"), ("a\nAuthor: b", "c"), ("a", "b>c")] {
            assert!(Person::new(name, email).is_err(), "{name:?} {email:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_written() {
        let paths = |texts: &[&str]| texts.iter().map(|text| FilePath::new(text).unwrap()).collect::<Vec<_>>();
        for (written, entry, expected) in [
            (&["a", "b/c"][..], Entry::Absent, None),
            (&["a"], Entry::Folder, Some("`a` is a folder")),
            (&["a"], Entry::Symlink, Some("`a` is a symbolic link, which is not followed")),
            (&["a/b"], Entry::Behind("a".to_owned(), "a file"), Some("`a/b` is behind `a`, which is a file")),
            (&["a", "a"], Entry::Absent, Some("`a` is to be written twice")),
            (&["a/b/c", "a"], Entry::Absent, Some("`a/b/c` is within `a`, which is to be a file")),
        ] {
            let checked = check(&paths(written), &vec![entry; written.len()]);
            assert_eq!(checked.err().map(|failure| failure.message).as_deref(), expected);
        }
    }
}
