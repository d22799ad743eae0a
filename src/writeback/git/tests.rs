//! Where files are in a repository, what is read from them, and what is written: cases `tgt-*`, `kst-*`, `wbc-*`,
//! `gwb-*`, `dtf-*`, `wbb-*`, `sha-*`, `cmt-*`, `ovr-*` as far as they are about places, and what is refused. The rest of
//! `gwb-*` is about annotations, and is beside them. Overruled: wbc-01, since method `argocd` writes no file. Of
//! ImageUpdater resources only, which are not read for settings: wbc-13 to wbc-19, and all of `mwb-*`.

use super::*;
use crate::annotations::rule::AppRules;
use crate::model::image::Version;
use crate::model::tests::application;
use crate::model::tests::rules;
use crate::writeback::placement;

const SOURCE: &str = "source: {repoURL: 'https://h/r', path: some/path, targetRevision: main, helm: {}}";

struct Case {
    rules: AppRules,
    place: Result<Placement, Invalid>,
}

/// An Application with these annotations, and the rest of its spec.
fn case(annotations: &str, rest: &str) -> Case {
    let list = if annotations.contains("image-list") { "" } else { "image-list: 'a=nginx', " };
    let short = format!("{{annotations: {{{list}write-back-method: git, {annotations}}}, {rest}}}");
    let mut application = application(&short);
    application.argocd_namespace = Some("argocd".to_owned());
    let (rules, _) = rules(&application);
    let place = placement(&application, &rules, &rules.images[0], None);
    Case { rules, place }
}

impl Case {
    fn target(&self) -> &GitTarget {
        self.place.as_ref().expect("a place").git_target().expect("in git")
    }

    /// With what stands in a repository.
    fn located(&self, files: &[(&str, &str)]) -> Result<Placement, Invalid> {
        let file = |text: &str| Entry::File { bytes: text.as_bytes().into(), blob: Some("b".to_owned()) };
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect();
        let tree = Tree { branch: "main".to_owned(), commit: Some("c".to_owned()), files };
        located(self.place.as_ref().expect("a place"), &self.rules.images[0], &tree)
    }

    /// The file after an update to `version`.
    fn updated(&self, files: &[(&str, &str)], version: &str) -> String {
        let place = self.located(files).expect("a place");
        let edits = place.edits(&self.rules.images[0], &Version::parse(version));
        let bytes =
            place.git.as_ref().and_then(|git| git.standing.as_ref()).and_then(|standing| standing.bytes.clone());
        String::from_utf8(place.edited_file(bytes.as_ref(), &edits, false).expect("it can be edited")).unwrap()
    }
}

/// Overruled: tgt-08, since what follows the word is not skipped; kst-08, since the root is a folder like any other;
/// kst-09, since it leads out of the repository.
#[test]
fn targets_are_found_as_image_updater_finds_them() {
    for (id, target, path, expected) in [
        ("tgt-01", "helmvalues", "", "values.yaml"),
        ("tgt-02", "helmvalues:./values.yaml", ".", "values.yaml"),
        ("tgt-04, gwb-07", "helmvalues", "foo/bar", "foo/bar/values.yaml"),
        ("tgt-06", "helmvalues:foo/app-values.yaml", "bar", "bar/foo/app-values.yaml"),
        ("tgt-07, gwb-06", "helmvalues:../baz/app-values.yaml", "bar/foo", "bar/baz/app-values.yaml"),
        ("tgt-09", "helmvalues:values", "", "values"),
        ("absolute", "helmvalues:/x/y.yaml", "bar", "x/y.yaml"),
        ("tgt-08", "helmvaluesXfoo.yaml", "bar", "helmvaluesXfoo.yaml"),
        ("gwb-09", "target/folder/app-parameters.yaml", "config/foo", "target/folder/app-parameters.yaml"),
    ] {
        let source = format!("source: {{repoURL: 'https://h/r', path: '{path}', helm: {{}}}}");
        let case = case(&format!("write-back-target: '{target}'"), &source);
        assert_eq!((case.target().kind, case.target().path.as_deref()), (FileKind::HelmValues, Some(expected)), "{id}");
    }
    for (id, target, path, folder) in [
        ("kst-02", "kustomization:.", ".", ""),
        ("kst-04", "kustomization", "foo/bar", "foo/bar"),
        ("kst-05", "kustomization:/foo", "bar", "foo"),
        ("kst-07, gwb-05", "kustomization:../baz", "bar/foo", "bar/baz"),
        ("kst-08", "kustomization:/", "bar", ""),
        ("wbc-05", "kustomization:overlays/prod", "some/path", "some/path/overlays/prod"),
    ] {
        let source = format!("source: {{repoURL: 'https://h/r', path: '{path}'}}");
        let case = case(&format!("write-back-target: '{target}'"), &source);
        assert_eq!((case.target().kind, case.target().path.as_deref()), (FileKind::Kustomization, None), "{id}");
        let name = |name: &str| path::join(folder, name);
        let found = case.located(&[(&name("kustomization.yml"), "a: 1\n"), (&name("Kustomization"), "a: 1\n")]);
        let found = found.unwrap();
        assert_eq!(found.git_target().unwrap().path.as_deref(), Some(name("kustomization.yml").as_str()), "{id}");
    }
}

