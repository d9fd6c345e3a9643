//! What is dropped half-way is neither lost nor doubled.

use super::*;

/// What is dropped half-way is neither lost nor doubled.
fn cancelled_receives(capacity: usize) {
    let (tx, rx) = Channel::buffered(capacity).open();
    let sender = thread::spawn(move || {
        for n in 0..4 {
            tx.send_blocking(n).unwrap();
        }
    });
    let fickle = {
        let rx = rx.clone();
        thread::spawn(move || {
            let mut got = Vec::new();
            for _ in 0..4 {
                let mut recv = pin!(rx.recv());
                if let Poll::Ready(Ok(n)) = poll_once(recv.as_mut()) {
                    got.push(n);
                    continue;
                }
                // Time for a sender to commit, before the future is dropped.
                thread::yield_now();
            }
            got
        })
    };
    let steady = thread::spawn(move || {
        let mut got = Vec::new();
        while let Some(n) = rx.next_blocking().unwrap() {
            got.push(n);
        }
        (got, rx)
    });
    sender.join().unwrap();
    let mut all: Vec<u32> = fickle.join().unwrap();
    let (got, rx) = steady.join().unwrap();
    all.extend(got);
    // A value that came back after the steady one had seen the end is still there.
    while let Ok(n) = rx.try_recv() {
        all.push(n);
    }
    assert_eq!(sorted(all), [0, 1, 2, 3]);
    assert_eq!(rx.undelivered(), 0);
}

#[test]
fn dropped_receives_lose_nothing() {
    explore(12000, || cancelled_receives(0));
}

#[test]
fn dropped_receives_lose_nothing_of_a_buffer() {
    explore(6000, || cancelled_receives(1));
}

/// The sender stays, so that nothing but the value that came back can wake the one who waits.
#[test]
fn a_value_that_comes_back_reaches_who_waits() {
    explore(18000, || {
        let (tx, rx) = aqueduct::channel();
        let fickle_rx = rx.clone();
        let steady = thread::spawn(move || rx.recv_blocking().unwrap());
        let fickle = thread::spawn(move || {
            let mut recv = pin!(fickle_rx.recv());
            if poll_once(recv.as_mut()).is_ready() {
                return true;
            }
            thread::yield_now();
            false
        });
        let sender = thread::spawn(move || {
            tx.send_blocking(7).unwrap();
            tx
        });
        let tx = sender.join().unwrap();
        if fickle.join().unwrap() {
            tx.send_blocking(7).unwrap();
        }
        assert_eq!(steady.join().unwrap(), 7);
    });
}

#[test]
fn dropped_sends_are_delivered_or_have_their_value_again() {
    explore(12000, || {
        let (tx, rx) = aqueduct::channel();
        let receiver = thread::spawn(move || rx.into_iter().collect::<Result<Vec<u32>, _>>().unwrap());
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let tx = tx.clone();
                thread::spawn(move || {
                    let mut kept = Vec::new();
                    for n in 0..2 {
                        let mut slot = Some(10 * sender + n);
                        {
                            let mut send = pin!(tx.send_from(&mut slot));
                            let _ = poll_once(send.as_mut());
                            thread::yield_now();
                        }
                        kept.extend(slot);
                    }
                    kept
                })
            })
            .collect();
        drop(tx);
        let mut all = join(senders).concat();
        all.extend(receiver.join().unwrap());
        assert_eq!(sorted(all), [0, 1, 10, 11]);
    });
}

#[test]
fn dropped_choices_lose_nothing() {
    explore(9000, || {
        let (a_tx, a) = aqueduct::channel();
        let (b_tx, b) = aqueduct::channel();
        let (c_tx, c) = aqueduct::channel();
        let senders = [(a_tx, 0), (b_tx, 10)].map(|(tx, first)| {
            thread::spawn(move || {
                for n in 0..2 {
                    tx.send_blocking(first + n).unwrap();
                }
            })
        });
        let taker = thread::spawn(move || c.into_iter().collect::<Result<Vec<u32>, _>>().unwrap());
        let (fickle_a, fickle_b) = (a.clone(), b.clone());
        let fickle = thread::spawn(move || {
            let (mut got, mut unsent) = (Vec::new(), Vec::new());
            for n in 20..23 {
                let mut slot = Some(n);
                {
                    let mut choice = Alt::fair();
                    let mut one = pin!(async {
                        alt! { choice;
                            r = fickle_a.recv() => r.ok(),
                            r = fickle_b.recv() => r.ok(),
                            _ = c_tx.send_from(&mut slot) => None,
                        }
                    });
                    match poll_once(one.as_mut()) {
                        Poll::Ready(value) => got.extend(value),
                        Poll::Pending => thread::yield_now(),
                    }
                }
                unsent.extend(slot);
            }
            (got, unsent)
        });
        let steady = thread::spawn(move || {
            let mut got = Vec::new();
            let mut choice = Alt::fair();
            loop {
                alt_blocking! { choice;
                    Ok(n) = a.recv() => got.push(n),
                    Ok(n) = b.recv() => got.push(n),
                    complete => return (got, a, b),
                }
            }
        });
        join(senders);
        let (mut all, unsent) = fickle.join().unwrap();
        let (got, a, b) = steady.join().unwrap();
        all.extend(got);
        all.extend(a.try_iter().chain(b.try_iter()));
        all.extend(unsent);
        all.extend(taker.join().unwrap());
        assert_eq!(sorted(all), [0, 1, 10, 11, 20, 21, 22]);
    });
}
