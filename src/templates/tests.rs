//! Templates as Image Updater's users write them, and the functions and actions that Go documents.

use super::*;
use crate::model::image::Reference;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::ImageChange;

/// A change of images, each `image old new`.
fn change(application: &str, images: &[(&str, &str, &str)]) -> Change {
    let mut change = crate::model::tests::change();
    application.clone_into(&mut change.application.name);
    change.images = images
        .iter()
        .map(|(image, old, new)| ImageChange {
            alias: Some("a".to_owned()),
            reference: Reference::parse(image).repository().unwrap(),
            from: (!old.is_empty()).then(|| Version::parse(old)),
            to: Version::parse(new),
            because: String::new(),
        })
        .collect();
    let to = |(_, _, new): &(&str, &str, &str)| Edit {
        field: Field::HelmParameter("t".to_owned()),
        from: None,
        to: Some((*new).to_owned()),
    };
    change.edits = images.iter().map(to).collect();
    change
}

/// The message, where nothing is known of labels.
fn plain(template: Option<&str>, changes: &[&Change]) -> Result<String, String> {
    message(template, changes, &ImageLabels::new())
}

fn one() -> Change {
    change("foobar", &[("foo/bar", "1.0", "1.1")])
}

fn two() -> Change {
    change("foobar", &[("foo/bar", "1.0", "1.1"), ("bar/baz", "2.0", "2.1")])
}

/// Cases `brn-*`. Overruled: 07, since the name of the Application is known here.
#[test]
fn branches_are_those_of_image_updater() {
    let hash = "0fcc2782543e4bb067c174c21bf44eb947f3e55c0d62c403e359c1c209cbd041";
    let digest = format!("reg.io/foo/bar 1@sha256:{}", "a".repeat(64));
    for (id, template, change, expected) in [
        (
            "brn-01",
            "image-updater{{range .Images}}-{{.Name}}-{{.NewTag}}{{end}}",
            two(),
            Ok("image-updater-foo/bar-1.1-bar/baz-2.1".to_owned()),
        ),
        (
            "cmt-04",
            "image-updater{{range .Images}}-{{.Name}}-{{.NewTag}}{{end}}",
            one(),
            Ok("image-updater-foo/bar-1.1".to_owned()),
        ),
        ("brn-03", "image-updater-{{.SHA256}}", one(), Ok(format!("image-updater-{hash}"))),
        ("brn-06", "image-updater-{{.AppNamespace}}-{{.AppName}}", one(), Ok("image-updater-argocd-foobar".to_owned())),
        (
            "brn-08",
            "{{.AppName}}{{range .Images}}-{{.Name}}-{{.NewTag}}{{end}}",
            change("my-app", &[("nginx", "1.4", "1.5")]),
            Ok("my-app-nginx-1.5".to_owned()),
        ),
        ("brn-11", "{{.Nope}}", one(), Err("Nope")),
        ("literal", "image-updates", one(), Ok("image-updates".to_owned())),
        ("alias", "{{(index .Images 0).Alias}}", one(), Ok("a".to_owned())),
        ("nothing", "{{if false}}x{{end}}", one(), Err("is empty")),
        ("spaces", "a b", one(), Err("has ` ` in it")),
        ("option", "--force", one(), Err("begins with `-`")),
    ] {
        match (branch(template, &change), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{id}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{id}: {found}"),
            (found, _) => panic!("{id}: {found:?}"),
        }
    }
    // Image Updater puts a `:` into the name, which git refuses when it is too late (field).
    let (image, version) = digest.split_once(' ').unwrap();
    let error = branch("u{{range .Images}}-{{.NewTag}}{{end}}", &change("x", &[(image, "", version)])).unwrap_err();
    assert!(error.contains("has `:` in it"), "{error}");
    let key = |template| branch(template, &one()).unwrap();
    assert_eq!(key("{{.TargetKey}}").len(), 8);
    let (one_app, other_app) =
        (change("app-a", &[("foo/bar", "1.0", "1.1")]), change("app-b", &[("foo/bar", "1.0", "1.1")]));
    let shared = |change: &Change| branch("image-updater-{{.TargetKey}}-{{.SHA256}}", change).unwrap();
    let name = shared(&one_app);
    assert!(name.contains(&key("{{.TargetKey}}")) && !name.contains("app-a"), "brn-09: {name}");
    assert_eq!(name, shared(&other_app), "brn-10");
    assert_eq!(branch(&"x".repeat(300), &one()).unwrap().len(), 255, "brn-04");
}

