//! From the text of a `registries.conf` to its entries, strictly: a key that nobody knows is a mistake (spec section
//! 4.1). Reading goes on after a problem, so that all of them are told at once.

use std::fmt;

use reqwest::Url;

use crate::model::image::Repository;
use crate::model::login_source::LoginSource;
use crate::registry::conf::Entry;
use crate::registry::conf::Limit;
use crate::registry::conf::Origin;
use crate::registry::conf::RegistriesConf;
use crate::registry::conf::TagOrder;
use crate::registry::conf::yaml;
use crate::registry::conf::yaml::Node;
use crate::registry::conf::yaml::Step;
use crate::tls;

/// Something wrong in the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// More registries than anybody has; with more of them every place would take long to find.
const MOST_ENTRIES: usize = 500;

/// Most bytes that are read, all in all: the text is read again for the place of each entry.
const MOST_WORK: usize = 64 * 1024 * 1024;

/// Most problems that are told.
const MOST_PROBLEMS: usize = 50;

/// Most characters of one of them.
const LONGEST: usize = 400;

/// Every key of an entry.
const KEYS: [&str; 13] = [
    "name",
    "api_url",
    "prefix",
    "default",
    "defaultns",
    "credentials",
    "credsexpire",
    "tagsortmode",
    "insecure",
    "ca_file",
    "ca_data",
    "limit",
    "ping",
];

/// Reads the text.
///
/// # Errors
/// All that is wrong, by line.
pub(crate) fn parse(text: &str, origin: Origin) -> Result<RegistriesConf, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (root, more_documents) = yaml::read(text).map_err(|(line, what)| vec![Problem { line, what }])?;
    let mut reader = Reader { text, problems: Vec::new(), work: 0 };
    let entries = reader.root(&root);
    reader.one_of_a_kind(&entries);
    if reader.problems.is_empty() {
        return Ok(RegistriesConf { origin, more_documents, entries });
    }
    reader.problems.sort();
    Err(reader.problems)
}

/// What at most one entry may be, and how that is said.
type Rule = (fn(&Entry) -> bool, &'static str);

struct Reader<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    /// Bytes that were read again for values as they are written.
    work: usize,
}

/// A value, and the way to it.
#[derive(Clone)]
struct Found<'a> {
    node: &'a Node,
    path: Vec<Step>,
    key: &'static str,
}