#[test]
fn an_override_file_has_the_name_that_argo_cd_reads() {
    for (id, status, expected) in [
        ("dtf-01, cmt-06", "", "some/path/.argocd-source-web.yaml"),
        ("status", ", status: {controllerNamespace: argocd}", "some/path/.argocd-source-web.yaml"),
        (
            "dtf-02, wbc-03, cmt-07",
            ", status: {controllerNamespace: control}",
            "some/path/.argocd-source-argocd_web.yaml",
        ),
    ] {
        let case = case("", &format!("{SOURCE}{status}"));
        assert_eq!((case.target().kind, case.target().path.as_deref()), (FileKind::Override, Some(expected)), "{id}");
    }
    let kustomize = "source: {repoURL: 'https://h/r', path: p, kustomize: {}}";
    let bare = case("write-back-target: 'p/params.yaml'", kustomize);
    assert_eq!(bare.target().kind, FileKind::Override, "a bare path of Kustomize");
    let own = case("write-back-target: 'p/.argocd-source-web.yaml'", kustomize);
    assert_eq!(own.target().kind, FileKind::Override);
}

/// Overruled: wbb-03 and wbb-04, since the version of a chart is no branch.
#[test]
fn the_branch_is_the_annotations_else_the_sources() {
    let chart = "{repoURL: 'https://charts', chart: nginx, targetRevision: 18.2.3, helm: {}}";
    let two = format!("sources: [{chart}, {{repoURL: 'https://h/r.git', targetRevision: main, ref: values}}]");
    let values = "write-back-target: 'helmvalues:/v.yaml'";
    for (id, annotations, rest, expected) in [
        ("cmt-01, wbb-05", values.to_owned(), SOURCE.to_owned(), Some("main")),
        ("gwb-01, wbc-09", format!("{values}, git-branch: 'base:target'"), SOURCE.to_owned(), Some("base")),
        ("gwb-02", format!("{values}, git-branch: ':target'"), SOURCE.to_owned(), Some("main")),
        ("cmt-02, gwb-03", format!("{values}, git-branch: mybranch"), SOURCE.to_owned(), Some("mybranch")),
        ("cmt-03", values.to_owned(), SOURCE.replace("main", "HEAD"), None),
        // What is no whole name of a commit is a branch: sha-06 is shorter than git's own short names.
        (
            "sha-03",
            values.to_owned(),
            SOURCE.replace("main", "gd921f65f3c5373b682e2eb4b37afba6592e8f8b"),
            Some("gd921f65f3c5373b682e2eb4b37afba6592e8f8b"),
        ),
        ("sha-04", values.to_owned(), SOURCE.replace("main", "master"), Some("master")),
        ("sha-05", values.to_owned(), SOURCE.replace("main", "9d921f6"), Some("9d921f6")),
        ("sha-06", values.to_owned(), SOURCE.replace("main", "9d921f"), Some("9d921f")),
        ("full name", values.to_owned(), SOURCE.replace("main", "refs/heads/x"), Some("x")),
        ("wbb-02", format!("{values}, git-repository: 'https://h/r.git'"), two.clone(), Some("main")),
        ("wbb-03", values.to_owned(), two.clone(), Some("main")),
        ("wbb-04", format!("{values}, git-repository: 'https://h/other'"), two, None),
    ] {
        let case = case(&annotations, &rest);
        assert_eq!(case.target().branch.as_deref(), expected, "{id}");
        let template = case.place.unwrap().git.unwrap().template;
        assert_eq!(template.as_deref(), annotations.contains(":target").then_some("target"), "{id}");
    }
    let two = format!("sources: [{chart}, {{repoURL: 'https://h/r.git', targetRevision: main, ref: values}}]");
    assert_eq!(case(values, &two).target().repository, "https://h/r.git", "the only one that is of git");
}

