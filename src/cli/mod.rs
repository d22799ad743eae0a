//! The commands: arguments in, exit code out. The only part that knows clap, and the one that prints.

use std::pin::Pin;
use std::sync::atomic::Ordering;

use clap::FromArgMatches as _;
use clap::error::ContextKind;
use clap::error::ContextValue;

use crate::error::Error;
use crate::error::ExitCode;
use crate::output;
use crate::output::Colors;
use crate::output::Printer;
use crate::output::diagnostics;
use crate::output::text;
use crate::process::Process;
use args::Cli;
use args::Command;
use session::Session;

mod apply;
pub(crate) mod args;
mod check;
mod choice_args;
mod choose;
mod commits;
mod complete;
mod events;
mod external_diff;
mod git_args;
pub(crate) mod help;
mod logging;
mod man;
mod next;
mod pin;
mod pin_args;
mod plan;
mod program;
mod registries_conf;
mod review;
mod saved;
mod select;
mod session;
mod settings;
mod shard;
mod signals;
mod spellings;
mod suggest;
mod summary;
mod tick;
mod wait;

/// Runs the command line that the process was started with.
pub(crate) async fn run(process: Process) -> ExitCode {
    let colors = settings::colors(args::Color::Auto, &process);
    let program = program::name(&process);
    let command = program::named(help::command(), program);
    if let Some(words) = complete::asked(&process) {
        return complete::answer(process, command, words).await;
    }
    let words = spellings::arguments(&process.arguments, &command);
    let bare = words.first().cloned();
    let parsed = command.try_get_matches_from(words).or_else(|error| match error.kind() {
        // Flags alone are a bare call too.
        clap::error::ErrorKind::MissingSubcommand => {
            program::named(help::command(), program).try_get_matches_from(bare)
        }
        _ => Err(error),
    });
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error, colors, program),
    };
    let colors = settings::colors(cli.general.color, &process);
    let quiet = cli.general.quiet;
    match Box::pin(dispatch(cli, process, colors)).await {
        Ok(code) => code,
        Err(error) => {
            Printer::new(colors, quiet).called(program).alert(&diagnostics::error(&error));
            error.code
        }
    }
}

async fn dispatch(cli: Cli, process: Process, colors: Colors) -> Result<ExitCode, Error> {
    let Cli { command, connection, general } = cli;
    logging::start(general.verbose);
    let program = program::name(&process);
    let printer = Printer::new(colors, general.quiet).called(program).telling(settings::telling(&general, &process));
    match command {
        Command::Version => {
            printer.data(&format!("{program} {}\n", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::Done)
        }
        Command::Help(args) => {
            let columns = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
            let color = settings::colored(general.color, process.stdout_is_terminal, &process);
            let command = program::named(help::command(), program);
            printer.data(
                &help::page(command, args.subject.as_deref(), (columns, color))?.replace(output::USUAL, program),
            )?;
            Ok(ExitCode::Done)
        }
        Command::Completion(args) => {
            printer.data(&complete::script(args.shell, program)?)?;
            Ok(ExitCode::Done)
        }
        Command::Man(args) => {
            man::write(program::named(help::command(), program), &args.folder, program)?;
            Ok(ExitCode::Done)
        }
        command => {
            only_check_makes_a_page(&command)?;
            let session = Session::new(process, printer, connection, general)?;
            let work = async {
                match command {
                    Command::Check(args) => check::run(&session, args).await,
                    Command::Plan(args) => plan::run(&session, args).await,
                    Command::Apply(args) => apply::run(&session, args).await,
                    Command::Pin(args) => Box::pin(pin::pin(&session, args)).await,
                    Command::Unpin(args) => pin::unpin(&session, args).await,
                    Command::Completion(_) | Command::Help(_) | Command::Version | Command::Man(_) => {
                        Ok(ExitCode::Done)
                    }
                }
            };
            within(&session, Box::pin(work)).await
        }
    }
}

/// A page is made of a check only.
fn only_check_makes_a_page(command: &Command) -> Result<(), Error> {
    let output = match command {
        Command::Plan(args) => args.output.output,
        Command::Apply(args) => args.output.output,
        Command::Pin(args) => args.output.output,
        Command::Unpin(args) => args.output.output,
        _ => return Ok(()),
    };
    if output == args::Output::Html {
        return Err(Error::usage("-o html is for check only").hint("`-o markdown` makes a text for a pull request"));
    }
    Ok(())
}

/// Runs work for as long as `--timeout` allows. Once it writes, it is not cut off: the write in hand is finished, no
/// other is begun, and the report says so.
async fn within(
    session: &Session,
    mut work: Pin<Box<impl Future<Output = Result<ExitCode, Error>>>>,
) -> Result<ExitCode, Error> {
    let Some((limit, deadline)) = session.limit.zip(session.deadline()) else { return work.await };
    let over = match tokio::time::timeout_at(deadline, &mut work).await {
        Ok(result) => return result,
        Err(_) => Error::failed(format!("not done within {}s (--timeout)", limit.as_secs_f32())),
    };
    if !session.writing.load(Ordering::Relaxed) {
        return Err(over);
    }
    session.notice_deadline();
    let code = work.await?;
    if code != ExitCode::Done {
        session.printer.alert(&diagnostics::error(&over));
    }
    Ok(code)
}

/// Prints what clap has to say: help and version on standard output, mistakes on standard error.
fn usage(error: &clap::Error, colors: Colors, program: &'static str) -> ExitCode {
    use clap::error::ErrorKind;
    let printer = Printer::new(colors, false).called(program);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            match printer.data(&error.render().ansi().to_string()) {
                Ok(()) => ExitCode::Done,
                Err(_) => ExitCode::Failed,
            }
        }
        _ => {
            // It repeats what was typed, which may come from anywhere.
            let plain = error.render().to_string();
            let safe = text::is_safe(&plain);
            printer.alert(&if safe { error.render().ansi().to_string() } else { text::safe_lines(&plain) });
            if wants_template(error) {
                printer.alert(
                    "  hint: kubectl's templates are not understood here; \
                     `-o json | jq -r '.items[] | [.application, .alias, .status] | @tsv'` picks fields and makes columns",
                );
            }
            ExitCode::Failed
        }
    }
}

/// Whether an output format was asked for that kubectl has and this tool does not: no maintained library reads
/// kubectl's dialect of `JSONPath`, and half of it would be worse than none.
fn wants_template(error: &clap::Error) -> bool {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else { return false };
    let format = value.split('=').next().unwrap_or_default();
    ["jsonpath", "jsonpath-as-json", "jsonpath-file", "custom-columns", "custom-columns-file", "go-template"]
        .contains(&format)
}
