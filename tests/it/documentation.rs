//! Every command that the documentation shows is run, and every manifest in it is given to a real API server.

use std::fs;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::git;
use crate::world::ADMIN;
use crate::world::Application;
use crate::world::Authority;
use crate::world::BINARY;
use crate::world::Backend;
use crate::world::Grant;
use crate::world::Image;
use crate::world::Invocation;
use crate::world::MAINTAINER;
use crate::world::Output;
use crate::world::Terminal;
use crate::world::User;
use crate::world::World;
use crate::world::allow;
use crate::world::executable;
use crate::world::from_yaml;
use crate::world::program;

const VALUES: &str = "image:\n  name: $REGISTRY/acme/bookstore\n  tag: v1.0.0\n";

/// Makes a test of each page, and one that no page is without.
macro_rules! pages {
    ($($test:ident: $file:literal $(after $before:literal)?,)+) => {
        $(
            #[test]
            fn $test() {
                let before: &[&str] = &[$($before)?];
                play(include_str!(concat!("../../", $file)), before);
            }
        )+

        #[test]
        fn no_page_is_left_out() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/help");
            let pages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut pages: Vec<String> = pages.map(|name| format!("src/cli/help/{name}")).collect();
            pages.push("README.md".to_owned());
            pages.sort();
            let mut played = vec![$($file),+];
            played.sort_unstable();
            assert_eq!(pages, played);
        }
    };
}

pages! {
    readme: "README.md",
    annotations: "src/cli/help/annotations.md",
    ci: "src/cli/help/ci.md",
    git_write_back: "src/cli/help/git.md",
    image_updater: "src/cli/help/image-updater.md",
    permissions: "src/cli/help/permissions.md",
    pins: "src/cli/help/pins.md" after "kubectl image-update apply argocd/bookstore --yes",
    registries: "src/cli/help/registries.md",
}

/// What a page has between fences.
struct Block<'a> {
    language: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(language), false) => blocks.push(Block { language, text: String::new() }),
            (None, true) => blocks.last_mut().unwrap().text.extend([line, "\n"]),
            (None, false) => continue,
            (Some(_), true) => {}
        }
        inside ^= line.starts_with("```");
    }
    blocks
}

/// The commands of a block: lines, joined where one goes on.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

fn of_the_project(command: &str) -> bool {
    ["cargo ", "tests/run"].iter().any(|start| command.starts_with(start))
}

/// Runs everything that a page shows, in its order, in one world, in which something happened before.
fn play(page: &str, before: &[&str]) {
    let reader = Reader::sit_down();
    for command in before {
        reader.types(command);
    }
    let mut played = 0;
    for block in blocks(page) {
        let text = block.text.replace("ghcr.io", &reader.world.registry().host());
        match block.language {
            "sh" => {
                // What cargo does is tried by whoever runs this.
                for command in commands(&text).iter().filter(|command| !of_the_project(command)) {
                    reader.types(command);
                    played += 1;
                }
            }
            // The transcript has a test of its own.
            "console" => {}
            "yaml" => played += reader.uses(&text),
            other => panic!("blocks of `{other}` are not known here"),
        }
    }
    assert!(played > 0, "the page shows nothing to do");
}

/// The examples below the help of each command.
#[test]
fn the_examples_of_help_work() {
    let reader = Reader::sit_down();
    reader.types("mkdir -p ~/.local/bin");
    let digest = Image::built("2026-10-01T08:00:00Z").content("v1.0.0").digest();
    let mut played = 0;
    for name in ["check", "plan", "apply", "pin", "unpin", "help", "completion"] {
        let help = reader.world.run(&["help", name]).expect(0).stdout;
        let (_, examples) =
            help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no examples of `{name}`: {help}"));
        for example in examples.lines().filter_map(|line| line.trim_start().strip_prefix("kubectl image-update ")) {
            // What it does is said behind it.
            let words = example.split("  ").next().expect("a line has a start").replace("sha256:…", &digest);
            if name == "unpin" {
                reader.types("kubectl image-update pin argocd/bookstore web=v1.0.0");
            }
            let accepted = if words.contains("--detailed-exitcode") { " || [ $? -eq 2 ]" } else { "" };
            reader.types(&format!("kubectl image-update {words}{accepted}"));
            played += 1;
        }
    }
    assert!(played > 20, "{played} examples");
}