#[test]
fn what_must_not_be_written_is_refused() {
    let chart = "source: {repoURL: 'https://charts', chart: c, helm: {}}";
    let commit = "9d921f65f3c5373b682e2eb4b37afba6592e8f8b";
    for (id, annotations, rest, reason, words) in [
        (
            "wbc-06",
            "write-back-target: overlays/prod/kustomization.yaml",
            SOURCE,
            Reason::BadValue,
            "kustomization:/overlays/prod",
        ),
        ("wbc-07", "write-back-target: overlays/prod/kustomization.yml", SOURCE, Reason::BadValue, "kustomization"),
        ("wbc-08", "write-back-target: Kustomization", SOURCE, Reason::BadValue, "kustomization"),
        ("kst-09", "write-back-target: 'helmvalues:../../../x'", SOURCE, Reason::RefusedPath, "leads out"),
        ("git's own", "write-back-target: 'helmvalues:/.git/config'", SOURCE, Reason::RefusedPath, ".git"),
        ("chart", "", chart, Reason::UnsupportedSource, "git-repository"),
        ("chart, override", "git-repository: 'https://h/r'", chart, Reason::UnsupportedSource, "`helmvalues:PATH`"),
        (
            "other repository",
            "git-repository: 'https://h/other'",
            SOURCE,
            Reason::UnsupportedSource,
            "is of https://h/r",
        ),
        ("other branch", "git-branch: dev", SOURCE, Reason::UnsupportedSource, "of the branch main"),
        (
            "other folder",
            "write-back-target: x/.argocd-source-web.yaml",
            SOURCE,
            Reason::UnsupportedSource,
            "it reads some/path",
        ),
        (
            "other name",
            "write-back-target: some/path/.argocd-source-x.yaml",
            SOURCE,
            Reason::UnsupportedSource,
            "it reads some/path",
        ),
        ("ext", "git-repository: 'ext::sh -c x'", SOURCE, Reason::BadValue, "the repository `ext::sh -c x`"),
        ("file", "git-repository: '/etc'", SOURCE, Reason::BadValue, "neither an https nor an ssh"),
        ("option", "git-branch: '--upload-pack=x'", SOURCE, Reason::BadValue, "begins with `-`"),
        ("cmt-18, sha-01", &format!("git-branch: {commit}"), SOURCE, Reason::BadValue, "is a commit"),
        ("sha-02", &format!("git-branch: {}", commit.to_uppercase()), SOURCE, Reason::BadValue, "is a commit"),
        ("brn-11", "git-branch: 'main:{{end}}'", SOURCE, Reason::BadValue, "belongs to nothing"),
        ("hydrator", "", "sourceHydrator: {drySource: {repoURL: r}}", Reason::UnsupportedSource, "hydrator"),
        (
            "directory",
            "",
            "source: {repoURL: 'https://h/r', path: p}, status: {sourceType: Directory}",
            Reason::UnsupportedSource,
            "Directory",
        ),
        (
            "ambiguous",
            "write-back-target: helmvalues",
            "sources: [{repoURL: 'https://a/b', path: a, helm: {}}, {repoURL: 'https://a/c', path: c, helm: {}}]",
            Reason::AmbiguousSource,
            "sources 0 and 1",
        ),
        (
            "ambiguous, of unknown kinds",
            "write-back-target: helmvalues",
            "sources: [{repoURL: 'https://a/b', path: a}, {repoURL: 'https://a/c', path: c}]",
            Reason::AmbiguousSource,
            "0 (https://a/b a); 1 (https://a/c c)",
        ),
        (
            "of another kind",
            "write-back-target: kustomization",
            "sources: [{repoURL: 'https://a/b', path: a, helm: {}}, {repoURL: 'https://a/c', ref: c}]",
            Reason::UnsupportedSource,
            "no source is rendered by kustomize",
        ),
    ] {
        let invalid = case(annotations, rest).place.expect_err(id);
        assert_eq!(invalid.reason, reason, "{id}: {}", invalid.message);
        assert!(invalid.message.contains(words), "{id}: {}", invalid.message);
    }
}

