//! Stages in networks.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::gpu::{self, DeviceBuf, Gpu, GpuError, InOut, Kernel, Launch, Len, Pinned, SourceKernel};
use aqueduct::prelude::*;

use crate::kernels::{butterfly, saxpy};
use crate::run;

const NEGATE: &str =
    ".version 6.0\n.target sm_60\n.address_size 64\n.visible .entry negate(.param .u64 x, .param .u32 n) { ret; }";

fn in_place(f: impl Fn(&mut [f32]) + Send + Sync + 'static) -> SourceKernel<(InOut<f32>, Len)> {
    Kernel::ptx(NEGATE, "negate").args((InOut::<f32>(), Len)).cpu(move |x: &mut [f32], _: usize| f(x))
}

#[process]
async fn source(batches: Vec<Vec<f32>>, out: Sender<Vec<f32>>) -> Outcome {
    for batch in batches {
        out.send(batch).await?;
    }
    Ok(())
}

#[process]
async fn sink<M: gpu::Batch>(input: Receiver<M>) -> Outcome<Vec<M>> {
    let mut all = Vec::new();
    while let Some(batch) = input.next().await? {
        all.push(batch);
    }
    Ok(all)
}

fn batches(count: usize, length: usize) -> Vec<Vec<f32>> {
    (0..count).map(|batch| (0..length).map(|index| (batch * length + index) as f32).collect()).collect()
}

#[test]
fn a_stage_keeps_the_order_and_loses_nothing() {
    for slots in [1, 2, 3, 8] {
        run(async move {
            let (tx, rx) = aqueduct::channel();
            let (out, results) = aqueduct::channel::<Vec<f32>>();
            // The later the batch, the sooner it is computed.
            let left = AtomicUsize::new(40);
            let kernel = in_place(move |x| {
                std::thread::sleep(Duration::from_micros(50 * left.fetch_sub(1, Ordering::Relaxed) as u64));
                x.iter_mut().for_each(|x| *x = -*x);
            });
            let stage = kernel.stage().slots(slots).run(&Gpu::cpu(), rx, out);
            let ((), (), all) = par!(source(batches(40, 100), tx), stage, sink(results)).await?;
            let expected: Vec<Vec<f32>> =
                batches(40, 100).into_iter().map(|batch| batch.into_iter().map(|x| -x).collect()).collect();
            assert_eq!(all, expected);
            Ok(())
        });
    }
}

