//! A barrier in two steps: to arrive, and to wait for the others.
//!
//! A phase is over when every member has arrived in it. To *arrive* never waits and cannot be taken back; what one waits
//! for is the *phase*, which may stand in a choice: its end is an event that stays true, so looking at it takes nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::channel::{WaitError, may_block};
use crate::context::{self, Cause, Ended, Poisoned, Reason};
use crate::wait::{Wakes, block_on, poll_proceed};

/// Where a number of processes meet, again and again: nobody begins the next phase before all have arrived in this one.
///
/// Each process holds a [`Member`]. Processes may enrol and resign at any time; who resigns is not waited for. A process
/// that fails, or is cancelled, poisons the barrier: the others see the failure instead of waiting for ever.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::sync::{Barrier, Member};
///
/// #[process]
/// async fn step(mut member: Member, log: Sender<u64>) -> Outcome {
///     for _ in 0..3 {
///         let phase = member.sync().await?;
///         log.send(phase).await?;
///     }
///     Ok(())                              // resigns
/// }
///
/// # aqueduct::run(async {
/// let (log, seen) = aqueduct::unbounded();
/// let barrier = Barrier::new();
/// // All enrol before the first begins: else it would be alone, and go ahead.
/// let (one, other) = (barrier.enrol(), barrier.enrol());
/// par!(step(one, log.clone()), step(other, log)).await?;
/// assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Barrier {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The number of the phase that goes on.
    phase: u64,
    members: usize,
    /// How many of them have arrived in it.
    arrived: usize,
    /// Those who wait for its end, by their places.
    waiting: Vec<Option<Waker>>,
    /// Places in `waiting` that belong to nobody.
    free: Vec<usize>,
    poison: Option<Poisoned>,
}

impl State {
    /// Ends the phase if everybody is there; gives whom to wake, outside the lock.
    fn advance(&mut self) -> Vec<Option<Waker>> {
        if self.members == 0 || self.arrived < self.members || self.poison.is_some() {
            return Vec::new();
        }
        self.phase += 1;
        self.arrived = 0;
        self.all_waiting()
    }

    fn all_waiting(&mut self) -> Vec<Option<Waker>> {
        let nobody = self.waiting.iter().map(|_| None).collect();
        std::mem::replace(&mut self.waiting, nobody)
    }
}

/// Wakes all of them, even if one panics; outside the lock.
fn wake(waiting: Vec<Option<Waker>>) {
    let mut wakes = Wakes::new();
    waiting.into_iter().flatten().for_each(|waker| wakes.push(waker));
}

impl Barrier {
    /// A barrier without members, in phase 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more member, who has not arrived: the phase that goes on waits for it, too.
    pub fn enrol(&self) -> Member {
        let mut state = self.shared.lock();
        state.members += 1;
        let place = state.free.pop().unwrap_or_else(|| {
            state.waiting.push(None);
            state.waiting.len() - 1
        });
        drop(state);
        Member { shared: Arc::clone(&self.shared), place, arrived_in: None, untold: None, quiet: false }
    }

    /// The number of the phase that goes on: how many have ended.
    #[must_use]
    pub fn phase(&self) -> u64 {
        self.shared.lock().phase
    }

    /// How many members there are.
    #[must_use]
    pub fn members(&self) -> usize {
        self.shared.lock().members
    }

    /// Ends the barrier by a failure: everybody who waits or will wait sees it. The first one wins.
    pub fn poison(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        poison(&self.shared, Poisoned(Cause::here(Reason::Poisoned(cause.into()))));
    }
}

fn poison(shared: &Mutex<State>, poisoned: Poisoned) {
    let mut refused = Some(poisoned);
    let waiting = {
        let mut state = shared.lock();
        if state.poison.is_none() {
            state.poison = refused.take();
        }
        state.all_waiting()
    };
    // Outside the lock: a waker, and a cause that holds a user's error.
    wake(waiting);
    drop(refused);
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Barrier")
            .field("phase", &state.phase)
            .field("members", &state.members)
            .field("arrived", &state.arrived)
            .finish_non_exhaustive()
    }
}

/// One of those who meet at a [`Barrier`]. Dropping it resigns; dropped by a failing process, it poisons.
#[must_use = "a member that does not arrive holds up the others; dropping it resigns"]
pub struct Member {
    shared: Arc<Mutex<State>>,
    place: usize,
    /// The phase in which it last arrived.
    arrived_in: Option<u64>,
    /// A phase in which it has arrived, and of whose end it has not been told.
    untold: Option<u64>,
    /// Resigning in good order.
    quiet: bool,
}

