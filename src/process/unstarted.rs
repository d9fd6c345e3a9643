//! A body that waits for the thread on which it will run.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::context::{Cause, Context, Kind, Reason, dispose};

/// A body that waits for its thread; dropped, it is cancelled.
pub(super) struct Unstarted<B> {
    pub(super) context: Context,
    /// How it will run.
    pub(super) kind: Kind,
    pub(super) body: Option<B>,
}

impl<B> Drop for Unstarted<B> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let cause = Cause::new(self.context.identity(), Reason::Cancelled);
            self.context.fail(cause);
            let dropped = self.context.enter(self.kind, || catch_unwind(AssertUnwindSafe(|| drop(body))));
            self.context.end();
            if let Err(payload) = dropped {
                if std::thread::panicking() {
                    dispose(payload);
                } else {
                    resume_unwind(payload);
                }
            }
        }
    }
}
