//! A driver that stands in for the machine's: at once, by the clock, or by computing on the host.
//!
//! Every call is a few nanoseconds: no lock, no table. Handles are the addresses of what they mean. A call with a handle
//! that is none is undefined behaviour: this is a measuring device, and no test of what calls it.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::num::NonZeroU64;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Driver;
use crate::kernel;

/// What the clocks of a fast GPU do in a nanosecond: bytes copied, and bytes that a kernel reads and writes.
const COPIED: f64 = 55.0;
const COMPUTED: f64 = 2000.0;
/// What every operation takes beside, in nanoseconds.
const EACH: u64 = 2000;

const NOT_FOUND: i32 = 500;
const NOT_READY: i32 = 600;
const OUT_OF_MEMORY: i32 = 2;

static MODE: AtomicU8 = AtomicU8::new(0);
static START: OnceLock<Instant> = OnceLock::new();

/// When each engine is free: copies in, copies out, kernels.
static ENGINES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// A stream or an event: when what is in it is done.
struct Clock(AtomicU64);

pub(super) fn set(chosen: Driver) {
    MODE.store(chosen as u8, Ordering::Relaxed);
    START.get_or_init(Instant::now);
}

fn is(mode: Driver) -> bool {
    MODE.load(Ordering::Relaxed) == mode as u8
}

fn now() -> u64 {
    START.get().map_or(0, |start| start.elapsed().as_nanos() as u64)
}

/// Puts an operation of so many nanoseconds into a stream: it begins when the stream and its engine are free.
fn occupy(stream: *const Clock, engine: usize, nanos: f64) {
    // SAFETY: a handle is the address of what it means.
    let stream = unsafe { &(*stream).0 };
    let engine = &ENGINES[engine];
    let begin = now().max(stream.load(Ordering::Relaxed)).max(engine.load(Ordering::Relaxed));
    let end = begin + EACH + nanos as u64;
    stream.store(end, Ordering::Relaxed);
    engine.store(end, Ordering::Relaxed);
}

/// Where the length of a piece of memory is kept: before the piece.
const HEAD: usize = 4096;

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(HEAD)?, HEAD).ok()
}

/// # Safety
/// `to` can be written to.
unsafe fn allocate(to: *mut *mut u8, bytes: usize) -> i32 {
    let Some(layout) = layout(bytes) else { return OUT_OF_MEMORY };
    // SAFETY: the layout is larger than its head.
    let start = unsafe { alloc_zeroed(layout) };
    if start.is_null() {
        return OUT_OF_MEMORY;
    }
    // SAFETY: the head has room for a length; the piece begins behind it.
    unsafe {
        start.cast::<usize>().write(bytes);
        to.write(start.add(HEAD));
    }
    0
}

/// # Safety
/// It was allocated here.
unsafe fn free(memory: *mut u8) -> i32 {
    // SAFETY: before a piece lies its head, with its length.
    unsafe {
        let start = memory.sub(HEAD);
        let Some(layout) = layout(start.cast::<usize>().read()) else { return 1 };
        dealloc(start, layout);
    }
    0
}

fn clock() -> *mut Clock {
    Box::into_raw(Box::new(Clock(AtomicU64::new(0))))
}

/// Writes what a function is to find.
unsafe fn put<T>(to: *mut T, value: T) -> i32 {
    // SAFETY: the caller of a driver's function passes a place to write to.
    unsafe { to.write(value) };
    0
}

macro_rules! functions {
    ($($name:ident($($argument:ident: $type:ty),*) $body:block)*) => {
        $(
            #[allow(non_snake_case, unused_variables, reason = "the driver's names; not every answer looks at all")]
            unsafe extern "C" fn $name($($argument: $type),*) -> i32 {
                // SAFETY: the caller keeps what the driver asks of this function's callers: handles are those that were
                // given, and what is to be written to can be.
                unsafe { $body }
            }
        )*

        pub(in crate::driver) fn answer(name: &str) -> Option<*const c_void> {
            match name {
                $(stringify!($name) => {
                    let function: unsafe extern "C" fn($($type),*) -> i32 = $name;
                    Some(function as *const c_void)
                })*
                _ => None,
            }
        }
    };
}

#[allow(unused_unsafe, reason = "not every answer needs it")]
mod answers {
    use super::*;

