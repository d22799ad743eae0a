//! Values that the tests of several modules are made of, and the generator that their property tests share.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::annotations;
use crate::annotations::keys;
use crate::annotations::rule::AppRules;
use crate::cluster;
use crate::model::application::Application;
use crate::model::diagnostic::Diagnostic;

/// A digest of one repeated hex digit.
pub(crate) fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// The Application object `argocd/web` from a short form in YAML: `annotations` (a key without `/` gets Image Updater's
/// prefix), `source`, `sources` or any other field of the spec, and `status` with `images` for `summary.images`.
pub(crate) fn object(short: &str) -> Value {
    let short: Value = serde_yaml::from_str(short).expect("the test's YAML");
    let mut annotations = Map::new();
    for (key, value) in short["annotations"].as_object().into_iter().flatten() {
        let key = if key.contains('/') { key.clone() } else { keys::for_application(key) };
        annotations.insert(key, value.clone());
    }
    let mut spec = short.as_object().cloned().unwrap_or_default();
    spec.retain(|key, _| key != "annotations" && key != "status");
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "web", "namespace": "argocd", "uid": "u-1", "resourceVersion": "7", "annotations": annotations,
        },
        "spec": spec,
    });
    if let Some(status) = short["status"].as_object() {
        let mut status = status.clone();
        if let Some(images) = status.shift_remove("images") {
            status.insert("summary".to_owned(), json!({ "images": images }));
        }
        object["status"] = Value::Object(status);
    }
    object
}

/// See [`object`].
pub(crate) fn application(short: &str) -> Application {
    cluster::application::application(object(short)).expect("the test's Application")
}

/// What the annotations of an Application say.
pub(crate) fn rules(application: &Application) -> (AppRules, Vec<Diagnostic>) {
    annotations::parse(application).expect("the test's Application has an image list")
}

/// Numbers in no apparent order, and always the same (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits fit") % limit
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A text of up to `longest` pieces.
    pub(crate) fn text(&mut self, pieces: &[&str], longest: usize) -> String {
        let length = self.below(longest + 1);
        (0..length).map(|_| self.pick(pieces)).collect()
    }
}
