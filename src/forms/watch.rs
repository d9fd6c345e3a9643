//! One state, seen by many.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::forget_before_growing;
use crate::channel::{Receiver, RecvFuture, SendError, Sender, WaitError, latest};
use crate::context::{self, Ended, Poisoned};

/// A state that its writers replace and any number of readers watch.
///
/// A reader asks for the state of now ([`get`](WatchReceiver::get)), and waits for it to be replaced
/// ([`changed`](WatchReceiver::changed), a guard of a choice). It may miss states, but never the last one.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// # aqueduct::run(async {
/// let (level, gauge) = aqueduct::watch(0);
/// let other = gauge.clone();
/// level.send(1).unwrap();
/// level.send(2).unwrap();
/// for gauge in [gauge, other] {
///     gauge.changed().await?;
///     assert_eq!(*gauge.get(), 2);
/// }
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use]
pub fn watch<T>(state: T) -> (WatchSender<T>, WatchReceiver<T>) {
    let watched =
        Arc::new(Watched(Mutex::new(Inner { state: Arc::new(state), writers: 1, ended: None, readers: Vec::new() })));
    let signal = watched.join();
    (WatchSender { watched: Arc::clone(&watched) }, WatchReceiver { watched, signal })
}

/// The state, and a channel to each reader over which it is told that there is a new one.
struct Watched<T>(Mutex<Inner<T>>);

struct Inner<T> {
    state: Arc<T>,
    writers: usize,
    /// How it ended, once no writer is left or one has failed.
    ended: Option<Ended>,
    readers: Vec<Arc<Sender<()>>>,
}

impl<T> Watched<T> {
    /// One more reader.
    fn join(&self) -> Receiver<()> {
        let (tell, signal) = latest();
        let mut inner = self.0.lock();
        match inner.ended.clone() {
            None => {
                forget_before_growing(&mut inner.readers, |reader| reader.is_ended());
                inner.readers.push(Arc::new(tell));
            }
            Some(ended) => {
                drop(inner);
                if let Ended::Poisoned(poisoned) = ended {
                    tell.poison_with(poisoned);
                }
                tell.retire();
            }
        }
        signal
    }

    /// Ends it for all readers; the first end stays.
    fn end(&self, ended: &Ended) {
        let mut inner = self.0.lock();
        inner.ended.get_or_insert_with(|| ended.clone());
        let readers = std::mem::take(&mut inner.readers);
        // Whom it wakes is not woken under the lock.
        drop(inner);
        if let Ended::Poisoned(poisoned) = ended {
            for reader in &readers {
                reader.poison_with(poisoned.clone());
            }
        }
    }
}

/// The writing end of a [`watch`]. Clone it for another writer; when the last one is gone, the watch retires.
pub struct WatchSender<T> {
    watched: Arc<Watched<T>>,
}

impl<T> WatchSender<T> {
    /// Replaces the state, and tells every reader.
    ///
    /// # Errors
    /// [`SendError`] with the state, if no reader is left, or another writer has failed.
    pub fn send(&self, state: T) -> Result<(), SendError<T>> {
        let inner = self.watched.0.lock();
        let refused = match &inner.ended {
            Some(ended) => Some(ended.clone()),
            None if inner.readers.iter().all(|reader| reader.is_ended()) => Some(Ended::Retired),
            None => None,
        };
        match refused {
            None => {
                Self::replace_and_tell(inner, state);
                Ok(())
            }
            Some(ended) => {
                drop(inner);
                Err(SendError::new(state, ended))
            }
        }
    }

    /// Replaces the state, whether there are readers or not; gives the old one.
    pub fn replace(&self, state: T) -> Arc<T> {
        Self::replace_and_tell(self.watched.0.lock(), state)
    }

    fn replace_and_tell(mut inner: MutexGuard<'_, Inner<T>>, state: T) -> Arc<T> {
        let old = std::mem::replace(&mut inner.state, Arc::new(state));
        let readers = inner.readers.clone();
        // Whoever has left is forgotten, so that readers that come and go leave nothing behind.
        inner.readers.retain(|reader| !reader.is_ended());
        drop(inner);
        // Told outside the lock, since it wakes; in whatever order, they will look at the latest state.
        for reader in readers {
            let _ = reader.try_send(());
        }
        old
    }

    /// The state of now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.watched.0.lock().state)
    }

    /// One more reader. What is there now counts as seen.
    pub fn subscribe(&self) -> WatchReceiver<T> {
        WatchReceiver { signal: self.watched.join(), watched: Arc::clone(&self.watched) }
    }

    /// Ends the watch by a failure: every reader sees it at once.
    pub fn poison(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.watched.end(&Ended::Poisoned(Poisoned(context::Cause::here(context::Reason::Poisoned(cause.into())))));
    }
}

