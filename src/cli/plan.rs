//! `plan`: the exact edits, as a diff, and saved with `--out`.

use std::io::Write as _;
use std::path::Path;

use crate::apply::Commits;
use crate::cli::args::Output;
use crate::cli::args::PlanArgs;
use crate::cli::args::SelectionArgs;
use crate::cli::choice_args::DecisionArgs;
use crate::cli::choose;
use crate::cli::choose::Choice;
use crate::cli::commits;
use crate::cli::external_diff;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::FileArgs;
use crate::cli::review;
use crate::cli::select;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::cli::summary;
use crate::document;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::plan::Change;
use crate::model::plan::FileChange;
use crate::model::plan::Plan;
use crate::output::diff;
use crate::output::diff::TargetDiff;
use crate::output::table;
use crate::output::text;
use crate::pipeline;
use crate::pipeline::Checked;
use crate::run::Options;
use crate::writeback::object;
use crate::writeback::object::Edited;

pub(crate) async fn run(session: &Session, args: PlanArgs) -> Result<ExitCode, Error> {
    if let Some(path) = &args.plan {
        return review::run(session, &args, path).await;
    }
    let Made { selection, plan, .. } = session.interruptible(make(session, Wanted::of_plan(&args))).await??;
    choose::must_be_few(plan.changes.len(), args.decision.wish.max_changes)?;
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

/// What is planned.
pub(crate) struct Wanted<'a> {
    pub(crate) selection: &'a SelectionArgs,
    pub(crate) decision: &'a DecisionArgs,
    pub(crate) files: &'a FileArgs,
    pub(crate) commits: Option<&'a CommitArgs>,
}

impl<'a> Wanted<'a> {
    fn of_plan(args: &'a PlanArgs) -> Self {
        Self { selection: &args.selection, decision: &args.decision, files: &args.files, commits: None }
    }
}

/// A plan, and what it was made of.
pub(crate) struct Made {
    pub(crate) selection: Selection,
    pub(crate) plan: Plan,
    pub(crate) commits: Commits,
    pub(crate) checked: Checked,
    pub(crate) options: Options,
}

/// Selects Applications and plans. The settings of commits are read only if there is anything to commit.
pub(crate) async fn make(session: &Session, wanted: Wanted<'_>) -> Result<Made, Error> {
    let Wanted { selection, decision, files, commits } = wanted;
    session.use_worktree(files.worktree.as_ref())?;
    let choice = Choice::read(&decision.choice, Some(&decision.wish))?;
    let args = selection;
    let mut selection = select::select(session, args).await?;
    choice.note(&mut selection.selected, session.process.now())?;
    selection.keep_shard(session, args, decision.source.as_deref())?;
    let mut options = session.options(decision.source.clone());
    options.allow_downgrade = decision.allow_downgrade;
    options.include_rolled_back = decision.include_rolled_back;
    options.create_keys = files.message.create_keys;
    options.restart_branch = commits.is_some_and(|commits| commits.restart_branch);
    options.check_platforms = decision.check_platforms;
    let clients = selection.clients(session);
    let (mut plan, checked) = pipeline::plan(&clients, &selection.selected, &selection.updaters, &options).await;
    plan.diagnostics.splice(0..0, selection.diagnostics.iter().cloned());
    plan.complete &= !selection.partial;
    if let Err(error) = choose::must_be_had(&plan.decisions) {
        session.diagnose(&plan.diagnostics);
        return Err(error);
    }
    let commits = if plan.changes.iter().any(|change| change.git().is_some()) {
        let settings = commits::commits(session, selection.cluster.as_ref(), &files.message, commits).await?;
        commits::try_message(&settings, &plan.changes)?;
        settings
    } else {
        Commits::default()
    };
    Ok(Made { selection, plan, commits, checked, options })
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
        Output::Name => {
            Ok(table::applications(plan.changes.iter().map(|change| &change.application), selection.namespaces))
        }
        Output::Markdown => Ok(markdown(selection, plan, context)),
        _ => {
            let sections = sections(selection, plan);
            match external_diff::command(&session.process) {
                Some(command) if !sections.is_empty() => {
                    let diffs: Vec<_> = sections.iter().map(|section| section.target.clone()).collect();
                    let lines: String = plan.changes.iter().map(diff::image_lines).collect();
                    Ok(external_diff::run(&command, &diffs, &session.process)? + &lines)
                }
                _ => Ok(preview(selection, plan, context)),
            }
        }
    }
}

/// A target before and after, and the changes to it.
struct Section<'a> {
    target: TargetDiff,
    changes: Vec<&'a Change>,
}

/// The targets of a plan in the order of its changes: each Application, and each file once, with all changes to it.
fn sections<'a>(selection: &Selection, plan: &'a Plan) -> Vec<Section<'a>> {
    let mut sections = Vec::new();
    for change in &plan.changes {
        if change.git().is_some() {
            let is_first = |file: &&FileChange| file.changes.first() == Some(&change.id);
            let Some(file) = plan.files.iter().find(is_first) else { continue };
            let changes = plan.changes.iter().filter(|other| file.changes.contains(&other.id)).collect();
            sections.push(Section { target: diff::file(file), changes });
        } else if let Some(target) = application(selection, change) {
            sections.push(Section { target, changes: vec![change] });
        }
    }
    sections
}

/// An Application before and after a change.
fn application(selection: &Selection, change: &Change) -> Option<TargetDiff> {
    let applications = selection.selected.iter().map(|selected| &selected.application);
    let application = applications.into_iter().find(|found| found.key == change.application)?;
    match object::edited(&application.object, &change.destination, &change.edits) {
        Ok(Edited::Object(after)) => Some(diff::application(change, &application.object, &after)),
        _ => None,
    }
}

/// The diff of a plan, for people.
pub(crate) fn preview(selection: &Selection, plan: &Plan, context: usize) -> String {
    let texts: Vec<_> = sections(selection, plan)
        .iter()
        .map(|section| {
            let lines: String = section.changes.iter().map(|change| diff::image_lines(change)).collect();
            diff::unified(&section.target, context) + &lines
        })
        .collect();
    texts.join("\n")
}

fn markdown(selection: &Selection, plan: &Plan, context: usize) -> String {
    let mut text = String::new();
    for Section { target, .. } in sections(selection, plan) {
        let diff = anstream::adapter::strip_str(&diff::unified(&target, context)).to_string();
        text.push_str(&text::fenced("diff", &diff));
        text.push('\n');
    }
    text
}

/// Says what the plan comes to, and what to type next.
fn conclude(session: &Session, plan: &Plan, out: Option<&Path>) {
    let printer = &session.printer;
    if plan.changes.is_empty() {
        printer.note(&summary::of_nothing(&plan.decisions));
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

/// Writes the plan to a file in one step, so that a reader never finds half of it. What is there and is no file, such
/// as a pipe or a device, is written to and never replaced; a link stays one.
fn save(path: &Path, plan: &Plan) -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::failed(format!("failed to save the plan to {}", path.display())).source(error);
    let text = document::to_json(&document::plan::write(plan));
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut open = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
        return open.write_all(text.as_bytes()).and_then(|()| open.flush()).map_err(failed);
    }
    let there = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = there.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&there).map_err(|error| failed(error.error))?;
    Ok(())
}
