//! What a branch has that its base lacks.

use super::*;
use crate::git::tests::world::git_repository::TreeChange;
use crate::git::unmerged::Unmerged;

/// What `up` has that `main` lacks.
fn unmerged(clone: &mut GitClone) -> Unmerged {
    let (own, base) = (fetch(clone, "up"), fetch(clone, "main"));
    wait(clone.unmerged((&branch("up"), &own), (&branch("main"), &base))).unwrap()
}

fn paths(paths: &[&str]) -> Unmerged {
    Unmerged::Paths(paths.iter().map(|path| (*path).to_owned()).collect())
}

#[test]
fn what_a_branch_has_of_its_own_is_known() {
    for filters in ["true", "false"] {
        let host = GitHost::new(GitAuth::Basic);
        let repository = bookstore(&host);
        repository.configure("uploadpack.allowFilter", filters);
        repository.git(&["branch", "up", "main"]);
        let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
        assert_eq!(unmerged(&mut clone), paths(&[]), "nothing yet");
        repository.commit("up", "update", &[("a/x", "1"), ("b", "1")]);
        repository.commit("main", "elsewhere", &[("c", "1")]);
        assert_eq!(unmerged(&mut clone), paths(&["a/x", "b"]), "and not what only the base changed");
        repository.commit("main", "part of it", &[("b", "1")]);
        assert_eq!(unmerged(&mut clone), paths(&["a/x"]));
        repository.commit("main", "the rest, squashed", &[("a/x", "1")]);
        assert_eq!(unmerged(&mut clone), paths(&[]));
        // Changed there and here: what the branch has is nowhere else.
        repository.commit("main", "further", &[("a/x", "2")]);
        assert_eq!(unmerged(&mut clone), paths(&["a/x"]));
        // Merged as it is: the base may do with it what it wants.
        let tree = repository.git(&["rev-parse", "main^{tree}"]);
        let merge = repository.git(&[
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "commit-tree",
            "-m",
            "merge",
            "-p",
            "main",
            "-p",
            "up",
            &tree,
        ]);
        repository.git(&["update-ref", "refs/heads/main", &merge]);
        assert_eq!(unmerged(&mut clone), paths(&[]));
        repository.commit("up", "more", &[("d", "1")]);
        assert_eq!(unmerged(&mut clone), paths(&["d"]));
    }
}

#[test]
fn a_branch_that_left_long_ago_is_looked_through() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    repository.git(&["branch", "up", "main"]);
    repository.commit("up", "update", &[("a", "1")]);
    let commits: Vec<_> = (0..300).map(|number| vec![TreeChange::file("n", number.to_string())]).collect();
    repository.commit_all("main", &commits);
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    assert_eq!(unmerged(&mut clone), paths(&["a"]));
    repository.commit("main", "squashed", &[("a", "1")]);
    assert_eq!(unmerged(&mut clone), paths(&[]));
    // Nobody looks that far where every file would come along.
    repository.configure("uploadpack.allowFilter", "false");
    repository.commit("up", "more", &[("b", "1")]);
    let mut whole = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let found = unmerged(&mut whole);
    assert!(matches!(&found, Unmerged::Unknown(why) if why.contains("up and main")), "{found:?}");
}

#[test]
fn branches_that_have_nothing_in_common_are_not_guessed_about() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    repository.commit("up", "another beginning", &[("z", "1")]);
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let found = unmerged(&mut clone);
    assert!(matches!(&found, Unmerged::Unknown(_)), "{found:?}");
}
