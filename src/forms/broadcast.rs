//! One value for everybody.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::forget_before_growing;
use crate::channel::{
    Channel, Limit, Receiver, Refused, SendError, SendFuture, SendWaitError, Sender, TrySendError, WaitError, may_block,
};
use crate::context::{self, Ended, Poisoned};
use crate::time::After;
use crate::wait::block_on;

/// A channel on which every receiver gets every value, each over a queue of its own with room for `capacity`.
///
/// A send waits for the slowest: nothing is lost. For slow readers that may miss some, take a policy that drops:
/// [`Channel::sliding(n).broadcast()`](Channel::broadcast). The receivers are ordinary ones. Make more by
/// [`BroadcastSender::subscribe`]; a *clone* of one shares its queue, so that each value goes to one of the two.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// # aqueduct::run(async {
/// let (news, reader) = aqueduct::broadcast(4);
/// let other = news.subscribe();
/// news.send("extra").await?;
/// assert_eq!((reader.recv().await?, other.recv().await?), ("extra", "extra"));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use]
pub fn broadcast<T: Clone>(capacity: usize) -> (BroadcastSender<T>, Receiver<T>) {
    Channel::buffered(capacity).broadcast()
}

impl<T> Channel<T> {
    /// Makes a broadcast: every receiver gets every value, over a queue of its own with this policy, name and hook.
    ///
    /// See [`broadcast`].
    #[must_use]
    pub fn broadcast(self) -> (BroadcastSender<T>, Receiver<T>)
    where
        T: Clone,
    {
        let shared = Arc::new(Shared {
            queue: self,
            state: Mutex::new(State { outlets: Vec::new(), poison: None }),
            turn: Arc::default(),
        });
        let sender = BroadcastSender { shared };
        let receiver = sender.subscribe();
        (sender, receiver)
    }
}

struct Shared<T> {
    /// The queue of each receiver.
    queue: Channel<T>,
    state: Mutex<State<T>>,
    /// Whose send it is: all receivers see the values of several senders in one order.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct State<T> {
    outlets: Vec<Arc<Sender<T>>>,
    /// The first failure, for receivers that come late.
    poison: Option<Poisoned>,
}

impl<T> Shared<T> {
    /// The receivers of now; those that have left are forgotten.
    ///
    /// # Errors
    /// How it ended: no receiver is left, or somebody has failed, of which all are told.
    fn outlets(&self) -> Result<Vec<Arc<Sender<T>>>, Ended> {
        let (mut failure, outlets) = {
            let mut state = self.state.lock();
            let mut failure = state.poison.clone();
            state.outlets.retain(|outlet| match outlet.ended() {
                None => true,
                Some(Ended::Retired) => false,
                Some(Ended::Poisoned(poisoned)) => {
                    failure.get_or_insert(poisoned);
                    true
                }
            });
            (failure, state.outlets.clone())
        };
        if let Some(poisoned) = failure.take() {
            self.poison(&poisoned);
            return Err(Ended::Poisoned(poisoned));
        }
        if outlets.is_empty() { Err(Ended::Retired) } else { Ok(outlets) }
    }

    fn poison(&self, poisoned: &Poisoned) {
        let (poisoned, outlets) = {
            let mut state = self.state.lock();
            (state.poison.get_or_insert_with(|| poisoned.clone()).clone(), state.outlets.clone())
        };
        // Outside the lock, since it wakes.
        for outlet in outlets {
            outlet.poison_with(poisoned.clone());
        }
    }
}

