//! What can happen to some channels: the steps of a history, and how histories are drawn.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::Model;

/// A channel's queue policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Rendezvous,
    Buffered(usize),
    Unbounded,
    Sliding(usize),
    Dropping(usize),
    Latest,
}

/// One of the channels of a history.
pub(crate) type Chan = usize;

/// One of the two kinds of ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Sender,
    Receiver,
}

/// One thing that happens. In a drawn history the numbers are taken modulo what there is at that moment; in a
/// history that is told they name channels and waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Makes the future of a wait, which has its own clones of the ends that it uses, and polls it once.
    Start(Wait),
    /// Makes the future and does not poll it.
    Make(Wait),
    Poll(usize),
    /// Polls with a waker that was not used before.
    PollAnew(usize),
    /// Drops the future.
    Cancel(usize),
    /// Drops the round of a kept choice, which goes on with another one when it is polled.
    Interrupt(usize),
    TrySend(Chan),
    TrySendMany(Chan, usize),
    TryRecv(Chan),
    TryRecvMany(Chan, usize),
    /// A choice with a default.
    TryChoose(Vec<Guard>),
    /// One more end, from an end.
    Clone(Chan, Side),
    /// One more end, from a weak reference.
    Upgrade(Chan, Side),
    Drop(Chan, Side),
    Retire(Chan, Side),
    Poison(Chan, Side),
}

/// What a future waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    Send(Chan),
    SendFrom(Chan),
    SendFromEmpty(Chan),
    SendMany(Chan, usize),
    Recv(Chan),
    Next(Chan),
    RecvMany(Chan, usize),
    /// Once it has the value, it holds its sender until it is polled again, or cancelled.
    RecvHeld(Chan),
    /// A choice between holding a sender of one channel and receiving from another.
    HoldOrRecv(Chan, Chan),
    Closed(Chan),
    /// A choice in textual order.
    Choose(Vec<Guard>),
    /// A kept choice, in the order of addition: each round gives what one guard gives, and a send that was taken has a
    /// new value in the next one.
    Keep(Vec<Guard>),
}

/// One guard of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    Send(Chan),
    SendFrom(Chan),
    SendFromEmpty(Chan),
    Recv(Chan),
    RecvHeld(Chan),
    /// Switches off once the channel has ended.
    RecvOk(Chan),
    /// Its pre-condition is false.
    RecvOff(Chan),
    /// Ready at once.
    Skip(Chan),
}

impl Guard {
    /// The end that it uses.
    pub(crate) fn end(self) -> (Chan, Side) {
        match self {
            Self::Send(chan) | Self::SendFrom(chan) | Self::SendFromEmpty(chan) => (chan, Side::Sender),
            Self::Recv(chan) | Self::RecvHeld(chan) => (chan, Side::Receiver),
            Self::RecvOk(chan) | Self::RecvOff(chan) | Self::Skip(chan) => (chan, Side::Receiver),
        }
    }

    fn chan_mut(&mut self) -> &mut Chan {
        match self {
            Self::Send(chan) | Self::SendFrom(chan) | Self::SendFromEmpty(chan) => chan,
            Self::Recv(chan) | Self::RecvHeld(chan) | Self::RecvOk(chan) | Self::RecvOff(chan) | Self::Skip(chan) => {
                chan
            }
        }
    }
}

impl Wait {
    /// The ends that it uses.
    pub(crate) fn ends(&self) -> Vec<(Chan, Side)> {
        match self {
            Self::Send(chan) | Self::SendFrom(chan) | Self::SendFromEmpty(chan) | Self::SendMany(chan, _) => {
                vec![(*chan, Side::Sender)]
            }
            Self::Closed(chan) => vec![(*chan, Side::Sender)],
            Self::Recv(chan) | Self::RecvHeld(chan) | Self::Next(chan) | Self::RecvMany(chan, _) => {
                vec![(*chan, Side::Receiver)]
            }
            Self::HoldOrRecv(held, other) => vec![(*held, Side::Receiver), (*other, Side::Receiver)],
            Self::Choose(guards) | Self::Keep(guards) => guards.iter().map(|guard| guard.end()).collect(),
        }
    }

