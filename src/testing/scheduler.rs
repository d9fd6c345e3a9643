//! Who takes part in a run, and whose turn it is.
//!
//! ```text
//!            wake             pick            end, not woken
//!   IDLE ──────────▶ READY ─────────▶ RUNS ────────────────▶ IDLE
//!                      ▲               │ end, woken or gave way │
//!                      └───────────────┘                        └▶ ENDED
//! ```
//!
//! An *actor* is what has turns: the network itself, each spawned task, each thread. A process that runs in its parent's
//! task has the turns of its parent; it is known by name, and may be held back in them.
//!
//! # Invariants
//!
//! * **S1** At most one actor RUNS, and nothing of the network's runs meanwhile. (Bare `tokio::spawn` tasks run between
//!   turns, in tokio's order.) So the run is a function of the plan's decisions.
//! * **S2** A decision depends on the seed, on the numbers of actors in order of their appearance, and on the number of
//!   the step: never on a process's own number, an address, or real time.
//! * **S3** What gives way is woken at the end of its turn and not before. Woken at once, it would have another turn
//!   inside its parent's poll, and the other actors none.
//! * **S4** No waker is woken, cloned or dropped under the lock of the state.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context as Cx, Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::plan::Plan;
use super::seat::{Granted, Seat};
use super::trace::{Event, Participant, Trace};
use crate::context::schedule::{Schedule, Turns};
use crate::context::{Context, Identity, Kind};

/// The network itself.
pub(super) const MAIN: usize = 0;

pub(super) struct Scheduler {
    state: Mutex<State>,
    runtime: Handle,
    seed: u64,
}

struct State {
    max_steps: u64,
    plan: Plan,
    actors: Vec<Actor>,
    ready: Vec<usize>,
    runs: Option<Running>,
    trace: Trace,
    /// The participant of each process number.
    numbers: HashMap<u64, usize>,
    /// Who gave way in this turn.
    gave_way: Vec<Waker>,
    /// Wakes the driver.
    driver: Option<Waker>,
    over: bool,
}

struct Running {
    actor: usize,
    /// False until the actor's task is polled.
    begun: bool,
}

struct Actor {
    role: Role,
    status: Status,
    participant: usize,
    /// It gave way in its last turn: on real workers it might be running.
    midway: bool,
    /// It is to be aborted once it waits.
    aborting: bool,
}

enum Role {
    Main,
    Task { outer: Option<Waker>, task: Option<AbortHandle> },
    Thread(Arc<Seat>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Idle,
    Ready,
    Runs { woken: bool },
    Ended,
}

/// Whose turn it is.
pub(super) enum Next {
    /// A task has its turn, and has not ended it.
    Busy,
    /// The network itself.
    Main,
    /// A task, which was woken for it.
    Task,
    /// A thread.
    Thread(usize, Arc<Seat>),
    /// Nobody can go on.
    Nobody,
    /// Somebody could go on, but this is more than the run may take.
    TooManySteps,
}

impl Scheduler {
    pub(super) fn new(seed: u64, max_steps: u64, runtime: Handle) -> Arc<Self> {
        let state = State {
            max_steps,
            plan: Plan::new(seed),
            actors: Vec::new(),
            ready: Vec::new(),
            runs: None,
            trace: Trace::default(),
            numbers: HashMap::new(),
            gave_way: Vec::new(),
            driver: None,
            over: false,
        };
        Arc::new(Self { state: Mutex::new(state), runtime, seed })
    }

    /// Adds an actor, which is ready.
    fn add(self: &Arc<Self>, process: &Identity, role: Role) -> Arc<Turn> {
        let seat = match &role {
            Role::Thread(seat) => Some(Arc::clone(seat)),
            Role::Main | Role::Task { .. } => None,
        };
        let is_thread = seat.is_some();
        let (actor, driver) = {
            let mut state = self.state.lock();
            let actor = state.actors.len();
            let participant = state.trace.add(Participant::new(process.name(), None, is_thread));
            state.numbers.insert(process.number(), participant);
            state.actors.push(Actor { role, status: Status::Ready, participant, midway: false, aborting: false });
            state.ready.push(actor);
            (actor, state.idle_driver())
        };
        wake(driver);
        let waker = Waker::from(Arc::new(ActorWaker { scheduler: Arc::clone(self), actor }));
        Arc::new(Turn { scheduler: Arc::clone(self), actor, seat, waker })
    }

