//! `registries.conf`: from the file that `--registries-conf` names, else from the cluster, where Image Updater keeps it.

use std::path::Path;

use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::output::Printer;
use crate::output::text;
use crate::registry::conf;
use crate::registry::conf::Origin;
use crate::registry::conf::Problem;
use crate::registry::conf::RegistriesConf;

const CONFIG_MAP: &str = "argocd-image-updater-config";
const KEY: &str = "registries.conf";

/// Reads a file, and the certificates that it names.
///
/// # Errors
/// One of them cannot be read, or says something that it cannot say.
pub(super) fn of_file(path: &Path, printer: &Printer) -> Result<RegistriesConf, Error> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::failed(format!("failed to read {place} (--registries-conf)")).source(error))?;
    let mut conf = conf::parse(&text, Origin::File).map_err(|problems| broken(&place, &problems))?;
    warn(&conf, &place, printer);
    let folder = path.parent().unwrap_or(Path::new(""));
    conf.read_ca_files(|file| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string()))
        .map_err(|problems| broken(&place, &problems))?;
    Ok(conf)
}

/// Reads what the cluster has. Who may not see it goes on without, and hears of that at `-v`.
///
/// # Errors
/// It is there, and says something that it cannot say.
pub(super) async fn of_cluster(session: &Session, cluster: &Cluster) -> Result<Option<RegistriesConf>, Error> {
    let namespace = session.general.image_updater_namespace.as_deref().unwrap_or(&session.connection.argocd_namespace);
    match cluster.config_map_value(namespace, CONFIG_MAP, KEY).await {
        Ok(None) => Ok(None),
        Ok(Some(text)) => {
            let place = format!("`{KEY}` of ConfigMap `{namespace}/{CONFIG_MAP}`");
            let conf = conf::parse(&text, Origin::Cluster);
            let conf = conf.map_err(|problems| {
                broken(&place, &problems).hint("`--registries-conf FILE` reads a file instead, which may be empty")
            })?;
            warn(&conf, &place, &session.printer);
            Ok(Some(conf))
        }
        Err(error) => {
            if session.general.verbose > 0 {
                session.printer.note(&format!("note: {error}"));
            }
            Ok(None)
        }
    }
}

fn warn(conf: &RegistriesConf, place: &str, printer: &Printer) {
    if conf.more_documents {
        let what = "only its first YAML document is read, as by Argo CD Image Updater";
        printer.note(&format!("warning: {}: {what}", text::safe(place)));
    }
}

fn broken(place: &str, problems: &[Problem]) -> Error {
    let error = Error::failed(format!("{place} cannot be used"));
    problems.iter().fold(error, |error, problem| error.detail(problem.to_string()))
}
