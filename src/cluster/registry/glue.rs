//! What the expansion of `#[remote]` is made of.

use std::any::TypeId;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::cluster::worker::Piece;

/// A registered function, as a type that the attribute makes for it.
#[doc(hidden)]
pub trait Registered: 'static {
    /// What the caller sends once, or [`Nothing`].
    type Captured: DeserializeOwned;
    /// One item: the argument, or a tuple of them.
    type Item: DeserializeOwned;
    /// What a call gives back.
    type Result: Serialize + DeserializeOwned;
    /// How it folds, if it can.
    const FOLD: Option<fn(&mut Piece<'_>)> = None;

    /// Runs the function over the items of a piece.
    fn run(piece: &mut Piece<'_>);
}

/// What goes to another process and comes back: everything that serde takes apart and puts together.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to a worker and back",
    label = "not both `Serialize` and `DeserializeOwned`",
    note = "put `#[derive(serde::Serialize, serde::Deserialize)]` on it and on every type inside it; a type of another \
            crate often has a feature `serde`",
    note = "ends of channels, handles and borrowed data stay where they are; of an error send its text: \
            `Result<_, String>`"
)]
#[doc(hidden)]
pub trait Travels {
    /// The type itself; naming it in this way makes the compiler complain once, at the type.
    type Itself: Serialize + DeserializeOwned;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Travels for T {
    type Itself = T;
}

/// What a worker keeps for all tasks of a map, on all its threads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the captured data of a remote function",
    label = "not all of `Serialize`, `DeserializeOwned`, `Send` and `Sync`",
    note = "a leading `&T` is captured data, which the caller hands over once with `with(value, function)`: put \
            `#[derive(serde::Serialize, serde::Deserialize)]` on `{Self}`; the threads of a worker share it",
    note = "if it is an ordinary argument, take it by value"
)]
#[doc(hidden)]
pub trait Captured {
    /// The type itself.
    type Itself: Serialize + DeserializeOwned + Send + Sync + 'static;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Captured for T {
    type Itself = T;
}

/// The captured data of a function that has none.
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct Nothing;

/// The type of a value whose type has no name, such as a function item.
#[doc(hidden)]
#[must_use]
pub fn type_id_of<F: 'static>(_: &F) -> TypeId {
    TypeId::of::<F>()
}
