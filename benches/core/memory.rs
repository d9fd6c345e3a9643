//! Resident memory for each process that is blocked on a channel of its own.

use std::hint::black_box;

use aqueduct::prelude::*;

use crate::{runtime, sample};

/// Waits for a value that does not come, until its channel retires.
#[process]
async fn blocked(input: Receiver<u64>) -> Outcome {
    input.recv().await?;
    Ok(())
}

/// Resident pages of this program, in bytes; `None` where the system does not tell.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

pub(crate) fn run(processes: usize) {
    let Some(before) = resident() else {
        println!("| memory per blocked process: skipped, this system has no /proc/self/statm |");
        return;
    };
    let grown = |senders: &Vec<Sender<u64>>| {
        let own = (senders.capacity() * size_of::<Sender<u64>>()) as u64;
        (resident().unwrap_or(before).saturating_sub(before).saturating_sub(own)) as f64 / processes as f64
    };
    // The group first: memory that is given back is not always returned to the system.
    sample("memory, blocked in a group", "bytes", 1, || {
        runtime(0).block_on(async {
            let mut group = Group::new();
            let mut senders = Vec::with_capacity(processes);
            for _ in 0..processes {
                let (tx, rx) = aqueduct::channel();
                senders.push(tx);
                group.add(blocked(rx));
            }
            std::future::poll_fn(|cx| {
                let polled = std::pin::pin!(group.next()).poll(cx);
                assert!(polled.is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            let bytes = grown(&senders);
            drop(black_box(senders));
            group.join().await.expect("in order");
            bytes
        })
    });
    // Measured in a program of its own, so that the group's memory is not used again.
    let again = std::env::current_exe()
        .and_then(|this| std::process::Command::new(this).args(["--memory-of-tasks", &processes.to_string()]).status());
    if let Err(error) = again {
        println!("| memory, blocked as a task: skipped, {error} |");
    }
}

/// The half that runs in a program of its own.
pub(crate) fn run_tasks(processes: usize) {
    let Some(before) = resident() else { return };
    sample("memory, blocked as a task", "bytes", 1, || {
        runtime(0).block_on(async {
            let mut senders = Vec::with_capacity(processes);
            for _ in 0..processes {
                let (tx, rx) = aqueduct::channel();
                senders.push(tx);
                drop(blocked(rx).spawn());
            }
            for _ in 0..processes / 32 {
                tokio::task::yield_now().await;
            }
            let own = (senders.capacity() * size_of::<Sender<u64>>()) as u64;
            resident().unwrap_or(before).saturating_sub(before).saturating_sub(own) as f64 / processes as f64
        })
    });
}
