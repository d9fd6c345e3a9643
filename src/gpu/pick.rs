//! Where kernels run: on which GPU, or on the CPU, and why there.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::device::{DeviceInfo, Shared};
use super::element::Plain;
use super::error::GpuError;
use super::kernel::IntoKernel;
use super::memory::{Home, Pinned};
use super::stage::{self, Batches, Call};

/// Where kernels run: a GPU, or the CPU. Cloning it is cheap, and all clones are the same device.
///
/// Each GPU has one thread in the program, which opens it and is the only one to use it; it ends when the last `Gpu`, process and
/// batch of the device is gone.
#[derive(Clone)]
pub struct Gpu {
    place: Where,
    reason: Arc<str>,
}

#[derive(Clone, Debug)]
pub(crate) enum Where {
    Cpu(Arc<Home>),
    Device(Arc<Shared>),
}

impl Gpu {
    /// The GPU with the fewest users, or the CPU where there is none that can be used. [`reason`](Self::reason) says why.
    ///
    /// The environment can decide otherwise: `AQUEDUCT_GPU=cpu`, or the index of a GPU.
    ///
    /// It waits until the driver is open, some tenths of a second where there is a GPU and it is the first time.
    #[must_use]
    pub fn pick() -> Self {
        let wanted = std::env::var("AQUEDUCT_GPU").ok();
        let wish = |text: &str| format!("AQUEDUCT_GPU={text}");
        let picked = match wanted.as_deref().map(str::trim) {
            None | Some("") => Self::least_loaded(),
            Some("cpu") => return Self::on_cpu("AQUEDUCT_GPU=cpu"),
            Some(text) => match text.parse() {
                Ok(index) => Self::open(index).map(|gpu| Self { reason: wish(text).into(), ..gpu }),
                Err(_) => {
                    let why = format!("{} is neither `cpu` nor the index of a GPU", wish(text));
                    return Self::on_cpu(why);
                }
            },
        };
        picked.unwrap_or_else(|error| match error {
            // Whoever wants to know what was tried asks for a GPU by its index.
            GpuError::NoDriver { reason, .. } => Self::on_cpu(reason),
            error => Self::on_cpu(error.to_string()),
        })
    }

    /// The GPU of this index, as the driver counts them.
    ///
    /// # Errors
    /// That there is none, that the driver cannot be used, or that the device has failed before.
    pub fn open(index: usize) -> Result<Self, GpuError> {
        let device = backend::open(index)?;
        Ok(Self { place: Where::Device(device), reason: "its index was asked for".into() })
    }

    /// The GPU with the fewest processes and calls; of several the first.
    ///
    /// # Errors
    /// That there is none, that the driver cannot be used, or that all have failed before.
    pub fn least_loaded() -> Result<Self, GpuError> {
        let count = backend::count()?;
        let mut by_users: Vec<usize> = (0..count).collect();
        by_users.sort_by_key(|index| Shared::users_of(*index));
        let mut failed = None;
        for index in by_users {
            match Self::open(index) {
                Ok(gpu) if count == 1 => return Ok(Self { reason: "it is the only one".into(), ..gpu }),
                Ok(gpu) => return Ok(Self { reason: format!("it has the fewest users of {count}").into(), ..gpu }),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| GpuError::no_driver("the driver knows no device")))
    }

    /// All GPUs that can be used, in the driver's order.
    ///
    /// # Errors
    /// That there is none, or that none can be used.
    pub fn all() -> Result<Vec<Self>, GpuError> {
        let count = backend::count()?;
        let mut failed = None;
        let mut all = Vec::new();
        for index in 0..count {
            match Self::open(index) {
                Ok(gpu) => all.push(gpu),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if all.is_empty() => Err(error),
            _ => Ok(all),
        }
    }

    /// How many GPUs there are; 0 also where the driver cannot be used. Opens none of them.
    #[must_use]
    pub fn count() -> usize {
        backend::count().unwrap_or(0)
    }

    /// The CPU, whatever else there is.
    #[must_use]
    pub fn cpu() -> Self {
        Self::on_cpu("it was asked for")
    }

    fn on_cpu(reason: impl Into<Arc<str>>) -> Self {
        Self { place: Where::Cpu(Home::ordinary()), reason: reason.into() }
    }

    /// True if it is the CPU.
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        matches!(self.place, Where::Cpu(_))
    }

