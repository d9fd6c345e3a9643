//! What is known when a process has failed.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::exit::{Exit, Reasoned};
use crate::choice::Ending;
use crate::context::{Cause, Context, Kind, Poisoned, Reason, dispose};

/// A process failed; this is the first cause.
///
/// Of several processes that ended because of one another, each gives the same first cause. Taken with `?` into
/// another process's [`Exit`], it stays the first cause.
#[derive(Clone)]
pub struct ProcessError {
    pub(super) cause: Arc<Cause>,
}

impl ProcessError {
    pub(super) fn new(cause: Arc<Cause>) -> Self {
        Self { cause }
    }

    /// The first cause: in which process, and what happened.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// True if both come from the same first cause.
    #[must_use]
    pub fn same_cause(&self, other: &Self) -> bool {
        self.cause.is_same(&other.cause)
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause.origin().number() {
            // The origin of a `poison` outside any process reads well on its own.
            0 => self.cause.fmt(f),
            _ => write!(f, "process {}", self.cause),
        }
    }
}

/// So that `?` takes a poison out of a plain function that returns what processes return.
impl From<Poisoned> for ProcessError {
    fn from(Poisoned(cause): Poisoned) -> Self {
        Self { cause }
    }
}

/// As `Display`, so that `fn main() -> Result<(), ProcessError>` prints a sentence.
impl fmt::Debug for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A refutable arm may let the failure of a child go by.
impl Ending for ProcessError {
    fn failure(&self) -> Option<&Arc<Cause>> {
        Some(&self.cause)
    }
}

impl Error for ProcessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.error().map(|error| error as &(dyn Error + 'static))
    }
}

/// What became of a body that returned.
pub(super) fn conclude<T>(outcome: Result<T, Exit>, context: &mut Context, kind: Kind) -> Result<T, ProcessError> {
    match outcome {
        Ok(value) => match context.settled_cause() {
            // A choice let a poison go by: what this process made may be incomplete. It goes as the process's, so that
            // ends in it poison.
            Some(cause) => {
                if let Err(payload) = context.enter(kind, || catch_unwind(AssertUnwindSafe(|| drop(value)))) {
                    dispose(payload);
                }
                Err(ProcessError::new(cause))
            }
            None => Ok(value),
        },
        Err(Exit(Reasoned::Retired)) => match (context.settled_cause(), unit()) {
            (Some(cause), _) => Err(ProcessError::new(cause)),
            (None, Some(unit)) => Ok(unit),
            (None, None) => Err(ProcessError::new(Cause::new(context.identity(), Reason::EndedEarly))),
        },
        // If a choice had let a poison go by, that came first, and the ends have told it.
        Err(Exit(Reasoned::Failed(cause, _))) => Err(ProcessError::new(context.settled_cause().unwrap_or(cause))),
    }
}

/// `Some(())`, if that is what `T` is.
fn unit<T>() -> Option<T> {
    let mut value: Option<T> = None;
    // Not `Any`: that would need `T: 'static`, and the bound would cost callers the `Send` of their futures.
    if let Ok(unit) = castaway::cast!(&mut value, &mut Option<()>) {
        *unit = Some(());
    }
    value
}

/// Marks a process that has panicked, and makes the error of it.
pub(super) fn panicked(context: &mut Context, payload: Box<dyn Any + Send>) -> ProcessError {
    // If an end was dropped while unwinding, the process is marked already, and its peers know this very cause.
    let cause = context.fail(Cause::new(context.identity(), Reason::Panicked(std::sync::OnceLock::new())));
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(message) => (*message).to_owned(),
            Err(payload) => {
                dispose(payload);
                "a payload that is not text".to_owned()
            }
        },
    };
    cause.set_panic_message(message);
    ProcessError::new(cause)
}
