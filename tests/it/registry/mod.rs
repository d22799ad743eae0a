//! The registry client by running the tool: what goes wrong, and how few requests it needs.

mod faults;
mod hosts;
mod itself;
mod modes;
mod order;
mod public;
mod requests;

use serde_json::Value;
use serde_json::json;

use crate::world::Output;

/// Status, reason and candidate of the only image of the only Application.
fn verdict(output: &Output) -> Value {
    let item = &output.json()["items"][0];
    json!([item["status"], item["reason"], item["candidate"]["tag"]])
}

/// What could not be known is said to be so, with this reason and in these words.
#[track_caller]
fn undetermined(output: &Output, about: &str, reason: &str, says: &str) {
    assert_eq!(verdict(output), json!(["Undetermined", reason, null]), "{about}: {output}");
    assert_eq!(output.code, 3, "{about}: {output}");
    let message = output.json()["items"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(says), "{about}: `{says}` is not in `{message}`");
}
