//! A plan is a value: which edits, where, under which preconditions. Deciding makes it, applying executes it.

use std::fmt;

use jiff::Timestamp;

use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::decision::Decision;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Repository;
use crate::model::image::Version;

/// Everything one run decided to write, and everything it decided not to, with why.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) created: Timestamp,
    /// No image of the selection is `Undetermined` or `Invalid`, and every update found is among the changes.
    pub(crate) complete: bool,
    pub(crate) changes: Vec<Change>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The files that changes are about, as they are and as they would be.
    pub(crate) files: Vec<FileChange>,
}

/// A file in a repository before and after all changes of a plan to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileChange {
    pub(crate) repository: String,
    /// The branch that is pushed.
    pub(crate) branch: String,
    pub(crate) path: String,
    /// `None`: it is not there.
    pub(crate) before: Option<Vec<u8>>,
    pub(crate) after: Vec<u8>,
    /// The changes, by id.
    pub(crate) changes: Vec<String>,
}

/// One write to one destination of one Application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// `namespace/name#n`, n from 1 within the Application.
    pub(crate) id: String,
    pub(crate) application: ApplicationKey,
    /// `None` when planned from a manifest, or from a server that gives none.
    pub(crate) uid: Option<String>,
    pub(crate) images: Vec<ImageChange>,
    pub(crate) destination: Destination,
    /// Each carries the old value that must still be there when it is applied.
    pub(crate) edits: Vec<Edit>,
    pub(crate) seen: Seen,
}

/// What was looked at when a plan was made, for information only: a difference here alone never makes a plan stale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The resourceVersion of the Application.
    pub(crate) resource_version: Option<String>,
    /// The commit at the head of the branch.
    pub(crate) commit: Option<String>,
    /// The git object that holds the file.
    pub(crate) blob: Option<String>,
}

impl Change {
    /// Whether it was planned from a manifest, which cannot be applied to a cluster: only what a cluster keeps has an
    /// identity or a version.
    pub(crate) fn is_of_manifest(&self) -> bool {
        self.uid.is_none() && self.seen.resource_version.is_none()
    }

    /// Whether it sets a pin or takes one back: only that writes annotations.
    pub(crate) fn is_pin(&self) -> bool {
        self.edits.iter().any(|edit| matches!(edit.field, Field::Annotation(_)))
    }

    /// The version of an image as this change writes it: with the digest behind the tag only if that is written too.
    pub(crate) fn written(&self, image: &ImageChange) -> Version {
        let writes =
            |digest: &str| self.edits.iter().any(|edit| edit.to.as_deref().is_some_and(|to| to.contains(digest)));
        let digest = image.to.digest.clone().filter(|digest| image.to.tag.is_none() || writes(digest));
        Version { tag: image.to.tag.clone(), digest }
    }

    /// The file that it is written to, with method `git`.
    pub(crate) fn git(&self) -> Option<&GitTarget> {
        match &self.destination {
            Destination::Git(target) => Some(target),
            Destination::Application { .. } => None,
        }
    }

    /// Whether Argo CD renders anything differently for this change, or only annotations are written.
    pub(crate) fn is_rendered(&self) -> bool {
        self.edits.iter().any(|edit| !edit.field.is_annotation())
    }
}

/// What a change does to one image, for people, receipts and commit messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageChange {
    pub(crate) alias: Option<String>,
    pub(crate) reference: Repository,
    pub(crate) from: Option<Version>,
    /// With the digest behind the tag when the plan was made, if it could be had; it is a precondition too.
    pub(crate) to: Version,
    pub(crate) because: String,
}

impl ImageChange {
    /// What people call the image: its alias, or the image itself.
    pub(crate) fn label(&self) -> String {
        self.alias.clone().unwrap_or_else(|| self.reference.to_string())
    }
}

/// Where a change is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Destination {
    /// Method `argocd`: the Application object.
    Application {
        /// The source of several that is edited; `None` for the only one.
        source: Option<SourceId>,
        /// `None` when only annotations are written.
        renderer: Option<Renderer>,
    },
    /// Method `git`: a file in a repository.
    Git(GitTarget),
}

/// A file in a git repository, on a branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GitTarget {
    pub(crate) repository: String,
    /// The branch that is looked at; `None`: the one that the repository's HEAD names, until that is known.
    pub(crate) branch: Option<String>,
    /// The branch that is pushed, once it is known.
    pub(crate) push_branch: Option<String>,
    /// What the annotation says.
    pub(crate) target: Option<String>,
    pub(crate) kind: FileKind,
    /// From the root of the repository; `None` until it is known which of several names the file has.
    pub(crate) path: Option<String>,
    /// The source of several that it belongs to.
    pub(crate) source: Option<SourceId>,
}

