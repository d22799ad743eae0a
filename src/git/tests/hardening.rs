//! What nobody can make git do: run a program, talk to another place, wait for ever, leave something behind.

use super::*;
use crate::git::tests::world::fault::Fault;
use crate::git::tests::world::git_repository::executable;
use crate::git::tests::world::servers::eventually;

#[test]
fn nothing_of_a_configuration_is_run() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let mut caller = Caller::new();
    let marker = caller.home.path().join("ran");
    let script = format!("#!/bin/sh\necho \"$0 $*\" >>'{}'\n", marker.display());
    let program = caller.file("program", &script);
    executable(program.as_ref());
    for hook in ["reference-transaction", "pre-push", "post-index-change", "post-checkout", "pre-auto-gc"] {
        for folder in ["hooks", "template/hooks"] {
            executable(caller.file(&format!("{folder}/{hook}"), &script).as_ref());
        }
    }
    let home = caller.home.path().display().to_string();
    let config = format!(
        "[core]\n\thooksPath = {home}/hooks\n\tfsmonitor = {program}\n\tpager = {program}\n\
         [init]\n\ttemplateDir = {home}/template\n[diff]\n\texternal = {program}\n[gpg]\n\tprogram = {program}\n\
         [fetch]\n\trecurseSubmodules = true\n[submodule]\n\trecurse = true\n[push]\n\tfollowTags = true\n"
    );
    caller.file(".gitconfig", &config);
    let config = caller.file("by-variable", &config);
    caller.set("GIT_CONFIG", config).set("GIT_EXTERNAL_DIFF", program.clone());
    caller.set("GIT_TEMPLATE_DIR", format!("{home}/template")).set("GIT_DIR", format!("{home}/elsewhere"));
    caller.set("GIT_INDEX_FILE", format!("{home}/index")).set("GIT_TRACE", marker.display().to_string());
    caller.set("GIT_CONFIG_PARAMETERS", format!("'core.hooksPath={home}/hooks'"));
    let url = host.https().url("acme/deploy");
    let login = caller.file("login", &format!("[credential]\n\thelper = \"!f() {{ echo username={}; echo \\\"password=$SECRET\\\"; }}; f\"\n[include]\n\tpath = {home}/.gitconfig\n", MAINTAINER.0));
    caller.set("GIT_CONFIG_GLOBAL", login).set("SECRET", MAINTAINER.1);
    for login in [maintainer(), GitLogin::caller()] {
        let mut clone = caller.open(&url, login).unwrap();
        let parent = fetch(&mut clone, "main");
        assert!(read(&mut clone, &parent, "README.md").contains('b'));
        let made = commit(&mut clone, &parent, &[file("README.md", &format!("b{parent}"))]);
        assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
    }
    assert_eq!(std::fs::read_to_string(&marker).unwrap_or_default(), "", "what was run");
    assert_eq!(repository.subjects("main").len(), 3);
}

#[test]
fn an_address_stays_what_it_is() {
    let caller = Caller::new();
    let marker = caller.home.path().join("ran");
    let ext = format!("ext::sh -c touch% {}", marker.display());
    caller.file(".gitconfig", &format!("[url \"{ext} \"]\n\tinsteadOf = https://127.0.0.1:1/\n[protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n"));
    let error = caller.open("https://127.0.0.1:1/a", GitLogin::caller()).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Refused, "{error}");
    let error = caller.open("https://127.0.0.1:1/a", GitLogin::anonymous()).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Unreachable, "{error}");
    assert!(!marker.exists());
}

/// The processes that have this folder as theirs for temporary files, or run in it.
fn processes(folder: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|process| {
        let environment = std::fs::read(process.path().join("environ")).ok()?;
        let found = String::from_utf8_lossy(&environment).contains(folder);
        found.then(|| std::fs::read(process.path().join("cmdline")).unwrap_or_default())
    })
    .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
    .filter(|line| !line.is_empty())
    .collect()
}

/// A caller whose temporary files go to a folder of their own.
fn with_temporary_folder() -> (Caller, String) {
    let mut caller = Caller::new();
    let folder = caller.home.path().join("temporary");
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.display().to_string();
    caller.set("TMPDIR", folder.clone());
    (caller, folder)
}

fn left_behind(folder: &str) -> Option<()> {
    let files = std::fs::read_dir(folder).unwrap().count();
    (files == 0 && processes(folder).is_empty()).then_some(())
}

#[test]
fn a_server_that_hangs_is_given_up() {
    for (path, step) in [("info/refs", "open"), ("git-upload-pack", "open"), ("git-receive-pack", "push to")] {
        let host = GitHost::new(GitAuth::Basic);
        bookstore(&host);
        let (mut caller, folder) = with_temporary_folder();
        caller.timeout = Duration::from_secs(3);
        host.https().fault(Fault::hang().at(&format!("/acme/deploy.git/{path}")));
        let url = host.https().url("acme/deploy");
        let start = std::time::Instant::now();
        let result = caller.open(&url, maintainer()).and_then(|mut clone| {
            let parent = fetch(&mut clone, "main");
            let made = commit(&mut clone, &parent, &[file("a", "1")]);
            push(&mut clone, &made, "main")
        });
        let error = result.unwrap_err();
        let expected = format!("TimedOut: failed to {step} HOST: git did not end within 3s");
        assert_eq!(shown(&error, &url), expected);
        // Generous: only waiting for ever would be wrong.
        assert!(start.elapsed() < Duration::from_secs(50));
        eventually(Duration::from_secs(10), || left_behind(&folder))
            .unwrap_or_else(|| panic!("{:?}", processes(&folder)));
    }
}

