//! The names that the tool goes by, and its manual pages.

use std::fs;
use std::os::unix::fs::symlink;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::BINARY;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;

/// Runs the tool under the name of a link to it.
fn run_as(world: &World, file: &str, words: &[&str]) -> Output {
    let link = world.work().join(file);
    if !link.exists() {
        symlink(BINARY, &link).unwrap();
    }
    world.run_with(words, |invocation| invocation.program = link)
}

#[test]
fn what_is_typed_is_what_is_told() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    for (file, name) in [
        ("kubectl-image_update", "kubectl image-update"),
        ("kubectl-argocd_image_update", "kubectl argocd-image-update"),
        ("argocd-image-update", "argocd-image-update"),
    ] {
        for (words, stream) in [
            (&["--help"][..], "stdout"),
            (&["help", "apply"], "stdout"),
            (&["pin", "--help"], "stdout"),
            (&["version"], "stdout"),
            (&["--version"], "stdout"),
            (&["chekc"], "stderr"),
            (&["pin", "--nonsense"], "stderr"),
            (&["plan"], "stderr"),
            (&["plan", "--out", "plan.json"], "stderr"),
        ] {
            let output = run_as(&world, file, words);
            let text = if stream == "stdout" { &output.stdout } else { &output.stderr };
            assert!(text.contains(name), "{file} {words:?}: {output}");
            let others = text.replace(name, "");
            assert!(!others.contains("image-update "), "{file} {words:?} names another: {output}");
        }
    }
    let output = run_as(&world, "argocd-image-update", &["completion", "kubectl"]).expect(1);
    assert!(output.stderr.contains("kubectl does not run `argocd-image-update`"), "{output}");
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::new(Backend::Double);
    let man = world.work().join("man");
    fs::create_dir(&man).unwrap();
    world.run(&["__man", "man"]).expect(0);
    let help = world.run(&["--help"]).expect(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut expected: Vec<String> = commands
        .filter_map(|line| line.split_whitespace().next())
        .map(|command| format!("kubectl-image_update-{command}.1"))
        .collect();
    assert!(expected.len() >= 7, "{help}");
    expected.push("kubectl-image_update.1".to_owned());
    expected.sort();
    let mut found: Vec<String> =
        fs::read_dir(&man).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, expected);
    for name in found {
        let page = fs::read_to_string(man.join(&name)).unwrap();
        let words: Vec<&str> = name.trim_end_matches(".1").splitn(3, '-').skip(2).collect();
        assert!(page.lines().any(|line| line.starts_with(".TH kubectl-image")), "{name}: {page}");
        let help = world.run(&[&words[..], &["--help"]].concat()).expect(0).stdout;
        for flag in help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
            let flag: String = flag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            assert!(page.contains(&flag.replace('-', "\\-")), "{name} does not have {flag}");
        }
    }
    world.run(&["__man", "missing"]).expect(1);
}
