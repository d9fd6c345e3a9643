//! Every waiting operation of the library, each as a future that owns its ends, and as a task of the model.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Instant;

use aqueduct::prelude::*;
use aqueduct::{SendError, WaitError};
use futures::sink::SinkExt as _;
use futures::stream::StreamExt as _;

use crate::ledger::{Fate, Id, Kept, Ledger, Value};
use crate::model::{Guard, Outcome, Task, Why};

/// What an actor does on its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Send,
    SendFrom,
    SendBy,
    SendMany,
    Sink,
    AltSend(Mode),
    AltSendFrom(Mode),
    AltSendBy,
    AltFutureSendFrom,
    OfferSend,
    OfferSendFrom,
    ParSend,
    GroupSend,
    Recv,
    Next,
    RecvBy,
    RecvMany,
    Stream,
    AltRecv(Mode),
    AltNext(Mode),
    AltRecvBy,
    AltFutureRecv,
    OfferRecv,
    ParRecv,
    GroupRecv,
    Closed,
    /// Sends on its channel or receives from it, whichever is possible first.
    Swap,
    /// Receives from its channel or from the other one.
    Either,
    /// Sends on the other channel or receives from its own.
    Forward,
}

/// The order of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pri,
    Fair,
    Arbitrary(u64),
}

impl Mode {
    fn alt(self) -> Alt {
        match self {
            Self::Pri => Alt::pri(),
            Self::Fair => Alt::fair(),
            Self::Arbitrary(seed) => Alt::arbitrary(seed),
        }
    }
}

pub(crate) const MODES: [Mode; 3] = [Mode::Pri, Mode::Fair, Mode::Arbitrary(7)];

/// All that have a value to send.
pub(crate) fn senders() -> Vec<Kind> {
    use Kind::*;
    let mut all = vec![Send, SendFrom, SendBy, SendMany, Sink, AltSendBy, AltFutureSendFrom, OfferSend, OfferSendFrom];
    all.extend([ParSend, GroupSend, Swap]);
    all.extend(MODES.into_iter().flat_map(|mode| [AltSend(mode), AltSendFrom(mode)]));
    all
}

/// All that receive, or look.
pub(crate) fn receivers() -> Vec<Kind> {
    use Kind::*;
    let mut all = vec![Recv, Next, RecvBy, RecvMany, Stream, AltRecvBy, AltFutureRecv, OfferRecv, ParRecv, GroupRecv];
    all.extend([Closed, Either, Forward]);
    all.extend(MODES.into_iter().flat_map(|mode| [AltRecv(mode), AltNext(mode)]));
    all
}

/// A future that is ready once it is told so.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<(bool, Option<Waker>)>);

