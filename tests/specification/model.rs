//! The specification: what channels do, if one thing happens after the other.
//!
//! All that wait stand in one line, in the order in which they began to wait. Whoever sends or receives serves the
//! first in the line who fits; nobody is told to try again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::history::{Chan, Flavour, Guard, Side, Step, Wait};
use crate::seen::{End, Events, Id, Outcome, Seen, View};

/// Whether values still travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// The last sender has left; what is in the channel can still be received.
    Retired,
    /// The last receiver has left.
    Abandoned,
    Poisoned(usize),
}

#[derive(Debug)]
struct Channel {
    flavour: Flavour,
    queue: VecDeque<Id>,
    /// Values that had left and came back, by the order in which they had left: the first to leave again.
    returned: BTreeMap<u64, Id>,
    /// How many values have left.
    departures: u64,
    /// The departures of the values whose receivers hold their senders.
    holding: BTreeSet<u64>,
    life: Life,
    undelivered: u64,
    /// Ends in the history's hands, and all ends.
    held: [usize; 2],
    ends: [usize; 2],
}

impl Channel {
    fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            queue: VecDeque::new(),
            returned: BTreeMap::new(),
            departures: 0,
            holding: BTreeSet::new(),
            life: Life::Open,
            undelivered: 0,
            held: [1; 2],
            ends: [1; 2],
        }
    }

    fn capacity(&self) -> Option<usize> {
        match self.flavour {
            Flavour::Rendezvous => Some(0),
            Flavour::Buffered(capacity) => Some(capacity),
            Flavour::Unbounded => None,
            Flavour::Sliding(capacity) | Flavour::Dropping(capacity) => Some(capacity),
            Flavour::Latest => Some(1),
        }
    }

    /// True if a sender that finds no receiver has to wait.
    fn is_full(&self) -> bool {
        match self.flavour {
            Flavour::Rendezvous => true,
            Flavour::Buffered(capacity) => self.queue.len() >= capacity,
            Flavour::Unbounded | Flavour::Sliding(_) | Flavour::Dropping(_) | Flavour::Latest => false,
        }
    }

    fn len(&self) -> usize {
        self.returned.len() + self.queue.len()
    }

    /// How sending has ended.
    fn end(&self) -> Option<End> {
        match self.life {
            Life::Open => None,
            Life::Retired | Life::Abandoned => Some(End::Retired),
            Life::Poisoned(number) => Some(End::Poisoned(number)),
        }
    }
}

/// What somebody in the line wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Send,
    Receive,
    /// The end of the channel.
    End,
}

/// One place in the line. A choice has one for each of its guards.
#[derive(Debug, Clone, Copy)]
struct Place {
    who: usize,
    guard: usize,
    chan: Chan,
    wish: Wish,
}

/// How a guard was served.
#[derive(Debug, Clone, Copy)]
enum Served {
    Sent,
    /// Sent, and held by the receiver of the value that left then.
    Held(u64),
    /// A value, and when it left the channel.
    Received(u64, Id),
    Ended,
    Skipped,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Made,
    Waiting,
    /// Somebody has served this guard; the wait does not know yet.
    Served(usize, Served),
    /// Sent through this guard, and held by the receiver of the value that left then.
    Held(usize, u64),
    /// Received this value, which left then, and holds its sender.
    Holding(u64, Id),
    Over,
}

/// One thing that a wait offers.
#[derive(Debug, Clone, Copy)]
struct Offer {
    guard: Guard,
    /// The value of a send that has not been sent.
    value: Option<Id>,
    off: bool,
}

#[derive(Debug)]
struct Party {
    wait: Wait,
    /// One for each guard of a choice; one for a plain wait.
    offers: Vec<Offer>,
    /// What a batch has yet to send, without the value that is offered.
    rest: VecDeque<Id>,
    state: State,
}

macro_rules! rules {
    ($($Rule:ident,)*) => {
        /// What a history has reached, so that it can be seen that histories reach everything.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Rule {
            $($Rule,)*
        }

        impl Rule {
            pub(crate) const ALL: &[Self] = &[$(Self::$Rule,)*];
        }
    };
}

