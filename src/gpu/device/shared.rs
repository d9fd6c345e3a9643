//! What everybody may hold of an open device, on whatever thread.

use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::seat::Seat;
use super::storage::{Lent, Storage};
use super::{ContextHandle, DeviceInfo, thread};
use crate::gpu::error::{DriverError, GpuError};
use crate::gpu::memory::{CLASSES, Home, Piece, size_class};
use crate::process::{Job, Place};

/// An open device. When the last of these is gone, its thread gives everything back to the driver and ends.
pub(crate) struct Shared {
    info: DeviceInfo,
    context: ContextHandle,
    /// Not a channel of our own: whoever drops it may be a process that fails, and that must not poison the thread, which has
    /// to outlive every batch of pinned memory.
    commands: UnboundedSender<Command>,
    /// Its pinned memory.
    home: Arc<Home>,
    /// Pieces of its memory that nobody uses, by size class.
    free: Box<[Mutex<Vec<Storage>>]>,
    /// With what it failed for good.
    failed: OnceLock<DriverError>,
    /// It has just failed for good.
    failure: Notify,
    /// How many processes and calls use it.
    users: AtomicUsize,
}

/// What a device's thread is told.
pub(super) enum Command {
    /// Something to run beside others.
    Run(Job<Rc<Seat>>),
    /// Pinned memory to give back.
    FreePinned(Vec<Piece>),
    /// Memory of the device to give back.
    Free(Vec<Storage>),
}

/// The open devices, by index.
static OPEN: Mutex<Vec<(usize, Weak<Shared>)>> = Mutex::new(Vec::new());

impl Shared {
    pub(super) fn new(info: DeviceInfo, context: ContextHandle, commands: UnboundedSender<Command>) -> Arc<Self> {
        let frees = commands.clone();
        // The thread is there as long as this sender is.
        let home = Home::pinned(move |pieces| drop(frees.send(Command::FreePinned(pieces))));
        let free = (0..CLASSES).map(|_| Mutex::new(Vec::new())).collect();
        let (failed, failure, users) = (OnceLock::new(), Notify::new(), AtomicUsize::new(0));
        Arc::new(Self { info, context, commands, home, free, failed, failure, users })
    }

    /// What is known of it.
    pub(crate) fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Its context, for copies to another device.
    pub(crate) fn context(&self) -> ContextHandle {
        self.context
    }

    /// Its pinned memory.
    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Good until it has failed for good.
    pub(crate) fn alive(&self) -> Result<(), GpuError> {
        match self.failed.get() {
            Some(driver) => Err(GpuError::DeviceLost { device: Arc::clone(&self.info.name), driver: driver.clone() }),
            None => Ok(()),
        }
    }

    /// It has failed for good: tells everybody who waits for that, and gives what they get.
    pub(crate) fn fail(&self, error: DriverError) -> GpuError {
        // The first is the cause of the others.
        let driver = self.failed.get_or_init(|| error).clone();
        self.failure.notify_waiters();
        GpuError::DeviceLost { device: Arc::clone(&self.info.name), driver }
    }

    /// Waits until it fails for good.
    pub(crate) async fn failed(self: Arc<Self>) -> GpuError {
        loop {
            let mut failure = pin!(self.failure.notified());
            failure.as_mut().enable();
            if let Err(error) = self.alive() {
                return error;
            }
            failure.await;
        }
    }

    /// A free piece of its memory, if there is one of this size.
    pub(super) fn try_take(self: &Arc<Self>, bytes: usize) -> Option<Lent> {
        let storage = self.free[size_class(bytes).0].lock().pop()?;
        Some(Lent::new(storage, bytes, Arc::clone(self)))
    }

    pub(super) fn take_back(&self, storage: Storage) {
        self.free[size_class(storage.capacity).0].lock().push(storage);
    }

    /// All free pieces, to be given back to the driver.
    pub(super) fn drain(&self) -> Vec<Storage> {
        self.free.iter().flat_map(|list| std::mem::take(&mut *list.lock())).collect()
    }

    /// How many processes and calls use it now.
    pub(crate) fn users(&self) -> usize {
        self.users.load(Ordering::Relaxed)
    }

    /// How many processes and calls use the device of this index now.
    pub(crate) fn users_of(index: usize) -> usize {
        let device = OPEN.lock().iter().find(|(known, _)| *known == index).and_then(|(_, device)| device.upgrade());
        device.map_or(0, |device| device.users())
    }

    /// One more uses it, until this is dropped.
    pub(crate) fn join(self: &Arc<Self>) -> User {
        self.users.fetch_add(1, Ordering::Relaxed);
        User(Arc::clone(self))
    }

    /// The open device of this index, opened if it is not.
    ///
    /// # Errors
    /// That it cannot be opened, or has failed for good.
    pub(crate) fn open(index: usize, how: impl FnOnce() -> super::Open) -> Result<Arc<Self>, GpuError> {
        let mut open = OPEN.lock();
        let known = open.iter().find(|(known, _)| *known == index).and_then(|(_, device)| device.upgrade());
        if let Some(device) = known {
            device.alive()?;
            return Ok(device);
        }
        let device = thread::start(index, how())?;
        open.retain(|(known, device)| *known != index && device.strong_count() > 0);
        open.push((index, Arc::downgrade(&device)));
        Ok(device)
    }
}

impl Place for Shared {
    type Local = Rc<Seat>;

    fn put(&self, job: Job<Rc<Seat>>) {
        // The thread takes commands as long as one of these is left.
        drop(self.commands.send(Command::Run(job)));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.commands.send(Command::Free(self.drain())));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.info.name).field("users", &self.users()).finish_non_exhaustive()
    }
}

/// A process or a call that uses a device.
#[derive(Debug)]
pub(crate) struct User(Arc<Shared>);

impl std::ops::Deref for User {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Relaxed);
    }
}
