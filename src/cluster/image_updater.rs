//! Argo CD Image Updater's own resource: which ImageUpdater rules an Application, and what that means for us.
//!
//! Pure. From 1.0 a running Image Updater takes its orders from these resources (spec sections 7.1 and 8); we read only
//! what decides whether it would get in the way: which Applications are selected, whether their annotations count,
//! and whether images must be verified.

use serde_json::Value;

use crate::cluster::selector::Selector;
use crate::model::application::Application;
use crate::model::image::Reference;
use crate::model::image::Repository;

/// One ImageUpdater, as far as it concerns us.
#[derive(Clone, Debug)]
pub(crate) struct ImageUpdater {
    pub(crate) namespace: String,
    pub(crate) name: String,
    verification: Verification,
    /// `spec.applicationRefs`
    references: Vec<ApplicationReference>,
}

#[derive(Clone, Debug)]
struct ApplicationReference {
    pattern: String,
    selection: Selection,
    use_annotations: bool,
    verification: Verification,
    images: Vec<ImageReference>,
}

/// `labelSelectors` of a reference.
#[derive(Clone, Debug)]
struct Selection {
    /// `None`: not a valid selector; it matches nothing.
    selector: Option<Selector>,
    /// How much it counts for the specificity of the reference.
    weight: usize,
}

#[derive(Clone, Debug)]
struct ImageReference {
    alias: String,
    name: String,
    verification: Verification,
}

/// `imagesVerification`: `None` without the block; inside, `enabled` if it is written.
type Verification = Option<Option<bool>>;

/// How one ImageUpdater rules one Application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// The name of the ImageUpdater; its namespace is the Application's.
    pub(crate) updater: String,
    /// The Application's annotations count for it.
    pub(crate) use_annotations: bool,
    /// Images are verified unless they are named in `images`.
    verifies: bool,
    /// Images with a say of their own: alias, image name, verified or not.
    images: Vec<(String, String, bool)>,
}

impl Ruling {
    /// Whether the ImageUpdater lets an entry of the image list in only with a verified signature.
    ///
    /// Where several of its images fit the entry, by alias or by repository, one that is verified is enough.
    pub(crate) fn verifies(&self, alias: Option<&str>, repository: &Repository) -> bool {
        let fits = |(of_alias, name, _): &&(String, String, bool)| {
            alias == Some(of_alias) || Reference::parse(name).repository().as_ref() == Ok(repository)
        };
        let mut fitting = self.images.iter().filter(fits).peekable();
        if fitting.peek().is_some() { fitting.any(|(_, _, verified)| *verified) } else { self.verifies }
    }
}

/// Reads an ImageUpdater; `None` if it has no name.
pub(crate) fn image_updater(object: &Value) -> Option<ImageUpdater> {
    let spec = &object["spec"];
    Some(ImageUpdater {
        namespace: object["metadata"]["namespace"].as_str()?.to_owned(),
        name: object["metadata"]["name"].as_str()?.to_owned(),
        verification: verification(&spec["imagesVerification"]),
        references: list(&spec["applicationRefs"]).iter().map(reference).collect(),
    })
}

fn reference(reference: &Value) -> ApplicationReference {
    let image = |image: &Value| ImageReference {
        alias: image["alias"].as_str().unwrap_or_default().to_owned(),
        name: image["imageName"].as_str().unwrap_or_default().to_owned(),
        verification: verification(&image["imagesVerification"]),
    };
    ApplicationReference {
        pattern: reference["namePattern"].as_str().unwrap_or_default().to_owned(),
        selection: selection(&reference["labelSelectors"]),
        use_annotations: reference["useAnnotations"] == Value::Bool(true),
        verification: verification(&reference["imagesVerification"]),
        images: list(&reference["images"]).iter().map(image).collect(),
    }
}

/// A selector counts 10000, and 100 for each of its labels and expressions.
fn selection(selector: &Value) -> Selection {
    let labels = selector["matchLabels"].as_object().map_or(0, serde_json::Map::len);
    let expressions = list(&selector["matchExpressions"]).len();
    let weight = if selector.is_null() { 0 } else { 10_000 + 100 * (labels + expressions) };
    Selection { selector: Selector::of_object(selector), weight }
}