#[test]
fn a_target_goes_to_the_one_source_that_may_be_meant() {
    const CHART: &str = "{repoURL: 'https://charts', chart: nginx, targetRevision: 1.2.3}";
    const VALUES: &str = "{repoURL: 'https://h/v', ref: values}";
    for (id, annotations, sources, expected) in [
        (
            "beside a chart",
            "write-back-target: kustomization",
            format!("{CHART}, {{repoURL: 'https://h/k', path: k}}"),
            "https://h/k",
        ),
        (
            "beside a lender",
            "write-back-target: helmvalues",
            format!("{VALUES}, {{repoURL: 'https://h/c', path: c}}"),
            "https://h/c",
        ),
        (
            "of the repository",
            "write-back-target: 'helmvalues:/v.yaml', git-repository: 'https://h/c.git'",
            "{repoURL: 'https://h/b', path: b}, {repoURL: 'https://h/c', path: c}".to_owned(),
            "https://h/c.git",
        ),
        (
            "of the repository, of unknown kind",
            "write-back-target: kustomization, git-repository: 'https://h/c'",
            format!("{{repoURL: 'https://h/c', path: k}}, {{repoURL: 'https://h/c', path: c, helm: {{}}}}, {CHART}"),
            "https://h/c",
        ),
    ] {
        let case = case(annotations, &format!("sources: [{sources}]"));
        assert_eq!(case.target().repository, expected, "{id}");
    }
}

#[test]
fn what_the_tree_says_counts_where_nothing_else_does() {
    let unknown = "source: {repoURL: 'https://h/r', path: p}";
    let case = case("", unknown);
    assert_eq!(case.located(&[("p/Chart.yaml", "name: x\n")]).unwrap().renderer, Some(Renderer::Helm));
    assert_eq!(case.located(&[("p/kustomization.yml", "a: b\n")]).unwrap().renderer, Some(Renderer::Kustomize));
    let invalid = case.located(&[]).unwrap_err();
    assert_eq!(invalid.reason, Reason::UnsupportedSource, "{}", invalid.message);
    let several = self::case("", "sources: [{repoURL: 'https://h/v', ref: v}, {repoURL: 'https://h/r', path: p}]");
    assert_eq!(several.located(&[("p/Chart.yaml", "name: x\n")]).unwrap().renderer, Some(Renderer::Helm));
    let folder = Tree {
        branch: "main".to_owned(),
        commit: None,
        files: [
            ("p/.argocd-source-web.yaml".to_owned(), Entry::Refused("it is a symbolic link".to_owned())),
            ("p/Chart.yaml".to_owned(), Entry::File { bytes: b"a: b".as_slice().into(), blob: None }),
        ]
        .into(),
    };
    let refused = located(case.place.as_ref().unwrap(), &case.rules.images[0], &folder).unwrap_err();
    assert_eq!((refused.reason, refused.message.contains("symbolic link")), (Reason::RefusedPath, true));
}

