//! Completion: scripts for shells, which ask the tool itself what can come next.
//!
//! The tool answers `__complete WORD...`, the words after its name up to the one being typed, with a line for each
//! candidate, `VALUE` or `VALUE<tab>DESCRIPTION`, and a last line `:NUMBER`, the sum of what the shell is to know: 2 no
//! space after it, 4 no names of files, 16 names of folders, 32 keep the order. For `--flag=VALUE` it is the value alone.
//! It is what cobra speaks, and therefore kubectl, which asks an executable `kubectl_complete-image_update` for the arguments of this plugin.
//!
//! `line` reads the words, `values` asks cluster, registry and kubeconfig. What would have to be quoted is not offered:
//! names from outside never get near the syntax of a shell.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use clap::Command;
use clap::ValueEnum;

use crate::cli::complete::line::Line;
use crate::cli::complete::line::Place;
use crate::cli::complete::values::Source;
use crate::cli::help;
use crate::cli::program;
use crate::error::Error;
use crate::error::ExitCode;
use crate::output::Printer;
use crate::output::text;
use crate::process::Process;

mod line;
mod values;

/// How shells ask for completions.
pub(crate) const VERB: &str = "__complete";

/// How long cluster and registry have to answer; the whole answer is there within 2 seconds.
const LIMIT: Duration = Duration::from_millis(1600);

/// The most candidates that are shown.
const MOST: usize = 500;

pub(crate) const EXAMPLES: &str = "Examples:
  kubectl image-update completion kubectl > ~/.local/bin/kubectl_complete-image_update
  chmod +x ~/.local/bin/kubectl_complete-image_update
      completes `kubectl image-update` wherever kubectl's own completion is on; any folder of PATH will do
  source <(kubectl image-update completion bash)
      completes `kubectl-image_update` itself";

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// Who completes: a shell, or kubectl in any shell
    pub(crate) shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    Pwsh,
    Kubectl,
}

/// The script for a shell, or for kubectl.
///
/// # Errors
/// kubectl does not run the tool under its name.
pub(crate) fn script(shell: Shell, name: &'static str) -> Result<String, Error> {
    let template = match shell {
        Shell::Bash => include_str!("scripts/bash.sh"),
        Shell::Zsh => include_str!("scripts/zsh.zsh"),
        Shell::Fish => include_str!("scripts/fish.fish"),
        Shell::Pwsh => include_str!("scripts/powershell.ps1"),
        Shell::Kubectl => include_str!("scripts/kubectl.sh"),
    };
    let completer = program::completer(name).or((shell != Shell::Kubectl).then_some(""));
    let completer = completer.ok_or_else(|| Error::usage(format!("kubectl does not run `{name}`")))?;
    let file = program::file(name);
    let script = template.replace("@NAME@", name).replace("@FILE@", file).replace("@COMPLETER@", completer);
    Ok(script.replace("@FUNCTION@", &format!("_{}", file.replace('-', "_"))))
}

/// The words to complete, if that is what the process was started for.
pub(crate) fn asked(process: &Process) -> Option<Vec<OsString>> {
    let arguments = process.arguments.get(1..).unwrap_or_default();
    match arguments.split_first() {
        Some((verb, words)) if verb == VERB => Some(words.to_vec()),
        _ if program::is_completer(process) => Some(arguments.to_vec()),
        _ => None,
    }
}

/// Answers with candidates. It never fails: without an answer the shell just has nothing to offer.
pub(crate) async fn answer(process: Process, command: Command, words: Vec<OsString>) -> ExitCode {
    // What is not Unicode is no name of anything here.
    let words: Option<Vec<String>> = words.into_iter().map(|word| word.into_string().ok()).collect();
    let answer = match words {
        Some(words) => candidates(process, command, &words).await,
        None => Answer::default(),
    };
    // A shell that does not listen any more has had enough.
    let _ = Printer::silent().data(&answer.to_string());
    ExitCode::Done
}

/// What can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    value: String,
    description: String,
}

