//! Pins and what takes them back, as changes: a version, a hold that a running Image Updater obeys, and the record of
//! both. Pure; `apply` writes them like any other change.

use jiff::Timestamp;

use crate::annotations;
use crate::annotations::HOLD;
use crate::annotations::keys;
use crate::annotations::pin_record;
use crate::annotations::rule::AppRules;
use crate::annotations::rule::ImageRule;
use crate::error::Error;
use crate::model::application::Application;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::pin::Replaced;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::ImageChange;
use crate::model::plan::Seen;
use crate::writeback;
use crate::writeback::Intent;
use crate::writeback::Placement;
use crate::writeback::Placements;

/// What a pin is to be, besides its version.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) reason: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

/// The version that an image is held at.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// The one it has: only the hold is written.
    Standing(Version),
    /// One that the user named, which is written too.
    Named(Version),
}

impl Wanted {
    pub(crate) fn version(&self) -> &Version {
        match self {
            Self::Standing(version) | Self::Named(version) => version,
        }
    }
}

/// One image of an Application, and where it is written.
#[derive(Clone, Copy)]
pub(crate) struct Image<'a> {
    pub(crate) application: &'a Application,
    pub(crate) rules: &'a AppRules,
    pub(crate) rule: &'a ImageRule,
    pub(crate) placement: &'a Placement,
    /// Where the others are written.
    pub(crate) placements: &'a Placements,
}

/// Finds the entry that the user means by its alias, or by its image text if it has none.
///
/// # Errors
/// No entry has that name.
pub(crate) fn entry<'a>(application: &Application, rules: &'a AppRules, name: &str) -> Result<&'a ImageRule, Error> {
    let found = rules.images.iter().find(|rule| rule.alias.as_deref() == Some(name)).or_else(|| {
        rules.images.iter().find(|rule| rule.alias.is_none() && (rule.image == name || rule.name.name() == name))
    });
    found.ok_or_else(|| {
        let labels: Vec<_> = rules.images.iter().map(ImageRule::label).collect();
        let error = Error::usage(format!("{} has no image `{name}`", application.key));
        match annotations::nearest(name, labels.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("its images are: {}", labels.join(", "))),
        }
    })
}

/// The changes that hold an image at a version, in the order in which they are written, and the pin they record.
///
/// # Errors
/// The image cannot be handled, or nothing could record the pin.
pub(crate) fn pin(image: Image<'_>, wanted: &Wanted, terms: Terms) -> Result<(Vec<Change>, Pin), Error> {
    let rule = image.rule;
    let places = image.places()?;
    let repository =
        rule.repository.clone().ok_or_else(|| Error::failed(format!("`{}` is not an image", rule.label())))?;
    let version_edits = match wanted {
        Wanted::Standing(_) => Vec::new(),
        Wanted::Named(version) => {
            image.refuse_conflicts(version)?;
            image.version_edits(version)
        }
    };
    let Terms { reason, by, at, until } = terms;
    let replaced = image.replaced(&places, &version_edits);
    let version = wanted.version().clone();
    let mut pin = Pin { reference: repository.clone(), version: version.clone(), reason, by, at, until, replaced };
    let mut edits = vec![image.annotation_edit(&places.hold, Some(HOLD.to_owned()))];
    match &rule.pin {
        // Whoever says the same again changes nothing, not even when it was said first.
        Some(standing) if (Pin { at, by: pin.by.clone(), ..standing.clone() }) == pin => pin.clone_from(standing),
        _ => {
            let record = pin_record::write(&pin).map_err(Error::usage)?;
            edits.push(image.annotation_edit(&places.record, Some(record)));
        }
    }
    edits.extend(version_edits);
    let because = pin.reason.clone().unwrap_or_else(|| "pinned".to_owned());
    let from = image.placement.configured.clone();
    let change = ImageChange { alias: rule.alias.clone(), reference: repository, from, to: version, because };
    Ok((image.changes(edits, &change), pin))
}

/// What `unpin` does, and what it leaves because somebody else changed it.
#[derive(Debug)]
pub(crate) struct Unpinned {
    /// In the order in which they are written.
    pub(crate) changes: Vec<Change>,
    pub(crate) kept: Vec<String>,
}

