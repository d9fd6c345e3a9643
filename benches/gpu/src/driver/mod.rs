//! What answers the driver's functions: the machine's driver, or a stand-in; with a count of the calls that matter.
//!
//! Both competitors go through the same, so the count costs both the same: an atomic addition for each call.

#[allow(unsafe_code, reason = "the driver is a C library")]
mod counted;
#[allow(unsafe_code, reason = "the functions of the driver get pointers")]
mod stand_in;

use std::ffi::c_void;
use std::sync::OnceLock;

use aqueduct::gpu::driver;
use libloading::Library;

use crate::Outcome;

pub(crate) use counted::{Counts, counts};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The machine's driver.
    Machine,
    /// Everything is done as soon as it is asked for, and nothing is: what is left is the time of the host.
    Instant,
    /// Nothing is done, and takes as long as copies and kernels of this size take on a fast GPU: a clock for each engine.
    Clocked,
    /// Everything is done at once, on the host: for a test of the race itself.
    Computing,
}

impl Driver {
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        match name {
            "instant" => Ok(Self::Instant),
            "clocked" => Ok(Self::Clocked),
            "computing" => Ok(Self::Computing),
            _ => Err(format!("no such stand-in: {name}; there are instant, clocked and computing")),
        }
    }

    /// Whether there are results to check.
    pub(crate) fn computes(self) -> bool {
        matches!(self, Self::Machine | Self::Computing)
    }

    /// What must be said above the figures.
    pub(crate) fn notice(self) -> &'static str {
        match self {
            Self::Machine => "",
            Self::Instant => {
                "**No GPU: a driver that does nothing stands in for one.** What is measured is the time of the host alone, \
                 and no results are checked but their number and order."
            }
            Self::Clocked => {
                "**No GPU: a driver that does nothing but wait stands in for one**, with a clock for each direction of \
                 copying (55 GB/s, and 2 µs each) and one for kernels (2 TB/s, and 2 µs each). What is measured is whether \
                 the host keeps such a device busy; no results are checked but their number and order."
            }
            Self::Computing => {
                "**No GPU: a driver that computes on the host stands in for one.** These figures say nothing of any GPU; what \
                 is tested is the race itself."
            }
        }
    }
}

/// Where the machine's driver usually is.
const PLACES: &[&str] =
    &["libcuda.so.1", "libcuda.so", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib64-nvidia/libcuda.so.1"];

static CHOSEN: OnceLock<Chosen> = OnceLock::new();

enum Chosen {
    Machine(Library),
    StandIn,
}

/// Puts the count before the driver. Where there is no driver, the library says so itself.
pub(crate) fn install(chosen: Driver) -> Outcome<()> {
    let source = if chosen == Driver::Machine {
        match counted::open(PLACES) {
            Some(library) => Chosen::Machine(library),
            None => return Ok(()),
        }
    } else {
        stand_in::set(chosen);
        Chosen::StandIn
    };
    let _ = CHOSEN.set(source);
    counted::install(answer)?;
    Ok(())
}

/// The function of this name, without the count.
fn answer(name: &str) -> Option<*const c_void> {
    match CHOSEN.get()? {
        Chosen::Machine(library) => counted::symbol(library, name),
        Chosen::StandIn => stand_in::answer(name),
    }
}

pub(crate) use driver::last_raw_code;
