//! A map as a process: between two channels of a network, with workers that are real.

aqueduct::worker_entry!();

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aqueduct::{
    Cluster, Ended, ProcessError,
    cluster::{OnError, TaskError, TaskOptions, task, with},
    prelude::*,
    remote,
    toolkit::{collect, generate},
};
use serde::{Deserialize, Serialize};

#[remote(pure)]
fn square(n: u64) -> u64 {
    n * n
}

/// A kilobyte.
#[remote]
fn letter(n: u64) -> Vec<u8> {
    vec![n as u8; 1 << 10]
}

#[remote]
fn never_seven(n: u64) -> u64 {
    assert!(n != 7, "seven");
    n
}

/// Ends when nobody waits for it any more, if it is asked to wait.
#[remote]
async fn wait_if(wait: bool) -> bool {
    if let (true, Some(task)) = (wait, task::current()) {
        task.cancelled().await;
    }
    wait
}

#[derive(Serialize, Deserialize)]
struct Scale {
    by: u64,
}

#[remote]
impl Scale {
    fn apply(&self, n: u64) -> u64 {
        self.by * n
    }
}

fn nobody_knows(n: u64) -> u64 {
    n
}

async fn cluster(workers: usize) -> Cluster {
    Cluster::local(workers).await.unwrap()
}

/// The [`TaskError`] behind the failure of a process.
fn task_error(error: &ProcessError) -> &TaskError {
    error.cause().error().and_then(|error| error.downcast_ref()).unwrap_or_else(|| panic!("another error: {error}"))
}

/// Only a task that was cancelled leaves the one place of the one worker to others.
async fn is_free(cluster: &Cluster) {
    assert_eq!(cluster.submit(square, 3).await, Ok(9));
}

