//! Manners: how fast, how many at once, and how often again a host is asked.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use http::HeaderMap;
use http::StatusCode;
use http::header::DATE;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;

use crate::registry::clock::Clock;
use crate::registry::error::Failure;
use crate::registry::memo::locked;

/// How often a request is sent before its failure is believed.
pub(super) const ATTEMPTS: u32 = 5;
/// How often when each attempt may take its time: a host that nobody listens at, or that does not answer.
pub(super) const PATIENT_ATTEMPTS: u32 = 2;
/// Longest wait that a `Retry-After` may ask for and get.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first wait, before jitter; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Busy answers that come this close together are one event, and halve the requests in flight once.
const ONE_EVENT: Duration = Duration::from_secs(1);

/// One host that requests are sent to, and how it bears them.
pub(super) struct Host {
    permits: Semaphore,
    state: Mutex<State>,
}

struct State {
    /// Requests that may be in flight.
    width: usize,
    /// As many as may ever be.
    full: usize,
    /// Good answers since the width was changed.
    good: usize,
    /// Least time between two requests.
    interval: Option<Duration>,
    /// No request before this.
    free_at: Option<Instant>,
    halved_at: Option<Instant>,
    /// Requests sent.
    spent: usize,
    /// Requests that the host says it will still answer.
    left: Option<u64>,
    /// What its clock said last.
    time: Option<Timestamp>,
    /// One request went through all its attempts: the next ones get a single one.
    tired: bool,
    /// Nobody listens there: what is sent next fails at once, for the same reason.
    down: Option<Failure>,
}

impl Host {
    pub(super) fn new(width: usize) -> Self {
        let width = width.max(1);
        let state = State {
            width,
            full: width,
            good: 0,
            interval: None,
            free_at: None,
            halved_at: None,
            spent: 0,
            left: None,
            time: None,
            tired: false,
            down: None,
        };
        Self { permits: Semaphore::new(width), state: Mutex::new(state) }
    }

    /// From now on, at most so many requests a second.
    pub(super) fn keep_rate(&self, requests_per_second: u32) {
        locked(&self.state).interval = Some(Duration::from_secs(1) / requests_per_second.max(1));
    }

    /// Waits until a request may be sent, and counts it.
    ///
    /// The permit is held while the request waits for its moment: requests leave evenly spaced, never in a burst.
    ///
    /// # Errors
    /// If the host turned out not to listen.
    pub(super) async fn turn(&self, clock: &Clock) -> Result<SemaphorePermit<'_>, Failure> {
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        loop {
            let wait = {
                let mut state = locked(&self.state);
                if let Some(failure) = &state.down {
                    return Err(failure.clone());
                }
                let now = clock.now();
                let Some(at) = state.free_at.filter(|at| *at > now) else {
                    state.free_at = state.interval.map(|interval| now + interval);
                    state.spent += 1;
                    return Ok(permit);
                };
                at - now
            };
            clock.sleep(wait).await;
        }
    }

    /// The host said that it is too busy (429, 503): ask less at once, and nobody before `wait` is over.
    pub(super) fn busy(&self, wait: Option<Duration>, now: Instant) {
        let mut state = locked(&self.state);
        if let Some(wait) = wait {
            state.free_at = state.free_at.max(Some(now + wait));
        }
        if state.halved_at.is_none_or(|at| now.saturating_duration_since(at) > ONE_EVENT) {
            state.halved_at = Some(now);
            state.good = 0;
            let fewer = state.width / 2;
            // A permit that is in use now cannot be taken back; what is left of them is.
            state.width -= self.permits.forget_permits(fewer.min(state.width - 1));
        }
    }

    /// The host answered as it should: after a round of such answers, one more may be in flight again.
    pub(super) fn fine(&self, now: Instant) {
        let mut state = locked(&self.state);
        let calm = state.halved_at.is_none_or(|at| now.saturating_duration_since(at) > ONE_EVENT);
        if state.width == state.full || !calm {
            return;
        }
        state.good += 1;
        if state.good >= state.width {
            state.good = 0;
            state.width += 1;
            self.permits.add_permits(1);
        }
    }

    pub(super) fn gave_up(&self) {
        locked(&self.state).tired = true;
    }

    pub(super) fn down(&self, failure: &Failure) {
        locked(&self.state).down.get_or_insert_with(|| failure.clone());
    }

    pub(super) fn attempts(&self) -> u32 {
        if locked(&self.state).tired { 1 } else { ATTEMPTS }
    }

    /// Notes what the host says is left; answers come in no order, so the least counts.
    pub(super) fn left(&self, requests: u64) {
        let mut state = locked(&self.state);
        state.left = Some(state.left.map_or(requests, |left| left.min(requests)));
    }

    pub(super) fn requests_left(&self) -> Option<u64> {
        locked(&self.state).left
    }

    pub(super) fn tells(&self, time: Timestamp) {
        let mut state = locked(&self.state);
        // Of two answers the one that was written later, however they came in.
        state.time = state.time.max(Some(time));
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        locked(&self.state).time
    }

    pub(super) fn spent(&self) -> usize {
        locked(&self.state).spent
    }
}

