//! A choice that keeps its guards, and their places in the line, from round to round.
//!
//! It takes part only while it waits in a round: who comes by at another time passes it, and it looks at that guard
//! anew, in the order of its guards, when the next round begins.

use super::{Model, Place, Rule, Served, State, Wish};
use crate::history::{Guard, Side};
use crate::seen::Outcome;

impl Model {
    pub(super) fn poll_kept(&mut self, who: usize) -> Outcome {
        if !self.parties[who].in_a_round {
            self.parties[who].in_a_round = true;
            self.load(who);
        }
        let mut outcome = match self.parties[who].state {
            State::Waiting | State::Held(..) => return Outcome::Pending,
            State::Served(guard, Served::Held(departure)) => {
                let (chan, _) = self.parties[who].offers[guard].guard.end();
                if self.channels[chan].holding.contains(&departure) {
                    self.parties[who].state = State::Held(guard, departure);
                    return Outcome::Pending;
                }
                self.settle_kept(who, guard, Served::Sent)
            }
            State::Served(guard, served) => self.settle_kept(who, guard, served),
            _ => None,
        };
        while outcome.is_none() {
            if self.parties[who].offers.iter().all(|offer| offer.off) {
                self.parties[who].state = State::Over;
                self.parties[who].in_a_round = false;
                return Outcome::Exhausted;
            }
            let Some((guard, served)) = self.look_kept(who) else {
                self.parties[who].state = State::Waiting;
                return Outcome::Pending;
            };
            if let Served::Held(departure) = served {
                self.parties[who].state = State::Held(guard, departure);
                return Outcome::Pending;
            }
            outcome = self.settle_kept(who, guard, served);
        }
        self.parties[who].in_a_round = false;
        self.parties[who].state = State::Made;
        outcome.unwrap_or(Outcome::Pending)
    }

    /// Sends that were taken in the last round have new values in this one.
    fn load(&mut self, who: usize) {
        for guard in 0..self.parties[who].offers.len() {
            if std::mem::take(&mut self.parties[who].offers[guard].empty) {
                self.parties[who].offers[guard].value = Some(self.value());
                self.parties[who].offers[guard].loose = true;
            }
        }
    }

    /// The first guard, among those at which something may have happened, that can be served; those before it stand in
    /// line.
    fn look_kept(&mut self, who: usize) -> Option<(usize, Served)> {
        for guard in 0..self.parties[who].offers.len() {
            let offer = self.parties[who].offers[guard];
            if offer.off || !offer.loose {
                continue;
            }
            let (chan, side) = offer.guard.end();
            let served = match (side, offer.value) {
                (Side::Sender, None) => continue,
                (Side::Sender, Some(id)) => self.put(chan, id, true, Some(who)),
                (Side::Receiver, _) => match self.take(chan, false, Some(who)) {
                    Served::Ended if self.channels[chan].end().is_none() => None,
                    served => Some(served),
                },
            };
            if let Some(served) = served {
                if !matches!(served, Served::Ended) {
                    self.parties[who].offers[guard].value = None;
                }
                return Some((guard, served));
            }
            self.parties[who].offers[guard].loose = false;
            let wish = if side == Side::Sender { Wish::Send } else { Wish::Receive };
            self.line.push(Place { who, guard, chan, wish });
        }
        None
    }

    /// What a guard gives; `None` if the round goes on. A guard whose channel has ended is removed, with its end.
    fn settle_kept(&mut self, who: usize, guard: usize, served: Served) -> Option<Outcome> {
        let offer = self.parties[who].offers[guard];
        let (chan, side) = offer.guard.end();
        let outcome = match (served, side) {
            (Served::Received(_, id), _) => {
                self.gone(id);
                Some(Outcome::Received(vec![id]))
            }
            (Served::Ended, Side::Sender) => {
                self.parties[who].offers[guard].value = None;
                offer.value.into_iter().for_each(|id| self.kept(id));
                self.channels[chan].end().map(Outcome::Refused)
            }
            (Served::Ended, Side::Receiver) if matches!(offer.guard, Guard::RecvOk(_)) => None,
            (Served::Ended, Side::Receiver) => self.channels[chan].end().map(Outcome::Ended),
            (Served::Sent | Served::Held(_) | Served::Skipped, _) => {
                self.parties[who].offers[guard].empty = true;
                Some(Outcome::Sent)
            }
        };
        if matches!(served, Served::Ended) {
            self.parties[who].offers[guard].off = true;
            self.reached.push(Rule::AKeptGuardWasRemoved);
            self.leave(chan, side);
        }
        outcome.map(|outcome| Outcome::Chose(guard, Box::new(outcome)))
    }

    /// The round is dropped: what was committed is the result of the next one.
    pub(super) fn interrupt(&mut self, who: usize) {
        self.parties[who].in_a_round = false;
        match self.parties[who].state {
            State::Waiting => {
                self.parties[who].state = State::Made;
                self.reached.push(Rule::AKeptChoiceWasInterrupted);
            }
            _ => self.reached.push(Rule::AKeptChoiceWasInterruptedAfterTheCommit),
        }
    }

    /// One guard goes after the other, each with its end.
    pub(super) fn cancel_kept(&mut self, who: usize) {
        let state = std::mem::replace(&mut self.parties[who].state, State::Over);
        self.parties[who].in_a_round = false;
        for guard in 0..self.parties[who].offers.len() {
            self.line.retain(|place| (place.who, place.guard) != (who, guard));
            let offer = self.parties[who].offers[guard];
            if offer.off {
                continue;
            }
            let (chan, side) = offer.guard.end();
            match state {
                State::Served(taken, Served::Received(departure, id)) if taken == guard => {
                    self.put_back(chan, departure, id);
                }
                _ => offer.value.into_iter().for_each(|id| self.gone(id)),
            }
            self.leave(chan, side);
        }
    }
}
