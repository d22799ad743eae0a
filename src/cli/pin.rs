//! `pin` and `unpin`: hold an image at a version, and let it move again.

use crate::annotations::rule::ImageRule;
use crate::apply::Commits;
use crate::cli::apply;
use crate::cli::apply::Report;
use crate::cli::args::Output;
use crate::cli::args::OutputArgs;
use crate::cli::args::WriteArgs;
use crate::cli::commits;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::MessageArgs;
use crate::cli::pin_args::PinArgs;
use crate::cli::pin_args::UnpinArgs;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::cli::settings;
use crate::decide;
use crate::document;
use crate::document::receipts::DryRun;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::output::style;
use crate::output::style::paint;
use crate::output::table;
use crate::output::text::safe;
use crate::pinning;
use crate::pinning::Image;
use crate::pinning::Terms;
use crate::pinning::Wanted;
use crate::pipeline;
use crate::pipeline::Selected;
use crate::propose;
use crate::registry::RegistryErrorKind;
use crate::writeback::Placement;
use crate::writeback::Placements;

/// One image that is pinned or let go.
struct Planned {
    /// In the order in which they are written: one, or with method `git` the hold and the version.
    changes: Vec<Change>,
    /// What is pinned.
    pin: Option<Pin>,
    placement: Placement,
}

mod write;

/// `pin`
pub(crate) async fn pin(session: &Session, args: PinArgs) -> Result<ExitCode, Error> {
    let now = session.process.now();
    let until = args.until.as_deref().map(|text| settings::until(text, now)).transpose()?;
    let wishes = args.images.iter().map(|text| wish(text)).collect::<Result<Vec<_>, _>>()?;
    let how = How { output: &args.output, write: &args.write, message: &args.message, commits: &args.commits };
    let (selection, planned) = session
        .interruptible(async {
            let selection =
                apply::select_to_pin(session, &args.application, args.namespace.as_deref(), &args.write).await?;
            let by = selection.cluster.as_ref().and_then(|cluster| cluster.user()).map(str::to_owned);
            let placements = placements(session, &selection, args.source.as_deref()).await;
            let mut planned = Vec::new();
            for wish in &wishes {
                let (selected, rule, placement) = find(&selection, &placements, &wish.alias)?;
                let wanted = match &wish.version {
                    Some(version) => {
                        if !args.no_verify {
                            verify(session, &selection, (&selected.application.key, rule), version).await?;
                        }
                        Wanted::Named(version.clone())
                    }
                    None => Wanted::Standing(standing(selected, rule, placement)?),
                };
                refuse_what_would_not_hold(session, (selected, rule, placement), wanted.version(), args.write.force)?;
                let terms = Terms { reason: args.reason.clone(), by: by.clone(), at: now, until };
                let (changes, pin) = pinning::pin(image(selected, rule, placement, &placements), &wanted, terms)?;
                planned.push(Planned { changes, pin: Some(pin), placement: placement.clone() });
            }
            let planned = prepared(session, &selection, planned, args.message.create_keys).await?;
            Ok((selection, planned))
        })
        .await??;
    finish(session, &selection, planned, how).await
}

/// `unpin`
pub(crate) async fn unpin(session: &Session, args: UnpinArgs) -> Result<ExitCode, Error> {
    let how = How { output: &args.output, write: &args.write, message: &args.message, commits: &args.commits };
    let (selection, planned) = session
        .interruptible(async {
            let selection =
                apply::select_to_pin(session, &args.application, args.namespace.as_deref(), &args.write).await?;
            let names = if args.all { pinned(&selection)? } else { args.images.clone() };
            let placements = placements(session, &selection, args.source.as_deref()).await;
            let mut planned = Vec::new();
            for name in &names {
                let (selected, rule, placement) = find(&selection, &placements, name)?;
                let unpinned = pinning::unpin(image(selected, rule, placement, &placements), args.restore_version)?;
                for kept in &unpinned.kept {
                    session.printer.alert(&format!("note: {}", safe(kept)));
                }
                planned.push(Planned { changes: unpinned.changes, pin: None, placement: placement.clone() });
            }
            let planned = prepared(session, &selection, planned, args.message.create_keys).await?;
            Ok((selection, planned))
        })
        .await??;
    finish(session, &selection, planned, how).await
}

