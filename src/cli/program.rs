//! The name that the tool goes by: the one it was started under, so that what it tells people to type is what works.

use clap::Command;

use crate::output::USUAL;
use crate::process::Process;

/// Other names of the file, and what people type to run it. krew keeps the name `image-update` for whoever has it.
const OTHERS: [(&str, &str); 2] =
    [("kubectl-argocd_image_update", "kubectl argocd-image-update"), ("argocd-image-update", "argocd-image-update")];

/// What the file is called when kubectl looks for somebody to complete the arguments of a plugin.
const COMPLETERS: [(&str, &str); 2] = [
    ("kubectl_complete-image_update", "kubectl-image_update"),
    ("kubectl_complete-argocd_image_update", "kubectl-argocd_image_update"),
];

/// What people type to run the program that this is.
pub(crate) fn name(process: &Process) -> &'static str {
    let file = process.program();
    let file = COMPLETERS.iter().find(|(completer, _)| *completer == file).map_or(file.as_str(), |(_, file)| *file);
    OTHERS.iter().find(|(other, _)| *other == file).map_or(USUAL, |(_, name)| name)
}

/// The file that people run when they type `name`.
pub(crate) fn file(name: &str) -> &'static str {
    OTHERS.iter().find(|(_, other)| *other == name).map_or("kubectl-image_update", |(file, _)| file)
}

/// What kubectl looks for to complete `name`; none if kubectl does not run it.
pub(crate) fn completer(name: &str) -> Option<&'static str> {
    COMPLETERS.iter().find(|(_, program)| *program == file(name)).map(|(completer, _)| *completer)
}

/// Whether kubectl started the program to have arguments completed.
pub(crate) fn is_completer(process: &Process) -> bool {
    let file = process.program();
    COMPLETERS.iter().any(|(completer, _)| *completer == file)
}

/// The command line with the name that is typed, in usage lines and in examples.
pub(crate) fn named(command: Command, name: &'static str) -> Command {
    if name == USUAL { command } else { renamed(command.name(name).bin_name(name), name) }
}

fn renamed(mut command: Command, name: &'static str) -> Command {
    let other = |text: &clap::builder::StyledStr| text.ansi().to_string().replace(USUAL, name);
    if let Some(examples) = command.get_after_help().map(other) {
        command = command.after_help(examples);
    }
    if let Some(text) = command.get_after_long_help().map(other) {
        command = command.after_long_help(text);
    }
    if let Some(text) = command.get_long_about().map(other) {
        command = command.long_about(text);
    }
    // A usage that was written by hand cannot be asked for; what is made up by clap does not have the name in it yet.
    let usage = command.clone().render_usage().to_string();
    if let Some(usage) = usage.strip_prefix("Usage: ").filter(|usage| usage.contains(USUAL)) {
        command = command.override_usage(usage.replace(USUAL, name));
    }
    command.mut_subcommands(|command| renamed(command, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(argument: &str) -> Process {
        Process { arguments: vec![argument.into()], ..Process::default() }
    }

    #[test]
    fn a_name_is_that_of_the_file() {
        for (argument, expected, completes) in [
            ("kubectl-image_update", "kubectl image-update", false),
            ("/opt/bin/kubectl-image_update", "kubectl image-update", false),
            ("anything", "kubectl image-update", false),
            ("", "kubectl image-update", false),
            ("/home/ada/.krew/bin/kubectl-argocd_image_update", "kubectl argocd-image-update", false),
            ("kubectl-argocd_image_update.exe", "kubectl argocd-image-update", false),
            ("./argocd-image-update", "argocd-image-update", false),
            ("kubectl_complete-image_update", "kubectl image-update", true),
            ("kubectl_complete-argocd_image_update", "kubectl argocd-image-update", true),
        ] {
            let process = process(argument);
            assert_eq!((name(&process), is_completer(&process)), (expected, completes), "{argument}");
        }
        assert_eq!(name(&Process::default()), USUAL, "without any argument");
    }

    #[test]
    fn what_kubectl_looks_for_belongs_to_the_name() {
        assert_eq!(completer("kubectl image-update"), Some("kubectl_complete-image_update"));
        assert_eq!(completer("kubectl argocd-image-update"), Some("kubectl_complete-argocd_image_update"));
        assert_eq!(completer("argocd-image-update"), None);
        assert_eq!(file("argocd-image-update"), "argocd-image-update");
    }
}
