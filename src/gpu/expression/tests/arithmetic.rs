//! Random computations: as expressions through the CPU body, and number by number in plain Rust.
//!
//! A computation is a list of instructions for a machine with a shelf of values for each type. An instruction takes values
//! from the shelves and puts its result at the end of one. The machine is written twice, once with expressions and once with
//! numbers; the second one uses plain Rust, and 128-bit arithmetic where Rust's own operators would overflow.

use proptest::prelude::*;

use super::{Sample, computed, same, samples};
use crate::gpu::expression::{Condition, Expression, F32, F64, I32, I64, U32, U64, index, map, zip};
use crate::gpu::kernel::Kernel;

/// What to do: which shelf gets the result, what is done, and with which values of the shelves.
#[derive(Debug, Clone, Copy)]
struct Instruction {
    shelf: u8,
    operation: u8,
    operands: [usize; 3],
    constant: u64,
}

fn instruction() -> impl Strategy<Value = Instruction> {
    let operands = [0_usize..64, 0_usize..64, 0_usize..64];
    (0_u8..7, any::<u8>(), operands, any::<u64>()).prop_map(|(shelf, operation, operands, constant)| Instruction {
        shelf,
        operation,
        operands,
        constant,
    })
}

/// The smaller one; a number rather than NaN, and -0.0 rather than 0.0.
macro_rules! reference_order {
    ($name:ident $Type:ident $keep:ident) => {
        fn $name(a: $Type, b: $Type) -> $Type {
            match (a.is_nan(), b.is_nan()) {
                (true, _) => b,
                (_, true) => a,
                _ if a.total_cmp(&b).$keep() => a,
                _ => b,
            }
        }
    };
}

reference_order! { min_f32 f32 is_le }
reference_order! { max_f32 f32 is_ge }
reference_order! { min_f64 f64 is_le }
reference_order! { max_f64 f64 is_ge }

struct Numbers {
    f32: Vec<f32>,
    f64: Vec<f64>,
    i32: Vec<i32>,
    u32: Vec<u32>,
    i64: Vec<i64>,
    u64: Vec<u64>,
    bool: Vec<bool>,
}

struct Expressions {
    f32: Vec<F32>,
    f64: Vec<F64>,
    i32: Vec<I32>,
    u32: Vec<U32>,
    i64: Vec<I64>,
    u64: Vec<U64>,
    bool: Vec<Condition>,
}

fn pick<T: Copy>(shelf: &[T], place: usize) -> T {
    // From the end, so that long computations come about.
    shelf[shelf.len() - 1 - place % shelf.len()]
}

/// What both machines do alike with the value of another shelf.
macro_rules! converted {
    ($shelves:ident, $place:expr, $from:expr, $value:ident => $convert:expr) => {
        match $from % 6 {
            0 => {
                let $value = pick(&$shelves.f32, $place);
                $convert
            }
            1 => {
                let $value = pick(&$shelves.f64, $place);
                $convert
            }
            2 => {
                let $value = pick(&$shelves.i32, $place);
                $convert
            }
            3 => {
                let $value = pick(&$shelves.u32, $place);
                $convert
            }
            4 => {
                let $value = pick(&$shelves.i64, $place);
                $convert
            }
            _ => {
                let $value = pick(&$shelves.u64, $place);
                $convert
            }
        }
    };
}

macro_rules! on_floats {
    ($Type:ident $to:ident $min:ident $max:ident $numbers:ident $expressions:ident) => {
        fn $numbers(shelves: &mut Numbers, instruction: Instruction) {
            let [p, q, r] = instruction.operands;
            let [a, b, c] = instruction.operands.map(|place| pick(&shelves.$Type, place));
            shelves.$Type.push(match instruction.operation % 21 {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => a / b,
                4 => -a,
                5 => $min(a, b),
                6 => $max(a, b),
                7 => if a.is_sign_negative() { -a } else { a },
                8 => a.sqrt(),
                9 => 1.0 / a,
                10 => a.mul_add(b, c),
                11 => a.floor(),
                12 => a.ceil(),
                13 => a.trunc(),
                14 => a.round_ties_even(),
                15 => $Type::sample(&mut fastrand::Rng::with_seed(instruction.constant)),
                16 => if pick(&shelves.bool, p) { b } else { c },
                17 => { let product = a * b; product + c }
                18 => { let product = a * b; product - c }
                19 => { let product = a * b; c - product }
                _ => converted!(shelves, q, r, value => value as $Type),
            });
        }

        fn $expressions(shelves: &mut Expressions, instruction: Instruction) {
            let [p, q, r] = instruction.operands;
            let [a, b, c] = instruction.operands.map(|place| pick(&shelves.$Type, place));
            shelves.$Type.push(match instruction.operation % 21 {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => a / b,
                4 => -a,
                5 => a.min(b),
                6 => a.max(b),
                7 => a.abs(),
                8 => a.sqrt(),
                9 => a.recip(),
                10 => a.mul_add(b, c),
                11 => a.floor(),
                12 => a.ceil(),
                13 => a.trunc(),
                14 => a.round(),
                15 => $Type::sample(&mut fastrand::Rng::with_seed(instruction.constant)).into(),
                16 => pick(&shelves.bool, p).select(b, c),
                17 => a * b + c,
                18 => a * b - c,
                19 => c - a * b,
                _ => converted!(shelves, q, r, value => value.$to()),
            });
        }
    };
}

