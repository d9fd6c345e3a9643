//! Operations that own their end, and can be made again and again: for streams, sinks and choices that live on.

use std::pin::Pin;
use std::sync::Arc;

use pin_project_lite::pin_project;

use super::error::SendError;
use super::receiver::Receiver;
use super::recv::received;
use super::send::sent;
use super::sender::Sender;
use super::shared::Shared;
use crate::context::Ended;
use crate::wait::{Exchanging, Operation, Receiving, Sending};

pin_project! {
    /// A receive, and the end on which it is made.
    pub(crate) struct OwnedRecv<T> {
        // Before the end, so that a value goes back while this end still counts.
        #[pin]
        operation: Operation<Arc<Shared<T>>, Receiving>,
        end: Receiver<T>,
    }
}

impl<T> OwnedRecv<T> {
    pub(crate) fn new(end: Receiver<T>) -> Self {
        Self { operation: Operation::new(Arc::clone(end.shared()), None), end }
    }

    pub(crate) fn end(&self) -> &Receiver<T> {
        &self.end
    }

    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        Exchanging::new(self.project().operation)
    }

    /// The result of a settled receive; the next one can begin.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<T, Ended> {
        let mut operation = self.project().operation;
        let result = received(operation.as_mut());
        operation.restart(None);
        result
    }
}

pin_project! {
    /// A send, and the end on which it is made. It holds one value at most.
    pub(crate) struct OwnedSend<T> {
        #[pin]
        operation: Operation<Arc<Shared<T>>, Sending>,
        loaded: bool,
        end: Sender<T>,
    }
}

impl<T> OwnedSend<T> {
    pub(crate) fn new(end: Sender<T>) -> Self {
        Self { operation: Operation::new(Arc::clone(end.shared()), None), loaded: false, end }
    }

    pub(crate) fn end(&self) -> &Sender<T> {
        &self.end
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Gives it a value to send, or gives the value back if it has one.
    pub(crate) fn load(self: Pin<&mut Self>, value: T) -> Result<(), T> {
        let this = self.project();
        if *this.loaded {
            return Err(value);
        }
        this.operation.restart(Some(value));
        *this.loaded = true;
        Ok(())
    }

    /// Takes the value back; it has not been sent.
    pub(crate) fn unload(self: Pin<&mut Self>) -> Option<T> {
        let this = self.project();
        let mut operation = this.operation;
        operation.as_mut().withdraw();
        *this.loaded = false;
        operation.take()
    }

    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        Exchanging::new(self.project().operation)
    }

    /// The result of a settled send; the next value can come.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<(), SendError<T>> {
        let this = self.project();
        let mut operation = this.operation;
        let result = sent(operation.as_mut());
        operation.restart(None);
        *this.loaded = false;
        result
    }
}
