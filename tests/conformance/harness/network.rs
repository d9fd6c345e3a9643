//! The parties of a row together, each at its place.

use std::future::Future;
use std::pin::Pin;

use aqueduct::{Group, Handle, Outcome, Process, ProcessError};

use super::party::{Party, Place, at_once};
use super::runtimes;

type Body<R> = Box<dyn FnOnce(Party) -> Pin<Box<dyn Future<Output = Outcome<R>> + Send>> + Send>;

/// What a party makes. Not `()`, so that a party that ends early because a channel is retired has failed.
struct Made<R>(R);

/// The parties of a row.
pub(crate) struct Network<R = ()> {
    parties: Vec<(String, Place, Body<R>)>,
}

impl<R: Send + 'static> Network<R> {
    pub(crate) fn new() -> Self {
        Self { parties: Vec::new() }
    }

    /// Adds a party; it begins when the network is run.
    pub(crate) fn add<F>(&mut self, name: &str, place: Place, body: impl FnOnce(Party) -> F + Send + 'static)
    where
        F: Future<Output = Outcome<R>> + Send + 'static,
    {
        self.parties.push((name.to_owned(), place, Box::new(move |me| Box::pin(body(me)))));
    }

    /// Runs all parties to their end, and gives what they have made, in the order in which they were added.
    ///
    /// # Panics
    /// If a party fails, or ends early because it found a channel ended and said `?`.
    pub(crate) fn run(self) -> Vec<R> {
        let count = self.parties.len();
        let mut handles: Vec<(usize, Handle<Made<R>>)> = Vec::new();
        let mut siblings = Group::new();
        let mut numbers = Vec::new();
        for (number, (name, place, body)) in self.parties.into_iter().enumerate() {
            if place == Place::Thread {
                let thread = aqueduct::thread(name, move || Ok(Made(at_once(body(Party::Thread))?)));
                handles.push((number, thread.spawn()));
                continue;
            }
            let task = aqueduct::task(name, async move { Ok(Made(body(Party::Task).await?)) });
            if place == Place::Sibling {
                numbers.push(number);
                siblings.add(task);
            } else {
                let runtime = runtimes::of(place);
                let _inside = runtime.enter();
                handles.push((number, task.spawn()));
            }
        }
        let siblings = (!siblings.is_empty()).then(|| {
            let runtime = runtimes::of(Place::Sibling);
            let _inside = runtime.enter();
            aqueduct::task("siblings", async move { Ok(siblings.join().await?) }).spawn()
        });
        let mut made: Vec<Option<R>> = (0..count).map(|_| None).collect();
        let mut failures: Vec<ProcessError> = Vec::new();
        for (number, handle) in handles {
            match handle.join_blocking() {
                Ok(Made(value)) => made[number] = Some(value),
                Err(error) => failures.push(error),
            }
        }
        match siblings.map_or(Ok(Vec::new()), Handle::join_blocking) {
            Ok(values) => numbers.into_iter().zip(values).for_each(|(number, Made(value))| made[number] = Some(value)),
            Err(error) => failures.push(error),
        }
        // Most failures are echoes of the first.
        failures.dedup_by(|one, other| one.same_cause(other));
        let failures: Vec<_> = failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}", failures.join("; "));
        made.into_iter().map(|value| value.expect("a party that has not failed has made something")).collect()
    }
}
