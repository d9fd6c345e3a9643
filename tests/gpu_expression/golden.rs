//! The PTX of expression kernels, to the letter.
//!
//! The expected texts stand in `golden/*.ptx`, where `.ci/ptx` hands them to NVIDIA's own assembler. After a change of what
//! is generated, write them anew, look at the difference as a reader would, and run `.ci/ptx`:
//! `AQUEDUCT_BLESS=1 cargo test --test gpu_expression golden`.

use std::fs;
use std::path::Path;

use aqueduct::gpu::{self, Condition, Expression, F32, F64, I32, I64, Kernel, U32, U64};

fn is_as_expected<I, O>(name: &str, kernel: &Kernel<I, O>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gpu_expression/golden").join(format!("{name}.ptx"));
    let text = kernel.ptx_text(90).expect("the PTX of an expression is there");
    if std::env::var_os("AQUEDUCT_BLESS").is_some() {
        fs::write(&path, &text).expect("the text is written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // Of two texts of which one goes on, the first line that only one of them has.
    let same = text.lines().zip(expected.lines()).take_while(|(now, expected)| now == expected).count();
    assert!(text == expected, "{name}.ptx differs from what is generated now, from line {} on:\n{text}", same + 1);
}

#[test]
fn axpy() {
    let a = 2.5_f32;
    is_as_expected("axpy", &gpu::map(|x, y| a * x + y));
}

#[test]
fn what_is_used_twice_is_computed_once() {
    is_as_expected("shared", &gpu::zip(|x: F64, y: F64| ((x + y) * (x + y)).sqrt() / (x + y)));
}

#[test]
fn the_input_itself_a_constant_and_the_index() {
    is_as_expected("input", &gpu::map(|x: I32| x));
    is_as_expected("constant", &gpu::map(|_: F64| gpu::U64::from(u64::MAX)));
    is_as_expected("index", &gpu::map(|x: U64| x * gpu::index()));
}

/// Folds values to one that needs them all.
macro_rules! all_of {
    ($first:expr $(, $value:expr)* $(,)?) => {{
        let all = $first;
        $(let all = all + $value;)*
        all
    }};
}

macro_rules! float_operations {
    ($name:ident $file:literal $Type:ident) => {
        #[test]
        fn $name() {
            let f = |x: $Type, y: $Type, z: $Type| {
                all_of![
                    x + y,
                    x - y,
                    x * y,
                    x / y,
                    -x,
                    x.min(y),
                    x.max(y),
                    x.abs(),
                    x.sqrt(),
                    x.recip(),
                    x.mul_add(y, z),
                    x.floor(),
                    x.ceil(),
                    x.trunc(),
                    x.round(),
                    1.5 - x,
                ]
            };
            is_as_expected($file, &gpu::map(f));
        }
    };
}

float_operations! { every_operation_on_f32 "operations_f32" F32 }
float_operations! { every_operation_on_f64 "operations_f64" F64 }

macro_rules! integer_operations {
    ($name:ident $file:literal $Type:ident $($own:ident !)*) => {
        #[test]
        fn $name() {
            let f = |x: $Type, y: $Type| {
                all_of![
                    x + y, x - y, x * y, x / y, x % y, x.min(y), x.max(y), x & y, x | y, x ^ y, !x, x << y, x >> y, 7 - x
                    $(, x.$own())*
                ]
            };
            is_as_expected($file, &gpu::map(f));
        }
    };
}

integer_operations! { every_operation_on_i32 "operations_i32" I32 abs! }
integer_operations! { every_operation_on_u32 "operations_u32" U32 }
integer_operations! { every_operation_on_i64 "operations_i64" I64 abs! }
integer_operations! { every_operation_on_u64 "operations_u64" U64 }

#[test]
fn the_smallest_integers_as_constants() {
    is_as_expected("smallest", &gpu::map(|x: I64| (x ^ i64::MIN) + (x.to_i32() ^ i32::MIN).to_i64()));
}

#[test]
fn every_comparison_of_every_type() {
    fn count(conditions: &[Condition]) -> U32 {
        conditions.iter().fold(U32::from(0), |count, condition| condition.select(count + 1, count))
    }
    macro_rules! comparisons {
        ($file:literal $Type:ident) => {
            is_as_expected(
                $file,
                &gpu::map(|x: $Type, y: $Type| count(&[x.lt(y), x.le(y), x.gt(y), x.ge(y), x.eq(y), x.ne(y)])),
            )
        };
    }
    comparisons!("comparisons_f32" F32);
    comparisons!("comparisons_f64" F64);
    comparisons!("comparisons_i32" I32);
    comparisons!("comparisons_u32" U32);
    comparisons!("comparisons_i64" I64);
    comparisons!("comparisons_u64" U64);
}

#[test]
fn conditions_and_choices_of_every_type() {
    fn choice<T: gpu::Element>(x: Expression<T>, y: Expression<T>) -> Expression<T> {
        let condition = (x.lt(y) | !x.eq(y)) & x.ge(y).not();
        condition.select(x, y)
    }
    is_as_expected("choice_f32", &gpu::zip(choice::<f32>));
    is_as_expected("choice_f64", &gpu::zip(choice::<f64>));
    is_as_expected("choice_i32", &gpu::zip(choice::<i32>));
    is_as_expected("choice_u64", &gpu::zip(choice::<u64>));
}

#[test]
fn every_conversion() {
    macro_rules! conversions {
        ($file:literal $Type:ident) => {
            is_as_expected(
                $file,
                &gpu::map(|x: $Type| {
                    all_of![
                        x.to_f32().to_f64(),
                        x.to_f64(),
                        x.to_i32().to_f64(),
                        x.to_u32().to_f64(),
                        x.to_i64().to_f64(),
                        x.to_u64().to_f64(),
                    ]
                }),
            )
        };
    }
    conversions!("conversions_f32" F32);
    conversions!("conversions_f64" F64);
    conversions!("conversions_i32" I32);
    conversions!("conversions_u32" U32);
    conversions!("conversions_i64" I64);
    conversions!("conversions_u64" U64);
}

#[test]
fn reductions() {
    is_as_expected("reduce_sum_f32", &gpu::reduce(0.0, |a, b| a + b, |x: F32| x));
    is_as_expected("reduce_dot_f64", &gpu::reduce(0.0, |a, b| a + b, |x: F64, y: F64| x * y));
    let place = |x: F32| x.gt(0.5).select(gpu::index(), u64::MAX);
    is_as_expected("reduce_first_place", &gpu::reduce(u64::MAX, |a, b| a.min(b), place));
}

#[test]
fn scans() {
    is_as_expected("scan_sum_f32", &gpu::scan(0.0_f32, |a, b| a + b));
    is_as_expected("scan_max_i64", &gpu::scan(i64::MIN, |a: I64, b| a.max(b)));
}
