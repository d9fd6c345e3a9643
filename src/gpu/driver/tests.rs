//! The driver's functions and the device on top of them, against a stand-in that keeps count.

mod codes_of_cust;
mod stand_in;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cust::error::CudaError;
use cust::sys::{self, CUresult};

use self::stand_in::{install, run_callbacks, with};
use super::{AlreadyOpened, count, describe, last_missing, last_raw_code, open};
use crate::gpu::device::{Address, Bell, ContextHandle, Device};
use crate::gpu::error::GpuError;
use crate::gpu::kernel::Grid;

/// The first GPU, and no calls so far.
fn gpu() -> Box<dyn Device> {
    install();
    let gpu = open(0).expect("the stand-in has a GPU");
    with(|state| state.calls.clear());
    gpu
}

fn calls() -> Vec<String> {
    with(|state| std::mem::take(&mut state.calls))
}

#[test]
fn a_second_stand_in_is_refused() {
    install();
    // SAFETY: it never answers.
    assert_eq!(unsafe { super::install(|_| None) }, Err(AlreadyOpened));
}

#[test]
fn a_function_that_the_driver_lacks_is_not_found_and_named() {
    install();
    // SAFETY: the call reaches no driver.
    let answer = unsafe { sys::cuArrayDestroy(std::ptr::null_mut()) };
    assert_eq!(answer, CUresult::CUDA_ERROR_NOT_FOUND);
    assert_eq!((last_raw_code(), last_missing()), (500, Some("cuArrayDestroy")));

    with(|state| state.answers.insert("cuStreamSynchronize", 500));
    // SAFETY: the stand-in looks at no handle here.
    let answer = unsafe { sys::cuStreamSynchronize(std::ptr::null_mut()) };
    assert_eq!(answer, CUresult::CUDA_ERROR_NOT_FOUND);
    assert_eq!(last_missing(), None, "the driver has that one, and says so itself");
}

#[test]
fn a_code_that_cust_has_comes_through_and_another_is_unknown_but_kept() {
    let known: HashMap<i32, CUresult> = codes_of_cust::ALL.iter().map(|code| (*code as i32, *code)).collect();
    for code in (-3..1200).chain([i32::MIN, i32::MAX]).filter(|code| *code != 0) {
        with(|state| state.answers.insert("cuCtxSetCurrent", code));
        // SAFETY: the stand-in looks at nothing here.
        let answer = unsafe { sys::cuCtxSetCurrent(std::ptr::null_mut()) };
        assert_eq!(answer, known.get(&code).copied().unwrap_or(CUresult::CUDA_ERROR_UNKNOWN), "for {code}");
        assert_eq!(last_raw_code(), code);
    }
    let elsewhere = std::thread::spawn(last_raw_code).join().expect("no panic");
    assert_eq!(elsewhere, 0, "what one thread was answered is no other's");
}

#[test]
fn an_error_of_cust_has_a_text_also_where_the_driver_has_none() {
    install();
    assert!(CudaError::NoDevice.to_string().contains("there is no CUDA driver"));
    assert!(CudaError::NotFound.to_string().contains("does not have"));
    assert!(CudaError::UnknownError.to_string().contains("does not explain"));
}

#[test]
fn the_devices_are_counted_and_described_without_a_context() {
    install();
    assert_eq!(count().expect("two"), 2);
    let info = describe(1).expect("the second").0;
    assert_eq!(&*info.name, "GPU 1 (Stand-in 100)");
    assert_eq!((info.index, info.capability, info.memory), (1, 90, 1 << 30));
    assert_eq!((info.multiprocessors, info.max_threads, info.max_shared), (132, 1024, 232_448));
    assert_eq!(info.driver_version, 13_000);
    assert_eq!(calls(), [""; 0], "and that took no context");
}

#[test]
fn an_index_too_large_is_told_how_many_there_are() {
    install();
    let error = open(2).expect_err("there are two").to_string();
    assert!(error.contains("no GPU 2") && error.contains("GPU 0 to GPU 1"), "{error}");
    with(|state| state.devices = 1);
    let error = describe(usize::MAX).expect_err("there is one").to_string();
    assert!(error.contains("has one, GPU 0"), "{error}");
}

