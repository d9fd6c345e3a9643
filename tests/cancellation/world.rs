//! The library and its model side by side: every step is taken by both, and they must agree.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use aqueduct::{Channel, Ended, Receiver, Sender, TryRecvError};

use crate::actors::{Bell, Kind, Report, Running, Setting};
use crate::common::CountingWaker;
use crate::ledger::{Fate, Ledger, Value};
use crate::model::{Model, Why};

/// The capacities of the kinds of channels.
pub(crate) const CAPACITIES: [usize; 4] = [0, 1, 2, usize::MAX];

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Poll(usize),
    /// Polls with a waker that the actor has not been polled with before.
    PollAnew(usize),
    Cancel(usize),
    TryRecv(usize),
    TrySend(usize),
    DropSender(usize),
    DropReceiver(usize),
    Poison(usize),
    /// Every deadline so far passes, and every future that is waited for is ready.
    Due,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll(actor) => write!(f, "poll {actor}"),
            Self::PollAnew(actor) => write!(f, "poll {actor} with a new waker"),
            Self::Cancel(actor) => write!(f, "cancel {actor}"),
            Self::TryRecv(chan) => write!(f, "try_recv {chan}"),
            Self::TrySend(chan) => write!(f, "try_send {chan}"),
            Self::DropSender(chan) => write!(f, "drop sender {chan}"),
            Self::DropReceiver(chan) => write!(f, "drop receiver {chan}"),
            Self::Poison(chan) => write!(f, "poison {chan}"),
            Self::Due => write!(f, "due"),
        }
    }
}

struct Player {
    kind: Kind,
    /// `None` once it is over.
    run: Option<Running>,
    report: Report,
    counter: Arc<CountingWaker>,
    waker: Waker,
    /// The wakers that it had before, and how often they had been woken.
    past: Vec<(Arc<CountingWaker>, usize)>,
}

struct Ends {
    sender: Option<Sender<Value>>,
    receiver: Option<Receiver<Value>>,
}

/// Two channels and their actors.
pub(crate) struct World {
    model: Model,
    ends: Vec<Ends>,
    players: Vec<Player>,
    ledger: Arc<Ledger>,
    bells: Vec<Arc<Bell>>,
}

thread_local! {
    /// A clock that stands still between the steps.
    static CLOCK: RefCell<tokio::runtime::Runtime> = RefCell::new(
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap(),
    );
}

fn why(ended: &Ended) -> Why {
    if ended.is_poisoned() { Why::Poisoned } else { Why::Retired }
}

impl World {
    /// Two channels, each with one end on each side that belongs to nobody in particular.
    pub(crate) fn new(capacities: [usize; 2]) -> Self {
        let ledger = Arc::new(Ledger::default());
        let mut model = Model::default();
        let ends = capacities.map(|capacity| {
            model.open(capacity);
            let (sender, receiver) = Channel::buffered(capacity)
                .on_undelivered(|value: Value| {
                    value.settle(Fate::Undelivered);
                })
                .open();
            Ends { sender: Some(sender), receiver: Some(receiver) }
        });
        Self { model, ends: ends.into(), players: Vec::new(), ledger, bells: Vec::new() }
    }

    /// True if an actor of this kind can still get its ends.
    pub(crate) fn can_join(&self, kind: Kind, chan: usize) -> bool {
        let has = |chan: usize| self.ends[chan].sender.is_some() && self.ends[chan].receiver.is_some();
        has(chan) && (has(1 - chan) || !matches!(kind, Kind::Either | Kind::Forward))
    }

    /// One more actor.
    pub(crate) fn join(&mut self, kind: Kind, chan: usize) {
        let bell = Arc::new(Bell::default());
        let ends = |chan: usize| {
            let ends = &self.ends[chan];
            ends.sender.as_ref().zip(ends.receiver.as_ref()).map(|(sender, receiver)| (chan, sender, receiver))
        };
        let own = ends(chan).expect("the ends are there");
        let deadline = CLOCK.with_borrow(|clock| {
            let _clock = clock.enter();
            tokio::time::Instant::now().into_std() + Duration::from_secs(1)
        });
        let setting =
            Setting { own, other: ends(1 - chan).unwrap_or(own), ledger: &self.ledger, bell: &bell, deadline };
        let actor = kind.actor(&setting);
        self.model.join(actor.task, actor.senders, actor.receivers, actor.process);
        let (counter, waker) = CountingWaker::new();
        let (run, report) = (Some(actor.run), actor.report);
        self.players.push(Player { kind, run, report, counter, waker, past: Vec::new() });
        self.bells.push(bell);
    }

