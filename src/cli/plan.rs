//! `plan`: the exact edits, as a diff, and saved with `--out`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use crate::cli::args::DecisionArgs;
use crate::cli::args::Output;
use crate::cli::args::PlanArgs;
use crate::cli::external_diff;
use crate::cli::select;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::cli::summary;
use crate::document;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::plan::Change;
use crate::model::plan::Plan;
use crate::output::diff;
use crate::output::diff::TargetDiff;
use crate::output::table;
use crate::pipeline;
use crate::writeback::object;
use crate::writeback::object::Edited;

pub(crate) async fn run(session: &Session, args: PlanArgs) -> Result<ExitCode, Error> {
    let (selection, plan) = session.interruptible(make(session, &args.selection, &args.decision)).await??;
    session.diagnose(&plan.diagnostics);
    session.left_out(&plan.decisions);
    if let Some(path) = &args.out {
        save(path, &plan)?;
    }
    let text = render(session, &selection, &plan, args.output.output, args.context_lines)?;
    session.printer.data(&text)?;
    if matches!(args.output.output, Output::Table | Output::Wide) {
        conclude(session, &plan, args.out.as_deref());
    }
    session.spent();
    let mut code = selection.exit_code();
    if !plan.complete {
        code = code.or(ExitCode::Partial);
    }
    if args.detailed_exitcode && !plan.changes.is_empty() {
        code = code.or(ExitCode::Changes);
    }
    Ok(code)
}

/// Selects Applications and plans.
pub(crate) async fn make(
    session: &Session,
    selection: &crate::cli::args::SelectionArgs,
    decision: &DecisionArgs,
) -> Result<(Selection, Plan), Error> {
    let selection = select::select(session, selection).await?;
    let mut options = session.options(decision.source.clone());
    options.allow_downgrade = decision.allow_downgrade;
    options.include_rolled_back = decision.include_rolled_back;
    options.check_platforms = decision.check_platforms;
    let clients = selection.clients(session);
    let mut plan = pipeline::plan(&clients, &selection.selected, &selection.updaters, &options).await;
    plan.diagnostics.splice(0..0, selection.diagnostics.iter().cloned());
    plan.complete &= !selection.partial;
    Ok((selection, plan))
}

/// The plan as text, in the format asked for.
pub(crate) fn render(
    session: &Session,
    selection: &Selection,
    plan: &Plan,
    output: Output,
    context: usize,
) -> Result<String, Error> {
    if let Some(text) = Session::document(output, || document::plan::write(plan)) {
        return Ok(text);
    }
    match output {
        Output::Name => Ok(names(plan, selection.namespaces)),
        Output::Markdown => Ok(markdown(selection, plan, context)),
        _ => {
            let targets = targets(selection, &plan.changes);
            match external_diff::command(&session.process) {
                Some(command) if !targets.is_empty() => {
                    let diffs: Vec<_> = targets.values().cloned().collect();
                    let lines: String = plan.changes.iter().map(diff::image_lines).collect();
                    Ok(external_diff::run(&command, &diffs, &session.process)? + &lines)
                }
                _ => Ok(plan
                    .changes
                    .iter()
                    .filter_map(|change| {
                        let target = targets.get(&change.id)?;
                        Some(diff::unified(target, context) + &diff::image_lines(change))
                    })
                    .collect::<Vec<_>>()
                    .join("\n")),
            }
        }
    }
}

/// Each change's target before and after it, by the change's id.
fn targets(selection: &Selection, changes: &[Change]) -> BTreeMap<String, TargetDiff> {
    changes
        .iter()
        .filter_map(|change| {
            let application = selection
                .selected
                .iter()
                .map(|selected| &selected.application)
                .find(|found| found.key == change.application)?;
            match object::edited(&application.object, &change.destination, &change.edits) {
                Ok(Edited::Object(after)) => {
                    Some((change.id.clone(), diff::application(change, &application.object, &after)))
                }
                _ => None,
            }
        })
        .collect()
}

/// The diff of changes, for a prompt.
pub(crate) fn preview(selection: &Selection, changes: &[Change], context: usize) -> String {
    let targets = targets(selection, changes);
    let diffs: Vec<_> = changes
        .iter()
        .filter_map(|change| Some(diff::unified(targets.get(&change.id)?, context) + &diff::image_lines(change)))
        .collect();
    diffs.join("\n")
}

fn names(plan: &Plan, namespaces: bool) -> String {
    let mut names: Vec<_> =
        plan.changes.iter().map(|change| format!("{}\n", table::name(&change.application, namespaces))).collect();
    names.dedup();
    names.concat()
}

fn markdown(selection: &Selection, plan: &Plan, context: usize) -> String {
    let targets = targets(selection, &plan.changes);
    let mut text = String::new();
    for change in &plan.changes {
        let Some(target) = targets.get(&change.id) else { continue };
        let diff = anstream::adapter::strip_str(&diff::unified(target, context)).to_string();
        // A fence longer than any run of backticks inside cannot be closed by what is inside.
        let longest = diff.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        text.extend([&fence, "diff\n", &diff, &fence, "\n\n"]);
    }
    text
}

/// Says what the plan comes to, and what to type next.
fn conclude(session: &Session, plan: &Plan, out: Option<&Path>) {
    let printer = &session.printer;
    if plan.changes.is_empty() {
        printer.note("nothing to change");
        return;
    }
    printer.note(&summary::of_changes(&plan.changes));
    match out {
        Some(path) => printer.note(&format!("hint: kubectl image-update apply --plan {}", path.display())),
        None => {
            printer.note("hint: `kubectl image-update apply` with the same flags writes this; `--out FILE` saves it");
        }
    }
}

/// Writes the plan to a file in one step, so that a reader never finds half of it.
fn save(path: &Path, plan: &Plan) -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::failed(format!("failed to save the plan to {}", path.display())).source(error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = document::to_json(&document::plan::write(plan));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
