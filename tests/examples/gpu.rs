//! GPU examples on the CPU body; on simulated devices they run in other tests. What they compute is in `gpu_examples`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use aqueduct::gpu::{Gpu, GpuError, Kernel, Scalar};

use super::gpu_examples as examples;
use super::{numbers, programs};

fn on_cpu(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(programs().join(program));
    command.args(arguments).env("AQUEDUCT_GPU", "cpu").env("AQUEDUCT_PROGRESS", "off").output().unwrap()
}

/// Runs a check on the CPU body.
fn check(check: impl AsyncFnOnce(&Gpu)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(check(&Gpu::cpu()));
}

/// What a program printed that must succeed on the CPU, after the line that says where it ran.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = on_cpu(program, arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{program} {arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (device, text) = text.split_once("\n\n").unwrap();
    assert!(device.starts_with("CPU (") && device.ends_with("): AQUEDUCT_GPU=cpu"), "{device}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80 || line.contains(".png")),
        "it fits a terminal:\n{text}"
    );
    text.to_owned()
}

#[test]
fn saxpy_is_that_of_plain_rust() {
    check(examples::saxpy_is_that_of_plain_rust);
    let text = printed("gpu_saxpy", &["3", "1000"]);
    assert_eq!(numbers(text.lines().nth(1).unwrap())[0], 3000, "{text}");
}

#[test]
fn reductions_are_as_exact_as_they_must_be() {
    check(examples::reductions_are_as_exact_as_they_must_be);
    let text = printed("gpu_reduce", &["5000"]);
    for name in ["sum", "minimum", "maximum", "dot product"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
    assert!(text.ends_with("all are as exact as they must be\n"), "{text}");
}

#[test]
fn darts_hit_as_often_as_in_plain_rust() {
    examples::philox_gives_the_numbers_of_its_authors();
    check(examples::darts_hit_as_often_as_in_plain_rust);
    let text = printed("gpu_monte_carlo_pi", &["20", "1000"]);
    assert!(text.starts_with("160,000 darts in ") && text.contains("\npi is about 3.1"), "{text}");
    // Sixteen, or as many as there are; never none.
    for (batches, again) in [("1", 1), ("16", 16), ("17", 9), ("20", 10)] {
        let text = printed("gpu_monte_carlo_pi", &[batches, "50"]);
        assert!(text.contains(&format!("thrown again in plain Rust, {again} batches hit exactly as often")), "{text}");
    }
}

#[test]
fn a_chain_is_the_same_on_the_device_and_to_and_fro() {
    check(examples::a_chain_is_the_same_on_the_device_and_to_and_fro);
    let text = printed("gpu_pipeline", &["4", "1000"]);
    assert_eq!(text.matches("DeviceBuf<f32>   nothing\n").count(), 4, "{text}");
    assert!(text.contains("p5[\"gate\"]") && text.contains("p5 -->|\"output\"| p6"), "{text}");
}

#[test]
fn the_mandelbrot_set_is_that_of_the_farm() {
    check(examples::the_mandelbrot_set_is_that_of_the_farm);
    let text = printed("gpu_mandelbrot", &["90", "50"]);
    assert_eq!(text.lines().take_while(|line| line.len() == 72).count(), 24, "{text}");
    let file = text.lines().find_map(|line| line.strip_prefix("90 x 60 pixels in ")).unwrap();
    assert_eq!(image::open(file).unwrap().into_rgb8().dimensions(), (90, 60));
}

#[test]
fn products_of_matrices_are_proven() {
    examples::a_wrong_product_is_no_product();
    check(examples::products_of_matrices_are_proven);
    let text = printed("gpu_matmul", &["--size", "20", "--products", "3"]);
    assert!(text.contains("products  3, of 20 x 20 matrices; each is proven\n"), "{text}");
    // Where nothing is compiled, because it runs on the CPU, it needs no compiler either.
    assert!(printed("gpu_matmul", &["--size", "9", "--cuda-c"]).contains("its twin in Rust"));
}

#[test]
fn tiles_make_the_picture_by_any_number_of_workers() {
    check(examples::a_tile_is_that_of_a_plain_loop);
    for (workers, size, tiles) in [("1", "100", 4), ("2", "64", 1), ("3", "200", 16)] {
        let output = on_cpu("gpu_map", &[size, workers]);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let drew: Vec<&str> = text.lines().filter(|line| line.ends_with("): AQUEDUCT_GPU=cpu")).collect();
        let counted: u64 = drew.iter().map(|line| numbers(line.split_once(',').unwrap().1)[0]).sum();
        assert_eq!(counted, tiles, "{text}");
        assert!(!drew.is_empty() && drew.len() <= workers.parse().unwrap(), "{text}");
        assert!(text.contains(", those of a plain loop\n"), "{text}");
    }
}

#[test]
fn a_gpu_that_does_not_exist_leaves_the_cpu_and_says_so() {
    for index in ["many", "4096"] {
        let mut command = Command::new(programs().join("gpu_saxpy"));
        let output = command.args(["1", "10"]).env("AQUEDUCT_GPU", index).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.starts_with("CPU ("), "{text}");
    }
}

#[test]
fn matmul_refuses_what_it_does_not_know() {
    assert!(super::printed("gpu_matmul", &["--help"]).contains("--cuda-c"));
    for (arguments, complaint) in [
        (&["--colour"][..], "there is no option \"--colour\""),
        (&["--size"], "--size needs a number after it"),
        (&["--size", "0"], "--size takes a whole number from 1 to 16384, not \"0\""),
        (&["--products", "x"], "--products takes a whole number from 1 to 100000, not \"x\""),
    ] {
        let output = on_cpu("gpu_matmul", arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with(&format!("error: {complaint}; ")), "{told}");
    }
}

/// What the compiler makes of CUDA C, for the driver and the GPUs of long ago: they can do all that these kernels need.
fn made_from(cuda_c: &str, entry: &str) -> Result<String, GpuError> {
    let made = Kernel::cuda_c(cuda_c, entry).args((Scalar(0_u32),)).kernel().ptx_text(75)?;
    let lines = made.lines().skip_while(|line| !line.starts_with(".version")).map(|line| match line {
        line if line.starts_with(".version") => ".version 6.0",
        line if line.starts_with(".target") => ".target sm_60",
        line => line.trim_end(),
    });
    Ok(lines.collect::<Vec<_>>().join("\n").trim_end().to_owned())
}

/// With the compiler that `.ci/nvrtc` installs; another one makes another text.
#[test]
fn the_ptx_of_the_examples_is_made_from_their_cuda_c() {
    if std::env::var_os("AQUEDUCT_NVRTC").is_none() {
        println!("skipped: AQUEDUCT_NVRTC is not set; `.ci/nvrtc` installs the compiler and tells its path");
        return;
    }
    for name in ["mandelbrot", "matmul"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("gpu_{name}"));
        let read = |extension| fs::read_to_string(folder.join(name).with_extension(extension)).unwrap();
        let made = made_from(&read("cu"), name).unwrap();
        let known = read("ptx");
        let (about, text) = known.split_at(known.find("\n.version").unwrap() + 1);
        if std::env::var_os("AQUEDUCT_BLESS").is_some() {
            fs::write(folder.join(name).with_extension("ptx"), format!("{about}{made}\n")).unwrap();
        } else {
            assert!(text.trim_end() == made, "{name}.ptx is not what is made from {name}.cu now:\n{made}");
        }
    }
}
