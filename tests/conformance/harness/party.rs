//! The parties of a row: where they run, and the forms that they use there.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::{Ended, Exhausted, Handle, Offer, Outcome, Process, Receiver, SendWaitError, Sender, WaitError};

/// Where a party runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// On an OS thread of its own.
    Thread,
    /// A task of a runtime with one thread.
    OneThread,
    /// A task of a runtime with two workers.
    TwoWorkers,
    /// One of the siblings in one task, as by `par!`.
    Sibling,
}

impl Place {
    pub(crate) const ALL: [Self; 4] = [Self::Thread, Self::OneThread, Self::TwoWorkers, Self::Sibling];

    /// The party of this place.
    pub(crate) fn party(self) -> Party {
        match self {
            Self::Thread => Party::Thread,
            _ => Party::Task,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "a thread",
            Self::OneThread => "a task of a one-thread runtime",
            Self::TwoWorkers => "a task of a two-worker runtime",
            Self::Sibling => "a sibling in one task",
        })
    }
}

/// Which forms a party uses: the blocking ones or the asynchronous ones.
///
/// The body of a party is an `async` block. On a thread it is polled once and never waits, because everything in it
/// that waits blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Party {
    Thread,
    Task,
}

impl Party {
    pub(crate) fn blocks(self) -> bool {
        self == Self::Thread
    }

    pub(crate) async fn send<T>(self, tx: &Sender<T>, value: T) -> Result<(), SendWaitError<T>> {
        match self {
            Self::Thread => tx.send_blocking(value),
            Self::Task => Ok(tx.send(value).await?),
        }
    }

    /// Sends; where the channel would lose a value, not before it has room. For channels with one sender.
    pub(crate) async fn send_with_room<T>(self, tx: &Sender<T>, value: T) -> Result<(), SendWaitError<T>> {
        // `is_full` is for sends that wait; a rendezvous has no room, and waits.
        let mut rests = 0;
        while tx.capacity().is_some_and(|capacity| capacity > 0 && tx.len() >= capacity) && !tx.is_full() {
            rests += 1;
            if rests < 8 {
                self.rest().await;
            } else {
                self.pause(Duration::from_micros(200)).await;
            }
        }
        self.send(tx, value).await
    }

    pub(crate) async fn send_from<T>(self, tx: &Sender<T>, slot: &mut Option<T>) -> Result<(), WaitError> {
        match self {
            Self::Thread => tx.send_from_blocking(slot),
            Self::Task => Ok(tx.send_from(slot).await?),
        }
    }

    pub(crate) async fn send_timeout<T>(
        self,
        tx: &Sender<T>,
        value: T,
        limit: Duration,
    ) -> Result<(), SendWaitError<T>> {
        match self {
            Self::Thread => tx.send_timeout_blocking(value, limit),
            Self::Task => tx.send_timeout(value, limit).await,
        }
    }

    pub(crate) async fn send_many<T>(self, tx: &Sender<T>, values: &mut VecDeque<T>) -> Result<(), WaitError> {
        match self {
            Self::Thread => tx.send_many_blocking(values),
            Self::Task => Ok(tx.send_many(values).await?),
        }
    }

    pub(crate) async fn closed<T>(self, tx: &Sender<T>) -> Result<Ended, WaitError> {
        match self {
            Self::Thread => tx.closed_blocking(),
            Self::Task => Ok(tx.closed().await),
        }
    }

    pub(crate) async fn recv<T>(self, rx: &Receiver<T>) -> Result<T, WaitError> {
        match self {
            Self::Thread => rx.recv_blocking(),
            Self::Task => Ok(rx.recv().await?),
        }
    }

    pub(crate) async fn next<T>(self, rx: &Receiver<T>) -> Result<Option<T>, WaitError> {
        match self {
            Self::Thread => rx.next_blocking(),
            Self::Task => rx.next().await.map_err(|poisoned| WaitError::Ended(Ended::Poisoned(poisoned))),
        }
    }

    pub(crate) async fn recv_timeout<T>(self, rx: &Receiver<T>, limit: Duration) -> Result<T, WaitError> {
        match self {
            Self::Thread => rx.recv_timeout_blocking(limit),
            Self::Task => rx.recv_timeout(limit).await,
        }
    }

    pub(crate) async fn recv_many<T>(
        self,
        rx: &Receiver<T>,
        into: &mut Vec<T>,
        limit: usize,
    ) -> Result<usize, WaitError> {
        match self {
            Self::Thread => rx.recv_many_blocking(into, limit),
            Self::Task => Ok(rx.recv_many(into, limit).await?),
        }
    }

    /// One round of a choice put together at run time.
    pub(crate) async fn select<R>(self, offer: Offer<'_, R>) -> Result<R, Exhausted> {
        match self {
            Self::Thread => offer.select_blocking().expect("this is no runtime's worker"),
            Self::Task => offer.select().await,
        }
    }

    /// The end of a process.
    pub(crate) async fn join<T>(self, handle: Handle<T>) -> Outcome<T> {
        Ok(match self {
            Self::Thread => handle.join_blocking()?,
            Self::Task => handle.await?,
        })
    }

    /// Lets the others go on.
    pub(crate) async fn rest(self) {
        match self {
            Self::Thread => std::thread::yield_now(),
            Self::Task => tokio::task::yield_now().await,
        }
    }

    /// Waits a while.
    pub(crate) async fn pause(self, time: Duration) {
        match self {
            Self::Thread => std::thread::sleep(time),
            Self::Task => tokio::time::sleep(time).await,
        }
    }

    /// Starts another party of its kind, apart: on a thread, or as a task of the same runtime.
    pub(crate) fn spawn<T, F>(self, name: &str, body: impl FnOnce(Self) -> F + Send + 'static) -> Handle<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        match self {
            Self::Thread => aqueduct::thread(name, move || at_once(body(self))).spawn(),
            Self::Task => aqueduct::task(name, body(self)).spawn(),
        }
    }
}

/// The output of a future in which everything that waits blocks.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a party on a thread has awaited something instead of blocking"),
    }
}

/// A choice: `alt_blocking!` on a thread, `alt!` in a task. The arms may `.await`.
macro_rules! choose {
    ($me:expr, $choice:expr; $($arms:tt)*) => {
        if $me.blocks() {
            aqueduct::alt_blocking! { $choice; $($arms)* }
        } else {
            aqueduct::alt! { $choice; $($arms)* }
        }
    };
}
pub(crate) use choose;