/// The changes that let an image move again: annotations as they were before the pin, and with `restore_version` the
/// version too.
///
/// # Errors
/// The image is not pinned, or cannot be handled.
pub(crate) fn unpin(image: Image<'_>, restore_version: bool) -> Result<Unpinned, Error> {
    let (application, rule) = (image.application, image.rule);
    let places = image.places()?;
    let pin = rule
        .pin
        .as_ref()
        .ok_or_else(|| Error::usage(format!("`{}` of {} is not pinned", rule.label(), application.key)))?;
    let mut edits = vec![image.annotation_edit(&places.record, None)];
    let mut kept = Vec::new();
    let before = pin.replaced.iter().find(|replaced| replaced.field.is_annotation_of(&places.hold));
    match (image.annotation(&places.hold), before) {
        (Some(HOLD), Some(before)) => edits.push(image.annotation_edit(&places.hold, before.value.clone())),
        (Some(_), Some(_)) => kept.push(format!("annotation `{}` was edited since, and is kept as it is", places.hold)),
        (None, Some(_)) => kept.push(format!("annotation `{}` was removed since, and stays so", places.hold)),
        (_, None) => kept.push(format!("the pin does not record annotation `{}`, which is kept as it is", places.hold)),
    }
    let mut to = image.placement.configured.clone().unwrap_or_else(|| pin.version.clone());
    if restore_version && image.is_at(&pin.version) {
        edits.extend(image.restoring_edits(pin));
        to = image.version_after(&edits).unwrap_or(to);
    } else if restore_version {
        kept.push("the version was changed since, and is kept as it is".to_owned());
    }
    let change = ImageChange {
        alias: rule.alias.clone(),
        reference: pin.reference.clone(),
        from: image.placement.configured.clone(),
        to,
        because: "unpinned".to_owned(),
    };
    let mut changes = image.changes(edits, &change);
    // The hold goes last: while it is there nobody else moves the image.
    changes.reverse();
    Ok(Unpinned { changes, kept })
}

/// The two annotations that a pin is made of.
struct Places {
    hold: String,
    record: String,
}

impl<'a> Image<'a> {
    /// Where its pin is written.
    fn places(&self) -> Result<Places, Error> {
        let (rule, rules, key) = (self.rule, self.rules, &self.application.key);
        let record_key = |rule: &ImageRule| annotations::record_key(rule.alias.as_deref(), rules.images.len());
        let Some(record) = record_key(rule) else {
            let error = format!("`{}` of {key} needs an alias that annotations can be named after", rule.label());
            return Err(Error::failed(error).hint(self.list_with_alias()));
        };
        let same: Vec<_> = rules.images.iter().filter(|other| record_key(other).as_ref() == Some(&record)).collect();
        if same.len() > 1 {
            let error = format!("{} images of {key} go by the alias `{}`", same.len(), rule.label());
            return Err(Error::failed(error).hint("give each its own alias: they would share one pin"));
        }
        let alias = rule.alias.as_deref().filter(|alias| keys::can_be_pinned(alias));
        Ok(Places { hold: keys::for_hold(alias), record })
    }

    /// The image list with an alias added, for example.
    fn list_with_alias(&self) -> String {
        let mut new = (1..).map(|number| format!("image{number}"));
        let taken = |alias: &String| self.rules.images.iter().any(|rule| rule.alias.as_ref() == Some(alias));
        let new = new.find(|alias| !taken(alias)).unwrap_or_default();
        let entries: Vec<_> = self
            .rules
            .images
            .iter()
            .map(|other| {
                let constraint = other.constraint.as_ref().map_or_else(String::new, |text| format!(":{text}"));
                let alias = if other.position == self.rule.position { Some(&new) } else { other.alias.as_ref() };
                let alias = alias.map_or_else(String::new, |alias| format!("{alias}="));
                format!("{alias}{}{constraint}", other.image)
            })
            .collect();
        format!("for example {}: {}", keys::for_application(keys::IMAGE_LIST), entries.join(", "))
    }

