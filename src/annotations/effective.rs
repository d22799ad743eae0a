//! The annotations that an Application is evaluated with: the ones it has, without the holds that pins put there.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::annotations::image_list::Entry;
use crate::annotations::keys;
use crate::annotations::pin_record;
use crate::annotations::reader::Found;
use crate::model::application::Application;
use crate::model::pin::Pin;
use crate::model::plan::Field;

/// The value that holds an image back: every tag matches it.
pub(crate) const HOLD: &str = "*";

/// A pin record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnreadablePin {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) why: String,
}

/// Annotations as they were before any pin, and the pins themselves.
pub(super) struct Effective {
    annotations: BTreeMap<String, Arc<str>>,
    /// By annotation key of the record.
    pins: BTreeMap<String, Result<Pin, UnreadablePin>>,
}

/// Reads the pins of an Application and takes back, in the copy returned, what they replaced: an image is evaluated
/// as it would be without its pin. A hold that somebody edited since is theirs, and stays.
pub(super) fn read(application: &Application, entries: &[Entry]) -> Effective {
    let mut annotations: BTreeMap<String, Arc<str>> =
        application.annotations.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    let mut pins = BTreeMap::new();
    let places: BTreeMap<_, _> = entries
        .iter()
        .filter_map(|entry| {
            let alias = entry.alias.as_deref();
            let hold = keys::for_hold(alias.filter(|alias| keys::can_be_pinned(alias)));
            Some((record_key(alias, entries.len())?, hold))
        })
        .collect();
    for (key, hold) in places {
        let Some(text) = application.annotations.get(&key) else { continue };
        let pin = pin_record::read(text, &hold);
        for (hold, before) in pin.iter().flat_map(holds) {
            if annotations.get(hold).is_some_and(|value| **value == *HOLD) {
                match before {
                    Some(before) => annotations.insert(hold.to_owned(), before.into()),
                    None => annotations.remove(hold),
                };
            }
        }
        let pin = pin.map_err(|why| UnreadablePin { key: key.clone(), text: text.clone(), why });
        pins.insert(key, pin);
    }
    Effective { annotations, pins }
}

/// The hold of a pin, and what stood there before. A record is anybody's to edit: no other annotation that it names
/// is a pin's.
fn holds(pin: &Pin) -> impl Iterator<Item = (&str, Option<&str>)> {
    pin.replaced.iter().filter_map(|replaced| match &replaced.field {
        Field::Annotation(key) if keys::is_hold(key) => Some((key.as_str(), replaced.value.as_deref())),
        _ => None,
    })
}

/// Where the pin of an entry is recorded; `None` if it cannot have one: its alias is not a legal key, and it is not
/// the Application's sole entry.
pub(crate) fn record_key(alias: Option<&str>, entries: usize) -> Option<String> {
    own_key(keys::PIN, alias, entries)
}

/// Where something of ours stands for an entry, by the rule for pins.
fn own_key(key: &str, alias: Option<&str>, entries: usize) -> Option<String> {
    match alias {
        Some(alias) if keys::can_be_pinned(alias) => Some(keys::for_own(key, Some(alias))),
        _ if entries == 1 => Some(keys::for_own(key, None)),
        _ => None,
    }
}

impl Effective {
    /// The pin of an entry.
    ///
    /// # Errors
    /// The record is there but cannot be read.
    pub(super) fn pin(&self, alias: Option<&str>, entries: usize) -> Result<Option<Pin>, UnreadablePin> {
        record_key(alias, entries).and_then(|key| self.pins.get(&key).cloned()).transpose()
    }

    /// A setting of ours for one of so many entries, unless it is empty.
    pub(super) fn own(&self, key: &str, alias: Option<&str>, entries: usize) -> Option<Found<'_>> {
        self.get(&own_key(key, alias, entries)?).filter(|found| !found.trimmed().is_empty())
    }

    /// The setting of one image, unless it is empty.
    pub(super) fn of_image(&self, alias: &str, key: &str) -> Option<Found<'_>> {
        self.of_image_even_empty(alias, key).filter(|found| !found.trimmed().is_empty())
    }

    /// The alias is tried as it is, then with `_` for `/`, as Image Updater's documentation has it. (The API server
    /// takes no key with the former, but a manifest may hold one.)
    pub(super) fn of_image_even_empty(&self, alias: &str, key: &str) -> Option<Found<'_>> {
        let raw = format!("{}{alias}.{key}", keys::PREFIX);
        self.get(&raw).or_else(|| self.get(&keys::for_alias(alias, key)))
    }

    /// The setting of the whole Application, unless it is empty.
    pub(super) fn of_application(&self, key: &str) -> Option<Found<'_>> {
        self.of_application_even_empty(key).filter(|found| !found.trimmed().is_empty())
    }

    pub(super) fn of_application_even_empty(&self, key: &str) -> Option<Found<'_>> {
        self.get(&keys::for_application(key))
    }

    fn get(&self, key: &str) -> Option<Found<'_>> {
        self.annotations.get_key_value(key).map(|(key, value)| Found { key, value })
    }
}
