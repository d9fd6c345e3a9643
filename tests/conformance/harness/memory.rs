//! Memory in use, for the rows that say it does not grow.
//!
//! It is counted by this program's allocator. Such a row runs alone, in a child process of its test, because the
//! other tests allocate beside it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

/// Bytes that have been allocated and not freed.
static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes on to the system's allocator as it came; counting touches no memory of its callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes in use now; meaningful in a row that runs alone.
pub(crate) fn bytes_in_use() -> isize {
    LIVE.load(Ordering::Relaxed)
}

/// Fails if memory has grown by a word a round, or nearly. A little comes and goes with the runtimes.
pub(crate) fn assert_flat(grown: isize, rounds: usize) {
    let allowed = 2 * 1024 + rounds as isize / 4;
    assert!(grown < allowed, "{grown} bytes more after {rounds} rounds");
}

/// Runs the test of this path alone, in a process of its own.
pub(crate) fn alone(path: &str, body: impl FnOnce()) {
    const ALONE: &str = "AQUEDUCT_TEST_RUNS_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    // The harness names tests without the crate.
    let test = path.split_once("::").map_or(path, |(_, test)| test);
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).args([test, "--exact"]).env(ALONE, "1").output().expect("it starts again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{test} did not run: {text}");
}
