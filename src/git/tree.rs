//! What is at a path: trees as git stores them, and the walk through them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::git::error::Failure;
use crate::model::git::FilePath;
use crate::model::git::ObjectId;

/// What is at a path of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A regular file.
    File {
        blob: ObjectId,
        executable: bool,
    },
    Folder,
    Symlink,
    /// Another repository at this place.
    Submodule,
    Absent,
    /// What should be a folder on the way there is something else.
    Behind(String, &'static str),
}

impl Entry {
    /// The contents of a file, by name.
    pub(crate) fn blob(&self) -> Option<&ObjectId> {
        match self {
            Self::File { blob, .. } => Some(blob),
            _ => None,
        }
    }

    /// Why no file can be read or written there; `None` if one is there, or can be made. Completes "`path` …".
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            Self::File { .. } | Self::Absent => None,
            Self::Folder => Some("is a folder".to_owned()),
            Self::Symlink => Some("is a symbolic link, which is not followed".to_owned()),
            Self::Submodule => Some("is a submodule, which is another repository".to_owned()),
            Self::Behind(folder, what) => Some(format!("is behind `{folder}`, which is {what}")),
        }
    }
}

/// One line of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeEntry {
    mode: u32,
    pub(super) id: ObjectId,
}

impl TreeEntry {
    /// Whether it is a folder, by the type bits of its mode.
    pub(super) fn is_folder(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    fn entry(&self) -> Entry {
        match self.mode & 0o170_000 {
            0o040_000 => Entry::Folder,
            0o120_000 => Entry::Symlink,
            0o160_000 => Entry::Submodule,
            _ => Entry::File { blob: self.id.clone(), executable: self.mode & 0o100 != 0 },
        }
    }

    fn what(&self) -> &'static str {
        match self.mode & 0o170_000 {
            0o120_000 => "a symbolic link",
            0o160_000 => "a submodule",
            _ => "a file",
        }
    }
}

/// A folder: what is in it, by name.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<Vec<u8>, TreeEntry>);

impl Tree {
    /// Reads a tree object: `mode SP name NUL id`, again and again; an id has 20 bytes, or 32 with SHA-256.
    pub(super) fn parse(mut bytes: &[u8], id_length: usize) -> Result<Self, Failure> {
        let broken = || Failure::protocol("a folder of the repository is not as git writes it");
        let mut entries = BTreeMap::new();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|b| *b == b' ').ok_or_else(broken)?;
            let end = bytes.iter().position(|b| *b == 0).filter(|end| *end > space).ok_or_else(broken)?;
            let mode = std::str::from_utf8(&bytes[..space]).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
            let id = bytes.get(end + 1..end + 1 + id_length).ok_or_else(broken)?;
            let id = id.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").expect("a string takes text");
                text
            });
            let entry = TreeEntry { mode: mode.ok_or_else(broken)?, id: ObjectId::new(&id).ok_or_else(broken)? };
            // Two of one name: nobody could say which is meant.
            if entries.insert(bytes[space + 1..end].to_owned(), entry).is_some() {
                return Err(broken());
            }
            bytes = &bytes[end + 1 + id_length..];
        }
        Ok(Self(entries))
    }

    pub(super) fn get(&self, name: &str) -> Option<&TreeEntry> {
        self.0.get(name.as_bytes())
    }
}

/// How far a walk came.
pub(super) enum Walk {
    At(Entry),
    /// The next step needs this tree.
    Needs(ObjectId),
}

/// Walks from the root to a path through the trees that are known.
pub(super) fn walk<'a>(root: &ObjectId, path: &FilePath, known: impl Fn(&ObjectId) -> Option<&'a Tree>) -> Walk {
    let mut here = root;
    let mut walked = String::new();
    let mut parts = path.parts().peekable();
    while let Some(part) = parts.next() {
        let Some(tree) = known(here) else { return Walk::Needs(here.clone()) };
        if !walked.is_empty() {
            walked.push('/');
        }
        walked.push_str(part);
        let Some(entry) = tree.get(part) else { return Walk::At(Entry::Absent) };
        if parts.peek().is_none() {
            return Walk::At(entry.entry());
        }
        if !entry.is_folder() {
            return Walk::At(Entry::Behind(walked, entry.what()));
        }
        here = &entry.id;
    }
    Walk::At(Entry::Folder)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn object(lines: &[(&str, &str, u8)]) -> Vec<u8> {
        let line =
            |(mode, name, id): &(&str, &str, u8)| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[*id; 20]].concat();
        lines.iter().flat_map(line).collect()
    }

    fn id(byte: u8) -> ObjectId {
        ObjectId::new(&format!("{byte:02x}").repeat(20)).unwrap()
    }

    #[test]
    fn a_path_leads_to_what_is_there() {
        let root = object(&[("100644", "a", 1), ("40000", "d", 2), ("120000", "l", 3), ("160000", "s", 4)]);
        let folder = object(&[("100755", "x", 5), ("100664", "y", 6), ("40000", "e", 7)]);
        let trees: HashMap<ObjectId, Tree> =
            [(id(9), root), (id(2), folder)].map(|(id, bytes)| (id, Tree::parse(&bytes, 20).unwrap())).into();
        let at = |path: &str| match walk(&id(9), &FilePath::new(path).unwrap(), |id| trees.get(id)) {
            Walk::At(entry) => entry,
            Walk::Needs(id) => panic!("{path} needs {id}"),
        };
        let file = |byte, executable| Entry::File { blob: id(byte), executable };
        for (path, expected) in [
            ("a", file(1, false)),
            ("d/x", file(5, true)),
            ("d/y", file(6, false)),
            ("d", Entry::Folder),
            ("l", Entry::Symlink),
            ("s", Entry::Submodule),
            ("b", Entry::Absent),
            ("d/z/f", Entry::Absent),
            ("l/x", Entry::Behind("l".to_owned(), "a symbolic link")),
            ("s/x", Entry::Behind("s".to_owned(), "a submodule")),
            ("d/x/y", Entry::Behind("d/x".to_owned(), "a file")),
        ] {
            assert_eq!(at(path), expected, "{path}");
        }
        assert_eq!(at("l/x").refusal().unwrap(), "is behind `l`, which is a symbolic link");
        assert!(
            matches!(walk(&id(9), &FilePath::new("d/e/f").unwrap(), |id| trees.get(id)), Walk::Needs(need) if need == id(7))
        );
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let good = object(&[("100644", "a", 1)]);
        assert!(Tree::parse(&good, 20).is_ok());
        let twice = object(&[("100644", "a", 1), ("40000", "a", 2)]);
        for bytes in [&good[..good.len() - 1], b"100644 a", b"xyz a\0", &[&good[..], b"\0"].concat(), &twice] {
            assert!(Tree::parse(bytes, 20).is_err(), "{bytes:?}");
        }
    }
}
