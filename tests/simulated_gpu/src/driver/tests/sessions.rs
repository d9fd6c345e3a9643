//! What one session leaves to the next, what the driver says of itself, and what a call costs.

use std::time::Instant;

use super::{
    Pinned, Session, TWICE, allocate, copy_in, copy_out, cuda, destroy_event, destroy_stream, drain, event, free,
    function, is_drained, launch, load, ok, reached, record, stream, unload, wait_event,
};
use crate::{Settings, answer};

/// What the library, and `cust` for it, call.
const NEEDED: &[&str] = &[
    "cuInit",
    "cuDriverGetVersion",
    "cuDeviceGet",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDeviceGetAttribute",
    "cuDeviceTotalMem_v2",
    "cuDeviceGetUuid",
    "cuDevicePrimaryCtxRetain",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxSetFlags_v2",
    "cuDevicePrimaryCtxReset_v2",
    "cuCtxSetCurrent",
    "cuCtxGetCurrent",
    "cuCtxPushCurrent_v2",
    "cuCtxPopCurrent_v2",
    "cuCtxGetDevice",
    "cuCtxSynchronize",
    "cuCtxEnablePeerAccess",
    "cuDeviceCanAccessPeer",
    "cuMemAlloc_v2",
    "cuMemFree_v2",
    "cuMemHostAlloc",
    "cuMemAllocHost_v2",
    "cuMemFreeHost",
    "cuMemGetInfo_v2",
    "cuMemHostGetDevicePointer_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyDtoDAsync_v2",
    "cuMemcpyPeerAsync",
    "cuMemcpyHtoD_v2",
    "cuMemcpyDtoH_v2",
    "cuMemsetD8Async",
    "cuStreamCreate",
    "cuStreamCreateWithPriority",
    "cuStreamDestroy_v2",
    "cuStreamQuery",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventRecord",
    "cuEventQuery",
    "cuEventSynchronize",
    "cuEventElapsedTime",
    "cuModuleLoadData",
    "cuModuleLoadDataEx",
    "cuModuleUnload",
    "cuModuleGetFunction",
    "cuFuncGetAttribute",
    "cuFuncSetAttribute",
    "cuFuncSetCacheConfig",
    "cuLaunchKernel",
    "cuLaunchHostFunc",
    "cuGetErrorName",
    "cuGetErrorString",
];

#[test]
fn every_function_that_is_needed_is_there_and_no_two_are_the_same() {
    let found: Vec<_> = NEEDED.iter().map(|name| answer(name).unwrap_or_else(|| panic!("no {name}"))).collect();
    assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>().len(), NEEDED.len());
    assert!(answer("cuGraphCreate").is_none());
}

#[test]
fn the_driver_tells_of_its_devices() {
    let session = Session::start(Settings::seed(0).devices(3).memory(1 << 20));
    let (mut count, mut version, mut value, mut total) = (0, 0, 0, 0);
    let mut name = [1; 64];
    let mut text = std::ptr::null();
    // SAFETY: all pointers are those of locals, with the room that is said.
    unsafe {
        ok(cuda::cuDeviceGetCount(&raw mut count));
        ok(cuda::cuDriverGetVersion(&raw mut version));
        ok(cuda::cuDeviceGetAttribute(&raw mut value, 75, 2));
        ok(cuda::cuDeviceTotalMem_v2(&raw mut total, 2));
        ok(cuda::cuDeviceGetName(name.as_mut_ptr(), 64, 2));
        assert_eq!(cuda::cuDeviceGet(&raw mut value, 3), 101);
        ok(cuda::cuGetErrorName(700, &raw mut text));
        assert_eq!(std::ffi::CStr::from_ptr(text).to_str(), Ok("CUDA_ERROR_ILLEGAL_ADDRESS"));
        assert_eq!(cuda::cuGetErrorName(12345, &raw mut text), 1);
        assert_eq!(std::ffi::CStr::from_ptr(name.as_ptr()).to_str(), Ok("Simulated GPU 2"));
    }
    assert_eq!((count, version, value, total), (3, 13_000, 9, 1 << 20));
    session.finish();
}

