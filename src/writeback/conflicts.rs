//! Two images of one Application that would be written to the same place.

use std::collections::BTreeMap;

use crate::annotations::keys;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::model::decision::Reason;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::model::plan::Field;
use crate::model::plan::Renderer;
use crate::writeback::Placement;
use crate::writeback::helm;
use crate::writeback::helm::Parameters;

/// What one image will be: the rule, where it is written, and the version it is meant to have, once that is known.
pub(crate) struct Intent<'a> {
    pub(crate) rule: &'a ImageRule,
    pub(crate) placement: &'a Placement,
    pub(crate) version: Option<&'a Version>,
}

/// What an image puts into one place.
#[derive(Clone, Copy)]
enum Value<'a> {
    Name(&'a Repository),
    Version(Option<&'a Version>),
    Both(&'a Repository, Option<&'a Version>),
}

impl Value<'_> {
    /// Whether both cannot stand in one place. A version that is not known yet fits any.
    fn differs(self, other: Self) -> bool {
        let differ = |one: Option<&Version>, other: Option<&Version>| one.is_some() && other.is_some() && one != other;
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one != other,
            (Self::Version(one), Self::Version(other)) => differ(one, other),
            (Self::Both(one, ours), Self::Both(other, theirs)) => one != other || differ(ours, theirs),
            _ => true,
        }
    }
}

/// One value of an image, and where it goes.
struct Write<'a> {
    rule: &'a ImageRule,
    destination: &'a Destination,
    field: Field,
    value: Value<'a>,
}

impl Write<'_> {
    /// The place, with two spellings of one image name as the same: they may end up in one entry.
    fn place(&self) -> (&Destination, Field) {
        let field = match &self.field {
            Field::KustomizeImage(name) => Reference::parse(name).repository().ok().map(|name| name.to_string()),
            _ => None,
        };
        (self.destination, field.map_or_else(|| self.field.clone(), Field::KustomizeImage))
    }
}

/// Finds the images whose values would overwrite each other, by position in the image list.
///
/// Equal values are one change; different ones make every image of that place invalid, where Image Updater lets the
/// last one win.
pub(crate) fn conflicts(intents: &[Intent<'_>]) -> BTreeMap<usize, Invalid> {
    let writes: Vec<Write<'_>> = intents.iter().flat_map(writes).collect();
    let mut places: BTreeMap<_, Vec<&Write<'_>>> = BTreeMap::new();
    for write in &writes {
        places.entry(write.place()).or_default().push(write);
    }
    let mut conflicts = BTreeMap::new();
    for writes in places.into_values() {
        let at_odds = writes.iter().any(|one| writes.iter().any(|other| one.value.differs(other.value)));
        if !at_odds {
            continue;
        }
        let labels: Vec<_> = writes.iter().map(|write| format!("`{}`", write.rule.label())).collect();
        let (field, way_out) = (&writes[0].field, way_out(&writes[0].field));
        let message = format!("{field} would be written for {}, each with another value; {way_out}", labels.join(", "));
        for write in writes {
            let invalid = || Invalid::new(Reason::ConflictingTargets, message.clone());
            conflicts.entry(write.rule.position).or_insert_with(invalid);
        }
    }
    conflicts
}

fn way_out(field: &Field) -> String {
    let keys = match field {
        Field::KustomizeImage(_) => [keys::KUSTOMIZE_IMAGE_NAME].as_slice(),
        _ => &[keys::HELM_IMAGE_NAME, keys::HELM_IMAGE_TAG],
    };
    let keys: Vec<_> = keys.iter().map(|key| format!("`<alias>.{key}`")).collect();
    format!("give each its own {}", keys.join(" and "))
}

/// What an image is written with.
fn writes<'a>(intent: &Intent<'a>) -> Vec<Write<'a>> {
    let Intent { rule, placement, version } = *intent;
    let (Ok(settings), Some(repository)) = (&rule.settings, &rule.repository) else { return Vec::new() };
    let Some(renderer) = placement.renderer else { return Vec::new() };
    let write = |field, value| Write { rule, destination: &placement.destination, field, value };
    let parameter = |name: &str| placement.helm_field(name);
    match renderer {
        Renderer::Helm => match helm::parameters(&settings.targets) {
            Parameters::Spec(spec) => vec![write(parameter(spec), Value::Both(repository, version))],
            Parameters::NameAndTag { name, tag } => {
                vec![write(parameter(name), Value::Name(repository)), write(parameter(tag), Value::Version(version))]
            }
        },
        Renderer::Kustomize => {
            let name = settings.targets.kustomize_name.clone().unwrap_or_else(|| rule.name.name());
            vec![write(Field::KustomizeImage(name), Value::Both(repository, version))]
        }
    }
}
