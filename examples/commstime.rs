//! CommsTime, the classic measure of a CSP runtime: what does a communication cost?
//!
//! ```text
//! cargo run --release --example commstime -- [LOOPS]
//!
//!            ┌──────── c ──── successor ◀─┐
//!            ▼                            b
//!         prefix(0) ──── a ────▶ delta ───┤
//!                                         d
//!                                consumer ◀
//! ```
//!
//! A number goes round, one higher each time, and a copy of it to the consumer: four rendezvous a loop. The delta sends
//! its two copies one after the other (SEQ), or in parallel (PAR), which starts and ends two processes in each loop.
//! The first 1000 loops warm up and are not timed. The sum of what the consumer has received proves that every
//! communication took place; if it is wrong, the program says so and fails.

use std::future::Future;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use futures::executor::block_on;
use tokio::runtime::{Builder, Runtime};

const WARM_UP: u64 = 1000;

/// How the delta sends its two copies.
#[derive(Debug, Clone, Copy)]
enum Form {
    Seq,
    Par,
}

/// What the consumer has seen: how long the timed loops took, and the sum of all numbers.
type Seen = (Duration, u64);

#[process]
async fn prefix(first: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    out.send(first).await?;
    while let Some(n) = input.next().await? {
        out.send(n).await?;
    }
    Ok(())
}

#[process]
async fn successor(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n + 1).await?;
    }
    Ok(())
}

#[process]
async fn delta(form: Form, input: Receiver<u64>, left: Sender<u64>, right: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        match form {
            Form::Seq => {
                left.send(n).await?;
                right.send(n).await?;
            }
            Form::Par => {
                let (to_left, to_right) = par!(put(&left, n), put(&right, n)).await?;
                to_left?;
                to_right?;
            }
        }
    }
    Ok(())
}

/// One send, as a process. It gives the error to its parent: with `?` it would end quietly, which is success.
#[process]
async fn put(out: &Sender<u64>, n: u64) -> Outcome<Result<(), Ended>> {
    Ok(out.send(n).await.map_err(|error| error.into_parts().1))
}

#[process]
async fn consumer(loops: u64, input: Receiver<u64>) -> Outcome<Seen> {
    let mut sum = 0;
    for _ in 0..WARM_UP {
        sum += input.recv().await?;
    }
    let began = Instant::now();
    for _ in 0..loops {
        sum += input.recv().await?;
    }
    Ok((began.elapsed(), sum))
}

/// The same processes on OS threads.
mod on_threads {
    use super::*;

    #[process]
    pub(super) fn prefix(first: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
        out.send_blocking(first)?;
        for n in &input {
            out.send_blocking(n?)?;
        }
        Ok(())
    }

    #[process]
    pub(super) fn successor(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
        for n in &input {
            out.send_blocking(n? + 1)?;
        }
        Ok(())
    }

    /// Parallel in the sense of PAR needs no more threads: the two sends wait together, on this one.
    #[process]
    pub(super) fn delta(form: Form, input: Receiver<u64>, left: Sender<u64>, right: Sender<u64>) -> Outcome {
        for n in &input {
            let n = n?;
            match form {
                Form::Seq => {
                    left.send_blocking(n)?;
                    right.send_blocking(n)?;
                }
                Form::Par => {
                    let (to_left, to_right) = block_on(par!(put(&left, n), put(&right, n)).into_future())?;
                    to_left?;
                    to_right?;
                }
            }
        }
        Ok(())
    }

    #[process]
    pub(super) fn consumer(loops: u64, input: Receiver<u64>) -> Outcome<Seen> {
        let mut sum = 0;
        for _ in 0..WARM_UP {
            sum += input.recv_blocking()?;
        }
        let began = Instant::now();
        for _ in 0..loops {
            sum += input.recv_blocking()?;
        }
        Ok((began.elapsed(), sum))
    }
}

/// Connects prefix, delta, successor and consumer by four rendezvous channels.
macro_rules! network {
    ($form:expr, $loops:expr, $prefix:path, $delta:path, $successor:path, $consumer:path) => {{
        let (a, a_in) = aqueduct::channel();
        let (b, b_in) = aqueduct::channel();
        let (c, c_in) = aqueduct::channel();
        let (d, d_in) = aqueduct::channel();
        ($prefix(0, c_in, a), $delta($form, a_in, b, d), $successor(b_in, c), $consumer($loops, d_in))
    }};
}

async fn in_one_task(form: Form, loops: u64) -> Result<Seen, ProcessError> {
    let (prefix, delta, successor, consumer) = network!(form, loops, prefix, delta, successor, consumer);
    let ((), (), (), seen) = par!(prefix, delta, successor, consumer).await?;
    Ok(seen)
}

async fn spawned(form: Form, loops: u64) -> Result<Seen, ProcessError> {
    let (prefix, delta, successor, consumer) = network!(form, loops, prefix, delta, successor, consumer);
    let others = [prefix.spawn(), delta.spawn(), successor.spawn()];
    let seen = consumer.spawn().await?;
    for other in others {
        other.await?;
    }
    Ok(seen)
}

async fn threads(form: Form, loops: u64) -> Result<Seen, ProcessError> {
    use on_threads::{consumer, delta, prefix, successor};
    let (prefix, delta, successor, consumer) = network!(form, loops, prefix, delta, successor, consumer);
    let ((), (), (), seen) = par!(prefix, delta, successor, consumer).await?;
    Ok(seen)
}

/// Runs one network in both forms, prints a line for each, and checks the sums.
fn measure<F>(place: &str, runtime: &Runtime, loops: u64, network: impl Fn(Form, u64) -> F) -> Result<(), String>
where
    F: Future<Output = Result<Seen, ProcessError>>,
{
    for form in [Form::Seq, Form::Par] {
        let (time, sum) = runtime.block_on(network(form, loops)).map_err(|error| format!("{place}: {error}"))?;
        let per_loop = time.as_nanos() as f64 / loops as f64;
        let name = format!("{form:?}").to_uppercase();
        println!("{place:<22} {name:<4} {loops:>9} {per_loop:>10.1} {:>10.1}  {sum}", per_loop / 4.0);
        // Each number from 0 has come once, in whatever order.
        let numbers = u128::from(WARM_UP + loops);
        if u128::from(sum) != numbers * (numbers - 1) / 2 {
            return Err(format!("{place}, {name}: the sum should be {}", numbers * (numbers - 1) / 2));
        }
    }
    Ok(())
}

fn measure_all(loops: u64) -> Result<(), String> {
    let single = Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let double = Builder::new_multi_thread().worker_threads(2).build().map_err(|error| error.to_string())?;
    println!("{:<22} {:<4} {:>9} {:>10} {:>10}  sum", "CommsTime", "", "loops", "ns/loop", "ns/comm");
    measure("one task", &single, loops, in_one_task)?;
    measure("spawned, one thread", &single, loops, spawned)?;
    measure("spawned, two workers", &double, loops, spawned)?;
    // An OS thread takes so much longer to wake that a tenth tells as much.
    measure("four OS threads", &single, loops.div_ceil(10), threads)
}

fn main() -> ExitCode {
    let loops = match std::env::args().nth(1).as_deref().map(str::parse) {
        None => 200_000,
        // More, and the sum would not fit.
        Some(Ok(loops @ 1..=1_000_000_000)) => loops,
        Some(_) => {
            eprintln!("usage: commstime [LOOPS], from 1 to 1000000000 (default: 200000)");
            return ExitCode::from(2);
        }
    };
    match measure_all(loops) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
