//! What is known of one channel end, for pictures of networks.

use std::sync::Arc;

/// Plain data: it keeps no channel open.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct EndInfo {
    pub(crate) key: EndKey,
    /// The channel's name, if it was given one.
    pub(crate) name: Option<Arc<str>>,
    /// Names the type of the values.
    pub(crate) payload: fn() -> &'static str,
    /// How many values there is room for; `usize::MAX` is no limit.
    pub(crate) capacity: usize,
}

/// One side of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EndKey {
    /// The address of the channel: its identity as long as it lives.
    pub(crate) channel: usize,
    /// Values go in here.
    pub(crate) sends: bool,
}
