//! `map_reduce`: workers reduce what they have mapped, then what was reduced, sixteen at a time, up a tree.
//!
//! Only associativity is needed: neighbours are reduced with neighbours, in input order. The driver never decodes what it
//! passes on: the parts of a level are concatenated encodings, and a fold task turns sixteen into one of the level above.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use super::{input::Input, mailbox::Mailbox, options::TaskOptions, port::Port, stream::Map, submit::Whole};
use crate::{
    cluster::{
        error::TaskError,
        protocol::{Captured, JobSpec, Work, check_size},
    },
    net::codec,
};

/// So many values are folded by one task.
const FAN_IN: u32 = 16;

/// Values beside each other, encoded: here, or being folded by a task.
enum Part {
    Here { bytes: Bytes, values: u32 },
    Coming(Whole),
}

/// The levels of the tree, the highest last; in each the parts are in input order, and all of a higher level come before
/// those of a lower one.
struct Tree {
    port: Arc<dyn Port>,
    function: u32,
    options: TaskOptions,
    depth: u32,
    levels: Vec<VecDeque<Part>>,
}

impl Tree {
    fn add(&mut self, level: usize, part: Part) {
        while self.levels.len() <= level {
            self.levels.push(VecDeque::new());
        }
        self.levels[level].push_back(part);
    }

    /// Starts a task that folds these.
    fn fold(&self, parts: Vec<(Bytes, u32)>) -> Whole {
        let values = parts.iter().map(|(_, values)| values).sum();
        let mut payload = BytesMut::with_capacity(parts.iter().map(|(bytes, _)| bytes.len()).sum());
        for (bytes, _) in parts {
            payload.extend_from_slice(&bytes);
        }
        let spec = JobSpec {
            function: self.function,
            work: Work::Fold,
            captured: Captured::Nothing,
            timeout: self.options.timeout,
            priority: self.options.priority,
            // Before the map's own chunks: what can be folded is memory that can be freed.
            depth: self.depth + 1,
        };
        let mailbox = Arc::new(Mailbox::new());
        let job = check_size(payload.len())
            .map_err(|error| TaskError::codec("the results to be reduced", "sent", &error))
            .and_then(|()| self.port.open(spec, self.options.wishes(), Arc::clone(&mailbox)));
        if let Ok(job) = &job {
            self.port.push(*job, 0, values, payload.freeze());
            self.port.seal(*job);
        }
        Whole::new(Arc::clone(&self.port), mailbox, job, values, self.options.kill, Vec::new())
    }

    /// Takes in what has been folded, and folds what can be; `last`: everything that is left. True if that has just begun
    /// and is to be polled.
    fn advance(&mut self, context: &mut Context<'_>, last: bool) -> Result<bool, TaskError> {
        let mut level = 0;
        while level < self.levels.len() {
            for part in &mut self.levels[level] {
                if let Part::Coming(whole) = part
                    && let Poll::Ready(outcome) = whole.poll(context)
                {
                    let (bytes, values) = outcome?;
                    *part = Part::Here { bytes, values };
                }
            }
            while let Some(parts) = self.take(level, FAN_IN) {
                let whole = self.fold(parts);
                self.add(level + 1, Part::Coming(whole));
            }
            level += 1;
        }
        // At the end the lower levels are short: they go up as they are.
        if last && self.levels.iter().flatten().all(|part| matches!(part, Part::Here { .. })) {
            let parts: Vec<_> = self
                .levels
                .iter_mut()
                .rev()
                .flat_map(|level| level.drain(..))
                .filter_map(|part| match part {
                    Part::Here { bytes, values } => Some((bytes, values)),
                    Part::Coming(_) => None,
                })
                .collect();
            self.levels.clear();
            if parts.iter().map(|(_, values)| values).sum::<u32>() > 1 {
                let whole = self.fold(parts);
                self.add(0, Part::Coming(whole));
                return Ok(true);
            } else if let Some((bytes, values)) = parts.into_iter().next() {
                self.add(0, Part::Here { bytes, values });
            }
        }
        Ok(false)
    }

    /// The first parts of a level, if they are there and together at least so many values.
    fn take(&mut self, level: usize, least: u32) -> Option<Vec<(Bytes, u32)>> {
        let mut values = 0;
        for (place, part) in self.levels[level].iter().enumerate() {
            let Part::Here { values: more, .. } = part else { return None };
            values += more;
            if values >= least {
                let parts = self.levels[level].drain(..=place);
                return Some(
                    parts
                        .filter_map(|part| match part {
                            Part::Here { bytes, values } => Some((bytes, values)),
                            Part::Coming(_) => None,
                        })
                        .collect(),
                );
            }
        }
        None
    }

    /// The one value that is left, if it is.
    fn single(&self) -> Option<&Bytes> {
        let mut parts = self.levels.iter().flatten();
        match (parts.next(), parts.next()) {
            (Some(Part::Here { bytes, values: 1 }), None) => Some(bytes),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.levels.iter().all(VecDeque::is_empty)
    }
}

/// Reduces a map whose workers fold what they return.
pub(crate) async fn reduce<I, R>(map: Map<I, R>, function: u32) -> Result<Option<R>, TaskError>
where
    I: Input<Item: Serialize>,
    R: DeserializeOwned,
{
    let (port, options, depth) = map.parts();
    let mut tree = Tree { port, function, options, depth, levels: Vec::new() };
    let mut map = Box::pin(map);
    let mut ended = false;
    poll_fn(|context| {
        while !ended {
            match map.as_mut().poll_part(context) {
                Poll::Ready(Some(Ok(bytes))) => tree.add(0, Part::Here { bytes, values: 1 }),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => ended = true,
                Poll::Pending => break,
            }
        }
        loop {
            match tree.advance(context, ended) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if !ended {
                return Poll::Pending;
            }
            if tree.is_empty() {
                return Poll::Ready(Ok(None));
            }
            if let Some(bytes) = tree.single() {
                let value = codec::decode(bytes).map_err(|error| TaskError::codec("a result", "decoded", &error));
                return Poll::Ready(value.map(Some));
            }
            if tree.levels.iter().flatten().any(|part| matches!(part, Part::Coming(_))) {
                return Poll::Pending;
            }
        }
    })
    .await
}

impl<I, R> Map<I, R>
where
    I: Input<Item: Serialize>,
    R: DeserializeOwned,
{
    /// The next folded part, still encoded.
    fn poll_part(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, TaskError>>> {
        match self.as_mut().poll_load(context) {
            Poll::Ready(Some(Ok(()))) => Poll::Ready(Some(self.take_part())),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
