//! Branches that are written to, and messages of commits.

use serde_json::json;

use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::GpgKey;
use crate::world::Image;
use crate::world::SshSigner;
use crate::world::on_both;

on_both!(
    a_branch_of_updates_is_made_and_moves_forward,
    a_branch_can_be_named_by_a_template,
    a_bad_template_is_known_when_it_is_planned,
    a_merged_branch_is_begun_anew_on_request,
    a_branch_that_several_write_to_loses_nothing,
    a_restarted_branch_is_planned_at_its_base,
    what_waits_on_its_branch_is_not_begun_anew,
    what_the_base_lacks_may_be_on_the_branch,
    heads_name_counts_where_nothing_else_is_named,
    the_message_is_the_clusters_or_a_files,
    a_message_quotes_the_labels_of_images,
    commits_are_signed,
);

fn a_branch_of_updates_is_made_and_moves_forward(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore().annotation("git-branch", "main:image-updates"));
    let main = shop.repository.head("main");
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&applied)[0].1["branch"], "image-updates", "{applied}");
    assert_eq!(shop.repository.head("main"), main, "the base stays");
    assert_eq!(shop.text("image-updates", "charts/bookstore/values.yaml"), VALUES.replace("v1.0.0", "v1.0.1"));
    let first = shop.repository.head("image-updates").unwrap();
    // What is on it already is not written again, although the base still has the old version.
    let again = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&again), []);
    // Somebody else's commit on it stays below ours.
    let host = shop.world.registry().host();
    let theirs = VALUES.replace("v1.0.0", "v1.0.1").replace("replicas:   2", "replicas:   5");
    shop.repository.commit(
        "image-updates",
        "theirs",
        &[("charts/bookstore/values.yaml", &theirs.replace("$REGISTRY", &host))],
    );
    crate::bookstore::publish(&shop.world, crate::bookstore::REPOSITORY, &[("v1.0.2", "2026-11-21T08:00:00Z")]);
    shop.apply(&[]).expect(0);
    assert_eq!(shop.text("image-updates", "charts/bookstore/values.yaml"), theirs.replace("v1.0.1", "v1.0.2"));
    shop.repository.git(&["merge-base", "--is-ancestor", &first, "image-updates"]);
    assert_eq!(shop.repository.subjects("image-updates")[1], "theirs");
}

fn a_branch_can_be_named_by_a_template(backend: Backend) {
    let shop = Shop::open(backend);
    let template = "main:iu-{{.AppName}}{{range .Images}}-{{.Name}}-{{.NewTag}}{{end}}";
    shop.world.application(shop.bookstore().annotation("git-branch", template));
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&applied)[0].1["branch"], "iu-bookstore-acme/bookstore-v1.0.1", "{applied}");
    assert!(shop.repository.head("iu-bookstore-acme/bookstore-v1.0.1").is_some());
}

fn a_bad_template_is_known_when_it_is_planned(backend: Backend) {
    let shop = Shop::open(backend);
    for (name, branch, said) in [
        ("syntax", "main:{{end}}", "belongs to nothing"),
        ("field", "main:x-{{.Nope}}", "Nope"),
        ("illegal", "main:a b", "has ` ` in it"),
    ] {
        let application = shop.bookstore().annotation("git-branch", branch);
        shop.world.application(application.with(|object| object["metadata"]["name"] = name.into()));
        let planned = shop.run(&["plan", name]).expect(3);
        assert!(planned.stderr.contains(said), "{name}: {planned}");
    }
    let file = shop.world.file("message.txt", "{{ upper .AppName }}");
    shop.world.application(shop.bookstore());
    let words = ["plan", "bookstore", "--git-commit-message-path", file.to_str().unwrap()];
    let planned = shop.run(&words).expect(1);
    assert!(planned.stderr.contains("template of the commit message"), "{planned}");
    assert_eq!(shop.pushes(), 0);
}

