//! Who logs in at git servers, and whom they believe: no run of any scenario shows a secret.

use serde_json::Value;
use serde_json::json;

use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Authority;
use crate::world::Backend;
use crate::world::MAINTAINER;
use crate::world::Output;
use crate::world::on_both;
use crate::world::resource;

on_both!(
    a_wrong_password_is_told,
    a_template_covers_repositories,
    a_named_secret_logs_in,
    the_callers_own_login_does_too,
    certificates_are_verified,
    ssh_needs_a_key_and_a_known_host,
    other_addresses_are_refused,
);

/// The only item of a check that shows all that can be logged.
fn check(shop: &Shop) -> (Value, Output) {
    let output = shop.run(&["check", "-o", "json", "-vv"]);
    assert!(!output.to_string().contains(MAINTAINER.1), "a password is shown:\n{output}");
    (output.json()["items"][0].clone(), output)
}

fn edit_secret(shop: &Shop, name: &str, data: &Value) {
    shop.world.cluster().edit(resource("secrets"), shop.world.namespace(), name, |object| {
        object["stringData"] = data.clone();
    });
}

fn a_wrong_password_is_told(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    edit_secret(&shop, "argocd-repository", &json!({"password": "hunter2"}));
    let (item, output) = check(&shop);
    assert_eq!((&item["status"], &item["reason"]), (&json!("Undetermined"), &json!("GitUnreachable")), "{output}");
    assert!(item["message"].as_str().unwrap().contains("login"), "{item}");
    assert!(!output.to_string().contains("hunter2"), "{output}");
    // The image is not planned either, and nothing is guessed from what runs.
    let planned = shop.run(&["plan", "-o", "json"]).expect(3).json();
    assert_eq!(planned["changes"], json!([]));
}

fn a_template_covers_repositories(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let host = format!("https://{}", shop.world.git().https().authority());
    edit_secret(&shop, "argocd-repository", &json!({"url": format!("{host}/else/where")}));
    let (item, _) = check(&shop);
    assert_eq!(item["status"], "Undetermined", "the Secret of another repository is not used");
    shop.secret("short", "repo-creds", &json!({"url": host, "username": "x", "password": "wrong"}));
    let login = json!({"url": format!("{host}/acme"), "username": MAINTAINER.0, "password": MAINTAINER.1});
    shop.secret("long", "repo-creds", &login);
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "UpdateAvailable", "{output}");
    shop.apply(&[]).expect(0);
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

fn a_named_secret_logs_in(backend: Backend) {
    let shop = Shop::open(backend);
    edit_secret(&shop, "argocd-repository", &json!({"password": "wrong"}));
    shop.world.object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"},
        "stringData": {"username": MAINTAINER.0, "password": MAINTAINER.1},
    }));
    shop.world.application(shop.bookstore().annotation("write-back-method", "git:secret:mine"));
    assert_eq!(check(&shop).0["status"], "UpdateAvailable");
    shop.apply(&[]).expect(0);
    // One of another namespace is not the Application's to name.
    let other = shop.world.another_namespace("other");
    let key = "argocd-image-updater.argoproj.io/write-back-method";
    shop.world.edit("bookstore", |object| {
        object["metadata"]["annotations"][key] = format!("git:secret:{other}/mine").into();
    });
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "Undetermined", "{output}");
    assert!(output.to_string().contains("--allow-secret-namespace"), "{output}");
    // One without a login is a mistake.
    shop.world.edit("bookstore", |object| object["metadata"]["annotations"][key] = "git:secret:mine".into());
    shop.world.cluster().edit(resource("secrets"), shop.world.namespace(), "mine", |object| {
        object["data"] = json!({"user": "eA=="});
    });
    let (item, _) = check(&shop);
    assert!(item["message"].as_str().unwrap().contains("neither a `password`"), "{item}");
}