#[test]
fn an_override_file_is_read_through_both_files_and_the_spec() {
    let spec = "source: {repoURL: 'https://h/r', path: p, targetRevision: main, helm: {parameters: [{name: image.tag, value: '1.0'}, {name: replicas, value: '3'}]}}";
    let case = case("", spec);
    let configured = |files: &[(&str, &str)]| {
        let found = case.located(files).unwrap();
        (found.configured.map(|version| version.to_string()), found.git.unwrap().standing.unwrap().hidden)
    };
    let file = |tag: &str| format!("helm:\n  parameters:\n  - name: image.tag\n    value: \"{tag}\"\n");
    let (own, shared) = ("p/.argocd-source-web.yaml", "p/.argocd-source.yaml");
    assert_eq!(configured(&[]), (Some("1.0".to_owned()), vec![]));
    assert_eq!(configured(&[(shared, &file("1.1"))]).0, Some("1.1".to_owned()));
    let hidden = vec!["replicas".to_owned()];
    assert_eq!(configured(&[(own, &file("1.2"))]), (Some("1.2".to_owned()), hidden));
    assert_eq!(configured(&[(own, &file("1.2")), (shared, &file("1.1"))]), (Some("1.2".to_owned()), vec![]));
    // A new list takes along what it would hide, as it is.
    let made = case.updated(&[], "1.20");
    assert!(made.contains("name: replicas") && made.contains("\"1.20\""), "{made}");
    let number = made.lines().skip_while(|line| !line.contains("replicas")).nth(2).unwrap_or_default();
    assert!(number.contains("forcestring: false") || !number.contains("forcestring"), "{made}");
    // One that is there is edited in place.
    let edited = case.updated(&[(own, &format!("# mine\n{}", file("1.2")))], "1.3");
    assert!(edited.starts_with("# mine\n") && !edited.contains("replicas"), "{edited}");
}

#[test]
fn values_are_read_and_written_by_their_keys() {
    let keys = "image-list: 'a=ghcr.io/acme/web', a.helm.image-name: image.repository, a.helm.image-tag: image.tag, write-back-target: helmvalues";
    let web = case(keys, SOURCE);
    let values = "some/path/values.yaml";
    let configured = |case: &Case, text: &str| {
        case.located(&[(values, text)]).unwrap().configured.map(|version| version.to_string())
    };
    let full = "image:\n  repository: ghcr.io/acme/web\n  tag: v1 # now\n";
    assert_eq!(configured(&web, full).as_deref(), Some("v1"));
    assert_eq!(web.updated(&[(values, full)], "v2"), full.replace("v1", "v2"));
    // hv-17: the registry stands elsewhere.
    let short = "image:\n  registry: ghcr.io\n  repository: acme/web\n  tag: v1\n";
    assert_eq!(configured(&web, short).as_deref(), Some("v1"));
    assert_eq!(web.updated(&[(values, short)], "v2"), short.replace("v1", "v2"));
    assert_eq!(configured(&web, "image: {repository: other/web, tag: v1}\n"), None, "another image");
    // In one value.
    let spec =
        case("image-list: 'a=ghcr.io/acme/web', a.helm.image-spec: 'images[0]', write-back-target: helmvalues", SOURCE);
    for image in ["ghcr.io/acme/web", "acme/web"] {
        let text = format!("images:\n- {image}:v1\n");
        assert_eq!(configured(&spec, &text).as_deref(), Some("v1"));
        assert_eq!(spec.updated(&[(values, &text)], "v2"), text.replace("v1", "v2"));
    }
    // What cannot be read is said, and nothing is guessed.
    let broken = web.located(&[(values, "image: {{ .Values.x }}\n  y: [\n")]).unwrap();
    let unread = broken.unread.unwrap();
    assert_eq!(unread.reason, Reason::FileUnreadable, "{}", unread.message);
    // A missing key is an error, unless it is to be made.
    let place = web.located(&[(values, "a: 1\n")]).unwrap();
    let edits = place.edits(&web.rules.images[0], &Version::parse("v2"));
    let missing = place.edited_file(Some(&b"a: 1\n".as_slice().into()), &edits, false);
    assert!(matches!(missing, Err(FileError::MissingKey(_))), "{missing:?}");
    let made = place.edited_file(Some(&b"a: 1\n".as_slice().into()), &edits, true).unwrap();
    assert!(String::from_utf8(made).unwrap().starts_with("a: 1\nimage:\n"), "made");
}

