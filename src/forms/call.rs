//! A request with its reply.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use sync_wrapper::SyncWrapper;

use super::oneshot::{OneshotReceiver, OneshotSender, oneshot};
use crate::channel::{Carried, Channel, ClosedFuture, Limit, Receiver, SendError, Sender, WaitError, may_block};
use crate::context::{self, Ended};
use crate::wait::block_on;

/// A call channel: clients call, a server takes each call and replies to it.
///
/// The server's end is an ordinary [`Receiver`], so a server may choose among calls and anything else, and several
/// servers may share one. A call is taken at a rendezvous.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[process]
/// async fn squares(calls: Receiver<Call<u32, u32>>) -> Outcome {
///     while let Some(call) = calls.next().await? {
///         let n = *call.request();
///         let _ = call.reply(n * n);          // the caller may have gone
///     }
///     Ok(())
/// }
///
/// # aqueduct::run(async {
/// let (caller, calls) = aqueduct::calls();
/// let ask = aqueduct::task("ask", async move { Ok(caller.call(3).await? + caller.call(4).await?) });
/// let ((), sum) = par!(squares(calls), ask).await?;
/// assert_eq!(sum, 25);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use]
pub fn calls<Q, A>() -> (Caller<Q, A>, Receiver<Call<Q, A>>) {
    let (calls, receiver) = Channel::rendezvous().open();
    (Caller { calls }, receiver)
}

/// The client's end of a call channel. Clone it for another client; when the last one is gone, the calls retire.
pub struct Caller<Q, A> {
    calls: Sender<Call<Q, A>>,
}

impl<Q, A> crate::Ports for Caller<Q, A> {
    fn list(&self, ports: &mut crate::PortList) {
        self.calls.list(ports);
    }
}

impl<Q, A> Caller<Q, A> {
    /// Makes a request and waits for the reply.
    ///
    /// As a future it may stand in a choice, but it is two communications: if another guard is taken, the request may
    /// have been made. To choose over the request itself, send a [`Call::new`] on [`sender`](Self::sender).
    ///
    /// # Errors
    /// [`CallError`]: the server has gone, with the request if it was not taken; or it dropped the call unanswered,
    /// which counts as its failure.
    ///
    /// # Cancel safety
    /// Dropped before the call is taken, the request is dropped. After, the server learns by
    /// [`Call::is_abandoned`] and by its `reply` that nobody waits for it.
    pub async fn call(&self, request: Q) -> Result<A, CallError<Q>> {
        let (call, answer) = Call::new(request);
        if let Err(error) = self.calls.send(call).await {
            let (call, ended) = error.into_parts();
            return Err(CallError::not_taken(call, ended.into()));
        }
        answer.recv().await.map_err(|ended| CallError::unanswered(ended.into()))
    }

    /// As [`call`](Self::call), waiting no longer than `limit` from now: for a server to take the call and to reply,
    /// together. If none has taken it, [`into_request`](CallError::into_request) gives the request back.
    ///
    /// # Errors
    /// As [`call`](Self::call), or the time was up.
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub fn call_timeout(&self, request: Q, limit: Duration) -> impl Future<Output = Result<A, CallError<Q>>> {
        self.call_limited(request, Limit::For(limit))
    }

    /// As [`call`](Self::call), waiting no longer than until `deadline`: for a server to take the call and to reply.
    ///
    /// # Errors
    /// As [`call`](Self::call), or the time was up.
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub fn call_deadline(&self, request: Q, deadline: Instant) -> impl Future<Output = Result<A, CallError<Q>>> {
        self.call_limited(request, Limit::Until(deadline))
    }

    fn call_limited(&self, request: Q, limit: Limit) -> impl Future<Output = Result<A, CallError<Q>>> {
        let until = limit.deadline();
        async move {
            let (call, answer) = Call::new(request);
            let sent = match until {
                Some(until) => self.calls.send_deadline(call, until).await,
                None => self.calls.send(call).await.map_err(Into::into),
            };
            if let Err(error) = sent {
                let (call, reason) = error.into_parts();
                return Err(CallError::not_taken(call, reason));
            }
            let answer = match until {
                Some(until) => answer.recv_deadline(until).await,
                None => answer.recv().await.map_err(Into::into),
            };
            answer.map_err(CallError::unanswered)
        }
    }

    /// As [`call`](Self::call), blocking this thread.
    ///
    /// # Errors
    /// As [`call`](Self::call), or this thread is a runtime's worker.
    pub fn call_blocking(&self, request: Q) -> Result<A, CallError<Q>> {
        self.call_limited_blocking(request, Limit::Forever)
    }

    /// As [`call_blocking`](Self::call_blocking), no longer than `limit`.
    ///
    /// # Errors
    /// As [`call_blocking`](Self::call_blocking), or the time was up.
    pub fn call_timeout_blocking(&self, request: Q, limit: Duration) -> Result<A, CallError<Q>> {
        self.call_limited_blocking(request, Limit::For(limit))
    }

    /// As [`call_blocking`](Self::call_blocking), no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`call_blocking`](Self::call_blocking), or the time was up.
    pub fn call_deadline_blocking(&self, request: Q, deadline: Instant) -> Result<A, CallError<Q>> {
        self.call_limited_blocking(request, Limit::Until(deadline))
    }

    fn call_limited_blocking(&self, request: Q, limit: Limit) -> Result<A, CallError<Q>> {
        if let Err(error) = may_block() {
            return Err(CallError { request: Some(SyncWrapper::new(request)), reason: Carried(error) });
        }
        block_on(self.call_limited(request, limit))
    }

