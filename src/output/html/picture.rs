//! The pictures of the page, as inline SVG with the same said in words: shares of a whole, and bars for how far behind.

use std::fmt::Write as _;

use crate::model::decision::Behind;
use crate::model::decision::Decision;

/// The longest bars: what is furthest behind fills one.
pub(super) struct Scale {
    versions: usize,
    days: i64,
}

impl Scale {
    pub(super) fn of(decisions: &[Decision]) -> Self {
        let behind = || decisions.iter().filter_map(|decision| decision.behind);
        Self {
            versions: behind().filter_map(|behind| behind.versions).max().unwrap_or(0),
            days: behind().filter_map(|behind| behind.days).max().unwrap_or(0),
        }
    }
}

/// How wide a bar is that is `part` of `whole`, of 100. By the square root, so that one version beside a hundred still
/// shows.
#[expect(clippy::cast_precision_loss, reason = "a picture is not that precise")]
fn width(part: u64, whole: u64) -> f64 {
    if part == 0 || whole == 0 { 0.0 } else { (100.0 * (part as f64 / whole as f64).sqrt()).max(3.0) }
}

/// How far an image is behind: what to sort it by, and the bars with their numbers.
pub(super) fn behind(behind: Option<Behind>, scale: &Scale) -> (i64, String) {
    let Some(behind) = behind else {
        return (
            -1,
            "<span class=\"none\" aria-hidden=\"true\">–</span><span class=\"unseen\">unknown</span>".to_owned(),
        );
    };
    let versions = behind.versions.unwrap_or(0) as u64;
    let days = u64::try_from(behind.days.unwrap_or(0)).unwrap_or(0);
    let mut words = Vec::new();
    if behind.versions.is_some() {
        words.push(super::count(usize::try_from(versions).unwrap_or(usize::MAX), "version"));
    }
    if behind.days.is_some() {
        words.push(super::count(usize::try_from(days).unwrap_or(usize::MAX), "day"));
    }
    if versions == 0 && days == 0 {
        return (0, "<span class=\"even\">not behind</span>".to_owned());
    }
    let label = words.join(", ");
    let mut bars = String::new();
    let rows = [
        ("versions", behind.versions.map(|_| width(versions, scale.versions as u64))),
        ("days", behind.days.map(|_| width(days, u64::try_from(scale.days).unwrap_or(0)))),
    ];
    let rows: Vec<_> = rows.into_iter().filter_map(|(class, width)| Some((class, width?))).collect();
    for (index, (class, width)) in rows.iter().enumerate() {
        let y = index * 7;
        let _ = write!(
            bars,
            "<rect class=\"track\" x=\"0\" y=\"{y}\" width=\"100\" height=\"5\" rx=\"2.5\"/>\
             <rect class=\"{class}\" x=\"0\" y=\"{y}\" width=\"{width:.1}\" height=\"5\" rx=\"2.5\"/>"
        );
    }
    let height = rows.len() * 7 - 2;
    let order = i64::try_from(versions).unwrap_or(i64::MAX).saturating_mul(100_000).saturating_add_unsigned(days);
    let svg = format!(
        "<svg class=\"bars\" viewBox=\"0 0 100 {height}\" width=\"100\" height=\"{height}\" role=\"img\" \
         aria-label=\"{label} behind\">{bars}</svg>"
    );
    (order, format!("<span class=\"behind\">{label}</span>{svg}"))
}

/// Shares of a whole as one bar, each in its tone.
pub(super) fn shares(shares: &[(&str, usize)], spoken: &str) -> String {
    let total: usize = shares.iter().map(|(_, count)| count).sum();
    if total == 0 {
        return String::new();
    }
    let mut svg = format!(
        "<svg class=\"shares\" viewBox=\"0 0 1000 12\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{spoken}\">"
    );
    let mut before = 0;
    for (tone, count) in shares {
        let x = 1000 * before / total;
        before += count;
        // However few they are, they show.
        let width = (1000 * before / total - x).max(4);
        let _ = write!(svg, "<rect class=\"{tone}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"12\"/>");
    }
    svg.push_str("</svg>\n");
    svg
}
