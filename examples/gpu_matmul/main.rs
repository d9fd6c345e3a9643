//! Products of matrices on a GPU: a kernel of one's own, with shared memory, in two dimensions.
//!
//! ```text
//! cargo run --release --example gpu_matmul -- [--size N] [--products N] [--cuda-c]
//! ```
//!
//! Read `matmul.cu` first: how the threads of a block work together on a tile. Then [`network`], which says what the kernel's
//! arguments are, how it is launched, and what its twin in Rust is. The driver takes `matmul.ptx`, which was made from
//! `matmul.cu`: so the program needs no compiler where it runs. With `--cuda-c` it has the source compiled when it starts, by
//! NVIDIA's NVRTC, if that is installed. [`options`] reads the command line.
//!
//! The matrices have small whole numbers, and so their products are exact. Each is proven: see [`network::is_product`].

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::gpu::Gpu;
use common::grouped;
use options::{Command, Options};

#[path = "../common/mod.rs"]
mod common;
pub(crate) mod network;
pub(crate) mod options;

async fn program(gpu: &Gpu, options: Options, report: &mut String) -> Result<(), Box<dyn Error>> {
    let Options { size, products, cuda_c } = options;
    let began = Instant::now();
    let proven = network::multiply(gpu, network::source(cuda_c), products, size).await?;
    let seconds = began.elapsed().as_secs_f64();
    if proven != products {
        return Err(format!("{proven} products came back, not {products}").into());
    }
    let from = if cuda_c { "matmul.cu, compiled now" } else { "matmul.ptx" };
    let operations = 2.0 * products as f64 * f64::from(size).powi(3);
    writeln!(report, "kernel    {}", if gpu.is_cpu() { "its twin in Rust" } else { from })?;
    writeln!(report, "products  {}, of {size} x {size} matrices; each is proven", grouped(products))?;
    writeln!(report, "time      {:.0} ms, with making and proving them", seconds * 1000.0)?;
    writeln!(report, "          {:.1} GFLOP/s", operations / seconds / 1e9)?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    match options::parse(env::args_os().skip(1)) {
        Ok(Command::Help) => common::print(options::HELP),
        Ok(Command::Multiply(options)) => {
            let mut report = String::new();
            let result = program(&common::pick(), options, &mut report).await;
            common::finish(result, &report)
        }
        Err(error) => {
            common::complain(format_args!("error: {error}; `--help` tells more"));
            ExitCode::from(2)
        }
    }
}