rules! {
    ServedAWaitingReceiver,
    ServedAWaitingSender,
    ASenderFilledTheRoom,
    ServedASecondInLine,
    ServedALaterGuardOfAChoice,
    CancelledWaiting,
    CancelledAfterASend,
    AReturnedValueWentToAWaitingReceiver,
    AReturnedValueWentToTheHead,
    AReturnedValueWasReceived,
    AReturnedValueWasUndelivered,
    TwoValuesWereReturned,
    DrainedAfterARetire,
    AbandonedWithValues,
    PoisonOvertook,
    PoisonOvertookARetire,
    PoisonCameSecond,
    EndedAWaitingSender,
    EndedAWaitingReceiver,
    EndedAWatcher,
    ABatchWasSentInParts,
    ABatchWasCancelledInParts,
    AGuardSwitchedOff,
    AChoiceWasExhausted,
    AnUnchosenValueWasKept,
    TheOldestMadeRoom,
    TheNewestWasDropped,
    AReturnedValueMadeRoom,
    ASenderWasHeld,
    AHeldSenderWasLetGo,
    AHeldSenderWasCancelled,
    ASenderWasLetGoBeforeItKnew,
    ACancelledReceiverLetGo,
    NobodyWasHeld,
}

/// Channels, and those who wait for them.
#[derive(Debug)]
pub(crate) struct Model {
    channels: Vec<Channel>,
    parties: Vec<Party>,
    line: Vec<Place>,
    values: Id,
    poisons: usize,
    events: Events,
    reached: Vec<Rule>,
}

impl Model {
    /// Channels with one end on each side.
    pub(crate) fn new(flavours: &[Flavour]) -> Self {
        Self {
            channels: flavours.iter().map(|&flavour| Channel::new(flavour)).collect(),
            parties: Vec::new(),
            line: Vec::new(),
            values: 0,
            poisons: 0,
            events: Events::default(),
            reached: Vec::new(),
        }
    }

    /// How many channels there are.
    pub(crate) fn channels(&self) -> usize {
        self.channels.len()
    }

    /// How many ends the history holds.
    pub(crate) fn held(&self, chan: Chan, side: Side) -> usize {
        self.channels[chan].held[side as usize]
    }

    /// The waits that are not over.
    pub(crate) fn running(&self) -> Vec<usize> {
        (0..self.parties.len()).filter(|&who| !matches!(self.parties[who].state, State::Over)).collect()
    }

    /// How many values there have been.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Which rules have mattered.
    pub(crate) fn reached(&self) -> &[Rule] {
        &self.reached
    }

    /// Takes a step.
    pub(crate) fn step(&mut self, step: &Step) -> Seen {
        let outcome = match step {
            Step::Start(wait) => {
                let who = self.make(wait.clone());
                self.poll(who)
            }
            Step::Make(wait) => {
                self.make(wait.clone());
                Outcome::Done
            }
            Step::Poll(who) | Step::PollAnew(who) => self.poll(*who),
            Step::Cancel(who) => {
                self.cancel(*who);
                Outcome::Done
            }
            Step::TrySend(chan) => self.try_send_many(*chan, 1),
            Step::TrySendMany(chan, count) => self.try_send_many(*chan, *count),
            Step::TryRecv(chan) => match self.take(*chan, false) {
                Served::Received(_, id) => {
                    self.gone(id);
                    Outcome::Received(vec![id])
                }
                _ => self.channels[*chan].end().map_or(Outcome::Empty, Outcome::Ended),
            },
            Step::TryRecvMany(chan, limit) => Outcome::Received(self.take_many(*chan, *limit)),
            Step::TryChoose(guards) => {
                let who = self.make(Wait::Choose(guards.clone()));
                let outcome = self.look(who, false).unwrap_or(Outcome::NotReady);
                self.over(who);
                outcome
            }
            Step::Clone(chan, side) => {
                self.join(*chan, *side);
                Outcome::Done
            }
            Step::Upgrade(chan, side) => {
                let some = self.channels[*chan].ends[*side as usize] > 0;
                if some {
                    self.join(*chan, *side);
                }
                Outcome::Upgraded(some)
            }
            Step::Drop(chan, side) | Step::Retire(chan, side) => {
                self.channels[*chan].held[*side as usize] -= 1;
                self.leave(*chan, *side);
                Outcome::Done
            }
            Step::Poison(chan, _) => {
                self.poison(*chan);
                Outcome::Done
            }
        };
        let views = (0..self.channels.len()).map(|chan| self.views(chan)).collect();
        Seen { outcome, events: std::mem::take(&mut self.events).in_order(), views }
    }

