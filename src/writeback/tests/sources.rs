//! Which source takes an image: `src` and `typ`.
//!
//! Overruled by decisions.md: src-06 takes the first of several of unknown type, here they are `AmbiguousSource` ("several
//! sources"); src-03 takes a source of no type, here its folder tells. src-07 and typ-20 to typ-23 choose by a target of method `git`; with
//! method `argocd` more than one can take the image (`AmbiguousSource`). src-10 to src-13 and typ-30 to typ-33 have a
//! source hydrator, typ-03 to typ-05 a plugin: not supported yet (`UnsupportedSource`). typ-09 is method `git`.

use super::*;
use crate::model::decision::Reason;

const LIST: &str = "annotations: {image-list: 'a=nginx:~1'}";

/// The index and renderer of the source that is chosen, or the reason and the message.
fn chosen(short: &str, named: Option<&str>) -> Result<(usize, Renderer), (Reason, String)> {
    let case = case(&format!("{{{short}}}"));
    let placement = case.placement(0, named).map_err(|invalid| (invalid.reason, invalid.message))?;
    let Destination::Application { source, renderer } = &placement.destination else { panic!("{placement:?}") };
    let renderer = renderer.as_ref().ok_or_else(|| (Reason::CurrentUnknown, format!("{source:?}")))?;
    let index = match source {
        Some(id) => case.application.sources.iter().position(|source| id.matches(source)).expect("it is there"),
        None => 0,
    };
    assert_eq!(source.is_some(), case.application.layout == SourceLayout::Multiple);
    Ok((index, *renderer))
}

#[test]
fn the_one_source_that_fits_is_taken() {
    let helm = "helm: {parameters: [{name: image.tag, value: '1'}]}";
    for (id, short, named, expected) in [
        ("typ-01", "source: {repoURL: x, path: p}, status: {sourceType: Helm}", None, (0, Renderer::Helm)),
        ("typ-02", "source: {repoURL: x, path: p}, status: {sourceType: Kustomize}", None, (0, Renderer::Kustomize)),
        ("src-02", "source: {kustomize: {images: ['jannfis/foobar:1.0.0']}}", None, (0, Renderer::Kustomize)),
        ("src-04", "sources: [{path: source1, helm: {}}, {path: source2}]", None, (0, Renderer::Helm)),
        ("src-05", "sources: [{path: source1, kustomize: {}}, {path: source2}]", None, (0, Renderer::Kustomize)),
        (
            "block before type",
            "source: {kustomize: {}}, status: {sourceType: Directory}",
            None,
            (0, Renderer::Kustomize),
        ),
        ("chart", "source: {repoURL: x, chart: c}", None, (0, Renderer::Helm)),
        (
            "type before chart",
            "source: {repoURL: x, chart: c}, status: {sourceType: Kustomize}",
            None,
            (0, Renderer::Helm),
        ),
        (
            "several by type",
            "sources: [{path: a}, {path: b}], status: {sourceTypes: [Directory, Kustomize]}",
            None,
            (1, Renderer::Kustomize),
        ),
        (
            "chart beside values",
            "sources: [{repoURL: g, ref: values}, {repoURL: h, chart: c}], status: {sourceTypes: [Directory, Helm]}",
            None,
            (1, Renderer::Helm),
        ),
        ("one of several", "sources: [{path: a, helm: {}}]", None, (0, Renderer::Helm)),
        (
            "block of one tool",
            "sources: [{path: a}, {path: b, helm: {}}], status: {sourceTypes: [Helm, Helm]}",
            None,
            (1, Renderer::Helm),
        ),
        (
            "the one that sets it",
            &format!("sources: [{{path: a, helm: {{}}}}, {{path: b, {helm}}}]"),
            None,
            (1, Renderer::Helm),
        ),
        (
            "the one that sets it, of two tools",
            &format!("sources: [{{path: a, kustomize: {{}}}}, {{path: b, {helm}}}]"),
            None,
            (1, Renderer::Helm),
        ),
        (
            "by name",
            "sources: [{name: one, path: a, helm: {}}, {name: two, path: a, helm: {}}]",
            Some("two"),
            (1, Renderer::Helm),
        ),
        ("by index", "sources: [{path: a, helm: {}}, {path: b, kustomize: {}}]", Some("1"), (1, Renderer::Kustomize)),
        (
            "a name of digits",
            "sources: [{name: '1', path: a, helm: {}}, {path: b, helm: {}}]",
            Some("1"),
            (0, Renderer::Helm),
        ),
        ("nothing to choose", "source: {path: a, helm: {}}", Some("whatever"), (0, Renderer::Helm)),
    ] {
        assert_eq!(chosen(&format!("{LIST}, {short}"), named), Ok(expected), "{id}");
    }
    // The image's targets say which tool is needed.
    for (id, target, expected) in [
        ("helm", "a.helm.image-tag: t", (1, Renderer::Helm)),
        ("kustomize", "a.kustomize.image-name: nginx", (0, Renderer::Kustomize)),
    ] {
        let src_07 = "sources: [{repoURL: 'git@github.com:organisation/gitops.git', path: overlays/staging}, \
                      {chart: redis, helm: {}}, {ref: values}], status: {sourceTypes: [Kustomize, Helm, Directory]}";
        let short = format!("annotations: {{image-list: 'a=nginx:~1', {target}}}, {src_07}");
        assert_eq!(chosen(&short, None), Ok(expected), "src-07 with {id}");
        let both =
            format!("annotations: {{image-list: 'a=nginx:~1', {target}}}, source: {{helm: {{}}, kustomize: {{}}}}");
        assert!(chosen(&both, None).is_err(), "both blocks, {id}");
    }
}

