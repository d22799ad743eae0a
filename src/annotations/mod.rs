//! From the annotations of an Application to its rules: pure, total, and read once.
//!
//! [`parse`] never fails. What cannot be used makes the image it belongs to `Invalid`, with a diagnostic that points
//! into the annotation; the other images go on. To add an annotation: a constant and a row in `keys`, a field in
//! `rule`, and the function in `settings` or `write_back` that reads it.

use crate::model::application::Application;

use rule::AppRules;

mod advice;
mod effective;
pub(crate) mod glob;
mod go_regexp;
mod image_list;
pub(crate) mod keys;
mod lint;
mod own;
pub(crate) mod pin_record;
mod reader;
pub(crate) mod rule;
mod settings;
mod tag_filter;
mod write_back;

pub(crate) use effective::HOLD;
pub(crate) use effective::record_key;
pub(crate) use lint::nearest;

use crate::model::diagnostic::Diagnostic;

/// Reads the annotations of an Application; `None` if it has no image list at all.
pub(crate) fn parse(application: &Application) -> Option<(AppRules, Vec<Diagnostic>)> {
    let list = application.annotations.get(&keys::for_application(keys::IMAGE_LIST))?;
    let entries = image_list::parse(list);
    let effective = effective::read(application, &entries);
    let mut reader = reader::Reader::new(&effective, list);
    let entries = reader.usable(entries);
    let images =
        entries.iter().enumerate().map(|(position, entry)| reader.image(position, entry, entries.len())).collect();
    let write_back = reader.write_back();
    let mut diagnostics = reader.into_diagnostics();
    diagnostics.extend(lint::unknown_annotations(&application.annotations, &entries));
    diagnostics.extend(lint::aliases(&entries, list));
    let diagnostics = diagnostics.into_iter().map(|diagnostic| diagnostic.about(&application.key)).collect();
    Some((AppRules { write_back, images }, diagnostics))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
