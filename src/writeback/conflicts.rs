//! Images that would be written to the same place: of one Application, or of several that share a file.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::annotations::keys;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::model::application::ApplicationKey;
use crate::model::decision::Reason;
use crate::model::git_url::GitUrl;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::model::plan::Field;
use crate::model::plan::GitTarget;
use crate::model::plan::Renderer;
use crate::writeback::Placement;
use crate::writeback::helm;
use crate::writeback::helm::Parameters;

/// What one image will be: the rule, where it is written, the version it is meant to have, once that is known, and whether
/// anything is going to be written for it.
pub(crate) struct Intent<'a> {
    pub(crate) application: &'a ApplicationKey,
    pub(crate) rule: &'a ImageRule,
    pub(crate) placement: &'a Placement,
    pub(crate) version: Option<&'a Version>,
    pub(crate) is_written: bool,
}

/// Images that would overwrite each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// By Application and position in the image list.
    pub(crate) images: BTreeSet<(ApplicationKey, usize)>,
    pub(crate) message: String,
    pub(crate) way_out: String,
}

impl Conflict {
    /// What each of the images is.
    pub(crate) fn invalid(&self) -> Invalid {
        Invalid::new(Reason::ConflictingTargets, format!("{}; {}", self.message, self.way_out))
    }
}

/// What an image puts into one place.
#[derive(Clone, Copy)]
enum Value<'a> {
    Name(&'a Repository),
    Version(Option<&'a Version>),
    Both(&'a Repository, Option<&'a Version>),
}

impl Value<'_> {
    /// Whether both cannot stand in one place. A version that is not known yet fits any, and so does every one if none is
    /// written: whoever set what stands there now did not ask for more.
    fn differs(self, other: Self, is_written: bool) -> bool {
        let differ = |one: Option<&Version>, other: Option<&Version>| {
            is_written && one.is_some() && other.is_some() && one != other
        };
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
    application: &'a ApplicationKey,
    rule: &'a ImageRule,
    destination: &'a Destination,
    field: Field,
    value: Value<'a>,
    is_written: bool,
}

/// What values stand in: an object, or a file, which several Applications may share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Holder<'a> {
    Object(&'a ApplicationKey, &'a Destination),
    File { repository: String, branch: Option<&'a str>, path: &'a str },
}

impl Write<'_> {
    /// The place, with two spellings of one image name as the same: they may end up in one entry.
    fn place(&self, one_folder: bool) -> (Holder<'_>, Field) {
        let field = match &self.field {
            Field::KustomizeImage(name) => Reference::parse(name).repository().ok().map(|name| name.to_string()),
            _ => None,
        };
        let holder = match self.destination {
            Destination::Git(GitTarget { path: Some(path), .. }) if one_folder => {
                Holder::File { repository: String::new(), branch: None, path }
            }
            Destination::Git(GitTarget { path: Some(path), repository, branch, .. }) => {
                let repository = GitUrl::parse(repository).map_or_else(|_| repository.clone(), |url| url.place());
                Holder::File { repository, branch: branch.as_deref(), path }
            }
            destination => Holder::Object(self.application, destination),
        };
        (holder, field.map_or_else(|| self.field.clone(), Field::KustomizeImage))
    }
}

/// Finds the images whose values would overwrite each other. `one_folder`: whatever repositories are named, files are
/// those of one folder.
///
/// Equal values are one change; different ones make every image of that place invalid, where Image Updater lets the
/// last one win. Versions are only at odds if one of them is written; different images cannot share a place at all.
pub(crate) fn conflicts(intents: &[Intent<'_>], one_folder: bool) -> Vec<Conflict> {
    let writes: Vec<Write<'_>> = intents.iter().flat_map(writes).collect();
    let mut places: BTreeMap<_, Vec<&Write<'_>>> = BTreeMap::new();
    for write in &writes {
        places.entry(write.place(one_folder)).or_default().push(write);
    }
    let mut conflicts: Vec<Conflict> = Vec::new();
    for writes in places.into_values() {
        let is_written = writes.iter().any(|write| write.is_written);
        let at_odds = writes.iter().any(|one| writes.iter().any(|other| one.value.differs(other.value, is_written)));
        if !at_odds {
            continue;
        }
        let conflict = conflict(&writes);
        // Name and tag of the same images are one conflict.
        if conflicts.iter().all(|known| known.images != conflict.images) {
            conflicts.push(conflict);
        }
    }
    conflicts
}

fn conflict(writes: &[&Write<'_>]) -> Conflict {
    let images = writes.iter().map(|write| (write.application.clone(), write.rule.position)).collect();
    let field = &writes[0].field;
    let applications: BTreeSet<_> = writes.iter().map(|write| write.application).collect();
    if applications.len() == 1 {
        let labels: Vec<_> = writes.iter().map(|write| format!("`{}`", write.rule.label())).collect();
        let message = format!("{field} would be written for {}, each with another value", labels.join(", "));
        return Conflict { images, message, way_out: way_out(field) };
    }
    let path = match writes[0].destination {
        Destination::Git(GitTarget { path: Some(path), .. }) => format!(" of {path}"),
        _ => String::new(),
    };
    let label = |write: &&Write<'_>| format!("`{}` of {}", write.rule.label(), write.application);
    let labels: Vec<_> = writes.iter().map(label).collect();
    let message = format!("{field}{path} would be written for {}, each with another value", labels.join(" and "));
    Conflict { images, message, way_out: "let each Application have a file or keys of its own".to_owned() }
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
    let Intent { application, rule, placement, version, is_written } = *intent;
    let (Ok(settings), Some(repository)) = (&rule.settings, &rule.repository) else { return Vec::new() };
    let Some(renderer) = placement.renderer else { return Vec::new() };
    let write =
        |field, value| Write { application, rule, destination: &placement.destination, field, value, is_written };
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
