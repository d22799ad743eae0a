//! How kubectl lets people spell arguments, as clap reads them: `-v=3`, `--flag=true`, and flags before the command.

use std::ffi::OsString;

use clap::Arg;
use clap::ArgAction;
use clap::Command;

/// The arguments of the process, its name first, spelled as clap knows them.
pub(crate) fn arguments(words: &[OsString], command: &Command) -> Vec<OsString> {
    let flags = Flags::of(command);
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let (spelled, rest) = words.split_at(end);
    let mut spelled: Vec<OsString> = spelled.iter().filter_map(|word| flags.respelled(word)).collect();
    if let Some(verb) = flags.verb_after_its_flags(&spelled) {
        spelled[1..=verb].rotate_right(1);
    }
    spelled.extend_from_slice(rest);
    spelled
}

/// What flags there are.
struct Flags<'a> {
    command: &'a Command,
    all: Vec<&'a Arg>,
}

impl<'a> Flags<'a> {
    fn of(command: &'a Command) -> Self {
        let below = command.get_subcommands().flat_map(Command::get_arguments);
        Self { command, all: command.get_arguments().chain(below).collect() }
    }

    /// One word as clap knows it; `None`: it says nothing, such as `--quiet=false`.
    fn respelled(&self, word: &OsString) -> Option<OsString> {
        let Some((flag, value)) = word.to_str().and_then(|text| text.split_once('=')) else {
            return Some(word.clone());
        };
        if let ("-v" | "--v", Ok(level)) = (flag, value.parse::<u8>()) {
            return (level > 0).then(|| format!("-{}", "v".repeat(usize::from(level.min(9)))).into());
        }
        let is_switch = self.named(flag).is_some_and(|flag| matches!(flag.get_action(), ArgAction::SetTrue));
        match truth(value).filter(|_| is_switch) {
            Some(is_on) => is_on.then(|| flag.into()),
            None => Some(word.clone()),
        }
    }

    /// The flag that is called `--name` or `-n`.
    fn named(&self, flag: &str) -> Option<&'a Arg> {
        if let Some(long) = flag.strip_prefix("--") {
            return self.all.iter().copied().find(|known| known.get_long() == Some(long));
        }
        let mut letters = flag.strip_prefix('-')?.chars();
        let letter = letters.next().filter(|_| letters.next().is_none())?;
        self.all.iter().copied().find(|known| known.get_short() == Some(letter))
    }

    /// Where the command stands, if flags stand before it that only commands have.
    fn verb_after_its_flags(&self, words: &[OsString]) -> Option<usize> {
        let mut at = 1;
        let mut any = false;
        loop {
            let word = words.get(at)?.to_str()?;
            if !word.starts_with('-') {
                return (any && self.command.find_subcommand(word).is_some()).then_some(at);
            }
            let (known, has_value) = self.first_with_value(word)?;
            any |= self.command.get_arguments().all(|own| own.get_id() != known.get_id());
            at += if takes_value(known) && !has_value { 2 } else { 1 };
        }
    }

    /// The flag of a word that its value is for, if it is one that takes a value, and whether the value is in the word;
    /// of several letters in one word, `-Aq`, the last that is not for all commands.
    fn first_with_value(&self, word: &str) -> Option<(&'a Arg, bool)> {
        if word.starts_with("--") {
            let (name, has_value) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
            return Some((self.named(name)?, has_value));
        }
        let mut found: Option<&'a Arg> = None;
        let letters = word.strip_prefix('-')?;
        for (index, letter) in letters.char_indices() {
            let known = self.named(&format!("-{letter}"))?;
            if takes_value(known) {
                return Some((known, index + letter.len_utf8() < letters.len()));
            }
            let is_own = |flag: &Arg| self.command.get_arguments().any(|own| own.get_id() == flag.get_id());
            if found.is_none_or(is_own) {
                found = Some(known);
            }
        }
        Some((found?, false))
    }
}

/// Whether the next word is a flag's value.
fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

/// What kubectl takes for true and false, which is what Go's `strconv.ParseBool` does.
fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help;

    #[test]
    fn words_are_spelled_as_clap_knows_them() {
        for (typed, spelled) in [
            ("check -v=3 web", "check -vvv web"),
            ("--v=0 check", "check"),
            ("check -v=x", "check -v=x"),
            ("check --explain=true --all-namespaces=False -A=t", "check --explain -A"),
            ("check --explain=maybe", "check --explain=maybe"),
            ("apply web --yes=1 --wait=true", "apply web --yes --wait=true"),
            ("check --insecure-skip-tls-verify=false", "check --insecure-skip-tls-verify=false"),
            ("pin web web --reason=true", "pin web web --reason=true"),
            ("check -- --explain=true", "check -- --explain=true"),
            // Before the command.
            ("-n argocd check web", "check -n argocd web"),
            ("-nargocd check", "check -nargocd"),
            ("-A -o json check", "check -A -o json"),
            ("-qAojson check", "check -qAojson"),
            ("--output=wide --context x --no-headers check", "check --output=wide --context x --no-headers"),
            ("-l app=web plan", "plan -l app=web"),
            // What is there for every command may stay.
            ("--context x check", "--context x check"),
            ("-q check", "-q check"),
            ("--help check", "--help check"),
            // What is not known is clap's to tell.
            ("--nope check", "--nope check"),
            ("-n argocd chekc", "-n argocd chekc"),
            ("-n check", "-n check"),
            ("-n", "-n"),
            ("", ""),
        ] {
            let words = |text: &str| -> Vec<OsString> {
                std::iter::once("program").chain(text.split_whitespace()).map(OsString::from).collect()
            };
            assert_eq!(arguments(&words(typed), &help::command()), words(spelled), "{typed}");
        }
    }
}
