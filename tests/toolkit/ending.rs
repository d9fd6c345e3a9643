//! Who ends what: retiring and poisoning from every side, of every process.

use std::future::{Future as _, IntoFuture as _};
use std::task::{Context, Poll, Waker};

use aqueduct::prelude::*;
use aqueduct::toolkit::*;
use aqueduct::{Ended, Handle};

use crate::parts::{CLOCKS, PARTS, Part, SINKS};
use crate::{cause, on_runtime};

/// A process that runs, and the other ends of its channels.
struct Stage {
    part: Part,
    running: Handle<()>,
    ins: Vec<Sender<u32>>,
    outs: Vec<Receiver<u32>>,
}

impl Stage {
    fn start(part: Part) -> Self {
        let (ins, inputs) = (0..part.inputs).map(|_| aqueduct::channel()).unzip();
        let (senders, outs) = (0..part.outs).map(|_| aqueduct::channel()).unzip();
        let body = (part.start)(inputs, senders);
        let running = aqueduct::task(part.name, async move { Ok(body.await?) }).spawn();
        Self { part, running, ins, outs }
    }
}

fn every(tables: &[&'static [Part]]) -> impl Iterator<Item = Part> {
    tables.concat().into_iter().inspect(|part| println!("{}", part.name))
}

#[test]
fn when_the_inputs_retire_it_ends_in_good_order() {
    on_runtime(async {
        for part in every(&[PARTS, CLOCKS, SINKS]) {
            let Stage { running, ins, outs, .. } = Stage::start(part);
            drop(ins);
            let draining: Vec<_> = outs.into_iter().map(|out| collect(out).spawn()).collect();
            for drained in draining {
                drained.await.expect("retired, not poisoned");
            }
            running.await.expect("it ends quietly");
        }
    });
}

#[test]
fn when_the_outputs_retire_it_ends_though_nothing_comes_any_more() {
    on_runtime(async {
        for part in every(&[PARTS, CLOCKS]) {
            let Stage { running, ins, outs, .. } = Stage::start(part);
            drop(outs);
            for sender in ins {
                assert_eq!(sender.closed().await, Ended::Retired);
            }
            running.await.expect("it ends quietly");
        }
    });
}

#[test]
fn a_poison_of_an_input_goes_on_to_all_other_channels() {
    on_runtime(async {
        for part in every(&[PARTS, CLOCKS, SINKS]) {
            for broken in 0..part.inputs {
                let Stage { running, ins, outs, .. } = Stage::start(part);
                ins[broken].poison("out of paper");
                for out in outs {
                    let ended = loop {
                        match out.recv().await {
                            Ok(_) => assert!(part.speaks_first),
                            Err(ended) => break ended,
                        }
                    };
                    assert!(cause::<()>(Err(ended)).contains("out of paper"));
                }
                for sender in &ins {
                    assert!(cause::<()>(Err(sender.closed().await)).contains("out of paper"));
                }
                assert!(running.await.unwrap_err().to_string().contains("out of paper"));
            }
        }
    });
}

#[test]
fn a_poison_of_an_output_goes_back_through_all_other_channels() {
    on_runtime(async {
        for part in every(&[PARTS, CLOCKS]) {
            for broken in 0..part.outs {
                let Stage { running, ins, outs, .. } = Stage::start(part);
                outs[broken].poison("out of paper");
                for sender in ins {
                    assert!(cause::<()>(Err(sender.closed().await)).contains("out of paper"));
                }
                for (place, out) in outs.iter().enumerate() {
                    let ended = out.recv().await;
                    assert!(cause(ended).contains("out of paper"), "output {place}");
                }
                assert!(running.await.unwrap_err().to_string().contains("out of paper"));
            }
        }
    });
}

#[test]
fn a_poison_of_an_output_that_is_being_sent_to_goes_back_too() {
    on_runtime(async {
        for part in every(&[PARTS, CLOCKS]) {
            for broken in 0..part.outs {
                let Stage { part, running, ins, outs } = Stage::start(part);
                // It takes as much as it can hold: until the poison, as the outputs are not received.
                let feeding: Vec<_> = ins
                    .into_iter()
                    .map(|sender| {
                        aqueduct::task("feeding", async move {
                            for n in 0.. {
                                if let Err(error) = sender.send(n).await {
                                    return Ok(error.reason().to_string());
                                }
                            }
                            unreachable!("it does not take everything")
                        })
                        .spawn()
                    })
                    .collect();
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                outs[broken].poison("out of paper");
                if part.name == "round_robin" {
                    // It waits for the turn of the one that is broken.
                    let _ = outs[1 - broken].recv().await;
                }
                if part.name == "delta" && broken == 1 {
                    let _ = outs[0].recv().await;
                }
                for fed in feeding {
                    assert!(fed.await.unwrap().contains("out of paper"));
                }
                assert!(running.await.unwrap_err().to_string().contains("out of paper"));
            }
        }
    });
}

#[test]
fn what_nobody_will_have_stays_in_the_input_for_another_receiver() {
    on_runtime(async {
        // Each stage of a pipeline watches its own output, which ends after the next one's.
        for part in every(&[PARTS, CLOCKS]).filter(|part| part.name != "pipeline") {
            let (ins, inputs): (Vec<_>, Vec<_>) = (0..part.inputs).map(|_| aqueduct::buffered(3)).unzip();
            let (senders, outs): (Vec<_>, Vec<Receiver<u32>>) = (0..part.outs).map(|_| aqueduct::channel()).unzip();
            for input in &ins {
                for n in 0..3 {
                    input.send(n).await.unwrap();
                }
            }
            drop(outs);
            let others = inputs.clone();
            (part.start)(inputs, senders).await.expect("it ends quietly");
            for other in others {
                assert_eq!(other.len(), 3, "all is still there");
            }
        }
    });
}

#[test]
fn a_value_that_was_being_handed_over_when_the_output_retired_goes_back() {
    // The process waits; a value and the end of its output come before it runs again.
    let part = PARTS[0];
    let (input, input_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let other = input_rx.clone();
    let mut running = (part.start)(vec![input_rx], vec![out]);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut cx).is_pending());
    input.try_send(5).expect("it is waiting");
    drop(out_rx);
    assert!(running.as_mut().poll(&mut cx).is_ready());
    assert_eq!(other.try_recv(), Ok(5));
}

