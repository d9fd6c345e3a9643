//! Reductions and scans against the order that their documentation promises, written down naively.

use super::{computed, same};
use crate::gpu::expression::{Expression, F32, F64, I64, U32, index, reduce, scan};

const LENGTHS: [usize; 18] =
    [1, 2, 3, 7, 8, 9, 255, 256, 257, 2047, 2048, 2049, 4095, 4096, 4097, 65_536, 65_537, 100_000];

/// Also what needs a third round, and what is divided over threads for certain.
const LONG: [usize; 3] = [4_194_304, 4_196_353, 5_000_000];

/// Floats whose sum depends on the order of its parts.
fn uneven(length: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    (0..length).map(|_| (random.f32() - 0.4) * f32::powi(10.0, random.i32(-4..5))).collect()
}

/// Tiles of 2048, filled up with the identity, are halved until one element is left; so are the elements that are left.
fn reduced<T: Copy>(elements: &[T], identity: T, op: &impl Fn(T, T) -> T) -> T {
    let left: Vec<T> = elements
        .chunks(2048)
        .map(|tile| {
            let mut tile = tile.to_vec();
            tile.resize(2048, identity);
            while tile.len() > 1 {
                let half = tile.len() / 2;
                tile = (0..half).map(|i| op(tile[i], tile[i + half])).collect();
            }
            tile[0]
        })
        .collect();
    if left.len() == 1 { left[0] } else { reduced(&left, identity, op) }
}

/// Runs of 8 from left to right, their totals by doubling, and so on: the four rules of `scan.rs`.
fn scanned<T: Copy>(elements: &[T], identity: T, op: &impl Fn(T, T) -> T) -> Vec<T> {
    let mut tiles: Vec<Vec<T>> = elements
        .chunks(2048)
        .map(|tile| {
            let mut tile = tile.to_vec();
            tile.resize(2048, identity);
            for i in 0..2048 {
                if i % 8 > 0 {
                    tile[i] = op(tile[i - 1], tile[i]);
                }
            }
            let mut totals: Vec<T> = (0..256).map(|run| tile[8 * run + 7]).collect();
            for s in [1, 2, 4, 8, 16, 32, 64, 128] {
                totals = (0..256).map(|t| if t < s { totals[t] } else { op(totals[t - s], totals[t]) }).collect();
            }
            for i in 8..2048 {
                tile[i] = op(totals[i / 8 - 1], tile[i]);
            }
            tile
        })
        .collect();
    if tiles.len() > 1 {
        let totals: Vec<T> = tiles.iter().map(|tile| tile[2047]).collect();
        let totals = scanned(&totals, identity, op);
        for (tile, &total) in tiles[1..].iter_mut().zip(&totals) {
            for element in tile {
                *element = op(total, *element);
            }
        }
    }
    let mut all = tiles.concat();
    all.truncate(elements.len());
    all
}

#[test]
fn sums_of_floats_have_the_promised_order() {
    let sum = reduce(0.0, |a, b| a + b, |x: F32| x);
    for length in LENGTHS.into_iter().chain(LONG) {
        let x = uneven(length);
        let [got] = computed(&sum, &[bytemuck::cast_slice(&x)], length, 1)[..] else { panic!("one result") };
        assert_eq!(f32::to_bits(got), reduced(&x, 0.0, &|a, b| a + b).to_bits(), "of {length} elements");
    }
}

#[test]
fn elements_are_computed_before_they_are_joined() {
    let kernel = reduce(0.0, |a, b| a + b, |x: F32, y: F32| (x * y).to_f64() + index().to_f64() * 0.1);
    for length in LENGTHS {
        let x = uneven(length);
        let y = uneven(length).into_iter().rev().collect::<Vec<_>>();
        let elements: Vec<f64> =
            x.iter().zip(&y).enumerate().map(|(place, (x, y))| f64::from(x * y) + place as f64 * 0.1).collect();
        let inputs = [bytemuck::cast_slice(&x), bytemuck::cast_slice(&y)];
        let [got] = computed(&kernel, &inputs, length, 1)[..] else { panic!("one result") };
        assert_eq!(f64::to_bits(got), reduced(&elements, 0.0, &|a, b| a + b).to_bits(), "of {length} elements");
    }
}

