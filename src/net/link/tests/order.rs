//! Messages arrive whole, in order, and to the last one.

use crate::net::link::{APART, Inbox, LinkError, Outbox, Payload, Side};
use crate::net::testing::{LIMITS, Run, both, run};
use bytes::Bytes;
use std::collections::VecDeque;

/// The next message, its payload read.
async fn next(inbox: &mut Inbox, held: &mut VecDeque<(u64, Payload)>) -> Result<(u64, Bytes), LinkError> {
    if held.is_empty() {
        let mut batch = Vec::new();
        inbox.recv(&mut batch).await?;
        held.extend(batch);
    }
    let (header, payload) = held.pop_front().unwrap();
    Ok((
        header,
        match payload {
            Payload::Here(bytes) => bytes,
            Payload::Apart(incoming) => incoming.await?,
        },
    ))
}

fn sample(number: u64, length: usize) -> Bytes {
    (0..length).map(|place| (place as u64 * 31 + number * 7) as u8).collect()
}

/// Lengths on both sides of every threshold.
fn length(number: u64) -> usize {
    const LENGTHS: [usize; 11] = [0, 1, 64, 4_095, 4_096, 4_097, APART - 1, APART, APART + 1, 300_000, 2_000_000];
    LENGTHS[number as usize % LENGTHS.len()]
}

async fn send_all(outbox: Outbox, count: u64) {
    for number in 0..count {
        outbox.send(&number, sample(number, length(number))).unwrap();
        if number % 5 == 0 {
            tokio::task::yield_now().await;
        }
    }
    outbox.close("all is said");
}

