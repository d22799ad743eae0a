//! `check -o html`, looked at with a real browser: what it shows, finds and sorts, by mouse, by keyboard, without
//! scripts, on paper; and that nothing in it runs but its own script.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Browser;
use crate::world::World;
use crate::world::pictures_wanted;

/// What would run if it could.
const HOSTILE: &str = "</script><img src=x onerror=document.title='hacked'>\u{202e}\"'&amp;";

/// A few Applications in every state that a page shows, and the page about them.
fn scene() -> (World, PathBuf) {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let more = [("v1.0.2", "2026-11-18T08:00:00Z"), ("v1.1.0", "2026-11-19T08:00:00Z")];
    bookstore::publish(&world, REPOSITORY, &more);
    let list = |list: &str| list.replace('%', &format!("$REGISTRY/{REPOSITORY}"));
    let done = Application::named("done").image_list(&list("api=%:~1.1"));
    world.application(bookstore::running(done, &world, Form::Kustomize, "v1.1.0"));
    let pinned = Application::named("held").image_list(&list("web=%:^1"));
    world.application(bookstore::running(pinned, &world, Form::Kustomize, "v1.0.0"));
    world.run(&["pin", "held", "web", "--reason", HOSTILE, "--until", "2026-12-24"]).expect(0);
    let broken = Application::named("broken").image_list(&list("web=%:~a.b, gone=$REGISTRY/acme/gone, x=%:>1"));
    let broken = broken.annotation("web.update-stategy", "semver").annotation("x.allow-tags", HOSTILE);
    world.application(bookstore::running(broken, &world, Form::Kustomize, "v1.0.0"));
    let path = page(&world, &["check", "--dates", "-o", "html"]);
    (world, path)
}

/// Writes the page of a run to a file.
fn page(world: &World, words: &[&str]) -> PathBuf {
    let output = world.run(words);
    assert!([0, 3].contains(&output.code), "{output}");
    assert!(output.stdout.starts_with("<!DOCTYPE html>\n") && output.stdout.ends_with("</html>\n"), "{output}");
    world.file("page.html", &output.stdout)
}