/// Where the images of the Application are written, and what stands there.
async fn placements(session: &Session, selection: &Selection, source: Option<&str>) -> Placements {
    let options = session.options(source.map(str::to_owned));
    let clients = selection.clients(session);
    let (mut placements, found) = pipeline::placements(&clients, &selection.selected, &options).await;
    session.diagnose(&found);
    session.diagnose(&pipeline::look_before_pinning(&clients, &selection.selected, &mut placements).await);
    placements
}

/// Names the branches that versions are pushed to, and makes sure that they can be written before anything is.
async fn prepared(
    session: &Session,
    selection: &Selection,
    mut planned: Vec<Planned>,
    create_keys: bool,
) -> Result<Vec<Planned>, Error> {
    for Planned { changes, placement, .. } in &planned {
        if let Some(overridden) = placement.overridden.as_ref().filter(|_| changes.iter().any(Change::is_rendered)) {
            return Err(Error::failed(overridden.invalid().message).hint(overridden.hint()));
        }
    }
    let mut options = session.options(None);
    options.create_keys = create_keys;
    let in_git = |change: &Change| change.git().is_some();
    let versions: Vec<Change> =
        planned.iter().flat_map(|planned| &planned.changes).filter(|change| in_git(change)).cloned().collect();
    let places = planned
        .iter()
        .filter_map(|planned| Some((planned.changes.first()?.id.clone(), planned.placement.clone())))
        .filter(|(_, placement)| placement.git.is_some())
        .collect();
    let clients = selection.clients(session);
    let prepared = pipeline::prepare(&clients, &selection.selected, versions, places, &options).await;
    session.diagnose(&prepared.diagnostics);
    if prepared.left_out {
        return Err(Error::failed("the version cannot be written, so nothing is"));
    }
    for Planned { changes, .. } in &mut planned {
        changes.retain(|change| !in_git(change) || prepared.changes.iter().any(|ready| ready.id == change.id));
        for change in changes.iter_mut().filter(|change| in_git(change)) {
            if let Some(ready) = prepared.changes.iter().find(|ready| ready.id == change.id) {
                change.clone_from(ready);
            }
        }
    }
    Ok(planned)
}

/// A hold that a running Image Updater would not keep is refused, unless it is asked for all the same: with method
/// `git` it writes what the spec says whenever it writes a sibling (`cli.md`, "pin").
fn refuse_what_would_not_hold(
    session: &Session,
    (selected, rule, placement): (&Selected, &ImageRule, &Placement),
    version: &Version,
    force: bool,
) -> Result<(), Error> {
    let Some(in_spec) = placement.in_spec(rule).filter(|in_spec| in_spec != version) else { return Ok(()) };
    let what = format!(
        "the spec of {} sets `{}` to {in_spec}, which a running Image Updater would write over {version}",
        selected.application.key,
        rule.label()
    );
    if !force {
        return Err(Error::failed(what).hint("take it out of the spec, or `--force` pins it all the same"));
    }
    let warning = Diagnostic::warning("hold-not-in-force", what).about(&selected.application.key);
    session.diagnose(&[warning]);
    Ok(())
}

/// How `pin` and `unpin` write and report.
struct How<'a> {
    output: &'a OutputArgs,
    write: &'a WriteArgs,
    message: &'a MessageArgs,
    commits: &'a CommitArgs,
}

