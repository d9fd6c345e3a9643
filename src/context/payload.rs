//! The payloads of panics.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops the payload of a panic, whose drop may panic in turn, with a payload whose drop may panic in turn.
pub(crate) fn dispose(mut payload: Box<dyn Any + Send>) {
    for _ in 0..8 {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    // Somebody means it.
    std::mem::forget(payload);
}
