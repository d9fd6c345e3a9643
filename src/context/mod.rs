//! Who is running: the identity of the current process, and whether it is failing.
//!
//! Everything above tells this module something or asks it; it tells nobody.
//!
//! A [`Context`] is three words. It lives inside the running process and is moved into a thread-local cell while
//! the process's body runs, and back when the body yields: entering costs two small moves and no reference count.
//! What few processes need (a name made at run time, the failing mark) is allocated at first use.

// A model's threads share one thread of the system, and with it std's thread-locals: they need the model's.
#[cfg(aqueduct_loom)]
macro_rules! thread_local {
    (static $name:ident: $Value:ty = const $value:block $(;)?) => {
        loom::thread_local!(static $name: $Value = $value);
    };
}
#[cfg(aqueduct_shuttle)]
macro_rules! thread_local {
    ($($declared:tt)*) => {
        shuttle::thread_local!($($declared)*);
    };
}

mod cause;
mod failing;
mod payload;
#[cfg(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle))))]
pub(crate) mod schedule;
#[cfg(not(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle)))))]
#[path = "unscheduled.rs"]
pub(crate) mod schedule;

use std::cell::Cell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use cause::Reason;
pub use cause::{Cause, Ended, Poisoned};
pub(crate) use failing::{FailMark, failing};
pub(crate) use payload::dispose;

/// What is known of a process before it runs: written once by `#[process]`, shared by all its instances.
#[derive(Debug)]
#[non_exhaustive]
pub struct Meta {
    /// The name of the function or struct.
    pub name: &'static str,
    /// The names of its channel ends, in the order of the parameters.
    pub ports: &'static [&'static str],
    /// `file:line` of its definition.
    pub location: &'static str,
}

impl Meta {
    /// Describes a process; called by the expansion of `#[process]`.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, ports: &'static [&'static str], location: &'static str) -> Self {
        Self { name, ports, location }
    }
}

/// The name and number of a process.
///
/// Numbers are given when a process starts, rise by one, and are never used again. Number 0 stands for code that
/// runs in no process.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    name: Name,
    number: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Identity {
    /// The process's name: that of its function, unless it was given another.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }

    /// The process's number, or 0 outside any process.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The identity of code that runs in no process.
    fn outside() -> Self {
        Self { name: Name::Static("code outside any process"), number: 0 }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(self.name()),
            number => write!(f, "{}#{number}", self.name()),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// The identity and failing mark of one process.
#[derive(Debug)]
pub(crate) struct Context {
    meta: &'static Meta,
    number: u64,
    rare: Option<Arc<Rare>>,
}

/// What few processes need.
#[derive(Debug, Default)]
struct Rare {
    name: Option<Arc<str>>,
    failing: failing::State,
}

impl Context {
    /// A context without a number, for a process that has not started.
    pub(crate) fn unstarted(meta: &'static Meta) -> Self {
        Self { meta, number: 0, rare: None }
    }

    /// Gives the process another name than its function's.
    pub(crate) fn rename(&mut self, name: Arc<str>) {
        self.rare = Some(Arc::new(Rare { name: Some(name), failing: failing::State::default() }));
    }

    /// Gives the process its number, once.
    pub(crate) fn start(&mut self) {
        if self.number == 0 {
            self.number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[cfg(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle))))]
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn meta(&self) -> &'static Meta {
        self.meta
    }

    pub(crate) fn identity(&self) -> Identity {
        let name = match self.rare.as_ref().and_then(|rare| rare.name.as_ref()) {
            Some(name) => Name::Shared(Arc::clone(name)),
            None => Name::Static(self.meta.name),
        };
        Identity { name, number: self.number }
    }

    fn rare(&mut self) -> &Arc<Rare> {
        self.rare.get_or_insert_with(Arc::default)
    }

    /// Marks the process as failing for good, with the first cause winning, and gives that first cause.
    pub(crate) fn fail(&mut self, cause: Arc<Cause>) -> Arc<Cause> {
        self.rare().failing.settle(cause)
    }

    /// The cause for which this process is failing for good, if it is.
    pub(crate) fn settled_cause(&self) -> Option<Arc<Cause>> {
        self.rare.as_ref().and_then(|rare| rare.failing.settled_cause())
    }

    /// The cause for which this process is failing, if it is.
    pub(crate) fn cause(&self) -> Option<Arc<Cause>> {
        self.rare.as_ref().and_then(|rare| rare.failing.cause())
    }

    /// Runs `body` as this process; its identity is back here afterwards, also when `body` panics.
    #[inline]
    pub(crate) fn enter<R>(&mut self, kind: Kind, body: impl FnOnce() -> R) -> R {
        struct Leave<'a> {
            own: &'a mut Context,
            outer: Current,
        }
        impl Drop for Leave<'_> {
            #[inline]
            fn drop(&mut self) {
                let outer = std::mem::replace(&mut self.outer, NOBODY);
                // Only `rare` can have changed.
                if let Some(own) = ManuallyDrop::into_inner(CURRENT.with(|current| current.replace(outer))) {
                    self.own.rare = own.context.rare;
                }
            }
        }
        let moved = Self { meta: self.meta, number: self.number, rare: self.rare.take() };
        let inner = Running { context: moved, kind, unwinding: std::thread::panicking() };
        let inner = ManuallyDrop::new(Some(inner));
        let _leave = Leave { outer: CURRENT.with(|current| current.replace(inner)), own: self };
        body()
    }
}

/// How the current process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Inside somebody's poll: it must not block.
    Task,
    /// On a thread of its own.
    Thread,
}

/// Who runs on a thread. Never dropped in place, since everybody who enters leaves again: so the thread-local needs no
/// destructor, is there until the thread's last breath, and costs one address.
type Current = ManuallyDrop<Option<Running>>;

/// A process that runs here.
struct Running {
    context: Context,
    kind: Kind,
    /// The thread was unwinding when the process was entered: that is not this process's panic.
    unwinding: bool,
}

const NOBODY: Current = ManuallyDrop::new(None);

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(NOBODY) };
}

/// Looks at the current process, if there is one. `look` must not enter or ask again.
fn with_current<R>(look: impl FnOnce(&mut Running) -> R) -> Option<R> {
    CURRENT.with(|current| {
        let mut taken = current.replace(NOBODY);
        let result = taken.as_mut().map(look);
        current.set(taken);
        result
    })
}

/// The process that is running here; number 0 outside any process.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[process]
/// async fn worker() -> Outcome<String> {
///     Ok(aqueduct::current().name().to_owned())
/// }
///
/// assert_eq!(aqueduct::run(worker()).unwrap(), "worker");
/// assert_eq!(aqueduct::current().number(), 0);
/// ```
#[must_use]
pub fn current() -> Identity {
    with_current(|running| running.context.identity()).unwrap_or_else(Identity::outside)
}

/// True while a task process is being polled on this thread.
pub(crate) fn in_task() -> bool {
    with_current(|running| running.kind == Kind::Task).unwrap_or(false)
}
