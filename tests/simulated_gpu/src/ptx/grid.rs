//! A launch: blocks one after another, and in each the threads in turn, from barrier to barrier.
//!
//! Nothing says in which order a GPU runs blocks, warps and lanes; here a seed says it. A thread that waits for another in
//! a loop gets its turn again after a while, and a launch that never ends is ended.

use super::op::Kernel;
use super::thread::{Around, State, Thread};
use super::warp;
use crate::random::Random;

/// How many operations a thread executes in one turn.
const TURN: u64 = 50_000;

/// Why a kernel ended early: a code of the driver, and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: i32,
    pub(crate) problem: String,
}

impl Fault {
    pub(crate) fn illegal_address(problem: String) -> Self {
        Self { code: 700, problem }
    }

    pub(crate) fn failed(problem: String) -> Self {
        Self { code: 719, problem }
    }
}

/// The memory that all threads of a launch see.
pub(crate) trait Memory {
    /// A number of one to eight bytes.
    fn load(&self, address: u64, bytes: usize) -> Result<u64, String>;

    fn store(&mut self, address: u64, bytes: usize, value: u64) -> Result<(), String>;
}

#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) blocks: [u32; 3],
    pub(crate) threads: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub(crate) shared: usize,
    /// The values of the parameters, where the kernel has them.
    pub(crate) parameters: &'a [u8],
    /// The order of blocks, warps and lanes.
    pub(crate) seed: u64,
    /// After so many operations the launch counts as one that never ends.
    pub(crate) most: u64,
}

/// Runs a launch; says how many operations it was.
pub(crate) fn launch<M: Memory>(launch: &Launch<'_>, memory: &mut M) -> Result<u64, Fault> {
    let Launch { kernel, blocks, threads, parameters, .. } = *launch;
    let mut random = Random::new(launch.seed);
    let count: u32 = threads.iter().product();
    let mut all: Vec<Thread> = (0..count).map(|number| Thread::new(kernel, number, threads)).collect();
    let mut shared = vec![0xab; kernel.shared + launch.shared];
    let mut executed = 0;
    let total = blocks.iter().map(|n| u64::from(*n)).product::<u64>();
    let mut order = Order::new(&mut random, total);
    let mut first = true;
    while let Some(number) = order.next() {
        let [x, y, _] = blocks.map(u64::from);
        let block = [number % x, number / x % y, number / x / y].map(|n| n as u32);
        if !std::mem::take(&mut first) {
            all.iter_mut().for_each(|thread| thread.restart(kernel));
            shared.fill(0xab);
        }
        let mut around =
            Around { kernel, parameters, shared: &mut shared, memory, threads, blocks, block, executed, active: 0 };
        one_block(&mut around, &mut all, &mut random, launch.most)?;
        executed = around.executed;
    }
    Ok(executed)
}

fn one_block<M: Memory>(
    around: &mut Around<'_, M>,
    all: &mut [Thread],
    random: &mut Random,
    most: u64,
) -> Result<(), Fault> {
    let warps = all.len().div_ceil(32) as u64;
    loop {
        let mut order = Order::new(random, warps);
        while let Some(warp) = order.next() {
            let start = warp as usize * 32;
            let end = (start + 32).min(all.len());
            let backwards = random.below(2) == 1;
            one_warp(around, &mut all[start..end], backwards)?;
        }
        if around.executed > most {
            let problem = format!("`{}` has executed {most} operations and does not end", around.kernel.name);
            return Err(Fault { code: 702, problem });
        }
        let mut states = all.iter().map(|thread| thread.state);
        if states.clone().any(|state| matches!(state, State::Running | State::Together)) {
            continue;
        }
        let Some(state) = states.next() else { return Ok(()) };
        if !states.all(|other| other == state) {
            return Err(Fault::failed(format!(
                "some threads of a block of `{}` wait at a barrier that the others never come to",
                around.kernel.name
            )));
        }
        if state == State::Done {
            return Ok(());
        }
        all.iter_mut().for_each(|thread| thread.state = State::Running);
    }
}

/// Gives each lane a turn, until all of them wait, have ended, or have had their turn.
fn one_warp<M: Memory>(around: &mut Around<'_, M>, lanes: &mut [Thread], backwards: bool) -> Result<(), Fault> {
    loop {
        let mut left = 0;
        for i in 0..lanes.len() {
            let i = if backwards { lanes.len() - 1 - i } else { i };
            if lanes[i].state != State::Running {
                continue;
            }
            around.active =
                lanes.iter().filter(|lane| lane.state != State::Done).fold(0, |active, lane| active | 1 << lane.lane);
            around.executed += lanes[i].run(around, TURN)?;
            left += u32::from(lanes[i].state == State::Running);
        }
        if left > 0 || !warp::together(around.kernel, lanes)? {
            return Ok(());
        }
        while warp::together(around.kernel, lanes)? {}
    }
}

/// The numbers below a limit: forwards, backwards, or from somewhere in the middle around.
struct Order {
    start: u64,
    backwards: bool,
    done: u64,
    count: u64,
}

impl Order {
    fn new(random: &mut Random, count: u64) -> Self {
        let start = if random.below(2) == 0 { 0 } else { random.below(count.max(1)) };
        Self { start, backwards: random.below(2) == 1, done: 0, count }
    }

    fn next(&mut self) -> Option<u64> {
        if self.done == self.count {
            return None;
        }
        let at = (self.start + self.done) % self.count;
        self.done += 1;
        Some(if self.backwards { self.count - 1 - at } else { at })
    }
}
