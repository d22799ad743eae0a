//! Tables at the widths of terminals, Markdown that stays text, and what `--explain` adds.

use super::*;
use crate::model::application::ApplicationKey;
use crate::model::candidate::Rejection;
use crate::model::decision::Reason;
use crate::model::image::Digest;
use crate::model::plan::Renderer;
use crate::model::tests::decision;
use crate::model::tests::digest;

fn decisions() -> Vec<Decision> {
    let application = |name: &str| ApplicationKey { namespace: "argocd".to_owned(), name: name.to_owned() };
    let live = ["v0.9.0", "v1.0.0"].map(|tag| Version { tag: Some(tag.to_owned()), digest: None });
    vec![
        decision(),
        Decision {
            application: application("guestbook"),
            alias: None,
            image: "docker.io/library/nginx".to_owned(),
            current: None,
            live: live.to_vec(),
            candidate: None,
            behind: None,
            status: ImageStatus::Invalid,
            reason: Reason::BadConstraint,
            message: "`~a.b` is not a version constraint: the second number is missing".to_owned(),
            write_back: None,
            ..decision()
        },
        Decision {
            application: application("guestbook"),
            alias: Some("redis".to_owned()),
            current: Some(Version { tag: Some("7".to_owned()), digest: Some(digest('a')) }),
            candidate: decision()
                .candidate
                .map(|found| crate::model::candidate::Candidate { digest: Digest::new(&digest('b')), ..found }),
            behind: None,
            status: ImageStatus::RolledBack,
            reason: Reason::LeftBefore,
            message: "v1.0.1 was deployed before and left for 7".to_owned(),
            write_back: Some(Destination::Application { source: None, renderer: Some(Renderer::Kustomize) }),
            ..decision()
        },
    ]
}

fn at(width: Option<u16>) -> String {
    table(&decisions(), Layout { headers: true, width, ..Layout::default() })
}

#[test]
fn where_there_is_room_a_decision_is_one_line() {
    let expected = "\
APPLICATION  IMAGE                    CURRENT                NEWEST                      STATUS           BEHIND     WHY
bookstore    bookstore                v1.0.0                 v1.0.1                      UpdateAvailable  1 version  newest of 3 tags that satisfy ~1.0
guestbook    docker.io/library/nginx  v0.9.0, v1.0.0         -                           Invalid          -          `~a.b` is not a version constraint: the second number is missing
guestbook    redis                    7@sha256:aaaaaaaaaaaa  v1.0.1@sha256:bbbbbbbbbbbb  RolledBack       -          v1.0.1 was deployed before and left for 7
";
    assert_eq!(at(None), expected);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [80, 100, 140] {
        let text = at(Some(width));
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(width), "{width}:\n{text}");
        // Nothing is broken: names, versions and statuses are whole, and the reason is all there.
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for decision in decisions() {
            let reason = decision.message.split_whitespace().collect::<Vec<_>>().join(" ");
            for words in [decision.label(), &current(&decision), decision.status.name()] {
                assert!(flat.contains(words), "{width}: `{words}` is broken\n{text}");
            }
            // Beside the other columns the reason is wrapped in its own.
            assert!(flat.contains(&reason) || width == 140, "{width}: `{reason}` is broken\n{text}");
        }
        for word in ["UpdateAvailable", "RolledBack", "Invalid"] {
            assert!(text.contains(word), "{width}: `{word}` is broken\n{text}");
        }
    }
    assert_eq!(at(Some(200)), at(None));
}

#[test]
fn columns_are_as_asked_for() {
    let all = Layout { wide: true, headers: true, namespaces: true, ..Layout::default() };
    let text = table(&decisions(), all);
    let headers: Vec<_> = text.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        headers,
        [
            "NAMESPACE",
            "APPLICATION",
            "IMAGE",
            "CURRENT",
            "NEWEST",
            "STATUS",
            "BEHIND",
            "REASON",
            "STRATEGY",
            "CONSTRAINT",
            "AGE",
            "WRITE-BACK",
            "REFERENCE",
            "WHY",
        ]
    );
    for words in
        ["NewestMatch", "semver", "~1.0", "git:helmvalues:values.yaml", "argocd:kustomize", "ghcr.io/amplication/"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let bare = table(&decisions(), Layout { headers: false, ..all });
    assert!(bare.starts_with("argocd") && bare.lines().count() == 3, "{bare}");
    assert_eq!(table(&[], all), "");
    let lines = text.lines().all(|line| line == line.trim_end());
    assert!(lines, "no line ends in space");
}

#[test]
fn color_is_on_the_status_and_nowhere_else() {
    let mut decisions = decisions();
    decisions[0].application.name = "Invalid".to_owned();
    let layout = Layout { headers: true, ..Layout::default() };
    let colored = table(&decisions, Layout { color: true, ..layout });
    assert_eq!(
        anstream::adapter::strip_str(&colored).to_string().replace(' ', ""),
        table(&decisions, layout).replace(' ', "")
    );
    for line in colored.lines().skip(1) {
        assert_eq!(line.matches("\u{1b}[38").count(), 1, "{line:?}");
    }
    assert!(colored.contains("Invalid  "), "a name is no status: {colored:?}");
    assert!(!table(&decisions, layout).contains('\u{1b}'));
}

#[test]
fn every_status_has_a_color() {
    let mut one = decision();
    for (status, name, _) in ImageStatus::ALL {
        one.status = status;
        let text = table(&[one.clone()], Layout { color: true, ..Layout::default() });
        let color = text.split(name).next().unwrap();
        assert!(color.ends_with('m'), "{text:?}");
    }
}

