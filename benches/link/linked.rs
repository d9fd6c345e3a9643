//! The link.

use crate::{LARGE, SMALL, Scale, block_on, other_process, raw};
use aqueduct::net::link::{self, Inbox, Limits, Outbox, Payload};
use bytes::Bytes;
use quinn::Connection;
use std::time::Instant;

type Batch = Vec<(u64, Payload)>;

/// Echoes what is small, acknowledges what is large.
pub(crate) async fn play(connection: Connection) {
    let (outbox, mut inbox) = link::open(connection, Limits::default()).await.expect("the driver accepts");
    let mut batch = Batch::new();
    while inbox.recv(&mut batch).await.is_ok() {
        for (header, payload) in batch.drain(..) {
            let reply = match payload {
                Payload::Here(bytes) => bytes,
                Payload::Apart(incoming) => {
                    assert_eq!(incoming.await.expect("the driver sends it").len(), LARGE);
                    Bytes::new()
                }
            };
            if outbox.send(&header, reply).is_err() {
                return;
            }
        }
    }
}

pub(crate) fn run(scale: &Scale) {
    scale.sample("link: 64 B echo, 1 in flight, p50", "µs", |divisor| block_on(latency(10_000 / divisor)));
    for window in [64, 256, 1_024] {
        scale.sample(&format!("link: 64 B echo, {window} in flight"), "k/s", |divisor| {
            block_on(flow(window, 1_000_000 / divisor, SMALL)) / 1e3
        });
    }
    scale.sample("link: 1 MiB one way", "MB/s", |divisor| {
        1e-6 * LARGE as f64 * block_on(flow(16, 512 / divisor.min(16), LARGE))
    });
    scale.sample("link: 16 KiB echo, 64 in flight", "k/s", |divisor| {
        block_on(flow(64, 50_000 / divisor, 16 << 10)) / 1e3
    });
}

async fn linked(role: &str) -> (Outbox, Inbox, crate::OtherProcess) {
    let (connection, other) = other_process(role).await;
    let (outbox, inbox) = link::accept(connection, Limits::default()).await.expect("it greets");
    (outbox, inbox, other)
}

async fn latency(count: u64) -> f64 {
    let (outbox, mut inbox, _other) = linked("linked").await;
    let payload = Bytes::from_static(&[7; SMALL]);
    let mut batch = Batch::new();
    let mut times = Vec::new();
    for number in 0..count {
        let start = Instant::now();
        outbox.send(&number, payload.clone()).expect("the link lives");
        while batch.is_empty() {
            inbox.recv(&mut batch).await.expect("it echoes");
        }
        times.push(start.elapsed());
        assert_eq!(batch.pop().map(|(header, _)| header), Some(number));
    }
    raw::median(times)
}

/// Messages a second, with `window` of them in flight.
async fn flow(window: u64, count: u64, length: usize) -> f64 {
    let (outbox, mut inbox, _other) = linked("linked").await;
    let payload = Bytes::from(vec![7; length]);
    let mut batch = Batch::new();
    let start = Instant::now();
    let (mut sent, mut received) = (0, 0);
    while received < count {
        while sent < count && sent - received < window {
            outbox.send(&sent, payload.clone()).expect("the link lives");
            sent += 1;
        }
        inbox.recv(&mut batch).await.expect("it answers");
        for (header, _) in batch.drain(..) {
            assert_eq!(header, received);
            received += 1;
        }
    }
    count as f64 / start.elapsed().as_secs_f64()
}