    fn views(&self, chan: Chan) -> (Option<View>, Option<View>) {
        let channel = &self.channels[chan];
        let view = |ended| View {
            len: channel.len(),
            full: channel.is_full(),
            capacity: channel.capacity(),
            undelivered: channel.undelivered,
            ended,
        };
        let drained = channel.end().filter(|_| channel.len() == 0);
        (
            (channel.held[Side::Sender as usize] > 0).then(|| view(channel.end())),
            (channel.held[Side::Receiver as usize] > 0).then(|| view(drained)),
        )
    }

    // Values.

    fn value(&mut self) -> Id {
        self.values += 1;
        self.values - 1
    }

    fn gone(&mut self, id: Id) {
        self.events.gone.push(id);
    }

    fn kept(&mut self, id: Id) {
        self.events.kept.push(id);
        self.gone(id);
    }

    fn undelivered(&mut self, chan: Chan, id: Id) {
        self.channels[chan].undelivered += 1;
        self.events.undelivered.push((chan, id));
        self.gone(id);
    }

    // The line.

    fn first(&self, chan: Chan, wish: Wish) -> Option<Place> {
        self.line.iter().find(|place| place.chan == chan && place.wish == wish).copied()
    }

    /// Serves somebody in the line, who leaves it with all their places.
    fn serve(&mut self, place: Place, served: Served) {
        let ahead = |other: &&Place| other.chan == place.chan && other.wish == place.wish;
        if self.line.iter().filter(ahead).count() > 1 {
            self.reached.push(Rule::ServedASecondInLine);
        }
        if place.guard > 0 {
            self.reached.push(Rule::ServedALaterGuardOfAChoice);
        }
        self.line.retain(|other| other.who != place.who);
        self.parties[place.who].state = State::Served(place.guard, served);
        self.events.woken.push(place.who);
    }

    /// Takes the value of the first waiting sender.
    fn take_from_sender(&mut self, chan: Chan, served: Served) -> Option<Id> {
        let place = self.first(chan, Wish::Send)?;
        self.serve(place, served);
        self.reached.push(Rule::ServedAWaitingSender);
        Some(self.parties[place.who].offers[place.guard].value.take().expect("a sender has a value"))
    }

    /// A receiver lets the sender of this value go.
    fn let_go(&mut self, chan: Chan, departure: u64) {
        if !self.channels[chan].holding.remove(&departure) {
            return;
        }
        for who in 0..self.parties.len() {
            match self.parties[who].state {
                State::Held(guard, its)
                    if its == departure && self.parties[who].offers[guard].guard.end().0 == chan =>
                {
                    self.parties[who].state = State::Served(guard, Served::Sent);
                    self.events.woken.push(who);
                    self.reached.push(Rule::AHeldSenderWasLetGo);
                }
                _ => {}
            }
        }
    }

    // One channel.

    /// When the next value leaves.
    fn departure(&mut self, chan: Chan) -> u64 {
        self.channels[chan].departures += 1;
        self.channels[chan].departures
    }

    /// Sends, if that is possible at once. One who does not wait cannot be held.
    fn put(&mut self, chan: Chan, id: Id, waits: bool) -> Option<Served> {
        if self.channels[chan].end().is_some() {
            return Some(Served::Ended);
        }
        if let Some(place) = self.first(chan, Wish::Receive) {
            let departure = self.departure(chan);
            self.serve(place, Served::Received(departure, id));
            self.reached.push(Rule::ServedAWaitingReceiver);
            if self.parties[place.who].offers[place.guard].guard == Guard::RecvHeld(chan) {
                if waits && self.channels[chan].flavour == Flavour::Rendezvous {
                    self.channels[chan].holding.insert(departure);
                    self.reached.push(Rule::ASenderWasHeld);
                    return Some(Served::Held(departure));
                }
                self.reached.push(Rule::NobodyWasHeld);
            }
            return Some(Served::Sent);
        }
        if self.channels[chan].is_full() {
            return None;
        }
        match self.channels[chan].flavour {
            Flavour::Dropping(capacity) if self.channels[chan].queue.len() >= capacity => {
                self.undelivered(chan, id);
                self.reached.push(Rule::TheNewestWasDropped);
            }
            _ => self.channels[chan].queue.push_back(id),
        }
        self.make_room(chan);
        Some(Served::Sent)
    }

