//! Branch names and commit messages from Go `text/template`s (spec section 6.3). Pure.
//!
//! `gotmpl` evaluates them; what it lacks is said in README, and is an error here, before anything is fetched. What a
//! template makes is checked: a branch must be one, a message has no control characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gotmpl::MissingKey;
use gotmpl::Template;
use gotmpl::Value;
use sha2::Digest as _;
use sha2::Sha256;

use crate::model::application::ApplicationKey;
use crate::model::git::BranchName;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Change;

/// Most rounds of all `range`s of one template.
const MOST_ROUNDS: u64 = 100_000;

/// Longest text that is made: a message of a thousand images is not as long.
const LONGEST: usize = 1024 * 1024;

/// Longest name of a branch, in bytes; Image Updater cuts what is longer.
const LONGEST_BRANCH: usize = 255;

/// How many Applications a message names; of more it tells the number.
const MOST_NAMES: usize = 3;

/// Image Updater's own message.
const MESSAGE: &str = "build: automatic update of {{ .AppName }}

{{ range .AppChanges -}}
updates image {{ .Image }} tag '{{ .OldTag }}' to '{{ .NewTag }}'
{{ end -}}
";

/// Labels of the images that versions name, as far as they are known.
pub(crate) type ImageLabels = BTreeMap<(Repository, Version), BTreeMap<String, String>>;

/// Whether a template says something about labels of images.
pub(crate) fn asks_for_labels(template: &str) -> bool {
    template.contains(".Labels")
}

/// Whether a template can be read at all.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn check(template: &str) -> Result<(), String> {
    parse(template).map(|_| ())
}

/// The branch that a change is pushed to.
///
/// # Errors
/// The template fails, or makes something that is no branch.
pub(crate) fn branch(template: &str, change: &Change) -> Result<String, String> {
    let images: Vec<Value> = moves(change)
        .map(|image| {
            map([
                ("Name", image.name.into()),
                ("Alias", image.alias.into()),
                ("OldTag", image.old.into()),
                ("NewTag", image.new.into()),
            ])
        })
        .collect();
    let mut changes = String::new();
    for Move { name, old, new, .. } in moves(change) {
        let _ = write!(changes, "{name}-{old}-{new},");
    }
    let ApplicationKey { namespace, name } = &change.application;
    let data = map([
        ("Images", images.into()),
        ("SHA256", hex(&changes).into()),
        ("AppNamespace", namespace.clone().into()),
        ("AppName", name.clone().into()),
        ("TargetKey", target_key(change).into()),
    ]);
    let mut name = render(template, &data)?.trim().to_owned();
    while name.len() > LONGEST_BRANCH {
        name.pop();
    }
    match BranchName::new(&name) {
        Ok(branch) => Ok(branch.to_string()),
        Err(why) => Err(format!("it makes `{}`, which {why}", name.escape_debug())),
    }
}

/// The message of a commit with these changes; `None`: Image Updater's own template.
///
/// # Errors
/// The template fails, or makes no message.
pub(crate) fn message(template: Option<&str>, changes: &[&Change], labels: &ImageLabels) -> Result<String, String> {
    let text = render(template.unwrap_or(MESSAGE), &message_data(changes, labels))?;
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let text = text.trim();
    if text.is_empty() { Err("it makes no text".to_owned()) } else { Ok(format!("{text}\n")) }
}

/// What the template of a message is filled with.
fn message_data(changes: &[&Change], labels: &ImageLabels) -> Value {
    let images = changes.iter().flat_map(|change| moves(change).zip(&change.images));
    let moves = images.map(|(image, moved)| {
        let labels = labels.get(&(moved.reference.clone(), moved.to.clone())).into_iter().flatten();
        let labels: BTreeMap<String, Value> = labels.map(|(key, value)| (key.clone(), line(value).into())).collect();
        map([
            ("Image", image.name.into()),
            ("OldTag", image.old.into()),
            ("NewTag", image.new.into()),
            ("Labels", labels.into()),
        ])
    });
    map([("AppName", names(changes).into()), ("AppChanges", moves.collect::<Vec<Value>>().into())])
}

