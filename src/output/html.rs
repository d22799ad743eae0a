//! The report of a check as one page: nothing is loaded from anywhere, every row is there without its script, and text
//! from outside is text.
//!
//! Written by hand and not with a template crate: the page is a handful of shapes, and one function, [`text`], is all
//! that stands between a hostile tag and markup; a property test holds it to that. Should something get through all
//! the same, the page's own content security policy runs only the one script and style whose hashes it names.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use jiff::Timestamp;
use sha2::Digest as _;
use sha2::Sha256;

use crate::model::candidate::Rejected;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Severity;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::plan::Destination;
use crate::output::table::short;
use crate::output::text::safe;

mod picture;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// What the page is about.
pub(crate) struct Page<'a> {
    pub(crate) decisions: &'a [Decision],
    pub(crate) diagnostics: &'a [Diagnostic],
    /// When it was asked.
    pub(crate) now: Timestamp,
}

/// The whole page.
pub(crate) fn page(page: &Page<'_>) -> String {
    let mut html = String::with_capacity(4096 + 1500 * page.decisions.len());
    html.push_str(&head());
    html.push_str("<body>\n<a class=\"skip\" href=\"#images\">Skip to the images</a>\n");
    html.push_str(&header(page));
    html.push_str("<main>\n");
    html.push_str(&overview(page.decisions));
    html.push_str(&images(page));
    html.push_str(&pins(page.decisions));
    html.push_str(&problems(page.diagnostics));
    html.push_str("</main>\n");
    let _ = writeln!(
        html,
        "<footer><p>Written by <code>kubectl image-update check -o html</code> {}. It is a picture of one moment: \
         nothing on this page asks or changes anything.</p></footer>",
        env!("CARGO_PKG_VERSION")
    );
    let _ = writeln!(html, "<script>{SCRIPT}</script>\n</body>\n</html>");
    html
}

/// Text from outside, as text: control and bidirectional characters spelled out, markup escaped.
fn text(outside: &str) -> String {
    let safe = safe(outside);
    let mut html = String::with_capacity(safe.len());
    for character in safe.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// The head, with a policy that allows this style and this script and nothing else.
fn head() -> String {
    let hash = |content: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(content.as_bytes()));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; \
         script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Image updates</title>\n<style>{STYLE}</style>\n</head>\n",
        hash(STYLE),
        hash(SCRIPT),
    )
}

/// `2026-11-22 09:00 UTC`.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `3 images`, `1 image`.
fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn header(page: &Page<'_>) -> String {
    let applications: BTreeSet<_> = page.decisions.iter().map(|decision| &decision.application).collect();
    let now = minute(page.now);
    format!(
        "<header>\n<div><h1>Image updates</h1>\n<p>{} in {}, checked <time datetime=\"{}\">{now}</time></p></div>\n\
         <button type=\"button\" id=\"theme\" hidden>Theme: system</button>\n</header>\n",
        count(page.decisions.len(), "image"),
        count(applications.len(), "Application"),
        page.now,
    )
}

/// The order in which statuses are told of: what there is to do first.
fn statuses() -> impl Iterator<Item = (ImageStatus, &'static str)> {
    let rank = |status: &ImageStatus| match status {
        ImageStatus::UpdateAvailable => 0,
        ImageStatus::Invalid | ImageStatus::PinBroken | ImageStatus::Undetermined => 1,
        ImageStatus::RolledBack | ImageStatus::Downgrade => 2,
        ImageStatus::Pinned | ImageStatus::NotDeployed | ImageStatus::NoCandidate => 3,
        ImageStatus::UpToDate => 4,
    };
    let mut all: Vec<_> = ImageStatus::ALL.iter().map(|(status, _, meaning)| (*status, *meaning)).collect();
    all.sort_by_key(|(status, _)| rank(status));
    all.into_iter()
}

/// `Update available`.
fn words(status: ImageStatus) -> String {
    let mut words = String::new();
    for (index, letter) in status.name().char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(if index == 0 { letter } else { letter.to_ascii_lowercase() });
    }
    words
}

/// The class that a status is colored by.
fn tone(status: ImageStatus) -> &'static str {
    match status {
        ImageStatus::UpdateAvailable => "update",
        ImageStatus::Invalid | ImageStatus::PinBroken => "bad",
        ImageStatus::Undetermined | ImageStatus::RolledBack | ImageStatus::Downgrade => "doubt",
        ImageStatus::UpToDate => "good",
        ImageStatus::Pinned | ImageStatus::NotDeployed | ImageStatus::NoCandidate => "calm",
    }
}

