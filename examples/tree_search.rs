//! Searching a tree of choices: queens on a board, none of which threatens another.
//!
//! ```text
//! cargo run --release --example tree_search -- [SIDE [HOLES [WORKERS]]]
//! ```
//!
//! * **A race.** On a board of twice the side, several tasks look for one solution, each in a random order of its own. The
//!   first to end is right, whatever it says; the others are cancelled, and notice.
//! * **A count.** All solutions: a task that has placed the first queen submits a task for each square of the next, and so
//!   on for two rows; below them it counts alone.
//!
//! No queen may stand on a hole. Where they are is a shared constant: it is sent once, and every task looks at it.
//!
//! The solution is checked square by square; the count is compared with that of a plain loop, and, on a board without
//! holes, with what mathematics knows.

use std::{error::Error, fmt::Write as _, process::ExitCode, time::Instant};

use aqueduct::{
    Cluster,
    cluster::{Shared, TaskError, TaskHandle, first, task, with},
};
use common::{Number, grouped};
use fastrand::Rng;
use serde::{Deserialize, Serialize};

mod common;

/// How many rows are tasks of their own.
const SPLIT: usize = 2;
/// How many race.
const RACERS: u64 = 8;
/// Solutions of boards without holes, from side 1 on (OEIS A000170).
const KNOWN: [u64; 16] = [1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2_680, 14_200, 73_712, 365_596, 2_279_184, 14_772_512];

#[derive(Debug, Serialize, Deserialize)]
struct Board {
    side: usize,
    /// For each row, a bit for each square where a queen may stand.
    open: Vec<u32>,
}

impl Board {
    fn new(side: usize, holes: u64) -> Self {
        let mut open = vec![u32::MAX >> (32 - side); side];
        let mut dice = Rng::with_seed(64);
        for _ in 0..holes {
            open[dice.usize(..side)] &= !(1 << dice.usize(..side));
        }
        Self { side, open }
    }

    /// The squares of the next row that are open, and that no queen threatens.
    fn free(&self, queens: &[u32]) -> u32 {
        let row = queens.len();
        queens.iter().enumerate().fold(self.open[row], |free, (above, column)| {
            let queen = 1_u64 << column;
            let threatened = queen | queen << (row - above) | queen >> (row - above);
            free & !(threatened as u32)
        })
    }

    /// How many ways there are to go on.
    fn count(&self, queens: &mut Vec<u32>) -> u64 {
        if queens.len() == self.side {
            return 1;
        }
        let mut sum = 0;
        for column in columns(self.free(queens)) {
            queens.push(column);
            sum += self.count(queens);
            queens.pop();
        }
        sum
    }

    /// The first way to go on, where each row tries its columns in its own order; also `None` if nobody waits for it.
    fn find(&self, orders: &[Vec<u32>], queens: &mut Vec<u32>) -> Option<()> {
        let Some(order) = orders.get(queens.len()) else { return Some(()) };
        let free = self.free(queens);
        for &column in order.iter().filter(|column| free >> **column & 1 == 1) {
            if task::is_cancelled() {
                return None;
            }
            queens.push(column);
            if self.find(orders, queens).is_some() {
                return Some(());
            }
            queens.pop();
        }
        None
    }

    fn is_solved_by(&self, queens: &[u32]) -> bool {
        queens.len() == self.side
            && (0..self.side).all(|row| queens[row] < 32 && self.free(&queens[..row]) >> queens[row] & 1 == 1)
    }
}

/// The places of the bits that are set.
fn columns(mut bits: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let column = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(column)
    })
}

/// All solutions that begin with these queens.
#[aqueduct::remote(pure)]
fn count(board: &Shared<Board>, mut queens: Vec<u32>) -> Result<u64, TaskError> {
    let squares = board.get()?;
    if queens.len() >= SPLIT.min(squares.side) {
        return Ok(squares.count(&mut queens));
    }
    let cluster = Cluster::current();
    let branches: Vec<TaskHandle<_>> = columns(squares.free(&queens))
        .map(|column| cluster.submit(with(board.clone(), count), [&queens[..], &[column]].concat()))
        .collect();
    branches.into_iter().try_fold(0, |sum, branch| Ok(sum + branch.wait_blocking()??))
}

/// One solution, if there is any, found in a random order.
#[aqueduct::remote(pure)]
fn search(board: &Shared<Board>, seed: u64) -> Result<Option<Vec<u32>>, TaskError> {
    let squares = board.get()?;
    let mut dice = Rng::with_seed(seed);
    let mut orders = vec![Vec::from_iter(0..squares.side as u32); squares.side];
    orders.iter_mut().for_each(|order| dice.shuffle(order));
    let mut queens = Vec::new();
    Ok(squares.find(&orders, &mut queens).map(|()| queens))
}

async fn race(cluster: &Cluster, side: usize, holes: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let board = cluster.share(Board::new(side, holes))?;
    let began = Instant::now();
    let racers = (0..RACERS).map(|seed| cluster.submit(with(board.clone(), search), seed));
    let found = first(racers).await??;
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    match &found {
        Some(queens) => {
            writeln!(report, "a board of {side}: the first of {RACERS} tasks has a solution, {milliseconds:.1} ms\n")?;
            for (queen, open) in queens.iter().zip(&board.get()?.open) {
                let square = |column: u32| match (column == *queen, open >> column & 1) {
                    (true, _) => " Q",
                    (false, 1) => " .",
                    (false, _) => "  ",
                };
                writeln!(report, "{}", (0..side as u32).map(square).collect::<String>())?;
            }
            report.push('\n');
            if !board.get()?.is_solved_by(queens) {
                return Err("that is no solution".into());
            }
        }
        None => writeln!(report, "a board of {side} has no solution, {milliseconds:.1} ms")?,
    }
    Ok(())
}

async fn program([side, holes, workers]: [u64; 3], report: &mut String) -> Result<(), Box<dyn Error>> {
    let cluster = common::cluster(workers).await?;
    let side = side as usize;
    race(&cluster, 2 * side, holes, report).await?;

    // It begins at once: nobody is busy with what was cancelled.
    let board = cluster.share(Board::new(side, holes))?;
    let began = Instant::now();
    let solutions = cluster.submit(with(board.clone(), count), Vec::new()).await??;
    let distributed = began.elapsed().as_secs_f64() * 1000.0;
    let summary = cluster.shutdown().await;

    let began = Instant::now();
    let right = board.get()?.count(&mut Vec::new());
    let serial = began.elapsed().as_secs_f64() * 1000.0;
    let total = grouped(solutions);
    writeln!(report, "a board of {side} has {total} solutions: {distributed:.1} ms; a plain loop: {serial:.1} ms")?;
    writeln!(report, "\n{summary}")?;
    if solutions != right || holes == 0 && solutions != KNOWN[side - 1] {
        return Err(format!("there should be {} solutions", grouped(right)).into());
    }
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let side = Number::new("SIDE", "rows and columns of the board", 1..=16, 14);
    let holes = Number::new("HOLES", "squares, at most, where no queen may stand", 0..=256, 12);
    common::main_async([side, holes, common::workers()], program).await
}
