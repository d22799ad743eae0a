//! Values that the tests of several modules are made of, and the generator that their property tests share.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::annotations;
use crate::annotations::keys;
use crate::annotations::rule::AppRules;
use crate::cluster;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::candidate::Candidate;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::decision::Behind;
use crate::model::decision::CurrentFrom;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::decision::Reason;
use crate::model::decision::TagCounts;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Reference;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::plan::At;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::FileKind;
use crate::model::plan::GitTarget;
use crate::model::plan::ImageChange;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::plan::Renderer;
use crate::model::plan::Seen;

/// A digest of one repeated hex digit.
pub(crate) fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// The example of the contract (`check -o json`): an image with an update, written to git.
pub(crate) fn decision() -> Decision {
    let version = |tag: &str| Version { tag: Some(tag.to_owned()), digest: None };
    Decision {
        application: ApplicationKey { namespace: "argocd".to_owned(), name: "bookstore".to_owned() },
        position: 0,
        alias: Some("bookstore".to_owned()),
        image: "ghcr.io/amplication/bookstore-application".to_owned(),
        reference: Reference::parse("ghcr.io/amplication/bookstore-application").repository().ok(),
        strategy: "semver".to_owned(),
        constraint: Some("~1.0".to_owned()),
        configured: Some(version("v1.0.0")),
        live: vec![version("v1.0.0")],
        current: Some(version("v1.0.0")),
        current_from: CurrentFrom::Target,
        candidate: Tag::new("v1.0.1").map(Candidate::of_tag),
        requested: false,
        status: ImageStatus::UpdateAvailable,
        reason: Reason::NewestMatch,
        message: "newest of 3 tags that satisfy ~1.0".to_owned(),
        behind: Some(Behind { versions: Some(1), days: None }),
        tags: Some(TagCounts { seen: 14, allowed: 12, eligible: 3 }),
        rejected: vec![Rejected { tag: "v2.0.0".to_owned(), why: Rejection::OutsideConstraint }],
        newer: vec![Rejected { tag: "v2.0.0".to_owned(), why: Rejection::OutsideConstraint }],
        notes: Vec::new(),
        write_back: Some(Destination::Git(git_target())),
        pin: None,
        pin_expired: false,
    }
}

/// The example of the contract (`plan`), with method `argocd`.
pub(crate) fn change() -> Change {
    let Decision { application, alias, reference, current, message, .. } = decision();
    let edit = |name: &str, from: &str, to: &str| Edit {
        field: Field::HelmParameter(name.to_owned()),
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
    };
    Change {
        id: "argocd/bookstore#1".to_owned(),
        application,
        uid: Some("u-1".to_owned()),
        images: vec![ImageChange {
            alias,
            reference: reference.expect("an image"),
            from: current,
            to: Version { tag: Some("v1.0.1".to_owned()), digest: Some(digest('d')) },
            because: message,
        }],
        destination: Destination::Application { source: None, renderer: Some(Renderer::Helm) },
        edits: vec![edit("image.tag", "v1.0.0", "v1.0.1")],
        seen: Seen { resource_version: Some("7".to_owned()), ..Seen::default() },
    }
}

/// The file that the example of the contract is written to.
pub(crate) fn git_target() -> GitTarget {
    GitTarget {
        repository: "https://…".to_owned(),
        branch: Some("main".to_owned()),
        push_branch: None,
        target: Some("helmvalues:values.yaml".to_owned()),
        kind: FileKind::HelmValues,
        path: Some("charts/bookstore/values.yaml".to_owned()),
        source: None,
    }
}

/// A receipt for [`change`].
pub(crate) fn receipt(outcome: Outcome) -> Receipt {
    let at = (outcome == Outcome::Applied).then(|| At::ResourceVersion("8".to_owned()));
    Receipt { change: change(), outcome, at, message: String::new() }
}

/// The Application object `argocd/web` from a short form in YAML: `annotations` (a key without `/` gets Image Updater's
/// prefix), `source`, `sources` or any other field of the spec, and `status` with `images` for `summary.images`.
pub(crate) fn object(short: &str) -> Value {
    let short: Value = serde_yaml::from_str(short).expect("the test's YAML");
    let mut annotations = Map::new();
    for (key, value) in short["annotations"].as_object().into_iter().flatten() {
        let key = if key.contains('/') { key.clone() } else { keys::for_application(key) };
        annotations.insert(key, value.clone());
    }
    let mut spec = short.as_object().cloned().unwrap_or_default();
    spec.retain(|key, _| key != "annotations" && key != "status");
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "web", "namespace": "argocd", "uid": "u-1", "resourceVersion": "7", "annotations": annotations,
        },
        "spec": spec,
    });
    if let Some(status) = short["status"].as_object() {
        let mut status = status.clone();
        if let Some(images) = status.shift_remove("images") {
            status.insert("summary".to_owned(), json!({ "images": images }));
        }
        object["status"] = Value::Object(status);
    }
    object
}

/// See [`object`].
pub(crate) fn application(short: &str) -> Application {
    cluster::application::application(object(short)).expect("the test's Application")
}

/// What the annotations of an Application say.
pub(crate) fn rules(application: &Application) -> (AppRules, Vec<Diagnostic>) {
    annotations::parse(application).expect("the test's Application has an image list")
}

/// Numbers in no apparent order, and always the same (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits fit") % limit
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A text of up to `longest` pieces.
    pub(crate) fn text(&mut self, pieces: &[&str], longest: usize) -> String {
        let length = self.below(longest + 1);
        (0..length).map(|_| self.pick(pieces)).collect()
    }
}
