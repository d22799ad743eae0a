//! Manifests and configs on disk, from run to run: what a digest names never changes.
//!
//! Each is a file under its digest, checked against it when it is read: a file that was damaged, or put there by
//! somebody else, is as good as none. Two processes may share the folder: a file appears whole, or not at all. Files are
//! spread over 256 folders, each of which is kept small, the oldest first to go. Beside them stands, for each
//! repository, which tag had which digest last time: a hint which tags are worth a HEAD, and never an answer. A cache
//! that cannot be read or written is none; that is no error.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::registry::manifests;
use crate::registry::memo::locked;

/// Version of what lies in the folder; another version is another folder.
const LAYOUT: &str = "v1";
/// Longest document that is kept; images that run have configs of some kilobytes.
const DOCUMENT: u64 = 512 * 1024;
/// Most bytes and files in one of the 256 folders.
const FOLDER: (u64, usize) = (1024 * 1024, 1024);
/// Most tags of one repository that are remembered.
const TAGS: usize = 5_000;

/// The cache, or the absence of one.
#[derive(Clone, Debug)]
pub(super) struct Cache(Option<Arc<Place>>);

#[derive(Debug)]
struct Place {
    root: PathBuf,
    /// Folders that were looked at whether they are small enough.
    swept: Mutex<HashSet<PathBuf>>,
}

/// Which tag had which digest.
pub(super) type Seen = BTreeMap<Tag, Digest>;

impl Cache {
    pub(super) fn new(root: Option<PathBuf>) -> Self {
        Self(root.map(|root| Arc::new(Place { root: root.join(LAYOUT), swept: Mutex::default() })))
    }

    /// The bytes that a digest names.
    pub(super) async fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let digest = digest.clone();
        self.blocking(move |place| {
            let path = place.document(&digest);
            let body = bounded(&path)?;
            if manifests::verify(&body, &digest, "file").is_ok() {
                return Some(body);
            }
            // Whatever it is, it is not that.
            let _gone = fs::remove_file(path);
            None
        })
        .await
    }

    /// Keeps what a digest names; the caller has verified it.
    pub(super) async fn write(&self, digest: &Digest, body: &[u8]) {
        if body.len() as u64 > DOCUMENT {
            return;
        }
        let (digest, body) = (digest.clone(), body.to_vec());
        self.blocking(move |place| place.write(&place.document(&digest), &body).ok()).await;
    }

    /// Which digest each tag of a repository had last time.
    pub(super) async fn seen(&self, repository: &str) -> Seen {
        let repository = repository.to_owned();
        let read = self.blocking(move |place| bounded(&place.seen(&repository))).await;
        let texts: BTreeMap<String, String> =
            read.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
        texts.iter().filter_map(|(tag, digest)| Some((Tag::new(tag)?, Digest::new(digest)?))).collect()
    }

    /// Keeps that for the next time.
    pub(super) async fn remember(&self, repository: &str, seen: &Seen) {
        // The last in order are the likelier ones to be asked for again.
        let texts: BTreeMap<&str, &str> =
            seen.iter().rev().take(TAGS).map(|(tag, digest)| (tag.as_str(), digest.as_str())).collect();
        let body = serde_json::to_vec(&texts).expect("a map of texts is JSON");
        let repository = repository.to_owned();
        self.blocking(move |place| place.write(&place.seen(&repository), &body).ok()).await;
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Place) -> Option<T> + Send + 'static) -> Option<T> {
        let place = Arc::clone(self.0.as_ref()?);
        tokio::task::spawn_blocking(move || work(&place)).await.ok().flatten()
    }
}

impl Place {
    fn document(&self, digest: &Digest) -> PathBuf {
        // A digest is an algorithm and hex digits, with a colon that is no good in a file name everywhere.
        let name = digest.as_str().replace(':', "-");
        let spread = digest.as_str().rsplit(':').next().and_then(|hex| hex.get(..2)).unwrap_or("00");
        self.root.join(spread).join(name)
    }

    fn seen(&self, repository: &str) -> PathBuf {
        let digest = manifests::sha256(repository.as_bytes());
        let path = self.document(&digest);
        path.with_file_name(digest.as_str().replace("sha256:", "tags-"))
    }

