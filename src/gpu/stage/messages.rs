//! The batches of one call, without the types of what they carry.

use super::batch::{Batch, Payload};
use super::engine::Places;

/// The batches that a call gives or gets: one, or a tuple of them, in the order of the kernel's inputs or outputs.
///
/// `Types` is the tuple of the kernel's element types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not the batches of a kernel with elements of `{Types}`",
    label = "one batch for each input, or output, of the kernel, in order",
    note = "for one that is a `Vec<T>`, for two `(Vec<T>, Vec<U>)`; instead of `Vec` also `gpu::Pinned` or `gpu::DeviceBuf`"
)]
pub trait Batches<Types>: Send + 'static {
    #[doc(hidden)]
    fn into_payloads(self) -> Vec<Payload>;

    #[doc(hidden)]
    fn places() -> Places;

    #[doc(hidden)]
    fn from_payloads(payloads: Vec<Payload>) -> Self;
}

impl<M: Batch> Batches<(M::Element,)> for M {
    fn into_payloads(self) -> Vec<Payload> {
        vec![self.into_payload()]
    }

    fn places() -> Places {
        vec![(M::PLACE, align_of::<M::Element>())]
    }

    fn from_payloads(payloads: Vec<Payload>) -> Self {
        let mut payloads = payloads.into_iter();
        Self::from_payload(next(&mut payloads))
    }
}

fn next(payloads: &mut impl Iterator<Item = Payload>) -> Payload {
    match payloads.next() {
        Some(payload) => payload,
        None => unreachable!("a kernel has as many outputs as its type says"),
    }
}

macro_rules! tuples {
    ($(($($M:ident $index:tt)+))*) => {$(
        impl<$($M: Batch),+> Batches<($($M::Element,)+)> for ($($M,)+) {
            fn into_payloads(self) -> Vec<Payload> {
                vec![$(self.$index.into_payload()),+]
            }

            fn places() -> Places {
                vec![$(($M::PLACE, align_of::<$M::Element>())),+]
            }

            fn from_payloads(payloads: Vec<Payload>) -> Self {
                let mut payloads = payloads.into_iter();
                ($($M::from_payload(next(&mut payloads)),)+)
            }
        }
    )*};
}

tuples! {
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
}
