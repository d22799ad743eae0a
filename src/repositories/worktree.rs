//! A folder that somebody checked out: its files are read and edited in place. Links are not followed.

use std::fs;
use std::io::ErrorKind;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use crate::model::git::FilePath;
use crate::writeback::files::Contents;
use crate::writeback::git::Entry;
use crate::writeback::git::Tree;

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
