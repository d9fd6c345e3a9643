//! A bell that the driver rings: how one pointer carries it through the driver.
//!
//! The driver's callback carries one word, and a `dyn Bell` is two. So a bell is put into a [`Rope`] the first time it
//! is hung, and each ring counts the rope once more until the driver has pulled it: nothing is allocated per ring. If
//! the driver never calls (as after an error that is for good), that count stays, and with it the few bytes of the
//! rope; to take it back would be to guess that no call is on its way.

use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::Arc;

use crate::gpu::device::Bell;

/// A bell behind a pointer of one word.
struct Rope {
    bell: Arc<dyn Bell>,
}

/// The bells that were hung so far.
#[derive(Default)]
pub(super) struct Ropes(RefCell<Vec<Arc<Rope>>>);

impl Ropes {
    /// The word to give the driver beside [`pull`]; one call of either [`pull`] or [`untie`] must follow.
    pub(super) fn tie(&self, bell: &Arc<dyn Bell>) -> *mut c_void {
        let mut ropes = self.0.borrow_mut();
        let rope = match ropes.iter().find(|rope| Arc::ptr_eq(&rope.bell, bell)) {
            Some(rope) => Arc::clone(rope),
            None => {
                // Bells that only we still know of will not be rung again.
                ropes.retain(|rope| Arc::strong_count(&rope.bell) > 1);
                let rope = Arc::new(Rope { bell: Arc::clone(bell) });
                ropes.push(Arc::clone(&rope));
                rope
            }
        };
        Arc::into_raw(rope).cast_mut().cast()
    }
}

/// What the driver calls, on a thread of its own. A bell that panics ends the program, as every panic at this border
/// does.
///
/// # Safety
/// `rope` comes from [`Ropes::tie`], and has not been pulled or untied.
pub(super) unsafe extern "C" fn pull(rope: *mut c_void) {
    // SAFETY: as the caller promises.
    let rope = unsafe { claim(rope) };
    rope.bell.ring();
}

/// Takes back a rope that the driver did not accept.
///
/// # Safety
/// As for [`pull`].
pub(super) unsafe fn untie(rope: *mut c_void) {
    // SAFETY: as the caller promises.
    drop(unsafe { claim(rope) });
}

/// # Safety
/// As for [`pull`].
unsafe fn claim(rope: *mut c_void) -> Arc<Rope> {
    // SAFETY: `tie` gave one count away with this pointer, and this is the only call that takes it back.
    unsafe { Arc::from_raw(rope.cast_const().cast::<Rope>()) }
}
