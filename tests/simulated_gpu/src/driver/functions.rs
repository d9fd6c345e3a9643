//! The functions of the driver, by name: their signatures as in `cuda.h`, and who answers them.

#![allow(non_snake_case, non_camel_case_types, reason = "the names are the driver's")]
#![allow(unused_unsafe, reason = "some of those who answer get no pointers")]

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::codes::Code;
use super::world::answer;
use super::{context, events, launch, modules, streams};

/// In the instant mode, what is marked `quick` below does nothing.
pub(crate) static INSTANT: AtomicBool = AtomicBool::new(false);

macro_rules! functions {
    ($($kind:ident $name:ident($($argument:ident: $T:ty),*) = $by:path;)*) => {
        #[allow(clippy::enum_variant_names, reason = "one of the names ends with `Function`")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Function { $($name),* }

        const ALL: &[Function] = &[$(Function::$name),*];

        impl Function {
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            fn pointer(self) -> *const c_void {
                match self { $(Self::$name => $name as *const c_void),* }
            }
        }

        $(functions!(@ $kind $name($($argument: $T),*) $by);)*
    };
    (@ locked $name:ident($($argument:ident: $T:ty),*) $by:path) => {
        /// As in `cuda.h`.
        ///
        /// # Safety
        /// As with the driver: pointers are valid for what is read or written through them.
        pub unsafe extern "C" fn $name($($argument: $T),*) -> Code {
            // SAFETY: the caller's pointers are valid, by this function's own rule.
            answer(Function::$name, |world| unsafe { $by(world, $($argument),*) })
        }
    };
    (@ quick $name:ident($($argument:ident: $T:ty),*) $by:path) => {
        /// As in `cuda.h`.
        ///
        /// # Safety
        /// As with the driver: pointers are valid for what is read or written through them.
        pub unsafe extern "C" fn $name($($argument: $T),*) -> Code {
            if INSTANT.load(Relaxed) {
                calls(Function::$name);
                return 0;
            }
            // SAFETY: the caller's pointers are valid, by this function's own rule.
            answer(Function::$name, |world| unsafe { $by(world, $($argument),*) })
        }
    };
    // What waits takes the lock by itself, and gives it up meanwhile.
    (@ waits $name:ident($($argument:ident: $T:ty),*) $by:path) => {
        /// As in `cuda.h`.
        ///
        /// # Safety
        /// As with the driver: pointers are valid for what is read or written through them.
        pub unsafe extern "C" fn $name($($argument: $T),*) -> Code {
            if INSTANT.load(Relaxed) {
                calls(Function::$name);
                return 0;
            }
            // SAFETY: the caller's pointers are valid, by this function's own rule.
            unsafe { $by($($argument),*) }
        }
    };
    // What answers also before the simulation has begun.
    (@ always $name:ident($($argument:ident: $T:ty),*) $by:path) => {
        /// As in `cuda.h`.
        ///
        /// # Safety
        /// As with the driver: pointers are valid for what is read or written through them.
        pub unsafe extern "C" fn $name($($argument: $T),*) -> Code {
            calls(Function::$name);
            // SAFETY: the caller's pointers are valid, by this function's own rule.
            unsafe { $by($($argument),*) }
        }
    };
}