#[test]
fn a_driver_without_devices_is_no_driver() {
    with(|state| state.devices = 0);
    let error = count().expect_err("none");
    assert!(matches!(error, GpuError::NoDriver { .. }), "{error:?}");
    assert!(error.to_string().contains("CUDA_VISIBLE_DEVICES"), "{error}");
}

#[test]
fn a_driver_that_does_not_start_says_what_and_why() {
    with(|state| state.answers.insert("cuInit", 803));
    let error = count().expect_err("it does not start").to_string();
    for part in ["cuInit", "803", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "reboot"] {
        assert!(error.contains(part), "{error}");
    }
    // A code that `cust` would have had to invent a variant for.
    with(|state| state.answers.insert("cuInit", 919));
    let error = count().expect_err("it does not start").to_string();
    assert!(error.contains("919") && error.contains("CUDA_ERROR_FABRIC_NOT_READY"), "{error}");
}

#[test]
fn a_driver_too_old_is_told_both_versions_before_it_is_started() {
    with(|state| {
        state.version = 10_020;
        state.answers.insert("cuInit", 999);
    });
    let error = count().expect_err("too old");
    assert!(matches!(error, GpuError::DriverTooOld { .. }), "{error:?}");
    assert!(error.to_string().contains("CUDA 10.2, and 11.0 at least"), "{error}");
}

#[test]
fn a_context_that_is_refused_is_an_error_and_nothing_stays_out() {
    with(|state| state.answers.insert("cuDevicePrimaryCtxRetain", 2));
    let GpuError::Driver(error) = open(0).expect_err("no room for a context") else { panic!("another error") };
    assert_eq!((error.operation, error.code), ("cuDevicePrimaryCtxRetain", 2));

    with(|state| {
        state.answers.remove("cuDevicePrimaryCtxRetain");
        state.answers.insert("cuCtxSetCurrent", 201);
    });
    let GpuError::Driver(error) = open(0).expect_err("not current") else { panic!("another error") };
    assert_eq!((error.operation, error.code), ("cuCtxSetCurrent", 201));
    assert_eq!(with(|state| state.out.len()), 0);
}

#[test]
fn a_device_that_is_dropped_gives_everything_back_and_its_context_last() {
    let gpu = gpu();
    gpu.allocate(64).expect("memory");
    gpu.open_queue().expect("a queue");
    gpu.create_mark().expect("a mark");
    gpu.load("text").expect("a module");
    assert_eq!(with(|state| state.out.len()), 5);
    drop(gpu);
    assert_eq!(with(|state| state.out.clone()), Default::default());
    assert_eq!(calls().last().map(String::as_str), Some("release 0 with 0 current"));
}

/// Somebody may still look at it.
#[test]
fn pinned_memory_that_is_out_outlives_its_device() {
    let gpu = gpu();
    gpu.allocate_pinned(64).expect("pinned memory");
    drop(gpu);
    assert_eq!(with(|state| state.out.len()), 1);
}

#[test]
fn what_is_given_back_is_given_back_once() {
    let gpu = gpu();
    let (memory, pinned) = (gpu.allocate(64).expect("memory"), gpu.allocate_pinned(64).expect("pinned memory"));
    let (queue, mark) = (gpu.open_queue().expect("a queue"), gpu.create_mark().expect("a mark"));
    let module = gpu.load("text").expect("a module");
    for _ in 0..2 {
        // SAFETY: nobody uses them.
        unsafe {
            gpu.free(memory);
            gpu.free_pinned(pinned);
        }
        gpu.close_queue(queue);
        gpu.destroy_mark(mark);
        gpu.unload(module);
        assert_eq!(with(|state| state.out.len()), 1, "only the context is out");
        assert_eq!(last_raw_code(), 0, "the driver was never given a handle that is none");
    }
}

#[test]
fn queues_wait_for_no_other_marks_keep_no_time_and_pinned_memory_is_for_all() {
    let gpu = gpu();
    gpu.open_queue().expect("a queue");
    gpu.create_mark().expect("a mark");
    gpu.allocate_pinned(64).expect("pinned memory");
    assert_eq!(calls(), ["queue with flags 1", "mark with flags 2", "pinned memory with flags 1"]);
}

