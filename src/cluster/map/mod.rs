//! The user's calls: maps, submits and what is made of them.
//!
//! A map is pulled: whoever takes results reads the input, encodes it and decodes what comes back, in its own task or
//! thread. So the input may borrow, may be endless, and is never read further ahead than the workers and the byte budget
//! allow.

mod collect;
pub(crate) mod flow;
mod input;
pub(crate) mod mailbox;
mod options;
pub(crate) mod port;
pub(crate) mod process;
pub(crate) mod reduce;
mod stream;
mod submit;

pub use input::{FromIter, FromStream, Input};
pub use options::{OnError, TaskOptions};
pub use stream::Map;
pub(crate) use submit::Whole;
pub use submit::{TaskHandle, first, join_all};