impl Bell {
    pub(crate) fn ring(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn rung(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let bell = Arc::clone(self);
        poll_fn(move |cx| {
            let mut state = bell.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// What an actor needs of its world.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    /// Its own channel, and the other one.
    pub(crate) own: (usize, &'a Sender<Value>, &'a Receiver<Value>),
    pub(crate) other: (usize, &'a Sender<Value>, &'a Receiver<Value>),
    pub(crate) ledger: &'a Arc<Ledger>,
    pub(crate) bell: &'a Arc<Bell>,
    pub(crate) deadline: Instant,
}

pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Where an actor leaves its outcome.
pub(crate) type Report = Arc<Mutex<Option<Outcome>>>;

/// An actor, as a future and for the model.
pub(crate) struct Actor {
    pub(crate) run: Running,
    pub(crate) report: Report,
    pub(crate) task: Task,
    pub(crate) senders: Vec<usize>,
    pub(crate) receivers: Vec<usize>,
    pub(crate) process: bool,
}

fn why(ended: &Ended) -> Why {
    if ended.is_poisoned() { Why::Poisoned } else { Why::Retired }
}

fn sent(result: Result<(), SendError<Value>>) -> Outcome {
    match result.map_err(SendError::into_parts) {
        Ok(()) => Outcome::Sent,
        Err((value, ended)) => {
            value.settle(Fate::Refused);
            Outcome::Refused(why(&ended))
        }
    }
}

fn sent_from(result: Result<(), Ended>) -> Outcome {
    result.map_or_else(|ended| Outcome::Refused(why(&ended)), |()| Outcome::Sent)
}

fn sent_in_time(result: Result<(), SendError<Value, WaitError>>) -> Outcome {
    match result.map_err(SendError::into_parts) {
        Ok(()) => Outcome::Sent,
        Err((value, error)) => {
            value.settle(Fate::Refused);
            match error {
                WaitError::Ended(ended) => Outcome::Refused(why(&ended)),
                _ => Outcome::Elapsed,
            }
        }
    }
}

fn received(result: Result<Value, Ended>) -> Outcome {
    match result {
        Ok(value) => Outcome::Received(vec![value.settle(Fate::Received)]),
        Err(ended) => Outcome::Ended(why(&ended)),
    }
}

fn next(result: Result<Option<Value>, Poisoned>) -> Outcome {
    match result {
        Ok(Some(value)) => Outcome::Received(vec![value.settle(Fate::Received)]),
        Ok(None) => Outcome::Ended(Why::Retired),
        Err(_) => Outcome::Ended(Why::Poisoned),
    }
}

/// What becomes of a value that is sent by value, and of one in a slot.
#[derive(Clone, Copy)]
enum Sends {
    Value,
    Timed,
    Slot,
}

fn guard(chan: usize, id: Id, sends: Sends) -> Guard {
    let (refused, unchosen, dropped) = match sends {
        Sends::Value => (Fate::Refused, Fate::Dropped, Fate::Dropped),
        Sends::Timed => (Fate::Refused, Fate::Refused, Fate::Dropped),
        Sends::Slot => (Fate::Kept, Fate::Kept, Fate::Kept),
    };
    Guard::Send { chan, id, refused, unchosen, dropped }
}

impl Kind {
    /// Makes the actor.
    #[allow(clippy::too_many_lines, reason = "a table: one entry for each operation")]
    pub(crate) fn actor(self, setting: &Setting<'_>) -> Actor {
        let (own, own_tx, own_rx) = setting.own;
        let (other, other_tx, other_rx) = setting.other;
        let (tx, rx) = (|| own_tx.clone(), || own_rx.clone());
        let value = || setting.ledger.value();
        let bell = setting.bell.rung();
        let deadline = setting.deadline;
        let report = Report::default();
        let out = Arc::clone(&report);
        let tell = move |outcome| *out.lock().unwrap() = Some(outcome);
        // A guard beside those that matter, which is never ready.
        let (quiet_tx, quiet) = aqueduct::channel::<u8>();

        let sends = |run: Running, guards: Vec<Guard>| (run, Task::Choice(guards), vec![own], vec![]);
        let receives = |run: Running, guards: Vec<Guard>| (run, Task::Choice(guards), vec![], vec![own]);
        let (run, task, senders, receivers) = match self {
            Self::Send => {
                let (tx, value) = (tx(), value());
                let guards = vec![guard(own, value.id(), Sends::Value)];
                sends(Box::pin(async move { tell(sent(tx.send(value).await)) }), guards)
            }
            Self::SendFrom => {
                let (tx, mut kept) = (tx(), Kept(Some(value())));
                let guards = vec![guard(own, kept.0.as_ref().unwrap().id(), Sends::Slot)];
                sends(Box::pin(async move { tell(sent_from(tx.send_from(&mut kept.0).await)) }), guards)
            }
            Self::SendBy => {
                let (tx, value) = (tx(), value());
                let guards = vec![guard(own, value.id(), Sends::Timed), Guard::Due];
                sends(Box::pin(async move { tell(sent_in_time(tx.send_deadline(value, deadline).await)) }), guards)
            }
            Self::SendMany => {
                let (tx, mut kept) = (tx(), Kept(VecDeque::from([value(), value()])));
                let ids = kept.0.iter().map(Value::id).collect();
                let run = Box::pin(async move { tell(sent_from(tx.send_many(&mut kept.0).await)) });
                (run as Running, Task::SendMany(own, ids), vec![own], vec![])
            }
            Self::Sink => {
                let (mut sink, value) = (Box::pin(tx().into_sink()), value());
                let guards = vec![guard(own, value.id(), Sends::Value)];
                sends(Box::pin(async move { tell(sent(sink.send(value).await)) }), guards)
            }
            Self::AltSend(mode) => {
                let (tx, value, mut alt) = (tx(), value(), mode.alt());
                let guards = vec![guard(own, value.id(), Sends::Value)];
                let run = async move {
                    let _quiet_tx = quiet_tx;
                    alt! { alt;
                        _ = quiet.recv() => unreachable!(),
                        r = tx.send(value) => tell(sent(r)),
                    }
                };
                sends(Box::pin(run), guards)
            }
            Self::AltSendFrom(mode) => {
                let (tx, mut kept, mut alt) = (tx(), Kept(Some(value())), mode.alt());
                let guards = vec![guard(own, kept.0.as_ref().unwrap().id(), Sends::Slot)];
                let run = async move {
                    let _quiet_tx = quiet_tx;
                    alt! { alt;
                        r = tx.send_from(&mut kept.0) => tell(sent_from(r)),
                        _ = quiet.recv() => unreachable!(),
                        _ = after(std::time::Duration::MAX) => unreachable!(),
                    }
                };
                sends(Box::pin(run), guards)
            }
            Self::AltSendBy => {
                let (tx, value, mut alt) = (tx(), value(), Alt::pri());
                let guards = vec![guard(own, value.id(), Sends::Value), Guard::Due];
                let run = async move {
                    alt! { alt;
                        r = tx.send(value) => tell(sent(r)),
                        _ = at(deadline) => tell(Outcome::Elapsed),
                    }
                };
                sends(Box::pin(run), guards)
            }
            Self::AltFutureSendFrom => {
                let (tx, mut kept, mut alt) = (tx(), Kept(Some(value())), Alt::pri());
                let guards = vec![Guard::Due, guard(own, kept.0.as_ref().unwrap().id(), Sends::Slot)];
                let run = async move {
                    alt! { alt;
                        _ = bell => tell(Outcome::Elapsed),
                        r = tx.send_from(&mut kept.0) => tell(sent_from(r)),
                    }
                };
                sends(Box::pin(run), guards)
            }
            Self::OfferSend => {
                let (tx, value, mut alt) = (tx(), value(), Alt::fair());
                let guards = vec![guard(own, value.id(), Sends::Value)];
                let run = async move {
                    let offer = alt.offer().recv(&quiet, |_| unreachable!()).send(&tx, value, sent);
                    tell(offer.select().await.unwrap());
                    drop(quiet_tx);
                };
                sends(Box::pin(run), guards)
            }
            Self::OfferSendFrom => {
                let (tx, mut kept, mut alt) = (tx(), Kept(Some(value())), Alt::pri());
                let guards = vec![guard(own, kept.0.as_ref().unwrap().id(), Sends::Slot), Guard::Due];
                let run = async move {
                    let offer = alt.offer().send_from(&tx, &mut kept.0, sent_from).at(deadline, || Outcome::Elapsed);
                    tell(offer.select().await.unwrap());
                };
                sends(Box::pin(run), guards)
            }
            Self::ParSend => {
                let (tx, value) = (tx(), value());
                let guards = vec![guard(own, value.id(), Sends::Value)];
                let child = aqueduct::task("child", async move { tell(sent(tx.send(value).await)) });
                let run = par!(child, aqueduct::task("sibling", async {})).into_future();
                sends(Box::pin(async move { _ = run.await.unwrap() }), guards)
            }
            Self::GroupSend => {
                let (tx, mut kept, mut group) = (tx(), Kept(Some(value())), Group::new());
                let guards = vec![guard(own, kept.0.as_ref().unwrap().id(), Sends::Slot)];
                group.add(aqueduct::task("child", async move { tell(sent_from(tx.send_from(&mut kept.0).await)) }));
                sends(Box::pin(async move { _ = group.join().await.unwrap() }), guards)
            }
            Self::Recv => {
                let rx = rx();
                receives(Box::pin(async move { tell(received(rx.recv().await)) }), vec![Guard::Recv(own)])
            }
            Self::Next => {
                let rx = rx();
                receives(Box::pin(async move { tell(next(rx.next().await)) }), vec![Guard::Recv(own)])
            }
            Self::RecvBy => {
                let rx = rx();
                let run = async move {
                    tell(match rx.recv_deadline(deadline).await {
                        Ok(value) => received(Ok(value)),
                        Err(WaitError::Ended(ended)) => received(Err(ended)),
                        Err(_) => Outcome::Elapsed,
                    });
                };
                receives(Box::pin(run), vec![Guard::Recv(own), Guard::Due])
            }
            Self::RecvMany => {
                let rx = rx();
                let run = async move {
                    let mut values = Vec::new();
                    tell(match rx.recv_many(&mut values, 2).await {
                        Ok(count) => {
                            assert_eq!(count, values.len());
                            Outcome::Received(values.into_iter().map(|value| value.settle(Fate::Received)).collect())
                        }
                        Err(ended) => received(Err(ended)),
                    });
                };
                (Box::pin(run) as Running, Task::RecvMany(own, 2), vec![], vec![own])
            }
            Self::Stream => {
                let mut stream = Box::pin(rx().into_stream());
                let run = async move { tell(next(stream.next().await.transpose())) };
                receives(Box::pin(run), vec![Guard::Recv(own)])
            }
            Self::AltRecv(mode) => {
                let (rx, mut alt) = (rx(), mode.alt());
                let run = async move {
                    let _quiet_tx = quiet_tx;
                    alt! { alt;
                        _ = quiet.recv() => unreachable!(),
                        r = rx.recv() => tell(received(r)),
                        _ = after(std::time::Duration::MAX) => unreachable!(),
                    }
                };
                receives(Box::pin(run), vec![Guard::Recv(own)])
            }
            Self::AltNext(mode) => {
                let (rx, mut alt) = (rx(), mode.alt());
                let run = async move {
                    let _quiet_tx = quiet_tx;
                    alt! { alt;
                        r = rx.next() => tell(next(r)),
                        _ = quiet.recv() => unreachable!(),
                    }
                };
                receives(Box::pin(run), vec![Guard::Recv(own)])
            }
            Self::AltRecvBy => {
                let (rx, mut alt) = (rx(), Alt::pri());
                let run = async move {
                    alt! { alt;
                        _ = at(deadline) => tell(Outcome::Elapsed),
                        r = rx.recv() => tell(received(r)),
                    }
                };
                receives(Box::pin(run), vec![Guard::Due, Guard::Recv(own)])
            }
            Self::AltFutureRecv => {
                let (rx, mut alt) = (rx(), Alt::pri());
                let run = async move {
                    alt! { alt;
                        r = rx.recv() => tell(received(r)),
                        _ = bell => tell(Outcome::Elapsed),
                    }
                };
                receives(Box::pin(run), vec![Guard::Recv(own), Guard::Due])
            }
            Self::OfferRecv => {
                let (rx, mut alt) = (rx(), Alt::arbitrary(3));
                let run = async move {
                    let offer = alt.offer().recv(&quiet, |_| unreachable!()).recv(&rx, received);
                    tell(offer.select().await.unwrap());
                    drop(quiet_tx);
                };
                receives(Box::pin(run), vec![Guard::Recv(own)])
            }
            Self::ParRecv => {
                let rx = rx();
                let child = aqueduct::task("child", async move { tell(received(rx.recv().await)) });
                let run = par!(aqueduct::task("sibling", async {}), child).into_future();
                receives(Box::pin(async move { _ = run.await.unwrap() }), vec![Guard::Recv(own)])
            }
            Self::GroupRecv => {
                let (rx, mut group) = (rx(), Group::new());
                group.add(aqueduct::task("child", async move { tell(next(rx.next().await)) }));
                receives(Box::pin(async move { _ = group.join().await.unwrap() }), vec![Guard::Recv(own)])
            }
            Self::Closed => {
                let tx = tx();
                let run = async move { tell(Outcome::Closed(why(&tx.closed().await))) };
                (Box::pin(run) as Running, Task::Closed(own), vec![own], vec![])
            }
            Self::Swap => {
                let (tx, rx, mut kept, mut alt) = (tx(), rx(), Kept(Some(value())), Alt::pri());
                let guards = vec![guard(own, kept.0.as_ref().unwrap().id(), Sends::Slot), Guard::Recv(own)];
                let run = async move {
                    alt! { alt;
                        r = tx.send_from(&mut kept.0) => tell(sent_from(r)),
                        r = rx.recv() => tell(received(r)),
                    }
                };
                (Box::pin(run) as Running, Task::Choice(guards), vec![own], vec![own])
            }
            Self::Either => {
                let (rx, also, mut alt) = (rx(), other_rx.clone(), Alt::pri());
                let run = async move {
                    alt! { alt;
                        r = rx.recv() => tell(received(r)),
                        r = also.recv() => tell(received(r)),
                    }
                };
                let guards = vec![Guard::Recv(own), Guard::Recv(other)];
                (Box::pin(run) as Running, Task::Choice(guards), vec![], vec![own, other])
            }
            Self::Forward => {
                let (rx, tx, value, mut alt) = (rx(), other_tx.clone(), value(), Alt::pri());
                let guards = vec![guard(other, value.id(), Sends::Value), Guard::Recv(own)];
                let run = async move {
                    alt! { alt;
                        r = tx.send(value) => tell(sent(r)),
                        r = rx.recv() => tell(received(r)),
                    }
                };
                (Box::pin(run) as Running, Task::Choice(guards), vec![other], vec![own])
            }
        };
        let process = matches!(self, Self::ParSend | Self::GroupSend | Self::ParRecv | Self::GroupRecv);
        Actor { run, report, task, senders, receivers, process }
    }

    /// False if a wake-up of the actor may come from its own machinery.
    pub(crate) fn counts_wakes(self) -> bool {
        !matches!(self, Self::ParSend | Self::GroupSend | Self::ParRecv | Self::GroupRecv)
    }

    /// True if time, or another future, is part of it.
    pub(crate) fn is_timed(self) -> bool {
        use Kind::*;
        matches!(self, SendBy | AltSendBy | AltFutureSendFrom | OfferSendFrom | RecvBy | AltRecvBy | AltFutureRecv)
    }
}
