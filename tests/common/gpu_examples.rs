//! What the GPU examples compute, on any device: small, and compared with plain Rust.
//!
//! Tests on the CPU and tests on simulated GPUs include this file; the caller says on which device.
#![allow(dead_code, reason = "only the computation is used, and by each test file a part of it")]
#![allow(clippy::duplicate_mod, reason = "each program has what they share as a module")]

use aqueduct::gpu::Gpu;

#[path = "../../examples/gpu_mandelbrot/main.rs"]
pub(crate) mod mandelbrot;
#[path = "../../examples/gpu_map.rs"]
mod map;
#[path = "../../examples/gpu_matmul/main.rs"]
mod matmul;
#[path = "../../examples/gpu_monte_carlo_pi.rs"]
mod monte_carlo_pi;
#[path = "../../examples/gpu_pipeline.rs"]
mod pipeline;
#[path = "../../examples/gpu_reduce.rs"]
mod reduce;
#[path = "../../examples/gpu_saxpy.rs"]
mod saxpy;

/// Batches of lengths that do and do not fill a block.
pub(crate) async fn saxpy_is_that_of_plain_rust(gpu: &Gpu) {
    for (batches, length) in [(1, 1), (5, 256), (4, 1000)] {
        let checked = saxpy::saxpy(gpu, batches, length).await.unwrap();
        assert_eq!(checked, batches * length as u64);
    }
}

pub(crate) async fn reductions_are_as_exact_as_they_must_be(gpu: &Gpu) {
    for length in [1, 2047, 2048, 5000] {
        let mut report = String::new();
        reduce::program(gpu, [length], &mut report).await.unwrap();
        assert!(report.contains("all are as exact as they must be"), "{report}");
        // And the extremes are those of the numbers themselves.
        let (x, y) = (reduce::vector(1, length as usize), reduce::vector(2, length as usize));
        let found = reduce::reduce(gpu, &x, &y).await.unwrap();
        assert!(x.contains(&found.minimum) && x.iter().all(|x| (found.minimum..=found.maximum).contains(x)));
    }
}

pub(crate) async fn darts_hit_as_often_as_in_plain_rust(gpu: &Gpu) {
    for (batches, length) in [(1, 1), (3, 300)] {
        let hits = monte_carlo_pi::throw_all(gpu, batches, length).await.unwrap();
        let right: Vec<u64> =
            (0..batches.into()).map(|batch| monte_carlo_pi::darts_again(batch, length as u64)).collect();
        assert_eq!(hits, right);
    }
}

pub(crate) async fn a_chain_is_the_same_on_the_device_and_to_and_fro(gpu: &Gpu) {
    let on_device = pipeline::chain::<aqueduct::gpu::DeviceBuf<f32>>(gpu, 6, 700).await.unwrap();
    let to_and_fro = pipeline::chain::<Vec<f32>>(gpu, 6, 700).await.unwrap();
    assert_eq!((on_device.checked, to_and_fro.checked), (6 * 700, 6 * 700));
    let copies = |ran: &pipeline::Ran| -> Vec<String> {
        pipeline::who_copies(&ran.shape).into_iter().map(|[.., copies]| copies).collect()
    };
    assert_eq!(
        copies(&on_device),
        ["host to device", "nothing", "nothing", "nothing", "nothing", "device to host"],
        "only the two ends"
    );
    assert_eq!(copies(&to_and_fro), ["there and back"; 6]);
}

/// The last strip goes beyond the picture, and a block beyond the strip.
pub(crate) async fn the_mandelbrot_set_is_that_of_the_farm(gpu: &Gpu) {
    let picture = mandelbrot::fractal::Picture { width: 60, height: 40, iterations: 30 };
    let drawn = mandelbrot::network::draw(gpu, picture).await.unwrap();
    let right: Vec<u8> = (0..picture.height).flat_map(|y| picture.row(y)).collect();
    assert!(right.chunks(3).any(|pixel| pixel == [0; 3]) && right.chunks(3).any(|pixel| pixel != [0; 3]));
    assert!(drawn == right);
}

/// Sizes that do and do not divide by the tile.
pub(crate) async fn products_of_matrices_are_proven(gpu: &Gpu) {
    for size in [1, 16, 33] {
        let proven = matmul::network::multiply(gpu, matmul::network::source(false), 2, size).await.unwrap();
        assert_eq!(proven, 2);
    }
}

/// A tile at the edge of the picture, and one in the middle.
pub(crate) async fn a_tile_is_that_of_a_plain_loop(gpu: &Gpu) {
    for corner in [(0, 0), (64, 64)] {
        let drawn = map::draw_on(gpu, &map::kernel(), 100, corner).await.unwrap();
        let side = 100.min(corner.0 + 64) - corner.0;
        let point = |place: u32| ((corner.0 + place % side) * 4096 / 100, (corner.1 + place / side) * 4096 / 100);
        let right: Vec<u8> = (0..side * side).map(point).map(|(x, y)| map::brightness(x, y)).collect();
        assert!(right.contains(&0) && right.iter().any(|bright| *bright > 100));
        assert_eq!(drawn, right);
    }
}

/// The known answers of Random123, the library of the paper's authors (`kat_vectors`, `philox4x32 10`).
pub(crate) fn philox_gives_the_numbers_of_its_authors() {
    let words = |words: [u32; 4]| words.map(u64::from);
    for (counter, key, answer) in [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ] {
        assert_eq!(monte_carlo_pi::philox(words(counter), key), words(answer));
    }
}

/// A single wrong element, in whatever place, is noticed.
pub(crate) fn a_wrong_product_is_no_product() {
    let n = 5;
    let matrix = |number| matmul::network::elements(number).take(n * n).map(f32::from).collect::<Vec<_>>();
    let (a, b) = (matrix(3), matrix(4));
    let element = |place: usize| (0..n).map(|k| a[place / n * n + k] * b[k * n + place % n]).sum::<f32>();
    let right: Vec<f32> = (0..n * n).map(element).collect();
    assert!(matmul::network::is_product(3, 4, &right, n));
    for place in 0..n * n {
        for wrong in [right[place] + 1.0, right[place] - 1.0, right[place] + 0.5, f32::NAN, f32::INFINITY] {
            let mut product = right.clone();
            product[place] = wrong;
            assert!(!matmul::network::is_product(3, 4, &product, n), "{wrong} at {place}");
        }
    }
    assert!(!matmul::network::is_product(3, 4, &right[1..], n));
}
