//! What an owner leaves alone of the Applications that it made: the fields that it is told to ignore. Pure.

use serde_json::Value;

use crate::cluster::owner::Owner;
use crate::cluster::request::FIELD_MANAGER;
use crate::model::application::Application;

/// What the object of an owner says about the Applications that it made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerance {
    /// It changes no Application once that is made.
    never: bool,
    /// JSON pointers of what it leaves alone.
    pointers: Vec<String>,
    /// The same as jq expressions that do more than name a field.
    expressions: Vec<String>,
}

impl Tolerance {
    /// Reads it out of an owner.
    pub(crate) fn of(owner: &Owner, object: &Value, application: &Application) -> Self {
        match owner {
            Owner::ApplicationSet(_) => Self::of_set(&object["spec"], application),
            Owner::Application { .. } => Self::of_parent(&object["spec"], application),
        }
    }

    fn of_set(spec: &Value, application: &Application) -> Self {
        let policy = spec["syncPolicy"]["applicationsSync"].as_str().unwrap_or_default();
        let mut tolerance = Self { never: matches!(policy, "create-only" | "create-delete"), ..Self::default() };
        for key in texts(&spec["preservedFields"]["annotations"]) {
            tolerance.pointers.push(annotation(&key));
        }
        for entry in list(&spec["ignoreApplicationDifferences"]) {
            if names(&entry["name"], &application.key.name) {
                tolerance.ignore(entry);
            }
        }
        tolerance
    }

    /// A parent ignores differences when it compares; it leaves them alone only if it is told to respect that.
    fn of_parent(spec: &Value, application: &Application) -> Self {
        let mut tolerance = Self::default();
        if !respects_differences(spec) {
            return tolerance;
        }
        let fits = |value: &Value, wanted: &str| value.as_str().is_some_and(|text| text == "*" || text == wanted);
        for entry in list(&spec["ignoreDifferences"]) {
            let is_it = fits(&entry["group"], "argoproj.io")
                && fits(&entry["kind"], "Application")
                && names(&entry["name"], &application.key.name)
                && names(&entry["namespace"], &application.key.namespace);
            if is_it {
                tolerance.never |= texts(&entry["managedFieldsManagers"]).any(|manager| manager == FIELD_MANAGER);
                tolerance.ignore(entry);
            }
        }
        tolerance
    }

    fn ignore(&mut self, entry: &Value) {
        self.pointers.extend(texts(&entry["jsonPointers"]));
        for expression in texts(&entry["jqPathExpressions"]) {
            match plain(&expression) {
                Some(pointer) => self.pointers.push(pointer),
                None => self.expressions.push(expression),
            }
        }
    }

