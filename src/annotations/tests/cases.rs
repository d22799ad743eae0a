//! The rows of the Image Updater tables for annotations: `ann`, `awb`, `amt`, `acs`, and `ail` where they are about
//! settings. What decisions.md overrules is listed in the parent.

use super::*;
use crate::annotations::rule::GitWriteBack;
use crate::annotations::rule::Settings;
use crate::annotations::rule::Targets;
use crate::annotations::rule::WriteBack;
use crate::model::image::Platforms;

fn source(settings: &Settings) -> String {
    settings.pull_secret.as_ref().unwrap().source.to_string()
}

#[test]
fn keys_are_the_ones_of_image_updater() {
    // ann-01: without an alias the Application's keys; there is none for platforms.
    let (rule, found) = first(
        "{image-list: nginx, update-strategy: alphabetical, allow-tags: 'regexp:a', ignore-tags: ab, force-update: 'true',
          pull-secret: 'secret:a/b#c'}",
    );
    let settings = rule.settings.as_ref().unwrap();
    assert_eq!((settings.strategy.name, settings.force_update), ("alphabetical", true), "ann-01");
    assert_eq!(allowed(&rule, &["a", "ab", "b"]), ["a"], "ann-01");
    assert_eq!(source(settings), "secret:a/b#c", "ann-01");
    assert_eq!(codes(&found), [""; 0], "ann-01");
    // ann-02, ann-03, and ann-04 with `_` for `/`.
    for (id, alias, key) in [("ann-02", "web", "web"), ("ann-03", "my-app", "my-app"), ("ann-04", "org/app", "org_app")]
    {
        let (rule, found) = first(&format!(
            "{{image-list: {alias}=nginx, update-strategy: digest, ignore-tags: '*', {key}.update-strategy: newest-build,
               {key}.allow-tags: 'regexp:a', {key}.ignore-tags: ab, {key}.force-update: 'true',
               {key}.platforms: linux/arm64, {key}.pull-secret: 'secret:a/b#c'}}"
        ));
        let settings = rule.settings.as_ref().unwrap();
        assert_eq!((settings.strategy.name, settings.force_update), ("newest-build", true), "{id}");
        assert_eq!(allowed(&rule, &["a", "ab", "b"]), ["a"], "{id}");
        assert!(matches!(&settings.platforms, Some(Platforms::OneOf(platforms)) if platforms.len() == 1), "{id}");
        assert_eq!(source(settings), "secret:a/b#c", "{id}");
        assert_eq!(codes(&found), [""; 0], "{id}");
    }
    // A manifest can hold a key with the alias as it is, which an API server would not take.
    let (rule, _) =
        first("{image-list: org/app=nginx, 'argocd-image-updater.argoproj.io/org/app.update-strategy': name}");
    assert_eq!(rule.settings.unwrap().strategy.name, "alphabetical", "ann-04 in a manifest");
}

#[test]
fn write_back_is_read_as_image_updater_reads_it() {
    let git =
        |login: Option<&str>, target: Option<&str>, branch: Option<&str>, push: Option<&str>, repo: Option<&str>| {
            let some = |text: Option<&str>| text.map(str::to_owned);
            WriteBack::Git(GitWriteBack {
                login: some(login),
                target: some(target),
                branch: some(branch),
                push_branch: some(push),
                repository: some(repo),
            })
        };
    let repo = "https://github.com/example/repo.git";
    for (id, annotations, expected) in [
        ("awb-01", "", WriteBack::Argocd),
        (
            "awb-02",
            "write-back-method: '', write-back-target: '', git-branch: '', git-repository: ''",
            WriteBack::Argocd,
        ),
        ("awb-03, gwb-04", "write-back-method: argocd", WriteBack::Argocd),
        ("awb-04", "write-back-method: '  git  '", git(None, None, None, None, None)),
        ("awb-05", "write-back-target: 'helmvalues:./values.yaml'", WriteBack::Argocd),
        (
            "awb-06",
            "write-back-target: 'kustomization:./overlays/prod', git-branch: 'main:feature-branch'",
            WriteBack::Argocd,
        ),
        (
            "awb-07",
            "write-back-method: git, write-back-target: 'helmvalues:./helm/values.yaml', git-branch: main, \
             git-repository: 'https://github.com/example/repo.git'",
            git(None, Some("helmvalues:./helm/values.yaml"), Some("main"), None, Some(repo)),
        ),
        (
            "awb-08",
            "write-back-method: git, write-back-target: 'helmvalues:./values.yaml', git-branch: '', git-repository: 'https://r'",
            git(None, Some("helmvalues:./values.yaml"), None, None, Some("https://r")),
        ),
        ("awb-10", "write-back-target: 'kustomization:./overlays/production'", WriteBack::Argocd),
        ("awb-11", "git-branch: 'main:update-branch'", WriteBack::Argocd),
        ("gcw-01", "write-back-method: 'git:repocreds'", git(Some("repocreds"), None, None, None, None)),
        ("secret", "write-back-method: 'git:secret:login'", git(Some("secret:login"), None, None, None, None)),
        ("gcw-02", "write-back-method: 'git:secret:a/login'", git(Some("secret:a/login"), None, None, None, None)),
        (
            "base and template",
            "write-back-method: git, git-branch: 'main:iu-{{.SHA256}}'",
            git(None, None, Some("main"), Some("iu-{{.SHA256}}"), None),
        ),
        ("template only", "write-back-method: git, git-branch: ':up'", git(None, None, None, Some("up"), None)),
        ("base only", "write-back-method: git, git-branch: 'main:'", git(None, None, Some("main"), None, None)),
        ("gwb-11", "write-back-method: argocd, git-branch: 'a:b:c'", WriteBack::Argocd),
    ] {
        let (rules, found) = read(&format!("{{image-list: nginx, {annotations}}}"));
        assert_eq!(rules.write_back, Ok(expected), "{id}");
        assert!(found.is_empty(), "{id}: {found:?}");
    }
}

