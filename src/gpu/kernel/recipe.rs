//! A kernel without its types: what a stage needs to run it, on either body.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::gpu::error::GpuError;

/// Everything that is known of a kernel.
pub(crate) struct Recipe {
    pub(crate) name: Arc<str>,
    /// The arguments that channels feed or empty, in the order of the kernel's own.
    pub(crate) parameters: Vec<Parameter>,
    /// What a GPU does.
    pub(crate) plan: Arc<dyn Plan>,
    /// What the CPU does.
    pub(crate) body: Option<Arc<dyn HostBody>>,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, parameters, plan, body } = self;
        f.debug_struct("Recipe")
            .field("name", name)
            .field("parameters", parameters)
            .field("plan", plan)
            .field("body", &body.is_some())
            .finish()
    }
}

/// An argument that a channel feeds, or empties, or both.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) role: Role,
    /// Its place among all parameters of the kernel, counted from 0.
    pub(crate) place: usize,
    /// What an element takes.
    pub(crate) bytes: usize,
    pub(crate) length: Length,
}

/// Whether a kernel reads its argument, writes it, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    In,
    Out,
    InOut,
}

impl Role {
    pub(crate) fn is_input(self) -> bool {
        self != Self::Out
    }

    pub(crate) fn is_output(self) -> bool {
        self != Self::In
    }
}

/// How many elements an argument has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// As many as the batch: as the first input whose length is not fixed.
    Batch,
    /// Always so many.
    Fixed(usize),
}

/// What a GPU does for one batch: launches, in this order, on one queue.
pub(crate) trait Plan: Send + Sync + fmt::Debug {
    /// The text that the driver loads, for devices of this compute capability (90 is 9.0).
    ///
    /// # Errors
    /// What keeps it from being made: only CUDA C has to be compiled.
    fn ptx(&self, capability: u32) -> Result<Cow<'_, str>, GpuError>;

    /// The text, if it is the same for every device: it is checked even where there is none.
    fn known_ptx(&self) -> Option<&str> {
        None
    }

    /// The names of the kernels in the text, as [`Pass::entry`] counts them.
    fn entries(&self) -> &[Arc<str>];

    /// Whether the text's own signature is the declared one; asked once, with the text, before anything is loaded.
    ///
    /// # Errors
    /// What differs.
    fn check(&self, ptx: &str) -> Result<(), GpuError>;

    /// The most dynamic shared memory that a block of a launch has, in bytes.
    fn shared(&self) -> u32 {
        0
    }

    /// How many bytes of device memory the passes over a batch need beside the arguments. More for longer batches.
    fn scratch(&self, length: usize) -> usize;

    /// The launches for a batch of this length.
    ///
    /// # Errors
    /// A length that the kernel does not take.
    fn passes(&self, length: usize, passes: &mut Passes) -> Result<(), GpuError>;
}

/// A list of launches; kept from batch to batch, so that it need not be allocated.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    list: Vec<Pass>,
    values: Vec<Value>,
}

/// One launch.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    /// Which of [`Plan::entries`].
    pub(crate) entry: usize,
    pub(crate) grid: Grid,
    values: Range<usize>,
}

/// How many threads, and how they are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Blocks in x, y and z.
    pub(crate) blocks: [u32; 3],
    /// Threads of a block in x, y and z.
    pub(crate) threads: [u32; 3],
    /// Bytes of dynamic shared memory of a block.
    pub(crate) shared: u32,
}

/// What a kernel's own parameter is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// The address of an argument, by its place in [`Recipe::parameters`].
    Parameter(usize),
    /// An address so many bytes into the scratch memory (a multiple of 256).
    Scratch(usize),
    /// A number: its bits in the low end, and how many bytes it takes.
    Number { word: u64, bytes: u8 },
}

impl Value {
    /// A number of elements.
    pub(crate) fn count(count: usize) -> Self {
        Self::Number { word: count as u64, bytes: 8 }
    }
}

impl Passes {
    /// Forgets the launches, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.values.clear();
    }

    /// Adds a launch.
    pub(crate) fn push(&mut self, entry: usize, grid: Grid, values: &[Value]) {
        self.push_with(entry, grid, values.iter().copied());
    }

    /// Adds a launch.
    pub(crate) fn push_with(&mut self, entry: usize, grid: Grid, values: impl Iterator<Item = Value>) {
        let start = self.values.len();
        self.values.extend(values);
        self.list.push(Pass { entry, grid, values: start..self.values.len() });
    }

    /// The launches, each with what its kernel is given.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Pass, &[Value])> {
        self.list.iter().map(|pass| (pass, &self.values[pass.values.clone()]))
    }
}

/// What the CPU does for one batch.
///
/// It runs on a worker thread of rayon's pool, where it may divide the batch further.
pub(crate) trait HostBody: Send + Sync {
    /// Computes the outputs.
    ///
    /// `inputs` are the arguments that are only read, `outputs` those that are written, each in the order of the kernel's
    /// own. One that is both stands among the outputs, and holds its input at first; the others hold zeros or what was
    /// there before. Every slice is aligned for its elements and has the right length. `length` is that of the batch.
    fn run(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], length: usize);
}
