//! The temporary folders of clones: only this user can look into them, and none outlives its process for long.
//!
//! A folder goes when its value does, or with all others when the process ends without dropping anything. What a process
//! left that was killed, the next run of the same user removes: as long as a process lives, it holds the lock of its
//! folders, in whatever container it runs.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tempfile::TempDir;

use crate::git::error::Failure;

/// How the name of a folder begins.
const PREFIX: &str = "kubectl-image-update-clone-";
/// The file in a folder that is locked as long as its process lives.
const LOCK: &str = "lock";
/// How often, and how long apart, a folder is removed again while a process that was just killed still writes to it.
const REMOVALS: u32 = 100;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(20);

/// The folders of this process.
static OURS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn ours() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary folder that only this user can look into.
pub(super) struct Folder {
    path: PathBuf,
    /// `None`: the file system has no locks, and what is left in it stays.
    _lock: Option<File>,
}

impl Folder {
    pub(super) fn new(place: &Path) -> Result<Self, Failure> {
        let made = TempDir::with_prefix_in(PREFIX, place).map_err(|error| Failure::of_files(&error))?;
        // It has its name only when it is locked: nobody takes the folder for one that was left.
        let lock = locked(made.path()).ok();
        let path = made.keep();
        ours().insert(path.clone());
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.path);
        ours().remove(&self.path);
    }
}

fn locked(folder: &Path) -> std::io::Result<File> {
    let unnamed = folder.join("unlocked");
    let lock = File::create(&unnamed)?;
    lock.lock()?;
    std::fs::rename(&unnamed, folder.join(LOCK))?;
    Ok(lock)
}

fn remove(folder: &Path) {
    for _ in 0..REMOVALS {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => std::thread::sleep(BETWEEN_REMOVALS),
            _ => return,
        }
    }
}

/// Removes the folders of this process, which is about to end.
pub(super) fn remove_ours() {
    for folder in std::mem::take(&mut *ours()) {
        remove(&folder);
    }
}

/// Removes what processes of this user left that are no more. What cannot be removed stays: it is in nobody's way.
pub(super) fn remove_left(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    let names = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for path in names.map(|entry| entry.path()).filter(|path| is_own_folder(path)) {
        // Opened for reading only; the lock goes with the file.
        let Ok(lock) = File::open(path.join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            let _stays = std::fs::remove_dir_all(&path);
        }
    }
}

/// Whether it is a folder of this user's, and no link to one.
#[cfg(unix)]
fn is_own_folder(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let own = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == own)
}

/// Whether it is a folder; the temporary folder is each user's own.
#[cfg(not(unix))]
fn is_own_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_goes_and_what_is_in_use_stays() {
        let place = tempfile::tempdir().unwrap();
        let used = Folder::new(place.path()).unwrap();
        let folder = |name: &str, lock: bool| {
            let path = place.path().join(name);
            std::fs::create_dir_all(path.join("repository/objects")).unwrap();
            if lock {
                std::fs::write(path.join(LOCK), "").unwrap();
            }
            path
        };
        let left = folder("kubectl-image-update-clone-left", true);
        let kept = [
            // Nobody has locked it yet.
            folder("kubectl-image-update-clone-young", false),
            folder("kubectl-image-update-etcd-1", true),
            folder("other", true),
        ];
        #[cfg(unix)]
        std::os::unix::fs::symlink(&kept[2], place.path().join("kubectl-image-update-clone-link")).unwrap();
        remove_left(place.path());
        assert!(!left.exists());
        assert!(kept.iter().all(|path| path.is_dir()) && used.path().is_dir());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
        remove_left(&place.path().join("nowhere"));
    }
}
