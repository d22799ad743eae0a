//! Over https: reading, committing, and what travels.

use super::*;
use crate::git::Reference;
use crate::git::tests::world::git_repository::TreeChange;

#[test]
fn a_file_is_read_changed_and_pushed() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let first = repository.head("main").unwrap();
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    assert_eq!(wait(clone.head_branch()).unwrap(), Some(branch("main")));
    let parent = fetch(&mut clone, "main");
    assert_eq!(parent.as_str(), first);
    assert_eq!(read(&mut clone, &parent, "apps/web/values.yaml"), "image:\n  tag: v1.0.0\n");
    let absent = wait(clone.entries(&parent, &[path("apps/db/values.yaml")])).unwrap();
    assert_eq!(absent, [Entry::Absent]);
    let changes = [file("apps/web/values.yaml", "image:\n  tag: v1.0.1\n"), file("apps/db/values.yaml", "new: true\n")];
    let made = commit(&mut clone, &parent, &changes);
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);

    assert_eq!(repository.head("main").unwrap(), made.as_str());
    assert_eq!(repository.changed("main"), ["A apps/db/values.yaml", "M apps/web/values.yaml"]);
    assert_eq!(repository.text("main", "apps/web/values.yaml"), "image:\n  tag: v1.0.1\n");
    assert_eq!(repository.subjects("main"), ["build: update", "first"]);
    let by = repository.git(&["log", "-1", "--format=%an %ae %cn %ce %at %ct", "main"]);
    assert_eq!(by, "Robot robot@example.com Robot robot@example.com 1795338000 1795338000");
    repository.check();
    assert_eq!(wait(clone.commit(&made, &changes, &options("again"))).unwrap(), None, "nothing differs");
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::UpToDate);
}

/// The requests since the last time, without those that only ask who is there.
fn uploads(host: &GitHost) -> Vec<String> {
    let all = host.https().requests();
    host.https().clear_log();
    all.into_iter().filter(|line| line.ends_with(" 200")).collect()
}

#[test]
fn little_is_fetched_and_nothing_behind_ones_back() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = host.repository("acme/deploy");
    let large = "x: 1234567890\n".repeat(10_000);
    let files: Vec<_> = (0..200)
        .map(|n| TreeChange::file(&format!("apps/app-{n}/values.yaml"), format!("tag: {n}\n{large}{n}")))
        .collect();
    repository.commit_changes("main", "first", &files);
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    uploads(&host);
    let paths: Vec<_> = (0..50).map(|n| path(&format!("apps/app-{n}/values.yaml"))).collect();
    let entries = wait(clone.entries(&parent, &paths)).unwrap();
    assert_eq!(uploads(&host), [""; 0], "folders came with the commit");
    let blobs: Vec<_> = entries
        .into_iter()
        .map(|entry| match entry {
            Entry::File { blob, .. } => blob,
            other => panic!("{other:?}"),
        })
        .collect();
    let contents = wait(clone.contents(&blobs)).unwrap();
    let [info, fetched] =
        ["GET /acme/deploy.git/info/refs?service=git-upload-pack 200", "POST /acme/deploy.git/git-upload-pack 200"];
    let first = uploads(&host);
    assert_eq!(first.iter().filter(|line| *line == info).count(), 1, "{first:?}");
    assert!(first.iter().filter(|line| *line == fetched).count() <= 2, "{first:?}");
    assert_eq!(wait(clone.contents(&blobs)).unwrap(), contents);
    assert_eq!(uploads(&host), [""; 0], "what is here is not fetched again");

    let changes: Vec<_> = paths
        .iter()
        .zip(contents)
        .map(|(path, old)| FileChange { path: path.clone(), contents: [b"new: ", old.as_slice()].concat() })
        .collect();
    let made = commit(&mut clone, &parent, &changes);
    assert_eq!(uploads(&host), [""; 0], "a commit needs no server");
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
    let pushed = uploads(&host);
    assert!(pushed.iter().all(|line| line.contains("git-receive-pack")), "{pushed:?}");
    assert_eq!(repository.changed("main").len(), 50);
    repository.check();
}

#[test]
fn a_server_without_filters_works_too() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    repository.configure("uploadpack.allowFilter", "false");
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    uploads(&host);
    assert_eq!(read(&mut clone, &parent, "README.md"), "bookstore\n");
    assert_eq!(uploads(&host), [""; 0], "everything came at once");
    let made = commit(&mut clone, &parent, &[file("README.md", "books\n")]);
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
    assert_eq!(repository.changed("main"), ["M README.md"]);
    repository.check();
}

#[test]
fn a_server_that_gives_no_single_files_works_too() {
    let host = GitHost::new(GitAuth::None);
    let repository = bookstore(&host);
    let mut caller = Caller::new();
    let config = caller.file("config", "[protocol]\n\tversion = 0\n");
    caller.set("GIT_CONFIG_GLOBAL", config);
    let mut clone = caller.open(&host.https().url("acme/deploy"), GitLogin::caller()).unwrap();
    let parent = fetch(&mut clone, "main");
    let first = commit(&mut clone, &parent, &[file("a", "1")]);
    assert_eq!(read(&mut clone, &first, "README.md"), "bookstore\n");
    let second = commit(&mut clone, &first, &[file("README.md", "books\n")]);
    assert_eq!(push(&mut clone, &second, "main").unwrap(), PushOutcome::Pushed);
    assert_eq!(repository.subjects("main"), ["build: update", "build: update", "first"]);
    repository.check();
}

