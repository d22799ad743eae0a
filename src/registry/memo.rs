//! Answers that are fetched once, however many ask, also when they ask at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::OnceCell;

/// One answer per key for the life of the process, failures included.
pub(crate) struct Memo<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// Returns the answer for `key`; the first who asks makes it, the others wait for that one.
    pub(crate) async fn get<F, Fut>(&self, key: K, make: F) -> V
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = V>,
    {
        let cell = Arc::clone(locked(&self.0).entry(key).or_default());
        cell.get_or_init(make).await.clone()
    }

    /// Remembers an answer that came as a by-product; one that is there already stays.
    pub(super) fn put(&self, key: K, value: V) {
        let cell = Arc::clone(locked(&self.0).entry(key).or_default());
        // Somebody may have made it meanwhile, and what the others saw must not change.
        let _kept = cell.set(value);
    }
}

/// Locks; a panic elsewhere is not a reason to panic here.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_made_once() {
        let memo = Memo::default();
        let made = AtomicUsize::new(0);
        let ask = || {
            memo.get("key", || async {
                tokio::task::yield_now().await;
                made.fetch_add(1, Ordering::SeqCst)
            })
        };
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!((first, second, made.load(Ordering::SeqCst)), (0, 0, 1));
        memo.put("key", 7);
        memo.put("other", 8);
        assert_eq!(memo.get("key", || async { 9 }).await, 0);
        assert_eq!(memo.get("other", || async { 9 }).await, 8);
    }
}
