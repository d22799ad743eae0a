//! What `--help` says below the flags, from the same tables as README.

use std::fmt::Write as _;

use crate::annotations::keys;
use crate::annotations::keys::Scope;
use crate::error::ExitCode;
use crate::model::decision::ImageStatus;
use crate::strategy;

/// Annotations, strategies, statuses and exit codes.
pub(crate) fn reference() -> String {
    let mut text = format!("Annotations, under {}:\n", keys::PREFIX);
    for key in &keys::ALL {
        let name = match key.scope {
            Scope::Application => key.name.to_owned(),
            Scope::Both => format!("[<alias>.]{}", key.name),
            Scope::Image => format!("<alias>.{}", key.name),
        };
        let _ = writeln!(text, "  {name:<31} {} [default: {}]", plain(key.value), plain(key.default));
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
