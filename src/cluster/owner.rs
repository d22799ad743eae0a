//! Who else writes an Application's spec: what owns it would revert an edit of the object.
//!
//! Pure. It reads the traces that Kubernetes and Argo CD leave on the object, and says how good the evidence is.

use crate::model::application::Application;

/// Argo CD's mark on everything an Application deploys, under annotation tracking.
const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

/// Argo CD's mark under label tracking, and the name of a release for Helm and others.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// What the Application is made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An ApplicationSet in the Application's namespace.
    ApplicationSet(String),
    /// A parent Application, by the name that Argo CD gives it: `name`, or `namespace_name` outside its own namespace.
    Application {
        name: String,
        /// False if only the instance label says so, which other tools set as well.
        certain: bool,
    },
}

/// The owner of `application`, if it has one.
pub(crate) fn owner(application: &Application) -> Option<Owner> {
    if let Some(set) = application.owners.iter().find(|owner| owner.kind == "ApplicationSet") {
        return Some(Owner::ApplicationSet(set.name.clone()));
    }
    if let Some(parent) = application.annotations.get(TRACKING_ID).and_then(|id| tracked_by(id, application)) {
        return Some(Owner::Application { name: parent.to_owned(), certain: true });
    }
    let instance = application.labels.get(INSTANCE)?;
    let is_other = !instance.is_empty() && *instance != application.key.name;
    is_other.then(|| Owner::Application { name: instance.clone(), certain: false })
}

/// The parent in a tracking id, `parent:argoproj.io/Application:namespace/name`.
///
/// One that names another object was copied from it, and Argo CD does not follow it either.
fn tracked_by<'a>(tracking_id: &'a str, application: &Application) -> Option<&'a str> {
    let (parent, object) = tracking_id.split_once(':')?;
    let itself = format!("argoproj.io/Application:{}", application.key);
    (object == itself && !parent.is_empty()).then_some(parent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::application::application;

    #[test]
    fn owners_are_told_by_the_traces_they_leave() {
        let parent = |name: &str, certain| Some(Owner::Application { name: name.to_owned(), certain });
        let tracking = |id: &str| json!({"annotations": {TRACKING_ID: id}});
        let instance = |name: &str| json!({"labels": {INSTANCE: name}});
        for (metadata, expected) in [
            (json!({}), None),
            (
                json!({"ownerReferences": [{"kind": "ApplicationSet", "name": "all"}]}),
                Some(Owner::ApplicationSet("all".to_owned())),
            ),
            (json!({"ownerReferences": [{"kind": "ConfigMap", "name": "x"}]}), None),
            (tracking("root:argoproj.io/Application:argocd/web"), parent("root", true)),
            (tracking("team_root:argoproj.io/Application:argocd/web"), parent("team_root", true)),
            // An Application that deploys itself is reverted like any other.
            (tracking("web:argoproj.io/Application:argocd/web"), parent("web", true)),
            (tracking("root:argoproj.io/Application:argocd/other"), None),
            (tracking("root:apps/Deployment:argocd/web"), None),
            (tracking(":argoproj.io/Application:argocd/web"), None),
            (tracking("root"), None),
            (instance("root"), parent("root", false)),
            (instance("web"), None),
            (instance(""), None),
        ] {
            let mut object = json!({"metadata": metadata});
            object["metadata"]["name"] = json!("web");
            object["metadata"]["namespace"] = json!("argocd");
            assert_eq!(owner(&application(object).unwrap()), expected, "{metadata}");
        }
    }
}
