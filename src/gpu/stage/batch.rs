//! What carries a batch from process to process, and by its type says where the batch lies.

use std::fmt;
use std::marker::PhantomData;

use crate::gpu::device::Lent;
use crate::gpu::element::Plain;
use crate::gpu::memory::{Block, Pinned};

/// A message that is a batch: `Vec<T>`, [`Pinned<T>`] or [`DeviceBuf<T>`].
///
/// The type of a stage's channels says where its batches lie, and so what is copied: from a `Vec` through pinned memory to the
/// device; from a `Pinned` to the device by the device itself; from a `DeviceBuf` of the same device not at all. The same on the
/// way out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a batch",
    label = "a stage's channels carry batches",
    note = "a batch is a `Vec<T>`, a `gpu::Pinned<T>` or a `gpu::DeviceBuf<T>`; for channels of single elements use \
            `Stage::items`"
)]
pub trait Batch: Send + 'static + sealed::Sealed {
    /// What it is made of.
    type Element: Plain;

    #[doc(hidden)]
    const PLACE: Place;

    #[doc(hidden)]
    fn into_payload(self) -> Payload;

    #[doc(hidden)]
    fn from_payload(payload: Payload) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

/// Where a batch lies.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a vector's own memory.
    Vector,
    /// In a pool's.
    Pool,
    /// On the device.
    Device,
}

/// A batch without its type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Payload(pub(crate) Contents);

#[derive(Debug)]
pub(crate) enum Contents {
    Host(Block),
    Device(Lent),
}

impl Payload {
    /// Its length in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match &self.0 {
            Contents::Host(block) => block.len(),
            Contents::Device(lent) => lent.bytes(),
        }
    }

    fn into_block(self) -> Block {
        match self.0 {
            Contents::Host(block) => block,
            Contents::Device(_) => unreachable!("a stage copies to the host what is to lie there"),
        }
    }
}

impl From<Block> for Payload {
    fn from(block: Block) -> Self {
        Self(Contents::Host(block))
    }
}

impl From<Lent> for Payload {
    fn from(lent: Lent) -> Self {
        Self(Contents::Device(lent))
    }
}

impl<T> sealed::Sealed for Vec<T> {}

impl<T: Plain> Batch for Vec<T> {
    type Element = T;
    const PLACE: Place = Place::Vector;

    fn into_payload(self) -> Payload {
        Block::from_vec(self).into()
    }

    fn from_payload(payload: Payload) -> Self {
        payload.into_block().into_vec()
    }
}

impl<T> sealed::Sealed for Pinned<T> {}

impl<T: Plain> Batch for Pinned<T> {
    type Element = T;
    const PLACE: Place = Place::Pool;

    fn into_payload(self) -> Payload {
        self.into_block().into()
    }

    fn from_payload(payload: Payload) -> Self {
        Self::new(payload.into_block())
    }
}

/// A batch in the memory of a device: a message that moves, and is not copied, between stages on that device.
///
/// A stage whose output channel carries it leaves its results on the device; a stage whose input channel carries it takes
/// them from there, or copies them from device to device if it runs on another. To the host they come only by a stage whose
/// output carries a `Vec` or a [`Pinned`], such as one of [`copy`](crate::gpu::copy). It may be dropped on any thread.
///
/// On the CPU it is ordinary memory.
pub struct DeviceBuf<T> {
    payload: Payload,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> DeviceBuf<T> {
    /// How many elements it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload.bytes() / size_of::<T>()
    }

    /// True if it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For people: on which device it lies.
    #[must_use]
    pub fn device(&self) -> &str {
        match &self.payload.0 {
            Contents::Host(_) => "CPU",
            Contents::Device(lent) => &lent.device().info().name,
        }
    }
}

impl<T> sealed::Sealed for DeviceBuf<T> {}

impl<T: Plain> Batch for DeviceBuf<T> {
    type Element = T;
    const PLACE: Place = Place::Device;

    fn into_payload(self) -> Payload {
        self.payload
    }

    fn from_payload(payload: Payload) -> Self {
        Self { payload, elements: PhantomData }
    }
}

impl<T: Plain> fmt::Debug for DeviceBuf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceBuf").field("len", &self.len()).field("device", &self.device()).finish()
    }
}
