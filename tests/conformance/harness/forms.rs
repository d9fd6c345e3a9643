//! More forms of the parties: those that few rows need.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use aqueduct::sync::Member;
use aqueduct::{AltSet, Caller, Exhausted, Held, Outcome, Receiver, Sender, WaitError};

use super::party::Party;

impl Party {
    pub(crate) async fn recv_held<T>(self, rx: &Receiver<T>) -> Result<Held<'_, T>, WaitError> {
        match self {
            Self::Thread => rx.recv_held_blocking(),
            Self::Task => Ok(rx.recv_held().await?),
        }
    }

    /// One round of a choice that keeps its places.
    pub(crate) async fn select_in<R>(self, set: &mut AltSet<R>) -> Result<R, Exhausted> {
        match self {
            Self::Thread => set.select_blocking().expect("this is no runtime's worker"),
            Self::Task => set.select().await,
        }
    }

    pub(crate) async fn sync(self, member: &mut Member) -> Outcome<u64> {
        Ok(match self {
            Self::Thread => member.sync_blocking()?,
            Self::Task => member.sync().await?,
        })
    }

    pub(crate) async fn call<Q: Send + 'static, A>(self, caller: &Caller<Q, A>, request: Q) -> Outcome<A> {
        Ok(match self {
            Self::Thread => caller.call_blocking(request)?,
            Self::Task => caller.call(request).await?,
        })
    }

    /// Sends what is in the slot, and gives up soon (`Timeout`): a task by dropping the future after so many polls, a
    /// thread by a limit of so many microseconds.
    pub(crate) async fn try_sending<T>(
        self,
        tx: &Sender<T>,
        slot: &mut Option<T>,
        patience: usize,
    ) -> Result<(), WaitError> {
        match self {
            Self::Thread => tx.send_from_timeout_blocking(slot, Duration::from_micros(patience as u64)),
            Self::Task => match at_most(patience, tx.send_from(slot)).await {
                Some(sent) => Ok(sent?),
                // Dropped after it was taken, it is sent.
                None => slot.is_none().then_some(()).ok_or(WaitError::Timeout),
            },
        }
    }

    /// Receives, and gives up soon, as [`try_sending`](Self::try_sending).
    pub(crate) async fn try_receiving<T>(self, rx: &Receiver<T>, patience: usize) -> Result<T, WaitError> {
        match self {
            Self::Thread => rx.recv_timeout_blocking(Duration::from_micros(patience as u64)),
            Self::Task => match at_most(patience, rx.recv()).await {
                Some(received) => Ok(received?),
                None => Err(WaitError::Timeout),
            },
        }
    }
}

/// Polls a future so many times, with rests between, and then drops it.
pub(crate) async fn at_most<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// A process that ends when its channels retire has done what it should; nothing else is swallowed.
pub(crate) async fn until_retired(body: impl Future<Output = Outcome>) -> Outcome {
    match body.await {
        Err(exit) if exit.is_retired() => Ok(()),
        outcome => outcome,
    }
}

/// Numbers that look random, the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        Self(seed as u64)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
