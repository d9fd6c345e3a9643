//! The same work by driver calls, as one writes them who wants nothing but speed: a stream for each slot, pinned buffers made
//! once, and a loop on one thread that queues what it can and asks after the oldest.

use std::ffi::{CString, c_void};
use std::ptr;
use std::time::{Duration, Instant};

use aqueduct::gpu::Gpu;
use cust::sys::{self, CUcontext, CUevent, CUfunction, CUmodule, CUresult, CUstream};

use crate::Outcome;
use crate::batch::{self, COOL};
use crate::cost::{Cost, Moment};
use crate::driver::last_raw_code;
use crate::kernel::{ENTRY, PTX, Step, THREADS};

/// A stream, and the buffers of the batch that is in it.
struct Slot {
    stream: CUstream,
    event: CUevent,
    device: u64,
    /// Input and results, in turns.
    host: [*mut f32; 2],
}

/// Everything that the loop needs, made beforehand.
pub(crate) struct Raw {
    module: CUmodule,
    function: CUfunction,
    slots: Vec<Slot>,
    length: usize,
    computes: bool,
}

/// What a driver's function answered.
fn done(operation: &str, answer: CUresult) -> Outcome<()> {
    match answer {
        CUresult::CUDA_SUCCESS => Ok(()),
        _ => Err(format!("{operation} of the raw loop failed with code {}", last_raw_code()).into()),
    }
}

macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: handles are open; ranges are as long as their memory; what is written to can be; the context is current.
        done(stringify!($name), unsafe { sys::$name($($argument),*) })
    };
}

impl Raw {
    /// Opens the device that the library has open, on this thread, with so many slots for batches of so many elements.
    pub(crate) fn open(gpu: &Gpu, slots: usize, length: usize, computes: bool) -> Outcome<Self> {
        let mut device = 0;
        call!(cuDeviceGet(&raw mut device, i32::try_from(gpu.index().ok_or("no GPU")?)?))?;
        let mut context: CUcontext = ptr::null_mut();
        // The library holds it as well, and so it lives on: it is not retained for each loop anew.
        call!(cuDevicePrimaryCtxRetain(&raw mut context, device))?;
        call!(cuCtxSetCurrent(context))?;
        call!(cuDevicePrimaryCtxRelease_v2(device))?;
        let (mut module, mut function) = (ptr::null_mut(), ptr::null_mut());
        let (text, name) = (CString::new(PTX)?, CString::new(ENTRY)?);
        call!(cuModuleLoadDataEx(&raw mut module, text.as_ptr().cast(), 0, ptr::null_mut(), ptr::null_mut()))?;
        let mut raw = Self { module, function: ptr::null_mut(), slots: Vec::new(), length, computes };
        call!(cuModuleGetFunction(&raw mut function, module, name.as_ptr()))?;
        raw.function = function;
        for _ in 0..slots {
            let number = raw.slots.len() as u32;
            let (mut stream, mut event, mut device) = (ptr::null_mut(), ptr::null_mut(), 0);
            call!(cuStreamCreate(&raw mut stream, sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32))?;
            call!(cuEventCreate(&raw mut event, sys::CUevent_flags::CU_EVENT_DISABLE_TIMING as u32))?;
            call!(cuMemAlloc_v2(&raw mut device, raw.bytes()))?;
            let mut host = [ptr::null_mut(); 2];
            for (place, host) in host.iter_mut().enumerate() {
                let mut memory: *mut c_void = ptr::null_mut();
                call!(cuMemHostAlloc(&raw mut memory, raw.bytes(), sys::CU_MEMHOSTALLOC_PORTABLE))?;
                *host = memory.cast();
                // SAFETY: so many elements were just allocated, for us alone; all bytes are numbers.
                let buffer = unsafe {
                    ptr::write_bytes(*host, 0, length);
                    std::slice::from_raw_parts_mut(*host, length)
                };
                batch::fill(buffer, 2 * number + place as u32 + 1);
            }
            raw.slots.push(Slot { stream, event, device, host });
        }
        Ok(raw)
    }

    fn bytes(&self) -> usize {
        self.length * size_of::<f32>()
    }

    /// The host's view of a buffer that nothing is under way in.
    #[allow(clippy::mut_from_ref, reason = "the buffers are the slots', not ours, and one is looked at at a time")]
    fn buffer(&self, slot: usize, which: usize) -> &mut [f32] {
        // SAFETY: it has so many elements, and the callers see to it that no copy is under way.
        unsafe { std::slice::from_raw_parts_mut(self.slots[slot].host[which], self.length) }
    }

    fn copy_in(&self, slot: usize) -> Outcome<()> {
        let Slot { stream, device, host, .. } = &self.slots[slot];
        call!(cuMemcpyHtoDAsync_v2(*device, host[0].cast(), self.bytes(), *stream))
    }

    fn copy_out(&self, slot: usize) -> Outcome<()> {
        let Slot { stream, device, host, .. } = &self.slots[slot];
        call!(cuMemcpyDtoHAsync_v2(host[1].cast(), *device, self.bytes(), *stream))
    }