#[test]
fn kustomizations_are_edited_by_image() {
    let web = case("image-list: 'a=ghcr.io/acme/web', write-back-target: kustomization", SOURCE);
    let file = "some/path/kustomization.yaml";
    let text = "images:\n- name: other\n  newTag: v1\n- name: ghcr.io/acme/web # ours\n  newTag: v1\n";
    let found = web.located(&[(file, text)]).unwrap();
    assert_eq!(found.configured.map(|version| version.to_string()).as_deref(), Some("v1"));
    let expected = "images:\n- name: other\n  newTag: v1\n- name: ghcr.io/acme/web # ours\n  newTag: v2\n";
    assert_eq!(web.updated(&[(file, text)], "v2"), expected);
    let invalid = web.located(&[]).unwrap_err();
    assert!(invalid.message.contains("no kustomization in some/path"), "ukf-16: {}", invalid.message);
}

#[test]
fn rendered_paths_are_those_of_argo_cd() {
    for (paths, file, rendered) in [
        (".", "apps/web/values.yaml", true),
        (".", "apps/webx/values.yaml", false),
        ("/apps", "apps/web/values.yaml", true),
        ("/other;.", "apps/web/values.yaml", true),
        ("/other", "apps/web/values.yaml", false),
        ("../base", "apps/base/x.yaml", true),
        ("values.yaml", "apps/web/values.yaml", true),
        ("*.yaml", "elsewhere.yaml", true),
    ] {
        assert_eq!(is_rendered(paths, &["apps/web"], file), rendered, "{paths} {file}");
    }
}

/// A place in an Application, with files of its source over it.
fn over(rest: &str, files: &[(&str, &str)]) -> Result<Placement, String> {
    let short = format!("{{annotations: {{image-list: 'a=nginx'}}, {rest}}}");
    let mut application = application(&short);
    application.argocd_namespace = Some("argocd".to_owned());
    let (rules, _) = rules(&application);
    let place = placement(&application, &rules, &rules.images[0], None).expect("a place");
    let paths = place.override_files(&application).expect("a git source").paths;
    let file = |text: &str| Entry::File { bytes: text.as_bytes().into(), blob: None };
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect();
    place.overridden_by(&rules.images[0], &paths, &Tree { branch: "main".to_owned(), commit: None, files })
}

#[test]
fn a_list_in_a_file_hides_the_one_of_the_application() {
    const HELM: &str =
        "source: {repoURL: 'https://h/r', path: p, helm: {parameters: [{name: image.tag, value: '1.0'}]}}";
    const KUSTOMIZE: &str = "source: {repoURL: 'https://h/r', path: p, kustomize: {images: ['nginx:1.0']}}";
    let (own, shared) = ("p/.argocd-source-web.yaml", "p/.argocd-source.yaml");
    let tag = |tag: &str| format!("helm: {{parameters: [{{name: image.tag, value: '{tag}'}}]}}\n");
    for (rest, files, configured, message) in [
        (HELM, vec![], Some("1.0"), None),
        (
            HELM,
            vec![(own, tag("1.2"))],
            Some("1.2"),
            Some(
                "p/.argocd-source-web.yaml replaces the Helm parameters of the Application, and sets `image.tag` to `1.2`",
            ),
        ),
        (HELM, vec![(shared, tag("1.1"))], Some("1.1"), Some("p/.argocd-source.yaml replaces the Helm parameters")),
        (HELM, vec![(shared, tag("1.1")), (own, tag("1.2"))], Some("1.2"), Some("p/.argocd-source-web.yaml replaces")),
        (
            HELM,
            vec![(own, "helm: {parameters: [{name: x, value: '3'}]}\n".to_owned())],
            None,
            Some("so that `image.tag` there has no effect"),
        ),
        // An empty list, or nothing in its place, takes the Application's away (RFC 7386).
        (HELM, vec![(own, "helm: {parameters: []}\n".to_owned())], None, Some("has no effect")),
        (HELM, vec![(own, "helm: {parameters: null}\n".to_owned())], None, Some("has no effect")),
        (HELM, vec![(own, "helm:\n".to_owned())], None, Some("has no effect")),
        // What else a file sets does not touch the list.
        (HELM, vec![(own, "helm: {releaseName: x}\nkustomize: {images: [a:1]}\n".to_owned())], Some("1.0"), None),
        (HELM, vec![("p/.argocd-source-other.yaml", tag("1.2"))], Some("1.0"), None),
        (
            KUSTOMIZE,
            vec![(own, "kustomize: {images: ['nginx:1.2']}\n".to_owned())],
            Some("1.2"),
            Some("replaces the Kustomize images of the Application, and sets `nginx` to `nginx:1.2`"),
        ),
        (
            KUSTOMIZE,
            vec![(own, "kustomize: {images: ['redis:7']}\n".to_owned())],
            None,
            Some("so that `nginx` there has no effect"),
        ),
        (KUSTOMIZE, vec![(own, tag("1.2"))], Some("1.0"), None),
    ] {
        let named: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let place = over(rest, &named).unwrap();
        assert_eq!(place.configured.map(|version| version.to_string()).as_deref(), configured, "{files:?}");
        let found = place.overridden.map(|overridden| overridden.invalid().message);
        match (found, message) {
            (None, None) => {}
            (Some(found), Some(message)) => assert!(found.contains(message), "{found}"),
            (found, _) => panic!("{files:?}: {found:?}"),
        }
    }
    let unread = over(HELM, &[(own, "helm: [\n")]).unwrap_err();
    assert!(unread.starts_with("p/.argocd-source-web.yaml cannot be read"), "{unread}");
}

