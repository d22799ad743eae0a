//! `pin` and `unpin`: hold images at a version, and let them move again.

use std::collections::BTreeMap;

use crate::apply::Commits;
use crate::cli::apply;
use crate::cli::apply::Report;
use crate::cli::args::Output;
use crate::cli::args::OutputArgs;
use crate::cli::args::WriteArgs;
use crate::cli::commits;
use crate::cli::events;
use crate::cli::git_args::CommitArgs;
use crate::cli::git_args::MessageArgs;
use crate::cli::pin::targets::Meant;
use crate::cli::pin::targets::Wish;
use crate::cli::pin::version::Earlier;
use crate::cli::pin::write::Written;
use crate::cli::pin_args::PinArgs;
use crate::cli::pin_args::PinWaitArgs;
use crate::cli::pin_args::UnpinArgs;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::cli::settings;
use crate::cli::wait::Rollouts;
use crate::document;
use crate::document::receipts::DryRun;
use crate::error::Error;
use crate::error::ExitCode;
use crate::model::image::Version;
use crate::model::pin::Pin;
use crate::model::plan::Change;
use crate::model::plan::Receipt;
use crate::output::receipts;
use crate::output::text::safe;
use crate::pinning;
use crate::pinning::Image;
use crate::pinning::Terms;
use crate::pinning::Wanted;
use crate::pipeline;
use crate::pipeline::past;
use crate::pipeline::past::Subject;
use crate::writeback::Placement;
use crate::writeback::Placements;

mod follow;
mod hold;
mod prepare;
mod report;
mod targets;
mod version;
mod write;

/// One image that is pinned or let go.
struct Planned {
    /// In the order in which they are written: one, or with method `git` the hold and the version.
    changes: Vec<Change>,
    /// What is pinned.
    pin: Option<Pin>,
    /// What was pinned before.
    standing: Option<Pin>,
    placement: Placement,
    /// What is pinned is not what runs everywhere.
    awaited: bool,
}

/// What a run is about, once everything is read.
struct Work {
    selection: Selection,
    planned: Vec<Planned>,
    /// Some image that was meant is not among them; that was said.
    left_out: bool,
}

/// `pin`
pub(crate) async fn pin(session: &Session, args: PinArgs) -> Result<ExitCode, Error> {
    let targets = targets::targets(session, &args.targets, &args.write, "pin")?;
    follow::limit(&args.wait)?;
    let wishes = targets.images.iter().map(|text| targets::wish(text)).collect::<Result<Vec<_>, _>>()?;
    let earlier = Earlier::of(&args.terms);
    if let (Some(earlier), Some(wish)) = (earlier, wishes.iter().find(|wish| wish.version.is_some())) {
        return Err(Error::usage(format!("`{}` has a version, and {} finds one", wish.alias, earlier.flag())));
    }
    if wishes.is_empty() {
        let error = Error::usage("pin must be told which images to hold");
        return Err(error.hint("give their aliases after the name of the Application: ALIAS or ALIAS=TAG"));
    }
    let now = session.process.now();
    let until = args.terms.until.as_deref().map(|text| settings::until(text, now)).transpose()?;
    let terms = Terms { reason: args.terms.reason.clone(), by: None, at: now, until };
    let work = session
        .interruptible(async {
            let selection = targets::select(session, &targets).await?;
            let names: Vec<&str> = wishes.iter().map(|wish| wish.alias.as_str()).collect();
            let by = selection.cluster.as_ref().and_then(|cluster| cluster.user()).map(str::to_owned);
            let terms = Terms { by, ..terms };
            let placements = prepare::placements(session, &selection, (args.source.as_deref(), true)).await;
            let meant = if selection.selected.is_empty() {
                Vec::new()
            } else {
                targets::meant(&selection, &names, targets.by_flags)?
            };
            let (meant, mut left_out) = targets::free(session, &selection, meant, (&args.write, targets.by_flags))?;
            let each = Each { session, selection: &selection, placements: &placements, args: &args };
            let mut planned = Vec::new();
            for (meant, wanted) in each.wanted(&meant, &wishes, earlier).await {
                let one = match wanted {
                    Ok(wanted) => each.planned(meant, &wanted, terms.clone()),
                    Err(error) => Err(error),
                };
                match one {
                    Ok(one) => planned.push(one),
                    Err(error) if targets.by_flags => {
                        prepare::leave_out(session, (&meant.selected.application.key, meant.rule.label()), &error);
                        left_out = true;
                    }
                    Err(error) => return Err(error),
                }
            }
            if let (Some(cluster), false) = (&selection.cluster, planned.is_empty()) {
                session.diagnose(hold::of_old_updater(session, cluster).await.as_slice());
            }
            let how = (args.message.create_keys, targets.by_flags);
            let (planned, more) = prepare::prepared(session, &selection, planned, how).await?;
            Ok(Work { selection, planned, left_out: left_out || more })
        })
        .await??;
    if targets.by_flags && !targets::ask(session, &report::preview(&work.planned), &args.write, "Pin these images?")? {
        return Ok(ExitCode::Declined);
    }
    let how = How { output: &args.output, write: &args.write, message: &args.message, commits: &args.commits };
    finish(session, work, how, Some(&args.wait)).await
}

