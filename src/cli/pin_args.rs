//! Flags of `pin` and `unpin`.

use clap::Args;

use crate::cli::args::OutputArgs;
use crate::cli::args::WriteArgs;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::MessageArgs;

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// Application: NAME, NAMESPACE/NAME or application.argoproj.io/NAME
    #[arg(value_name = "APP", required = true)]
    pub(crate) application: String,
    /// What to hold: ALIAS as it is configured, or ALIAS=TAG, ALIAS=TAG@DIGEST, ALIAS=@DIGEST
    #[arg(value_name = "ALIAS[=VERSION]", required = true)]
    pub(crate) images: Vec<String>,
    /// Namespace of the Application [default: that of the context]
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    #[command(flatten)]
    pub(crate) commits: CommitArgs,
    /// Why it is held
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// How long it is held: a date, a time or a duration such as 7d
    #[arg(long, value_name = "DATE|DURATION")]
    pub(crate) until: Option<String>,
    /// Do not ask the registry whether the version exists
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// The source to write to, by name or index, of an Application with several
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) source: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UnpinArgs {
    /// Application: NAME, NAMESPACE/NAME or application.argoproj.io/NAME
    #[arg(value_name = "APP", required = true)]
    pub(crate) application: String,
    /// Images to let move again
    #[arg(value_name = "ALIAS", required_unless_present = "all")]
    pub(crate) images: Vec<String>,
    /// All pinned images of the Application
    #[arg(long, conflicts_with = "images")]
    pub(crate) all: bool,
    /// Namespace of the Application [default: that of the context]
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
    #[command(flatten)]
    pub(crate) commits: CommitArgs,
    /// Put the version back too that was there before the pin
    #[arg(long)]
    pub(crate) restore_version: bool,
    /// The source to write to, by name or index, of an Application with several
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) source: Option<String>,
}
