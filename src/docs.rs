//! The documentation is held to the code: its tables are the ones that the code's own tables make.

use crate::annotations::keys;
use crate::annotations::keys::Scope;
use crate::cli::help::TOPICS;
use crate::error::ExitCode;
use crate::model::decision::ImageStatus;
use crate::strategy;

const README: &str = include_str!("../README.md");

fn topics() -> String {
    let rows =
        TOPICS.iter().map(|topic| format!("| [{}](src/cli/help/{}.md) | {} |\n", topic.name, topic.name, topic.about));
    format!("| topic | about |\n|---|---|\n{}", rows.collect::<String>())
}

fn annotations() -> String {
    let scope = |scope| match scope {
        Scope::Application => "Application",
        Scope::Both => "both",
        Scope::Image => "image",
    };
    let rows = keys::ALL
        .iter()
        .map(|key| format!("| `{}` | {} | {} | {} |\n", key.name, scope(key.scope), key.value, key.default));
    format!("| key | for | value | default |\n|---|---|---|---|\n{}", rows.collect::<String>())
}

fn own_annotations() -> String {
    let rows = keys::OWN.iter().map(|(name, value, default)| format!("| `{name}` | {value} | {default} |\n"));
    format!("| key | value | default |\n|---|---|---|\n{}", rows.collect::<String>())
}

fn strategies() -> String {
    let rows = strategy::ALL.iter().map(|strategy| {
        let old = strategy.aliases.first().map_or_else(String::new, |alias| format!(" (old name `{alias}`)"));
        format!("| `{}`{old} | {} |\n", strategy.name, strategy.summary)
    });
    format!("| strategy | takes |\n|---|---|\n{}", rows.collect::<String>())
}

fn statuses() -> String {
    let rows = ImageStatus::ALL.iter().map(|(_, name, meaning)| format!("| `{name}` | {meaning} |\n"));
    format!("| status | meaning |\n|---|---|\n{}", rows.collect::<String>())
}

fn exit_codes() -> String {
    let rows = ExitCode::ALL.iter().map(|(_, number, meaning)| format!("| {number} | {meaning} |\n"));
    format!("| code | meaning |\n|---|---|\n{}", rows.collect::<String>())
}

#[test]
fn the_tables_of_the_documentation_are_those_of_the_code() {
    let page = |name: &str| TOPICS.iter().find(|topic| topic.name == name).map_or("", |topic| topic.page);
    let tables = [
        ("README.md", README, "topics", topics()),
        ("README.md", README, "statuses", statuses()),
        ("README.md", README, "exit codes", exit_codes()),
        ("help/annotations.md", page("annotations"), "annotations", annotations()),
        ("help/annotations.md", page("annotations"), "own annotations", own_annotations()),
        ("help/annotations.md", page("annotations"), "strategies", strategies()),
    ];
    let missing: Vec<_> = tables
        .into_iter()
        .map(|(file, text, name, table)| (file, text, format!("<!-- {name} -->\n{table}")))
        .filter(|(_, text, expected)| !text.contains(expected))
        .map(|(file, _, expected)| format!("{file} should say:\n\n{expected}"))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
