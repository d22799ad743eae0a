//! README is held to the code: its tables are the ones that the code's own tables make.

use crate::annotations::keys;
use crate::annotations::keys::Scope;
use crate::error::ExitCode;
use crate::model::decision::ImageStatus;
use crate::strategy;

const README: &str = include_str!("../README.md");

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
fn the_tables_of_the_readme_are_those_of_the_code() {
    let tables = [
        ("annotations", annotations()),
        ("strategies", strategies()),
        ("statuses", statuses()),
        ("exit codes", exit_codes()),
    ];
    let missing: Vec<_> = tables
        .into_iter()
        .map(|(name, table)| format!("<!-- {name} -->\n{table}"))
        .filter(|expected| !README.contains(expected))
        .collect();
    assert!(missing.is_empty(), "README.md should say:\n\n{}", missing.join("\n"));
}
