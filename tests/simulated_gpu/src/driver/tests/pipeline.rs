//! The pipeline that everything above the driver is made of: three streams, two slots, and three waits for events.

use super::{
    Pinned, Session, TWICE, allocate, copy_in, copy_out, destroy_event, destroy_stream, drain, event, free, function,
    launch, load, ok, record, stream, unload, wait_event,
};
use crate::Settings;

const BATCHES: usize = 8;
const LENGTH: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// A slot is filled anew when its results are out.
    SlotDrained,
    /// The kernel begins when its input is in.
    CopiedIn,
    /// The copy out begins when the kernel is done.
    Computed,
}

/// Runs it; true if all results are right.
fn pipeline(settings: Settings, without: Option<Wait>) -> bool {
    let session = Session::start(settings);
    let streams: Vec<usize> = (0..3).map(|_| stream(1).expect("a stream")).collect();
    let events: Vec<[usize; 3]> = (0..2).map(|_| [0; 3].map(|_| event(2).expect("an event"))).collect();
    let slots: Vec<[u64; 2]> = (0..2).map(|_| [0; 2].map(|_| allocate(4 * LENGTH).expect("memory"))).collect();
    let module = load(TWICE).expect("it is right");
    let twice = function(module, "twice").expect("it is there");
    let hosts: Vec<[Pinned; 2]> = (0..BATCHES).map(|_| [Pinned::of(LENGTH), Pinned::of(LENGTH)]).collect();
    let wait = |stream: usize, event: usize, which: Wait| {
        if without != Some(which) {
            ok(wait_event(stream, event));
        }
    };
    for (batch, [input, output]) in hosts.iter().enumerate() {
        input.fill(|i| (batch * 1000 + i) as f32);
        let ([into, result], [copied, computed, drained]) = (slots[batch % 2], events[batch % 2]);
        wait(streams[0], drained, Wait::SlotDrained);
        ok(copy_in(into, input.void(), 4 * LENGTH, streams[0]));
        ok(record(copied, streams[0]));
        wait(streams[1], copied, Wait::CopiedIn);
        ok(launch(twice, streams[1], (2, 32), result, into, LENGTH as u32));
        ok(record(computed, streams[1]));
        wait(streams[2], computed, Wait::Computed);
        ok(copy_out(output.void(), result, 4 * LENGTH, streams[2]));
        ok(record(drained, streams[2]));
    }
    streams.iter().rev().for_each(|stream| ok(drain(*stream)));
    let right = hosts.iter().enumerate().all(|(batch, [_, output])| {
        let wanted = (0..LENGTH).map(|i| 2.0 * (batch * 1000 + i) as f32 + 1.0);
        output.floats().into_iter().eq(wanted)
    });
    let bytes = (BATCHES * LENGTH * 4) as u64;
    assert_eq!((session.simulator.traffic().to_device, session.simulator.traffic().to_host), (bytes, bytes));
    assert_eq!(session.simulator.calls("cuMemAlloc_v2"), 4);
    assert_eq!(session.simulator.calls("cuLaunchKernel"), BATCHES as u64);
    hosts.into_iter().flatten().for_each(Pinned::free);
    slots.into_iter().flatten().for_each(|address| ok(free(address)));
    events.into_iter().flatten().for_each(|event| ok(destroy_event(event)));
    streams.into_iter().for_each(|stream| ok(destroy_stream(stream)));
    ok(unload(module));
    session.finish();
    right
}

#[test]
fn a_pipeline_with_all_its_waits_is_right_under_every_seed() {
    for seed in 0..200 {
        assert!(pipeline(Settings::seed(seed), None), "seed {seed}");
    }
}

#[test]
fn each_missing_wait_is_found_under_nearly_every_seed() {
    for without in [Wait::SlotDrained, Wait::CopiedIn, Wait::Computed] {
        let right: Vec<u64> = (0..200).filter(|seed| pipeline(Settings::seed(*seed), Some(without))).collect();
        println!("without {without:?}: right under the seeds {right:?} of 200");
        assert!(right.len() <= 16, "without {without:?}, right under the seeds {right:?}");
    }
}