#[test]
fn every_word_of_a_call_arrives_where_it_belongs() {
    let gpu = gpu();
    let (queue, mark) = (gpu.open_queue().expect("a queue"), gpu.create_mark().expect("a mark"));
    let module = gpu.load("text").expect("a module");
    let function = gpu.function(module, "saxpy", 0).expect("a kernel");
    calls();
    let (mut first, mut second) = (31_u32, 32_u32);
    let mut arguments = [(&raw mut first).cast(), (&raw mut second).cast()];
    let grid = Grid { blocks: [1, 2, 3], threads: [4, 5, 6], shared: 7 };
    let host = stand_in::address(8);
    // SAFETY: the stand-in copies nothing, and reads two arguments.
    unsafe {
        gpu.copy_in(queue, Address(1), host, 10).expect("in");
        gpu.copy_out(queue, host, Address(2), 20).expect("out");
        gpu.launch(queue, function, grid, &mut arguments).expect("a launch");
    }
    gpu.record(queue, mark).expect("recorded");
    gpu.wait(queue, mark).expect("waits");
    let (queue, mark, function) = (queue.0, mark.0, function.0);
    assert_eq!(
        calls(),
        [
            format!("10 bytes in from 8 to 1 in {queue}"),
            format!("20 bytes out from 2 to 8 in {queue}"),
            format!("launch {function} as 1 2 3 of 4 5 6 with 7 in {queue} on 31 32, 0"),
            format!("{mark} recorded in {queue}"),
            format!("{queue} waits for {mark} with flags 0"),
        ]
    );
    assert_eq!(gpu.memory().expect("memory"), (5, 7));
}

