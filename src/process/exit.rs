//! How a body ends.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::error::ProcessError;
use crate::channel::{Carried, Refused, TryRecvError, WaitError};
use crate::choice::Exhausted;
use crate::context::{Cause, Ended, FailMark, Poisoned, Reason};

/// What the body of a process returns.
pub type Outcome<T = ()> = Result<T, Exit>;

/// The reason why a body ends before its end: made by `?` from any type that implements `Error + Send + Sync + 'static`.
///
/// For `anyhow`, `Box<dyn Error>` and strings write `.map_err(Exit::failure)?`.
///
/// It is not an error itself. Making one from a poison or from an error of the user's marks the process as failing:
/// ends that it drops from then on poison their channels. Dropping it takes the mark back, so a body may catch what
/// an inner function returned and go on.
///
/// It marks the process in which it was *made*. So do not hand a future or a closure of an [`Outcome`] to another task
/// or thread: its exit would come back too late to mark this process. Hand over a process ([`task`](crate::task),
/// [`thread`](crate::thread)); its [`ProcessError`] marks whom it reaches.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[process]
/// async fn parse(text: &'static str, out: Sender<u32>) -> Outcome {
///     out.send(text.parse()?).await?;   // a ParseIntError fails this process and poisons `out`
///     Ok(())
/// }
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// let error = parse("seven", tx).await.unwrap_err();
/// assert_eq!(error.to_string(), "process parse#2 failed: invalid digit found in string");
/// assert!(rx.recv().await.unwrap_err().is_poisoned());
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use = "dropping an `Exit` takes the failing mark back"]
pub struct Exit(pub(super) Reasoned);

pub(super) enum Reasoned {
    /// A channel was retired: end quietly.
    Retired,
    /// Something failed. The mark lasts as long as the exit.
    Failed(Arc<Cause>, #[allow(dead_code, reason = "held for its drop")] FailMark),
}

impl Exit {
    /// Ends the process by a failure.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::prelude::*;
    ///
    /// #[process]
    /// async fn picky(n: i32) -> Outcome<i32> {
    ///     if n < 0 {
    ///         return Err(Exit::failure("negative"));
    ///     }
    ///     Ok(n)
    /// }
    ///
    /// assert!(aqueduct::run(picky(-1)).unwrap_err().to_string().ends_with("failed: negative"));
    /// ```
    pub fn failure(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::failed(Cause::here(Reason::Error(error.into())))
    }

    fn failed(cause: Arc<Cause>) -> Self {
        let mark = FailMark::here(&cause);
        Self(Reasoned::Failed(cause, mark))
    }

    /// True if a channel was retired: the process ends quietly.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(self.0, Reasoned::Retired)
    }

    /// The first cause, if something failed.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match &self.0 {
            Reasoned::Retired => None,
            Reasoned::Failed(cause, _) => Some(cause),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Exit {
    fn from(error: E) -> Self {
        match recognise(&error) {
            Some(Ended::Retired) => Self(Reasoned::Retired),
            Some(Ended::Poisoned(Poisoned(cause))) => Self::failed(cause),
            None => Self::failed(Cause::here(Reason::Error(Box::new(error)))),
        }
    }
}

/// The errors of this library that say how a channel ended, or that another process failed.
fn recognise(error: &(dyn Error + 'static)) -> Option<Ended> {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return Some(ended.clone());
    }
    if let Some(poisoned) = error.downcast_ref::<Poisoned>() {
        return Some(Ended::Poisoned(poisoned.clone()));
    }
    if let Some(error) = error.downcast_ref::<ProcessError>() {
        return Some(Ended::Poisoned(Poisoned(Arc::clone(&error.cause))));
    }
    if let Some(error) = error.downcast_ref::<WaitError>() {
        return in_wait(error);
    }
    if let Some(TryRecvError::Ended(ended)) = error.downcast_ref::<TryRecvError>() {
        return Some(ended.clone());
    }
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return in_refusal(refused);
    }
    // Whatever ended badly has marked the process, or was seen by a handler.
    if error.is::<Exhausted>() {
        return Some(Ended::Retired);
    }
    // A `SendError<T>` for some T: its source has a type that nobody else can use.
    let source = error.source()?;
    if let Some(Carried(ended)) = source.downcast_ref::<Carried<Ended>>() {
        return Some(ended.clone());
    }
    if let Some(Carried(error)) = source.downcast_ref::<Carried<WaitError>>() {
        return in_wait(error);
    }
    source.downcast_ref::<Carried<Refused>>().and_then(|Carried(refused)| in_refusal(refused))
}

fn in_wait(error: &WaitError) -> Option<Ended> {
    match error {
        WaitError::Ended(ended) => Some(ended.clone()),
        _ => None,
    }
}

fn in_refusal(refused: &Refused) -> Option<Ended> {
    match refused {
        Refused::Ended(ended) => Some(ended.clone()),
        Refused::Full => None,
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reasoned::Retired => f.write_str("a channel was retired"),
            Reasoned::Failed(cause, _) => cause.fmt(f),
        }
    }
}

impl fmt::Debug for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exit({self})")
    }
}

/// What a body may return: an [`Outcome`], or nothing.
#[diagnostic::on_unimplemented(
    message = "the body of a process returns `Outcome` or nothing, not `{Self}`",
    note = "write `-> Outcome` or `-> Outcome<Value>`: `?` takes every `Error` into it (anyhow, boxed errors and \
            strings by `.map_err(Exit::failure)?`), and a failure then poisons the process's channels"
)]
pub trait IntoOutcome {
    /// What the process makes.
    type Value;
    /// How it ended.
    ///
    /// # Errors
    /// The exit, if the body ended before its end.
    fn into_outcome(self) -> Outcome<Self::Value>;
}

impl<T> IntoOutcome for Outcome<T> {
    type Value = T;

    fn into_outcome(self) -> Self {
        self
    }
}

impl IntoOutcome for () {
    type Value = ();

    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}
