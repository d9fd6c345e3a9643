//! Stages of single elements.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::gpu::{Gpu, InOut, Kernel, Len, SourceKernel};
use aqueduct::prelude::*;

use crate::run;

const TWICE: &str =
    ".version 6.0\n.target sm_60\n.address_size 64\n.visible .entry twice(.param .u64 x, .param .u32 n) { ret; }";

/// Doubles, and notes the length of every batch.
fn twice(lengths: &Arc<Mutex<Vec<usize>>>) -> SourceKernel<(InOut<u32>, Len)> {
    let lengths = Arc::clone(lengths);
    Kernel::ptx(TWICE, "twice").args((InOut::<u32>(), Len)).cpu(move |x: &mut [u32], length: usize| {
        lengths.lock().unwrap().push(length);
        x.iter_mut().for_each(|x| *x *= 2);
    })
}

#[test]
fn elements_are_gathered_by_size() {
    run(async {
        let lengths = Arc::default();
        let (tx, rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel();
        let stage = twice(&lengths).stage().slots(1).items(8, Duration::from_secs(60)).run(&Gpu::cpu(), rx, out);
        let numbers = aqueduct::task("numbers", async move {
            for n in 0..20 {
                tx.send(n).await?;
            }
            Ok(())
        });
        let ((), (), all) = par!(numbers, stage, aqueduct::toolkit::collect(results)).await?;
        assert_eq!(all, (0..20).map(|n| 2 * n).collect::<Vec<_>>());
        assert_eq!(*lengths.lock().unwrap(), [8, 8, 4]);
        Ok(())
    });
}

#[test]
fn elements_do_not_wait_longer_than_the_deadline() {
    run(async {
        let lengths = Arc::default();
        let (tx, rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel();
        let stage = twice(&lengths).stage().items(1000, Duration::from_millis(20)).run(&Gpu::cpu(), rx, out).spawn();
        tx.send(1).await?;
        tx.send(2).await?;
        // The batch is not full, and nothing more is sent.
        assert_eq!((results.recv().await?, results.recv().await?), (2, 4));
        assert_eq!(*lengths.lock().unwrap(), [2]);
        drop(tx);
        stage.await?;
        Ok(())
    });
}

#[test]
fn poison_goes_through_elements() {
    run(async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let (out, results) = aqueduct::channel();
        let stage = twice(&Arc::default()).stage().items(10, Duration::from_secs(60)).run(&Gpu::cpu(), rx, out).spawn();
        tx.send(1).await?;
        tx.poison("no more");
        assert!(stage.await.unwrap_err().to_string().contains("no more"));
        assert!(results.recv().await.unwrap_err().to_string().contains("no more"));
        Ok(())
    });
}
