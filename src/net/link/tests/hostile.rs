//! A peer with a valid certificate that breaks the rules: its link closes with the reason in words, and nothing else
//! happens.

use crate::net::codec;
use crate::net::frame::FrameWriter;
use crate::net::link::{self, Inbox, LONGEST_HEADER, Limits, LinkError, Outbox, Payload, Violation, kind};
use crate::net::testing::{LIMITS, Run, both, run};
use bytes::Bytes;
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use std::time::Duration;

const SHORT: Limits = Limits { payload: 1 << 20, patience: Duration::from_secs(1) };

/// A raw connection with a proper greeting, and the driver's end of the link.
async fn raw(run: &Run, limits: Limits) -> (Connection, SendStream, RecvStream, Outbox, Inbox) {
    let (connection, accepted) = run.connect("hostile").await;
    let greeting = async {
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&link::GREETING).await.unwrap();
        recv.read_exact(&mut [0; 8]).await.unwrap();
        (send, recv)
    };
    let ((send, recv), driver) = both(greeting, link::accept(accepted, limits)).await;
    let (outbox, inbox) = driver.unwrap();
    (connection, send, recv, outbox, inbox)
}

fn frame(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    FrameWriter::new(LIMITS.frames()).write(&mut out, head, payload).unwrap();
    out
}

fn announce(number: u64, length: u64) -> Vec<u8> {
    let mut head = vec![kind::APART];
    head.extend_from_slice(&number.to_le_bytes());
    head.extend_from_slice(&length.to_le_bytes());
    codec::encode_into(&1u64, &mut head).unwrap();
    frame(&head, &[])
}

/// What the driver says, and checks that the peer is told the same.
async fn verdict(connection: &Connection, inbox: &mut Inbox) -> Violation {
    let error = loop {
        let mut batch = Vec::<(u64, Payload)>::new();
        match inbox.recv(&mut batch).await {
            Err(error) => break error,
            Ok(_) => {
                for (_, payload) in batch {
                    if let Payload::Apart(incoming) = payload {
                        let _ = incoming.await;
                    }
                }
            }
        }
    };
    let LinkError::Broken(violation) = error else { panic!("{error:?}") };
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => {
            assert_eq!(String::from_utf8_lossy(&close.reason), violation.to_string());
        }
        other => panic!("the peer was not told: {other:?}"),
    }
    violation
}

async fn control(run: &Run, limits: Limits, bytes: &[u8], finish: bool) -> Violation {
    let (connection, mut send, _recv, _outbox, mut inbox) = raw(run, limits).await;
    send.write_all(bytes).await.unwrap();
    if finish {
        send.finish().unwrap();
    }
    verdict(&connection, &mut inbox).await
}

async fn payload_stream(run: &Run, limits: Limits, control: &[u8], stream: &[u8]) -> Violation {
    let (connection, mut send, _recv, _outbox, mut inbox) = raw(run, limits).await;
    send.write_all(control).await.unwrap();
    let mut uni = connection.open_uni().await.unwrap();
    uni.write_all(stream).await.unwrap();
    uni.finish().unwrap();
    verdict(&connection, &mut inbox).await
}

#[test]
fn frames_that_are_none_are_refused_before_memory_is_taken() {
    run(async {
        let run = Run::new();
        let huge = [0xff; 8];
        assert!(matches!(control(&run, LIMITS, &huge, false).await, Violation::Frame(_)));
        let long_payload = [1, 0, 0, 0, 0, 0, 1, 0];
        assert!(matches!(control(&run, LIMITS, &long_payload, false).await, Violation::Frame(_)));
        let long_header = (LONGEST_HEADER + 18).to_le_bytes();
        let long_header = [&long_header[..], &[0; 4]].concat();
        assert!(matches!(control(&run, LIMITS, &long_header, false).await, Violation::Frame(_)));
        assert_eq!(control(&run, LIMITS, &frame(&[9, 1], b""), false).await, Violation::Kind(9));
        assert_eq!(control(&run, LIMITS, &frame(&[], b""), false).await, Violation::Kind(u8::MAX));
        let garbage = frame(&[kind::HERE, 0xfd, 1], b"");
        assert!(matches!(control(&run, LIMITS, &garbage, false).await, Violation::Header(_)));
        let trailing = frame(&[kind::HERE, 1, 1], b"");
        assert!(matches!(control(&run, LIMITS, &trailing, false).await, Violation::Header(_)));
    });
}

