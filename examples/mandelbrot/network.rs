//! The network: a farm, and how its results come into order again.
//!
//! ```text
//!                    ┌─ compute_rows ─┐
//! number_rows ─rows──┼─ compute_rows ─┼─computed─▶ put_in_order ─ordered─▶ paint
//!       ▲            └─ compute_rows ─┘                 │
//!       └──────────────────tickets──────────────────────┘
//! ```
//!
//! A row inside the set takes a hundred times as long as one outside: so each worker takes the next row whenever it is
//! free, and rows overtake each other. What has come too early waits in `put_in_order`. Without a limit, that could be
//! nearly all of the picture: so a row is given out for a *ticket* only, and the ticket comes back when the row
//! has found its place.

use std::collections::BTreeMap;

use aqueduct::prelude::*;
use indicatif::ProgressBar;

use super::common::complain;
use super::fractal::Picture;

/// A row's number and pixels.
type Row = (u32, Vec<u8>);

/// Draws it with so many threads; also gives a picture of the network.
pub(crate) fn draw(
    picture: Picture,
    workers: usize,
    bar: Option<ProgressBar>,
) -> Result<(Vec<u8>, String), ProcessError> {
    let (rows, rows_in) = aqueduct::channel();
    let (computed, computed_in) = aqueduct::buffered(workers);
    let (ordered, ordered_in) = aqueduct::buffered(workers);
    let (tickets, tickets_in) = aqueduct::buffered(4 * workers);
    let network = par!(
        number_rows(picture.height, tickets_in, rows),
        farm(picture, workers, rows_in, computed).named(format!("farm of {workers}")),
        put_in_order(computed_in, 4 * workers, tickets, ordered),
        paint(picture, bar, ordered_in),
    );
    let shape = network.shape().to_string();
    let ((), (), (), pixels) = aqueduct::run(network)?;
    Ok((pixels, shape))
}

#[process]
async fn number_rows(height: u32, tickets: Receiver<()>, rows: Sender<u32>) -> Outcome {
    for y in 0..height {
        tickets.recv().await?;
        rows.send(y).await?;
    }
    Ok(())
}

#[process]
async fn farm(picture: Picture, workers: usize, rows: Receiver<u32>, computed: Sender<Row>) -> Outcome {
    let mut group = Group::new();
    for _ in 0..workers {
        group.add(compute_rows(picture, rows.clone(), computed.clone()));
    }
    // Our own ends: the workers' must be the last ones.
    drop((rows, computed));
    group.join().await?;
    Ok(())
}

/// A worker, on a thread of its own.
#[process]
fn compute_rows(picture: Picture, rows: Receiver<u32>, computed: Sender<Row>) -> Outcome {
    for y in &rows {
        let y = y?;
        computed.send_blocking((y, picture.row(y)))?;
    }
    Ok(())
}

#[process]
async fn put_in_order(computed: Receiver<Row>, limit: usize, tickets: Sender<()>, ordered: Sender<Vec<u8>>) -> Outcome {
    for _ in 0..limit {
        tickets.send(()).await?;
    }
    let mut early = BTreeMap::new();
    let mut next = 0;
    while let Some((y, row)) = computed.next().await? {
        early.insert(y, row);
        while let Some(row) = early.remove(&next) {
            ordered.send(row).await?;
            next += 1;
            // Who has given out the last row takes no more tickets.
            let _ = tickets.send(()).await;
        }
    }
    Ok(())
}

/// Puts the rows below each other, and tells how far it is. A terminal may block: hence a thread.
#[process]
fn paint(picture: Picture, bar: Option<ProgressBar>, ordered: Receiver<Vec<u8>>) -> Outcome<Vec<u8>> {
    let mut pixels = Vec::new();
    for (row, y) in ordered.iter().zip(1..) {
        pixels.extend(row?);
        match &bar {
            Some(bar) => bar.set_position(u64::from(y)),
            None if (4 * y) % picture.height < 4 => complain(format_args!("{y} of {} rows", picture.height)),
            None => {}
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(pixels)
}
