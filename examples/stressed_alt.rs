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
//! The choice is made in two ways: put together anew each time ([`Alt::offer`]), or kept ([`AltSet`]), which is faster.
//! Each writer numbers its messages, and the reader looks that none is lost, comes twice, or overtakes another.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::AltSet;
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
    /// How often each channel was taken.
    counts: [u64; CHANNELS],
    /// The most choices that a channel had to wait to be taken.
    longest_wait: u64,
}

#[process]
async fn writer(number: usize, out: Sender<Message>) -> Outcome {
    for n in 0.. {
        out.send((number, n)).await?;
    }
    Ok(())
}

/// A choice over channels that are known at run time only.
#[derive(Debug)]
enum Choice {
    Anew(Alt, Vec<Receiver<Message>>),
    Kept(AltSet<(usize, Result<Message, Ended>)>),
}

impl Choice {
    fn new(order: Alt, kept: bool, channels: Vec<Receiver<Message>>) -> Self {
        if !kept {
            return Self::Anew(order, channels);
        }
        let mut set = AltSet::new(order);
        for (index, channel) in channels.into_iter().enumerate() {
            set.recv(channel, move |message| (index, message));
        }
        Self::Kept(set)
    }

    /// The channel that was taken, and what came.
    async fn next(&mut self) -> Outcome<(usize, Message)> {
        let (index, message) = match self {
            Self::Anew(order, channels) => {
                let mut offer = order.offer();
                for (index, channel) in channels.iter().enumerate() {
                    offer = offer.recv(channel, move |message| (index, message));
                }
                offer.select().await?
            }
            Self::Kept(set) => set.select().await?,
        };
        Ok((index, message?))
    }
}

#[process]
async fn reader(order: Alt, kept: bool, blocks: u64, channels: Vec<Receiver<Message>>) -> Outcome<Seen> {
    let mut expected = [[0; WRITERS]; CHANNELS];
    let mut look = |channel: usize, (writer, n): Message| {
        let expected: &mut u64 = &mut expected[channel][writer];
        if n != *expected {
            return Err(Exit::failure(format!("writer {writer} of channel {channel}: {n} came for {expected}")));
        }
        *expected += 1;
        Ok(())
    };
    // Settled: each writer has been met once, and all are back.
    for (index, channel) in channels.iter().enumerate() {
        for _ in 0..WRITERS {
            look(index, channel.recv().await?)?;
        }
    }
    let mut choice = Choice::new(order, kept, channels);
    let mut counts = [0; CHANNELS];
    let mut last_taken = [0; CHANNELS];
    let mut longest_wait = 0;
    let began = Instant::now();
    for round in 1..=blocks * BLOCK {
        if round % (WRITERS as u64 - 1) == 1 {
            tokio::task::yield_now().await;
        }
        let (index, message) = choice.next().await?;
        look(index, message)?;
        counts[index] += 1;
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
async fn stress(order: Alt, kept: bool, blocks: u64) -> Outcome<Seen> {
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
    let (_, seen) = par!(writers, reader(order, kept, blocks, channels)).await?;
    Ok(seen)
}

fn program(blocks: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let choices = blocks * BLOCK;
    writeln!(report, "{} choices over {CHANNELS} channels with {WRITERS} writers each\n", grouped(choices))?;
    writeln!(
        report,
        "{:16} {:>9} {:>14} {:>14} {:>14}",
        "", "ns/choice", "least/channel", "most/channel", "longest wait"
    )?;
    let ways = [
        ("priority, anew", Alt::pri(), false),
        ("priority, kept", Alt::pri(), true),
        ("random, anew", Alt::arbitrary(1), false),
        ("random, kept", Alt::arbitrary(1), true),
        ("fair, anew", Alt::fair(), false),
        ("fair, kept", Alt::fair(), true),
    ];
    for (name, order, kept) in ways {
        let Seen { time, counts, longest_wait } = aqueduct::run(stress(order, kept, blocks))?;
        let (least, most) = counts.iter().fold((u64::MAX, 0), |(least, most), &n| (least.min(n), most.max(n)));
        let per_choice = time.as_nanos() as f64 / choices as f64;
        let [least_text, most_text, wait_text] = [least, most, longest_wait].map(grouped);
        writeln!(report, "{name:16} {per_choice:>9.1} {least_text:>14} {most_text:>14} {wait_text:>14}")?;
        if counts.iter().sum::<u64>() != choices {
            return Err(format!("{name}: the counts do not add up").into());
        }
        if name.starts_with("fair") && (most - least > 1 || longest_wait > CHANNELS as u64) {
            return Err(format!("{name}: this was not fair").into());
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let blocks = Number::new("BLOCKS", "how many times 10,000 choices", 1..=100_000, 10);
    common::main([blocks], |[blocks], report| program(blocks, report))
}
