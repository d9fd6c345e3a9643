//! No testing schedule: what `schedule.rs` beside this file has, for builds without the feature `testing`.

use std::convert::Infallible;
use std::future::Future;
use std::task::{Context as Cx, Poll, Waker};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{Context, Identity};

pub(crate) const fn is_present() -> bool {
    false
}

pub(crate) const fn is_host() -> bool {
    false
}

pub(crate) const fn clock() -> Option<Handle> {
    None
}

pub(crate) struct Turns(Infallible);

impl Turns {
    pub(crate) fn waker(&self) -> &Waker {
        match self.0 {}
    }

    pub(crate) fn pass(&self) {
        match self.0 {}
    }
}

pub(crate) const fn turns() -> Option<Turns> {
    None
}

pub(crate) const fn gives_way(_: &Cx<'_>) -> Option<bool> {
    None
}

#[inline(always)]
pub(crate) const fn poll_turn(_: &Context, _: &Cx<'_>) -> Poll<()> {
    Poll::Ready(())
}

#[inline(always)]
pub(crate) const fn ended(_: &Context) {}

#[inline(always)]
pub(crate) fn spawn<F>(runtime: &Handle, _: &Identity, run: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.spawn(run)
}

#[inline(always)]
pub(crate) fn abort<T>(task: &JoinHandle<T>) {
    task.abort();
}

#[cfg(feature = "gpu")]
pub(crate) const fn is_installed() -> bool {
    false
}

pub(crate) struct Place;

pub(crate) const fn place(_: &Identity) -> Place {
    Place
}

impl Place {
    pub(crate) const fn take(self) -> Option<Infallible> {
        None
    }
}