/// Neither associative nor commutative, and with an identity that is none: the order shows in every bit.
fn odd<T>(a: Expression<T>, b: Expression<T>) -> Expression<T>
where
    T: crate::gpu::Element + From<u8>,
    Expression<T>: std::ops::Mul<T, Output = Expression<T>> + std::ops::Sub<Output = Expression<T>>,
{
    a * T::from(3) - b
}

#[test]
fn even_a_senseless_operation_gives_the_same_on_both_bodies() {
    let op = |a: u32, b: u32| a.wrapping_mul(3).wrapping_sub(b);
    let (reduction, running) = (reduce(17, odd::<u32>, |x: U32| x), scan(17, odd::<u32>));
    for length in LENGTHS.into_iter().chain(LONG) {
        let mut random = fastrand::Rng::with_seed(length as u64);
        let x: Vec<u32> = (0..length).map(|_| random.u32(..)).collect();
        let inputs = [bytemuck::cast_slice(&x)];
        assert_eq!(
            computed::<_, _, u32>(&reduction, &inputs, length, 1),
            [reduced(&x, 17, &op)],
            "of {length} elements"
        );
        assert_eq!(
            computed::<_, _, u32>(&running, &inputs, length, length),
            scanned(&x, 17, &op),
            "of {length} elements"
        );
    }
}

#[test]
fn running_sums_have_the_promised_order() {
    let sums = scan(0.0, |a: F32, b| a + b);
    for length in LENGTHS.into_iter().chain(LONG) {
        let x = uneven(length);
        let got: Vec<f32> = computed(&sums, &[bytemuck::cast_slice(&x)], length, length);
        let expected = scanned(&x, 0.0, &|a, b| a + b);
        assert!(got.iter().zip(&expected).all(|(&got, &expected)| same(got, expected)), "of {length} elements");
    }
}

#[test]
fn scans_of_integers_are_what_a_loop_gives() {
    let (sums, greatest) = (scan(0_i64, |a: I64, b| a + b), scan(i64::MIN, |a: I64, b| a.max(b)));
    for length in LENGTHS {
        let mut random = fastrand::Rng::with_seed(length as u64);
        let x: Vec<i64> = (0..length).map(|_| random.i64(..)).collect();
        let running = |first: i64, op: fn(i64, i64) -> i64| -> Vec<i64> {
            x.iter()
                .scan(first, |so_far, &x| {
                    *so_far = op(*so_far, x);
                    Some(*so_far)
                })
                .collect()
        };
        let inputs = [bytemuck::cast_slice(&x)];
        assert!(computed::<_, _, i64>(&sums, &inputs, length, length) == running(0, i64::wrapping_add));
        assert!(computed::<_, _, i64>(&greatest, &inputs, length, length) == running(i64::MIN, i64::max));
    }
}

/// The op's own constants and choices, and a type whose values are 8 bytes wide.
#[test]
fn an_operation_of_several_steps_is_joined_in_order() {
    let kernel = scan(0.0, |a: F64, b| (a * 0.5 + b).max(-b) / 1.25);
    let op = |a: f64, b: f64| f64::max(a * 0.5 + b, -b) / 1.25;
    for length in LENGTHS {
        let x: Vec<f64> = uneven(length).into_iter().map(f64::from).collect();
        let got: Vec<f64> = computed(&kernel, &[bytemuck::cast_slice(&x)], length, length);
        let expected = scanned(&x, 0.0, &op);
        assert!(got.iter().zip(&expected).all(|(&got, &expected)| same(got, expected)), "of {length} elements");
    }
}

#[test]
fn nothing_reduced_is_the_identity() {
    let none: [f32; 0] = [];
    let sum = reduce(4.5, |a, b| a + b, |x: F32| x);
    assert_eq!(computed::<_, _, f32>(&sum, &[bytemuck::cast_slice(&none)], 0, 1), [4.5]);
}