on_floats! { f32 to_f32 min_f32 max_f32 f32_numbers f32_expressions }
on_floats! { f64 to_f64 min_f64 max_f64 f64_numbers f64_expressions }

macro_rules! on_integers {
    ($Type:ident $to:ident $bits:literal $numbers:ident $expressions:ident
     $negative:expr, $absolute:expr) => {
        fn $numbers(shelves: &mut Numbers, instruction: Instruction) {
            let [p, q, r] = instruction.operands;
            let [a, b, c] = instruction.operands.map(|place| pick(&shelves.$Type, place));
            let (wide_a, wide_b, wide_c) = (a as i128, b as i128, c as i128);
            let shift = (b as u64 % $bits) as u32;
            shelves.$Type.push(match instruction.operation % 21 {
                0 => (wide_a + wide_b) as $Type,
                1 => (wide_a - wide_b) as $Type,
                2 => wide_a.wrapping_mul(wide_b) as $Type,
                3 => if b == 0 { 0 } else { (wide_a / wide_b) as $Type },
                4 => if b == 0 { a } else { (wide_a % wide_b) as $Type },
                5 => if a < b { a } else { b },
                6 => if a > b { a } else { b },
                7 => a & b,
                8 => a | b,
                9 => a ^ b,
                10 => (-1 - wide_a) as $Type,
                11 => (wide_a << shift) as $Type,
                12 => (wide_a >> shift) as $Type,
                13 => $Type::sample(&mut fastrand::Rng::with_seed(instruction.constant)),
                14 => if pick(&shelves.bool, p) { b } else { c },
                15 => (wide_a.wrapping_mul(wide_b).wrapping_add(wide_c)) as $Type,
                16 => (wide_a.wrapping_mul(wide_b).wrapping_sub(wide_c)) as $Type,
                17 => (wide_c.wrapping_sub(wide_a.wrapping_mul(wide_b))) as $Type,
                18 => (-wide_a) as $Type,
                19 => wide_a.unsigned_abs() as $Type,
                _ => converted!(shelves, q, r, value => value as $Type),
            });
        }

        fn $expressions(shelves: &mut Expressions, instruction: Instruction) {
            let [p, q, r] = instruction.operands;
            let [a, b, c] = instruction.operands.map(|place| pick(&shelves.$Type, place));
            shelves.$Type.push(match instruction.operation % 21 {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => a / b,
                4 => a % b,
                5 => a.min(b),
                6 => a.max(b),
                7 => a & b,
                8 => a | b,
                9 => a ^ b,
                10 => !a,
                11 => a << b,
                12 => a >> b,
                13 => $Type::sample(&mut fastrand::Rng::with_seed(instruction.constant)).into(),
                14 => pick(&shelves.bool, p).select(b, c),
                15 => a * b + c,
                16 => a * b - c,
                17 => c - a * b,
                18 => $negative(a),
                19 => $absolute(a),
                _ => converted!(shelves, q, r, value => value.$to()),
            });
        }
    };
}

on_integers! { i32 to_i32 32 i32_numbers i32_expressions |a: I32| -a, I32::abs }
on_integers! { u32 to_u32 32 u32_numbers u32_expressions |a: U32| 0 - a, |a: U32| a }
on_integers! { i64 to_i64 64 i64_numbers i64_expressions |a: I64| -a, I64::abs }
on_integers! { u64 to_u64 64 u64_numbers u64_expressions |a: U64| 0 - a, |a: U64| a }

fn bool_numbers(shelves: &mut Numbers, instruction: Instruction) {
    let [p, q, _] = instruction.operands;
    let (a, b) = (pick(&shelves.bool, p), pick(&shelves.bool, q));
    macro_rules! compared {
        ($shelf:ident) => {{
            let (a, b) = (pick(&shelves.$shelf, p), pick(&shelves.$shelf, q));
            match instruction.operation / 9 % 6 {
                0 => a < b,
                1 => a <= b,
                2 => a > b,
                3 => a >= b,
                4 => a == b,
                _ => a != b,
            }
        }};
    }
    shelves.bool.push(match instruction.operation % 9 {
        0 => a && b,
        1 => a || b,
        2 => !a,
        3 => compared!(f32),
        4 => compared!(f64),
        5 => compared!(i32),
        6 => compared!(u32),
        7 => compared!(i64),
        _ => compared!(u64),
    });
}