#[test]
fn a_control_stream_that_ends_is_no_farewell() {
    run(async {
        let run = Run::new();
        let whole = frame(&[kind::HERE, 1], b"payload");
        assert_eq!(control(&run, LIMITS, &whole, true).await, Violation::NoFarewell);
        let cut = &whole[..whole.len() - 1];
        assert!(matches!(control(&run, LIMITS, cut, true).await, Violation::Frame(_)));
        let (connection, mut send, _recv, _outbox, mut inbox) = raw(&run, LIMITS).await;
        send.write_all(cut).await.unwrap();
        send.reset(7u32.into()).unwrap();
        assert_eq!(verdict(&connection, &mut inbox).await, Violation::ControlCut);
        let (connection, _send, mut recv, outbox, mut inbox) = raw(&run, LIMITS).await;
        recv.stop(7u32.into()).unwrap();
        // Only who writes learns that nobody reads.
        while connection.close_reason().is_none() {
            let _ = outbox.send(&1u64, Bytes::new());
            tokio::task::yield_now().await;
        }
        assert_eq!(verdict(&connection, &mut inbox).await, Violation::ControlCut);
    });
}

#[test]
fn a_payload_is_as_long_as_was_announced_or_an_error() {
    run(async {
        let run = Run::new();
        let number = |n: u64, bytes: usize| [&n.to_le_bytes()[..], &vec![5; bytes]].concat();
        for bytes in [0, 99_999, 100_001] {
            let found = payload_stream(&run, LIMITS, &announce(0, 100_000), &number(0, bytes)).await;
            assert!(matches!(found, Violation::Length { number: 0, announced: 100_000, .. }), "{found}");
        }
        let found = payload_stream(&run, SHORT, &announce(0, SHORT.payload + 1), &number(0, 0)).await;
        assert!(matches!(found, Violation::PayloadTooLong { .. }), "{found}");
        let found = payload_stream(&run, LIMITS, &announce(0, u64::MAX), &number(0, 0)).await;
        assert!(matches!(found, Violation::PayloadTooLong { .. }), "{found}");
        let found = payload_stream(&run, LIMITS, &announce(1, 100_000), &number(1, 10)).await;
        assert_eq!(found, Violation::OutOfOrder { found: 1, expected: 0 });
        let found = payload_stream(&run, LIMITS, b"", &[1, 2, 3]).await;
        assert_eq!(found, Violation::Nameless);
    });
}

#[test]
fn a_payload_that_is_reset_is_never_short() {
    run(async {
        let run = Run::new();
        let (connection, mut send, _recv, _outbox, mut inbox) = raw(&run, LIMITS).await;
        send.write_all(&announce(0, 100_000)).await.unwrap();
        let mut uni = connection.open_uni().await.unwrap();
        uni.write_all(&0u64.to_le_bytes()).await.unwrap();
        uni.write_all(&[1; 50_000]).await.unwrap();
        let mut batch = Vec::<(u64, Payload)>::new();
        inbox.recv(&mut batch).await.unwrap();
        let Some((_, Payload::Apart(incoming))) = batch.pop() else { panic!("announced apart") };
        let (read, ()) = both(incoming.read(), async { uni.reset(3u32.into()).unwrap() }).await;
        assert!(matches!(read, Err(LinkError::Broken(Violation::Length { .. }))), "{read:?}");
        assert!(matches!(verdict(&connection, &mut inbox).await, Violation::Length { .. }));
    });
}

