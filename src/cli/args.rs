//! The command line as clap reads it. What it means is worked out in `settings`.

use std::path::PathBuf;

use clap::ArgAction;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use crate::cli::choice_args::ChoiceArgs;
use crate::cli::choice_args::DecisionArgs;
use crate::cli::complete::CompletionArgs;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::FileArgs;
use crate::cli::help::HelpArgs;
use crate::cli::man::ManArgs;
use crate::cli::pin_args::PIN_EXAMPLES;
use crate::cli::pin_args::PIN_USAGE;
use crate::cli::pin_args::PinArgs;
use crate::cli::pin_args::UNPIN_EXAMPLES;
use crate::cli::pin_args::UNPIN_USAGE;
use crate::cli::pin_args::UnpinArgs;

/// See, plan and apply image updates for Argo CD Applications
///
/// Reads the annotations people already have for Argo CD Image Updater, asks the registries, and says what is
/// outdated and why. Nothing is installed in the cluster; nothing is written but by `apply`, `pin` and `unpin`.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl image-update",
    bin_name = "kubectl image-update",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) general: GeneralArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what is deployed, what is newest, and why
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Show the exact edits as a diff, and save them with --out
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Write a plan, after asking
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyArgs),
    /// Hold images at a version
    #[command(after_help = PIN_EXAMPLES, override_usage = PIN_USAGE)]
    Pin(PinArgs),
    /// Let pinned images move again
    #[command(after_help = UNPIN_EXAMPLES, override_usage = UNPIN_USAGE)]
    Unpin(UnpinArgs),
    /// Explain a command, or one of the topics below
    #[command(after_help = crate::cli::help::EXAMPLES)]
    Help(HelpArgs),
    /// Print a completion script for a shell, or for kubectl
    #[command(after_help = crate::cli::complete::EXAMPLES)]
    Completion(CompletionArgs),
    /// Print the version
    Version,
    /// Write the manual pages into a folder
    #[command(name = "__man", hide = true)]
    Man(ManArgs),
}

const CHECK_EXAMPLES: &str = "Examples:
  kubectl image-update check                        Applications of the current namespace
  kubectl image-update check -A                     Applications of all namespaces
  kubectl image-update check argocd/bookstore --explain
  kubectl image-update check -f apps/ -R -o json    manifests instead of a cluster
  kubectl image-update check -A --dates -o html >updates.html
  kubectl image-update check argocd/bookstore --suggest    annotations to begin with";

const PLAN_EXAMPLES: &str = "Examples:
  kubectl image-update plan -n argocd
  kubectl image-update plan -A --out plan.json      then: kubectl image-update apply --plan plan.json
  kubectl image-update plan --plan plan.json        whether it still fits: exit code 4 if not
  kubectl image-update plan -A --detailed-exitcode  exit code 2 if there is anything to apply";

const APPLY_EXAMPLES: &str = "Examples:
  kubectl image-update apply bookstore -n argocd    shows the plan, asks, writes
  kubectl image-update apply -i                     ticks changes in a list
  kubectl image-update apply bookstore --set web=v1.0.0        this version, whatever is newest
  kubectl image-update apply --plan plan.json       writes what was planned, or nothing
  kubectl image-update apply -A --yes -o json       in a script
  kubectl image-update apply -l team=web --dry-run=server
  kubectl image-update apply -f apps/ --worktree .  edits your checkout, for a pull request of your own";

/// Where Argo CD runs unless it is said.
pub(crate) const ARGOCD_NAMESPACE: &str = "argocd";

/// kubectl's connection flags: kubectl hands none to a plugin.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Path of the kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Address of the API server
    #[arg(long, short = 's', global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Certificate file of the authority that signed the API server's certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// Name to expect in the API server's certificate
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// Do not check the API server's certificate
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        default_value = "false", action = ArgAction::Set, hide_default_value = true, value_name = "BOOL",
        hide_possible_values = true)]
    pub(crate) insecure_skip_tls_verify: bool,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) impersonate: Option<String>,
    /// Group to impersonate (repeatable)
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub(crate) impersonate_groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub(crate) impersonate_uid: Option<String>,
    /// How long one API request may take, such as 5s or 1m; 0 for ever
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) request_timeout: Option<String>,
    /// Namespace of Argo CD
    #[arg(long, global = true, value_name = "NAMESPACE", default_value = ARGOCD_NAMESPACE)]
    pub(crate) argocd_namespace: String,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "General")]
