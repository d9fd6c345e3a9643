//! The library, driven by hand: its futures are polled and dropped one step at a time.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use aqueduct::{
    Alt, AltSet, Channel, Ended, Offer, Receiver, Refused, SendError, Sender, TryRecvError, WeakReceiver, WeakSender,
    alt,
};

use crate::history::{Chan, Flavour, Guard, Side, Step, Wait};
use crate::seen::{End, Events, Id, Outcome, Seen, View};

/// What happened since it was last asked.
type Ledger = Arc<Mutex<Events>>;

/// A payload, which tells when it is dropped.
#[derive(Debug)]
pub(crate) struct Value {
    id: Id,
    ledger: Ledger,
}

impl Value {
    /// Its sender has it again.
    fn keep(self) {
        self.ledger.lock().unwrap().kept.push(self.id);
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.ledger.lock().unwrap().gone.push(self.id);
    }
}

/// The values of a sender that have not been sent.
#[derive(Debug)]
struct Unsent<C: IntoIterator<Item = Value> + Default>(C);

impl<C: IntoIterator<Item = Value> + Default> Drop for Unsent<C> {
    fn drop(&mut self) {
        std::mem::take(&mut self.0).into_iter().for_each(Value::keep);
    }
}

/// What a future says while it goes on.
type Word = Rc<Cell<Option<Outcome>>>;

/// A waker that tells whose it is.
struct Bell {
    who: usize,
    newest: AtomicBool,
    ledger: Ledger,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut events = self.ledger.lock().unwrap();
        let woken = if self.newest.load(Ordering::Relaxed) { &mut events.woken } else { &mut events.woken_in_vain };
        woken.push(self.who);
    }
}

/// An end, so that a list can have both kinds.
#[derive(Debug, Clone)]
enum AnyEnd {
    Sender(Sender<Value>),
    Receiver(Receiver<Value>),
}

struct Ends {
    senders: Vec<Sender<Value>>,
    receivers: Vec<Receiver<Value>>,
    weak_sender: WeakSender<Value>,
    weak_receiver: WeakReceiver<Value>,
}

struct Waiting {
    /// `None` once it is over.
    future: Option<Pin<Box<dyn Future<Output = Outcome>>>>,
    /// What it has to say before it is over.
    word: Word,
    /// Whether its round is to be dropped.
    interrupt: Rc<Cell<bool>>,
    bell: Arc<Bell>,
}

/// Channels, and those who wait for them.
pub(crate) struct Real {
    ends: Vec<Ends>,
    waits: Vec<Waiting>,
    mint: Mint,
    poisons: usize,
}

/// Makes values.
#[derive(Clone, Default)]
struct Mint {
    next: Rc<Cell<Id>>,
    ledger: Ledger,
}

impl Mint {
    fn value(&self) -> Value {
        let id = self.next.get();
        self.next.set(id + 1);
        Value { id, ledger: Arc::clone(&self.ledger) }
    }
}

fn end(ended: &Ended) -> End {
    match ended.cause().and_then(aqueduct::Cause::error) {
        None => End::Retired,
        Some(number) => End::Poisoned(number.to_string().parse().expect("poisons are numbered")),
    }
}

fn refused(error: SendError<Value>) -> Outcome {
    let (value, ended) = error.into_parts();
    value.keep();
    Outcome::Refused(end(&ended))
}

fn received(result: Result<Value, Ended>) -> Outcome {
    match result {
        Ok(value) => Outcome::Received(vec![value.id]),
        Err(ended) => Outcome::Ended(end(&ended)),
    }
}

