//! `apply`: write a plan, after asking.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::apply::Commits;
use crate::apply::Executor;
use crate::apply::Manifest;
use crate::cli::args::ApplyArgs;
use crate::cli::args::DryRunArg;
use crate::cli::args::Output;
use crate::cli::args::OutputArgs;
use crate::cli::args::SelectionArgs;
use crate::cli::args::WriteArgs;
use crate::cli::choose;
use crate::cli::commits;
use crate::cli::events;
use crate::cli::plan;
use crate::cli::plan::Made;
use crate::cli::saved;
use crate::cli::select;
use crate::cli::session::Session;
use crate::cli::signals;
use crate::cli::summary;
use crate::cli::tick;
use crate::cli::wait;
use crate::cli::wait::Rollouts;
use crate::cluster::Cluster;
use crate::document;
use crate::document::receipts::DryRun;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::application::ApplicationKey;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::output::diagnostics;
use crate::output::receipts;
use crate::pipeline;
use crate::run::Selected;

pub(crate) async fn run(session: &Session, args: ApplyArgs) -> Result<ExitCode, Error> {
    if !args.selection.filename.is_empty() && args.files.worktree.is_none() {
        return Err(Error::usage("apply -f needs --worktree DIR: manifests are no cluster that could be written to")
            .hint("`plan -f` shows what would change; apply to the cluster by name, -l, -A or --all"));
    }
    // What is wrong with a flag is said before anything is written.
    wait::limit(&args.wait)?;
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
    if selected.shard.is_some() {
        return Err(Error::usage("--plan says what is written: it goes without --shard").hint("plan with --shard"));
    }
    if !selected.filename.is_empty() {
        return Err(Error::usage("--plan says what is written: it goes without -f"));
    }
    args.decision.refuse_with_plan()?;
    session.use_worktree(args.files.worktree.as_ref())?;
    let saved = saved::read(path).await?;
    choose::must_be_few(saved.changes.len(), args.decision.wish.max_changes)?;
    if saved.changes.is_empty() {
        session.printer.note("the plan changes nothing");
    }
    let cluster = session.cluster(selected.scope.namespace().map(str::to_owned)).await?;
    session.configure_registries(&cluster).await?;
    let commits = if saved.changes.iter().any(|change| change.git().is_some()) {
        commits::commits(session, Some(&cluster), &args.files.message, Some(&args.commits)).await?
    } else {
        Commits::default()
    };
    let refused =
        if args.write.force { BTreeMap::new() } else { saved::refused(session, &cluster, &saved.changes).await? };
    let writer =
        Writer { cluster: Some(&cluster), manifests: Vec::new(), refused, commits, pinning: false, takes_back: false };
    write(session, writer, &saved.changes, &args, namespaces(&saved.changes)).await
}

/// Plans, shows the plan, asks, and executes it.
async fn run_fresh(session: &Session, args: ApplyArgs) -> Result<ExitCode, Error> {
    let can_ask = session.process.can_ask();
    let dry = args.write.dry_run != DryRunArg::None;
    if args.interactive {
        tick::must_be_possible(session)?;
    }
    if !can_ask && !args.write.yes && !dry {
        return Err(Error::usage("there is no terminal to ask at").hint("give --yes, or a plan with --plan"));
    }
    let is_told = is_told_what(&args.selection) || !args.selection.filename.is_empty();
    if !is_told && !args.all && (!can_ask || args.write.yes) {
        return Err(Error::usage("apply must be told what to write").hint("give names, -l, -A, --all or --plan"));
    }
    let wanted = plan::Wanted {
        selection: &args.selection,
        decision: &args.decision,
        files: &args.files,
        commits: Some(&args.commits),
    };
    let made = session.interruptible(plan::make(session, wanted)).await??;
    let Made { selection, plan, .. } = &made;
    session.diagnose(&plan.diagnostics);
    session.left_out(&plan.decisions);
    let undecided = if plan.complete { selection.exit_code() } else { selection.exit_code().or(ExitCode::Partial) };
    if plan.changes.is_empty() {
        session.printer.note(&summary::of_nothing(&plan.decisions));
        let none = Told { receipts: &[], rollouts: &Rollouts::new() };
        let code = report(session, none, &args.output, &args.write, selection.namespaces)?;
        return Ok(code.or(undecided));
    }
    if !args.interactive {
        choose::must_be_few(plan.changes.len(), args.decision.wish.max_changes)?;
    }
    let changes = agreed(session, &made, &args).await?;
    if changes.is_empty() {
        session.printer.alert("nothing was written");
        return Ok(ExitCode::Declined.or(undecided));
    }
    let refused =
        if args.write.force { BTreeMap::new() } else { pipeline::managed(&selection.selected, &selection.updaters) };
    let cluster = selection.cluster.as_ref();
    let manifests = match cluster {
        Some(_) => Vec::new(),
        None => selection.selected.iter().map(|selected| manifest(selection, selected)).collect(),
    };
    let writer =
        Writer { cluster, manifests, refused, commits: made.commits.clone(), pinning: false, takes_back: false };
    Ok(write(session, writer, &changes, &args, selection.namespaces).await?.or(undecided))
}