#[test]
fn only_what_argo_cd_reads_over_a_source_is_looked_for() {
    let files = |rest: &str| {
        let mut application = application(&format!("{{annotations: {{image-list: 'a=nginx'}}, {rest}}}"));
        application.argocd_namespace = Some("elsewhere".to_owned());
        let (rules, _) = rules(&application);
        let place = placement(&application, &rules, &rules.images[0], None).unwrap();
        place
            .override_files(&application)
            .map(|files| format!("{} {} {}", files.repository, files.revision.unwrap_or("HEAD"), files.paths.join(" ")))
    };
    for (rest, expected) in [
        (
            "source: {repoURL: 'https://h/r', path: ./p/, targetRevision: v1.2, helm: {}}",
            Some("https://h/r v1.2 p/.argocd-source.yaml p/.argocd-source-argocd_web.yaml"),
        ),
        (
            "source: {repoURL: 'https://h/r', path: ., targetRevision: HEAD, kustomize: {}}, status: {controllerNamespace: argocd}",
            Some("https://h/r HEAD .argocd-source.yaml .argocd-source-web.yaml"),
        ),
        ("source: {repoURL: 'https://charts', chart: c, helm: {}}", None),
        ("source: {repoURL: 'https://h/r', path: ../p, helm: {}}", None),
    ] {
        assert_eq!(files(rest).as_deref(), expected, "{rest}");
    }
}