/// Cases `msg-*`. Overruled: 04, since a message that fails is told.
#[test]
fn messages_are_those_of_image_updater() {
    let default = "build: automatic update of foobar\n\nupdates image foo/bar tag '1.0' to '1.1'\nupdates image bar/baz tag '2.0' to '2.1'\n";
    assert_eq!(plain(None, &[&two()]).unwrap(), default, "msg-01");
    // msg-02 and msg-03
    let upstream = "x\n{{range .AppChanges}}{{with index .Labels \"org.opencontainers.image.revision\"}}Upstream Commit: {{.}}{{end}}{{end}}";
    assert_eq!(plain(Some(upstream), &[&one()]).unwrap(), "x\n", "msg-03");
    let image = &one().images[0];
    let label = |value: &str| BTreeMap::from([("org.opencontainers.image.revision".to_owned(), value.to_owned())]);
    let labels = |value: &str| ImageLabels::from([((image.reference.clone(), image.to.clone()), label(value))]);
    let labeled = message(Some(upstream), &[&one()], &labels("abc123")).unwrap();
    assert_eq!(labeled, "x\nUpstream Commit: abc123\n", "msg-02");
    // An image says no line of its own.
    let forged = message(Some(upstream), &[&one()], &labels("abc\nSigned-off-by: boss")).unwrap();
    assert_eq!(forged.lines().count(), 2, "{forged}");
    assert!(asks_for_labels(upstream) && !asks_for_labels(MESSAGE));
    assert!(plain(Some("{{.Nope}}"), &[&one()]).unwrap_err().contains("Nope"), "msg-04");
    assert!(plain(Some(" {{- /* nothing */ -}} "), &[&one()]).unwrap_err().contains("no text"));
    let digest = |digit: char| format!("1@{}", crate::model::tests::digest(digit));
    let moved = change("x", &[("reg.io/foo/bar", &digest('1'), &digest('2'))]);
    let text = plain(Some("{{range .AppChanges}}{{.Image}} {{.OldTag}} {{.NewTag}}{{end}}"), &[&moved]).unwrap();
    let digest = crate::model::tests::digest;
    assert_eq!(text, format!("foo/bar {} {}\n", digest('1'), digest('2')), "msg-05");
}

#[test]
fn a_message_for_several_applications_names_them_or_their_number() {
    let changes = ["d", "a", "b", "c"].map(|name| change(name, &[("nginx", "1", "2")]));
    let all: Vec<_> = changes.iter().collect();
    let subject = |changes: &[&Change]| plain(None, changes).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(subject(&all), "build: automatic update of 4 Applications");
    assert_eq!(subject(&all[..3]), "build: automatic update of a, b, d");
}

#[test]
fn a_value_from_outside_begins_no_line() {
    let mut forged = one();
    forged.images[0].from = Some(Version { tag: Some("1\n\nSigned-off-by: boss\u{2028}".to_owned()), digest: None });
    forged.images[0].alias = Some("x\r\ny".to_owned());
    let text = plain(None, &[&forged]).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(!text.contains('\u{2028}'), "{text}");
}

