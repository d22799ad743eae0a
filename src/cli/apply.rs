//! `apply`: write a plan, after asking.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use crate::apply::Executor;
use crate::cli::args::ApplyArgs;
use crate::cli::args::DryRunArg;
use crate::cli::args::Output;
use crate::cli::args::OutputArgs;
use crate::cli::args::SelectionArgs;
use crate::cli::args::WriteArgs;
use crate::cli::plan;
use crate::cli::select;
use crate::cli::session::Session;
use crate::cli::session::cluster_error;
use crate::cli::summary;
use crate::cluster::Cluster;
use crate::cluster::request::Scope;
use crate::document;
use crate::document::receipts::DryRun;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::output::diagnostics;
use crate::output::receipts;
use crate::pipeline;

pub(crate) async fn run(session: &Session, args: ApplyArgs) -> Result<ExitCode, Error> {
    if !args.selection.filename.is_empty() {
        return Err(Error::usage("apply -f needs --worktree DIR, which comes with git write-back in a later release")
            .hint("`plan -f` shows what would change; apply to the cluster by name, -l, -A or --all"));
    }
    match args.plan.clone() {
        Some(path) => run_saved(session, args, &path).await,
        None => run_fresh(session, args).await,
    }
}

/// Executes a plan that was saved: it decides nothing, and asks nothing.
async fn run_saved(session: &Session, args: ApplyArgs, path: &Path) -> Result<ExitCode, Error> {
    let selected = &args.selection;
    if !selected.applications.is_empty() || selected.selector.is_some() || selected.scope.all_namespaces || args.all {
        return Err(Error::usage("--plan says what is written: it goes without names, -l, -A and --all"));
    }
    let text = read_plan(path)?;
    let saved = document::plan::read(&text)
        .map_err(|why| Error::failed(format!("{} cannot be applied: {why}", path.display())).hint("make a new plan"))?;
    if let Some(change) = saved.changes.iter().find(|change| change.uid.is_none()) {
        return Err(Error::failed(format!("change {} was planned from a manifest, not from a cluster", change.id))
            .hint("plan without -f to apply to a cluster"));
    }
    let cluster = session.cluster(selected.scope.namespace.clone()).await?;
    session.configure_registries(&cluster).await?;
    let refused = if args.write.force { BTreeMap::new() } else { refused(session, &cluster, &saved.changes).await? };
    let receipts = execute(session, &cluster, &saved.changes, &args.write, refused).await?;
    report(session, &receipts, &args.output, &args.write, namespaces(&saved.changes))
}

