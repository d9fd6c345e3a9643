//! Choice: waiting for several things at once, and doing exactly one.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod alt;
mod arm;
mod offer;
mod set;

pub use alt::Alt;
pub use arm::{Arm, Ending, ViaExchange, ViaFuture, ViaNothing, ViaTimer};
pub use arm::{SwallowNothing, SwallowPoison, Swallowed};
pub use offer::{Exhausted, Offer, Offered};
