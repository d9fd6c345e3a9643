//! Each process is dropped at its first poll, its second, and so on: nobody hangs, everybody is told, and of what was
//! taken no more is missing than the process had in its hand.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use aqueduct::prelude::*;
use aqueduct::{Channel, Ended};

use crate::LIMIT;
use crate::common::within;
use crate::parts::{CLOCKS, PARTS, Part, SINKS};

const COUNT: u32 = 6;

/// What a source or a sink has seen: how many values went, and how its channel ended.
type Seen = (usize, Ended);

/// A source (true) or a sink.
type Other = Pin<Box<dyn Future<Output = (bool, Seen)>>>;

/// What one run has shown.
struct Run {
    /// The part had ended by itself.
    done: bool,
    sources: Vec<Seen>,
    sinks: Vec<Seen>,
    /// Values that were handed to the hooks of the inputs, and of the outputs.
    undelivered: [usize; 2],
}

/// Runs a part in a composition that is dropped after `polls` polls.
fn cancel_after(part: Part, polls: usize) -> Run {
    within(LIMIT, move || {
        let undelivered = [0; 2].map(|_| Arc::new(AtomicUsize::new(0)));
        let open = |counter: &Arc<AtomicUsize>| {
            let counter = Arc::clone(counter);
            Channel::rendezvous().on_undelivered(move |_: u32| _ = counter.fetch_add(1, SeqCst)).open()
        };
        let (ins, inputs): (Vec<Sender<u32>>, Vec<_>) = (0..part.inputs).map(|_| open(&undelivered[0])).unzip();
        let (senders, outs): (Vec<_>, Vec<Receiver<u32>>) = (0..part.outs).map(|_| open(&undelivered[1])).unzip();

        let mut others: Vec<Other> = Vec::new();
        for input in ins {
            others.push(Box::pin(async move {
                for n in 0..COUNT {
                    if let Err(error) = input.send(n).await {
                        return (true, (n as usize, error.into_parts().1));
                    }
                }
                (true, (COUNT as usize, Ended::Retired))
            }));
        }
        for out in outs {
            others.push(Box::pin(async move {
                let mut count = 0;
                loop {
                    match out.recv().await {
                        Ok(_) => count += 1,
                        Err(ended) => return (false, (count, ended)),
                    }
                }
            }));
        }
        let running = (part.start)(inputs, senders);
        let body = par!(aqueduct::task(part.name, async move { Ok(running.await?) })).into_future();
        let mut body = Some(Box::pin(body));
        let (mut left, mut done) = (polls, false);
        let mut seen = [Vec::new(), Vec::new()];
        // Not tokio's: the polls are counted, so nobody else is to spend them.
        futures::executor::block_on(poll_fn(|cx| {
            if left == 0 {
                body = None;
            }
            if let Some(running) = &mut body {
                left -= 1;
                if running.as_mut().poll(cx).is_ready() {
                    (body, done) = (None, true);
                }
            }
            others.retain_mut(|other| match other.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready((source, one)) => {
                    seen[usize::from(!source)].push(one);
                    false
                }
            });
            if left == 0 && body.is_some() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if others.is_empty() && body.is_none() { Poll::Ready(()) } else { Poll::Pending }
        }));
        let [sources, sinks] = seen;
        Run { done, sources, sinks, undelivered: undelivered.map(|counter| counter.load(SeqCst)) }
    })
}

fn at_every_poll(part: Part, check: impl Fn(&Run, usize)) {
    let mut finished = 0;
    for polls in 0.. {
        let run = cancel_after(part, polls);
        check(&run, polls);
        if run.done {
            finished += 1;
            // How many polls a part with threads takes differs from run to run.
            if finished == 3 {
                break;
            }
        } else {
            let received: usize = run.sinks.iter().map(|(received, _)| received).sum();
            // Threads may still be on their way home when everything has been emitted.
            let complete = received == (part.makes)(COUNT).len();
            for (_, ended) in &run.sinks {
                match ended.cause() {
                    Some(cause) => assert!(cause.is_cancelled(), "{} at {polls}: {cause}", part.name),
                    None => assert!(complete, "{} at {polls}: not told", part.name),
                }
            }
            for (sent, ended) in &run.sources {
                assert!(*sent == COUNT as usize || ended.is_poisoned(), "{} at {polls}: {ended:?}", part.name);
            }
        }
        assert!(polls < 10_000, "{} does not end", part.name);
    }
}

/// What came out, at least, of so many values that went in.
fn least(part: Part, sent: &[usize]) -> usize {
    let sum: usize = sent.iter().sum();
    match part.name {
        "prefix" => sum,
        "tail" | "pairs" => sum.saturating_sub(1),
        "plus" | "zip_with" => sent.iter().copied().min().unwrap_or(0),
        "delta" | "par_delta" | "publish" => 2 * sum,
        _ => sum,
    }
}

#[test]
fn at_every_poll_nobody_hangs_and_no_more_is_missing_than_was_in_hand() {
    for part in PARTS {
        at_every_poll(*part, |run, polls| {
            let sent: Vec<usize> = run.sources.iter().map(|(sent, _)| *sent).collect();
            let received: usize = run.sinks.iter().map(|(received, _)| received).sum();
            let accounted = received + run.undelivered.iter().sum::<usize>();
            let hand = if run.done { 0 } else { part.holds * part.outs };
            let least = least(*part, &sent);
            assert!(
                accounted + hand >= least,
                "{} at {polls}: of {sent:?} sent, {received} received and {:?} undelivered",
                part.name,
                run.undelivered
            );
        });
    }
}

#[test]
fn at_every_poll_clocks_and_sinks_tell_their_peers() {
    for part in CLOCKS.iter().chain(SINKS) {
        at_every_poll(*part, |run, _| {
            assert!(run.sources.len() == part.inputs && run.sinks.len() == part.outs);
        });
    }
}
