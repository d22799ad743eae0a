//! Monotonic time for back-off, pace and token expiry, so that tests need not wait for it.
//!
//! No calendar time: what a registry dates is compared with the registry's own `Date`, never with this machine.

use std::time::Duration;
use std::time::Instant;

/// Where a registry client takes time from.
#[derive(Clone, Debug, Default)]
pub(super) enum Clock {
    #[default]
    Real,
    #[cfg(test)]
    Manual(std::sync::Arc<ManualClock>),
}

impl Clock {
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            #[cfg(test)]
            Self::Manual(clock) => clock.now(),
        }
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        match self {
            Self::Real => tokio::time::sleep(duration).await,
            #[cfg(test)]
            Self::Manual(clock) => clock.sleep(duration),
        }
    }
}

/// A clock that moves only when somebody sleeps or a test says so.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct ManualClock {
    start: Instant,
    moved: std::sync::Mutex<(Duration, Vec<Duration>)>,
}

#[cfg(test)]
impl ManualClock {
    pub(super) fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { start: Instant::now(), moved: std::sync::Mutex::default() })
    }

    fn now(&self) -> Instant {
        self.start + self.moved.lock().unwrap().0
    }

    fn sleep(&self, duration: Duration) {
        let mut moved = self.moved.lock().unwrap();
        moved.0 += duration;
        moved.1.push(duration);
    }

    /// Lets time pass without anybody sleeping.
    pub(super) fn advance(&self, duration: Duration) {
        self.moved.lock().unwrap().0 += duration;
    }

    /// Every sleep so far.
    pub(super) fn slept(&self) -> Vec<Duration> {
        self.moved.lock().unwrap().1.clone()
    }
}
