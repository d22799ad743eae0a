//! A folder that somebody checked out: its files are read and edited in place. Links are not followed.

use std::fs;
use std::io::ErrorKind;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::model::decision::Reason;
use crate::model::git::FilePath;
use crate::model::git_url;
use crate::model::git_url::GitUrl;
use crate::repositories::Found;
use crate::repositories::Trouble;
use crate::repositories::Want;
use crate::writeback::files::Contents;
use crate::writeback::git::Entry;
use crate::writeback::git::Tree;

/// A folder that is read and written in the place of repositories.
pub(super) struct Checkout {
    pub(super) folder: PathBuf,
    /// Whether it is one of a repository that the run is about.
    is_asked_for: AtomicBool,
}

impl Checkout {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, is_asked_for: AtomicBool::new(false) }
    }

    /// Looks for files. If it is a checkout of a repository that is asked for, it has nothing to do with any other; else
    /// it is taken for whatever is asked for.
    pub(super) fn look(&self, wants: &[Want<'_>]) -> Vec<Found> {
        let remotes: Vec<String> = remotes(&self.folder).iter().map(GitUrl::place).collect();
        let is_of = |want: &Want<'_>| GitUrl::parse(want.repository).is_ok_and(|url| remotes.contains(&url.place()));
        if wants.iter().any(is_of) {
            self.is_asked_for.store(true, Ordering::Relaxed);
        }
        let is_known = self.is_asked_for.load(Ordering::Relaxed);
        let look = |want: &Want<'_>| {
            if is_known && !is_of(want) {
                let (folder, remotes) = (self.folder.display(), remotes.join(", "));
                let other = git_url::shown(want.repository);
                let message = format!("{folder} is a checkout of {remotes}, and not of {other}");
                return Err(Trouble { reason: Reason::GitUnreachable, message });
            }
            Ok(Some(tree(&self.folder, (want.branch, &want.paths))))
        };
        wants.iter().map(look).collect()
    }
}

/// A larger file is not one that people wrote values into.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Reads files below `folder`, which is taken for the branch that is asked for, whatever is checked out.
pub(crate) fn tree(folder: &Path, (wanted, paths): (Option<&str>, &[String])) -> Tree {
    let files = paths.iter().map(|path| (path.clone(), entry(folder, path))).collect();
    let branch = wanted.map(str::to_owned).or_else(|| branch(folder)).unwrap_or_else(|| "HEAD".to_owned());
    Tree { branch, commit: None, files }
}

/// The branch that is checked out, as far as the folder's own files tell.
fn branch(folder: &Path) -> Option<String> {
    let head = fs::read_to_string(folder.join(".git").join("HEAD")).ok()?;
    head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
}

/// The repositories that a checkout was made from or is pushed to, as its own configuration names them.
pub(crate) fn remotes(folder: &Path) -> Vec<GitUrl> {
    let git = folder.join(".git");
    // A linked worktree has a file there, which names a folder, which names the one that all worktrees share.
    let own = match fs::read_to_string(&git) {
        Ok(text) => folder.join(text.trim_end().strip_prefix("gitdir: ").unwrap_or_default()),
        Err(_) => git,
    };
    let common = fs::read_to_string(own.join("commondir"));
    let shared = common.map_or_else(|_| own.clone(), |common| own.join(common.trim_end()));
    remotes_in(&fs::read_to_string(shared.join("config")).unwrap_or_default())
}

/// The addresses of the remotes in a configuration of git.
fn remotes_in(config: &str) -> Vec<GitUrl> {
    let mut in_remote = false;
    let mut remotes = Vec::new();
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_remote = section.trim_start().to_ascii_lowercase().starts_with("remote ");
        } else if let Some((key, value)) = line.split_once('=').filter(|_| in_remote) {
            let is_address = ["url", "pushurl"].contains(&key.trim().to_ascii_lowercase().as_str());
            let value = value.trim().trim_matches('"');
            remotes.extend(GitUrl::parse(&without_login(value)).ok().filter(|_| is_address));
        }
    }
    remotes
}

/// An address without the login that some tools write into it.
fn without_login(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => address.to_owned(),
    }
}

fn entry(folder: &Path, path: &str) -> Entry {
    match place(folder, path) {
        Err(why) => Entry::Refused(why),
        Ok(file) => match read(&file) {
            Ok(Some(bytes)) => Entry::File { bytes, blob: None },
            Ok(None) => Entry::Absent,
            Err(why) => Entry::Refused(why),
        },
    }
}

fn read(file: &Path) -> Result<Option<Contents>, String> {
    match fs::symlink_metadata(file) {
        Ok(found) if !found.is_file() => Err("it is not a regular file".to_owned()),
        Ok(found) if found.len() > LARGEST => Err("it is too large".to_owned()),
        Ok(_) => fs::read(file).map(|bytes| Some(bytes.into())).map_err(|error| format!("it cannot be read: {error}")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

/// Where a file of the repository is, none of whose folders is a link or another repository.
fn place(folder: &Path, path: &str) -> Result<PathBuf, String> {
    let path = FilePath::new(path).map_err(|why| format!("the path {why}"))?;
    let mut place = folder.to_owned();
    let parts: Vec<&str> = path.parts().collect();
    let (name, folders) = parts.split_last().expect("a path has a part");
    for part in folders {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_dir() && !place.join(".git").exists() => {}
            Ok(found) if found.is_dir() => return Err(format!("it is behind `{part}`, which is another repository")),
            Ok(_) => return Err(format!("it is behind `{part}`, which is no folder")),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("`{part}` cannot be read: {error}")),
        }
    }
    place.push(name);
    Ok(place)
}

/// Replaces a file in one step, with the permissions it had.
///
/// # Errors
/// Says what went wrong; the file is then as it was.
pub(crate) fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<(), String> {
    replace(&place(folder, path)?, bytes).map_err(|error| format!("{path} was not written: {error}"))
}

/// Replaces a file in one step, with the permissions it had.
///
/// # Errors
/// The file is then as it was.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut new = tempfile::Builder::new().permissions(permissions(file)).tempfile_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// The permissions of a file, or those that a new one gets.
fn permissions(file: &Path) -> fs::Permissions {
    if let Ok(found) = fs::metadata(file) {
        return found.permissions();
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(0o644)
    }
    #[cfg(not(unix))]
    fs::metadata(file.parent().unwrap_or(Path::new(".")))
        .map_or_else(|_| unreachable!("the folder is there"), |found| found.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remotes_of_a_checkout_are_read() {
        for (config, expected) in [
            ("", &[][..]),
            ("[core]\n\turl = https://h/no\n[remote \"origin\"]\n\turl = https://h/a.git\n\tfetch = x\n", &["h/a"]),
            (
                "[Remote \"o\"]\nURL=git@h:a/b\npushurl = \"ssh://git@h/c\"\n[branch \"x\"]\nurl = https://h/d\n",
                &["h/a/b", "h/c"],
            ),
            ("[remote \"ci\"]\n url = https://token:secret@h/A/B.git\n", &["h/a/b"]),
            ("[remote \"disk\"]\n url = /srv/git/a.git\n", &[]),
        ] {
            let found: Vec<_> = remotes_in(config).iter().map(GitUrl::place).collect();
            assert_eq!(found, expected, "{config}");
        }
    }
}
