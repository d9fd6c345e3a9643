//! Kernels from PTX or CUDA C, with their arguments, their launch and their twin in Rust.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::Kernel;
use super::arguments::{Arguments, Declared, Twin, Views};
use super::entry::{Entry, EntryParameter, entries};
use super::launch::Launch;
use super::recipe::{HostBody, Parameter, Passes, Plan, Recipe, Value};
use crate::gpu::element::Number;
use crate::gpu::error::GpuError;
use crate::gpu::stage::Stage;

/// The source of a kernel, which has no arguments yet: [`args`](Self::args) says which it has.
#[derive(Debug, Clone)]
#[must_use = "a source becomes a kernel by its arguments"]
pub struct Source {
    text: Text,
    entry: Arc<str>,
}

#[derive(Debug, Clone)]
enum Text {
    Ptx(Arc<str>),
    CudaC { text: Arc<str>, fused: bool },
}

impl Kernel<(), ()> {
    /// A kernel from PTX text, by the name of its `.entry`.
    ///
    /// The driver compiles it when a process that runs it starts. It may have any version and target that the driver knows;
    /// old ones (`.version 6.0`, `.target sm_60`) run everywhere.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::gpu::{Gpu, In, InOut, Kernel, Launch, Len, Scalar};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { aqueduct::run(async {
    /// # const SAXPY: &str = ".version 6.0\n.target sm_60\n.address_size 64\n.visible .entry saxpy(.param .f32 a, .param .u64 x, .param .u64 y, .param .u32 n) { ret; }";
    /// let saxpy = Kernel::ptx(SAXPY, "saxpy") // include_str!("saxpy.ptx")
    ///     .args((Scalar(2.0f32), In::<f32>(), InOut::<f32>(), Len))
    ///     .launch(Launch::cover(256))
    ///     .cpu(|a: f32, x: &[f32], y: &mut [f32], _len: usize| {
    ///         for (y, x) in y.iter_mut().zip(x) {
    ///             *y += a * x;
    ///         }
    ///     });
    /// let y: Vec<f32> = Gpu::cpu().call(&saxpy, (vec![1.0, 2.0], vec![10.0, 20.0])).await?;
    /// assert_eq!(y, [12.0, 24.0]);
    /// # aqueduct::Outcome::Ok(()) })?; Ok(()) }
    /// ```
    pub fn ptx(text: impl Into<Arc<str>>, entry: impl Into<Arc<str>>) -> Source {
        Source { text: Text::Ptx(text.into()), entry: entry.into() }
    }

    /// A kernel from CUDA C, by the name of its function.
    ///
    /// It is compiled when a process that runs it starts on a GPU, by NVIDIA's run-time compiler (NVRTC), which must be
    /// installed there; for programs that are to run without it, [`ptx`](Self::ptx) carries the compiled text.
    pub fn cuda_c(text: impl Into<Arc<str>>, entry: impl Into<Arc<str>>) -> Source {
        Source { text: Text::CudaC { text: text.into(), fused: false }, entry: entry.into() }
    }
}

impl Source {
    /// Lets the compiler of CUDA C make one operation, which rounds once, of a product and a sum: faster where arithmetic is
    /// the limit, but then the results differ from those of a twin in Rust, where nothing is fused that does not say so.
    pub fn fused(mut self) -> Self {
        if let Text::CudaC { fused, .. } = &mut self.text {
            *fused = true;
        }
        self
    }

    /// Says what the kernel's parameters are, in their order: a tuple of one to eight of [`In`](struct@super::In),
    /// [`Out`](struct@super::Out), [`InOut`](struct@super::InOut), [`Scalar`](super::Scalar) and [`Len`](super::Len).
    ///
    /// It is compared with the kernel's own signature when a process that runs it starts, on a GPU or not.
    pub fn args<A: Arguments>(self, arguments: A) -> SourceKernel<A> {
        let (launch, built) = (Launch::cover(256), OnceLock::new());
        SourceKernel { source: self, arguments: Arc::new(arguments), launch, twin: None, built }
    }
}

/// A kernel from a source, of which more can be said. It is used as a [`Kernel`] is.
#[must_use = "a kernel does nothing until a process runs it"]
pub struct SourceKernel<A: Arguments> {
    source: Source,
    arguments: Arc<A>,
    launch: Launch,
    twin: Option<Arc<dyn HostBody>>,
    /// Made once, so that a device knows it again.
    built: OnceLock<Kernel<A::Inputs, A::Outputs>>,
}