fn read_plan(path: &Path) -> Result<String, Error> {
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

/// Plans, shows the plan, asks, and executes it.
async fn run_fresh(session: &Session, args: ApplyArgs) -> Result<ExitCode, Error> {
    let can_ask = session.process.can_ask();
    let dry = args.write.dry_run != DryRunArg::None;
    if !can_ask && !args.write.yes && !dry {
        return Err(Error::usage("there is no terminal to ask at").hint("give --yes, or a plan with --plan"));
    }
    if !is_told_what(&args.selection) && !args.all && (!can_ask || args.write.yes) {
        return Err(Error::usage("apply must be told what to write").hint("give names, -l, -A, --all or --plan"));
    }
    let (selection, plan) = session.interruptible(plan::make(session, &args.selection, &args.decision)).await??;
    session.diagnose(&plan.diagnostics);
    session.left_out(&plan.decisions);
    let undecided = if plan.complete { selection.exit_code() } else { selection.exit_code().or(ExitCode::Partial) };
    let changes = &plan.changes;
    if changes.is_empty() {
        session.printer.note("nothing to change");
        let code = report(session, &[], &args.output, &args.write, selection.namespaces)?;
        return Ok(code.or(undecided));
    }
    let asks = !args.write.yes && !dry;
    if asks {
        // Whoever is asked has to see what about, however quiet the rest is.
        session.printer.alert(&plan::preview(&selection, changes, args.context_lines));
        session.printer.alert(&summary::of_changes(changes));
        if !ask("Write these changes?")? {
            session.printer.alert("nothing was written");
            return Ok(ExitCode::Declined.or(undecided));
        }
    } else if !matches!(args.output.output, Output::Json | Output::Yaml | Output::Name) {
        session.printer.note(&plan::preview(&selection, changes, args.context_lines));
    }
    let cluster = selection.cluster.as_ref().ok_or_else(|| Error::failed("there is no cluster to write to"))?;
    let refused =
        if args.write.force { BTreeMap::new() } else { pipeline::managed(&selection.selected, &selection.updaters) };
    let receipts = execute(session, cluster, changes, &args.write, refused).await?;
    let code = report(session, &receipts, &args.output, &args.write, selection.namespaces)?;
    Ok(code.or(undecided))
}

/// Whether the flags say which Applications are meant.
fn is_told_what(selection: &SelectionArgs) -> bool {
    !selection.applications.is_empty() || selection.selector.is_some() || selection.scope.all_namespaces
}

/// Asks a question that is answered with yes or no; no is the default.
///
/// # Errors
/// The answer cannot be read, or the user interrupts.
pub(crate) fn ask(question: &str) -> Result<bool, Error> {
    let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
    match answer {
        Ok(answer) => Ok(answer.unwrap_or(false)),
        Err(dialoguer::Error::IO(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Error::failed("interrupted; nothing was written").with_code(ExitCode::Interrupted))
        }
        Err(error) => Err(Error::failed("failed to ask").source(error)),
    }
}

/// The Applications of a saved plan that an ImageUpdater rules over now.
async fn refused(
    session: &Session,
    cluster: &Cluster,
    changes: &[Change],
) -> Result<BTreeMap<ApplicationKey, String>, Error> {
    let mut applications = Vec::new();
    let mut updaters = Vec::new();
    let mut keys: Vec<_> = changes.iter().map(|change| change.application.clone()).collect();
    keys.dedup();
    let mut asked = std::collections::BTreeSet::new();
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
    for key in &keys {
        match cluster.application(key).await {
            Ok(application) => applications.push(application),
            Err(error) if error.kind == crate::cluster::error::ClusterErrorKind::NotFound => {}
            Err(error) => return Err(cluster_error(error)),
        }
    }
    let (selected, _) = pipeline::read(applications);
    Ok(pipeline::managed(&selected, &updaters))
}

/// Executes changes as the flags say.
///
/// # Errors
/// The user ended it in the middle of a write.
pub(crate) async fn execute(
    session: &Session,
    cluster: &Cluster,
    changes: &[Change],
    write: &WriteArgs,
    refused: BTreeMap<ApplicationKey, String>,
) -> Result<Vec<Receipt>, Error> {
    let executor = Executor {
        cluster,
        registries: &session.registries,
        logins: &session.logins,
        now: session.process.now(),
        dry_run: dry_run(write),
        interrupted: &session.interrupted,
        refused,
    };
    session.finishing(executor.execute(changes)).await
}

pub(crate) fn dry_run(write: &WriteArgs) -> DryRun {
    match write.dry_run {
        DryRunArg::None => DryRun::None,
        DryRunArg::Client => DryRun::Client,
        DryRunArg::Server => DryRun::Server,
    }
}

/// Prints receipts, and says which exit code they mean.
fn report(
    session: &Session,
    receipts: &[Receipt],
    output: &OutputArgs,
    write: &WriteArgs,
    namespaces: bool,
) -> Result<ExitCode, Error> {
    let dry_run = dry_run(write);
    let document = Session::document(output.output, || document::receipts::apply_report(receipts, dry_run));
    let lines = receipts::lines(receipts, dry_run);
    print(session, receipts, Report { document, lines, names: (output.output == Output::Name).then_some(namespaces) })
}

/// A report in the forms it can be printed in.
pub(crate) struct Report {
    /// For scripts, if a format for them was asked for.
    pub(crate) document: Option<String>,
    /// For people.
    pub(crate) lines: String,
    /// `Some`: only the names of what was written, with namespaces or without.
    pub(crate) names: Option<bool>,
}

/// Prints a report, or on failure its lines on standard error, where standard output stays empty.
pub(crate) fn print(session: &Session, receipts: &[Receipt], report: Report) -> Result<ExitCode, Error> {
    let code = exit_code(session, receipts);
    let Report { document, lines, names } = report;
    if code == ExitCode::Failed {
        session.printer.alert(&lines);
        session.printer.alert(&diagnostics::error(&Error::failed("every change failed")));
        session.spent();
        return Ok(code);
    }
    if document.is_some() && code != ExitCode::Done {
        session.printer.alert(&lines);
    }
    let names = names.map(|namespaces| receipts::names(receipts, namespaces));
    session.printer.data(&document.or(names).unwrap_or(lines))?;
    if !receipts.is_empty() {
        session.printer.note(&summary::of_receipts(receipts));
    }
    if code == ExitCode::Stale {
        session.printer.alert("the plan no longer fits: nothing was written\n  hint: make a new plan");
    }
    session.spent();
    Ok(code)
}

/// What receipts mean for the exit code (contract `Streams and exit codes`).
fn exit_code(session: &Session, receipts: &[Receipt]) -> ExitCode {
    let any = |outcome| receipts.iter().any(|receipt| receipt.outcome == outcome);
    let all_went_well =
        receipts.iter().all(|receipt| matches!(receipt.outcome, Outcome::Applied | Outcome::AlreadyApplied));
    if session.interrupted.load(std::sync::atomic::Ordering::Relaxed) && !all_went_well {
        ExitCode::Interrupted
    } else if all_went_well {
        ExitCode::Done
    } else if any(Outcome::Applied) {
        ExitCode::Partial
    } else if any(Outcome::Stale) {
        ExitCode::Stale
    } else if any(Outcome::AlreadyApplied) {
        ExitCode::Partial
    } else {
        ExitCode::Failed
    }
}

/// Whether changes go to more than one namespace, so that names need theirs.
pub(crate) fn namespaces(changes: &[Change]) -> bool {
    changes.iter().any(|change| change.application.namespace != changes[0].application.namespace)
}

/// Selects for `pin` and `unpin`, and refuses what must not be written.
pub(crate) async fn select_to_pin(
    session: &Session,
    name: &str,
    namespace: Option<&str>,
    write: &WriteArgs,
) -> Result<select::Selection, Error> {
    let selection = select::select_one(session, name, namespace).await?;
    session.diagnose(&selection.diagnostics);
    for (key, why) in pipeline::managed(&selection.selected, &selection.updaters) {
        if !write.force {
            return Err(Error::failed(format!("{key} is not written: {why}")));
        }
        let what = "an ImageUpdater rules over it, and does not read annotations: for a running Image Updater the hold is not in force";
        session.diagnose(&[Diagnostic::warning(pipeline::MANAGED_BY_UPDATER, what).about(&key)]);
    }
    Ok(selection)
}
