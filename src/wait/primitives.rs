//! The shadow of std: the one place that knows whether this is the real thing or a model.
//!
//! Under `--cfg aqueduct_loom` and `--cfg aqueduct_shuttle` the atomics, cells, locks and threads of the protocol
//! are those of the model checker, so that what ships is what is checked.

#[cfg(not(any(aqueduct_loom, aqueduct_shuttle)))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence};
    pub(crate) use std::thread::{Thread, current, park, park_timeout};

    use parking_lot::lock_api::RawMutex as _;

    /// A raw lock: one byte, no owner, no poisoning. Nothing that may panic runs while it is held.
    pub(crate) struct Lock(parking_lot::RawMutex);

    impl Lock {
        pub(crate) fn new() -> Self {
            Self(parking_lot::RawMutex::INIT)
        }

        #[inline]
        pub(crate) fn lock(&self) {
            self.0.lock();
        }

        /// # Safety
        /// The caller holds the lock.
        #[inline]
        pub(crate) unsafe fn unlock(&self) {
            // SAFETY: the caller holds the lock.
            unsafe { self.0.unlock() }
        }
    }

    /// std's cell with loom's interface.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}

#[cfg(any(aqueduct_loom, aqueduct_shuttle))]
mod model {
    #[cfg(aqueduct_loom)]
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence},
    };
    #[cfg(aqueduct_loom)]
    pub(crate) use parking::{Thread, current, park};
    #[cfg(aqueduct_shuttle)]
    pub(crate) use shuttle::{
        sync::{
            Mutex, MutexGuard,
            atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence},
        },
        thread::{Thread, current, park},
    };

    /// Parking over loom's `Notify`. Loom's own `unpark` is no step of the model, so not every order is explored, and
    /// it wakes a thread that waits in a `join` or for a lock, too.
    #[cfg(aqueduct_loom)]
    mod parking {
        use std::sync::Arc;

        use loom::sync::Notify;

        loom::thread_local!(static OWN: Arc<Notify> = Arc::new(Notify::new()));

        pub(crate) struct Thread(Arc<Notify>);

        impl Thread {
            pub(crate) fn unpark(&self) {
                self.0.notify();
            }
        }

        pub(crate) fn current() -> Thread {
            Thread(OWN.with(Arc::clone))
        }

        pub(crate) fn park() {
            OWN.with(Arc::clone).wait();
        }
    }

    /// Models have no time: a deadline passes whenever the model likes, so a wait with one does not wait.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        #[cfg(aqueduct_loom)]
        loom::thread::yield_now();
        #[cfg(aqueduct_shuttle)]
        shuttle::thread::yield_now();
    }

    /// The model's mutex with the interface of a raw lock: the guard is kept in the lock itself.
    pub(crate) struct Lock {
        mutex: Mutex<()>,
        guard: std::cell::UnsafeCell<Option<MutexGuard<'static, ()>>>,
    }

    // SAFETY: `guard` is touched only by the thread that holds `mutex`.
    unsafe impl Send for Lock {}
    // SAFETY: as above.
    unsafe impl Sync for Lock {}

    impl Lock {
        pub(crate) fn new() -> Self {
            Self { mutex: Mutex::new(()), guard: std::cell::UnsafeCell::new(None) }
        }

        pub(crate) fn lock(&self) {
            let guard = self.mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // SAFETY: the guard never outlives the mutex: it is in the same struct and taken out by `unlock`. We
            // hold the mutex, so nobody else touches the cell.
            unsafe {
                *self.guard.get() = Some(std::mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard))
            };
        }

        /// # Safety
        /// The caller holds the lock.
        pub(crate) unsafe fn unlock(&self) {
            // SAFETY: the caller holds the mutex, so nobody else touches the cell.
            drop(unsafe { (*self.guard.get()).take() });
        }
    }

    /// Loom's cell. Giving it up is an access, too, so that a model sees who still touches it then (I4, I7).
    #[cfg(aqueduct_loom)]
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

    #[cfg(aqueduct_loom)]
    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            self.0.with(look)
        }

        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            self.0.with_mut(change)
        }
    }

    #[cfg(aqueduct_loom)]
    impl<T> Drop for UnsafeCell<T> {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                self.0.with_mut(|_| ());
            }
        }
    }

    /// std's cell with loom's interface; shuttle checks no cells.
    #[cfg(aqueduct_shuttle)]
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    #[cfg(aqueduct_shuttle)]
    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
            look(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
            change(self.0.get())
        }
    }
}

#[cfg(any(aqueduct_loom, aqueduct_shuttle))]
pub(crate) use model::*;
#[cfg(not(any(aqueduct_loom, aqueduct_shuttle)))]
pub(crate) use real::*;
pub(crate) use std::sync::atomic::Ordering;

/// What is given up by whoever drops the last reference: std's `Arc`, of which a model knows nothing, sees to that.
#[cfg(aqueduct_loom)]
type SharedCell<T> = loom::cell::UnsafeCell<T>;
#[cfg(not(aqueduct_loom))]
type SharedCell<T> = UnsafeCell<T>;

/// A value under a lock of its own.
pub(crate) struct Locked<T> {
    lock: Lock,
    value: SharedCell<T>,
}

// SAFETY: `value` is reached only by whoever holds `lock`, as in std's `Mutex`.
unsafe impl<T: Send> Send for Locked<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Locked<T> {}

impl<T> Locked<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { lock: Lock::new(), value: SharedCell::new(value) }
    }

    /// The lock alone: a choice takes several of them by address.
    #[inline]
    pub(crate) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Runs `body` on the value under the lock.
    ///
    /// `body` must not panic and must run nothing of the user's (invariant I3): the lock would stay taken.
    #[inline]
    pub(crate) fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        self.lock.lock();
        // SAFETY: we hold the lock.
        let result = unsafe { self.with_held(body) };
        // SAFETY: we hold the lock.
        unsafe { self.lock.unlock() };
        result
    }

    /// Runs `body` on the value.
    ///
    /// # Safety
    /// The caller holds the lock.
    #[inline]
    pub(crate) unsafe fn with_held<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        self.value.with_mut(|value| {
            // SAFETY: the caller holds the lock, so this is the only reference.
            body(unsafe { &mut *value })
        })
    }
}
