//! How `map(f, …)` understands `f`: what it takes, what it gives, and which function it is.
//!
//! One trait for all forms, told apart by a marker that the compiler infers, because the impls for `Fn(A) -> R` and
//! `Fn(A, B) -> R` would otherwise overlap. An item is what the function takes: its one argument itself, or a tuple of
//! its arguments. (A function of one tuple and a function of two arguments therefore take the same items, and that is
//! as it reads.) Arguments are `DeserializeOwned`, so that a function with a leading `&T`, which is captured data, does
//! not pass for one whose items are references.

use std::{any::TypeId, fmt, future::Future, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

/// Marks a function that returns its result.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain<T>(PhantomData<T>);

/// Marks an async function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Later<T>(PhantomData<T>);

/// Marks a function with captured data.
#[doc(hidden)]
#[derive(Debug)]
pub struct Bound<T>(PhantomData<T>);

/// Which function it is, in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// The type of the function item: no two functions share one.
    pub type_id: TypeId,
    /// What the compiler calls that type, for messages.
    pub type_name: &'static str,
}

impl Function {
    /// The function whose item has the type `F`.
    #[must_use]
    pub fn of<F: 'static>() -> Self {
        Self { type_id: TypeId::of::<F>(), type_name: std::any::type_name::<F>() }
    }

    /// Its name without the modules around it.
    pub(crate) fn short_name(&self) -> &'static str {
        // A method of a generic type has angle brackets, and colons in them, in front of its name.
        self.type_name.rsplit("::").next().unwrap_or(self.type_name)
    }
}

/// A function that a cluster can run: one with `#[remote]` on it, or such a function [`with`] captured data.
///
/// It is implemented for all functions, plain and async, of up to eight arguments, and never by hand. That the function
/// is registered shows when it is used: if not, the error says so.
///
/// `Args` is what one item of the input is: the argument itself; a tuple, if there are several; `()`, if there is none.
/// `Marker` is inferred.
#[diagnostic::on_unimplemented(
    message = "no remote function of these items: `{Self}`",
    label = "does not take the items one at a time and by value",
    note = "a function of one argument takes items of its type; one of several arguments takes tuples, `(a, b)`; one of \
            none takes `()`",
    note = "a leading `&T` is captured data: hand it over once with `with(value, function)`",
    note = "what it returns must be owned, `Serialize` and `Deserialize`; a closure or a function pointer cannot travel"
)]
pub trait RemoteFn<Args, Marker>: 'static {
    /// What a call gives: the result, or what the future gives if the function is async.
    type Output: DeserializeOwned;
    /// What is sent once; [`Nothing`](super::Nothing) if nothing is.
    type Captured: Serialize;

    /// Which function it is.
    fn function(&self) -> Function;

    /// The captured data, if there is any.
    fn captured(&self) -> Option<&Self::Captured>;
}

/// A remote function and the data that it captures; [`with`] makes it.
pub struct With<S, F> {
    captured: S,
    /// Its type says which function it is.
    function: PhantomData<F>,
}

impl<S: fmt::Debug, F> fmt::Debug for With<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("With").field(&self.captured).field(&format_args!("{}", std::any::type_name::<F>())).finish()
    }
}

/// Gives a remote function the data that its leading `&S` borrows, instead of a closure, which could not travel.
///
/// The data go to each worker once, however many the items are.
///
/// # Examples
/// ```
/// use aqueduct::cluster::with;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Scale {
///     by: f64,
/// }
///
/// #[aqueduct::remote]
/// impl Scale {
///     fn apply(&self, x: f64) -> f64 {
///         self.by * x
///     }
/// }
///
/// // `map(with(…), [1.0, 2.0])` runs it over the items.
/// let twice = with(Scale { by: 2.0 }, Scale::apply);
/// # let _ = twice;
/// ```
pub fn with<S: Serialize, F>(captured: S, function: F) -> With<S, F> {
    let _ = function;
    With { captured, function: PhantomData }
}

/// Implements the four forms for one number of arguments: `(item) marker arguments`.
macro_rules! remote_fn {
    (($item:ty) $($a:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<Func, R, $($a),*> RemoteFn<$item, Plain<fn($($a),*) -> R>> for Func
        where
            Func: Fn($($a),*) -> R + 'static,
            R: DeserializeOwned,
            $($a: DeserializeOwned,)*
        {
            type Output = R;
            type Captured = super::Nothing;

            fn function(&self) -> Function {
                Function::of::<Func>()
            }

            fn captured(&self) -> Option<&Self::Captured> {
                None
            }
        }

        #[diagnostic::do_not_recommend]
        impl<Func, U, $($a),*> RemoteFn<$item, Later<fn($($a),*) -> U>> for Func
        where
            Func: Fn($($a),*) -> U + 'static,
            U: Future<Output: DeserializeOwned>,
            $($a: DeserializeOwned,)*
        {
            type Output = U::Output;
            type Captured = super::Nothing;

            fn function(&self) -> Function {
                Function::of::<Func>()
            }

            fn captured(&self) -> Option<&Self::Captured> {
                None
            }
        }

        #[diagnostic::do_not_recommend]
        impl<S, Func, R, $($a),*> RemoteFn<$item, Bound<Plain<fn($($a),*) -> R>>> for With<S, Func>
        where
            S: Serialize + 'static,
            Func: Fn(&S, $($a),*) -> R + 'static,
            R: DeserializeOwned,
            $($a: DeserializeOwned,)*
        {
            type Output = R;
            type Captured = S;

            fn function(&self) -> Function {
                Function::of::<Func>()
            }

            fn captured(&self) -> Option<&S> {
                Some(&self.captured)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<S, Func, R, $($a),*> RemoteFn<$item, Bound<Later<fn($($a),*) -> R>>> for With<S, Func>
        where
            S: Serialize + 'static,
            Func: AsyncFn(&S, $($a),*) -> R + 'static,
            R: DeserializeOwned,
            $($a: DeserializeOwned,)*
        {
            type Output = R;
            type Captured = S;

            fn function(&self) -> Function {
                Function::of::<Func>()
            }

            fn captured(&self) -> Option<&S> {
                Some(&self.captured)
            }
        }
    };
}

remote_fn!((()));
remote_fn!((A) A);
remote_fn!(((A, B)) A B);
remote_fn!(((A, B, C)) A B C);
remote_fn!(((A, B, C, D)) A B C D);
remote_fn!(((A, B, C, D, E)) A B C D E);
remote_fn!(((A, B, C, D, E, F)) A B C D E F);
remote_fn!(((A, B, C, D, E, F, G)) A B C D E F G);
remote_fn!(((A, B, C, D, E, F, G, H)) A B C D E F G H);
