//! From arguments and environment to settings that were checked: everything that can be wrong with a command line is
//! said here, before anything is asked of anybody.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anstream::ColorChoice;
use jiff::SignedDuration;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::cli::args::Color;
use crate::cli::args::ConnectionArgs;
use crate::cli::args::GeneralArgs;
use crate::cluster::endpoint::Proxies;
use crate::cluster::settings::ConnectionSettings;
use crate::error::Error;
use crate::output::Colors;
use crate::output::Telling;
use crate::process::Process;
use crate::registry::DockerConfig;
use crate::registry::RegistrySettings;
use crate::registry::Unusable;

/// The settings for the connection to the API server.
///
/// # Errors
/// A flag has a value that it cannot have.
pub(crate) fn connection(
    args: ConnectionArgs,
    process: &Process,
    namespace: Option<String>,
) -> Result<ConnectionSettings, Error> {
    let ConnectionArgs {
        kubeconfig,
        context,
        cluster,
        user,
        server,
        token,
        certificate_authority,
        tls_server_name,
        insecure_skip_tls_verify,
        impersonate,
        impersonate_groups,
        impersonate_uid,
        request_timeout,
        argocd_namespace: _,
    } = args;
    if impersonate.is_none() && (!impersonate_groups.is_empty() || impersonate_uid.is_some()) {
        return Err(Error::usage("--as-group and --as-uid need --as"));
    }
    let request_timeout = request_timeout.map(|text| duration("--request-timeout", &text)).transpose()?;
    let secret = |names: [&str; 2]| names.iter().find_map(|name| process.variable(name)).map(SecretString::from);
    Ok(ConnectionSettings {
        kubeconfig,
        context,
        cluster,
        user,
        server,
        token: token.map(SecretString::from),
        certificate_authority,
        tls_server_name,
        insecure_skip_tls_verify,
        impersonate,
        impersonate_groups,
        impersonate_uid,
        request_timeout,
        namespace,
        kubeconfig_list: process.variable("KUBECONFIG").map(Into::into),
        home: process.home(),
        proxies: Proxies {
            https: secret(["HTTPS_PROXY", "https_proxy"]),
            http: secret(["HTTP_PROXY", "http_proxy"]),
            no: ["NO_PROXY", "no_proxy"].iter().find_map(|name| process.variable(name)).map(str::to_owned),
        },
    })
}

/// The settings for registries, the caller's docker config among them.
///
/// # Errors
/// `--timeout` is not a duration.
pub(crate) fn registries(args: &GeneralArgs, process: &Process) -> Result<RegistrySettings, Error> {
    let mut settings = RegistrySettings::new(concat!("kubectl-image-update/", env!("CARGO_PKG_VERSION")).to_owned());
    settings.docker_config = docker_config(process);
    settings.helpers.environment =
        process.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    settings.trusted_realms.clone_from(&args.trust_realms);
    settings.cache = cache_folder(process).filter(|_| !args.no_cache);
    let limit = args.timeout.as_deref().map(|text| duration("--timeout", text)).transpose()?;
    // A registry that keeps silent leaves a tenth of the time to tell what the others said.
    settings.deadline = limit.filter(|limit| !limit.is_zero()).map(|limit| Instant::now() + limit / 10 * 9);
    Ok(settings)
}

/// The caller's docker config; one that is not there holds nothing, and one that cannot be used is told of by the images
/// that would need it.
fn docker_config(process: &Process) -> Result<DockerConfig, Unusable> {
    let folder = process.variable("DOCKER_CONFIG").map(PathBuf::from);
    let Some(folder) = folder.or_else(|| process.home().map(|home| home.join(".docker"))) else {
        return Ok(DockerConfig::default());
    };
    let path = folder.join("config.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => DockerConfig::parse(&text).map_err(|why| Unusable::Malformed(format!("{}: {why}", path.display()))),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(DockerConfig::default()),
            ErrorKind::InvalidData => Err(Unusable::Malformed(format!("{}: not text", path.display()))),
            _ => Err(Unusable::Unread(format!("the docker config {} cannot be read: {error}", path.display()))),
        },
    }
}

