//! A plan that was saved: reading it, and who must not be written now.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use futures::StreamExt as _;

use crate::cli::session::Session;
use crate::cli::session::cluster_error;
use crate::cluster::Cluster;
use crate::cluster::error::ClusterErrorKind;
use crate::cluster::request::Scope;
use crate::document;
use crate::document::plan::SavedPlan;
use crate::error::Error;
use crate::model::application::ApplicationKey;
use crate::model::plan::Change;
use crate::pipeline;

/// How many Applications are read at a time.
const AT_A_TIME: usize = 8;

/// Reads a plan from a file, or from standard input for `-`.
///
/// # Errors
/// It cannot be read, is not to the letter the one that was saved, or was not made from a cluster.
pub(crate) async fn read(path: &Path) -> Result<SavedPlan, Error> {
    let owned = path.to_owned();
    // Whoever writes to a pipe may take his time, and may never end.
    let text = tokio::task::spawn_blocking(move || text(&owned)).await;
    let text = text.map_err(|stopped| Error::failed("failed to read the plan").source(stopped))??;
    let saved = document::plan::read(&text)
        .map_err(|why| Error::failed(format!("{} cannot be applied: {why}", path.display())).hint("make a new plan"))?;
    if let Some(change) = saved.changes.iter().find(|change| change.is_of_manifest()) {
        return Err(Error::failed(format!("change {} was planned from a manifest, not from a cluster", change.id))
            .hint("plan without -f to apply to a cluster"));
    }
    Ok(saved)
}

fn text(path: &Path) -> Result<String, Error> {
    let failed =
        |error: std::io::Error| Error::failed(format!("failed to read the plan {}", path.display())).source(error);
    let mut bytes = Vec::new();
    let limit = document::plan::MAX_LENGTH + 1;
    if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 >= limit {
        return Err(Error::failed(format!("{} is too long to be a plan", path.display())));
    }
    String::from_utf8(bytes).map_err(|_| Error::failed(format!("{} is not text", path.display())))
}

/// The Applications of a saved plan that an ImageUpdater rules over now, with what to say about it.
///
/// # Errors
/// The Applications cannot be read.
pub(crate) async fn refused(
    session: &Session,
    cluster: &Cluster,
    changes: &[Change],
) -> Result<BTreeMap<ApplicationKey, String>, Error> {
    let mut applications = Vec::new();
    let mut updaters = Vec::new();
    let keys: BTreeSet<&ApplicationKey> = changes.iter().map(|change| &change.application).collect();
    let mut asked = BTreeSet::new();
    for key in &keys {
        if asked.insert(&key.namespace) {
            match cluster.image_updaters(&Scope::Namespace(key.namespace.clone())).await {
                Ok(found) => updaters.extend(found),
                Err(error) if session.general.verbose > 0 => session.printer.note(&format!("note: {error}")),
                Err(_) => {}
            }
        }
    }
    if updaters.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut found = futures::stream::iter(&keys).map(|key| cluster.application(key)).buffered(AT_A_TIME);
    while let Some(application) = found.next().await {
        match application {
            Ok(application) => applications.push(application),
            Err(error) if error.kind == ClusterErrorKind::NotFound => {}
            Err(error) => return Err(cluster_error(error)),
        }
    }
    let (selected, _) = pipeline::read(applications);
    Ok(pipeline::managed(&selected, &updaters))
}
