//! Being a good neighbour on tokio: a task that always finds its channels ready must still let others run.
//!
//! tokio gives a task a budget of 128 operations a poll. Asking for one costs about 9 ns (a thread-local and a
//! guard), so only every 32nd operation on a thread asks: at most about 4100 operations without a yield. Measured on the
//! prototype: 35 ns a CommsTime loop when each operation asks, 0 to 2 ns when every 32nd does.

use std::cell::Cell;
use std::task::{Context, Poll};

use crate::context::schedule;

const EVERY: u32 = 32;

/// Pending if the task should yield first; it has been woken then.
#[inline]
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    let count = COUNT.get().wrapping_add(1);
    COUNT.set(count);
    if count.is_multiple_of(EVERY) && !cfg!(any(aqueduct_loom, aqueduct_shuttle)) {
        ask(cx, count == 0)
    } else {
        Poll::Ready(())
    }
}

thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });

/// Makes the next operation on this thread ask: for a testing schedule, which is asked by each.
#[cfg(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle))))]
pub(crate) fn ask_next() {
    COUNT.set(u32::MAX);
}

#[cold]
fn ask(cx: &mut Context<'_>, again: bool) -> Poll<()> {
    if let Some(gives_way) = schedule::gives_way(cx) {
        COUNT.set(u32::MAX);
        return if gives_way { Poll::Pending } else { Poll::Ready(()) };
    }
    let answer = tokio::task::coop::poll_proceed(cx).map(|coop| coop.made_progress());
    if answer.is_pending() && !again {
        // The next one asks again: a choice may have taken this for a guard that is not ready, and would never yield if
        // it were always the same guard that is asked. But only the next one: in a composition, children that are told to
        // yield again and again keep each other busy without getting on.
        COUNT.set(u32::MAX);
    }
    answer
}

/// True if this thread is inside a poll by a tokio runtime, where blocking would stall other tasks; `None` if no runtime
/// is around.
///
/// tokio has no question for this. But a budget exists only there (not in `spawn_blocking`, not under
/// `block_in_place`, not on other threads), and it is finite: holding more units than it has tells, and dropping them
/// unused gives all of them back. That takes 1 to 2 µs, on threads of a runtime only. A task under tokio's
/// `unconstrained` has no budget, nor has one that a foreign executor polls under an entered handle: these are not
/// recognised.
pub(crate) fn on_runtime_worker() -> Option<bool> {
    if schedule::is_host() {
        return Some(true);
    }
    if cfg!(any(aqueduct_loom, aqueduct_shuttle)) || tokio::runtime::Handle::try_current().is_err() {
        return None;
    }
    // tokio's budget is 128.
    const MORE_THAN_A_BUDGET: usize = 129;
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut units: [Option<tokio::task::coop::RestoreOnPending>; MORE_THAN_A_BUDGET] =
        [const { None }; MORE_THAN_A_BUDGET];
    let mut exhausted = false;
    for unit in &mut units {
        match tokio::task::coop::poll_proceed(&mut cx) {
            Poll::Ready(held) => *unit = Some(held),
            Poll::Pending => {
                exhausted = true;
                break;
            }
        }
    }
    // Each restores the budget as it found it: the first one, dropped last, restores it as it was.
    for unit in units.iter_mut().rev() {
        *unit = None;
    }
    Some(exhausted)
}