    fn launch(&self, slot: usize, step: Step) -> Outcome<()> {
        let Slot { stream, device, .. } = &self.slots[slot];
        let (mut step, mut device, mut length) = (step, *device, self.length as u32);
        let mut arguments: [*mut c_void; 4] =
            [(&raw mut step.a).cast(), (&raw mut step.b).cast(), (&raw mut device).cast(), (&raw mut length).cast()];
        let blocks = length.div_ceil(THREADS);
        call!(cuLaunchKernel(
            self.function,
            blocks,
            1,
            1,
            THREADS,
            1,
            1,
            0,
            *stream,
            arguments.as_mut_ptr(),
            ptr::null_mut()
        ))
    }

    fn queue(&self, slot: usize, steps: &[Step]) -> Outcome<()> {
        self.copy_in(slot)?;
        for step in steps {
            self.launch(slot, *step)?;
        }
        self.copy_out(slot)
    }

    fn check(&self, slot: usize, number: usize, all: bool) -> Outcome<()> {
        if self.computes { Ok(batch::check(self.buffer(slot, 1), number, all)?) } else { Ok(()) }
    }

    /// Batches through the slots, `warm` and then `batches`, of which the cost is told.
    pub(crate) fn stream(&mut self, steps: &[Step], warm: usize, batches: usize) -> Outcome<Cost> {
        let (all, slots) = (warm + batches + COOL, self.slots.len());
        let (mut begun, mut ended) = (0, 0);
        let mut start = Moment::now();
        let mut cost = None;
        while ended < all {
            while begun < all && begun - ended < slots {
                let slot = begun % slots;
                batch::stamp(self.buffer(slot, 0), begun);
                self.queue(slot, steps)?;
                let Slot { stream, event, .. } = self.slots[slot];
                call!(cuEventRecord(event, stream))?;
                begun += 1;
            }
            let slot = ended % slots;
            // SAFETY: the event is open.
            while unsafe { sys::cuEventQuery(self.slots[slot].event) } != CUresult::CUDA_SUCCESS {
                if last_raw_code() != NOT_READY {
                    return Err(format!("cuEventQuery of the raw loop failed with code {}", last_raw_code()).into());
                }
                std::hint::spin_loop();
            }
            self.check(slot, ended, cost.is_some())?;
            self.slots[slot].host.swap(0, 1);
            ended += 1;
            if ended == warm {
                start = Moment::now();
            }
            if ended == warm + batches {
                cost = Some(start.cost());
            }
        }
        cost.ok_or_else(|| "the raw loop ended early".into())
    }

    /// One batch at a time, from the call to its results.
    pub(crate) fn round_trips(&mut self, steps: &[Step], count: usize) -> Outcome<Vec<Duration>> {
        let mut trips = Vec::with_capacity(count);
        for number in 0..count {
            let start = Instant::now();
            batch::stamp(self.buffer(0, 0), number);
            self.queue(0, steps)?;
            call!(cuStreamSynchronize(self.slots[0].stream))?;
            trips.push(start.elapsed());
            self.check(0, number, true)?;
            self.slots[0].host.swap(0, 1);
        }
        Ok(trips)
    }

    /// What copies in, a kernel, and copies out take for a batch, each alone and at its best, in microseconds.
    pub(crate) fn alone(&self, steps: &[Step], batches: usize) -> Outcome<[f64; 3]> {
        let time = |what: &dyn Fn() -> Outcome<()>| {
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                let start = Instant::now();
                for _ in 0..batches {
                    what()?;
                }
                call!(cuStreamSynchronize(self.slots[0].stream))?;
                best = best.min(crate::cost::each(start.elapsed(), batches));
            }
            Outcome::Ok(best)
        };
        let times = [
            time(&|| self.copy_in(0))?,
            time(&|| steps.iter().try_for_each(|step| self.launch(0, *step)))?,
            time(&|| self.copy_out(0))?,
        ];
        // The results of the last copy are whatever was computed; the buffers go on as they were.
        batch::fill(self.buffer(0, 1), 2);
        Ok(times)
    }

    /// What the host needs to queue a launch, in microseconds.
    pub(crate) fn launch_call(&self, step: Step, count: usize) -> Outcome<f64> {
        let start = Instant::now();
        for _ in 0..count {
            self.launch(0, step)?;
        }
        let time = crate::cost::each(start.elapsed(), count);
        call!(cuStreamSynchronize(self.slots[0].stream))?;
        Ok(time)
    }
}

const NOT_READY: i32 = 600;

impl Drop for Raw {
    fn drop(&mut self) {
        for Slot { stream, event, device, host } in self.slots.drain(..) {
            // SAFETY: made here, once; the stream is empty before its memory goes.
            unsafe {
                sys::cuStreamSynchronize(stream);
                sys::cuStreamDestroy_v2(stream);
                sys::cuEventDestroy_v2(event);
                sys::cuMemFree_v2(device);
                for memory in host {
                    sys::cuMemFreeHost(memory.cast());
                }
            }
        }
        // SAFETY: loaded here.
        unsafe { sys::cuModuleUnload(self.module) };
    }
}