    functions! {
        cuInit(flags: u32) { 0 }
        cuDriverGetVersion(version: *mut c_int) { put(version, 13_000) }
        cuDeviceGetCount(count: *mut c_int) { put(count, 1) }
        cuDeviceGet(device: *mut c_int, index: c_int) { put(device, index) }
        cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int) {
            let text = c"no GPU, but a stand-in";
            std::ptr::copy_nonoverlapping(text.as_ptr(), name, text.count_bytes() + 1);
            0
        }
        cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, device: c_int) {
            put(value, match attribute { 75 => 9, 76 => 0, 16 => 132, 1 => 1024, 8 => 49_152, _ => 0 })
        }
        cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) { put(bytes, 1 << 36) }
        cuDevicePrimaryCtxRetain(context: *mut usize, device: c_int) { put(context, 0x1000) }
        cuDevicePrimaryCtxRelease_v2(device: c_int) { 0 }
        cuDevicePrimaryCtxSetFlags_v2(device: c_int, flags: u32) { 0 }
        cuCtxSetCurrent(context: usize) { 0 }
        cuMemGetInfo_v2(free: *mut usize, total: *mut usize) { put(free, 1 << 36) + put(total, 1 << 36) }
        cuMemAlloc_v2(address: *mut *mut u8, bytes: usize) { allocate(address, bytes) }
        cuMemFree_v2(address: *mut u8) { free(address) }
        cuMemHostAlloc(memory: *mut *mut u8, bytes: usize, flags: u32) { allocate(memory, bytes) }
        cuMemFreeHost(memory: *mut u8) { free(memory) }
        cuStreamCreate(stream: *mut *mut Clock, flags: u32) { put(stream, clock()) }
        cuStreamDestroy_v2(stream: *mut Clock) {
            drop(Box::from_raw(stream));
            0
        }
        cuStreamSynchronize(stream: *const Clock) {
            while now() < (*stream).0.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            0
        }
        cuStreamWaitEvent(stream: *const Clock, event: *const Clock, flags: u32) {
            (*stream).0.fetch_max((*event).0.load(Ordering::Relaxed), Ordering::Relaxed);
            0
        }
        cuEventCreate(event: *mut *mut Clock, flags: u32) { put(event, clock()) }
        cuEventDestroy_v2(event: *mut Clock) {
            drop(Box::from_raw(event));
            0
        }
        cuEventRecord(event: *const Clock, stream: *const Clock) {
            (*event).0.store((*stream).0.load(Ordering::Relaxed), Ordering::Relaxed);
            0
        }
        cuEventQuery(event: *const Clock) {
            let end = (*event).0.load(Ordering::Relaxed);
            if end == 0 || now() >= end { 0 } else { NOT_READY }
        }
        cuModuleLoadDataEx(module: *mut usize, image: *const c_char, count: u32, options: *mut u32, values: *mut usize) {
            put(module, 0x2000)
        }
        cuModuleUnload(module: usize) { 0 }
        cuModuleGetFunction(function: *mut usize, module: usize, name: *const c_char) {
            if CStr::from_ptr(name).to_bytes() == kernel::ENTRY.as_bytes() { put(function, 0x3000) } else { NOT_FOUND }
        }
        cuMemcpyHtoDAsync_v2(to: *mut u8, from: *const u8, bytes: usize, stream: *const Clock) {
            if is(Driver::Clocked) {
                occupy(stream, 0, bytes as f64 / COPIED);
            } else if is(Driver::Computing) {
                std::ptr::copy_nonoverlapping(from, to, bytes);
            }
            0
        }
        cuMemcpyDtoHAsync_v2(to: *mut u8, from: *const u8, bytes: usize, stream: *const Clock) {
            if is(Driver::Clocked) {
                occupy(stream, 1, bytes as f64 / COPIED);
            } else if is(Driver::Computing) {
                std::ptr::copy_nonoverlapping(from, to, bytes);
            }
            0
        }
        cuLaunchKernel(function: usize, bx: u32, by: u32, bz: u32, tx: u32, ty: u32, tz: u32, shared: u32,
            stream: *const Clock, arguments: *mut *mut c_void, extra: usize) {
            if is(Driver::Instant) {
                return 0;
            }
            // The one kernel of the race: `a`, `b`, `v` and `n`.
            let a = (*arguments).cast::<f32>().read();
            let b = (*arguments.add(1)).cast::<f32>().read();
            let v = (*arguments.add(2)).cast::<*mut f32>().read();
            let n = (*arguments.add(3)).cast::<u32>().read() as usize;
            if is(Driver::Clocked) {
                occupy(stream, 2, 8.0 * n as f64 / COMPUTED);
            } else {
                kernel::affine(a, b, std::slice::from_raw_parts_mut(v, n));
            }
            0
        }
        cuLaunchHostFunc(stream: *const Clock, function: unsafe extern "C" fn(*mut c_void), word: usize) {
            let end = (*stream).0.load(Ordering::Relaxed);
            std::thread::spawn(move || {
                // Else the system wakes a thread up to 50 µs late. Where it cannot be had, the bell is late.
                let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
                std::thread::sleep(Duration::from_nanos(end.saturating_sub(now())));
                // SAFETY: the caller gave a function that takes this word, once, on any thread.
                unsafe { function(std::ptr::with_exposed_provenance_mut(word)) };
            });
            0
        }
    }
}
pub(super) use answers::answer;
