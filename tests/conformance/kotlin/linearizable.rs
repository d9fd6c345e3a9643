//! Whatever several parties do with one channel at once, there is an order, true to the clock, in which they could
//! have done it one after the other: every history is put to that proof.
//!
//! Each operation is stamped when it begins and when it ends. The search looks for an order of their effects in which
//! none is before an operation that had ended when it began, and in which a model of the channel gives each the result
//! that it had. An operation that waits has its effect when its partner comes; one that was given up has none, except
//! that a receive may have had a value and have given it back.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::{Alt, Receiver, Sender, TryRecvError, WaitError, after};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Party, Place, Random, at_most, choose, row};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Send(usize),
    Recv,
    TrySend(usize),
    TryRecv,
    /// A choice that sends or receives, on one channel, and prefers to send.
    Either(usize),
    Poison,
}

/// How an operation went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Seen {
    Done,
    Received(usize),
    /// No room, or nothing there.
    Refused,
    GaveUp,
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    operation: Operation,
    seen: Seen,
    began: usize,
    ended: usize,
}

/// Does one operation on the real channel.
async fn perform(me: Party, operation: Operation, tx: &Sender<usize>, rx: &Receiver<usize>, patience: usize) -> Seen {
    let waited = |result: Result<(), WaitError>| match result {
        Ok(()) => Seen::Done,
        Err(WaitError::Timeout) => Seen::GaveUp,
        Err(_) => Seen::Ended,
    };
    match operation {
        Operation::Send(value) => waited(me.try_sending(tx, &mut Some(value), patience).await),
        Operation::Recv => match me.try_receiving(rx, patience).await {
            Ok(value) => Seen::Received(value),
            Err(error) => waited(Err(error)),
        },
        Operation::TrySend(value) => match tx.try_send(value) {
            Ok(()) => Seen::Done,
            Err(error) if error.is_full() => Seen::Refused,
            Err(_) => Seen::Ended,
        },
        Operation::TryRecv => match rx.try_recv() {
            Ok(value) => Seen::Received(value),
            Err(TryRecvError::Empty) => Seen::Refused,
            Err(_) => Seen::Ended,
        },
        Operation::Either(value) => {
            let mut slot = Some(value);
            if me.blocks() {
                return choose! { me, Alt::pri();
                    sent = tx.send_from(&mut slot) => sent.map_or(Seen::Ended, |()| Seen::Done),
                    received = rx.recv() => received.map_or(Seen::Ended, Seen::Received),
                    _ = after(Duration::from_micros(patience as u64)) => Seen::GaveUp,
                };
            }
            let choice = async {
                aqueduct::alt! { Alt::pri();
                    sent = tx.send_from(&mut slot) => sent.map_or(Seen::Ended, |()| Seen::Done),
                    received = rx.recv() => received.map_or(Seen::Ended, Seen::Received),
                }
            };
            match at_most(patience, choice).await {
                Some(seen) => seen,
                None if slot.is_none() => Seen::Done,
                None => Seen::GaveUp,
            }
        }
        Operation::Poison => {
            rx.poison("enough");
            Seen::Done
        }
    }
}

/// The channel, when one thing happens after the other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Model {
    queue: VecDeque<usize>,
    /// What was received and given back, by the number of its departure.
    returned: BTreeMap<usize, usize>,
    departures: usize,
    /// Operations that wait, by their numbers.
    senders: VecDeque<usize>,
    receivers: VecDeque<usize>,
    ended: bool,
    /// What each operation gives, as soon as that is settled; and the departure of what it received.
    results: Vec<Option<(Seen, usize)>>,
}

