//! `plan --plan`: whether a saved plan still fits, before anybody applies it. Reads only.

use std::collections::BTreeMap;
use std::path::Path;

use crate::apply::Commits;
use crate::cli::apply;
use crate::cli::apply::Writer;
use crate::cli::args::Output;
use crate::cli::args::PlanArgs;
use crate::cli::choose;
use crate::cli::saved;
use crate::cli::session::Session;
use crate::cli::summary;
use crate::document;
use crate::document::receipts::DryRun;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::application::ApplicationKey;
use crate::model::plan::Finding;
use crate::model::plan::Outcome;
use crate::output::receipts;
use crate::output::table;

/// Checks every precondition of a saved plan.
///
/// # Errors
/// The plan cannot be read, the cluster cannot be asked, or nothing could be found out.
pub(crate) async fn run(session: &Session, args: &PlanArgs, path: &Path) -> Result<ExitCode, Error> {
    refuse_what_decides(args)?;
    session.use_worktree(args.files.worktree.as_ref())?;
    let saved = saved::read(path).await?;
    choose::must_be_few(saved.changes.len(), args.decision.wish.max_changes)?;
    let work = async {
        let cluster = session.cluster(args.selection.scope.namespace().map(str::to_owned)).await?;
        session.configure_registries(&cluster).await?;
        let writer = Writer {
            cluster: Some(&cluster),
            manifests: Vec::new(),
            refused: saved::refused(session, &cluster, &saved.changes).await?,
            commits: Commits { create_keys: args.files.message.create_keys, ..Commits::default() },
            pinning: false,
            takes_back: false,
        };
        let executor = apply::executor(session, writer, DryRun::Client);
        Ok::<_, Error>(executor.examine(&saved.changes).await)
    };
    let findings = session.interruptible(work).await??;
    let code = exit_code(&findings);
    let lines = receipts::findings(&findings);
    if code == ExitCode::Failed {
        session.printer.alert(&lines);
        session.spent();
        return Err(Error::failed("whether the plan fits could not be found out"));
    }
    let document = Session::document(args.output.output, || document::plan_status::plan_status(&saved, &findings));
    let names = (args.output.output == Output::Name).then(|| names(&findings));
    session.printer.data(&document.or(names).unwrap_or(lines))?;
    conclude(session, &findings, code, path);
    session.spent();
    Ok(code)
}

/// A saved plan decides everything; what else is on the command line would say something else.
fn refuse_what_decides(args: &PlanArgs) -> Result<(), Error> {
    let selection = &args.selection;
    let selects = !selection.applications.is_empty()
        || selection.selector.is_some()
        || selection.scope.all_namespaces
        || selection.shard.is_some()
        || !selection.filename.is_empty();
    if selects || args.out.is_some() {
        return Err(Error::usage(
            "--plan says what is looked at: it goes without names, -l, -A, -f, --shard and --out",
        ));
    }
    args.decision.refuse_with_plan()
}

/// Stale before all, as `apply` would have it: it would write nothing.
fn exit_code(findings: &[Finding]) -> ExitCode {
    let any = |outcome| findings.iter().any(|finding| finding.outcome == outcome);
    let unknown = any(Some(Outcome::Failed)) || any(Some(Outcome::Rejected));
    if any(Some(Outcome::Stale)) {
        ExitCode::Stale
    } else if !unknown {
        ExitCode::Done
    } else if any(None) || any(Some(Outcome::AlreadyApplied)) {
        ExitCode::Partial
    } else {
        ExitCode::Failed
    }
}

/// The Applications of the changes that fit, by name.
fn names(findings: &[Finding]) -> String {
    let fit = findings.iter().filter(|finding| finding.outcome.is_none());
    let keys: Vec<&ApplicationKey> = fit.map(|finding| &finding.change.application).collect();
    let namespaces = keys.iter().any(|key| key.namespace != keys[0].namespace);
    table::applications(keys, namespaces)
}

/// Says what it comes to, and what to type next.
fn conclude(session: &Session, findings: &[Finding], code: ExitCode, path: &Path) {
    let printer = &session.printer;
    if findings.is_empty() {
        printer.note("the plan changes nothing");
        return;
    }
    let mut numbers = BTreeMap::new();
    for finding in findings {
        *numbers.entry(finding.outcome).or_insert(0_usize) += 1;
    }
    printer.note(&summary::of_findings(&numbers));
    match code {
        ExitCode::Stale => printer.alert("the plan no longer fits: apply would write nothing\n  hint: make a new plan"),
        ExitCode::Done if numbers.contains_key(&None) => {
            printer.note(&format!("hint: kubectl image-update apply --plan {}", path.display()));
        }
        _ => {}
    }
}
