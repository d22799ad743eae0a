//! Objects out of a clone, in as few runs of git as there are steps that depend on each other.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::git::clone::GitClone;
use crate::git::error::Failure;
use crate::git::error::GitError;
use crate::git::error::GitErrorKind;
use crate::git::tree::Entry;
use crate::git::tree::Tree;
use crate::git::tree::Walk;
use crate::git::tree::walk;
use crate::git::unmerged::Unmerged;
use crate::model::git::FilePath;
use crate::model::git::ObjectId;

/// How many files are read out of a clone in one run of git.
const FILES_AT_A_TIME: usize = 64;

/// What a clone has read already. Objects never change, so nothing in it gets old.
#[derive(Default)]
pub(super) struct Known {
    /// The root of each commit.
    roots: BTreeMap<ObjectId, ObjectId>,
    trees: BTreeMap<ObjectId, Tree>,
    /// Blobs that have been fetched.
    blobs: BTreeSet<ObjectId>,
    /// What one commit has that another lacks.
    pub(super) unmerged: BTreeMap<(ObjectId, ObjectId), Unmerged>,
}

impl GitClone {
    /// What is at each of these paths of a commit that was fetched or made.
    ///
    /// # Errors
    /// The repository is damaged.
    pub(crate) async fn entries(&mut self, commit: &ObjectId, paths: &[FilePath]) -> Result<Vec<Entry>, GitError> {
        let found = self.walk_all(commit, paths).await;
        found.map_err(|failure| self.error("read the folders of", failure))
    }

    /// The contents of files, in this order. Those that are not here yet are fetched, all at once.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(crate) async fn contents(&mut self, blobs: &[ObjectId]) -> Result<Vec<Vec<u8>>, GitError> {
        let contents = self.read_blobs(blobs).await;
        contents.map_err(|failure| self.error("read files of", failure))
    }

    pub(super) async fn walk_all(&mut self, commit: &ObjectId, paths: &[FilePath]) -> Result<Vec<Entry>, Failure> {
        let root = self.root(commit).await?;
        loop {
            let mut found = Vec::with_capacity(paths.len());
            let mut needed = BTreeSet::new();
            for path in paths {
                match walk(&root, path, |id| self.known.trees.get(id)) {
                    Walk::At(entry) => found.push(entry),
                    Walk::Needs(tree) => {
                        needed.insert(tree);
                    }
                }
            }
            if needed.is_empty() {
                return Ok(found);
            }
            self.learn(&needed.into_iter().collect::<Vec<_>>()).await?;
        }
    }

    async fn root(&mut self, commit: &ObjectId) -> Result<ObjectId, Failure> {
        if let Some(root) = self.known.roots.get(commit) {
            return Ok(root.clone());
        }
        let object = self.batch(&[format!("{commit}^{{tree}}")]).await?.remove(0);
        let tree = Tree::parse(&object.bytes, self.id_length())?;
        self.known.trees.insert(object.id.clone(), tree);
        self.known.roots.insert(commit.clone(), object.id.clone());
        Ok(object.id)
    }

    /// Reads those of these trees that are not known.
    async fn learn(&mut self, trees: &[ObjectId]) -> Result<(), Failure> {
        let names = trees.iter().filter(|id| !self.known.trees.contains_key(*id)).map(ObjectId::to_string);
        let names: Vec<String> = names.collect();
        for object in self.batch(&names).await? {
            if object.kind != "tree" {
                return Err(Failure::protocol(format!("{} is no folder", object.id)));
            }
            let tree = Tree::parse(&object.bytes, self.id_length())?;
            self.known.trees.insert(object.id, tree);
        }
        Ok(())
    }

    async fn read_blobs(&mut self, blobs: &[ObjectId]) -> Result<Vec<Vec<u8>>, Failure> {
        self.fetch_blobs(blobs).await?;
        let wanted: BTreeSet<&ObjectId> = blobs.iter().collect();
        let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let mut read = BTreeMap::new();
        // Some at a time: an answer has a limit, which the files of hundreds of Applications may pass together.
        for names in names.chunks(FILES_AT_A_TIME) {
            for object in self.batch(names).await? {
                if object.kind != "blob" {
                    return Err(Failure::protocol(format!("{} is no file", object.id)));
                }
                read.insert(object.id, object.bytes);
            }
        }
        let contents = |id| read.get(id).cloned().ok_or_else(|| Failure::protocol(format!("{id} was not given")));
        blobs.iter().map(contents).collect()
    }

    /// Fetches, in one run, those blobs that were left out of the clone and not fetched since.
    pub(super) async fn fetch_blobs(&mut self, blobs: &[ObjectId]) -> Result<(), Failure> {
        let missing: BTreeSet<&ObjectId> = blobs.iter().filter(|id| !self.known.blobs.contains(*id)).collect();
        if missing.is_empty() || !self.is_partial() {
            return Ok(());
        }
        let wanted: Vec<&str> = missing.iter().map(|id| id.as_str()).collect();
        // Without "haves": the server cannot leave anything out for what we seem to have, and is not told it either.
        let fetch = self.fetch_step().config("fetch.negotiationAlgorithm", "noop");
        let fetch = fetch.arg("--stdin").arg("--").arg(GitClone::REMOTE).stdin(wanted.join("\n") + "\n");
        match fetch.done().await {
            // Servers that speak the old protocol give single files to nobody.
            Err(failure) if failure.kind == GitErrorKind::NotFound => self.fill().await?,
            answer => drop(answer?),
        }
        self.known.blobs.extend(blobs.iter().cloned());
        Ok(())
    }

    /// Says that this blob was made here.
    pub(super) fn has_blob(&mut self, id: &ObjectId) {
        self.known.blobs.insert(id.clone());
    }

    /// Reads objects that are here, in the order of their names.
    async fn batch(&self, names: &[String]) -> Result<Vec<Object>, Failure> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.git("cat-file").arg("--batch").stdin(names.join("\n") + "\n").done().await?;
        let objects = parse_batch(&answer)?;
        if objects.len() != names.len() {
            return Err(Failure::protocol("git gave fewer objects than it was asked for"));
        }
        Ok(objects)
    }
}