fn bool_expressions(shelves: &mut Expressions, instruction: Instruction) {
    let [p, q, _] = instruction.operands;
    let (a, b) = (pick(&shelves.bool, p), pick(&shelves.bool, q));
    macro_rules! compared {
        ($shelf:ident) => {{
            let (a, b) = (pick(&shelves.$shelf, p), pick(&shelves.$shelf, q));
            match instruction.operation / 9 % 6 {
                0 => a.lt(b),
                1 => a.le(b),
                2 => a.gt(b),
                3 => a.ge(b),
                4 => a.eq(b),
                _ => a.ne(b),
            }
        }};
    }
    shelves.bool.push(match instruction.operation % 9 {
        0 => a & b,
        1 => a | b,
        2 => !a,
        3 => compared!(f32),
        4 => compared!(f64),
        5 => compared!(i32),
        6 => compared!(u32),
        7 => compared!(i64),
        _ => compared!(u64),
    });
}

impl Numbers {
    fn of(list: &[Instruction], (a, b, c, d): (f32, f64, i32, u64), place: usize) -> Self {
        let mut shelves = Self {
            f32: vec![a],
            f64: vec![b],
            i32: vec![c],
            u32: vec![c as u32],
            i64: vec![d as i64],
            u64: vec![place as u64, d],
            bool: vec![a < 1.0],
        };
        for &instruction in list {
            match instruction.shelf {
                0 => f32_numbers(&mut shelves, instruction),
                1 => f64_numbers(&mut shelves, instruction),
                2 => i32_numbers(&mut shelves, instruction),
                3 => u32_numbers(&mut shelves, instruction),
                4 => i64_numbers(&mut shelves, instruction),
                5 => u64_numbers(&mut shelves, instruction),
                _ => bool_numbers(&mut shelves, instruction),
            }
        }
        shelves
    }
}

impl Expressions {
    fn of(list: &[Instruction], a: F32, b: F64, c: I32, d: U64) -> Self {
        let mut shelves = Self {
            f32: vec![a],
            f64: vec![b],
            i32: vec![c],
            u32: vec![c.to_u32()],
            i64: vec![d.to_i64()],
            u64: vec![index(), d],
            bool: vec![a.lt(1.0)],
        };
        for &instruction in list {
            match instruction.shelf {
                0 => f32_expressions(&mut shelves, instruction),
                1 => f64_expressions(&mut shelves, instruction),
                2 => i32_expressions(&mut shelves, instruction),
                3 => u32_expressions(&mut shelves, instruction),
                4 => i64_expressions(&mut shelves, instruction),
                5 => u64_expressions(&mut shelves, instruction),
                _ => bool_expressions(&mut shelves, instruction),
            }
        }
        shelves
    }
}

/// A batch: one element of each input for each place.
struct Batch {
    f32: Vec<f32>,
    f64: Vec<f64>,
    i32: Vec<i32>,
    u64: Vec<u64>,
}

impl Batch {
    fn new(seed: u64, length: usize) -> Self {
        let random = &mut fastrand::Rng::with_seed(seed);
        Self {
            f32: samples(random, length),
            f64: samples(random, length),
            i32: samples(random, length),
            u64: samples(random, length),
        }
    }

    fn run<T: Sample>(&self, kernel: &Kernel<(f32, f64, i32, u64), (T,)>) -> Vec<T> {
        let cast = bytemuck::cast_slice;
        let inputs = [
            cast(&self.f32),
            bytemuck::cast_slice(&self.f64),
            bytemuck::cast_slice(&self.i32),
            bytemuck::cast_slice(&self.u64),
        ];
        computed(kernel, &inputs, self.f32.len(), self.f32.len())
    }
}