#[test]
fn where_it_is_not_clear_nothing_is_guessed() {
    let (unsupported, ambiguous) = (Reason::UnsupportedSource, Reason::AmbiguousSource);
    for (id, short, named, reason, words) in [
        ("typ-03", "source: {path: a}, status: {sourceType: Plugin}", None, unsupported, &["plugin"][..]),
        ("typ-08", "source: {path: a}, status: {sourceType: Directory}", None, unsupported, &["type Directory"]),
        (
            "src-06",
            "sources: [{path: sources/source1}, {path: sources/source2}]",
            None,
            ambiguous,
            &["0 ( sources/source1)", "1 ("],
        ),
        (
            "lenders",
            "sources: [{ref: a}, {repoURL: x, ref: b}]",
            None,
            unsupported,
            &["1 (x ref b): the source only lends"],
        ),
        (
            "src-07",
            "sources: [{repoURL: g, path: overlays/staging}, {chart: redis, helm: {}}, {ref: values}], \
           status: {sourceTypes: [Kustomize, Helm, Directory]}",
            None,
            ambiguous,
            &["0 (g overlays/staging, kustomize)", "1 ( chart redis, helm)"],
        ),
        (
            "typ-20",
            "sources: [{path: k}, {path: charts/myapp}], status: {sourceTypes: [Kustomize, Helm]}",
            None,
            ambiguous,
            &["kustomize", "helm"],
        ),
        (
            "typ-30",
            "sourceHydrator: {drySource: {repoURL: r, path: p, helm: {}}}, status: {sourceType: Directory}",
            None,
            unsupported,
            &["hydrator"],
        ),
        ("typ-32", "source: {plugin: {}}", None, unsupported, &["plugin"]),
        ("oci", "source: {repoURL: 'oci://reg.io/x', helm: {}}", None, unsupported, &["OCI"]),
        ("no source", "destination: {}", None, unsupported, &["no source"]),
        (
            "two blocks",
            "sources: [{path: a, helm: {}}, {path: b, helm: {}}]",
            None,
            ambiguous,
            &["0 ( a, helm)", "1 ( b, helm)"],
        ),
        ("no such name", "sources: [{path: a, helm: {}}, {path: b}]", Some("web"), ambiguous, &["no source `web`"]),
        ("no such index", "sources: [{path: a, helm: {}}, {path: b}]", Some("2"), ambiguous, &["no source `2`"]),
        (
            "twins",
            "sources: [{path: a, helm: {}}, {path: a}]",
            None,
            ambiguous,
            &["sources 0 and 1 cannot be told apart", "`name`"],
        ),
        (
            "twins, named",
            "sources: [{path: a, helm: {}}, {path: a, helm: {}}]",
            Some("1"),
            ambiguous,
            &["cannot be told apart"],
        ),
    ] {
        let (found, message) = chosen(&format!("{LIST}, {short}"), named).unwrap_err();
        assert_eq!(found, reason, "{id}: {message}");
        for word in words {
            assert!(message.contains(word), "{id}: {message}");
        }
    }
}

#[test]
fn a_source_without_a_folder_to_look_into_is_refused() {
    let (unsupported, refused) = (Reason::UnsupportedSource, Reason::RefusedPath);
    for (id, short, named, reason, words) in [
        ("a lender alone", "source: {repoURL: x, ref: a}", None, unsupported, "the source only lends"),
        (
            "a lender, named",
            "sources: [{path: a, helm: {}}, {repoURL: x, ref: b}]",
            Some("1"),
            unsupported,
            "the source only lends",
        ),
        ("out of the repository", "source: {repoURL: x, path: ../x}", None, refused, "`../x` leads out"),
        ("into what is git's", "source: {repoURL: x, path: .git}", None, refused, "leads into `.git`"),
    ] {
        let (found, message) = chosen(&format!("{LIST}, {short}"), named).unwrap_err();
        assert_eq!(found, reason, "{id}: {message}");
        assert!(message.contains(words), "{id}: {message}");
    }
}

#[test]
fn where_nothing_else_tells_the_folder_may() {
    for (id, short, named, source) in [
        ("typ-11", "source: {path: a}, status: {}", None, None),
        ("src-03", "source: {repoURL: x}", None, None),
        ("no type yet", "source: {path: a}, status: {sourceType: ''}", None, None),
        ("one of several", "sources: [{repoURL: x, ref: a}, {repoURL: y, path: b}]", None, Some("y")),
        ("by name", "sources: [{path: a, helm: {}}, {repoURL: y, path: b}]", Some("1"), Some("y")),
    ] {
        let (reason, found) = chosen(&format!("{LIST}, {short}"), named).unwrap_err();
        assert_eq!(reason, Reason::CurrentUnknown, "{id}: {found}");
        match source {
            Some(url) => assert!(found.contains(&format!("repo_url: \"{url}\"")), "{id}: {found}"),
            None => assert_eq!(found, "None", "{id}"),
        }
    }
}

#[test]
fn targets_that_do_not_fit_the_source_are_refused() {
    // shi-04 among them: Helm parameters for a Kustomize source.
    for (id, target, source, words) in [
        ("shi-04", "a.helm.image-name: n", "kustomize: {}", "rendered by Kustomize"),
        ("kustomize in helm", "a.kustomize.image-name: n", "helm: {}", "rendered by Helm"),
    ] {
        let short = format!("annotations: {{image-list: a=nginx, {target}}}, source: {{{source}}}");
        let (reason, message) = chosen(&short, None).unwrap_err();
        assert_eq!(reason, Reason::UnsupportedSource, "{id}");
        assert!(message.contains(words), "{id}: {message}");
    }
}