impl Candidate {
    fn new(value: impl Into<String>, description: impl Into<String>) -> Self {
        Self { value: value.into(), description: description.into() }
    }
}

/// What a shell is told.
#[derive(Debug)]
struct Answer {
    candidates: Vec<Candidate>,
    directive: u8,
}

const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;
const FOLDERS: u8 = 16;
const KEEP_ORDER: u8 = 32;

impl Default for Answer {
    fn default() -> Self {
        Self { candidates: Vec::new(), directive: NO_FILES }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Candidate { value, description } in &self.candidates {
            let description = text::safe(description);
            let description = description.lines().next().unwrap_or_default();
            if description.is_empty() { writeln!(f, "{value}")? } else { writeln!(f, "{value}\t{description}")? }
        }
        writeln!(f, ":{}", self.directive)
    }
}

async fn candidates(process: Process, mut command: Command, words: &[String]) -> Answer {
    command.build();
    let line = Line::read(&command, words);
    let mut answer = Answer::default();
    match line.at {
        Place::Nothing => {}
        Place::Command => answer.candidates = commands(line.command),
        Place::Flag => answer.candidates = flags(&line),
        Place::Value(argument) if argument.get_id() == "subject" => {
            answer.candidates = commands(&command);
            answer.candidates.extend(help::TOPICS.iter().map(|topic| Candidate::new(topic.name, topic.about)));
        }
        Place::Value(argument) => {
            let source = values::source(&line, argument);
            match source {
                Source::Files => answer.directive = 0,
                Source::Folders => answer.directive = FOLDERS,
                Source::Tags { .. } if line.typed.contains('=') => answer.directive |= KEEP_ORDER,
                _ => {}
            }
            answer.candidates = values::offered(process, &line, (argument, source), LIMIT).await;
        }
    }
    let mut known = BTreeSet::new();
    answer.candidates.retain(|candidate| {
        is_plain(&candidate.value) && candidate.value.starts_with(&line.typed) && known.insert(candidate.value.clone())
    });
    answer.candidates.truncate(MOST);
    if !answer.candidates.is_empty() && answer.candidates.iter().all(|candidate| candidate.value.ends_with(['=', '/']))
    {
        answer.directive |= NO_SPACE;
    }
    answer
}

/// Whether no shell sees anything but text in it.
fn is_plain(value: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ',' | ':' | '/' | '@' | '+' | '=' | '%');
    !value.is_empty() && value.chars().all(plain)
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn commands(command: &Command) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| Candidate::new(command.get_name(), about(command.get_about()))).collect()
}

/// The flags that can still be given.
fn flags(line: &Line<'_>) -> Vec<Candidate> {
    let again = |argument: &clap::Arg| {
        matches!(argument.get_action(), clap::ArgAction::Append | clap::ArgAction::Count)
            || !line.given.contains_key(argument.get_id().as_str())
    };
    let shown = line.command.get_arguments().filter(|argument| !argument.is_hide_set() && again(argument));
    shown
        .filter_map(|argument| Some(Candidate::new(format!("--{}", argument.get_long()?), about(argument.get_help()))))
        .collect()
}

/// A value of a fixed list.
fn possible(argument: &clap::Arg) -> Vec<Candidate> {
    let values = argument.get_possible_values();
    let shown = values.iter().filter(|value| !value.is_hide_set());
    shown.map(|value| Candidate::new(value.get_name(), about(value.get_help()))).collect()
}

/// The flags of the line that say which cluster is meant and how it is reached, as a command line of their own.
fn shared_flags(line: &Line<'_>) -> Vec<String> {
    let mut flags = Vec::new();
    for argument in line.command.get_arguments().filter(|argument| argument.is_global_set()) {
        let (Some(long), Some(values)) = (argument.get_long(), line.given.get(argument.get_id().as_str())) else {
            continue;
        };
        for value in values {
            let mut flag = format!("--{long}");
            if let Some(value) = value {
                let _ = write!(flag, "={value}");
            }
            flags.push(flag);
        }
    }
    flags
}

#[cfg(test)]
mod tests;
