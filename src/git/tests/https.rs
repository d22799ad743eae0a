//! Over https: reading, committing, pushing, and who is let in.

use super::*;

#[test]
fn a_file_is_read_changed_and_pushed() {
    let host = GitHost::new(Default::default());
    let repository = bookstore(&host);
    let first = repository.head("main").unwrap();
    let caller = Caller::new();
    let url = host.https().url("acme/deploy");
    let mut clone = caller.open(&url, maintainer()).unwrap();
    assert_eq!(wait(clone.head_branch()).unwrap(), Some(branch("main")));
    let parent = fetch(&mut clone, "main");
    assert_eq!(parent.as_str(), first);
    let entries = wait(clone.entries(&parent, &[path("apps/web/values.yaml"), path("apps/db/values.yaml")])).unwrap();
    let Entry::File { blob, executable: false } = &entries[0] else { panic!("{entries:?}") };
    assert_eq!(entries[1], Entry::Absent);
    assert_eq!(wait(clone.contents(&[blob.clone()])).unwrap(), [b"image:\n  tag: v1.0.0\n"]);
    let changes = [file("apps/web/values.yaml", "image:\n  tag: v1.0.1\n"), file("apps/db/values.yaml", "new: true\n")];
    let commit = wait(clone.commit(&parent, &changes, &options("build: update of web"))).unwrap().unwrap();
    assert_eq!(push(&mut clone, &commit, "main").unwrap(), PushOutcome::Pushed);

    assert_eq!(repository.head("main").unwrap(), commit.as_str());
    assert_eq!(repository.changed("main"), ["A apps/db/values.yaml", "M apps/web/values.yaml"]);
    assert_eq!(repository.text("main", "apps/web/values.yaml"), "image:\n  tag: v1.0.1\n");
    assert_eq!(repository.subjects("main"), ["build: update of web", "first"]);
    repository.check();
    assert_eq!(wait(clone.commit(&commit, &changes, &options("again"))).unwrap(), None, "nothing differs");
    assert_eq!(push(&mut clone, &commit, "main").unwrap(), PushOutcome::UpToDate);
}
