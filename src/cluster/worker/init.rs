//! Where a program learns that it is a worker.

use super::serve::{MARK, SENTINEL, serve};

/// Makes this process a worker, if it was started as one; then it serves, and never returns. Otherwise does nothing.
///
/// A `main` that is not an `#[aqueduct::main]` calls it first, before anything that should not happen in each worker.
///
/// ```no_run
/// aqueduct::init();
/// // From here on, this is the driver.
/// ```
pub fn init() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == SENTINEL) && std::env::var_os(MARK).is_some() {
        serve()
    }
}

/// What the test made by [`worker_entry!`](crate::worker_entry) does.
#[doc(hidden)]
pub fn serve_test_worker() {
    if std::env::var_os(MARK).is_some() {
        serve()
    }
}

/// A worker that got as far as to start a cluster of its own has not called `init`: it ends here, or each of its workers
/// would start workers.
pub(crate) fn refuse_in_worker() {
    let Some(mark) = std::env::var_os(MARK) else { return };
    // Programs that a task starts inherit the mark, which is not meant for them: it names the program that it is meant for,
    // if that is known.
    let meant = mark.to_str().and_then(|mark| mark.split_once(':')).map(|(_, program)| program.to_owned());
    let this = std::env::current_exe().ok().and_then(|path| path.to_str().map(ToOwned::to_owned));
    if meant.is_none() || meant == this {
        eprintln!(
            "aqueduct worker: this program started a cluster before it served as a worker. Let its `main` begin with \
             `aqueduct::init();` or be an `#[aqueduct::main]`; in a test binary, put `aqueduct::worker_entry!();` at the \
             top level."
        );
        std::process::exit(73);
    }
}