/// Somebody who follows the documentation, with rights for everything.
struct Reader {
    world: World,
    admin: User,
}

impl Reader {
    fn sit_down() -> Self {
        let world = World::alone(Backend::Real);
        bookstore::publish_versions(&world);
        let host = world.registry().host();
        let repository = world.git().repository("acme/deploy");
        let values = VALUES.replace("$REGISTRY", &host);
        repository.commit("main", "begin", &[("charts/bookstore/values.yaml", &values)]);
        let url = world.git().https().url("acme/deploy");
        let authority = Authority::of_this_process().ca.clone();
        world.object(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-tls-certs-cm"},
            "data": {"127.0.0.1": authority},
        }));
        world.object(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "deploy", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
            "stringData": {"url": url, "username": MAINTAINER.0, "password": MAINTAINER.1},
        }));
        let image = world.image(bookstore::REPOSITORY);
        let application = Application::named("bookstore")
            .label("app", "bookstore")
            .label("team", "web")
            .image_list(&format!("web={image}:~1.0"))
            .helm(&[("image.name", &image), ("image.tag", "v1.0.0")])
            .images(&[&format!("{image}:v1.0.0")])
            .with(move |object| {
                object["spec"]["source"]["repoURL"] = url.into();
                object["spec"]["source"]["path"] = "charts/bookstore".into();
                object["spec"]["syncPolicy"] = json!({"automated": {}});
                // What runs was deployed once.
                let source = object["spec"]["source"].clone();
                object["status"]["history"] =
                    json!([{"id": 0, "deployedAt": "2026-11-20T09:00:00Z", "source": source}]);
            })
            .into_value();
        world.file("apps/bookstore.yaml", &world.fill_in(application.clone()).to_string());
        let gh = world.file("bin/gh", "#!/bin/sh\n");
        executable(&gh);
        world.application(application);
        let admin = User { name: "admin".to_owned(), token: ADMIN.to_owned() };
        let reader = Self { world, admin };
        for command in [
            "git init --quiet --initial-branch=main --bare ../origin.git",
            "git init --quiet --initial-branch=main . && git remote add origin ../origin.git",
            "git config user.name Reader && git config user.email reader@example.com",
            "git add apps && git commit --quiet --message begin && git push --quiet origin main",
            "kubectl create deployment argocd-image-updater --image=x -n argocd --dry-run=client -o yaml | kubectl apply -f -",
        ] {
            reader.types(command);
        }
        reader
    }

    /// A shell with these words as its command.
    fn shell(&self, user: &User, command: &str) -> Invocation {
        let mut shell = self.world.invocation_as(user, &["-e", "-o", "pipefail", "-c", command]);
        shell.program = "/bin/bash".into();
        let plugins = Path::new(BINARY).parent().expect("a file is in a folder").display();
        let kubectl = program("kubectl");
        let kubectl = kubectl.parent().expect("a file is in a folder").display();
        let own = self.world.work().join("bin");
        shell.env("PATH", format!("{}:{plugins}:{kubectl}:{}", own.display(), git::search_path()));
        shell.env("TOKEN", "secret").env("TERM", "xterm").env("GIT_TERMINAL_PROMPT", "0");
        // As in the first pod of an Indexed Job.
        shell.env("JOB_COMPLETION_INDEX", "0");
        shell
    }

    /// Types a command, says yes if it asks, and has Argo CD deploy what was written.
    fn types(&self, command: &str) {
        self.succeeds(&self.admin, command);
    }

    fn succeeds(&self, user: &User, command: &str) {
        let shell = self.shell(user, command);
        let writes = ["apply ", "pin ", "unpin "].iter().any(|name| command.contains(&format!("image-update {name}")));
        // Whoever has said so, or goes on in a script, is not asked.
        let asks = writes && !["--yes", "--plan", "||"].iter().any(|word| command.contains(word));
        let output: Output = if asks {
            let terminal = Terminal::start(&shell, 120);
            // In a list to tick in, all of it.
            terminal.send(if command.contains(" -i") { "a\r" } else { "y" });
            terminal.finish()
        } else {
            shell.run()
        };
        assert_eq!(output.code, 0, "$ {command}\n{output}");
        self.world.deploy("bookstore");
    }

    /// Does with YAML what it is for; how many things were done.
    fn uses(&self, text: &str) -> usize {
        let documents: Vec<Value> = text.split("\n---\n").map(from_yaml).collect();
        if documents.iter().all(|document| document["apiVersion"].is_string()) {
            return self.applies(text, &documents);
        }
        let mut played = 0;
        for document in &documents {
            for job in document["jobs"].as_object().into_iter().flat_map(|jobs| jobs.values()) {
                for step in job["steps"].as_array().expect("a job of GitHub Actions has steps") {
                    if let Some(script) = step["run"].as_str() {
                        self.types(script);
                        played += 1;
                    }
                }
            }
            for job in document.as_object().into_iter().flat_map(|jobs| jobs.values()) {
                for script in job["script"].as_array().into_iter().flatten() {
                    self.types(script.as_str().expect("a script of GitLab is a list of lines"));
                    played += 1;
                }
            }
        }
        assert!(played > 0, "nobody knows what to do with:\n{text}");
        played
    }

    /// Gives manifests to the API server, and runs what they run with the rights that they give.
    fn applies(&self, text: &str, documents: &[Value]) -> usize {
        // The API server of Debian 12 is older than 1.21, where CronJobs came of age; they have not changed since.
        let groups = self.world.cluster().call(ADMIN, "GET", "/apis/batch/v1", (&[], "")).text();
        let beta = "apiVersion: batch/v1beta1\nkind: CronJob";
        let text = if groups.contains("cronjobs") {
            text.to_owned()
        } else {
            text.replace("apiVersion: batch/v1\nkind: CronJob", beta)
        };
        let file = self.world.file("manifests.yaml", &text);
        // Nor does it know the completion mode of Jobs; it looks at the rest all the same.
        let validate = groups.contains("cronjobs");
        self.types(&format!("kubectl apply --dry-run=server --validate={validate} -f {}", file.display()));
        let is_bound_to_ours = |document: &Value| document["roleRef"]["name"] == "kubectl-image-update";
        let ours = documents.iter().any(is_bound_to_ours).then(cluster_role);
        let rules = documents.iter().chain(&ours).filter(|document| document["kind"] == "Role").flat_map(rules);
        let robot = self.world.add_user(rules);
        let mut played = 1;
        for document in documents {
            let pods = [&document["spec"]["jobTemplate"]["spec"]["template"], &document["spec"]["template"]];
            for container in pods.iter().filter_map(|pod| pod["spec"]["containers"].as_array()).flatten() {
                let words = [&container["command"], &container["args"]];
                let words = words.iter().filter_map(|words| words.as_array()).flatten();
                let words: Vec<&str> = words.map(|word| word.as_str().expect("words are strings")).collect();
                self.succeeds(&robot, &words.join(" "));
                played += 1;
            }
        }
        played
    }
}

/// The `ClusterRole` that the documentation shows, as a Role of the namespace that it is bound in.
fn cluster_role() -> Value {
    let page = blocks(include_str!("../../src/cli/help/permissions.md"));
    let block = page.iter().find(|block| block.language == "yaml").expect("the page shows the role");
    let mut role = from_yaml(&block.text);
    assert_eq!((&role["kind"], &role["metadata"]["name"]), (&json!("ClusterRole"), &json!("kubectl-image-update")));
    role["kind"] = "Role".into();
    role
}

/// What a Role allows.
fn rules(role: &Value) -> Vec<Grant> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let rules = role["rules"].as_array().expect("a role has rules");
    rules
        .iter()
        .flat_map(|rule| {
            let verbs = texts(&rule["verbs"]).join(" ");
            let grant = |resource: String| Grant { names: texts(&rule["resourceNames"]), ..allow(&verbs, &resource) };
            texts(&rule["resources"]).into_iter().map(grant).collect::<Vec<_>>()
        })
        .collect()
}
