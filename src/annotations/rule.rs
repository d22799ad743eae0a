//! What the annotations of an Application say, read once into types.

use crate::annotations::tag_filter::TagFilter;
use crate::model::choosing::MinAge;
use crate::model::choosing::PinDigest;
use crate::model::choosing::Wish;
use crate::model::decision::Reason;
use crate::model::diagnostic::Place;
use crate::model::image::Platforms;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::login_source::LoginSource;
use crate::model::pin::Pin;
use crate::strategy::Policy;
use crate::strategy::Strategy;

/// Everything the annotations of one Application say.
#[derive(Debug)]
pub(crate) struct AppRules {
    pub(crate) write_back: Result<WriteBack, Invalid>,
    /// One per entry of the image list, in its order.
    pub(crate) images: Vec<ImageRule>,
}

impl AppRules {
    /// Which login is named for the repository that is written to.
    pub(crate) fn git_login(&self) -> Option<&str> {
        match &self.write_back {
            Ok(WriteBack::Git(git)) => git.login.as_deref(),
            _ => None,
        }
    }
}

/// Where updates of an Application are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteBack {
    /// Into the Application object.
    Argocd,
    /// Into a file of a git repository.
    Git(GitWriteBack),
}

/// The settings of method `git`, as far as they are read without looking into the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GitWriteBack {
    /// The part of `write-back-method` after `git:`.
    pub(crate) login: Option<String>,
    pub(crate) target: Option<String>,
    /// Base branch, the part of `git-branch` before `:`.
    pub(crate) branch: Option<String>,
    /// Template of the branch that is pushed, the part after `:`.
    pub(crate) push_branch: Option<String>,
    pub(crate) repository: Option<String>,
}

/// One entry of an image list with its settings.
#[derive(Debug)]
pub(crate) struct ImageRule {
    /// Place in the list, from 0.
    pub(crate) position: usize,
    pub(crate) alias: Option<String>,
    /// The text without alias and constraint.
    pub(crate) image: String,
    pub(crate) name: Reference,
    /// `None` if the text is not an image.
    pub(crate) repository: Option<Repository>,
    pub(crate) constraint: Option<String>,
    /// Strategy name, or the text that is not one.
    pub(crate) strategy_text: String,
    pub(crate) settings: Result<Settings, Invalid>,
    pub(crate) pin: Option<Pin>,
    /// What the command line says about it; the annotations say nothing of the kind.
    pub(crate) wish: Wish,
}

impl ImageRule {
    /// Whether it is the entry for an image of a plan.
    pub(crate) fn is_of(&self, alias: Option<&str>, repository: &Repository) -> bool {
        self.alias.as_deref() == alias && self.repository.as_ref() == Some(repository)
    }

    /// How people name the entry: its alias, or its image text.
    pub(crate) fn label(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.image)
    }
}

/// The settings of one image, all of them legal.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) strategy: &'static Strategy,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) filter: TagFilter,
    /// `None`: not annotated.
    pub(crate) platforms: Option<Platforms>,
    pub(crate) force_update: bool,
    pub(crate) pin_digest: PinDigest,
    /// `None`: however young.
    pub(crate) min_age: Option<MinAge>,
    pub(crate) targets: Targets,
    /// Where the image's own login stands.
    pub(crate) pull_secret: Option<PullSecret>,
}

/// An annotation that names a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PullSecret {
    pub(crate) source: LoginSource,
    /// Where it says so.
    pub(crate) place: Place,
}

/// The names under which an image is set where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets {
    pub(crate) helm_name: Option<String>,
    pub(crate) helm_tag: Option<String>,
    pub(crate) helm_spec: Option<String>,
    pub(crate) kustomize_name: Option<String>,
}

impl Targets {
    pub(crate) fn wants_helm(&self) -> bool {
        self.helm_name.is_some() || self.helm_tag.is_some() || self.helm_spec.is_some()
    }

    pub(crate) fn wants_kustomize(&self) -> bool {
        self.kustomize_name.is_some()
    }
}

/// Why an image cannot be handled as its annotations stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Invalid {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
