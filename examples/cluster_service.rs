//! A cluster inside a tokio program: a service that many clients call, and whose work is done by other processes.
//!
//! ```text
//! cargo run --release --example cluster_service -- [CLIENTS [REQUESTS [WORKERS]]]
//!
//!   client ──┐         ┌──────┐ ──numbers──▶ ┌─────────────┐
//!   client ──┼─calls──▶│ desk │              │ map factors │ ═══ worker processes
//!   client ──┘         └──────┘ ◀──factors── └─────────────┘
//! ```
//!
//! The clients are tokio tasks, as any program has them; they know a [`Caller`], and nothing of a cluster. The desk and the
//! map are a network of two processes. The map is a process like others: a channel in, a channel out. The desk never waits
//! for one side only: it chooses between a call, the map's readiness for the next number, and a result. So neither can
//! wait for the other in a circle.
//!
//! When the last client has gone, the calls retire, then the numbers, then the factors: the network ends by itself, and
//! with all answers given. The clients check every answer.

use std::{collections::HashMap, error::Error, fmt::Write as _, process::ExitCode, time::Instant};

use aqueduct::{Reply, prelude::*};
use common::{Number, grouped};

mod common;

/// A request, with its number, so that its result finds the way back.
#[aqueduct::remote(pure)]
fn factors(request: u64, mut number: u64) -> (u64, Vec<u64>) {
    let mut factors = Vec::new();
    let mut divisor = 2;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            factors.push(divisor);
            number /= divisor;
        } else {
            divisor += 1;
        }
    }
    factors.push(number);
    (request, factors)
}

/// Who waits for which request.
#[derive(Default)]
struct Waiting(HashMap<u64, Reply<Vec<u64>>>);

impl Waiting {
    fn answer(&mut self, (request, factors): (u64, Vec<u64>)) -> Outcome {
        let reply = self.0.remove(&request).ok_or_else(|| Exit::failure("a result that nobody has asked for"))?;
        // A client that has gone meanwhile needs no answer.
        let _ = reply.send(factors);
        Ok(())
    }
}

/// Gives the numbers to the map, and the factors to those who have asked; tells how many requests there were.
#[process]
async fn desk(
    calls: Receiver<Call<u64, Vec<u64>>>,
    numbers: Sender<(u64, u64)>,
    factors: Receiver<(u64, Vec<u64>)>,
) -> Outcome<u64> {
    let mut waiting = Waiting::default();
    let mut requests = 0;
    let mut next = None;
    let mut choice = Alt::fair();
    loop {
        let is_free = next.is_none();
        alt! { choice;
            result = factors.recv() => waiting.answer(result?)?,
            sent = numbers.send_from(&mut next) => sent?,
            call = calls.next(), if is_free => match call? {
                Some(call) => {
                    let (number, reply) = call.into_parts();
                    waiting.0.insert(requests, reply);
                    next = Some((requests, number));
                    requests += 1;
                }
                None => break,
            },
        }
    }
    numbers.retire();
    while let Some(result) = factors.next().await? {
        waiting.answer(result)?;
    }
    Ok(requests)
}

/// Asks for the factors of so many numbers, one after the other, and checks them.
async fn client(seed: u64, requests: u64, service: Caller<u64, Vec<u64>>) -> Result<(), String> {
    let mut dice = fastrand::Rng::with_seed(seed);
    for _ in 0..requests {
        let number = dice.u64(2..1 << 40);
        let answer = service.call(number).await.map_err(|error| error.to_string())?;
        let are_prime = answer.iter().all(|factor| factors(0, *factor).1.len() == 1);
        if answer.iter().product::<u64>() != number || !are_prime {
            return Err(format!("{answer:?} are not the factors of {number}"));
        }
    }
    Ok(())
}

async fn program([clients, requests, workers]: [u64; 3], report: &mut String) -> Result<(), Box<dyn Error>> {
    let cluster = common::cluster(workers).await?;
    let (service, calls) = aqueduct::calls();
    let (numbers, numbers_rx) = Channel::buffered(100).named("numbers").open();
    let (results, results_rx) = Channel::rendezvous().named("factors").open();
    let network = par!(desk(calls, numbers, results_rx), cluster.process_unordered(factors, numbers_rx, results));
    let shape = network.shape();
    let network = network.spawn();

    let began = Instant::now();
    let clients: Vec<_> = (0..clients).map(|seed| tokio::spawn(client(seed, requests, service.clone()))).collect();
    drop(service);
    for client in clients {
        client.await??;
    }
    let (served, ()) = network.await?;
    let elapsed = began.elapsed().as_secs_f64();
    writeln!(report, "{} requests answered, and every answer checked: {elapsed:.2} s", grouped(served))?;
    writeln!(report, "\n{}\n\nThe network, as a Mermaid flowchart:\n\n{shape}", cluster.shutdown().await)?;
    Ok(())
}

/// The usual main of a tokio program; only that a worker process goes no further than its first line.
fn main() -> ExitCode {
    aqueduct::init();
    let clients = Number::new("CLIENTS", "who ask at the same time", 1..=10_000, 50);
    let requests = Number::new("REQUESTS", "of each client", 0..=1_000_000, 40);
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(common::main_async([clients, requests, common::workers()], program)),
        Err(error) => {
            common::complain(format_args!("error: no runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}