#[test]
fn no_more_is_received_than_slots_are_free() {
    run(async {
        let (tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = in_place(|_| {}).stage().slots(2).run(&Gpu::cpu(), rx, out).spawn();
        // Two are in slots whose results nobody takes, one of them handed to the output; the third waits.
        tx.send(vec![1.0]).await?;
        tx.send(vec![2.0]).await?;
        let mut third = Some(vec![3.0]);
        assert!(
            tx.send_timeout(third.take().unwrap(), Duration::from_millis(50))
                .await
                .is_err_and(|error| error.is_timeout())
        );
        assert_eq!(results.recv().await?, [1.0]);
        tx.send(vec![4.0]).await?;
        drop(tx);
        assert_eq!(results.recv().await?, [2.0]);
        assert_eq!(results.recv().await?, [4.0]);
        assert!(results.next().await?.is_none());
        stage.await?;
        Ok(())
    });
}

#[test]
fn what_is_under_way_goes_on_when_the_input_retires() {
    run(async {
        let (tx, rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel::<Pinned<f32>>();
        let slow = in_place(|x| {
            std::thread::sleep(Duration::from_millis(20));
            x[0] += 1.0;
        });
        let stage = slow.stage().slots(4).run(&Gpu::cpu(), rx, out).spawn();
        for n in 0..4 {
            tx.send(vec![n as f32]).await?;
        }
        drop(tx);
        for n in 0..4 {
            assert_eq!(*results.recv().await?, [n as f32 + 1.0]);
        }
        assert!(results.next().await?.is_none());
        stage.await?;
        Ok(())
    });
}

#[test]
fn a_stage_ends_with_its_output() {
    run(async {
        let (tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = in_place(|_| {}).stage().run(&Gpu::cpu(), rx, out).spawn();
        drop(results);
        stage.await?;
        assert!(tx.send(vec![1.0]).await.unwrap_err().reason().is_retired());
        Ok(())
    });
}

#[test]
fn poison_goes_through_a_stage() {
    run(async {
        let (tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = in_place(|_| {}).stage().run(&Gpu::cpu(), rx, out).spawn();
        tx.poison("the disk is full");
        let error = stage.await.unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert!(results.recv().await.unwrap_err().to_string().contains("the disk is full"));
        Ok(())
    });
}

#[test]
fn a_failing_batch_poisons_both_sides() {
    run(async {
        let (tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = in_place(|_| panic!("a bad number")).stage().named("bad").run(&Gpu::cpu(), rx, out).spawn();
        tx.send(vec![1.0]).await?;
        let error = stage.await.unwrap_err();
        let told = error.source().and_then(|error| error.downcast_ref::<GpuError>());
        assert!(matches!(told, Some(GpuError::Panicked { .. })), "{error}");
        assert!(error.to_string().starts_with("process bad#"), "{error}");
        assert!(results.recv().await.unwrap_err().is_poisoned());
        assert!(tx.send(vec![1.0]).await.unwrap_err().reason().is_poisoned());
        Ok(())
    });
}

#[test]
fn a_cancelled_stage_poisons_both_sides() {
    run(async {
        let (tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = in_place(|_| {}).stage().run(&Gpu::cpu(), rx, out).spawn();
        assert!(stage.abort());
        assert!(results.recv().await.unwrap_err().is_poisoned());
        assert!(tx.send(vec![1.0]).await.unwrap_err().reason().is_poisoned());
        assert!(stage.await.unwrap_err().cause().is_cancelled());
        Ok(())
    });
}

#[test]
fn a_kernel_without_a_body_fails_at_the_start() {
    run(async {
        let (_tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let kernel = Kernel::ptx(NEGATE, "negate").args((InOut::<f32>(), Len)).launch(Launch::cover(2048));
        let error = kernel.stage().run(&Gpu::cpu(), rx, out).await.unwrap_err();
        assert!(error.to_string().contains("a block of 2048 threads is too large: CUDA allows 1024"), "{error}");
        assert!(results.recv().await.unwrap_err().is_poisoned());
        Ok(())
    });
}

#[test]
fn several_inputs_and_outputs_go_together() {
    run(async {
        let (a, a_rx) = aqueduct::buffered(8);
        let (b, b_rx) = aqueduct::buffered(8);
        let (sum, sums) = aqueduct::channel::<Vec<u32>>();
        let (difference, differences) = aqueduct::channel::<DeviceBuf<u32>>();
        for n in 0..5u32 {
            a.send(vec![10 + n; 4]).await?;
            b.send(vec![n; 4]).await?;
        }
        // One without a partner.
        b.send(vec![0; 4]).await?;
        drop((a, b));
        let stage = butterfly().stage().run(&Gpu::cpu(), (a_rx, b_rx), (sum, difference));
        let ((), sums, differences) = par!(stage, sink(sums), sink(differences)).await?;
        assert_eq!(sums, (0..5).map(|n| vec![10 + 2 * n; 4]).collect::<Vec<_>>());
        assert_eq!(differences.len(), 5);
        for difference in differences {
            let back: Vec<u32> = Gpu::cpu().call(gpu::copy(), difference).await?;
            assert_eq!(back, [10; 4]);
        }
        Ok(())
    });
}

#[test]
fn a_pool_of_stages_shares_a_channel() {
    run(async {
        let (tx, rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let shares = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let stage = |share: &Arc<AtomicUsize>| {
            let share = Arc::clone(share);
            in_place(move |x| {
                share.fetch_add(1, Ordering::Relaxed);
                x[0] = -x[0];
            })
            .stage()
            .slots(1)
            .run(&Gpu::cpu(), rx.clone(), out.clone())
        };
        let (one, two) = (stage(&shares[0]), stage(&shares[1]));
        drop((rx, out));
        let ((), (), (), all) = par!(source(batches(10, 1), tx), one, two, sink(results)).await?;
        let mut all: Vec<f32> = all.into_iter().map(|batch| -batch[0]).collect();
        all.sort_by(f32::total_cmp);
        assert_eq!(all, (0..10).map(|n| n as f32).collect::<Vec<_>>());
        // Whoever waits is served in order: neither could take all of them.
        assert!(shares.iter().all(|share| share.load(Ordering::Relaxed) > 0), "{shares:?}");
        Ok(())
    });
}

#[test]
fn a_stage_is_in_the_picture_and_says_where_it_runs() {
    let (_tx, rx) = Channel::<Vec<f32>>::rendezvous().named("numbers").open();
    let (out, _results) = Channel::<Vec<f32>>::rendezvous().named("squares").open();
    let stage = in_place(|_| {}).stage().named("square").run(&Gpu::cpu(), rx, out);
    assert!(stage.gpu().is_cpu());
    assert!(stage.gpu().to_string().ends_with(": it was asked for"), "{}", stage.gpu());
    let shape = stage.shape();
    let ports: Vec<String> = shape.processes()[0].ports().iter().map(ToString::to_string).collect();
    assert!(ports[0].starts_with("input: Receiver<") && ports[1].starts_with("output: Sender<"), "{ports:?}");
    assert!(shape.to_string().contains("square"), "{shape}");
}

#[test]
fn a_stage_of_saxpy_is_saxpy() {
    run(async {
        let (x, x_rx) = aqueduct::channel();
        let (y, y_rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = saxpy(0.5).stage().run(&Gpu::cpu(), (x_rx, y_rx), out);
        let network = par!(source(batches(20, 1000), x), source(batches(20, 1000), y), stage, sink(results));
        let ((), (), (), all) = network.await?;
        for (batch, expected) in all.iter().zip(batches(20, 1000)) {
            assert!(batch.iter().zip(expected).all(|(y, x)| *y == 0.5 * x + x));
        }
        assert_eq!(all.len(), 20);
        Ok(())
    });
}

#[test]
fn a_stage_runs_under_seeded_schedules() {
    let report = aqueduct::testing::explore(|| {
        let (tx, rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let stage = in_place(|x| x.iter_mut().for_each(|x| *x = -*x)).stage().slots(2).run(&Gpu::cpu(), rx, out);
        par!(source(batches(3, 2), tx), stage, sink(results))
    });
    for ((), (), all) in report.values() {
        assert_eq!(*all, [vec![-0.0, -1.0], vec![-2.0, -3.0], vec![-4.0, -5.0]]);
    }
    assert!(report.interleavings() > 10, "{}", report.interleavings());
}