#[test]
fn names_are_the_ones_that_apply_takes() {
    let mut decisions = decisions();
    assert_eq!(names(&decisions, false), "application.argoproj.io/bookstore\n");
    assert_eq!(names(&decisions, true), "argocd/bookstore\n");
    for decision in &mut decisions {
        decision.status = ImageStatus::UpdateAvailable;
    }
    assert_eq!(names(&decisions, true), "argocd/bookstore\nargocd/guestbook\n");
    assert_eq!(names(&[], true), "");
}

#[test]
fn markdown_is_a_table() {
    let layout = Layout { headers: true, ..Layout::default() };
    let text = markdown(&decisions(), layout);
    assert_eq!(
        text.lines().take(3).collect::<Vec<_>>(),
        [
            "| Namespace | Application | Image | Current | Newest | Status | Behind | Why |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            "| argocd | bookstore | bookstore | v1.0.0 | v1.0.1 | UpdateAvailable | 1 version | newest of 3 tags that satisfy \\~1.0 |",
        ]
    );
    assert_eq!(markdown(&[], layout), "");
    assert_eq!(markdown(&decisions(), Layout::default()).lines().count(), 3);
}

#[test]
fn nothing_in_markdown_becomes_markup() {
    for (id, text, expected) in [
        ("plain", "v1.0.1", "v1.0.1"),
        ("table", "a|b", "a\\|b"),
        ("link", "[a](b)", "\\[a\\](b)"),
        ("image", "![a](b)", "\\!\\[a\\](b)"),
        ("emphasis", "*a* _b_ ~c~ `d`", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\`"),
        ("markup", "<img src=x>&lt;", "&lt;img src=x&gt;&amp;lt;"),
        ("escape", "\\|", "\\\\\\|"),
        ("mention", "@team", "@&#8203;team"),
        ("issue", "org/repo#12", "org/repo#&#8203;12"),
        ("address", "https://evil.example/x", "https:&#8203;//evil.example/x"),
        ("address without a scheme", "WWW.evil.example", "WWW&#8203;.evil.example"),
        ("mail", "a@evil.example", "a@&#8203;evil.example"),
        ("formula", "$a$", "&#36;a&#36;"),
        ("other letters", "é漢.", "é漢."),
    ] {
        assert_eq!(markdown_cell(text), expected, "{id}");
    }
}

#[test]
fn an_explanation_tells_the_way_of_the_tags() {
    let mut one = decision();
    assert_eq!(
        explain(std::slice::from_ref(&one)),
        "
argocd/bookstore  bookstore
  current   v1.0.0 (configured)
  tags      14 seen → 12 allowed → 3 eligible → v1.0.1
  decision  UpdateAvailable (NewestMatch): newest of 3 tags that satisfy ~1.0
  newer     v2.0.0 (OutsideConstraint)
  rejected  OutsideConstraint: v2.0.0
"
    );
    one.rejected.extend((0..7).map(|number| Rejected { tag: format!("v0.{number}"), why: Rejection::Older }));
    one.newer.clear();
    one.tags = None;
    one.current_from = CurrentFrom::Status;
    let text = explain(&[one]);
    assert!(text.contains("Older: v0.6, v0.5, v0.4, v0.3, v0.2 and 2 more\n"), "{text}");
    assert!(text.contains("v1.0.0 (live)") && !text.contains("newer") && !text.contains("eligible"), "{text}");
}

#[test]
fn how_far_behind_is_said_as_far_as_it_is_known() {
    for (versions, days, expected) in [
        (Some(1), None, Some("1 version")),
        (Some(3), Some(41), Some("3 versions, 41d")),
        (None, Some(41), Some("41d")),
        (Some(0), Some(0), None),
        (None, None, None),
    ] {
        assert_eq!(behind(Behind { versions, days }).as_deref(), expected);
    }
}

#[test]
fn at_a_terminal_a_name_is_not_repeated_and_numbers_give_way_to_the_reason() {
    let layout = Layout { headers: true, grouped: true, namespaces: true, ..Layout::default() };
    let text = table(&decisions(), Layout { width: Some(200), ..layout });
    let starts: Vec<&str> = text.lines().map(|line| line[..22].trim_end()).collect();
    assert_eq!(starts, ["NAMESPACE  APPLICATION", "argocd     bookstore", "           guestbook", ""], "{text}");
    // How far behind is left out where the reason has no room beside it.
    let one = &decisions()[..1];
    let line = |width| table(one, Layout { width: Some(width), headers: true, ..Layout::default() });
    assert!(line(104).contains("1 version") && line(104).lines().count() == 2, "{}", line(104));
    assert!(!line(84).contains("1 version") && line(84).lines().count() == 3, "{}", line(84));
}

#[test]
fn an_age_is_in_one_unit() {
    let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
    let mut one = decision();
    assert_eq!(age(&one, Some(now)), None);
    for (seconds, expected) in [(-5, "0s"), (119, "119s"), (120, "2m"), (7_200, "2h"), (172_800, "2d")] {
        let candidate = one.candidate.as_mut().unwrap();
        candidate.created = Some(now - jiff::SignedDuration::from_secs(seconds));
        assert_eq!(age(&one, Some(now)).as_deref(), Some(expected));
    }
    assert_eq!(age(&one, None), None);
}
