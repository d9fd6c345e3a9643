//! The state of the simulated machine.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use super::codes::{Code, INVALID_CONTEXT, INVALID_HANDLE, NOT_INITIALIZED};
use super::context;
use super::device_memory::DeviceMemory;
use super::functions::{Function, calls};
use super::modules::Module;
use super::pinned::Pinned;
use super::queue::{Event, Stream};
use crate::random::Random;
use crate::settings::Settings;

pub(crate) type Answer = Result<(), Code>;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    /// Which `Simulator` this is the time of; 0 before the first.
    pub(crate) session: u64,
    pub(crate) random: Random,
    pub(crate) devices: Vec<Device>,
    pub(crate) memory: DeviceMemory,
    pub(crate) pinned: Pinned,
    pub(crate) streams: BTreeMap<usize, Stream>,
    pub(crate) events: BTreeMap<usize, Event>,
    pub(crate) modules: BTreeMap<usize, Module>,
    handles: usize,
    /// In this session.
    pub(crate) streams_made: u64,
    pub(crate) traffic: Traffic,
    pub(crate) violations: Vec<String>,
    pub(crate) injections: Vec<Injection>,
    /// Steps so far: the simulated clock.
    pub(crate) clock: u64,
    pub(crate) still: Still,
    /// Queries since the last step.
    pub(crate) asked: u64,
    /// Calls so far: while it grows, somebody drives the simulation.
    pub(crate) driven: u64,
    /// Operations of kernels so far.
    pub(crate) executed: u64,
}

/// Which streams stand still for a while.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Still {
    /// A seed that says it of each stream.
    pub(crate) which: u64,
    /// It is the others.
    pub(crate) others: bool,
    /// For how many calls and steps yet.
    pub(crate) left: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Device {
    /// How often its primary context was retained.
    pub(crate) retained: u32,
    /// What it failed with, for good.
    pub(crate) lost: Option<Code>,
    /// Host functions that are to be called.
    pub(crate) calls: VecDeque<HostCall>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct HostCall {
    /// None in the instant mode, where nothing is queued.
    pub(crate) stream: Option<usize>,
    pub(crate) function: usize,
    pub(crate) data: usize,
}

/// A failure that is to come.
#[derive(Debug)]
pub(crate) struct Injection {
    pub(crate) function: Function,
    /// How many calls are left until then.
    pub(crate) left: u64,
    pub(crate) code: Code,
    /// The call succeeds, and what it queued fails.
    pub(crate) later: bool,
}

/// Bytes that were copied, by where from and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// From the host to a device.
    pub to_device: u64,
    /// From a device to the host.
    pub to_host: u64,
    /// Within one device.
    pub within: u64,
    /// From one device to another.
    pub between: u64,
    /// How many asynchronous copies had memory of the host that is not pinned: a driver waits for them.
    pub pageable: u64,
}

pub(crate) struct Machine {
    world: Mutex<World>,
    /// Something was done, queued or given back.
    pub(crate) changed: Condvar,
    /// A host function was queued, or is to be called: for the threads of the devices.
    pub(crate) called: Condvar,
}

pub(crate) static MACHINE: LazyLock<Machine> =
    LazyLock::new(|| Machine { world: Mutex::default(), changed: Condvar::new(), called: Condvar::new() });

impl Machine {
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers one call of the driver.
pub(crate) fn answer(function: Function, f: impl FnOnce(&mut World) -> Answer) -> Code {
    calls(function);
    let mut world = MACHINE.lock();
    if world.session == 0 {
        return NOT_INITIALIZED;
    }
    world.driven += 1;
    if let Some(code) = world.injected(function) {
        return code;
    }
    let answer = f(&mut world);
    world.forget_later(function);
    world.drift();
    drop(world);
    MACHINE.changed.notify_all();
    answer.err().unwrap_or(0)
}

impl World {
    pub(crate) fn handle(&mut self) -> usize {
        self.handles += 1;
        0x5100_0000 + self.handles * 64
    }

    pub(crate) fn violation(&mut self, problem: String) {
        self.violations.push(problem);
    }

    /// What an injection makes of this call.
    fn injected(&mut self, function: Function) -> Option<Code> {
        for injection in self.injections.iter_mut().filter(|injection| injection.function == function) {
            injection.left = injection.left.saturating_sub(1);
        }
        let due = |injection: &Injection| injection.function == function && injection.left == 0 && !injection.later;
        let at = self.injections.iter().position(due)?;
        Some(self.injections.remove(at).code)
    }

    /// The failure that what this call queues is to have.
    pub(crate) fn injected_later(&mut self, function: Function) -> Option<Code> {
        let due = |injection: &Injection| injection.function == function && injection.left == 0 && injection.later;
        let at = self.injections.iter().position(due)?;
        Some(self.injections.remove(at).code)
    }

    /// A call that queued nothing leaves its failure to the next one.
    fn forget_later(&mut self, function: Function) {
        for injection in self.injections.iter_mut().filter(|i| i.function == function && i.left == 0) {
            injection.left = 1;
        }
    }

    /// The device whose context is current on this thread, and works.
    pub(crate) fn current(&self) -> Result<usize, Code> {
        let device = self.current_even_lost()?;
        self.working(device)?;
        Ok(device)
    }

    pub(crate) fn current_even_lost(&self) -> Result<usize, Code> {
        let device = context::current().ok_or(INVALID_CONTEXT)?;
        match self.devices.get(device) {
            Some(found) if found.retained > 0 => Ok(device),
            _ => Err(INVALID_CONTEXT),
        }
    }

    pub(crate) fn working(&self, device: usize) -> Answer {
        self.devices.get(device).and_then(|device| device.lost).map_or(Ok(()), Err)
    }

    /// The stream with this handle. The legacy streams are refused.
    pub(crate) fn stream(&mut self, stream: usize) -> Result<&mut Stream, Code> {
        if stream <= 2 {
            self.violation(format!("the legacy stream ({stream}) was used"));
            return Err(INVALID_HANDLE);
        }
        if self.streams.get(&stream).is_none_or(|stream| stream.closed) {
            self.violation(format!("there is no stream {stream:#x}"));
            return Err(INVALID_HANDLE);
        }
        self.streams.get_mut(&stream).ok_or(INVALID_HANDLE)
    }

    /// The stream, which must be of the context that is current; and its device.
    pub(crate) fn own_stream(&mut self, stream: usize) -> Result<usize, Code> {
        let current = self.current()?;
        let device = self.stream(stream)?.device;
        if device != current {
            self.violation(format!(
                "a stream of device {device} was used while the context of device {current} was current"
            ));
            return Err(INVALID_CONTEXT);
        }
        Ok(device)
    }

    pub(crate) fn event(&mut self, event: usize) -> Result<&mut Event, Code> {
        if self.events.get(&event).is_none_or(|event| event.closed) {
            self.violation(format!("there is no event {event:#x}"));
            return Err(INVALID_HANDLE);
        }
        self.events.get_mut(&event).ok_or(INVALID_HANDLE)
    }

    /// A device fails for good: nothing of what is queued there will be done, and nobody waits for it.
    pub(crate) fn lose(&mut self, device: usize, code: Code) {
        let Some(found) = self.devices.get_mut(device) else { return };
        found.lost.get_or_insert(code);
        found.calls.clear();
        for stream in self.streams.values_mut().filter(|stream| stream.device == device) {
            stream.queue.clear();
            stream.calling = false;
        }
        for event in self.events.values_mut().filter(|event| event.device == device) {
            event.reached = event.recorded;
        }
        MACHINE.changed.notify_all();
    }
}
