//! The objects of the API double: what is stored, how writes change it, and what validation refuses.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use super::status::Failure;
use crate::world::image::digest;
use crate::world::resources::Resource;

/// Namespace (empty for cluster-wide objects) and name: the order of lists.
pub(crate) type Key = (String, String);
pub(crate) type Collection = BTreeMap<Key, Arc<Value>>;

/// Changes one object after a write, as a controller would a moment later.
pub(crate) type Controller = Box<dyn Fn(&mut Value) + Send>;

#[derive(Default)]
pub(crate) struct Objects {
    collections: HashMap<String, Collection>,
    /// Lists that were handed out in part, by resource and the version they were read at.
    pub(crate) snapshots: HashMap<(String, u64), Collection>,
    pub(crate) version: u64,
    created: u64,
    pub(crate) controller: Option<Controller>,
}

/// What a write asks for beside its object.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
}

impl Objects {
    pub(crate) fn collection(&self, resource: &Resource) -> Collection {
        self.collections.get(&resource.qualified()).cloned().unwrap_or_default()
    }

    pub(crate) fn get(&self, resource: &Resource, key: &Key) -> Result<Arc<Value>, Failure> {
        let object = self.collections.get(&resource.qualified()).and_then(|objects| objects.get(key));
        object.cloned().ok_or_else(|| Failure::not_found(resource, &key.1))
    }

    /// Forgets all objects of a resource, as when its definition goes.
    pub(crate) fn clear(&mut self, resource: &Resource) {
        self.collections.remove(&resource.qualified());
    }

    pub(crate) fn create(
        &mut self,
        resource: &Resource,
        namespace: &str,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Value, Failure> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = (namespace.to_owned(), name.clone());
        validate(resource, &object)?;
        if self.get(resource, &key).is_ok() {
            return Err(Failure::already_exists(resource, &name));
        }
        self.created += 1;
        let metadata = &mut object["metadata"];
        metadata["creationTimestamp"] = now().into();
        metadata["generation"] = 1.into();
        metadata["uid"] = uid(resource, &key, self.created).into();
        if resource.namespaced {
            metadata["namespace"] = namespace.into();
        }
        object["apiVersion"] = resource.api_version().into();
        object["kind"] = resource.kind.into();
        encode_secret(resource, &mut object);
        note_manager(&mut object, &options.manager, resource);
        if options.dry_run {
            return Ok(object);
        }
        Ok(self.store(resource, key, object))
    }

    /// Stores `object` in place of the one it was made from.
    pub(crate) fn update(
        &mut self,
        resource: &Resource,
        key: &Key,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Value, Failure> {
        let old = self.get(resource, key)?;
        check_identity(&object, key)?;
        check_version(resource, &old, &object)?;
        if object["metadata"]["uid"] != old["metadata"]["uid"] {
            let text = format!("Invalid value: {}: field is immutable", object["metadata"]["uid"]);
            let cause = ("FieldValueInvalid", text.as_str(), 2);
            return Err(Failure::invalid(resource.kind, resource, &key.1, "metadata.uid", cause));
        }
        validate(resource, &object)?;
        for own in ["creationTimestamp", "deletionTimestamp", "generation"] {
            carry_over(&old, &mut object, own);
        }
        encode_secret(resource, &mut object);
        if object == *old {
            return Ok(object);
        }
        if without_metadata(&object) != without_metadata(&old) {
            object["metadata"]["generation"] = (old["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
        }
        note_manager(&mut object, &options.manager, resource);
        if options.dry_run {
            return Ok(object);
        }
        if object["metadata"]["deletionTimestamp"].is_string() && !has_finalizers(&object) {
            self.remove(resource, key);
            return Ok(object);
        }
        Ok(self.store(resource, key.clone(), object))
    }

    /// Removes an object; one with finalizers is only marked. Gives the marked object back, `None` if it is gone.
    pub(crate) fn delete(&mut self, resource: &Resource, key: &Key) -> Result<Option<Value>, Failure> {
        let mut object = Value::clone(&*self.get(resource, key)?);
        if !has_finalizers(&object) {
            self.remove(resource, key);
            return Ok(None);
        }
        object["metadata"]["deletionTimestamp"] = now().into();
        object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        Ok(Some(self.store(resource, key.clone(), object)))
    }

    fn remove(&mut self, resource: &Resource, key: &Key) {
        self.version += 1;
        self.collections.entry(resource.qualified()).or_default().remove(key);
    }

    /// Stores the object under a new version and lets the controller react; the answer is from before it did.
    fn store(&mut self, resource: &Resource, key: Key, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let mut stored = object.clone();
        if let Some(controller) = self.controller.as_ref().filter(|_| resource.kind == "Application") {
            controller(&mut stored);
            if stored != object {
                self.version += 1;
                stored["metadata"]["resourceVersion"] = self.version.to_string().into();
            }
        }
        self.collections.entry(resource.qualified()).or_default().insert(key, Arc::new(stored));
        object
    }
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty())
}

fn without_metadata(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().map(|map| map.shift_remove("metadata"));
    object
}

/// Fields of the metadata that are the server's own keep their value whatever a client sends.
fn carry_over(old: &Value, new: &mut Value, field: &str) {
    let Some(metadata) = new["metadata"].as_object_mut() else { return };
    match old["metadata"].get(field) {
        Some(value) => metadata.insert(field.to_owned(), value.clone()),
        None => metadata.shift_remove(field),
    };
}

/// Name and namespace of an object that replaces another must be those of the URL.
fn check_identity(object: &Value, key: &Key) -> Result<(), Failure> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if name != key.1 {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", key.1);
        return Err(Failure::bad_request(&message));
    }
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(&key.0);
    if namespace != key.0 {
        let message = format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({})",
            key.0
        );
        return Err(Failure::bad_request(&message));
    }
    Ok(())
}