    fn chans_mut(&mut self) -> Vec<&mut Chan> {
        match self {
            Self::Send(chan) | Self::SendFrom(chan) | Self::SendFromEmpty(chan) | Self::SendMany(chan, _) => vec![chan],
            Self::Recv(chan) | Self::RecvHeld(chan) | Self::Next(chan) | Self::RecvMany(chan, _) => vec![chan],
            Self::Closed(chan) => vec![chan],
            Self::HoldOrRecv(held, other) => vec![held, other],
            Self::Choose(guards) | Self::Keep(guards) => guards.iter_mut().map(Guard::chan_mut).collect(),
        }
    }
}

/// The most ends of one side that a history holds.
const ENDS: usize = 3;

impl Step {
    /// The same step, said in numbers that mean something at this moment; `None` if there is nobody for it.
    pub(crate) fn resolve(mut self, model: &Model) -> Option<Self> {
        for chan in self.chans_mut() {
            *chan %= model.channels();
        }
        if let Some(who) = self.who_mut() {
            let running = model.running();
            *who = *running.get(*who % running.len().max(1))?;
        }
        Some(self)
    }

    /// True if the step can be taken at this moment.
    pub(crate) fn is_possible(&self, model: &Model) -> bool {
        let held = |&(chan, side): &(Chan, Side)| model.held(chan, side) > 0;
        match self {
            Self::Start(wait) | Self::Make(wait) => wait.ends().iter().all(held),
            Self::TryChoose(guards) => guards.iter().all(|guard| held(&guard.end())),
            Self::Poll(who) | Self::PollAnew(who) | Self::Cancel(who) => model.running().contains(who),
            Self::Interrupt(who) => model.is_in_a_round(*who),
            Self::TrySend(chan) | Self::TrySendMany(chan, _) => held(&(*chan, Side::Sender)),
            Self::TryRecv(chan) | Self::TryRecvMany(chan, _) => held(&(*chan, Side::Receiver)),
            Self::Clone(chan, side) => (1..ENDS).contains(&model.held(*chan, *side)),
            Self::Upgrade(chan, side) => model.held(*chan, *side) < ENDS,
            Self::Drop(chan, side) | Self::Retire(chan, side) | Self::Poison(chan, side) => held(&(*chan, *side)),
        }
    }

    /// True if it makes a wait, which gets the next number.
    pub(crate) fn makes(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Make(_) | Self::TryChoose(_))
    }

    /// The wait that it names.
    pub(crate) fn who_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Poll(who) | Self::PollAnew(who) | Self::Cancel(who) | Self::Interrupt(who) => Some(who),
            _ => None,
        }
    }

    /// The channels that it names.
    pub(crate) fn chans_mut(&mut self) -> Vec<&mut Chan> {
        match self {
            Self::Start(wait) | Self::Make(wait) => wait.chans_mut(),
            Self::TryChoose(guards) => guards.iter_mut().map(Guard::chan_mut).collect(),
            Self::Poll(_) | Self::PollAnew(_) | Self::Cancel(_) | Self::Interrupt(_) => Vec::new(),
            Self::TrySend(chan) | Self::TrySendMany(chan, _) => vec![chan],
            Self::TryRecv(chan) | Self::TryRecvMany(chan, _) => vec![chan],
            Self::Clone(chan, _) | Self::Upgrade(chan, _) => vec![chan],
            Self::Drop(chan, _) | Self::Retire(chan, _) | Self::Poison(chan, _) => vec![chan],
        }
    }
}

/// What histories are made of mostly.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Taste {
    /// Everything.
    Mixed,
    /// Those who wait, and are cancelled.
    Waiting,
    /// Choices.
    Choosing,
    /// Choices that keep their places.
    Keeping,
    /// How channels end.
    Ending,
}

