//! What the plans of all expression kernels share: tiles, grids, and levels of tiles.

use std::sync::Arc;

use crate::gpu::error::GpuError;
use crate::gpu::kernel::Grid;

/// The elements that one block of `reduce` and `scan` takes.
pub(crate) const TILE: usize = LANES * RUN;
/// The threads of such a block.
pub(crate) const LANES: usize = 256;
/// The elements of each of its threads.
pub(crate) const RUN: usize = 8;

/// Scratch memory is given out in pieces that start at multiples of this.
const ALIGNMENT: usize = 256;

/// The most blocks that a launch takes in its first dimension.
const MOST_BLOCKS: usize = i32::MAX as usize;

/// How many blocks cover `length` elements.
pub(crate) fn blocks_of(length: usize, block: usize) -> usize {
    length.div_ceil(block)
}

pub(crate) fn not_empty(kernel: &Arc<str>, length: usize) -> Result<(), GpuError> {
    if length == 0 { Err(GpuError::EmptyBatch { kernel: Arc::clone(kernel) }) } else { Ok(()) }
}

/// So many blocks of so many threads.
pub(crate) fn grid(kernel: &Arc<str>, blocks: usize, threads: u32) -> Result<Grid, GpuError> {
    match u32::try_from(blocks) {
        Ok(count) if blocks <= MOST_BLOCKS => Ok(Grid { blocks: [count, 1, 1], threads: [threads, 1, 1], shared: 0 }),
        _ => Err(GpuError::Launch {
            kernel: Arc::clone(kernel),
            problem: format!("the batch needs {blocks} blocks, and a launch takes {MOST_BLOCKS}: send smaller batches"),
        }),
    }
}

/// One step of a reduction or scan: so many elements become one for each of their tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) length: usize,
    pub(crate) tiles: usize,
    /// Where the elements that the tiles give lie in the scratch memory.
    pub(crate) offset: usize,
}

/// The levels from `length` elements, of so many bytes when they lie in scratch memory, down to a single tile.
pub(crate) fn levels(length: usize, bytes: usize) -> impl Iterator<Item = Level> {
    let level = move |length: usize, offset| Level { length, tiles: blocks_of(length, TILE), offset };
    std::iter::successors(Some(level(length, 0)), move |last| {
        (last.tiles > 1).then(|| level(last.tiles, last.end(bytes)))
    })
}

impl Level {
    /// Where its piece of the scratch memory ends.
    pub(crate) fn end(self, bytes: usize) -> usize {
        self.offset + (self.tiles * bytes).next_multiple_of(ALIGNMENT)
    }
}
