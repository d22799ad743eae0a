//! Help beyond the flags: topics, and what `--help` says below the flags, from the same tables as the documentation.

use std::fmt::Write as _;

use clap::Args;
use clap::Command;
use clap::CommandFactory as _;

use crate::annotations;
use crate::annotations::keys;
use crate::annotations::keys::Scope;
use crate::cli::args::Cli;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::decision::ImageStatus;
use crate::output::markdown;
use crate::output::text;
use crate::strategy;

pub(crate) const EXAMPLES: &str = "Examples:
  kubectl image-update help plan
  kubectl image-update help ci";

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A command or a topic
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(crate) subject: Option<String>,
}

/// A page of documentation, read at a terminal as `help NAME` and in a browser as the file it is.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) page: &'static str,
}

/// All topics, in the order in which they are listed.
pub(crate) const TOPICS: [Topic; 7] = [
    Topic {
        name: "annotations",
        about: "What an Application says about its images, and how a version is chosen",
        page: include_str!("help/annotations.md"),
    },
    Topic { name: "pins", about: "Hold a version, and roll back", page: include_str!("help/pins.md") },
    Topic {
        name: "ci",
        about: "In pipelines and scripts: GitHub Actions, GitLab, a CronJob",
        page: include_str!("help/ci.md"),
    },
    Topic { name: "git", about: "Writing to git, or to your own checkout", page: include_str!("help/git.md") },
    Topic {
        name: "registries",
        about: "Private registries, and what a check costs them",
        page: include_str!("help/registries.md"),
    },
    Topic {
        name: "permissions",
        about: "What it may do, and the least RBAC for it",
        page: include_str!("help/permissions.md"),
    },
    Topic {
        name: "image-updater",
        about: "Beside or instead of Argo CD Image Updater, and what differs",
        page: include_str!("help/image-updater.md"),
    },
];

/// Pages are not wrapped wider than this: longer lines are hard to read.
const MOST_COLUMNS: usize = 100;

/// The flags of every command that `-h` shows too; all others are with `--help`, to leave the view on the command's own.
const OFTEN_USED: [&str; 5] = ["context", "quiet", "verbose", "color", "timeout"];

/// The command line with everything that help says about it.
pub(crate) fn command() -> Command {
    let topics = topics();
    Cli::command().after_help(topics.clone()).after_long_help(format!("{topics}\n\n{}", reference())).mut_args(
        |argument| {
            let rare = !OFTEN_USED.contains(&argument.get_id().as_str());
            argument.hide_short_help(rare)
        },
    )
}

/// Help on a command or a topic; without one, on everything.
///
/// `columns`: those of the terminal, if it is one.
///
/// # Errors
/// There is no such command or topic.
pub(crate) fn page(
    mut command: Command,
    subject: Option<&str>,
    (columns, color): (Option<u16>, bool),
) -> Result<String, Error> {
    let Some(subject) = subject else {
        return Ok(command.render_long_help().ansi().to_string());
    };
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == subject) {
        let width = columns.map_or(MOST_COLUMNS, usize::from).min(MOST_COLUMNS);
        return Ok(markdown::render(topic.page, width, color));
    }
    // Flags of all commands are known to each only then.
    command.build();
    if let Some(found) = command.find_subcommand_mut(subject) {
        return Ok(found.render_long_help().ansi().to_string());
    }
    let names = command.get_subcommands().map(Command::get_name).chain(TOPICS.iter().map(|topic| topic.name));
    let error = Error::failed(format!("there is no command or topic `{}`", text::safe(subject)));
    Err(match annotations::nearest(subject, names) {
        Some(near) => error.hint(format!("did you mean `kubectl image-update help {near}`?")),
        None => error.hint("`kubectl image-update help` lists them"),
    })
}

/// The list of topics.
fn topics() -> String {
    let mut text = "Topics, with `kubectl image-update help TOPIC`:\n".to_owned();
    for Topic { name, about, .. } in &TOPICS {
        let _ = writeln!(text, "  {name:<14} {about}");
    }
    text.trim_end().to_owned()
}

/// Annotations, strategies, statuses and exit codes.
fn reference() -> String {
    let mut text = format!("Annotations, under {}:\n", keys::PREFIX);
    for key in &keys::ALL {
        let name = match key.scope {
            Scope::Application => key.name.to_owned(),
            Scope::Both => format!("[<alias>.]{}", key.name),
            Scope::Image => format!("<alias>.{}", key.name),
        };
        let _ = writeln!(text, "  {name:<31} {} [default: {}]", plain(key.value), plain(key.default));
    }
    let _ = writeln!(text, "\nAnnotations, under {}:", keys::OWN_PREFIX);
    for (name, value, default) in keys::OWN {
        let _ = writeln!(text, "  {:<31} {} [default: {}]", format!("{name}.<alias>"), plain(value), plain(default));
    }
    text.push_str("\nUpdate strategies:\n");
    for strategy in strategy::ALL {
        let _ = writeln!(text, "  {:<31} {}", strategy.name, plain(strategy.summary));
    }
    text.push_str("\nStatus of an image:\n");
    for (_, name, meaning) in ImageStatus::ALL {
        let _ = writeln!(text, "  {name:<31} {}", plain(meaning));
    }
    text.push_str("\nExit codes:\n");
    for (_, number, meaning) in ExitCode::ALL {
        let _ = writeln!(text, "  {number:<31} {}", plain(meaning));
    }
    text.trim_end().to_owned()
}

/// Text without the backticks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