    /// In a channel that slides, the oldest goes while there are too many.
    fn make_room(&mut self, chan: Chan) {
        let (Flavour::Sliding(_) | Flavour::Latest) = self.channels[chan].flavour else { return };
        while Some(self.channels[chan].len()) > self.channels[chan].capacity() {
            let oldest = match self.channels[chan].returned.pop_first() {
                Some((_, returned)) => {
                    self.reached.push(Rule::AReturnedValueMadeRoom);
                    Some(returned)
                }
                None => self.channels[chan].queue.pop_front(),
            };
            oldest.into_iter().for_each(|id| self.undelivered(chan, id));
            self.reached.push(Rule::TheOldestMadeRoom);
        }
    }

    /// Receives, and holds the sender if it is there to be held; `Ended` also if nothing is there.
    fn take(&mut self, chan: Chan, hold: bool) -> Served {
        if let Some((departure, id)) = self.channels[chan].returned.pop_first() {
            self.reached.push(Rule::AReturnedValueWasReceived);
            return Served::Received(departure, id);
        }
        if let Some(id) = self.channels[chan].queue.pop_front() {
            if let Some(next) = self.take_from_sender(chan, Served::Sent) {
                self.channels[chan].queue.push_back(next);
                self.reached.push(Rule::ASenderFilledTheRoom);
            }
            if self.channels[chan].life == Life::Retired {
                self.reached.push(Rule::DrainedAfterARetire);
            }
            return Served::Received(self.departure(chan), id);
        }
        let departure = self.channels[chan].departures + 1;
        let served = if hold { Served::Held(departure) } else { Served::Sent };
        match self.take_from_sender(chan, served) {
            Some(id) => {
                if hold {
                    self.channels[chan].holding.insert(departure);
                    self.reached.push(Rule::ASenderWasHeld);
                }
                Served::Received(self.departure(chan), id)
            }
            None => Served::Ended,
        }
    }

    fn take_many(&mut self, chan: Chan, limit: usize) -> Vec<Id> {
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Served::Received(_, id) = self.take(chan, false)
        {
            self.gone(id);
            taken.push(id);
        }
        taken
    }

    /// A value that had left comes back.
    fn put_back(&mut self, chan: Chan, departure: u64, id: Id) {
        if self.channels[chan].holding.contains(&departure) {
            self.reached.push(Rule::ACancelledReceiverLetGo);
            self.let_go(chan, departure);
        }
        match (self.channels[chan].life, self.first(chan, Wish::Receive)) {
            (Life::Poisoned(_) | Life::Abandoned, _) => {
                self.undelivered(chan, id);
                self.reached.push(Rule::AReturnedValueWasUndelivered);
            }
            (_, Some(place)) => {
                self.serve(place, Served::Received(departure, id));
                self.reached.push(Rule::AReturnedValueWentToAWaitingReceiver);
            }
            (_, None) => {
                self.channels[chan].returned.insert(departure, id);
                self.reached.push(Rule::AReturnedValueWentToTheHead);
                if self.channels[chan].returned.len() > 1 {
                    self.reached.push(Rule::TwoValuesWereReturned);
                }
                self.make_room(chan);
            }
        }
    }

    // Ends.

    fn join(&mut self, chan: Chan, side: Side) {
        self.channels[chan].held[side as usize] += 1;
        self.channels[chan].ends[side as usize] += 1;
    }

