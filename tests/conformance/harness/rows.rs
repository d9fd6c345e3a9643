//! From a row to its tests.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::flavour::Flavour;
use super::party::Place;
use super::runtimes;
use crate::common::{rounds, within};

/// Longer than one setting of a row takes on a loaded machine.
fn limit() -> Duration {
    Duration::from_secs(rounds(60).max(60) as u64)
}

/// A function over a flavour and none, one or two places; `Parameters` tells the three apart.
pub(crate) trait Row<Parameters>: Copy + Send + 'static {
    /// Runs the row with this flavour at all places.
    fn run(self, row: &str, flavour: Flavour);
}

impl<F: Fn(Flavour) + Copy + Send + 'static> Row<(Flavour,)> for F {
    fn run(self, row: &str, flavour: Flavour) {
        setting(&format!("{row} over {flavour}"), move || self(flavour));
    }
}

/// All its parties at one place.
impl<F: Fn(Flavour, Place) + Copy + Send + 'static> Row<(Flavour, Place)> for F {
    fn run(self, row: &str, flavour: Flavour) {
        for place in Place::ALL {
            setting(&format!("{row} over {flavour}, by {place}"), move || self(flavour, place));
        }
    }
}

/// Its senders at one place and its receivers at another: all pairs.
impl<F: Fn(Flavour, Place, Place) + Copy + Send + 'static> Row<(Flavour, Place, Place)> for F {
    fn run(self, row: &str, flavour: Flavour) {
        for sending in Place::ALL {
            for receiving in Place::ALL {
                setting(&format!("{row} over {flavour}, from {sending} to {receiving}"), move || {
                    self(flavour, sending, receiving);
                });
            }
        }
    }
}

/// Runs a row that has no channel of its own.
pub(crate) fn run_at(row: &str, place: Place, body: impl Fn(Place) + Send + 'static) {
    setting(&format!("{row}, by {place}"), move || body(place));
}

/// Runs a row in one setting; a failure, or a hang, names it.
fn setting(name: &str, body: impl FnOnce() + Send + 'static) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| {
        within(limit(), || {
            body();
            runtimes::stop();
        })
    })) {
        panic!("{name}: {}", message(&*payload));
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<String>(), payload.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a payload that is not text",
    }
}

/// Makes the tests of a row, one for each flavour: `row!(fifo over all)` makes `fifo::rendezvous` and so on.
///
/// Sets of flavours: `all`; `lossless`; `waiting`, where a send may wait; `queued`, which can hold a value; `losing`.
/// The row is the function of that name beside it, over `(Flavour)`, `(Flavour, Place)` or `(Flavour, Place, Place)`.
/// `row!(name in every place)` is for a function over `(Place)`, and `row!(name over all, alone)` for one that
/// counts memory.
macro_rules! row {
    ($row:ident over all) => {
        $crate::harness::row!($row over rendezvous, buffered_1, buffered_3, buffered_64, unbounded, sliding_3,
            dropping_3, latest);
    };
    ($row:ident over lossless) => {
        $crate::harness::row!($row over rendezvous, buffered_1, buffered_3, buffered_64, unbounded);
    };
    ($row:ident over waiting) => {
        $crate::harness::row!($row over rendezvous, buffered_1, buffered_3, buffered_64);
    };
    ($row:ident over queued) => {
        $crate::harness::row!($row over buffered_1, buffered_3, buffered_64, unbounded, sliding_3, dropping_3, latest);
    };
    ($row:ident over losing) => {
        $crate::harness::row!($row over sliding_3, dropping_3, latest);
    };
    // In a process of its own, for rows that count memory.
    ($row:ident over all, alone) => {
        $crate::harness::row!($row alone over rendezvous RENDEZVOUS, buffered_1 BUFFERED_1, buffered_3 BUFFERED_3,
            buffered_64 BUFFERED_64, unbounded UNBOUNDED, sliding_3 SLIDING_3, dropping_3 DROPPING_3, latest LATEST);
    };
    ($row:ident alone over $($name:ident $flavour:ident),+) => {
        mod $row {
            $(#[test]
            fn $name() {
                use $crate::harness::{Flavour, Row as _};
                $crate::harness::alone(concat!(module_path!(), "::", stringify!($name)), || {
                    super::$row.run(stringify!($row), Flavour::$flavour);
                });
            })+
        }
    };
    ($row:ident over $($flavour:ident),+) => {
        mod $row {
            $($crate::harness::row!(@test $row, $flavour);)+
        }
    };
    ($row:ident in every place) => {
        mod $row {
            $crate::harness::row!(@place $row, thread, Thread);
            $crate::harness::row!(@place $row, one_thread, OneThread);
            $crate::harness::row!(@place $row, two_workers, TwoWorkers);
            $crate::harness::row!(@place $row, sibling, Sibling);
        }
    };
    (@test $row:ident, rendezvous) => { $crate::harness::row!(@make $row, rendezvous, RENDEZVOUS); };
    (@test $row:ident, buffered_1) => { $crate::harness::row!(@make $row, buffered_1, BUFFERED_1); };
    (@test $row:ident, buffered_3) => { $crate::harness::row!(@make $row, buffered_3, BUFFERED_3); };
    (@test $row:ident, buffered_64) => { $crate::harness::row!(@make $row, buffered_64, BUFFERED_64); };
    (@test $row:ident, unbounded) => { $crate::harness::row!(@make $row, unbounded, UNBOUNDED); };
    (@test $row:ident, sliding_3) => { $crate::harness::row!(@make $row, sliding_3, SLIDING_3); };
    (@test $row:ident, dropping_3) => { $crate::harness::row!(@make $row, dropping_3, DROPPING_3); };
    (@test $row:ident, latest) => { $crate::harness::row!(@make $row, latest, LATEST); };
    (@make $row:ident, $name:ident, $flavour:ident) => {
        #[test]
        fn $name() {
            use $crate::harness::{Flavour, Row as _};
            super::$row.run(stringify!($row), Flavour::$flavour);
        }
    };
    (@place $row:ident, $name:ident, $place:ident) => {
        #[test]
        fn $name() {
            $crate::harness::run_at(stringify!($row), $crate::harness::Place::$place, super::$row);
        }
    };
}
pub(crate) use row;
