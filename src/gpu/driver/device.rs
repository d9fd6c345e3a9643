//! A GPU behind CUDA's driver.
//!
//! Handles are the driver's own words. Everything happens on the thread that opened the device: its context is current
//! there, and nowhere else. Queues are `NON_BLOCKING`, so that none waits for the legacy queue 0, which is never used;
//! marks keep no time, which makes them cheap; pinned memory is `PORTABLE`, so that every device can copy from and to
//! it.

use std::cell::RefCell;
use std::ffi::{CString, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use cust::context::{Context, CurrentContext};
use cust::device::Device as Ordinal;
use cust::sys::{self, CUresult};

use super::bell::{self, Ropes};
use super::held::Held;
use super::{last_error, load};
use crate::gpu::device::{Address, Bell, ContextHandle, Device, DeviceInfo, Function, LoadError, Mark, Module, Queue};
use crate::gpu::error::DriverError;
use crate::gpu::kernel::Grid;

const NOT_FOUND: i32 = 500;

/// A GPU, open on this thread.
///
/// Dropping it releases whatever it handed out and did not get back, device and pinned memory too: whoever drops it
/// sees to it that nobody uses them any more.
pub(super) struct CudaDevice {
    info: DeviceInfo,
    held: Held,
    ropes: Ropes,
    /// The contexts whose memory this one was allowed to reach, as far as the hardware can.
    peers: RefCell<Vec<ContextHandle>>,
    /// The device's primary context, current on this thread.
    context: Context,
    ordinal: Ordinal,
    /// Its context is current on one thread only.
    here: PhantomData<*mut ()>,
}

impl CudaDevice {
    /// Takes the device's primary context, and makes it this thread's own.
    pub(super) fn open(info: DeviceInfo, ordinal: Ordinal) -> Result<Self, DriverError> {
        let context = Context::new(ordinal).map_err(|_| last_error("cuDevicePrimaryCtxRetain", &info.name))?;
        // `cust` has done so, but does not say whether it worked.
        CurrentContext::set_current(&context).map_err(|_| last_error("cuCtxSetCurrent", &info.name))?;
        Ok(Self {
            info,
            held: Held::default(),
            ropes: Ropes::default(),
            peers: RefCell::default(),
            context,
            ordinal,
            here: PhantomData,
        })
    }

    fn check(&self, operation: &'static str, answer: CUresult) -> Result<(), DriverError> {
        if answer == CUresult::CUDA_SUCCESS { Ok(()) } else { Err(last_error(operation, &self.info.name)) }
    }

    /// Lets this device copy from the other's memory without the host, where the hardware can; otherwise the driver
    /// copies by way of the host, which is right too. So nothing here is an error but a context that is none.
    fn reach(&self, context: ContextHandle) -> Result<(), DriverError> {
        if context == self.context() || self.peers.borrow().contains(&context) {
            return Ok(());
        }
        let peer = ptr::with_exposed_provenance_mut(context.0);
        let mut ordinal = 0;
        let mut popped = ptr::null_mut();
        // SAFETY: the context is that of an open device; what is pushed is popped, and the rest is written to locals.
        unsafe {
            self.check("cuCtxPushCurrent_v2", sys::cuCtxPushCurrent_v2(peer))?;
            let asked = self.check("cuCtxGetDevice", sys::cuCtxGetDevice(&raw mut ordinal));
            self.check("cuCtxPopCurrent_v2", sys::cuCtxPopCurrent_v2(&raw mut popped))?;
            asked?;
        }
        let mut can = 0;
        // SAFETY: `can` can be written to.
        let answer = unsafe { sys::cuDeviceCanAccessPeer(&raw mut can, self.ordinal.as_raw(), ordinal) };
        self.check("cuDeviceCanAccessPeer", answer)?;
        if can != 0 {
            // SAFETY: `peer` is an open context.
            let answer = unsafe { sys::cuCtxEnablePeerAccess(peer, 0) };
            if let Err(error) = self.check("cuCtxEnablePeerAccess", answer)
                && error.is_sticky()
            {
                return Err(error);
            }
        }
        self.peers.borrow_mut().push(context);
        Ok(())
    }
}

fn stream(queue: Queue) -> sys::CUstream {
    ptr::with_exposed_provenance_mut(queue.0)
}

fn event(mark: Mark) -> sys::CUevent {
    ptr::with_exposed_provenance_mut(mark.0)
}

fn word<T>(handle: *mut T) -> usize {
    handle.expose_provenance()
}

impl Device for CudaDevice {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn context(&self) -> ContextHandle {
        ContextHandle(word(self.context.as_raw()))
    }

    fn memory(&self) -> Result<(usize, usize), DriverError> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: both can be written to.
        self.check("cuMemGetInfo_v2", unsafe { sys::cuMemGetInfo_v2(&raw mut free, &raw mut total) })?;
        Ok((free, total))
    }

    fn allocate(&self, bytes: usize) -> Result<Address, DriverError> {
        let mut address = 0;
        // SAFETY: `address` can be written to.
        self.check("cuMemAlloc_v2", unsafe { sys::cuMemAlloc_v2(&raw mut address, bytes) })?;
        Ok(self.held.memory.out(Address(address)))
    }

    unsafe fn free(&self, address: Address) {
        if self.held.memory.back(&address) {
            // SAFETY: it was allocated here, not freed since, and nothing uses it any more, as the caller promises.
            // What the call answers is what an earlier launch did; whoever waits for that launch is told.
            unsafe { sys::cuMemFree_v2(address.0) };
        }
    }

    fn allocate_pinned(&self, bytes: usize) -> Result<NonNull<u8>, DriverError> {
        const OPERATION: &str = "cuMemHostAlloc";
        let mut memory = ptr::null_mut();
        // SAFETY: `memory` can be written to.
        let answer = unsafe { sys::cuMemHostAlloc(&raw mut memory, bytes, sys::CU_MEMHOSTALLOC_PORTABLE) };
        self.check(OPERATION, answer)?;
        // No driver succeeds with nothing; if one does, it is out of memory.
        let memory = NonNull::new(memory.cast()).ok_or_else(|| DriverError {
            operation: OPERATION,
            code: 2,
            device: Arc::clone(&self.info.name),
        })?;
        self.held.pinned.out(word(memory.as_ptr()));
        Ok(memory)
    }

    unsafe fn free_pinned(&self, memory: NonNull<u8>) {
        if self.held.pinned.back(&memory.addr().get()) {
            // SAFETY: as in `free`.
            unsafe { sys::cuMemFreeHost(memory.as_ptr().cast()) };
        }
    }

    fn open_queue(&self) -> Result<Queue, DriverError> {
        let mut stream = ptr::null_mut();
        let flags = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: `stream` can be written to.
        self.check("cuStreamCreate", unsafe { sys::cuStreamCreate(&raw mut stream, flags) })?;
        Ok(self.held.queues.out(Queue(word(stream))))
    }

    fn close_queue(&self, queue: Queue) {
        if self.held.queues.back(&queue) {
            // SAFETY: it was opened here, and not closed since.
            unsafe { sys::cuStreamDestroy_v2(stream(queue)) };
        }
    }

    fn create_mark(&self) -> Result<Mark, DriverError> {
        let mut event = ptr::null_mut();
        let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING as u32;
        // SAFETY: `event` can be written to.
        self.check("cuEventCreate", unsafe { sys::cuEventCreate(&raw mut event, flags) })?;
        Ok(self.held.marks.out(Mark(word(event))))
    }

    fn destroy_mark(&self, mark: Mark) {
        if self.held.marks.back(&mark) {
            // SAFETY: it was created here, and not destroyed since.
            unsafe { sys::cuEventDestroy_v2(event(mark)) };
        }
    }

    unsafe fn copy_in(&self, queue: Queue, to: Address, from: *const u8, bytes: usize) -> Result<(), DriverError> {
        // SAFETY: as the caller promises.
        let answer = unsafe { sys::cuMemcpyHtoDAsync_v2(to.0, from.cast(), bytes, stream(queue)) };
        self.check("cuMemcpyHtoDAsync_v2", answer)
    }

    unsafe fn copy_out(&self, queue: Queue, to: *mut u8, from: Address, bytes: usize) -> Result<(), DriverError> {
        // SAFETY: as the caller promises.
        let answer = unsafe { sys::cuMemcpyDtoHAsync_v2(to.cast(), from.0, bytes, stream(queue)) };
        self.check("cuMemcpyDtoHAsync_v2", answer)
    }

    unsafe fn copy_peer(
        &self,
        queue: Queue,
        to: Address,
        context: ContextHandle,
        from: Address,
        bytes: usize,
    ) -> Result<(), DriverError> {
        self.reach(context)?;
        let peer = ptr::with_exposed_provenance_mut(context.0);
        // SAFETY: as the caller promises.
        let answer = unsafe { sys::cuMemcpyPeerAsync(to.0, self.context.as_raw(), from.0, peer, bytes, stream(queue)) };
        self.check("cuMemcpyPeerAsync", answer)
    }

    fn record(&self, queue: Queue, mark: Mark) -> Result<(), DriverError> {
        // SAFETY: both are open.
        self.check("cuEventRecord", unsafe { sys::cuEventRecord(event(mark), stream(queue)) })
    }

    fn wait(&self, queue: Queue, mark: Mark) -> Result<(), DriverError> {
        // SAFETY: both are open.
        self.check("cuStreamWaitEvent", unsafe { sys::cuStreamWaitEvent(stream(queue), event(mark), 0) })
    }

    fn reached(&self, mark: Mark) -> Result<bool, DriverError> {
        // SAFETY: it is open.
        match unsafe { sys::cuEventQuery(event(mark)) } {
            CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            answer => self.check("cuEventQuery", answer).map(|()| true),
        }
    }

    fn drain(&self, queue: Queue) -> Result<(), DriverError> {
        // SAFETY: it is open.
        self.check("cuStreamSynchronize", unsafe { sys::cuStreamSynchronize(stream(queue)) })
    }

    fn ring(&self, queue: Queue, bell: &Arc<dyn Bell>) -> Result<(), DriverError> {
        let rope = self.ropes.tie(bell);
        // SAFETY: `pull` takes this word, once, and the driver calls it once or never.
        let answer = unsafe { sys::cuLaunchHostFunc(stream(queue), Some(bell::pull), rope) };
        self.check("cuLaunchHostFunc", answer).inspect_err(|_| {
            // SAFETY: the driver did not take it, and so will not call.
            unsafe { bell::untie(rope) };
        })
    }

    fn load(&self, ptx: &str) -> Result<Module, LoadError> {
        load::load(ptx, &self.info).map(|module| self.held.modules.out(module))
    }

    fn unload(&self, module: Module) {
        if self.held.modules.back(&module) {
            // SAFETY: it was loaded here, and not unloaded since.
            unsafe { sys::cuModuleUnload(ptr::with_exposed_provenance_mut(module.0)) };
        }
    }

    fn function(&self, module: Module, name: &str, shared: u32) -> Result<Function, DriverError> {
        const OPERATION: &str = "cuModuleGetFunction";
        // No kernel has a name with a zero in it.
        let name = CString::new(name).map_err(|_| DriverError {
            operation: OPERATION,
            code: NOT_FOUND,
            device: Arc::clone(&self.info.name),
        })?;
        let mut function = ptr::null_mut();
        let module = ptr::with_exposed_provenance_mut(module.0);
        // SAFETY: the module is loaded, the name ends with a zero, `function` can be written to.
        self.check(OPERATION, unsafe { sys::cuModuleGetFunction(&raw mut function, module, name.as_ptr()) })?;
        if shared > 0 {
            // Without it a block has no more than 48 KiB, of which the kernel's own static memory takes its share.
            let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            let bytes = i32::try_from(shared).unwrap_or(i32::MAX);
            // SAFETY: the function has just been found.
            self.check("cuFuncSetAttribute", unsafe { sys::cuFuncSetAttribute(function, attribute, bytes) })?;
        }
        Ok(Function(word(function)))
    }

    unsafe fn launch(
        &self,
        queue: Queue,
        function: Function,
        grid: Grid,
        arguments: &mut [*mut c_void],
    ) -> Result<(), DriverError> {
        let Grid { blocks: [blocks_x, blocks_y, blocks_z], threads: [threads_x, threads_y, threads_z], shared } = grid;
        // SAFETY: as the caller promises. The driver has read the values when the call returns.
        let answer = unsafe {
            sys::cuLaunchKernel(
                ptr::with_exposed_provenance_mut(function.0),
                blocks_x,
                blocks_y,
                blocks_z,
                threads_x,
                threads_y,
                threads_z,
                shared,
                stream(queue),
                arguments.as_mut_ptr(),
                ptr::null_mut(),
            )
        };
        self.check("cuLaunchKernel", answer)
    }
}

