//! Where images are written and what: the cases of the Image Updater tables, and what this tool does otherwise.

mod conflicts;
mod objects;
mod places;
mod sources;

use serde_json::Value;

use super::*;
use crate::model::tests::application;
use crate::model::tests::rules;

/// An Application with its rules, from a short form in YAML.
struct Case {
    application: Application,
    rules: AppRules,
}

fn case(short: &str) -> Case {
    let application = application(short);
    let (rules, _) = rules(&application);
    Case { application, rules }
}

impl Case {
    fn placement(&self, position: usize, chosen: Option<&str>) -> Result<Placement, Invalid> {
        placement(&self.application, &self.rules, &self.rules.images[position], chosen)
    }

    /// The edits that set `version` for an image.
    fn edits(&self, position: usize, version: &str) -> (Destination, Vec<Edit>) {
        let placement = self.placement(position, None).expect("a place");
        let edits = placement.edits(&self.rules.images[position], &Version::parse(version));
        (placement.destination, edits)
    }
}

/// `name=value` of each parameter, or the text of each Kustomize image, of the first source of an object.
fn written(object: &Value) -> Vec<String> {
    let source = object.pointer("/spec/source").or_else(|| object.pointer("/spec/sources/0")).expect("a source");
    let texts = |list: &Value| -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let of = |value: &Value| match value {
            Value::Object(_) => format!("{}={}", text(&value["name"]), text(&value["value"])),
            value => text(value),
        };
        list.as_array().into_iter().flatten().map(of).collect()
    };
    [texts(&source["helm"]["parameters"]), texts(&source["kustomize"]["images"])].concat()
}