/// The same seed is the same story, also after other sessions.
#[test]
fn a_seed_tells_the_same_story_again() {
    let story = |seed| {
        let session = Session::start(Settings::seed(seed));
        let (streams, memory) = ([0; 4].map(|_| stream(1).expect("a stream")), allocate(16).expect("memory"));
        let pinned = Pinned::of(4);
        let mut seen = Vec::new();
        for round in 0..30 {
            let stream = streams[round % 4];
            ok(copy_in(memory, pinned.void(), 16, stream));
            ok(copy_out(pinned.void(), memory, 16, streams[round / 4 % 4]));
            seen.push((is_drained(stream), session.simulator.traffic()));
        }
        streams.into_iter().for_each(|stream| ok(drain(stream)));
        streams.into_iter().for_each(|stream| ok(destroy_stream(stream)));
        ok(free(memory));
        pinned.free();
        session.finish();
        seen
    };
    let stories: Vec<_> = (0..8).map(story).collect();
    assert_eq!((0..8).map(story).collect::<Vec<_>>(), stories);
    assert!(stories[2..].windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn who_asks_again_and_again_is_told_at_last() {
    for seed in 0..100 {
        let session = Session::start(Settings::seed(seed));
        let (first, second) = (stream(1).expect("a stream"), stream(1).expect("a stream"));
        let (mark, end, memory) =
            (event(2).expect("an event"), event(2).expect("an event"), allocate(16).expect("memory"));
        // An event that was never recorded counts as reached.
        ok(reached(mark));
        let pinned = Pinned::of(4);
        for _ in 0..5 {
            ok(copy_in(memory, pinned.void(), 16, first));
        }
        ok(record(mark, first));
        ok(wait_event(second, mark));
        ok(copy_out(pinned.void(), memory, 16, second));
        ok(record(end, second));
        let mut asked = 0;
        while reached(end) == 600 {
            asked += 1;
            assert!(asked < 1000, "seed {seed}");
        }
        ok(reached(mark));
        ok(drain(second));
        pinned.free();
        ok(free(memory));
        [mark, end].into_iter().for_each(|event| ok(destroy_event(event)));
        [first, second].into_iter().for_each(|stream| ok(destroy_stream(stream)));
        session.finish();
    }
}

#[test]
fn modules_may_stay_loaded_from_one_session_to_the_next() {
    let session = Session::start(Settings { keeps_modules: true, ..Settings::seed(0) });
    let module = load(TWICE).expect("it is right");
    session.finish();
    let session = Session::start(Settings::seed(0));
    assert_eq!(session.simulator.live().modules, 0);
    function(module, "twice").expect("it is there");
    ok(unload(module));
    session.finish();
}

#[test]
fn what_is_still_queued_at_the_end_is_done_and_found_wrong() {
    let session = Session::start(Settings::seed(0));
    let (queue, memory, pinned) = (stream(1).expect("a stream"), allocate(16).expect("memory"), Pinned::of(4));
    ok(copy_in(memory, pinned.void(), 16, queue));
    ok(destroy_stream(queue));
    pinned.free();
    ok(free(memory));
    assert_eq!(session.simulator.take_violations().len(), 2);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session.finish())).expect_err("a violation");
    let said = panic.downcast_ref::<String>().expect("a message");
    assert!(said.contains("given back before it was copied"), "{said}");
}