fn verification(block: &Value) -> Verification {
    block.is_object().then(|| block["enabled"].as_bool())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// How each ImageUpdater that selects `application` rules it, in the order of `updaters`.
///
/// Image Updater itself does not notice when several select one Application; they then work against each other.
/// `matches` is Go's `filepath.Match` of a pattern and a name, `None` for a pattern that is none.
pub(crate) fn rulings(
    updaters: &[ImageUpdater],
    application: &Application,
    matches: impl Fn(&str, &str) -> Option<bool>,
) -> Vec<Ruling> {
    let near = updaters.iter().filter(|updater| updater.namespace == application.key.namespace);
    near.filter_map(|updater| ruling(updater, application, &matches)).collect()
}

fn ruling(
    updater: &ImageUpdater,
    application: &Application,
    matches: impl Fn(&str, &str) -> Option<bool>,
) -> Option<Ruling> {
    // One bad pattern and Image Updater does nothing at all for the resource.
    if updater.references.iter().any(|reference| matches(&reference.pattern, "").is_none()) {
        return None;
    }
    let reference = by_specificity(&updater.references).into_iter().find(|reference| {
        matches(&reference.pattern, &application.key.name) == Some(true)
            && reference.selection.selector.as_ref().is_some_and(|selector| selector.matches(&application.labels))
    })?;
    // With annotations only the block of the reference itself counts (cases flt-21 and flt-22).
    let outer = if reference.use_annotations {
        reference.verification
    } else {
        merged([updater.verification, reference.verification])
    };
    let image = |image: &ImageReference| {
        let verified = is_on(merged([outer, image.verification]));
        (image.alias.clone(), image.name.clone(), verified)
    };
    let images = if reference.use_annotations { &[][..] } else { &reference.images };
    Some(Ruling {
        updater: updater.name.clone(),
        use_annotations: reference.use_annotations,
        verifies: is_on(outer),
        images: images.iter().map(image).collect(),
    })
}

/// The most specific reference first; equals keep their order.
fn by_specificity(references: &[ApplicationReference]) -> Vec<&ApplicationReference> {
    let mut sorted: Vec<&ApplicationReference> = references.iter().collect();
    sorted.sort_by_key(|reference| std::cmp::Reverse(specificity(&reference.pattern, reference.selection.weight)));
    sorted
}

/// A literal name counts a million, each literal character one; sets such as `[a-z]` are no literal characters.
fn specificity(pattern: &str, selection: usize) -> usize {
    let exact = if pattern.contains(['*', '?', '[', ']']) { 0 } else { 1_000_000 };
    let mut literal = 0;
    // Without a look at it, each `[` that is not closed would be looked for to the end.
    let last_end = pattern.rfind(']').unwrap_or(0);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let set = (c == '[' && pattern.len() - rest.len() < last_end).then(|| rest.find(']')).flatten();
        rest = &rest[set.map_or(c.len_utf8(), |end| end + 1)..];
        if set.is_none() && c != '*' && c != '?' {
            literal += c.len_utf8();
        }
    }
    exact + literal + selection
}

/// The inner block's `enabled` wins where it is written.
fn merged(blocks: impl IntoIterator<Item = Verification>) -> Verification {
    blocks.into_iter().fold(None, |outer, inner| match (outer, inner) {
        (outer, None) => outer,
        (None, inner) => inner,
        (Some(outer), Some(inner)) => Some(inner.or(outer)),
    })
}