#[test]
fn what_is_dropped_leaves_nothing() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let (caller, folder) = with_temporary_folder();
    host.https().fault(Fault::hang().on("POST", "/acme/deploy.git/git-upload-pack"));
    let (git, url) = (caller.git(), host.https().url("acme/deploy"));
    let task = world::http::runtime().spawn(async move { git.open(remote(&url, maintainer())).await.map(|_| ()) });
    host.https().wait_for(|exchange| exchange.request.method == "POST");
    let waiting = processes(&folder);
    assert!(waiting.iter().any(|line| line.contains("remote-http")), "git waits for the server: {waiting:?}");
    assert!(!waiting.concat().contains(&MAINTAINER.1[..5]), "everybody can read arguments: {waiting:?}");
    assert!(left_behind(&folder).is_none());
    task.abort();
    assert!(wait(task).unwrap_err().is_cancelled());
    eventually(Duration::from_secs(10), || left_behind(&folder)).unwrap_or_else(|| panic!("{:?}", processes(&folder)));
}

#[test]
fn broken_answers_are_errors() {
    for (fault, expected) in [
        (Fault::status(503), GitErrorKind::Unreachable),
        (Fault::close(), GitErrorKind::Unreachable),
        (Fault::truncate(), GitErrorKind::Unreachable),
        (Fault::garbage("<html>sign in</html>"), GitErrorKind::NotFound),
    ] {
        let host = GitHost::new(GitAuth::None);
        bookstore(&host);
        let text = format!("{fault:?}");
        host.https().fault(fault);
        let opened = Caller::new().open(&host.https().url("acme/deploy"), GitLogin::anonymous());
        let error = opened.map(|clone| format!("{clone:?} {:?}", clone.branch(&branch("main")))).expect_err(&text);
        assert_eq!(error.kind(), expected, "{text}: {error}");
    }
}

/// A git on `PATH` that is a script.
fn fake_git(caller: &mut Caller, script: &str) {
    let program = caller.file("bin/git", &format!("#!/bin/sh\n{script}\n"));
    executable(program.as_ref());
    let path = format!("{}:{}", caller.home.path().join("bin").display(), caller.environment["PATH"]);
    caller.set("PATH", path);
}

#[test]
fn git_must_be_there_and_new_enough() {
    let mut caller = Caller::new();
    caller.set("PATH", "relative:/nonexistent");
    let hint = "[install git 2.34 or newer, or use write-back method `argocd`]";
    let missing = format!("Program: failed to use git: `git` is not on PATH {hint}");
    assert_eq!(shown(&caller.find().err().unwrap(), "/acme"), missing);
    for (answer, expected) in [
        (
            "git version 2.33.9",
            "git 2.33 (GIT) is too old: 2.34 or newer is needed [update git, or put a newer one first on PATH]",
        ),
        ("something else", "`GIT` says that it is something else"),
    ] {
        let mut caller = Caller::new();
        fake_git(&mut caller, &format!("echo '{answer}'"));
        let program = caller.home.path().join("bin/git").display().to_string();
        let error = shown(&caller.find().err().unwrap(), &program).replace("HOST", "GIT");
        assert_eq!(error, format!("Program: failed to use git: {expected}"));
    }
    for answer in ["git version 2.34.0", "git version 2.34.1 (Apple Git-1)", "git version 3.0.0"] {
        let mut caller = Caller::new();
        fake_git(&mut caller, &format!("echo '{answer}'"));
        assert!(caller.find().is_ok(), "{answer}");
    }
}

#[test]
fn a_full_disk_is_said() {
    let host = GitHost::new(GitAuth::Basic);
    let noise = noise(10_000);
    host.repository("acme/deploy").commit("main", "first", &[("large", &noise)]);
    let mut caller = Caller::new();
    // The nearest that can be had without being the superuser: no file may grow, as on a disk that is full.
    let real = program("git");
    fake_git(&mut caller, &format!("trap '' XFSZ\nulimit -f 64\nexec '{}' \"$@\"", real.display()));
    let mut clone = caller.open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    let entry = wait(clone.entries(&parent, &[path("large")])).unwrap().remove(0);
    let error = wait(clone.contents(&[entry.blob().unwrap().clone()])).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Disk, "{error}");
    assert_eq!(error.hint(), Some("make room, or name another folder in TMPDIR"));
}

#[test]
fn the_callers_identity_is_known() {
    let mut caller = Caller::new();
    assert_eq!(wait(caller.git().identity()).unwrap(), None);
    assert!(!wait(caller.git().signs_commits()).unwrap());
    caller.file(".gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.com\n[commit]\n\tgpgSign = yes\n");
    assert_eq!(wait(caller.git().identity()).unwrap(), Person::new("Ada", "ada@example.com").ok());
    assert!(wait(caller.git().signs_commits()).unwrap());
    caller.set("GIT_AUTHOR_NAME", "Eve");
    assert_eq!(wait(caller.git().identity()).unwrap(), Person::new("Eve", "ada@example.com").ok());
}
