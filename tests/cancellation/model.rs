//! What channels do, said as simply as possible: one state, one step at a time, and nobody else there.
//!
//! The library must agree with it at every step: in every result, in every wake-up, in what is left.

use std::collections::{BTreeMap, VecDeque};

use crate::ledger::{Fate, Id};

/// How a channel ended, or a send or receive on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Retired,
    Poisoned,
}

/// What an operation gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    Refused(Why),
    Received(Vec<Id>),
    Ended(Why),
    Elapsed,
    Closed(Why),
}

/// One thing that an actor waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Guard {
    Send {
        chan: usize,
        id: Id,
        /// What becomes of the value if the channel has ended.
        refused: Fate,
        /// What becomes of it if another guard is taken.
        unchosen: Fate,
        /// What becomes of it if the operation is dropped.
        dropped: Fate,
    },
    Recv(usize),
    /// A timer or a future, ready once the world says so.
    Due,
}

/// What an actor does.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// The first guard, in this order, that is ready.
    Choice(Vec<Guard>),
    SendMany(usize, VecDeque<Id>),
    RecvMany(usize, usize),
    Closed(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Waiting,
    /// Committed by a peer through this guard: with a value and its departure, or by the channel's end.
    Taken {
        guard: usize,
        got: Option<(u64, Id)>,
        ended: bool,
    },
    Over,
}

#[derive(Debug)]
struct Actor {
    task: Task,
    guards: Vec<Guard>,
    state: State,
    due: bool,
    wakes: usize,
    /// The channels of the ends that it owns.
    senders: Vec<usize>,
    receivers: Vec<usize>,
    /// Dropped unfinished, its ends poison.
    process: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Retired,
    Abandoned,
    Poisoned,
}

#[derive(Debug)]
struct Chan {
    capacity: usize,
    queue: VecDeque<Id>,
    returned: BTreeMap<u64, Id>,
    senders: VecDeque<(usize, usize)>,
    receivers: VecDeque<(usize, usize)>,
    watchers: VecDeque<usize>,
    life: Life,
    departures: u64,
    undelivered: u64,
    sender_ends: usize,
    receiver_ends: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Done(Option<(u64, Id)>),
    Ended,
    Wait,
}

/// Channels and those who use them.
#[derive(Debug, Default)]
pub(crate) struct Model {
    chans: Vec<Chan>,
    actors: Vec<Actor>,
    fates: Vec<Option<Fate>>,
}

impl Model {
    /// One more channel, with one end on each side.
    pub(crate) fn open(&mut self, capacity: usize) {
        self.chans.push(Chan {
            capacity,
            queue: VecDeque::new(),
            returned: BTreeMap::new(),
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
            watchers: VecDeque::new(),
            life: Life::Open,
            departures: 0,
            undelivered: 0,
            sender_ends: 1,
            receiver_ends: 1,
        });
    }

    /// One more actor, with ends of its own.
    pub(crate) fn join(&mut self, task: Task, senders: Vec<usize>, receivers: Vec<usize>, process: bool) {
        senders.iter().for_each(|&chan| self.chans[chan].sender_ends += 1);
        receivers.iter().for_each(|&chan| self.chans[chan].receiver_ends += 1);
        let guards = match &task {
            Task::Choice(guards) => guards.clone(),
            Task::RecvMany(chan, _) => vec![Guard::Recv(*chan)],
            Task::SendMany(..) | Task::Closed(_) => Vec::new(),
        };
        let state = State::Idle;
        self.actors.push(Actor { task, guards, state, due: false, wakes: 0, senders, receivers, process });
    }

    pub(crate) fn wakes(&self, actor: usize) -> usize {
        self.actors[actor].wakes
    }

    /// True if time, too, may wake the actor.
    pub(crate) fn has_timer(&self, actor: usize) -> bool {
        matches!(&self.actors[actor].task, Task::Choice(guards) if guards.iter().any(|guard| matches!(guard, Guard::Due)))
    }

    pub(crate) fn is_over(&self, actor: usize) -> bool {
        self.actors[actor].state == State::Over
    }

    pub(crate) fn len(&self, chan: usize) -> usize {
        self.chans[chan].queue.len() + self.chans[chan].returned.len()
    }

