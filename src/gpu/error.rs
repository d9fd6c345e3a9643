//! What can go wrong on the way to a GPU, on it, and back.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Why a kernel did not run, or did not end well.
///
/// As the error of a process it poisons the process's channels, so that nobody takes a part of the results for all.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum GpuError {
    /// There is no GPU with this index.
    #[error("there is no GPU {index}: {found}. Use an index that exists, `Gpu::pick()`, or `Gpu::cpu()`")]
    NoSuchDevice {
        /// The index that was asked for.
        index: usize,
        /// What there is instead, in words.
        found: String,
    },
    /// There is no driver, or one that cannot be used.
    #[error("no GPU can be used: {reason}{details}")]
    NoDriver {
        /// Why, in a few words.
        reason: String,
        /// What was tried, and what to do: the rest of the sentence.
        details: String,
    },
    /// The driver is older than this library can use.
    #[error("the driver of this machine is of CUDA {found}, and {needed} at least is needed: install a newer one")]
    DriverTooOld {
        /// What is there.
        found: DriverVersion,
        /// What is needed.
        needed: DriverVersion,
    },
    /// There is no GPU, and the kernel has no body for the CPU.
    #[error(
        "the kernel `{kernel}` has no body for the CPU, where it is to run ({reason}): give it its twin in Rust with \
         `.cpu(…)`, or run it on a GPU"
    )]
    NoTwin {
        /// The kernel.
        kernel: Arc<str>,
        /// Why it is to run on the CPU.
        reason: Arc<str>,
    },
    /// The source has no kernel of this name.
    #[error("there is no kernel `{kernel}` in the source; it has {known}")]
    UnknownKernel {
        /// The name that was asked for.
        kernel: Arc<str>,
        /// The names that are there, in words.
        known: String,
    },
    /// The declared arguments are not those of the kernel.
    #[error("the arguments declared for the kernel `{kernel}` are not its own: {problem}")]
    Signature {
        /// The kernel.
        kernel: Arc<str>,
        /// What differs, and where.
        problem: String,
    },
    /// The launch cannot be done on any device, or not on this one.
    #[error("the kernel `{kernel}` cannot be launched like this: {problem}")]
    Launch {
        /// The kernel.
        kernel: Arc<str>,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A batch of no elements.
    #[error("the kernel `{kernel}` got an empty batch: send none instead")]
    EmptyBatch {
        /// The kernel.
        kernel: Arc<str>,
    },
    /// No more memory of the host can be pinned.
    #[error("the driver pins no {bytes} bytes more of the host's memory ({driver})")]
    PinnedMemory {
        /// How many bytes were asked for.
        bytes: usize,
        /// What the driver answered.
        driver: DriverError,
    },
    /// The memory of the host does not suffice.
    #[error("there is no room for a batch of {bytes} bytes in the memory of the host")]
    HostMemory {
        /// How many bytes were asked for, or as many as can be counted.
        bytes: usize,
    },
    /// A batch that has not the length that the kernel's argument asks for.
    #[error("parameter {parameter} of the kernel `{kernel}` got a batch of {got} elements where {wanted} are needed")]
    WrongLength {
        /// The kernel.
        kernel: Arc<str>,
        /// Which of its parameters, counted from 0.
        parameter: usize,
        /// How many elements came.
        got: usize,
        /// How many it needs.
        wanted: usize,
    },
    /// A batch that its launch does not divide.
    #[error(
        "a batch of {length} elements does not divide by the {block} threads of a block of the kernel `{kernel}`: pad the \
         batch, or launch with `Launch::cover` and let the kernel check its index against `Len`"
    )]
    DoesNotDivide {
        /// The kernel.
        kernel: Arc<str>,
        /// How many elements came.
        length: usize,
        /// How many elements one block takes.
        block: usize,
    },
    /// CUDA C was given, and there is no compiler for it on this machine.
    #[error("there is no NVRTC to compile CUDA C with (tried {tried}): install it, or use `Kernel::ptx`")]
    NoCompiler {
        /// The names of the libraries that were tried, and why they did not open.
        tried: String,
    },
    /// CUDA C was given that does not compile.
    #[error("the CUDA C of the kernel `{kernel}` does not compile:\n{log}")]
    Compile {
        /// The kernel.
        kernel: Arc<str>,
        /// What the compiler said.
        log: String,
    },
    /// The driver refuses the PTX of a kernel.
    #[error("the driver does not load the PTX of the kernel `{kernel}`: {driver}{}", told(.log))]
    Load {
        /// The kernel.
        kernel: Arc<str>,
        /// What the driver's own compiler said.
        log: String,
        /// What the driver answered.
        driver: DriverError,
    },
    /// The memory of a device does not suffice.
    #[error("there is no room for {bytes} bytes more on {device}, of whose memory {free} bytes are free ({driver})")]
    OutOfMemory {
        /// How many bytes of the device's memory are free.
        free: usize,
        /// How many bytes were asked for.
        bytes: usize,
        /// Where.
        device: Arc<str>,
        /// What the driver answered.
        driver: DriverError,
    },
    /// The driver failed.
    #[error(transparent)]
    Driver(DriverError),
    /// The device failed for good: nothing runs on it any more until the last process, call and batch of it is gone.
    #[error("{device} failed, and cannot be used any more while anybody in this program holds on to it: {driver}")]
    DeviceLost {
        /// Which.
        device: Arc<str>,
        /// What it failed with.
        driver: DriverError,
    },
    /// A batch lies on a device, and its next stage runs on the CPU.
    #[error(
        "the kernel `{kernel}` runs on the CPU and got a batch that lies on {place}: let the stage before it send a `Vec` or \
         a `Pinned`"
    )]
    Elsewhere {
        /// The kernel.
        kernel: Arc<str>,
        /// Where the batch lies.
        place: Arc<str>,
    },
    /// The body for the CPU panicked.
    #[error("the CPU body of the kernel `{kernel}` panicked: {message}")]
    Panicked {
        /// The kernel.
        kernel: Arc<str>,
        /// What it said.
        message: String,
    },
}

impl GpuError {
    /// That no GPU can be used, where there is nothing more to say.
    pub(crate) fn no_driver(reason: impl Into<String>) -> Self {
        Self::NoDriver { reason: reason.into(), details: String::new() }
    }
}

fn told(log: &str) -> String {
    if log.trim().is_empty() { String::new() } else { format!("\n{}", log.trim()) }
}

/// What a driver's function answered when it failed.
///
/// The number is what the driver really said, also where this library does not know it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation} on {device} failed with code {code} ({}){}", crate::gpu::codes::name(*.code), crate::gpu::codes::advice(*.code))]
pub struct DriverError {
    /// The function of the driver.
    pub operation: &'static str,
    /// What it answered.
    pub code: i32,
    /// On which device.
    pub device: Arc<str>,
}

impl DriverError {
    /// True if the device is lost with it: every later call fails too.
    #[must_use]
    pub fn is_sticky(&self) -> bool {
        super::codes::is_sticky(self.code)
    }
}

/// The version of CUDA that a driver is made for: 13000 is 13.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverVersion(pub i32);

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1000, self.0 % 1000 / 10)
    }
}
