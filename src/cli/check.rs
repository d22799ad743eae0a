//! `check`: what is deployed, what is newest, and why.

use crate::cli::args::CheckArgs;
use crate::cli::args::Output;
use crate::cli::choose::Choice;
use crate::cli::next;
use crate::cli::select;
use crate::cli::session::Session;
use crate::cli::suggest;
use crate::cli::summary;
use crate::document;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::plan::Destination;
use crate::output::html;
use crate::output::html::Page;
use crate::output::table;
use crate::output::text;
use crate::pipeline;
use crate::run::Selected;

pub(crate) async fn run(session: &Session, args: CheckArgs) -> Result<ExitCode, Error> {
    if args.suggest {
        return suggest::run(session, &args).await;
    }
    let mut options = session.options(args.source.clone());
    options.dates = args.dates;
    options.no_git = args.no_git;
    options.check_platforms = args.check_platforms;
    let choice = Choice::read(&args.choice, None)?;
    let (selection, checked, has_changes) = session
        .interruptible(async {
            let mut selection = select::select(session, &args.selection).await?;
            choice.note(&mut selection.selected, options.now)?;
            selection.keep_shard(session, &args.selection, options.source.as_deref())?;
            let clients = selection.clients(session);
            let checked = pipeline::check(&clients, &selection.selected, &selection.updaters, &options).await;
            // An update is only a change if `plan` would write it: not one of an Application that is going away.
            let has_changes = args.detailed_exitcode
                && (!pipeline::changes(&clients, &selection.selected, &checked, &options).await.changes.is_empty()
                    || (options.no_git && unseen_updates(&selection.selected, &checked.decisions)));
            Ok((selection, checked, has_changes))
        })
        .await??;
    let mut diagnostics = selection.diagnostics.clone();
    diagnostics.extend(checked.diagnostics);
    let decisions = checked.decisions;
    session.diagnose(&diagnostics);
    let layout = session.layout(&args.output, selection.namespaces);
    let document = || document::check::report(&decisions, &diagnostics, args.explain);
    let text = Session::document(args.output.output, document).unwrap_or_else(|| match args.output.output {
        Output::Name => table::names(&decisions, selection.namespaces),
        Output::Markdown if args.explain => {
            table::markdown(&decisions, layout) + "\n" + &text::fenced("text", table::explain(&decisions).trim_start())
        }
        Output::Markdown => table::markdown(&decisions, layout),
        Output::Html => html::page(&Page { decisions: &decisions, diagnostics: &diagnostics, now: options.now }),
        _ if args.explain => table::table(&decisions, layout) + &table::explain(&decisions),
        _ => table::table(&decisions, layout),
    });
    session.printer.data(&text)?;
    if matches!(args.output.output, Output::Table | Output::Wide) && !decisions.is_empty() {
        session.printer.note(&summary::of_decisions(&decisions));
        if decisions.iter().any(|decision| decision.status == ImageStatus::UpdateAvailable) {
            let plan = next::command(session, "plan", &args.selection);
            session.printer.note(&format!("hint: `{plan}` shows the edits"));
        }
    }
    session.spent();
    let mut code = selection.exit_code().or(exit_code(&decisions));
    if has_changes {
        code = code.or(ExitCode::Changes);
    }
    Ok(code)
}

/// Whether there are updates of which only the repositories, which nobody looked into, say what they change.
fn unseen_updates(selected: &[Selected], decisions: &[Decision]) -> bool {
    let goes_away = |decision: &Decision| {
        selected
            .iter()
            .any(|selected| selected.application.deleting && selected.application.key == decision.application)
    };
    let is_unseen = |decision: &Decision| {
        matches!(decision.write_back, Some(Destination::Git(_) | Destination::Application { renderer: None, .. }))
    };
    decisions
        .iter()
        .any(|decision| decision.status == ImageStatus::UpdateAvailable && is_unseen(decision) && !goes_away(decision))
}

/// The code that decisions lead to.
fn exit_code(decisions: &[Decision]) -> ExitCode {
    let undecided = |status| matches!(status, ImageStatus::Undetermined | ImageStatus::Invalid);
    if decisions.iter().any(|decision| undecided(decision.status)) { ExitCode::Partial } else { ExitCode::Done }
}
