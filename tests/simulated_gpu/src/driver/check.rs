//! What is alive, and what was left behind.

use std::fmt;

use super::world::World;

/// How many objects of each kind are alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Live {
    /// Allocations on devices.
    pub memory: usize,
    /// Allocations of pinned memory.
    pub pinned: usize,
    /// Streams.
    pub streams: usize,
    /// Events.
    pub events: usize,
    /// Loaded modules.
    pub modules: usize,
    /// How often primary contexts are retained.
    pub contexts: usize,
}

impl Live {
    /// True if there is nothing that has to be given back. Contexts are not counted: a program may keep them.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        Self { contexts: 0, ..*self } == Self::default()
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, pinned, streams, events, modules, contexts } = self;
        write!(
            f,
            "{memory} allocations on devices, {pinned} of pinned memory, {streams} streams, {events} events, {modules} \
             modules; contexts retained {contexts} times"
        )
    }
}

impl World {
    /// What is alive that this session has made. What a lost device holds can no more be given back, and does not count.
    pub(crate) fn live(&self) -> Live {
        let session = self.session;
        let counts = |device: usize, of: u64| of == session && self.working(device).is_ok();
        Live {
            memory: self.memory.live().filter(|block| counts(block.device, block.session)).count(),
            pinned: self.pinned.live().filter(|block| counts(block.device, block.session)).count(),
            streams: self.streams.values().filter(|s| !s.closed && counts(s.device, s.session)).count(),
            events: self.events.values().filter(|e| !e.closed && counts(e.device, e.session)).count(),
            modules: self.modules.values().filter(|module| counts(module.device, module.session)).count(),
            contexts: self.devices.iter().map(|device| device.retained as usize).sum(),
        }
    }

    /// Forgets what is queued, and the streams and events that nobody can use any more.
    pub(crate) fn forget_work(&mut self) {
        self.streams.retain(|_, stream| !stream.closed);
        self.events.retain(|_, event| !event.closed);
        for stream in self.streams.values_mut() {
            stream.queue.clear();
            stream.calling = false;
        }
        for event in self.events.values_mut() {
            event.reached = event.recorded;
        }
        self.devices.iter_mut().for_each(|device| device.calls.clear());
    }

    /// Forgets everything on a device, and why it was lost.
    pub(crate) fn forget_device(&mut self, device: usize) {
        self.memory.forget(device);
        let kept = self.pinned.forget(device);
        kept.into_iter().for_each(|problem| self.violation(problem));
        self.streams.retain(|_, stream| stream.device != device);
        self.events.retain(|_, event| event.device != device);
        self.modules.retain(|_, module| module.device != device);
        self.devices[device].lost = None;
        self.devices[device].calls.clear();
    }
}