fn a_merged_branch_is_begun_anew_on_request(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore().annotation("git-branch", "main:updates"));
    shop.apply(&[]).expect(0);
    // Squashed into the base by whoever merged it.
    shop.commit(&[("charts/bookstore/values.yaml", &VALUES.replace("v1.0.0", "v1.0.1"))]);
    let old = shop.repository.head("updates").unwrap();
    crate::bookstore::publish(&shop.world, crate::bookstore::REPOSITORY, &[("v1.0.2", "2026-11-21T08:00:00Z")]);
    let planned = shop.run(&["plan"]).expect(0);
    assert!(planned.stderr.contains("--restart-branch"), "it is offered: {planned}");
    // A repository that is shared on disk forbids it unless told otherwise.
    shop.repository.configure("receive.denyNonFastForwards", "false");
    shop.apply(&["--restart-branch"]).expect(0);
    let parent = shop.repository.git(&["rev-parse", "updates^"]);
    assert_eq!(Some(parent.trim().to_owned()), shop.repository.head("main"));
    assert_ne!(parent.trim(), old);
    // What is nowhere else is not dropped.
    let host = shop.world.registry().host();
    let own = VALUES.replace("v1.0.0", "v1.0.2").replace("replicas:   2", "replicas:   9").replace("$REGISTRY", &host);
    shop.repository.commit("updates", "theirs", &[("charts/bookstore/values.yaml", &own)]);
    let head = shop.repository.head("updates");
    crate::bookstore::publish(&shop.world, crate::bookstore::REPOSITORY, &[("v1.0.3", "2026-11-21T08:00:00Z")]);
    let refused = shop.apply(&["--restart-branch"]);
    assert_eq!(shop.repository.head("updates"), head, "{refused}");
}

fn a_branch_that_several_write_to_loses_nothing(backend: Backend) {
    let shop = Shop::open(backend);
    let other = "charts/other/values.yaml";
    shop.commit(&[(other, VALUES)]);
    let bookstore = shop.bookstore().annotation("git-branch", "main:updates");
    shop.world.application(bookstore.annotation("write-back-target", &format!("helmvalues:/{other}")).with(|object| {
        object["metadata"]["name"] = "other".into();
    }));
    shop.world.application(shop.bookstore().annotation("git-branch", "main:updates"));
    let words = |name| ["apply", name, "--yes", "-o", "json", "--restart-branch"];
    shop.run(&words("other")).expect(0);
    let head = shop.repository.head("updates");
    // The file of this one is the base's, and the other's update is on the branch alone.
    let planned = shop.run(&["plan", "bookstore"]).expect(0);
    assert!(!planned.stderr.contains("--restart-branch"), "what would be refused is not offered: {planned}");
    let refused = shop.run(&words("bookstore")).expect(1);
    assert!(refused.stderr.contains("updates has changes that main does not have"), "{refused}");
    assert!(refused.stderr.contains(other) && !refused.stderr.contains("new plan"), "{refused}");
    assert_eq!(shop.repository.head("updates"), head);
    // Neither is the update of the one that is asked about.
    crate::bookstore::publish(&shop.world, crate::bookstore::REPOSITORY, &[("v1.0.2", "2026-11-21T08:00:00Z")]);
    let refused = shop.run(&words("other")).expect(1);
    assert!(refused.stderr.contains("merge it first") && !refused.stderr.contains("new plan"), "{refused}");
    assert_eq!(shop.repository.head("updates"), head);
    // Without the flag it goes on.
    shop.run(&words("bookstore")[..5]).expect(0);
    assert_eq!(shop.text("updates", other), VALUES.replace("v1.0.0", "v1.0.1"));
}

fn a_restarted_branch_is_planned_at_its_base(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore().annotation("git-branch", "main:updates"));
    // A branch without anything of its own, left behind by its base.
    shop.repository.git(&["branch", "updates", "main"]);
    let ahead = VALUES.replace("v1.0.0", "v0.9.0").replace("replicas:   2", "replicas:   7");
    shop.commit(&[("charts/bookstore/values.yaml", &ahead)]);
    shop.apply(&["--restart-branch"]).expect(0);
    let parent = shop.repository.git(&["rev-parse", "updates^"]);
    assert_eq!(Some(parent), shop.repository.head("main"));
    assert_eq!(shop.text("updates", "charts/bookstore/values.yaml"), ahead.replace("v0.9.0", "v1.0.1"));
}