#[test]
fn the_folder_tells_what_renders_an_application_that_does_not_say() {
    let told = |annotations: &str, rest: &str, files: &[&str]| {
        let application = application(&format!("{{annotations: {{image-list: 'a=nginx', {annotations}}}, {rest}}}"));
        let (rules, _) = rules(&application);
        let place = placement(&application, &rules, &rules.images[0], None).unwrap();
        let Some(wanted) = place.telling_files() else { return Ok((String::new(), place.renderer)) };
        let wanted = format!("{} {} {}", wanted.repository, wanted.revision.unwrap_or("HEAD"), wanted.paths[0]);
        let file = |path: &&str| ((*path).to_owned(), Entry::File { bytes: b"a: b".as_slice().into(), blob: None });
        let tree = Tree { files: files.iter().map(file).collect(), ..Tree::default() };
        let told = place.told_by(&rules.images[0], &tree).map_err(|invalid: Invalid| invalid.message)?;
        let Destination::Application { renderer, .. } = told.destination else { panic!("{told:?}") };
        assert_eq!(renderer, told.renderer);
        Ok::<_, String>((wanted, renderer))
    };
    let plain = "source: {repoURL: 'https://h/r', path: ./p, targetRevision: v1}";
    let several = "sources: [{repoURL: 'https://h/v', ref: v}, {repoURL: 'https://h/r', path: p, targetRevision: v1}]";
    for (rest, files, expected) in [
        (plain, &["p/Chart.yaml"][..], Some(Renderer::Helm)),
        (several, &["p/Chart.yaml", "p/kustomization.yaml"], Some(Renderer::Helm)),
        (plain, &["p/Kustomization"], Some(Renderer::Kustomize)),
        (&format!("{plain}, status: {{sourceType: ''}}"), &["p/kustomization.yml"], Some(Renderer::Kustomize)),
    ] {
        let wanted = "https://h/r v1 p/Chart.yaml".to_owned();
        assert_eq!(told("", rest, files), Ok((wanted, expected)), "{rest} {files:?}");
    }
    let neither = told("", plain, &["Chart.yaml", "p/values.yaml"]).unwrap_err();
    assert!(neither.contains("nor its folder"), "{neither}");
    let unfit = told("a.helm.image-tag: t", plain, &["p/kustomization.yaml"]).unwrap_err();
    assert!(unfit.contains("rendered by Kustomize"), "{unfit}");
    let known = "source: {repoURL: 'https://h/r', path: p, helm: {}}";
    assert_eq!(told("", known, &[]), Ok((String::new(), Some(Renderer::Helm))));
}

#[test]
fn annotations_tell_what_renders_where_nobody_can_look() {
    for (annotations, expected) in [
        ("", None),
        ("a.helm.image-spec: s", Some(Renderer::Helm)),
        ("a.kustomize.image-name: n", Some(Renderer::Kustomize)),
    ] {
        let short = format!("{{annotations: {{image-list: 'a=nginx', {annotations}}}, source: {{path: p}}}}");
        let application = application(&short);
        let (rules, _) = rules(&application);
        let place = placement(&application, &rules, &rules.images[0], None).unwrap();
        assert_eq!(place.told_by_targets(&rules.images[0]).and_then(|place| place.renderer), expected, "{annotations}");
    }
}

#[test]
fn an_element_that_cannot_be_read_is_in_the_way_of_its_own_image_only() {
    let web = case("image-list: 'a=ghcr.io/acme/web', write-back-target: kustomization", SOURCE);
    let kustomization = "some/path/kustomization.yaml";
    let text = "x: &x {name: merged}\nimages:\n- name: ghcr.io/acme/web\n  newTag: v1\n- name: other\n  newTag: v1\n  tagSuffix: -x\n- <<: *x\n  newTag: v1\n";
    assert_eq!(web.updated(&[(kustomization, text)], "v2"), text.replacen("v1", "v2", 1));
    for own in [
        "images:\n- name: ghcr.io/acme/web\n  tagSuffix: -x\n",
        "images:\n- name: web\n  newName: ghcr.io/acme/web\n  tagSuffix: -x\n",
        "x: &x {name: ghcr.io/acme/web}\nimages:\n- <<: *x\n  newTag: v1\n",
    ] {
        let place = web.located(&[(kustomization, own)]).unwrap();
        assert_eq!(place.unread.expect(own).reason, Reason::FileUnreadable);
    }
}

#[test]
fn what_is_carried_into_a_new_file_stays_what_it_is() {
    let case = case("", "source: {repoURL: 'https://h/r', path: p, targetRevision: main, helm: {}}");
    let shared = "helm:\n  parameters:\n  - {name: image.tag, value: '1.0'}\n  - {name: flag, value: 'true'}\n  - {name: id, value: '007', forceString: true}\n";
    let made = case.updated(&[("p/.argocd-source.yaml", shared)], "1.1");
    let forced = |name: &str| {
        let mut lines = made.lines().skip_while(|line| !line.ends_with(&format!("name: {name}")));
        lines.nth(2).map(|line| line.trim().to_owned())
    };
    let text = |forced: &str| Some(format!("forcestring: {forced}"));
    assert_eq!(
        [forced("flag"), forced("id"), forced("image.tag")],
        [text("false"), text("true"), text("true")],
        "{made}"
    );
}