functions! {
    locked cuInit(flags: c_uint) = context::init;
    locked cuDriverGetVersion(version: *mut c_int) = context::driver_version;
    always cuGetErrorName(code: c_int, name: *mut *const c_char) = context::error_name;
    always cuGetErrorString(code: c_int, text: *mut *const c_char) = context::error_string;

    locked cuDeviceGet(device: *mut c_int, index: c_int) = context::device_get;
    locked cuDeviceGetCount(count: *mut c_int) = context::device_count;
    locked cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int) = context::device_name;
    locked cuDeviceGetAttribute(value: *mut c_int, attribute: c_uint, device: c_int) = context::device_attribute;
    locked cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) = context::device_memory;
    locked cuDeviceGetUuid(uuid: *mut [u8; 16], device: c_int) = context::device_uuid;
    locked cuDeviceGetUuid_v2(uuid: *mut [u8; 16], device: c_int) = context::device_uuid;
    locked cuDeviceGetPCIBusId(name: *mut c_char, length: c_int, device: c_int) = context::device_bus;
    locked cuDeviceCanAccessPeer(can: *mut c_int, device: c_int, peer: c_int) = context::can_access_peer;

    locked cuDevicePrimaryCtxRetain(context: *mut usize, device: c_int) = context::retain;
    locked cuDevicePrimaryCtxRelease(device: c_int) = context::release;
    locked cuDevicePrimaryCtxRelease_v2(device: c_int) = context::release;
    locked cuDevicePrimaryCtxSetFlags(device: c_int, flags: c_uint) = context::set_flags;
    locked cuDevicePrimaryCtxSetFlags_v2(device: c_int, flags: c_uint) = context::set_flags;
    locked cuDevicePrimaryCtxReset(device: c_int) = context::reset;
    locked cuDevicePrimaryCtxReset_v2(device: c_int) = context::reset;
    locked cuCtxSetCurrent(context: usize) = context::set_current;
    locked cuCtxGetCurrent(context: *mut usize) = context::get_current;
    locked cuCtxPushCurrent_v2(context: usize) = context::push_current;
    locked cuCtxPopCurrent_v2(context: *mut usize) = context::pop_current;
    locked cuCtxGetDevice(device: *mut c_int) = context::get_device;
    locked cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) = context::priorities;
    locked cuCtxEnablePeerAccess(context: usize, flags: c_uint) = context::enable_peer;
    waits cuCtxSynchronize() = context::synchronize;

    locked cuMemAlloc_v2(address: *mut u64, bytes: usize) = context::memory::allocate;
    locked cuMemFree_v2(address: u64) = context::memory::free;
    locked cuMemGetInfo_v2(free: *mut usize, total: *mut usize) = context::memory::info;
    locked cuMemAllocHost_v2(memory: *mut *mut c_void, bytes: usize) = context::memory::allocate_host;
    locked cuMemHostAlloc(memory: *mut *mut c_void, bytes: usize, flags: c_uint) = context::memory::host_allocate;
    locked cuMemFreeHost(memory: *mut c_void) = context::memory::free_host;
    locked cuMemHostGetDevicePointer_v2(address: *mut u64, memory: *mut c_void, flags: c_uint)
        = context::memory::device_pointer;

    waits cuMemcpyHtoD_v2(to: u64, from: *const c_void, bytes: usize) = streams::copy_in_now;
    waits cuMemcpyDtoH_v2(to: *mut c_void, from: u64, bytes: usize) = streams::copy_out_now;
    quick cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: usize) = streams::copy_in;
    waits cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, bytes: usize, stream: usize) = streams::copy_out;
    quick cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, stream: usize) = streams::copy_within;
    quick cuMemcpyPeerAsync(to: u64, context: usize, from: u64, from_context: usize, bytes: usize, stream: usize)
        = streams::copy_peer;
    quick cuMemsetD8Async(to: u64, value: c_uchar, count: usize, stream: usize) = streams::set_8;
    quick cuMemsetD32Async(to: u64, value: c_uint, count: usize, stream: usize) = streams::set_32;

    locked cuStreamCreate(stream: *mut usize, flags: c_uint) = streams::create;
    locked cuStreamCreateWithPriority(stream: *mut usize, flags: c_uint, priority: c_int)
        = streams::create_with_priority;
    locked cuStreamDestroy_v2(stream: usize) = streams::destroy;
    quick cuStreamQuery(stream: usize) = streams::query;
    waits cuStreamSynchronize(stream: usize) = streams::synchronize;
    quick cuStreamWaitEvent(stream: usize, event: usize, flags: c_uint) = streams::wait_event;

    locked cuEventCreate(event: *mut usize, flags: c_uint) = events::create;
    locked cuEventDestroy_v2(event: usize) = events::destroy;
    quick cuEventRecord(event: usize, stream: usize) = events::record;
    quick cuEventQuery(event: usize) = events::query;
    waits cuEventSynchronize(event: usize) = events::synchronize;
    locked cuEventElapsedTime(milliseconds: *mut f32, start: usize, end: usize) = events::elapsed;

    locked cuModuleLoadData(module: *mut usize, image: *const c_void) = modules::load;
    locked cuModuleLoadDataEx(
        module: *mut usize, image: *const c_void, count: c_uint, options: *const c_int, values: *mut *mut c_void
    ) = modules::load_with_options;
    locked cuModuleUnload(module: usize) = modules::unload;
    locked cuModuleGetFunction(function: *mut usize, module: usize, name: *const c_char) = modules::function;
    locked cuFuncGetAttribute(value: *mut c_int, attribute: c_int, function: usize) = modules::attribute;
    locked cuFuncSetAttribute(function: usize, attribute: c_int, value: c_int) = modules::set_attribute;
    locked cuFuncSetCacheConfig(function: usize, config: c_int) = modules::set_cache;

    quick cuLaunchKernel(
        function: usize,
        blocks_x: c_uint, blocks_y: c_uint, blocks_z: c_uint,
        threads_x: c_uint, threads_y: c_uint, threads_z: c_uint,
        shared: c_uint, stream: usize, parameters: *mut *mut c_void, extra: *mut *mut c_void
    ) = launch::kernel;
    locked cuLaunchHostFunc(stream: usize, function: *const c_void, data: *mut c_void) = launch::host_function;
}

static COUNTS: [AtomicU64; ALL.len()] = [const { AtomicU64::new(0) }; ALL.len()];

/// Counts a call.
pub(crate) fn calls(function: Function) {
    COUNTS[function as usize].fetch_add(1, Relaxed);
}

pub(crate) fn counted(function: Function) -> u64 {
    COUNTS[function as usize].load(Relaxed)
}

pub(crate) fn counted_all() -> impl Iterator<Item = (&'static str, u64)> {
    ALL.iter().map(|function| (function.name(), counted(*function)))
}

pub(crate) fn forget_counts() {
    COUNTS.iter().for_each(|count| count.store(0, Relaxed));
}

/// The function with this name, as the driver's library would export it; none if it is not simulated.
pub fn answer_symbol(name: &str) -> Option<*const c_void> {
    Function::named(name).map(Function::pointer)
}