fn what_waits_on_its_branch_is_not_begun_anew(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore().annotation("git-branch", "main:updates"));
    shop.run(&["plan", "--out", "plan.json"]).expect(0);
    shop.apply(&["--restart-branch"]).expect(0);
    let head = shop.repository.head("updates");
    // It waits to be merged.
    for words in [&[][..], &["--restart-branch"], &["--restart-branch", "--dry-run=server"]] {
        let again = shop.apply(words).expect(0);
        assert_eq!(outcomes(&again), [], "{words:?}: {again}");
    }
    let saved = ["apply", "--plan", "plan.json", "--yes", "-o", "json", "--restart-branch"];
    let saved = shop.run(&saved).expect(0);
    assert_eq!(outcomes(&saved)[0].0, "AlreadyApplied", "{saved}");
    assert_eq!(shop.repository.head("updates"), head);
    // Merged, and taken back: nothing would be lost, and the base needs it again.
    shop.repository.git(&["update-ref", "refs/heads/main", "refs/heads/updates"]);
    shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    shop.repository.configure("receive.denyNonFastForwards", "false");
    let anew = shop.apply(&["--restart-branch"]).expect(0);
    assert_eq!(outcomes(&anew)[0].0, "Applied", "{anew}");
    let parent = shop.repository.git(&["rev-parse", "updates^"]);
    assert_eq!(Some(parent.trim().to_owned()), shop.repository.head("main"));
}

fn what_the_base_lacks_may_be_on_the_branch(backend: Backend) {
    let shop = Shop::open(backend);
    let path = "charts/bookstore/values.yaml";
    shop.commit(&[(path, "replicas: 2\n")]);
    shop.world.application(shop.bookstore().annotation("git-branch", "main:updates"));
    shop.run(&["plan"]).expect(3);
    shop.apply(&["--create-keys"]).expect(0);
    // The keys are where the update goes.
    shop.run(&["check"]).expect(0);
    let planned = shop.run(&["plan", "-o", "json"]).expect(0).json();
    assert_eq!((&planned["changes"], &planned["complete"]), (&json!([]), &json!(true)), "{planned}");
    crate::bookstore::publish(&shop.world, crate::bookstore::REPOSITORY, &[("v1.0.2", "2026-11-21T08:00:00Z")]);
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&applied)[0].0, "Applied", "{applied}");
    assert!(shop.text("updates", path).contains("tag: v1.0.2"), "{applied}");
    // A branch that lacks them too does not help.
    shop.repository.git(&["update-ref", "refs/heads/updates", "refs/heads/main"]);
    let planned = shop.run(&["plan", "-o", "json"]).expect(3).json();
    assert_eq!(planned["decisions"][0]["status"], "Invalid", "{planned}");
}

fn heads_name_counts_where_nothing_else_is_named(backend: Backend) {
    let shop = Shop::open(backend);
    shop.repository.git(&["branch", "trunk", "main"]);
    shop.repository.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let application = shop.bookstore().with(|object| object["spec"]["source"]["targetRevision"] = "HEAD".into());
    shop.world.application(application);
    let main = shop.repository.head("main");
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&applied)[0].1["branch"], "trunk", "{applied}");
    assert_eq!(shop.repository.head("main"), main);
    // A tag cannot be pushed to, and a branch that is not there cannot be begun from.
    shop.repository.git(&["tag", "v9", "main"]);
    shop.world.edit("bookstore", |object| object["spec"]["source"]["targetRevision"] = "v9".into());
    let checked = shop.run(&["check", "-o", "json"]).expect(3).json();
    assert_eq!(checked["items"][0]["reason"], "GitUnreachable", "{checked}");
    assert!(checked["items"][0]["message"].as_str().unwrap().contains("`v9` of"), "{checked}");
}

