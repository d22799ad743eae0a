//! What holds for every `registries.conf`: all mistakes are told, each with its line, and nothing is half believed.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::model::hostile;
use crate::model::image::Reference;
use crate::registry::endpoint::Endpoint;
use crate::registry::requests;

const FILES: [&str; 3] = [
    "registries:\n- name: Docker Hub\n  api_url: https://registry-1.docker.io\n  ping: yes\n  credentials: env:SOME_ENV_VAR\n  default: true\n  defaultns: library\n- name: Google\n  api_url: https://gcr.io/\n  prefix: gcr.io\n  credentials: pullsecret:foo/bar\n",
    "registries: [{name: q, api_url: 'http://quay.io:8080/x', prefix: quay.io, insecure: true, credsexpire: 1h30m, limit: 5, tagsortmode: latest-first}]",
    "# nothing\n",
];

const FILE_PIECES: [&str; 40] = [
    "registries:",
    "\n",
    "\n- ",
    "\n  ",
    "- ",
    "name: ",
    "api_url: ",
    "prefix: ",
    "default: ",
    "defaultns: ",
    "credentials: ",
    "credsexpire: ",
    "limit: ",
    "ca_data: ",
    "ca_file: ",
    "insecure: ",
    "tagsortmode: ",
    "limts: ",
    "{",
    "}",
    "[",
    "]",
    ",",
    ": ",
    "'",
    "\"",
    "|",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "5",
    "true",
    "null",
    "https://u:hunter2hunter2@r.io",
    "https://r.io",
    "gcr.io/a",
    "---",
    "\t",
    "\u{1b}",
];

const IMAGES: [&str; 7] =
    ["nginx", "docker.io/acme/web", "gcr.io/a/b", "gcr.io/ab", "gcr.io.evil/a", "quay.io/x", "[::1]:5000/a"];

fn remote(image: &str) -> Remote {
    let reference = Reference::parse(image);
    Remote::named(&reference, reference.repository().expect("an image"))
}

/// An entry, as text.
fn entry() -> impl Strategy<Value = (String, String, bool)> {
    let prefix = select(vec!["gcr.io", "gcr.io/a", "GCR.io/a/", "docker.io", "quay.io", "[::1]:5000", ""]);
    (prefix, "[a-z]{1,4}", of(select(vec!["true", "false", "yes"])), of(-3..9_i64)).prop_map(
        |(prefix, host, default, limit)| {
            let default = default.map_or_else(String::new, |default| format!(", default: {default}"));
            let limit = limit.map_or_else(String::new, |limit| format!(", limit: {limit}"));
            let text = format!(
                "- {{name: {host}, api_url: 'https://{host}.example.com/p', prefix: '{prefix}'{default}{limit}}}"
            );
            (
                text,
                prefix.to_ascii_lowercase().trim_end_matches('/').to_owned(),
                matches!(default.as_str(), ", default: true" | ", default: yes"),
            )
        },
    )
}

proptest! {
    #![proptest_config(hostile::cases(96))]

    #[test]
    fn a_file_is_read_or_its_mistakes_have_lines(text in hostile::hostile(&FILES, &FILE_PIECES, 20), image in select(&IMAGES[..])) {
        match parse(&text, Origin::Cluster) {
            Ok(conf) => {
                let remote = remote(image);
                for entry in &conf.entries {
                    prop_assert!(matches!(entry.api_url.scheme(), "http" | "https") && requests::has_no_login(&entry.api_url));
                    prop_assert!(!entry.name.is_empty() && entry.line >= 1 && entry.line <= text.split(['\n', '\r']).count());
                }
                if let Ok(endpoint) = Endpoint::find(&remote, Some(&conf)) {
                    // A login of the caller's does not go out in the clear on the word of the cluster.
                    let clear = endpoint.base.scheme() == "http" || endpoint.trust.insecure;
                    let configured = conf.entry(&remote).is_some();
                    prop_assert!(!clear || !configured || endpoint.own_names.is_empty() || requests::is_loopback(&endpoint.base));
                }
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty() && problems.is_sorted_by_key(|problem| problem.line));
                let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
                for problem in problems {
                    prop_assert!(problem.line >= 1 && problem.line <= lines + 1, "{} of {}", problem, lines);
                    prop_assert!(problem.what.chars().count() <= 401);
                    // It stands in a URL, and that is not repeated where it is read as one.
                    prop_assert!(!problem.what.starts_with("`api_url`") || !problem.what.contains("hunter2"));
                }
            }
        }
    }

    #[test]
    fn an_image_is_asked_for_where_the_longest_prefix_says(entries in vec(entry(), 0..6), image in select(&IMAGES[..])) {
        let text = format!("registries:\n{}\n", entries.iter().map(|(text, ..)| text.as_str()).collect::<Vec<_>>().join("\n"));
        let one = |is: &dyn Fn(&(String, String, bool)) -> bool| entries.iter().filter(|entry| is(entry)).count() <= 1;
        let legal = one(&|(.., default)| *default) && one(&|(_, prefix, _)| prefix.is_empty());
        let conf = parse(&text, Origin::File);
        prop_assert_eq!(conf.is_ok(), legal || entries.is_empty(), "{}", text);
        let Ok(conf) = conf else { return Ok(()) };
        let remote = remote(image);
        let name = remote.repository.to_string();
        let covers = |prefix: &str| name == prefix || name.starts_with(&format!("{prefix}/"));
        let default = entries.iter().position(|(.., default)| *default).filter(|_| remote.unqualified);
        let mut best = default;
        if best.is_none() {
            for (index, (_, prefix, _)) in entries.iter().enumerate().filter(|(_, (_, prefix, _))| !prefix.is_empty() && covers(prefix)) {
                best = best.filter(|best: &usize| entries[*best].1.len() > prefix.len()).or(Some(index));
            }
        }
        let rest = entries.iter().position(|(_, prefix, _)| prefix.is_empty()).filter(|_| remote.repository.registry() != DOCKER_HUB);
        // From 1, and the first line is the key's.
        prop_assert_eq!(conf.entry(&remote).map(|entry| entry.line - 2), best.or(rest));
    }

    #[test]
    fn a_tree_keeps_every_entry_and_finds_its_line(keys in vec("[a-z]{1,3}", 1..6), gaps in vec(0..3_usize, 6)) {
        let mut text = String::new();
        let mut lines = Vec::new();
        for (key, gap) in keys.iter().zip(gaps) {
            text.push_str(&"# gap\n\n".repeat(gap));
            lines.push(text.lines().count() + 1);
            text.extend([key.as_str(), ": 1\n"]);
        }
        let expected = keys.iter().map(|key| (yaml::Node::Text(key.clone()), yaml::Node::Integer(1))).collect();
        prop_assert_eq!(yaml::read(&text), Ok((yaml::Node::Map(expected), false)));
        for (number, line) in lines.into_iter().enumerate() {
            prop_assert_eq!(yaml::line(&text, &[yaml::Step::Key(number)]), line);
            prop_assert_eq!(yaml::line(&text, &[yaml::Step::Value(number)]), line);
        }
    }
}