    /// Adds the network itself, as the first.
    pub(super) fn add_main(self: &Arc<Self>, process: &Identity) -> Arc<Turn> {
        self.add(process, Role::Main)
    }

    /// Decides who has the next turn. `driver` is woken when it is over, or when somebody can go on again.
    pub(super) fn next(&self, driver: &Waker, now: Duration) -> Next {
        let mut fresh = Some(driver.clone());
        let (next, stale, outer) = {
            let mut state = self.state.lock();
            let stale = std::mem::replace(&mut state.driver, fresh.take());
            state.trace.now = now;
            let (next, outer) = state.next();
            (next, stale, outer)
        };
        drop(stale);
        wake(outer);
        next
    }

    /// The turn of an actor is over.
    pub(super) fn end(&self, actor: usize, ended: bool) {
        let (gave_way, abort, driver) = {
            let mut state = self.state.lock();
            let State { actors, ready, runs, gave_way, driver, trace, .. } = &mut *state;
            if runs.as_ref().is_none_or(|running| running.actor != actor) {
                return;
            }
            *runs = None;
            let gave_way = std::mem::take(gave_way);
            let this = &mut actors[actor];
            this.midway = !gave_way.is_empty();
            this.status = match this.status {
                _ if ended => Status::Ended,
                Status::Runs { woken: true } => {
                    ready.push(actor);
                    Status::Ready
                }
                _ => Status::Idle,
            };
            let abort = match &this.role {
                Role::Task { task, .. } if this.aborting && !this.midway => {
                    trace.note(this.participant, Event::Aborted);
                    task.clone()
                }
                _ => None,
            };
            (gave_way, abort, driver.take())
        };
        for waker in gave_way {
            waker.wake();
        }
        if let Some(task) = abort {
            task.abort();
        }
        wake(driver);
    }

    /// An actor is no more, whether it had ended or was dropped.
    fn leave(&self, actor: usize) {
        self.end(actor, true);
        let (outer, driver) = {
            let mut state = self.state.lock();
            let State { actors, ready, driver, trace, .. } = &mut *state;
            let this = &mut actors[actor];
            this.status = Status::Ended;
            trace.ended(this.participant);
            ready.retain(|&other| other != actor);
            let outer = match &mut this.role {
                Role::Task { outer, task } => {
                    *task = None;
                    outer.take()
                }
                Role::Main | Role::Thread(_) => None,
            };
            (outer, driver.take())
        };
        drop(outer);
        wake(driver);
    }

    /// Somebody wants an actor to have another turn.
    fn wake(&self, actor: usize) {
        let driver = {
            let mut state = self.state.lock();
            match &mut state.actors[actor].status {
                status @ Status::Idle => {
                    *status = Status::Ready;
                    state.ready.push(actor);
                }
                Status::Runs { woken } => *woken = true,
                Status::Ready | Status::Ended => {}
            }
            state.idle_driver()
        };
        wake(driver);
    }

    /// A turn of a thread has come to its end.
    pub(super) fn granted(&self, actor: usize, granted: Granted) {
        match granted {
            Granted::Passed => self.end(actor, false),
            // A thread that is lost has no more turns.
            Granted::Ended | Granted::Lost => self.end(actor, true),
        }
        if granted == Granted::Ended {
            self.leave(actor);
        }
    }

    /// Cancels every task that has not ended; false if there was none.
    pub(super) fn abort_all(&self) -> bool {
        let tasks: Vec<AbortHandle> = self
            .state
            .lock()
            .actors
            .iter()
            .filter(|actor| actor.status != Status::Ended)
            .filter_map(|actor| match &actor.role {
                Role::Task { task, .. } => task.clone(),
                Role::Main | Role::Thread(_) => None,
            })
            .collect();
        for task in &tasks {
            task.abort();
        }
        !tasks.is_empty()
    }

