//! What is made of all results of a map: sums, folds, collections.

use std::{future::poll_fn, ops::ControlFlow, pin::pin};

use serde::{Serialize, de::DeserializeOwned};

use super::{input::Input, stream::Map};
use crate::cluster::{error::TaskError, worker::block_on};

/// All of these take every result, and end at the first task without one, whatever [`OnError`](super::OnError) says,
/// except that `Skip` leaves such items out.
impl<I, R> Map<I, R>
where
    I: Input<Item: Serialize>,
    R: DeserializeOwned,
{
    /// Folds the results, in the order in which the map gives them (input order, unless [`unordered`](Map::unordered)).
    ///
    /// # Errors
    ///
    /// The first task without a result.
    pub async fn fold<T>(self, start: T, mut fold: impl FnMut(T, R) -> T) -> Result<T, TaskError> {
        let mut sum = Some(start);
        let mut map = pin!(self);
        poll_fn(|context| {
            map.as_mut().poll_each(context, &mut |value| {
                sum = sum.take().map(|so_far| fold(so_far, value));
                ControlFlow::Continue(())
            })
        })
        .await?;
        // `fold` may only be missing its sum if it panicked, and then nobody comes here.
        sum.ok_or(TaskError::Cancelled)
    }

    /// Adds the results up.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    pub async fn sum<T: Default + std::ops::Add<R, Output = T>>(self) -> Result<T, TaskError> {
        self.fold(T::default(), |sum, value| sum + value).await
    }

    /// Counts the results.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    pub async fn count(self) -> Result<u64, TaskError> {
        self.fold(0, |count, _| count + 1).await
    }

    /// Collects the results.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    pub async fn collect<C: Default + Extend<R>>(self) -> Result<C, TaskError> {
        self.fold(C::default(), |mut all, value| {
            all.extend(Some(value));
            all
        })
        .await
    }

    /// Calls `then` with each result, here.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    pub async fn for_each(self, mut then: impl FnMut(R)) -> Result<(), TaskError> {
        self.fold((), |(), value| then(value)).await
    }

    /// The first result that `wanted` accepts, in the order of the map; the rest is cancelled.
    ///
    /// # Errors
    ///
    /// The first task without a result, if it comes before.
    pub async fn find(self, mut wanted: impl FnMut(&R) -> bool) -> Result<Option<R>, TaskError> {
        let mut found = None;
        let mut map = pin!(self);
        poll_fn(|context| {
            map.as_mut().poll_each(context, &mut |value| {
                if wanted(&value) {
                    found = Some(value);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })
        })
        .await?;
        Ok(found)
    }

    /// [`fold`](Map::fold), for threads.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    ///
    /// # Panics
    ///
    /// On a thread of an async runtime, which must not be blocked.
    pub fn fold_blocking<T>(self, start: T, fold: impl FnMut(T, R) -> T) -> Result<T, TaskError> {
        block_on(self.fold(start, fold))
    }

    /// [`sum`](Map::sum), for threads.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    ///
    /// # Panics
    ///
    /// On a thread of an async runtime, which must not be blocked.
    pub fn sum_blocking<T: Default + std::ops::Add<R, Output = T>>(self) -> Result<T, TaskError> {
        block_on(self.sum())
    }

    /// [`collect`](Map::collect), for threads.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    ///
    /// # Panics
    ///
    /// On a thread of an async runtime, which must not be blocked.
    pub fn collect_blocking<C: Default + Extend<R>>(self) -> Result<C, TaskError> {
        block_on(self.collect())
    }

    /// [`for_each`](Map::for_each), for threads.
    ///
    /// # Errors
    ///
    /// The first task without a result.
    ///
    /// # Panics
    ///
    /// On a thread of an async runtime, which must not be blocked.
    pub fn for_each_blocking(self, then: impl FnMut(R)) -> Result<(), TaskError> {
        block_on(self.for_each(then))
    }
}

impl<I, R> Map<I, R>
where
    I: Input<Item: Serialize> + Unpin,
    R: DeserializeOwned,
{
    /// The next result, `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<R, TaskError>> {
        poll_fn(|context| futures_core::Stream::poll_next(std::pin::Pin::new(self), context)).await
    }

    /// The results as an iterator that blocks its thread.
    ///
    /// # Panics
    ///
    /// Its `next`, on a thread of an async runtime, which must not be blocked.
    pub fn iter(&mut self) -> impl Iterator<Item = Result<R, TaskError>> + '_ {
        std::iter::from_fn(|| block_on(self.next()))
    }
}
