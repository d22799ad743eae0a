//! Flags of `pin` and `unpin`.

use clap::Args;

use crate::cli::args::OutputArgs;
use crate::cli::args::ScopeArgs;
use crate::cli::args::WriteArgs;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::MessageArgs;

pub(crate) const PIN_USAGE: &str = "kubectl image-update pin [OPTIONS] APP[,APP...] ALIAS[=TAG|=TAG@DIGEST|=@DIGEST]...
       kubectl image-update pin [OPTIONS] -l SELECTOR|-A|--all ALIAS[=VERSION]...";

pub(crate) const UNPIN_USAGE: &str = "kubectl image-update unpin [OPTIONS] APP[,APP...] [ALIAS...]
       kubectl image-update unpin [OPTIONS] -l SELECTOR|-A|--all [ALIAS...]";

pub(crate) const PIN_EXAMPLES: &str = "Examples:
  kubectl image-update pin bookstore web -n argocd --reason 'release freeze'
  kubectl image-update pin argocd/bookstore web=v1.0.0 --until 7d
  kubectl image-update pin argocd/bookstore web=v1.0.0@sha256:…
  kubectl image-update pin argocd/bookstore web --previous      what ran before
  kubectl image-update pin -l team=web web                      in several Applications";

pub(crate) const UNPIN_EXAMPLES: &str = "Examples:
  kubectl image-update unpin argocd/bookstore web
  kubectl image-update unpin argocd/bookstore                   all its pinned images
  kubectl image-update unpin argocd/bookstore web --restore-version
  kubectl image-update unpin -A --expired                       pins that ran out";

/// Which images of which Applications are meant.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct TargetArgs {
    /// The Application (NAME, NAMESPACE/NAME; several with commas), then its images; with -l, -A or --all images alone
    #[arg(value_name = "APP] [IMAGE")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Label selector of the Applications, such as team=web,tier!=test
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// All Applications of the namespace
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    #[command(flatten)]
    pub(crate) commits: CommitArgs,
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
    #[command(flatten)]
    pub(crate) wait: PinWaitArgs,
    /// The source to write to, by name or index, of an Application with several
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) source: Option<String>,
}

/// What is held, why, and how long.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Pin")]
pub(crate) struct TermsArgs {
    /// Why it is held
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Until when it is held: a date, a time (UTC unless it says otherwise) or a duration such as 7d
    #[arg(long, value_name = "DATE|DURATION")]
    pub(crate) until: Option<String>,
    /// The version before the current one, by the Application's history
    #[arg(long, conflicts_with = "history_id")]
    pub(crate) previous: bool,
    /// The version of this deployment, by its id in the Application's history
    #[arg(long, value_name = "ID")]
    pub(crate) history_id: Option<i64>,
    /// Do not ask the registry whether the version exists
    #[arg(long)]
    pub(crate) no_verify: bool,
}

/// How what was pinned is followed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct PinWaitArgs {
    /// Wait until each Application is Synced and Healthy with what is pinned; 10m if no time is given
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m")]
    pub(crate) wait: Option<String>,
    /// Have Argo CD look at once, and sync where auto-sync is off
    #[arg(long)]
    pub(crate) sync: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnpinArgs {
    #[command(flatten)]
    pub(crate) targets: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    #[command(flatten)]
    pub(crate) commits: CommitArgs,
    /// Only pins that have run out
    #[arg(long)]
    pub(crate) expired: bool,
    /// Put the version back too that was there before the pin
    #[arg(long)]
    pub(crate) restore_version: bool,
    /// The source to write to, by name or index, of an Application with several
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) source: Option<String>,
}
