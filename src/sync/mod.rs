//! Meeting without a message. Only what std, tokio and parking_lot do not do well.

mod barrier;

pub use barrier::{Barrier, Member, Phase};
