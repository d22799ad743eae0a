//! `--shard I/N`: the part of the work that one of several workers does.
//!
//! Applications that write to one repository belong together, whatever the branch, so that no two workers ever push to
//! the same one; any other Application is by itself. Which is which is told from annotations and specs alone: no
//! registry and no repository is asked before. Workers that see the same Applications come to the same parts, on any
//! machine and in any version: part = SHA-256(key), its first 8 bytes as a big-endian number, modulo N. The key is
//! `git HOST/PATH` in lower case without `.git`, else `application NAMESPACE/NAME`; of Applications that are tied
//! together by several repositories it is the first in byte order.

use std::collections::BTreeMap;

use sha2::Digest as _;
use sha2::Sha256;

use crate::error::Error;
use crate::model::git_url::GitUrl;
use crate::run::Selected;
use crate::writeback;

/// The variable that a Kubernetes Indexed Job sets to the number of the pod, from 0.
const INDEX: &str = "JOB_COMPLETION_INDEX";
/// The number of the part, if it is that of the pod.
const AUTO: &str = "auto";
/// The most parts that work can be split into.
const MOST: u64 = 10_000;

/// One part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 0.
    index: u64,
    count: u64,
}

impl Shard {
    /// Reads `I/N`, I from 1 to N, or `auto/N`.
    ///
    /// # Errors
    /// Says what is wrong with it, or with `JOB_COMPLETION_INDEX`.
    pub(crate) fn parse(text: &str, index: Option<&str>) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::usage(format!("--shard: `{}` {why}", text.escape_debug()))
                .hint("for example 2/5, the second of five parts, or auto/5 in a Kubernetes Indexed Job")
        };
        let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let (part, count) = text.split_once('/').ok_or_else(|| wrong("is not I/N"))?;
        let count = number(count).filter(|count| (1..=MOST).contains(count)).ok_or_else(|| wrong("is not I/N"))?;
        if part == AUTO {
            let index = index.ok_or_else(|| wrong(&format!("needs {INDEX}, which an Indexed Job sets")))?;
            let index = number(index).filter(|index| *index < count);
            let index = index.ok_or_else(|| wrong(&format!("does not go with the value of {INDEX}")))?;
            return Ok(Self { index, count });
        }
        let part = number(part).filter(|part| (1..=count).contains(part));
        let part = part.ok_or_else(|| wrong("names no part from 1 on"))?;
        Ok(Self { index: part - 1, count })
    }

    /// The variable whose value `auto` stands for.
    pub(crate) fn variable() -> &'static str {
        INDEX
    }

    fn holds(self, key: &str) -> bool {
        let hash = Sha256::digest(key.as_bytes());
        let number = hash.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        number % self.count == self.index
    }

    /// Which Applications of a selection belong to the part. `source` is what `--source` says.
    pub(crate) fn members(self, selected: &[Selected], source: Option<&str>) -> Vec<bool> {
        let keys: Vec<Vec<String>> = selected.iter().map(|selected| keys(selected, source)).collect();
        let groups = Groups::of(&keys);
        keys.iter().map(|own| own.first().is_some_and(|key| self.holds(groups.first_of(key)))).collect()
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

/// What an Application writes to: repositories, or itself. Never empty.
fn keys(selected: &Selected, source: Option<&str>) -> Vec<String> {
    let Selected { application, rules } = selected;
    let mut keys: Vec<String> = rules
        .images
        .iter()
        .filter_map(|rule| writeback::placement(application, rules, rule, source).ok())
        .filter_map(|placement| Some(repository(&placement.git_target()?.repository)))
        .collect();
    if keys.is_empty() {
        keys.push(format!("application {}", application.key));
    }
    keys
}

/// One key for all ways to write the address of one repository; rather one for two than two for one.
fn repository(address: &str) -> String {
    format!("git {}", GitUrl::parse(address).map_or_else(|_| address.to_lowercase(), |url| url.place()))
}

/// Keys that some Application ties together.
struct Groups<'a> {
    /// Each key with one of the same group that comes before it, or with itself.
    before: BTreeMap<&'a str, &'a str>,
}

impl<'a> Groups<'a> {
    fn of(keys: &'a [Vec<String>]) -> Self {
        let mut groups = Self { before: BTreeMap::new() };
        for own in keys {
            for key in own {
                groups.before.entry(key).or_insert(key);
                let (one, other) = (groups.first_of(&own[0]), groups.first_of(key));
                groups.before.insert(one.max(other), one.min(other));
            }
        }
        groups
    }

    /// The first key of the group, which names it.
    fn first_of(&self, mut key: &'a str) -> &'a str {
        while let Some(before) = self.before.get(key).filter(|before| **before != key) {
            key = before;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_several() {
        for (text, index, expected) in [
            ("1/1", None, Some("1/1")),
            ("2/5", None, Some("2/5")),
            ("5/5", Some("0"), Some("5/5")),
            ("auto/5", Some("0"), Some("1/5")),
            ("auto/5", Some("4"), Some("5/5")),
            ("auto/5", Some("5"), None),
            ("auto/5", Some("x"), None),
            ("auto/5", None, None),
            ("0/5", None, None),
            ("6/5", None, None),
            ("1/0", None, None),
            ("-1/5", None, None),
            ("+1/5", None, None),
            ("1/5/9", None, None),
            ("1", None, None),
            ("", None, None),
            ("/", None, None),
            ("1/99999999999999999999", None, None),
        ] {
            let shard = Shard::parse(text, index).ok().map(|shard| shard.to_string());
            assert_eq!(shard.as_deref(), expected, "{text} {index:?}");
        }
    }

    #[test]
    fn one_repository_has_one_key() {
        for address in [
            "https://git.example.com/acme/apps.git",
            "https://git.example.com/acme/apps",
            "https://ada@git.example.com/acme/Apps/",
            "git@git.example.com:acme/apps.git",
            "ssh://git@git.example.com:2222/acme/apps.git",
        ] {
            assert_eq!(repository(address), "git git.example.com/acme/apps", "{address}");
        }
        assert_ne!(repository("https://a/b/c"), repository("https://a/b/d"));
    }

    #[test]
    fn parts_are_the_same_in_every_version() {
        let part = |key: &str| (0..5).find(|index| Shard { index: *index, count: 5 }.holds(key)).unwrap();
        let keys = ["git git.example.com/acme/apps", "application argocd/bookstore", "application argocd/web"];
        assert_eq!(keys.map(part), PARTS);
    }

    /// What those keys have come to since the first version; a worker of an older one may be among the others.
    const PARTS: [u64; 3] = [3, 3, 4];

    #[test]
    fn keys_tied_together_have_one_name() {
        let keys = [vec!["b"], vec!["c", "d"], vec!["e"], vec!["d", "a"], vec!["f", "e"]];
        let keys = keys.map(|keys| keys.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let groups = Groups::of(&keys);
        let names = ["a", "b", "c", "d", "e", "f"].map(|key| groups.first_of(key));
        assert_eq!(names, ["a", "b", "a", "a", "e", "e"]);
        let reversed: Vec<Vec<String>> = keys.iter().rev().cloned().collect();
        let groups = Groups::of(&reversed);
        assert_eq!(["a", "b", "c", "d", "e", "f"].map(|key| groups.first_of(key)), names, "in any order");
    }
}