impl Model {
    fn new(count: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            returned: BTreeMap::new(),
            departures: 0,
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
            ended: false,
            results: vec![None; count],
        }
    }

    fn settle(&mut self, number: usize, seen: Seen) {
        self.results[number] = Some((seen, self.departures));
        self.senders.retain(|&waiting| waiting != number);
        self.receivers.retain(|&waiting| waiting != number);
    }

    /// Sends, if that is possible at once.
    fn send(&mut self, flavour: Flavour, number: usize, value: usize) -> bool {
        if let Some(&receiver) = self.receivers.front() {
            self.departures += 1;
            self.settle(receiver, Seen::Received(value));
        } else if flavour.capacity().is_none_or(|capacity| self.queue.len() < capacity) {
            self.queue.push_back(value);
            self.make_room(flavour);
        } else {
            match flavour {
                Flavour::Sliding(_) => {
                    self.queue.pop_front();
                    self.queue.push_back(value);
                }
                Flavour::Dropping(_) => {}
                _ => return false,
            }
        }
        self.settle(number, Seen::Done);
        true
    }

    /// A sliding channel keeps no more than its capacity, what came back included.
    fn make_room(&mut self, flavour: Flavour) {
        if matches!(flavour, Flavour::Sliding(capacity) if self.returned.len() + self.queue.len() > capacity) {
            self.returned.pop_first();
        }
    }

    /// Receives, if that is possible at once.
    fn recv(&mut self, history: &[Event], number: usize) -> bool {
        let next_sender = |model: &mut Self| {
            let sender = *model.senders.front()?;
            model.settle(sender, Seen::Done);
            match history[sender].operation {
                Operation::Send(value) | Operation::Either(value) => Some(value),
                _ => unreachable!("it does not send"),
            }
        };
        if let Some((departure, value)) = self.returned.pop_first() {
            self.settle(number, Seen::Received(value));
            self.results[number] = Some((Seen::Received(value), departure));
            return true;
        }
        let value = match self.queue.pop_front() {
            Some(value) => {
                let freed = next_sender(self);
                self.queue.extend(freed);
                value
            }
            None => match next_sender(self) {
                Some(value) => value,
                None => return false,
            },
        };
        self.departures += 1;
        self.settle(number, Seen::Received(value));
        true
    }

    /// Lets the operation have its effect, or wait.
    fn start(&mut self, flavour: Flavour, history: &[Event], number: usize) {
        let operation = history[number].operation;
        match operation {
            Operation::Poison => {
                self.settle(number, Seen::Done);
                self.ended = true;
                self.queue.clear();
                self.returned.clear();
                while let Some(&waiting) = self.senders.front().or(self.receivers.front()) {
                    self.settle(waiting, Seen::Ended);
                }
            }
            _ if self.ended => self.settle(number, Seen::Ended),
            Operation::Send(value) | Operation::TrySend(value) if self.send(flavour, number, value) => {}
            Operation::Recv | Operation::TryRecv if self.recv(history, number) => {}
            Operation::TrySend(_) | Operation::TryRecv => self.settle(number, Seen::Refused),
            Operation::Send(_) => self.senders.push_back(number),
            Operation::Recv => self.receivers.push_back(number),
            Operation::Either(value) => {
                if !self.send(flavour, number, value) && !self.recv(history, number) {
                    self.senders.push_back(number);
                    self.receivers.push_back(number);
                }
            }
        }
    }

    /// An operation that had received a value, and was given up, gives it back.
    fn give_back(&mut self, flavour: Flavour, number: usize) {
        let Some((Seen::Received(value), departure)) = self.results[number] else { return };
        self.results[number] = Some((Seen::GaveUp, 0));
        if self.ended {
            return;
        }
        match self.receivers.front() {
            Some(&receiver) => {
                self.settle(receiver, Seen::Received(value));
                self.results[receiver] = Some((Seen::Received(value), departure));
            }
            None => {
                self.returned.insert(departure, value);
                self.make_room(flavour);
            }
        }
    }
}

/// True if there is an order that explains the history.
fn is_linearizable(flavour: Flavour, history: &[Event]) -> bool {
    let mut tried = HashSet::new();
    let mut open = vec![(0_u32, Model::new(history.len()))];
    while let Some((started, model)) = open.pop() {
        let matches = |number: usize, model: &Model| match (history[number].seen, model.results[number]) {
            (_, None) => true,
            (Seen::GaveUp, Some((seen, _))) => matches!(seen, Seen::GaveUp | Seen::Received(_)),
            (expected, Some((seen, _))) => seen == expected,
        };
        if !(0..history.len()).all(|number| matches(number, &model)) || !tried.insert((started, model.clone())) {
            continue;
        }
        let finished = |number: usize| model.results[number].is_some_and(|(seen, _)| seen == history[number].seen);
        if (0..history.len()).all(finished) {
            return true;
        }
        for (number, event) in history.iter().enumerate() {
            if started & (1 << number) == 0 {
                let earlier = |other: &Event| other.ended < event.began;
                if !history.iter().enumerate().all(|(other, past)| !earlier(past) || finished(other)) {
                    continue;
                }
                let mut next = model.clone();
                next.start(flavour, history, number);
                open.push((started | 1 << number, next));
                if event.seen == Seen::GaveUp {
                    // It had no effect.
                    let mut next = model.clone();
                    next.results[number] = Some((Seen::GaveUp, 0));
                    open.push((started | 1 << number, next));
                }
            } else if event.seen == Seen::GaveUp && !finished(number) {
                let mut next = model.clone();
                next.give_back(flavour, number);
                open.push((started, next));
            }
        }
    }
    false
}

