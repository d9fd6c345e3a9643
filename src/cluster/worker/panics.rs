//! Keeps what a task's panic said, where, and its backtrace.
//!
//! The hook runs where the panic happens, so the backtrace is the task's own; it is told to the driver, in the error,
//! instead of being printed here. Panics of other threads are printed as ever.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::{Cell, RefCell},
    panic,
};

use crate::cluster::error::{Panic, Place};

thread_local! {
    static LAST: RefCell<Option<(Option<String>, String)>> = const { RefCell::new(None) };
    /// This thread runs the init function, whose panic is told like a task's.
    static IN_INIT: Cell<bool> = const { Cell::new(false) };
}

/// At most so much of a backtrace or message travels.
const TEXT_MOST: usize = 32 << 10;

/// Installs the hook; `is_task` tells whether the current thread runs a task.
pub(super) fn install(is_task: fn() -> bool) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_task() && !IN_INIT.get() {
            return usual(info);
        }
        let location = info.location().map(ToString::to_string);
        let backtrace = Backtrace::force_capture().to_string();
        LAST.with_borrow_mut(|last| *last = Some((location, backtrace)));
    }));
}

/// Runs the init function, on a thread that does nothing else.
pub(super) fn during_init<T>(init: impl FnOnce() -> T) -> T {
    IN_INIT.set(true);
    let value = init();
    IN_INIT.set(false);
    value
}

/// What happened.
pub(super) fn describe(payload: &(dyn Any + Send), place: &Place) -> Panic {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into());
    let (location, backtrace) = LAST.take().unwrap_or_default();
    Panic { message: cut(message), location, backtrace: cut(backtrace), place: place.clone() }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_MOST {
        let mut end = TEXT_MOST;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("\n(cut here)");
    }
    text
}