#[test]
fn what_is_no_write_back_is_refused_as_image_updater_refuses_it() {
    for (id, annotations, code, place) in [
        (
            "awb-09",
            "write-back-method: 'git:https://github.com/x.git'",
            "bad-write-back-method",
            "git:https://github.com/x.git",
        ),
        ("gwb-10", "write-back-method: 'git:error:a/git-creds'", "bad-write-back-method", "git:error:a/git-creds"),
        ("gwb-12", "write-back-method: unknown", "bad-write-back-method", "unknown"),
        ("gwb-13", "write-back-method: ':x'", "bad-write-back-method", ":x"),
        ("gwb-14", "write-back-method: GIT", "bad-write-back-method", "GIT"),
        ("gcw-03", "write-back-method: 'git:invalid'", "bad-write-back-method", "git:invalid"),
        ("case", "write-back-method: ' Git '", "bad-write-back-method", "Git"),
        ("no login", "write-back-method: 'git:'", "bad-write-back-method", "git:"),
        ("no secret", "write-back-method: 'git:secret:'", "bad-write-back-method", "git:secret:"),
        ("no namespace", "write-back-method: 'git:secret:/x'", "bad-write-back-method", "git:secret:/x"),
        ("two slashes", "write-back-method: 'git:secret:a/b/c'", "bad-write-back-method", "git:secret:a/b/c"),
        ("gwb-15", "write-back-method: git, git-branch: ' a:b:c'", "bad-git-branch", "a:b:c"),
        (
            "brn-12",
            "write-back-method: git, git-branch: 'main:x-{{ printf \"%s:%s\" \"a\" \"b\" }}'",
            "bad-git-branch",
            "main:x-{{ printf \"%s:%s\" \"a\" \"b\" }}",
        ),
    ] {
        let (rules, found) = read(&format!("{{image-list: nginx, {annotations}}}"));
        assert_eq!(rules.write_back.unwrap_err().reason, Reason::BadValue, "{id}");
        assert_eq!((codes(&found), pointed(&found[0])), (vec![code], place), "{id}");
    }
}

#[test]
fn targets_are_read_as_image_updater_reads_them() {
    let helm = |name: Option<&str>, tag: Option<&str>, spec: Option<&str>| Targets {
        helm_name: name.map(str::to_owned),
        helm_tag: tag.map(str::to_owned),
        helm_spec: spec.map(str::to_owned),
        kustomize_name: None,
    };
    let kustomize = |name: &str| Targets { kustomize_name: Some(name.to_owned()), ..Targets::default() };
    let all = "web.helm.image-name: image.repository, web.helm.image-tag: image.tag";
    let (amt_07, ail_13) = (format!("{all}, web.helm.image-spec: image.full"), all);
    for (id, alias, annotations, expected) in [
        ("amt-04", "web", "web.helm.image-name: image.repository", helm(Some("image.repository"), None, None)),
        ("amt-05", "web", all, helm(Some("image.repository"), Some("image.tag"), None)),
        ("amt-06", "web", "web.helm.image-spec: image.full", helm(None, None, Some("image.full"))),
        ("amt-07", "web", &amt_07, helm(Some("image.repository"), Some("image.tag"), Some("image.full"))),
        (
            "amt-10",
            "backend",
            "backend.kustomize.image-name: docker.io/library/postgres",
            kustomize("docker.io/library/postgres"),
        ),
        (
            "amt-11",
            "my-app",
            "my-app.helm.image-name: frontend.image.repository",
            helm(Some("frontend.image.repository"), None, None),
        ),
        (
            "amt-12",
            "web",
            "web.helm.image-name: image.repository, web.helm.image-tag: ''",
            helm(Some("image.repository"), None, None),
        ),
        (
            "amt-13",
            "web",
            "web.helm.image-name: frontend.deployment.image.name",
            helm(Some("frontend.deployment.image.name"), None, None),
        ),
        (
            "amt-14",
            "web",
            "web.kustomize.image-name: quay.io/prometheus/node-exporter",
            kustomize("quay.io/prometheus/node-exporter"),
        ),
        ("ail-13", "web", ail_13, helm(Some("image.repository"), Some("image.tag"), None)),
        ("ail-14", "web", "web.kustomize.image-name: docker.io/library/nginx", kustomize("docker.io/library/nginx")),
        ("trimmed", "web", "web.helm.image-tag: ' a.b '", helm(None, Some("a.b"), None)),
        // hpn-01: without an alias the defaults, whatever is annotated.
        ("hpn-01", "", "helm.image-name: image.blub, helm.image-tag: image.blab", Targets::default()),
    ] {
        let equals = if alias.is_empty() { "" } else { "=" };
        let (rule, _) = first(&format!("{{image-list: {alias}{equals}nginx, {annotations}}}"));
        assert_eq!(rule.settings.unwrap().targets, expected, "{id}");
    }
    for id in ["amt-08", "ail-16"] {
        let (rule, found) =
            first("{image-list: web=nginx, web.kustomize.image-name: docker.io/library/nginx, web.helm.image-name: x}");
        assert_eq!(rule.settings.unwrap_err().reason, Reason::BadValue, "{id}");
        assert_eq!(
            (codes(&found), pointed(&found[0])),
            (vec!["conflicting-targets"], "docker.io/library/nginx"),
            "{id}"
        );
    }
}