impl Reader<'_> {
    fn report(&mut self, path: &[Step], what: impl Into<String>) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        // What is quoted can be as long as the file.
        let mut what = what.into();
        if let Some((end, _)) = what.char_indices().nth(LONGEST) {
            what.truncate(end);
            what.push('…');
        }
        self.problems.push(Problem { line: yaml::line(self.text, path), what });
    }

    fn root(&mut self, root: &Node) -> Vec<Entry> {
        let found = match root {
            Node::Null => return Vec::new(),
            Node::Map(map) => self.keys(map, &[], &["registries"]),
            other => {
                self.report(&[], format!("this is {}, not the key `registries` with a list", other.kind()));
                return Vec::new();
            }
        };
        let Some(registries) = found.into_iter().next() else { return Vec::new() };
        let items = match registries.node {
            Node::Null => return Vec::new(),
            Node::List(items) if items.len() > MOST_ENTRIES => {
                self.report(&registries.path, format!("there are more than {MOST_ENTRIES} registries"));
                return Vec::new();
            }
            Node::List(items) if items.len().saturating_mul(self.text.len()) > MOST_WORK => {
                let (bytes, count) = (self.text.len(), items.len());
                let what = format!("{bytes} bytes are too many for {count} registries");
                self.report(&registries.path, what);
                return Vec::new();
            }
            Node::List(items) => items,
            other => {
                self.wrong_type(&registries, other, "a list");
                return Vec::new();
            }
        };
        let entries = items.iter().enumerate().map(|(number, item)| {
            let path = [registries.path.as_slice(), &[Step::Item(number)]].concat();
            self.entry(item, &path)
        });
        entries.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// The known keys of a mapping, each once; the others are problems.
    fn keys<'n>(&mut self, map: &'n [(Node, Node)], path: &[Step], known: &[&'static str]) -> Vec<Found<'n>> {
        let mut found: Vec<Found<'n>> = Vec::new();
        for (number, (key, node)) in map.iter().enumerate() {
            let at = [path, &[Step::Key(number)]].concat();
            let Node::Text(name) = key else {
                self.report(&at, format!("a key must be text, and this is {}", key.kind()));
                continue;
            };
            match known.iter().find(|known| *known == name) {
                Some(key) if found.iter().any(|found| found.key == *key) => {
                    self.report(&at, format!("`{key}` is there twice"));
                }
                Some(key) => found.push(Found { node, path: [path, &[Step::Value(number)]].concat(), key }),
                None => {
                    // What is compared takes time and room with the product of the lengths.
                    let near = |known: &&&str| {
                        known.len().abs_diff(name.len()) <= 2 && strsim::damerau_levenshtein(known, name) <= 2
                    };
                    let near = known.iter().find(near);
                    let help = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known: {}", known.join(", ")),
                    };
                    self.report(&at, format!("`{name}` is not a key; {help}"));
                }
            }
        }
        found
    }

    fn entry(&mut self, node: &Node, path: &[Step]) -> Option<Entry> {
        let Node::Map(map) = node else {
            self.report(path, format!("a registry must be a mapping, and this is {}", node.kind()));
            return None;
        };
        let before = self.problems.len();
        let fields = self.keys(map, path, &KEYS);
        let of = |key: &str| fields.iter().find(|field| field.key == key && *field.node != Node::Null);
        // What is missing, and what is there but of a wrong type, are two problems.
        let name = self.text(of("name"));
        if of("name").is_none() || name.as_deref() == Some("") {
            self.report(path, "the registry has no `name`");
        }
        let api_url = self.text(of("api_url"));
        if of("api_url").is_none() || api_url.as_deref() == Some("") {
            self.report(path, "the registry has no `api_url`");
        }
        let api_url = api_url.filter(|url| !url.is_empty()).and_then(|url| self.parsed(of("api_url"), api(&url)));
        let prefix = self.text(of("prefix")).unwrap_or_default();
        let prefix = self.parsed(of("prefix"), normal_prefix(&prefix)).unwrap_or_default();
        let default_namespace = self.text(of("defaultns")).filter(|namespace| !namespace.is_empty());
        let default_namespace =
            default_namespace.and_then(|namespace| self.parsed(of("defaultns"), name_space(namespace)));
        let credentials = self.text(of("credentials")).filter(|source| !source.trim().is_empty());
        let credentials = credentials.and_then(|source| {
            let source = LoginSource::parse(source.trim()).map_err(|error| error.message);
            self.parsed(of("credentials"), source)
        });
        if let Some(duration) = self.text(of("credsexpire")).filter(|duration| !duration.is_empty()) {
            self.parsed(of("credsexpire"), go_duration(&duration));
        }
        let order = self.text(of("tagsortmode")).and_then(|mode| self.parsed(of("tagsortmode"), tag_sort_mode(&mode)));
        let ca = self.text(of("ca_data")).filter(|pem| !pem.is_empty());
        let ca = ca.and_then(|pem| self.parsed(of("ca_data"), certificates(pem)));
        self.boolean(of("ping"));
        let (default, insecure) = (self.boolean(of("default")), self.boolean(of("insecure")));
        let (limit, ca_file) = (self.limit(of("limit")), self.text(of("ca_file")));
        if self.problems.len() > before {
            return None;
        }
        Some(Entry {
            name: name?,
            line: yaml::line(self.text, path),
            credentials,
            ca_file: ca_file.filter(|file| !file.is_empty()).map(Into::into),
            ca,
            insecure,
            api_url: api_url?,
            prefix,
            default,
            default_namespace,
            limit,
            order: order.flatten(),
        })
    }

    /// Of two entries at most one can be for images without a registry, and one for registries that no other names.
    fn one_of_a_kind(&mut self, entries: &[Entry]) {
        let rules: [Rule; 2] =
            [(|entry| entry.default, "has `default: true`"), (|entry| entry.prefix.is_empty(), "has no `prefix`")];
        for (is_so, what) in rules {
            let mut such = entries.iter().filter(|entry| is_so(entry));
            let Some(first) = such.next() else { continue };
            for other in such {
                let what = format!(
                    "`{}` {what}, and `{}` on line {} already is such a registry",
                    other.name, first.name, first.line
                );
                self.problems.push(Problem { line: other.line, what });
            }
        }
    }

    fn wrong_type(&mut self, found: &Found<'_>, node: &Node, wanted: &str) {
        let hint = match node {
            Node::Integer(_) | Node::Number(_) | Node::Bool(_) if wanted == "text" => ": put it in quotes",
            _ => "",
        };
        self.report(&found.path, format!("`{}` must be {wanted}, and this is {}{hint}", found.key, node.kind()));
    }

    fn text(&mut self, found: Option<&Found<'_>>) -> Option<String> {
        let found = found?;
        match found.node {
            Node::Text(text) => Some(text.clone()),
            // What it looks like does not matter, as for Go's YAML.
            Node::Integer(_) | Node::Number(_) | Node::Bool(_) if self.work <= MOST_WORK => {
                self.work += self.text.len();
                yaml::source(self.text, &found.path)
            }
            other => {
                self.wrong_type(found, other, "text");
                None
            }
        }
    }

    fn boolean(&mut self, found: Option<&Found<'_>>) -> bool {
        let Some(found) = found else { return false };
        match found.node {
            Node::Bool(value) => return *value,
            // YAML 1.1, which Image Updater reads, has more words for it.
            Node::Text(text) => match text.to_ascii_lowercase().as_str() {
                "y" | "yes" | "on" => return true,
                "n" | "no" | "off" => return false,
                _ => self.wrong_type(found, found.node, "`true` or `false`"),
            },
            other => self.wrong_type(found, other, "`true` or `false`"),
        }
        false
    }

    fn limit(&mut self, found: Option<&Found<'_>>) -> Limit {
        let Some(found) = found else { return Limit::Usual };
        match found.node {
            Node::Integer(limit) if *limit > 0 => Limit::PerSecond(u32::try_from(*limit).unwrap_or(u32::MAX)),
            Node::Integer(_) => Limit::None,
            other => {
                self.wrong_type(found, other, "a whole number");
                Limit::Usual
            }
        }
    }

    /// A value that was read further, or a problem where it stands.
    fn parsed<T>(&mut self, found: Option<&Found<'_>>, read: Result<T, String>) -> Option<T> {
        match (read, found) {
            (Ok(value), _) => Some(value),
            (Err(what), Some(found)) => {
                self.report(&found.path, format!("`{}`: {what}", found.key));
                None
            }
            (Err(_), None) => None,
        }
    }
}