/// The names of the Applications whose rows can be seen, from top to bottom.
fn rows(browser: &Browser) -> Vec<String> {
    let names = browser.run(
        "return Array.from(document.querySelectorAll('#table tbody tr')).filter((row) => row.offsetHeight > 0)
           .map((row) => row.cells[0].textContent.split('/')[1] + '/' + row.cells[1].firstChild.textContent);",
    );
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

const ALL: [&str; 6] = ["bookstore/web", "broken/web", "broken/gone", "broken/x", "done/api", "held/web"];

#[test]
fn the_page_is_searched_sorted_and_filtered() {
    let (_world, path) = scene();
    let browser = Browser::start(1400, 900);
    browser.open(&path);
    assert_eq!(rows(&browser), ALL);
    assert_eq!(browser.run("return document.title"), "Image updates", "something ran");
    let shown = || browser.run("return document.getElementById('shown').textContent");
    assert_eq!(shown(), "6 images shown");

    browser.type_into("#find", "BROKEN gone");
    assert_eq!(rows(&browser), ["broken/gone"]);
    assert_eq!(shown(), "1 of 6 images shown");
    // A name that stood for the rows below it is there again.
    let color = "return getComputedStyle(document.querySelector('#table tr:nth-child(3) th')).color";
    assert_ne!(browser.run(color), "rgba(0, 0, 0, 0)");
    browser.click("#all");
    assert_eq!(rows(&browser), ALL);

    browser.click("[data-status=Pinned] button");
    browser.click("[data-status=UpToDate] button");
    assert_eq!(rows(&browser), ["done/api", "held/web"]);
    assert_eq!(browser.run("return document.querySelectorAll('[aria-pressed=true]').length"), 2);
    browser.click("#all");

    // How far behind: the furthest first, then the nearest, then as it came.
    browser.click("#table th:nth-child(5) button");
    assert_eq!(rows(&browser)[..2], ["held/web", "bookstore/web"]);
    let sorted = "return document.querySelector('#table th:nth-child(5)').getAttribute('aria-sort')";
    assert_eq!(browser.run(sorted), "descending");
    browser.click("#table th:nth-child(5) button");
    assert_eq!(browser.run(sorted), "ascending");
    assert_eq!(rows(&browser)[4..], ["bookstore/web", "held/web"]);
    browser.click("#table th:nth-child(5) button");
    assert_eq!(browser.run(sorted), Value::Null);
    assert_eq!(rows(&browser), ALL);

    // By keyboard: from the search to the first column, twice Enter.
    browser.type_into("#find", "");
    browser.press("\u{e004}\u{e007}\u{e007}");
    let first = "return document.activeElement.textContent + ' ' + document.activeElement.parentNode.ariaSort";
    assert_eq!(browser.run(first), "Application descending");
    assert_eq!(rows(&browser)[0], "held/web");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn nothing_runs_but_its_own_script() {
    let (_world, path) = scene();
    let text = std::fs::read_to_string(&path).unwrap();
    // Somebody got markup into it all the same: the policy of the page stops it.
    let injected = text.replacen("<main>", "<main><script>document.title='hacked'</script><p id=p style='color:red' onclick=\"document.title='hacked'\">x</p><img src='https://127.0.0.1:1/x.png' onerror=\"document.title='hacked'\">", 1);
    let other = path.with_file_name("injected.html");
    std::fs::write(&other, injected).unwrap();
    let browser = Browser::start(1000, 800);
    browser.open(&other);
    browser.click("#p");
    assert_eq!(browser.run("return document.title"), "Image updates");
    assert_eq!(browser.run("return document.getElementById('p').style.color"), "");
    let complaints = browser.complaints();
    assert!(
        complaints.iter().filter(|complaint| complaint.contains("Content Security Policy")).count() >= 4,
        "{complaints:?}"
    );
    browser.open(&path);
    assert_eq!(browser.complaints(), [""; 0], "its own script and style are what the policy names");
}

#[test]
fn a_reader_without_scripts_eyes_or_a_wide_screen_gets_everything() {
    let (_world, path) = scene();
    let browser = Browser::start(1400, 900);
    browser.open(&path);
    // What a screen reader is told of.
    let nodes = browser.accessible();
    let has = |role: &str, name: &str| nodes.iter().any(|node| node.0 == role && node.1.contains(name));
    for (role, name) in [
        ("main", ""),
        ("banner", ""),
        ("contentinfo", ""),
        ("search", ""),
        ("heading", "Image updates"),
        ("region", "Images"),
        ("region", "Pins"),
        ("region", "Problems"),
        ("table", "Every image of the selection"),
        ("columnheader", "Behind"),
        ("rowheader", "bookstore"),
        ("searchbox", "Find"),
        ("button", "Update available"),
        ("link", "Skip to the images"),
        ("image", "2 versions, 48 days behind"),
        ("image", "update available"),
        ("status", ""),
    ] {
        assert!(has(role, name), "no {role} `{name}` in {nodes:?}");
    }
    // Every control can be reached, and shows that it has the focus.
    browser.press("\u{e004}");
    assert_eq!(browser.run("return document.activeElement.className"), "skip");
    let outline =
        "const style = getComputedStyle(document.activeElement); return style.outlineStyle + style.outlineWidth";
    assert_eq!(browser.run(outline), "solid3px");
    // No screen is too narrow, and no text too faint.
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for width in [320, 390, 800, 1119, 1121, 1400] {
            browser.size(width, 900);
            let overflow =
                browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(overflow, 0, "{width} is too narrow");
            assert_eq!(browser.run(FAINT), json!([]), "{scheme} at {width}");
        }
    }
    browser.scripts(false);
    browser.open(&path);
    browser.scripts(true);
    assert_eq!(rows(&browser), ALL);
    assert_eq!(browser.run("return document.querySelectorAll('#table th button, .tools:not([hidden])').length"), 0);
}

/// Texts that have less contrast than WCAG 2.1 wants for text of this size (success criterion 1.4.3).
const FAINT: &str = "
  const channel = (value) => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = Array.from(node.childNodes).some((child) => child.nodeType === 3 && child.data.trim());
    const color = numbers(getComputedStyle(node).color);
    if (!own || node.offsetHeight < 2 || color[3] === 0) continue;
    const [one, other] = [light(color), light(behind(node))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(node.tagName + ' ' + node.textContent.slice(0, 30) + ' ' + contrast.toFixed(2));
  }
  return faint;";

#[test]
fn the_theme_follows_the_reader_and_the_button() {
    let (_world, path) = scene();
    let browser = Browser::start(1400, 900);
    browser.open(&path);
    let page = || browser.run("return getComputedStyle(document.body).backgroundColor");
    browser.prefer("dark");
    let dark = page();
    browser.prefer("light");
    let light = page();
    assert_ne!(dark, light);
    browser.click("#theme");
    assert_eq!(
        (page(), browser.run("return document.getElementById('theme').textContent")),
        (light.clone(), "Theme: light".into())
    );
    browser.click("#theme");
    assert_eq!(page(), dark);
    browser.click("#theme");
    assert_eq!(page(), light);
    // On paper nothing is wider than the sheet, and nothing is there to press.
    browser.on_paper(true);
    browser.size(690, 980);
    let wide = browser.run(
        "return Array.from(document.querySelectorAll('body *')).filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > 691)
           .map((node) => node.tagName + ' ' + node.textContent.slice(0, 40));",
    );
    assert_eq!(wide, json!([]));
    let tools = "return document.querySelector('.tools').offsetHeight + document.querySelector('#theme').offsetHeight";
    assert_eq!(browser.run(tools), 0);
    assert_eq!(rows(&browser), ALL);
    browser.on_paper(false);
    browser.size(1400, 900);
    let paper = browser.print();
    assert!(paper.starts_with(b"%PDF"), "it is not a document");
    keep_pictures(&browser, &paper);
}

/// Leaves pictures of the page for whoever wants to look at it, if the environment names a folder for them.
fn keep_pictures(browser: &Browser, paper: &[u8]) {
    let Some(folder) = pictures_wanted() else { return };
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("paper.pdf"), paper).unwrap();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for width in [390, 800, 1400] {
            browser.size(width, 900);
            std::fs::write(folder.join(format!("{scheme}-{width}.png")), browser.picture()).unwrap();
        }
    }
    browser.on_paper(true);
    browser.size(690, 980);
    std::fs::write(folder.join("paper.png"), browser.picture()).unwrap();
}

#[test]
fn a_thousand_applications_stay_usable() {
    let world = World::new(Backend::Double);
    let repositories = ["acme/a", "acme/b", "acme/c"];
    let tags = [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")];
    for repository in repositories {
        bookstore::publish(&world, repository, &tags);
    }
    let images = repositories.map(|repository| format!("{}:v1.0.0", world.image(repository)));
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let mut manifests = String::new();
    for number in 0..1000 {
        let list =
            "$REGISTRY/acme/a, $REGISTRY/acme/b, $REGISTRY/acme/c".replace("$REGISTRY", &world.registry().host());
        let application = Application::named(&format!("app-{number:04}")).image_list(&list);
        writeln!(manifests, "---\n{}", Value::from(application.kustomize(&images).images(&images))).unwrap();
    }
    world.file("apps.yaml", &manifests);
    let path = page(&world, &["check", "-f", "apps.yaml", "-o", "html"]);
    let browser = Browser::start(1400, 900);
    browser.open(&path);
    assert_eq!(rows(&browser).len(), 3000);
    browser.click("#table th:nth-child(5) button");
    browser.type_into("#find", "app-0999");
    assert_eq!(rows(&browser).len(), 3);
}
