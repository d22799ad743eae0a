//! The krew manifest, by krew's own rules, and the plugin as krew installs it: from an archive of these sources, in a
//! home that is empty.
#![expect(clippy::disallowed_methods, reason = "it runs the release script and tar, which are the person's")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sha2::Digest as _;
use sha2::Sha256;

use crate::bookstore;
use crate::bookstore::Form;
use crate::ship::project;
use crate::ship::read;
use crate::world::BINARY;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;
use crate::world::from_yaml;
use crate::world::program;

/// Where archives would be downloaded from.
const REPOSITORY: &str = "https://example.com/acme/kubectl-image-update";

/// What of a manifest krew would not take (krew's `ValidatePlugin`, and the rules of its index's reviewers).
fn problems(manifest: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut wrong = |is: bool, what: &str| {
        if is {
            problems.push(what.to_owned());
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spec = &manifest["spec"];
    wrong(manifest["apiVersion"] != "krew.googlecontainertools.github.com/v1alpha2", "apiVersion");
    wrong(manifest["kind"] != "Plugin", "kind");
    wrong(manifest["metadata"]["name"] != "image-update", "name: that of the file, which `kubectl image-update` is");
    let version = text(&spec["version"]);
    wrong(version.strip_prefix('v').is_none_or(|rest| rest.split('.').count() < 3), "version: vX.Y.Z");
    let short = text(&spec["shortDescription"]);
    wrong(short.is_empty() || short.len() > 50 || short.contains('\n'), "shortDescription: one line within 50");
    wrong(
        short.to_lowercase().starts_with("image-update") || short.ends_with('.'),
        "shortDescription: no name, no dot",
    );
    wrong(!text(&spec["homepage"]).starts_with("https://"), "homepage");
    for field in ["description", "caveats"] {
        let lines = text(&spec[field]);
        wrong(lines.is_empty(), field);
        wrong(field == "description" && lines.lines().any(|line| line.len() > 80), "description: within 80 columns");
    }
    let platforms = spec["platforms"].as_array().cloned().unwrap_or_default();
    wrong(platforms.is_empty(), "platforms");
    let mut known = BTreeSet::new();
    for platform in &platforms {
        let labels = platform["selector"]["matchLabels"].as_object().cloned().unwrap_or_default();
        let keys: Vec<&String> = labels.keys().collect();
        wrong(keys.len() != 2 || !labels.contains_key("os") || !labels.contains_key("arch"), "selector: os and arch");
        let (os, arch) = (text(&labels["os"]), text(&labels["arch"]));
        wrong(!known.insert((os.clone(), arch.clone())), "a platform is there twice");
        let sum = text(&platform["sha256"]);
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        wrong(sum.len() != 64 || !sum.chars().all(hex), "sha256: 64 hexadecimal digits");
        let expected = format!("/{version}/kubectl-image_update-{os}-{arch}.tar.gz");
        wrong(!text(&platform["uri"]).starts_with("https://") || !text(&platform["uri"]).ends_with(&expected), "uri");
        let bin = if os == "windows" { "kubectl-image_update.exe" } else { "kubectl-image_update" };
        wrong(platform["bin"] != bin, "bin");
        let files = platform["files"].as_array().cloned().unwrap_or_default();
        wrong(files.iter().any(|file| file["to"] != "."), "files: to");
        for name in [bin, "LICENSE"] {
            wrong(!files.iter().any(|file| file["from"] == name), "files: program and LICENSE");
        }
    }
    problems
}

/// Runs `.ci/release` with a folder of its own.
fn release(dist: &Path, words: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(project().join(".ci/release"));
    command.args(words).env("DIST", dist).env("BINARY", BINARY).env("REPOSITORY", REPOSITORY).env_remove("PARTIAL");
    let output = command.envs(environment.iter().copied()).output().expect("the script starts");
    Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

/// What krew calls this machine.
fn own_platform() -> String {
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    format!("{os}-{arch}")
}

/// The archive of this machine's platform, made as a release makes it, but of the program that is tested.
fn packaged(dist: &Path) -> Value {
    let folder = dist.join("bin").join(own_platform());
    fs::create_dir_all(&folder).unwrap();
    fs::copy(BINARY, folder.join("kubectl-image_update")).unwrap();
    release(dist, &["docs"], &[]).expect(0);
    release(dist, &["package"], &[("PARTIAL", "1")]).expect(0);
    from_yaml(&fs::read_to_string(dist.join("image-update.yaml")).unwrap())
}

/// SHA-256 in hexadecimal digits, as `sha256sum` writes it.
fn sum_of(file: &Path) -> String {
    let digest = Sha256::digest(fs::read(file).unwrap());
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Installs a plugin as krew does (`kubectl krew install --manifest=… --archive=…`): the sum is checked, the files that
/// the manifest names are copied to the store, and a link leads to the program. Returns the folder for PATH.
fn install(manifest: &Value, archive: &Path, root: &Path) -> Result<PathBuf, String> {
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    let is_own = |platform: &&Value| {
        let labels = &platform["selector"]["matchLabels"];
        format!("{}-{}", labels["os"].as_str().unwrap(), labels["arch"].as_str().unwrap()) == own_platform()
    };
    let platform = platforms.iter().find(is_own).ok_or("this platform is not supported")?;
    let sum = sum_of(archive);
    if platform["sha256"] != sum.as_str() {
        return Err(format!("checksum does not match, want: {}, got {sum}", platform["sha256"]));
    }
    let unpacked = root.join("unpacked");
    fs::create_dir_all(&unpacked).unwrap();
    let status = Command::new("tar").args(["-xzf"]).arg(archive).arg("-C").arg(&unpacked).status().unwrap();
    assert!(status.success());
    let name = manifest["metadata"]["name"].as_str().unwrap();
    let store = root.join("store").join(name).join(manifest["spec"]["version"].as_str().unwrap());
    fs::create_dir_all(&store).unwrap();
    for file in platform["files"].as_array().unwrap() {
        let from = unpacked.join(file["from"].as_str().unwrap());
        let to = store.join(file["to"].as_str().unwrap()).join(from.file_name().unwrap());
        fs::rename(&from, to).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    let bin = root.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = store.join(platform["bin"].as_str().unwrap());
    symlink(program, bin.join(format!("kubectl-{}", name.replace('-', "_")))).unwrap();
    Ok(bin)
}

#[test]
fn krew_installs_it_and_kubectl_finds_it() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let dist = world.work().join("dist");
    let manifest = packaged(&dist);
    assert_eq!(problems(&manifest), Vec::<String>::new());
    let archive = dist.join(format!("kubectl-image_update-{}.tar.gz", own_platform()));

    let home = world.work().join("empty home");
    fs::create_dir(&home).unwrap();
    let bin = install(&manifest, &archive, &home.join(".krew")).unwrap();
    let kubectl = |words: &[&str]| {
        let mut invocation = world.invocation(words);
        invocation.program = program("kubectl");
        invocation.env("HOME", home.clone()).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        invocation.env_remove("DOCKER_CONFIG");
        invocation.run().expect(0)
    };
    let version = format!("kubectl image-update {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(kubectl(&["image-update", "version"]).stdout, version);
    assert!(kubectl(&["image-update", "check"]).stdout.contains("v1.0.1"));
    assert!(kubectl(&["plugin", "list"]).stdout.contains("kubectl-image_update"));
    assert!(
        home.join(".krew/store/image-update").join(format!("v{}", env!("CARGO_PKG_VERSION"))).join("LICENSE").exists()
    );

    // What was changed on the way is not installed.
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let broken = dist.join("broken.tar.gz");
    fs::write(&broken, bytes).unwrap();
    let failed = install(&manifest, &broken, &home.join("other")).unwrap_err();
    assert!(failed.starts_with("checksum does not match"), "{failed}");
}

#[test]
fn an_archive_holds_what_belongs_to_it_and_can_be_made_again() {
    let world = World::new(Backend::Double);
    let dist = world.work().join("dist");
    packaged(&dist);
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
    let archive = format!("kubectl-image_update-{}.tar.gz", own_platform());
    assert!(sums.lines().any(|line| line.ends_with(&archive)), "{sums}");
    let listed = Command::new("tar").arg("-tvzf").arg(dist.join(&archive)).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for name in [
        "./kubectl-image_update",
        "./LICENSE",
        "./README.md",
        "./CHANGELOG.md",
        "./kubectl_complete-image_update",
        "./completion/kubectl-image_update.bash",
        "./completion/_kubectl-image_update",
        "./completion/kubectl-image_update.fish",
        "./completion/kubectl-image_update.ps1",
        "./man/kubectl-image_update.1",
        "./man/kubectl-image_update-check.1",
    ] {
        assert!(listed.lines().any(|line| line.ends_with(&format!(" {name}"))), "{name}: {listed}");
    }
    for line in
        listed.lines().filter(|line| line.ends_with("/kubectl-image_update") || line.ends_with("complete-image_update"))
    {
        assert!(line.starts_with("-rwxr-xr-x"), "{line}");
    }
    assert!(listed.lines().all(|line| line.contains(" 0/0 ") && line.contains("1970-01-01")), "{listed}");
    let changes = fs::read_to_string(dist.join("CHANGES.md")).unwrap();
    assert!(changes.contains("### Added"), "{changes}");

    // Other times and rights of files change nothing.
    Command::new("sh").args(["-c", "umask 077; touch \"$1\"/bin/*/*", "sh"]).arg(&dist).status().unwrap();
    release(&dist, &["docs"], &[]).expect(0);
    release(&dist, &["package"], &[("PARTIAL", "1")]).expect(0);
    assert_eq!(fs::read_to_string(dist.join("SHA256SUMS")).unwrap(), sums);
}

#[test]
fn the_manifest_is_complete_or_not_made() {
    let world = World::new(Backend::Double);
    let dist = world.work().join("dist");
    for platform in
        ["linux", "darwin", "windows"].iter().flat_map(|os| ["amd64", "arm64"].map(|arch| format!("{os}-{arch}")))
    {
        let output = release(&dist, &["package"], &[]);
        assert_eq!(output.code, 1, "without {platform}: {output}");
        assert!(!dist.join("image-update.yaml").exists());
        let folder = dist.join("bin").join(&platform);
        fs::create_dir_all(&folder).unwrap();
        let suffix = if platform.starts_with("windows") { ".exe" } else { "" };
        fs::write(folder.join(format!("kubectl-image_update{suffix}")), &platform).unwrap();
        release(&dist, &["docs"], &[]).expect(0);
    }
    release(&dist, &["package"], &[]).expect(0);
    let manifest = from_yaml(&fs::read_to_string(dist.join("image-update.yaml")).unwrap());
    assert_eq!(problems(&manifest), Vec::<String>::new());
    assert_eq!(manifest["spec"]["platforms"].as_array().unwrap().len(), 6);
    let sums: BTreeSet<&str> = manifest["spec"]["platforms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|platform| platform["sha256"].as_str().unwrap())
        .collect();
    assert_eq!(sums.len(), 6, "each has its own sum");
}

#[test]
fn what_krew_would_refuse_is_noticed() {
    let template = read("krew/image-update.yaml");
    let filled = template.replace("%VERSION%", "v1.2.3").replace("%REPOSITORY%", REPOSITORY);
    let sum = "0123456789abcdef".repeat(4);
    let mut good = from_yaml(&filled);
    for platform in good["spec"]["platforms"].as_array_mut().unwrap() {
        platform["sha256"] = sum.clone().into();
    }
    assert_eq!(problems(&good), Vec::<String>::new());
    for (pointer, value) in [
        ("/apiVersion", "krew.googlecontainertools.github.com/v1alpha1"),
        ("/kind", "Plugins"),
        ("/metadata/name", "image_update"),
        ("/spec/version", "1.2.3"),
        ("/spec/shortDescription", "See, plan and apply updates of images of Argo CD Applications"),
        ("/spec/shortDescription", ""),
        ("/spec/homepage", "%REPOSITORY%"),
        ("/spec/platforms/0/sha256", "%SHA256-linux-amd64%"),
        ("/spec/platforms/0/uri", "https://example.com/other.tar.gz"),
        ("/spec/platforms/4/bin", "kubectl-image_update"),
        ("/spec/platforms/1/files/1/from", "README.md"),
        ("/spec/platforms/1/selector/matchLabels/arch", "amd64"),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value.into();
        assert_ne!(problems(&bad), Vec::<String>::new(), "{pointer}: {value}");
    }
}
