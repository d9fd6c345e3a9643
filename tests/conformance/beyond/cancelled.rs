//! Every operation on a channel, dropped at every poll, with every history of its peer up to there: nothing is lost,
//! doubled or out of order.
//!
//! The futures are polled by hand. Between two polls the peer does nothing, one thing or two.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use aqueduct::{Alt, AltSet, Receiver, Sender, after};

use crate::harness::{Flavour, row};

/// How often a future is polled at most.
const POLLS: u32 = 3;
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// What an operation works on.
struct Bench {
    tx: Sender<usize>,
    rx: Receiver<usize>,
    /// What it has received.
    got: RefCell<Vec<usize>>,
    /// What it is to send.
    values: RefCell<VecDeque<usize>>,
}

impl Bench {
    fn got(&self, value: usize) {
        self.got.borrow_mut().push(value);
    }

    /// Gives what is to be sent next, and takes it back if it was not sent, also if the future is dropped.
    fn slot(&self) -> Slot<'_> {
        Slot(self, self.values.borrow_mut().pop_front())
    }

    /// The same with all of them.
    fn batch(&self) -> Batch<'_> {
        Batch(self, self.values.take())
    }
}

struct Batch<'a>(&'a Bench, VecDeque<usize>);

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.0.values.replace(std::mem::take(&mut self.1));
    }
}