impl<A: Arguments> SourceKernel<A> {
    /// Says how it is launched; else [`Launch::cover(256)`](Launch::cover).
    pub fn launch(mut self, launch: Launch) -> Self {
        self.launch = launch;
        self.built = OnceLock::new();
        self
    }

    /// Gives it its twin in Rust, which runs where there is no GPU: see [`Twin`].
    ///
    /// The twin computes a whole batch in one call, on a worker thread; other batches are computed at the same time.
    pub fn cpu<F: Twin<A>>(mut self, twin: F) -> Self {
        self.twin = Some(Arc::new(TwinBody { twin, arguments: Arc::clone(&self.arguments) }));
        self.built = OnceLock::new();
        self
    }

    /// The kernel as a stage of a network, which is run on a device.
    pub fn stage(&self) -> Stage<A::Inputs, A::Outputs> {
        Stage::new(self)
    }

    /// The kernel.
    pub fn kernel(&self) -> Kernel<A::Inputs, A::Outputs> {
        self.built.get_or_init(|| self.build()).clone()
    }

    fn build(&self) -> Kernel<A::Inputs, A::Outputs> {
        let declared = self.arguments.declare();
        let parameters = declared
            .iter()
            .enumerate()
            .filter_map(|(place, argument)| match argument {
                Declared::Batch(batch) => {
                    Some(Parameter { role: batch.role, place, bytes: batch.bytes, length: batch.length })
                }
                Declared::Scalar { .. } | Declared::Len => None,
            })
            .collect();
        let plan = SourcePlan {
            text: self.source.text.clone(),
            entry: [Arc::clone(&self.source.entry)],
            lowered: OnceLock::new(),
            declared,
            launch: self.launch,
            len_bytes: OnceLock::new(),
        };
        Kernel::from_recipe(Recipe {
            name: Arc::clone(&self.source.entry),
            parameters,
            plan: Arc::new(plan),
            body: self.twin.clone(),
        })
    }
}

impl<A: Arguments> fmt::Debug for SourceKernel<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, launch, twin, .. } = self;
        f.debug_struct("SourceKernel")
            .field("name", &source.entry)
            .field("launch", launch)
            .field("twin", &twin.is_some())
            .finish_non_exhaustive()
    }
}

/// A twin with its arguments.
struct TwinBody<F, A> {
    twin: F,
    arguments: Arc<A>,
}

impl<F: Twin<A>, A: Arguments> HostBody for TwinBody<F, A> {
    fn run(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], length: usize) {
        let mut outputs: Vec<&mut [u8]> = outputs.iter_mut().map(|bytes| &mut **bytes).collect();
        self.twin.call(&self.arguments, Views { inputs: inputs.iter(), outputs: outputs.iter_mut(), length });
    }
}

/// What a GPU does: one launch.
struct SourcePlan {
    text: Text,
    entry: [Arc<str>; 1],
    /// What the compiler of CUDA C calls the kernel; known once it has been compiled.
    lowered: OnceLock<Arc<str>>,
    declared: Vec<Declared>,
    launch: Launch,
    /// How wide the kernel's own `Len` is; known once the signature has been compared.
    len_bytes: OnceLock<u8>,
}

impl fmt::Debug for SourcePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourcePlan").field("entry", &self.entry[0]).finish_non_exhaustive()
    }
}