pub(crate) struct GeneralArgs {
    /// When to color the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Say only what must be said on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more: -v what each registry was asked, -vv every request
    #[arg(short, long = "verbose", global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How many images are worked on at a time
    #[arg(long, global = true, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// How long the whole command may take, such as 30s or 5m
    #[arg(long, global = true, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// Registries and their logins, in the form of Argo CD Image Updater's registries.conf [default: the one in the cluster]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) registries_conf: Option<PathBuf>,
    /// Namespace of Argo CD Image Updater, for its registries.conf [default: that of Argo CD]
    #[arg(long, global = true, value_name = "NAMESPACE")]
    pub(crate) image_updater_namespace: Option<String>,
    /// Namespace whose Secrets a pull-secret annotation of another may name (repeatable)
    #[arg(long = "allow-secret-namespace", global = true, value_name = "NAMESPACE")]
    pub(crate) allow_secret_namespaces: Vec<String>,
    /// Registry host whose token server elsewhere may get its login (repeatable)
    #[arg(long = "trust-realm", global = true, value_name = "HOST")]
    pub(crate) trust_realms: Vec<String>,
    /// Believe a repository Secret that says `insecure`: do not check that git server's certificate
    #[arg(long, global = true)]
    pub(crate) allow_insecure_git: bool,
    /// Neither read nor keep manifests of earlier runs on disk
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Which Applications are meant.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    /// Applications: NAME, NAMESPACE/NAME or application.argoproj.io/NAME [default: all that the flags select]
    #[arg(value_name = "APP")]
    pub(crate) applications: Vec<String>,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    /// Label selector, such as team=web,tier!=test
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// Manifests to read instead of a cluster: file, folder or - (repeatable)
    #[arg(long, short = 'f', value_name = "PATH", value_delimiter = ',')]
    pub(crate) filename: Vec<String>,
    /// Read the folders of -f with all folders below them
    #[arg(long, short = 'R')]
    pub(crate) recursive: bool,
    /// Only part I of N, such as 2/5, for N workers; auto/N in a Kubernetes Indexed Job. No two write to one repository
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ScopeArgs {
    /// Namespace of the Applications [default: that of the context]
    #[arg(id = "namespace", long = "namespace", short = 'n', value_name = "NAMESPACE")]
    given: Option<String>,
    /// Applications of all namespaces
    #[arg(long, short = 'A')]
    pub(crate) all_namespaces: bool,
}

impl ScopeArgs {
    /// The namespace that was named: as with kubectl, none if it is empty, and -A wins.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.given.as_deref().filter(|name| !name.is_empty() && !self.all_namespaces)
    }
}

/// How results are printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Format of standard output
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Output,
    /// Print no headers above columns
    #[arg(long)]
    pub(crate) no_headers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Wide,
    Json,
    Yaml,
    Name,
    Markdown,
    /// A page to look at (check only)
    Html,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Show how the choice came about, and why each other tag was not chosen
    #[arg(long)]
    pub(crate) explain: bool,
    /// Choose only images that run on the platforms wanted, also by semver and alphabetical
    #[arg(long)]
    pub(crate) check_platforms: bool,
    /// Exit with 2 if there is anything to apply
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// The source that is written to, by name or index, of Applications with several
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) source: Option<String>,
    /// Look into no git repository: what is configured there is not known then
    #[arg(long)]
    pub(crate) no_git: bool,
    /// Also ask when the current and the newest image of each entry were built: up to two manifests more for each
    #[arg(long)]
    pub(crate) dates: bool,
    /// Print the annotations that would list the running images of the named Applications
    #[arg(long)]
    pub(crate) suggest: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Say whether this plan, saved by --out, still fits, and plan nothing; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Save the plan to a file, for apply --plan
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Lines of context around each change
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) context_lines: usize,
    /// Exit with 2 if there is anything to apply
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// All Applications of the namespace
    #[arg(long)]
    pub(crate) all: bool,
    /// Execute this plan, saved by plan --out; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Tick the changes to write in a list
    #[arg(long, short = 'i', conflicts_with_all = ["plan", "yes"])]
    pub(crate) interactive: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Lines of context around each change
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) context_lines: usize,
    #[command(flatten)]
    pub(crate) decision: DecisionArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) commits: CommitArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// How what was written is followed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitArgs {
    /// Wait until each Application is Synced and Healthy with the new images; 10m if no time is given
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m")]
    pub(crate) wait: Option<String>,
    /// Have Argo CD look at once, and sync where auto-sync is off
    #[arg(long)]
    pub(crate) sync: bool,
    /// Put the old values back where an Application does not become healthy
    #[arg(long, requires = "wait")]
    pub(crate) undo_on_failure: bool,
}

/// How a command writes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Writing")]
pub(crate) struct WriteArgs {
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Write nothing: client asks nobody, server lets the API server check it
    #[arg(long, value_name = "MODE", num_args = 0..=1, require_equals = true, default_missing_value = "client",
        default_value = "none")]
    pub(crate) dry_run: DryRunArg,
    /// Write although an ImageUpdater resource rules over the Application
    #[arg(long)]
    pub(crate) force: bool,
    /// Send no Kubernetes Event about what was written
    #[arg(long)]
    pub(crate) no_events: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRunArg {
    None,
    Client,
    Server,
}
