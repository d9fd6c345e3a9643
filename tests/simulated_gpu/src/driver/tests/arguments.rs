//! Arguments that are wrong, and what is left behind.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use super::{
    Pinned, Session, TWICE, allocate, context, copy_in, copy_out, copy_peer, copy_within, cuda, destroy_event,
    destroy_stream, drain, event, free, free_pinned, function, launch, load, ok, reached, record, set_current, stream,
    unload,
};
use crate::{Settings, Simulator};

/// What the panic of `finish` says.
fn complaint(session: Session) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| session.finish())).expect_err("something is wrong");
    panic.downcast_ref::<String>().cloned().expect("a message")
}

fn impatient() -> Settings {
    Settings { patience: std::time::Duration::ZERO, ..Settings::seed(0) }
}

#[test]
fn wrong_arguments_get_the_codes_of_the_driver_and_are_violations() {
    let session = Session::start(Settings::seed(0));
    let queue = stream(1).expect("a stream");
    let pinned = Pinned::of(16);
    let device = allocate(64).expect("memory");
    let violation = |code: i32, wanted: i32, part: &str| {
        assert_eq!(code, wanted, "{part}");
        let found = session.simulator.take_violations();
        assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:?}");
    };
    violation(copy_in(device, pinned.void(), 64, 0), 400, "legacy stream");
    violation(drain(1), 400, "legacy stream");
    violation(copy_in(device, pinned.void(), 64, 0x1234), 400, "no stream");
    violation(copy_in(device, pinned.void(), 68, queue), 1, "outside");
    violation(copy_in(device + 4, pinned.void(), 64, queue), 1, "outside");
    violation(copy_in(pinned.at as u64, pinned.void(), 64, queue), 1, "no address");
    violation(copy_out(pinned.void(), 0x7000_0000, 4, queue), 1, "no address");
    violation(free(device + 8), 1, "no beginning");
    violation(record(0x99, queue), 400, "no event");
    violation(reached(0x99), 400, "no event");
    violation(unload(7), 400, "no module");
    violation(free_pinned(8 as *mut c_void), 1, "no pinned memory");
    let mut own = [0_u8; 64];
    violation(copy_in(device, own.as_ptr().cast(), 64, queue), 1, "not pinned");
    violation(copy_out(own.as_mut_ptr().cast(), device, 64, queue), 1, "not pinned");
    assert_eq!(allocate(0), Err(1));
    ok(free(device));
    violation(free(device), 1, "freed");
    violation(copy_in(device, pinned.void(), 64, queue), 1, "freed");
    let blocking = stream(0).expect("a stream");
    violation(0, 0, "NON_BLOCKING");
    ok(destroy_stream(blocking));
    ok(destroy_stream(queue));
    violation(destroy_stream(queue), 400, "no stream");
    pinned.free();
    session.finish();
}

#[test]
fn nothing_works_without_a_context_or_in_another_ones() {
    let session = Session::start(Settings::seed(0).devices(2));
    let (own, device) = (stream(1).expect("a stream"), allocate(64).expect("memory"));
    let event = event(2).expect("an event");
    session.set(1);
    assert_eq!(copy_within(device, device, 4, own), 201);
    assert_eq!(record(event, own), 201);
    assert_eq!(session.simulator.take_violations().len(), 2);
    ok(set_current(0));
    assert_eq!(allocate(64), Err(201));
    assert_eq!(stream(1), Err(201));
    assert_eq!(copy_within(device, device, 4, own), 201);
    assert_eq!(free(device), 201);
    assert_eq!(set_current(0x77), 201);
    assert_eq!(std::thread::spawn(|| allocate(64)).join().expect("no panic"), Err(201));
    session.set(0);
    ok(free(device));
    ok(destroy_event(event));
    ok(destroy_stream(own));
    session.finish();
}

#[test]
fn launches_that_no_device_can_do_are_refused() {
    let session = Session::start(Settings::seed(0));
    let queue = stream(1).expect("a stream");
    let module = load(&TWICE.replace(
        "(.param .u64 out, .param .u64 in, .param .u32 n)",
        "(.param .u64 out, .param .u64 in, .param .u32 n)\n.maxntid 64, 1, 1",
    ))
    .expect("it is right");
    let twice = function(module, "twice").expect("it is there");
    assert_eq!(function(module, "thrice"), Err(500));
    for (blocks, threads, code) in [(0, 1, 1), (1, 0, 1), (1, 2048, 1), (1 << 31, 1, 1), (1, 65, 701)] {
        assert_eq!(launch(twice, queue, (blocks, threads), 0, 0, 0), code, "{blocks} blocks of {threads}");
    }
    assert_eq!(launch(0x55, queue, (1, 1), 0, 0, 0), 400);
    let mut n = 0_u64;
    let mut values = [(&raw mut n).cast::<c_void>(); 3];
    let with = |shared, parameters| {
        // SAFETY: the values are eight bytes each, as the kernel's parameters at most are.
        unsafe { cuda::cuLaunchKernel(twice, 1, 1, 1, 1, 1, 1, shared, queue, parameters, null_mut()) }
    };
    assert_eq!(with(49_153, values.as_mut_ptr()), 1);
    assert_eq!(with(0, null_mut()), 1);
    // SAFETY: no pointers.
    let allow = |bytes| unsafe { cuda::cuFuncSetAttribute(twice, 8, bytes) };
    assert_eq!(allow(227 * 1024 + 1), 1);
    ok(allow(100_000));
    ok(with(100_000, values.as_mut_ptr()));
    ok(drain(queue));
    ok(unload(module));
    ok(destroy_stream(queue));
    session.finish();
}