/// A block that does not say is on.
fn is_on(verification: Verification) -> bool {
    verification.is_some_and(|enabled| enabled.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::application::application;

    /// Enough of Go's match for the patterns below: `*`, `?`, and an unclosed set is no pattern.
    fn matches(pattern: &str, name: &str) -> Option<bool> {
        fn fits(pattern: &[u8], name: &[u8]) -> bool {
            match (pattern.split_first(), name.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), _) => fits(rest, name) || (!name.is_empty() && fits(pattern, &name[1..])),
                (Some((b'?', rest)), Some((_, name))) => fits(rest, name),
                (Some((a, rest)), Some((b, name))) => a == b && fits(rest, name),
                _ => false,
            }
        }
        (!pattern.contains('[') || pattern.contains(']')).then(|| fits(pattern.as_bytes(), name.as_bytes()))
    }

    fn app(name: &str, labels: &Value) -> Application {
        application(json!({"metadata": {"name": name, "namespace": "testns", "labels": labels}})).unwrap()
    }

    fn updater(name: &str, spec: &Value) -> ImageUpdater {
        image_updater(&json!({"metadata": {"name": name, "namespace": "testns"}, "spec": spec})).unwrap()
    }

    fn with_references(references: &[&str]) -> ImageUpdater {
        let reference = |pattern: &&str| match pattern.split_once("+env=") {
            Some((pattern, env)) => json!({"namePattern": pattern, "labelSelectors": {"matchLabels": {"env": env}}}),
            None => json!({"namePattern": pattern}),
        };
        updater("u", &json!({"applicationRefs": references.iter().map(reference).collect::<Vec<_>>()}))
    }

    fn selects(references: &[&str], name: &str, env: &str) -> bool {
        !rulings(&[with_references(references)], &app(name, &json!({"env": env})), matches).is_empty()
    }

    #[test]
    fn applications_are_selected_by_name_and_label() {
        for (id, references, name, env, expected) in [
            ("nam-02", &["my-app"][..], "other-app", "", false),
            ("nam-03", &["my-app-*"], "my-app-production", "", true),
            ("nam-04", &["my-app-*"], "other-app", "", false),
            ("nam-05", &["app-v?"], "app-v1", "", true),
            ("nam-06", &["app-v?"], "app-v12", "", false),
            ("nam-11", &["my-app-["], "any-app", "", false),
            ("nam-14", &["app-prod", "app-staging", "app-dev"], "app-prod", "", true),
            ("nam-15", &["app-prod", "app-staging", "app-dev-*"], "app-dev-feature-branch", "", true),
            ("nam-16", &["app-prod", "app-staging", "app-dev"], "infra-service", "", false),
            // Not nam-17: in one resource a bad pattern counts before any other is tried (spec section 7.1).
            ("bad-pattern", &["app-prod", "app-["], "app-prod", "", false),
            ("flt-01", &["app-prod"], "app-prod", "prod", true),
            ("flt-02", &["app-*"], "other-prod", "prod", false),
            ("flt-03", &["*+env=prod"], "other-prod", "prod", true),
            ("flt-03", &["*+env=prod"], "app-staging", "staging", false),
            ("flt-07", &["app-prod"], "app-staging", "staging", false),
            ("no-reference", &[], "app-prod", "", false),
        ] {
            assert_eq!(selects(references, name, env), expected, "{id} {name}");
        }
    }

    #[test]
    fn only_resources_of_the_same_namespace_count() {
        let mut far = with_references(&["*"]);
        far.namespace = "elsewhere".to_owned();
        assert!(rulings(&[far], &app("web", &json!({})), matches).is_empty());
        assert!(image_updater(&json!({"metadata": {"name": "x"}})).is_none());
    }

    #[test]
    fn an_invalid_selector_matches_nothing() {
        let selector = json!({"matchExpressions": [{"key": "env", "operator": "Odd"}]});
        let spec = json!({"applicationRefs": [{"namePattern": "*", "labelSelectors": selector}]});
        assert!(rulings(&[updater("u", &spec)], &app("web", &json!({"env": "prod"})), matches).is_empty());
    }

    #[test]
    fn specificity_is_scored_as_image_updater_scores_it() {
        let one = json!({"matchLabels": {"a": "b"}});
        let expression = json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]});
        for (id, pattern, selector, score) in [
            ("spc-01", "app-one", json!(null), 1_000_007),
            ("spc-02", "app-*", json!(null), 4),
            ("spc-04", "app-v?", json!(null), 5),
            ("spc-05", "app-[abc]", json!(null), 4),
            ("not closed", "[[a]b[[", json!(null), 3),
            ("spc-06", "*", json!(null), 0),
            ("spc-07", "app-one", json!({}), 1_010_007),
            ("spc-08", "app-one", one.clone(), 1_010_107),
            ("spc-09", "app-*", one, 10_104),
            ("spc-10", "app-*", expression, 10_104),
            ("spc-12", "", json!(null), 1_000_000),
        ] {
            assert_eq!(specificity(pattern, selection(&selector).weight), score, "{id}");
        }
    }

    #[test]
    fn the_most_specific_reference_comes_first() {
        for (id, references, expected) in [
            (
                "sor-01",
                &["app-*", "app-one", "*", "app-one+env=x", "app-prod-*", "app-*+env=x"][..],
                &["app-one+", "app-one", "app-*+", "app-prod-*", "app-*", "*"][..],
            ),
            ("sor-02", &["app-*", "app-?"], &["app-*", "app-?"]),
            ("sor-03", &["app-?", "app-*"], &["app-?", "app-*"]),
            ("sor-05", &[], &[]),
        ] {
            let updater = with_references(references);
            let sorted = by_specificity(&updater.references).into_iter().map(|reference| {
                let selected = if reference.selection.weight > 0 { "+" } else { "" };
                format!("{}{selected}", reference.pattern)
            });
            assert_eq!(sorted.collect::<Vec<_>>(), expected, "{id}");
        }
    }

    #[test]
    fn the_first_reference_that_matches_decides() {
        let spec = json!({"applicationRefs": [
            {"namePattern": "*", "useAnnotations": true},
            {"namePattern": "web", "images": [{"alias": "a", "imageName": "nginx"}]}
        ]});
        let ruling = |name: &str| rulings(&[updater("u", &spec)], &app(name, &json!({})), matches).remove(0);
        assert!(ruling("other").use_annotations);
        assert!(!ruling("web").use_annotations, "the exact name is more specific");
        let two = [updater("a", &spec), updater("b", &json!({"applicationRefs": [{"namePattern": "web"}]}))];
        let names: Vec<_> = rulings(&two, &app("web", &json!({})), matches).into_iter().map(|r| r.updater).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn inner_verification_blocks_win_where_they_speak() {
        let block = |block: Value| verification(&block);
        for (id, blocks, expected) in [
            ("miv-01", vec![json!(null), json!(null)], None),
            ("miv-02", vec![json!({"enabled": true}), json!(null)], Some(true)),
            ("miv-03", vec![json!({"enabled": true}), json!({"cosignKey": {}})], Some(true)),
            ("miv-04", vec![json!({"enabled": true}), json!({"enabled": false})], Some(false)),
            ("miv-05", vec![json!({"enabled": false}), json!({"cosignKey": {}})], Some(false)),
            ("miv-06", vec![json!({"enabled": true}), json!({"cosignKey": {}}), json!({"cosignKey": {}})], Some(true)),
            ("miv-07", vec![json!({"enabled": true}), json!({})], Some(true)),
            ("alone", vec![json!({"cosignKey": {}})], Some(true)),
        ] {
            let merged = merged(blocks.into_iter().map(block));
            assert_eq!(merged.map(|_| is_on(merged)), expected, "{id}");
        }
    }

    #[test]
    fn verification_counts_for_the_images_it_covers() {
        let on = json!({"enabled": true, "cosignKey": {}});
        let off = json!({"enabled": false});
        let nginx = Repository::new(None, "nginx").unwrap();
        let redis = Repository::new(None, "redis").unwrap();
        let image = |alias: &str, name: &str, block: &Value| json!({"alias": alias, "imageName": name, "imagesVerification": block});
        let annotations = |spec: &Value, reference: &Value| {
            let reference = json!({"namePattern": "*", "useAnnotations": true, "imagesVerification": reference,
                                   "images": [image("web", "nginx", &on)]});
            json!({"imagesVerification": spec, "applicationRefs": [reference]})
        };
        let own = |spec: &Value, reference: &Value, images: Value| {
            let reference = json!({"namePattern": "*", "imagesVerification": reference, "images": images});
            json!({"imagesVerification": spec, "applicationRefs": [reference]})
        };
        let null = json!(null);
        for (id, spec, of_nginx, of_redis) in [
            ("flt-20", annotations(&null, &null), false, false),
            ("flt-21", annotations(&null, &on), true, true),
            ("flt-22", annotations(&on, &null), false, false),
            ("global", own(&on, &null, json!([])), true, true),
            ("reference off", own(&on, &off, json!([])), false, false),
            ("image off", own(&on, &null, json!([image("web", "docker.io/library/nginx:~1.2", &off)])), false, true),
            ("image on", own(&null, &null, json!([image("x", "nginx:1", &on)])), true, false),
            ("by alias", own(&null, &null, json!([image("web", "ghcr.io/a/b", &on)])), true, false),
            (
                "one is enough",
                own(&null, &null, json!([image("a", "nginx", &off), image("b", "nginx", &on)])),
                true,
                false,
            ),
        ] {
            let ruling = rulings(&[updater("u", &spec)], &app("web", &json!({})), matches).remove(0);
            assert_eq!(ruling.verifies(Some("web"), &nginx), of_nginx, "{id}");
            assert_eq!(ruling.verifies(None, &redis), of_redis, "{id}");
        }
    }
}
