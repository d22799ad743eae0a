//! Whether a change still goes where the plan says, by the annotations as they are now.

use crate::annotations::rule::AppRules;
use crate::annotations::rule::ImageRule;
use crate::model::application::Application;
use crate::model::application::SourceId;
use crate::model::image::Version;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Field;
use crate::model::plan::ImageChange;
use crate::writeback;
use crate::writeback::Placement;

/// The rule of an image of a change, if the list still has it.
pub(super) fn rule_of<'a>(image: &ImageChange, rules: &'a AppRules) -> Option<&'a ImageRule> {
    rules.images.iter().find(|rule| rule.is_of(image.alias.as_deref(), &image.reference))
}

/// The source of a plan as a user would choose it now.
pub(super) fn chosen(application: &Application, source: Option<&SourceId>) -> Option<String> {
    let index = application.sources.iter().position(|found| source.is_some_and(|id| id.matches(found)))?;
    Some(index.to_string())
}

/// Says why a change to an Application goes elsewhere now. Rules that cannot be read for another reason, such as a
/// strategy that nobody knows, are not asked: what they decide was decided when the plan was made.
pub(super) fn moved(found: &Application, rules: &AppRules, change: &Change) -> Option<String> {
    let Destination::Application { source, renderer } = &change.destination else { return None };
    let rule = change.images.iter().find_map(|image| rule_of(image, rules)).filter(|rule| rule.settings.is_ok())?;
    let place = match writeback::placement(found, rules, rule, chosen(found, source.as_ref()).as_deref()) {
        Ok(place) => place,
        Err(invalid) => return Some(format!("it cannot be written any more: {}", invalid.message)),
    };
    // Where only the folder of the source tells what renders it, the plan knows.
    let place = match (renderer, place.renderer) {
        (Some(then), None) => place.rendered_by(*then, rule).unwrap_or(place),
        _ => place,
    };
    match (renderer, place.renderer) {
        (Some(then), Some(now)) if *then != now => Some("its source is rendered by another tool now".to_owned()),
        _ => stray(change, rules, &place).map(elsewhere),
    }
}

/// What is said about a field that images are no longer written to.
pub(super) fn elsewhere(field: &Field) -> String {
    format!("`{}` is not where its images are written any more", field.at())
}

/// A field that a change would write, and its images are not written to any more.
pub(super) fn stray<'a>(change: &'a Change, rules: &AppRules, place: &Placement) -> Option<&'a Field> {
    let written: Vec<(&ImageRule, Version)> =
        change.images.iter().filter_map(|image| Some((rule_of(image, rules)?, change.written(image)))).collect();
    if written.iter().any(|(rule, version)| rule.settings.is_err() || version.is_empty()) {
        return None;
    }
    let open = change.edits.iter().filter(|edit| !edit.field.is_annotation() && place.value_of(&edit.field) != edit.to);
    let is_written = |field: &Field| written.iter().any(|(rule, version)| place.writes(rule, version, field));
    open.map(|edit| &edit.field).find(|field| !is_written(field))
}
