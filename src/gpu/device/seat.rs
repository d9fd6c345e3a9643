//! What the thread of a device owns: the driver, and who waits for what.
//!
//! **Waiting.** A task on this thread that waits for a mark is *armed*: its mark and its waker are in a list. One task, the
//! scanner, asks the driver after the armed marks, and wakes those that are reached. While there is something armed it asks
//! without pause for [`SPIN`], giving way to the other tasks between; then it has a bell put into each armed queue, and
//! sleeps until one rings, until something is armed, or for [`DOZE`], since a device that has failed rings nothing. A bell wakes
//! a thread of the driver's, which wakes this one: the work must be so long that the slots behind it keep the device busy
//! meanwhile.
//!
//! A mark is armed only while it stands where it stood when it was armed: whoever finds it reached, or gives up waiting, disarms
//! it before it is put anywhere else; else the scanner would trust a bell that has rung already.
//!
//! **Failing.** An error that is for good is kept in [`Shared`]; everybody who is armed, or waits for the failure itself, is
//! woken, and gets it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::shared::Shared;
use super::storage::{Lent, Storage};
use super::{Bell, Device, DeviceInfo, Function, LoadError, Mark, Module, Queue};
use crate::gpu::error::{DriverError, GpuError};
use crate::gpu::kernel::Recipe;
use crate::gpu::memory::{Block, Piece, size_class};

/// For how long the scanner asks without pause: about what a bell and the end of a sleep take at worst. A stage with three slots
/// has about the time of one batch in hand, so batches that take longer than this lose nothing by the bell.
const SPIN: Duration = Duration::from_micros(100);

/// For how long the scanner sleeps where something is armed, whether a bell rings or not.
const DOZE: Duration = Duration::from_millis(2);

/// How many recipes are remembered before those that are gone are forgotten.
const PREPARED: usize = 256;

/// What the thread of a device owns.
pub(crate) struct Seat {
    device: Box<dyn Device>,
    shared: Weak<Shared>,
    armed: RefCell<Vec<Armed>>,
    /// Something was armed, or a bell has rung.
    news: Arc<News>,
    /// Queues that nobody uses, each with its mark.
    lanes: RefCell<Vec<Lane>>,
    /// Marks of memory that was given back. They are kept, since somebody may still ask after them.
    spare_marks: RefCell<Vec<Mark>>,
    loaded: RefCell<HashMap<Box<str>, Loaded>>,
    /// The kernels of recipes, by where the recipe lies.
    prepared: RefCell<HashMap<*const Recipe, Prepared>>,
}

/// A loaded text, and the most dynamic shared memory that any of its kernels was asked for with. What is allowed to a kernel
/// holds for all who launch it, so it must never shrink.
struct Loaded {
    module: Module,
    shared: u32,
    users: Vec<Weak<Recipe>>,
}

/// The kernels of a recipe, as long as there is this recipe.
type Prepared = (Weak<Recipe>, Rc<[Function]>);

/// Somebody waits for a mark.
struct Armed {
    mark: Mark,
    queue: Queue,
    waker: Waker,
    /// A bell is in its queue.
    belled: bool,
}

/// A queue, and a mark to be put into it.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) queue: Queue,
    pub(crate) mark: Mark,
}

#[derive(Default)]
struct News(Notify);

impl Bell for News {
    fn ring(&self) {
        self.0.notify_one();
    }
}

impl Seat {
    pub(super) fn new(device: Box<dyn Device>, shared: &Arc<Shared>) -> Self {
        Self {
            device,
            shared: Arc::downgrade(shared),
            armed: RefCell::default(),
            news: Arc::default(),
            lanes: RefCell::default(),
            spare_marks: RefCell::default(),
            loaded: RefCell::default(),
            prepared: RefCell::default(),
        }
    }

    /// The driver.
    pub(crate) fn device(&self) -> &dyn Device {
        &*self.device
    }

    /// What an error of the driver's means, of which everybody hears if it is for good.
    pub(crate) fn trouble(&self, error: DriverError) -> GpuError {
        if !error.is_sticky() {
            return GpuError::Driver(error);
        }
        let lost = match self.shared.upgrade() {
            Some(shared) => shared.fail(error),
            None => GpuError::DeviceLost { device: Arc::clone(&self.device.info().name), driver: error },
        };
        for armed in self.armed.borrow_mut().drain(..) {
            armed.waker.wake();
        }
        lost
    }

    /// What an error means of something that another device had a part in: that one may be the one that failed. Our own is
    /// asked after a mark of its own.
    pub(crate) fn trouble_between(&self, other: &Shared, own: Mark, error: DriverError) -> GpuError {
        if error.is_sticky() && self.device.reached(own).is_ok() { other.fail(error) } else { self.trouble(error) }
    }

    /// As [`trouble`](Self::trouble), of memory of the host.
    fn not_pinned(&self, error: DriverError, bytes: usize) -> GpuError {
        if error.code == crate::gpu::codes::OUT_OF_MEMORY {
            GpuError::PinnedMemory { bytes, driver: error }
        } else {
            self.trouble(error)
        }
    }

