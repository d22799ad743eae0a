//! What is offered for a command line, without a cluster.

use clap::CommandFactory as _;

use super::*;
use crate::cli::args::Cli;

/// The values offered for words, the last of which is being typed, and the directive.
fn offered(words: &[&str]) -> (Vec<String>, u8) {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(candidates(Process::default(), Cli::command(), &words));
    (answer.candidates.into_iter().map(|candidate| candidate.value).collect(), answer.directive)
}

#[test]
fn words_lead_to_what_can_come_next() {
    for (words, expected, directive) in [
        (&["ch"][..], &["check"][..], 4),
        (&["pi"], &["pin"], 4),
        (&["unpin", "--rest"], &["--restore-version", "--restart-branch"], 4),
        (&["check", "-o", "y"], &["yaml"], 4),
        (&["check", "-oy"], &[], 4),
        (&["check", "--output=j"], &["json"], 4),
        (&["check", "--output", "m"], &["markdown"], 4),
        (&["apply", "--dry-run=s"], &["server"], 4),
        (&["apply", "--dry-run", "--yes", "--wa"], &["--wait"], 4),
        (&["check", "--color", "a"], &["auto", "always"], 4),
        (&["--color", "never", "ver"], &["version"], 4),
        (&["completion", ""], &["bash", "zsh", "fish", "powershell", "kubectl"], 4),
        (&["plan", "--out", ""], &[], 0),
        (&["check", "-f", ""], &[], 0),
        (&["check", "-f"], &[], 4),
        (&["plan", "--worktree="], &[], 16),
        (&["plan", "--context-lines", ""], &[], 4),
        (&["check", "--nonsense=", ""], &[], 4),
        (&["nonsense", ""], &[], 4),
        (&["check", "--", "--o"], &[], 4),
        (&["version", ""], &[], 4),
        (&["help", "pi"], &["pin", "pins"], 4),
    ] {
        let (mut values, said) = offered(words);
        let mut expected: Vec<String> = expected.iter().map(|&value| value.to_owned()).collect();
        values.sort_unstable();
        expected.sort_unstable();
        assert_eq!(values, expected, "{words:?}");
        assert_eq!(said, directive, "{words:?}");
    }
}

#[test]
fn flags_are_offered_once_unless_they_repeat() {
    let (all, _) = offered(&["check", "--"]);
    for flag in ["--explain", "--namespace", "--context", "--filename", "--verbose"] {
        assert!(all.contains(&flag.to_owned()), "{flag}: {all:?}");
    }
    let (rest, _) = offered(&["check", "--explain", "-n", "argocd", "-f", "x", "-v", "--"]);
    for (flag, there) in [("--explain", false), ("--namespace", false), ("--filename", true), ("--verbose", true)] {
        assert_eq!(rest.contains(&flag.to_owned()), there, "{flag}: {rest:?}");
    }
}

#[test]
fn nothing_hidden_is_offered() {
    let (commands, _) = offered(&[""]);
    assert!(commands.contains(&"check".to_owned()) && commands.contains(&"help".to_owned()), "{commands:?}");
    assert!(!commands.iter().any(|command| command.starts_with('_')), "{commands:?}");
}

#[test]
fn what_a_shell_would_read_is_not_offered() {
    for (value, plain) in [
        ("v1.0.0", true),
        ("arn:aws:eks:eu-west-1:1:cluster/a", true),
        ("ada@example.com", true),
        ("web=1.0_b+c,d", true),
        ("", false),
        ("a b", false),
        ("$(id)", false),
        ("`id`", false),
        ("a;id", false),
        ("a'b", false),
        ("a\"b", false),
        ("a\\b", false),
        ("a\nb", false),
        ("~a", false),
        ("a*", false),
        ("\u{202e}a", false),
    ] {
        assert_eq!(is_plain(value), plain, "{value:?}");
    }
    let answer = Answer { candidates: vec![Candidate::new("a", "one\ttwo\u{1b}[31m\nthree")], directive: 4 };
    let text = answer.to_string();
    assert_eq!(text.lines().count(), 2, "{text:?}");
    assert!(!text.contains('\u{1b}') && text.ends_with("\n:4\n"), "{text:?}");
}

#[test]
fn scripts_are_for_the_name_they_are_asked_by() {
    for (shell, name, expected) in [
        (Shell::Bash, "kubectl image-update", Some("complete -F _kubectl_image_update kubectl-image_update\n")),
        (Shell::Bash, "argocd-image-update", Some("complete -F _argocd_image_update argocd-image-update\n")),
        (Shell::Kubectl, "kubectl image-update", Some("PATH as kubectl_complete-image_update.")),
        (Shell::Kubectl, "kubectl argocd-image-update", Some("exec kubectl-argocd_image_update __complete")),
        (Shell::Kubectl, "argocd-image-update", None),
    ] {
        let text = script(shell, name).ok();
        assert_eq!(text.is_some(), expected.is_some(), "{shell:?} {name}");
        let text = text.unwrap_or_default();
        assert!(text.contains(expected.unwrap_or_default()), "{shell:?} {name}: {text}");
        for placeholder in ["@NAME@", "@FILE@", "@FUNCTION@", "@COMPLETER@"] {
            assert!(!text.contains(placeholder), "{shell:?} {name}: {text}");
        }
    }
}
