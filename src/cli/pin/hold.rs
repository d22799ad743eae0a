//! Whether a running Image Updater keeps a hold: every case in which it does not, or not yet, is named (`cli.md`, "pin").

use crate::annotations::rule::ImageRule;
use crate::cli::pin::version;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::cluster::error::ClusterErrorKind;
use crate::error::Error;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Reference;
use crate::model::image::Version;
use crate::run::Selected;
use crate::writeback::Placement;

/// The names that Image Updater's own manifests and chart give its Deployment.
const DEPLOYMENTS: [&str; 2] = ["argocd-image-updater-controller", "argocd-image-updater"];

/// From this version on, Image Updater writes nothing for an image that it did not select a version for.
const OBEYS: (u64, u64) = (1, 2);

/// Code of the warning about a hold that is not kept.
const NOT_IN_FORCE: &str = "hold-not-in-force";
/// Code of the warning about a hold that is kept from some moment on.
const NOT_YET: &str = "hold-not-yet-in-force";

/// A hold that a running Image Updater would not keep is refused, unless it is asked for all the same: with method
/// `git` it writes what the spec says whenever it writes a sibling.
pub(super) fn against_the_spec(
    (selected, rule, placement): (&Selected, &ImageRule, &Placement),
    version: &Version,
    force: bool,
) -> Result<Option<Diagnostic>, Error> {
    let Some(in_spec) = placement.in_spec(rule).filter(|in_spec| in_spec != version) else { return Ok(None) };
    let what = format!(
        "the spec of {} sets `{}` to {in_spec}, which a running Image Updater would write over {version}",
        selected.application.key,
        rule.label()
    );
    if force {
        Ok(Some(Diagnostic::warning(NOT_IN_FORCE, what).about(&selected.application.key)))
    } else {
        Err(Error::failed(what).hint("take it out of the spec, or `--force` pins it all the same"))
    }
}

/// The warning about an image that is written to git beside others: until the pin is live, a running Image Updater
/// writes what is live for it whenever it writes one of the others (spec sections 3.8 and 6.6).
pub(super) fn before_it_is_live(
    (selected, rule, placement): (&Selected, &ImageRule, &Placement),
    version: &Version,
) -> Option<Diagnostic> {
    let live = version::live(selected, rule, placement);
    let differs = live.iter().find(|live| *live != version)?;
    if placement.git.is_none() || selected.rules.images.len() < 2 {
        return None;
    }
    let what = format!(
        "`{}`: until {version} is live, a running Image Updater writes {differs} back when it writes another image of {}",
        rule.label(),
        selected.application.key
    );
    Some(Diagnostic::warning(NOT_YET, what).about(&selected.application.key).hint("`--wait` waits until it is live"))
}

/// The warning about an Image Updater that is too old to keep a hold, if its Deployment can be read.
pub(super) async fn of_old_updater(session: &Session, cluster: &Cluster) -> Option<Diagnostic> {
    let namespace = session.general.image_updater_namespace.as_deref().unwrap_or(&session.connection.argocd_namespace);
    for name in DEPLOYMENTS {
        let images = match cluster.deployment_images(namespace, name).await {
            Ok(images) => images,
            Err(error) => {
                // Whoever may not see it goes on without: README says from which version on a hold is kept.
                if error.kind != ClusterErrorKind::NotFound && session.general.verbose > 0 {
                    session.printer.note(&format!("note: {error}"));
                }
                continue;
            }
        };
        let Some(found) = images.iter().find_map(|image| updater_version(image)) else { continue };
        if release(&found).is_some_and(|release| release < OBEYS) {
            let what = format!(
                "Image Updater {found} (Deployment {namespace}/{name}) is older than 1.2: when it writes another image of an Application, it writes back what is live for the pinned one"
            );
            return Some(
                Diagnostic::warning(NOT_IN_FORCE, what)
                    .hint("a pin that is live is kept; update Image Updater to be sure"),
            );
        }
    }
    None
}

/// The tag of Image Updater's image; `None` for any other image.
fn updater_version(image: &str) -> Option<String> {
    let reference = Reference::parse(image);
    let name = reference.name();
    let last = name.rsplit('/').next().unwrap_or_default();
    reference.version().tag.filter(|_| last.contains("argocd-image-updater"))
}

/// Major and minor number of a version; `None` if it is none, such as `latest`.
fn release(tag: &str) -> Option<(u64, u64)> {
    let mut numbers = tag.trim_start_matches('v').split(['.', '-', '+']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_an_updater_is_that_of_its_image() {
        for (image, version, old) in [
            ("quay.io/argoprojlabs/argocd-image-updater:v0.17.0", Some("v0.17.0"), true),
            ("quay.io/argoprojlabs/argocd-image-updater:v1.1.2@sha256:0", Some("v1.1.2"), true),
            ("mirror:5000/x/argocd-image-updater:1.2.0-rc1", Some("1.2.0-rc1"), false),
            ("quay.io/argoprojlabs/argocd-image-updater:v1.3.0", Some("v1.3.0"), false),
            ("quay.io/argoprojlabs/argocd-image-updater:v10.0.0", Some("v10.0.0"), false),
            ("quay.io/argoprojlabs/argocd-image-updater:latest", Some("latest"), false),
            ("quay.io/argoprojlabs/argocd-image-updater", None, false),
            ("nginx:1.0", None, false),
        ] {
            let found = updater_version(image);
            assert_eq!(found.as_deref(), version, "{image}");
            assert_eq!(found.and_then(|tag| release(&tag)).is_some_and(|found| found < OBEYS), old, "{image}");
        }
    }
}
