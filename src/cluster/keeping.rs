//! Constants that are named while something is encoded stay as long as what names them.
//!
//! A `Shared` in an argument travels as its digest; whoever encodes the argument notes here which constants that were, and
//! holds on to them until the task is done. So the last clone may be moved into the very call that uses it.

use std::{cell::RefCell, mem, sync::Arc};

use super::driver::KeptConstant;

thread_local! {
    static NAMED: RefCell<Option<Vec<Arc<KeptConstant>>>> = const { RefCell::new(None) };
}

/// Notes which constants are encoded on this thread, from `begin` to `end`.
#[derive(Debug)]
pub(crate) struct Noting {
    outer: Option<Vec<Arc<KeptConstant>>>,
}

impl Noting {
    /// Begins; what was noted so far is put aside.
    pub(crate) fn begin() -> Self {
        Self { outer: NAMED.replace(Some(Vec::new())) }
    }

    /// The constants that were encoded.
    pub(crate) fn end(self) -> Vec<Arc<KeptConstant>> {
        NAMED.with_borrow_mut(|named| named.as_mut().map(mem::take)).unwrap_or_default()
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        let named = NAMED.replace(self.outer.take());
        // Outside of the borrow: the last keeper of a constant does something when it drops.
        drop(named);
    }
}

/// A constant is encoded.
pub(super) fn note(kept: &Arc<KeptConstant>) {
    NAMED.with_borrow_mut(|named| {
        if let Some(named) = named
            && !named.iter().any(|known| Arc::ptr_eq(known, kept))
        {
            named.push(Arc::clone(kept));
        }
    });
}
