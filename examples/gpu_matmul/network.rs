//! The kernel, the network around it, and the proof of a product.
//!
//! ```text
//! matrices ─A─▶ ┌────────┐
//!               │ matmul │ ─C─▶ prove
//! matrices ─B─▶ └────────┘
//! ```

use aqueduct::gpu::{Gpu, In, Kernel, Launch, Out, Pinned, Scalar, Source, SourceKernel};
use aqueduct::prelude::*;

use super::common::Progress;

/// Where the kernel comes from.
pub(crate) fn source(cuda_c: bool) -> Source {
    if cuda_c {
        Kernel::cuda_c(include_str!("matmul.cu"), "matmul")
    } else {
        Kernel::ptx(include_str!("matmul.ptx"), "matmul")
    }
}

type Arguments = (In<f32>, In<f32>, Out<f32>, Scalar<u32>);

/// The product of two matrices of `n` rows and columns.
fn matmul(source: Source, n: u32) -> SourceKernel<Arguments> {
    let tile = 16;
    source
        .args((In::<f32>(), In::<f32>(), Out::<f32>(), Scalar(n)))
        // A thread for each element, in blocks of a tile; those at the edge have threads beyond it.
        .launch(Launch::cover_area((n, n), (tile, tile)))
        .cpu(|a: &[f32], b: &[f32], c: &mut [f32], n: u32| {
            let n = n as usize;
            for (a, c) in a.chunks_exact(n).zip(c.chunks_exact_mut(n)) {
                c.fill(0.0);
                for (a, b) in a.iter().zip(b.chunks_exact(n)) {
                    for (c, b) in c.iter_mut().zip(b) {
                        *c += a * b;
                    }
                }
            }
        })
}

/// The elements of a matrix: whole numbers from -8 to 7. So a product of two is exact, in whatever order it is summed up.
pub(crate) fn elements(matrix: u64) -> impl Iterator<Item = i8> {
    let mut random = fastrand::Rng::with_seed(matrix);
    std::iter::repeat_with(move || random.i8(-8..8))
}

#[process]
async fn matrices(gpu: Gpu, numbers: Vec<u64>, n: u32, out: Sender<Pinned<f32>>) -> Outcome {
    for number in numbers {
        let mut matrix = gpu.pinned((n * n) as usize).await?;
        for (place, element) in matrix.iter_mut().zip(elements(number)) {
            *place = element.into();
        }
        out.send(matrix).await?;
    }
    Ok(())
}

/// Proves each product; gives how many there were.
#[process]
async fn prove(products: u64, n: u32, results: Receiver<Pinned<f32>>) -> Outcome<u64> {
    let mut progress = Progress::new("products", products);
    let mut proven = 0;
    while let Some(product) = results.next().await? {
        if !is_product(2 * proven, 2 * proven + 1, &product, n as usize) {
            return Err(Exit::failure(format!("product {proven} is not that of its matrices")));
        }
        proven += 1;
        progress.advance();
    }
    Ok(proven)
}

/// Whether `c` is the product of the matrices of these numbers, by Freivalds' test: C·r = A·(B·r) for vectors r of random
/// numbers. It takes n² steps where another multiplication would take n³. A product with any wrong element passes it with a
/// probability below 2⁻⁶⁰: there are three vectors, each of numbers below 2²⁰, and all is computed in whole numbers.
pub(crate) fn is_product(a: u64, b: u64, c: &[f32], n: usize) -> bool {
    if c.len() != n * n || c.iter().any(|element| element.fract() != 0.0) {
        return false;
    }
    let mut random = fastrand::Rng::with_seed(!a);
    (0..3).all(|_| {
        let r: Vec<i64> = (0..n).map(|_| random.i64(0..1 << 20)).collect();
        let (a, b) = (elements(a).map(i64::from), elements(b).map(i64::from));
        times(a, &times(b, &r)) == times(c.iter().map(|element| *element as i64), &r)
    })
}

/// A matrix times a vector.
fn times(mut matrix: impl Iterator<Item = i64>, vector: &[i64]) -> Vec<i64> {
    let mut row = || vector.iter().zip(matrix.by_ref()).map(|(v, element)| v * element).sum();
    vector.iter().map(|_| row()).collect()
}

/// Multiplies so many pairs of matrices on this device, and proves the products; gives how many there were.
pub(crate) async fn multiply(gpu: &Gpu, source: Source, products: u64, n: u32) -> Result<u64, ProcessError> {
    let (a, a_in) = aqueduct::channel();
    let (b, b_in) = aqueduct::channel();
    let (c, c_in) = aqueduct::channel();
    let ((), (), (), proven) = par!(
        matrices(gpu.clone(), (0..products).map(|product| 2 * product).collect(), n, a),
        matrices(gpu.clone(), (0..products).map(|product| 2 * product + 1).collect(), n, b),
        matmul(source, n).stage().run(gpu, (a_in, b_in), c),
        prove(products, n, c_in),
    )
    .await?;
    Ok(proven)
}
