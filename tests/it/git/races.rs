//! Other people push too, servers say no, and runs are cut off.

use serde_json::json;

use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::on_both;

on_both!(
    ten_runs_at_once_lose_nothing,
    a_faster_push_is_built_upon,
    the_same_value_changed_meanwhile_is_stale,
    a_hook_that_says_no_is_heard,
    a_reader_may_not_write,
    a_push_whose_answer_is_lost_is_looked_up,
    a_run_that_is_killed_leaves_nothing,
    dry_runs_push_nothing,
);

fn ten_runs_at_once_lose_nothing(backend: Backend) {
    let shop = Shop::open(backend);
    let names: Vec<String> = (0..10).map(|number| format!("app-{number}")).collect();
    let files: Vec<(String, String)> =
        names.iter().map(|name| (format!("apps/{name}/values.yaml"), VALUES.to_owned())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    shop.commit(&files);
    let before = shop.repository.head("main").unwrap();
    for name in &names {
        let folder = format!("apps/{name}");
        let application = shop.bookstore().with(|object| {
            object["metadata"]["name"] = name.as_str().into();
            object["spec"]["source"]["path"] = folder.into();
        });
        shop.world.application(application);
    }
    // Each invocation writes the kubeconfig, so that all are made before the first runs.
    let ready: Vec<_> = names.iter().map(|name| shop.invocation(&["apply", name, "--yes", "-o", "json"])).collect();
    let running: Vec<_> = ready.iter().map(crate::world::Invocation::spawn).collect();
    let mut commits: Vec<String> = running
        .into_iter()
        .map(|running| {
            let output = running.wait().expect(0);
            let (outcome, at, _) = outcomes(&output).remove(0);
            assert_eq!(outcome, "Applied", "{output}");
            at["commit"].as_str().unwrap().to_owned()
        })
        .collect();
    // Every commit that was reported is on the branch, one after the other: nothing was forced, nothing lost.
    let listed = shop.repository.git(&["rev-list", "--first-parent", &format!("{before}..main")]);
    let mut listed: Vec<String> = listed.lines().map(str::to_owned).collect();
    listed.sort();
    commits.sort();
    assert_eq!(listed, commits);
    for name in &names {
        assert_eq!(
            shop.text("main", &format!("apps/{name}/values.yaml")),
            VALUES.replace("v1.0.0", "v1.0.1"),
            "{name}"
        );
    }
    shop.repository.check();
}

/// A hook at the server that lets somebody else push first, once.
fn someone_is_faster(shop: &Shop, path: &str, text: &str) {
    let text = text.replace("$REGISTRY", &shop.world.registry().host());
    let file = shop.world.file("theirs", &text);
    // The push is refused as git refuses it: the branch has moved since.
    let script = format!(
        "test -e moved && exit 0\ntouch moved\nunset GIT_QUARANTINE_PATH\nexport GIT_INDEX_FILE=$PWD/theirs.index\n\
         export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x\n\
         git read-tree main\nblob=$(git hash-object -w '{}')\n\
         git update-index --add --cacheinfo 100644,$blob,{path}\n\
         commit=$(git commit-tree $(git write-tree) -p main -m theirs)\ngit update-ref refs/heads/main $commit\nexit 0",
        file.display()
    );
    shop.repository.hook("pre-receive", &script);
}

fn a_faster_push_is_built_upon(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    someone_is_faster(&shop, "charts/bookstore/values.yaml", &VALUES.replace("replicas:   2", "replicas:   7"));
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&applied)[0].0, "Applied", "{applied}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1").replace("replicas:   2", "replicas:   7"));
    assert_eq!(shop.repository.subjects("main")[1], "theirs");
    assert_eq!(shop.pushes(), 2);
}

fn the_same_value_changed_meanwhile_is_stale(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    someone_is_faster(&shop, "charts/bookstore/values.yaml", &VALUES.replace("v1.0.0", "v0.9.0"));
    let applied = shop.apply(&[]);
    assert!(applied.to_string().contains("is `v0.9.0` now, and was `v1.0.0`"), "{applied}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v0.9.0"));
    assert_eq!(shop.repository.subjects("main")[0], "theirs");
}

fn a_hook_that_says_no_is_heard(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.repository.hook("pre-receive", "echo 'main is frozen until Monday' >&2; exit 1");
    let head = shop.repository.head("main");
    let refused = shop.apply(&[]).expect(1);
    assert!(refused.stderr.contains("Rejected") && refused.stderr.contains("main is frozen until Monday"), "{refused}");
    assert_eq!((shop.repository.head("main"), shop.pushes()), (head, 1), "no other try");
}

fn a_reader_may_not_write(backend: Backend) {
    use crate::world::READER;

    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.world.cluster().edit(
        crate::world::resource("secrets"),
        shop.world.namespace(),
        "argocd-repository",
        |object| {
            object["stringData"] = json!({"username": READER.0, "password": READER.1});
        },
    );
    shop.run(&["plan"]).expect(0);
    let refused = shop.apply(&[]).expect(1);
    assert!(refused.stderr.contains("Rejected"), "{refused}");
    assert!(!refused.to_string().contains(READER.1), "{refused}");
}

fn a_push_whose_answer_is_lost_is_looked_up(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.world.git().https().fault(Fault::truncate().on("POST", "/acme/deploy.git/git-receive-pack"));
    let applied = shop.apply(&[]);
    let head = shop.repository.head("main").unwrap();
    let made = shop.values() == VALUES.replace("v1.0.0", "v1.0.1");
    if made {
        assert_eq!(outcomes(&applied)[0].1["commit"], json!(head), "{applied}");
    } else {
        assert!(applied.stderr.contains("failed to push"), "{applied}");
    }
}

fn a_run_that_is_killed_leaves_nothing(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let head = shop.repository.head("main");
    shop.world.git().https().fault(Fault::hang().on("POST", "/acme/deploy.git/git-receive-pack"));
    let running = shop.spawn(&["apply", "--all", "--yes"]);
    shop.world.git().https().wait_for(|exchange| exchange.request.path.ends_with("/git-receive-pack"));
    running.interrupt();
    running.wait_for_stderr("interrupted");
    running.interrupt();
    running.wait().expect(130);
    shop.world.git().https().heal();
    assert_eq!(shop.repository.head("main"), head);
    shop.repository.check();
    // Nothing is in the way of the next run.
    shop.apply(&[]).expect(0);
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

fn dry_runs_push_nothing(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let head = shop.repository.head("main");
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let tried = shop.apply(&[mode]).expect(0);
        assert_eq!(outcomes(&tried)[0].0, "Applied", "{tried}");
        assert_eq!(shop.repository.head("main"), head, "{mode}");
    }
}
