//! What a server makes of a push.

use super::*;

fn both(host: &GitHost) -> (GitClone, GitClone) {
    let url = host.https().url("acme/deploy");
    let caller = Caller::new();
    (caller.open(&url, maintainer()).unwrap(), caller.open(&url, maintainer()).unwrap())
}

#[test]
fn a_branch_only_moves_forward() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let (mut one, mut other) = both(&host);
    let (parent, same) = (fetch(&mut one, "main"), fetch(&mut other, "main"));
    let first = commit(&mut one, &parent, &[file("a", "1")]);
    let second = commit(&mut other, &same, &[file("b", "2")]);
    assert_eq!(push(&mut one, &first, "main").unwrap(), PushOutcome::Pushed);
    assert_eq!(push(&mut other, &second, "main").unwrap(), PushOutcome::NonFastForward);
    assert_eq!(repository.head("main").unwrap(), first.as_str(), "nothing was forced");

    let now = fetch(&mut other, "main");
    assert_eq!(now, first, "a fetch asks the server again");
    let again = commit(&mut other, &now, &[file("b", "2")]);
    assert_eq!(push(&mut other, &again, "main").unwrap(), PushOutcome::Pushed);
    assert_eq!(repository.subjects("main"), ["build: update", "build: update", "first"]);
    assert_eq!((repository.text("main", "a"), repository.text("main", "b")), ("1".to_owned(), "2".to_owned()));
    repository.check();
}

#[test]
fn a_new_branch_is_made() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let (mut one, mut other) = both(&host);
    let (parent, same) = (fetch(&mut one, "main"), fetch(&mut other, "main"));
    let first = commit(&mut one, &parent, &[file("a", "1")]);
    let second = commit(&mut other, &same, &[file("a", "2")]);
    assert_eq!(push(&mut one, &first, "image-updater/web-1.1").unwrap(), PushOutcome::Pushed);
    assert_eq!(push(&mut other, &second, "image-updater/web-1.1").unwrap(), PushOutcome::NonFastForward);
    assert_eq!(repository.head("image-updater/web-1.1").unwrap(), first.as_str());
    assert_eq!(repository.subjects("main"), ["first"]);
}

#[test]
fn a_lease_restarts_a_branch_that_nobody_else_moved() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let stale = repository.commit("write", "old work", &[("a", "old")]);
    let (mut one, mut other) = both(&host);
    let lease = Some(ObjectId::new(&stale).unwrap());
    let (parent, same) = (fetch(&mut one, "main"), fetch(&mut other, "main"));
    let restart = |clone: &mut GitClone, made: &ObjectId| {
        let one = PushRef { commit: made.clone(), branch: branch("write"), lease: lease.clone() };
        wait(clone.push(&[one], PushOptions::default())).unwrap()
    };
    let first = commit(&mut one, &parent, &[file("a", "1")]);
    assert_eq!(push(&mut one, &first, "write").unwrap(), PushOutcome::NonFastForward);
    assert_eq!(restart(&mut one, &first), [PushOutcome::Pushed]);
    let second = commit(&mut other, &same, &[file("a", "2")]);
    assert_eq!(restart(&mut other, &second), [PushOutcome::NonFastForward], "it is not where it was");
    assert_eq!(repository.head("write").unwrap(), first.as_str());

    repository.configure("receive.denyNonFastForwards", "true");
    let refused = PushRef { commit: second, branch: branch("write"), lease: Some(first) };
    let outcome = wait(other.push(&[refused], PushOptions::default())).unwrap();
    let words = "the server lets no branch be restarted: non-fast-forward";
    assert_eq!(outcome, [PushOutcome::Rejected(words.to_owned())]);
}

#[test]
fn a_hook_says_why() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    repository.hook("pre-receive", "printf 'only with a \\033[31mticket\\nask Ada\\n' >&2; exit 1");
    let (mut clone, _) = both(&host);
    let parent = fetch(&mut clone, "main");
    let made = commit(&mut clone, &parent, &[file("a", "1")]);
    let words = "pre-receive hook declined: only with a [31mticket ask Ada";
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Rejected(words.to_owned()));
    assert_eq!(repository.subjects("main"), ["first"]);
}

#[test]
fn several_branches_are_pushed_all_or_none() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    repository.hook("update", "case $1 in refs/heads/closed) echo closed >&2; exit 1; esac");
    let (mut clone, _) = both(&host);
    let parent = fetch(&mut clone, "main");
    let made = commit(&mut clone, &parent, &[file("a", "1")]);
    let both = ["closed", "open"].map(|name| PushRef { commit: made.clone(), branch: branch(name), lease: None });
    let dry = PushOptions { atomic: false, dry_run: true };
    assert_eq!(wait(clone.push(&both, dry)).unwrap(), [PushOutcome::Pushed, PushOutcome::Pushed]);
    let atomic = PushOptions { atomic: true, dry_run: false };
    let rejected =
        PushOutcome::Rejected("hook declined: closed error: hook declined to update refs/heads/closed".to_owned());
    assert_eq!(wait(clone.push(&both, atomic)).unwrap(), [rejected.clone(), PushOutcome::Held]);
    assert_eq!((repository.head("open"), repository.head("closed")), (None, None));
    assert_eq!(wait(clone.push(&both, PushOptions::default())).unwrap(), [rejected, PushOutcome::Pushed]);
    assert_eq!(repository.head("open").unwrap(), made.as_str());
}

#[test]
fn several_at_once_lose_nothing() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let url = host.https().url("acme/deploy");
    let git = Caller::new().git();
    let work = |n: usize| {
        let (git, url) = (git.clone(), url.clone());
        async move {
            let mut clone = git.open(remote(&url, maintainer())).await.unwrap();
            for _ in 0..100 {
                let parent = clone.fetch(&[branch("main")]).await.unwrap().remove(0).unwrap();
                let changes = [file(&format!("apps/{n}"), "1")];
                let made = clone.commit(&parent, &changes, &options("one of several")).await.unwrap().unwrap();
                let one = PushRef { commit: made, branch: branch("main"), lease: None };
                match &clone.push(&[one], PushOptions::default()).await.unwrap()[..] {
                    [PushOutcome::Pushed] => return,
                    [PushOutcome::NonFastForward] => {}
                    other => panic!("{other:?}"),
                }
            }
            panic!("always late");
        }
    };
    wait(futures::future::join_all((0..4).map(work)));
    assert_eq!(repository.subjects("main").len(), 5);
    for n in 0..4 {
        assert_eq!(repository.text("main", &format!("apps/{n}")), "1");
    }
    repository.check();
}
