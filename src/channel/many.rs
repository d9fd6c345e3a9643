//! Many values with one lock and one wait.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;

use super::error::WaitError;
use super::{Receiver, Sender};
use crate::context::Ended;
use crate::time::After;
use crate::wait::{Step, poll_proceed};

/// Sends all of `values`; what is not sent when the timer fires stays there.
pub(super) async fn send<T>(sender: &Sender<T>, values: &mut VecDeque<T>, timer: After) -> Result<(), WaitError> {
    let mut timer = pin!(timer);
    loop {
        poll_fn(poll_proceed).await;
        let exchange = sender.shared().exchange();
        match exchange.try_send_many(values, true) {
            Step::Done | Step::Held => return Ok(()),
            Step::Ended => return Err(exchange.sending_ended().unwrap_or(Ended::Retired).into()),
            Step::Wait => {}
        }
        let mut first = First { slot: values.pop_front(), values };
        pin!(sender.send_from(&mut first.slot)).before(timer.as_mut()).await?;
    }
}

/// The value that waits; unsent, it goes back to its place.
struct First<'a, T> {
    slot: Option<T>,
    values: &'a mut VecDeque<T>,
}

impl<T> Drop for First<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.slot.take() {
            self.values.push_front(value);
        }
    }
}

/// Takes more values if they are there, after a first one has come.
pub(super) fn more<T>(receiver: &Receiver<T>, first: T, into: &mut Vec<T>, limit: usize) -> usize {
    into.push(first);
    1 + receiver.try_recv_many(into, limit - 1)
}
