//! Applications as tests write them: YAML, or a builder with what most scenarios need.

use serde_json::Value;
use serde_json::json;

/// The prefix of Image Updater's annotations.
const PREFIX: &str = "argocd-image-updater.argoproj.io";

/// An Argo CD Application in the making, deployed from one Helm source until it says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Application(Value);

impl Application {
    pub(crate) fn named(name: &str) -> Self {
        Self(json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name},
            "spec": {
                "project": "default",
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
                "source": {"repoURL": "https://git.example.com/acme/deploy.git", "path": name, "targetRevision": "main"},
            },
        }))
    }

    /// An annotation of Image Updater's, or with a `/` in the key any other.
    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        let key = if key.contains('/') { key.to_owned() } else { format!("{PREFIX}/{key}") };
        self.0["metadata"]["annotations"][key] = value.into();
        self
    }

    pub(crate) fn image_list(self, text: &str) -> Self {
        self.annotation("image-list", text)
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][key] = value.into();
        self
    }

    pub(crate) fn namespace(mut self, namespace: &str) -> Self {
        self.0["metadata"]["namespace"] = namespace.into();
        self
    }

    /// Helm parameters of the source, and the source type that goes with them.
    pub(crate) fn helm(mut self, parameters: &[(&str, &str)]) -> Self {
        let parameters: Vec<Value> =
            parameters.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.0["spec"]["source"]["helm"] = json!({"parameters": parameters});
        self.source_type("Helm")
    }

    /// Kustomize images of the source, and the source type that goes with them.
    pub(crate) fn kustomize(mut self, images: &[&str]) -> Self {
        self.0["spec"]["source"]["kustomize"] = json!({"images": images});
        self.source_type("Kustomize")
    }

    pub(crate) fn source_type(mut self, kind: &str) -> Self {
        self.0["status"]["sourceType"] = kind.into();
        self
    }

    /// Several sources instead of the one.
    pub(crate) fn sources(mut self, sources: Value, types: &[&str]) -> Self {
        let spec = self.0["spec"].as_object_mut().expect("an Application has a spec");
        spec.shift_remove("source");
        spec.insert("sources".to_owned(), sources);
        self.0["status"]["sourceTypes"] = types.into();
        self
    }

    /// What runs: `status.summary.images`.
    pub(crate) fn images(mut self, images: &[&str]) -> Self {
        self.0["status"]["summary"]["images"] = images.into();
        self.0["status"]["sync"] = json!({"status": "Synced"});
        self.0["status"]["health"] = json!({"status": "Healthy"});
        self
    }

    /// Any other change.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.0);
        self
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

impl From<Application> for Value {
    fn from(application: Application) -> Self {
        application.0
    }
}

/// Reads an object from YAML.
pub(crate) fn from_yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("not YAML: {error}\n{text}"))
}
