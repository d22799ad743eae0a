//! Placeholders for what differs from run to run: the one place that knows what they are.

use std::collections::BTreeMap;

use regex::Regex;

/// Replaces names of this world by placeholders, longest first, and then what a pattern can tell.
///
/// Digests, UIDs and resource versions are numbered in the order in which they appear, so that equal ones stay equal.
pub(crate) fn redact(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut names: Vec<(&String, &String)> = names.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut text = text.to_owned();
    for (name, placeholder) in names {
        text = text.replace(name.as_str(), placeholder);
    }
    let patterns = [
        (r"sha256:[0-9a-f]{64}", "sha256:<DIGEST-#>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<UID-#>"),
        (r#"("?resourceVersion"?: ?"?)([0-9]+)"#, "${1}<VERSION-#>"),
        (r"127\.0\.0\.[0-9]+:[0-9]{2,5}\b", "<ADDRESS-#>"),
    ];
    for (pattern, placeholder) in patterns {
        text = number(&text, &Regex::new(pattern).expect("a pattern"), placeholder);
    }
    text
}

fn number(text: &str, pattern: &Regex, placeholder: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let replaced = pattern.replace_all(text, |found: &regex::Captures<'_>| {
        let value = found.iter().last().flatten().map_or("", |group| group.as_str());
        let index = seen.iter().position(|known| known == value).unwrap_or_else(|| {
            seen.push(value.to_owned());
            seen.len() - 1
        });
        let prefix = if found.len() > 1 { found.get(1).map_or("", |group| group.as_str()) } else { "" };
        placeholder.replace("${1}", prefix).replace('#', &(index + 1).to_string())
    });
    replaced.into_owned()
}
