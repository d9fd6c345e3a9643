//! Kernels: what a GPU process computes for each batch.

mod arguments;
mod copy;
mod entry;
mod launch;
mod recipe;
mod source;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

pub use arguments::{Argument, Arguments, In, InOut, Len, Out, Scalar, Twin};
pub use copy::copy;
pub use launch::{Dimensions, Launch};
pub use source::{Source, SourceKernel};

use super::error::GpuError;
use crate::gpu::stage::Stage;

pub(crate) use recipe::{Grid, HostBody, Length, Parameter, Passes, Plan, Recipe, Role, Value};

/// What a GPU process computes for each batch: with a body for the GPU, a body for the CPU, or both.
///
/// `I` is the tuple of the element types of its inputs, `O` that of its outputs: `Kernel<(f32, f32), (f32,)>` makes one
/// batch of two. Cloning it is cheap.
pub struct Kernel<I, O> {
    recipe: Arc<Recipe>,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Kernel<I, O> {
    pub(crate) fn recipe(&self) -> &Arc<Recipe> {
        &self.recipe
    }

    pub(crate) fn from_recipe(recipe: Recipe) -> Self {
        Self { recipe: Arc::new(recipe), types: PhantomData }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// Its text for GPUs of this compute capability (90 is 9.0): PTX, for those who like to look at it.
    ///
    /// # Errors
    /// [`GpuError::Compile`] and [`GpuError::NoCompiler`], if it has to be compiled first.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::gpu::{self, F32, GpuError};
    ///
    /// let text = gpu::map(|x: F32| x * 2.0 + 1.0).ptx_text(90)?;
    /// assert!(text.starts_with("// map:") && text.contains("mul.rn.f32"), "{text}");
    /// # Ok::<(), GpuError>(())
    /// ```
    pub fn ptx_text(&self, capability: u32) -> Result<String, GpuError> {
        Ok(self.recipe.plan.ptx(capability)?.into_owned())
    }
}

impl<I, O> Clone for Kernel<I, O> {
    fn clone(&self) -> Self {
        Self { recipe: Arc::clone(&self.recipe), types: PhantomData }
    }
}

impl<I, O> fmt::Debug for Kernel<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("name", &self.recipe.name).finish_non_exhaustive()
    }
}

impl<I, O> Kernel<I, O> {
    /// The kernel as a stage of a network, which is run on a device.
    pub fn stage(&self) -> Stage<I, O> {
        Stage::new(self)
    }
}

/// What can be used as a kernel: a [`Kernel`], a [`SourceKernel`], or a reference to one.
pub trait IntoKernel {
    /// The tuple of the element types of its inputs.
    type Inputs;
    /// The tuple of the element types of its outputs.
    type Outputs;

    /// The kernel.
    fn into_kernel(self) -> Kernel<Self::Inputs, Self::Outputs>;
}

impl<I, O> IntoKernel for Kernel<I, O> {
    type Inputs = I;
    type Outputs = O;

    fn into_kernel(self) -> Self {
        self
    }
}

impl<I, O> IntoKernel for &Kernel<I, O> {
    type Inputs = I;
    type Outputs = O;

    fn into_kernel(self) -> Kernel<I, O> {
        self.clone()
    }
}

impl<A: Arguments> IntoKernel for SourceKernel<A> {
    type Inputs = A::Inputs;
    type Outputs = A::Outputs;

    fn into_kernel(self) -> Kernel<A::Inputs, A::Outputs> {
        self.kernel()
    }
}

impl<A: Arguments> IntoKernel for &SourceKernel<A> {
    type Inputs = A::Inputs;
    type Outputs = A::Outputs;

    fn into_kernel(self) -> Kernel<A::Inputs, A::Outputs> {
        self.kernel()
    }
}