    fn leave(&mut self, chan: Chan, side: Side) {
        self.channels[chan].ends[side as usize] -= 1;
        if self.channels[chan].ends[side as usize] > 0 {
            return;
        }
        match (side, self.channels[chan].life) {
            (Side::Sender, Life::Open) => {
                self.channels[chan].life = Life::Retired;
                self.end_all(chan);
            }
            (Side::Receiver, Life::Open | Life::Retired) => {
                self.channels[chan].life = Life::Abandoned;
                self.end_all(chan);
                if self.discard(chan) {
                    self.reached.push(Rule::AbandonedWithValues);
                }
            }
            _ => {}
        }
    }

    fn poison(&mut self, chan: Chan) {
        self.poisons += 1;
        match self.channels[chan].life {
            Life::Open => {}
            // Not drained: the poison overtakes what is left.
            Life::Retired if self.channels[chan].len() > 0 => self.reached.push(Rule::PoisonOvertookARetire),
            _ => return self.reached.push(Rule::PoisonCameSecond),
        }
        self.channels[chan].life = Life::Poisoned(self.poisons);
        self.end_all(chan);
        if self.discard(chan) {
            self.reached.push(Rule::PoisonOvertook);
        }
    }

    /// Everybody who waits at this channel learns that it has ended; a choice by the first of its guards here.
    fn end_all(&mut self, chan: Chan) {
        while let Some(place) = self.line.iter().find(|place| place.chan == chan).copied() {
            self.reached.push(match place.wish {
                Wish::Send => Rule::EndedAWaitingSender,
                Wish::Receive => Rule::EndedAWaitingReceiver,
                Wish::End => Rule::EndedAWatcher,
            });
            self.serve(place, Served::Ended);
        }
    }

    fn discard(&mut self, chan: Chan) -> bool {
        let returned = std::mem::take(&mut self.channels[chan].returned).into_values();
        let values: Vec<Id> = returned.chain(std::mem::take(&mut self.channels[chan].queue)).collect();
        values.iter().for_each(|&id| self.undelivered(chan, id));
        !values.is_empty()
    }

    // Those who wait.

    fn make(&mut self, wait: Wait) -> usize {
        for (chan, side) in wait.ends() {
            self.channels[chan].ends[side as usize] += 1;
        }
        let guards = match &wait {
            Wait::Choose(guards) => guards.clone(),
            Wait::Send(chan) => vec![Guard::Send(*chan)],
            Wait::SendFrom(chan) | Wait::SendMany(chan, _) => vec![Guard::SendFrom(*chan)],
            Wait::SendFromEmpty(chan) => vec![Guard::SendFromEmpty(*chan)],
            Wait::Recv(chan) | Wait::Next(chan) | Wait::RecvMany(chan, _) => vec![Guard::Recv(*chan)],
            Wait::RecvHeld(chan) => vec![Guard::RecvHeld(*chan)],
            Wait::HoldOrRecv(held, other) => vec![Guard::RecvHeld(*held), Guard::Recv(*other)],
            Wait::Closed(_) => Vec::new(),
        };
        let mut rest = VecDeque::new();
        if let Wait::SendMany(_, count) = wait {
            rest.extend((0..count).map(|_| self.value()));
        }
        let batch = matches!(wait, Wait::SendMany(..));
        let offers = guards.into_iter().map(|guard| Offer {
            guard,
            value: match guard {
                Guard::Send(_) | Guard::SendFrom(_) if !batch => Some(self.value()),
                _ => None,
            },
            off: matches!(guard, Guard::RecvOff(_) | Guard::SendFromEmpty(_)),
        });
        let offers = offers.collect();
        self.parties.push(Party { wait, offers, rest, state: State::Made });
        self.parties.len() - 1
    }

    fn poll(&mut self, who: usize) -> Outcome {
        let outcome = match self.parties[who].state {
            State::Waiting | State::Held(..) => return Outcome::Pending,
            State::Holding(departure, id) => {
                self.release(who, departure, id);
                self.over(who);
                return Outcome::LetGo;
            }
            State::Served(guard, Served::Held(departure)) => {
                let (chan, _) = self.parties[who].offers[guard].guard.end();
                if self.channels[chan].holding.contains(&departure) {
                    self.parties[who].state = State::Held(guard, departure);
                    return Outcome::Pending;
                }
                self.reached.push(Rule::ASenderWasLetGoBeforeItKnew);
                self.settle(who, guard, Served::Sent)
            }
            State::Served(guard, served) => self.settle(who, guard, served),
            State::Made | State::Over => None,
        };
        let outcome = outcome.or_else(|| self.look(who, true));
        match (outcome, self.parties[who].state) {
            (Some(outcome), State::Holding(..)) => outcome,
            (Some(outcome), _) => {
                self.over(who);
                outcome
            }
            (None, State::Held(..)) => Outcome::Pending,
            (None, _) => {
                self.stand_in_line(who);
                Outcome::Pending
            }
        }
    }

