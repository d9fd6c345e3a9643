//! The specification: what channels do, if one thing happens after the other.
//!
//! All that wait stand in one line, in the order in which they began to wait. Whoever sends or receives serves the
//! first in the line who fits; nobody is told to try again.

mod kept;
mod waits;

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
    /// Not begun; or, of a kept choice, between two rounds.
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
    /// Of a kept choice: it has to be looked at, because it is new, or because somebody came by.
    loose: bool,
    /// Of a kept choice: a send that gets a new value when the next round begins.
    empty: bool,
}

#[derive(Debug)]
struct Party {
    wait: Wait,
    /// One for each guard of a choice; one for a plain wait.
    offers: Vec<Offer>,
    /// What a batch has yet to send, without the value that is offered.
    rest: VecDeque<Id>,
    state: State,
    /// A kept choice that has begun a round and has not ended it.
    in_a_round: bool,
}

impl Party {
    /// True if its places stay in the line when one of them is served.
    fn keeps(&self) -> bool {
        matches!(self.wait, Wait::Keep(_))
    }
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
    SomebodyCameByAKeptGuard,
    AKeptGuardChangedItsNeighbour,
    AKeptChoiceWasInterrupted,
    AKeptChoiceWasInterruptedAfterTheCommit,
    AKeptGuardWasRemoved,
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

    /// True of a kept choice that has begun a round and has not ended it.
    pub(crate) fn is_in_a_round(&self, who: usize) -> bool {
        self.parties.get(who).is_some_and(|party| party.in_a_round)
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
            Step::Interrupt(who) => {
                self.interrupt(*who);
                Outcome::Done
            }
            Step::TrySend(chan) => self.try_send_many(*chan, 1),
            Step::TrySendMany(chan, count) => self.try_send_many(*chan, *count),
            Step::TryRecv(chan) => match self.take(*chan, false, None) {
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

    /// The first who can be served. A kept choice that is not waiting is passed by: it leaves this place, and looks at
    /// the guard anew in its next round. Nobody meets `own` guards.
    fn first(&mut self, chan: Chan, wish: Wish, own: Option<usize>) -> Option<Place> {
        let fits = |place: &Place| place.chan == chan && place.wish == wish && Some(place.who) != own;
        loop {
            let index = self.line.iter().position(fits)?;
            let place = self.line[index];
            if matches!(self.parties[place.who].state, State::Waiting) {
                return Some(place);
            }
            self.pass_by(place);
            self.reached.push(Rule::SomebodyCameByAKeptGuard);
        }
    }

    /// A guard of a kept choice leaves its place, and is looked at in the next round.
    fn pass_by(&mut self, place: Place) {
        self.line.retain(|other| (other.who, other.guard) != (place.who, place.guard));
        self.parties[place.who].offers[place.guard].loose = true;
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
        if self.parties[place.who].keeps() {
            self.pass_by(place);
        } else {
            self.line.retain(|other| other.who != place.who);
        }
        self.parties[place.who].state = State::Served(place.guard, served);
        self.events.woken.push(place.who);
    }

    /// Takes the value of the first waiting sender.
    fn take_from_sender(&mut self, chan: Chan, served: Served, own: Option<usize>) -> Option<Id> {
        let place = self.first(chan, Wish::Send, own)?;
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
    fn put(&mut self, chan: Chan, id: Id, waits: bool, own: Option<usize>) -> Option<Served> {
        if self.channels[chan].end().is_some() {
            return Some(Served::Ended);
        }
        if let Some(place) = self.first(chan, Wish::Receive, own) {
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
        // What a kept choice sends it may receive by another guard, in its next round.
        let neighbour = |place: &&Place| Some(place.who) == own && place.chan == chan && place.wish == Wish::Receive;
        while let Some(place) = self.line.iter().find(neighbour).copied() {
            self.pass_by(place);
            self.reached.push(Rule::AKeptGuardChangedItsNeighbour);
        }
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
    fn take(&mut self, chan: Chan, hold: bool, own: Option<usize>) -> Served {
        if let Some((departure, id)) = self.channels[chan].returned.pop_first() {
            self.reached.push(Rule::AReturnedValueWasReceived);
            return Served::Received(departure, id);
        }
        if let Some(id) = self.channels[chan].queue.pop_front() {
            if let Some(next) = self.take_from_sender(chan, Served::Sent, None) {
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
        match self.take_from_sender(chan, served, own) {
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
            && let Served::Received(_, id) = self.take(chan, false, None)
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
        match (self.channels[chan].life, self.first(chan, Wish::Receive, None)) {
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
        while let Some(mut place) = self.line.iter().find(|place| place.chan == chan).copied() {
            if self.parties[place.who].keeps() {
                // One after the other, in two rounds; those that send learn of it first.
                let sends = |other: &&Place| other.who == place.who && other.chan == chan && other.wish == Wish::Send;
                place = self.line.iter().find(sends).copied().unwrap_or(place);
                if !matches!(self.parties[place.who].state, State::Waiting) {
                    self.pass_by(place);
                    continue;
                }
            }
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

    fn try_send_many(&mut self, chan: Chan, count: usize) -> Outcome {
        let mut values: VecDeque<Id> = (0..count).map(|_| self.value()).collect();
        let mut outcome = Outcome::Sent;
        while let Some(&id) = values.front() {
            match self.put(chan, id, false, None) {
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
