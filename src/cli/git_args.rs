//! Flags about files in git repositories.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;

/// The files of method `git`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Files in git")]
pub(crate) struct FileArgs {
    /// Edit the files of this checkout instead of cloning and pushing
    #[arg(long, value_name = "DIR")]
    pub(crate) worktree: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
}

/// What files and commits become.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Files in git")]
pub(crate) struct MessageArgs {
    /// Add keys that a Helm values file does not have, and the file if it is not there
    #[arg(long)]
    pub(crate) create_keys: bool,
    /// Go template of the commit message [default: the cluster's git.commit-message-template]
    #[arg(long, value_name = "FILE")]
    pub(crate) git_commit_message_path: Option<PathBuf>,
}

/// How method `git` commits and pushes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Files in git")]
pub(crate) struct CommitArgs {
    /// Author of commits, with --git-commit-email [default: the cluster's git.user, or your git configuration]
    #[arg(long, value_name = "NAME", requires = "git_commit_email")]
    pub(crate) git_commit_user: Option<String>,
    /// Address of the author, with --git-commit-user
    #[arg(long, value_name = "ADDRESS", requires = "git_commit_user")]
    pub(crate) git_commit_email: Option<String>,
    /// Key that signs commits: a name that gpg knows, or the file of an SSH key
    #[arg(long, value_name = "KEY")]
    pub(crate) git_commit_signing_key: Option<String>,
    /// What kind of key it is
    #[arg(long, value_name = "METHOD")]
    pub(crate) git_commit_signing_method: Option<SigningMethodArg>,
    /// Add Signed-off-by to commits
    #[arg(long)]
    pub(crate) git_commit_sign_off: bool,
    /// What one commit holds
    #[arg(long, value_name = "WHAT", default_value = "run")]
    pub(crate) commit_per: CommitPerArg,
    /// Begin a branch of updates anew at its base, if all its changes are in there
    #[arg(long)]
    pub(crate) restart_branch: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SigningMethodArg {
    Openpgp,
    Ssh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CommitPerArg {
    Run,
    App,
    Image,
}
