//! The kernel, and the network around it.
//!
//! ```text
//! strips ─first row─▶ ┌────────┐ ─steps──────▶ ┌───────┐
//!                     │ kernel │               │ paint │
//!                     └────────┘ ─distances──▶ └───────┘
//! ```

use aqueduct::gpu::{Gpu, In, Kernel, Launch, Out, Pinned, Scalar, SourceKernel};
use aqueduct::prelude::*;

use super::common::Progress;
use super::fractal::{Picture, colour};

/// Rows of a strip, which is a batch.
pub(crate) const ROWS: u32 = 32;

type Arguments = (In<u32>, Out<u32>, Out<f64>, Scalar<u32>, Scalar<u32>, Scalar<u32>, Scalar<f64>, Scalar<u32>);

/// For the first row of a strip: of each of its points, how many steps it takes to leave the circle, and how far out it is
/// then. A point that stays has the distance 0.
fn kernel(picture: Picture) -> SourceKernel<Arguments> {
    let Picture { width, height, iterations } = picture;
    let points = (width * ROWS) as usize;
    Kernel::ptx(include_str!("mandelbrot.ptx"), "mandelbrot")
        .args((
            In::<u32>().of(1),
            Out::<u32>().of(points),
            Out::<f64>().of(points),
            Scalar(width),
            Scalar(height),
            Scalar(ROWS),
            Scalar(3.0 / f64::from(width)),
            Scalar(iterations),
        ))
        .launch(Launch::cover_area((width, ROWS), (32, 8)))
        .cpu(twin)
}

/// The same in Rust.
#[allow(clippy::too_many_arguments, reason = "so many has the kernel")]
fn twin(
    first_row: &[u32],
    steps: &mut [u32],
    distances: &mut [f64],
    width: u32,
    height: u32,
    _rows: u32,
    scale: f64,
    iterations: u32,
) {
    for (place, (step, distance)) in (0..).zip(steps.iter_mut().zip(distances)) {
        let (column, row) = (place % width, first_row[0] + place / width);
        let real = (f64::from(column) + 0.5 - f64::from(width) / 2.0) * scale - 0.5;
        let imaginary = (f64::from(row) + 0.5 - f64::from(height) / 2.0) * scale;
        let (mut x, mut y) = (0.0, 0.0);
        (*step, *distance) = (0, 0.0);
        while *step < iterations {
            let (xx, yy) = (x * x, y * y);
            if xx + yy > 256.0 {
                *distance = xx + yy;
                break;
            }
            (x, y) = (xx - yy + real, 2.0 * x * y + imaginary);
            *step += 1;
        }
    }
}

#[process]
async fn strips(height: u32, out: Sender<Vec<u32>>) -> Outcome {
    for first_row in (0..height).step_by(ROWS as usize) {
        out.send(vec![first_row]).await?;
    }
    Ok(())
}

/// Colours the points. That is left to the host, since a logarithm and a cosine are not the same everywhere.
#[process]
async fn paint(picture: Picture, steps: Receiver<Pinned<u32>>, distances: Receiver<Pinned<f64>>) -> Outcome<Vec<u8>> {
    let bytes = 3 * (picture.width * picture.height) as usize;
    let mut progress = Progress::new("strips", picture.height.div_ceil(ROWS).into());
    let mut pixels = Vec::with_capacity(bytes);
    while let Some(steps) = steps.next().await? {
        let distances = distances.recv().await?;
        for (steps, distance) in steps.iter().zip(&*distances) {
            pixels.extend(if *distance > 0.0 { colour(*steps, *distance) } else { [0; 3] });
        }
        progress.advance();
    }
    // The last strip may go beyond the picture.
    pixels.truncate(bytes);
    Ok(pixels)
}

/// The red, green and blue of each pixel, computed on this device.
pub(crate) async fn draw(gpu: &Gpu, picture: Picture) -> Result<Vec<u8>, ProcessError> {
    let (rows, rows_in) = aqueduct::channel();
    let (steps, steps_in) = aqueduct::channel();
    let (distances, distances_in) = aqueduct::channel();
    // On the CPU a slot is a thread's work: more of them than threads keep all busy.
    let ((), (), pixels) = par!(
        strips(picture.height, rows),
        kernel(picture).stage().slots(8).run(gpu, rows_in, (steps, distances)),
        paint(picture, steps_in, distances_in),
    )
    .await?;
    Ok(pixels)
}
