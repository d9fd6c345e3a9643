//! Arguments and results of 1 MiB.

use crate::{report, sizes::Sizes};
use aqueduct::Cluster;
use bytes::Bytes;
use std::{error::Error, sync::LazyLock, time::Instant};

type Outcome = Result<(), Box<dyn Error>>;

/// The length of a piece.
pub(crate) const PIECE: usize = 1 << 20;

/// What a task gives: made once, so that what is measured is how it travels.
static ANSWER: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![7; PIECE]));

/// The length, and the last byte.
#[aqueduct::remote]
fn take_bytes(piece: Bytes) -> (u64, u8) {
    (piece.len() as u64, piece[piece.len() - 1])
}

#[aqueduct::remote]
fn take_vec(piece: Vec<u8>) -> (u64, u8) {
    (piece.len() as u64, piece[piece.len() - 1])
}

#[aqueduct::remote]
fn give_bytes(_number: u64) -> Bytes {
    ANSWER.clone()
}

#[aqueduct::remote]
fn give_vec(_number: u64) -> Vec<u8> {
    ANSWER.to_vec()
}

/// Some pieces before the clock starts: buffers are allocated, windows are open.
const WARM: u64 = 8;

pub(super) async fn arguments(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let pieces = sizes.number("pieces")?;
    let piece = ANSWER.clone();
    for count in [WARM, pieces] {
        let start = Instant::now();
        let taken: Vec<_> = cluster.map(take_bytes, (0..count).map(|_| piece.clone())).collect().await?;
        let elapsed = start.elapsed();
        assert_eq!(taken, vec![(PIECE as u64, 7); count as usize]);
        if count == pieces {
            report::megabytes("Bytes", pieces * PIECE as u64, elapsed);
        }
    }
    let piece = ANSWER.to_vec();
    for count in [WARM, pieces] {
        let start = Instant::now();
        let taken: Vec<_> = cluster.map(take_vec, (0..count).map(|_| piece.clone())).collect().await?;
        let elapsed = start.elapsed();
        assert_eq!(taken, vec![(PIECE as u64, 7); count as usize]);
        if count == pieces {
            report::megabytes("Vec<u8>", pieces * PIECE as u64, elapsed);
        }
    }
    Ok(())
}

pub(super) async fn results(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let pieces = sizes.number("pieces")?;
    // The first ones are looked at closely, before the clock starts.
    let given: Vec<Bytes> = cluster.map(give_bytes, 0..WARM).collect().await?;
    assert!(given.len() as u64 == WARM && given.iter().all(|piece| *piece == *ANSWER), "not what was sent");
    let start = Instant::now();
    let good = cluster.map(give_bytes, 0..pieces).fold(0, |good, piece| good + is_whole(&piece)).await?;
    report::megabytes("Bytes", pieces * PIECE as u64, start.elapsed());
    assert_eq!(good, pieces);

    let given: Vec<Vec<u8>> = cluster.map(give_vec, 0..WARM).collect().await?;
    assert!(given.len() as u64 == WARM && given.iter().all(|piece| *piece == *ANSWER), "not what was sent");
    let start = Instant::now();
    let good = cluster.map(give_vec, 0..pieces).fold(0, |good, piece| good + is_whole(&piece)).await?;
    report::megabytes("Vec<u8>", pieces * PIECE as u64, start.elapsed());
    assert_eq!(good, pieces);
    Ok(())
}

/// 1 if its length and its last byte are right. Pieces are dropped as they come, as raw quinn's are: fresh memory for all
/// of them would cost more than the way.
fn is_whole(piece: &[u8]) -> u64 {
    u64::from(piece.len() == PIECE && piece.last() == Some(&7))
}
