//! Those who wait, and what becomes of them.

use std::collections::VecDeque;

use super::{Model, Offer, Party, Place, Rule, Served, State, Wish};
use crate::history::{Chan, Guard, Side, Wait};
use crate::seen::{Id, Outcome};

impl Model {
    pub(super) fn make(&mut self, wait: Wait) -> usize {
        for (chan, side) in wait.ends() {
            self.channels[chan].ends[side as usize] += 1;
        }
        let guards = match &wait {
            Wait::Choose(guards) | Wait::Keep(guards) => guards.clone(),
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
        // They get their values later.
        let batch = matches!(wait, Wait::SendMany(..));
        let keeps = matches!(wait, Wait::Keep(_));
        let offers = guards.into_iter().map(|guard| Offer {
            guard,
            value: match guard {
                Guard::Send(_) | Guard::SendFrom(_) if !batch && !keeps => Some(self.value()),
                _ => None,
            },
            off: matches!(guard, Guard::RecvOff(_) | Guard::SendFromEmpty(_)),
            loose: true,
            empty: keeps && matches!(guard, Guard::Send(_)),
        });
        let offers = offers.collect();
        self.parties.push(Party { wait, offers, rest, state: State::Made, in_a_round: false });
        self.parties.len() - 1
    }

    pub(super) fn poll(&mut self, who: usize) -> Outcome {
        if self.parties[who].keeps() {
            return self.poll_kept(who);
        }
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
    pub(super) fn look(&mut self, who: usize, waits: bool) -> Option<Outcome> {
        match self.parties[who].wait {
            Wait::Closed(chan) => return self.channels[chan].end().map(Outcome::Closed),
            Wait::SendMany(chan, _) => return self.look_to_send_many(who, chan),
            Wait::SendFromEmpty(_) => return Some(Outcome::Sent),
            Wait::RecvMany(_, 0) => return Some(Outcome::Received(Vec::new())),
            _ => {}
        }
        for guard in 0..self.parties[who].offers.len() {
            let Offer { guard: offered, value, off, .. } = self.parties[who].offers[guard];
            if off {
                continue;
            }
            let served = match offered {
                Guard::Send(chan) | Guard::SendFrom(chan) => {
                    let served = self.put(chan, value.expect("there is a value until it is sent"), waits, None);
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
                    match self.take(chan, offered == Guard::RecvHeld(chan), None) {
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
            match self.put(chan, id, true, None) {
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
                // An error has it. What came from a slot is there again.
                if matches!(offered, Guard::Send(_))
                    && let Some(id) = self.parties[who].offers[guard].value.take()
                {
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

    pub(super) fn cancel(&mut self, who: usize) {
        if self.parties[who].keeps() {
            return self.cancel_kept(who);
        }
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
    pub(super) fn over(&mut self, who: usize) {
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
}