#[tokio::test]
async fn results_come_in_the_order_of_the_input_and_all_before_it_ends() {
    let cluster = cluster(2).await;
    let (numbers, numbers_rx) = aqueduct::buffered(100);
    let (squares, squares_rx) = aqueduct::channel();
    let network = par!(generate(0..10_000, numbers), cluster.process(square, numbers_rx, squares), collect(squares_rx));
    let (.., squares) = network.await.unwrap();
    assert_eq!(squares, (0..10_000).map(square).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_input_without_values_gives_an_output_without_values() {
    let cluster = cluster(1).await;
    let (numbers, numbers_rx) = aqueduct::channel();
    let (squares, squares_rx) = aqueduct::channel();
    drop(numbers);
    let (_, squares) = par!(cluster.process(square, numbers_rx, squares), collect(squares_rx)).await.unwrap();
    assert!(squares.is_empty());
}

#[tokio::test]
async fn one_value_has_its_result_though_no_other_follows() {
    let cluster = cluster(1).await;
    let (numbers, numbers_rx) = aqueduct::channel();
    let (squares, squares_rx) = aqueduct::channel();
    let map = cluster.process(square, numbers_rx, squares).spawn();
    for n in 0..20 {
        numbers.send(n).await.unwrap();
        assert_eq!(squares_rx.recv().await.unwrap(), n * n);
    }
    drop(numbers);
    assert_eq!(squares_rx.recv().await, Err(Ended::Retired));
    map.await.unwrap();
}

#[tokio::test]
async fn maps_stand_one_behind_the_other_and_capture_data() {
    let cluster = cluster(2).await;
    let (numbers, numbers_rx) = aqueduct::buffered(10);
    let (squares, squares_rx) = aqueduct::buffered(10);
    let (scaled, scaled_rx) = aqueduct::channel();
    let network = par!(
        generate(0..500, numbers),
        cluster.process(square, numbers_rx, squares),
        cluster.process(with(Scale { by: 3 }, Scale::apply), squares_rx, scaled),
        collect(scaled_rx),
    );
    assert_eq!(network.await.unwrap().3, (0..500).map(|n| 3 * n * n).collect::<Vec<_>>());
}

/// Never ends by itself; tells how many it has sent.
#[process]
async fn count_up(sent: Arc<AtomicU64>, out: Sender<u64>) -> Outcome {
    for n in 0.. {
        out.send(n).await?;
        sent.store(n + 1, Ordering::SeqCst);
    }
    Ok(())
}

/// A consumer that chooses between results and its neighbour's wish to stop.
#[process]
async fn sum_until(results: Receiver<u64>, stop: Receiver<()>) -> Outcome<(u64, u64)> {
    let (mut count, mut sum) = (0, 0);
    let mut choice = Alt::pri();
    loop {
        alt! { choice;
            Ok(()) = stop.recv() => return Ok((count, sum)),
            Ok(result) = results.recv() => {
                count += 1;
                sum += result;
            }
            complete => return Ok((count, sum)),
        }
    }
}

#[tokio::test]
async fn a_network_chooses_between_results_and_other_channels() {
    let cluster = cluster(2).await;
    let (numbers, numbers_rx) = aqueduct::channel();
    let (squares, squares_rx) = aqueduct::channel();
    let (stop, stop_rx) = aqueduct::channel();
    // The producer never ends by itself: the consumer is stopped, and that ends the map, and that the producer.
    let sent = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&sent);
    let stopper = aqueduct::task("stopper", async move {
        while seen.load(Ordering::SeqCst) < 300 {
            tokio::task::yield_now().await;
        }
        Ok(stop.send(()).await?)
    });
    let network = par!(
        count_up(sent, numbers),
        stopper,
        cluster.process(square, numbers_rx, squares),
        sum_until(squares_rx, stop_rx)
    );
    let (.., (count, sum)) = network.await.unwrap();
    assert_eq!(sum, (0..count).map(square).sum::<u64>(), "the first ones, in order");
}

#[tokio::test]
async fn a_poison_of_the_input_travels_to_the_output_and_cancels_the_tasks() {
    let cluster = cluster(1).await;
    let (waits, waits_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(wait_if, waits_rx, out).spawn();
    waits.send(true).await.unwrap();
    waits.poison("out of numbers");
    let Err(Ended::Poisoned(poison)) = out_rx.recv().await else { panic!("the output is poisoned") };
    assert!(poison.cause().to_string().ends_with("out of numbers"), "{poison}");
    assert!(map.await.unwrap_err().to_string().ends_with("out of numbers"));
    is_free(&cluster).await;
}

#[tokio::test]
async fn a_poison_is_seen_though_no_more_input_is_wanted() {
    let cluster = cluster(1).await.with(TaskOptions::new().chunk(1).in_flight(1));
    let (waits, waits_rx) = aqueduct::buffered(5);
    let (out, out_rx) = aqueduct::channel();
    for _ in 0..5 {
        waits.send(true).await.unwrap();
    }
    let map = cluster.process(wait_if, waits_rx, out).spawn();
    while waits.len() == 5 {
        tokio::task::yield_now().await;
    }
    waits.poison("out of numbers");
    assert!(out_rx.recv().await.unwrap_err().is_poisoned());
    assert!(map.await.unwrap_err().to_string().ends_with("out of numbers"));
    is_free(&cluster).await;
}

#[tokio::test]
async fn a_task_without_a_result_poisons_both_channels_with_its_error() {
    let cluster = cluster(2).await;
    let (numbers, numbers_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(never_seven, numbers_rx, out).spawn();
    let producer = count_up(Arc::default(), numbers).spawn();
    let mut results = Vec::new();
    let poison = loop {
        match out_rx.next().await {
            Ok(result) => results.push(result.expect("this input never retires")),
            Err(poison) => break poison,
        }
    };
    assert!(results.len() <= 7 && results.iter().copied().eq(0..results.len() as u64), "{results:?}");
    let error = map.await.unwrap_err();
    assert_eq!(task_error(&error).panic().unwrap().message, "seven");
    assert_eq!(poison.cause().to_string(), error.cause().to_string());
    assert_eq!(producer.await.unwrap_err().cause().to_string(), error.cause().to_string());
}

#[tokio::test]
async fn skipped_items_are_left_out() {
    let cluster = cluster(2).await.with(TaskOptions::new().on_error(OnError::Skip));
    let (numbers, numbers_rx) = aqueduct::buffered(10);
    let (out, out_rx) = aqueduct::channel();
    let network = par!(generate(0..10, numbers), cluster.process(never_seven, numbers_rx, out), collect(out_rx));
    assert_eq!(network.await.unwrap().2, [0, 1, 2, 3, 4, 5, 6, 8, 9]);
}

#[tokio::test]
async fn with_collect_the_others_have_their_results_and_then_it_fails() {
    let cluster = cluster(2).await.with(TaskOptions::new().on_error(OnError::Collect));
    let (numbers, numbers_rx) = aqueduct::buffered(10);
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(never_seven, numbers_rx, out).spawn();
    let producer = generate(0..10, numbers).spawn();
    for n in [0, 1, 2, 3, 4, 5, 6, 8, 9] {
        assert_eq!(out_rx.recv().await.unwrap(), n);
    }
    assert!(out_rx.recv().await.unwrap_err().is_poisoned(), "something is missing, and that is told");
    assert_eq!(task_error(&map.await.unwrap_err()).panic().unwrap().message, "seven");
    producer.await.unwrap();
}

#[tokio::test]
async fn a_retired_output_ends_it_quietly_and_cancels_the_tasks() {
    let cluster = cluster(1).await;
    let (waits, waits_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(wait_if, waits_rx, out).spawn();
    waits.send(false).await.unwrap();
    assert!(!out_rx.recv().await.unwrap());
    waits.send(true).await.unwrap();
    drop(out_rx);
    map.await.unwrap();
    assert_eq!(waits.closed().await, Ended::Retired);
    is_free(&cluster).await;
}

#[tokio::test]
async fn a_poisoned_output_fails_it_and_goes_on_to_the_input() {
    let cluster = cluster(1).await;
    let (waits, waits_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(wait_if, waits_rx, out).spawn();
    waits.send(true).await.unwrap();
    out_rx.poison("the disk is full");
    assert!(map.await.unwrap_err().to_string().ends_with("the disk is full"));
    assert!(waits.closed().await.is_poisoned());
    is_free(&cluster).await;
}

#[tokio::test]
async fn aborted_it_poisons_its_channels_and_cancels_the_tasks() {
    let cluster = cluster(1).await;
    let (waits, waits_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(wait_if, waits_rx, out).spawn();
    waits.send(true).await.unwrap();
    map.abort();
    assert!(out_rx.recv().await.unwrap_err().cause().unwrap().is_cancelled());
    assert!(waits.closed().await.is_poisoned());
    is_free(&cluster).await;
}

#[tokio::test]
async fn input_is_not_taken_far_ahead_of_the_results() {
    let cluster = cluster(2).await.with(TaskOptions::new().chunk(1).in_flight(16 << 10));
    let taken = Arc::new(AtomicU64::new(0));
    let (numbers, numbers_rx) = aqueduct::channel();
    let (letters, letters_rx) = aqueduct::channel();
    let map = cluster.process(letter, numbers_rx, letters).spawn();
    let producer = count_up(Arc::clone(&taken), numbers).spawn();
    for received in 0..1000 {
        assert_eq!(letters_rx.recv().await.unwrap().len(), 1 << 10);
        let ahead = taken.load(Ordering::SeqCst) - received;
        // A chunk costs 128 bytes and its own; a few values are in nobody's budget: in hand, or on their way.
        assert!(ahead <= (16 << 10) / 128 + 4, "{ahead} values ahead of the results");
    }
    drop(letters_rx);
    map.await.unwrap();
    producer.await.unwrap();
}

#[tokio::test]
async fn unordered_results_do_not_wait_for_those_before_them() {
    let cluster = cluster(2).await;
    let (waits, waits_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process_unordered(wait_if, waits_rx, out).spawn();
    waits.send(true).await.unwrap();
    for _ in 0..10 {
        waits.send(false).await.unwrap();
        assert!(!out_rx.recv().await.unwrap());
    }
    drop(out_rx);
    map.await.unwrap();
}

#[tokio::test]
async fn a_function_that_is_not_registered_fails_it_though_no_value_comes() {
    let cluster = cluster(1).await;
    let (numbers, numbers_rx) = aqueduct::channel::<u64>();
    let (out, out_rx) = aqueduct::channel();
    drop(numbers);
    let error = cluster.process(nobody_knows, numbers_rx, out).await.unwrap_err();
    assert!(matches!(task_error(&error), TaskError::NotRegistered(_)));
    assert!(error.to_string().contains("nobody_knows"), "{error}");
    assert!(out_rx.recv().await.unwrap_err().is_poisoned());
}

#[tokio::test]
async fn the_end_of_the_cluster_fails_it() {
    let cluster = cluster(1).await;
    let (waits, waits_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let map = cluster.process(wait_if, waits_rx, out).spawn();
    waits.send(true).await.unwrap();
    cluster.shutdown().await;
    assert_eq!(task_error(&map.await.unwrap_err()), &TaskError::Closed);
    assert!(out_rx.recv().await.unwrap_err().is_poisoned());
}

#[tokio::test]
async fn pictures_show_its_function_and_its_channels() {
    let cluster = cluster(1).await;
    let (numbers, numbers_rx) = Channel::rendezvous().named("numbers").open();
    let (squares, squares_rx) = Channel::rendezvous().named("squares").open();
    let network = par!(generate(0..3, numbers), cluster.process(square, numbers_rx, squares), collect(squares_rx));
    let picture = network.shape().to_string();
    for line in ["p1[\"map square\"]", "p0 -->|\"numbers\"| p1", "p1 -->|\"squares\"| p2"] {
        assert!(picture.contains(line), "{line} in\n{picture}");
    }
    network.await.unwrap();
}