#[test]
fn a_mark_is_reached_or_not_yet_or_its_device_failed() {
    let gpu = gpu();
    let mark = gpu.create_mark().expect("a mark");
    assert!(gpu.reached(mark).expect("no error"));
    with(|state| state.answers.insert("cuEventQuery", 600));
    assert!(!gpu.reached(mark).expect("not yet is no error"));
    with(|state| state.answers.insert("cuEventQuery", 700));
    let error = gpu.reached(mark).expect_err("an illegal address");
    assert!(error.is_sticky());
    let text = error.to_string();
    for part in ["cuEventQuery", "GPU 0 (Stand-in 100)", "700", "CUDA_ERROR_ILLEGAL_ADDRESS", "compute-sanitizer"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_code_that_nobody_knows_keeps_its_number() {
    let gpu = gpu();
    with(|state| state.answers.insert("cuMemAlloc_v2", 4711));
    let error = gpu.allocate(1).expect_err("refused");
    assert_eq!(error.code, 4711);
    assert!(error.to_string().contains("4711") && error.to_string().contains("newer CUDA"), "{error}");
}

#[test]
fn a_text_that_is_refused_comes_with_what_the_compiler_said() {
    let gpu = gpu();
    with(|state| {
        state.answers.insert("cuModuleLoadDataEx", 218);
        state.log = b"ptxas line 3; error: Unknown \xff\xfe symbol\0rest".to_vec();
    });
    let refused = gpu.load("refuse").expect_err("refused");
    assert_eq!(refused.error.code, 218);
    assert_eq!(refused.log, "ptxas line 3; error: Unknown \u{fffd}\u{fffd} symbol");

    with(|state| state.log = vec![b'x'; 1 << 20]);
    let refused = gpu.load("refuse").expect_err("refused");
    assert_eq!(refused.log.len(), 16 * 1024, "a log without an end is cut off");
}

#[test]
fn a_text_too_new_for_the_driver_is_told_both_versions() {
    let gpu = gpu();
    with(|state| state.answers.insert("cuModuleLoadDataEx", 222));
    let refused = gpu.load("//\n  .version 9.1\n.target sm_90\n").expect_err("refused");
    assert_eq!(refused.log, "the text says `.version 9.1`; the driver is of CUDA 13.0");
    assert!(refused.error.to_string().contains("newer version"), "{}", refused.error);
}

#[test]
fn a_text_with_a_zero_in_it_is_not_given_to_the_driver() {
    let gpu = gpu();
    let refused = gpu.load("abc\0def").expect_err("refused");
    assert_eq!(refused.error.code, 218);
    assert!(refused.log.contains("zero byte at 3"), "{}", refused.log);
    assert_eq!(calls(), [""; 0]);
}

#[test]
fn a_kernel_is_found_by_its_name_and_allowed_its_shared_memory() {
    let gpu = gpu();
    let module = gpu.load("text").expect("a module");
    calls();
    gpu.function(module, "saxpy", 0).expect("a kernel");
    assert_eq!(calls(), [""; 0], "none to allow");
    let function = gpu.function(module, "saxpy", 65_536).expect("a kernel");
    assert_eq!(calls(), [format!("{}: attribute 8 is 65536", function.0)]);
    for unknown in ["daxpy", "sax\0py", ""] {
        assert_eq!(gpu.function(module, unknown, 0).expect_err("unknown").code, 500);
    }
    with(|state| state.answers.insert("cuFuncSetAttribute", 1));
    let error = gpu.function(module, "saxpy", 1 << 30).expect_err("more than there is");
    assert_eq!((error.operation, error.code), ("cuFuncSetAttribute", 1));
}

#[test]
fn memory_of_another_device_is_reached_directly_where_the_hardware_can() {
    let gpu = gpu();
    let queue = gpu.open_queue().expect("a queue");
    let (own, other) = (gpu.context(), ContextHandle(77));
    calls();
    for _ in 0..2 {
        // SAFETY: the stand-in copies nothing.
        unsafe { gpu.copy_peer(queue, Address(1), other, Address(2), 8) }.expect("a copy");
    }
    let copy = format!("8 bytes from 2 of 77 to 1 of {} in {}", own.0, queue.0);
    assert_eq!(calls(), ["can 0 reach 1", "enable access to 77", &copy, &copy], "allowed once");
    assert_eq!(with(|state| state.contexts.clone()), [own.0], "its own context is current again");
}

#[test]
fn memory_of_another_device_is_copied_by_way_of_the_host_where_the_hardware_cannot() {
    let gpu = gpu();
    let queue = gpu.open_queue().expect("a queue");
    calls();
    with(|state| state.peers = false);
    // SAFETY: the stand-in copies nothing.
    unsafe { gpu.copy_peer(queue, Address(1), ContextHandle(77), Address(2), 8) }.expect("a copy");
    assert_eq!(calls().len(), 2, "asked, and copied");

    with(|state| {
        state.peers = true;
        state.answers.insert("cuCtxEnablePeerAccess", 711);
    });
    // SAFETY: the stand-in copies nothing.
    unsafe { gpu.copy_peer(queue, Address(1), ContextHandle(78), Address(2), 8) }.expect("too many peers is no error");
}

/// Counts its rings.
#[derive(Default)]
struct Count(AtomicUsize);

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_bell_rings_once_for_each_time_it_was_hung_and_is_free_again_after_the_device() {
    let gpu = gpu();
    let queue = gpu.open_queue().expect("a queue");
    let count = Arc::new(Count::default());
    let bell: Arc<dyn Bell> = count.clone();
    for _ in 0..3 {
        gpu.ring(queue, &bell).expect("hung");
    }
    assert_eq!(Arc::strong_count(&count), 3, "here twice, and once in the device, however often it hangs");
    run_callbacks();
    assert_eq!(count.0.load(Ordering::Relaxed), 3);
    gpu.ring(queue, &bell).expect("hung");
    drop(gpu);
    assert_eq!(Arc::strong_count(&count), 3, "a ring is on its way still");
    run_callbacks();
    assert_eq!((count.0.load(Ordering::Relaxed), Arc::strong_count(&count)), (4, 2));
}

#[test]
fn a_bell_that_the_driver_does_not_take_is_not_rung_and_not_kept() {
    let gpu = gpu();
    let queue = gpu.open_queue().expect("a queue");
    let count = Arc::new(Count::default());
    let bell: Arc<dyn Bell> = count.clone();
    with(|state| state.answers.insert("cuLaunchHostFunc", 719));
    assert_eq!(gpu.ring(queue, &bell).expect_err("refused").code, 719);
    drop(gpu);
    assert_eq!((count.0.load(Ordering::Relaxed), Arc::strong_count(&count)), (0, 2));
}

#[test]
fn bells_that_nobody_else_knows_are_let_go() {
    let gpu = gpu();
    let queue = gpu.open_queue().expect("a queue");
    let weak: Vec<_> = (0..100)
        .map(|_| {
            let bell: Arc<dyn Bell> = Arc::new(Count::default());
            gpu.ring(queue, &bell).expect("hung");
            run_callbacks();
            Arc::downgrade(&bell)
        })
        .collect();
    assert!(weak.iter().filter(|bell| bell.strong_count() > 0).count() <= 1);
}