    /// The threads that have not ended.
    pub(super) fn threads(&self) -> Vec<(usize, Arc<Seat>)> {
        let state = self.state.lock();
        let live = state.actors.iter().enumerate().filter(|(_, actor)| actor.status != Status::Ended);
        live.filter_map(|(number, actor)| match &actor.role {
            Role::Thread(seat) => Some((number, Arc::clone(seat))),
            Role::Main | Role::Task { .. } => None,
        })
        .collect()
    }

    pub(super) fn participant(&self, actor: usize) -> usize {
        self.state.lock().actors[actor].participant
    }

    /// Allows as many steps more.
    pub(super) fn allow(&self, steps: u64) {
        let mut state = self.state.lock();
        state.max_steps = state.trace.steps().saturating_add(steps);
    }

    /// A look at what has happened.
    pub(super) fn with_trace<R>(&self, look: impl FnOnce(&Trace) -> R) -> R {
        look(&self.state.lock().trace)
    }

    /// The run is over; what happened is given away.
    pub(super) fn finish(&self) -> Trace {
        let mut state = self.state.lock();
        state.over = true;
        let driver = state.driver.take();
        let trace = std::mem::take(&mut state.trace);
        drop(state);
        drop(driver);
        trace
    }

    /// Decides whether the one that runs gives way; if so, it is woken later.
    fn decide(&self, participant: impl FnOnce(&mut State) -> Option<usize>, cx: &Cx<'_>) -> bool {
        // A thread that is dismissed cannot give way in a drop: it unwinds already.
        if std::thread::panicking() {
            return false;
        }
        let inside = {
            let mut state = self.state.lock();
            if state.over {
                // A thread that was lost has come back: it waits, and so unwinds.
                return true;
            }
            let Some(participant) = participant(&mut state) else { return false };
            let step = state.trace.step();
            // Beyond the last step everybody gives way, so that the driver can say so.
            if !(state.plan.gives_way(step) || step > state.max_steps) {
                return false;
            }
            state.trace.note(participant, Event::GivesWay);
            state.runs.as_ref().is_some_and(|running| running.begun)
        };
        if inside {
            let waker = cx.waker().clone();
            self.state.lock().gave_way.push(waker);
        } else {
            // A bare task of tokio's: it goes to the end of tokio's queue.
            cx.waker().wake_by_ref();
        }
        true
    }
}

impl State {
    /// The driver's waker, if it waits for somebody who can go on.
    fn idle_driver(&mut self) -> Option<Waker> {
        if self.runs.is_none() { self.driver.take() } else { None }
    }

    fn next(&mut self) -> (Next, Option<Waker>) {
        if self.runs.is_some() {
            return (Next::Busy, None);
        }
        if self.ready.is_empty() {
            return (Next::Nobody, None);
        }
        let step = self.trace.step();
        if step > self.max_steps {
            return (Next::TooManySteps, None);
        }
        let place = self.plan.pick(&self.ready, step);
        let actor = self.ready.swap_remove(place);
        let this = &mut self.actors[actor];
        this.status = Status::Runs { woken: false };
        self.trace.note(this.participant, Event::Runs);
        let (next, begun, outer) = match &mut this.role {
            Role::Main => (Next::Main, true, None),
            // A task that has not been polled yet is in tokio's queue.
            Role::Task { outer, .. } => (Next::Task, false, outer.take()),
            Role::Thread(seat) => (Next::Thread(actor, Arc::clone(seat)), true, None),
        };
        self.runs = Some(Running { actor, begun });
        (next, outer)
    }

