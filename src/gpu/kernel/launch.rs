//! How many threads a kernel gets for a batch.

use std::sync::Arc;

use super::recipe::Grid;
use crate::gpu::error::GpuError;

/// Numbers in x, y and z. Made from `n`, `(x, y)` or `(x, y, z)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    x: u32,
    y: u32,
    z: u32,
}

impl From<u32> for Dimensions {
    fn from(x: u32) -> Self {
        Self { x, y: 1, z: 1 }
    }
}

impl From<(u32, u32)> for Dimensions {
    fn from((x, y): (u32, u32)) -> Self {
        Self { x, y, z: 1 }
    }
}

impl From<(u32, u32, u32)> for Dimensions {
    fn from((x, y, z): (u32, u32, u32)) -> Self {
        Self { x, y, z }
    }
}

impl Dimensions {
    fn list(self) -> [u32; 3] {
        [self.x, self.y, self.z]
    }
}

/// The shape of a launch: blocks of threads in one, two or three dimensions, and their shared memory.
///
/// # Examples
/// ```
/// use aqueduct::gpu::Launch;
///
/// // A thread for each element of a batch, and up to 255 more: the kernel compares its index with `Len`.
/// let one = Launch::cover(256);
/// // A thread for each pixel of a picture, in blocks of 16 × 16, each with 2 KiB of shared memory.
/// let two = Launch::cover_area((1920, 1080), (16, 16)).shared(2048);
/// # let _ = (one, two);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Launch {
    blocks: Blocks,
    threads: Dimensions,
    shared: u32,
}

/// Limits that every device has: CUDA's programming guide, "Technical Specifications per Compute Capability".
const MOST_THREADS_IN_Z: u32 = 64;
const MOST_BLOCKS_IN_Y_AND_Z: u32 = 65_535;

#[derive(Debug, Clone, Copy)]
enum Blocks {
    /// At least a thread for each element of the batch.
    Cover,
    /// Exactly a thread for each.
    Exact,
    /// At least a thread for each point of an area.
    Area(Dimensions),
    /// So many.
    Fixed(Dimensions),
}

impl Launch {
    /// As many blocks of `threads` as it takes to have a thread for each element of the batch.
    ///
    /// The last block may have more threads than elements are left: the kernel must compare its index with
    /// [`Len`](super::Len).
    #[must_use]
    pub fn cover(threads: u32) -> Self {
        Self { blocks: Blocks::Cover, threads: threads.into(), shared: 0 }
    }

    /// A thread for each element of the batch, no more: a batch that does not divide by `threads` is an error.
    #[must_use]
    pub fn exact(threads: u32) -> Self {
        Self { blocks: Blocks::Exact, threads: threads.into(), shared: 0 }
    }

    /// As many blocks of `threads` as it takes to have a thread for each point of an area, or of a space.
    #[must_use]
    pub fn cover_area(area: impl Into<Dimensions>, threads: impl Into<Dimensions>) -> Self {
        Self { blocks: Blocks::Area(area.into()), threads: threads.into(), shared: 0 }
    }

    /// So many blocks of so many threads, whatever the batch.
    #[must_use]
    pub fn grid(blocks: impl Into<Dimensions>, threads: impl Into<Dimensions>) -> Self {
        Self { blocks: Blocks::Fixed(blocks.into()), threads: threads.into(), shared: 0 }
    }

    /// Gives each block so many bytes of dynamic shared memory, beside what the kernel declares itself.
    #[must_use]
    pub fn shared(mut self, bytes: u32) -> Self {
        self.shared = bytes;
        self
    }

    pub(super) fn shared_bytes(&self) -> u32 {
        self.shared
    }

    /// What no device could do, if it is that.
    pub(super) fn problem(&self) -> Option<String> {
        let threads = self.threads.list();
        if threads.contains(&0) {
            return Some("a block needs at least one thread in each dimension".to_owned());
        }
        let all: u64 = threads.iter().map(|n| u64::from(*n)).product();
        if all > 1024 {
            return Some(format!("a block of {all} threads is too large: CUDA allows 1024"));
        }
        if self.threads.z > MOST_THREADS_IN_Z {
            return Some(format!(
                "a block of {} threads in z is too large: CUDA allows {MOST_THREADS_IN_Z}",
                self.threads.z
            ));
        }
        let (Blocks::Area(area) | Blocks::Fixed(area)) = self.blocks else { return None };
        if area.list().contains(&0) {
            return Some("a launch needs at least one block in each dimension".to_owned());
        }
        let blocks = self.blocks_of(area);
        let most = [i32::MAX.cast_unsigned(), MOST_BLOCKS_IN_Y_AND_Z, MOST_BLOCKS_IN_Y_AND_Z];
        let axis = (0..3).find(|axis| blocks[*axis] > most[*axis])?;
        Some(format!("{} blocks in {} are too many: CUDA allows {}", blocks[axis], ["x", "y", "z"][axis], most[axis]))
    }

    /// How many blocks an area or a fixed number of them comes to.
    fn blocks_of(&self, area: Dimensions) -> [u32; 3] {
        let (area, threads) = (area.list(), self.threads.list());
        match self.blocks {
            Blocks::Area(_) => [0, 1, 2].map(|axis| area[axis].div_ceil(threads[axis])),
            _ => area,
        }
    }

    /// The launch for a batch of this length.
    pub(super) fn grid_for(&self, kernel: &Arc<str>, length: usize) -> Result<Grid, GpuError> {
        let threads = self.threads.list();
        let blocks = match self.blocks {
            Blocks::Cover | Blocks::Exact => {
                let block = threads.iter().map(|n| *n as usize).product::<usize>();
                if matches!(self.blocks, Blocks::Exact) && !length.is_multiple_of(block) {
                    return Err(GpuError::DoesNotDivide { kernel: Arc::clone(kernel), length, block });
                }
                let blocks = i32::try_from(length.div_ceil(block)).map_err(|_| GpuError::Launch {
                    kernel: Arc::clone(kernel),
                    problem: format!(
                        "a batch of {length} elements needs more blocks of {block} threads than CUDA allows"
                    ),
                })?;
                [blocks.cast_unsigned(), 1, 1]
            }
            Blocks::Area(area) | Blocks::Fixed(area) => self.blocks_of(area),
        };
        Ok(Grid { blocks, threads, shared: self.shared })
    }
}