/// Writes the changes, and reports them with the pins they leave behind.
async fn finish(
    session: &Session,
    selection: &Selection,
    planned: Vec<Planned>,
    how: How<'_>,
) -> Result<ExitCode, Error> {
    let cluster = selection.cluster.as_ref().ok_or_else(|| Error::failed("there is no cluster to write to"))?;
    let all: Vec<Change> = planned.iter().flat_map(|planned| planned.changes.iter().cloned()).collect();
    for Selected { application, .. } in &selection.selected {
        session.diagnose(propose::revertible_annotations(application, &all).as_slice());
        if all.iter().any(|change| change.is_rendered() && change.git().is_none()) {
            session.diagnose(propose::revertible(application).as_slice());
        }
    }
    let commits = if all.iter().any(|change| change.git().is_some()) {
        commits::commits(session, Some(cluster), how.message, Some(how.commits)).await?
    } else {
        Commits::default()
    };
    commits::try_message(&commits, &all)?;
    let receipts = write::step_by_step(session, cluster, &planned, (how.write, &commits)).await?;
    let pins: Vec<Option<Pin>> =
        receipts.iter().zip(planned).map(|(receipt, planned)| planned.pin.filter(|_| is_done(receipt))).collect();
    let dry_run = apply::dry_run(how.write);
    let document = Session::document(how.output.output, || document::receipts::pin_report(&receipts, &pins, dry_run));
    let lines = receipts.iter().zip(&pins).map(|(receipt, pin)| line(receipt, pin.as_ref(), dry_run)).collect();
    let names = (how.output.output == Output::Name).then_some(false);
    apply::print(session, &receipts, Report { document, lines, names })
}

fn is_done(receipt: &Receipt) -> bool {
    matches!(receipt.outcome, Outcome::Applied | Outcome::AlreadyApplied)
}

/// `argocd/bookstore  web  pinned at v1.0.0, was v1.0.1`
fn line(receipt: &Receipt, pin: Option<&Pin>, dry_run: DryRun) -> String {
    let application = safe(&receipt.change.application.to_string());
    let (label, from) = receipt.change.images.first().map_or((String::new(), None), |image| {
        let label = image.alias.clone().unwrap_or_else(|| image.reference.to_string());
        (safe(&label), image.from.clone())
    });
    let outcome = paint(style::of_outcome(receipt.outcome), receipt.outcome.name());
    let what = match pin {
        Some(pin) => {
            let until = pin.until.map_or_else(String::new, |until| format!(" until {until}"));
            let was = from
                .filter(|from| *from != pin.version)
                .map_or_else(String::new, |from| format!(", was {}", table::short(&from)));
            format!("pinned at {}{until}{was}", table::short(&pin.version))
        }
        None if matches!(receipt.outcome, Outcome::Applied | Outcome::AlreadyApplied) => "unpinned".to_owned(),
        None => "not written".to_owned(),
    };
    let dry = if dry_run == DryRun::None { "" } else { " (dry run)" };
    let message = if receipt.message.is_empty() { String::new() } else { format!("  {}", safe(&receipt.message)) };
    format!("{application}  {label}  {outcome}{dry}  {what}{message}\n")
}

/// What a `ALIAS[=VERSION]` argument asks for.
struct Wish {
    alias: String,
    version: Option<Version>,
}

/// Reads `ALIAS`, `ALIAS=TAG`, `ALIAS=TAG@DIGEST` or `ALIAS=@DIGEST`.
fn wish(text: &str) -> Result<Wish, Error> {
    let Some((alias, version)) = text.split_once('=') else {
        return Ok(Wish { alias: text.to_owned(), version: None });
    };
    let wrong = |what: String| {
        Error::usage(format!("`{text}`: {what}")).hint("write ALIAS=TAG, ALIAS=TAG@DIGEST or ALIAS=@DIGEST")
    };
    let (tag, digest) = match version.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (version, None),
    };
    let digest = digest
        .map(|digest| Digest::new(digest).ok_or_else(|| wrong(format!("`{digest}` is not a digest"))))
        .transpose()?;
    let tag = match tag {
        "" if digest.is_some() => None,
        tag => Some(Tag::new(tag).ok_or_else(|| wrong(format!("`{tag}` is not a tag")))?),
    };
    Ok(Wish { alias: alias.to_owned(), version: Some(Version::new(tag.as_ref(), digest.as_ref())) })
}

/// The names of the images that are pinned.
fn pinned(selection: &Selection) -> Result<Vec<String>, Error> {
    let names: Vec<_> = selection
        .selected
        .iter()
        .flat_map(|selected| &selected.rules.images)
        .filter(|rule| rule.pin.is_some())
        .map(|rule| rule.label().to_owned())
        .collect();
    if names.is_empty() { Err(Error::failed("no image of the Application is pinned")) } else { Ok(names) }
}