    /// The end over which calls travel: for a choice over the request, see [`Call::new`].
    #[must_use]
    pub fn sender(&self) -> &Sender<Call<Q, A>> {
        &self.calls
    }

    /// Ready once no server is left.
    pub fn closed(&self) -> ClosedFuture<'_, Call<Q, A>> {
        self.calls.closed()
    }

    /// True if no server is left.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.calls.is_ended()
    }
}

impl<Q, A> Clone for Caller<Q, A> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone() }
    }
}

impl<Q, A> fmt::Debug for Caller<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("calls", &self.calls).finish()
    }
}

/// A request that waits for its reply: what the server of a call channel receives.
///
/// Dropped without a reply, it fails the caller.
#[must_use = "a call that is dropped fails its caller: reply to it"]
pub struct Call<Q, A> {
    request: Q,
    reply: Reply<A>,
}

impl<Q, A> Call<Q, A> {
    /// A call, and where its answer will come: for a client that chooses over making it.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::prelude::*;
    /// use std::time::Duration;
    ///
    /// # aqueduct::run(async {
    /// let (caller, calls) = aqueduct::calls::<&str, usize>();
    /// let (call, answer) = Call::new("hello");
    /// let mut call = Some(call);
    /// alt! {
    ///     _ = caller.sender().send_from(&mut call) => assert_eq!(answer.recv().await?, 5),
    ///     _ = after(Duration::from_millis(1)) => assert_eq!(*call.unwrap().request(), "hello"),
    /// }
    /// # drop(calls);
    /// # Outcome::Ok(()) }).unwrap();
    /// ```
    pub fn new(request: Q) -> (Self, OneshotReceiver<A>) {
        let (reply, answer) = oneshot();
        (Self { request, reply: Reply(Some(reply)) }, answer)
    }

    /// What is asked.
    pub fn request(&self) -> &Q {
        &self.request
    }

    /// What is asked, and where the reply goes.
    pub fn into_parts(self) -> (Q, Reply<A>) {
        (self.request, self.reply)
    }

    /// Answers.
    ///
    /// # Errors
    /// [`SendError`] with the answer, if the caller does not wait for it any more.
    pub fn reply(self, answer: A) -> Result<(), SendError<A>> {
        self.reply.send(answer)
    }

    /// True if the caller does not wait for the reply any more.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.reply.is_abandoned()
    }
}

impl<Q: fmt::Debug, A> fmt::Debug for Call<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("request", &self.request).field("abandoned", &self.is_abandoned()).finish()
    }
}

/// Where the reply to a call goes. Dropped without one, it fails the caller.
#[must_use = "a reply that is dropped fails the caller: send it"]
#[derive(Debug)]
pub struct Reply<A>(Option<OneshotSender<A>>);

impl<A> Reply<A> {
    /// Answers.
    ///
    /// # Errors
    /// [`SendError`] with the answer, if the caller does not wait for it any more.
    pub fn send(mut self, answer: A) -> Result<(), SendError<A>> {
        match self.0.take() {
            Some(sender) => sender.send(answer),
            None => unreachable!("a reply is sent once"),
        }
    }

    /// True if the caller does not wait for the reply any more.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.as_ref().is_none_or(OneshotSender::is_ended)
    }

    /// Ready once the caller does not wait for the reply any more.
    pub async fn abandoned(&self) {
        if let Some(sender) = &self.0 {
            sender.closed().await;
        }
    }
}

impl<A> Drop for Reply<A> {
    fn drop(&mut self) {
        // A failing process poisons with its own cause, as it drops the end.
        if let Some(sender) = self.0.take()
            && !sender.is_ended()
            && context::failing().is_none()
        {
            sender.poison("dropped a call without a reply");
        }
    }
}

/// A call got no reply.
pub struct CallError<Q> {
    // In a wrapper, so that the error is `Sync` whatever the request is.
    request: Option<SyncWrapper<Q>>,
    reason: Carried<WaitError>,
}

impl<Q> CallError<Q> {
    fn not_taken<A>(call: Call<Q, A>, reason: WaitError) -> Self {
        let (request, mut reply) = call.into_parts();
        // Nobody was to answer it.
        drop(reply.0.take());
        Self { request: Some(SyncWrapper::new(request)), reason: Carried(reason) }
    }

    fn unanswered(reason: WaitError) -> Self {
        // A server that leaves in good order has answered what it took: `Reply` sees to that.
        Self { request: None, reason: Carried(reason) }
    }

    /// The request, if no server has taken it.
    #[must_use]
    pub fn into_request(self) -> Option<Q> {
        self.request.map(SyncWrapper::into_inner)
    }

    /// Why there is no reply.
    #[must_use]
    pub fn reason(&self) -> &WaitError {
        &self.reason.0
    }

    /// True if the time was up.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.reason().is_timeout()
    }
}

impl<Q> fmt::Display for CallError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.request {
            Some(_) => write!(f, "the call was not taken: {}", self.reason),
            None => write!(f, "the call was not answered: {}", self.reason),
        }
    }
}

impl<Q> fmt::Debug for CallError<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("taken", &self.request.is_none())
            .field("reason", &self.reason.0)
            .finish_non_exhaustive()
    }
}

impl<Q> Error for CallError<Q> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}

impl<Q> crate::choice::Ending for CallError<Q> {
    fn failure(&self) -> Option<&std::sync::Arc<context::Cause>> {
        match self.reason() {
            WaitError::Ended(Ended::Poisoned(poisoned)) => Some(&poisoned.0),
            _ => None,
        }
    }
}
