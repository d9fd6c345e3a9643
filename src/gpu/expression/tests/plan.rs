//! The launches of the plans: every element exactly once, and nobody's memory but one's own.

use std::collections::HashMap;

use crate::gpu::error::GpuError;
use crate::gpu::expression::{F32, F64, map, reduce, scan};
use crate::gpu::kernel::{Grid, Kernel, Passes, Value};

const LENGTHS: [usize; 16] = [
    1,
    2,
    255,
    256,
    257,
    2047,
    2048,
    2049,
    100_000,
    4_194_303,
    4_194_304,
    4_194_305,
    5_000_000,
    1 << 33,
    (1 << 33) + 1,
    1 << 38,
];

/// The name of each launched kernel, its grid, and what it is given.
fn launches<I, O>(kernel: &Kernel<I, O>, length: usize) -> Vec<(String, Grid, Vec<Value>)> {
    let plan = &kernel.recipe().plan;
    let mut passes = Passes::default();
    plan.passes(length, &mut passes).expect("the length is one that can be launched");
    let launches =
        passes.iter().map(|(pass, values)| (plan.entries()[pass.entry].to_string(), pass.grid, values.to_vec()));
    launches.collect()
}

fn count(value: Value) -> usize {
    match value {
        Value::Number { word, bytes: 8 } => usize::try_from(word).expect("a length"),
        other => panic!("a length is a number of 8 bytes, not {other:?}"),
    }
}

/// So many elements, each block `block` of them: the last one has at least one, and all have one together.
fn covers(grid: Grid, length: usize, block: usize) {
    let blocks = grid.blocks[0] as usize;
    assert_eq!((grid.blocks[1], grid.blocks[2], grid.threads, grid.shared), (1, 1, [256, 1, 1], 0));
    assert!(blocks * block >= length && (blocks - 1) * block < length, "{blocks} blocks for {length} elements");
}

#[test]
fn a_map_has_a_thread_for_each_element() {
    let kernel = map(|x: F32, y: F64| x.to_f64() + y);
    for length in LENGTHS {
        let [(entry, grid, values)] = &launches(&kernel, length)[..] else { panic!("one launch") };
        assert_eq!(entry, "aqueduct_map");
        assert_eq!(values[..], [Value::Parameter(0), Value::Parameter(1), Value::Parameter(2), Value::count(length)]);
        covers(*grid, length, 256);
        assert_eq!(kernel.recipe().plan.scratch(length), 0);
    }
}

#[test]
fn a_reduction_takes_what_the_launch_before_it_left() {
    let kernel = reduce(0.0, |a, b| a + b, |x: F32, y: F64| x.to_f64() * y);
    for length in LENGTHS {
        let scratch = kernel.recipe().plan.scratch(length);
        let mut left = length;
        let mut last = None;
        for (pass, (entry, grid, values)) in launches(&kernel, length).into_iter().enumerate() {
            let (from, to) = match (pass, &values[..]) {
                (0, [Value::Parameter(0), Value::Parameter(1), to, _]) => (None, *to),
                (_, [from @ Value::Scratch(_), to, _]) => (Some(*from), *to),
                (_, other) => panic!("launch {pass} is given {other:?}"),
            };
            assert_eq!(entry, if pass == 0 { "aqueduct_reduce" } else { "aqueduct_reduce_again" });
            assert_eq!(from, last, "it reads what was written before");
            assert_ne!(from, Some(to));
            assert_eq!(count(*values.last().expect("a length")), left);
            covers(grid, left, 2048);
            left = left.div_ceil(2048);
            if let Value::Scratch(offset) = to {
                assert!(offset % 256 == 0 && offset + left * 8 <= scratch, "{offset} of {scratch}");
            }
            last = Some(to);
        }
        assert_eq!((left, last), (1, Some(Value::Parameter(2))));
    }
}

#[test]
fn a_scan_goes_down_to_one_tile_and_back_up() {
    let kernel = scan(0.0, |a: F32, b| a + b);
    for length in LENGTHS {
        let scratch = kernel.recipe().plan.scratch(length);
        // For each array that is scanned: how many elements it has, and where the totals of its tiles are.
        let mut arrays: Vec<(Value, usize, Value)> = Vec::new();
        let mut open: HashMap<usize, usize> = HashMap::new();
        let mut left = length;
        for (entry, grid, values) in launches(&kernel, length) {
            if entry == "aqueduct_scan" {
                let [from, to, totals @ Value::Scratch(offset), elements] = values[..] else { panic!("{values:?}") };
                let expected =
                    arrays.last().map_or((Value::Parameter(0), Value::Parameter(1)), |last| (last.2, last.2));
                assert_eq!((from, to), expected);
                assert_eq!(count(elements), left);
                covers(grid, left, 2048);
                arrays.push((to, left, totals));
                left = left.div_ceil(2048);
                assert!(offset % 256 == 0 && offset + left * 4 <= scratch);
                for (&start, &end) in &open {
                    assert!(offset >= end || offset + left * 4 <= start, "totals overlap");
                }
                open.insert(offset, offset + left * 4);
            } else {
                if left == 1 {
                    // The last array has one tile, which needs nothing.
                    arrays.pop();
                    left = 0;
                }
                let [to, totals, elements] = values[..] else { panic!("{values:?}") };
                assert_eq!(entry, "aqueduct_scan_join");
                assert_eq!(Some((to, count(elements), totals)), arrays.pop());
                covers(grid, count(elements), 256);
            }
        }
        assert!(arrays.is_empty() || length <= 2048, "{length}: {arrays:?} are left");
    }
}

#[test]
fn a_length_that_cannot_be_launched_is_an_error() {
    fn refused<I, O>(kernel: &Kernel<I, O>, too_long: usize) {
        let mut passes = Passes::default();
        let empty = kernel.recipe().plan.passes(0, &mut passes);
        assert!(matches!(&empty, Err(GpuError::EmptyBatch { kernel: name }) if **name == *kernel.name()), "{empty:?}");
        let long = kernel.recipe().plan.passes(too_long, &mut passes);
        let Err(GpuError::Launch { problem, .. }) = long else { panic!("{long:?}") };
        assert!(problem.contains("send smaller batches"), "{problem}");
    }
    refused(&map(|x: F32| x), 1 << 40);
    refused(&reduce(0.0, |a, b| a + b, |x: F32| x), 1 << 43);
    refused(&scan(0.0, |a: F32, b| a + b), 1 << 43);
}

#[test]
fn a_longer_batch_needs_at_least_as_much_scratch() {
    let kernels =
        [reduce(0.0, |a, b| a + b, |x: F32| x).recipe().clone(), scan(0.0, |a: F32, b| a + b).recipe().clone()];
    for recipe in kernels {
        for pair in LENGTHS.windows(2) {
            assert!(recipe.plan.scratch(pair[0]) <= recipe.plan.scratch(pair[1]));
        }
    }
}