    /// Whether it leaves a field alone: a list by its JSON pointer, and the name of the element in it.
    pub(crate) fn covers(&self, pointer: &str, element: Option<&str>) -> bool {
        let is_below = |known: &String| {
            pointer
                .strip_prefix(known.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // `.spec.source.helm.parameters[] | select(.name == "image.tag")`
        let selects = |expression: &String| {
            let (path, rest) = expression.split_at(expression.find('[').unwrap_or(expression.len()));
            let quoted = element.map(|element| format!("{element:?}"));
            plain(path).as_deref() == Some(pointer) && quoted.is_some_and(|quoted| rest.contains(&quoted))
        };
        self.never || self.pointers.iter().any(is_below) || self.expressions.iter().any(selects)
    }
}

/// Whether a parent leaves alone what it ignores when it compares.
pub(crate) fn respects_differences(spec: &Value) -> bool {
    texts(&spec["syncPolicy"]["syncOptions"]).any(|option| option == "RespectIgnoreDifferences=true")
}

/// The JSON pointer of an annotation.
pub(crate) fn annotation(key: &str) -> String {
    format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The JSON pointer of a jq path that only names a field: `.spec.source.helm`, `.metadata.annotations["a/b"]`.
fn plain(expression: &str) -> Option<String> {
    let mut pointer = String::new();
    let mut rest = expression.trim();
    if rest.is_empty() || rest == "." {
        return None;
    }
    while !rest.is_empty() {
        let (key, after) = if let Some(quoted) = rest.strip_prefix("[\"").or_else(|| rest.strip_prefix(".[\"")) {
            quoted.split_once("\"]")?
        } else {
            let name = rest.strip_prefix('.')?;
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        };
        let is_name = !key.is_empty() && !key.contains(['|', ' ', '(', '"', '\\']);
        if !is_name {
            return None;
        }
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        rest = after;
    }
    Some(pointer)
}

/// Whether an entry is about this name: it has none, or the same.
fn names(value: &Value, name: &str) -> bool {
    value.as_str().is_none_or(|text| text.is_empty() || text == name)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn texts(value: &Value) -> impl Iterator<Item = String> + '_ {
    list(value).iter().filter_map(|text| text.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::application::application;

    const PARAMETERS: &str = "/spec/source/helm/parameters";

    fn web() -> Application {
        application(json!({"metadata": {"name": "web", "namespace": "argocd"}})).unwrap()
    }

    fn covers(owner: &Owner, spec: &Value, pointer: &str) -> bool {
        Tolerance::of(owner, &json!({"spec": spec}), &web()).covers(pointer, Some("image.tag"))
    }

    #[test]
    fn an_application_set_leaves_alone_what_it_is_told_to() {
        let set = Owner::ApplicationSet("all".to_owned());
        let ignoring = |entry: Value| json!({"ignoreApplicationDifferences": [entry]});
        let jq = |expression: &str| ignoring(json!({"jqPathExpressions": [expression]}));
        for (spec, expected) in [
            (json!({}), false),
            (json!({"syncPolicy": {"applicationsSync": "sync"}}), false),
            (json!({"syncPolicy": {"applicationsSync": "create-update"}}), false),
            (json!({"syncPolicy": {"applicationsSync": "create-only"}}), true),
            (json!({"syncPolicy": {"applicationsSync": "create-delete"}}), true),
            (ignoring(json!({"jsonPointers": [PARAMETERS]})), true),
            (ignoring(json!({"jsonPointers": ["/spec/source/helm/"]})), true),
            (ignoring(json!({"jsonPointers": ["/spec/source/hel", "/spec/source/kustomize"]})), false),
            (ignoring(json!({"name": "web", "jsonPointers": ["/spec"]})), true),
            (ignoring(json!({"name": "other", "jsonPointers": ["/spec"]})), false),
            (jq(".spec.source.helm"), true),
            (jq(".spec.source[\"helm\"].parameters"), true),
            (jq(".spec.source.helm.parameters[] | select(.name == \"image.tag\")"), true),
            (jq(".spec.source.helm.parameters[] | select(.name == \"replicas\")"), false),
            (jq(".spec.source.plugin.parameters[] | select(.name == \"image.tag\")"), false),
            (jq(".spec | keys"), false),
            (jq("."), false),
        ] {
            assert_eq!(covers(&set, &spec, PARAMETERS), expected, "{spec}");
        }
        let preserved = json!({"preservedFields": {"annotations": ["a/b"]}});
        assert!(covers(&set, &preserved, &annotation("a/b")));
        assert!(!covers(&set, &preserved, &annotation("a/bc")));
        assert!(covers(&set, &jq(".metadata.annotations[\"a/b\"]"), &annotation("a/b")));
    }

    #[test]
    fn a_parent_leaves_alone_only_what_it_respects() {
        let parent = Owner::Application { name: "root".to_owned(), certain: true };
        let spec = |entry: Value, options: Value| json!({"ignoreDifferences": [entry], "syncPolicy": {"syncOptions": options}});
        let respect = || json!(["RespectIgnoreDifferences=true"]);
        let entry = |change: fn(&mut Value)| {
            let mut entry = json!({"group": "argoproj.io", "kind": "Application", "jsonPointers": [PARAMETERS]});
            change(&mut entry);
            entry
        };
        for (spec, expected) in [
            (json!({}), false),
            (spec(entry(|_| {}), json!([])), false),
            (spec(entry(|_| {}), respect()), true),
            (spec(entry(|entry| entry["kind"] = "AppProject".into()), respect()), false),
            (spec(entry(|entry| entry["group"] = "*".into()), respect()), true),
            (spec(entry(|entry| entry["name"] = "other".into()), respect()), false),
            (spec(entry(|entry| entry["namespace"] = "argocd".into()), respect()), true),
            (spec(entry(|entry| entry["jsonPointers"] = json!(["/metadata"])), respect()), false),
            (
                spec(
                    entry(|entry| {
                        *entry = json!({"group": "*", "kind": "*", "managedFieldsManagers": [FIELD_MANAGER]});
                    }),
                    respect(),
                ),
                true,
            ),
        ] {
            assert_eq!(covers(&parent, &spec, PARAMETERS), expected, "{spec}");
        }
    }

    #[test]
    fn odd_shapes_tolerate_nothing() {
        for odd in [json!(null), json!(1), json!("x"), json!([1]), json!({"a": 1})] {
            for owner in
                [Owner::ApplicationSet("a".to_owned()), Owner::Application { name: "a".to_owned(), certain: true }]
            {
                let spec = json!({"syncPolicy": odd, "preservedFields": odd, "ignoreApplicationDifferences": odd, "ignoreDifferences": [odd]});
                assert!(!covers(&owner, &spec, PARAMETERS), "{spec}");
                assert!(!covers(&owner, &odd, PARAMETERS), "{odd}");
            }
        }
    }
}