/// Pending once: what stands before it is done by the first poll, what follows by the second.
async fn pause() {
    let mut paused = false;
    poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Real {
    /// Channels with one end on each side.
    pub(crate) fn new(flavours: &[Flavour]) -> Self {
        let mint = Mint::default();
        let open = |(chan, flavour): (Chan, &Flavour)| {
            let events = Arc::clone(&mint.ledger);
            let channel = match *flavour {
                Flavour::Rendezvous => Channel::rendezvous(),
                Flavour::Buffered(capacity) => Channel::buffered(capacity),
                Flavour::Unbounded => Channel::unbounded(),
                Flavour::Sliding(capacity) => Channel::sliding(capacity),
                Flavour::Dropping(capacity) => Channel::dropping(capacity),
                Flavour::Latest => Channel::latest(),
            };
            let (sender, receiver) = channel
                .on_undelivered(move |value: Value| events.lock().unwrap().undelivered.push((chan, value.id)))
                .open();
            let (weak_sender, weak_receiver) = (sender.downgrade(), receiver.downgrade());
            Ends { senders: vec![sender], receivers: vec![receiver], weak_sender, weak_receiver }
        };
        let ends = flavours.iter().enumerate().map(open).collect();
        Self { ends, waits: Vec::new(), mint, poisons: 0 }
    }

    /// Takes a step.
    pub(crate) fn step(&mut self, step: &Step) -> Seen {
        let outcome = self.act(step);
        let views = self.ends.iter().map(|ends| (ends.senders.first().map(sees), ends.receivers.first().map(sees_too)));
        let views = views.collect();
        Seen { outcome, events: std::mem::take(&mut *self.mint.ledger.lock().unwrap()).in_order(), views }
    }

    fn act(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Start(wait) => {
                let who = self.make(wait);
                self.poll(who)
            }
            Step::Make(wait) => {
                self.make(wait);
                Outcome::Done
            }
            Step::Poll(who) => self.poll(*who),
            Step::PollAnew(who) => {
                let bell = self.bell(*who);
                std::mem::replace(&mut self.waits[*who].bell, bell).newest.store(false, Ordering::Relaxed);
                self.poll(*who)
            }
            Step::Cancel(who) => {
                self.waits[*who].future = None;
                Outcome::Done
            }
            Step::Interrupt(who) => {
                self.waits[*who].interrupt.set(true);
                self.poll(*who)
            }
            Step::TrySend(chan) => {
                let value = self.value();
                match self.ends[*chan].senders[0].try_send(value) {
                    Ok(()) => Outcome::Sent,
                    Err(error) => {
                        let (value, reason) = error.into_parts();
                        value.keep();
                        self.refusal(&reason)
                    }
                }
            }
            Step::TrySendMany(chan, count) => {
                let mut values = Unsent((0..*count).map(|_| self.value()).collect::<VecDeque<_>>());
                let sent = self.ends[*chan].senders[0].try_send_many(&mut values.0);
                assert_eq!(sent.is_ok(), values.0.is_empty(), "an error exactly if something is left");
                sent.map_or_else(|reason| self.refusal(&reason), |()| Outcome::Sent)
            }
            Step::TryRecv(chan) => match self.ends[*chan].receivers[0].try_recv() {
                Ok(value) => Outcome::Received(vec![value.id]),
                Err(TryRecvError::Ended(ended)) => Outcome::Ended(end(&ended)),
                Err(error) => {
                    assert!(error.is_empty());
                    Outcome::Empty
                }
            },
            Step::TryRecvMany(chan, limit) => {
                let mut values = Vec::new();
                let count = self.ends[*chan].receivers[0].try_recv_many(&mut values, *limit);
                assert_eq!(count, values.len());
                Outcome::Received(values.iter().map(|value| value.id).collect())
            }
            Step::TryChoose(guards) => {
                let (ends, mut slots) = self.choosers(guards);
                let selected = offer(&mut Alt::pri(), guards, &ends, &mut slots).try_select();
                // It is a wait in the specification, too.
                let bell = self.bell(self.waits.len());
                self.waits.push(Waiting { future: None, word: Word::default(), interrupt: Rc::default(), bell });
                match selected {
                    Ok(outcome) => outcome.unwrap_or(Outcome::NotReady),
                    Err(_) => Outcome::Exhausted,
                }
            }
            Step::Clone(chan, side) => {
                let end = self.end(*chan, *side);
                self.hold(*chan, end);
                Outcome::Done
            }
            Step::Upgrade(chan, side) => {
                let ends = &self.ends[*chan];
                let end = match side {
                    Side::Sender => ends.weak_sender.upgrade().map(AnyEnd::Sender),
                    Side::Receiver => ends.weak_receiver.upgrade().map(AnyEnd::Receiver),
                };
                let some = end.is_some();
                end.into_iter().for_each(|end| self.hold(*chan, end));
                Outcome::Upgraded(some)
            }
            Step::Drop(chan, Side::Sender) => {
                self.ends[*chan].senders.pop();
                Outcome::Done
            }
            Step::Drop(chan, Side::Receiver) => {
                self.ends[*chan].receivers.pop();
                Outcome::Done
            }
            Step::Retire(chan, Side::Sender) => {
                self.ends[*chan].senders.pop().into_iter().for_each(Sender::retire);
                Outcome::Done
            }
            Step::Retire(chan, Side::Receiver) => {
                self.ends[*chan].receivers.pop().into_iter().for_each(Receiver::retire);
                Outcome::Done
            }
            Step::Poison(chan, side) => {
                self.poisons += 1;
                match self.end(*chan, *side) {
                    AnyEnd::Sender(sender) => sender.poison(self.poisons.to_string()),
                    AnyEnd::Receiver(receiver) => receiver.poison(self.poisons.to_string()),
                }
                Outcome::Done
            }
        }
    }

    fn refusal(&self, reason: &Refused) -> Outcome {
        match reason {
            Refused::Ended(ended) => Outcome::Refused(end(ended)),
            _ => Outcome::Full,
        }
    }

    fn value(&self) -> Value {
        self.mint.value()
    }

    fn bell(&self, who: usize) -> Arc<Bell> {
        Arc::new(Bell { who, newest: AtomicBool::new(true), ledger: Arc::clone(&self.mint.ledger) })
    }

    fn end(&self, chan: Chan, side: Side) -> AnyEnd {
        match side {
            Side::Sender => AnyEnd::Sender(self.ends[chan].senders[0].clone()),
            Side::Receiver => AnyEnd::Receiver(self.ends[chan].receivers[0].clone()),
        }
    }

    fn hold(&mut self, chan: Chan, end: AnyEnd) {
        match end {
            AnyEnd::Sender(sender) => self.ends[chan].senders.push(sender),
            AnyEnd::Receiver(receiver) => self.ends[chan].receivers.push(receiver),
        }
    }

    fn choosers(&mut self, guards: &[Guard]) -> (Vec<AnyEnd>, Vec<Unsent<Option<Value>>>) {
        let slots = guards
            .iter()
            .map(|guard| Unsent(matches!(guard, Guard::Send(_) | Guard::SendFrom(_)).then(|| self.value())));
        let slots = slots.collect();
        let ends = guards.iter().map(|guard| {
            let (chan, side) = guard.end();
            self.end(chan, side)
        });
        (ends.collect(), slots)
    }

    fn make(&mut self, wait: &Wait) -> usize {
        let word = Word::default();
        let interrupt = Rc::default();
        let mut future = match wait {
            Wait::Keep(guards) => self.kept(guards, &word, &interrupt),
            _ => self.future(wait, &word),
        };
        // To its pause.
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let who = self.waits.len();
        self.waits.push(Waiting { future: Some(future), word, interrupt, bell: self.bell(who) });
        who
    }

    fn poll(&mut self, who: usize) -> Outcome {
        let Waiting { future, word, bell, .. } = &mut self.waits[who];
        let waker = Waker::from(Arc::clone(bell));
        let running = future.as_mut().expect("only what is not over is polled");
        match running.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => word.take().unwrap_or(Outcome::Pending),
            Poll::Ready(outcome) => {
                *future = None;
                outcome
            }
        }
    }

    /// A choice that lives on; each poll gives one result at most.
    fn kept(
        &self,
        guards: &[Guard],
        word: &Word,
        interrupt: &Rc<Cell<bool>>,
    ) -> Pin<Box<dyn Future<Output = Outcome>>> {
        let (word, interrupt, mint) = (Rc::clone(word), Rc::clone(interrupt), self.mint.clone());
        let mut set = AltSet::pri();
        let mut empty = Vec::new();
        for (index, guard) in guards.iter().enumerate() {
            let chose = move |outcome| Outcome::Chose(index, Box::new(outcome));
            let (chan, side) = guard.end();
            match (self.end(chan, side), guard) {
                (AnyEnd::Sender(sender), _) => {
                    let key = set.send(sender, move |sent| chose(sent.map_or_else(refused, |()| Outcome::Sent)));
                    empty.push((index, key));
                }
                (AnyEnd::Receiver(receiver), Guard::RecvOk(_)) => {
                    set.recv_ok(receiver, move |value: Value| chose(Outcome::Received(vec![value.id])));
                }
                (AnyEnd::Receiver(receiver), _) => {
                    set.recv(receiver, move |result| chose(received(result)));
                }
            }
        }
        let sends = empty.clone();
        Box::pin(async move {
            loop {
                pause().await;
                for (_, key) in empty.drain(..) {
                    set.offer(key, mint.value()).expect("it has no value");
                }
                let mut round = Box::pin(set.select());
                let chosen = poll_fn(|cx| match interrupt.take() {
                    true => Poll::Ready(None),
                    false => round.as_mut().poll(cx).map(Some),
                });
                let said = match chosen.await {
                    Some(Ok(outcome)) => outcome,
                    Some(Err(_)) => return Outcome::Exhausted,
                    None => Outcome::Done,
                };
                if let Outcome::Chose(index, outcome) = &said
                    && **outcome == Outcome::Sent
                {
                    empty.extend(sends.iter().filter(|(sent, _)| sent == index));
                }
                word.set(Some(said));
            }
        })
    }

    /// A future that has its own ends; what is waited for is made at the first poll, and polled at the second.
    fn future(&mut self, wait: &Wait, word: &Word) -> Pin<Box<dyn Future<Output = Outcome>>> {
        let sender = |real: &Self, chan: &Chan| real.ends[*chan].senders[0].clone();
        let receiver = |real: &Self, chan: &Chan| real.ends[*chan].receivers[0].clone();
        match wait {
            Wait::Send(chan) => {
                let (sender, value) = (sender(self, chan), self.value());
                Box::pin(async move {
                    let send = sender.send(value);
                    pause().await;
                    send.await.map_or_else(refused, |()| Outcome::Sent)
                })
            }
            Wait::SendFrom(chan) | Wait::SendFromEmpty(chan) => {
                let sender = sender(self, chan);
                let mut slot = Unsent(matches!(wait, Wait::SendFrom(_)).then(|| self.value()));
                Box::pin(async move {
                    let send = sender.send_from(&mut slot.0);
                    pause().await;
                    send.await.map_or_else(|ended| Outcome::Refused(end(&ended)), |()| Outcome::Sent)
                })
            }
            Wait::SendMany(chan, count) => {
                let sender = sender(self, chan);
                let mut values = Unsent((0..*count).map(|_| self.value()).collect::<VecDeque<_>>());
                Box::pin(async move {
                    let send = sender.send_many(&mut values.0);
                    pause().await;
                    send.await.map_or_else(|ended| Outcome::Refused(end(&ended)), |()| Outcome::Sent)
                })
            }
            Wait::Recv(chan) => {
                let receiver = receiver(self, chan);
                Box::pin(async move {
                    let recv = receiver.recv();
                    pause().await;
                    received(recv.await)
                })
            }
            Wait::Next(chan) => {
                let receiver = receiver(self, chan);
                Box::pin(async move {
                    let next = receiver.next();
                    pause().await;
                    received(match next.await {
                        Ok(Some(value)) => Ok(value),
                        Ok(None) => Err(Ended::Retired),
                        Err(poisoned) => Err(Ended::Poisoned(poisoned)),
                    })
                })
            }
            Wait::RecvMany(chan, limit) => {
                let (receiver, limit) = (receiver(self, chan), *limit);
                Box::pin(async move {
                    // Cancelled, nothing has been appended: what would be there would be dropped unseen.
                    let mut values = Vec::new();
                    let recv = receiver.recv_many(&mut values, limit);
                    pause().await;
                    match recv.await {
                        Ok(count) => {
                            assert_eq!(count, values.len());
                            Outcome::Received(values.iter().map(|value| value.id).collect())
                        }
                        Err(ended) => Outcome::Ended(end(&ended)),
                    }
                })
            }
            Wait::RecvHeld(chan) => {
                let (receiver, word) = (receiver(self, chan), Rc::clone(word));
                Box::pin(async move {
                    let recv = receiver.recv_held();
                    pause().await;
                    match recv.await {
                        Ok(held) => {
                            word.set(Some(Outcome::Holds(held.id)));
                            pause().await;
                            drop(held.into_inner());
                            Outcome::LetGo
                        }
                        Err(ended) => Outcome::Ended(end(&ended)),
                    }
                })
            }
            Wait::HoldOrRecv(held, other) => {
                let (held, other, word) = (receiver(self, held), receiver(self, other), Rc::clone(word));
                let chose = |guard, outcome| Outcome::Chose(guard, Box::new(outcome));
                Box::pin(async move {
                    pause().await;
                    alt! { Alt::pri();
                        held = held.recv_held() => match held {
                            Ok(held) => {
                                word.set(Some(chose(0, Outcome::Holds(held.id))));
                                pause().await;
                                Outcome::LetGo
                            }
                            Err(ended) => chose(0, Outcome::Ended(end(&ended))),
                        },
                        result = other.recv() => chose(1, received(result)),
                    }
                })
            }
            Wait::Closed(chan) => {
                let sender = sender(self, chan);
                Box::pin(async move {
                    let closed = sender.closed();
                    pause().await;
                    Outcome::Closed(end(&closed.await))
                })
            }
            Wait::Keep(_) => unreachable!("it is made elsewhere"),
            Wait::Choose(guards) => {
                let (ends, mut slots) = self.choosers(guards);
                let guards = guards.clone();
                Box::pin(async move {
                    let mut alt = Alt::pri();
                    let selected = pin!(offer(&mut alt, &guards, &ends, &mut slots).select());
                    pause().await;
                    selected.await.unwrap_or(Outcome::Exhausted)
                })
            }
        }
    }
}