    /// Its index, if it is a GPU.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        match &self.place {
            Where::Cpu(_) => None,
            Where::Device(device) => Some(device.info().index),
        }
    }

    /// For people: `GPU 0 (NVIDIA H200)`, `CPU (8 threads)`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.place {
            Where::Cpu(_) => match rayon::current_num_threads() {
                1 => "CPU (1 thread)".to_owned(),
                threads => format!("CPU ({threads} threads)"),
            },
            Where::Device(device) => device.info().name.to_string(),
        }
    }

    /// What is known of it, if it is a GPU.
    #[must_use]
    pub fn info(&self) -> Option<&DeviceInfo> {
        match &self.place {
            Where::Cpu(_) => None,
            Where::Device(device) => Some(device.info()),
        }
    }

    /// Why it is this one.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// A batch in memory that the device copies from and to by itself, from the pool of this device. What is in it is whatever
    /// was there before.
    ///
    /// # Errors
    /// That there is no more memory, or that the device has failed.
    pub fn pinned<T: Plain>(
        &self,
        elements: usize,
    ) -> impl Future<Output = Result<Pinned<T>, GpuError>> + Send + use<T> {
        stage::pinned(self.clone(), elements)
    }

    /// Runs a kernel on one batch, apart from any network: a future of the results, and a guard of a choice.
    ///
    /// The types of the batches say where they lie; that of the results is asked for by its use.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use aqueduct::prelude::*;
    /// use aqueduct::gpu::{self, Gpu};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { aqueduct::run(async {
    /// let gpu = Gpu::pick();
    /// let mut sums = gpu.call(&gpu::zip(|x, y| x + 2.0f32 * y), (vec![1.0f32, 2.0], vec![10.0f32, 20.0]));
    /// let sums: Vec<f32> = alt! {
    ///     sums = &mut sums => sums?,
    ///     _ = after(Duration::from_secs(60)) => panic!("a minute"),
    /// };
    /// assert_eq!(sums, [21.0, 42.0]);
    /// # aqueduct::Outcome::Ok(()) })?; Ok(()) }
    /// ```
    pub fn call<K, A, R>(&self, kernel: K, inputs: A) -> Call<R, K::Outputs>
    where
        K: IntoKernel,
        A: Batches<K::Inputs>,
        R: Batches<K::Outputs>,
    {
        Call::new(self, kernel.into_kernel().recipe(), inputs.into_payloads())
    }

    pub(crate) fn place(&self) -> &Where {
        &self.place
    }

    pub(crate) fn why(&self) -> &Arc<str> {
        &self.reason
    }
}

/// `GPU 0 (NVIDIA H200): it is the only one`.
impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.reason)
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gpu({self})")
    }
}

#[cfg(feature = "cuda")]
mod backend {
    use std::sync::Arc;

    use crate::gpu::device::Shared;
    use crate::gpu::driver;
    use crate::gpu::error::GpuError;

    pub(super) fn count() -> Result<usize, GpuError> {
        driver::count()
    }

    pub(super) fn open(index: usize) -> Result<Arc<Shared>, GpuError> {
        let count = driver::count()?;
        if index >= count {
            let found = match count {
                1 => "there is one, of index 0".to_owned(),
                count => format!("there are {count}, of index 0 to {}", count - 1),
            };
            return Err(GpuError::NoSuchDevice { index, found });
        }
        Shared::open(index, || Box::new(move || driver::open(index)))
    }
}

#[cfg(not(feature = "cuda"))]
mod backend {
    use std::sync::Arc;

    use crate::gpu::device::Shared;
    use crate::gpu::error::GpuError;

    const WITHOUT: &str = "this program was built without the feature `cuda`";

    pub(super) fn count() -> Result<usize, GpuError> {
        Err(GpuError::no_driver(WITHOUT))
    }

    pub(super) fn open(_: usize) -> Result<Arc<Shared>, GpuError> {
        Err(GpuError::no_driver(WITHOUT))
    }
}
