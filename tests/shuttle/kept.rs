//! Choices that keep their places, and senders that are held.

use super::*;

/// Three senders, and two sets that share their channels: every value once, in the order of sending.
fn sets(capacity: usize, order: fn() -> Alt) {
    const EACH: u32 = 2;
    let mut senders = Vec::new();
    let mut inlets = Vec::new();
    for sender in 0..3 {
        let (tx, rx) = Channel::buffered(capacity).open();
        inlets.push(rx);
        senders.push(thread::spawn(move || (0..EACH).for_each(|n| tx.send_blocking(10 * sender + n).unwrap())));
    }
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let inlets = inlets.clone();
            thread::spawn(move || {
                let mut set = AltSet::new(order());
                for inlet in inlets {
                    set.recv_ok(inlet, |n: u32| n);
                }
                let mut got = Vec::new();
                while let Ok(n) = set.select_blocking().unwrap() {
                    got.push(n);
                }
                got
            })
        })
        .collect();
    drop(inlets);
    join(senders);
    let mut all = Vec::new();
    for got in join(receivers) {
        for sender in 0..3 {
            let of_one: Vec<_> = got.iter().filter(|&&n| n / 10 == sender).collect();
            assert!(of_one.is_sorted(), "in the order of sending: {got:?}");
        }
        all.extend(got);
    }
    assert_eq!(sorted(all), [0, 1, 10, 11, 20, 21]);
}

#[test]
fn two_sets_share_three_channels_fairly() {
    explore(6000, || sets(0, Alt::fair));
}

#[test]
fn two_sets_share_three_channels_in_textual_order() {
    explore(6000, || sets(0, Alt::pri));
}

#[test]
fn two_sets_share_three_buffers() {
    explore(3000, || sets(1, Alt::pri));
}

#[test]
fn opposing_sets_exchange_their_values() {
    explore(6000, || {
        const EACH: usize = 2;
        let (a_tx, a_rx) = aqueduct::channel::<usize>();
        let (b_tx, b_rx) = aqueduct::channel::<usize>();
        let party = |tx: Sender<usize>, rx: Receiver<usize>| {
            thread::spawn(move || {
                let mut set = AltSet::fair();
                let send = set.send(tx, |sent| sent.is_ok().then_some(None));
                set.recv(rx, |value| value.ok().map(Some));
                let (mut sent, mut got) = (0, Vec::new());
                set.offer(send, 0).unwrap();
                while sent < EACH || got.len() < EACH {
                    match set.select_blocking().unwrap().unwrap() {
                        Some(Some(value)) => got.push(value),
                        Some(None) => {
                            sent += 1;
                            if sent < EACH {
                                set.offer(send, sent).unwrap();
                            }
                        }
                        None => panic!("the other leaves last"),
                    }
                }
                got
            })
        };
        assert_eq!(join([party(a_tx, b_rx), party(b_tx, a_rx)]), [[0, 1], [0, 1]]);
    });
}

#[test]
fn senders_that_choose_are_held_until_each_is_let_go() {
    explore(6000, || {
        let (tx, rx) = aqueduct::channel();
        let (quit_tx, quit) = aqueduct::channel::<()>();
        let done: Arc<[std::sync::atomic::AtomicBool; 2]> = Arc::default();
        let senders: Vec<_> = (0..2_usize)
            .map(|number| {
                let (tx, quit, done) = (tx.clone(), quit.clone(), Arc::clone(&done));
                thread::spawn(move || {
                    let mut choice = Alt::pri();
                    alt_blocking! { choice;
                        sent = tx.send(number) => sent.unwrap(),
                        _ = quit.recv() => unreachable!("nobody quits"),
                    }
                    assert!(done[number].load(std::sync::atomic::Ordering::SeqCst), "let go before its time");
                })
            })
            .collect();
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let (rx, done) = (rx.clone(), Arc::clone(&done));
                thread::spawn(move || {
                    let held = rx.recv_held_blocking().unwrap();
                    thread::yield_now();
                    done[*held].store(true, std::sync::atomic::Ordering::SeqCst);
                })
            })
            .collect();
        join(senders);
        join(receivers);
        drop(quit_tx);
    });
}
