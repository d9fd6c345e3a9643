//! Who does what is queued, and when.
//!
//! A seed makes one of three paces. *Eager*: everything that can be done is done at the end of each call. *Lazy*: nothing is
//! done before somebody waits. *Mixed*: by chance. In all of them, half of the streams stand still for a while, then other
//! ones, and which of the rest goes on is chance too, within what events allow: so that one engine is far ahead of another,
//! in every combination. Who asks again and again is told "not yet"
//! a few times, but not for ever. When nobody calls the driver for a while, a thread of the simulator's goes on towards the
//! host functions that are queued, so that whoever waits for one of them is woken.

use std::sync::MutexGuard;
use std::thread;

use super::codes::{Code, ILLEGAL_ADDRESS};
use super::device_memory::View;
use super::host;
use super::queue::{Item, Launch, Stream, Work};
use super::world::{HostCall, MACHINE, Still, World};
use crate::ptx;
use crate::random::Random;

/// What somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    Stream(usize),
    Event { event: usize, generation: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Eager,
    Lazy,
    Mixed,
}

impl World {
    fn pace(&self) -> Pace {
        match self.settings.seed % 4 {
            0 => Pace::Lazy,
            1 => Pace::Eager,
            _ => Pace::Mixed,
        }
    }

    pub(crate) fn reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Stream(stream) => self.streams.get(&stream).is_none_or(|stream| stream.queue.is_empty()),
            Goal::Event { event, generation } => {
                self.events.get(&event).is_none_or(|event| event.reached >= generation)
            }
        }
    }

    /// Whether the head of a stream may be done now.
    fn may_step(&self, stream: usize) -> bool {
        let Some(stream) = self.streams.get(&stream) else { return false };
        match stream.queue.front().map(|item| &item.work) {
            None => false,
            Some(Work::Wait { event, generation }) => {
                self.reached(Goal::Event { event: *event, generation: *generation })
            }
            Some(_) => !stream.calling,
        }
    }

    /// A stream whose head has to be done before the goal is reached, and can be.
    fn needed(&self, goal: Goal) -> Option<usize> {
        let mut stream = match goal {
            Goal::Stream(stream) => stream,
            Goal::Event { event, generation } => self.recorder(event, generation)?,
        };
        // Each turn goes to a stream whose work was queued earlier: there is no circle.
        loop {
            if self.may_step(stream) {
                return Some(stream);
            }
            match self.streams.get(&stream)?.queue.front()?.work {
                Work::Wait { event, generation } => stream = self.recorder(event, generation)?,
                _ => return None,
            }
        }
    }

    /// The stream in which an event is yet to be reached: where it was recorded first, since whoever records it again may wait
    /// for that.
    fn recorder(&self, wanted: usize, least: u64) -> Option<usize> {
        let records = |(handle, stream): (&usize, &Stream)| {
            let generations = stream.queue.iter().filter_map(|item| match item.work {
                Work::Record { event, generation } if event == wanted && generation >= least => Some(generation),
                _ => None,
            });
            generations.min().map(|generation| (generation, *handle))
        };
        self.streams.iter().filter_map(records).min().map(|(_, handle)| handle)
    }

    fn step_any(&mut self) -> bool {
        self.step_one_of(|_| true)
    }

    fn step_one_of(&mut self, among: impl Fn(&Stream) -> bool) -> bool {
        let able = self.streams.iter().filter(|(handle, stream)| among(stream) && self.may_step(**handle));
        let able: Vec<usize> = able.map(|(handle, _)| *handle).collect();
        if able.is_empty() {
            return false;
        }
        let chosen = able[self.random.below(able.len() as u64) as usize];
        self.step(chosen);
        true
    }

    /// Does the head of some stream that does not stand still.
    fn step_moving(&mut self) -> bool {
        let Still { which, others, .. } = self.still;
        self.step_one_of(|stream| (Random::new(which ^ stream.number).below(2) == 0) != others)
    }

    /// Time goes on: now and then, other streams stand still; every second time just those that did not before.
    fn tick(&mut self) {
        if self.still.left == 0 {
            let others = !self.still.others;
            let which = if others { self.still.which } else { self.random.next() };
            self.still = Still { which, others, left: 1 + self.random.below(40) };
        }
        self.still.left -= 1;
    }

    /// Some progress towards a goal; false if nothing can be done now.
    fn step_towards(&mut self, goal: Goal) -> bool {
        self.tick();
        if self.random.below(16) > 0 {
            return self.step_moving() || self.step_any();
        }
        match self.needed(goal) {
            Some(stream) => self.step(stream),
            None => return self.step_any(),
        }
        true
    }

    /// What happens by itself after a call.
    pub(crate) fn drift(&mut self) {
        self.tick();
        match self.pace() {
            Pace::Lazy => {}
            Pace::Mixed => while self.random.below(2) == 0 && self.step_moving() {},
            Pace::Eager => while self.step_moving() {},
        }
    }

    /// Does everything that can be done; true if nothing is left, not even a host function that is running.
    pub(crate) fn finish_work(&mut self) -> bool {
        while self.step_any() {}
        self.streams.values().all(|stream| stream.queue.is_empty())
    }

    /// Whether a goal is reached, for somebody who asks and does not wait.
    pub(crate) fn ask(&mut self, goal: Goal) -> bool {
        self.asked += 1;
        if !self.reached(goal) && (self.asked.is_multiple_of(8) || self.random.below(4) == 0) {
            self.step_towards(goal);
        }
        self.reached(goal)
    }

    /// Does the head of a stream.
    pub(crate) fn step(&mut self, stream: usize) {
        self.asked = 0;
        self.clock += 1;
        let Some(found) = self.streams.get_mut(&stream) else { return };
        let device = found.device;
        if let Some(Item { work: Work::Host { function, data }, fails: None }) = found.queue.front() {
            let call = HostCall { stream: Some(stream), function: *function, data: *data };
            found.calling = true;
            if let Some(device) = self.devices.get_mut(device) {
                device.calls.push_back(call);
            }
            MACHINE.called.notify_all();
            return;
        }
        let Some(Item { work, fails }) = found.queue.pop_front() else { return };
        let done = match fails {
            Some(code) => Err((code, None)),
            None => self.perform(device, work),
        };
        if let Err((code, problem)) = done {
            if let Some(problem) = problem {
                self.violation(problem);
            }
            self.lose(device, code);
        }
        self.forget_stream(stream);
    }

    /// A destroyed stream is forgotten when all of it is done.
    pub(crate) fn forget_stream(&mut self, stream: usize) {
        if self.streams.get(&stream).is_some_and(|stream| stream.closed && stream.queue.is_empty()) {
            self.streams.remove(&stream);
        }
    }

    fn perform(&mut self, device: usize, work: Work) -> Result<(), (Code, Option<String>)> {
        let illegal = |problem: String| (ILLEGAL_ADDRESS, Some(problem));
        match work {
            Work::CopyIn { to, from, bytes } => {
                if !self.pinned.has(from, bytes) {
                    return Err(illegal(format!("pinned memory at {from:#x} was given back before it was copied")));
                }
                host::read(from, self.memory.write(to, bytes).map_err(illegal)?);
                self.traffic.to_device += bytes as u64;
            }
            Work::CopyOut { to, from, bytes } => {
                if !self.pinned.has(to, bytes) {
                    return Err(illegal(format!("pinned memory at {to:#x} was given back before it was copied to")));
                }
                host::write(to, self.memory.read(from, bytes).map_err(illegal)?);
                self.traffic.to_host += bytes as u64;
            }
            Work::Copy { to, from, bytes } => {
                let content = self.memory.read(from, bytes).map_err(illegal)?.to_vec();
                self.memory.write(to, bytes).map_err(illegal)?.copy_from_slice(&content);
                let other = self.memory.device_of(from, bytes) != self.memory.device_of(to, bytes);
                *(if other { &mut self.traffic.between } else { &mut self.traffic.within }) += bytes as u64;
            }
            Work::Write { to, content } => {
                self.memory.write(to, content.len()).map_err(illegal)?.copy_from_slice(&content);
            }
            Work::Launch(launch) => self.run(device, &launch)?,
            Work::Record { event, generation } => {
                let clock = self.clock;
                if let Some(event) = self.events.get_mut(&event) {
                    event.reached = event.reached.max(generation);
                    event.time = clock;
                }
            }
            Work::Wait { .. } | Work::Host { .. } => {}
        }
        Ok(())
    }

    fn run(&mut self, device: usize, launch: &Launch) -> Result<(), (Code, Option<String>)> {
        let Launch { kernel, blocks, threads, shared, parameters, .. } = launch;
        let launch = ptx::Launch {
            kernel,
            blocks: *blocks,
            threads: *threads,
            shared: *shared,
            parameters,
            seed: self.random.next(),
            most: self.settings.most_operations,
        };
        let mut view = View { memory: &mut self.memory, device };
        match ptx::launch(&launch, &mut view) {
            Ok(executed) => {
                self.executed += executed;
                Ok(())
            }
            Err(fault) => Err((fault.code, Some(format!("the kernel `{}` failed: {}", kernel.name, fault.problem)))),
        }
    }
}