/// The sending end of a [`broadcast`]. Clone it for another sender; when the last one is gone, the broadcast retires.
pub struct BroadcastSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T: Clone> BroadcastSender<T> {
    /// Sends a value to every receiver of now; done when each has taken it, or its queue has.
    ///
    /// It is not for a choice: it is many communications, and if another guard is taken they may have begun.
    ///
    /// # Errors
    /// [`SendError`] with the value: no receiver is left; or a receiver or a sender has failed, of which all are told. (A
    /// receiver that leaves while it is waited for is not waited for any more.)
    ///
    /// # Cancel safety
    /// All or nothing: dropped before a receiver has taken the value, the value is dropped; after, it goes into the
    /// queues of the others at once, beyond their capacity if need be.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.deliver(value, None).await.map_err(|error| {
            let (value, reason) = error.into_parts();
            match reason {
                WaitError::Ended(ended) => SendError::new(value, ended),
                WaitError::Timeout | WaitError::OnRuntimeWorker => unreachable!("without a limit it waits"),
            }
        })
    }

    async fn deliver(&self, value: T, timer: Option<After>) -> Result<(), SendWaitError<T>> {
        let mut timer = pin!(timer);
        let mut is_late = move |cx: &mut Context<'_>| match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|_| ()),
            None => Poll::Pending,
        };
        let mut turn = pin!(Arc::clone(&self.shared.turn).lock_owned());
        let turn = poll_fn(|cx| match turn.as_mut().poll(cx) {
            Poll::Ready(turn) => Poll::Ready(Some(turn)),
            Poll::Pending => is_late(cx).map(|()| None),
        })
        .await;
        let Some(_turn) = turn else { return Err(SendError::new(value, WaitError::Timeout)) };
        let outlets = match self.shared.outlets() {
            Ok(outlets) => outlets,
            Err(ended) => return Err(SendError::new(value, ended.into())),
        };
        let mut delivery = Delivery::new(&value, &outlets);
        let finished = poll_fn(|cx| match delivery.poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => is_late(cx).map(|()| false),
        })
        .await;
        // A receiver may have taken it since the last look: only withdrawing tells.
        delivery.withdraw();
        let begun = delivery.begun;
        drop(delivery);
        // A receiver's failure is the broadcast's.
        if let Err(Ended::Poisoned(poisoned)) = self.shared.outlets() {
            return Err(SendError::new(value, Ended::Poisoned(poisoned).into()));
        }
        match (begun, finished) {
            (true, _) => Ok(()),
            // Whoever was there has left without it.
            (false, true) => Err(SendError::new(value, Ended::Retired.into())),
            (false, false) => Err(SendError::new(value, WaitError::Timeout)),
        }
    }

    /// As [`send`](Self::send), waiting no longer than `limit` from now.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the time was up before a receiver had taken it.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send). At the limit, what has begun is finished at once, as there.
    pub fn send_timeout(&self, value: T, limit: Duration) -> impl Future<Output = Result<(), SendWaitError<T>>> {
        self.send_limited(value, Limit::For(limit))
    }

    /// As [`send`](Self::send), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the time was up before a receiver had taken it.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send). At the deadline, what has begun is finished at once, as there.
    pub fn send_deadline(&self, value: T, deadline: Instant) -> impl Future<Output = Result<(), SendWaitError<T>>> {
        self.send_limited(value, Limit::Until(deadline))
    }

    fn send_limited(&self, value: T, limit: Limit) -> impl Future<Output = Result<(), SendWaitError<T>>> {
        self.deliver(value, Some(limit.timer()))
    }

    /// As [`send`](Self::send), blocking this thread.
    ///
    /// # Errors
    /// As [`send`](Self::send), or this thread is a runtime's worker.
    pub fn send_blocking(&self, value: T) -> Result<(), SendWaitError<T>> {
        self.send_limited_blocking(value, Limit::Forever)
    }

    /// As [`send_blocking`](Self::send_blocking), no longer than `limit`.
    ///
    /// # Errors
    /// As [`send_blocking`](Self::send_blocking), or the time was up.
    pub fn send_timeout_blocking(&self, value: T, limit: Duration) -> Result<(), SendWaitError<T>> {
        self.send_limited_blocking(value, Limit::For(limit))
    }

    /// As [`send_blocking`](Self::send_blocking), no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`send_blocking`](Self::send_blocking), or the time was up.
    pub fn send_deadline_blocking(&self, value: T, deadline: Instant) -> Result<(), SendWaitError<T>> {
        self.send_limited_blocking(value, Limit::Until(deadline))
    }

    fn send_limited_blocking(&self, value: T, limit: Limit) -> Result<(), SendWaitError<T>> {
        if let Err(error) = may_block() {
            return Err(SendError::new(value, error));
        }
        block_on(self.send_limited(value, limit))
    }

    /// Sends a value to every receiver, if each has room for it now. A broadcast without queues has never room.
    ///
    /// # Errors
    /// [`TrySendError`] with the value: a receiver has no room, another sender is at work, or as [`send`](Self::send).
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let Ok(_turn) = self.shared.turn.try_lock() else { return Err(SendError::new(value, Refused::Full)) };
        let outlets = match self.shared.outlets() {
            Ok(outlets) => outlets,
            Err(ended) => return Err(SendError::new(value, ended.into())),
        };
        // While it is our turn there can only be more room.
        if outlets.iter().any(|outlet| outlet.is_full()) {
            return Err(SendError::new(value, Refused::Full));
        }
        for outlet in outlets {
            // One that has left meanwhile does not want it.
            let _ = outlet.try_send(value.clone());
        }
        Ok(())
    }

    /// One more receiver, of what is sent from now on. After a failure it sees that.
    pub fn subscribe(&self) -> Receiver<T> {
        let (outlet, receiver) = self.shared.queue.open_another();
        let mut state = self.shared.state.lock();
        match state.poison.clone() {
            None => {
                forget_before_growing(&mut state.outlets, |outlet| outlet.is_ended());
                state.outlets.push(Arc::new(outlet));
            }
            Some(poisoned) => {
                drop(state);
                outlet.poison_with(poisoned);
            }
        }
        receiver
    }

    /// How many receivers there are.
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.shared.state.lock().outlets.iter().filter(|outlet| !outlet.is_ended()).count()
    }
}

