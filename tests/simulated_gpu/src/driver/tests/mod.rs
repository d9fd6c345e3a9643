//! The driver, through its own functions.

#![allow(unsafe_code, reason = "the functions under test are those of a C library")]

mod arguments;
mod failures;
mod host_functions;
mod pipeline;
mod sessions;

use std::ffi::{CString, c_void};
use std::ptr::{null, null_mut};

use super::functions as cuda;
use crate::{Settings, Simulator};

/// `out[i] = 2 * in[i] + 1`, for `n` numbers.
pub(super) const TWICE: &str = "
.version 8.0
.target sm_70
.address_size 64
.visible .entry twice(.param .u64 out, .param .u64 in, .param .u32 n)
{
    .reg .pred %p; .reg .b32 %r<5>; .reg .b64 %a<4>; .reg .f32 %f;
    mov.u32 %r0, %ctaid.x; mov.u32 %r1, %ntid.x; mov.u32 %r2, %tid.x; mad.lo.u32 %r3, %r0, %r1, %r2;
    ld.param.u32 %r4, [n]; setp.ge.u32 %p, %r3, %r4; @%p bra end;
    ld.param.u64 %a0, [out]; ld.param.u64 %a1, [in]; mul.wide.u32 %a2, %r3, 4;
    add.u64 %a0, %a0, %a2; add.u64 %a1, %a1, %a2;
    ld.global.f32 %f, [%a1]; fma.rn.f32 %f, %f, 0f40000000, 0f3F800000; st.global.f32 [%a0], %f;
end: ret;
}
";

/// A simulation, with the context of device 0 on this thread.
pub(super) struct Session {
    pub(super) simulator: Simulator,
    devices: usize,
}

pub(super) fn ok(code: i32) {
    assert_eq!(code, 0, "{:?}", super::codes::NAMES.iter().find(|(known, ..)| *known == code));
}

impl Session {
    pub(super) fn start(settings: Settings) -> Self {
        let devices = settings.devices;
        let simulator = Simulator::start(settings);
        // SAFETY: the function takes no pointers.
        ok(unsafe { cuda::cuInit(0) });
        let session = Self { simulator, devices };
        (0..devices).rev().for_each(|device| session.set(device));
        session
    }

    /// Makes the context of a device current.
    pub(super) fn set(&self, device: usize) {
        ok(set_current(context(device)));
    }

    pub(super) fn finish(self) {
        for device in 0..self.devices * 2 {
            // SAFETY: the function takes no pointers. Each context was retained by `context`.
            unsafe { cuda::cuDevicePrimaryCtxRelease_v2((device / 2) as i32) };
        }
        self.simulator.finish();
    }
}

pub(super) fn context(device: usize) -> usize {
    let mut context = 0;
    // SAFETY: the pointer is that of a local.
    ok(unsafe { cuda::cuDevicePrimaryCtxRetain(&raw mut context, device as i32) });
    context
}

pub(super) fn set_current(context: usize) -> i32 {
    // SAFETY: the function takes no pointers.
    unsafe { cuda::cuCtxSetCurrent(context) }
}

macro_rules! made {
    ($name:ident($($argument:ident: $T:ty),*) -> $Made:ty, $by:ident) => {
        pub(super) fn $name($($argument: $T),*) -> Result<$Made, i32> {
            let mut made: $Made = Default::default();
            // SAFETY: the pointer is that of a local.
            match unsafe { cuda::$by(&raw mut made, $($argument),*) } {
                0 => Ok(made),
                code => Err(code),
            }
        }
    };
}

made!(allocate(bytes: usize) -> u64, cuMemAlloc_v2);
made!(stream(flags: u32) -> usize, cuStreamCreate);
made!(event(flags: u32) -> usize, cuEventCreate);

macro_rules! plain {
    ($($name:ident($($argument:ident: $T:ty),*) = $by:ident;)*) => {$(
        pub(super) fn $name($($argument: $T),*) -> i32 {
            // SAFETY: handles are checked by the driver; pointers are to what the tests keep until all is done.
            unsafe { cuda::$by($($argument),*) }
        }
    )*};
}