/// The base of an API; plain http is as good as https here, since somebody wrote it.
fn api(text: &str) -> Result<Url, String> {
    // The URL is not repeated: there may be a login in it.
    let url = Url::parse(text.trim()).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("not a URL that begins with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there is a login in it; `credentials` says where one stands".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("there is a `?` or `#` in it".to_owned());
    }
    Ok(url)
}

/// A prefix as it is compared: like the names of repositories, and without a slash at the end.
fn normal_prefix(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    if text.is_empty() {
        return Ok(String::new());
    }
    let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
    let any = Repository::new(Some(host), "a/b")
        .map_err(|why| format!("{why}; write it as image names begin, such as `reg.example.com:5000`"))?;
    let registry = any.registry();
    Ok(path.map_or_else(|| registry.to_owned(), |path| format!("{registry}/{path}")))
}

fn name_space(text: String) -> Result<String, String> {
    Repository::new(Some("registry.example.com"), &format!("{text}/name")).map(|_| text)
}

/// Cases `tsm-*`.
fn tag_sort_mode(text: &str) -> Result<Option<TagOrder>, String> {
    let known = [("latest-first", Some(TagOrder::LatestFirst)), ("latest-last", Some(TagOrder::LatestLast))];
    let known = known.into_iter().chain([("none", None), ("", None)]);
    let found = known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found
        .map(|(_, order)| order)
        .ok_or_else(|| format!("unknown tag sort mode `{text}`; known: latest-first, latest-last, none"))
}

