//! Which clockwork drives a timer of a task.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::sync::OnceLock;

use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::context::schedule;

/// This instant, by the clock that drives the timers of this thread.
pub(super) fn now() -> Instant {
    match schedule::clock() {
        Some(runtime) => {
            let _its_clock = runtime.enter();
            Instant::now()
        }
        // Where clocks can be paused, tokio looks for one, and panics in the drop of a thread-local, late.
        #[cfg(feature = "testing")]
        None if Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed()) => {
            Instant::from_std(std::time::Instant::now())
        }
        None => Instant::now(),
    }
}

/// A sleep on the running runtime if that has a timer, else on the library's own; `None` if there is neither, or no
/// way to one.
pub(super) fn sleep(deadline: Instant) -> Option<Sleep> {
    if let Some(runtime) = schedule::clock() {
        let _its_clock = runtime.enter();
        return Some(sleep_until(deadline));
    }
    match Handle::try_current() {
        Ok(runtime) if has_timer(&runtime) => Some(sleep_until(deadline)),
        // In the drop of a thread-local, late: no runtime can be entered, and the thread asks again and again.
        Err(error) if error.is_thread_local_destroyed() => None,
        _ => {
            let _own = own()?.enter();
            Some(sleep_until(deadline))
        }
    }
}

/// True if the runtime was built with `enable_time`.
///
/// tokio tells only by panicking. Each thread remembers its runtime's answer, and a runtime without a timer is
/// remembered by all, so that this panic is seen once.
fn has_timer(runtime: &Handle) -> bool {
    static WITHOUT: Mutex<Vec<Id>> = Mutex::new(Vec::new());
    thread_local!(static KNOWN: Cell<Option<(Id, bool)>> = const { Cell::new(None) });
    let id = runtime.id();
    if let Some((known, answer)) = KNOWN.get()
        && known == id
    {
        return answer;
    }
    let known = WITHOUT.lock().contains(&id);
    // Not under the lock: a panic hook is the user's.
    let answer = !known && catch_unwind(|| drop(sleep_until(Instant::now()))).is_ok();
    if !answer && !known {
        WITHOUT.lock().push(id);
    }
    KNOWN.set(Some((id, answer)));
    answer
}

/// The runtime of the library's timer thread.
fn own() -> Option<&'static Handle> {
    static OWN: OnceLock<Option<Handle>> = OnceLock::new();
    OWN.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("aqueduct-timer".to_owned())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .ok()?;
        Some(handle)
    })
    .as_ref()
}
