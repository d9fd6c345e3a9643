//! Conway's Game of Life: strips of a world that exchange their borders.
//!
//! ```text
//! cargo run --release --example game_of_life -- [GENERATIONS [STRIPS [SEED]]]
//!
//!   ┌─▶ strip 0 ──rows──▶ ┐
//!   │     ▲ ▼ borders     │
//!   │   strip 1 ──rows──▶ screen
//!   │     ▲ ▼             │
//!   └─▶ strip 2 ──rows──▶ ┘         (above the first is the last: the world has no edge)
//! ```
//!
//! Each strip of rows is a process, and knows its own cells only. In each generation it exchanges its first and last
//! row with its neighbours. All four meetings take place in parallel: if everybody first sent and then received, all
//! would wait to send, for ever. The rendezvous is also what keeps the generations apart: nobody gets ahead of a
//! neighbour by more than one.
//!
//! A glider walks one cell down and one to the right in four generations. So in a world of 32 by 32 it is back where it
//! was after 128: the default. A random world has no such law; it is compared with one that is computed in one piece.
//! On a terminal you can watch.

use std::error::Error;
use std::fmt::Write;
use std::io::{self, IsTerminal as _};
use std::iter::zip;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use common::{Number, grouped};

mod common;

const SIDE: usize = 32;

type Row = [bool; SIDE];

/// A strip's connection to a neighbour.
#[derive(Debug)]
struct Border {
    ours: Sender<Row>,
    theirs: Receiver<Row>,
}

#[process]
async fn give(out: &Sender<Row>, row: Row) -> Outcome {
    Ok(out.send(row).await?)
}

#[process]
async fn get(input: &Receiver<Row>) -> Outcome<Row> {
    Ok(input.recv().await?)
}

#[process]
async fn strip(
    mut rows: Vec<Row>,
    generations: u64,
    above: Border,
    below: Border,
    screen: Sender<Vec<Row>>,
) -> Outcome {
    screen.send(rows.clone()).await?;
    for _ in 0..generations {
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        let (_, _, row_above, row_below) =
            par!(give(&above.ours, first), give(&below.ours, last), get(&above.theirs), get(&below.theirs)).await?;
        rows = next_generation(row_above, &rows, row_below);
        screen.send(rows.clone()).await?;
    }
    Ok(())
}

fn next_generation(above: Row, rows: &[Row], below: Row) -> Vec<Row> {
    let around: Vec<Row> = [&[above], rows, &[below]].concat();
    let next_row = |three: &[Row]| {
        std::array::from_fn(|x| {
            let columns = [(x + SIDE - 1) % SIDE, x, (x + 1) % SIDE];
            // The cell itself included.
            let alive = three.iter().flat_map(|row| columns.map(|x| row[x])).filter(|alive| *alive).count();
            alive == 3 || alive == 4 && three[1][x]
        })
    };
    around.windows(3).map(next_row).collect()
}

/// Puts the strips together, shows some two hundred generations on a terminal, and keeps the last.
#[process]
async fn screen(strips: Vec<Receiver<Vec<Row>>>, generations: u64) -> Outcome<Vec<Row>> {
    let watched = io::stdout().is_terminal();
    let mut world = Vec::new();
    for generation in 0_u64.. {
        let mut rows = Vec::new();
        for strip in &strips {
            match strip.next().await? {
                Some(part) => rows.extend(part),
                None => return Ok(world),
            }
        }
        world = rows;
        if watched && generation.is_multiple_of(generations / 200 + 1) {
            // And back to the first line.
            common::print(&format!("{}\x1b[{}A", picture(&world).join("\n"), SIDE / 2 - 1));
            common::print("\r");
            after(Duration::from_millis(5)).await;
        }
    }
    Ok(world)
}

/// A world after some generations.
#[process]
async fn live(world: Vec<Row>, generations: u64, strips: usize) -> Outcome<Vec<Row>> {
    let (down, mut from_above): (Vec<_>, Vec<_>) = (0..strips).map(|_| aqueduct::channel()).unzip();
    let (up, mut from_below): (Vec<_>, Vec<_>) = (0..strips).map(|_| aqueduct::channel()).unzip();
    // What a strip sends down comes to the next one from above, and what it sends up to the one before from below.
    from_above.rotate_right(1);
    from_below.rotate_left(1);
    let above = zip(up, from_above).map(|(ours, theirs)| Border { ours, theirs });
    let below = zip(down, from_below).map(|(ours, theirs)| Border { ours, theirs });

    let mut group = Group::new();
    let mut parts = Vec::new();
    for (index, (above, below)) in zip(above, below).enumerate() {
        let rows = world[index * SIDE / strips..(index + 1) * SIDE / strips].to_vec();
        let (out, part) = aqueduct::channel();
        group.add(strip(rows, generations, above, below, out));
        parts.push(part);
    }
    let strips = aqueduct::task("strips", async move { Ok(group.join().await?) });
    let (_, world) = par!(strips, screen(parts, generations)).await?;
    Ok(world)
}

/// The same in one piece.
fn live_in_one_piece(mut world: Vec<Row>, generations: u64) -> Vec<Row> {
    for _ in 0..generations {
        world = next_generation(world[SIDE - 1], &world, world[0]);
    }
    world
}

fn glider(x: usize, y: usize) -> Vec<Row> {
    let mut world = vec![[false; SIDE]; SIDE];
    for (dx, dy) in [(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)] {
        world[(y + dy) % SIDE][(x + dx) % SIDE] = true;
    }
    world
}

fn soup(seed: u64) -> Vec<Row> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..SIDE).map(|_| std::array::from_fn(|_| random.u8(..3) == 0)).collect()
}

/// Two cells in each sign, one above the other.
fn picture(world: &[Row]) -> Vec<String> {
    let sign = |(above, below): (&bool, &bool)| match (above, below) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => '·',
    };
    world.chunks_exact(2).map(|two| zip(&two[0], &two[1]).map(sign).collect()).collect()
}

fn program([generations, strips, seed]: [u64; 3], report: &mut String) -> Result<(), Box<dyn Error>> {
    let steps = (generations / 4) as usize % SIDE;
    let whole_steps = generations.is_multiple_of(4);
    let worlds = [
        ("a glider", glider(4, 4), whole_steps.then(|| glider(4 + steps, 4 + steps))),
        ("a random world", soup(seed), None),
    ];
    for (name, world, by_law) in worlds {
        let began = Instant::now();
        let after = aqueduct::run(live(world.clone(), generations, strips as usize))?;
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        let generations_text = grouped(generations);
        writeln!(
            report,
            "{name}, and after {generations_text} generations (strips: {strips}, {milliseconds:.1} ms):\n"
        )?;
        for (before, after) in zip(picture(&world), picture(&after)) {
            writeln!(report, "{before}    {after}")?;
        }
        report.push('\n');
        if by_law.is_some_and(|right| right != after) || live_in_one_piece(world, generations) != after {
            return Err(format!("{name}: this is not what it should have become").into());
        }
    }
    report.pop();
    Ok(())
}

fn main() -> ExitCode {
    let generations = Number::new("GENERATIONS", "how many", 0..=1_000_000, 4 * SIDE as u64);
    let strips = Number::new("STRIPS", "into how many the world is cut", 1..=SIDE as u64, 4);
    let seed = Number::new("SEED", "of the random world", 0..=u64::MAX, 1);
    common::main([generations, strips, seed], program)
}
