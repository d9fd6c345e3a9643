//! What NVRTC 13.0.88 makes of CUDA C, for `compute_90`, and how fast kernels run. The sources stand beside the texts.

use std::time::Instant;

use super::{BASE, Flat, read};
use crate::ptx::{Launch, launch};
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

const ASSORTED: &str = include_str!("../../../data/assorted.ptx");

/// Runs a kernel of the assorted ones; its parameters are given with their sizes.
fn assorted(name: &str, grid: ([u32; 3], [u32; 3], usize), parameters: &[(u64, usize)], memory: &mut Flat) {
    // Its variables are put behind what is in the memory.
    let kernels = crate::ptx::read(ASSORTED, 90, &mut |content| {
        let address = BASE + memory.0.len() as u64;
        memory.0.extend(content);
        address
    });
    let kernels = kernels.expect("it is right");
    let kernel = kernels.iter().find(|kernel| &*kernel.name == name).expect("it is there");
    let mut bytes = vec![0; kernel.parameter_bytes];
    for (place, (value, size)) in kernel.parameters.iter().zip(parameters) {
        assert_eq!(place.bytes, *size);
        bytes[place.offset..place.offset + size].copy_from_slice(&value.to_le_bytes()[..*size]);
    }
    let (blocks, threads, shared) = grid;
    let grid = Launch { kernel, blocks, threads, shared, parameters: &bytes, seed: 9, most: 1 << 32 };
    launch(&grid, memory).expect("in bounds");
}

#[test]
fn mandelbrots_set_is_that_of_the_same_program_in_rust() {
    let (width, height, limit) = (45_u64, 30_u64, 200);
    let mut memory = Flat(vec![0; 4 * 45 * 30]);
    assorted("mandelbrot", ([6, 4, 1], [8, 8, 1], 0), &[(BASE, 8), (width, 4), (height, 4), (limit, 4)], &mut memory);
    let found = memory.0.chunks_exact(4).take(1350).map(|n| u32::from_le_bytes(n.try_into().expect("four")));
    let mut different = 0;
    for (i, found) in found.enumerate() {
        let (x, y) = ((i % 45) as f64, (i / 45) as f64);
        let (cr, ci) = (-2.0 + 3.0 * x / 45.0, -1.0 + 2.0 * y / 30.0);
        let (mut zr, mut zi, mut n) = (0.0_f64, 0.0_f64, 0);
        while n < 200 && zr * zr + zi * zi <= 4.0 {
            (zr, zi) = (zr * zr - zi * zi + cr, 2.0 * zr * zi + ci);
            n += 1;
        }
        different += u32::from(n != found);
    }
    // NVRTC fuses products and sums, so that a point at the very edge may take another turn.
    assert!(different <= 20, "{different} of 1350 points differ");
}

#[test]
fn random_points_are_counted_exactly() {
    let (seed, mut memory) = (42_u64, Flat(vec![0; 4]));
    assorted("hits", ([3, 1, 1], [33, 1, 1], 0), &[(seed, 8), (BASE, 8), (50, 8)], &mut memory);
    let mut wanted = 0;
    for i in 0..99_u64 {
        let mut random = Random::new(seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        for _ in 0..50 {
            let z = random.next();
            let part = |bits: u64| (bits & 0xff_ffff) as f32 / 16_777_216.0;
            let (x, y) = (part(z >> 40), part(z >> 8));
            wanted += u32::from(x.mul_add(x, y * y) < 1.0);
        }
    }
    assert_eq!(memory.0[..4], wanted.to_le_bytes());
}

#[test]
fn a_sum_over_warps_and_dynamic_shared_memory_is_the_sum() {
    let numbers: Vec<f32> = (0..5000).map(|i| (i % 100) as f32).collect();
    let mut memory = Flat(Flat::of(&[&numbers[..], &[0.0; 4]].concat()));
    let parameters = [(BASE, 8), (BASE + 20_000, 8), (5000, 4)];
    assorted("sum", ([4, 1, 1], [256, 1, 1], 32), &parameters, &mut memory);
    // Whole numbers, so that every order gives the same.
    assert_eq!(memory.floats()[5000..5004].iter().sum::<f32>(), 247_500.0);
}

#[test]
fn sines_of_large_numbers_come_from_a_table() {
    let numbers: Vec<f32> = (0..64).map(|i| (i - 32) as f32 * 10_f32.powi(i / 8)).collect();
    let mut memory = Flat([Flat::of(&numbers), vec![0; 256]].concat());
    assorted("sines", ([1; 3], [64, 1, 1], 0), &[(BASE, 8), (BASE + 256, 8)], &mut memory);
    for (x, found) in numbers.iter().zip(&memory.floats()[64..]) {
        let wanted = f64::from(*x).sin();
        assert!((f64::from(*found) - wanted).abs() < 2e-7, "sine of {x}: {found}, not {wanted}");
    }
}

#[test]
fn functions_that_are_many_instructions_are_near_the_true_ones() {
    let fours: Vec<f32> = (0..64).flat_map(|i| [i as f32 / 2.0 - 15.0, i as f32 + 0.25, i as f32, 1.5]).collect();
    let mut memory = Flat([Flat::of(&fours), vec![0; 64 * 5]].concat());
    let parameters = [(BASE, 8), (BASE + 1024, 8), (BASE + 1280, 8), (-13_i32 as u32 as u64, 4)];
    assorted("functions", ([1; 3], [64, 1, 1], 0), &parameters, &mut memory);
    let near = |found: f32, wanted: f64| (f64::from(found) - wanted).abs() <= 3e-7 * wanted.abs().max(1e-3);
    for (i, (found, given)) in memory.floats().chunks_exact(4).zip(fours.chunks_exact(4)).take(64).enumerate() {
        let wide = |n: f32| f64::from(n);
        assert!(near(found[0], wide(given[0]).exp()), "e to the {}: {}", given[0], found[0]);
        assert!(near(found[1], wide(given[1]).ln()), "logarithm of {}: {}", given[1], found[1]);
        assert_eq!(found[2..], [given[2].sqrt() / 1.5, given[0].min(1.5)], "at {i}");
    }
    for i in 0..64_i32 {
        let wanted = (i * 1000 - 7777) / -13 + (i * 1000 - 7777) % 7 + (i.count_ones() + i.leading_zeros()) as i32;
        let at = 1024 + 4 * i as usize;
        assert_eq!(memory.0[at..at + 4], wanted.to_le_bytes(), "at {i}");
        assert_eq!(memory.0[1280 + i as usize], (wanted >> 3) as u8, "at {i}");
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
