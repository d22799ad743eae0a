//! The structure that the codemap in `src/main.rs` promises, held by reading the sources.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Which top-level modules a module may import, beside itself.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("process", &[]),
    ("error", &[]),
    ("strategy", &["model"]),
    ("annotations", &["model", "strategy"]),
    ("templates", &["model"]),
    ("suggest", &["model", "strategy", "annotations", "writeback"]),
    ("writeback", &["model", "annotations", "templates"]),
    ("decide", &["model", "strategy", "annotations", "writeback"]),
    ("document", &["model"]),
    ("output", &["model", "error", "document"]),
    ("tls", &[]),
    ("registry", &["model", "tls"]),
    ("cluster", &["model", "tls"]),
    ("manifests", &["model", "cluster"]),
    ("logins", &["model", "annotations", "registry", "cluster", "git"]),
    ("repositories", &["model", "logins", "git", "writeback"]),
    ("git", &["model", "tls"]),
    ("gather", &["model", "strategy", "annotations", "decide", "logins", "registry", "repositories", "cluster", "run"]),
    ("run", &["model", "annotations"]),
    ("propose", &["model", "writeback", "cluster", "run"]),
    ("pinning", &["model", "error", "annotations", "writeback"]),
    (
        "pipeline",
        &[
            "model",
            "annotations",
            "templates",
            "writeback",
            "decide",
            "registry",
            "cluster",
            "logins",
            "repositories",
            "gather",
            "run",
            "propose",
        ],
    ),
    (
        "apply",
        &[
            "model",
            "document",
            "registry",
            "cluster",
            "git",
            "repositories",
            "templates",
            "writeback",
            "annotations",
            "logins",
        ],
    ),
    ("follow", &["model", "cluster"]),
    (
        "cli",
        &[
            "model",
            "process",
            "error",
            "strategy",
            "annotations",
            "writeback",
            "decide",
            "document",
            "output",
            "registry",
            "git",
            "cluster",
            "manifests",
            "logins",
            "repositories",
            "templates",
            "gather",
            "run",
            "propose",
            "pinning",
            "suggest",
            "pipeline",
            "apply",
            "follow",
        ],
    ),
];

/// The longest a source file may be, tests inside it not counted.
const MOST_LINES: usize = 400;

#[test]
fn modules_import_only_what_the_codemap_allows() {
    let mut wrong = Vec::new();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for (path, text) in sources() {
        let module = top_level(&path);
        // `docs` is a unit test that compares README with the code.
        if module == "main" || module == "docs" {
            continue;
        }
        let Some(allowed) = allowed.get(module.as_str()) else {
            wrong.push(format!("{}: module `{module}` is not in the table of this test", path.display()));
            continue;
        };
        for import in imports(without_tests(&text)) {
            if import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: `{module}` imports `{import}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_codemap() {
    let main = fs::read_to_string(source_folder().join("main.rs")).expect("src/main.rs");
    let declared: BTreeSet<&str> = main
        .lines()
        .zip(main.lines().skip(1))
        .filter(|(before, _)| *before != "#[cfg(test)]")
        .filter_map(|(_, line)| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    for module in &declared {
        assert!(main.contains(&format!("//! | `{module}` |")), "`{module}` is not in the codemap of src/main.rs");
    }
    let table: BTreeSet<&str> = ALLOWED.iter().map(|(module, _)| *module).collect();
    assert_eq!(declared, table, "the modules of src/main.rs, and the table of this test");
}

#[test]
fn no_file_is_forgotten_and_none_is_too_long() {
    let declared: BTreeSet<(PathBuf, String)> = sources()
        .iter()
        .flat_map(|(path, text)| {
            let folder = match path.file_name().and_then(|name| name.to_str()) {
                Some("main.rs" | "mod.rs") => path.parent().expect("a file is in a folder").to_owned(),
                _ => path.with_extension(""),
            };
            let names = text.lines().filter_map(|line| {
                let line = line.trim_start();
                let line =
                    line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
                line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
            });
            names.map(|name| (folder.clone(), name)).collect::<Vec<_>>()
        })
        .collect();
    for (path, text) in sources() {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let folder = path.parent().expect("a file is in a folder");
        let (folder, name) = match name.as_str() {
            "main" => continue,
            "mod" => (
                folder.parent().expect("a module is in a folder").to_owned(),
                folder.file_name().expect("a folder has a name").to_string_lossy().into_owned(),
            ),
            _ => (folder.to_owned(), name),
        };
        assert!(declared.contains(&(folder, name)), "no `mod` declares {}", path.display());
        let lines = without_tests(&text).lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_world_is_touched_only_where_it_says_so() {
    let places: BTreeSet<String> = sources()
        .iter()
        .filter(|(_, text)| without_tests(text).contains("clippy::disallowed"))
        .map(|(path, _)| path.strip_prefix(source_folder()).expect("in src").display().to_string())
        .collect();
    let expected = ["cli/external_diff.rs", "git/child.rs", "process.rs", "registry/helper.rs", "logins/script.rs"]
        .map(str::to_owned);
    assert_eq!(places, expected.into(), "files that lift a ban of .clippy.toml");
    for (path, text) in sources() {
        let knows_clap = without_tests(&text).contains("use clap");
        assert!(!knows_clap || top_level(&path) == "cli", "{} knows clap", path.display());
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file with its text, unit tests in files of their own left out.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<_> =
            fs::read_dir(folder).expect("a source folder").map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
                found.push((path.clone(), fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    let mut found = Vec::new();
    walk(&source_folder(), &mut found);
    assert!(found.len() > 40, "the sources are not where they are looked for");
    found
}

/// The part of a file before its unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn top_level(path: &Path) -> String {
    let inside = path.strip_prefix(source_folder()).expect("in src");
    let first = inside.components().next().expect("a path has a start").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The top-level modules that a text names as `crate::module`.
fn imports(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .filter(|name: &String| !name.is_empty())
        .collect()
}