    /// The value is done with, and its sender goes on.
    fn release(&mut self, who: usize, departure: u64, id: Id) {
        let (chan, _) = self.parties[who].offers[0].guard.end();
        self.gone(id);
        self.let_go(chan, departure);
    }

    /// Looks whether something can be done at once.
    fn look(&mut self, who: usize, waits: bool) -> Option<Outcome> {
        match self.parties[who].wait {
            Wait::Closed(chan) => return self.channels[chan].end().map(Outcome::Closed),
            Wait::SendMany(chan, _) => return self.look_to_send_many(who, chan),
            Wait::SendFromEmpty(_) => return Some(Outcome::Sent),
            Wait::RecvMany(_, 0) => return Some(Outcome::Received(Vec::new())),
            _ => {}
        }
        for guard in 0..self.parties[who].offers.len() {
            let Offer { guard: offered, value, off } = self.parties[who].offers[guard];
            if off {
                continue;
            }
            let served = match offered {
                Guard::Send(chan) | Guard::SendFrom(chan) => {
                    let served = self.put(chan, value.expect("there is a value until it is sent"), waits);
                    if matches!(served, Some(Served::Sent | Served::Held(_))) {
                        self.parties[who].offers[guard].value = None;
                    }
                    if let Some(Served::Held(departure)) = served {
                        self.parties[who].state = State::Held(guard, departure);
                        return None;
                    }
                    served
                }
                Guard::Recv(chan) | Guard::RecvHeld(chan) | Guard::RecvOk(chan) => {
                    match self.take(chan, offered == Guard::RecvHeld(chan)) {
                        Served::Ended if self.channels[chan].end().is_none() => None,
                        served => Some(served),
                    }
                }
                Guard::Skip(_) => Some(Served::Skipped),
                Guard::RecvOff(_) | Guard::SendFromEmpty(_) => None,
            };
            if let Some(outcome) = served.and_then(|served| self.settle(who, guard, served)) {
                return Some(outcome);
            }
        }
        let exhausted = self.parties[who].offers.iter().all(|offer| offer.off);
        exhausted.then(|| {
            self.reached.push(Rule::AChoiceWasExhausted);
            Outcome::Exhausted
        })
    }

    fn look_to_send_many(&mut self, who: usize, chan: Chan) -> Option<Outcome> {
        while let Some(&id) = self.parties[who].rest.front() {
            match self.put(chan, id, true) {
                Some(Served::Ended) => return self.channels[chan].end().map(Outcome::Refused),
                Some(Served::Held(departure)) => {
                    self.parties[who].rest.pop_front();
                    self.parties[who].state = State::Held(0, departure);
                    return None;
                }
                Some(_) => self.parties[who].rest.pop_front(),
                None => {
                    self.parties[who].offers[0].value = self.parties[who].rest.pop_front();
                    return None;
                }
            };
        }
        Some(Outcome::Sent)
    }

    fn stand_in_line(&mut self, who: usize) {
        self.parties[who].state = State::Waiting;
        if let Wait::Closed(chan) = self.parties[who].wait {
            return self.line.push(Place { who, guard: 0, chan, wish: Wish::End });
        }
        for (guard, offer) in self.parties[who].offers.iter().enumerate() {
            let (chan, side) = offer.guard.end();
            let wish = if side == Side::Sender { Wish::Send } else { Wish::Receive };
            if !offer.off {
                self.line.push(Place { who, guard, chan, wish });
            }
        }
    }