/// A kernel reads its text's own table, and counts in its own counter, which each loaded module has for itself.
#[test]
fn a_module_has_its_own_variables() {
    const TABLE: &str = "
        .version 8.0
        .target sm_70
        .address_size 64
        .const .align 4 .f32 table[4] = {0f3F800000, 0f40000000, 0f40400000};
        .global .u32 counter = 6;
        .global .align 8 .b8 bytes[2][4] = {{1, 2, 3, 4}, {5, 0x6, 7}};
        .visible .entry look(.param .u64 out)
        {
            .reg .b64 %a<3>; .reg .b32 %r<3>; .reg .f32 %f;
            mov.u32 %r0, %tid.x; mul.wide.u32 %a0, %r0, 4; mov.u64 %a1, table; add.u64 %a1, %a1, %a0;
            ld.const.f32 %f, [%a1]; ld.param.u64 %a2, [out]; add.u64 %a2, %a2, %a0; st.global.f32 [%a2], %f;
            atom.global.add.u32 %r1, [counter], 1; ld.global.u32 %r1, [counter]; st.global.u32 [%a2+16], %r1;
            ld.global.u32 %r2, [bytes+4]; st.global.u32 [%a2+32], %r2;
            ret;
        }";
    let session = Session::start(Settings::seed(0));
    let (queue, out, pinned) = (stream(1).expect("a stream"), allocate(48).expect("memory"), Pinned::of(12));
    for _ in 0..2 {
        let module = load(TABLE).expect("it is right");
        let look = function(module, "look").expect("it is there");
        ok(launch(look, queue, (1, 4), out, 0, 0));
        ok(copy_out(pinned.void(), out, 48, queue));
        ok(drain(queue));
        let found = pinned.floats();
        assert_eq!(found[..4], [1.0, 2.0, 3.0, 0.0]);
        let mut counts: Vec<u32> = found[4..8].iter().map(|n| n.to_bits()).collect();
        counts.sort_unstable();
        assert_eq!(counts, [7, 8, 9, 10]);
        assert_eq!(found[8].to_bits(), 0x0007_0605);
        ok(unload(module));
    }
    pinned.free();
    ok(free(out));
    ok(destroy_stream(queue));
    session.finish();
}

/// Prints how fast kernels are that do little more than read and write.
#[test]
fn a_large_batch_through_a_kernel_is_right() {
    const COUNT: usize = 1 << 18;
    let session = Session::start(Settings::seed(0));
    let (queue, module) = (stream(1).expect("a stream"), load(TWICE).expect("it is right"));
    let (from, to) = (allocate(4 * COUNT).expect("memory"), allocate(4 * COUNT).expect("memory"));
    let (twice, pinned) = (function(module, "twice").expect("it is there"), Pinned::of(COUNT));
    pinned.fill(|i| i as f32);
    ok(copy_in(from, pinned.void(), 4 * COUNT, queue));
    ok(launch(twice, queue, (COUNT as u32 / 256, 256), to, from, COUNT as u32));
    ok(copy_out(pinned.void(), to, 4 * COUNT, queue));
    let begin = Instant::now();
    ok(drain(queue));
    println!("{:?} for a batch of 1 MiB", begin.elapsed());
    assert!(pinned.floats().into_iter().eq((0..COUNT).map(|i| 2.0 * i as f32 + 1.0)));
    pinned.free();
    [from, to].into_iter().for_each(|address| ok(free(address)));
    ok(unload(module));
    ok(destroy_stream(queue));
    session.finish();
}

#[test]
fn in_the_instant_mode_a_batch_costs_next_to_nothing() {
    let session = Session::start(Settings::instant());
    let (queue, mark, memory) =
        (stream(1).expect("a stream"), event(2).expect("an event"), allocate(16).expect("memory"));
    let (pinned, module) = (Pinned::of(4), load(TWICE).expect("it is right"));
    let twice = function(module, "twice").expect("it is there");
    let begin = Instant::now();
    const ROUNDS: u32 = 100_000;
    for _ in 0..ROUNDS {
        ok(copy_in(memory, pinned.void(), 16, queue));
        ok(launch(twice, queue, (1, 32), memory, memory, 4));
        ok(copy_out(pinned.void(), memory, 16, queue));
        ok(record(mark, queue));
        ok(reached(mark));
    }
    println!("{:?} a call", begin.elapsed() / (5 * ROUNDS));
    assert_eq!(session.simulator.calls("cuLaunchKernel"), u64::from(ROUNDS));
    // Nothing was computed, and nothing copied.
    assert_eq!(pinned.floats(), [f32::from_bits(0xabab_abab); 4]);
    pinned.free();
    ok(free(memory));
    ok(unload(module));
    ok(destroy_event(mark));
    ok(destroy_stream(queue));
    session.finish();
}
