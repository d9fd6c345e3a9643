//! What the expansion of `#[remote]` is made of.
//!
//! A type that cannot travel is to be one error, at that type. [`travels`] and [`captured`] make it; so all else in the
//! expansion must compile in spite of it. Therefore it goes through [`Form`], on which the compiler finds the methods of
//! [`ViaPiece`] if the types hold what is needed, and otherwise those of [`ViaNothing`], which never run.

use std::{any::TypeId, future::Future, marker::PhantomData};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::signature;
use crate::cluster::worker::Piece;

/// What goes to another process and comes back: everything that serde takes apart and puts together.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to a worker and back",
    label = "not both `Serialize` and `Deserialize`",
    note = "put `#[derive(serde::Serialize, serde::Deserialize)]` on it and on every type inside it; a type of another \
            crate often has a feature `serde`. Of an error send its text: `Result<_, String>`"
)]
#[doc(hidden)]
pub trait Travels<How> {}

impl<T: Serialize + DeserializeOwned> Travels<ByItself> for T {}
// Of two ways the compiler reports the trait, with its message; of one, only what that way lacks.
impl<T: NoType> Travels<Otherwise> for T {}

/// What a worker keeps for all tasks of a map, on all its threads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the captured data of a remote function",
    label = "not all of `Serialize`, `Deserialize`, `Send` and `Sync`",
    note = "a leading `&T` is captured data, which the caller hands over once by `with(value, function)`: put \
            `#[derive(serde::Serialize, serde::Deserialize)]` on it; the threads of a worker share it. If it is an \
            ordinary argument, take it by value"
)]
#[doc(hidden)]
pub trait Captured<How> {}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Captured<ByItself> for T {}
impl<T: NoType> Captured<Otherwise> for T {}

#[doc(hidden)]
#[derive(Debug)]
pub struct ByItself;
#[doc(hidden)]
#[derive(Debug)]
pub struct Otherwise;
/// Has no implementation.
#[doc(hidden)]
pub trait NoType {}

/// Compiles if `T` travels.
#[doc(hidden)]
pub fn travels<T: Travels<How>, How>() {}

/// Compiles if `T` can be captured data.
#[doc(hidden)]
pub fn captured<T: Captured<How>, How>() {}

/// The captured data of a function that has none.
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct Nothing;

/// The types of a remote function: captured data, one item, the result.
#[doc(hidden)]
#[derive(Debug)]
pub struct Form<S, A, R>(PhantomData<fn(S, A) -> R>);

impl<S, A, R> Form<S, A, R> {
    #[must_use]
    #[allow(clippy::new_without_default, reason = "only the expansion makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Runs a function whose types travel.
#[doc(hidden)]
#[allow(missing_docs, reason = "as the methods of `Piece`")]
pub trait ViaPiece {
    type Captured: DeserializeOwned + Send + Sync + 'static;
    type Item: DeserializeOwned;
    type Result: Serialize + DeserializeOwned;

    fn signature(&self) -> u64 {
        signature::of_function::<Self::Captured, Self::Item, Self::Result>()
    }

    fn each(&self, piece: &mut Piece<'_>, call: impl Fn(Self::Item) -> Self::Result) {
        piece.each(call);
    }

    fn each_with(&self, piece: &mut Piece<'_>, call: impl Fn(&Self::Captured, Self::Item) -> Self::Result) {
        piece.each_with(call);
    }

    fn each_async<U: Future<Output = Self::Result>>(&self, piece: &mut Piece<'_>, call: impl Fn(Self::Item) -> U) {
        piece.each_async(call);
    }

    fn each_async_with(&self, piece: &mut Piece<'_>, call: impl AsyncFn(&Self::Captured, Self::Item) -> Self::Result) {
        piece.each_async_with(call);
    }

    fn fold(&self, piece: &mut Piece<'_>, call: impl Fn(Self::Result, Self::Result) -> Self::Result) {
        piece.fold(call);
    }
}

impl<S, A, R> ViaPiece for &Form<S, A, R>
where
    S: DeserializeOwned + Send + Sync + 'static,
    A: DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    type Captured = S;
    type Item = A;
    type Result = R;
}

/// Stands in where a type does not travel: that is an error already.
#[doc(hidden)]
#[allow(missing_docs, reason = "as the methods of `ViaPiece`")]
pub trait ViaNothing {
    type Captured;
    type Item;
    type Result;

    fn signature(&self) -> u64 {
        0
    }

    fn each(&self, _: &mut Piece<'_>, _: impl Fn(Self::Item) -> Self::Result) {}

    fn each_with(&self, _: &mut Piece<'_>, _: impl Fn(&Self::Captured, Self::Item) -> Self::Result) {}

    fn each_async<U: Future<Output = Self::Result>>(&self, _: &mut Piece<'_>, _: impl Fn(Self::Item) -> U) {}

    fn each_async_with(&self, _: &mut Piece<'_>, _: impl AsyncFn(&Self::Captured, Self::Item) -> Self::Result) {}

    fn fold(&self, _: &mut Piece<'_>, _: impl Fn(Self::Result, Self::Result) -> Self::Result) {}
}

impl<S, A, R> ViaNothing for Form<S, A, R> {
    type Captured = S;
    type Item = A;
    type Result = R;
}

/// The type of a value whose type has no name, such as a function item.
#[doc(hidden)]
#[must_use]
pub fn type_id_of<F: 'static>(_: &F) -> TypeId {
    TypeId::of::<F>()
}