    /// As [`trouble`](Self::trouble), of memory of the device.
    fn no_room(&self, error: DriverError, bytes: usize) -> GpuError {
        if error.code == crate::gpu::codes::OUT_OF_MEMORY {
            let free = self.device.memory().map_or(0, |(free, _)| free);
            GpuError::OutOfMemory { bytes, free, device: Arc::clone(&self.device.info().name), driver: error }
        } else {
            self.trouble(error)
        }
    }

    /// Waits until a mark is reached that was recorded in this queue.
    pub(crate) fn poll_reached(&self, lane: Queue, mark: Mark, cx: &mut Context<'_>) -> Poll<Result<(), GpuError>> {
        if let Some(shared) = self.shared.upgrade() {
            shared.alive()?;
        }
        match self.device.reached(mark) {
            Ok(true) => {
                // It may have come by itself. When the mark is put somewhere else, nobody waits for it any more.
                self.disarm(mark);
                Poll::Ready(Ok(()))
            }
            Ok(false) => {
                self.arm(lane, mark, cx);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(self.trouble(error))),
        }
    }

    fn arm(&self, queue: Queue, mark: Mark, cx: &Context<'_>) {
        let mut armed = self.armed.borrow_mut();
        match armed.iter_mut().find(|armed| armed.mark == mark && armed.waker.will_wake(cx.waker())) {
            Some(_) => {}
            None => {
                armed.push(Armed { mark, queue, waker: cx.waker().clone(), belled: false });
                self.news.0.notify_one();
            }
        }
    }

    /// Nobody waits for this mark any more.
    pub(crate) fn disarm(&self, mark: Mark) {
        self.armed.borrow_mut().retain(|armed| armed.mark != mark);
    }

    /// Wakes whoever waits for what is reached; true if there was one.
    fn look(&self) -> bool {
        let mut woken = false;
        let mut index = 0;
        loop {
            let Some(mark) = self.armed.borrow().get(index).map(|armed| armed.mark) else { return woken };
            // An error is told to whoever is woken by it, when it asks itself.
            if matches!(self.device.reached(mark), Ok(false)) {
                index += 1;
                continue;
            }
            let armed = self.armed.borrow_mut().swap_remove(index);
            armed.waker.wake();
            woken = true;
        }
    }

    /// Asks after the armed marks, as long as the thread lives.
    pub(super) async fn scan(self: Rc<Self>) {
        let bell: Arc<dyn Bell> = Arc::clone(&self.news) as Arc<dyn Bell>;
        let began = Cell::new(Instant::now());
        loop {
            if self.look() {
                began.set(Instant::now());
            }
            if self.armed.borrow().is_empty() {
                self.news.0.notified().await;
                began.set(Instant::now());
            } else if began.get().elapsed() < SPIN {
                tokio::task::yield_now().await;
            } else {
                self.hang_bells(&bell);
                // A device that fails rings no bell.
                let _ = tokio::time::timeout(DOZE, self.news.0.notified()).await;
                began.set(Instant::now());
            }
        }
    }

    /// Puts a bell into every queue in which somebody waits. Where the driver refuses, it is asked again later.
    fn hang_bells(&self, bell: &Arc<dyn Bell>) {
        for armed in self.armed.borrow_mut().iter_mut().filter(|armed| !armed.belled) {
            armed.belled = self.device.ring(armed.queue, bell).is_ok();
        }
    }

    /// A queue with its mark.
    pub(crate) fn take_lane(&self) -> Result<Lane, GpuError> {
        if let Some(lane) = self.lanes.borrow_mut().pop() {
            return Ok(lane);
        }
        let queue = self.device.open_queue().map_err(|error| self.trouble(error))?;
        match self.device.create_mark() {
            Ok(mark) => Ok(Lane { queue, mark }),
            Err(error) => {
                self.device.close_queue(queue);
                Err(self.trouble(error))
            }
        }
    }

    /// Gives a queue back, in which nothing is left to do.
    pub(crate) fn give_lane(&self, lane: Lane) {
        self.lanes.borrow_mut().push(lane);
    }

    /// Memory of the device. What is in it is whatever was there.
    pub(crate) fn take(&self, bytes: usize, shared: &Arc<Shared>) -> Result<Lent, GpuError> {
        if let Some(lent) = shared.try_take(bytes) {
            return Ok(lent);
        }
        let (_, capacity) = size_class(bytes);
        let address = match self.device.allocate(capacity) {
            Ok(address) => address,
            Err(error) if error.code == crate::gpu::codes::OUT_OF_MEMORY => {
                // What lies about in other sizes may make room.
                self.free(shared.drain());
                self.device.allocate(capacity).map_err(|error| self.no_room(error, capacity))?
            }
            Err(error) => return Err(self.trouble(error)),
        };
        let spare = self.spare_marks.borrow_mut().pop();
        let mark = match spare.map_or_else(|| self.device.create_mark(), Ok) {
            Ok(mark) => mark,
            Err(error) => {
                // SAFETY: allocated above, and never used.
                unsafe { self.device.free(address) };
                return Err(self.trouble(error));
            }
        };
        let storage = Storage { address, capacity, mark, pending: false };
        Ok(Lent::new(storage, bytes, Arc::clone(shared)))
    }

