//! How expressions are written, and what happens where they make no sense.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use aqueduct::gpu::{self, Expression, F32, Kernel, U32};

#[test]
fn types_are_guessed_from_what_is_captured_or_wanted() {
    let (a, b) = (2.0_f32, 3_u64);
    let axpy = gpu::map(|x, y| a * x + y);
    let _: &Kernel<(f32, f32), (f32,)> = &axpy;
    let _: Kernel<(u64,), (u64,)> = gpu::map(|x| b * x);
    let _: Kernel<(f64, f64), (f64,)> = gpu::zip(|x, y| x + y);
    let _: Kernel<(f32,), (i64,)> = gpu::map(|x: F32| x.lt(0.0).select(-1, 1));
    let _: Kernel<(f32,), (f32,)> = gpu::map(|x: F32| x.lt(0.0).select(x, 0.0).max(1.0));
    let _: Kernel<(f32, f32), (f64,)> = gpu::reduce(0.0, |a, b| a.max(b), |x: F32, y: F32| (x * y).to_f64());
    let _: Kernel<(u32, f32, i64, f64), (u32,)> =
        gpu::map(|a: U32, b: F32, c: gpu::I64, d: gpu::F64| a + b.to_u32() + c.to_u32() + d.to_u32());
    let _: Kernel<(f32,), (f32,)> = gpu::scan(0.0, |a, b| a + b);
}

#[test]
fn a_kernel_may_be_made_of_a_function_that_is_generic_over_its_type() {
    fn clamp<T: gpu::Element>(x: Expression<T>, low: T, high: T) -> Expression<T> {
        x.max(low).min(high)
    }
    let _: Kernel<(i32,), (i32,)> = gpu::map(|x| clamp(x, 0, 10));
    let _: Kernel<(f64,), (f64,)> = gpu::map(|x| clamp(x, 0.0, 1.0));
}

fn message(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default()
}

#[test]
fn an_expression_of_another_kernel_is_refused() {
    let kept: Cell<Option<F32>> = Cell::new(None);
    let keep = gpu::map(|x: F32| {
        kept.set(Some(x));
        x
    });
    let stray = kept.get().expect("it was kept");
    assert!(message(|| drop(gpu::map(|x: F32| x + stray))).contains("one kernel was used in another"));
    assert!(message(|| drop(gpu::map(|_: F32| stray))).contains("one kernel was used in another"));
    assert!(message(|| _ = stray + stray).contains("outside the function of a kernel"));
    assert!(message(|| _ = F32::from(1.0)).contains("outside the function of a kernel"));
    // And nothing is left behind by what was refused.
    assert_eq!(gpu::map(|x: F32| x).ptx_text(75).ok(), keep.ptx_text(75).ok());
}

#[test]
fn kernels_may_be_made_inside_others() {
    let inner_in = Cell::new(None);
    let outer = gpu::map(|x: F32| {
        inner_in.set(Some(gpu::map(|y: F32| y * 3.0)));
        x * 2.0
    });
    let inner = inner_in.into_inner().expect("it was made");
    assert_eq!(outer.ptx_text(75).ok(), gpu::map(|x: F32| x * 2.0).ptx_text(75).ok());
    assert_eq!(inner.ptx_text(75).ok(), gpu::map(|x: F32| x * 3.0).ptx_text(75).ok());
}

#[test]
fn an_operation_of_a_reduction_may_not_ask_for_the_index() {
    let reduce = message(|| drop(gpu::reduce(0, |a, b| a + b + gpu::index(), |x: gpu::U64| x)));
    assert!(reduce.contains("no place in the batch"), "{reduce}");
    let scan = message(|| drop(gpu::scan(0_u64, |a, b| a + b + gpu::index())));
    assert!(scan.contains("no place in the batch"), "{scan}");
}

#[test]
fn a_tree_may_be_as_deep_as_one_likes() {
    let kernel = gpu::map(|x: F32| (0..20_000).fold(x, |sum, step| sum * 0.5 + step as f32));
    assert!(kernel.ptx_text(75).is_ok_and(|text| text.matches("mul.rn.f32").count() == 20_000));
}

#[test]
fn doubling_a_tree_again_and_again_does_not_double_its_text() {
    let kernel = gpu::map(|x: F32| (0..200).fold(x, |x, _| x + x));
    assert!(kernel.ptx_text(75).is_ok_and(|text| text.len() < 50_000));
}
