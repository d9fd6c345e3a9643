//! The lens: what a worker does.

use serde::{Deserialize, Serialize};

/// A picture, and how it is to be seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lens {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// How far a point spreads at the edge, in pixels.
    pub(crate) blur: u32,
    /// Red, green and blue, row by row.
    pub(crate) pixels: Vec<u8>,
}

/// A part of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tile {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Cuts the whole into tiles of this side; the last ones may be smaller.
pub(crate) fn tiles(all: Tile, side: u32) -> Vec<Tile> {
    let cut = move |length: u32| (0..length).step_by(side as usize).map(move |at| (at, side.min(length - at)));
    cut(all.height)
        .flat_map(|(top, height)| cut(all.width).map(move |(left, width)| Tile { left, top, width, height }))
        .collect()
}

#[aqueduct::remote(pure)]
impl Lens {
    /// A tile as the lens shows it, and which one that is.
    pub(crate) fn draw(&self, tile: Tile) -> (Tile, Vec<u8>) {
        let rows = tile.top..tile.top + tile.height;
        let columns = tile.left..tile.left + tile.width;
        let pixels = rows.flat_map(|y| columns.clone().flat_map(move |x| self.pixel(x, y))).collect();
        (tile, pixels)
    }
}

impl Lens {
    /// The mean of the disc around a point. In whole numbers, so that it is the same on every machine.
    fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let (width, height) = (i64::from(self.width), i64::from(self.height));
        let (x, y) = (i64::from(x), i64::from(y));
        // From 0 in the middle to 1 in the corners; its square is how soft it is there.
        let (far_x, far_y) = (2 * x + 1 - width, 2 * y + 1 - height);
        let radius = i64::from(self.blur) * (far_x * far_x + far_y * far_y) / (width * width + height * height);
        let (mut sum, mut count) = ([0_u64; 3], 0);
        for dy in -radius..=radius {
            for dx in -radius..=radius {
                if dx * dx + dy * dy > radius * radius {
                    continue;
                }
                // Beyond the edge it goes on as it is there.
                let (column, row) = ((x + dx).clamp(0, width - 1), (y + dy).clamp(0, height - 1));
                let at = 3 * (row * width + column) as usize;
                for (sum, part) in sum.iter_mut().zip(&self.pixels[at..at + 3]) {
                    *sum += u64::from(*part);
                }
                count += 1;
            }
        }
        sum.map(|sum| (sum / count) as u8)
    }
}