fn find<'a>(
    selection: &'a Selection,
    placements: &'a Placements,
    alias: &str,
) -> Result<(&'a Selected, &'a ImageRule, &'a Placement), Error> {
    let selected = selection.selected.first().ok_or_else(|| Error::failed("the Application has no image list"))?;
    let rule = pinning::entry(&selected.application, &selected.rules, alias)?;
    let about = |what: &str| Error::failed(format!("`{}`: {what}", rule.label()));
    let placement = match placements.get(&(selected.application.key.clone(), rule.position)) {
        Some(Ok(placement)) => placement,
        Some(Err(invalid)) => return Err(about(&invalid.message)),
        None => return Err(about("it is not known where it is written")),
    };
    match placement.git.as_ref().and_then(|git| git.unread.as_ref()) {
        Some(unread) => Err(about(&unread.message)),
        None => Ok((selected, rule, placement)),
    }
}

fn image<'a>(
    selected: &'a Selected,
    rule: &'a ImageRule,
    placement: &'a Placement,
    placements: &'a Placements,
) -> Image<'a> {
    Image { application: &selected.application, rules: &selected.rules, rule, placement, placements }
}

/// The version that an image has now: the configured one, else the only live one. Where they differ, only the user
/// can say which is meant.
fn standing(selected: &Selected, rule: &ImageRule, placement: &Placement) -> Result<Version, Error> {
    let survey = decide::survey(&selected.application, rule, Ok(placement.clone()));
    let label = rule.label();
    let ask = |what: String| Err(Error::failed(what).hint(format!("say which version is meant: {label}=TAG")));
    let live = survey.live_versions();
    match (&placement.configured, live.as_slice()) {
        (Some(configured), live) => match live.iter().find(|live| *live != configured) {
            Some(live) => ask(format!("`{label}` is configured as {configured}, but {live} is live")),
            None => Ok(configured.clone()),
        },
        (None, [live]) if !live.is_empty() => Ok(live.clone()),
        (None, []) => ask(format!("`{label}` is neither configured nor live")),
        (None, _) => ask(format!("several versions of `{label}` are live")),
    }
}

/// Makes sure that a version exists.
async fn verify(
    session: &Session,
    selection: &Selection,
    (application, rule): (&ApplicationKey, &ImageRule),
    version: &Version,
) -> Result<(), Error> {
    let world = selection.clients(session).world();
    let found = session.logins.of_rule(world, application, rule).await;
    let (Some(found), Some(repository)) = (found, &rule.repository) else {
        return Err(Error::failed(format!("`{}` is not an image", rule.label())));
    };
    let registries = &session.registries;
    session.diagnose(&found.diagnostics);
    let remote = found.remote.map_err(|diagnostic| {
        Error::failed(diagnostic.message).hint("`--no-verify` pins it without asking the registry")
    })?;
    let tag = version.tag.as_deref().and_then(Tag::new);
    let digest = version.digest.as_deref().and_then(Digest::new);
    let answer = match (&digest, &tag) {
        (None, None) => Ok(false),
        (Some(digest), None) => registries.exists(&remote, digest).await,
        (None, Some(tag)) => registries.digest(&remote, tag).await.map(|_| true),
        // The tag may stand for another digest by now, but it is a tag, and the digest is there.
        (Some(digest), Some(tag)) => match registries.digest(&remote, tag).await {
            Ok(_) => registries.exists(&remote, digest).await,
            Err(error) => Err(error),
        },
    };
    let missing = || Error::failed(format!("{repository} has no {version}")).hint("`--no-verify` pins it all the same");
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing()),
        Err(error) if error.kind() == RegistryErrorKind::TagNotFound => Err(missing()),
        Err(error) => Err(Error::failed(error.to_string())
            .maybe_hint(error.hint().map(str::to_owned))
            .hint("`--no-verify` pins it without asking the registry")),
    }
}