/// How many images there are of each status, as a bar and as the buttons that filter by it.
fn overview(decisions: &[Decision]) -> String {
    let mut counts: BTreeMap<ImageStatus, usize> = BTreeMap::new();
    for decision in decisions {
        *counts.entry(decision.status).or_default() += 1;
    }
    let present: Vec<_> =
        statuses().filter_map(|(status, meaning)| Some((status, meaning, *counts.get(&status)?))).collect();
    let shares: Vec<_> = present.iter().map(|(status, _, count)| (tone(*status), *count)).collect();
    let spoken: Vec<_> =
        present.iter().map(|(status, _, count)| format!("{count} {}", words(*status).to_lowercase())).collect();
    let mut html = String::from("<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">Overview</h2>\n");
    html.push_str(&picture::shares(&shares, &spoken.join(", ")));
    html.push_str("<ul class=\"tiles\">\n");
    for (status, meaning, count) in present {
        let _ = writeln!(
            html,
            "<li class=\"{}\" data-status=\"{}\"><span class=\"tile\"><b>{count}</b> <span>{}</span></span>\
             <small>{}</small></li>",
            tone(status),
            status.name(),
            words(status),
            text(&meaning.replace('`', "")),
        );
    }
    html.push_str("</ul>\n</section>\n");
    html
}

/// The columns of the table of images: title, and how its script sorts it.
const COLUMNS: [(&str, &str); 7] = [
    ("Application", "text"),
    ("Image", "text"),
    ("Current", "text"),
    ("Newest", "text"),
    ("Behind", "number"),
    ("Status", "number"),
    ("Why", "text"),
];

fn images(page: &Page<'_>) -> String {
    let mut html = String::from(
        "<section aria-labelledby=\"images\">\n<h2 id=\"images\" tabindex=\"-1\">Images</h2>\n\
         <div class=\"tools\" role=\"search\" hidden><label for=\"find\">Find</label>\
         <input id=\"find\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" \
         placeholder=\"Application, image, version, reason\">\
         <button type=\"button\" id=\"all\">Show all</button>\
         <p id=\"shown\" role=\"status\" aria-live=\"polite\"></p></div>\n\
         <table id=\"table\" role=\"table\">\n<caption>Every image of the selection, by Application</caption>\n\
         <thead role=\"rowgroup\"><tr role=\"row\">",
    );
    for (title, kind) in COLUMNS {
        let _ = write!(html, "<th scope=\"col\" role=\"columnheader\" data-sort=\"{kind}\">{title}</th>");
    }
    html.push_str("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    let scale = picture::Scale::of(page.decisions);
    let rank: BTreeMap<ImageStatus, usize> = statuses().enumerate().map(|(rank, (status, _))| (status, rank)).collect();
    let mut above = None;
    for decision in page.decisions {
        let again = above.replace(&decision.application) == Some(&decision.application);
        html.push_str(&row(decision, &scale, (rank[&decision.status], again)));
    }
    html.push_str("</tbody>\n</table>\n");
    if page.decisions.is_empty() {
        html.push_str("<p>No Application of the selection has an image list.</p>\n");
    }
    html.push_str("</section>\n");
    html
}

/// One image. `rank`: the place of its status among the others; `again`: the row above is of the same Application.
fn row(decision: &Decision, scale: &picture::Scale, (rank, again): (usize, bool)) -> String {
    let class = if again { " class=\"again\"" } else { "" };
    let namespace = text(&decision.application.namespace);
    let name = text(&decision.application.name);
    let current = match (&decision.current, decision.live.as_slice()) {
        (Some(current), _) => code(&short(current)),
        (None, []) => none("unknown"),
        (None, live) => live.iter().map(|version| code(&short(version))).collect::<Vec<_>>().join(", "),
    };
    let newest = decision.candidate.as_ref().map_or_else(
        || none("none"),
        |candidate| {
            let version = Version::new(Some(&candidate.tag), candidate.digest.as_ref());
            code(&short(&version))
        },
    );
    let (order, behind) = picture::behind(decision.behind, scale);
    let label = text(decision.label());
    let reference = decision.reference.as_ref().map(ToString::to_string).filter(|full| full != decision.label());
    let reference =
        reference.map_or_else(String::new, |full| format!("<small>{}</small>", text(&full).replace('/', "/<wbr>")));
    format!(
        "<tr role=\"row\"{class} data-status=\"{status}\">\
         <th scope=\"row\" role=\"rowheader\" data-label=\"Application\"><small>{namespace}/</small>{name}</th>\
         <td role=\"cell\" data-label=\"Image\">{label}{reference}</td>\
         <td role=\"cell\" data-label=\"Current\">{current}</td><td role=\"cell\" data-label=\"Newest\">{newest}</td>\
         <td role=\"cell\" data-label=\"Behind\" data-v=\"{order}\">{behind}</td>\
         <td role=\"cell\" data-label=\"Status\" data-v=\"{rank}\"><span class=\"badge {tone}\">{words}</span></td>\
         <td role=\"cell\" data-label=\"Why\">{why}{details}</td></tr>\n",
        status = decision.status.name(),
        tone = tone(decision.status),
        words = words(decision.status),
        why = text(&decision.message),
        details = details(decision),
    )
}

fn code(version: &str) -> String {
    format!("<code>{}</code>", text(version))
}

/// A cell that has nothing to show, with a word for those who do not see it.
fn none(word: &str) -> String {
    format!("<span class=\"none\" aria-hidden=\"true\">–</span><span class=\"unseen\">{word}</span>")
}

/// What is known of an image besides: folded away until it is wanted.
fn details(decision: &Decision) -> String {
    let mut rows: Vec<(&str, String)> = vec![("Strategy", text(&decision.strategy))];
    if let Some(constraint) = &decision.constraint {
        rows.push(("Constraint", code(constraint)));
    }
    if let Some(tags) = decision.tags {
        let funnel = format!("{} seen → {} allowed → {} eligible", tags.seen, tags.allowed, tags.eligible);
        rows.push(("Tags", funnel));
    }
    if let Some(created) = decision.candidate.as_ref().and_then(|candidate| candidate.created) {
        rows.push(("Newest built", format!("<time datetime=\"{created}\">{}</time>", created.strftime("%Y-%m-%d"))));
    }
    if let Some(destination) = &decision.write_back {
        rows.push(("Written to", write_back(destination)));
    }
    if !decision.newer.is_empty() {
        let newer = |rejected: &Rejected| format!("{} ({})", code(&rejected.tag), rejected.why.name());
        rows.push(("Newer, not chosen", decision.newer.iter().map(newer).collect::<Vec<_>>().join(", ")));
    }
    if let Some(pin) = &decision.pin {
        rows.push(("Pin", format!("{}{}", code(&short(&pin.version)), pin_words(pin, decision.pin_expired))));
    }
    rows.push(("Reason", decision.reason.name()));
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>")).collect();
    let rows = rows.concat();
    let label = text(&format!("{} {}", decision.application, decision.label()));
    format!("<details><summary>Details<span class=\"unseen\"> of {label}</span></summary><dl>{rows}</dl></details>")
}

fn write_back(destination: &Destination) -> String {
    match destination {
        Destination::Application { renderer, .. } => {
            let what = "the Application";
            renderer.map_or_else(|| what.to_owned(), |renderer| format!("{what} ({})", renderer.name()))
        }
        Destination::Git(git) => {
            let path = git.path.as_deref().or(git.target.as_deref()).unwrap_or("a file of its own");
            let branch = git.branch.as_deref().map_or_else(String::new, |branch| format!(" on {}", code(branch)));
            format!("{} in {}{branch}", code(path), text(&git.repository))
        }
    }
}

/// ` by ann until 2026-12-01: because`.
fn pin_words(pin: &Pin, expired: bool) -> String {
    let by = pin.by.as_deref().map_or_else(String::new, |by| format!(" by {}", text(by)));
    let until = pin.until.map_or_else(String::new, |until| format!(" until {}", minute(until)));
    let expired = if expired { ", ran out" } else { "" };
    let reason = pin.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", text(reason)));
    format!("{by}{until}{expired}{reason}")
}

/// The images that are held.
fn pins(decisions: &[Decision]) -> String {
    let mut rows = String::new();
    for (decision, pin) in decisions.iter().filter_map(|decision| Some((decision, decision.pin.as_ref()?))) {
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>",
            text(&decision.application.to_string()),
            text(decision.label()),
            code(&short(&pin.version)),
            pin.by.as_deref().map_or_else(|| none("not recorded"), text),
            pin.at.strftime("%Y-%m-%d"),
            pin.until.map_or_else(|| "it is taken away".to_owned(), minute),
            if decision.pin_expired { " <span class=\"badge doubt\">Ran out</span>" } else { "" },
            pin.reason.as_deref().map_or_else(|| none("no reason given"), text),
        );
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<section aria-labelledby=\"pins\">\n<h2 id=\"pins\">Pins</h2>\n<div class=\"scroll\" role=\"region\" \
         aria-labelledby=\"pins\" tabindex=\"0\"><table>\n<caption>Images that are held at a version</caption>\n\
         <thead><tr><th scope=\"col\">Application</th><th scope=\"col\">Image</th><th scope=\"col\">Held at</th>\
         <th scope=\"col\">By</th><th scope=\"col\">Since</th><th scope=\"col\">Until</th>\
         <th scope=\"col\">Why</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}

/// What is wrong, or doubtful.
fn problems(diagnostics: &[Diagnostic]) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section aria-labelledby=\"problems\">\n<h2 id=\"problems\">Problems</h2>\n<ul class=\"problems\">\n",
    );
    for diagnostic in diagnostics {
        let tone = if diagnostic.severity == Severity::Error { "bad" } else { "doubt" };
        let application = diagnostic.application.as_ref();
        let application = application.map_or_else(String::new, |key| format!("<b>{}</b> ", text(&key.to_string())));
        let place = diagnostic.place.as_ref();
        let place = place.map_or_else(String::new, |place| format!("<small>{}</small>", text(&place.annotation)));
        let hint = diagnostic.hint.as_deref().map_or_else(String::new, |hint| format!("<p>Hint: {}</p>", text(hint)));
        let _ = writeln!(
            html,
            "<li><span class=\"badge {tone}\">{}</span> {application}{}{place}{hint}<small>{}</small></li>",
            diagnostic.severity.name(),
            text(&diagnostic.message),
            diagnostic.code,
        );
    }
    html.push_str("</ul>\n</section>\n");
    html
}

#[cfg(test)]
mod tests;