impl Drop for CudaDevice {
    fn drop(&mut self) {
        let queues = self.held.queues.take();
        for queue in &queues {
            // What is in the queues uses the memory that is freed below. An error has been told to whoever waited.
            let _ = self.drain(*queue);
        }
        // SAFETY: each of these was made here and not given back; nothing uses them any more, for the queues are empty
        // and whoever drops a device has stopped using it. The context is still current on this thread, which is the
        // one that opened the device, because a `CudaDevice` cannot be sent to another.
        unsafe {
            for queue in queues {
                sys::cuStreamDestroy_v2(stream(queue));
            }
            for mark in self.held.marks.take() {
                sys::cuEventDestroy_v2(event(mark));
            }
            for module in self.held.modules.take() {
                sys::cuModuleUnload(ptr::with_exposed_provenance_mut(module.0));
            }
            for address in self.held.memory.take() {
                sys::cuMemFree_v2(address.0);
            }
            // Pinned memory that is still out belongs to somebody who may look at it: it is left to the process.
            // The context itself is released by `cust` right after this, and must not be current then.
            sys::cuCtxSetCurrent(ptr::null_mut());
        }
    }
}

impl fmt::Debug for CudaDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CudaDevice").field("info", &self.info).field("held", &self.held).finish_non_exhaustive()
    }
}