/// What happened to one image, as templates see it.
struct Move {
    /// Without the registry.
    name: String,
    alias: String,
    old: String,
    new: String,
}

fn moves(change: &Change) -> impl Iterator<Item = Move> {
    // The digest, if there is one, else the tag.
    let text = |version: Version| line(&version.digest.or(version.tag).unwrap_or_default());
    change.images.iter().map(move |image| Move {
        // As people write it: Docker Hub's own images have no `library/`.
        name: image.reference.path().strip_prefix("library/").unwrap_or(image.reference.path()).to_owned(),
        alias: line(image.alias.as_deref().unwrap_or_default()),
        old: text(image.from.clone().unwrap_or_default()),
        new: text(change.written(image)),
    })
}

/// A text without what could begin another line, such as a trailer that nobody wrote.
fn line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')).collect()
}

/// `web`, `api, db, web`, or `17 Applications`.
fn names(changes: &[&Change]) -> String {
    let mut names: Vec<&str> = changes.iter().map(|change| change.application.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > MOST_NAMES { format!("{} Applications", names.len()) } else { names.join(", ") }
}

/// The beginning of a hash of where a change is written, as Image Updater makes it for pull requests.
fn target_key(change: &Change) -> String {
    let place = change.git().map_or_else(String::new, |git| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{}|{}|{}", git.repository, text(&git.branch), text(&git.path))
    });
    hex(&place)[..8].to_owned()
}

fn hex(text: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<BTreeMap<String, Value>>().into()
}

fn parse(template: &str) -> Result<Template, String> {
    balanced(template)?;
    Template::new("")
        .missing_key(MissingKey::Error)
        .max_range_iters(MOST_ROUNDS)
        .parse(template)
        .map_err(|error| error.to_string())
}

fn render(template: &str, data: &Value) -> Result<String, String> {
    let template = parse(template)?;
    let mut made = Limited { text: Vec::new() };
    template.execute(&mut made, data).map_err(|error| error.to_string())?;
    String::from_utf8(made.text).map_err(|_| "it makes something that is not text".to_owned())
}

/// A text that ends the template when it gets too long.
struct Limited {
    text: Vec<u8>,
}

impl std::io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.text.len() + bytes.len() > LONGEST {
            return Err(std::io::Error::other("it makes too long a text"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Refuses an `end` or `else` that belongs to nothing, and a block without one: `gotmpl` would drop the rest of the text
/// without a word.
fn balanced(template: &str) -> Result<(), String> {
    let mut rest = template;
    let mut depth = 0_usize;
    while let Some(start) = rest.find("{{") {
        let action = &rest[start + 2..];
        let trimmed = action.strip_prefix('-').filter(|after| after.starts_with(char::is_whitespace)).unwrap_or(action);
        let length = if trimmed.trim_start().starts_with("/*") {
            trimmed.find("*/").map(|end| end + 2).and_then(|end| Some(end + trimmed[end..].find("}}")?))
        } else {
            end_of_action(trimmed)
        };
        let Some(length) = length else { return Err("an action has no end".to_owned()) };
        let word: String = trimmed.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
        match word.as_str() {
            "if" | "range" | "with" | "block" | "define" => depth += 1,
            "end" | "else" if depth == 0 => return Err(format!("`{word}` belongs to nothing")),
            "end" => depth -= 1,
            _ => {}
        }
        rest = &trimmed[length + 2..];
    }
    if depth > 0 { Err("an `end` is missing".to_owned()) } else { Ok(()) }
}

/// Where the `}}` of an action stands, which is not one inside of a text.
fn end_of_action(action: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in action.char_indices() {
        match quote {
            Some(open) => {
                if escaped {
                    escaped = false;
                } else if c == '\\' && open != '`' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                }
            }
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if action[index..].starts_with("}}") => return Some(index),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
