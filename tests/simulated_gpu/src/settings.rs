//! What a simulated machine is like.

use std::time::Duration;

/// What a simulated machine is like, and how it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Decides every order that CUDA leaves open. A quarter of the seeds is lazy (0, 4, 8, …: nothing is done before
    /// somebody waits), a quarter eager (1, 5, 9, …: work is done when it is queued, but for streams that stand still for a
    /// while), the others are in between.
    pub seed: u64,
    /// How many devices there are.
    pub devices: usize,
    /// The memory of each, in bytes.
    pub memory: usize,
    /// How much memory of the host can be pinned, in bytes.
    pub pinned: usize,
    /// The multiprocessors that each device says it has.
    pub multiprocessors: u32,
    /// Devices can reach each other's memory.
    pub peers: bool,
    /// Asynchronous copies from and to memory that is not pinned are refused, and violations; else they are only counted.
    pub refuse_pageable: bool,
    /// After so many operations of its threads a launch is ended with `CUDA_ERROR_LAUNCH_TIMEOUT`.
    pub most_operations: u64,
    /// When nobody has called the driver for so long, queued host functions are brought on.
    pub quiet: Duration,
    /// How long [`Simulator::finish`](crate::Simulator::finish) waits for what other threads still give back.
    pub patience: Duration,
    /// Modules may stay loaded when the simulation ends.
    pub keeps_modules: bool,
    /// Nothing is copied and no kernel runs: everything is done at once. See [`instant`](Self::instant).
    pub instant: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            devices: 1,
            memory: 256 << 20,
            pinned: 256 << 20,
            multiprocessors: 132,
            peers: true,
            refuse_pageable: true,
            most_operations: 4_000_000_000,
            quiet: Duration::from_micros(100),
            patience: Duration::from_secs(5),
            keeps_modules: false,
            instant: false,
        }
    }
}

impl Settings {
    /// One device, and this seed.
    #[must_use]
    pub fn seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The null mode: copies copy nothing, kernels compute nothing, everything counts as done at once, and a call costs next
    /// to nothing. For measuring the time of the host.
    #[must_use]
    pub fn instant() -> Self {
        Self { instant: true, memory: 4 << 30, pinned: 4 << 30, ..Self::default() }
    }

    /// So many devices.
    #[must_use]
    pub fn devices(self, devices: usize) -> Self {
        Self { devices, ..self }
    }

    /// So many bytes of memory on each.
    #[must_use]
    pub fn memory(self, memory: usize) -> Self {
        Self { memory, ..self }
    }
}
