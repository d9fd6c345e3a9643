//! One batch, apart from any network.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use super::batch::Payload;
use super::engine::{Engine, Places};
use super::host::HostEngine;
use super::messages::Batches;
use super::onboard::DeviceEngine;
use crate::gpu::device::{Seat, Shared, User};
use crate::gpu::element::{Plain, check_layout};
use crate::gpu::error::GpuError;
use crate::gpu::kernel::Recipe;
use crate::gpu::memory::{Home, Pinned};
use crate::gpu::pick::{Gpu, Where};
use crate::process::Place;

/// A kernel at work on one batch, made by [`Gpu::call`]: a future of the results, and a guard of a choice.
///
/// It is under way from the beginning, whether it is awaited or not.
///
/// # Cancel safety
/// As a guard, by `result = &mut call`, nothing is lost. Dropped, it is computed all the same, and its results are dropped.
#[must_use = "the results of a call that is dropped are dropped"]
pub struct Call<R, Types> {
    state: State,
    types: PhantomData<fn() -> (R, Types)>,
}

enum State {
    Here(HostEngine),
    There(oneshot::Receiver<Result<Vec<Payload>, GpuError>>, Arc<Shared>),
    Ended(Option<GpuError>),
}

impl<R, Types> Call<R, Types>
where
    R: Batches<Types>,
{
    pub(crate) fn new(gpu: &Gpu, recipe: &Arc<Recipe>, mut inputs: Vec<Payload>) -> Self {
        let state = match gpu.place() {
            Where::Cpu(home) => match here(recipe, home, gpu.why(), R::places(), &mut inputs) {
                Ok(engine) => State::Here(engine),
                Err(error) => State::Ended(Some(error)),
            },
            Where::Device(device) => {
                let (answer, result) = oneshot::channel();
                let user = device.join();
                let (recipe, places) = (Arc::clone(recipe), R::places());
                device.put(Box::new(move |seat: &Rc<Seat>| {
                    let seat = Rc::clone(seat);
                    Box::pin(async move {
                        // Nobody may be interested any more.
                        let _ = answer.send(there(&seat, user, &recipe, places, &mut inputs).await);
                    })
                }));
                State::There(result, Arc::clone(device))
            }
        };
        Self { state, types: PhantomData }
    }
}

fn here(
    recipe: &Arc<Recipe>,
    home: &Arc<Home>,
    reason: &Arc<str>,
    places: Places,
    inputs: &mut Vec<Payload>,
) -> Result<HostEngine, GpuError> {
    let mut engine = HostEngine::new(recipe, places, 1, home, reason)?;
    engine.begin(0, inputs)?;
    Ok(engine)
}

async fn there(
    seat: &Rc<Seat>,
    user: User,
    recipe: &Arc<Recipe>,
    places: Places,
    inputs: &mut Vec<Payload>,
) -> Result<Vec<Payload>, GpuError> {
    let mut engine = DeviceEngine::new(seat, user, recipe, places, 1)?;
    engine.begin(0, inputs)?;
    let mut results = Vec::new();
    poll_fn(|cx| engine.poll_results(0, &mut results, cx)).await?;
    Ok(results)
}

impl<R, Types> Unpin for Call<R, Types> {}

impl<R, Types> Future for Call<R, Types>
where
    R: Batches<Types>,
{
    type Output = Result<R, GpuError>;

    /// # Panics
    /// If it is awaited again after it has given its results.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let results = match &mut this.state {
            State::Here(engine) => {
                let mut results = Vec::new();
                ready!(engine.poll_results(0, &mut results, cx)).map(|()| results)
            }
            State::There(result, user) => ready!(Pin::new(result).poll(cx)).unwrap_or_else(|_| Err(gone(user))),
            State::Ended(error) => match error.take() {
                Some(error) => Err(error),
                None => panic!("a call gives its results once"),
            },
        };
        this.state = State::Ended(None);
        Poll::Ready(results.map(R::from_payloads))
    }
}

/// The device's thread has ended without an answer, which it does only if it cannot have a runtime.
fn gone(device: &Shared) -> GpuError {
    device
        .alive()
        .err()
        .unwrap_or_else(|| GpuError::no_driver(format!("the thread of {} has ended", device.info().name)))
}

impl<R, Types> fmt::Debug for Call<R, Types> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("ended", &matches!(self.state, State::Ended(_))).finish_non_exhaustive()
    }
}

/// A batch in memory that devices copy from and to by themselves.
pub(crate) async fn pinned<T: Plain>(gpu: Gpu, elements: usize) -> Result<Pinned<T>, GpuError> {
    const { check_layout::<T>() };
    let bytes = elements.saturating_mul(size_of::<T>());
    let no_room = GpuError::HostMemory { bytes };
    if isize::try_from(bytes).is_err() {
        return Err(no_room);
    }
    let block = match gpu.place() {
        Where::Cpu(home) => home.take_ordinary(bytes).ok_or(no_room)?,
        Where::Device(device) => {
            device.alive()?;
            match device.home().try_take(bytes) {
                Some(block) => block,
                None => {
                    let (answer, block) = oneshot::channel();
                    let user = device.join();
                    device.put(Box::new(move |seat: &Rc<Seat>| {
                        let seat = Rc::clone(seat);
                        Box::pin(async move {
                            // Nobody may be interested any more.
                            let _ = answer.send(seat.take_pinned(bytes, &user));
                        })
                    }));
                    block.await.unwrap_or_else(|_| Err(gone(device)))?
                }
            }
        }
    };
    Ok(Pinned::new(block))
}