    /// What a guard that was served gives; `None` if the wait is not over by that.
    fn settle(&mut self, who: usize, guard: usize, served: Served) -> Option<Outcome> {
        if let Wait::Closed(chan) = self.parties[who].wait {
            return self.channels[chan].end().map(Outcome::Closed);
        }
        let offered = self.parties[who].offers[guard].guard;
        let (chan, side) = offered.end();
        let outcome = match (served, side) {
            (Served::Sent | Served::Held(_), _) => {
                if matches!(self.parties[who].wait, Wait::SendMany(..)) {
                    if !self.parties[who].rest.is_empty() {
                        self.reached.push(Rule::ABatchWasSentInParts);
                    }
                    return None;
                }
                Outcome::Sent
            }
            (Served::Received(departure, id), _) if offered == Guard::RecvHeld(chan) => {
                self.parties[who].state = State::Holding(departure, id);
                Outcome::Holds(id)
            }
            (Served::Received(_, id), _) => {
                self.gone(id);
                let mut ids = vec![id];
                if let Wait::RecvMany(_, limit) = self.parties[who].wait {
                    ids.extend(self.take_many(chan, limit - 1));
                }
                Outcome::Received(ids)
            }
            (Served::Skipped, _) => Outcome::Skipped,
            (Served::Ended, Side::Sender) => {
                if let Some(id) = self.parties[who].offers[guard].value.take() {
                    self.kept(id);
                }
                Outcome::Refused(self.channels[chan].end()?)
            }
            (Served::Ended, Side::Receiver) => {
                if matches!(offered, Guard::RecvOk(_)) {
                    self.parties[who].offers[guard].off = true;
                    self.reached.push(Rule::AGuardSwitchedOff);
                    return None;
                }
                Outcome::Ended(self.channels[chan].end()?)
            }
        };
        match self.parties[who].wait {
            Wait::Choose(_) | Wait::HoldOrRecv(..) => Some(Outcome::Chose(guard, Box::new(outcome))),
            _ => Some(outcome),
        }
    }

    fn cancel(&mut self, who: usize) {
        self.line.retain(|place| place.who != who);
        match self.parties[who].state {
            State::Waiting => {
                self.reached.push(Rule::CancelledWaiting);
                if matches!(self.parties[who].wait, Wait::SendMany(_, count) if self.parties[who].rest.len() + 1 < count)
                {
                    self.reached.push(Rule::ABatchWasCancelledInParts);
                }
            }
            State::Served(_, Served::Sent | Served::Held(_)) => self.reached.push(Rule::CancelledAfterASend),
            State::Held(..) => self.reached.push(Rule::AHeldSenderWasCancelled),
            State::Holding(departure, id) => self.release(who, departure, id),
            State::Served(guard, Served::Received(departure, id)) => {
                let (chan, _) = self.parties[who].offers[guard].guard.end();
                self.put_back(chan, departure, id);
            }
            _ => {}
        }
        self.over(who);
    }

    /// The wait is gone, with what it had, and with its ends.
    fn over(&mut self, who: usize) {
        self.parties[who].state = State::Over;
        for guard in 0..self.parties[who].offers.len() {
            let offer = self.parties[who].offers[guard];
            match (offer.guard, offer.value) {
                (Guard::SendFrom(_), Some(id)) => {
                    self.reached.push(Rule::AnUnchosenValueWasKept);
                    self.kept(id);
                }
                (_, Some(id)) => self.gone(id),
                (_, None) => {}
            }
        }
        for id in std::mem::take(&mut self.parties[who].rest) {
            self.kept(id);
        }
        for (chan, side) in self.parties[who].wait.ends() {
            self.leave(chan, side);
        }
    }

    fn try_send_many(&mut self, chan: Chan, count: usize) -> Outcome {
        let mut values: VecDeque<Id> = (0..count).map(|_| self.value()).collect();
        let mut outcome = Outcome::Sent;
        while let Some(&id) = values.front() {
            match self.put(chan, id, false) {
                Some(Served::Ended) => outcome = self.channels[chan].end().map_or(Outcome::Full, Outcome::Refused),
                None => outcome = Outcome::Full,
                Some(_) => {
                    values.pop_front();
                    continue;
                }
            }
            break;
        }
        values.into_iter().for_each(|id| self.kept(id));
        outcome
    }
}