    /// Those that are not over.
    pub(crate) fn running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.players.len()).filter(|&actor| self.players[actor].run.is_some())
    }

    /// True if this step can be taken now.
    pub(crate) fn allows(&self, step: Step) -> bool {
        match step {
            Step::Poll(actor) | Step::Cancel(actor) | Step::PollAnew(actor) => self.players[actor].run.is_some(),
            Step::TryRecv(chan) | Step::DropReceiver(chan) => self.ends[chan].receiver.is_some(),
            Step::TrySend(chan) | Step::DropSender(chan) => self.ends[chan].sender.is_some(),
            Step::Poison(chan) => self.ends[chan].sender.is_some() || self.ends[chan].receiver.is_some(),
            Step::Due => true,
        }
    }

    /// Takes one step, in both.
    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Poll(actor) => self.poll(actor),
            Step::PollAnew(actor) => {
                let player = &mut self.players[actor];
                let (counter, waker) = CountingWaker::new();
                let before = std::mem::replace(&mut player.counter, counter);
                let wakes = before.wakes();
                player.past.push((before, wakes));
                player.waker = waker;
                self.poll(actor);
            }
            Step::Cancel(actor) => {
                self.players[actor].run = None;
                self.model.cancel(actor);
            }
            Step::TryRecv(chan) => {
                let receiver = self.ends[chan].receiver.as_ref().unwrap();
                match (receiver.try_recv(), self.model.try_recv(chan)) {
                    (Ok(value), Some(id)) => assert_eq!(value.settle(Fate::Received), id),
                    (Err(TryRecvError::Empty), None) => assert_eq!(self.model.ended(chan), None),
                    (Err(TryRecvError::Ended(ended)), None) => assert_eq!(self.model.ended(chan), Some(why(&ended))),
                    (real, expected) => panic!("received {real:?}, expected {expected:?}"),
                }
            }
            Step::TrySend(chan) => {
                let value = self.ledger.value();
                let expected = self.model.try_send(chan, value.id());
                let refused = self.ends[chan].sender.as_ref().unwrap().try_send(value).err();
                assert_eq!(refused.is_none(), expected, "{refused:?}");
                if let Some(error) = refused {
                    assert_eq!(error.is_full(), self.model.ended(chan).is_none());
                    error.into_inner().settle(Fate::Refused);
                }
            }
            Step::DropSender(chan) => {
                self.ends[chan].sender = None;
                self.model.leave_sender(chan);
            }
            Step::DropReceiver(chan) => {
                self.ends[chan].receiver = None;
                self.model.leave_receiver(chan);
            }
            Step::Poison(chan) => {
                match &self.ends[chan] {
                    Ends { sender: Some(sender), .. } => sender.poison("a test"),
                    Ends { receiver, .. } => receiver.as_ref().unwrap().poison("a test"),
                }
                self.model.poison(chan);
            }
            Step::Due => {
                self.bells.iter().for_each(|bell| bell.ring());
                CLOCK.with_borrow(|clock| clock.block_on(tokio::time::advance(Duration::from_secs(2))));
                self.model.due();
            }
        }
        self.compare();
    }

    fn poll(&mut self, actor: usize) {
        let player = &mut self.players[actor];
        let run = player.run.as_mut().unwrap();
        let polled = CLOCK.with_borrow(|clock| {
            let _clock = clock.enter();
            run.as_mut().poll(&mut Context::from_waker(&player.waker))
        });
        if polled.is_ready() {
            player.run = None;
        }
        let expected = self.model.poll(actor);
        let reported = player.report.lock().unwrap().take();
        assert_eq!(reported, expected, "outcome of {actor}");
        assert_eq!(polled.is_ready(), self.model.is_over(actor), "readiness of {actor}");
    }

    /// What can be seen without taking a step.
    fn compare(&self) {
        for (chan, Ends { sender, receiver }) in self.ends.iter().enumerate() {
            if let Some(sender) = sender {
                assert_eq!(sender.len(), self.model.len(chan), "length of {chan}");
                assert_eq!(sender.is_full(), self.model.is_full(chan), "fullness of {chan}");
                assert_eq!(sender.undelivered(), self.model.undelivered(chan), "undelivered in {chan}");
                assert_eq!(sender.ended().as_ref().map(why), self.model.ended(chan), "end of {chan}");
            } else if let Some(receiver) = receiver {
                assert_eq!(receiver.len(), self.model.len(chan), "length of {chan}");
                assert_eq!(receiver.undelivered(), self.model.undelivered(chan), "undelivered in {chan}");
                let drained = self.model.len(chan) == 0;
                let ended = self.model.ended(chan).filter(|_| drained);
                assert_eq!(receiver.ended().as_ref().map(why), ended, "end of {chan}");
            }
        }
        for (actor, player) in self.players.iter().enumerate() {
            let stale = player.past.iter().any(|(counter, wakes)| counter.wakes() > *wakes);
            assert!(!stale, "only the newest waker of {actor} is woken");
            if player.kind.counts_wakes() && !self.model.has_timer(actor) {
                let past: usize = player.past.iter().map(|(_, wakes)| wakes).sum();
                let wakes = past + player.counter.wakes();
                assert_eq!(wakes, self.model.wakes(actor), "each commitment wakes actor {actor} once");
            }
        }
    }

    /// Everybody goes, and every value must be accounted for.
    pub(crate) fn finish(mut self) {
        for chan in 0..self.ends.len() {
            if self.allows(Step::DropSender(chan)) {
                self.step(Step::DropSender(chan));
            }
        }
        for actor in self.running().collect::<Vec<_>>() {
            self.step(Step::Cancel(actor));
        }
        for chan in 0..self.ends.len() {
            if self.allows(Step::DropReceiver(chan)) {
                self.step(Step::DropReceiver(chan));
            }
        }
        assert_eq!(self.ledger.fates(), self.model.fates(), "what became of the values");
    }
}
