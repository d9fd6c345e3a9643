//! The network: three parts of the toolkit, and one of its own.
//!
//! ```text
//!                            ┌─ worker ─┐
//! generate ──row numbers─────┼─ worker ─┼─────rows, in order──▶ paint
//!                            └─ worker ─┘
//! ```
//!
//! A row inside the set takes a hundred times as long as one outside: so each worker takes the next row whenever it is
//! free, and rows overtake each other. The ordered farm puts them in order again, and never has more under way than two a
//! worker: so what waits for a slow row is bounded.

use aqueduct::prelude::*;
use aqueduct::toolkit::{generate, ordered_thread_farm};
use indicatif::ProgressBar;

use super::common::complain;
use super::fractal::Picture;

/// Draws it with so many threads; also gives a picture of the network.
pub(crate) fn draw(
    picture: Picture,
    workers: usize,
    bar: Option<ProgressBar>,
) -> Result<(Vec<u8>, String), ProcessError> {
    let (numbers, numbers_in) = aqueduct::channel();
    let (rows, rows_in) = aqueduct::buffered(workers);
    let network = par!(
        generate(0..picture.height, numbers),
        ordered_thread_farm(workers, move |y| Ok(picture.row(y)), numbers_in, rows).named(format!("farm of {workers}")),
        paint(picture, bar, rows_in),
    );
    let shape = network.shape().to_string();
    let ((), (), pixels) = aqueduct::run(network)?;
    Ok((pixels, shape))
}

/// Puts the rows below each other, and tells how far it is. A terminal may block: hence a thread.
#[process]
fn paint(picture: Picture, bar: Option<ProgressBar>, rows: Receiver<Vec<u8>>) -> Outcome<Vec<u8>> {
    let mut pixels = Vec::new();
    for (row, y) in rows.iter().zip(1..) {
        pixels.extend(row?);
        match &bar {
            Some(bar) => bar.set_position(u64::from(y)),
            None if (4 * y) % picture.height < 4 => complain(format_args!("{y} of {} rows", picture.height)),
            None => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(pixels)
}