impl<T> BroadcastSender<T> {
    /// Ends the broadcast by a failure: every receiver sees it at once.
    pub fn poison(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.shared.poison(&Poisoned(context::Cause::here(context::Reason::Poisoned(cause.into()))));
    }
}

/// The channels to its receivers.
impl<T> crate::Ports for BroadcastSender<T> {
    fn list(&self, ports: &mut crate::PortList) {
        let outlets = self.shared.state.lock().outlets.clone();
        ports.each(&outlets);
    }
}

/// A receiver that had no room at once, and the send that waits for it.
type Waiting<'a, T> = (&'a Sender<T>, Pin<Box<SendFuture<'a, T>>>);

/// One value on its way to every receiver.
struct Delivery<'a, T> {
    /// Those that have not taken it yet.
    waiting: Vec<Waiting<'a, T>>,
    begun: bool,
}

impl<'a, T> Delivery<'a, T> {
    fn new(value: &T, outlets: &'a [Arc<Sender<T>>]) -> Self
    where
        T: Clone,
    {
        // All copies first: making one is the user's, and may panic.
        let copies: Vec<T> = outlets.iter().map(|_| value.clone()).collect();
        let mut delivery = Self { waiting: Vec::new(), begun: false };
        for (outlet, copy) in outlets.iter().zip(copies) {
            match outlet.try_send(copy) {
                Ok(()) => delivery.begun = true,
                Err(refused) if refused.is_full() => {
                    delivery.waiting.push((outlet, Box::pin(outlet.send(refused.into_inner()))));
                }
                // It has left.
                Err(_) => {}
            }
        }
        delivery
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { waiting, begun } = self;
        waiting.retain_mut(|(_, send)| match send.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(sent) => {
                *begun |= sent.is_ok();
                false
            }
        });
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes back what nobody has taken; if somebody has, the others get it at once.
    fn withdraw(&mut self) {
        let mut left = Vec::new();
        for (outlet, mut send) in self.waiting.drain(..) {
            match send.as_mut().withdraw() {
                Err(copy) => left.push((outlet, copy)),
                Ok(delivered) => self.begun |= delivered,
            }
        }
        if self.begun {
            for (outlet, copy) in left {
                outlet.send_beyond(copy);
            }
        }
    }
}

impl<T> Drop for Delivery<'_, T> {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl<T> Clone for BroadcastSender<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for BroadcastSender<T> {
    fn drop(&mut self) {
        if let Some(cause) = context::failing() {
            self.shared.poison(&Poisoned(cause));
        }
    }
}

impl<T> fmt::Debug for BroadcastSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastSender")
            .field("outlets", &self.shared.state.lock().outlets.len())
            .finish_non_exhaustive()
    }
}