/// Where programs keep what they can do without: the XDG Base Directory Specification, and what macOS and Windows have
/// instead.
fn cache_folder(process: &Process) -> Option<PathBuf> {
    let folder = if cfg!(target_os = "windows") {
        process.variable("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        process.home().map(|home| home.join("Library/Caches"))
    } else {
        // Relative ones are to be ignored.
        let named = process.variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        named.or_else(|| process.home().map(|home| home.join(".cache")))
    };
    folder.map(|folder| folder.join("kubectl-image-update").join("registry"))
}

/// A duration as kubectl reads one: a number of seconds, or numbers with units.
///
/// # Errors
/// Says which flag has a value that is not one.
pub(crate) fn duration(flag: &str, text: &str) -> Result<Duration, Error> {
    let wrong = || Error::usage(format!("{flag}: `{text}` is not a duration")).hint("for example 30s, 5m or 1h30m");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

/// The end of a pin: a date (when it begins, in UTC), a time (in UTC unless it says otherwise), or a duration from `now`, in which a day has 24 hours.
///
/// # Errors
/// The text is none of them, or not in the future.
pub(crate) fn until(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    let wrong = |why: &str| {
        Error::usage(format!("--until: `{text}` {why}")).hint("for example 2026-12-24, 2026-12-24T18:00:00Z or 7d")
    };
    let end = if let Ok(time) = text.parse::<Timestamp>() {
        time
    } else if let Ok(time) = text.parse::<jiff::civil::DateTime>() {
        time.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong("is out of range"))?.timestamp()
    } else {
        let span: jiff::Span = text.parse().map_err(|_| wrong("is neither a date nor a duration"))?;
        let duration = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| wrong("cannot be added to the time now"))?;
        now.checked_add(duration).map_err(|_| wrong("is out of range"))?
    };
    if end <= now { Err(wrong("is not in the future")) } else { Ok(end) }
}

/// Whether a stream is colored: as asked, else if it is a terminal that shows color and nobody objects.
pub(crate) fn colored(color: Color, terminal: bool, process: &Process) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal
                && process.variable("NO_COLOR").is_none()
                && process.variable("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether each of the two streams is colored.
pub(crate) fn colors(color: Color, process: &Process) -> Colors {
    let choice = |terminal| if colored(color, terminal, process) { ColorChoice::Always } else { ColorChoice::Never };
    Colors { stdout: choice(process.stdout_is_terminal), stderr: choice(process.stderr_is_terminal) }
}

/// How the run tells what it is at: line by line at `-v`, else on a line of the terminal that can be redrawn.
pub(crate) fn telling(general: &GeneralArgs, process: &Process) -> Telling {
    let can_redraw = process.stderr_is_terminal && process.variable("TERM") != Some("dumb");
    match (general.quiet, general.verbose) {
        (false, 1..) => Telling::Lines,
        (false, 0) if can_redraw => Telling::Line,
        _ => Telling::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("5", Some(5)),
            ("5s", Some(5)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("soon", None),
            ("-5s", None),
            ("", None),
        ] {
            assert_eq!(duration("--x", text).ok(), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_pin_ends_on_a_date_at_a_time_or_after_a_while() {
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-12-24", Some("2026-12-24T00:00:00Z")),
            ("2026-12-24T18:00", Some("2026-12-24T18:00:00Z")),
            ("2026-12-24 18:00:00", Some("2026-12-24T18:00:00Z")),
            ("2026-12-24T18:00:00Z", Some("2026-12-24T18:00:00Z")),
            ("2026-12-24T18:00:00+02:00", Some("2026-12-24T16:00:00Z")),
            ("7d", Some("2026-11-29T09:00:00Z")),
            ("2w", Some("2026-12-06T09:00:00Z")),
            ("90m", Some("2026-11-22T10:30:00Z")),
            ("2026-11-21", None),
            ("-1d", None),
            ("1 month", None),
            ("someday", None),
            ("", None),
        ] {
            let expected = expected.map(|text| text.parse::<Timestamp>().unwrap());
            assert_eq!(until(text, now).ok(), expected, "{text}");
        }
    }
}