plain! {
    free(address: u64) = cuMemFree_v2;
    free_pinned(memory: *mut c_void) = cuMemFreeHost;
    copy_in(to: u64, from: *const c_void, bytes: usize, stream: usize) = cuMemcpyHtoDAsync_v2;
    copy_out(to: *mut c_void, from: u64, bytes: usize, stream: usize) = cuMemcpyDtoHAsync_v2;
    copy_within(to: u64, from: u64, bytes: usize, stream: usize) = cuMemcpyDtoDAsync_v2;
    copy_peer(to: u64, own: usize, from: u64, other: usize, bytes: usize, stream: usize) = cuMemcpyPeerAsync;
    record(event: usize, stream: usize) = cuEventRecord;
    reached(event: usize) = cuEventQuery;
    await_event(event: usize) = cuEventSynchronize;
    destroy_event(event: usize) = cuEventDestroy_v2;
    drain(stream: usize) = cuStreamSynchronize;
    is_drained(stream: usize) = cuStreamQuery;
    destroy_stream(stream: usize) = cuStreamDestroy_v2;
    unload(module: usize) = cuModuleUnload;
    call_host(stream: usize, function: *const c_void, data: *mut c_void) = cuLaunchHostFunc;
}

pub(super) fn wait_event(stream: usize, event: usize) -> i32 {
    // SAFETY: the function takes no pointers.
    unsafe { cuda::cuStreamWaitEvent(stream, event, 0) }
}

/// Pinned memory, as floats.
pub(super) struct Pinned {
    pub(super) at: *mut f32,
    pub(super) count: usize,
}

impl Pinned {
    pub(super) fn of(count: usize) -> Self {
        let mut at = null_mut();
        // SAFETY: the pointer is that of a local.
        ok(unsafe { cuda::cuMemHostAlloc(&raw mut at, 4 * count, 0) });
        Self { at: at.cast(), count }
    }

    pub(super) fn fill(&self, f: impl Fn(usize) -> f32) {
        // SAFETY: the memory is this object's until `free`, and has so many floats.
        (0..self.count).for_each(|i| unsafe { self.at.add(i).write(f(i)) });
    }

    pub(super) fn floats(&self) -> Vec<f32> {
        // SAFETY: as above.
        (0..self.count).map(|i| unsafe { self.at.add(i).read() }).collect()
    }

    pub(super) fn void(&self) -> *mut c_void {
        self.at.cast()
    }

    pub(super) fn free(self) {
        ok(free_pinned(self.void()));
    }
}

/// Loads a text: its module, or the code and what the compiler said.
pub(super) fn load(text: &str) -> Result<usize, (i32, String)> {
    let text = CString::new(text).expect("no zero in it");
    let mut log = vec![0_u8; 4096];
    let mut module = 0;
    let options = [5, 6];
    let mut values = [log.as_mut_ptr().cast::<c_void>(), 4096 as *mut c_void];
    // SAFETY: the log has as much room as is said.
    let code = unsafe {
        cuda::cuModuleLoadDataEx(&raw mut module, text.as_ptr().cast(), 2, options.as_ptr(), values.as_mut_ptr())
    };
    let end = log.iter().position(|byte| *byte == 0).expect("a string ends");
    if code == 0 { Ok(module) } else { Err((code, String::from_utf8_lossy(&log[..end]).into_owned())) }
}

pub(super) fn function(module: usize, name: &str) -> Result<usize, i32> {
    let (mut function, name) = (0, CString::new(name).expect("no zero in it"));
    // SAFETY: the pointers are those of locals.
    let code = unsafe { cuda::cuModuleGetFunction(&raw mut function, module, name.as_ptr()) };
    if code == 0 { Ok(function) } else { Err(code) }
}

/// Launches `twice`, or anything with its parameters.
pub(super) fn launch(function: usize, stream: usize, (blocks, threads): (u32, u32), to: u64, from: u64, n: u32) -> i32 {
    let mut values =
        [(&raw const to).cast_mut().cast(), (&raw const from).cast_mut().cast(), (&raw const n).cast_mut().cast()];
    // SAFETY: the values are those of the kernel's parameters.
    unsafe {
        cuda::cuLaunchKernel(
            function,
            blocks,
            1,
            1,
            threads,
            1,
            1,
            0,
            stream,
            values.as_mut_ptr(),
            null::<*mut c_void>().cast_mut(),
        )
    }
}