/// What a file in a repository is to Argo CD, Kustomize or Helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileKind {
    /// `.argocd-source-<application>.yaml`: parameters or images that Argo CD merges over a source.
    Override,
    /// `kustomization.yaml`
    Kustomization,
    /// A `values.yaml` of a Helm chart.
    HelmValues,
}

impl FileKind {
    pub(crate) const ALL: [Self; 3] = [Self::Override, Self::Kustomization, Self::HelmValues];

    /// The name in a plan's `destination`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Kustomization => "kustomization",
            Self::HelmValues => "helmvalues",
        }
    }
}

impl Destination {
    /// The Application object, of which only annotations are written.
    pub(crate) const ANNOTATIONS: Self = Self::Application { source: None, renderer: None };
}

/// What Argo CD renders a source with, as far as images can be set for it in an Application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Renderer {
    Helm,
    Kustomize,
}

impl Renderer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
        }
    }
}

/// One value that changes, named by what it is and never by its place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) field: Field,
    /// The value that must be there; `None`: it must not be there.
    pub(crate) from: Option<String>,
    /// The value it gets; `None`: it is removed.
    pub(crate) to: Option<String>,
}

/// A value that can be edited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Field {
    /// A parameter of `helm.parameters`, by name.
    HelmParameter(String),
    /// An entry of `kustomize.images`, by the name it overrides; the value is the whole entry.
    KustomizeImage(String),
    /// A value of a Helm values file, by its key path as the annotation writes it: `image.tag`, `images[1].tag`.
    HelmValue(String),
    /// An annotation of the Application, by its full key.
    Annotation(String),
}

impl Field {
    /// The name that stands in a plan's `edits[].at`.
    pub(crate) fn at(&self) -> &str {
        match self {
            Self::HelmParameter(name) | Self::KustomizeImage(name) | Self::HelmValue(name) | Self::Annotation(name) => {
                name
            }
        }
    }

    pub(crate) fn is_annotation(&self) -> bool {
        matches!(self, Self::Annotation(_))
    }

    /// Whether it is the annotation with this key.
    pub(crate) fn is_annotation_of(&self, key: &str) -> bool {
        matches!(self, Self::Annotation(own) if own == key)
    }

    /// What it is, as plans and pin records spell it.
    pub(crate) fn wire_kind(&self) -> &'static str {
        match self {
            Self::HelmParameter(_) => "helmParameter",
            Self::KustomizeImage(_) => "kustomizeImage",
            Self::HelmValue(_) => "helmValue",
            Self::Annotation(_) => "annotation",
        }
    }

    /// The inverse of [`Field::wire_kind`] and [`Field::at`].
    pub(crate) fn from_wire(kind: &str, at: String) -> Option<Self> {
        match kind {
            "helmParameter" => Some(Self::HelmParameter(at)),
            "kustomizeImage" => Some(Self::KustomizeImage(at)),
            "helmValue" => Some(Self::HelmValue(at)),
            "annotation" => Some(Self::Annotation(at)),
            _ => None,
        }
    }

    /// What it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::HelmParameter(_) => "Helm parameter",
            Self::KustomizeImage(_) => "Kustomize image",
            Self::HelmValue(_) => "Helm value",
            Self::Annotation(_) => "annotation",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.at())
    }
}

/// What became of one change.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) change: Change,
    pub(crate) outcome: Outcome,
    pub(crate) at: Option<At>,
    pub(crate) message: String,
}

/// What became known of a change that is not written.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) change: Change,
    /// What a write would end in before it begins; `None`: the change fits.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) message: String,
}

impl Finding {
    /// The name in JSON.
    pub(crate) fn status(&self) -> &'static str {
        self.outcome.map_or("Fits", Outcome::name)
    }
}

/// What a write produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    ResourceVersion(String),
    Commit { commit: String, branch: String },
}

/// What Argo CD made of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Synced and Healthy, with the new images.
    Healthy,
    /// Says what failed.
    Failed(String),
    /// Says what was still missing when the time was over.
    TimedOut(String),
    /// Says why it is not known.
    Unknown(String),
}

impl Rollout {
    /// The name in JSON, and what there is to say about it.
    pub(crate) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Healthy => ("Healthy", ""),
            Self::Failed(why) => ("Failed", why),
            Self::TimedOut(why) => ("TimedOut", why),
            Self::Unknown(why) => ("Unknown", why),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    Applied,
    /// Every value already was the new one.
    AlreadyApplied,
    /// A precondition no longer holds.
    Stale,
    /// Turned down by the server or a policy, with its words.
    Rejected,
    Failed,
}

impl Outcome {
    /// The name in JSON (contract `apply -o json`).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Applied => "Applied",
            Self::AlreadyApplied => "AlreadyApplied",
            Self::Stale => "Stale",
            Self::Rejected => "Rejected",
            Self::Failed => "Failed",
        }
    }
}