/// Whether the same question may be answered a little later.
pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// How long to wait before the attempt after `attempt` (from 1); `None`: longer than anybody should be kept waiting.
pub(super) fn wait(attempt: u32, retry_after: Option<Duration>) -> Option<Duration> {
    let backoff = FIRST_WAIT * 2_u32.saturating_pow(attempt.saturating_sub(1)).min(64);
    // Half of it is left to chance, so that those turned away together do not come back together.
    let chance = RandomState::new().hash_one(attempt) % 1024;
    let jittered = backoff / 2 + (backoff / 2) * u32::try_from(chance).unwrap_or(0) / 1024;
    match retry_after {
        Some(asked) => (asked <= PATIENCE).then(|| asked.max(jittered.min(Duration::from_millis(50)))),
        None => Some(jittered),
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), the date counted from the answer's own `Date`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok()).map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(value)?;
    let now = http_date(text(DATE)?)?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// How many more requests a host will answer, as Docker Hub says it: `ratelimit-remaining: 76;w=21600`.
pub(super) fn requests_left(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("ratelimit-remaining")?.to_str().ok()?;
    value.split(';').next()?.trim().parse().ok()
}

/// When an answer was written, by the clock of who wrote it.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?.trim())
}

/// The date format of HTTP, `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::clock::ManualClock;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (retry, date, expected) in [
            (None, None, None),
            (Some("0"), None, Some(0)),
            (Some(" 7 "), None, Some(7)),
            (Some("99999999999"), None, Some(99_999_999_999)),
            (Some("-1"), None, None),
            (Some("soon"), None, None),
            (Some("99999999999999999999999"), None, None),
            (Some("Sun, 06 Nov 1994 08:50:37 GMT"), Some(date), Some(60)),
            (Some("Sun, 06 Nov 1994 08:48:37 GMT"), Some(date), Some(0)),
            (Some("Sun, 06 Nov 1994 08:50:37 GMT"), None, None),
            (Some("Sun, 06 Nov 1994 08:50:37 GMT"), Some("?"), None),
        ] {
            let mut headers = HeaderMap::new();
            retry.map(|value| headers.insert(RETRY_AFTER, value.parse().unwrap()));
            date.map(|value| headers.insert(DATE, value.parse().unwrap()));
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{retry:?} {date:?}");
        }
    }

    #[test]
    fn what_is_left_is_read() {
        for (value, expected) in
            [("76;w=21600", Some(76)), ("0", Some(0)), ("", None), ("many", None), ("-1;w=1", None)]
        {
            let mut headers = HeaderMap::new();
            headers.insert("ratelimit-remaining", value.parse().unwrap());
            assert_eq!(requests_left(&headers), expected, "{value}");
        }
        assert_eq!(requests_left(&HeaderMap::new()), None);
    }

    #[test]
    fn waits_grow_and_have_a_limit() {
        for attempt in 1..200 {
            let full = FIRST_WAIT * 2_u32.saturating_pow(attempt - 1).min(64);
            let wait = wait(attempt, None).unwrap();
            assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
        }
        assert_eq!(wait(1, Some(Duration::from_secs(60))), Some(Duration::from_secs(60)));
        assert_eq!(wait(1, Some(Duration::from_secs(61))), None);
        assert!(wait(1, Some(Duration::ZERO)).unwrap() > Duration::ZERO);
    }

    #[tokio::test]
    async fn a_rate_is_kept_to_the_letter() {
        let manual = ManualClock::new();
        let clock = Clock::Manual(std::sync::Arc::clone(&manual));
        let host = Host::new(16);
        host.keep_rate(10);
        for _ in 0..5 {
            drop(host.turn(&clock).await.unwrap());
        }
        assert_eq!(manual.slept(), [Duration::from_millis(100); 4]);
        assert_eq!(host.spent(), 5);
    }

    #[tokio::test]
    async fn a_busy_host_is_asked_less_and_later() {
        let manual = ManualClock::new();
        let clock = Clock::Manual(std::sync::Arc::clone(&manual));
        let host = Host::new(16);
        host.busy(Some(Duration::from_secs(3)), clock.now());
        host.busy(None, clock.now());
        assert_eq!(host.permits.available_permits(), 8);
        let permit = host.turn(&clock).await.unwrap();
        assert_eq!(manual.slept(), [Duration::from_secs(3)]);
        for expected in [3, 1, 0, 0, 0] {
            manual.advance(Duration::from_secs(2));
            host.busy(None, clock.now());
            assert_eq!(host.permits.available_permits(), expected);
        }
        drop(permit);
        assert_eq!(host.permits.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_host_that_bears_it_again_is_asked_more() {
        let manual = ManualClock::new();
        let clock = Clock::Manual(std::sync::Arc::clone(&manual));
        let host = Host::new(4);
        host.busy(None, clock.now());
        for _ in 0..10 {
            host.fine(clock.now());
        }
        assert_eq!(host.permits.available_permits(), 2, "too soon");
        manual.advance(Duration::from_secs(2));
        for expected in [2, 3, 3, 3, 4, 4, 4, 4, 4, 4] {
            host.fine(clock.now());
            assert_eq!(host.permits.available_permits(), expected);
        }
        host.busy(None, clock.now());
        assert_eq!(host.permits.available_permits(), 2);
    }

    #[tokio::test]
    async fn who_does_not_listen_is_not_asked_again() {
        let host = Host::new(16);
        host.down(&Failure::unreachable("first"));
        host.down(&Failure::unreachable("second"));
        assert_eq!(host.turn(&Clock::Real).await.unwrap_err().message, "first");
        assert_eq!(host.spent(), 0);
    }
}
