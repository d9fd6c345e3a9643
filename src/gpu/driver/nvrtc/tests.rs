//! The compiler for CUDA C, where the machine has it: `.ci/nvrtc` installs it, and `AQUEDUCT_NVRTC` says where it is.

use std::path::PathBuf;
use std::sync::Arc;

use super::library::{Nvrtc, places};
use super::{Compiled, Contraction, Entries, compile_with};
use crate::gpu::error::GpuError;

/// The compiler; none, with a printed reason, where there is none and nobody said where it is.
fn nvrtc() -> Option<Nvrtc> {
    match Nvrtc::open(&places()) {
        Ok(nvrtc) => Some(nvrtc),
        Err(tried) if std::env::var_os("AQUEDUCT_NVRTC").is_some() => panic!("AQUEDUCT_NVRTC is set, but {tried}"),
        Err(tried) => {
            println!("skipped: there is no NVRTC here ({tried}); `.ci/nvrtc` installs it");
            None
        }
    }
}

fn compiled(nvrtc: &Nvrtc, kernel: &str, source: &str) -> Result<Compiled, GpuError> {
    compile_with(nvrtc, &Arc::from(kernel), source, 90, Contraction::Never)
}

const SAXPY: &str = "__global__ void saxpy(float a, const float* x, float* y, unsigned long long n) {
    unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}";

#[test]
fn a_kernel_is_found_under_the_name_that_it_has_in_the_ptx() {
    let Some(nvrtc) = nvrtc() else { return };
    let plain = compiled(&nvrtc, "saxpy", SAXPY).expect("it compiles");
    assert_eq!(&*plain.entry, "_Z5saxpyfPKfPfy", "as C++ calls it");
    assert!(plain.ptx.contains(".entry _Z5saxpyfPKfPfy("), "{}", plain.ptx);

    let c = compiled(&nvrtc, "saxpy", &format!("extern \"C\" {SAXPY}")).expect("it compiles");
    assert_eq!(&*c.entry, "saxpy");
    assert!(c.ptx.contains(".entry saxpy("), "{}", c.ptx);

    let template = "template <typename T, int N> __global__ void fill(T* y) { y[threadIdx.x] = N; }";
    let instance = compiled(&nvrtc, "fill<double, 3>", template).expect("it compiles");
    assert!(instance.ptx.contains(&format!(".entry {}(", instance.entry)), "{}", instance.ptx);
}

#[test]
fn a_product_and_a_sum_are_one_operation_only_if_asked_for() {
    let Some(nvrtc) = nvrtc() else { return };
    let text = |contraction| compile_with(&nvrtc, &"saxpy".into(), SAXPY, 90, contraction).expect("it compiles").ptx;
    let (never, anywhere) = (text(Contraction::Never), text(Contraction::Anywhere));
    assert!(!never.contains("fma.rn.f32") && never.contains("mul"), "{never}");
    assert!(anywhere.contains("fma.rn.f32"), "{anywhere}");
}

#[test]
fn the_text_is_for_the_newest_architecture_that_compiler_and_device_have_in_common() {
    let Some(nvrtc) = nvrtc() else { return };
    assert_eq!(nvrtc.architecture(90), 90);
    assert!(nvrtc.architecture(999) >= 90, "a device newer than the compiler gets the compiler's newest");
    assert_eq!(nvrtc.architecture(91), 90, "one between two gets the older");
    assert_eq!(nvrtc.architecture(10), 10, "one older than all is refused by the compiler");
    let text = compiled(&nvrtc, "saxpy", SAXPY).expect("it compiles").ptx;
    assert!(text.contains(".target sm_90"), "{text}");
    let error = compile_with(&nvrtc, &"saxpy".into(), SAXPY, 10, Contraction::Never).expect_err("too old").to_string();
    assert!(error.contains("compute_10") || error.contains("architecture"), "{error}");
}

#[test]
fn a_source_that_does_not_compile_comes_with_the_compilers_words() {
    let Some(nvrtc) = nvrtc() else { return };
    let error = compiled(&nvrtc, "broken", "__global__ void broken(float* y) {\n    y[0] = nothing;\n}")
        .expect_err("it does not compile");
    assert!(matches!(error, GpuError::Compile { .. }), "{error:?}");
    let text = error.to_string();
    for part in ["`broken`", "broken.cu(2): error", "\"nothing\" is undefined"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_kernel_that_is_not_there_is_told_which_are() {
    let Some(nvrtc) = nvrtc() else { return };
    let source = format!("extern \"C\" {SAXPY}\nextern \"C\" __global__ void other() {{}}");
    let error = compiled(&nvrtc, "daxpy", &source).expect_err("there is none");
    assert!(matches!(error, GpuError::UnknownKernel { .. }), "{error:?}");
    let text = error.to_string();
    for part in ["`daxpy`", "`saxpy`", "`other`"] {
        assert!(text.contains(part), "{text}");
    }
    let text = compiled(&nvrtc, "daxpy", "__device__ int x;").expect_err("there is none").to_string();
    assert!(text.contains("none (a kernel is"), "{text}");
}

#[test]
fn a_warning_does_not_hinder() {
    let Some(nvrtc) = nvrtc() else { return };
    let source = "__global__ void k(int* y) { int unused; y[0] = 1; }";
    assert!(compiled(&nvrtc, "k", source).expect("it compiles").ptx.contains(".entry"));
}

#[test]
fn a_zero_byte_in_the_source_is_found_before_the_compiler_stops_there() {
    let Some(nvrtc) = nvrtc() else { return };
    let error = compiled(&nvrtc, "saxpy", "int x;\0int y;").expect_err("refused").to_string();
    assert!(error.contains("zero byte at 6"), "{error}");
    let error = compiled(&nvrtc, "sax\0py", SAXPY).expect_err("refused").to_string();
    assert!(error.contains("name of the kernel has a zero byte at 3"), "{error}");
}

#[test]
fn a_machine_without_the_compiler_says_what_was_tried() {
    let places = [PathBuf::from("/nowhere/libnvrtc.so.1"), PathBuf::from("libnvrtc-of-nobody.so")];
    let tried = Nvrtc::open(&places).expect_err("there is none");
    assert!(tried.contains("/nowhere/libnvrtc.so.1: ") && tried.contains("; libnvrtc-of-nobody.so: "), "{tried}");
}

#[test]
fn a_library_that_is_no_compiler_is_not_taken_for_one() {
    let tried = Nvrtc::open(&[PathBuf::from("libc.so.6")]).expect_err("the C library compiles nothing");
    assert!(tried.contains("libc.so.6") && tried.contains("nvrtc"), "{tried}");
}

#[test]
fn the_kernels_of_a_text_are_named() {
    let text = ".version 9.0\n.visible .entry a_1(\n.param .u64 a_1_param_0\n)\n{ ret; }\n.entry\n b$ () { ret; }";
    assert_eq!(Entries(text.to_owned()).to_string(), "`a_1`, `b$`");
}