fn check(list: &[Instruction], batch: &Batch) -> Result<(), TestCaseError> {
    let expected: Vec<Numbers> = (0..batch.f32.len())
        .map(|place| Numbers::of(list, (batch.f32[place], batch.f64[place], batch.i32[place], batch.u64[place]), place))
        .collect();
    macro_rules! check {
        ($($shelf:ident)*) => {$(
            let kernel = map(|a: F32, b: F64, c: I32, d: U64| pick(&Expressions::of(list, a, b, c, d).$shelf, 0));
            for (place, (got, expected)) in batch.run(&kernel).into_iter().zip(&expected).enumerate() {
                let expected = pick(&expected.$shelf, 0);
                prop_assert!(
                    same(got, expected),
                    "element {place} of {kernel:?} to {}: {got:?}, expected {expected:?}",
                    stringify!($shelf)
                );
            }
        )*};
    }
    check!(f32 f64 i32 u32 i64 u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Long enough for several blocks, and for one that is not full.
    #[test]
    fn the_cpu_body_computes_what_rust_computes(
        list in prop::collection::vec(instruction(), 0..60),
        seed in any::<u64>(),
        length in prop_oneof![1_usize..20, 1000_usize..2200],
    ) {
        check(&list, &Batch::new(seed, length))?;
    }
}

/// Each operation by itself on every pair of corners, whatever the random computations have met.
#[test]
fn every_single_operation_computes_what_rust_computes() {
    let batch = Batch::new(7, 700);
    for shelf in 0..7 {
        for operation in 0..if shelf < 6 { 21 } else { 54 } {
            for operands in [[0, 0, 0], [0, 1, 2], [1, 0, 5], [2, 1, 4]] {
                // Some second and third values on every shelf, so that operands differ.
                let mut list = Vec::new();
                for shelf in 0..6 {
                    let convert = 20;
                    list.push(Instruction {
                        shelf,
                        operation: convert,
                        operands: [0, 0, (shelf as usize + 3) % 6],
                        constant: 0,
                    });
                    list.push(Instruction {
                        shelf,
                        operation: convert,
                        operands: [0, 1, (shelf as usize + 1) % 6],
                        constant: 0,
                    });
                }
                list.push(Instruction { shelf, operation, operands, constant: 3 });
                list.push(Instruction { shelf: 5, operation: 14, operands: [0, 0, 1], constant: 3 });
                if let Err(error) = check(&list, &batch) {
                    panic!("{:?}: {error}", list);
                }
            }
        }
    }
}

/// Loops over a constant are loops of their own, some of them shorter.
#[test]
fn a_constant_operand_is_as_good_as_an_input_that_is_the_same_everywhere() {
    macro_rules! check {
        ($Type:ident: $($operation:expr;)*) => {{
            let x: Vec<$Type> = $Type::CORNERS.iter().copied().chain(samples(&mut fastrand::Rng::with_seed(5), 50)).collect();
            for &constant in $Type::CORNERS {
                let y = vec![constant; x.len()];
                $({
                    let operation: fn(Expression<$Type>, Expression<$Type>) -> Expression<$Type> = $operation;
                    let inputs = [bytemuck::cast_slice(&x), bytemuck::cast_slice(&y)];
                    let run = |kernel: &Kernel<($Type, $Type), ($Type,)>| -> Vec<$Type> {
                        computed(kernel, &inputs, x.len(), x.len())
                    };
                    let expected = [run(&zip(operation)), run(&zip(|x, y| operation(y, x)))];
                    let got = [run(&zip(|x, _| operation(x, constant.into()))), run(&zip(|x, _| operation(constant.into(), x)))];
                    for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
                        assert!(same(*got, *expected), "{constant:?}, {}: {got:?}, not {expected:?}", stringify!($operation));
                    }
                })*
            }
        }};
    }
    macro_rules! floats {
        ($($Type:ident)*) => {$(check! { $Type:
            |x, y| x + y; |x, y| x - y; |x, y| x * y; |x, y| x / y; |x, y| x.min(y); |x, y| x.max(y);
            |x, y| x.mul_add(y, x); |x, y| x * y + x; |x, y| x - y * x; |x, y| x.lt(y).select(y, x);
        })*};
    }
    macro_rules! integers {
        ($($Type:ident)*) => {$(check! { $Type:
            |x, y| x + y; |x, y| x - y; |x, y| x * y; |x, y| x / y; |x, y| x % y; |x, y| x.min(y); |x, y| x.max(y);
            |x, y| x & y; |x, y| x | y; |x, y| x ^ y; |x, y| x << y; |x, y| x >> y; |x, y| x * y + x;
            |x, y| x - y * x; |x, y| x.ge(y).select(y, x);
        })*};
    }
    floats! { f32 f64 }
    integers! { i32 u32 i64 u64 }
}

/// More elements than one thread takes for itself.
#[test]
fn a_batch_that_is_divided_over_threads_is_computed_whole() {
    let length = 300_001;
    let x: Vec<f32> = (0..length).map(|place| place as f32 * 0.25).collect();
    let kernel = map(|x: F32| (x * 3.0 - 1.0).to_u64() + index());
    let got: Vec<u64> = computed(&kernel, &[bytemuck::cast_slice(&x)], length, length);
    for (place, got) in got.into_iter().enumerate() {
        assert_eq!(got, (x[place] * 3.0 - 1.0) as u64 + place as u64);
    }
}