#[test]
fn a_delta_ends_with_any_of_its_outputs_and_a_publisher_with_the_last() {
    on_runtime(async {
        for parallel in [false, true] {
            let (input, input_rx) = aqueduct::channel::<u32>();
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let running =
                if parallel { par_delta(input_rx, vec![a, b]).spawn() } else { delta(input_rx, vec![a, b]).spawn() };
            drop(a_rx);
            assert_eq!(b_rx.recv().await, Err(Ended::Retired));
            assert_eq!(input.closed().await, Ended::Retired);
            running.await.unwrap();
        }
        let (input, input_rx) = aqueduct::channel();
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let running = publish(input_rx, vec![a, b]).spawn();
        drop(a_rx);
        for n in 0..3 {
            input.send(n).await.unwrap();
            assert_eq!(b_rx.recv().await, Ok(n));
        }
        drop(b_rx);
        assert_eq!(input.closed().await, Ended::Retired);
        running.await.unwrap();
    });
}

#[test]
fn when_an_output_of_a_parallel_delta_retires_in_its_round_the_others_still_get_the_value() {
    let (input, input_rx) = aqueduct::channel();
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::channel();
    let mut running = std::pin::pin!(par_delta(input_rx, vec![a, b]).into_future());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut cx).is_pending());
    input.try_send(1).expect("it is waiting");
    assert!(running.as_mut().poll(&mut cx).is_pending());
    // It has the value in its hand.
    drop(a_rx);
    assert!(running.as_mut().poll(&mut cx).is_pending());
    assert_eq!(b_rx.try_recv(), Ok(1));
    assert!(matches!(running.as_mut().poll(&mut cx), Poll::Ready(Ok(()))));
    assert_eq!(b_rx.ended(), Some(Ended::Retired));
}

#[test]
fn a_value_that_an_output_did_not_take_goes_to_another() {
    on_runtime(async {
        for in_turn in [false, true] {
            let (input, input_rx) = aqueduct::channel();
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let running = if in_turn {
                round_robin(input_rx, vec![a, b]).spawn()
            } else {
                distribute(input_rx, vec![a, b]).spawn()
            };
            // It holds the value, and waits; then the first output leaves.
            input.send(1).await.unwrap();
            drop(a_rx);
            assert_eq!(b_rx.recv().await, Ok(1));
            input.send(2).await.unwrap();
            assert_eq!(b_rx.recv().await, Ok(2));
            input.send(3).await.unwrap();
            drop(b_rx);
            assert_eq!(input.closed().await, Ended::Retired);
            running.await.unwrap();
        }
    });
}

#[test]
fn a_zip_ends_with_either_input() {
    on_runtime(async {
        for first in [false, true] {
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let (out, out_rx) = aqueduct::channel();
            let running = plus(a_rx, b_rx, out).spawn();
            let (ending, other) = if first { (a, b) } else { (b, a) };
            ending.send(1).await.unwrap();
            other.send(2).await.unwrap();
            assert_eq!(out_rx.recv().await, Ok(3));
            drop(ending);
            assert_eq!(other.closed().await, Ended::Retired);
            assert_eq!(out_rx.recv().await, Err(Ended::Retired));
            running.await.unwrap();
        }
    });
}

#[test]
fn the_panic_of_a_function_poisons_both_sides() {
    on_runtime(async {
        let (input, input_rx) = aqueduct::buffered(1);
        let (out, out_rx) = aqueduct::channel::<u32>();
        input.send(1).await.unwrap();
        let running = map(|_| panic!("no such page"), input_rx, out).spawn();
        assert!(cause(out_rx.recv().await).contains("map"));
        assert!(running.await.unwrap_err().to_string().contains("no such page"));
        assert!(input.closed().await.is_poisoned());
    });
}

#[test]
fn a_source_ends_with_its_output_and_carries_its_poison() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&asked);
        let values = std::iter::repeat_with(move || counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let running = generate(values, tx).spawn();
        assert_eq!(rx.recv().await, Ok(0));
        assert_eq!(rx.recv().await, Ok(1));
        drop(rx);
        running.await.unwrap();
        assert!(asked.load(std::sync::atomic::Ordering::SeqCst) <= 3, "the iterator is not run ahead");

        let (tx, rx) = aqueduct::channel();
        rx.poison("out of paper");
        assert!(generate(0.., tx).await.unwrap_err().to_string().contains("out of paper"));
        let (tx, rx) = aqueduct::channel();
        rx.poison("out of paper");
        let error = ticker(std::time::Duration::from_secs(1000), tx).await.unwrap_err();
        assert!(error.to_string().contains("out of paper"));
        let (tx, rx) = aqueduct::channel();
        drop(rx);
        ticker(std::time::Duration::from_secs(1000), tx).await.unwrap();
    });
}