/// Every action and function of `text/template`, with what Go makes of it (Go 1.22).
#[test]
fn actions_and_functions_are_those_of_go() {
    let changes = [&two()];
    for (template, expected) in [
        ("{{/* a comment */}}x", Ok("x")),
        ("a {{- \" b \" -}} c", Ok("a b c")),
        ("{{if .AppName}}y{{else}}n{{end}}", Ok("y")),
        ("{{if eq .AppName \"x\"}}1{{else if eq .AppName \"foobar\"}}2{{else}}3{{end}}", Ok("2")),
        ("{{range $i, $c := .AppChanges}}{{$i}}{{$c.Image}};{{end}}", Ok("0foo/bar;1bar/baz;")),
        ("{{range .AppChanges}}{{.NewTag}}{{break}}{{end}}", Ok("1.1")),
        ("{{range .AppChanges}}{{if eq .NewTag \"1.1\"}}{{continue}}{{end}}{{.NewTag}}{{end}}", Ok("2.1")),
        ("{{range .AppChanges}}{{else}}none{{end}}x", Ok("x")),
        ("{{with .AppName}}{{.}}{{end}}", Ok("foobar")),
        ("{{with $x := \"v\"}}{{$x}}{{end}}", Ok("v")),
        ("{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .AppName}}", Ok("<foobar>")),
        ("{{block \"t\" .AppName}}<{{.}}>{{end}}", Ok("<foobar>")),
        ("{{$x := 1}}{{$x = 2}}{{$x}}", Ok("2")),
        ("{{.AppName | printf \"%s-%q\" \"a\"}}", Ok("a-\"foobar\"")),
        ("{{printf \"%03d %v %x\" 7 true 255}}", Ok("007 true ff")),
        ("{{print 1 2 \"x\"}}", Ok("1 2x")),
        ("{{println \"x\"}}y", Ok("x\ny")),
        ("{{len .AppChanges}}", Ok("2")),
        ("{{(index .AppChanges 1).Image}}", Ok("bar/baz")),
        ("{{slice .AppName 3}}", Ok("bar")),
        ("{{and 1 \"\"}}{{or \"\" \"x\"}}{{not true}}", Ok("xfalse")),
        ("{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}} {{ne 1 2}} {{eq 1 2 1}}", Ok("true true false false true true")),
        ("{{html \"<a>\"}} {{js \"'\"}} {{urlquery \"a b\"}}", Ok("&lt;a&gt; \\' a+b")),
        ("{{\"quoted }} braces\"}}", Ok("quoted }} braces")),
        ("{{`raw`}}{{'a'}}", Ok("raw97")),
        ("{{.AppName", Err("")),
        ("{{if .AppName}}", Err("")),
        ("x{{end}}y", Err("`end` belongs to nothing")),
        ("x{{else}}y", Err("`else` belongs to nothing")),
        ("{{upper .AppName}}", Err("upper")),
        ("{{template \"nope\"}}", Err("nope")),
        ("{{index .AppChanges 7}}", Err("")),
        ("{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}", Err("")),
    ] {
        match (plain(Some(template), &changes), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.trim_end_matches('\n'), expected, "{template}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{template}: {found}"),
            (found, _) => panic!("{template}: {found:?}"),
        }
    }
}

/// Templates that make something else than with Go, each with why. All of them are refused, or of no use in a message.
const DIFFERENT: &[(&str, &str)] = &[
    ("{{.}}", "a struct prints as a map"),
    ("{{$}}", "a struct prints as a map"),
    ("{{index .AppChanges 0}}", "a struct prints as a map"),
    ("{{define \"t\"}}<{{.}}>{{end}}{{template \"t\"}}", "a template that is given nothing gets everything"),
    ("{{printf \"%T\" \"x\"}}", "there are no types of Go"),
    ("{{range 3}}{{.}}{{end}}", "newer versions of Go count too"),
    ("{{.AppName | }}", "a pipeline that ends in nothing is refused"),
];

/// `tests/data/templates/expected.jsonl` is what Go 1.19 makes of each template (see `oracle.go` there).
#[test]
fn templates_make_what_go_makes_of_them() {
    let expected = include_str!("../../tests/data/templates/expected.jsonl");
    let mut differ = Vec::new();
    for line in expected.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let template = case["template"].as_str().unwrap();
        let made = render(template, &message_data(&[&two()], &ImageLabels::new())).ok();
        if made.as_deref() != case["text"].as_str() {
            differ.push(format!("{template:?}: here {made:?}, Go {}", case["text"]));
        }
    }
    let known: Vec<_> = DIFFERENT.iter().map(|(template, _)| format!("{template:?}")).collect();
    let unknown: Vec<_> = differ.iter().filter(|line| !known.iter().any(|known| line.starts_with(known))).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(differ.len(), known.len(), "one that was different no longer is: {differ:#?}");
}

#[test]
fn a_hostile_template_ends() {
    for template in [
        "{{range 1000000000}}x{{end}}".to_owned(),
        format!("{}x{}", "{{range .AppChanges}}".repeat(40), "{{end}}".repeat(40)),
        format!("{{{{{}1{}}}}}", "(".repeat(20_000), ")".repeat(20_000)),
        "{{if 1}}".repeat(20_000),
        format!("{}{}", "{{if 1}}".repeat(20_000), "{{end}}".repeat(20_000)),
    ] {
        assert!(plain(Some(&template), &[&two(), &two()]).is_err(), "{}", &template[..20]);
    }
    // Go has no such width either, and says so in the text.
    let wide = plain(Some("{{printf \"%1000000000d\" 1}}"), &[&two()]);
    assert!(wide.is_err() || wide.is_ok_and(|text| text.len() < 100));
}
