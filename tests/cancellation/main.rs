//! Whoever is dropped, and whenever: no value is lost, none is doubled, and the order stays.
//!
//! Futures are polled and dropped by hand, without a runtime, so that every history is one that can be repeated.

#[path = "../common/mod.rs"]
mod common;

mod actors;
mod choices;
mod explore;
mod ledger;
mod model;
mod stress;
mod world;

use actors::Kind::{self, *};
use actors::{Mode, receivers, senders};
use explore::{Situation, wander};
use world::CAPACITIES;
use world::Step::{self, *};

/// How many steps a history has: one less where the rounds are few.
fn depth(steps: usize) -> usize {
    if common::rounds(10) < 10 { steps - 1 } else { steps }
}

/// A situation that has become too small explores nothing, and nobody would see it.
fn enough(histories: usize, least: usize) {
    let least = if common::rounds(10) < 10 { least / 10 } else { least };
    assert!(histories > least, "only {histories} histories");
}

fn exhaust(cast: &[Kind], prelude: &[Step], events: &[Step], depth: usize) -> usize {
    let cast: Vec<_> = cast.iter().map(|&kind| (kind, 0)).collect();
    CAPACITIES
        .into_iter()
        .map(|capacity| {
            let (cast, prelude, events) = (cast.clone(), prelude.to_vec(), events.to_vec());
            Situation { capacities: [capacity; 2], cast, prelude, events, depth: self::depth(depth) }.exhaust()
        })
        .sum()
}

#[test]
fn every_operation_alone_with_everything_that_can_happen() {
    let events = [TryRecv(0), TrySend(0), DropSender(0), DropReceiver(0), Poison(0), Due];
    let mut histories = 0;
    for kind in senders().into_iter().chain(receivers()) {
        let events = if kind.is_timed() { &events[..] } else { &events[..5] };
        histories += exhaust(&[kind], &[], events, 4);
    }
    enough(histories, 50_000);
}

#[test]
fn every_sender_with_every_receiver() {
    let mut histories = 0;
    for sender in senders() {
        for receiver in receivers() {
            histories += exhaust(&[sender, receiver], &[], &[], 5);
        }
    }
    enough(histories, 50_000);
}

/// Both receivers have a value and have not looked: they go in either order, or one of them receives.
#[test]
fn two_committed_receivers_cancelled_in_both_orders() {
    let receivers = [Recv, RecvBy, RecvMany, Stream, AltRecv(Mode::Fair), AltNext(Mode::Arbitrary(1)), OfferRecv];
    let prelude = [Poll(0), Poll(1), TrySend(0), TrySend(0)];
    let mut histories = 0;
    for first in receivers.into_iter().chain([GroupRecv]) {
        for second in receivers.into_iter().chain([ParRecv]) {
            histories += exhaust(&[first, second], &prelude, &[TryRecv(0), TryRecv(0), DropReceiver(0)], 5);
        }
    }
    enough(histories, 20_000);
}

/// Both senders wait, behind values that fill the channel; they go in either order, or are served.
#[test]
fn two_waiting_senders_cancelled_in_both_orders() {
    let senders = [Send, SendFrom, SendBy, SendMany, Sink, AltSend(Mode::Arbitrary(1)), AltSendFrom(Mode::Fair)];
    let mut histories = 0;
    for capacity in 0..=1 {
        let mut prelude = vec![TrySend(0); capacity];
        prelude.extend([Poll(0), Poll(1)]);
        for first in senders.into_iter().chain([OfferSend, GroupSend]) {
            for second in senders.into_iter().chain([OfferSendFrom, ParSend]) {
                let cast = vec![(first, 0), (second, 0)];
                let (prelude, events) = (prelude.clone(), vec![TryRecv(0), TryRecv(0), TryRecv(0), DropReceiver(0)]);
                histories += Situation { capacities: [capacity; 2], cast, prelude, events, depth: depth(4) }.exhaust();
            }
        }
    }
    enough(histories, 20_000);
}

/// Whoever changes its waker keeps its place, and only the new waker is woken.
#[test]
fn a_new_waker_is_the_one_that_is_woken() {
    let mut histories = 0;
    for kind in [Recv, Next, RecvBy, RecvMany, Stream, Closed] {
        let events = [PollAnew(0), PollAnew(1), TrySend(0), TrySend(0), DropSender(0)];
        histories += exhaust(&[kind, Recv], &[Poll(0), Poll(1)], &events, 4);
    }
    for kind in [Send, SendFrom, SendBy, SendMany, Sink] {
        let events = [PollAnew(0), PollAnew(1), TryRecv(0), TryRecv(0), DropReceiver(0)];
        histories += exhaust(&[kind, Send], &[Poll(0), Poll(1)], &events, 4);
    }
    enough(histories, 20_000);
}

#[test]
fn three_in_any_order() {
    let casts: [&[(Kind, usize)]; 10] = [
        &[(Send, 0), (Recv, 0), (Recv, 0)],
        &[(SendFrom, 0), (AltRecv(Mode::Fair), 0), (Recv, 0)],
        &[(SendMany, 0), (RecvMany, 0), (AltRecvBy, 0)],
        &[(AltSendFrom(Mode::Pri), 0), (SendFrom, 0), (Stream, 0)],
        &[(Swap, 0), (Swap, 0), (Recv, 0)],
        &[(Swap, 0), (Swap, 0), (Swap, 0)],
        &[(Either, 0), (Send, 0), (SendFrom, 1)],
        &[(Either, 0), (Either, 1), (Send, 0)],
        &[(Forward, 0), (Forward, 1), (SendFrom, 0)],
        &[(Forward, 0), (ParSend, 0), (GroupRecv, 1)],
    ];
    let mut histories = 0;
    for capacities in [[0, 0], [0, 1], [1, 1]] {
        for cast in casts {
            let (cast, prelude, events) = (cast.to_vec(), Vec::new(), vec![TryRecv(0)]);
            histories += Situation { capacities, cast, prelude, events, depth: depth(5) }.exhaust();
        }
    }
    enough(histories, 50_000);
}

#[test]
fn random_long_histories() {
    // A choice with a future among its guards stands in line anew whenever it is polled: its place is not modelled.
    let kinds: Vec<Kind> = senders()
        .into_iter()
        .chain(receivers())
        .filter(|kind| !matches!(kind, AltFutureSendFrom | AltFutureRecv))
        .collect();
    for seed in 0..common::rounds(5000) as u64 {
        wander(seed, &kinds, 60);
    }
}
