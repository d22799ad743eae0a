//! `check APP --suggest`: the annotations that would list the running images of an Application; reads only.

use std::fmt::Write as _;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cli::args::CheckArgs;
use crate::cli::args::Output;
use crate::cli::next;
use crate::cli::next::quoted;
use crate::cli::select;
use crate::cli::session::Session;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::application::Application;
use crate::output::text::safe;
use crate::output::text::width;
use crate::suggest;
use crate::suggest::Suggestion;

/// Prints a proposal for each Application that is named.
///
/// # Errors
/// None is named, one is not there, or nothing can be proposed for any.
pub(crate) async fn run(session: &Session, args: &CheckArgs) -> Result<ExitCode, Error> {
    let selection = &args.selection;
    if selection.applications.is_empty() && selection.filename.is_empty() {
        return Err(Error::usage("--suggest must be told for which Application")
            .hint("kubectl image-update check NAME --suggest; `kubectl get applications.argoproj.io -A` lists them"));
    }
    if matches!(args.output.output, Output::Name | Output::Markdown | Output::Html) {
        return Err(Error::usage("--suggest prints a command, or a patch with `-o yaml` or `-o json`"));
    }
    if selection.shard.is_some() {
        return Err(Error::usage("--suggest goes without --shard"));
    }
    let applications = session.interruptible(select::applications(session, selection)).await??;
    let mut commands = Vec::new();
    let mut patches = Vec::new();
    let mut refused = Vec::new();
    for application in &applications {
        let suggestion = suggest::suggest(application);
        tell(session, application, &suggestion);
        if suggestion.annotations.is_empty() {
            refused.extend(suggestion.notes.into_iter().map(|note| format!("{}: {note}", application.key)));
        } else {
            commands.push(command(session, application, &suggestion));
            patches.push(patch(application, &suggestion));
        }
    }
    if commands.is_empty() {
        // What is listed already is no failure; what cannot be listed is.
        return if refused.is_empty() { Ok(ExitCode::Done) } else { Err(nothing(refused)) };
    }
    for note in &refused {
        session.printer.alert(&format!("note: {}", safe(note)));
    }
    // Manifests are edited, not annotated: what goes into them is shown.
    let output = match args.output.output {
        Output::Table | Output::Wide if !selection.filename.is_empty() => Output::Yaml,
        output => output,
    };
    let document = || match patches.as_slice() {
        [one] => one.clone(),
        _ => json!({"apiVersion": "v1", "kind": "List", "items": patches}),
    };
    let text = Session::document(output, document).unwrap_or_else(|| commands.concat());
    session.printer.data(&text)?;
    if selection.filename.is_empty() {
        let check = next::command(session, "check", selection);
        session.printer.note(&format!("hint: once the annotations are set, `{check}` says what is newest"));
    }
    Ok(ExitCode::Done)
}

fn nothing(notes: Vec<String>) -> Error {
    let error = Error::failed("no image can be put into an image list");
    notes.into_iter().fold(error, Error::detail)
}

/// Says what is proposed and why, on standard error.
fn tell(session: &Session, application: &Application, suggestion: &Suggestion) {
    let printer = &session.printer;
    let key = safe(&application.key.to_string());
    let count = |number| crate::decide::count(number, "image");
    match (suggestion.listed_before, suggestion.images.len()) {
        (0, 0) if suggestion.notes.is_empty() => printer.alert(&format!("{key}: no image is known to run")),
        (_, 0) if suggestion.notes.is_empty() => {
            printer.alert(&format!("{key}: its image list has every image that runs"));
        }
        (_, 0) => {}
        (0, new) => printer.note(&format!("{key} has no image list; this would list {}:", count(new))),
        (before, new) => {
            printer.note(&format!("{key} lists {} already; this would add {}:", count(before), count(new)));
        }
    }
    let widest = |of: fn(&suggest::Listed) -> &str| {
        suggestion.images.iter().map(|listed| width(&safe(of(listed)))).max().unwrap_or(0)
    };
    let (alias, image) = (widest(|listed| &listed.alias), widest(|listed| &listed.image));
    for listed in &suggestion.images {
        let padded = |text: &str, to: usize| format!("{}{}", safe(text), " ".repeat(to - width(&safe(text))));
        let (alias, image) = (padded(&listed.alias, alias), padded(&listed.image, image));
        printer.note(&format!("  {alias}  {image}  {}", safe(&listed.why)));
    }
    if !suggestion.annotations.is_empty() {
        for note in &suggestion.notes {
            printer.alert(&format!("note: {}", safe(note)));
        }
    }
}

/// The command that sets the annotations, a line each.
fn command(session: &Session, application: &Application, suggestion: &Suggestion) -> String {
    let key = &application.key;
    let mut text =
        format!("kubectl annotate applications.argoproj.io {} -n {}", quoted(&key.name), quoted(&key.namespace));
    for word in next::connection(&session.connection) {
        text.extend([" ", &word]);
    }
    if suggestion.annotations.iter().any(|(name, _)| application.annotations.contains_key(name)) {
        text.push_str(" --overwrite");
    }
    for (name, value) in &suggestion.annotations {
        let _ = write!(text, " \\\n  {}={}", quoted(name), quoted(value));
    }
    text.push('\n');
    text
}

/// A merge patch, which is a piece of the manifest too.
fn patch(application: &Application, suggestion: &Suggestion) -> Value {
    let annotations: Map<String, Value> =
        suggestion.annotations.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": application.key.name,
            "namespace": application.key.namespace,
            "annotations": annotations,
        },
    })
}
