//! The function of the user runs once, with expressions in place of numbers; what it does with them is recorded here.
//!
//! An [`Expression`](super::Expression) is only the place of a node and the serial number of the recording that it belongs
//! to, so that it can be copied like the number it stands for. The recording itself lies in a thread-local variable while
//! the function runs; functions may be nested, the innermost records. The serial number catches an expression that was
//! carried out of its function.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tree::{Formula, Id, Node, Trace};
use crate::gpu::element::Number;

/// Where an expression is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    recording: u64,
    pub(crate) id: Id,
}

struct Recording {
    serial: u64,
    trace: Trace,
}

thread_local! {
    static RECORDINGS: RefCell<Vec<Recording>> = const { RefCell::new(Vec::new()) };
}

/// Takes the recording away when its function ends, also by a panic.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        RECORDINGS.with_borrow_mut(Vec::pop);
    }
}

/// Runs `function`, and gives back what it makes of inputs of these types.
///
/// # Panics
/// If the result is an expression of another function.
#[track_caller]
pub(crate) fn record(inputs: Vec<Number>, function: impl FnOnce() -> Place) -> Formula {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    RECORDINGS.with_borrow_mut(|all| all.push(Recording { serial, trace: Trace::default() }));
    let ending = Ending;
    let result = function();
    assert!(result.recording == serial, "{STRAY}");
    let formula = RECORDINGS.with_borrow(|all| all.last().map(|last| last.trace.formula(result.id, inputs)));
    drop(ending);
    formula.expect("the recording stays until its function has ended")
}

const STRAY: &str = "an expression of one kernel was used in another: an expression stands for a number only inside the \
                     function that it was given to";
const NOWHERE: &str = "an expression was made outside the function of a kernel: numbers become expressions only inside \
                       the function that is given to `gpu::map` and its like";

/// Records a node.
///
/// # Panics
/// Outside a function that is being recorded.
#[track_caller]
pub(crate) fn leaf(node: Node) -> Place {
    let place = RECORDINGS.with_borrow_mut(|all| {
        let last = all.last_mut()?;
        Some(Place { recording: last.serial, id: last.trace.add(node) })
    });
    place.expect(NOWHERE)
}

/// Records a node with these operands.
///
/// # Panics
/// If an operand belongs to another recording.
#[track_caller]
pub(crate) fn node<const N: usize>(operands: [Place; N], make: impl FnOnce([Id; N]) -> Node) -> Place {
    let place = leaf(make(operands.map(|place| place.id)));
    assert!(operands.iter().all(|operand| operand.recording == place.recording), "{STRAY}");
    place
}