/// `unpin`
pub(crate) async fn unpin(session: &Session, args: UnpinArgs) -> Result<ExitCode, Error> {
    let targets = targets::targets(session, &args.targets, &args.write, "unpin")?;
    let now = session.process.now();
    let work = session
        .interruptible(async {
            let selection = targets::select(session, &targets).await?;
            let names: Vec<&str> = targets.images.iter().map(String::as_str).collect();
            let mut meant = if names.is_empty() || selection.selected.is_empty() {
                targets::pinned(&selection)
            } else {
                targets::meant(&selection, &names, targets.by_flags)?
            };
            if args.expired {
                meant.retain(|meant| meant.rule.pin.as_ref().is_some_and(|pin| pin.expired(now)));
            } else if targets.by_flags {
                meant.retain(|meant| meant.rule.pin.is_some());
            }
            if meant.is_empty() && !targets.by_flags && !args.expired {
                return Err(Error::failed("no image of the Application is pinned"));
            }
            // A hold that is taken away is nothing that a daemon overwrites.
            let (meant, mut left_out) = if args.restore_version {
                targets::free(session, &selection, meant, (&args.write, targets.by_flags))?
            } else {
                (meant, false)
            };
            let places = (args.source.as_deref(), args.restore_version);
            let placements = prepare::placements(session, &selection, places).await;
            let mut planned = Vec::new();
            for meant in meant {
                match released(session, meant, &placements, args.restore_version) {
                    Ok(one) => planned.push(one),
                    Err(error) if targets.by_flags => {
                        prepare::leave_out(session, (&meant.selected.application.key, meant.rule.label()), &error);
                        left_out = true;
                    }
                    Err(error) => return Err(error),
                }
            }
            let how = (args.message.create_keys, targets.by_flags);
            let (planned, more) = prepare::prepared(session, &selection, planned, how).await?;
            Ok(Work { selection, planned, left_out: left_out || more })
        })
        .await??;
    if targets.by_flags
        && !targets::ask(session, &report::preview(&work.planned), &args.write, "Let these images move again?")?
    {
        return Ok(ExitCode::Declined);
    }
    let how = How { output: &args.output, write: &args.write, message: &args.message, commits: &args.commits };
    finish(session, work, how, None).await
}

/// What each image of a `pin` is planned with.
struct Each<'a> {
    session: &'a Session,
    selection: &'a Selection,
    placements: &'a Placements,
    args: &'a PinArgs,
}

impl Each<'_> {
    /// The version that each image is to be held at.
    async fn wanted<'b>(
        &self,
        meant: &[Meant<'b>],
        wishes: &[Wish],
        earlier: Option<Earlier>,
    ) -> Vec<(Meant<'b>, Result<Wanted, Error>)> {
        let mut found = self.earlier(meant, earlier).await;
        let each = meant.iter().enumerate().map(|(index, one)| {
            let typed = one.word.and_then(|word| wishes[word].version.clone());
            let earlier = found.remove(&index);
            async move {
                let wanted = match (earlier, typed) {
                    (Some(Err(error)), _) => Err(error),
                    (Some(Ok(version)), _) | (None, Some(version)) => self.verified(*one, version).await,
                    (None, None) => targets::placement(self.placements, *one)
                        .and_then(|placement| version::standing(one.selected, one.rule, placement))
                        .map(Wanted::Standing),
                };
                (*one, wanted)
            }
        });
        // How many requests a registry gets at a time is its client's affair.
        futures::future::join_all(each).await
    }

    /// The versions of earlier deployments, by the number of the image.
    async fn earlier(&self, meant: &[Meant<'_>], earlier: Option<Earlier>) -> BTreeMap<usize, Result<Version, Error>> {
        let Some(earlier) = earlier else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        let mut subjects = Vec::new();
        let mut indexes = Vec::new();
        for (index, Meant { selected, rule, .. }) in meant.iter().enumerate() {
            match targets::placement(self.placements, meant[index]) {
                Ok(placement) => {
                    let login = selected.rules.git_login();
                    subjects.push(Subject { application: &selected.application, login, rule, placement });
                    indexes.push(index);
                }
                Err(error) => drop(found.insert(index, Err(error))),
            }
        }
        let versions = past::deployments(&self.selection.clients(self.session), &subjects).await;
        for ((index, subject), versions) in indexes.into_iter().zip(&subjects).zip(&versions) {
            let now = version::now(meant[index].selected, subject.rule, subject.placement);
            found.insert(index, earlier.version((subject.application, subject.rule), versions, now.as_ref()));
        }
        found
    }

    async fn verified(&self, one: Meant<'_>, version: Version) -> Result<Wanted, Error> {
        if !self.args.terms.no_verify {
            let key = &one.selected.application.key;
            version::verify(self.session, self.selection, (key, one.rule), &version).await?;
        }
        Ok(Wanted::Named(version))
    }

    fn planned(&self, one: Meant<'_>, wanted: &Wanted, terms: Terms) -> Result<Planned, Error> {
        let placement = targets::placement(self.placements, one)?;
        let (about, version) = ((one.selected, one.rule, placement), wanted.version());
        let against = hold::against_the_spec(about, version, self.args.write.force)?;
        self.session.diagnose(against.as_slice());
        self.session.diagnose(hold::before_it_is_live(about, version).as_slice());
        let (changes, pin) = pinning::pin(image(one, placement, self.placements), wanted, terms)?;
        refuse_hidden(placement, &changes)?;
        let awaited = version::live(one.selected, one.rule, placement).iter().any(|live| live != version);
        let standing = one.rule.pin.clone();
        Ok(Planned { changes, pin: Some(pin), standing, placement: placement.clone(), awaited })
    }
}