#[test]
fn what_was_announced_must_come_and_what_comes_must_be_announced() {
    run(async {
        let run = Run::new();
        let found = control(&run, SHORT, &announce(0, 100_000), false).await;
        assert!(matches!(found, Violation::Missing { number: 0, .. }), "{found}");
        let found = payload_stream(&run, SHORT, b"", &0u64.to_le_bytes()).await;
        assert_eq!(found, Violation::Unannounced(0));
        let found = payload_stream(&run, LIMITS, b"", &u64::MAX.to_le_bytes()).await;
        assert_eq!(found, Violation::Unannounced(u64::MAX));
        let (connection, mut send, _recv, _outbox, mut inbox) = raw(&run, SHORT).await;
        send.write_all(&announce(0, 100_000)).await.unwrap();
        let mut half = connection.open_uni().await.unwrap();
        half.write_all(&[0; 1_000]).await.unwrap();
        let found = verdict(&connection, &mut inbox).await;
        assert!(matches!(found, Violation::Stalled { .. }), "{found}");
    });
}

#[test]
fn a_second_stream_for_a_payload_is_refused() {
    run(async {
        let run = Run::new();
        let (connection, mut send, _recv, _outbox, mut inbox) = raw(&run, LIMITS).await;
        send.write_all(&announce(0, 3)).await.unwrap();
        for _ in 0..2 {
            let mut uni = connection.open_uni().await.unwrap();
            uni.write_all(&[0; 11]).await.unwrap();
            uni.finish().unwrap();
        }
        assert_eq!(verdict(&connection, &mut inbox).await, Violation::Repeated(0));
    });
}

#[test]
fn a_second_stream_in_both_directions_is_refused() {
    run(async {
        let run = Run::new();
        // Who accepted may open one as far as QUIC goes; the dialling side refuses it.
        let (dialled, accepted) = run.connect("one").await;
        let raw_accept = async {
            let (mut send, mut recv) = accepted.accept_bi().await.unwrap();
            recv.read_exact(&mut [0; 8]).await.unwrap();
            send.write_all(&link::GREETING).await.unwrap();
            let (mut second, _) = accepted.open_bi().await.unwrap();
            second.write_all(b"hello").await.unwrap();
            (send, recv)
        };
        let (_streams, opened) = both(raw_accept, link::open(dialled, LIMITS)).await;
        let (_outbox, mut inbox) = opened.unwrap();
        assert_eq!(verdict(&accepted, &mut inbox).await, Violation::SecondControl);
    });
}

#[test]
fn something_that_does_not_greet_is_refused() {
    run(async {
        let run = Run::new();
        for greeting in [&b"GET / HTTP/1.1"[..], b"aqueduc"] {
            let (connection, accepted) = run.connect("one").await;
            let (mut send, _recv) = connection.open_bi().await.unwrap();
            send.write_all(greeting).await.unwrap();
            let error = link::accept(accepted, SHORT).await.unwrap_err();
            assert!(matches!(error, LinkError::Broken(Violation::Greeting)), "{error}");
        }
    });
}

#[test]
fn random_bytes_close_one_link_and_no_other() {
    run(async {
        let run = Run::new();
        let [(outbox, _keep), (_other, mut good)] = run.link("good", LIMITS).await;
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..60u64 {
            let (connection, mut send, _recv, _outbox, mut inbox) = raw(&run, LIMITS).await;
            let mut bytes = vec![0; random.usize(1..2_000)];
            random.fill(&mut bytes);
            // Now and then a believable length, so that what follows it is reached.
            if random.bool() {
                bytes.splice(0..0, [3, 0, 0, 0, 0, 0, 0, 0, random.u8(0..4)]);
            }
            let _ = send.write_all(&bytes).await;
            if let Ok(mut uni) = connection.open_uni().await {
                let _ = uni.write_all(&bytes).await;
                let _ = uni.finish();
            }
            let _ = send.finish();
            let mut batch = Vec::<(u64, Payload)>::new();
            let error = loop {
                batch.clear();
                if let Err(error) = inbox.recv(&mut batch).await {
                    break error;
                }
            };
            assert!(matches!(error, LinkError::Broken(_) | LinkError::Closed { .. }), "round {round}: {error:?}");
            outbox.send(&round, Bytes::from_static(b"still here")).unwrap();
            let mut batch = Vec::<(u64, Payload)>::new();
            good.recv(&mut batch).await.unwrap();
            assert_eq!(batch[0].0, round);
        }
    });
}
