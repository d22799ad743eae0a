//! A command line that is being typed: which command it is, what was given, and what the last word is.
//!
//! Pure. It knows how clap reads arguments, but forgives everything: half a command line is no mistake.

use std::collections::BTreeMap;

use clap::Arg;
use clap::Command;

/// What the words say.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) command: &'a Command,
    /// By the id of the argument; `None` for a flag without a value.
    pub(super) given: BTreeMap<String, Vec<Option<String>>>,
    pub(super) at: Place<'a>,
    /// The part of the value, flag or name that is typed already; of `--flag=value` the value.
    pub(super) typed: String,
}

/// What the word being typed is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    Command,
    Flag,
    Value(&'a Arg),
    /// Nothing is expected there.
    Nothing,
}

impl<'a> Line<'a> {
    /// Reads words, the last of which is being typed. The command must have been built.
    pub(super) fn read(root: &'a Command, words: &[String]) -> Self {
        let mut reader =
            Reader { command: root, given: BTreeMap::new(), positions: 0, pending: None, only_values: false };
        let (last, before) =
            words.split_last().map_or((String::new(), &[][..]), |(last, before)| (last.clone(), before));
        for word in before {
            reader.take(word);
        }
        let (at, typed) = reader.place(last);
        Self { command: reader.command, given: reader.given, at, typed }
    }

    /// The last value given to an argument.
    pub(super) fn value(&self, id: &str) -> Option<&str> {
        self.given.get(id)?.last()?.as_deref()
    }

    /// All values given to an argument.
    pub(super) fn values(&self, id: &str) -> impl Iterator<Item = &str> {
        self.given.get(id).into_iter().flatten().flatten().map(String::as_str)
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.given.contains_key(id)
    }
}

struct Reader<'a> {
    command: &'a Command,
    given: BTreeMap<String, Vec<Option<String>>>,
    /// How many words were values without a flag.
    positions: usize,
    /// The flag whose value comes next.
    pending: Option<&'a Arg>,
    /// After `--` everything is a value.
    only_values: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, word: &str) {
        if let Some(argument) = self.pending.take() {
            return self.give(argument, Some(word));
        }
        if !self.only_values && word == "--" {
            self.only_values = true;
        } else if let Some(long) = word.strip_prefix("--").filter(|_| !self.only_values) {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            if let Some(argument) = self.long(name) {
                self.flag(argument, value);
            }
        } else if let Some(cluster) = word.strip_prefix('-').filter(|rest| !self.only_values && !rest.is_empty()) {
            self.cluster(cluster);
        } else if let Some(command) = self.subcommand(word) {
            self.command = command;
        } else {
            if let Some(argument) = self.position() {
                self.give(argument, Some(word));
            }
            self.positions += 1;
        }
    }

    /// Short flags in one word; what follows one that takes a value is its value.
    fn cluster(&mut self, letters: &str) {
        for (at, letter) in letters.char_indices() {
            let Some(argument) = self.short(letter) else { return };
            let rest = &letters[at + letter.len_utf8()..];
            if takes_value(argument) && !rest.is_empty() {
                return self.give(argument, Some(rest.strip_prefix('=').unwrap_or(rest)));
            }
            self.flag(argument, None);
        }
    }

    fn flag(&mut self, argument: &'a Arg, value: Option<&str>) {
        if value.is_none() && takes_value(argument) && !argument.is_require_equals_set() {
            self.pending = Some(argument);
        } else {
            self.give(argument, value);
        }
    }

    fn give(&mut self, argument: &Arg, value: Option<&str>) {
        self.given.entry(argument.get_id().to_string()).or_default().push(value.map(str::to_owned));
    }

    fn place(&self, word: String) -> (Place<'a>, String) {
        let nothing = |word| (Place::Nothing, word);
        if let Some(argument) = self.pending {
            return (Place::Value(argument), word);
        }
        if word.starts_with('-') && !self.only_values {
            let split = word.split_once('=').map(|(flag, value)| (flag.to_owned(), value.to_owned()));
            return match split {
                Some((flag, value)) => match flag.strip_prefix("--").and_then(|name| self.long(name)) {
                    Some(argument) => (Place::Value(argument), value),
                    None => nothing(word),
                },
                None => (Place::Flag, word),
            };
        }
        let at = if self.positions == 0 && !self.only_values && self.command.has_subcommands() {
            Place::Command
        } else {
            self.position().map_or(Place::Nothing, Place::Value)
        };
        (at, word)
    }

    fn subcommand(&self, word: &str) -> Option<&'a Command> {
        let here = self.positions == 0 && !self.only_values;
        self.command.find_subcommand(word).filter(|_| here)
    }

    /// The argument that the next value without a flag belongs to.
    fn position(&self) -> Option<&'a Arg> {
        let mut arguments = self.command.get_positionals();
        let last = self.command.get_positionals().last()?;
        let repeated = last.get_num_args().is_some_and(|count| count.max_values() > 1)
            || matches!(last.get_action(), clap::ArgAction::Append);
        arguments.nth(self.positions).or(Some(last).filter(|_| repeated))
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_arguments().find(|argument| argument.get_long() == Some(name))
    }

    fn short(&self, letter: char) -> Option<&'a Arg> {
        self.command.get_arguments().find(|argument| argument.get_short() == Some(letter))
    }
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}
