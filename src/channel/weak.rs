//! References that do not count as ends.

use std::fmt;
use std::sync::Arc;

use super::shared::{Receivers, Senders, Shared, Side};
use super::{Receiver, Sender};

/// A reference to a channel's sending side that does not keep the channel open.
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::channel::<u32>();
/// let weak = tx.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(tx);
/// assert!(weak.upgrade().is_none());
/// assert!(rx.is_ended());
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

/// A reference to a channel's receiving side that does not keep the channel open.
pub struct WeakReceiver<T> {
    shared: Arc<Shared<T>>,
}

macro_rules! weak {
    ($Weak:ident, $End:ident, $Side:ident, $name:literal) => {
        impl<T> $Weak<T> {
            pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
                Self { shared }
            }

            /// An end, unless the last end of this side is gone.
            #[must_use]
            pub fn upgrade(&self) -> Option<$End<T>> {
                $Side::rejoin(&self.shared).then(|| $End::new(Arc::clone(&self.shared)))
            }
        }

        impl<T> Clone for $Weak<T> {
            fn clone(&self) -> Self {
                Self { shared: Arc::clone(&self.shared) }
            }
        }

        impl<T> fmt::Debug for $Weak<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&self.shared).finish()
            }
        }
    };
}

weak!(WeakSender, Sender, Senders, "WeakSender");
weak!(WeakReceiver, Receiver, Receivers, "WeakReceiver");
