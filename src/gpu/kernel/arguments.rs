//! The arguments of a kernel that was written by hand: what each is, and what its twin on the CPU gets for it.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::recipe::{Length, Role};
use crate::gpu::element::{Element, Number, Plain, check_layout};

/// A batch that the kernel reads: a pointer in the kernel, a `&[T]` in its twin, an input channel of its stage.
#[derive(Debug, Clone, Copy)]
pub struct In<T> {
    length: Length,
    element: PhantomData<fn() -> T>,
}

/// A batch that the kernel writes: a pointer in the kernel, a `&mut [T]` in its twin, an output channel of its stage.
///
/// The kernel must write every element: before, they hold whatever was there.
#[derive(Debug, Clone, Copy)]
pub struct Out<T> {
    length: Length,
    element: PhantomData<fn() -> T>,
}

/// A batch that the kernel reads and writes: a pointer in the kernel, a `&mut [T]` in its twin, an input and an output
/// channel of its stage.
#[derive(Debug, Clone, Copy)]
pub struct InOut<T> {
    length: Length,
    element: PhantomData<fn() -> T>,
}

/// A number that is the same for all batches.
#[derive(Debug, Clone, Copy)]
pub struct Scalar<T>(
    /// The number.
    pub T,
);

/// The length of the batch: a number of 32 or 64 bits in the kernel, a `usize` in its twin.
///
/// It is the length of the first input whose length is not [fixed](In::of).
#[derive(Debug, Clone, Copy)]
pub struct Len;

macro_rules! batches {
    ($($Name:ident)*) => {$(
        /// As long as the batch.
        #[allow(non_snake_case, reason = "it makes the argument of this name")]
        #[must_use]
        pub fn $Name<T: Plain>() -> $Name<T> {
            const { check_layout::<T>() };
            $Name { length: Length::Batch, element: PhantomData }
        }

        impl<T: Plain> $Name<T> {
            /// Always of this many elements, however long the batch.
            #[must_use]
            pub fn of(mut self, elements: usize) -> Self {
                self.length = Length::Fixed(elements);
                self
            }
        }
    )*};
}

batches!(In Out InOut);

/// What a kernel is given for one of its parameters: [`In`](struct@In), [`Out`](struct@Out), [`InOut`](struct@InOut), [`Scalar`] or [`Len`].
pub trait Argument: Debug + Send + Sync + 'static + sealed::Sealed {
    /// The element types of the inputs, with this argument's.
    #[doc(hidden)]
    type Inputs<L: List>: List;
    /// The element types of the outputs, with this argument's.
    #[doc(hidden)]
    type Outputs<L: List>: List;
    /// What the twin on the CPU gets.
    type Cpu<'a>;

    #[doc(hidden)]
    fn declare(&self) -> Declared;

    #[doc(hidden)]
    fn bind<'a>(&self, views: &mut Views<'a, '_>) -> Self::Cpu<'a>;
}

mod sealed {
    pub trait Sealed {}
}

/// An argument without its type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Declared {
    Batch(Batch),
    Scalar { number: Number, word: u64 },
    Len,
}

/// A batch without its type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    pub(crate) role: Role,
    pub(crate) bytes: usize,
    pub(crate) length: Length,
}

/// The batches that a twin has not been given yet.
#[doc(hidden)]
#[derive(Debug)]
pub struct Views<'a, 'b> {
    pub(crate) inputs: std::slice::Iter<'b, &'a [u8]>,
    pub(crate) outputs: std::slice::IterMut<'b, &'a mut [u8]>,
    pub(crate) length: usize,
}

impl<'a> Views<'a, '_> {
    fn input<T: Plain>(&mut self) -> &'a [T] {
        match self.inputs.next() {
            Some(bytes) => bytemuck::cast_slice(bytes),
            None => unreachable!("a kernel has as many inputs as it declares"),
        }
    }

    fn output<T: Plain>(&mut self) -> &'a mut [T] {
        match self.outputs.next() {
            Some(bytes) => bytemuck::cast_slice_mut(std::mem::take(bytes)),
            None => unreachable!("a kernel has as many outputs as it declares"),
        }
    }
}

/// A list of types: a tuple that can be made longer.
#[doc(hidden)]
pub trait List {
    type With<T>: List;
}

/// A list of more types than there may be.
#[doc(hidden)]
#[derive(Debug)]
pub struct TooMany;

impl List for TooMany {
    type With<T> = Self;
}

macro_rules! lists {
    ($(($($A:ident)*))*) => {$(
        impl<$($A),*> List for ($($A,)*) {
            type With<T> = ($($A,)* T,);
        }
    )*};
}

lists! {
    ()
    (A)
    (A B)
    (A B C)
}

impl<A, B, C, D> List for (A, B, C, D) {
    type With<T> = TooMany;
}

impl<T> sealed::Sealed for In<T> {}

