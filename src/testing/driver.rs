//! One run: from a closure that makes a network to how the network ended, and to the end of everything in it.
//!
//! ```text
//!   RUNNING ──▶ CANCELLING ──▶ DRAINING ──▶ dismissal
//! ```
//!
//! * *Running*: turn after turn, until the network has ended or something is wrong.
//! * *Cancelling*: as when a runtime goes away, the tasks that still run are cancelled, and their ends poison.
//! * *Draining*: threads cannot be cancelled; with their channels ended they come to their ends by themselves, still turn
//!   by turn and in virtual time.
//! * *Dismissal*: a thread that did not is a failure of its own, if the network had none; it unwinds at its next wait.
//!
//! Each turn is one poll of the driver or of a task, so that tokio gives it a fresh budget, and so that bare tasks of
//! tokio's and timers have their turn in between. Time passes while nobody can go on: then the driver is idle, and tokio's
//! paused clock jumps to the next timer. If there is none within [`NEVER`], nobody will ever go on.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Cx, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::failure::Reason;
use super::plan::Plan;
use super::scheduler::{MAIN, Next, Scheduler};
use super::seat::{Granted, Seat};
use super::trace::{Participant, Trace};
use crate::context::schedule::{self, Turns};
use crate::process::{Exit, task};

/// How far away a timer counts as one that never comes.
const NEVER: Duration = Duration::from_secs(100 * 24 * 3600);

/// What a run may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) steps: u64,
    pub(super) virtual_time: Duration,
    pub(super) patience: Duration,
}

/// What became of a run.
pub(super) struct Outcome<T> {
    pub(super) result: Result<T, Reason>,
    pub(super) trace: Trace,
    /// How long the network took.
    pub(super) virtual_time: Duration,
    /// Threads that could not be ended.
    pub(super) lost: Vec<Participant>,
}

/// Runs the network that `make` makes under the schedule of a seed.
pub(super) fn run<P, T, E>(seed: u64, limits: Limits, make: &mut dyn FnMut() -> P) -> Outcome<T>
where
    P: IntoFuture<Output = Result<T, E>>,
    E: Into<Exit>,
{
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let result = Err(Reason::NoRuntime(error));
            return Outcome { result, trace: Trace::default(), virtual_time: Duration::ZERO, lost: Vec::new() };
        }
    };
    let scheduler = Scheduler::new(seed, limits.steps, runtime.handle().clone());
    let _random = Random::seeded(Plan::seed_of(seed, MAIN));
    let _entered = schedule::enter(Arc::new(Arc::clone(&scheduler)));
    crate::wait::ask_next();

    let main = task("main", async move { make().await.map(Made).map_err(Into::into) }).into_future();
    let turns = scheduler.add_main(&main.identity());
    let mut end = End { lost: Vec::new(), leftover: Vec::new(), quiet: false };
    let (result, virtual_time) = runtime.block_on(async {
        let now = Instant::now();
        let mut driver = Driver { scheduler: &scheduler, limits, began: now, limits_from: now, never: None };
        let result = {
            let mut main = pin!(main);
            poll_fn(|cx| driver.run(main.as_mut(), &*turns, &mut end, cx)).await
            // Dropped here, a network that has not ended is cancelled.
        };
        turns.leave();
        let virtual_time = scheduler.with_trace(|trace| trace.now);
        poll_fn(|cx| driver.cancel(cx)).await;
        // What is left may take as much again.
        driver.limits_from = Instant::now();
        scheduler.allow(limits.steps);
        poll_fn(|cx| driver.drain(&mut end, cx)).await;
        (result, virtual_time)
    });
    // Bare tasks of tokio's end with the runtime, and may have held the ends that a thread waits for. A thread that waits
    // for a timer cannot go on without the runtime.
    let runtime = if end.quiet {
        drop(runtime);
        None
    } else {
        Some(runtime)
    };
    end.drain_without_time(&scheduler, limits);
    end.dismiss(&scheduler, limits);
    drop(runtime);

    let result = match result.map(|Made(value)| value) {
        Ok(_) if !end.leftover.is_empty() => Err(Reason::LeftBehind(end.leftover)),
        Ok(_) if let Some(lost) = end.lost.first() => Err(Reason::Stuck(lost.clone())),
        result => result,
    };
    Outcome { result, trace: scheduler.finish(), virtual_time, lost: end.lost }
}

/// What a network has made by reaching its end. Not `()`, so that a network that a retired channel ends early, before
/// whatever it asserts at its end, is no success.
struct Made<T>(T);

/// The random choices of this thread, seeded; as they were when it is dropped.
struct Random(u64);

impl Random {
    fn seeded(seed: u64) -> Self {
        let before = fastrand::get_seed();
        fastrand::seed(seed);
        Self(before)
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        fastrand::seed(self.0);
    }
}

struct Driver<'a> {
    scheduler: &'a Arc<Scheduler>,
    limits: Limits,
    began: Instant,
    /// Since when the virtual time counts that the run may take.
    limits_from: Instant,
    /// Set while nobody can go on.
    never: Option<Pin<Box<Sleep>>>,
}

