//! Host functions: called in their turn, from a thread of the driver's, without anybody driving it.

use std::ffi::c_void;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::ThreadId;
use std::time::Duration;

use super::{
    Pinned, Session, allocate, call_host, copy_in, copy_out, destroy_event, destroy_stream, drain, event, free,
    is_drained, ok, reached, record, stream, wait_event,
};
use crate::Settings;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

unsafe extern "C" fn ring(data: *mut c_void) {
    // SAFETY: the data is the box that `bell` made, and comes back once.
    let bell = unsafe { Box::from_raw(data.cast::<Sender<ThreadId>>()) };
    // Nobody may listen any more, in the test of a lost device.
    let _ = bell.send(std::thread::current().id());
}

fn bell(stream: usize) -> (i32, Receiver<ThreadId>) {
    let (sender, receiver) = channel();
    let data = Box::into_raw(Box::new(sender));
    (call_host(stream, ring as *const c_void, data.cast()), receiver)
}

#[test]
fn a_parked_thread_is_woken_when_all_before_is_done() {
    for seed in 0..60 {
        let session = Session::start(Settings::seed(seed));
        let (copies, bells) = (stream(1).expect("a stream"), stream(1).expect("a stream"));
        let (device, copied) = (allocate(64).expect("memory"), event(2).expect("an event"));
        let (input, output) = (Pinned::of(16), Pinned::of(16));
        input.fill(|i| i as f32);
        ok(copy_in(device, input.void(), 64, copies));
        ok(copy_out(output.void(), device, 64, copies));
        ok(record(copied, copies));
        ok(wait_event(bells, copied));
        let (code, rung) = bell(bells);
        ok(code);
        // From here on nobody calls the driver.
        let thread = rung.recv_timeout(PATIENCE).expect("the bell rings");
        assert_ne!(thread, std::thread::current().id());
        assert_eq!(output.floats(), (0..16).map(|i| i as f32).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(reached(copied), 0);
        ok(drain(bells));
        [input, output].into_iter().for_each(Pinned::free);
        ok(free(device));
        ok(destroy_event(copied));
        [copies, bells].into_iter().for_each(|stream| ok(destroy_stream(stream)));
        session.finish();
    }
}

#[test]
fn what_comes_after_a_host_function_waits_for_it() {
    let session = Session::start(Settings::seed(1));
    let stream = stream(1).expect("a stream");
    let mut rung = Vec::new();
    for _ in 0..10 {
        let (code, bell) = bell(stream);
        ok(code);
        rung.push(bell);
    }
    ok(drain(stream));
    assert!(rung.iter().all(|bell| bell.try_recv().is_ok()));
    assert_eq!(is_drained(stream), 0);
    ok(destroy_stream(stream));
    session.finish();
}

#[test]
fn a_lost_device_calls_nobody() {
    let session = Session::start(Settings::seed(4));
    let stream = stream(1).expect("a stream");
    session.simulator.fail_later("cuLaunchHostFunc", 1, 719);
    let (code, rung) = bell(stream);
    ok(code);
    let (_, second) = bell(stream);
    assert_eq!(drain(stream), 719);
    let begin = std::time::Instant::now();
    assert!(rung.recv_timeout(Duration::from_millis(50)).is_err() && begin.elapsed() >= Duration::from_millis(50));
    assert!(second.try_recv().is_err());
    assert_eq!(destroy_stream(stream), 719);
    session.finish();
}

#[test]
fn in_the_instant_mode_they_are_called_at_once_from_another_thread() {
    let session = Session::start(Settings::instant());
    let stream = stream(1).expect("a stream");
    let (code, rung) = bell(stream);
    ok(code);
    assert_ne!(rung.recv_timeout(PATIENCE).expect("the bell rings"), std::thread::current().id());
    ok(destroy_stream(stream));
    session.finish();
}
