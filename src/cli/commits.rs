//! How commits are made: from flags, and from Image Updater's `ConfigMap` where no flag says so.

use std::path::Path;

use crate::apply::CommitPer;
use crate::apply::Commits;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::CommitPerArg;
use crate::cli::git_args::MessageArgs;
use crate::cli::git_args::SigningMethodArg;
use crate::cli::session::Session;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::git::SigningMethod;
use crate::model::plan::Change;
use crate::repositories::commits::CommitWishes;
use crate::templates;
use crate::templates::ImageLabels;

const CONFIG_MAP: &str = "argocd-image-updater-config";

/// The longest template that is read.
const MOST_BYTES: u64 = 64 * 1024;

/// Works out how commits are made.
///
/// # Errors
/// The template cannot be read, or the ConfigMap says something that it cannot say.
pub(crate) async fn commits(
    session: &Session,
    cluster: Option<&Cluster>,
    message: &MessageArgs,
    args: Option<&CommitArgs>,
) -> Result<Commits, Error> {
    let template = message.git_commit_message_path.as_deref().map(template).transpose()?;
    let mut wishes = CommitWishes { template, ..CommitWishes::default() };
    if let Some(args) = args {
        wishes.author = args.git_commit_user.clone().zip(args.git_commit_email.clone());
        wishes.signing_key.clone_from(&args.git_commit_signing_key);
        wishes.signing_method = args.git_commit_signing_method.map(|method| match method {
            SigningMethodArg::Openpgp => SigningMethod::OpenPgp,
            SigningMethodArg::Ssh => SigningMethod::Ssh,
        });
        wishes.sign_off = args.git_commit_sign_off.then_some(true);
    }
    let wishes = match cluster {
        Some(cluster) => wishes.or(of_cluster(session, cluster).await?),
        None => wishes,
    };
    if let Some(template) = &wishes.template {
        templates::check(template)
            .map_err(|why| Error::failed(format!("the template of the commit message: {why}")))?;
    }
    let per = match args.map(|args| args.commit_per) {
        None | Some(CommitPerArg::Run) => CommitPer::Run,
        Some(CommitPerArg::App) => CommitPer::Application,
        Some(CommitPerArg::Image) => CommitPer::Image,
    };
    let restart_branch = args.is_some_and(|args| args.restart_branch);
    Ok(Commits { wishes, per, restart_branch, create_keys: message.create_keys })
}

/// Makes the message of the commits that would be made, so that a template that fails is known before anything is written.
///
/// # Errors
/// It fails.
pub(crate) fn try_message(commits: &Commits, changes: &[Change]) -> Result<(), Error> {
    let changes: Vec<&Change> = changes.iter().filter(|change| change.git().is_some()).collect();
    if changes.is_empty() {
        return Ok(());
    }
    match templates::message(commits.wishes.template.as_deref(), &changes, &ImageLabels::new()) {
        Ok(_) => Ok(()),
        Err(why) => Err(Error::failed(format!("the template of the commit message fails: {why}"))
            .hint("README says which actions and functions a template can have")),
    }
}

fn template(path: &Path) -> Result<String, Error> {
    let failed =
        |error| Error::failed(format!("failed to read {} (--git-commit-message-path)", path.display())).source(error);
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(Error::failed(format!("{} is too long for a message", path.display())));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// Who may not see the ConfigMap goes on without, and hears of that at `-v`.
async fn of_cluster(session: &Session, cluster: &Cluster) -> Result<CommitWishes, Error> {
    let namespace = session.general.image_updater_namespace.as_deref().unwrap_or(&session.connection.argocd_namespace);
    match cluster.config_map(namespace, CONFIG_MAP).await {
        Ok(values) => CommitWishes::of_config_map(&values)
            .map_err(|why| Error::failed(format!("ConfigMap `{namespace}/{CONFIG_MAP}` cannot be used: {why}"))),
        Err(error) => {
            if session.general.verbose > 0 {
                session.printer.note(&format!("note: {error}"));
            }
            Ok(CommitWishes::default())
        }
    }
}
