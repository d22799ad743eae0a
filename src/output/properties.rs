//! What holds for everything that is printed: no text from outside can do anything to a terminal, and tables fit.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;
use serde_json::json;

use crate::error::Error;
use crate::model::application::ApplicationKey;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Place;
use crate::model::hostile;
use crate::model::image::Version;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::tests;
use crate::output::diagnostics;
use crate::output::diff;
use crate::output::table;
use crate::output::table::Layout;
use crate::output::text::is_safe;
use crate::output::text::safe;
use crate::output::text::safe_json;
use crate::output::text::safe_lines;

/// A decision with hostile texts wherever texts from outside stand.
fn decision() -> impl Strategy<Value = Decision> {
    let texts = vec(prop_oneof![2 => hostile::text(24), 1 => "[a-z漢ü -]{0,40}"], 9);
    let status = select(ImageStatus::ALL.iter().map(|(status, ..)| *status).collect::<Vec<_>>());
    (texts, status, any::<[bool; 4]>()).prop_map(|(texts, status, some)| {
        let [name, image, tag, message, constraint, strategy, rejected, live, namespace] =
            texts.try_into().expect("nine");
        let version = |text: String| Version { tag: Some(text), digest: some[0].then(|| tests::digest('a')) };
        let mut decision = tests::decision();
        decision.application = ApplicationKey { namespace, name };
        decision.alias = some[1].then(|| image.clone());
        decision.image = image;
        decision.current = some[2].then(|| version(tag));
        decision.live = vec![version(live)];
        decision.candidate = decision.candidate.filter(|_| some[3]);
        decision.constraint = Some(constraint);
        (decision.status, decision.strategy, decision.message) = (status, strategy, message);
        decision.rejected = vec![Rejected { tag: rejected, why: Rejection::IllegalTag }];
        decision.newer = decision.rejected.clone();
        decision
    })
}

fn layout() -> impl Strategy<Value = Layout> {
    (any::<[bool; 3]>(), of(1..220_u16)).prop_map(|([wide, headers, namespaces], width)| Layout {
        wide,
        headers,
        namespaces,
        width,
        ..Layout::default()
    })
}

