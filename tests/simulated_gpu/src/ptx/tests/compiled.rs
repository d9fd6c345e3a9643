//! What NVRTC 13.0 makes of two CUDA C kernels, and how fast kernels run.

use std::time::Instant;

use super::{BASE, Flat};
use crate::ptx::{Launch, launch, read};
use crate::random::Random;

fn floats(seed: u64, count: usize) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.below(2001) as f32 / 16.0 - 60.0).collect()
}

#[test]
fn saxpy_from_nvrtc_computes_its_sums_and_stops_at_the_end() {
    let kernels = read(include_str!("../../../data/saxpy.ptx"), 90).expect("it is right");
    let kernel = &kernels[0];
    let bytes: Vec<usize> = kernel.parameters.iter().map(|parameter| parameter.bytes).collect();
    assert_eq!((&*kernel.name, &bytes[..], kernel.parameter_bytes), ("saxpy", &[4, 8, 8, 8][..], 32));
    let (x, y) = (floats(1, 1000), floats(2, 1000));
    let mut memory = Flat(Flat::of(&[&x[..], &y[..], &[7.5; 24]].concat()));
    let mut parameters = 2.5_f32.to_le_bytes().to_vec();
    parameters.extend([0; 4]);
    [BASE, BASE + 4000, 1000].iter().for_each(|word| parameters.extend(word.to_le_bytes()));
    let grid = Launch {
        kernel,
        blocks: [4, 1, 1],
        threads: [256, 1, 1],
        shared: 0,
        parameters: &parameters,
        seed: 3,
        most: 1 << 30,
    };
    launch(&grid, &mut memory).expect("in bounds");
    let found = memory.floats();
    for i in 0..1000 {
        assert_eq!(found[1000 + i], 2.5_f32.mul_add(x[i], y[i]), "at {i}");
    }
    assert_eq!(found[2000..], [7.5; 24]);
}

#[test]
fn the_tiled_product_from_nvrtc_is_the_product_of_the_matrices() {
    let kernels = read(include_str!("../../../data/matmul.ptx"), 90).expect("it is right");
    let kernel = &kernels[0];
    assert_eq!(kernel.shared, 2048);
    for n in [1_usize, 16, 37] {
        let (a, b) = (floats(1, n * n), floats(2, n * n));
        let mut memory = Flat(Flat::of(&[&a[..], &b[..], &vec![0.0; n * n][..]].concat()));
        let size = 4 * (n * n) as u64;
        let parameters: Vec<u8> =
            [BASE, BASE + size, BASE + 2 * size, n as u64].iter().flat_map(|word| word.to_le_bytes()).collect();
        let parameters = &parameters[..28];
        let blocks = (n as u32).div_ceil(16);
        let grid = Launch {
            kernel,
            blocks: [blocks, blocks, 1],
            threads: [16, 16, 1],
            shared: 0,
            parameters,
            seed: n as u64,
            most: 1 << 30,
        };
        launch(&grid, &mut memory).expect("in bounds");
        for row in 0..n {
            for column in 0..n {
                // The kernel adds zeros beyond the end, which change nothing.
                let wanted = (0..n).fold(0.0_f32, |sum, k| a[row * n + k].mul_add(b[k * n + column], sum));
                assert_eq!(memory.floats()[2 * n * n + row * n + column], wanted, "{row}, {column} of {n}");
            }
        }
    }
}

/// Nobody waits for the simulation: some 20 million operations a second are far more than tests need.
#[test]
fn kernels_run_fast_enough_for_tests() {
    let text = super::kernel(
        ".reg .b64 %p; .reg .b32 %r<3>; .reg .pred %q; mov.u32 %r0, 0; mov.u32 %r1, 1; \
         again: mad.lo.u32 %r1, %r1, 1664525, 1013904223; xor.b32 %r1, %r1, %r0; shr.u32 %r2, %r1, 3; \
         add.u32 %r1, %r1, %r2; add.u32 %r0, %r0, 1; setp.lt.u32 %q, %r0, 100000; @%q bra again; \
         ld.param.u64 %p, [p0]; st.global.u32 [%p], %r1;",
    );
    let mut memory = Flat(vec![0; 8]);
    let begin = Instant::now();
    let executed = super::run(&text, &mut memory, ([1; 3], [32, 1, 1], 0), &[BASE, 0, 0, 0], 0).expect("it runs");
    let rate = executed as f64 / begin.elapsed().as_secs_f64();
    println!("{:.0} million operations a second", rate / 1e6);
    let wanted = (0..100_000_u32).fold(1_u32, |x, i| {
        let x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) ^ i;
        x.wrapping_add(x >> 3)
    });
    assert_eq!(memory.word(0) as u32, wanted);
}
