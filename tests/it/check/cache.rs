//! What is kept on disk from run to run: shared, damaged, in the way, or not wanted.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::newest_build;
use crate::world::Backend;
use crate::world::Image;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(two_runs_share_it, what_is_damaged_is_read_anew, a_folder_that_is_none_is_no_trouble);

const CHECK: &[&str] = &["check", "-o", "json"];

/// Files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn many_builds(world: &World) -> String {
    let course = newest_build(world);
    for number in 0..20 {
        let image = Image::built(&format!("2025-01-01T08:00:{number:02}Z")).content(&number.to_string());
        world.publish(REPOSITORY, &format!("main-old{number}"), &image);
    }
    world.application(course.application(world, Form::Helm));
    course.to
}

#[track_caller]
fn finds(output: Output, tag: &str) {
    let output = output.expect(0);
    assert_eq!(output.json()["items"][0]["candidate"]["tag"], tag, "{output}");
}

fn two_runs_share_it(backend: Backend) {
    let world = World::new(backend);
    let newest = many_builds(&world);
    let invocation = world.invocation(CHECK);
    let runs: Vec<_> = (0..4).map(|_| invocation.spawn()).collect();
    for run in runs {
        finds(run.wait(), &newest);
    }
    finds(world.run(CHECK), &newest);
    // Whole files under their own names, and nothing that somebody left half written.
    let kept = files(&world.work().join("../home/.cache/kubectl-image-update/registry"));
    assert!(kept.len() > 40, "{kept:?}");
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("sha256-") || name.starts_with("tags-")
    };
    assert!(kept.iter().all(named), "{kept:?}");
}

fn what_is_damaged_is_read_anew(backend: Backend) {
    let world = World::new(backend);
    let newest = many_builds(&world);
    finds(world.run(CHECK), &newest);
    let cache = world.work().join("../home/.cache/kubectl-image-update/registry");
    let (even, odd): (Vec<_>, Vec<_>) = files(&cache).into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    for (_, file) in even {
        let mut body = fs::read(&file).unwrap();
        body.truncate(body.len() / 2);
        fs::write(file, body).unwrap();
    }
    for (_, file) in odd {
        let text = fs::read_to_string(&file).unwrap().replace("2025", "2099").replace("linux", "plan9");
        fs::write(file, text).unwrap();
    }
    finds(world.run(CHECK), &newest);
    finds(world.run(CHECK), &newest);
}

fn a_folder_that_is_none_is_no_trouble(backend: Backend) {
    let world = World::new(backend);
    let newest = many_builds(&world);
    finds(world.run(&["check", "-o", "json", "--no-cache"]), &newest);
    assert!(!world.work().join("../home/.cache").exists(), "not wanted");
    world.file("cache", "a file");
    let at = |folder: PathBuf| {
        world.run_with(CHECK, |run| {
            run.env("XDG_CACHE_HOME", folder);
        })
    };
    finds(at(world.work().join("cache")), &newest);
    finds(at(PathBuf::from("relative")), &newest);
    assert!(!world.work().join("relative").exists(), "relative ones are to be ignored");
    finds(at(world.work().join("elsewhere")), &newest);
    assert!(!files(&world.work().join("elsewhere/kubectl-image-update/registry")).is_empty());
}