/// Refuses a version that a file in the source would hide.
fn refuse_hidden(placement: &Placement, changes: &[Change]) -> Result<(), Error> {
    match placement.overridden.as_ref().filter(|_| changes.iter().any(Change::is_rendered)) {
        Some(overridden) => Err(Error::failed(overridden.invalid().message).hint(overridden.hint())),
        None => Ok(()),
    }
}

/// What lets an image move again.
fn released(
    session: &Session,
    meant: Meant<'_>,
    placements: &Placements,
    restore_version: bool,
) -> Result<Planned, Error> {
    let placement = targets::placement(placements, meant)?;
    let unpinned = pinning::unpin(image(meant, placement, placements), restore_version)?;
    refuse_hidden(placement, &unpinned.changes)?;
    for kept in &unpinned.kept {
        session.printer.alert(&format!("note: {}", safe(kept)));
    }
    let standing = meant.rule.pin.clone();
    Ok(Planned { changes: unpinned.changes, pin: None, standing, placement: placement.clone(), awaited: false })
}

fn image<'a>(meant: Meant<'a>, placement: &'a Placement, placements: &'a Placements) -> Image<'a> {
    let Meant { selected, rule, .. } = meant;
    Image { application: &selected.application, rules: &selected.rules, rule, placement, placements }
}

/// How `pin` and `unpin` write and report.
struct How<'a> {
    output: &'a OutputArgs,
    write: &'a WriteArgs,
    message: &'a MessageArgs,
    commits: &'a CommitArgs,
}

/// Writes the changes, follows what becomes of them if that is wanted, and reports them with the pins they leave behind.
async fn finish(session: &Session, work: Work, how: How<'_>, wait: Option<&PinWaitArgs>) -> Result<ExitCode, Error> {
    let Work { selection, planned, left_out } = work;
    let undone = if left_out { ExitCode::Partial } else { selection.exit_code() };
    let cluster = selection.cluster.as_ref().ok_or_else(|| Error::failed("there is no cluster to write to"))?;
    if planned.is_empty() && left_out {
        return Err(Error::failed("nothing could be written"));
    }
    if planned.is_empty() {
        session.printer.note("nothing to change");
    }
    let all: Vec<Change> = planned.iter().flat_map(|planned| planned.changes.iter().cloned()).collect();
    let advice = pipeline::owners::advice(&selection.clients(session), &selection.selected, &all).await;
    session.diagnose(&advice);
    let commits = if all.iter().any(|change| change.git().is_some()) {
        commits::commits(session, Some(cluster), how.message, Some(how.commits)).await?
    } else {
        Commits::default()
    };
    commits::try_message(&commits, &all)?;
    let before = follow::before(cluster, &planned, wait).await;
    let Written { receipts, left_behind } =
        write::step_by_step(session, cluster, &planned, (how.write, &commits)).await?;
    events::send(session, Some(cluster), &receipts, how.write).await;
    let dry_run = apply::dry_run(how.write);
    let rollouts = match wait.filter(|_| dry_run == DryRun::None) {
        Some(wait) => follow::follow(session, cluster, (&receipts, &planned), (&before, wait)).await?,
        None => Rollouts::new(),
    };
    let resulting = |(index, (receipt, planned)): (usize, (&Receipt, Planned))| {
        // The hold is the first step of a pin, and the last of what takes one back.
        let hold_stays = left_behind.contains(&index) && planned.pin.is_some();
        if report::is_done(receipt) || hold_stays { planned.pin } else { planned.standing }
    };
    let pins: Vec<Option<Pin>> = receipts.iter().zip(planned).enumerate().map(resulting).collect();
    let document =
        Session::document(how.output.output, || document::receipts::pin_report(&receipts, (&pins, &rollouts), dry_run));
    let lines: String =
        receipts.iter().zip(&pins).map(|(receipt, pin)| report::line(receipt, pin.as_ref(), dry_run)).collect();
    let lines = lines + &receipts::rollouts(&rollouts);
    let names = (how.output.output == Output::Name).then_some(selection.namespaces);
    let code = apply::print(
        session,
        &receipts,
        Report { document, lines, names, dry: dry_run != DryRun::None, in_part: !left_behind.is_empty() },
    )?;
    Ok(code.or(undone).or(crate::cli::wait::exit_code(session, &rollouts)))
}
