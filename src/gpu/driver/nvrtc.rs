//! CUDA C to PTX, by NVRTC: opened when the program runs, if the machine has it.
//!
//! It needs no GPU and no driver. It is looked for once, and kept open; what was compiled is not kept, for a kernel is
//! compiled once, when its process starts.

mod library;
#[cfg(test)]
mod tests;

use std::ffi::{CString, NulError};
use std::fmt;
use std::sync::{Arc, OnceLock};

use self::library::{Nvrtc, Program};
use crate::gpu::error::GpuError;

/// What became of a source.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The text for the driver.
    pub(crate) ptx: String,
    /// The kernel's name in it: its own if it is `extern "C"`, or what C++ makes of it.
    pub(crate) entry: Arc<str>,
}

/// Whether `a * b + c` becomes one operation, which rounds once.
///
/// NVIDIA's compilers do so unless told not to, and no Rust compiler ever does: the same formula then differs in its
/// last bits between a kernel and its twin. So the default here is `Never`; `fmaf(a, b, c)` in CUDA C and `mul_add` in
/// Rust fuse where both should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Contraction {
    /// Only where the source says so.
    #[default]
    Never,
    /// Wherever the compiler finds one: faster where arithmetic, and not memory, is the limit.
    Anywhere,
}

/// Compiles a source for devices of this compute capability (90 is 9.0); `kernel` names the kernel in it, without its
/// namespace if there is none, `name<arguments>` for an instance of a template.
///
/// # Errors
/// [`GpuError::NoCompiler`], [`GpuError::Compile`] with the compiler's log, [`GpuError::UnknownKernel`].
pub(crate) fn compile(
    kernel: &Arc<str>,
    source: &str,
    capability: u32,
    contraction: Contraction,
) -> Result<Compiled, GpuError> {
    static NVRTC: OnceLock<Result<Nvrtc, String>> = OnceLock::new();
    match NVRTC.get_or_init(|| Nvrtc::open(&library::places())) {
        Ok(nvrtc) => compile_with(nvrtc, kernel, source, capability, contraction),
        Err(tried) => Err(GpuError::NoCompiler { tried: tried.clone() }),
    }
}

fn compile_with(
    nvrtc: &Nvrtc,
    kernel: &Arc<str>,
    source: &str,
    capability: u32,
    contraction: Contraction,
) -> Result<Compiled, GpuError> {
    let refused = |log: String| GpuError::Compile { kernel: Arc::clone(kernel), log };
    let zero = |what: &str, error: NulError| refused(format!("{what} has a zero byte at {}", error.nul_position()));
    let text = CString::new(source).map_err(|error| zero("the source", error))?;
    let name = CString::new(&**kernel).map_err(|error| zero("the name of the kernel", error))?;
    // What its messages call the file.
    let file = CString::new(format!("{kernel}.cu")).map_err(|error| zero("the name of the kernel", error))?;
    let failed = |failure: library::Failure| refused(failure.to_string());

    let mut options = vec![c"--std=c++17".to_owned()];
    options.extend(CString::new(format!("--gpu-architecture=compute_{}", nvrtc.architecture(capability))));
    if contraction == Contraction::Never {
        options.push(c"--fmad=false".to_owned());
    }

    let mut program = Program::new(nvrtc, &text, &file).map_err(failed)?;
    // An expression that names the kernel makes the compiler say what the kernel is called in the PTX.
    program.name(&name).map_err(failed)?;
    if let Err(failure) = program.compile(&options) {
        // It fails too if there is no such kernel, with a message about a line that nobody wrote. Without the
        // expression the source shows what it has.
        let mut plain = Program::new(nvrtc, &text, &file).map_err(failed)?;
        return Err(match plain.compile(&options) {
            Ok(()) => {
                let known = Entries(plain.ptx().map_err(failed)?).to_string();
                GpuError::UnknownKernel { kernel: Arc::clone(kernel), known }
            }
            Err(_) if failure.code == library::COMPILATION => refused(plain.log()),
            Err(_) => refused(format!("{failure}\n{}", plain.log())),
        });
    }
    let entry = program.lowered(&name).map_err(failed)?.into();
    Ok(Compiled { ptx: program.ptx().map_err(failed)?, entry })
}

/// The kernels of a PTX text, in words.
struct Entries(String);

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.split(".entry").skip(1).filter_map(|after| {
            let name = after.trim_start();
            name.get(..name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '%')))?)
        });
        let mut none = true;
        for name in names {
            write!(f, "{}`{name}`", if none { "" } else { ", " })?;
            none = false;
        }
        if none { f.write_str("none (a kernel is a `__global__ void` function)") } else { Ok(()) }
    }
}