impl Plan for SourcePlan {
    fn ptx(&self, capability: u32) -> Result<Cow<'_, str>, GpuError> {
        let (text, fused) = match &self.text {
            Text::Ptx(text) => return Ok(Cow::Borrowed(text)),
            Text::CudaC { text, fused } => (text, *fused),
        };
        let Compiled { ptx, entry } = compile(&self.entry[0], text, capability, fused)?;
        let _ = self.lowered.set(entry);
        Ok(Cow::Owned(ptx))
    }

    fn known_ptx(&self) -> Option<&str> {
        match &self.text {
            Text::Ptx(text) => Some(text),
            Text::CudaC { .. } => None,
        }
    }

    fn entries(&self) -> &[Arc<str>] {
        self.lowered.get().map_or(&self.entry, std::slice::from_ref)
    }

    fn check(&self, ptx: &str) -> Result<(), GpuError> {
        let kernel = &self.entry[0];
        if let Some(problem) = self.launch.problem() {
            return Err(GpuError::Launch { kernel: Arc::clone(kernel), problem });
        }
        let found = entries(ptx);
        let Some(entry) = found.iter().find(|entry| *entry.name == *self.entries()[0]) else {
            return Err(GpuError::UnknownKernel { kernel: Arc::clone(kernel), known: list(&found) });
        };
        compare(&self.declared, entry)
            .map(|len_bytes| {
                let _ = self.len_bytes.set(len_bytes);
            })
            .map_err(|problem| GpuError::Signature { kernel: Arc::clone(kernel), problem })
    }

    fn shared(&self) -> u32 {
        self.launch.shared_bytes()
    }

    fn scratch(&self, _: usize) -> usize {
        0
    }

    fn passes(&self, length: usize, passes: &mut Passes) -> Result<(), GpuError> {
        let grid = self.launch.grid_for(&self.entry[0], length)?;
        let len_bytes = self.len_bytes.get().copied().unwrap_or(8);
        if len_bytes < 8 && length >> (8 * u32::from(len_bytes)) != 0 {
            return Err(GpuError::Launch {
                kernel: Arc::clone(&self.entry[0]),
                problem: format!("its `Len` has {len_bytes} bytes, too few for a batch of {length} elements"),
            });
        }
        let mut batches = 0;
        passes.push_with(
            0,
            grid,
            self.declared.iter().map(|argument| match argument {
                Declared::Batch(_) => {
                    batches += 1;
                    Value::Parameter(batches - 1)
                }
                Declared::Scalar { number, word } => {
                    #[allow(clippy::cast_possible_truncation, reason = "4 or 8")]
                    let bytes = number.bytes() as u8;
                    Value::Number { word: *word, bytes }
                }
                Declared::Len => Value::Number { word: length as u64, bytes: len_bytes },
            }),
        );
        Ok(())
    }
}

fn list(found: &[Entry]) -> String {
    match found {
        [] => "none".to_owned(),
        found => found.iter().map(|entry| format!("`{}`", entry.name)).collect::<Vec<_>>().join(", "),
    }
}

/// Compares what is declared with the kernel's own; gives the width of its `Len`.
fn compare(declared: &[Declared], entry: &Entry) -> Result<u8, String> {
    let own = &entry.parameters;
    if declared.len() != own.len() {
        return Err(format!("{} are declared, and the kernel has {} parameters", declared.len(), own.len()));
    }
    let mut len_bytes = 8;
    for (index, (argument, parameter)) in declared.iter().zip(own).enumerate() {
        let EntryParameter { kind, bytes } = parameter;
        let wrong =
            |what: &str| Err(format!("parameter {index} of the kernel is a `.{kind}` of {bytes} bytes, not {what}"));
        let float = kind.starts_with('f');
        match argument {
            Declared::Batch(_) if float || *bytes != 8 => return wrong("a pointer of 8 bytes"),
            Declared::Scalar { number, .. } => {
                let is_float = matches!(number, Number::F32 | Number::F64);
                if *bytes != number.bytes() || (!kind.starts_with('b') && float != is_float) {
                    return wrong(&format!(
                        "{} of {} bytes",
                        if is_float { "a float" } else { "an integer" },
                        number.bytes()
                    ));
                }
            }
            Declared::Len if float || !matches!(bytes, 4 | 8) => return wrong("an integer of 4 or 8 bytes for `Len`"),
            Declared::Len => len_bytes = if *bytes == 4 { 4 } else { 8 },
            Declared::Batch(_) => {}
        }
    }
    Ok(len_bytes)
}

/// CUDA C, compiled.
struct Compiled {
    ptx: String,
    entry: Arc<str>,
}

#[cfg(feature = "cuda")]
fn compile(kernel: &Arc<str>, text: &str, capability: u32, fused: bool) -> Result<Compiled, GpuError> {
    use crate::gpu::driver::nvrtc::{self, Contraction};
    let contraction = if fused { Contraction::Anywhere } else { Contraction::Never };
    let nvrtc::Compiled { ptx, entry } = nvrtc::compile(kernel, text, capability, contraction)?;
    Ok(Compiled { ptx, entry })
}

#[cfg(not(feature = "cuda"))]
fn compile(_: &Arc<str>, _: &str, _: u32, _: bool) -> Result<Compiled, GpuError> {
    Err(GpuError::NoCompiler { tried: "none: this program was built without the feature `cuda`".to_owned() })
}