    /// Refuses a version that would overwrite what another image of the Application is set to.
    fn refuse_conflicts(&self, version: &Version) -> Result<(), Error> {
        let others: Vec<_> = self
            .rules
            .images
            .iter()
            .filter(|other| other.position != self.rule.position)
            .filter_map(|other| {
                let key = (self.application.key.clone(), other.position);
                Some((other, self.placements.get(&key)?.as_ref().ok()?))
            })
            .collect();
        let intents: Vec<_> = others
            .iter()
            .map(|(rule, placement)| (*rule, *placement, placement.configured.as_ref()))
            .chain([(self.rule, self.placement, Some(version))])
            .map(|(rule, placement, version)| Intent {
                application: &self.application.key,
                rule,
                placement,
                version,
                is_written: true,
            })
            .collect();
        let own = (self.application.key.clone(), self.rule.position);
        match writeback::conflicts(&intents, false).into_iter().find(|conflict| conflict.images.contains(&own)) {
            Some(conflict) => Err(Error::failed(format!("`{}`: {}", self.rule.label(), conflict.invalid().message))),
            None => Ok(()),
        }
    }

    fn annotation(&self, key: &str) -> Option<&'a str> {
        self.application.annotations.get(key).map(String::as_str)
    }

    fn annotation_edit(&self, key: &str, to: Option<String>) -> Edit {
        Edit { field: Field::Annotation(key.to_owned()), from: self.annotation(key).map(str::to_owned), to }
    }

    /// What stood in each place before the image was pinned, however often it is pinned again.
    fn replaced(&self, places: &Places, version_edits: &[Edit]) -> Vec<Replaced> {
        let field = Field::Annotation(places.hold.clone());
        let now = self.annotation(&places.hold);
        let mut before: Vec<Replaced> = self.rule.pin.iter().flat_map(|pin| pin.replaced.iter().cloned()).collect();
        // A hold that somebody edited since is what will have been there before the new one.
        before.retain(|replaced| !replaced.field.is_annotation() || (replaced.field == field && now == Some(HOLD)));
        let hold = Replaced { field, value: now.map(str::to_owned) };
        let values = version_edits.iter().map(|edit| Replaced { field: edit.field.clone(), value: edit.from.clone() });
        for replaced in std::iter::once(hold).chain(values) {
            if before.iter().all(|known| known.field != replaced.field) {
                before.push(replaced);
            }
        }
        before
    }

    /// The edits that set a version; none if it is the one that is set, however it is.
    fn version_edits(&self, version: &Version) -> Vec<Edit> {
        if self.placement.configured.as_ref() == Some(version) {
            return Vec::new();
        }
        self.placement.edits(self.rule, version)
    }

    /// Whether nothing has to be written to set a version.
    fn is_at(&self, version: &Version) -> bool {
        self.version_edits(version).is_empty()
    }

    /// The edits that put back the version that a pin replaced.
    fn restoring_edits(&self, pin: &Pin) -> Vec<Edit> {
        let of_version = pin.replaced.iter().filter(|replaced| !replaced.field.is_annotation());
        of_version
            .map(|replaced| Edit {
                field: replaced.field.clone(),
                from: self.placement.value_of(&replaced.field),
                to: replaced.value.clone(),
            })
            .collect()
    }

    /// The version that is configured once `edits` are made.
    fn version_after(&self, edits: &[Edit]) -> Option<Version> {
        self.placement.version_after(self.rule, edits)
    }

    /// The changes with these edits: one to the Application, and with method `git` another to the file.
    fn changes(&self, mut edits: Vec<Edit>, image: &ImageChange) -> Vec<Change> {
        edits.retain(|edit| edit.from != edit.to);
        let in_git = self.placement.git.is_some();
        let (annotations, values): (Vec<_>, Vec<_>) =
            edits.into_iter().partition(|edit| edit.field.is_annotation() || !in_git);
        let only_annotations = annotations.iter().all(|edit| edit.field.is_annotation());
        let to_application =
            if only_annotations { Destination::ANNOTATIONS } else { self.placement.destination.clone() };
        let first = self.change(annotations, image, to_application);
        let second = (!values.is_empty()).then(|| self.change(values, image, self.placement.destination.clone()));
        std::iter::once(first).chain(second).collect()
    }

    fn change(&self, edits: Vec<Edit>, image: &ImageChange, destination: Destination) -> Change {
        Change {
            id: format!("{}#{}", self.application.key, self.rule.position + 1),
            application: self.application.key.clone(),
            uid: self.application.uid.clone(),
            images: vec![image.clone()],
            destination,
            edits,
            seen: Seen { resource_version: self.application.resource_version.clone(), ..Seen::default() },
        }
    }
}

#[cfg(test)]
mod tests;