    /// The participant that is polled in another's task; made known if it is new.
    fn inner(&mut self, process: &Context, parent: u64) -> Option<usize> {
        let known = self.numbers.get(&process.number()).copied();
        let participant = known.unwrap_or_else(|| {
            let parent = self.numbers.get(&parent).copied();
            let participant = self.trace.add(Participant::new(process.identity().name(), parent, false));
            self.numbers.insert(process.number(), participant);
            participant
        });
        // An actor's own process has been picked already.
        let is_actor = self.runs.as_ref().is_some_and(|running| self.actors[running.actor].participant == participant);
        (!is_actor).then_some(participant)
    }
}

impl Schedule for Arc<Scheduler> {
    fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn takes_part(&self, process: &Identity, kind: Kind) -> Arc<dyn Turns> {
        let role = match kind {
            Kind::Task => Role::Task { outer: None, task: None },
            Kind::Thread => Role::Thread(Arc::new(Seat::new())),
        };
        self.add(process, role)
    }

    fn holds_back(&self, process: &Context, parent: u64, cx: &Cx<'_>) -> bool {
        self.decide(|state| state.inner(process, parent), cx)
    }

    fn ended(&self, process: u64) {
        let mut state = self.state.lock();
        if let Some(participant) = state.numbers.remove(&process) {
            state.trace.ended(participant);
        }
    }

    fn gives_way(&self, process: u64, cx: &Cx<'_>) -> bool {
        // A bare task of tokio's has no number; it gives way in the name of the network.
        self.decide(|state| Some(state.numbers.get(&process).copied().unwrap_or(MAIN)), cx)
    }

    /// At once; or, if the task gave way in the middle of its turn, perhaps once it waits: on another worker it might
    /// be running, and a task that runs is cancelled at its next await.
    fn abort(&self, task: AbortHandle) {
        let now = {
            let mut state = self.state.lock();
            let State { actors, plan, trace, .. } = &mut *state;
            let aborted = actors
                .iter_mut()
                .find(|actor| matches!(&actor.role, Role::Task { task: Some(known), .. } if known.id() == task.id()));
            match aborted {
                Some(actor) if actor.midway && plan.coin() => {
                    actor.aborting = true;
                    false
                }
                Some(actor) => {
                    trace.note(actor.participant, Event::Aborted);
                    true
                }
                None => true,
            }
        };
        if now {
            task.abort();
        }
    }
}

/// The turns of one actor.
pub(super) struct Turn {
    scheduler: Arc<Scheduler>,
    actor: usize,
    seat: Option<Arc<Seat>>,
    waker: Waker,
}

impl Turns for Turn {
    fn waker(&self) -> &Waker {
        &self.waker
    }

    fn spawned(&self, handle: AbortHandle) {
        let mut state = self.scheduler.state.lock();
        if let Actor { role: Role::Task { task, .. }, status, .. } = &mut state.actors[self.actor]
            && *status != Status::Ended
        {
            *task = Some(handle);
        }
    }

    fn begin(&self, outer: &Waker) -> bool {
        let mut fresh = Some(outer.clone());
        let (begins, stale) = {
            let mut state = self.scheduler.state.lock();
            let State { actors, runs, .. } = &mut *state;
            let stale = match &mut actors[self.actor].role {
                Role::Task { outer, .. } => std::mem::replace(outer, fresh.take()),
                Role::Main | Role::Thread(_) => None,
            };
            let begins = match runs {
                Some(running) if running.actor == self.actor => {
                    running.begun = true;
                    true
                }
                _ => false,
            };
            (begins, stale)
        };
        drop((stale, fresh));
        begins
    }

    fn end(&self) {
        self.scheduler.end(self.actor, false);
    }

    fn attend(&self) {
        if let Some(seat) = &self.seat {
            seat.attend();
        }
        fastrand::seed(Plan::seed_of(self.scheduler.seed, self.actor));
        crate::wait::ask_next();
    }

    fn pass(&self) {
        if let Some(seat) = &self.seat {
            seat.pass();
        }
    }

    fn leave(&self) {
        match &self.seat {
            // The host sees to the rest, when it has the baton back.
            Some(seat) => seat.leave(),
            None => self.scheduler.leave(self.actor),
        }
    }
}

struct ActorWaker {
    scheduler: Arc<Scheduler>,
    actor: usize,
}

impl Wake for ActorWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.scheduler.wake(self.actor);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
