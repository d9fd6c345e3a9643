//! Runs a piece of a chunk: decode an argument, call the function, encode the result, again and again.

use std::{future::Future, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

/// A range of items that this worker was given, and where their results go.
#[derive(Debug)]
pub struct Piece<'a> {
    marker: PhantomData<&'a ()>,
}

#[doc(hidden)]
impl Piece<'_> {
    /// Runs a plain function over the items; a function of several arguments takes them as a tuple.
    pub fn each<A: DeserializeOwned, R: Serialize>(&mut self, call: impl Fn(A) -> R) {
        let _ = call;
        todo!("the founder writes this")
    }

    /// The same with captured data.
    pub fn each_with<S, A, R>(&mut self, call: impl Fn(&S, A) -> R)
    where
        S: DeserializeOwned + Send + Sync + 'static,
        A: DeserializeOwned,
        R: Serialize,
    {
        let _ = call;
        todo!("the founder writes this")
    }

    /// The same for an async function.
    pub fn each_async<A: DeserializeOwned, U: Future<Output: Serialize>>(&mut self, call: impl Fn(A) -> U) {
        let _ = call;
        todo!("the founder writes this")
    }

    /// The same for an async function with captured data.
    pub fn each_async_with<S, A, R>(&mut self, call: impl AsyncFn(&S, A) -> R)
    where
        S: DeserializeOwned + Send + Sync + 'static,
        A: DeserializeOwned,
        R: Serialize,
    {
        let _ = call;
        todo!("the founder writes this")
    }

    /// Folds the items, which are encoded results, from the left into one.
    pub fn fold<R: DeserializeOwned + Serialize>(&mut self, call: impl Fn(R, R) -> R) {
        let _ = call;
        todo!("the founder writes this")
    }
}
