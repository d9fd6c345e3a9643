//! The loops: one operation over a block of elements, each operand a slice or the same number for all.

use bytemuck::{cast_slice, cast_slice_mut};

use crate::gpu::element::Plain;

/// An operand of a step, as bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Feed<'a> {
    /// A number for each element.
    Each(&'a [u8]),
    /// The same number for all: its bits, in the low end.
    Same(u64),
}

/// The inputs of a kernel, and [`Feed::Same`] in the places of those that it has not.
pub(crate) fn feeds<'a>(inputs: &[&'a [u8]]) -> [Feed<'a>; 4] {
    let mut feeds = [Feed::Same(0); 4];
    for (feed, input) in feeds.iter_mut().zip(inputs) {
        *feed = Feed::Each(input);
    }
    feeds
}

/// An operand of a loop.
#[derive(Clone, Copy)]
pub(super) enum Lanes<'a, T> {
    Each(&'a [T]),
    Same(T),
}

impl<'a> Feed<'a> {
    /// The first `length` numbers.
    pub(super) fn lanes<T: Plain>(self, length: usize, from_word: impl Fn(u64) -> T) -> Lanes<'a, T> {
        match self {
            Self::Each(bytes) => Lanes::Each(&cast_slice(bytes)[..length]),
            Self::Same(word) => Lanes::Same(from_word(word)),
        }
    }

    /// The numbers from `first` on, of so many bytes each.
    pub(super) fn skip(self, first: usize, bytes: usize) -> Self {
        match self {
            Self::Each(all) => Self::Each(&all[first * bytes..]),
            Self::Same(word) => Self::Same(word),
        }
    }
}

/// The results of a loop.
pub(super) fn results<R: Plain>(bytes: &mut [u8]) -> &mut [R] {
    cast_slice_mut(bytes)
}

/// How a loop reads an operand. A type for each way, so that each combination is a loop of its own, which is vectorised.
trait Read<T>: Copy {
    fn at(self, place: usize) -> T;
}

impl<T: Copy> Read<T> for &[T] {
    fn at(self, place: usize) -> T {
        self[place]
    }
}

#[derive(Clone, Copy)]
struct Same<T>(T);

impl<T: Copy> Read<T> for Same<T> {
    fn at(self, _place: usize) -> T {
        self.0
    }
}

/// Calls `$run` with each operand as what it is; slices are cut to the `$length` that the loop goes through, so that it
/// need not check its places.
macro_rules! each_way {
    ($length:expr; => $run:expr) => { $run };
    ($length:expr; $operand:ident $($rest:ident)* => $run:expr) => {
        match $operand {
            Lanes::Each(slice) => {
                let $operand = &slice[..$length];
                each_way!($length; $($rest)* => $run)
            }
            Lanes::Same(value) => {
                let $operand = Same(value);
                each_way!($length; $($rest)* => $run)
            }
        }
    };
}

pub(super) fn one<A: Plain, R: Plain>(out: &mut [R], a: Lanes<'_, A>, f: impl Fn(A) -> R) {
    fn run<A, R>(out: &mut [R], a: impl Read<A>, f: impl Fn(A) -> R) {
        for (place, result) in out.iter_mut().enumerate() {
            *result = f(a.at(place));
        }
    }
    each_way!(out.len(); a => run(out, a, f));
}

pub(super) fn two<A: Plain, B: Plain, R: Plain>(
    out: &mut [R],
    a: Lanes<'_, A>,
    b: Lanes<'_, B>,
    f: impl Fn(A, B) -> R,
) {
    fn run<A, B, R>(out: &mut [R], a: impl Read<A>, b: impl Read<B>, f: impl Fn(A, B) -> R) {
        for (place, result) in out.iter_mut().enumerate() {
            *result = f(a.at(place), b.at(place));
        }
    }
    each_way!(out.len(); a b => run(out, a, b, f));
}

pub(super) fn three<A: Plain, B: Plain, C: Plain, R: Plain>(
    out: &mut [R],
    a: Lanes<'_, A>,
    b: Lanes<'_, B>,
    c: Lanes<'_, C>,
    f: impl Fn(A, B, C) -> R,
) {
    fn run<A, B, C, R>(out: &mut [R], a: impl Read<A>, b: impl Read<B>, c: impl Read<C>, f: impl Fn(A, B, C) -> R) {
        for (place, result) in out.iter_mut().enumerate() {
            *result = f(a.at(place), b.at(place), c.at(place));
        }
    }
    each_way!(out.len(); a b c => run(out, a, b, c, f));
}
