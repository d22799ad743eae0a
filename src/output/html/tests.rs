//! The page: what it shows, and that nothing from outside is more than text in it.

use proptest::prelude::*;

use super::*;
use crate::model::application::ApplicationKey;
use crate::model::decision::Behind;
use crate::model::hostile;
use crate::model::tests::decision;
use crate::model::tests::digest;
use crate::model::tests::git_target;

fn of(decisions: &[Decision], diagnostics: &[Diagnostic]) -> String {
    page(&Page { decisions, diagnostics, now: "2026-11-22T09:00:00Z".parse().unwrap() })
}

/// An image whose every text is this one.
fn with_text(outside: &str) -> (Decision, Diagnostic) {
    let version = || Version { tag: Some(outside.to_owned()), digest: Some(digest('a')) };
    let text = || outside.to_owned();
    let mut one = decision();
    one.application = ApplicationKey { namespace: text(), name: text() };
    one.alias = Some(text());
    (one.image, one.strategy, one.message, one.constraint) = (text(), text(), text(), Some(text()));
    (one.current, one.live) = (None, vec![version(), version()]);
    one.newer[0].tag = text();
    one.write_back = Some(Destination::Git(crate::model::plan::GitTarget {
        repository: text(),
        branch: Some(text()),
        path: Some(text()),
        ..git_target()
    }));
    one.pin = Some(Pin {
        reference: one.reference.clone().unwrap(),
        version: version(),
        reason: Some(text()),
        by: Some(text()),
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        until: None,
        replaced: Vec::new(),
    });
    let place = crate::model::diagnostic::Place { annotation: text(), value: outside.into(), span: 0..0 };
    let diagnostic = Diagnostic::error("code", text()).about(&one.application).at(place).hint(text());
    (one, diagnostic)
}

/// The markup of a page without any text: its tags with their attributes' names.
fn markup(html: &str) -> Vec<String> {
    let tag = |piece: &str| {
        let inside = piece.split('>').next().unwrap_or_default();
        // What stands in quotes is a value.
        let names: Vec<&str> = inside.split('"').step_by(2).collect();
        names.join("\"")
    };
    html.split('<').skip(1).map(tag).collect()
}

proptest! {
    #![proptest_config(hostile::cases(60))]

    #[test]
    fn no_text_is_markup(outside in prop_oneof![hostile::text(30), "[<>\"'&/a-z =!-]{0,30}"]) {
        let (one, diagnostic) = with_text(&outside);
        let (plain, expected) = with_text("x");
        let html = of(&[one], &[diagnostic]);
        prop_assert_eq!(markup(&html), markup(&of(&[plain], &[expected])));
        prop_assert!(crate::output::text::is_safe(&html));
    }
}

#[test]
fn what_would_run_does_not() {
    let (one, diagnostic) = with_text("</script><img src=x onerror=alert(1)>\u{202e}");
    let html = of(&[one], &[diagnostic]);
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("</script").count(), 1);
    assert!(!html.contains("<img") && !html.contains('\u{202e}'), "{html}");
    assert!(html.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\\u{202e}"), "{html}");
    // Nothing is loaded, and what runs is what the policy names.
    for word in ["http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';", "script-src 'sha256-"] {
        assert!(html.contains(word), "{word}");
    }
    for word in [" src=\"", "url(", "@import", " style=", " onclick", "<link", "unsafe-inline"] {
        assert!(!html.contains(word), "{word}");
    }
}

#[test]
fn every_image_is_there_with_what_is_known_of_it() {
    let mut done = decision();
    done.alias = Some("done".to_owned());
    done.status = ImageStatus::UpToDate;
    done.behind = Some(Behind { versions: Some(0), days: Some(0) });
    let mut far = decision();
    far.alias = Some("far".to_owned());
    far.behind = Some(Behind { versions: Some(4), days: Some(41) });
    let mut unknown = decision();
    unknown.alias = Some("unknown".to_owned());
    (unknown.behind, unknown.status, unknown.candidate) = (None, ImageStatus::Undetermined, None);
    let html = of(&[decision(), done, far, unknown], &[]);
    for words in [
        "4 images in 1 Application, checked <time datetime=\"2026-11-22T09:00:00Z\">2026-11-22 09:00 UTC</time>",
        "aria-label=\"2 update available, 1 undetermined, 1 up to date\"",
        "<span class=\"behind\">4 versions, 41 days</span>",
        "aria-label=\"4 versions, 41 days behind\"",
        "<span class=\"behind\">1 version</span>",
        "<span class=\"even\">not behind</span>",
        "14 seen → 12 allowed → 3 eligible",
        "<code>v2.0.0</code> (OutsideConstraint)",
        "<span class=\"badge doubt\">Undetermined</span>",
    ] {
        assert!(html.contains(words), "{words} is not in\n{html}");
    }
    assert_eq!(html.matches("<tr role=\"row\"").count(), 5);
    assert!(!html.contains("<h2 id=\"pins\"") && !html.contains("<h2 id=\"problems\""));
    assert!(of(&[], &[]).contains("No Application of the selection has an image list."));
}

#[test]
fn many_images_are_one_page_of_moderate_size() {
    let decisions: Vec<Decision> = (0..3000)
        .map(|number| {
            let mut one = decision();
            one.application.name = format!("app-{:04}", number / 3);
            one
        })
        .collect();
    let html = of(&decisions, &[]);
    assert_eq!(html.matches("<tr role=\"row\"").count(), 3001);
    assert!(html.len() < 6_000_000, "{} bytes", html.len());
}
