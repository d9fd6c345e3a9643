//! What a kernel is decoded to.

use std::sync::Arc;

pub(crate) type One = fn(u64) -> u64;
pub(crate) type Two = fn(u64, u64) -> u64;
pub(crate) type Three = fn(u64, u64, u64) -> u64;

/// A place in a thread's array of words: a register, a constant, or an intermediate result.
pub(crate) type Slot = u32;

/// A kernel, ready to run.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) name: Arc<str>,
    pub(crate) parameters: Vec<Parameter>,
    /// What all parameters take.
    pub(crate) parameter_bytes: usize,
    pub(crate) code: Vec<Op>,
    /// A thread's words when it begins: constants, and registers that hold rubbish.
    pub(crate) words: Vec<u64>,
    /// Static shared memory, rounded up so that the dynamic one may follow.
    pub(crate) shared: usize,
    pub(crate) local: usize,
    /// From `.maxntid` or `.reqntid`.
    pub(crate) max_threads: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    Generic,
    Global,
    Shared,
    Local,
    Parameter,
}

/// Where an operation reads or writes memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) space: Space,
    pub(crate) bytes: u8,
    pub(crate) base: Slot,
    pub(crate) offset: i64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Copy {
        to: Slot,
        from: Slot,
    },
    One {
        f: One,
        to: Slot,
        a: Slot,
    },
    Two {
        f: Two,
        to: Slot,
        a: Slot,
        b: Slot,
    },
    Three {
        f: Three,
        to: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    Select {
        to: Slot,
        a: Slot,
        b: Slot,
        p: Slot,
    },
    Special {
        to: Slot,
        which: Special,
    },
    Load {
        to: Slot,
        from: Place,
    },
    Store {
        to: Place,
        from: Slot,
    },
    /// An operation on memory that no other thread comes between; `b` is the second operand of `cas`.
    Atomic {
        f: Three,
        to: Slot,
        at: Place,
        a: Slot,
        b: Slot,
    },
    /// A vector's address must be a multiple of all its bytes.
    Align {
        base: Slot,
        offset: i64,
        bytes: u8,
    },
    Jump {
        to: u32,
    },
    JumpIf {
        p: Slot,
        to: u32,
    },
    JumpUnless {
        p: Slot,
        to: u32,
    },
    Barrier {
        which: Slot,
    },
    /// What the lanes of a warp do together.
    Warp {
        what: Warp,
        to: Slot,
        valid: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
        mask: Slot,
    },
    Trap,
    Exit,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Warp {
    ShuffleUp,
    ShuffleDown,
    ShuffleButterfly,
    ShuffleIndex,
    Ballot,
    Any,
    All,
    Uniform,
    Reduce(Two),
    Sync,
}

/// The special registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Thread(u8),
    Threads(u8),
    Block(u8),
    Blocks(u8),
    Lane,
    Warp,
    Warps,
    LanesBelow,
    LanesUpTo,
    LaneItself,
    LanesFrom,
    LanesAbove,
    Active,
    Clock,
    Zero,
    One,
}

impl Special {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (stem, axis) = match name.rsplit_once('.') {
            Some((stem, "x")) => (stem, 0),
            Some((stem, "y")) => (stem, 1),
            Some((stem, "z")) => (stem, 2),
            Some(_) => return None,
            None => (name, 3),
        };
        Some(match (stem, axis) {
            ("%tid", 0..3) => Self::Thread(axis),
            ("%ntid", 0..3) => Self::Threads(axis),
            ("%ctaid", 0..3) => Self::Block(axis),
            ("%nctaid", 0..3) => Self::Blocks(axis),
            ("%laneid", 3) => Self::Lane,
            ("%warpid", 3) => Self::Warp,
            ("%nwarpid", 3) => Self::Warps,
            ("%lanemask_lt", 3) => Self::LanesBelow,
            ("%lanemask_le", 3) => Self::LanesUpTo,
            ("%lanemask_eq", 3) => Self::LaneItself,
            ("%lanemask_ge", 3) => Self::LanesFrom,
            ("%lanemask_gt", 3) => Self::LanesAbove,
            ("%clock" | "%clock64" | "%globaltimer", 3) => Self::Clock,
            ("%smid", 3) => Self::Zero,
            ("%nsmid", 3) => Self::One,
            _ => return None,
        })
    }
}
