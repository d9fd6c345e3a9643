//! The picture of a network that runs.

use super::shape::{Shape, Sketch};
use crate::context::probe::Watching;

/// Watches the processes of this program, for pictures of what runs.
///
/// Nothing is recorded before the first `watch`, and nothing is kept after the last of them is dropped. While one
/// lives, every process that starts, and every use of a channel end, is noted under one lock: good for a look, too
/// slow for ever.
///
/// A picture shows the processes that run, the ends that they were given as ports, and those that they have used
/// since, however they came by them: over a channel, in a closure, as a capture of a process in place. A process that
/// was running before the watch began is in the picture from its next send or receive. A channel whose last sender or
/// receiver is gone loses that side. Code outside any process is in no picture.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::Picture;
///
/// #[process]
/// async fn wait(input: Receiver<u32>) {
///     let _ = input.recv().await;
/// }
///
/// # aqueduct::run(async {
/// let watch = Picture::watch();
/// let (tx, rx) = aqueduct::channel();
/// let waiting = wait(rx).spawn();
/// let names = |shape: aqueduct::Shape| shape.processes().iter().map(|p| p.name().to_owned()).collect::<Vec<_>>();
/// assert_eq!(names(watch.shape()), ["wait"]);
///
/// drop(tx);
/// waiting.await?;
/// assert!(names(watch.shape()).is_empty());
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is recorded once it is dropped"]
pub struct Picture {
    watching: Watching,
}

impl Picture {
    /// Begins to watch, until the picture is dropped.
    pub fn watch() -> Self {
        Self { watching: Watching::begin() }
    }

    /// The processes that run now, by their numbers, and the channels between them.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let mut sketch = Sketch::default();
        for (about, ends) in self.watching.look() {
            sketch.add(about, ends);
        }
        sketch.finish()
    }
}