/// Columns that a line takes on a terminal.
fn columns(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

proptest! {
    #![proptest_config(hostile::cases(40))]

    #[test]
    fn nothing_unsafe_is_left_of_a_text(text in hostile::text(40)) {
        let line = safe(&text);
        prop_assert!(hostile::is_one_plain_line(&line) && is_safe(&line), "{}", line);
        prop_assert_eq!(safe(&line), line.clone());
        prop_assert!(line.chars().count() >= text.chars().count());
        let plain = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        prop_assert!(!plain || line == text);
        let lines = safe_lines(&text);
        prop_assert!(is_safe(&lines));
        prop_assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn json_stays_the_same_value_without_anything_unsafe(value in hostile::json_value()) {
        let value = json!({ "value": value });
        for text in [value.to_string(), crate::document::to_json(&value)] {
            let safe = safe_json(&text);
            prop_assert!(is_safe(&safe), "{}", safe);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).ok(), Some(value.clone()));
        }
    }

    #[test]
    fn a_table_is_safe_and_fits_its_terminal(decisions in vec(decision(), 1..4), layout in layout()) {
        let text = table::table(&decisions, layout);
        prop_assert!(is_safe(&text) && text.ends_with('\n'), "{}", text);
        if layout.width.is_none() {
            prop_assert_eq!(text.lines().count(), decisions.len() + usize::from(layout.headers));
        }
        for status in decisions.iter().map(|decision| decision.status.name()) {
            prop_assert!(text.contains(status), "{} in\n{}", status, text);
        }
        let explained = table::explain(&decisions);
        prop_assert!(is_safe(&explained));
        let names = table::names(&decisions, layout.namespaces);
        prop_assert!(is_safe(&names) && names.lines().count() <= decisions.len());
    }

    #[test]
    fn a_table_with_room_for_its_names_fits(decisions in vec(decision(), 1..4), wide in any::<bool>(), width in 1..500_u16) {
        let layout = Layout { wide, headers: true, namespaces: true, ..Layout::default() };
        let silent: Vec<_> = decisions.iter().map(|decision| Decision { message: String::new(), ..decision.clone() }).collect();
        // All columns but the reason, of which only the title is left.
        let others = table::table(&silent, layout).lines().map(columns).max().unwrap_or(0) - "WHY".len();
        let words = decisions.iter().flat_map(|decision| decision.message.split_whitespace());
        let longest = words.map(|word| columns(&safe(word))).max().unwrap_or(0);
        let text = table::table(&decisions, Layout { width: Some(width), ..layout });
        let width = usize::from(width);
        let most = if others + 24 <= width { width } else { width.max(longest + 2) };
        for line in text.lines().filter(|_| others <= width) {
            prop_assert!(columns(line) <= most, "{} of {}:\n{}", columns(line), width, text);
        }
    }

    #[test]
    fn a_table_lines_up_however_wide_its_characters_are(decisions in vec(decision(), 2..5), namespaces in any::<bool>()) {
        let text = table::table(&decisions, Layout { namespaces, ..Layout::default() });
        // The status is one word, and begins in the same column of every line.
        let starts = text.lines().zip(&decisions).map(|(line, decision)| {
            let status = decision.status.name();
            line.match_indices(status).map(|(at, _)| columns(&line[..at])).collect::<Vec<_>>()
        });
        let common = starts.reduce(|all, some| all.into_iter().filter(|start| some.contains(start)).collect());
        prop_assert!(common.is_some_and(|common| !common.is_empty()), "{}", text);
    }

    #[test]
    fn markdown_is_a_row_for_each_decision_and_no_markup(decisions in vec(decision(), 1..4), layout in layout()) {
        let text = table::markdown(&decisions, layout);
        prop_assert!(is_safe(&text));
        prop_assert_eq!(text.lines().count(), decisions.len() + 2 * usize::from(layout.headers));
        let bars = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        let first = bars(text.lines().next().unwrap_or_default());
        for line in text.lines() {
            prop_assert!(!line.contains(['<', '>']) && bars(line) == first, "{}", line);
            // A mention or a reference is broken before its name.
            prop_assert!(line.replace("&#8203;", "\0").split(['@']).skip(1).all(|rest| rest.starts_with('\0')), "{}", line);
        }
    }

    #[test]
    fn a_diagnostic_is_safe_and_short(
        value in hostile::text(200),
        ends in any::<(Index, Index)>(),
        texts in vec(hostile::text(20), 3),
        located in any::<bool>(),
    ) {
        let places: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
        let (a, b) = (*ends.0.get(&places), *ends.1.get(&places));
        let mut diagnostic = Diagnostic::error("code", texts[0].clone()).hint(texts[1].clone()).about(&tests::decision().application);
        if located {
            diagnostic = diagnostic.at(Place { annotation: texts[2].clone(), value: value.as_str().into(), span: a.min(b)..a.max(b) });
        }
        let text = anstream::adapter::strip_str(&diagnostics::diagnostic(&diagnostic)).to_string();
        prop_assert!(is_safe(&text) && text.lines().count() <= 5, "{}", text);
        // What is underlined stands right above, and a mark begins and ends with a character, not within one.
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("   | ")).collect();
        if let [above, marks] = lines[..] {
            let (from, to) = (marks.find('^').unwrap_or(0), columns(marks));
            let starts: Vec<usize> = above.char_indices().map(|(at, _)| columns(&above[..at])).collect();
            prop_assert!(starts.contains(&from) || from == columns(above), "{}", text);
            prop_assert!(starts.contains(&to) || to == columns(above) || to == from + 1, "{}", text);
            // Sixty characters before it, in it and behind it, each at most spelled out.
            prop_assert!(above.chars().count() <= 2 + 3 * 60 * 9);
        } else {
            prop_assert!(lines.is_empty(), "{}", text);
        }
    }

    #[test]
    fn an_error_is_safe(message in hostile::text(30), details in vec(hostile::text(20), 0..3), hints in vec(hostile::text(20), 0..3)) {
        let error = Error { details, hints, ..Error::failed(message) };
        let text = anstream::adapter::strip_str(&diagnostics::error(&error)).to_string();
        prop_assert!(is_safe(&text));
        prop_assert_eq!(text.lines().count(), 1 + error.details.len() + error.hints.len());
    }

    #[test]
    fn a_diff_hides_what_the_change_is_not_about(
        secret in "[a-z]{12,16}",
        shape in hostile::damaged_json(json!({"helm": {"values": 1, "valuesObject": {"a": 1}, "parameters": [{"name": "image.tag", "value": "v1"}, {"name": "p", "value": 1}]}, "plugin": {}})),
        field in hostile::text(9),
        place in 0..3_u8,
    ) {
        let mut source = shape;
        // Wherever a value can be a secret, it is one.
        for pointer in ["/helm/values", "/helm/valuesObject", "/helm/parameters/1/value", "/plugin", "/directory"] {
            if let Some(value) = source.pointer_mut(pointer) {
                *value = json!(secret);
            }
        }
        let hidden = source.pointer("/helm/parameters/1/name").and_then(serde_json::Value::as_str) != Some("image.tag");
        let spec = match place {
            0 => json!({"source": source}),
            1 => json!({"sources": [source, {"repoURL": "b"}]}),
            _ => json!({"sourceHydrator": {"drySource": source}}),
        };
        let mut change = tests::change();
        let edit = Edit { field: Field::HelmParameter("image.tag".to_owned()), from: None, to: Some("v2".to_owned()) };
        change.edits = vec![edit];
        let before = json!({"metadata": {"name": field, "managedFields": [secret]}, "spec": spec, "status": {"x": secret}});
        let mut after = before.clone();
        after["metadata"]["labels"] = json!({ "x": field });
        let shown = diff::unified(&diff::application(&change, &before, &after), 1000);
        prop_assert!(is_safe(&anstream::adapter::strip_str(&shown).to_string()));
        prop_assert!(!hidden || !shown.contains(&secret), "{}", shown);
    }
}
