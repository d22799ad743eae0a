//! The formats of standard output, and the exit codes that scripts ask for.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(
    every_format_says_the_same,
    tables_are_for_people,
    explain_says_why_not,
    exit_codes_tell_scripts,
    the_diff_hides_what_it_is_not_about,
    an_external_diff_is_called_as_kubectl_calls_it,
);

/// The bookstore, and an Application that is up to date.
fn world(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let done = Application::named("done").image_list(&format!("$REGISTRY/{REPOSITORY}:~1.0"));
    world.application(bookstore::running(done, &world, Form::Kustomize, "v1.0.1"));
    world
}

fn every_format_says_the_same(backend: Backend) {
    let world = world(backend);
    for words in [&["check"][..], &["check", "--explain"], &["plan"]] {
        let run = |format: &str| world.run(&[words, &["-o", format]].concat()).expect(0);
        let json = run("json").json();
        let yaml: Value = serde_yaml::from_str(&run("yaml").stdout).unwrap();
        assert_eq!(yaml, json);
        assert_eq!(run("name").stdout, "application.argoproj.io/bookstore\n");
    }
    let text = world.run(&["check", "-o", "json"]).stdout;
    assert!(text.ends_with("}\n"), "a document ends in a line break");
    world.run(&["check", "-o", "xml"]).expect(1);
    for format in ["jsonpath={.items[*].alias}", "custom-columns=A:.alias"] {
        let refused = world.run(&["check", "-o", format]).expect(1);
        assert!(refused.stderr.contains("-o json | jq"), "{refused}");
    }
    for words in [&["plan"][..], &["apply", "--all", "--yes"], &["pin", "bookstore", "web"]] {
        let refused = world.run(&[words, &["-o", "html"]].concat()).expect(1);
        assert!(refused.stderr.contains("-o html is for check only"), "{refused}");
    }
    // Equal sign or space, long or short.
    for words in [["check", "-ojson", "--color=never"], ["check", "--output=json", "--color=always"]] {
        assert_eq!(world.run(&words).expect(0).stdout, text);
    }
}

fn tables_are_for_people(backend: Backend) {
    let world = world(backend);
    let image = world.image(REPOSITORY);
    let table = world.run(&["check"]).expect(0);
    let pad = " ".repeat(image.len() - "IMAGE".len());
    let web = format!("web{}", " ".repeat(image.len() - "web".len()));
    let expected = format!(
        "\
APPLICATION  IMAGE{pad}  CURRENT  NEWEST  STATUS           BEHIND     WHY
bookstore    {web}  v1.0.0   v1.0.1  UpdateAvailable  1 version  newest of 2 tags that satisfy ~1.0
done         {image}  v1.0.1   v1.0.1  UpToDate         -          newest of 2 tags that satisfy ~1.0
"
    );
    assert_eq!(table.stdout, expected);
    let hint = "hint: `kubectl image-update plan` shows the edits";
    assert_eq!(table.stderr, format!("2 images in 2 Applications: 1 to update, 1 up to date\n{hint}\n"));
    let named = world.run(&["check", "bookstore", "-n", world.namespace()]).expect(0);
    let hint = format!("hint: `kubectl image-update plan -n {} bookstore` shows the edits\n", world.namespace());
    assert!(named.stderr.ends_with(&hint), "{named}");
    assert!(!world.run(&["check", "done"]).expect(0).stderr.contains("hint"));
    let bare = world.run(&["check", "--no-headers"]).expect(0);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&bare.stdout), words(expected.split_once('\n').unwrap().1));
    assert_eq!(world.run(&["check", "-q"]).expect(0).stderr, "");

    let wide = world.run(&["check", "-o", "wide"]).expect(0).stdout;
    for word in ["REASON", "NewestMatch", "STRATEGY", "semver", "CONSTRAINT", "~1.0", "argocd:helm", "argocd:kustomize"]
    {
        assert!(wide.contains(word), "{wide}");
    }
    // When it was built is asked for only if somebody wants to know.
    assert!(!wide.contains("20d"), "{wide}");
    let dated = world.run(&["check", "-o", "wide", "--dates"]).expect(0).stdout;
    assert!(dated.contains("1 version, 32d") && dated.contains("20d"), "{dated}");
    let markdown = world.run(&["check", "-o", "markdown"]).expect(0).stdout;
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines.len(), 4, "{markdown}");
    assert!(lines.iter().all(|line| line.starts_with("| ") && line.ends_with(" |")), "{markdown}");
    let columns = |line: &str| line.matches(" | ").count();
    assert!(lines.iter().all(|line| columns(line) == columns(lines[0])), "{markdown}");
    assert!(markdown.contains("\\~1.0"), "Markdown would strike it through:\n{markdown}");
    let explained = world.run(&["check", "-o", "markdown", "--explain"]).expect(0).stdout;
    let (fenced, funnel) = explained.split_once("\n```text\n").expect("a block of text");
    assert!(markdown == fenced && funnel.contains("seen → ") && funnel.ends_with("\n```\n"), "{explained}");
    // Color only where it is wanted: standard output is no terminal here.
    assert!(!table.stdout.contains('\u{1b}'));
    let colored = world.run(&["check", "--color=always"]).expect(0);
    assert!(colored.stdout.contains("\u{1b}["), "{colored}");
    let plain = world.run_with(&["check", "--color=never"], |invocation| {
        invocation.env("CLICOLOR_FORCE", "1");
    });
    assert_eq!(plain.stdout, expected);
}

