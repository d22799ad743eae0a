//! What is said where there is nothing to see, or not what was named.

use std::collections::BTreeSet;

use crate::annotations;
use crate::annotations::keys;
use crate::cli::args::SelectionArgs;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::cluster::request::Scope;
use crate::decide;
use crate::error::Error;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;

/// A named Application is not there: says so, and names ones that are nearly called so, if they can be listed.
pub(super) async fn not_found(cluster: &Cluster, key: &ApplicationKey, argocd: &str) -> Error {
    let error = Error::failed(format!("there is no Application `{}` in namespace `{}`", key.name, key.namespace));
    let listed = cluster.applications(&Scope::Namespace(key.namespace.clone()), None).await.unwrap_or_default();
    let near = near_names(&key.name, &listed.applications);
    if !near.is_empty() {
        return error.hint(format!("did you mean {}?", near.join(" or ")));
    }
    let of_argocd = ApplicationKey { namespace: argocd.to_owned(), name: key.name.clone() };
    if of_argocd != *key && cluster.application(&of_argocd).await.is_ok() {
        return error.hint(format!("there is one in namespace `{argocd}`: write {of_argocd}, or use -n {argocd}"));
    }
    error.hint("`kubectl get applications.argoproj.io -A` lists them, `-n` names another namespace")
}

/// Up to three names that are nearly the wanted one.
pub(super) fn near_names(wanted: &str, applications: &[Application]) -> Vec<String> {
    let names = || applications.iter().map(|application| application.key.name.as_str());
    let mut near: Vec<&str> = annotations::nearest(wanted, names()).into_iter().collect();
    near.extend(names().filter(|name| name.contains(wanted) || wanted.contains(name)));
    let mut seen = BTreeSet::new();
    near.retain(|name| seen.insert(*name));
    near.truncate(3);
    near.into_iter().map(|name| format!("`{name}`")).collect()
}

/// The Applications there are, image list or not.
pub(super) struct Found {
    pub(super) number: usize,
    pub(super) first: Option<ApplicationKey>,
}

/// Says on standard error why there is nothing to see, and where there might be.
pub(super) async fn say_nothing_found(
    session: &Session,
    cluster: &Cluster,
    args: &SelectionArgs,
    (scope, found): (&Scope, Found),
) {
    let printer = &session.printer;
    let is_empty = found.first.is_none();
    if let Some(first) = found.first {
        let all = found.number;
        let key = keys::for_application(keys::IMAGE_LIST);
        printer.note(&format!("none of {} in {scope} has an image list", decide::count(all, "Application")));
        printer.note(&format!("hint: add the annotation {key}, for example: web=ghcr.io/acme/web:~1.0"));
        printer.note(&format!("hint: `kubectl image-update check {first} --suggest` prints what to add to that one"));
    } else {
        let labels = args.selector.as_ref().map_or_else(String::new, |labels| format!(" with the labels {labels}"));
        printer.note(&format!("no Applications in {scope}{labels}"));
    }
    let argocd = &session.connection.argocd_namespace;
    let may_be_elsewhere = *scope != Scope::All && *scope != Scope::Namespace(argocd.clone());
    if may_be_elsewhere && cluster.any_applications(argocd).await.unwrap_or(false) {
        printer
            .note(&format!("hint: there are some in namespace `{argocd}`: use -n {argocd}, or -A for all namespaces"));
    } else if is_empty {
        printer.note("hint: is it the right cluster, and the right place in it? `kubectl config get-contexts` tells");
    }
}