async fn expect_all(mut inbox: Inbox, count: u64) {
    let mut held = VecDeque::new();
    for number in 0..count {
        let (header, payload) = next(&mut inbox, &mut held).await.unwrap();
        assert_eq!(header, number);
        assert!(payload == sample(number, length(number)), "payload {number} is not what was sent");
    }
    match next(&mut inbox, &mut held).await {
        Err(LinkError::Closed { by: Side::There, reason }) => assert_eq!(&*reason, "all is said"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_of_all_lengths_arrive_in_order_before_the_farewell() {
    run(async {
        let run = Run::new();
        for down in [false, true] {
            let [worker, driver] = run.link("one", LIMITS).await;
            let ((outbox, _keep), (_outbox, inbox)) = if down { (driver, worker) } else { (worker, driver) };
            both(send_all(outbox, 55), expect_all(inbox, 55)).await;
        }
    });
}

#[test]
fn both_directions_at_once() {
    run(async {
        let run = Run::new();
        let [(up, down_in), (down, up_in)] = run.link("one", LIMITS).await;
        // Neither side closes while the other still sends.
        let send = |outbox: Outbox| async move {
            for number in 0..30 {
                outbox.send(&number, sample(number, length(number))).unwrap();
                tokio::task::yield_now().await;
            }
        };
        let receive = |mut inbox: Inbox| async move {
            let mut held = VecDeque::new();
            for number in 0..30 {
                let (header, payload) = next(&mut inbox, &mut held).await.unwrap();
                assert_eq!((header, payload == sample(number, length(number))), (number, true));
            }
            inbox
        };
        let (_, _inboxes) = both(both(send(up), send(down)), both(receive(down_in), receive(up_in))).await;
    });
}

#[test]
fn whoever_closed_is_named_on_both_sides() {
    run(async {
        let run = Run::new();
        let [(worker, mut worker_in), (driver, mut driver_in)] = run.link("one", LIMITS).await;
        worker.close("work is done");
        let mut batch = Vec::<(u64, Payload)>::new();
        let (here, there) =
            both(worker_in.recv(&mut batch), async { driver_in.recv(&mut Vec::<(u64, Payload)>::new()).await }).await;
        let closed_by = |error: LinkError| match error {
            LinkError::Closed { by, reason } => (by, reason.to_string()),
            other => panic!("{other:?}"),
        };
        assert_eq!(closed_by(here.unwrap_err()), (Side::Here, "work is done".to_owned()));
        assert_eq!(closed_by(there.unwrap_err()), (Side::There, "work is done".to_owned()));
        assert!(worker.send(&1u64, Bytes::new()).is_err());
        assert!(driver.send(&1u64, Bytes::new()).is_err());
    });
}

#[test]
fn a_message_that_cannot_be_sent_leaves_the_link_as_it_was() {
    run(async {
        let run = Run::new();
        let [(outbox, _keep), (_other, mut inbox)] = run.link("one", LIMITS).await;
        let long = vec![0u8; 2 << 20];
        assert!(matches!(outbox.send(&long, Bytes::new()), Err(LinkError::TooLong(_))));
        assert!(matches!(outbox.send(&1u64, vec![0; 9 << 20].into()), Err(LinkError::TooLong(_))));
        assert!(matches!(outbox.send(&vec![(); 2 << 20], Bytes::new()), Err(LinkError::Header(_))));
        assert_eq!(outbox.queued(), 0);
        outbox.send(&7u64, Bytes::new()).unwrap();
        assert_eq!(next(&mut inbox, &mut VecDeque::new()).await.unwrap(), (7, Bytes::new()));
    });
}

#[test]
fn payloads_that_nobody_wants_do_not_hold_back_the_others() {
    run(async {
        let run = Run::new();
        let [(outbox, _keep), (_other, mut inbox)] = run.link("one", LIMITS).await;
        let count = 200;
        for number in 0..count {
            outbox.send(&number, sample(number, APART + 1)).unwrap();
        }
        let mut held = VecDeque::new();
        let mut seen = 0;
        while seen < count {
            let mut batch = Vec::<(u64, Payload)>::new();
            inbox.recv(&mut batch).await.unwrap();
            held.extend(batch);
            while let Some((number, payload)) = held.pop_front() {
                assert_eq!(number, seen);
                seen += 1;
                let Payload::Apart(incoming) = payload else { panic!("{number} is large") };
                if number % 10 == 9 {
                    assert!(incoming.await.unwrap() == sample(number, APART + 1));
                }
            }
        }
    });
}

#[test]
fn small_messages_overtake_large_payloads_and_keep_their_order() {
    run(async {
        let run = Run::new();
        let [(outbox, _keep), (_other, mut inbox)] = run.link("one", LIMITS).await;
        for number in 0..100u64 {
            let length = if number % 10 == 0 { 1 << 20 } else { 10 };
            outbox.send(&number, sample(number, length)).unwrap();
        }
        let mut headers = Vec::new();
        let mut large = Vec::new();
        while headers.len() < 100 {
            let mut batch = Vec::<(u64, Payload)>::new();
            inbox.recv(&mut batch).await.unwrap();
            for (number, payload) in batch {
                headers.push(number);
                if let Payload::Apart(incoming) = payload {
                    large.push((number, incoming));
                }
            }
        }
        // No payload has been read, and every header is here.
        assert!(headers.into_iter().eq(0..100));
        for (number, incoming) in large {
            assert!(incoming.await.unwrap() == sample(number, 1 << 20));
        }
    });
}

#[test]
fn dropping_the_inbox_closes_the_link_after_what_was_sent() {
    run(async {
        let run = Run::new();
        let [(outbox, inbox), (other, mut other_in)] = run.link("one", LIMITS).await;
        outbox.send(&1u64, sample(1, 200_000)).unwrap();
        other.send(&2u64, sample(2, 200_000)).unwrap();
        drop(inbox);
        let mut held = VecDeque::new();
        let (number, payload) = next(&mut other_in, &mut held).await.unwrap();
        assert_eq!((number, payload == sample(1, 200_000)), (1, true));
        assert!(matches!(next(&mut other_in, &mut held).await, Err(LinkError::Closed { by: Side::There, .. })));
    });
}

#[test]
fn sends_from_many_threads_arrive_each_in_its_own_order() {
    run(async {
        let run = Run::new();
        let [(outbox, _keep), (_other, mut inbox)] = run.link("one", LIMITS).await;
        let threads: Vec<_> = (0..4u64)
            .map(|thread| {
                let outbox = outbox.clone();
                std::thread::spawn(move || {
                    for number in 0..2_000u64 {
                        outbox.send(&(thread, number), Bytes::from_static(b"payload")).unwrap();
                    }
                })
            })
            .collect();
        let mut due = [0; 4];
        while due != [2_000; 4] {
            let mut batch = Vec::<((u64, u64), Payload)>::new();
            inbox.recv(&mut batch).await.unwrap();
            for ((thread, number), _) in batch {
                assert_eq!(due[thread as usize], number);
                due[thread as usize] += 1;
            }
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(outbox.queued(), 0);
    });
}

/// Both sides must say that they take large packets; if one does not, nothing fails, and everything is slower.
#[test]
fn large_packets_are_found_on_loopback() {
    run(async {
        let run = Run::new();
        let (dialled, accepted) = run.connect("one").await;
        let sizes = || [&dialled, &accepted].map(|side| side.stats().path.current_mtu);
        let (worker, driver) =
            both(crate::net::link::open(dialled.clone(), LIMITS), crate::net::link::accept(accepted.clone(), LIMITS))
                .await;
        let ((worker, mut worker_in), (driver, mut driver_in)) = (worker.unwrap(), driver.unwrap());
        // Probes go out while something is sent.
        while sizes().into_iter().any(|size| size < 6_000) {
            worker.send(&0u64, Bytes::from_static(&[0; 2_000])).unwrap();
            driver.send(&0u64, Bytes::from_static(&[0; 2_000])).unwrap();
            let (up, down) = (&mut Vec::<(u64, Payload)>::new(), &mut Vec::<(u64, Payload)>::new());
            let (up, down) = both(driver_in.recv(up), worker_in.recv(down)).await;
            assert!(up.is_ok() && down.is_ok());
        }
    });
}