/// What a turn of the driver came to.
enum Turn {
    /// Whoever had it has ended it, or will: another turn.
    Over,
    /// The network itself has it.
    Main,
    /// Wait until somebody can go on.
    Wait,
    /// Nobody ever will.
    Quiet,
    /// More steps, or more time, than allowed.
    TooMuch(Reason),
}

impl Driver<'_> {
    fn turn(&mut self, end: &mut End, cx: &mut Cx<'_>) -> Turn {
        // While nobody can go on, time passes only to see whether anybody ever will.
        if self.never.is_none() && self.limits_from.elapsed() > self.limits.virtual_time {
            return Turn::TooMuch(Reason::TooLong(self.limits.virtual_time));
        }
        let next = self.scheduler.next(cx.waker(), self.began.elapsed());
        if !matches!(next, Next::Nobody) {
            self.never = None;
        }
        match next {
            // The end of the turn wakes us.
            Next::Busy | Next::Task => Turn::Wait,
            Next::Main => Turn::Main,
            Next::Thread(actor, seat) => {
                if end.grant(self.scheduler, actor, &seat, self.limits) == Granted::Lost {
                    let lost = self.scheduler.participant(actor);
                    let lost = self.scheduler.with_trace(|trace| trace.participants()[lost].clone());
                    return Turn::TooMuch(Reason::Stuck(lost));
                }
                Turn::Over
            }
            Next::TooManySteps => Turn::TooMuch(Reason::Endless(self.limits.steps)),
            Next::Nobody => {
                let never = self.never.get_or_insert_with(|| Box::pin(sleep(NEVER)));
                if never.as_mut().poll(cx).is_ready() {
                    self.never = None;
                    return Turn::Quiet;
                }
                Turn::Wait
            }
        }
    }

    /// Running.
    fn run<F, T>(
        &mut self,
        main: Pin<&mut F>,
        turns: &dyn Turns,
        end: &mut End,
        cx: &mut Cx<'_>,
    ) -> Poll<Result<T, Reason>>
    where
        F: Future<Output = Result<T, crate::ProcessError>>,
    {
        match self.turn(end, cx) {
            Turn::Main => {
                let polled = main.poll(&mut Cx::from_waker(turns.waker()));
                turns.end();
                polled.map(|result| result.map_err(Reason::Failed))
            }
            Turn::Over => again(cx),
            Turn::Wait => Poll::Pending,
            Turn::Quiet => Poll::Ready(Err(Reason::Deadlock(self.scheduler.with_trace(Trace::unended)))),
            Turn::TooMuch(reason) => Poll::Ready(Err(reason)),
        }
    }

    /// Cancelling. An aborted task is dropped by tokio, before the driver has another turn.
    fn cancel(&mut self, cx: &mut Cx<'_>) -> Poll<()> {
        if self.scheduler.abort_all() { again(cx) } else { Poll::Ready(()) }
    }

    /// Draining.
    fn drain(&mut self, end: &mut End, cx: &mut Cx<'_>) -> Poll<()> {
        // Somebody may have spawned another one.
        self.scheduler.abort_all();
        if self.scheduler.threads().is_empty() {
            end.quiet = true;
            return Poll::Ready(());
        }
        match self.turn(end, cx) {
            Turn::Main | Turn::Over => again(cx),
            Turn::Wait => Poll::Pending,
            Turn::Quiet => {
                end.quiet = true;
                Poll::Ready(())
            }
            Turn::TooMuch(Reason::Stuck(_)) => again(cx),
            Turn::TooMuch(_) => Poll::Ready(()),
        }
    }
}

fn again<T>(cx: &Cx<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// How the threads of a run ended.
struct End {
    /// Those that did not end by themselves.
    leftover: Vec<Participant>,
    /// Those that could not be ended at all.
    lost: Vec<Participant>,
    /// True if nobody waited for a timer at the end.
    quiet: bool,
}

impl End {
    fn grant(&mut self, scheduler: &Arc<Scheduler>, actor: usize, seat: &Arc<Seat>, limits: Limits) -> Granted {
        let granted = seat.grant(limits.patience);
        scheduler.granted(actor, granted);
        if granted == Granted::Lost {
            let lost = scheduler.participant(actor);
            self.lost.push(scheduler.with_trace(|trace| trace.participants()[lost].clone()));
        }
        granted
    }

    fn drain_without_time(&mut self, scheduler: &Arc<Scheduler>, limits: Limits) {
        if !self.quiet {
            return;
        }
        let now = scheduler.with_trace(|trace| trace.now);
        while let Next::Thread(actor, seat) = scheduler.next(std::task::Waker::noop(), now) {
            self.grant(scheduler, actor, &seat, limits);
        }
    }

    fn dismiss(&mut self, scheduler: &Arc<Scheduler>, limits: Limits) {
        let threads = scheduler.threads();
        for (actor, _) in &threads {
            let participant = scheduler.participant(*actor);
            self.leftover.push(scheduler.with_trace(|trace| trace.participants()[participant].clone()));
        }
        for (actor, seat) in threads {
            seat.dismiss();
            // One that catches the unwinding and waits again unwinds again; one that does so for ever is lost.
            for _ in 0..1000 {
                if self.grant(scheduler, actor, &seat, limits) != Granted::Passed {
                    break;
                }
            }
        }
    }
}
