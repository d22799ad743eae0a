//! Which images `pin` and `unpin` are about: the words of the command line, and the Applications they lead to.

use std::collections::BTreeSet;

use crate::annotations::rule::ImageRule;
use crate::cli::apply;
use crate::cli::args::DryRunArg;
use crate::cli::args::SelectionArgs;
use crate::cli::args::WriteArgs;
use crate::cli::pin::prepare;
use crate::cli::pin_args::TargetArgs;
use crate::cli::select;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::error::Error;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::pinning;
use crate::pipeline;
use crate::run::Selected;
use crate::writeback::Placement;
use crate::writeback::Placements;

/// What the words of the command line mean.
pub(super) struct Targets {
    pub(super) selection: SelectionArgs,
    /// What is left when the Applications are taken away.
    pub(super) images: Vec<String>,
    /// Flags select, so that what is written has to be shown and asked about.
    pub(super) by_flags: bool,
}

/// Tells Applications from images: the first word names Applications unless flags select them.
///
/// # Errors
/// Neither names nor flags say what is written, and nobody can be asked.
pub(super) fn targets(session: &Session, args: &TargetArgs, write: &WriteArgs, verb: &str) -> Result<Targets, Error> {
    let flagged = args.all || args.selector.is_some() || args.scope.all_namespaces;
    let mut words = args.words.clone();
    let can_ask = session.process.can_ask() && !write.yes;
    let dry = write.dry_run != DryRunArg::None;
    let applications = match words.first() {
        Some(first) if !flagged && first.contains('=') => {
            return Err(Error::usage(format!("`{first}` is an image; name its Application first")).hint(format!(
                "for example: kubectl image-update {verb} bookstore {first}; or select with -l, -A or --all"
            )));
        }
        Some(_) if !flagged => words.remove(0).split(',').map(str::to_owned).collect(),
        None if !flagged && (verb == "pin" || !can_ask) => {
            return Err(Error::usage(format!("{verb} must be told what to write"))
                .hint("give the name of an Application, or -l, -A or --all"));
        }
        _ => Vec::new(),
    };
    let by_flags = applications.is_empty();
    if by_flags && !can_ask && !write.yes && !dry {
        return Err(Error::usage("there is no terminal to ask at").hint("give --yes, or name the Applications"));
    }
    let (scope, selector) = (args.scope.clone(), args.selector.clone());
    let selection =
        SelectionArgs { applications, scope, selector, filename: Vec::new(), recursive: false, shard: None };
    if let Some(twice) = words
        .iter()
        .enumerate()
        .find(|(index, word)| words[..*index].iter().any(|before| alias_of(before) == alias_of(word)))
    {
        return Err(Error::usage(format!("`{}` is named twice", alias_of(twice.1))));
    }
    Ok(Targets { selection, images: words, by_flags })
}

/// Finds the Applications.
pub(super) async fn select(session: &Session, targets: &Targets) -> Result<Selection, Error> {
    let selection = select::select(session, &targets.selection).await?;
    session.diagnose(&selection.diagnostics);
    Ok(selection)
}

/// The images that no `ImageUpdater` rules over, and whether others are left out for it; with `--force` all, and a
/// warning.
///
/// # Errors
/// One that was named must not be written.
pub(super) fn free<'a>(
    session: &Session,
    selection: &Selection,
    mut meant: Vec<Meant<'a>>,
    (write, by_flags): (&WriteArgs, bool),
) -> Result<(Vec<Meant<'a>>, bool), Error> {
    let managed = pipeline::managed(&selection.selected, &selection.updaters);
    if write.force {
        let keys: BTreeSet<_> = meant.iter().map(|one| &one.selected.application.key).collect();
        for key in keys.into_iter().filter(|key| managed.contains_key(key)) {
            let what = "an ImageUpdater rules over it, and does not read annotations: for a running Image Updater the hold is not in force";
            session.diagnose(&[Diagnostic::warning(pipeline::MANAGED_BY_UPDATER, what).about(key)]);
        }
        return Ok((meant, false));
    }
    let all = meant.len();
    for one in &meant {
        let key = &one.selected.application.key;
        match managed.get(key) {
            Some(why) if by_flags => prepare::leave_out(session, (key, one.rule.label()), &Error::failed(why.clone())),
            Some(why) => return Err(Error::failed(format!("{key} is not written: {why}"))),
            None => {}
        }
    }
    meant.retain(|one| !managed.contains_key(&one.selected.application.key));
    let left_out = meant.len() < all;
    Ok((meant, left_out))
}

