//! Many values with one lock and one wait.

use std::collections::VecDeque;
use std::future::poll_fn;

use super::{Receiver, Sender};
use crate::context::Ended;
use crate::wait::{Step, poll_proceed};

/// Sends all of `values`; what is not sent stays there.
pub(super) async fn send<T>(sender: &Sender<T>, values: &mut VecDeque<T>) -> Result<(), Ended> {
    loop {
        poll_fn(poll_proceed).await;
        let exchange = sender.shared().exchange();
        match exchange.try_send_many(values) {
            Step::Done => return Ok(()),
            Step::Ended => return Err(exchange.sending_ended().unwrap_or(Ended::Retired)),
            Step::Wait => {}
        }
        let mut first = First { slot: values.pop_front(), values };
        sender.send_from(&mut first.slot).await?;
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

/// Waits for one value and takes more if they are there.
pub(super) async fn recv<T>(receiver: &Receiver<T>, into: &mut Vec<T>, limit: usize) -> Result<usize, Ended> {
    if limit == 0 {
        return Ok(0);
    }
    let first = receiver.recv().await?;
    into.push(first);
    Ok(1 + receiver.try_recv_many(into, limit - 1))
}
