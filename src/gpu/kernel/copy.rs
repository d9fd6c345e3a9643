//! The kernel that computes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use super::Kernel;
use super::recipe::{HostBody, Length, Parameter, Passes, Plan, Recipe, Role};
use crate::gpu::element::{Plain, check_layout};
use crate::gpu::error::GpuError;

/// A kernel that changes nothing: its stage only moves batches, from where its input channel has them to where its output
/// channel has them.
///
/// So it is the way to a device and back: from `Vec` or [`Pinned`](crate::gpu::Pinned) to
/// [`DeviceBuf`](crate::gpu::DeviceBuf), from `DeviceBuf` to `Vec` or `Pinned`, and from one device to another. Where both lie
/// in the same place nothing is copied.
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, DeviceBuf, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { aqueduct::run(async {
/// let gpu = Gpu::pick();
/// let there: DeviceBuf<u32> = gpu.call(gpu::copy(), vec![1, 2, 3]).await?;
/// let doubled: DeviceBuf<u32> = gpu.call(gpu::map(|n: gpu::U32| n * 2), there).await?;
/// let back: Vec<u32> = gpu.call(gpu::copy(), doubled).await?;
/// assert_eq!(back, [2, 4, 6]);
/// # aqueduct::Outcome::Ok(()) })?; Ok(()) }
/// ```
#[must_use]
pub fn copy<T: Plain>() -> Kernel<(T,), (T,)> {
    const { check_layout::<T>() };
    Kernel::from_recipe(Recipe {
        name: "copy".into(),
        parameters: vec![Parameter { role: Role::InOut, place: 0, bytes: size_of::<T>(), length: Length::Batch }],
        plan: Arc::new(Nothing),
        body: Some(Arc::new(Nothing)),
    })
}

#[derive(Debug)]
struct Nothing;

impl Plan for Nothing {
    fn ptx(&self, _: u32) -> Result<Cow<'_, str>, GpuError> {
        Ok(Cow::Borrowed(""))
    }

    fn entries(&self) -> &[Arc<str>] {
        &[]
    }

    fn check(&self, _: &str) -> Result<(), GpuError> {
        Ok(())
    }

    fn scratch(&self, _: usize) -> usize {
        0
    }

    fn passes(&self, _: usize, _: &mut Passes) -> Result<(), GpuError> {
        Ok(())
    }
}

impl HostBody for Nothing {
    fn run(&self, _: &[&[u8]], _: &mut [&mut [u8]], _: usize) {}
}
