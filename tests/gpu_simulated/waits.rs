//! Every wait is needed: with any one of them taken away, some order gives wrong results or is found out.
//!
//! A wait of a queue for a mark (`cuStreamWaitEvent`) is taken away by a driver that does nothing and says that it did; a wait
//! of the host for a mark (`cuEventQuery`) by one that says too early that the mark is reached.

use std::pin::Pin;

use aqueduct::gpu::{self, DeviceBuf, Gpu, U32};
use aqueduct_simulated_gpu::Settings;

use crate::chains::chain;
use crate::machine::{Attempt, Result, attempt, batches, left_out, plus};
use crate::orders::{through_pinned, through_vectors};

type Run = Pin<Box<dyn Future<Output = Result> + Send>>;

/// A network that fails if its results are wrong.
#[derive(Clone, Copy)]
struct Network {
    name: &'static str,
    devices: usize,
    run: fn(Gpu) -> Run,
}

const ON_ONE_DEVICE: Network = Network {
    name: "a chain on one device",
    devices: 1,
    run: |gpu| {
        Box::pin(async move {
            assert_eq!(chain(&vec![gpu; 3], batches(4, 32), 2).await?, plus(batches(4, 32), 3.0));
            Ok(())
        })
    },
};

const ON_TWO_DEVICES: Network = Network {
    name: "a chain over two devices",
    devices: 2,
    run: |gpu| {
        Box::pin(async move {
            let other = Gpu::open(1)?;
            let all = chain(&[gpu.clone(), other.clone(), gpu, other], batches(3, 32), 2).await?;
            assert_eq!(all, plus(batches(3, 32), 4.0));
            Ok(())
        })
    },
};

/// Memory is dropped before anybody has waited for it, and used again at once.
const DROPPED: Network = Network {
    name: "memory that is dropped and used again",
    devices: 1,
    run: |gpu| {
        Box::pin(async move {
            let kernel = gpu::map(|n: U32| n * 2 + 1);
            for n in 0..4 {
                let unread: DeviceBuf<u32> = gpu.call(&kernel, vec![1000; 64]).await?;
                drop(unread);
                let there: DeviceBuf<u32> = gpu.call(&kernel, vec![n; 64]).await?;
                let back: Vec<u32> = gpu.call(gpu::copy(), there).await?;
                assert_eq!(back, [n * 2 + 1; 64]);
            }
            Ok(())
        })
    },
};

const VECTORS: Network =
    Network { name: "a stage of vectors", devices: 1, run: |gpu| Box::pin(through_vectors(gpu, 3)) };

const PINNED: Network =
    Network { name: "a stage of pinned batches", devices: 1, run: |gpu| Box::pin(through_pinned(gpu, 2)) };

impl Network {
    fn attempt(self, seed: u64, broken: Option<(&'static str, u64)>) -> Attempt<u64> {
        attempt(
            Settings::seed(seed).devices(self.devices),
            |machine| {
                if let Some((function, nth)) = broken {
                    machine.fail(function, nth, 0);
                }
            },
            move |gpu, machine| async move {
                (self.run)(gpu).await?;
                Ok(machine.calls("cuStreamWaitEvent"))
            },
        )
    }

    /// How many waits of queues there are at least, in any order.
    fn waits(self) -> u64 {
        let count = |seed| self.attempt(seed, None).result.expect("nothing is broken");
        (0..8).map(count).min().expect("eight seeds")
    }

    /// In how many runs a wait was taken away until that was found out; none if it never was.
    fn until_caught(self, function: &'static str, nth: u64, most: usize) -> Option<usize> {
        let mut happened = 0;
        for seed in 0.. {
            let Attempt { result, happened: it_did, finished } = self.attempt(seed, Some((function, nth)));
            // In this order there may be fewer waits.
            happened += usize::from(it_did);
            if it_did && (result.is_err() || finished.is_err()) {
                return Some(happened);
            }
            assert!(result.is_ok() && finished.is_ok(), "nothing was broken, and yet: {result:?} {finished:?}");
            if happened == most || seed as usize == 10 * most {
                break;
            }
        }
        None
    }
}

/// Takes away each wait of a queue in turn.
fn every_wait_is_needed(network: Network) {
    if left_out("it takes waits away") {
        return;
    }
    let waits = network.waits();
    assert!(waits > 0, "{} has no waits", network.name);
    let mut tries = Vec::new();
    for nth in 1..=waits {
        match network.until_caught("cuStreamWaitEvent", nth, 200) {
            Some(runs) => tries.push(runs),
            None => panic!("{}: without the wait {nth} of {waits} nothing goes wrong", network.name),
        }
    }
    println!("{}: {waits} waits, each caught; runs until then: {tries:?}", network.name);
}

#[test]
fn a_chain_needs_each_of_its_waits() {
    every_wait_is_needed(ON_ONE_DEVICE);
}

#[test]
fn a_chain_over_two_devices_needs_each_of_its_waits() {
    every_wait_is_needed(ON_TWO_DEVICES);
}

#[test]
fn memory_that_is_used_again_needs_each_of_its_waits() {
    every_wait_is_needed(DROPPED);
}

/// Where every batch comes from the host and goes back there, a slot's own queue is order enough.
#[test]
fn batches_of_the_host_need_no_waits_of_queues() {
    if left_out("it counts waits") {
        return;
    }
    for network in [VECTORS, PINNED] {
        assert_eq!(network.waits(), 0, "{}", network.name);
    }
}

/// The host asks after a mark also to know whom to wake: who is woken too early asks again, and nothing goes wrong. So not
/// every early answer can be found out; but the answers that results are given for must be among those that are.
#[test]
fn a_mark_that_seems_reached_too_early_is_found_out() {
    if left_out("it makes the driver lie") {
        return;
    }
    const ANSWERS: u64 = 24;
    for network in [VECTORS, PINNED, ON_ONE_DEVICE, ON_TWO_DEVICES, DROPPED] {
        let caught = (1..=ANSWERS).filter(|nth| network.until_caught("cuEventQuery", *nth, 12).is_some()).count();
        println!("{}: of the first {ANSWERS} answers {caught} were caught", network.name);
        assert!(caught > 0, "{}: none of the first {ANSWERS} answers mattered", network.name);
    }
}