    pub(crate) fn is_full(&self, chan: usize) -> bool {
        self.chans[chan].queue.len() >= self.chans[chan].capacity
    }

    pub(crate) fn undelivered(&self, chan: usize) -> u64 {
        self.chans[chan].undelivered
    }

    pub(crate) fn ended(&self, chan: usize) -> Option<Why> {
        match self.chans[chan].life {
            Life::Open => None,
            Life::Retired | Life::Abandoned => Some(Why::Retired),
            Life::Poisoned => Some(Why::Poisoned),
        }
    }

    fn why(&self, chan: usize) -> Why {
        self.ended(chan).unwrap_or(Why::Retired)
    }

    /// What became of each value, now that all actors and ends are gone.
    pub(crate) fn fates(&self) -> Vec<Fate> {
        self.fates.iter().map(|fate| fate.expect("the model has settled every value")).collect()
    }

    fn settle(&mut self, id: Id, fate: Fate) {
        let id = usize::from(id);
        if self.fates.len() <= id {
            self.fates.resize(id + 1, None);
        }
        assert_eq!(self.fates[id].replace(fate), None, "the model settles a value once");
    }

    // Peers.

    fn forget(&mut self, actor: usize) {
        for chan in &mut self.chans {
            chan.senders.retain(|waiter| waiter.0 != actor);
            chan.receivers.retain(|waiter| waiter.0 != actor);
            chan.watchers.retain(|waiter| *waiter != actor);
        }
    }

    fn commit(&mut self, (actor, guard): (usize, usize), got: Option<(u64, Id)>, ended: bool) {
        self.forget(actor);
        self.actors[actor].state = State::Taken { guard, got, ended };
        self.actors[actor].wakes += 1;
    }

    fn take_from_sender(&mut self, chan: usize) -> Option<Id> {
        let waiter = *self.chans[chan].senders.front()?;
        let Guard::Send { id, .. } = self.actors[waiter.0].guards[waiter.1] else { unreachable!() };
        self.commit(waiter, None, false);
        Some(id)
    }

    fn push(&mut self, chan: usize, id: Id) -> Step {
        if self.chans[chan].life != Life::Open {
            return Step::Ended;
        }
        if let Some(&waiter) = self.chans[chan].receivers.front() {
            self.chans[chan].departures += 1;
            let departure = self.chans[chan].departures;
            self.commit(waiter, Some((departure, id)), false);
        } else if !self.is_full(chan) {
            self.chans[chan].queue.push_back(id);
        } else {
            return Step::Wait;
        }
        Step::Done(None)
    }

    fn pull(&mut self, chan: usize) -> Step {
        if let Some(first) = self.chans[chan].returned.pop_first() {
            return Step::Done(Some(first));
        }
        let id = match self.chans[chan].queue.pop_front() {
            Some(id) => {
                if let Some(next) = self.take_from_sender(chan) {
                    self.chans[chan].queue.push_back(next);
                }
                Some(id)
            }
            None => self.take_from_sender(chan),
        };
        match id {
            Some(id) => {
                self.chans[chan].departures += 1;
                Step::Done(Some((self.chans[chan].departures, id)))
            }
            None if self.chans[chan].life == Life::Open => Step::Wait,
            None => Step::Ended,
        }
    }

    fn put_back(&mut self, chan: usize, departure: u64, id: Id) {
        if matches!(self.chans[chan].life, Life::Poisoned | Life::Abandoned) {
            self.chans[chan].undelivered += 1;
            self.settle(id, Fate::Undelivered);
        } else if let Some(&waiter) = self.chans[chan].receivers.front() {
            self.commit(waiter, Some((departure, id)), false);
        } else {
            self.chans[chan].returned.insert(departure, id);
        }
    }

    fn end_receivers(&mut self, chan: usize) {
        while let Some(&waiter) = self.chans[chan].receivers.front() {
            self.commit(waiter, None, true);
        }
    }

    fn end_senders(&mut self, chan: usize) {
        while let Some(&waiter) = self.chans[chan].senders.front() {
            self.commit(waiter, None, true);
        }
    }