/// Three parties do whatever they like, and give up whenever.
fn channels_lincheck(flavour: Flavour, two_of_them: Place, third: Place) {
    const EACH: usize = 4;
    for run in 0..rounds(10) {
        let clock = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = flavour.open();
        let mut network = Network::new();
        for (number, place) in [two_of_them, two_of_them, third].into_iter().enumerate() {
            let (tx, rx, clock) = (tx.clone(), rx.clone(), Arc::clone(&clock));
            network.add("party", place, move |me| async move {
                let mut random = Random::new(1000 * run + number);
                let mut history = Vec::new();
                for n in 0..EACH {
                    let value = EACH * number + n;
                    let operation = match random.below(16) {
                        0..5 => Operation::Send(value),
                        5..10 => Operation::Recv,
                        10 | 11 => Operation::TrySend(value),
                        12 | 13 => Operation::TryRecv,
                        14 => Operation::Either(value),
                        _ if n > 1 => Operation::Poison,
                        _ => Operation::Recv,
                    };
                    let patience = [1, 3, 30][random.below(3)];
                    let began = clock.fetch_add(1, Ordering::SeqCst);
                    let seen = perform(me, operation, &tx, &rx, patience).await;
                    let ended = clock.fetch_add(1, Ordering::SeqCst);
                    history.push(Event { operation, seen, began, ended });
                    if random.below(3) == 0 {
                        me.rest().await;
                    }
                }
                Ok(history)
            });
        }
        let history = network.run().concat();
        assert!(is_linearizable(flavour, &history), "no order explains {history:#?}");
    }
}
row!(channels_lincheck over all);

/// The proof can fail.
#[test]
fn lincheck_refuses_what_no_order_explains() {
    let event = |operation, seen, began, ended| Event { operation, seen, began, ended };
    let refused: [(Flavour, &[Event]); 5] = [
        // Sent on a rendezvous, and nobody received.
        (Flavour::RENDEZVOUS, &[event(Operation::Send(1), Seen::Done, 0, 1)]),
        // Received twice.
        (
            Flavour::UNBOUNDED,
            &[
                event(Operation::Send(1), Seen::Done, 0, 1),
                event(Operation::Recv, Seen::Received(1), 2, 3),
                event(Operation::Recv, Seen::Received(1), 4, 5),
            ],
        ),
        // Received before it was sent.
        (
            Flavour::BUFFERED_1,
            &[event(Operation::Recv, Seen::Received(1), 0, 1), event(Operation::Send(1), Seen::Done, 2, 3)],
        ),
        // A poll that finds nothing although a value lies there.
        (
            Flavour::BUFFERED_3,
            &[event(Operation::Send(1), Seen::Done, 0, 1), event(Operation::TryRecv, Seen::Refused, 2, 3)],
        ),
        // Out of order.
        (
            Flavour::BUFFERED_3,
            &[
                event(Operation::Send(1), Seen::Done, 0, 1),
                event(Operation::Send(2), Seen::Done, 2, 3),
                event(Operation::Recv, Seen::Received(2), 4, 5),
            ],
        ),
    ];
    for (flavour, history) in refused {
        assert!(!is_linearizable(flavour, history), "{history:?}");
    }
    // A choice that offers both directions meets another one, and never itself.
    let both = [event(Operation::Either(1), Seen::Done, 0, 2), event(Operation::Either(2), Seen::Received(1), 1, 3)];
    assert!(is_linearizable(Flavour::RENDEZVOUS, &both));
    let alone = [event(Operation::Either(1), Seen::Received(1), 0, 1)];
    assert!(!is_linearizable(Flavour::RENDEZVOUS, &alone));
}