    /// Pinned memory. What is in it is whatever was there.
    pub(crate) fn take_pinned(&self, bytes: usize, shared: &Shared) -> Result<Block, GpuError> {
        if let Some(block) = shared.home().try_take(bytes) {
            return Ok(block);
        }
        let (_, capacity) = size_class(bytes);
        let pointer = match self.device.allocate_pinned(capacity) {
            Ok(pointer) => pointer,
            Err(error) if error.code == crate::gpu::codes::OUT_OF_MEMORY => {
                self.free_pinned(shared.home().drain());
                self.device.allocate_pinned(capacity).map_err(|error| self.not_pinned(error, capacity))?
            }
            Err(error) => return Err(self.trouble(error)),
        };
        // SAFETY: the driver has just allocated so many bytes for us. They are made defined, since somebody may look at a
        // batch that no device has written yet.
        let piece = unsafe {
            pointer.as_ptr().write_bytes(0, capacity);
            Piece::new(pointer, capacity)
        };
        Ok(shared.home().adopt(piece, bytes))
    }

    /// Gives memory of the device back to the driver.
    pub(super) fn free(&self, storages: Vec<Storage>) {
        for storage in storages {
            // Its last owner may have dropped it before it was written to.
            while storage.pending && matches!(self.device.reached(storage.mark), Ok(false)) {
                std::thread::yield_now();
            }
            // SAFETY: it was allocated here, it has no owner, and nothing is under way in it.
            unsafe { self.device.free(storage.address) };
            self.spare_marks.borrow_mut().push(storage.mark);
        }
    }

    /// Gives pinned memory back to the driver.
    pub(super) fn free_pinned(&self, pieces: Vec<Piece>) {
        for piece in pieces {
            // SAFETY: allocated by this device, and it has no owner: whoever has copies under way keeps the block.
            unsafe { self.device.free_pinned(piece.pointer()) };
        }
    }

    /// The kernels of a recipe, compiled and loaded. The same text is loaded once.
    pub(crate) fn prepare(&self, recipe: &Arc<Recipe>) -> Result<Rc<[Function]>, GpuError> {
        let key = Arc::as_ptr(recipe);
        // The place of a recipe is not given to another while this list knows of it.
        if let Some((_, functions)) = self.prepared.borrow().get(&key) {
            return Ok(Rc::clone(functions));
        }
        if self.prepared.borrow().len() >= PREPARED {
            self.forget_unused();
        }
        let functions = self.load(recipe)?;
        self.prepared.borrow_mut().insert(key, (Arc::downgrade(recipe), Rc::clone(&functions)));
        Ok(functions)
    }

    /// Forgets the recipes that are gone, and unloads the texts that only they used. Whoever has a kernel under way keeps its
    /// recipe.
    fn forget_unused(&self) {
        self.prepared.borrow_mut().retain(|_, (recipe, _)| recipe.strong_count() > 0);
        self.loaded.borrow_mut().retain(|_, loaded| {
            loaded.users.retain(|recipe| recipe.strong_count() > 0);
            if loaded.users.is_empty() {
                self.device.unload(loaded.module);
            }
            !loaded.users.is_empty()
        });
    }

    fn load(&self, recipe: &Arc<Recipe>) -> Result<Rc<[Function]>, GpuError> {
        let plan = &*recipe.plan;
        if plan.entries().is_empty() {
            return Ok(Rc::default());
        }
        let DeviceInfo { capability, max_shared, ref name, .. } = *self.device.info();
        let shared = plan.shared();
        if shared > max_shared {
            let problem =
                format!("{shared} bytes of shared memory are more than a block can have on {name}: {max_shared}");
            return Err(GpuError::Launch { kernel: Arc::clone(&recipe.name), problem });
        }
        let ptx = plan.ptx(capability)?;
        plan.check(&ptx)?;
        let mut all = self.loaded.borrow_mut();
        if !all.contains_key(&*ptx) {
            let module = self.device.load(&ptx).map_err(|LoadError { error, log }| match self.trouble(error) {
                GpuError::Driver(driver) => GpuError::Load { kernel: Arc::clone(&recipe.name), log, driver },
                lost => lost,
            })?;
            all.insert((*ptx).into(), Loaded { module, shared: 0, users: Vec::new() });
        }
        let Some(loaded) = all.get_mut(&*ptx) else { unreachable!("it has just been loaded") };
        loaded.shared = loaded.shared.max(plan.shared());
        loaded.users.push(Arc::downgrade(recipe));
        let function = |entry: &Arc<str>| self.device.function(loaded.module, entry, loaded.shared);
        plan.entries().iter().map(|entry| function(entry).map_err(|error| self.trouble(error))).collect()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        for Lane { queue, mark } in self.lanes.get_mut().drain(..) {
            self.device.close_queue(queue);
            self.device.destroy_mark(mark);
        }
        for mark in self.spare_marks.get_mut().drain(..) {
            self.device.destroy_mark(mark);
        }
        for (_, loaded) in self.loaded.get_mut().drain() {
            self.device.unload(loaded.module);
        }
    }
}