impl Member {
    /// Arrives, for good, and gives what to wait for: the end of the phase.
    ///
    /// Between arriving and waiting is time for what the others need not wait for. To arrive again before the phase has
    /// ended changes nothing; after it has ended, it is to arrive in the next one, waited for or not.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::prelude::*;
    /// use aqueduct::sync::Barrier;
    ///
    /// # aqueduct::run(async {
    /// let barrier = Barrier::new();
    /// let (mut one, mut other) = (barrier.enrol(), barrier.enrol());
    /// let mut phase = one.arrive();
    /// assert!(!phase.is_over());
    /// other.arrive();
    /// alt! {
    ///     ended = &mut phase => assert_eq!(ended?, 0),
    ///     _ = after(std::time::Duration::from_secs(1)) => unreachable!("everybody has arrived"),
    /// }
    /// # Outcome::Ok(()) }).unwrap();
    /// ```
    pub fn arrive(&mut self) -> Phase<'_> {
        let phase = self.signal();
        Phase { member: self, phase }
    }

    /// Arrives, for good, and does not wait for the others; gives the phase's number. For who works ahead.
    pub fn signal(&mut self) -> u64 {
        let mut state = self.shared.lock();
        let phase = state.phase;
        let waiting = if self.arrived_in == Some(phase) {
            Vec::new()
        } else {
            state.arrived += 1;
            self.arrived_in = Some(phase);
            self.untold = Some(phase);
            state.advance()
        };
        drop(state);
        wake(waiting);
        phase
    }

    /// Arrives and waits; gives the number of the phase that has ended. If it has arrived already, and was not told of the
    /// end of that phase, it only waits.
    ///
    /// # Errors
    /// [`Poisoned`]: a member has failed.
    ///
    /// # Cancel safety
    /// Nothing is lost: it may have arrived, for good, and the next `sync` waits for the end of that phase.
    pub async fn sync(&mut self) -> Result<u64, Poisoned> {
        // A member that is alone must let others run, too.
        std::future::poll_fn(poll_proceed).await;
        self.arrival().await
    }

    /// What it waits for: the end of the phase in which it has arrived, or arrives now.
    fn arrival(&mut self) -> Phase<'_> {
        match self.untold {
            Some(phase) => Phase { member: self, phase },
            None => self.arrive(),
        }
    }

    /// As [`sync`](Self::sync), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]: a member has failed; or this thread is a runtime's worker, and has not arrived.
    pub fn sync_blocking(&mut self) -> Result<u64, WaitError> {
        may_block()?;
        self.arrival().wait_blocking()
    }

    /// Leaves in good order, even if this process is failing: the others go on without it.
    pub fn resign(mut self) {
        self.quiet = true;
    }

    fn leave(&self) {
        let (waiting, own) = {
            let mut state = self.shared.lock();
            state.members -= 1;
            if self.arrived_in == Some(state.phase) {
                state.arrived -= 1;
            }
            let own = state.waiting[self.place].take();
            state.free.push(self.place);
            (state.advance(), own)
        };
        wake(waiting);
        drop(own);
    }
}

impl Clone for Member {
    /// Enrols one more.
    fn clone(&self) -> Self {
        Barrier { shared: Arc::clone(&self.shared) }.enrol()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.quiet
            && let Some(cause) = context::failing()
        {
            poison(&self.shared, Poisoned(cause));
        }
        self.leave();
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("arrived_in", &self.arrived_in).finish_non_exhaustive()
    }
}

/// The end of a phase in which a member has arrived: a future of the phase's number, and a guard of a choice.
///
/// Dropping it takes nothing back: the member has arrived.
///
/// # Cancel safety
/// Nothing is lost: [`Member::sync`] waits for the same end, and [`Member::arrive`] gives it again while the phase goes on.
#[must_use = "to arrive is one thing, to wait for the others another: await the phase"]
#[derive(Debug)]
pub struct Phase<'a> {
    member: &'a mut Member,
    phase: u64,
}

impl Phase<'_> {
    /// The phase's number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.phase
    }

    /// True if everybody has arrived, or a member has failed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outcome(&self.member.shared.lock()).is_some()
    }

    /// Waits for the end of the phase, blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]: a member has failed; or this thread is a runtime's worker.
    pub fn wait_blocking(self) -> Result<u64, WaitError> {
        may_block()?;
        block_on(self).map_err(|poisoned| Ended::from(poisoned).into())
    }

    fn outcome(&self, state: &State) -> Option<Result<u64, Poisoned>> {
        // An end that was reached beats a later failure.
        if state.phase > self.phase {
            return Some(Ok(self.phase));
        }
        state.poison.clone().map(Err)
    }

    /// The outcome, or a place among those who are woken.
    fn look(&self, cx: &Context<'_>) -> Option<Result<u64, Poisoned>> {
        // Cloned and dropped outside the lock: a waker may be anybody's.
        let mut waker = Some(cx.waker().clone());
        let mut state = self.member.shared.lock();
        let outcome = self.outcome(&state);
        if outcome.is_none() {
            std::mem::swap(&mut state.waiting[self.member.place], &mut waker);
        }
        drop(state);
        drop(waker);
        outcome
    }

    /// Whether it is over; if not, the task is woken then.
    pub(crate) fn due(&self, cx: &Context<'_>) -> bool {
        self.look(cx).is_some()
    }
}

impl Future for Phase<'_> {
    type Output = Result<u64, Poisoned>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.look(cx) {
            Some(outcome) => {
                if self.member.untold == Some(self.phase) {
                    self.member.untold = None;
                }
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}