    fn end_watchers(&mut self, chan: usize) {
        while let Some(&actor) = self.chans[chan].watchers.front() {
            self.commit((actor, 0), None, true);
        }
    }

    fn discard(&mut self, chan: usize) {
        let returned = std::mem::take(&mut self.chans[chan].returned).into_values();
        for id in returned.chain(std::mem::take(&mut self.chans[chan].queue)).collect::<Vec<_>>() {
            self.chans[chan].undelivered += 1;
            self.settle(id, Fate::Undelivered);
        }
    }

    // Steps of the world.

    pub(crate) fn poison(&mut self, chan: usize) {
        match self.chans[chan].life {
            Life::Open => {}
            Life::Retired if self.len(chan) > 0 => {}
            _ => return,
        }
        self.chans[chan].life = Life::Poisoned;
        self.end_senders(chan);
        self.end_receivers(chan);
        self.end_watchers(chan);
        self.discard(chan);
    }

    pub(crate) fn leave_sender(&mut self, chan: usize) {
        self.chans[chan].sender_ends -= 1;
        if self.chans[chan].sender_ends == 0 && self.chans[chan].life == Life::Open {
            self.chans[chan].life = Life::Retired;
            self.end_receivers(chan);
            self.end_watchers(chan);
        }
    }

    pub(crate) fn leave_receiver(&mut self, chan: usize) {
        self.chans[chan].receiver_ends -= 1;
        if self.chans[chan].receiver_ends == 0 {
            if self.chans[chan].life != Life::Poisoned {
                self.chans[chan].life = Life::Abandoned;
            }
            self.end_senders(chan);
            self.end_watchers(chan);
            self.discard(chan);
        }
    }

    pub(crate) fn try_send(&mut self, chan: usize, id: Id) -> bool {
        let sent = self.push(chan, id) == Step::Done(None);
        if !sent {
            self.settle(id, Fate::Refused);
        }
        sent
    }

    pub(crate) fn try_recv(&mut self, chan: usize) -> Option<Id> {
        let Step::Done(Some((_, id))) = self.pull(chan) else { return None };
        self.settle(id, Fate::Received);
        Some(id)
    }

    /// Every timer and every future is ready from now on, for those who are here.
    pub(crate) fn due(&mut self) {
        self.actors.iter_mut().for_each(|actor| actor.due = true);
    }

    pub(crate) fn poll(&mut self, actor: usize) -> Option<Outcome> {
        let outcome = match self.actors[actor].task.clone() {
            Task::Choice(_) => self.poll_choice(actor)?,
            Task::RecvMany(chan, limit) => match self.poll_choice(actor)? {
                Outcome::Received(mut ids) => {
                    while ids.len() < limit
                        && let Some(id) = self.try_recv(chan)
                    {
                        ids.push(id);
                    }
                    Outcome::Received(ids)
                }
                ended => ended,
            },
            Task::SendMany(chan, _) => self.poll_send_many(actor, chan)?,
            Task::Closed(chan) => match self.ended(chan) {
                Some(why) => Outcome::Closed(why),
                None => {
                    if self.actors[actor].state == State::Idle {
                        self.actors[actor].state = State::Waiting;
                        self.chans[chan].watchers.push_back(actor);
                    }
                    return None;
                }
            },
        };
        self.over(actor, false);
        Some(outcome)
    }

    fn poll_choice(&mut self, actor: usize) -> Option<Outcome> {
        if let State::Taken { guard, got, ended } = self.actors[actor].state {
            return Some(self.finish(actor, guard, got, ended));
        }
        let due = self.actors[actor].due && self.has_timer(actor);
        if self.actors[actor].state == State::Waiting && !due {
            return None;
        }
        self.forget(actor);
        for (index, guard) in self.actors[actor].guards.clone().into_iter().enumerate() {
            let step = match guard {
                Guard::Send { chan, id, .. } => self.push(chan, id),
                Guard::Recv(chan) => self.pull(chan),
                Guard::Due if due => Step::Done(None),
                Guard::Due => Step::Wait,
            };
            match step {
                Step::Done(got) => return Some(self.finish(actor, index, got, false)),
                Step::Ended => return Some(self.finish(actor, index, None, true)),
                Step::Wait => {}
            }
        }
        self.actors[actor].state = State::Waiting;
        for (index, guard) in self.actors[actor].guards.clone().into_iter().enumerate() {
            match guard {
                Guard::Send { chan, .. } => self.chans[chan].senders.push_back((actor, index)),
                Guard::Recv(chan) => self.chans[chan].receivers.push_back((actor, index)),
                Guard::Due => {}
            }
        }
        None
    }

