//! Functions of one to four expressions.

use super::trace::record;
use super::tree::Formula;
use super::value::Expression;
use crate::gpu::element::{Element, Number};
use crate::gpu::kernel::{Length, Parameter, Role};

/// A function that a kernel can be made of: a closure of one to four [`Expression`]s that gives one.
///
/// `A` is the tuple of the element types that it takes, `Output` the element type that it gives. It is called once, when
/// the kernel is made.
#[diagnostic::on_unimplemented(
    message = "this is not a function of one to four expressions that gives an expression",
    note = "give the types of its parameters where they cannot be guessed: `|x: gpu::F32| x.sqrt()`"
)]
pub trait Function<A> {
    /// What it gives.
    type Output: Element;

    /// What it computes.
    #[doc(hidden)]
    fn formula(&self) -> Formula;
}

macro_rules! functions {
    ($(($($Type:ident $place:literal),*))*) => {$(
        impl<F, R, $($Type),*> Function<($($Type,)*)> for F
        where
            F: Fn($(Expression<$Type>),*) -> Expression<R>,
            R: Element,
            $($Type: Element,)*
        {
            type Output = R;

            #[track_caller]
            fn formula(&self) -> Formula {
                record(vec![$($Type::NUMBER),*], || self($(Expression::<$Type>::input($place)),*).place)
            }
        }
    )*};
}

functions! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }

/// The arguments of a kernel that reads one batch for each input.
pub(crate) fn inputs(inputs: &[Number]) -> Vec<Parameter> {
    inputs
        .iter()
        .enumerate()
        .map(|(place, number)| Parameter { role: Role::In, place, bytes: number.bytes(), length: Length::Batch })
        .collect()
}