/// The optimistic lock: the version sent must be the version stored.
fn check_version(resource: &Resource, old: &Value, new: &Value) -> Result<(), Failure> {
    let name = old["metadata"]["name"].as_str().unwrap_or_default();
    let sent = match &new["metadata"]["resourceVersion"] {
        Value::String(text) if !text.is_empty() => text,
        Value::Null | Value::String(_) => {
            let cause = ("FieldValueInvalid", "Invalid value: 0x0: must be specified for an update", 1);
            return Err(Failure::invalid(resource.plural, resource, name, "metadata.resourceVersion", cause));
        }
        _ => return Err(Failure::undecodable("metadata.resourceVersion: expects a string")),
    };
    if sent.parse::<u64>().is_err() {
        return Err(Failure::internal(&format!("strconv.ParseUint: parsing \"{sent}\": invalid syntax")));
    }
    if *sent == old["metadata"]["resourceVersion"] { Ok(()) } else { Err(Failure::conflict(resource, name)) }
}

fn validate(resource: &Resource, object: &Value) -> Result<(), Failure> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let invalid = |field: &str, reason: &str, text: &str, times: usize| {
        Err(Failure::invalid(resource.kind, resource, name, field, (reason, text, times)))
    };
    for map in ["annotations", "labels"] {
        let Some(entries) = object["metadata"].get(map).filter(|entries| !entries.is_null()) else { continue };
        let Some(entries) = entries.as_object() else {
            return Err(Failure::undecodable(&format!("metadata.{map}: expects an object")));
        };
        for (key, value) in entries {
            let Some(value) = value.as_str() else {
                return Err(Failure::undecodable(&format!("metadata.{map}: ReadString: expects \" or n")));
            };
            let problem = qualified_name_problem(key).map(|problem| format!("Invalid value: \"{key}\": {problem}"));
            let problem = problem.or_else(|| {
                let problem = label_value_problem(value).filter(|_| map == "labels")?;
                Some(format!("Invalid value: \"{value}\": {problem}"))
            });
            if let Some(problem) = problem {
                return invalid(&format!("metadata.{map}"), "FieldValueInvalid", &problem, 3);
            }
        }
    }
    if !is_subdomain(name) {
        let text = format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        );
        return invalid("metadata.name", "FieldValueInvalid", &text, 1);
    }
    if !resource.custom {
        return Ok(());
    }
    for (field, required) in [("spec", true), ("status", false)] {
        match object.get(field) {
            None if required => return invalid(field, "FieldValueRequired", "Required value", 1),
            None | Some(Value::Object(_)) => {}
            Some(other) => {
                let kind = json_type(other);
                let text = format!("Invalid value: \"{kind}\": {field} in body must be of type object: \"{kind}\"");
                return invalid(field, "FieldValueInvalid", &text, 1);
            }
        }
    }
    Ok(())
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The rule for annotation and label keys: an optional DNS prefix, a slash, a name of at most 63 characters.
fn qualified_name_problem(key: &str) -> Option<&'static str> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Some("prefix part a lowercase RFC 1123 subdomain is required");
    }
    match name {
        "" => Some("name part must be non-empty"),
        name if name.len() > 63 => Some("name part must be no more than 63 characters"),
        name if !is_word(name) => Some(NAME_PART),
        _ => None,
    }
}

fn label_value_problem(value: &str) -> Option<&'static str> {
    match value {
        "" => None,
        value if value.len() > 63 => Some("must be no more than 63 characters"),
        value if !is_word(value) => Some(LABEL_VALUE),
        _ => None,
    }
}

fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
            bytes.iter().all(inner) && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
        })
}

/// Moves `stringData` of a Secret into `data`, as the API server does on every write.
fn encode_secret(resource: &Resource, object: &mut Value) {
    use base64::Engine;
    if resource.kind != "Secret" {
        return;
    }
    let Some(Value::Object(plain)) = object.as_object_mut().and_then(|map| map.shift_remove("stringData")) else {
        return;
    };
    for (key, value) in plain {
        let text = value.as_str().unwrap_or_default();
        object["data"][key] = base64::engine::general_purpose::STANDARD.encode(text).into();
    }
}

/// Records who wrote last. The real list says which fields too; no client of ours reads them.
fn note_manager(object: &mut Value, manager: &str, resource: &Resource) {
    let entry = json!({
        "apiVersion": resource.api_version(), "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}},
        "manager": manager, "operation": "Update", "time": now(),
    });
    let fields = &mut object["metadata"]["managedFields"];
    let mut entries = fields.as_array().cloned().unwrap_or_default();
    entries.retain(|entry| entry["manager"] != manager);
    entries.push(entry);
    *fields = entries.into();
}

fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).expect("the same time without its fraction").to_string()
}

/// A different identifier for every object ever created, in the form of a UUID.
fn uid(resource: &Resource, key: &Key, serial: u64) -> String {
    let hash = digest(format!("{} {key:?} {serial} {}", resource.qualified(), std::process::id()).as_bytes());
    let hex = hash.trim_start_matches("sha256:");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}
