//! A poison travels through a network with one and the same first cause.

use aqueduct::prelude::*;
use aqueduct::{Ended, Handle};

use super::{OutOfPaper, on_runtime, poison, relay, relay_thread, same};

const STAGES: usize = 5;

#[process]
async fn source(out: Sender<u32>) -> Outcome {
    out.send(1).await?;
    out.send(2).await?;
    Err(OutOfPaper)?
}

#[process]
fn source_thread(out: Sender<u32>) -> Outcome {
    out.send_blocking(1)?;
    out.send_blocking(2)?;
    Err(OutOfPaper)?
}

/// Everybody ended because of the source, and says so with the source's own cause.
fn check(source: ProcessError, stages: Vec<Result<(), ProcessError>>, received: &[u32], end: Ended) {
    assert_eq!(received, [1, 2]);
    assert!(source.cause().error().unwrap().is::<OutOfPaper>());
    assert_eq!(stages.len(), STAGES);
    for stage in stages {
        let error = stage.unwrap_err();
        assert!(error.same_cause(&source), "{error}");
        assert_eq!(error.to_string(), source.to_string(), "the first cause, not the echo");
    }
    assert!(same(end.cause().unwrap(), source.cause()));
}

async fn drain(rx: Receiver<u32>) -> (Vec<u32>, Ended) {
    let mut received = Vec::new();
    loop {
        match rx.recv().await {
            Ok(n) => received.push(n),
            Err(ended) => return (received, ended),
        }
    }
}

#[test]
fn through_a_chain_of_tasks_in_one_task() {
    on_runtime(async {
        let (tx, mut rx) = aqueduct::channel();
        let mut stages = Vec::new();
        for _ in 0..STAGES {
            let (next_tx, next_rx) = aqueduct::channel();
            stages.push(relay(rx, next_tx).into_future());
            rx = next_rx;
        }
        let ((first, all), (received, end)) = futures::future::join(
            futures::future::join(source(tx).into_future(), futures::future::join_all(stages)),
            drain(rx),
        )
        .await;
        check(first.unwrap_err(), all, &received, end);
    });
}

/// The channels are rendezvous: what a stage has taken it passes on before it meets the poison.
async fn through_handles(first: Handle<()>, stages: Vec<Handle<()>>, rx: Receiver<u32>) {
    let (received, end) = drain(rx).await;
    let all = futures::future::join_all(stages).await;
    check(first.await.unwrap_err(), all, &received, end);
}

#[test]
fn through_a_chain_of_spawned_tasks() {
    on_runtime(async {
        let (tx, mut rx) = aqueduct::channel();
        let mut stages = Vec::new();
        for _ in 0..STAGES {
            let (next_tx, next_rx) = aqueduct::channel();
            stages.push(relay(rx, next_tx).spawn());
            rx = next_rx;
        }
        through_handles(source(tx).spawn(), stages, rx).await;
    });
}

#[test]
fn through_a_chain_of_threads() {
    on_runtime(async {
        let (tx, mut rx) = aqueduct::channel();
        let mut stages = Vec::new();
        for _ in 0..STAGES {
            let (next_tx, next_rx) = aqueduct::channel();
            stages.push(relay_thread(rx, next_tx).spawn());
            rx = next_rx;
        }
        through_handles(source_thread(tx).spawn(), stages, rx).await;
    });
}

#[test]
fn through_a_chain_that_mixes_tasks_and_threads() {
    on_runtime(async {
        let (tx, mut rx) = aqueduct::channel();
        let mut stages = Vec::new();
        for stage in 0..STAGES {
            let (next_tx, next_rx) = aqueduct::channel();
            stages.push(if stage % 2 == 0 { relay(rx, next_tx).spawn() } else { relay_thread(rx, next_tx).spawn() });
            rx = next_rx;
        }
        through_handles(source_thread(tx).spawn(), stages, rx).await;
    });
}

#[test]
fn upstream_as_well_as_downstream() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (up_tx, up_rx) = aqueduct::channel();
        let feeder = aqueduct::task("feeder", async move {
            loop {
                up_tx.send(0).await?;
            }
            #[allow(unreachable_code)]
            Outcome::Ok(())
        })
        .spawn();
        let middle = relay(up_rx, tx).spawn();
        let sink = aqueduct::task("sink", async move {
            rx.recv().await?;
            rx.recv().await?;
            Err::<(), _>(Exit::from(OutOfPaper))
        })
        .spawn();
        let first = sink.await.unwrap_err();
        assert!(middle.await.unwrap_err().same_cause(&first));
        assert!(feeder.await.unwrap_err().same_cause(&first));
    });
}

#[test]
fn par_gives_the_first_cause_and_not_an_echo() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel::<u32>();
        // The echoes stand first, and are polled first.
        let error = par!(
            relay(b_rx, c),
            relay(a_rx, b),
            source(a),
            aqueduct::task("end", async move {
                while c_rx.next().await?.is_some() {}
                Ok(())
            })
        )
        .await
        .unwrap_err();
        assert_eq!(error.cause().origin().name(), "source");
        assert_eq!(error.to_string(), format!("process {} failed: out of paper", error.cause().origin()));
    });
}

#[test]
fn poison_called_by_a_process_names_it_and_does_not_fail_it() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let (end, end_rx) = aqueduct::channel::<u32>();
        aqueduct::task("saboteur", async move {
            tx.poison(OutOfPaper);
            drop(end);
            Ok(())
        })
        .await
        .unwrap();
        let poisoned = poison(rx.recv().await);
        assert_eq!(poisoned.cause().origin().name(), "saboteur");
        assert!(poisoned.cause().error().unwrap().is::<OutOfPaper>());
        assert_eq!(
            poisoned.to_string(),
            format!("the channel was poisoned: {} poisoned a channel: out of paper", poisoned.cause().origin())
        );
        assert_eq!(end_rx.recv().await, Err(Ended::Retired));
    });
}

#[test]
fn poison_from_outside_ends_a_network_with_one_cause() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (out, end) = aqueduct::channel();
        let stage = relay(rx, out).spawn();
        tx.poison("switched off");
        let error = stage.await.unwrap_err();
        assert_eq!(error.cause().origin().number(), 0);
        assert_eq!(error.to_string(), "code outside any process poisoned a channel: switched off");
        assert!(same(poison(end.recv().await).cause(), error.cause()));
    });
}

/// A loop with `next` never takes truncated data for complete data.
#[test]
fn a_loop_over_next_tells_retired_from_poisoned() {
    #[process]
    async fn sum(input: Receiver<u32>) -> Outcome<u32> {
        let mut sum = 0;
        while let Some(n) = input.next().await? {
            sum += n;
        }
        Ok(sum)
    }
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (_, total) = par!(
            aqueduct::task("whole", async move {
                tx.send(1).await?;
                Ok(tx.send(2).await?)
            }),
            sum(rx)
        )
        .await
        .unwrap();
        assert_eq!(total, 3);
        let (tx, rx) = aqueduct::channel();
        let (first, total) = futures::future::join(source(tx).into_future(), sum(rx).into_future()).await;
        assert!(total.unwrap_err().same_cause(&first.unwrap_err()));
    });
}