fn explain_says_why_not(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let tags = [
        ("v1.0.2-rc.1", "2026-11-03T08:00:00Z"),
        ("nightly", "2026-11-04T08:00:00Z"),
        ("main", "2026-11-05T08:00:00Z"),
    ];
    bookstore::publish(&world, REPOSITORY, &tags);
    let application = Application::named("bookstore")
        .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"))
        .annotation("web.allow-tags", "regexp:^(v|night)")
        .annotation("web.ignore-tags", "night*");
    world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    let report = world.run(&["check", "--explain", "-o", "json"]).expect(0).json();
    let item = &report["items"][0];
    assert_eq!(item["tags"], json!({"seen": 6, "allowed": 4, "eligible": 2}));
    let mut rejected: Vec<_> = item["rejected"].as_array().unwrap().iter().map(|r| [&r["tag"], &r["reason"]]).collect();
    rejected.sort_by_key(|[tag, _]| tag.to_string());
    assert_eq!(
        rejected,
        [
            ["main", "NotAllowed"],
            ["nightly", "Ignored"],
            ["v1.0.0", "Older"],
            ["v1.0.2-rc.1", "PreRelease"],
            ["v2.0.0", "OutsideConstraint"],
        ]
    );
    let shorter = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(shorter["items"][0].get("rejected"), None, "only with --explain");
    let people = world.run(&["check", "--explain"]).expect(0);
    for words in ["6 seen → 4 allowed → 2 eligible → v1.0.1", "OutsideConstraint: v2.0.0", "PreRelease: v1.0.2-rc.1"]
    {
        assert!(people.stdout.contains(words), "{people}");
    }
}

fn exit_codes_tell_scripts(backend: Backend) {
    let world = world(backend);
    for (words, code) in [
        (&["check"][..], 0),
        (&["check", "--detailed-exitcode"], 2),
        (&["check", "done", "--detailed-exitcode"], 0),
        (&["plan"], 0),
        (&["plan", "--detailed-exitcode"], 2),
        (&["plan", "done", "--detailed-exitcode"], 0),
        (&["plan", "--detailed-exitcode", "-o", "json"], 2),
        (&["apply", "--detailed-exitcode"], 1),
        (&["check", "--no-such-flag"], 1),
        (&["chek"], 1),
    ] {
        let output = world.run(words).expect(code);
        assert!(code != 1 || output.stdout.is_empty(), "{output}");
    }
    assert!(world.writes().is_empty());
}

fn the_diff_hides_what_it_is_not_about(backend: Backend) {
    let world = World::new(backend);
    let course = bookstore::semver(&world);
    let application = course.application(&world, Form::Helm).with(|object| {
        let source = &mut object["spec"]["source"];
        source["helm"]["values"] = "token: t0ken-in-values".into();
        source["helm"]["valuesObject"] = json!({"token": "t0ken-in-object"});
        object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "t0ken-applied".into();
    });
    world.application(application);
    for words in [
        &["plan", "--context-lines", "100"][..],
        &["plan", "-o", "markdown", "--context-lines", "100"],
        &["apply", "--all", "--dry-run", "--context-lines", "100"],
    ] {
        let output = world.run(words).expect(0);
        let text = output.to_string();
        assert!(text.contains("-        value: v1.0.0") && text.contains("(hidden)"), "{output}");
        for secret in ["hunter2", "t0ken"] {
            assert!(!text.contains(secret), "{output}");
        }
    }
    let long = world.run(&["plan", "--context-lines", "100"]).expect(0).stdout.lines().count();
    let short = world.run(&["plan", "--context-lines", "0"]).expect(0).stdout.lines().count();
    assert!(short < 10 && long > short, "{short} {long}");
    let saved = world.run(&["plan", "-o", "json"]).expect(0).stdout;
    assert!(!saved.contains("hunter2") && !saved.contains("t0ken"), "no secret is in a plan");
}

fn an_external_diff_is_called_as_kubectl_calls_it(backend: Backend) {
    let world = world(backend);
    let program = world.file("bin/my-diff", "#!/bin/sh\necho called \"$1\" \"$2\"\ndiff -r -U0 \"$3\" \"$4\"\n");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = world.run_with(&["plan"], |invocation| {
        invocation.env("KUBECTL_EXTERNAL_DIFF", format!("{} -a b", program.display()));
    });
    let output = output.expect(0);
    assert!(output.stdout.contains("called -a b\n"), "{output}");
    assert!(output.stdout.contains("+        value: v1.0.1\n"), "{output}");
    assert!(!output.to_string().contains("hunter2"), "{output}");
    assert!(output.stdout.ends_with("v1.0.0 → v1.0.1  newest of 2 tags that satisfy ~1.0\n"), "{output}");
    // Documents are for programs: nobody else is asked.
    let document = world.run_with(&["plan", "-o", "json"], |invocation| {
        invocation.env("KUBECTL_EXTERNAL_DIFF", program.display().to_string());
    });
    assert!(!document.expect(0).stdout.contains("called"));
}