struct Slot<'a>(&'a Bench, Option<usize>);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(value) = self.1.take() {
            self.0.values.borrow_mut().push_front(value);
        }
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
type Operation = (&'static str, for<'a> fn(&'a Bench) -> Running<'a>);

const SENDS: [Operation; 8] = [
    ("send_from", |bench| {
        Box::pin(async {
            let mut slot = bench.slot();
            bench.tx.send_from(&mut slot.1).await.expect("it is open");
        })
    }),
    ("send_from, twice", |bench| {
        Box::pin(async {
            for _ in 0..2 {
                let mut slot = bench.slot();
                bench.tx.send_from(&mut slot.1).await.expect("it is open");
            }
        })
    }),
    ("send_from_timeout", |bench| {
        Box::pin(async {
            let mut slot = bench.slot();
            bench.tx.send_from_timeout(&mut slot.1, LONG).await.expect("it is open");
        })
    }),
    ("send_many", |bench| Box::pin(async { bench.tx.send_many(&mut bench.batch().1).await.expect("it is open") })),
    ("send_many_timeout", |bench| {
        Box::pin(async { bench.tx.send_many_timeout(&mut bench.batch().1, LONG).await.expect("it is open") })
    }),
    ("alt! with a send", |bench| {
        Box::pin(async {
            let (_silent_tx, silent) = aqueduct::channel::<usize>();
            let mut slot = bench.slot();
            aqueduct::alt! {
                sent = bench.tx.send_from(&mut slot.1) => sent.expect("it is open"),
                _ = silent.recv() => unreachable!("it is silent"),
            }
        })
    }),
    ("alt! with a send and a future", |bench| {
        Box::pin(async {
            let mut slot = bench.slot();
            aqueduct::alt! {
                _ = std::future::pending::<()>() => unreachable!("it is pending"),
                sent = bench.tx.send_from(&mut slot.1) => sent.expect("it is open"),
                _ = after(LONG) => unreachable!("it is long"),
            }
        })
    }),
    ("Offer with a send", |bench| {
        Box::pin(async {
            let mut slot = bench.slot();
            let mut order = Alt::fair();
            let offer = order.offer().send_from(&bench.tx, &mut slot.1, |sent| sent).after(LONG, || unreachable!());
            offer.select().await.expect("it takes part").expect("it is open");
        })
    }),
];

const RECEIVES: [Operation; 12] = [
    ("recv", |bench| Box::pin(async { bench.got(bench.rx.recv().await.expect("it is open")) })),
    ("recv, twice", |bench| {
        Box::pin(async {
            for _ in 0..2 {
                bench.got(bench.rx.recv().await.expect("it is open"));
            }
        })
    }),
    ("next", |bench| Box::pin(async { bench.got(bench.rx.next().await.expect("it is open").expect("it is open")) })),
    ("recv_timeout", |bench| Box::pin(async { bench.got(bench.rx.recv_timeout(LONG).await.expect("it is open")) })),
    ("recv_many", |bench| {
        Box::pin(async {
            let mut many = Vec::new();
            bench.rx.recv_many(&mut many, 2).await.expect("it is open");
            many.into_iter().for_each(|value| bench.got(value));
        })
    }),
    ("recv_held", |bench| {
        Box::pin(async {
            let held = bench.rx.recv_held().await.expect("it is open");
            // What is in hand has been received, whatever becomes of the hand.
            bench.got(*held);
            tokio::task::yield_now().await;
        })
    }),
    ("into_stream", |bench| {
        Box::pin(async {
            use futures::StreamExt as _;
            let mut stream = std::pin::pin!(bench.rx.clone().into_stream());
            bench.got(stream.next().await.expect("it is open").expect("it is open"));
        })
    }),
    ("alt! with a receive", |bench| {
        Box::pin(async {
            let (_silent_tx, silent) = aqueduct::channel::<usize>();
            aqueduct::alt! {
                _ = silent.recv() => unreachable!("it is silent"),
                value = bench.rx.recv() => bench.got(value.expect("it is open")),
            }
        })
    }),
    ("alt! with a receive and a future", |bench| {
        Box::pin(async {
            aqueduct::alt! {
                _ = std::future::pending::<()>() => unreachable!("it is pending"),
                value = bench.rx.recv() => bench.got(value.expect("it is open")),
            }
        })
    }),
    ("alt! with a held receive", |bench| {
        Box::pin(async {
            aqueduct::alt! {
                held = bench.rx.recv_held() => bench.got(held.expect("it is open").into_inner()),
                _ = after(LONG) => unreachable!("it is long"),
            }
        })
    }),
    ("Offer with a receive", |bench| {
        Box::pin(async {
            let mut order = Alt::fair();
            let offer = order.offer().recv(&bench.rx, |value| value).after(LONG, || unreachable!());
            bench.got(offer.select().await.expect("it takes part").expect("it is open"));
        })
    }),
    ("AltSet with receives", |bench| {
        Box::pin(async {
            let mut set = AltSet::fair();
            set.recv(bench.rx.clone(), |value| value);
            for _ in 0..2 {
                bench.got(set.select().await.expect("it takes part").expect("it is open"));
            }
        })
    }),
];

/// Plays every history: `peer` is called between the polls, as often as the history says.
fn play(flavour: Flavour, (name, operation): Operation, peer: impl Fn(&Bench, usize), account: impl Fn(&Bench, &str)) {
    for polls in 0..=POLLS {
        for history in 0..3_usize.pow(polls) {
            let (tx, rx) = flavour.open();
            let values = RefCell::new((100..103).collect());
            let bench = Bench { tx, rx, got: RefCell::default(), values };
            let mut running = operation(&bench);
            let mut steps = history;
            let mut done = 0;
            for _ in 0..polls {
                if running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                for _ in 0..steps % 3 {
                    peer(&bench, done);
                    done += 1;
                }
                steps /= 3;
            }
            drop(running);
            account(&bench, &format!("{name}, dropped after {polls} polls, history {history}"));
        }
    }
}

/// Receives: what their peer has sent is what they have got and what is still there, in order.
fn receives_dropped_at_every_poll(flavour: Flavour) {
    for operation in RECEIVES {
        let sent = RefCell::new(Vec::new());
        play(
            flavour,
            operation,
            |bench, n| {
                if bench.tx.try_send(n).is_ok() {
                    sent.borrow_mut().push(n);
                }
            },
            |bench, story| {
                let mut arrived = bench.got.take();
                arrived.extend(bench.rx.try_iter());
                let sent = sent.take();
                assert_eq!(arrived.len() as u64 + bench.tx.undelivered(), sent.len() as u64, "{story}");
                if flavour.loses() {
                    assert!(arrived.is_sorted() && arrived.iter().all(|n| sent.contains(n)), "{story}: {arrived:?}");
                } else {
                    assert_eq!(arrived, sent, "{story}");
                }
            },
        );
    }
}
row!(receives_dropped_at_every_poll over all);

/// Sends: what was to be sent is what their peer has received, what is still in the channel, and what they still have.
fn sends_dropped_at_every_poll(flavour: Flavour) {
    for operation in SENDS {
        let received = RefCell::new(Vec::new());
        play(
            flavour,
            operation,
            |bench, _| received.borrow_mut().extend(bench.rx.try_recv()),
            |bench, story| {
                let mut arrived = received.take();
                arrived.extend(bench.rx.try_iter());
                let left = bench.values.take();
                let sum = arrived.len() as u64 + bench.tx.undelivered() + left.len() as u64;
                assert_eq!(sum, 3, "{story}: {arrived:?} arrived, {left:?} left");
                arrived.extend(left);
                assert!(arrived.is_sorted(), "{story}: {arrived:?}");
                assert!(flavour.loses() || arrived == [100, 101, 102], "{story}: {arrived:?}");
            },
        );
    }
}
row!(sends_dropped_at_every_poll over all);

/// A set that keeps its places: its choices are dropped, the set goes on, and nothing was lost between.
fn kept_choices_dropped_at_every_poll(flavour: Flavour) {
    for polls in 0..=POLLS {
        for history in 0..3_usize.pow(polls + 1) {
            let (tx, rx) = flavour.open();
            let (out, taken) = flavour.open();
            let mut set = AltSet::arbitrary(history as u64);
            set.recv(rx.clone(), |value| Some(value.expect("it is open")));
            let send = set.send(out, |sent| {
                sent.expect("it is open");
                None
            });
            let (mut got, mut arrived, mut sent, mut next) = (Vec::new(), Vec::new(), Vec::new(), 0);
            let (mut steps, mut peer) = (history, 0);
            for _ in 0..=polls {
                if set.offer(send, next).is_ok() {
                    next += 1;
                }
                {
                    let mut choice = Box::pin(set.select());
                    if let std::task::Poll::Ready(event) = choice.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                    {
                        got.extend(event.expect("it takes part"));
                    }
                }
                for _ in 0..steps % 3 {
                    if tx.try_send(peer).is_ok() {
                        sent.push(peer);
                    }
                    arrived.extend(taken.try_recv());
                    peer += 1;
                }
                steps /= 3;
            }
            let left = set.take_back(send);
            // Committed, and not seen by a choice: the set gives it back when it goes, or tells the next choice.
            while let Ok(Some(event)) = set.try_select() {
                got.extend(event);
            }
            drop(set);
            got.extend(rx.try_iter());
            arrived.extend(taken.try_iter());
            let story = format!("dropped after each of {polls} polls, history {history}");
            assert_eq!(got.len() as u64 + tx.undelivered(), sent.len() as u64, "{story}: received");
            assert!(got.is_sorted(), "{story}: {got:?}");
            assert!(flavour.loses() || got == sent, "{story}: {got:?} of {sent:?}");
            arrived.extend(left);
            assert!(arrived.is_sorted(), "{story}: {arrived:?}");
            assert!(flavour.loses() || arrived.iter().copied().eq(0..next), "{story}: {arrived:?} of {next}");
        }
    }
}
row!(kept_choices_dropped_at_every_poll over all);