/// Waits until a goal is reached; the lock is given up while a host function runs.
pub(crate) fn wait(goal: Goal) {
    let mut world = MACHINE.lock();
    while !world.reached(goal) {
        if !world.step_towards(goal) {
            world = MACHINE.changed.wait(world).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

/// Starts the thread of a device, which calls host functions.
pub(crate) fn start_thread(device: usize) -> std::io::Result<()> {
    thread::Builder::new().name(format!("simulated-gpu-{device}")).spawn(move || serve(device)).map(drop)
}

fn serve(device: usize) {
    let mut world = MACHINE.lock();
    loop {
        world = match world.devices.get_mut(device).and_then(|device| device.calls.pop_front()) {
            Some(call) => {
                drop(world);
                host::call(call.function, call.data);
                finished(device, call)
            }
            None => idle(device, world),
        };
    }
}

fn finished(device: usize, call: HostCall) -> MutexGuard<'static, World> {
    let mut world = MACHINE.lock();
    if let Some(handle) = call.stream {
        if let Some(stream) = world.streams.get_mut(&handle).filter(|stream| stream.calling && stream.device == device)
        {
            stream.calling = false;
            stream.queue.pop_front();
        }
        world.forget_stream(handle);
        MACHINE.changed.notify_all();
    }
    world
}

/// Waits for something to do; goes on towards a host function when nobody else drives the simulation.
fn idle(device: usize, world: MutexGuard<'static, World>) -> MutexGuard<'static, World> {
    let hosts = |item: &Item| matches!(item.work, Work::Host { .. });
    let waiting = |world: &World| {
        let mine = world.streams.iter().filter(|(_, stream)| stream.device == device && !stream.calling);
        mine.filter(|(_, stream)| stream.queue.iter().any(hosts)).map(|(handle, _)| *handle).next()
    };
    let into_inner = std::sync::PoisonError::into_inner;
    if waiting(&world).is_none() {
        return MACHINE.called.wait(world).unwrap_or_else(into_inner);
    }
    let driven = world.driven;
    let quiet = world.settings.quiet;
    let (mut world, _) = MACHINE.called.wait_timeout(world, quiet).unwrap_or_else(|error| error.into_inner());
    if world.driven == driven {
        while let Some(stream) = waiting(&world) {
            if !world.step_towards(Goal::Stream(stream)) {
                break;
            }
        }
        MACHINE.changed.notify_all();
    }
    world
}