/// Go's `time.ParseDuration`, of which only the verdict is needed.
fn go_duration(text: &str) -> Result<(), String> {
    let wrong = || Err(format!("`{text}` is not a duration; write it like `12h` or `1h30m`"));
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return Ok(());
    }
    if rest.is_empty() {
        return wrong();
    }
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let digits = &rest[..number];
        let unit = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"]
            .into_iter()
            .filter(|unit| rest[number..].starts_with(unit))
            .max_by_key(|unit| unit.len());
        let Some(unit) = unit else { return wrong() };
        if digits.matches('.').count() > 1 || !digits.contains(|c: char| c.is_ascii_digit()) {
            return wrong();
        }
        rest = &rest[number + unit.len()..];
    }
    Ok(())
}

/// Text that holds at least one certificate, and nothing that is broken.
pub(super) fn certificates(pem: String) -> Result<String, String> {
    match tls::certificates(pem.as_bytes()) {
        Err(_) => Err("a certificate in it is broken".to_owned()),
        Ok(found) if found.is_empty() => Err("there is no PEM certificate in it".to_owned()),
        Ok(_) => Ok(pem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entries as text, or the problems.
    fn read(text: &str) -> Result<String, String> {
        parse(text, Origin::File)
            .map(|conf| {
                let entries = conf.entries.iter().map(|e| {
                    let source = e.credentials.as_ref().map(ToString::to_string).unwrap_or_default();
                    format!("{} {} {} {source}", e.name, e.api_url, e.prefix).trim().to_owned()
                });
                entries.collect::<Vec<_>>().join("\n")
            })
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The facts of case `reg-01`, in the project's own words.
    const EXAMPLE: &str = "\
registries:
- name: Docker Hub
  api_url: https://registry-1.docker.io
  ping: yes
  credentials: env:SOME_ENV_VAR
  default: true
  defaultns: library
  tagsortmode: Latest-First
- name: Google
  api_url: https://gcr.io/
  prefix: gcr.io
  ping: no
  credentials: pullsecret:foo/bar
- {name: GitHub, api_url: 'https://ghcr.io', prefix: ghcr.io, credentials: 'ext:/some/script', credsexpire: 5h}
- {name: Quay, api_url: 'https://quay.io', prefix: quay.io, insecure: true, credentials: 'secret:foo/bar#creds', limit: 5}
";

    #[test]
    fn a_whole_file_is_read() {
        let expected = "Docker Hub https://registry-1.docker.io/  env:SOME_ENV_VAR
Google https://gcr.io/ gcr.io pullsecret:foo/bar
GitHub https://ghcr.io/ ghcr.io ext:/some/script
Quay https://quay.io/ quay.io secret:foo/bar#creds";
        assert_eq!(read(EXAMPLE).as_deref(), Ok(expected), "reg-01");
        let entries = parse(EXAMPLE, Origin::File).unwrap().entries;
        assert!(entries[0].default && entries[0].default_namespace.as_deref() == Some("library"));
        assert!(entries[3].insecure && !entries[0].insecure);
        assert_eq!((entries[0].limit, entries[3].limit), (Limit::Usual, Limit::PerSecond(5)));
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 9, 14, 15]);
        for (id, text) in [("reg-14", "registries: []"), ("reg-15", ""), ("null", "registries:\n"), ("comment", "# x")]
        {
            assert_eq!(read(text).as_deref(), Ok(""), "{id}");
        }
    }

    #[test]
    fn values_are_read_as_there() {
        let entry = |field: &str| {
            let text = format!("registries:\n- {{name: x, api_url: 'https://r', prefix: r, {field}}}");
            parse(&text, Origin::File).map(|conf| conf.entries.into_iter().next().unwrap())
        };
        for (id, field, expected) in [
            ("ep-05", "limit: 5", Some(Limit::PerSecond(5))),
            ("ep-17", "limit: 0", Some(Limit::None)),
            ("ep-18", "limit: -5", Some(Limit::None)),
            ("null", "limit: ", Some(Limit::Usual)),
            ("huge", "limit: 99999999999999999999", None),
            ("text", "limit: '5'", None),
            ("half", "limit: 2.5", None),
        ] {
            assert_eq!(entry(field).ok().map(|entry| entry.limit), expected, "{id}");
        }
        for (id, mode, valid) in [
            ("reg-07", "invalid", Err(())),
            ("tsm-02", "latest-last", Ok(Some(TagOrder::LatestLast))),
            ("tsm-03", "none", Ok(None)),
            ("case", "LATEST-FIRST", Ok(Some(TagOrder::LatestFirst))),
            ("empty", "", Ok(None)),
        ] {
            let order = entry(&format!("tagsortmode: '{mode}'")).map(|entry| entry.order).map_err(|_| ());
            assert_eq!(order, valid, "{id}");
        }
        assert_eq!(entry("tagsortmode: ").unwrap().order, None);
        let durations = ["5h", "90m", "1h30m", "0", "1.5h", "3s", "100ms", "-1m", "2us", "2µs"];
        for (text, valid) in durations
            .map(|text| (text, true))
            .into_iter()
            .chain(["5", "h", "5 h", "5d", "1h30", ".", ".h", "1..5h", "soon"].map(|text| (text, false)))
        {
            assert_eq!(entry(&format!("credsexpire: '{text}'")).is_ok(), valid, "{text}");
        }
        let file = entry("ca_file: /app/config/certs/registry-ca.pem").unwrap().ca_file;
        assert_eq!(file.unwrap().to_str(), Some("/app/config/certs/registry-ca.pem"), "reg-02");
    }

    /// Go's YAML puts whatever scalar it finds into a text, and reads the first document.
    #[test]
    fn what_go_reads_is_read() {
        let text = "registries:\n- {name: 1, api_url: 'https://r', prefix: true, defaultns: 007}\n---\n";
        let conf = parse(text, Origin::File).unwrap();
        let entry = &conf.entries[0];
        assert_eq!((entry.name.as_str(), entry.prefix.as_str()), ("1", "true"));
        assert_eq!((entry.default_namespace.as_deref(), conf.more_documents), (Some("007"), false));
        assert!(parse("registries: []\n---\nx: 1\n", Origin::File).unwrap().more_documents);
    }

    #[test]
    fn certificates_are_kept_and_checked() {
        let pem = rcgen::generate_simple_self_signed(["r".to_owned()]).unwrap().cert.pem();
        let block = |pem: &str| format!("    {}\n", pem.trim().replace('\n', "\n    "));
        let text = |pem: &str| format!("registries:\n- name: x\n  api_url: https://r\n  ca_data: |\n{}", block(pem));
        let conf = parse(&text(&pem), Origin::Cluster).unwrap();
        assert_eq!(conf.entries[0].ca.as_deref().map(str::trim), Some(pem.trim()), "reg-03");
        let wrong = read(&text("no certificate")).unwrap_err();
        assert_eq!(wrong, "line 4: `ca_data`: there is no PEM certificate in it", "ep-15");
        let broken = read(&text(&pem.replace("\n-----END", "%%\n-----END"))).unwrap_err();
        assert_eq!(broken, "line 4: `ca_data`: a certificate in it is broken");
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_line() {
        for (id, text, expected) in [
            (
                "reg-05",
                "registries:\n- name: Foobar Registry\n  ping: false\n",
                "line 2: the registry has no `api_url`",
            ),
            (
                "reg-06",
                "registries:\n- {name: Foobar, api_url: 'https://foobar.io'}\n- {name: Barbar, api_url: 'https://barbar.io'}",
                "line 3: `Barbar` has no `prefix`, and `Foobar` on line 2 already is such a registry",
            ),
            (
                "reg-07",
                "registries:\n- name: x\n  api_url: https://r\n  tagsortmode: invalid\n",
                "line 4: `tagsortmode`: unknown tag sort mode `invalid`; known: latest-first, latest-last, none",
            ),
            (
                "reg-09",
                "registries:\n- {name: a, api_url: 'https://a', prefix: a, default: true}\n- {name: b, api_url: 'https://b', prefix: b, default: true}",
                "line 3: `b` has `default: true`, and `a` on line 2 already is such a registry",
            ),
            (
                "reg-10",
                "registries:\n- name: a\n  api_url: https://a\n  unknown_key: 1\n  limits: 1\n",
                "line 4: `unknown_key` is not a key; known: name, api_url, prefix, default, defaultns, credentials, \
                 credsexpire, tagsortmode, insecure, ca_file, ca_data, limit, ping\n\
                 line 5: `limits` is not a key; did you mean `limit`?",
            ),
            (
                "reg-12, all of them",
                "registries:\n- api_url: https://a\n- name: b\n",
                "line 2: the registry has no `name`\nline 3: the registry has no `api_url`",
            ),
            (
                "reg-13, all of them",
                "registries:\n- api_url: https://a\n- {name: b, api_url: 'https://b', prefix: b, tagsortmode: bad}\n",
                "line 2: the registry has no `name`\n\
                 line 3: `tagsortmode`: unknown tag sort mode `bad`; known: latest-first, latest-last, none",
            ),
            (
                "cre-10",
                "registries:\n- name: a\n  api_url: https://a\n  credentials: invalid-ref\n",
                "line 4: `credentials`: `invalid-ref` must have exactly one `:`",
            ),
            (
                "types",
                "registries:\n- name: {}\n  api_url: [x]\n  insecure: maybe\n  default: 1\n  credsexpire: 5\n- x\n",
                "line 2: `name` must be text, and this is a mapping\n\
                 line 3: `api_url` must be text, and this is a list\n\
                 line 4: `insecure` must be `true` or `false`, and this is text\n\
                 line 5: `default` must be `true` or `false`, and this is a number\n\
                 line 6: `credsexpire`: `5` is not a duration; write it like `12h` or `1h30m`\n\
                 line 7: a registry must be a mapping, and this is text",
            ),
            ("twice", "registries:\n- name: a\n  api_url: https://a\n  name: b\n", "line 4: `name` is there twice"),
            ("twice at the top", "registries: []\nregistries: []\n", "line 2: `registries` is there twice"),
            ("other top", "registry: []\n", "line 1: `registry` is not a key; known: registries"),
            ("no mapping", "\n- name: a\n", "line 2: this is a list, not the key `registries` with a list"),
            ("no list", "registries:\n  name: a\n", "line 2: `registries` must be a list, and this is a mapping"),
            (
                "odd key",
                "registries:\n- 1: 2\n",
                "line 2: a key must be text, and this is a number\nline 2: the registry has no `api_url`\nline 2: the registry has no `name`",
            ),
            (
                "addresses",
                "registries:\n- {name: a, api_url: reg.corp, prefix: 'https://a'}\n- {name: b, api_url: 'ftp://b', prefix: b}\n\
                 - {name: c, api_url: 'https://u:hunter2@c', prefix: c}\n- {name: d, api_url: 'https://d/?x=hunter2', prefix: d}\n",
                "line 2: `api_url`: not a URL: relative URL without a base\n\
                 line 2: `prefix`: `https:` is not a registry host; write it as image names begin, such as `reg.example.com:5000`\n\
                 line 3: `api_url`: not a URL that begins with https:// or http://\n\
                 line 4: `api_url`: there is a login in it; `credentials` says where one stands\n\
                 line 5: `api_url`: there is a `?` or `#` in it",
            ),
            ("not YAML", "registries:\n- name: a: b\n", "line 2: mapping values are not allowed in this context"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected, "{id}");
        }
    }

    #[test]
    fn a_file_that_would_take_long_is_refused() {
        let entry = |n: i32| format!("- {{name: r{n}, api_url: 'https://r{n}', prefix: r{n}}}\n");
        let entries: Vec<String> = (0..200).map(entry).collect();
        let text = format!("registries:\n{}# {}\n", entries.concat(), "x".repeat(400_000));
        let error = read(&text).unwrap_err();
        assert!(error.ends_with("bytes are too many for 200 registries"), "{error}");
    }

    #[test]
    fn what_is_quoted_is_cut_off() {
        let text = format!("registries:\n- name: a\n  api_url: https://a\n  {}: 1\n", "limit".repeat(200));
        assert_eq!(read(&text).unwrap_err(), format!("line 4: `{}…", &"limit".repeat(80)[..399]));
    }
}
