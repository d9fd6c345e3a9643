//! Taking something only while those who are to have it are there.
//!
//! A process that waits for its input and meanwhile loses its output would learn that only with the next value in its
//! hand, which would then be lost. So the processes of the toolkit watch their outputs while they wait: an output that
//! has ended ends the wait, and what was to be received stays where it is.
//!
//! A watch stays in its channel from wait to wait: what it costs is a look at the output for each poll.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::{ClosedFuture, Ended, Sender};

/// Waits for `operation`, unless the outputs end first. Where both are so, the end wins, and `operation` is dropped.
pub(crate) async fn unless<O, F, V, E>(mut outputs: Pin<&mut O>, operation: F) -> Result<V, Ended>
where
    O: Outputs,
    F: Future<Output = Result<V, E>>,
    E: Into<Ended>,
{
    let mut operation = pin!(operation);
    poll_fn(|cx| {
        if let Some(ended) = outputs.ended() {
            return Poll::Ready(Err(ended));
        }
        if let Poll::Ready(result) = operation.as_mut().poll(cx) {
            return Poll::Ready(result.map_err(Into::into));
        }
        match outputs.as_mut().watch(cx) {
            Some(ended) => Poll::Ready(Err(ended)),
            None => Poll::Pending,
        }
    })
    .await
}

/// The outputs of a process, watched.
pub(crate) trait Outputs {
    /// How they have ended, if they have.
    fn ended(&self) -> Option<Ended>;
    /// Has the task woken when they end; says how, if that has happened just now.
    fn watch(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Ended>;
}

/// True if this task will be woken already; remembers it for the next time.
fn known(waker: &mut Option<Waker>, cx: &Context<'_>) -> bool {
    let known = waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
    if !known {
        *waker = Some(cx.waker().clone());
    }
    known
}

/// One output.
pub(crate) fn only<T>(out: &Sender<T>) -> Only<'_, T> {
    Only { out, closed: out.closed(), waker: None }
}

pin_project! {
    /// Made by [`only`].
    pub(crate) struct Only<'a, T> {
        out: &'a Sender<T>,
        #[pin]
        closed: ClosedFuture<'a, T>,
        waker: Option<Waker>,
    }
}

impl<T> Outputs for Only<'_, T> {
    fn ended(&self) -> Option<Ended> {
        self.out.ended()
    }

    fn watch(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Ended> {
        let this = self.project();
        if known(this.waker, cx) {
            return None;
        }
        match this.closed.poll(cx) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }
}

/// Several outputs, which end together: with the first of them. Never, if there are none.
pub(super) fn any_of<T>(outs: &[Sender<T>]) -> Several<'_, T> {
    Several { outs, watches: Vec::new(), waker: None, ended: |outs| outs.iter().find_map(Sender::ended) }
}

/// Several outputs, which end one by one: they have when all have, or one of them was poisoned. At once, if there are
/// none.
pub(super) fn all_of<T>(outs: &[Sender<T>]) -> Several<'_, T> {
    fn ended<T>(outs: &[Sender<T>]) -> Option<Ended> {
        let mut open = false;
        for out in outs {
            match out.ended() {
                None => open = true,
                Some(Ended::Retired) => {}
                poisoned => return poisoned,
            }
        }
        (!open).then_some(Ended::Retired)
    }
    Several { outs, watches: Vec::new(), waker: None, ended }
}

/// Made by [`any_of`] and [`all_of`].
pub(super) struct Several<'a, T> {
    outs: &'a [Sender<T>],
    /// Made when they are first watched.
    watches: Vec<Pin<Box<ClosedFuture<'a, T>>>>,
    waker: Option<Waker>,
    ended: fn(&[Sender<T>]) -> Option<Ended>,
}

impl<T> Outputs for Several<'_, T> {
    fn ended(&self) -> Option<Ended> {
        (self.ended)(self.outs)
    }

    fn watch(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Ended> {
        let this = &mut *self;
        if this.watches.is_empty() {
            this.watches.extend(this.outs.iter().map(|out| Box::pin(out.closed())));
        } else if known(&mut this.waker, cx) {
            return None;
        }
        this.waker = Some(cx.waker().clone());
        let mut any = false;
        for watch in &mut this.watches {
            any |= watch.as_mut().poll(cx).is_ready();
        }
        // One that ends between the first look and the watch wakes nobody.
        if any { (this.ended)(this.outs) } else { None }
    }
}
