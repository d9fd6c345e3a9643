//! quinn alone, with the link's settings: one stream in both directions.

use crate::{LARGE, SMALL, Scale, block_on, other_process};
use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream};
use std::time::{Duration, Instant};

/// The first byte: what follows.
const ECHO: u8 = 0;
const SINK: u8 = 1;

pub(crate) async fn play(connection: Connection) {
    let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
    send.write_all(b"!").await.expect("the driver reads");
    let mut head = [0; 9];
    recv.read_exact(&mut head).await.expect("the driver writes");
    let mut count = u64::from_le_bytes(head[1..].try_into().expect("eight bytes"));
    if head[0] == ECHO {
        let mut bytes = [0; SMALL];
        while recv.read_exact(&mut bytes).await.is_ok() {
            send.write_all(&bytes).await.expect("the driver reads");
        }
    } else {
        while count > 0 {
            let chunk = recv.read_chunk(usize::MAX, true).await.expect("the driver writes").expect("no end");
            count -= chunk.bytes.len() as u64;
        }
        send.write_all(b"!").await.expect("the driver reads");
        connection.closed().await;
    }
}

async fn begin(connection: &Connection, role: u8, count: u64) -> (SendStream, RecvStream) {
    let (mut send, mut recv) = connection.accept_bi().await.expect("a stream");
    recv.read_exact(&mut [0]).await.expect("it greets");
    let mut head = vec![role];
    head.extend_from_slice(&count.to_le_bytes());
    send.write_all(&head).await.expect("it reads");
    (send, recv)
}

pub(crate) fn run(scale: &Scale) {
    scale.sample("raw: 64 B echo, 1 in flight, p50", "µs", |divisor| block_on(echo(10_000 / divisor)));
    scale.sample("raw: 1 MiB one way", "MB/s", |divisor| block_on(one_way(512 / divisor.min(64))));
}

async fn echo(count: u64) -> f64 {
    let (connection, _other) = other_process("raw").await;
    let (mut send, mut recv) = begin(&connection, ECHO, 0).await;
    let mut bytes = [7; SMALL];
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        send.write_all(&bytes).await.expect("it reads");
        recv.read_exact(&mut bytes).await.expect("it echoes");
        times.push(start.elapsed());
    }
    median(times)
}

async fn one_way(count: u64) -> f64 {
    let (connection, _other) = other_process("raw").await;
    let (mut send, mut recv) = begin(&connection, SINK, count * LARGE as u64).await;
    let piece = Bytes::from(vec![7; LARGE]);
    let start = Instant::now();
    for _ in 0..count {
        send.write_chunk(piece.clone()).await.expect("it reads");
    }
    recv.read_exact(&mut [0]).await.expect("it has read all");
    1e-6 * (count * LARGE as u64) as f64 / start.elapsed().as_secs_f64()
}

/// In microseconds.
pub(crate) fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}
