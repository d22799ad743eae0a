//! Diagnostics, as people read them.

use super::*;
use crate::model::application::ApplicationKey;

/// The excerpt of a place, given as the value with the place in `⟦⟧`.
fn shown(marked: &str) -> String {
    let start = marked.find('⟦').expect("a place");
    let end = marked.find('⟧').expect("its end") - '⟦'.len_utf8();
    let value: String = marked.chars().filter(|c| !matches!(c, '⟦' | '⟧')).collect();
    let place = Place { annotation: "key".to_owned(), value: value.into(), span: start..end };
    anstream::adapter::strip_str(&excerpt(&place, style::BOLD)).to_string()
}

#[test]
fn a_place_is_underlined_in_its_line() {
    let long = "a".repeat(100);
    let sixty = "a".repeat(60);
    for (id, marked, expected) in [
        ("all", "⟦semvar⟧".to_owned(), "   | semvar\n   | ^^^^^^\n".to_owned()),
        ("a part", "web=nginx:⟦~x⟧, b".to_owned(), "   | web=nginx:~x, b\n   |           ^^\n".to_owned()),
        ("nothing, at the end", "nginx⟦⟧".to_owned(), "   | nginx\n   |      ^\n".to_owned()),
        ("nothing, in between", "a,⟦⟧,b".to_owned(), "   | a,,b\n   |   ^\n".to_owned()),
        ("space in front", "  ⟦semvar⟧ ".to_owned(), "   | semvar \n   | ^^^^^^\n".to_owned()),
        ("second line", "a=x,\n  ⟦b=Y⟧,\n  c=z".to_owned(), "   | b=Y,\n   | ^^^\n".to_owned()),
        ("over lines", "⟦a=x\nb=y⟧, c".to_owned(), "   | a=x…\n   | ^^^\n".to_owned()),
        ("begins with a line break", "⟦\n  a=x⟧".to_owned(), "   | a=x\n   | ^^^\n".to_owned()),
        ("carriage return", "⟦a\r⟧\nb".to_owned(), "   | a\\u{d}\n   | ^^^^^^\n".to_owned()),
        ("bytes are not characters", "é=ü:⟦~ö⟧ é".to_owned(), "   | é=ü:~ö é\n   |     ^^\n".to_owned()),
        ("hidden characters in front", "\u{202e}⟦x⟧".to_owned(), "   | \\u{202e}x\n   |         ^\n".to_owned()),
        ("hidden characters inside", "⟦a\u{1b}b⟧c".to_owned(), "   | a\\u{1b}bc\n   | ^^^^^^^^\n".to_owned()),
        ("much in front", format!("{long}⟦x⟧y"), format!("   | …{sixty}xy\n   | {}^\n", " ".repeat(61))),
        ("as much as is shown", format!("{sixty}⟦x⟧"), format!("   | {sixty}x\n   | {}^\n", " ".repeat(60))),
        ("much behind", format!("⟦x⟧{long}"), format!("   | x{sixty}…\n   | ^\n")),
        ("much inside", format!("⟦{long}⟧ y"), format!("   | {sixty}…\n   | {}\n", "^".repeat(60))),
        ("much in the line before", format!("{long}\nb=⟦x⟧"), "   | b=x\n   |   ^\n".to_owned()),
        ("blank", "⟦  ⟧".to_owned(), String::new()),
        ("empty", "⟦⟧".to_owned(), String::new()),
    ] {
        assert_eq!(shown(&marked), expected, "{id}");
    }
}

#[test]
fn a_place_that_is_none_is_left_out() {
    for (value, span) in [("é", 1..2), ("é", 0..1), ("ab", 1..9), ("ab", 9..9)] {
        let place = Place { annotation: "key".to_owned(), value: value.into(), span };
        assert_eq!(excerpt(&place, style::BOLD), "");
    }
}

#[test]
fn a_long_value_with_many_findings_is_shown_quickly() {
    let value: std::sync::Arc<str> = "A,".repeat(100_000).into();
    for start in (0..value.len()).step_by(200) {
        let place =
            Place { annotation: "key".to_owned(), value: std::sync::Arc::clone(&value), span: start..start + 1 };
        assert!(excerpt(&place, style::BOLD).len() < 1000);
    }
}

#[test]
fn what_is_known_is_said() {
    let key = ApplicationKey { namespace: "argocd".to_owned(), name: "guestbook".to_owned() };
    let annotation = "argocd-image-updater.argoproj.io/web.update-strategy".to_owned();
    let place = Place { annotation, value: "semvar".into(), span: 0..6 };
    let bare = Diagnostic::warning("unknown-strategy", "`semvar` is not an update strategy");
    let text = |diagnostic: &Diagnostic| anstream::adapter::strip_str(&super::diagnostic(diagnostic)).to_string();
    assert_eq!(text(&bare), "warning[unknown-strategy]: `semvar` is not an update strategy\n");
    assert!(text(&bare.clone().about(&key)).ends_with("strategy\n  --> argocd/guestbook\n"));
    assert!(
        text(&bare.clone().at(place.clone())).contains("  --> argocd-image-updater.argoproj.io/web.update-strategy\n")
    );
    assert_eq!(
        text(&bare.about(&key).at(place).hint("did you mean `semver`?")),
        "\
warning[unknown-strategy]: `semvar` is not an update strategy
  --> argocd/guestbook  argocd-image-updater.argoproj.io/web.update-strategy
   | semvar
   | ^^^^^^
  hint: did you mean `semver`?
"
    );
    assert!(text(&Diagnostic::error("code", "why")).starts_with("error[code]: why"));
}

#[test]
fn an_error_says_its_causes_once_and_its_hints() {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Cause(&'static str, #[source] Option<Box<Self>>);
    let inner = Cause("the disk is full", None);
    let quoted = Cause("failed to write: the disk is full", Some(Box::new(inner)));
    let text = error(&Error::failed("failed to save the plan").source(quoted).hint("one").hint("two"));
    assert_eq!(
        anstream::adapter::strip_str(&text).to_string(),
        "error: failed to save the plan\n  cause: failed to write: the disk is full\n  hint: one\n  hint: two\n"
    );
}