/// An object as `cat-file --batch` gives it.
struct Object {
    id: ObjectId,
    kind: String,
    bytes: Vec<u8>,
}

/// Reads `id SP kind SP size LF contents LF`, again and again.
fn parse_batch(mut answer: &[u8]) -> Result<Vec<Object>, Failure> {
    let mut objects = Vec::new();
    while !answer.is_empty() {
        let end = answer.iter().position(|b| *b == b'\n').unwrap_or(answer.len());
        let line = String::from_utf8_lossy(&answer[..end]).into_owned();
        let words: Vec<&str> = line.split(' ').collect();
        let object = match words[..] {
            [id, kind, size] => ObjectId::new(id).zip(size.parse::<usize>().ok()).map(|(id, size)| (id, kind, size)),
            _ => None,
        };
        let Some((id, kind, size)) = object else {
            let name = line.split(' ').next().unwrap_or_default();
            return Err(Failure::protocol(format!("the repository has no object {name}")));
        };
        let rest = answer.get(end + 1..).unwrap_or_default();
        let bytes = rest.get(..size).ok_or_else(|| Failure::protocol("git's answer was cut off"))?;
        objects.push(Object { id, kind: kind.to_owned(), bytes: bytes.to_owned() });
        answer = rest.get(size + 1..).unwrap_or_default();
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_one_after_the_other() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let answer = format!("{one} blob 3\na\nb\n{two} tree 0\n\n");
        let objects = parse_batch(answer.as_bytes()).unwrap();
        let shown: Vec<_> = objects.iter().map(|o| (o.kind.as_str(), o.bytes.as_slice())).collect();
        assert_eq!(shown, [("blob", &b"a\nb"[..]), ("tree", b"")]);
        let endless = format!("{one} blob {}\nabc\n", usize::MAX);
        for answer in [format!("{one} missing\n"), format!("{one} blob 9\nabc\n"), endless, "x\n".to_owned()] {
            assert!(parse_batch(answer.as_bytes()).is_err(), "{answer}");
        }
    }
}