/// The channels over which its readers are told.
impl<T> crate::Ports for WatchSender<T> {
    fn list(&self, ports: &mut crate::PortList) {
        let readers = self.watched.0.lock().readers.clone();
        ports.each(&readers);
    }
}

impl<T> crate::Ports for WatchReceiver<T> {
    fn list(&self, ports: &mut crate::PortList) {
        self.signal.list(ports);
    }
}

impl<T> Clone for WatchSender<T> {
    fn clone(&self) -> Self {
        self.watched.0.lock().writers += 1;
        Self { watched: Arc::clone(&self.watched) }
    }
}

impl<T> Drop for WatchSender<T> {
    fn drop(&mut self) {
        let last = {
            let mut inner = self.watched.0.lock();
            inner.writers -= 1;
            inner.writers == 0
        };
        if let Some(cause) = context::failing() {
            self.watched.end(&Ended::Poisoned(Poisoned(cause)));
        } else if last {
            self.watched.end(&Ended::Retired);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for WatchSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Cloned, since showing the state is the user's.
        let (state, readers) = {
            let inner = self.watched.0.lock();
            (Arc::clone(&inner.state), inner.readers.len())
        };
        f.debug_struct("WatchSender").field("state", &state).field("readers", &readers).finish()
    }
}

/// A reading end of a [`watch`]. Clone it for another reader, which sees every new state for itself.
pub struct WatchReceiver<T> {
    watched: Arc<Watched<T>>,
    signal: Receiver<()>,
}

impl<T> WatchReceiver<T> {
    /// The state of now; the last one, once the watch has ended.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.watched.0.lock().state)
    }

    /// Ready once the state has been replaced since this reader was last told; also a guard of a choice.
    ///
    /// Several replacements are told once. One that comes between this and [`get`](Self::get) is seen by the `get`,
    /// and told by the next `changed` all the same.
    ///
    /// # Errors
    /// [`Ended`]: no writer is left, and the last state has been told; or a writer has failed.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn changed(&self) -> RecvFuture<'_, ()> {
        self.signal.recv()
    }

    /// Waits for a new state; `None` once the watch is retired. For loops.
    ///
    /// # Errors
    /// [`Poisoned`], if a writer has failed.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&self) -> Result<Option<Arc<T>>, Poisoned> {
        Ok(self.signal.next().await?.map(|()| self.get()))
    }

    /// As [`next`](Self::next), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]: a writer has failed, or this thread is a runtime's worker.
    pub fn next_blocking(&self) -> Result<Option<Arc<T>>, WaitError> {
        Ok(self.signal.next_blocking()?.map(|()| self.get()))
    }

    /// Waits until the state, this one or a later one, is as wanted.
    ///
    /// # Errors
    /// [`Ended`], if it ends before.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&T) -> bool) -> Result<Arc<T>, Ended> {
        loop {
            let state = self.get();
            if wanted(&state) {
                return Ok(state);
            }
            self.changed().await?;
        }
    }

    /// As [`changed`](Self::changed), waiting no longer than `limit` from now.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the watch has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn changed_timeout(&self, limit: Duration) -> impl Future<Output = Result<(), WaitError>> {
        self.signal.recv_timeout(limit)
    }

    /// As [`changed`](Self::changed), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the watch has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn changed_deadline(&self, deadline: Instant) -> impl Future<Output = Result<(), WaitError>> {
        self.signal.recv_deadline(deadline)
    }

    /// As [`changed`](Self::changed), blocking this thread.
    ///
    /// # Errors
    /// As [`Receiver::recv_blocking`].
    pub fn changed_blocking(&self) -> Result<(), WaitError> {
        self.signal.recv_blocking()
    }

    /// As [`changed_blocking`](Self::changed_blocking), no longer than `limit`.
    ///
    /// # Errors
    /// As [`Receiver::recv_blocking`], or the time was up.
    pub fn changed_timeout_blocking(&self, limit: Duration) -> Result<(), WaitError> {
        self.signal.recv_timeout_blocking(limit)
    }

    /// As [`changed_blocking`](Self::changed_blocking), no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`Receiver::recv_blocking`], or the time was up.
    pub fn changed_deadline_blocking(&self, deadline: Instant) -> Result<(), WaitError> {
        self.signal.recv_deadline_blocking(deadline)
    }

    /// True if the state has been replaced since this reader was last told.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.signal.is_empty()
    }

    /// True if the watch has ended, and this reader has been told the last state.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.signal.is_ended()
    }
}

impl<T> Clone for WatchReceiver<T> {
    fn clone(&self) -> Self {
        Self { signal: self.watched.join(), watched: Arc::clone(&self.watched) }
    }
}

impl<T: fmt::Debug> fmt::Debug for WatchReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchReceiver").field("state", &self.get()).field("changed", &self.has_changed()).finish()
    }
}