fn the_message_is_the_clusters_or_a_files(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.world.cluster().edit(
        crate::world::resource("configmaps"),
        shop.world.namespace(),
        "argocd-image-updater-config",
        |object| {
            object["data"]["git.commit-message-template"] =
                "chore: {{.AppName}} {{range .AppChanges}}{{.OldTag}}-{{.NewTag}}{{end}}".into();
            object["data"]["git.commit-sign-off"] = "true".into();
        },
    );
    shop.apply(&[]).expect(0);
    let expected = "chore: bookstore v1.0.0-v1.0.1\n\nSigned-off-by: Robot <robot@example.com>";
    assert_eq!(shop.repository.message("main").trim_end(), expected);
    shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    let file = shop.world.file("message.txt", "mine: {{.AppName}}\n");
    shop.apply(&[
        "--git-commit-message-path",
        file.to_str().unwrap(),
        "--git-commit-user",
        "Ada",
        "--git-commit-email",
        "ada@example.com",
    ])
    .expect(0);
    assert_eq!(shop.repository.subjects("main")[0], "mine: bookstore");
    assert_eq!(shop.repository.git(&["log", "-1", "--format=%an <%ae>", "main"]).trim(), "Ada <ada@example.com>");
}

fn a_message_quotes_the_labels_of_images(backend: Backend) {
    let shop = Shop::open(backend);
    let image = Image::built("2026-11-21T08:00:00Z").label("org.opencontainers.image.revision", "abc123");
    shop.world.publish(crate::bookstore::REPOSITORY, "v1.0.4", &Image::index([image]).attested());
    shop.world.application(shop.bookstore());
    let template = "up{{range .AppChanges}}{{with index .Labels \"org.opencontainers.image.revision\"}}\n\nUpstream: {{.}}{{end}}{{end}}\n";
    let file = shop.world.file("message.txt", template);
    let message = ["--git-commit-message-path", file.to_str().unwrap()];
    shop.apply(&message).expect(0);
    assert_eq!(shop.repository.message("main").trim_end(), "up\n\nUpstream: abc123");
    // One without labels is quoted without them; nobody asks who does not say a word about them.
    shop.world.publish(crate::bookstore::REPOSITORY, "v1.0.5", &Image::built("2026-11-21T09:00:00Z"));
    shop.apply(&message).expect(0);
    assert_eq!(shop.repository.message("main").trim_end(), "up");
    // What is no image has none, and that is said.
    let chart = Image::artifact("application/vnd.cncf.helm.config.v1+json", "{}");
    shop.world.publish(crate::bookstore::REPOSITORY, "v1.0.6", &chart);
    let told = outcomes(&shop.apply(&message).expect(0)).remove(0);
    assert_eq!(told.0, "Applied");
    assert!(told.2.contains("without labels") && told.2.contains("it is no image"), "{told:?}");
}

fn commits_are_signed(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let signer = SshSigner::generate();
    let key = signer.key_file().display().to_string();
    shop.apply(&["--git-commit-signing-key", &key, "--git-commit-signing-method", "ssh"]).expect(0);
    let head = shop.repository.head("main").unwrap();
    signer.verify(&shop.repository, &head);

    shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    let gpg = GpgKey::generate();
    let mut invocation =
        shop.invocation(&["apply", "--all", "--yes", "-o", "json", "--git-commit-signing-key", &gpg.id]);
    for (name, value) in gpg.environment() {
        invocation.env(name, value);
    }
    let applied = invocation.run().expect(0);
    assert_eq!(outcomes(&applied)[0].0, "Applied", "{applied}");
    let head = shop.repository.head("main").unwrap();
    assert_eq!(outcomes(&applied)[0].1["commit"], json!(head));
    gpg.verify(&shop.repository, &head);

    // Without the key nothing is written, and that is said.
    shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    let head = shop.repository.head("main");
    let failed = shop.apply(&["--git-commit-signing-key", "nobody@example.com"]).expect(1);
    assert!(failed.stderr.contains("sign"), "{failed}");
    assert_eq!(shop.repository.head("main"), head);
}
