//! What computes the batches of a stage: slots, each with one batch under way.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::batch::Payload;
use super::ports::Output;
use crate::gpu::error::GpuError;
use crate::gpu::kernel::{Length, Recipe};

/// Slots that compute. A batch passes through one of them in three steps: it begins; its results may go on; the slot is free
/// again. Results on a device go on before they are there.
pub(crate) trait Engine {
    /// Begins a batch in a free slot; takes the inputs.
    fn begin(&mut self, slot: usize, inputs: &mut Vec<Payload>) -> Result<(), GpuError>;

    /// Ready when the results of a slot may go on: puts them behind `results`, in the order of the kernel's outputs.
    fn poll_results(
        &mut self,
        slot: usize,
        results: &mut Vec<Payload>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), GpuError>>;

    /// Ready when a slot is free again. Its results have gone on.
    fn poll_free(&mut self, slot: usize, cx: &mut Context<'_>) -> Poll<Result<(), GpuError>>;

    /// Ready when the engine has failed, whatever its slots do.
    fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<GpuError>;
}

/// Where the results of a kernel are to lie, and the alignment of their elements.
pub(crate) type Places = Vec<(super::batch::Place, usize)>;

/// The places of the outputs that these ports empty.
pub(crate) fn places(outputs: &[Box<dyn Output>]) -> Places {
    outputs.iter().map(|output| output.place()).collect()
}

/// The length of a batch in elements, if its inputs fit together.
///
/// It is the length of the first input whose length is not fixed; if all are, of the first.
///
/// # Errors
/// An empty batch, or inputs of other lengths than the kernel's.
pub(crate) fn batch_length(recipe: &Recipe, inputs: &[Payload]) -> Result<usize, GpuError> {
    let parameters = || recipe.parameters.iter().filter(|parameter| parameter.role.is_input()).zip(inputs);
    let elements = |bytes: usize, payload: &Payload| payload.bytes() / bytes;
    let first = parameters().find(|(parameter, _)| parameter.length == Length::Batch).or(parameters().next());
    let length = first.map_or(0, |(parameter, payload)| elements(parameter.bytes, payload));
    for (parameter, payload) in parameters() {
        let got = elements(parameter.bytes, payload);
        let wanted = match parameter.length {
            Length::Batch => length,
            Length::Fixed(elements) => elements,
        };
        if got != wanted {
            let (kernel, parameter) = (Arc::clone(&recipe.name), parameter.place);
            return Err(GpuError::WrongLength { kernel, parameter, got, wanted });
        }
    }
    if length == 0 {
        return Err(GpuError::EmptyBatch { kernel: Arc::clone(&recipe.name) });
    }
    Ok(length)
}

/// How many bytes an argument takes in a batch of this length.
pub(crate) fn bytes_of(recipe: &Recipe, parameter: usize, length: usize) -> Result<usize, GpuError> {
    let parameter = &recipe.parameters[parameter];
    let elements = match parameter.length {
        Length::Batch => length,
        Length::Fixed(elements) => elements,
    };
    elements.checked_mul(parameter.bytes).filter(|bytes| isize::try_from(*bytes).is_ok()).ok_or_else(|| {
        GpuError::Launch {
            kernel: Arc::clone(&recipe.name),
            problem: format!("a batch of {elements} elements is larger than any memory"),
        }
    })
}