#[test]
fn common_settings_are_read_as_image_updater_reads_them() {
    let platforms = |rule: &ImageRule| match &rule.settings.as_ref().unwrap().platforms {
        Some(Platforms::OneOf(list)) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    let tags = &["dev", "test", "latest", "rc", "v1"][..];
    for (id, annotations, strategy, force, passing, wanted) in [
        ("acs-01", "", "semver", false, tags, ""),
        ("acs-02", "update-strategy: semver", "semver", false, tags, ""),
        ("acs-05", "force-update: 'true'", "semver", true, tags, ""),
        ("acs-06", "force-update: 'false'", "semver", false, tags, ""),
        ("acs-07", "ignore-tags: ' dev , test , latest '", "semver", false, &["rc", "v1"], ""),
        ("acs-08", "ignore-tags: latest", "semver", false, &["dev", "test", "rc", "v1"], ""),
        ("acs-09", "ignore-tags: 'dev,,test'", "semver", false, &["latest", "rc", "v1"], ""),
        (
            "acs-10",
            "web.update-strategy: digest, web.force-update: 'true', web.ignore-tags: 'rc,alpha', \
           web.platforms: 'linux/amd64,linux/arm64'",
            "digest",
            true,
            &["dev", "test", "latest", "v1"],
            "linux/amd64 linux/arm64",
        ),
        (
            "acs-11",
            "web.platforms: 'linux/amd64,linux/arm64,linux/arm'",
            "semver",
            false,
            tags,
            "linux/amd64 linux/arm64 linux/arm",
        ),
        ("acs-12", "web.platforms: ' linux/amd64 , linux/arm64 '", "semver", false, tags, "linux/amd64 linux/arm64"),
        ("acs-14", "update-strategy: semver", "semver", false, tags, ""),
        ("acs-15", "web.update-strategy: name, web.force-update: 'true'", "alphabetical", true, tags, ""),
        ("acs-17", "force-update: '1'", "semver", true, tags, ""),
        ("acs-19", "ignore-tags: ''", "semver", false, tags, ""),
        ("acs-20", "allow-tags: ' regexp:^v '", "semver", false, &["v1"], ""),
        ("acs-21", "platforms: linux/amd64", "semver", false, tags, ""),
        ("ail-12", "web.update-strategy: semver, web.force-update: 'true'", "semver", true, tags, ""),
        (
            "empty does not hide",
            "ignore-tags: v1, web.ignore-tags: ''",
            "semver",
            false,
            &["dev", "test", "latest", "rc"],
            "",
        ),
        ("own wins", "ignore-tags: v1, web.ignore-tags: rc", "semver", false, &["dev", "test", "latest", "v1"], ""),
        ("own boolean wins", "force-update: 'true', web.force-update: F", "semver", false, tags, ""),
    ] {
        // The tag `stable` is one that every strategy but semver can live with, and semver does without.
        let constraint = if strategy == "semver" { "" } else { ":stable" };
        let (rule, _) = first(&format!("{{image-list: 'web=nginx{constraint}', {annotations}}}"));
        let settings = rule.settings.as_ref().unwrap_or_else(|invalid| panic!("{id}: {invalid:?}"));
        assert_eq!((settings.strategy.name, settings.force_update), (strategy, force), "{id}");
        assert_eq!(allowed(&rule, tags), passing, "{id}");
        assert_eq!(platforms(&rule), wanted, "{id}");
    }
    for text in ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"] {
        let (rule, found) = first(&format!("{{image-list: nginx, force-update: ' {text} '}}"));
        let truth = matches!(text.as_bytes()[0], b'1' | b't' | b'T');
        assert_eq!((rule.settings.unwrap().force_update, codes(&found)), (truth, vec![]), "acs-17: {text}");
    }
}