#[test]
fn branches_share_a_clone() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let first = repository.head("main").unwrap();
    repository.commit("main", "second", &[("README.md", "two\n")]);
    repository.commit("release/1.x", "other", &[("README.md", "old\n")]);
    repository.git(&["tag", "-a", "-m", "annotated", "v1", &first]);
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let tag = |name: &str| Reference::Tag(branch(name));
    assert!(clone.branch(&branch("release/1.x")).is_some() && clone.has(&tag("v1")) && !clone.has(&tag("main")));
    let commits = wait(clone.fetch(&["main", "gone", "release/1.x"].map(branch))).unwrap();
    let shown: Vec<_> = commits.iter().map(|commit| commit.as_ref().map(ToString::to_string)).collect();
    assert_eq!(shown, [repository.head("main"), None, repository.head("release/1.x")]);
    let texts: Vec<_> = commits.iter().flatten().map(|commit| read(&mut clone, commit, "README.md")).collect();
    assert_eq!(texts, ["two\n", "old\n"]);
    assert_eq!(wait(clone.fetch(&[branch("gone")])).unwrap(), [None]);
}

#[test]
fn the_default_branch_is_the_one_that_head_names() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let commit = repository.commit("release/1.x", "other", &[("README.md", "old\n")]);
    let clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    for (head, expected) in [("release/1.x", Some("release/1.x")), ("main", Some("main")), ("gone", None)] {
        repository.git(&["symbolic-ref", "HEAD", &format!("refs/heads/{head}")]);
        assert_eq!(wait(clone.head_branch()).unwrap(), expected.map(branch), "{head}");
    }
    std::fs::write(repository.path().join("HEAD"), format!("{commit}\n")).unwrap();
    assert_eq!(wait(clone.head_branch()).unwrap(), None, "detached");
    let empty = host.repository("acme/empty");
    let error = Caller::new().open(&host.https().url("acme/empty"), maintainer()).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::NotFound, "{error}, {}", empty.path().display());
}

#[test]
fn every_byte_is_kept_and_every_mode() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = host.repository("acme/deploy");
    let attributes = "* text=auto eol=lf ident filter=lfs working-tree-encoding=UTF-16\n";
    repository.commit_changes(
        "main",
        "first",
        &[
            TreeChange::file(".gitattributes", attributes),
            TreeChange::executable("run.yaml", "tag: 1\r\n"),
            TreeChange::symlink("link", "run.yaml"),
            TreeChange::symlink("folder", "."),
            TreeChange::submodule("module"),
            TreeChange::file("a/b.yaml", "x"),
        ],
    );
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    let bytes = "\u{feff}tag: $Id$\r\n# no newline at the end \0";
    let made = commit(&mut clone, &parent, &[file("run.yaml", bytes), file("a/neu ü.yaml", bytes)]);
    push(&mut clone, &made, "main").unwrap();
    assert_eq!(repository.text("main", "run.yaml"), bytes);
    assert_eq!(repository.text("main", "a/neu ü.yaml"), bytes);
    let listed = repository.git(&["ls-tree", "-r", "-z", "main"]);
    let lines = listed.split('\0').filter_map(|line| line.split_once('\t'));
    let modes: Vec<_> = lines.map(|(what, path)| format!("{} {path}", &what[..6])).collect();
    let expected = [
        "100644 .gitattributes",
        "100644 a/b.yaml",
        "100644 a/neu ü.yaml",
        "120000 folder",
        "120000 link",
        "160000 module",
        "100755 run.yaml",
    ];
    assert_eq!(modes, expected);

    for (written, expected) in [
        ("link", "`link` is a symbolic link, which is not followed"),
        ("folder/run.yaml", "`folder/run.yaml` is behind `folder`, which is a symbolic link"),
        ("module/x", "`module/x` is behind `module`, which is a submodule"),
        ("a", "`a` is a folder"),
        ("a/b.yaml/c", "`a/b.yaml/c` is behind `a/b.yaml`, which is a file"),
    ] {
        let error = wait(clone.commit(&made, &[file(written, "")], &options("x"))).unwrap_err();
        assert_eq!((error.kind(), error.message()), (GitErrorKind::Path, expected));
    }
}

#[test]
fn a_repository_with_sha256_is_a_repository() {
    let host = GitHost::new(GitAuth::Basic);
    let place = world::git_host::place(&host, "acme/new");
    world::git_repository::server_git()
        .args(["init", "--quiet", "--bare", "--object-format=sha256", "--shared=0777"])
        .arg(&place)
        .status()
        .unwrap();
    let repository = GitRepository::create(&place);
    repository.commit("main", "first", &[("a/b", "1")]);
    let mut clone = Caller::new().open(&host.https().url("acme/new"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    assert_eq!(parent.as_str().len(), 64);
    assert_eq!(read(&mut clone, &parent, "a/b"), "1");
    let made = commit(&mut clone, &parent, &[file("a/b", "2")]);
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
    assert_eq!(repository.text("main", "a/b"), "2");
}

#[test]
fn a_large_file_is_pushed_in_pieces() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let mut clone = Caller::new().open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    // More than git sends in one request without chunks.
    let noise = noise(60_000);
    let made = commit(&mut clone, &parent, &[file("large", &noise)]);
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
    assert_eq!(repository.text("main", "large"), noise);
}