impl<T: Plain> Argument for In<T> {
    type Inputs<L: List> = L::With<T>;
    type Outputs<L: List> = L;
    type Cpu<'a> = &'a [T];

    fn declare(&self) -> Declared {
        Declared::Batch(Batch { role: Role::In, bytes: size_of::<T>(), length: self.length })
    }

    fn bind<'a>(&self, views: &mut Views<'a, '_>) -> &'a [T] {
        views.input()
    }
}

impl<T> sealed::Sealed for Out<T> {}

impl<T: Plain> Argument for Out<T> {
    type Inputs<L: List> = L;
    type Outputs<L: List> = L::With<T>;
    type Cpu<'a> = &'a mut [T];

    fn declare(&self) -> Declared {
        Declared::Batch(Batch { role: Role::Out, bytes: size_of::<T>(), length: self.length })
    }

    fn bind<'a>(&self, views: &mut Views<'a, '_>) -> &'a mut [T] {
        views.output()
    }
}

impl<T> sealed::Sealed for InOut<T> {}

impl<T: Plain> Argument for InOut<T> {
    type Inputs<L: List> = L::With<T>;
    type Outputs<L: List> = L::With<T>;
    type Cpu<'a> = &'a mut [T];

    fn declare(&self) -> Declared {
        Declared::Batch(Batch { role: Role::InOut, bytes: size_of::<T>(), length: self.length })
    }

    fn bind<'a>(&self, views: &mut Views<'a, '_>) -> &'a mut [T] {
        views.output()
    }
}

impl<T> sealed::Sealed for Scalar<T> {}

impl<T: Element> Argument for Scalar<T> {
    type Inputs<L: List> = L;
    type Outputs<L: List> = L;
    type Cpu<'a> = T;

    fn declare(&self) -> Declared {
        Declared::Scalar { number: T::NUMBER, word: self.0.to_word() }
    }

    fn bind<'a>(&self, _: &mut Views<'a, '_>) -> T {
        self.0
    }
}

impl sealed::Sealed for Len {}

impl Argument for Len {
    type Inputs<L: List> = L;
    type Outputs<L: List> = L;
    type Cpu<'a> = usize;

    fn declare(&self) -> Declared {
        Declared::Len
    }

    fn bind<'a>(&self, views: &mut Views<'a, '_>) -> usize {
        views.length
    }
}

/// The arguments of a kernel: a tuple of one to eight, in the order of the kernel's own parameters; of at most four inputs
/// and four outputs.
pub trait Arguments: Send + Sync + 'static {
    /// The element types of the inputs.
    type Inputs;
    /// The element types of the outputs.
    type Outputs;

    #[doc(hidden)]
    fn declare(&self) -> Vec<Declared>;
}

/// The same kernel in Rust: a function of what each argument is on the CPU.
///
/// For `(Scalar<f32>, In<f32>, InOut<f32>, Len)` that is `Fn(f32, &[f32], &mut [f32], usize)`. A closure must name the types
/// of its parameters.
#[diagnostic::on_unimplemented(
    message = "this is not the twin of a kernel with the arguments `{A}`",
    label = "its parameters must be those of the kernel, in their order",
    note = "a twin takes `&[T]` for `In<T>`, `&mut [T]` for `Out<T>` and `InOut<T>`, `T` for `Scalar<T>`, `usize` for `Len`, \
            and returns nothing; in a closure write the types of the parameters: `|a: f32, x: &[f32], y: &mut [f32]| …`"
)]
pub trait Twin<A>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, arguments: &A, views: Views<'_, '_>);
}

macro_rules! arguments {
    (@inputs $list:ty;) => { $list };
    (@inputs $list:ty; $First:ident $($Rest:ident)*) => {
        arguments!(@inputs <$First as Argument>::Inputs<$list>; $($Rest)*)
    };
    (@outputs $list:ty;) => { $list };
    (@outputs $list:ty; $First:ident $($Rest:ident)*) => {
        arguments!(@outputs <$First as Argument>::Outputs<$list>; $($Rest)*)
    };
    ($(($($A:ident $index:tt)+))*) => {$(
        impl<$($A: Argument),+> Arguments for ($($A,)+) {
            type Inputs = arguments!(@inputs (); $($A)+);
            type Outputs = arguments!(@outputs (); $($A)+);

            fn declare(&self) -> Vec<Declared> {
                vec![$(self.$index.declare()),+]
            }
        }

        impl<F, $($A: Argument),+> Twin<($($A,)+)> for F
        where
            F: for<'a> Fn($($A::Cpu<'a>),+) + Send + Sync + 'static,
        {
            fn call(&self, arguments: &($($A,)+), mut views: Views<'_, '_>) {
                self($(arguments.$index.bind(&mut views)),+);
            }
        }
    )*};
}

arguments! {
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 G 5)
    (A 0 B 1 C 2 D 3 E 4 G 5 H 6)
    (A 0 B 1 C 2 D 3 E 4 G 5 H 6 I 7)
}