/// Puts a choice together.
fn offer<'a>(
    alt: &'a mut Alt,
    guards: &[Guard],
    ends: &'a [AnyEnd],
    slots: &'a mut [Unsent<Option<Value>>],
) -> Offer<'a, Outcome> {
    let mut offer = alt.offer();
    for (index, ((guard, end), slot)) in guards.iter().zip(ends).zip(slots).enumerate() {
        let chose = move |outcome| Outcome::Chose(index, Box::new(outcome));
        offer = match (guard, end) {
            (Guard::Send(_), AnyEnd::Sender(sender)) => {
                let value = slot.0.take().expect("a send has a value");
                offer.send(sender, value, move |sent| chose(sent.map_or_else(refused, |()| Outcome::Sent)))
            }
            (_, AnyEnd::Sender(sender)) => offer.send_from(sender, &mut slot.0, move |sent| {
                chose(sent.map_or_else(|ended| Outcome::Refused(self::end(&ended)), |()| Outcome::Sent))
            }),
            (Guard::RecvOk(_), AnyEnd::Receiver(receiver)) => {
                offer.recv_ok(receiver, move |value: Value| chose(Outcome::Received(vec![value.id])))
            }
            (Guard::Skip(_), AnyEnd::Receiver(_)) => {
                offer.future(std::future::ready(()), move |()| chose(Outcome::Skipped))
            }
            (_, AnyEnd::Receiver(receiver)) => {
                offer.recv(receiver, move |result| chose(received(result))).when(!matches!(guard, Guard::RecvOff(_)))
            }
        };
    }
    offer
}

macro_rules! view {
    ($end:expr) => {{
        let view = View {
            len: $end.len(),
            full: $end.is_full(),
            capacity: $end.capacity(),
            undelivered: $end.undelivered(),
            ended: $end.ended().as_ref().map(end),
        };
        assert_eq!($end.is_ended(), view.ended.is_some());
        assert_eq!($end.is_empty(), view.len == 0);
        view
    }};
}

fn sees(sender: &Sender<Value>) -> View {
    view!(sender)
}

fn sees_too(receiver: &Receiver<Value>) -> View {
    view!(receiver)
}
