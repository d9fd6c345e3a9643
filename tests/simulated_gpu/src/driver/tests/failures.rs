//! Failures: injected ones, and those that kernels make.

use super::{
    Session, TWICE, allocate, await_event, context, copy_within, destroy_event, destroy_stream, drain, event, free,
    function, launch, load, ok, reached, record, set_current, stream, unload, wait_event,
};
use crate::Settings;

#[test]
fn the_nth_call_fails_and_the_next_works() {
    let session = Session::start(Settings::seed(0));
    session.simulator.fail("cuMemAlloc_v2", 2, 2);
    session.simulator.fail("cuMemAlloc_v2", 3, 999);
    let first = allocate(4).expect("memory");
    assert_eq!(allocate(4), Err(2));
    assert!(!session.simulator.all_failed());
    assert_eq!(allocate(4), Err(999));
    assert!(session.simulator.all_failed());
    let last = allocate(4).expect("memory");
    assert_eq!(session.simulator.calls("cuMemAlloc_v2"), 4);
    assert_eq!(session.simulator.live().memory, 2);
    [first, last].into_iter().for_each(|address| ok(free(address)));
    session.finish();
}

#[test]
fn work_that_fails_takes_its_device_with_it_and_leaves_the_others() {
    for seed in 0..40 {
        let session = Session::start(Settings::seed(seed).devices(2));
        let (queue, device, mark) =
            (stream(1).expect("a stream"), allocate(64).expect("memory"), event(2).expect("an event"));
        let own = context(0);
        session.simulator.fail_later("cuMemcpyDtoDAsync_v2", 2, 700);
        // The device may be lost as soon as the work is queued.
        let codes = [copy_within(device, device, 4, queue), copy_within(device, device, 4, queue), record(mark, queue)];
        assert!(codes.iter().all(|code| matches!(code, 0 | 700)), "{codes:?}");
        assert_eq!(drain(queue), 700, "seed {seed}");
        assert_eq!(reached(mark), 700);
        assert_eq!(await_event(mark), 700);
        assert_eq!(allocate(4), Err(700));
        assert_eq!(copy_within(device, device, 4, queue), 700);
        session.set(1);
        let (other, fine) = (stream(1).expect("a stream"), allocate(4).expect("memory"));
        ok(wait_event(other, mark));
        ok(copy_within(fine, fine, 4, other));
        ok(drain(other));
        ok(free(fine));
        ok(destroy_stream(other));
        ok(set_current(own));
        // What a lost device holds is no leak, and may be given back all the same.
        assert_eq!(destroy_event(mark), 700);
        session.finish();
    }
}

#[test]
fn a_lost_device_works_again_in_the_next_session() {
    let session = Session::start(Settings::seed(0));
    let queue = stream(1).expect("a stream");
    session.simulator.fail_later("cuEventRecord", 1, 719);
    let mark = event(2).expect("an event");
    ok(record(mark, queue));
    assert_eq!(drain(queue), 719);
    session.finish();
    let session = Session::start(Settings::seed(0));
    ok(free(allocate(4).expect("memory")));
    session.finish();
}

#[test]
fn a_kernel_that_reaches_outside_loses_the_device_and_says_where() {
    for seed in 0..20 {
        let session = Session::start(Settings::seed(seed));
        let (queue, device) = (stream(1).expect("a stream"), allocate(64).expect("memory"));
        let module = load(TWICE).expect("it is right");
        let twice = function(module, "twice").expect("it is there");
        ok(launch(twice, queue, (1, 32), device, device, 17));
        assert_eq!(drain(queue), 700);
        let found = session.simulator.take_violations();
        assert!(found[0].contains("the kernel `twice` failed: 4 bytes from byte 64 on lie outside"), "{found:?}");
        assert_eq!(unload(module), 700);
        session.finish();
    }
}

#[test]
fn a_kernel_does_not_reach_the_memory_of_another_device() {
    let session = Session::start(Settings::seed(0).devices(2));
    session.set(1);
    let there = allocate(64).expect("memory");
    session.set(0);
    let (queue, module) = (stream(1).expect("a stream"), load(TWICE).expect("it is right"));
    let twice = function(module, "twice").expect("it is there");
    ok(launch(twice, queue, (1, 32), there, there, 16));
    assert_eq!(drain(queue), 700);
    assert!(session.simulator.take_violations()[0].contains("may not reach"));
    session.set(1);
    ok(free(there));
    session.finish();
}
