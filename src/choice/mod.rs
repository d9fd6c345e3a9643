//! Choice: waiting for several things at once, and doing exactly one.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod alt;
mod alt_set;
mod arm;
mod offer;
mod set;
mod slot;

pub use alt::Alt;
pub use alt_set::{AltSet, Key};
pub use arm::{Arm, Ending, ViaEvent, ViaExchange, ViaFuture};
pub use arm::{SwallowNothing, SwallowPoison, Swallowed};
pub use offer::{Exhausted, Offer, Offered};
