//! A choice under stress: eight channels, eight writers on each, one reader. Who gets through?
//!
//! ```text
//! cargo run --release --example stressed_alt -- [BLOCKS]
//!
//! writer ─┐
//!    ⋮    ├─▶ channel 0 ─┐
//! writer ─┘              │
//!    ⋮                   ├─▶ reader: one choice over all channels
//! writer ─┐              │
//!    ⋮    ├─▶ channel 7 ─┘
//! writer ─┘
//! ```
//!
//! All 64 writers send as fast as they can; the reader chooses among the channels, in blocks of 10,000 choices. After
//! each seven it steps aside, so that the writers it has met come back: thus at every choice every channel has a
//! writer waiting, and what gets through depends on the choice alone. In order of priority only the first channel does.
//! A random choice serves all in the long run, but lets a channel wait for however long. A fair one serves each channel
//! within eight choices, so that the counts rise together: that is its promise, and the program fails if it is broken.
//!
//! Each writer numbers its messages, and the reader looks that none is lost, comes twice, or overtakes another.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use common::{Number, grouped};

mod common;

const CHANNELS: usize = 8;
const WRITERS: usize = 8;
const BLOCK: u64 = 10_000;

/// Which writer, and how many it has sent before.
type Message = (usize, u64);

/// What the reader has seen.
#[derive(Debug)]
struct Seen {
    time: Duration,
    /// By channel and writer.
    counts: [[u64; WRITERS]; CHANNELS],
    /// The most choices in a row in which a channel was not taken.
    longest_wait: u64,
}

#[process]
async fn writer(number: usize, out: Sender<Message>) -> Outcome {
    for n in 0.. {
        out.send((number, n)).await?;
    }
    Ok(())
}

#[process]
async fn reader(mut choice: Alt, blocks: u64, channels: Vec<Receiver<Message>>) -> Outcome<Seen> {
    let mut counts = [[0; WRITERS]; CHANNELS];
    let mut count = |channel: usize, (writer, n): Message| {
        let expected: &mut u64 = &mut counts[channel][writer];
        if n != *expected {
            return Err(Exit::failure(format!("writer {writer} of channel {channel}: {n} came for {expected}")));
        }
        *expected += 1;
        Ok(())
    };
    // Settled: each writer has been met once, and all are back.
    for (index, channel) in channels.iter().enumerate() {
        for _ in 0..WRITERS {
            count(index, channel.recv().await?)?;
        }
    }
    let mut last_taken = [0; CHANNELS];
    let mut longest_wait = 0;
    let began = Instant::now();
    for round in 0..blocks * BLOCK {
        if round.is_multiple_of(WRITERS as u64 - 1) {
            tokio::task::yield_now().await;
        }
        let mut offer = choice.offer();
        for (index, channel) in channels.iter().enumerate() {
            offer = offer.recv(channel, move |message| (index, message));
        }
        let (index, message) = offer.select().await?;
        count(index, message?)?;
        longest_wait = longest_wait.max(round - last_taken[index]);
        last_taken[index] = round;
    }
    let time = began.elapsed();
    for last in last_taken {
        longest_wait = longest_wait.max(blocks * BLOCK - last);
    }
    Ok(Seen { time, counts, longest_wait })
}

/// The network, in one task.
#[process]
async fn stress(choice: Alt, blocks: u64) -> Outcome<Seen> {
    let mut writers = Group::new();
    let mut channels = Vec::new();
    for _ in 0..CHANNELS {
        let (out, channel) = aqueduct::channel();
        channels.push(channel);
        for number in 0..WRITERS {
            writers.add(writer(number, out.clone()));
        }
    }
    let writers = aqueduct::task("writers", async move { Ok(writers.join().await?) });
    let (_, seen) = par!(writers, reader(choice, blocks, channels)).await?;
    Ok(seen)
}

fn program(blocks: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let choices = blocks * BLOCK;
    writeln!(report, "{} choices over {CHANNELS} channels with {WRITERS} writers each", grouped(choices))?;
    writeln!(
        report,
        "\n{:10} {:>9} {:>15} {:>15} {:>15}",
        "", "ns/choice", "least/channel", "most/channel", "longest wait"
    )?;
    let modes = [("priority", Alt::pri()), ("random", Alt::arbitrary(1)), ("fair", Alt::fair())];
    for (name, choice) in modes {
        let seen = aqueduct::run(stress(choice, blocks))?;
        // Without those that settled.
        let by_channel = seen.counts.map(|writers| writers.iter().sum::<u64>() - WRITERS as u64);
        let (least, most) = by_channel.iter().fold((u64::MAX, 0), |(least, most), &n| (least.min(n), most.max(n)));
        let per_choice = seen.time.as_nanos() as f64 / choices as f64;
        let (least_text, most_text, wait) = (grouped(least), grouped(most), grouped(seen.longest_wait));
        writeln!(report, "{name:10} {per_choice:>9.1} {least_text:>15} {most_text:>15} {wait:>15}")?;

        if by_channel.iter().sum::<u64>() != choices {
            return Err(format!("{name}: the counts do not add up").into());
        }
        if name == "fair" && (most - least > 1 || seen.longest_wait > CHANNELS as u64) {
            return Err("the fair choice was not fair".into());
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let blocks = Number::new("BLOCKS", "how many times 10,000 choices", 1..=100_000, 10);
    common::main([blocks], |[blocks], report| program(blocks, report))
}
