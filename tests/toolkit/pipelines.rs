//! Pipelines: stages with a channel between each two.

use aqueduct::prelude::*;
use aqueduct::toolkit::*;

use crate::{cause, on_runtime};

#[test]
fn values_go_through_all_stages_in_order_and_change_their_type() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let line = pipeline(a_rx)
            .then(|n: u32| n.to_string())
            .buffered(8)
            .keep(|text| text.len() > 1)
            .through(|input, out| ordered_thread_farm(3, |text: String| Ok(text.into_bytes()), input, out))
            .then(|bytes| bytes.len())
            .through(|input, out| pipeline(input).then(|n| n + 1).into(out))
            .into(b);
        assert_eq!(line.shape().processes().len(), 5);
        let lengths = par!(generate(7..102, a), line, collect(b_rx)).await.unwrap().2;
        assert_eq!(lengths, [vec![3; 90], vec![4; 2]].concat());
    });
}

#[test]
fn a_pipeline_without_stages_passes_on() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        assert_eq!(par!(generate(0..3, a), pipeline(a_rx).into(b), collect(b_rx)).await.unwrap().2, [0, 1, 2]);
    });
}

#[test]
fn the_stages_work_at_the_same_time() {
    // Each stage waits for the other before it goes on: one after the other would hang.
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
        let meet = |meets: fn(u32) -> bool, barrier: std::sync::Arc<tokio::sync::Barrier>| {
            move |input: Receiver<u32>, out: Sender<u32>| {
                aqueduct::task("meeting", async move {
                    while let Some(n) = input.next().await? {
                        if meets(n) {
                            barrier.wait().await;
                        }
                        out.send(n).await?;
                    }
                    Ok(())
                })
            }
        };
        // The second stage meets at a value while the first does at the next one.
        let line = pipeline(a_rx).through(meet(|n| n > 0, barrier.clone())).through(meet(|n| n < 4, barrier)).into(b);
        let source = generate(0..5, a);
        let ((), (), values) = par!(source, line, collect(b_rx)).await.unwrap();
        assert_eq!(values, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_failing_stage_fails_the_pipeline_and_poisons_both_ends() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let line = pipeline(a_rx)
            .then(|n: u32| n)
            .through(|input, out| try_map(|n: u32| if n < 3 { Ok(n) } else { Err(Exit::failure("three")) }, input, out))
            .then(|n| n)
            .into(b)
            .spawn();
        let feeding = generate(0.., a).spawn();
        let ended = loop {
            if let Err(ended) = b_rx.recv().await {
                break ended;
            }
        };
        assert!(cause::<()>(Err(ended)).contains("failed: three"));
        let (line, feeding) = (line.await.unwrap_err(), feeding.await.unwrap_err());
        assert!(line.same_cause(&feeding), "{line} / {feeding}");
    });
}

#[test]
fn a_pipeline_that_is_dropped_unstarted_or_unended_leaves_nobody_waiting() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        drop(pipeline(a_rx).then(|n: u32| n).then(|n| n).into(b));
        assert!(a.send(1).await.unwrap_err().reason().is_poisoned(), "cancelled");
        assert!(b_rx.recv().await.unwrap_err().is_poisoned());
        let (a, a_rx) = aqueduct::channel();
        drop(pipeline(a_rx).then(|n: u32| n).then(|n| n));
        assert!(a.send(1).await.is_err());
    });
}

#[test]
fn a_program_of_the_system_is_a_stage_whose_exit_status_is_dropped() {
    if cfg!(not(unix)) {
        println!("skipped: there may be no `sort` here");
        return;
    }
    let sorted = on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (out, lines) = aqueduct::channel();
        let stages = pipeline(rx)
            .then(|line: &str| line.to_uppercase())
            .through(|input, out: Sender<String>| command_filter(Program::new("sort").must_succeed(), input, out))
            .into(out);
        assert_eq!(stages.shape().one_sided().count(), 2, "only the two ends lead outside");
        par!(generate(["b", "c", "a"], tx), stages, collect(lines)).await.unwrap().2
    });
    assert_eq!(sorted, ["A", "B", "C"]);
}