/// Draws the steps of a history.
pub(crate) fn steps(taste: Taste) -> impl Strategy<Value = Vec<Step>> {
    let (poll, cancel, interrupt, now, choose, keep, ends) = match taste {
        Taste::Mixed => (10, 4, 1, 6, 4, 2, 4),
        Taste::Waiting => (14, 8, 1, 5, 2, 1, 1),
        Taste::Choosing => (12, 6, 1, 5, 16, 2, 2),
        Taste::Keeping => (16, 2, 3, 5, 2, 16, 2),
        Taste::Ending => (8, 5, 1, 4, 4, 2, 12),
    };
    let who = 0..8_usize;
    let wait = move || {
        prop_oneof![
            16 => plain(),
            choose => guards().prop_map(Wait::Choose),
            keep => kept_guards().prop_map(Wait::Keep),
        ]
    };
    let step = prop_oneof![
        12 => wait().prop_map(Step::Start),
        2 => wait().prop_map(Step::Make),
        poll => who.clone().prop_map(Step::Poll),
        2 => who.clone().prop_map(Step::PollAnew),
        cancel => who.clone().prop_map(Step::Cancel),
        interrupt => who.prop_map(Step::Interrupt),
        now => now_or_never(),
        1 => guards().prop_map(Step::TryChoose),
        ends => of_ends(),
    ];
    vec(step, 0..50)
}

fn chan() -> std::ops::Range<Chan> {
    0..3
}

fn plain() -> impl Strategy<Value = Wait> {
    prop_oneof![
        4 => chan().prop_map(Wait::Recv),
        4 => chan().prop_map(Wait::Send),
        1 => chan().prop_map(Wait::Next),
        3 => chan().prop_map(Wait::SendFrom),
        1 => chan().prop_map(Wait::SendFromEmpty),
        2 => (chan(), 0..4_usize).prop_map(|(chan, count)| Wait::SendMany(chan, count)),
        2 => (chan(), 0..4_usize).prop_map(|(chan, limit)| Wait::RecvMany(chan, limit)),
        2 => chan().prop_map(Wait::RecvHeld),
        1 => (chan(), chan()).prop_map(|(held, other)| Wait::HoldOrRecv(held, other)),
        1 => chan().prop_map(Wait::Closed),
    ]
}

fn guards() -> impl Strategy<Value = Vec<Guard>> {
    let guard = prop_oneof![
        6 => chan().prop_map(Guard::Recv),
        4 => chan().prop_map(Guard::Send),
        4 => chan().prop_map(Guard::SendFrom),
        3 => chan().prop_map(Guard::RecvOk),
        1 => chan().prop_map(Guard::SendFromEmpty),
        1 => chan().prop_map(Guard::RecvOff),
        1 => chan().prop_map(Guard::Skip),
    ];
    vec(guard, 1..4)
}

fn kept_guards() -> impl Strategy<Value = Vec<Guard>> {
    let guard = prop_oneof![
        3 => chan().prop_map(Guard::Recv),
        3 => chan().prop_map(Guard::Send),
        1 => chan().prop_map(Guard::RecvOk),
    ];
    vec(guard, 1..5)
}

fn now_or_never() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => chan().prop_map(Step::TrySend),
        4 => chan().prop_map(Step::TryRecv),
        1 => (chan(), 0..4_usize).prop_map(|(chan, count)| Step::TrySendMany(chan, count)),
        1 => (chan(), 0..4_usize).prop_map(|(chan, limit)| Step::TryRecvMany(chan, limit)),
    ]
}

fn of_ends() -> impl Strategy<Value = Step> {
    let side = || prop_oneof![Just(Side::Sender), Just(Side::Receiver)];
    prop_oneof![
        2 => (chan(), side()).prop_map(|(chan, side)| Step::Drop(chan, side)),
        1 => (chan(), side()).prop_map(|(chan, side)| Step::Retire(chan, side)),
        1 => (chan(), side()).prop_map(|(chan, side)| Step::Poison(chan, side)),
        1 => (chan(), side()).prop_map(|(chan, side)| Step::Clone(chan, side)),
        1 => (chan(), side()).prop_map(|(chan, side)| Step::Upgrade(chan, side)),
    ]
}