/// Shows a plan and asks about it, unless told not to; returns the changes that are wanted.
async fn agreed(session: &Session, made: &Made, args: &ApplyArgs) -> Result<Vec<Change>, Error> {
    let asks = args.interactive || (!args.write.yes && args.write.dry_run == DryRunArg::None);
    let Made { selection, plan, .. } = made;
    let preview = || plan::preview(selection, plan, args.context_lines);
    if asks {
        // Whoever is asked has to see what about, however quiet the rest is.
        session.printer.alert(&preview());
        session.printer.alert(&summary::of_changes(&plan.changes));
    } else if !matches!(args.output.output, Output::Json | Output::Yaml | Output::Name) {
        session.printer.note(&preview());
    }
    if args.interactive {
        let changes = tick::ticked(session, made).await?;
        choose::must_be_few(changes.len(), args.decision.wish.max_changes)?;
        return Ok(changes);
    }
    let agreed = !asks || ask("Write these changes?")?;
    Ok(if agreed { plan.changes.clone() } else { Vec::new() })
}

/// Executes changes, follows what becomes of them, and reports.
async fn write(
    session: &Session,
    writer: Writer<'_>,
    changes: &[Change],
    args: &ApplyArgs,
    namespaces: bool,
) -> Result<ExitCode, Error> {
    let again = args.wait.undo_on_failure.then(|| writer.clone());
    let cluster = writer.cluster;
    let awaited = if args.write.dry_run == DryRunArg::None { changes } else { &[] };
    let before = wait::before(cluster, awaited, &args.wait).await;
    let mut receipts = execute(session, writer, changes, &args.write).await?;
    events::send(session, cluster, &receipts, &args.write).await;
    let rollouts = if args.write.dry_run == DryRunArg::None {
        wait::wait(session, cluster, &receipts, &before, (&args.wait, wait::limit(&args.wait)?)).await
    } else {
        Rollouts::new()
    };
    let undoing = wait::undoing(&receipts, &rollouts);
    if let (Some(writer), false) = (again, undoing.is_empty()) {
        let undone = execute(session, writer, &undoing, &args.write).await?;
        events::send(session, cluster, &undone, &args.write).await;
        receipts.extend(undone);
    }
    report(session, Told { receipts: &receipts, rollouts: &rollouts }, &args.output, &args.write, namespaces)
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
    answer.map(|answer| answer.unwrap_or(false)).map_err(signals::unanswered)
}

/// The manifest of an Application, with the file it is in.
fn manifest<'a>(selection: &'a select::Selection, selected: &'a Selected) -> Manifest<'a> {
    let application = &selected.application;
    Manifest { application, file: selection.files.get(&application.key).map(PathBuf::as_path) }
}

/// What changes are written with, and how.
#[derive(Clone)]
pub(crate) struct Writer<'a> {
    pub(crate) cluster: Option<&'a Cluster>,
    pub(crate) manifests: Vec<Manifest<'a>>,
    pub(crate) refused: BTreeMap<ApplicationKey, String>,
    pub(crate) commits: Commits,
    pub(crate) pinning: bool,
    /// What was written a moment ago is taken back, also after the user wanted to stop: half of it must not stay.
    pub(crate) takes_back: bool,
}

/// Executes changes as the flags say.
///
/// # Errors
/// The user ended it in the middle of a write.
pub(crate) async fn execute(
    session: &Session,
    writer: Writer<'_>,
    changes: &[Change],
    write: &WriteArgs,
) -> Result<Vec<Receipt>, Error> {
    session.finishing(executor(session, writer, dry_run(write)).execute(changes)).await
}

/// What checks and writes changes.
pub(crate) fn executor<'a>(session: &'a Session, writer: Writer<'a>, dry_run: DryRun) -> Executor<'a> {
    static NEVER: AtomicBool = AtomicBool::new(false);
    let Writer { cluster, manifests, refused, commits, pinning, takes_back } = writer;
    Executor {
        cluster,
        manifests,
        repositories: &session.repositories,
        commits,
        pinning,
        registries: &session.registries,
        logins: &session.logins,
        now: session.process.now(),
        dry_run,
        interrupted: if takes_back { &NEVER } else { &session.interrupted },
        writing: &session.writing,
        refused,
        watch: &session.printer,
    }
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
    told: Told<'_>,
    output: &OutputArgs,
    write: &WriteArgs,
    namespaces: bool,
) -> Result<ExitCode, Error> {
    let Told { receipts, rollouts } = told;
    let dry_run = dry_run(write);
    let document = Session::document(output.output, || document::receipts::apply_report(receipts, rollouts, dry_run));
    let lines = receipts::lines(receipts, dry_run) + &receipts::rollouts(rollouts);
    let names = (output.output == Output::Name).then_some(namespaces);
    let report = Report { document, lines, names, dry: dry_run != DryRun::None, in_part: false };
    Ok(print(session, receipts, report)?.or(wait::exit_code(session, rollouts)))
}

/// What there is to report.
#[derive(Clone, Copy)]
struct Told<'a> {
    receipts: &'a [Receipt],
    rollouts: &'a Rollouts,
}

/// A report in the forms it can be printed in.
pub(crate) struct Report {
    /// For scripts, if a format for them was asked for.
    pub(crate) document: Option<String>,
    /// For people.
    pub(crate) lines: String,
    /// `Some`: only the names of what was written, with namespaces or without.
    pub(crate) names: Option<bool>,
    /// Nothing was written.
    pub(crate) dry: bool,
    /// Something was written that the receipts do not tell of.
    pub(crate) in_part: bool,
}

/// Prints a report, or on failure its lines on standard error, where standard output stays empty.
pub(crate) fn print(session: &Session, receipts: &[Receipt], report: Report) -> Result<ExitCode, Error> {
    let Report { document, lines, names, dry, in_part } = report;
    let code = match exit_code(session, receipts) {
        ExitCode::Failed | ExitCode::Stale if in_part => ExitCode::Partial,
        code => code,
    };
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
        session.printer.note(&summary::of_receipts(receipts, dry));
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
    if session.is_interrupted() {
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