fn the_callers_own_login_does_too(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.world.cluster().edit(resource("secrets"), shop.world.namespace(), "argocd-repository", |object| {
        object["metadata"]["labels"] = json!({});
    });
    assert_eq!(check(&shop).0["status"], "Undetermined");
    let script = shop.world.file(
        "credential",
        &format!(
            "#!/bin/sh\ntest \"$1\" = get || exit 0\ncat <<'END'\nusername={}\npassword={}\nEND\n",
            MAINTAINER.0, MAINTAINER.1
        ),
    );
    crate::world::executable(&script);
    let home = shop.world.work().parent().unwrap().join("home");
    std::fs::write(home.join(".gitconfig"), format!("[credential]\n\thelper = \"{}\"\n", script.display())).unwrap();
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "UpdateAvailable", "{output}");
    shop.apply(&[]).expect(0);
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

fn certificates_are_verified(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.world.cluster().edit(resource("configmaps"), shop.world.namespace(), "argocd-tls-certs-cm", |object| {
        object["data"] = json!({"other.example.com": Authority::of_this_process().ca});
    });
    let (item, output) = check(&shop);
    assert_eq!(item["reason"], "GitUnreachable", "{output}");
    assert!(item["message"].as_str().unwrap().contains("certificate"), "{item}");
    // A Secret alone does not switch that off.
    edit_secret(&shop, "argocd-repository", &json!({"insecure": "true"}));
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "Undetermined", "{output}");
    assert!(output.stderr.contains("--allow-insecure-git"), "{output}");
    let allowed = shop.run(&["check", "-o", "json", "--allow-insecure-git"]).expect(0);
    assert!(allowed.stderr.contains("not verified"), "it is said: {allowed}");
    assert_eq!(allowed.json()["items"][0]["status"], "UpdateAvailable");
}

fn ssh_needs_a_key_and_a_known_host(backend: Backend) {
    let shop = Shop::open(backend);
    let ssh = shop.world.git().ssh();
    let url = ssh.url("acme/deploy");
    let application = shop.bookstore().with(|object| object["spec"]["source"]["repoURL"] = url.as_str().into());
    shop.world.application(application);
    shop.secret("ssh", "repository", &json!({"url": url, "sshPrivateKey": ssh.key()}));
    let (item, output) = check(&shop);
    assert_eq!(item["reason"], "GitUnreachable", "nobody vouches for the host: {output}");
    shop.config_map("argocd-ssh-known-hosts-cm", &json!({"ssh_known_hosts": ssh.wrong_known_hosts()}));
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "Undetermined", "another host key: {output}");
    assert!(item["message"].as_str().unwrap().to_lowercase().contains("host key"), "{item}");
    shop.world.cluster().edit(resource("configmaps"), shop.world.namespace(), "argocd-ssh-known-hosts-cm", |object| {
        object["data"] = json!({"ssh_known_hosts": ssh.known_hosts()});
    });
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "UpdateAvailable", "{output}");
    let applied = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&applied)[0].1["commit"], json!(shop.repository.head("main")), "{applied}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
    edit_secret(&shop, "ssh", &json!({"sshPrivateKey": ssh.unknown_key()}));
    let (item, output) = check(&shop);
    assert_eq!(item["status"], "Undetermined", "a key that the server does not know: {output}");
    assert!(!output.to_string().contains("PRIVATE KEY"), "{output}");
}

fn other_addresses_are_refused(backend: Backend) {
    let shop = Shop::open(backend);
    for (name, url) in [
        ("disk", "/etc"),
        ("file", "file:///etc"),
        ("ext", "ext::sh -c 'touch /tmp/x'"),
        ("option", "ssh://-oProxyCommand=x/y"),
        ("password", "https://user:hunter2@git.example.com/x"),
    ] {
        let application = shop.bookstore().annotation("git-repository", url);
        shop.world.application(application.with(|object| object["metadata"]["name"] = name.into()));
    }
    let output = shop.run(&["check", "-o", "json"]).expect(3);
    for item in output.json()["items"].as_array().unwrap() {
        assert_eq!((&item["status"], &item["reason"]), (&json!("Invalid"), &json!("BadValue")), "{item}");
    }
}