    fn finish(&mut self, actor: usize, taken: usize, got: Option<(u64, Id)>, ended: bool) -> Outcome {
        let guards = std::mem::take(&mut self.actors[actor].guards);
        for (index, guard) in guards.iter().enumerate() {
            match *guard {
                Guard::Send { id, unchosen, .. } if index != taken => self.settle(id, unchosen),
                Guard::Send { id, refused, .. } if ended => self.settle(id, refused),
                _ => {}
            }
        }
        match (guards[taken], got) {
            (Guard::Send { chan, .. }, _) if ended => Outcome::Refused(self.why(chan)),
            (Guard::Send { .. }, _) => Outcome::Sent,
            (Guard::Recv(_), Some((_, id))) => {
                self.settle(id, Fate::Received);
                Outcome::Received(vec![id])
            }
            (Guard::Recv(chan), None) => Outcome::Ended(self.why(chan)),
            (Guard::Due, _) => Outcome::Elapsed,
        }
    }

    fn poll_send_many(&mut self, actor: usize, chan: usize) -> Option<Outcome> {
        match self.actors[actor].state {
            State::Waiting => return None,
            State::Taken { ended: false, .. } => {
                self.unsent(actor).pop_front();
            }
            _ => {}
        }
        while let Some(&id) = self.unsent(actor).front() {
            match self.push(chan, id) {
                Step::Done(_) => {
                    self.unsent(actor).pop_front();
                }
                Step::Ended => return Some(Outcome::Refused(self.why(chan))),
                Step::Wait => {
                    let kept = Fate::Kept;
                    let first = Guard::Send { chan, id, refused: kept, unchosen: kept, dropped: kept };
                    self.actors[actor].guards = vec![first];
                    self.actors[actor].state = State::Waiting;
                    self.chans[chan].senders.push_back((actor, 0));
                    return None;
                }
            }
        }
        Some(Outcome::Sent)
    }

    fn unsent(&mut self, actor: usize) -> &mut VecDeque<Id> {
        match &mut self.actors[actor].task {
            Task::SendMany(_, ids) => ids,
            task => unreachable!("{task:?} has no list of values"),
        }
    }

    /// The actor's future is dropped.
    pub(crate) fn cancel(&mut self, actor: usize) {
        let state = self.actors[actor].state;
        self.forget(actor);
        if let Task::SendMany(_, ids) = &mut self.actors[actor].task {
            if let State::Taken { ended: false, .. } = state {
                ids.pop_front();
            }
        } else {
            for (index, guard) in std::mem::take(&mut self.actors[actor].guards).into_iter().enumerate() {
                let committed = matches!(state, State::Taken { guard, ended: false, .. } if guard == index);
                match (guard, state) {
                    (Guard::Send { id, dropped, .. }, _) if !committed => self.settle(id, dropped),
                    (Guard::Recv(chan), State::Taken { got: Some((departure, id)), .. }) if committed => {
                        self.put_back(chan, departure, id);
                    }
                    _ => {}
                }
            }
        }
        self.over(actor, self.actors[actor].process);
    }

    /// The actor's future is gone, and its ends with it.
    fn over(&mut self, actor: usize, failing: bool) {
        self.actors[actor].state = State::Over;
        if let Task::SendMany(_, ids) = &mut self.actors[actor].task {
            for id in std::mem::take(ids) {
                self.settle(id, Fate::Kept);
            }
        }
        for chan in std::mem::take(&mut self.actors[actor].senders) {
            if failing {
                self.poison(chan);
            }
            self.leave_sender(chan);
        }
        for chan in std::mem::take(&mut self.actors[actor].receivers) {
            if failing {
                self.poison(chan);
            }
            self.leave_receiver(chan);
        }
    }
}
