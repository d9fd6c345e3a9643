//! Kernels: what a GPU process computes for each batch.

mod recipe;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::error::GpuError;

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
