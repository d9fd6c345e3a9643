//! A device, in the shape of a driver: memory, queues, marks, modules and launches.
//!
//! Whoever implements it owns the driver's handles. It is used by one thread alone, the device's own, and so need not be
//! `Send`; everything it is asked for returns at once or waits for nobody but the driver.

mod seat;
mod shared;
mod storage;
mod thread;

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::gpu::error::{DriverError, GpuError};

pub(crate) use seat::{Lane, Seat};
pub(crate) use shared::{Shared, User};
pub(crate) use storage::Lent;

/// What is known of a GPU.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Its place among the driver's devices.
    pub index: usize,
    /// For people: `GPU 0 (NVIDIA H200)`.
    pub name: Arc<str>,
    /// Its compute capability: 90 is 9.0.
    pub capability: u32,
    /// Bytes of memory in all.
    pub memory: usize,
    /// The number of multiprocessors.
    pub multiprocessors: u32,
    /// The largest number of threads in a block.
    pub max_threads: u32,
    /// The largest shared memory of a block, in bytes.
    pub max_shared: u32,
    /// The driver's version: 13000 is 13.0.
    pub driver_version: i32,
}

/// An address in a device's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address(pub(crate) u64);

/// A queue: what is put into it is done in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Queue(pub(crate) usize);

/// A place in a queue that can be asked after and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark(pub(crate) usize);

/// A loaded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Module(pub(crate) usize);

/// A kernel of a loaded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Function(pub(crate) usize);

/// A device's context, for copies from another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContextHandle(pub(crate) usize);

/// Why a text was not loaded.
#[derive(Debug)]
pub(crate) struct LoadError {
    pub(crate) error: DriverError,
    /// What the driver's compiler said.
    pub(crate) log: String,
}

/// The driver of one device.
pub(crate) trait Device: fmt::Debug {
    /// What is known of it.
    fn info(&self) -> &DeviceInfo;

    /// Its context.
    fn context(&self) -> ContextHandle;

    /// Free and total bytes of its memory now.
    fn memory(&self) -> Result<(usize, usize), DriverError>;

    /// Memory of the device, aligned to 256 bytes.
    fn allocate(&self, bytes: usize) -> Result<Address, DriverError>;

    /// Gives memory back.
    ///
    /// # Safety
    /// It was allocated here, and nothing uses it any more.
    unsafe fn free(&self, address: Address);

    /// Memory of the host that every device can copy from and to without the CPU, aligned to 64 bytes at least.
    fn allocate_pinned(&self, bytes: usize) -> Result<NonNull<u8>, DriverError>;

    /// Gives it back.
    ///
    /// # Safety
    /// It was allocated here, and nothing uses it any more.
    unsafe fn free_pinned(&self, memory: NonNull<u8>);

    /// A new queue, which waits for no other.
    fn open_queue(&self) -> Result<Queue, DriverError>;

    /// Gives a queue back; what is in it is done all the same.
    fn close_queue(&self, queue: Queue);

    /// A new mark, which counts as reached.
    fn create_mark(&self) -> Result<Mark, DriverError>;

    /// Gives a mark back.
    fn destroy_mark(&self, mark: Mark);

    /// Copies from pinned memory to the device.
    ///
    /// # Safety
    /// Both ranges are valid until the queue has done it, and nobody else writes to them until then.
    unsafe fn copy_in(&self, queue: Queue, to: Address, from: *const u8, bytes: usize) -> Result<(), DriverError>;

    /// Copies from the device to pinned memory.
    ///
    /// # Safety
    /// As for [`copy_in`](Self::copy_in).
    unsafe fn copy_out(&self, queue: Queue, to: *mut u8, from: Address, bytes: usize) -> Result<(), DriverError>;

    /// Copies from the memory of another device.
    ///
    /// # Safety
    /// As for [`copy_in`](Self::copy_in); `from` belongs to the device of `context`.
    unsafe fn copy_peer(
        &self,
        queue: Queue,
        to: Address,
        context: ContextHandle,
        from: Address,
        bytes: usize,
    ) -> Result<(), DriverError>;

    /// Puts a mark into a queue; it forgets where it stood.
    fn record(&self, queue: Queue, mark: Mark) -> Result<(), DriverError>;

    /// Lets a queue go on only when a mark is reached, where it stands now. The mark may be another device's.
    fn wait(&self, queue: Queue, mark: Mark) -> Result<(), DriverError>;

    /// Whether a mark is reached.
    ///
    /// # Errors
    /// Also what failed on the device before it.
    fn reached(&self, mark: Mark) -> Result<bool, DriverError>;

    /// Waits, on this thread, until a queue is empty.
    fn drain(&self, queue: Queue) -> Result<(), DriverError>;

    /// Calls `bell` on a thread of the driver's when all that is in the queue now is done. `bell` must not call the
    /// driver.
    fn ring(&self, queue: Queue, bell: &Arc<dyn Bell>) -> Result<(), DriverError>;

    /// Compiles and loads a text.
    fn load(&self, ptx: &str) -> Result<Module, LoadError>;

    /// Gives a loaded text back.
    fn unload(&self, module: Module);

    /// Finds a kernel in a loaded text; allows it so many bytes of dynamic shared memory.
    fn function(&self, module: Module, name: &str, shared: u32) -> Result<Function, DriverError>;

    /// Puts a launch into a queue. `arguments` point to the values of the kernel's parameters.
    ///
    /// # Safety
    /// The values are as many and as large as the kernel's parameters; the addresses among them are valid, for all that
    /// the kernel does, until the queue has done it.
    unsafe fn launch(
        &self,
        queue: Queue,
        function: Function,
        grid: crate::gpu::kernel::Grid,
        arguments: &mut [*mut c_void],
    ) -> Result<(), DriverError>;
}

/// What a driver calls when a queue has come so far.
pub(crate) trait Bell: Send + Sync {
    /// Rings.
    fn ring(&self);
}

/// Opens the driver of a device, on the thread that is to own it.
pub(crate) type Open = Box<dyn FnOnce() -> Result<Box<dyn Device>, GpuError> + Send>;
