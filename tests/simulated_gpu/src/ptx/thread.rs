//! One thread of a block, running.

use super::grid::{Fault, Memory};
use super::memory_access::{LOCAL, SHARED, WINDOW, load, store};
use super::op::{Kernel, Op, Place, Slot, Space, Special};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// At this barrier.
    Waiting(u64),
    /// At an operation that its warp does together.
    Together,
    Done,
}

/// A thread between two of its turns.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) at: usize,
    pub(crate) state: State,
    pub(crate) words: Vec<u64>,
    local: Vec<u8>,
    index: [u32; 3],
    pub(crate) lane: u32,
    warp: u32,
}

/// What a thread sees around it.
pub(crate) struct Around<'a, M> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) parameters: &'a [u8],
    pub(crate) shared: &'a mut [u8],
    pub(crate) memory: &'a mut M,
    pub(crate) threads: [u32; 3],
    pub(crate) blocks: [u32; 3],
    pub(crate) block: [u32; 3],
    /// How many instructions all threads have executed, for the clock.
    pub(crate) executed: u64,
    /// The lanes of the warp that have not ended.
    pub(crate) active: u32,
}

impl Thread {
    pub(crate) fn new(kernel: &Kernel, number: u32, threads: [u32; 3]) -> Self {
        let [x, y, _] = threads;
        Self {
            at: 0,
            state: State::Running,
            words: kernel.words.clone(),
            local: vec![0xab; kernel.local],
            index: [number % x, number / x % y, number / x / y],
            lane: number % 32,
            warp: number / 32,
        }
    }

    /// Begins anew, in another block.
    pub(crate) fn restart(&mut self, kernel: &Kernel) {
        self.at = 0;
        self.state = State::Running;
        self.words.copy_from_slice(&kernel.words);
        self.local.fill(0xab);
    }

    fn get(&self, slot: Slot) -> u64 {
        self.words[slot as usize]
    }

    fn set(&mut self, slot: Slot, value: u64) {
        self.words[slot as usize] = value;
    }

    /// Runs until something has to be waited for, or for so many operations; says how many it was.
    pub(crate) fn run<M: Memory>(&mut self, around: &mut Around<'_, M>, most: u64) -> Result<u64, Fault> {
        let code = &around.kernel.code[..];
        for done in 0..most {
            let op = code[self.at];
            self.at += 1;
            match op {
                Op::Copy { to, from } => self.set(to, self.get(from)),
                Op::One { f, to, a } => self.set(to, f(self.get(a))),
                Op::Two { f, to, a, b } => self.set(to, f(self.get(a), self.get(b))),
                Op::Three { f, to, a, b, c } => self.set(to, f(self.get(a), self.get(b), self.get(c))),
                Op::Select { to, a, b, p } => self.set(to, self.get(if self.get(p) == 0 { b } else { a })),
                Op::Load { to, from } => {
                    let value = self.load(around, from)?;
                    self.set(to, value);
                }
                Op::Store { to, from } => self.store(around, to, self.get(from))?,
                Op::Jump { to } => self.at = to as usize,
                Op::JumpIf { p, to } => {
                    if self.get(p) != 0 {
                        self.at = to as usize;
                    }
                }
                Op::JumpUnless { p, to } => {
                    if self.get(p) == 0 {
                        self.at = to as usize;
                    }
                }
                Op::Special { to, which } => {
                    let value = self.special(around, which, done);
                    self.set(to, value);
                }
                Op::Align { base, offset, bytes } => {
                    aligned(self.get(base).wrapping_add_signed(offset), bytes)?;
                }
                Op::Atomic { f, to, at, a, b } => {
                    let old = self.load(around, at)?;
                    self.store(around, at, f(old, self.get(a), self.get(b)))?;
                    self.set(to, old);
                }
                Op::Barrier { which } => {
                    self.state = State::Waiting(self.get(which));
                    return Ok(done + 1);
                }
                Op::Warp { .. } => {
                    self.at -= 1;
                    self.state = State::Together;
                    return Ok(done + 1);
                }
                Op::Trap => return Err(Fault::failed(format!("`{}` executed `trap`", around.kernel.name))),
                Op::Exit => {
                    self.state = State::Done;
                    return Ok(done + 1);
                }
            }
        }
        Ok(most)
    }

    /// The space that an address belongs to, and the address there.
    fn resolve(&self, place: Place) -> Result<(Space, u64), Fault> {
        let address = self.get(place.base).wrapping_add_signed(place.offset);
        aligned(address, place.bytes)?;
        Ok(match place.space {
            Space::Generic if address.wrapping_sub(SHARED) < WINDOW => (Space::Shared, address - SHARED),
            Space::Generic if address.wrapping_sub(LOCAL) < WINDOW => (Space::Local, address - LOCAL),
            Space::Generic => (Space::Global, address),
            space => (space, address),
        })
    }

    fn load<M: Memory>(&self, around: &Around<'_, M>, place: Place) -> Result<u64, Fault> {
        let bytes = usize::from(place.bytes);
        match self.resolve(place)? {
            (Space::Shared, at) => load(around.shared, at, bytes, "shared memory"),
            (Space::Local, at) => load(&self.local, at, bytes, "thread's own memory"),
            (Space::Parameter, at) => load(around.parameters, at, bytes, "parameters"),
            (_, at) => around.memory.load(at, bytes).map_err(Fault::illegal_address),
        }
    }

    fn store<M: Memory>(&mut self, around: &mut Around<'_, M>, place: Place, value: u64) -> Result<(), Fault> {
        let bytes = usize::from(place.bytes);
        match self.resolve(place)? {
            (Space::Shared, at) => store(around.shared, at, bytes, value, "shared memory"),
            (Space::Local, at) => store(&mut self.local, at, bytes, value, "thread's own memory"),
            (_, at) => around.memory.store(at, bytes, value).map_err(Fault::illegal_address),
        }
    }

    fn special<M>(&self, around: &Around<'_, M>, which: Special, done: u64) -> u64 {
        let axis = |of: [u32; 3], axis: u8| u64::from(of[usize::from(axis)]);
        let up_to = u64::MAX >> (63 - u64::from(self.lane));
        let mask = match which {
            Special::Thread(i) => return axis(self.index, i),
            Special::Threads(i) => return axis(around.threads, i),
            Special::Block(i) => return axis(around.block, i),
            Special::Blocks(i) => return axis(around.blocks, i),
            Special::Lane => return u64::from(self.lane),
            Special::Warp => return u64::from(self.warp),
            Special::Warps => return u64::from(around.threads.iter().product::<u32>().div_ceil(32)),
            Special::Clock => return (around.executed + done) & 0xffff_ffff,
            Special::Zero => return 0,
            Special::One => return 1,
            Special::Active => u64::from(around.active),
            Special::LanesUpTo => up_to,
            Special::LanesBelow => up_to >> 1,
            Special::LaneItself => 1 << self.lane,
            Special::LanesFrom => !(up_to >> 1),
            Special::LanesAbove => !up_to,
        };
        mask & 0xffff_ffff
    }
}

fn aligned(address: u64, bytes: u8) -> Result<(), Fault> {
    if address & (u64::from(bytes) - 1) == 0 {
        return Ok(());
    }
    Err(Fault {
        code: 716,
        problem: format!("the address {address:#x} is no multiple of the {bytes} bytes to be accessed"),
    })
}