/// What a `ALIAS[=VERSION]` argument asks for.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) alias: String,
    pub(super) version: Option<Version>,
}

fn alias_of(word: &str) -> &str {
    word.split_once('=').map_or(word, |(alias, _)| alias)
}

/// Reads `ALIAS`, `ALIAS=TAG`, `ALIAS=TAG@DIGEST` or `ALIAS=@DIGEST`.
pub(super) fn wish(text: &str) -> Result<Wish, Error> {
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

/// One image that is meant.
#[derive(Clone, Copy)]
pub(super) struct Meant<'a> {
    pub(super) selected: &'a Selected,
    pub(super) rule: &'a ImageRule,
    /// Index of the word that means it.
    pub(super) word: Option<usize>,
}

/// Finds the images that names mean, in the order of the Applications. An Application that was named must have all of
/// them; of those that flags select, some has to have each.
///
/// # Errors
/// Says which name means nothing.
pub(super) fn meant<'a>(selection: &'a Selection, names: &[&str], by_flags: bool) -> Result<Vec<Meant<'a>>, Error> {
    let mut meant: Vec<Meant<'a>> = Vec::new();
    let mut first_error: Vec<Option<Error>> = names.iter().map(|_| None).collect();
    for selected in &selection.selected {
        for (word, name) in names.iter().enumerate() {
            match pinning::entry(&selected.application, &selected.rules, name) {
                Ok(rule) => meant.push(Meant { selected, rule, word: Some(word) }),
                Err(error) if !by_flags => return Err(error),
                Err(error) => drop(first_error[word].get_or_insert(error)),
            }
        }
    }
    for (word, (name, error)) in names.iter().zip(first_error).enumerate() {
        let Some(error) = error.filter(|_| meant.iter().all(|one| one.word != Some(word))) else { continue };
        let is_application = selection.selected.iter().any(|selected| selected.application.key.name == **name);
        let missing = Error::usage(format!("no Application of the selection has an image `{name}`"));
        return Err(match error.hints.into_iter().next() {
            _ if is_application => {
                missing.hint(format!("`{name}` is an Application: name it without -l, -A and --all"))
            }
            Some(hint) => missing.hint(hint),
            None => missing,
        });
    }
    Ok(meant)
}

/// Every image of the selection that is pinned.
pub(super) fn pinned(selection: &Selection) -> Vec<Meant<'_>> {
    let images =
        selection.selected.iter().flat_map(|selected| selected.rules.images.iter().map(move |rule| (selected, rule)));
    let pinned = images.filter(|(_, rule)| rule.pin.is_some());
    pinned.map(|(selected, rule)| Meant { selected, rule, word: None }).collect()
}

/// Where an image is written.
///
/// # Errors
/// Says why it cannot be, or is not known.
pub(super) fn placement<'a>(placements: &'a Placements, meant: Meant<'_>) -> Result<&'a Placement, Error> {
    let rule = meant.rule;
    let about = |what: &str| Error::failed(format!("`{}`: {what}", rule.label()));
    let placement = match placements.get(&(meant.selected.application.key.clone(), rule.position)) {
        Some(Ok(placement)) => placement,
        Some(Err(invalid)) => return Err(about(&invalid.message)),
        None => return Err(about("it is not known where it is written")),
    };
    match (&placement.unread, placement.renderer) {
        (Some(unread), _) => Err(about(&unread.message)),
        (None, None) => Err(about("it is not known what renders its source, and so not how it is written")),
        (None, Some(_)) => Ok(placement),
    }
}

/// Shows what flags selected, and asks; says whether it is to be written.
///
/// # Errors
/// The user interrupts.
pub(super) fn ask(session: &Session, lines: &[String], write: &WriteArgs, question: &str) -> Result<bool, Error> {
    if write.yes || write.dry_run != DryRunArg::None || lines.is_empty() {
        return Ok(true);
    }
    session.printer.alert(&lines.concat());
    let yes = apply::ask(question)?;
    if !yes {
        session.printer.alert("nothing was written");
    }
    Ok(yes)
}