#[test]
fn a_text_that_is_wrong_is_refused_with_a_log() {
    let session = Session::start(Settings::seed(0));
    let (code, log) = load(&TWICE.replace("fma.rn.f32", "fma.f32")).expect_err("it is wrong");
    assert_eq!(code, 218);
    assert!(log.contains("line 12; error") && log.contains("Rounding modifier required"), "{log}");
    let (code, log) = load(&TWICE.replace("8.0", "9.9")).expect_err("it is too new");
    assert_eq!(code, 222);
    assert!(log.contains("Unsupported .version 9.9"), "{log}");
    session.finish();
}

#[test]
fn memory_ends() {
    let session = Session::start(Settings::seed(0).memory(1000));
    let first = allocate(600).expect("memory");
    assert_eq!(allocate(600), Err(2));
    ok(free(first));
    let second = allocate(1000).expect("memory");
    assert_ne!(first, second);
    ok(free(second));
    session.finish();
}

#[test]
fn memory_is_poisoned_at_first_and_at_last() {
    let session = Session::start(Settings::seed(2));
    let (queue, device, pinned) = (stream(1).expect("a stream"), allocate(64).expect("memory"), Pinned::of(16));
    let poison = f32::from_bits(0xabab_abab);
    assert_eq!(pinned.floats(), [poison; 16]);
    pinned.fill(|_| 0.0);
    ok(copy_out(pinned.void(), device, 64, queue));
    ok(drain(queue));
    assert_eq!(pinned.floats(), [poison; 16]);
    pinned.fill(|_| 0.0);
    let at = pinned.at;
    pinned.free();
    // SAFETY: the simulator keeps what was given back.
    assert_eq!(unsafe { at.read() }, poison);
    // SAFETY: as above: just what is to be found out.
    unsafe { at.write(1.0) };
    ok(free(device));
    ok(destroy_stream(queue));
    assert!(complaint(session).contains("written to after it was given back"));
}

#[test]
fn what_is_given_back_too_early_is_found() {
    let session = Session::start(Settings::seed(0));
    let (queue, device, pinned) = (stream(1).expect("a stream"), allocate(64).expect("memory"), Pinned::of(16));
    // Seed 0 does nothing before somebody waits.
    ok(copy_in(device, pinned.void(), 64, queue));
    pinned.free();
    ok(free(device));
    let found = session.simulator.take_violations();
    assert!(
        found[0].contains("given back while a queued copy") && found[1].contains("freed while queued work"),
        "{found:?}"
    );
    assert_eq!(drain(queue), 700);
    assert_eq!(session.simulator.take_violations().len(), 1);
    assert_eq!(destroy_stream(queue), 700);
    session.finish();
}

#[test]
fn every_kind_of_leak_is_found() {
    type Leak = fn() -> bool;
    let leaks: [(&str, Leak); 5] = [
        ("1 allocations on devices", || allocate(4).is_ok()),
        ("1 of pinned memory", || Pinned::of(1).count == 1),
        ("1 streams", || stream(1).is_ok()),
        ("1 events", || event(2).is_ok()),
        ("1 modules", || load(TWICE).is_ok()),
    ];
    for (part, leak) in leaks {
        let session = Session::start(impatient());
        assert!(leak());
        let said = complaint(session);
        assert!(said.contains("left behind") && said.contains(part), "{said}");
        // The next one begins without it.
        Simulator::start(impatient()).finish();
    }
}

#[test]
fn memory_of_another_device_is_reached_by_a_peer_copy_alone() {
    let session = Session::start(Settings::seed(3).devices(2));
    let (first, second) = (context(0), context(1));
    let there = allocate(4).expect("memory");
    session.set(1);
    let (here, queue) = (allocate(4).expect("memory"), stream(1).expect("a stream"));
    assert_eq!(copy_peer(here, first, there, second, 4, queue), 1);
    assert!(session.simulator.take_violations()[0].contains("was called device 0's"));
    ok(copy_peer(here, second, there, first, 4, queue));
    ok(drain(queue));
    assert_eq!(session.simulator.traffic().between, 4);
    ok(free(here));
    ok(destroy_stream(queue));
    session.set(0);
    ok(free(there));
    for device in [0, 1] {
        // SAFETY: no pointers.
        ok(unsafe { cuda::cuDevicePrimaryCtxRelease_v2(device) });
    }
    session.finish();
}