    fn write(&self, path: &Path, body: &[u8]) -> io::Result<()> {
        let folder = path.parent().expect("a file of the cache is in a folder");
        create(folder)?;
        if locked(&self.swept).insert(folder.to_owned()) {
            sweep(folder)?;
        }
        // Private like its folder: images of private registries are nobody else's business.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(body)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Reads a file that is no longer than documents are.
fn bounded(path: &Path) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    fs::File::open(path).ok()?.take(DOCUMENT + 1).read_to_end(&mut body).ok()?;
    (body.len() as u64 <= DOCUMENT).then_some(body)
}

fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes the oldest files of a folder that has grown too large, until a quarter of it is free again.
fn sweep(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        files.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    let (bytes, most) = FOLDER;
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    let mut count = files.len();
    if total <= bytes && count <= most {
        return Ok(());
    }
    files.sort();
    for (_, length, path) in files {
        if total <= bytes / 4 * 3 && count <= most / 4 * 3 {
            break;
        }
        // Another process may have been faster.
        let _gone = fs::remove_file(path);
        total -= length;
        count -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;

    fn files(root: &Path) -> Vec<PathBuf> {
        let folders = fs::read_dir(root.join(LAYOUT)).unwrap().map(|folder| folder.unwrap().path());
        folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path())).collect()
    }

    #[tokio::test]
    async fn what_was_written_is_read_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(root.path().to_owned()));
        let digest = manifests::sha256(b"{}");
        assert_eq!(cache.read(&digest).await, None);
        cache.write(&digest, b"{}").await;
        assert_eq!(cache.read(&digest).await.as_deref(), Some(b"{}".as_slice()));
        let [file] = files(root.path()).try_into().unwrap();
        fs::write(&file, "{ }").unwrap();
        assert_eq!(cache.read(&digest).await, None, "damaged");
        assert_eq!(files(root.path()), [] as [PathBuf; 0], "and thrown away");
        let large = vec![b' '; DOCUMENT as usize + 1];
        cache.write(&manifests::sha256(&large), &large).await;
        assert_eq!(files(root.path()), [] as [PathBuf; 0], "too large");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn it_is_private_and_does_without_itself() {
        use std::os::unix::fs::PermissionsExt as _;

        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(root.path().join("deep/er")));
        let digest = manifests::sha256(b"x");
        cache.write(&digest, b"x").await;
        let [file] = files(&root.path().join("deep/er")).try_into().unwrap();
        for (path, mode) in [(file.as_path(), 0o600), (file.parent().unwrap(), 0o700)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        for broken in [Cache::new(None), Cache::new(Some(file))] {
            broken.write(&digest, b"x").await;
            broken.remember("r", &Seen::new()).await;
            assert_eq!((broken.read(&digest).await, broken.seen("r").await), (None, Seen::new()));
        }
    }

    #[tokio::test]
    async fn tags_are_remembered_by_repository() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(root.path().to_owned()));
        let seen = Seen::from([(Tag::new("1.0").unwrap(), manifests::sha256(b"x"))]);
        cache.remember("https://a/b", &seen).await;
        assert_eq!(cache.seen("https://a/b").await, seen);
        assert_eq!(cache.seen("https://a/c").await, Seen::new());
        let [file] = files(root.path()).try_into().unwrap();
        for text in ["", "[]", "{\"1.0\":1}", "{\"1.0\":\"sha256:x\",\"\\u0007\":\"y\"}"] {
            fs::write(&file, text).unwrap();
            assert_eq!(cache.seen("https://a/b").await, Seen::new(), "{text}");
        }
    }

    #[test]
    fn a_folder_stays_small() {
        let root = tempfile::tempdir().unwrap();
        let base = fs::metadata(root.path()).unwrap().modified().unwrap();
        for number in 0..9_u64 {
            let path = root.path().join(number.to_string());
            fs::write(&path, vec![0; 128 * 1024]).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(base + std::time::Duration::from_secs(number)).unwrap();
        }
        sweep(root.path()).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["3", "4", "5", "6", "7", "8"], "the oldest went, until a quarter was free");
        sweep(root.path()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 6);
    }
}
